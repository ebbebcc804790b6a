//! A room's log: the room's name, its entries, the signed head over them, and receipts (SPEC 7.1).
//!
//! An entry's leaf is the hash of its bytes, and an entry has exactly one spelling, so every peer
//! and every verifier computes the same tree from the same text. What an entry *means* is not
//! decided here: its action and its stamp are carried unverified, for [`crate::room::action`],
//! [`crate::log::stamp`] and the room's fold to judge. The batch header that its stamp names goes beside
//! it, once for all entries that name it: [`Logged`], [`lines()`].

mod head;
mod lines;
pub mod merkle;
mod receipt;
pub mod stamp;
mod timeline;
pub mod transcript;

use serde::{Deserialize, Serialize};

use crate::log::stamp::Stamp;
use crate::value::codec::{Digest, array_from_hex, text_form};
use crate::value::label;

pub use head::cosignature::Cosignature;
pub use head::{Head, HeadError, Origin, OriginError, cosignature};
pub(crate) use lines::Named;
pub use lines::{Line, Logged, headers, lines};
pub use receipt::{Receipt, ReceiptError};
pub use timeline::{SeenPath, TimelineEntry};

/// A room's name: labelled hash of its opening action; lower-case hexadecimal as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(pub [u8; 32]);

text_form!(RoomName, 32, hex::encode, array_from_hex::<32>);

impl RoomName {
    /// The name of the room that this action (compact JWS, as transmitted) opens.
    #[must_use]
    pub fn of_opening(compact: &str) -> Self {
        Self(Digest::labelled(label::ROOM, compact.as_bytes()).0)
    }

    /// The first eight hexadecimal digits, for screens.
    #[must_use]
    pub fn short(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        hex::encode([a, b, c, d])
    }
}

impl std::fmt::Debug for RoomName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RoomName({self})")
    }
}

/// Why a text is not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// More bytes than an action with its stamp can have.
    #[error("an entry of {got} bytes, longer than {max}")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
        /// The length, in bytes.
        got: usize,
    },
    /// Other members, another order, white space, or any other second spelling of an entry.
    #[error("not the canonical form of an entry")]
    NotCanonical,
}

/// One line of a log, in this member order: an action with the stamp of its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Position in the log and index of its leaf; the opening action has 0.
    pub seq: u64,
    /// The signed action (compact JWS), as transmitted.
    pub action: String,
    /// The stamp of the action's digest.
    pub stamp: Stamp,
}

impl Entry {
    /// The bytes that are stored, sent and hashed.
    ///
    /// # Panics
    /// Never: an entry always has a JSON form.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings and integers always have a JSON form")
    }

    /// Reads an entry, accepting only what [`Entry::encode`] gives (V-026). Action and stamp are not
    /// verified.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn parse(text: &str) -> Result<Self, EntryError> {
        if text.len() > label::MAX_ENTRY {
            return Err(EntryError::TooLong { max: label::MAX_ENTRY, got: text.len() });
        }
        let entry: Self = serde_json::from_str(text).map_err(|_| EntryError::NotCanonical)?;
        let bounded = entry.seq < label::MAX_LOG_SIZE && entry.stamp.index <= label::MAX_LOG_SIZE;
        if bounded && entry.encode() == text { Ok(entry) } else { Err(EntryError::NotCanonical) }
    }

    /// Hash of this entry's leaf; for a text that one has, [`merkle::leaf_hash`] of its bytes is the
    /// same.
    #[must_use]
    pub fn leaf(&self) -> Digest {
        merkle::leaf_hash(self.encode().as_bytes())
    }
}

#[cfg(test)]
mod tests;
