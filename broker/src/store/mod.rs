//! The append-only store of room logs (SPEC 7.1).
//!
//! [`Log`] is what the broker needs of a store: compare-and-append of whole groups, and reads.
//! [`sqlite`] is the embedded implementation. The interface asks nothing that a distributed log
//! with "expected last sequence" could not give: one member of a group concerns one room.
//!
//! The store trusts its caller for the meaning of what it keeps: it checks sizes, sequence
//! numbers, shapes and that an action is answered once, never signatures or rules. Who is behind
//! a one-time key is kept elsewhere, in [`crate::links`].

mod error;
pub(crate) mod file;
#[cfg(test)]
pub(crate) mod fixture;
pub mod reader;
mod shared_entry;
pub mod sqlite;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;

use pregao_protocol::log::Logged;
use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

pub use error::{OpenError, StoreError};
pub use pregao_protocol::log::RoomName;
pub use pregao_protocol::room::Kind;
pub use shared_entry::SharedEntry;
pub use tree::StoredTree;

/// Most entries that one [`Log::read`] returns, whatever was asked for.
pub const MAX_PAGE: usize = 1024;

/// A room that begins with the append that carries this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoom {
    /// Of which kind it is.
    pub kind: Kind,
    /// Complete compact JWS of the opening action.
    pub opening: Arc<str>,
    /// When it was opened.
    pub created: Time,
}

/// A room as the store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoom {
    /// Its name.
    pub name: RoomName,
    /// Of which kind it is.
    pub kind: Kind,
    /// Complete compact JWS of the opening action.
    pub opening: String,
    /// When it was opened.
    pub created: Time,
    /// Number of entries in its log.
    pub size: u64,
}

/// A batch header that entries name. The store keeps each once, whatever logs name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// By which entries name it.
    pub hash: Digest,
    /// As transmitted (compact JWS).
    pub text: Arc<str>,
}

impl From<&VerifiedBatch> for Header {
    fn from(batch: &VerifiedBatch) -> Self {
        Self { hash: batch.hash(), text: batch.shared() }
    }
}

/// An entry about to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Position in the room's log, from 0.
    pub seq: u64,
    /// The entry as transmitted: canonical JSON, the bytes that the tree's leaf is the hash of.
    pub text: Arc<str>,
    /// The header that it names; it becomes durable with the first entry that names it.
    pub header: Header,
    /// Digest of the entry's action. An action is in at most one log, once.
    pub digest: Digest,
    /// The tree hashes that this record completes: leaf hash first, then each parent. Their
    /// number is fixed by `seq`: one more than the trailing zero bits of `seq + 1`.
    pub hashes: Vec<Digest>,
}

/// An entry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Position in the room's log, from 0.
    pub seq: u64,
    /// The entry as it was transmitted.
    pub text: String,
    /// The header that it names. Entries of one batch that were read together share it.
    pub header: Arc<str>,
    /// Digest of its action.
    pub digest: Digest,
}

impl StoredEntry {
    /// The entry with its header.
    #[must_use]
    pub fn logged(&self) -> Logged<'_> {
        Logged { entry: &self.text, header: &self.header }
    }
}

/// Newest signed head of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHead {
    /// Number of entries it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

/// A signed refusal, kept so that the same action gets the same answer again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRefusal {
    /// Digest of the refused action.
    pub digest: Digest,
    /// The refusal as signed.
    pub jws: Arc<str>,
    /// Its place among the refusals of its room; none for a listing, which has no room.
    pub leaf: Option<RefusalLeaf>,
}

/// Place of a refusal in the tree over all refusals of its room, in the order in which they were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalLeaf {
    /// How many refusals of the room precede it.
    pub seq: u64,
    /// The tree hashes that it completes, as [`NewEntry::hashes`].
    pub hashes: Vec<Digest>,
}

