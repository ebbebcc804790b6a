//! What the broker has from its TSA: [`keys`] to judge its signatures by, [`stamps`] with the time, and [`timelocks`].

pub mod keys;
pub mod stamps;
pub mod timelocks;
