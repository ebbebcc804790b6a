//! What the actions of a sealed auction carry.

use serde::{Deserialize, Serialize};

use crate::log::Cosignature;
use crate::trust::seal::{SealPublic, Sealed};
use crate::trust::timelock::OpenedLock;
use crate::value::codec::Digest;

/// That bids are sealed until the auction is over, and what its winner pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedTerms {
    /// What the winner pays.
    pub price: PriceRule,
    /// How many of the TSAs in `stamps` it takes to open the bids; 1 to all of them.
    pub needed: u32,
}

/// What the winner of a sealed auction pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriceRule {
    /// Their own bid.
    First,
    /// The highest bid that loses, or the least that may be bid if there is none.
    Second,
}

/// What bids are sealed to: stated by the broker once, before any bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealing {
    /// The broker's key for this room alone.
    pub key: SealPublic,
    /// Statements (V-162) of the TSAs' keys, in the order of the listing's `stamps`.
    pub locks: Vec<String>,
}

/// A bid whose amount nobody reads before the auction is over (SPEC 7.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedBid {
    /// The broker's half of the bid key, sealed to its key for the room; 80 bytes.
    pub broker: Sealed,
    /// Shares of the TSAs' half, each sealed to the key of one, in the order of `stamps`; 80 bytes each.
    pub shares: Vec<Sealed>,
    /// What the bid key is committed to by.
    pub commitment: Digest,
    /// The amount, encrypted under the bid key; 24 bytes.
    pub amount: Sealed,
    /// The bidder's fresh HPKE key for the reveal, should this bid win.
    pub seal: SealPublic,
}

/// The secret of one TSA's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedLock {
    /// Which of the listing's `stamps` it is of, counted from 0.
    pub tsa: u32,
    /// The secret.
    pub secret: OpenedLock,
}

/// The secrets that open every bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// That of the broker's key for the room.
    pub key: OpenedLock,
    /// Those of TSAs, as many as the listing needs, by rising position.
    pub locks: Vec<ReleasedLock>,
    /// A named witness's signature over the head that ends with `closed`, dated before the TSAs gave anything.
    pub cosigned: Cosignature,
}
