//! The close of an auction: when it was public, who says so, and when it was late (SPEC 7.3).
//!
//! A stamp says that the close existed. That it was published takes somebody who saw it, so `settled`
//! carries the date of a witness that the listing names.

use std::time::Duration;

use super::{Auction, Phase};
use crate::log::{Cosignature, Head};
use crate::room::body::Settled;
use crate::room::{Code, Stamped};
use crate::value::clock::Time;

/// How long beyond the grace a winner may remain unnamed before the close counts as late (V-144).
pub const SETTLE_WITHIN: Duration = Duration::from_secs(60);

/// Why a close came late: either side may withdraw then (V-048).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// `closed` was stamped later than the grace allows (V-045).
    Stamp,
    /// No named witness dates the close within the grace (V-143).
    Witness,
    /// The winner was named too long after it (V-144).
    Settled,
    /// Sealed bids were opened too long after they could be (V-166).
    Opened,
}

/// The `closed` entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Its stamp.
    pub time: Time,
    /// The head of the log that ends with it: what witnesses are to date.
    pub head: Head,
}

impl Auction {
    /// V-046, V-142, V-143.
    pub(super) fn judge_settled(&self, settled: &Settled, time: Time) -> Result<(), Code> {
        if self.phase != Phase::Closed {
            return Err(Code::VerbPhase);
        }
        if self.has_unopened() {
            return self.judge_unopened(settled, time).map(|_| ());
        }
        let leading = self.leading();
        let due = (leading.map(|bid| bid.seq), leading.map(|bid| self.price_of(bid)));
        let fits = (settled.winner, settled.price) == due
            && settled.cosigned.as_ref().is_none_or(|cosigned| self.dates_the_close(cosigned));
        if !fits {
            return Err(Code::SettledWrong);
        }
        // Until the grace is over a witness may still answer, and nobody can say that none did.
        let waited = self.public_by().is_none_or(|limit| time > limit);
        let in_time = !self.awaits_witness() || self.is_in_time(settled.cosigned.as_ref());
        if in_time || waited { Ok(()) } else { Err(Code::SettledEarly) }
    }

    /// Whether the next `settled` is to say when a witness saw the close.
    #[must_use]
    pub fn awaits_witness(&self) -> bool {
        // `opened` has the date already.
        self.rounds == 0 && !self.listing.witnesses.is_empty() && !self.is_opened()
    }

    /// V-142: it is by a named witness, over the head that ends with `closed`.
    pub(super) fn dates_the_close(&self, cosigned: &Cosignature) -> bool {
        let is_named = self.listing.witnesses.iter().any(|named| named.key == cosigned.witness);
        let signed = self.closing.is_some_and(|closing| cosigned.verify(&closing.head).is_ok());
        self.awaits_witness() && is_named && signed
    }

    /// Until when a witness is to have dated the close: the grace after its stamp.
    #[must_use]
    pub fn public_by(&self) -> Option<Time> {
        let grace = Duration::from_secs(self.listing.grace.into());
        self.closing.map(|closing| closing.time.plus(grace))
    }

    /// V-143. Witnesses date in whole seconds, so the one that the limit is in counts in full.
    #[must_use]
    pub fn is_in_time(&self, cosigned: Option<&Cosignature>) -> bool {
        let limit = self.public_by().map(|limit| limit.as_micros().div_ceil(1_000_000));
        cosigned.zip(limit).is_some_and(|(cosigned, limit)| cosigned.time <= limit)
    }

    /// V-143, V-144: why `settled` makes the close a late one.
    pub(super) fn lateness(&self, settled: &Settled, entry: &Stamped) -> Option<Late> {
        if self.awaits_witness() && !self.is_in_time(settled.cosigned.as_ref()) {
            return Some(Late::Witness);
        }
        let grace = Duration::from_secs(self.listing.grace.into());
        let limit = self.unnamed_since.plus(grace).plus(SETTLE_WITHIN);
        // As with `closed`, time without a TSA is nobody's delay.
        (entry.batch().header().prev_time > limit).then_some(Late::Settled)
    }

    /// Why the close was late, if it was.
    #[must_use]
    pub const fn late(&self) -> Option<Late> {
        self.late
    }

    /// The `closed` entry, once it is there.
    #[must_use]
    pub const fn closing(&self) -> Option<Closing> {
        self.closing
    }
}

#[cfg(test)]
mod tests;
