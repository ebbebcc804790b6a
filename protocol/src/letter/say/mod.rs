//! What the two of a reveal room say to each other there (SPEC 8.4): envelopes as letters have, with members instead of
//! boxes and labels of their own, so that none is ever taken for the other.
//!
//! The log of the room shows that something was said, signed with a key that both members have: by its reader as well as
//! by its author. So what is *deniable* convinces its reader alone, even if everything is shown that the reader has. Where
//! the author wants it to be *evidence*, they sign it inside with the key that made them a member.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::class::Class;
use super::content::{Address, ContentError, END, Mode, PROOF, Salt, object, require_v4};
use super::envelope::{Begun, LetterError, OpenError, Place, Reading, Seeds, unseal};
use super::proof::{Bound, Proof, ProofError};
use crate::log::RoomName;
use crate::room::body::{SayEnvelope, Side};
use crate::trust::agreement::{AgreementError, AgreementPublic, AgreementSecret};
use crate::trust::key::{OneTime, PairKey, PublicKey, SecretKey};
use crate::trust::persona::OneTimeKey;
use crate::trust::prekey::{PrekeyPublic, PrekeySecret};
use crate::value::codec::Digest;
use crate::value::label;
use crate::value::padding::unpad;
use crate::value::text::Lines;

/// Beginning of what is said, up to its own members.
const SAY: &str = "{\"v\":1,\"kind\":\"say\",";

/// What is said, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saying {
    /// Its name, UUID v4.
    pub id: Uuid,
    /// Whom its proof convinces.
    pub mode: Mode,
    /// Fresh from a cryptographic generator for this alone.
    pub salt: Salt,
    /// The text; empty beside a contact only.
    pub text: Lines,
    /// The author's box, for whoever wants to write to them after the room is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Address>,
}

impl Saying {
    /// SHA-256 of the salt ‖ all of it without its proof.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let unproven = Zeroizing::new(format!("{}}}", *self.members()));
        Digest(Sha256::new().chain_update(self.salt.0).chain_update(&*unproven).finalize().into())
    }

    /// Bytes that it takes of the [`Class::Small`] that it has to fit.
    #[must_use]
    pub fn size(&self) -> usize {
        self.encode(&Proof::blank(self.mode)).len()
    }

    fn encode(&self, proof: &Proof) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(format!("{}{PROOF}{proof}{END}", *self.members()).into_bytes())
    }

    /// Reads what was sealed, accepting only what is written by the rule (V-316).
    fn parse(bytes: &[u8]) -> Result<(Self, Proof), ContentError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ContentError::NotCanonical)?;
        let (members, proof) = text
            .strip_suffix(END)
            .and_then(|text| text.rsplit_once(PROOF))
            .ok_or(ContentError::NotCanonical)?;
        let members = members.strip_prefix(SAY).ok_or(ContentError::NotCanonical)?;
        let saying: Self = object(members)?;
        saying.check()?;
        let proof = Proof::read(saying.mode, proof).ok_or(ContentError::NotCanonical)?;
        let again = saying.encode(&proof);
        if *again == bytes { Ok((saying, proof)) } else { Err(ContentError::NotCanonical) }
    }

    fn check(&self) -> Result<(), ContentError> {
        require_v4(&self.id)?;
        let says = !self.text.is_empty() || self.contact.is_some();
        if says { Ok(()) } else { Err(ContentError::Nothing) }
    }

    /// All members but the proof, the object still open.
    fn members(&self) -> Zeroizing<String> {
        // Texts always have a JSON form, an object.
        let members = Zeroizing::new(serde_json::to_string(self).unwrap_or_default());
        let inner = members.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        Zeroizing::new([SAY, inner.unwrap_or_default()].concat())
    }
}

/// One of the two of a reveal room, with the keys that its log has of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The room.
    pub room: RoomName,
    /// Which of the two.
    pub side: Side,
    /// The key that made them one.
    pub key: PublicKey<OneTime>,
    /// The key by which what they say convinces its reader.
    pub agreement: AgreementPublic,
}

impl Member {
    /// What stands where letters have a box: hash of `pregao/say-member/v1` ‖ room ‖ side (0 seller, 1 winner) ‖ key ‖
    /// agreement key.
    fn name(&self) -> RoomName {
        let side = match self.side {
            Side::Seller => 0,
            Side::Winner => 1,
        };
        let Self { room, key, agreement, .. } = self;
        let bytes = [&room.0, [side].as_slice(), key.as_bytes(), &agreement.0].concat();
        RoomName(Digest::labelled(label::SAY_MEMBER, &bytes).0)
    }
}

