//! How the broker reaches others: its TSA by a connection for the stream and one fetch of the key set, its
//! witnesses by requests over HTTP.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::value::label::MAX_JWKS;
use pregao_protocol::wire::delivery::MAX_DELIVERY_REQUEST;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::host;
use crate::tls::{ADVICE, Roots, distrusted};

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection, whatever it is made of.
pub type Stream = Box<dyn Duplex>;

/// A connection under way.
pub type Dialing = Pin<Box<dyn Future<Output = std::io::Result<Stream>> + Send>>;

/// Longest answer that is read of a witness, in bytes: a delivery is the longest.
pub const MAX_ANSWER: usize = MAX_DELIVERY_REQUEST + 1024;

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// What comes with it, of at most [`MAX_ANSWER`] bytes.
    pub body: Vec<u8>,
}

/// Nobody answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// A request under way.
pub type Asking = Pin<Box<dyn Future<Output = Result<HttpAnswer, NoAnswer>> + Send>>;

/// Why a document of a TSA was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// It does not answer.
    #[error("the TSA at {url} does not answer: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the HTTP client says.
        reason: String,
    },
    /// It shows a TLS certificate that is not believed.
    #[error("the TLS certificate of the TSA at {url} is not believed: {reason}\n{ADVICE}")]
    Distrusted {
        /// Where.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The way out of the broker.
pub trait Network: fmt::Debug + Send + Sync {
    /// Connects to a port of a host, without TLS.
    fn dial(&self, host: &str, port: u16) -> Dialing;

    /// Fetches a document of a TSA, of at most [`MAX_JWKS`] bytes, over HTTP. Blocks.
    ///
    /// # Errors
    /// [`FetchError::Unreachable`] and [`FetchError::Distrusted`].
    fn fetch(&self, tsa: &TsaAddress, path: &str) -> Result<Vec<u8>, FetchError>;

    /// Posts a body of a media type to a URL, and waits for the answer, whatever its status.
    fn post(&self, url: &str, content: &'static str, body: Vec<u8>) -> Asking;
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
    // An IPv6 address is in brackets in a URL, and nowhere else.
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let stream = network.dial(bare, port).await?;
    let (socket, _) = client_async_tls_with_config(url, stream, Some(config), connector).await?;
    Ok(socket)
}

/// Connections kept for further requests, in all and to one host.
const IDLE: usize = 16;

/// The real network of this machine.
#[derive(Debug)]
pub struct Internet {
    agent: ureq::Agent,
    /// For what is asked again and again: it keeps its connections.
    posting: ureq::Agent,
    host: Host,
}

impl Internet {
    /// `roots` are the CAs that an answer over `https://` may come from. Requests block threads of `host`.
    #[must_use]
    pub fn new(roots: &Roots, host: &Host) -> Self {
        let config = |idle| {
            ureq::Agent::config_builder()
                .timeout_global(Some(Duration::from_secs(5)))
                // A TSA has none; one could lead out of TLS.
                .max_redirects(0)
                .max_idle_connections(idle)
                .max_idle_connections_per_host(idle)
                // The library would take one from the environment, and the stream goes straight.
                .proxy(None)
                .tls_config(roots.http())
        };
        // One document is fetched, at the start: a connection kept would never be used again.
        let once = config(0).build();
        // What a witness says comes with any status.
        let often = config(IDLE).http_status_as_error(false).build();
        Self { agent: once.into(), posting: often.into(), host: host.clone() }
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

    fn fetch(&self, tsa: &TsaAddress, path: &str) -> Result<Vec<u8>, FetchError> {
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
            return Err(FetchError::Unreachable { url: tsa.url.clone(), reason });
        }
        let limit = u64::try_from(MAX_JWKS).unwrap_or(u64::MAX);
        answer.body_mut().with_config().limit(limit).read_to_vec().map_err(failed)
    }

    fn post(&self, url: &str, content: &'static str, body: Vec<u8>) -> Asking {
        let (agent, host, url) = (self.posting.clone(), self.host.clone(), url.to_owned());
        let ask = move || {
            let failed = |error: ureq::Error| NoAnswer(error.to_string());
            let request = agent.post(&url).header("content-type", content);
            let mut answer = request.send(&body[..]).map_err(failed)?;
            // One that is as long as it may be is told from a longer one by what does not follow.
            let limit = u64::try_from(MAX_ANSWER + 1).unwrap_or(u64::MAX);
            let status = answer.status().as_u16();
            let body =
                answer.body_mut().with_config().limit(limit).read_to_vec().map_err(failed)?;
            Ok(HttpAnswer { status, body })
        };
        Box::pin(async move {
            let broke_off = || Err(NoAnswer("the request broke off".to_owned()));
            host::blocking(&host, ask).await.unwrap_or_else(broke_off)
        })
    }
}

fn failure(url: &str, error: &ureq::Error) -> FetchError {
    let (url, reason) = (url.to_owned(), error.to_string());
    let distrusted = match error {
        ureq::Error::Io(error) => distrusted(error),
        ureq::Error::Rustls(rustls::Error::InvalidCertificate(_)) => Some(reason.clone()),
        _ => None,
    };
    match distrusted {
        Some(reason) => FetchError::Distrusted { url, reason },
        None => FetchError::Unreachable { url, reason },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;
    use std::sync::Arc;

    use axum::Router;
    use axum::body::Bytes;
    use axum::extract::{ConnectInfo, Path, State};
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse as _, Response};
    use axum::routing::post;
    use parking_lot::Mutex;
    use tokio::net::TcpListener;

    use super::*;

    type Ports = Arc<Mutex<BTreeSet<u16>>>;

    /// Answers with the status that the path asks for, and a body that repeats what came.
    async fn repeat(
        State(ports): State<Ports>,
        ConnectInfo(from): ConnectInfo<SocketAddr>,
        Path(status): Path<u16>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        ports.lock().insert(from.port());
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let said = format!("{kind}: {}", String::from_utf8_lossy(&body));
        let status = StatusCode::from_u16(status).unwrap();
        (status, [("location", "/200")], said).into_response()
    }

    /// A server, the ports that it was reached from, and the way to it.
    async fn served() -> (String, Ports, Internet) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ports = Ports::default();
        let router = Router::new().route("/{status}", post(repeat)).with_state(Arc::clone(&ports));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        (url, ports, Internet::new(&Roots::default(), &host::system()))
    }

    #[tokio::test]
    async fn what_is_posted_is_answered_with_any_status_over_one_connection() {
        let (url, ports, internet) = served().await;
        // A redirection is an answer like any other, and is not followed.
        for status in [200, 302, 404, 409, 422, 500] {
            let asked = internet.post(&format!("{url}/{status}"), "text/plain", b"a head".to_vec());
            let body = b"text/plain: a head".to_vec();
            assert_eq!(asked.await, Ok(HttpAnswer { status, body }));
        }
        assert_eq!(ports.lock().len(), 1);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_is_none_and_neither_is_nobodys() {
        let (url, _, internet) = served().await;
        let long = |bytes| {
            let body = vec![b'x'; bytes - "a/b: ".len()];
            internet.post(&format!("{url}/200"), "a/b", body)
        };
        assert_eq!(long(MAX_ANSWER).await.unwrap().body.len(), MAX_ANSWER);
        assert!(long(MAX_ANSWER + 1).await.is_err());
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("http://{}/200", free.local_addr().unwrap());
        drop(free);
        let unanswered = internet.post(&nobody, "a/b", Vec::new()).await.unwrap_err();
        assert!(!unanswered.to_string().is_empty());
    }
}
