//! What a user can ask for: the first of the three vocabularies.
//!
//! The terminal client, the one-shot command line and the JSON lines all produce a [`Command`];
//! `desk` carries it out. JSON form: `{"command":"bid","room":"3f2a","amount":"120.00"}`.
//! [`table`] describes each command once; [`parse`] reads them as people type them, and what is
//! [`unclear`] is refused.

mod locks;
mod mail;
pub mod parse;
pub mod table;
pub mod unclear;

use pregao_protocol::letter::Mode;
use pregao_protocol::room::body::PriceRule;
use pregao_protocol::room::disclosure::Attribute;
use serde::{Deserialize, Serialize};

pub use crate::text::usage_error::UsageError;
pub use locks::{LocksAsked, LocksAskedError};
pub use mail::{BoxTask, ContactTask, DraftsTask, Folder, MailFilter, NewLetter, ReceiptAnswer};
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
    /// Least step between bids, or by how much a price falls at once, in units of the currency; one minor unit × 100 if absent.
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
    /// How late the broker may close it before both sides may withdraw: 1 to 60 seconds; 5 if absent, 60 where bids are
    /// sealed.
    #[serde(default)]
    pub grace: Option<String>,
    /// Bids are sealed until it is over, and the winner pays their own bid (`first`) or the highest that loses (`second`).
    #[serde(default)]
    pub sealed: Option<PriceRule>,
    /// How many TSAs lock such bids, and how many of them open them, as `2-of-3`; the broker's TSA alone if absent.
    #[serde(default)]
    pub tsas: Option<LocksAsked>,
    /// What is asked of bids besides, in the language of sellers' rules.
    #[serde(default)]
    pub rule: Option<String>,
    /// Path of a file with that; this or `rule`.
    #[serde(default)]
    pub rule_file: Option<String>,
    /// How many bids each bidder may make, 1 to 32; as many as they like if absent, 8 where bids are sealed.
    #[serde(default)]
    pub bids: Option<u32>,
    /// Nothing is sold for less than this, in units of the currency, and nobody reads it until no bid counts any more.
    #[serde(default)]
    pub reserve: Option<String>,
    /// One persona of each citizen lists and bids, of those bought with the present period's tokens.
    #[serde(default)]
    pub one_per_citizen: bool,
    /// The price falls from `start` to this, in units of the currency, until somebody bids.
    #[serde(default)]
    pub dutch: Option<String>,
    /// After how long such a price falls each time, e.g. `5s`; 10 s if absent.
    #[serde(default)]
    pub every: Option<String>,
    /// Longer text; up to 1,000 characters.
    #[serde(default)]
    pub description: Option<String>,
}

impl NewListing {
    /// A term that means nothing where bids are sealed or the price falls, if there is one.
    #[must_use]
    pub fn meaningless(&self) -> Option<Meaningless> {
        let (sealed, dutch) = (self.sealed.is_some(), self.dutch.is_some());
        let terms = [
            ("a step", self.increment.is_some(), sealed),
            ("steps by amount", self.steps.is_some(), sealed || dutch),
            ("a largest raise", self.raise.is_some(), sealed || dutch),
            ("a price to buy", self.buy.is_some(), sealed || dutch),
            ("a soft close", self.extend.is_some(), sealed || dutch),
            ("a rule", self.rule.is_some() || self.rule_file.is_some(), dutch && !sealed),
            ("a hidden reserve", self.reserve.is_some(), dutch && !sealed),
            ("a falling price", dutch, sealed),
        ];
        let term = terms.into_iter().find(|(_, given, odd)| *given && *odd).map(|(name, ..)| name);
        match term {
            Some(term) if sealed => {
                Some(Meaningless { term, place: "where bids are sealed", instead: "`sealed`" })
            }
            Some(term) => {
                Some(Meaningless { term, place: "where the price falls", instead: "`dutch`" })
            }
            None if self.tsas.is_some() && !sealed => {
                let place = "where bids are not sealed";
                Some(Meaningless { term: "`tsas`", place, instead: "add `sealed`" })
            }
            None if self.every.is_some() && !dutch => {
                let place = "where the price does not fall";
                Some(Meaningless { term: "`every`", place, instead: "add `dutch`" })
            }
            None => None,
        }
    }
}

/// A term of a listing that means nothing beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaningless {
    /// Which.
    pub term: &'static str,
    /// Where it means nothing.
    pub place: &'static str,
    /// What else could be left out, or added.
    pub instead: &'static str,
}

