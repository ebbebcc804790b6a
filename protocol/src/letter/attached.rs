//! Files beside a letter, sealed as blobs (V-320).

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use zeroize::Zeroizing;

use super::{Attachment, BlobKey};
use crate::value::blob_class::BlobClass;
use crate::value::codec::Digest;
use crate::value::label;

/// Bytes of the tag.
const TAG: u64 = 16;
/// The key seals one file and nothing else, so that there is only one nonce.
const NONCE: [u8; 12] = [0; 12];

/// Most bytes of an attached file.
pub const MAX_FILE: u64 = label::BLOB_PIECE * 256 - TAG;

/// Why a blob is not the file that a letter names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachedError {
    /// No blob holds so many bytes.
    #[error("a file has at most {max} bytes", max = MAX_FILE)]
    TooLarge,
    /// Other bytes than the letter names.
    #[error("not the bytes that the letter names")]
    Digest,
    /// Not sealed by the key in the letter, for a file of this size, or damaged.
    #[error("cannot be opened with the key in the letter")]
    Open,
    /// Something stands behind the file.
    #[error("there is more than the file and zeros")]
    Rest,
}

/// Seals a file: ChaCha20-Poly1305 (RFC 8439) under a key that is for this file alone, nonce of zeros, over the file and
/// zeros up to the smallest blob that holds it; its size is authenticated with it (V-320).
///
/// # Errors
/// [`AttachedError::TooLarge`].
pub fn seal_file(key: &BlobKey, file: &[u8]) -> Result<Vec<u8>, AttachedError> {
    let size = file.len() as u64;
    let class = size.checked_add(TAG).and_then(BlobClass::holding);
    let whole = class.ok_or(AttachedError::TooLarge)?.size().saturating_sub(TAG);
    let whole = usize::try_from(whole).map_err(|_| AttachedError::TooLarge)?;
    let mut filled = Zeroizing::new(Vec::with_capacity(whole));
    filled.extend_from_slice(file);
    filled.resize(whole, 0);
    let sealed =
        cipher(key).encrypt(&Nonce::from(NONCE), Payload { msg: &filled, aad: &bound(size) });
    sealed.map_err(|_| AttachedError::TooLarge)
}

/// Opens the blob that a letter names.
///
/// # Errors
/// [`AttachedError`].
pub fn open_file(named: &Attachment, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, AttachedError> {
    if Digest::of(blob) != named.digest {
        return Err(AttachedError::Digest);
    }
    let sealed = Payload { msg: blob, aad: &bound(named.size) };
    let opened = cipher(&named.key).decrypt(&Nonce::from(NONCE), sealed);
    let mut file = Zeroizing::new(opened.map_err(|_| AttachedError::Open)?);
    let size = usize::try_from(named.size).map_err(|_| AttachedError::Rest)?;
    match file.get(size..) {
        Some(rest) if rest.iter().all(|byte| *byte == 0) => file.truncate(size),
        _ => return Err(AttachedError::Rest),
    }
    Ok(file)
}

fn cipher(key: &BlobKey) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(key.0))
}

fn bound(size: u64) -> Vec<u8> {
    [label::ATTACHMENT.as_bytes(), &size.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(key: BlobKey, size: u64, blob: &[u8]) -> Attachment {
        Attachment {
            name: "a.jpg".to_owned().try_into().unwrap(),
            media_type: "image/jpeg".to_owned().try_into().unwrap(),
            digest: Digest::of(blob),
            size,
            key,
        }
    }

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn v320_a_file_of_every_size_comes_back_and_its_blob_is_of_a_class() {
        let mut classes = BlobClass::all();
        let smallest = classes.next().unwrap().size();
        let second = classes.next().unwrap().size();
        for (size, expected) in
            [(0, smallest), (1, smallest), (smallest - TAG, smallest), (smallest - TAG + 1, second)]
        {
            let file = vec![9; usize::try_from(size).unwrap()];
            let blob = seal_file(&BlobKey(KEY), &file).unwrap();
            assert_eq!(blob.len() as u64, expected, "{size}");
            let opened = open_file(&named(BlobKey(KEY), size, &blob), &blob).unwrap();
            assert_eq!(*opened, file);
        }
        let most = usize::try_from(MAX_FILE).unwrap();
        let largest = BlobClass::all().last().unwrap().size();
        assert_eq!(seal_file(&BlobKey(KEY), &vec![0; most]).unwrap().len() as u64, largest);
        let more = vec![0; most + 1];
        assert_eq!(seal_file(&BlobKey(KEY), &more), Err(AttachedError::TooLarge));
    }

    #[test]
    fn v320_another_key_size_or_byte_opens_nothing() {
        let blob = seal_file(&BlobKey(KEY), b"words").unwrap();
        let open = |key, size, blob: &[u8]| open_file(&named(BlobKey(key), size, blob), blob);
        assert_eq!(open([8; 32], 5, &blob), Err(AttachedError::Open));
        assert_eq!(open(KEY, 4, &blob), Err(AttachedError::Open));
        assert_eq!(open(KEY, 6, &blob), Err(AttachedError::Open));
        for at in [0, 4, 5, blob.len() - 1] {
            let mut other = blob.clone();
            other[at] ^= 1;
            assert_eq!(open(KEY, 5, &other), Err(AttachedError::Open), "{at}");
            let named = named(BlobKey(KEY), 5, &blob);
            assert_eq!(open_file(&named, &other), Err(AttachedError::Digest), "{at}");
        }
        assert_eq!(open(KEY, 5, &blob[..blob.len() - 1]), Err(AttachedError::Open));
        assert_eq!(open(KEY, 5, b""), Err(AttachedError::Open));
    }

    #[test]
    fn v320_what_stands_behind_a_file_is_refused() {
        // Whoever has the key can seal anything with it.
        let filled = [b"words".as_slice(), &[0; 20], &[1], &[0; 3_986]].concat();
        let sealed = cipher(&BlobKey(KEY))
            .encrypt(&Nonce::from(NONCE), Payload { msg: &filled, aad: &bound(5) })
            .unwrap();
        let named = named(BlobKey(KEY), 5, &sealed);
        assert_eq!(open_file(&named, &sealed), Err(AttachedError::Rest));
        let short = cipher(&BlobKey(KEY))
            .encrypt(&Nonce::from(NONCE), Payload { msg: b"abc", aad: &bound(5) })
            .unwrap();
        let named = Attachment { digest: Digest::of(&short), ..named };
        assert_eq!(open_file(&named, &short), Err(AttachedError::Rest));
    }
}
