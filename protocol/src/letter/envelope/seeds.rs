//! The randomness of one envelope.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::trust::prekey::Randomness;
use crate::value::codec::Digest;
use crate::value::label;

/// All randomness of one envelope. Whoever shows it shows what was sealed, and before that it opens the letter: it is
/// kept by the sender alone. Fresh from a cryptographic generator for each letter. Wiped when dropped, hidden from
/// `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seeds([u8; 32]);

impl Seeds {
    /// Takes 32 bytes fresh from a cryptographic generator, or from where they were kept.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for keeping them at rest, or for showing what was sealed.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// What one part of one envelope takes. It depends on reader, keys and content, so that no seed is ever used for two
    /// plaintexts, even if a caller hands it in twice.
    pub(super) fn expand(&self, part: u8, info: &[u8], hash: &Digest, into: &mut [u8]) {
        let info = [label::LETTER_SEED.as_bytes(), &[part], &Digest::of(info).0, &hash.0].concat();
        let expanded = Hkdf::<Sha256>::new(None, &self.0).expand(&info, into);
        expanded.expect("no part is longer than HKDF can give");
    }

    pub(super) fn randomness(&self, part: u8, info: &[u8], hash: &Digest) -> Randomness {
        let mut randomness = Zeroizing::new([0; 64]);
        self.expand(part, info, hash, &mut *randomness);
        randomness
    }
}

impl fmt::Debug for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seeds(..)")
    }
}
