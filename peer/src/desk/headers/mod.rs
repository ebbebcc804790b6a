//! Batch headers of the TSA, wherever they came from: ticks, entries and openings of any room, stamps, refusals.
//!
//! Each is compared with those met before (V-063): a TSA that shows one history to one room and another to
//! another is found out by whoever is in both.

use std::collections::BTreeMap;

use pregao_protocol::audit::evidence::{Evidence, TwoBatches, contradicted};
use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::value::codec::Digest;

use super::Desk;
use super::evidence::Exhibit;

/// Headers remembered, those with the largest numbers: at a tick each second more than half an hour, and about
/// 1 MiB.
const HEADERS: usize = 2_048;

/// Headers of the one TSA key that the desk pins; none contradicts another.
#[derive(Debug, Default)]
pub(super) struct TsaHeaders {
    /// By number.
    met: BTreeMap<u64, VerifiedBatch>,
    /// The number of the header that names each predecessor.
    after: BTreeMap<Digest, u64>,
    /// The user was told that two contradict each other.
    told: bool,
}

impl TsaHeaders {
    /// Takes a header, and gives one met before that cannot be honest beside it; it is then not taken.
    ///
    /// Those remembered agree with each other, so that beside one of the same number and one with the same
    /// predecessor only its neighbours need to be looked at.
    fn meet(&mut self, batch: &VerifiedBatch) -> Option<VerifiedBatch> {
        let header = batch.header();
        let number = header.batch;
        if self.met.get(&number).is_some_and(|known| known.hash() == batch.hash()) {
            return None;
        }
        let sibling = self.after.get(&header.prev).and_then(|number| self.met.get(number));
        let before = self.met.range(..=number).next_back().map(|(_, known)| known);
        let after = self.met.range(number..).next().map(|(_, known)| known);
        let beside = [sibling, before, after];
        let lies = |known: &&VerifiedBatch| contradicted(known, batch).is_some();
        let other = beside.into_iter().flatten().find(lies).cloned();
        if other.is_none() {
            self.met.insert(number, batch.clone());
            self.after.insert(header.prev, number);
            if self.met.len() > HEADERS
                && let Some((_, oldest)) = self.met.pop_first()
            {
                self.after.remove(&oldest.header().prev);
            }
        }
        other
    }
}

impl Desk {
    /// Compares a verified header with all that were met in this run. Whether none contradicts it; the first
    /// that does is an alarm.
    pub(super) async fn meet_header(&mut self, batch: &VerifiedBatch) -> bool {
        // Of another TSA than the one pinned, nothing is believed anyway.
        if batch.header().tsa != self.tsa.stamp.fingerprint() {
            return true;
        }
        let Some(other) = self.headers.meet(batch) else { return true };
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
