//! The clock that stamps are signed with: it never goes back and refuses when it is in doubt.
//!
//! The rules (SPEC 6) are in [`Clock`], which reads no clock itself: a [`Reading`] of the
//! system's two clocks is an argument, so every rule is tested without waiting.

use std::time::Duration;

use pregao_protocol::clock::Time;
use pregao_protocol::host;

/// How far the system's clock may lag behind the last signed time and still be bridged.
pub const MAX_LAG: Duration = Duration::from_millis(500);
/// How far the system's clock may run ahead of the monotonic clock, since the start altogether.
pub const MAX_JUMP: Duration = Duration::from_secs(3600);

/// The TSA's two clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// TSA time, not in doubt.
    pub now: Time,
    /// Time since the process began; only ever grows.
    pub monotonic: Duration,
}

/// What the system's clocks say at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Wall-clock time; can be stepped by anybody who may.
    pub wall: Time,
    /// Time since some fixed moment; only ever grows, also while the machine sleeps:
    /// else the wall clock would seem to have jumped by a night.
    pub monotonic: Duration,
}

impl Reading {
    /// Reads both clocks. A wall clock before 1970 or past 9999 reads as the nearest of the two, which the
    /// rules then refuse.
    #[must_use]
    pub fn of(clock: &dyn host::Clock) -> Self {
        Self { wall: clock.wall(), monotonic: clock.uptime() }
    }
}

/// Why the clock gives no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The system's clock is behind what was already signed.
    #[error("the system clock is {} ms behind the last signed time {highest}", by.as_millis())]
    Behind {
        /// How far.
        by: Duration,
        /// The last signed time.
        highest: Time,
    },
    /// The system's clock went forward further than time can have passed.
    #[error("the system clock jumped {} s ahead of {trusted}, the last time trusted", by.as_secs())]
    Jumped {
        /// How far.
        by: Duration,
        /// The last time that was signed without doubt.
        trusted: Time,
    },
    /// As [`ClockError::Jumped`], before a restart.
    #[error("the system clock jumped ahead after {trusted}, before this start")]
    InDoubt {
        /// The last time that was signed without doubt.
        trusted: Time,
    },
}

impl ClockError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Behind { .. } => "clock.behind",
            Self::Jumped { .. } | Self::InDoubt { .. } => "clock.jumped",
        }
    }

    /// What the operator can do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Behind { .. } => {
                "set the system clock right; stamping resumes by itself once it has caught up"
            }
            Self::Jumped { .. } | Self::InDoubt { .. } => {
                "compare the system clock with a good one; if it is right, restart with \
                 --accept-clock-jump, else set it right"
            }
        }
    }
}

/// The rules. Readings are taken with the offset of a simulated clock already added.
#[derive(Debug, Clone)]
pub struct Clock {
    highest: Option<Time>,
    /// What the first time signed was read from. It stays, so that many small steps count as one.
    anchor: Option<Reading>,
    doubt: Option<Time>,
    offset: i64,
}

impl Clock {
    /// A clock that continues after `highest`, with what the store knows of doubt and offset.
    #[must_use]
    pub const fn resume(highest: Option<Time>, doubt: Option<Time>, offset: i64) -> Self {
        Self { highest, anchor: None, doubt, offset }
    }

    /// The time to sign next: later than every time signed before.
    ///
    /// # Errors
    /// [`ClockError`] if the system's clock cannot be believed.
    pub fn next(&self, reading: Reading) -> Result<Time, ClockError> {
        if let Some(trusted) = self.doubt {
            return Err(ClockError::InDoubt { trusted });
        }
        let wall = self.shifted(reading.wall);
        if let Some(anchor) = self.anchor {
            let passed = reading.monotonic.saturating_sub(anchor.monotonic);
            let expected = anchor.wall.plus(passed);
            let by = wall.since(expected);
            if by > MAX_JUMP {
                let trusted = self.highest.unwrap_or(anchor.wall);
                return Err(ClockError::Jumped { by, trusted });
            }
        }
        let Some(highest) = self.highest else { return Ok(wall) };
        let by = highest.since(wall);
        if by > MAX_LAG {
            return Err(ClockError::Behind { by, highest });
        }
        Ok(wall.max(highest.plus(Duration::from_micros(1))))
    }

    /// Takes note that `time` was signed and kept, when the clocks read `reading`.
    pub fn signed(&mut self, time: Time, reading: Reading) {
        self.highest = Some(time);
        let wall = self.shifted(reading.wall);
        self.anchor.get_or_insert(Reading { wall, monotonic: reading.monotonic });
    }

    /// The highest time signed.
    #[must_use]
    pub const fn highest(&self) -> Option<Time> {
        self.highest
    }

