//! An auction that records another end of its reveal room than that room's log gives (V-145).

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Shown};
use crate::audit::verdict::{Found, VerifiedLog, examine};
use crate::room::RevealRoom;
use crate::room::reveal::Verdict;

/// What shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalseOutcome {
    /// The transcript of the auction, with the broker's certificate.
    pub auction: String,
    /// The transcript of the reveal room, with the broker's certificate.
    pub reveal: String,
}

impl FalseOutcome {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let (auction, reveal) = (held(&self.auction)?, held(&self.reveal)?);
        let what = match recording(&auction, &reveal) {
            Recording::False { what } => what,
            Recording::Unrelated => return Err(NoEvidence::OtherThing),
            Recording::NotYet | Recording::True { .. } => return Err(NoEvidence::Consistent),
        };
        let origin = auction.origin();
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}

/// A log that holds and that the broker certifies.
fn held(transcript: &str) -> Result<Box<VerifiedLog<'_>>, NoEvidence> {
    match examine(transcript.as_bytes()).found {
        Found::Log(log) if log.certificate().is_some() => Ok(log),
        Found::Log(_) => Err(NoEvidence::Certificate),
        Found::Receipt(_)
        | Found::Letter(_)
        | Found::Deposit(_)
        | Found::Certificate(_)
        | Found::Nothing(_) => Err(NoEvidence::Malformed),
    }
}

/// What an auction records of a reveal room, beside that room's own log (V-145).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recording {
    /// The one does not follow from the other.
    Unrelated,
    /// One of them has not come so far.
    NotYet,
    /// This entry of the auction records the end that the reveal room has.
    True {
        /// Position in the auction's log.
        entry: u64,
    },
    /// It records another.
    False {
        /// What the broker did, for a person: a sentence without its subject.
        what: String,
    },
}

/// Compares what an auction records of a reveal room with that room's log (V-145).
#[must_use]
pub fn recording(auction: &VerifiedLog<'_>, reveal: &VerifiedLog<'_>) -> Recording {
    let Some(private) = RevealRoom::of(reveal.room()) else { return Recording::Unrelated };
    let opening = private.opening();
    let follows = opening.auction == auction.origin().room
        && reveal.room().terms().broker == auction.room().terms().broker
        // What it says of another auction log is a fork.
        && opening.settled.checked_add(1).and_then(|size| auction.root(size)) == Some(opening.root);
    if !follows {
        return Recording::Unrelated;
    }
    let recorded = auction.recorded().iter().find(|recorded| recorded.settled == opening.settled);
    let (Some(recorded), Some(ended)) = (recorded, private.conclusion()) else {
        return Recording::NotYet;
    };
    let entry = recorded.entry;
    if recorded.ending != ended.verdict {
        let (said, was) = (word(recorded.ending), word(ended.verdict));
        return Recording::False {
            what: format!(
                "recorded in entry {entry} that {said}, and by the log of the reveal room {was}"
            ),
        };
    }
    if recorded.outcome != ended.outcome {
        let what = format!(
            "recorded in entry {entry} another log of the reveal room than the one it signed"
        );
        return Recording::False { what };
    }
    Recording::True { entry }
}

const fn word(ending: Verdict) -> &'static str {
    match ending {
        Verdict::Revealed => "both disclosed",
        Verdict::Withdrawn(_) => "a side withdrew",
        Verdict::Abandoned => "the seller was absent",
        Verdict::Forfeited => "the winner was absent",
    }
}
