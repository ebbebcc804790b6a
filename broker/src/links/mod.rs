//! Who is behind which one-time key (SPEC 1): a durable store beside the log.
//!
//! A link is kept until its room's forfeit deadline has passed, encrypted under a key of its
//! room alone. The keys are in a file of their own, so that erasing a room means destroying 32
//! bytes, also for copies of `links.db` made before: backups must therefore never hold both
//! files. Which one-time keys exist is public, so they stay readable and indexed.
//!
//! The order of events makes a crash harmless: a room's key is durable before links under it, a
//! link before the entry it belongs to. What a crash leaves is a link without an entry, and the
//! same action submitted again replaces it.
//!
//! SQLite overwrites what it deletes (`secure_delete`) and the journal is cut to nothing. What a
//! file system or flash disk keeps of freed blocks is out of reach here: an operator who cares
//! puts the folder on an encrypted disk.

pub mod authors;
pub mod barred;
mod keys;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use parking_lot::Mutex;
use pregao_protocol::host::Random;
use pregao_protocol::trust::key::{OneTime, Persona, PublicKey};
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::value::codec::{array_from_base64url, from_base64url, to_base64url};
use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::store::file::{self, Format};
use crate::store::{OpenError, RoomName, StoreError};
use keys::{RoomKey, RoomKeys};

/// Name of the file that holds the encrypted links.
pub const LINKS_FILE: &str = "links.db";
/// Name of the file that holds the rooms' keys.
pub const KEYS_FILE: &str = "link-keys.db";

/// How a sealed text begins.
const SEALED: &str = "sealed/v1.";

/// Persona, blind and action id.
const PLAIN: usize = 32 + 32 + 16;

const FORMAT: Format = Format { application_id: 0x5072_4c6b, migrations: &[FIRST, barred::SECOND] };

const FIRST: &str = "
CREATE TABLE link (
    room BLOB NOT NULL CHECK (length(room) = 32),
    key BLOB NOT NULL CHECK (length(key) = 32),
    nonce BLOB NOT NULL CHECK (length(nonce) = 12),
    sealed BLOB NOT NULL CHECK (length(sealed) = 96),
    PRIMARY KEY (room, key)
) STRICT, WITHOUT ROWID;
";

/// Which persona made a one-time key, and how. Secret until the room's links are erased.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorLink {
    /// The one-time key; public.
    pub key: PublicKey<OneTime>,
    /// The persona it was made of.
    pub persona: PublicKey<Persona>,
    /// The blind it was made with.
    pub blind: Blind,
    /// The action it signed.
    pub action: Uuid,
}

impl fmt::Debug for AuthorLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorLink(..)")
    }
}

/// The links of every room, in a folder.
pub struct Links {
    inner: Mutex<Inner>,
    random: Arc<dyn Random>,
    /// Beside the lock, so that asking waits for nobody.
    unfinished: AtomicBool,
}

struct Inner {
    links: Connection,
    keys: RoomKeys,
    /// Rooms that were to be erased and may still have their key or links.
    owed: Vec<RoomName>,
}

impl Inner {
    fn erase_owed(&mut self) -> Result<(), StoreError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        self.keys.erase(&self.owed)?;
        let transaction = self.links.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for room in &self.owed {
            transaction.execute("DELETE FROM link WHERE room = ?1", [&room.0])?;
        }
        transaction.commit()?;
        self.owed.clear();
        Ok(())
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links(..)")
    }
}

impl Links {
    /// Opens the two files in `folder`, or creates them for their owner alone.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with a file and what to do.
    pub fn open(folder: &Path, random: Arc<dyn Random>) -> Result<Self, OpenError> {
        let keys = RoomKeys::open(&folder.join(KEYS_FILE), Arc::clone(&random))?;
        let links = file::open(&folder.join(LINKS_FILE), &FORMAT)?;
        let inner = Inner { links, keys, owed: Vec::new() };
        let opened = Self { inner: Mutex::new(inner), random, unfinished: AtomicBool::new(true) };
        // What cannot be finished now stays unfinished, and is no reason not to start.
        if let Err(error) = opened.finish() {
            tracing::warn!(%error, "erasing is not finished; tried again while the broker runs");
        }
        Ok(opened)
    }

