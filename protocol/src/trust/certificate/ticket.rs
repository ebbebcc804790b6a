//! The session ticket (JWT, RFC 7519) and the proof that earns one (SPEC 3.2).
//!
//! A ticket says to one broker that the CA knows a persona, for five minutes. It is bound to the
//! persona's certificate (RFC 8705), so a stolen ticket is of no use without the persona's key.
//! Both are JWS whose payload has exactly one spelling; they are read with the strict rules of
//! [`crate::trust::jws`] and not by a general JWT library.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::certificate_hash;
use crate::trust::jws::{self, JwsError};
use crate::trust::key::{Fingerprint, Persona, PublicKey, SecretKey, Ticket as TicketKey};
use crate::value::clock::Time;
use crate::value::codec::{Digest, array_from_base64url, text_form, to_base64url};
use crate::value::label;

/// How long a ticket is valid.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(300);
/// How far the reader's clock may be behind the TSA's.
pub const TICKET_SKEW: Duration = Duration::from_secs(5);

/// Why a ticket or a proof was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// No JWS of the expected type by the expected key.
    #[error("not signed with the expected key")]
    Signature(#[source] JwsError),
    /// Other members, another order or impossible values.
    #[error("the content is not canonical")]
    Content,
    /// Issued by another CA.
    #[error("issued by the authority {found}")]
    Issuer {
        /// The CA's fingerprint as the ticket has it.
        found: Fingerprint,
    },
    /// Made for another broker.
    #[error("made for the broker {found}")]
    Audience {
        /// The broker's fingerprint as the ticket has it.
        found: Fingerprint,
    },
    /// Made for another persona.
    #[error("made for another persona")]
    Subject,
    /// Bound to another certificate.
    #[error("bound to another certificate")]
    Binding,
    /// Five minutes have passed.
    #[error("expired at {at}")]
    Expired {
        /// The end of its validity.
        at: Time,
    },
    /// Issued later than the reader's clock says it is.
    #[error("issued at {at}, which is still to come")]
    NotYetValid {
        /// When it says it was issued.
        at: Time,
    },
}

/// Content of a session ticket, in the order of its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Fingerprint of the CA.
    pub iss: Fingerprint,
    /// Fingerprint of the persona.
    pub sub: Fingerprint,
    /// Fingerprint of the broker's session key.
    pub aud: Fingerprint,
    /// When it was issued, in seconds since the epoch.
    pub iat: u64,
    /// When it ends, in seconds since the epoch: [`TICKET_LIFETIME`] after `iat`.
    pub exp: u64,
    /// A random name: two tickets never are the same.
    pub jti: TicketId,
    /// What the ticket is bound to.
    pub cnf: Confirmation,
}

/// The certificate a ticket is bound to (RFC 8705).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// SHA-256 of the certificate's DER.
    #[serde(rename = "x5t#S256")]
    pub certificate: Digest,
}

/// Sixteen random bytes that name a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketId(pub [u8; 16]);

text_form!(TicketId, 16, to_base64url, array_from_base64url::<16>);

/// Who a ticket must be from, for and bound to.
#[derive(Debug, Clone, Copy)]
pub struct TicketParties<'a> {
    /// Fingerprint of the CA.
    pub authority: Fingerprint,
    /// Fingerprint of the broker's session key.
    pub audience: Fingerprint,
    /// Fingerprint of the persona.
    pub persona: Fingerprint,
    /// The persona's certificate, in DER.
    pub certificate: &'a [u8],
}

/// Issues a ticket that ends [`TICKET_LIFETIME`] after `now`.
#[must_use]
pub fn issue_ticket(
    parties: &TicketParties<'_>,
    id: TicketId,
    now: Time,
    key: &SecretKey<TicketKey>,
) -> String {
    let ticket = Ticket {
        iss: parties.authority,
        sub: parties.persona,
        aud: parties.audience,
        iat: now.as_secs(),
        exp: now.as_secs().saturating_add(TICKET_LIFETIME.as_secs()),
        jti: id,
        cnf: Confirmation { certificate: certificate_hash(parties.certificate) },
    };
    let payload = serde_json::to_vec(&ticket).unwrap_or_default();
    jws::sign(label::TYP_TICKET, &payload, key)
}

