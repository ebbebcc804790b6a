//! What is under way: signed and kept first, then stamped, submitted, and receipted.
//!
//! The action's bytes never change once signed. If the connection is lost in between, the same
//! bytes go out again and the broker gives its original answer. What is sent when, and in which
//! order, `pending` says; how fast, `pace`.

mod pace;
pub(in crate::desk) mod pending;
mod puzzles;
mod receipts;
mod send;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use pregao_protocol::host::NoRandomness;
use pregao_protocol::log::RoomName;
use pregao_protocol::log::stamp::{BatchProof, FullStamp, VerifiedBatch};
use pregao_protocol::room::action::{Action, ActionError, Draft};
use pregao_protocol::room::body::{Amount, Body, Signer, Verb};
use pregao_protocol::room::{Code, Stamped};
use pregao_protocol::trust::persona::{Blind, BlindContext, OneTimeKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::frame::FromPeer;
use uuid::Uuid;

use super::answers::{Progress, ReplyTo};
use super::confirm::Consent;
use super::connection::SessionLost;
use super::evidence::Exhibit;
use super::kinds;
use super::replica::Replica;
use super::{DEFERRED_WITHIN, Desk};
use crate::command::Command;
use crate::vault::{ActionRecord, Secret};
use pace::Pace;
use pending::{GoesOn, PendingAction, PendingActions, SendStep, TurnedAway};
use puzzles::Puzzles;

/// F taken where the room of an action is not known any more, in seconds.
const FRESHNESS: u32 = 10;
/// Actions under way in one room. Each names the log as it was when it was signed: the last of a
/// long row would know too little of those before it (V-037).
const MOST_IN_A_ROOM: usize = 4;

/// Why a command was refused for one of the reasons that broker and peer have in common.
pub(super) fn by_code(code: Code) -> Report {
    Report::new(code.as_str(), code.message(), code.advice())
}

pub(super) fn offline() -> Report {
    Report::new(
        "link.down",
        "there is no connection to the broker",
        "wait until it is back, then do it again",
    )
}

pub(super) fn no_randomness(_: NoRandomness) -> Report {
    Report::new(
        "system.random",
        "the system gives no random numbers",
        "nothing was sent; restart the program",
    )
}

/// What is to be sent, and what waits for it.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Actions under way.
    pending: PendingActions,
    /// When the ends of own bids were told in this run.
    ends: BTreeMap<Digest, Duration>,
    /// Commands that wait for a place among them: each with the front's name for it.
    waiting: VecDeque<(Option<String>, Command, Consent)>,
    /// Since when they wait for rooms to be read.
    behind_since: Option<Duration>,
    /// How fast this session may send.
    pace: Pace,
    /// What is to be solved before something is handed in.
    pub(super) puzzles: Puzzles,
    /// Frames other than those for actions, in order.
    unsent: VecDeque<FromPeer>,
    /// What the broker refused at its door, and is asked for again at an instant: a room, or the
    /// list of rooms.
    asked_later: BTreeSet<(Duration, Option<RoomName>)>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            pending: PendingActions::default(),
            ends: BTreeMap::new(),
            waiting: VecDeque::new(),
            behind_since: None,
            pace: Pace::below(0, 0, Duration::ZERO),
            puzzles: Puzzles::default(),
            unsent: VecDeque::new(),
            asked_later: BTreeSet::new(),
        }
    }
}

impl Outbox {
    /// An action under way.
    pub(super) const fn take_number(&mut self) -> u64 {
        self.pending.take_number()
    }

    pub(super) fn action(&self, n: u64) -> Option<&PendingAction> {
        self.pending.get(n)
    }

    /// Digest of the action that was begun last.
    pub(super) fn newest(&self) -> Option<Digest> {
        self.pending.iter().next_back().map(|act| act.action.digest())
    }

    /// The action that was begun last ends no command, whatever becomes of it.
    pub(super) fn begun_by_itself(&mut self) {
        self.pending.last_by_itself();
    }

    /// All of them, in the order in which they were signed.
    pub(super) fn actions(&self) -> impl Iterator<Item = &PendingAction> {
        self.pending.iter()
    }

