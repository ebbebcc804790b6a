//! Opening of the store's file: mode, journal, format.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::MailError;

/// Tells the file apart from others (`PRAGMA application_id`): `PrMa`.
const APPLICATION: i64 = 0x5072_4d61;

/// Step `n` leads from format `n` to `n + 1` (`PRAGMA user_version`). Never edited, only added to.
pub(super) const MIGRATIONS: &[&str] = &[FIRST, SECOND, THIRD];

/// Pages of 4 KiB after which the journal is copied into the file.
const JOURNAL_PAGES: i64 = 2_048;

/// Statements kept ready.
const STATEMENTS: usize = 64;

/// Every table has its rows' number, version and cell, what its indexes need, and what is sealed. A cell holds the key
/// of one row, sealed, in 72 bytes: it is written over in place and never moves, so that what it held is gone with it.
const FIRST: &str = "
CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 1), mark BLOB NOT NULL, version INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;
CREATE TABLE cell (id INTEGER PRIMARY KEY, key BLOB NOT NULL CHECK (length(key) = 72)) STRICT;
CREATE TABLE part (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    owner_table INTEGER NOT NULL, owner INTEGER NOT NULL, kind INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX part_of ON part (owner_table, owner, kind);
CREATE INDEX part_version ON part (id, version);
CREATE TABLE own_box (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    name BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL
) STRICT;
CREATE TABLE prekey (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    own_box INTEGER NOT NULL, digest BLOB NOT NULL UNIQUE, stock BLOB, place BLOB, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX prekey_box ON prekey (own_box) WHERE stock IS NULL;
CREATE INDEX prekey_stock ON prekey (stock) WHERE stock IS NOT NULL;
CREATE UNIQUE INDEX prekey_place ON prekey (place) WHERE place IS NOT NULL;
CREATE TABLE contact (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    name BLOB NOT NULL UNIQUE, box BLOB, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX contact_box ON contact (box) WHERE box IS NOT NULL;
CREATE TABLE letter (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    direction INTEGER NOT NULL, contact INTEGER NOT NULL, unread INTEGER NOT NULL,
    thread BLOB, message BLOB, envelope BLOB, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX letter_version ON letter (id, version);
CREATE INDEX letter_contact ON letter (contact, id);
CREATE INDEX letter_direction ON letter (direction, id);
CREATE INDEX letter_unread ON letter (contact) WHERE unread = 1;
CREATE INDEX letter_thread ON letter (thread, id) WHERE thread IS NOT NULL;
CREATE INDEX letter_message ON letter (message) WHERE message IS NOT NULL;
CREATE UNIQUE INDEX letter_envelope ON letter (direction, envelope) WHERE envelope IS NOT NULL;
CREATE TABLE departure (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    letter INTEGER NOT NULL, kind INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX departure_letter ON departure (letter, kind);
CREATE TABLE pass (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    broker BLOB NOT NULL, day INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX pass_day ON pass (day, broker);
CREATE TABLE draft (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    whom BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL
) STRICT;
CREATE TABLE setting (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
";

/// What is asked about letters that were left.
const SECOND: &str = "
CREATE TABLE question (
    id INTEGER PRIMARY KEY, version INTEGER NOT NULL, cell INTEGER NOT NULL,
    letter INTEGER NOT NULL UNIQUE, open INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX question_open ON question (id) WHERE open = 1;
";

/// A letter that came is found by its box and its position there, and no more by the bytes of its envelope.
const THIRD: &str = "
DROP INDEX letter_envelope;
ALTER TABLE letter RENAME COLUMN envelope TO deposit;
CREATE UNIQUE INDEX letter_deposit ON letter (direction, deposit) WHERE deposit IS NOT NULL;
DROP INDEX prekey_box;
CREATE INDEX prekey_box ON prekey (own_box, stock);
";

/// Opens or creates the file for this program alone, in its newest format, readable by its owner only.
pub(super) fn open(path: &Path) -> Result<Connection, MailError> {
    restrict(path)?;
    let failed = |error| MailError::from_sqlite(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Held from the first read on, until the file is closed: nobody else reads or writes meanwhile.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(failed)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = number("application_id").map_err(failed)?;
    let version = number("user_version").map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if found != APPLICATION && (found, version, tables) != (0, 0, 0) {
        return Err(MailError::Foreign { file: path.to_owned() });
    }
    if version > i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX) {
        return Err(MailError::Newer { file: path.to_owned() });
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
             PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;",
        )
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES))
        .and_then(|()| migrate(&mut connection, version))
        .map_err(failed)?;
    require_whole(path, &connection)?;
    Ok(connection)
}

/// Refuses a file that is shorter than it says: SQLite would read what is missing of its last page as zeros.
fn require_whole(path: &Path, connection: &Connection) -> Result<(), MailError> {
    let failed = |error| MailError::from_sqlite(path, error);
    if !cut_journal(connection).map_err(failed)? {
        // What is missing may be in the journal still.
        return Ok(());
    }
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let size =
        number("page_count").and_then(|pages| Ok(pages.saturating_mul(number("page_size")?)));
    let found = std::fs::metadata(path).map(|metadata| metadata.len()).unwrap_or_default();
    if found < u64::try_from(size.map_err(failed)?).unwrap_or_default() {
        let cut = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(failed(rusqlite::Error::SqliteFailure(cut, None)));
    }
    Ok(())
}

/// Copies the journal into the file and cuts it to nothing, so that what was deleted is in neither.
pub(super) fn cut_journal(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map(|busy: bool| !busy)
}

/// Creates the file for its owner alone, and takes away what others may do to an existing one. SQLite gives its
/// journal the same mode.
fn restrict(path: &Path) -> Result<(), MailError> {
    let open = || -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(())
    };
    open().map_err(|source| match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            MailError::DiskFull { file: path.to_owned() }
        }
        _ => MailError::NotWritable { file: path.to_owned(), source: Box::new(source) },
    })
}

fn migrate(connection: &mut Connection, from: i64) -> rusqlite::Result<()> {
    let mut version = from;
    for step in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        version += 1;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
