//! Dutch auctions: the price falls with the time of the TSA, and the earliest stamp has the item (SPEC 7.11).
//!
//! The first bid in the log ends the auction one freshness after its own stamp. Whatever was stamped earlier arrives by
//! then or is stale, so neither the order in which a broker logs bids nor anybody's clock picks among them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::terms::raises_nothing;
use super::{Auction, Counted};
use crate::room::body::{Amount, Bid, Listing, StartPrice};
use crate::room::{Code, Stamped};
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label;

pub mod verbs;

use verbs::DutchTerms;

/// Longest freshness where the price falls, in seconds: for so long a stamp can be kept back and still win.
pub const MAX_FRESHNESS: u32 = 3;
/// Longest time between two steps of the price, in seconds.
pub const MAX_EVERY: u32 = 86_400;

/// What a Dutch auction has besides what every auction has.
#[derive(Debug, Clone)]
pub(super) struct Falling {
    /// Since when the price falls.
    since: Time,
    /// Every bid by what decides among them: its stamp, then its lot, then its position.
    order: BTreeSet<(Time, Digest, u64)>,
}

impl Falling {
    pub(super) const fn new(since: Time) -> Self {
        Self { since, order: BTreeSet::new() }
    }
}

/// V-184: what decides between bids of the same time. It depends on the batch, so that nobody can look for a good one
/// before that is signed.
#[must_use]
pub fn lot(entry: &Stamped) -> Digest {
    let batch = entry.batch().hash();
    Digest::labelled(label::LOT, &[batch.0, entry.action().digest().0].concat())
}

/// V-180: what a listing may say where the price falls. Bids that do not exceed each other have nothing to raise, buy, extend
/// or be asked about; and of two TSAs the one whose clock is behind would win.
pub(super) fn is_possible(listing: &Listing, terms: DutchTerms) -> bool {
    let depth = listing.start.minor().checked_sub(terms.floor.minor());
    depth.is_some_and(|depth| terms.fall.minor() <= depth)
        && (1..=MAX_EVERY).contains(&terms.every)
        && listing.freshness <= MAX_FRESHNESS
        && listing.stamps.len() == 1
        && listing.sealed.is_none()
        && listing.rule.is_none()
        && raises_nothing(listing)
}

impl DutchTerms {
    /// V-181: the price at an instant, where it falls from `start` since another.
    #[must_use]
    pub fn price(&self, start: StartPrice, since: Time, time: Time) -> Amount {
        let steps = time.since(since).as_secs().checked_div(self.every.into()).unwrap_or(0);
        let fallen = steps.saturating_mul(self.fall.minor());
        let price = start.minor().saturating_sub(fallen);
        // Nothing is below the floor but what is no amount.
        Amount::try_from(price).map_or(self.floor, |price| price.max(self.floor))
    }

    /// The first instant after `time` with another price, unless the price is as low as it gets.
    #[must_use]
    pub fn falls_after(&self, start: StartPrice, since: Time, time: Time) -> Option<Time> {
        if self.price(start, since, time) <= self.floor {
            return None;
        }
        let every = Duration::from_secs(self.every.into());
        let passed = time.since(since).as_secs().checked_div(self.every.into())?;
        let steps = passed.checked_add(1)?;
        Some(since.plus(every.checked_mul(u32::try_from(steps).ok()?)?))
    }
}

impl Auction {
    /// Whether the price falls here.
    #[must_use]
    pub const fn is_dutch(&self) -> bool {
        self.dutch.is_some()
    }

    /// Since when the price falls, in a Dutch auction.
    #[must_use]
    pub fn falls_since(&self) -> Option<Time> {
        self.dutch.as_deref().map(|falling| falling.since)
    }

    /// V-181: what a bid of that stamp pays if it wins, in a Dutch auction. Before the auction begins it is what it
    /// begins with.
    #[must_use]
    pub fn price_at(&self, time: Time) -> Option<Amount> {
        let (terms, since) = (self.listing.dutch?, self.falls_since()?);
        Some(terms.price(self.listing.start, since, time))
    }

    /// The first instant after `time` with another price, in a Dutch auction, unless the price is as low as it gets.
    #[must_use]
    pub fn falls_after(&self, time: Time) -> Option<Time> {
        let (terms, since) = (self.listing.dutch?, self.falls_since()?);
        terms.falls_after(self.listing.start, since, time)
    }

    /// V-182: a bid agrees to a price of at least what it pays. The price only falls, so what its author saw is enough.
    pub(super) fn judge_falling(&self, bid: &Bid, time: Time) -> Result<(), Code> {
        match self.price_at(time) {
            Some(price) if bid.amount >= price => Ok(()),
            Some(_) | None => Err(Code::BidTooLow),
        }
    }

    /// V-183: the first bid sets the end, which no later one moves.
    pub(super) fn count_falling(&mut self, bid: &Bid, entry: &Stamped, seq: u64) {
        let time = entry.time();
        let Some(amount) = self.price_at(time) else { return };
        let freshness = Duration::from_secs(self.listing.freshness.into());
        let Some(falling) = &mut self.dutch else { return };
        if falling.order.is_empty() {
            self.end = time.plus(freshness);
        }
        falling.order.insert((time, lot(entry), seq));
        let (key, seal) = (*entry.action().key(), bid.seal);
        self.bids.push(Counted { seq, amount, time, key, seal, forfeited: false });
    }

    /// V-184: the bid with the earliest stamp of those that are not forfeited.
    pub(super) fn earliest(&self) -> Option<&Counted> {
        let order = self.dutch.as_ref()?.order.iter();
        order.filter_map(|(_, _, seq)| self.bid(*seq)).find(|bid| !bid.forfeited)
    }
}

#[cfg(test)]
mod tests;
