//! Rooms: a log of actions, and the pure fold that says what the log means (SPEC 7).
//!
//! The same fold runs in the broker before an entry is accepted, in every peer when it arrives,
//! and in the offline verifier long after. It reads no clock and nothing outside the log.
//!
//! - [`body`] what the actions carry, by verb; [`Code`] why one is refused
//! - [`Terms`] what every opening fixes; [`ledger`] rules for every entry
//! - [`kind`] what a kind of room is; [`auction`], [`reveal`] and [`passes`] one fold for each
//! - [`disclosure`] what the two sides of a reveal room show each other

use std::sync::Arc;

use crate::log::merkle;
use crate::log::stamp::{FullStamp, HeaderError, Headers, Stamp, StampError, VerifiedBatch};
use crate::log::{Entry, EntryError, Line};
use crate::room::action::{Action, ActionError};
use crate::trust::key::{OneTime, PublicKey, StampKey};
use crate::value::clock::Time;
use crate::value::codec::Digest;

pub mod action;
pub mod auction;
pub mod body;
mod code;
pub mod disclosure;
pub mod kind;
pub mod ledger;
pub mod message_box;
pub mod passes;
pub mod reveal;
mod terms;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod properties;

pub use auction::Auction;
pub use code::{BlobCode, Code, ErrorCode, Undecided, UnknownCode};
pub use kind::{Authored, Beyond, Kind, State};
pub use ledger::Ledger;
pub use message_box::MessageBox;
pub use passes::PassRoom;
pub use reveal::RevealRoom;
pub use terms::{Access, Terms};

/// An action with a stamp that was verified to be for exactly these bytes.
#[derive(Debug, Clone)]
pub struct Stamped {
    action: Action,
    stamp: Stamp,
    batch: Arc<VerifiedBatch>,
}

impl Stamped {
    /// Binds a stamp to an action (V-022).
    ///
    /// # Errors
    /// [`StampError::OtherDigest`] if the stamp is for other bytes or has another header.
    pub fn bind(
        action: Action,
        stamp: Stamp,
        batch: Arc<VerifiedBatch>,
    ) -> Result<Self, StampError> {
        stamp.covers(&action.digest(), &batch)?;
        Ok(Self { action, stamp, batch })
    }

    /// Binds a stamp that carries its header, by a TSA with one of these keys (V-020 to V-022).
    ///
    /// # Errors
    /// [`StampError`].
    pub fn open(
        action: Action,
        stamp: FullStamp,
        accepted: &[PublicKey<StampKey>],
    ) -> Result<Self, StampError> {
        let (stamp, batch) = stamp.open(accepted)?;
        Self::bind(action, stamp, batch.into())
    }

    /// The stamp with its header.
    #[must_use]
    pub fn full_stamp(&self) -> FullStamp {
        self.stamp.with(self.batch.compact())
    }

    /// The action.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// The stamp as transmitted.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The verified header of the stamp's batch.
    #[must_use]
    pub fn batch(&self) -> &VerifiedBatch {
        &self.batch
    }

    /// When the action existed at the latest.
    #[must_use]
    pub fn time(&self) -> Time {
        self.batch.time()
    }
}

/// The fold's word that an entry may be appended at one position. Made by `judge` only, so
/// nothing that was not judged can be appended.
#[derive(Debug)]
#[must_use]
pub struct Accepted {
    seq: u64,
    digest: Digest,
}

impl Accepted {
    /// The entry's position.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

/// An entry that was not judged as the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log has grown since the judgement, or another action was judged")]
pub struct NotJudged;

/// A room of any kind.
#[derive(Debug, Clone)]
pub struct Room {
    ledger: Ledger,
    state: State,
}

impl Room {
    /// Opens a room with its first entry; `leaf` is the hash of the encoded entry.
    ///
    /// Gives the tree hashes the entry completes, too, leaf first.
    ///
    /// # Errors
    /// The [`Code`] of the rule that the opening breaks.
    pub fn open(opening: &Stamped, leaf: Digest) -> Result<(Self, Vec<Digest>), Code> {
        let body = opening.action().body();
        // V-061: only an opening comes first.
        let terms = body.terms().ok_or(Code::VerbPhase)?;
        let (ledger, hashes) = Ledger::open(opening, terms, leaf)?;
        let state = body.open(opening).ok_or(Code::VerbPhase)??;
        Ok((Self { ledger, state }, hashes))
    }

    /// A room of what was kept of one.
    pub(crate) const fn of_parts(ledger: Ledger, state: State) -> Self {
        Self { ledger, state }
    }

