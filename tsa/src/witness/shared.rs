//! What the witness's worker and its callers share.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pregao_protocol::host::NoRandomness;
use pregao_protocol::trust::broker::{BrokerError, BrokerKeys};
use pregao_protocol::trust::key::{Fingerprint, HeadKey, PublicKey};
use pregao_protocol::trust::witness::Witness as Identity;
use pregao_protocol::value::report::Advised;
use pregao_protocol::wire::witness::CheckpointRefusal;
use tokio::sync::Semaphore;

use super::deliveries::{Deliveries, DeliveryRefusal};
use super::store::{self, KnownBroker};
use crate::clock::{ClockError, SharedClock};
use crate::code;

/// Brokers that are known without having been named, at most.
pub const MAX_STRANGERS: usize = 16;

/// For whom a witness cosigns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brokers {
    /// Whether any broker may make itself known, [`MAX_STRANGERS`] of them.
    pub any: bool,
    /// Brokers that may in any case.
    pub named: BTreeSet<Fingerprint>,
    /// Whether a broker may be known whose certificate says that its time is simulated.
    pub simulated: bool,
}

/// Why the witness cannot do anything at present.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessFault {
    /// The clock cannot be believed.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// What was signed could not be made durable.
    #[error("the cosignatures cannot be stored: {0}")]
    Store(String),
    /// The broker has as many logs as are remembered.
    #[error("{} logs of this broker are remembered", store::MAX_LOGS)]
    Full,
    /// The process is shutting down.
    #[error("the witness is shutting down")]
    Stopping,
}

impl Advised for WitnessFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Clock(error) => error.code(),
            Self::Store(_) => code::STORE_FAILED,
            Self::Full => code::WITNESS_FULL,
            Self::Stopping => code::TSA_STOPPING,
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Clock(error) => error.advice(),
            Self::Store(_) => {
                "free space on, or repair, the disk of the data folder; cosigning resumes by itself"
                    .into()
            }
            Self::Full => "name another witness for new rooms".into(),
            Self::Stopping => "try again in a moment".into(),
        }
    }
}

impl From<WitnessFault> for CheckpointRefusal {
    fn from(fault: WitnessFault) -> Self {
        Self::Other(Box::new(fault.report()))
    }
}

/// Why a broker is not taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The certificate does not hold.
    #[error("the broker's certificate does not hold: {0}")]
    Certificate(#[from] BrokerError),
    /// Only brokers that the operator named may be known here.
    #[error("this witness cosigns for named brokers only")]
    NotNamed,
    /// The broker's time is simulated.
    #[error("the broker runs in simulated time")]
    Simulated,
    /// The broker is known with another head key.
    #[error("this broker is known with another head key")]
    OtherHead,
    /// As many strangers are known as may be, and of each a log is remembered.
    #[error("{MAX_STRANGERS} brokers that nobody named are known")]
    Full,
    /// Too many requests are waiting.
    #[error("too many requests are waiting")]
    Busy,
    /// The witness cannot do anything at present.
    #[error(transparent)]
    Fault(#[from] WitnessFault),
}

impl Advised for RegisterError {
    fn code(&self) -> &'static str {
        match self {
            Self::Certificate(_) => code::WITNESS_CERTIFICATE,
            Self::NotNamed => code::WITNESS_BROKER,
            Self::Simulated => code::WITNESS_SIMULATED,
            Self::OtherHead => code::WITNESS_HEAD_KEY,
            Self::Full => code::WITNESS_FULL,
            Self::Busy => code::WITNESS_BUSY,
            Self::Fault(fault) => fault.code(),
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Certificate(_) => "send the certificate that the broker shows in its handshakes",
            Self::NotNamed | Self::Full => {
                "ask the operator of the witness to name the broker's fingerprint"
            }
            Self::Simulated => "use a witness that runs in simulated time",
            Self::OtherHead => {
                "run one broker with the keys it had, restored from a backup if need be"
            }
            Self::Busy => "try again in a second",
            Self::Fault(fault) => return fault.advice(),
        }
        .into()
    }
}

/// Why a witness did not do what it was asked about a delivery.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// It is not to be done.
    #[error(transparent)]
    Refused(#[from] DeliveryRefusal),
    /// It cannot be done at present.
    #[error(transparent)]
    Fault(#[from] WitnessFault),
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Which brokers a witness knows, and which it may get to know.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) brokers: Brokers,
    pub(super) heads: HashMap<Fingerprint, PublicKey<HeadKey>>,
    /// All keys of those whose certificate is known.
    pub(super) keys: HashMap<Fingerprint, BrokerKeys>,
}

impl Known {
    pub(super) fn of(kept: Vec<KnownBroker>, brokers: Brokers) -> Self {
        let mut known = Self { brokers, ..Self::default() };
        kept.iter().for_each(|broker| known.add(broker));
        known
    }

    pub(super) fn add(&mut self, broker: &KnownBroker) {
        self.heads.insert(broker.fingerprint, broker.head);
        self.keys.extend(broker.keys.map(|keys| (broker.fingerprint, keys)));
    }

    pub(super) fn remove(&mut self, broker: Fingerprint) {
        self.heads.remove(&broker);
        self.keys.remove(&broker);
    }

    /// All keys of a broker that is known and may be.
    pub(super) fn keys(&self, broker: Fingerprint) -> Option<BrokerKeys> {
        self.keys.get(&broker).copied().filter(|_| self.may_be_known(broker))
    }

    fn may_be_known(&self, broker: Fingerprint) -> bool {
        self.brokers.any || self.brokers.named.contains(&broker)
    }

    /// The key of a broker that is known and may be.
    pub(super) fn head(&self, broker: Fingerprint) -> Option<PublicKey<HeadKey>> {
        self.heads.get(&broker).copied().filter(|_| self.may_be_known(broker))
    }

    /// Whether a broker is to be taken up; if it is not, it is known already.
    pub(super) fn is_new(&self, broker: &KnownBroker) -> Result<bool, RegisterError> {
        if !self.may_be_known(broker.fingerprint) {
            return Err(RegisterError::NotNamed);
        }
        match self.heads.get(&broker.fingerprint) {
            Some(head) if *head == broker.head => return Ok(false),
            Some(_) => return Err(RegisterError::OtherHead),
            None => {}
        }
        let named = |fingerprint: &Fingerprint| self.brokers.named.contains(fingerprint);
        let strangers = self.heads.keys().filter(|broker| !named(broker)).count();
        if !named(&broker.fingerprint) && strangers >= MAX_STRANGERS {
            return Err(RegisterError::Full);
        }
        Ok(true)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) cosigned: AtomicU64,
    pub(super) again: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) logs: AtomicU64,
    pub(super) conflicts: AtomicU64,
}

pub(super) struct Shared {
    pub(super) identity: Identity,
    /// Whether it may still sign. Held while it does.
    pub(super) open: Mutex<bool>,
    pub(super) known: Mutex<Known>,
    pub(super) counters: Counters,
    pub(super) fault: Mutex<Option<WitnessFault>>,
    pub(super) clock: SharedClock,
    pub(super) deliveries: Mutex<Deliveries>,
    pub(super) places: Semaphore,
}

/// A panic elsewhere does not make the value less true: every change to it is one assignment.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
