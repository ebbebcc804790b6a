//! What the TSA must not forget: the last header it signed, invitations, its clock's state.
//!
//! One SQLite file, `tsa.db`. Every write is durable before it counts (WAL, synchronous=FULL):
//! a header that was released and then forgotten would be signed a second time with other
//! content, which is evidence against the TSA.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

/// The store refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite says why; a full disk reads "database or disk is full".
    #[error("the store tsa.db failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The same of the file in which citizens are counted.
    #[error("the store citizens.db failed")]
    Citizens(#[source] rusqlite::Error),
    /// The same of the file with the masters of time-locks.
    #[error("the store timelocks.db failed")]
    TimeLocks(#[source] rusqlite::Error),
    /// Keys of time-locks were stated, and what their secrets are made from is gone.
    #[error("timelocks.db is missing, and keys made from it were stated")]
    TimeLocksMissing,
    /// The file opens but holds impossible values.
    #[error("the store tsa.db is damaged: {0}")]
    Damaged(&'static str),
}

/// What became of an invitation that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It was good, and is used up.
    Admitted,
    /// It was good once.
    Used,
    /// Nobody was ever given this code.
    Unknown,
}

/// One connection to `tsa.db`.
#[derive(Debug)]
pub struct Store(Connection);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS chain (
        only INTEGER PRIMARY KEY CHECK (only = 1), header TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS clock (
        name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS invite (
        hash BLOB PRIMARY KEY, used INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE IF NOT EXISTS revoked (
        persona BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS counter (
        name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
";

const DOUBT: &str = "doubt";
const OFFSET: &str = "offset";
const LOCKS: &str = "timelocks";

impl Store {
    /// Opens or makes `tsa.db` in `folder`.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] if the file is no database or cannot be written.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("tsa.db");
        // For the owner only, journal included; what cannot be made SQLite itself explains.
        let _ = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    /// The last header that was signed and kept, as transmitted.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn last_header(&self) -> Result<Option<String>, StoreError> {
        let mut query = self.0.prepare_cached("SELECT header FROM chain WHERE only = 1")?;
        Ok(query.query_row([], |row| row.get(0)).optional()?)
    }

    /// Keeps `header` as the last one. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]: then the header must not be released.
    pub fn keep_header(&self, header: &str) -> Result<(), StoreError> {
        let mut insert =
            self.0.prepare_cached("INSERT OR REPLACE INTO chain (only, header) VALUES (1, ?1)")?;
        insert.execute([header])?;
        Ok(())
    }

    /// The last trusted time before the clock came into doubt, if it is in doubt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn doubt(&self) -> Result<Option<Time>, StoreError> {
        self.clock_value(DOUBT)?
            .map(|micros| {
                u64::try_from(micros)
                    .ok()
                    .and_then(|micros| Time::from_micros(micros).ok())
                    .ok_or(StoreError::Damaged("a time beyond the calendar"))
            })
            .transpose()
    }

    /// Whether keys of time-locks were ever stated: then their masters must be there.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn has_stated_locks(&self) -> Result<bool, StoreError> {
        Ok(self.clock_value(LOCKS)?.is_some())
    }

    /// Remembers that keys of time-locks are stated from here on.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn set_stated_locks(&self) -> Result<(), StoreError> {
        self.set_clock_value(LOCKS, Some(1))
    }

    /// Remembers over a restart that the clock is in doubt, or that it is trusted again.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn set_doubt(&self, since: Option<Time>) -> Result<(), StoreError> {
        let value = since.and_then(|time| i64::try_from(time.as_micros()).ok());
        self.set_clock_value(DOUBT, value)
    }

    /// How far the simulated clock is from the system's, in microseconds.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn offset(&self) -> Result<i64, StoreError> {
        Ok(self.clock_value(OFFSET)?.unwrap_or(0))
    }

    /// Remembers the simulated clock's offset over a restart.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn set_offset(&self, micros: i64) -> Result<(), StoreError> {
        self.set_clock_value(OFFSET, Some(micros))
    }

    fn clock_value(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let mut query = self.0.prepare_cached("SELECT value FROM clock WHERE name = ?1")?;
        Ok(query.query_row([name], |row| row.get(0)).optional()?)
    }

    fn set_clock_value(&self, name: &str, value: Option<i64>) -> Result<(), StoreError> {
        match value {
            Some(value) => self.0.execute(
                "INSERT OR REPLACE INTO clock (name, value) VALUES (?1, ?2)",
                params![name, value],
            )?,
            None => self.0.execute("DELETE FROM clock WHERE name = ?1", [name])?,
        };
        Ok(())
    }

    /// Takes up a new invitation. Only a hash of the code is kept.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_invite(&self, code: &str) -> Result<(), StoreError> {
        self.0.execute("INSERT INTO invite (hash) VALUES (?1)", [invite_hash(code).0])?;
        Ok(())
    }

    /// Counts one certificate and, if a code is shown, uses it up: both or neither.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn enrol(&mut self, invite: Option<&str>) -> Result<Admission, StoreError> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(code) = invite {
            let hash = invite_hash(code).0;
            let used: Option<i64> = transaction
                .query_row("SELECT used FROM invite WHERE hash = ?1", [hash], |row| row.get(0))
                .optional()?;
            match used {
                None => return Ok(Admission::Unknown),
                Some(0) => {
                    transaction.execute("UPDATE invite SET used = 1 WHERE hash = ?1", [hash])?;
                }
                Some(_) => return Ok(Admission::Used),
            }
        }
        transaction.execute(
            "INSERT INTO counter (name, value) VALUES ('certificates', 1)
             ON CONFLICT (name) DO UPDATE SET value = value + 1",
            [],
        )?;
        transaction.commit()?;
        Ok(Admission::Admitted)
    }

    /// Gives a persona no more tickets and certificates, or gives them again. Says whether that changes
    /// anything.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn set_revoked(&self, persona: Fingerprint, revoked: bool) -> Result<bool, StoreError> {
        let sql = if revoked {
            "INSERT OR IGNORE INTO revoked (persona) VALUES (?1)"
        } else {
            "DELETE FROM revoked WHERE persona = ?1"
        };
        Ok(self.0.execute(sql, [persona.0])? == 1)
    }

    /// Whether a persona gets no more tickets and certificates.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn is_revoked(&self, persona: Fingerprint) -> Result<bool, StoreError> {
        let mut query = self.0.prepare_cached("SELECT 1 FROM revoked WHERE persona = ?1")?;
        Ok(query.exists([persona.0])?)
    }

    /// How many certificates were issued.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn certificates(&self) -> Result<u64, StoreError> {
        let count: Option<i64> = self
            .0
            .query_row("SELECT value FROM counter WHERE name = 'certificates'", [], |row| {
                row.get(0)
            })
            .optional()?;
        u64::try_from(count.unwrap_or(0)).map_err(|_| StoreError::Damaged("a negative count"))
    }
}

/// Codes carry 128 random bits, so a plain hash hides them.
fn invite_hash(code: &str) -> Digest {
    Digest::labelled(label::INVITE, code.as_bytes())
}

#[cfg(test)]
mod tests;
