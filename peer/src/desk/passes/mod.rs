//! Passes taken in the session of the persona: the key is read where everybody reads it, and what comes is verified.
//!
//! When, and how many, others decide: they speak to the desk by [`PassTaker`].

use std::time::Duration;

use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::Undecided;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Body;
use pregao_protocol::trust::pass::{Day, PassKey, PassRequest};
use pregao_protocol::value::label::{MAX_ANSWER, MAX_PASSES};
use pregao_protocol::wire::frame::PassesOffered;
use tokio::sync::{mpsc, oneshot};

use super::Desk;
use super::connection::SessionLost;
use super::replica::{Replica, Wish};
use crate::post::passes::{Offer, PassAsk, PassTaker, TakeError, Taken, asking, finish, key_of};

/// How long an answer is waited for: what a broker has for it, and what the network takes.
const WITHIN: Duration = Duration::from_secs(MAX_ANSWER + 10);

/// Somebody who waits for what may be taken.
type Waiting = (Duration, oneshot::Sender<Result<Offer, TakeError>>);

/// What is under way.
#[derive(Debug)]
pub(super) struct PassWork {
    taker: PassTaker,
    asked: mpsc::Receiver<PassAsk>,
    /// What the broker said as the session began.
    offered: Option<PassesOffered>,
    /// The pass room that is followed because somebody asked.
    followed: Option<RoomName>,
    waiting: Vec<Waiting>,
    taking: Option<Taking>,
}

/// Requests that the broker has not answered.
#[derive(Debug)]
struct Taking {
    n: u64,
    since: Duration,
    requests: Vec<PassRequest>,
    key: PassKey,
    reply: oneshot::Sender<Taken>,
}

impl Default for PassWork {
    fn default() -> Self {
        let (taker, asked) = PassTaker::channel();
        let (waiting, taking) = (Vec::new(), None);
        Self { taker, asked, offered: None, followed: None, waiting, taking }
    }
}

impl PassWork {
    /// For whoever takes passes.
    pub(super) fn taker(&self) -> PassTaker {
        self.taker.clone()
    }

    /// What is asked next; waits for ever if nothing is.
    pub(super) async fn asked(&mut self) -> Option<PassAsk> {
        self.asked.recv().await
    }

    /// A session begins with a broker that says this.
    pub(super) const fn begin_session(&mut self, offered: Option<PassesOffered>) {
        self.offered = offered;
    }

    /// The session has ended: who waits asks again. What was asked for is counted once, whatever became of the answer.
    pub(super) fn end_session(&mut self) {
        self.offered = None;
        for (_, reply) in self.waiting.drain(..) {
            // Who asked may have gone, here and everywhere.
            let _ = reply.send(Err(TakeError::Offline));
        }
        if let Some(taking) = self.taking.take() {
            let _ = taking.reply.send(Err(TakeError::Offline));
        }
    }

    /// Whether a room is followed for passes: of that the user need not hear.
    pub(super) fn is_for_passes(&self, name: RoomName) -> bool {
        self.followed == Some(name)
    }
}

impl Desk {
    /// For whoever takes passes.
    #[must_use]
    pub fn pass_taker(&self) -> PassTaker {
        self.passes.taker()
    }

    /// Whether a room is read in the background: the user did not ask for it.
    pub(super) fn is_in_background(&self, name: RoomName) -> bool {
        let unasked = |room: &Replica| room.wish() == Wish::None;
        self.passes.is_for_passes(name) && self.rooms.get(&name).is_some_and(unasked)
    }

    /// Acts on what is asked.
    pub(super) async fn handle_pass_ask(&mut self, ask: PassAsk) -> Result<(), SessionLost> {
        let now = self.options.host.clock.uptime();
        match ask {
            PassAsk::Offer(reply) => {
                let Some(offered) = self.passes.offered else {
                    let _ = reply.send(Err(TakeError::None));
                    return Ok(());
                };
                self.passes.waiting.push((now, reply));
                if let Some(room) = offered.room {
                    self.follow_passes(room).await?;
                }
                self.settle_offers(false);
            }
            PassAsk::Take { requests, key, reply } => {
                if self.passes.taking.is_some() {
                    let _ = reply.send(Err(TakeError::Busy));
                    return Ok(());
                }
                let n = self.outbox.take_number();
                let Some(frame) = asking(n, &requests) else {
                    let _ = reply.send(Err(TakeError::Undecided(Undecided::FRAME_MALFORMED)));
                    return Ok(());
                };
                self.passes.taking = Some(Taking { n, since: now, requests, key, reply });
                self.send(frame).await?;
            }
        }
        Ok(())
    }

