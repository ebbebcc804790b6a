//! The rooms' keys: 32 random bytes each, whose destruction erases a room's links.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Random;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use zeroize::Zeroizing;

use super::StoreError;
use crate::store::file::{self, Format};
use crate::store::{OpenError, RoomName};

/// The key of one room's links. Wiped when dropped.
pub(super) type RoomKey = Zeroizing<[u8; 32]>;

const FORMAT: Format = Format { application_id: 0x5072_4b79, migrations: &[FIRST] };

/// A row without a key marks an erased room, which never gets a key again.
const FIRST: &str = "
CREATE TABLE room_key (
    room BLOB PRIMARY KEY CHECK (length(room) = 32),
    key BLOB CHECK (length(key) = 32)
) STRICT, WITHOUT ROWID;
";

/// How long rebuilding and cutting wait for another process: commits of all rooms wait meanwhile.
const SCRUB_BUSY: Duration = Duration::from_millis(50);

/// Most keys kept in memory; the file is asked for the others.
const CACHE: usize = 4096;

/// The file of keys, and the keys in use.
pub(super) struct RoomKeys {
    file: Connection,
    random: Arc<dyn Random>,
    cache: HashMap<RoomName, RoomKey>,
    /// Unused space of the file may hold keys that were destroyed.
    rebuild: bool,
    /// The journal may.
    cut: bool,
}

impl RoomKeys {
    pub(super) fn open(path: &Path, random: Arc<dyn Random>) -> Result<Self, OpenError> {
        let file = file::open(path, &FORMAT)?;
        file.pragma_update(None, "secure_delete", true)
            .map_err(|source| OpenError::Other { path: path.to_owned(), source })?;
        // Whatever was erased before may have been left unfinished by a crash; a file without
        // living or dead keys costs nothing to rebuild.
        Ok(Self { file, random, cache: HashMap::new(), rebuild: true, cut: true })
    }

    /// The key of a room, `Some(None)` if it is erased, `None` if it never had one.
    pub(super) fn find(&mut self, room: &RoomName) -> Result<Option<Option<RoomKey>>, StoreError> {
        if let Some(key) = self.cache.get(room) {
            return Ok(Some(Some(key.clone())));
        }
        let mut statement = self.file.prepare_cached("SELECT key FROM room_key WHERE room = ?1")?;
        let found = statement
            .query_row([&room.0], |row| row.get::<_, Option<[u8; 32]>>(0))
            .optional()?
            .map(|key| key.map(Zeroizing::new));
        drop(statement);
        if let Some(Some(key)) = &found {
            self.remember(*room, key);
        }
        Ok(found)
    }

    /// The keys of rooms, `None` for erased ones; new keys are durable when this returns.
    pub(super) fn find_or_make<'a>(
        &mut self,
        rooms: impl Iterator<Item = &'a RoomName>,
    ) -> Result<HashMap<RoomName, Option<RoomKey>>, StoreError> {
        let mut found = HashMap::new();
        let mut fresh = Vec::new();
        for room in rooms {
            if found.contains_key(room) {
                continue;
            }
            let key = match self.find(room)? {
                Some(key) => key,
                None => {
                    let mut key = RoomKey::default();
                    self.random.fill(&mut *key)?;
                    fresh.push((*room, key.clone()));
                    Some(key)
                }
            };
            found.insert(*room, key);
        }
        if !fresh.is_empty() {
            let transaction =
                self.file.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (room, key) in &fresh {
                transaction.execute(
                    "INSERT INTO room_key (room, key) VALUES (?1, ?2)",
                    params![&room.0, &**key],
                )?;
            }
            transaction.commit()?;
            for (room, key) in &fresh {
                self.remember(*room, key);
            }
        }
        Ok(found)
    }

    /// Takes keys away for good: durable when this returns. Their bytes may still be in unused
    /// parts of file and journal until [`RoomKeys::scrub`] succeeds.
    pub(super) fn erase(&mut self, rooms: &[RoomName]) -> Result<(), StoreError> {
        for room in rooms {
            self.cache.remove(room);
        }
        let transaction = self.file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut living = false;
        for room in rooms {
            let mut erased = transaction
                .prepare_cached("SELECT 1 FROM room_key WHERE room = ?1 AND key IS NULL")?;
            if erased.exists([&room.0])? {
                continue;
            }
            living = true;
            transaction.execute(
                "INSERT INTO room_key (room, key) VALUES (?1, NULL)
                 ON CONFLICT (room) DO UPDATE SET key = NULL",
                [&room.0],
            )?;
        }
        if living {
            transaction.commit()?;
            self.rebuild = true;
        }
        Ok(())
    }

    /// Whether bytes of destroyed keys may still be in a file.
    pub(super) const fn is_soiled(&self) -> bool {
        self.rebuild || self.cut
    }

    /// Rebuilds the file and cuts its journal, as far as either is still to be done. Waits for no
    /// other process: whoever holds the file makes this fail, and it is called again.
    pub(super) fn scrub(&mut self) -> Result<(), StoreError> {
        self.file.busy_timeout(SCRUB_BUSY)?;
        let scrubbed = self.scrub_now();
        self.file.busy_timeout(file::BUSY)?;
        scrubbed
    }

    fn scrub_now(&mut self) -> Result<(), StoreError> {
        if self.rebuild {
            // `secure_delete` clears the deleted cell itself, but moving cells between pages may
            // have left older copies in unused space, which only a rebuilt file is free of.
            self.file.execute_batch("VACUUM")?;
            // Not again while only a reader prevents it: each run makes the journal longer.
            (self.rebuild, self.cut) = (false, true);
        }
        if self.cut {
            self.checkpoint()?;
            self.cut = false;
        }
        Ok(())
    }

    /// As a commit would, writes; see [`file::probe`].
    pub(super) fn probe(&mut self) -> Result<(), StoreError> {
        file::probe(&mut self.file, &FORMAT)
    }

    /// Copies the journal into the file and cuts it to nothing.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        let busy: bool =
            self.file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy { Err(StoreError::InUse) } else { Ok(()) }
    }

    fn remember(&mut self, room: RoomName, key: &RoomKey) {
        if self.cache.len() >= CACHE {
            self.cache.clear();
        }
        self.cache.insert(room, key.clone());
    }
}
