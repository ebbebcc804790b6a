//! Puts the parts together and takes them down again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pregao_protocol::host::Host;
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::jwks::{TsaAddress, TsaKeys};
use pregao_protocol::wire::session::Ranking;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::blobs::{self, Blobs, Files, Guests, Nobody, Owners, Permission, Quotas};
use crate::check::Checker;
use crate::effort::Efforts;
use crate::folder::Folder;
use crate::handed::HandedOut;
use crate::keys::Keys;
use crate::links::Links;
use crate::links::authors::Authors;
use crate::listener::{self, Capacity};
use crate::lobby::Lobby;
use crate::metrics::Metrics;
use crate::monitor::{self, Alarms};
use crate::network::{self, FetchError, Network};
use crate::passes::Passes;
use crate::people::People;
use crate::presence::Presence;
use crate::registry::Registry;
use crate::room::RoomDirectory;
use crate::room::kinds::passes;
use crate::session::{Limits, SessionContext, heartbeat};
use crate::shared::Shared;
use crate::store::Log;
use crate::store::reader::LogReader;
use crate::store::sqlite::SqliteLog;
use crate::tls::{self, Roots};
use crate::told::Told;
use crate::tsa::keys::{self as tsa_keys, TsaError};
use crate::tsa::stamps::{StampClient, StampSource};
use crate::tsa::timelocks::{LockTsa, TimeLocks};
use crate::witness::{Council, WitnessAddress, Witnesses};
use crate::writer::WriterThread;
use crate::{host, ops};

/// How a broker is to run.
#[derive(Debug)]
pub struct Options {
    /// The TSA.
    pub tsa: TsaAddress,
    /// Further TSAs that sellers may have lock sealed bids, each with the fingerprint of its CA.
    pub lock_tsas: Vec<TsaAddress>,
    /// Whether a TSA in simulated time is accepted.
    pub accept_simulated_time: bool,
    /// The CAs that the TSA's TLS certificate may come from.
    pub roots: Roots,
    /// What one connection may use.
    pub limits: Limits,
    /// Suites accepted, in order.
    pub suites: Ranking,
    /// Workers that check signatures.
    pub checkers: usize,
    /// Who cosigns the heads of public rooms, besides the TSA.
    pub witnesses: Vec<WitnessAddress>,
    /// How many operators of witnesses make a head final; more than half of them unless given.
    pub quorum: Option<u32>,
    /// For how long whoever stayed away from a reveal lists and bids nothing; zero lets them (V-224).
    pub barred_for: Duration,
    /// How many passes each persona gets a day, 100 at most; with 0 there are none.
    pub passes_per_day: u32,
}

/// Where a broker listens.
#[derive(Debug)]
pub struct Ports {
    /// Where peers connect.
    pub listen: SocketAddr,
    /// Where operators look, if anywhere.
    pub ops: Option<SocketAddr>,
    /// TLS certificate chain and key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Connections.
    pub capacity: Capacity,
}

/// Further TSAs that lock bids, at most.
const MAX_FURTHER: usize = 8;

/// A broker that serves whatever connections it is given: see [`listener::serve`].
#[derive(Debug)]
pub struct Broker {
    /// What every connection needs.
    pub context: Arc<SessionContext>,
    stop: watch::Sender<bool>,
    writer: WriterThread,
    _folder: Folder,
}

impl Broker {
    /// Opens a broker: every room of its store is taken up on return.
    ///
    /// # Errors
    /// Says what is wrong and what to do about it.
    pub async fn open(
        folder: Folder,
        options: Options,
        network: Arc<dyn Network>,
        host: Host,
    ) -> anyhow::Result<Self> {
        let log = |path: &Path| Ok(Arc::new(SqliteLog::open(path)?) as Arc<dyn Log>);
        Self::open_with(log, None, folder, options, network, host).await
    }

