//! What the actions of a reveal room carry.

use serde::{Deserialize, Serialize};

use crate::log::RoomName;
use crate::room::body::{BrokerKeys, Sealed};
use crate::trust::agreement::AgreementPublic;
use crate::trust::key::{OneTime, PairKey, PublicKey, StampKey};
use crate::trust::prekey::PrekeyPublic;
use crate::trust::seal::SealPublic;
use crate::value::blob_class::BlobClass;
use crate::value::clock::Time;
use crate::value::codec::{Digest, from_base64url, is_false, to_base64url};

/// One of the two between whom an auction was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Listed the item.
    Seller,
    /// Placed the winning bid.
    Winner,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Seller => Self::Winner,
            Self::Winner => Self::Seller,
        }
    }
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

/// The keys by which the other side writes to this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Talk {
    /// By which what is said convinces its reader.
    pub agreement: AgreementPublic,
    /// What everything said to this side is sealed to, besides one of the others.
    pub signed: PrekeyPublic,
    /// One-time keys: each for one saying.
    pub once: Vec<PrekeyPublic>,
    /// The key that both have in common; with the second side's keys, when it can be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<PublicKey<PairKey>>,
}

/// More one-time keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TalkKeys {
    /// Each for one saying.
    pub once: Vec<PrekeyPublic>,
}

/// What one of the two says to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedSay {
    /// Digest of the reader's one-time key.
    pub once: Digest,
    /// What is sealed.
    pub sealed: SayEnvelope,
}

/// An envelope of the smallest class: 4,028 bytes, base64url in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SayEnvelope(Vec<u8>);

/// Bytes of another size than such an envelope has, or not canonical base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is said is {size} bytes of canonical base64url", size = BlobClass::SMALLEST.size())]
pub struct SayEnvelopeError;

impl SayEnvelope {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for SayEnvelope {
    type Error = SayEnvelopeError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, SayEnvelopeError> {
        let fits = bytes.len() as u64 == BlobClass::SMALLEST.size();
        if fits { Ok(Self(bytes)) } else { Err(SayEnvelopeError) }
    }
}

impl TryFrom<String> for SayEnvelope {
    type Error = SayEnvelopeError;
    fn try_from(text: String) -> Result<Self, SayEnvelopeError> {
        from_base64url(&text).map_err(|_| SayEnvelopeError)?.try_into()
    }
}

impl From<SayEnvelope> for String {
    fn from(sealed: SayEnvelope) -> Self {
        to_base64url(&sealed.0)
    }
}
