//! Actions under way, in the order in which they were signed, and what is sent for them next.
//!
//! In one room they are handed in one after the other, whatever order their stamps come in and
//! however often the connection is lost: sent first, logged first (V-092). Actions in different
//! rooms do not wait for each other. Nothing here reads a clock or sends: instants are arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pregao_protocol::action::Action;
use pregao_protocol::clock::Time;
use pregao_protocol::log::RoomName;
use pregao_protocol::persona::Blind;
use pregao_protocol::stamp::FullStamp;

use super::answers::Answering;
use super::pace::pause_after;

/// How long an answer is waited for in one session.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long an action may be under way in all, however often the connection is lost meanwhile. Longer than the
/// pauses after refusals at the door take together.
const IN_ALL: Duration = Duration::from_secs(60);
/// How long the next action in a room waits for the answer to the one before it. That one was
/// handed in first, so the broker decides it first; with its answer known, also a refusal at the
/// door can be made good in order.
const IN_TURN_WITHIN: Duration = Duration::from_secs(3);
/// How long a disclosure that the broker could not take is not handed in again.
const TURNED_AWAY_FOR: Duration = Duration::from_secs(1);
/// A stamp that has less than this to live is replaced before it is used.
const MARGIN: Duration = Duration::from_secs(2);

/// An action under way.
#[derive(Debug)]
pub(super) struct Act {
    /// What is answered with what becomes of it.
    pub(super) of: Answering,
    pub(super) action: Action,
    pub(super) blind: Blind,
    /// F of the room: how old its stamp may be when it is handed in.
    freshness: Duration,
    /// When the front's command began.
    begun: Duration,
    stage: Stage,
    /// How often it was refused at the door.
    refused: u32,
    /// Whether it was handed in, in a session that ended before the answer: it may be in the log
    /// under the stamp that it has.
    in_doubt: bool,
    /// Since when the broker could not take it.
    turned_away: Option<Duration>,
    /// A signed refusal by a log that has not arrived yet.
    pub(super) refusal: Option<String>,
    /// The front was told that its command ended; the action goes on.
    pub(super) told: bool,
}

#[derive(Debug)]
enum Stage {
    /// Needs a stamp.
    Signed { not_before: Duration },
    /// A stamp was asked for.
    Stamping { since: Duration },
    /// Waits for its turn.
    Stamped { stamp: FullStamp, time: Time, not_before: Duration },
    /// Handed in.
    HandedIn { stamp: FullStamp, time: Time, since: Duration },
}

impl Act {
    pub(super) fn new(
        of: Answering,
        action: Action,
        blind: Blind,
        freshness: Duration,
        now: Duration,
    ) -> Self {
        let stage = Stage::Signed { not_before: now };
        Self {
            of,
            action,
            blind,
            freshness,
            begun: now,
            stage,
            refused: 0,
            in_doubt: false,
            turned_away: None,
            refusal: None,
            told: false,
        }
    }

    /// A disclosure of an earlier run of the program that has its stamp and no answer: no command waits for it.
    pub(super) fn left_over(
        action: Action,
        blind: Blind,
        stamp: FullStamp,
        time: Time,
        now: Duration,
    ) -> Self {
        let stage = Stage::Stamped { stamp, time, not_before: now };
        let (in_doubt, turned_away, told) = (true, Some(now), true);
        let of = Answering::of_room(action.room());
        let fresh = Self::new(of, action, blind, Duration::ZERO, now);
        Self { stage, in_doubt, turned_away, told, ..fresh }
    }

    fn discloses(&self) -> bool {
        self.action.body().is_paired()
    }

    /// Its stamp, once it has one.
    pub(super) fn stamp(&self) -> Option<&FullStamp> {
        match &self.stage {
            Stage::Signed { .. } | Stage::Stamping { .. } => None,
            Stage::Stamped { stamp, .. } | Stage::HandedIn { stamp, .. } => Some(stamp),
        }
    }

    /// Whether the broker may have it.
    pub(super) fn may_be_logged(&self) -> bool {
        self.in_doubt || matches!(self.stage, Stage::HandedIn { .. })
    }

    /// Whether its stamp would be too old at an instant of TSA time, and may be replaced.
    fn wants_another_stamp(&self, now: Option<Time>) -> bool {
        match (&self.stage, now) {
            (Stage::Stamped { time, .. }, Some(now))
                if !self.in_doubt && self.turned_away.is_none() =>
            {
                time.plus(self.freshness) < now.plus(MARGIN.min(self.freshness / 2))
            }
            _ => false,
        }
    }
}

