//! Contacts and one's own boxes.

use pregao_protocol::letter::{Address, Mode};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::body::{Body, BoxOpening};
use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::value::clock::Time;

use super::views::{contact_named, short};
use super::{Office, OfficeError};
use crate::command::ReceiptAnswer;
use crate::event::{BoxStateView, ContactView, PersonView, WhoView};
use crate::net::broker::BrokerAddress;
use crate::post::address::BoxAddress;
use crate::post::compared;
use crate::post::postman::Listed;
use crate::post::store::contacts::{ContactId, ContactName, ContactRecord, Receipts, Verified};
use crate::post::store::drafts::Whom;
use crate::post::store::letters::{Authorship, Direction, PAGE, Selection};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord, BoxSecrets, BoxState, Position};
use crate::post::store::settings::Settings;
use crate::post::store::{Change, DamagedRow, Kept, MailError, View};
use crate::vault::Secret;

/// Fewest characters of a box's name that name it.
const SHORTEST: usize = 4;

/// Whom a user means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// A contact.
    Contact(ContactId),
    /// Somebody whose box is known from a letter of theirs.
    Box(Address),
    /// Whose box has to be asked for.
    Address(BoxAddress),
    /// The beginning of a name: those who want to be found are to be asked for.
    Beginning(String),
}

/// Whether a box can be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoxReady {
    /// It is open, and known by this.
    Ready(Address),
    /// It is being opened.
    Later,
    /// It is closed, or was never drawn.
    Never,
}

