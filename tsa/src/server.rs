//! From the command line's options to a running TSA: opens folder, chain and port, then serves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pregao_protocol::citizen::TestCards;
use pregao_protocol::clock::Time;
use pregao_protocol::key::{Fingerprint, PublicKey, StampKey};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::ca::{Ca, CaError};
use crate::citizen::issuers::{Issuers, IssuersError};
use crate::citizen::period::Length;
use crate::citizen::{CitizenOptions, Citizens, CitizensError, ledger};
use crate::clock::{Moment, SystemClock};
use crate::http;
use crate::ip_limiter::{IpLimiter, IpPermit, Origin};
use crate::keys::{self, Keys, KeysError};
use crate::stamper::{self, Pace, Stamper};
use crate::state::{Load, Policy, Tsa};
use crate::stopping::stopped;
use crate::store::{Store, StoreError};

/// Connections that may be open at once; more are closed unanswered.
const MAX_CONNECTIONS: usize = 512;
/// Connections that one address may hold.
const CONNECTIONS_EACH: usize = 64;
/// How long a client may take over the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked whether a period is over or a file has changed.
const CHORES: Duration = Duration::from_secs(1);
/// How often it is looked whether a period is over where citizens do not enrol any more.
const RETIRING: Duration = Duration::from_secs(60);
/// How long open connections have to finish when the process ends.
const GRACE: Duration = Duration::from_secs(3);

/// What the operator chose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where keys, chain and invitations are.
    pub data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
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
}

/// Why the TSA does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
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
    /// The policy is `card` and it is not said how citizens enrol, or the other way round.
    #[error("the policy and the options for citizens do not fit")]
    Policy,
    /// No randomness.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The port.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl StartError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Keys(error) | Self::Ca(CaError::File(error)) => error.advice(),
            Self::Store(_) => {
                "check space and permissions of the data folder; a damaged tsa.db must come back \
                 from a backup not older than the last stamp, else start with a new data folder"
            }
            Self::Ca(_) => "restore ca.pem from a backup, or start with a new data folder",
            Self::Citizens(error) => error.advice(),
            Self::Policy => "give --citizens with --policy card, and only with it",
            Self::Random(_) => "restart the system",
            Self::Listen { .. } => {
                "choose another address with --listen, or stop the process that has this one"
            }
        }
    }
}

/// A TSA that listens and stamps.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tsa: Arc<Tsa>,
    /// What is left of a time in which citizens enrolled.
    retiring: Option<Arc<Issuers>>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
    _lock: std::fs::File,
}

