//! What the actions of a pass room carry.

use serde::{Deserialize, Serialize};

use crate::room::body::BrokerKeys;
use crate::trust::key::{PublicKey, StampKey};
use crate::trust::pass::Day;
use crate::trust::witness::Witness;
use crate::value::codec::base64url_bytes;

/// The terms of a pass room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passes {
    /// F in seconds, 1 to 60: how much older than the newest stamp an entry's may be.
    pub freshness: u32,
    /// The broker that keeps the room, and whose passes these are.
    pub broker: BrokerKeys,
    /// TSA keys whose stamps count; 1 to 8.
    pub stamps: Vec<PublicKey<StampKey>>,
    /// Who cosigns the heads of this room; at most 5.
    pub witnesses: Vec<Witness>,
    /// How many different operators of witnesses make a head final; 0 without witnesses.
    pub quorum: u32,
    /// Whether the TSA keys run in simulated time.
    pub simulated: bool,
}

/// The key of the passes of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedKey {
    /// The day, as days since 1970.
    pub day: Day,
    /// DER `SubjectPublicKeyInfo` of an RSA key of 3,072 bits with exponent 65,537.
    #[serde(with = "base64url_bytes")]
    pub key: Vec<u8>,
}
