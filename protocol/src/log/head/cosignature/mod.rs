//! What a witness adds to a head: a C2SP `tlog-cosignature` with Ed25519 (V-141).
//!
//! It says that the witness saw this head at an instant, and that it extends every head of the same log
//! that it had cosigned before. The format is fixed elsewhere, so it has no label of ours; a witness's key
//! signs nothing else.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Head, HeadError, KEY_ID, SIGNATURE_MARK, key_id, lines, read_signature_line};
use crate::log::{Origin, RoomName};
use crate::trust::key::{KeyError, PublicKey, SecretKey, Signature, WitnessKey};
use crate::trust::witness::{Operator, Witness, WitnessName};
use crate::value::codec::Digest;
use crate::value::label;

/// Signature type of a cosignature with Ed25519 in a signed note.
const COSIGNATURE: u8 = 4;
/// Bytes of the time that precedes the signature.
const TIME: usize = 8;

/// A witness's signature over a head, with its date; which head, is known where this is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosignature {
    /// Whose it is.
    pub witness: PublicKey<WitnessKey>,
    /// When it was made, in seconds since 1970; at most 2^53 − 1.
    pub time: u64,
    /// Over the time and the three lines of the head.
    pub signature: Signature,
}

impl Cosignature {
    /// Cosigns a head. `time` is in seconds since 1970.
    #[must_use]
    pub fn sign(head: &Head, time: u64, key: &SecretKey<WitnessKey>) -> Self {
        let signature = key.sign(message(&head.text(), time).as_bytes());
        Self { witness: key.public(), time, signature }
    }

    /// Verifies it over a head.
    ///
    /// # Errors
    /// [`KeyError`] if it is not by this key over this head and time.
    pub fn verify(&self, head: &Head) -> Result<(), KeyError> {
        self.verify_text(&head.text())
    }

    /// Verifies it over a head's three lines, each with its line break.
    ///
    /// # Errors
    /// As [`Cosignature::verify`].
    pub fn verify_text(&self, text: &str) -> Result<(), KeyError> {
        if self.time > label::MAX_LOG_SIZE {
            return Err(KeyError::Signature);
        }
        self.witness.verify(message(text, self.time).as_bytes(), &self.signature)
    }

    /// The line that it is in a signed note, with its line break.
    #[must_use]
    pub fn line(&self, name: &WitnessName) -> String {
        let mut blob = id(name, &self.witness).to_vec();
        blob.extend_from_slice(&self.time.to_be_bytes());
        blob.extend_from_slice(&self.signature.0);
        format!("{SIGNATURE_MARK}{name} {}\n", STANDARD.encode(blob))
    }

    /// Reads a line of a signed note that is under a witness's name and key id; `None` if it is another's.
    ///
    /// # Errors
    /// [`HeadError::NotCanonical`] if it is no signature line, [`HeadError::Cosignature`] if it is this
    /// witness's and not as one has to be. The signature is not verified.
    pub fn of_line(line: &str, witness: &Witness) -> Result<Option<Self>, HeadError> {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let (name, blob) = read_signature_line(line)?;
        if name != witness.name.as_str() {
            return Ok(None);
        }
        let Some(rest) = blob.strip_prefix(&id(&witness.name, &witness.key)) else {
            return Ok(None);
        };
        let unfit = || HeadError::Cosignature { witness: witness.name.clone() };
        let (time, signature) = rest.split_at_checked(TIME).ok_or_else(unfit)?;
        let time = time.try_into().map(u64::from_be_bytes).map_err(|_| unfit())?;
        let signature = signature.try_into().map(Signature).map_err(|_| unfit())?;
        Ok(Some(Self { witness: witness.key, time, signature }))
    }
}

/// The cosignatures of these witnesses under a note that [`Head::open`] read as `head`, in the order of
/// `witnesses`. Lines of others are nobody's here.
///
/// # Errors
/// [`HeadError::Cosignature`] naming the witness of whom a line is there that does not hold, or two lines.
pub fn cosignatures<'a>(
    note: &str,
    head: &Head,
    witnesses: &'a [Witness],
) -> Result<Vec<(&'a Witness, Cosignature)>, HeadError> {
    let lines = note.split_once("\n\n").map_or("", |(_, lines)| lines);
    let mut found = Vec::new();
    for witness in witnesses {
        let unfit = || HeadError::Cosignature { witness: witness.name.clone() };
        let mut of_this = None;
        // The first line is the broker's.
        for line in lines.lines().skip(1) {
            let Some(cosignature) = Cosignature::of_line(line, witness)? else { continue };
            cosignature.verify(head).map_err(|_| unfit())?;
            if of_this.replace(cosignature).is_some() {
                return Err(unfit());
            }
        }
        found.extend(of_this.map(|cosignature| (witness, cosignature)));
    }
    Ok(found)
}

/// The operators of whom a cosignature is there, each once.
#[must_use]
pub fn operators<'a>(cosigned: &[(&'a Witness, Cosignature)]) -> BTreeSet<&'a Operator> {
    cosigned.iter().map(|(witness, _)| &witness.operator).collect()
}

/// What a witness signs, by the three lines of a head.
fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The three lines of a head of any log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadText {
    /// Which log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// Its root.
    pub root: Digest,
}

impl HeadText {
    /// Reads the three lines, each with its line break, in their one spelling.
    ///
    /// # Errors
    /// [`HeadError::NotCanonical`].
    pub fn parse(text: &str) -> Result<Self, HeadError> {
        let text = text.strip_suffix('\n').ok_or(HeadError::NotCanonical)?;
        let (origin, size, root) = lines(text)?;
        if origin.is_empty() || origin.chars().any(char::is_control) {
            return Err(HeadError::NotCanonical);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The room that it is of, if its origin names one.
    #[must_use]
    pub fn room(&self) -> Option<RoomName> {
        self.log().map(|origin| origin.room)
    }

    /// The log of a room that it is of, if it is one's.
    #[must_use]
    pub fn log(&self) -> Option<Origin> {
        let (broker, room) = self.origin.strip_prefix("pregao/")?.split_once('/')?;
        Some(Origin { broker: broker.parse().ok()?, room: room.parse().ok()? })
    }
}

fn id(name: &WitnessName, key: &PublicKey<WitnessKey>) -> [u8; KEY_ID] {
    key_id(name.as_str(), COSIGNATURE, key)
}

/// A witness's key as C2SP writes a verifier key: name, key id, type and key.
#[must_use]
pub fn verifier_key(name: &WitnessName, key: &PublicKey<WitnessKey>) -> String {
    let typed = [&[COSIGNATURE][..], key.as_bytes()].concat();
    format!("{name}+{}+{}", hex::encode(id(name, key)), STANDARD.encode(typed))
}

/// Reads what [`verifier_key`] writes; `None` if it is none, or of another type of signature.
#[must_use]
pub fn read_verifier_key(text: &str) -> Option<(WitnessName, PublicKey<WitnessKey>)> {
    let (name, rest) = text.split_once('+')?;
    let (_, key) = rest.split_once('+')?;
    let name: WitnessName = name.parse().ok()?;
    let typed = STANDARD.decode(key).ok()?;
    let bytes: [u8; 32] = typed.strip_prefix(&[COSIGNATURE])?.try_into().ok()?;
    let key = PublicKey::from_bytes(bytes);
    // One spelling, its key id included.
    (verifier_key(&name, &key) == text).then_some((name, key))
}

#[cfg(test)]
mod tests;
