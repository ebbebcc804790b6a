//! Sellers' rules: what a listing asks of bids besides its other terms (SPEC 7.10).
//!
//! A small language without loops, functions or a clock. A rule is read once, with the listing, and asked about each bid;
//! its answer is a function of the rule and of a [`State`], bit for bit the same in broker, peer and verifier. Source is a
//! stranger's: it is short and of little depth, so that neither reading nor asking takes much time or memory.

use std::fmt;

use crate::value::text::Text;

mod ask;
mod listed;
mod read;
mod state;
mod token;
mod tree;
mod words;

pub use listed::{ListedError, number, sample_states, samples};
pub use state::{Bidding, State, Variable};

use ask::Value;
use tree::Body;

/// Most bytes of a rule's source.
pub const MAX_SOURCE: usize = 2048;
/// Most brackets, braces and unary operators that are open at one place of a rule.
pub const MAX_DEPTH: usize = 32;
/// Most characters of a text in a rule.
pub const MAX_TEXT: usize = 200;

/// What a rule says to a bidder.
pub type Saying = Text<MAX_TEXT>;

/// A rule that was read and whose kinds of values fit each other. Asked about any state, it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    source: String,
    body: Body,
}

/// What a rule answers about a bid. Only the first accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It may be.
    Accepts,
    /// It may not be.
    Refuses,
    /// It may not be, and the seller says why.
    Says(Saying),
    /// There is no answer, so it may not be.
    Errs(Fault),
}

/// Why a rule has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A number beyond 64 bits.
    #[error("a number becomes too large")]
    Overflow,
    /// A division, or a remainder of one, by zero.
    #[error("it divides by zero")]
    DivisionByZero,
    /// Values of another kind than was checked when it was read. No rule that was read has it.
    #[error("its values do not fit")]
    Kind,
}

/// Why a source is no rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {cause}")]
pub struct RuleError {
    /// Line, from 1 on.
    pub line: usize,
    /// Character in the line, from 1 on.
    pub column: usize,
    /// What is wrong there.
    pub cause: Cause,
}

/// What is wrong with a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Empty, or longer than [`MAX_SOURCE`].
    #[error("a rule has 1 to {MAX_SOURCE} bytes")]
    Size,
    /// A character that is in no rule, or not outside a text.
    #[error("there is no {0:?} in a rule")]
    Character(char),
    /// A text that does not end in its line.
    #[error("the text does not end in this line")]
    OpenText,
    /// A backslash before something else than a quotation mark or a backslash.
    #[error("in a text only \\\" and \\\\ follow a backslash")]
    Escape,
    /// A text that is empty or too long, or cannot be shown.
    #[error("a text is 1 to {MAX_TEXT} characters that can be seen")]
    Text,
    /// Digits that are no number here.
    #[error(
        "a number is 0, or digits without a zero before them, at most {}; one _ may stand between two",
        i64::MAX
    )]
    Number,
    /// Something else was expected.
    #[error("expected {expected}, got {got}")]
    Unexpected {
        /// What may stand here.
        expected: &'static str,
        /// What stands here.
        got: String,
    },
    /// More than [`MAX_DEPTH`] open at one place.
    #[error("more than {MAX_DEPTH} brackets, braces, - and ! are open here")]
    Depth,
    /// A name that stands for nothing here.
    #[error("{0} is not known here")]
    Unknown(String),
    /// `let` of a name that stands for something already.
    #[error("{0} stands for something already")]
    Taken(String),
    /// A value of another kind.
    #[error("expected {expected}, got {got}")]
    Kind {
        /// What is needed here.
        expected: &'static str,
        /// What there is.
        got: Kind,
    },
}

/// What sort of value an expression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number of 64 bits, with a sign.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A text.
    Text,
    /// A boolean or a text, by which branch is taken: good for nothing but an answer.
    Answer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "a number",
            Self::Boolean => "true or false",
            Self::Text => "a text",
            Self::Answer => "an answer",
        })
    }
}

impl Rule {
    /// Reads a rule of an auction with such bids (V-170 to V-172).
    ///
    /// # Errors
    /// [`RuleError`] with the place of the first thing that is wrong.
    pub fn read(source: &str, bidding: Bidding) -> Result<Self, RuleError> {
        let body = read::read(source, bidding)?;
        Ok(Self { source: source.to_owned(), body })
    }

    /// As the seller wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it answers about a bid (V-173).
    #[must_use]
    pub fn ask(&self, state: &State) -> Answer {
        match ask::ask(&self.body, state) {
            Ok(Value::Boolean(true)) => Answer::Accepts,
            Ok(Value::Boolean(false)) => Answer::Refuses,
            Ok(Value::Text(text)) => Answer::Says(text.clone()),
            Ok(Value::Integer(_)) => Answer::Errs(Fault::Kind),
            Err(fault) => Answer::Errs(fault),
        }
    }

    /// What it means in words, in lines; what belongs to a condition is indented.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        words::of(&self.body)
    }
}

#[cfg(test)]
mod tests;
