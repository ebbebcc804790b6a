//! Puts the parts together and takes them down again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pregao_protocol::broker::BrokerCertificate;
use pregao_protocol::certificate::sheet::{TsaAddress, TsaKeys};
use pregao_protocol::frame::FromBroker;
use pregao_protocol::room::body::BrokerKeys;
use pregao_protocol::session::{Padded, Ranking};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::check::Checker;
use crate::door::{self, Capacity};
use crate::folder::Folder;
use crate::house::{House, Stores};
use crate::links::Links;
use crate::metrics::Metrics;
use crate::session::{Beat, Hall, Limits};
use crate::stamps::{Newest, Stamps};
use crate::store::Log;
use crate::store::sqlite::SqliteLog;
use crate::tls::{self, Roots};
use crate::tsa::{self, TsaError};
use crate::writer::WriterThread;
use crate::{monitor, ops};

/// How a broker is to run.
#[derive(Debug)]
pub struct Options {
    /// Data folder.
    pub data: PathBuf,
    /// Where peers connect.
    pub listen: SocketAddr,
    /// Where operators look, if anywhere.
    pub ops: Option<SocketAddr>,
    /// The TSA.
    pub tsa: TsaAddress,
    /// Whether a TSA in simulated time is accepted.
    pub accept_simulated_time: bool,
    /// PEM file of the CAs that the TSA's TLS certificate may come from, if not the public ones.
    pub tls_ca: Option<PathBuf>,
    /// TLS certificate chain and key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Connections.
    pub capacity: Capacity,
    /// What one connection may use.
    pub limits: Limits,
    /// Suites accepted, in order.
    pub suites: Ranking,
    /// Threads that check signatures.
    pub checkers: usize,
}

/// A running broker.
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
    stop: watch::Sender<bool>,
    door: tokio::task::JoinHandle<()>,
    writer: WriterThread,
    _folder: Folder,
}

impl Server {
    /// Starts a broker: every room of its store is taken up before the door opens.
    ///
    /// # Errors
    /// Says what is wrong and what to do about it.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let folder = Folder::open(&options.data)?;
        let keys = folder.keys()?;
        let acceptor =
            options.tls.as_ref().map(|(chain, key)| tls::acceptor(chain, key)).transpose()?;
        let roots = options.tls_ca.as_deref().map(Roots::only).transpose()?.unwrap_or_default();
        let listener = bind(options.listen, "--listen").await?;
        let tsa = learn(&options, &roots, &folder).await?;
        let metrics = Arc::new(Metrics::default());
        let log: Arc<dyn Log> = Arc::new(SqliteLog::open(&folder.file("log.db"))?);
        let links = Arc::new(Links::open(folder.path())?);
        let writer =
            WriterThread::start(Arc::clone(&log), Arc::clone(&links), Arc::clone(&metrics))?;
        let stamps =
            Stamps::start(options.tsa.stream(), vec![tsa.stamp], &roots, Arc::clone(&metrics));
        let certificate = BrokerCertificate {
            keys: BrokerKeys {
                session: keys.session.public(),
                head: keys.head.public(),
                entry: keys.entry.public(),
            },
            authorities: vec![tsa.authority],
            stamps: vec![tsa.stamp],
            simulated: tsa.simulated,
        };
        let (alarms, alarm_ear) = mpsc::unbounded_channel();
        let fingerprint = keys.session.public().fingerprint();
        let checker = Checker::start(options.checkers, fingerprint, &[tsa.stamp])?;
        let stores = Stores { writer: writer.writer(), log, links };
        let house = House::new(keys, certificate, stamps.clone(), stores, metrics, alarms);
        let house = Arc::new(house);
        tokio::spawn(Arc::clone(&house).keep_erasing());
        tokio::spawn(monitor::run(Arc::clone(&house), alarm_ear));
        house.resume().await.context("a room of the store cannot be taken up")?;

        let (stop, stopping) = watch::channel(false);
        let beats = beats(stamps.watch());
        let hall = Arc::new(Hall {
            house: Arc::clone(&house),
            checker,
            tsa,
            suites: options.suites,
            limits: options.limits,
            beats,
            stopping,
        });
        let ops = match options.ops {
            Some(address) => {
                let listener = bind(address, "--ops").await?;
                let address = listener.local_addr()?;
                tokio::spawn(ops::run(listener, Arc::clone(&house)));
                Some(address)
            }
            None => None,
        };
        let address = listener.local_addr()?;
        let tls = acceptor.is_some();
        let door = tokio::spawn(door::run(listener, hall, options.capacity, acceptor));
        Ok(Self { address, ops, house, tls, stop, door, writer, _folder: folder })
    }

    /// Lets nobody in any more, ends the sessions, and makes durable what is under way.
    ///
    /// # Errors
    /// A failure of the store while tidying up.
    pub async fn stop(self) -> anyhow::Result<()> {
        // Every session listens; if none is left, nobody does.
        let _ = self.stop.send(true);
        let _ = self.door.await;
        for _ in 0..50 {
            if self.house.metrics.sessions.value() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.writer.stop().await?;
        Ok(())
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}\nis another program using it? choose another address with {flag}")
    })
}

/// Waits for the TSA if it has never been heard of: without its keys nothing can be judged.
async fn learn(options: &Options, roots: &Roots, folder: &Folder) -> anyhow::Result<TsaKeys> {
    let memory = folder.file("tsa.json");
    let keys = loop {
        let (address, memory, roots) = (options.tsa.clone(), memory.clone(), roots.clone());
        let learn = move || tsa::learn(&address, &roots, &memory);
        let learned = tokio::task::spawn_blocking(learn).await?;
        match learned {
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
fn beats(mut newest: watch::Receiver<Option<Newest>>) -> watch::Receiver<Beat> {
    let (beats, heard) = watch::channel(Beat::Ping);
    tokio::spawn(async move {
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
