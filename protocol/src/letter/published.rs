//! The public keys that one `keys` of a box publishes, as they lie in its blob (V-290).

use crate::letter::stock::{Stock, StockError};
use crate::room::body::{Blob, Keys, Stock as StockEntry};
use crate::trust::prekey::{PUBLIC, PrekeyError, PrekeyPublic};
use crate::value::blob_class::BlobClass;
use crate::value::codec::Digest;

/// Why bytes are not the keys that an entry publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishedError {
    /// Other bytes than the entry names.
    #[error("not the bytes that the entry names")]
    Bytes,
    /// A key is none.
    #[error(transparent)]
    Key(#[from] PrekeyError),
    /// The one-time keys are no stock.
    #[error(transparent)]
    Stock(#[from] StockError),
    /// One key is signed and in the stock: a letter under both would be sealed to it twice.
    #[error("the signed key is in the stock, too")]
    Both,
    /// The entry names another signed key.
    #[error("the entry names another signed key")]
    Signed,
    /// The entry names another stock.
    #[error("the entry names another stock")]
    Root,
    /// Something follows the keys.
    #[error("there is more than the keys and zeros")]
    Rest,
}

/// A signed key, and the stock that was published with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKeys {
    signed: PrekeyPublic,
    stock: Vec<PrekeyPublic>,
    tree: Option<Stock>,
}

/// A one-time key with what shows its place in its stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceOf {
    /// Its position.
    pub index: u32,
    /// The key.
    pub key: PrekeyPublic,
    /// From its digest to the root.
    pub path: Vec<Digest>,
}

impl PublishedKeys {
    /// Keys to be published; `stock` may be empty.
    ///
    /// # Errors
    /// [`PublishedError::Stock`], [`PublishedError::Both`].
    pub fn new(signed: PrekeyPublic, stock: Vec<PrekeyPublic>) -> Result<Self, PublishedError> {
        let tree = if stock.is_empty() { None } else { Some(Stock::new(&stock)?) };
        if stock.contains(&signed) {
            return Err(PublishedError::Both);
        }
        Ok(Self { signed, stock, tree })
    }

