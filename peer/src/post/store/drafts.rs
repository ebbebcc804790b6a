//! Letters that are being written, one for each to whom.

use std::fmt;
use std::path::PathBuf;

use pregao_protocol::letter::{Address, Mode};
use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::contacts::ContactId;
use super::rows::{Change, Kept, Plain, Record, Table, View};
use super::seal::{Keyed, Keys};
use super::{DamagedRow, MailError};

number! {
    /// A draft.
    DraftId
}

/// For whom a draft is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whom {
    /// A contact.
    Contact(ContactId),
    /// Somebody who is none.
    Address(Address),
}

/// A letter that is being written.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftRecord {
    /// For whom.
    pub to: Whom,
    /// Its subject.
    pub subject: Option<String>,
    /// Its text.
    pub text: String,
    /// Files that go with it.
    pub files: Vec<PathBuf>,
    /// The letter that it answers.
    pub reply_to: Option<Uuid>,
    /// How it is to be proved, if that was chosen.
    pub mode: Option<Mode>,
    /// Whether a read receipt is wished for.
    pub wants_receipt: bool,
    /// When it was changed last.
    pub changed: Time,
}

impl fmt::Debug for DraftRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DraftRecord(..)")
    }
}

fn whom(keys: &Keys, to: &Whom) -> Keyed {
    match to {
        Whom::Contact(id) => keys.name("draft for a contact", &id.0.to_be_bytes()),
        Whom::Address(address) => keys.name("draft for a box", &address.name.0),
    }
}

impl Record for DraftRecord {
    const TABLE: Table = Table { name: "draft", columns: &["whom"] };

    fn plain(&self, keys: &Keys) -> Vec<Plain> {
        vec![Plain::Name(whom(keys, &self.to))]
    }
}

/// A draft, or which one is damaged.
pub type DraftRow = Result<Kept<DraftId, DraftRecord>, DamagedRow>;

impl View<'_> {
    /// All drafts.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn drafts(&self) -> Result<Vec<DraftRow>, MailError> {
        let rows = self.rows::<DraftRecord>("ORDER BY id", &[])?;
        let kept = |(id, row): (i64, Result<DraftRecord, DamagedRow>)| {
            row.map(|record| Kept { id: DraftId(id), record })
        };
        Ok(rows.into_iter().map(kept).collect())
    }

    /// The draft for somebody.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn draft(&self, to: &Whom) -> Result<Option<DraftRecord>, MailError> {
        let found = self.one("WHERE whom = ?1", &[&Plain::Name(whom(self.keys, to))])?;
        Ok(found.map(|(_, record)| record))
    }
}

impl Change<'_> {
    /// Keeps a draft, in place of the earlier one for the same.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn keep_draft(&mut self, draft: &DraftRecord) -> Result<(), MailError> {
        // By number: a damaged one is replaced, too.
        match *self.draft_ids(&draft.to)? {
            [id, ..] => self.update(id, draft),
            [] => self.insert(draft).map(drop),
        }
    }

    /// Drops the draft for somebody. Whether there was one.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn drop_draft(&mut self, to: &Whom) -> Result<bool, MailError> {
        let ids = self.draft_ids(to)?;
        for id in &ids {
            self.delete(DraftRecord::TABLE.name, *id)?;
        }
        Ok(!ids.is_empty())
    }

    pub(super) fn drop_draft_for(&mut self, contact: ContactId) -> Result<(), MailError> {
        self.drop_draft(&Whom::Contact(contact)).map(drop)
    }

    fn draft_ids(&self, to: &Whom) -> Result<Vec<i64>, MailError> {
        self.ids("SELECT id FROM draft WHERE whom = ?1", &[&Plain::Name(whom(self.keys, to))])
    }
}
