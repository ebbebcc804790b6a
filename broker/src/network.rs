//! How the broker reaches its TSA: a connection for the stream, and one fetch of the sheet of keys.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use pregao_protocol::certificate::sheet::TsaAddress;
use pregao_protocol::label::MAX_SHEET;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::tls::{Roots, distrusted};
use crate::tsa::TsaError;

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection, whatever it is made of.
pub type Stream = Box<dyn Duplex>;

/// A connection under way.
pub type Dialing = Pin<Box<dyn Future<Output = std::io::Result<Stream>> + Send>>;

/// The way out of the broker.
pub trait Network: fmt::Debug + Send + Sync {
    /// Connects to a port of a host, without TLS.
    fn dial(&self, host: &str, port: u16) -> Dialing;

    /// Fetches a document of a TSA, of at most [`MAX_SHEET`] bytes, over HTTP. Blocks.
    ///
    /// # Errors
    /// [`TsaError::Unreachable`] and [`TsaError::Distrusted`].
    fn fetch(&self, tsa: &TsaAddress, path: &str) -> Result<Vec<u8>, TsaError>;
}

/// A WebSocket over whatever connection there is.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<Stream>>;

/// Connects to `ws://` or `wss://`; `connector` is TLS that believes other CAs than the public ones.
///
/// # Errors
/// Those of the connection, of TLS and of the upgrade.
pub(crate) async fn connect(
    network: &dyn Network,
    url: &str,
    config: WebSocketConfig,
    connector: Option<Connector>,
) -> Result<Socket, WsError> {
    let uri: Uri = url.parse()?;
    let host = uri.host().ok_or(UrlError::NoHostName)?;
    let port = match (uri.port_u16(), uri.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("wss")) => 443,
        (None, Some("ws")) => 80,
        (None, _) => return Err(UrlError::UnsupportedUrlScheme.into()),
    };
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let stream = network.dial(bare, port).await?;
    let (socket, _) = client_async_tls_with_config(url, stream, Some(config), connector).await?;
    Ok(socket)
}

/// The real network of this machine.
#[derive(Debug)]
pub struct Internet {
    agent: ureq::Agent,
}

impl Internet {
    /// `roots` are the CAs that a document fetched over `https://` may come from.
    #[must_use]
    pub fn new(roots: &Roots) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            // A TSA has none; one could lead out of TLS.
            .max_redirects(0)
            // One document is fetched, at the start: a connection kept would never be used again.
            .max_idle_connections(0)
            // The library would take one from the environment, and the stream goes straight.
            .proxy(None)
            .tls_config(roots.http())
            .build();
        Self { agent: config.into() }
    }
}

impl Network for Internet {
    fn dial(&self, host: &str, port: u16) -> Dialing {
        let host = host.to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            // Requests are small and waited for; without this they would wait for each other.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Stream)
        })
    }

    fn fetch(&self, tsa: &TsaAddress, path: &str) -> Result<Vec<u8>, TsaError> {
        let failed = |error| failure(&tsa.url, &error);
        let mut answer = self.agent.get(tsa.endpoint(path)).call().map_err(failed)?;
        // The client takes a redirection for an answer; what comes with it is no document.
        let status = answer.status();
        if status != ureq::http::StatusCode::OK {
            let reason = format!(
                "it answered with status {}; redirections are not followed, so give --tsa the \
                 address where it is",
                status.as_u16()
            );
            return Err(TsaError::Unreachable { url: tsa.url.clone(), reason });
        }
        let limit = u64::try_from(MAX_SHEET).unwrap_or(u64::MAX);
        answer.body_mut().with_config().limit(limit).read_to_vec().map_err(failed)
    }
}

fn failure(url: &str, error: &ureq::Error) -> TsaError {
    let (url, reason) = (url.to_owned(), error.to_string());
    let distrusted = match error {
        ureq::Error::Io(error) => distrusted(error),
        ureq::Error::Rustls(rustls::Error::InvalidCertificate(_)) => Some(reason.clone()),
        _ => None,
    };
    match distrusted {
        Some(reason) => TsaError::Distrusted { url, reason },
        None => TsaError::Unreachable { url, reason },
    }
}
