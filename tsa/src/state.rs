//! What all requests of a running TSA share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pregao_protocol::host::{Clock, Host};
use pregao_protocol::trust::key::{PublicKey, SecretKey, StampKey, Ticket};
use tokio::sync::{Semaphore, watch};

use crate::ca::Ca;
use crate::challenge::Challenges;
use crate::citizen::Citizens;
use crate::ip_limiter::IpLimiter;
use crate::stamper::Stamper;
use crate::store::Store;
use crate::timelock::TimeLocks;
use crate::witness::Witness;

/// Requests that may be worked on at once; stamp streams not counted.
pub(crate) const MAX_REQUESTS: usize = 256;
/// Stamp streams that may be open at once.
pub(crate) const MAX_STREAMS: usize = 64;
/// Stamp streams that one address may hold; a broker needs one.
pub(crate) const STREAMS_EACH: usize = 8;

/// Who gets a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Policy {
    /// Everybody who asks.
    Open,
    /// Everybody who shows an unused invitation.
    Invite,
    /// Everybody whose token says that they are a citizen; see --citizens.
    Card,
}

/// What all requests share.
pub struct ServiceState {
    /// The machine under it.
    pub host: Host,
    /// Certifies personas.
    pub ca: Ca,
    /// Signs tickets.
    pub ticket: SecretKey<Ticket>,
    /// The public half of the stamper's key.
    pub stamp: PublicKey<StampKey>,
    /// Gives stamps and the time.
    pub stamper: Stamper,
    /// Invitations; a connection of its own, so that enrolment does not wait for stamps.
    pub store: Mutex<Store>,
    /// Who gets a certificate.
    pub policy: Policy,
    /// Enrols citizens, if that is the policy.
    pub citizens: Option<Arc<Citizens>>,
    /// States keys that are kept until an instant.
    pub timelocks: Arc<TimeLocks>,
    /// Cosigns heads, if it does for any broker.
    pub witness: Option<Witness>,
    /// Turns true when the process is asked to end.
    pub stopping: watch::Receiver<bool>,
    /// Requests and tables in use.
    pub load: Load,
}

/// Bounded tables and counters.
pub struct Load {
    /// One for each request that is worked on.
    pub(crate) requests: Arc<Semaphore>,
    /// One for each stamp stream.
    pub(crate) streams: Arc<Semaphore>,
    /// Stamp streams by address.
    pub(crate) streams_each: Arc<IpLimiter>,
    /// Those for tickets.
    pub(crate) challenges: Challenges,
    clock: Arc<dyn Clock>,
    /// What the clock that only grows read at the start.
    start: Duration,
    /// Requests refused since the start.
    pub(crate) refusals: AtomicU64,
    /// Tickets issued since the start.
    pub(crate) tickets: AtomicU64,
    /// Certificates issued, before this start as well.
    pub(crate) certificates: AtomicU64,
}

impl Load {
    /// Nothing in use, after `certificates` were issued before this start. Challenges are made under
    /// `challenge_key`, which is fresh in each process.
    #[must_use]
    pub fn new(certificates: u64, challenge_key: &[u8; 32], clock: Arc<dyn Clock>) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            streams_each: IpLimiter::new(STREAMS_EACH),
            challenges: Challenges::new(challenge_key),
            start: clock.uptime(),
            clock,
            refusals: AtomicU64::new(0),
            tickets: AtomicU64::new(0),
            certificates: AtomicU64::new(certificates),
        }
    }

    /// Time since the start; only ever grows.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.uptime().saturating_sub(self.start)
    }

    /// Completes when no stamp stream is open.
    pub async fn streams_closed(&self) {
        let all = u32::try_from(MAX_STREAMS).unwrap_or(u32::MAX);
        let _ = self.streams.acquire_many(all).await;
    }
}
