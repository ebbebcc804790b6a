//! Receipts: evidence that a broker put an entry into a room's log.
//!
//! A receipt is complete in itself. It carries the room's opening action, which fixes the room's
//! name and, in its listing, the keys to verify with; so nothing has to be asked for.

use serde::{Deserialize, Serialize};

use super::{Entry, EntryError, Head, HeadError, Origin, RoomName};
use crate::log::merkle::{self, ProofError};
use crate::log::stamp::BatchHeader;
use crate::trust::key::{Fingerprint, HeadKey, PublicKey};
use crate::value::codec::{Digest, hashes};
use crate::value::label;

/// Why a receipt does not show that its entry is in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a receipt, or one longer than any honest one.
    #[error("not a receipt of at most {max} bytes")]
    Malformed {
        /// The limit, in bytes.
        max: usize,
    },
    /// The entry is not canonical.
    #[error("the receipt's entry is not acceptable")]
    Entry(#[from] EntryError),
    /// The header is another than the one that the entry's stamp names.
    #[error("the receipt's batch header is not the one that its entry names")]
    OtherHeader,
    /// The head is not one of the log that the opening action names.
    #[error("the receipt's head is not acceptable")]
    Head(#[from] HeadError),
    /// The path does not lead from the entry to the head's root.
    #[error("the receipt's entry is not in the log")]
    NotIncluded(#[from] ProofError),
    /// The log's first entry is another action than the receipt's opening action.
    #[error("the log begins with another action than the one that names the room")]
    OtherOpening,
}

/// An entry, its place in the log, and the head that the broker signed over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The action that opened the room (compact JWS).
    pub opening: String,
    /// The batch header (compact JWS) that the entry's stamp names.
    pub header: String,
    /// The entry's bytes, as transmitted. A JSON string and not an object, so that any JSON reader
    /// gives back exactly the bytes that were hashed.
    pub entry: String,
    /// Inclusion path from the entry to the head's root.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
    /// The signed head, as transmitted.
    pub head: String,
}

impl Receipt {
    /// The receipt as JSON, for sending and keeping.
    ///
    /// # Panics
    /// Never: a receipt always has a JSON form.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings always have a JSON form")
    }

    /// Reads a receipt; nothing in it is verified.
    ///
    /// # Errors
    /// [`ReceiptError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let error = ReceiptError::Malformed { max: label::MAX_RECEIPT };
        if text.len() > label::MAX_RECEIPT {
            return Err(error);
        }
        serde_json::from_str(text).map_err(|_| error)
    }

    /// The name of the room that the receipt is about.
    #[must_use]
    pub fn room(&self) -> RoomName {
        RoomName::of_opening(&self.opening)
    }

    /// Verifies that the entry is in the log that this broker keeps of the room, and
    /// that the header is the one it names (V-023, V-025).
    ///
    /// The signatures of the opening action, of the entry's action and of its stamp's header are not
    /// looked at; neither is whether `head_key` is the one that the listing fixes.
    ///
    /// # Errors
    /// [`ReceiptError`] naming the first thing that does not hold.
    pub fn check_inclusion(
        &self,
        head_key: &PublicKey<HeadKey>,
        broker: &Fingerprint,
    ) -> Result<(Entry, Head), ReceiptError> {
        let head = self.open_head(head_key, broker)?;
        Ok((self.included_in(&head)?, head))
    }

    /// The signed head, by the room's name and this broker (V-024).
    ///
    /// # Errors
    /// [`ReceiptError::Head`].
    pub(crate) fn open_head(
        &self,
        head_key: &PublicKey<HeadKey>,
        broker: &Fingerprint,
    ) -> Result<Head, ReceiptError> {
        let origin = Origin { broker: *broker, room: self.room() };
        Ok(Head::open(&self.head, &origin, head_key)?)
    }

    /// The entry, if its header is here and the path leads from it to the root of this head (V-026,
    /// V-023, V-025).
    pub(crate) fn included_in(&self, head: &Head) -> Result<Entry, ReceiptError> {
        let entry = Entry::parse(&self.entry)?;
        if BatchHeader::hash(&self.header) != entry.stamp.header {
            return Err(ReceiptError::OtherHeader);
        }
        let leaf = merkle::leaf_hash(self.entry.as_bytes());
        if merkle::root_from_path(&leaf, entry.seq, head.size, &self.path)? != head.root {
            return Err(ProofError::Mismatch.into());
        }
        if entry.seq == 0 && entry.action != self.opening {
            return Err(ReceiptError::OtherOpening);
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests;
