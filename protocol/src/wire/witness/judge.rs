//! By which rule a witness cosigns (V-147).

use crate::log::merkle::{empty_root, verify_consistency};
use crate::log::{Cosignature, Head};
use crate::value::codec::Digest;

use super::{AddCheckpoint, CheckpointRefusal};

/// What a witness remembers of a log: the largest head that it cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedHead {
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// The note in which the broker signed it, as it came.
    pub note: String,
    /// What the witness answered.
    pub cosignature: Cosignature,
}

impl WitnessedHead {
    /// Whether a head, signed by the same broker, contradicts this one: two different logs of one size.
    #[must_use]
    pub fn is_contradicted_by(&self, head: &Head) -> bool {
        self.size == head.size && self.root != head.root
    }
}

/// What a witness does with a head that it may cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The head is new: it is signed, and kept before the answer goes out.
    Sign,
    /// The head is the one kept: what was answered then is answered again, with its date.
    Again(Cosignature),
}

/// Decides about a head whose signature by its broker was verified (V-147). `kept` is what the witness
/// remembers of this log, `now` its time in seconds since 1970.
///
/// # Errors
/// [`CheckpointRefusal`], in the order in which C2SP has the checks.
pub fn judge(
    kept: Option<&WitnessedHead>,
    request: &AddCheckpoint,
    head: &Head,
    now: u64,
) -> Result<Decision, CheckpointRefusal> {
    if head.size == 0 {
        return Err(CheckpointRefusal::Empty);
    }
    if request.old > head.size {
        return Err(CheckpointRefusal::Backwards);
    }
    let (size, root) = kept.map_or((0, empty_root()), |kept| (kept.size, kept.root));
    if request.old != size {
        return Err(CheckpointRefusal::Conflict { size });
    }
    if kept.is_some_and(|kept| kept.is_contradicted_by(head)) {
        return Err(CheckpointRefusal::Root);
    }
    verify_consistency(size, &root, head.size, &head.root, &request.proof)
        .map_err(|_| CheckpointRefusal::Proof)?;
    match kept {
        Some(kept) if kept.size == head.size => Ok(Decision::Again(kept.cosignature)),
        // One head for each second of a log: its date tells when, and no broker fills the disk.
        Some(kept) if now <= kept.cosignature.time => Err(CheckpointRefusal::Busy),
        Some(_) | None => Ok(Decision::Sign),
    }
}
