//! The session loop: whatever comes first is done first, until one side ends it.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::wire::frame::FromBroker;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::blobs::Lane;
use super::context::stopped;
use super::heartbeat::Heartbeat;
use super::{Session, SessionEnd};
use crate::fanout::Delivery;
use crate::room::Answered;

/// How often requests are looked through for those without an answer in time (V-098).
const OVERDUE_EVERY: Duration = Duration::from_secs(1);

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Runs until one side ends the session.
    pub(super) async fn run(
        &mut self,
        first: Vec<u8>,
        (mut answers, mut framed): (
            mpsc::UnboundedReceiver<FromBroker>,
            mpsc::UnboundedReceiver<Answered>,
        ),
        mut deliveries: mpsc::Receiver<Arc<Delivery>>,
    ) -> SessionEnd {
        match self.run_until_end(first, (&mut answers, &mut framed), &mut deliveries).await {
            Ok(never) => match never {},
            Err(ended) => {
                if let Some(code) = ended.code() {
                    let (code, message) = (code.as_str().to_owned(), code.message().to_owned());
                    let goodbye = FromBroker::Error { code, message, room: None };
                    // The connection may be gone already.
                    let _ = self.send(&goodbye).await;
                }
                ended
            }
        }
    }

    async fn run_until_end(
        &mut self,
        first: Vec<u8>,
        (answers, framed): (
            &mut mpsc::UnboundedReceiver<FromBroker>,
            &mut mpsc::UnboundedReceiver<Answered>,
        ),
        deliveries: &mut mpsc::Receiver<Arc<Delivery>>,
    ) -> Result<std::convert::Infallible, SessionEnd> {
        let limits = self.context.limits;
        let end = tokio::time::sleep(limits.lifetime);
        tokio::pin!(end);
        let mut heartbeats = self.context.heartbeats.clone();
        // The last one may be older than what the welcome said.
        heartbeats.mark_unchanged();
        let mut stopping = self.context.stopping.clone();
        // One future for the whole session: every wait that is made anew takes locks which all
        // sessions share.
        let stopping = stopped(&mut stopping);
        tokio::pin!(stopping);
        let mut lobby = self.context.shared.lobby.watch();
        let mut pings = tokio::time::interval(limits.idle / 3);
        let mut overdue = tokio::time::interval(OVERDUE_EVERY);
        let mut heard = self.context.uptime();
        self.announce_effort().await?;
        self.handle_frame(first).await?;
        loop {
            tokio::select! {
                biased;
                () = &mut end => return Err(SessionEnd::Expired),
                () = &mut stopping => return Err(SessionEnd::Stopping),
                answer = answers.recv() => {
                    if let Some(answer) = answer {
                        self.queue_answer(&answer).await?;
                    }
                    while let Ok(answer) = answers.try_recv() {
                        self.queue_answer(&answer).await?;
                    }
                    self.socket.flush().await?;
                }
                // Before everything that a peer or a room can make much of: silence is taken for
                // a dead connection.
                changed = heartbeats.changed() => {
                    let heartbeat = heartbeats.borrow_and_update().clone();
                    match (changed, heartbeat) {
                        (Ok(()), Heartbeat::Tick(tick)) => self.send_padded(&tick).await?,
                        (Ok(()), Heartbeat::Ping) => {
                            self.socket.send(Message::Ping(bytes::Bytes::new())).await?;
                        }
                        // The broker is ending; `stopping` says so.
                        (Err(_), _) => {}
                    }
                    self.announce_effort().await?;
                    self.announce_pass_room().await?;
                    self.note_laggards();
                }
                _ = overdue.tick() => self.answer_overdue().await?,
                delivery = deliveries.recv() => {
                    if let Some(delivery) = delivery {
                        self.deliver(&delivery).await?;
                    }
                    while let Ok(delivery) = deliveries.try_recv() {
                        self.deliver(&delivery).await?;
                    }
                    self.socket.flush().await?;
                    self.note_laggards();
                }
                answered = framed.recv() => if let Some(Answered { n, frame }) = answered
                    && self.under_way.answered(n)
                {
                    self.send_encoded(&frame).await?;
                },
                carried = Lane::next(&mut self.lane) => self.send_carried(carried).await?,
                message = self.socket.next() => {
                    heard = self.context.uptime();
                    if let Some(record) = message? {
                        let broken = |error: pregao_protocol::wire::session::SessionError| {
                            SessionEnd::Violation(error.to_string())
                        };
                        let frame = self.opener.open(&record).map_err(broken)?;
                        self.handle_frame(frame).await?;
                    }
                }
                changed = lobby.changed(), if self.lobby.is_some() => {
                    if changed.is_ok() {
                        self.send_lobby().await?;
                    }
                }
                _ = pings.tick() => {
                    if self.context.uptime().saturating_sub(heard) > limits.idle {
                        return Err(SessionEnd::Idle);
                    }
                    self.socket.send(Message::Ping(bytes::Bytes::new())).await?;
                }
                () = std::future::ready(()), if !self.behind.is_empty() => {
                    self.catch_up_next().await?;
                }
            }
        }
    }
}
