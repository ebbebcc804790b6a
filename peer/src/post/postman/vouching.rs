//! How two people stay known to each other when one writes from another box than before: the box that was known vouches for
//! the new one, inside the letter (SPEC 8.1, V-385 to V-387). What only claims to be somebody's is told as that.

use pregao_protocol::letter::{Content, Opened, Vouch, Voucher};
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::agreement::{AgreementPublic, AgreementSecret};
use pregao_protocol::value::clock::Time;

use crate::post::store::contacts::{ContactId, ContactName};
use crate::post::store::departures::{DepartureRecord, Item};
use crate::post::store::letters::{
    Authorship, Direction, LetterNumber, LetterRecord, LetterState, Selection,
};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord};
use crate::post::store::{Change, Kept, MailError, View};

/// Letters of a contact among which it is looked by which box they know one.
const RECENT: usize = 50;

/// What vouches for the box that a letter is from, if its reader may not know that one yet, and knows another.
pub(super) fn vouch(
    view: View<'_>,
    record: &DepartureRecord,
    reader: (RoomName, &AgreementPublic),
) -> Result<Option<Vouch>, MailError> {
    let Item::Letter(letter) = &record.item else { return Ok(None) };
    let Some(contact) = view.letter(record.letter)?.contact else { return Ok(None) };
    let Some(known) = known_box(view, contact, record.from)? else { return Ok(None) };
    // One that is closed has no secrets any more: nothing can show then that it was the same person's.
    let Some(agreement) = known.secrets.as_ref().map(|secrets| secrets.agreement()) else {
        return Ok(None);
    };
    let by = Voucher { name: known.name, agreement: &agreement };
    // Where nothing can be agreed on, sealing says so.
    Ok(Vouch::of(&by, reader, &letter.from, letter.id).ok())
}

/// By which box a contact knows one: the one to which they wrote last, or, if they never did, the one from which they were
/// written to. Nothing once they have written to `from`.
fn known_box(
    view: View<'_>,
    contact: ContactId,
    from: BoxId,
) -> Result<Option<BoxRecord>, MailError> {
    let page = view.letters(Selection::With(Some(contact)), None, RECENT)?;
    let (mut came, mut went) = (None, None);
    for Kept { record, .. } in page.letters.into_iter().flatten() {
        match record.direction {
            Direction::Received if record.authorship == Some(Authorship::Shown) => {
                if record.own_box == from {
                    return Ok(None);
                }
                came = came.or(Some(record.own_box));
            }
            Direction::Sent if record.own_box != from && has_left(&record.state) => {
                went = went.or(Some(record.own_box));
            }
            Direction::Received | Direction::Sent => {}
        }
    }
    match came.or(went) {
        Some(known) => view.own_box(known).map(Some),
        None => Ok(None),
    }
}

const fn has_left(state: &LetterState) -> bool {
    matches!(state, LetterState::Deposited | LetterState::Taken | LetterState::WasRead { .. })
}

/// What a letter from a box that is not known comes to.
pub(super) enum Known {
    /// The box that is known of a contact vouches for it: they are written to there from now on.
    Moved(ContactId, ContactName),
    /// What is said of who wrote it, and how far that is shown.
    Claims(String),
    /// It is somebody's who is not known.
    Nobody,
}

/// Takes over the box from which a contact writes now, if the one that is known of them vouches for it (V-387). That it came
/// to a box that only they were told, or names a letter to them, shows nothing: whoever was shown a letter knows both.
/// `is_here` says that its own box is at this broker, and was found.
pub(super) fn recognize(
    change: &mut Change<'_>,
    own: &BoxRecord,
    opened: &Opened,
    is_here: bool,
    now: Time,
) -> Result<Known, MailError> {
    let agreement = own.secrets.as_ref().map(|secrets| secrets.agreement());
    let Some(vouch) = opened.content().vouch() else {
        return Ok(match supposed(change, own, opened)? {
            Some(name) => Known::Claims(unvouched(&name)),
            None => Known::Nobody,
        });
    };
    let Some(agreement) = agreement else { return Ok(Known::Nobody) };
    let Some(Kept { id, record: known }) = change.contact_with_box(&vouch.name)? else {
        return by_a_box_written_to(change, opened, &agreement);
    };
    let name = known.name.as_str();
    if opened.verify_vouch(&known.keys(), &agreement).is_err() {
        return Ok(Known::Claims(format!(
            "it says that {name} wrote it from another box, and that is FALSE: the box that you know of {name} does not \
             vouch for it"
        )));
    }
    if !is_here {
        // Nobody can be written to there from here.
        return Ok(Known::Claims(format!(
            "{name} wrote it, from a box that is not at your broker: {name} is written to where they were"
        )));
    }
    change.change_address(id, opened.sender().clone(), now)?;
    Ok(Known::Moved(id, known.name))
}

/// Of somebody who is no contact, whose box one has written to: the letter that this one answers went there.
fn by_a_box_written_to(
    change: &Change<'_>,
    opened: &Opened,
    agreement: &AgreementSecret,
) -> Result<Known, MailError> {
    let Some(Kept { id, record }) = answered(change, opened)? else { return Ok(Known::Nobody) };
    let Some(to) = record.other else { return Ok(Known::Nobody) };
    Ok(match opened.verify_vouch(&to.keys(), agreement) {
        Ok(()) => {
            Known::Claims(format!("whoever has the box that you sent letter {id} to wrote it"))
        }
        Err(_) => Known::Claims(format!(
            "it says that it answers letter {id}; the box that you sent that to does not vouch for it"
        )),
    })
}

/// The letter that was sent and that this one says it answers.
fn answered(
    view: &View<'_>,
    opened: &Opened,
) -> Result<Option<Kept<LetterNumber, LetterRecord>>, MailError> {
    let reply_to = match opened.content() {
        Content::Letter(letter) => letter.reply_to,
        Content::Registered(letter) => letter.reply_to,
        Content::Read(_) | Content::Cover(_) => None,
    };
    match reply_to {
        Some(answered) => view.sent_as(&answered),
        None => Ok(None),
    }
}

/// Whose a letter looks like that nothing vouches for: it came to the box that they alone were told, or answers a letter to
/// them.
fn supposed(
    change: &Change<'_>,
    own: &BoxRecord,
    opened: &Opened,
) -> Result<Option<String>, MailError> {
    let contact = match own.purpose {
        BoxPurpose::Contact(contact) => Some(contact),
        BoxPurpose::First { .. } | BoxPurpose::Spare => {
            answered(change, opened)?.and_then(|kept| kept.record.contact)
        }
    };
    Ok(match contact.map(|contact| change.contact(contact)) {
        Some(Ok(contact)) => Some(contact.name.as_str().to_owned()),
        Some(Err(MailError::Unknown { .. } | MailError::Row(_))) | None => None,
        Some(Err(error)) => return Err(error),
    })
}

fn unvouched(name: &str) -> String {
    format!(
        "it may seem to be from {name}, and nothing shows that: the box that you know of {name} does not vouch for it; ask \
         {name} before you answer it"
    )
}

#[cfg(test)]
mod tests;
