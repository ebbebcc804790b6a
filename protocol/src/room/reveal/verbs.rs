//! What the actions of a reveal room carry.

use serde::{Deserialize, Serialize};

use crate::log::RoomName;
use crate::room::body::{BrokerKeys, Sealed};
use crate::trust::key::{OneTime, PublicKey, StampKey};
use crate::trust::seal::SealPublic;
use crate::value::clock::Time;
use crate::value::codec::{Digest, is_false};

/// One of the two between whom an auction was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Listed the item.
    Seller,
    /// Placed the winning bid.
    Winner,
}

/// Opens the private room of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// 32 random bytes: they make the room's name unpredictable.
    pub nonce: Digest,
    /// The auction.
    pub auction: RoomName,
    /// Position of the `settled` entry this room follows from.
    pub settled: u64,
    /// Root of the auction's log right after that entry.
    pub root: Digest,
    /// One-time key of the listing.
    pub seller: PublicKey<OneTime>,
    /// One-time key of the winning bid.
    pub winner: PublicKey<OneTime>,
    /// HPKE key of the listing.
    pub seller_seal: SealPublic,
    /// HPKE key of the winning bid.
    pub winner_seal: SealPublic,
    /// Until when both must have disclosed.
    pub deadline: Time,
    /// Whether either may withdraw without forfeit: the auction was closed late, or the winner
    /// is not the first one.
    pub withdrawal: bool,
    /// F of the auction, in seconds.
    pub freshness: u32,
    /// Keys of the broker, as in the listing.
    pub broker: BrokerKeys,
    /// TSA keys, as in the listing.
    pub stamps: Vec<PublicKey<StampKey>>,
    /// Whether those run in simulated time, as in the listing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub simulated: bool,
}

/// A disclosure, readable by the counterparty only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedBody {
    /// HPKE ciphertext to the counterparty's key, padded.
    pub sealed: Sealed,
}

/// Who had not disclosed at the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// The seller was absent.
    pub seller: bool,
    /// The winner was absent.
    pub winner: bool,
}
