//! Sizes of letters: three, so that the size says next to nothing.

use serde::{Deserialize, Serialize};

use super::envelope::OVERHEAD;
use crate::value::label::{BLOB_HEADER, RECORD_BUCKETS};
use crate::value::padding::PREFIX;

/// The size of a letter's envelope: with the header of a binary frame it fills one record of a session exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// In a record of 4,096 bytes.
    Small,
    /// In a record of 16,384 bytes.
    Medium,
    /// In a record of 65,519 bytes.
    Large,
}

impl Class {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Size of the envelope, in bytes.
    #[must_use]
    pub const fn envelope_size(self) -> usize {
        let [_, _, _, _, small, _, _, medium, _, large] = RECORD_BUCKETS;
        let record = match self {
            Self::Small => small,
            Self::Medium => medium,
            Self::Large => large,
        };
        record - PREFIX - BLOB_HEADER
    }

    /// Most bytes of content, proof included.
    #[must_use]
    pub const fn most(self) -> usize {
        self.padded_size() - PREFIX
    }

    /// Size to which the content is padded, in bytes.
    pub(super) const fn padded_size(self) -> usize {
        self.envelope_size() - OVERHEAD
    }

    /// The smallest class for content of so many bytes, proof included; nothing if it fits none.
    #[must_use]
    pub fn for_content(bytes: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|class| bytes <= class.most())
    }

    /// The class of envelopes of so many bytes, if there is one.
    #[must_use]
    pub fn of_envelope(bytes: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.envelope_size() as u64 == bytes)
    }

    /// How it is named in what is sealed.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Small => 0,
            Self::Medium => 1,
            Self::Large => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v242_an_envelope_fills_a_record_with_its_header_and_no_byte_more() {
        let sizes = Class::ALL.map(Class::envelope_size);
        assert_eq!(sizes, [4_028, 16_316, 65_451]);
        for size in sizes {
            assert!(RECORD_BUCKETS.contains(&(4 + 64 + size)), "{size}");
        }
    }

    #[test]
    fn v242_content_takes_the_smallest_class_that_it_fits() {
        assert_eq!(Class::ALL.map(Class::most), [1_767, 14_055, 63_190]);
        assert_eq!(Class::for_content(0), Some(Class::Small));
        let mut next = [Some(Class::Medium), Some(Class::Large), None].into_iter();
        for class in Class::ALL {
            assert_eq!(Class::for_content(class.most()), Some(class));
            assert_eq!(Class::for_content(class.most() + 1), next.next().unwrap());
        }
    }
}
