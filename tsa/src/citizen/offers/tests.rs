use super::*;

const ISSUER: Digest = Digest([4; 32]);

fn seed(byte: u8) -> Zeroizing<[u8; 32]> {
    Zeroizing::new([byte; 32])
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_offer_is_recognised_until_its_end_and_used_up_once() {
    let offers = Offers::new(&[1; 32]);
    let (challenge, key) = offers.offer([2; 8], &seed(3), ISSUER, at(179));
    // The next generation has begun, and the offer still lives.
    let last = at(179) + LIFETIME - Duration::from_millis(1);
    let open = offers.check(challenge, last).unwrap();
    assert_eq!(offers.key(open, ISSUER, last).unwrap().public(), key.public());
    assert_eq!(offers.check(challenge, at(299)).unwrap_err(), ChallengeError::Unknown);
    assert_eq!(offers.take(open, last), Ok(()));
    assert_eq!(offers.take(open, last), Err(ChallengeError::Unknown));
    assert_eq!(offers.check(challenge, last).unwrap_err(), ChallengeError::Unknown);
}

#[test]
fn every_challenge_issuer_and_process_has_a_key_of_its_own() {
    let offers = Offers::new(&[1; 32]);
    let (one, key) = offers.offer([2; 8], &seed(3), ISSUER, at(0));
    let (_, second) = offers.offer([3; 8], &seed(9), ISSUER, at(0));
    assert_ne!(key.public(), second.public());
    let open = offers.check(one, at(0)).unwrap();
    let other = offers.key(open, Digest([5; 32]), at(0)).unwrap();
    assert_ne!(key.public(), other.public());
    let restarted = Offers::new(&[2; 32]);
    assert_eq!(restarted.check(one, at(0)).unwrap_err(), ChallengeError::Unknown);
    let (_, again) = restarted.offer([2; 8], &seed(4), ISSUER, at(0));
    assert_ne!(key.public(), again.public());
}

#[test]
fn keys_of_offers_that_are_over_are_forgotten() {
    let offers = Offers::new(&[1; 32]);
    let (challenge, _) = offers.offer([2; 8], &seed(3), ISSUER, at(0));
    let open = offers.check(challenge, at(0)).unwrap();
    offers.forget(at(359));
    assert!(offers.key(open, ISSUER, at(359)).is_some());
    offers.forget(at(360));
    assert!(offers.keys.lock().unwrap().is_empty());
    assert!(offers.key(open, ISSUER, at(360)).is_none());
}
