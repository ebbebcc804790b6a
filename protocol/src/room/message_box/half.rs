//! The broker's half of the key of a registered letter: sealed to the broker in the deposit, and published once the
//! reader has signed for the letter (SPEC 8.5).

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::log::RoomName;
use crate::trust::key::{OneTime, PublicKey};
use crate::trust::seal::{self, OVERHEAD, SealError, SealKey, SealPublic};
use crate::value::codec::{Digest, array_from_base64url, text_form, to_base64url};
use crate::value::label;

/// Half of the key of a registered letter: 32 bytes, base64url in JSON. Wiped when dropped, hidden from `Debug`. The
/// broker's is secret until its action `handed` publishes it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Half(pub(crate) [u8; 32]);

text_form!(Half, 32, to_base64url, array_from_base64url::<32>);

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Half(..)")
    }
}

impl Half {
    /// Takes 32 bytes fresh from a cryptographic generator, for one letter alone.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What commits to it without telling it (V-331).
    #[must_use]
    pub fn commitment(&self) -> Digest {
        Digest::labelled(label::REGISTERED_COMMITMENT, &self.0)
    }
}

/// Bytes of a half that is sealed.
const SEALED: usize = 32 + OVERHEAD;

/// A half that is sealed to the broker: 80 bytes, base64url in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedHalf(pub [u8; SEALED]);

text_form!(SealedHalf, SEALED, to_base64url, array_from_base64url::<SEALED>);

impl fmt::Debug for SealedHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedHalf({self})")
    }
}

/// What a half is for. The key of the deposit acts once in its box and is never the owner's, so nobody deposits the half
/// of a letter of another: whoever did, could accept that one and read the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfPlace<'a> {
    /// The reader's box.
    pub name: RoomName,
    /// The key that signs the deposit.
    pub key: &'a PublicKey<OneTime>,
    /// SHA-256 of the envelope.
    pub envelope: Digest,
}

impl HalfPlace<'_> {
    pub(crate) fn info(&self) -> Vec<u8> {
        let Self { name, key, envelope } = self;
        [label::REGISTERED_HALF.as_bytes(), &name.0, key.as_bytes(), &envelope.0].concat()
    }
}

/// Why a sealed half is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HalfError {
    /// Not sealed to this key for this deposit, or damaged.
    #[error("the half does not open with this key for this deposit")]
    Open,
    /// It is another than the one that the deposit commits to.
    #[error("the half is not the one that the deposit commits to")]
    Commitment,
}

impl SealedHalf {
    /// Seals a half to the delivery key that the opening of the box names. `seed` is fresh from a cryptographic
    /// generator for this call alone; who shows it shows what was sealed.
    ///
    /// # Errors
    /// [`SealError::Key`] if the key is of small order.
    pub fn seal(
        half: &Half,
        to: &SealPublic,
        place: &HalfPlace<'_>,
        seed: [u8; 32],
    ) -> Result<Self, SealError> {
        let sealed = seal::seal(to, &place.info(), &half.commitment().0, &half.0, seed)?;
        sealed.try_into().map(Self).map_err(|_| SealError::Open)
    }

    /// Opens it as the broker does, and compares it with what the deposit commits to (V-331).
    ///
    /// # Errors
    /// [`HalfError`].
    pub fn open(
        &self,
        secret: &SealKey,
        place: &HalfPlace<'_>,
        commitment: &Digest,
    ) -> Result<Half, HalfError> {
        let opened = seal::open(secret, &place.info(), &commitment.0, &self.0);
        let opened = Zeroizing::new(opened.map_err(|_| HalfError::Open)?);
        let half = Half(opened.as_slice().try_into().map_err(|_| HalfError::Open)?);
        if half.commitment() == *commitment { Ok(half) } else { Err(HalfError::Commitment) }
    }
}