/// What is to be sent next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask for a stamp for this one.
    Stamp(u64),
    /// Hand this one in.
    Submit(u64),
}

/// Actions under way, by number. Numbers rise in the order in which they were signed.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    acts: BTreeMap<u64, Act>,
    last: u64,
}

impl UnderWay {
    /// Takes an action behind all others.
    pub(super) fn add(&mut self, act: Act) {
        self.last = self.last.saturating_add(1);
        self.acts.insert(self.last, act);
    }

    pub(super) fn get(&self, n: u64) -> Option<&Act> {
        self.acts.get(&n)
    }

    pub(super) fn remove(&mut self, n: u64) -> Option<Act> {
        self.acts.remove(&n)
    }

    pub(super) fn len(&self) -> usize {
        self.acts.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Act> {
        self.acts.values()
    }

    /// What to send next; `time` is TSA time, if it is known. What is stamped goes before what is
    /// not, so that stamps do not grow old.
    pub(super) fn step(&mut self, now: Duration, time: Option<Time>) -> Option<Step> {
        for act in self.acts.values_mut().filter(|act| act.wants_another_stamp(time)) {
            act.stage = Stage::Signed { not_before: now };
        }
        let mut blocked: BTreeSet<RoomName> = BTreeSet::new();
        for (n, act) in &self.acts {
            let room = act.action.room();
            match &act.stage {
                Stage::Stamped { not_before, .. }
                    if *not_before <= now && !blocked.contains(&room) =>
                {
                    return Some(Step::Submit(*n));
                }
                Stage::HandedIn { since, .. } if now.saturating_sub(*since) >= IN_TURN_WITHIN => {}
                _ => {
                    blocked.insert(room);
                }
            }
        }
        let wants =
            |act: &Act| matches!(act.stage, Stage::Signed { not_before } if not_before <= now);
        self.acts.iter().find(|(_, act)| wants(act)).map(|(n, _)| Step::Stamp(*n))
    }

    /// Notes that a step was sent; what was sent for it is in the action.
    pub(super) fn sent(&mut self, step: Step, now: Duration) {
        let (Step::Stamp(n) | Step::Submit(n)) = step;
        let Some(act) = self.acts.get_mut(&n) else { return };
        match (step, &act.stage) {
            (Step::Submit(_), Stage::Stamped { stamp, time, .. }) => {
                let stamp = stamp.clone();
                act.stage = Stage::HandedIn { stamp, time: *time, since: now };
            }
            (Step::Stamp(_), _) => act.stage = Stage::Stamping { since: now },
            (Step::Submit(_), _) => {}
        }
    }

    /// The action that a stamp is waited for, under this number.
    pub(super) fn stamping(&self, n: u64) -> Option<&Act> {
        self.acts.get(&n).filter(|act| matches!(act.stage, Stage::Stamping { .. }))
    }

    /// Notes a verified stamp.
    pub(super) fn stamped(&mut self, n: u64, stamp: FullStamp, time: Time, now: Duration) {
        if let Some(act) = self.acts.get_mut(&n) {
            act.stage = Stage::Stamped { stamp, time, not_before: now };
        }
    }

    /// Notes a refusal at the door. Whether the same bytes go out again after a pause.
    pub(super) fn again(&mut self, n: u64, now: Duration) -> bool {
        let Some(act) = self.acts.get_mut(&n) else { return false };
        let stage = match (&act.stage, pause_after(act.refused)) {
            // Nothing is waited for: there is nothing to refuse.
            (Stage::Signed { .. } | Stage::Stamped { .. }, _) => return true,
            (_, None) => return false,
            (Stage::Stamping { .. }, Some(pause)) => Stage::Signed { not_before: now + pause },
            (Stage::HandedIn { stamp, time, .. }, Some(pause)) => {
                Stage::Stamped { stamp: stamp.clone(), time: *time, not_before: now + pause }
            }
        };
        act.refused += 1;
        act.stage = stage;
        true
    }

    /// Notes that the broker could not take a disclosure just now: it is handed in again by itself, with
    /// the same bytes. Their stamp shows that its author came in time, and the broker takes them once
    /// it can. Whether it is the first time; `None` for anything else.
    pub(super) fn turned_away(&mut self, n: u64, now: Duration) -> Option<bool> {
        let act = self.acts.get_mut(&n).filter(|act| act.discloses())?;
        let not_before = now + TURNED_AWAY_FOR;
        act.stage = match &act.stage {
            Stage::HandedIn { stamp, time, .. } => {
                Stage::Stamped { stamp: stamp.clone(), time: *time, not_before }
            }
            Stage::Stamping { .. } => Stage::Signed { not_before },
            // Nothing is waited for: there is nothing that could not be taken.
            Stage::Signed { .. } | Stage::Stamped { .. } => return Some(false),
        };
        let first = act.turned_away.is_none();
        act.turned_away.get_or_insert(now);
        Some(first)
    }

    /// Notes that the refusal of an action waits for the log that it names.
    pub(super) fn refused_ahead(&mut self, n: u64, refusal: &str) {
        if let Some(act) = self.acts.get_mut(&n) {
            act.refusal = Some(refusal.to_owned());
        }
    }

    /// The refusals in a room that wait for its log.
    pub(super) fn refusals_in(&self, room: RoomName) -> Vec<(u64, String)> {
        let here = self.acts.iter().filter(|(_, act)| act.action.room() == room);
        here.filter_map(|(n, act)| Some((*n, act.refusal.clone()?))).collect()
    }

    /// Lets a command wait for the disclosure in a room that goes on although no command waits for it:
    /// nobody discloses twice. False if there is none.
    pub(super) fn take_up(&mut self, room: RoomName, of: &Answering, now: Duration) -> bool {
        let goes_on = |act: &&mut Act| act.told && act.discloses() && act.action.room() == room;
        let Some(act) = self.acts.values_mut().find(goes_on) else { return false };
        act.of = of.clone();
        (act.begun, act.turned_away, act.told) = (now, Some(now), false);
        true
    }

    /// For a disclosure, which goes on by itself once it has a stamp: what is to be answered, the
    /// first time. `None` for anything else.
    pub(super) fn goes_on(&mut self, n: u64, now: Duration) -> Option<Option<Answering>> {
        let act = self.acts.get_mut(&n).filter(|act| act.discloses() && act.stamp().is_some())?;
        if let Stage::HandedIn { stamp, time, .. } = &act.stage {
            let (stamp, time) = (stamp.clone(), *time);
            act.stage = Stage::Stamped { stamp, time, not_before: now };
        }
        act.turned_away.get_or_insert(now);
        let told = std::mem::replace(&mut act.told, true);
        let of = act.of.clone();
        // Whoever asked has its answer with that; what comes later is about the room.
        act.of.id = None;
        Some((!told).then_some(of))
    }

    /// A new session begins: everything unanswered goes out again, byte for byte, in its order.
    pub(super) fn resume(&mut self, now: Duration) {
        for act in self.acts.values_mut() {
            act.stage = match &act.stage {
                Stage::Signed { .. } | Stage::Stamping { .. } => Stage::Signed { not_before: now },
                Stage::Stamped { stamp, time, .. } => {
                    Stage::Stamped { stamp: stamp.clone(), time: *time, not_before: now }
                }
                Stage::HandedIn { stamp, time, .. } => {
                    act.in_doubt = true;
                    Stage::Stamped { stamp: stamp.clone(), time: *time, not_before: now }
                }
            };
        }
    }

    /// Numbers of those that have waited too long: for one answer, or in all. Of those that go on by
    /// themselves the commands have ended.
    pub(super) fn overdue(&self, now: Duration) -> Vec<u64> {
        let late = |since: &Duration| now.saturating_sub(*since) >= ANSWER_WITHIN;
        let overdue = self.acts.iter().filter(|(_, act)| match &act.stage {
            Stage::HandedIn { since, .. } if act.told => late(since),
            _ if act.told => false,
            _ if now.saturating_sub(act.begun) >= IN_ALL => true,
            _ if act.turned_away.as_ref().is_some_and(late) => true,
            Stage::Stamping { since } | Stage::HandedIn { since, .. } => late(since),
            Stage::Signed { .. } | Stage::Stamped { .. } => false,
        });
        overdue.map(|(n, _)| *n).collect()
    }
}

#[cfg(test)]
#[path = "under_way_tests.rs"]
mod tests;
