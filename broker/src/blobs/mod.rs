//! Sealed bytes beside the logs (SPEC 9.3): put whole or not at all, durable before an entry names them,
//! destroyed when nobody does.
//!
//! - [`Blobs`] what sessions and rooms ask; [`Upload`] one that is being put
//! - [`Place`] where the bytes lie; [`Files`] in a folder
//! - [`Permission`] who may put and get
//! - `table` what is kept, and who may have how much under way
//!
//! What a broker knows of a blob besides its bytes is in memory. At a start the place says what there is, each
//! room claims what its log names, and the rest goes with a [`Blobs::sweep`].

mod permission;
mod place;
mod table;
mod upload;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pregao_protocol::host::Host;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::Blob;
use pregao_protocol::room::{BlobCode, Code};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_ANSWER;
use pregao_protocol::wire::blob::BlobClass;
use tokio::sync::Semaphore;

pub use permission::{Asker, Guests, Nobody, Owners, Permission};
pub use place::{Draft, Files, Place};
pub use table::Account;
pub use upload::Upload;

use crate::host;
use crate::tsa::stamps::StampClient;
use table::Table;
use upload::Reserved;

/// How long one access to the disk may take; one that hangs has failed.
const WITHIN: Duration = Duration::from_secs(MAX_ANSWER / 2);
/// Accesses that go on at once. One that nobody waits for any longer still holds a thread.
const ACCESSES: usize = 32;

/// How much a broker keeps (V-271).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Blobs that one account may have under way, or kept and not yet named.
    pub account_blobs: u64,
    /// Bytes of these.
    pub account_bytes: u64,
    /// Bytes of all that is under way, or kept and not yet named.
    pub unnamed_bytes: u64,
    /// Bytes that the entries of one room may name.
    pub room_bytes: u64,
}

impl Quotas {
    /// What a broker is given unless its operator says otherwise.
    pub const STANDARD: Self = Self {
        account_blobs: 16,
        account_bytes: 64 << 20,
        unnamed_bytes: 1 << 30,
        room_bytes: 256 << 20,
    };
}

/// The blobs of a broker.
#[derive(Debug, Clone)]
pub struct Blobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Arc<dyn Place>,
    quotas: Quotas,
    host: Host,
    accesses: Arc<Semaphore>,
    /// Held, on threads that may block, while a blob gets or loses its name: nothing is destroyed that was
    /// just kept again. The table is locked within.
    order: Mutex<()>,
    /// Never locked while anything waits for the disk.
    table: Mutex<Table>,
}

impl Inner {
    /// Does something with the disk where it may block, and not for ever.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<T, BlobCode> + Send + 'static,
    ) -> Result<T, BlobCode> {
        let accesses = Arc::clone(&self.accesses);
        let working = async move {
            let permit = accesses.acquire_owned().await.map_err(|_| BlobCode::Failed)?;
            let work = move || {
                let done = work();
                drop(permit);
                done
            };
            host::blocking(&self.host, work).await.unwrap_or(Err(BlobCode::Failed))
        };
        tokio::time::timeout(WITHIN, working).await.unwrap_or(Err(BlobCode::Failed))
    }

    async fn destroying(
        self: &Arc<Self>,
        digest: Digest,
        is_due: impl FnOnce(&mut Table) -> bool + Send + 'static,
    ) -> Result<bool, BlobCode> {
        let inner = Arc::clone(self);
        let work = move || inner.destroy(digest, is_due).map_err(|error| code_of(&error));
        self.blocking(work).await
    }

    /// Destroys what nobody gets any more, in a task of its own.
    fn begin_to_destroy(self: &Arc<Self>, going: Vec<Digest>) {
        if going.is_empty() {
            return;
        }
        let inner = Arc::clone(self);
        self.host.task(async move {
            for digest in going {
                // The cause was logged, and the sweep tries again.
                let _ = inner.destroying(digest, move |table| table.is_going(digest)).await;
            }
        });
    }

    /// Destroys what is to be destroyed, and is still so by the time that it is done.
    fn destroy(&self, digest: Digest, is_due: impl FnOnce(&mut Table) -> bool) -> io::Result<bool> {
        let _order = self.order.lock();
        if !is_due(&mut self.table.lock()) {
            return Ok(false);
        }
        // If this fails nobody gets it any more all the same, and the next sweep tries again.
        self.place.remove(digest)?;
        self.table.lock().gone(digest);
        Ok(true)
    }
}

impl Blobs {
    /// Takes up what a place holds. What no log names must be claimed before the first [`Blobs::sweep`].
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn open(place: Arc<dyn Place>, quotas: Quotas, host: Host) -> io::Result<Self> {
        let listing = Arc::clone(&place);
        let found = host::blocking(&host, move || listing.list()).await;
        let found =
            found.unwrap_or_else(|| Err(io::Error::other("listing the blobs broke off")))?;
        let (order, accesses) = (Mutex::default(), Arc::new(Semaphore::new(ACCESSES)));
        let table = Mutex::new(Table::found(found));
        Ok(Self { inner: Arc::new(Inner { place, quotas, host, accesses, order, table }) })
    }

    /// Begins to put a blob; nothing is written before its first piece, and nothing but what has come takes room of others.
    ///
    /// # Errors
    /// [`BlobCode::Quota`].
    pub fn put_begin(
        &self,
        account: Account,
        digest: Digest,
        class: BlobClass,
    ) -> Result<Upload, BlobCode> {
        let reserved = Reserved::take(&self.inner, account, class)?;
        Ok(Upload::begin(Arc::clone(&self.inner), reserved, digest))
    }

