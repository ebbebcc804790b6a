//! What crosses the wire.
//!
//! - [`session`] the encrypted connection between peer and broker; [`frame`] what crosses it
//! - [`refusal`] what a broker signs about an action that it did not log; [`delivery`] what goes through witnesses
//! - [`tsa`] requests, answers and stream frames of a TSA; [`witness`] those of whoever cosigns heads

pub mod delivery;
pub mod frame;
pub mod refusal;
pub mod session;
pub mod tsa;
pub mod witness;
