//! What is kept of one letter.

use std::fmt;
use std::path::PathBuf;

use pregao_protocol::letter::{
    Address, Class, FileName, Letter, MediaType, Mode, RegisteredLetter,
};
use pregao_protocol::room::body::OnceKey;
use pregao_protocol::value::blob_class::BlobClass;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::post::store::contacts::ContactId;
use crate::post::store::own_boxes::BoxId;
use crate::post::store::rows::{Plain, Record, Table};
use crate::post::store::seal::{Keyed, Keys};

number! {
    /// A letter: what is typed after `/read`. It stays the same and is given to no other letter.
    LetterNumber
}

/// Characters of a text that are shown in a list.
pub(super) const BEGINNING: usize = 80;

/// Whether a letter came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It came.
    Received,
    /// It went, or is to go.
    Sent,
}

impl Direction {
    /// As it stands in the index.
    pub(in crate::post::store) const fn code(self) -> i64 {
        match self {
            Self::Received => 0,
            Self::Sent => 1,
        }
    }
}

/// How far a letter has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LetterState {
    /// Received: its envelope is here, and was not opened yet.
    Arrived,
    /// Received, and it cannot be opened: shown with its cause, and the envelope stays.
    Unreadable {
        /// The cause, in words.
        cause: String,
    },
    /// Received and opened, not read.
    Unread,
    /// Received and read.
    Read {
        /// When it was first read.
        at: Time,
    },
    /// To be sent: it can be taken back until then.
    Waiting {
        /// When it leaves.
        until: Time,
    },
    /// To be sent, and begun.
    Underway,
    /// Sent: stamped, and in the log of its reader's box.
    Deposited,
    /// Sent, and its reader took it off.
    Taken,
    /// Sent, and its reader says that it was read.
    WasRead {
        /// When, by the reader's word.
        at: Time,
    },
    /// It was not sent, and will not be.
    Failed {
        /// Code of the refusal.
        code: String,
    },
    /// It was taken back.
    TakenBack,
}

/// Whether it is known who wrote a received letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authorship {
    /// The box with the keys that are known of this contact, or that its opening states.
    Shown,
    /// The sender's box is not known here: only that it is the same as that of other letters with this address.
    Unknown,
    /// It does not hold.
    Fails {
        /// Why, in words.
        cause: String,
    },
}

/// Where a letter stands in a box's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositRecord {
    /// SHA-256 of the envelope.
    pub envelope: Digest,
    /// Size of the envelope.
    pub class: Class,
    /// Digest of the signed key that it is sealed to.
    pub signed: Digest,
    /// The one-time key that it is sealed to.
    pub once: Option<OnceKey>,
    /// Position in the log; none until it is deposited.
    pub seq: Option<u64>,
    /// Its stamp's time.
    pub stamped: Option<Time>,
    /// When it expires.
    pub expires: Option<Time>,
    /// What it says besides, if the letter is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<RegisteredDeposit>,
}

/// What the deposit of a registered letter says besides (SPEC 8.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredDeposit {
    /// What the broker's half of its key is committed to by.
    pub commitment: Digest,
    /// From then on it can be neither accepted nor declined; none until it is deposited.
    pub until: Option<Time>,
    /// Bytes of envelope and files, sealed and filled up as they are.
    pub bytes: u64,
    /// How many files are beside it.
    pub files: u32,
}

/// What became of a registered letter, as far as it is known here. Of a received one its box's log says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisteredState {
    /// It waits for its reader.
    Undecided,
    /// Received: the user accepts it, which is to be handed in.
    Accepting,
    /// Received: the user declines it, which is to be handed in.
    Declining,
    /// It was accepted, and handed over in the same commit.
    Accepted {
        /// When, by the stamp.
        at: Time,
    },
    /// It was declined, or its box was closed.
    Declined {
        /// When, by the stamp.
        at: Time,
    },
    /// Its time passed.
    Lapsed {
        /// When, by the stamp of the broker's word for it.
        at: Time,
    },
}

