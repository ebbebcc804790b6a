//! An action that its author hands in through a witness, because the broker does not answer (SPEC 7.7).
//!
//! The author seals the action to the broker ([`Delivery`]) and leaves it with the witnesses that the room
//! names. The broker fetches it with a signed [`Poll`], and answers each under its signature: as it
//! answers any action, or, if what was sealed is nothing that it could decide about, as [`Unreadable`]. So
//! every delivery has a signed answer, and a witness that waits for one in vain can say so
//! ([`Unanswered`]) without having read anything.
//!
//! What is sealed has two layers: in the outer one the action, in the inner one who its author is. So an author
//! who has to show what was sealed need not show the second.

use serde::{Deserialize, Serialize};

use crate::log::RoomName;
use crate::log::stamp::{FullStamp, VerifiedBatch};
use crate::room::action::Action;
use crate::trust::broker::{BrokerError, canonical};
use crate::trust::jws;
use crate::trust::key::{EntryKey, Fingerprint, PublicKey, SecretKey, StampKey, WitnessKey};
use crate::trust::persona::Blind;
use crate::trust::seal::{SealError, SealKey, SealPublic, open_padded, seal_padded};
use crate::value::codec::{Digest, base64url_bytes};
use crate::value::label;

mod answer;
mod exchange;

pub use answer::{DeliveryAnswer, Unreadable, UnreadableCode};
pub use exchange::{
    AnswerDelivery, AnswerTaken, AskDelivery, Deliver, DeliveryState, FetchDelivery, Fetched, Left,
    MAX_DELIVERY_ANSWER, MAX_DELIVERY_REQUEST,
};

/// Longest [`Poll`], [`Unreadable`] and [`Unanswered`], in bytes of the compact JWS.
pub const MAX_WORD: usize = 2_560;

/// Why something is no delivery, or no word about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// What is sealed cannot be opened, or cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It opens, and is not in its one encoding.
    #[error("what was sealed is not canonical")]
    Content,
}

/// An action on its way, as a witness sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Fingerprint of the broker's session key.
    pub broker: Fingerprint,
    /// The room that the action is for.
    pub room: RoomName,
    /// Digest of the action.
    pub digest: Digest,
    /// Its stamp, with the header.
    pub stamp: FullStamp,
    /// [`Contents`], sealed to the broker.
    #[serde(with = "base64url_bytes")]
    pub sealed: Vec<u8>,
}

/// The outer layer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Compact JWS.
    pub action: String,
    /// [`Credentials`], sealed once more.
    #[serde(with = "base64url_bytes")]
    pub author: Vec<u8>,
}

/// The inner layer: for the broker alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The persona's certificate, DER.
    #[serde(with = "base64url_bytes")]
    pub certificate: Vec<u8>,
    /// Ties the action's key to the persona.
    pub blind: Blind,
}

/// Without what it says of a person.
impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contents(..)")
    }
}

/// Without what it says of a person.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// What both layers are bound to.
fn context(label: &str, broker: Fingerprint, room: RoomName, digest: Digest) -> Vec<u8> {
    [label.as_bytes(), &broker.0, &room.0, &digest.0].concat()
}

impl Credentials {
    /// Seals them for one action. `seed` is fresh from a cryptographic generator for this call alone.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &self,
        broker: Fingerprint,
        key: &SealPublic,
        action: &Action,
        seed: [u8; 32],
    ) -> Result<Vec<u8>, SealError> {
        let info = context(label::AUTHOR, broker, action.room(), action.digest());
        let plaintext = zeroize::Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        seal_padded(key, &info, &[], &plaintext, label::AUTHOR_SIZE, seed)
    }
}

