//! Sealing and opening (SPEC 8.1).
//!
//! An envelope is `which` ‖ encapsulation to the one-time key ‖ encapsulation to the signed key ‖ ciphertext, of its
//! class's size. `which` is 1 with a one-time key; without one it is 0, and random bytes stand in its place. The
//! encapsulations are made first, so that the proof inside can be over them.

use zeroize::Zeroizing;

use super::class::Class;
use super::content::{Content, ContentError};
use super::proof::{Author, Bound, ProofError};
use super::receipt::Sent;
use crate::log::RoomName;
use crate::trust::agreement::AgreementPublic;
use crate::trust::prekey::{ENCAPSULATED, PrekeyPublic, Psk, Sender};
use crate::trust::seal::SealError;
use crate::value::codec::Digest;
use crate::value::label;
use crate::value::padding::pad;

mod opened;
mod seeds;

pub(super) use opened::unseal;
pub use opened::{OpenError, Opened, Reading, open};
pub use seeds::Seeds;

/// Bytes in front of the ciphertext.
pub(super) const HEAD: usize = 1 + 2 * ENCAPSULATED;
/// Bytes that an envelope has beside its padded content: the head, and the tag at the end.
pub(super) const OVERHEAD: usize = HEAD + 16;

/// `which` without a one-time key.
const WITHOUT: u8 = 0;
/// `which` with one.
const WITH: u8 = 1;

/// To which keys of which box an envelope is sealed, and how large it is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The reader's box.
    pub name: RoomName,
    /// The signed key, the newest in the box's log.
    pub signed: &'a PrekeyPublic,
    /// A one-time key of the box's stock, used for nothing before; none only if the stock is empty.
    pub once: Option<&'a PrekeyPublic>,
    /// Size of the envelope.
    pub class: Class,
}

/// Whom a letter is for.
#[derive(Debug, Clone, Copy)]
pub struct Addressee<'a> {
    /// The box and its keys.
    pub place: Place<'a>,
    /// The box's agreement key.
    pub agreement: AgreementPublic,
}

/// Why nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LetterError {
    /// What was to be sealed cannot be sent.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// It does not fit its class.
    #[error("{got} bytes do not fit the {max} of this class")]
    TooLong {
        /// The room, in bytes.
        max: usize,
        /// The content, in bytes.
        got: usize,
    },
    /// The secrets are of another box than the one that writes, or nothing can be agreed on with the reader's.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// One key is handed in as both, or as none that can be sealed to.
    #[error("the keys to seal to are not two usable ones")]
    Keys,
}

/// A sealed letter.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The bytes that are deposited.
    pub envelope: Vec<u8>,
    /// What was sealed, proof included: for showing it later.
    pub content: Zeroizing<Vec<u8>>,
    /// What a read receipt is compared with.
    pub sent: Sent,
}

/// Digests and `info` of a place, which sender and reader both make.
pub(super) struct Bindings {
    label: &'static str,
    signed: Digest,
    once: Option<Digest>,
    info: Vec<u8>,
}

impl Bindings {
    #[cfg(test)]
    fn of(
        name: RoomName,
        signed: &PrekeyPublic,
        once: Option<&PrekeyPublic>,
        class: Class,
    ) -> Self {
        Self::labelled(label::LETTER, name, signed, once, class)
    }

    fn labelled(
        label: &'static str,
        name: RoomName,
        signed: &PrekeyPublic,
        once: Option<&PrekeyPublic>,
        class: Class,
    ) -> Self {
        let signed = signed.digest();
        let once = once.map(PrekeyPublic::digest);
        let or_zeros = once.unwrap_or(Digest([0; 32]));
        let info = [label.as_bytes(), &name.0, &signed.0, &or_zeros.0, &[class.code()]].concat();
        Self { label, signed, once, info }
    }

    pub(super) fn bound(
        &self,
        sender: RoomName,
        reader: RoomName,
        head: &[u8; HEAD],
        hash: Digest,
    ) -> Bound {
        let [_, encapsulations @ ..] = *head;
        Bound {
            sender,
            reader,
            signed: self.signed,
            once: self.once.unwrap_or(Digest([0; 32])),
            encapsulations: Box::new(encapsulations),
            hash,
        }
    }
}

