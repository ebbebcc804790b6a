//! The peer of Pregão: keeps a person's persona, connection and receipts, and talks to them.
//!
//! Layout, from the person inwards:
//!
//! - [`cli`] reads the command line; [`chat`], [`oneshot`] and [`jsonl`] are the three fronts;
//! - [`front`] is the pair of channels all three hold: [`command::Command`]s in, [`event::Event`]s out;
//! - [`command`] is the one table behind `/help`, completion and the command line;
//! - [`amount`], [`span`] and [`plain`] read and show amounts, durations and untrusted text, and a
//!   [`mistake`] says what cannot be read;
//! - [`ask`] answers the desk's questions where there is no screen; [`citizen`] reads the state's
//!   certificates, [`identity`] says in words what a card proved;
//! - [`vault`] keeps secrets and receipts at rest, in [`private`] files;
//! - [`card`] asks a citizen card to sign and to say who holds it;
//! - [`link`] is the connection to the broker, [`authority`] the one to TSA and CA;
//! - [`mod@host`] is the machine and [`net`] its network: a simulation hands others down.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests may read the machine that they run on")
)]

pub mod amount;
pub mod ask;
pub mod authority;
pub mod card;
pub mod chat;
pub mod check;
pub mod citizen;
pub mod cli;
pub mod command;
pub mod desk;
pub mod event;
pub mod front;
pub mod host;
pub mod identity;
pub mod jsonl;
pub mod link;
pub mod mistake;
pub mod net;
pub mod oneshot;
pub mod plain;
pub mod private;
pub mod span;
pub mod status;
pub mod tls;
pub mod vault;
pub mod visible;
mod wrap;
