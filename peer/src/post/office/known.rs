//! What is known of others and of what is under way, for whoever carries letters on.

use pregao_protocol::letter::Address;
use pregao_protocol::value::clock::Time;

use super::views::letter_number;
use super::{Office, OfficeError};
use crate::post::store::Kept;
use crate::post::store::contacts::ContactId;
use crate::post::store::departures::{DepartureRecord, Item};

impl Office {
    /// Where a contact is written to.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn contact_address(&self, id: ContactId) -> Result<Address, OfficeError> {
        Ok(self.store().view().contact(id)?.address)
    }

    /// From which box a letter came, by its own account, or where one goes; nothing before it was opened.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn other_side(&self, number: u64) -> Result<Option<Address>, OfficeError> {
        Ok(self.store().view().letter(letter_number(number)?)?.other)
    }

    /// When something leaves at an even time next, letter or cover, whoever it is for.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn next_even(&self) -> Result<Option<Time>, OfficeError> {
        let even = self.store().view().even_contacts(&self.broker().fingerprint)?;
        Ok(even.into_iter().filter_map(|contact| Some(contact.times?.next)).min())
    }

    /// How many letters and receipts have not left. Cover is nothing that the user waits for.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn under_way(&self) -> Result<usize, OfficeError> {
        let departures = self.store().view().departures()?;
        let is_cover =
            |kept: &Kept<_, DepartureRecord>| matches!(kept.record.item, Item::Cover { .. });
        Ok(departures.iter().filter(|row| !row.as_ref().is_ok_and(is_cover)).count())
    }
}
