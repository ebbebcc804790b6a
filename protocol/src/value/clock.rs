//! Instants: RFC 3339 in UTC with microseconds, in exactly one spelling.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// In JSON it is written `2026-11-20T13:00:00.000000Z`: always 27 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

/// A text that is not an instant in the one allowed spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form 2026-11-20T13:00:00.000000Z")]
pub struct TimeError;

impl Time {
    /// The last instant that can be written: the end of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// Microseconds since the epoch.
    ///
    /// # Errors
    /// [`TimeError`] past the year 9999.
    pub const fn from_micros(micros: u64) -> Result<Self, TimeError> {
        if micros <= Self::MAX.0 { Ok(Self(micros)) } else { Err(TimeError) }
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// This instant moved forward; stops at [`Time::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros).min(Self::MAX.0))
    }

    /// This instant moved back; stops at the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// How old a message may be for the time to be known.
pub const RECENT: Duration = Duration::from_secs(5);
/// How far behind the time carried forward a message may be and still tell the time: a message that waited longer
/// tells when it was made.
const LATE: Duration = Duration::from_secs(2);
/// Messages are compared if at least so much lies between them, and are in step if what passed between their making
/// and between their coming differs by no more.
const STEP: Duration = Duration::from_millis(500);
/// How long messages must have come in step for time that was lost to be believed again.
const STEADY: Duration = Duration::from_secs(3);
/// The time carried forward gives way to messages that come in step by one part in so many: more than clocks
/// that are set right differ.
const DRIFT: u32 = 1_000;

/// A time that messages tell, carried forward between them (V-094).
///
/// Readings are of a clock that only grows and goes on while the machine sleeps, since whatever moment. A message
/// may have waited: in a socket, while the program stood still or the machine slept, or because who passes it on
/// held it. No message comes before it was made, so what tells of the latest time is nearest to the truth, and
/// messages that wait ever longer do not slow the time: they become late, and soon no time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// What was told of the latest time, and when.
    ahead: (Time, Duration),
    /// When the last message came that was not late.
    fresh: Duration,
    /// The first of those in step, with which the next is compared.
    probe: (Time, Duration),
}

/// What became of a message that tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// It tells the time of its coming; otherwise it was late.
    pub fresh: bool,
    /// As much passed since an earlier one by its times as by the clock: neither of them waited, or
    /// both did for as long.
    pub in_step: bool,
}

impl Carried {
    /// After the first message, which says `time` and came at `at`.
    #[must_use]
    pub const fn start(time: Time, at: Duration) -> Self {
        Self { ahead: (time, at), fresh: at, probe: (time, at) }
    }

    /// Takes a message that says `time` and came at `at`.
    pub fn hear(&mut self, time: Time, at: Duration) -> Heard {
        let passed = at.saturating_sub(self.probe.1);
        let stepped = time.since(self.probe.0).abs_diff(passed) <= STEP;
        let in_step = stepped && passed >= STEP;
        if !stepped {
            self.probe = (time, at);
        }
        let carried = self.now(at);
        let late = carried.since(time) > LATE;
        // The clock of whoever made them may have stood: then it is believed anew.
        let again = in_step && passed >= STEADY && self.age(at) > RECENT;
        let fresh = !late || again;
        if fresh {
            let given = if late { Duration::MAX } else { at.saturating_sub(self.ahead.1) / DRIFT };
            if time >= carried || in_step {
                self.ahead = (time.max(carried.minus(given)), at);
            }
            self.fresh = at;
        }
        Heard { fresh, in_step }
    }

    /// The time at `at`.
    #[must_use]
    pub fn now(&self, at: Duration) -> Time {
        self.ahead.0.plus(at.saturating_sub(self.ahead.1))
    }

