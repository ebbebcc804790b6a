//! Instants as people type them: `18:00`, `2026-12-24T18:00`, `2026-12-24T18:00+00:00`.

use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::AmbiguousOffset;
pub use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use pregao_protocol::value::clock::Time;

use crate::text::usage_error::UsageError;

/// What was typed, before it is known when and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    /// The next time that clocks show this.
    Clock(Clock),
    /// When clocks here show this.
    Local(DateTime),
    /// This instant, wherever.
    Instant(Timestamp),
}

fn error(text: &str, what: &str, advice: &str) -> UsageError {
    let shown = crate::text::sanitize::shortened(text.trim(), 40);
    UsageError { message: format!("`{shown}` {what}"), advice: advice.to_owned() }
}

/// Whether a text is an instant, whenever that is.
///
/// # Errors
/// A [`UsageError`] with what to type instead.
pub fn read(text: &str) -> Result<(), UsageError> {
    typed(text).map(drop)
}

fn typed(text: &str) -> Result<Typed, UsageError> {
    let form = "type a time such as 18:00, 2026-12-24T18:00 or 2026-12-24T18:00+00:00";
    let no = |_| error(text, "is no time", form);
    let plain = text.trim();
    if plain.len() == "18:00".len() {
        return Clock::strptime("%H:%M", plain).map(Typed::Clock).map_err(no);
    }
    let local = |text: &str| DateTime::strptime("%Y-%m-%dT%H:%M", text);
    match plain.split_at_checked("2026-12-24T18:00".len()) {
        Some((_, "")) => local(plain).map(Typed::Local).map_err(no),
        Some((date, "Z" | "z")) => {
            let at = local(date).map_err(no)?;
            TimeZone::UTC.to_timestamp(at).map(Typed::Instant).map_err(no)
        }
        _ => Timestamp::strptime("%Y-%m-%dT%H:%M%:z", plain).map(Typed::Instant).map_err(no),
    }
}

/// An instant that is to come. `zone` is where clocks are meant that are typed without one.
///
/// # Errors
/// A [`UsageError`] with what to type instead, also where clocks are set forward past that time, or back so
/// that they show it twice.
pub fn parse(text: &str, now: Time, zone: &TimeZone) -> Result<Time, UsageError> {
    let far = |_| error(text, "is too far off", "choose a time within a year");
    let present = i64::try_from(now.as_micros())
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let present = present.ok_or_else(|| error(text, "has no present", "try again"))?;
    let at = match typed(text)? {
        Typed::Instant(at) => at,
        Typed::Local(at) => local(text, at, zone)?,
        Typed::Clock(clock) => {
            let today = zone.to_datetime(present).date();
            let on = |day: Date| local(text, day.to_datetime(clock), zone);
            match on(today)? {
                at if at > present => at,
                _ => on(today.checked_add(1.day()).map_err(far)?)?,
            }
        }
    };
    if at <= present {
        return Err(error(text, "is past", "choose a time that is to come"));
    }
    let micros = u64::try_from(at.as_microsecond()).ok();
    let time = micros.and_then(|micros| Time::from_micros(micros).ok());
    time.ok_or_else(|| error(text, "is too far off", "choose a time within a year"))
}

/// A time as clocks of a zone show it, to the second.
#[must_use]
pub fn print(time: Time, zone: &TimeZone) -> String {
    let seconds = i64::try_from(time.as_micros() / 1_000_000).ok();
    let Some(at) = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
        return time.to_string();
    };
    let (local, offset) = (zone.to_datetime(at), zone.to_offset(at));
    let offset = if offset.is_zero() { "UTC".to_owned() } else { format!("UTC{offset}") };
    format!("{} {} {offset}", local.date(), local.time())
}

