//! What is inside an envelope: a letter, a registered one, the word that one was read, or nothing but cover, as JSON in one
//! permitted spelling (SPEC 8.1).
//!
//! `{"v":1,"kind":…` in front and `"proof":…}` at the end, the kind's own members between them. What is hashed is the
//! same without the proof, behind the salt.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::class::Class;
use super::cover::Cover;
use super::proof::Proof;
use super::receipt::ReadReceipt;
use super::registered::RegisteredLetter;
use super::vouch::Vouch;
use crate::value::codec::Digest;
use crate::value::label;
use crate::value::text::{Lines, Text};

mod parts;

pub use parts::{Address, Attachment, BlobKey, BrokerAddress, FileName, MediaType, Mode, Salt};

/// Beginning of a letter, up to its own members.
const LETTER: &str = "{\"v\":1,\"kind\":\"letter\",";
/// Beginning of a read receipt.
const READ: &str = "{\"v\":1,\"kind\":\"read\",";
/// Beginning of a registered letter.
const REGISTERED: &str = "{\"v\":1,\"kind\":\"registered\",";
/// Beginning of cover.
const COVER: &str = "{\"v\":1,\"kind\":\"cover\",";
/// What is in front of a proof.
pub(super) const PROOF: &str = ",\"proof\":\"";
/// What is behind it.
pub(super) const END: &str = "\"}";

/// Why bytes are no content of an envelope, or a letter cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// Another version or kind, other members, another order, white space, or any other second spelling.
    #[error("not the canonical form of a letter or a read receipt")]
    NotCanonical,
    /// One part is not as such parts are.
    #[error("not a permitted {0}")]
    Part(&'static str),
    /// An identifier is no UUID v4.
    #[error("an identifier is not a UUID v4")]
    Id,
    /// Neither text nor attachment.
    #[error("without text and without anything beside it nothing is said")]
    Nothing,
    /// More attachments than a letter has.
    #[error("{got} attachments, more than {max}", max = label::MAX_ATTACHMENTS)]
    Attachments {
        /// How many there are.
        got: usize,
    },
    /// The size of an attachment is not exact in every JSON reader.
    #[error("the size of an attachment is beyond 2^53 − 1")]
    Size,
    /// A box vouches for itself.
    #[error("a box does not vouch for itself")]
    Vouch,
    /// A receipt is from another box than the one that it says has read the letter.
    #[error("a read receipt is from the box that read")]
    Reader,
}

/// A letter, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// Who writes.
    pub from: Address,
    /// Its name, UUID v4.
    pub id: Uuid,
    /// The letter that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Uuid>,
    /// By which box that its reader knows its author is known again, who writes from another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouch: Option<Vouch>,
    /// Whom its proof convinces.
    pub mode: Mode,
    /// Whether its author wishes to be told that it was read.
    pub wants_receipt: bool,
    /// Fresh from a cryptographic generator for this letter alone.
    pub salt: Salt,
    /// One line, at most [`label::MAX_SUBJECT`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text<{ label::MAX_SUBJECT }>>,
    /// The text; empty beside attachments only.
    pub text: Lines,
    /// Files, at most [`label::MAX_ATTACHMENTS`].
    pub attachments: Vec<Attachment>,
}

impl Letter {
    /// V-246: what the types do not say.
    pub(super) fn check(&self) -> Result<(), ContentError> {
        require_v4(&self.id)?;
        self.reply_to.as_ref().map_or(Ok(()), require_v4)?;
        Self::check_parts(&self.text, &self.attachments)
    }

    /// What is said, and what is beside it.
    pub(super) fn check_parts(
        text: &Lines,
        attachments: &[Attachment],
    ) -> Result<(), ContentError> {
        let got = attachments.len();
        if got > label::MAX_ATTACHMENTS {
            Err(ContentError::Attachments { got })
        } else if got == 0 && text.is_empty() {
            Err(ContentError::Nothing)
        } else if attachments.iter().any(|file| file.size > Attachment::MAX_SIZE) {
            Err(ContentError::Size)
        } else {
            Ok(())
        }
    }
}

/// What an envelope holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A letter.
    Letter(Letter),
    /// The word that one was read.
    Read(ReadReceipt),
    /// A letter that is read once its reader has signed for it.
    Registered(RegisteredLetter),
    /// Nothing: it is there so that nobody counts the others.
    Cover(Cover),
}

impl Content {
    /// Who wrote it, by its own account.
    #[must_use]
    pub const fn from(&self) -> &Address {
        match self {
            Self::Letter(letter) => &letter.from,
            Self::Read(receipt) => &receipt.from,
            Self::Registered(letter) => &letter.from,
            Self::Cover(cover) => &cover.from,
        }
    }

