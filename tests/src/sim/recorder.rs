//! A broker that keeps everything it sees: each connection with its address and times, and all that guests and personas
//! say in it.
//!
//! The broker is the real one, unchanged. What crosses its end of each wire is copied as it crosses, sealed. With the
//! broker's own key, and the random bytes that its machine drew for the handshake, the copy is opened as the broker opened
//! it. So what stands here is what a broker could keep, and what somebody has who seizes it with all its keys.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use pregao_broker::session::SessionContext;
use pregao_protocol::host::Clock as _;
use pregao_protocol::trust::certificate::verify_persona_certificate;
use pregao_protocol::trust::key::{Persona, PublicKey};
use pregao_protocol::wire::session::{
    BrokerCredentials, ExpectHello, Initiated, Opener, Ranking, Suite, Unconfirmed,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::machine::{Era, Machine};

/// Where the head of an HTTP message ends.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Who opened a session, as the broker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// This persona.
    Persona(PublicKey<Persona>),
    /// Somebody who does not say who they are.
    Guest,
}

/// A frame that a peer said, when it came.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Since the beginning.
    pub at: Duration,
    /// As the broker opened it.
    pub bytes: Vec<u8>,
}

/// One connection to the broker.
#[derive(Debug, Clone)]
pub struct Connection {
    /// From where it came, which no proxy hid: whose machine that is.
    pub from: Arc<str>,
    /// When it began, since the beginning.
    pub began: Duration,
    /// When it ended, if it has.
    pub ended: Option<Duration>,
    /// Who it was, once that was shown.
    pub who: Option<Who>,
    /// What the peer said.
    pub frames: Vec<Frame>,
    /// Bytes of each message to the broker, as an observer of the network sees them.
    pub up: Vec<usize>,
    /// Bytes of each message from the broker.
    pub down: Vec<usize>,
    /// Something in it was not opened.
    pub is_closed_book: bool,
}

/// Everything that a broker saw.
pub struct Recorder {
    era: Arc<Era>,
    connections: Mutex<Vec<Arc<Mutex<Connection>>>>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// Nothing was seen yet.
    #[must_use]
    pub fn begin(era: &Arc<Era>) -> Arc<Self> {
        Arc::new(Self { era: Arc::clone(era), connections: Mutex::default() })
    }

    /// All connections, in the order in which they began.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.connections.lock().iter().map(|kept| kept.lock().clone()).collect()
    }

    /// Copies what crosses the broker's end of a wire.
    pub(super) fn copy<S>(
        &self,
        from: &Arc<str>,
        (machine, broker): (&Arc<Machine>, &Arc<SessionContext>),
        stream: S,
    ) -> Copied<S> {
        let connection = Arc::new(Mutex::new(Connection {
            from: Arc::clone(from),
            began: self.era.elapsed(),
            ended: None,
            who: None,
            frames: Vec::new(),
            up: Vec::new(),
            down: Vec::new(),
            is_closed_book: false,
        }));
        self.connections.lock().push(Arc::clone(&connection));
        let (up, ups) = mpsc::unbounded_channel();
        let (down, downs) = mpsc::unbounded_channel();
        let reader = Reader {
            connection: Arc::clone(&connection),
            era: Arc::clone(&self.era),
            machine: Arc::clone(machine),
            broker: Arc::clone(broker),
        };
        // Of nobody's machine: it only looks on.
        tokio::spawn(reader.read(Copy::new(ups)));
        let counted = Arc::clone(&connection);
        tokio::spawn(async move {
            let mut messages = messages(Copy::new(downs), Role::Client).await;
            while let Some(size) = messages.next().await {
                counted.lock().down.push(size.len());
            }
        });
        let ends = Ends { connection, era: Arc::clone(&self.era) };
        Copied { stream, up, down, _ends: ends }
    }
}

/// Reads a copy of what a peer sends.
struct Reader {
    connection: Arc<Mutex<Connection>>,
    era: Arc<Era>,
    machine: Arc<Machine>,
    broker: Arc<SessionContext>,
}

