//! What happens in a history, in plain numbers: what the naive model reads, and what the house makes bytes of.

use super::rule::Expression;

/// Microseconds in a second.
pub(super) const SECOND: u64 = 1_000_000;
/// The largest amount.
pub(super) const MOST: u64 = (1 << 53) - 1;

/// What a seller's rule is.
#[derive(Debug, Clone)]
pub(super) enum RuleText {
    /// This, written out.
    Tree(Expression),
    /// A text that is no rule here.
    Nonsense(String),
}

/// The terms of a listing. Instants are microseconds since 1970, spans seconds, amounts minor units.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) start: u64,
    pub(super) increment: u64,
    /// From which amount on which increment holds.
    pub(super) steps: Vec<(u64, u64)>,
    pub(super) max_raise: Option<u64>,
    pub(super) buy_now: Option<u64>,
    pub(super) begin: Option<u64>,
    pub(super) end: u64,
    /// By how many seconds a bid moves the end, and how far it moves at most.
    pub(super) soft: Option<(u64, u64)>,
    /// Whether the second price is paid, and how many TSAs open the bids.
    pub(super) sealed: Option<(bool, u64)>,
    /// Floor, fall and seconds between two steps.
    pub(super) dutch: Option<(u64, u64, u64)>,
    /// How many TSAs open the hidden reserve.
    pub(super) reserve: Option<u64>,
    pub(super) rule: Option<RuleText>,
    pub(super) freshness: u64,
    pub(super) grace: u64,
    pub(super) within: u64,
    /// Which TSAs, by number.
    pub(super) stamps: Vec<usize>,
    pub(super) threshold: u64,
    /// Which witnesses, and by which operators they are run, both by number.
    pub(super) witnesses: Vec<(usize, usize)>,
    pub(super) quorum: u64,
    /// Whether deliveries can be sealed to the broker's key for them.
    pub(super) is_delivery_usable: bool,
}

impl Terms {
    /// How many TSAs open what is sealed, where something is.
    pub(super) fn needed(&self) -> Option<u64> {
        self.sealed.map(|(_, needed)| needed).or(self.reserve)
    }
}

/// A witness's date on the close.
#[derive(Debug, Clone, Copy)]
pub(super) struct Date {
    /// Which witness, by number.
    pub(super) witness: usize,
    /// Whole seconds since 1970.
    pub(super) time: u64,
    /// Whether it is over the head that ends with `closed`.
    pub(super) holds: bool,
}

/// What is wrong with a sealed bid, besides its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// What is sealed to the broker was changed.
    Broker,
    /// The share of this TSA was changed.
    Share(usize),
    /// It is committed to something else.
    Commitment,
    /// The amount was changed.
    Amount,
    /// It was made for another key, and copied.
    Copied,
    /// A share is missing, so it has not the form of bids here.
    Form,
}

/// What is wrong with a `sealing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misstated {
    /// Its locks open a second before they should.
    Instant,
    /// Another TSA states the first.
    Tsa,
    /// The last is missing.
    Missing,
    /// The first comes once more.
    More,
    /// The broker's key is that of the first lock.
    Same,
    /// Anybody opens what is sealed to the broker.
    Usable,
    /// It says that time is simulated.
    Simulated,
}

/// What is done.
#[derive(Debug, Clone)]
pub(super) enum Act {
    List(Box<Terms>),
    /// Of so much, in the listing's currency or in another.
    Bid {
        amount: u64,
        is_other_currency: bool,
    },
    SealedBid {
        amount: u64,
        flaw: Option<Flaw>,
    },
    Sealing(Option<Misstated>),
    /// Whether the broker's secret is the right one; which TSAs' secrets, and whether each is.
    Opened {
        is_key_right: bool,
        locks: Vec<(usize, bool)>,
        dates: Vec<Date>,
    },
    /// Of so much; whether the ratio is the right one between the listing's key and this.
    Reserve {
        amount: u64,
        flaw: Option<Flaw>,
        is_ratio_right: bool,
    },
    /// Whether both halves are those of what was sealed; and the ratio, as above.
    Unseal {
        is_right: bool,
        is_ratio_right: bool,
    },
    Say,
    /// Whether the ratio is the right one between the listing's key and this.
    Unlist {
        is_ratio_right: bool,
    },
    /// With all that was logged as seen, unless its `seen` says otherwise.
    Closed,
    Settled {
        winner: Option<u64>,
        price: Option<u64>,
        dates: Vec<Date>,
    },
    /// Positions of other bids, each with whether an honest ratio is shown, where there is one.
    Forfeited {
        winner: u64,
        others: Vec<(u64, bool)>,
    },
    Revealed,
    Abandoned,
    Withdrawn,
    /// A verb of reveal rooms.
    Foreign,
}

impl Act {
    /// Whether the broker is to sign it.
    pub(super) const fn is_brokers(&self) -> bool {
        match self {
            Self::List(_) | Self::Bid { .. } | Self::SealedBid { .. } => false,
            Self::Reserve { .. } | Self::Unseal { .. } => false,
            Self::Say | Self::Unlist { .. } | Self::Foreign => false,
            Self::Sealing(_) | Self::Opened { .. } | Self::Closed | Self::Settled { .. } => true,
            Self::Forfeited { .. } | Self::Revealed | Self::Abandoned | Self::Withdrawn => true,
        }
    }
}

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    Broker,
    /// A persona, by number, with one of its keys, by number.
    Key(usize, usize),
}

/// The batch header that an action is stamped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Which TSA, by number.
    pub(super) tsa: usize,
    pub(super) number: u64,
    pub(super) time: u64,
    pub(super) prev_time: u64,
    /// As the next one has it in `prev`.
    pub(super) hash: [u8; 32],
    pub(super) prev: [u8; 32],
}

/// The paddle that a bid is made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: &'static str,
    /// The position of the earlier bid that is shown, and whether the ratio is the right one, where there is one.
    pub(super) earlier: Option<(u64, bool)>,
}

/// An action that is handed in, with its stamp.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) act: Act,
    pub(super) signer: Signer,
    /// Of a bid.
    pub(super) paddle: Option<Held>,
    /// Whether it names this room.
    pub(super) is_of_this_room: bool,
    /// How many entries its author had seen, and whether the root is the one of so many.
    pub(super) seen: (u64, bool),
    pub(super) batch: Batch,
    /// SHA-256 of the action.
    pub(super) digest: [u8; 32],
}

/// What is left to say of a history when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    /// How far it has come, by the word that verdicts have for it.
    pub(super) phase: &'static str,
    pub(super) end: u64,
    /// Who was named last and not forfeited since, and for how much.
    pub(super) winner: Option<(u64, u64)>,
    /// Position, amount, stamp, and whether it was forfeited.
    pub(super) bids: Vec<(u64, u64, u64, bool)>,
    /// The paddles of those that have one, by position.
    pub(super) paddles: Vec<(u64, String)>,
    /// Position and cause.
    pub(super) void: Vec<(u64, &'static str)>,
    pub(super) unopened: usize,
    pub(super) is_bought: bool,
    pub(super) late: Option<&'static str>,
    /// How much is known of the hidden reserve, by its word, and what it is.
    pub(super) reserve: Option<(&'static str, Option<u64>)>,
}
