//! Judging a letter that is shown (SPEC 8.3).

use serde::Serialize;
use uuid::Uuid;

use super::{
    Examined, Fault, Found, Rule, Standing, Subject, TimelineShown, Verdict, fingerprints,
};
use crate::audit::letter::{NotInTime, NotShown, ShownBox, ShownLetter, Verified, VerifiedLetter};
use crate::letter::{
    Attachment, Content, FileName, Letter, MediaType, Mode, ReadReceipt, RegisteredError,
    RegisteredLetter, Within,
};
use crate::log::RoomName;
use crate::room::body::Deposit;
use crate::trust::key::Fingerprint;
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label::MAX_SUBJECT;
use crate::value::text::{Lines, Text};

/// What a letter says that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterShown {
    /// The box whose key signed it.
    pub from: BoxShown,
    /// The box in which it was left.
    pub to: BoxShown,
    /// Position of the deposit.
    pub entry: u64,
    /// Its stamp: the letter existed by then.
    pub time: Time,
    /// When its bytes were to be destroyed, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// When it lapses, if it is registered and nobody decides about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lapses: Option<Time>,
    /// Digest of the envelope.
    pub envelope: Digest,
    /// Bytes of the envelope.
    pub bytes: u64,
    /// By what it is shown.
    pub shown: ShownBy,
    /// Hash of the content.
    pub hash: Digest,
    /// Whom its proof convinces: everybody, or it would not be shown.
    pub mode: Mode,
    /// What it says, unless that is kept back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentShown>,
    /// The read receipt, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadShown>,
    /// What happened to it in the reader's box, if that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<TimelineShown>,
}

/// A box as its opening has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoxShown {
    /// Its name.
    #[serde(rename = "box")]
    pub name: RoomName,
    /// What its owner wants to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<Text<32>>,
    /// Fingerprint of its key.
    pub key: Fingerprint,
}

/// By what a letter is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ShownBy {
    /// By its sender's randomness: what lay in the box could be opened, and was this.
    Sender,
    /// By the envelope: its sender signed this for it.
    Reader,
    /// By the envelope, without what is in it.
    Hash,
}

/// What an envelope has in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ContentShown {
    /// A letter.
    Letter {
        /// Its name.
        id: Uuid,
        /// The letter that it answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<Uuid>,
        /// Whether its author asked to be told that it was read.
        wants_receipt: bool,
        /// Its subject.
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<Text<MAX_SUBJECT>>,
        /// Its text.
        text: Lines,
        /// What is attached to it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<AttachmentShown>,
    },
    /// A registered letter; what is within only once it was handed over.
    Registered {
        /// Its name.
        id: Uuid,
        /// The letter that it answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<Uuid>,
        /// Its subject.
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<Text<MAX_SUBJECT>>,
        /// What the broker's half of its key is committed to by.
        commitment: Digest,
        /// What it says, if it was handed over.
        #[serde(skip_serializing_if = "Option::is_none")]
        within: Option<WithinShown>,
        /// Why nothing of what it says can be read, ever.
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<WithinFault>,
    },
    /// Cover, which is deniable always (V-370) and so is not shown (V-308).
    Cover {
        /// Its name.
        id: Uuid,
    },
    /// The word that another letter was read.
    Read {
        /// Its name.
        id: Uuid,
        /// Digest of that letter's envelope.
        deposit: Digest,
        /// Hash of that letter's content.
        content: Digest,
        /// When it was read, by its reader.
        read: Time,
    },
}

/// What is read of a registered letter once it was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithinShown {
    /// Its text.
    pub text: Lines,
    /// What is attached to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentShown>,
}

/// What its sender did wrong, so that a registered letter never opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WithinFault {
    /// Its deposit commits to the half of another letter, or to none (V-339).
    Deposit,
    /// What is sealed within is none (V-338).
    Junk,
}

/// A file beside a letter: not what is in it, but what it is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachmentShown {
    /// Its name.
    pub name: FileName,
    /// What it says it is.
    pub media_type: MediaType,
    /// Its bytes.
    pub size: u64,
    /// Digest of the sealed blob.
    pub digest: Digest,
    /// Whether that blob was deposited with the letter.
    pub deposited: bool,
}

/// A read receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadShown {
    /// Fingerprint of the broker that keeps the box in which it was left: that of the letter's sender.
    pub broker: Fingerprint,
    /// Whether stamps there are in simulated time.
    pub simulated: bool,
    /// Fingerprints of the stamp keys that count there.
    pub stamps: Vec<Fingerprint>,
    /// How many entries the head covers.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// Position of the deposit.
    pub entry: u64,
    /// Its stamp.
    pub time: Time,
    /// When the letter was read, by its reader.
    pub read: Time,
}

/// The verdict on a text that is a letter shown, whatever is in it; `None` for any other.
pub(super) fn examine<'a>(text: &str) -> Option<Examined<'a>> {
    let shown = ShownLetter::parse(text).ok()?;
    Some(match shown.verify() {
        Ok(verified) => {
            let verdict = verdict(&verified);
            Examined { verdict, found: Found::Letter(Box::new((shown, verified))) }
        }
        Err(error) => Examined {
            verdict: Verdict::invalid(Subject::Letter, rule(&error), None),
            found: Found::Nothing(Fault::of(&error)),
        },
    })
}

