//! What every room's fold keeps: the tree, the order of time and the keys used (SPEC 7).
//!
//! Rules here hold for every entry of every room, whatever its verb.

mod kept;

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::log::RoomName;
use crate::log::merkle::Frontier;
use crate::log::stamp::VerifiedBatch;
use crate::room::action::{Action, Seen};
use crate::room::body::Signer;
use crate::room::{Access, Code, Stamped, Terms};
use crate::trust::key::{Fingerprint, OneTime, PublicKey};
use crate::value::clock::Time;
use crate::value::codec::Digest;

pub(crate) use kept::KeptLedger;

/// The state that does not depend on the kind of room.
#[derive(Debug, Clone)]
pub struct Ledger {
    name: RoomName,
    opened_by: PublicKey<OneTime>,
    /// Root of the log with its opening alone.
    opened: Digest,
    terms: Terms,
    tsas: Vec<Fingerprint>,
    frontier: Frontier,
    newest: Time,
    heads: RecentHeads,
    batches: Batches,
    /// What must not occur again: keys, or digests of actions where keys act more than once.
    used: HashSet<[u8; 32]>,
}

impl Ledger {
    /// Begins a log with its opening, before its kind of room judges that. Gives the tree hashes it
    /// completes, leaf first.
    ///
    /// # Errors
    /// [`Code::VerbAuthor`] if another signed it than its verb says, [`Code::StampUnknownTsa`] if
    /// its stamp is by none of the TSAs that it names.
    pub(crate) fn open(
        opening: &Stamped,
        terms: Terms,
        leaf: Digest,
    ) -> Result<(Self, Vec<Digest>), Code> {
        let action = opening.action();
        let mut ledger = Self::new(action.room(), *action.key(), terms);
        ledger.judge_signer(action)?;
        if !ledger.knows_tsa(opening.batch()) {
            return Err(Code::StampUnknownTsa);
        }
        let hashes = ledger.append(opening, leaf);
        Ok((ledger, hashes))
    }

    fn new(name: RoomName, opened_by: PublicKey<OneTime>, terms: Terms) -> Self {
        let frontier = Frontier::default();
        let heads = RecentHeads::new(frontier.root());
        Self {
            name,
            opened_by,
            opened: frontier.root(),
            tsas: terms.stamps.iter().map(PublicKey::fingerprint).collect(),
            terms,
            frontier,
            newest: Time::default(),
            heads,
            batches: Batches::default(),
            used: HashSet::new(),
        }
    }

    /// The room's name.
    #[must_use]
    pub const fn name(&self) -> RoomName {
        self.name
    }

    /// The key that the opening is signed with.
    #[must_use]
    pub const fn opened_by(&self) -> &PublicKey<OneTime> {
        &self.opened_by
    }

    /// Whether the broker opened the room.
    #[must_use]
    pub fn is_opened_by_broker(&self) -> bool {
        self.terms.broker.entry.as_bytes() == self.opened_by.as_bytes()
    }

    /// What the opening fixed.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The only keys whose holders read the room; `None` for a public one.
    #[must_use]
    pub fn readers(&self) -> Option<&[PublicKey<OneTime>]> {
        match &self.terms.access {
            Access::Public => None,
            Access::Members(keys) => Some(keys),
            Access::Owner => Some(std::slice::from_ref(&self.opened_by)),
        }
    }

    /// Whether a stamp is by a TSA that counts here.
    pub(crate) fn knows_tsa(&self, batch: &VerifiedBatch) -> bool {
        self.tsas.contains(&batch.header().tsa)
    }

    /// The log so far: what a new action should name as `seen`.
    #[must_use]
    pub fn head(&self) -> Seen {
        Seen { size: self.frontier.size(), root: self.heads.newest() }
    }

    /// The newest stamp in the log, but for what the two of a reveal room write to each other.
    #[must_use]
    pub const fn newest(&self) -> Time {
        self.newest
    }

    /// The frontier of the log's tree.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Whether the action is signed by the broker's entry key.
    #[must_use]
    pub fn is_brokers(&self, action: &Action) -> bool {
        action.is_by(&self.terms.broker.entry)
    }

