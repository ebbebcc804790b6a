//! Who wrote a letter: for everybody by a signature, or for its reader alone by a MAC (SPEC 8.1).

use std::fmt;

use super::content::{Content, Mode};
use crate::log::RoomName;
use crate::trust::agreement::{AgreedKey, AgreementError, AgreementPublic, AgreementSecret, Mac};
use crate::trust::key::{BoxKey, KeyError, PublicKey, SecretKey, Signature};
use crate::trust::prekey::ENCAPSULATED;
use crate::value::codec::Digest;
use crate::value::label;

/// What is known of a box beforehand: from the address book, or from the box's opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxKeys {
    /// Its name.
    pub name: RoomName,
    /// The key by which its letters are evidence.
    pub key: PublicKey<BoxKey>,
    /// The key by which its letters convince their reader.
    pub agreement: AgreementPublic,
}

/// The secrets of the box from which a letter is sent.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// Signs what is to be evidence.
    pub key: &'a SecretKey<BoxKey>,
    /// Makes what convinces the reader alone.
    pub agreement: &'a AgreementSecret,
}

/// What shows who wrote a letter; base64url in JSON, of a length by its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By the sender's box key.
    Evidence(Signature),
    /// Under a key that sender and reader have in common.
    Deniable(Mac),
}

impl Proof {
    /// One of the right length that proves nothing.
    pub(super) const fn blank(mode: Mode) -> Self {
        match mode {
            Mode::Evidence => Self::Evidence(Signature([0; 64])),
            Mode::Deniable => Self::Deniable(Mac([0; 32])),
        }
    }

    pub(super) fn read(mode: Mode, text: &str) -> Option<Self> {
        match mode {
            Mode::Evidence => text.parse().map(Self::Evidence).ok(),
            Mode::Deniable => text.parse().map(Self::Deniable).ok(),
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evidence(signature) => signature.fmt(f),
            Self::Deniable(mac) => mac.fmt(f),
        }
    }
}

/// Why it is not shown that the sender wrote a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The letter names another box, or other keys of it, than those that are known.
    #[error("the letter is from another box than the one with these keys")]
    Sender,
    /// The agreement key is of small order: everybody could have made the MAC.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// The signature is another, or for another letter, box or envelope.
    #[error("the signature under the letter does not hold")]
    Signature(#[source] KeyError),
    /// The MAC is another, or for another letter, box or envelope.
    #[error("the MAC of the letter does not hold")]
    Mac,
    /// The proof is of the other mode than the letter.
    #[error("the proof is of another mode than the letter")]
    Mode,
}

/// Everything that a proof ties together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    /// Box of the sender.
    pub(super) sender: RoomName,
    /// Box of the reader.
    pub(super) reader: RoomName,
    /// Digest of the signed key.
    pub(super) signed: Digest,
    /// Digest of the one-time key, or zeros.
    pub(super) once: Digest,
    /// The two encapsulations, as the envelope has them.
    pub(super) encapsulations: Box<[u8; 2 * ENCAPSULATED]>,
    /// [`Content::hash`].
    pub(super) hash: Digest,
}

impl Bound {
    /// What a signature is over: label ‖ both boxes ‖ digest of the signed key ‖ both encapsulations ‖ hash of the content.
    /// Of the one-time key a deposit names the place alone, so whoever is shown a letter cannot compare it.
    pub(super) fn message(&self) -> Vec<u8> {
        self.message_over(label::MESSAGE, &[&self.signed.0])
    }

    /// As [`Bound::message`], for what is no letter, with the digests of both prekeys: its entry names them.
    pub(super) fn message_as(&self, label: &str) -> Vec<u8> {
        self.message_over(label, &[&self.signed.0, &self.once.0])
    }

    /// The keys are those of the very entry by which it is left: under others it is left, and dated, once more.
    fn message_over(&self, label: &str, keys: &[&[u8]]) -> Vec<u8> {
        let boxes = [label.as_bytes(), &self.sender.0, &self.reader.0].concat();
        let rest = [self.encapsulations.as_slice(), &self.hash.0].concat();
        [boxes, keys.concat(), rest].concat()
    }

    /// What a MAC is over: digests of the prekeys ‖ both encapsulations ‖ hash of the content.
    fn for_reader(&self) -> Vec<u8> {
        [&self.signed.0, &self.once.0, self.encapsulations.as_slice(), &self.hash.0].concat()
    }

    /// What the key of a MAC is for: label ‖ both boxes ‖ both agreement keys, the sender's first.
    pub(super) fn context(&self, sender: &AgreementPublic, reader: &AgreementPublic) -> Vec<u8> {
        self.context_as(label::DENIABLE, sender, reader)
    }

    /// As [`Bound::context`], for what is no letter.
    pub(super) fn context_as(
        &self,
        label: &str,
        sender: &AgreementPublic,
        reader: &AgreementPublic,
    ) -> Vec<u8> {
        [label.as_bytes(), &self.sender.0, &self.reader.0, &sender.0, &reader.0].concat()
    }

    /// Verifies a MAC.
    pub(super) fn verify_mac(&self, key: &AgreedKey, mac: &Mac) -> Result<(), ProofError> {
        key.verify(&self.for_reader(), mac).map_err(|_| ProofError::Mac)
    }

    pub(super) fn mac(&self, key: &AgreedKey) -> Proof {
        Proof::Deniable(key.mac(&self.for_reader()))
    }

    /// Proves that `by` wrote it, to the reader with this agreement key or to everybody.
    pub(super) fn prove(
        &self,
        content: &Content,
        by: &Author<'_>,
        reader: &AgreementPublic,
    ) -> Result<Proof, ProofError> {
        let from = content.from();
        if by.key.public() != from.key || by.agreement.public() != from.agreement {
            return Err(ProofError::Sender);
        }
        match content.mode() {
            Mode::Evidence => Ok(Proof::Evidence(by.key.sign(&self.message()))),
            Mode::Deniable => {
                let context = self.context(&from.agreement, reader);
                Ok(self.mac(&by.agreement.agree(reader, &context)?))
            }
        }
    }

    /// Verifies a signature (V-248).
    pub(super) fn verify_evidence(
        &self,
        signature: &Signature,
        key: &PublicKey<BoxKey>,
    ) -> Result<(), ProofError> {
        key.verify(&self.message(), signature).map_err(ProofError::Signature)
    }

    /// Verifies a proof of either mode (V-248, V-249) by what is known of its sender (V-247).
    pub(super) fn verify(
        &self,
        content: &Content,
        proof: &Proof,
        sender: &BoxKeys,
        own: &AgreementSecret,
    ) -> Result<(), ProofError> {
        require_sender(content, sender)?;
        match (content.mode(), proof) {
            (Mode::Evidence, Proof::Evidence(signature)) => {
                self.verify_evidence(signature, &sender.key)
            }
            (Mode::Deniable, Proof::Deniable(mac)) => {
                let context = self.context(&sender.agreement, &own.public());
                let key = own.agree(&sender.agreement, &context)?;
                self.verify_mac(&key, mac)
            }
            (Mode::Evidence, Proof::Deniable(_)) | (Mode::Deniable, Proof::Evidence(_)) => {
                Err(ProofError::Mode)
            }
        }
    }
}

/// Whether a letter is from the box that is known (V-247): its name and both its keys.
pub(super) fn require_sender(content: &Content, sender: &BoxKeys) -> Result<(), ProofError> {
    if content.from().keys() == *sender { Ok(()) } else { Err(ProofError::Sender) }
}

#[cfg(test)]
mod tests;
