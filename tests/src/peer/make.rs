//! What a peer signs: listings, bids and remarks, honest or not.

use anyhow::{Result, anyhow};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::auction::sealed::envelope::{Recipients, seal_bid};
use pregao_protocol::room::body::{Amount, Bid, Body, Listing, Say};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::seal::SealKey;

use super::{Made, Peer, Terms, fresh_id, random};

impl Peer {
    /// Signs an action with a fresh id and blind.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn make(&self, room: Option<RoomName>, body: Body, seen: Seen) -> Result<Made> {
        let (id, blind) = (fresh_id(), Blind::from_random(random()));
        let key = OneTimeKey::derive(&self.person.key, self.pin, id, &blind);
        let action = Draft { id, room, body, seen }.sign(&key)?;
        Ok(Made { action, blind, seal: None })
    }

    /// A listing for this broker and its TSA.
    ///
    /// # Errors
    /// If a term is impossible.
    pub fn listing(&self, terms: &Terms) -> Result<(Listing, SealKey)> {
        let seal = SealKey::from_random(random());
        let listing = Listing {
            title: terms.title.clone().try_into().map_err(|error| anyhow!("{error}"))?,
            description: None,
            currency: "EUR".parse()?,
            start: terms.start.try_into()?,
            increment: terms.increment.try_into()?,
            steps: Vec::new(),
            max_raise: None,
            buy_now: None,
            rule: None,
            begin: None,
            end: terms.end,
            soft: terms.soft,
            sealed: terms.sealed.clone(),
            dutch: None,
            bids_each: terms.bids_each,
            reserve: terms.reserve,
            citizens: terms.citizens.clone(),
            freshness: terms.freshness,
            grace: terms.grace,
            disclose_within: terms.disclose_within,
            seal: seal.public(),
            broker: self.broker.keys,
            stamps: self.broker.stamps.clone(),
            threshold: 1,
            authorities: self.broker.authorities.clone(),
            witnesses: self.broker.witnesses.clone(),
            quorum: self.broker.quorum,
            simulated: self.broker.simulated,
        };
        Ok((listing, seal))
    }

    /// A signed listing.
    ///
    /// # Errors
    /// If a term is impossible.
    pub fn make_listing(&self, terms: &Terms) -> Result<Made> {
        let (listing, seal) = self.listing(terms)?;
        let made = self.make(None, Body::List(listing), Seen::nothing())?;
        Ok(Made { seal: Some(seal), ..made })
    }

    /// A signed bid on what this peer has seen of the room.
    ///
    /// # Errors
    /// If the room is not followed, or the amount impossible.
    pub fn make_bid(&self, room: RoomName, amount: u64) -> Result<Made> {
        let auction = self.watched(room)?;
        let seen = auction.room()?.ledger().head();
        let fold = auction.auction()?;
        match fold.recipients().filter(|_| fold.is_sealed()) {
            Some(recipients) => self.make_sealed_bid(room, amount, recipients, seen),
            None => self.make_bid_in(room, amount, "EUR", seen),
        }
    }

    /// A signed bid that is sealed to these.
    ///
    /// # Errors
    /// If the amount is impossible, or a key of small order.
    pub fn make_sealed_bid(
        &self,
        room: RoomName,
        amount: u64,
        to: &Recipients,
        seen: Seen,
    ) -> Result<Made> {
        let (id, blind) = (fresh_id(), Blind::from_random(random()));
        let key = OneTimeKey::derive(&self.person.key, self.pin, id, &blind);
        let seal = SealKey::from_random(random());
        let halves = [random(), random()];
        let amount = Amount::try_from(amount)?;
        let bid = seal_bid(to, (room, &key.public()), amount, seal.public(), &halves)?;
        let draft = Draft { id, room: Some(room), body: Body::SealedBid(bid), seen };
        Ok(Made { action: draft.sign(&key)?, blind, seal: Some(seal) })
    }

    /// A signed bid with everything given.
    ///
    /// # Errors
    /// If the amount is impossible.
    pub fn make_bid_in(
        &self,
        room: RoomName,
        amount: u64,
        currency: &str,
        seen: Seen,
    ) -> Result<Made> {
        let seal = SealKey::from_random(random());
        let amount = Amount::try_from(amount)?;
        let bid = Bid { amount, currency: currency.parse()?, seal: seal.public(), paddle: None };
        let made = self.make(Some(room), Body::Bid(bid), seen)?;
        Ok(Made { seal: Some(seal), ..made })
    }

    /// A signed remark.
    ///
    /// # Errors
    /// If the room is not followed.
    pub fn make_say(&self, room: RoomName, text: &str) -> Result<Made> {
        let seen = self.watched(room)?.room()?.ledger().head();
        let text = text.to_owned().try_into().map_err(|error| anyhow!("{error}"))?;
        self.make(Some(room), Body::Say(Say { text }), seen)
    }
}
