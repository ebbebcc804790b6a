//! The user's own disclosure: what it says, and whether it may still be handed in.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::RevealRoom;
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::body::{Body, Empty, SealedBody, Side, Text};
use pregao_protocol::room::disclosure::{
    Attribute, Claims, Disclosure, DisclosureContext, OwnAction,
};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::seal::seal_padded;
use pregao_protocol::value::codec::to_base64url;
use pregao_protocol::value::label::{DISCLOSURE_SIZE, MAX_OPENED, MAX_OPENED_WITH_CARD};
use pregao_protocol::value::report::Report;

use super::prove::Job;
use crate::desk::Desk;
use crate::desk::answers::Progress;
use crate::desk::outbox::pending::PendingAction;
use crate::desk::outbox::{Drafted, Unsigned, by_code, no_randomness};
use crate::desk::replica::Replica;
use crate::text::visible::shows_something;
use crate::vault::{ActionRecord, RevealRecord};

impl Desk {
    /// Leaves a settled auction.
    pub(in crate::desk) async fn withdraw(&mut self, prefix: &str) -> Progress {
        match self.reveal_room(prefix) {
            Ok((name, _)) => self.hand_in(name, Body::Withdraw(Empty {})).await,
            Err(report) => self.reject(report).await,
        }
    }

    /// Signs with the key that made the user a side of the room.
    pub(in crate::desk) async fn hand_in(&mut self, room: RoomName, body: Body) -> Progress {
        self.reply_to.room = Some(room);
        let (key, blind) = match self.key_of_side(room) {
            Ok(side) => side,
            Err(report) => return self.reject(report).await,
        };
        match self.unsigned(room, body, blind) {
            Ok(unsigned) => self.sign(unsigned, &key).await,
            Err(report) => self.reject(report).await,
        }
    }

    /// An action for a private room, with an identifier of its own.
    pub(super) fn unsigned(
        &self,
        room: RoomName,
        body: Body,
        blind: Blind,
    ) -> Result<Unsigned, Report> {
        let id = self.options.host.random().map_err(no_randomness)?;
        let id = uuid::Builder::from_random_bytes(id).into_uuid();
        Ok(Unsigned { id, room: Some(room), body, seal: None, blind, hidden: None })
    }

    /// The key that made the user a side of a reveal room, with its blind.
    pub(in crate::desk) fn key_of_side(
        &self,
        room: RoomName,
    ) -> Result<(OneTimeKey, Blind), Report> {
        let auction = self.rooms.auction_of(room);
        let found = auction.and_then(|auction| self.role_in(auction)).and_then(|(_, kept)| {
            Some((self.one_time_key(kept)?, Blind::from_random(*kept.blind.expose())))
        });
        let is_read = || {
            let replica = auction.and_then(|auction| self.rooms.get(&auction));
            replica.is_some_and(Replica::is_caught_up)
        };
        found.ok_or_else(|| {
            if is_read() {
                // After a forfeit or an absence the auction has two others, or none.
                Report::new(
                    "reveal.none",
                    "you are not one of the two any more: the auction went on without this room",
                    "see with /items how it ended",
                )
            } else {
                Report::new(
                    "reveal.failed",
                    "your own action in the auction is not known yet",
                    "wait until the auction's log has arrived, then do it again",
                )
            }
        })
    }

    /// The reveal room that a prefix of its own or of its auction's name means.
    pub(in crate::desk) fn reveal_room(
        &self,
        prefix: &str,
    ) -> Result<(RoomName, &RevealRoom), Report> {
        let given = self.find(prefix)?;
        // The newest first: after a forfeit an auction has a room for each winner named.
        let of_given = |(auction, room): &(RoomName, RoomName)| [*auction, *room].contains(&given);
        let meant = self.rooms.invitations().rev().filter(of_given);
        let mut known = meant.filter_map(|(_, name)| {
            let room = self.rooms.get(&name).filter(|room| room.is_verified())?.room()?;
            Some((name, RevealRoom::of(room)?))
        });
        known.next().ok_or_else(|| {
            Report::new(
                "reveal.none",
                format!("you are not one of the two of {}", self.words(given)),
                "a private room opens for seller and winner once an auction has ended",
            )
        })
    }

    /// A disclosure without a card.
    pub(in crate::desk) fn draft_disclosure(
        &self,
        prefix: &str,
        name: String,
        contact: String,
    ) -> Result<Drafted, Report> {
        let (room, state) = self.reveal_room(prefix)?;
        let (_, kept) = self.undisclosed(state)?;
        if self.is_disclosing(room) {
            let advice = "wait for the broker's answer".to_owned();
            return Err(Report::new("disclose.twice", "your disclosure is on its way", advice));
        }
        if !shows_something(&name) {
            let message = "the name shows nothing: it has no character that can be seen".to_owned();
            let advice = "give a name that people can read".to_owned();
            return Err(Report::new("command.parse", message, advice));
        }
        let actions = self.own_actions(state.opening().auction, kept, MAX_OPENED);
        let claims = self.claims(name, contact, actions)?;
        let body = self.sealed_disclosure(room, &claims, None)?;
        Ok(Drafted::within(room, body, None))
    }

