//! Puts the parts together and takes them down again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pregao_protocol::broker::BrokerCertificate;
use pregao_protocol::certificate::sheet::{TsaAddress, TsaKeys};
use pregao_protocol::frame::FromBroker;
use pregao_protocol::host::Host;
use pregao_protocol::room::body::BrokerKeys;
use pregao_protocol::session::{Padded, Ranking};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::check::Checker;
use crate::door::{self, Capacity};
use crate::folder::Folder;
use crate::house::{House, Keys, Stores};
use crate::links::Links;
use crate::metrics::Metrics;
use crate::network::{self, Network};
use crate::session::{Beat, Hall, Limits};
use crate::stamps::{Newest, Source, Stamps};
use crate::store::Log;
use crate::store::sqlite::SqliteLog;
use crate::tls::{self, Roots};
use crate::tsa::{self, TsaError};
use crate::writer::WriterThread;
use crate::{host, monitor, ops};

/// How a broker is to run.
#[derive(Debug)]
pub struct Options {
    /// The TSA.
    pub tsa: TsaAddress,
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

/// A broker that serves whatever connections it is given: see [`door::connection`].
#[derive(Debug)]
pub struct Broker {
    /// What every connection needs.
    pub hall: Arc<Hall>,
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
        Self::open_with(log, folder, options, network, host).await
    }

    /// As [`Broker::open`], with a log of the caller's.
    pub(crate) async fn open_with(
        open_log: impl FnOnce(&Path) -> anyhow::Result<Arc<dyn Log>>,
        folder: Folder,
        options: Options,
        network: Arc<dyn Network>,
        host: Host,
    ) -> anyhow::Result<Self> {
        let keys = folder.keys(&*host.random)?;
        let tsa = learn(&options, &network, &folder, &host).await?;
        let metrics = Arc::new(Metrics::default());
        let log = open_log(&folder.file("log.db"))?;
        let links = Arc::new(Links::open(folder.path(), Arc::clone(&host.random))?);
        let (spawn, counters) = (&*host.spawn, Arc::clone(&metrics));
        let writer = WriterThread::start(Arc::clone(&log), Arc::clone(&links), counters, spawn)?;
        let (url, roots) = (options.tsa.stream(), options.roots);
        let source = Source { url, roots, network };
        let stamps = Stamps::start(source, vec![tsa.stamp], Arc::clone(&metrics), &host);
        let certificate = certificate(&keys, &tsa);
        let (alarms, alarm_ear) = mpsc::unbounded_channel();
        let fingerprint = keys.session.public().fingerprint();
        let checker = Checker::start(options.checkers, fingerprint, &[tsa.stamp], spawn)?;
        let stores = Stores { writer: writer.writer(), log, links };
        let beats = beats(stamps.watch(), &host);
        let house = Arc::new(House::new(host, keys, certificate, stamps, stores, metrics, alarms));
        house.host.task(Arc::clone(&house).keep_erasing());
        house.host.task(monitor::run(Arc::clone(&house), alarm_ear));
        house.resume().await.context("a room of the store cannot be taken up")?;

        let (stop, stopping) = watch::channel(false);
        let hall = Arc::new(Hall {
            house,
            checker,
            tsa,
            suites: options.suites,
            limits: options.limits,
            beats,
            stopping,
            begun: AtomicU64::new(1),
        });
        Ok(Self { hall, stop, writer, _folder: folder })
    }

    /// Ends the sessions, and makes durable what is under way.
    ///
    /// # Errors
    /// A failure of the store while tidying up.
    pub async fn stop(self) -> anyhow::Result<()> {
        // Every session listens; if none is left, nobody does.
        let _ = self.stop.send(true);
        for _ in 0..50 {
            if self.hall.house.metrics.sessions.value() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.writer.stop().await?;
        Ok(())
    }
}

fn certificate(keys: &Keys, tsa: &TsaKeys) -> BrokerCertificate {
    let keys = BrokerKeys {
        session: keys.session.public(),
        head: keys.head.public(),
        entry: keys.entry.public(),
    };
    let (authorities, stamps) = (vec![tsa.authority], vec![tsa.stamp]);
    BrokerCertificate { keys, authorities, stamps, simulated: tsa.simulated }
}

/// A broker that listens.
#[derive(Debug)]
pub struct Server {
    /// Where peers connect.
    pub address: SocketAddr,
    /// Where operators look.
    pub ops: Option<SocketAddr>,
    /// Everything shared.
    pub house: Arc<House>,
    /// Whether peers must use TLS.
    pub tls: bool,
    broker: Broker,
    closed: oneshot::Receiver<()>,
}

impl Server {
    /// Starts a broker: every room of its store is taken up before the door opens.
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
        let network = Arc::new(network::Internet::new(&options.roots));
        let broker = Broker::open(folder, options, network, host.clone()).await?;
        let house = Arc::clone(&broker.hall.house);
        let ops = match ports.ops {
            Some(address) => {
                let listener = bind(address, "--ops").await?;
                let address = listener.local_addr()?;
                let pages = ops::run(listener, Arc::clone(&house));
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
        let door = door::run(listener, Arc::clone(&broker.hall), ports.capacity, acceptor);
        host.task(async {
            door.await;
            // Nobody waits unless the broker stops.
            let _ = close.send(());
        });
        Ok(Self { address, ops, house, tls, broker, closed })
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
        let learn = move || tsa::learn(&address, &*network, &*clock, &memory);
        let learned = host::blocking(host, learn).await;
        match learned.context("fetching the TSA's keys broke off")? {
            Ok(keys) => break keys,
            Err(error @ TsaError::Unreachable { .. }) => {
                tracing::warn!(%error, "waiting for the TSA; the door stays shut until then");
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

/// How long no session is without a word, and how long there is at least between two ticks.
const BEAT: Duration = Duration::from_secs(1);

/// Turns the newest batch header into one padded frame a second, shared by all sessions; where none comes
/// within the second, into a ping, so that peers tell a silent TSA from a dead connection.
fn beats(mut newest: watch::Receiver<Option<Newest>>, host: &Host) -> watch::Receiver<Beat> {
    let (beats, heard) = watch::channel(Beat::Ping);
    host.task(async move {
        let mut said = tokio::time::Instant::now();
        loop {
            let beat = match tokio::time::timeout_at(said + BEAT, newest.changed()).await {
                Ok(Ok(())) => tick(newest.borrow_and_update().as_ref()),
                Ok(Err(_)) => return,
                Err(_) => Some(Beat::Ping),
            };
            let Some(beat) = beat else { continue };
            let is_tick = matches!(beat, Beat::Tick(_));
            said = tokio::time::Instant::now();
            beats.send_replace(beat);
            if is_tick {
                tokio::time::sleep_until(said + BEAT).await;
            }
        }
    });
    heard
}

fn tick(newest: Option<&Newest>) -> Option<Beat> {
    let batch = newest?.batch.compact().to_owned();
    let frame = FromBroker::Tick { batch }.encode().ok()?;
    Some(Beat::Tick(Arc::new(Padded::new(&frame).ok()?)))
}