    /// The class of a blob that is kept.
    #[must_use]
    pub fn class(&self, digest: Digest) -> Option<BlobClass> {
        self.inner.table.lock().class(digest)
    }

    /// The piece of a blob that begins at `offset`, in bytes, with the class of the blob.
    ///
    /// # Errors
    /// [`BlobCode::Unknown`], [`BlobCode::Size`] if none begins there, [`BlobCode::Failed`].
    pub async fn get(&self, digest: Digest, offset: u64) -> Result<(BlobClass, Vec<u8>), BlobCode> {
        let class = self.class(digest).ok_or(BlobCode::Unknown)?;
        if !class.has_piece_at(offset) {
            return Err(BlobCode::Size);
        }
        let length = usize::try_from(class.piece()).map_err(|_| BlobCode::Failed)?;
        let inner = Arc::clone(&self.inner);
        let read = move || {
            let mut piece = vec![0; length];
            match inner.place.read(digest, offset, &mut piece) {
                Ok(()) => Ok((class, piece)),
                // It was destroyed meanwhile.
                Err(_) if inner.table.lock().class(digest).is_none() => Err(BlobCode::Unknown),
                Err(error) => Err(code_of(&error)),
            }
        };
        self.inner.blocking(read).await
    }

    /// An entry of a room that is to be logged names a blob which `account` put for it; it is kept from now on until the room
    /// releases it. What others put or named is as if it were not there (V-382). A room claims a blob once, however many of
    /// its entries name it, and each of them costs a put.
    ///
    /// # Errors
    /// [`Code::BlobMissing`] if the account has not put it here in this size, or too long ago; [`Code::BlobRoom`] if the room
    /// names as much as it may.
    pub fn claim(&self, blob: Blob, room: RoomName, account: Account) -> Result<(), Code> {
        self.inner.table.lock().claim(blob, room, account, &self.inner.quotas)
    }

    /// As [`Blobs::claim`], for an entry that is logged already.
    ///
    /// # Errors
    /// [`Code::BlobMissing`] if it is not there any more, [`Code::BlobRoom`].
    pub fn claim_logged(&self, blob: Blob, room: RoomName) -> Result<(), Code> {
        self.inner.table.lock().claim_logged(blob, room, &self.inner.quotas)
    }

    /// The entry for which a blob of an account's was claimed was not logged after all: it waits for another one, and counts
    /// as the account's again. `is_named` says whether other entries of the room name it.
    pub fn unclaim(&self, digest: Digest, room: RoomName, account: Account, is_named: bool) {
        self.inner.table.lock().unclaim(digest, room, account, is_named);
    }

    /// The rules of a room let a blob go: it is destroyed unless another room has claimed it, or somebody put it and may
    /// still. True if it is, on return and durably.
    ///
    /// # Errors
    /// [`BlobCode::Failed`]: nobody gets it any more, and [`Blobs::sweep`] tries again.
    pub async fn release(&self, digest: Digest, room: RoomName) -> Result<bool, BlobCode> {
        if !self.inner.table.lock().release(digest, room) {
            return Ok(false);
        }
        self.destroy(digest, move |table| table.is_going(digest)).await
    }

    /// The rules of a room let blobs go: at once nobody gets those that are of no use to anybody else, and they are destroyed
    /// as soon as the disk does it. If it fails, or the broker is killed before, [`Blobs::sweep`] does.
    pub(crate) fn let_go(&self, digests: Vec<Digest>, room: RoomName) {
        let going: Vec<Digest> = {
            let mut table = self.inner.table.lock();
            digests.into_iter().filter(|digest| table.release(*digest, room)).collect()
        };
        self.inner.begin_to_destroy(going);
    }

    /// All bytes of a blob.
    ///
    /// # Errors
    /// [`BlobCode::Unknown`], [`BlobCode::Failed`].
    pub(crate) async fn get_all(&self, digest: Digest) -> Result<Vec<u8>, BlobCode> {
        let class = self.class(digest).ok_or(BlobCode::Unknown)?;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < class.size() {
            let (_, piece) = self.get(digest, bytes.len() as u64).await?;
            bytes.extend(piece);
        }
        Ok(bytes)
    }

    /// Whether an entry of one of these rooms names a blob.
    pub(crate) fn is_named_by(&self, digest: Digest, rooms: &BTreeSet<RoomName>) -> bool {
        self.inner.table.lock().is_named_by(digest, rooms)
    }

    /// Destroys what no entry named for ten minutes of TSA time, counted from the first sweep that saw it so;
    /// says how many those were.
    pub async fn sweep(&self, now: Time) -> usize {
        let mut destroyed = 0_usize;
        let due = self.inner.table.lock().due(now);
        for digest in due {
            let done = self.destroy(digest, move |table| table.doom(digest, now)).await;
            destroyed = destroyed.saturating_add(usize::from(done == Ok(true)));
        }
        destroyed
    }

    async fn destroy(
        &self,
        digest: Digest,
        is_due: impl FnOnce(&mut Table) -> bool + Send + 'static,
    ) -> Result<bool, BlobCode> {
        self.inner.destroying(digest, is_due).await
    }
}

/// How often blobs are looked through for those that no entry names.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Sweeps while the TSA tells the time. To be begun once the logs have claimed what they name.
pub(crate) async fn keep_sweeping(blobs: Blobs, stamps: StampClient) {
    loop {
        if let Some(newest) = stamps.last().filter(|newest| !newest.is_down()) {
            blobs.sweep(newest.now()).await;
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

/// What is told of a failure of the disk.
fn code_of(error: &io::Error) -> BlobCode {
    tracing::warn!(%error, "the disk fails a blob");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobCode::NoSpace,
        _ => BlobCode::Failed,
    }
}

#[cfg(test)]
mod tests;