/// What names the shared key of a letter with a one-time key: the digest of that key ‖ the encapsulation to it.
fn psk_id(once: &Digest, encapsulated: &[u8]) -> Vec<u8> {
    [once.0.as_slice(), encapsulated].concat()
}

/// An envelope of which the encapsulations are made.
pub(super) struct Begun {
    bindings: Bindings,
    head: Box<[u8; HEAD]>,
    sender: Sender,
    class: Class,
}

impl Begun {
    /// Makes the encapsulations for content with this hash.
    pub(super) fn new(
        place: &Place<'_>,
        hash: &Digest,
        seeds: &Seeds,
    ) -> Result<Self, LetterError> {
        Self::labelled(label::LETTER, place, hash, seeds)
    }

    /// As [`Begun::new`], for envelopes that are none of letters and begin what they are sealed with by another label.
    pub(super) fn labelled(
        label: &'static str,
        place: &Place<'_>,
        hash: &Digest,
        seeds: &Seeds,
    ) -> Result<Self, LetterError> {
        let keys = |_: SealError| LetterError::Keys;
        if place.once == Some(place.signed) {
            return Err(LetterError::Keys);
        }
        let bindings = Bindings::labelled(label, place.name, place.signed, place.once, place.class);
        let info = &bindings.info;
        let mut first = Zeroizing::new([0; ENCAPSULATED]);
        let shared = match place.once {
            Some(once) => {
                let sender = Sender::new(once, None, info, seeds.randomness(0, info, hash));
                let sender = sender.map_err(keys)?;
                *first = *sender.encapsulated();
                Some(sender.export(bindings.label.as_bytes()).map_err(keys)?)
            }
            None => {
                seeds.expand(2, info, hash, &mut *first);
                None
            }
        };
        let id = bindings.once.map(|once| psk_id(&once, &*first)).unwrap_or_default();
        let psk = shared.as_ref().map(|key| Psk { key, id: &id });
        let sender = Sender::new(place.signed, psk, info, seeds.randomness(1, info, hash));
        let sender = sender.map_err(keys)?;
        let which = if place.once.is_some() { WITH } else { WITHOUT };
        let head = [[which].as_slice(), &*first, sender.encapsulated()].concat();
        let head = head.try_into().map_err(|_| LetterError::Keys)?;
        Ok(Self { bindings, head, sender, class: place.class })
    }

    /// What a proof is over.
    pub(super) fn bound(&self, sender: RoomName, reader: RoomName, hash: Digest) -> Bound {
        self.bindings.bound(sender, reader, &self.head, hash)
    }

    /// Seals the content, proof included.
    pub(super) fn finish(self, content: &[u8]) -> Result<Vec<u8>, LetterError> {
        let too_long = LetterError::TooLong { max: self.class.most(), got: content.len() };
        let padded = pad(content, self.class.padded_size()).map(Zeroizing::new).ok_or(too_long)?;
        let sealed = self.sender.seal(&*self.head, &padded).map_err(|_| LetterError::Keys)?;
        Ok([self.head.as_slice(), &sealed].concat())
    }
}

/// Seals a letter or a read receipt (V-242, V-243). `seeds` are for this call alone; with the same ones, the same bytes
/// come out.
///
/// # Errors
/// [`LetterError`].
pub fn seal(
    content: &Content,
    to: &Addressee<'_>,
    by: &Author<'_>,
    seeds: &Seeds,
) -> Result<Sealed, LetterError> {
    content.check()?;
    let hash = content.hash();
    let reader = to.place.name;
    let begun = Begun::new(&to.place, &hash, seeds)?;
    let bound = begun.bound(content.from().name, reader, hash);
    let proof = bound.prove(content, by, &to.agreement)?;
    let bytes = content.encode(&proof);
    let envelope = begun.finish(&bytes)?;
    let sent = Sent {
        deposit: Digest::of(&envelope),
        content: hash,
        sender: content.from().name,
        reader,
        mode: content.mode(),
    };
    Ok(Sealed { envelope, content: bytes, sent })
}

#[cfg(test)]
mod tests;
