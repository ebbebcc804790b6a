//! Rooms as the desk holds them: a verified copy of each log, and how far it can be acted upon.

mod receive;

use std::sync::Arc;

use pregao_protocol::log::merkle;
use pregao_protocol::log::{self, Logged};
use pregao_protocol::room::{Replay, Room, Stamped};
use pregao_protocol::trust::key::{OneTime, PublicKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;
use uuid::Uuid;

use super::kinds::Notes;
use super::witnessed::Witnessed;

/// Whether the user wants a room to be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::desk) enum Wish {
    /// They said nothing of it.
    None,
    /// They asked for it, or act in it.
    Asked,
    /// They left it.
    Left,
}

/// Whether the broker is to send the entries of a room.
#[derive(Debug)]
enum Following {
    /// It has no place among those that are followed.
    No,
    /// It has one.
    Yes,
    /// The broker does not show it.
    Denied(Report),
}

/// How far the broker has shown a room, if it was asked for: since it was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Entries are still to come.
    Behind,
    /// All of them agree with the newest signed head.
    CaughtUp,
    /// The broker could not read the log, and was not asked again yet (V-099). The user was told.
    Unreadable,
    /// The broker could not read the log, and was asked again.
    AskedAgain,
}

/// What follows from comparing a log with what the broker signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    /// Nothing that was signed is missing or contradicts the entries.
    Sound,
    /// The broker signed a longer log and does not show it.
    Owing,
    /// Something did not verify: nothing more of the room is believed.
    Broken,
}

/// As whom the desk asked for a room last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// As anybody may who reads it.
    AsAnybody,
    /// With a proof of membership.
    AsMember,
}

/// Whether the user has heard that the broker cannot read a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::desk) enum ReadFailure {
    /// Not yet.
    First,
    /// Yes, and the log was not read since.
    Again,
}

/// One room, as far as it was verified.
#[derive(Debug)]
pub(in crate::desk) struct Replica {
    replay: Replay,
    wish: Wish,
    following: Following,
    reading: Reading,
    agreement: Agreement,
    asking: Asking,
    /// How often it was asked for in this session without an answer yet. What comes meanwhile was sent
    /// for an earlier request and comes again.
    unanswered: u32,
    /// The opening as listed, shown while the room is not followed.
    listed: Replay,
    /// First entry's action, for receipts; empty while only the name is known.
    opening: String,
    /// Every entry, as logged.
    texts: Vec<String>,
    /// For every entry the batch header that it names.
    headers: Vec<Arc<str>>,
    /// Leaf hashes of every entry.
    leaves: Vec<Digest>,
    /// Root of the log with each entry.
    roots: Vec<Digest>,
    /// Identifier and key of every entry's action.
    actions: Vec<(Uuid, PublicKey<OneTime>)>,
    /// Positions of the user's own entries.
    own: Vec<u64>,
    /// The newest head that agreed with the replay.
    head: Option<(u64, String)>,
    /// Own entries that still lack a receipt: their positions.
    unreceipted: Vec<u64>,
    /// What its kind of room remembers besides.
    pub(in crate::desk) notes: Notes,
    /// How far witnesses cosigned it.
    pub(in crate::desk) witnessed: Witnessed,
}

impl Replica {
    /// A room of which only the name is known.
    pub(in crate::desk) fn named() -> Self {
        Self::listed(String::new(), Replay::new())
    }

    /// A room that the broker lists, with its opening.
    fn listed(opening: String, listed: Replay) -> Self {
        Self {
            replay: Replay::new(),
            wish: Wish::None,
            following: Following::No,
            reading: Reading::Behind,
            agreement: Agreement::Sound,
            asking: Asking::AsAnybody,
            unanswered: 0,
            listed,
            opening,
            texts: Vec::new(),
            headers: Vec::new(),
            leaves: Vec::new(),
            roots: Vec::new(),
            actions: Vec::new(),
            own: Vec::new(),
            head: None,
            unreceipted: Vec::new(),
            notes: Notes::default(),
            witnessed: Witnessed::default(),
        }
    }

    pub(in crate::desk) fn room(&self) -> Option<&Room> {
        self.replay.room()
    }

