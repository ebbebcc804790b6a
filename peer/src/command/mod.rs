//! What a user can ask for: the first of the three vocabularies.
//!
//! The terminal client, the one-shot command line and the JSON lines all produce a [`Command`];
//! `desk` carries it out. JSON form: `{"command":"bid","room":"3f2a","amount":"120.00"}`.
//! [`table`] describes each command once; [`parse`] reads them as people type them, and what is
//! [`unclear`] is refused.

pub mod parse;
pub mod table;
pub mod unclear;

use pregao_protocol::room::body::PriceRule;
use pregao_protocol::room::disclosure::Attribute;
use serde::{Deserialize, Serialize};

pub use crate::text::usage_error::UsageError;
pub use parse::{ChatInput, Words, read_line};
pub use table::{Argument, ArgumentKind, COMMANDS, Keyword, Need, Usage};

/// An item to offer, with the terms of its auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewListing {
    /// Shown to everybody; 1 to 80 characters.
    pub title: String,
    /// Lowest first bid, in units of the currency: `100` or `99.50`.
    pub start: String,
    /// ISO 4217 code.
    #[serde(default = "default_currency")]
    pub currency: String,
    /// Least step between bids, in units of the currency; one minor unit × 100 if absent.
    #[serde(default)]
    pub increment: Option<String>,
    /// Larger steps from amounts on: `100:5,1000:20` is 5 from 100 on and 20 from 1,000 on.
    #[serde(default)]
    pub steps: Option<String>,
    /// The most by which one bid may raise the price, in units of the currency.
    #[serde(default)]
    pub raise: Option<String>,
    /// For how much it can be bought at once, until another bid is half of that.
    #[serde(default)]
    pub buy: Option<String>,
    /// From when on bids count: a duration from now, or a time as in `until`.
    #[serde(default)]
    pub begins: Option<String>,
    /// How long the auction runs, e.g. `90s`, `10m`, `2h`; or `until` is there.
    #[serde(default, rename = "for")]
    pub duration: Option<String>,
    /// Until when it runs: `18:00`, `2026-12-24T18:00` here, or `2026-12-24T18:00+00:00`.
    #[serde(default)]
    pub until: Option<String>,
    /// Soft close: each bid in the last such span extends the end by it; a minute if absent.
    #[serde(default)]
    pub extend: Option<String>,
    /// No soft close: no bid moves the end.
    #[serde(default)]
    pub fixed_end: bool,
    /// Bids are sealed until it is over, and the winner pays their own bid (`first`) or the highest that loses (`second`).
    #[serde(default)]
    pub sealed: Option<PriceRule>,
    /// Longer text; up to 1,000 characters.
    #[serde(default)]
    pub description: Option<String>,
}

impl NewListing {
    /// A term that means nothing where nobody sees the bids, if bids are sealed and there is one.
    #[must_use]
    pub fn meaningless(&self) -> Option<&'static str> {
        let terms = [
            ("a step", &self.increment),
            ("steps by amount", &self.steps),
            ("a largest raise", &self.raise),
            ("a price to buy", &self.buy),
            ("a soft close", &self.extend),
        ];
        self.sealed?;
        terms.into_iter().find(|(_, given)| given.is_some()).map(|(name, _)| name)
    }
}

