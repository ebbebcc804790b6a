//! Stamps in batches: one worker owns the stamp key, the chain of headers and the clock.
//!
//! A batch closes a few milliseconds after its first digest, or when enough are waiting, and at
//! least once a second even if nobody asked. The order of a batch is drawn anew, so a place in
//! it says nothing about who came first. A header is durable before anybody sees a stamp of it.

use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::host::{Host, NoRandomness, Random};
use pregao_protocol::key::{PublicKey, SecretKey, StampKey};
use pregao_protocol::label;
use pregao_protocol::merkle::{Tree, leaf_hash};
use pregao_protocol::stamp::{BatchHeader, VerifiedBatch};
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout_at};

use crate::clock::{Clock, ClockError, Reading};
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

/// Called once, by the stamper's worker: must not block.
pub type Reply = Box<dyn FnOnce(Result<Share, StampRefusal>) + Send>;
/// Called with every batch, by the stamper's worker: must not block. `false` ends it.
pub type Watcher = Box<dyn FnMut(&Arc<SealedBatch>) -> bool + Send>;
/// Called once with the outcome of setting a simulated clock.
pub type TimeReply = Box<dyn FnOnce(Result<Time, StampRefusal>) + Send>;

enum Command {
    Stamp(Pending),
    SetTime(Option<Time>, TimeReply),
    Stop,
}

impl Command {
    /// Answers that the stamper has ended.
    fn refuse(self) {
        match self {
            Self::Stamp(Pending { reply, .. }) => reply(Err(StampRefusal::Stopping)),
            Self::SetTime(_, reply) => reply(Err(StampRefusal::Stopping)),
            Self::Stop => {}
        }
    }
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

/// What the stamper's worker and its callers share.
struct Shared {
    clock: Mutex<Clock>,
    host: Host,
    /// Whether it may still sign. Held while it does.
    open: Mutex<bool>,
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
    queue: Sender<Command>,
    shared: Arc<Shared>,
}

impl Shared {
    fn reading(&self) -> Reading {
        Reading::of(&*self.host.clock)
    }
}

impl Stamper {
    /// Continues the chain in `store` and starts the worker, which ends with [`Self::stop`], with
    /// [`Self::close`], or when nobody holds a stamper any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or its header is not ours.
    pub fn start(
        key: SecretKey<StampKey>,
        store: Store,
        clock: Clock,
        host: &Host,
        pace: Pace,
    ) -> Result<Self, StoreError> {
        let last = last_batch(&store, &key.public())?;
        let shared = Arc::new(Shared {
            clock: Mutex::new(clock),
            host: host.clone(),
            open: Mutex::new(true),
            counters: Counters::default(),
            health: Mutex::default(),
            watchers: Mutex::default(),
        });
        let (queue, commands) = channel(QUEUE);
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
        host.spawn
            .worker("stamper", Box::pin(worker.run()))
            .map_err(|_| StoreError::Damaged("no thread for the stamper"))?;
        Ok(Self { queue, shared })
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
                Err(TrySendError::Closed(command)) => (command, StampRefusal::Stopping),
            };
        if let Command::Stamp(pending) = command {
            self.refuse(pending.reply, refusal);
        }
    }

    /// Sets a simulated clock forward to `target`, or back to real time with `None`.
    pub fn set_time(&self, target: Option<Time>, reply: TimeReply) {
        if let Err(
            TrySendError::Full(Command::SetTime(_, reply))
            | TrySendError::Closed(Command::SetTime(_, reply)),
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
        locked(&self.shared.clock).next(self.shared.reading())
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

    /// Ends the worker once what is queued has been answered, and waits for its end.
    pub async fn stop(&self) {
        // A full queue still drains, so waiting here ends; a closed one needs no message.
        let _ = self.queue.send(Command::Stop).await;
        self.queue.closed().await;
    }

    /// Ends the worker at once: when this returns, nothing is signed any more, even if the worker is
    /// never run again. Blocks while a batch is being signed.
    pub fn close(&self) {
        *locked(&self.shared.open) = false;
        // Only wakes it; a queue that is full or closed needs no message for that.
        let _ = self.queue.try_send(Command::Stop);
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

/// When it is dropped the store is closed before the queue, whose end callers wait for.
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
    async fn run(mut self) {
        let mut due = Instant::now();
        loop {
            let command = match self.control.take() {
                Some(command) => Ok(Some(command)),
                None => timeout_at(due, self.commands.recv()).await,
            };
            let (pending, target) = match command {
                Ok(Some(Command::Stamp(first))) => (self.collect(first).await, None),
                Ok(Some(Command::SetTime(target, reply))) => (Vec::new(), Some((target, reply))),
                Err(_) => (Vec::new(), None),
                Ok(Some(Command::Stop) | None) => break,
            };
            let Some(pause) = self.work(pending, target) else { break };
            due = Instant::now() + pause;
        }
        // The queue ends with the worker: closed before, it would be thought to have ended already.
        while let Some(left) = self.control.take().or_else(|| self.commands.try_recv().ok()) {
            left.refuse();
        }
    }

    /// Waits for more digests, and takes all that are there when the wait ends.
    async fn collect(&mut self, first: Pending) -> Vec<Pending> {
        let deadline = Instant::now() + self.pace.wait;
        let mut count = first.digests.len();
        let mut pending = vec![first];
        while count + label::MAX_DIGESTS <= MAX_BATCH {
            // What is there is taken before the clock is looked at: a batch never leaves it behind.
            let next = match self.commands.try_recv() {
                Ok(command) => Some(command),
                Err(_) if count >= self.pace.size => None,
                Err(_) => timeout_at(deadline, self.commands.recv()).await.ok().flatten(),
            };
            match next {
                Some(Command::Stamp(next)) => {
                    count += next.digests.len();
                    pending.push(next);
                }
                Some(control @ (Command::SetTime(..) | Command::Stop)) => {
                    self.control = Some(control);
                    break;
                }
                None => break,
            }
        }
        pending
    }

    /// Sets the clock if that is asked, and closes a batch over `pending`. Gives how long the next may
    /// take; `None` if the stamper was closed.
    fn work(
        &mut self,
        pending: Vec<Pending>,
        target: Option<(Option<Time>, TimeReply)>,
    ) -> Option<Duration> {
        let shared = Arc::clone(&self.shared);
        // Held to the end: whoever closes the stamper waits for what is being written.
        let open = locked(&shared.open);
        if !*open {
            let target = target.map(|(target, reply)| Command::SetTime(target, reply));
            pending.into_iter().map(Command::Stamp).chain(target).for_each(Command::refuse);
            return None;
        }
        if let Some((target, reply)) = target {
            reply(self.set_time(target));
        }
        Some(if self.close(pending) { HEARTBEAT } else { RETRY })
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
        let mut generator = generator(&*self.shared.host.random)
            .map_err(|error| StampRefusal::Store(error.to_string()))?;
        let order = permutation(digests.len(), &mut generator);
        let leaves = order
            .iter()
            .filter_map(|at| digests.get(usize::try_from(*at).ok()?))
            .map(|digest| leaf_hash(&digest.0))
            .collect();
        let tree = Tree::new(leaves);
        let reading = self.shared.reading();
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
        let reading = self.shared.reading();
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
/// [`NoRandomness`]: a batch in a guessable order is not signed.
fn generator(random: &dyn Random) -> Result<ChaCha12Rng, NoRandomness> {
    let mut seed = [0_u8; 32];
    random.fill(&mut seed)?;
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
