//! The masters of time-locks at rest: `timelocks.db`, which nothing but a new day's master is ever added to, so that any
//! backup of it may come back as long as no key was stated for a later day since.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use pregao_protocol::trust::timelock::Master;
use rusqlite::{Connection, OptionalExtension as _, params};
use zeroize::Zeroizing;

use crate::store::{Store, StoreError};

/// The file in the TSA's folder.
const FILE: &str = "timelocks.db";
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS timelock (
        day INTEGER PRIMARY KEY, master BLOB NOT NULL) STRICT;
";

/// A connection to `timelocks.db`.
#[derive(Debug)]
pub struct MasterStore(Connection);

impl MasterStore {
    /// Opens or makes it in `folder`. `chain` knows whether there must be one.
    ///
    /// # Errors
    /// [`StoreError::TimeLocksMissing`] if keys were stated and it is not there; [`StoreError::TimeLocks`] if it
    /// is no database or cannot be written.
    pub fn open(folder: &Path, chain: &Store) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        if chain.has_stated_locks()? && !path.exists() {
            return Err(StoreError::TimeLocksMissing);
        }
        // For the owner only, journal included; what cannot be made SQLite itself explains.
        let _ = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let opened = Connection::open(&path).and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute_batch(SCHEMA)?;
            Ok(Self(connection))
        });
        opened.map_err(StoreError::TimeLocks)
    }

    /// What the secrets of a day since 1970 are made from, if any of its keys was stated.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn master(&self, day: u64) -> Result<Option<Master>, StoreError> {
        let kept: Option<Vec<u8>> = self
            .0
            .prepare_cached("SELECT master FROM timelock WHERE day = ?1")
            .and_then(|mut query| query.query_row([number(day)], |row| row.get(0)).optional())
            .map_err(StoreError::TimeLocks)?;
        let Some(kept) = kept.map(Zeroizing::new) else { return Ok(None) };
        let master = kept.first_chunk::<32>().filter(|_| kept.len() == 32);
        let damaged = StoreError::Damaged("a master of time-locks that is not 32 bytes");
        master.map(|bytes| Some(Master::from_random(*bytes))).ok_or(damaged)
    }

    /// Keeps what the secrets of a day are made from. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError`], also if there is one for that day: then no key made from this one must be stated.
    pub fn keep(&self, day: u64, master: &Master) -> Result<(), StoreError> {
        let kept = self.0.execute(
            "INSERT INTO timelock (day, master) VALUES (?1, ?2)",
            params![number(day), master.expose()],
        );
        kept.map(drop).map_err(StoreError::TimeLocks)
    }
}

/// Days of the calendar are few.
fn number(day: u64) -> i64 {
    i64::try_from(day).unwrap_or(i64::MAX)
}
