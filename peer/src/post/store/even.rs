//! Letters that leave at times drawn ahead, with cover where nothing waits: for whom, and when (SPEC 8.6).

use std::time::Duration;

use pregao_protocol::letter::{Address, Cover};
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};

use super::MailError;
use super::contacts::{ContactId, ContactRecord};
use super::departures::{DepartureId, DepartureRecord, Item, Step};
use super::letters::{Authorship, Direction, LetterNumber, LetterRecord, LetterState, Selection};
use super::own_boxes::{BoxId, BoxState};
use super::rows::{Change, Kept, View};
use crate::post::times;

/// Letters of a contact among which one is looked for that came from the box to which they are written.
const RECENT: usize = 50;

/// When something leaves to a contact's box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvenTimes {
    /// The box.
    pub with: RoomName,
    /// The next time, drawn ahead.
    pub next: Time,
    /// The mean with which it was drawn, in seconds.
    pub mean: u64,
    /// Where the newest of one's own deposits stands there.
    pub newest: Option<u64>,
    /// Deposits of one's own up to there between which its owner did nothing.
    pub unseen: u32,
    /// Whether the box takes nothing any more.
    pub closed: bool,
}

/// A contact to whom letters leave at even times.
#[derive(Debug, Clone)]
pub struct EvenContact {
    /// Who.
    pub id: ContactId,
    /// Where they are written to.
    pub address: Address,
    /// From which box.
    pub from: BoxId,
    /// What was drawn; nothing before the first time was, or if another mean holds by now.
    pub times: Option<EvenTimes>,
    /// The mean by which the next time is drawn; none before it is known how many passes there are.
    pub mean: Option<Duration>,
}

impl View<'_> {
    /// Contacts to whom letters leave at even times: those who write from the box to which they are written, unless they
    /// are blocked or that box is closed. None, if the user has not chosen so. Passes count that `broker` gives.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn even_contacts(&self, broker: &Fingerprint) -> Result<Vec<EvenContact>, MailError> {
        if !self.settings()?.even {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for Kept { id, record } in self.contacts()?.into_iter().flatten() {
            found.extend(self.even_contact(id, record)?);
        }
        let passes = match self.newest_pass_day()? {
            Some(day) => self.passes(broker, day)?.len(),
            None => 0,
        };
        if passes > 0 {
            let mean = times::even_mean(passes, found.len());
            for contact in &mut found {
                let unseen = contact.times.as_ref().map_or(0, |times| times.unseen);
                contact.mean = Some(times::slowed(mean, unseen));
            }
        }
        Ok(found)
    }

    fn even_contact(
        &self,
        id: ContactId,
        record: ContactRecord,
    ) -> Result<Option<EvenContact>, MailError> {
        let ContactRecord { address, given, even, blocked: None, .. } = record else {
            return Ok(None);
        };
        let Some(from) = given else { return Ok(None) };
        let own = self.own_box(from)?;
        if own.state != BoxState::Opened || own.renewed.is_none() {
            return Ok(None);
        }
        let times = even.filter(|times| times.with == address.name);
        let is_even = match &times {
            Some(times) => !times.closed,
            // Whoever has not answered is not left cover: it may be a box where all strangers write.
            None => self.has_written_from(id, &address.name)?,
        };
        Ok(is_even.then_some(EvenContact { id, address, from, times, mean: None }))
    }

    fn has_written_from(&self, contact: ContactId, name: &RoomName) -> Result<bool, MailError> {
        let page = self.letters(Selection::With(Some(contact)), None, RECENT)?;
        Ok(page.letters.into_iter().flatten().any(|Kept { record, .. }| {
            record.direction == Direction::Received
                && record.authorship == Some(Authorship::Shown)
                && record.other.as_ref().is_some_and(|other| other.name == *name)
        }))
    }

    /// For which contact something is.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn contact_of(&self, record: &DepartureRecord) -> Result<Option<ContactId>, MailError> {
        match &record.item {
            Item::Cover { contact, .. } => Ok(Some(*contact)),
            Item::Letter(_) | Item::Receipt(_) => match self.letter(record.letter) {
                Ok(letter) => Ok(letter.contact),
                // Of a damaged one nothing is known: it goes as it would otherwise.
                Err(MailError::Row(_) | MailError::Unknown { .. }) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// The contact among these to whose box something goes.
    ///
    /// # Errors
    /// As [`View::contact_of`].
    pub fn evenly<'a>(
        &self,
        record: &DepartureRecord,
        even: &'a [EvenContact],
    ) -> Result<Option<&'a EvenContact>, MailError> {
        if even.is_empty() {
            return Ok(None);
        }
        let of = self.contact_of(record)?;
        let is_it = |to: &&EvenContact| Some(to.id) == of && to.address.name == record.to.name;
        Ok(even.iter().find(is_it))
    }

    /// Whether something waits for an even time of one of these. What has expired does not: it leaves no more.
    ///
    /// # Errors
    /// As [`View::contact_of`].
    pub fn is_held(
        &self,
        record: &DepartureRecord,
        even: &[EvenContact],
        now: Time,
    ) -> Result<bool, MailError> {
        let may_wait = record.step == Step::Waiting && !record.at_once;
        let waits = may_wait && record.expires.is_none_or(|end| now < end);
        Ok(waits && self.evenly(record, even)?.is_some())
    }

    /// When a letter that waits leaves at the soonest, if it leaves at an even time.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn leaves_evenly(
        &self,
        number: LetterNumber,
        record: &LetterRecord,
    ) -> Result<Option<Time>, MailError> {
        let waits = matches!(record.state, LetterState::Waiting { .. });
        let (Some(contact), true) = (record.contact, waits && self.settings()?.even) else {
            return Ok(None);
        };
        let contact = match self.contact(contact) {
            Err(MailError::Row(_) | MailError::Unknown { .. }) => return Ok(None),
            contact => contact?,
        };
        let Some(times) = contact.even.filter(|_| contact.blocked.is_none()) else {
            return Ok(None);
        };
        let departure = self.departure_of(number, Direction::Sent)?;
        let is_held = departure.is_some_and(|kept| {
            !kept.record.at_once && kept.record.to.name == times.with && !times.closed
        });
        Ok(is_held.then_some(times.next))
    }

    /// What leaves to a contact at an even time that is now; or `Err(())` if something is leaving.
    fn next_to(
        &self,
        contact: &EvenContact,
        now: Time,
    ) -> Result<Result<Option<DepartureId>, ()>, MailError> {
        let even = std::slice::from_ref(contact);
        let mut oldest: Option<(Time, DepartureId)> = None;
        for Kept { id, record } in self.departures()?.into_iter().flatten() {
            if self.evenly(&record, even)?.is_none() {
                continue;
            }
            if record.at_once || record.step != Step::Waiting {
                return Ok(Err(()));
            }
            let is_due = record.leaves <= now && self.is_held(&record, even, now)?;
            if is_due && oldest.is_none_or(|oldest| (record.leaves, id) < oldest) {
                oldest = Some((record.leaves, id));
            }
        }
        Ok(Ok(oldest.map(|(_, id)| id)))
    }
}

