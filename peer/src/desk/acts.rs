//! What is under way: signed and kept first, then stamped, submitted, and receipted.
//!
//! The action's bytes never change once signed. If the connection is lost in between, the same
//! bytes go out again and the broker gives its original answer. What is sent when, and in which
//! order, `under_way` says.

use std::time::Duration;

use pregao_protocol::action::{Action, Draft};
use pregao_protocol::codec::Digest;
use pregao_protocol::evidence::Statement;
use pregao_protocol::frame::FromPeer;
use pregao_protocol::host::NoRandomness;
use pregao_protocol::log::{Entry, Receipt, RoomName};
use pregao_protocol::persona::{Blind, OneTimeKey};
use pregao_protocol::room::body::{Body, Signer};
use pregao_protocol::room::{Code, Stamped};
use pregao_protocol::stamp::{FullStamp, Place, VerifiedBatch};
use pregao_protocol::verify;
use uuid::Uuid;

use super::answers::Answering;
use super::confirm::Consent;
use super::evidence::Exhibit;
use super::follow::Followed;
use super::kinds;
use super::under_way::{Act, Step};
use super::{DEFERRED_WITHIN, Desk, Lost};
use crate::command::Command;
use crate::event::{Event, ReceiptView};
use crate::vault::{Kept, Secret};

/// F taken where the room of an action is not known any more, in seconds.
const FRESHNESS: u32 = 10;
/// Actions under way in one room. Each names the log as it was when it was signed: the last of a
/// long row would know too little of those before it (V-037).
const MOST_IN_A_ROOM: usize = 4;

