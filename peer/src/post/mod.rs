//! Letters: boxes, and what is done in sessions that say nothing of who is there (SPEC 8.2).
//!
//! - [`guest`] one such session: what is stamped, handed in and read there, each answer verified
//! - [`letters`] what is done there with letters: boxes found, keys taken, bytes put and got, letters left
//! - [`passes`] what such a session costs: how passes are taken in a persona's session, and verified
//! - [`own_box`] a box of the user's: how it is opened, what its owner does there
//! - [`postman`] carries letters and receipts, renews keys, reads boxes, beside the desk; [`office`] what the user asks about letters
//! - [`times`] when each of these is done
//! - [`address`] a box as text to hand over; [`compared`] digits that two people compare
//! - [`store`] what is kept of letters, boxes, keys and contacts, sealed in one file beside the vault

pub mod address;
pub mod compared;
pub mod guest;
pub mod letters;
pub mod office;
pub mod own_box;
pub mod passes;
pub mod postman;
pub mod store;
pub mod times;