/// Something a user asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Offers an item: opens an auction room.
    List(Box<NewListing>),
    /// Offers an item of one's own again, on the terms of an auction that is over.
    Relist {
        /// Prefix of that auction's name.
        room: String,
        /// Another lowest first bid, in units of the currency.
        #[serde(default)]
        start: Option<String>,
        /// How long it runs; as long as before if neither this nor `until` is there.
        #[serde(default, rename = "for")]
        duration: Option<String>,
        /// Until when it runs.
        #[serde(default)]
        until: Option<String>,
    },
    /// Takes an item back before anybody has bid on it.
    Unlist {
        /// Prefix of the room's name.
        room: String,
        /// Prefix of the name of the room in which it is offered instead.
        #[serde(default)]
        successor: Option<String>,
    },
    /// Bids in an auction.
    Bid {
        /// Prefix of the room's name.
        room: String,
        /// Amount in units of the room's currency: `120` or `119.50`.
        amount: String,
        /// If given, must be the room's currency.
        #[serde(default)]
        currency: Option<String>,
    },
    /// Lists the auctions (alias `allitems`).
    Items,
    /// Lists the user's own auctions and bids (alias `myitems`).
    Mine,
    /// Follows a room.
    Join {
        /// Prefix of the room's name.
        room: String,
    },
    /// Stops following a room.
    Leave {
        /// Prefix of the room's name.
        room: String,
    },
    /// Says something in a room, under a pseudonym used once.
    Say {
        /// Prefix of the room's name.
        room: String,
        /// 1 to 500 characters.
        text: String,
    },
    /// Shows persona, broker, suite, TSA time and what was verified.
    Whoami,
    /// Lists the receipts held, re-checking each.
    Receipts,
    /// Hands in one's own disclosure in a reveal room.
    Reveal {
        /// Prefix of the reveal room's or of its auction's name.
        room: String,
        /// Name to show to the counterparty; 1 to 80 characters.
        name: String,
        /// How to be reached; up to 200 characters.
        #[serde(default)]
        contact: String,
    },
    /// Hands in one's own disclosure, signed by one's citizen card as well; the name is the
    /// card's.
    Prove {
        /// Prefix of the reveal room's or of its auction's name.
        room: String,
        /// How to be reached; up to 200 characters.
        #[serde(default)]
        contact: String,
        /// What to state beyond the card's certificate.
        #[serde(default)]
        show: Vec<Attribute>,
        /// Number of the reader or a part of its name, if there are several.
        #[serde(default)]
        reader: Option<String>,
    },
    /// Writes a room's verified log and the own receipts in it to files, for checking them later
    /// or elsewhere with `pregao verify`.
    Export {
        /// Prefix of the room's name.
        room: String,
        /// Whether to write, beside them, a page that shows the log and verifies itself.
        #[serde(default)]
        html: bool,
    },
    /// Withdraws from a settled auction where the rules allow it without forfeit.
    Withdraw {
        /// Prefix of the reveal room's or of its auction's name.
        room: String,
    },
    /// Hands in through the witnesses of a room what the broker did not answer.
    Deliver {
        /// Prefix of the room's name.
        room: String,
    },
    /// What is kept that shows a fault of broker, TSA or another peer.
    Evidence(EvidenceTask),
    /// Explains the commands; fronts answer it themselves with [`table::help`].
    Help {
        /// The one command to explain; all if absent.
        #[serde(default)]
        about: Option<String>,
    },
    /// Ends the program.
    Quit,
}

/// What to do with what is kept as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EvidenceTask {
    /// Names all of it.
    #[default]
    List,
    /// Says what one proves.
    Show {
        /// At least four digits of its name.
        evidence: String,
    },
    /// Writes one to a file.
    Export {
        /// At least four digits of its name.
        evidence: String,
        /// Which must not exist.
        file: String,
    },
}

impl Command {
    /// The room that it names, as typed.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match self {
            Self::Bid { room, .. }
            | Self::Relist { room, .. }
            | Self::Unlist { room, .. }
            | Self::Join { room }
            | Self::Leave { room }
            | Self::Say { room, .. }
            | Self::Reveal { room, .. }
            | Self::Prove { room, .. }
            | Self::Export { room, .. }
            | Self::Withdraw { room }
            | Self::Deliver { room } => Some(room),
            Self::List { .. }
            | Self::Items
            | Self::Mine
            | Self::Whoami
            | Self::Receipts
            | Self::Evidence(_)
            | Self::Help { .. }
            | Self::Quit => None,
        }
    }

    /// Reads a command given as separate words, as on a shell's command line.
    ///
    /// No room is current there, so every room must be named.
    ///
    /// # Errors
    /// A [`UsageError`] that says what to type instead.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Self, UsageError> {
        parse::read_words(&Words::from_arguments(words), None)
    }

    /// The entry of the table that describes this command.
    #[must_use]
    pub fn usage(&self) -> &'static Usage {
        match self {
            Self::List { .. } => &table::LIST,
            Self::Relist { .. } => &table::RELIST,
            Self::Unlist { .. } => &table::UNLIST,
            Self::Bid { .. } => &table::BID,
            Self::Items => &table::ITEMS,
            Self::Mine => &table::MINE,
            Self::Join { .. } => &table::JOIN,
            Self::Leave { .. } => &table::LEAVE,
            Self::Say { .. } => &table::SAY,
            Self::Whoami => &table::WHOAMI,
            Self::Receipts => &table::RECEIPTS,
            Self::Reveal { .. } => &table::REVEAL,
            Self::Prove { .. } => &table::PROVE,
            Self::Export { .. } => &table::EXPORT,
            Self::Evidence(_) => &table::EVIDENCE,
            Self::Withdraw { .. } => &table::WITHDRAW,
            Self::Deliver { .. } => &table::DELIVER,
            Self::Help { .. } => &table::HELP,
            Self::Quit => &table::QUIT,
        }
    }
}

fn default_currency() -> String {
    "EUR".to_owned()
}