/// Verifies a ticket (V-009).
///
/// # Errors
/// [`TicketError`] naming the first rule that is broken.
pub fn verify_ticket(
    compact: &str,
    key: &PublicKey<TicketKey>,
    parties: &TicketParties<'_>,
    now: Time,
) -> Result<Ticket, TicketError> {
    let payload = jws::Unverified::parse(compact, label::MAX_TICKET)
        .and_then(|parts| parts.verify(label::TYP_TICKET, key))
        .map_err(TicketError::Signature)?;
    let ticket: Ticket = canonical(&payload)?;
    if ticket.exp.checked_sub(ticket.iat) != Some(TICKET_LIFETIME.as_secs()) {
        return Err(TicketError::Content);
    }
    if ticket.iss != parties.authority {
        return Err(TicketError::Issuer { found: ticket.iss });
    }
    if ticket.aud != parties.audience {
        return Err(TicketError::Audience { found: ticket.aud });
    }
    if ticket.sub != parties.persona {
        return Err(TicketError::Subject);
    }
    if ticket.cnf.certificate != certificate_hash(parties.certificate) {
        return Err(TicketError::Binding);
    }
    let issued = instant(ticket.iat)?;
    if now.plus(TICKET_SKEW) < issued {
        return Err(TicketError::NotYetValid { at: issued });
    }
    let end = instant(ticket.exp)?;
    if now >= end {
        return Err(TicketError::Expired { at: end });
    }
    Ok(ticket)
}

/// Thirty-two random bytes with which the TSA asks a persona for a fresh proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Challenge(pub [u8; 32]);

text_form!(Challenge, 32, to_base64url, array_from_base64url::<32>);

/// What a persona signs to get a ticket, in the order of its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The TSA's challenge, good for one use.
    pub challenge: Challenge,
    /// Fingerprint of the broker the ticket is for.
    pub aud: Fingerprint,
    /// SHA-256 of the certificate's DER. The certificate names its CA, so the proof is of no use
    /// at another TSA.
    pub certificate: Digest,
}

impl Proof {
    /// Signs the proof with the persona's key.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<Persona>) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        jws::sign(label::TYP_PROOF, &payload, key)
    }

    /// Verifies a proof by `key`, whose certificate is `certificate` (V-017). Whether the
    /// challenge is a known and unused one is for the TSA to say.
    ///
    /// # Errors
    /// [`TicketError::Signature`], [`TicketError::Content`] and [`TicketError::Binding`].
    pub fn verify(
        compact: &str,
        key: &PublicKey<Persona>,
        certificate: &[u8],
    ) -> Result<Self, TicketError> {
        let payload = jws::Unverified::parse(compact, label::MAX_PROOF)
            .and_then(|parts| parts.verify(label::TYP_PROOF, key))
            .map_err(TicketError::Signature)?;
        let proof: Self = canonical(&payload)?;
        if proof.certificate == certificate_hash(certificate) {
            Ok(proof)
        } else {
            Err(TicketError::Binding)
        }
    }
}

fn canonical<T: Serialize + DeserializeOwned>(payload: &[u8]) -> Result<T, TicketError> {
    let value: T = serde_json::from_slice(payload).map_err(|_| TicketError::Content)?;
    let again = serde_json::to_vec(&value).map_err(|_| TicketError::Content)?;
    if again == payload { Ok(value) } else { Err(TicketError::Content) }
}

