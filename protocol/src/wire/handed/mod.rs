//! Keys of a box, handed out for one letter: a binary frame with the keys, and what proves that they are in the box's log
//! (SPEC 9.4).
//!
//! It begins with a header of 64 bytes: 0xB2, version 1, *why* (1 byte), five zeros, `n` (8 bytes), the box (32),
//! position of the one-time key (4), hashes of its path (4), bytes of the proof (4), four zeros; numbers are big-endian.
//! Then the signed key, if there is a one-time key that and its path, and the proof, one JSON object.

use serde::{Deserialize, Serialize};

use crate::letter::{OnceOf, StockError, verify_member};
use crate::log::merkle::{self, ProofError};
use crate::log::{Entry, EntryError, Head, HeadError, Origin, RoomName};
use crate::room::action::{Action, ActionError};
use crate::room::body::{Body, Keys, OnceKey};
use crate::trust::prekey::{PUBLIC, PrekeyError, PrekeyPublic};
use crate::value::codec::{Digest, hashes};
use crate::value::label::{MAX_COUNTER, MAX_FRAME, MAX_STOCK};

/// First byte of such a frame: no JSON text begins with it, and no frame about a blob.
const MARK: u8 = 0xb2;
const VERSION: u8 = 1;
/// Hashes of the longest path in a stock.
const MAX_PATH: usize = (u32::BITS - (MAX_STOCK - 1).leading_zeros()) as usize;

/// Why bytes are not handed keys, or not those of a box.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandedError {
    /// Not a frame of this sort and version.
    #[error("not a frame of keys")]
    Malformed,
    /// A key is none.
    #[error(transparent)]
    Key(#[from] PrekeyError),
    /// The box was not opened by this action, or an entry carries none.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// An entry is none.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The head is none that the broker signed for the log of the box.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// An entry is not in the log of that head.
    #[error(transparent)]
    NotIncluded(#[from] ProofError),
    /// They are of another box than the one that was asked for.
    #[error("keys of another box")]
    OtherBox,
    /// The entry shown publishes no keys, or others.
    #[error("the log names other keys")]
    Other,
    /// The one-time key is not in the stock that the log names.
    #[error(transparent)]
    Stock(#[from] StockError),
}

/// Whether a one-time key comes with the signed key, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// It comes, and is handed out to nobody else.
    Once,
    /// None is left.
    NoneLeft,
    /// So many were handed out lately that the broker keeps the others back (V-294).
    KeptBack,
}

impl Given {
    const fn byte(self) -> u8 {
        match self {
            Self::NoneLeft => 0,
            Self::Once => 1,
            Self::KeptBack => 2,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::NoneLeft),
            1 => Some(Self::Once),
            2 => Some(Self::KeptBack),
            _ => None,
        }
    }
}

/// An entry of a box's log with its place under a head. Its stamp is not verified: what is in it is by the box's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Included {
    /// The entry as logged.
    pub entry: String,
    /// Inclusion proof in the tree of the head.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
}

/// What shows that keys are in the log of their box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysProof {
    /// The newest signed head of the box.
    pub head: String,
    /// The newest `keys`, which names the signed key.
    pub keys: Included,
    /// The `keys` that published the stock, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Included>,
}

/// Keys of a box, as a broker hands them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// Number of the request, at most 2^53 − 1.
    pub n: u64,
    /// The box.
    pub room: RoomName,
    /// Whether there is a one-time key, and if not, why.
    pub given: Given,
    /// The signed key.
    pub signed: PrekeyPublic,
    /// The one-time key.
    pub once: Option<OnceOf>,
    /// Not verified.
    pub proof: KeysProof,
}

/// Keys that are in the log of their box, by their proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedKeys {
    /// The signed key.
    pub signed: PrekeyPublic,
    /// The one-time key, and where it stands.
    pub once: Option<(OnceKey, PrekeyPublic)>,
    /// Whether there is a one-time key, and if not, why.
    pub given: Given,
    /// Position of the `keys` that names the signed key: one that was seen at a later position before is newer.
    pub seq: u64,
    /// Entries of the log that the broker signed then.
    pub size: u64,
    /// What shows them to others.
    pub shown: KeysShown,
}

/// What a sender keeps of handed keys, so that others can be shown whose they are (V-307).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysShown {
    /// Actions `keys` of the box (compact JWS): the first states the signed key, the last the stock; one, unless the first
    /// does not state that stock.
    pub keys: Vec<String>,
    /// Path from the one-time key to the root of its stock; empty without one.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
}

/// Whether a frame is to be read as handed keys.
#[must_use]
pub fn is_handed(frame: &[u8]) -> bool {
    frame.first() == Some(&MARK)
}

impl Handed {
    /// Writes the frame; nothing if it does not fit one record, or is none by its fields.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let proof = serde_json::to_vec(&self.proof).ok()?;
        let path = self.once.as_ref().map_or(&[][..], |once| &once.path);
        let index = self.once.as_ref().map_or(0, |once| once.index);
        let fits = self.n <= MAX_COUNTER && path.len() <= MAX_PATH;
        if !fits || self.once.is_some() != (self.given == Given::Once) {
            return None;
        }
        let mut frame = vec![MARK, VERSION, self.given.byte(), 0, 0, 0, 0, 0];
        frame.extend(self.n.to_be_bytes());
        frame.extend(self.room.0);
        frame.extend(index.to_be_bytes());
        frame.extend(u32::try_from(path.len()).ok()?.to_be_bytes());
        frame.extend(u32::try_from(proof.len()).ok()?.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(self.signed.as_bytes());
        if let Some(once) = &self.once {
            frame.extend(once.key.as_bytes());
            path.iter().for_each(|hash| frame.extend(hash.0));
        }
        frame.extend(proof);
        (frame.len() <= MAX_FRAME).then_some(frame)
    }

