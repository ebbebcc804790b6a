//! The demonstration: a TSA, a broker and a handful of peers as real processes on loopback, with
//! data that is thrown away.
//!
//! - [`cast`] the peers, each a `pregao json` process spoken to in JSON lines
//! - [`cards`] the same with citizen cards, for two people
//! - [`play`] what the bots do, and what is checked at the end

pub mod cards;
pub mod cast;
pub mod play;
