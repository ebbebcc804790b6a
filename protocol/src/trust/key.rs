//! Ed25519 keys that know their purpose.
//!
//! One key serves one purpose (SPEC 3.1): the purpose is part of the type, so a key that stamps
//! cannot sign a ticket by mistake. Verification is strict everywhere, with no batch variant, so
//! that broker, peers and the offline verifier can never disagree about a signature.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::value::codec::{array_from_base64url, array_from_hex, text_form, to_base64url};

/// What a key may sign.
pub trait Purpose: 'static {
    /// The purpose in one word, for messages and for `Debug`.
    const NAME: &'static str;
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Purpose for $name {
            const NAME: &'static str = $word;
        }
    )*};
}

purposes! {
    /// A person's pseudonym; signs handshakes, proofs and disclosures, never actions.
    Persona = "persona";
    /// Signs the one action it was derived for.
    OneTime = "one-time";
    /// A broker's pinned key; signs its certificate and handshakes.
    SessionKey = "session";
    /// Signs a broker's log heads.
    HeadKey = "head";
    /// Signs a broker's own entries and its refusals.
    EntryKey = "entry";
    /// The CA's key; signs certificates.
    Authority = "authority";
    /// Signs tickets (JWT).
    Ticket = "ticket";
    /// Signs the batch headers of stamps.
    StampKey = "stamp";
    /// Cosigns the heads of brokers' logs.
    WitnessKey = "witness";
    /// Of one message box; signs what its owner does there, and letters from it that are evidence.
    BoxKey = "box";
    /// Signs the one deposit that it was made for.
    DepositKey = "deposit";
    /// Of the two members of a reveal room together; signs that one of them said something.
    PairKey = "pair";
    /// Signs offers to enrol citizens, and states the keys of token issuers.
    Enrolment = "enrolment";
}

/// A signature that did not verify, or a key that no honest program makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no point, a point of small order, or one with a torsion component.
    #[error("not a usable Ed25519 public key")]
    Malformed,
    /// The signature is not by this key over these bytes.
    #[error("the signature does not verify")]
    Signature,
}

/// SHA-256 of a public key's DER `SubjectPublicKeyInfo`; lower-case hexadecimal as text.
///
/// `openssl pkey -pubin -outform DER | sha256sum` prints the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

text_form!(Fingerprint, 32, hex::encode, array_from_hex::<32>);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// An Ed25519 signature; base64url in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

text_form!(Signature, 64, to_base64url, array_from_base64url::<64>);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

/// A public key for one purpose; 32 bytes, base64url in JSON.
pub struct PublicKey<P>(pub [u8; 32], PhantomData<fn() -> P>);

impl<P: Purpose> PublicKey<P> {
    /// Takes the 32 bytes of RFC 8032 as they are; a key that is no point never verifies.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The 32 bytes of RFC 8032.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of the DER `SubjectPublicKeyInfo` (RFC 8410).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.to_spki()).into())
    }

    /// DER `SubjectPublicKeyInfo` (RFC 8410): 44 bytes for every Ed25519 key.
    #[must_use]
    pub fn to_spki(&self) -> Vec<u8> {
        ed25519_dalek::pkcs8::PublicKeyBytes(self.0)
            .to_public_key_der()
            .map(|document| document.as_bytes().to_vec())
            .unwrap_or_default()
    }

    /// Verifies strictly: canonical encodings, no small-order key or `R` (V-001).
    ///
    /// # Errors
    /// [`KeyError`] if the key or the signature is not acceptable.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let statement = verified::statement(&self.0, &signature.0, message);
        if verified::is_known(&statement) {
            return Ok(());
        }
        self.verifying()?
            .verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0))
            .map_err(|_| KeyError::Signature)?;
        verified::note(statement);
        Ok(())
    }

    /// Refuses keys that are no point, of small order, or not torsion-free (V-002).
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn require_torsion_free(&self) -> Result<(), KeyError> {
        let key = self.verifying()?;
        if !key.is_weak() && key.to_edwards().is_torsion_free() {
            Ok(())
        } else {
            Err(KeyError::Malformed)
        }
    }

    pub(crate) fn verifying(&self) -> Result<VerifyingKey, KeyError> {
        VerifyingKey::from_bytes(&self.0).map_err(|_| KeyError::Malformed)
    }
}

impl<P> Clone for PublicKey<P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P> Copy for PublicKey<P> {}
impl<P> PartialEq for PublicKey<P> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<P> Eq for PublicKey<P> {}
impl<P> Hash for PublicKey<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<P: Purpose> fmt::Debug for PublicKey<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey<{}>({})", P::NAME, to_base64url(&self.0))
    }
}
impl<P> fmt::Display for PublicKey<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_base64url(&self.0))
    }
}
impl<P> serde::Serialize for PublicKey<P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64url(&self.0))
    }
}
impl<'de, P> serde::Deserialize<'de> for PublicKey<P> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        array_from_base64url(&text)
            .map(|bytes| Self(bytes, PhantomData))
            .map_err(serde::de::Error::custom)
    }
}