    /// The room of the keys is there now (V-357). Nothing but the first word of it counts.
    pub(super) async fn handle_pass_room(&mut self, name: RoomName) -> Result<(), SessionLost> {
        match &mut self.passes.offered {
            Some(PassesOffered { room: room @ None, .. }) => *room = Some(name),
            Some(_) | None => return Ok(()),
        }
        if self.passes.waiting.is_empty() { Ok(()) } else { self.follow_passes(name).await }
    }

    /// Reads the room of the keys, since somebody asked.
    async fn follow_passes(&mut self, name: RoomName) -> Result<(), SessionLost> {
        self.passes.followed = Some(name);
        self.add_room(name).await;
        // One that cannot be told apart from what is followed already is left as it is.
        let is_new = self.rooms.get(&name).is_some_and(|room| !room.is_followed());
        if is_new {
            self.rooms.choose_later();
            self.choose_rooms_to_follow().await?;
        }
        Ok(())
    }

    /// The broker signed what was asked for. What nobody waits for is passed over.
    pub(super) fn handle_passes(&mut self, n: u64, signatures: &[Vec<u8>]) {
        if let Some(taking) = self.passes.taking.take_if(|taking| taking.n == n) {
            let _ = taking.reply.send(finish(&taking.key, &taking.requests, signatures));
        }
    }

    /// Whether a failure is about passes; then whoever waits for them hears of it.
    pub(super) fn passes_failed(&mut self, n: u64, code: &str) -> bool {
        let Some(taking) = self.passes.taking.take_if(|taking| taking.n == n) else { return false };
        let failed = code.parse().map_or(
            TakeError::False("a request was refused without a signature"),
            TakeError::Undecided,
        );
        let _ = taking.reply.send(Err(failed));
        true
    }

    /// Answers whoever waits, if what they wait for is there, or for too long.
    pub(super) fn settle_offers(&mut self, looking: bool) {
        let now = self.options.host.clock.uptime();
        if looking
            && let Some(taking) =
                self.passes.taking.take_if(|taking| now.saturating_sub(taking.since) >= WITHIN)
        {
            let _ = taking.reply.send(Err(TakeError::Slow));
        }
        if self.passes.waiting.is_empty() {
            return;
        }
        let offer = self.passes_on_offer();
        let may_come =
            matches!(offer, Err(TakeError::Slow | TakeError::NoKey | TakeError::Unwitnessed));
        let is_over = |since: &Duration| now.saturating_sub(*since) >= WITHIN;
        for (since, reply) in std::mem::take(&mut self.passes.waiting) {
            if may_come && !is_over(&since) {
                self.passes.waiting.push((since, reply));
            } else {
                let _ = reply.send(offer.clone());
            }
        }
    }

    /// What may be taken now: [`TakeError::Slow`] until the log is read.
    fn passes_on_offer(&self) -> Result<Offer, TakeError> {
        let offered = self.passes.offered.ok_or(TakeError::None)?;
        let session = self.connection.session().ok_or(TakeError::Offline)?;
        let today = Day::of(self.now().ok_or(TakeError::Slow)?);
        // Right after a broker's first start there is none, and so no key either.
        let name = offered.room.ok_or(TakeError::NoKey)?;
        let replica = self.rooms.get(&name).ok_or(TakeError::Slow)?;
        if replica.is_broken() || replica.denial().is_some() {
            return Err(TakeError::False("the log of the broker's passes does not hold"));
        }
        let room = replica.room().filter(|_| replica.is_verified());
        let (Some(room), Some(head)) = (room, replica.head()) else {
            return Err(TakeError::Slow);
        };
        let key = key_of(room, &session.certificate, today)?;
        // What the broker alone signed, it can still exchange for those who have not seen it.
        let head = if room.terms().witnesses.is_empty() {
            head
        } else {
            let stated = position_of(replica, today).ok_or(TakeError::NoKey)?;
            let witnessed = replica.witnessed.size() > stated;
            replica.witnessed.final_head().filter(|_| witnessed).ok_or(TakeError::Unwitnessed)?
        };
        let count = offered.count.clamp(1, MAX_PASSES);
        Ok(Offer { key: key.clone(), count, room: name, head: head.to_owned() })
    }
}

/// Where in the log of a pass room the key of a day is stated; the newest days are the last.
fn position_of(replica: &Replica, day: Day) -> Option<u64> {
    let states = |seq: u64| {
        let action = Action::parse(&Entry::parse(replica.text(seq)?).ok()?.action).ok()?;
        let Body::PassKey(stated) = action.body() else { return None };
        Some(stated.day)
    };
    (0..replica.size()).rev().find(|seq| states(*seq) == Some(day))
}

#[cfg(test)]
mod tests;
