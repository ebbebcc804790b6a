//! Personas and the one-time keys blinded from them.
//!
//! A persona signs handshakes and disclosures; each action is signed by a key of its own,
//! derived with draft-irtf-cfrg-signature-key-blinding. Whoever has the blind can check which
//! persona a one-time key belongs to; nobody else can, and verification is plain Ed25519.
//!
//! Two things differ from the draft, for reasons (SPEC 4):
//! - the context binds the persona's public key, so that one one-time key cannot be opened to a
//!   second persona by choosing another blind;
//! - the nonce prefix is hashed to 32 bytes from *both* prefixes. A prefix from the blind alone
//!   would let the broker, who knows the blind, compute the persona's secret from one signature.

use std::fmt;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use sha2::{Digest as _, Sha512};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::trust::key::{Fingerprint, KeyError, OneTime, Persona, PublicKey, SecretKey, Signature};
use crate::value::codec::{array_from_base64url, text_form, to_base64url};
use crate::value::label;

/// 32 random bytes that make a one-time key out of a persona. Secret: shared with the broker
/// and, after the close, with the counterparty. Wiped when dropped, hidden from `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Blind([u8; 32]);

impl Blind {
    /// Takes 32 bytes fresh from a cryptographic generator.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for sealing them at rest or towards the broker.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blind(..)")
    }
}

impl serde::Serialize for Blind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64url(&self.0))
    }
}

impl<'de> serde::Deserialize<'de> for Blind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        array_from_base64url(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What a one-time key is bound to: one broker, one action, one persona (SPEC 4).
#[derive(Debug, Clone, Copy)]
pub struct BlindContext {
    /// Fingerprint of the broker's session key.
    pub broker: Fingerprint,
    /// The action's UUID.
    pub action: Uuid,
    /// The persona the key is derived from.
    pub persona: PublicKey<Persona>,
}

impl BlindContext {
    fn bytes(&self) -> Vec<u8> {
        [
            label::BLIND.as_bytes(),
            &[0],
            &self.broker.0,
            self.action.as_bytes(),
            self.persona.as_bytes(),
        ]
        .concat()
    }
}

/// The draft's expansion of a blind: a scalar, reduced and not clamped, and a nonce prefix.
fn expand(blind: &[u8; 32], context: &[u8]) -> ExpandedSecretKey {
    let hash = Sha512::new().chain_update(blind).chain_update([0]).chain_update(context).finalize();
    let (halves, _) = hash.as_chunks::<32>();
    let half = |at: usize| halves.get(at).copied().unwrap_or_default();
    ExpandedSecretKey { scalar: Scalar::from_bytes_mod_order(half(0)), hash_prefix: half(1) }
}

fn blind_public(
    persona: &PublicKey<Persona>,
    scalar: &Scalar,
) -> Result<PublicKey<OneTime>, KeyError> {
    let point = persona.verifying()?.to_edwards();
    // The blind is known to whoever computes this, so variable time leaks nothing.
    let blinded = EdwardsPoint::vartime_double_scalar_mul_basepoint(scalar, &point, &Scalar::ZERO);
    if blinded == EdwardsPoint::identity() {
        return Err(KeyError::Malformed);
    }
    Ok(PublicKey::from_bytes(blinded.compress().0))
}

/// The one-time key that `blind` makes of the context's persona (V-003).
///
/// # Errors
/// [`KeyError::Malformed`] if the persona's key is no usable point.
pub fn blinded(blind: &Blind, context: &BlindContext) -> Result<PublicKey<OneTime>, KeyError> {
    blind_public(&context.persona, &expand(&blind.0, &context.bytes()).scalar)
}

/// The secret half of a one-time key. Derived when needed, never stored: together with its
/// blind it *is* the persona's secret.
pub struct OneTimeKey {
    secret: ExpandedSecretKey,
    public: VerifyingKey,
}

impl OneTimeKey {
    /// Derives the key of one action.
    #[must_use]
    pub fn derive(
        persona: &SecretKey<Persona>,
        broker: Fingerprint,
        action: Uuid,
        blind: &Blind,
    ) -> Self {
        let context = BlindContext { broker, action, persona: persona.public() };
        Self::with_context(persona, &blind.0, &context.bytes())
    }

    fn with_context(persona: &SecretKey<Persona>, blind: &[u8; 32], context: &[u8]) -> Self {
        let own = ExpandedSecretKey::from(&*persona.expose_seed());
        let blinding = expand(blind, context);
        let mut prefix = Zeroizing::new([0_u8; 64]);
        prefix.copy_from_slice(
            &Sha512::new()
                .chain_update(label::NONCE)
                .chain_update(own.hash_prefix)
                .chain_update(blinding.hash_prefix)
                .finalize(),
        );
        let mut hash_prefix = [0_u8; 32];
        hash_prefix.copy_from_slice(prefix.first_chunk::<32>().unwrap_or(&[0; 32]));
        let secret = ExpandedSecretKey { scalar: own.scalar * blinding.scalar, hash_prefix };
        hash_prefix.zeroize();
        let public = VerifyingKey::from(&secret);
        Self { secret, public }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey<OneTime> {
        PublicKey::from_bytes(self.public.to_bytes())
    }

    /// Signs bytes that already carry their label.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(raw_sign::<Sha512>(&self.secret, message, &self.public).to_bytes())
    }
}

impl fmt::Debug for OneTimeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeKey(..)")
    }
}

