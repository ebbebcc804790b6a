//! What the watchers of a room get: its newest head, its last entries, and whatever is added to them.

use std::collections::VecDeque;
use std::sync::Arc;

use pregao_protocol::log::{Logged, RoomName};
use pregao_protocol::room::body::ReleasedLock;
use pregao_protocol::wire::frame::{FromBroker, encode_entries};
use pregao_protocol::wire::session::Padded;

use super::WatchAnswer;
use crate::fanout::{Delivery, Watcher, Watchers};
use crate::metrics::Metrics;
use crate::store::SharedEntry;

/// Entries kept in memory so that watchers can go live while others write.
pub(super) const RECENT: usize = 1_024;

/// The watchers of a room and what they get.
#[derive(Debug)]
pub(super) struct Feed {
    room: RoomName,
    watchers: Watchers,
    head: Arc<str>,
    recent: VecDeque<SharedEntry>,
    /// The newest cosigned head that may be shown.
    cosigned: Option<Arc<str>>,
    /// What the room waits for, as a frame; nothing if it does not.
    waiting: Option<Arc<[u8]>>,
}

impl Feed {
    /// Nobody watches yet.
    pub(super) fn new(
        room: RoomName,
        head: Arc<str>,
        recent: VecDeque<SharedEntry>,
        cosigned: Option<Arc<str>>,
    ) -> Self {
        Self { room, watchers: Watchers::default(), head, recent, cosigned, waiting: None }
    }

    /// The newest signed head.
    pub(super) fn head(&self) -> &Arc<str> {
        &self.head
    }

    /// What a session that holds `next` entries of a log of `size` lacks.
    pub(super) fn since(&self, next: u64, size: u64) -> WatchAnswer {
        let missing = usize::try_from(size.saturating_sub(next)).unwrap_or(usize::MAX);
        match self.recent.len().checked_sub(missing) {
            Some(skip) if next <= size => WatchAnswer::Live {
                tail: self.recent.iter().skip(skip).cloned().collect(),
                head: Arc::clone(&self.head),
                cosigned: self.cosigned.clone(),
                waiting: self.waiting.clone(),
            },
            Some(_) | None => WatchAnswer::Behind,
        }
    }

    pub(super) fn add(&mut self, watcher: Watcher) {
        self.watchers.add(watcher);
    }

    pub(super) fn remove(&mut self, session: u64) {
        self.watchers.remove(session);
    }

    /// Adds entries that are durable, and delivers them with the head that covers them.
    pub(super) fn publish(
        &mut self,
        from: u64,
        entries: &[SharedEntry],
        head: Arc<str>,
        metrics: &Metrics,
    ) {
        self.head = head;
        for entry in entries {
            if self.recent.len() >= RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(entry.clone());
        }
        if self.watchers.is_empty() {
            return;
        }
        let logged: Vec<Logged<'_>> = entries.iter().map(SharedEntry::logged).collect();
        let frames = encode_entries(self.room, &logged, Some(&self.head));
        let frames = frames.iter().filter_map(|frame| Padded::new(frame).ok()).collect();
        let to = from + entries.len() as u64;
        let delivery = Arc::new(Delivery { room: self.room, from, to, frames });
        self.watchers.deliver(&delivery, metrics);
    }

    /// Shows a head of `size` entries that witnesses cosigned.
    pub(super) fn cosigned(&mut self, size: u64, note: Arc<str>, metrics: &Metrics) {
        self.cosigned = Some(Arc::clone(&note));
        if self.watchers.is_empty() {
            return;
        }
        if let Ok(frame) =
            (FromBroker::Cosigned { room: self.room, head: note.to_string() }).encode()
        {
            self.deliver_beside(size, &frame, metrics);
        }
    }

    /// Shows which secrets are out, while a room of `size` entries waits for more of them.
    pub(super) fn released(
        &mut self,
        size: u64,
        locks: Option<Vec<ReleasedLock>>,
        metrics: &Metrics,
    ) {
        let frame = locks.map(|locks| FromBroker::Released { room: self.room, locks }.encode());
        let frame = frame.and_then(Result::ok).map(Arc::<[u8]>::from);
        if frame == self.waiting {
            return;
        }
        self.waiting.clone_from(&frame);
        if let Some(frame) = frame.filter(|_| !self.watchers.is_empty()) {
            self.deliver_beside(size, &frame, metrics);
        }
    }

    /// Delivers what is no entry to those who hold all entries.
    fn deliver_beside(&mut self, size: u64, frame: &[u8], metrics: &Metrics) {
        let frames = Padded::new(frame).ok().into_iter().collect();
        let delivery = Arc::new(Delivery { room: self.room, from: size, to: size, frames });
        self.watchers.deliver(&delivery, metrics);
    }

    /// Goes on from what the log says. Whoever watches does so still.
    pub(super) fn reset(&mut self, head: Arc<str>, recent: VecDeque<SharedEntry>) {
        self.head = head;
        self.recent = recent;
    }
}
