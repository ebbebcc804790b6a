//! What the log of the reader's box says of a deposit after it (SPEC 8.3): taken off, accepted and handed over,
//! declined, lapsed, or the box closed.
//!
//! Each entry is there with a path to one head, and so is the deposit: all of them are in one log. What the owner of the
//! box signed about a position is about this deposit, because it is shown in the log that the owner had seen.

use serde::{Deserialize, Serialize};

use super::NotInTime;
use crate::audit::verify::{self, VerifiedReceipt};
use crate::letter::{BoxKeys, Half};
use crate::log::merkle::{leaf_hash, root_from_path};
use crate::log::{Entry, Receipt, SeenPath, TimelineEntry};
use crate::room::action::{Action, Seen};
use crate::room::body::{Body, Deposit};
use crate::value::clock::Time;
use crate::value::codec::{Digest, hashes};
use crate::value::label;

/// What a log says of a deposit after it, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// A signed head of that log, as transmitted.
    pub head: String,
    /// Path from the deposit's entry to the root of the head.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
    /// The entries, in the order of the log.
    pub entries: Vec<TimelineEntry>,
}

/// What happened to a letter that lay in a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// Its owner took it off.
    Taken,
    /// Its owner signed for it.
    Accepted,
    /// The broker published its half of the letter's key.
    Handed,
    /// Its owner would not have it.
    Declined,
    /// Its owner said nothing for as long as it takes.
    Lapsed,
    /// Its owner closed the box.
    BoxClosed,
}

impl Happened {
    /// What an action does to the deposit at a position, if it is about it (V-341).
    #[must_use]
    pub fn to(seq: u64, body: &Body) -> Option<Self> {
        let (happened, is_about) = match body {
            Body::Taken(taken) => (Self::Taken, taken.letters.contains(&seq)),
            Body::Accepted(one) => (Self::Accepted, one.letter == seq),
            Body::Handed(handed) => (Self::Handed, handed.letter == seq),
            Body::Declined(one) => (Self::Declined, one.letter == seq),
            Body::Lapsed(one) => (Self::Lapsed, one.letter == seq),
            Body::BoxClosed(_) => (Self::BoxClosed, true),
            _ => return None,
        };
        is_about.then_some(happened)
    }

    /// Whether the owner of the box signed it; otherwise the broker did.
    #[must_use]
    pub const fn is_owners(self) -> bool {
        !matches!(self, Self::Handed | Self::Lapsed)
    }

    /// Whether its author names the position of the deposit in a log that they had seen (V-343).
    #[must_use]
    pub const fn has_seen(self) -> bool {
        matches!(self, Self::Taken | Self::Accepted | Self::Declined)
    }

    /// Whether the letter waits no more, so that nothing else happens to it (V-347).
    #[must_use]
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Accepted | Self::Handed)
    }
}

/// An entry about a deposit, every part of it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it says.
    pub happened: Happened,
    /// It as a receipt.
    pub receipt: Receipt,
    /// Where it is in the log.
    pub shown: VerifiedReceipt,
}

/// A timeline, every part of it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTimeline {
    /// The deposit under the head that all of it is under.
    pub deposit: (Receipt, VerifiedReceipt),
    /// What happened, in the order of the log; never empty.
    pub events: Vec<Event>,
    /// The broker's half of the key of a registered letter, if it was handed over.
    pub half: Option<Half>,
}

impl VerifiedTimeline {
    /// The deposit and what happened, as receipts with what each shows.
    pub(super) fn receipts(&self) -> impl Iterator<Item = (&Receipt, &VerifiedReceipt)> {
        let (receipt, shown) = &self.deposit;
        let events = self.events.iter().map(|event| (&event.receipt, &event.shown));
        std::iter::once((receipt, shown)).chain(events)
    }
}

/// When a registered letter lapses that was stamped then (V-330).
pub(super) fn lapses(deposit: &Deposit, stamped: Time) -> Option<Time> {
    let until = stamped.plus(std::time::Duration::from_secs(label::REGISTERED_FOR));
    deposit.registered.map(|_| until)
}

/// A deposit that a timeline is about.
pub(super) struct Subject<'a> {
    /// Its receipt.
    pub receipt: &'a Receipt,
    /// The same, verified.
    pub shown: &'a VerifiedReceipt,
    /// What it says.
    pub deposit: &'a Deposit,
    /// The box that it is in.
    pub of: &'a BoxKeys,
}

/// How far it has come with a deposit.
enum Stage {
    /// It waits.
    Waits,
    /// The entry at this position accepts it.
    Accepted(u64),
    /// It was handed over, and waits to be taken.
    Handed,
    /// It waits no more.
    Over,
}

impl Timeline {
    /// Each entry as a receipt of the same log as `deposit`, and before them the deposit itself under this head.
    pub(super) fn receipts(&self, deposit: &Receipt) -> Vec<Receipt> {
        let (head, path) = (self.head.clone(), self.path.clone());
        let first = Receipt { head, path, ..deposit.clone() };
        let entries = self.entries.iter().map(|entry| Receipt {
            opening: deposit.opening.clone(),
            header: entry.header.clone(),
            entry: entry.entry.clone(),
            path: entry.path.clone(),
            head: self.head.clone(),
        });
        std::iter::once(first).chain(entries).collect()
    }

