//! Letters as shown, and what is looked up about them.

use pregao_protocol::audit::letter::{Event, Happened, ShownDeposit};
use pregao_protocol::audit::verify::{self, VerifiedReceipt};
use pregao_protocol::letter::{Content, Letter, Mode};
use pregao_protocol::log::Receipt;
use pregao_protocol::value::clock::Time;

use super::{Office, OfficeError};
use crate::command::{Folder, MailFilter};
use crate::event::{
    FileView, LetterStanding, LetterView, Personal, ReadView, RegisteredView, StatusView, WhoView,
};
use crate::post::store::departures::Item;
use crate::post::store::letters::{
    Authorship, Direction, LetterNumber, LetterRecord, LetterState, RegisteredState, Selection,
};
use crate::post::store::{Kept, MailError, View};
use crate::text::sanitize::with_causes;

/// Letters in a list, unless more are asked for.
const LISTED: usize = 20;
/// Most letters in a list.
const MOST_LISTED: usize = 1_000;
/// Characters of a box's name that are shown.
pub(super) const SHORT: usize = 8;

/// Letters of a list, the newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The letters.
    pub letters: Vec<LetterView>,
    /// How many more there are at least.
    pub left_out: u64,
    /// How many are not read, of all.
    pub unread: u64,
}

impl Office {
    /// Letters that a filter selects.
    ///
    /// # Errors
    /// [`OfficeError::NoContact`], [`OfficeError::Mail`].
    pub fn list(&self, filter: &MailFilter) -> Result<Listed, OfficeError> {
        let store = self.store();
        let view = store.view();
        let of = match (&filter.with, filter.folder) {
            (Some(who), _) => Selection::With(Some(contact_named(view, who)?)),
            (None, Some(Folder::Received)) => Selection::Only(Direction::Received),
            (None, Some(Folder::Sent)) => Selection::Only(Direction::Sent),
            (None, None) => Selection::All,
        };
        let most = filter.last.map_or(LISTED, |last| usize::try_from(last).unwrap_or(MOST_LISTED));
        listed(view, of, most.min(MOST_LISTED), filter.folder)
    }

    /// Letters that were not read.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn unread(&self) -> Result<Listed, OfficeError> {
        listed(self.store().view(), Selection::Unread, MOST_LISTED, None)
    }

    /// Letters in which all words of a text stand.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn search(&self, text: &str) -> Result<Listed, OfficeError> {
        let store = self.store();
        let view = store.view();
        let (mut letters, mut before) = (Vec::new(), None);
        loop {
            let page = view.search(text, before, MOST_LISTED)?;
            for found in page.found {
                letters.push(shown(view, found.letter.id, &found.letter.record)?);
            }
            before = page.before;
            if before.is_none() || letters.len() >= MOST_LISTED {
                break;
            }
        }
        letters.truncate(MOST_LISTED);
        letters.reverse();
        let left_out = u64::from(before.is_some());
        Ok(Listed { letters, left_out, unread: view.unread()?.total })
    }

    /// Shows a letter; one that came counts as read from then on.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn read(&self, number: u64, now: Time) -> Result<ReadView, OfficeError> {
        let number = letter_number(number)?;
        let mut store = self.store();
        let record = store.change(|change| change.keep_read(number, now))?;
        let view = store.view();
        let letter = shown(view, number, &record)?;
        let said = match view.said(number, &record)?.letter() {
            // Nothing of it is sealed yet.
            None if record.direction == Direction::Sent => {
                let waits = view.departure_of(number, Direction::Sent)?;
                waits.and_then(|kept| match kept.record.item {
                    Item::Letter(letter) => Some(letter),
                    Item::Receipt(_) | Item::Cover { .. } => None,
                })
            }
            said => said,
        };
        let (text, files) = said.as_ref().map_or_else(Default::default, |said| {
            (said.text.as_str().to_owned(), files(said, &record))
        });
        let notes = notes(number, &record);
        Ok(ReadView { letter, text: Personal::new(text), files, notes })
    }

    /// What became of a letter that was sent, or of all: each signature is checked again.
    ///
    /// # Errors
    /// [`OfficeError::NotThis`] for one that came; [`OfficeError::Mail`].
    pub fn status(&self, number: Option<u64>) -> Result<Vec<StatusView>, OfficeError> {
        let store = self.store();
        let view = store.view();
        let letters = match number {
            Some(number) => {
                let id = letter_number(number)?;
                let record = view.letter(id)?;
                if record.direction == Direction::Received {
                    return Err(OfficeError::NotThis(
                        "the letter came: only of those that you sent",
                    ));
                }
                vec![Kept { id, record }]
            }
            None => {
                let page = view.letters(Selection::Only(Direction::Sent), None, LISTED)?;
                page.letters.into_iter().flatten().collect()
            }
        };
        let status = letters.into_iter().rev().map(|Kept { id, record }| {
            Ok(StatusView { letter: shown(view, id, &record)?, known: known(view, id, &record)? })
        });
        status.collect()
    }

    /// A letter as it stands now.
    ///
    /// # Errors
    /// [`OfficeError::Mail`].
    pub fn letter(&self, number: LetterNumber) -> Result<LetterView, OfficeError> {
        let store = self.store();
        let view = store.view();
        Ok(shown(view, number, &view.letter(number)?)?)
    }
}

