//! What a broker says of itself, and signs besides logs: its certificate, refusals, and that it
//! holds a disclosure.

use serde::{Deserialize, Serialize};

use crate::codec::Digest;
use crate::jws::{self, JwsError};
use crate::key::{Authority, EntryKey, Fingerprint, PublicKey, SecretKey, SessionKey, StampKey};
use crate::label;
use crate::log::RoomName;
use crate::persona::Ratio;
use crate::room::Code;
use crate::room::body::BrokerKeys;

/// Longest broker certificate, in bytes of its compact JWS.
pub const MAX_CERTIFICATE: usize = 3_000;
/// Longest refusal, in bytes of its compact JWS.
pub const MAX_REFUSAL: usize = 4_096;
/// Longest word about a disclosure held, in bytes of its compact JWS.
pub const MAX_HELD: usize = 1_024;

/// Why a broker's statement was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The container or its signature is wrong.
    #[error(transparent)]
    Envelope(#[from] JwsError),
    /// The content is not in its canonical encoding.
    #[error("the content is not canonical")]
    Content,
    /// The broker is not the one that was pinned.
    #[error("expected broker {expected}, got {got}")]
    OtherBroker {
        /// The pinned fingerprint.
        expected: Fingerprint,
        /// The fingerprint of the key presented.
        got: Fingerprint,
    },
}

/// A broker's certificate: its keys, each for one purpose, and the TSA and CA keys it works
/// with. Signed by the session key, whose fingerprint the peer pins (SPEC 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerCertificate {
    /// The broker's keys.
    pub keys: BrokerKeys,
    /// CAs whose personas it admits.
    pub authorities: Vec<PublicKey<Authority>>,
    /// TSA keys whose stamps it accepts.
    pub stamps: Vec<PublicKey<StampKey>>,
    /// Whether those run in simulated time.
    pub simulated: bool,
}

impl BrokerCertificate {
    /// Signs the certificate; the result is what travels in message 2 of the handshake.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<SessionKey>) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        jws::sign(label::TYP_BROKER, &payload, key)
    }

    /// Verifies a certificate against the pinned fingerprint (V-015, V-016).
    ///
    /// # Errors
    /// [`BrokerError`] naming what is wrong.
    pub fn open(compact: &str, pinned: Fingerprint) -> Result<Self, BrokerError> {
        let payload = jws::dangerous_payload(compact, MAX_CERTIFICATE)?;
        let certificate: Self = canonical(&payload)?;
        let got = certificate.keys.session.fingerprint();
        if got != pinned {
            return Err(BrokerError::OtherBroker { expected: pinned, got });
        }
        let parts = jws::Unverified::parse(compact, MAX_CERTIFICATE)?;
        parts.verify(label::TYP_BROKER, &certificate.keys.session)?;
        let bounded = |count: usize| (1..=8).contains(&count);
        if bounded(certificate.authorities.len()) && bounded(certificate.stamps.len()) {
            Ok(certificate)
        } else {
            Err(BrokerError::Content)
        }
    }
}

/// A broker's signed word that an action was not accepted, and on what grounds it decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Digest of the refused action.
    pub digest: Digest,
    /// The room it was for.
    pub room: RoomName,
    /// Hash of the batch header of the stamp it was handed in with: by another stamp the answer
    /// might have been another.
    pub stamp: Digest,
    /// Why.
    pub code: Code,
    /// Size of the log when it was decided.
    pub size: u64,
    /// Root of that log.
    pub root: Digest,
    /// Hash of the newest batch header the broker had seen.
    pub batch: Digest,
    /// Where the reason is a common author: the earlier entry, and key = ratio · its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_author: Option<SameAuthor>,
    /// Where the reason is the newest batch header: that header (compact JWS), whose hash is
    /// `batch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// A broker's signed word that it holds a disclosure until the other side's arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Digest of the disclosure.
    pub digest: Digest,
    /// The reveal room.
    pub room: RoomName,
    /// Hash of the batch header of the stamp it was handed in with.
    pub stamp: Digest,
}

impl Held {
    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<EntryKey>) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        jws::sign(label::TYP_HELD, &payload, key)
    }

    /// Verifies it (V-075).
    ///
    /// # Errors
    /// [`BrokerError`] naming what is wrong.
    pub fn open(compact: &str, key: &PublicKey<EntryKey>) -> Result<Self, BrokerError> {
        let parts = jws::Unverified::parse(compact, MAX_HELD)?;
        canonical(&parts.verify(label::TYP_HELD, key)?)
    }
}

