//! What a witness must not forget: of each log the largest head that it cosigned, with what it answered.
//!
//! A file of its own, `witness.db`: stamps do not wait while cosignatures are written, and a witness
//! without a TSA has the same one. Writes are durable when [`Changes::commit`] returns (WAL,
//! synchronous=FULL): a head that was cosigned and then forgotten would let a second history be cosigned.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use pregao_protocol::log::{Cosignature, Origin};
use pregao_protocol::trust::broker::{BrokerCertificate, BrokerKeys};
use pregao_protocol::trust::key::{Fingerprint, HeadKey, PublicKey, Signature, WitnessKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::witness::WitnessedHead;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

/// Name of the file in the data folder.
pub const FILE: &str = "witness.db";
/// Logs of one broker that are remembered; heads of others are refused.
pub const MAX_LOGS: u64 = 1_000_000;
/// Contradictions of one broker that are kept, for one each would do.
pub const MAX_CONFLICTS: u64 = 100;

/// The store refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessStoreError {
    /// SQLite says why; a full disk reads "database or disk is full".
    #[error("the store witness.db failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The file opens but holds impossible values.
    #[error("the store witness.db is damaged: {0}")]
    Damaged(&'static str),
}

/// One connection to `witness.db`.
#[derive(Debug)]
pub struct WitnessStore(Connection);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS owner (
        only INTEGER PRIMARY KEY CHECK (only = 1), key BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS clock (
        name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS broker (
        fingerprint BLOB PRIMARY KEY, head BLOB NOT NULL, certificate TEXT NOT NULL,
        logs INTEGER NOT NULL DEFAULT 0, conflicts INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE IF NOT EXISTS head (
        broker BLOB NOT NULL, room BLOB NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
        note TEXT NOT NULL, time INTEGER NOT NULL, signature BLOB NOT NULL,
        PRIMARY KEY (broker, room)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS conflict (
        broker BLOB NOT NULL, room BLOB NOT NULL, cosigned TEXT NOT NULL, other TEXT NOT NULL,
        PRIMARY KEY (broker, room)) STRICT, WITHOUT ROWID;
";

const HIGHEST: &str = "highest";
const DOUBT: &str = "doubt";

/// A broker as it was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBroker {
    /// By which its logs are named.
    pub fingerprint: Fingerprint,
    /// Which signs their heads.
    pub head: PublicKey<HeadKey>,
    /// All its keys, if the certificate of the time is one of today: what is delivered to it and answered
    /// by it goes by these.
    pub keys: Option<BrokerKeys>,
}

impl WitnessStore {
    /// Opens or makes the file in `folder`.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn open(folder: &Path) -> Result<Self, WitnessStoreError> {
        let path = folder.join(FILE);
        // For the owner only; what cannot be made SQLite itself explains.
        let _ = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let connection = Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    /// The key whose memory this is; nothing in a new file.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn owner(&self) -> Result<Option<PublicKey<WitnessKey>>, WitnessStoreError> {
        let mut query = self.0.prepare_cached("SELECT key FROM owner WHERE only = 1")?;
        let key = query.query_row([], |row| row.get(0)).optional()?;
        Ok(key.map(PublicKey::from_bytes))
    }

    /// Makes this the memory of a key, for good.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn set_owner(&self, key: &PublicKey<WitnessKey>) -> Result<(), WitnessStoreError> {
        self.0.execute("INSERT INTO owner (only, key) VALUES (1, ?1)", [key.as_bytes()])?;
        Ok(())
    }

    /// The brokers registered so far.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn brokers(&self) -> Result<Vec<KnownBroker>, WitnessStoreError> {
        let mut query = self.0.prepare("SELECT fingerprint, head, certificate FROM broker")?;
        let rows = query.query_map([], |row| {
            let (fingerprint, head) = (Fingerprint(row.get(0)?), row.get(1)?);
            let certificate: String = row.get(2)?;
            let keys = BrokerCertificate::open(&certificate, fingerprint).ok();
            let keys = keys.map(|certificate| certificate.keys);
            Ok(KnownBroker { fingerprint, head: PublicKey::from_bytes(head), keys })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Logs remembered and contradictions kept, of all brokers.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn totals(&self) -> Result<(u64, u64), WitnessStoreError> {
        let sql = "SELECT coalesce(sum(logs), 0), coalesce(sum(conflicts), 0) FROM broker";
        let (logs, conflicts) = self.0.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((natural(logs)?, natural(conflicts)?))
    }

    /// The latest date of a cosignature, so that none has an earlier one after a restart.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn highest(&self) -> Result<Option<Time>, WitnessStoreError> {
        self.clock_value(HIGHEST)
    }

    /// The last trusted time before the clock came into doubt, if it is in doubt.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn doubt(&self) -> Result<Option<Time>, WitnessStoreError> {
        self.clock_value(DOUBT)
    }

    /// Remembers over a restart that the clock is in doubt, or that it is trusted again.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn set_doubt(&self, since: Option<Time>) -> Result<(), WitnessStoreError> {
        match since {
            Some(time) => set_clock_value(&self.0, DOUBT, time),
            None => {
                self.0.execute("DELETE FROM clock WHERE name = ?1", [DOUBT])?;
                Ok(())
            }
        }
    }

    fn clock_value(&self, name: &str) -> Result<Option<Time>, WitnessStoreError> {
        let mut query = self.0.prepare_cached("SELECT value FROM clock WHERE name = ?1")?;
        let micros: Option<i64> = query.query_row([name], |row| row.get(0)).optional()?;
        let beyond = WitnessStoreError::Damaged("a time beyond the calendar");
        match micros {
            None => Ok(None),
            Some(micros) => Ok(Some(Time::from_micros(natural(micros)?).map_err(|_| beyond)?)),
        }
    }

    /// Begins changes that are kept together or not at all. They see what was changed before them.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn begin(&mut self) -> Result<Changes<'_>, WitnessStoreError> {
        Ok(Changes(self.0.transaction_with_behavior(TransactionBehavior::Immediate)?))
    }
}

