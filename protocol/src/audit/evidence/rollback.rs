//! A broker that answers from a log which it had longer before (V-150).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Shown, opened};
use crate::audit::verify;
use crate::log::stamp::VerifiedBatch;
use crate::log::{Head, cosignature};
use crate::room::action::Action;
use crate::value::clock::Time;
use crate::wire::refusal::Refusal;

/// How much later than the cosignatures the refusal must be: they are dated in whole seconds, and by clocks of
/// their own, which may be behind the TSA's.
const LATER: Duration = Duration::from_secs(10);

/// What shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The room's opening action (compact JWS).
    pub opening: String,
    /// A final head: with cosignatures of named witnesses of at least `quorum` operators.
    pub head: String,
    /// A signed refusal with the newest header that it was decided by.
    pub refusal: String,
}

impl Rollback {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let (origin, keys) = opened(&self.opening, &self.certificate)?;
        let opening = Action::parse(&self.opening)?;
        let terms = verify::terms(&opening).map_err(NoEvidence::Opening)?;
        let head = Head::open(&self.head, &origin, &keys.head)?;
        let cosigned = cosignature::cosignatures(&self.head, &head, &terms.witnesses)?;
        // One witness with a wrong clock, or one that lies, must not do.
        if !terms.is_final(&cosigned) {
            return Err(NoEvidence::NotFinal);
        }
        let newest = cosigned.iter().map(|(_, cosignature)| cosignature.time).max();
        let newest = newest.and_then(seconds).ok_or(NoEvidence::NotFinal)?;
        let refusal = Refusal::open(&self.refusal, &keys.entry)?;
        let header = VerifiedBatch::open(&refusal.header, &terms.stamps)?;
        if refusal.room != origin.room || refusal.batch != header.hash() {
            return Err(NoEvidence::OtherThing);
        }
        // The header was made after its predecessor, and the refusal after the header.
        let later = header.header().prev_time > newest.plus(LATER);
        if !later || refusal.size >= head.size {
            return Err(NoEvidence::Consistent);
        }
        let (had, answered) = (head.size, refusal.size);
        let what = format!(
            "answered from a log of {answered} entries when witnesses had seen one of {had}"
        );
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}

/// The instant of a date in whole seconds, if there is one.
fn seconds(seconds: u64) -> Option<Time> {
    let at = Time::default().plus(Duration::from_secs(seconds));
    (at.as_micros().checked_div(1_000_000)? == seconds).then_some(at)
}
