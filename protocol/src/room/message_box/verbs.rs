//! What the actions of a message box carry.

use serde::{Deserialize, Serialize};

use crate::room::body::BrokerKeys;
use crate::room::message_box::half::{Half, SealedHalf};
use crate::trust::key::{PublicKey, StampKey};
use crate::trust::seal::SealPublic;
use crate::value::blob_class::BlobClass;
use crate::value::clock::Time;
use crate::value::codec::{Digest, is_false};
use crate::value::text::Text;

/// Opens a message box. It is signed by the box's own key, a random one that is no persona's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxOpening {
    /// What its owner wants to be called by those who look for people; a box without one is in no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Text<32>>,
    /// A line that its owner says of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Text<200>>,
    /// X25519 key by which owner and writer of a deniable letter know each other.
    pub agreement: SealPublic,
    /// How many letters may wait to be taken.
    pub letters: u32,
    /// How many bytes those may be, envelopes and attachments.
    pub bytes: u64,
    /// F, in seconds.
    pub freshness: u32,
    /// Keys of the broker that keeps it.
    pub broker: BrokerKeys,
    /// TSA keys whose stamps count.
    pub stamps: Vec<PublicKey<StampKey>>,
    /// Whether those run in simulated time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub simulated: bool,
}

/// Publishes keys that letters are sealed to. Those of before stay in the log, and the broker hands out the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Digest of the signed key: letters are sealed to it until another `keys` names another.
    pub signed: Digest,
    /// One-time keys, each for one letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Stock>,
    /// The public keys themselves, beside the log: the signed one, the stock in its order, zeros up to the size.
    pub blob: Blob,
}

/// A list of one-time keys, named by the root of the tree over their digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stock {
    /// Root over the digests of the keys, in their order.
    pub root: Digest,
    /// How many they are.
    pub count: u32,
}

/// A letter is left in the box: sealed bytes that lie beside the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// The envelope.
    pub envelope: Blob,
    /// What is attached to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Blob>,
    /// Digest of the signed key that it is sealed to.
    pub signed: Digest,
    /// The one-time key that it is sealed to, too; left out if the broker had none left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<OnceKey>,
    /// When it is destroyed, taken or not; left out if its writer sets no such time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// The letter is registered: it is read once its reader has signed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<Registered>,
}

/// What a deposit says of a registered letter (SPEC 8.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// The broker's half of the letter's key, sealed to the broker's delivery key.
    pub half: SealedHalf,
    /// What that half is committed to by.
    pub commitment: Digest,
}

/// Sealed bytes beside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// How many they are.
    pub size: BlobClass,
}

/// A one-time key, by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnceKey {
    /// Root of its stock.
    pub stock: Digest,
    /// Its position there.
    pub index: u32,
}

/// The owner has taken letters off: their bytes are destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Positions of the deposits, ascending.
    pub letters: Vec<u64>,
    /// Whether those who left them may be told (V-351).
    #[serde(default, skip_serializing_if = "is_false")]
    pub told: bool,
}

/// Something about one registered letter: that its owner accepts or declines it, or that it lapsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneLetter {
    /// Position of the deposit.
    pub letter: u64,
}

/// The broker publishes its half of the key of a registered letter, right after its owner accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandedHalf {
    /// Position of the deposit.
    pub letter: u64,
    /// The half.
    pub half: Half,
}
