use super::*;

#[test]
fn pauses_double_up_to_a_bound_and_count_from_the_failure() {
    let mut now = Instant::now();
    let mut retry = Retry::default();
    assert!(retry.is_due(now));
    for milliseconds in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
        retry.failed(now);
        let pause = Duration::from_millis(milliseconds);
        assert_eq!((retry.pause(), retry.at()), (pause, Some(now + pause)));
        let early = now + pause - Duration::from_nanos(1);
        assert!(!retry.is_due(early));
        retry.passed(early);
        assert!(retry.at().is_some(), "the instant has not come");
        now += pause;
        assert!(retry.is_due(now));
        retry.passed(now);
        assert_eq!(retry.at(), None);
    }
}

#[test]
fn nobody_is_absent_while_the_store_fails_or_soon_after_it_turned_somebody_away() {
    let now = Instant::now();
    let health = |works, since| Health { works, since };
    let mut turned = TurnedAway::default();
    assert!(turned.patience(health(false, now), now).is_some());
    assert_eq!(turned.patience(health(true, now), now), None);
    let digest = Digest([1; 32]);
    let later = now + Duration::from_secs(5);
    turned.note([("seller", digest); 2], later);
    let until = turned.patience(health(true, later), later).unwrap();
    assert_eq!(until, later + PATIENCE, "counted from when the store works again");
    assert_eq!(turned.patience(health(true, later), until), None, "and not for ever");
    turned.settled(&digest);
    assert_eq!(turned.patience(health(true, later), later), None);
}

#[test]
fn a_flood_of_one_side_is_bounded_and_pushes_nobodys_excuse_out() {
    let mut turned = TurnedAway::default();
    let digest = |number: u8| Digest([number; 32]);
    let now = Instant::now();
    turned.note([("winner", digest(200))], now);
    turned.note((0..100).map(|number| ("seller", digest(number))), now);
    assert_eq!(turned.digests.len(), REMEMBERED + 1);
    assert!(turned.contains(&digest(0)), "the first of a side stays");
    turned.note([("winner", digest(201))], now);
    assert!(turned.contains(&digest(200)) && turned.contains(&digest(201)));
    assert!(!turned.contains(&digest(99)));
}
