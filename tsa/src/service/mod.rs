//! A TSA that is open: folder, keys, chain and authority, its stamper and its chores, on whatever
//! machine it is given. Connections are handed in; [`crate::server`] takes them from a port.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::trust::citizen::TestCards;
use pregao_protocol::trust::key::{Fingerprint, PublicKey, SecretKey, StampKey, Ticket};
use pregao_protocol::trust::witness::Operator;
use pregao_protocol::value::clock::Time;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::ca::{Ca, CaError};
use crate::citizen::issuers::{Issuers, IssuersError};
use crate::citizen::period::Length;
use crate::citizen::{CitizenOptions, Citizens, CitizensError, ledger};
use crate::clock::{Clock, ClockReading, SystemReading};
use crate::connections::Connections;
use crate::host;
use crate::http;
use crate::keys::{self, Keys, KeysError};
use crate::shutdown::stopped;
use crate::stamper::{self, Pace, Stamper};
use crate::state::{Load, Policy, ServiceState};
use crate::store::{Store, StoreError};
use crate::timelock::{MasterStore, TimeLocks};
use crate::witness::store::WitnessStoreError;
use crate::witness::{self, Brokers, WitnessError};

/// How often it is checked whether a period has ended or a file has changed.
const CHORES: Duration = Duration::from_secs(1);
/// How often it is checked whether a period has ended where citizens do not enrol any more.
const RETIRING: Duration = Duration::from_secs(60);
/// How long open connections have to finish when the TSA closes.
const GRACE: Duration = Duration::from_secs(3);

/// What the operator chose, but for where to listen.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where keys, chain and invitations are.
    pub data: PathBuf,
    /// Who gets a certificate.
    pub policy: Policy,
    /// Whether the clock can be set. Has keys and a chain of its own.
    pub simulate: bool,
    /// When batches close.
    pub pace: Pace,
    /// Whether a clock that had jumped is to be believed from here on.
    pub accept_clock_jump: bool,
    /// How citizens enrol; present exactly if the policy is [`Policy::Card`].
    pub citizens: Option<CitizenOptions>,
    /// For which brokers heads are cosigned; for none at all without it.
    pub witness: Option<Brokers>,
    /// Who says that they run this TSA; [`default_operator`] without it.
    pub operator: Option<Operator>,
}

/// `tsa-` and a quarter of the CA's fingerprint: who runs a TSA and did not say.
///
/// # Panics
/// Never: such a text always is a name.
#[must_use]
pub fn default_operator(authority: Fingerprint) -> Operator {
    let mut name = format!("tsa-{authority}");
    name.truncate(20);
    name.parse().expect("letters, digits and a hyphen")
}

/// Why the TSA does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Folder or keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The chain and the invitations.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The CA.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The enrolment of citizens.
    #[error(transparent)]
    Citizens(#[from] CitizensError),
    /// The witness.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The policy is `card` and it is not said how citizens enrol, or the other way round.
    #[error("the policy and the options for citizens do not fit")]
    Policy,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl From<WitnessStoreError> for OpenError {
    fn from(error: WitnessStoreError) -> Self {
        Self::Witness(error.into())
    }
}

impl OpenError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Keys(error) | Self::Ca(CaError::File(error)) => error.advice(),
            Self::Store(StoreError::TimeLocks(_) | StoreError::TimeLocksMissing) => {
                "restore timelocks.db from a backup: without it nothing that was sealed to its keys is ever opened, and \
                 other keys for the same instants would contradict what was stated"
            }
            Self::Store(_) => {
                "check space and permissions of the data folder; a damaged tsa.db must come back \
                 from a backup not older than the last stamp, else start with a new data folder"
            }
            Self::Ca(_) => "restore ca.pem from a backup, or start with a new data folder",
            Self::Citizens(error) => error.advice(),
            Self::Witness(error) => error.advice(),
            Self::Policy => "give --citizens with --policy card, and only with it",
            Self::Random(_) => "restart the system",
        }
    }
}

/// A TSA that stamps, and answers whoever is handed in.
///
/// Dropping it ends it as a crash does: nothing is signed afterwards, its tasks end when they run next,
/// and the folder can be opened again at once, by this process as well. [`Service::close`] ends it in
/// good order.
pub struct Service {
    tsa: Arc<ServiceState>,
    connections: Connections,
    stop: watch::Sender<bool>,
    /// Not shared with any task, so that it ends with this value.
    _lock: std::fs::File,
}

/// A TSA whose folder, keys and chain are in order, and which has signed nothing yet.
pub struct Prepared {
    host: Host,
    policy: Policy,
    pace: Pace,
    stamp: SecretKey<StampKey>,
    ticket: SecretKey<Ticket>,
    ca: Ca,
    /// The chain of headers, and the clock that continues it.
    chain: (Store, Clock),
    invitations: Store,
    timelocks: (MasterStore, Store),
    citizens: Option<Arc<Citizens>>,
    retiring: Option<Arc<Issuers>>,
    witness: Option<witness::Prepared>,
    operator: Operator,
    load: Load,
    lock: std::fs::File,
}

