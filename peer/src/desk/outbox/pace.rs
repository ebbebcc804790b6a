//! Keeps below what the broker allows one session (V-093): whoever exceeds it is refused at the
//! door, and an action refused there comes late.

use std::time::Duration;

/// Actions under way at once, at the most: every answer is written to the vault, and the last of
/// them waits for that, with a stamp that grows old.
const MOST_UNDER_WAY: usize = 8;
/// Fastest pace kept, whatever the broker says.
const FASTEST: u32 = 1_000;

/// What may still be sent now. Of the broker's allowance a part is left unused, because frames
/// that were sent at intervals may arrive together.
#[derive(Debug)]
pub(in crate::desk) struct Pace {
    /// Frames a second.
    rate: f64,
    /// Frames at once.
    burst: f64,
    left: f64,
    at: Duration,
    most_under_way: usize,
}

impl Pace {
    /// Keeps to nine tenths of a rate and three quarters of a burst; never stops, and never
    /// exceeds [`FASTEST`], whatever the broker says.
    pub(in crate::desk) fn below(rate: u32, burst: u32, now: Duration) -> Self {
        let rate = f64::from(rate.clamp(1, FASTEST)) * 0.9;
        let burst = (burst.min(FASTEST) / 4 * 3).max(1);
        let most_under_way = usize::try_from(burst).map_or(1, |burst| burst.min(MOST_UNDER_WAY));
        let burst = f64::from(burst);
        Self { rate, burst, left: burst, at: now, most_under_way }
    }

    /// Takes the place of one frame, if there is one.
    pub(in crate::desk) fn acquire(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.left = (self.left + passed * self.rate).min(self.burst);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }

    /// How many actions may be under way at once: what they send together fits the burst.
    pub(in crate::desk) const fn most_under_way(&self) -> usize {
        self.most_under_way
    }
}

/// How long is waited before something is sent again that was refused at the door: a second,
/// doubling. `None` after the last try.
pub(in crate::desk) fn pause_after(tries: u32) -> Option<Duration> {
    (tries < TRIES).then(|| Duration::from_secs(1 << tries))
}

/// How often one thing is sent again.
const TRIES: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The broker's bucket, as its `RateLimiter` keeps it.
    struct Door {
        rate: f64,
        burst: f64,
        left: f64,
        at: Duration,
    }

    impl Door {
        fn take(&mut self, now: Duration) -> bool {
            let passed = now.saturating_sub(self.at).as_secs_f64();
            self.at = now;
            self.left = (self.left + passed * self.rate).min(self.burst);
            self.left -= 1.0;
            self.left >= 0.0
        }
    }

    #[test]
    fn a_pace_never_stands_still_and_has_a_greatest_speed() {
        let start = Duration::from_secs(1_000);
        let mut still = Pace::below(0, 0, start);
        assert!(still.acquire(start));
        assert!(!still.acquire(start));
        assert!(still.acquire(start + Duration::from_secs(2)));
        assert_eq!(still.most_under_way(), 1);
        let mut fast = Pace::below(u32::MAX, u32::MAX, start);
        assert_eq!((0..10_000).filter(|_| fast.acquire(start)).count(), 750);
        assert_eq!(fast.most_under_way(), MOST_UNDER_WAY);
    }

    #[test]
    fn things_are_sent_again_a_few_times_with_growing_pauses() {
        let pauses: Vec<u64> = (0..9).map_while(pause_after).map(|p| p.as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16]);
    }

    proptest! {
        /// Whenever frames are wished for, what is sent is never refused at the door, even if some
        /// are delayed on their way by as much as the margin covers.
        #[test]
        fn what_keeps_the_pace_is_not_refused(
            rate in 1_u32..200,
            burst in 8_u32..400,
            wishes in proptest::collection::vec(0_u64..400, 1..400),
        ) {
            let start = Duration::from_secs(1_000);
            let mut pace = Pace::below(rate, burst, start);
            let (rate, burst) = (f64::from(rate), f64::from(burst));
            let mut door = Door { rate, burst, left: burst, at: start };
            let mut now = start;
            for wish in wishes {
                now += Duration::from_millis(wish);
                while pace.acquire(now) {
                    prop_assert!(door.take(now));
                }
            }
        }
    }
}
