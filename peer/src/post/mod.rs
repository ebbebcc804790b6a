//! Letters: boxes, and what is done in sessions that say nothing of who is there (SPEC 8.2).
//!
//! - [`guest`] one such session: what is stamped, handed in and read there, each answer verified
//! - [`own_box`] a box of the user's: how it is opened, what its owner does there
//! - [`store`] what is kept of letters, boxes, keys and contacts, sealed in one file beside the vault

pub mod guest;
pub mod own_box;
pub mod store;
