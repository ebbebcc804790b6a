//! The pooled connection to the TSA, and the time that comes with it.
//!
//! Digests of all peers go through one connection, mixed in random order, so that the TSA cannot
//! tell which of them share an author (SPEC 1). Every answer and every header pushed is
//! verified here before anybody hears of it. The connection is made again by itself; while it is
//! down, requests fail at once with [`StampsDown`] and nothing is queued.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use pregao_protocol::clock::{Carried, Time};
use pregao_protocol::codec::Digest;
use pregao_protocol::evidence::CARRIED;
use pregao_protocol::host::{Clock, Host, NoRandomness};
use pregao_protocol::key::{PublicKey, StampKey};
use pregao_protocol::label::MAX_DIGESTS;
use pregao_protocol::stamp::{Place, VerifiedBatch};
use pregao_protocol::tsa::stream::{MAX_ANSWER, StampRequest, StreamFrame};
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::Connector;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::metrics::Metrics;
use crate::network::{self, Network, Socket};
use crate::tls::{ADVICE, Roots, distrusted};

/// No batch for this long means that the TSA is down: nothing is accepted.
pub const DOWN_AFTER: Duration = Duration::from_secs(2);
/// How long a request for stamps may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long digests of different peers are collected before they go out together.
const POOL_FOR: Duration = Duration::from_millis(1);
/// Digests in a request at the least; those that no peer asked for are random.
const COVER: usize = 16;
/// Most requests waiting to be pooled.
const QUEUE: usize = 4_096;

/// The TSA does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time-stamping authority does not answer")]
pub struct StampsDown;

/// Stamps together with the verified header they share.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Places in the batch, in the order of the digests.
    pub stamps: Vec<Place>,
    /// The header of their batch.
    pub batch: Arc<VerifiedBatch>,
}

struct Request {
    digests: Vec<Digest>,
    answer: oneshot::Sender<Granted>,
}

/// The newest verified header and the time that headers tell.
#[derive(Debug, Clone)]
pub struct Newest {
    /// The header.
    pub batch: Arc<VerifiedBatch>,
    time: Carried,
    clock: Arc<dyn Clock>,
}

impl Newest {
    /// TSA time carried forward since the last header that did not wait on its way (V-094).
    #[must_use]
    pub fn now(&self) -> Time {
        self.time.now(self.clock.uptime())
    }

    /// As [`Newest::now`], but never further on from the header than a refusal may rest on: whoever
    /// holds the header can then see that the refusal was due (V-073).
    #[must_use]
    pub fn shown_now(&self) -> Time {
        self.now().min(self.batch.time().plus(CARRIED))
    }

    /// Whether the TSA has been silent for too long. A header that waited, while the machine slept say,
    /// shows only that it was there once.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.time.age(self.clock.uptime()) > DOWN_AFTER
    }
}

/// Where the stream of stamps is.
#[derive(Debug)]
pub struct Source {
    /// `ws://host:port/api/stream`, or `wss://`.
    pub url: String,
    /// The CAs that its TLS certificate may come from.
    pub roots: Roots,
    /// The way there.
    pub network: Arc<dyn Network>,
}

/// Handle to the pooled connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stamps {
    requests: mpsc::Sender<Request>,
    newest: watch::Receiver<Option<Newest>>,
}

