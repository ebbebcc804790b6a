//! The embedded store: one SQLite file, inspectable with `sqlite3`.
//!
//! One connection writes, behind a lock that the writer thread holds for the length of a group;
//! a few connections read, each on the newest committed state.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use pregao_protocol::log::merkle::completing_record;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::file::{self, Format};
use super::{
    Append, Header, Log, MAX_PAGE, NewEntry, NewRoom, OpenError, PendingChange, RefusalLeaf,
    RoomName, StoreError, StoredAnswer, StoredEntry, StoredHead, StoredPending, StoredRefusal,
    StoredRoom,
};

/// Connections for reading: as many reads go on at once.
const READERS: usize = 4;

const FORMAT: Format = Format { application_id: 0x5072_4c67, migrations: &[FIRST, SECOND] };

/// `entry.hashes` comes before `text`, so that a node is read without the pages of a long text.
/// `entry.header` is an id, and not the hash that names the header: a few bytes for each entry.
/// `refusal.room` is a name, not an id: refused actions may name rooms that do not exist.
const FIRST: &str = "
CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    opening TEXT NOT NULL
) STRICT;
CREATE TABLE head (
    room INTEGER PRIMARY KEY REFERENCES room,
    size INTEGER NOT NULL CHECK (size > 0),
    note TEXT NOT NULL
) STRICT;
CREATE TABLE header (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    text TEXT NOT NULL
) STRICT;
CREATE TABLE entry (
    room INTEGER NOT NULL REFERENCES room,
    seq INTEGER NOT NULL CHECK (seq >= 0),
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    hashes BLOB NOT NULL CHECK (length(hashes) >= 32),
    header INTEGER NOT NULL REFERENCES header,
    text TEXT NOT NULL,
    UNIQUE (room, seq)
) STRICT;
CREATE TABLE refusal (
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    room BLOB NOT NULL CHECK (length(room) = 32),
    jws TEXT NOT NULL
) STRICT;
CREATE INDEX refusal_room ON refusal (room);
CREATE TABLE pending (
    room INTEGER NOT NULL REFERENCES room,
    role TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (room, role)
) STRICT, WITHOUT ROWID;
";

/// What witnesses said of a log, and the trees over the refusals of rooms. `refused.hashes` is as
/// `entry.hashes`; the refusals themselves may be forgotten.
const SECOND: &str = "
CREATE TABLE cosigned (
    room INTEGER PRIMARY KEY REFERENCES room,
    size INTEGER NOT NULL CHECK (size > 0),
    note TEXT NOT NULL
) STRICT;
CREATE TABLE refused (
    room INTEGER NOT NULL REFERENCES room,
    seq INTEGER NOT NULL CHECK (seq >= 0),
    hashes BLOB NOT NULL CHECK (length(hashes) >= 32),
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
";

/// A [`Log`] in one SQLite file.
pub struct SqliteLog {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Vec<Mutex<Connection>>,
}

impl std::fmt::Debug for SqliteLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLog").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteLog {
    /// Opens the file, or creates it for its owner alone.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the file and what to do.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let writer = file::open(path, &FORMAT)?;
        let readers = (0..READERS)
            .map(|_| file::open_reader(path).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers })
    }

    /// A connection that is free, or the first one once it is.
    fn reader(&self) -> MutexGuard<'_, Connection> {
        let free = self.readers.iter().find_map(Mutex::try_lock);
        free.or_else(|| self.readers.first().map(Mutex::lock)).unwrap_or_else(|| self.writer.lock())
    }

    /// Makes the store full once it has that many pages.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: u32) {
        let connection = self.writer.lock();
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    }

    fn commit_group(&self, group: &[Append]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let mut connection = self.writer.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let run = |sql| transaction.prepare_cached(sql)?.execute([]);
        let mut answers = Vec::with_capacity(group.len());
        for append in group {
            run("SAVEPOINT member")?;
            let answer = apply(&transaction, append);
            match &answer {
                Ok(()) => {}
                // Dropping the transaction takes the whole group back.
                Err(error) if error.is_store_failure() => return Err(error.clone()),
                Err(_) => _ = run("ROLLBACK TO member")?,
            }
            run("RELEASE member")?;
            answers.push(answer);
        }
        transaction.commit()?;
        Ok(answers)
    }
}

impl Log for SqliteLog {
    fn commit(&self, group: &[Append]) -> Vec<Result<(), StoreError>> {
        self.commit_group(group).unwrap_or_else(|error| vec![Err(error); group.len()])
    }

