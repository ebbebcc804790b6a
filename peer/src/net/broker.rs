//! The connection to the broker: WebSocket, handshake, frames in both directions (SPEC 10).
//!
//! A link lives as long as one session; reconnecting and resuming is the desk's business.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use pregao_protocol::trust::broker::{BrokerCertificate, BrokerError};
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_RECORD;
use pregao_protocol::wire::frame::{FrameError, FromBroker, FromPeer};
use pregao_protocol::wire::puzzle::{Effort, Puzzle, TooMuch};
use pregao_protocol::wire::session::{
    Credentials, Initiator, Opener, Padded, Ranking, Sealer, SessionError, Suite, solved,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::net::tls::{ADVICE as TLS_ADVICE, distrusted};
use crate::net::{Reach, Stream};
use crate::solver::solve;

/// How long connecting and the handshake may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Silence after which the link counts as broken; the broker sends something every second.
pub const SILENT_FOR: Duration = Duration::from_secs(8);

/// Where a broker is and who it must be: `ws://host:port/#<fingerprint>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// `ws://…` or `wss://…`, without the fingerprint.
    pub url: String,
    /// Fingerprint of its session key: the pin.
    pub fingerprint: Fingerprint,
}

/// A text that is no broker address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a broker address of the form ws://host:port/#<fingerprint>; copy the whole line that the broker printed"
)]
pub struct AddressError;

impl FromStr for BrokerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (url, fingerprint) = text.trim().split_once('#').ok_or(AddressError)?;
        let fingerprint = fingerprint.parse().map_err(|_| AddressError)?;
        if url.starts_with("ws://") || url.starts_with("wss://") {
            Ok(Self { url: url.to_owned(), fingerprint })
        } else {
            Err(AddressError)
        }
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.url, self.fingerprint)
    }
}