/// Changes that are not kept yet; dropped, they never were.
#[derive(Debug)]
pub struct Changes<'a>(Transaction<'a>);

impl Changes<'_> {
    /// The head of a log that was cosigned last.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn kept(
        &self,
        origin: &Origin,
        witness: &PublicKey<WitnessKey>,
    ) -> Result<Option<WitnessedHead>, WitnessStoreError> {
        let sql =
            "SELECT size, root, note, time, signature FROM head WHERE broker = ?1 AND room = ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let row = query
            .query_row(params![origin.broker.0, origin.room.0], |row| {
                let (size, root, note) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let (time, signature) = (row.get(3)?, row.get(4)?);
                Ok((size, root, note, time, signature))
            })
            .optional()?;
        let Some((size, root, note, time, signature)) = row else { return Ok(None) };
        let (time, signature) = (natural(time)?, Signature(signature));
        let cosignature = Cosignature { witness: *witness, time, signature };
        Ok(Some(WitnessedHead { size: natural(size)?, root: Digest(root), note, cosignature }))
    }

    /// Puts a head in the place of the one kept; `first` says that there is none. Says whether there was
    /// room for another log.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn keep(
        &self,
        origin: &Origin,
        head: &WitnessedHead,
        first: bool,
    ) -> Result<bool, WitnessStoreError> {
        if first && !self.count("logs", origin.broker, MAX_LOGS)? {
            return Ok(false);
        }
        let (size, time) = (whole(head.size)?, whole(head.cosignature.time)?);
        let mut insert = self.0.prepare_cached(
            "INSERT OR REPLACE INTO head (broker, room, size, root, note, time, signature)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let signature = head.cosignature.signature.0;
        let (broker, room) = (origin.broker.0, origin.room.0);
        insert.execute(params![broker, room, size, head.root.0, head.note, time, signature])?;
        Ok(true)
    }

    /// Keeps two notes of one broker that contradict each other, once for each log. Says whether they are
    /// new here.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn contradict(
        &self,
        origin: &Origin,
        cosigned: &str,
        other: &str,
    ) -> Result<bool, WitnessStoreError> {
        let sql = "SELECT count(*) FROM conflict WHERE broker = ?1 AND room = ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let (broker, room) = (origin.broker.0, origin.room.0);
        let known: i64 = query.query_row(params![broker, room], |row| row.get(0))?;
        if known != 0 || !self.count("conflicts", origin.broker, MAX_CONFLICTS)? {
            return Ok(false);
        }
        let mut insert = self.0.prepare_cached(
            "INSERT INTO conflict (broker, room, cosigned, other) VALUES (?1, ?2, ?3, ?4)",
        )?;
        insert.execute(params![broker, room, cosigned, other])?;
        Ok(true)
    }

    /// Counts one more of something of a broker; says whether it may have one more.
    fn count(
        &self,
        what: &'static str,
        broker: Fingerprint,
        most: u64,
    ) -> Result<bool, WitnessStoreError> {
        let sql =
            format!("UPDATE broker SET {what} = {what} + 1 WHERE fingerprint = ?1 AND {what} < ?2");
        let changed = self.0.prepare_cached(&sql)?.execute(params![broker.0, whole(most)?])?;
        Ok(changed == 1)
    }

    /// Takes up a broker.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn add_broker(
        &self,
        broker: &KnownBroker,
        certificate: &str,
    ) -> Result<(), WitnessStoreError> {
        self.0.execute(
            "INSERT INTO broker (fingerprint, head, certificate) VALUES (?1, ?2, ?3)",
            params![broker.fingerprint.0, broker.head.as_bytes(), certificate],
        )?;
        Ok(())
    }

    /// A broker that nobody named and of which no log is remembered, the one that was registered first.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn idle_stranger(
        &self,
        named: &BTreeSet<Fingerprint>,
    ) -> Result<Option<Fingerprint>, WitnessStoreError> {
        let mut query = self
            .0
            .prepare_cached("SELECT fingerprint FROM broker WHERE logs = 0 ORDER BY rowid")?;
        let mut idle = query.query_map([], |row| Ok(Fingerprint(row.get(0)?)))?;
        Ok(idle.find(|idle| !idle.as_ref().is_ok_and(|idle| named.contains(idle))).transpose()?)
    }

    /// Forgets a broker of which no log is remembered.
    ///
    /// # Errors
    /// [`WitnessStoreError::Sqlite`].
    pub fn remove_broker(&self, broker: Fingerprint) -> Result<(), WitnessStoreError> {
        self.0.execute("DELETE FROM broker WHERE fingerprint = ?1 AND logs = 0", [broker.0])?;
        Ok(())
    }

    /// Keeps all changes, with the date of the cosignatures among them. Durable when it returns.
    ///
    /// # Errors
    /// [`WitnessStoreError`]: then nothing of it may be released.
    pub fn commit(self, date: Option<Time>) -> Result<(), WitnessStoreError> {
        if let Some(date) = date {
            set_clock_value(&self.0, HIGHEST, date)?;
        }
        Ok(self.0.commit()?)
    }
}

fn set_clock_value(
    connection: &Connection,
    name: &str,
    time: Time,
) -> Result<(), WitnessStoreError> {
    let micros = whole(time.as_micros())?;
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO clock (name, value) VALUES (?1, ?2)")?;
    insert.execute(params![name, micros])?;
    Ok(())
}

fn natural(value: i64) -> Result<u64, WitnessStoreError> {
    u64::try_from(value).map_err(|_| WitnessStoreError::Damaged("a negative number"))
}

fn whole(value: u64) -> Result<i64, WitnessStoreError> {
    i64::try_from(value).map_err(|_| WitnessStoreError::Damaged("a number beyond its range"))
}

#[cfg(test)]
mod tests;
