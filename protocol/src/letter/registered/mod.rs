//! Registered letters: what they say is read only once their reader has signed for them (SPEC 8.5).
//!
//! The envelope opens as every letter's, and shows who writes, and about what. What is said is sealed in it once more,
//! under a key of two halves: the sender's beside it, the broker's ([`Half`]) in the deposit, sealed to the broker. The
//! broker publishes that half in the same commit in which the reader's word `accepted` is logged.
//!
//! - Whoever writes makes two [`Halves`], the content ([`RegisteredLetter::of`]) for [`seal`](super::seal), and for the
//!   deposit [`Halves::deposit`]
//! - Whoever reads opens the envelope, asks [`RegisteredLetter::matches`] before accepting, and calls
//!   [`RegisteredLetter::open`] with what `handed` publishes

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::content::{Address, Attachment, ContentError, Letter, Mode, Salt, require_v4};
use super::vouch::Vouch;
use crate::log::RoomName;
use crate::room::body::Registered;
use crate::trust::key::{OneTime, PublicKey};
use crate::trust::seal::{SealError, SealPublic};
use crate::value::codec::{Digest, base64url_bytes};
use crate::value::label;
use crate::value::padding::{PREFIX, pad, unpad};
use crate::value::text::{Lines, Text};

pub use crate::room::message_box::half::{Half, HalfError, HalfPlace, SealedHalf};

/// What is sealed within is padded to a multiple of this, its length of four bytes included.
const STEP: usize = 256;
/// Bytes of the tag behind it.
const TAG: usize = 16;

/// Both halves of the key of one letter, as its sender makes them.
#[derive(Debug)]
pub struct Halves {
    /// Goes into the envelope.
    pub sender: Half,
    /// Is sealed to the broker.
    pub broker: Half,
}

impl Halves {
    /// Takes 64 bytes fresh from a cryptographic generator, for one letter alone.
    #[must_use]
    pub fn from_random(bytes: &[u8; 64]) -> Self {
        let [mut sender, mut broker] = [[0; 32]; 2];
        let (first, second) = bytes.split_at(32);
        sender.copy_from_slice(first);
        broker.copy_from_slice(second);
        Self { sender: Half(sender), broker: Half(broker) }
    }

    /// What the deposit of the letter says of it. `to` is the delivery key of the broker in the opening of the reader's
    /// box, `key` the one that signs the deposit, `envelope` its SHA-256, `seed` as in [`SealedHalf::seal`].
    ///
    /// # Errors
    /// [`SealError`].
    pub fn deposit(
        &self,
        to: &SealPublic,
        (name, key, envelope): (RoomName, &PublicKey<OneTime>, Digest),
        seed: [u8; 32],
    ) -> Result<Registered, SealError> {
        let place = HalfPlace { name, key, envelope };
        let half = SealedHalf::seal(&self.broker, to, &place, seed)?;
        Ok(Registered { half, commitment: self.broker.commitment() })
    }
}

/// Why a registered letter cannot be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisteredError {
    /// What was to be said is no letter.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The deposit is that of another letter, or of one that is not registered: it is not to be accepted.
    #[error("the deposit does not commit to the key of this letter; do not accept it")]
    Deposit,
    /// The half is not the broker's half of this letter.
    #[error("this is not the half of the key of this letter")]
    Half,
    /// What is sealed within does not open with the right key: its sender sealed something else.
    #[error(
        "what is within does not open: its sender sealed it wrongly, and the letter shows that"
    )]
    Junk,
}

/// What a registered letter shows before it is accepted, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredLetter {
    /// Who writes.
    pub from: Address,
    /// Its name, UUID v4.
    pub id: Uuid,
    /// The letter that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Uuid>,
    /// As in a letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouch: Option<Vouch>,
    /// Whom its proof convinces.
    pub mode: Mode,
    /// Fresh from a cryptographic generator for this letter alone.
    pub salt: Salt,
    /// One line: read before the letter is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text<{ label::MAX_SUBJECT }>>,
    /// The sender's half of the key.
    pub half: Half,
    /// What the broker's half is committed to by: that of the deposit.
    pub commitment: Digest,
    /// [`Within`], padded and sealed under both halves.
    #[serde(with = "base64url_bytes")]
    pub sealed: Vec<u8>,
}

/// What is read only once the letter was accepted, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// The text; empty beside attachments only.
    pub text: Lines,
    /// Files, at most [`label::MAX_ATTACHMENTS`].
    pub attachments: Vec<Attachment>,
}

