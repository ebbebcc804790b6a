//! Whether a signed refusal is true, by the log that it names (SPEC 7.5).
//!
//! A refusal that nobody replays is an opinion. It names the log it was decided on and the header
//! of the stamp it was decided by, so that whoever has both decides again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Shown, opened, vouched};
use crate::audit::verify;
use crate::log::Origin;
use crate::log::stamp::{Headers, Stamp, VerifiedBatch};
use crate::room::action::Action;
use crate::room::body::{Body, BrokerKeys, SameAuthor};
use crate::room::{Authored, Beyond, Code, Replay, Room, Stamped};
use crate::trust::key::{OneTime, PublicKey};
use crate::value::codec::Digest;
use crate::wire::refusal::Refusal;

/// How far a broker may carry the TSA's time forward from the newest header (SPEC 7.3).
pub const CARRIED: Duration = Duration::from_secs(2);

/// What a refusal that is not false rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// The evidence itself shows it.
    Shown,
    /// The broker's word: nothing in the evidence shows it, and nothing contradicts it.
    Word,
}

/// Why a refusal is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Falsehood {
    /// The rules give another code at this point of the log.
    #[error("the log gives {0}")]
    Other(Code),
    /// The rules accept the action at this point of the log.
    #[error("by the log the action was to be accepted")]
    Acceptable,
    /// A common author is not shown, or shown of other entries than those that matter.
    #[error("no common author is shown")]
    SameAuthor,
    /// It shows a common author, which is no reason for its code.
    #[error("it shows a common author, which is no reason here")]
    Superfluous,
    /// The header that it names does not make the stamp too old.
    #[error("the stamp is not too old by the header that it names")]
    NotStale,
    /// It says until when a persona is not taken where that is no reason, or is over by the header that it names, or does not
    /// say it.
    #[error("until when it holds is not said, or is over, or is no reason here")]
    Until,
    /// It names a log in which there was nothing to decide.
    #[error("it names a log of another kind of action")]
    Nothing,
}

/// Judges a refusal of `stamped`. `room` is the fold of the log that the refusal names, or nothing
/// if that log is empty. That refusal, action, stamp and log belong together is for the caller to
/// see to.
///
/// # Errors
/// [`Falsehood`] (V-071).
pub fn judge(
    refusal: &Refusal,
    stamped: &Stamped,
    room: Option<&Room>,
) -> Result<Grounds, Falsehood> {
    let action = stamped.action();
    if action.opens_a_room() == room.is_some() {
        return Err(Falsehood::Nothing);
    }
    // What is signed is read: nobody's authorship is shown beside the point.
    let by_author = matches!(refusal.code, Code::BidOwnItem | Code::BidLimit);
    if !by_author && !refusal.same_author.is_empty() {
        return Err(Falsehood::Superfluous);
    }
    if refusal.code != Code::DoorForfeited && refusal.until.is_some() {
        return Err(Falsehood::Until);
    }
    let due = match room {
        Some(room) => room.judge(stamped).map(drop),
        None => Room::open(stamped, Digest([0; 32])).map(drop),
    };
    match due {
        Err(code) if code == refusal.code => return Ok(Grounds::Shown),
        Err(code) => return Err(Falsehood::Other(code)),
        Ok(()) => {}
    }
    let beyond = match (refusal.code, room) {
        (Code::DoorStale, _) => return stale(refusal, stamped, room),
        (Code::DoorForfeited, _) => return forfeited(refusal, stamped, room),
        (Code::DoorCitizen, None) => asks_for_citizens(action.body()).then_some(Beyond::Word),
        // The broker knows its own keys.
        (Code::ListingKeys, None) => Some(Beyond::Word),
        (code, Some(room)) => room.beyond_the_log(code, action.body()),
        (_, None) => None,
    };
    match (beyond, room) {
        (Some(Beyond::SameAuthor(of)), Some(room)) => same_author(refusal, action, room, of),
        (Some(Beyond::Word), _) => Ok(Grounds::Word),
        (Some(Beyond::SameAuthor(_)) | None, _) => Err(Falsehood::Acceptable),
    }
}

/// V-072, V-203: the earlier entries are those that matter, each once, and a ratio leads from the key of each to the
/// action's.
fn same_author(
    refusal: &Refusal,
    action: &Action,
    room: &Room,
    of: Authored,
) -> Result<Grounds, Falsehood> {
    let shown = &refusal.same_author;
    let (count, key_of): (usize, &dyn Fn(u64) -> Option<PublicKey<OneTime>>) = match of {
        Authored::Opening => (1, &|seq| (seq == 0).then(|| *room.ledger().opened_by())),
        Authored::Entries(count) => (count, &|seq| room.author_of(seq)),
    };
    let by_author = |same: &SameAuthor| {
        key_of(same.seq).is_some_and(|key| same.ratio.verify(&key, action.key()).is_ok())
    };
    let once = shown.is_sorted_by(|one, two| one.seq < two.seq);
    let holds = shown.len() == count && once && shown.iter().all(by_author);
    if holds { Ok(Grounds::Shown) } else { Err(Falsehood::SameAuthor) }
}

/// The longest pause for whoever stayed away from a deal (V-225).
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 86_400);

/// V-225: the time said is still to come by the header named, and not longer than a pause may be. The rest only the author
/// knows.
fn forfeited(
    refusal: &Refusal,
    stamped: &Stamped,
    room: Option<&Room>,
) -> Result<Grounds, Falsehood> {
    if room.is_some() && !matches!(stamped.action().body(), Body::Bid(_) | Body::SealedBid(_)) {
        return Err(Falsehood::Acceptable);
    }
    let newest = newest(refusal, stamped, room).map_err(|_| Falsehood::Until)?;
    let latest = newest.time().plus(LONGEST_PAUSE);
    if refusal.until.is_some_and(|until| until > newest.time() && until <= latest) {
        Ok(Grounds::Word)
    } else {
        Err(Falsehood::Until)
    }
}

