//! The address book: who is who, what was agreed with them, and what of them has changed.

use std::fmt;

use pregao_protocol::letter::{Address, BoxKeys, Mode};
use pregao_protocol::log::RoomName;
use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};

use super::even::EvenTimes;
use super::own_boxes::BoxId;
use super::rows::{Change, Kept, Plain, Record, Table, View};
use super::seal::{Keyed, Keys};
use super::{DamagedRow, MailError};
use crate::text::sanitize::is_plain;

number! {
    /// A contact.
    ContactId
}

/// Most characters of a contact's name.
const MAX_NAME: usize = 40;

/// What the user calls a contact: drawn as it is, and never read as a number or a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContactName(String);

impl ContactName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ContactName {
    type Error = MailError;

    fn try_from(text: String) -> Result<Self, MailError> {
        let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short = (1..=MAX_NAME).contains(&name.chars().count());
        let is_number = name.chars().all(|character| character.is_ascii_digit());
        let is_command = name.starts_with(['/', '#', '@', '-']);
        if short && is_plain(&name) && !is_number && !is_command {
            Ok(Self(name))
        } else {
            Err(MailError::Name)
        }
    }
}

impl From<ContactName> for String {
    fn from(name: ContactName) -> Self {
        name.0
    }
}

/// Whether read receipts are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receipts {
    /// The user is asked each time.
    #[default]
    Ask,
    /// Never.
    Never,
    /// Whenever one is wished for.
    Always,
}

/// How it is known who a contact is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// Both have compared a short text and found the same.
    Compared {
        /// When.
        at: Time,
    },
    /// By a citizen card.
    Card {
        /// When.
        at: Time,
        /// The name on the card.
        name: String,
    },
}

/// A change of what is known of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressChange {
    /// When it was taken over.
    pub at: Time,
    /// What was known before.
    pub before: Address,
    /// What is known since.
    pub after: Address,
    /// Whether the contact was verified before: it is not any more.
    pub was_verified: bool,
}

/// Somebody to write to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactRecord {
    /// What the user calls them.
    pub name: ContactName,
    /// Where letters to them go.
    pub address: Address,
    /// The own box that they were given; until they were, letters go from one for first letters.
    pub given: Option<BoxId>,
    /// Whether they are told that their letters were read.
    pub receipts: Receipts,
    /// How letters to them are proved; none: by the user's general setting.
    pub mode: Option<Mode>,
    /// Whether they may be told that a letter of theirs was taken off.
    pub tell_taken: bool,
    /// How it is known who they are; empty: it is not.
    pub verified: Vec<Verified>,
    /// Since when they are blocked.
    pub blocked: Option<Time>,
    /// When they were added.
    pub added: Time,
    /// What of them has changed, oldest first.
    pub changes: Vec<AddressChange>,
    /// When letters to them leave, if those leave at times drawn ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub even: Option<EvenTimes>,
}

impl fmt::Debug for ContactRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactRecord(..)")
    }
}

impl ContactRecord {
    /// A contact of which nothing more is known.
    #[must_use]
    pub const fn new(name: ContactName, address: Address, now: Time) -> Self {
        Self {
            name,
            address,
            given: None,
            receipts: Receipts::Ask,
            mode: None,
            tell_taken: false,
            verified: Vec::new(),
            blocked: None,
            added: now,
            changes: Vec::new(),
            even: None,
        }
    }

    /// What letters of theirs are verified by.
    #[must_use]
    pub const fn keys(&self) -> BoxKeys {
        self.address.keys()
    }

    /// Whether letters of theirs are set aside unread.
    #[must_use]
    pub const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }
}

/// Names that differ in case alone are one: people do not tell them apart.
fn name_of(keys: &Keys, name: &str) -> Keyed {
    keys.name("contact", name.to_lowercase().as_bytes())
}

fn box_of(keys: &Keys, name: &RoomName) -> Keyed {
    keys.name("contact's box", &name.0)
}

impl Record for ContactRecord {
    const TABLE: Table = Table { name: "contact", columns: &["name", "box"] };

    fn plain(&self, keys: &Keys) -> Vec<Plain> {
        let name = name_of(keys, self.name.as_str());
        vec![Plain::Name(name), Plain::Name(box_of(keys, &self.address.name))]
    }
}

/// A contact, or why it cannot be read.
pub type ContactRow = Result<Kept<ContactId, ContactRecord>, DamagedRow>;

