//! The broker of Pregão: checks, orders, stores and relays; it cannot forge, and it cannot
//! rewrite without leaving evidence.
//!
//! Layout, along the way of one bid:
//! - [`door`] accepts within limits → [`session`] handshake and frames, one task a connection
//! - [`check`] signatures, blinds and stamps on worker threads → [`room`] one batch after another
//! - [`writer`] group commit into [`links`] and [`store`] → [`fanout`] to the watchers
//! - [`stamps`] the pooled TSA connection; [`monitor`] wakes rooms when TSA time has come
//! - [`house`] what all of them share; [`folder`], [`private`], [`tsa`], [`tls`], [`ops`], [`server`]
//!   around them

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests may read the machine that they run on")
)]

pub mod check;
pub mod door;
pub mod fanout;
#[cfg(test)]
mod fixture;
pub mod folder;
pub mod host;
pub mod house;
mod ip_limiter;
pub mod links;
pub mod metrics;
pub mod monitor;
pub mod network;
pub mod ops;
pub mod private;
pub mod room;
pub mod server;
pub mod session;
pub mod stamps;
pub mod store;
pub mod tls;
pub mod tsa;
pub mod writer;
