//! Letters that are being written: one draft for each to whom, durable from the first word on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pregao_protocol::letter::{Attachment, Mode};
use pregao_protocol::value::clock::Time;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::people::{Resolved, resolved};
use super::views::{letter_number, short};
use super::{Office, OfficeError};
use crate::command::NewLetter;
use crate::event::{DraftFile, DraftView, Personal, WhoView};
use crate::post::store::drafts::{DraftRecord, Whom};
use crate::post::store::{Change, Kept, MailError, View};
use crate::text::duration;

/// Most characters of a text that is kept as a draft: more than any letter holds.
const LONGEST: usize = 65_536;
/// Most files of a draft.
const MOST_FILES: usize = 64;

/// What is sent with a letter because it stands in the draft for the same.
#[derive(Debug)]
pub(super) struct Drafted {
    /// The draft, as it was read.
    of: DraftRecord,
    /// Its sealed files, with their bytes.
    pub(super) sealed: Vec<(Attachment, Vec<u8>)>,
}

impl Drafted {
    /// The letter with what stands in the draft and is not said anew.
    pub(super) fn complete(&self, new: &NewLetter) -> NewLetter {
        let of = &self.of;
        let path = |path: &PathBuf| path.display().to_string();
        let expires = of.expires.map(|seconds| duration::print(Duration::from_secs(seconds)));
        let text = if new.text.is_empty() { of.text.clone() } else { new.text.clone() };
        NewLetter {
            text,
            subject: new.subject.clone().or_else(|| of.subject.clone()),
            attach: of.files.iter().map(path).chain(new.attach.iter().cloned()).collect(),
            mode: new.mode.or(of.mode),
            receipt: new.receipt || of.wants_receipt,
            registered: new.registered || of.registered,
            expires: new.expires.clone().or(expires),
            ..new.clone()
        }
    }

    /// The letter that it answers.
    pub(super) const fn reply_to(&self) -> Option<Uuid> {
        self.of.reply_to
    }

    /// It is sent: what was written since it was read stays.
    pub(super) fn sent(&self, change: &mut Change<'_>) -> Result<(), MailError> {
        let to = &self.of.to;
        let Some(mut now) = change.draft(to)? else { return Ok(()) };
        change.drop_draft(to)?;
        if now != self.of && now.text != self.of.text {
            let text = std::mem::take(&mut now.text);
            let since = DraftRecord { text, ..DraftRecord::new(now.to, now.changed) };
            if !since.is_empty() {
                change.keep_draft(&since)?;
            }
        }
        Ok(())
    }
}

impl Office {
    /// All drafts, in the order in which they were begun.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn drafts(&self) -> Result<Vec<DraftView>, OfficeError> {
        let store = self.store();
        let view = store.view();
        let drafts = view.drafts()?.into_iter().flatten();
        drafts.map(|Kept { record, .. }| Ok(shown(view, &record)?)).collect()
    }

    /// The draft for somebody.
    ///
    /// # Errors
    /// [`OfficeError::NoDraft`] if there is none; [`OfficeError::Stranger`], [`OfficeError::Mail`].
    pub fn draft(&self, who: &str) -> Result<DraftView, OfficeError> {
        let store = self.store();
        let view = store.view();
        let found = view.draft(&whom(view, who)?)?;
        let record = found.ok_or_else(|| OfficeError::NoDraft(who.to_owned()))?;
        Ok(shown(view, &record)?)
    }

    /// Keeps what is written to somebody. What is not said stays as it stood in their draft; one that holds nothing is
    /// dropped, and then nothing is answered.
    ///
    /// # Errors
    /// [`OfficeError::Stranger`] for somebody who is no contact and never wrote; [`OfficeError::Content`] for what no
    /// letter could say; [`OfficeError::Mail`].
    pub fn keep_draft(&self, new: &NewLetter, now: Time) -> Result<Option<DraftView>, OfficeError> {
        let content = |why: &str| Err(OfficeError::Content(why.to_owned()));
        let mut store = self.store();
        let view = store.view();
        let to = whom(view, &new.to)?;
        let before = view.draft(&to)?;
        let mut draft = before.clone().unwrap_or_else(|| DraftRecord::new(to.clone(), now));
        if new.text.chars().count() > LONGEST {
            return content("it is too long");
        }
        draft.text.clone_from(&new.text);
        if let Some(subject) = &new.subject {
            draft.subject = Some(subject.clone());
        }
        for path in &new.attach {
            let path = absolute(path)?;
            if !draft.files.contains(&path) {
                draft.files.push(path);
            }
        }
        if draft.files.len() > MOST_FILES {
            return content("it has too many files");
        }
        if let Some(number) = new.re {
            draft.reply_to = view.letter(letter_number(number)?)?.message;
        }
        if let Some(span) = &new.expires {
            let span =
                duration::parse(span).map_err(|error| OfficeError::Content(error.message))?;
            draft.expires = Some(span.as_secs());
        }
        draft.mode = new.mode.or(draft.mode);
        draft.wants_receipt |= new.receipt;
        draft.registered |= new.registered;
        if draft.is_empty() {
            if before.is_some() {
                store.change(|change| change.drop_draft(&to))?;
            }
            return Ok(None);
        }
        if before.as_ref() != Some(&draft) {
            draft.changed = now;
            store.change(|change| change.keep_draft(&draft))?;
        }
        Ok(Some(shown(store.view(), &draft)?))
    }

    /// Drops the draft for somebody, with its files that are sealed.
    ///
    /// # Errors
    /// As [`Office::draft`].
    pub fn drop_draft(&self, who: &str) -> Result<(), OfficeError> {
        self.store().change(|change| {
            let to = whom(**change, who)?;
            match change.drop_draft(&to)? {
                true => Ok(()),
                false => Err(OfficeError::NoDraft(who.to_owned())),
            }
        })
    }

    /// The draft for somebody, for a letter to them.
    pub(super) fn drafted(&self, to: &Whom) -> Result<Option<Drafted>, OfficeError> {
        let store = self.store();
        let view = store.view();
        let Some(of) = view.draft(to)? else { return Ok(None) };
        let blobs = view.draft_blobs(to)?;
        let bytes = blobs.into_iter().map(|blob: Zeroizing<Vec<u8>>| blob.to_vec());
        let sealed = of.sealed.iter().cloned().zip(bytes).collect();
        Ok(Some(Drafted { of, sealed }))
    }
}

