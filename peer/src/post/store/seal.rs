//! Keys of the store, sealing under them, and hashes that only the store can make.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use pregao_protocol::host::{NoRandomness, Random};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::Secret;

/// Bytes of a nonce.
const NONCE: usize = 24;
/// What is sealed is filled up to a multiple of this, so that a row's size says little about a name or a short text.
pub(super) const BLOCK: usize = 128;
/// Bytes that say how many of a filled-up text count.
const LENGTH: usize = 4;

/// 32 bytes of a key. Wiped when dropped.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// A hash that only whoever has the store's secret can make: equal for equal things, and says nothing else of them.
pub(super) type Keyed = [u8; 32];

/// What is derived from the store's secret.
pub(super) struct Keys {
    cells: Key,
    names: Key,
    tally: Key,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    pub(super) fn new(secret: &Secret) -> Self {
        let from = Hkdf::<Sha256>::new(None, secret.expose());
        let derive = |label: &str| expand(&from, &[label.as_bytes()]);
        Self {
            cells: derive("pregao/mail-store/cells/v1"),
            names: derive("pregao/mail-store/names/v1"),
            tally: derive("pregao/mail-store/tally/v1"),
        }
    }

    /// The key under which the keys of rows are sealed.
    pub(super) const fn cells(&self) -> &Key {
        &self.cells
    }

    /// What stands in an index for something that is to stay hidden; `of` says what sort of thing it is.
    pub(super) fn name(&self, of: &str, what: &[u8]) -> Keyed {
        hash(&self.names, &[of.as_bytes(), &[0], what])
    }

    /// What one row counts for in the tally of its table.
    pub(super) fn weight(&self, table: &str, id: i64, version: i64) -> Keyed {
        hash(&self.tally, &[table.as_bytes(), &[0], &id.to_be_bytes(), &version.to_be_bytes()])
    }
}

/// HKDF-Expand (RFC 5869) under a key that is random already.
fn hash(key: &Key, what: &[&[u8]]) -> Keyed {
    let from = Hkdf::<Sha256>::from_prk(&**key).expect("32 bytes are as long as the hash");
    *expand(&from, what)
}

fn expand(from: &Hkdf<Sha256>, info: &[&[u8]]) -> Key {
    let mut key = Key::default();
    let expanded = from.expand_multi_info(info, &mut *key);
    expanded.expect("32 bytes are fewer than HKDF can give");
    key
}

/// Seals bytes for the one place that `place` names: nonce ‖ ciphertext ‖ tag.
pub(super) fn seal(
    key: &Key,
    place: &[u8],
    bytes: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, NoRandomness> {
    let mut nonce = [0; NONCE];
    random.fill(&mut nonce)?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: bytes, aad: place };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
    // It fails for 256 GiB and more.
    Ok([&nonce, sealed.unwrap_or_default().as_slice()].concat())
}

/// Opens what [`seal`] gave for the same place.
pub(super) fn open(key: &Key, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: sealed, aad: place };
    cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
}

/// Bytes with their length in front, filled up to a multiple of [`BLOCK`]. Nothing for 4 GiB and more.
pub(super) fn fill_up(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let length = u32::try_from(bytes.len()).ok()?;
    let size = bytes.len().checked_add(LENGTH)?.checked_next_multiple_of(BLOCK)?;
    let mut filled = Zeroizing::new(Vec::with_capacity(size));
    filled.extend_from_slice(&length.to_be_bytes());
    filled.extend_from_slice(bytes);
    filled.resize(size, 0);
    Some(filled)
}

/// What [`fill_up`] was given.
pub(super) fn unfilled(filled: &[u8]) -> Option<&[u8]> {
    let (length, rest) = filled.split_first_chunk::<LENGTH>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}
