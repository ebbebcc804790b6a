//! Blinded requests and tokens: RSABSSA-SHA384-PSS-Randomized of RFC 9474.
//!
//! A token is a signature over the persona it was made for. The issuer signed it blinded: it saw a
//! number that fits every persona equally well.

use std::ops::Deref;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::EnrolmentError;
use super::issuer::IssuerKey;
use crate::trust::blind::{BlindRequest, Unblinded};
use crate::trust::key::{Fingerprint, Persona, PublicKey};
use crate::value::codec::{Digest, base64url_bytes};
use crate::value::label;

/// The message under a token: label ‖ CA ‖ persona key (V-135).
fn message(authority: Fingerprint, persona: &PublicKey<Persona>) -> Vec<u8> {
    [label::TOKEN.as_bytes(), &authority.0, persona.as_bytes()].concat()
}

/// A request for a token with what unblinds its answer. To be kept, sealed, before it is sent: the TSA signs
/// one request for each citizen and period. What is sent of it is `blinded`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct TokenRequest(BlindRequest);

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenRequest(..)")
    }
}

impl Deref for TokenRequest {
    type Target = BlindRequest;
    fn deref(&self) -> &BlindRequest {
        &self.0
    }
}

impl TokenRequest {
    /// Prepares and blinds a request for `persona`. `seed` is fresh from a cryptographic generator.
    ///
    /// # Errors
    /// [`EnrolmentError::Key`] if the issuer's key is of no use.
    pub fn new(
        issuer: &IssuerKey,
        authority: Fingerprint,
        persona: &PublicKey<Persona>,
        seed: [u8; 32],
    ) -> Result<Self, EnrolmentError> {
        Ok(Self(BlindRequest::new(&issuer.0, &message(authority, persona), seed)?))
    }

    /// Unblinds the answer and verifies what comes out (RFC 9474, `Finalize`).
    ///
    /// # Errors
    /// [`EnrolmentError::BlindSignature`].
    pub fn finish(
        &self,
        issuer: &IssuerKey,
        authority: Fingerprint,
        persona: &PublicKey<Persona>,
        blind_signature: &[u8],
    ) -> Result<Token, EnrolmentError> {
        let message = message(authority, persona);
        let unblinded = self.0.finish(&issuer.0, &message, blind_signature)?;
        let Unblinded { randomizer, signature } = unblinded;
        Ok(Token { issuer: issuer.id(), randomizer, signature })
    }
}

/// A token: says that an issuer signed for this persona, and with it that its holder is a citizen.
///
/// Of no use to anybody who does not hold the persona's key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Name of the issuer's key.
    pub issuer: Digest,
    /// The random prefix of the message (RFC 9474, `PrepareRandomize`).
    randomizer: Digest,
    /// [`label::ISSUER_SIZE`] bytes.
    #[serde(with = "base64url_bytes")]
    signature: Vec<u8>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token(issuer {})", self.issuer)
    }
}

impl Token {
    /// Verifies the token for a persona (V-135).
    ///
    /// # Errors
    /// [`EnrolmentError::Token`].
    pub fn verify(
        &self,
        issuer: &IssuerKey,
        authority: Fingerprint,
        persona: &PublicKey<Persona>,
    ) -> Result<(), EnrolmentError> {
        if self.issuer != issuer.id() {
            return Err(EnrolmentError::Token);
        }
        let message = message(authority, persona);
        let verified = issuer.0.verify(&message, &self.randomizer, &self.signature);
        verified.map_err(|_| EnrolmentError::Token)
    }

    /// The random prefix and the signature, for tests that play the CA.
    #[must_use]
    pub fn parts(&self) -> (&[u8; 32], &[u8]) {
        (&self.randomizer.0, &self.signature)
    }
}