    /// Rules for every entry (V-030 to V-037).
    pub(crate) fn judge(&self, entry: &Stamped) -> Result<(), Code> {
        let action = entry.action();
        // V-030 to V-033: the room, the TSA, the author, and nothing twice.
        if action.room() != self.name {
            return Err(Code::RoomOther);
        }
        if !self.knows_tsa(entry.batch()) {
            return Err(Code::StampUnknownTsa);
        }
        self.judge_signer(action)?;
        if self.used.contains(&self.unique(action)) {
            return Err(Code::KeyReused);
        }
        if entry.time().plus(self.terms.freshness) < self.newest {
            return Err(Code::StampStale);
        }
        self.batches.judge(entry.batch())?;
        let earliest_missed = match self.terms.access {
            // V-275: who cannot read the log knows its opening.
            Access::Owner if action.body().signer() == Signer::Guest => {
                let opened = Seen { size: 1, root: self.opened };
                return if action.seen() == opened { Ok(()) } else { Err(Code::SeenFalse) };
            }
            Access::Public | Access::Owner => entry.time().minus(self.terms.freshness),
            Access::Members(_) => Time::default(),
        };
        self.heads.judge(action.seen(), self.frontier.size(), earliest_missed)
    }

    /// V-032 and V-273.
    fn judge_signer(&self, action: &Action) -> Result<(), Code> {
        let is_owner = *action.key() == self.opened_by;
        let as_due = match action.body().signer() {
            Signer::Owner => is_owner,
            Signer::Guest => !is_owner,
            Signer::Persona | Signer::Member | Signer::Broker => true,
        };
        let by_broker = self.is_brokers(action) == action.body().is_brokers();
        if as_due && by_broker { Ok(()) } else { Err(Code::VerbAuthor) }
    }

    /// What may occur once in the room (V-033): the key, or the action where its key recurs.
    fn unique(&self, action: &Action) -> [u8; 32] {
        match self.terms.access {
            Access::Public if !self.is_brokers(action) => *action.key().as_bytes(),
            Access::Owner if action.body().signer() == Signer::Guest => *action.key().as_bytes(),
            Access::Public | Access::Owner | Access::Members(_) => action.digest().0,
        }
    }

    /// Takes an entry that was judged. Gives the tree hashes it completes, leaf first.
    pub(crate) fn append(&mut self, entry: &Stamped, leaf: Digest) -> Vec<Digest> {
        let hashes = self.frontier.push(leaf);
        if self.frontier.size() == 1 {
            self.opened = self.frontier.root();
        }
        // What the two of a reveal room write to each other makes no disclosure stale that the broker holds meanwhile.
        if !entry.action().body().is_talk() {
            self.newest = self.newest.max(entry.time());
        }
        // Members disclose without having seen each other's disclosure: they may miss entries of any age.
        let horizon = match self.terms.access {
            Access::Public | Access::Owner => self.newest.minus(self.terms.freshness * 2),
            Access::Members(_) => Time::default(),
        };
        self.heads.append(self.frontier.root(), entry.time(), horizon);
        self.batches.append(entry.batch(), horizon);
        let unique = self.unique(entry.action());
        self.used.insert(unique);
        hashes
    }
}

/// The roots an honest action can still name, and the stamps it would miss by naming them.
///
/// An action is stamped at most F before the newest stamp, and misses nothing stamped more than
/// F before itself: so nothing stamped more than 2F before the newest may be missed, and older
/// roots need not be kept.
#[derive(Debug, Clone)]
struct RecentHeads {
    /// Size of the log at the first root kept.
    base: u64,
    /// Roots at sizes `base`, `base + 1`, …; never empty.
    roots: VecDeque<Digest>,
    /// (index, stamp) of entries that are earlier than everything after them: the minimum over
    /// all entries from an index on is the first of these at or after it.
    minima: VecDeque<(u64, Time)>,
}

impl RecentHeads {
    fn new(root: Digest) -> Self {
        Self { base: 0, roots: VecDeque::from([root]), minima: VecDeque::new() }
    }

    fn newest(&self) -> Digest {
        self.roots.back().copied().unwrap_or_else(crate::log::merkle::empty_root)
    }

