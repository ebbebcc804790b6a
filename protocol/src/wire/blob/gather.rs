//! Pieces put together in order, and how many of them may be on their way.

use sha2::{Digest as _, Sha256};

use super::{BlobClass, Piece};
use crate::value::codec::Digest;
use crate::value::label::BLOB_CREDIT;

/// Why pieces do not become a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not the next piece, or one of a blob of another class.
    #[error("not the next piece of this blob")]
    Order,
    /// Pieces are missing.
    #[error("pieces of the blob are missing")]
    Incomplete,
    /// What came does not hash to the blob's name.
    #[error("the bytes are not those that the digest names")]
    Hash,
}

/// A blob whose pieces come: their order and their hash. The bytes are kept elsewhere.
#[derive(Debug, Clone)]
pub struct Gathering {
    digest: Digest,
    class: BlobClass,
    next: u64,
    hash: Sha256,
}

impl Gathering {
    /// Nothing has come of the blob of this name and class.
    #[must_use]
    pub fn of(digest: Digest, class: BlobClass) -> Self {
        Self { digest, class, next: 0, hash: Sha256::new() }
    }

    /// Its name.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Its class.
    #[must_use]
    pub const fn class(&self) -> BlobClass {
        self.class
    }

    /// Where the next piece begins, in bytes; the size once all have come.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Whether all pieces have come.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.next >= self.class.size()
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Fault::Order`]; then nothing of it counts.
    pub fn take(&mut self, piece: &Piece<'_>) -> Result<(), Fault> {
        if piece.class() != self.class || piece.offset() != self.next {
            return Err(Fault::Order);
        }
        self.hash.update(piece.bytes());
        self.next = self.next.saturating_add(self.class.piece());
        Ok(())
    }

    /// Whether the pieces are the blob.
    ///
    /// # Errors
    /// [`Fault::Incomplete`], [`Fault::Hash`].
    pub fn finish(self) -> Result<(), Fault> {
        if !self.is_complete() {
            Err(Fault::Incomplete)
        } else if Digest(self.hash.finalize().into()) == self.digest {
            Ok(())
        } else {
            Err(Fault::Hash)
        }
    }
}

/// Pieces on their way in one direction of a session that nobody has said to have come (V-267).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credit(usize);

impl Credit {
    /// Counts one more piece; false, and not counted, if it is one too many.
    pub fn take(&mut self) -> bool {
        let is_free = self.is_free();
        self.0 = self.0.saturating_add(usize::from(is_free));
        is_free
    }

    /// Whether one more may be sent.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.0 < BLOB_CREDIT
    }

    /// So many have come, or are waited for no longer.
    pub fn give_back(&mut self, pieces: usize) {
        self.0 = self.0.saturating_sub(pieces);
    }
}
