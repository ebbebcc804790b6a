//! Making a batch durable, telling the watchers, and going on after a store that failed.

use std::sync::Arc;

use tokio::time::Instant;

use super::batch::Group;
use super::{RoomState, RoomTask};
use crate::store::{Append, SharedEntry, StoreError};
use crate::writer::Commit;

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
        let head: Option<Arc<str>> = if entries.is_empty() {
            None
        } else {
            Some(self.shared.keys.sign_head(self.name, seen))
        };
        let (accepted, refused) = (entries.len() as u64, group.refusals.len() as u64);
        let append = Append {
            entries: group.entries,
            head: head.clone(),
            refusals: group.refusals,
            pending: group.pending,
            ..Append::to(self.name, from)
        };
        if let Err(error) = self.shared.writer.commit(Commit { append, links: group.links }).await {
            tracing::error!(%error, "a batch could not be stored; nothing of it was accepted");
            self.recovery.commit_failed(Instant::now());
            return Err(error);
        }
        self.recovery.committed();
        self.shared.metrics.commits.add(1);
        self.shared.metrics.accepted.add(accepted);
        self.shared.metrics.refused.add(refused);
        self.policy.durable(&self.shared, &self.room);
        if let Some(head) = head {
            self.feed.publish(from, &entries, head, &self.shared.metrics);
            self.offer_head();
        }
        Ok(())
    }

    /// Makes fold and log agree again after a failed commit. One commit that failed costs one
    /// reading of the log at the most, and reading that fails is paced by [`super::recovery::Recovery`].
    pub(super) async fn recovered(&mut self) -> Result<(), StoreError> {
        if !self.recovery.is_stale() {
            return Ok(());
        }
        if !self.recovery.may_reload(Instant::now()) {
            return Err(StoreError::Stopped);
        }
        self.reload().await.inspect_err(|error| {
            tracing::warn!(%error, "a room could not be rebuilt from its log; tried again");
            self.recovery.reload_failed(Instant::now());
        })
    }

    /// As [`RoomTask::recovered`]; besides, a store that just failed and has taken no trial since is
    /// given its pause.
    pub(super) async fn may_commit(&mut self) -> Result<(), StoreError> {
        if !self.recovery.may_commit(Instant::now(), self.shared.writer.health().works) {
            return Err(StoreError::Stopped);
        }
        self.recovered().await
    }

    /// Rebuilds the fold from the log after a failed commit.
    async fn reload(&mut self) -> Result<(), StoreError> {
        let loaded = RoomState::load(&self.shared, self.name).await?;
        self.room = loaded.room;
        self.feed.reset(loaded.head, loaded.recent);
        self.held = loaded.held;
        self.refused = loaded.refused;
        self.policy.recount(&self.room, &self.shared).await?;
        self.policy.rebuilt(&self.shared, &self.room);
        self.recovery.reloaded();
        tracing::info!(size = self.room.ledger().head().size, "room rebuilt from its log");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
