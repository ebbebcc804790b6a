//! The word of a box that is known for another one: how somebody who writes from a new box is known again (SPEC 8.1).
//!
//! A MAC under what the known box and the reader's share, inside the letter: it tells the reader that whoever has the known
//! box has this one too, and nobody else, for the reader could have made it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::content::Address;
use super::proof::BoxKeys;
use crate::log::RoomName;
use crate::trust::agreement::{AgreementError, AgreementPublic, AgreementSecret, Mac};
use crate::value::label;

/// The word of one box that a letter from another is by the same person, in this member order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vouch {
    /// The box that its reader knows.
    #[serde(rename = "box")]
    pub name: RoomName,
    /// Its word, for this letter and its reader alone.
    pub mac: Mac,
}

/// What vouches: a box of whoever writes, with the secret of it.
#[derive(Debug, Clone, Copy)]
pub struct Voucher<'a> {
    /// Its name.
    pub name: RoomName,
    /// Its agreement key.
    pub agreement: &'a AgreementSecret,
}

/// Why a box does not vouch for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VouchError {
    /// The letter has no such word.
    #[error("no other box vouches for the one that the letter is from")]
    None,
    /// It is by another box than the one with these keys, or for another box, letter or reader.
    #[error("the box that is said to vouch for it does not")]
    Other,
    /// Nothing can be agreed on with one of the two.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
}

impl Vouch {
    /// Vouches by a box that the reader knows for the box `from`, in the letter `id` that is sealed to the box `reader` with
    /// this agreement key (V-385).
    ///
    /// # Errors
    /// [`AgreementError`] if nothing can be agreed on with the reader.
    pub fn of(
        by: &Voucher<'_>,
        (reader, agreement): (RoomName, &AgreementPublic),
        from: &Address,
        id: Uuid,
    ) -> Result<Self, AgreementError> {
        let context = context((by.name, &by.agreement.public()), (reader, agreement));
        let key = by.agreement.agree(agreement, &context)?;
        Ok(Self { name: by.name, mac: key.mac(&message(from, id)) })
    }

    /// Verifies that the box with the keys `known` vouches for `from`, by what its reader has in common with it.
    pub(super) fn verify(
        &self,
        known: &BoxKeys,
        (reader, own): (RoomName, &AgreementSecret),
        from: &Address,
        id: Uuid,
    ) -> Result<(), VouchError> {
        if self.name != known.name {
            return Err(VouchError::Other);
        }
        let context = context((known.name, &known.agreement), (reader, &own.public()));
        let key = own.agree(&known.agreement, &context)?;
        key.verify(&message(from, id), &self.mac).map_err(|_| VouchError::Other)
    }
}

/// What the key is for: label ‖ both boxes ‖ both agreement keys, the known one's first.
fn context(known: (RoomName, &AgreementPublic), reader: (RoomName, &AgreementPublic)) -> Vec<u8> {
    [label::VOUCH.as_bytes(), &known.0.0, &reader.0.0, &known.1.0, &reader.1.0].concat()
}

/// What the MAC is over: the new box, both its keys ‖ name of the letter ‖ where the broker of the new box is reached.
fn message(from: &Address, id: Uuid) -> Vec<u8> {
    let Address { name, broker, key, agreement } = from;
    [
        &name.0,
        key.as_bytes(),
        &agreement.0,
        id.as_bytes().as_slice(),
        // The last, for it alone has no fixed length.
        broker.as_str().as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests;
