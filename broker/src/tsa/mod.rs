//! What the broker has from its TSA: [`keys`] to judge its signatures by, and [`stamps`] with the time.

pub mod keys;
pub mod stamps;
