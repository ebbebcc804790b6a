//! Durations as people type them: `90s`, `10m`, `2h`, `1h30m`.

use std::time::Duration;

use crate::text::usage_error::UsageError;

/// Units from long to short, with their seconds.
const UNITS: &[(char, u64)] = &[('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Longest span: one year.
pub const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// A duration from text; at least a second, at most a year.
///
/// # Errors
/// A [`UsageError`] with what to type instead.
pub fn parse(text: &str) -> Result<Duration, UsageError> {
    let shown = crate::text::sanitize::shortened(text.trim(), 32);
    let error = |what: &str| UsageError {
        message: format!("`{shown}` {what}"),
        advice: "type a duration such as 90s, 10m, 2h or 1h30m".to_owned(),
    };
    let mut units = UNITS.iter();
    let mut number = String::new();
    let mut seconds = 0_u64;
    for character in text.trim().chars() {
        if character.is_ascii_digit() {
            number.push(character);
            continue;
        }
        if number.is_empty() {
            return Err(error("is not a duration"));
        }
        let Some((_, size)) = units.find(|(unit, _)| *unit == character.to_ascii_lowercase())
        else {
            return Err(error("is not a duration"));
        };
        seconds = number
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*size))
            .and_then(|more| seconds.checked_add(more))
            .ok_or_else(|| error("is too long"))?;
        number.clear();
    }
    if !number.is_empty() {
        return Err(error("has a number without a unit"));
    }
    match Duration::from_secs(seconds) {
        Duration::ZERO => Err(error("is no time at all")),
        span if span > LONGEST => Err(error("is too long")),
        span => Ok(span),
    }
}

/// The shortest text that [`parse`] reads back, in whole seconds: `1h30m`.
#[must_use]
pub fn print(span: Duration) -> String {
    let mut left = span.as_secs();
    let mut text = String::new();
    for (unit, size) in UNITS {
        let count = left.checked_div(*size).unwrap_or(0);
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            left = left.saturating_sub(count.saturating_mul(*size));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A running countdown: `9:05`, `1:02:03`, `2d 03:04`.
#[must_use]
pub fn countdown(left: Duration) -> String {
    let seconds = left.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let seconds = seconds % 60;
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days}d {hours:02}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_their_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("2h", 7_200),
            ("1h30m", 5_400),
            ("1d", 86_400),
            ("2H", 7_200),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_advice() {
        for text in [
            "",
            "90",
            "s",
            "0s",
            "1.5h",
            "-5s",
            "5 s",
            "30m1h",
            "1s1s",
            "5w",
            "366d",
            "1h30",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.advice.contains("1h30m"), "{text}");
        }
        assert_eq!(parse("365d"), Ok(LONGEST));
    }

    #[test]
    fn printing_is_the_inverse_of_parsing() {
        for text in ["1s", "1m30s", "2h", "1d1s", "1d2h3m4s"] {
            assert_eq!(print(parse(text).unwrap()), text);
        }
        assert_eq!(print(Duration::ZERO), "0s");
    }

    #[test]
    fn a_countdown_is_short() {
        for (seconds, text) in [
            (0, "0:00"),
            (9, "0:09"),
            (60, "1:00"),
            (3_599, "59:59"),
            (3_600, "1:00:00"),
            (90_061, "1d 01:01"),
        ] {
            assert_eq!(countdown(Duration::from_secs(seconds)), text);
        }
    }
}
