//! Batch headers of the TSA, wherever they came from: ticks, entries and openings of any room, stamps, refusals.
//!
//! Each is compared with those met before (V-063): a TSA that shows one history to one room and another to
//! another is found out by whoever is in both.

use pregao_protocol::audit::evidence::{Evidence, TwoBatches};
use pregao_protocol::audit::history::TsaHistory;
use pregao_protocol::log::stamp::VerifiedBatch;

use super::Desk;
use super::evidence::Exhibit;

/// Headers remembered, those with the largest numbers: at a tick each second more than half an hour, and about
/// 1 MiB.
const HEADERS: usize = 2_048;

/// Headers of the one TSA key that the desk pins; none contradicts another.
#[derive(Debug, Default)]
pub(super) struct TsaHeaders {
    met: TsaHistory,
    /// The user was told that two contradict each other.
    told: bool,
}

impl Desk {
    /// Compares a verified header with all that were met in this run. Whether none contradicts it; the first
    /// that does is an alarm.
    pub(super) async fn meet_header(&mut self, batch: &VerifiedBatch) -> bool {
        // Of another TSA than the one pinned, nothing is believed anyway.
        if batch.header().tsa != self.tsa.stamp.fingerprint() {
            return true;
        }
        let Some((other, ())) = self.headers.met.meet(batch, ()) else {
            self.headers.met.forget_all_but(HEADERS);
            return true;
        };
        // One proof is enough; a TSA could go on for ever.
        if std::mem::replace(&mut self.headers.told, true) {
            return false;
        }
        let batches = [other.compact().to_owned(), batch.compact().to_owned()];
        let proof = Evidence::Batches(TwoBatches { key: self.tsa.stamp, batches });
        let message = "the TSA contradicts itself: its time went back or its chain forks";
        let advice = "do not trust its stamps, in whichever room";
        self.accuse(None, message, advice, Exhibit::Proof(&proof, None)).await;
        false
    }
}

#[cfg(test)]
mod tests;