    /// The action under way with this digest: its number, and its stamp if it has one.
    pub(super) fn find(&self, digest: &Digest) -> Option<(u64, Option<FullStamp>)> {
        let (n, act) = self.pending.find(digest)?;
        Some((n, act.stamp().cloned()))
    }

    /// Whether an action was handed in in this session alone: its author was there what the session says they are.
    pub(super) fn is_of_this_session(&self, digest: &Digest) -> bool {
        self.pending.find(digest).is_some_and(|(_, act)| !act.is_in_doubt())
    }

    /// See [`PendingActions::take_up`].
    pub(super) fn take_up(&mut self, room: RoomName, command: &ReplyTo, now: Duration) -> bool {
        self.pending.take_up(room, command, now)
    }

    /// See [`PendingActions::refusals_in`].
    pub(super) fn refusals_in(&self, room: RoomName) -> Vec<(u64, String)> {
        self.pending.refusals_in(room)
    }

    /// See [`PendingActions::refused_ahead`].
    pub(super) fn refused_ahead(&mut self, n: u64, refusal: &str) {
        self.pending.refused_ahead(n, refusal);
    }

    /// Whether an action is under way, or was in this run.
    pub(super) fn has_seen(&self, digest: &Digest) -> bool {
        self.find(digest).is_some() || self.told_end_of(digest).is_some()
    }

    /// When the user was told of the end of an own bid in this run, if they were.
    pub(super) fn told_end_of(&self, bid: &Digest) -> Option<Duration> {
        self.ends.get(bid).copied()
    }
}

impl Desk {
    /// Starts an action for a command, behind those that wait for a place; pending while it is under
    /// way. It is signed only then, on what the room's log has become.
    pub(super) async fn start_or_queue(&mut self, command: Command, consent: Consent) -> Progress {
        let waits = !self.outbox.waiting.is_empty() || !self.has_a_place(&command);
        if self.connection.is_up() && waits && !kinds::overtakes(&command) {
            let id = self.reply_to.id.clone();
            self.outbox.waiting.push_back((id, command, consent));
            return Progress::Pending;
        }
        self.start_act(command, &consent).await
    }

    /// Whether one more action may be under way, in its room and at all.
    fn has_a_place(&self, command: &Command) -> bool {
        let room = command.room().and_then(|room| self.find(room).ok());
        let in_room =
            self.outbox.pending.iter().filter(|act| Some(act.action.room()) == room).count();
        self.outbox.pending.len() < self.outbox.pace.most_under_way() && in_room < MOST_IN_A_ROOM
    }

    /// Signs what waits for as long as there are places, then sends what the pace allows.
    pub(super) async fn send_waiting(&mut self) -> Result<(), SessionLost> {
        while self.outbox.waiting.front().is_some_and(|(_, next, _)| self.has_a_place(next))
            && !self.must_catch_up_first()
        {
            let Some((id, command, consent)) = self.outbox.waiting.pop_front() else { break };
            self.reply_to = self.reply_to_command(id, &command);
            let progress = self.start_act(command, &consent).await;
            self.conclude(progress).await;
            self.reply_to = ReplyTo::default();
        }
        self.ask_again().await?;
        self.send_what_may_go().await
    }

    /// Whether scripts still wait for rooms to be read, which they do not for ever (V-099).
    fn must_catch_up_first(&mut self) -> bool {
        if !self.options.patient || self.is_caught_up() {
            self.outbox.behind_since = None;
            return false;
        }
        let now = self.options.host.clock.uptime();
        let since = *self.outbox.behind_since.get_or_insert(now);
        now.saturating_sub(since) < DEFERRED_WITHIN
    }

    /// Answers what waits for a place: there is no connection to wait for.
    pub(super) async fn refuse_waiting(&mut self) {
        for (id, command, consent) in std::mem::take(&mut self.outbox.waiting) {
            self.reply_to = self.reply_to_command(id, &command);
            let progress = self.start_act(command, &consent).await;
            self.done(progress == Progress::Done).await;
        }
    }

