//! Sizes of sealed bytes that lie beside the logs: few, so that a size says little (SPEC 8.2).

use serde::{Deserialize, Serialize};

use crate::value::label;

/// How many bytes a blob has: one record's worth of three kinds, or the largest of those times a power of two,
/// up to [`label::MAX_BLOB`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BlobSize(u64);

/// Not a size that a blob may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no blob has this size")]
pub struct BlobSizeError;

impl BlobSize {
    /// The smallest in which so many bytes fit; nothing beyond [`label::MAX_BLOB`].
    #[must_use]
    pub fn fitting(bytes: u64) -> Option<Self> {
        Self::all().find(|size| bytes <= size.0)
    }

    /// Bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Whether a blob of this size fits one record, as an envelope does.
    #[must_use]
    pub fn is_one_record(self) -> bool {
        label::ENVELOPE_SIZES.contains(&self.0)
    }

    fn all() -> impl Iterator<Item = Self> {
        let [small, medium, large] = label::ENVELOPE_SIZES;
        let larger = std::iter::successors(Some(large), |size| size.checked_mul(2));
        let larger = larger.take_while(|size| *size <= label::MAX_BLOB);
        [small, medium].into_iter().chain(larger).map(Self)
    }
}

impl TryFrom<u64> for BlobSize {
    type Error = BlobSizeError;
    fn try_from(bytes: u64) -> Result<Self, BlobSizeError> {
        Self::all().find(|size| size.0 == bytes).ok_or(BlobSizeError)
    }
}

impl From<BlobSize> for u64 {
    fn from(size: BlobSize) -> Self {
        size.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_fill_one_record_and_larger_sizes_double() {
        let sizes: Vec<u64> = BlobSize::all().map(BlobSize::bytes).collect();
        assert_eq!(sizes.get(..4), Some(&[4_028, 16_316, 65_451, 130_902][..]));
        assert_eq!(sizes.last(), Some(&16_755_456));
        assert_eq!(sizes.len(), 11);
        let one_record: Vec<bool> = BlobSize::all().map(BlobSize::is_one_record).collect();
        assert_eq!(one_record.iter().filter(|one| **one).count(), 3);
        for (size, bucket) in label::ENVELOPE_SIZES.into_iter().zip([4_096, 16_384, 65_519]) {
            assert!(label::RECORD_BUCKETS.contains(&bucket));
            assert_eq!(size, bucket as u64 - 4 - label::BLOB_HEADER as u64);
        }
    }

    #[test]
    fn what_fits_gets_the_smallest_and_nothing_else_is_a_size() {
        for (bytes, size) in [(0, 4_028), (4_028, 4_028), (4_029, 16_316), (65_452, 130_902)] {
            assert_eq!(BlobSize::fitting(bytes).map(BlobSize::bytes), Some(size));
        }
        assert_eq!(BlobSize::fitting(16_755_456).map(BlobSize::bytes), Some(16_755_456));
        assert_eq!(BlobSize::fitting(16_755_457), None);
        for bad in [0, 1, 4_027, 4_029, 65_452, 16_755_456 * 2, u64::MAX] {
            assert_eq!(BlobSize::try_from(bad), Err(BlobSizeError), "{bad}");
        }
        assert_eq!(BlobSize::try_from(16_316).map(BlobSize::bytes), Ok(16_316));
    }
}