/// The key that both members of a room have in common (V-311).
///
/// # Errors
/// [`AgreementError`] if nothing can be agreed on with `other`.
pub fn pair_key(
    room: RoomName,
    side: Side,
    own: &AgreementSecret,
    other: &AgreementPublic,
) -> Result<SecretKey<PairKey>, AgreementError> {
    let public = own.public();
    let (seller, winner) = match side {
        Side::Seller => (&public, other),
        Side::Winner => (other, &public),
    };
    let context = [label::SAY_PAIR.as_bytes(), &room.0, &seller.0, &winner.0].concat();
    own.agree_on_signing(other, &context)
}

/// Whom something is said to, and by which of their keys.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'a> {
    /// The reader.
    pub member: Member,
    /// Their signed key.
    pub signed: &'a PrekeyPublic,
    /// One of their one-time keys, used for nothing before.
    pub once: &'a PrekeyPublic,
}

/// The secrets of whoever says something.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// The author.
    pub member: Member,
    /// Makes what convinces the reader alone.
    pub agreement: &'a AgreementSecret,
    /// Signs what is to be evidence: the key that made the author a member.
    pub key: &'a OneTimeKey,
}

/// The secrets of whoever reads.
#[derive(Debug, Clone, Copy)]
pub struct Hearer<'a> {
    /// The reader.
    pub member: Member,
    /// Secret of the signed key.
    pub signed: &'a PrekeySecret,
    /// Secret of the one-time key that the entry names.
    pub once: &'a PrekeySecret,
    /// Verifies what convinces the reader alone.
    pub agreement: &'a AgreementSecret,
}

/// Why what was said cannot be read, or not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SayError {
    /// It does not open, or says nothing.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It opens, and is not shown to be by the other member.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Seals what is said (V-315, V-317, V-318). `seeds` are for this call alone.
///
/// # Errors
/// [`LetterError`].
pub fn seal(
    saying: &Saying,
    to: &Listener<'_>,
    by: &Speaker<'_>,
    seeds: &Seeds,
) -> Result<SayEnvelope, LetterError> {
    saying.check()?;
    let hash = saying.hash();
    let name = to.member.name();
    let (signed, once) = (to.signed, Some(to.once));
    let place = Place { name, signed, once, class: Class::Small };
    let begun = Begun::labelled(label::SAY, &place, &hash, seeds)?;
    let bound = begun.bound(by.member.name(), name, hash);
    let proof = prove(&bound, saying.mode, by, &to.member.agreement)?;
    let envelope = begun.finish(&saying.encode(&proof))?;
    envelope.try_into().map_err(|_| LetterError::Keys)
}

fn prove(
    bound: &Bound,
    mode: Mode,
    by: &Speaker<'_>,
    reader: &AgreementPublic,
) -> Result<Proof, ProofError> {
    let Member { key, agreement, .. } = &by.member;
    if by.key.public() != *key || by.agreement.public() != *agreement {
        return Err(ProofError::Sender);
    }
    match mode {
        Mode::Evidence => Ok(Proof::Evidence(by.key.sign(&bound.message_as(label::SAY_EVIDENCE)))),
        Mode::Deniable => {
            let context = bound.context_as(label::SAY_DENIABLE, agreement, reader);
            Ok(bound.mac(&by.agreement.agree(reader, &context)?))
        }
    }
}

/// Opens what `sender`, the other member, said, and verifies that it was them (V-315 to V-318). With the one-time secret
/// gone nothing opens (V-319).
///
/// # Errors
/// [`SayError`].
pub fn open(
    reader: &Hearer<'_>,
    sender: &Member,
    envelope: &SayEnvelope,
) -> Result<Saying, SayError> {
    let name = reader.member.name();
    let (signed, once) = (reader.signed, Some(reader.once));
    let reading = Reading { name, signed, once, class: Class::Small };
    let unsealed = unseal(label::SAY, &reading, envelope.as_bytes())?;
    let plain = unpad(&unsealed.padded).ok_or(OpenError::Padding)?;
    let (saying, proof) = Saying::parse(plain).map_err(OpenError::from)?;
    let bound = unsealed.bindings.bound(sender.name(), name, &unsealed.head, saying.hash());
    match (saying.mode, &proof) {
        (Mode::Evidence, Proof::Evidence(signature)) => {
            let message = bound.message_as(label::SAY_EVIDENCE);
            sender.key.verify(&message, signature).map_err(ProofError::Signature)?;
        }
        (Mode::Deniable, Proof::Deniable(mac)) => {
            let own = &reader.member.agreement;
            let context = bound.context_as(label::SAY_DENIABLE, &sender.agreement, own);
            let key = reader.agreement.agree(&sender.agreement, &context);
            bound.verify_mac(&key.map_err(ProofError::from)?, mac)?;
        }
        (Mode::Evidence, Proof::Deniable(_)) | (Mode::Deniable, Proof::Evidence(_)) => {
            return Err(ProofError::Mode.into());
        }
    }
    Ok(saying)
}

#[cfg(test)]
mod tests;
