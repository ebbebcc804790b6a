//! The private room of seller and winner: proof of membership, disclosure, and what the other
//! side showed (SPEC 8).
//!
//! - `absence` what the broker says of who disclosed
//! - `talk` what the user says to the other side, with the keys for that; `read` what the other side says; `befriend` how
//!   the two become contacts
//! - `disclose` the user's own disclosure, `prove` with a citizen card; `open` the other side's, and `judge` their card

pub(in crate::desk) mod absence;
mod befriend;
mod disclose;
mod judge;
mod open;
pub(in crate::desk) mod prove;
mod read;
mod talk;

use std::time::Duration;

use pregao_protocol::audit::evidence::Statement;
use pregao_protocol::log::RoomName;
use pregao_protocol::log::merkle::Tree;
use pregao_protocol::room::auction::{Auction, Outcome, Phase};
use pregao_protocol::room::body::{Body, Side};
use pregao_protocol::room::{RevealRoom, Stamped};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use self::open::role;
use self::read::SealedSaying;
use super::View;
use super::auction::{named_at, winner_of};
use crate::command::Command;
use crate::desk::Desk;
use crate::desk::confirm::{Consent, Ground};
use crate::desk::connection::SessionLost;
use crate::desk::evidence::Exhibit;
use crate::desk::outbox::Drafted;
use crate::desk::replica::Replica;
use crate::event::Event;
use crate::vault::{ActionRecord, RevealRecord};

/// A reveal room as the user meets it.
#[derive(Debug)]
pub(in crate::desk) struct RevealView;

/// What is remembered of a reveal room besides its log.
#[derive(Debug, Default)]
pub(in crate::desk) struct RevealNotes {
    /// Positions, stamp times and ciphertexts of the disclosures.
    sealed: Vec<(u64, Time, Vec<u8>)>,
    /// The counterparty's disclosure was opened, or found to be worthless.
    revealed: bool,
    /// The user was told of this room.
    announced: bool,
    /// What was said, in the order of the log.
    said: Vec<SealedSaying>,
    /// How much of that the user was shown.
    shown: usize,
}

impl View for RevealView {
    type Fold = RevealRoom;
    type Notes = RevealNotes;

    fn belongs_to(reveal: &RevealRoom) -> Option<RoomName> {
        Some(reveal.opening().auction)
    }

    fn note(notes: &mut RevealNotes, seq: u64, stamped: &Stamped) -> bool {
        if let Body::Disclose(disclosure) = stamped.action().body() {
            let sealed = disclosure.sealed.as_bytes().to_vec();
            notes.sealed.push((seq, stamped.time(), sealed));
        }
        notes.said.extend(SealedSaying::of(seq, stamped));
        false
    }

    async fn logged(desk: &mut Desk, name: RoomName, stamped: &Stamped, text: &str) {
        desk.check_absence(name, stamped, text).await;
        if let Body::Reveal(reveal) = stamped.action().body() {
            let named = Statement::Reveal(stamped.action().compact().to_owned());
            desk.take_statement(reveal.auction, named).await;
        }
    }

    async fn caught_up(desk: &mut Desk, name: RoomName) {
        desk.inspect_reveal(name).await;
        desk.pursue_talk(name).await;
        if let Some(auction) = desk.rooms.auction_of(name) {
            desk.check_outcome(auction).await;
        }
    }

    fn draft(desk: &Desk, command: &Command) -> Option<Result<Drafted, Report>> {
        match command {
            Command::Reveal { room, name, contact } => {
                Some(desk.draft_disclosure(room, name.clone(), contact.clone()))
            }
            _ => None,
        }
    }

    /// A disclosure is handed in when its room is, whatever waits in auctions.
    fn overtakes(command: &Command) -> bool {
        matches!(command, Command::Reveal { .. })
    }