    fn read(
        &self,
        room: &RoomName,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let connection = self.reader();
        let id = require_room(&connection, room)?;
        let Ok(from) = i64::try_from(from) else { return Ok(Vec::new()) };
        let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0);
        let mut statement = connection.prepare_cached(
            "SELECT seq, digest, entry.text, header.id, header.text
             FROM entry JOIN header ON header.id = entry.header
             WHERE room = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
        )?;
        let mut rows = statement.query(params![id, from, limit])?;
        let mut entries = Vec::new();
        let mut last: Option<(i64, Arc<str>)> = None;
        while let Some(row) = rows.next()? {
            let header_id: i64 = row.get(3)?;
            let header = match &last {
                Some((id, header)) if *id == header_id => Arc::clone(header),
                Some(_) | None => row.get(4)?,
            };
            last = Some((header_id, Arc::clone(&header)));
            entries.push(StoredEntry {
                seq: natural(row, 0)?,
                digest: digest(row, 1)?,
                text: row.get(2)?,
                header,
            });
        }
        Ok(entries)
    }

    fn rooms(&self) -> Result<Vec<StoredRoom>, StoreError> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached(
            "SELECT name, kind, opening, created, size FROM room JOIN head ON head.room = room.id
             ORDER BY room.id",
        )?;
        let mut rows = statement.query([])?;
        let mut rooms = Vec::new();
        while let Some(row) = rows.next()? {
            let kind: String = row.get(1)?;
            rooms.push(StoredRoom {
                name: name(row, 0)?,
                kind: kind.parse().map_err(|_| StoreError::Value("kind of room"))?,
                opening: row.get(2)?,
                created: Time::from_micros(natural(row, 3)?)
                    .map_err(|_| StoreError::Value("time"))?,
                size: natural(row, 4)?,
            });
        }
        Ok(rooms)
    }

    fn head(&self, room: &RoomName) -> Result<StoredHead, StoreError> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached(
            "SELECT size, note FROM head JOIN room ON room.id = head.room WHERE room.name = ?1",
        )?;
        let mut rows = statement.query([&room.0])?;
        let row = rows.next()?.ok_or(StoreError::UnknownRoom { room: *room })?;
        Ok(StoredHead { size: natural(row, 0)?, note: row.get(1)? })
    }

    fn cosigned(&self, room: &RoomName) -> Result<Option<StoredHead>, StoreError> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached(
            "SELECT size, note FROM cosigned JOIN room ON room.id = cosigned.room
             WHERE room.name = ?1",
        )?;
        let mut rows = statement.query([&room.0])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(StoredHead { size: natural(row, 0)?, note: row.get(1)? }))
    }

    fn refused(&self, room: &RoomName) -> Result<u64, StoreError> {
        let connection = self.reader();
        let id = connection
            .prepare_cached("SELECT id FROM room WHERE name = ?1")?
            .query_row([&room.0], |row| row.get(0))
            .optional()?;
        id.map_or(Ok(0), |id| count_refused(&connection, id))
    }

    fn refused_node(
        &self,
        room: &RoomName,
        level: u8,
        index: u64,
    ) -> Result<Option<Digest>, StoreError> {
        let connection = self.reader();
        let sql = "SELECT substr(hashes, ?3 * 32 + 1, 32) FROM refused
             WHERE room = (SELECT id FROM room WHERE name = ?1) AND seq = ?2";
        node(&connection, sql, room, (level, index))
    }

    fn answer(&self, action: &Digest) -> Result<Option<StoredAnswer>, StoreError> {
        let connection = self.reader();
        // One statement, so that both tables are seen in the same state.
        let mut statement = connection.prepare_cached(
            "SELECT room.name, seq, NULL FROM entry JOIN room ON room.id = entry.room
             WHERE digest = ?1 UNION ALL SELECT NULL, NULL, jws FROM refusal WHERE digest = ?1",
        )?;
        let mut rows = statement.query([&action.0])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        if let Some(jws) = row.get(2)? {
            return Ok(Some(StoredAnswer::Refusal(jws)));
        }
        Ok(Some(StoredAnswer::Entry { room: name(row, 0)?, seq: natural(row, 1)? }))
    }

    fn node(&self, room: &RoomName, level: u8, index: u64) -> Result<Option<Digest>, StoreError> {
        let connection = self.reader();
        let sql = "SELECT substr(hashes, ?3 * 32 + 1, 32) FROM entry
             WHERE room = (SELECT id FROM room WHERE name = ?1) AND seq = ?2";
        node(&connection, sql, room, (level, index))
    }

    fn pending(&self, room: &RoomName) -> Result<Vec<StoredPending>, StoreError> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached(
            "SELECT role, payload FROM pending JOIN room ON room.id = pending.room
             WHERE room.name = ?1 ORDER BY role",
        )?;
        let rows = statement.query_map([&room.0], |row| {
            Ok(StoredPending { role: row.get(0)?, payload: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn forget_refusals(&self, room: &RoomName) -> Result<u64, StoreError> {
        let connection = self.writer.lock();
        let deleted = connection.execute("DELETE FROM refusal WHERE room = ?1", [&room.0])?;
        Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
    }

    fn probe(&self) -> Result<(), StoreError> {
        file::probe(&mut self.writer.lock(), &FORMAT)
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        // A reader in the middle of a page only leaves the journal longer, which is no failure.
        self.writer.lock().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Applies one member inside its savepoint.
fn apply(connection: &Connection, append: &Append) -> Result<(), StoreError> {
    append.check_shape()?;
    if append.changes_room() {
        let id = expect_size(connection, append)?;
        let mut last: Option<(Digest, i64)> = None;
        for entry in &append.entries {
            let hash = entry.header.hash;
            let header = match last {
                Some((last, header)) if last == hash => header,
                Some(_) | None => keep_header(connection, &entry.header)?,
            };
            last = Some((hash, header));
            insert_entry(connection, id, header, entry)?;
        }
        if let Some(note) = &append.head {
            let size = append.entries.iter().fold(append.expected_size, |size, _| size + 1);
            let mut statement = connection.prepare_cached(
                "INSERT INTO head (room, size, note) VALUES (?1, ?2, ?3)
                 ON CONFLICT (room) DO UPDATE SET size = excluded.size, note = excluded.note",
            )?;
            statement.execute(params![id, storable(size)?, note])?;
        }
        for change in &append.pending {
            change_pending(connection, id, change)?;
        }
    }
    for refusal in &append.refusals {
        insert_refusal(connection, &append.room, refusal)?;
    }
    let leaves: Vec<&RefusalLeaf> =
        append.refusals.iter().filter_map(|refusal| refusal.leaf.as_ref()).collect();
    if !leaves.is_empty() {
        insert_leaves(connection, &append.room, &leaves)?;
    }
    append.cosigned.as_ref().map_or(Ok(()), |head| keep_cosigned(connection, &append.room, head))
}

/// Adds to the tree of refusals of a room, which continues the one that is stored.
fn insert_leaves(
    connection: &Connection,
    room: &RoomName,
    leaves: &[&RefusalLeaf],
) -> Result<(), StoreError> {
    let id = require_room(connection, room)?;
    let mut actual = count_refused(connection, id)?;
    let mut statement =
        connection.prepare_cached("INSERT INTO refused (room, seq, hashes) VALUES (?1, ?2, ?3)")?;
    for leaf in leaves {
        if leaf.seq != actual {
            return Err(StoreError::Conflict { expected: leaf.seq, actual });
        }
        let hashes: Vec<u8> = leaf.hashes.iter().flat_map(|hash| hash.0).collect();
        statement.execute(params![id, storable(leaf.seq)?, hashes])?;
        actual = actual.saturating_add(1);
    }
    Ok(())
}

fn count_refused(connection: &Connection, room: i64) -> Result<u64, StoreError> {
    // They are numbered from 0 without a gap.
    let mut statement = connection
        .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM refused WHERE room = ?1")?;
    let mut rows = statement.query([room])?;
    rows.next()?.map_or(Ok(0), |row| natural(row, 0))
}

/// Keeps a cosigned head unless one of a larger size is kept.
fn keep_cosigned(
    connection: &Connection,
    room: &RoomName,
    head: &StoredHead,
) -> Result<(), StoreError> {
    let id = require_room(connection, room)?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO cosigned (room, size, note) VALUES (?1, ?2, ?3)
         ON CONFLICT (room) DO UPDATE SET size = excluded.size, note = excluded.note
         WHERE excluded.size >= cosigned.size",
    )?;
    statement.execute(params![id, storable(head.size)?, head.note])?;
    Ok(())
}

/// The hash of a node of the tree that `sql` reads.
fn node(
    connection: &Connection,
    sql: &str,
    room: &RoomName,
    (level, index): (u8, u64),
) -> Result<Option<Digest>, StoreError> {
    let record = completing_record(level, index).and_then(|it| i64::try_from(it).ok());
    let Some(record) = record else { return Ok(None) };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![&room.0, record, level])?;
    rows.next()?.map(|row| digest(row, 0)).transpose()
}

/// The room's id, made if the member makes it, once its log has the expected size.
fn expect_size(connection: &Connection, append: &Append) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, size FROM room JOIN head ON head.room = room.id WHERE name = ?1",
    )?;
    let mut rows = statement.query([&append.room.0])?;
    let found = match rows.next()? {
        Some(row) => Some((row.get(0)?, natural(row, 1)?)),
        None => None,
    };
    let expected = append.expected_size;
    match (found, &append.new_room) {
        (Some((id, size)), None) if size == expected => Ok(id),
        // A stored room is never empty, so making it a second time is a conflict as well.
        (Some((_, actual)), _) => Err(StoreError::Conflict { expected, actual }),
        (None, Some(new_room)) => insert_room(connection, &append.room, new_room),
        (None, None) => Err(StoreError::UnknownRoom { room: append.room }),
    }
}

fn insert_room(
    connection: &Connection,
    name: &RoomName,
    room: &NewRoom,
) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO room (name, kind, created, opening) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let created = storable(room.created.as_micros())?;
    Ok(statement.insert(params![&name.0, room.kind.as_str(), created, room.opening])?)
}

