//! Blind signatures: RSABSSA-SHA384-PSS-Randomized of RFC 9474, over any message.
//!
//! The signer signs a number that fits every message equally well; what its asker makes of the answer
//! is a signature over the one message that they had in mind. Citizens enrol by it
//! ([`enrolment`](super::enrolment)), and a broker's passes are made by it ([`pass`](super::pass)).

use blind_rsa_signatures::{
    BlindMessage, BlindSignature, BlindingResult, MessageRandomizer,
    PublicKeySha384PSSRandomized as RsaPublic, Secret, SecretKeySha384PSSRandomized as RsaSecret,
    Signature,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::value::codec::{Digest, base64url_bytes, to_base64url};
use crate::value::label;

/// Why a blind signature cannot be made or does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlindError {
    /// An RSA key that is not of 3,072 bits with exponent 65,537, or not in its one encoding.
    #[error("not an RSA key of 3,072 bits with exponent 65,537")]
    Key,
    /// What is to be signed is no number below the modulus.
    #[error("the blinded request is no number below the modulus")]
    Number,
    /// The signature is not by this key over this message.
    #[error("the blind signature does not verify")]
    Signature,
}

/// A public key: RSA of 3,072 bits with exponent 65,537.
#[derive(Clone, PartialEq, Eq)]
pub struct BlindKey {
    key: RsaPublic,
    spki: Vec<u8>,
}

impl std::fmt::Debug for BlindKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlindKey({})", self.id())
    }
}

impl BlindKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 8017, `rsaEncryption`) in its one encoding.
    ///
    /// # Errors
    /// [`BlindError::Key`] for any other key or size.
    pub fn from_spki(der: &[u8]) -> Result<Self, BlindError> {
        let key = RsaPublic::from_der(der).map_err(|_| BlindError::Key)?;
        Self::checked(key, der)
    }

    fn checked(key: RsaPublic, der: &[u8]) -> Result<Self, BlindError> {
        let spki = key.to_der().map_err(|_| BlindError::Key)?;
        let parts = key.components();
        // A modulus of fewer bits would begin with a zero byte or a clear bit.
        let full = parts.n().first().is_some_and(|first| first & 0x80 != 0);
        if parts.n().len() == label::ISSUER_SIZE
            && full
            && exponent(&key) == [1, 0, 1]
            && spki == der
        {
            Ok(Self { key, spki })
        } else {
            Err(BlindError::Key)
        }
    }

    /// Its name: SHA-256 of its DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(&self.spki)
    }

    /// DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Modulus and exponent as in a JWK (RFC 7518, 6.3.1).
    #[must_use]
    pub fn jwk_members(&self) -> (String, String) {
        (to_base64url(&self.key.components().n()), to_base64url(&exponent(&self.key)))
    }

    /// Verifies a signature over a message with its random prefix (RFC 9474, `PrepareRandomize`).
    ///
    /// # Errors
    /// [`BlindError::Signature`].
    pub fn verify(
        &self,
        message: &[u8],
        randomizer: &Digest,
        signature: &[u8],
    ) -> Result<(), BlindError> {
        let (signature, randomizer) =
            (Signature(signature.to_vec()), MessageRandomizer(randomizer.0));
        let verified = self.key.verify(&signature, Some(randomizer), message);
        verified.map_err(|_| BlindError::Signature)
    }
}

/// The exponent without leading zeros.
fn exponent(key: &RsaPublic) -> Vec<u8> {
    key.components().e().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A secret key. It signs blinded requests and nothing else: whatever it signed besides, somebody
/// could have it sign unseen.
pub struct BlindSecret(RsaSecret);

impl std::fmt::Debug for BlindSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlindSecret(..)")
    }
}

impl BlindSecret {
    /// Reads a PKCS#8 key in DER.
    ///
    /// # Errors
    /// [`BlindError::Key`] for any other key, size or exponent.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, BlindError> {
        let secret = Self(RsaSecret::from_der(der).map_err(|_| BlindError::Key)?);
        secret.public()?;
        Ok(secret)
    }

    /// The public half.
    ///
    /// # Errors
    /// [`BlindError::Key`] for a key of another size or exponent.
    pub fn public(&self) -> Result<BlindKey, BlindError> {
        let key = self.0.public_key().map_err(|_| BlindError::Key)?;
        let spki = key.to_der().map_err(|_| BlindError::Key)?;
        BlindKey::checked(key, &spki)
    }

    /// Signs a blinded request (RFC 9474, `BlindSign`). `seed` is fresh from a cryptographic generator:
    /// it hides the computation from whoever measures it, and does not change the result.
    ///
    /// # Errors
    /// [`BlindError::Number`] if the request is not a number below the modulus.
    pub fn sign(&self, blinded: &[u8], seed: [u8; 32]) -> Result<Vec<u8>, BlindError> {
        let signed = self.0.blind_sign_with_rng(&mut ChaCha20Rng::from_seed(seed), blinded);
        signed.map(|signature| signature.0).map_err(|_| BlindError::Number)
    }
}

/// A blinded request with what unblinds its answer; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct BlindRequest {
    /// What is sent to be signed: [`label::ISSUER_SIZE`] bytes.
    #[serde(with = "base64url_bytes")]
    pub blinded: Vec<u8>,
    #[serde(with = "base64url_bytes")]
    secret: Vec<u8>,
    #[serde(with = "base64url_bytes")]
    randomizer: Vec<u8>,
}

impl std::fmt::Debug for BlindRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlindRequest(..)")
    }
}

/// What unblinding gives: a signature over a message with a random prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unblinded {
    /// The random prefix.
    pub randomizer: Digest,
    /// [`label::ISSUER_SIZE`] bytes.
    pub signature: Vec<u8>,
}

impl BlindRequest {
    /// Prepares and blinds a request for a signature over `message`. `seed` is fresh from a cryptographic
    /// generator.
    ///
    /// # Errors
    /// [`BlindError::Key`] if the key is of no use.
    pub fn new(key: &BlindKey, message: &[u8], seed: [u8; 32]) -> Result<Self, BlindError> {
        let blinding = key.key.blind(&mut ChaCha20Rng::from_seed(seed), message);
        let BlindingResult { blind_message, secret, msg_randomizer } =
            blinding.map_err(|_| BlindError::Key)?;
        let randomizer = msg_randomizer.ok_or(BlindError::Key)?;
        Ok(Self { blinded: blind_message.0, secret: secret.0, randomizer: randomizer.0.to_vec() })
    }

    /// Unblinds the answer and verifies what comes out (RFC 9474, `Finalize`). `message` is that of
    /// [`BlindRequest::new`].
    ///
    /// # Errors
    /// [`BlindError::Signature`].
    pub fn finish(
        &self,
        key: &BlindKey,
        message: &[u8],
        blind_signature: &[u8],
    ) -> Result<Unblinded, BlindError> {
        let randomizer =
            <[u8; 32]>::try_from(self.randomizer.as_slice()).map_err(|_| BlindError::Signature)?;
        let mut blinding = BlindingResult {
            blind_message: BlindMessage(self.blinded.clone()),
            secret: Secret(self.secret.clone()),
            msg_randomizer: Some(MessageRandomizer(randomizer)),
        };
        let blind_signature = BlindSignature(blind_signature.to_vec());
        let finished = key.key.finalize(&blind_signature, &blinding, message);
        blinding.secret.0.zeroize();
        let signature = finished.map_err(|_| BlindError::Signature)?.0;
        Ok(Unblinded { randomizer: Digest(randomizer), signature })
    }
}
