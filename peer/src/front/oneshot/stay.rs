//! What goes on after a command about letters is done: a program of one command stays for it, for a while.
//!
//! A letter is kept durably before it is said to be written; who hands it in is the postman, some seconds later. Whoever
//! types one command expects it to be carried out when the program ends, or to read what carries it.

use std::time::Duration;

use tokio::time::Instant;

use crate::command::{BoxTask, Command};
use crate::event::{ActView, BoxStateView, Event, LetterStanding};

/// For how long: a letter is held for ten seconds, and what comes then takes a few.
const STAY: Duration = Duration::from_secs(60);

/// What is stayed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Nothing,
    /// A letter is deposited, or is not; its number, once that is told.
    Letter(Option<u64>),
    /// A registered letter is accepted, or declined.
    Decided {
        letter: u64,
        accepts: bool,
    },
    /// The word that a letter was read is deposited, or is not.
    Told(u64),
    /// The box for first letters is open.
    Opened,
    /// It is closed.
    Closed,
    /// What takes hours, or shows nothing when it is done, is not stayed for.
    Hours,
}

/// Whether a program of one command stays after it is done.
#[derive(Debug)]
pub(super) struct Stay {
    awaits: Awaits,
    until: Option<Instant>,
}

impl Stay {
    /// For this command.
    pub(super) const fn of(command: &Command) -> Self {
        let awaits = match command {
            Command::Send(_) => Awaits::Letter(None),
            Command::Accept { letter } => Awaits::Decided { letter: *letter, accepts: true },
            Command::Decline { letter } => Awaits::Decided { letter: *letter, accepts: false },
            Command::Ack { letter, now: true } => Awaits::Told(*letter),
            Command::Box(BoxTask::Open { now: true, .. }) => Awaits::Opened,
            Command::Box(BoxTask::Close) => Awaits::Closed,
            Command::Box(BoxTask::Open { now: false, .. }) | Command::Ack { now: false, .. } => {
                Awaits::Hours
            }
            _ => Awaits::Nothing,
        };
        Self { awaits, until: None }
    }

    /// Whether it is stayed just now.
    pub(super) const fn stays(&self) -> bool {
        self.until.is_some()
    }

    /// The command is done. Whether it is stayed for what it began.
    pub(super) fn begin(&mut self) -> bool {
        let stays = match self.awaits {
            Awaits::Nothing | Awaits::Letter(None) | Awaits::Hours => false,
            Awaits::Letter(Some(_))
            | Awaits::Decided { .. }
            | Awaits::Told(_)
            | Awaits::Opened
            | Awaits::Closed => true,
        };
        self.until = stays.then(|| Instant::now() + STAY);
        stays
    }

    /// What is said at once of what is not stayed for.
    pub(super) fn parting(&self) -> Option<Event> {
        (self.awaits == Awaits::Hours).then(|| self.last_words())
    }

    /// Hears what happens; whether what was stayed for went well, once that is known.
    pub(super) fn hear(&mut self, event: &Event) -> Option<bool> {
        match (self.awaits, event) {
            // The last one before the end of the command is the one that was written.
            (Awaits::Letter(_), Event::Letter(letter)) if !self.stays() => {
                self.awaits = Awaits::Letter(Some(letter.letter));
                None
            }
            (Awaits::Letter(Some(number)), Event::Letter(letter)) if letter.letter == number => {
                match letter.standing {
                    LetterStanding::Deposited | LetterStanding::Taken | LetterStanding::WasRead => {
                        Some(true)
                    }
                    LetterStanding::Failed | LetterStanding::Recalled => Some(false),
                    _ => None,
                }
            }
            (Awaits::Decided { letter: number, accepts }, Event::Letter(letter))
                if self.stays() && letter.letter == number =>
            {
                match letter.standing {
                    LetterStanding::Accepting | LetterStanding::Declining => None,
                    LetterStanding::Declined => Some(!accepts),
                    LetterStanding::Unread | LetterStanding::Read => Some(accepts),
                    // It lapsed, was refused, or what is in it does not open.
                    _ => Some(false),
                }
            }
            (Awaits::Told(number), Event::Letter(letter))
                if self.stays() && letter.letter == number =>
            {
                match (letter.acknowledged, letter.standing) {
                    (Some(_), _) => Some(true),
                    (None, LetterStanding::Acknowledged) => None,
                    // It was not taken, or was taken back.
                    (None, _) => Some(false),
                }
            }
            (Awaits::Opened, Event::Boxes { boxes, .. }) if self.stays() => {
                let is_open = |own: &BoxStateView| own.contact.is_none() && own.address.is_some();
                boxes.iter().any(is_open).then_some(true)
            }
            (Awaits::Closed, Event::Boxes { boxes, .. }) if self.stays() => {
                boxes.iter().all(|own| own.contact.is_some()).then_some(true)
            }
            _ => None,
        }
    }

    /// Whether an event tells of letters or boxes that the command is not about: to whoever asked for a list of them it
    /// would be the same twice.
    pub(super) fn is_news(&self, event: &Event) -> bool {
        match (event, self.awaits) {
            (Event::Letter(letter), Awaits::Letter(Some(number))) => letter.letter != number,
            (
                Event::Letter(letter),
                Awaits::Decided { letter: number, .. } | Awaits::Told(number),
            ) => letter.letter != number,
            (Event::Letter(_), Awaits::Letter(None)) => false,
            (Event::Letter(_), _) => true,
            (Event::Contacts { id: None, .. }, _) => true,
            (Event::Boxes { id: None, .. }, Awaits::Opened | Awaits::Closed) => false,
            (Event::Boxes { id: None, .. }, _) => true,
            _ => false,
        }
    }

    /// Returns when it was stayed for long enough.
    pub(super) async fn over(&self) {
        match self.until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// What is said at the end of it: nothing is lost, and what carries it.
    pub(super) fn last_words(&self) -> Event {
        let carries = "while the chat or `pregao agent` runs";
        let text = match self.awaits {
            Awaits::Letter(number) => {
                let number = number.unwrap_or_default();
                format!(
                    "it has not left yet: it is put down, and leaves {carries}; `pregao status {number}` says how it stands"
                )
            }
            Awaits::Decided { letter, .. } => format!(
                "the broker has not logged it yet: it is put down, and handed in {carries}; `pregao read {letter}` says how it stands"
            ),
            Awaits::Told(letter) => format!(
                "the receipt has not left yet: it is put down, and leaves {carries}; `pregao recall {letter}` takes it back"
            ),
            Awaits::Opened => format!("the box is not open yet: it is opened {carries}"),
            Awaits::Closed => format!("the box is not closed yet: it is closed {carries}"),
            Awaits::Nothing | Awaits::Hours => {
                format!("it is put down, and carried out at its time {carries}")
            }
        };
        Event::Note { text, id: Some(super::ID.to_owned()), of: ActView::default() }
    }
}

#[cfg(test)]
mod tests;
