//! A room's task: its mailbox, its calls, and the watchers that go live.

use std::collections::VecDeque;
use std::sync::Arc;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Room;
use tokio::time::Instant;

use super::kinds::{AnyPolicy, Follower, Held, View};
use super::retry::{Retry, TurnedAway};
use crate::fanout::Watchers;
use crate::house::House;
use crate::links::Link;
use crate::room::{Call, Inbox, Message, SharedEntry, Watching};
use crate::store::StoreError;

/// Most messages taken in one batch.
const BATCH: usize = 512;

/// A room's task.
#[derive(Debug)]
pub(crate) struct RoomTask {
    pub(super) name: RoomName,
    pub(super) room: Room,
    pub(super) house: Arc<House>,
    pub(super) watchers: Watchers,
    pub(super) head: Arc<str>,
    pub(super) recent: VecDeque<SharedEntry>,
    /// What the broker does in rooms of this kind.
    pub(super) policy: AnyPolicy,
    /// Who opened the room; known while links exist.
    pub(super) opener: Option<Link>,
    /// Actions held until their counterparts are there.
    pub(super) held: Vec<Held>,
    /// The store failed in the middle of a batch: fold and log may differ until reloaded. Nothing
    /// may be told or decided from the fold meanwhile.
    pub(super) stale: bool,
    /// When a step of the broker's own that failed is tried again.
    pub(super) steps: Retry,
    /// When the store, which failed, is trusted with another batch.
    pub(super) commits: Retry,
    /// When reading the log, which failed, is tried again.
    pub(super) reloads: Retry,
    pub(super) turned_away: TurnedAway,
    /// When to ask again whether absence may be recorded.
    pub(super) patience: Option<Instant>,
    inbox: Inbox,
}

/// What a room task starts from.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Its fold.
    pub(crate) room: Room,
    /// What the broker does in it.
    pub(crate) policy: AnyPolicy,
    /// Its newest signed head.
    pub(crate) head: Arc<str>,
    /// Its first entry, as logged: what the list of rooms shows.
    pub(crate) first: SharedEntry,
    /// The last entries, as logged.
    pub(crate) recent: VecDeque<SharedEntry>,
    /// Who opened it.
    pub(crate) opener: Option<Link>,
    /// Actions held until their counterparts are there.
    pub(crate) held: Vec<Held>,
}

impl Opened {
    /// Takes up a room of the store; see [`super::kinds::Policy::resume`].
    ///
    /// # Errors
    /// A failure of the store.
    pub(crate) async fn resume(
        &mut self,
        house: &Arc<House>,
        followers: &[Follower],
    ) -> Result<(), StoreError> {
        let opener = self.opener.as_ref();
        let view = View { house, room: &self.room, opener, held: &self.held, patience: None };
        self.policy.resume(view, followers).await
    }
}

impl RoomTask {
    /// Makes a task; [`RoomTask::run`] is it.
    #[must_use]
    pub(crate) fn new(house: Arc<House>, opened: Opened, inbox: Inbox) -> Self {
        let Opened { room, policy, head, first: _, recent, opener, held } = opened;
        Self {
            name: room.ledger().name(),
            room,
            house,
            watchers: Watchers::default(),
            head,
            recent,
            policy,
            opener,
            held,
            stale: false,
            steps: Retry::default(),
            commits: Retry::default(),
            reloads: Retry::default(),
            turned_away: TurnedAway::default(),
            patience: None,
            inbox,
        }
    }

    /// Serves the room until the broker stops.
    pub(crate) async fn run(mut self) {
        self.schedule();
        self.advance().await;
        loop {
            let again = passed(self.next_try());
            // Deadlines come first: a full mailbox must not put off the close.
            let first = tokio::select! {
                biased;
                call = self.inbox.calls.recv() => match call {
                    Some(call) => {
                        self.answer(call).await;
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
            let mut submissions = Vec::new();
            let mut others = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Submit(handed, reply) => submissions.push((handed, reply)),
                    other => others.push(other),
                }
                let taken = submissions.len() + others.len();
                next = if taken < BATCH { self.inbox.messages.try_recv().ok() } else { None };
            }
            // All submissions in one batch, so that nothing else sent in between can force each
            // into a commit of its own.
            self.batch(submissions).await;
            for other in others {
                self.handle(other).await;
            }
        }
    }

    /// When this room takes up by itself what failed: it waits for nobody's request.
    fn next_try(&self) -> Option<Instant> {
        [self.commits.at(), self.reloads.at(), self.patience].into_iter().flatten().min()
    }

    async fn try_again(&mut self) {
        let now = Instant::now();
        self.commits.passed(now);
        self.reloads.passed(now);
        self.patience = self.patience.filter(|at| *at > now);
        self.advance().await;
    }

    async fn answer(&mut self, call: Call) {
        match call {
            Call::Due => self.advance().await,
            Call::FollowerEnded { seq, room } => {
                self.policy.ended(&self.room, seq, &room);
                self.advance().await;
            }
        }
    }

    async fn handle(&mut self, message: Message) {
        match message {
            Message::Submit(handed, reply) => self.batch(vec![(handed, reply)]).await,
            Message::Watch { watcher, next, answer } => {
                let watching = self.watch(next).await;
                let (live, session) = (matches!(watching, Watching::Live { .. }), watcher.session);
                if live {
                    self.watchers.add(watcher);
                }
                // The session may have ended, or given up waiting: then it asks again.
                if answer.send(watching).is_err() && live {
                    self.watchers.remove(session);
                }
            }
            Message::Unwatch(session) => self.watchers.remove(session),
        }
    }

    async fn watch(&mut self, next: u64) -> Watching {
        if self.recovered().await.is_err() {
            return Watching::Failed;
        }
        let size = self.room.ledger().head().size;
        let missing = usize::try_from(size.saturating_sub(next)).unwrap_or(usize::MAX);
        match self.recent.len().checked_sub(missing) {
            Some(skip) if next <= size => Watching::Live {
                tail: self.recent.iter().skip(skip).cloned().collect(),
                head: Arc::clone(&self.head),
            },
            Some(_) | None => Watching::Behind,
        }
    }
}

/// Waits for an instant; for none, for ever.
async fn passed(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