/// The number of a letter as it was typed.
pub(super) fn letter_number(number: u64) -> Result<LetterNumber, MailError> {
    let unknown = MailError::Unknown { what: "letter", id: i64::MAX };
    i64::try_from(number).map(LetterNumber).map_err(|_| unknown)
}

/// The contact of a name.
pub(super) fn contact_named(
    view: View<'_>,
    who: &str,
) -> Result<crate::post::store::contacts::ContactId, OfficeError> {
    let found = view.contact_named(who)?;
    found.map(|kept| kept.id).ok_or_else(|| OfficeError::NoContact(who.to_owned()))
}

fn listed(
    view: View<'_>,
    of: Selection,
    most: usize,
    folder: Option<Folder>,
) -> Result<Listed, OfficeError> {
    let (mut letters, mut before, mut left_out) = (Vec::new(), None, 0);
    while letters.len() < most {
        let page = view.letters(of, before, most.saturating_sub(letters.len()))?;
        for row in page.letters {
            // A damaged one is shown with its number, and hides no other.
            let letter = match row {
                Ok(Kept { id, record }) => shown(view, id, &record)?,
                Err(damaged) => damaged_view(damaged.id),
            };
            if folder.is_none_or(|folder| folder == letter.folder) {
                letters.push(letter);
            }
        }
        before = page.before;
        left_out = u64::from(before.is_some());
        if before.is_none() {
            break;
        }
    }
    letters.reverse();
    Ok(Listed { letters, left_out, unread: view.unread()?.total })
}

fn damaged_view(id: i64) -> LetterView {
    LetterView {
        letter: u64::try_from(id).unwrap_or_default(),
        folder: Folder::Received,
        who: WhoView { name: None, short: None, verified: false },
        time: Time::from_micros(0).unwrap_or(Time::MAX),
        mode: None,
        subject: None,
        attachments: 0,
        standing: LetterStanding::Unopened,
        acknowledged: None,
        cause: Some("its row in mail.db is damaged".to_owned()),
        wants_receipt: false,
        re: None,
        leaves: None,
        even: false,
        registered: None,
    }
}

/// A letter as shown.
fn shown(view: View<'_>, id: LetterNumber, record: &LetterRecord) -> Result<LetterView, MailError> {
    let contact = record.contact.map(|contact| view.contact(contact)).transpose();
    // A contact whose row is damaged hides no letter.
    let contact = contact.unwrap_or_default();
    let re = view.answered(record)?;
    let short = record.other.as_ref().map(|other| short(&other.name.to_string()));
    let (standing, cause) = standing(record);
    let evenly = view.leaves_evenly(id, record)?;
    Ok(LetterView {
        letter: u64::try_from(id.0).unwrap_or_default(),
        folder: match record.direction {
            Direction::Received => Folder::Received,
            Direction::Sent => Folder::Sent,
        },
        who: WhoView {
            verified: contact.as_ref().is_some_and(|contact| !contact.verified.is_empty()),
            name: contact.map(|contact| contact.name.as_str().to_owned()),
            short,
        },
        time: record.time,
        mode: record.mode,
        subject: record.subject.clone().map(Personal::new),
        attachments: u32::try_from(record.attachments.len()).unwrap_or(u32::MAX),
        standing,
        acknowledged: record.receipt.sent,
        cause,
        wants_receipt: record.receipt.wanted,
        re: re.and_then(|kept| u64::try_from(kept.id.0).ok()),
        leaves: match record.state {
            LetterState::Waiting { until } => {
                let until = evenly.map_or(until, |evenly| evenly.max(until));
                Some(view.rested_at(until)?.map_or(until, |rested| rested.max(until)))
            }
            _ => None,
        },
        even: evenly.is_some(),
        registered: registered(record),
    })
}

