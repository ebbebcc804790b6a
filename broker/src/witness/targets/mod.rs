//! Which head of which room each witness is asked about next. No clock and no network: time is an argument.
//!
//! All witnesses of a room are asked about the same head, its *target*, or they would never agree on one
//! while bids come. A newer head takes its place once enough of them have cosigned it, or did not for a
//! while. A head that is to be dated, which ends with `closed`, takes it at once, and none takes its place
//! before the room says so.
//!
//! Memory: one entry for each room that is not over, and a number for each of them and each witness.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::cosignature::operators;
use pregao_protocol::log::{Cosignature, Head, RoomName};
use pregao_protocol::trust::witness::Witness;
use tokio::time::Instant;

/// Heads of one room are this far apart, but for one that is to be dated.
pub(crate) const APART: Duration = Duration::from_secs(1);
/// How long a head waits for a quorum while there is a newer one.
const QUORUM_WITHIN: Duration = Duration::from_secs(5);
/// Longest pause before a witness is asked again about a room that it refused.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A head as its room signed it.
#[derive(Debug, Clone)]
pub(crate) struct SignedHead {
    pub(crate) head: Head,
    pub(crate) note: Arc<str>,
}

/// What a room offers to its witnesses.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) signed: SignedHead,
    /// Whether it is to be dated before anything newer is cosigned.
    pub(crate) is_closing: bool,
    /// Whether no newer one will come.
    pub(crate) is_last: bool,
    /// Which of the witnesses it names, by number.
    pub(crate) named: Vec<usize>,
    /// How many operators make it final.
    pub(crate) quorum: u32,
}

/// What a witness is to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) signed: SignedHead,
    /// Entries of the log that it cosigned last, as far as is known.
    pub(crate) old: u64,
}

impl Ask {
    pub(crate) fn room(&self) -> RoomName {
        self.signed.head.origin.room
    }

    fn asked(&self) -> Asked {
        (self.room(), self.signed.head.size)
    }
}

/// A head with the cosignatures that there are.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) size: u64,
    /// The note with their lines.
    pub(crate) note: Arc<str>,
    /// Whether it is worth more than what was kept of the room before.
    pub(crate) is_kept: bool,
    /// Whether the room waits for its date.
    pub(crate) is_closing: bool,
}

/// A room and a size of its log.
type Asked = (RoomName, u64);

#[derive(Debug)]
struct Tracked {
    target: SignedHead,
    since: Instant,
    is_closing: bool,
    is_last: bool,
    newer: Option<SignedHead>,
    named: Vec<usize>,
    quorum: u32,
    cosigned: BTreeMap<usize, Cosignature>,
    /// Whether a head with a quorum is kept already: one without is worth less.
    final_kept: bool,
}

/// What is known of one witness.
#[derive(Debug, Default)]
struct Lane {
    /// Entries of each log that it cosigned last.
    known: HashMap<RoomName, u64>,
    closings: VecDeque<RoomName>,
    others: VecDeque<RoomName>,
    /// What is in the two queues.
    queued: HashSet<(RoomName, bool)>,
    asking: HashSet<Asked>,
    /// What it was asked again at once because it goes by another size.
    resized: HashSet<Asked>,
    /// Rooms that are taken up again at an instant.
    later: BTreeSet<(Instant, RoomName)>,
    paused: HashMap<RoomName, Instant>,
    refused: HashMap<RoomName, u32>,
}

/// The heads that are to be cosigned.
#[derive(Debug)]
pub(crate) struct Targets {
    witnesses: Vec<Witness>,
    rooms: HashMap<RoomName, Tracked>,
    lanes: Vec<Lane>,
    /// When a newer head may become the target of its room.
    advances: BTreeSet<(Instant, RoomName)>,
}

impl Targets {
    pub(crate) fn new(witnesses: Vec<Witness>) -> Self {
        let lanes = witnesses.iter().map(|_| Lane::default()).collect();
        Self { witnesses, rooms: HashMap::new(), lanes, advances: BTreeSet::new() }
    }

    /// Takes note of a room's newest head, or of the one that is to be dated first.
    pub(crate) fn offer(&mut self, offered: Offered, now: Instant) {
        let Offered { signed, is_closing, is_last, named, quorum } = offered;
        if named.is_empty() {
            return;
        }
        let room = signed.head.origin.room;
        let Some(tracked) = self.rooms.get_mut(&room) else {
            let tracked = Tracked {
                target: signed,
                since: now,
                is_closing,
                is_last,
                newer: None,
                named,
                quorum,
                cosigned: BTreeMap::new(),
                final_kept: false,
            };
            self.rooms.insert(room, tracked);
            return self.enqueue(room);
        };
        tracked.is_last = is_last;
        if tracked.target.head.size == signed.head.size {
            // It may be the one to be dated no more: newer ones may take its place.
            tracked.newer = None;
            let turns = !tracked.is_closing && is_closing;
            tracked.is_closing = is_closing;
            if turns {
                self.enqueue(room);
            }
        } else if is_closing {
            tracked.retarget(signed, true, now);
            self.enqueue(room);
        } else {
            tracked.is_closing = false;
            tracked.newer = Some(signed);
            let at = tracked.since + APART;
            self.advances.insert((at, room));
            self.advance(now);
        }
    }

