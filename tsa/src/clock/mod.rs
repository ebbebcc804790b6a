//! The clock that stamps are signed with: it never goes back and refuses when it is in doubt.
//!
//! The rules (SPEC 6) are in [`Clock`], which reads no clock itself: a [`SystemReading`] of the
//! system's two clocks is an argument, so every rule is tested without waiting.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pregao_protocol::host;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised;

use crate::code;

/// How far the system's clock may lag behind the last signed time and still be bridged.
pub const MAX_LAG: Duration = Duration::from_millis(500);
/// How far the system's clock may run ahead of the monotonic clock, since the start altogether.
pub const MAX_JUMP: Duration = Duration::from_secs(3600);

/// The TSA's two clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct ClockReading {
    /// TSA time, not in doubt.
    pub now: Time,
    /// Time since the process began; only ever grows.
    pub monotonic: Duration,
}

/// What the system's clocks say at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemReading {
    /// Wall-clock time; can be stepped by anybody who may.
    pub wall: Time,
    /// Time since some fixed moment; only ever grows, also while the machine sleeps:
    /// else the wall clock would seem to have jumped by a night.
    pub monotonic: Duration,
}

impl SystemReading {
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

impl Advised for ClockError {
    fn code(&self) -> &'static str {
        match self {
            Self::Behind { .. } => code::CLOCK_BEHIND,
            Self::Jumped { .. } | Self::InDoubt { .. } => code::CLOCK_JUMPED,
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Behind { .. } => {
                "set the system clock right; stamping resumes by itself once it has caught up"
            }
            Self::Jumped { .. } | Self::InDoubt { .. } => {
                "compare the system clock with a good one; if it is right, restart with \
                 --accept-clock-jump, else set it right"
            }
        };
        advice.into()
    }
}

/// The rules. Readings are taken with the offset of a simulated clock already added.
#[derive(Debug, Clone)]
pub struct Clock {
    highest: Option<Time>,
    /// What the first time signed was read from. It stays, so that many small steps count as one.
    anchor: Option<SystemReading>,
    doubt: Option<Time>,
    offset: i64,
    /// The last time signed before this start, unless the operator has confirmed the clock since.
    before: Option<Time>,
}

impl Clock {
    /// A clock that continues after `highest`, with what the store knows of doubt and offset.
    #[must_use]
    pub const fn resume(highest: Option<Time>, doubt: Option<Time>, offset: i64) -> Self {
        Self { highest, anchor: None, doubt, offset, before: highest }
    }

    /// As the operator confirms it: time that passed while the TSA was away is believed, however long.
    #[must_use]
    pub const fn confirmed(self) -> Self {
        Self { before: None, ..self }
    }

    /// Whether nothing but the wall clock says how long the TSA was away: more than [`MAX_JUMP`], by that. Then
    /// it stamps, and gives no secret that waits for an instant.
    #[must_use]
    pub fn was_away(&self) -> bool {
        let away = self.anchor.zip(self.before);
        away.is_some_and(|(anchor, before)| anchor.wall.since(before) > MAX_JUMP)
    }

    /// The time to sign next: later than every time signed before.
    ///
    /// # Errors
    /// [`ClockError`] if the system's clock cannot be believed.
    pub fn next(&self, reading: SystemReading) -> Result<Time, ClockError> {
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

    /// Whether an instant is past by both clocks: the wall clock, and the one that only goes on, counted from the
    /// first time signed since the start. So no step of the wall clock brings it nearer.
    ///
    /// # Errors
    /// [`ClockError`] if the system's clock cannot be believed.
    pub fn has_passed(&self, instant: Time, reading: SystemReading) -> Result<bool, ClockError> {
        self.next(reading)?;
        let Some(anchor) = self.anchor.filter(|_| !self.was_away()) else { return Ok(false) };
        let passed = reading.monotonic.saturating_sub(anchor.monotonic);
        Ok(self.shifted(reading.wall) >= instant && anchor.wall.plus(passed) >= instant)
    }

    /// Takes note that `time` was signed and kept, when the clocks read `reading`.
    pub fn signed(&mut self, time: Time, reading: SystemReading) {
        self.raise(time);
        let wall = self.shifted(reading.wall);
        self.anchor.get_or_insert(SystemReading { wall, monotonic: reading.monotonic });
    }

    /// Takes note that a time was signed before this start.
    pub fn raise(&mut self, time: Time) {
        // Two who sign by one clock may take note in another order than that of their times.
        self.highest = self.highest.max(Some(time));
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
    pub fn offset_to(&self, target: Time, reading: SystemReading) -> Result<i64, ClockError> {
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
        self.before = None;
    }

    fn shifted(&self, wall: Time) -> Time {
        let by = Duration::from_micros(self.offset.unsigned_abs());
        if self.offset < 0 { wall.minus(by) } else { wall.plus(by) }
    }
}

/// The one clock of a process, shared by all that sign with its time.
#[derive(Debug, Clone)]
pub struct SharedClock {
    rules: Arc<Mutex<Clock>>,
    machine: Arc<dyn host::Clock>,
}

impl SharedClock {
    /// Shares a clock that reads this machine.
    #[must_use]
    pub fn new(clock: Clock, machine: Arc<dyn host::Clock>) -> Self {
        Self { rules: Arc::new(Mutex::new(clock)), machine }
    }

    /// What the machine's clocks say.
    #[must_use]
    pub fn reading(&self) -> SystemReading {
        SystemReading::of(&*self.machine)
    }

    /// The time to sign next.
    ///
    /// # Errors
    /// [`ClockError`] if the system's clock cannot be believed.
    pub fn now(&self) -> Result<Time, ClockError> {
        self.rules().next(self.reading())
    }

    /// See [`Clock::has_passed`].
    ///
    /// # Errors
    /// As [`Clock::has_passed`].
    pub fn has_passed(&self, instant: Time) -> Result<bool, ClockError> {
        self.rules().has_passed(instant, self.reading())
    }

    /// The rules, for a change. A panic elsewhere does not make them less true.
    pub fn rules(&self) -> MutexGuard<'_, Clock> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
