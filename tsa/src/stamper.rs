//! Stamps in batches: one thread owns the stamp key, the chain of headers and the clock.
//!
//! A batch closes a few milliseconds after its first digest, or when enough are waiting, and at
//! least once a second even if nobody asked. The order of a batch is drawn anew, so a place in
//! it says nothing about who came first. A header is durable before anybody sees a stamp of it.

use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::key::{PublicKey, SecretKey, StampKey};
use pregao_protocol::label;
use pregao_protocol::merkle::{Tree, leaf_hash};
use pregao_protocol::stamp::{BatchHeader, VerifiedBatch};
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use rand_core::{CryptoRng, SeedableRng as _};

use crate::clock::{Clock, ClockError, ReadClock};
use crate::store::{Store, StoreError};

/// Most digests in a batch: paths stay within [`label::MAX_STAMP_PATH`].
pub const MAX_BATCH: usize = 1 << label::MAX_STAMP_PATH;
/// Requests that may wait; more are refused as `stamp.busy`.
const QUEUE: usize = 4096;
/// An idle batch is signed after this long, which leaves a margin within the promised second.
const HEARTBEAT: Duration = Duration::from_millis(900);
/// How soon a failed batch is tried again without being asked.
const RETRY: Duration = Duration::from_millis(100);

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

impl StampRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Clock(error) => error.code(),
            Self::Store(_) => "store.failed",
            Self::Busy => "stamp.busy",
            Self::Count => "stamp.count",
            Self::Stopping => "tsa.stopping",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Clock(error) => error.advice(),
            Self::Store(_) => {
                "free space on, or repair, the disk of the data folder; stamping resumes by itself"
            }
            Self::Busy | Self::Stopping => "try again in a moment",
            Self::Count => "split the digests over several requests",
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
    tree: Tree,
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
pub struct Share {
    /// The batch.
    pub batch: Arc<SealedBatch>,
    /// Index of each digest.
    pub slots: Vec<u32>,
}

/// Called once, on the stamper's thread: must not block.
pub type Reply = Box<dyn FnOnce(Result<Share, StampRefusal>) + Send>;
/// Called with every batch, on the stamper's thread: must not block. `false` ends it.
pub type Watcher = Box<dyn FnMut(&Arc<SealedBatch>) -> bool + Send>;
/// Called once with the outcome of setting a simulated clock.
pub type TimeReply = Box<dyn FnOnce(Result<Time, StampRefusal>) + Send>;

enum Command {
    Stamp(Pending),
    SetTime(Option<Time>, TimeReply),
    Stop,
}

struct Pending {
    digests: Vec<Digest>,
    reply: Reply,
}

#[derive(Default)]
struct Counters {
    batches: AtomicU64,
    stamps: AtomicU64,
    refusals: AtomicU64,
}

/// What the stamper's thread and its callers share.
struct Shared {
    clock: Mutex<Clock>,
    system: ReadClock,
    counters: Counters,
    health: Mutex<Health>,
    watchers: Mutex<Vec<Watcher>>,
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

/// The callers' side. Cheap to clone.
#[derive(Clone)]
pub struct Stamper {
    queue: SyncSender<Command>,
    shared: Arc<Shared>,
}

impl Stamper {
    /// Continues the chain in `store` and starts the thread.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or its header is not ours.
    pub fn start(
        key: SecretKey<StampKey>,
        store: Store,
        clock: Clock,
        system: ReadClock,
        pace: Pace,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let last = last_batch(&store, &key.public())?;
        let shared = Arc::new(Shared {
            clock: Mutex::new(clock),
            system,
            counters: Counters::default(),
            health: Mutex::default(),
            watchers: Mutex::default(),
        });
        let (queue, commands) = sync_channel(QUEUE);
        let worker = Worker {
            fingerprint: key.public().fingerprint(),
            key,
            store,
            last: last.map(|batch| Link::of(&batch)),
            shared: Arc::clone(&shared),
            commands,
            control: None,
            pace,
            doubted: false,
        };
        let thread = thread::Builder::new()
            .name("stamper".to_owned())
            .spawn(move || worker.run())
            .map_err(|_| StoreError::Damaged("no thread for the stamper"))?;
        Ok((Self { queue, shared }, thread))
    }

    /// Asks for stamps of 1 to [`label::MAX_DIGESTS`] digests, all in one batch.
    ///
    /// `reply` is called exactly once, possibly before this returns.
    pub fn stamp(&self, digests: Vec<Digest>, reply: Reply) {
        if digests.is_empty() || digests.len() > label::MAX_DIGESTS {
            self.refuse(reply, StampRefusal::Count);
            return;
        }
        let (command, refusal) =
            match self.queue.try_send(Command::Stamp(Pending { digests, reply })) {
                Ok(()) => return,
                Err(TrySendError::Full(command)) => (command, StampRefusal::Busy),
                Err(TrySendError::Disconnected(command)) => (command, StampRefusal::Stopping),
            };
        if let Command::Stamp(pending) = command {
            self.refuse(pending.reply, refusal);
        }
    }

