//! When what failed may be tried again, and for how long absence is not held against anybody.

use std::time::Duration;

use pregao_protocol::value::codec::Digest;
use tokio::time::Instant;

use super::kinds::Role;
use crate::writer::Health;

/// Actions of one role remembered: as many tries as a person makes.
const REMEMBERED: usize = 16;
/// How long after a fault of the store a disclosure may be handed in that was turned away.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long until a store that fails is asked about again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// When something that failed may be tried again: 100 ms later, doubling up to 2 s.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Retry {
    pause: Duration,
    at: Option<Instant>,
}

impl Retry {
    pub(super) fn failed(&mut self, now: Instant) {
        self.pause = (self.pause * 2).clamp(Duration::from_millis(100), Duration::from_secs(2));
        self.at = Some(now + self.pause);
    }

    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// The instant to wait for, until [`Retry::passed`].
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| now >= at)
    }

    /// Takes note that the instant has come; the next failure still pauses longer.
    pub(super) fn passed(&mut self, now: Instant) {
        if self.is_due(now) {
            self.at = None;
        }
    }
}

/// Actions that were to be held until their counterparts are there, and that the broker could not
/// store. Whoever handed one in did their part: their absence is not recorded, and the same bytes
/// are taken once the store works, however old their stamp is by then. In memory only. Each role has its own room, and what was handed in first
/// stays: whatever others hand in, it takes nobody's excuse away.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    digests: Vec<(Role, Digest)>,
    last: Option<Instant>,
}

impl TurnedAway {
    pub(super) fn note(&mut self, actions: impl IntoIterator<Item = (Role, Digest)>, now: Instant) {
        for (role, digest) in actions {
            self.last = Some(now);
            let of_role = self.digests.iter().filter(|(other, _)| *other == role).count();
            if !self.contains(&digest) && of_role < REMEMBERED {
                self.digests.push((role, digest));
            }
        }
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.digests.iter().any(|(_, other)| other == digest)
    }

    /// It is stored after all.
    pub(super) fn settled(&mut self, digest: &Digest) {
        self.digests.retain(|(_, other)| other != digest);
    }

    /// Until when absence is not recorded, given how the store does; `None` if it may be
    /// recorded now.
    pub(super) fn patience(&self, store: Health, now: Instant) -> Option<Instant> {
        if !store.works {
            return Some(now + LOOK_AGAIN);
        }
        let since = self.last.filter(|_| !self.digests.is_empty())?.max(store.since);
        Some(since + PATIENCE).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests;
