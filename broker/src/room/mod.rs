//! One room as served: its log, its watchers, and what the broker does in it by itself.
//!
//! A room is a task with a mailbox. It takes everything that waits as one batch, decides it in order,
//! makes it durable in one commit, and only then tells anybody. Submissions that arrive meanwhile
//! wait for the next batch, so load makes batches larger, not more frequent.
//!
//! - `task` the mailbox; `batch` decides; `commit` makes durable, tells the watchers and recovers
//! - `feed` what the watchers get; `recovery` what is known of faults
//! - `held` what an action that is held is kept as; `retry` when what failed is tried again
//! - `opening` makes a new room; `load` replays one of the store
//! - `witnessed` has its heads cosigned
//! - `lifecycle` takes the steps that are due; `kinds` decides, for each kind of room, which those are

mod batch;
mod commit;
mod feed;
pub(crate) mod held;
pub(crate) mod kinds;
mod lifecycle;
mod load;
pub(crate) mod opening;
mod recovery;
mod retry;
mod task;
mod witnessed;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pregao_protocol::log::{Cosignature, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, Signer};
use pregao_protocol::room::{Kind, Room, Undecided};
use pregao_protocol::trust::key::{OneTime, PublicKey};
use pregao_protocol::value::codec::Digest;
use tokio::sync::{mpsc, oneshot};

use crate::check::Checked;
use crate::fanout::Watcher;
use crate::rate_limiter::RateLimiter;
use crate::responder::Responder;
use crate::store::SharedEntry;

pub(crate) use load::RoomState;
pub(crate) use task::RoomTask;

/// Messages waiting for one room.
pub const MAILBOX: usize = 8_192;

/// A frame that answers a request and is no JSON.
#[derive(Debug)]
pub struct Answered {
    /// The request's number.
    pub n: u64,
    /// The frame.
    pub frame: Vec<u8>,
}

/// What was handed in for a room.
#[derive(Debug)]
pub enum Submitted {
    /// A checked action.
    Checked(Box<Checked>),
    /// An action that did not pass the checks, and what does not hold: it may be a repetition of
    /// one that did before.
    Repeated(Box<Action>, Undecided),
}

impl Submitted {
    /// The action.
    #[must_use]
    pub fn action(&self) -> &Action {
        match self {
            Self::Checked(checked) => checked.stamped().action(),
            Self::Repeated(action, _) => action,
        }
    }
}

/// What sessions send to a room.
#[derive(Debug)]
pub enum RoomMessage {
    /// Something handed in.
    Submit(Submitted, Responder),
    /// A session wants everything from a position on.
    Watch {
        /// The session.
        watcher: Watcher,
        /// Entries it holds.
        next: u64,
        /// Where to answer.
        answer: oneshot::Sender<WatchAnswer>,
    },
    /// A session wants nothing more.
    Unwatch(u64),
    /// A guest who holds a pass wants keys for a letter.
    HandOut {
        /// The pass.
        pass: Digest,
        /// Where to say why there are none.
        reply: Responder,
        /// Where the frame goes.
        frames: mpsc::UnboundedSender<Answered>,
    },
}

/// What a room must not miss, however full its mailbox is.
#[derive(Debug, Clone)]
pub enum RoomSignal {
    /// TSA time has passed an instant at which this room has something to do.
    Due,
    /// A witness dated the head that the room waits to have dated.
    Dated(Cosignature),
    /// Witnesses cosigned a head; it is kept.
    Cosigned {
        /// Entries it covers.
        size: u64,
        /// The head's note with their lines.
        note: Arc<str>,
    },
    /// A room that follows from one of this room's entries is complete.
    FollowerEnded {
        /// Position of the entry.
        seq: u64,
        /// The other room.
        room: Arc<Room>,
    },
}

/// Answer to [`RoomMessage::Watch`].
#[derive(Debug)]
pub enum WatchAnswer {
    /// Live from now on; `tail` is what lies between.
    Live {
        /// Entries from the position asked for, as logged.
        tail: Vec<SharedEntry>,
        /// The newest signed head.
        head: Arc<str>,
        /// The newest head that witnesses cosigned, with their lines.
        cosigned: Option<Arc<str>>,
        /// What the room waits for, as a frame; nothing if it does not.
        waiting: Option<Arc<[u8]>>,
    },
    /// Too far behind: read a page of the log, then ask again.
    Behind,
    /// The store failed, and with it what the room knows of its log: ask again later.
    Failed,
}

