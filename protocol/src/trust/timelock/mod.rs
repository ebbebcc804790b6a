//! Keys that a TSA keeps until an instant: what is sealed to one is opened by nobody before (SPEC 6.1).
//!
//! A TSA states one key for each whole second, under the key of its stamps, as long ahead as a listing may
//! need, and gives its secret to everybody once that second is past. Whoever seals to it trusts that TSA not to
//! give it earlier; to several TSAs, that not as many as are needed together do.

use std::time::Duration;

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::trust::broker::{BrokerError, canonical};
use crate::trust::jws::{self, JwsError};
use crate::trust::key::{Fingerprint, PublicKey, SecretKey, StampKey};
use crate::trust::seal::{SealKey, SealPublic};
use crate::value::clock::Time;
use crate::value::codec::{array_from_base64url, is_false, text_form, to_base64url};
use crate::value::label;

/// How far ahead a key is stated at most: four days more than the longest auction.
pub const MAX_AHEAD: Duration = Duration::from_secs(370 * 24 * 3600);
/// Longest statement, in bytes of its compact JWS.
pub const MAX_STATEMENT: usize = 1_024;
/// Seconds for which the secrets of one master are made: the UTC day of the instant.
pub const DAY: u64 = 24 * 3600;

/// A TSA's word that it keeps the secret of a key until an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeLock {
    /// Fingerprint of the key that stamps, which signs this.
    pub tsa: Fingerprint,
    /// The instant, in whole seconds since 1970.
    pub at: u64,
    /// What to seal to.
    pub key: SealPublic,
    /// Whether the instant is one of simulated time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub simulated: bool,
}

/// The secret of a time-lock whose instant has passed: everybody may have it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OpenedLock(pub [u8; 32]);

impl std::fmt::Debug for OpenedLock {
    /// It is made before it is published.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenedLock(..)")
    }
}

text_form!(OpenedLock, 32, to_base64url, array_from_base64url::<32>);

/// Why a statement is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeLockError {
    /// It is no JWS of the right kind, or not signed by the key it names.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// It is not the canonical form of a statement.
    #[error("not the canonical form of a time-lock's statement")]
    Content,
    /// It names a key that is none of the expected TSAs.
    #[error("stated by another TSA than the expected ones")]
    UnknownTsa,
    /// Its instant is beyond the calendar.
    #[error("an instant beyond the calendar")]
    Instant,
    /// To its key nothing can be sealed.
    #[error("a key to which nothing can be sealed")]
    Key,
}

impl From<BrokerError> for TimeLockError {
    fn from(_: BrokerError) -> Self {
        Self::Content
    }
}

impl TimeLock {
    /// Signs the statement.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<StampKey>) -> String {
        jws::sign(label::TYP_TIMELOCK, &serde_json::to_vec(self).unwrap_or_default(), key)
    }

    /// Verifies a statement by one of the keys of TSAs that are expected (V-162).
    ///
    /// # Errors
    /// [`TimeLockError`] naming what is wrong.
    pub fn open(compact: &str, keys: &[PublicKey<StampKey>]) -> Result<Self, TimeLockError> {
        let stated: Self = canonical(&jws::dangerous_payload(compact, MAX_STATEMENT)?)?;
        let by = keys.iter().find(|key| key.fingerprint() == stated.tsa);
        let by = by.ok_or(TimeLockError::UnknownTsa)?;
        jws::Unverified::parse(compact, MAX_STATEMENT)?.verify(label::TYP_TIMELOCK, by)?;
        stated.instant().ok_or(TimeLockError::Instant)?;
        stated.key.require_usable().map_err(|_| TimeLockError::Key)?;
        Ok(stated)
    }

    /// The instant as a time; `None` beyond the calendar.
    #[must_use]
    pub fn instant(&self) -> Option<Time> {
        instant(self.at)
    }

    /// Whether this is the secret that was kept.
    #[must_use]
    pub fn is_opened_by(&self, secret: &SealKey) -> bool {
        secret.public() == self.key
    }
}

/// A number of seconds since 1970 as a time; `None` beyond the calendar.
#[must_use]
pub fn instant(at: u64) -> Option<Time> {
    Time::from_micros(at.checked_mul(1_000_000)?).ok()
}

/// What the secrets of one day are made from: 32 random bytes that a TSA keeps. Wiped when dropped, hidden from
/// `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Master([u8; 32]);

impl Master {
    /// Takes 32 bytes fresh from a cryptographic generator, or from where they were kept.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for keeping them at rest.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The secret of an instant: HKDF-SHA-256 (RFC 5869) without a salt, `info` = `pregao/timelock/v1` ‖ `at` (8
    /// bytes, big-endian).
    ///
    /// # Panics
    /// Never: HKDF gives 32 bytes of anything.
    #[must_use]
    pub fn secret(&self, at: u64) -> SealKey {
        let mut secret = [0; 32];
        let info = [label::TIMELOCK.as_bytes(), &at.to_be_bytes()].concat();
        let expanded = Hkdf::<Sha256>::new(None, &self.0).expand(&info, &mut secret);
        expanded.expect("32 bytes are fewer than HKDF can give");
        let key = SealKey::from_random(secret);
        secret.zeroize();
        key
    }
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Master(..)")
    }
}

#[cfg(test)]
mod tests;
