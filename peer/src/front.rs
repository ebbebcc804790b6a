//! What the three fronts hold: a sender of requests and a receiver of events.
//!
//! The other end is the desk. Both queues are bounded: a front that does not read events makes the
//! desk wait, a desk that is busy makes the front wait.

use tokio::sync::mpsc;

use crate::command::Command;
use crate::event::Event;

/// How many requests and how many events may wait.
pub const QUEUE: usize = 256;

/// A command with the name its asker gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Comes back in [`Event::Done`]; absent if the asker does not care.
    pub id: Option<String>,
    /// What is asked.
    pub command: Command,
}

/// The user's end.
#[derive(Debug)]
pub struct Front {
    /// Carries what the user asks to the desk.
    pub commands: mpsc::Sender<Request>,
    /// Brings what happened.
    pub events: mpsc::Receiver<Event>,
}

/// The desk's end.
#[derive(Debug)]
pub struct Back {
    /// What the user asks; ends when the front is gone.
    pub commands: mpsc::Receiver<Request>,
    /// What the user is told. The desk sends one [`Event::Done`] after the other events of each
    /// request.
    pub events: mpsc::Sender<Event>,
}

/// Two ends that belong together.
#[must_use]
pub fn pair() -> (Front, Back) {
    let (commands, requests) = mpsc::channel(QUEUE);
    let (reports, events) = mpsc::channel(QUEUE);
    (Front { commands, events }, Back { commands: requests, events: reports })
}
