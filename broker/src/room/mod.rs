//! One room as served: its fold, its watchers, and whoever holds the turn.
//!
//! A room is a task with a mailbox; having the turn is having the room's lock. A turn takes
//! everything that waits, decides it in order, makes it durable in one commit, and only then
//! tells anybody. Submissions that arrive meanwhile wait for the next turn, so load makes turns
//! larger, not more frequent.

mod retry;
mod steward;
mod turn;

use std::sync::Arc;

use pregao_protocol::action::Action;
use pregao_protocol::frame::FromBroker;
use pregao_protocol::key::{OneTime, PublicKey};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::Undecided;
use pregao_protocol::room::body::{Absent, Side};
use tokio::sync::{mpsc, oneshot};

use crate::check::Checked;
use crate::fanout::Watcher;
use crate::metrics::Metrics;

pub(crate) use turn::signed_head;
pub use turn::{Opened, RoomTask};

/// Messages waiting for one room.
pub const MAILBOX: usize = 8_192;

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

/// How the reveal of an auction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevealEnd {
    /// Both disclosed.
    Complete,
    /// One side withdrew.
    Withdrawn(Side),
    /// The deadline passed.
    Absent(Absent),
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// TSA time has passed an instant at which this room has something to do.
    Due,
    /// The reveal that follows from this auction's `settled` entry at a position has ended.
    RevealEnded {
        /// Position of the `settled` entry.
        settled: u64,
        /// How.
        end: RevealEnd,
    },
}

/// Answer to [`Message::Watch`].
#[derive(Debug)]
pub enum Watching {
    /// Live from now on; `tail` is what lies between.
    Live {
        /// Entries from the position asked for, as logged.
        tail: Vec<Arc<str>>,
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
    /// From the monitor and from the reveal.
    pub calls: mpsc::UnboundedReceiver<Call>,
}

/// The way to a room.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Its name.
    pub name: RoomName,
    /// Its mailbox.
    pub mailbox: mpsc::Sender<Message>,
    /// For what must not be missed. Few: the monitor and the room's own reveal speak here.
    pub calls: mpsc::UnboundedSender<Call>,
    /// The only keys that may watch, if it is private.
    pub members: Option<Arc<[PublicKey<OneTime>]>>,
}
