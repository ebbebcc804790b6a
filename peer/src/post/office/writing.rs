//! Letters and receipts that are to be sent.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use pregao_protocol::letter::{
    Address, Attachment, BlobKey, Content, FileName, Halves, Letter, MAX_FILE, MediaType, Mode,
    ReadReceipt, RegisteredLetter, Salt, Vouch, seal_file,
};
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::agreement::Mac;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::text::{Lines, Text};
use uuid::Uuid;

use super::people::require_first;
use super::views::letter_number;
use super::{Office, OfficeError};
use crate::command::NewLetter;
use crate::post::store::MailError;
use crate::post::store::contacts::{ContactId, Receipts};
use crate::post::store::departures;
use crate::post::store::drafts::Whom;
use crate::post::store::letters::{
    Authorship, Direction, LetterNumber, LetterState, RegisteredState,
};
use crate::post::store::own_boxes::{BoxId, BoxState};
use crate::post::times;
use crate::text::duration;

/// A letter that was put down to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its number.
    pub number: LetterNumber,
    /// When it leaves; until then it can be taken back.
    pub leaves: Time,
    /// Whom it convinces.
    pub mode: Mode,
    /// Whether its reader reads it only once they have signed for it.
    pub registered: bool,
    /// Whether it waits for no pass to have rested.
    pub now: bool,
}

/// From which box a letter goes where.
#[derive(Debug, Clone)]
pub struct Route {
    /// The own box.
    pub from: BoxId,
    /// Where it goes.
    pub to: Address,
    /// For whom.
    pub contact: Option<ContactId>,
}

impl Route {
    /// Whose draft goes that way.
    fn whom(&self) -> Whom {
        self.contact.map_or_else(|| Whom::Address(self.to.clone()), Whom::Contact)
    }
}

impl Office {
    /// From which box somebody is written to: the one that was given to a contact, else the one for first letters.
    ///
    /// # Errors
    /// [`OfficeError::NoBox`], or [`OfficeError::Shut`] if there was one; [`OfficeError::OwnBox`], [`OfficeError::Mail`].
    pub fn route(&self, contact: Option<ContactId>, to: Address) -> Result<Route, OfficeError> {
        let store = self.store();
        let view = store.view();
        if view.box_named(&to.name)?.is_some() {
            return Err(OfficeError::OwnBox);
        }
        let given = match contact {
            Some(id) => view.contact(id)?.given,
            None => None,
        };
        let alive = |id: &BoxId| {
            let state = view.own_box(*id).map(|own| own.state);
            matches!(state, Ok(BoxState::Drawn | BoxState::Opened))
        };
        let from = match given.filter(alive) {
            Some(id) => id,
            None => require_first(view)?,
        };
        Ok(Route { from, to, contact })
    }

