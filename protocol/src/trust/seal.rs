//! What only the counterparty may read: HPKE (RFC 9180) to a key made for one action (SPEC 8).
//!
//! Base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. Base mode says nothing
//! about the sender: whoever needs that signs what is sealed. Keys of small order are refused by
//! both sides, for with them everybody could open.

use serde::{Deserialize, Serialize};
use std::fmt;

use curve25519_dalek::montgomery::MontgomeryPoint;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::value::codec::{Digest, array_from_base64url, from_base64url, text_form, to_base64url};
use crate::value::padding::{pad, unpad};

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
        // bits of ladder: every bid waits for this.
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

/// Gives the one key material that an encapsulation asks for, RFC 9180's `ikmE` (64 bytes for X-Wing): so the same seed
/// seals the same plaintext to the same bytes in every implementation, and whoever shows it shows what was sealed.
pub(super) struct KeyMaterial<const N: usize>(pub(super) Zeroizing<[u8; N]>);

impl<const N: usize> rand_core::TryRng for KeyMaterial<N> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for (byte, material) in bytes.iter_mut().zip(self.0.iter()) {
            *byte = *material;
        }
        // What is drawn a second time is not the first time's again.
        for part in self.0.chunks_mut(32) {
            let next = Zeroizing::new(Digest::of(part).0);
            for (byte, material) in part.iter_mut().zip(next.iter()) {
                *byte = *material;
            }
        }
        Ok(())
    }
}

impl<const N: usize> rand_core::TryCryptoRng for KeyMaterial<N> {}

/// Seals `plaintext` to `public`: encapsulated key, ciphertext, tag. `seed` is fresh from a
/// cryptographic generator for this call alone; it is RFC 9180's `ikmE`.
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
    let public = Public::from_bytes(&public.0).map_err(|_| SealError::Key)?;
    let mut rng = KeyMaterial(Zeroizing::new(seed));
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        Suite,
    >(&OpModeS::Base, &public, info, plaintext, aad, &mut rng)
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
        .map(Zeroizing::new)
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
    let padded = Zeroizing::new(open(secret, info, aad, sealed)?);
    if padded.len() != size {
        return Err(SealError::Padding);
    }
    unpad(&padded).map(<[u8]>::to_vec).ok_or(SealError::Padding)
}

/// Ciphertext, base64url in JSON, at most [`Sealed::MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Most bytes of one ciphertext.
    pub const MAX: usize = 8_400;

    /// The ciphertext.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A ciphertext that is too long or not canonical base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ciphertext is at most {max} bytes of canonical base64url", max = Sealed::MAX)]
pub struct SealedError;

impl TryFrom<Vec<u8>> for Sealed {
    type Error = SealedError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, SealedError> {
        if bytes.len() <= Self::MAX { Ok(Self(bytes)) } else { Err(SealedError) }
    }
}

