//! What every session sends at least once a second, made once for all of them.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::Padded;
use tokio::sync::watch;

use crate::effort::Efforts;
use crate::tsa::stamps::NewestBatch;

/// What shows a peer that the broker is there.
#[derive(Debug, Clone)]
pub enum Heartbeat {
    /// The newest batch header as a padded frame.
    Tick(Arc<Padded>),
    /// There is no newer one: a ping instead.
    Ping,
}

/// How long no session is without a word, and how long there is at least between two ticks.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Starts a task that turns the newest batch header into one padded frame a second, shared by all sessions; where none comes
/// within the second, into a ping, so that peers tell a silent TSA from a dead connection.
pub(crate) fn start(
    mut newest: watch::Receiver<Option<NewestBatch>>,
    efforts: &Arc<Efforts>,
    host: &Host,
) -> watch::Receiver<Heartbeat> {
    let (heartbeats, heard) = watch::channel(Heartbeat::Ping);
    let efforts = Arc::clone(efforts);
    host.task(async move {
        let mut said = tokio::time::Instant::now();
        loop {
            let heartbeat = match tokio::time::timeout_at(said + HEARTBEAT, newest.changed()).await
            {
                Ok(Ok(())) => tick(newest.borrow_and_update().as_ref(), &efforts),
                Ok(Err(_)) => return,
                Err(_) => Some(Heartbeat::Ping),
            };
            let Some(heartbeat) = heartbeat else { continue };
            let is_tick = matches!(heartbeat, Heartbeat::Tick(_));
            said = tokio::time::Instant::now();
            efforts.report();
            heartbeats.send_replace(heartbeat);
            if is_tick {
                tokio::time::sleep_until(said + HEARTBEAT).await;
            }
        }
    });
    heard
}

/// What it says, puzzles may name from now on (V-191).
fn tick(newest: Option<&NewestBatch>, efforts: &Efforts) -> Option<Heartbeat> {
    let header = &newest?.batch;
    efforts.note_header(header.hash(), header.time());
    let batch = header.compact().to_owned();
    let frame = FromBroker::Tick { batch }.encode().ok()?;
    Some(Heartbeat::Tick(Arc::new(Padded::new(&frame).ok()?)))
}
