//! Letters as files that mail programs read: a Maildir with `new`, `cur`, `tmp`, and `.Sent` in it for those sent.
//!
//! What a stranger wrote stays inert: names and subjects are shown as they are drawn here, without what another program
//! would decode once more; files beside a letter are attachments, and never messages or pages by their type. Addresses
//! end in `.invalid` (RFC 2606): nothing can be sent to them by mistake.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use pregao_protocol::letter::Mode;
use pregao_protocol::log::RoomName;
use pregao_protocol::value::label::MAX_BLOB;

use super::letters::{
    AttachmentRecord, Authorship, Direction, LetterNumber, LetterRecord, LetterState, PAGE,
    RegisteredState, Selection,
};
use super::rows::{Kept, View};
use super::{DamagedRow, MailError};
use crate::private;
use crate::text::sanitize::sanitize;

/// Ends every address.
const DOMAIN: &str = "box.pregao.invalid";

/// Ends the name of every message.
const MESSAGES: &str = "letter.pregao.invalid";

/// Folder of the letters sent, as mail programs know it (Maildir++).
const SENT: &str = ".Sent";

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Letters written.
    pub written: u64,
    /// Letters that were there from an earlier export.
    pub there: u64,
    /// Letters that say nothing yet: not opened, taken back, or registered and not handed over.
    pub without: u64,
    /// Files beside letters that were not saved, or are not what was saved.
    pub files_missing: u64,
    /// Letters that could not be read.
    pub damaged: Vec<DamagedRow>,
}

impl View<'_> {
    /// Writes every letter into a Maildir, which is made if it is absent. One that is there from an earlier export stays
    /// as it is. Files are readable by their owner only; **what they say is not sealed any more**.
    ///
    /// # Errors
    /// [`MailError::Export`] if a file cannot be written: what was written stays; [`MailError`] if the store cannot be
    /// read.
    pub fn export_maildir(&self, folder: &Path) -> Result<Exported, MailError> {
        for place in [folder.to_owned(), folder.join(SENT)] {
            for part in ["tmp", "new", "cur"] {
                let path = place.join(part);
                private::make_folder(&path).map_err(|source| MailError::Export { path, source })?;
            }
        }
        let there = [folder.to_owned(), folder.join(SENT)].map(|place| names_in(&place));
        let mut exported = Exported::default();
        let mut before = None;
        loop {
            let page = self.letters(Selection::All, before, PAGE)?;
            for row in page.letters {
                match row
                    .map_err(MailError::from)
                    .and_then(|kept| self.export(folder, &kept, &there, &mut exported))
                {
                    Ok(()) => {}
                    Err(MailError::Row(damaged)) => exported.damaged.push(damaged),
                    Err(error) => return Err(error),
                }
            }
            before = page.before;
            if before.is_none() {
                return Ok(exported);
            }
        }
    }

    fn export(
        &self,
        folder: &Path,
        kept: &Kept<LetterNumber, LetterRecord>,
        [came, went]: &[HashSet<String>; 2],
        exported: &mut Exported,
    ) -> Result<(), MailError> {
        let record = &kept.record;
        let (place, there) = match record.direction {
            Direction::Received => (folder.to_owned(), came),
            Direction::Sent => (folder.join(SENT), went),
        };
        // The name is the same each time: an export that was interrupted goes on.
        let name = format!("{}.P{}.pregao", record.time.as_secs(), kept.id);
        let (part, flags) = if record.is_unread() { ("new", "") } else { ("cur", ":2,S") };
        if there.contains(&name) {
            exported.there += 1;
            return Ok(());
        }
        let Some(message) = self.message(kept, exported)? else {
            exported.without += 1;
            return Ok(());
        };
        let path = place.join(part).join(format!("{name}{flags}"));
        let failed = |source| MailError::Export { path: path.clone(), source };
        write_whole(&place.join("tmp").join(&name), &path, &message).map_err(failed)?;
        exported.written += 1;
        Ok(())
    }

    /// A letter as a message; nothing if there is nothing in it.
    fn message(
        &self,
        kept: &Kept<LetterNumber, LetterRecord>,
        exported: &mut Exported,
    ) -> Result<Option<Vec<u8>>, MailError> {
        let record = &kept.record;
        let Some(letter) = self.said(kept.id, record)?.letter() else { return Ok(None) };
        let contact = record.contact.and_then(|contact| self.contact(contact).ok());
        let whom = contact.map_or_else(|| "unknown".to_owned(), |contact| contact.name.into());
        let own = self.own_box(record.own_box).map(|own| address(&own.name)).unwrap_or_default();
        let other = record.other.as_ref().map(|other| address(&other.name)).unwrap_or_default();
        let (me, them) = (("me".to_owned(), own), (inert(&whom), other));
        let (from, to) = match record.direction {
            Direction::Received => (them, me),
            Direction::Sent => (me, them),
        };
        let seconds = i64::try_from(record.time.as_secs()).unwrap_or_default();
        let mut message = MessageBuilder::new()
            .message_id(format!("{}@{MESSAGES}", letter.id))
            .from(from)
            .to(to)
            .date(Date::new(seconds))
            .subject(inert(letter.subject.as_ref().map_or("", |subject| subject.as_str())));
        if let Some(answered) = letter.reply_to {
            let answered = format!("{answered}@{MESSAGES}");
            message = message.in_reply_to(answered.clone()).references(answered);
        }
        let mut said = vec![("X-Pregao-Mode", mode(letter.mode).to_owned())];
        said.push(("X-Pregao-State", state(&record.state).to_owned()));
        said.extend(
            record.authorship.as_ref().map(|by| ("X-Pregao-Author", author(by).to_owned())),
        );
        said.extend(
            record.registered.as_ref().map(|by| ("X-Pregao-Registered", registered(by).to_owned())),
        );
        let deposit = record.deposit.as_ref().map(|deposit| deposit.envelope.to_string());
        said.extend(deposit.map(|digest| ("X-Pregao-Deposit", digest)));
        for (name, value) in said {
            message = message.header(name, Text::new(value));
        }
        let mut text = letter.text.as_str().to_owned();
        let mut files = Vec::new();
        for file in &record.attachments {
            match saved(file) {
                Some(bytes) => files.push(attached(file, bytes)),
                None => {
                    exported.files_missing += 1;
                    text.push_str(&format!(
                        "\n\n[file not saved: {}]",
                        sanitize(file.name.as_str())
                    ));
                }
            }
        }
        let text = MimePart::new("text/plain", BodyPart::Text(text.into()));
        let body = if files.is_empty() {
            text
        } else {
            // Its own: the library's would be made of the clock.
            let boundary = hex::encode(self.keys.name("boundary", &kept.id.0.to_be_bytes()));
            let kind = ContentType::new("multipart/mixed").attribute("boundary", boundary);
            let parts = std::iter::once(text).chain(files).collect();
            MimePart::new(kind, BodyPart::Multipart(parts))
        };
        let written = message.body(body).write_to_vec();
        written.map(Some).map_err(|error| MailError::Encoding(error.to_string()))
    }
}