    fn judge(&self, seen: Seen, size: u64, earliest_missed: Time) -> Result<(), Code> {
        if seen.size > size {
            return Err(Code::SeenFalse);
        }
        let Some(offset) = seen.size.checked_sub(self.base) else {
            return Err(Code::SeenStale);
        };
        let first = self.minima.partition_point(|(index, _)| *index < seen.size);
        if self.minima.get(first).is_some_and(|(_, stamp)| *stamp < earliest_missed) {
            return Err(Code::SeenStale);
        }
        // After V-037: whoever forgets roots, as this does, and whoever keeps them all say the same.
        let root = usize::try_from(offset).ok().and_then(|offset| self.roots.get(offset));
        if root == Some(&seen.root) { Ok(()) } else { Err(Code::SeenFalse) }
    }

    fn append(&mut self, root: Digest, stamp: Time, horizon: Time) {
        let index = self.base + self.roots.len() as u64 - 1;
        while self.minima.back().is_some_and(|(_, later)| *later >= stamp) {
            self.minima.pop_back();
        }
        self.minima.push_back((index, stamp));
        self.roots.push_back(root);
        while let Some((index, _)) = self.minima.front().filter(|(_, stamp)| *stamp < horizon) {
            while self.base <= *index {
                self.roots.pop_front();
                self.base += 1;
            }
            self.minima.pop_front();
        }
    }
}

/// Headers met in this log, to find a TSA that contradicts itself.
#[derive(Debug, Clone, Default)]
struct Batches {
    known: BTreeMap<(Fingerprint, u64), Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    hash: Digest,
    prev: Digest,
    prev_time: Time,
    time: Time,
}

impl Batches {
    /// Equal number ⇒ equal header; larger number ⇒ time not earlier, that of the predecessor
    /// named in a header included; neighbours chain (V-034).
    fn judge(&self, batch: &VerifiedBatch) -> Result<(), Code> {
        let header = batch.header();
        let (tsa, number) = (header.tsa, header.batch);
        let numbered = |number: Option<u64>| self.known.get(&(tsa, number?));
        let earlier = self.known.range((tsa, 0)..(tsa, number)).next_back();
        let later = self.known.range((tsa, number.saturating_add(1))..=(tsa, u64::MAX)).next();
        let contradictions = [
            // Two headers have this number: the TSA forked.
            numbered(Some(number)).is_some_and(|known| known.hash != batch.hash()),
            // An earlier batch is later than its predecessor: time went back before it.
            earlier.is_some_and(|(_, known)| known.time > header.prev_time),
            // The predecessor of a later batch is earlier than this one: time went back after it.
            later.is_some_and(|(_, known)| known.prev_time < header.time),
            // The batch right before it is not the one that it names as its predecessor.
            numbered(number.checked_sub(1))
                .is_some_and(|known| known.hash != header.prev || known.time != header.prev_time),
            // The batch right after it names another predecessor.
            numbered(number.checked_add(1)).is_some_and(|known| known.prev != batch.hash()),
        ];
        if contradictions.contains(&true) { Err(Code::StampContradiction) } else { Ok(()) }
    }

    fn append(&mut self, batch: &VerifiedBatch, horizon: Time) {
        let header = batch.header();
        let known = Known {
            hash: batch.hash(),
            prev: header.prev,
            prev_time: header.prev_time,
            time: header.time,
        };
        if self.known.insert((header.tsa, header.batch), known).is_none() {
            // Of each TSA one header older than the horizon stays, as a bound for what is older
            // still.
            while let Some(first) = self.superseded(header.tsa, horizon) {
                self.known.remove(&first);
            }
        }
    }

    /// The first header of a TSA, if the second is older than the horizon too.
    fn superseded(&self, tsa: Fingerprint, horizon: Time) -> Option<(Fingerprint, u64)> {
        let mut of_tsa = self.known.range((tsa, 0)..=(tsa, u64::MAX));
        let (first, _) = of_tsa.next()?;
        of_tsa.next().filter(|(_, second)| second.time < horizon).map(|_| *first)
    }
}

#[cfg(test)]
mod tests;
