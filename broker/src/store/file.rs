//! Opening of the store's files: mode, journal, format.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{OpenError, StoreError};

/// What a file must be, and how to make it so.
pub(crate) struct Format {
    /// Tells our files apart from each other and from other programs' (`PRAGMA application_id`).
    pub application_id: i64,
    /// Step `n` leads from format `n` to `n + 1` (`PRAGMA user_version`). Never edited, only
    /// added to.
    pub migrations: &'static [&'static str],
}

/// How long a statement waits for another process that holds the file.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// Pages of 4 KiB after which the journal is copied into the file. Digests and one-time keys fall
/// on random pages of their index, each of which is copied once however often it was written: the
/// longer the journal, the fewer copies, and 32 MiB are read in well under a second after a crash.
const JOURNAL_PAGES: i64 = 8192;

/// Statements kept ready for each connection.
const STATEMENTS: usize = 64;

/// Opens or creates a file for writing, in its newest format, readable by its owner only.
pub(crate) fn open(path: &Path, format: &Format) -> Result<Connection, OpenError> {
    restrict(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| explain(path, error))?;
    prepare(path, &mut connection, format)?;
    Ok(connection)
}

/// Opens a second connection, for reading, to a file that [`open`] has opened.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    });
    opened.map_err(|error| explain(path, error))
}

/// Creates the file for its owner alone, and takes away what others may do to an existing one.
/// SQLite gives its journals the same mode.
fn restrict(path: &Path) -> Result<(), OpenError> {
    let open = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
            let file = options.mode(0o600).open(path)?;
            if file.metadata()?.permissions().mode() & 0o077 != 0 {
                file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            }
        }
        #[cfg(not(unix))]
        options.open(path)?;
        Ok(())
    };
    open().map_err(|source| OpenError::NotWritable {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

fn prepare(path: &Path, connection: &mut Connection, format: &Format) -> Result<(), OpenError> {
    let failed = |error| explain(path, error);
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let found = pragma(connection, "application_id").map_err(failed)?;
    let version = pragma(connection, "user_version").map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    let expected = format.application_id;
    if found != expected && (found, version, tables) != (0, 0, 0) {
        return Err(OpenError::Foreign { path: path.to_owned(), found, expected });
    }
    let known = i64::try_from(format.migrations.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known });
    }
    connection
        .execute_batch(
            // 16 MiB of pages keep the upper part of the indexes in memory.
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;
             PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
        )
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES))
        .map_err(failed)?;
    migrate(connection, format, version).map_err(failed)
}

fn migrate(connection: &mut Connection, format: &Format, from: i64) -> rusqlite::Result<()> {
    let mut version = from;
    for step in format.migrations.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        version += 1;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", format.application_id)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Writes the format's number once more, durably: what a commit needs of disk and file, and no
/// content.
pub(crate) fn probe(connection: &mut Connection, format: &Format) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = i64::try_from(format.migrations.len()).unwrap_or(i64::MAX);
    transaction.pragma_update(None, "user_version", version)?;
    Ok(transaction.commit()?)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode as Code;
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(Code::NotADatabase | Code::DatabaseCorrupt) => {
            OpenError::Damaged { path, source: error }
        }
        Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => {
            OpenError::NotWritable { path, source: Box::new(error) }
        }
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => OpenError::Busy { path, source: error },
        Some(_) | None => OpenError::Other { path, source: error },
    }
}