    /// How long ago, at `at`, a message came that was not late.
    #[must_use]
    pub fn age(&self, at: Duration) -> Duration {
        at.saturating_sub(self.fresh)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0) * 1_000;
        let instant = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            instant.year(),
            u8::from(instant.month()),
            instant.day(),
            instant.hour(),
            instant.minute(),
            instant.second(),
            instant.microsecond()
        )
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let instant = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeError)?;
        let micros = instant.unix_timestamp_nanos() / 1_000;
        let parsed = u64::try_from(micros).map_err(|_| TimeError).and_then(Self::from_micros)?;
        if parsed.to_string() == text { Ok(parsed) } else { Err(TimeError) }
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        let text = "2026-11-20T13:00:00.000001Z";
        let parsed: Time = text.parse().unwrap();
        assert_eq!(parsed.to_string(), text);
        for other in [
            "2026-11-20T13:00:00Z",
            "2026-11-20T13:00:00.000001+00:00",
            "2026-11-20t13:00:00.000001z",
            "2026-11-20T13:00:00.0000010Z",
            "1969-12-31T23:59:59.999999Z",
            "10000-01-01T00:00:00.000000Z",
            "2026-02-30T00:00:00.000000Z",
            "",
        ] {
            assert!(other.parse::<Time>().is_err(), "{other}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Time::MAX.plus(Duration::MAX), Time::MAX);
        assert_eq!(Time::default().minus(Duration::from_secs(1)), Time::default());
        assert_eq!(Time::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        assert!(Time::from_micros(Time::MAX.as_micros() + 1).is_err());
    }

    const START: u64 = 1_790_000_000_000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn made(at: u64) -> Time {
        Time::default().plus(ms(START + at))
    }

    /// A message made and come at these milliseconds.
    fn hear(carried: &mut Carried, made_at: u64, came_at: u64) -> (bool, bool) {
        let Heard { fresh, in_step } = carried.hear(made(made_at), ms(came_at));
        (fresh, in_step)
    }

    #[test]
    fn v094_messages_that_come_as_they_are_made_are_fresh_and_in_step() {
        let mut carried = Carried::start(made(0), ms(40));
        assert_eq!(hear(&mut carried, 1_000, 1_040), (true, true));
        assert_eq!(hear(&mut carried, 2_000, 2_540), (true, true));
        assert_eq!(hear(&mut carried, 3_000, 3_541), (true, false), "half a second and 1 ms more");
        // Nothing of this slows the time, but for what clocks differ.
        let now = carried.now(ms(5_040));
        assert!(made(4_997) <= now && now <= made(5_000), "{now}");
        assert_eq!(carried.age(ms(5_541)), ms(2_000));
        // Before the step ends nothing is compared.
        assert_eq!(hear(&mut carried, 3_400, 3_700), (true, false));
        assert_eq!(hear(&mut carried, 4_000, 4_039), (true, false));
        assert_eq!(hear(&mut carried, 5_000, 5_039), (true, true));
        assert_eq!(carried.now(ms(5_039)), made(5_000));
    }

    #[test]
    fn v094_a_message_is_late_if_it_is_more_than_two_seconds_behind() {
        let mut carried = Carried::start(made(0), ms(0));
        assert_eq!(hear(&mut carried, 1_000, 3_000), (true, false));
        assert_eq!(carried.now(ms(3_000)), made(3_000), "the time goes on");
        assert_eq!(carried.age(ms(3_000)), ms(0));
        let mut carried = Carried::start(made(0), ms(0));
        assert_eq!(hear(&mut carried, 1_000, 3_001), (false, false));
        assert_eq!(carried.now(ms(3_001)), made(3_001), "the time goes on");
        assert_eq!(carried.age(ms(3_001)), ms(3_001), "nothing was heard");
    }

    #[test]
    fn v094_after_an_hour_of_sleep_what_had_waited_does_not_tell_the_time() {
        const HOUR: u64 = 3_600_000;
        let mut carried = Carried::start(made(0), ms(0));
        assert_eq!(hear(&mut carried, 1_000, HOUR), (false, false));
        assert_eq!(carried.now(ms(HOUR)), made(HOUR));
        assert_eq!(carried.age(ms(HOUR)), ms(HOUR));
        assert_eq!(hear(&mut carried, HOUR + 800, HOUR + 900), (true, false));
        assert_eq!(hear(&mut carried, HOUR + 1_800, HOUR + 1_900), (true, true));
        assert_eq!(carried.now(ms(HOUR + 1_900)), made(HOUR + 1_800));
    }

    #[test]
    fn v094_a_queue_that_is_read_at_once_after_a_stall_is_late_until_it_is_empty() {
        let mut carried = Carried::start(made(0), ms(0));
        for waited in 1..18 {
            assert_eq!(hear(&mut carried, waited * 1_000, 20_000 + waited), (false, false));
        }
        // Two seconds behind at the most, these tell that the time is known.
        assert!(hear(&mut carried, 19_000, 20_019).0);
        assert!(hear(&mut carried, 20_100, 20_120).0);
        assert_eq!(carried.now(ms(20_120)), made(20_120));
    }

    #[test]
    fn v094_a_clock_that_stood_is_believed_again_once_messages_are_in_step_for_three_seconds() {
        let mut carried = Carried::start(made(0), ms(0));
        // Nothing was signed for ten minutes, and then time went on where it had been.
        assert_eq!(hear(&mut carried, 1_000, 600_000), (false, false));
        assert_eq!(hear(&mut carried, 1_900, 600_900), (false, true));
        assert_eq!(hear(&mut carried, 3_999, 602_999), (false, true));
        assert_eq!(hear(&mut carried, 4_000, 603_000), (true, true));
        assert_eq!(carried.now(ms(603_000)), made(4_000));
        // Ahead is never late: a clock that was set, or a first message that had waited.
        assert_eq!(hear(&mut carried, 9_000_000, 603_800), (true, false));
        assert_eq!(carried.now(ms(603_800)), made(9_000_000));
    }

    #[test]
    fn v094_messages_that_are_held_ever_longer_do_not_slow_the_time_but_end_it() {
        // A second of time in so many milliseconds, each.
        for pace in [1_200, 1_400, 1_600, 1_999, 3_000, 60_000] {
            let mut carried = Carried::start(made(0), ms(0));
            let (mut last, mut behind) = (0, Duration::ZERO);
            for n in 1..600 {
                if hear(&mut carried, n * 1_000, n * pace).0 {
                    last = n * pace;
                }
                behind = behind.max(made(n * pace).since(carried.now(ms(n * pace))));
            }
            assert!(behind <= ms(100), "{behind:?} behind at {pace}");
            // The first that is more than two seconds behind was the last but one to be believed.
            assert!(last <= 2_000 * pace / (pace - 1_000), "believed at {last} at {pace}");
            assert!(carried.age(ms(last + 5_001)) > RECENT);
        }
    }

    #[test]
    fn v094_clocks_that_differ_a_little_stay_together() {
        // Half a thousandth, which is what clocks are set right by, for a day.
        let mut carried = Carried::start(made(0), ms(0));
        for n in 1..86_400 {
            let came = n * 1_000 + n / 2;
            assert!(hear(&mut carried, n * 1_000, came).0, "late at {n} s");
            assert!(carried.now(ms(came)).since(made(n * 1_000)) <= ms(501));
        }
    }
}
