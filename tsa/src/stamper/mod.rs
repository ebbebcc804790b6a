//! Stamps in batches: one worker owns the stamp key, the chain of headers and the clock.
//!
//! A batch closes a few milliseconds after its first digest, or when enough are waiting, and at
//! least once a second even if nobody asked. The order of a batch is drawn anew, so a place in
//! it says nothing about who came first. A header is durable before anybody sees a stamp of it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pregao_protocol::host::Host;
use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::trust::key::{PublicKey, SecretKey, StampKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, channel};

use crate::clock::{Clock, ClockError, SharedClock};
use crate::store::{Store, StoreError};
use shared::{Command, Counters, PendingRequest, QUEUE, Shared, locked};
use worker::{PreviousHeader, Worker};

mod shared;
mod worker;

pub use shared::{
    BatchWatcher, Counts, GrantedSlots, Health, MAX_BATCH, Pace, SealedBatch, StampRefusal,
    StampReply, TimeReply,
};

/// The callers' side. Cheap to clone.
#[derive(Clone)]
pub struct Stamper {
    queue: Sender<Command>,
    shared: Arc<Shared>,
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
            clock: SharedClock::new(clock, Arc::clone(&host.clock)),
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
            last: last.map(|batch| PreviousHeader::of(&batch)),
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
    pub fn stamp(&self, digests: Vec<Digest>, reply: StampReply) {
        if digests.is_empty() || digests.len() > label::MAX_DIGESTS {
            self.refuse(reply, StampRefusal::Count);
            return;
        }
        let (command, refusal) =
            match self.queue.try_send(Command::Stamp(PendingRequest { digests, reply })) {
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
    pub fn watch(&self, watcher: BatchWatcher) {
        locked(&self.shared.watchers).push(watcher);
    }

    /// The time as the next stamp would have it, for dating certificates and tickets.
    ///
    /// # Errors
    /// [`ClockError`] if the clock cannot be believed.
    pub fn now(&self) -> Result<Time, ClockError> {
        self.shared.clock.now()
    }

    /// The clock that stamps are signed with, for whatever else this TSA dates.
    #[must_use]
    pub fn clock(&self) -> SharedClock {
        self.shared.clock.clone()
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

    fn refuse(&self, reply: StampReply, refusal: StampRefusal) {
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
    Ok((store, if accept_jump { clock.confirmed() } else { clock }))
}

#[cfg(test)]
mod tests;
