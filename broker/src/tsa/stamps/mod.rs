//! The pooled connection to the TSA, and the time that comes with it.
//!
//! Digests of all peers go through one connection, mixed in random order, so that the TSA cannot
//! tell which of them share an author (SPEC 1). Every answer and every header pushed is
//! verified here before anybody hears of it. The connection is made again by itself; while it is
//! down, requests fail at once with [`StampsDown`] and nothing is queued.

mod connection;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::audit::evidence::CARRIED;
use pregao_protocol::host::{Clock, Host};
use pregao_protocol::log::stamp::{BatchProof, VerifiedBatch};
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::value::clock::{Carried, Time};
use pregao_protocol::value::codec::Digest;
use tokio::sync::{mpsc, oneshot, watch};

use crate::metrics::Metrics;
use crate::network::Network;
use crate::tls::Roots;
use connection::Connection;
use pool::QueuedRequest;

/// No batch for this long means that the TSA is down: nothing is accepted.
pub const DOWN_AFTER: Duration = Duration::from_secs(2);
/// How long a request for stamps may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Most requests waiting to be pooled.
const QUEUE: usize = 4_096;

/// The TSA does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time-stamping authority does not answer")]
pub struct StampsDown;

/// Stamps together with the verified header they share.
#[derive(Debug, Clone)]
pub struct GrantedStamps {
    /// Places in the batch, in the order of the digests.
    pub stamps: Vec<BatchProof>,
    /// The header of their batch.
    pub batch: Arc<VerifiedBatch>,
}

/// The newest verified header and the time that headers tell.
#[derive(Debug, Clone)]
pub struct NewestBatch {
    /// The header.
    pub batch: Arc<VerifiedBatch>,
    time: Carried,
    clock: Arc<dyn Clock>,
}

impl NewestBatch {
    /// TSA time carried forward since the last header that did not wait on its way (V-094).
    #[must_use]
    pub fn now(&self) -> Time {
        self.time.now(self.clock.uptime())
    }

    /// As [`NewestBatch::now`], but never further on from the header than a refusal may rest on: whoever
    /// holds the header can then see that the refusal was due (V-073).
    #[must_use]
    pub fn shown_now(&self) -> Time {
        self.now().min(self.batch.time().plus(CARRIED))
    }

    /// Whether the TSA has been silent for too long. A header that waited, while the machine slept say,
    /// shows only that it was there once.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.time.age(self.clock.uptime()) > DOWN_AFTER
    }
}

/// Where the stream of stamps is.
#[derive(Debug)]
pub struct StampSource {
    /// `ws://host:port/api/stream`, or `wss://`.
    pub url: String,
    /// The CAs that its TLS certificate may come from.
    pub roots: Roots,
    /// The way there.
    pub network: Arc<dyn Network>,
}

/// Handle to the pooled connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StampClient {
    requests: mpsc::Sender<QueuedRequest>,
    newest: watch::Receiver<Option<NewestBatch>>,
}

impl StampClient {
    /// Starts the connection task.
    #[must_use]
    pub fn start(
        source: StampSource,
        keys: Vec<PublicKey<StampKey>>,
        metrics: Arc<Metrics>,
        host: &Host,
    ) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let (newest_sender, newest) = watch::channel(None);
        let connector = source.roots.connector();
        let connection = Connection {
            source,
            connector,
            keys,
            newest: newest_sender,
            metrics,
            host: host.clone(),
        };
        host.task(connection.run(queue));
        Self { requests, newest }
    }

    /// Gets stamps for digests, 1 to [`pregao_protocol::value::label::MAX_DIGESTS`], all in one batch.
    ///
    /// # Errors
    /// [`StampsDown`] if the TSA does not answer in time.
    pub async fn request(&self, digests: Vec<Digest>) -> Result<GrantedStamps, StampsDown> {
        self.start_request(digests).granted().await
    }

    /// As [`StampClient::request`], without waiting: the request is on its way on return.
    #[must_use]
    pub fn start_request(&self, digests: Vec<Digest>) -> PendingStamps {
        let (answer, granted) = oneshot::channel();
        // If the queue is full the request is dropped, and with it the sender of the answer.
        let _ = self.requests.try_send(QueuedRequest { digests, answer });
        PendingStamps { granted, until: tokio::time::Instant::now() + ANSWER_WITHIN }
    }

    /// The newest header, unless there was none yet or the TSA has been silent for too long.
    ///
    /// # Errors
    /// [`StampsDown`].
    pub fn newest(&self) -> Result<NewestBatch, StampsDown> {
        self.newest.borrow().clone().filter(|newest| !newest.is_down()).ok_or(StampsDown)
    }

    /// The newest header however old it is; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<NewestBatch> {
        self.newest.borrow().clone()
    }

    /// Notified of every newer header.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<NewestBatch>> {
        self.newest.clone()
    }
}

/// A request for stamps that is on its way.
#[derive(Debug)]
pub struct PendingStamps {
    granted: oneshot::Receiver<GrantedStamps>,
    until: tokio::time::Instant,
}

impl PendingStamps {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`StampsDown`] if the TSA does not answer in time, counted from the request.
    pub async fn granted(self) -> Result<GrantedStamps, StampsDown> {
        match tokio::time::timeout_at(self.until, self.granted).await {
            Ok(Ok(granted)) => Ok(granted),
            Ok(Err(_)) | Err(_) => Err(StampsDown),
        }
    }
}

#[cfg(test)]
mod tests;
