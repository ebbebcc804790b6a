//! What the broker says of who disclosed: that it holds a disclosure, it says under its signature,
//! and that somebody stayed away must not contradict that (SPEC 7.5, 8).

use pregao_protocol::audit::evidence::{Evidence, FalseAbsence};
use pregao_protocol::log::stamp::BatchHeader;
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, Verb};
use pregao_protocol::room::{Auction, RevealRoom, Stamped};
use pregao_protocol::wire::refusal::Held;

use crate::desk::Desk;
use crate::desk::evidence::Exhibit;
use crate::desk::replica::Replica;
use crate::vault::RevealRecord;

impl Desk {
    /// The broker holds a disclosure until the other side's is there.
    pub(in crate::desk) async fn handle_held(&mut self, n: u64, compact: &str) {
        let (Some(act), Some(session)) = (self.outbox.action(n), self.connection.session()) else {
            return;
        };
        let (room, digest) = (act.action.room(), act.action.digest());
        let stamp = act.stamp().map(|stamp| BatchHeader::hash(&stamp.batch));
        // Nothing else than a disclosure is ever held.
        let discloses = matches!(act.action.body(), Body::Disclose(_));
        let of_this = |held: &Held| {
            discloses && held.digest == digest && held.room == room && Some(held.stamp) == stamp
        };
        let held = Held::open(compact, &session.certificate.keys.entry).ok().filter(of_this);
        if held.is_none() {
            let action = act.action.compact().to_owned();
            self.accuse(
                Some(room),
                "the broker says without a valid signature that it keeps your disclosure",
                "it can deny this later: look at the room before you do it again",
                Exhibit::Notes("held", &[compact, &action]),
            )
            .await;
            return self.finish(n, false).await;
        }
        self.reply_to = act.reply_to.clone();
        self.mark_disclosed(room, Some(compact)).await;
        let words = self.words(room);
        let text = format!(
            "your disclosure in {words} is kept, sealed, until the other side hands in theirs"
        );
        self.note(text).await;
        self.finish(n, true).await;
    }

    /// Notes that the broker has the user's disclosure: it holds it, in its signed words, or logged
    /// it.
    pub(in crate::desk) async fn mark_disclosed(&mut self, room: RoomName, held: Option<&str>) {
        let name = room.to_string();
        let news = |kept: &RevealRecord| {
            kept.room == name && (!kept.disclosed || (held.is_some() && kept.held.is_none()))
        };
        if !self.vault.contents().reveals.iter().any(news) {
            return;
        }
        let saved = self.vault.update(|contents| {
            for kept in contents.reveals.iter_mut().filter(|kept| kept.room == name) {
                kept.disclosed = true;
                kept.held = kept.held.take().or_else(|| held.map(str::to_owned));
            }
        });
        if let Err(error) = saved {
            self.vault_trouble(&error).await;
        }
    }

    /// Whether the broker recorded the user as absent from a reveal of this auction against its own
    /// word: what could still be of use is then kept.
    pub(in crate::desk) fn is_wronged(&self, auction: RoomName) -> bool {
        let name = auction.to_string();
        self.vault.contents().reveals.iter().any(|kept| kept.wronged && kept.auction == name)
    }

    /// An entry that says that somebody stayed away must not say it of the user while the broker
    /// holds their disclosure.
    pub(in crate::desk) async fn check_absence(
        &mut self,
        name: RoomName,
        stamped: &Stamped,
        text: &str,
    ) {
        let body = stamped.action().body();
        let private = match body {
            Body::Absent(_) => Some(name),
            Body::Forfeited(_) => self.newest_reveal(name),
            Body::Abandoned(_) => self.reveal_of_newest(name),
            _ => None,
        };
        let Some((private, kept)) = private.and_then(|room| Some((room, self.held_in(room)?)))
        else {
            return;
        };
        let Some(replica) = self.rooms.get(&name) else { return };
        let gone = match body {
            Body::Absent(absent) => match self.own_side(private) {
                Some(own) => (own.seller && absent.seller) || (own.winner && absent.winner),
                // Better said once too often than not at all.
                None => absent.seller || absent.winner,
            },
            Body::Forfeited(forfeited) => replica.is_own(forfeited.winner),
            _ => replica.is_own(0),
        };
        // Told once for each room: the auction's outcome only repeats the private room's.
        if !gone || (kept.wronged && private != name) {
            return;
        }
        let proof = self.false_absence(private, &kept, stamped);
        let saved = self.vault.update(|contents| {
            let room = private.to_string();
            for kept in contents.reveals.iter_mut().filter(|kept| kept.room == room) {
                kept.wronged = true;
            }
        });
        if let Err(error) = saved {
            self.vault_trouble(&error).await;
        }
        let held = kept.held.unwrap_or_default();
        let notes = [held.as_str(), text];
        let proof = proof.filter(|proof| proof.verify().is_ok());
        let shown = match &proof {
            Some(proof) => Exhibit::Proof(proof, Some(private)),
            None => Exhibit::Notes("absence", &notes),
        };
        let message = "THE BROKER RECORDS THAT YOU STAYED AWAY, though it signed that it keeps your \
                       disclosure";
        let advice = "you did disclose: show this to the other side; all your secrets are kept";
        self.accuse(Some(name), message, advice, shown).await;
    }

