//! What a broker says of itself: its keys, and the certificate that names them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::trust::jws::{self, JwsError};
use crate::trust::key::{
    Authority, EntryKey, Fingerprint, HeadKey, PublicKey, SecretKey, SessionKey, StampKey,
};
use crate::trust::seal::SealPublic;
use crate::trust::witness::{Witness, is_quorum_of};
use crate::value::label;

/// Longest broker certificate, in bytes of its compact JWS.
pub const MAX_CERTIFICATE: usize = 3_200;
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

/// The keys of a broker, each for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerKeys {
    /// Signs handshakes; peers pin its fingerprint.
    pub session: PublicKey<SessionKey>,
    /// Signs log heads.
    pub head: PublicKey<HeadKey>,
    /// Signs the broker's own entries and refusals.
    pub entry: PublicKey<EntryKey>,
    /// What witnesses deliver is sealed to it.
    pub delivery: SealPublic,
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
    /// Who cosigns the heads of its public rooms.
    pub witnesses: Vec<Witness>,
    /// How many different operators of witnesses make a head final.
    pub quorum: u32,
    /// Whether those run in simulated time.
    pub simulated: bool,
    /// Stamp keys of further TSAs that it can have lock sealed bids, in the order in which it offers them; 0 to 8 different
    /// ones, none of them in `stamps`. Their stamps count nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<PublicKey<StampKey>>,
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
        certificate.signed(compact)
    }

    /// Verifies a certificate by the session key in it: it is that broker's, whoever that is (V-016).
    ///
    /// # Errors
    /// As [`BrokerCertificate::open`].
    pub fn read(compact: &str) -> Result<Self, BrokerError> {
        let payload = jws::dangerous_payload(compact, MAX_CERTIFICATE)?;
        canonical::<Self>(&payload)?.signed(compact)
    }

    fn signed(self, compact: &str) -> Result<Self, BrokerError> {
        let certificate = self;
        let parts = jws::Unverified::parse(compact, MAX_CERTIFICATE)?;
        parts.verify(label::TYP_BROKER, &certificate.keys.session)?;
        let bounded = |count: usize| (1..=8).contains(&count);
        let keys = bounded(certificate.authorities.len()) && bounded(certificate.stamps.len());
        let witnesses = is_quorum_of(certificate.quorum, &certificate.witnesses);
        let locks = certificate.locks.len() <= 8 && certificate.offers_each_once();
        let usable = certificate.keys.delivery.require_usable().is_ok();
        if keys && witnesses && locks && usable {
            Ok(certificate)
        } else {
            Err(BrokerError::Content)
        }
    }
}

impl BrokerCertificate {
    /// Whether it can have this TSA lock bids: its own, or one of those that it offers besides.
    #[must_use]
    pub fn locks_by(&self, key: &PublicKey<StampKey>) -> bool {
        self.stamps.contains(key) || self.locks.contains(key)
    }

    fn offers_each_once(&self) -> bool {
        let mut seen = BTreeSet::new();
        let mut once = |key: &PublicKey<StampKey>| seen.insert(key.fingerprint());
        self.locks.iter().all(|key| once(key) && !self.stamps.contains(key))
    }
}

