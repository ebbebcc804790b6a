//! A blob that is being put: piece by piece, whole or not at all.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use pregao_protocol::room::BlobCode;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::{BlobClass, Fault, Gathering, Piece};

use super::table::Account;
use super::{Draft, Inner, code_of};

/// A blob that is being put. Dropped, or once something fails, it leaves nothing behind.
pub struct Upload {
    inner: Arc<Inner>,
    /// Away while it is written; gone once something failed.
    parts: Option<Parts>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("next", &self.next()).finish_non_exhaustive()
    }
}

/// In the order in which they are dropped: a place among what is under way is given back last.
struct Parts {
    /// Begun with the first piece.
    draft: Option<Box<dyn Draft>>,
    gathering: Gathering,
    reserved: Reserved,
}

impl Upload {
    pub(super) fn begin(inner: Arc<Inner>, reserved: Reserved, digest: Digest) -> Self {
        let gathering = Gathering::of(digest, reserved.class);
        Self { inner, parts: Some(Parts { draft: None, gathering, reserved }) }
    }

    /// Where the next piece begins, in bytes; nothing once something failed.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        self.parts.as_ref().map(|parts| parts.gathering.next())
    }

    /// Whether all pieces have come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.gathering.is_complete())
    }

    /// Writes the next piece, which begins at `offset`, in bytes.
    ///
    /// # Errors
    /// [`BlobCode::Order`] if it is not the next, [`BlobCode::Size`] if it has another size, [`BlobCode::Quota`] if all is
    /// full and nobody has more, or it has given way to somebody who had less, [`BlobCode::NoSpace`], [`BlobCode::Failed`].
    /// Nothing is left of the upload then.
    pub async fn piece(&mut self, offset: u64, bytes: Bytes) -> Result<(), BlobCode> {
        let mut parts = self.parts.take().ok_or(BlobCode::Order)?;
        let inner = Arc::clone(&self.inner);
        let write = move || {
            let class = parts.reserved.class;
            let piece = Piece::new(class, offset, &bytes).map_err(|_| BlobCode::Size)?;
            parts.gathering.take(&piece).map_err(|_| BlobCode::Order)?;
            parts.reserved.grow(piece.bytes().len() as u64)?;
            let draft = match &mut parts.draft {
                Some(draft) => draft,
                none => {
                    let draft = inner.place.begin(parts.gathering.digest());
                    none.insert(draft.map_err(|error| code_of(&error))?)
                }
            };
            draft.append(piece.bytes()).map_err(|error| code_of(&error))?;
            Ok(parts)
        };
        self.parts = Some(self.inner.blocking(write).await?);
        Ok(())
    }

    /// Keeps the blob: on return it is durable, and waits for an entry that names it.
    ///
    /// # Errors
    /// [`BlobCode::Size`] if pieces are missing, [`BlobCode::Hash`] if it is another blob than was
    /// announced, [`BlobCode::Order`] if something failed before, [`BlobCode::Quota`] if it has given way,
    /// [`BlobCode::NoSpace`], [`BlobCode::Failed`].
    pub async fn finish(mut self) -> Result<(), BlobCode> {
        let Parts { draft, gathering, reserved } = self.parts.take().ok_or(BlobCode::Order)?;
        let inner = Arc::clone(&self.inner);
        let keep = move || {
            let digest = gathering.digest();
            gathering.finish().map_err(|fault| match fault {
                Fault::Hash => BlobCode::Hash,
                _ => BlobCode::Size,
            })?;
            let mut draft = draft.ok_or(BlobCode::Size)?;
            draft.sync().map_err(|error| code_of(&error))?;
            let _order = inner.order.lock();
            if inner.table.lock().class(digest).is_none() {
                draft.keep().map_err(|error| code_of(&error))?;
            }
            reserved.keep(digest)
        };
        self.inner.blocking(keep).await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take().filter(|parts| parts.draft.is_some()) {
            // To remove a file may block.
            self.inner.host.spawn.blocking(Box::new(move || drop(parts)));
        }
    }
}

/// A place among what is under way, given back when dropped.
pub(super) struct Reserved {
    inner: Arc<Inner>,
    account: Account,
    class: BlobClass,
    number: u64,
}

impl Reserved {
    pub(super) fn take(
        inner: &Arc<Inner>,
        account: Account,
        class: BlobClass,
    ) -> Result<Self, BlobCode> {
        let number = inner.table.lock().begin(account, class, &inner.quotas)?;
        Ok(Self { inner: Arc::clone(inner), account, class, number })
    }

    /// A piece has come.
    fn grow(&self, piece: u64) -> Result<(), BlobCode> {
        let inner = &self.inner;
        let gone = inner.table.lock().grow(self.account, self.number, piece, &inner.quotas)?;
        inner.begin_to_destroy(gone);
        Ok(())
    }

    /// What was under way is kept: the place goes over to it.
    fn keep(self, digest: Digest) -> Result<(), BlobCode> {
        self.inner.table.lock().keep(digest, self.account, self.number)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.inner.table.lock().abandon(self.account, self.number);
    }
}