    /// The offset that makes the clock read `target`, if that is later than all that was signed.
    ///
    /// # Errors
    /// [`ClockError::Behind`] if it would go back.
    pub fn offset_to(&self, target: Time, reading: Reading) -> Result<i64, ClockError> {
        if let Some(highest) = self.highest.filter(|highest| target <= *highest) {
            return Err(ClockError::Behind { by: highest.since(target), highest });
        }
        // Times end with the year 9999: in microseconds they fit far inside an i64.
        let micros = |time: Time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Ok(micros(target).saturating_sub(micros(reading.wall)))
    }

    /// Sets the offset of a simulated clock. The step is wanted, so it raises no doubt.
    pub const fn set_offset(&mut self, offset: i64) {
        self.offset = offset;
        self.anchor = None;
    }

    fn shifted(&self, wall: Time) -> Time {
        let by = Duration::from_micros(self.offset.unsigned_abs());
        if self.offset < 0 { wall.minus(by) } else { wall.plus(by) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Time {
        Time::from_micros(1_800_000_000_000_000 + micros).unwrap()
    }

    fn reading(wall: u64, monotonic: u64) -> Reading {
        Reading { wall: at(wall), monotonic: Duration::from_micros(monotonic) }
    }

    #[test]
    fn every_time_is_later_than_the_one_before() {
        let mut clock = Clock::resume(None, None, 0);
        let first = clock.next(reading(5, 0)).unwrap();
        assert_eq!(first, at(5));
        clock.signed(first, reading(5, 0));
        assert_eq!(clock.next(reading(5, 0)), Ok(at(6)));
        assert_eq!(clock.next(reading(6, 1)), Ok(at(6)));
        assert_eq!(clock.next(reading(7, 2)), Ok(at(7)));
    }

    #[test]
    fn a_small_step_back_is_bridged_and_a_larger_one_refused() {
        let lag = 500_000;
        let clock = Clock::resume(Some(at(lag)), None, 0);
        assert_eq!(clock.next(reading(0, 0)), Ok(at(lag + 1)));
        let clock = Clock::resume(Some(at(lag + 1)), None, 0);
        let refused = clock.next(reading(0, 0)).unwrap_err();
        let by = Duration::from_micros(lag + 1);
        assert_eq!(refused, ClockError::Behind { by, highest: at(lag + 1) });
        assert_eq!(refused.code(), "clock.behind");
    }

    #[test]
    fn a_clock_that_was_behind_resumes_when_it_has_caught_up() {
        let clock = Clock::resume(Some(at(10_000_000)), None, 0);
        assert!(clock.next(reading(9_499_999, 0)).is_err());
        assert_eq!(clock.next(reading(9_500_000, 1)), Ok(at(10_000_001)));
    }

    #[test]
    fn a_jump_of_more_than_an_hour_is_refused_and_nothing_less() {
        let hour = 3_600_000_000;
        let mut clock = Clock::resume(None, None, 0);
        clock.signed(at(0), reading(0, 0));
        assert!(clock.next(reading(hour, 0)).is_ok());
        assert!(clock.next(reading(hour + 1_000, 1_000)).is_ok());
        let refused = clock.next(reading(hour + 1_001, 1_000)).unwrap_err();
        assert_eq!(refused.code(), "clock.jumped");
        assert!(matches!(refused, ClockError::Jumped { trusted, .. } if trusted == at(0)));
        assert!(clock.next(reading(2_000, 2_000)).is_ok());
    }

    #[test]
    fn many_small_jumps_count_as_one() {
        let half = 1_800_000_000;
        let mut clock = Clock::resume(None, None, 0);
        for step in 0..=2 {
            let reading = reading(step * half, 0);
            let time = clock.next(reading).unwrap();
            clock.signed(time, reading);
        }
        let refused = clock.next(reading(2 * half + 1, 0)).unwrap_err();
        assert!(matches!(refused, ClockError::Jumped { trusted, .. } if trusted == at(2 * half)));
    }

    #[test]
    fn doubt_outlives_a_restart() {
        let clock = Clock::resume(Some(at(0)), Some(at(0)), 0);
        assert_eq!(clock.next(reading(1, 0)), Err(ClockError::InDoubt { trusted: at(0) }));
    }

    #[test]
    fn simulated_time_goes_forward_only() {
        let mut clock = Clock::resume(Some(at(10)), None, 0);
        assert!(clock.offset_to(at(10), reading(0, 0)).is_err());
        assert!(clock.offset_to(at(9), reading(0, 0)).is_err());
        let far = 86_400_000_000;
        let offset = clock.offset_to(at(far), reading(0, 0)).unwrap();
        clock.signed(at(10), reading(0, 0));
        clock.set_offset(offset);
        assert_eq!(clock.next(reading(0, 0)), Ok(at(far)));
        assert_eq!(clock.next(reading(7, 7)), Ok(at(far + 7)));
    }
}
