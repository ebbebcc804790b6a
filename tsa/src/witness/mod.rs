//! Cosignatures of heads: a C2SP witness (SPEC 11.1), with a TSA or alone.
//!
//! One worker has the witness key and its memory, so that looking up the head cosigned last and keeping
//! the next one are one step. Whatever waits when it looks is decided, kept in one durable write, and only
//! then answered. Signatures of brokers are verified before, by whoever asks.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pregao_protocol::audit::delivered::answers;
use pregao_protocol::host::{Host, Random};
use pregao_protocol::log::cosignature::verifier_key;
use pregao_protocol::log::{Cosignature, Head, HeadError};
use pregao_protocol::trust::broker::BrokerKeys;
use pregao_protocol::trust::jwks::witness_name;
use pregao_protocol::trust::key::{Fingerprint, SecretKey, WitnessKey};
use pregao_protocol::trust::witness::{Operator, Witness as Identity};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::delivery::{
    AnswerDelivery, AskDelivery, Deliver, DeliveryState, FetchDelivery, Fetched, Nonce, Poll,
};
use pregao_protocol::wire::witness::{
    AddCheckpoint, CheckpointAnswer, CheckpointRefusal, RegisterBroker,
};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{Semaphore, oneshot};

use crate::clock::SharedClock;
use crate::keys::{self, KeysError};
use deliveries::{DeliveryRefusal, Standing};
use shared::{Counters, Known, Shared, locked};
use store::{KnownBroker, WitnessStore, WitnessStoreError};
use worker::{Command, PendingBroker, PendingHead, Worker};

pub mod deliveries;
mod shared;
pub mod store;
mod worker;

pub use shared::{Brokers, DeliverError, MAX_STRANGERS, RegisterError, WitnessFault};

/// Heads that are worked on at once, waiting ones included; more are refused as `witness.busy`.
const MAX_REQUESTS: usize = 128;

/// Why a witness does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Its key.
    #[error(transparent)]
    Key(#[from] KeysError),
    /// Its memory.
    #[error(transparent)]
    Store(#[from] WitnessStoreError),
    /// The key is there, and what it cosigned is not.
    #[error("witness.db is missing beside the witness's key")]
    Forgotten,
    /// The memory is that of another key.
    #[error("witness.db is not of the witness's key that lies beside it")]
    OtherKey,
}

impl WitnessError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Key(error) => error.advice(),
            Self::Store(_) | Self::Forgotten | Self::OtherKey => {
                "restore witness.db from a backup not older than the last cosignature; without one move \
                 witness.key.pem and witness.db away, to become another witness"
            }
        }
    }
}

/// A witness whose key and memory are in order, and which has signed nothing yet.
pub struct Prepared {
    key: SecretKey<WitnessKey>,
    store: WitnessStore,
    brokers: Brokers,
    known: Vec<KnownBroker>,
    highest: Option<Time>,
}

impl Prepared {
    /// Opens the key and the memory in `folder`, or makes both if neither is there.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn open(
        folder: &Path,
        brokers: Brokers,
        random: &dyn Random,
    ) -> Result<Self, WitnessError> {
        // Without its memory a key would cosign a second history.
        if keys::has_witness(folder) && !folder.join(store::FILE).exists() {
            return Err(WitnessError::Forgotten);
        }
        let store = WitnessStore::open(folder)?;
        let owner = store.owner()?;
        let key = keys::witness(folder, owner.is_none(), random)?;
        match owner {
            None => store.set_owner(&key.public())?,
            Some(owner) if owner != key.public() => return Err(WitnessError::OtherKey),
            Some(_) => {}
        }
        let (known, highest) = (store.brokers()?, store.highest()?);
        Ok(Self { key, store, brokers, known, highest })
    }

    /// The latest date of a cosignature, which the clock must not fall behind.
    #[must_use]
    pub const fn highest(&self) -> Option<Time> {
        self.highest
    }

    /// The last trusted time before the clock came into doubt. Only for a witness that is alone: a TSA
    /// remembers it elsewhere.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn doubt(&self, accept_jump: bool) -> Result<Option<Time>, WitnessStoreError> {
        if accept_jump {
            self.store.set_doubt(None)?;
        }
        self.store.doubt()
    }

    /// Starts the worker, which ends with [`Witness::stop`] or [`Witness::close`].
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn start(
        self,
        operator: Operator,
        clock: SharedClock,
        host: &Host,
    ) -> Result<Witness, WitnessStoreError> {
        let key = self.key.public();
        let (logs, conflicts) = self.store.totals()?;
        let shared = Arc::new(Shared {
            identity: Identity { name: witness_name(&key), key, operator },
            open: Mutex::new(true),
            // Who was known and is not admitted any more is as unknown as anybody.
            known: Mutex::new(Known::of(self.known, self.brokers)),
            counters: Counters {
                logs: AtomicU64::new(logs),
                conflicts: AtomicU64::new(conflicts),
                ..Counters::default()
            },
            fault: Mutex::default(),
            clock,
            deliveries: Mutex::default(),
            places: Semaphore::new(MAX_REQUESTS),
        });
        let (queue, commands) = channel(MAX_REQUESTS);
        let worker = Worker::new(self.key, self.store, Arc::clone(&shared), commands);
        host.spawn
            .worker("witness", Box::pin(worker.run()))
            .map_err(|_| WitnessStoreError::Damaged("no thread for the witness"))?;
        Ok(Witness { queue, shared, random: Arc::clone(&host.random) })
    }
}

