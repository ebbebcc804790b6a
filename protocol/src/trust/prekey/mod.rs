//! Prekeys: what is left out so that others can write to somebody who is away (SPEC 8.1).
//!
//! X-Wing (draft-connolly-cfrg-xwing-kem; KEM 0x647A of HPKE): ML-KEM-768 and X25519 at once, so that what is recorded
//! today stays closed as long as either of the two holds. A *signed* key is renewed each day its owner connects; a
//! *one-time* key is handed out once, and its secret destroyed with the letter that it opened.

use std::borrow::Cow;
use std::fmt;

use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem, Serializable as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::trust::seal::SealPublic;
use crate::value::codec::{Digest, from_base64url, to_base64url};
use crate::value::label;

mod context;

pub(crate) use context::{Psk, Receiver, Sender};

/// Bytes of a public key: 1,184 of ML-KEM-768, 32 of X25519.
pub const PUBLIC: usize = 1_216;
/// Bytes of an encapsulation: 1,088 of ML-KEM-768, 32 of X25519.
pub const ENCAPSULATED: usize = 1_120;

type Public = <XWing as Kem>::PublicKey;
type Secret = <XWing as Kem>::PrivateKey;

/// Why bytes are no prekey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrekeyError {
    /// Another length than [`PUBLIC`].
    #[error("a prekey of {got} bytes, not of {max}", max = PUBLIC)]
    Length {
        /// The length, in bytes.
        got: usize,
    },
    /// A coefficient of ML-KEM's half is not below q.
    #[error("the ML-KEM half of the prekey is not canonical")]
    MlKem,
    /// The X25519 half is of small order, or its highest bit is set.
    #[error("the X25519 half of the prekey is not usable")]
    X25519,
}

/// The secret half of a prekey: the seed of 32 bytes, expanded each time it is used. Wiped when dropped, hidden from
/// `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PrekeySecret([u8; 32]);

impl PrekeySecret {
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

    /// The public half. Takes about 0.1 ms.
    ///
    /// # Panics
    /// Never: X-Wing's public keys have one size.
    #[must_use]
    pub fn public(&self) -> PrekeyPublic {
        let bytes = XWing::sk_to_pk(&self.expanded()).to_bytes();
        let bytes = bytes.as_slice().try_into();
        PrekeyPublic(Box::new(bytes.expect("a public key of X-Wing has 1,216 bytes")))
    }

    fn expanded(&self) -> Secret {
        Secret::from_bytes(&self.0).expect("an X-Wing secret is any 32 bytes")
    }
}

impl fmt::Debug for PrekeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrekeySecret(..)")
    }
}

/// A key to seal letters to, of which every part was looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct PrekeyPublic(Box<[u8; PUBLIC]>);

impl PrekeyPublic {
    /// Takes a public key as it was handed out (V-240).
    ///
    /// # Errors
    /// [`PrekeyError`] if no honest program makes such a key.
    pub fn parse(bytes: &[u8]) -> Result<Self, PrekeyError> {
        let length = || PrekeyError::Length { got: bytes.len() };
        let key: Box<[u8; PUBLIC]> = Box::new(bytes.try_into().map_err(|_| length())?);
        Public::from_bytes(bytes).map_err(|_| PrekeyError::MlKem)?;
        let half = key.last_chunk::<32>().ok_or_else(length)?;
        let [.., last] = *half;
        // HPKE takes both: a half that adds nothing, and one whose highest bit X25519 leaves out.
        if last & 0x80 != 0 || SealPublic(*half).require_usable().is_err() {
            return Err(PrekeyError::X25519);
        }
        Ok(Self(key))
    }

    /// The bytes that are handed out.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }

    /// Its name: SHA-256 of `pregao/prekey/v1` ‖ the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::labelled(label::PREKEY, &*self.0)
    }

    fn expanded(&self) -> Public {
        Public::from_bytes(&*self.0).expect("it was read before")
    }
}

impl fmt::Display for PrekeyPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_base64url(&*self.0))
    }
}

/// In JSON base64url. What is read was looked at as [`PrekeyPublic::parse`] does.
impl Serialize for PrekeyPublic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PrekeyPublic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = from_base64url(&text).map_err(D::Error::custom)?;
        Self::parse(&bytes).map_err(D::Error::custom)
    }
}

impl fmt::Debug for PrekeyPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrekeyPublic({})", self.digest())
    }
}

/// The randomness of one encapsulation. Wiped when dropped.
pub(crate) type Randomness = Zeroizing<[u8; 64]>;

#[cfg(test)]
mod tests;