    /// As [`Broker::open`], with a log of the caller's, and their rules about blobs, if they have any.
    pub(crate) async fn open_with(
        open_log: impl FnOnce(&Path) -> anyhow::Result<Arc<dyn Log>>,
        permission: Option<Arc<dyn Permission>>,
        folder: Folder,
        options: Options,
        network: Arc<dyn Network>,
        host: Host,
    ) -> anyhow::Result<Self> {
        let keys = folder.keys(&*host.random)?;
        let tsa = learn(&options, &network, &folder, &host).await?;
        let further = learn_further(&options, &tsa, &network, &folder, &host).await?;
        let council = Council::of(options.witnesses, options.quorum, (&options.tsa, &tsa))?;
        let metrics = Arc::new(Metrics::default());
        let log = open_log(&folder.file("log.db"))?;
        let blobs = open_blobs(folder.file("blobs"), &host).await?;
        let handed = HandedOut::open(folder.path())?;
        let owners = Owners::default();
        let permission = permission.unwrap_or_else(|| {
            let guests = Guests::new(blobs.clone(), owners.clone());
            if options.limits.guests { Arc::new(guests) } else { Arc::new(Nobody) }
        });
        let links = Arc::new(Links::open(folder.path(), Arc::clone(&host.random))?);
        let (spawn, counters) = (&*host.spawn, Arc::clone(&metrics));
        let writer = WriterThread::start(Arc::clone(&log), Arc::clone(&links), counters, spawn)?;
        let (url, roots) = (options.tsa.stream(), options.roots);
        let source = StampSource { url, roots, network: Arc::clone(&network) };
        let stamps = StampClient::start(source, vec![tsa.stamp], Arc::clone(&metrics), &host);
        let own = LockTsa { address: options.tsa.clone(), stamp: tsa.stamp };
        let (lock_tsas, unknown) = further;
        let certificate = certificate(&keys, &tsa, &council, &lock_tsas);
        let lockers = std::iter::once(own).chain(lock_tsas).collect();
        let timelocks = TimeLocks::new(lockers, unknown, Arc::clone(&network), host.clone());
        let fingerprint = keys.session.public().fingerprint();
        let passes =
            Passes::open(options.passes_per_day, folder.path(), fingerprint, host.clone())?;
        let (alarms, alarm_queue) = Alarms::channel();
        let checker = Checker::start(options.checkers, fingerprint, &[tsa.stamp], spawn)?;
        let (most, counters) = (options.limits.max_effort, Arc::clone(&metrics));
        let efforts = Efforts::new(Arc::clone(&host.clock), most, counters);
        let heartbeats = heartbeat::start(stamps.watch(), &efforts, &host);
        let shared = Arc::new(Shared {
            blobs,
            owners,
            people: People::default(),
            told: Told::default(),
            handed,
            reader: LogReader::new(host.clone(), log),
            authors: Authors::new(host.clone(), links, Arc::clone(&metrics))?,
            barred_for: options.barred_for,
            host,
            keys,
            certificate,
            checker,
            efforts,
            witnesses: Witnesses::new(council, fingerprint),
            stamps,
            timelocks,
            passes,
            writer: writer.writer(),
            lobby: Lobby::default(),
            presence: Presence::default(),
            alarms,
            metrics,
        });
        let registry = Registry::new(Arc::clone(&shared));
        shared.host.task(shared.authors.clone().keep_erasing());
        let waking = Arc::clone(&registry);
        let wake = move |room| waking.wake(room);
        shared.host.task(monitor::run(shared.stamps.clone(), alarm_queue, wake));
        registry.resume().await.context("a room of the store cannot be taken up")?;
        shared.host.task(blobs::keep_sweeping(shared.blobs.clone(), shared.stamps.clone()));
        let directory = Arc::clone(&registry) as Arc<dyn RoomDirectory>;
        passes::start(&shared, &directory);
        crate::cosign::start(&shared, &directory, &network);
        crate::deliver::start(&shared, &registry, tsa.authority, &network);

        let (stop, stopping) = watch::channel(false);
        let context = Arc::new(SessionContext {
            shared,
            registry,
            tsa,
            suites: options.suites,
            permission,
            limits: options.limits,
            heartbeats,
            stopping,
            begun: AtomicU64::new(1),
        });
        Ok(Self { context, stop, writer, _folder: folder })
    }

    /// Ends the sessions, and makes durable what is under way.
    ///
    /// # Errors
    /// A failure of the store while tidying up.
    pub async fn stop(self) -> anyhow::Result<()> {
        // Every session listens; if none is left, nobody does.
        let _ = self.stop.send(true);
        for _ in 0..50 {
            if self.context.shared.metrics.sessions.value() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.writer.stop().await?;
        Ok(())
    }
}

async fn open_blobs(folder: PathBuf, host: &Host) -> anyhow::Result<Blobs> {
    let advice = format!(
        "cannot use {}\nlet the broker's user own the folder and everything in it",
        folder.display()
    );
    let files = host::blocking(host, move || Files::open(folder)).await;
    let files = files.context("opening the blobs broke off")?.with_context(|| advice.clone())?;
    Blobs::open(Arc::new(files), Quotas::STANDARD, host.clone()).await.context(advice)
}

fn certificate(
    keys: &Keys,
    tsa: &TsaKeys,
    council: &Council,
    further: &[LockTsa],
) -> BrokerCertificate {
    let (witnesses, quorum) = council.named();
    BrokerCertificate {
        keys: keys.public(),
        authorities: vec![tsa.authority],
        stamps: vec![tsa.stamp],
        witnesses,
        quorum,
        simulated: tsa.simulated,
        locks: further.iter().map(|tsa| tsa.stamp).collect(),
    }
}

/// A broker that listens.
#[derive(Debug)]
pub struct Server {
    /// Where peers connect.
    pub address: SocketAddr,
    /// Where operators look.
    pub ops: Option<SocketAddr>,
    /// Everything shared.
    pub shared: Arc<Shared>,
    /// Whether peers must use TLS.
    pub tls: bool,
    broker: Broker,
    closed: oneshot::Receiver<()>,
}

impl Server {
    /// Starts a broker: every room of its store is loaded before it listens.
    ///
    /// # Errors
    /// Says what is wrong and what to do about it.
    pub async fn start(
        folder: Folder,
        options: Options,
        ports: Ports,
        host: Host,
    ) -> anyhow::Result<Self> {
        let acceptor =
            ports.tls.as_ref().map(|(chain, key)| tls::acceptor(chain, key)).transpose()?;
        let listener = bind(ports.listen, "--listen").await?;
        let network = Arc::new(network::Internet::new(&options.roots, &host));
        let broker = Broker::open(folder, options, network, host.clone()).await?;
        let shared = Arc::clone(&broker.context.shared);
        let ops = match ports.ops {
            Some(address) => {
                let listener = bind(address, "--ops").await?;
                let address = listener.local_addr()?;
                let pages = ops::run(listener, Arc::clone(&shared));
                host.task(async {
                    if let Err(error) = pages.await {
                        tracing::error!(%error, "the pages for operators are not served any more");
                    }
                });
                Some(address)
            }
            None => None,
        };
        let address = listener.local_addr()?;
        let tls = acceptor.is_some();
        let (close, closed) = oneshot::channel();
        let accepting =
            listener::run(listener, Arc::clone(&broker.context), ports.capacity, acceptor);
        host.task(async {
            accepting.await;
            // Nobody waits unless the broker stops.
            let _ = close.send(());
        });
        Ok(Self { address, ops, shared, tls, broker, closed })
    }