    /// Puts a letter down to be sent. With what is said goes what stands in the draft for the same, if that is asked for;
    /// the draft is then sent, and no draft any more.
    ///
    /// # Errors
    /// One [`OfficeError`] for each cause; nothing is kept then.
    pub fn write(&self, new: &NewLetter, route: Route, now: Time) -> Result<Written, OfficeError> {
        let drafted = if new.draft { self.drafted(&route.whom())? } else { None };
        if new.draft && drafted.is_none() && new.text.is_empty() && new.attach.is_empty() {
            return Err(OfficeError::NoDraft(new.to.clone()));
        }
        let new = &drafted.as_ref().map_or_else(|| new.clone(), |draft| draft.complete(new));
        if new.registered && (new.receipt || new.expires.is_some()) {
            return Err(OfficeError::Registered);
        }
        let (sealed, answered) = match &drafted {
            Some(draft) => (draft.sealed.clone(), draft.reply_to()),
            None => (Vec::new(), None),
        };
        let is_bare = new.attach.is_empty() && sealed.is_empty();
        if is_bare && !new.anyway && speaks_of_attachment(&new.text) {
            return Err(OfficeError::NoAttachment);
        }
        let content = |error: String| OfficeError::Content(error);
        let expires = new.expires.as_deref().map(duration::parse).transpose();
        let expires = expires.map_err(|error| content(error.message))?.map(|span| now.plus(span));
        let subject = new.subject.clone().map(Text::try_from).transpose();
        let subject = subject.map_err(|error| content(error.to_string()))?;
        let text = Lines::try_from(new.text.clone()).map_err(|error| content(error.to_string()))?;
        if is_bare && new.text.is_empty() {
            return Err(OfficeError::Nothing);
        }
        let mut attachments = sealed;
        for path in &new.attach {
            attachments.push(self.attach(path)?);
        }
        let (mode, hold, keep_evidence, wants_receipt, reply_to) = {
            let store = self.store();
            let view = store.view();
            let settings = view.settings()?;
            let contact = route.contact.map(|id| view.contact(id)).transpose()?;
            if let Some(contact) = contact.as_ref().filter(|of| of.is_blocked() && !new.anyway) {
                return Err(OfficeError::Blocked(contact.name.as_str().to_owned()));
            }
            let mode = new.mode.or_else(|| contact.and_then(|contact| contact.mode));
            let reply_to = match new.re {
                Some(number) => view.letter(letter_number(number)?)?.message,
                None => answered,
            };
            let hold = Duration::from_secs(settings.hold);
            let mode = mode.unwrap_or(settings.mode);
            let wants_receipt = (new.receipt || settings.wants_receipt) && !new.registered;
            (mode, hold, settings.keep_evidence, wants_receipt, reply_to)
        };
        let mut store = self.store();
        let from = store.view().own_box(route.from)?.address().ok_or(OfficeError::NoBox)?;
        let letter = Letter {
            from,
            id: self.uuid()?,
            reply_to,
            vouch: None,
            mode,
            wants_receipt,
            salt: Salt(self.host.random()?),
            subject,
            text,
            attachments: attachments.iter().map(|(named, _)| named.clone()).collect(),
        };
        if !fits(&letter, new.registered.then_some(route.to.name)) {
            return Err(content("it is too long".to_owned()));
        }
        let leaves = now.plus(hold);
        if expires.is_some_and(|end| end <= leaves) {
            return Err(content("it would end before it leaves: let it expire later".to_owned()));
        }
        let blobs: Vec<Vec<u8>> = attachments.into_iter().map(|(_, blob)| blob).collect();
        let Route { from, to, contact } = route;
        let (registered, at_once) = (new.registered, new.now);
        let new = departures::NewLetter {
            letter,
            from,
            contact,
            to,
            leaves,
            expires,
            keep_evidence,
            registered,
        };
        let number = store.change(|change| {
            let (number, id) = change.send_letter(new, now)?;
            if at_once {
                change.leave_at_once(id)?;
            }
            change.keep_blobs(id, &blobs)?;
            if let Some(draft) = &drafted {
                draft.sent(change)?;
            }
            Ok::<_, MailError>(number)
        })?;
        Ok(Written { number, leaves, mode, registered, now: at_once })
    }

