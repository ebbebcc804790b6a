//! An action that the broker had in hand and did not answer (V-156), or said falsely that it could not
//! read (V-157).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::finality::FinalHead;
use super::{NoEvidence, Shown, opened};
use crate::audit::verify;
use crate::log::Origin;
use crate::log::stamp::{FullStamp, VerifiedBatch};
use crate::room::Terms;
use crate::room::action::Action;
use crate::room::body::Signer;
use crate::trust::broker::BrokerCertificate;
use crate::trust::certificate::verify_persona_certificate;
use crate::trust::persona::{BlindContext, blinded};
use crate::value::codec::{Digest, base64url_bytes};
use crate::wire::delivery::{Credentials, Delivery, Unanswered, Unreadable, UnreadableCode};

/// What shows that a broker left a delivery unanswered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppressed {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The room's opening action (compact JWS).
    pub opening: String,
    /// The action (compact JWS).
    pub action: String,
    /// What witnesses say of it (compact JWS of [`Unanswered`]), each by another one.
    pub statements: Vec<String>,
}

impl Suppressed {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let (origin, terms, certificate) = kept(&self.opening, &self.certificate)?;
        let action = Action::parse(&self.action)?;
        if action.room() != origin.room {
            return Err(NoEvidence::OtherThing);
        }
        let mut operators = BTreeSet::new();
        let (mut shortest, mut named) = (u64::MAX, BTreeSet::new());
        for statement in &self.statements {
            let found = terms.witnesses.iter().find_map(|witness| {
                Some((witness, Unanswered::open(statement, &witness.key).ok()?))
            });
            let (witness, unanswered) = found.ok_or(NoEvidence::Cosignature)?;
            let of = (unanswered.broker, unanswered.room, unanswered.digest);
            if of != (origin.broker, origin.room, action.digest()) {
                return Err(NoEvidence::OtherThing);
            }
            if !unanswered.counts() || !named.insert(&witness.name) {
                return Err(NoEvidence::Consistent);
            }
            operators.insert(&witness.operator);
            shortest = shortest.min(unanswered.contact);
        }
        // A listing that is not logged yet may ask for fewer than the broker does.
        let quorum = terms.quorum.max(certificate.quorum);
        let enough = u32::try_from(operators.len()).is_ok_and(|count| count >= quorum);
        // One witness may lie, and frame whom it likes; as many operators as make a head final may not.
        if quorum == 0 || !enough {
            return Err(NoEvidence::NotFinal);
        }
        let verb = action.body().verb();
        let what = format!(
            "was offered a {verb} for {shortest} s by witnesses of {} operators and did not answer it",
            operators.len()
        );
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}

/// What shows that a delivery could be read of which the broker says that it could not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalseUnreadable {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The room's opening action (compact JWS).
    pub opening: String,
    /// The action (compact JWS).
    pub action: String,
    /// Its stamp as it was delivered.
    pub stamp: FullStamp,
    /// The inner layer, sealed.
    #[serde(with = "base64url_bytes")]
    pub author: Vec<u8>,
    /// What the outer layer was sealed with.
    pub seed: Digest,
    /// Where the author is said not to hold: what is in the inner layer. It shows the persona.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<ShownCredentials>,
    /// Where the room is said not to exist: a head of it that was final before (a note).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The broker's word (compact JWS of [`Unreadable`]).
    pub unreadable: String,
}

/// The inner layer, opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownCredentials {
    /// What was sealed.
    pub credentials: Credentials,
    /// With what.
    pub seed: Digest,
}

impl FalseUnreadable {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let (origin, terms, certificate) = kept(&self.opening, &self.certificate)?;
        let keys = &terms.broker;
        let unreadable = Unreadable::open(&self.unreadable, &keys.entry)?;
        let action = Action::parse(&self.action)?;
        let (stamp, author, seed) = (self.stamp.clone(), &self.author, self.seed.0);
        // Sealing again with the same seed gives the same bytes, and no other contents do.
        let again = Delivery::seal(origin.broker, &keys.delivery, &action, stamp, author, seed);
        let again = again.map_err(|_| NoEvidence::OtherThing)?;
        if again.id() != unreadable.delivery || action.room() != origin.room {
            return Err(NoEvidence::OtherThing);
        }
        let is_readable = match unreadable.code {
            UnreadableCode::Sealed => true,
            UnreadableCode::Action => action.body().signer() == Signer::Persona,
            UnreadableCode::Stamp => again.is_stamped_by(&certificate.stamps),
            UnreadableCode::Room => {
                let note = self.head.as_ref().ok_or(NoEvidence::OtherThing)?;
                // A room may be opened right after the broker had said that it is not there.
                let last = FinalHead::open(note, &origin, &terms, &certificate)?;
                let header = VerifiedBatch::open(&unreadable.header, &certificate.stamps)?;
                terms.is_public() && last.is_before(&header)
            }
            UnreadableCode::Author => self.is_by_a_persona(&action, &unreadable, &certificate)?,
        };
        if !is_readable {
            return Err(NoEvidence::Consistent);
        }
        let code = unreadable.code.as_str();
        let verb = action.body().verb();
        let what = format!(
            "said falsely that it could not read a {verb} ({code}) that was delivered to it"
        );
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }

    /// By the certificate of the persona in force when the broker looked at it.
    fn is_by_a_persona(
        &self,
        action: &Action,
        unreadable: &Unreadable,
        certificate: &BrokerCertificate,
    ) -> Result<bool, NoEvidence> {
        let shown = self.credentials.as_ref().ok_or(NoEvidence::OtherThing)?;
        let header = VerifiedBatch::open(&unreadable.header, &certificate.stamps)?;
        let (broker, key) = (certificate.keys.session.fingerprint(), &certificate.keys.delivery);
        let again = shown.credentials.seal(broker, key, action, shown.seed.0);
        if again.as_ref() != Ok(&self.author) {
            return Err(NoEvidence::OtherThing);
        }
        let certified = certificate.authorities.iter().find_map(|authority| {
            let der = &shown.credentials.certificate;
            verify_persona_certificate(der, authority, header.time()).ok()
        });
        let Some(persona) = certified.map(|certified| certified.key) else { return Ok(false) };
        let context = BlindContext { broker, action: action.id(), persona };
        Ok(blinded(&shown.credentials.blind, &context) == Ok(*action.key()))
    }
}

/// The room that an opening opens, if the broker can keep to what it says: whoever delivers a listing may
/// name in it a witness, a CA and a TSA of their own.
fn kept(
    opening: &str,
    certificate: &str,
) -> Result<(Origin, Terms, BrokerCertificate), NoEvidence> {
    let (origin, _) = opened(opening, certificate)?;
    let opening = Action::parse(opening)?;
    let terms = verify::terms(&opening).map_err(NoEvidence::Opening)?;
    let certificate = BrokerCertificate::open(certificate, origin.broker)?;
    if terms.are_of(&certificate) {
        Ok((origin, terms, certificate))
    } else {
        Err(NoEvidence::Certificate)
    }
}