impl RegisteredState {
    /// Whether its reader has not signed for it or against it, as far as the log is known.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Undecided | Self::Accepting | Self::Declining)
    }
}

/// A file beside a letter. What opens it is in the letter's content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentRecord {
    /// Its name.
    pub name: FileName,
    /// What it says it is.
    pub media_type: MediaType,
    /// SHA-256 of the sealed blob.
    pub digest: Digest,
    /// Size of the sealed blob, once that is known.
    pub class: Option<BlobClass>,
    /// Size of the file, in bytes.
    pub size: u64,
    /// Where it was saved, or taken from.
    pub saved: Option<PathBuf>,
}

impl fmt::Debug for AttachmentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttachmentRecord(..)")
    }
}

/// What is known of the receipts for a letter. Those of the broker are beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadReceiptState {
    /// Its author wishes for one.
    pub wanted: bool,
    /// Of a received letter: when the receipt leaves.
    pub due: Option<Time>,
    /// Of a received letter: when the receipt was deposited.
    pub sent: Option<Time>,
    /// Of a sent letter: when its reader says that it was read.
    pub got: Option<Time>,
}

/// A letter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterRecord {
    /// Whether it came or went.
    pub direction: Direction,
    /// The own box that it came to, or is sent from.
    pub own_box: BoxId,
    /// Whose it is, or for whom; none: of somebody unknown.
    pub contact: Option<ContactId>,
    /// Who wrote it by its own account, or where it goes.
    pub other: Option<Address>,
    /// Its own name; none until it is opened.
    pub message: Option<Uuid>,
    /// The letter that it answers.
    pub reply_to: Option<Uuid>,
    /// Whom its proof convinces.
    pub mode: Option<Mode>,
    /// Its subject.
    pub subject: Option<String>,
    /// How its text begins.
    pub beginning: String,
    /// Files beside it.
    pub attachments: Vec<AttachmentRecord>,
    /// When it was deposited, by its stamp; of one that is to be sent, when it was written.
    pub time: Time,
    /// Of a received letter: when it was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Time>,
    /// How far it has come.
    pub state: LetterState,
    /// Whether it is known who wrote it.
    pub authorship: Option<Authorship>,
    /// Whether it was sealed to a one-time key, too.
    pub used_once: Option<bool>,
    /// The user has acknowledged it.
    pub acknowledged: Option<Time>,
    /// Where it stands in the box's log.
    pub deposit: Option<DepositRecord>,
    /// Read receipts.
    pub receipt: ReadReceiptState,
    /// What became of it, if it is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<RegisteredState>,
    /// Name of the first letter of its thread.
    pub(in crate::post::store) thread: Option<Keyed>,
}

