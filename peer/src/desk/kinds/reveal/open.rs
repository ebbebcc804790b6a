//! What the other side disclosed, opened, judged and shown.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::RevealRoom;
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::body::{Reveal, Side};
use pregao_protocol::room::disclosure::{
    Disclosed, Disclosure, DisclosureContext, Personas, Stated,
};
use pregao_protocol::trust::seal::{SealKey, open_padded};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::label::DISCLOSURE_SIZE;

use super::judge::{judged, judged_again};
use crate::desk::Desk;
use crate::desk::evidence::Exhibit;
use crate::desk::replica::Replica;
use crate::event::{CardView, Event, Personal, Role, StatedView};
use crate::text::sanitize::with_causes;
use crate::vault::{Counterparty, KeptCard};

impl Desk {
    pub(in crate::desk) async fn open_disclosure(
        &mut self,
        name: RoomName,
        room: &RevealRoom,
        auction: RoomName,
    ) {
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
        if let Some(replica) = self.rooms.get_mut(&name) {
            replica.notes.reveal.revealed = true;
        }
        match opened {
            Ok((disclosed, stamped)) => {
                self.reveal(name, auction, other, disclosed, stamped).await;
            }
            Err(what) => {
                let texts = self.rooms.get(&name).map(Replica::lines);
                let texts = texts.unwrap_or_default();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let message = format!("what the other side disclosed is worthless: {what}");
                let advice = "do not deal with them";
                let notes = Exhibit::Notes("disclosure", &texts);
                self.accuse(Some(name), &message, advice, notes).await;
            }
        }
    }

    pub(in crate::desk) fn opened(
        &self,
        name: RoomName,
        opening: &Reveal,
        side: Side,
        seq: Option<u64>,
        secret: &SealKey,
    ) -> Result<(Disclosed, Time), String> {
        let place = DisclosureContext { room: name, opening, side };
        let replica = self.rooms.get(&name).ok_or("the room is not known yet")?;
        let sealed = replica.notes.reveal.sealed.iter().find(|(at, ..)| Some(*at) == seq);
        let (_, stamped, sealed) = sealed.ok_or("there is no disclosure")?;
        let plain = open_padded(secret, &place.info(), b"", sealed, DISCLOSURE_SIZE)
            .map_err(|error| error.to_string())?;
        let auction = self.rooms.get(&opening.auction).ok_or("the auction is not known yet")?;
        let state = auction.room().and_then(Auction::of).ok_or("the auction is not known yet")?;
        let personas = Personas {
            authorities: &state.listing().authorities,
            issuer: state.issuer().map(|issuer| issuer.key.id()),
        };
        let pki = self.options.state.as_deref();
        let logged = |seq| auction.action(seq);
        let disclosed = Disclosure::verify(&plain, &place, personas, pki, *stamped, logged)
            .map_err(|error| with_causes(&error))?;
        Ok((disclosed, *stamped))
    }

    /// Shows who the other side is, keeps it, and forgets the secrets of this auction.
    pub(in crate::desk) async fn reveal(
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
    pub(in crate::desk) async fn keep_counterparty(
        &mut self,
        name: RoomName,
        auction: RoomName,
        known: &Counterparty,
    ) {
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
    pub(in crate::desk) async fn reveal_again(
        &mut self,
        name: RoomName,
        auction: RoomName,
        side: Side,
    ) {
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
        if let Some(replica) = self.rooms.get_mut(&name) {
            replica.notes.reveal.revealed = true;
        }
        self.tell_revealed(name, auction, side, counterparty).await;
    }

    pub(in crate::desk) async fn tell_revealed(
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
        self.emit(Event::Revealed {
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

fn stated(stated: Stated) -> StatedView {
    StatedView { name: stated.name, value: Personal::new(stated.value.into()) }
}

pub(super) const fn role(side: Side) -> Role {
    match side {
        Side::Seller => Role::Seller,
        Side::Winner => Role::Winner,
    }
}