impl Server {
    /// Opens everything. Stamping begins with the return, answering with [`Server::run`].
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let folder = keys::folder(&options.data, options.simulate);
        keys::create_folder(&folder)?;
        let lock = keys::lock_folder(&folder)?;
        let keys = Keys::open_or_create(&folder)?;
        let stamp: PublicKey<StampKey> = keys.stamp.public();
        let (store, clock) = stamper::resume(&folder, &stamp, options.accept_clock_jump)?;
        let invitations = Store::open(&folder)?;
        let mut challenge_key = [0_u8; 32];
        getrandom::fill(&mut challenge_key).map_err(StartError::Random)?;
        let load = Load::new(invitations.certificates()?, &challenge_key);
        let system = SystemClock::start();
        let reading = system.read();
        let trusted = clock.next(reading);
        let now = trusted.unwrap_or_else(|_| clock.highest().unwrap_or(reading.wall));
        let ca = Ca::open(&folder, keys.authority, options.simulate, now)?;
        if (options.policy == Policy::Card) != options.citizens.is_some() {
            return Err(StartError::Policy);
        }
        let mut offer_key = [0_u8; 32];
        getrandom::fill(&mut offer_key).map_err(StartError::Random)?;
        let open = |citizens: &CitizenOptions| {
            let authority = ca.fingerprint();
            Citizens::open(citizens, &folder, authority, &offer_key, now, trusted.is_ok())
        };
        let citizens = options.citizens.as_ref().map(open).transpose()?.map(Arc::new);
        let retiring = match citizens {
            Some(_) => None,
            None => retiring(&folder, ca.fingerprint(), now),
        };
        if let Some(issuers) = retiring.as_ref().filter(|_| trusted.is_ok()) {
            retire(issuers, now);
        }
        let address = options.listen;
        let listen_error = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let readings = Arc::new(move || system.read());
        let (stamper, thread) = Stamper::start(keys.stamp, store, clock, readings, options.pace)?;
        let (stop, stopping) = watch::channel(false);
        let tsa = Arc::new(Tsa {
            ca,
            ticket: keys.ticket,
            stamp,
            stamper,
            store: Mutex::new(invitations),
            policy: options.policy,
            citizens,
            stopping,
            load,
        });
        Ok(Self { listener, address, tsa, retiring, stop, thread, _lock: lock })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients pin.
    #[must_use]
    pub fn authority(&self) -> Fingerprint {
        self.tsa.ca.fingerprint()
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

    /// Serves until `shutdown` completes, then lets open connections and the last batch finish.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let router = http::router(Arc::clone(&self.tsa));
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let each = IpLimiter::new(CONNECTIONS_EACH);
        let chores = tokio::spawn(chores(Arc::clone(&self.tsa), self.retiring));
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    let origin = Origin(address.ip());
                    let Some(share) = each.take(origin) else { continue };
                    if let Ok(permit) = Arc::clone(&connections).try_acquire_owned() {
                        let stopping = self.tsa.stopping.clone();
                        let router = router.clone().layer(axum::Extension(origin));
                        tokio::spawn(connection(stream, router, stopping, (permit, share)));
                    }
                }
                Err(error) => {
                    // Out of descriptors: waiting lets some close, retrying at once would spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.listener);
        chores.abort();
        let _ = self.stop.send(true);
        let every = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(GRACE, async {
            let _ = connections.acquire_many(every).await;
            self.tsa.load.streams_closed().await;
        })
        .await;
        if let Some(citizens) = self.tsa.citizens.clone() {
            let _ = tokio::task::spawn_blocking(move || citizens.finish()).await;
        }
        self.tsa.stamper.stop();
        let thread = self.thread;
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}

/// Does for the enrolment of citizens what time brings.
async fn chores(tsa: Arc<Tsa>, retiring: Option<Arc<Issuers>>) {
    if let Some(issuers) = retiring {
        loop {
            tokio::time::sleep(RETIRING).await;
            if let Ok(now) = tsa.stamper.now() {
                let issuers = Arc::clone(&issuers);
                let _ = tokio::task::spawn_blocking(move || retire(&issuers, now)).await;
            }
        }
    }
    let Some(citizens) = tsa.citizens.clone() else { return };
    loop {
        let monotonic = tsa.load.elapsed();
        citizens.forget(monotonic);
        if let Ok(now) = tsa.stamper.now() {
            let state = Arc::clone(&citizens);
            let tick = move || state.tick(Moment { now, monotonic });
            let _ = tokio::task::spawn_blocking(tick).await;
        }
        tokio::time::sleep(CHORES).await;
    }
}

/// The keys of periods that are left where citizens enrolled once and do not now.
fn retiring(folder: &Path, authority: Fingerprint, now: Time) -> Option<Arc<Issuers>> {
    if !folder.join(ledger::FILE).exists() {
        return None;
    }
    let (length, tests) = (Length::default(), TestCards::Refused);
    match Issuers::open(folder, authority, length, tests, now) {
        Ok(issuers) => Some(Arc::new(issuers)),
        Err(error) => {
            not_retired(&error);
            None
        }
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

async fn connection(
    stream: TcpStream,
    router: axum::Router,
    mut stopping: watch::Receiver<bool>,
    _held: (OwnedSemaphorePermit, IpPermit),
) {
    // Replies are written whole, so waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    tokio::pin!(served);
    tokio::select! {
        _ = served.as_mut() => {}
        () = stopped(&mut stopping) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// The CA's fingerprint of an existing data folder.
///
/// # Errors
/// [`KeysError`].
pub fn fingerprint(data: &Path, simulated: bool) -> Result<Fingerprint, KeysError> {
    Ok(Keys::open(&keys::folder(data, simulated))?.authority.public().fingerprint())
}
