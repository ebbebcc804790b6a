//! Batch headers of one TSA, from wherever they came, held against each other (V-063).
//!
//! A TSA that shows one history to one room and another to another is found out by whoever is in both.

use std::collections::BTreeMap;

use crate::audit::evidence::contradicted;
use crate::log::stamp::VerifiedBatch;
use crate::value::codec::Digest;

/// Headers of one TSA key, none of which contradicts another. Each is kept with a note of where it was met.
#[derive(Debug, Default)]
pub struct TsaHistory<T = ()> {
    /// By number.
    met: BTreeMap<u64, (VerifiedBatch, T)>,
    /// The number of the header that names each predecessor.
    after: BTreeMap<Digest, u64>,
}

impl<T: Clone> TsaHistory<T> {
    /// Takes a header, and gives one met before that cannot be honest beside it; it is then not taken.
    ///
    /// Those kept agree with each other, so that beside one of the same number and one with the same
    /// predecessor only its neighbours need to be looked at.
    pub fn meet(&mut self, batch: &VerifiedBatch, note: T) -> Option<(VerifiedBatch, T)> {
        let header = batch.header();
        let number = header.batch;
        if self.met.get(&number).is_some_and(|(known, _)| known.hash() == batch.hash()) {
            return None;
        }
        let sibling = self.after.get(&header.prev).and_then(|number| self.met.get(number));
        let before = self.met.range(..=number).next_back().map(|(_, known)| known);
        let after = self.met.range(number..).next().map(|(_, known)| known);
        let beside = [sibling, before, after];
        let lies = |(known, _): &&(VerifiedBatch, T)| contradicted(known, batch).is_some();
        let other = beside.into_iter().flatten().find(lies).cloned();
        if other.is_none() {
            self.met.insert(number, (batch.clone(), note));
            self.after.insert(header.prev, number);
        }
        other
    }

    /// Forgets all but the headers with the largest numbers.
    pub fn forget_all_but(&mut self, most: usize) {
        while self.met.len() > most
            && let Some((_, (oldest, _))) = self.met.pop_first()
        {
            self.after.remove(&oldest.header().prev);
        }
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.met.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.met.is_empty()
    }
}

#[cfg(test)]
mod tests;
