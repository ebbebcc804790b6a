//! A broker that answers from a log which it had longer before (V-150).

use serde::{Deserialize, Serialize};

use super::finality::FinalHead;
use super::{NoEvidence, Shown, opened};
use crate::audit::verify;
use crate::log::stamp::VerifiedBatch;
use crate::room::action::Action;
use crate::trust::broker::BrokerCertificate;
use crate::wire::refusal::Refusal;

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
        let certificate = BrokerCertificate::open(&self.certificate, origin.broker)?;
        let last = FinalHead::open(&self.head, &origin, &terms, &certificate)?;
        let refusal = Refusal::open(&self.refusal, &keys.entry)?;
        let header = VerifiedBatch::open(&refusal.header, &terms.stamps)?;
        if refusal.room != origin.room || refusal.batch != header.hash() {
            return Err(NoEvidence::OtherThing);
        }
        let head = last.head;
        // The header was made after its predecessor, and the refusal after the header.
        if !last.is_before(&header) || refusal.size >= head.size {
            return Err(NoEvidence::Consistent);
        }
        let (had, answered) = (head.size, refusal.size);
        let what = format!(
            "answered from a log of {answered} entries when witnesses had seen one of {had}"
        );
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}