/// The other rooms of the broker, as one of them reaches them.
pub(crate) trait RoomDirectory: std::fmt::Debug + Send + Sync {
    /// Starts serving a room that is durable.
    fn serve(self: Arc<Self>, state: RoomState);

    /// Signals to a room, if it is served, what it must not miss.
    fn notify(&self, name: RoomName, signal: RoomSignal);
}

/// A room's end of its [`RoomHandle`].
#[derive(Debug)]
pub struct RoomInbox {
    /// From sessions.
    pub messages: mpsc::Receiver<RoomMessage>,
    /// From the monitor, the witnesses and rooms that follow from this one.
    pub signals: mpsc::UnboundedReceiver<RoomSignal>,
    /// What sessions that read there take from, too.
    pub(crate) pace: Option<OwnerPace>,
}

/// What the owner of a box may do there at once, and each second on average: act, and ask for the log (V-288).
pub(crate) const OWNER_BURST: u32 = 64;
/// See [`OWNER_BURST`].
pub(crate) const OWNER_RATE: u32 = 1;

/// How often the owner of a box may act and read there (V-288). Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct OwnerPace {
    owner: PublicKey<OneTime>,
    limiter: Arc<Mutex<RateLimiter>>,
}

impl OwnerPace {
    /// As much as there is at once, from `now` on.
    pub(crate) fn of(owner: PublicKey<OneTime>, now: Duration) -> Self {
        let limiter = RateLimiter::new(OWNER_RATE, OWNER_BURST, now);
        Self { owner, limiter: Arc::new(Mutex::new(limiter)) }
    }

    /// Whether what somebody with this key does is within it, if the key is the owner's. Others are not counted: they
    /// could lock the owner out.
    pub(crate) fn allows(&self, key: &PublicKey<OneTime>, now: Duration) -> bool {
        *key != self.owner || self.limiter.lock().take(now)
    }
}

impl RoomHandle {
    /// See [`OwnerPace::allows`]; nobody is bound where there is none.
    pub(crate) fn is_within_pace(&self, key: &PublicKey<OneTime>, now: Duration) -> bool {
        self.pace.as_ref().is_none_or(|pace| pace.allows(key, now))
    }

    /// Whether the room is there for whoever hands this in (V-380). Others learn nothing from it, and nothing that is kept
    /// is signed for them: what guests do belongs in boxes, a box has one owner, a private room its members.
    pub(crate) fn is_there_for(&self, action: &Action) -> bool {
        let body = action.body();
        let is_guests = match body.signer() {
            // Told by its own code, wherever it is for.
            Signer::Broker => return true,
            Signer::Owner | Signer::Guest => true,
            Signer::Persona | Signer::Member => false,
        };
        if is_guests != (self.kind == Kind::MessageBox) {
            return false;
        }
        // A pass is spent on a letter, and the key that both of a reveal room have the room alone knows.
        if body.signer() == Signer::Guest || matches!(body, Body::SealedSay(_)) {
            return true;
        }
        self.readers.as_ref().is_none_or(|readers| readers.contains(action.key()))
    }
}

/// The way to a room.
#[derive(Debug, Clone)]
pub struct RoomHandle {
    /// Its name.
    pub name: RoomName,
    /// Of which kind it is.
    pub kind: Kind,
    /// Its mailbox.
    pub mailbox: mpsc::Sender<RoomMessage>,
    /// For what must not be missed. Few: the monitor, the witnesses and the rooms that follow
    /// from this one speak here.
    pub signals: mpsc::UnboundedSender<RoomSignal>,
    /// The only keys that may watch, if it is private.
    pub readers: Option<Arc<[PublicKey<OneTime>]>>,
    /// How often the owner of a box may act and read there (V-288); nothing where nobody is bound to that.
    pub(crate) pace: Option<OwnerPace>,
}