impl Meaningless {
    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{} has no meaning {}", self.term, self.place)
    }

    /// What to do.
    #[must_use]
    pub fn advice(&self) -> String {
        format!("leave it out, or {}", self.instead)
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
    /// Takes an item whose price falls, at the price of the moment.
    Take {
        /// Prefix of the room's name.
        room: String,
    },
    /// Lists the auctions (alias `allitems`).
    Items(ListFilter),
    /// Lists the user's own auctions and bids (alias `myitems`).
    Mine(ListFilter),
    /// Lists bids one by one: of an auction, or the user's own.
    Bids {
        /// Prefix of the room's name; the user's own of all auctions without it.
        #[serde(default)]
        room: Option<String>,
        /// Only the user's own.
        #[serde(default)]
        mine: bool,
        /// Only those under one paddle of that auction.
        #[serde(default)]
        paddle: Option<String>,
        /// How many at most, the newest; 100 if absent.
        #[serde(default)]
        last: Option<u32>,
    },
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
    /// Compares receipts with the logs as they are.
    Check {
        /// Beginning of the digest of the action; every receipt if absent.
        #[serde(default)]
        receipt: Option<String>,
        /// How many at most, the newest; all if absent.
        #[serde(default)]
        last: Option<u32>,
    },
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
    /// or elsewhere with `pregao verify`; or a letter, so that anybody can check who wrote it.
    Export {
        /// Prefix of the room's name; this or `letter`.
        #[serde(default)]
        room: Option<String>,
        /// Whether to write, beside it, a page that shows it and verifies itself.
        #[serde(default)]
        html: bool,
        /// The number of a letter.
        #[serde(default)]
        letter: Option<u64>,
        /// Whether to show of it only that it was written, and not what it says.
        #[serde(default)]
        hash: bool,
    },
    /// Withdraws from a settled auction where the rules allow it without forfeit.
    Withdraw {
        /// Prefix of the reveal room's or of its auction's name.
        room: String,
    },
    /// Bids by itself in an auction, up to a ceiling that nobody else learns; without a room, says where.
    Auto {
        /// Prefix of the room's name.
        #[serde(default)]
        room: Option<String>,
        /// The most that is bid, in units of the room's currency; without it, nothing more is.
        #[serde(default)]
        ceiling: Option<String>,
        /// Always by the least step: otherwise it doubles from the third answer in a row on.
        #[serde(default)]
        steady: bool,
    },
    /// Under which public name one bids.
    Paddle(PaddleTask),
    /// Who bids under which public name in an auction.
    Paddles {
        /// Prefix of the room's name.
        room: String,
    },
    /// Hands in through the witnesses of a room what the broker did not answer.
    Deliver {
        /// Prefix of the room's name.
        room: String,
    },
    /// What is kept that shows a fault of broker, TSA or another peer.
    Evidence(EvidenceTask),
    /// One's own box for letters.
    Box(BoxTask),
    /// Lists the people who want to be found.
    People {
        /// Only those with this in handle, line or name.
        #[serde(default)]
        about: Option<String>,
    },
    /// Those whom one writes to.
    Contact(ContactTask),
    /// Writes a letter.
    Send(Box<NewLetter>),
    /// Keeps a letter that is being written; what is not said stays as it stood in the draft for the same.
    Draft(Box<NewLetter>),
    /// Letters that are being written.
    Drafts(DraftsTask),
    /// Lists the letters that were not read.
    New,
    /// Lists letters.
    Mail(MailFilter),
    /// Shows a letter.
    Read {
        /// Its number.
        letter: u64,
        /// Where its attachments are written.
        #[serde(default)]
        save: Option<String>,
    },
    /// Tells a letter's writer that it was read.
    Ack {
        /// Its number.
        letter: u64,
        /// Without the hours between.
        #[serde(default)]
        now: bool,
    },
    /// Signs for a registered letter, which is read from then on.
    Accept {
        /// Its number.
        letter: u64,
    },
    /// Refuses a registered letter, for good.
    Decline {
        /// Its number.
        letter: u64,
    },
    /// What became of the letters that were sent.
    Status {
        /// The number of one; all without it.
        #[serde(default)]
        letter: Option<u64>,
        /// Whether its broker is asked first.
        #[serde(default)]
        now: bool,
    },
    /// Takes a letter back that has not left.
    Recall {
        /// Its number.
        letter: u64,
    },
    /// Hears no more of somebody.
    Block {
        /// Who.
        who: String,
        /// Hears of them again.
        #[serde(default)]
        off: bool,
    },
    /// Finds letters.
    Search {
        /// What stands in them.
        text: String,
    },
    /// Whom letters and talk convince, where it is not chosen otherwise; says so without a mode.
    Mode {
        /// Everybody, or their reader alone.
        #[serde(default)]
        mode: Option<Mode>,
        /// Prefix of the name of the one private room that is meant.
        #[serde(default)]
        room: Option<String>,
    },
    /// Gives up the puzzles that are being solved: what they are for is not sent.
    Stop,
    /// Explains the commands; fronts answer it themselves with [`table::help`].
    Help {
        /// The one command to explain; all if absent.
        #[serde(default)]
        about: Option<String>,
    },
    /// Ends the program.
    Quit,
}

