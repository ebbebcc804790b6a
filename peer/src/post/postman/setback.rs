//! What did not go well: what is said of it, and that it is tried again.

use pregao_protocol::host::NoRandomness;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::Undecided;
use pregao_protocol::value::report::Advised as _;

use super::News;
use crate::post::guest::GuestError;
use crate::post::letters::PostError;
use crate::post::office::OfficeError;
use crate::post::store::MailError;

/// Why something is tried again later.
#[derive(Debug)]
pub(super) enum Setback {
    /// The network, or what is not there yet: nobody needs to know.
    Later,
    /// Nobody lied.
    Trouble {
        /// What happened.
        message: String,
        /// What to do.
        advice: String,
    },
    /// Somebody did.
    Alarm {
        /// The box.
        room: Option<RoomName>,
        /// What they did.
        message: String,
        /// What to do.
        advice: String,
        /// What shows it.
        notes: Vec<String>,
    },
}

impl Setback {
    pub(super) fn trouble(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Trouble { message: message.into(), advice: advice.into() }
    }

    /// The same, said of a box.
    pub(super) fn about(self, name: RoomName) -> Self {
        match self {
            Self::Alarm { room: None, message, advice, notes } => {
                Self::Alarm { room: Some(name), message, advice, notes }
            }
            other => other,
        }
    }

    /// The same, shown by this, too.
    pub(super) fn shown_by(self, more: impl IntoIterator<Item = String>) -> Self {
        match self {
            Self::Alarm { room, message, advice, mut notes } => {
                notes.extend(more);
                Self::Alarm { room, message, advice, notes }
            }
            other => other,
        }
    }

    /// What is said of it.
    pub(super) fn news(self) -> Option<News> {
        match self {
            Self::Later => None,
            Self::Trouble { message, advice } => Some(News::Trouble { message, advice }),
            Self::Alarm { room, message, advice, notes } => {
                Some(News::Alarm { room, message, advice, notes })
            }
        }
    }
}

impl From<GuestError> for Setback {
    fn from(error: GuestError) -> Self {
        let (message, advice) = (error.to_string(), error.advice().to_owned());
        match error {
            // The desk says how the connection stands; an answer that did not come is asked for again.
            GuestError::Link(_)
            | GuestError::Slow
            | GuestError::Undecided(Undecided::TSA_DOWN | Undecided::SLOW | Undecided::PUZZLE) => {
                Self::Later
            }
            GuestError::False(_) | GuestError::TooMuch(_) => {
                Self::Alarm { room: None, message, advice, notes: Vec::new() }
            }
            _ => Self::Trouble { message, advice },
        }
    }
}

impl From<PostError> for Setback {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Guest(error) => error.into(),
            PostError::NoRandomness(error) => error.into(),
            error => Self::trouble(error.to_string(), "report this as a fault of the program"),
        }
    }
}

impl From<MailError> for Setback {
    fn from(error: MailError) -> Self {
        Self::trouble(error.to_string(), error.advice())
    }
}

impl From<OfficeError> for Setback {
    fn from(error: OfficeError) -> Self {
        Self::trouble(error.to_string(), error.advice())
    }
}

impl From<NoRandomness> for Setback {
    fn from(error: NoRandomness) -> Self {
        Self::trouble(error.to_string(), "try again once the system gives random numbers")
    }
}
