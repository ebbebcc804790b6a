//! The real programs together: what must work, and everything that must not.
//!
//! Every test starts its own TSA and broker on loopback and talks to them frame by frame.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fault anywhere ends the test"
)]

mod auction;
