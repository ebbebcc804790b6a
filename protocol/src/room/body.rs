//! What the actions of all rooms carry: one type for each verb.
//!
//! Types here are shapes; the fold of the room decides what they mean. What belongs to one kind of
//! room stands in its folder, and a verb takes one line of `verbs!`.

use serde::{Deserialize, Serialize};

use crate::codec::{from_base64url, to_base64url};
use crate::key::{EntryKey, HeadKey, PublicKey, SessionKey};
use crate::label::MAX_AMOUNT;
use crate::room::kind::{Fold, State};
use crate::room::{Auction, Code, RevealRoom, Stamped, Terms};

pub use crate::room::auction::verbs::{
    Bid, By, Forfeited, ForfeitedBid, Listing, Say, Settled, SoftClose,
};
pub use crate::room::reveal::verbs::{Absent, Reveal, SealedBody, Side};

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
    pub session: PublicKey<SessionKey>,
    /// Signs log heads.
    pub head: PublicKey<HeadKey>,
    /// Signs the broker's own entries and refusals.
    pub entry: PublicKey<EntryKey>,
}

/// An object without members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Who signs an action, by its verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// A persona, with a one-time key that a blind ties to it.
    Persona,
    /// A member of the room, with the key that made it one.
    Member,
    /// The broker, with its entry key.
    Broker,
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $verb:literal by $signer:ident
        $(, opens $fold:ty)? $(, seals($($seal:ident),+))? $(, is $paired:ident)?;)*) => {
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

            /// Who signs it.
            #[must_use]
            pub const fn signer(&self) -> Signer {
                match self { $(Self::$variant(_) => Signer::$signer,)* }
            }

            /// What it fixes by opening a room; `None` if it opens none.
            #[must_use]
            pub fn terms(&self) -> Option<Terms> {
                match self {
                    $($(Self::$variant(opening) => Some(<$fold as Fold>::terms(opening)),)?)*
                    _ => None,
                }
            }

            /// Whether this opens a room.
            #[must_use]
            pub const fn opens_a_room(&self) -> bool {
                match self {
                    $($(Self::$variant(_) => { const _: Option<$fold> = None; true })?)*
                    _ => false,
                }
            }

            /// Whether the broker holds it until its counterpart is there.
            #[must_use]
            pub const fn is_paired(&self) -> bool {
                match self {
                    $($(Self::$variant(_) => { stringify!($paired); true })?)*
                    _ => false,
                }
            }

            /// The state of the room that it opens; `None` if it opens none.
            pub(crate) fn open(&self, entry: &Stamped) -> Option<Result<State, Code>> {
                match self {
                    $($(Self::$variant(opening) => {
                        Some(<$fold as Fold>::open(opening, entry).map(State::from))
                    })?)*
                    _ => None,
                }
            }

            /// Whether every key that the counterparty is to seal to can be sealed to (V-014). With one
            /// that cannot, a winner would keep an honest seller from disclosing.
            pub(crate) fn seals_are_usable(&self) -> bool {
                match self {
                    $($(Self::$variant(body) => $(body.$seal.require_usable().is_ok())&&+,)?)*
                    _ => true,
                }
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
    List(Listing) = "list" by Persona, opens Auction, seals(seal);
    /// Bids.
    Bid(Bid) = "bid" by Persona, seals(seal);
    /// Says something in an auction room.
    Say(Say) = "say" by Persona;
    /// No bid counts from here on.
    Closed(Empty) = "closed" by Broker;
    /// Names winner and price.
    Settled(Settled) = "settled" by Broker;
    /// Both sides disclosed.
    Revealed(Empty) = "revealed" by Broker;
    /// The winner did not disclose in time.
    Forfeited(Forfeited) = "forfeited" by Broker;
    /// The seller did not disclose in time.
    Abandoned(Empty) = "abandoned" by Broker;
    /// One side withdrew, as the rules allowed.
    Withdrawn(By) = "withdrawn" by Broker;
    /// Opens the private room of the two.
    Reveal(Reveal) = "reveal" by Broker, opens RevealRoom, seals(seller_seal, winner_seal);
    /// One side's sealed disclosure.
    Disclose(SealedBody) = "disclose" by Member, is paired;
    /// One side withdraws.
    Withdraw(Empty) = "withdraw" by Member;
    /// Who was absent at the deadline; the room is over.
    Absent(Absent) = "absent" by Broker;
}

impl Body {
    /// Whether only the broker may do this.
    #[must_use]
    pub const fn is_brokers(&self) -> bool {
        matches!(self.signer(), Signer::Broker)
    }
}
