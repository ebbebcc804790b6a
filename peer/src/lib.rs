//! The peer of Pregão: keeps a person's persona, connection and receipts, and talks to them.
//!
//! Layout, from the person inwards:
//!
//! - [`cli`] reads the command line; [`chat`] and [`front`] show what happens and take what is asked;
//! - [`command`] is what a user asks and the one table behind `/help`, completion and the command
//!   line; [`event`] is what a user is told;
//! - [`text`] reads and shows amounts, durations and untrusted text;
//! - [`desk`] is all that a user can do, once for every front;
//! - [`rule`] is a seller's rule as people meet it;
//! - [`vault`] keeps secrets and receipts at rest, in [`private`] files;
//! - [`post`] is done in sessions that say nothing of who is there: boxes, and letters left in them;
//! - [`card`] asks a citizen card to sign and to say who holds it;
//! - [`net`] is the way to broker, TSA and CA, [`mod@host`] the machine: a simulation hands others
//!   down.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests may read the machine that they run on")
)]

pub mod card;
pub mod chat;
pub mod cli;
pub mod command;
pub mod desk;
pub mod event;
pub mod front;
pub mod host;
pub mod net;
pub mod post;
pub mod private;
pub mod rule;
mod solver;
pub mod text;
pub mod vault;