    async fn start_act(&mut self, command: Command, consent: &Consent) -> Progress {
        if kinds::takes_up(self, &command).await {
            return Progress::Pending;
        }
        let drafted = match kinds::draft(self, &command) {
            Some(Ok(drafted)) => drafted,
            Some(Err(report)) => return self.reject(report).await,
            None => return self.reject(by_code(Code::VerbKind)).await,
        };
        let grounds = kinds::grounds(self, drafted.room, &drafted.body, consent);
        if !consent.covers(&grounds) {
            self.ask_user(command, grounds, drafted);
            return Progress::Pending;
        }
        if *consent == Consent::Beforehand {
            self.tell_unknown_lockers(&grounds, &drafted).await;
        }
        match (drafted.room, drafted.body.signer()) {
            (Some(room), Signer::Member) => self.hand_in(room, drafted.body).await,
            _ => self.begin_drafted(drafted).await,
        }
    }

    pub(super) async fn reject(&self, report: Report) -> Progress {
        self.refuse(report).await;
        Progress::Failed
    }

    /// Whether an own action of this verb in a room was not refused.
    pub(super) fn has_kept(&self, room: RoomName, verb: Verb) -> bool {
        let name = room.to_string();
        let counts =
            |kept: &ActionRecord| kept.refusal.is_none() && kept.verb == verb && kept.room == name;
        self.vault.contents().actions.iter().any(counts)
    }

    /// Signs what was drafted with a fresh one-time key, keeps it, and asks for a stamp.
    pub(super) async fn begin_drafted(&mut self, drafted: Drafted) -> Progress {
        let Drafted { room, mut body, seal, mut hidden } = drafted;
        let host = &self.options.host;
        let (id, blind) = match host.random().and_then(|id| Ok((id, host.random()?))) {
            Ok(drawn) => drawn,
            Err(none) => return self.reject(no_randomness(none)).await,
        };
        let id = uuid::Builder::from_random_bytes(id).into_uuid();
        let blind = Blind::from_random(blind);
        let broker = self.options.broker.fingerprint;
        let key = OneTimeKey::derive(&self.persona, broker, id, &blind);
        if let Some(room) = room {
            let context = BlindContext { broker, action: id, persona: self.persona.public() };
            let (blind, context, seal) = (&blind, &context, seal.as_ref());
            let own = kinds::OwnKey { blind, context, key: key.public(), seal };
            hidden = match kinds::complete(self, room, &mut body, &own) {
                Ok(hidden) => hidden,
                Err(report) => return self.reject(report).await,
            };
        }
        self.sign(Unsigned { id, room, body, seal, blind, hidden }, &key).await
    }

    /// Signs with a given key, keeps, and asks for a stamp.
    pub(super) async fn sign(&mut self, unsigned: Unsigned, key: &OneTimeKey) -> Progress {
        self.sign_by(unsigned, |draft| draft.sign(key)).await
    }

    /// As [`Desk::sign`], by a key that may be of another sort.
    pub(super) async fn sign_by(
        &mut self,
        unsigned: Unsigned,
        sign: impl FnOnce(&Draft) -> Result<Action, ActionError>,
    ) -> Progress {
        let Unsigned { id, room, body, seal, blind, hidden } = unsigned;
        let seen = room
            .and_then(|name| self.rooms.get(&name)?.room().map(|room| room.ledger().head()))
            .unwrap_or_else(pregao_protocol::room::action::Seen::nothing);
        let action = match sign(&Draft { id, room, body, seen }) {
            Ok(action) => action,
            Err(error) => {
                let advice = "this is a fault of the program; nothing was sent".to_owned();
                return self.reject(Report::new("command.parse", error.to_string(), advice)).await;
            }
        };
        let kept = ActionRecord {
            hidden,
            id: id.to_string(),
            room: action.room().to_string(),
            verb: action.body().verb(),
            digest: action.digest(),
            action: action.compact().to_owned(),
            stamp: None,
            blind: Secret::new(*blind.expose()),
            seal_secret: seal,
            receipt: None,
            refusal: None,
        };
        // Durable before anything is sent: the secrets of a bid that wins must not be lost.
        if let Err(error) = self.vault.keep(kept) {
            self.vault_trouble(&error).await;
            return Progress::Failed;
        }
        self.statements.acted_in(action.room(), action.body().verb());
        let of = self.answering_with(action.room(), action.body());
        let freshness = self.freshness_of(&action);
        // It goes out by itself, once there is a connection.
        self.outbox.pending.add(PendingAction::new(
            of,
            action,
            blind,
            freshness,
            self.options.host.clock.uptime(),
        ));
        Progress::Pending
    }

