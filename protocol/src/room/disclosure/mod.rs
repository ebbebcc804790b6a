//! What seller and winner show each other, and how each checks it (SPEC 8).
//!
//! A disclosure is sealed to the counterparty's key and bound to one auction, one head, both
//! sides' keys and one role: shown to anybody else, or in another auction, it does not verify.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::log::RoomName;
use crate::room::body::{Reveal, Side, Text};
use crate::trust::certificate::{CertificateError, PersonaCertificate, verify_persona_certificate};
use crate::trust::citizen::{CitizenError, StatePki};
use crate::trust::key::{
    Authority, Fingerprint, KeyError, OneTime, Persona, PublicKey, SecretKey, Signature,
};
use crate::trust::persona::{Blind, BlindContext, OneTimeKey, blinded};
use crate::value::clock::Time;
use crate::value::codec::{Digest, from_base64url, to_base64url};
use crate::value::label;

mod card;

pub use card::{
    Attribute, AttributeError, CardClaims, CardVerdict, ShownCard, Stated, Value, ValueError,
};

/// What a disclosure states, in this member order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Name to be shown.
    pub name: Text<80>,
    /// How to be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Text<200>>,
    /// The persona's certificate: DER, base64url.
    pub certificate: String,
    /// The citizen card that signs too, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<CardClaims>,
    /// Own actions in the auction, by rising position; at most [`Claims::most_opened`].
    pub actions: Vec<OwnAction>,
}

impl Claims {
    /// Most actions opened: fewer beside a card, whose certificate needs the room.
    #[must_use]
    pub const fn most_opened(card: bool) -> usize {
        if card { label::MAX_OPENED_WITH_CARD } else { label::MAX_OPENED }
    }
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims(..)")
    }
}

/// One action of the author: its blind opens its one-time key to the persona.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnAction {
    /// Position in the auction's log.
    pub seq: u64,
    /// The blind of its one-time key.
    pub blind: Blind,
}

/// The plaintext of a disclosure.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// JSON of [`Claims`], as signed.
    claims: String,
    by_persona: Signature,
    by_one_time: Signature,
    /// As cards make it, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_card: Option<String>,
}

impl std::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disclosure(..)")
    }
}

/// Why a disclosure does not prove what it claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisclosureError {
    /// Not a disclosure in its canonical form.
    #[error("the disclosure is malformed")]
    Malformed,
    /// The certificate does not hold.
    #[error("the certificate in the disclosure does not hold")]
    Certificate(#[from] CertificateError),
    /// A signature over this auction's context does not hold.
    #[error("the {by} signature does not hold for this auction and role")]
    Signature {
        /// `persona` or `one-time`.
        by: &'static str,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// The signature of the card does not hold for this auction and role, or the card's
    /// certificate has no key of a card.
    #[error("the card's signature does not hold for this auction and role")]
    Card(#[source] CitizenError),
    /// The persona was not bought by a token of the issuer that the listing names (V-223): it counts as no disclosure.
    #[error("the persona is none of those that this auction asks for: one of each citizen")]
    Citizen,
    /// An action listed as the author's own is not theirs.
    #[error("entry {seq} is not by this persona")]
    NotTheirs {
        /// Position in the auction's log.
        seq: u64,
    },
    /// The action that makes the author a side of this room is not among those opened.
    #[error("the disclosure does not open the listing or the winning bid")]
    NotOpened,
}

/// Where a disclosure belongs: everything both sides know before it is made.
#[derive(Debug, Clone, Copy)]
pub struct DisclosureContext<'a> {
    /// Name of the reveal room.
    pub room: RoomName,
    /// Its opening.
    pub opening: &'a Reveal,
    /// The author's side.
    pub side: Side,
}

impl DisclosureContext<'_> {
    /// HPKE `info`: label ‖ rooms ‖ final head ‖ both one-time keys ‖ both HPKE keys ‖ role.
    #[must_use]
    pub fn info(&self) -> Vec<u8> {
        let opening = self.opening;
        let role = match self.side {
            Side::Seller => 0_u8,
            Side::Winner => 1_u8,
        };
        [
            label::DISCLOSE.as_bytes(),
            &self.room.0,
            &opening.auction.0,
            &opening.settled.to_be_bytes(),
            &opening.root.0,
            opening.seller.as_bytes(),
            opening.winner.as_bytes(),
            &opening.seller_seal.0,
            &opening.winner_seal.0,
            &[role],
        ]
        .concat()
    }

    /// What a citizen card is to sign for these claims: the same as the other two keys.
    ///
    /// # Errors
    /// [`DisclosureError::Malformed`] if the claims have no JSON form.
    pub fn to_sign(&self, claims: &Claims) -> Result<Vec<u8>, DisclosureError> {
        let claims = serde_json::to_string(claims).map_err(|_| DisclosureError::Malformed)?;
        Ok(self.message(&claims))
    }

    /// What all keys sign: [`DisclosureContext::info`] ‖ SHA-256 of the claims.
    fn message(&self, claims: &str) -> Vec<u8> {
        let mut message = self.info();
        message.extend_from_slice(&Sha256::digest(claims.as_bytes()));
        message
    }

    /// The one-time key that made the author a side.
    #[must_use]
    pub const fn key(&self) -> &PublicKey<OneTime> {
        match self.side {
            Side::Seller => &self.opening.seller,
            Side::Winner => &self.opening.winner,
        }
    }
}

