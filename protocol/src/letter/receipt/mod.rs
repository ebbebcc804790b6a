//! The word that a letter was read (SPEC 8.1).
//!
//! A letter of its own kind back to the sender's box, in the mode of the letter that it is about: who wrote deniably is
//! not answered by evidence.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::content::{Address, Content, Mode, Salt};
use super::envelope::Opened;
use crate::log::RoomName;
use crate::value::clock::Time;
use crate::value::codec::Digest;

/// What whoever sent a letter keeps of it, to know its receipt by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// SHA-256 of the envelope.
    pub deposit: Digest,
    /// [`Content::hash`].
    pub content: Digest,
    /// Box from which it was sent.
    pub sender: RoomName,
    /// Box to which it was sent.
    pub reader: RoomName,
    /// Whom its proof convinces.
    pub mode: Mode,
}

/// The word that a letter was read, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadReceipt {
    /// Who read.
    pub from: Address,
    /// Its name, UUID v4.
    pub id: Uuid,
    /// The letter's mode, and so this one's.
    pub mode: Mode,
    /// Fresh from a cryptographic generator for this receipt alone.
    pub salt: Salt,
    /// SHA-256 of the letter's envelope.
    pub deposit: Digest,
    /// [`Content::hash`] of the letter.
    pub content: Digest,
    /// Box from which the letter was sent, to which this goes.
    pub sender: RoomName,
    /// Box in which it was: that of [`ReadReceipt::from`].
    pub reader: RoomName,
    /// When it was read, by its reader.
    pub time: Time,
}

/// Why a receipt is none, or not for a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// What was read is a receipt itself: those are not acknowledged.
    #[error("a read receipt is not acknowledged")]
    OfReceipt,
    /// What was read is a registered letter: its reader signed for it in the log.
    #[error("a registered letter is acknowledged by its acceptance, in the log")]
    OfRegistered,
    /// What was read is cover: there was nothing to read.
    #[error("cover is not acknowledged")]
    OfCover,
    /// It is for another envelope, content, box or mode than the letter's.
    #[error("the receipt is for another letter: its {0} differs")]
    OtherLetter(&'static str),
}

impl ReadReceipt {
    /// The receipt for a letter that was opened, and verified before. `from` is the box that it was in.
    ///
    /// # Errors
    /// [`ReceiptError::OfReceipt`], [`ReceiptError::OfRegistered`], [`ReceiptError::OfCover`];
    /// [`ReceiptError::OtherLetter`] if `from` is another box.
    pub fn of(
        opened: &Opened,
        from: Address,
        id: Uuid,
        salt: Salt,
        time: Time,
    ) -> Result<Self, ReceiptError> {
        match opened.content() {
            Content::Letter(_) => {}
            Content::Read(_) => return Err(ReceiptError::OfReceipt),
            Content::Registered(_) => return Err(ReceiptError::OfRegistered),
            Content::Cover(_) => return Err(ReceiptError::OfCover),
        }
        if from.name != opened.reader() {
            return Err(ReceiptError::OtherLetter("reader"));
        }
        Ok(Self {
            reader: from.name,
            from,
            id,
            mode: opened.mode(),
            salt,
            deposit: opened.deposit(),
            content: opened.hash(),
            sender: opened.sender().name,
            time,
        })
    }

    /// Checks that it is for this letter (V-251). Whose it is, [`Opened::verify`] says.
    ///
    /// # Errors
    /// [`ReceiptError::OtherLetter`], with what differs first.
    pub fn verify_for(&self, sent: &Sent) -> Result<(), ReceiptError> {
        let differing = [
            ("deposit", self.deposit != sent.deposit),
            ("content", self.content != sent.content),
            ("sender", self.sender != sent.sender),
            ("reader", self.reader != sent.reader || self.from.name != sent.reader),
            ("mode", self.mode != sent.mode),
        ];
        let first = differing.into_iter().find(|(_, differs)| *differs);
        first.map_or(Ok(()), |(what, _)| Err(ReceiptError::OtherLetter(what)))
    }
}

#[cfg(test)]
mod tests;
