//! The stamper's worker: collects digests into a batch, orders, signs and stores it, then answers.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pregao_protocol::host::{NoRandomness, Random};
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, VerifiedBatch};
use pregao_protocol::trust::key::{Fingerprint, SecretKey, StampKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use pregao_protocol::value::report::Advised as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use super::shared::{
    Command, GrantedSlots, MAX_BATCH, Pace, PendingRequest, SealedBatch, Shared, StampRefusal,
    TimeReply, locked,
};
use crate::clock::ClockError;
use crate::store::{Store, StoreError};

/// An idle batch is signed after this long, which leaves a margin within the promised second.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(900);
/// How soon a failed batch is tried again without being asked.
pub(super) const RETRY: Duration = Duration::from_millis(100);

/// What the next header says of the last one.
pub(super) struct PreviousHeader {
    number: u64,
    hash: Digest,
    time: Time,
}

impl PreviousHeader {
    pub(super) fn of(batch: &VerifiedBatch) -> Self {
        Self { number: batch.header().batch, hash: batch.hash(), time: batch.time() }
    }
}

/// When it is dropped the store is closed before the queue, whose end callers wait for.
pub(super) struct Worker {
    pub(super) key: SecretKey<StampKey>,
    pub(super) fingerprint: Fingerprint,
    pub(super) store: Store,
    pub(super) last: Option<PreviousHeader>,
    pub(super) shared: Arc<Shared>,
    pub(super) commands: Receiver<Command>,
    /// A command met while collecting digests; done before the next batch.
    pub(super) control: Option<Command>,
    pub(super) pace: Pace,
    pub(super) doubted: bool,
}

impl Worker {
    pub(super) async fn run(mut self) {
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
    async fn collect(&mut self, first: PendingRequest) -> Vec<PendingRequest> {
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
        pending: Vec<PendingRequest>,
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
    fn close(&mut self, pending: Vec<PendingRequest>) -> bool {
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
                    (request.reply)(Ok(GrantedSlots { batch: Arc::clone(&batch), slots: own }));
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
        let reading = self.shared.clock.reading();
        let time = self.shared.clock.rules().next(reading)?;
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
        self.shared.clock.rules().signed(time, reading);
        self.last =
            Some(PreviousHeader { number: header.batch, hash: BatchHeader::hash(&compact), time });
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
                advice = &*refusal.advice(),
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
        let reading = self.shared.clock.reading();
        let mut clock = self.shared.clock.rules();
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
pub(super) fn generator(random: &dyn Random) -> Result<ChaCha12Rng, NoRandomness> {
    let mut seed = [0_u8; 32];
    random.fill(&mut seed)?;
    Ok(ChaCha12Rng::from_seed(seed))
}

/// A random order: which digest, by arrival, takes each slot.
pub(super) fn permutation(size: usize, generator: &mut impl CryptoRng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(size).unwrap_or(u32::MAX)).collect();
    order.shuffle(generator);
    order
}

/// The slot of each digest, by arrival.
pub(super) fn inverse(order: &[u32]) -> Vec<u32> {
    let mut slots = vec![0; order.len()];
    for (slot, at) in (0_u32..).zip(order) {
        if let Some(place) = usize::try_from(*at).ok().and_then(|at| slots.get_mut(at)) {
            *place = slot;
        }
    }
    slots
}
