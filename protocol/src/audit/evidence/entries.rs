//! Two entries at one position of a log (V-152).

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Shown, opened};
use crate::audit::verify;
use crate::log::Receipt;

/// Two receipts of one room that show different entries at one position: a receipt that the broker's
/// log contradicts, whatever sizes the two heads have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoEntries {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The receipts.
    pub receipts: [Receipt; 2],
}

impl TwoEntries {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let [first, second] = &self.receipts;
        let (origin, _) = opened(&first.opening, &self.certificate)?;
        let one = verify::receipt(first).map_err(NoEvidence::Receipt)?;
        let two = verify::receipt(second).map_err(NoEvidence::Receipt)?;
        if (one.room, one.seq) != (two.room, two.seq) {
            return Err(NoEvidence::OtherThing);
        }
        if first.entry == second.entry {
            return Err(NoEvidence::Consistent);
        }
        let what = format!("signed two logs with different entries at position {}", one.seq);
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}
