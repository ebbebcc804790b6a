//! What carries commands to the desk and shows events, without a screen; with one, it is [`crate::chat`].
//!
//! - [`channel`] is what every front holds
//! - [`oneshot`] carries out one command, [`jsonl`] reads commands and prints events as JSON lines,
//!   [`agent`] does so until it is stopped; [`lines`] cuts their input
//! - [`pin_source`] answers the desk's questions where there is no screen
//! - [`identity`] says in words what a card proved; [`exit`] is how the program ends

pub mod agent;
pub mod channel;
pub mod exit;
pub mod identity;
pub mod jsonl;
pub mod lines;
pub mod oneshot;
pub mod pin_source;
