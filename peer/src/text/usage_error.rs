//! What was typed and cannot be read, as told to the user.

use std::borrow::Cow;

use pregao_protocol::value::report::Advised;

/// A line that is no command, as told to the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// What happened.
    pub message: String,
    /// What to type instead.
    pub advice: String,
}

impl UsageError {
    /// Code of every refusal of a line that is no command.
    pub const CODE: &str = "command.parse";
}

impl Advised for UsageError {
    fn code(&self) -> &'static str {
        Self::CODE
    }

    fn advice(&self) -> Cow<'static, str> {
        self.advice.clone().into()
    }
}