    /// Makes the links of a group durable, each member's for one room, and answers each member.
    /// A link whose one-time key has one already in that room replaces it.
    ///
    /// # Errors
    /// A failure of the store, in which case nothing of the group is kept. A member of an erased
    /// room gets [`StoreError::Erased`] and the others are kept.
    pub fn put(
        &self,
        group: &[(RoomName, &[AuthorLink])],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let mut inner = self.inner.lock();
        let Inner { links, keys, owed: _ } = &mut *inner;
        if group.iter().all(|(_, links)| links.is_empty()) {
            return Ok(vec![Ok(()); group.len()]);
        }
        let rooms = group.iter().filter(|(_, links)| !links.is_empty()).map(|(room, _)| room);
        let found = keys.find_or_make(rooms)?;
        let transaction = links.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut answers = Vec::with_capacity(group.len());
        for (room, links) in group {
            let key = if links.is_empty() { None } else { found.get(room) };
            answers.push(match key {
                None => Ok(()),
                Some(None) => Err(StoreError::Erased { room: *room }),
                Some(Some(key)) => {
                    insert(&transaction, (room, key), links, &*self.random)?;
                    Ok(())
                }
            });
        }
        transaction.commit()?;
        Ok(answers)
    }

    /// All links of a room, or `None` once they are erased. A room without links has none.
    ///
    /// # Errors
    /// A failure of the store; [`StoreError::Value`] if a link was altered or put under another
    /// room or key.
    pub fn room(&self, room: &RoomName) -> Result<Option<Vec<AuthorLink>>, StoreError> {
        let mut inner = self.inner.lock();
        let key = match inner.keys.find(room)? {
            None => return Ok(Some(Vec::new())),
            Some(None) => return Ok(None),
            Some(Some(key)) => key,
        };
        let cipher = cipher(&key);
        let mut statement = inner
            .links
            .prepare_cached("SELECT key, nonce, sealed FROM link WHERE room = ?1 ORDER BY key")?;
        let mut rows = statement.query([&room.0])?;
        let mut links = Vec::new();
        while let Some(row) = rows.next()? {
            let sealed = row.get_ref(2)?.as_blob().map_err(|_| StoreError::Value("link"))?;
            links.push(open(&cipher, room, row.get(0)?, row.get(1)?, sealed)?);
        }
        Ok(Some(links))
    }

    /// Destroys the keys of rooms, which makes what is under them unreadable for good, and deletes
    /// the links. Rooms that are erased already, or have no links, are erased all the same: no
    /// link is accepted for them afterwards.
    ///
    /// The cost is that of rewriting the file of keys: erase many rooms at once.
    ///
    /// # Errors
    /// A failure of the store, or another process that holds the file. What is left to do is
    /// remembered, [`Links::finish`] does it, and only its success means that no byte of the keys
    /// is left. What is left at a crash is finished after the next [`Links::open`].
    pub fn erase(&self, rooms: &[RoomName]) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        for room in rooms {
            if !inner.owed.contains(room) {
                inner.owed.push(*room);
            }
        }
        self.unfinished.store(true, Ordering::Release);
        self.finish_in(&mut inner)
    }

    /// Whether something that was to be erased may still be there.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.unfinished.load(Ordering::Acquire)
    }

    /// Does what is left to do of erasing.
    ///
    /// # Errors
    /// As [`Links::erase`].
    pub fn finish(&self) -> Result<(), StoreError> {
        self.finish_in(&mut self.inner.lock())
    }

    fn finish_in(&self, inner: &mut Inner) -> Result<(), StoreError> {
        inner.erase_owed()?;
        if inner.keys.is_soiled() {
            inner.keys.scrub()?;
        }
        self.unfinished.store(false, Ordering::Release);
        Ok(())
    }

    /// Seals a text under the key of a room, so that erasing the room destroys it, wherever it
    /// was copied to. Give it back to [`Links::unseal`].
    ///
    /// # Errors
    /// A failure of the store; [`StoreError::Erased`] if the room is.
    pub fn seal(&self, room: &RoomName, text: &str) -> Result<String, StoreError> {
        let mut inner = self.inner.lock();
        let found = inner.keys.find_or_make(std::iter::once(room))?;
        let key = found.get(room).cloned().flatten();
        let key = key.ok_or(StoreError::Erased { room: *room })?;
        let mut nonce = [0_u8; 12];
        self.random.fill(&mut nonce)?;
        let sealed = cipher(&key)
            .encrypt(&Nonce::from(nonce), Payload { msg: text.as_bytes(), aad: &sealed_for(room) })
            .map_err(|_| StoreError::Malformed("a text could not be sealed"))?;
        Ok(format!("{SEALED}{}.{}", to_base64url(&nonce), to_base64url(&sealed)))
    }

    /// Opens what [`Links::seal`] gave; `None` once the room is erased. What is not sealed is
    /// given back as it is: earlier brokers sealed nothing.
    ///
    /// # Errors
    /// A failure of the store; [`StoreError::Value`] if the text was altered or is another room's.
    pub fn unseal(&self, room: &RoomName, text: &str) -> Result<Option<String>, StoreError> {
        let Some(sealed) = text.strip_prefix(SEALED) else { return Ok(Some(text.to_owned())) };
        let wrong = || StoreError::Value("held disclosure");
        let (nonce, sealed) = sealed.split_once('.').ok_or_else(wrong)?;
        let nonce: [u8; 12] = array_from_base64url(nonce).map_err(|_| wrong())?;
        let sealed = from_base64url(sealed).map_err(|_| wrong())?;
        let Some(Some(key)) = self.inner.lock().keys.find(room)? else { return Ok(None) };
        let plain = cipher(&key)
            .decrypt(&Nonce::from(nonce), Payload { msg: &sealed, aad: &sealed_for(room) })
            .map_err(|_| wrong())?;
        String::from_utf8(plain).map(Some).map_err(|_| wrong())
    }

    /// Makes a change durable in both files that means nothing.
    ///
    /// # Errors
    /// A failure of the store.
    pub fn probe(&self) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        inner.keys.probe()?;
        file::probe(&mut inner.links, &FORMAT)
    }

    /// Tidies up before the process ends; the store stays usable.
    ///
    /// # Errors
    /// A failure of the store. Everything put is durable all the same.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let inner = self.inner.lock();
        inner.keys.checkpoint()?;
        Ok(inner.links.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

fn cipher(key: &RoomKey) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new((&**key).into())
}