    async fn takes_up(desk: &mut Desk, command: &Command) -> bool {
        let Command::Reveal { room, .. } = command else { return false };
        match desk.reveal_room(room).map(|(name, _)| name) {
            Ok(name) => desk.takes_up(name).await,
            Err(_) => false,
        }
    }

    fn grounds(
        _desk: &Desk,
        room: Option<RoomName>,
        body: &Body,
        _consent: &Consent,
    ) -> Vec<Ground> {
        match body {
            Body::Disclose(_) => room.map(Ground::Discloses).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn wrong_kind() -> (&'static str, &'static str) {
        (
            "this is the private room of seller and winner",
            "use /reveal there, and /say to write to the other side",
        )
    }
}

impl Desk {
    /// Follows up on invitations as far as what is known allows.
    pub(in crate::desk) async fn pursue_invitations(&mut self) -> Result<(), SessionLost> {
        for (auction, room) in self.rooms.invitations().collect::<Vec<_>>() {
            if self.role_in(auction).is_some() {
                self.join_private(room).await?;
            }
        }
        Ok(())
    }

    /// The user's side in a settled auction, and the own action that made it.
    pub(in crate::desk) fn role_in(&self, auction: RoomName) -> Option<(Side, &ActionRecord)> {
        let replica = self.rooms.get(&auction).filter(|replica| replica.is_verified())?;
        let state = replica.room().and_then(Auction::of)?;
        let winner = winner_of(state)?;
        let (side, seq) = if replica.is_own(0) {
            (Side::Seller, 0)
        } else if replica.is_own(winner) {
            (Side::Winner, winner)
        } else {
            return None;
        };
        Some((side, self.kept_at(replica, seq)?))
    }

    pub(in crate::desk) fn kept_at(&self, replica: &Replica, seq: u64) -> Option<&ActionRecord> {
        let (id, _) = replica.action(seq)?;
        let id = id.to_string();
        self.vault.contents().actions.iter().find(|kept| kept.id == id)
    }

    /// Whether a reveal of this auction still needs its secrets.
    pub(in crate::desk) fn awaits_reveal(&self, auction: RoomName) -> bool {
        let state = self.rooms.get(&auction).and_then(Replica::room).and_then(Auction::of);
        let sold =
            state.is_some_and(|state| matches!(state.phase(), Phase::Ended(Outcome::Sold { .. })));
        let opened =
            |room: RoomName| self.rooms.get(&room).is_some_and(|room| room.notes.reveal.revealed);
        sold && self.role_in(auction).is_some() && !self.rooms.private_rooms_of(auction).all(opened)
    }

    /// After new entries of a reveal room: announces it, or opens what the other side disclosed.
    pub(in crate::desk) async fn inspect_reveal(&mut self, name: RoomName) {
        let Some(replica) = self.rooms.get(&name).filter(|room| room.is_verified()) else {
            return;
        };
        let Some(room) = replica.room().and_then(RevealRoom::of) else { return };
        let (announced, revealed) = (replica.notes.reveal.announced, replica.notes.reveal.revealed);
        let room = room.clone();
        let auction = room.opening().auction;
        if self.is_superseded(&room) || self.is_ahead(&room) {
            return;
        }
        if !self.fits_auction(&room) {
            let texts = self.rooms.get(&name).map(Replica::lines).unwrap_or_default();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            // A room that is not believed takes no disclosure: its keys may be anybody's.
            let message = "this private room does not follow from its auction";
            self.stop_believing(name, message, Exhibit::Notes("reveal", &texts)).await;
            return;
        }
        if !announced {
            self.announce(name, &room).await;
        }
        if room.complete() && !revealed {
            self.open_disclosure(name, &room, auction).await;
        }
    }

    /// Whether another winner was named after the one this room is for: it is history.
    fn is_superseded(&self, room: &RevealRoom) -> bool {
        let auction = self.rooms.get(&room.opening().auction);
        let newest = auction.and_then(|auction| auction.notes.auction.settled);
        newest.is_some_and(|(seq, _)| room.opening().settled < seq)
    }

    /// Whether the auction's log is not held yet up to the entry that this room follows from. The
    /// room is looked at again once it is.
    fn is_ahead(&self, room: &RevealRoom) -> bool {
        let auction = self.rooms.get(&room.opening().auction);
        auction.is_none_or(|auction| {
            !auction.is_broken()
                && (auction.size() <= room.opening().settled || !auction.is_verified())
        })
    }

    /// The opening must state what the auction's log gives: entry, root, both keys, and the terms.
    fn fits_auction(&self, room: &RevealRoom) -> bool {
        let opening = room.opening();
        let Some(replica) = self.rooms.get(&opening.auction) else { return false };
        let Some(auction) = replica.room().and_then(Auction::of) else { return false };
        // The winner named there, and not the one named now: another may have forfeited since.
        let winner = named_at(replica, opening.settled).and_then(|seq| auction.bid(seq));
        let covered = opening.settled.saturating_add(1);
        let root = replica.leaves(covered).map(|leaves| Tree::new(leaves.to_vec()).root());
        root == Some(opening.root)
            && opening.seller == *auction.seller()
            && opening.seller_seal == auction.listing().seal
            && opening.broker == auction.listing().broker
            && opening.stamps == auction.listing().stamps
            && opening.freshness == auction.listing().freshness
            && opening.withdrawal == auction.withdrawal()
            && replica.notes.auction.settled.is_some_and(|(seq, time)| {
                let within = Duration::from_secs(auction.listing().disclose_within.into());
                opening.settled == seq && opening.deadline >= time.plus(within)
            })
            && winner.is_some_and(|winner| {
                winner.key == opening.winner && winner.seal == opening.winner_seal
            })
    }

    async fn announce(&mut self, name: RoomName, room: &RevealRoom) {
        let opening = room.opening();
        let Some((side, _)) = self.role_in(opening.auction) else { return };
        let replica = self.rooms.get(&opening.auction).and_then(Replica::room);
        let Some(auction) = replica.and_then(Auction::of) else { return };
        let Some(winner) = winner_of(auction).and_then(|seq| auction.bid(seq)) else { return };
        let invited = Event::Invited {
            room: name.to_string(),
            short: self.names.short(name),
            auction: opening.auction.to_string(),
            title: auction.listing().title.as_str().to_owned(),
            role: role(side),
            price: winner.amount.minor(),
            currency: auction.listing().currency.to_string(),
            deadline: opening.deadline,
        };
        let kept = RevealRecord {
            auction: opening.auction.to_string(),
            room: name.to_string(),
            disclosed: false,
            counterparty: None,
            held: None,
            wronged: false,
            talk: None,
        };
        if let Some(replica) = self.rooms.get_mut(&name) {
            replica.notes.reveal.announced = true;
        }
        let known = self.vault.contents().reveals.iter().find(|known| known.room == kept.room);
        let disclosed = known.is_some_and(|known| known.disclosed);
        if known.is_none() {
            // Kept, because the broker forgets invitations once the auction has ended.
            let saved = self.vault.update(|contents| contents.reveals.push(kept));
            if let Err(error) = saved {
                self.vault_trouble(&error).await;
            }
        }
        if !disclosed && !room.complete() && room.end().is_none() {
            self.emit(invited).await;
        }
        self.tell_modes(None).await;
    }

    /// Whether a disclosure signed before still is to be handed in: the command waits for that one.
    pub(in crate::desk) async fn takes_up(&mut self, room: RoomName) -> bool {
        self.reply_to.room = Some(room);
        if !self.outbox.take_up(room, &self.reply_to, self.options.host.clock.uptime()) {
            return false;
        }
        let text = "what you signed before is handed in again, and not what was given now";
        self.note(text.to_owned()).await;
        true
    }
}

#[cfg(test)]
mod tests;