    /// The private room of an auction that the user was invited to last.
    fn newest_reveal(&self, auction: RoomName) -> Option<RoomName> {
        self.rooms.private_rooms_of(auction).next_back()
    }

    /// The private room that follows from the newest settlement, as far as the user was invited to it: a seller may have
    /// disclosed to a winner who stayed away, and then stay away from the next one.
    fn reveal_of_newest(&self, auction: RoomName) -> Option<RoomName> {
        let replica = self.rooms.get(&auction)?;
        let fold = Auction::of(replica.room()?)?;
        if !fold.bids().iter().any(|bid| bid.forfeited) {
            // It was settled once.
            return self.newest_reveal(auction);
        }
        let (settled, _) = replica.notes.auction.settled?;
        let follows = |private: &RoomName| {
            let room = self.rooms.get(private).and_then(Replica::room).and_then(RevealRoom::of);
            room.is_some_and(|room| room.opening().settled == settled)
        };
        self.rooms.private_rooms_of(auction).find(follows)
    }

    /// What is kept of a private room in which the broker holds the user's disclosure.
    fn held_in(&self, room: RoomName) -> Option<RevealRecord> {
        let name = room.to_string();
        let kept = self.vault.contents().reveals.iter().find(|kept| kept.room == name)?;
        kept.held.is_some().then(|| kept.clone())
    }

    /// Which sides of a private room the user's disclosures in it are by, whether there is a connection
    /// or not.
    fn own_side(&self, private: RoomName) -> Option<Sides> {
        let room = RevealRoom::of(self.rooms.get(&private)?.room()?)?;
        let (seller, winner) = (room.opening().seller, room.opening().winner);
        let name = private.to_string();
        let kept = self.vault.contents().actions.iter();
        let own = kept.filter(|kept| kept.room == name && kept.verb == Verb::Disclose);
        let keys = own.filter_map(|kept| Action::parse(&kept.action).ok()).map(|own| *own.key());
        let keys: Vec<_> = keys.collect();
        let own = Sides { seller: keys.contains(&seller), winner: keys.contains(&winner) };
        (own.seller || own.winner).then_some(own)
    }

    /// The own disclosure that the broker holds.
    fn disclosure(&self, private: RoomName) -> Option<String> {
        let name = private.to_string();
        let disclosures = self.vault.contents().actions.iter();
        let mut disclosures =
            disclosures.filter(|kept| kept.room == name && kept.verb == Verb::Disclose);
        let entry = self.connection.session()?.certificate.keys.entry;
        let held = Held::open(self.held_in(private)?.held.as_ref()?, &entry).ok()?;
        disclosures.find(|kept| kept.digest == held.digest).map(|kept| kept.action.clone())
    }

    fn false_absence(
        &self,
        private: RoomName,
        kept: &RevealRecord,
        recorded: &Stamped,
    ) -> Option<Evidence> {
        let opening = self.rooms.get(&private)?.opening().unwrap_or_default().to_owned();
        let auction = kept.auction.as_str();
        let bid = match recorded.action().body() {
            Body::Forfeited(forfeited) => {
                let replica: &Replica = self.rooms.get(&auction.parse().ok()?)?;
                let (id, _) = replica.action(forfeited.winner)?;
                let id = id.to_string();
                let own = self.vault.contents().actions.iter().find(|kept| kept.id == id)?;
                Some(Receipt::parse(&own.receipt.as_ref()?.to_string()).ok()?)
            }
            _ => None,
        };
        Some(Evidence::FalseAbsence(FalseAbsence {
            certificate: self.connection.certificate().to_owned(),
            opening,
            disclosure: self.disclosure(private)?,
            held: kept.held.clone()?,
            recorded: recorded.action().compact().to_owned(),
            bid,
        }))
    }
}

/// Sides of a private room.
struct Sides {
    seller: bool,
    winner: bool,
}