/// A secret key for one purpose. Wiped when dropped; `Debug` shows the purpose only.
pub struct SecretKey<P>(SigningKey, PhantomData<fn() -> P>);

impl<P: Purpose> SecretKey<P> {
    /// The key of a 32-byte seed (RFC 8032).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed), PhantomData)
    }

    /// The seed, for keeping it at rest. The copy wipes itself.
    #[must_use]
    pub fn expose_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey<P> {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs bytes that already carry their label.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl<P: Purpose> fmt::Debug for SecretKey<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey<{}>(..)", P::NAME)
    }
}

/// Signatures that this thread verified lately: the same header comes with many entries, and what a receipt shows
/// was verified before, piece by piece.
mod verified {
    use std::cell::RefCell;

    use sha2::{Digest as _, Sha256};

    /// Hash of key, signature and message: whoever finds another statement of the same hash has broken
    /// SHA-256.
    pub(super) type Statement = [u8; 32];

    /// Statements remembered by each thread, in 32 KiB; a new one takes the place of an old one.
    const PLACES: usize = 1_024;

    thread_local! {
        static KNOWN: RefCell<Vec<Statement>> = RefCell::new(vec![[0; 32]; PLACES]);
    }

    /// Key and signature have one size each, so no two statements are written alike.
    pub(super) fn statement(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> Statement {
        Sha256::new()
            .chain_update(key)
            .chain_update(signature)
            .chain_update(message)
            .finalize()
            .into()
    }

    fn place(statement: &Statement) -> usize {
        let [first, second, ..] = *statement;
        usize::from(u16::from_be_bytes([first, second])) % PLACES
    }

    pub(super) fn is_known(statement: &Statement) -> bool {
        KNOWN.with_borrow(|known| known.get(place(statement)) == Some(statement))
    }

    pub(super) fn note(statement: Statement) {
        KNOWN.with_borrow_mut(|known| {
            if let Some(slot) = known.get_mut(place(&statement)) {
                *slot = statement;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v001_what_verified_before_says_nothing_of_anything_else() {
        let key = SecretKey::<Persona>::from_seed(&[7; 32]);
        let public = key.public();
        let signature = key.sign(b"message");
        for _ in 0..2 {
            assert_eq!(public.verify(b"message", &signature), Ok(()));
        }
        let mut other = signature;
        for at in 0..64 {
            other.0[at] ^= 1;
            assert!(public.verify(b"message", &other).is_err(), "byte {at}");
            other.0[at] ^= 1;
        }
        assert!(public.verify(b"messagf", &signature).is_err());
        assert!(public.verify(b"message ", &signature).is_err());
        let another = SecretKey::<Persona>::from_seed(&[8; 32]).public();
        assert!(another.verify(b"message", &signature).is_err());
        // One message longer by a byte of the signature before it, as if the border were moved.
        let moved = [&signature.0[63..], b"message"].concat();
        assert!(public.verify(&moved, &signature).is_err());
        // A refused one is refused again, and a great many others change nothing.
        for n in 0..3_000_u32 {
            let message = n.to_be_bytes();
            assert_eq!(public.verify(&message, &key.sign(&message)), Ok(()));
            assert!(public.verify(&message, &signature).is_err());
        }
        assert_eq!(public.verify(b"message", &signature), Ok(()));
    }

    #[test]
    fn the_identity_point_verifies_nothing() {
        let mut identity = [0_u8; 32];
        identity[0] = 1;
        let key = PublicKey::<Persona>::from_bytes(identity);
        let mut forged = [0_u8; 64];
        forged[0] = 1;
        assert!(key.verify(b"anything", &Signature(forged)).is_err());
        assert_eq!(key.require_torsion_free(), Err(KeyError::Malformed));
    }

    #[test]
    fn a_key_with_a_torsion_component_is_refused() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        use curve25519_dalek::edwards::CompressedEdwardsY;
        let honest = SecretKey::<Persona>::from_seed(&[7; 32]).public();
        assert_eq!(honest.require_torsion_free(), Ok(()));
        let point = CompressedEdwardsY(honest.0).decompress().unwrap() + EIGHT_TORSION[1];
        let mixed = PublicKey::<Persona>::from_bytes(point.compress().0);
        assert_eq!(mixed.require_torsion_free(), Err(KeyError::Malformed));
    }

    #[test]
    fn debug_shows_the_purpose_and_no_secret() {
        let key = SecretKey::<StampKey>::from_seed(&[7; 32]);
        assert_eq!(format!("{key:?}"), "SecretKey<stamp>(..)");
    }

    #[test]
    fn a_damaged_signature_is_refused() {
        let key = SecretKey::<EntryKey>::from_seed(&[1; 32]);
        let signature = key.sign(b"message");
        assert_eq!(key.public().verify(b"message", &signature), Ok(()));
        assert_eq!(key.public().verify(b"massage", &signature), Err(KeyError::Signature));
        for byte in 0..64 {
            let mut damaged = signature;
            damaged.0[byte] ^= 1;
            assert!(key.public().verify(b"message", &damaged).is_err(), "byte {byte}");
        }
    }
}
