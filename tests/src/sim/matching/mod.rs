//! Who can match the sender of a letter and its deposit: people write to each other for days, before a broker that keeps
//! all that it sees, and an attacker with its records guesses.
//!
//! - `living` a few people before the real broker, with real peers, in simulated time; `tests` how far the attacker gets there
//! - [`model`] as many people as one likes, of whom nothing but times is drawn, by the peers' own functions
//! - [`attack`] the attacker of both; `sizes` what an observer of the network sees

use std::collections::BTreeMap;
use std::sync::Arc;

use pregao_protocol::log::RoomName;

pub mod attack;
#[cfg(test)]
mod evenly;
#[cfg(test)]
mod living;
pub mod model;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod tests;

/// Passes for each persona and day.
pub const PER_DAY: u32 = 40;

/// What people did, as nobody but they know.
#[derive(Debug, Default)]
pub struct Truth {
    /// Whose each box is.
    pub owners: BTreeMap<RoomName, Arc<str>>,
    /// To whom each writes.
    pub partners: BTreeMap<Arc<str>, Arc<str>>,
}
