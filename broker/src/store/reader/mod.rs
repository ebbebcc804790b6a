//! Reads of the log by tasks: where they may block, so many at once, and not for ever.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::log::merkle::{self, Frontier};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_ANSWER;
use tokio::sync::Semaphore;

use super::{Log, RoomName, StoreError, StoredTree};
use crate::host;

/// How long a read may take: half of what a request may wait for its answer (V-098).
const READ_WITHIN: Duration = Duration::from_secs(MAX_ANSWER / 2);
/// Reads that go on at once. One that nobody waits for any longer still holds a thread.
const READS: usize = 64;

/// Reads the log for tasks.
#[derive(Debug, Clone)]
pub struct LogReader {
    host: Host,
    log: Arc<dyn Log>,
    reads: Arc<Semaphore>,
}

impl LogReader {
    /// Reads `log` on threads of `host`.
    #[must_use]
    pub fn new(host: Host, log: Arc<dyn Log>) -> Self {
        Self { host, log, reads: Arc::new(Semaphore::new(READS)) }
    }

    /// Runs a short read of the store where it may block.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Slow`] after ten seconds, for a disk that hangs is a
    /// disk that fails.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Log) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let read = tokio::time::timeout(READ_WITHIN, self.read_long(read)).await;
        read.unwrap_or(Err(StoreError::Slow))
    }

    /// As [`LogReader::read`], without a limit of time.
    pub(crate) async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Log) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.reads).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Stopped)?;
        let log = Arc::clone(&self.log);
        let read = host::blocking(&self.host, move || {
            let read = read(log.as_ref());
            drop(permit);
            read
        });
        read.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Proves from the store that an entry is in the log of `size` entries.
    pub async fn inclusion(&self, room: RoomName, seq: u64, size: u64) -> Option<Vec<Digest>> {
        let path = self
            .read(move |log| Ok(merkle::inclusion_path(&StoredTree::new(log, room), seq, size)));
        path.await.ok().flatten()
    }

    /// Proves from the store that the log of `new` entries continues that of `old`.
    pub async fn consistency(&self, room: RoomName, old: u64, new: u64) -> Option<Vec<Digest>> {
        let path = self
            .read(move |log| Ok(merkle::consistency_path(&StoredTree::new(log, room), old, new)));
        path.await.ok().flatten()
    }

    /// The root that a room's log had when it was of some size, not greater than what is stored.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Malformed`] if the log is shorter.
    pub async fn root(&self, room: RoomName, size: u64) -> Result<Digest, StoreError> {
        self.read(move |log| {
            let tree = StoredTree::new(log, room);
            let then = Frontier::restore(&tree, size);
            tree.finish()?;
            then.map(|then| then.root()).ok_or(StoreError::Malformed("a log is shorter than told"))
        })
        .await
    }
}

#[cfg(test)]
mod tests;