/// Numbers for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Heads cosigned since the start.
    pub cosigned: u64,
    /// Heads since the start for which the cosignature of before was given again.
    pub again: u64,
    /// Heads refused since the start.
    pub refused: u64,
    /// Logs remembered.
    pub logs: u64,
    /// Contradictions of brokers kept, before this start as well.
    pub conflicts: u64,
    /// Brokers known.
    pub brokers: u64,
    /// Deliveries that wait for an answer.
    pub deliveries: u64,
}

/// The callers' side. Cheap to clone.
#[derive(Clone)]
pub struct Witness {
    queue: Sender<Command>,
    shared: Arc<Shared>,
    random: Arc<dyn Random>,
}

impl Witness {
    /// Its name, key and operator, as a listing has them.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Its key as C2SP writes a verifier key.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        verifier_key(&self.shared.identity.name, &self.shared.identity.key)
    }

    /// Answers an [`AddCheckpoint`]: what is cosigned in it is durable.
    pub async fn add_checkpoint(&self, body: &[u8]) -> CheckpointAnswer {
        match self.cosign(body).await {
            Ok(cosignature) => {
                CheckpointAnswer::Cosigned(cosignature.line(&self.shared.identity.name))
            }
            Err(refusal) => {
                self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
                CheckpointAnswer::Refused(refusal)
            }
        }
    }

    async fn cosign(&self, body: &[u8]) -> Result<Cosignature, CheckpointRefusal> {
        let Ok(_place) = self.shared.places.try_acquire() else {
            return Err(CheckpointRefusal::Busy);
        };
        let malformed = |text: String| CheckpointRefusal::Malformed(text.into());
        let request = AddCheckpoint::parse(body).map_err(|error| malformed(error.to_string()))?;
        let origin = Head::origin_of(&request.checkpoint);
        let origin = origin.map_err(|_| CheckpointRefusal::Origin)?;
        let key = locked(&self.shared.known).head(origin.broker);
        let key = key.ok_or(CheckpointRefusal::Origin)?;
        let head = Head::open(&request.checkpoint, &origin, &key).map_err(|error| match error {
            HeadError::OtherKey | HeadError::Signature(_) => CheckpointRefusal::Signature,
            other => malformed(other.to_string()),
        })?;
        // The clock is judged again by whoever signs.
        if let Ok(now) = self.shared.clock.now()
            && locked(&self.shared.deliveries).holds_back(&origin, now)
        {
            return Err(CheckpointRefusal::Delivery);
        }
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(Command::Add(PendingHead { head, request, reply })) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(WitnessFault::Stopping.into())),
            Err(TrySendError::Full(_)) => Err(CheckpointRefusal::Busy),
            Err(TrySendError::Closed(_)) => Err(WitnessFault::Stopping.into()),
        }
    }

    /// Makes a broker known; it is remembered when this returns.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn register(&self, request: RegisterBroker) -> Result<(), RegisterError> {
        let (fingerprint, certificate) = request.open()?;
        let (head, keys) = (certificate.keys.head, Some(certificate.keys));
        let broker = KnownBroker { fingerprint, head, keys };
        let simulated = {
            let known = locked(&self.shared.known);
            match known.is_new(&broker) {
                Ok(false) => return Ok(()),
                // Whether one makes room, the store says.
                Ok(true) | Err(RegisterError::Full) => {}
                Err(error) => return Err(error),
            }
            known.brokers.simulated
        };
        if certificate.simulated && !simulated {
            return Err(RegisterError::Simulated);
        }
        let (reply, answer) = oneshot::channel();
        let certificate = request.certificate;
        let pending = PendingBroker { broker, certificate, reply };
        match self.queue.try_send(Command::Register(pending)) {
            Ok(()) => answer.await.unwrap_or(Err(RegisterError::Fault(WitnessFault::Stopping))),
            Err(TrySendError::Full(_)) => Err(RegisterError::Busy),
            Err(TrySendError::Closed(_)) => Err(WitnessFault::Stopping.into()),
        }
    }

    /// Its time, if it can cosign now.
    ///
    /// # Errors
    /// [`WitnessFault`].
    pub fn health(&self) -> Result<Time, WitnessFault> {
        let now = self.shared.clock.now()?;
        match self.fault() {
            // The clock was asked just now, and may have recovered.
            Some(WitnessFault::Clock(_)) | None => Ok(now),
            Some(fault) => Err(fault),
        }
    }

    /// Why the last attempt to cosign failed; `None` if it did not.
    #[must_use]
    pub fn fault(&self) -> Option<WitnessFault> {
        locked(&self.shared.fault).clone()
    }

    /// What it did and has.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.shared.counters;
        let brokers = locked(&self.shared.known).heads.len();
        Counts {
            cosigned: read(&counters.cosigned),
            again: read(&counters.again),
            refused: read(&counters.refused),
            logs: read(&counters.logs),
            conflicts: read(&counters.conflicts),
            brokers: u64::try_from(brokers).unwrap_or(u64::MAX),
            deliveries: u64::try_from(locked(&self.shared.deliveries).open()).unwrap_or(u64::MAX),
        }
    }

    /// Ends the worker once what is queued has been answered, and waits for its end.
    pub async fn stop(&self) {
        // A full queue still drains, so waiting here ends; a closed one needs no message.
        let _ = self.queue.send(Command::Stop).await;
        self.queue.closed().await;
    }

    /// Ends the worker at once: when this returns, nothing is signed any more, even if the worker is
    /// never run again. Blocks while cosignatures are being written.
    pub fn close(&self) {
        *locked(&self.shared.open) = false;
        // Only wakes it; a queue that is full or closed needs no message for that.
        let _ = self.queue.try_send(Command::Stop);
    }
}