    /// F of the room that an action belongs to.
    fn freshness_of(&self, action: &Action) -> Duration {
        let room = self.rooms.get(&action.room()).and_then(Replica::room);
        let opened = || action.body().terms().map(|terms| terms.freshness);
        let freshness = room.map(|room| room.terms().freshness).or_else(opened);
        freshness.unwrap_or(Duration::from_secs(FRESHNESS.into()))
    }

    /// After a reconnect: everything under way goes out again, byte for byte.
    pub(super) fn resume_acts(&mut self) {
        self.outbox.pending.resume(self.options.host.clock.uptime());
    }

    /// Sends what actions under way need, in their order.
    pub(super) async fn send_acts(&mut self) -> Result<(), SessionLost> {
        self.refuse_excess().await;
        // V-192: what goes on by itself waits, too, until less is asked for.
        let Ok(effort) = self.outbox.puzzles.asked() else { return Ok(()) };
        loop {
            let now = self.options.host.clock.uptime();
            let is_free = self.outbox.puzzles.is_free(now);
            self.outbox.pending.ask(effort, is_free);
            let Some(step) = self.outbox.pending.next_step(now, self.now()) else { return Ok(()) };
            if let SendStep::Solve(n) = step {
                self.start_solving(n);
                if self.outbox.puzzles.is_free(now) {
                    return Ok(());
                }
                continue;
            }
            let Some(frame) = self.frame_for(step) else { return Ok(()) };
            if !self.outbox.pace.acquire(now) {
                return Ok(());
            }
            self.outbox.pending.sent(step, now);
            self.send_now(frame).await?;
        }
    }

    fn frame_for(&self, step: SendStep) -> Option<FromPeer> {
        match step {
            SendStep::Solve(_) => None,
            SendStep::Stamp(n) => {
                let digests = vec![self.outbox.pending.get(n)?.action.digest()];
                Some(FromPeer::Stamp { n, digests })
            }
            SendStep::Submit(n) => {
                let act = self.outbox.pending.get(n)?;
                let (stamp, blind) = (act.stamp()?.clone(), act.blind.clone());
                let (action, solution) = (act.action.compact().to_owned(), act.solution());
                Some(FromPeer::Submit { n, action, stamp, blind, solution })
            }
        }
    }

    pub(super) async fn handle_stamped(&mut self, n: u64, batch: &str, stamps: &[BatchProof]) {
        let Some(act) = self.outbox.pending.stamping(n) else { return };
        let given = serde_json::to_string(&(batch, stamps)).unwrap_or_default();
        let holds = stamps.last().and_then(|place| {
            let stamp = place.with(batch);
            let bound = Stamped::open(act.action.clone(), stamp.clone(), &[self.tsa.stamp]).ok()?;
            Some((stamp, bound.time(), bound.batch().clone()))
        });
        let Some((stamp, time, header)) = holds else {
            let action = act.action.compact().to_owned();
            self.accuse(
                None,
                "the stamp that came for your action does not verify",
                "the action was not sent; do not use this broker until it is explained",
                Exhibit::Notes("stamp", &[&given, &action]),
            )
            .await;
            self.finish(n, false).await;
            return;
        };
        // The user is told, and hands it in all the same: a stamp is not the author's to choose.
        self.meet_header(&header).await;
        self.keep_stamp(n, &stamp).await;
        self.outbox.pending.stamped(n, stamp, time, self.options.host.clock.uptime());
    }

    /// Keeps the stamp of a disclosure before it is handed in: with it the same bytes are handed in until
    /// there is an answer, by this run of the program or a later one.
    async fn keep_stamp(&mut self, n: u64, stamp: &FullStamp) {
        let Some(act) = self.outbox.pending.get(n) else { return };
        if !act.action.body().is_paired() {
            return;
        }
        let (digest, stamp) = (act.action.digest(), serde_json::to_value(stamp).ok());
        self.note_stamp(digest, stamp).await;
    }

    async fn note_stamp(&mut self, digest: Digest, stamp: Option<serde_json::Value>) {
        let saved = self.vault.update(|contents| {
            for kept in contents.actions.iter_mut().filter(|kept| kept.digest == digest) {
                kept.stamp.clone_from(&stamp);
            }
        });
        if let Err(error) = saved {
            self.vault_trouble(&error).await;
        }
    }