    /// Takes note of cosignatures that a room kept from an earlier run, over the log of `size` entries.
    pub(crate) fn kept(&mut self, room: RoomName, size: u64, cosigned: &[(&Witness, Cosignature)]) {
        for (witness, cosignature) in cosigned {
            let Some(at) = self.witnesses.iter().position(|known| known == *witness) else {
                continue;
            };
            if let Some(lane) = self.lanes.get_mut(at) {
                lane.learn(room, size);
            }
            if let Some(tracked) = self.rooms.get_mut(&room) {
                if tracked.target.head.size == size && tracked.named.contains(&at) {
                    tracked.cosigned.insert(at, *cosignature);
                }
                let quorum = usize::try_from(tracked.quorum).unwrap_or(usize::MAX);
                tracked.final_kept |= operators(cosigned).len() >= quorum;
            }
        }
        self.forget_if_done(room);
    }

    /// What a witness is to be asked next: first what is to be dated, then whatever waits longest.
    pub(crate) fn next(&mut self, witness: usize, now: Instant) -> Option<Ask> {
        self.advance(now);
        let lane = self.lanes.get_mut(witness)?;
        while let Some((at, room)) = lane.later.first().copied().filter(|(at, _)| *at <= now) {
            lane.later.remove(&(at, room));
            lane.paused.remove(&room);
            if let Some(tracked) = self.rooms.get(&room) {
                lane.enqueue(room, tracked.is_closing);
            }
        }
        while let Some(room) = lane.dequeue() {
            let Some(tracked) = self.rooms.get(&room) else { continue };
            let size = tracked.target.head.size;
            let waits = tracked.cosigned.contains_key(&witness) || lane.paused.contains_key(&room);
            if waits || !lane.asking.insert((room, size)) {
                continue;
            }
            // A witness that is ahead of us says so itself.
            let old = lane.known.get(&room).copied().unwrap_or(0).min(size);
            return Some(Ask { signed: tracked.target.clone(), old });
        }
        None
    }