/// What is known of a registered letter.
fn registered(record: &LetterRecord) -> Option<RegisteredView> {
    let state = record.registered?;
    let deposit = record.deposit.as_ref().and_then(|deposit| deposit.registered.as_ref());
    Some(RegisteredView {
        until: deposit.and_then(|deposit| deposit.until),
        bytes: deposit.map_or(0, |deposit| deposit.bytes),
        files: deposit.map_or(0, |deposit| deposit.files),
        accepted: match state {
            RegisteredState::Accepted { at } => Some(at),
            _ => None,
        },
    })
}

/// The beginning of a name that people see.
pub(super) fn short(name: &str) -> String {
    name.chars().take(SHORT).collect()
}

fn standing(record: &LetterRecord) -> (LetterStanding, Option<String>) {
    let standing = match &record.state {
        LetterState::Arrived => {
            (LetterStanding::Unopened, Some("it was not opened yet".to_owned()))
        }
        LetterState::Unreadable { cause } => (LetterStanding::Unopened, Some(cause.clone())),
        LetterState::Unread | LetterState::Read { .. } if !is_handed(record.registered) => {
            (undecided(record.registered), None)
        }
        LetterState::Unread => (LetterStanding::Unread, None),
        LetterState::Read { .. } if record.acknowledged.is_some() => {
            (LetterStanding::Acknowledged, None)
        }
        LetterState::Read { .. } => (LetterStanding::Read, None),
        LetterState::Waiting { .. } => (LetterStanding::Waiting, None),
        LetterState::Underway => (LetterStanding::Leaving, None),
        LetterState::Taken if record.registered.is_none() => (LetterStanding::Taken, None),
        LetterState::Deposited | LetterState::Taken => (decided(record.registered), None),
        LetterState::WasRead { .. } => (LetterStanding::WasRead, None),
        LetterState::Failed { code } => (LetterStanding::Failed, Some(code.clone())),
        LetterState::TakenBack => (LetterStanding::Recalled, None),
    };
    match (&record.authorship, standing) {
        (Some(Authorship::Fails { cause }), (standing, None)) => {
            (standing, Some(format!("NOT SHOWN WHO WROTE IT: {cause}")))
        }
        (_, standing) => standing,
    }
}

/// Whether nothing keeps a letter that came from being read.
const fn is_handed(registered: Option<RegisteredState>) -> bool {
    matches!(registered, None | Some(RegisteredState::Accepted { .. }))
}

/// How a registered letter stands that came and was not handed over.
const fn undecided(registered: Option<RegisteredState>) -> LetterStanding {
    match registered {
        Some(RegisteredState::Accepting) => LetterStanding::Accepting,
        Some(RegisteredState::Declining) => LetterStanding::Declining,
        Some(RegisteredState::Declined { .. }) => LetterStanding::Declined,
        Some(RegisteredState::Lapsed { .. }) => LetterStanding::Lapsed,
        Some(RegisteredState::Undecided | RegisteredState::Accepted { .. }) | None => {
            LetterStanding::ToAccept
        }
    }
}

/// How a letter stands that was sent, registered or not.
const fn decided(registered: Option<RegisteredState>) -> LetterStanding {
    match registered {
        Some(RegisteredState::Accepted { .. }) => LetterStanding::Accepted,
        Some(RegisteredState::Declined { .. }) => LetterStanding::Declined,
        Some(RegisteredState::Lapsed { .. }) => LetterStanding::Lapsed,
        _ => LetterStanding::Deposited,
    }
}

fn files(letter: &Letter, record: &LetterRecord) -> Vec<FileView> {
    let saved = |at: usize| {
        let path = record.attachments.get(at)?.saved.as_ref()?;
        Some(path.display().to_string())
    };
    let files = letter.attachments.iter().enumerate();
    let view = files.map(|(at, file)| FileView {
        name: Personal::new(file.name.as_str().to_owned()),
        media_type: file.media_type.as_str().to_owned(),
        size: file.size,
        saved: saved(at),
    });
    view.collect()
}