    /// At the start of the program: disclosures that were to be handed in, and that no answer came to.
    pub(super) fn resume_disclosures(&mut self) {
        let contents = self.vault.contents();
        let disclosed =
            |room: &str| contents.reveals.iter().any(|kept| kept.room == room && kept.disclosed);
        let unanswered = |kept: &&ActionRecord| {
            kept.verb == Verb::Disclose && kept.receipt.is_none() && kept.refusal.is_none()
        };
        let left: Vec<PendingAction> = contents
            .actions
            .iter()
            .filter(unanswered)
            .filter(|kept| !disclosed(&kept.room))
            .filter_map(|kept| {
                let stamp: FullStamp = serde_json::from_value(kept.stamp.clone()?).ok()?;
                let time = VerifiedBatch::open(&stamp.batch, &[self.tsa.stamp]).ok()?.time();
                let action = Action::parse(&kept.action).ok()?;
                let blind = Blind::from_random(*kept.blind.expose());
                Some(PendingAction::left_over(
                    action,
                    blind,
                    stamp,
                    time,
                    self.options.host.clock.uptime(),
                ))
            })
            .collect();
        left.into_iter().for_each(|act| self.outbox.pending.add(act));
    }

    pub(super) async fn handle_failed(&mut self, n: u64, code: &str) {
        let Some(act) = self.outbox.pending.get(n) else { return };
        let (digest, now) = (act.action.digest(), self.options.host.clock.uptime());
        // Nothing was decided, and the place at the door comes back with time.
        if code == Code::DoorRate.as_str() && self.outbox.pending.retry_later(n, now) {
            return;
        }
        // More was asked for meanwhile, or it was for a header that grew old.
        if code == Code::Puzzle.as_str() && self.outbox.pending.solve_again(n, now) {
            return;
        }
        // Whoever disclosed in time must not count as absent because the broker could not take it just then.
        if matches!(
            code.parse(),
            Ok(Code::StoreFailed
                | Code::Slow
                | Code::TsaDown
                | Code::DoorRate
                | Code::Refusals
                | Code::Puzzle)
        ) && let Some(time) = self.outbox.pending.turned_away(n, now)
        {
            if time == TurnedAway::First {
                let text = format!(
                    "the broker cannot take your disclosure just now ({code}); it is handed in again"
                );
                self.reply_to =
                    self.outbox.pending.get(n).map(|act| act.reply_to.clone()).unwrap_or_default();
                self.note(text).await;
                self.reply_to = ReplyTo::default();
            }
            return;
        }
        if !self.is_undecided(n, code).await {
            return self.finish(n, false).await;
        }
        if self.vault.action(&digest).is_some_and(|kept| kept.stamp.is_some()) {
            self.note_stamp(digest, None).await;
        }
        if let Some(act) = self.outbox.pending.get(n) {
            self.reply_to = act.reply_to.clone();
        }
        let (message, advice) = match code.parse::<Code>() {
            Ok(code) => (code.message(), code.advice()),
            Err(_) => ("the broker did not decide", "try again"),
        };
        self.refuse(Report::new(code.to_owned(), message, advice)).await;
        self.finish(n, false).await;
    }

    /// Gives up waiting for answers that are overdue, with a connection or without. The actions stay
    /// kept: if one was logged after all, its receipt comes with the room's log.
    pub(super) async fn expire_overdue(&mut self) {
        for n in self.outbox.pending.overdue(self.options.host.clock.uptime()) {
            if self.outbox.pending.get(n).is_some_and(|act| act.refusal.is_some()) {
                // That its log is owed was said; the refusal is not shown as if it were true.
                self.finish(n, false).await;
                continue;
            }
            if self.goes_on_by_itself(n).await {
                continue;
            }
            let logged = self.outbox.pending.get(n).is_some_and(PendingAction::may_be_logged);
            let (message, advice) = if logged {
                let message = "the broker did not answer in time; the action may still be logged";
                (
                    message,
                    "look at the room before you do it again, or hand it in through its witnesses: deliver",
                )
            } else {
                let message = "no stamp came in time; the action was not handed in";
                let advice = "do it again once there is a connection; if it recurs, the broker is overloaded \
                              or refuses service";
                (message, advice)
            };
            if let Some(act) = self.outbox.pending.get(n) {
                self.reply_to = act.reply_to.clone();
            }
            self.refuse(Report::new("link.slow", message, advice)).await;
            self.finish(n, false).await;
        }
    }