impl fmt::Debug for LetterRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("LetterRecord");
        shown
            .field("direction", &self.direction)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl LetterRecord {
    /// One of which nothing is known but where it stands.
    pub(in crate::post::store) const fn arrived(
        own_box: BoxId,
        deposit: DepositRecord,
        time: Time,
        fetched: Time,
    ) -> Self {
        let registered = match &deposit.registered {
            Some(_) => Some(RegisteredState::Undecided),
            None => None,
        };
        Self {
            direction: Direction::Received,
            own_box,
            contact: None,
            other: None,
            message: None,
            reply_to: None,
            mode: None,
            subject: None,
            beginning: String::new(),
            attachments: Vec::new(),
            time,
            fetched: Some(fetched),
            state: LetterState::Arrived,
            authorship: None,
            used_once: None,
            acknowledged: None,
            deposit: Some(deposit),
            receipt: ReadReceiptState { wanted: false, due: None, sent: None, got: None },
            registered,
            thread: None,
        }
    }

    /// One that is to be sent.
    pub(in crate::post::store) fn written(
        own_box: BoxId,
        contact: Option<ContactId>,
        to: Address,
        now: Time,
    ) -> Self {
        Self {
            direction: Direction::Sent,
            own_box,
            contact,
            other: Some(to),
            message: None,
            reply_to: None,
            mode: None,
            subject: None,
            beginning: String::new(),
            attachments: Vec::new(),
            time: now,
            fetched: None,
            state: LetterState::Underway,
            authorship: None,
            used_once: None,
            acknowledged: None,
            deposit: None,
            receipt: ReadReceiptState::default(),
            registered: None,
            thread: None,
        }
    }

    /// Takes over what a registered letter shows before it is accepted.
    pub(in crate::post::store) fn show(&mut self, letter: &RegisteredLetter) {
        self.message = Some(letter.id);
        self.reply_to = letter.reply_to;
        self.mode = Some(letter.mode);
        self.subject = letter.subject.as_ref().map(|subject| subject.as_str().to_owned());
    }

    /// Takes over what a letter says.
    pub(in crate::post::store) fn say(&mut self, letter: &Letter) {
        self.message = Some(letter.id);
        self.reply_to = letter.reply_to;
        self.mode = Some(letter.mode);
        self.subject = letter.subject.as_ref().map(|subject| subject.as_str().to_owned());
        self.beginning = letter.text.as_str().chars().take(BEGINNING).collect();
        self.receipt.wanted = letter.wants_receipt;
        self.attachments = letter
            .attachments
            .iter()
            .map(|file| AttachmentRecord {
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                digest: file.digest,
                class: None,
                size: file.size,
                saved: None,
            })
            .collect();
    }

    /// Whether it counts as unread: what cannot be opened does, so that it is not hidden.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        let waits = matches!(
            self.state,
            LetterState::Arrived | LetterState::Unread | LetterState::Unreadable { .. }
        );
        // What the user declined is not to be read any more.
        let declined = matches!(self.registered, Some(RegisteredState::Declined { .. }));
        waits && self.acknowledged.is_none() && !declined
    }
}

pub(super) fn message_of(keys: &Keys, id: &Uuid) -> Keyed {
    keys.name("message", id.as_bytes())
}

/// A thread by its first letter. Of each contact alone: one who has learnt the name of another's letter brings nothing
/// of theirs into that thread.
pub(super) fn thread_of(keys: &Keys, contact: Option<ContactId>, first: &Uuid) -> Keyed {
    let contact = contact.map_or(0, |contact| contact.0);
    keys.name("thread", &[contact.to_be_bytes().as_slice(), first.as_bytes()].concat())
}

/// What a letter that came is found by. Not by its bytes: whoever has those leaves them in another box, too, and what one
/// box holds must not show in what is done with the other.
pub(super) fn arrival_of(keys: &Keys, own_box: BoxId, seq: u64) -> Keyed {
    let place = [own_box.0.to_be_bytes(), seq.to_be_bytes()].concat();
    keys.name("arrival", &place)
}

/// What a letter that was sent is found by: the receipt for it names its envelope.
pub(super) fn envelope_of(keys: &Keys, digest: &Digest) -> Keyed {
    keys.name("envelope", &digest.0)
}

impl Record for LetterRecord {
    const TABLE: Table = Table {
        name: "letter",
        columns: &["direction", "contact", "unread", "thread", "message", "deposit"],
    };

    fn plain(&self, keys: &Keys) -> Vec<Plain> {
        let name = |name: Option<Keyed>| name.map_or(Plain::Nothing, Plain::Name);
        vec![
            Plain::Number(self.direction.code()),
            Plain::Number(self.contact.map_or(0, |contact| contact.0)),
            Plain::Number(self.is_unread().into()),
            name(self.thread),
            name(self.message.as_ref().map(|id| message_of(keys, id))),
            name(self.deposit.as_ref().and_then(|deposit| match self.direction {
                Direction::Received => deposit.seq.map(|seq| arrival_of(keys, self.own_box, seq)),
                Direction::Sent => Some(envelope_of(keys, &deposit.envelope)),
            })),
        ]
    }
}
