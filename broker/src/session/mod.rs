//! One peer's session: handshake, then frames in both directions, one task for each connection.
//!
//! Nothing that a peer sends is acted upon before it was bounded, opened and parsed. What a peer
//! has under way is bounded too, so its answers can never fill memory.

mod behind;
mod greet;
mod talk;
mod under_way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use pregao_protocol::certificate::sheet::TsaKeys;
use pregao_protocol::frame::FromBroker;
use pregao_protocol::host::NoRandomness;
use pregao_protocol::key::{Persona, PublicKey};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::ErrorCode;
use pregao_protocol::session::{Padded, Ranking};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::check::Checker;
use crate::fanout::Delivery;
use crate::house::House;
use crate::room::Reply;
use crate::stamps::Asked;
use behind::Behind;
use under_way::UnderWay;

/// What every session of one broker needs.
#[derive(Debug)]
pub struct Hall {
    /// Everything shared.
    pub house: Arc<House>,
    /// Checks what peers hand in.
    pub checker: Checker,
    /// Verifies personas and tickets.
    pub tsa: TsaKeys,
    /// Suites accepted, in order.
    pub suites: Ranking,
    /// Limits.
    pub limits: Limits,
    /// What every session says at least once a second.
    pub beats: watch::Receiver<Beat>,
    /// Turns true when the broker stops.
    pub stopping: watch::Receiver<bool>,
    /// How many sessions there were: what numbers them.
    pub begun: AtomicU64,
}

impl Hall {
    /// Time that only grows, asleep and awake.
    fn uptime(&self) -> Duration {
        self.house.host.clock.uptime()
    }
}

/// What shows a peer that the broker is there.
#[derive(Debug, Clone)]
pub enum Beat {
    /// The newest batch header as a padded frame.
    Tick(Arc<Padded>),
    /// There is no newer one: a ping instead.
    Ping,
}

/// What one connection may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time from connecting to an established session.
    pub handshake: Duration,
    /// Silence after which a connection is ended; peers answer pings.
    pub idle: Duration,
    /// Longest life of a session; then the peer makes a new handshake.
    pub lifetime: Duration,
    /// Frames per second that one session may send on average.
    pub rate: u32,
    /// Frames that it may send at once.
    pub burst: u32,
    /// Requests that it may have under way.
    pub under_way: usize,
    /// Rooms that it may watch.
    pub rooms: usize,
}

/// How long one write may take before the peer counts as gone.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The peer closed it.
    #[error("closed by the peer")]
    Closed,
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] WsError),
    /// The peer took nothing of what was written.
    #[error("a message could not be written within {WRITE_WITHIN:?}")]
    WriteTimeout,
    /// The peer did not establish a session in time.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// Nothing came from the peer for too long.
    #[error("nothing was heard for too long")]
    Idle,
    /// The peer broke the protocol.
    #[error("protocol violation: {0}")]
    Violation(String),
    /// The session is as old as it may get.
    #[error("as old as a session may get")]
    Expired,
    /// The broker stops.
    #[error("the broker stops")]
    Stopping,
    /// There is no TSA time to judge certificates by.
    #[error("no TSA time yet")]
    NoTime,
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Ended {
    /// What the peer is told, if it still listens.
    const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Expired => Some(ErrorCode::SessionExpired),
            Self::Idle => Some(ErrorCode::SessionIdle),
            Self::Stopping => Some(ErrorCode::BrokerStopping),
            Self::Closed
            | Self::Socket(_)
            | Self::WriteTimeout
            | Self::HandshakeTimeout
            | Self::Violation(_)
            | Self::NoTime
            | Self::NoRandomness(_) => None,
        }
    }
}

/// A WebSocket that only speaks binary messages of bounded size.
pub(crate) struct Wire<S> {
    socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(socket: WebSocketStream<S>) -> Self {
        Self { socket }
    }

    /// The next binary message.
    async fn receive(&mut self) -> Result<Bytes, Ended> {
        loop {
            if let Some(bytes) = self.next().await? {
                return Ok(bytes);
            }
        }
    }

