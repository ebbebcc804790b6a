//! The private room of seller and winner: proof of membership, disclosure, and what the other
//! side showed (SPEC 8).
//!
//! - `absence` what the broker says of who disclosed
//! - `prove` disclosing with a citizen card; `judge` the other side's card

pub(in crate::desk) mod absence;
mod judge;
pub(in crate::desk) mod prove;

use std::time::Duration;

use pregao_protocol::clock::Time;
use pregao_protocol::codec::to_base64url;
use pregao_protocol::evidence::Statement;
use pregao_protocol::label::{DISCLOSURE_SIZE, MAX_OPENED, MAX_OPENED_WITH_CARD};
use pregao_protocol::log::RoomName;
use pregao_protocol::merkle::Tree;
use pregao_protocol::persona::{Blind, OneTimeKey};
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::{Auction, Outcome, Phase};
use pregao_protocol::room::body::{Body, Empty, Reveal, SealedBody, Side, Text};
use pregao_protocol::room::disclosure::{
    Attribute, Claims, Disclosed, Disclosure, OwnAction, Place, Stated,
};
use pregao_protocol::room::{RevealRoom, Stamped};
use pregao_protocol::seal::{SealKey, open_padded, seal_padded};

use self::judge::{judged, judged_again};
use self::prove::Job;
use super::View;
use super::auction::{named_at, winner_of};
use crate::command::Command;
use crate::desk::acts::{Cannot, Drafted, Unsigned};
use crate::desk::confirm::{Consent, Ground};
use crate::desk::evidence::Exhibit;
use crate::desk::follow::Followed;
use crate::desk::under_way::Act;
use crate::desk::{Desk, Lost};
use crate::event::{CardView, Event, Personal, Role, StatedView};
use crate::plain::with_causes;
use crate::vault::{Counterparty, Kept, KeptCard, KeptReveal};
use crate::visible::shows_something;

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
    }

    fn draft(desk: &Desk, command: &Command) -> Option<Result<Drafted, Cannot>> {
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
            "use /reveal there; talk over the contact you get",
        )
    }
}

impl Desk {
    /// Follows up on invitations as far as what is known allows.
    pub(in crate::desk) async fn pursue_invitations(&mut self) -> Result<(), Lost> {
        for (auction, room) in self.invitations.clone() {
            if self.role_in(auction).is_some() {
                self.join_private(room).await?;
            }
        }
        Ok(())
    }

    /// On which side the user stands in a settled auction, and by which own action.
    pub(in crate::desk) fn role_in(&self, auction: RoomName) -> Option<(Side, &Kept)> {
        let followed = self.rooms.get(&auction).filter(|followed| followed.is_verified())?;
        let state = followed.room().and_then(Auction::of)?;
        let winner = winner_of(state)?;
        let (side, seq) = if followed.own.contains(&0) {
            (Side::Seller, 0)
        } else if followed.own.contains(&winner) {
            (Side::Winner, winner)
        } else {
            return None;
        };
        Some((side, self.kept_at(followed, seq)?))
    }

    pub(in crate::desk) fn kept_at(&self, followed: &Followed, seq: u64) -> Option<&Kept> {
        let (id, _) = followed.actions.get(usize::try_from(seq).ok()?)?;
        let id = id.to_string();
        self.vault.contents().actions.iter().find(|kept| kept.id == id)
    }

    /// Whether a reveal of this auction still needs its secrets.
    pub(in crate::desk) fn awaits_reveal(&self, auction: RoomName) -> bool {
        let state = self.rooms.get(&auction).and_then(Followed::room).and_then(Auction::of);
        let sold =
            state.is_some_and(|state| matches!(state.phase(), Phase::Ended(Outcome::Sold { .. })));
        let opened =
            |room: &RoomName| self.rooms.get(room).is_some_and(|room| room.notes.reveal.revealed);
        sold && self.role_in(auction).is_some()
            && self.invitations.iter().any(|(of, room)| *of == auction && !opened(room))
    }

