//! Delivery of new entries to the sessions that watch a room.
//!
//! One group of entries is encoded and padded once for all watchers; each session seals it for
//! its own peer. A full queue never drops an entry and never stops the room: the watcher is
//! marked as lagging, taken off the list, and its session catches up from the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pregao_protocol::log::RoomName;
use pregao_protocol::wire::session::Padded;
use tokio::sync::mpsc;

use crate::metrics::Metrics;

/// Groups of entries waiting for one session.
pub const QUEUE: usize = 64;

/// Consecutive entries of one room, encoded and padded, ready to be sealed; or, without entries, what is
/// told beside them of a log that ends there: a cosigned head, or what the room waits for.
#[derive(Debug)]
pub struct Delivery {
    /// The room.
    pub room: RoomName,
    /// Position of the first entry.
    pub from: u64,
    /// Position after the last entry.
    pub to: u64,
    /// The frames; the last carries the head.
    pub frames: Vec<Padded>,
}

/// One session's interest in one room.
#[derive(Debug, Clone)]
pub struct Watcher {
    /// Which session.
    pub session: u64,
    /// Its queue.
    pub queue: mpsc::Sender<Arc<Delivery>>,
    /// Set when the queue was full: the session must catch up from the log. The session alone takes it back, before it asks:
    /// a room may answer when nobody waits for it any more.
    pub lagging: Arc<AtomicBool>,
}

/// The sessions that watch one room.
#[derive(Debug, Default)]
pub struct Watchers(Vec<Watcher>);

impl Watchers {
    /// Adds a session; one that is there already is replaced.
    pub fn add(&mut self, watcher: Watcher) {
        self.remove(watcher.session);
        self.0.push(watcher);
    }

    /// Takes a session off the list.
    pub fn remove(&mut self, session: u64) {
        self.0.retain(|watcher| watcher.session != session);
    }

    /// Whether anybody watches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands a group to every watcher.
    pub fn deliver(&mut self, delivery: &Arc<Delivery>, metrics: &Metrics) {
        let entries = delivery.to.saturating_sub(delivery.from);
        self.0.retain(|watcher| match watcher.queue.try_send(Arc::clone(delivery)) {
            Ok(()) => {
                metrics.deliveries.add(entries);
                true
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                watcher.lagging.store(true, Ordering::Release);
                metrics.lagging.add(1);
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }
}

#[cfg(test)]
mod tests;
