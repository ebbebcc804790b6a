//! What was typed and cannot be read, as told to the user.

use crate::event::{ActView, Event};

/// A line that is no command, as told to the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Mistake {
    /// What happened.
    pub message: String,
    /// What to type instead.
    pub advice: String,
}

impl Mistake {
    /// Code of every refusal of a line that is no command.
    pub const CODE: &str = "command.parse";

    /// The mistake as an event, for fronts that show only events; `id` is that of the command.
    #[must_use]
    pub fn into_event(self, id: Option<String>) -> Event {
        Event::Refused {
            id,
            code: Self::CODE.to_owned(),
            message: self.message,
            advice: self.advice,
            of: ActView::default(),
        }
    }
}