impl TryFrom<String> for Sealed {
    type Error = SealedError;
    fn try_from(text: String) -> Result<Self, SealedError> {
        from_base64url(&text).map_err(|_| SealedError)?.try_into()
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        to_base64url(&sealed.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(serde::Deserialize)]
    #[allow(non_snake_case, reason = "the names of the published file")]
    struct Vector {
        info: String,
        ikmE: String,
        skRm: String,
        pkRm: String,
        enc: String,
        aad: String,
        pt: String,
        ct: String,
    }

    #[test]
    fn the_published_vector_seals_and_opens() {
        let file = include_str!("../../vectors/hpke-x25519-chacha20poly1305.json");
        let vector: Vector = serde_json::from_str(file).unwrap();
        let bytes = |text: &str| hex::decode(text).unwrap();
        let (info, aad) = (bytes(&vector.info), bytes(&vector.aad));
        let secret = SealKey::from_random(bytes(&vector.skRm).try_into().unwrap());
        assert_eq!(hex::encode(secret.public().0), vector.pkRm);
        let sealed = bytes(&format!("{}{}", vector.enc, vector.ct));
        let seed = bytes(&vector.ikmE).try_into().unwrap();
        let own = seal(&secret.public(), &info, &aad, &bytes(&vector.pt), seed).unwrap();
        assert_eq!(own, sealed);
        assert_eq!(hex::encode(open(&secret, &info, &aad, &sealed).unwrap()), vector.pt);
    }

    fn key() -> SealKey {
        SealKey::from_random([7; 32])
    }

    #[test]
    fn another_key_info_or_aad_opens_nothing() {
        let sealed = seal(&key().public(), b"info", b"aad", b"secret", [1; 32]).unwrap();
        assert_eq!(sealed.len(), 6 + OVERHEAD);
        assert_eq!(open(&key(), b"info", b"aad", &sealed).unwrap(), b"secret");
        let other = SealKey::from_random([8; 32]);
        assert_eq!(open(&other, b"info", b"aad", &sealed), Err(SealError::Open));
        assert_eq!(open(&key(), b"inf", b"oaad", &sealed), Err(SealError::Open));
        assert_eq!(open(&key(), b"info", b"", &sealed), Err(SealError::Open));
        assert_eq!(open(&key(), b"", b"aad", &sealed), Err(SealError::Open));
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_refused() {
        let sealed = seal(&key().public(), b"info", b"aad", b"secret", [1; 32]).unwrap();
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert_eq!(open(&key(), b"info", b"aad", &flipped), Err(SealError::Open), "{at}");
            assert_eq!(open(&key(), b"info", b"aad", &sealed[..at]), Err(SealError::Open), "{at}");
        }
        let longer = [sealed, vec![0]].concat();
        assert_eq!(open(&key(), b"info", b"aad", &longer), Err(SealError::Open));
    }

    #[test]
    fn keys_of_small_order_are_refused_by_both_sides() {
        let mut one = [0_u8; 32];
        one[0] = 1;
        for point in [[0; 32], one] {
            let weak = SealPublic(point);
            assert_eq!(weak.require_usable(), Err(SealError::Key));
            assert_eq!(seal(&weak, b"", b"", b"x", [1; 32]), Err(SealError::Key));
            let mut sealed = seal(&key().public(), b"", b"", b"x", [1; 32]).unwrap();
            sealed[..32].copy_from_slice(&point);
            assert_eq!(open(&key(), b"", b"", &sealed), Err(SealError::Open));
        }
        assert_eq!(key().public().require_usable(), Ok(()));
    }

    #[test]
    fn padding_hides_the_length_and_has_one_form() {
        let public = key().public();
        let padded = |text: &[u8]| seal_padded(&public, b"i", b"a", text, 64, [1; 32]);
        for text in [b"".as_slice(), b"short", &[1; 60]] {
            let sealed = padded(text).unwrap();
            assert_eq!(sealed.len(), 64 + OVERHEAD);
            assert_eq!(open_padded(&key(), b"i", b"a", &sealed, 64).unwrap(), text);
            assert_eq!(open_padded(&key(), b"i", b"a", &sealed, 63), Err(SealError::Padding));
            assert_eq!(open_padded(&key(), b"i", b"b", &sealed, 64), Err(SealError::Open));
        }
        assert_eq!(padded(&[1; 61]), Err(SealError::TooLong { max: 60, got: 61 }));
        let mut dirty = pad(b"short", 64).unwrap();
        dirty[63] = 1;
        let sealed = seal(&public, b"i", b"a", &dirty, [1; 32]).unwrap();
        assert_eq!(open_padded(&key(), b"i", b"a", &sealed, 64), Err(SealError::Padding));
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        assert_eq!(format!("{:?}", key()), "SealKey(..)");
        let public = key().public();
        assert_eq!(format!("{public:?}"), format!("SealPublic({public})"));
        let text = serde_json::to_string(&public).unwrap();
        assert_eq!(serde_json::from_str::<SealPublic>(&text).unwrap(), public);
        assert!(serde_json::from_str::<SealPublic>("\"AAAA\"").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_never_open(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert_eq!(open(&key(), b"", b"", &bytes), Err(SealError::Open));
        }
    }
}
