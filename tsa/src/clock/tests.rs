use super::*;

fn at(micros: u64) -> Time {
    Time::from_micros(1_800_000_000_000_000 + micros).unwrap()
}

fn reading(wall: u64, monotonic: u64) -> SystemReading {
    SystemReading { wall: at(wall), monotonic: Duration::from_micros(monotonic) }
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

#[test]
fn an_instant_is_past_once_both_clocks_are_and_never_before_a_time_was_signed() {
    let mut clock = Clock::resume(None, None, 0);
    assert_eq!(clock.has_passed(at(0), reading(5, 5)), Ok(false), "nothing was signed yet");
    clock.signed(at(10), reading(10, 100));
    for (wall, monotonic, past) in [
        (20, 110, true),
        (21, 110, true),
        (20, 111, true),
        (19, 110, false),
        (20, 109, false),
        (1_000, 109, false),
        (19, 1_000, false),
    ] {
        let reading = reading(wall, monotonic);
        assert_eq!(clock.has_passed(at(20), reading), Ok(past), "{wall} {monotonic}");
    }
    // After a start, an hour by the wall clock alone is believed, and not more.
    let hour = 3_600_000_000;
    for (away, past) in [(hour, true), (hour + 1, false)] {
        let mut clock = Clock::resume(Some(at(0)), None, 0);
        clock.signed(at(away), reading(away, 0));
        assert_eq!(clock.was_away(), !past);
        assert_eq!(clock.has_passed(at(1), reading(away, 0)), Ok(past));
        let confirmed = clock.confirmed();
        assert_eq!(confirmed.has_passed(at(1), reading(away, 0)), Ok(true));
    }
    let doubted = Clock::resume(Some(at(10)), Some(at(10)), 0);
    assert!(doubted.has_passed(at(0), reading(20, 110)).is_err());
    clock.set_offset(1_000);
    assert_eq!(clock.has_passed(at(20), reading(20, 110)), Ok(false), "not in this time yet");
}
