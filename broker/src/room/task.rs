//! A room's task: its mailbox, its signals, and the watchers that go live.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::log::merkle::Frontier;
use pregao_protocol::room::{Room, Undecided};
use pregao_protocol::value::codec::Digest;
use tokio::time::Instant;

use super::feed::Feed;
use super::kinds::{AnyPolicy, HeldAction};
use super::recovery::Recovery;
use super::retry::TurnedAway;
use super::{
    Answered, Responder, RoomDirectory, RoomInbox, RoomMessage, RoomSignal, RoomState, Submitted,
    WatchAnswer,
};
use crate::links::AuthorLink;
use crate::shared::Shared;
use crate::store::StoredHead;

/// Most messages taken in one batch.
const BATCH: usize = 512;

/// A room's task.
#[derive(Debug)]
pub(crate) struct RoomTask {
    pub(super) name: RoomName,
    pub(super) room: Room,
    pub(super) shared: Arc<Shared>,
    pub(super) rooms: Arc<dyn RoomDirectory>,
    /// What its watchers get.
    pub(super) feed: Feed,
    /// What the broker does in rooms of this kind.
    pub(super) policy: AnyPolicy,
    /// Who opened the room; known while links exist.
    pub(super) opener: Option<AuthorLink>,
    /// Actions held until their counterparts are there.
    pub(super) held: Vec<HeldAction>,
    /// The tree over what was refused here. Grows with the group that is decided, as the fold does.
    pub(super) refused: Frontier,
    pub(super) recovery: Recovery,
    /// Actions that the store failed.
    pub(super) turned_away: TurnedAway,
    /// When to ask again whether absence may be recorded.
    pub(super) patience: Option<Instant>,
    /// The newest cosigned head, until the witnesses are asked about newer ones.
    pub(super) kept: Option<StoredHead>,
    pub(super) inbox: RoomInbox,
}

/// Submissions, and what else was taken from the mailbox with them.
type Taken = (Vec<(Submitted, Responder)>, Vec<RoomMessage>);

impl RoomTask {
    /// Makes a task; [`RoomTask::run`] is it.
    #[must_use]
    pub(crate) fn new(
        shared: Arc<Shared>,
        rooms: Arc<dyn RoomDirectory>,
        state: RoomState,
        inbox: RoomInbox,
    ) -> Self {
        let RoomState { room, policy, head, first: _, recent, opener, held, refused, cosigned } =
            state;
        let shown = cosigned.as_ref().map(|cosigned| cosigned.note.as_str().into());
        Self {
            feed: Feed::new(room.ledger().name(), head, recent, shown),
            name: room.ledger().name(),
            room,
            shared,
            rooms,
            policy,
            opener,
            held,
            refused,
            kept: cosigned,
            recovery: Recovery::default(),
            turned_away: TurnedAway::default(),
            patience: None,
            inbox,
        }
    }

    /// Serves the room until the broker stops.
    pub(crate) async fn run(mut self) {
        self.offer_head();
        self.schedule();
        self.advance().await;
        loop {
            let again = passed(self.next_try());
            // Deadlines come first: a full mailbox must not put off the close.
            let first = tokio::select! {
                biased;
                signal = self.inbox.signals.recv() => match signal {
                    Some(signal) => {
                        self.handle_signal(signal).await;
                        continue;
                    }
                    None => return,
                },
                () = again => {
                    self.try_again().await;
                    continue;
                }
                message = self.inbox.messages.recv() => match message {
                    Some(message) => message,
                    None => return,
                },
            };
            let taken = self.take(Some(first), BATCH);
            if self.handle(taken).await {
                self.advance().await;
            }
        }
    }

    /// Takes messages that wait, up to a number.
    fn take(&mut self, first: Option<RoomMessage>, most: usize) -> Taken {
        let (mut submissions, mut others) = (Vec::new(), Vec::new());
        let mut next = first.or_else(|| self.inbox.messages.try_recv().ok());
        while let Some(message) = next {
            match message {
                RoomMessage::Submit(handed, reply) => submissions.push((handed, reply)),
                other => others.push(other),
            }
            let taken = submissions.len() + others.len();
            next = if taken < most { self.inbox.messages.try_recv().ok() } else { None };
        }
        (submissions, others)
    }

