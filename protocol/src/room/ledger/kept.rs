//! A ledger as somebody keeps it for themselves, to go on from without the entries before.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Batches, Known, Ledger, RecentHeads};
use crate::log::merkle::Frontier;
use crate::room::Terms;
use crate::room::action::Action;
use crate::trust::key::{Fingerprint, PublicKey};
use crate::value::clock::Time;
use crate::value::codec::{Digest, hashes};

/// Everything of a ledger that its opening does not give.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptLedger {
    opened: Digest,
    size: u64,
    #[serde(with = "hashes")]
    peaks: Vec<Digest>,
    newest: Time,
    base: u64,
    #[serde(with = "hashes")]
    roots: Vec<Digest>,
    minima: Vec<(u64, Time)>,
    batches: Vec<KeptBatch>,
    /// In order, so that one ledger has one form.
    #[serde(with = "hashes")]
    used: Vec<Digest>,
}

/// A batch header that was met.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptBatch {
    tsa: Fingerprint,
    number: u64,
    hash: Digest,
    prev: Digest,
    prev_time: Time,
    time: Time,
}

impl Ledger {
    /// Keeps what is here.
    pub(crate) fn keep(&self) -> KeptLedger {
        let mut used: Vec<Digest> = self.used.iter().copied().map(Digest).collect();
        used.sort_unstable();
        let batches = self.batches.known.iter().map(|((tsa, number), known)| {
            let Known { hash, prev, prev_time, time } = *known;
            KeptBatch { tsa: *tsa, number: *number, hash, prev, prev_time, time }
        });
        KeptLedger {
            opened: self.opened,
            size: self.frontier.size(),
            peaks: self.frontier.peaks().to_vec(),
            newest: self.newest,
            base: self.heads.base,
            roots: self.heads.roots.iter().copied().collect(),
            minima: self.heads.minima.iter().copied().collect(),
            batches: batches.collect(),
            used,
        }
    }

    /// The ledger of the room that an action opened, from what was kept; nothing if that is none.
    pub(crate) fn take_up(kept: KeptLedger, opening: &Action, terms: Terms) -> Option<Self> {
        let frontier = Frontier::of_peaks(kept.size, kept.peaks)?;
        let heads = RecentHeads {
            base: kept.base,
            roots: kept.roots.into(),
            minima: VecDeque::from(kept.minima),
        };
        let last = heads.base.checked_add(heads.roots.len() as u64)?.checked_sub(1)?;
        if kept.size == 0 || last != kept.size || heads.roots.back() != Some(&frontier.root()) {
            return None;
        }
        let known = kept.batches.into_iter().map(|batch| {
            let KeptBatch { tsa, number, hash, prev, prev_time, time } = batch;
            ((tsa, number), Known { hash, prev, prev_time, time })
        });
        Some(Self {
            name: opening.room(),
            opened_by: *opening.key(),
            opened: kept.opened,
            tsas: terms.stamps.iter().map(PublicKey::fingerprint).collect(),
            terms,
            frontier,
            newest: kept.newest,
            heads,
            batches: Batches { known: known.collect() },
            used: kept.used.into_iter().map(|used| used.0).collect(),
        })
    }
}