impl Office {
    /// All contacts.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn contacts(&self) -> Result<Vec<ContactView>, OfficeError> {
        let store = self.store();
        let view = store.view();
        let unread = view.unread()?.by_contact;
        let mode = view.settings()?.mode;
        let contacts = view.contacts()?.into_iter().flatten();
        let shown = contacts.map(|Kept { id, record }| ContactView {
            name: record.name.as_str().to_owned(),
            short: short(&record.address.name.to_string()),
            verified: !record.verified.is_empty(),
            blocked: record.is_blocked(),
            receipts: match record.receipts {
                Receipts::Ask => ReceiptAnswer::Ask,
                Receipts::Never => ReceiptAnswer::Never,
                Receipts::Always => ReceiptAnswer::Always,
            },
            mode: record.mode.unwrap_or(mode),
            unread: unread.iter().find(|(of, _)| *of == Some(id)).map_or(0, |(_, count)| *count),
        });
        Ok(shown.collect())
    }

    /// One contact.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn contact(&self, id: ContactId) -> Result<ContactRecord, OfficeError> {
        Ok(self.store().view().contact(id)?)
    }

    /// Whether somebody is a contact of whom nothing is heard.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn is_blocked(&self, who: &WhoView) -> Result<bool, OfficeError> {
        let Some(name) = &who.name else { return Ok(false) };
        let kept = self.store().view().contact_named(name)?;
        Ok(kept.is_some_and(|kept| kept.record.is_blocked()))
    }

    /// The contact whose box this is.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn whose(&self, address: &Address) -> Result<Option<ContactId>, OfficeError> {
        let kept = self.store().view().contact_with_box(&address.name)?;
        Ok(kept.map(|kept| kept.id))
    }

    /// Those who want to be found, and match a text in handle, line, box's name or what the user calls them.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn people(
        &self,
        found: &[Listed],
        text: Option<&str>,
    ) -> Result<Vec<PersonView>, OfficeError> {
        let store = self.store();
        let view = store.view();
        let text = text.map(str::to_lowercase);
        let mut shown = Vec::with_capacity(found.len());
        for person in found {
            let contact = view.contact_with_box(&person.name)?;
            let contact = contact.map(|kept| kept.record.name.as_str().to_owned());
            let name = person.name.to_string();
            let parts = [Some(&person.handle), person.about.as_ref(), contact.as_ref()];
            let is_meant = text.as_ref().is_none_or(|text| {
                let mut parts = parts.iter().flatten();
                parts.any(|part| part.to_lowercase().contains(text)) || name.starts_with(text)
            });
            if is_meant {
                shown.push(PersonView {
                    handle: person.handle.clone(),
                    about: person.about.clone(),
                    short: short(&name),
                    name,
                    contact,
                    own: view.box_named(&person.name)?.is_some(),
                });
            }
        }
        Ok(shown)
    }

    /// Contacts, boxes and departures that cannot be read: they are in no list.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn damage(&self) -> Result<Vec<DamagedRow>, OfficeError> {
        let store = self.store();
        let view = store.view();
        let contacts = view.contacts()?.into_iter().filter_map(Result::err);
        let boxes = view.boxes()?.into_iter().filter_map(Result::err);
        let departures = view.departures()?.into_iter().filter_map(Result::err);
        Ok(contacts.chain(boxes).chain(departures).collect())
    }

    /// Whether a contact may be called so: before anybody is asked for their box.
    ///
    /// # Errors
    /// [`OfficeError::Mail`] for a name that is taken or none.
    pub fn require_free(&self, name: &str) -> Result<(), OfficeError> {
        let name = ContactName::try_from(name.to_owned())?;
        match self.store().view().contact_named(name.as_str())? {
            Some(_) => Err(MailError::NameTaken.into()),
            None => Ok(()),
        }
    }

    /// Adds a contact whose box is known, and gives them the letters that came from it before: those by the same keys.
    ///
    /// # Errors
    /// [`OfficeError::Known`], [`OfficeError::OwnBox`]; [`OfficeError::Mail`], also for a name that is taken or none.
    pub fn add_contact(
        &self,
        name: &str,
        address: Address,
        now: Time,
    ) -> Result<ContactId, OfficeError> {
        let name = ContactName::try_from(name.to_owned())?;
        let contact = ContactRecord::new(name, address.clone(), now);
        self.store().change(|change| {
            if let Some(kept) = change.contact_with_box(&address.name)? {
                return Err(OfficeError::Known(kept.record.name.as_str().to_owned()));
            }
            if change.box_named(&address.name)?.is_some() {
                return Err(OfficeError::OwnBox);
            }
            let id = change.add_contact(&contact)?;
            give_letters(change, id, &address)?;
            change.give_draft(&address, id)?;
            Ok(id)
        })
    }

    /// The digits to compare with a contact.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`]; [`OfficeError::NotThis`] while one of the two boxes is not there.
    pub fn digits(&self, who: &str) -> Result<String, OfficeError> {
        let store = self.store();
        let view = store.view();
        let contact = view.contact(contact_named(view, who)?)?;
        let own = contact.given.map(|id| view.own_box(id)).transpose()?;
        let own = own.ok_or(OfficeError::NotThis(
            "you have not written to them yet: write a letter, and compare once they have answered",
        ))?;
        Ok(compared::digits(own.name, contact.address.name))
    }

    /// Notes that the digits were compared.
    ///
    /// # Errors
    /// [`OfficeError::Differs`], and as [`Office::digits`].
    pub fn verify(&self, who: &str, read_out: &str, now: Time) -> Result<(), OfficeError> {
        let shown = self.digits(who)?;
        let read = compared::count(read_out);
        if read != compared::DIGITS {
            return Err(OfficeError::Digits(read));
        }
        if !compared::are(&shown, read_out) {
            return Err(OfficeError::Differs(who.to_owned()));
        }
        self.edit(who, |contact| contact.verified.push(Verified::Compared { at: now }))
    }

    /// Whether a contact learns that letters of theirs were read.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`], [`OfficeError::Mail`].
    pub fn set_receipts(&self, who: &str, answer: ReceiptAnswer) -> Result<(), OfficeError> {
        let receipts = match answer {
            ReceiptAnswer::Ask => Receipts::Ask,
            ReceiptAnswer::Never => Receipts::Never,
            ReceiptAnswer::Always => Receipts::Always,
        };
        self.edit(who, |contact| contact.receipts = receipts)
    }

    /// Whether a contact may hear that letters of theirs were taken off.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`], [`OfficeError::Mail`].
    pub fn set_taken(&self, who: &str, tell: bool) -> Result<(), OfficeError> {
        self.edit(who, |contact| contact.tell_taken = tell)
    }

    /// Whom letters to a contact convince.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`], [`OfficeError::Mail`].
    pub fn set_mode(&self, who: &str, mode: Mode) -> Result<(), OfficeError> {
        self.edit(who, |contact| contact.mode = Some(mode))
    }

    /// Calls a contact something else.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`], [`OfficeError::Mail`].
    pub fn rename(&self, who: &str, name: &str) -> Result<(), OfficeError> {
        let name = ContactName::try_from(name.to_owned())?;
        self.edit(who, |contact| contact.name = name)
    }

    /// Hears no more of a contact, or hears of them again.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`], [`OfficeError::Mail`].
    pub fn block(&self, who: &str, off: bool, now: Time) -> Result<(), OfficeError> {
        self.edit(who, |contact| contact.blocked = (!off).then_some(now))
    }

    fn edit(&self, who: &str, edit: impl FnOnce(&mut ContactRecord)) -> Result<(), OfficeError> {
        self.store().change(|change| {
            let id = contact_named(**change, who)?;
            change.edit_contact(id, edit)?;
            Ok(())
        })
    }

    /// Whom a user means: a contact, somebody who wrote, an address, or the beginning of a box's name.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`], [`OfficeError::Unclear`], [`OfficeError::Mail`].
    pub fn resolve(&self, who: &str) -> Result<Resolved, OfficeError> {
        resolved(self.store().view(), who)
    }

    /// Draws a box: durable before anything of it leaves.
    ///
    /// # Errors
    /// [`OfficeError::BoxThere`] for a second one for first letters; [`OfficeError::Mail`].
    pub fn draw_box(
        &self,
        opening: BoxOpening,
        purpose: BoxPurpose,
        secrets: BoxSecrets,
    ) -> Result<BoxId, OfficeError> {
        let broker = self.broker_in_letters().ok_or_else(|| {
            OfficeError::Content("the broker's address is longer than letters may say".to_owned())
        })?;
        let id = uuid::Builder::from_random_bytes(self.host.random()?).into_uuid();
        let draft = Draft { id, room: None, body: Body::Box(opening), seen: Seen::nothing() };
        let opened = draft
            .sign_as_owner(&secrets.key())
            .map_err(|error| OfficeError::Content(error.to_string()))?;
        let record = BoxRecord {
            name: opened.room(),
            broker,
            fingerprint: self.broker().fingerprint,
            secrets: Some(secrets),
            opening: opened.compact().to_owned(),
            stamp: None,
            receipt: None,
            state: BoxState::Drawn,
            purpose,
            position: Position::default(),
            renewed: None,
        };
        self.store().change(|change| {
            if is_first(&record) && first_box(**change)?.is_some() {
                return Err(OfficeError::BoxThere);
            }
            Ok(change.keep_box(&record)?)
        })
    }

    /// Draws a box that is for nobody yet: its name.
    ///
    /// # Errors
    /// [`OfficeError::NoRandomness`], [`OfficeError::Mail`].
    pub fn draw_spare(
        &self,
        opening: BoxOpening,
        secrets: BoxSecrets,
    ) -> Result<RoomName, OfficeError> {
        let id = self.draw_box(opening, BoxPurpose::Spare, secrets)?;
        Ok(self.store().view().own_box(id)?.name)
    }

    /// Whether a box of one's own can be handed over.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn is_ready(&self, name: &RoomName) -> Result<BoxReady, OfficeError> {
        let kept = self.store().view().box_named(name)?;
        Ok(match kept.map(|kept| kept.record) {
            Some(record) if can_be_written_to(&record) => {
                record.address().map_or(BoxReady::Never, BoxReady::Ready)
            }
            Some(BoxRecord { state: BoxState::Drawn | BoxState::Opened, .. }) => BoxReady::Later,
            Some(_) | None => BoxReady::Never,
        })
    }

    /// Adds a contact with whom a deal was made, and gives them the box that was drawn for them.
    ///
    /// # Errors
    /// As [`Office::add_contact`].
    pub fn add_from_deal(
        &self,
        name: &str,
        theirs: Address,
        own_box: &RoomName,
        now: Time,
    ) -> Result<ContactId, OfficeError> {
        let id = self.add_contact(name, theirs, now)?;
        self.store().change(|change| {
            let Some(own) = change.box_named(own_box)? else { return Ok(id) };
            change.edit_box(own.id, |record| record.purpose = BoxPurpose::Contact(id))?;
            change.edit_contact(id, |contact| contact.given = Some(own.id))?;
            Ok(id)
        })
    }

    /// Whom letters and talk convince unless it was chosen for a contact, a room or a letter.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn general_mode(&self) -> Result<Mode, OfficeError> {
        Ok(self.store().view().settings()?.mode)
    }

    /// Chooses that.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn set_general_mode(&self, mode: Mode) -> Result<(), OfficeError> {
        self.store().change(|change| {
            let settings = Settings { mode, ..change.settings()? };
            Ok(change.keep_settings(&settings)?)
        })
    }

    /// Secrets for a new box.
    ///
    /// # Errors
    /// [`OfficeError::NoRandomness`].
    pub fn box_secrets(&self) -> Result<BoxSecrets, OfficeError> {
        let seed: [u8; 32] = self.host.random()?;
        let agreement: [u8; 32] = self.host.random()?;
        // A seed gives a key whatever its bytes.
        let _ = SecretKey::<pregao_protocol::trust::key::BoxKey>::from_seed(&seed);
        Ok(BoxSecrets { seed: Secret::new(seed), agreement: Secret::new(agreement) })
    }

    /// One's own boxes that are not closed.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn boxes(&self) -> Result<Vec<BoxStateView>, OfficeError> {
        let store = self.store();
        let view = store.view();
        let mut shown = Vec::new();
        for Kept { record, .. } in view.boxes()?.into_iter().flatten() {
            if record.state == BoxState::Closed {
                continue;
            }
            let (handle, contact) = match &record.purpose {
                BoxPurpose::First { handle, .. } => (handle.clone(), None),
                BoxPurpose::Spare => continue,
                BoxPurpose::Contact(id) => {
                    (None, view.contact(*id).ok().map(|of| of.name.as_str().to_owned()))
                }
            };
            let name = record.name.to_string();
            shown.push(BoxStateView {
                short: short(&name),
                name,
                handle,
                contact,
                standing: standing(&record).to_owned(),
                address: (is_first(&record) && can_be_written_to(&record))
                    .then(|| address_of(&record, self).to_string()),
            });
        }
        Ok(shown)
    }

    /// Whether what goes to contacts who answer leaves at even times, with cover between.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn is_even(&self) -> Result<bool, OfficeError> {
        Ok(self.store().view().settings()?.even)
    }

    /// Has what goes to contacts who answer leave at even times, or no more.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn choose_even(&self, on: bool) -> Result<(), OfficeError> {
        Ok(self.store().change(|change| change.choose_even(on))?)
    }

    /// Whether the box for first letters is open.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn is_box_open(&self) -> Result<bool, OfficeError> {
        let first = first_box(self.store().view())?;
        Ok(first.is_some_and(|kept| kept.record.state == BoxState::Opened))
    }

    /// What is handed over so that others can write.
    ///
    /// # Errors
    /// [`OfficeError::NoBox`], [`OfficeError::Mail`].
    pub fn address(&self) -> Result<BoxAddress, OfficeError> {
        let store = self.store();
        let kept = first_box(store.view())?.ok_or(OfficeError::NoBox)?;
        Ok(address_of(&kept.record, self))
    }

    /// Whether there is a box from which somebody is written to first.
    ///
    /// # Errors
    /// [`OfficeError::NoBox`], or [`OfficeError::Shut`] if there was one; [`OfficeError::Mail`].
    pub fn require_box(&self) -> Result<(), OfficeError> {
        require_first(self.store().view()).map(drop)
    }

    /// The box for first letters is to be closed.
    ///
    /// # Errors
    /// [`OfficeError::NoBox`], [`OfficeError::Mail`].
    pub fn close_box(&self) -> Result<BoxId, OfficeError> {
        self.store().change(|change| {
            let kept = first_box(**change)?.ok_or(OfficeError::NoBox)?;
            change.edit_box(kept.id, |record| record.state = BoxState::Closing)?;
            Ok(kept.id)
        })
    }
}

