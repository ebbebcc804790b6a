//! What only the counterparty may read: HPKE (RFC 9180) to a key made for one action (SPEC 8).
//!
//! Base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. Base mode says nothing
//! about the sender: whoever needs that signs what is sealed. Keys of small order are refused by
//! both sides, for with them everybody could open.

use std::fmt;

use curve25519_dalek::montgomery::MontgomeryPoint;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::codec::{array_from_base64url, text_form, to_base64url};
use crate::session::padding::{pad, unpad};

/// Bytes that sealing adds: the encapsulated key in front, the tag at the end.
pub const OVERHEAD: usize = ENCAPSULATED + 16;
const ENCAPSULATED: usize = 32;

type Suite = X25519HkdfSha256;
type Public = <Suite as Kem>::PublicKey;
type Secret = <Suite as Kem>::PrivateKey;
type Encapsulated = <Suite as Kem>::EncappedKey;

/// Why something was not sealed or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key is of small order: what is sealed to it, everybody can open.
    #[error("not a usable X25519 public key")]
    Key,
    /// The plaintext does not fit the size it is to be padded to.
    #[error("{got} bytes do not fit {max}")]
    TooLong {
        /// The room, in bytes.
        max: usize,
        /// The plaintext, in bytes.
        got: usize,
    },
    /// Not sealed to this key, for this purpose (`info`, `aad`), or damaged.
    #[error("cannot be opened with this key in this context")]
    Open,
    /// Opened, and not of the one size or not padded by the rule.
    #[error("the plaintext is not padded by the rule")]
    Padding,
}

/// The secret half of a key that others seal to. Wiped when dropped, hidden from `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SealKey([u8; 32]);

impl SealKey {
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

    /// The public half.
    #[must_use]
    pub fn public(&self) -> SealPublic {
        SealPublic(Suite::sk_to_pk(&self.secret()).to_bytes().into())
    }

    fn secret(&self) -> Secret {
        Secret::from_bytes(&self.0).expect("an X25519 secret is any 32 bytes")
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// A key to seal to: 32 bytes of X25519, base64url as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealPublic(pub [u8; 32]);

text_form!(SealPublic, 32, to_base64url, array_from_base64url::<32>);

impl SealPublic {
    /// Refuses keys of small order, to which nothing can be sealed: for refusing an action that
    /// carries one, before anybody depends on it.
    ///
    /// # Errors
    /// [`SealError::Key`].
    pub fn require_usable(&self) -> Result<(), SealError> {
        // Every X25519 secret is a multiple of 8, so what 8 takes to zero, all of them do. Four
        // bits of ladder: this stands in the way of every bid.
        let eight = [true, false, false, false].into_iter();
        let multiple = MontgomeryPoint(self.0).mul_bits_be(eight);
        if multiple == MontgomeryPoint([0; 32]) { Err(SealError::Key) } else { Ok(()) }
    }
}

impl fmt::Debug for SealPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealPublic({self})")
    }
}

/// Seals `plaintext` to `public`: encapsulated key, ciphertext, tag. `seed` is fresh from a
/// cryptographic generator for this call alone.
///
/// # Errors
/// [`SealError::Key`] if the key is of small order.
pub fn seal(
    public: &SealPublic,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    seed: [u8; 32],
) -> Result<Vec<u8>, SealError> {
    seal_with(public, info, aad, plaintext, &mut ChaCha20Rng::from_seed(seed))
}

fn seal_with(
    public: &SealPublic,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let public = Public::from_bytes(&public.0).map_err(|_| SealError::Key)?;
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        Suite,
    >(&OpModeS::Base, &public, info, plaintext, aad, rng)
    .map_err(|_| SealError::Key)?;
    Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens what [`seal`] made with the same `info` and `aad`.
///
/// # Errors
/// [`SealError::Open`], whatever the reason.
pub fn open(
    secret: &SealKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    let (encapsulated, ciphertext) =
        sealed.split_at_checked(ENCAPSULATED).ok_or(SealError::Open)?;
    let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(|_| SealError::Open)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Suite>(
        &OpModeR::Base,
        &secret.secret(),
        &encapsulated,
        info,
        ciphertext,
        aad,
    )
    .map_err(|_| SealError::Open)
}

/// As [`seal`], with the plaintext padded to `size` bytes (its length of four bytes included),
/// so that the result is `size` + [`OVERHEAD`] bytes whatever was said.
///
/// # Errors
/// [`SealError::TooLong`]; [`SealError::Key`] as [`seal`].
pub fn seal_padded(
    public: &SealPublic,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    size: usize,
    seed: [u8; 32],
) -> Result<Vec<u8>, SealError> {
    let padded = pad(plaintext, size)
        .ok_or(SealError::TooLong { max: size.saturating_sub(4), got: plaintext.len() })?;
    seal(public, info, aad, &padded, seed)
}

/// Opens what [`seal_padded`] made with the same `info`, `aad` and `size`.
///
/// # Errors
/// [`SealError::Open`] as [`open`]; [`SealError::Padding`] if the size is another or the padding
/// is not zeros.
pub fn open_padded(
    secret: &SealKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
    size: usize,
) -> Result<Vec<u8>, SealError> {
    let padded = open(secret, info, aad, sealed)?;
    if padded.len() != size {
        return Err(SealError::Padding);
    }
    unpad(&padded).map(<[u8]>::to_vec).ok_or(SealError::Padding)
}
