//! What is known of others and of what is under way, for whoever carries letters on.

use pregao_protocol::letter::Address;

use super::views::letter_number;
use super::{Office, OfficeError};
use crate::post::store::contacts::ContactId;

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

    /// How many letters and receipts have not left.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn under_way(&self) -> Result<usize, OfficeError> {
        Ok(self.store().view().departures()?.len())
    }
}
