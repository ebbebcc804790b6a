//! Group commit: one worker that makes links and log entries durable before they are answered.
//!
//! The worker takes everything that waits, up to a bound, and makes it durable at once: first
//! the links of the whole group in their file, then one transaction of the log, and only then
//! are the callers answered. While the disk works, the next group gathers, so that the more
//! there is to do the less each entry costs.
//!
//! A group pays two syncs, one for each file. `ATTACH` would not save one: in WAL mode SQLite
//! syncs every attached journal of a transaction by itself and commits them in no order that a
//! crash would respect. Two transactions in this order leave at worst a link without an entry,
//! and a group without links pays one sync. Measured with entries of 2.5 kB on a disk that syncs
//! in about 3 ms: 6 ms for a lone commit, 14 ms for a group of 256 (9 ms without links).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Spawn;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::links::{AuthorLink, Links};
use crate::metrics::Metrics;
use crate::store::{Append, Log, StoreError};

/// Most commits in one group.
const GROUP: usize = 256;
/// Bytes of text after which a group takes no further commit.
const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// Commits that may wait; a caller beyond waits for a place.
const QUEUE: usize = 1024;
/// How often a store that failed is tried while nobody commits anything.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What one call makes durable: links first, then the append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Change of one room.
    pub append: Append,
    /// Who is behind the one-time keys of its entries.
    pub links: Vec<AuthorLink>,
}

struct CommitRequest {
    commit: Commit,
    done: oneshot::Sender<Result<(), StoreError>>,
}

enum WriterMessage {
    // Boxed, so that a queue of messages is small.
    Commit(Box<CommitRequest>),
    Stop,
}

/// The way to the worker; clones share it.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<WriterMessage>,
    health: watch::Receiver<Health>,
}

/// Whether the store takes commits, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// It does.
    pub works: bool,
    /// Since when.
    pub since: Instant,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer(..)")
    }
}

/// A commit that is queued. Dropping it does not take the commit back.
#[derive(Debug)]
pub struct Queued(oneshot::Receiver<Result<(), StoreError>>);

impl Queued {
    /// Waits until the commit is durable.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub async fn durable(self) -> Result<(), StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Stopped))
    }
}

impl Writer {
    /// Queues a commit. Commits are applied in the order in which they were queued, so that a
    /// caller may queue the next of a room before the first is durable; if the first fails, the
    /// next conflicts.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] if the writer has stopped.
    pub async fn queue(&self, commit: Commit) -> Result<Queued, StoreError> {
        let (done, answer) = oneshot::channel();
        let request = Box::new(CommitRequest { commit, done });
        let sent = self.queue.send(WriterMessage::Commit(request)).await;
        sent.map(|()| Queued(answer)).map_err(|_| StoreError::Stopped)
    }

    /// Makes a commit durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] and the other faults of one member as they apply; a failure of
    /// the store hits every member of the group, of which then only links may be kept. After
    /// [`StoreError::Stopped`] it is unknown whether the commit was kept.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.queue(commit).await?.durable().await
    }

    /// Whether the store takes commits: not from a failed one until another one, or a trial by
    /// the writer itself, was made durable in every file.
    #[must_use]
    pub fn health(&self) -> Health {
        *self.health.borrow()
    }
}

/// The worker. It ends after [`WriterThread::stop`], or when this and every [`Writer`] are gone.
#[derive(Debug)]
pub struct WriterThread {
    writer: Writer,
    ended: oneshot::Receiver<Result<(), StoreError>>,
}

impl WriterThread {
    /// Starts the worker, on a thread of its own where there is one: disks block.
    ///
    /// # Errors
    /// Those of the operating system, if it gives no thread.
    pub fn start(
        log: Arc<dyn Log>,
        links: Arc<Links>,
        metrics: Arc<Metrics>,
        spawn: &dyn Spawn,
    ) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        metrics.store_working.set(1);
        let (told, health) = watch::channel(Health { works: true, since: Instant::now() });
        let stores = Stores { log, links, metrics, told };
        let work = async move {
            stores.run(waiting).await;
            // Nobody listens if the worker was not stopped but abandoned.
            let _ = end.send(stores.checkpoint());
        };
        spawn.worker("writer", Box::pin(work))?;
        Ok(Self { writer: Writer { queue, health }, ended })
    }

    /// The way to the worker.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// Takes no further commits, makes durable what is queued, tidies up the files and ends.
    ///
    /// # Errors
    /// A failure of the store while tidying up; what was acknowledged is durable all the same.
    pub async fn stop(self) -> Result<(), StoreError> {
        // If the worker has ended already, so has what it would have done.
        let _ = self.writer.queue.send(WriterMessage::Stop).await;
        self.ended.await.unwrap_or(Err(StoreError::Stopped))
    }
}

