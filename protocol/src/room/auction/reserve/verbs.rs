//! What is sealed and unsealed of a hidden reserve.

use serde::{Deserialize, Serialize};

use crate::trust::persona::Ratio;
use crate::trust::seal::Sealed;
use crate::trust::timelock::OpenedLock;
use crate::value::codec::Digest;

/// The price below which the item is not sold, sealed as bids are (SPEC 7.13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// This action's key = ratio · key of the listing.
    pub ratio: Ratio,
    /// The broker's half of its key, sealed to the broker's key for the room; 80 bytes.
    pub broker: Sealed,
    /// Shares of the TSAs' half, each sealed to the key of one, in the order of the TSAs that lock; 80 bytes each.
    pub shares: Vec<Sealed>,
    /// What its key is committed to by.
    pub commitment: Digest,
    /// The amount, encrypted under its key; 24 bytes.
    pub amount: Sealed,
}

/// The seller lets everybody read the reserve, before broker and TSAs could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unseal {
    /// This action's key = ratio · key of the listing.
    pub ratio: Ratio,
    /// The TSAs' half of its key.
    pub first: OpenedLock,
    /// The broker's half.
    pub second: OpenedLock,
}
