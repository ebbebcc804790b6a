//! The list of public rooms, in the order in which they were opened.

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::store::SharedEntry;

/// The list of public rooms.
#[derive(Debug)]
pub struct Lobby {
    openings: Mutex<Vec<SharedEntry>>,
    count: watch::Sender<usize>,
}

impl Default for Lobby {
    fn default() -> Self {
        Self { openings: Mutex::default(), count: watch::channel(0).0 }
    }
}

impl Lobby {
    /// Appends a room by its opening, and tells everybody who watches.
    pub fn add(&self, opening: SharedEntry) {
        let mut openings = self.openings.lock();
        openings.push(opening);
        self.count.send_replace(openings.len());
    }

    /// Openings from a position on, at most `limit`, as logged.
    #[must_use]
    pub fn page(&self, from: usize, limit: usize) -> Vec<SharedEntry> {
        self.openings.lock().iter().skip(from).take(limit).cloned().collect()
    }

    /// How many public rooms there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.openings.lock().len()
    }

    /// Tells how many public rooms there are, whenever that changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}

#[cfg(test)]
mod tests;