/// What the worker writes to, and where it publishes how that goes.
struct Stores {
    log: Arc<dyn Log>,
    links: Arc<Links>,
    metrics: Arc<Metrics>,
    told: watch::Sender<Health>,
}

impl Stores {
    async fn run(&self, mut waiting: mpsc::Receiver<WriterMessage>) {
        while let Some(first) = self.next(&mut waiting).await {
            let mut group = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    WriterMessage::Commit(request) => {
                        bytes += request.commit.append.weight();
                        group.push(*request);
                    }
                    // What was queued before the close still comes out of the queue.
                    WriterMessage::Stop => waiting.close(),
                }
                let full = group.len() >= GROUP || bytes >= GROUP_BYTES;
                next = if full { None } else { waiting.try_recv().ok() };
            }
            self.settle(group);
        }
    }

    /// The next message. While the store fails it is tried in between, so that it is known to
    /// work again without anybody's risking an action on it.
    async fn next(&self, waiting: &mut mpsc::Receiver<WriterMessage>) -> Option<WriterMessage> {
        while !self.works() {
            match tokio::time::timeout(PROBE_EVERY, waiting.recv()).await {
                Ok(message) => return message,
                Err(_) => self.probe(),
            }
        }
        waiting.recv().await
    }

    fn works(&self) -> bool {
        self.told.borrow().works
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.log.checkpoint().and_then(|()| self.links.checkpoint())
    }

    /// Makes a group durable and answers its callers.
    fn settle(&self, group: Vec<CommitRequest>) {
        let (commits, callers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|request| (request.commit, request.done)).unzip();
        let answers = commit_group(commits, &*self.log, &self.links);
        // Before anybody hears of it: who is told of a failure finds it in the health as well.
        self.judge(&answers);
        for (caller, answer) in callers.into_iter().zip(answers) {
            // The caller may have gone away; the commit is durable all the same.
            let _ = caller.send(answer);
        }
    }

    fn judge(&self, answers: &[Result<(), StoreError>]) {
        let failed = answers.iter().filter_map(|answer| answer.as_ref().err());
        let failed = failed.filter(|error| error.is_store_failure()).count();
        if failed > 0 {
            self.metrics.store_failed.add(failed as u64);
            self.tell(false);
            // What could not be synced may be in the journal all the same, and a crash would
            // bring it back after its authors were told that nothing was accepted: the trial
            // takes its place there.
            self.probe();
        } else if !self.works() && answers.iter().any(Result::is_ok) {
            // One file took something; whether all do is another question.
            self.probe();
        }
    }

    fn probe(&self) {
        match self.links.probe().and_then(|()| self.log.probe()) {
            Ok(()) => self.tell(true),
            Err(error) => tracing::warn!(%error, "the store still fails"),
        }
    }

    fn tell(&self, works: bool) {
        if self.works() == works {
            return;
        }
        if works {
            tracing::info!("the store takes commits again");
        } else {
            tracing::error!("the store fails; nothing is accepted until it takes commits again");
        }
        self.metrics.store_working.set(works.into());
        self.told.send_replace(Health { works, since: Instant::now() });
    }
}

fn commit_group(commits: Vec<Commit>, log: &dyn Log, links: &Links) -> Vec<Result<(), StoreError>> {
    let per_room: Vec<_> =
        commits.iter().map(|commit| (commit.append.room, commit.links.as_slice())).collect();
    let mut answers = match links.put(&per_room) {
        Ok(answers) => answers,
        Err(error) => return vec![Err(error); commits.len()],
    };
    // Members whose links were refused are left out; the others keep their order.
    let appends: Vec<Append> = commits
        .into_iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.is_ok())
        .map(|(commit, _)| commit.append)
        .collect();
    let mut logged = log.commit(&appends).into_iter();
    for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
        *answer = logged.next().unwrap_or(Err(StoreError::Stopped));
    }
    answers
}

#[cfg(test)]
mod tests;
