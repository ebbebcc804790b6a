//! Going on after a fault: whether the fold can be trusted, and when what failed is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::retry::Retry;

/// What a room remembers of faults of store and TSA.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The store failed in the middle of a batch: fold and log may differ until reloaded. Nothing
    /// may be told or decided from the fold meanwhile.
    stale: bool,
    /// When a step of the broker's own that failed is tried again.
    steps: Retry,
    /// When the store, which failed, is trusted with another batch.
    commits: Retry,
    /// When reading the log, which failed, is tried again.
    reloads: Retry,
}

impl Recovery {
    /// Whether fold and log may differ.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    pub(super) fn commit_failed(&mut self, now: Instant) {
        self.stale = true;
        self.commits.failed(now);
    }

    pub(super) fn committed(&mut self) {
        (self.steps, self.commits) = (Retry::default(), Retry::default());
    }

    /// Whether the store is given another batch: its pause has passed, or it is known to work again.
    pub(super) fn may_commit(&self, now: Instant, store_works: bool) -> bool {
        self.commits.is_due(now) || store_works
    }

    pub(super) fn may_reload(&self, now: Instant) -> bool {
        self.reloads.is_due(now)
    }

    pub(super) fn reload_failed(&mut self, now: Instant) {
        self.reloads.failed(now);
    }

    pub(super) fn reloaded(&mut self) {
        self.stale = false;
        self.reloads = Retry::default();
    }

    pub(super) fn step_failed(&mut self, now: Instant) {
        self.steps.failed(now);
    }

    /// How long the next step waits.
    pub(super) fn step_pause(&self) -> Duration {
        self.steps.pause()
    }

    /// When to try again what failed of the store.
    pub(super) fn next_try(&self) -> Option<Instant> {
        [self.commits.at(), self.reloads.at()].into_iter().flatten().min()
    }

    /// Takes note of instants that have come.
    pub(super) fn passed(&mut self, now: Instant) {
        self.commits.passed(now);
        self.reloads.passed(now);
    }
}