/// Why a command cannot become an action: code, what happened, what to do.
pub(super) struct Cannot(pub(super) &'static str, pub(super) String, pub(super) String);

impl Cannot {
    pub(super) fn code(code: Code) -> Self {
        Self(code.as_str(), code.message().to_owned(), code.advice().to_owned())
    }
}

pub(super) fn offline() -> Cannot {
    Cannot(
        "link.down",
        "there is no connection to the broker".to_owned(),
        "wait until it is back, then do it again".to_owned(),
    )
}

impl From<NoRandomness> for Cannot {
    fn from(_: NoRandomness) -> Self {
        let advice = "nothing was sent; restart the program".to_owned();
        Self("system.random", "the system gives no random numbers".to_owned(), advice)
    }
}

impl Desk {
    /// Starts an action for a command, behind those that wait for a place; `None` while it is under
    /// way. It is signed only then, on what the room's log has become.
    pub(super) async fn act(&mut self, command: Command, consent: Consent) -> Option<bool> {
        let waits = !self.waiting.is_empty() || !self.has_a_place(&command);
        if self.online.is_some() && waits && !kinds::overtakes(&command) {
            let id = self.answering.id.clone();
            self.waiting.push_back((id, command, consent));
            return None;
        }
        self.start_act(command, &consent).await
    }

    /// Whether one more action may be under way, in its room and at all.
    fn has_a_place(&self, command: &Command) -> bool {
        let room = command.room().and_then(|room| self.find(room).ok());
        let in_room = self.acts.iter().filter(|act| Some(act.action.room()) == room).count();
        self.acts.len() < self.pace.most_under_way() && in_room < MOST_IN_A_ROOM
    }

    /// Signs what waits for as long as there are places, then sends what the pace allows.
    pub(super) async fn go_on(&mut self) -> Result<(), Lost> {
        while self.waiting.front().is_some_and(|(_, next, _)| self.has_a_place(next))
            && !self.waits_for_rooms()
        {
            let Some((id, command, consent)) = self.waiting.pop_front() else { break };
            self.answering = self.about(id, &command);
            if let Some(ok) = self.start_act(command, &consent).await {
                self.done(ok).await;
            }
            self.answering = Answering::default();
        }
        self.ask_again().await?;
        self.send_what_may_go().await
    }

    /// Whether scripts still wait for rooms to be read, which they do not for ever (V-099).
    fn waits_for_rooms(&mut self) -> bool {
        if !self.options.patient || self.is_caught_up() {
            self.behind_since = None;
            return false;
        }
        let now = self.options.host.clock.uptime();
        let since = *self.behind_since.get_or_insert(now);
        now.saturating_sub(since) < DEFERRED_WITHIN
    }

    /// Answers what waits for a place: there is no connection to wait for.
    pub(super) async fn refuse_waiting(&mut self) {
        for (id, command, consent) in std::mem::take(&mut self.waiting) {
            self.answering = self.about(id, &command);
            let ok = self.start_act(command, &consent).await.unwrap_or(false);
            self.done(ok).await;
        }
    }

    async fn start_act(&mut self, command: Command, consent: &Consent) -> Option<bool> {
        if kinds::takes_up(self, &command).await {
            return None;
        }
        let (room, body, seal) = match kinds::draft(self, &command) {
            Some(Ok(drafted)) => drafted,
            Some(Err(cannot)) => return self.cannot(cannot).await,
            None => return self.cannot(Cannot::code(Code::VerbKind)).await,
        };
        let grounds = kinds::grounds(self, room, &body, consent);
        if !consent.covers(&grounds) {
            self.ask(command, grounds, room);
            return None;
        }
        match (room, body.signer()) {
            (Some(room), Signer::Member) => self.hand_in(room, body).await,
            _ => self.begin(room, body, seal).await,
        }
    }

    pub(super) async fn cannot(&self, Cannot(code, message, advice): Cannot) -> Option<bool> {
        self.refuse(code, message, advice).await;
        Some(false)
    }

    /// Whether an own action of this verb in a room was not refused.
    pub(super) fn has_kept(&self, room: RoomName, verb: &str) -> bool {
        let name = room.to_string();
        let counts = |kept: &Kept| kept.refusal.is_none() && kept.verb == verb && kept.room == name;
        self.vault.contents().actions.iter().any(counts)
    }

    /// Signs with a fresh one-time key, keeps, and asks for a stamp.
    async fn begin(
        &mut self,
        room: Option<RoomName>,
        body: Body,
        seal: Option<Secret>,
    ) -> Option<bool> {
        let host = &self.options.host;
        let (id, blind) = match host.random().and_then(|id| Ok((id, host.random()?))) {
            Ok(drawn) => drawn,
            Err(none) => return self.cannot(none.into()).await,
        };
        let id = uuid::Builder::from_random_bytes(id).into_uuid();
        let blind = Blind::from_random(blind);
        let broker = self.options.broker.fingerprint;
        let key = OneTimeKey::derive(&self.persona, broker, id, &blind);
        self.sign(Unsigned { id, room, body, seal, blind }, &key).await
    }

    /// Signs with a given key, keeps, and asks for a stamp.
    pub(super) async fn sign(&mut self, unsigned: Unsigned, key: &OneTimeKey) -> Option<bool> {
        let Unsigned { id, room, body, seal, blind } = unsigned;
        let seen = room
            .and_then(|name| self.rooms.get(&name)?.room().map(|room| room.ledger().head()))
            .unwrap_or_else(pregao_protocol::action::Seen::nothing);
        let action = match (Draft { id, room, body, seen }).sign(key) {
            Ok(action) => action,
            Err(error) => {
                let advice = "this is a fault of the program; nothing was sent".to_owned();
                return self.cannot(Cannot("command.parse", error.to_string(), advice)).await;
            }
        };
        let kept = Kept {
            id: id.to_string(),
            room: action.room().to_string(),
            verb: action.body().verb().to_owned(),
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
            return Some(false);
        }
        self.met.acted_in(action.room(), action.body().verb());
        let of = self.answering_with(action.room(), action.body());
        let freshness = self.freshness_of(&action);
        // It goes out by itself, once there is a connection.
        self.acts.add(Act::new(of, action, blind, freshness, self.options.host.clock.uptime()));
        None
    }

    /// F of the room that an action belongs to.
    fn freshness_of(&self, action: &Action) -> Duration {
        let room = self.rooms.get(&action.room()).and_then(Followed::room);
        let opened = || action.body().terms().map(|terms| terms.freshness);
        let freshness = room.map(|room| room.terms().freshness).or_else(opened);
        freshness.unwrap_or(Duration::from_secs(FRESHNESS.into()))
    }

    /// After a reconnect: everything under way goes out again, byte for byte.
    pub(super) fn resume_acts(&mut self) {
        self.acts.resume(self.options.host.clock.uptime());
    }

    /// Sends what actions under way need, in their order.
    pub(super) async fn send_acts(&mut self) -> Result<(), Lost> {
        loop {
            let now = self.options.host.clock.uptime();
            let Some(step) = self.acts.step(now, self.now()) else { return Ok(()) };
            let Some(frame) = self.frame_for(step) else { return Ok(()) };
            if !self.pace.take(now) {
                return Ok(());
            }
            self.acts.sent(step, now);
            self.send_now(frame).await?;
        }
    }

    fn frame_for(&self, step: Step) -> Option<FromPeer> {
        match step {
            Step::Stamp(n) => {
                let digests = vec![self.acts.get(n)?.action.digest()];
                Some(FromPeer::Stamp { n, digests })
            }
            Step::Submit(n) => {
                let act = self.acts.get(n)?;
                let (stamp, blind) = (act.stamp()?.clone(), act.blind.clone());
                let action = act.action.compact().to_owned();
                Some(FromPeer::Submit { n, action, stamp, blind })
            }
        }
    }

    pub(super) async fn stamped(&mut self, n: u64, batch: &str, stamps: &[Place]) {
        let Some(act) = self.acts.stamping(n) else { return };
        let given = serde_json::to_string(&(batch, stamps)).unwrap_or_default();
        let holds = stamps.last().and_then(|place| {
            let stamp = place.with(batch);
            let bound = Stamped::open(act.action.clone(), stamp.clone(), &[self.tsa.stamp]).ok()?;
            Some((stamp, bound.time()))
        });
        let Some((stamp, time)) = holds else {
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
        self.keep_stamp(n, &stamp).await;
        self.acts.stamped(n, stamp, time, self.options.host.clock.uptime());
    }

    /// Keeps the stamp of a disclosure before it is handed in: with it the same bytes are handed in until
    /// there is an answer, by this run of the program or a later one.
    async fn keep_stamp(&mut self, n: u64, stamp: &FullStamp) {
        let Some(act) = self.acts.get(n) else { return };
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
        let unanswered = |kept: &&Kept| {
            kept.verb == "disclose" && kept.receipt.is_none() && kept.refusal.is_none()
        };
        let left: Vec<Act> = contents
            .actions
            .iter()
            .filter(unanswered)
            .filter(|kept| !disclosed(&kept.room))
            .filter_map(|kept| {
                let stamp: FullStamp = serde_json::from_value(kept.stamp.clone()?).ok()?;
                let time = VerifiedBatch::open(&stamp.batch, &[self.tsa.stamp]).ok()?.time();
                let action = Action::parse(&kept.action).ok()?;
                let blind = Blind::from_random(*kept.blind.expose());
                Some(Act::left_over(action, blind, stamp, time, self.options.host.clock.uptime()))
            })
            .collect();
        left.into_iter().for_each(|act| self.acts.add(act));
    }

    pub(super) async fn receipt(&mut self, n: u64, seq: u64, path: Vec<Digest>, head: String) {
        let Some(act) = self.acts.get(n) else { return };
        let Some(stamp) = act.stamp().cloned() else { return };
        let opening = if act.action.opens_a_room() {
            act.action.compact().to_owned()
        } else {
            let followed = self.rooms.get(&act.action.room());
            followed.map(|followed| followed.opening.clone()).unwrap_or_default()
        };
        // A disclosure of an earlier run may be answered before its private room has arrived. What cannot
        // be judged yet is no lie: the same is handed in again, and answered alike.
        let now = self.options.host.clock.uptime();
        if opening.is_empty() && self.acts.turned_away(n, now).is_some() {
            return;
        }
        let Some(act) = self.acts.get(n) else { return };
        let action = act.action.compact().to_owned();
        let entry = Entry { seq, action, stamp: stamp.stamp() }.encode();
        let receipt = Receipt { opening, header: stamp.batch, entry, path, head };
        let digest = act.action.digest();
        let discloses = act.action.body().is_paired();
        let room = act.action.room();
        let kept = self.keep_receipt(digest, receipt).await;
        if discloses && kept {
            self.mark_disclosed(room, None).await;
        }
        self.finish(n, kept).await;
    }

    /// Verifies a receipt and keeps it; what does not verify is an alarm.
    pub(super) async fn keep_receipt(&mut self, digest: Digest, receipt: Receipt) -> bool {
        self.keep_receipts(vec![(digest, receipt)]).await
    }

    /// As [`Desk::keep_receipt`], with one writing of the vault for all. Whether all are kept.
    pub(super) async fn keep_receipts(&mut self, receipts: Vec<(Digest, Receipt)>) -> bool {
        let mut all = true;
        let mut verified = Vec::new();
        for (digest, receipt) in receipts {
            let Some(kept) = self.vault.action(&digest) else {
                all = false;
                continue;
            };
            let known = kept.receipt.is_some();
            let holds = verify::receipt(&receipt).ok().filter(|holds| holds.digest == digest);
            match holds {
                Some(holds) => {
                    let text = receipt.encode();
                    // A receipt that holds by itself may still be of another log than the one shown.
                    let fits = self.take_statement(holds.room, Statement::Head(receipt.head)).await;
                    all &= fits;
                    if !known {
                        verified.push((digest, text, holds, fits));
                    }
                }
                None => {
                    // Also if a good one is kept: what came now proves that the broker lies.
                    all = false;
                    self.doubt_receipt(&receipt).await;
                }
            }
        }
        if verified.is_empty() {
            return all;
        }
        let saved = self.vault.update(|contents| {
            for kept in &mut contents.actions {
                let of = verified.iter().find(|(digest, ..)| *digest == kept.digest);
                if let Some((_, text, ..)) = of {
                    kept.receipt = serde_json::from_str(text).ok();
                }
            }
        });
        if let Err(error) = saved {
            self.vault_trouble(&error).await;
        }
        for (digest, _, verified, fits) in verified {
            self.check_refused(&digest).await;
            self.tell(Event::Receipt(ReceiptView {
                room: verified.room.to_string(),
                short: self.names.short(verified.room),
                title: self.title(verified.room),
                seq: verified.seq,
                verb: verified.verb.to_owned(),
                time: verified.time,
                digest: digest.to_string(),
                holds: fits,
            }))
            .await;
        }
        all
    }

    async fn doubt_receipt(&mut self, receipt: &Receipt) {
        self.accuse(
            None,
            "the broker gave a receipt that does not verify",
            "your action may not count",
            Exhibit::Notes("receipt", &[&receipt.encode()]),
        )
        .await;
    }

    pub(super) async fn failed(&mut self, n: u64, code: &str) {
        let Some(act) = self.acts.get(n) else { return };
        let (digest, now) = (act.action.digest(), self.options.host.clock.uptime());
        // Nothing was decided, and the place at the door comes back with time.
        if code == Code::DoorRate.as_str() && self.acts.again(n, now) {
            return;
        }
        // Whoever disclosed in time must not count as absent because the broker could not take it just then.
        if matches!(
            code.parse(),
            Ok(Code::StoreFailed | Code::Slow | Code::TsaDown | Code::DoorRate)
        ) && let Some(first) = self.acts.turned_away(n, now)
        {
            if first {
                let text = format!(
                    "the broker cannot take your disclosure just now ({code}); it is handed in again"
                );
                self.answering = self.acts.get(n).map(|act| act.of.clone()).unwrap_or_default();
                self.note(text).await;
                self.answering = Answering::default();
            }
            return;
        }
        if !self.is_undecided(n, code).await {
            return self.finish(n, false).await;
        }
        if self.vault.action(&digest).is_some_and(|kept| kept.stamp.is_some()) {
            self.note_stamp(digest, None).await;
        }
        if let Some(act) = self.acts.get(n) {
            self.answering = act.of.clone();
        }
        let (message, advice) = match code.parse::<Code>() {
            Ok(code) => (code.message(), code.advice()),
            Err(_) => ("the broker did not decide", "try again"),
        };
        self.refuse(code, message, advice).await;
        self.finish(n, false).await;
    }

    /// Gives up waiting for answers that are overdue, with a connection or without. The actions stay
    /// kept: if one was logged after all, its receipt comes with the room's log.
    pub(super) async fn give_up_overdue(&mut self) {
        for n in self.acts.overdue(self.options.host.clock.uptime()) {
            if self.acts.get(n).is_some_and(|act| act.refusal.is_some()) {
                // That its log is owed was said; the refusal is not shown as if it were true.
                self.finish(n, false).await;
                continue;
            }
            if self.goes_on_by_itself(n).await {
                continue;
            }
            let logged = self.acts.get(n).is_some_and(Act::may_be_logged);
            let (message, advice) = if logged {
                let message = "the broker did not answer in time; the action may still be logged";
                (message, "look at the room before you do it again")
            } else {
                let message = "no stamp came in time; the action was not handed in";
                let advice = "do it again once there is a connection; if it recurs, the broker is overloaded \
                              or refuses service";
                (message, advice)
            };
            if let Some(act) = self.acts.get(n) {
                self.answering = act.of.clone();
            }
            self.refuse("link.slow", message, advice).await;
            self.finish(n, false).await;
        }
    }

    /// Ends the command of a disclosure that the broker could not take, and goes on handing it in.
    async fn goes_on_by_itself(&mut self, n: u64) -> bool {
        let Some(told) = self.acts.goes_on(n, self.options.host.clock.uptime()) else {
            return false;
        };
        let Some(of) = told else { return true };
        self.answering = of;
        let message = "the broker has not taken your disclosure so far";
        let advice = "keep pregao running or run it again before the deadline: it hands in the same by itself";
        self.refuse("link.slow", message, advice).await;
        self.done(false).await;
        true
    }

    pub(super) async fn finish(&mut self, n: u64, ok: bool) {
        if let Some(act) = self.acts.remove(n)
            && !act.told
        {
            if matches!(act.action.body(), Body::Bid(_)) {
                // Before it is told: whoever writes after hearing of it writes later than this.
                self.ends.insert(act.action.digest(), self.options.host.clock.uptime());
            }
            self.answering = act.of;
            self.done(ok).await;
        }
        self.answering = Answering::default();
    }

    /// Own action with these bytes, if it is one.
    pub(super) fn kept_digest(&self, stamped: &Stamped) -> Option<&Kept> {
        self.vault.action(&stamped.action().digest())
    }

    /// The one-time key of an own action, derived again.
    pub(super) fn one_time_key(&self, kept: &Kept) -> Option<OneTimeKey> {
        let id: Uuid = kept.id.parse().ok()?;
        let blind = Blind::from_random(*kept.blind.expose());
        Some(OneTimeKey::derive(&self.persona, self.options.broker.fingerprint, id, &blind))
    }
}

/// Room, body, and the secret of the body's HPKE key.
pub(super) type Drafted = (Option<RoomName>, Body, Option<Secret>);

/// An action before it is signed.
pub(super) struct Unsigned {
    pub(super) id: Uuid,
    pub(super) room: Option<RoomName>,
    pub(super) body: Body,
    pub(super) seal: Option<Secret>,
    pub(super) blind: Blind,
}

#[cfg(test)]
#[path = "acts_tests.rs"]
mod tests;
