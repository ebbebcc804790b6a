//! What is kept of letters: boxes, keys, contacts, letters, what is under way, passes, drafts, settings.
//!
//! One SQLite file, `mail.db`, in the folder of the vault; its secret is in the vault. Reading goes by a [`View`],
//! changing by a [`Change`], which is kept whole or not at all: what belongs together (a letter is kept, the key that
//! opened it destroyed, the position in the log moved on) is done in one.
//!
//! - `seal` keys and sealing; `rows` sealed rows and their cells; `tally` what is missed when a row is; `file` the file
//! - [`own_boxes`] the user's boxes; [`prekeys`] secrets of the keys published in them; [`contacts`] the address book
//! - [`letters`] received and sent; [`departures`] those under way; [`questions`] what became of those that were left;
//!   [`even`] when they leave, if that is drawn ahead; [`passes`]; [`drafts`]; [`settings`]
//! - [`search`] through subjects, texts and names; [`maildir`] letters as files that other programs read
//!
//! **What the file shows to whoever has it without the vault:** how many boxes, keys, contacts, letters, drafts and
//! passes there are; of letters which have the same contact, which belong to one thread, which were sent, which are
//! unread, in which order they came and about how long they are; of passes their day. No name, address, text, time,
//! key or digest: what an index needs of these is a hash under the store's secret.
//!
//! **What is deleted is gone** from file and journal when the change is kept: rows are wiped by SQLite
//! (`secure_delete`), and each row's own key is written over in place, so that copies which the database left while it
//! moved rows about cannot be opened. What a file system, a flash disk or a backup keeps is out of reach here.
//!
//! **An older copy of the file put back** is noticed by the number of changes that the vault has noted ([`Notice`]); a
//! row alone put back, by the tally of its table. Vault and file together put back to one older state are not noticed
//! here: the heads of boxes met later are.

mod error;
mod file;
#[macro_use]
mod number;
mod rows;
mod seal;
mod tally;

pub mod contacts;
pub mod departures;
pub mod drafts;
pub mod even;
pub mod letters;
pub mod maildir;
pub mod own_boxes;
pub mod passes;
pub mod prekeys;
pub mod questions;
pub mod search;
pub mod settings;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pregao_protocol::host::Random;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::vault::{MailRecord, Secret, Vault};
use seal::{Key, Keys};
use tally::Tally;

pub use error::{DamagedRow, MailError};
pub use rows::{Change, Kept, View};

/// Name of the file.
pub const FILE: &str = "mail.db";

/// Tables whose rows are tallied.
const TABLES: &[&str] = &[
    "own_box",
    "prekey",
    "contact",
    "letter",
    "departure",
    "question",
    "pass",
    "draft",
    "setting",
    "part",
];

/// Something about the file that its user should know. Nothing of it stops anything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The file is older than the vault: a backup of it was put back.
    Older {
        /// Changes that the vault knows of.
        noted: u64,
        /// Changes that the file has.
        found: u64,
    },
    /// Rows of a table were taken out, put back or replaced outside this program.
    Rows {
        /// The table.
        table: &'static str,
    },
    /// The file's own tally could not be read, and was made anew from its rows.
    Tally,
    /// What was deleted may still be in the journal: it could not be cut. It is tried again with each change.
    Journal,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Older { noted, found } => write!(
                f,
                "an older copy of {FILE} was put back: it has {found} changes of {noted}. Letters that came since are read \
                 again where their broker still has them; those sealed to keys made since cannot be opened any more"
            ),
            Self::Rows { table } => write!(
                f,
                "{FILE} was changed outside this program: rows of `{table}` are missing, or older than they were. Restore it \
                 from a backup if something is not as you left it"
            ),
            Self::Tally => write!(
                f,
                "the tally of {FILE} was damaged and is made anew: whether rows are missing cannot be told. Compare with a backup"
            ),
            Self::Journal => write!(
                f,
                "what was deleted may still be in {FILE}-wal: free some space; it is removed with the next change"
            ),
        }
    }
}

/// The open store. Dropping it gives the file free.
pub struct MailStore {
    connection: Connection,
    keys: Keys,
    file: PathBuf,
    random: Arc<dyn Random>,
    tally: Tally,
    /// Cells without a key.
    free: Vec<i64>,
    notices: Vec<Notice>,
    soiled: bool,
}

impl fmt::Debug for MailStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailStore").field("file", &self.file).finish_non_exhaustive()
    }
}