pub(crate) fn canonical<T: Serialize + for<'a> Deserialize<'a>>(
    payload: &[u8],
) -> Result<T, BrokerError> {
    let value: T = serde_json::from_slice(payload).map_err(|_| BrokerError::Content)?;
    let again = serde_json::to_vec(&value).map_err(|_| BrokerError::Content)?;
    if again == payload { Ok(value) } else { Err(BrokerError::Content) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(seed: u8) -> Witness {
        Witness {
            name: format!("{seed:x<48}").parse().unwrap(),
            key: SecretKey::from_seed(&[seed; 32]).public(),
            operator: format!("{seed:x<32}").parse().unwrap(),
        }
    }

    fn certificate() -> (SecretKey<SessionKey>, BrokerCertificate) {
        let session = SecretKey::from_seed(&[1; 32]);
        let keys = BrokerKeys {
            session: session.public(),
            head: SecretKey::from_seed(&[2; 32]).public(),
            entry: SecretKey::from_seed(&[3; 32]).public(),
            delivery: crate::trust::seal::SealKey::from_random([6; 32]).public(),
        };
        let authorities = vec![SecretKey::from_seed(&[4; 32]).public()];
        let stamps = vec![SecretKey::from_seed(&[5; 32]).public()];
        let witnesses = vec![witness(1)];
        let (simulated, locks) = (false, Vec::new());
        let certificate =
            BrokerCertificate { keys, authorities, stamps, witnesses, quorum: 1, simulated, locks };
        (session, certificate)
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
    fn v016_a_certificate_has_one_encoding() {
        let (session, certificate) = certificate();
        let payload = String::from_utf8(serde_json::to_vec(&certificate).unwrap()).unwrap();
        let opened = |payload: &str| {
            let compact = jws::sign(label::TYP_BROKER, payload.as_bytes(), &session);
            BrokerCertificate::open(&compact, session.public().fingerprint())
        };
        assert_eq!(opened(&payload), Ok(certificate));
        let simulated = r#","simulated":false"#;
        for other in [
            payload.replace(':', ": "),
            format!(" {payload}"),
            payload.replace(r#""quorum":1"#, r#""quorum":1.0"#),
            payload.replace(r#""quorum":1"#, r#""quorum":01"#),
            payload.replace("quorum", r"quor\u0075m"),
            payload.replace(simulated, ""),
            payload.replace(simulated, &format!(r#"{simulated},"more":1"#)),
            payload
                .replace(r#","quorum":1"#, "")
                .replace(simulated, r#","simulated":false,"quorum":1"#),
        ] {
            assert_ne!(other, payload);
            assert_eq!(opened(&other), Err(BrokerError::Content), "{other}");
        }
    }

    fn tsa(seed: u8) -> PublicKey<StampKey> {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    #[test]
    fn v230_a_broker_offers_eight_further_tsas_at_most_and_each_once() {
        let (session, mut certificate) = certificate();
        let opened = |certificate: &BrokerCertificate| {
            BrokerCertificate::open(&certificate.sign(&session), session.public().fingerprint())
        };
        let silent = String::from_utf8(serde_json::to_vec(&certificate).unwrap()).unwrap();
        assert!(!silent.contains("locks"));
        certificate.locks = (30..38).map(tsa).collect();
        assert_eq!(opened(&certificate), Ok(certificate.clone()));
        for locks in [
            (30..39).map(tsa).collect(),
            vec![tsa(30), tsa(31), tsa(30)],
            vec![tsa(30), certificate.stamps[0]],
        ] {
            let other = BrokerCertificate { locks, ..certificate.clone() };
            assert_eq!(opened(&other), Err(BrokerError::Content));
        }
        let empty = silent.replace(r#""simulated":false"#, r#""simulated":false,"locks":[]"#);
        let empty = jws::sign(label::TYP_BROKER, empty.as_bytes(), &session);
        let empty = BrokerCertificate::open(&empty, session.public().fingerprint());
        assert_eq!(empty, Err(BrokerError::Content));
    }

    #[test]
    fn a_certificate_fits_its_limit_with_every_list_full() {
        let (session, mut certificate) = certificate();
        certificate.authorities = vec![certificate.authorities[0]; 8];
        certificate.stamps = vec![certificate.stamps[0]; 8];
        certificate.witnesses = (1..=5).map(witness).collect();
        certificate.quorum = 3;
        certificate.locks = (30..38).map(tsa).collect();
        let compact = certificate.sign(&session);
        assert!(compact.len() <= MAX_CERTIFICATE, "{}", compact.len());
        assert!(BrokerCertificate::open(&compact, session.public().fingerprint()).is_ok());
        certificate.stamps.push(certificate.stamps[0]);
        let compact = certificate.sign(&session);
        assert!(BrokerCertificate::open(&compact, session.public().fingerprint()).is_err());
    }
}