/// Why there is no link, or why it ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The broker cannot be reached.
    #[error("the broker at {url} cannot be reached: {source}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the socket says.
        source: WsError,
    },
    /// It shows a TLS certificate that is not believed.
    #[error("the TLS certificate of the broker at {url} is not believed: {reason}")]
    Distrusted {
        /// Where.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It took too long.
    #[error("the broker did not answer in time")]
    Slow,
    /// The connection ended.
    #[error("the connection was closed")]
    Closed,
    /// The socket failed.
    #[error("the connection failed")]
    Socket(#[from] WsError),
    /// The broker refuses a session.
    #[error("the broker refuses a session ({code})")]
    Refused {
        /// `session.suite` or `session.refused`.
        code: String,
    },
    /// What answers is not the pinned broker, or somebody changed the handshake.
    #[error("the handshake does not hold")]
    Session(#[from] SessionError),
    /// The broker's certificate does not hold.
    #[error("the broker's certificate does not hold")]
    Certificate(#[from] BrokerError),
    /// A frame of the broker is malformed.
    #[error("the broker sent something that is no frame")]
    Frame(#[from] FrameError),
    /// More work is asked for than anybody may ask for (V-192).
    #[error("the broker asks for too much: nothing was solved and nothing sent")]
    Puzzle(#[from] TooMuch),
    /// No randomness.
    #[error("the system gives no random numbers")]
    Random,
}

impl LinkError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "check the address and whether pregao-broker runs there",
            Self::Distrusted { .. } => TLS_ADVICE,
            Self::Slow | Self::Closed | Self::Socket(_) => {
                "it is tried again; if it recurs, check the network and the broker"
            }
            Self::Refused { code } => match code.as_str() {
                "tsa.down" => "wait until its TSA is back",
                "session.suite" => "update the program",
                "puzzle.wanted" => "it is busy; it is tried again",
                _ => "if it recurs, your certificate is not accepted there: enrol with its TSA",
            },
            Self::Session(_) | Self::Certificate(_) => {
                "compare the fingerprint in the address with whoever runs the broker: \
                 another one answers there, or somebody is in between"
            }
            Self::Frame(_) => "update the program, or ask whoever runs the broker",
            Self::Puzzle(_) => "do not use this broker until it is explained",
            Self::Random => "restart the program",
        }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<Box<dyn Stream>>>;

/// An established session.
#[derive(Debug)]
pub struct BrokerLink {
    /// What the broker says of itself, verified.
    pub certificate: BrokerCertificate,
    /// The same as it came (compact JWS), for others to verify.
    pub shown: String,
    /// Id of the session: what proofs of membership are bound to.
    pub id: Digest,
    /// The negotiated suite.
    pub suite: Suite,
    /// To the broker.
    pub sender: LinkSender,
    /// From the broker.
    pub receiver: LinkReceiver,
    /// The broker's first frame.
    pub welcome: FromBroker,
}

/// Who connects.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The persona's key.
    pub persona: &'a SecretKey<Persona>,
    /// Its certificate, DER.
    pub certificate: &'a [u8],
    /// A fresh ticket for this broker.
    pub ticket: &'a str,
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// Connects and runs the handshake.
///
/// # Errors
/// [`LinkError`].
pub async fn connect(
    address: &BrokerAddress,
    identity: Identity<'_>,
    suites: &Ranking,
    reach: Reach<'_>,
) -> Result<BrokerLink, LinkError> {
    connect_as(address, Some(identity), suites, reach).await
}

/// As [`connect`], and says nothing of who it is: a guest's session (V-284).
///
/// # Errors
/// [`LinkError`].
pub async fn connect_as_guest(
    address: &BrokerAddress,
    suites: &Ranking,
    reach: Reach<'_>,
) -> Result<BrokerLink, LinkError> {
    connect_as(address, None, suites, reach).await
}

async fn connect_as(
    address: &BrokerAddress,
    identity: Option<Identity<'_>>,
    suites: &Ranking,
    reach: Reach<'_>,
) -> Result<BrokerLink, LinkError> {
    match tokio::time::timeout(CONNECT_WITHIN, handshake(address, identity, suites, reach)).await {
        Ok(link) => link,
        Err(_) => Err(LinkError::Slow),
    }
}

async fn handshake(
    address: &BrokerAddress,
    identity: Option<Identity<'_>>,
    suites: &Ranking,
    reach: Reach<'_>,
) -> Result<BrokerLink, LinkError> {
    let opened = open(&address.url, reach).await;
    let mut socket = opened.map_err(|source| unreachable(address.url.clone(), source))?;
    let seed = reach.host.random().map_err(|_| LinkError::Random)?;
    let credentials = identity.map(|identity| {
        let credentials = Credentials::new(identity.certificate, identity.ticket)?;
        Ok::<_, SessionError>((credentials, identity.persona))
    });
    let credentials = credentials.transpose()?;
    let (expect, hello) = Initiator::start(suites, seed);
    socket.send(Message::binary(hello)).await?;
    let choice = receive(&mut socket).await?;
    refused(&choice)?;
    let (expect, message) = expect.handle(&choice)?;
    if let Some(wanted) = expect.wanted() {
        let effort = Effort::new(wanted.effort)?;
        let puzzle = Puzzle::of_handshake(address.fingerprint, &choice, wanted.header);
        let counter = solve(reach.host, puzzle, effort).await.ok_or(LinkError::Slow)?;
        socket.send(Message::binary(solved(counter))).await?;
    }
    socket.send(Message::binary(message)).await?;
    let message = receive(&mut socket).await?;
    refused(&message)?;
    let mut certificate = None;
    let mut shown = String::new();
    let verify = |compact: &str| {
        compact.clone_into(&mut shown);
        let opened = BrokerCertificate::open(compact, address.fingerprint)?;
        let session = opened.keys.session;
        certificate = Some(opened);
        Ok::<_, BrokerError>(session)
    };
    let (unconfirmed, message) = match &credentials {
        Some((credentials, persona)) => {
            expect.handle(&message, verify, credentials, |bytes| persona.sign(bytes))?
        }
        None => expect.handle_as_guest(&message, verify)?,
    };
    let certificate = certificate.ok_or(BrokerError::Content)?;
    socket.send(Message::binary(message)).await?;
    let record = receive(&mut socket).await?;
    refused(&record)?;
    let (session, welcome) = unconfirmed.open(&record)?;
    let (id, suite) = (session.id(), session.suite());
    let (sealer, opener) = session.split();
    let (sink, stream) = socket.split();
    Ok(BrokerLink {
        certificate,
        shown,
        id,
        suite,
        sender: LinkSender { sealer, sink },
        receiver: LinkReceiver { opener, stream, messages: 0 },
        welcome: FromBroker::parse(&welcome)?,
    })
}

/// Opens a WebSocket.
async fn open(url: &str, reach: Reach<'_>) -> Result<Socket, WsError> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_RECORD))
        .max_frame_size(Some(MAX_RECORD))
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(1 << 20);
    let request = url.into_client_request()?;
    let (host, port) = place(request.uri())?;
    let stream = reach.net.dial(host, port).await.map_err(WsError::Io)?;
    let tls = reach.tls.connector();
    let (socket, _) = client_async_tls_with_config(request, stream, Some(config), tls).await?;
    Ok(socket)
}

/// Host and port of a URL; the host of an IPv6 address without its brackets.
fn place(uri: &Uri) -> Result<(&str, u16), WsError> {
    let host = uri.host().ok_or(UrlError::NoHostName)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let usual = || match uri.scheme_str() {
        Some("wss") => Some(443),
        Some("ws") => Some(80),
        _ => None,
    };
    let port = uri.port_u16().or_else(usual).ok_or(UrlError::UnsupportedUrlScheme)?;
    Ok((bare.unwrap_or(host), port))
}

fn unreachable(url: String, source: WsError) -> LinkError {
    let distrusted = match &source {
        WsError::Io(error) => distrusted(error),
        _ => None,
    };
    match distrusted {
        Some(reason) => LinkError::Distrusted { url, reason },
        None => LinkError::Unreachable { url, source },
    }
}

/// A refusal in clear text comes from anybody; it only ends what could not have begun.
fn refused(message: &[u8]) -> Result<(), LinkError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Refused {
        code: String,
    }
    match serde_json::from_slice::<Refused>(message) {
        Ok(Refused { code }) if code.len() < 64 => Err(LinkError::Refused { code }),
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn receive(socket: &mut Socket) -> Result<bytes::Bytes, LinkError> {
    loop {
        if let Some(bytes) = binary(socket.next().await)? {
            return Ok(bytes);
        }
    }
}

fn binary(message: Option<Result<Message, WsError>>) -> Result<Option<bytes::Bytes>, LinkError> {
    match message {
        Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
        Some(Ok(Message::Close(_))) | None => Err(LinkError::Closed),
        Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
            Ok(None)
        }
        Some(Err(error)) => Err(error.into()),
    }
}

/// The way to the broker.
#[derive(Debug)]
pub struct LinkSender {
    sealer: Sealer,
    sink: SplitSink<Socket, Message>,
}

impl LinkSender {
    /// Sends one frame.
    ///
    /// # Errors
    /// [`LinkError`]; the link is then over.
    pub async fn send(&mut self, frame: &FromPeer) -> Result<(), LinkError> {
        self.send_bytes(&frame.encode()?).await
    }

    /// Sends bytes as a frame, whatever they are.
    ///
    /// # Errors
    /// [`LinkError`]; the link is then over.
    pub async fn send_bytes(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        let record = self.sealer.seal(&Padded::new(frame)?)?;
        let sent = self.sink.send(Message::binary(record));
        match tokio::time::timeout(SILENT_FOR, sent).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(LinkError::Slow),
        }
    }

    /// Says goodbye; nobody is waited for long.
    pub async fn close(&mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.sink.close()).await;
    }
}

/// The way from the broker.
#[derive(Debug)]
pub struct LinkReceiver {
    opener: Opener,
    stream: SplitStream<Socket>,
    messages: u64,
}

impl LinkReceiver {
    /// How many messages have come, pings among them: what [`Silence`] is judged by.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The next frame. It may be waited for anew without losing anything, and is waited for as long as it
    /// takes: whether the broker has gone silent, [`Silence`] judges.
    ///
    /// # Errors
    /// [`LinkError`]; the link is then over.
    pub async fn next(&mut self) -> Result<FromBroker, LinkError> {
        Ok(FromBroker::parse(&self.next_bytes().await?)?)
    }

    /// The next frame, unparsed.
    ///
    /// # Errors
    /// [`LinkError`]; the link is then over.
    pub async fn next_bytes(&mut self) -> Result<Vec<u8>, LinkError> {
        loop {
            let message = self.stream.next().await;
            self.messages = self.messages.saturating_add(1);
            if let Some(record) = binary(message)? {
                return Ok(self.opener.open(&record)?);
            }
        }
    }
}

/// Judges by looks at intervals whether the other side has gone silent. What is asked for in between, and how often,
/// changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silence {
    bound: Duration,
    messages: u64,
    /// When the last message was noticed.
    since: Duration,
    doubted: bool,
}

impl Silence {
    /// Something was heard just now, at `now`; `bound` is how long the silence may last.
    #[must_use]
    pub const fn after(bound: Duration, now: Duration) -> Self {
        Self { bound, messages: 0, since: now, doubted: false }
    }

    /// Looks at `now`, after so many messages; true if the other side counts as gone. That takes two
    /// looks: whoever was asleep first reads what has waited meanwhile.
    pub fn check(&mut self, messages: u64, now: Duration) -> bool {
        if messages != self.messages {
            *self = Self { messages, ..Self::after(self.bound, now) };
        }
        let silent = now.saturating_sub(self.since) >= self.bound;
        silent && std::mem::replace(&mut self.doubted, silent)
    }

    /// Whether the last look found silence that is too long.
    #[must_use]
    pub const fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// How long the silence lasts at `now`.
    #[must_use]
    pub const fn lasts(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_measured_in_time_and_not_in_looks() {
        let mut silence = Silence::after(8 * SECOND, SECOND);
        // However often one looks.
        for look in 1..800_u32 {
            assert!(!silence.check(0, SECOND + look * SECOND / 100));
        }
        assert!(!silence.check(0, 9 * SECOND) && silence.is_doubted());
        assert!(silence.check(0, 10 * SECOND));
    }

    #[test]
    fn anything_heard_ends_the_silence() {
        let mut silence = Silence::after(8 * SECOND, Duration::ZERO);
        assert!(!silence.check(1, 7 * SECOND));
        assert!(!silence.check(1, 14 * SECOND) && !silence.is_doubted());
        assert!(!silence.check(1, 15 * SECOND) && silence.is_doubted());
        assert!(!silence.check(2, 16 * SECOND) && !silence.is_doubted());
        assert!(!silence.check(2, 24 * SECOND));
        assert!(silence.check(2, 25 * SECOND));
    }

    #[test]
    fn after_an_hour_of_sleep_one_look_is_left_for_what_has_waited() {
        let mut silence = Silence::after(8 * SECOND, Duration::ZERO);
        assert!(!silence.check(0, 3_600 * SECOND));
        assert!(silence.check(0, 3_601 * SECOND));
        let mut silence = Silence::after(8 * SECOND, Duration::ZERO);
        assert!(!silence.check(0, 3_600 * SECOND));
        assert!(!silence.check(1, 3_601 * SECOND));
    }

    #[test]
    fn a_url_names_host_and_port_or_the_usual_port_of_its_scheme() {
        let of = |url: &str| {
            let request = url.into_client_request().unwrap();
            place(request.uri()).map(|(host, port)| (host.to_owned(), port)).ok()
        };
        let is = |host: &str, port: u16| Some((host.to_owned(), port));
        assert_eq!(of("ws://127.0.0.1:7400/"), is("127.0.0.1", 7_400));
        assert_eq!(of("ws://broker.example/"), is("broker.example", 80));
        assert_eq!(of("wss://broker.example"), is("broker.example", 443));
        assert_eq!(of("ws://[::1]:7400/"), is("::1", 7_400));
        assert_eq!(of("wss://[2001:db8::1]/"), is("2001:db8::1", 443));
        assert_eq!(of("http://broker.example/"), None);
    }

    #[test]
    fn an_address_without_a_whole_fingerprint_is_refused() {
        let fingerprint = "0".repeat(64);
        let good = format!("ws://127.0.0.1:1/#{fingerprint}");
        assert_eq!(good.parse::<BrokerAddress>().unwrap().to_string(), good);
        for bad in [
            "ws://127.0.0.1:1/",
            "ws://127.0.0.1:1/#",
            "ws://127.0.0.1:1/#00",
            &format!("http://127.0.0.1:1/#{fingerprint}"),
            &format!("127.0.0.1:1#{fingerprint}"),
            "",
        ] {
            assert_eq!(bad.parse::<BrokerAddress>(), Err(AddressError), "{bad}");
        }
    }
}
