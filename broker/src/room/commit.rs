//! Making a batch durable, telling the watchers, and going on after a store that failed.

use std::sync::Arc;

use pregao_protocol::action::Seen;
use pregao_protocol::frame::encode_entries;
use pregao_protocol::log::{Head, Logged, Origin, RoomName};
use pregao_protocol::session::Padded;
use tokio::time::Instant;

use super::batch::Group;
use super::retry::Retry;
use super::{RoomTask, SharedEntry};
use crate::fanout::Delivery;
use crate::house::House;
use crate::store::{Append, StoreError};
use crate::writer::Commit;

/// Entries kept in memory so that watchers can go live while others write.
pub(crate) const RECENT: usize = 1_024;

impl RoomTask {
    /// Makes a group durable, then tells the watchers. On an error nothing is told, and the fold
    /// is rebuilt from the log before the next batch.
    pub(super) async fn commit(&mut self, group: Group) -> Result<(), StoreError> {
        if group.entries.is_empty() && group.refusals.is_empty() && group.pending.is_empty() {
            return Ok(());
        }
        let seen = self.room.ledger().head();
        let from = group.entries.first().map_or(seen.size, |first| first.seq);
        let entries: Vec<SharedEntry> = group.entries.iter().map(SharedEntry::from).collect();
        let head: Option<Arc<str>> =
            if entries.is_empty() { None } else { Some(self.house.sign_head(self.name, seen)) };
        let (accepted, refused) = (entries.len() as u64, group.refusals.len() as u64);
        let append = Append {
            room: self.name,
            expected_size: from,
            new_room: None,
            entries: group.entries,
            head: head.clone(),
            refusals: group.refusals,
            pending: group.pending,
        };
        if let Err(error) = self.house.writer.commit(Commit { append, links: group.links }).await {
            tracing::error!(%error, "a batch could not be stored; nothing of it was accepted");
            self.stale = true;
            self.commits.failed(Instant::now());
            return Err(error);
        }
        (self.steps, self.commits) = (Retry::default(), Retry::default());
        self.house.metrics.commits.add(1);
        self.house.metrics.accepted.add(accepted);
        self.house.metrics.refused.add(refused);
        if let Some(head) = head {
            self.head = head;
            self.tell(from, &entries);
        }
        Ok(())
    }

    fn tell(&mut self, from: u64, entries: &[SharedEntry]) {
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
        let frames = encode_entries(self.name, &logged, Some(&self.head));
        let frames = frames.iter().filter_map(|frame| Padded::new(frame).ok()).collect();
        let to = from + entries.len() as u64;
        let delivery = Arc::new(Delivery { room: self.name, from, to, frames });
        self.watchers.deliver(&delivery, &self.house.metrics);
    }

    /// Makes fold and log agree again after a failed commit. One commit that failed costs one
    /// reading of the log at the most, and reading that fails is paced by [`Retry`].
    pub(super) async fn recovered(&mut self) -> Result<(), StoreError> {
        if !self.stale {
            return Ok(());
        }
        if !self.reloads.is_due(Instant::now()) {
            return Err(StoreError::Stopped);
        }
        self.reload().await.inspect_err(|error| {
            tracing::warn!(%error, "a room could not be rebuilt from its log; tried again");
            self.reloads.failed(Instant::now());
        })
    }

    /// As [`RoomTask::recovered`]; besides, a store that just failed and has taken no trial since is
    /// given [`Retry`]'s pause.
    pub(super) async fn may_commit(&mut self) -> Result<(), StoreError> {
        if !self.commits.is_due(Instant::now()) && !self.house.writer.health().works {
            return Err(StoreError::Stopped);
        }
        self.recovered().await
    }

    /// Rebuilds the fold from the log after a failed commit.
    async fn reload(&mut self) -> Result<(), StoreError> {
        let opened = self.house.load(self.name).await?;
        self.room = opened.room;
        self.head = opened.head;
        self.recent = opened.recent;
        self.held = opened.held;
        self.stale = false;
        self.reloads = Retry::default();
        tracing::info!(size = self.room.ledger().head().size, "room rebuilt from its log");
        Ok(())
    }
}

/// A room's head, signed.
#[must_use]
pub(crate) fn signed_head(house: &House, room: RoomName, seen: Seen) -> Arc<str> {
    let origin = Origin { broker: house.fingerprint(), room };
    Head { origin, size: seen.size, root: seen.root }.sign(&house.keys.head).into()
}

#[cfg(test)]
mod tests;
