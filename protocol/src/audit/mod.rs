//! What a stranger can check afterwards, without a network.
//!
//! - [`verify`] whether a log or a receipt holds
//! - [`compare`] files held against each other
//! - [`verdict`] what a file shows, or the first rule that it breaks
//! - [`evidence`] what proves that a broker, a TSA or a witness lied
//! - [`letter`] one letter, shown to a third party
//! - [`history`] batch headers of a TSA, held against each other
//! - [`told`] what a broker tells whoever left a letter of what became of it
//! - [`delivered`] whether what comes back through a witness is the answer of a broker

pub mod compare;
pub mod delivered;
pub mod evidence;
pub mod history;
pub mod letter;
pub mod told;
pub mod verdict;
pub mod verify;
