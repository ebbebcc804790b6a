//! What the actions of an auction carry.

use serde::{Deserialize, Serialize};

use crate::log::{Cosignature, RoomName};
use crate::room::auction::citizen::verbs::CitizenTerms;
use crate::room::auction::dutch::verbs::DutchTerms;
use crate::room::auction::paddle::verbs::Paddle;
use crate::room::auction::sealed::verbs::SealedTerms;
use crate::room::body::{Amount, BrokerKeys, Currency, StartPrice, Text};
use crate::room::reveal::verbs::Side;
use crate::trust::key::{Authority, PublicKey, StampKey};
use crate::trust::persona::Ratio;
use crate::trust::seal::SealPublic;
use crate::trust::witness::Witness;
use crate::value::clock::Time;
use crate::value::codec::{Digest, is_false};

/// Soft close: late bids extend the end, up to a hard end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftClose {
    /// A counted bid stamped at `t` moves the end to at least `t` + this many seconds; ≥ 3F.
    pub extend: u32,
    /// The end never moves past this.
    pub hard_end: Time,
}

/// A larger increment from an amount on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A bid that exceeds a highest one of this amount or more…
    pub from: Amount,
    /// … exceeds it by at least this.
    pub increment: Amount,
}

/// The terms of an auction. Every bid signs them, through the room's name.
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
    pub start: StartPrice,
    /// A bid exceeds the highest by at least this.
    pub increment: Amount,
    /// Other increments, by rising amounts from which on they hold; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// No bid exceeds the highest, or `start`, by more than this; at least every increment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_raise: Option<Amount>,
    /// A bid of this amount ends the auction at once, until another reaches half of it; at least `start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buy_now: Option<Amount>,
    /// Bids stamped before this instant do not count; from the listing on if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begin: Option<Time>,
    /// Bids stamped before this instant count.
    pub end: Time,
    /// Soft close, if the seller wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<SoftClose>,
    /// That bids are sealed, if they are: then `increment` is 1, and there are no `steps`, `max_raise`, `buy_now` or `soft`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedTerms>,
    /// That the price falls, if it does: then `increment` is 1, `stamps` has one key, `freshness` is 3 at most, and there are no
    /// `steps`, `max_raise`, `buy_now`, `soft`, `sealed` or `rule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dutch: Option<DutchTerms>,
    /// That there is a reserve, which nobody reads until no bid counts any more, and how many of the TSAs in `stamps` it takes to
    /// open it: 1 to all of them, where bids are sealed as many as for these. No Dutch auction has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve: Option<u32>,
    /// What the seller asks of bids besides, in the language of [`rule`](super::rule).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How many bids of one bidder the broker takes, 1 to 32; as many as they like if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bids_each: Option<u32>,
    /// That personas of one period of the CA's tokens list and bid alone, so that each citizen has one; `authorities` has one
    /// member then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citizens: Option<CitizenTerms>,
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
    /// Who cosigns the heads of this room; at most 5.
    pub witnesses: Vec<Witness>,
    /// How many different operators of witnesses make a head final; 0 without witnesses.
    pub quorum: u32,
    /// Whether the TSA keys run in simulated time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub simulated: bool,
}

/// A bid whose amount everybody reads: in an English auction, or in a Dutch one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bid {
    /// What is offered for the item; where the price falls, what it may cost at most.
    pub amount: Amount,
    /// Must be the listing's.
    pub currency: Currency,
    /// The bidder's fresh HPKE key for the reveal, should this bid win.
    pub seal: SealPublic,
    /// The paddle under which it is made, if it is under one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paddle: Option<Paddle>,
}

/// No bid counts from here on; and what was refused until here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// How many actions the broker refused in this room.
    pub refused: u64,
    /// Root of the tree over the refusals as signed, in order; of an empty tree if there were none.
    pub root: Digest,
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
    /// Named witnesses' signatures over the head that ends with `closed`: when it was public.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cosigned: Vec<Cosignature>,
}

/// That seller and winner are done with each other, and how it ended: a hash that they can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// How the reveal room ended (V-145).
    pub outcome: Digest,
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
    /// How the reveal room ended (V-145).
    pub outcome: Digest,
}

/// The seller takes the item back, before anybody has bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlist {
    /// This action's key = ratio · key of the listing.
    pub ratio: Ratio,
    /// The room where it is offered again; nothing is verified of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<RoomName>,
}

/// Says something to everybody in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// What is said.
    pub text: Text<500>,
}

/// One of the two sides withdrew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// Which.
    pub side: Side,
    /// How the reveal room ended (V-145).
    pub outcome: Digest,
}