    /// Ends the command of a disclosure that the broker could not take, and goes on handing it in.
    async fn goes_on_by_itself(&mut self, n: u64) -> bool {
        match self.outbox.pending.goes_on(n, self.options.host.clock.uptime()) {
            GoesOn::No => return false,
            GoesOn::Unheard => return true,
            GoesOn::Ends(command) => self.reply_to = command,
        }
        let message = "the broker has not taken your disclosure so far";
        let advice = "keep pregao running or run it again before the deadline: it hands in the same by itself";
        self.refuse(Report::new("link.slow", message, advice)).await;
        self.done(false).await;
        true
    }

    /// Keeps the stamp of what was handed in and has no answer, or is answered by a witness as well: by whatever way one
    /// comes yet, it may be to that stamp. Disclosures with a stamp are handed in again; that is kept elsewhere.
    async fn keep_stamp_in_doubt(&mut self, n: u64) {
        let Some(act) = self.outbox.pending.get(n) else { return };
        let handed_in = act.may_be_logged() && !act.action.body().is_paired();
        let Some(stamp) = act.stamp().filter(|_| handed_in).cloned() else { return };
        let digest = act.action.digest();
        self.deliveries.also_stamped(digest, &stamp);
        let is_open = |kept: &ActionRecord| kept.receipt.is_none() && kept.refusal.is_none();
        if self.vault.action(&digest).is_some_and(is_open)
            && let Ok(stamp) = serde_json::to_value(stamp)
        {
            self.note_stamp(digest, Some(stamp)).await;
        }
    }

    pub(super) async fn finish(&mut self, n: u64, ok: bool) {
        self.keep_stamp_in_doubt(n).await;
        if let Some(act) = self.outbox.pending.remove(n)
            && !act.command_ended
            && !act.by_itself
        {
            if matches!(act.action.body(), Body::Bid(_) | Body::SealedBid(_)) {
                // Before it is told: whoever writes after hearing of it writes later than this.
                self.outbox.ends.insert(act.action.digest(), self.options.host.clock.uptime());
            }
            self.reply_to = act.reply_to;
            self.done(ok).await;
        }
        self.reply_to = ReplyTo::default();
    }

    /// Own action with these bytes, if it is one.
    pub(super) fn kept_digest(&self, stamped: &Stamped) -> Option<&ActionRecord> {
        self.vault.action(&stamped.action().digest())
    }

    /// The one-time key of an own action, derived again.
    pub(super) fn one_time_key(&self, kept: &ActionRecord) -> Option<OneTimeKey> {
        let id: Uuid = kept.id.parse().ok()?;
        let blind = Blind::from_random(*kept.blind.expose());
        Some(OneTimeKey::derive(&self.persona, self.options.broker.fingerprint, id, &blind))
    }
}

/// An action that has no key yet.
#[derive(Debug)]
pub(super) struct Drafted {
    /// The room it is for; none if it opens one.
    pub(super) room: Option<RoomName>,
    pub(super) body: Body,
    /// The secret of the body's HPKE key, or what else only its author is to have.
    pub(super) seal: Option<Secret>,
    /// An amount that it is about, and does not say.
    pub(super) hidden: Option<Amount>,
}

impl Drafted {
    /// One that opens a room.
    pub(super) const fn opening(body: Body, seal: Option<Secret>) -> Self {
        Self { room: None, body, seal, hidden: None }
    }

    /// One in a room.
    pub(super) const fn within(room: RoomName, body: Body, seal: Option<Secret>) -> Self {
        Self { room: Some(room), body, seal, hidden: None }
    }
}

/// An action before it is signed.
pub(super) struct Unsigned {
    pub(super) id: Uuid,
    pub(super) room: Option<RoomName>,
    pub(super) body: Body,
    pub(super) seal: Option<Secret>,
    pub(super) blind: Blind,
    /// What the body offers and hides.
    pub(super) hidden: Option<Amount>,
}

#[cfg(test)]
mod tests;
