//! The offline verifier: what a stranger can check with nothing but bytes (SPEC 7.4).
//!
//! A room's opening action fixes the keys of its broker and TSAs, and the room's name is a hash of
//! that action. So whoever knows the name trusts no key that is not in the bytes given. Nothing
//! here asks a network, a clock or a store, and an error carries what shows the fault to others.

use crate::log::stamp::{StampError, VerifiedBatch};
use crate::log::{Head, HeadError, Origin, Receipt, ReceiptError, RoomName, cosignature};
use crate::room::action::{Action, ActionError};
use crate::room::body::Verb;
use crate::room::{Code, Replay, ReplayError, Room, Stamped, Terms};
use crate::trust::key::{Fingerprint, OneTime, PublicKey};
use crate::trust::witness::Operator;
use crate::value::clock::Time;
use crate::value::codec::Digest;

/// Why a log or a receipt does not hold. Keep it with the bytes that were checked: together they
/// are the evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no entry, so there is no room.
    #[error("the log is empty")]
    Empty,
    /// An entry does not hold.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The log ends where it may not: half of what belongs together is missing.
    #[error("the log ends where it may not: {code}")]
    CutShort {
        /// The rule's code.
        code: Code,
    },
    /// The head is not one the room's broker signed for this room.
    #[error("the head does not hold")]
    Head(#[from] HeadError),
    /// The head is over another number of entries.
    #[error("the head is over {head} entries, and the log has {log}")]
    Size {
        /// Entries that the head covers.
        head: u64,
        /// Entries given.
        log: u64,
    },
    /// The broker signed another log of the same size: this is a fork.
    #[error("the head's root is {head}, and the log's is {log}")]
    Root {
        /// The root that the broker signed.
        head: Digest,
        /// The root of the entries given.
        log: Digest,
    },
    /// The receipt's opening action is malformed or badly signed.
    #[error("the opening action does not hold")]
    Opening(#[source] ActionError),
    /// The receipt's opening action opens no room.
    #[error("the action that should open the room is a {verb}")]
    NotAnOpening {
        /// Its verb.
        verb: Verb,
    },
    /// Head, path or entry of the receipt do not fit together.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The receipt's action is malformed or badly signed.
    #[error("the action does not hold")]
    Action(#[source] ActionError),
    /// The receipt's action is for another room.
    #[error("the action is for room {got}, and the log is that of {expected}")]
    OtherRoom {
        /// The room of the log.
        expected: RoomName,
        /// The room that the action names.
        got: RoomName,
    },
    /// The receipt's stamp does not hold.
    #[error("the stamp does not hold")]
    Stamp(#[source] StampError),
    /// The entry breaks a rule that can be judged without the entries around it.
    #[error("entry {seq}: {} ({code})", code.message())]
    Rule {
        /// Position.
        seq: u64,
        /// The rule's code.
        code: Code,
    },
}

/// Replays a whole log, given as its lines ([`crate::log::lines()`], V-029), and checks the head over it
/// (V-060), with its cosignatures (V-141).
///
/// # Errors
/// [`VerifyError`] naming the first entry or the part of the head that does not hold.
pub fn log<T: AsRef<str>>(
    lines: impl IntoIterator<Item = T>,
    head_note: &str,
) -> Result<Room, VerifyError> {
    let mut replay = Replay::new();
    for line in lines {
        replay.line(line.as_ref())?;
    }
    let room = replay.finish()?.ok_or(VerifyError::Empty)?;
    if let Some(code) = room.cut_short() {
        return Err(VerifyError::CutShort { code });
    }
    let keys = &room.terms().broker;
    let origin = Origin { broker: keys.session.fingerprint(), room: room.ledger().name() };
    let head = Head::open(head_note, &origin, &keys.head)?;
    cosignature::cosignatures(head_note, &head, &room.terms().witnesses)?;
    let own = room.ledger().head();
    if head.size != own.size {
        return Err(VerifyError::Size { head: head.size, log: own.size });
    }
    if head.root != own.root {
        return Err(VerifyError::Root { head: head.root, log: own.root });
    }
    Ok(room)
}

/// What a receipt shows, every part of it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// The room.
    pub room: RoomName,
    /// Fingerprint of the broker that signed the head.
    pub broker: Fingerprint,
    /// Position of the entry.
    pub seq: u64,
    /// What the action does.
    pub verb: Verb,
    /// When the action existed at the latest.
    pub time: Time,
    /// Digest of the action: what author and TSA signed for.
    pub digest: Digest,
    /// The one-time key of the author, or the broker's entry key.
    pub key: PublicKey<OneTime>,
    /// Entries of the log that the head covers.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// What the log's opening fixes.
    pub terms: Terms,
    /// Operators of named witnesses that cosigned the head, each once, by name.
    pub cosigned: Vec<Operator>,
    /// Whether they make it final (V-141).
    pub is_final: bool,
}

/// Verifies a receipt with no network (V-061): the opening action, the room's name and keys in
/// it, the signed head, the entry's place in the log, its action and stamp, and every rule that the
/// opening alone decides.
///
/// That the fold accepts the entry at its position takes the whole log: see [`log`].
///
/// # Errors
/// [`VerifyError`] naming the first part that does not hold.
pub fn receipt(receipt: &Receipt) -> Result<VerifiedReceipt, VerifyError> {
    let opening = Action::parse(&receipt.opening).map_err(VerifyError::Opening)?;
    let terms = terms(&opening)?;
    let broker = terms.broker.session.fingerprint();
    let head = receipt.open_head(&terms.broker.head, &broker)?;
    let cosigned = cosignature::cosignatures(&receipt.head, &head, &terms.witnesses)?;
    let is_final = terms.is_final(&cosigned);
    let cosigned = cosignature::operators(&cosigned).into_iter().cloned().collect();
    let entry = receipt.included_in(&head)?;
    let seq = entry.seq;
    let action = Action::parse(&entry.action).map_err(VerifyError::Action)?;
    let batch = VerifiedBatch::open(&receipt.header, &terms.stamps).map_err(VerifyError::Stamp)?;
    let stamped = Stamped::bind(action, entry.stamp, batch.into()).map_err(VerifyError::Stamp)?;
    let room = receipt.room();
    judge_alone(&stamped, seq, room, &opening)?;
    let action = stamped.action();
    Ok(VerifiedReceipt {
        room,
        broker,
        seq,
        verb: action.body().verb(),
        time: stamped.time(),
        digest: action.digest(),
        key: *action.key(),
        size: head.size,
        root: head.root,
        cosigned,
        is_final,
        terms,
    })
}

/// What an opening fixes.
pub(crate) fn terms(opening: &Action) -> Result<Terms, VerifyError> {
    let body = opening.body();
    body.terms().ok_or_else(|| VerifyError::NotAnOpening { verb: body.verb() })
}

/// The rules that need no other entry: what every log obeys at this position, and what a room with
/// this opening can hold at all.
fn judge_alone(
    stamped: &Stamped,
    seq: u64,
    room: RoomName,
    opening: &Action,
) -> Result<(), VerifyError> {
    let action = stamped.action();
    let rule = |code| VerifyError::Rule { seq, code };
    if action.opens_a_room() != (seq == 0) {
        return Err(rule(Code::VerbPhase));
    }
    if seq == 0 {
        // It is the room's own opening, and its fold says whether it opens one.
        return Room::open(stamped, Digest([0; 32])).map(drop).map_err(rule);
    }
    if action.room() != room {
        return Err(VerifyError::OtherRoom { expected: room, got: action.room() });
    }
    let terms = terms(opening)?;
    if action.is_by(&terms.broker.entry) != action.body().is_brokers() {
        return Err(rule(Code::VerbAuthor));
    }
    if action.seen().size > seq {
        return Err(rule(Code::SeenFalse));
    }
    opening.body().judge_alone(stamped).map_err(rule)
}

#[cfg(test)]
mod tests;
