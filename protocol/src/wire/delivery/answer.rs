//! How a broker answers a delivery.

use serde::{Deserialize, Serialize};

use super::MAX_WORD;
use crate::log::Receipt;
use crate::trust::broker::{BrokerError, canonical};
use crate::trust::jws;
use crate::trust::key::{EntryKey, PublicKey, SecretKey};
use crate::value::codec::Digest;
use crate::value::label;

/// Why a delivery holds nothing that could be decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreadableCode {
    /// The outer layer cannot be opened, or is not in its one encoding.
    Sealed,
    /// The action in it is none that a peer hands in, or another than the delivery names.
    Action,
    /// The inner layer does not open, its certificate does not hold, or its blind does not make the
    /// action's key of the persona.
    Author,
    /// The stamp is by no TSA that counts, or for something else.
    Stamp,
    /// There is no such public room.
    Room,
}

impl UnreadableCode {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Action => "action",
            Self::Author => "author",
            Self::Stamp => "stamp",
            Self::Room => "room",
        }
    }
}

/// A broker's signed word that a delivery holds nothing that it could decide about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    /// [`Delivery::id`](super::Delivery::id).
    pub delivery: Digest,
    /// Why.
    pub code: UnreadableCode,
    /// The newest batch header (compact JWS): when it was looked at, as far as the broker knew the time.
    pub header: String,
}

impl Unreadable {
    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<EntryKey>) -> String {
        jws::sign(label::TYP_UNREADABLE, &serde_json::to_vec(self).unwrap_or_default(), key)
    }

    /// Verifies it.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn open(compact: &str, key: &PublicKey<EntryKey>) -> Result<Self, BrokerError> {
        let parts = jws::Unverified::parse(compact, MAX_WORD)?;
        canonical(&parts.verify(label::TYP_UNREADABLE, key)?)
    }
}

/// What a broker answers, each part signed by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DeliveryAnswer {
    /// The action is in the log.
    Receipt(Box<Receipt>),
    /// It was refused (compact JWS of a [`Refusal`](crate::wire::refusal::Refusal)).
    Refusal(String),
    /// The delivery holds nothing that could be decided about (compact JWS of an [`Unreadable`]).
    Unreadable(String),
}