    /// The blob: the signed key, the stock in its order, zeros up to the size.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.signed.as_bytes().to_vec();
        self.stock.iter().for_each(|key| bytes.extend(key.as_bytes()));
        let size = BlobClass::holding(bytes.len() as u64).map_or(0, BlobClass::size);
        bytes.resize(usize::try_from(size).unwrap_or(bytes.len()), 0);
        bytes
    }

    /// The entry that publishes them; nothing if no blob holds so many, which a stock's bound excludes.
    #[must_use]
    pub fn entry(&self) -> Option<Keys> {
        let bytes = self.bytes();
        let stock = self.tree.as_ref().and_then(|tree| {
            let count = u32::try_from(tree.count()).ok()?;
            Some(StockEntry { root: tree.root(), count })
        });
        let size = BlobClass::of(bytes.len() as u64)?;
        let blob = Blob { digest: Digest::of(&bytes), size };
        Some(Keys { signed: self.signed.digest(), stock, blob })
    }

    /// Reads a blob as the keys that an entry publishes (V-290).
    ///
    /// # Errors
    /// [`PublishedError`].
    pub fn open(entry: &Keys, bytes: &[u8]) -> Result<Self, PublishedError> {
        if bytes.len() as u64 != entry.blob.size.size() || Digest::of(bytes) != entry.blob.digest {
            return Err(PublishedError::Bytes);
        }
        let count = entry.stock.map_or(0, |stock| stock.count);
        let count = usize::try_from(count).map_err(|_| PublishedError::Bytes)?;
        let mut parts = bytes.chunks_exact(PUBLIC);
        let signed = PrekeyPublic::parse(parts.next().ok_or(PublishedError::Bytes)?)?;
        let stock = parts.by_ref().take(count).map(PrekeyPublic::parse);
        let keys = Self::new(signed, stock.collect::<Result<_, _>>()?)?;
        let length = count.saturating_add(1).saturating_mul(PUBLIC);
        if keys.stock.len() != count || bytes.iter().skip(length).any(|byte| *byte != 0) {
            return Err(PublishedError::Rest);
        }
        if keys.signed.digest() != entry.signed {
            return Err(PublishedError::Signed);
        }
        let root = keys.tree.as_ref().map(Stock::root);
        if root != entry.stock.map(|stock| stock.root) {
            return Err(PublishedError::Root);
        }
        Ok(keys)
    }

    /// The signed key.
    #[must_use]
    pub const fn signed(&self) -> &PrekeyPublic {
        &self.signed
    }

    /// The one-time keys, in their order.
    #[must_use]
    pub fn stock(&self) -> &[PrekeyPublic] {
        &self.stock
    }

    /// The one-time key at a position, with its path; nothing if there is none.
    #[must_use]
    pub fn once(&self, index: u32) -> Option<OnceOf> {
        let key = self.stock.get(usize::try_from(index).ok()?)?.clone();
        let path = self.tree.as_ref()?.path(index.into())?;
        Some(OnceOf { index, key, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::verify_member;
    use crate::trust::prekey::PrekeySecret;

    fn key(n: u8) -> PrekeyPublic {
        PrekeySecret::from_random([n; 32]).public()
    }

    fn keys() -> (Keys, Vec<u8>) {
        let keys = PublishedKeys::new(key(1), vec![key(2), key(3), key(4)]).unwrap();
        (keys.entry().unwrap(), keys.bytes())
    }

    /// The bytes, changed, under an entry that names them.
    fn changed(change: impl FnOnce(&mut Keys, &mut Vec<u8>)) -> Result<(), PublishedError> {
        let (mut entry, mut bytes) = keys();
        change(&mut entry, &mut bytes);
        entry.blob.digest = Digest::of(&bytes);
        PublishedKeys::open(&entry, &bytes).map(drop)
    }

    #[test]
    fn v290_keys_are_read_from_their_blob_and_each_one_time_key_has_its_place() {
        let (entry, bytes) = keys();
        assert_eq!((bytes.len(), entry.stock.unwrap().count), (16_316, 3));
        assert_eq!(bytes[PUBLIC..2 * PUBLIC], *key(2).as_bytes());
        let read = PublishedKeys::open(&entry, &bytes).unwrap();
        assert_eq!((read.signed(), read.stock().len()), (&key(1), 3));
        let root = entry.stock.unwrap().root;
        for index in 0..3 {
            let once = read.once(index).unwrap();
            assert_eq!(once.key, key(2 + u8::try_from(index).unwrap()));
            assert_eq!(verify_member(&root, 3, index.into(), &once.key, &once.path), Ok(()));
        }
        assert!(read.once(3).is_none());
        let alone = PublishedKeys::new(key(1), Vec::new()).unwrap();
        let entry = alone.entry().unwrap();
        assert_eq!((entry.stock, entry.blob.size.size()), (None, 4_028));
        assert_eq!(PublishedKeys::open(&entry, &alone.bytes()), Ok(alone.clone()));
        assert!(alone.once(0).is_none());
    }

    #[test]
    fn v290_whole_stocks_of_every_size_fit_a_blob() {
        let many: Vec<PrekeyPublic> =
            (0..=255).map(|n| PrekeySecret::from_random([n; 32]).public()).collect();
        let signed = PrekeySecret::from_random([9; 32].map(|byte: u8| byte ^ 0xa5)).public();
        assert!(!many[..172].contains(&signed));
        for (count, size) in [(12, 16_316), (13, 65_451), (52, 65_451), (53, 130_902)] {
            let keys = PublishedKeys::new(signed.clone(), many[..count].to_vec()).unwrap();
            let entry = keys.entry().unwrap();
            assert_eq!(entry.blob.size.size(), size, "{count}");
            assert_eq!(PublishedKeys::open(&entry, &keys.bytes()), Ok(keys));
        }
    }

    #[test]
    fn v290_other_keys_than_the_entry_names_are_refused() {
        assert_eq!(changed(|_, _| {}), Ok(()));
        let (entry, bytes) = keys();
        assert_eq!(PublishedKeys::open(&entry, &bytes[1..]), Err(PublishedError::Bytes));
        let mut other = bytes.clone();
        other[16_315] = 1;
        assert_eq!(PublishedKeys::open(&entry, &other), Err(PublishedError::Bytes));
        let last = |_: &mut Keys, bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() = 1;
        assert_eq!(changed(last), Err(PublishedError::Rest));
        let first = |_: &mut Keys, bytes: &mut Vec<u8>| bytes[4 * PUBLIC] = 1;
        assert_eq!(changed(first), Err(PublishedError::Rest));
        let signed = |_: &mut Keys, bytes: &mut Vec<u8>| {
            bytes[..PUBLIC].copy_from_slice(key(9).as_bytes());
        };
        assert_eq!(changed(signed), Err(PublishedError::Signed));
        let once = |_: &mut Keys, bytes: &mut Vec<u8>| {
            bytes[PUBLIC..2 * PUBLIC].copy_from_slice(key(9).as_bytes());
        };
        assert_eq!(changed(once), Err(PublishedError::Root));
        let swapped = |_: &mut Keys, bytes: &mut Vec<u8>| {
            bytes[PUBLIC..2 * PUBLIC].copy_from_slice(key(3).as_bytes());
            bytes[2 * PUBLIC..3 * PUBLIC].copy_from_slice(key(2).as_bytes());
        };
        assert_eq!(changed(swapped), Err(PublishedError::Root));
        let fewer = |entry: &mut Keys, _: &mut Vec<u8>| entry.stock.as_mut().unwrap().count = 2;
        assert_eq!(changed(fewer), Err(PublishedError::Rest));
        let none = |entry: &mut Keys, _: &mut Vec<u8>| entry.stock = None;
        assert_eq!(changed(none), Err(PublishedError::Rest));
    }

    #[test]
    fn v290_what_is_no_usable_key_is_refused_wherever_it_stands() {
        for place in 0..4 {
            let weak = |_: &mut Keys, bytes: &mut Vec<u8>| {
                bytes[(place + 1) * PUBLIC - 32..(place + 1) * PUBLIC].fill(0);
            };
            assert_eq!(changed(weak), Err(PublishedError::Key(PrekeyError::X25519)));
        }
        let more = |entry: &mut Keys, _: &mut Vec<u8>| entry.stock.as_mut().unwrap().count = 4;
        assert!(matches!(changed(more), Err(PublishedError::Key(_))));
        let beyond = |entry: &mut Keys, _: &mut Vec<u8>| entry.stock.as_mut().unwrap().count = 200;
        assert!(changed(beyond).is_err());
    }

    #[test]
    fn v290_one_key_is_published_once() {
        let both = PublishedKeys::new(key(1), vec![key(2), key(1)]);
        assert_eq!(both, Err(PublishedError::Both));
        let twice = PublishedKeys::new(key(1), vec![key(2), key(2)]);
        assert_eq!(twice, Err(PublishedError::Stock(StockError::Twice)));
    }
}