    /// The room as far as it is known: replayed, or as listed.
    pub(in crate::desk) fn known(&self) -> Option<&Room> {
        self.room().or_else(|| self.listed.room().filter(|_| !self.is_broken()))
    }

    /// Whether anybody may read it, as far as it is known.
    pub(in crate::desk) fn is_public(&self) -> bool {
        self.known().is_some_and(|room| room.terms().is_public())
    }
}

/// Who wants it, and whether it is followed.
impl Replica {
    pub(in crate::desk) const fn wish(&self) -> Wish {
        self.wish
    }

    /// The user asks for it, or acts in it.
    pub(in crate::desk) const fn ask_for(&mut self) {
        self.wish = Wish::Asked;
    }

    /// The user leaves it.
    pub(in crate::desk) fn leave(&mut self) {
        self.wish = Wish::Left;
        self.unfollow();
    }

    pub(in crate::desk) const fn is_followed(&self) -> bool {
        matches!(self.following, Following::Yes)
    }

    pub(in crate::desk) fn follow(&mut self) {
        self.following = Following::Yes;
    }

    /// Gives up its place. Whether it had one.
    pub(in crate::desk) fn unfollow(&mut self) -> bool {
        let had_one = self.is_followed();
        if had_one {
            self.following = Following::No;
        }
        had_one
    }

    /// Notes that the broker does not show it.
    pub(in crate::desk) fn deny(&mut self, report: Report) {
        self.following = Following::Denied(report);
    }

    /// Why the broker does not show it, if it does not.
    pub(in crate::desk) const fn denial(&self) -> Option<&Report> {
        match &self.following {
            Following::Denied(report) => Some(report),
            Following::No | Following::Yes => None,
        }
    }

    /// Forgets that the broker did not show it: it may be asked for again.
    pub(in crate::desk) fn excuse_denial(&mut self) {
        if self.denial().is_some() {
            self.following = Following::No;
        }
    }
}

/// How far the broker has shown it.
impl Replica {
    /// A session begins: what was asked in the last one is answered no more.
    pub(in crate::desk) fn begin_session(&mut self) {
        self.excuse_denial();
        self.unanswered = 0;
    }

    /// Notes that it is asked for from where it is held.
    fn begin_asking(&mut self, asking: Asking) {
        self.reading = match self.reading {
            Reading::Behind | Reading::CaughtUp => Reading::Behind,
            Reading::Unreadable | Reading::AskedAgain => Reading::AskedAgain,
        };
        self.unanswered = self.unanswered.saturating_add(1);
        self.asking = asking;
    }

    fn awaits_an_answer(&self) -> bool {
        self.unanswered > 0
    }

    /// Takes an answer to one request for it. Whether it is the answer to the last.
    fn take_answer(&mut self) -> bool {
        if self.unanswered == 0 {
            return false;
        }
        self.unanswered -= 1;
        self.unanswered == 0
    }

    /// Notes that the broker could not read its log.
    pub(in crate::desk) fn fail_to_read(&mut self) -> ReadFailure {
        match std::mem::replace(&mut self.reading, Reading::Unreadable) {
            Reading::Behind | Reading::CaughtUp => ReadFailure::First,
            Reading::Unreadable | Reading::AskedAgain => ReadFailure::Again,
        }
    }

    fn is_to_be_asked_again(&self) -> bool {
        self.is_followed() && self.reading == Reading::Unreadable
    }

    /// Notes a head of so many entries that agrees with the replay.
    fn catch_up(&mut self, size: u64, head: &str) {
        self.head = Some((size, head.to_owned()));
        self.reading = Reading::CaughtUp;
    }

    /// Whether it agrees with the newest head since it was asked for last.
    pub(in crate::desk) fn is_caught_up(&self) -> bool {
        self.reading == Reading::CaughtUp
    }

    /// Whether entries are still to come that lead up to a signed head.
    pub(in crate::desk) fn is_awaited(&self) -> bool {
        self.is_followed() && !self.is_broken() && !self.is_caught_up()
    }
}

/// What is believed of it.
impl Replica {
    pub(in crate::desk) fn is_broken(&self) -> bool {
        self.agreement == Agreement::Broken
    }