impl Prepared {
    /// Opens folder, keys and chain, and looks whether the options fit. Blocks.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(options: &Options, host: &Host) -> Result<Self, OpenError> {
        let folder = keys::folder(&options.data, options.simulate);
        keys::create_folder(&folder)?;
        let lock = keys::lock_folder(&folder)?;
        let keys = Keys::open_or_create(&folder, &*host.random)?;
        let public: PublicKey<StampKey> = keys.stamp.public();
        let (store, mut clock) = stamper::resume(&folder, &public, options.accept_clock_jump)?;
        let witness = witness(&folder, options, host)?;
        // A cosignature may be dated later than the last stamp.
        if let Some(dated) = witness.as_ref().and_then(witness::Prepared::highest) {
            clock.raise(dated);
        }
        let (invitations, chain) = (Store::open(&folder)?, Store::open(&folder)?);
        let timelocks = (MasterStore::open(&folder, &chain)?, chain);
        let clocks = Arc::clone(&host.clock);
        let load = Load::new(invitations.certificates()?, &host.random()?, clocks);
        let reading = SystemReading::of(&*host.clock);
        let trusted = clock.next(reading);
        let now = trusted.unwrap_or_else(|_| clock.highest().unwrap_or(reading.wall));
        let random = Arc::clone(&host.random);
        let ca = Ca::open(&folder, keys.authority, options.simulate, now, random)?;
        let opener = EnrolmentOpener { folder: &folder, authority: ca.fingerprint(), host };
        let Enrolment { citizens, retiring } = opener.enrolment(options, now, trusted.is_ok())?;
        let operator = options.operator.clone();
        let operator = operator.unwrap_or_else(|| default_operator(ca.fingerprint()));
        Ok(Self {
            host: host.clone(),
            policy: options.policy,
            pace: options.pace,
            stamp: keys.stamp,
            ticket: keys.ticket,
            ca,
            chain: (store, clock),
            invitations,
            timelocks,
            citizens,
            retiring,
            witness,
            operator,
            load,
            lock,
        })
    }

    /// Begins to stamp, in tasks of the host.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn stamp(self) -> Result<Service, OpenError> {
        let Self { host, retiring, chain: (store, clock), .. } = self;
        let stamp = self.stamp.public();
        let signs_locks = SecretKey::from_seed(&self.stamp.expose_seed());
        let stamper = Stamper::start(self.stamp, store, clock, &host, self.pace)?;
        let witness = match self.witness {
            Some(prepared) => Some(prepared.start(self.operator, stamper.clock(), &host)?),
            None => None,
        };
        let (stop, stopping) = watch::channel(false);
        let simulated = self.ca.simulated();
        let timelocks = TimeLocks::new(signs_locks, stamper.clock(), self.timelocks, simulated);
        let tsa = Arc::new(ServiceState {
            host: host.clone(),
            ca: self.ca,
            ticket: self.ticket,
            stamp,
            stamper,
            store: Mutex::new(self.invitations),
            policy: self.policy,
            citizens: self.citizens,
            witness,
            timelocks: Arc::new(timelocks),
            stopping: stopping.clone(),
            load: self.load,
        });
        host.task(until_stopped(Arc::clone(&tsa), retiring));
        let connections = Connections::new(http::router(Arc::clone(&tsa)), stopping);
        Ok(Service { tsa, connections, stop, _lock: self.lock })
    }
}

impl Service {
    /// Opens everything. Stamping begins with the return, in tasks of `host`. Blocks.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(options: &Options, host: &Host) -> Result<Self, OpenError> {
        Prepared::open(options, host)?.stamp()
    }

    /// What clients pin.
    #[must_use]
    pub fn authority(&self) -> Fingerprint {
        self.tsa.ca.fingerprint()
    }

    /// Fingerprint of the key that stamps and states time-locks.
    #[must_use]
    pub fn stamp(&self) -> Fingerprint {
        self.tsa.stamp.fingerprint()
    }

    /// Whether its time is simulated.
    #[must_use]
    pub fn simulated(&self) -> bool {
        self.tsa.ca.simulated()
    }

    /// Whether cards of the state's test PKI enrol.
    #[must_use]
    pub fn accepts_test_cards(&self) -> bool {
        self.tsa.citizens.as_ref().is_some_and(|citizens| citizens.accepts_test_cards())
    }

    /// The routes as a client at `from` has them.
    pub fn router(&self, from: IpAddr) -> Router {
        self.connections.router(from)
    }

    /// Answers one request of a client at `from`, without a connection. Stamps and the setting of a
    /// simulated clock wait for the stamper, cosignatures for the witness; every other answer comes with the first poll on a machine
    /// whose blocking work is done at once. A stamp stream needs a connection.
    pub fn answer(
        &self,
        from: IpAddr,
        request: Request,
    ) -> impl Future<Output = Response> + Send + use<> {
        let answer = TowerToHyperService::new(self.router(from)).call(request);
        async move { answer.await.unwrap_or_else(|never| match never {}) }
    }

    /// Serves a connection from `from` to its end, streams of stamps apart, which have tasks of their
    /// own; `None` if this address, or all together, hold as many as they may. The place is taken until
    /// the future is dropped.
    pub fn connection<S>(
        &self,
        stream: S,
        from: IpAddr,
    ) -> Option<impl Future<Output = ()> + Send + use<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.connections.serve(stream, from)
    }

    /// Lets open connections and the last batch finish, for some seconds.
    pub async fn close(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(GRACE, async {
            self.connections.closed().await;
            self.tsa.load.streams_closed().await;
        })
        .await;
        if let Some(citizens) = self.tsa.citizens.clone() {
            let _ = host::blocking(&self.tsa.host, move || citizens.finish()).await;
        }
        if let Some(witness) = &self.tsa.witness {
            witness.stop().await;
        }
        self.tsa.stamper.stop().await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        // Before the lock goes: the next who opens the folder continues the chain.
        self.tsa.stamper.close();
        if let Some(witness) = &self.tsa.witness {
            witness.close();
        }
    }
}