/// Change of what a room holds back until its counterpart arrives (reveal rooms, SPEC 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PendingChange {
    /// Keeps a payload for a role that has none.
    Hold {
        /// Who handed it in: one payload for each role.
        role: String,
        /// What was handed in.
        payload: Arc<str>,
    },
    /// Takes away the payload of a role that has one, normally with the append that logs it.
    Release {
        /// Whose payload.
        role: String,
    },
}

/// A payload held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPending {
    /// Who handed it in.
    pub role: String,
    /// What was handed in.
    pub payload: String,
}

/// What an action got as its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredAnswer {
    /// It is in a log.
    Entry {
        /// In which room.
        room: RoomName,
        /// At which position.
        seq: u64,
    },
    /// It was refused, with this signed refusal.
    Refusal(String),
}

/// One member of a group: everything in it becomes durable, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The room concerned. Refusals may name a room that does not exist.
    pub room: RoomName,
    /// Number of entries the log has; 0 with `new_room`. Checked unless the member holds
    /// nothing but refusals and a cosigned head.
    pub expected_size: u64,
    /// Makes the room. Needs at least one entry.
    pub new_room: Option<NewRoom>,
    /// Entries `expected_size`, `expected_size + 1`, …
    pub entries: Vec<NewEntry>,
    /// The signed head over all entries: present exactly when there are new ones.
    pub head: Option<Arc<str>>,
    /// Refusals of actions meant for this room.
    pub refusals: Vec<StoredRefusal>,
    /// Payloads to hold or to release.
    pub pending: Vec<PendingChange>,
    /// A head with cosignatures, which takes the place of one of a smaller or the same size.
    pub cosigned: Option<StoredHead>,
}

impl Append {
    /// An append that does nothing yet to a room of `expected_size` entries.
    #[must_use]
    pub const fn to(room: RoomName, expected_size: u64) -> Self {
        Self {
            room,
            expected_size,
            new_room: None,
            entries: Vec::new(),
            head: None,
            refusals: Vec::new(),
            pending: Vec::new(),
            cosigned: None,
        }
    }

    /// Whether more than refusals and a cosigned head is in it, so that the room's size matters.
    #[must_use]
    pub const fn changes_room(&self) -> bool {
        self.new_room.is_some() || !self.entries.is_empty() || !self.pending.is_empty()
    }

    /// Bytes of text in it: what bounds a group.
    #[must_use]
    pub fn weight(&self) -> usize {
        let held = self.pending.iter().map(|change| match change {
            PendingChange::Hold { payload, .. } => payload.len(),
            PendingChange::Release { .. } => 0,
        });
        let mut last = None;
        let entries = self.entries.iter().map(|entry| {
            let again = last.replace(entry.header.hash) == Some(entry.header.hash);
            entry.text.len() + if again { 0 } else { entry.header.text.len() }
        });
        entries.sum::<usize>()
            + self.refusals.iter().map(|refusal| refusal.jws.len()).sum::<usize>()
            + held.sum::<usize>()
            + self.cosigned.as_ref().map_or(0, |cosigned| cosigned.note.len())
    }

    /// Checks everything that needs no store.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] names the part that does not fit.
    pub fn check_shape(&self) -> Result<(), StoreError> {
        if self.new_room.is_some() && (self.expected_size != 0 || self.entries.is_empty()) {
            return Err(StoreError::Malformed("a new room starts at size 0 with an entry"));
        }
        if self.head.is_some() == self.entries.is_empty() {
            return Err(StoreError::Malformed("a head comes with new entries, and only then"));
        }
        let mut next = Some(self.expected_size);
        for entry in &self.entries {
            if Some(entry.seq) != next {
                return Err(StoreError::Malformed("sequence numbers do not follow the size"));
            }
            next = entry.seq.checked_add(1);
            if !completes(entry.seq, &entry.hashes) {
                return Err(StoreError::Malformed("an entry completes another number of hashes"));
            }
        }
        let leaves = self.refusals.iter().filter_map(|refusal| refusal.leaf.as_ref());
        if !leaves.clone().all(|leaf| completes(leaf.seq, &leaf.hashes)) {
            return Err(StoreError::Malformed("a refusal completes another number of hashes"));
        }
        Ok(())
    }
}

