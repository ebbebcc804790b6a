//! The fold of a reveal room: the private room of seller and winner (SPEC 8).
//!
//! Exactly two keys may act here besides the broker's: that of the listing and that of the
//! winning bid. Their disclosures are logged as a pair or not at all.

use std::time::Duration;

use crate::action::Action;
use crate::room::body::{Absent, Body, Reveal, Side};
use crate::room::kind::{Beyond, Fold};
use crate::room::{Access, Code, Ledger, Stamped, Terms};

pub mod verbs;

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
    opening: Reveal,
    seller: Option<u64>,
    winner: Option<u64>,
    end: Option<End>,
}

impl Fold for RevealRoom {
    type Opening = Reveal;

    fn terms(reveal: &Reveal) -> Terms {
        Terms {
            broker: reveal.broker,
            stamps: reveal.stamps.clone(),
            freshness: Duration::from_secs(reveal.freshness.into()),
            authorities: Vec::new(),
            access: Access::Members(vec![reveal.seller, reveal.winner]),
        }
    }

    fn open(reveal: &Reveal, entry: &Stamped) -> Result<Self, Code> {
        // V-065.
        let possible = reveal.seller != reveal.winner
            && reveal.deadline > entry.time()
            && (1..=60).contains(&reveal.freshness)
            && (1..=8).contains(&reveal.stamps.len());
        if !possible {
            return Err(Code::ListingTerms);
        }
        Ok(Self { opening: reveal.clone(), seller: None, winner: None, end: None })
    }

    fn judge(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
        let action = entry.action();
        if ledger.is_brokers(action) {
            return match action.body() {
                Body::Absent(absent) => self.judge_absent(absent, entry),
                _ => Err(Code::VerbKind),
            };
        }
        // V-066, then V-053 and V-054.
        let side = self.side(action).ok_or(Code::VerbAuthor)?;
        if self.end.is_some() {
            return Err(Code::VerbPhase);
        }
        match action.body() {
            Body::Disclose(_) => self.judge_disclose(side, entry),
            _ if self.half() => Err(Code::DisclosePair),
            Body::Withdraw(_) if self.complete() => Err(Code::VerbPhase),
            Body::Withdraw(_) if self.opening.withdrawal => Ok(()),
            Body::Withdraw(_) => Err(Code::WithdrawForbidden),
            _ => Err(Code::VerbKind),
        }
    }

    fn append(&mut self, ledger: &Ledger, entry: &Stamped) {
        let seq = ledger.head().size;
        let side = self.side(entry.action());
        match (entry.action().body(), side) {
            (Body::Disclose(_), Some(Side::Seller)) => self.seller = Some(seq),
            (Body::Disclose(_), Some(Side::Winner)) => self.winner = Some(seq),
            (Body::Withdraw(_), Some(side)) => self.end = Some(End::Withdrawn(side)),
            (Body::Absent(absent), _) => self.end = Some(End::Absent(*absent)),
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.complete() || self.end.is_some()
    }

    fn cut_short(&self) -> Option<Code> {
        self.half().then_some(Code::DisclosePair)
    }

    fn beyond_the_log(code: Code, body: &Body) -> Option<Beyond> {
        match (code, body) {
            // Whether the broker holds a disclosure of this side already.
            (Code::DiscloseTwice, Body::Disclose(_)) => Some(Beyond::Word),
            _ => None,
        }
    }
}

impl RevealRoom {
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
