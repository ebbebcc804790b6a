//! Challenges and sealing keys of offers, for which the TSA keeps nothing.
//!
//! The sealing key is derived from the challenge, the issuer that was offered, and a key of this
//! process that is replaced every few minutes. With it goes the means to open what was sealed before:
//! whoever takes the machine later finds no key for the applications of the past.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hkdf;
use pregao_protocol::trust::certificate::ticket::Challenge;
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use zeroize::Zeroizing;

use crate::challenge::{ChallengeError, Challenges};

/// How long an offer is good for: a person finds the card and types a PIN meanwhile.
pub const LIFETIME: Duration = Duration::from_secs(120);
/// How long new offers are made under one key. Longer than an offer lives, so that two keys do.
const GENERATION: Duration = Duration::from_secs(180);

/// The key of one generation, in a box: moving it leaves no copy behind that is not wiped.
struct OfferKey {
    generation: u64,
    secret: Box<Zeroizing<[u8; 32]>>,
}

/// Makes offers, and recognises what comes back.
pub struct Offers {
    challenges: Challenges,
    keys: Mutex<Vec<OfferKey>>,
}

/// An offer of this process that is open.
#[derive(Debug, Clone, Copy)]
pub struct OpenOffer {
    challenge: Challenge,
    given: Duration,
}

impl Offers {
    /// Challenges are made under a key of 32 random bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { challenges: Challenges::lasting(LIFETIME, key), keys: Mutex::default() }
    }

    /// A new offer, made at `now` on a clock that only grows, from fresh random bytes.
    #[must_use]
    pub fn offer(
        &self,
        random: [u8; 8],
        seed: &Zeroizing<[u8; 32]>,
        issuer: Digest,
        now: Duration,
    ) -> (Challenge, SealKey) {
        let challenge = self.challenges.give(random, now);
        let generation = generation(now);
        let mut keys = self.kept(now);
        if !keys.iter().any(|key| key.generation == generation) {
            let mut secret = Box::new(Zeroizing::new([0; 32]));
            secret.copy_from_slice(seed.as_ref());
            keys.push(OfferKey { generation, secret });
        }
        let key = keys.iter().find(|key| key.generation == generation);
        let secret = key.map_or(seed, |key| key.secret.as_ref());
        (challenge, derive(secret, challenge, issuer))
    }

    /// Recognises the challenge of an offer that is open.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn check(&self, challenge: Challenge, now: Duration) -> Result<OpenOffer, ChallengeError> {
        let given = self.challenges.check(challenge, now)?;
        Ok(OpenOffer { challenge, given })
    }

    /// The key that an application for this offer was sealed to, if it offered this issuer.
    #[must_use]
    pub fn key(&self, open: OpenOffer, issuer: Digest, now: Duration) -> Option<SealKey> {
        let keys = self.kept(now);
        let generation = generation(open.given);
        let key = keys.iter().find(|key| key.generation == generation)?;
        Some(derive(&key.secret, open.challenge, issuer))
    }

    /// Uses an offer up.
    ///
    /// # Errors
    /// [`ChallengeError`] if somebody was faster.
    pub fn take(&self, open: OpenOffer, now: Duration) -> Result<(), ChallengeError> {
        self.challenges.take(open.challenge, now)
    }

    /// Wipes the keys of offers that have expired.
    pub fn forget(&self, now: Duration) {
        drop(self.kept(now));
    }

    /// The keys of this generation and of the one before.
    fn kept(&self, now: Duration) -> MutexGuard<'_, Vec<OfferKey>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = generation(now).saturating_sub(1);
        keys.retain(|key| key.generation >= oldest);
        keys
    }
}

fn generation(now: Duration) -> u64 {
    now.as_secs() / GENERATION.as_secs()
}

fn derive(secret: &[u8; 32], challenge: Challenge, issuer: Digest) -> SealKey {
    let info = [label::OFFER.as_bytes(), &challenge.0, &issuer.0];
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, b"").extract(secret);
    let mut bytes = Zeroizing::new([0_u8; 32]);
    let expanded = key.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(bytes.as_mut()));
    expanded.expect("HKDF gives up to 255 times 32 bytes");
    SealKey::from_random(*bytes)
}

#[cfg(test)]
mod tests;
