//! The fold of a reveal room: the private room of seller and winner (SPEC 8).
//!
//! Exactly two keys may act here besides the broker's: that of the listing and that of the
//! winning bid. Their disclosures are logged as a pair or not at all.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::log::RoomName;
use crate::room::action::{Action, Seen};
use crate::room::body::{Absent, Body, Reveal, Side, Talk, TalkKeys};
use crate::room::kind::{Beyond, Fold};
use crate::room::reveal::talk::Talks;
use crate::room::{Access, Code, Ledger, Stamped, Terms};
use crate::value::codec::Digest;
use crate::value::label::{self, MAX_TALK_KEYS};

pub mod talk;
pub mod verbs;

/// How a reveal room ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// One side withdrew, as the rules allowed.
    Withdrawn(Side),
    /// The deadline passed.
    Absent(Absent),
}

/// What the end of a reveal room means for its auction (V-145).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Both disclosed: the auction is `revealed`.
    Revealed,
    /// One side withdrew: so it is `withdrawn`.
    Withdrawn(Side),
    /// The seller was absent: `abandoned`.
    Abandoned,
    /// The winner was absent, and the seller was not: `forfeited`.
    Forfeited,
}

/// How a reveal room ended, as its auction records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conclusion {
    /// What it means for the auction.
    pub verdict: Verdict,
    /// The hash that the auction's entry carries.
    pub outcome: Digest,
}

/// Hash of a reveal room's name and of its log right after the entry that ended it (V-145).
#[must_use]
pub fn outcome(room: RoomName, ending: Seen) -> Digest {
    let hash = Sha256::new()
        .chain_update(label::OUTCOME)
        .chain_update(room.0)
        .chain_update(ending.size.to_be_bytes())
        .chain_update(ending.root.0);
    Digest(hash.finalize().into())
}

/// A reveal room as its log gives it.
#[derive(Debug, Clone)]
pub struct RevealRoom {
    opening: Reveal,
    seller: Option<u64>,
    winner: Option<u64>,
    end: Option<End>,
    /// How it ended, and the log right after the entry that ended it.
    conclusion: Option<Conclusion>,
    talks: Talks,
}

impl Fold for RevealRoom {
    type Opening = Reveal;

    fn terms(reveal: &Reveal) -> Terms {
        Terms {
            broker: reveal.broker,
            stamps: reveal.stamps.clone(),
            locks: Vec::new(),
            simulated: reveal.simulated,
            witnesses: Vec::new(),
            quorum: 0,
            freshness: Duration::from_secs(reveal.freshness.into()),
            authorities: Vec::new(),
            access: Access::Members(vec![reveal.seller, reveal.winner]),
        }
    }

    fn open(reveal: &Reveal, entry: &Stamped) -> Result<Self, Code> {
        // V-065. One key on both sides would disclose to itself.
        let is_two = reveal.seller != reveal.winner;
        // Otherwise nobody could disclose in time.
        let has_time = reveal.deadline > entry.time();
        // The bounds that listings have (V-039).
        let fresh =
            (1..=60).contains(&reveal.freshness) && reveal.broker.delivery.require_usable().is_ok();
        let stamped = (1..=8).contains(&reveal.stamps.len());
        if !(is_two && has_time && fresh && stamped) {
            return Err(Code::ListingTerms);
        }
        Ok(Self {
            opening: reveal.clone(),
            seller: None,
            winner: None,
            end: None,
            conclusion: None,
            talks: Talks::default(),
        })
    }

    fn judge_alone(reveal: &Reveal, entry: &Stamped) -> Result<(), Code> {
        let (action, time) = (entry.action(), entry.time());
        let is_brokers = action.is_by(&reveal.broker.entry);
        // Only the log says which key both have in common, and so by whom something may be said.
        let by_both = matches!(action.body(), Body::SealedSay(_));
        if !is_brokers && !by_both && side_of(reveal, action).is_none() {
            return Err(Code::VerbAuthor);
        }
        match action.body() {
            Body::SealedSay(_) if side_of(reveal, action).is_some() => Err(Code::VerbAuthor),
            Body::SealedSay(_) => talk::judge_time(reveal, time),
            Body::Talk(Talk { once, .. }) => {
                talk::judge_size(once, talk::WITH_SIGNED).and(talk::judge_time(reveal, time))
            }
            Body::TalkKeys(TalkKeys { once }) => {
                talk::judge_size(once, MAX_TALK_KEYS).and(talk::judge_time(reveal, time))
            }
            Body::Disclose(_) if time > reveal.deadline => Err(Code::DiscloseLate),
            Body::Withdraw(_) if !reveal.withdrawal => Err(Code::WithdrawForbidden),
            Body::Absent(absent)
                if time <= reveal.deadline || !(absent.seller || absent.winner) =>
            {
                Err(Code::AbsentWrong)
            }
            Body::Disclose(_) | Body::Withdraw(_) | Body::Absent(_) => Ok(()),
            _ => Err(Code::VerbKind),
        }
    }

