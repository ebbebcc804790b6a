//! What a broker tells whoever left a letter of what became of it, verified (SPEC 9.5).
//!
//! Each entry that is told is a receipt in itself: with the opening and the head it convinces others. That nothing was left
//! out nobody but the owner of the box sees.

use crate::audit::verify::{self, VerifyError};
use crate::log::merkle::{self, ProofError};
use crate::log::{Entry, Head, HeadError, Origin, Receipt};
use crate::room::action::Action;
use crate::room::body::Verb;
use crate::room::message_box::About;
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::wire::frame::ToldEntry;

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
    /// An entry does not hold by itself.
    #[error("an entry that was shown does not hold")]
    Entry(#[source] VerifyError),
    /// An entry is by somebody who does not decide about letters of this box.
    #[error("entry {seq} is not by the owner of the box")]
    Author {
        /// Its position.
        seq: u64,
    },
    /// An entry is about other deposits, or may not be told.
    #[error("entry {seq} is not about this deposit")]
    Other {
        /// Its position.
        seq: u64,
    },
    /// Entries come twice, or not in the order of the log.
    #[error("the entries are not in the order of the log")]
    Order,
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

/// What was met of a box before it is asked about a deposit there.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The newest signed head: that of the receipt, until something was told. Its size is what is asked from.
    pub head: &'a str,
    /// The entries that were told under it, each as a receipt; nothing if it was never asked.
    pub told: Option<&'a [Receipt]>,
}

/// An entry about a deposit, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    /// What was done.
    pub verb: Verb,
    /// Its position.
    pub seq: u64,
    /// Its stamp's time.
    pub time: Time,
    /// What shows it to others.
    pub receipt: Receipt,
}

/// What was told of a deposit, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTold {
    /// Entries of the log when it was told.
    pub size: u64,
    /// Its root then.
    pub root: Digest,
    /// The entries about the deposit.
    pub entries: Vec<VerifiedEntry>,
}

/// Verifies what was told of a deposit (V-353, V-354), `deposit` being the receipt for it.
///
/// # Errors
/// [`ToldError`]: with both heads and what was shown, it is what shows the lie.
pub fn told(
    deposit: &Receipt,
    before: Before<'_>,
    head: &str,
    consistency: &[Digest],
    entries: &[ToldEntry],
) -> Result<VerifiedTold, ToldError> {
    let own = verify::receipt(deposit).map_err(ToldError::Receipt)?;
    let origin = Origin { broker: own.broker, room: own.room };
    let key = &own.terms.broker.head;
    let met = Head::open(before.head, &origin, key);
    let met = met.map_err(|error| ToldError::Receipt(error.into()))?;
    let shown = Head::open(head, &origin, key)?;
    if shown.size < met.size {
        return Err(ToldError::Shorter { met: met.size, shown: shown.size });
    }
    merkle::verify_consistency(met.size, &met.root, shown.size, &shown.root, consistency)
        .map_err(ToldError::Fork)?;
    let mut last = own.seq;
    let mut verified = Vec::new();
    for ToldEntry { header, entry, path } in entries {
        let receipt = Receipt {
            opening: deposit.opening.clone(),
            header: header.clone(),
            entry: entry.clone(),
            path: path.clone(),
            head: head.to_owned(),
        };
        let entry = about(own.seq, receipt)?;
        if entry.seq <= last {
            return Err(ToldError::Order);
        }
        last = entry.seq;
        verified.push(entry);
    }
    if let Some(known) = before.told {
        compare(known, met.size, &verified)?;
    }
    Ok(VerifiedTold { size: shown.size, root: shown.root, entries: verified })
}

/// What was told before is told again, and what stood before the end of the log then is nothing new.
fn compare(known: &[Receipt], met: u64, now: &[VerifiedEntry]) -> Result<(), ToldError> {
    for receipt in known {
        if !now.iter().any(|entry| entry.receipt.entry == receipt.entry) {
            let seq = Entry::parse(&receipt.entry).map_or(0, |entry| entry.seq);
            return Err(ToldError::LeftOut { seq });
        }
    }
    let is_known =
        |entry: &VerifiedEntry| known.iter().any(|known| known.entry == entry.receipt.entry);
    match now.iter().find(|entry| entry.seq < met && !is_known(entry)) {
        Some(denied) => Err(ToldError::Denied { seq: denied.seq }),
        None => Ok(()),
    }
}

/// An entry that is about the deposit at a position, by whoever may do that.
///
/// # Errors
/// [`ToldError::Entry`], [`ToldError::Author`], [`ToldError::Other`].
pub fn about(deposit: u64, receipt: Receipt) -> Result<VerifiedEntry, ToldError> {
    let holds = verify::receipt(&receipt).map_err(ToldError::Entry)?;
    let (seq, time, verb) = (holds.seq, holds.time, holds.verb);
    let parsed = |compact: &str| {
        Action::parse(compact).map_err(|error| ToldError::Entry(VerifyError::Action(error)))
    };
    let entry = Entry::parse(&receipt.entry);
    let entry = entry.map_err(|error| {
        ToldError::Entry(VerifyError::Receipt(crate::log::ReceiptError::Entry(error)))
    })?;
    let (action, opening) = (parsed(&entry.action)?, parsed(&receipt.opening)?);
    // What the broker may do it signs, which the receipt has shown (V-032).
    if !action.body().is_brokers() && action.key() != opening.key() {
        return Err(ToldError::Author { seq });
    }
    if !About::of(action.body()).covers(deposit, seq) {
        return Err(ToldError::Other { seq });
    }
    Ok(VerifiedEntry { verb, seq, time, receipt })
}

#[cfg(test)]
mod tests;
