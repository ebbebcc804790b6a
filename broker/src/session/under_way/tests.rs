use super::*;

#[test]
fn v098_a_request_is_overdue_at_its_time_and_not_before() {
    let mut under_way = UnderWay::at_most(8);
    let start = Duration::from_secs(1_000);
    let at = |seconds| start + Duration::from_secs(seconds);
    assert!(under_way.take(7, start) && under_way.take(8, at(5)));
    assert_eq!(under_way.overdue(at(MAX_ANSWER) - Duration::from_nanos(1)), None);
    assert_eq!(under_way.overdue(at(MAX_ANSWER)), Some(7));
    assert_eq!(under_way.overdue(at(MAX_ANSWER)), None, "the other one has time left");
    assert!(!under_way.answered(7), "what comes for it later is not sent");
    assert_eq!(under_way.overdue(at(MAX_ANSWER + 5)), Some(8));
}

#[test]
fn v098_a_request_that_was_answered_is_never_overdue() {
    let mut under_way = UnderWay::at_most(8);
    let start = Duration::from_secs(1_000);
    under_way.take(7, start);
    assert!(under_way.answered(7) && !under_way.answered(7));
    assert_eq!(under_way.overdue(start + 10 * ANSWER_WITHIN), None);
}

#[test]
fn places_are_bounded_and_given_back() {
    let mut under_way = UnderWay::at_most(2);
    let now = Duration::ZERO;
    assert!(under_way.take(1, now) && under_way.take(1, now) && !under_way.take(2, now));
    assert!(under_way.answered(2) && under_way.answered(1));
    assert!(under_way.take(3, now), "one of the two that shared a number is answered");
}
