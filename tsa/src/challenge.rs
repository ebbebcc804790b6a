//! Challenges that cost the TSA no memory until they are used (SPEC 3.2, V-017).
//!
//! The same kind serves tickets and the enrolment of citizens, each under a key of its own.
//! A challenge is 8 random bytes, the end of its life on this process's clock, and a MAC over both
//! under a key of this process. Asking for challenges therefore fills no table, and nobody can keep
//! others from getting one. Remembered are only those used: each cost a certified persona's proof, or the
//! signature of a citizen's card.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use pregao_protocol::certificate::ticket::Challenge;

/// How long a challenge for a ticket is good for.
pub const LIFETIME: Duration = Duration::from_secs(60);
/// Used challenges remembered at once: a thousand tickets in each second of a lifetime.
const MAX_USED: usize = 65_536;
/// Bytes before the MAC.
const SIGNED: usize = 16;

/// Why a challenge earns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// Not of this process, used before, or too old.
    #[error("this challenge is not open: never given, used before, or too old")]
    Unknown,
    /// Too many were used within a lifetime.
    #[error("{MAX_USED} challenges are remembered as used")]
    Busy,
}

impl ChallengeError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "challenge.unknown",
            Self::Busy => "challenge.busy",
        }
    }
}

/// Gives challenges and takes each back once.
pub struct Challenges {
    key: hmac::Key,
    lifetime: Duration,
    /// Ends of life of those used, in milliseconds.
    used: Mutex<BTreeMap<Challenge, u64>>,
}

impl Challenges {
    /// Challenges for tickets, under a key of 32 random bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self::lasting(LIFETIME, key)
    }

    /// Challenges with this lifetime, under a key of 32 random bytes.
    #[must_use]
    pub fn lasting(lifetime: Duration, key: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { key, lifetime, used: Mutex::default() }
    }

    /// A challenge, given at `now` on a clock that only grows.
    #[must_use]
    pub fn give(&self, random: [u8; 8], now: Duration) -> Challenge {
        let mut bytes = [0_u8; 32];
        let end = millis(now.saturating_add(self.lifetime));
        let signed = [random, end.to_be_bytes()].concat();
        let tag = hmac::sign(&self.key, &signed);
        for (byte, from) in bytes.iter_mut().zip(signed.iter().chain(tag.as_ref())) {
            *byte = *from;
        }
        Challenge(bytes)
    }

    /// Whether a challenge could be taken back; gives the moment at which it was given. It stays
    /// open.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn check(&self, challenge: Challenge, now: Duration) -> Result<Duration, ChallengeError> {
        let end = self.end(challenge, now)?;
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&challenge) {
            return Err(ChallengeError::Unknown);
        }
        Ok(Duration::from_millis(end).saturating_sub(self.lifetime))
    }

    /// Takes back a challenge of this process, once, before its end.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn take(&self, challenge: Challenge, now: Duration) -> Result<(), ChallengeError> {
        let end = self.end(challenge, now)?;
        let now = millis(now);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&challenge) {
            return Err(ChallengeError::Unknown);
        }
        if used.len() >= MAX_USED {
            used.retain(|_, end| now < *end);
        }
        if used.len() >= MAX_USED {
            return Err(ChallengeError::Busy);
        }
        used.insert(challenge, end);
        Ok(())
    }

    /// The end of life, in milliseconds, of a challenge of this process that is not over.
    fn end(&self, challenge: Challenge, now: Duration) -> Result<u64, ChallengeError> {
        let (signed, shown) = challenge.0.split_at(SIGNED);
        let tag = hmac::sign(&self.key, signed);
        let (tag, _) = tag.as_ref().split_at(shown.len());
        constant_time::verify_slices_are_equal(tag, shown).map_err(|_| ChallengeError::Unknown)?;
        let (_, end) = signed.split_at(8);
        let end = <[u8; 8]>::try_from(end).map_err(|_| ChallengeError::Unknown)?;
        let end = u64::from_be_bytes(end);
        if millis(now) < end { Ok(end) } else { Err(ChallengeError::Unknown) }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
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
}