/// Letters that came from a box before it was a contact's are theirs. A name alone is no proof: what only claims it stays
/// where it is.
fn give_letters(change: &mut Change<'_>, id: ContactId, of: &Address) -> Result<(), MailError> {
    let mut before = None;
    loop {
        let page = change.letters(Selection::With(None), before, PAGE)?;
        for Kept { id: letter, record } in page.letters.into_iter().flatten() {
            let is_theirs = record.other.as_ref().is_some_and(|other| {
                (other.name, &other.key, &other.agreement) == (of.name, &of.key, &of.agreement)
            });
            if is_theirs && !matches!(record.authorship, Some(Authorship::Fails { .. })) {
                change.edit_letter(letter, |letter| {
                    letter.contact = Some(id);
                    letter.claims = None;
                    // Its proof held under keys that now are a contact's.
                    if letter.authorship == Some(Authorship::Unknown) {
                        letter.authorship = Some(Authorship::Shown);
                    }
                })?;
            }
        }
        before = page.before;
        if before.is_none() {
            return Ok(());
        }
    }
}

/// See [`Office::resolve`].
pub(super) fn resolved(view: View<'_>, who: &str) -> Result<Resolved, OfficeError> {
    if let Some(kept) = view.contact_named(who)? {
        return Ok(Resolved::Contact(kept.id));
    }
    if let Ok(address) = who.parse() {
        return Ok(Resolved::Address(address));
    }
    let beginning = who.strip_prefix('#').unwrap_or(who).to_ascii_lowercase();
    let like_one = (SHORTEST..=64).contains(&beginning.len())
        && beginning.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !like_one {
        return Err(OfficeError::NoContact(who.to_owned()));
    }
    let mut found: Vec<Address> = known_boxes(view)?;
    found.retain(|address| address.name.to_string().starts_with(&beginning));
    found.dedup_by_key(|address| address.name);
    match found.as_slice() {
        [] => Ok(Resolved::Beginning(beginning)),
        [one] => match view.contact_with_box(&one.name)? {
            Some(kept) => Ok(Resolved::Contact(kept.id)),
            None => Ok(Resolved::Box(one.clone())),
        },
        _ => Err(OfficeError::Unclear(who.to_owned())),
    }
}