/// The header's id; the first entry that names it brings it along.
fn keep_header(connection: &Connection, header: &Header) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM header WHERE hash = ?1")?;
    let known = statement.query_row([&header.hash.0], |row| row.get(0)).optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let mut statement =
        connection.prepare_cached("INSERT INTO header (hash, text) VALUES (?1, ?2)")?;
    Ok(statement.insert(params![&header.hash.0, header.text])?)
}

fn insert_entry(
    connection: &Connection,
    room: i64,
    header: i64,
    entry: &NewEntry,
) -> Result<(), StoreError> {
    refuse_answered(connection, &entry.digest, "SELECT 1 FROM refusal WHERE digest = ?1")?;
    let hashes: Vec<u8> = entry.hashes.iter().flat_map(|hash| hash.0).collect();
    let mut statement = connection.prepare_cached(
        "INSERT INTO entry (room, seq, digest, hashes, header, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (digest) DO NOTHING",
    )?;
    let seq = storable(entry.seq)?;
    let inserted =
        statement.execute(params![room, seq, &entry.digest.0, hashes, header, entry.text])?;
    expect_inserted(inserted, &entry.digest)
}

fn insert_refusal(
    connection: &Connection,
    room: &RoomName,
    refusal: &StoredRefusal,
) -> Result<(), StoreError> {
    refuse_answered(connection, &refusal.digest, "SELECT 1 FROM entry WHERE digest = ?1")?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO refusal (digest, room, jws) VALUES (?1, ?2, ?3)
         ON CONFLICT (digest) DO NOTHING",
    )?;
    let inserted = statement.execute(params![&refusal.digest.0, &room.0, refusal.jws])?;
    expect_inserted(inserted, &refusal.digest)
}