/// What authors and brokers ask about deliveries (SPEC 7.7).
impl Witness {
    fn keys_of(&self, broker: Fingerprint) -> Result<BrokerKeys, DeliveryRefusal> {
        locked(&self.shared.known).keys(broker).ok_or(DeliveryRefusal::Broker)
    }

    /// Takes what an author leaves.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub fn deliver(&self, request: Deliver) -> Result<(), DeliverError> {
        self.keys_of(request.delivery.broker)?;
        let now = self.shared.clock.now().map_err(WitnessFault::from)?;
        Ok(locked(&self.shared.deliveries).take(request.delivery, now)?)
    }

    /// Offers a broker what waits for it.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub fn fetch_delivery(&self, request: &FetchDelivery) -> Result<Fetched, DeliverError> {
        let claimed = Poll::claimed(&request.poll).map_err(|_| DeliveryRefusal::Poll)?;
        let keys = self.keys_of(claimed)?;
        let poll = Poll::open(&request.poll, &keys.entry).map_err(|_| DeliveryRefusal::Poll)?;
        if poll.witness != self.shared.identity.key {
            return Err(DeliveryRefusal::Poll.into());
        }
        let now = self.shared.clock.now().map_err(WitnessFault::from)?;
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes)?;
        let nonce: Nonce = Digest(bytes);
        let delivery = locked(&self.shared.deliveries).fetch(&poll, nonce, now);
        Ok(Fetched { nonce, delivery })
    }

    /// Takes a broker's answer to a delivery.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub fn answer_delivery(&self, request: AnswerDelivery) -> Result<(), DeliverError> {
        let AnswerDelivery { delivery: id, answer } = request;
        let delivery = {
            let deliveries = locked(&self.shared.deliveries);
            if deliveries.is_answered(&id) {
                return Ok(());
            }
            deliveries.waiting(&id).cloned().ok_or(DeliveryRefusal::Unknown)?
        };
        let keys = self.keys_of(delivery.broker)?;
        answers(&answer, &delivery, &keys).map_err(DeliveryRefusal::from)?;
        locked(&self.shared.deliveries).answered(id, answer);
        Ok(())
    }

    /// Says what came of a delivery; where the broker had it in hand too long, under signature.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub async fn ask_delivery(&self, request: AskDelivery) -> Result<DeliveryState, DeliverError> {
        let standing = locked(&self.shared.deliveries).standing(&request.delivery);
        match standing.ok_or(DeliveryRefusal::Unknown)? {
            Standing::Waiting => Ok(DeliveryState::Waiting {}),
            Standing::Answered(answer) => Ok(DeliveryState::Answered(answer)),
            Standing::Offered(unanswered) if !unanswered.counts() => Ok(DeliveryState::Offered {}),
            Standing::Offered(unanswered) => {
                let (reply, signed) = oneshot::channel();
                let sent = self.queue.try_send(Command::Testify(unanswered, reply));
                sent.map_err(|_| WitnessFault::Stopping)?;
                let word = signed.await.unwrap_or(Err(WitnessFault::Stopping))?;
                Ok(DeliveryState::Unanswered(word))
            }
        }
    }
}

#[cfg(test)]
mod tests;