/// Where a box is written to. Its own broker's key stands there, whichever broker the program was told: somebody with the
/// address of another would look for the box there.
fn address_of(record: &BoxRecord, office: &Office) -> BoxAddress {
    let fingerprint = record.fingerprint;
    let told = office.broker();
    let broker = match record.broker.as_str().parse::<BrokerAddress>() {
        Ok(drawn) if told.fingerprint != fingerprint => drawn,
        _ => BrokerAddress { fingerprint, ..told.clone() },
    };
    BoxAddress { name: record.name, broker }
}

/// Whether letters can come: without keys nothing can be sealed to its owner.
const fn can_be_written_to(record: &BoxRecord) -> bool {
    matches!(record.state, BoxState::Opened) && record.renewed.is_some()
}

const fn standing(record: &BoxRecord) -> &'static str {
    match record.state {
        BoxState::Drawn => "is being opened",
        BoxState::Opened if !can_be_written_to(record) => {
            "is being opened: its keys are not out yet"
        }
        BoxState::Opened => "open",
        BoxState::Closing => "is being closed",
        BoxState::Closed => "closed",
    }
}

/// Whether a box is for first letters.
const fn is_first(record: &BoxRecord) -> bool {
    matches!(record.purpose, BoxPurpose::First { .. })
}

