use super::*;

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * HOUR)
}

fn at(of_day: Duration) -> Time {
    Day(20_000).begins().plus(of_day)
}

#[test]
fn receipts_leave_one_to_twenty_four_hours_later_and_looks_come_within_minutes() {
    assert_eq!(receipt_after(0), hours(1));
    assert_eq!(receipt_after(23 * HOUR - 1), hours(24) - Duration::from_secs(1));
    assert_eq!(receipt_after(23 * HOUR), hours(1));
    assert_eq!((look_after(0), look_after(59)), (LOOK_AFTER, Duration::from_secs(89)));
}

#[test]
fn passes_rest_and_are_not_spent_early_on_their_day() {
    let midnight = at(Duration::ZERO);
    assert_eq!(taken_after(midnight, 2 * HOUR - 1), hours(2) - Duration::from_secs(1));
    assert_eq!(taken_after(midnight, 2 * HOUR), Duration::ZERO);
    // Late on a day at once, or so that they have rested before it is over.
    assert_eq!(taken_after(at(hours(18)), HOUR + 9), Duration::from_secs(9));
    assert_eq!(taken_after(at(hours(19)), 7), Duration::ZERO);
    assert_eq!(spent_from(Day(20_000), midnight, [0, 0]), at(hours(5)));
    assert_eq!(
        spent_from(Day(20_000), midnight, [REST_WITHIN - 1, HOUR - 1]),
        at(hours(6) - Duration::from_secs(1))
    );
    assert_eq!(spent_from(Day(20_000), at(hours(8)), [0, HOUR - 1]), at(hours(9)));
    assert_eq!(spent_from(Day(20_000), at(hours(8)), [HOUR, 0]), at(hours(10)));
    assert_eq!(spent_from(Day(20_000), at(hours(22)), [HOUR, 0]), at(hours(23)));
    for late in [hours(23) + hours(1) / 2, hours(25)] {
        assert_eq!(spent_from(Day(20_000), at(late), [0, 0]), at(late));
    }
}

#[test]
fn v375_even_times_share_half_of_the_passes_in_steps_of_two() {
    let a_day = |passes, contacts| hours(18).as_secs() / even_mean(passes, contacts).as_secs();
    let expected = [(1, 16), (2, 8), (3, 4), (5, 4), (6, 2), (10, 2), (11, 1), (20, 1)];
    for (contacts, each) in expected {
        assert_eq!(a_day(40, contacts), each, "{contacts}");
        assert!(contacts as u64 * each <= 20, "never more than half of the passes");
    }
    // One pass less changes nothing, but where a step is.
    assert_eq!((a_day(39, 1), a_day(33, 1), a_day(32, 1), a_day(31, 1)), (16, 16, 16, 8));
    assert_eq!(even_mean(40, 21), hours(36));
    assert_eq!(even_mean(40, 641), even_mean(40, 640));
    assert_eq!(a_day(100, 1), 32);
    assert_eq!(even_mean(1_000_000, 1), even_mean(128, 1));
    for none in [even_mean(0, 1), even_mean(1, 1), even_mean(0, 0), even_mean(40, usize::MAX)] {
        assert_eq!(none, hours(18 * 32));
    }
}

#[test]
fn v375_where_nobody_fetches_there_are_fewer_even_times() {
    let mean = hours(1);
    assert_eq!((slowed(mean, 0), slowed(mean, 15)), (mean, mean));
    assert_eq!((slowed(mean, 16), slowed(mean, 19)), (mean * 2, mean * 2));
    assert_eq!((slowed(mean, 20), slowed(mean, 35)), (mean * 4, mean * 32));
    assert_eq!((slowed(mean, 36), slowed(mean, u32::MAX)), (hours(48), hours(48)));
    // Never more often than where somebody does.
    assert_eq!(slowed(hours(72), 99), hours(72));
    // What a box of ours takes is not filled in a year: 1,000 letters.
    let (mut waits, mut passed) = (0, Duration::ZERO);
    while passed < hours(366 * 24) {
        passed += slowed(even_mean(100, 1), waits);
        waits += 1;
    }
    assert!(waits < 300, "{waits}");
}

#[test]
fn v373_gaps_between_even_times_are_exponential() {
    let mean = hours(1);
    assert_eq!(even_gap(mean, u64::MAX), Duration::ZERO);
    let half = even_gap(mean, (1 << 63) - 1);
    assert!(half.abs_diff(mean.mul_f64(std::f64::consts::LN_2)) < Duration::from_millis(1));
    assert!(even_gap(mean, 0) > mean * 22 && even_gap(mean, 0) < mean * 23);
    // Of even steps through all that can be drawn: the mean, and what part is longer than it.
    let drawn: Vec<_> = (0..10_000).map(|n| even_gap(mean, n * (u64::MAX / 10_000))).collect();
    let found = drawn.iter().sum::<Duration>() / 10_000;
    assert!(found.abs_diff(mean) < mean / 100, "{found:?}");
    let longer = drawn.iter().filter(|gap| **gap > mean).count();
    assert!((3_670..=3_690).contains(&longer), "{longer}");
}

#[test]
fn v373_an_even_time_that_passed_while_the_program_was_away_is_left_out() {
    let time = at(hours(9));
    assert!(is_even_time(time, time) && is_even_time(time, time.plus(LATE)));
    let moment = Duration::from_micros(1);
    assert!(!is_even_time(time, time.minus(moment)));
    assert!(!is_even_time(time, time.plus(LATE).plus(moment)));
}

#[test]
fn v375_some_passes_are_left_for_the_rest() {
    assert!(may_spend_evenly(6, 40) && !may_spend_evenly(5, 40));
    assert!(may_spend_evenly(1, 1) && !may_spend_evenly(0, 1) && !may_spend_evenly(0, 0));
}
