//! Heads that others than the broker and the room's author made final, and since when (V-150, V-157).

use std::time::Duration;

use super::NoEvidence;
use crate::log::stamp::VerifiedBatch;
use crate::log::{Head, Origin, cosignature};
use crate::room::Terms;
use crate::trust::broker::BrokerCertificate;
use crate::value::clock::Time;

/// How much later than the cosignatures something must be: they are dated in whole seconds, and by clocks of
/// their own, which may be behind the TSA's.
const LATER: Duration = Duration::from_secs(10);

/// A final head, with its newest date.
pub(super) struct FinalHead {
    pub(super) head: Head,
    newest: Time,
}

impl FinalHead {
    /// Verifies it. Only witnesses count that the broker itself names, and its quorum if that is larger:
    /// whoever writes a listing may name one of their own beside them, and ask for one alone.
    pub(super) fn open(
        note: &str,
        origin: &Origin,
        terms: &Terms,
        certificate: &BrokerCertificate,
    ) -> Result<Self, NoEvidence> {
        let head = Head::open(note, origin, &terms.broker.head)?;
        let mut cosigned = cosignature::cosignatures(note, &head, &terms.witnesses)?;
        cosigned.retain(|(witness, _)| certificate.witnesses.contains(witness));
        let quorum = terms.quorum.max(certificate.quorum);
        let operators = u32::try_from(cosignature::operators(&cosigned).len());
        // One witness with a wrong clock, or one that lies, must not do.
        if quorum == 0 || operators.is_ok_and(|operators| operators < quorum) {
            return Err(NoEvidence::NotFinal);
        }
        let newest = cosigned.iter().map(|(_, cosignature)| cosignature.time).max();
        let newest = newest.and_then(seconds).ok_or(NoEvidence::NotFinal)?;
        Ok(Self { head, newest })
    }

    /// Whether a header was made after all of it was cosigned: its predecessor was.
    pub(super) fn is_before(&self, header: &VerifiedBatch) -> bool {
        header.header().prev_time > self.newest.plus(LATER)
    }
}

/// The instant of a date in whole seconds, if there is one.
fn seconds(seconds: u64) -> Option<Time> {
    let at = Time::default().plus(Duration::from_secs(seconds));
    (at.as_micros().checked_div(1_000_000)? == seconds).then_some(at)
}
