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
use pregao_protocol::trust::certificate::ticket::Challenge;
use pregao_protocol::value::report::Report;

use crate::code;

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
            Self::Unknown => code::CHALLENGE_UNKNOWN,
            Self::Busy => code::CHALLENGE_BUSY,
        }
    }

    /// As the client is told; `renew` says where another challenge comes from.
    #[must_use]
    pub fn report(self, renew: &'static str) -> Report {
        let advice = match self {
            Self::Unknown => renew,
            Self::Busy => "try again in a minute",
        };
        Report::new(self.code(), self.to_string(), advice)
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
mod tests;
