//! The rooms' keys: 32 random bytes each, whose destruction erases a room's links.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use zeroize::Zeroizing;

use super::StoreError;
use crate::store::file::{self, Format};
use crate::store::{OpenError, RoomName};

/// The key of one room's links. Wiped when dropped.
pub(super) type RoomKey = Zeroizing<[u8; 32]>;

const FORMAT: Format = Format { application_id: 0x5072_4b79, migrations: &[FIRST] };

/// A row without a key stands for an erased room, which never gets a key again.
const FIRST: &str = "
CREATE TABLE room_key (
    room BLOB PRIMARY KEY CHECK (length(room) = 32),
    key BLOB CHECK (length(key) = 32)
) STRICT, WITHOUT ROWID;
";

/// Most keys kept in memory; the file is asked for the others.
const CACHE: usize = 4096;

/// The file of keys, and the keys in use.
pub(super) struct RoomKeys {
    file: Connection,
    cache: HashMap<RoomName, RoomKey>,
}

impl RoomKeys {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let file = file::open(path, &FORMAT)?;
        file.pragma_update(None, "secure_delete", true)
            .map_err(|source| OpenError::Other { path: path.to_owned(), source })?;
        Ok(Self { file, cache: HashMap::new() })
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
                    getrandom::fill(&mut *key).map_err(|_| StoreError::Random)?;
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

    /// Destroys keys, in memory and in the file with its journal.
    pub(super) fn erase(&mut self, rooms: &[RoomName]) -> Result<(), StoreError> {
        for room in rooms {
            self.cache.remove(room);
        }
        let mut living = false;
        let transaction = self.file.transaction_with_behavior(TransactionBehavior::Immediate)?;
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
        if !living {
            drop(transaction);
            return Ok(());
        }
        transaction.commit()?;
        // `secure_delete` clears the deleted cell itself, but moving cells between pages may
        // have left older copies in unused space, which only a rebuilt file is free of.
        self.file.execute_batch("VACUUM")?;
        self.checkpoint()
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
