//! The sizes that sealed bytes beside the logs may have, so that a size says little about what is in them (SPEC 9.3).

use serde::{Deserialize, Serialize};

use crate::value::label::{BLOB_HEADER, BLOB_PIECE, MAX_BLOB, RECORD_BUCKETS};
use crate::value::padding::PREFIX;

/// Size of a blob whose one frame fills a record of this bucket.
const fn filling(bucket: usize) -> u64 {
    (bucket - PREFIX - BLOB_HEADER) as u64
}

/// What fills a record of 4,096 and of 16,384 bytes.
const SMALL: [u64; 2] = {
    let [_, _, _, _, small, _, _, medium, _, large] = RECORD_BUCKETS;
    // The largest piece fills the largest record.
    assert!(filling(large) == BLOB_PIECE);
    [filling(small), filling(medium)]
};

/// The size of a blob: one of eleven (V-266). In JSON its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BlobClass(u64);

/// Not a size that a blob may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no blob has this size")]
pub struct BlobClassError;

impl TryFrom<u64> for BlobClass {
    type Error = BlobClassError;
    fn try_from(size: u64) -> Result<Self, BlobClassError> {
        Self::of(size).ok_or(BlobClassError)
    }
}

impl From<BlobClass> for u64 {
    fn from(class: BlobClass) -> Self {
        class.0
    }
}

impl BlobClass {
    /// The class of blobs of exactly `size` bytes, if there is one.
    #[must_use]
    pub fn of(size: u64) -> Option<Self> {
        let pieces = size.checked_div(BLOB_PIECE)?;
        let is_large = size.is_multiple_of(BLOB_PIECE) && pieces.is_power_of_two();
        (SMALL.contains(&size) || is_large && size <= MAX_BLOB).then_some(Self(size))
    }

    /// The smallest class that holds `size` bytes, if one does.
    #[must_use]
    pub fn holding(size: u64) -> Option<Self> {
        Self::all().find(|class| size <= class.0)
    }

    /// Every class, the smallest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let doubled = |size: &u64| size.checked_mul(2).filter(|size| *size <= MAX_BLOB);
        let large = std::iter::successors(Some(BLOB_PIECE), doubled);
        SMALL.into_iter().chain(large).map(Self)
    }

    /// The smallest of them.
    pub const SMALLEST: Self = {
        let [smallest, _] = SMALL;
        Self(smallest)
    };

    /// Whether one frame carries it, as it does every envelope.
    #[must_use]
    pub const fn is_one_piece(self) -> bool {
        self.0 <= BLOB_PIECE
    }

    /// Bytes of a blob.
    #[must_use]
    pub const fn size(self) -> u64 {
        self.0
    }

    /// Bytes of each of its pieces; each begins at a multiple of this.
    #[must_use]
    pub fn piece(self) -> u64 {
        self.0.min(BLOB_PIECE)
    }

    /// Whether a piece begins there.
    #[must_use]
    pub fn has_piece_at(self, offset: u64) -> bool {
        offset < self.0 && offset.is_multiple_of(self.piece())
    }

    /// Whether a piece ends there.
    #[must_use]
    pub fn has_piece_before(self, offset: u64) -> bool {
        (1..=self.0).contains(&offset) && offset.is_multiple_of(self.piece())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_one_piece_and_json_knows_no_other_size() {
        let one_piece: Vec<u64> =
            BlobClass::all().filter(|class| class.is_one_piece()).map(BlobClass::size).collect();
        assert_eq!(one_piece, [4_028, 16_316, 65_451]);
        assert_eq!(BlobClass::SMALLEST.size(), 4_028);
        assert_eq!(serde_json::to_string(&BlobClass::SMALLEST).unwrap(), "4028");
        assert_eq!(serde_json::from_str::<BlobClass>("16755456").unwrap().size(), 16_755_456);
        for bad in ["0", "4027", "4029", "33510912", "-1", "\"4028\""] {
            assert!(serde_json::from_str::<BlobClass>(bad).is_err(), "{bad}");
        }
    }
}