    /// Whom its proof convinces.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Letter(letter) => letter.mode,
            Self::Read(receipt) => receipt.mode,
            Self::Registered(letter) => letter.mode,
            Self::Cover(cover) => cover.mode,
        }
    }

    /// By which box it says that its author is known again.
    #[must_use]
    pub const fn vouch(&self) -> Option<&Vouch> {
        match self {
            Self::Letter(letter) => letter.vouch.as_ref(),
            Self::Registered(letter) => letter.vouch.as_ref(),
            // A receipt comes from the box that the letter went to, and cover from one that is known.
            Self::Read(_) | Self::Cover(_) => None,
        }
    }

    /// Its name, UUID v4.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Letter(letter) => letter.id,
            Self::Read(receipt) => receipt.id,
            Self::Registered(letter) => letter.id,
            Self::Cover(cover) => cover.id,
        }
    }

    /// SHA-256 of the salt ‖ the content without its proof.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let salt = match self {
            Self::Letter(letter) => &letter.salt,
            Self::Read(receipt) => &receipt.salt,
            Self::Registered(letter) => &letter.salt,
            Self::Cover(cover) => &cover.salt,
        };
        let unproven = Zeroizing::new(format!("{}}}", *self.members()));
        Digest(Sha256::new().chain_update(salt.0).chain_update(&*unproven).finalize().into())
    }

    /// The smallest class for it; nothing if it fits none.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        let proof = Proof::blank(self.mode());
        Class::for_content(self.encode(&proof).len())
    }

    /// The bytes that are sealed.
    #[must_use]
    pub fn encode(&self, proof: &Proof) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(format!("{}{PROOF}{proof}{END}", *self.members()).into_bytes())
    }

    /// Reads what was sealed, accepting only what [`Content::encode`] gives (V-245, V-246). The proof is not verified.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn parse(bytes: &[u8]) -> Result<(Self, Proof), ContentError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ContentError::NotCanonical)?;
        let (members, proof) = text
            .strip_suffix(END)
            .and_then(|text| text.rsplit_once(PROOF))
            .ok_or(ContentError::NotCanonical)?;
        let content = if let Some(members) = members.strip_prefix(LETTER) {
            Self::Letter(object(members)?)
        } else if let Some(members) = members.strip_prefix(READ) {
            Self::Read(object(members)?)
        } else if let Some(members) = members.strip_prefix(REGISTERED) {
            Self::Registered(object(members)?)
        } else if let Some(members) = members.strip_prefix(COVER) {
            Self::Cover(object(members)?)
        } else {
            return Err(ContentError::NotCanonical);
        };
        content.check()?;
        let proof = Proof::read(content.mode(), proof).ok_or(ContentError::NotCanonical)?;
        let again = content.encode(&proof);
        if *again == bytes { Ok((content, proof)) } else { Err(ContentError::NotCanonical) }
    }

    /// What the types do not say.
    pub(super) fn check(&self) -> Result<(), ContentError> {
        if self.vouch().is_some_and(|vouch| vouch.name == self.from().name) {
            return Err(ContentError::Vouch);
        }
        match self {
            Self::Letter(letter) => letter.check(),
            Self::Registered(letter) => letter.check(),
            Self::Cover(cover) => cover.check(),
            Self::Read(receipt) => {
                require_v4(&receipt.id)?;
                let own = receipt.reader == receipt.from.name;
                if own { Ok(()) } else { Err(ContentError::Reader) }
            }
        }
    }

    /// All members but the proof, the object still open.
    fn members(&self) -> Zeroizing<String> {
        let (beginning, members) = match self {
            Self::Letter(letter) => (LETTER, serde_json::to_string(letter)),
            Self::Read(receipt) => (READ, serde_json::to_string(receipt)),
            Self::Registered(letter) => (REGISTERED, serde_json::to_string(letter)),
            Self::Cover(cover) => (COVER, serde_json::to_string(cover)),
        };
        // Texts, integers and lists of them always have a JSON form, an object.
        let members = Zeroizing::new(members.unwrap_or_default());
        let inner = members.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        Zeroizing::new([beginning, inner.unwrap_or_default()].concat())
    }
}

/// Reads members as the object that they are.
pub(super) fn object<T: for<'a> Deserialize<'a>>(members: &str) -> Result<T, ContentError> {
    let text = Zeroizing::new(format!("{{{members}}}"));
    serde_json::from_str(&text).map_err(|_| ContentError::NotCanonical)
}

pub(super) fn require_v4(id: &Uuid) -> Result<(), ContentError> {
    let is_v4 = id.get_version_num() == 4 && id.get_variant() == uuid::Variant::RFC4122;
    if is_v4 { Ok(()) } else { Err(ContentError::Id) }
}

#[cfg(test)]
mod tests;