/// V-222: whether this lists where personas of citizens are asked for.
fn asks_for_citizens(body: &Body) -> bool {
    matches!(body, Body::List(listing) if listing.citizens.is_some())
}

/// V-073: the header named is by a TSA that counts here, and its time, carried forward as far as a
/// broker may, is more than F after the stamp.
fn stale(refusal: &Refusal, stamped: &Stamped, room: Option<&Room>) -> Result<Grounds, Falsehood> {
    let opening = if room.is_none() { stamped.action().body().terms() } else { None };
    let terms = room.map(Room::terms).or(opening.as_ref()).ok_or(Falsehood::Nothing)?;
    let newest = newest(refusal, stamped, room)?;
    let until = stamped.time().plus(terms.freshness);
    if until < newest.time().plus(CARRIED) { Ok(Grounds::Shown) } else { Err(Falsehood::NotStale) }
}

/// The header that a refusal names, by a TSA that counts where it was given.
fn newest(
    refusal: &Refusal,
    stamped: &Stamped,
    room: Option<&Room>,
) -> Result<VerifiedBatch, Falsehood> {
    let opening = if room.is_none() { stamped.action().body().terms() } else { None };
    let terms = room.map(Room::terms).or(opening.as_ref()).ok_or(Falsehood::Nothing)?;
    let newest = VerifiedBatch::open(&refusal.header, &terms.stamps).ok();
    newest.filter(|newest| newest.hash() == refusal.batch).ok_or(Falsehood::NotStale)
}

/// A signed refusal that is false by the log that it names (V-071).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalseRefusal {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The refused action (compact JWS).
    pub action: String,
    /// The stamp it was handed in with.
    pub stamp: Stamp,
    /// The signed refusal.
    pub refusal: String,
    /// Batch headers that the entries and the stamp name, each once, in the order in which they first
    /// name them, the stamp last (V-028).
    pub headers: Vec<String>,
    /// The log that it names, entry by entry; empty for a listing.
    pub log: Vec<String>,
}

impl FalseRefusal {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let action = Action::parse(&self.action)?;
        let mut headers = Headers::of(&self.headers, self.log.len().saturating_add(1))?;
        let mut replay = Replay::new();
        for entry in &self.log {
            let pushed = replay.push_of(entry, &mut headers);
            pushed.map_err(|error| NoEvidence::Log(Box::new(error)))?;
        }
        let room = replay.room();
        let (origin, keys) = match room {
            Some(room) => {
                let keys = &room.terms().broker;
                (vouched(keys, room.ledger().name(), &self.certificate)?, *keys)
            }
            None => opened(&self.action, &self.certificate)?,
        };
        let seen =
            room.map_or_else(crate::room::action::Seen::nothing, |room| room.ledger().head());
        let stamped = handed_in(action, &self.stamp, room, &mut headers)?;
        headers.finish()?;
        let refusal = refusal_of(&self.refusal, &origin, &keys, &stamped)?;
        if (refusal.size, refusal.root) != (seen.size, seen.root) {
            return Err(NoEvidence::OtherThing);
        }
        match judge(&refusal, &stamped, room) {
            Ok(_) => Err(NoEvidence::Consistent),
            Err(false_by) => {
                let what = format!("refused an action as {} falsely: {false_by}", refusal.code);
                Ok(Shown { by: origin.broker, room: Some(origin.room), what })
            }
        }
    }
}

/// The action with its stamp, by the stamp keys that count in its room.
fn handed_in(
    action: Action,
    stamp: &Stamp,
    room: Option<&Room>,
    headers: &mut Headers,
) -> Result<Stamped, NoEvidence> {
    let opening = if room.is_none() { action.body().terms() } else { None };
    let terms = room.map(Room::terms).or(opening.as_ref());
    let keys = terms.map_or(&[][..], |terms| &terms.stamps);
    let batch = headers.name(&stamp.header)?.open(keys)?;
    Ok(Stamped::bind(action, stamp.clone(), batch)?)
}

/// The refusal, if it is this broker's, of this action with this stamp.
fn refusal_of(
    compact: &str,
    origin: &Origin,
    keys: &BrokerKeys,
    stamped: &Stamped,
) -> Result<Refusal, NoEvidence> {
    let refusal = Refusal::open(compact, &keys.entry)?;
    let of_this = refusal.digest == stamped.action().digest()
        && refusal.room == origin.room
        && refusal.stamp == stamped.batch().hash();
    if of_this { Ok(refusal) } else { Err(NoEvidence::OtherThing) }
}

/// An action that the broker refused under its signature and logged all the same (V-074): the
/// first answer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedAndLogged {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The signed refusal.
    pub refusal: String,
    /// The receipt of the entry.
    pub receipt: crate::log::Receipt,
}

impl RefusedAndLogged {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let (origin, keys) = opened(&self.receipt.opening, &self.certificate)?;
        let logged = verify::receipt(&self.receipt).map_err(NoEvidence::Receipt)?;
        let refusal = Refusal::open(&self.refusal, &keys.entry)?;
        if refusal.digest != logged.digest || refusal.room != origin.room {
            return Err(NoEvidence::OtherThing);
        }
        let (code, seq) = (refusal.code, logged.seq);
        let what = format!("refused an action as {code} and logged it as entry {seq}");
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}