impl Delivery {
    /// Seals an action with its author's credentials, already sealed. `seed` as [`Credentials::seal`], and
    /// another one.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        broker: Fingerprint,
        key: &SealPublic,
        action: &Action,
        stamp: FullStamp,
        author: &[u8],
        seed: [u8; 32],
    ) -> Result<Self, SealError> {
        let (room, digest) = (action.room(), action.digest());
        let contents = Contents { action: action.compact().to_owned(), author: author.to_vec() };
        let plaintext = zeroize::Zeroizing::new(serde_json::to_vec(&contents).unwrap_or_default());
        let info = context(label::DELIVER, broker, room, digest);
        let sealed = seal_padded(key, &info, &[], &plaintext, label::DELIVERY_SIZE, seed)?;
        Ok(Self { broker, room, digest, stamp, sealed })
    }

    /// The delivery's name: it binds all that the witness and the broker are given.
    #[must_use]
    pub fn id(&self) -> Digest {
        // A witness that passes on another path would make the broker say that the stamp does not fit.
        let stamp = Digest::of(&serde_json::to_vec(&self.stamp).unwrap_or_default());
        let bound = [self.broker.0, self.room.0, self.digest.0, stamp.0].concat();
        Digest::labelled(label::DELIVERY, &[&bound, self.sealed.as_slice()].concat())
    }

    /// Whether its stamp is by one of these keys, and for its digest.
    #[must_use]
    pub fn is_stamped_by(&self, keys: &[PublicKey<StampKey>]) -> bool {
        let batch = VerifiedBatch::open(&self.stamp.batch, keys);
        batch.is_ok_and(|batch| self.stamp.stamp().covers(&self.digest, &batch).is_ok())
    }

    /// Opens the outer layer (V-154).
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub fn open(&self, key: &SealKey) -> Result<Contents, DeliveryError> {
        let info = context(label::DELIVER, self.broker, self.room, self.digest);
        let plaintext = open_padded(key, &info, &[], &self.sealed, label::DELIVERY_SIZE)?;
        canonical(&plaintext).map_err(|_| DeliveryError::Content)
    }

    /// Opens the inner layer (V-154).
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub fn author(&self, contents: &Contents, key: &SealKey) -> Result<Credentials, DeliveryError> {
        let info = context(label::AUTHOR, self.broker, self.room, self.digest);
        let plaintext = open_padded(key, &info, &[], &contents.author, label::AUTHOR_SIZE)?;
        let plaintext = zeroize::Zeroizing::new(plaintext);
        canonical(&plaintext).map_err(|_| DeliveryError::Content)
    }
}

/// 32 random bytes with which a witness answers a poll, and which the next one repeats: an old poll is
/// worth nothing.
pub type Nonce = Digest;

/// A broker asks a witness for what was left for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The witness that is asked.
    pub witness: PublicKey<WitnessKey>,
    /// Who asks.
    pub broker: Fingerprint,
    /// As the witness gave it last; zeros if it gave none.
    pub nonce: Nonce,
}

impl Poll {
    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<EntryKey>) -> String {
        jws::sign(label::TYP_POLL, &serde_json::to_vec(self).unwrap_or_default(), key)
    }

    /// Who claims to have signed it: to find the key with which to open it.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn claimed(compact: &str) -> Result<Fingerprint, BrokerError> {
        let poll: Self = canonical(&jws::dangerous_payload(compact, MAX_WORD)?)?;
        Ok(poll.broker)
    }

    /// Verifies it (V-155).
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn open(compact: &str, key: &PublicKey<EntryKey>) -> Result<Self, BrokerError> {
        let parts = jws::Unverified::parse(compact, MAX_WORD)?;
        canonical(&parts.verify(label::TYP_POLL, key)?)
    }
}

/// A witness's word that a broker fetched what waited for it, and left a delivery unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unanswered {
    /// The broker.
    pub broker: Fingerprint,
    /// The room.
    pub room: RoomName,
    /// Digest of the action.
    pub digest: Digest,
    /// [`Delivery::id`].
    pub delivery: Digest,
    /// When the broker first asked after the delivery was left, in seconds since 1970.
    pub since: u64,
    /// When it last asked.
    pub until: u64,
    /// For how many seconds in between it was in contact: of the time between two polls at most 5 count.
    pub contact: u64,
}

impl Unanswered {
    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<WitnessKey>) -> String {
        jws::sign(label::TYP_UNANSWERED, &serde_json::to_vec(self).unwrap_or_default(), key)
    }

    /// Verifies it, whatever it says.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn open(compact: &str, key: &PublicKey<WitnessKey>) -> Result<Self, BrokerError> {
        let parts = jws::Unverified::parse(compact, MAX_WORD)?;
        canonical(&parts.verify(label::TYP_UNANSWERED, key)?)
    }

    /// Whether it was long enough to count (V-156).
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.contact >= label::UNANSWERED_AFTER
    }
}

#[cfg(test)]
mod tests;