    /// Lets nobody in any more, ends the sessions, and makes durable what is under way.
    ///
    /// # Errors
    /// A failure of the store while tidying up.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _ = self.broker.stop.send(true);
        let _ = self.closed.await;
        self.broker.stop().await
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}\nis another program using it? choose another address with {flag}")
    })
}

/// Waits for the TSA if it has never been heard of: without its keys nothing can be judged.
async fn learn(
    options: &Options,
    network: &Arc<dyn Network>,
    folder: &Folder,
    host: &Host,
) -> anyhow::Result<TsaKeys> {
    let memory = folder.file("tsa.json");
    let keys = loop {
        let (address, memory) = (options.tsa.clone(), memory.clone());
        let (network, clock) = (Arc::clone(network), Arc::clone(&host.clock));
        let learn = move || tsa_keys::learn(&address, &*network, &*clock, &memory);
        let learned = host::blocking(host, learn).await;
        match learned.context("fetching the TSA's keys broke off")? {
            Ok(keys) => break keys,
            Err(error @ TsaError::Fetch(FetchError::Unreachable { .. })) => {
                tracing::warn!(%error, "waiting for the TSA; no connection is accepted until then");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    if keys.simulated && !options.accept_simulated_time {
        bail!(
            "the TSA at {} runs in simulated time\nuse another TSA, or start with --accept-simulated-time for a test",
            options.tsa.url
        );
    }
    Ok(keys)
}

/// Asks each further TSA that is to lock bids who it is. One that does not say is not waited for: it is not offered, which
/// the log and `/healthz` say.
async fn learn_further(
    options: &Options,
    own: &TsaKeys,
    network: &Arc<dyn Network>,
    folder: &Folder,
    host: &Host,
) -> anyhow::Result<(Vec<LockTsa>, Vec<TsaAddress>)> {
    let (mut known, mut unknown): (Vec<LockTsa>, Vec<TsaAddress>) = (Vec::new(), Vec::new());
    if options.lock_tsas.len() > MAX_FURTHER {
        bail!(
            "--lock-tsa names {} TSAs\nname at most {MAX_FURTHER}; a listing names 8 in all",
            options.lock_tsas.len()
        );
    }
    let mut named = vec![own.authority.fingerprint()];
    for address in &options.lock_tsas {
        let Some(authority) = address.authority else {
            bail!(
                "--lock-tsa {} has no fingerprint\ngive the address as that TSA prints it, http://host:port/#fingerprint",
                address.url
            );
        };
        if named.contains(&authority) {
            bail!(
                "--lock-tsa {} is the TSA of --tsa, or is given twice\nname each further TSA once: two parts with one TSA are one",
                address.url
            );
        }
        named.push(authority);
        let memory = folder.file(&format!("lock-tsa-{authority}.json"));
        let (from, network, clock) =
            (address.clone(), Arc::clone(network), Arc::clone(&host.clock));
        let learn = move || tsa_keys::learn(&from, &*network, &*clock, &memory);
        let learned = host::blocking(host, learn).await;
        let keys = match learned.context("fetching a TSA's keys broke off")? {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(%error, url = %address.url, "this TSA cannot be offered to sellers; it is asked again at the next start");
                unknown.push(address.clone());
                continue;
            }
        };
        // What a TSA says of itself at a start is not to keep this broker from starting.
        let fault = if keys.stamp == own.stamp || known.iter().any(|tsa| tsa.stamp == keys.stamp) {
            Some("its stamp key is that of another: two parts with one TSA are one")
        } else if keys.simulated != own.simulated {
            Some("it does not keep the same time as that of --tsa: one is simulated")
        } else {
            None
        };
        if let Some(fault) = fault {
            tracing::error!(url = %address.url, "this TSA of --lock-tsa is not offered to sellers: {fault}");
            unknown.push(address.clone());
            continue;
        }
        known.push(LockTsa { address: address.clone(), stamp: keys.stamp });
    }
    Ok((known, unknown))
}