/// Whether leaf `seq` of a tree completes that many nodes.
fn completes(seq: u64, hashes: &[Digest]) -> bool {
    let completed = seq.checked_add(1).map(|size| size.trailing_zeros() + 1);
    u32::try_from(hashes.len()).ok() == completed
}

/// A durable, append-only store of room logs.
///
/// Calls block; the broker makes them from [`crate::writer`] and from blocking tasks.
pub trait Log: std::fmt::Debug + Send + Sync + 'static {
    /// Makes a group durable and answers each member, in order. A member that does not fit
    /// leaves the others untouched; later members see earlier ones. A failure of the store
    /// itself is the answer of every member, and nothing of the group is kept.
    fn commit(&self, group: &[Append]) -> Vec<Result<(), StoreError>>;

    /// Makes one append durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the log has another size; the other kinds of [`StoreError`]
    /// as they apply. Nothing of it is kept.
    fn append(&self, append: &Append) -> Result<(), StoreError> {
        let mut answers = self.commit(std::slice::from_ref(append));
        answers.pop().unwrap_or(Err(StoreError::Stopped))
    }

    /// Up to `limit` entries with their headers (never more than [`MAX_PAGE`]) from `from` on; none past the end.
    ///
    /// # Errors
    /// [`StoreError::UnknownRoom`], or a failure of the store.
    fn read(
        &self,
        room: &RoomName,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;

    /// All rooms, in the order in which they were made.
    ///
    /// # Errors
    /// A failure of the store.
    fn rooms(&self) -> Result<Vec<StoredRoom>, StoreError>;

    /// The newest signed head of a room.
    ///
    /// # Errors
    /// [`StoreError::UnknownRoom`], or a failure of the store.
    fn head(&self, room: &RoomName) -> Result<StoredHead, StoreError>;

    /// The newest cosigned head of a room that was kept; none if there is none, or no such room.
    ///
    /// # Errors
    /// A failure of the store.
    fn cosigned(&self, room: &RoomName) -> Result<Option<StoredHead>, StoreError>;

    /// How many refusals of a room have a place in its tree of refusals.
    ///
    /// # Errors
    /// A failure of the store.
    fn refused(&self, room: &RoomName) -> Result<u64, StoreError>;

    /// As [`Log::node`], of the tree over the refusals of a room.
    ///
    /// # Errors
    /// A failure of the store.
    fn refused_node(
        &self,
        room: &RoomName,
        level: u8,
        index: u64,
    ) -> Result<Option<Digest>, StoreError>;

    /// What the action with this digest got as its answer, if it had one.
    ///
    /// # Errors
    /// A failure of the store.
    fn answer(&self, digest: &Digest) -> Result<Option<StoredAnswer>, StoreError>;

    /// The tree hash of the node `index` at `level` (leaves are level 0), if it is complete.
    ///
    /// # Errors
    /// A failure of the store.
    fn node(&self, room: &RoomName, level: u8, index: u64) -> Result<Option<Digest>, StoreError>;

    /// The payloads a room holds back, by role.
    ///
    /// # Errors
    /// A failure of the store.
    fn pending(&self, room: &RoomName) -> Result<Vec<StoredPending>, StoreError>;

    /// Deletes the refusals of a room and says how many there were. Actions refused there are
    /// judged anew when they come again, so this is for rooms that have ended. Their places in the tree
    /// of refusals stay.
    ///
    /// # Errors
    /// A failure of the store.
    fn forget_refusals(&self, room: &RoomName) -> Result<u64, StoreError>;

    /// Makes a change durable that means nothing: succeeds where a commit would.
    ///
    /// # Errors
    /// A failure of the store.
    fn probe(&self) -> Result<(), StoreError>;

    /// Tidies up before the process ends; the store stays usable.
    ///
    /// # Errors
    /// A failure of the store. Everything committed is durable all the same.
    fn checkpoint(&self) -> Result<(), StoreError>;
}
