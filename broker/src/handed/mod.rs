//! Which one-time keys of boxes were handed out, and to which pass: noted durably before anybody is told (V-292).
//!
//! One number for each open stock: all keys before it were handed out, or used. So a restart hands nothing out again. A file
//! that is lost or restored from a backup can: then the fold refuses the second letter, and its sender is given the signed
//! key alone. What a pass was given is remembered until the day after it, for then nobody can show it any more.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::OnceKey;
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::handed::Given;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use crate::store::file::{self, Format};
use crate::store::{OpenError, StoreError};

/// Name of the file.
pub const HANDED_FILE: &str = "handed.db";

const FORMAT: Format = Format { application_id: 0x5072_4b68, migrations: &[FIRST] };

const FIRST: &str = "
CREATE TABLE stock (
    room BLOB NOT NULL CHECK (length(room) = 32),
    root BLOB NOT NULL CHECK (length(root) = 32),
    next INTEGER NOT NULL,
    PRIMARY KEY (room, root)
) STRICT, WITHOUT ROWID;
CREATE TABLE pass (
    pass BLOB NOT NULL PRIMARY KEY CHECK (length(pass) = 32),
    room BLOB NOT NULL CHECK (length(room) = 32),
    root BLOB CHECK (length(root) = 32),
    place INTEGER,
    kept_back INTEGER NOT NULL,
    day INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pass_day ON pass (day);
";

/// A stock whose keys may be handed out.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Its root.
    pub(crate) root: Digest,
    /// How many keys it has.
    pub(crate) count: u32,
    /// Those to which a letter was sealed.
    pub(crate) used: BTreeSet<u32>,
}

/// What a pass is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The one-time key, if it is given one.
    pub(crate) once: Option<OnceKey>,
    /// Whether it is, and if not, why.
    pub(crate) given: Given,
    /// Whether it was noted now, and not before.
    pub(crate) is_new: bool,
}

/// What was handed out. Calls block. Cheap to clone.
#[derive(Clone)]
pub struct HandedOut(Arc<Mutex<Inner>>);

struct Inner {
    connection: Connection,
    /// Passes of days before this one are forgotten.
    forgotten: u32,
}

impl fmt::Debug for HandedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandedOut(..)")
    }
}

impl HandedOut {
    /// Opens the file in `folder`, or creates it for its owner alone.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with it and what to do.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(HANDED_FILE);
        let connection = file::open(&path, &FORMAT)?;
        // To whom a pass wrote is nobody's business once it can be shown no more.
        let set = connection.pragma_update(None, "secure_delete", true);
        set.map_err(|source| OpenError::Other { path, source })?;
        Ok(Self(Arc::new(Mutex::new(Inner { connection, forgotten: 0 }))))
    }

    /// Notes what a pass is given of a box, and gives it: the same again if it was given something there before; nothing if
    /// that was another box. `stocks` are those open now, the oldest first; `may_hand` whether a one-time key may be given
    /// that was not before.
    ///
    /// # Errors
    /// A failure of the store: nothing was given.
    pub(crate) fn hand(
        &self,
        pass: Digest,
        room: RoomName,
        day: Day,
        stocks: &[Candidate],
        may_hand: bool,
    ) -> Result<Option<Noted>, StoreError> {
        let mut inner = self.0.lock();
        let connection = &mut inner.connection;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some((of, noted)) = before(&transaction, pass)? {
            return Ok((of == room.0).then_some(noted));
        }
        let once = if may_hand { next(&transaction, room, stocks)? } else { None };
        let given = match once {
            Some(_) => Given::Once,
            None if may_hand => Given::NoneLeft,
            None => Given::KeptBack,
        };
        let (root, place) = (once.map(|once| once.stock.0), once.map(|once| once.index));
        transaction
            .prepare_cached("INSERT INTO pass (pass, room, root, place, kept_back, day) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![pass.0, room.0, root, place, given == Given::KeptBack, day.0])?;
        transaction.commit()?;
        Ok(Some(Noted { once, given, is_new: true }))
    }

    /// The box of which a pass was given something.
    ///
    /// # Errors
    /// A failure of the store.
    pub(crate) fn room_of(&self, pass: Digest) -> Result<Option<RoomName>, StoreError> {
        let inner = self.0.lock();
        let mut statement =
            inner.connection.prepare_cached("SELECT room FROM pass WHERE pass = ?1")?;
        let found = statement.query_row([pass.0], |row| row.get(0)).optional()?;
        Ok(found.map(RoomName))
    }

    /// Whether passes of the day before the one before `today` are still known.
    pub(crate) fn is_to_forget(&self, today: Day) -> bool {
        today.0.saturating_sub(1) > self.0.lock().forgotten
    }

    /// Forgets, for good, what passes were given that nobody can show any more: those of the days before the last.
    ///
    /// # Errors
    /// A failure of the store; then it is to be tried again.
    pub(crate) fn end_before(&self, today: Day) -> Result<(), StoreError> {
        let mut inner = self.0.lock();
        let yesterday = today.0.saturating_sub(1);
        inner.connection.execute("DELETE FROM pass WHERE day < ?1", [yesterday])?;
        cut_journal(&inner.connection)?;
        inner.forgotten = yesterday.max(inner.forgotten);
        Ok(())
    }

    /// Forgets the stocks of a box that is closed.
    ///
    /// # Errors
    /// A failure of the store; then they stay, and do no harm.
    pub(crate) fn forget(&self, room: RoomName) -> Result<(), StoreError> {
        let inner = self.0.lock();
        inner.connection.execute("DELETE FROM stock WHERE room = ?1", [room.0])?;
        cut_journal(&inner.connection)
    }
}

