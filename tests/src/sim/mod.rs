//! The simulation: TSA, broker and several desks in one thread, on one seed, under virtual time.
//!
//! The code is that of the real programs. What is simulated is the machine under them: clocks,
//! random bytes and where work runs ([`machine`]), and the wires between them ([`wires`]), which
//! delay, stall and break. Stores are real files. At instants that the seed chooses, programs crash
//! at whatever they wait for and start again from their stores, wires are cut, and clocks are set
//! ([`trouble`]); meanwhile people list, bid, talk and disclose ([`person`]). When all is quiet it is
//! judged ([`verdict`]) whether every promise was kept: no receipt lost, no alarm raised, one outcome for
//! every peer and for a stranger with the log, both disclosures of a pair or neither.
//!
//! In a house that cheats ([`cheat`]) it is judged whether the one who is cheated sees it and can show it.
//!
//! What the times of letters give away is measured of many people at once ([`matching`]).
//!
//! Now and then somebody tries to put the honest house in the wrong through its witness ([`framer`]).
//!
//! The same seed gives the same run, to the last frame: [`run`] says what it did, so that a failing
//! one can be replayed.

mod apart;
#[cfg(test)]
mod boxes;
pub mod cheat;
#[cfg(test)]
mod falsifier;
pub mod framer;
pub mod machine;
pub mod matching;
pub mod person;
#[cfg(test)]
mod postmen;
pub mod programs;
pub mod recorder;
#[cfg(test)]
mod registered;
pub mod run;
#[cfg(test)]
mod street;
#[cfg(test)]
mod theft;
pub mod trace;
pub mod trouble;
pub mod verdict;
pub mod wires;
