//! Passes: what a guest shows in place of a name (SPEC 9.2).
//!
//! A persona asks its broker for passes, blinded; a guest of whom nothing is known spends one. The broker
//! signed numbers that fit every pass of a day equally well, so it cannot tell who took the one that is
//! spent.
//!
//! 1. [`PassRequest`]: a random serial, blinded under the broker's [`PassKey`] of a [`Day`].
//! 2. [`PassSecret::sign`]: the broker signs what it cannot read.
//! 3. [`Pass`]: unblinded. What the broker keeps of one that was spent is [`Pass::id`].

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::trust::blind::{BlindError, BlindKey, BlindRequest, BlindSecret, Unblinded};
use crate::trust::broker::canonical;
use crate::trust::key::Fingerprint;
use crate::value::clock::Time;
use crate::value::codec::{Digest, base64url_bytes};
use crate::value::label;

/// Seconds of a day.
const SECONDS: u64 = 24 * 3_600;

/// Why a pass is not made or buys nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassError {
    /// An RSA key that is not of 3,072 bits with exponent 65,537.
    #[error("the key is not one that an honest broker makes passes with")]
    Key,
    /// What is to be signed is no number below the modulus.
    #[error("the blinded request cannot be signed")]
    Request,
    /// The answer to a request is not signed by the key that it was made for.
    #[error("the broker did not sign the request by the key that it states")]
    BlindSignature,
    /// Not a pass in its one encoding.
    #[error("the pass is malformed")]
    Content,
    /// By the key of another broker.
    #[error("the key is of the broker {found}")]
    Broker {
        /// Whose it is.
        found: Fingerprint,
    },
    /// Of another day than the key.
    #[error("the pass is of day {found}")]
    Day {
        /// Its day.
        found: Day,
    },
    /// Not signed by the key of its day, or changed since.
    #[error("the pass is not signed by the key of its day")]
    Signature,
}

/// A day of UTC, as days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub u32);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Day {
    /// The day of an instant.
    #[must_use]
    pub fn of(time: Time) -> Self {
        Self(u32::try_from(time.as_secs() / SECONDS).unwrap_or(u32::MAX))
    }

    /// So many days later.
    #[must_use]
    pub const fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Its first instant.
    #[must_use]
    pub fn begins(self) -> Time {
        Time::default().plus(Duration::from_secs(u64::from(self.0).saturating_mul(SECONDS)))
    }

    /// The first instant after it.
    #[must_use]
    pub fn ends(self) -> Time {
        self.plus(1).begins()
    }
}

/// The key under which a broker's passes of one day verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassKey {
    broker: Fingerprint,
    day: Day,
    key: BlindKey,
}

impl PassKey {
    /// Reads a DER `SubjectPublicKeyInfo` as the key of this broker and day.
    ///
    /// # Errors
    /// [`PassError::Key`] for any other key or size.
    pub fn from_spki(broker: Fingerprint, day: Day, der: &[u8]) -> Result<Self, PassError> {
        let key = BlindKey::from_spki(der).map_err(|_| PassError::Key)?;
        Ok(Self { broker, day, key })
    }

    /// Fingerprint of the broker's session key.
    #[must_use]
    pub const fn broker(&self) -> Fingerprint {
        self.broker
    }

    /// The day whose passes it signs.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// Its name: SHA-256 of its DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.key.id()
    }

    /// DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        self.key.spki()
    }

    /// What a pass signs (V-255): label ‖ broker ‖ day ‖ serial.
    fn message(&self, serial: &Digest) -> Vec<u8> {
        let Self { broker, day, key: _ } = self;
        [label::PASS.as_bytes(), &broker.0, &day.0.to_be_bytes(), &serial.0].concat()
    }
}

/// The secret by which a broker makes the passes of one day, and nothing else.
#[derive(Debug)]
pub struct PassSecret {
    day: Day,
    secret: BlindSecret,
}

impl PassSecret {
    /// Reads a PKCS#8 key in DER.
    ///
    /// # Errors
    /// [`PassError::Key`] for any other key or size.
    pub fn from_pkcs8(day: Day, der: &[u8]) -> Result<Self, PassError> {
        let secret = BlindSecret::from_pkcs8(der).map_err(|_| PassError::Key)?;
        Ok(Self { day, secret })
    }

    /// The day whose passes it signs.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// The public half, as that of this broker.
    ///
    /// # Errors
    /// [`PassError::Key`].
    pub fn key(&self, broker: Fingerprint) -> Result<PassKey, PassError> {
        let key = self.secret.public().map_err(|_| PassError::Key)?;
        Ok(PassKey { broker, day: self.day, key })
    }

