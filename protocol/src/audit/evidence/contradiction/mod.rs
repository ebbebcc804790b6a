//! A TSA that contradicts itself: two batch headers that it cannot both have signed honestly.

use super::NoEvidence;
use crate::log::stamp::VerifiedBatch;
use crate::trust::key::{Fingerprint, PublicKey, StampKey};

/// What two batch headers of one TSA contradict each other in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// Different headers under one number.
    Number,
    /// Different headers after the same predecessor.
    Predecessor,
    /// The larger number has the earlier time, or says so of its predecessor.
    Order,
    /// Neighbours by number, and the later one names another predecessor.
    Chain,
}

/// Two batch headers that one TSA cannot honestly have signed: evidence against it (V-063).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsaContradiction {
    /// Fingerprint of the TSA's stamp key.
    pub tsa: Fingerprint,
    /// What they contradict each other in.
    pub kind: Contradiction,
    /// The two signed headers as transmitted, in the order of the arguments.
    pub batches: [String; 2],
}

/// Shows that a TSA contradicts itself: two validly signed headers (compact JWS) with the same
/// number, with the same predecessor, or out of order (V-063).
///
/// # Errors
/// [`NoEvidence`] if one is not by this key or both can be true.
pub fn contradiction(
    first: &str,
    second: &str,
    key: &PublicKey<StampKey>,
) -> Result<TsaContradiction, NoEvidence> {
    let one = VerifiedBatch::open(first, &[*key])?;
    let two = VerifiedBatch::open(second, &[*key])?;
    let kind = contradicted(&one, &two).ok_or(NoEvidence::Consistent)?;
    Ok(TsaContradiction {
        tsa: key.fingerprint(),
        kind,
        batches: [first.to_owned(), second.to_owned()],
    })
}

/// As [`contradiction`], of two headers of one TSA that were verified before; `None` if both can be true.
#[must_use]
pub fn contradicted(one: &VerifiedBatch, two: &VerifiedBatch) -> Option<Contradiction> {
    if one.hash() == two.hash() {
        return None;
    }
    let (early, late) =
        if one.header().batch <= two.header().batch { (one, two) } else { (two, one) };
    let (before, after) = (early.header(), late.header());
    if before.batch == after.batch {
        Some(Contradiction::Number)
    } else if before.prev == after.prev {
        Some(Contradiction::Predecessor)
    } else if before.time > after.time || before.time > after.prev_time {
        Some(Contradiction::Order)
    } else if before.batch.checked_add(1) == Some(after.batch)
        && (after.prev != early.hash() || after.prev_time != before.time)
    {
        Some(Contradiction::Chain)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
