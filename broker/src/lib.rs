//! The broker of Pregão: checks, orders, stores and relays; it cannot forge, and it cannot
//! rewrite without leaving evidence.
//!
//! Layout, along the way of one bid:
//! - [`listener`] accepts within limits → [`session`] handshake and frames, one task a connection
//! - [`check`] signatures, blinds and stamps on workers → [`room`] one batch after another
//! - [`effort`] how much work is asked for under load, before anything is checked
//! - [`writer`] group commit into [`links`] and [`store`] → [`fanout`] to the watchers
//! - [`blobs`] sealed bytes beside the logs
//! - [`tsa`] its keys and the pooled connection for stamps; [`monitor`] wakes rooms when TSA time has come
//! - [`witness`] has the heads of public rooms cosigned
//! - [`passes`] what guests spend: made, taken, shown and spent; [`people`] boxes whose owners want to be found; [`handed`]
//!   which keys of boxes were handed out; [`told`] where it stands what became of letters
//! - [`registry`] the rooms by their names; [`lobby`] the list of them; [`presence`] who is online
//! - [`responder`] how a session hears an answer; [`shared`] what sessions and rooms share; [`keys`], [`folder`], [`private`], [`tls`], [`ops`], [`server`]
//!   around them

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests may read the machine that they run on")
)]

pub mod blobs;
pub mod check;
mod cosign;
mod deliver;
pub mod effort;
pub mod fanout;
#[cfg(test)]
mod fixture;
pub mod folder;
pub mod handed;
pub mod host;
mod ip_limiter;
pub mod keys;
pub mod links;
pub mod listener;
pub mod lobby;
pub mod metrics;
pub mod monitor;
pub mod network;
pub mod ops;
pub mod passes;
pub mod people;
pub mod presence;
pub mod private;
mod rate_limiter;
pub mod registry;
pub mod responder;
pub mod room;
pub mod server;
pub mod session;
pub mod shared;
pub mod store;
pub mod tls;
pub mod told;
pub mod tsa;
pub mod witness;
pub mod writer;
