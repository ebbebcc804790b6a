//! A stock of one-time prekeys: one root in a box's log stands for all of them, and each comes with its path.

use std::collections::BTreeSet;

use crate::log::merkle::{ProofError, Tree, leaf_hash, root_from_path};
use crate::trust::prekey::PrekeyPublic;
use crate::value::codec::Digest;
use crate::value::label::MAX_STOCK;

/// Why keys are no stock, or a key is not of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StockError {
    /// None, or more than [`MAX_STOCK`].
    #[error("a stock has 1 to {max} keys, not {got}", max = MAX_STOCK)]
    Count {
        /// How many there are.
        got: u64,
    },
    /// One key is in it twice: the second letter under it could be opened by whoever keeps the first one's secret.
    #[error("a key is in the stock twice")]
    Twice,
    /// The path does not lead from this key, at this place, to the root.
    #[error("the key is not in the stock at this place")]
    NotAMember,
}

/// One-time keys with their tree (RFC 9162); a leaf is the digest of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock(Tree);

impl Stock {
    /// Builds the tree (V-241).
    ///
    /// # Errors
    /// [`StockError::Count`], [`StockError::Twice`].
    pub fn new(keys: &[PrekeyPublic]) -> Result<Self, StockError> {
        require_count(keys.len() as u64)?;
        let digests: Vec<Digest> = keys.iter().map(PrekeyPublic::digest).collect();
        if digests.iter().collect::<BTreeSet<_>>().len() != digests.len() {
            return Err(StockError::Twice);
        }
        Ok(Self(Tree::new(digests.iter().map(leaf).collect())))
    }

    /// The root, which a box's log holds.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.0.root()
    }

    /// How many keys there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.size()
    }

    /// The path from the key at `index` to the root; nothing if there is no such key.
    #[must_use]
    pub fn path(&self, index: u64) -> Option<Vec<Digest>> {
        self.0.path(index)
    }
}

/// Root of the tree over the keys' digests.
///
/// # Errors
/// As [`Stock::new`].
pub fn stock_root(keys: &[PrekeyPublic]) -> Result<Digest, StockError> {
    Stock::new(keys).map(|stock| stock.root())
}

/// Verifies that a key is the one at `index` of a stock of `count` keys with this root (V-241).
///
/// # Errors
/// [`StockError::Count`] if no stock has so many, [`StockError::NotAMember`] if the path leads elsewhere.
pub fn verify_member(
    root: &Digest,
    count: u64,
    index: u64,
    key: &PrekeyPublic,
    path: &[Digest],
) -> Result<(), StockError> {
    require_count(count)?;
    let reached: Result<Digest, ProofError> =
        root_from_path(&leaf(&key.digest()), index, count, path);
    if reached == Ok(*root) { Ok(()) } else { Err(StockError::NotAMember) }
}

fn require_count(got: u64) -> Result<(), StockError> {
    if (1..=u64::from(MAX_STOCK)).contains(&got) { Ok(()) } else { Err(StockError::Count { got }) }
}

fn leaf(digest: &Digest) -> Digest {
    leaf_hash(&digest.0)
}

#[cfg(test)]
mod tests;
