//! What the actions of an English auction carry.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::key::{Authority, PublicKey, StampKey};
use crate::persona::Ratio;
use crate::room::body::{Amount, BrokerKeys, Currency, Text};
use crate::room::reveal::verbs::Side;
use crate::seal::SealPublic;

/// Soft close: late bids extend the end, up to a hard end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftClose {
    /// A counted bid stamped at `t` moves the end to at least `t` + this many seconds; ≥ 3F.
    pub extend: u32,
    /// The end never moves past this.
    pub hard_end: Time,
}

/// The terms of an English auction. Every bid signs them, through the room's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// What is offered.
    pub title: Text<80>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<1000>>,
    /// Currency of every amount in the room.
    pub currency: Currency,
    /// Lowest first bid.
    pub start: Amount,
    /// A bid exceeds the highest by at least this.
    pub increment: Amount,
    /// Bids stamped before this instant count.
    pub end: Time,
    /// Soft close, if the seller wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<SoftClose>,
    /// F in seconds, 1 to 60: how much older than the newest stamp an entry's may be.
    pub freshness: u32,
    /// G in seconds, 1 to 60: how late the close may be stamped.
    pub grace: u32,
    /// Seconds after `settled` within which both must disclose; 10 to 2,592,000 (30 days).
    pub disclose_within: u32,
    /// The seller's fresh HPKE key for this auction's reveal.
    pub seal: SealPublic,
    /// The broker that keeps the room.
    pub broker: BrokerKeys,
    /// TSA keys whose stamps count; 1 to 8.
    pub stamps: Vec<PublicKey<StampKey>>,
    /// How many of them each entry needs; 1 here, since an entry carries one stamp.
    pub threshold: u32,
    /// CAs whose personas may act; 1 to 8.
    pub authorities: Vec<PublicKey<Authority>>,
}

/// A bid in an English auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bid {
    /// What is offered for the item.
    pub amount: Amount,
    /// Must be the listing's.
    pub currency: Currency,
    /// The bidder's fresh HPKE key for the reveal, should this bid win.
    pub seal: SealPublic,
}

/// Names the winning bid, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// Position of the winning bid; absent if nobody bid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winner: Option<u64>,
    /// Price in minor units; absent if nobody bid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
}

/// One forfeited bid, tied to the forfeiting winner's by a ratio of blinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForfeitedBid {
    /// Position of the bid.
    pub seq: u64,
    /// key of this bid = ratio · key of the winning bid.
    pub ratio: Ratio,
}

/// The winner did not disclose in time: all bids of that persona go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forfeited {
    /// Position of the winning bid.
    pub winner: u64,
    /// The persona's other bids, by rising position; at most 128.
    pub others: Vec<ForfeitedBid>,
}

/// Says something to everybody in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// What is said.
    pub text: Text<500>,
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// Which.
    pub side: Side,
}