/// An action is answered once: what is logged is never refused afterwards, nor the reverse.
fn refuse_answered(connection: &Connection, action: &Digest, sql: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    if statement.exists([&action.0])? {
        return Err(StoreError::Duplicate { digest: *action });
    }
    Ok(())
}

const fn expect_inserted(inserted: usize, action: &Digest) -> Result<(), StoreError> {
    if inserted == 1 { Ok(()) } else { Err(StoreError::Duplicate { digest: *action }) }
}

fn change_pending(
    connection: &Connection,
    room: i64,
    change: &PendingChange,
) -> Result<(), StoreError> {
    let (role, changed) = match change {
        PendingChange::Hold { role, payload } => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO pending (room, role, payload) VALUES (?1, ?2, ?3)
                 ON CONFLICT (room, role) DO NOTHING",
            )?;
            (role, statement.execute(params![room, role, payload])?)
        }
        PendingChange::Release { role } => {
            let mut statement =
                connection.prepare_cached("DELETE FROM pending WHERE room = ?1 AND role = ?2")?;
            (role, statement.execute(params![room, role])?)
        }
    };
    if changed == 1 { Ok(()) } else { Err(StoreError::Pending { role: role.clone() }) }
}

fn require_room(connection: &Connection, room: &RoomName) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM room WHERE name = ?1")?;
    let id = statement.query_row([&room.0], |row| row.get(0)).optional()?;
    id.ok_or(StoreError::UnknownRoom { room: *room })
}

fn storable(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Malformed("a number is out of range"))
}

fn natural(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| StoreError::Value("number"))
}

fn digest(row: &Row<'_>, column: usize) -> Result<Digest, StoreError> {
    let bytes = row.get_ref(column)?.as_blob().map_err(|_| StoreError::Value("digest"))?;
    bytes.try_into().map(Digest).map_err(|_| StoreError::Value("digest"))
}

fn name(row: &Row<'_>, column: usize) -> Result<RoomName, StoreError> {
    digest(row, column).map(|digest| RoomName(digest.0))
}
