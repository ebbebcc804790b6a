//! Letters, people, boxes and contacts as shown to the user.

use pregao_protocol::letter::Mode;
use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};

use super::Personal;
use crate::command::{Folder, ReceiptAnswer};

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterView {
    /// Its number, which stays its own.
    pub letter: u64,
    /// Which way it went.
    pub folder: Folder,
    /// From whom or to whom.
    pub who: WhoView,
    /// When its deposit was stamped; of one that has not left, when it was written.
    pub time: Time,
    /// Whom it convinces; absent of one that could not be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The line above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Personal>,
    /// How many files are attached.
    #[serde(default)]
    pub attachments: u32,
    /// How it stands.
    pub standing: LetterStanding,
    /// When the word that it was read was deposited, if it was: of a letter that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Time>,
    /// Why, if it could not be opened or sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Whether its writer wishes to be told that it was read.
    #[serde(default)]
    pub wants_receipt: bool,
    /// The number of the letter that it answers, if that is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// When it leaves, as far as that is known, while it waits for that: until then it can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<Time>,
    /// Whether it leaves at an even time: that of `leaves` at the soonest, and a later one if others wait before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub even: bool,
    /// What is known of it besides, if it is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<RegisteredView>,
}

/// What is known of a registered letter, accepted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RegisteredView {
    /// Until when it can be accepted; absent of one that has not left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Bytes of the letter and its files as they were deposited: sealed and filled up. 0 before it is.
    pub bytes: u64,
    /// How many files are beside it.
    pub files: u32,
    /// When it was accepted, if it was, as far as that is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Time>,
}

/// How a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LetterStanding {
    /// It came, and was not read.
    Unread,
    /// It was read.
    Read,
    /// It was read, and its writer is told, or was.
    Acknowledged,
    /// It came, is registered, and is read once the user accepts it.
    ToAccept,
    /// The user accepts it, which the broker has not logged yet.
    Accepting,
    /// The user declines it, which the broker has not logged yet.
    Declining,
    /// It came and cannot be opened; `cause` says why.
    Unopened,
    /// It waits to leave, and can be taken back.
    Waiting,
    /// It is on its way.
    Leaving,
    /// The broker has it, by its receipt.
    Deposited,
    /// Its reader took it off, by the log of their box.
    Taken,
    /// Its reader says that it was read, and the signature or MAC holds.
    WasRead,
    /// It is registered, and its reader has signed for it.
    Accepted,
    /// It is registered, and its reader declined it: nobody reads it.
    Declined,
    /// It is registered, and nobody accepted it in time: nobody reads it.
    Lapsed,
    /// It was taken back before it left.
    Recalled,
    /// It could not be sent; `cause` says why.
    Failed,
}

impl LetterStanding {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unread => "not read",
            Self::Read => "read",
            Self::Acknowledged => "acknowledged",
            Self::ToAccept => "waits for you to accept it",
            Self::Accepting => "is being accepted",
            Self::Declining => "is being declined",
            Self::Accepted => "accepted by them",
            Self::Declined => "DECLINED",
            Self::Lapsed => "LAPSED",
            Self::Unopened => "CANNOT BE OPENED",
            Self::Waiting => "waits to leave",
            Self::Leaving => "on its way",
            Self::Deposited => "deposited",
            Self::Taken => "taken by them",
            Self::WasRead => "read by them",
            Self::Recalled => "taken back",
            Self::Failed => "NOT SENT",
        }
    }
}

/// Somebody whom one writes to or hears from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoView {
    /// What the user calls them; absent if they are no contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The beginning of the name of their box; absent if it could not be learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<String>,
    /// Whether words were compared by another way.
    #[serde(default)]
    pub verified: bool,
}

/// A letter with what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadView {
    /// The letter.
    #[serde(flatten)]
    pub letter: LetterView,
    /// What it says.
    pub text: Personal,
    /// What is attached.
    pub files: Vec<FileView>,
    /// What is said besides: whom it convinces, what was lost.
    pub notes: Vec<String>,
}

/// An attached file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// Its name, as its sender gives it.
    pub name: Personal,
    /// What it says it is.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// Where it was written, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<String>,
}

/// Whom what is said in a private room convinces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomModeView {
    /// Room.
    pub room: String,
    /// By which beginning of its name it is called.
    pub short: String,
    /// Whom it convinces.
    pub mode: Mode,
}

/// A letter that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftView {
    /// For whom, as a command names them.
    pub to: String,
    /// For whom.
    pub who: WhoView,
    /// The line above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Personal>,
    /// What it says so far.
    pub text: Personal,
    /// What goes with it.
    pub files: Vec<DraftFile>,
    /// The number of the letter that it answers, if that is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// Whom it will convince.
    pub mode: Mode,
    /// Whether that was chosen for it, and not for its reader.
    #[serde(default)]
    pub chosen: bool,
    /// Whether its reader is asked to say that it was read.
    #[serde(default)]
    pub receipt: bool,
    /// Whether its reader is to sign for it before they read it.
    #[serde(default)]
    pub registered: bool,
    /// After how long it is destroyed, read or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When it was changed last.
    pub changed: Time,
}

/// A file that goes with a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftFile {
    /// Its name.
    pub name: Personal,
    /// In bytes, of one that is kept with the draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where it is, of one that is read when the draft is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Somebody who wants to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// What they want to be called. Others may want the same.
    pub handle: String,
    /// The line that they say of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Full name of their box.
    #[serde(rename = "box")]
    pub name: String,
    /// The beginning of it.
    pub short: String,
    /// What the user calls them, if they are a contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Whether it is one's own box.
    #[serde(default)]
    pub own: bool,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactView {
    /// What the user calls them.
    pub name: String,
    /// The beginning of the name of their box.
    pub short: String,
    /// Whether words were compared by another way.
    pub verified: bool,
    /// Whether nothing of them is heard.
    pub blocked: bool,
    /// Whether they learn that letters of theirs were read.
    pub receipts: ReceiptAnswer,
    /// Whom letters to them convince.
    pub mode: Mode,
    /// Letters of theirs that were not read.
    pub unread: u64,
}

/// One's own box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxStateView {
    /// Full name.
    #[serde(rename = "box")]
    pub name: String,
    /// The beginning of it.
    pub short: String,
    /// By what people find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// For which contact it is; the one for everybody without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// How it stands, in words.
    pub standing: String,
    /// What is handed over so that others write to it, once it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What became of a letter that was sent, each signature checked again just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// The letter.
    #[serde(flatten)]
    pub letter: LetterView,
    /// What is known, a line for each: deposited, read, with its judgement.
    pub known: Vec<String>,
}