    /// Signs a blinded request. `seed` is fresh from a cryptographic generator: it hides the computation
    /// from whoever measures it, and does not change the result.
    ///
    /// # Errors
    /// [`PassError::Request`] if the request is not a number below the modulus.
    pub fn sign(&self, blinded: &[u8], seed: [u8; 32]) -> Result<Vec<u8>, PassError> {
        self.secret.sign(blinded, seed).map_err(|_| PassError::Request)
    }
}

/// A request for a pass with what unblinds its answer. Whoever reads it can tell which pass came of which
/// request: it is kept secret until it is finished, and wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassRequest {
    day: Day,
    serial: Digest,
    request: BlindRequest,
}

impl std::fmt::Debug for PassRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PassRequest(day {}, ..)", self.day)
    }
}

impl Drop for PassRequest {
    fn drop(&mut self) {
        // The request wipes itself.
        self.serial.0.zeroize();
    }
}

impl ZeroizeOnDrop for PassRequest {}

impl PassRequest {
    /// Prepares and blinds a request for a pass of the key's day. `serial` and `seed` are fresh from a
    /// cryptographic generator.
    ///
    /// # Errors
    /// [`PassError::Key`] if the key is of no use.
    pub fn new(key: &PassKey, serial: [u8; 32], seed: [u8; 32]) -> Result<Self, PassError> {
        let serial = Digest(serial);
        let request = BlindRequest::new(&key.key, &key.message(&serial), seed);
        Ok(Self { day: key.day, serial, request: request.map_err(|_| PassError::Key)? })
    }

    /// The day that it is for.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// What is sent to be signed: [`label::ISSUER_SIZE`] bytes.
    #[must_use]
    pub fn blinded(&self) -> &[u8] {
        &self.request.blinded
    }

    /// Unblinds the answer and verifies what comes out. `key` is that of [`PassRequest::new`].
    ///
    /// # Errors
    /// [`PassError::Day`] for the key of another day, [`PassError::BlindSignature`] if the answer is not
    /// by this key and to this request.
    pub fn finish(&self, key: &PassKey, blind_signature: &[u8]) -> Result<Pass, PassError> {
        if key.day != self.day {
            return Err(PassError::Day { found: self.day });
        }
        let message = key.message(&self.serial);
        let unblinded = self.request.finish(&key.key, &message, blind_signature);
        let Unblinded { randomizer, signature } =
            unblinded.map_err(|_: BlindError| PassError::BlindSignature)?;
        Ok(Pass { day: self.day, serial: self.serial, randomizer, signature })
    }
}

/// A pass: its bearer may do one thing as a guest, on one day. Whoever has it can spend it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    day: Day,
    serial: Digest,
    /// The random prefix of the message (RFC 9474, `PrepareRandomize`).
    randomizer: Digest,
    /// [`label::ISSUER_SIZE`] bytes.
    #[serde(with = "base64url_bytes")]
    signature: Vec<u8>,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pass(day {}, ..)", self.day)
    }
}

impl Pass {
    /// Reads a pass in its one encoding. Whether it holds, [`Pass::verify`] says.
    ///
    /// # Errors
    /// [`PassError::Content`].
    pub fn parse(text: &[u8]) -> Result<Self, PassError> {
        let pass: Self = canonical(text).map_err(|_| PassError::Content)?;
        if pass.is_whole() { Ok(pass) } else { Err(PassError::Content) }
    }

    /// Writes the pass.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The day on which it can be spent.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// Whether it has the size of one. One that has another does not verify either.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.signature.len() == label::ISSUER_SIZE
    }

    /// Verifies the pass as one of this broker (V-255).
    ///
    /// # Errors
    /// [`PassError::Broker`] for the key of another broker, [`PassError::Day`] for that of another day,
    /// [`PassError::Signature`] for a pass that this key did not sign as it is.
    pub fn verify(&self, key: &PassKey, broker: Fingerprint) -> Result<(), PassError> {
        if key.broker != broker {
            return Err(PassError::Broker { found: key.broker });
        }
        if key.day != self.day {
            return Err(PassError::Day { found: self.day });
        }
        let message = key.message(&self.serial);
        let verified = key.key.verify(&message, &self.randomizer, &self.signature);
        verified.map_err(|_| PassError::Signature)
    }

    /// Under what the broker remembers it as spent (V-256). It follows from day and serial alone: a second
    /// signature over the same is no second pass.
    #[must_use]
    pub fn id(&self) -> Digest {
        let named = [self.day.0.to_be_bytes().as_slice(), &self.serial.0].concat();
        Digest::labelled(label::PASS_SPENT, &named)
    }
}

#[cfg(test)]
mod tests;