impl MailStore {
    /// Opens the store beside a vault, or makes it there at first use; the vault then gets its secret. No other
    /// program has the file meanwhile, as none has the vault.
    ///
    /// # Errors
    /// One [`MailError`] for each cause. The file is then as it was.
    pub fn open(vault: &mut Vault, random: Arc<dyn Random>) -> Result<Self, MailError> {
        let path = vault.folder().join(FILE);
        let record = match vault.contents().mail.clone() {
            Some(record) => record,
            // A file without its secret is another vault's, or this one is an older copy of its vault.
            None if path.exists() => return Err(MailError::OtherVault { file: path }),
            None => {
                let mut secret = [0; 32];
                random.fill(&mut secret)?;
                let record = MailRecord { secret: Secret::new(secret), changes: 0 };
                // Durable before anything is sealed under it.
                vault.update(|contents| contents.mail = Some(record.clone()))?;
                record
            }
        };
        let mut store = Self::open_with(&path, &record, random)?;
        store.note(vault)?;
        Ok(store)
    }

    fn open_with(
        path: &Path,
        record: &MailRecord,
        random: Arc<dyn Random>,
    ) -> Result<Self, MailError> {
        let connection = file::open(path)?;
        let mut store = Self {
            connection,
            keys: Keys::new(&record.secret),
            file: path.to_owned(),
            random,
            tally: Tally::default(),
            free: Vec::new(),
            notices: Vec::new(),
            soiled: true,
        };
        store.read_tally()?;
        if store.tally.changes < record.changes {
            let (noted, found) = (record.changes, store.tally.changes);
            store.notices.push(Notice::Older { noted, found });
            // It goes on from there, so that the next older copy is noticed too.
            store.tally.changes = noted;
        }
        store.find_free()?;
        store.change(|_| Ok::<(), MailError>(()))?;
        Ok(store)
    }

    /// What its user should know of the file. Emptied by asking.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Notes in the vault how many changes there were: an older copy of the file that is put back later is noticed.
    /// Done at opening; worth doing before the program ends, and after keys were published.
    ///
    /// # Errors
    /// [`MailError::Vault`].
    pub fn note(&mut self, vault: &mut Vault) -> Result<(), MailError> {
        let changes = self.tally.changes;
        let noted = vault.contents().mail.as_ref().is_some_and(|mail| mail.changes == changes);
        if !noted {
            vault.update(|contents| {
                if let Some(mail) = &mut contents.mail {
                    mail.changes = changes;
                }
            })?;
        }
        Ok(())
    }