    /// Reads the frame; nothing of it is verified but that its keys are some.
    ///
    /// # Errors
    /// [`HandedError::Malformed`], [`HandedError::Key`].
    pub fn parse(frame: &[u8]) -> Result<Self, HandedError> {
        if frame.len() > MAX_FRAME {
            return Err(HandedError::Malformed);
        }
        let mut rest = Rest(frame);
        let [mark, version, why, zeros @ ..] = rest.array::<8>()?;
        let n = u64::from_be_bytes(rest.array()?);
        let room = RoomName(rest.array()?);
        let index = u32::from_be_bytes(rest.array()?);
        let hashes = rest.length()?;
        let length = rest.length()?;
        let more_zeros = rest.array::<4>()?;
        let given = Given::of(why).ok_or(HandedError::Malformed)?;
        let has_once = given == Given::Once;
        let is_header = (mark, version, zeros, more_zeros) == (MARK, VERSION, [0; 5], [0; 4]);
        if !is_header || n > MAX_COUNTER || hashes > MAX_PATH {
            return Err(HandedError::Malformed);
        }
        if !has_once && (index, hashes) != (0, 0) {
            return Err(HandedError::Malformed);
        }
        let signed = PrekeyPublic::parse(rest.take(PUBLIC)?)?;
        let once = if has_once {
            let key = PrekeyPublic::parse(rest.take(PUBLIC)?)?;
            let path = (0..hashes).map(|_| rest.array().map(Digest)).collect::<Result<_, _>>()?;
            Some(OnceOf { index, key, path })
        } else {
            None
        };
        let proof = rest.take(length)?;
        let proof = serde_json::from_slice(proof).map_err(|_| HandedError::Malformed)?;
        rest.0.is_empty().then_some(()).ok_or(HandedError::Malformed)?;
        Ok(Self { n, room, given, signed, once, proof })
    }

    /// Verifies that the keys are in the log of the box that `opening` (compact JWS) opened (V-293). That there are no
    /// newer ones only the owner can see: a letter under replaced keys is refused (V-277).
    ///
    /// # Errors
    /// [`HandedError`].
    pub fn verify(&self, opening: &str) -> Result<VerifiedKeys, HandedError> {
        let opening = Action::parse(opening)?;
        let (Body::Box(_), Some(terms)) = (opening.body(), opening.body().terms()) else {
            return Err(HandedError::OtherBox);
        };
        if opening.room() != self.room {
            return Err(HandedError::OtherBox);
        }
        let origin = Origin { broker: terms.broker.session.fingerprint(), room: self.room };
        let head = Head::open(&self.proof.head, &origin, &terms.broker.head)?;
        let newest = self.proof.keys.shown(&opening, &head)?;
        if newest.keys.signed != self.signed.digest() {
            return Err(HandedError::Other);
        }
        let stock = self.proof.stock.as_ref();
        let stock = stock.map(|included| included.shown(&opening, &head)).transpose()?;
        // One spelling: a second entry only where there is one, and it is older.
        if stock.as_ref().is_some_and(|of| self.once.is_none() || of.seq >= newest.seq) {
            return Err(HandedError::Other);
        }
        // One that states both says all: there is one way to show it.
        let root = |shown: &Shown| shown.keys.stock.map(|stock| stock.root);
        let second = stock.as_ref().filter(|of| root(of) != root(&newest));
        let keys = std::iter::once(&newest).chain(second).map(|shown| shown.action.clone());
        let path = self.once.as_ref().map(|once| once.path.clone()).unwrap_or_default();
        let shown = KeysShown { keys: keys.collect(), path };
        let once = match &self.once {
            Some(once) => {
                let of = stock.as_ref().unwrap_or(&newest).keys.stock.ok_or(HandedError::Other)?;
                let OnceOf { index, key, path } = once;
                verify_member(&of.root, of.count.into(), (*index).into(), key, path)?;
                Some((OnceKey { stock: of.root, index: *index }, key.clone()))
            }
            None => None,
        };
        Ok(VerifiedKeys {
            signed: self.signed.clone(),
            once,
            given: self.given,
            seq: newest.seq,
            size: head.size,
            shown,
        })
    }
}

impl Included {
    /// What the owner of the box published in this entry.
    fn shown(&self, opening: &Action, head: &Head) -> Result<Shown, HandedError> {
        let entry = Entry::parse(&self.entry)?;
        let leaf = merkle::leaf_hash(self.entry.as_bytes());
        if merkle::root_from_path(&leaf, entry.seq, head.size, &self.path)? != head.root {
            return Err(ProofError::Mismatch.into());
        }
        let action = Action::parse(&entry.action)?;
        match action.body() {
            Body::Keys(keys)
                if action.room() == opening.room() && action.key() == opening.key() =>
            {
                let action = action.compact().to_owned();
                Ok(Shown { keys: keys.clone(), seq: entry.seq, action })
            }
            _ => Err(HandedError::Other),
        }
    }
}

/// A `keys` that is in the log.
struct Shown {
    keys: Keys,
    seq: u64,
    action: String,
}

/// What is still to be read of a frame.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], HandedError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(HandedError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HandedError> {
        self.take(N)?.try_into().map_err(|_| HandedError::Malformed)
    }

    fn length(&mut self) -> Result<usize, HandedError> {
        let length = u32::from_be_bytes(self.array()?);
        usize::try_from(length).map_err(|_| HandedError::Malformed)
    }
}

#[cfg(test)]
mod tests;
