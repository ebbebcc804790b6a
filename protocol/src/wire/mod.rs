//! What crosses the wire.
//!
//! - [`session`] the encrypted connection between peer and broker; [`frame`] what crosses it
//! - [`blob`] sealed bytes beside the logs, put and got in binary frames; [`handed`] keys that letters are sealed to, in another
//! - [`puzzle`] the work that a broker under load asks for before it looks at a signature
//! - [`refusal`] what a broker signs about an action that it did not log; [`delivery`] what goes through witnesses
//! - [`tsa`] requests, answers and stream frames of a TSA; [`witness`] those of whoever cosigns heads

pub mod blob;
pub mod delivery;
pub mod frame;
pub mod handed;
pub mod puzzle;
pub mod refusal;
pub mod session;
pub mod tsa;
pub mod witness;
