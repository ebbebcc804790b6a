//! The protocol of Pregão: keys, actions, stamps, logs, sessions and rooms.
//!
//! Nothing here touches a socket, a clock, a file or a source of randomness: time and random
//! bytes are arguments. The same code therefore runs in the broker, in every peer and in a
//! verifier that was not there when it happened. The specification is `protocol/SPEC.md`; rules
//! carry numbers (`V-012`) there, here and in the tests.
//!
//! Layout, in the order a bid meets it:
//! - [`persona`] keys, fingerprints and one-time keys; [`certificate`] who vouches for a persona,
//!   [`broker`] what a broker says of itself
//! - [`citizen`] whether the state vouches for the person behind a citizen card
//! - [`action`] the signed envelope; [`stamp`] the time it existed at
//! - [`session`] the encrypted connection; [`frame`] what crosses it; [`tsa`] what crosses the way to a TSA
//! - [`room`] what a log of actions means
//! - [`merkle`] and [`log`] tree, signed head, proofs, receipt; [`verify`] the offline check,
//!   [`evidence`] what proves a lie
//! - [`seal`] what only the counterparty may read
//! - [`enrolment`] how a citizen gets a persona certified that nobody can tell is theirs
//!
//! Below them: [`key`] signing keys that know their purpose, [`jws`] the one signed container,
//! [`label`] every domain-separation label and limit, [`codec`] binary fields, [`clock`] instants,
//! [`host`] what a program asks of the machine under it.

pub mod action;
pub mod broker;
pub mod certificate;
pub mod citizen;
pub mod clock;
pub mod codec;
pub mod enrolment;
pub mod evidence;
pub mod frame;
pub mod host;
pub mod jws;
pub mod key;
pub mod label;
pub mod log;
pub mod merkle;
pub mod persona;
pub mod room;
pub mod seal;
pub mod session;
pub mod stamp;
pub mod tsa;
pub mod verify;
