//! A log that the rules refuse, under a head that the broker signed (V-151).

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Shown, vouched};
use crate::audit::verify;
use crate::log::merkle::{Frontier, leaf_hash};
use crate::log::stamp::HeaderError;
use crate::log::transcript::{Transcript, TranscriptLine};
use crate::log::{Entry, Head};
use crate::room::action::Action;
use crate::room::{Replay, ReplayError};

/// What shows it: a bid accepted too late, a winner that the log does not give, half a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenLog {
    /// The transcript with the broker's certificate. Its head is over exactly the entries in it; it may
    /// end with the first entry that the rules refuse.
    pub transcript: String,
}

impl BrokenLog {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let transcript = Transcript::of(&self.transcript).ok_or(NoEvidence::Malformed)?;
        // Whatever it is of is in the first lines: nothing is counted that nobody vouches for.
        let certificate = match transcript.lines().next() {
            Some(TranscriptLine::Certificate(Some(compact))) => compact,
            _ => return Err(NoEvidence::Certificate),
        };
        let first = entries(&transcript).next().and_then(|entry| Entry::parse(entry).ok());
        let opening = Action::parse(&first.ok_or(NoEvidence::Malformed)?.action)?;
        let keys = verify::terms(&opening).map_err(NoEvidence::Opening)?.broker;
        let origin = vouched(&keys, opening.room(), &certificate)?;
        let note = transcript.head().ok_or(NoEvidence::Malformed)?;
        let head = Head::open(&note, &origin, &keys.head)?;
        let mut log = Frontier::default();
        for entry in entries(&transcript) {
            log.push(leaf_hash(entry.as_bytes()));
        }
        // Otherwise the lines are anybody's.
        if (head.size, head.root) != (log.size(), log.root()) {
            return Err(NoEvidence::OtherThing);
        }
        let what = match refused(&transcript)? {
            Some(error) => format!("signed a log that breaks the rules: {error}"),
            None => "signed a log that ends between the two disclosures".to_owned(),
        };
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}

fn entries<'a>(transcript: &Transcript<'a>) -> impl Iterator<Item = &'a str> {
    transcript.lines().filter_map(|line| match line {
        TranscriptLine::Entry(entry) => Some(entry),
        TranscriptLine::Certificate(_) | TranscriptLine::Header(_) => None,
    })
}

/// Why the rules refuse a log that the broker signed: an entry that they refuse, or nothing if it ends
/// where it may not.
fn refused(transcript: &Transcript<'_>) -> Result<Option<ReplayError>, NoEvidence> {
    let mut replay = Replay::new();
    for line in transcript.lines() {
        let read = match line {
            TranscriptLine::Certificate(_) => Ok(()),
            TranscriptLine::Header(header) => replay.header(header),
            TranscriptLine::Entry(entry) => replay.push(entry).map(drop),
        };
        match read {
            Ok(()) => {}
            // Which headers there are, and where, whoever shows the log decides; the broker signed for
            // none of that. One that is there and too old is another matter: the entry names it.
            Err(
                error @ ReplayError::Header {
                    source:
                        HeaderError::Missing { .. }
                        | HeaderError::Superfluous { .. }
                        | HeaderError::Repeated { .. }
                        | HeaderError::Order { .. },
                    ..
                },
            ) => return Err(NoEvidence::Log(Box::new(error))),
            Err(error) => return Ok(Some(error)),
        }
    }
    let room = replay.finish().map_err(|error| NoEvidence::Log(Box::new(error)))?;
    match room.and_then(|room| room.cut_short()) {
        Some(_) => Ok(None),
        None => Err(NoEvidence::Consistent),
    }
}
