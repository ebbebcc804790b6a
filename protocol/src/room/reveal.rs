//! The fold of a reveal room: the private room of seller and winner (SPEC 8).
//!
//! Exactly two keys may act here besides the broker's: that of the listing and that of the
//! winning bid. Their disclosures are logged as a pair or not at all.

use crate::action::Action;
use crate::codec::Digest;
use crate::room::body::{Absent, Body, Reveal, Side};
use crate::room::ledger::Ledger;
use crate::room::{Code, Stamped, Terms};

/// How a reveal room ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// One side withdrew, as the rules allowed.
    Withdrawn(Side),
    /// The deadline passed.
    Absent(Absent),
}

/// A reveal room as its log gives it.
#[derive(Debug, Clone)]
pub struct RevealRoom {
    ledger: Ledger,
    opening: Reveal,
    seller: Option<u64>,
    winner: Option<u64>,
    end: Option<End>,
}

impl RevealRoom {
    pub(crate) fn open(
        reveal: &Reveal,
        terms: Terms,
        opening: &Stamped,
        leaf: Digest,
    ) -> Result<(Self, Vec<Digest>), Code> {
        // V-065.
        let action = opening.action();
        let mut ledger = Ledger::new(action.room(), terms);
        if !ledger.is_brokers(action) || reveal.seller == reveal.winner {
            return Err(Code::VerbForbidden);
        }
        if reveal.deadline <= opening.time()
            || !(1..=60).contains(&reveal.freshness)
            || !(1..=8).contains(&reveal.stamps.len())
        {
            return Err(Code::ListingTerms);
        }
        if !ledger.knows_tsa(opening.batch()) {
            return Err(Code::StampUnknownTsa);
        }
        let hashes = ledger.append(opening, leaf);
        let room = Self { ledger, opening: reveal.clone(), seller: None, winner: None, end: None };
        Ok((room, hashes))
    }

    pub(crate) fn judge(&self, entry: &Stamped) -> Result<(), Code> {
        self.ledger.judge(entry)?;
        let action = entry.action();
        if self.ledger.is_brokers(action) {
            return match action.body() {
                Body::Absent(absent) => self.judge_absent(absent, entry),
                _ => Err(Code::VerbForbidden),
            };
        }
        // V-066, then V-053 and V-054.
        let side = self.side(action).ok_or(Code::VerbForbidden)?;
        if self.end.is_some() {
            return Err(Code::VerbForbidden);
        }
        match action.body() {
            Body::Disclose(_) => self.judge_disclose(side, entry),
            _ if self.half() => Err(Code::DisclosePair),
            Body::Withdraw(_) if !self.complete() => {
                if self.opening.withdrawal {
                    Ok(())
                } else {
                    Err(Code::WithdrawForbidden)
                }
            }
            _ => Err(Code::VerbForbidden),
        }
    }

    /// V-050, V-051.
    fn judge_disclose(&self, side: Side, entry: &Stamped) -> Result<(), Code> {
        if self.disclosed(side).is_some() {
            return Err(Code::DiscloseTwice);
        }
        if entry.time() > self.opening.deadline { Err(Code::DiscloseLate) } else { Ok(()) }
    }

    /// V-052.
    fn judge_absent(&self, absent: &Absent, entry: &Stamped) -> Result<(), Code> {
        let somebody = absent.seller || absent.winner;
        let over = entry.time() > self.opening.deadline;
        if self.end.is_none() && !self.half() && !self.complete() && somebody && over {
            Ok(())
        } else {
            Err(Code::AbsentWrong)
        }
    }

    pub(crate) fn append(&mut self, entry: &Stamped, leaf: Digest) -> Vec<Digest> {
        let seq = self.ledger.head().size;
        let hashes = self.ledger.append(entry, leaf);
        let side = self.side(entry.action());
        match (entry.action().body(), side) {
            (Body::Disclose(_), Some(Side::Seller)) => self.seller = Some(seq),
            (Body::Disclose(_), Some(Side::Winner)) => self.winner = Some(seq),
            (Body::Withdraw(_), Some(side)) => self.end = Some(End::Withdrawn(side)),
            (Body::Absent(absent), _) => self.end = Some(End::Absent(*absent)),
            _ => {}
        }
        hashes
    }

    /// Which side an action is by; `None` for the broker and for strangers.
    #[must_use]
    pub fn side(&self, action: &Action) -> Option<Side> {
        if *action.key() == self.opening.seller {
            Some(Side::Seller)
        } else if *action.key() == self.opening.winner {
            Some(Side::Winner)
        } else {
            None
        }
    }

    /// What does not depend on the kind of room.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The opening.
    #[must_use]
    pub const fn opening(&self) -> &Reveal {
        &self.opening
    }

    /// Position of a side's disclosure, once both are logged or being logged.
    #[must_use]
    pub const fn disclosed(&self, side: Side) -> Option<u64> {
        match side {
            Side::Seller => self.seller,
            Side::Winner => self.winner,
        }
    }

    /// Whether both sides disclosed.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.seller.is_some() && self.winner.is_some()
    }

    /// How it ended without a pair of disclosures, if it did.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    fn half(&self) -> bool {
        self.seller.is_some() != self.winner.is_some()
    }
}

#[cfg(test)]
mod tests;
