//! One room as served: its log, its watchers, and what the broker does in it by itself.
//!
//! A room is a task with a mailbox. It takes everything that waits as one batch, decides it in order,
//! makes it durable in one commit, and only then tells anybody. Submissions that arrive meanwhile
//! wait for the next batch, so load makes batches larger, not more frequent.
//!
//! - `task` the mailbox; `batch` decides; `commit` makes durable, tells the watchers and recovers
//! - `held` what an action that is held is kept as
//! - `lifecycle` takes the steps that are due; `kinds` says, for each kind of room, which those are

mod batch;
mod commit;
pub(crate) mod held;
pub(crate) mod kinds;
mod lifecycle;
mod retry;
mod task;

use std::sync::Arc;

use pregao_protocol::action::Action;
use pregao_protocol::frame::FromBroker;
use pregao_protocol::key::{OneTime, PublicKey};
use pregao_protocol::log::{Logged, RoomName};
use pregao_protocol::room::{Room, Undecided};
use tokio::sync::{mpsc, oneshot};

use crate::check::Checked;
use crate::fanout::Watcher;
use crate::metrics::Metrics;
use crate::store::{NewEntry, StoredEntry};

pub(crate) use commit::{RECENT, signed_head};
pub(crate) use task::{Opened, RoomTask};

/// Messages waiting for one room.
pub const MAILBOX: usize = 8_192;

/// An entry as logged with the batch header that it names, kept for many to send.
#[derive(Debug, Clone)]
pub struct SharedEntry {
    /// The entry's bytes.
    pub entry: Arc<str>,
    /// The header as transmitted.
    pub header: Arc<str>,
}

impl SharedEntry {
    /// For writing a frame.
    #[must_use]
    pub fn logged(&self) -> Logged<'_> {
        Logged { entry: &self.entry, header: &self.header }
    }
}

impl From<&NewEntry> for SharedEntry {
    fn from(entry: &NewEntry) -> Self {
        let (text, header) = (Arc::clone(&entry.text), Arc::clone(&entry.header.text));
        Self { entry: text, header }
    }
}

impl From<StoredEntry> for SharedEntry {
    fn from(entry: StoredEntry) -> Self {
        Self { entry: entry.text.into(), header: entry.header }
    }
}

/// How a session hears the answer to one request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The request's number.
    pub n: u64,
    /// The session's queue of personal frames. Bounded by what a session may have under way.
    pub to: mpsc::UnboundedSender<FromBroker>,
    /// Where it is counted that the house could not decide.
    pub metrics: Arc<Metrics>,
}

impl Reply {
    /// Answers. A session that is gone no longer listens; that is no fault.
    pub fn send(self, frame: FromBroker) {
        let _ = self.to.send(frame);
    }

    /// Answers that nothing was decided: there is no other answer without a signature.
    pub fn fail(self, code: Undecided) {
        let n = self.n;
        if is_ours(code) {
            self.metrics.failed.add(1);
        }
        self.send(FromBroker::Failed { n, code: code.code().as_str().to_owned() });
    }
}

/// Whether a failure is for want of time, store or capacity, and not for what was handed in.
fn is_ours(code: Undecided) -> bool {
    [Undecided::TSA_DOWN, Undecided::STORE_FAILED, Undecided::DOOR_RATE].contains(&code)
}

/// What was handed in for a room.
#[derive(Debug)]
pub enum Handed {
    /// A checked action.
    Checked(Box<Checked>),
    /// An action that did not pass the checks, and what does not hold: it may be a repetition of
    /// one that did before.
    Repeated(Box<Action>, Undecided),
}

impl Handed {
    /// The action.
    #[must_use]
    pub fn action(&self) -> &Action {
        match self {
            Self::Checked(checked) => checked.stamped().action(),
            Self::Repeated(action, _) => action,
        }
    }
}

/// What a room can be told.
#[derive(Debug)]
pub enum Message {
    /// Something handed in.
    Submit(Handed, Reply),
    /// A session wants everything from a position on.
    Watch {
        /// The session.
        watcher: Watcher,
        /// Entries it holds.
        next: u64,
        /// Where to answer.
        answer: oneshot::Sender<Watching>,
    },
    /// A session wants nothing more.
    Unwatch(u64),
}

/// What a room must not miss, however full its mailbox is.
#[derive(Debug, Clone)]
pub enum Call {
    /// TSA time has passed an instant at which this room has something to do.
    Due,
    /// A room that follows from one of this room's entries is complete.
    FollowerEnded {
        /// Position of the entry.
        seq: u64,
        /// The other room.
        room: Arc<Room>,
    },
}

/// Answer to [`Message::Watch`].
#[derive(Debug)]
pub enum Watching {
    /// Live from now on; `tail` is what lies between.
    Live {
        /// Entries from the position asked for, as logged.
        tail: Vec<SharedEntry>,
        /// The newest signed head.
        head: Arc<str>,
    },
    /// Too far behind: read a page of the log, then ask again.
    Behind,
    /// The store failed, and with it what the room knows of its log: ask again later.
    Failed,
}

/// A room's end of its [`Handle`].
#[derive(Debug)]
pub struct Inbox {
    /// From sessions.
    pub messages: mpsc::Receiver<Message>,
    /// From the monitor and from rooms that follow from this one.
    pub calls: mpsc::UnboundedReceiver<Call>,
}

/// The way to a room.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Its name.
    pub name: RoomName,
    /// Its mailbox.
    pub mailbox: mpsc::Sender<Message>,
    /// For what must not be missed. Few: the monitor and the rooms that follow from this one speak here.
    pub calls: mpsc::UnboundedSender<Call>,
    /// The only keys that may watch, if it is private.
    pub members: Option<Arc<[PublicKey<OneTime>]>>,
}
