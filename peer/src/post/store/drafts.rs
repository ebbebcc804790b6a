//! Letters that are being written, one for each to whom.

use std::fmt;
use std::path::PathBuf;

use pregao_protocol::letter::{Address, Attachment, Letter, Mode};
use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use zeroize::Zeroizing;

use super::contacts::ContactId;
use super::departures::{DepartureId, DepartureRecord};
use super::rows::{Change, Kept, Owner, Part, Plain, Record, Table, View};
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
    /// Files that go with it: each is read when it is sent.
    pub files: Vec<PathBuf>,
    /// Files that were read and sealed before, and go with it from there: those of a letter that was taken back.
    #[serde(default)]
    pub sealed: Vec<Attachment>,
    /// The letter that it answers.
    pub reply_to: Option<Uuid>,
    /// How it is to be proved, if that was chosen.
    pub mode: Option<Mode>,
    /// Whether a read receipt is wished for.
    pub wants_receipt: bool,
    /// Whether its reader is to sign for it before they read it.
    #[serde(default)]
    pub registered: bool,
    /// How long after it is sent it is destroyed, in seconds.
    #[serde(default)]
    pub expires: Option<u64>,
    /// When it was changed last.
    pub changed: Time,
}

impl DraftRecord {
    /// For somebody, and nothing in it.
    #[must_use]
    pub const fn new(to: Whom, now: Time) -> Self {
        Self {
            to,
            subject: None,
            text: String::new(),
            files: Vec::new(),
            sealed: Vec::new(),
            reply_to: None,
            mode: None,
            wants_receipt: false,
            registered: false,
            expires: None,
            changed: now,
        }
    }

    /// Whether nothing would be lost with it: no word, and nothing that goes with one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let says = !self.text.is_empty() || self.subject.is_some();
        !says && self.files.is_empty() && self.sealed.is_empty()
    }

    /// Takes in a letter that does not leave. What stood here follows it.
    fn take_in(&mut self, letter: &Letter, of: &DepartureRecord, written: Time) {
        let text = letter.text.as_str();
        self.text = match (text.is_empty(), self.text.is_empty()) {
            (false, false) => format!("{text}\n\n{}", self.text),
            (false, true) => text.to_owned(),
            (true, _) => std::mem::take(&mut self.text),
        };
        if let Some(subject) = &letter.subject {
            self.subject = Some(subject.as_str().to_owned());
        }
        self.reply_to = letter.reply_to.or(self.reply_to);
        self.mode = Some(letter.mode);
        self.wants_receipt |= letter.wants_receipt;
        self.registered |= of.registered;
        let expires = of.expires.map(|end| end.since(written).as_secs());
        self.expires = expires.or(self.expires);
        self.sealed.extend(letter.attachments.iter().cloned());
    }
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

    /// The sealed bytes of those files of a draft that were sealed before, in their order.
    ///
    /// # Errors
    /// [`MailError::Row`]; [`MailError::Step`] if some are missing; and if the file cannot be read.
    pub fn draft_blobs(&self, to: &Whom) -> Result<Vec<Zeroizing<Vec<u8>>>, MailError> {
        let found = self.one("WHERE whom = ?1", &[&Plain::Name(whom(self.keys, to))])?;
        let Some((id, DraftRecord { sealed, .. })) = found else { return Ok(Vec::new()) };
        let lost = MailError::Step("a file of the draft is not here any more");
        let blobs = (0..sealed.len()).map(|at| self.part(Owner::Draft(id), place(at)?));
        let blobs: Option<Vec<_>> = blobs.collect::<Result<_, _>>()?;
        blobs.ok_or(lost)
    }
}

/// Where the bytes of a file are, by its place among those of a draft.
fn place(at: usize) -> Result<Part, MailError> {
    let most = MailError::Step("a draft holds no more files than that: send it, or drop it, first");
    u8::try_from(at).map(Part::Blob).map_err(|_| most)
}

impl Change<'_> {
    /// Keeps a draft, in place of the earlier one for the same. The bytes of its sealed files stay those that were there.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn keep_draft(&mut self, draft: &DraftRecord) -> Result<DraftId, MailError> {
        // By number: a damaged one is replaced, too.
        match *self.draft_ids(&draft.to)? {
            [id, ..] => self.update(id, draft).map(|()| DraftId(id)),
            [] => self.insert(draft).map(DraftId),
        }
    }

    /// A letter that does not leave becomes a draft again, with its files: before what stands in one for the same.
    /// To be called before its departure goes.
    ///
    /// # Errors
    /// [`MailError::Step`] if its files, or too many, are there no more.
    pub(super) fn draft_again(
        &mut self,
        id: DepartureId,
        of: &DepartureRecord,
        letter: &Letter,
        now: Time,
    ) -> Result<(), MailError> {
        let record = self.letter(of.letter)?;
        let to = match record.contact {
            Some(contact) => Whom::Contact(contact),
            None => Whom::Address(of.to.clone()),
        };
        let before = match self.draft(&to) {
            // What cannot be read keeps nothing else from being kept.
            Err(MailError::Row(_)) => None,
            before => before?,
        };
        let mut draft = before.unwrap_or_else(|| DraftRecord::new(to, now));
        let first = draft.sealed.len();
        draft.take_in(letter, of, record.time);
        draft.changed = now;
        let kept = self.keep_draft(&draft)?;
        for (at, to) in (0_u8..).zip(first..draft.sealed.len()) {
            let lost = MailError::Step("a file of the letter is not here any more");
            let blob = self.sealed_blob(id, at)?.ok_or(lost)?;
            self.keep_part(Owner::Draft(kept.0), place(to)?, &blob)?;
        }
        Ok(())
    }

    /// A draft for somebody who was nobody known is for the contact that they are now. One that the contact has stays.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn give_draft(&mut self, address: &Address, to: ContactId) -> Result<(), MailError> {
        let (of, to) = (Whom::Address(address.clone()), Whom::Contact(to));
        let Some(mut draft) = self.draft(&of)? else { return Ok(()) };
        if let ([id, ..], []) = (&*self.draft_ids(&of)?, &*self.draft_ids(&to)?) {
            draft.to = to;
            self.update(*id, &draft)?;
        }
        Ok(())
    }

    /// Drops the draft for somebody. Whether there was one.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn drop_draft(&mut self, to: &Whom) -> Result<bool, MailError> {
        let ids = self.draft_ids(to)?;
        for id in &ids {
            self.delete_parts(Owner::Draft(*id))?;
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
