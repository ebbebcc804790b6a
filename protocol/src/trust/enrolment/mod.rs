//! Blind enrolment of citizens (SPEC 3.5): the CA learns that a citizen enrolled, and later that
//! some citizen's persona asks for a certificate, and cannot bring the two together.
//!
//! 1. [`Offer`]: the TSA signs a fresh challenge and a key for this one application.
//! 2. [`token::TokenRequest`]: the peer blinds a request for its persona; the card signs
//!    [`Offer::statement`], which names TSA, connection and the *blinded* request.
//! 3. [`Application`], sealed to the offer's key; [`ApplicationAnswer`], sealed to a key of the applicant.
//! 4. [`token::Token`]: unblinded, it buys the persona's certificate on another connection.
//!
//! Both sealing keys are fresh for one application, so recording the exchange and later stealing
//! every long-term key opens nothing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::trust::blind::BlindError;
use crate::trust::certificate::ticket::Challenge;
use crate::trust::jws::{self, JwsError};
use crate::trust::key::{Enrolment, Fingerprint, PublicKey, SecretKey};
use crate::trust::seal::{SealError, SealKey, SealPublic, open_padded, seal_padded};
use crate::value::clock::Time;
use crate::value::codec::{Digest, base64url_bytes, base64url_list};
use crate::value::label;
use crate::value::report::Report;

pub mod issuer;
pub mod token;

/// Why a message of the enrolment was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// Not signed by the TSA's enrolment key, or of another kind.
    #[error("not signed by the TSA's enrolment key")]
    Signature(#[source] JwsError),
    /// Signed, but not in its one encoding, or beyond its limits.
    #[error("the content is malformed")]
    Content,
    /// By another CA than the pinned one.
    #[error("it is of the CA {found}")]
    Authority {
        /// The CA it names.
        found: Fingerprint,
    },
    /// An RSA key that is not of 3,072 bits with exponent 65,537.
    #[error("the issuer's key is not one that an honest TSA makes")]
    Key,
    /// A period that is empty or goes backwards.
    #[error("the issuer's period makes no sense")]
    Period,
    /// Not sealed to this key for this application, or damaged.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// Blinding or unblinding failed: the other side does not hold the issuer's key.
    #[error("the blind signature does not verify")]
    BlindSignature,
    /// The token is not of this issuer, or not for this persona.
    #[error("the token does not hold for this persona")]
    Token,
}

impl From<BlindError> for EnrolmentError {
    fn from(error: BlindError) -> Self {
        match error {
            BlindError::Key => Self::Key,
            BlindError::Number => Self::Content,
            BlindError::Signature => Self::BlindSignature,
        }
    }
}

/// What a TSA offers one applicant: a challenge, and a key that exists for its answer alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Fingerprint of the CA.
    pub authority: Fingerprint,
    /// Fresh, good for one application.
    pub challenge: Challenge,
    /// What the application is sealed to.
    pub seal: SealPublic,
    /// Name of the issuer key that signs tokens now.
    pub issuer: Digest,
    /// TSA time at which it was made.
    pub time: Time,
}

impl Offer {
    /// Signs the offer.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<Enrolment>) -> String {
        jws::sign(label::TYP_OFFER, &serde_json::to_vec(self).unwrap_or_default(), key)
    }

    /// Verifies an offer of the CA `authority` (V-130). Whether `issuer` is the one that signs
    /// now, the caller judges, who has the key set and the time.
    ///
    /// # Errors
    /// [`EnrolmentError::Signature`], [`EnrolmentError::Content`], [`EnrolmentError::Authority`].
    pub fn verify(
        compact: &str,
        key: &PublicKey<Enrolment>,
        authority: Fingerprint,
    ) -> Result<Self, EnrolmentError> {
        let offer: Self = verified(compact, label::TYP_OFFER, label::MAX_OFFER, key)?;
        if offer.authority != authority {
            return Err(EnrolmentError::Authority { found: offer.authority });
        }
        Ok(offer)
    }

    /// What the citizen card signs (V-131): label ‖ CA ‖ challenge ‖ both sealing keys ‖ issuer ‖
    /// SHA-256 of the blinded request.
    ///
    /// It names the TSA, the connection (by the two keys that exist for it alone) and the blinded
    /// request. It does not name the persona.
    #[must_use]
    pub fn statement(&self, reply: &SealPublic, blinded: &[u8]) -> Vec<u8> {
        [
            label::ENROL.as_bytes(),
            &self.authority.0,
            &self.challenge.0,
            &self.seal.0,
            &reply.0,
            &self.issuer.0,
            &Sha256::digest(blinded),
        ]
        .concat()
    }
}