/// The box for first letters, unless it is closed or being closed.
fn first_box(view: View<'_>) -> Result<Option<Kept<BoxId, BoxRecord>>, OfficeError> {
    let is_it = |record: &BoxRecord| {
        let alive = matches!(record.state, BoxState::Drawn | BoxState::Opened);
        alive && is_first(record)
    };
    Ok(view.boxes()?.into_iter().flatten().find(|kept| is_it(&kept.record)))
}

/// As [`first_box`], where nothing goes on without one.
pub(super) fn require_first(view: View<'_>) -> Result<BoxId, OfficeError> {
    if let Some(kept) = first_box(view)? {
        return Ok(kept.id);
    }
    let was_there = view.boxes()?.into_iter().flatten().any(|kept| is_first(&kept.record));
    Err(if was_there { OfficeError::Shut } else { OfficeError::NoBox })
}

/// Boxes from which letters came, those of contacts, and those for which there is a draft.
fn known_boxes(view: View<'_>) -> Result<Vec<Address>, OfficeError> {
    let contacts = view.contacts()?.into_iter().flatten().map(|kept| kept.record.address);
    let mut found: Vec<Address> = contacts.collect();
    let page = view.letters(Selection::Only(Direction::Received), None, PAGE)?;
    // Whoever claims to write from a box of another is not written to at that name.
    let proved =
        page.letters.into_iter().flatten().filter(|kept| {
            !matches!(kept.record.authorship, None | Some(Authorship::Fails { .. }))
        });
    found.extend(proved.filter_map(|kept| kept.record.other));
    let drafts = view.drafts()?.into_iter().flatten();
    found.extend(drafts.filter_map(|kept| match kept.record.to {
        Whom::Address(address) => Some(address),
        Whom::Contact(_) => None,
    }));
    found.sort_by_key(|address| address.name.0);
    Ok(found)
}