    /// The next message; `None` for one that only shows that the peer is there.
    async fn next(&mut self) -> Result<Option<Bytes>, Ended> {
        match self.socket.next().await {
            Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
            Some(Ok(Message::Text(_))) => {
                Err(Ended::Violation("text where binary is expected".to_owned()))
            }
            Some(Ok(Message::Close(_))) | None => Err(Ended::Closed),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Err(error)) => Err(error.into()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        match tokio::time::timeout(WRITE_WITHIN, self.socket.send(message)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Ended::WriteTimeout),
        }
    }

    /// Queues a message; [`Wire::flush`] sends what is queued in one write.
    async fn feed(&mut self, message: Message) -> Result<(), Ended> {
        match tokio::time::timeout(WRITE_WITHIN, self.socket.feed(message)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Ended::WriteTimeout),
        }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        match tokio::time::timeout(WRITE_WITHIN, self.socket.flush()).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Ended::WriteTimeout),
        }
    }

    /// Says goodbye; a peer that does not listen is not waited for.
    pub(crate) async fn close(&mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }
}

/// Serves one connection from its first message to its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    hall: Arc<Hall>,
    socket: WebSocketStream<S>,
) {
    let mut wire = Wire::new(socket);
    // Boxed: what a handshake needs is given back when it is over, not kept for the whole session.
    let greeting = Box::pin(greet::greet(&hall, &mut wire));
    let greeting = tokio::time::timeout(hall.limits.handshake, greeting);
    let greeted = match greeting.await {
        Ok(greeted) => greeted,
        Err(_) => Err(Ended::HandshakeTimeout),
    };
    let greeted = match greeted {
        Ok(greeted) => greeted,
        Err(ended) => {
            hall.house.metrics.handshakes_failed.add(1);
            tracing::debug!(%ended, "no session");
            wire.close().await;
            return;
        }
    };
    hall.house.metrics.sessions.add(1);
    let (personal, answers) = mpsc::unbounded_channel();
    let persona = greeted.persona.fingerprint();
    let invitations = hall.house.arrive(persona, personal.clone());
    for (auction, room) in invitations {
        // The queue's end is in this function.
        let _ = personal.send(FromBroker::Invited { auction, room });
    }
    let (queue, deliveries) = mpsc::channel(crate::fanout::QUEUE);
    let (stamping, asked) = mpsc::unbounded_channel();
    hall.house.host.task(talk::answer_stamps(asked));
    let mut talk = Talk {
        number: hall.begun.fetch_add(1, Ordering::Relaxed),
        lobby: None,
        watched: BTreeMap::new(),
        behind: Behind::default(),
        under_way: UnderWay::at_most(hall.limits.under_way),
        allowance: talk::Allowance::new(hall.limits.rate, hall.limits.burst, hall.uptime()),
        persona: greeted.persona,
        id: greeted.id,
        sealer: greeted.sealer,
        opener: greeted.opener,
        personal: personal.clone(),
        queue,
        stamping,
        hall: Arc::clone(&hall),
        wire,
    };
    let ended = talk.run(greeted.first, answers, deliveries).await;
    tracing::debug!(%ended, "session ended");
    hall.house.depart(persona, &personal);
    talk.leave_all();
    talk.wire.close().await;
    hall.house.metrics.sessions.decrease();
}

/// Returns once a flag has turned true, or its owner is gone.
pub(crate) async fn turned(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|turned| *turned).await;
}

/// An established session.
pub(crate) struct Talk<S> {
    number: u64,
    hall: Arc<Hall>,
    wire: Wire<S>,
    persona: PublicKey<Persona>,
    id: [u8; 32],
    sealer: pregao_protocol::session::Sealer,
    opener: pregao_protocol::session::Opener,
    /// How much of the list of rooms the peer has, if it wants it.
    lobby: Option<usize>,
    watched: BTreeMap<RoomName, Watched>,
    /// Rooms to catch up with, whenever nothing else is to be done.
    behind: Behind,
    /// Requests without an answer so far, oldest first.
    under_way: UnderWay,
    allowance: talk::Allowance,
    personal: mpsc::UnboundedSender<FromBroker>,
    queue: mpsc::Sender<Arc<Delivery>>,
    /// Requests for stamps under way, in the order asked. Bounded by what may be under way.
    stamping: mpsc::UnboundedSender<(Reply, Asked)>,
}

/// How far one room was delivered.
struct Watched {
    next: u64,
    lagging: Arc<AtomicBool>,
}

#[cfg(test)]
mod tests;