    /// Decides about an action without changing anything.
    ///
    /// # Errors
    /// The [`Code`] of the first rule it breaks.
    pub fn judge(&self, entry: &Stamped) -> Result<Accepted, Code> {
        self.ledger.judge(entry)?;
        self.state.judge(&self.ledger, entry)?;
        Ok(Accepted { seq: self.ledger.head().size, digest: entry.action().digest() })
    }

    /// Appends what was just judged; `leaf` is the hash of the encoded entry.
    ///
    /// Gives the tree hashes the entry completes, leaf first.
    ///
    /// # Errors
    /// [`NotJudged`] if the log has grown since the judgement, or another action was judged.
    pub fn append(
        &mut self,
        accepted: &Accepted,
        entry: &Stamped,
        leaf: Digest,
    ) -> Result<Vec<Digest>, NotJudged> {
        let (seq, digest) = (self.ledger.head().size, entry.action().digest());
        if accepted.seq != seq || accepted.digest != digest {
            return Err(NotJudged);
        }
        self.state.append(&self.ledger, entry);
        let hashes = self.ledger.append(entry, leaf);
        self.state.appended(&self.ledger, entry);
        Ok(hashes)
    }

    /// What does not depend on the kind of room.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What its opening fixed.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        self.ledger.terms()
    }

    /// What depends on it. For one kind only, ask its fold: `Auction::of(&room)`.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.state.kind()
    }

    /// Whether nothing of consequence can follow.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.is_complete()
    }

    /// The rule that forbids the log to end here, if one does.
    #[must_use]
    pub fn cut_short(&self) -> Option<Code> {
        self.state.cut_short()
    }

    /// What a refusal by `code` rests on if the log alone accepts the action; `None` if nothing may.
    #[must_use]
    pub fn beyond_the_log(&self, code: Code, body: &body::Body) -> Option<Beyond> {
        self.state.beyond_the_log(code, body)
    }

    /// The key of the author of the entry at a position, of those that [`Authored::Entries`] is about.
    #[must_use]
    pub fn author_of(&self, seq: u64) -> Option<PublicKey<OneTime>> {
        self.state.author_of(seq)
    }
}

/// Why an entry of a log does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The bytes are no entry.
    #[error("the entry is malformed")]
    Entry(#[from] EntryError),
    /// Its position is not the next one.
    #[error("expected entry {expected}, got entry {got}")]
    Position {
        /// The next position.
        expected: u64,
        /// The entry's own.
        got: u64,
    },
    /// The action is malformed or badly signed.
    #[error("entry {seq}: the action does not hold")]
    Action {
        /// Position.
        seq: u64,
        /// What is wrong with it.
        #[source]
        source: ActionError,
    },
    /// The batch header that it names is not where it should be.
    #[error("entry {seq}: the batch headers are not in order")]
    Header {
        /// Position.
        seq: u64,
        /// What is wrong with it.
        #[source]
        source: HeaderError,
    },
    /// The stamp does not hold.
    #[error("entry {seq}: the stamp does not hold")]
    Stamp {
        /// Position.
        seq: u64,
        /// What is wrong with it.
        #[source]
        source: StampError,
    },
    /// The fold refuses the entry.
    #[error("entry {seq}: {} ({code})", code.message())]
    Rule {
        /// Position.
        seq: u64,
        /// The rule's code.
        code: Code,
    },
}

/// Where an entry's batch header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Right before the first entry that names it, and no other there (V-029).
    InLog,
    /// Among those of the entry's record (V-028).
    Record,
}

/// Replays a log from its bytes: the fold as a stranger runs it.
///
/// A header is handed over right before the first entry that names it ([`Replay::header`], V-029), or
/// else entries come with the headers of their record ([`Replay::push_of`], V-028).
#[derive(Debug, Clone, Default)]
pub struct Replay {
    room: Option<Room>,
    headers: Headers,
}

impl Replay {
    /// Starts with an empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with a room.
    pub(crate) fn from_room(room: Room) -> Self {
        Self { room: Some(room), headers: Headers::default() }
    }

    /// The room as far as replayed; `None` before the first entry.
    #[must_use]
    pub const fn room(&self) -> Option<&Room> {
        self.room.as_ref()
    }

    /// The room, once every entry was pushed.
    ///
    /// # Errors
    /// [`ReplayError::Header`] if a header was handed over last: no entry names it.
    pub fn finish(self) -> Result<Option<Room>, ReplayError> {
        self.expect_no_header()?;
        Ok(self.room)
    }

