//! The key that signs blinded requests: one for all citizens of a period, stated in public.

use serde::{Deserialize, Serialize};

use super::{EnrolmentError, verified};
use crate::trust::blind::{BlindKey, BlindSecret};
use crate::trust::key::{Enrolment, Fingerprint, PublicKey, SecretKey};
use crate::value::clock::Time;
use crate::value::codec::{Digest, base64url_bytes};
use crate::value::label;

/// An issuer's public key: RSA of 3,072 bits with exponent 65,537.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuerKey(pub(super) BlindKey);

impl std::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuerKey({})", self.id())
    }
}

impl IssuerKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 8017, `rsaEncryption`) in its one encoding.
    ///
    /// # Errors
    /// [`EnrolmentError::Key`] for any other key or size.
    pub fn from_spki(der: &[u8]) -> Result<Self, EnrolmentError> {
        Ok(Self(BlindKey::from_spki(der)?))
    }

    /// Its name: SHA-256 of its DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.0.id()
    }

    /// DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        self.0.spki()
    }

    /// Modulus and exponent as in a JWK (RFC 7518, 6.3.1).
    #[must_use]
    pub fn jwk_members(&self) -> (String, String) {
        self.0.jwk_members()
    }
}

/// An issuer's secret key, which signs blinded requests and nothing else.
#[derive(Debug)]
pub struct IssuerSecret(BlindSecret);

impl IssuerSecret {
    /// Reads a PKCS#8 key in DER.
    ///
    /// # Errors
    /// [`EnrolmentError::Key`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, EnrolmentError> {
        Ok(Self(BlindSecret::from_pkcs8(der)?))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`EnrolmentError::Key`] for a key of another size or exponent.
    pub fn public(&self) -> Result<IssuerKey, EnrolmentError> {
        Ok(IssuerKey(self.0.public()?))
    }

    /// Signs a blinded request (RFC 9474, `BlindSign`). `seed` is fresh from a cryptographic generator:
    /// it hides the computation from whoever measures it, and does not change the result.
    ///
    /// # Errors
    /// [`EnrolmentError::Content`] if the request is not a number below the modulus.
    pub fn sign(&self, blinded: &[u8], seed: [u8; 32]) -> Result<Vec<u8>, EnrolmentError> {
        Ok(self.0.sign(blinded, seed)?)
    }
}

/// What a TSA states of an issuer key: whose it is and when it signs. Part of the key set, where everybody
/// sees the same: a key of one's own would be noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerStatement {
    /// Fingerprint of the CA.
    pub authority: Fingerprint,
    /// DER `SubjectPublicKeyInfo` of the key.
    #[serde(with = "base64url_bytes")]
    pub key: Vec<u8>,
    /// First instant of the period: from then on it signs.
    pub from: Time,
    /// First instant after the period.
    pub until: Time,
    /// From then on its tokens buy nothing.
    pub spend_until: Time,
    /// Whether cards of the state's test PKI, which anybody can have, get tokens too. Left out when
    /// they do not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

impl IssuerStatement {
    /// Signs the statement.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<Enrolment>) -> String {
        jws_sign(self, key)
    }
}

fn jws_sign(statement: &IssuerStatement, key: &SecretKey<Enrolment>) -> String {
    let payload = serde_json::to_vec(statement).unwrap_or_default();
    crate::trust::jws::sign(label::TYP_ISSUER, &payload, key)
}

/// An issuer whose statement was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its key.
    pub key: IssuerKey,
    /// First instant of the period.
    pub from: Time,
    /// First instant after the period.
    pub until: Time,
    /// From then on its tokens buy nothing.
    pub spend_until: Time,
    /// Whether holders of test cards get its tokens too: then they say nothing of a person.
    pub test: bool,
}

impl Issuer {
    /// Verifies a statement of the CA `authority` (V-134).
    ///
    /// # Errors
    /// [`EnrolmentError`] naming what does not hold.
    pub fn verify(
        compact: &str,
        key: &PublicKey<Enrolment>,
        authority: Fingerprint,
    ) -> Result<Self, EnrolmentError> {
        let stated: IssuerStatement = verified(compact, label::TYP_ISSUER, label::MAX_ISSUER, key)?;
        if stated.authority != authority {
            return Err(EnrolmentError::Authority { found: stated.authority });
        }
        if stated.from >= stated.until || stated.until > stated.spend_until {
            return Err(EnrolmentError::Period);
        }
        let key = IssuerKey::from_spki(&stated.key)?;
        let IssuerStatement { from, until, spend_until, test, .. } = stated;
        Ok(Self { key, from, until, spend_until, test })
    }

    /// Whether it signs blinded requests at `now`.
    #[must_use]
    pub fn signs_at(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether its tokens buy certificates at `now`.
    #[must_use]
    pub fn honoured_at(&self, now: Time) -> bool {
        self.from <= now && now < self.spend_until
    }
}
