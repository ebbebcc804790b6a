//! The pipelined WebSocket on which a broker gets stamps for the digests of all its peers (SPEC 11).
//!
//! The frames are in [`pregao_protocol::wire::tsa::stream`]. Batches without a digest of this client come
//! unasked, so every client knows the TSA's time to the second.
//!
//! Nothing here waits for a client: its queue is bounded, and a client that lets it fill up, or
//! does not read for a while, is disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use pregao_protocol::value::report::Advised as _;
use pregao_protocol::wire::tsa::stream::{
    MAX_REQUEST, MAX_UNANSWERED, StampRequest, StreamFrame, encode_stamped,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::error::ApiError;
use crate::code;
use crate::ip_limiter::Origin;
use crate::shutdown::stopped;
use crate::stamper::{GrantedSlots, SealedBatch, StampRefusal, Stamper};
use crate::state::{MAX_STREAMS, STREAMS_EACH, ServiceState};

/// Replies and headers that may wait for one client.
const QUEUE: usize = 2048;
/// A client that accepts no byte for this long is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// A silent client is sent a ping after this long.
const PING_AFTER: Duration = Duration::from_secs(15);
/// A client that is silent for this long is disconnected.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);
/// Most replies joined into one write.
const WRITE_TOGETHER: usize = 64;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

enum Outgoing {
    Answer(u64, Result<GrantedSlots, StampRefusal>),
    Header(Arc<SealedBatch>),
    Malformed(String),
    Ping,
}

/// `GET /api/stream`: takes a place for the stream, then the connection.
pub(super) async fn open_stream(
    State(tsa): State<Arc<ServiceState>>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let permit = Arc::clone(&tsa.load.streams).try_acquire_owned().map_err(|_| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::STREAM_BUSY,
            format!("{MAX_STREAMS} stamp streams are open"),
            "share one stream among all peers of a broker",
        )
    })?;
    let origin = request.extensions().get::<Origin>().copied();
    let share = match origin.map(|origin| tsa.load.streams_each.take(origin)) {
        Some(None) => {
            return Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                code::STREAM_BUSY,
                format!("{STREAMS_EACH} stamp streams are open from this address"),
                "share one stream among all peers of a broker",
            ));
        }
        share => share,
    };
    let response = tokio_tungstenite::tungstenite::handshake::server::create_response_with_body(
        &request,
        axum::body::Body::empty,
    )
    .map_err(|error| {
        ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            code::STREAM_UPGRADE,
            error.to_string(),
            "open this path as a WebSocket, version 13",
        )
    })?;
    let upgrade = hyper::upgrade::on(&mut request);
    let host = tsa.host.clone();
    host.task(async move {
        if let Ok(upgraded) = upgrade.await {
            serve(upgraded, tsa.stamper.clone(), tsa.stopping.clone()).await;
        }
        drop((permit, share));
    });
    Ok(response)
}

/// Serves one client until it leaves, misbehaves, or `stopping` turns true.
async fn serve(upgraded: Upgraded, stamper: Stamper, stopping: watch::Receiver<bool>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(64 * 1024)
        .max_write_buffer_size(4 * 1024 * 1024)
        .max_message_size(Some(MAX_REQUEST))
        .max_frame_size(Some(MAX_REQUEST));
    let socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (sink, source) = socket.split();
    let (queue, outgoing) = mpsc::channel(QUEUE);
    let client = Arc::new(Client {
        queue,
        permits: Semaphore::new(MAX_UNANSWERED),
        answered: AtomicU64::new(0),
    });
    // Only the reader holds the client; what the stamper holds is weak or ends with an answer.
    let watching = Arc::downgrade(&client);
    stamper.watch(Box::new(move |batch| {
        watching.upgrade().is_some_and(|client| client.notify(batch))
    }));
    tokio::select! {
        () = read(source, &client, &stamper) => {}
        () = write(sink, outgoing, &client, stopping) => {}
    }
}

struct Client {
    queue: mpsc::Sender<Outgoing>,
    permits: Semaphore,
    /// Number of the last batch with a digest of this client.
    answered: AtomicU64,
}

