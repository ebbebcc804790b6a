//! The signed head of a log: a C2SP `tlog-checkpoint` in a C2SP `signed-note`, signed with Ed25519.
//!
//! The format is fixed elsewhere, so it has no label of ours; the broker's head key signs nothing
//! else. Any tool that knows the two formats can check a head. Ours reads more strictly than they
//! ask: three lines of text and no extension, one spelling of each, the log's own signature first.
//! Signatures of others may follow; they are bounded here and judged by whoever knows their keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::RoomName;
use crate::trust::key::{Fingerprint, HeadKey, KeyError, PublicKey, Purpose, SecretKey, Signature};
use crate::trust::witness::WitnessName;
use crate::value::codec::Digest;
use crate::value::label;

pub mod cosignature;

/// Signature type of Ed25519 in a signed note.
const ED25519: u8 = 1;
/// What a signature line begins with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";
/// Bytes of the key id that precedes a signature.
const KEY_ID: usize = 4;

/// Why a text is not a signed head of the expected log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// More bytes than a head with all its cosignatures can have.
    #[error("a head of {got} bytes, longer than {max}")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
        /// The length, in bytes.
        got: usize,
    },
    /// Not the three lines, the blank line and the signature lines of a head, in their one
    /// spelling.
    #[error("not the canonical form of a signed head")]
    NotCanonical,
    /// The first line names another broker or another room.
    #[error("the head is of another log")]
    OtherLog,
    /// The first signature line is not by the expected key, by its name or its id.
    #[error("the head is not signed with the expected key")]
    OtherKey,
    /// The signature of the expected key does not verify.
    #[error(transparent)]
    Signature(#[from] KeyError),
    /// A line of a witness that counts here does not hold, or is there twice (V-141).
    #[error("the cosignature of {witness} does not hold")]
    Cosignature {
        /// The witness.
        witness: WitnessName,
    },
}

/// Which log a head is of: `pregao/<broker fingerprint>/<room name>` as text.
///
/// It is the first line of the head and the name of the key that signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Fingerprint of the broker's session key, by which peers know the broker.
    pub broker: Fingerprint,
    /// The room.
    pub room: RoomName,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pregao/{}/{}", self.broker, self.room)
    }
}

/// A text that names no log of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form pregao/<fingerprint of a broker>/<name of a room>")]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let names = text.strip_prefix("pregao/").and_then(|rest| rest.split_once('/'));
        let (broker, room) = names.ok_or(OriginError)?;
        let (broker, room) = (broker.parse(), room.parse());
        Ok(Self { broker: broker.map_err(|_| OriginError)?, room: room.map_err(|_| OriginError)? })
    }
}

/// Size and root of a log: what the broker commits to with each commit of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which log.
    pub origin: Origin,
    /// How many entries it has; at most [`label::MAX_LOG_SIZE`].
    pub size: u64,
    /// Root of the Merkle tree over the entries.
    pub root: Digest,
}

