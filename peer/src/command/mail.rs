//! What a user asks for about letters: the box, people, letters, contacts.

use pregao_protocol::letter::Mode;
use serde::{Deserialize, Serialize};

/// What to do about one's own box.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum BoxTask {
    /// Says which there are, and how they stand.
    #[default]
    Tell,
    /// Opens one.
    Open {
        /// What its owner wants to be called by whoever looks for people; in no list without it.
        #[serde(default)]
        handle: Option<String>,
        /// A line that its owner says of themselves; with a handle only.
        #[serde(default)]
        about: Option<String>,
        /// Spends a pass at once, although the broker may guess whose a pass is that was taken just before.
        #[serde(default)]
        now: bool,
    },
    /// Prints its address, to hand over.
    Address,
    /// Closes it for ever.
    Close,
    /// Has letters and receipts to contacts who answer leave at times drawn ahead alone, with cover where nothing waits.
    Even {
        /// Or no more.
        on: bool,
    },
}

/// What to do about the people whom one writes to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ContactTask {
    /// Lists them.
    #[default]
    List,
    /// Adds one.
    Add {
        /// What the user calls them.
        name: String,
        /// What they handed over, or the beginning of the name of a listed box.
        address: String,
    },
    /// Makes a contact of the other side of a deal, and gives them a box of one's own.
    Deal {
        /// What the user calls them.
        name: String,
        /// Prefix of the private room's name.
        room: String,
        /// Gives it as soon as it is open, although the broker may guess whose it is.
        #[serde(default)]
        now: bool,
    },
    /// Notes that the words of both programs were compared and are the same; shows them without `words`.
    Verify {
        /// Who.
        who: String,
        /// The words that the other side reads out.
        #[serde(default)]
        words: Option<String>,
    },
    /// Whether they are told that a letter of theirs was read.
    Receipts {
        /// Who.
        who: String,
        /// When.
        answer: ReceiptAnswer,
    },
    /// Whether they may hear that a letter of theirs was taken off.
    Taken {
        /// Who.
        who: String,
        /// Whether they may.
        tell: bool,
    },
    /// Whom letters to them convince, if it is not said with a letter.
    Mode {
        /// Who.
        who: String,
        /// Everybody, or them alone.
        mode: Mode,
    },
    /// Calls them something else.
    Rename {
        /// Who.
        who: String,
        /// The new name.
        name: String,
    },
}

/// Whether a wish for a read receipt is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptAnswer {
    /// By the user, letter by letter.
    #[default]
    Ask,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// A letter to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLetter {
    /// A contact's name, the beginning of the name of a listed box, or an address.
    pub to: String,
    /// What it says; may have several lines, and may be empty beside files.
    #[serde(default)]
    pub text: String,
    /// One line above it; at most 120 characters.
    #[serde(default)]
    pub subject: Option<String>,
    /// The letter that it answers, by its number.
    #[serde(default)]
    pub re: Option<u64>,
    /// Paths of files that go with it.
    #[serde(default)]
    pub attach: Vec<String>,
    /// Whom it convinces; as set for the contact if absent.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Whether its reader is asked to say that it was read.
    #[serde(default)]
    pub receipt: bool,
    /// After how long it is destroyed, read or not.
    #[serde(default)]
    pub expires: Option<String>,
    /// Whether its reader reads it only once they have signed for it, within 15 days; without `receipt` and `expires`.
    #[serde(default)]
    pub registered: bool,
    /// Whether it does not wait for a pass to have rested: the broker may then guess who wrote it.
    #[serde(default)]
    pub now: bool,
    /// That nothing is missing although the text speaks of an attachment, and that somebody is meant who is blocked.
    #[serde(default)]
    pub anyway: bool,
    /// Whether what is not said here is as in the draft for them, if there is one; it is sent with this, then.
    #[serde(default)]
    pub draft: bool,
}

/// What to do about letters that are being written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DraftsTask {
    /// Lists them.
    #[default]
    List,
    /// Shows one in whole.
    Show {
        /// For whom it is.
        who: String,
    },
    /// Drops one, with all that goes with it.
    Drop {
        /// For whom it is.
        who: String,
    },
}

/// Which letters are listed; all by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailFilter {
    /// Only those that came, or only those that were written here.
    #[serde(default)]
    pub folder: Option<Folder>,
    /// Only those from or to one contact.
    #[serde(default)]
    pub with: Option<String>,
    /// How many at most, the newest; 20 if absent.
    #[serde(default)]
    pub last: Option<u32>,
    /// Instead of a list: the folder into which all of them are written, as mail programs read it.
    #[serde(default)]
    pub export: Option<String>,
}

/// Which way a letter went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Folder {
    /// It came.
    Received,
    /// It was written here.
    Sent,
}
