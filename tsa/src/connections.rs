//! Connections of clients: how many, from where, and how they end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pregao_protocol::host::Host;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::ip_limiter::{IpLimiter, Origin};
use crate::shutdown::stopped;

/// Connections that may be open at once; more are closed unanswered.
pub(crate) const MAX_CONNECTIONS: usize = 512;
/// Connections that one address may hold.
pub(crate) const CONNECTIONS_EACH: usize = 64;
/// How long a client may take over the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The places for connections, and the routes that they lead to.
pub struct Connections {
    router: Router,
    places: Arc<Semaphore>,
    each: Arc<IpLimiter>,
    stopping: watch::Receiver<bool>,
}

impl Connections {
    /// All places free; connections end when `stopping` turns true.
    #[must_use]
    pub fn new(router: Router, stopping: watch::Receiver<bool>) -> Self {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { router, places, each: IpLimiter::new(CONNECTIONS_EACH), stopping }
    }

    /// The routes as a client at `from` has them.
    pub fn router(&self, from: IpAddr) -> Router {
        self.router.clone().layer(axum::Extension(Origin(from)))
    }

    /// Serves a connection from `from` to its end; `None` if this address, or all together, hold as many
    /// as they may. The place is taken until the future is dropped.
    pub fn serve<S>(
        &self,
        stream: S,
        from: IpAddr,
    ) -> Option<impl Future<Output = ()> + Send + use<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let share = self.each.take(Origin(from))?;
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (router, mut stopping) = (self.router(from), self.stopping.clone());
        Some(async move {
            let _held = (permit, share);
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
        })
    }

    /// Completes when no connection is open.
    pub async fn closed(&self) {
        let every = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(every).await;
    }
}

/// Takes a port, and tells which.
///
/// # Errors
/// Those of the operating system.
pub async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Hands connections to `serve`, whose futures run in tasks of `host`, until `shutdown` completes.
pub async fn accept<F>(
    listener: TcpListener,
    host: &Host,
    shutdown: impl Future<Output = ()>,
    serve: impl Fn(TcpStream, IpAddr) -> Option<F>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, address)) => {
                // Replies are written whole, so waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                if let Some(connection) = serve(stream, address.ip()) {
                    host.task(connection);
                }
            }
            Err(error) => {
                // Out of descriptors: waiting lets some close, retrying at once would spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
