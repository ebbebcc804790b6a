//! A proxy that understands as much of HTTP and WebSocket as it needs to record every message
//! and to change chosen ones on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Largest message passed on.
const MAX_MESSAGE: u64 = 16 << 20;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// From whoever connected.
    Up,
    /// To whoever connected.
    Down,
}

/// One message as it arrived, before it was changed.
#[derive(Debug, Clone)]
pub struct Passed {
    /// Which connection, from 0.
    pub connection: usize,
    /// Which way.
    pub way: Way,
    /// Payload of a WebSocket message, or plain bytes of HTTP.
    pub bytes: Vec<u8>,
    /// Whether it was a message of a WebSocket.
    pub message: bool,
}

/// Gets the way, the number of the message in that way, and the payload to change.
pub type Change = dyn FnMut(Way, usize, &mut Vec<u8>) + Send;

#[derive(Default)]
struct Shared {
    passed: Mutex<Vec<Passed>>,
    change: Mutex<Option<Box<Change>>>,
    /// How many connections there were so far.
    accepted: AtomicUsize,
    /// Connections below this number pass nothing on any more.
    silent: AtomicUsize,
}

/// A listening proxy. Dropping it cuts every connection.
pub struct Proxy {
    /// `host:port` on which it listens.
    pub socket: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.socket)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Starts a proxy in front of `host:port`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn before(target: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let socket = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            // Connections end with this task.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let connection = own.accepted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(pass(client, target.clone(), connection, Arc::clone(&own)));
            }
        });
        Ok(Self { socket, shared, accepting })
    }

    /// Changes messages from here on.
    pub fn change(&self, change: impl FnMut(Way, usize, &mut Vec<u8>) + Send + 'static) {
        *self.shared.change.lock() = Some(Box::new(change));
    }

    /// Passes messages on as they are from here on.
    pub fn leave(&self) {
        *self.shared.change.lock() = None;
    }

    /// Passes no message of the connections so far on any more, pings among them; they stay open, as a
    /// connection does whose other end went away without a word.
    pub fn silence(&self) {
        self.shared.silent.store(self.shared.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Everything that passed since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Passed> {
        std::mem::take(&mut *self.shared.passed.lock())
    }
}

async fn pass(
    client: TcpStream,
    target: String,
    connection: usize,
    shared: Arc<Shared>,
) -> Result<()> {
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = Lane { connection, way: Way::Up, shared: Arc::clone(&shared) };
    let down = Lane { connection, way: Way::Down, shared };
    let head = up.head(&mut from_client, &mut to_server).await?;
    let socket = String::from_utf8_lossy(&head).to_ascii_lowercase().contains("upgrade: websocket");
    let forth = async move {
        if socket {
            up.messages(&mut from_client, &mut to_server).await
        } else {
            up.bytes(&mut from_client, &mut to_server).await
        }
    };
    let back = async move {
        if socket {
            down.head(&mut from_server, &mut to_client).await?;
            down.messages(&mut from_server, &mut to_client).await
        } else {
            down.bytes(&mut from_server, &mut to_client).await
        }
    };
    // One direction's end is the end of both for a WebSocket, but not for HTTP.
    if socket {
        tokio::select! { ended = forth => ended, ended = back => ended }
    } else {
        tokio::try_join!(forth, back).map(|_| ())
    }
}

/// One direction of one connection.
struct Lane {
    connection: usize,
    way: Way,
    shared: Arc<Shared>,
}

impl Lane {
    fn record(&self, bytes: &[u8], message: bool) {
        let (connection, way) = (self.connection, self.way);
        self.shared.passed.lock().push(Passed { connection, way, bytes: bytes.to_vec(), message });
    }

    /// Passes on the head of a request or answer.
    async fn head<R, W>(&self, from: &mut R, to: &mut W) -> Result<Vec<u8>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            ensure!(head.len() < 64 * 1024, "no end of the head");
            head.push(from.read_u8().await?);
        }
        self.record(&head, false);
        to.write_all(&head).await?;
        Ok(head)
    }

    /// Passes on whatever comes.
    async fn bytes<R, W>(&self, from: &mut R, to: &mut W) -> Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 {
                to.shutdown().await?;
                return Ok(());
            }
            let piece = buffer.get(..count).context("more read than asked for")?;
            self.record(piece, false);
            to.write_all(piece).await?;
        }
    }

    /// Passes on WebSocket frames (RFC 6455), unmasked for the one who changes them.
    async fn messages<R, W>(&self, from: &mut R, to: &mut W) -> Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut number = 0;
        loop {
            let (first, second) = (from.read_u8().await?, from.read_u8().await?);
            let length = match second & 0x7f {
                126 => u64::from(from.read_u16().await?),
                127 => from.read_u64().await?,
                short => u64::from(short),
            };
            ensure!(length <= MAX_MESSAGE, "a message of {length} bytes");
            let mut mask = [0_u8; 4];
            let masked = second & 0x80 != 0;
            if masked {
                from.read_exact(&mut mask).await?;
            }
            let mut payload = vec![0; usize::try_from(length)?];
            from.read_exact(&mut payload).await?;
            if self.connection < self.shared.silent.load(Ordering::SeqCst) {
                continue;
            }
            apply(&mut payload, mask);
            // Text and binary; control frames pass as they are.
            if matches!(first & 0x0f, 1 | 2) {
                self.record(&payload, true);
                if let Some(change) = self.shared.change.lock().as_mut() {
                    change(self.way, number, &mut payload);
                }
                number += 1;
            }
            apply(&mut payload, mask);
            let mut frame = vec![first];
            let mark = second & 0x80;
            match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
                (Ok(short @ 0..=125), _) => frame.push(mark | short),
                (_, Ok(middle)) => {
                    frame.push(mark | 126);
                    frame.extend_from_slice(&middle.to_be_bytes());
                }
                _ => {
                    frame.push(mark | 127);
                    frame.extend_from_slice(&u64::try_from(payload.len())?.to_be_bytes());
                }
            }
            if masked {
                frame.extend_from_slice(&mask);
            }
            frame.extend_from_slice(&payload);
            to.write_all(&frame).await?;
        }
    }
}

fn apply(payload: &mut [u8], mask: [u8; 4]) {
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
}