/// The rule that is broken.
pub(super) fn rule(error: &NotShown) -> Rule {
    match error {
        NotShown::Sender => Rule::SENDER,
        NotShown::Receipt(error) => Rule::of_receipt(error),
        NotShown::NotADeposit => Rule::DEPOSIT,
        NotShown::Keys => Rule::PREKEYS,
        NotShown::Content(_) => Rule::CONTENT,
        NotShown::NotSealed => Rule::BY_SENDER,
        NotShown::OtherEnvelope => Rule::BY_READER,
        NotShown::OtherSender => Rule::OTHER_SENDER,
        NotShown::Signature => Rule::SIGNATURE,
        NotShown::Deniable => Rule::DENIABLE,
        NotShown::Misdirected => Rule::MISDIRECTED,
        NotShown::NotItsReceipt | NotShown::OtherLetter(_) => Rule::READ,
        NotShown::Read(error) => rule(error),
        NotShown::Timeline(error) => rule_in_time(error),
    }
}

fn rule_in_time(error: &NotInTime) -> Rule {
    match error {
        NotInTime::Deposit(error) | NotInTime::Entry(error) => Rule::of_receipt(error),
        NotInTime::Form => Rule::TIMELINE,
        NotInTime::Other => Rule::NOT_ABOUT,
        NotInTime::Author => Rule::NOT_OWNER,
        NotInTime::Seen => Rule::NOT_SEEN,
        NotInTime::Pair => Rule::NOT_PAIRED,
        NotInTime::Half => Rule::HALF,
        NotInTime::Registered => Rule::NOT_THEN,
        NotInTime::Order => Rule::OVER,
        NotInTime::Stale => Rule::STALE,
    }
}

fn verdict(verified: &VerifiedLetter) -> Verdict {
    let VerifiedLetter { from, to, letter, lapses, read, timeline } = verified;
    let receipt = &letter.receipt;
    // What was deposited does not change any more, so there is nothing to wait for.
    let verdict = Verdict::bare(Subject::Letter, Standing::Valid).with_terms(&receipt.terms);
    // Boxes name no witnesses.
    let mut verdict = verdict.with_head(receipt.size, receipt.root, Vec::new(), false);
    verdict.room = Some(receipt.room);
    verdict.letter = Some(Box::new(LetterShown {
        from: BoxShown::of(from),
        to: BoxShown::of(to),
        entry: receipt.seq,
        time: receipt.time,
        expires: letter.deposit.expires,
        lapses: *lapses,
        envelope: letter.deposit.envelope.digest,
        bytes: letter.deposit.envelope.size.size(),
        shown: match (&letter.content, letter.is_sealed) {
            (None, _) => ShownBy::Hash,
            (Some(_), true) => ShownBy::Sender,
            (Some(_), false) => ShownBy::Reader,
        },
        hash: letter.hash,
        mode: Mode::Evidence,
        content: letter
            .content
            .as_ref()
            .map(|content| ContentShown::of(content, verified.within().as_ref(), &letter.deposit)),
        read: read.as_ref().map(|(verified, said)| ReadShown::of(verified, said)),
        timeline: timeline.as_ref().map(TimelineShown::of),
    }));
    verdict
}

impl BoxShown {
    pub(super) fn of(shown: &ShownBox) -> Self {
        let (keys, handle) = (&shown.keys, shown.opening.handle.clone());
        Self { name: keys.name, handle, key: keys.key.fingerprint() }
    }
}

impl ContentShown {
    fn of(
        content: &Content,
        within: Option<&Result<Within, RegisteredError>>,
        deposit: &Deposit,
    ) -> Self {
        match content {
            Content::Letter(Letter {
                id,
                reply_to,
                wants_receipt,
                subject,
                text,
                attachments,
                ..
            }) => Self::Letter {
                id: *id,
                reply_to: *reply_to,
                wants_receipt: *wants_receipt,
                subject: subject.clone(),
                text: text.clone(),
                attachments: AttachmentShown::all(attachments, deposit),
            },
            Content::Registered(letter) => {
                let RegisteredLetter { id, reply_to, subject, commitment, .. } = letter;
                Self::Registered {
                    id: *id,
                    reply_to: *reply_to,
                    subject: subject.clone(),
                    commitment: *commitment,
                    within: within
                        .and_then(|read| read.as_ref().ok())
                        .map(|within| WithinShown::of(within, deposit)),
                    fault: within.and_then(|read| read.as_ref().err()).map(WithinFault::of),
                }
            }
            Content::Cover(cover) => Self::Cover { id: cover.id },
            Content::Read(ReadReceipt { id, deposit, content, time, .. }) => {
                Self::Read { id: *id, deposit: *deposit, content: *content, read: *time }
            }
        }
    }
}

impl WithinShown {
    fn of(within: &Within, deposit: &Deposit) -> Self {
        let attachments = AttachmentShown::all(&within.attachments, deposit);
        Self { text: within.text.clone(), attachments }
    }
}

impl WithinFault {
    const fn of(error: &RegisteredError) -> Self {
        match error {
            RegisteredError::Deposit => Self::Deposit,
            RegisteredError::Content(_) | RegisteredError::Half | RegisteredError::Junk => {
                Self::Junk
            }
        }
    }
}

impl AttachmentShown {
    fn all(attachments: &[Attachment], deposit: &Deposit) -> Vec<Self> {
        attachments.iter().map(|attachment| Self::of(attachment, deposit)).collect()
    }

    fn of(attachment: &Attachment, deposit: &Deposit) -> Self {
        let Attachment { name, media_type, digest, size, key: _ } = attachment;
        Self {
            name: name.clone(),
            media_type: media_type.clone(),
            size: *size,
            digest: *digest,
            deposited: deposit.attachments.iter().any(|blob| blob.digest == *digest),
        }
    }
}

impl ReadShown {
    fn of(verified: &Verified, said: &ReadReceipt) -> Self {
        let receipt = &verified.receipt;
        Self {
            broker: receipt.broker,
            simulated: receipt.terms.simulated,
            stamps: fingerprints(&receipt.terms.stamps),
            size: receipt.size,
            root: receipt.root,
            entry: receipt.seq,
            time: receipt.time,
            read: said.time,
        }
    }
}
