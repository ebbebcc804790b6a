//! The encrypted session between peer and broker (SPEC 10): Noise XX, bound to the broker's key
//! and to a persona.
//!
//! In order: `hello` and `choice` in clear, three handshake messages, records. Each awaited
//! message is a type that is consumed by it, so none can come out of order:
//!
//! ```text
//! initiator                                   responder
//! Initiator::start          ── hello ──→      ExpectHello
//! ExpectChoice              ←─ choice ──
//!                           ── message 1 ─→   ExpectMessage1
//! ExpectMessage2            ←─ message 2 ──
//!                           ── message 3 ─→   ExpectMessage3
//! Unconfirmed               ←─ record ──      Unconfirmed
//!                           ── record ──→
//! Session                                     Session
//! ```
//!
//! The library does the cryptography (`snow` over aws-lc); what is ours binds suites and long-term
//! keys to the handshake. Long-term keys only sign: the X25519 keys are fresh for every
//! connection, so whoever steals every long-term key later opens nothing that was recorded.
//!
//! Trusts nothing from the wire, and the caller for two things: seeds that are fresh from a
//! cryptographic generator, and the checks of certificate and ticket handed in as closures.

mod handshake;
mod record;
mod resolver;
mod suite;

#[cfg(test)]
mod puzzle_tests;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use handshake::{
    BrokerCredentials, Challenge, Credentials, ExpectChoice, ExpectHello, ExpectMessage1,
    ExpectMessage2, ExpectMessage3, Initiated, Initiator, solved,
};
pub use record::{Opener, Padded, Sealer, Session, Unconfirmed};
pub use suite::{Ranking, Suite};

use crate::trust::key::KeyError;

/// The messages before the first record, for naming one in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeMessage {
    /// The initiator's suites.
    Hello,
    /// The responder's choice.
    Choice,
    /// The first handshake message: the initiator's ephemeral key.
    One,
    /// The second: the responder's keys, certificate and signature.
    Two,
    /// The third: the initiator's key, certificate, ticket and signature.
    Three,
}

impl fmt::Display for HandshakeMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "hello",
            Self::Choice => "choice",
            Self::One => "message 1",
            Self::Two => "message 2",
            Self::Three => "message 3",
        })
    }
}

/// Why a session was not made, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A ranking is empty, too long, or has a suite twice. Ours to mend.
    #[error("a ranking needs at least one suite, and none twice")]
    Ranking,
    /// Certificate and ticket do not fit the fixed payload. Ours to mend.
    #[error("certificate and ticket take {got} bytes, and the handshake has room for {max}")]
    CredentialsTooLong {
        /// The room, in bytes.
        max: usize,
        /// What they take, in bytes.
        got: usize,
    },
    /// A frame fits no record. Ours to mend.
    #[error("a frame of {got} bytes, and a record takes {max}")]
    FrameTooLong {
        /// The limit, in bytes.
        max: usize,
        /// The frame, in bytes.
        got: usize,
    },
    /// A message is not of its only possible form.
    #[error("{message} is malformed")]
    Malformed {
        /// Which one.
        message: HandshakeMessage,
    },
    /// A handshake message has another size than its only possible one.
    #[error("{message} has {expected} bytes, got {got}")]
    Size {
        /// Which one.
        message: HandshakeMessage,
        /// Its size, in bytes.
        expected: usize,
        /// What came, in bytes.
        got: usize,
    },
    /// The initiator speaks another version.
    #[error("expected version {expected}, got {got}")]
    Version {
        /// Ours.
        expected: u64,
        /// Theirs.
        got: u64,
    },
    /// No suite is on both lists.
    #[error("no common suite: offered {offered:?}, ranked {ranked:?}")]
    NoCommonSuite {
        /// The initiator's list.
        offered: Vec<String>,
        /// The responder's list.
        ranked: Vec<String>,
    },
    /// The responder did not choose by its own list: somebody wants a weaker suite.
    #[error("expected the choice of {expected}, got {got}")]
    Choice {
        /// The first of the responder's list that was offered.
        expected: Suite,
        /// What it chose.
        got: String,
    },
    /// The puzzle that was asked for is not solved.
    #[error("the puzzle that was asked for is not solved")]
    Puzzle,
    /// A handshake message does not fit this handshake.
    #[error("{message} does not belong to this handshake")]
    Handshake {
        /// Which one.
        message: HandshakeMessage,
        /// What the handshake says.
        #[source]
        source: snow::Error,
    },
    /// The caller's check refused the other side's certificate or ticket.
    #[error("the credentials in {message} are refused")]
    Credentials {
        /// Where they were.
        message: HandshakeMessage,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The long-term key's signature is not over this handshake, or the key is unusable.
    #[error("the signature in {message} is refused")]
    Signature {
        /// Where it was.
        message: HandshakeMessage,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// A record was not sealed as the next one of this session.
    #[error("the record is not the next one of this session")]
    Record,
    /// A record is padded otherwise than by the rule.
    #[error("the record is not padded by the rule")]
    Padding,
    /// An earlier record failed, and the session with it.
    #[error("the session has ended with a record that failed")]
    Dead,
    /// All nonces are used.
    #[error("the session has used all its nonces")]
    Exhausted,
}

impl SessionError {
    /// What the other side may hear. One word for everything cryptographic, so that nobody
    /// learns which check failed.
    #[must_use]
    pub const fn public_code(&self) -> &'static str {
        match self {
            Self::NoCommonSuite { .. } => "session.suite",
            Self::Puzzle => "puzzle.wanted",
            Self::Ranking
            | Self::CredentialsTooLong { .. }
            | Self::FrameTooLong { .. }
            | Self::Malformed { .. }
            | Self::Size { .. }
            | Self::Version { .. }
            | Self::Choice { .. }
            | Self::Handshake { .. }
            | Self::Credentials { .. }
            | Self::Signature { .. }
            | Self::Record
            | Self::Padding
            | Self::Dead
            | Self::Exhausted => "session.refused",
        }
    }
}

/// Parses JSON that has one spelling only; nothing if it is of another shape or spelling.
fn parse_canonical<T: Serialize + for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    let parsed: T = serde_json::from_slice(bytes).ok()?;
    (serde_json::to_vec(&parsed).ok()? == bytes).then_some(parsed)
}

/// `Debug` that shows the type and nothing in it.
macro_rules! hidden_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
use hidden_debug;
