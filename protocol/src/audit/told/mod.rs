//! What a broker tells whoever left a letter of what became of it, verified (SPEC 9.5).
//!
//! What is told is a timeline of the deposit (SPEC 8.3), judged as one that is shown to others, so whoever left the letter
//! can show it in turn. That nothing was left out nobody but the owner of the box sees.

use crate::audit::letter::{Event, NotShown, ShownDeposit, Timeline, VerifiedTimeline};
use crate::audit::verify::{self, VerifyError};
use crate::log::merkle::{self, ProofError};
use crate::log::{Entry, Head, HeadError, Origin, Receipt, TimelineEntry};
use crate::room::action::Action;
use crate::room::message_box::About;
use crate::value::codec::Digest;

/// Why what was told is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToldError {
    /// The depositor's own receipt does not hold, or the head that is said to have been met.
    #[error("the deposit's receipt does not hold")]
    Receipt(#[source] VerifyError),
    /// The head is none that the broker signed for this box.
    #[error("the head that was shown is not the broker's for this box")]
    Head(#[from] HeadError),
    /// The log is shorter than it was.
    #[error("the log of the box has {shown} entries, and had {met}")]
    Shorter {
        /// Entries of the head that was met before.
        met: u64,
        /// Entries of the head that was shown now.
        shown: u64,
    },
    /// The log does not go on from the one that was met before.
    #[error("the log of the box does not go on from what it was")]
    Fork(#[source] ProofError),
    /// The deposit is not shown to be in the log any more.
    #[error("the deposit is not in the log that is shown")]
    Gone(#[source] VerifyError),
    /// An entry does not hold, is about something else, or cannot be where it stands.
    #[error("what is told does not hold")]
    Timeline(#[source] NotShown),
    /// The owner of the box does not let depositors hear of it.
    #[error("entry {seq} is none that may be told")]
    Untold {
        /// Its position.
        seq: u64,
    },
    /// What was told before is not told any more.
    #[error("entry {seq} is not told any more")]
    LeftOut {
        /// Its position.
        seq: u64,
    },
    /// An entry stood there already when it was last asked, and was not told.
    #[error("entry {seq} was there when it was not told of")]
    Denied {
        /// Its position.
        seq: u64,
    },
}

/// What a broker answers to who asks about a deposit. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The newest signed head of the box.
    pub head: String,
    /// How the log goes on to it from the newest head that was met before.
    pub consistency: Vec<Digest>,
    /// Path from the deposit's entry to its root.
    pub path: Vec<Digest>,
    /// The entries about the deposit.
    pub entries: Vec<TimelineEntry>,
}

/// What was met of a box before it is asked about a deposit there.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The newest signed head: that of the receipt, until something was told. Its size is what is asked from.
    pub head: &'a str,
    /// The entries that were told under it; nothing if it was never asked.
    pub told: Option<&'a [TimelineEntry]>,
}

/// What was told of a deposit, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTold {
    /// Entries of the log when it was told.
    pub size: u64,
    /// Its root then.
    pub root: Digest,
    /// What happened, and as what it can be shown to others; nothing if nothing was told.
    pub happened: Option<(Timeline, VerifiedTimeline)>,
}

impl VerifiedTold {
    /// What happened, in the order of the log.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        self.happened.as_ref().map_or(&[], |(_, verified)| &verified.events)
    }
}

/// Verifies what was told of a deposit (V-353, V-354, V-362), `deposit` being the receipt for it.
///
/// # Errors
/// [`ToldError`]: with both heads and what was shown, it is what shows the lie.
pub fn told(
    deposit: &Receipt,
    before: Before<'_>,
    answer: &Answer,
) -> Result<VerifiedTold, ToldError> {
    let own = verify::receipt(deposit).map_err(ToldError::Receipt)?;
    let origin = Origin { broker: own.broker, room: own.room };
    let key = &own.terms.broker.head;
    let met = Head::open(before.head, &origin, key);
    let met = met.map_err(|error| ToldError::Receipt(error.into()))?;
    let Answer { head, consistency, path, entries } = answer;
    let shown = Head::open(head, &origin, key)?;
    if shown.size < met.size {
        return Err(ToldError::Shorter { met: met.size, shown: shown.size });
    }
    merkle::verify_consistency(met.size, &met.root, shown.size, &shown.root, consistency)
        .map_err(ToldError::Fork)?;
    let now = Receipt { head: head.clone(), path: path.clone(), ..deposit.clone() };
    verify::receipt(&now).map_err(ToldError::Gone)?;
    let happened = if entries.is_empty() {
        None
    } else {
        let (head, path, entries) = (head.clone(), path.clone(), entries.clone());
        let timeline = Timeline { head, path, entries };
        let shown = ShownDeposit { deposit: deposit.clone(), timeline };
        let verified = shown.verify().map_err(ToldError::Timeline)?.timeline;
        require_told(own.seq, &verified.events)?;
        Some((shown.timeline, verified))
    };
    let told = VerifiedTold { size: shown.size, root: shown.root, happened };
    if let Some(known) = before.told {
        compare(known, met.size, told.events())?;
    }
    Ok(told)
}

/// V-351: what its owner does not let depositors hear of is no honest broker's to tell.
fn require_told(deposit: u64, events: &[Event]) -> Result<(), ToldError> {
    for Event { receipt, shown, .. } in events {
        let entry = Entry::parse(&receipt.entry).ok();
        let action = entry.and_then(|entry| Action::parse(&entry.action).ok());
        let is_told =
            action.is_some_and(|action| About::of(action.body()).covers(deposit, shown.seq));
        if !is_told {
            return Err(ToldError::Untold { seq: shown.seq });
        }
    }
    Ok(())
}

/// What was told before is told again, and what stood before the end of the log then is nothing new.
fn compare(known: &[TimelineEntry], met: u64, now: &[Event]) -> Result<(), ToldError> {
    for known in known {
        if !now.iter().any(|event| event.receipt.entry == known.entry) {
            let seq = Entry::parse(&known.entry).map_or(0, |entry| entry.seq);
            return Err(ToldError::LeftOut { seq });
        }
    }
    let is_known = |event: &Event| known.iter().any(|known| known.entry == event.receipt.entry);
    match now.iter().find(|event| event.shown.seq < met && !is_known(event)) {
        Some(denied) => Err(ToldError::Denied { seq: denied.shown.seq }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
