use super::*;

const NOW: Duration = Duration::from_secs(100);

#[test]
fn a_challenge_is_good_once() {
    let challenges = Challenges::new(&[1; 32]);
    let challenge = challenges.give([2; 8], NOW);
    assert_eq!(challenges.take(challenge, NOW), Ok(()));
    assert_eq!(challenges.take(challenge, NOW), Err(ChallengeError::Unknown));
    assert_eq!(challenges.take(challenges.give([3; 8], NOW), NOW), Ok(()));
}

#[test]
fn a_challenge_is_good_until_before_the_end_of_its_minute() {
    let challenges = Challenges::new(&[1; 32]);
    let end = NOW + LIFETIME;
    let late = challenges.take(challenges.give([2; 8], NOW), end);
    assert_eq!(late, Err(ChallengeError::Unknown));
    let last = end - Duration::from_millis(1);
    assert_eq!(challenges.take(challenges.give([2; 8], NOW), last), Ok(()));
}

#[test]
fn checking_a_challenge_leaves_it_open_and_tells_when_it_was_given() {
    let challenges = Challenges::lasting(Duration::from_secs(120), &[1; 32]);
    let challenge = challenges.give([2; 8], NOW);
    let end = NOW + Duration::from_secs(120);
    assert_eq!(challenges.check(challenge, end - Duration::from_millis(1)), Ok(NOW));
    assert_eq!(challenges.check(challenge, end), Err(ChallengeError::Unknown));
    assert_eq!(challenges.take(challenge, NOW), Ok(()));
    assert_eq!(challenges.check(challenge, NOW), Err(ChallengeError::Unknown));
}

#[test]
fn a_challenge_with_any_changed_byte_or_of_another_process_is_unknown() {
    let challenges = Challenges::new(&[1; 32]);
    let challenge = challenges.give([2; 8], NOW);
    for at in 0..32 {
        let mut changed = challenge;
        changed.0[at] ^= 1;
        assert_eq!(challenges.take(changed, NOW), Err(ChallengeError::Unknown), "{at}");
    }
    let other = Challenges::new(&[2; 32]);
    assert_eq!(other.take(challenge, NOW), Err(ChallengeError::Unknown));
}

#[test]
fn used_challenges_are_forgotten_once_their_minute_is_over() {
    let challenges = Challenges::new(&[1; 32]);
    let number = |n: usize| u64::try_from(n).unwrap().to_be_bytes();
    for n in 0..MAX_USED {
        assert_eq!(challenges.take(challenges.give(number(n), NOW), NOW), Ok(()));
    }
    let next = challenges.give(number(MAX_USED), NOW);
    assert_eq!(challenges.take(next, NOW), Err(ChallengeError::Busy));
    let later = NOW + LIFETIME;
    assert_eq!(challenges.take(challenges.give(number(0), later), later), Ok(()));
}