impl RegisteredLetter {
    /// Seals what a letter says, so that it is read in the box `reader` once that was signed for. Its wish for a receipt
    /// is dropped: `accepted` is one.
    ///
    /// # Errors
    /// [`RegisteredError::Content`].
    pub fn of(letter: Letter, reader: RoomName, halves: &Halves) -> Result<Self, RegisteredError> {
        letter.check()?;
        let Letter { from, id, reply_to, vouch, mode, salt, subject, text, attachments, .. } =
            letter;
        let commitment = halves.broker.commitment();
        let mut this = Self {
            from,
            id,
            reply_to,
            vouch,
            mode,
            salt,
            subject,
            half: halves.sender.clone(),
            commitment,
            sealed: Vec::new(),
        };
        let within = Within { text, attachments };
        let plain = Zeroizing::new(serde_json::to_vec(&within).unwrap_or_default());
        let size = plain.len().saturating_add(PREFIX).next_multiple_of(STEP);
        let mut bytes = pad(&plain, size).ok_or(ContentError::NotCanonical)?;
        let (nonce, aad) = (Nonce::assume_unique_for_key([0; 12]), Aad::empty());
        let sealing = this.key(reader, &halves.broker).ok_or(RegisteredError::Half)?;
        let sealed = sealing.seal_in_place_append_tag(nonce, aad, &mut bytes);
        sealed.map_err(|_| RegisteredError::Half)?;
        this.sealed = bytes;
        Ok(this)
    }

    /// Whether the deposit is of this letter, so that what is published for it opens this one (V-339). Whoever does not
    /// ask may sign for a letter that never opens.
    ///
    /// # Errors
    /// [`RegisteredError::Deposit`].
    pub fn matches(&self, deposit: Option<&Registered>) -> Result<(), RegisteredError> {
        let commits = deposit.is_some_and(|deposit| deposit.commitment == self.commitment);
        if commits { Ok(()) } else { Err(RegisteredError::Deposit) }
    }

    /// Reads what is within, in the box `reader`, with the half that the broker published (V-338).
    ///
    /// # Errors
    /// [`RegisteredError::Half`] for another half; [`RegisteredError::Junk`].
    pub fn open(&self, reader: RoomName, half: &Half) -> Result<Within, RegisteredError> {
        if half.commitment() != self.commitment {
            return Err(RegisteredError::Half);
        }
        let mut bytes = Zeroizing::new(self.sealed.clone());
        let (nonce, aad) = (Nonce::assume_unique_for_key([0; 12]), Aad::empty());
        let key = self.key(reader, half).ok_or(RegisteredError::Half)?;
        let padded =
            key.open_in_place(nonce, aad, &mut bytes).map_err(|_| RegisteredError::Junk)?;
        let plain = unpad(padded).ok_or(RegisteredError::Junk)?;
        // Not a whole step more than it takes: one spelling.
        if plain.len().saturating_add(PREFIX).next_multiple_of(STEP) != padded.len() {
            return Err(RegisteredError::Junk);
        }
        let within: Within = serde_json::from_slice(plain).map_err(|_| RegisteredError::Junk)?;
        let again = Zeroizing::new(serde_json::to_vec(&within).unwrap_or_default());
        let holds = *again == plain && within.check().is_ok();
        if holds { Ok(within) } else { Err(RegisteredError::Junk) }
    }

    /// Each key seals one thing, so one nonce will do.
    fn key(&self, reader: RoomName, broker: &Half) -> Option<LessSafeKey> {
        let material = Zeroizing::new([self.half.0, broker.0].concat());
        let label = label::REGISTERED_KEY.as_bytes();
        let info = [label, &self.from.name.0, &reader.0].concat();
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, &material).expand(&info, &mut *key).ok()?;
        UnboundKey::new(&CHACHA20_POLY1305, &*key).ok().map(LessSafeKey::new)
    }

    /// V-337: what the types do not say.
    pub(super) fn check(&self) -> Result<(), ContentError> {
        require_v4(&self.id)?;
        self.reply_to.as_ref().map_or(Ok(()), require_v4)?;
        let padded = self.sealed.len().checked_sub(TAG);
        let whole = padded.is_some_and(|padded| padded > 0 && padded.is_multiple_of(STEP));
        if whole { Ok(()) } else { Err(ContentError::Part("Within")) }
    }
}

impl Within {
    fn check(&self) -> Result<(), ContentError> {
        Letter::check_parts(&self.text, &self.attachments)
    }
}

#[cfg(test)]
mod tests;