/// When clocks in a zone show this, if they do so once.
fn local(text: &str, at: DateTime, zone: &TimeZone) -> Result<Timestamp, UsageError> {
    let with_zone = "type it with the offset from UTC, such as 2026-12-24T18:00+00:00";
    let ambiguous = zone.to_ambiguous_timestamp(at);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {}
        AmbiguousOffset::Gap { .. } => {
            return Err(error(text, "is skipped here: clocks are set forward then", with_zone));
        }
        AmbiguousOffset::Fold { .. } => {
            return Err(error(text, "comes twice here: clocks are set back then", with_zone));
        }
    }
    ambiguous.unambiguous().map_err(|_| error(text, "is no time here", with_zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of 27 November 2026, UTC.
    fn now() -> Time {
        "2026-11-27T12:00:00.000000Z".parse().unwrap()
    }

    fn lisbon() -> TimeZone {
        // Rules of its own, so that the test needs no files of the system.
        TimeZone::posix("WET0WEST,M3.5.0/1,M10.5.0").unwrap()
    }

    fn at(text: &str) -> Result<String, String> {
        let east = TimeZone::posix("EET-2").unwrap();
        parse(text, now(), &east).map(|time| time.to_string()).map_err(|error| error.message)
    }

    #[test]
    fn a_clock_time_is_the_next_one_here() {
        assert_eq!(at("18:00").unwrap(), "2026-11-27T16:00:00.000000Z");
        assert_eq!(at(" 14:01 ").unwrap(), "2026-11-27T12:01:00.000000Z");
        // It is 14:00 here now: that is past.
        assert_eq!(at("14:00").unwrap(), "2026-11-28T12:00:00.000000Z");
        assert_eq!(at("00:00").unwrap(), "2026-11-27T22:00:00.000000Z");
    }

    #[test]
    fn a_date_is_here_unless_it_says_where() {
        assert_eq!(at("2026-12-24T18:00").unwrap(), "2026-12-24T16:00:00.000000Z");
        assert_eq!(at("2026-12-24T18:00+00:00").unwrap(), "2026-12-24T18:00:00.000000Z");
        assert_eq!(at("2026-12-24T18:00Z").unwrap(), "2026-12-24T18:00:00.000000Z");
        assert_eq!(at("2026-12-24T18:00-05:30").unwrap(), "2026-12-24T23:30:00.000000Z");
    }

    #[test]
    fn what_is_past_or_no_time_is_refused_and_says_so() {
        for text in ["2026-11-27T14:00", "2026-11-27T12:00Z", "1999-01-01T00:00"] {
            assert_eq!(at(text).unwrap_err(), format!("`{text}` is past"));
        }
        for text in [
            "",
            "18",
            "18:0",
            "25:00",
            "18:60",
            "1800",
            "6pm",
            "18:00:00",
            "2026-12-24",
            "2026-13-24T18:00",
            "2026-02-29T18:00",
            "2026-12-24 18:00",
            "2026-12-24T18:00+24:00x",
            "٠٩:٠٠",
            "tomorrow",
        ] {
            assert!(at(text).unwrap_err().ends_with("is no time"), "{text}");
            assert!(read(text).is_err(), "{text}");
        }
        assert!(at("2999-12-31T23:59").is_ok(), "how far off is for the rules to say");
    }

    #[test]
    fn an_hour_that_clocks_skip_or_show_twice_is_asked_back() {
        let at = |text| parse(text, now(), &lisbon()).map_err(|error| error.message);
        assert!(at("2027-03-28T01:30").unwrap_err().contains("skipped here"));
        assert!(at("2027-10-31T01:30").unwrap_err().contains("twice here"));
        assert_eq!(at("2027-03-28T02:00").unwrap().to_string(), "2027-03-28T01:00:00.000000Z");
        assert_eq!(
            at("2027-10-31T01:30+00:00").unwrap().to_string(),
            "2027-10-31T01:30:00.000000Z"
        );
    }

    #[test]
    fn a_time_is_printed_as_clocks_of_the_zone_show_it() {
        let summer: Time = "2026-07-01T22:30:05.999999Z".parse().unwrap();
        assert_eq!(print(now(), &TimeZone::UTC), "2026-11-27 12:00:00 UTC");
        assert_eq!(print(now(), &lisbon()), "2026-11-27 12:00:00 UTC");
        assert_eq!(print(summer, &lisbon()), "2026-07-01 23:30:05 UTC+01");
        assert_eq!(print(summer, &TimeZone::posix("EET-2").unwrap()), "2026-07-02 00:30:05 UTC+02");
        assert!(print(Time::MAX, &TimeZone::UTC).starts_with("9999-12-31"));
    }
}