/// The witness's key and memory, if it is to cosign for anybody.
fn witness(
    folder: &Path,
    options: &Options,
    host: &Host,
) -> Result<Option<witness::Prepared>, WitnessError> {
    let Some(brokers) = options.witness.clone() else { return Ok(None) };
    // Brokers in simulated time have stamps of such a TSA, and dates of no other kind go with them.
    let brokers = Brokers { simulated: options.simulate, ..brokers };
    witness::Prepared::open(folder, brokers, &*host.random).map(Some)
}

/// The enrolment of citizens, or else what is left of a time in which they enrolled.
struct Enrolment {
    citizens: Option<Arc<Citizens>>,
    retiring: Option<Arc<Issuers>>,
}

/// What opening the enrolment of citizens needs.
struct EnrolmentOpener<'a> {
    folder: &'a Path,
    authority: Fingerprint,
    host: &'a Host,
}

impl EnrolmentOpener<'_> {
    fn enrolment(
        &self,
        options: &Options,
        now: Time,
        trusted: bool,
    ) -> Result<Enrolment, OpenError> {
        if (options.policy == Policy::Card) != options.citizens.is_some() {
            return Err(OpenError::Policy);
        }
        if let Some(citizens) = &options.citizens {
            let (key, authority) = (self.host.random()?, self.authority);
            let citizens =
                Citizens::open(citizens, self.folder, authority, &key, now, trusted, self.host)?;
            return Ok(Enrolment { citizens: Some(Arc::new(citizens)), retiring: None });
        }
        let retiring = self.retiring(now);
        if let Some(issuers) = retiring.as_ref().filter(|_| trusted) {
            retire(issuers, now);
        }
        Ok(Enrolment { citizens: None, retiring })
    }

    /// The keys of periods that are left where citizens enrolled once and do not now.
    fn retiring(&self, now: Time) -> Option<Arc<Issuers>> {
        if !self.folder.join(ledger::FILE).exists() {
            return None;
        }
        let (length, tests) = (Length::default(), TestCards::Refused);
        match Issuers::open(self.folder, self.authority, length, tests, now, self.host) {
            Ok(issuers) => Some(Arc::new(issuers)),
            Err(error) => {
                not_retired(&error);
                None
            }
        }
    }
}

/// Does the chores, and lets go of everything when the TSA closes.
async fn until_stopped(tsa: Arc<ServiceState>, retiring: Option<Arc<Issuers>>) {
    let mut stopping = tsa.stopping.clone();
    tokio::select! {
        () = chores(&tsa, retiring) => {}
        () = stopped(&mut stopping) => {}
    }
}

/// Does for the enrolment of citizens what time brings.
async fn chores(tsa: &ServiceState, retiring: Option<Arc<Issuers>>) {
    if let Some(issuers) = retiring {
        loop {
            tokio::time::sleep(RETIRING).await;
            if let Ok(now) = tsa.stamper.now() {
                let issuers = Arc::clone(&issuers);
                let _ = host::blocking(&tsa.host, move || retire(&issuers, now)).await;
            }
        }
    }
    let Some(citizens) = tsa.citizens.clone() else { return };
    loop {
        let monotonic = tsa.load.elapsed();
        citizens.forget(monotonic);
        if let Ok(now) = tsa.stamper.now() {
            let state = Arc::clone(&citizens);
            let tick = move || state.tick(ClockReading { now, monotonic });
            let _ = host::blocking(&tsa.host, tick).await;
        }
        tokio::time::sleep(CHORES).await;
    }
}

fn retire(issuers: &Issuers, now: Time) {
    if let Err(error) = issuers.retire(now) {
        not_retired(&error);
    }
}

fn not_retired(error: &IssuersError) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let advice = error.advice();
    tracing::error!(%error, cause, advice, "what was counted of citizens cannot be destroyed");
}

#[cfg(test)]
mod tests;