impl Change<'_> {
    /// Has what goes to contacts leave at even times from now on, or no more.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn choose_even(&mut self, on: bool) -> Result<(), MailError> {
        let mut settings = self.settings()?;
        if settings.even == on {
            return Ok(());
        }
        settings.even = on;
        self.keep_settings(&settings)?;
        for Kept { id, record } in self.contacts()?.into_iter().flatten() {
            if record.even.is_some() {
                self.edit_contact(id, |contact| contact.even = None)?;
            }
        }
        for Kept { id, record } in self.departures()?.into_iter().flatten() {
            // Cover of which nobody has seen anything.
            if matches!(record.item, Item::Cover { .. }) && record.step == Step::Waiting {
                self.drop_departure(id)?;
            }
        }
        Ok(())
    }

    /// Draws when something leaves to a contact next.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn draw_even(
        &mut self,
        contact: &EvenContact,
        mean: Duration,
        next: Time,
    ) -> Result<(), MailError> {
        let mean = mean.as_secs();
        let times = match &contact.times {
            Some(times) => EvenTimes { next, mean, ..times.clone() },
            None => EvenTimes {
                with: contact.address.name,
                next,
                mean,
                newest: None,
                unseen: 0,
                closed: false,
            },
        };
        self.edit_contact(contact.id, |contact| contact.even = Some(times)).map(drop)
    }

    /// Has something leave to a contact now: the oldest that waits, or cover. Nothing, while something is leaving.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn leave_evenly(
        &mut self,
        contact: &EvenContact,
        cover: Cover,
        now: Time,
    ) -> Result<(), MailError> {
        match self.next_to(contact, now)? {
            Err(()) => Ok(()),
            Ok(Some(waiting)) => self.leave_at_once(waiting),
            Ok(None) => {
                let record = DepartureRecord {
                    letter: LetterNumber(0),
                    from: contact.from,
                    to: contact.address.clone(),
                    item: Item::Cover { contact: contact.id, cover },
                    leaves: now,
                    expires: None,
                    keep_evidence: false,
                    registered: false,
                    step: Step::Waiting,
                    begun: 0,
                    at_once: true,
                };
                self.insert(&record).map(drop)
            }
        }
    }

    /// Notes where something was left in a contact's box. Whether that was at an even time, or could have been.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn note_evenly(&mut self, record: &DepartureRecord, seq: u64) -> Result<bool, MailError> {
        self.edit_even(record, |times| {
            let next = times.newest.map(|newest| newest.saturating_add(1));
            // Something else stands between them: its owner was there.
            times.unseen = if next == Some(seq) { times.unseen.saturating_add(1) } else { 1 };
            times.newest = Some(seq);
        })
    }

    /// Notes that a contact's box takes nothing any more: no cover goes there.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn end_even(&mut self, record: &DepartureRecord) -> Result<bool, MailError> {
        self.edit_even(record, |times| times.closed = true)
    }

    /// What could not be left at an even time waits for another; cover is dropped. Whether it was such.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn hold_again(&mut self, id: DepartureId, now: Time) -> Result<bool, MailError> {
        let record = self.departure(id)?;
        if matches!(record.item, Item::Cover { .. }) {
            self.drop_departure(id)?;
            return Ok(true);
        }
        if !self.edit_even(&record, |_| ())? {
            return Ok(false);
        }
        match record.step {
            Step::Waiting => self.put_off(id, now)?,
            _ => self.begin_anew(id, now)?,
        }
        self.wait_again(id)?;
        Ok(true)
    }

    /// Changes what is drawn for the contact to whose box something goes, if anything is.
    fn edit_even(
        &mut self,
        record: &DepartureRecord,
        edit: impl FnOnce(&mut EvenTimes),
    ) -> Result<bool, MailError> {
        let Some(id) = self.contact_of(record)? else { return Ok(false) };
        let known = match self.contact(id) {
            Err(MailError::Unknown { .. } | MailError::Row(_)) => return Ok(false),
            known => known?,
        };
        let Some(mut times) = known.even.filter(|times| times.with == record.to.name) else {
            return Ok(false);
        };
        edit(&mut times);
        self.edit_contact(id, |contact| contact.even = Some(times))?;
        Ok(true)
    }
}