/// What to do about one's public names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PaddleTask {
    /// Says where one bids under which.
    #[default]
    Tell,
    /// In one auction.
    Here {
        /// Prefix of the room's name.
        room: String,
        /// The name; none if absent.
        #[serde(default)]
        name: Option<String>,
    },
    /// In every auction of this broker.
    Everywhere {
        /// The name; none if absent.
        #[serde(default)]
        name: Option<String>,
        /// That one knows what follows from it.
        #[serde(default)]
        anyway: bool,
    },
}

/// Which auctions are listed; all by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListFilter {
    /// Only those that take bids, or only those that do not.
    #[serde(default)]
    pub standing: Option<Standing>,
    /// Only those of one kind.
    #[serde(default)]
    pub kind: Option<AuctionKind>,
    /// How many at most, the newest.
    #[serde(default)]
    pub last: Option<u32>,
}

/// Whether an auction takes bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It does, or will.
    Open,
    /// It does not any more.
    Closed,
}

/// How bids are made in an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuctionKind {
    /// They rise in the open.
    English,
    /// They are sealed until it is over.
    Sealed,
    /// The price falls until the first.
    Dutch,
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
            | Self::Take { room }
            | Self::Relist { room, .. }
            | Self::Unlist { room, .. }
            | Self::Join { room }
            | Self::Leave { room }
            | Self::Say { room, .. }
            | Self::Reveal { room, .. }
            | Self::Prove { room, .. }
            | Self::Withdraw { room }
            | Self::Paddle(PaddleTask::Here { room, .. })
            | Self::Paddles { room }
            | Self::Contact(ContactTask::Deal { room, .. })
            | Self::Deliver { room } => Some(room),
            Self::Auto { room, .. }
            | Self::Bids { room, .. }
            | Self::Mode { room, .. }
            | Self::Export { room, .. } => room.as_deref(),
            Self::List { .. }
            | Self::Items(_)
            | Self::Mine(_)
            | Self::Whoami
            | Self::Receipts
            | Self::Check { .. }
            | Self::Evidence(_)
            | Self::Paddle(_)
            | Self::Box(_)
            | Self::People { .. }
            | Self::Contact(_)
            | Self::Send(_)
            | Self::Draft(_)
            | Self::Drafts(_)
            | Self::New
            | Self::Mail(_)
            | Self::Read { .. }
            | Self::Ack { .. }
            | Self::Accept { .. }
            | Self::Decline { .. }
            | Self::Status { .. }
            | Self::Recall { .. }
            | Self::Block { .. }
            | Self::Search { .. }
            | Self::Stop
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
            Self::Take { .. } => &table::TAKE,
            Self::Items(_) => &table::ITEMS,
            Self::Mine(_) => &table::MINE,
            Self::Bids { .. } => &table::BIDS,
            Self::Check { .. } => &table::CHECK,
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
            Self::Auto { .. } => &table::AUTO,
            Self::Paddle(_) => &table::PADDLE,
            Self::Paddles { .. } => &table::PADDLES,
            Self::Deliver { .. } => &table::DELIVER,
            Self::Box(_) => &table::BOX,
            Self::People { .. } => &table::PEOPLE,
            Self::Contact(_) => &table::CONTACT,
            Self::Send(_) => &table::SEND,
            Self::Draft(_) => &table::DRAFT,
            Self::Drafts(_) => &table::DRAFTS,
            Self::New => &table::NEW,
            Self::Mail(_) => &table::MAIL,
            Self::Read { .. } => &table::READ,
            Self::Ack { .. } => &table::ACK,
            Self::Accept { .. } => &table::ACCEPT,
            Self::Decline { .. } => &table::DECLINE,
            Self::Status { .. } => &table::STATUS,
            Self::Recall { .. } => &table::RECALL,
            Self::Block { .. } => &table::BLOCK,
            Self::Search { .. } => &table::SEARCH,
            Self::Mode { .. } => &table::MODE,
            Self::Stop => &table::STOP,
            Self::Help { .. } => &table::HELP,
            Self::Quit => &table::QUIT,
        }
    }
}

fn default_currency() -> String {
    "EUR".to_owned()
}