    /// Notes that something did not verify.
    fn stop_believing(&mut self) {
        self.agreement = Agreement::Broken;
    }

    /// Notes that the broker signed a longer log and does not show it.
    pub(in crate::desk) fn owe(&mut self) {
        if !self.is_broken() {
            self.agreement = Agreement::Owing;
        }
    }

    /// Notes that nothing is owed.
    pub(in crate::desk) fn settle_debt(&mut self) {
        if !self.is_broken() {
            self.agreement = Agreement::Sound;
        }
    }

    /// Whether a signed head agrees with every entry held, and no more is owed.
    pub(in crate::desk) fn is_verified(&self) -> bool {
        self.agreement == Agreement::Sound && self.covered() == Some(self.size())
    }

    /// How many entries the newest head covers that agreed with the replay.
    pub(in crate::desk) fn covered(&self) -> Option<u64> {
        self.head.as_ref().map(|(size, _)| *size)
    }

    /// The newest head that agreed with the replay, as signed.
    pub(in crate::desk) fn head(&self) -> Option<&str> {
        self.head.as_ref().map(|(_, note)| note.as_str())
    }

    /// The newest head over exactly the entries held, with whatever cosignatures came for it.
    pub(in crate::desk) fn whole_head(&self) -> Option<&str> {
        self.head.as_ref().filter(|(size, _)| *size == self.size()).map(|(_, note)| note.as_str())
    }

    /// The root that the log had at a size, as far as a signed head covers it.
    pub(in crate::desk) fn verified_root(&self, size: u64) -> Option<Digest> {
        let covered = self.covered().unwrap_or(0);
        if size == 0 && covered > 0 {
            return Some(merkle::empty_root());
        }
        let at = usize::try_from(size.checked_sub(1)?).ok()?;
        self.roots.get(at).filter(|_| size <= covered).copied()
    }
}

/// The log.
impl Replica {
    /// Adds an entry that was replayed.
    fn push(&mut self, stamped: &Stamped, text: &str) {
        if self.size() == 0 {
            stamped.action().compact().clone_into(&mut self.opening);
        }
        self.texts.push(text.to_owned());
        self.headers.push(stamped.batch().shared());
        self.leaves.push(merkle::leaf_hash(text.as_bytes()));
        self.roots.extend(self.replay.room().map(|room| room.ledger().head().root));
        self.actions.push((stamped.action().id(), *stamped.action().key()));
    }

    pub(in crate::desk) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The first entry's action; `None` while only the name is known.
    pub(in crate::desk) fn opening(&self) -> Option<&str> {
        Some(self.opening.as_str()).filter(|opening| !opening.is_empty())
    }

    /// An entry as logged.
    pub(in crate::desk) fn text(&self, seq: u64) -> Option<&str> {
        self.texts.get(usize::try_from(seq).ok()?).map(String::as_str)
    }

    /// Identifier and key of an entry's action.
    pub(in crate::desk) fn action(&self, seq: u64) -> Option<(Uuid, PublicKey<OneTime>)> {
        self.actions.get(usize::try_from(seq).ok()?).copied()
    }

    /// Leaf hashes of the first entries, if there are so many.
    pub(in crate::desk) fn leaves(&self, size: u64) -> Option<&[Digest]> {
        self.leaves.get(..usize::try_from(size).ok()?)
    }

    /// Positions of the user's own entries.
    pub(in crate::desk) fn own(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.own.iter().copied()
    }

    /// Whether the entry at a position is the user's own.
    pub(in crate::desk) fn is_own(&self, seq: u64) -> bool {
        self.own.contains(&seq)
    }

    /// Every entry with its header.
    pub(in crate::desk) fn logged(&self) -> impl Iterator<Item = Logged<'_>> {
        let entries = self.texts.iter().zip(&self.headers);
        entries.map(|(entry, header)| Logged { entry, header })
    }

    /// The log as lines, each header right before the first entry that names it.
    pub(in crate::desk) fn lines(&self) -> Vec<String> {
        log::lines(self.logged())
    }
}

#[cfg(test)]
mod tests;