/// What a letter proves and what not, in lines.
fn notes(number: LetterNumber, record: &LetterRecord) -> Vec<String> {
    let mut lines = notes_of_registered(number, record);
    match (record.direction, record.mode) {
        (Direction::Received, Some(Mode::Evidence)) => {
            lines.push("evidence: you can prove to others that this box wrote it".to_owned());
        }
        (Direction::Received, Some(Mode::Deniable)) => {
            lines.push("deniable: it convinces you and nobody else".to_owned());
        }
        (Direction::Sent, Some(Mode::Evidence)) => {
            lines
                .push("evidence: its reader can prove to others that your box wrote it".to_owned());
        }
        (Direction::Sent, Some(Mode::Deniable)) => {
            lines.push("deniable: its reader can prove nothing with it".to_owned());
        }
        (_, None) => {}
    }
    match &record.authorship {
        Some(Authorship::Unknown) => {
            lines.push(
                "nobody you know: only the box is the same in each of their letters".to_owned(),
            );
        }
        Some(Authorship::Fails { cause }) => {
            lines.push(format!("it is NOT shown who wrote it: {cause}"));
        }
        Some(Authorship::Shown) | None => {}
    }
    lines.extend(record.claims.clone());
    lines.extend(signed_key_alone(record));
    if record.direction == Direction::Received && record.receipt.wanted {
        match (record.receipt.due, record.receipt.sent) {
            (_, Some(at)) => lines.push(format!("a receipt was sent at {at}")),
            (Some(at), None) => {
                lines.push(format!("a receipt leaves at {at}; recall takes it back"))
            }
            (None, None) => {
                lines.push("they ask to be told that you read it: ack does so".to_owned())
            }
        }
    }
    lines
}

/// What its reader can do about a registered letter, or did, in lines.
/// What is said, to both, of a letter that is sealed to the signed key alone.
fn signed_key_alone(record: &LetterRecord) -> Option<String> {
    let said = match (record.used_once?, record.direction) {
        (true, _) => return None,
        (false, Direction::Received) => {
            "your one-time keys had run out: the signed key of that day opens it"
        }
        (false, Direction::Sent) => {
            "their one-time keys had run out: whoever steals their signed key of that day, before it is read, can read it"
        }
    };
    Some(said.to_owned())
}

fn notes_of_registered(number: LetterNumber, record: &LetterRecord) -> Vec<String> {
    let deposit = record.deposit.as_ref().and_then(|deposit| deposit.registered.as_ref());
    let (Some(state), Some(deposit)) = (record.registered, deposit) else { return Vec::new() };
    let came = record.direction == Direction::Received;
    let until = deposit.until.map_or_else(String::new, |until| format!(" until {until}"));
    match state {
        RegisteredState::Undecided if came => {
            let files = match deposit.files {
                0 => String::new(),
                1 => ", with 1 file".to_owned(),
                files => format!(", with {files} files"),
            };
            vec![
                format!("registered: {} bytes{files}, read once you sign for it", deposit.bytes),
                format!("accept {number} does so{until}, and its sender can show that you did"),
                format!("decline {number} refuses it: it is destroyed, and nobody reads it"),
            ]
        }
        RegisteredState::Accepting => {
            vec!["registered: you accept it; it opens once the broker has that".to_owned()]
        }
        RegisteredState::Declining => vec![format!(
            "registered: you decline it, once the broker is reached; until then accept {number} changes that"
        )],
        RegisteredState::Accepted { at } if came => {
            vec![format!("registered: you accepted it at {at}")]
        }
        RegisteredState::Declined { at } if came => {
            vec![format!("registered: you declined it at {at}; it was destroyed unread")]
        }
        RegisteredState::Lapsed { at } if came => vec![format!(
            "registered: nobody accepted it in time; it lapsed at {at}, and was destroyed unread"
        )],
        _ => vec![said_of_decision(state, deposit.until)],
    }
}

/// What is known of how the reader of a registered letter decided, in a line.
fn said_of_decision(state: RegisteredState, until: Option<Time>) -> String {
    match state {
        RegisteredState::Accepted { at } => {
            format!("registered: its reader signed for it at {at}, and it was handed over")
        }
        RegisteredState::Declined { at } => {
            format!("registered: its reader declined it at {at}; nobody reads it")
        }
        RegisteredState::Lapsed { at } => {
            format!("registered: nobody accepted it in time; it lapsed at {at}")
        }
        RegisteredState::Undecided | RegisteredState::Accepting | RegisteredState::Declining => {
            match until {
                Some(until) => format!(
                    "registered: its reader can accept it until {until}; what they did is not known yet"
                ),
                None => "registered: its reader signs for it before they can read it".to_owned(),
            }
        }
    }
}

