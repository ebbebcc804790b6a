//! Text that people type and read.
//!
//! - [`amount`] and [`duration`] read and show money and time; a [`usage_error`] says what cannot be read
//! - [`sanitize`] makes untrusted text safe to draw; [`visible`] tells whether it shows anything
//! - `wrap` cuts it into terminal columns

pub mod amount;
pub mod duration;
pub mod moment;
pub mod sanitize;
pub mod usage_error;
pub mod visible;
pub(crate) mod wrap;
