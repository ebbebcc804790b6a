//! One WebSocket, with binary messages only and no write that waits for ever.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::SessionEnd;

/// How long one write may take before the peer counts as gone.
pub(super) const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// A WebSocket that only speaks binary messages of bounded size.
pub(super) struct MessageSocket<S> {
    stream: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> MessageSocket<S> {
    pub(super) fn new(stream: WebSocketStream<S>) -> Self {
        Self { stream }
    }

    /// The next binary message.
    pub(super) async fn receive(&mut self) -> Result<Bytes, SessionEnd> {
        loop {
            if let Some(bytes) = self.next().await? {
                return Ok(bytes);
            }
        }
    }

    /// The next message; `None` for one that only shows that the peer is there.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, SessionEnd> {
        match self.stream.next().await {
            Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
            Some(Ok(Message::Text(_))) => {
                Err(SessionEnd::Violation("text where binary is expected".to_owned()))
            }
            Some(Ok(Message::Close(_))) | None => Err(SessionEnd::Closed),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Err(error)) => Err(error.into()),
        }
    }

    pub(super) async fn send(&mut self, message: Message) -> Result<(), SessionEnd> {
        match tokio::time::timeout(WRITE_WITHIN, self.stream.send(message)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(SessionEnd::WriteTimeout),
        }
    }

    /// Queues a message; [`MessageSocket::flush`] sends what is queued in one write.
    pub(super) async fn feed(&mut self, message: Message) -> Result<(), SessionEnd> {
        match tokio::time::timeout(WRITE_WITHIN, self.stream.feed(message)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(SessionEnd::WriteTimeout),
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), SessionEnd> {
        match tokio::time::timeout(WRITE_WITHIN, self.stream.flush()).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(SessionEnd::WriteTimeout),
        }
    }

    /// Says goodbye; a peer that does not listen is not waited for.
    pub(super) async fn close(&mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }
}