/// Whose certificates count in a disclosure, by the auction's listing.
#[derive(Debug, Clone, Copy)]
pub struct Personas<'a> {
    /// The CAs that it names.
    pub authorities: &'a [PublicKey<Authority>],
    /// Where one persona of each citizen is asked for: the issuer whose token bought it (V-223).
    pub issuer: Option<Digest>,
}

impl Disclosure {
    /// Signs claims for one context. `by_card` is the card's signature over [`DisclosureContext::to_sign`],
    /// where the claims name a card.
    ///
    /// # Errors
    /// [`DisclosureError::Malformed`] if the claims have no JSON form, or name a card without its
    /// signature, or the other way round. [`DisclosureError::Card`] if that signature is of
    /// another card or place.
    pub fn sign(
        place: &DisclosureContext<'_>,
        claims: &Claims,
        persona: &SecretKey<Persona>,
        one_time: &OneTimeKey,
        by_card: Option<&[u8]>,
    ) -> Result<Self, DisclosureError> {
        let text = serde_json::to_string(claims).map_err(|_| DisclosureError::Malformed)?;
        let message = place.message(&text);
        signed_by_card(claims, &message, by_card)?;
        Ok(Self {
            by_persona: persona.sign(&message),
            by_one_time: one_time.sign(&message),
            by_card: by_card.map(to_base64url),
            claims: text,
        })
    }