impl Reader {
    async fn read(self, copy: Copy) {
        let mut messages = messages(copy, Role::Server).await;
        let mut shaking = Vec::new();
        let mut opener: Option<Opener> = None;
        while let Some(message) = messages.next().await {
            self.connection.lock().up.push(message.len());
            let opened = match &mut opener {
                Some(opener) => opener.open(&message),
                None => {
                    shaking.push(message);
                    let [hello, one, three, record] = shaking.as_slice() else { continue };
                    let began = self.connection.lock().began;
                    let messages = (hello.as_slice(), one.as_slice(), three.as_slice());
                    let shaken = shake(&self.machine, &self.broker, began, messages);
                    let Some((unconfirmed, who)) = shaken else { break };
                    let Ok((session, frame)) = unconfirmed.open(record) else { break };
                    let (_, found) = session.split();
                    self.connection.lock().who = Some(who);
                    opener = Some(found);
                    Ok(frame)
                }
            };
            let Ok(bytes) = opened else { break };
            self.connection.lock().frames.push(Frame { at: self.era.elapsed(), bytes });
        }
        // A connection that ended before its session began said nothing.
        if shaking.len() >= 4 && (opener.is_none() || messages.next().await.is_some()) {
            self.connection.lock().is_closed_book = true;
        }
    }
}

/// The handshake as the broker made it: with one of the seeds that its machine drew since the connection began.
pub(super) fn shake(
    machine: &Machine,
    broker: &SessionContext,
    began: Duration,
    (hello, one, three): (&[u8], &[u8], &[u8]),
) -> Option<(Unconfirmed, Who)> {
    let keys = &broker.shared.keys;
    let certificate = broker.shared.certificate.sign(&keys.session);
    let credentials = BrokerCredentials::new(&certificate).ok()?;
    machine.drawn_since(began).into_iter().find_map(|seed| {
        let suites = Ranking::new(&Suite::ALL).ok()?;
        let (expect, _) = ExpectHello::new(suites, seed).handle(hello).ok()?;
        let (expect, _) =
            expect.handle(one, &credentials, |bytes| keys.session.sign(bytes)).ok()?;
        let authority = &broker.tsa.authority;
        // The ticket the broker has looked at.
        let persona = |der: &[u8], _: &str| {
            let shown = verify_persona_certificate(der, authority, machine.wall());
            shown.map(|shown| shown.key)
        };
        let (unconfirmed, who) = expect.handle(three, persona).ok()?;
        let who = match who {
            Initiated::Persona(key) => Who::Persona(key),
            Initiated::Guest => Who::Guest,
        };
        Some((unconfirmed, who))
    })
}

/// The messages of a WebSocket, read from a copy.
async fn messages(
    mut copy: Copy,
    role: Role,
) -> Pin<Box<dyn futures_util::Stream<Item = Vec<u8>> + Send>> {
    copy.skip_head().await;
    let socket = WebSocketStream::from_raw_socket(copy, role, None).await;
    let messages = socket.filter_map(|message| async move {
        match message {
            Ok(Message::Binary(bytes)) => Some(bytes.to_vec()),
            _ => None,
        }
    });
    Box::pin(messages)
}

/// What crosses a wire in one direction. What is written to it goes nowhere.
struct Copy {
    pieces: mpsc::UnboundedReceiver<Vec<u8>>,
    rest: Vec<u8>,
}

impl Copy {
    const fn new(pieces: mpsc::UnboundedReceiver<Vec<u8>>) -> Self {
        Self { pieces, rest: Vec::new() }
    }

    /// Reads over the HTTP request, or its answer, which come before the messages.
    async fn skip_head(&mut self) {
        let end = |bytes: &[u8]| bytes.windows(END_OF_HEAD.len()).position(|at| at == END_OF_HEAD);
        loop {
            if let Some(at) = end(&self.rest) {
                self.rest.drain(..at + END_OF_HEAD.len());
                return;
            }
            match self.pieces.recv().await {
                Some(piece) => self.rest.extend(piece),
                None => return,
            }
        }
    }
}

impl AsyncRead for Copy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match self.pieces.poll_recv(context) {
                Poll::Ready(Some(piece)) => self.rest = piece,
                // Nothing more comes.
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
        let most = self.rest.len().min(buffer.remaining());
        buffer.put_slice(self.rest.drain(..most).as_slice());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Copy {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Notes when the broker's end of a wire is dropped.
struct Ends {
    connection: Arc<Mutex<Connection>>,
    era: Arc<Era>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.connection.lock().ended = Some(self.era.elapsed());
    }
}

/// The broker's end of a wire, of which all is copied.
pub(super) struct Copied<S> {
    stream: S,
    up: mpsc::UnboundedSender<Vec<u8>>,
    down: mpsc::UnboundedSender<Vec<u8>>,
    _ends: Ends,
}

impl<S: AsyncRead + Unpin> AsyncRead for Copied<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(new) = buffer.filled().get(before..).filter(|new| !new.is_empty()) {
            // Whoever looks on may have given up.
            let _ = self.up.send(new.to_vec());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Copied<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(length)) = written {
            let _ = self.down.send(bytes.get(..length).unwrap_or_default().to_vec());
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