/// Whose draft is meant: a contact's, or that for a box that is known here.
fn whom(view: View<'_>, who: &str) -> Result<Whom, OfficeError> {
    match resolved(view, who)? {
        Resolved::Contact(id) => Ok(Whom::Contact(id)),
        Resolved::Box(address) => Ok(Whom::Address(address)),
        Resolved::Address(_) | Resolved::Beginning(_) => Err(OfficeError::Stranger(who.to_owned())),
    }
}

/// Where a file is, whatever folder the program that sends it is started in.
fn absolute(path: &str) -> Result<PathBuf, OfficeError> {
    let failed = |source| OfficeError::File { path: path.to_owned(), source };
    std::path::absolute(Path::new(path)).map_err(failed)
}

fn shown(view: View<'_>, record: &DraftRecord) -> Result<DraftView, MailError> {
    let contact = match &record.to {
        Whom::Contact(id) => view.contact(*id).ok(),
        Whom::Address(_) => None,
    };
    let address = match (&record.to, &contact) {
        (Whom::Address(address), _) => Some(address),
        (Whom::Contact(_), contact) => contact.as_ref().map(|contact| &contact.address),
    };
    let short = address.map(|address| short(&address.name.to_string()));
    let name = contact.as_ref().map(|contact| contact.name.as_str().to_owned());
    let to = name.clone().or_else(|| short.as_ref().map(|short| format!("#{short}")));
    let with = match &record.to {
        Whom::Contact(id) => Some(*id),
        Whom::Address(_) => None,
    };
    let re = record.reply_to.map(|id| view.first_of(&id, with)).transpose()?.flatten();
    let sealed = record.sealed.iter().map(|file| DraftFile {
        name: Personal::new(file.name.as_str().to_owned()),
        size: Some(file.size),
        path: None,
    });
    let read = record.files.iter().map(|path| DraftFile {
        name: Personal::new(path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        size: None,
        path: Some(path.display().to_string()),
    });
    let mode = contact.as_ref().and_then(|contact| contact.mode);
    Ok(DraftView {
        to: to.unwrap_or_default(),
        who: WhoView {
            verified: contact.as_ref().is_some_and(|contact| !contact.verified.is_empty()),
            name,
            short,
        },
        subject: record.subject.clone().map(Personal::new),
        text: Personal::new(record.text.clone()),
        files: sealed.chain(read).collect(),
        re: re.and_then(|kept| u64::try_from(kept.id.0).ok()),
        mode: mode_of(record.mode, mode, view)?,
        chosen: record.mode.is_some(),
        receipt: record.wants_receipt,
        registered: record.registered,
        expires: record.expires.map(|seconds| duration::print(Duration::from_secs(seconds))),
        changed: record.changed,
    })
}

/// Whom a letter convinces: as chosen for it, for its reader, or for all.
fn mode_of(chosen: Option<Mode>, contact: Option<Mode>, view: View<'_>) -> Result<Mode, MailError> {
    match chosen.or(contact) {
        Some(mode) => Ok(mode),
        None => Ok(view.settings()?.mode),
    }
}