/// What the applicant shows of themselves: seen by the TSA alone.
///
/// Wiped when dropped, but for the key to answer to, which is public.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The card's authentication certificate, in DER.
    #[serde(with = "base64url_bytes")]
    pub certificate: Vec<u8>,
    /// CA certificates that came with the card, in DER; at most [`label::MAX_CARD_ISSUERS`].
    #[serde(with = "base64url_list")]
    pub issuers: Vec<Vec<u8>>,
    /// The blinded request for a token; [`label::ISSUER_SIZE`] bytes.
    #[serde(with = "base64url_bytes")]
    pub blinded: Vec<u8>,
    /// What the answer is to be sealed to; fresh for this application.
    #[zeroize(skip)]
    pub reply: SealPublic,
    /// The card's signature over [`Offer::statement`].
    #[serde(with = "base64url_bytes")]
    pub signature: Vec<u8>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Application(..)")
    }
}

impl Application {
    /// Seals it for the TSA that made the offer. `seed` is fresh from a cryptographic generator.
    ///
    /// # Errors
    /// [`EnrolmentError::Sealed`] if the card's certificates are too long together.
    pub fn seal(&self, offer: &Offer, seed: [u8; 32]) -> Result<Vec<u8>, EnrolmentError> {
        let plain = serde_json::to_vec(self).map_err(|_| EnrolmentError::Content)?;
        let plain = Zeroizing::new(plain);
        let (info, size) = (apply_info(offer.authority, offer.challenge), label::APPLICATION_SIZE);
        Ok(seal_padded(&offer.seal, &info, b"", &plain, size, seed)?)
    }

    /// Opens an application for the offer with this challenge (V-132).
    ///
    /// # Errors
    /// [`EnrolmentError::Sealed`] and [`EnrolmentError::Content`].
    pub fn open(
        sealed: &[u8],
        authority: Fingerprint,
        challenge: Challenge,
        key: &SealKey,
    ) -> Result<Self, EnrolmentError> {
        let info = apply_info(authority, challenge);
        let plain = open_padded(key, &info, b"", sealed, label::APPLICATION_SIZE)?;
        let plain = Zeroizing::new(plain);
        let application: Self = canonical(&plain)?;
        let fits = application.issuers.len() <= label::MAX_CARD_ISSUERS
            && application.blinded.len() == label::ISSUER_SIZE
            && application.reply.require_usable().is_ok();
        if fits { Ok(application) } else { Err(EnrolmentError::Content) }
    }
}

/// The TSA's answer: seen by the applicant alone, and of one size whatever it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ApplicationAnswer {
    /// The blinded request, signed.
    Signed {
        /// [`label::ISSUER_SIZE`] bytes.
        #[serde(with = "base64url_bytes")]
        blind_signature: Vec<u8>,
    },
    /// No token, and why not.
    Refused(Report),
}

impl ApplicationAnswer {
    /// Seals it for the applicant. `seed` is fresh from a cryptographic generator.
    ///
    /// # Errors
    /// [`EnrolmentError::Sealed`] if the texts are too long or the key is of no use.
    pub fn seal(
        &self,
        challenge: Challenge,
        reply: &SealPublic,
        seed: [u8; 32],
    ) -> Result<Vec<u8>, EnrolmentError> {
        let plain = serde_json::to_vec(self).map_err(|_| EnrolmentError::Content)?;
        let (info, size) = (answer_info(challenge), label::ANSWER_SIZE);
        Ok(seal_padded(reply, &info, b"", &plain, size, seed)?)
    }

    /// Opens the answer to the application for the offer with this challenge (V-133).
    ///
    /// # Errors
    /// [`EnrolmentError::Sealed`] and [`EnrolmentError::Content`].
    pub fn open(
        sealed: &[u8],
        challenge: Challenge,
        reply: &SealKey,
    ) -> Result<Self, EnrolmentError> {
        let plain = open_padded(reply, &answer_info(challenge), b"", sealed, label::ANSWER_SIZE)?;
        canonical(&Zeroizing::new(plain))
    }
}

fn apply_info(authority: Fingerprint, challenge: Challenge) -> Vec<u8> {
    [label::APPLY.as_bytes(), &authority.0, &challenge.0].concat()
}

fn answer_info(challenge: Challenge) -> Vec<u8> {
    [label::ANSWER.as_bytes(), &challenge.0].concat()
}

/// Verifies a JWS by the enrolment key and reads its payload in its one encoding.
fn verified<T: Serialize + DeserializeOwned>(
    compact: &str,
    typ: &str,
    max: usize,
    key: &PublicKey<Enrolment>,
) -> Result<T, EnrolmentError> {
    let payload = jws::Unverified::parse(compact, max)
        .and_then(|parts| parts.verify(typ, key))
        .map_err(EnrolmentError::Signature)?;
    canonical(&payload)
}

fn canonical<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, EnrolmentError> {
    let value: T = serde_json::from_slice(bytes).map_err(|_| EnrolmentError::Content)?;
    let again = Zeroizing::new(serde_json::to_vec(&value).map_err(|_| EnrolmentError::Content)?);
    if *again == bytes { Ok(value) } else { Err(EnrolmentError::Content) }
}

#[cfg(test)]
mod tests;
