//! Actions under way, in the order in which they were signed, and what is sent for them next.
//!
//! In one room they are handed in one after the other, whatever order their stamps come in and
//! however often the connection is lost: sent first, logged first (V-092). Actions in different
//! rooms do not wait for each other. Nothing here reads a clock or sends: instants are arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::action::Action;
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use pregao_protocol::wire::puzzle::{Effort, Solution};

use super::pace::pause_after;
use crate::desk::answers::ReplyTo;

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
/// The same where each time takes another puzzle: a broker that takes nothing is to cost no more than it would.
const TURNED_AWAY_SOLVED_FOR: Duration = Duration::from_secs(10);
/// How often a puzzle is solved anew at once: what is asked for has changed, then. Later there is a pause.
const SOLVED_AT_ONCE: u32 = 3;
/// A stamp that has less than this to live is replaced before it is used.
const MARGIN: Duration = Duration::from_secs(2);

/// How long a solution is used after the header came that it names; less than the broker allows (V-191).
const SOLVED_FOR: Duration = Duration::from_secs(25);
/// How often one action's puzzle is solved again: each time more may be asked for.
const SOLVED_AGAIN: u32 = 16;

/// An action under way.
#[derive(Debug)]
pub(in crate::desk) struct PendingAction {
    /// What is answered with what becomes of it.
    pub(in crate::desk) reply_to: ReplyTo,
    pub(in crate::desk) action: Action,
    pub(in crate::desk) blind: Blind,
    /// F of the room: how old its stamp may be when it is handed in.
    freshness: Duration,
    /// When the front's command began.
    begun: Duration,
    stage: ActionStage,
    /// How often it was refused at the door.
    refused: u32,
    /// Whether it was handed in, in a session that ended before the answer: it may be in the log
    /// under the stamp that it has.
    in_doubt: bool,
    /// Since when the broker could not take it.
    turned_away: Option<Duration>,
    /// A signed refusal by a log that has not arrived yet.
    pub(in crate::desk) refusal: Option<String>,
    /// Solves the puzzle that the broker asks for in this session.
    solved: Option<Solved>,
    /// Where the search for the next solution begins: none is handed in twice.
    next_counter: u64,
    /// How often the broker found the solution too weak or too old.
    unsolved: u32,
    /// The front was told that its command ended; the action goes on.
    pub(in crate::desk) command_ended: bool,
    /// The program did it without a command: nobody is told that it ended.
    pub(in crate::desk) by_itself: bool,
}

#[derive(Debug)]
enum ActionStage {
    /// Needs a stamp.
    Signed { not_before: Duration },
    /// A stamp was asked for.
    Stamping { since: Duration },
    /// Waits for its turn.
    Stamped { stamp: FullStamp, time: Time, not_before: Duration },
    /// Handed in.
    HandedIn { stamp: FullStamp, time: Time, since: Duration },
}

impl PendingAction {
    pub(in crate::desk) fn new(
        of: ReplyTo,
        action: Action,
        blind: Blind,
        freshness: Duration,
        now: Duration,
    ) -> Self {
        let stage = ActionStage::Signed { not_before: now };
        Self {
            reply_to: of,
            action,
            blind,
            freshness,
            begun: now,
            stage,
            refused: 0,
            in_doubt: false,
            turned_away: None,
            refusal: None,
            solved: None,
            next_counter: 0,
            unsolved: 0,
            command_ended: false,
            by_itself: false,
        }
    }

    /// A disclosure of an earlier run of the program that has its stamp and no answer: no command waits for it.
    pub(in crate::desk) fn left_over(
        action: Action,
        blind: Blind,
        stamp: FullStamp,
        time: Time,
        now: Duration,
    ) -> Self {
        let stage = ActionStage::Stamped { stamp, time, not_before: now };
        let (in_doubt, turned_away, told) = (true, Some(now), true);
        let of = ReplyTo::of_room(action.room());
        let fresh = Self::new(of, action, blind, Duration::ZERO, now);
        Self { stage, in_doubt, turned_away, command_ended: told, ..fresh }
    }

