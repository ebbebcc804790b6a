//! The close of an auction: when it was public, who says so, and when it was late (SPEC 7.3).
//!
//! A stamp says that the close existed. That it was published takes somebody who saw it, so `settled`
//! carries the dates of witnesses that the listing names, of a quorum of operators: of two closes no two
//! quorums can say so unless somebody signs both.

use std::collections::BTreeSet;
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
    /// No quorum of named witnesses dates the close within the grace (V-143).
    Witness,
    /// The winner was named too long after it (V-144).
    Settled,
    /// What was sealed was opened too long after it could be, or a reserve never (V-166, V-214).
    Opened,
    /// Nobody could bid for too long after the listing (V-164).
    Sealing,
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
    /// V-046, V-142, V-143, V-214, V-215.
    pub(super) fn judge_settled(&self, settled: &Settled, time: Time) -> Result<(), Code> {
        if self.phase != Phase::Closed {
            return Err(Code::VerbPhase);
        }
        if self.has_unopened() {
            return self.judge_unopened(settled, time).map(|_| ());
        }
        let named = self.to_be_named();
        let due = (named.map(|bid| bid.seq), named.map(|bid| self.price_of(bid)));
        let fits = (settled.winner, settled.price) == due
            && (settled.cosigned.is_empty() || self.date_the_close(&settled.cosigned));
        if !fits {
            return Err(Code::SettledWrong);
        }
        if self.waits_for_reserve().is_some_and(|limit| time < limit) {
            return Err(Code::SettledEarly);
        }
        // Until the grace is over a witness may still answer, and nobody can say that none did.
        let waited = self.public_by().is_none_or(|limit| time > limit);
        let in_time = !self.awaits_witness() || self.is_in_time(&settled.cosigned);
        if in_time || waited { Ok(()) } else { Err(Code::SettledEarly) }
    }

    /// Whether the next `settled` is to say when a witness saw the close.
    #[must_use]
    pub fn awaits_witness(&self) -> bool {
        // Where bids are sealed, `opened` has the date already.
        let is_dated = self.is_sealed() && self.is_opened();
        self.rounds == 0 && !self.listing.witnesses.is_empty() && !is_dated
    }

    /// V-142: they are by named witnesses, each once and in the order of the listing, over the head that ends with
    /// `closed`.
    pub(super) fn date_the_close(&self, cosigned: &[Cosignature]) -> bool {
        let Some(closing) = self.closing.filter(|_| self.awaits_witness()) else { return false };
        let mut named = self.listing.witnesses.iter();
        // `any` goes on behind the one that it found, so the order is kept and none counts twice.
        cosigned.iter().all(|signed| {
            named.any(|witness| witness.key == signed.witness)
                && signed.verify(&closing.head).is_ok()
        })
    }

    /// By when, in whole seconds since 1970, as many operators as the listing asks for had dated the close; `None` if
    /// fewer did.
    #[must_use]
    pub fn dated_by(&self, cosigned: &[Cosignature]) -> Option<u64> {
        let witnesses = &self.listing.witnesses;
        let operator = |signed: &Cosignature| {
            let named = witnesses.iter().find(|witness| witness.key == signed.witness)?;
            Some((signed.time, &named.operator))
        };
        let mut dated: Vec<_> = cosigned.iter().filter_map(operator).collect();
        dated.sort_unstable();
        let mut operators = BTreeSet::new();
        dated.into_iter().find_map(|(time, operator)| {
            operators.insert(operator);
            let enough = u32::try_from(operators.len()).is_ok_and(|n| n >= self.listing.quorum);
            enough.then_some(time)
        })
    }

    /// Until when a witness is to have dated the close: the grace after its stamp.
    #[must_use]
    pub fn public_by(&self) -> Option<Time> {
        let grace = Duration::from_secs(self.listing.grace.into());
        self.closing.map(|closing| closing.time.plus(grace))
    }

    /// V-143. Witnesses date in whole seconds, so the one that the limit is in counts in full.
    #[must_use]
    pub fn is_in_time(&self, cosigned: &[Cosignature]) -> bool {
        let limit = self.public_by().map(|limit| limit.as_micros().div_ceil(1_000_000));
        self.dated_by(cosigned).zip(limit).is_some_and(|(dated, limit)| dated <= limit)
    }

    /// V-143, V-214, V-144: why `settled` makes the close a late one.
    pub(super) fn lateness(&self, settled: &Settled, entry: &Stamped) -> Option<Late> {
        if self.awaits_witness() && !self.is_in_time(&settled.cosigned) {
            return Some(Late::Witness);
        }
        if self.awaits_reserve() {
            return Some(Late::Opened);
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