/// What a sealed text cannot be moved away from; of another length than for links.
const fn sealed_for(room: &RoomName) -> [u8; 32] {
    room.0
}

/// What a sealed link cannot be moved away from.
fn associated(room: &RoomName, key: &[u8; 32]) -> [u8; 64] {
    let mut bytes = [0; 64];
    let (first, second) = bytes.split_at_mut(32);
    first.copy_from_slice(&room.0);
    second.copy_from_slice(key);
    bytes
}

fn insert(
    connection: &Connection,
    (room, key): (&RoomName, &RoomKey),
    links: &[AuthorLink],
    random: &dyn Random,
) -> Result<(), StoreError> {
    let cipher = cipher(key);
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO link (room, key, nonce, sealed) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for link in links {
        let mut plain = Zeroizing::new(Vec::with_capacity(PLAIN));
        plain.extend_from_slice(link.persona.as_bytes());
        plain.extend_from_slice(link.blind.expose());
        plain.extend_from_slice(link.action.as_bytes());
        // Random nonces: 2^32 links of one room would repeat one with probability 2^-33.
        let mut nonce = [0_u8; 12];
        random.fill(&mut nonce)?;
        let aad = associated(room, link.key.as_bytes());
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: &plain, aad: &aad })
            .map_err(|_| StoreError::Malformed("a link could not be sealed"))?;
        statement.execute(params![&room.0, link.key.as_bytes(), nonce, sealed])?;
    }
    Ok(())
}

fn open(
    cipher: &ChaCha20Poly1305,
    room: &RoomName,
    key: [u8; 32],
    nonce: [u8; 12],
    sealed: &[u8],
) -> Result<AuthorLink, StoreError> {
    let aad = associated(room, &key);
    let plain = cipher
        .decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| StoreError::Value("link"))?;
    let parts = plain.split_first_chunk::<32>().and_then(|(persona, rest)| {
        let (blind, action) = rest.split_first_chunk::<32>()?;
        Some((persona, blind, <[u8; 16]>::try_from(action).ok()?))
    });
    let (persona, blind, action) = parts.ok_or(StoreError::Value("link"))?;
    Ok(AuthorLink {
        key: PublicKey::from_bytes(key),
        persona: PublicKey::from_bytes(*persona),
        blind: Blind::from_random(*blind),
        action: Uuid::from_bytes(action),
    })
}
