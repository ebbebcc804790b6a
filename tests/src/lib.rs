//! The programs of Pregão started together: what the end-to-end tests and the benchmarks share.
//!
//! - [`broken`] transcripts that hold and broken ones, for comparing verifiers
//! - [`card`] a virtual citizen card in a reader of its own
//! - [`house`] starts, stops and kills the real programs in folders of their own
//! - [`peer`] a peer that speaks frame by frame and can be told to do it wrongly
//! - [`agent`] the real `pregao agent`; [`desk`] the real `pregao`, run by its command line and by JSON lines
//! - [`liar`] a broker with the real one's keys that says what a test wants
//! - [`demo`] the demonstration against bots
//! - [`faults`] makes the broker's disk fail
//! - [`gate`] is a proxy in front of the TSA, and [`socks`] is a proxy that hides from where one comes
//! - [`fuzz`] what every reader of a stranger's bytes must do with any bytes
//! - [`histories`] auctions by the million, judged by four that must agree
//! - [`sim`] all of them in one thread, under virtual time and one seed
//! - [`proxy`] sits between two of them, records what passes and changes it; [`tls`] ends TLS in front of one

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the house: it reads the machine"
)]

use std::sync::LazyLock;

use pregao::net::tls::Roots;
use pregao::net::{Internet, Reach};
use pregao_protocol::host::Host;

pub mod agent;
pub mod broken;
pub mod card;
pub mod demo;
pub mod desk;
pub mod faults;
pub mod fuzz;
pub mod gate;
pub mod histories;
pub mod house;
pub mod liar;
pub mod peer;
pub mod proxy;
pub mod sim;
pub mod socks;
pub mod tls;

/// What a test's own peers reach others with: this machine, its network, and the public CAs.
#[must_use]
pub fn reach() -> Reach<'static> {
    static HOST: LazyLock<Host> = LazyLock::new(pregao::host::system);
    static TLS: LazyLock<Roots> = LazyLock::new(Roots::default);
    Reach { host: &HOST, net: &Internet, tls: &TLS }
}
