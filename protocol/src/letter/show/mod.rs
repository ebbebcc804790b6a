//! What a third party can check of a letter, without any secret of its reader (SPEC 8.1).
//!
//! Its sender shows content and seeds: the envelope is made once more, and is the one whose digest stands, stamped, in
//! the reader's box. Its reader shows content and envelope: the signature is over the encapsulations in it. Either
//! convinces of evidence alone. A deniable letter proves nothing to anybody but its reader, and the answer says so.

use super::content::{Content, ContentError, Mode};
use super::envelope::{Begun, HEAD, LetterError, Place, Seeds};
use super::proof::{Bound, BoxKeys, Proof, ProofError, require_sender};
use crate::log::RoomName;
use crate::trust::key::Signature;
use crate::value::codec::Digest;

/// What was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The sender wrote this, to that box.
    Evidence(Box<Content>),
    /// The letter is deniable: its reader could have made it, and so could whoever shows it.
    ProvesNothingToOthers,
}

/// Why nothing was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShowError {
    /// What is shown is no content of a letter.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// With these seeds nothing is sealed.
    #[error(transparent)]
    Seal(#[from] LetterError),
    /// The envelope is another than the one that was deposited.
    #[error("the envelope is not the one that was deposited")]
    OtherEnvelope,
    /// It is not shown that the sender wrote it.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// What the sender of a letter shows.
#[derive(Debug, Clone, Copy)]
pub struct BySender<'a> {
    /// To which keys of which box it was sealed: the deposit names them.
    pub place: Place<'a>,
    /// What was sealed, proof included.
    pub content: &'a [u8],
    /// With what randomness.
    pub seeds: &'a Seeds,
}

impl BySender<'_> {
    /// Makes the envelope once more: its sender keeps no copy of it.
    ///
    /// # Errors
    /// [`ShowError::Content`], [`ShowError::Seal`].
    pub fn envelope(&self) -> Result<Vec<u8>, ShowError> {
        let (content, _) = Content::parse(self.content)?;
        let begun = Begun::new(&self.place, &content.hash(), self.seeds)?;
        Ok(begun.finish(self.content)?)
    }

    /// Makes the envelope once more and verifies its signature (V-252). `deposit` is the digest in the reader's box,
    /// `sender` what the opening of the sender's box says.
    ///
    /// # Errors
    /// [`ShowError`].
    pub fn verify(&self, deposit: &Digest, sender: &BoxKeys) -> Result<Shown, ShowError> {
        let (content, proof) = Content::parse(self.content)?;
        let hash = content.hash();
        let begun = Begun::new(&self.place, &hash, self.seeds)?;
        let bound = begun.bound(content.from().name, self.place.name, hash);
        if Digest::of(&begun.finish(self.content)?) != *deposit {
            return Err(ShowError::OtherEnvelope);
        }
        judge(content, &proof, &bound, sender)
    }
}

/// What the reader of a letter shows.
#[derive(Debug, Clone, Copy)]
pub struct ByReader<'a> {
    /// The reader's box.
    pub name: RoomName,
    /// Digest of the signed key that the deposit names.
    pub signed: Digest,
    /// The envelope that was deposited.
    pub envelope: &'a [u8],
    /// What was in it, proof included.
    pub content: &'a [u8],
}

impl ByReader<'_> {
    /// Verifies the signature over the encapsulations in the envelope (V-253). `deposit` is the digest in the reader's
    /// box, `sender` what the opening of the sender's box says.
    ///
    /// # Errors
    /// [`ShowError`].
    pub fn verify(&self, deposit: &Digest, sender: &BoxKeys) -> Result<Shown, ShowError> {
        let (content, proof) = Content::parse(self.content)?;
        let (from, hash) = (content.from().name, content.hash());
        let reader = (self.name, self.signed);
        let bound = of_envelope(reader, self.envelope, deposit, from, hash)?;
        judge(content, &proof, &bound, sender)
    }
}

/// What anybody shows who has the envelope, and of its content no more than its hash.
#[derive(Debug, Clone, Copy)]
pub struct ByHash<'a> {
    /// The reader's box.
    pub name: RoomName,
    /// Digest of the signed key that the deposit names.
    pub signed: Digest,
    /// The envelope that was deposited.
    pub envelope: &'a [u8],
    /// [`Content::hash`].
    pub hash: Digest,
    /// The proof of the content, of evidence.
    pub signature: &'a Signature,
}

impl ByHash<'_> {
    /// As [`ByReader::verify`]: that the sender wrote what is in there, without saying what (V-253).
    ///
    /// # Errors
    /// [`ShowError`].
    pub fn verify(&self, deposit: &Digest, sender: &BoxKeys) -> Result<(), ShowError> {
        let reader = (self.name, self.signed);
        let bound = of_envelope(reader, self.envelope, deposit, sender.name, self.hash)?;
        Ok(bound.verify_evidence(self.signature, &sender.key)?)
    }
}

/// What a signature is over, with the encapsulations of an envelope that has this digest.
fn of_envelope(
    (reader, signed): (RoomName, Digest),
    envelope: &[u8],
    deposit: &Digest,
    sender: RoomName,
    hash: Digest,
) -> Result<Bound, ShowError> {
    let head = envelope.first_chunk::<HEAD>().ok_or(ShowError::OtherEnvelope)?;
    if Digest::of(envelope) != *deposit {
        return Err(ShowError::OtherEnvelope);
    }
    let [_, encapsulations @ ..] = *head;
    Ok(Bound {
        sender,
        reader,
        signed,
        // A signature is not over this one: the encapsulation to it is.
        once: Digest([0; 32]),
        encapsulations: Box::new(encapsulations),
        hash,
    })
}

fn judge(
    content: Content,
    proof: &Proof,
    bound: &Bound,
    sender: &BoxKeys,
) -> Result<Shown, ShowError> {
    require_sender(&content, sender)?;
    match (content.mode(), proof) {
        (Mode::Evidence, Proof::Evidence(signature)) => {
            bound.verify_evidence(signature, &sender.key)?;
            Ok(Shown::Evidence(Box::new(content)))
        }
        (Mode::Deniable, Proof::Deniable(_)) => Ok(Shown::ProvesNothingToOthers),
        (Mode::Evidence, Proof::Deniable(_)) | (Mode::Deniable, Proof::Evidence(_)) => {
            Err(ProofError::Mode.into())
        }
    }
}

#[cfg(test)]
mod tests;