    /// After new entries of a reveal room: announces it, or opens what the other side disclosed.
    pub(in crate::desk) async fn inspect_reveal(&mut self, name: RoomName) {
        let Some(followed) = self.rooms.get(&name).filter(|room| room.is_verified()) else {
            return;
        };
        let Some(room) = followed.room().and_then(RevealRoom::of) else { return };
        let (announced, revealed) =
            (followed.notes.reveal.announced, followed.notes.reveal.revealed);
        let room = room.clone();
        let auction = room.opening().auction;
        if self.is_superseded(&room) || self.is_ahead(&room) {
            return;
        }
        if !self.fits_auction(&room) {
            let texts = self.rooms.get(&name).map(Followed::lines).unwrap_or_default();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            // A room that is not believed takes no disclosure: its keys may be anybody's.
            let message = "this private room does not follow from its auction";
            self.distrust(name, message, Exhibit::Notes("reveal", &texts)).await;
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
            !auction.broken && (auction.size() <= room.opening().settled || !auction.is_verified())
        })
    }

    /// The opening must state what the auction's log gives: entry, root, both keys, and the terms.
    fn fits_auction(&self, room: &RevealRoom) -> bool {
        let opening = room.opening();
        let Some(followed) = self.rooms.get(&opening.auction) else { return false };
        let Some(auction) = followed.room().and_then(Auction::of) else { return false };
        // The winner named there, and not the one named now: another may have forfeited since.
        let winner = named_at(followed, opening.settled).and_then(|seq| auction.bid(seq));
        let covered = usize::try_from(opening.settled.saturating_add(1)).unwrap_or(usize::MAX);
        let root = followed.leaves.get(..covered).map(|leaves| Tree::new(leaves.to_vec()).root());
        root == Some(opening.root)
            && opening.seller == *auction.seller()
            && opening.seller_seal == auction.listing().seal
            && opening.broker == auction.listing().broker
            && opening.stamps == auction.listing().stamps
            && opening.freshness == auction.listing().freshness
            && opening.withdrawal == auction.withdrawal()
            && followed.notes.auction.settled.is_some_and(|(seq, time)| {
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
        let followed = self.rooms.get(&opening.auction).and_then(Followed::room);
        let Some(auction) = followed.and_then(Auction::of) else { return };
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
        let kept = KeptReveal {
            auction: opening.auction.to_string(),
            room: name.to_string(),
            disclosed: false,
            counterparty: None,
            held: None,
            wronged: false,
        };
        if let Some(followed) = self.rooms.get_mut(&name) {
            followed.notes.reveal.announced = true;
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
            self.tell(invited).await;
        }
    }

    /// Whether a disclosure signed before still is to be handed in: the command waits for that one.
    pub(in crate::desk) async fn takes_up(&mut self, room: RoomName) -> bool {
        self.answering.room = Some(room);
        if !self.acts.take_up(room, &self.answering, self.options.host.clock.uptime()) {
            return false;
        }
        let text = "what you signed before is handed in again, and not what was given now";
        self.note(text.to_owned()).await;
        true
    }

    /// Leaves a settled auction.
    pub(in crate::desk) async fn withdraw(&mut self, prefix: &str) -> Option<bool> {
        match self.reveal_room(prefix) {
            Ok((name, _)) => self.hand_in(name, Body::Withdraw(Empty {})).await,
            Err(cannot) => self.cannot(cannot).await,
        }
    }

    /// Signs with the key that made the user a side of the room.
    pub(in crate::desk) async fn hand_in(&mut self, room: RoomName, body: Body) -> Option<bool> {
        self.answering.room = Some(room);
        let (key, blind) = match self.key_of_side(room) {
            Ok(side) => side,
            Err(cannot) => return self.cannot(cannot).await,
        };
        let id = match self.options.host.random() {
            Ok(id) => id,
            Err(none) => return self.cannot(none.into()).await,
        };
        let id = uuid::Builder::from_random_bytes(id).into_uuid();
        let unsigned = Unsigned { id, room: Some(room), body, seal: None, blind };
        self.sign(unsigned, &key).await
    }

    /// The key that made the user a side of a reveal room, with its blind.
    fn key_of_side(&self, room: RoomName) -> Result<(OneTimeKey, Blind), Cannot> {
        let auction = self.invitations.iter().find(|(_, of)| *of == room).map(|(of, _)| *of);
        let found = auction.and_then(|auction| self.role_in(auction)).and_then(|(_, kept)| {
            Some((self.one_time_key(kept)?, Blind::from_random(*kept.blind.expose())))
        });
        found.ok_or_else(|| {
            Cannot(
                "reveal.failed",
                "your own action in the auction is not at hand".to_owned(),
                "wait until the auction's log has arrived, then do it again".to_owned(),
            )
        })
    }

    /// The reveal room that a prefix of its own or of its auction's name means.
    pub(in crate::desk) fn reveal_room(
        &self,
        prefix: &str,
    ) -> Result<(RoomName, &RevealRoom), Cannot> {
        let given = self.find(prefix)?;
        // The newest first: after a forfeit an auction has a room for each winner named.
        let of_given = |(auction, room): &&(RoomName, RoomName)| [*auction, *room].contains(&given);
        let meant = self.invitations.iter().rev().filter(of_given);
        let mut known = meant.filter_map(|(_, name)| {
            let room = self.rooms.get(name).filter(|room| room.is_verified())?.room()?;
            Some((*name, RevealRoom::of(room)?))
        });
        known.next().ok_or_else(|| {
            Cannot(
                "reveal.none",
                format!("you are not one of the two of {}", self.words(given)),
                "a private room opens for seller and winner once an auction has ended".to_owned(),
            )
        })
    }

    /// A disclosure without a card.
    pub(in crate::desk) fn draft_disclosure(
        &self,
        prefix: &str,
        name: String,
        contact: String,
    ) -> Result<Drafted, Cannot> {
        let (room, state) = self.reveal_room(prefix)?;
        let (_, kept) = self.undisclosed(state)?;
        if self.is_disclosing(room) {
            let advice = "wait for the broker's answer".to_owned();
            return Err(Cannot("disclose.twice", "your disclosure is on its way".into(), advice));
        }
        if !shows_something(&name) {
            let message = "the name shows nothing: it has no character that can be seen".to_owned();
            let advice = "give a name that people can read".to_owned();
            return Err(Cannot("command.parse", message, advice));
        }
        let actions = self.own_actions(state.opening().auction, kept, MAX_OPENED);
        let claims = self.claims(name, contact, actions)?;
        Ok((Some(room), self.sealed_disclosure(room, &claims, None)?, None))
    }

    /// What a card is to sign for a reveal room.
    pub(in crate::desk) fn job(
        &self,
        prefix: &str,
        contact: String,
        show: Vec<Attribute>,
        reader: Option<String>,
    ) -> Result<Job, Cannot> {
        let (room, state) = self.reveal_room(prefix)?;
        let (side, kept) = self.undisclosed(state)?;
        self.may_still_hand_in(room)?;
        let opening = state.opening().clone();
        let persona = self.persona.public().fingerprint();
        let followed = self.rooms.get(&opening.auction).and_then(Followed::room);
        let auction = followed.and_then(Auction::of);
        let title =
            auction.map_or_else(String::new, |auction| auction.listing().title.as_str().to_owned());
        let actions = self.own_actions(opening.auction, kept, MAX_OPENED_WITH_CARD);
        // The name is the card's; it is put in once the card is found.
        let claims = self.claims("?".to_owned(), contact, actions)?;
        Ok(Job { room, opening, side, title, persona, claims, show, reader })
    }

    /// Whether a disclosure for this room is on its way to the broker.
    pub(in crate::desk) fn is_disclosing(&self, room: RoomName) -> bool {
        let disclosure = |act: &Act| act.action.body().is_paired();
        self.acts.iter().any(|act| act.action.room() == room && disclosure(act))
    }

    /// Whether a disclosure would be taken now: nobody is asked for a PIN in vain.
    pub(in crate::desk) fn may_still_hand_in(&self, room: RoomName) -> Result<(), Cannot> {
        let (_, state) = self.reveal_room(&room.to_string())?;
        let twice = |message: &str| {
            let advice = "wait for the other side".to_owned();
            Err(Cannot("disclose.twice", message.to_owned(), advice))
        };
        let name = room.to_string();
        let held = |kept: &KeptReveal| kept.room == name && kept.disclosed;
        if self.vault.contents().reveals.iter().any(held) {
            return twice("the broker has your disclosure already");
        }
        if self.is_disclosing(room) {
            return twice("your disclosure is on its way");
        }
        if state.end().is_some() {
            let advice = "nothing was sent; there is nothing to disclose any more".to_owned();
            return Err(Cannot("disclose.over", "this private room has ended".to_owned(), advice));
        }
        match self.now() {
            None => Err(Cannot::code(Code::TsaDown)),
            Some(now) if now > state.opening().deadline => Err(Cannot::code(Code::DiscloseLate)),
            Some(_) => Ok(()),
        }
    }

    /// The user's side of a room in which they may still disclose.
    fn undisclosed(&self, state: &RevealRoom) -> Result<(Side, &Kept), Cannot> {
        let (side, kept) = self
            .role_in(state.opening().auction)
            .ok_or_else(|| fault("your own action is not at hand"))?;
        if state.complete() || state.disclosed(side).is_some() {
            let message = "you have disclosed already".to_owned();
            return Err(Cannot("disclose.twice", message, "wait for the other side".to_owned()));
        }
        Ok((side, kept))
    }

    /// Signs claims for the room as it stands, and seals them to the other side.
    pub(in crate::desk) fn sealed_disclosure(
        &self,
        room: RoomName,
        claims: &Claims,
        by_card: Option<&[u8]>,
    ) -> Result<Body, Cannot> {
        let (_, state) = self.reveal_room(&room.to_string())?;
        let (side, kept) = self.undisclosed(state)?;
        let opening = state.opening();
        let place = Place { room, opening, side };
        let key = self.one_time_key(kept).ok_or_else(|| fault("your key cannot be derived"))?;
        let disclosure = Disclosure::sign(&place, claims, &self.persona, &key, by_card)
            .map_err(|error| fault(&error.to_string()))?;
        let theirs = match side {
            Side::Seller => &opening.winner_seal,
            Side::Winner => &opening.seller_seal,
        };
        let seed = self.options.host.random()?;
        let plain = disclosure.encode();
        let sealed = seal_padded(theirs, &place.info(), b"", &plain, DISCLOSURE_SIZE, seed)
            .map_err(|error| fault(&error.to_string()))?;
        let sealed = sealed.try_into().map_err(|_| fault("the disclosure is too long"))?;
        Ok(Body::Disclose(SealedBody { sealed }))
    }

    /// The newest own actions in an auction, at most so many, that which made the side among them.
    fn own_actions(&self, auction: RoomName, role: &Kept, most: usize) -> Vec<OwnAction> {
        let followed = self.rooms.get(&auction);
        let mut actions: Vec<OwnAction> = followed
            .into_iter()
            .flat_map(|followed| followed.own.iter().map(move |seq| (followed, *seq)))
            .filter_map(|(followed, seq)| {
                let kept = self.kept_at(followed, seq)?;
                Some((kept.id == role.id, seq, Blind::from_random(*kept.blind.expose())))
            })
            .rev()
            .enumerate()
            .filter(|(at, (is_role, ..))| *is_role || *at < most.saturating_sub(1))
            .map(|(_, (_, seq, blind))| OwnAction { seq, blind })
            .collect();
        actions.reverse();
        actions
    }

    fn claims(
        &self,
        name: String,
        contact: String,
        actions: Vec<OwnAction>,
    ) -> Result<Claims, Cannot> {
        let bad = |error: &dyn std::fmt::Display| {
            let advice = "shorten it; control characters are not allowed".to_owned();
            Cannot("command.parse", error.to_string(), advice)
        };
        let contact = if contact.is_empty() {
            None
        } else {
            Some(Text::try_from(contact).map_err(|error| bad(&error))?)
        };
        Ok(Claims {
            name: Text::try_from(name).map_err(|error| bad(&error))?,
            contact,
            certificate: to_base64url(&self.vault.contents().certificate),
            card: None,
            actions,
        })
    }

    async fn open_disclosure(&mut self, name: RoomName, room: &RevealRoom, auction: RoomName) {
        let Some((own, kept)) = self.role_in(auction) else { return };
        let other = match own {
            Side::Seller => Side::Winner,
            Side::Winner => Side::Seller,
        };
        let Some(secret) = &kept.seal_secret else {
            return self.reveal_again(name, auction, other).await;
        };
        let secret = SealKey::from_random(*secret.expose());
        let opened = self.opened(name, room.opening(), other, room.disclosed(other), &secret);
        if let Some(followed) = self.rooms.get_mut(&name) {
            followed.notes.reveal.revealed = true;
        }
        match opened {
            Ok((disclosed, stamped)) => {
                self.reveal(name, auction, other, disclosed, stamped).await;
            }
            Err(what) => {
                let texts = self.rooms.get(&name).map(Followed::lines);
                let texts = texts.unwrap_or_default();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let message = format!("what the other side disclosed is worthless: {what}");
                let advice = "do not deal with them";
                let notes = Exhibit::Notes("disclosure", &texts);
                self.accuse(Some(name), &message, advice, notes).await;
            }
        }
    }

    fn opened(
        &self,
        name: RoomName,
        opening: &Reveal,
        side: Side,
        seq: Option<u64>,
        secret: &SealKey,
    ) -> Result<(Disclosed, Time), String> {
        let place = Place { room: name, opening, side };
        let followed = self.rooms.get(&name).ok_or("the room is not at hand")?;
        let sealed = followed.notes.reveal.sealed.iter().find(|(at, ..)| Some(*at) == seq);
        let (_, stamped, sealed) = sealed.ok_or("there is no disclosure")?;
        let plain = open_padded(secret, &place.info(), b"", sealed, DISCLOSURE_SIZE)
            .map_err(|error| error.to_string())?;
        let auction = self.rooms.get(&opening.auction).ok_or("the auction is not at hand")?;
        let state = auction.room().and_then(Auction::of).ok_or("the auction is not at hand")?;
        let (authorities, pki) = (&state.listing().authorities, self.options.state.as_deref());
        let logged = |seq| auction.actions.get(usize::try_from(seq).ok()?).copied();
        let disclosed = Disclosure::verify(&plain, &place, authorities, pki, *stamped, logged)
            .map_err(|error| with_causes(&error))?;
        Ok((disclosed, *stamped))
    }

    /// Shows who the other side is, keeps it, and forgets the secrets of this auction.
    async fn reveal(
        &mut self,
        name: RoomName,
        auction: RoomName,
        side: Side,
        disclosed: Disclosed,
        stamped: Time,
    ) {
        let Disclosed { name: called, contact, persona, card, .. } = disclosed;
        let (state, read) = (self.options.state.as_deref(), self.reckoned().unwrap_or(stamped));
        let card = card.map(|card| KeptCard {
            view: CardView {
                standing: judged(&card.certificate, state, stamped, read),
                stated: card.stated.into_iter().map(stated).collect(),
            },
            certificate: card.certificate,
            stamped,
        });
        let counterparty = Counterparty { name: called, contact, persona, card };
        self.keep_counterparty(name, auction, &counterparty).await;
        self.tell_revealed(name, auction, side, counterparty).await;
    }

    /// Keeps who the other side is, and forgets the secrets of this auction.
    async fn keep_counterparty(&mut self, name: RoomName, auction: RoomName, known: &Counterparty) {
        let (room, of) = (name.to_string(), auction.to_string());
        let saved = self.vault.update(|contents| {
            for kept in contents.reveals.iter_mut().filter(|kept| kept.room == room) {
                kept.counterparty = Some(known.clone());
            }
            for action in contents.actions.iter_mut().filter(|action| action.room == of) {
                action.seal_secret = None;
            }
        });
        if let Err(error) = saved {
            self.vault_trouble(&error).await;
        }
    }

    /// After a restart: what was verified before the secret was forgotten.
    async fn reveal_again(&mut self, name: RoomName, auction: RoomName, side: Side) {
        let room = name.to_string();
        let kept = self.vault.contents().reveals.iter().find(|kept| kept.room == room);
        let Some(mut counterparty) = kept.and_then(|kept| kept.counterparty.clone()) else {
            return;
        };
        let (state, now) = (self.options.state.as_deref(), self.reckoned());
        let again = |card: &mut KeptCard| judged_again(card, state, now.unwrap_or(card.stamped));
        if counterparty.card.as_mut().is_some_and(again) {
            self.keep_counterparty(name, auction, &counterparty).await;
        }
        if let Some(followed) = self.rooms.get_mut(&name) {
            followed.notes.reveal.revealed = true;
        }
        self.tell_revealed(name, auction, side, counterparty).await;
    }

    async fn tell_revealed(
        &self,
        name: RoomName,
        auction: RoomName,
        side: Side,
        counterparty: Counterparty,
    ) {
        let verdict = match side {
            Side::Seller => "verified: this is who listed",
            Side::Winner => "verified: this is who won",
        };
        let Counterparty { name: called, contact, persona, card } = counterparty;
        self.tell(Event::Revealed {
            room: name.to_string(),
            auction: auction.to_string(),
            role: role(side),
            name: called,
            contact,
            persona,
            verdict: verdict.to_owned(),
            card: card.map(|card| card.view),
        })
        .await;
    }
}

fn fault(what: &str) -> Cannot {
    let advice = "nothing was sent; try again after a restart".to_owned();
    Cannot("reveal.failed", what.to_owned(), advice)
}

fn stated(stated: Stated) -> StatedView {
    StatedView { name: stated.name, value: Personal::new(stated.value.into()) }
}

const fn role(side: Side) -> Role {
    match side {
        Side::Seller => Role::Seller,
        Side::Winner => Role::Winner,
    }
}

#[cfg(test)]
#[path = "pair_tests.rs"]
mod tests;
