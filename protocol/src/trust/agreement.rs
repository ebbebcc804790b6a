//! What two message boxes share without a word between them: X25519 (RFC 7748) of their agreement keys (SPEC 8.1).
//!
//! A letter that is to convince its reader and nobody else carries a MAC under a key that both sides can make. So the
//! reader could have made it, and so can whoever steals one of the two secrets: towards its owner they can then
//! pretend to be anybody. Against quantum computers it proves nothing.

use std::fmt;

use aws_lc_rs::hmac;
use curve25519_dalek::montgomery::MontgomeryPoint;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::trust::key::{Purpose, SecretKey};
use crate::trust::seal::SealPublic;
use crate::value::codec::{array_from_base64url, text_form, to_base64url};

/// A key with which nothing secret can be agreed on: of small order, or not its one encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable X25519 public key")]
pub struct AgreementError;

/// A MAC that is not by this key over these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the MAC is another")]
pub struct MacError;

/// The secret half of a box's agreement key. Wiped when dropped, hidden from `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AgreementSecret([u8; 32]);

impl AgreementSecret {
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
    pub fn public(&self) -> AgreementPublic {
        AgreementPublic(MontgomeryPoint::mul_base_clamped(self.0).0)
    }

    /// The key that this secret and `other` have in common for what `context` says: HKDF-SHA-256 (RFC 5869) without a
    /// salt over X25519 of the two, with `context` as `info`.
    ///
    /// # Errors
    /// [`AgreementError`] if `other` is not usable, or the shared secret is zero.
    ///
    /// # Panics
    /// Never: HKDF gives 32 bytes of anything.
    pub fn agree(
        &self,
        other: &AgreementPublic,
        context: &[u8],
    ) -> Result<AgreedKey, AgreementError> {
        let mut key = AgreedKey(Zeroizing::new([0; 32]));
        self.expand(other, context, &mut key.0)?;
        Ok(key)
    }

    /// A signing key that this secret and `other` have in common, made as [`AgreementSecret::agree`] makes a key for
    /// MACs: what it signs is by one of the two, and nobody else can tell by which.
    ///
    /// # Errors
    /// As [`AgreementSecret::agree`].
    pub fn agree_on_signing<P: Purpose>(
        &self,
        other: &AgreementPublic,
        context: &[u8],
    ) -> Result<SecretKey<P>, AgreementError> {
        let mut seed = Zeroizing::new([0; 32]);
        self.expand(other, context, &mut seed)?;
        Ok(SecretKey::from_seed(&seed))
    }

    fn expand(
        &self,
        other: &AgreementPublic,
        context: &[u8],
        into: &mut [u8; 32],
    ) -> Result<(), AgreementError> {
        other.require_usable()?;
        let shared = Zeroizing::new(MontgomeryPoint(other.0).mul_clamped(self.0).0);
        if bool::from(shared.ct_eq(&[0; 32])) {
            return Err(AgreementError);
        }
        let expanded = Hkdf::<Sha256>::new(None, &*shared).expand(context, into);
        expanded.expect("32 bytes are fewer than HKDF can give");
        Ok(())
    }
}

impl fmt::Debug for AgreementSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgreementSecret(..)")
    }
}

/// The public half of a box's agreement key: 32 bytes of X25519, base64url as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AgreementPublic(pub [u8; 32]);

text_form!(AgreementPublic, 32, to_base64url, array_from_base64url::<32>);

impl AgreementPublic {
    /// Refuses keys of small order, and those with the highest bit set, which X25519 leaves out: a second spelling of
    /// a key would be another key wherever keys are hashed.
    ///
    /// # Errors
    /// [`AgreementError`].
    pub fn require_usable(&self) -> Result<(), AgreementError> {
        let [.., last] = self.0;
        let usable = SealPublic(self.0).require_usable().is_ok();
        if usable && last & 0x80 == 0 { Ok(()) } else { Err(AgreementError) }
    }
}

