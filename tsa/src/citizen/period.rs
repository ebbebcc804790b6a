//! Periods in which a citizen gets one token, counted from the Unix epoch.

use std::str::FromStr;
use std::time::Duration;

use pregao_protocol::clock::Time;

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
    /// the specification says would be in force at once for one citizen.
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
mod tests {
    use super::*;

    fn length(text: &str) -> Length {
        text.parse().unwrap()
    }

    fn span(from: u64, until: u64, spend_until: u64) -> Span {
        let [from, until, spend_until] = [from, until, spend_until].map(seconds);
        Span { from, until, spend_until }
    }

    #[test]
    fn a_period_is_an_hour_to_366_days() {
        assert_eq!(length("30d"), Length::default());
        assert_eq!(length("1h"), Length(3_600));
        assert_eq!(length("366d"), Length(366 * DAY));
        for text in [
            "",
            "0h",
            "0d",
            "367d",
            "8785h",
            "30",
            "d",
            "-1d",
            "+1d",
            "1.5d",
            "30m",
            "99999999999999999999d",
        ] {
            assert_eq!(text.parse::<Length>(), Err(LengthError), "{text}");
        }
    }

    #[test]
    fn periods_are_multiples_of_their_length_and_leave_no_gap() {
        let hour = length("1h");
        assert_eq!(hour.containing(seconds(7_199), None), span(3_600, 7_200, 10_800));
        assert_eq!(hour.containing(seconds(7_200), None), span(7_200, 10_800, 14_400));
        assert_eq!(hour.beginning(seconds(7_200)), span(7_200, 10_800, 14_400));
    }

    #[test]
    fn after_a_change_the_first_period_is_longer_and_never_shorter() {
        let two = length("2h");
        assert_eq!(two.beginning(seconds(10_800)), span(10_800, 21_600, 28_800));
        let after = Some(seconds(10_800));
        assert_eq!(two.containing(seconds(11_000), after), span(10_800, 21_600, 28_800));
    }
}
