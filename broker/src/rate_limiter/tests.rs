use super::*;

#[test]
fn an_allowance_is_spent_and_refilled() {
    let at = |ms: u64| Duration::from_millis(5_000 + ms);
    let mut rate_limiter = RateLimiter::new(10, 3, at(0));
    assert!((0..3).all(|_| rate_limiter.take(at(0))));
    assert!(!rate_limiter.take(at(0)) && !rate_limiter.take(at(99)));
    assert!(rate_limiter.take(at(101)), "ten a second: one every 100 ms");
    assert!(!rate_limiter.take(at(101)));
    assert!((0..3).all(|_| rate_limiter.take(at(60_000))));
    assert!(!rate_limiter.take(at(60_000)), "however long it rests, no more than the burst");
    assert!(!rate_limiter.take(at(0)), "a clock that went back refills nothing");
}