/// Shows that one author holds two one-time keys, without showing the persona:
/// `key₂ = ratio · key₁`. Base64url of a canonical scalar in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(pub [u8; 32]);

text_form!(Ratio, 32, to_base64url, array_from_base64url::<32>);

impl Ratio {
    /// Computes b₂/b₁ mod L from two blinds of one persona.
    #[must_use]
    pub fn between(first: (&Blind, &BlindContext), second: (&Blind, &BlindContext)) -> Self {
        let one = expand(&first.0.0, &first.1.bytes()).scalar;
        let two = expand(&second.0.0, &second.1.bytes()).scalar;
        Self((two * one.invert()).to_bytes())
    }

    /// Checks key₂ = ratio · key₁ (V-004).
    ///
    /// A ratio of two *unrelated* keys exists as a number but nobody can compute it: it is a
    /// discrete logarithm. Zero and non-canonical scalars are refused.
    ///
    /// # Errors
    /// [`KeyError`] if a key or the ratio is unusable, or the equation does not hold.
    pub fn verify(
        &self,
        first: &PublicKey<OneTime>,
        second: &PublicKey<OneTime>,
    ) -> Result<(), KeyError> {
        let scalar = Option::<Scalar>::from(Scalar::from_canonical_bytes(self.0))
            .ok_or(KeyError::Malformed)?;
        first.require_torsion_free()?;
        second.require_torsion_free()?;
        let one = CompressedEdwardsY(*first.as_bytes()).decompress().ok_or(KeyError::Malformed)?;
        let two = CompressedEdwardsY(*second.as_bytes()).decompress().ok_or(KeyError::Malformed)?;
        let product =
            EdwardsPoint::vartime_double_scalar_mul_basepoint(&scalar, &one, &Scalar::ZERO);
        if product == two { Ok(()) } else { Err(KeyError::Signature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    #[allow(non_snake_case, reason = "the names of the published file")]
    struct Vector {
        comment: String,
        skS: String,
        pkS: String,
        bk: String,
        pkR: String,
        message: String,
        context: String,
        signature: String,
    }

    fn array<const N: usize>(text: &str) -> [u8; N] {
        array_from_hex_any(text).try_into().unwrap()
    }
    fn array_from_hex_any(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn published_vectors_give_the_blinded_key_and_verify() {
        let file = include_str!("../../vectors/key-blinding-ed25519.json");
        let file: Vectors = serde_json::from_str(file).unwrap();
        assert_eq!(file.vectors.len(), 4);
        for vector in file.vectors {
            let persona = SecretKey::<Persona>::from_seed(&array(&vector.skS));
            assert_eq!(
                persona.public().as_bytes(),
                &array::<32>(&vector.pkS),
                "{}",
                vector.comment
            );
            let context = array_from_hex_any(&vector.context);
            let blinding = expand(&array(&vector.bk), &context);
            let public = blind_public(&persona.public(), &blinding.scalar).unwrap();
            assert_eq!(public.as_bytes(), &array::<32>(&vector.pkR), "{}", vector.comment);
            let message = array_from_hex_any(&vector.message);
            public.verify(&message, &Signature(array(&vector.signature))).unwrap();
            let own = OneTimeKey::with_context(&persona, &array(&vector.bk), &context);
            assert_eq!(own.public(), public);
            public.verify(&message, &own.sign(&message)).unwrap();
        }
    }

    fn fixture(seed: u8) -> (SecretKey<Persona>, Fingerprint, Uuid, Blind) {
        let persona = SecretKey::from_seed(&[seed; 32]);
        let broker = Fingerprint([9; 32]);
        (persona, broker, Uuid::from_bytes([seed; 16]), Blind::from_random([seed; 32]))
    }

    #[test]
    fn only_persona_broker_action_and_blind_together_give_the_key() {
        let (persona, broker, action, blind) = fixture(1);
        let key = OneTimeKey::derive(&persona, broker, action, &blind).public();
        let context = BlindContext { broker, action, persona: persona.public() };
        assert_eq!(blinded(&blind, &context), Ok(key));
        let (other, _, other_action, other_blind) = fixture(2);
        assert_ne!(blinded(&other_blind, &context), Ok(key));
        assert_eq!(other_blind.expose(), &[2; 32]);
        assert_ne!(blinded(&blind, &BlindContext { action: other_action, ..context }), Ok(key));
        assert_ne!(
            blinded(&blind, &BlindContext { broker: Fingerprint([8; 32]), ..context }),
            Ok(key)
        );
        assert_ne!(blinded(&blind, &BlindContext { persona: other.public(), ..context }), Ok(key));
    }

    /// Without the persona's key in the context, an attacker who knows his own secret `a'` and
    /// any one-time key's discrete logarithm could present a *persona chosen afterwards*,
    /// A' = b'⁻¹ · key, under a blind b' of his own. With it, b' depends on A' and the equation
    /// has no solution that can be computed.
    #[test]
    fn a_one_time_key_cannot_be_opened_to_a_second_persona() {
        let (persona, broker, action, blind) = fixture(1);
        let key = OneTimeKey::derive(&persona, broker, action, &blind).public();
        let second = Blind::from_random([42; 32]);
        let point = CompressedEdwardsY(*key.as_bytes()).decompress().unwrap();
        // The attack works against a context without the persona's key ...
        let without: Vec<u8> =
            [label::BLIND.as_bytes(), &[0], &broker.0, action.as_bytes()].concat();
        let scalar = expand(&second.0, &without).scalar;
        let chosen = PublicKey::<Persona>::from_bytes((point * scalar.invert()).compress().0);
        assert_eq!(blind_public(&chosen, &scalar), Ok(key));
        // ... and not against ours: the chosen persona changes the scalar it was chosen for.
        let context = BlindContext { broker, action, persona: chosen };
        assert_ne!(blinded(&second, &context), Ok(key));
        let scalar = expand(&second.0, &context.bytes()).scalar;
        let again = PublicKey::<Persona>::from_bytes((point * scalar.invert()).compress().0);
        assert_ne!(blinded(&second, &BlindContext { persona: again, ..context }), Ok(key));
    }

    /// The nonce r must not be computable from the blind: s = r + k·(a·b) would give a.
    #[test]
    fn the_nonce_depends_on_the_persona_secret_and_on_the_blind() {
        let (persona, broker, action, blind) = fixture(1);
        let context = BlindContext { broker, action, persona: persona.public() }.bytes();
        let key = OneTimeKey::with_context(&persona, &blind.0, &context);
        let message = b"one bid";
        let signature = key.sign(message);
        let blinding = expand(&blind.0, &context);
        let s = Scalar::from_canonical_bytes(*signature.0.last_chunk::<32>().unwrap()).unwrap();
        let k = Scalar::from_hash(
            Sha512::new()
                .chain_update(&signature.0[..32])
                .chain_update(key.public().as_bytes())
                .chain_update(message),
        );
        let secret = ExpandedSecretKey::from(&*persona.expose_seed()).scalar;
        let solve = |prefix: &[u8]| {
            let r = Scalar::from_hash(Sha512::new().chain_update(prefix).chain_update(message));
            (s - r) * (k * blinding.scalar).invert()
        };
        // Whoever knows the true prefix solves for the persona's secret ...
        assert_eq!(solve(&key.secret.hash_prefix), secret);
        // ... and every prefix the broker can form from the blind and public values fails.
        let public = persona.public();
        let labelled = |own: &[u8]| {
            Sha512::new()
                .chain_update(label::NONCE)
                .chain_update(own)
                .chain_update(blinding.hash_prefix)
                .finalize()
        };
        assert_ne!(solve(&blinding.hash_prefix), secret);
        assert_ne!(solve(&[blinding.hash_prefix, blinding.hash_prefix].concat()), secret);
        assert_ne!(solve(&labelled(&[])[..32]), secret);
        assert_ne!(solve(&labelled(&[0; 32])[..32]), secret);
        assert_ne!(solve(&labelled(public.as_bytes())[..32]), secret);
        // Two blinds never share a nonce prefix, nor do two personas.
        let other = OneTimeKey::with_context(&persona, &[2; 32], &context);
        assert_ne!(other.secret.hash_prefix, key.secret.hash_prefix);
        let stranger =
            OneTimeKey::with_context(&SecretKey::from_seed(&[3; 32]), &blind.0, &context);
        assert_ne!(stranger.secret.hash_prefix, key.secret.hash_prefix);
    }

    #[test]
    fn a_ratio_shows_one_author_and_no_other() {
        let (persona, broker, action, blind) = fixture(1);
        let (other, _, second_action, second_blind) = fixture(2);
        let first_context = BlindContext { broker, action, persona: persona.public() };
        let second_context = BlindContext { action: second_action, ..first_context };
        let first = blinded(&blind, &first_context).unwrap();
        let second = blinded(&second_blind, &second_context).unwrap();
        let ratio = Ratio::between((&blind, &first_context), (&second_blind, &second_context));
        assert_eq!(ratio.verify(&first, &second), Ok(()));
        assert!(ratio.verify(&second, &first).is_err());
        assert!(Ratio([0; 32]).verify(&first, &second).is_err());
        assert!(Ratio([255; 32]).verify(&first, &second).is_err());
        let stranger =
            blinded(&second_blind, &BlindContext { persona: other.public(), ..second_context })
                .unwrap();
        assert!(ratio.verify(&first, &stranger).is_err());
    }

    /// With a factor of eight a torsion component of the first key vanishes; zero makes anything the identity.
    #[test]
    fn a_ratio_is_of_two_usable_keys() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        let key = |point: EdwardsPoint| PublicKey::<OneTime>::from_bytes(point.compress().0);
        let eight = Scalar::from(8_u8);
        let ratio = Ratio(eight.to_bytes());
        let one = EdwardsPoint::mul_base(&Scalar::from(7_u8));
        let two = one * eight;
        assert_eq!(ratio.verify(&key(one), &key(two)), Ok(()));
        assert_eq!(ratio.verify(&key(two), &key(one)), Err(KeyError::Signature));
        let identity = EdwardsPoint::default();
        for torsion in EIGHT_TORSION {
            let odd = |point: EdwardsPoint| key(point + torsion);
            assert_eq!(ratio.verify(&odd(identity), &key(two)), Err(KeyError::Malformed));
            assert_eq!(ratio.verify(&key(one), &odd(identity)), Err(KeyError::Malformed));
            assert_eq!(Ratio([0; 32]).verify(&key(one), &odd(identity)), Err(KeyError::Malformed));
            if torsion != identity {
                assert_eq!(ratio.verify(&odd(one), &key(two)), Err(KeyError::Malformed));
                assert_eq!(ratio.verify(&key(one), &odd(two)), Err(KeyError::Malformed));
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let (persona, broker, action, blind) = fixture(1);
        assert_eq!(format!("{blind:?}"), "Blind(..)");
        let key = OneTimeKey::derive(&persona, broker, action, &blind);
        assert_eq!(format!("{key:?}"), "OneTimeKey(..)");
    }
}
