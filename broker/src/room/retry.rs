//! When what failed may be tried again, and how long absence is not held against anybody.

use std::time::{Duration, Instant};

use pregao_protocol::codec::Digest;
use pregao_protocol::room::body::Side;

use crate::writer::Health;

/// Disclosures of one side remembered: as many tries as a person makes.
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
    pub(super) fn failed(&mut self) {
        self.pause = (self.pause * 2).clamp(Duration::from_millis(100), Duration::from_secs(2));
        self.at = Some(Instant::now() + self.pause);
    }

    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// The instant to wait for, until [`Retry::passed`].
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    pub(super) fn is_due(&self) -> bool {
        self.at.is_none_or(|at| Instant::now() >= at)
    }

    /// Takes note that the instant has come; the next failure still pauses longer.
    pub(super) fn passed(&mut self) {
        if self.is_due() {
            self.at = None;
        }
    }
}

/// Disclosures that the house could not store. Whoever handed one in did their part: their
/// absence is not recorded, and the same bytes are taken once the store works, however old their
/// stamp is by then. In memory only. Each side has its own room, and what was handed in first
/// stays: whatever the other side hands in, it takes nobody's excuse away.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    digests: Vec<(Side, Digest)>,
    last: Option<Instant>,
}

impl TurnedAway {
    pub(super) fn note(&mut self, disclosures: impl IntoIterator<Item = (Side, Digest)>) {
        for (side, digest) in disclosures {
            self.last = Some(Instant::now());
            let of_side = self.digests.iter().filter(|(other, _)| *other == side).count();
            if !self.contains(&digest) && of_side < REMEMBERED {
                self.digests.push((side, digest));
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

    /// Until when absence is not recorded, given how the store does; `None` if nothing stands in
    /// the way.
    pub(super) fn patience(&self, store: Health, now: Instant) -> Option<Instant> {
        if !store.works {
            return Some(now + LOOK_AGAIN);
        }
        let since = self.last.filter(|_| !self.digests.is_empty())?.max(store.since);
        Some(since + PATIENCE).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_count_from_the_failure() {
        let mut retry = Retry::default();
        assert!(retry.is_due());
        for milliseconds in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
            retry.failed();
            assert_eq!(retry.pause(), Duration::from_millis(milliseconds));
        }
        assert!(!retry.is_due());
        retry.passed();
        assert!(retry.at().is_some(), "the instant has not come");
    }

    #[test]
    fn nobody_is_absent_while_the_store_fails_or_soon_after_it_turned_somebody_away() {
        let now = Instant::now();
        let health = |works, since| Health { works, since };
        let mut turned = TurnedAway::default();
        assert!(turned.patience(health(false, now), now).is_some());
        assert_eq!(turned.patience(health(true, now), now), None);
        let digest = Digest([1; 32]);
        turned.note([(Side::Seller, digest); 2]);
        let later = Instant::now();
        let until = turned.patience(health(true, later), later).unwrap();
        assert_eq!(until, later + PATIENCE, "counted from when the store works again");
        assert_eq!(turned.patience(health(true, later), until), None, "and not for ever");
        turned.settled(&digest);
        assert_eq!(turned.patience(health(true, later), later), None);
    }

    #[test]
    fn a_flood_of_one_side_is_bounded_and_pushes_nobodys_excuse_out() {
        let mut turned = TurnedAway::default();
        let digest = |number: u8| Digest([number; 32]);
        turned.note([(Side::Winner, digest(200))]);
        turned.note((0..100).map(|number| (Side::Seller, digest(number))));
        assert_eq!(turned.digests.len(), REMEMBERED + 1);
        assert!(turned.contains(&digest(0)), "the first of a side stays");
        turned.note([(Side::Winner, digest(201))]);
        assert!(turned.contains(&digest(200)) && turned.contains(&digest(201)));
        assert!(!turned.contains(&digest(99)));
    }
}
