//! What was looked up: bids one by one, receipts compared with logs.

use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};

use super::{ReceiptView, is_zero};

/// Bids of an auction, or the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidsView {
    /// Full name of the auction; absent where own bids of all are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The beginning of it by which the auction is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether only own bids are shown.
    pub mine: bool,
    /// Bids whose amount nobody can read yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unopened: u64,
    /// The bids, the newest last.
    pub bids: Vec<BidView>,
    /// How many older ones were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

/// One bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidView {
    /// Full name of its auction.
    pub room: String,
    /// The beginning of it by which the auction is called.
    pub short: String,
    /// Title of the auction; absent if it is not known now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Position in the log; absent if it is not known to be there.
    pub seq: Option<u64>,
    /// Minor units; absent as long as it is sealed, unless it is the user's and the vault remembers it.
    pub amount: Option<u64>,
    /// Currency of the auction; absent if that is not known now.
    pub currency: Option<String>,
    /// Stamp time; absent if it is not in a log that is known.
    pub time: Option<Time>,
    /// Whether it is the user's.
    pub own: bool,
    /// Size of the action in bytes, where the bid is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_bytes: Option<u64>,
    /// What became of it.
    pub standing: BidStanding,
    /// Why it is void or was refused, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The paddle under which it was made, if under one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paddle: Option<String>,
}

/// What became of a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BidStanding {
    /// No other comes before it.
    Leads,
    /// Another does.
    Outbid,
    /// It was named as the winner.
    Won,
    /// Its author stayed away after it had won, or bid it beside.
    Forfeited,
    /// Nobody can read it yet.
    Sealed,
    /// It does not count.
    Void,
    /// The broker refused it; only one's own.
    Refused,
    /// It is handed in, without an answer yet; only one's own.
    UnderWay,
    /// It was signed by a program that ended before an answer came, and is in no log that is known; only one's own.
    Unanswered,
    /// It is receipted, and its log not known now; only one's own.
    Receipted,
}

impl BidStanding {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Outbid => "outbid",
            Self::Won => "won",
            Self::Forfeited => "forfeited",
            Self::Sealed => "sealed",
            Self::Void => "VOID",
            Self::Refused => "refused",
            Self::UnderWay => "under way",
            Self::Unanswered => "no answer",
            Self::Receipted => "receipted",
        }
    }
}

/// A receipt compared with the log that the broker shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: ReceiptView,
    /// What comes of comparing it.
    pub verdict: CheckVerdict,
    /// Why, in words.
    pub why: String,
    /// What to do; empty where there is nothing to do.
    pub advice: String,
}

/// What comes of comparing a receipt with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckVerdict {
    /// Its entry stands in the log at its position, and both heads agree.
    Verified,
    /// It holds by itself; the log cannot be compared yet.
    NotYet,
    /// It does not hold, or the log shows something else.
    Contradicted,
}