impl Client {
    /// Queues without waiting. A full queue closes it: the writer then ends the connection.
    fn send(&self, outgoing: Outgoing) -> bool {
        let sent = self.queue.try_send(outgoing).is_ok();
        if !sent {
            self.permits.close();
        }
        sent
    }

    fn answer(&self, id: u64, answer: Result<GrantedSlots, StampRefusal>) {
        if let Ok(share) = &answer {
            self.answered.store(share.batch.number, Ordering::Relaxed);
        }
        self.send(Outgoing::Answer(id, answer));
    }

    fn notify(&self, batch: &Arc<SealedBatch>) -> bool {
        self.answered.load(Ordering::Relaxed) == batch.number
            || self.send(Outgoing::Header(Arc::clone(batch)))
    }
}

/// Takes requests until the client leaves, breaks a rule, falls silent or is too slow.
async fn read(mut source: SplitStream<Socket>, client: &Arc<Client>, stamper: &Stamper) {
    let mut heard = Instant::now();
    loop {
        let message = match timeout(PING_AFTER, source.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(_)) | None) => return,
            Err(_) if heard.elapsed() >= IDLE_TIMEOUT => return,
            Err(_) => {
                client.send(Outgoing::Ping);
                continue;
            }
        };
        heard = Instant::now();
        let parsed = match message {
            Message::Text(text) => StampRequest::parse(&text).map_err(|error| error.to_string()),
            Message::Binary(_) => Err("frames are text".to_owned()),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            Message::Close(_) => return,
        };
        // Given back by the writer with the reply.
        let Ok(permit) = client.permits.acquire().await else { return };
        permit.forget();
        match parsed {
            Ok(request) => {
                let (id, answering) = (request.id, Arc::clone(client));
                let reply = Box::new(move |answer| answering.answer(id, answer));
                stamper.stamp(request.digests, reply);
            }
            Err(message) => {
                client.send(Outgoing::Malformed(message));
            }
        }
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    client: &Client,
    mut stopping: watch::Receiver<bool>,
) {
    let mut together = Vec::with_capacity(WRITE_TOGETHER);
    loop {
        tokio::select! {
            count = outgoing.recv_many(&mut together, WRITE_TOGETHER) => if count == 0 { return },
            () = stopped(&mut stopping) => break,
        }
        if client.permits.is_closed() {
            break;
        }
        let mut answered = 0;
        for next in together.drain(..) {
            answered += usize::from(matches!(next, Outgoing::Answer(..) | Outgoing::Malformed(_)));
            if !matches!(timeout(WRITE_TIMEOUT, sink.feed(encode(next))).await, Ok(Ok(()))) {
                return;
            }
        }
        if !matches!(timeout(WRITE_TIMEOUT, sink.flush()).await, Ok(Ok(()))) {
            return;
        }
        client.permits.add_permits(answered);
    }
    let (code, reason) = if client.permits.is_closed() {
        (CloseCode::Policy, "the client reads too slowly")
    } else {
        (CloseCode::Away, "the TSA is shutting down")
    };
    let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    let _ = timeout(Duration::from_secs(1), sink.send(close)).await;
}

fn encode(outgoing: Outgoing) -> Message {
    let frame = match outgoing {
        Outgoing::Answer(id, Ok(share)) => {
            let batch = &share.batch;
            let places = share.slots.iter().map(|slot| (u64::from(*slot), batch.path(*slot)));
            return Message::text(encode_stamped(id, &batch.compact, places));
        }
        Outgoing::Answer(id, Err(refusal)) => StreamFrame::Refused {
            id: Some(id),
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
        },
        Outgoing::Header(batch) => StreamFrame::Batch { batch: batch.compact.clone() },
        Outgoing::Malformed(message) => {
            StreamFrame::Refused { id: None, code: code::STREAM_REQUEST.to_owned(), message }
        }
        Outgoing::Ping => return Message::Ping(bytes::Bytes::new()),
    };
    Message::text(frame.encode())
}