    /// Takes the batch header (compact JWS) that the next entry is the first to name.
    ///
    /// # Errors
    /// [`ReplayError::Header`] if the log had it before, or if no entry named the one before it.
    pub fn header(&mut self, compact: &str) -> Result<(), ReplayError> {
        self.expect_no_header()?;
        let seq = self.next();
        self.headers.give(compact).map_err(|source| ReplayError::Header { seq, source })
    }

    /// Verifies and folds the next entry, given as transmitted. On an error the room does not change.
    ///
    /// # Errors
    /// [`ReplayError`] naming the entry and the rule.
    pub fn push(&mut self, text: &str) -> Result<Stamped, ReplayError> {
        let mut headers = std::mem::take(&mut self.headers);
        let pushed = self.push_by(text, &mut headers, Beside::InLog);
        if let Some(horizon) = self.horizon() {
            headers.forget_before(horizon);
        }
        self.headers = headers;
        pushed
    }

    /// A stamp that is older than this is stale (V-035).
    fn horizon(&self) -> Option<Time> {
        let ledger = self.room.as_ref()?.ledger();
        Some(ledger.newest().minus(ledger.terms().freshness))
    }

    /// As [`Replay::header`] or [`Replay::push`], whichever the line is for.
    ///
    /// # Errors
    /// As those.
    pub fn line(&mut self, text: &str) -> Result<Option<Stamped>, ReplayError> {
        match Line::of(text) {
            Line::Header(header) => self.header(header).map(|()| None),
            Line::Entry(entry) => self.push(entry).map(Some),
        }
    }

    /// As [`Replay::push`], with the headers of the entry's record. Whether all of those were named is
    /// for the caller to see to: [`Headers::finish`].
    ///
    /// # Errors
    /// [`ReplayError`] naming the entry and the rule.
    pub fn push_of(&mut self, text: &str, headers: &mut Headers) -> Result<Stamped, ReplayError> {
        self.push_by(text, headers, Beside::Record)
    }

    /// What is judged first is the same for every reader: form and position, which headers are there,
    /// action, header, stamp, and then the fold.
    fn push_by(
        &mut self,
        text: &str,
        headers: &mut Headers,
        beside: Beside,
    ) -> Result<Stamped, ReplayError> {
        let entry = Entry::parse(text)?;
        let (seq, expected) = (entry.seq, self.next());
        if seq != expected {
            return Err(ReplayError::Position { expected, got: seq });
        }
        let header_error = |source| ReplayError::Header { seq, source };
        let named = headers.name(&entry.stamp.header).map_err(header_error)?;
        let is_past = self.horizon().is_some_and(|horizon| named.was_before(horizon));
        if beside == Beside::InLog {
            if let Some(header) = headers.unnamed() {
                return Err(header_error(HeaderError::Superfluous { header }));
            }
            // Of a long file no more is kept of such a header than that it was there (V-029).
            if is_past {
                return Err(header_error(HeaderError::Past { header: entry.stamp.header }));
            }
        }
        let action =
            Action::parse(&entry.action).map_err(|source| ReplayError::Action { seq, source })?;
        let opening = if self.room.is_none() { action.body().terms() } else { None };
        let terms = self.room.as_ref().map(Room::terms).or(opening.as_ref());
        // Without an opening there is no key by which a stamp could hold.
        let keys = terms.map_or(&[][..], |terms| &terms.stamps);
        let stamp_error = |source| ReplayError::Stamp { seq, source };
        let header = headers.name(&entry.stamp.header).map_err(header_error)?;
        let batch = header.open(keys).map_err(stamp_error)?;
        let leaf = merkle::leaf_hash(text.as_bytes());
        let stamped = Stamped::bind(action, entry.stamp, batch).map_err(stamp_error)?;
        let rule = |code| ReplayError::Rule { seq, code };
        match &mut self.room {
            None => self.room = Some(Room::open(&stamped, leaf).map_err(rule)?.0),
            Some(room) => {
                let accepted = room.judge(&stamped).map_err(rule)?;
                // It is the next one: it was judged on the line above.
                room.append(&accepted, &stamped, leaf)
                    .map_err(|NotJudged| rule(Code::VerbPhase))?;
            }
        }
        Ok(stamped)
    }

    fn next(&self) -> u64 {
        self.room.as_ref().map_or(0, |room| room.ledger().head().size)
    }

    fn expect_no_header(&self) -> Result<(), ReplayError> {
        let Some(header) = self.headers.unnamed() else { return Ok(()) };
        let (seq, source) = (self.next(), HeaderError::Superfluous { header });
        Err(ReplayError::Header { seq, source })
    }
}
