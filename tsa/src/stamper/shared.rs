//! What the stamper's worker and its callers share.

use std::borrow::Cow;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::log::merkle::Tree;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use pregao_protocol::value::report::Advised;

use crate::clock::{ClockError, SharedClock};
use crate::code;

/// Most digests in a batch: paths stay within [`label::MAX_STAMP_PATH`].
pub const MAX_BATCH: usize = 1 << label::MAX_STAMP_PATH;
/// Requests that may wait; more are refused as `stamp.busy`.
pub(super) const QUEUE: usize = 4096;

/// When a batch closes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the first digest of a batch waits for others.
    pub wait: Duration,
    /// How many digests end the wait.
    pub size: usize,
}

/// Why there is no stamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StampRefusal {
    /// The clock cannot be believed.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The header could not be made durable.
    #[error("the batch cannot be stored: {0}")]
    Store(String),
    /// Too many requests are waiting.
    #[error("{QUEUE} requests are waiting for stamps")]
    Busy,
    /// No or too many digests in one request.
    #[error("a request holds 1 to {} digests", label::MAX_DIGESTS)]
    Count,
    /// The TSA is shutting down.
    #[error("the TSA is shutting down")]
    Stopping,
}

impl Advised for StampRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Clock(error) => error.code(),
            Self::Store(_) => code::STORE_FAILED,
            Self::Busy => code::STAMP_BUSY,
            Self::Count => code::STAMP_COUNT,
            Self::Stopping => code::TSA_STOPPING,
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Clock(error) => error.advice(),
            Self::Store(_) => {
                "free space on, or repair, the disk of the data folder; stamping resumes by itself"
                    .into()
            }
            Self::Busy | Self::Stopping => "try again in a moment".into(),
            Self::Count => "split the digests over several requests".into(),
        }
    }
}

/// A batch that is signed and durable.
#[derive(Debug)]
pub struct SealedBatch {
    /// The header as it travels.
    pub compact: String,
    /// Its number.
    pub number: u64,
    /// Its time.
    pub time: Time,
    pub(super) tree: Tree,
}

impl SealedBatch {
    /// The Merkle path of the digest in `slot`.
    #[must_use]
    pub fn path(&self, slot: u32) -> Vec<Digest> {
        self.tree.path(u64::from(slot)).unwrap_or_default()
    }
}

/// What one request got: its batch and, in the order of its digests, their places in it.
#[derive(Debug, Clone)]
pub struct GrantedSlots {
    /// The batch.
    pub batch: Arc<SealedBatch>,
    /// Index of each digest.
    pub slots: Vec<u32>,
}

/// Called once, by the stamper's worker: must not block.
pub type StampReply = Box<dyn FnOnce(Result<GrantedSlots, StampRefusal>) + Send>;
/// Called with every batch, by the stamper's worker: must not block. `false` ends it.
pub type BatchWatcher = Box<dyn FnMut(&Arc<SealedBatch>) -> bool + Send>;
/// Called once with the outcome of setting a simulated clock.
pub type TimeReply = Box<dyn FnOnce(Result<Time, StampRefusal>) + Send>;

pub(super) enum Command {
    Stamp(PendingRequest),
    SetTime(Option<Time>, TimeReply),
    Stop,
}

impl Command {
    /// Answers that the stamper has ended.
    pub(super) fn refuse(self) {
        match self {
            Self::Stamp(PendingRequest { reply, .. }) => reply(Err(StampRefusal::Stopping)),
            Self::SetTime(_, reply) => reply(Err(StampRefusal::Stopping)),
            Self::Stop => {}
        }
    }
}

pub(super) struct PendingRequest {
    pub(super) digests: Vec<Digest>,
    pub(super) reply: StampReply,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) batches: AtomicU64,
    pub(super) stamps: AtomicU64,
    pub(super) refusals: AtomicU64,
}

/// What the stamper's worker and its callers share.
pub(super) struct Shared {
    pub(super) clock: SharedClock,
    pub(super) host: Host,
    /// Whether it may still sign. Held while it does.
    pub(super) open: Mutex<bool>,
    pub(super) counters: Counters,
    pub(super) health: Mutex<Health>,
    pub(super) watchers: Mutex<Vec<BatchWatcher>>,
}

/// How the last attempt to close a batch went.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Why it failed; `None` if it did not.
    pub fault: Option<StampRefusal>,
    /// Number and time of the last batch that was signed since the start.
    pub latest: Option<(u64, Time)>,
}

/// Numbers for the metrics.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Batches signed since the start.
    pub batches: u64,
    /// Stamps given since the start.
    pub stamps: u64,
    /// Requests refused since the start.
    pub refusals: u64,
}

/// A panic elsewhere does not make the value less true: every change to it is one assignment.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
