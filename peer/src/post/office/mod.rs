//! What the user asks about letters, answered from the store: nothing here goes over the network.
//!
//! What has to be sent is put down in the store, durable, before it is answered; [`crate::post::postman`] carries it.
//!
//! - `views` letters, contacts and boxes as shown; `known` what is known of others; `drafting` what is being written;
//!   `writing` letters and receipts to be sent; `people` contacts and boxes; `showing` letters as third parties check them

mod drafting;
mod known;
mod people;
mod showing;
mod views;
mod writing;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pregao_protocol::audit::letter::NotShown;
use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::letter::BrokerAddress as LetterBroker;
use pregao_protocol::value::report::{Advised, Report};

use super::store::{MailError, MailStore};
use crate::net::broker::BrokerAddress;
use crate::post::compared::DIGITS;

pub use people::{BoxReady, Resolved};
pub use showing::{LogAlone, LogShown, ShowAs, Showing};
pub use views::Listed;
pub use writing::{Route, Written};

#[cfg(test)]
pub(crate) use showing::tests as shown;

/// The letters of one user at one broker.
#[derive(Debug, Clone)]
pub struct Office {
    store: Arc<Mutex<MailStore>>,
    broker: BrokerAddress,
    host: Host,
}

/// Why something about letters was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfficeError {
    /// The store.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// There is nobody of that name.
    #[error("there is no contact `{0}`")]
    NoContact(String),
    /// The beginning of a box's name is that of several.
    #[error("`{0}` is the beginning of several boxes' names")]
    Unclear(String),
    /// There is no box to write from, or none whose address could be shown.
    #[error("you have no box yet")]
    NoBox,
    /// There is one already.
    #[error("you have a box already")]
    BoxThere,
    /// They are a contact already.
    #[error("this box is your contact {0} already")]
    Known(String),
    /// The box for first letters was closed, and there is no other.
    #[error("your box is closed: no answer and no receipt could come back")]
    Shut,
    /// It is the user's own.
    #[error("this box is your own")]
    OwnBox,
    /// The user hears nothing of them.
    #[error("you have blocked {0}: you would not hear what they answer")]
    Blocked(String),
    /// Drafts are for those of whom something is known here.
    #[error("no draft is kept for `{0}`: they are no contact, and never wrote to you")]
    Stranger(String),
    /// There is no draft.
    #[error("there is no draft for `{0}`")]
    NoDraft(String),
    /// Letters go to boxes of one's own broker.
    #[error("this box is at another broker")]
    OtherBroker,
    /// These are not the digits to compare, whatever they are.
    #[error("to compare there are {DIGITS} digits, and these are {0}")]
    Digits(usize),
    /// What was compared differs.
    #[error("the digits differ: somebody may be between you and {0}")]
    Differs(String),
    /// The letter cannot be answered or acknowledged.
    #[error("{0}")]
    NotThis(&'static str),
    /// The letter says nothing that could be sent, or says it in a way that no letter does.
    #[error("the letter cannot be sent: {0}")]
    Content(String),
    /// It says nothing (V-246).
    #[error("there is nothing in the letter")]
    Nothing,
    /// What is kept shows nobody else that the letter is its author's; why.
    #[error("the letter cannot be shown: {0}")]
    NotShown(#[source] NotShown),
    /// A registered letter has its receipt, and a time of its own.
    #[error("a registered letter takes no `receipt` and no `expires`")]
    Registered,
    /// The text speaks of a file, and none goes with it.
    #[error("the text speaks of an attachment, and there is none")]
    NoAttachment,
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is larger than what a blob holds.
    #[error("{path} is too large: {size} bytes, of at most {most}")]
    TooLarge {
        /// Which.
        path: String,
        /// In bytes.
        size: u64,
        /// In bytes.
        most: u64,
    },
}

impl Advised for OfficeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Mail(error) => error.code(),
            Self::NoRandomness(_) => "mail.random",
            Self::NoContact(_) => "mail.no-contact",
            Self::Unclear(_) => "mail.unclear",
            Self::NoBox => "mail.no-box",
            Self::BoxThere => "mail.box-there",
            Self::Known(_) => "mail.known",
            Self::Shut => "mail.box-shut",
            Self::OwnBox => "mail.own-box",
            Self::Blocked(_) => "mail.blocked",
            Self::Stranger(_) => "mail.stranger",
            Self::NoDraft(_) => "mail.no-draft",
            Self::OtherBroker => "mail.other-broker",
            Self::Digits(_) => "mail.digits",
            Self::Differs(_) => "mail.differs",
            Self::NotThis(_) => "mail.not-this",
            Self::Content(_) | Self::Nothing => "mail.content",
            Self::NotShown(_) => "mail.not-shown",
            Self::Registered => "mail.registered",
            Self::NoAttachment => "mail.no-attachment",
            Self::File { .. } => "mail.file",
            Self::TooLarge { .. } => "mail.too-large",
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Mail(error) => return error.advice(),
            Self::NoRandomness(_) => "try again once the system gives random numbers",
            Self::NoContact(_) => "list them with /contact, or add one: /contact add NAME ADDRESS",
            Self::Unclear(_) => "type more of the name; /people shows it",
            Self::NoBox => "open one: /box open HANDLE, or /box open for one that is in no list",
            Self::BoxThere => "/box address shows where it is; close it before you open another",
            Self::Known(_) => "call them something else with /contact rename NAME NEW",
            Self::Shut => "open another one: /box open HANDLE, or /box open for one in no list",
            Self::OwnBox => "give it to others: /box address shows what you hand over",
            Self::Blocked(_) => {
                "hear from them again with /block WHO off, or add `anyway` to write all the same"
            }
            Self::Stranger(_) => "add them first: /contact add NAME ADDRESS",
            Self::NoDraft(_) => "/drafts lists those there are; /draft WHO TEXT begins one",
            Self::OtherBroker => {
                "start the program with that broker, under a persona and in a folder of its own"
            }
            Self::Digits(_) => {
                "/contact verify WHO shows them: compare all, and type what they read out"
            }
            Self::Differs(_) => {
                "do not rely on this contact; ask for the address again, by another way"
            }
            Self::NotThis(_) => "/mail shows how each letter stands",
            Self::Content(_) => "change what it names; what is too long goes in two letters",
            Self::Nothing => "write something, or attach a file",
            Self::NotShown(_) => "nothing was written; the letter itself can be read as before",
            Self::Registered => {
                "leave that out: who accepts it signs for it, and it lapses after 15 days"
            }
            Self::NoAttachment => "add `attach FILE`, or `anyway` if nothing is missing",
            Self::File { .. } => "name a file that can be read",
            Self::TooLarge { .. } => "send a smaller file",
        };
        advice.into()
    }
}

impl From<OfficeError> for Report {
    fn from(error: OfficeError) -> Self {
        error.report()
    }
}

impl Office {
    /// Over an open store.
    #[must_use]
    pub fn new(store: MailStore, broker: BrokerAddress, host: Host) -> Self {
        Self { store: Arc::new(Mutex::new(store)), broker, host }
    }

    /// The store, for as long as one change takes.
    pub(crate) fn store(&self) -> MutexGuard<'_, MailStore> {
        // A change is kept whole or not at all, whatever became of the thread that made it.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The broker.
    pub(crate) const fn broker(&self) -> &BrokerAddress {
        &self.broker
    }

    /// The broker as letters name it; nothing if its address is longer than letters may say.
    pub(crate) fn broker_in_letters(&self) -> Option<LetterBroker> {
        LetterBroker::try_from(self.broker.to_string()).ok()
    }
}

#[cfg(test)]
mod tests;