/// The journal still has what the file has no more.
fn cut_journal(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// What a pass was given before, and of which box.
fn before(
    transaction: &Transaction<'_>,
    pass: Digest,
) -> Result<Option<([u8; 32], Noted)>, StoreError> {
    let mut statement = transaction
        .prepare_cached("SELECT room, root, place, kept_back FROM pass WHERE pass = ?1")?;
    let found = statement.query_row([pass.0], |row| {
        let root: Option<[u8; 32]> = row.get(1)?;
        let place: Option<u32> = row.get(2)?;
        let once = root.zip(place).map(|(root, index)| OnceKey { stock: Digest(root), index });
        let kept_back: bool = row.get(3)?;
        let given = match once {
            Some(_) => Given::Once,
            None if kept_back => Given::KeptBack,
            None => Given::NoneLeft,
        };
        Ok((row.get(0)?, Noted { once, given, is_new: false }))
    });
    Ok(found.optional()?)
}

/// The next one-time key of the oldest stock that has one.
fn next(
    transaction: &Transaction<'_>,
    room: RoomName,
    stocks: &[Candidate],
) -> Result<Option<OnceKey>, StoreError> {
    let mut noted = transaction.prepare_cached("SELECT root, next FROM stock WHERE room = ?1")?;
    let rows = noted.query_map([room.0], |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get(1)?)))?;
    let noted: Vec<([u8; 32], u32)> = rows.collect::<Result<_, _>>()?;
    for (root, _) in noted.iter().filter(|(root, _)| stocks.iter().all(|of| of.root.0 != *root)) {
        // It has lapsed, for good.
        transaction.execute("DELETE FROM stock WHERE room = ?1 AND root = ?2", [room.0, *root])?;
    }
    for stock in stocks {
        let from =
            noted.iter().find(|(root, _)| *root == stock.root.0).map_or(0, |(_, next)| *next);
        let Some(index) = (from..stock.count).find(|index| !stock.used.contains(index)) else {
            continue;
        };
        transaction
            .prepare_cached("INSERT OR REPLACE INTO stock (room, root, next) VALUES (?1, ?2, ?3)")?
            .execute(params![room.0, stock.root.0, index.saturating_add(1)])?;
        return Ok(Some(OnceKey { stock: stock.root, index }));
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