    /// The bytes to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what was opened and verifies every part of it (V-055 to V-059, V-120 to V-123).
    ///
    /// `stamped` is the stamp time of the entry that carries it: the certificates are judged then,
    /// so that the verdict does not depend on who reads it when. `personas` says whose count. `state` judges a citizen card, by
    /// lists that are valid at the same instant ([`CardVerdict::of`] asks those of another);
    /// without it, or where the card's chain does not hold, the card is given with that verdict
    /// and the rest still counts. `logged` gives identifier and one-time key of the auction's
    /// entry at a position.
    ///
    /// # Errors
    /// [`DisclosureError`] naming what does not hold.
    pub fn verify(
        bytes: &[u8],
        place: &DisclosureContext<'_>,
        personas: Personas<'_>,
        state: Option<&StatePki>,
        stamped: Time,
        logged: impl Fn(u64) -> Option<(Uuid, PublicKey<OneTime>)>,
    ) -> Result<Disclosed, DisclosureError> {
        let malformed = |_| DisclosureError::Malformed;
        let disclosure: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        let claims: Claims = serde_json::from_str(&disclosure.claims).map_err(malformed)?;
        if claims.actions.len() > Claims::most_opened(claims.card.is_some()) {
            return Err(DisclosureError::Malformed);
        }
        let certificate =
            from_base64url(&claims.certificate).map_err(|_| DisclosureError::Malformed)?;
        let persona = first_accepted(&certificate, personas.authorities, stamped)?;
        if personas.issuer.is_some_and(|asked| persona.issuer != Some(asked)) {
            return Err(DisclosureError::Citizen);
        }
        let message = place.message(&disclosure.claims);
        persona
            .key
            .verify(&message, &disclosure.by_persona)
            .map_err(|source| DisclosureError::Signature { by: "persona", source })?;
        place
            .key()
            .verify(&message, &disclosure.by_one_time)
            .map_err(|source| DisclosureError::Signature { by: "one-time", source })?;
        let by_card = disclosure.by_card.as_deref().map(from_base64url).transpose();
        let by_card = by_card.map_err(|_| DisclosureError::Malformed)?;
        let card = signed_by_card(&claims, &message, by_card.as_deref())?;
        let broker = place.opening.broker.session.fingerprint();
        let mut opened = false;
        for own in &claims.actions {
            let not_theirs = DisclosureError::NotTheirs { seq: own.seq };
            let (action, key) = logged(own.seq).ok_or_else(|| not_theirs.clone())?;
            let context = BlindContext { broker, action, persona: persona.key };
            if blinded(&own.blind, &context) != Ok(key) {
                return Err(not_theirs);
            }
            opened |= key == *place.key();
        }
        if !opened {
            return Err(DisclosureError::NotOpened);
        }
        Ok(Disclosed {
            name: claims.name.into(),
            contact: claims.contact.map(String::from).unwrap_or_default(),
            persona: persona.key.fingerprint(),
            actions: claims.actions.iter().map(|own| own.seq).collect(),
            card: card.zip(claims.card).map(|(certificate, claimed)| ShownCard {
                verdict: CardVerdict::of(&certificate, state, stamped, stamped),
                certificate,
                stated: claimed.attributes,
            }),
        })
    }
}

/// The certificate of the card that signed `message`, if one is claimed; its chain is not judged.
fn signed_by_card(
    claims: &Claims,
    message: &[u8],
    by_card: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, DisclosureError> {
    match (&claims.card, by_card) {
        (None, None) => Ok(None),
        (Some(card), Some(signature)) => {
            let certificate = card.certificate().ok_or(DisclosureError::Malformed)?;
            card::verify_signature(&certificate, message, signature)
                .map_err(DisclosureError::Card)?;
            Ok(Some(certificate))
        }
        // One without the other proves nothing (V-120).
        (None, Some(_)) | (Some(_), None) => Err(DisclosureError::Malformed),
    }
}

fn first_accepted(
    certificate: &[u8],
    authorities: &[PublicKey<Authority>],
    stamped: Time,
) -> Result<PersonaCertificate, DisclosureError> {
    let mut refused = None;
    for authority in authorities {
        match verify_persona_certificate(certificate, authority, stamped) {
            Ok(persona) => return Ok(persona),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or(DisclosureError::Malformed, DisclosureError::Certificate))
}

/// A disclosure whose every part was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// Name as typed by the counterparty.
    pub name: String,
    /// Contact as typed by the counterparty; may be empty.
    pub contact: String,
    /// Fingerprint of the counterparty's persona.
    pub persona: Fingerprint,
    /// Positions of the actions opened as theirs.
    pub actions: Vec<u64>,
    /// The citizen card that signed too, if one did. A card that no state vouches for is here as
    /// well: its verdict must be read.
    pub card: Option<ShownCard>,
}

#[cfg(test)]
mod tests;
