//! The signed envelope around everything a peer or a broker does in a room (SPEC 5).
//!
//! An action is a compact JWS by the one-time key in its own header. Its payload has one
//! permitted encoding: members in a fixed order, no white space, nothing unknown, nothing twice.
//! An encoding with freedom would fingerprint the program that wrote it, and with it the author.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::log::RoomName;
use crate::room::body::Body;
use crate::trust::jws::{self, JwsError};
use crate::trust::key::{
    BoxKey, DepositKey, EntryKey, Fingerprint, OneTime, PairKey, PublicKey, Purpose, SecretKey,
};
use crate::trust::persona::OneTimeKey;
use crate::value::codec::Digest;
use crate::value::label;

/// Why bytes are not an action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// The container is malformed, has another type or a bad signature.
    #[error(transparent)]
    Envelope(#[from] JwsError),
    /// The payload is not JSON in the one permitted encoding.
    #[error("the payload is not in its canonical encoding")]
    NotCanonical,
    /// The identifier is not a random UUID (version 4).
    #[error("the identifier is not a version 4 UUID")]
    Identifier,
    /// The key that the counterparty is to seal to is of small order.
    #[error("the key to seal to is not usable")]
    SealKey,
    /// An opening action names a room, or another action does not; or `seen` contradicts it.
    #[error("room and seen head do not fit the verb")]
    Placement,
}

/// The newest head of the room that the author had seen: "not before".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Entries in that log; 0 in an opening action.
    pub size: u64,
    /// Root of that log; of the empty tree in an opening action.
    pub root: Digest,
}

impl Seen {
    /// What an opening action has seen: nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self { size: 0, root: crate::log::merkle::empty_root() }
    }
}

/// The signed payload, in this member order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<RoomName>,
    verb: String,
    body: Box<RawValue>,
    seen: Seen,
}

/// An action whose signature by its own one-time key was verified.
///
/// Made only by [`Action::parse`]: nothing can hold an action that was not checked.
#[derive(Debug, Clone)]
pub struct Action {
    compact: String,
    digest: Digest,
    key: PublicKey<OneTime>,
    id: Uuid,
    room: Option<RoomName>,
    body: Body,
    seen: Seen,
}

impl Action {
    /// Reads and verifies an action (V-010 to V-014).
    ///
    /// # Errors
    /// [`ActionError`] naming what is wrong.
    pub fn parse(compact: &str) -> Result<Self, ActionError> {
        let parts = jws::Unverified::parse(compact, label::MAX_ACTION)?;
        let (key, payload) = parts.verify_embedded(label::TYP_ACTION)?;
        let text = std::str::from_utf8(&payload).map_err(|_| ActionError::NotCanonical)?;
        let parsed: Payload = serde_json::from_str(text).map_err(|_| ActionError::NotCanonical)?;
        let body = Body::parse(&parsed.verb, parsed.body.get()).ok_or(ActionError::NotCanonical)?;
        let canonical = encode(parsed.id, parsed.room, &body, parsed.seen);
        if canonical.as_deref() != Some(text) {
            return Err(ActionError::NotCanonical);
        }
        if parsed.id.get_version_num() != 4 || parsed.id.get_variant() != uuid::Variant::RFC4122 {
            return Err(ActionError::Identifier);
        }
        if !body.seals_are_usable() {
            return Err(ActionError::SealKey);
        }
        let placed = if body.opens_a_room() {
            parsed.room.is_none() && parsed.seen == Seen::nothing()
        } else {
            parsed.room.is_some() && (1..=label::MAX_LOG_SIZE).contains(&parsed.seen.size)
        };
        if !placed {
            return Err(ActionError::Placement);
        }
        Ok(Self {
            compact: compact.to_owned(),
            digest: Digest::of(compact.as_bytes()),
            key,
            id: parsed.id,
            room: parsed.room,
            body,
            seen: parsed.seen,
        })
    }

