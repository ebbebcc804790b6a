//! What the actions of a sealed auction carry.

use serde::{Deserialize, Serialize};

use crate::log::Cosignature;
use crate::room::auction::paddle::verbs::Paddle;
use crate::trust::key::{PublicKey, StampKey};
use crate::trust::seal::{SealPublic, Sealed};
use crate::trust::timelock::OpenedLock;
use crate::value::codec::Digest;

/// That bids are sealed until the auction is over, and what its winner pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedTerms {
    /// What the winner pays.
    pub price: PriceRule,
    /// How many of the TSAs that lock the bids it takes to open them; 1 to all of them.
    pub needed: u32,
    /// Stamp keys of the TSAs that lock the bids, 1 to 8 different ones; those of `stamps` if there are none. Stamps of theirs
    /// count in the room only if `stamps` names them, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<PublicKey<StampKey>>,
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
    /// Statements (V-162) of the TSAs' keys, in the order in which the listing names them.
    pub locks: Vec<String>,
}

/// A bid whose amount nobody reads before the auction is over (SPEC 7.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedBid {
    /// The broker's half of the bid key, sealed to its key for the room; 80 bytes.
    pub broker: Sealed,
    /// Shares of the TSAs' half, each sealed to the key of one, in the order of the listing; 80 bytes each.
    pub shares: Vec<Sealed>,
    /// What the bid key is committed to by.
    pub commitment: Digest,
    /// The amount, encrypted under the bid key; 24 bytes.
    pub amount: Sealed,
    /// The bidder's fresh HPKE key for the reveal, should this bid win.
    pub seal: SealPublic,
    /// The paddle under which it is made, if it is under one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paddle: Option<Paddle>,
}

/// The secret of one TSA's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedLock {
    /// Which of the TSAs that lock the bids it is of, counted from 0.
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
    /// Named witnesses' signatures over the head that ends with `closed`, by a quorum before the TSAs gave anything.
    pub cosigned: Vec<Cosignature>,
}
