//! Opening an envelope, and what was in it.

use super::{Bindings, HEAD, WITH, WITHOUT, psk_id};
use crate::letter::class::Class;
use crate::letter::content::{Address, Content, ContentError, Mode};
use crate::letter::proof::{Bound, BoxKeys, Proof, ProofError};
use crate::letter::vouch::VouchError;
use crate::log::RoomName;
use crate::trust::agreement::AgreementSecret;
use crate::trust::prekey::{ENCAPSULATED, PrekeySecret, Psk, Receiver};
use crate::value::codec::Digest;
use crate::value::label;
use crate::value::padding::unpad;
use zeroize::Zeroizing;

/// The secrets of the reader that a deposit names, and its class.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The reader's box.
    pub name: RoomName,
    /// Secret of the signed key.
    pub signed: &'a PrekeySecret,
    /// Secret of the one-time key, if the deposit names one.
    pub once: Option<&'a PrekeySecret>,
    /// Size of the envelope.
    pub class: Class,
}

/// Why an envelope does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not of the size of its class.
    #[error("an envelope of {got} bytes, not of {expected}")]
    Size {
        /// Bytes of its class.
        expected: usize,
        /// Bytes that there are.
        got: usize,
    },
    /// It says that it was sealed to a one-time key and the deposit names none, or the other way round; or it says
    /// neither.
    #[error("the envelope is not sealed to the keys that its deposit names")]
    Which,
    /// Not sealed to these keys, for this box and class, or damaged.
    #[error("cannot be opened with these keys")]
    Open,
    /// Opened, and not padded by the rule.
    #[error("the content is not padded by the rule")]
    Padding,
    /// Opened, and it says nothing.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A read receipt for a letter that was sent from another box.
    #[error("a read receipt for another box")]
    Misdirected,
}

/// What was in an envelope. **Who wrote it is not known before [`Opened::verify`].**
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    content: Content,
    proof: Proof,
    deposit: Digest,
    used_once: bool,
    bound: Bound,
}

impl Opened {
    /// What it says.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Whom its proof convinces.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.content.mode()
    }

    /// Who wrote it, by its own account.
    #[must_use]
    pub const fn sender(&self) -> &Address {
        self.content.from()
    }

    /// The box in which it was.
    #[must_use]
    pub const fn reader(&self) -> RoomName {
        self.bound.reader
    }

    /// What shows who wrote it, not verified.
    #[must_use]
    pub const fn proof(&self) -> &Proof {
        &self.proof
    }

    /// SHA-256 of the envelope.
    #[must_use]
    pub const fn deposit(&self) -> Digest {
        self.deposit
    }

    /// [`Content::hash`].
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.bound.hash
    }

    /// Whether it was sealed to a one-time key too: if not, whoever steals the signed key's secret can open it.
    #[must_use]
    pub const fn used_once(&self) -> bool {
        self.used_once
    }

    /// Verifies that `sender` wrote it to this box in this envelope (V-247 to V-249). What the letter says of its
    /// sender's keys is only compared: `sender` comes from the address book, or from the box's opening. `own` is the
    /// agreement key of the box in which it was.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(&self, sender: &BoxKeys, own: &AgreementSecret) -> Result<(), ProofError> {
        self.bound.verify(&self.content, &self.proof, sender, own)
    }

    /// Verifies that the box with the keys `known` vouches for the one that it is from (V-385), whose own proof
    /// [`Opened::verify`] judges. `known` comes from the address book; `own` is the agreement key of the box in which it was.
    ///
    /// # Errors
    /// [`VouchError`].
    pub fn verify_vouch(&self, known: &BoxKeys, own: &AgreementSecret) -> Result<(), VouchError> {
        let vouch = self.content.vouch().ok_or(VouchError::None)?;
        vouch.verify(known, (self.reader(), own), self.sender(), self.content.id())
    }
}

/// Opens an envelope and reads it (V-242, V-243, V-245). With the one-time secret gone nothing opens (V-244).
///
/// # Errors
/// [`OpenError`].
pub fn open(reader: &Reading<'_>, envelope: &[u8]) -> Result<Opened, OpenError> {
    let Unsealed { padded, bindings, head, used_once } = unseal(label::LETTER, reader, envelope)?;
    let (content, proof) = Content::parse(unpad(&padded).ok_or(OpenError::Padding)?)?;
    if matches!(&content, Content::Read(receipt) if receipt.sender != reader.name) {
        return Err(OpenError::Misdirected);
    }
    let bound = bindings.bound(content.from().name, reader.name, &head, content.hash());
    Ok(Opened { content, proof, deposit: Digest::of(envelope), used_once, bound })
}

/// An envelope that was opened, before anybody read what is in it.
pub(in crate::letter) struct Unsealed {
    /// Padded as the rule says, or not.
    pub(in crate::letter) padded: Zeroizing<Vec<u8>>,
    pub(in crate::letter) bindings: Bindings,
    pub(in crate::letter) head: Box<[u8; HEAD]>,
    pub(in crate::letter) used_once: bool,
}

/// Opens an envelope of which `label` says of what sort it is.
pub(in crate::letter) fn unseal(
    label: &'static str,
    reader: &Reading<'_>,
    envelope: &[u8],
) -> Result<Unsealed, OpenError> {
    let size = OpenError::Size { expected: reader.class.envelope_size(), got: envelope.len() };
    if envelope.len() != reader.class.envelope_size() {
        return Err(size);
    }
    let (head, sealed) = envelope.split_first_chunk::<HEAD>().ok_or(size)?;
    let [which, encapsulations @ ..] = head;
    let used_once = match (*which, reader.once) {
        (WITH, Some(_)) => true,
        (WITHOUT, None) => false,
        _ => return Err(OpenError::Which),
    };
    let ([first, second], []) = encapsulations.as_chunks::<ENCAPSULATED>() else {
        return Err(size);
    };
    let once = reader.once.map(PrekeySecret::public);
    let signed = reader.signed.public();
    let bindings = Bindings::labelled(label, reader.name, &signed, once.as_ref(), reader.class);
    let info = &bindings.info;
    let shared = reader.once.map(|secret| {
        let receiver = Receiver::new(secret, None, info, first)?;
        receiver.export(label.as_bytes())
    });
    let shared = shared.transpose().map_err(|_| OpenError::Open)?;
    let id = bindings.once.map(|once| psk_id(&once, first)).unwrap_or_default();
    let psk = shared.as_ref().map(|key| Psk { key, id: &id });
    let padded = Receiver::new(reader.signed, psk, info, second)
        .and_then(|receiver| receiver.open(head, sealed))
        .map_err(|_| OpenError::Open)?;
    Ok(Unsealed { padded, bindings, head: Box::new(*head), used_once })
}
