//! The protocol of Pregão: keys, actions, stamps, logs, sessions and rooms.
//!
//! Nothing here touches a socket, a clock, a file or a source of randomness: time and random
//! bytes are arguments. The same code therefore runs in the broker, in every peer and in a
//! verifier that was not there when it happened. The specification is `protocol/SPEC.md`; rules
//! carry numbers (`V-012`) there, here and in the tests.
//!
//! Each module uses only those above it:
//! - [`value`] instants, amounts, texts, encodings, every label and limit
//! - [`trust`] keys, and who vouches for them
//! - [`log`] tree, stamps, entries, signed heads, receipts
//! - [`letter`] what is left for somebody who is away
//! - [`room`] actions, and what a log of them means
//! - [`wire`] sessions, frames, the way to the TSA
//! - [`audit`] the offline check, and what proves a lie
//!
//! [`host`] is what a program asks of the machine under it.

pub mod audit;
pub mod host;
pub mod letter;
pub mod log;
pub mod room;
pub mod trust;
pub mod value;
pub mod wire;