    fn judge(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
        let action = entry.action();
        if ledger.is_brokers(action) {
            return match action.body() {
                Body::Absent(absent) => self.judge_absent(absent, entry),
                _ => Err(Code::VerbKind),
            };
        }
        if let Body::SealedSay(said) = action.body() {
            // Whatever key was stated as that of both: a side's own is none.
            if self.side(action).is_some() {
                return Err(Code::VerbAuthor);
            }
            self.may_talk(entry)?;
            return self.talks.judge_say(action, said);
        }
        // V-066, then V-053 and V-054.
        let side = self.side(action).ok_or(Code::VerbAuthor)?;
        match action.body() {
            Body::Talk(talk) => {
                self.may_talk(entry)?;
                return self.talks.judge_talk(side, talk);
            }
            Body::TalkKeys(more) => {
                self.may_talk(entry)?;
                return self.talks.judge_keys(side, more);
            }
            _ => {}
        }
        if self.end.is_some() {
            return Err(Code::VerbPhase);
        }
        match action.body() {
            Body::Disclose(_) => self.judge_disclose(side, entry),
            _ if self.half() => Err(Code::DisclosePair),
            Body::Withdraw(_) if self.complete() => Err(Code::VerbPhase),
            Body::Withdraw(_) if self.opening.withdrawal => Ok(()),
            Body::Withdraw(_) => Err(Code::WithdrawForbidden),
            _ => Err(Code::VerbKind),
        }
    }

    fn append(&mut self, ledger: &Ledger, entry: &Stamped) {
        let seq = ledger.head().size;
        let side = self.side(entry.action());
        match (entry.action().body(), side) {
            (Body::Disclose(_), Some(Side::Seller)) => self.seller = Some(seq),
            (Body::Disclose(_), Some(Side::Winner)) => self.winner = Some(seq),
            (Body::Withdraw(_), Some(side)) => self.end = Some(End::Withdrawn(side)),
            (Body::Absent(absent), _) => self.end = Some(End::Absent(*absent)),
            (Body::Talk(talk), Some(side)) => self.talks.append_talk(side, talk),
            (Body::TalkKeys(more), Some(side)) => self.talks.append_keys(side, &more.once),
            (Body::SealedSay(said), _) => self.talks.append_say(said),
            _ => {}
        }
    }

    fn appended(&mut self, ledger: &Ledger, _entry: &Stamped) {
        if self.conclusion.is_some() {
            return;
        }
        let verdict = match self.end {
            Some(End::Withdrawn(side)) => Verdict::Withdrawn(side),
            Some(End::Absent(absent)) if absent.seller => Verdict::Abandoned,
            Some(End::Absent(_)) => Verdict::Forfeited,
            None if self.complete() => Verdict::Revealed,
            None => return,
        };
        let outcome = outcome(ledger.name(), ledger.head());
        self.conclusion = Some(Conclusion { verdict, outcome });
    }

    fn is_complete(&self) -> bool {
        self.complete() || self.end.is_some()
    }

    fn cut_short(&self) -> Option<Code> {
        self.half().then_some(Code::DisclosePair)
    }

    fn beyond_the_log(&self, code: Code, body: &Body) -> Option<Beyond> {
        match (code, body) {
            // Whether the broker holds a disclosure of this side already.
            (Code::DiscloseTwice, Body::Disclose(_)) => Some(Beyond::Word),
            _ => None,
        }
    }
}

impl RevealRoom {
    /// V-050, V-051.
    fn judge_disclose(&self, side: Side, entry: &Stamped) -> Result<(), Code> {
        if self.disclosed(side).is_some() {
            return Err(Code::DiscloseTwice);
        }
        if entry.time() > self.opening.deadline { Err(Code::DiscloseLate) } else { Ok(()) }
    }

    /// V-052.
    fn judge_absent(&self, absent: &Absent, entry: &Stamped) -> Result<(), Code> {
        // An absence of nobody is none.
        let somebody = absent.seller || absent.winner;
        // Until the deadline both may still come.
        let is_late = entry.time() > self.opening.deadline;
        // It ends the room, and nothing ends twice.
        let is_open = self.end.is_none() && !self.complete();
        // After one disclosure only the other may follow (V-053).
        let none_alone = !self.half();
        if somebody && is_late && is_open && none_alone { Ok(()) } else { Err(Code::AbsentWrong) }
    }

    /// V-313: nothing else does the end of the room keep from being said.
    fn may_talk(&self, entry: &Stamped) -> Result<(), Code> {
        if self.half() {
            return Err(Code::DisclosePair);
        }
        talk::judge_time(&self.opening, entry.time())
    }

    /// What the two published to write to each other by, and said.
    #[must_use]
    pub const fn talks(&self) -> &Talks {
        &self.talks
    }

    /// Which side an action is by; `None` for the broker and for strangers.
    #[must_use]
    pub fn side(&self, action: &Action) -> Option<Side> {
        side_of(&self.opening, action)
    }

    /// The opening.
    #[must_use]
    pub const fn opening(&self) -> &Reveal {
        &self.opening
    }

    /// Position of a side's disclosure, once both are logged or being logged.
    #[must_use]
    pub const fn disclosed(&self, side: Side) -> Option<u64> {
        match side {
            Side::Seller => self.seller,
            Side::Winner => self.winner,
        }
    }

    /// Whether both sides disclosed.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.seller.is_some() && self.winner.is_some()
    }

    /// How it ended without a pair of disclosures, if it did.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    /// What its auction is to record, once it ended.
    #[must_use]
    pub const fn conclusion(&self) -> Option<Conclusion> {
        self.conclusion
    }

    fn half(&self) -> bool {
        self.seller.is_some() != self.winner.is_some()
    }
}

/// Which side of a reveal room an action is by.
fn side_of(reveal: &Reveal, action: &Action) -> Option<Side> {
    if *action.key() == reveal.seller {
        Some(Side::Seller)
    } else if *action.key() == reveal.winner {
        Some(Side::Winner)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