impl Head {
    /// Signs the head; the result is what travels.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<HeadKey>) -> String {
        let name = self.origin.to_string();
        let text = self.text();
        let mut blob = key_id(&name, ED25519, &key.public()).to_vec();
        blob.extend_from_slice(&key.sign(text.as_bytes()).0);
        format!("{text}\n{SIGNATURE_MARK}{name} {}\n", STANDARD.encode(blob))
    }

    /// Reads a signed head of a known log (V-024).
    ///
    /// Signature lines of others after the broker's must be well-formed and are not verified, so
    /// they are no part of what is returned.
    ///
    /// # Errors
    /// [`HeadError`] naming the first thing that differs.
    pub fn open(
        note: &str,
        expected: &Origin,
        key: &PublicKey<HeadKey>,
    ) -> Result<Self, HeadError> {
        if note.len() > label::MAX_HEAD {
            return Err(HeadError::TooLong { max: label::MAX_HEAD, got: note.len() });
        }
        let (text, signatures) = note.split_once("\n\n").ok_or(HeadError::NotCanonical)?;
        let name = expected.to_string();
        let head = Self::read_text(text, expected, &name)?;
        let signatures = signatures.strip_suffix('\n').ok_or(HeadError::NotCanonical)?;
        let signature = broker_signature(signatures, &name, key)?;
        key.verify(head.text().as_bytes(), &signature)?;
        Ok(head)
    }

    /// The log that a signed head says it is of, to find the key with which to [open](Self::open) it.
    ///
    /// # Errors
    /// [`OriginError`] if its first line names none.
    pub fn origin_of(note: &str) -> Result<Origin, OriginError> {
        note.split_once('\n').ok_or(OriginError)?.0.parse()
    }

    /// The signed lines, each with its line break.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    fn read_text(text: &str, expected: &Origin, name: &str) -> Result<Self, HeadError> {
        let (origin, size, root) = lines(text)?;
        if origin != name {
            return Err(HeadError::OtherLog);
        }
        Ok(Self { origin: *expected, size, root })
    }
}

/// Origin, size and root in the three lines of a head, without the last line break.
fn lines(text: &str) -> Result<(&str, u64, Digest), HeadError> {
    let mut lines = text.split('\n');
    let (Some(origin), Some(size), Some(root), None) =
        (lines.next(), lines.next(), lines.next(), lines.next())
    else {
        return Err(HeadError::NotCanonical);
    };
    let size_read: u64 = size.parse().map_err(|_| HeadError::NotCanonical)?;
    // A sign or a leading zero would be read as the same number.
    if size_read > label::MAX_LOG_SIZE || size_read.to_string() != size {
        return Err(HeadError::NotCanonical);
    }
    let root = decode(root)?.try_into().map_err(|_| HeadError::NotCanonical)?;
    Ok((origin, size_read, Digest(root)))
}

/// Reads the signature lines and gives the signature of the first, which is the broker's.
fn broker_signature(
    lines: &str,
    name: &str,
    key: &PublicKey<HeadKey>,
) -> Result<Signature, HeadError> {
    let mut lines = lines.split('\n');
    let (signer, blob) = read_signature_line(lines.next().unwrap_or_default())?;
    for (position, line) in lines.enumerate() {
        let (other, _) = read_signature_line(line)?;
        // The broker's line is counted too; two under its name would leave open which one counts.
        if position + 2 > label::MAX_HEAD_SIGNATURES || other == name {
            return Err(HeadError::NotCanonical);
        }
    }
    let signature = blob.strip_prefix(&key_id(name, ED25519, key)).filter(|_| signer == name);
    let signature = signature.ok_or(HeadError::OtherKey)?;
    signature.try_into().map(Signature).map_err(|_| HeadError::NotCanonical)
}

/// Splits one signature line into the signer's name and the bytes of key id and signature.
fn read_signature_line(line: &str) -> Result<(&str, Vec<u8>), HeadError> {
    let (name, blob) = line
        .strip_prefix(SIGNATURE_MARK)
        .and_then(|rest| rest.split_once(' '))
        .ok_or(HeadError::NotCanonical)?;
    let unfit = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    let blob = decode(blob)?;
    if name.is_empty() || name.contains(unfit) || blob.len() <= KEY_ID {
        return Err(HeadError::NotCanonical);
    }
    Ok((name, blob))
}

/// Standard base64 with padding, which the two formats use; one spelling for the same bytes.
fn decode(text: &str) -> Result<Vec<u8>, HeadError> {
    STANDARD.decode(text).map_err(|_| HeadError::NotCanonical)
}

/// What a signed note calls a key: the beginning of a hash over its name, type and bytes.
fn key_id<P: Purpose>(name: &str, kind: u8, key: &PublicKey<P>) -> [u8; KEY_ID] {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', kind])
        .chain_update(key.as_bytes())
        .finalize()
        .into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

#[cfg(test)]
mod tests;