/// One author behind a refused action and an entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameAuthor {
    /// Position of the earlier entry.
    pub seq: u64,
    /// The refused action's key = ratio · that entry's key.
    pub ratio: Ratio,
}

impl Refusal {
    /// Signs the refusal.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<EntryKey>) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        jws::sign(label::TYP_REFUSAL, &payload, key)
    }

    /// Verifies a refusal (V-019).
    ///
    /// # Errors
    /// [`BrokerError`] naming what is wrong.
    pub fn open(compact: &str, key: &PublicKey<EntryKey>) -> Result<Self, BrokerError> {
        let parts = jws::Unverified::parse(compact, MAX_REFUSAL)?;
        canonical(&parts.verify(label::TYP_REFUSAL, key)?)
    }
}

fn canonical<T: Serialize + for<'a> Deserialize<'a>>(payload: &[u8]) -> Result<T, BrokerError> {
    let value: T = serde_json::from_slice(payload).map_err(|_| BrokerError::Content)?;
    let again = serde_json::to_vec(&value).map_err(|_| BrokerError::Content)?;
    if again == payload { Ok(value) } else { Err(BrokerError::Content) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> (SecretKey<SessionKey>, BrokerCertificate) {
        let session = SecretKey::from_seed(&[1; 32]);
        let keys = BrokerKeys {
            session: session.public(),
            head: SecretKey::from_seed(&[2; 32]).public(),
            entry: SecretKey::from_seed(&[3; 32]).public(),
        };
        let authorities = vec![SecretKey::from_seed(&[4; 32]).public()];
        let stamps = vec![SecretKey::from_seed(&[5; 32]).public()];
        (session, BrokerCertificate { keys, authorities, stamps, simulated: false })
    }

    #[test]
    fn a_certificate_holds_for_the_pinned_broker_only() {
        let (session, certificate) = certificate();
        let compact = certificate.sign(&session);
        let pinned = session.public().fingerprint();
        assert_eq!(BrokerCertificate::open(&compact, pinned), Ok(certificate.clone()));
        let other = BrokerCertificate::open(&compact, Fingerprint([0; 32]));
        assert!(matches!(other, Err(BrokerError::OtherBroker { .. })));
        let stranger = SecretKey::<SessionKey>::from_seed(&[9; 32]);
        assert!(BrokerCertificate::open(&certificate.sign(&stranger), pinned).is_err());
        assert!(BrokerCertificate::open("..", pinned).is_err());
    }

    #[test]
    fn a_certificate_fits_its_limit_with_every_list_full() {
        let (session, mut certificate) = certificate();
        certificate.authorities = vec![certificate.authorities[0]; 8];
        certificate.stamps = vec![certificate.stamps[0]; 8];
        let compact = certificate.sign(&session);
        assert!(compact.len() <= MAX_CERTIFICATE, "{}", compact.len());
        assert!(BrokerCertificate::open(&compact, session.public().fingerprint()).is_ok());
        certificate.stamps.push(certificate.stamps[0]);
        let compact = certificate.sign(&session);
        assert!(BrokerCertificate::open(&compact, session.public().fingerprint()).is_err());
    }

    #[test]
    fn a_refusal_by_another_key_is_no_refusal() {
        let entry = SecretKey::<EntryKey>::from_seed(&[3; 32]);
        let refusal = Refusal {
            digest: Digest([1; 32]),
            room: RoomName([2; 32]),
            stamp: Digest([6; 32]),
            code: Code::BidTooLow,
            size: 3,
            root: Digest([4; 32]),
            batch: Digest([5; 32]),
            same_author: None,
            header: None,
        };
        let compact = refusal.sign(&entry);
        assert_eq!(Refusal::open(&compact, &entry.public()), Ok(refusal));
        let other = SecretKey::<EntryKey>::from_seed(&[4; 32]).public();
        assert!(Refusal::open(&compact, &other).is_err());
    }

    #[test]
    fn v075_a_word_about_a_disclosure_is_the_brokers_and_of_no_other_kind() {
        let entry = SecretKey::<EntryKey>::from_seed(&[3; 32]);
        let held =
            Held { digest: Digest([1; 32]), room: RoomName([2; 32]), stamp: Digest([3; 32]) };
        let compact = held.sign(&entry);
        assert_eq!(Held::open(&compact, &entry.public()), Ok(held));
        assert!(compact.len() <= MAX_HELD);
        let other = SecretKey::<EntryKey>::from_seed(&[4; 32]).public();
        assert!(Held::open(&compact, &other).is_err());
        assert!(Refusal::open(&compact, &entry.public()).is_err());
    }
}