impl Stamps {
    /// Starts the connection task.
    #[must_use]
    pub fn start(
        source: Source,
        keys: Vec<PublicKey<StampKey>>,
        metrics: Arc<Metrics>,
        host: &Host,
    ) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let (newest_sender, newest) = watch::channel(None);
        let connector = source.roots.connector();
        let connection = Connection {
            source,
            connector,
            keys,
            newest: newest_sender,
            metrics,
            host: host.clone(),
        };
        host.task(connection.run(queue));
        Self { requests, newest }
    }

    /// Gets stamps for digests, 1 to [`MAX_DIGESTS`], all in one batch.
    ///
    /// # Errors
    /// [`StampsDown`] if the TSA does not answer in time.
    pub async fn request(&self, digests: Vec<Digest>) -> Result<Granted, StampsDown> {
        self.ask(digests).granted().await
    }

    /// As [`Stamps::request`], without waiting: the request is on its way on return.
    #[must_use]
    pub fn ask(&self, digests: Vec<Digest>) -> Asked {
        let (answer, granted) = oneshot::channel();
        // If the queue is full the request is dropped, and with it the sender of the answer.
        let _ = self.requests.try_send(Request { digests, answer });
        Asked { granted, until: tokio::time::Instant::now() + ANSWER_WITHIN }
    }

    /// The newest header, unless there was none yet or the TSA has been silent for too long.
    ///
    /// # Errors
    /// [`StampsDown`].
    pub fn newest(&self) -> Result<Newest, StampsDown> {
        self.newest.borrow().clone().filter(|newest| !newest.is_down()).ok_or(StampsDown)
    }

    /// The newest header however old it is; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<Newest> {
        self.newest.borrow().clone()
    }

    /// Notified of every newer header.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Newest>> {
        self.newest.clone()
    }
}

/// A request for stamps that is on its way.
#[derive(Debug)]
pub struct Asked {
    granted: oneshot::Receiver<Granted>,
    until: tokio::time::Instant,
}

impl Asked {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`StampsDown`] if the TSA does not answer in time, counted from the request.
    pub async fn granted(self) -> Result<Granted, StampsDown> {
        match tokio::time::timeout_at(self.until, self.granted).await {
            Ok(Ok(granted)) => Ok(granted),
            Ok(Err(_)) | Err(_) => Err(StampsDown),
        }
    }
}

struct Connection {
    source: Source,
    /// TLS that believes the given CAs only; `None` for the public ones.
    connector: Option<Connector>,
    keys: Vec<PublicKey<StampKey>>,
    newest: watch::Sender<Option<Newest>>,
    metrics: Arc<Metrics>,
    host: Host,
}

/// What was pooled into one message: who asked, and where their digests went.
struct Pooled {
    parts: Vec<(oneshot::Sender<Granted>, Vec<usize>)>,
}

/// Why a connection to the TSA ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection was closed")]
    Closed,
    #[error(transparent)]
    Socket(#[from] WsError),
    #[error("no batch within {DOWN_AFTER:?}")]
    Silent,
    #[error("the answer does not verify: {0}")]
    Untrue(String),
}