    fn discloses(&self) -> bool {
        self.action.body().is_paired()
    }

    /// Its stamp, once it has one.
    pub(in crate::desk) fn stamp(&self) -> Option<&FullStamp> {
        match &self.stage {
            ActionStage::Signed { .. } | ActionStage::Stamping { .. } => None,
            ActionStage::Stamped { stamp, .. } | ActionStage::HandedIn { stamp, .. } => Some(stamp),
        }
    }

    /// Whether the broker may have it.
    pub(in crate::desk) fn may_be_logged(&self) -> bool {
        self.in_doubt || matches!(self.stage, ActionStage::HandedIn { .. })
    }

    /// Whether a session that ended before the answer handed it in, too.
    pub(in crate::desk) const fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// What is handed in beside it.
    pub(in crate::desk) fn solution(&self) -> Option<Solution> {
        self.solved.map(|solved| solved.solution)
    }

    /// Where the search for a solution begins.
    pub(in crate::desk) const fn next_counter(&self) -> u64 {
        self.next_counter
    }

    /// Whether it may be handed in where so much work is asked for.
    fn is_solved(&self, effort: Effort, now: Duration) -> bool {
        let is_good = |solved: Solved| {
            solved.effort >= effort && now.saturating_sub(solved.since) < SOLVED_FOR
        };
        effort.is_none() || self.solved.is_some_and(is_good)
    }

    /// Whether its stamp would be too old at an instant of TSA time, and may be replaced.
    fn wants_another_stamp(&self, now: Option<Time>) -> bool {
        match (&self.stage, now) {
            (ActionStage::Stamped { time, .. }, Some(now))
                if !self.in_doubt && self.turned_away.is_none() =>
            {
                time.plus(self.freshness) < now.plus(MARGIN.min(self.freshness / 2))
            }
            _ => false,
        }
    }
}

/// How often the broker could not take a disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::desk) enum TurnedAway {
    /// Never before.
    First,
    /// Before too, or it is not with the broker just now.
    Again,
}

/// Whether an overdue action goes on without its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::desk) enum GoesOn {
    /// It is no disclosure with a stamp.
    No,
    /// It does, and no command waits for it.
    Unheard,
    /// It does, and this command ends.
    Ends(ReplyTo),
}

/// A solution that was found, for how much work, and when the header came that it names.
#[derive(Debug, Clone, Copy)]
pub(in crate::desk) struct Solved {
    pub(in crate::desk) solution: Solution,
    pub(in crate::desk) effort: Effort,
    pub(in crate::desk) since: Duration,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::desk) enum SendStep {
    /// Ask for a stamp for this one.
    Stamp(u64),
    /// Hand this one in.
    Submit(u64),
    /// Solve the puzzle of this one.
    Solve(u64),
}

/// Actions under way, by number. Numbers rise in the order in which they were signed.
#[derive(Debug, Default)]
pub(in crate::desk) struct PendingActions {
    acts: BTreeMap<u64, PendingAction>,
    last: u64,
    /// How much work is asked for before something is handed in.
    effort: Effort,
    /// Whether another puzzle can be begun.
    may_solve: bool,
}

