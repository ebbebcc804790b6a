//! Accepts connections within limits, before anything of theirs is read.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::value::label::MAX_RECORD;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::ip_limiter::{IpLimiter, IpPermit};
use crate::metrics::Metrics;
use crate::session::context::stopped;
use crate::session::{self, SessionContext};

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// At once.
    pub connections: usize,
    /// At once from one address; loopback is not counted.
    pub from_one_address: usize,
}

/// Accepts connections until the broker stops.
pub async fn run(
    listener: TcpListener,
    context: Arc<SessionContext>,
    capacity: Capacity,
    tls: Option<TlsAcceptor>,
) {
    let places = Arc::new(Semaphore::new(capacity.connections));
    let limiter = IpLimiter::new(capacity.from_one_address);
    let mut stopping = context.stopping.clone();
    let mut pause = Duration::ZERO;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stopping) => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly: wait for some to come back instead of spinning.
                pause = (pause * 2).clamp(Duration::from_millis(5), Duration::from_secs(1));
                tracing::warn!(%error, "cannot accept a connection; waiting {pause:?}");
                tokio::time::sleep(pause).await;
                continue;
            }
        };
        pause = Duration::ZERO;
        let place = Arc::clone(&places).try_acquire_owned().ok();
        let admitted = place.and_then(|place| Some((place, limiter.take(address.ip())?)));
        let Some((place, permit)) = admitted else {
            context.shared.metrics.connections_refused.add(1);
            continue;
        };
        let counted = Counted::new(Arc::clone(&context.shared.metrics), place, permit);
        context.shared.host.task(receive(
            stream,
            Arc::clone(&context),
            tls.clone(),
            counted,
            address.ip(),
        ));
    }
}

async fn receive(
    stream: TcpStream,
    context: Arc<SessionContext>,
    tls: Option<TlsAcceptor>,
    counted: Counted,
    address: IpAddr,
) {
    let address = Some(address);
    // Records are small and waited for; without this they would wait for each other.
    let _ = stream.set_nodelay(true);
    match tls {
        Some(tls) => {
            let shaken = tokio::time::timeout(context.limits.handshake, tls.accept(stream)).await;
            if let Ok(Ok(stream)) = shaken {
                serve_from(stream, context, address).await;
            }
        }
        None => serve_from(stream, context, address).await,
    }
    drop(counted);
}

/// Serves one connection, from the request for a WebSocket to its end.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, context: Arc<SessionContext>) {
    serve_from(stream, context, None).await;
}

/// As [`serve`], from an address that is charged for what it costs.
async fn serve_from<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    context: Arc<SessionContext>,
    address: Option<IpAddr>,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_RECORD))
        .max_frame_size(Some(MAX_RECORD))
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(1 << 20);
    let upgrade = tokio_tungstenite::accept_async_with_config(stream, Some(config));
    match tokio::time::timeout(context.limits.handshake, upgrade).await {
        Ok(Ok(socket)) => session::serve(context, socket, address).await,
        Ok(Err(error)) => tracing::debug!(%error, "not a WebSocket"),
        Err(_) => tracing::debug!("the WebSocket upgrade took too long"),
    }
}

/// A connection that is counted as long as it lives.
struct Counted {
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
    _permit: IpPermit,
}

impl Counted {
    fn new(metrics: Arc<Metrics>, place: OwnedSemaphorePermit, permit: IpPermit) -> Self {
        metrics.connections.add(1);
        Self { metrics, _place: place, _permit: permit }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.connections.decrease();
    }
}
