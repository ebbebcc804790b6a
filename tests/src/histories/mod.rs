//! Auctions by the million: what happens in each follows from a number, and four judges must agree on all of it.
//!
//! A `story` draws terms and what people and a broker do under them, in time or a microsecond beside it, honestly
//! or not. The `house` makes signed and stamped bytes of it. The broker's fold decides about each action; a peer replays the log
//! in two records, and is handed as well some of what was refused; the offline verifier reads it as a file; and the
//! `model`, which is written from SPEC alone and reads no bytes, says for itself what each of them must say.
//!
//! Where signatures are verified: an action's when it is signed and again by peer and verifier, a header's by all three.
//! The broker's fold is handed what was verified then, as in the broker; door rules are not played.

mod bodies;
mod house;
mod model;
mod paths;
mod plain;
mod promises;
mod rule;
mod story;
mod tally;
mod told;

use std::fmt;
use std::str::FromStr;

pub use house::Keys;
pub use tally::Tally;

use story::Story;

/// What is auctioned how. A seller's rule is asked in some of each but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// English, with a fixed end.
    English,
    /// With a soft close and a hard end.
    Soft,
    /// Which can be bought at once.
    BuyNow,
    /// Which begins later than it is listed.
    Begin,
    /// With a table of increments.
    Steps,
    /// With a largest raise.
    MaxRaise,
    /// English with any of all these.
    Mixed,
    /// Sealed bids, of which the highest pays its own.
    SealedFirst,
    /// Sealed bids, of which the highest pays the second highest.
    SealedSecond,
    /// A price that falls.
    Dutch,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::English,
        Self::Soft,
        Self::BuyNow,
        Self::Begin,
        Self::Steps,
        Self::MaxRaise,
        Self::Mixed,
        Self::SealedFirst,
        Self::SealedSecond,
        Self::Dutch,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::English => "english",
            Self::Soft => "soft",
            Self::BuyNow => "buy-now",
            Self::Begin => "begin",
            Self::Steps => "steps",
            Self::MaxRaise => "max-raise",
            Self::Mixed => "mixed",
            Self::SealedFirst => "sealed-first",
            Self::SealedSecond => "sealed-second",
            Self::Dutch => "dutch",
        }
    }

    /// The kind that a seed plays, where none is asked for.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let at = usize::try_from(seed % Self::ALL.len() as u64).unwrap_or_default();
        Self::ALL.get(at).copied().unwrap_or(Self::English)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| {
            format!("no such kind; one of: {}", Self::ALL.map(Self::as_str).join(" "))
        })
    }
}

/// A history on which not all agree, or that breaks a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which seed.
    pub seed: u64,
    /// Of which kind.
    pub kind: Kind,
    /// What is wrong.
    pub what: String,
    /// What happened, line by line.
    pub history: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.history {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {} FAILED: {}", self.seed, self.what)?;
        write!(f, "replay: pregao-histories --seed {} --kind {}", self.seed, self.kind)
    }
}

/// Plays one history.
///
/// # Errors
/// [`Failure`] where the four do not agree, or a promise is broken.
pub fn play(keys: &Keys, seed: u64, kind: Kind) -> Result<Tally, Box<Failure>> {
    let mut story = Story::new(keys, seed, kind);
    match story.run() {
        Ok(()) => Ok(story.tally()),
        Err(what) => Err(Box::new(Failure { seed, kind, what, history: story.told() })),
    }
}

/// What happens in a history, line by line.
#[must_use]
pub fn told(keys: &Keys, seed: u64, kind: Kind) -> Vec<String> {
    let mut story = Story::new(keys, seed, kind);
    let ended = story.run();
    let mut lines = story.told();
    lines.extend(ended.err());
    lines
}