    /// The transmitted form.
    #[must_use]
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// SHA-256 of the transmitted form: what the stamp is for.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The one-time key it is signed with; for a broker's action its entry key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey<OneTime> {
        &self.key
    }

    /// Whether it is a broker's own, signed with this entry key.
    #[must_use]
    pub fn is_by(&self, entry: &PublicKey<EntryKey>) -> bool {
        self.key == as_action_key(entry)
    }

    /// Whether it is signed with the key that two members of a reveal room have in common.
    #[must_use]
    pub fn is_by_pair(&self, pair: &PublicKey<PairKey>) -> bool {
        self.key == as_action_key(pair)
    }

    /// The fresh identifier the one-time key is bound to.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The room it is for; for an opening action the room it makes.
    #[must_use]
    pub fn room(&self) -> RoomName {
        self.room.unwrap_or_else(|| RoomName::of_opening(&self.compact))
    }

    /// What it does.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The head its author had seen.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        self.seen
    }

    /// Whether it opens a room.
    #[must_use]
    pub const fn opens_a_room(&self) -> bool {
        self.room.is_none()
    }
}

/// An action before it is signed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Fresh random UUID (version 4).
    pub id: Uuid,
    /// The room; `None` opens one.
    pub room: Option<RoomName>,
    /// What it does.
    pub body: Body,
    /// The newest head seen.
    pub seen: Seen,
}

impl Draft {
    /// Signs with the one-time key of this action.
    ///
    /// The key must have been derived for `self.id`; the result is checked like any other.
    ///
    /// # Errors
    /// [`ActionError`] if the draft breaks the rules of [`Action::parse`].
    pub fn sign(&self, key: &OneTimeKey) -> Result<Action, ActionError> {
        self.finish(&key.public(), |input| key.sign(input))
    }

    /// Signs as a broker, with its entry key.
    ///
    /// # Errors
    /// As [`Draft::sign`].
    pub fn sign_as_broker(&self, key: &SecretKey<EntryKey>) -> Result<Action, ActionError> {
        self.finish(&as_action_key(&key.public()), |input| key.sign(input))
    }

    /// Signs as the owner of a box, with the box's key.
    ///
    /// # Errors
    /// As [`Draft::sign`].
    pub fn sign_as_owner(&self, key: &SecretKey<BoxKey>) -> Result<Action, ActionError> {
        self.finish(&as_action_key(&key.public()), |input| key.sign(input))
    }

    /// Signs as somebody who leaves a letter, with a fresh key.
    ///
    /// # Errors
    /// As [`Draft::sign`].
    pub fn sign_as_guest(&self, key: &SecretKey<DepositKey>) -> Result<Action, ActionError> {
        self.finish(&as_action_key(&key.public()), |input| key.sign(input))
    }

    /// Signs as one of the two members of a reveal room, with the key that both have.
    ///
    /// # Errors
    /// As [`Draft::sign`].
    pub fn sign_as_pair(&self, key: &SecretKey<PairKey>) -> Result<Action, ActionError> {
        self.finish(&as_action_key(&key.public()), |input| key.sign(input))
    }

    fn finish(
        &self,
        key: &PublicKey<OneTime>,
        sign: impl FnOnce(&[u8]) -> crate::trust::key::Signature,
    ) -> Result<Action, ActionError> {
        let payload = encode(self.id, self.room, &self.body, self.seen);
        let payload = payload.ok_or(ActionError::NotCanonical)?;
        let compact = jws::sign_embedded(label::TYP_ACTION, payload.as_bytes(), key, sign);
        Action::parse(&compact)
    }
}

/// Another key in the place of a one-time key: what an action names as its author's.
const fn as_action_key<P: Purpose>(key: &PublicKey<P>) -> PublicKey<OneTime> {
    PublicKey::from_bytes(*key.as_bytes())
}

/// A one-time key's short name on screens: the first eight hexadecimal digits of its fingerprint.
#[must_use]
pub fn short_name(key: &PublicKey<OneTime>) -> String {
    let Fingerprint(bytes) = key.fingerprint();
    hex::encode(bytes.first_chunk::<4>().unwrap_or(&[0; 4]))
}

fn encode(id: Uuid, room: Option<RoomName>, body: &Body, seen: Seen) -> Option<String> {
    let verb = body.verb().into();
    let body = RawValue::from_string(body.encode()?).ok()?;
    serde_json::to_string(&Payload { id, room, verb, body, seen }).ok()
}

#[cfg(test)]
mod tests;