impl Connection {
    async fn run(self, mut queue: mpsc::Receiver<Request>) {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.connect().await {
                Ok(socket) => {
                    tracing::info!("connected to the TSA");
                    self.metrics.tsa_connected.set(1);
                    pause = Duration::from_millis(50);
                    match self.serve(socket, &mut queue).await {
                        Ok(()) => return,
                        Err(Ended::Untrue(what)) => {
                            tracing::error!(
                                what,
                                "the TSA contradicts itself or its keys; keep this line"
                            );
                            self.metrics.tsa_untrue.add(1);
                        }
                        Err(ended) => tracing::warn!(%ended, "lost the TSA; trying again"),
                    }
                    self.metrics.tsa_connected.set(0);
                }
                Err(WsError::Io(error)) if distrusted(&error).is_some() => tracing::warn!(
                    %error,
                    advice = ADVICE,
                    "the TLS certificate of the TSA is not believed; trying again"
                ),
                Err(error) => tracing::warn!(%error, "cannot reach the TSA; trying again"),
            }
            // Requests made meanwhile fail at once: their senders are dropped here.
            while queue.try_recv().is_ok() {}
            if queue.is_closed() {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn connect(&self) -> Result<Socket, WsError> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_ANSWER))
            .max_frame_size(Some(MAX_ANSWER))
            .read_buffer_size(64 * 1024);
        let Source { url, network, .. } = &self.source;
        let attempt = network::connect(&**network, url, config, self.connector.clone());
        match tokio::time::timeout(Duration::from_secs(3), attempt).await {
            Ok(connected) => connected,
            Err(_) => Err(WsError::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }

    async fn serve(
        &self,
        socket: Socket,
        queue: &mut mpsc::Receiver<Request>,
    ) -> Result<(), Ended> {
        let (mut sink, mut stream) = socket.split();
        let mut waiting: BTreeMap<u64, Pooled> = BTreeMap::new();
        let mut id = 0_u64;
        let mut deadline = tokio::time::Instant::now() + DOWN_AFTER;
        loop {
            tokio::select! {
                request = queue.recv() => {
                    let Some(first) = request else { return Ok(()) };
                    let mut asks = Vec::new();
                    for (digests, pooled) in self.pool(first, queue).await {
                        id += 1;
                        asks.push(Message::text(StampRequest { id, digests }.encode()));
                        waiting.insert(id, pooled);
                    }
                    // A connection that takes nothing is one on which nothing comes either.
                    let mut asks = futures_util::stream::iter(asks.into_iter().map(Ok));
                    let asked = tokio::time::timeout_at(deadline, sink.send_all(&mut asks)).await;
                    asked.map_err(|_| Ended::Silent)??;
                }
                message = stream.next() => {
                    let message = message.ok_or(Ended::Closed)??;
                    let Message::Text(text) = message else { continue };
                    if self.take(&text, &mut waiting)? {
                        deadline = tokio::time::Instant::now() + DOWN_AFTER;
                        // Once a second, and not at every answer: all that waits is looked at.
                        let is_awaited = |pooled: &Pooled| {
                            pooled.parts.iter().any(|(to, _)| !to.is_closed())
                        };
                        waiting.retain(|_, pooled| is_awaited(pooled));
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Err(Ended::Silent),
            }
        }
    }

    /// Handles one message; true if it brought a newer header.
    fn take(&self, text: &str, waiting: &mut BTreeMap<u64, Pooled>) -> Result<bool, Ended> {
        let frame = StreamFrame::parse(text).map_err(|error| Ended::Untrue(error.to_string()))?;
        let (id, compact, stamps) = match frame {
            StreamFrame::Refused { id, code, .. } => {
                tracing::warn!(code, "the TSA refused a request");
                id.and_then(|id| waiting.remove(&id));
                return Ok(false);
            }
            StreamFrame::Batch { batch } => return Ok(self.newer(&batch)?.1),
            StreamFrame::Stamped { id, batch, stamps } => (id, batch, stamps),
        };
        let (batch, newer) = self.newer(&compact)?;
        let Some(pooled) = waiting.remove(&id) else { return Ok(newer) };
        for (to, places) in pooled.parts {
            let stamps: Option<Vec<Place>> =
                places.iter().map(|at| stamps.get(*at).cloned()).collect();
            let stamps = stamps.ok_or_else(|| Ended::Untrue("too few stamps".to_owned()))?;
            // A requester that has given up no longer listens; that is no fault.
            let _ = to.send(Granted { stamps, batch: Arc::clone(&batch) });
        }
        Ok(newer)
    }

    /// Verifies a header and keeps it if it is the newest.
    fn newer(&self, compact: &str) -> Result<(Arc<VerifiedBatch>, bool), Ended> {
        let newest = self.newest.borrow().clone();
        if let Some(newest) = &newest
            && newest.batch.compact() == compact
        {
            return Ok((Arc::clone(&newest.batch), false));
        }
        let batch = VerifiedBatch::open(compact, &self.keys)
            .map_err(|error| Ended::Untrue(error.to_string()))?;
        let batch = Arc::new(batch);
        let uptime = self.host.clock.uptime();
        let keep = |time: Carried| {
            let (batch, clock) = (Arc::clone(&batch), Arc::clone(&self.host.clock));
            self.newest.send_replace(Some(Newest { batch, time, clock }));
        };
        let Some(newest) = newest else {
            keep(Carried::start(batch.time(), uptime));
            return Ok((batch, true));
        };
        let (old, new) = (newest.batch.header(), batch.header());
        if new.tsa == old.tsa {
            let forked = new.batch == old.batch
                || (new.batch > old.batch && new.time < old.time)
                || (new.batch < old.batch && new.time > old.time);
            if forked {
                return Err(Ended::Untrue(format!("{} and {compact}", newest.batch.compact())));
            }
        }
        let is_newer = new.time >= old.time;
        if is_newer {
            let mut time = newest.time;
            time.hear(batch.time(), uptime);
            keep(time);
        }
        Ok((batch, is_newer))
    }

    /// Mixes the first request with everything that arrives within [`POOL_FOR`]. Each request stays
    /// whole, so that all its digests land in one batch. Without randomness nothing goes out, and the
    /// requests fail as while the TSA is down: in their own order they would say who shares an author.
    async fn pool(
        &self,
        first: Request,
        queue: &mut mpsc::Receiver<Request>,
    ) -> Vec<(Vec<Digest>, Pooled)> {
        let groups = gather(first, queue).await;
        match generator(&self.host) {
            Ok(mut generator) => {
                groups.into_iter().map(|group| mix(group, &mut generator)).collect()
            }
            Err(error) => {
                tracing::error!(%error, "no stamps");
                Vec::new()
            }
        }
    }
}

/// Takes what arrives within [`POOL_FOR`] of the first request, in groups that fit one message.
async fn gather(first: Request, queue: &mut mpsc::Receiver<Request>) -> Vec<Vec<Request>> {
    let mut requests = vec![first];
    let until = tokio::time::Instant::now() + POOL_FOR;
    while requests.iter().map(|request| request.digests.len()).sum::<usize>() < 4 * MAX_DIGESTS {
        match tokio::time::timeout_at(until, queue.recv()).await {
            Ok(Some(request)) => requests.push(request),
            Ok(None) | Err(_) => break,
        }
    }
    let mut groups: Vec<Vec<Request>> = vec![Vec::new()];
    let mut filled = 0;
    for request in requests {
        if filled + request.digests.len() > MAX_DIGESTS {
            groups.push(Vec::new());
            filled = 0;
        }
        filled += request.digests.len();
        if let Some(group) = groups.last_mut() {
            group.push(request);
        }
    }
    groups
}

/// Puts the digests of several requests into one list in random order, among random digests that
/// nobody asked for: so that a request with few of them does not say that they share an author.
fn mix(requests: Vec<Request>, generator: &mut impl CryptoRng) -> (Vec<Digest>, Pooled) {
    // Whose digest, and which of theirs; nobody's for the cover.
    let mut slots: Vec<Option<(usize, usize)>> = Vec::new();
    for (who, request) in requests.iter().enumerate() {
        slots.extend((0..request.digests.len()).map(|which| Some((who, which))));
    }
    slots.resize(slots.len().max(COVER), None);
    slots.shuffle(generator);
    let mut digests = Vec::with_capacity(slots.len());
    let mut places: Vec<Vec<usize>> =
        requests.iter().map(|request| vec![0; request.digests.len()]).collect();
    for (at, slot) in slots.into_iter().enumerate() {
        let asked = slot.and_then(|(who, which)| requests.get(who)?.digests.get(which));
        digests.push(asked.copied().unwrap_or_else(|| random_digest(generator)));
        let place = slot.and_then(|(who, which)| places.get_mut(who)?.get_mut(which));
        if let Some(place) = place {
            *place = at;
        }
    }
    let parts = requests.into_iter().map(|request| request.answer).zip(places).collect();
    (digests, Pooled { parts })
}

fn random_digest(generator: &mut impl CryptoRng) -> Digest {
    let mut bytes = [0_u8; 32];
    generator.fill_bytes(&mut bytes);
    Digest(bytes)
}

/// A generator for one round of mixing.
fn generator(host: &Host) -> Result<ChaCha12Rng, NoRandomness> {
    Ok(ChaCha12Rng::from_seed(host.random()?))
}

#[cfg(test)]
mod tests;