impl fmt::Debug for AgreementPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementPublic({self})")
    }
}

/// A key that two sides have in common. Wiped when dropped, hidden from `Debug`.
pub struct AgreedKey(Zeroizing<[u8; 32]>);

impl AgreedKey {
    /// HMAC-SHA-256 of `message`.
    ///
    /// # Panics
    /// Never: HMAC-SHA-256 has 32 bytes.
    #[must_use]
    pub fn mac(&self, message: &[u8]) -> Mac {
        let tag = hmac::sign(&self.key(), message);
        Mac(tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes"))
    }

    /// Checks a MAC, in the same time whatever it is.
    ///
    /// # Errors
    /// [`MacError`] if it is another.
    pub fn verify(&self, message: &[u8], mac: &Mac) -> Result<(), MacError> {
        hmac::verify(&self.key(), message, &mac.0).map_err(|_| MacError)
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.0)
    }
}

impl fmt::Debug for AgreedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgreedKey(..)")
    }
}

/// HMAC-SHA-256; base64url in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mac(pub [u8; 32]);

text_form!(Mac, 32, to_base64url, array_from_base64url::<32>);

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// The keys of RFC 7748, section 6.1.
    #[test]
    fn two_sides_agree_on_what_the_published_vector_shares() {
        let alice = AgreementSecret::from_random(bytes(
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        ));
        let bob = AgreementSecret::from_random(bytes(
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        ));
        let shared = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        let expected = Hkdf::<Sha256>::new(None, &shared);
        let mut key = [0; 32];
        expected.expand(b"context", &mut key).unwrap();
        let by_alice = alice.agree(&bob.public(), b"context").unwrap();
        assert_eq!(*by_alice.0, key);
        assert_eq!(*bob.agree(&alice.public(), b"context").unwrap().0, key);
        assert_ne!(*bob.agree(&alice.public(), b"contexu").unwrap().0, key);
        let public = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
        assert_eq!(hex::encode(alice.public().0), public);
    }

    /// RFC 4231, test case 2, with a key of 32 bytes by zeros behind it, which HMAC adds itself.
    #[test]
    fn a_mac_is_hmac_and_another_is_refused() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let key = AgreedKey(Zeroizing::new(key));
        let mac = key.mac(b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(mac.0), expected);
        assert_eq!(key.verify(b"what do ya want for nothing?", &mac), Ok(()));
        assert_eq!(key.verify(b"what do ya want for nothing!", &mac), Err(MacError));
        for at in 0..32 {
            let mut other = mac;
            other.0[at] ^= 1;
            assert_eq!(key.verify(b"what do ya want for nothing?", &other), Err(MacError), "{at}");
        }
    }

    #[test]
    fn v249_a_zero_shared_secret_is_refused() {
        let own = AgreementSecret::from_random([7; 32]);
        // Every u-coordinate of small order, those of the twist and those that are not reduced included.
        for weak in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let mut weak = AgreementPublic(bytes(weak));
            assert_eq!(own.agree(&weak, b"").unwrap_err(), AgreementError, "{weak}");
            weak.0[31] |= 0x80;
            assert_eq!(own.agree(&weak, b"").unwrap_err(), AgreementError, "{weak}");
        }
        let mut other = AgreementSecret::from_random([8; 32]).public();
        assert!(own.agree(&other, b"").is_ok());
        other.0[31] |= 0x80;
        assert_eq!(own.agree(&other, b"").unwrap_err(), AgreementError);
    }

    #[test]
    fn secrets_are_hidden_from_debug() {
        let secret = AgreementSecret::from_random([7; 32]);
        let agreed = secret.agree(&AgreementSecret::from_random([8; 32]).public(), b"").unwrap();
        assert_eq!(format!("{secret:?} {agreed:?}"), "AgreementSecret(..) AgreedKey(..)");
    }
}