    /// Judges it (V-340 to V-348).
    pub(super) fn verify(&self, of: &Subject<'_>) -> Result<VerifiedTimeline, NotInTime> {
        let mut receipts = self.receipts(of.receipt).into_iter();
        let first = receipts.next().ok_or(NotInTime::Form)?;
        let shown = verify::receipt(&first).map_err(NotInTime::Deposit)?;
        if self.entries.is_empty() {
            return Err(NotInTime::Form);
        }
        let mut walk = Walk { of, stage: Stage::Waits, last: of.shown.seq, newest: of.shown.time };
        let (mut events, mut half) = (Vec::new(), None);
        for (entry, receipt) in self.entries.iter().zip(receipts) {
            let (event, handed) = walk.step(entry, receipt)?;
            half = half.or(handed);
            events.push(event);
        }
        match walk.stage {
            Stage::Accepted(_) => Err(NotInTime::Pair),
            _ => Ok(VerifiedTimeline { deposit: (first, shown), events, half }),
        }
    }
}

/// A walk through the entries.
struct Walk<'a> {
    of: &'a Subject<'a>,
    stage: Stage,
    /// Position of the last one.
    last: u64,
    /// Largest stamp so far.
    newest: Time,
}

impl Walk<'_> {
    fn step(
        &mut self,
        entry: &TimelineEntry,
        receipt: Receipt,
    ) -> Result<(Event, Option<Half>), NotInTime> {
        let shown = verify::receipt(&receipt).map_err(NotInTime::Entry)?;
        if shown.seq <= self.last {
            return Err(NotInTime::Form);
        }
        self.last = shown.seq;
        let read = Entry::parse(&receipt.entry).ok();
        let action = read.and_then(|entry| Action::parse(&entry.action).ok());
        let action = action.ok_or(NotInTime::Form)?;
        let happened = Happened::to(self.of.shown.seq, action.body()).ok_or(NotInTime::Other)?;
        if happened.is_owners() && action.key().as_bytes() != self.of.of.key.as_bytes() {
            return Err(NotInTime::Author);
        }
        self.require_seen(happened, &action.seen(), entry.seen.as_ref())?;
        let half = self.judge(happened, &shown, action.body())?;
        // V-348: as for the whole log (V-035), which has more entries between.
        if shown.time.plus(shown.terms.freshness) < self.newest {
            return Err(NotInTime::Stale);
        }
        self.newest = self.newest.max(shown.time);
        Ok((Event { happened, receipt, shown }, half))
    }

    /// V-343: a position is that of this deposit in the log that its author had seen.
    fn require_seen(
        &self,
        happened: Happened,
        seen: &Seen,
        path: Option<&SeenPath>,
    ) -> Result<(), NotInTime> {
        let had_seen = match (path, happened.has_seen()) {
            (None, false) => true,
            (Some(SeenPath(path)), true) => {
                let leaf = leaf_hash(self.of.receipt.entry.as_bytes());
                let root = root_from_path(&leaf, self.of.shown.seq, seen.size, path);
                root.is_ok_and(|root| root == seen.root)
            }
            _ => false,
        };
        if had_seen { Ok(()) } else { Err(NotInTime::Seen) }
    }

    /// V-344 to V-347: what may come now.
    fn judge(
        &mut self,
        happened: Happened,
        shown: &VerifiedReceipt,
        body: &Body,
    ) -> Result<Option<Half>, NotInTime> {
        let lapses = lapses(self.of.deposit, self.of.shown.time);
        if let (Stage::Accepted(_), _) | (_, Happened::Handed) = (&self.stage, happened) {
            return self.hand_over(shown.seq, body).map(Some);
        }
        let waits = match self.stage {
            Stage::Waits => true,
            Stage::Handed => false,
            Stage::Accepted(_) | Stage::Over => return Err(NotInTime::Order),
        };
        match happened {
            Happened::Taken if waits && lapses.is_some() => return Err(NotInTime::Registered),
            // V-281: from then on it waited no more.
            Happened::Taken if self.of.deposit.expires.is_some_and(|end| shown.time >= end) => {
                return Err(NotInTime::Registered);
            }
            Happened::Taken | Happened::BoxClosed => self.stage = Stage::Over,
            Happened::Accepted | Happened::Declined | Happened::Lapsed | Happened::Handed => {
                let until = lapses.ok_or(NotInTime::Registered)?;
                if !waits {
                    return Err(NotInTime::Order);
                }
                if (shown.time >= until) != (happened == Happened::Lapsed) {
                    return Err(NotInTime::Registered);
                }
                self.stage = match happened {
                    Happened::Accepted => Stage::Accepted(shown.seq),
                    _ => Stage::Over,
                };
            }
        }
        Ok(None)
    }

    /// V-344 and V-345: the half comes right behind the acceptance, and is the one.
    fn hand_over(&mut self, seq: u64, body: &Body) -> Result<Half, NotInTime> {
        let (Stage::Accepted(at), Body::Handed(handed)) = (&self.stage, body) else {
            return Err(NotInTime::Pair);
        };
        if at.checked_add(1) != Some(seq) {
            return Err(NotInTime::Pair);
        }
        let registered = self.of.deposit.registered.as_ref();
        if registered.is_none_or(|letter| letter.commitment != handed.half.commitment()) {
            return Err(NotInTime::Half);
        }
        self.stage = Stage::Handed;
        Ok(handed.half.clone())
    }
}

#[cfg(test)]
mod tests;