    /// When something may have to be asked that is not now; `None` if nothing waits for an instant.
    pub(crate) fn next_at(&self, witness: usize) -> Option<Instant> {
        let later = self.lanes.get(witness).and_then(|lane| lane.later.first());
        [later, self.advances.first()].into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// A witness cosigned what it was asked.
    pub(crate) fn cosigned(
        &mut self,
        witness: usize,
        ask: &Ask,
        cosigned: Cosignature,
        now: Instant,
    ) -> Option<Progress> {
        let (room, size) = ask.asked();
        let lane = self.lanes.get_mut(witness)?;
        lane.asking.remove(&(room, size));
        lane.resized.remove(&(room, size));
        lane.refused.remove(&room);
        lane.learn(room, size);
        let tracked = self.rooms.get_mut(&room)?;
        if tracked.target.head != ask.signed.head {
            return None;
        }
        tracked.cosigned.insert(witness, cosigned);
        let is_final = tracked.is_final(&self.witnesses);
        let is_kept = is_final || !tracked.final_kept;
        tracked.final_kept |= is_final;
        let note = tracked.note(&self.witnesses);
        let is_closing = tracked.is_closing;
        self.advance_room(room, now);
        self.forget_if_done(room);
        Some(Progress { size, note, is_kept, is_closing })
    }

    /// A witness goes by another size. True if it is asked again at once from there.
    pub(crate) fn resized(&mut self, witness: usize, ask: &Ask, size: u64, now: Instant) -> bool {
        let known = ask.old != size && size <= ask.signed.head.size;
        if let Some(lane) = self.lanes.get_mut(witness)
            && known
            // Once: one that says now this and now that would be asked without end.
            && lane.resized.insert(ask.asked())
        {
            lane.known.insert(ask.room(), size);
            lane.asking.remove(&ask.asked());
            self.enqueue_for(witness, ask.room());
            return true;
        }
        self.refused(witness, ask, now);
        false
    }

    /// A witness refuses what it was asked, or means nothing by its answer: it is asked again after a
    /// pause that grows.
    pub(crate) fn refused(&mut self, witness: usize, ask: &Ask, now: Instant) {
        let Some(lane) = self.lanes.get_mut(witness) else { return };
        lane.asking.remove(&ask.asked());
        lane.resized.remove(&ask.asked());
        let times = lane.refused.entry(ask.room()).or_default();
        let pause = Duration::from_secs(1 << (*times).min(6)).min(LONGEST_PAUSE);
        *times = times.saturating_add(1);
        if let Some(before) = lane.paused.insert(ask.room(), now + pause) {
            lane.later.remove(&(before, ask.room()));
        }
        lane.later.insert((now + pause, ask.room()));
    }

    /// A witness has learned who this broker is: what it refused is asked at once.
    pub(crate) fn resume(&mut self, witness: usize) {
        let Some(lane) = self.lanes.get_mut(witness) else { return };
        lane.later.clear();
        let paused: BTreeSet<RoomName> = lane.paused.drain().map(|(room, _)| room).collect();
        paused.into_iter().for_each(|room| self.enqueue_for(witness, room));
    }

    /// A witness did not answer: it is asked again as soon as it is asked anything.
    pub(crate) fn unanswered(&mut self, witness: usize, ask: &Ask) {
        if let Some(lane) = self.lanes.get_mut(witness) {
            lane.asking.remove(&ask.asked());
        }
        self.enqueue_for(witness, ask.room());
    }

    /// Since when the oldest head waits that a witness has not cosigned.
    pub(crate) fn waits_since(&self, witness: usize) -> Option<Instant> {
        let waits = |tracked: &&Tracked| {
            tracked.named.contains(&witness) && !tracked.cosigned.contains_key(&witness)
        };
        self.rooms.values().filter(waits).map(|tracked| tracked.since).min()
    }

    /// Lets newer heads become targets where they may.
    fn advance(&mut self, now: Instant) {
        while let Some((at, room)) = self.advances.first().copied().filter(|(at, _)| *at <= now) {
            self.advances.remove(&(at, room));
            self.advance_room(room, now);
        }
    }

    fn advance_room(&mut self, room: RoomName, now: Instant) {
        let Some(tracked) = self.rooms.get_mut(&room) else { return };
        let age = now.saturating_duration_since(tracked.since);
        let enough = tracked.is_final(&self.witnesses) || age >= QUORUM_WITHIN;
        if tracked.is_closing || tracked.newer.is_none() {
            return;
        }
        if age < APART || !enough {
            let pause = if age < APART { APART } else { QUORUM_WITHIN };
            self.advances.insert((tracked.since + pause, room));
            return;
        }
        if let Some(newer) = tracked.newer.take() {
            tracked.retarget(newer, false, now);
            self.enqueue(room);
        }
    }

    /// Has every witness asked that the room names and that has not cosigned.
    fn enqueue(&mut self, room: RoomName) {
        (0..self.lanes.len()).for_each(|witness| self.enqueue_for(witness, room));
    }

    fn enqueue_for(&mut self, witness: usize, room: RoomName) {
        let Some(tracked) = self.rooms.get(&room) else { return };
        let waits = tracked.named.contains(&witness) && !tracked.cosigned.contains_key(&witness);
        if let Some(lane) = self.lanes.get_mut(witness).filter(|_| waits) {
            lane.enqueue(room, tracked.is_closing);
        }
    }

    /// A room that is over and cosigned by all is not asked about again.
    fn forget_if_done(&mut self, room: RoomName) {
        let is_done = |tracked: &Tracked| {
            let all = tracked.named.iter().all(|witness| tracked.cosigned.contains_key(witness));
            tracked.is_last && tracked.newer.is_none() && all
        };
        if self.rooms.get(&room).is_some_and(is_done) {
            self.rooms.remove(&room);
            for lane in &mut self.lanes {
                lane.known.remove(&room);
                lane.refused.remove(&room);
            }
        }
    }
}

impl Tracked {
    fn retarget(&mut self, signed: SignedHead, is_closing: bool, now: Instant) {
        self.target = signed;
        self.since = now;
        self.is_closing = is_closing;
        self.newer = None;
        self.cosigned.clear();
    }

    fn is_final(&self, witnesses: &[Witness]) -> bool {
        let cosigned: Vec<_> = self
            .cosigned
            .iter()
            .filter_map(|(at, cosigned)| Some((witnesses.get(*at)?, *cosigned)))
            .collect();
        let quorum = usize::try_from(self.quorum).unwrap_or(usize::MAX);
        self.quorum > 0 && operators(&cosigned).len() >= quorum
    }

    fn note(&self, witnesses: &[Witness]) -> Arc<str> {
        let mut note = self.target.note.to_string();
        for (at, cosigned) in &self.cosigned {
            if let Some(witness) = witnesses.get(*at) {
                note.push_str(&cosigned.line(&witness.name));
            }
        }
        note.into()
    }
}

impl Lane {
    fn learn(&mut self, room: RoomName, size: u64) {
        let known = self.known.entry(room).or_default();
        *known = (*known).max(size);
    }

    fn enqueue(&mut self, room: RoomName, is_closing: bool) {
        // One that is to be dated waits for no pause.
        if is_closing && let Some(at) = self.paused.remove(&room) {
            self.later.remove(&(at, room));
        }
        if self.queued.insert((room, is_closing)) {
            let queue = if is_closing { &mut self.closings } else { &mut self.others };
            queue.push_back(room);
        }
    }

    fn dequeue(&mut self) -> Option<RoomName> {
        if let Some(room) = self.closings.pop_front() {
            self.queued.remove(&(room, true));
            return Some(room);
        }
        let room = self.others.pop_front()?;
        self.queued.remove(&(room, false));
        Some(room)
    }
}

#[cfg(test)]
mod tests;
