//! Periods in which a citizen gets one token, counted from the Unix epoch.

use std::str::FromStr;
use std::time::Duration;

use pregao_protocol::value::clock::Time;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// The shortest period.
const SHORTEST: u64 = HOUR;
/// The longest period.
const LONGEST: u64 = 366 * DAY;

/// How long a period is: 1 hour to 366 days, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(u64);

impl Length {
    /// Shorter than a persona's certificate lives: then more of them than
    /// the specification allows would be valid at once for one citizen.
    #[must_use]
    pub const fn is_short(self) -> bool {
        self.0 < 7 * DAY
    }
}

/// A text that is not the length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a length from 1h to 366d, written like 30d or 12h")]
pub struct LengthError;

impl Default for Length {
    fn default() -> Self {
        Self(30 * DAY)
    }
}

impl FromStr for Length {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        let (number, unit) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
            (Some(number), _) => (number, DAY),
            (None, Some(number)) => (number, HOUR),
            (None, None) => return Err(LengthError),
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(LengthError);
        }
        let number: u64 = number.parse().map_err(|_| LengthError)?;
        let seconds = number.checked_mul(unit).ok_or(LengthError)?;
        if (SHORTEST..=LONGEST).contains(&seconds) { Ok(Self(seconds)) } else { Err(LengthError) }
    }
}

/// One period: from its first instant until before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Time,
    /// The first instant after it.
    pub until: Time,
    /// The first instant at which its tokens buy nothing: the end of the period after it.
    pub spend_until: Time,
}

impl Length {
    /// The period that contains `now`, which begins no earlier than `after` ends.
    #[must_use]
    pub fn containing(self, now: Time, after: Option<Time>) -> Span {
        let from = seconds(now.as_secs() - now.as_secs() % self.0);
        self.beginning(after.map_or(from, |after| from.max(after)))
    }

    /// The period that begins at `from`.
    ///
    /// It ends on a multiple of the length. After a change of the length the first one is longer, never
    /// shorter: a citizen gains no token by it.
    #[must_use]
    pub fn beginning(self, from: Time) -> Span {
        let until = from.as_secs().saturating_add(self.0).div_ceil(self.0).saturating_mul(self.0);
        let spend_until = seconds(until.saturating_add(self.0));
        Span { from, until: seconds(until), spend_until }
    }
}

fn seconds(seconds: u64) -> Time {
    Time::default().plus(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
