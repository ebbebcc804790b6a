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
        let what = disagreement(&auction, &reveal)?;
        let origin = auction.origin();
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}

/// A log that holds and that the broker certifies.
fn held(transcript: &str) -> Result<Box<VerifiedLog<'_>>, NoEvidence> {
    match examine(transcript.as_bytes()).found {
        Found::Log(log) if log.certificate().is_some() => Ok(log),
        Found::Log(_) => Err(NoEvidence::Certificate),
        Found::Receipt(_) | Found::Nothing(_) => Err(NoEvidence::Malformed),
    }
}

/// What an auction records falsely of a reveal room (V-145).
///
/// # Errors
/// [`NoEvidence::OtherThing`] if the one does not follow from the other; [`NoEvidence::Consistent`] if
/// they agree, or one of them has not come so far.
pub fn disagreement(
    auction: &VerifiedLog<'_>,
    reveal: &VerifiedLog<'_>,
) -> Result<String, NoEvidence> {
    let private = RevealRoom::of(reveal.room()).ok_or(NoEvidence::OtherThing)?;
    let opening = private.opening();
    let after = opening.settled.checked_add(1).ok_or(NoEvidence::OtherThing)?;
    let follows = opening.auction == auction.origin().room
        && reveal.room().terms().broker == auction.room().terms().broker
        // What it says of another auction log is a fork.
        && auction.root(after) == Some(opening.root);
    if !follows {
        return Err(NoEvidence::OtherThing);
    }
    let recorded = auction.recorded().iter().find(|recorded| recorded.settled == opening.settled);
    let (Some(recorded), Some(ended)) = (recorded, private.conclusion()) else {
        return Err(NoEvidence::Consistent);
    };
    let entry = recorded.entry;
    if recorded.ending != ended.verdict {
        let (said, was) = (word(recorded.ending), word(ended.verdict));
        return Ok(format!(
            "recorded in entry {entry} that {said}, and by the log of the reveal room {was}"
        ));
    }
    if recorded.outcome != ended.outcome {
        return Ok(format!(
            "recorded in entry {entry} another log of the reveal room than the one it signed"
        ));
    }
    Err(NoEvidence::Consistent)
}

const fn word(ending: Verdict) -> &'static str {
    match ending {
        Verdict::Revealed => "both disclosed",
        Verdict::Withdrawn(_) => "a side withdrew",
        Verdict::Abandoned => "the seller was absent",
        Verdict::Forfeited => "the winner was absent",
    }
}