impl View<'_> {
    /// All contacts, in the order in which they were added.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn contacts(&self) -> Result<Vec<ContactRow>, MailError> {
        let rows = self.rows::<ContactRecord>("ORDER BY id", &[])?;
        let kept = |(id, row): (i64, Result<ContactRecord, DamagedRow>)| {
            row.map(|record| Kept { id: ContactId(id), record })
        };
        Ok(rows.into_iter().map(kept).collect())
    }

    /// One contact.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn contact(&self, id: ContactId) -> Result<ContactRecord, MailError> {
        self.row(id.0)?.ok_or(MailError::Unknown { what: "contact", id: id.0 })
    }

    /// The contact that the user calls so; upper and lower case are one.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn contact_named(
        &self,
        name: &str,
    ) -> Result<Option<Kept<ContactId, ContactRecord>>, MailError> {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = self.one("WHERE name = ?1", &[&Plain::Name(name_of(self.keys, &name))])?;
        Ok(found.map(|(id, record)| Kept { id: ContactId(id), record }))
    }

    /// The contact whose letters come from this box.
    ///
    /// # Errors
    /// As [`View::contact_named`].
    pub fn contact_with_box(
        &self,
        name: &RoomName,
    ) -> Result<Option<Kept<ContactId, ContactRecord>>, MailError> {
        let found = self
            .one("WHERE box = ?1 ORDER BY id LIMIT 1", &[&Plain::Name(box_of(self.keys, name))])?;
        Ok(found.map(|(id, record)| Kept { id: ContactId(id), record }))
    }
}

impl Change<'_> {
    /// Adds a contact.
    ///
    /// # Errors
    /// [`MailError::NameTaken`].
    pub fn add_contact(&mut self, contact: &ContactRecord) -> Result<ContactId, MailError> {
        self.require_free(contact.name.as_str(), None)?;
        self.insert(contact).map(ContactId)
    }

    /// Changes a contact. A new address is taken over by [`Change::change_address`].
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`], [`MailError::NameTaken`].
    pub fn edit_contact(
        &mut self,
        id: ContactId,
        edit: impl FnOnce(&mut ContactRecord),
    ) -> Result<ContactRecord, MailError> {
        let mut record = self.contact(id)?;
        let (address, changes) = (record.address.clone(), record.changes.clone());
        edit(&mut record);
        if (&record.address, &record.changes) != (&address, &changes) {
            return Err(MailError::Step("a contact's address changes in one way only"));
        }
        self.require_free(record.name.as_str(), Some(id))?;
        self.update(id.0, &record)?;
        Ok(record)
    }

    /// Takes over another box or other keys of a contact, which is then not verified any more. The change, if it is
    /// one: it is to be announced.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn change_address(
        &mut self,
        id: ContactId,
        address: Address,
        now: Time,
    ) -> Result<Option<AddressChange>, MailError> {
        let mut record = self.contact(id)?;
        if record.address == address {
            return Ok(None);
        }
        let keys_stay =
            record.address.key == address.key && record.address.agreement == address.agreement;
        let before = std::mem::replace(&mut record.address, address.clone());
        let was_verified = !keys_stay && !record.verified.is_empty();
        if !keys_stay {
            record.verified.clear();
        }
        let change = AddressChange { at: now, before, after: address, was_verified };
        record.changes.push(change.clone());
        self.update(id.0, &record)?;
        Ok(Some(change))
    }

    /// Forgets a contact. Letters stay, as of somebody unknown.
    ///
    /// # Errors
    /// [`MailError::Unknown`], and what the database says.
    pub fn forget_contact(&mut self, id: ContactId) -> Result<(), MailError> {
        self.loosen_letters(id)?;
        self.drop_draft_for(id)?;
        if self.delete(ContactRecord::TABLE.name, id.0)? {
            Ok(())
        } else {
            Err(MailError::Unknown { what: "contact", id: id.0 })
        }
    }

    fn require_free(&self, name: &str, own: Option<ContactId>) -> Result<(), MailError> {
        let sql = "SELECT id FROM contact WHERE name = ?1";
        let holders = self.ids(sql, &[&Plain::Name(name_of(self.keys, name))])?;
        let others = holders.iter().any(|id| own != Some(ContactId(*id)));
        if others { Err(MailError::NameTaken) } else { Ok(()) }
    }
}
