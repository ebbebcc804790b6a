//! The offline verifier: what a stranger can check with nothing but bytes (SPEC 7.4).
//!
//! A room's opening action fixes the keys of its broker and TSAs, and the room's name is a hash of
//! that action. So whoever knows the name trusts no key that is not in the bytes at hand. Nothing
//! here asks a network, a clock or a store, and an error carries what shows the fault to others.

use crate::action::{Action, ActionError};
use crate::clock::Time;
use crate::codec::Digest;
use crate::evidence::NoEvidence;
use crate::key::{Fingerprint, OneTime, PublicKey, StampKey};
use crate::log::{Head, HeadError, Origin, Receipt, ReceiptError, RoomName};
use crate::room::body::BrokerKeys;
use crate::room::{Code, Replay, ReplayError, Room, Stamped, Terms};
use crate::stamp::{StampError, VerifiedBatch};

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
        /// Entries at hand.
        log: u64,
    },
    /// The broker signed another log of the same size: this is a fork.
    #[error("the head's root is {head}, and the log's is {log}")]
    Root {
        /// The root that the broker signed.
        head: Digest,
        /// The root of the entries at hand.
        log: Digest,
    },
    /// The receipt's opening action is malformed or badly signed.
    #[error("the opening action does not hold")]
    Opening(#[source] ActionError),
    /// The receipt's opening action opens no room.
    #[error("the action that should open the room is a {verb}")]
    NotAnOpening {
        /// Its verb.
        verb: &'static str,
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
    #[error("entry {seq}: {code}")]
    Rule {
        /// Position.
        seq: u64,
        /// The rule's code.
        code: Code,
    },
}

/// Replays a whole log, given as its lines ([`crate::log::lines()`], V-029), and checks the head over it
/// (V-060).
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// The room.
    pub room: RoomName,
    /// Fingerprint of the broker that signed the head.
    pub broker: Fingerprint,
    /// Position of the entry.
    pub seq: u64,
    /// What the action does.
    pub verb: &'static str,
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
}

/// Verifies a receipt with no network (V-061): the opening action, the room's name and keys in
/// it, the entry's action and stamp, its place in the log, and the signed head.
///
/// That the fold accepts the entry where it stands takes the whole log: see [`log`].
///
/// # Errors
/// [`VerifyError`] naming the first part that does not hold.
pub fn receipt(receipt: &Receipt) -> Result<VerifiedReceipt, VerifyError> {
    let opening = Action::parse(&receipt.opening).map_err(VerifyError::Opening)?;
    let terms = terms(&opening)?;
    let keys = &terms.broker;
    let broker = keys.session.fingerprint();
    let (entry, head) = receipt.check_inclusion(&keys.head, &broker)?;
    let seq = entry.seq;
    let action = Action::parse(&entry.action).map_err(VerifyError::Action)?;
    let (expected, got) = (receipt.room(), action.room());
    if got != expected {
        return Err(VerifyError::OtherRoom { expected, got });
    }
    let batch = VerifiedBatch::open(&receipt.header, &terms.stamps).map_err(VerifyError::Stamp)?;
    let stamped = Stamped::bind(action, entry.stamp, batch.into()).map_err(VerifyError::Stamp)?;
    let action = stamped.action();
    judge_alone(action, seq, keys).map_err(|code| VerifyError::Rule { seq, code })?;
    Ok(VerifiedReceipt {
        room: expected,
        broker,
        seq,
        verb: action.body().verb(),
        time: stamped.time(),
        digest: action.digest(),
        key: *action.key(),
        size: head.size,
        root: head.root,
    })
}

/// What an opening fixes.
pub(crate) fn terms(opening: &Action) -> Result<Terms, VerifyError> {
    let body = opening.body();
    body.terms().ok_or_else(|| VerifyError::NotAnOpening { verb: body.verb() })
}

/// The rules of the fold that need no other entry: who may do this, that only the first entry
/// opens, and that nobody saw more of the log than there was.
fn judge_alone(action: &Action, seq: u64, keys: &BrokerKeys) -> Result<(), Code> {
    if action.is_by(&keys.entry) != action.body().is_brokers() {
        return Err(Code::VerbAuthor);
    }
    if action.opens_a_room() != (seq == 0) {
        return Err(Code::VerbPhase);
    }
    if action.seen().size > seq { Err(Code::SeenFalse) } else { Ok(()) }
}

/// What two batch headers of one TSA contradict each other in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// Different headers under one number.
    Number,
    /// Different headers after the same predecessor.
    Predecessor,
    /// The larger number has the earlier time, or says so of its predecessor.
    Order,
    /// Neighbours by number, and the later one names another predecessor.
    Chain,
}

/// Two batch headers that one TSA cannot honestly have signed: evidence against it (V-063).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsaContradiction {
    /// Fingerprint of the TSA's stamp key.
    pub tsa: Fingerprint,
    /// What they contradict each other in.
    pub kind: Contradiction,
    /// The two signed headers as transmitted, in the order of the arguments.
    pub batches: [String; 2],
}

/// Shows that a TSA contradicts itself: two validly signed headers (compact JWS) with the same
/// number, with the same predecessor, or out of order (V-063).
///
/// # Errors
/// [`NoEvidence`] if one is not by this key or both can be true.
pub fn contradiction(
    first: &str,
    second: &str,
    key: &PublicKey<StampKey>,
) -> Result<TsaContradiction, NoEvidence> {
    let one = VerifiedBatch::open(first, &[*key])?;
    let two = VerifiedBatch::open(second, &[*key])?;
    let kind = contradicted(&one, &two).ok_or(NoEvidence::Consistent)?;
    Ok(TsaContradiction {
        tsa: key.fingerprint(),
        kind,
        batches: [first.to_owned(), second.to_owned()],
    })
}

fn contradicted(one: &VerifiedBatch, two: &VerifiedBatch) -> Option<Contradiction> {
    if one.hash() == two.hash() {
        return None;
    }
    let (early, late) =
        if one.header().batch <= two.header().batch { (one, two) } else { (two, one) };
    let (before, after) = (early.header(), late.header());
    if before.batch == after.batch {
        Some(Contradiction::Number)
    } else if before.prev == after.prev {
        Some(Contradiction::Predecessor)
    } else if before.time > after.time || before.time > after.prev_time {
        Some(Contradiction::Order)
    } else if before.batch.checked_add(1) == Some(after.batch)
        && (after.prev != early.hash() || after.prev_time != before.time)
    {
        Some(Contradiction::Chain)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
