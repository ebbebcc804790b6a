//! What the actions of all rooms carry: one type for each verb.
//!
//! Types here are shapes; the fold of the room (`auction`, `reveal`) decides what they mean.

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::codec::{Digest, from_base64url, to_base64url};
use crate::key::{Authority, Entry, Head, OneTime, PublicKey, Session, Stamp};
use crate::label::MAX_AMOUNT;
use crate::log::RoomName;
use crate::persona::Ratio;
use crate::seal::SealPublic;

/// An amount in minor units of the room's currency, 1 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(u64);

/// An amount of zero or beyond 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is 1 to {MAX_AMOUNT} minor units")]
pub struct AmountError;

impl Amount {
    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// The least amount that exceeds this one by `step`; `None` beyond the largest amount.
    #[must_use]
    pub fn raised_by(self, step: Self) -> Option<Self> {
        self.0.checked_add(step.0).and_then(|sum| Self::try_from(sum).ok())
    }
}

impl TryFrom<u64> for Amount {
    type Error = AmountError;
    fn try_from(minor: u64) -> Result<Self, AmountError> {
        if (1..=MAX_AMOUNT).contains(&minor) { Ok(Self(minor)) } else { Err(AmountError) }
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

/// An ISO 4217 code: three upper-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Not three upper-case ASCII letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three upper-case letters, as in EUR")]
pub struct CurrencyError;

impl std::str::FromStr for Currency {
    type Err = CurrencyError;
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let bytes = <[u8; 3]>::try_from(text.as_bytes()).map_err(|_| CurrencyError)?;
        if bytes.iter().all(u8::is_ascii_uppercase) { Ok(Self(bytes)) } else { Err(CurrencyError) }
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(text: String) -> Result<Self, CurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

/// A short text: 1 to `MAX` characters, at most four bytes each, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// An empty or overlong text, or one with control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text here is 1 to {max} characters without control characters")]
pub struct TextError {
    /// Most characters allowed.
    pub max: usize,
}

impl<const MAX: usize> Text<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextError;
    fn try_from(text: String) -> Result<Self, TextError> {
        let length = text.chars().count();
        if (1..=MAX).contains(&length) && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err(TextError { max: MAX })
        }
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0
    }
}

/// Ciphertext, base64url in JSON, at most [`Sealed::MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Most bytes of one ciphertext.
    pub const MAX: usize = 8_400;

    /// The ciphertext.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A ciphertext that is too long or not canonical base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ciphertext is at most {max} bytes of canonical base64url", max = Sealed::MAX)]
pub struct SealedError;

impl TryFrom<Vec<u8>> for Sealed {
    type Error = SealedError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, SealedError> {
        if bytes.len() <= Self::MAX { Ok(Self(bytes)) } else { Err(SealedError) }
    }
}

impl TryFrom<String> for Sealed {
    type Error = SealedError;
    fn try_from(text: String) -> Result<Self, SealedError> {
        from_base64url(&text).map_err(|_| SealedError)?.try_into()
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        to_base64url(&sealed.0)
    }
}

/// The keys of a broker, each for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerKeys {
    /// Signs handshakes; peers pin its fingerprint.
    pub session: PublicKey<Session>,
    /// Signs log heads.
    pub head: PublicKey<Head>,
    /// Signs the broker's own entries and refusals.
    pub entry: PublicKey<Entry>,
}

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
    pub stamps: Vec<PublicKey<Stamp>>,
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

/// Who withdrew.
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
    pub stamps: Vec<PublicKey<Stamp>>,
}

/// A disclosure, readable by the counterparty only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedBody {
    /// HPKE ciphertext to the counterparty's key, padded.
    pub sealed: Sealed,
}

/// An object without members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

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

macro_rules! verbs {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $verb:literal;)*) => {
        /// What an action does: its verb with the verb's body.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body {
            $($(#[$doc])* $variant($body),)*
        }

        impl Body {
            /// The verb, as written in the payload.
            #[must_use]
            pub const fn verb(&self) -> &'static str {
                match self { $(Self::$variant(_) => $verb,)* }
            }

            pub(crate) fn parse(verb: &str, body: &str) -> Option<Self> {
                match verb {
                    $($verb => serde_json::from_str(body).ok().map(Self::$variant),)*
                    _ => None,
                }
            }

            pub(crate) fn encode(&self) -> Option<String> {
                match self { $(Self::$variant(body) => serde_json::to_string(body).ok(),)* }
            }
        }
    };
}

verbs! {
    /// Opens an English auction.
    List(Listing) = "list";
    /// Bids.
    Bid(Bid) = "bid";
    /// Says something in an auction room.
    Say(Say) = "say";
    /// Broker: no bid counts from here on.
    Closed(Empty) = "closed";
    /// Broker: names winner and price.
    Settled(Settled) = "settled";
    /// Broker: both sides disclosed.
    Revealed(Empty) = "revealed";
    /// Broker: the winner did not disclose in time.
    Forfeited(Forfeited) = "forfeited";
    /// Broker: the seller did not disclose in time.
    Abandoned(Empty) = "abandoned";
    /// Broker: one side withdrew, as the rules allowed.
    Withdrawn(By) = "withdrawn";
    /// Broker: opens the private room of the two.
    Reveal(Reveal) = "reveal";
    /// One side's sealed disclosure.
    Disclose(SealedBody) = "disclose";
    /// One side withdraws.
    Withdraw(Empty) = "withdraw";
    /// Broker: who was absent at the deadline; the room is over.
    Absent(Absent) = "absent";
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

impl Body {
    /// Whether every key that the counterparty is to seal to can be sealed to (V-014). With one
    /// that cannot, a winner would keep an honest seller from disclosing.
    pub(crate) fn seals_are_usable(&self) -> bool {
        let usable = |key: &SealPublic| key.require_usable().is_ok();
        match self {
            Self::List(listing) => usable(&listing.seal),
            Self::Bid(bid) => usable(&bid.seal),
            Self::Reveal(reveal) => usable(&reveal.seller_seal) && usable(&reveal.winner_seal),
            _ => true,
        }
    }

    /// Whether this opens a room.
    #[must_use]
    pub const fn opens_a_room(&self) -> bool {
        matches!(self, Self::List(_) | Self::Reveal(_))
    }

    /// Whether only the broker may do this.
    #[must_use]
    pub const fn is_brokers(&self) -> bool {
        match self {
            Self::Closed(_)
            | Self::Settled(_)
            | Self::Revealed(_)
            | Self::Forfeited(_)
            | Self::Abandoned(_)
            | Self::Withdrawn(_)
            | Self::Reveal(_)
            | Self::Absent(_) => true,
            Self::List(_) | Self::Bid(_) | Self::Say(_) | Self::Disclose(_) | Self::Withdraw(_) => {
                false
            }
        }
    }
}