fn instant(seconds: u64) -> Result<Time, TicketError> {
    seconds
        .checked_mul(1_000_000)
        .and_then(|micros| Time::from_micros(micros).ok())
        .ok_or(TicketError::Content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::key::StampKey;

    fn print(byte: u8) -> Fingerprint {
        Fingerprint([byte; 32])
    }

    fn parties() -> TicketParties<'static> {
        TicketParties {
            authority: print(1),
            audience: print(2),
            persona: print(3),
            certificate: b"certificate",
        }
    }

    fn key() -> SecretKey<TicketKey> {
        SecretKey::from_seed(&[9; 32])
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000).unwrap()
    }

    fn ticket() -> String {
        issue_ticket(&parties(), TicketId([4; 16]), at(1_000_000), &key())
    }

    fn verified(parties: &TicketParties<'_>, now: Time) -> Result<Ticket, TicketError> {
        verify_ticket(&ticket(), &key().public(), parties, now)
    }

    #[test]
    fn a_ticket_has_this_exact_payload() {
        let payload = jws::dangerous_payload(&ticket(), label::MAX_TICKET).unwrap();
        let hash = certificate_hash(b"certificate");
        let expected = format!(
            r#"{{"iss":"{}","sub":"{}","aud":"{}","iat":1000000,"exp":1000300,"jti":"{}","cnf":{{"x5t#S256":"{hash}"}}}}"#,
            print(1),
            print(3),
            print(2),
            TicketId([4; 16])
        );
        assert_eq!(String::from_utf8(payload).unwrap(), expected);
    }

    #[test]
    fn a_ticket_holds_for_five_minutes_to_the_microsecond() {
        assert!(verified(&parties(), at(1_000_000)).is_ok());
        assert!(verified(&parties(), at(999_995)).is_ok());
        let early = Time::from_micros(999_995 * 1_000_000 - 1).unwrap();
        assert_eq!(
            verified(&parties(), early),
            Err(TicketError::NotYetValid { at: at(1_000_000) })
        );
        assert!(verified(&parties(), Time::from_micros(1_000_299_999_999).unwrap()).is_ok());
        assert_eq!(
            verified(&parties(), at(1_000_300)),
            Err(TicketError::Expired { at: at(1_000_300) })
        );
    }

    #[test]
    fn a_ticket_for_other_parties_is_refused_with_the_reason() {
        let now = at(1_000_000);
        let authority = TicketParties { authority: print(7), ..parties() };
        assert_eq!(verified(&authority, now), Err(TicketError::Issuer { found: print(1) }));
        let audience = TicketParties { audience: print(7), ..parties() };
        assert_eq!(verified(&audience, now), Err(TicketError::Audience { found: print(2) }));
        let persona = TicketParties { persona: print(7), ..parties() };
        assert_eq!(verified(&persona, now), Err(TicketError::Subject));
        let certificate = TicketParties { certificate: b"another", ..parties() };
        assert_eq!(verified(&certificate, now), Err(TicketError::Binding));
    }

    #[test]
    fn a_ticket_by_another_key_or_of_another_type_is_refused() {
        let other = SecretKey::<TicketKey>::from_seed(&[8; 32]).public();
        let result = verify_ticket(&ticket(), &other, &parties(), at(1_000_000));
        assert_eq!(result, Err(TicketError::Signature(JwsError::Header)));
        let payload = jws::dangerous_payload(&ticket(), label::MAX_TICKET).unwrap();
        let batch = jws::sign(label::TYP_BATCH, &payload, &key());
        let result = verify_ticket(&batch, &key().public(), &parties(), at(1_000_000));
        assert_eq!(result, Err(TicketError::Signature(JwsError::Header)));
        let same_seed = SecretKey::<StampKey>::from_seed(&[9; 32]);
        assert_eq!(same_seed.public().fingerprint(), key().public().fingerprint());
    }

    #[test]
    fn a_second_spelling_of_a_ticket_is_refused() {
        let payload = jws::dangerous_payload(&ticket(), label::MAX_TICKET).unwrap();
        let text = String::from_utf8(payload).unwrap();
        for changed in [
            text.replace(',', ", "),
            text.replace("}}", "},\"x\":1}"),
            text.replace("\"iat\":1000000", "\"iat\":1000001"),
            text.replace("\"iat\":1000000,", ""),
            text.replace("1000300", "1000300.0"),
            text.replacen("{\"iss\"", "{\"iat\":1,\"iss\"", 1),
            String::from("null"),
        ] {
            let compact = jws::sign(label::TYP_TICKET, changed.as_bytes(), &key());
            let result = verify_ticket(&compact, &key().public(), &parties(), at(1_000_000));
            assert_eq!(result, Err(TicketError::Content), "{changed}");
        }
    }

    #[test]
    fn a_ticket_at_the_end_of_time_is_refused_without_overflow() {
        let end = u64::MAX;
        let text = format!(
            r#"{{"iss":"{}","sub":"{}","aud":"{}","iat":{},"exp":{end},"jti":"{}","cnf":{{"x5t#S256":"{}"}}}}"#,
            print(1),
            print(3),
            print(2),
            end - 300,
            TicketId([4; 16]),
            certificate_hash(b"certificate")
        );
        let compact = jws::sign(label::TYP_TICKET, text.as_bytes(), &key());
        let result = verify_ticket(&compact, &key().public(), &parties(), Time::MAX);
        assert_eq!(result, Err(TicketError::Content));
    }

    #[test]
    fn a_proof_is_bound_to_key_and_certificate() {
        let persona = SecretKey::<Persona>::from_seed(&[5; 32]);
        let proof = Proof {
            challenge: Challenge([6; 32]),
            aud: print(2),
            certificate: certificate_hash(b"certificate"),
        };
        let compact = proof.sign(&persona);
        assert_eq!(Proof::verify(&compact, &persona.public(), b"certificate"), Ok(proof));
        assert_eq!(
            Proof::verify(&compact, &persona.public(), b"another"),
            Err(TicketError::Binding)
        );
        let other = SecretKey::<Persona>::from_seed(&[6; 32]).public();
        assert_eq!(
            Proof::verify(&compact, &other, b"certificate"),
            Err(TicketError::Signature(JwsError::Header))
        );
        let spelled = jws::sign(label::TYP_PROOF, b"{ }", &persona);
        assert_eq!(
            Proof::verify(&spelled, &persona.public(), b"certificate"),
            Err(TicketError::Content)
        );
    }
}
