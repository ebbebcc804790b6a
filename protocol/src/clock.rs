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
}