    /// What is kept, for reading.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { connection: &self.connection, keys: &self.keys, file: &self.file }
    }

    /// Makes changes, all of them or, if one fails, none. Durable on return; what was deleted is then in neither file
    /// nor journal, but for [`Notice::Journal`].
    ///
    /// # Errors
    /// What `make` gives, and [`MailError`] if the changes cannot be kept.
    pub fn change<T, E: From<MailError>>(
        &mut self,
        make: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut tally, mut free) = (self.tally.clone(), self.free.clone());
        let (result, erased) = self.attempt(&mut tally, &mut free, make)?;
        self.tally = tally;
        self.free = free;
        self.soiled |= erased;
        if self.soiled {
            // The changes are kept, whatever comes of this.
            self.soiled = !file::cut_journal(&self.connection).unwrap_or(false);
            if self.soiled && !self.notices.contains(&Notice::Journal) {
                self.notices.push(Notice::Journal);
            }
        }
        Ok(result)
    }

    fn attempt<T, E: From<MailError>>(
        &mut self,
        tally: &mut Tally,
        free: &mut Vec<i64>,
        make: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
    ) -> Result<(T, bool), E> {
        let Self { connection, keys, file, random, .. } = self;
        let failed = |error| MailError::from_sqlite(file, error);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let view = View { connection: &transaction, keys, file };
        let mut change = Change::new(view, &**random, tally, free);
        let result = make(&mut change)?;
        change.tally.changes = change.tally.changes.saturating_add(1);
        let erased = change.erased;
        write_tally(&transaction, keys, &**random, tally).map_err(|error| match error {
            Written::Sqlite(error) => failed(error),
            Written::Other(error) => error,
        })?;
        transaction.commit().map_err(failed)?;
        Ok((result, erased))
    }

    /// Reads the tally, and compares it with the rows.
    fn read_tally(&mut self) -> Result<(), MailError> {
        let failed = |error| MailError::from_sqlite(&self.file, error);
        let found = self.connection.query_row(
            "SELECT mark, version, sealed FROM store WHERE id = 1",
            [],
            |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?)),
        );
        let found = found.optional().map_err(failed)?;
        let found = match found {
            // A file that was just made.
            None if self.is_empty()? => return Ok(()),
            found => found,
        };
        let key = self.tally_key();
        let opened = found.as_ref().and_then(|(_, version, sealed)| {
            let bytes = seal::open(&key, &place_of_tally(*version), sealed)?;
            serde_json::from_slice::<Tally>(seal::unfilled(&bytes)?).ok()
        });
        let is_marked = found.is_some_and(|(mark, ..)| mark == self.mark());
        match opened {
            Some(tally) => {
                self.tally = tally;
                for table in TABLES {
                    let (sum, newest, version) = self.weigh(table)?;
                    if sum != self.tally.sum(table) {
                        self.notices.push(Notice::Rows { table });
                        self.tally.set_sum(table, sum);
                    }
                    self.tally.at_least(table, newest, version);
                }
            }
            None if is_marked => {
                for table in TABLES {
                    let (sum, newest, version) = self.weigh(table)?;
                    self.tally.set_sum(table, sum);
                    self.tally.at_least(table, newest, version);
                }
                self.notices.push(Notice::Tally);
            }
            None => return Err(MailError::OtherVault { file: self.file.clone() }),
        }
        let newest = self.query_number("SELECT coalesce(max(id), 0) FROM cell")?;
        self.tally.at_least("cell", newest, 0);
        Ok(())
    }

    fn is_empty(&self) -> Result<bool, MailError> {
        for table in TABLES {
            if self
                .query_number(&format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)"))?
                > 0
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn query_number(&self, sql: &str) -> Result<i64, MailError> {
        let number = self.connection.query_row(sql, [], |row| row.get(0));
        number.map_err(|error| MailError::from_sqlite(&self.file, error))
    }

    /// Tally, largest number and newest version of the rows that there are.
    fn weigh(&self, table: &'static str) -> Result<(seal::Keyed, i64, i64), MailError> {
        let failed = |error| MailError::from_sqlite(&self.file, error);
        let sql = format!("SELECT id, version FROM {table}");
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut scratch = Tally::default();
        let (mut newest, mut newest_version) = (0, 0);
        while let Some(row) = rows.next().map_err(failed)? {
            let (id, version): (i64, i64) =
                (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
            scratch.enter(table, &self.keys.weight(table, id, version));
            (newest, newest_version) = (newest.max(id), newest_version.max(version));
        }
        Ok((scratch.sum(table), newest, newest_version))
    }

    fn find_free(&mut self) -> Result<(), MailError> {
        let failed = |error| MailError::from_sqlite(&self.file, error);
        let sql = "SELECT id FROM cell WHERE key = zeroblob(72)";
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let free = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect);
        self.free = free.map_err(failed)?;
        Ok(())
    }

    fn tally_key(&self) -> Key {
        Key::new(self.keys.name("tally-key", b""))
    }

    /// By which the file is known as this vault's where its tally is damaged.
    fn mark(&self) -> Vec<u8> {
        self.keys.name("mark", b"").to_vec()
    }
}

enum Written {
    Sqlite(rusqlite::Error),
    Other(MailError),
}

fn place_of_tally(version: i64) -> Vec<u8> {
    [b"pregao/mail-store/tally/v1".as_slice(), &version.to_be_bytes()].concat()
}

fn write_tally(
    connection: &Connection,
    keys: &Keys,
    random: &dyn Random,
    tally: &Tally,
) -> Result<(), Written> {
    let version = i64::try_from(tally.changes).unwrap_or(i64::MAX);
    let bytes = rows::encode(tally).map_err(Written::Other)?;
    let filled = seal::fill_up(&bytes).unwrap_or_default();
    let key = Key::new(keys.name("tally-key", b""));
    let sealed = seal::seal(&key, &place_of_tally(version), &filled, random);
    let sealed = sealed.map_err(|error| Written::Other(error.into()))?;
    let mark = keys.name("mark", b"");
    connection
        .execute(
            "INSERT INTO store (id, mark, version, sealed) VALUES (1, ?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, version = excluded.version, sealed = excluded.sealed",
            params![mark.as_slice(), version, sealed],
        )
        .map(drop)
        .map_err(Written::Sqlite)
}

#[cfg(test)]
pub(crate) mod tests;