    /// What a card is to sign for a reveal room.
    pub(in crate::desk) fn job(
        &self,
        prefix: &str,
        contact: String,
        show: Vec<Attribute>,
        reader: Option<String>,
    ) -> Result<Job, Report> {
        let (room, state) = self.reveal_room(prefix)?;
        let (side, kept) = self.undisclosed(state)?;
        self.may_still_hand_in(room)?;
        let opening = state.opening().clone();
        let persona = self.persona.public().fingerprint();
        let replica = self.rooms.get(&opening.auction).and_then(Replica::room);
        let auction = replica.and_then(Auction::of);
        let title =
            auction.map_or_else(String::new, |auction| auction.listing().title.as_str().to_owned());
        let actions = self.own_actions(opening.auction, kept, MAX_OPENED_WITH_CARD);
        // The name is the card's; it is put in once the card is found.
        let claims = self.claims("?".to_owned(), contact, actions)?;
        Ok(Job { room, opening, side, title, persona, claims, show, reader })
    }

    /// Whether a disclosure for this room is on its way to the broker.
    pub(in crate::desk) fn is_disclosing(&self, room: RoomName) -> bool {
        let disclosure = |act: &PendingAction| act.action.body().is_paired();
        self.outbox.actions().any(|act| act.action.room() == room && disclosure(act))
    }

    /// Whether a disclosure would be taken now: nobody is asked for a PIN in vain.
    pub(in crate::desk) fn may_still_hand_in(&self, room: RoomName) -> Result<(), Report> {
        let (_, state) = self.reveal_room(&room.to_string())?;
        let twice = |message: &str| {
            let advice = "wait for the other side".to_owned();
            Err(Report::new("disclose.twice", message.to_owned(), advice))
        };
        let name = room.to_string();
        let held = |kept: &RevealRecord| kept.room == name && kept.disclosed;
        if self.vault.contents().reveals.iter().any(held) {
            return twice("the broker has your disclosure already");
        }
        if self.is_disclosing(room) {
            return twice("your disclosure is on its way");
        }
        if state.end().is_some() {
            let advice = "nothing was sent; there is nothing to disclose any more".to_owned();
            return Err(Report::new("disclose.over", "this private room has ended", advice));
        }
        match self.now() {
            None => Err(by_code(Code::TsaDown)),
            Some(now) if now > state.opening().deadline => Err(by_code(Code::DiscloseLate)),
            Some(_) => Ok(()),
        }
    }

    /// The user's side of a room in which they may still disclose.
    pub(in crate::desk) fn undisclosed(
        &self,
        state: &RevealRoom,
    ) -> Result<(Side, &ActionRecord), Report> {
        let (side, kept) = self
            .role_in(state.opening().auction)
            .ok_or_else(|| fault("your own action is not known yet"))?;
        if state.complete() || state.disclosed(side).is_some() {
            let message = "you have disclosed already".to_owned();
            return Err(Report::new("disclose.twice", message, "wait for the other side"));
        }
        self.may_disclose_as_citizen(state.opening().auction)?;
        Ok((side, kept))
    }

    /// Signs claims for the room in its present state, and seals them to the other side.
    pub(in crate::desk) fn sealed_disclosure(
        &self,
        room: RoomName,
        claims: &Claims,
        by_card: Option<&[u8]>,
    ) -> Result<Body, Report> {
        let (_, state) = self.reveal_room(&room.to_string())?;
        let (side, kept) = self.undisclosed(state)?;
        let opening = state.opening();
        let place = DisclosureContext { room, opening, side };
        let key = self.one_time_key(kept).ok_or_else(|| fault("your key cannot be derived"))?;
        let disclosure = Disclosure::sign(&place, claims, &self.persona, &key, by_card)
            .map_err(|error| fault(&error.to_string()))?;
        let theirs = match side {
            Side::Seller => &opening.winner_seal,
            Side::Winner => &opening.seller_seal,
        };
        let seed = self.options.host.random().map_err(no_randomness)?;
        let plain = disclosure.encode();
        let sealed = seal_padded(theirs, &place.info(), b"", &plain, DISCLOSURE_SIZE, seed)
            .map_err(|error| fault(&error.to_string()))?;
        let sealed = sealed.try_into().map_err(|_| fault("the disclosure is too long"))?;
        Ok(Body::Disclose(SealedBody { sealed }))
    }

    /// The newest own actions in an auction, at most so many, that which made the side among them.
    pub(in crate::desk) fn own_actions(
        &self,
        auction: RoomName,
        role: &ActionRecord,
        most: usize,
    ) -> Vec<OwnAction> {
        let replica = self.rooms.get(&auction);
        let mut actions: Vec<OwnAction> = replica
            .into_iter()
            .flat_map(|replica| replica.own().map(move |seq| (replica, seq)))
            .filter_map(|(replica, seq)| {
                let kept = self.kept_at(replica, seq)?;
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

    pub(in crate::desk) fn claims(
        &self,
        name: String,
        contact: String,
        actions: Vec<OwnAction>,
    ) -> Result<Claims, Report> {
        let bad = |error: &dyn std::fmt::Display| {
            let advice = "shorten it; control characters are not allowed".to_owned();
            Report::new("command.parse", error.to_string(), advice)
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
}

fn fault(what: &str) -> Report {
    let advice = "nothing was sent; try again after a restart".to_owned();
    Report::new("reveal.failed", what.to_owned(), advice)
}