/// What happened to a letter that was left, in a line; every part of it was verified.
fn said_of_event(event: &Event) -> String {
    let VerifiedReceipt { seq, time, .. } = &event.shown;
    let done = match event.happened {
        Happened::Taken => "taken off by its reader",
        Happened::Accepted => "signed for by its reader",
        Happened::Handed => "handed over by the broker, with the half that the deposit commits to,",
        Happened::Declined => "declined by its reader",
        Happened::Lapsed => "lapsed, as its reader said nothing in time, by the broker's word",
        Happened::BoxClosed => "its reader closed the box",
    };
    format!("{done} at {time}, entry {seq}; signature, place and stamp: ok")
}

/// What became of a letter that was left, as far as it was told: all of it is verified again.
fn became(
    view: View<'_>,
    id: LetterNumber,
    record: &LetterRecord,
    deposit: Receipt,
) -> Result<Vec<String>, MailError> {
    let mut lines = Vec::new();
    if let Some(timeline) = view.timeline(id)? {
        match (ShownDeposit { deposit, timeline }).verify() {
            Ok(told) => lines.extend(told.timeline.events.iter().map(said_of_event)),
            Err(error) => {
                lines.push(format!("what the broker told does not hold: {}", with_causes(&error)))
            }
        }
    }
    if let Some(end) = record.deposit.as_ref().and_then(|deposit| deposit.expires) {
        lines.push(match record.state {
            LetterState::Deposited => {
                format!("it is destroyed at {end}, if it was not taken off before")
            }
            _ => format!("it would have been destroyed at {end}"),
        });
    }
    let question = match view.question_of(id) {
        // A damaged one hides nothing that is known.
        Err(MailError::Row(_)) => None,
        question => question?,
    };
    if record.state == LetterState::Deposited
        && let Some(Kept { record: asked, .. }) = question
    {
        lines.push(match asked.last {
            Some(at) if record.registered.is_some() => format!(
                "at {at} the broker told of nothing since: its reader has neither accepted nor declined it"
            ),
            Some(at) => format!(
                "at {at} the broker told of nothing since: it waits there, or its reader does not let you hear of it"
            ),
            None => "its broker was not asked yet what became of it".to_owned(),
        });
        if asked.next.is_none() {
            lines.push(format!("it is not asked again by itself: /status {id} now"));
        }
    } else if record.state == LetterState::Deposited && record.mode == Some(Mode::Deniable) {
        let line = "its broker is not asked any more what became of it: the key for that would show who left it, and is gone";
        lines.push(line.to_owned());
    }
    Ok(lines)
}

/// What is known of a letter that was sent, in lines.
fn known(
    view: View<'_>,
    id: LetterNumber,
    record: &LetterRecord,
) -> Result<Vec<String>, MailError> {
    let mut lines = Vec::new();
    lines.extend(signed_key_alone(record));
    let deposit = record.deposit.as_ref();
    match (deposit.and_then(|deposit| deposit.seq), view.broker_receipt(id)?) {
        (Some(seq), Some(receipt)) => {
            let named = deposit.map(|deposit| deposit.envelope);
            let holds = verify::receipt(&receipt);
            lines.push(match holds {
                Ok(holds) => {
                    format!("deposited at {} as entry {seq}; the broker's receipt: ok", holds.time)
                }
                Err(error) => format!("deposited as entry {seq}; the broker's receipt: {error}"),
            });
            if let Some(digest) = named {
                lines.push(format!("envelope {digest}"));
            }
            lines.extend(became(view, id, record, receipt)?);
        }
        (Some(seq), None) => lines.push(format!("deposited as entry {seq}; its receipt is lost")),
        (None, _) => {}
    }
    if let Some(state) = record.registered {
        let registered = deposit.and_then(|deposit| deposit.registered.as_ref());
        lines.push(said_of_decision(state, registered.and_then(|registered| registered.until)));
    }
    let bytes = view.read_receipt(id)?;
    let read = bytes.and_then(|bytes| Content::parse(&bytes).ok());
    if let Some((Content::Read(receipt), _)) = read {
        let judged = match view.sent(id)? {
            Some(sent) => match receipt.verify_for(&sent) {
                Ok(()) => "ok".to_owned(),
                Err(error) => error.to_string(),
            },
            None => "there is nothing to compare it with".to_owned(),
        };
        lines.push(format!("read at {}, by its reader; their receipt: {judged}", receipt.time));
    } else if record.receipt.wanted && deposit.is_some_and(|deposit| deposit.seq.is_some()) {
        lines.push("you asked to be told that it was read; nothing came yet".to_owned());
    }
    Ok(lines)
}
