use super::*;

fn from(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[test]
fn an_address_holds_as_many_as_it_may_and_others_theirs() {
    let limiter = IpLimiter::new(2);
    let first = limiter.take(from("192.0.2.1")).unwrap();
    let _second = limiter.take(from("192.0.2.1")).unwrap();
    assert!(limiter.take(from("192.0.2.1")).is_none());
    let _other = limiter.take(from("192.0.2.2")).unwrap();
    drop(first);
    let _third = limiter.take(from("192.0.2.1")).unwrap();
    assert!(limiter.take(from("192.0.2.1")).is_none());
}

#[test]
fn an_address_mapped_into_ipv6_is_the_plain_one() {
    let limiter = IpLimiter::new(1);
    let held = limiter.take(from("::ffff:192.0.2.1")).unwrap();
    assert!(limiter.take(from("192.0.2.1")).is_none());
    assert!(limiter.take(from("::ffff:192.0.2.1")).is_none());
    // The same digits in other words of IPv6 are another address.
    let _other = limiter.take(from("::192.0.2.1")).unwrap();
    drop(held);
    let _plain = limiter.take(from("192.0.2.1")).unwrap();
    assert!(limiter.take(from("::ffff:c000:201")).is_none());
}

#[test]
fn loopback_is_not_counted_in_any_of_its_forms() {
    let limiter = IpLimiter::new(1);
    for own in ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"] {
        let _held = [limiter.take(from(own)).unwrap(), limiter.take(from(own)).unwrap()];
    }
    assert!(limiter.held.lock().is_empty());
}

#[test]
fn what_is_given_back_or_refused_is_forgotten() {
    let limiter = IpLimiter::new(1);
    drop(limiter.take(from("192.0.2.1")));
    assert!(limiter.held.lock().is_empty());
    let none = IpLimiter::new(0);
    assert!(none.take(from("192.0.2.1")).is_none());
    assert!(none.held.lock().is_empty());
}