    /// All submissions in one batch, so that nothing else sent in between can force each into a commit
    /// of its own. True if something is due then.
    async fn handle(&mut self, (submissions, others): Taken) -> bool {
        let is_due = self.batch(submissions).await;
        for other in others {
            self.handle_message(other).await;
        }
        is_due
    }

    /// Decides what was handed in for this room so far and waits for its turn, with the checkers or in the
    /// mailbox; not what comes while that is done, and no longer than `within`.
    pub(super) async fn decide_received(&mut self, within: Duration) {
        let until = Instant::now() + within;
        // Too much waits with the checkers: what has come through is decided all the same.
        let _ = tokio::time::timeout_at(until, self.shared.checker.passed()).await;
        let mut left = self.inbox.messages.len();
        while left > 0 && Instant::now() < until {
            let taken = self.take(None, left.min(BATCH));
            left = left.saturating_sub(taken.0.len() + taken.1.len()).min(left - 1);
            self.handle(taken).await;
        }
    }

    /// When this room takes up by itself what failed: it waits for nobody's request.
    fn next_try(&self) -> Option<Instant> {
        self.recovery.next_try().into_iter().chain(self.patience).min()
    }

    async fn try_again(&mut self) {
        let now = Instant::now();
        self.recovery.passed(now);
        self.patience = self.patience.filter(|at| *at > now);
        self.advance().await;
    }

    async fn handle_signal(&mut self, signal: RoomSignal) {
        match signal {
            RoomSignal::Due => self.advance().await,
            RoomSignal::Dated(cosigned) => {
                self.policy.dated(&self.room, cosigned);
                self.advance().await;
            }
            RoomSignal::Cosigned { size, note } => {
                self.feed.cosigned(size, note, &self.shared.metrics);
            }
            RoomSignal::FollowerEnded { seq, room } => {
                self.policy.ended(&self.room, seq, &room);
                self.advance().await;
            }
        }
    }

    async fn handle_message(&mut self, message: RoomMessage) {
        match message {
            RoomMessage::Submit(handed, reply) => _ = self.batch(vec![(handed, reply)]).await,
            RoomMessage::Watch { watcher, next, answer } => {
                let watching = self.watch(next).await;
                let (live, session) =
                    (matches!(watching, WatchAnswer::Live { .. }), watcher.session);
                if live {
                    self.feed.add(watcher);
                }
                // The session may have ended, or given up waiting: then it asks again.
                if answer.send(watching).is_err() && live {
                    self.feed.remove(session);
                }
            }
            RoomMessage::Unwatch(session) => self.feed.remove(session),
            RoomMessage::HandOut { pass, reply, frames } => {
                let n = reply.n;
                match self.hand_out(n, pass).await {
                    // The session may have ended: the same pass gets the same again.
                    Ok(frame) => _ = frames.send(Answered { n, frame }),
                    Err(code) => reply.fail(code),
                }
            }
        }
    }

    /// Keys for a letter, as a frame.
    async fn hand_out(&mut self, n: u64, pass: Digest) -> Result<Vec<u8>, Undecided> {
        self.recovered().await.map_err(|_| Undecided::STORE_FAILED)?;
        let head = Arc::clone(self.feed.head());
        let handed = self.policy.hand_out(&self.shared, &self.room, &head, (n, pass)).await?;
        handed.encode().ok_or(Undecided::STORE_FAILED)
    }

    async fn watch(&mut self, next: u64) -> WatchAnswer {
        if self.recovered().await.is_err() {
            return WatchAnswer::Failed;
        }
        self.feed.since(next, self.room.ledger().head().size)
    }
}

/// Waits for an instant; for none, for ever.
async fn passed(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