    /// Reads a file and seals it.
    fn attach(&self, path: &str) -> Result<(Attachment, Vec<u8>), OfficeError> {
        let failed = |source| OfficeError::File { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        let too_large =
            |size| OfficeError::TooLarge { path: path.to_owned(), size, most: MAX_FILE };
        if found.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        if found.len() > MAX_FILE {
            return Err(too_large(found.len()));
        }
        let mut bytes = zeroize::Zeroizing::new(Vec::new());
        // A device has no size, and a file may grow while it is read.
        file.take(MAX_FILE.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        let size = bytes.len() as u64;
        let key = BlobKey(self.host.random()?);
        let blob = seal_file(&key, &bytes).map_err(|_| too_large(size))?;
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let named = FileName::try_from(name).map_err(|_| {
            OfficeError::Content(format!(
                "`{path}` has a name that letters do not carry: rename it"
            ))
        })?;
        let media_type = media_type(path);
        let digest = Digest::of(&blob);
        Ok((Attachment { name: named, media_type, digest, size, key }, blob))
    }

    /// Takes back a letter, which is a draft again then, or the receipt for one, that has not left.
    ///
    /// # Errors
    /// [`OfficeError::Mail`] if it has left.
    pub fn recall(&self, number: u64, now: Time) -> Result<LetterNumber, OfficeError> {
        let number = letter_number(number)?;
        self.store().change(|change| {
            match change.letter(number)?.direction {
                Direction::Sent => drop(change.take_back(number, now)?),
                Direction::Received => change.take_back_receipt(number)?,
            }
            Ok(number)
        })
    }

    /// Whether its writer asks for a receipt, is always given one, and none was put down yet.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn owes_receipt(&self, number: u64) -> Result<bool, OfficeError> {
        let store = self.store();
        let view = store.view();
        let record = view.letter(letter_number(number)?)?;
        let wanted = record.direction == Direction::Received
            && record.receipt.wanted
            && record.receipt.due.is_none()
            && record.receipt.sent.is_none();
        let Some(contact) = record.contact.filter(|_| wanted) else { return Ok(false) };
        let contact = view.contact(contact)?;
        Ok(contact.receipts == Receipts::Always && !contact.is_blocked())
    }

    /// Puts down a receipt for a letter that was read. When it leaves.
    ///
    /// # Errors
    /// [`OfficeError::NotThis`] for a letter that is not to be acknowledged; [`OfficeError::Mail`].
    pub fn acknowledge(
        &self,
        number: u64,
        at_once: bool,
        now: Time,
    ) -> Result<(LetterNumber, Time), OfficeError> {
        let number = letter_number(number)?;
        let mut store = self.store();
        let view = store.view();
        let record = view.letter(number)?;
        let read = match record.state {
            LetterState::Read { at } => at,
            LetterState::Unread => {
                return Err(OfficeError::NotThis("read the letter first, then acknowledge it"));
            }
            _ => {
                return Err(OfficeError::NotThis(
                    "only a letter that came and was read is acknowledged",
                ));
            }
        };
        if record.registered.is_some() {
            return Err(OfficeError::NotThis(
                "the letter is registered: its writer has your signature for it already",
            ));
        }
        // A receipt binds its content to a box: it must be known whose that is.
        if record.authorship != Some(Authorship::Shown) {
            return Err(OfficeError::NotThis(
                "it is not known who wrote it: a receipt goes to nobody unknown",
            ));
        }
        let content = view.content(number)?.and_then(|bytes| Content::parse(&bytes).ok());
        let (Some((content @ Content::Letter(_), _)), Some(deposit)) = (content, &record.deposit)
        else {
            return Err(OfficeError::NotThis("what it says is not here any more"));
        };
        let own = view.own_box(record.own_box)?;
        let from = own.address().filter(|_| own.state == BoxState::Opened);
        let from = from.ok_or(OfficeError::NotThis("the box that it came to is closed"))?;
        let receipt = ReadReceipt {
            reader: from.name,
            from,
            id: self.uuid()?,
            mode: content.mode(),
            salt: Salt(self.host.random()?),
            deposit: deposit.envelope,
            content: content.hash(),
            sender: content.from().name,
            time: read,
        };
        let to = content.from().clone();
        let leaves = if at_once { now } else { self.receipt_leaves(now)? };
        let from = record.own_box;
        store.change(|change| {
            let id = change.send_receipt(number, receipt, from, to, leaves)?;
            if at_once {
                change.leave_at_once(id)?;
            }
            change.edit_letter(number, |letter| letter.acknowledged = Some(now))
        })?;
        Ok((number, leaves))
    }

    /// 1 to 24 hours later, every second as likely.
    fn receipt_leaves(&self, now: Time) -> Result<Time, OfficeError> {
        Ok(now.plus(times::receipt_after(u64::from_be_bytes(self.host.random()?))))
    }

    /// Puts down that a registered letter is accepted, or declined. Until it is handed in the other replaces it.
    ///
    /// # Errors
    /// As [`Office::may_decide`].
    pub fn decide(
        &self,
        number: u64,
        accepts: bool,
        now: Time,
    ) -> Result<LetterNumber, OfficeError> {
        self.may_decide(number, accepts, now)?;
        let number = letter_number(number)?;
        self.store().change(|change| change.keep_wish(number, accepts))?;
        Ok(number)
    }

    /// Whether a registered letter can be accepted, or declined.
    ///
    /// # Errors
    /// [`OfficeError::NotThis`] for a letter of which this cannot be said; [`OfficeError::Mail`].
    pub fn may_decide(&self, number: u64, accepts: bool, now: Time) -> Result<(), OfficeError> {
        let number = letter_number(number)?;
        let store = self.store();
        let view = store.view();
        let record = view.letter(number)?;
        let own = view.own_box(record.own_box)?;
        let deposit = record.deposit.as_ref().and_then(|deposit| deposit.registered.as_ref());
        let until = deposit.and_then(|deposit| deposit.until);
        let no = |why| Err(OfficeError::NotThis(why));
        match (record.direction, record.registered) {
            (Direction::Sent, _) => {
                return no("you sent the letter: its reader accepts it, or not");
            }
            (_, None) => return no("the letter is not registered: read it as it is"),
            (_, Some(RegisteredState::Accepted { .. })) => {
                return no("the letter was accepted already: read it");
            }
            (_, Some(RegisteredState::Declined { .. })) => {
                return no("the letter was declined: nobody reads it any more");
            }
            (_, Some(RegisteredState::Lapsed { .. })) => {
                return no("the letter has lapsed: its time was over");
            }
            (_, Some(_)) => {}
        }
        if own.state != BoxState::Opened {
            return no("the box that the letter came to is closed, which declined it");
        }
        if until.is_some_and(|until| now >= until) {
            return no("the letter's time is over: nobody can accept it or decline it any more");
        }
        if accepts {
            // V-339: who signs for something else signs for what never opens.
            match (&record.state, &record.authorship) {
                (LetterState::Arrived, _) => {
                    return no("the letter is not opened yet: wait for who wrote it");
                }
                (LetterState::Unreadable { .. }, _) => {
                    return no("the letter cannot be opened: nothing would be read with it");
                }
                (_, Some(Authorship::Fails { .. }) | None) => {
                    return no("it is not shown who wrote the letter: do not sign for it");
                }
                (_, Some(Authorship::Shown | Authorship::Unknown)) => {}
            }
        }
        Ok(())
    }

    fn uuid(&self) -> Result<Uuid, OfficeError> {
        Ok(uuid::Builder::from_random_bytes(self.host.random()?).into_uuid())
    }
}

/// Whether a letter fits into an envelope; registered for this box, or as it is.
fn fits(letter: &Letter, registered_for: Option<RoomName>) -> bool {
    // Its box may be vouched for when it leaves.
    let vouch = Vouch { name: RoomName([0; 32]), mac: Mac([0; 32]) };
    let letter = Letter { vouch: Some(vouch), ..letter.clone() };
    let content = match registered_for {
        None => Content::Letter(letter),
        // Halves of the real ones' size: those are drawn when it is sealed.
        Some(reader) => {
            match RegisteredLetter::of(letter, reader, &Halves::from_random(&[0; 64])) {
                Ok(letter) => Content::Registered(letter),
                Err(_) => return false,
            }
        }
    };
    content.class().is_some()
}

/// Whether a text speaks of something that goes with it.
fn speaks_of_attachment(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["attached", "attachment", "enclosed", "em anexo", "anexo"]
        .iter()
        .any(|word| lower.contains(word))
}

/// What a file most probably is, by its name: its reader decides what to do with it.
fn media_type(path: &str) -> MediaType {
    let ending = Path::new(path).extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    let known = match ending.to_ascii_lowercase().as_str() {
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "pdf" => "application/pdf",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "zip" => "application/zip",
        "json" => "application/json",
        _ => "application/octet-stream",
    };
    MediaType::try_from(known.to_owned()).unwrap_or_else(|_| octets())
}

fn octets() -> MediaType {
    MediaType::try_from("application/octet-stream".to_owned())
        .unwrap_or_else(|_| unreachable!("a media type of the form that is asked for"))
}