fn address(name: &RoomName) -> String {
    format!("{name}@{DOMAIN}")
}

/// A text as it is drawn here, in which nothing is left that a mail program decodes.
fn inert(text: &str) -> String {
    sanitize(text).replace("=?", "= ?")
}

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Evidence => "evidence",
        Mode::Deniable => "deniable",
    }
}

const fn author(authorship: &Authorship) -> &'static str {
    match authorship {
        Authorship::Shown => "shown",
        Authorship::Unknown => "unknown",
        Authorship::Fails { .. } => "fails",
    }
}

const fn registered(state: &RegisteredState) -> &'static str {
    match state {
        RegisteredState::Undecided => "waits",
        RegisteredState::Accepting => "being accepted",
        RegisteredState::Declining => "being declined",
        RegisteredState::Accepted { .. } => "accepted",
        RegisteredState::Declined { .. } => "declined",
        RegisteredState::Lapsed { .. } => "lapsed",
    }
}

const fn state(state: &LetterState) -> &'static str {
    match state {
        LetterState::Arrived => "arrived",
        LetterState::Unreadable { .. } => "unreadable",
        LetterState::Unread => "unread",
        LetterState::Read { .. } => "read",
        LetterState::Waiting { .. } => "waiting",
        LetterState::Underway => "under way",
        LetterState::Deposited => "deposited",
        LetterState::Taken => "taken",
        LetterState::WasRead { .. } => "read by its reader",
        LetterState::Failed { .. } => "failed",
        LetterState::TakenBack => "taken back",
    }
}

/// The file beside a letter, as it was saved; nothing if it is not there, or has another size.
fn saved(file: &AttachmentRecord) -> Option<Vec<u8>> {
    let path = file.saved.as_ref()?;
    if file.size > MAX_BLOB || !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let most = file.size.saturating_add(1);
    File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    (u64::try_from(bytes.len()).ok()? == file.size).then_some(bytes)
}

fn attached(file: &AttachmentRecord, bytes: Vec<u8>) -> MimePart<'static> {
    let kind = file.media_type.as_str();
    // A mail program would read these as a part of the message, or draw them.
    let is_read = ["multipart/", "message/", "text/"].iter().any(|kept| kind.starts_with(kept));
    let kind = if is_read { "application/octet-stream" } else { kind };
    let name = inert(file.name.as_str());
    MimePart::new(kind.to_owned(), BodyPart::Binary(bytes.into())).attachment(name)
}

/// The messages that are there, without the flags that mail programs have given them.
fn names_in(place: &Path) -> HashSet<String> {
    let folders = ["new", "cur"].into_iter().filter_map(|part| fs::read_dir(place.join(part)).ok());
    let named = |entry: io::Result<fs::DirEntry>| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        Some(name.split(':').next().unwrap_or_default().to_owned())
    };
    folders.flatten().filter_map(named).collect()
}

/// Writes a file in `tmp` and puts it into its place, whole and durable.
fn write_whole(tmp: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(tmp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(tmp)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    // A link leads to the same file: unlike a rename it takes no other's place.
    let placed = written.and_then(|()| fs::hard_link(tmp, path));
    let removed: io::Result<()> = fs::remove_file(tmp);
    placed.and(removed)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
