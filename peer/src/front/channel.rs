//! What the three fronts hold: a sender of requests, a receiver of events, and one of questions.
//!
//! The other end is the desk. All queues are bounded: a front that does not read events makes the
//! desk wait, a desk that is busy makes the front wait. A question is no event: its answer may hold
//! a PIN, which nothing may write down, and only one front can give it.

use pregao_protocol::value::report::Report;
use std::fmt;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::card::{LastTry, PinEntry, Tries};
use crate::command::Command;
use crate::event::{ActView, Event};

/// How many requests and how many events may wait.
pub const QUEUE: usize = 256;

/// How long scripts wait for news of what they asked, while no person is asked anything.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(120);

/// Returns when nothing was heard for too long; never while a person is asked.
pub(crate) async fn silence(heard: Option<Instant>, patience: Duration) {
    match heard {
        Some(heard) => tokio::time::sleep_until(heard + patience).await,
        None => std::future::pending().await,
    }
}

/// What is said of a command of which nothing was heard for that long.
pub(crate) fn no_answer(id: Option<String>) -> Event {
    let report = Report::new(
        "link.slow",
        "no answer came in time; an action may still be logged",
        "look at the room before you do it again",
    );
    Event::Refused { id, report, of: ActView::default() }
}

/// Whether an event is news of what was asked, and not of time and connection only.
pub(crate) const fn is_progress(event: &Event) -> bool {
    !matches!(
        event,
        Event::Tick { .. }
            | Event::TsaDown(_)
            | Event::Connected { .. }
            | Event::Disconnected { .. }
    )
}

/// A command with the name its asker gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRequest {
    /// Comes back in [`Event::Done`]; absent if the asker does not care.
    pub id: Option<String>,
    /// What is asked.
    pub command: Command,
    /// What would be asked before it is done is agreed to.
    pub yes: bool,
    /// When a program wrote it, by the desk's clock: of what it was told later it did not know. Absent
    /// where everything told is known.
    pub written: Option<Duration>,
}

/// Asks the user. One at a time; dropped without an answer, it counts as [`UserAnswer::Cancel`]. What
/// was typed before it was shown answers nothing.
#[derive(Debug)]
pub struct Question {
    /// What it is about.
    pub about: Subject,
    /// Takes the answer.
    pub reply: oneshot::Sender<UserAnswer>,
}

/// What a question is about.
#[derive(Debug)]
pub enum Subject {
    /// Whether a card is to sign, and its PIN.
    Pin(PinQuestion),
    /// Whether something is to be done.
    Confirm(Confirmation),
}

/// Code of the report that nobody was there to be asked.
pub const UNCONFIRMED: &str = "confirm.needed";

/// What the user reads before something is done that costs much or cannot be taken back.
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// What will be done.
    pub act: String,
    /// The terms that it fixes, line by line; nothing if it fixes none.
    pub terms: Vec<String>,
    /// Why this is asked, in lines.
    pub grounds: Vec<String>,
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may hold who the user is.
        f.debug_struct("Confirmation").finish_non_exhaustive()
    }
}

/// What the user reads before the PIN.
#[derive(Clone, PartialEq, Eq)]
pub struct PinQuestion {
    /// Whose card it is, as the card says.
    pub holder: String,
    /// In which reader.
    pub reader: String,
    /// Tries left. With one left, the answer must confirm that it may be the last.
    pub tries: Tries,
    /// What the signature does, in lines.
    pub warning: Vec<String>,
    /// Whether the PIN is typed on the reader itself.
    pub pinpad: bool,
    /// Whether the signature is agreed to already: a PIN from a file is then enough.
    pub yes: bool,
}

impl PinQuestion {
    /// Whether a wrong PIN now blocks the card.
    #[must_use]
    pub const fn is_last_try(&self) -> bool {
        self.tries.is_last()
    }
}

impl fmt::Debug for PinQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The holder and what the card says of them belong in no log.
        f.debug_struct("PinQuestion").field("tries", &self.tries).finish_non_exhaustive()
    }
}

/// What a user answers.
#[derive(Debug)]
pub enum UserAnswer {
    /// Sign, with this PIN or the one typed on the reader.
    Sign(PinEntry, LastTry),
    /// Do it.
    Yes,
    /// Sign nothing, do nothing.
    Cancel,
    /// This front has no way to ask.
    Unable(Report),
}

/// The user's end.
#[derive(Debug)]
pub struct Front {
    /// Carries what the user asks to the desk.
    pub commands: mpsc::Sender<UserRequest>,
    /// Brings what happened.
    pub events: mpsc::Receiver<Event>,
    /// Brings what only the user can answer.
    pub questions: mpsc::Receiver<Question>,
}

/// The desk's end.
#[derive(Debug)]
pub struct Back {
    /// What the user asks; ends when the front is gone.
    pub commands: mpsc::Receiver<UserRequest>,
    /// What the user is told. The desk sends one [`Event::Done`] after the other events of each
    /// request.
    pub events: mpsc::Sender<Event>,
    /// What the user is asked.
    pub questions: mpsc::Sender<Question>,
}

/// Two ends that belong together.
#[must_use]
pub fn pair() -> (Front, Back) {
    let (commands, requests) = mpsc::channel(QUEUE);
    let (reports, events) = mpsc::channel(QUEUE);
    let (asked, questions) = mpsc::channel(1);
    (
        Front { commands, events, questions },
        Back { commands: requests, events: reports, questions: asked },
    )
}
