//! What the actions of all rooms carry: one type for each verb.
//!
//! Types here are shapes; the fold of the room decides what they mean. What belongs to one kind of
//! room is in its folder, and a verb takes one line of `verbs!`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::room::kind::{Fold, Kind, State};
use crate::room::{Auction, Code, MessageBox, PassRoom, RevealRoom, Stamped, Terms};

pub use crate::room::auction::citizen::verbs::CitizenTerms;
pub use crate::room::auction::dutch::verbs::DutchTerms;
pub use crate::room::auction::paddle::verbs::{Paddle, PaddleName, PaddleNameError, SameAuthor};
pub use crate::room::auction::reserve::verbs::{Reserve, Unseal};
pub use crate::room::auction::sealed::verbs::{
    Opened, PriceRule, ReleasedLock, SealedBid, SealedTerms, Sealing,
};
pub use crate::room::auction::verbs::{
    Bid, Closed, Ended, Forfeited, ForfeitedBid, Listing, Say, Settled, SoftClose, Step, Unlist,
    Withdrawn,
};
pub use crate::room::message_box::verbs::{
    Blob, BoxOpening, Deposit, HandedHalf, Keys, OnceKey, OneLetter, Registered, Stock, Taken,
};
pub use crate::room::passes::verbs::{Passes, StatedKey};
pub use crate::room::reveal::verbs::{
    Absent, Reveal, SayEnvelope, SealedBody, SealedSay, Side, Talk, TalkKeys,
};
pub use crate::trust::broker::BrokerKeys;
pub use crate::trust::seal::{Sealed, SealedError};
pub use crate::value::amount::{
    Amount, AmountError, Currency, CurrencyError, StartPrice, StartPriceError,
};
pub use crate::value::text::{Text, TextError};

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
    /// The owner of a room, with the key that opened it.
    Owner,
    /// Somebody who only adds to a room that they cannot read, with a fresh key.
    Guest,
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

        /// What an action does, without the verb's body; in JSON its text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Verb {
            $($(#[$doc])* $variant,)*
        }

        impl Verb {
            /// Every verb, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As written in the payload.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $verb,)* }
            }
        }

        impl Body {
            /// The verb.
            #[must_use]
            pub const fn verb(&self) -> Verb {
                match self { $(Self::$variant(_) => Verb::$variant,)* }
            }

            /// Who signs it.
            #[must_use]
            pub const fn signer(&self) -> Signer {
                match self { $(Self::$variant(_) => Signer::$signer,)* }
            }

            /// Whether it is what a guest spends a pass on: the opening of a box, or a letter left in one (V-287).
            #[must_use]
            pub const fn costs_a_pass(&self) -> bool {
                match self.signer() {
                    Signer::Guest => true,
                    Signer::Owner => self.opens_a_room(),
                    Signer::Persona | Signer::Member | Signer::Broker => false,
                }
            }

            /// What it fixes by opening a room; `None` if it opens none.
            #[must_use]
            pub fn terms(&self) -> Option<Terms> {
                match self {
                    $($(Self::$variant(opening) => Some(<$fold as Fold>::terms(opening)),)?)*
                    _ => None,
                }
            }

            /// Whether the room that this opens can hold such an entry (V-061); one that opens none holds
            /// nothing.
            pub(crate) fn judge_alone(&self, entry: &Stamped) -> Result<(), Code> {
                match self {
                    $($(Self::$variant(opening) => <$fold as Fold>::judge_alone(opening, entry),)?)*
                    _ => Err(Code::VerbPhase),
                }
            }

            /// Of which kind the room is that it opens; `None` if it opens none.
            #[must_use]
            pub fn kind(&self) -> Option<Kind> {
                match self {
                    $($(Self::$variant(_) => Some(<$fold>::KIND),)?)*
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
    /// Opens an auction.
    List(Listing) = "list" by Persona, opens Auction, seals(seal);
    /// Bids.
    Bid(Bid) = "bid" by Persona, seals(seal);
    /// Says what sealed bids are sealed to.
    Sealing(Sealing) = "sealing" by Broker;
    /// Bids where bids are sealed.
    SealedBid(SealedBid) = "sealed-bid" by Persona, seals(seal);
    /// The seller seals the price below which the item is not sold.
    Reserve(Reserve) = "reserve" by Persona;
    /// Opens what is sealed: the bids, or a reserve.
    Opened(Opened) = "opened" by Broker;
    /// Says something in an auction room.
    Say(Say) = "say" by Persona;
    /// The seller takes the item back before the first bid.
    Unlist(Unlist) = "unlist" by Persona;
    /// The seller lets everybody read the reserve.
    Unseal(Unseal) = "unseal" by Persona;
    /// No bid counts from here on.
    Closed(Closed) = "closed" by Broker;
    /// Names winner and price.
    Settled(Settled) = "settled" by Broker;
    /// Both sides disclosed.
    Revealed(Ended) = "revealed" by Broker;
    /// The winner did not disclose in time.
    Forfeited(Forfeited) = "forfeited" by Broker;
    /// The seller did not disclose in time.
    Abandoned(Ended) = "abandoned" by Broker;
    /// One side withdrew, as the rules allowed.
    Withdrawn(Withdrawn) = "withdrawn" by Broker;
    /// Opens the private room of the two.
    Reveal(Reveal) = "reveal" by Broker, opens RevealRoom, seals(seller_seal, winner_seal);
    /// One side's sealed disclosure.
    Disclose(SealedBody) = "disclose" by Member, is paired;
    /// One side withdraws.
    Withdraw(Empty) = "withdraw" by Member;
    /// Who was absent at the deadline; this ends the room.
    Absent(Absent) = "absent" by Broker;
    /// A side publishes the keys by which the two write to each other.
    Talk(Talk) = "talk" by Member, seals(agreement);
    /// A side publishes more one-time keys.
    TalkKeys(TalkKeys) = "talk-keys" by Member;
    /// One of the two says something that the other alone reads.
    SealedSay(SealedSay) = "sealed-say" by Member;
    /// Opens a message box.
    Box(BoxOpening) = "box" by Owner, opens MessageBox, seals(agreement);
    /// The owner publishes keys that letters are sealed to.
    Keys(Keys) = "keys" by Owner;
    /// A letter is left in the box.
    Deposit(Deposit) = "deposit" by Guest;
    /// The owner takes letters off.
    Taken(Taken) = "taken" by Owner;
    /// The owner signs for a registered letter.
    Accepted(OneLetter) = "accepted" by Owner;
    /// The broker publishes its half of the key of a letter that was signed for.
    Handed(HandedHalf) = "handed" by Broker;
    /// The owner does not want a registered letter.
    Declined(OneLetter) = "declined" by Owner;
    /// A registered letter was neither accepted nor declined in time.
    Lapsed(OneLetter) = "lapsed" by Broker;
    /// The owner closes the box.
    BoxClosed(Empty) = "box-closed" by Owner;
    /// Opens the room in which the broker states the keys of its passes.
    Passes(Passes) = "passes" by Broker, opens PassRoom;
    /// States the key of the passes of one day.
    PassKey(StatedKey) = "pass-key" by Broker;
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no verb of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known verb")]
pub struct UnknownVerb;

impl std::str::FromStr for Verb {
    type Err = UnknownVerb;
    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        Self::ALL.iter().copied().find(|verb| verb.as_str() == text).ok_or(UnknownVerb)
    }
}

impl TryFrom<String> for Verb {
    type Error = UnknownVerb;
    fn try_from(text: String) -> Result<Self, UnknownVerb> {
        text.parse()
    }
}

impl From<Verb> for String {
    fn from(verb: Verb) -> Self {
        verb.as_str().to_owned()
    }
}

impl Body {
    /// Whether this is a part of what the two of a reveal room write to each other: nothing that counts depends on it.
    #[must_use]
    pub const fn is_talk(&self) -> bool {
        matches!(self, Self::Talk(_) | Self::TalkKeys(_) | Self::SealedSay(_))
    }

    /// Whether only the broker may do this.
    #[must_use]
    pub const fn is_brokers(&self) -> bool {
        matches!(self.signer(), Signer::Broker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_have_texts_of_their_own_that_read_back_and_no_other_text_is_one() {
        let texts: std::collections::HashSet<_> =
            Verb::ALL.iter().map(|verb| verb.as_str()).collect();
        assert_eq!(texts.len(), Verb::ALL.len());
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(*verb));
            let json = format!("\"{verb}\"");
            assert_eq!(serde_json::to_string(verb).unwrap(), json);
            assert_eq!(serde_json::from_str::<Verb>(&json).unwrap(), *verb);
        }
        for other in ["", "Bid", "bid ", "outbid"] {
            assert_eq!(other.parse::<Verb>(), Err(UnknownVerb), "{other}");
        }
    }
}