impl PendingActions {
    /// A number for a request that is no action.
    pub(in crate::desk) const fn take_number(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// Takes an action behind all others.
    pub(in crate::desk) fn add(&mut self, act: PendingAction) {
        self.last = self.last.saturating_add(1);
        self.acts.insert(self.last, act);
    }

    /// No command waits for the one that was taken last.
    pub(in crate::desk) fn last_by_itself(&mut self) {
        if let Some(act) = self.acts.get_mut(&self.last) {
            act.by_itself = true;
        }
    }

    pub(in crate::desk) fn get(&self, n: u64) -> Option<&PendingAction> {
        self.acts.get(&n)
    }

    pub(in crate::desk) fn remove(&mut self, n: u64) -> Option<PendingAction> {
        self.acts.remove(&n)
    }

    pub(in crate::desk) fn len(&self) -> usize {
        self.acts.len()
    }

    /// The one with this digest, with its number.
    pub(in crate::desk) fn find(&self, digest: &Digest) -> Option<(u64, &PendingAction)> {
        let mut acts = self.acts.iter().map(|(n, act)| (*n, act));
        acts.find(|(_, act)| act.action.digest() == *digest)
    }

    pub(in crate::desk) fn iter(&self) -> impl DoubleEndedIterator<Item = &PendingAction> {
        self.acts.values()
    }

    /// Takes how much work is asked for, and whether a puzzle can be begun.
    pub(in crate::desk) fn ask(&mut self, effort: Effort, may_solve: bool) {
        (self.effort, self.may_solve) = (effort, may_solve);
    }

    /// Numbers of those that are not handed in yet, for want of a solution for so much work.
    pub(in crate::desk) fn unsolved(&self, effort: Effort, now: Duration) -> Vec<u64> {
        let unsolved = self.acts.iter().filter(|(_, act)| {
            !matches!(act.stage, ActionStage::HandedIn { .. })
                && !act.in_doubt
                && !act.command_ended
                && !act.is_solved(effort, now)
        });
        unsolved.map(|(n, _)| *n).collect()
    }

    /// Notes a solution.
    pub(in crate::desk) fn solved(&mut self, n: u64, solved: Solved) {
        if let Some(act) = self.acts.get_mut(&n) {
            act.next_counter = solved.solution.counter.saturating_add(1);
            act.solved = Some(solved);
        }
    }

    /// Notes that the broker wants a puzzle solved that was not, or not for this. Whether the same bytes go out again with a
    /// new solution.
    pub(in crate::desk) fn solve_again(&mut self, n: u64, now: Duration) -> bool {
        let Some(act) = self.acts.get_mut(&n) else { return false };
        if let ActionStage::HandedIn { stamp, time, .. } = &act.stage {
            act.unsolved += 1;
            if act.unsolved > SOLVED_AGAIN {
                return false;
            }
            let pause =
                if act.unsolved > SOLVED_AT_ONCE { TURNED_AWAY_FOR } else { Duration::ZERO };
            let (stamp, time, not_before) = (stamp.clone(), *time, now.saturating_add(pause));
            act.stage = ActionStage::Stamped { stamp, time, not_before };
            act.solved = None;
        }
        true
    }

    /// What to do next; `time` is TSA time, if it is known. What is stamped goes before what is
    /// not, so that stamps do not grow old.
    pub(in crate::desk) fn next_step(
        &mut self,
        now: Duration,
        time: Option<Time>,
    ) -> Option<SendStep> {
        for act in self.acts.values_mut().filter(|act| act.wants_another_stamp(time)) {
            act.stage = ActionStage::Signed { not_before: now };
        }
        let effort = self.effort;
        let mut blocked: BTreeSet<RoomName> = BTreeSet::new();
        for (n, act) in &self.acts {
            let room = act.action.room();
            match &act.stage {
                ActionStage::Stamped { not_before, .. }
                    if *not_before <= now
                        && !blocked.contains(&room)
                        && act.is_solved(effort, now) =>
                {
                    return Some(SendStep::Submit(*n));
                }
                ActionStage::HandedIn { since, .. }
                    if now.saturating_sub(*since) >= IN_TURN_WITHIN => {}
                _ => {
                    blocked.insert(room);
                }
            }
        }
        let is_open = |act: &PendingAction| match act.stage {
            ActionStage::Signed { not_before } | ActionStage::Stamped { not_before, .. } => {
                not_before <= now
            }
            ActionStage::Stamping { .. } | ActionStage::HandedIn { .. } => false,
        };
        let unsolved = |act: &PendingAction| is_open(act) && !act.is_solved(effort, now);
        let next = self.acts.iter().find(|(_, act)| unsolved(act)).filter(|_| self.may_solve);
        if let Some((n, _)) = next {
            return Some(SendStep::Solve(*n));
        }
        let wants = |act: &PendingAction| {
            act.is_solved(effort, now)
                && matches!(act.stage, ActionStage::Signed { not_before } if not_before <= now)
        };
        self.acts.iter().find(|(_, act)| wants(act)).map(|(n, _)| SendStep::Stamp(*n))
    }

    /// Notes that a step was sent; what was sent for it is in the action.
    pub(in crate::desk) fn sent(&mut self, step: SendStep, now: Duration) {
        let (SendStep::Stamp(n) | SendStep::Submit(n) | SendStep::Solve(n)) = step;
        let Some(act) = self.acts.get_mut(&n) else { return };
        match (step, &act.stage) {
            (SendStep::Submit(_), ActionStage::Stamped { stamp, time, .. }) => {
                let stamp = stamp.clone();
                act.stage = ActionStage::HandedIn { stamp, time: *time, since: now };
                // It counts once.
                act.solved = None;
            }
            (SendStep::Stamp(_), _) => act.stage = ActionStage::Stamping { since: now },
            (SendStep::Submit(_) | SendStep::Solve(_), _) => {}
        }
    }

    /// The action that a stamp is waited for, under this number.
    pub(in crate::desk) fn stamping(&self, n: u64) -> Option<&PendingAction> {
        self.acts.get(&n).filter(|act| matches!(act.stage, ActionStage::Stamping { .. }))
    }

    /// Notes a verified stamp.
    pub(in crate::desk) fn stamped(&mut self, n: u64, stamp: FullStamp, time: Time, now: Duration) {
        if let Some(act) = self.acts.get_mut(&n) {
            act.stage = ActionStage::Stamped { stamp, time, not_before: now };
        }
    }

    /// Notes a refusal at the door. Whether the same bytes go out again after a pause.
    pub(in crate::desk) fn retry_later(&mut self, n: u64, now: Duration) -> bool {
        let Some(act) = self.acts.get_mut(&n) else { return false };
        let stage = match (&act.stage, pause_after(act.refused)) {
            // Nothing is waited for: there is nothing to refuse.
            (ActionStage::Signed { .. } | ActionStage::Stamped { .. }, _) => return true,
            (_, None) => return false,
            (ActionStage::Stamping { .. }, Some(pause)) => {
                ActionStage::Signed { not_before: now + pause }
            }
            (ActionStage::HandedIn { stamp, time, .. }, Some(pause)) => {
                ActionStage::Stamped { stamp: stamp.clone(), time: *time, not_before: now + pause }
            }
        };
        act.refused += 1;
        act.stage = stage;
        true
    }

    /// Notes that the broker could not take a disclosure just now: it is handed in again by itself, with
    /// the same bytes. Their stamp shows that its author came in time, and the broker takes them once
    /// it can. `None` for anything else.
    pub(in crate::desk) fn turned_away(&mut self, n: u64, now: Duration) -> Option<TurnedAway> {
        let pause = if self.effort.is_none() { TURNED_AWAY_FOR } else { TURNED_AWAY_SOLVED_FOR };
        let act = self.acts.get_mut(&n).filter(|act| act.discloses())?;
        let not_before = now + pause;
        act.stage = match &act.stage {
            ActionStage::HandedIn { stamp, time, .. } => {
                ActionStage::Stamped { stamp: stamp.clone(), time: *time, not_before }
            }
            ActionStage::Stamping { .. } => ActionStage::Signed { not_before },
            // Nothing is waited for: there is nothing that could not be taken.
            ActionStage::Signed { .. } | ActionStage::Stamped { .. } => {
                return Some(TurnedAway::Again);
            }
        };
        match act.turned_away {
            Some(_) => Some(TurnedAway::Again),
            None => {
                act.turned_away = Some(now);
                Some(TurnedAway::First)
            }
        }
    }

    /// Notes that the refusal of an action waits for the log that it names.
    pub(in crate::desk) fn refused_ahead(&mut self, n: u64, refusal: &str) {
        if let Some(act) = self.acts.get_mut(&n) {
            act.refusal = Some(refusal.to_owned());
        }
    }

    /// The refusals in a room that wait for its log.
    pub(in crate::desk) fn refusals_in(&self, room: RoomName) -> Vec<(u64, String)> {
        let here = self.acts.iter().filter(|(_, act)| act.action.room() == room);
        here.filter_map(|(n, act)| Some((*n, act.refusal.clone()?))).collect()
    }

    /// Lets a command wait for the disclosure in a room that goes on although no command waits for it:
    /// nobody discloses twice. False if there is none.
    pub(in crate::desk) fn take_up(&mut self, room: RoomName, of: &ReplyTo, now: Duration) -> bool {
        let goes_on = |act: &&mut PendingAction| {
            act.command_ended && act.discloses() && act.action.room() == room
        };
        let Some(act) = self.acts.values_mut().find(goes_on) else { return false };
        act.reply_to = of.clone();
        (act.begun, act.turned_away, act.command_ended) = (now, Some(now), false);
        true
    }

    /// Lets a disclosure that has its stamp go on without its command.
    pub(in crate::desk) fn goes_on(&mut self, n: u64, now: Duration) -> GoesOn {
        let disclosure = |act: &&mut PendingAction| act.discloses() && act.stamp().is_some();
        let Some(act) = self.acts.get_mut(&n).filter(disclosure) else { return GoesOn::No };
        if let ActionStage::HandedIn { stamp, time, .. } = &act.stage {
            let (stamp, time) = (stamp.clone(), *time);
            act.stage = ActionStage::Stamped { stamp, time, not_before: now };
        }
        act.turned_away.get_or_insert(now);
        let ended_before = std::mem::replace(&mut act.command_ended, true);
        let command = act.reply_to.clone();
        // Whoever asked has its answer with that; what comes later is about the room.
        act.reply_to.id = None;
        if ended_before { GoesOn::Unheard } else { GoesOn::Ends(command) }
    }

    /// A new session begins: everything unanswered goes out again, byte for byte, in its order.
    pub(in crate::desk) fn resume(&mut self, now: Duration) {
        for act in self.acts.values_mut() {
            // It was for the session that ended.
            act.solved = None;
            act.stage = match &act.stage {
                ActionStage::Signed { .. } | ActionStage::Stamping { .. } => {
                    ActionStage::Signed { not_before: now }
                }
                ActionStage::Stamped { stamp, time, .. } => {
                    ActionStage::Stamped { stamp: stamp.clone(), time: *time, not_before: now }
                }
                ActionStage::HandedIn { stamp, time, .. } => {
                    act.in_doubt = true;
                    ActionStage::Stamped { stamp: stamp.clone(), time: *time, not_before: now }
                }
            };
        }
    }

    /// Numbers of those that have waited too long: for one answer, or in all. Of those that go on by
    /// themselves the commands have ended.
    pub(in crate::desk) fn overdue(&self, now: Duration) -> Vec<u64> {
        let late = |since: &Duration| now.saturating_sub(*since) >= ANSWER_WITHIN;
        let overdue = self.acts.iter().filter(|(_, act)| match &act.stage {
            ActionStage::HandedIn { since, .. } if act.command_ended => late(since),
            _ if act.command_ended => false,
            _ if now.saturating_sub(act.begun) >= IN_ALL => true,
            _ if act.turned_away.as_ref().is_some_and(late) => true,
            ActionStage::Stamping { since } | ActionStage::HandedIn { since, .. } => late(since),
            ActionStage::Signed { .. } | ActionStage::Stamped { .. } => false,
        });
        overdue.map(|(n, _)| *n).collect()
    }
}

#[cfg(test)]
mod tests;
