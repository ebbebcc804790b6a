//! Delivery of new entries to the sessions that watch a room.
//!
//! One group of entries is encoded and padded once for all watchers; each session seals it for
//! its own peer. A full queue never drops an entry and never stops the room: the watcher is
//! marked as lagging, taken off the list, and its session catches up from the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pregao_protocol::log::RoomName;
use pregao_protocol::session::Padded;
use tokio::sync::mpsc;

use crate::metrics::Metrics;

/// Groups of entries waiting for one session.
pub const QUEUE: usize = 64;

/// Consecutive entries of one room, encoded and padded, ready to be sealed.
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
    /// Set when the queue was full: the session must catch up from the log.
    pub lagging: Arc<AtomicBool>,
}

/// The sessions that watch one room.
#[derive(Debug, Default)]
pub struct Watchers(Vec<Watcher>);

impl Watchers {
    /// Adds a session; one that is there already is replaced.
    pub fn add(&mut self, watcher: Watcher) {
        self.remove(watcher.session);
        watcher.lagging.store(false, Ordering::Release);
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
mod tests {
    use super::*;

    fn delivery(from: u64) -> Arc<Delivery> {
        let room = RoomName([0; 32]);
        Arc::new(Delivery { room, from, to: from + 1, frames: Vec::new() })
    }

    #[test]
    fn a_full_queue_marks_the_watcher_and_leaves_the_others_alone() {
        let metrics = Metrics::default();
        let (slow, _slow_end) = mpsc::channel(1);
        let (fast, mut fast_end) = mpsc::channel(8);
        let lagging = Arc::new(AtomicBool::new(true));
        let mut watchers = Watchers::default();
        watchers.add(Watcher { session: 1, queue: slow, lagging: Arc::clone(&lagging) });
        watchers.add(Watcher { session: 2, queue: fast, lagging: Arc::default() });
        assert!(!lagging.load(Ordering::Acquire), "joining clears the mark");
        for at in 0..3 {
            watchers.deliver(&delivery(at), &metrics);
        }
        assert!(lagging.load(Ordering::Acquire));
        assert_eq!(metrics.lagging.value(), 1);
        for at in 0..3 {
            assert_eq!(fast_end.try_recv().unwrap().from, at);
        }
        watchers.remove(2);
        assert!(watchers.is_empty());
    }

    #[test]
    fn a_session_that_is_gone_is_forgotten() {
        let (queue, end) = mpsc::channel(1);
        let mut watchers = Watchers::default();
        watchers.add(Watcher { session: 1, queue, lagging: Arc::default() });
        drop(end);
        watchers.deliver(&delivery(0), &Metrics::default());
        assert!(watchers.is_empty());
    }
}
