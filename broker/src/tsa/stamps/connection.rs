//! The connection itself: made again whenever it ends, and nothing on it believed before it verifies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use pregao_protocol::host::Host;
use pregao_protocol::log::stamp::{BatchProof, VerifiedBatch};
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::value::clock::Carried;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::stream::{MAX_ANSWER, StampRequest, StreamFrame};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::Connector;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::pool::{Pooled, QueuedRequest, gather, generator, mix};
use super::{DOWN_AFTER, GrantedStamps, NewestBatch, StampSource};
use crate::metrics::Metrics;
use crate::network::{self, Socket};
use crate::tls::{ADVICE, distrusted};

/// The task that keeps the connection.
pub(super) struct Connection {
    pub(super) source: StampSource,
    /// TLS that believes the given CAs only; `None` for the public ones.
    pub(super) connector: Option<Connector>,
    pub(super) keys: Vec<PublicKey<StampKey>>,
    pub(super) newest: watch::Sender<Option<NewestBatch>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) host: Host,
}

/// Why a connection to the TSA ended.
#[derive(Debug, thiserror::Error)]
enum Disconnected {
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
    pub(super) async fn run(self, mut queue: mpsc::Receiver<QueuedRequest>) {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.connect().await {
                Ok(socket) => {
                    tracing::info!("connected to the TSA");
                    self.metrics.tsa_connected.set(1);
                    pause = Duration::from_millis(50);
                    match self.serve(socket, &mut queue).await {
                        Ok(()) => return,
                        Err(Disconnected::Untrue(what)) => {
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
        let StampSource { url, network, .. } = &self.source;
        let attempt = network::connect(&**network, url, config, self.connector.clone());
        match tokio::time::timeout(Duration::from_secs(3), attempt).await {
            Ok(connected) => connected,
            Err(_) => Err(WsError::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }

    async fn serve(
        &self,
        socket: Socket,
        queue: &mut mpsc::Receiver<QueuedRequest>,
    ) -> Result<(), Disconnected> {
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
                    asked.map_err(|_| Disconnected::Silent)??;
                }
                message = stream.next() => {
                    let message = message.ok_or(Disconnected::Closed)??;
                    let Message::Text(text) = message else { continue };
                    if self.handle_message(&text, &mut waiting)? {
                        deadline = tokio::time::Instant::now() + DOWN_AFTER;
                        // Once a second, and not at every answer: all that waits is looked at.
                        let is_awaited = |pooled: &Pooled| {
                            pooled.parts.iter().any(|(to, _)| !to.is_closed())
                        };
                        waiting.retain(|_, pooled| is_awaited(pooled));
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Err(Disconnected::Silent),
            }
        }
    }

    /// Handles one message; true if it brought a newer header.
    fn handle_message(
        &self,
        text: &str,
        waiting: &mut BTreeMap<u64, Pooled>,
    ) -> Result<bool, Disconnected> {
        let frame =
            StreamFrame::parse(text).map_err(|error| Disconnected::Untrue(error.to_string()))?;
        let (id, compact, stamps) = match frame {
            StreamFrame::Refused { id, code, .. } => {
                tracing::warn!(code, "the TSA refused a request");
                id.and_then(|id| waiting.remove(&id));
                return Ok(false);
            }
            StreamFrame::Batch { batch } => return Ok(self.accept_header(&batch)?.1),
            StreamFrame::Stamped { id, batch, stamps } => (id, batch, stamps),
        };
        let (batch, newer) = self.accept_header(&compact)?;
        let Some(pooled) = waiting.remove(&id) else { return Ok(newer) };
        for (to, places) in pooled.parts {
            let stamps: Option<Vec<BatchProof>> =
                places.iter().map(|at| stamps.get(*at).cloned()).collect();
            let stamps = stamps.ok_or_else(|| Disconnected::Untrue("too few stamps".to_owned()))?;
            // A requester that has given up no longer listens; that is no fault.
            let _ = to.send(GrantedStamps { stamps, batch: Arc::clone(&batch) });
        }
        Ok(newer)
    }

    /// Verifies a header and keeps it if it is the newest.
    fn accept_header(&self, compact: &str) -> Result<(Arc<VerifiedBatch>, bool), Disconnected> {
        let newest = self.newest.borrow().clone();
        if let Some(newest) = &newest
            && newest.batch.compact() == compact
        {
            return Ok((Arc::clone(&newest.batch), false));
        }
        let batch = VerifiedBatch::open(compact, &self.keys)
            .map_err(|error| Disconnected::Untrue(error.to_string()))?;
        let batch = Arc::new(batch);
        let uptime = self.host.clock.uptime();
        let keep = |time: Carried| {
            let (batch, clock) = (Arc::clone(&batch), Arc::clone(&self.host.clock));
            self.newest.send_replace(Some(NewestBatch { batch, time, clock }));
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
                return Err(Disconnected::Untrue(format!(
                    "{} and {compact}",
                    newest.batch.compact()
                )));
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

    /// Mixes the first request with everything that arrives soon after it. Each request stays
    /// whole, so that all its digests land in one batch. Without randomness nothing goes out, and the
    /// requests fail as while the TSA is down: in their own order they would say who shares an author.
    async fn pool(
        &self,
        first: QueuedRequest,
        queue: &mut mpsc::Receiver<QueuedRequest>,
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
