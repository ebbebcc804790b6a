//! What happened in many histories: a generator that sees half of the rules tests half of them.

use std::collections::BTreeMap;
use std::fmt;

use pregao_protocol::room::Code;

use super::Kind;

/// Codes that no log gives: of the door, of other kinds of room, and of what is no action.
const ELSEWHERE: &[&str] = &[
    "parse",
    "blind.wrong",
    "room.unknown",
    "stamp.other-digest",
    "listing.keys",
    "listing.citizens",
    "bid.own-item",
    "disclose.twice",
    "disclose.late",
    "disclose.pair",
    "talk.keys",
    "talk.pair",
    "talk.over",
    "say.key",
    "say.key-used",
    "frame.malformed",
    "tsa.down",
    "door.citizen",
    "door.forfeited",
    "door.stale",
    "blob.missing",
    "blob.room",
    "blob.keys",
    "door.rate",
    "store.failed",
    "broker.slow",
    "bid.limit",
    "puzzle.wanted",
    "door.refusals",
    "door.session",
    "box.closed",
    "box.no-keys",
    "keys.pass",
    // Of message boxes and passes.
    "pass.none",
    "pass.spent",
    "pass.day",
    "pass.quota",
    "pass.broker",
    "pass-key.day",
    "pass-key.wrong",
    "box.terms",
    "box.keys",
    "deposit.keys",
    "deposit.key-used",
    "deposit.twice",
    "deposit.size",
    "deposit.full",
    "deposit.expiry",
    "taken.letter",
    "deposit.half",
    "registered.letter",
    "registered.late",
    "handed.pair",
    "handed.wrong",
    "lapsed.wrong",
    "taken.registered",
];

/// Counts, by what they count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many histories there were of each kind.
    pub histories: BTreeMap<Kind, u64>,
    /// How they ended, by kind and word; `late` and `withdrawal` besides.
    pub ends: BTreeMap<(Kind, &'static str), u64>,
    /// What was refused, by code and kind.
    pub refused: BTreeMap<(&'static str, Kind), u64>,
    /// How many entries were logged.
    pub entries: u64,
    /// How many sealed bids were opened that count, and how many that are void, by cause.
    pub opened: u64,
    /// As above.
    pub void: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// With another one.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        fn add<K: Ord + Copy>(all: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
            for (key, count) in others {
                let sum = all.entry(*key).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        add(&mut self.histories, &other.histories);
        add(&mut self.ends, &other.ends);
        add(&mut self.refused, &other.refused);
        add(&mut self.void, &other.void);
        self.entries = self.entries.saturating_add(other.entries);
        self.opened = self.opened.saturating_add(other.opened);
        self
    }

    /// Codes that the log of an auction can give, and that none of these gave.
    #[must_use]
    pub fn never(&self) -> Vec<&'static str> {
        let all = Code::ALL.iter().map(|code| code.as_str());
        let of_auctions = all.filter(|code| !ELSEWHERE.contains(code));
        of_auctions.filter(|code| self.count(code) == 0).collect()
    }

    /// How often something was refused by this code.
    #[must_use]
    pub fn count(&self, code: &str) -> u64 {
        self.refused.iter().filter(|((by, _), _)| *by == code).map(|(_, count)| count).sum()
    }

    /// How many histories there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.histories.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, count) in &self.histories {
            write!(f, "{kind}: {count} histories")?;
            for ((_, end), count) in self.ends.iter().filter(|((of, _), _)| of == kind) {
                write!(f, ", {end} {count}")?;
            }
            let refused: u64 =
                self.refused.iter().filter(|((_, of), _)| of == kind).map(|(_, count)| count).sum();
            writeln!(f, ", refused {refused}")?;
        }
        write!(f, "refused:")?;
        let mut codes: Vec<&str> = self.refused.keys().map(|(code, _)| *code).collect();
        codes.dedup();
        for code in codes {
            write!(f, " {code} {}", self.count(code))?;
        }
        writeln!(f)?;
        write!(f, "{} entries; sealed bids: {} opened, 0 lost; void", self.entries, self.opened)?;
        for (cause, count) in &self.void {
            write!(f, " {cause} {count}")?;
        }
        writeln!(f)?;
        let never = self.never();
        let never = if never.is_empty() { "none".to_owned() } else { never.join(" ") };
        write!(f, "codes of auctions that never occurred: {never}")
    }
}
