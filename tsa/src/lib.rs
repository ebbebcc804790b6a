//! The time-stamping and certification authority of Pregão (SPEC 3, 6, 11).
//!
//! It certifies personas, issues session tickets, and signs that a digest existed at a time. It
//! sees digests, never what they are of, and not whose they are: a broker pools those of all its
//! peers on one connection.
//!
//! Layout:
//! - [`service`] a TSA on whatever machine it is given, the real one being [`host`]; [`server`] takes
//!   its [`connections`] from a port; [`http`] the routes, their errors and the stamp stream; [`state`] what
//!   requests share
//! - [`stamper`] one worker with the stamp key, the chain of batches and the [`clock`]
//! - [`witness`] cosigns the heads of brokers' logs, by the same clock; [`independent`] a witness without a TSA
//! - [`challenge`] and [`ip_limiter`] what keeps one client from shutting others out
//! - [`citizen`] blind enrolment of citizens, the policy `card`; [`tls`] on the way to the state's responder
//! - `code` every code of a refusal
//! - [`ca`] certificates; [`keys`] secret keys at rest, in [`private`] files; [`store`] what must not be forgotten
//!
//! No module uses one that uses it, at whatever remove; `tests/modules.rs` looks.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests may read the machine that they run on")
)]

pub mod ca;
pub mod challenge;
pub mod citizen;
pub mod clock;
mod code;
pub mod connections;
#[cfg(test)]
mod fixture;
pub mod host;
pub mod http;
pub mod independent;
pub mod ip_limiter;
pub mod keys;
pub mod private;
pub mod server;
pub mod service;
mod shutdown;
pub mod stamper;
pub mod state;
pub mod store;
pub mod timelock;
pub mod tls;
pub mod witness;