    /// Sets a simulated clock forward to `target`, or back to real time with `None`.
    pub fn set_time(&self, target: Option<Time>, reply: TimeReply) {
        if let Err(
            TrySendError::Full(Command::SetTime(_, reply))
            | TrySendError::Disconnected(Command::SetTime(_, reply)),
        ) = self.queue.try_send(Command::SetTime(target, reply))
        {
            reply(Err(StampRefusal::Busy));
        }
    }

    /// Calls `watcher` with every batch from the next one on.
    pub fn watch(&self, watcher: Watcher) {
        locked(&self.shared.watchers).push(watcher);
    }

    /// The time as the next stamp would have it, for dating certificates and tickets.
    ///
    /// # Errors
    /// [`ClockError`] if the clock cannot be believed.
    pub fn now(&self) -> Result<Time, ClockError> {
        locked(&self.shared.clock).next((self.shared.system)())
    }

    /// How the stamper is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        locked(&self.shared.health).clone()
    }

    /// What it did since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.shared.counters;
        Counts {
            batches: read(&counters.batches),
            stamps: read(&counters.stamps),
            refusals: read(&counters.refusals),
        }
    }

    /// Ends the thread once what is queued has been answered.
    pub fn stop(&self) {
        // A full queue still drains, so waiting here ends; a closed one needs no message.
        let _ = self.queue.send(Command::Stop);
    }

    fn refuse(&self, reply: Reply, refusal: StampRefusal) {
        self.shared.counters.refusals.fetch_add(1, Ordering::Relaxed);
        reply(Err(refusal));
    }
}

/// The last header kept in the store, verified to be by `key`.
///
/// # Errors
/// [`StoreError`].
pub fn last_batch(
    store: &Store,
    key: &PublicKey<StampKey>,
) -> Result<Option<VerifiedBatch>, StoreError> {
    store
        .last_header()?
        .map(|compact| {
            VerifiedBatch::open(&compact, &[*key])
                .map_err(|_| StoreError::Damaged("the last header is not by this TSA's stamp key"))
        })
        .transpose()
}

/// Opens the store in `folder` and the clock that continues it.
///
/// # Errors
/// [`StoreError`].
pub fn resume(
    folder: &Path,
    key: &PublicKey<StampKey>,
    accept_jump: bool,
) -> Result<(Store, Clock), StoreError> {
    let store = Store::open(folder)?;
    if accept_jump {
        store.set_doubt(None)?;
    }
    let highest = last_batch(&store, key)?.map(|batch| batch.time());
    let clock = Clock::resume(highest, store.doubt()?, store.offset()?);
    Ok((store, clock))
}

/// What the next header says of the last one.
struct Link {
    number: u64,
    hash: Digest,
    time: Time,
}

impl Link {
    fn of(batch: &VerifiedBatch) -> Self {
        Self { number: batch.header().batch, hash: batch.hash(), time: batch.time() }
    }
}

struct Worker {
    key: SecretKey<StampKey>,
    fingerprint: pregao_protocol::key::Fingerprint,
    store: Store,
    last: Option<Link>,
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    /// A command met while collecting digests; done before the next batch.
    control: Option<Command>,
    pace: Pace,
    doubted: bool,
}

impl Worker {
    fn run(mut self) {
        let mut due = Instant::now();
        loop {
            let wait = due.saturating_duration_since(Instant::now());
            let command = match self.control.take() {
                Some(command) => Ok(command),
                None => self.commands.recv_timeout(wait),
            };
            let pending = match command {
                Ok(Command::Stamp(first)) => self.collect(first),
                Ok(Command::SetTime(target, reply)) => {
                    reply(self.set_time(target));
                    Vec::new()
                }
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            };
            let pause = if self.close(pending) { HEARTBEAT } else { RETRY };
            due = Instant::now() + pause;
        }
    }

    /// Waits for more digests, and takes all that are there when the wait ends.
    fn collect(&mut self, first: Pending) -> Vec<Pending> {
        let deadline = Instant::now() + self.pace.wait;
        let mut count = first.digests.len();
        let mut pending = vec![first];
        while count + label::MAX_DIGESTS <= MAX_BATCH {
            let wait = if count < self.pace.size {
                deadline.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            match self.commands.recv_timeout(wait) {
                Ok(Command::Stamp(next)) => {
                    count += next.digests.len();
                    pending.push(next);
                }
                Ok(control @ (Command::SetTime(..) | Command::Stop)) => {
                    self.control = Some(control);
                    break;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        pending
    }

    /// Closes a batch over `pending` and answers everybody. Says whether it succeeded.
    fn close(&mut self, pending: Vec<Pending>) -> bool {
        let digests: Vec<Digest> =
            pending.iter().flat_map(|request| request.digests.iter().copied()).collect();
        let sealed = self.seal(&digests);
        self.note(&sealed);
        let counters = &self.shared.counters;
        match sealed {
            Ok((batch, slots)) => {
                counters.batches.fetch_add(1, Ordering::Relaxed);
                let stamps = u64::try_from(slots.len()).unwrap_or(0);
                counters.stamps.fetch_add(stamps, Ordering::Relaxed);
                let mut slots = slots.into_iter();
                for request in pending {
                    let own = slots.by_ref().take(request.digests.len()).collect();
                    (request.reply)(Ok(Share { batch: Arc::clone(&batch), slots: own }));
                }
                locked(&self.shared.watchers).retain_mut(|watcher| watcher(&batch));
                true
            }
            Err(refusal) => {
                for request in pending {
                    counters.refusals.fetch_add(1, Ordering::Relaxed);
                    (request.reply)(Err(refusal.clone()));
                }
                false
            }
        }
    }

    /// Permutes, hashes, reads the time, signs and makes durable, in this order.
    fn seal(&mut self, digests: &[Digest]) -> Result<(Arc<SealedBatch>, Vec<u32>), StampRefusal> {
        let mut generator = generator().map_err(|error| {
            StampRefusal::Store(format!("the system gives no random bytes: {error}"))
        })?;
        let order = permutation(digests.len(), &mut generator);
        let leaves = order
            .iter()
            .filter_map(|at| digests.get(usize::try_from(*at).ok()?))
            .map(|digest| leaf_hash(&digest.0))
            .collect();
        let tree = Tree::new(leaves);
        let reading = (self.shared.system)();
        let time = locked(&self.shared.clock).next(reading)?;
        let header = BatchHeader {
            tsa: self.fingerprint,
            batch: self.last.as_ref().map_or(1, |last| last.number.saturating_add(1)),
            time,
            size: u64::try_from(digests.len()).unwrap_or(0),
            root: tree.root(),
            prev: self.last.as_ref().map_or(Digest([0; 32]), |last| last.hash),
            prev_time: self.last.as_ref().map_or(time, |last| last.time),
        };
        let compact = header.sign(&self.key);
        self.store.keep_header(&compact).map_err(stored)?;
        locked(&self.shared.clock).signed(time, reading);
        self.last = Some(Link { number: header.batch, hash: BatchHeader::hash(&compact), time });
        let batch = SealedBatch { compact, number: header.batch, time, tree };
        Ok((Arc::new(batch), inverse(&order)))
    }

    /// Publishes how it went, logs changes, and remembers doubt over a restart.
    fn note(&mut self, sealed: &Result<(Arc<SealedBatch>, Vec<u32>), StampRefusal>) {
        let fault = sealed.as_ref().err().cloned();
        let mut health = locked(&self.shared.health);
        if let Ok((batch, _)) = sealed {
            health.latest = Some((batch.number, batch.time));
        }
        let before = mem::replace(&mut health.fault, fault.clone());
        drop(health);
        match (&before, &fault) {
            (Some(_), None) => tracing::info!("stamping resumes"),
            (None, Some(refusal)) => tracing::error!(
                code = refusal.code(),
                advice = refusal.advice(),
                "no stamps: {refusal}"
            ),
            (None, None) | (Some(_), Some(_)) => {}
        }
        let settled = fault.is_none();
        let doubt = match fault {
            Some(StampRefusal::Clock(ClockError::Jumped { trusted, .. })) => Some(trusted),
            Some(_) | None => None,
        };
        // If the store refuses, the doubt is noted with the next attempt.
        if doubt.is_some() && !self.doubted {
            self.doubted = self.store.set_doubt(doubt).is_ok();
        } else if settled && self.doubted {
            self.doubted = self.store.set_doubt(None).is_err();
        }
    }

    fn set_time(&mut self, target: Option<Time>) -> Result<Time, StampRefusal> {
        let reading = (self.shared.system)();
        let mut clock = locked(&self.shared.clock);
        let wanted = target.unwrap_or(reading.wall);
        let offset = clock.offset_to(wanted, reading)?;
        self.store.set_offset(offset).map_err(stored)?;
        clock.set_offset(offset);
        Ok(wanted)
    }
}

fn stored(error: StoreError) -> StampRefusal {
    use std::error::Error as _;
    let cause = error.source().map(ToString::to_string);
    StampRefusal::Store(cause.unwrap_or_else(|| error.to_string()))
}

/// A generator for the order of one batch.
///
/// # Errors
/// If the system gives no random bytes: a batch in a guessable order is not signed.
fn generator() -> Result<ChaCha12Rng, getrandom::Error> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)?;
    Ok(ChaCha12Rng::from_seed(seed))
}

/// A random order: which digest, by arrival, stands in each slot.
fn permutation(size: usize, generator: &mut impl CryptoRng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(size).unwrap_or(u32::MAX)).collect();
    order.shuffle(generator);
    order
}

/// The slot of each digest, by arrival.
fn inverse(order: &[u32]) -> Vec<u32> {
    let mut slots = vec![0; order.len()];
    for (slot, at) in (0_u32..).zip(order) {
        if let Some(place) = usize::try_from(*at).ok().and_then(|at| slots.get_mut(at)) {
            *place = slot;
        }
    }
    slots
}

/// A panic elsewhere does not make the value less true: every change to it is one assignment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
