//! What came is opened: with keys that are destroyed once it was, verified by what is known of its author, and kept. What
//! cannot be opened is kept with the cause.

use std::time::Duration;

use pregao_protocol::letter::{
    self, BoxKeys, Content, Opened, ReadReceipt, RegisteredError, RegisteredLetter,
};
use pregao_protocol::room::Undecided;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::value::clock::Time;

use super::keys::short;
use super::plan::Plan;
use super::setback::Setback;
use super::{News, Round};
use crate::net::broker::BrokerAddress;
use crate::post::guest::GuestError;
use crate::post::store::contacts::ContactId;
use crate::post::store::letters::{
    Authorship, DepositRecord, Direction, LetterNumber, LetterState, Reading,
};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord};
use crate::post::store::{Change, Kept, MailError, View};

/// For how long it is asked who wrote a letter, while there is no answer: until then the secrets stay that open it.
const ASK_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that came.
pub(super) struct Arrival {
    pub(super) own_box: BoxId,
    pub(super) seq: u64,
    pub(super) deposit: DepositRecord,
    pub(super) envelope: Vec<u8>,
}

/// A letter that is here unopened.
struct Waiting {
    arrival: Arrival,
    /// The box that it came to.
    own: BoxRecord,
    /// When it was fetched.
    fetched: Option<Time>,
}

/// What became of something that came.
pub(super) enum Became {
    /// A letter, to be shown or not.
    Letter(LetterNumber, bool),
    /// The receipt for a letter.
    Receipt(LetterNumber),
    /// A letter of which the author is to be asked for.
    Unopened(LetterNumber),
    /// It was dealt with before.
    Known,
}

impl Round {
    /// Opens what came and keeps what it is.
    pub(super) fn receive(
        &self,
        arrival: &Arrival,
        own: &BoxRecord,
        now: Time,
    ) -> Result<Became, Setback> {
        let mut store = self.office.store();
        if is_dealt_with(store.view(), arrival)? {
            return Ok(Became::Known);
        }
        let opened = match open(store.view(), arrival, own)? {
            Ok(opened) => opened,
            Err(cause) => {
                let number = store.change(|change| unreadable(change, arrival, &cause, now))?;
                return Ok(Became::Letter(number, true));
            }
        };
        let agreement = agreement_of(own)?;
        if let Content::Read(receipt) = opened.content() {
            return match receipt_for(store.view(), receipt, &opened, &agreement)? {
                Matched::Letter(number) => {
                    store.change(|change| {
                        change.keep_read_receipt(number, &opened)?;
                        destroy_once(change, arrival)
                    })?;
                    Ok(Became::Receipt(number))
                }
                Matched::Before => Ok(Became::Known),
                Matched::No(cause) => {
                    let number = store.change(|change| unreadable(change, arrival, &cause, now))?;
                    Ok(Became::Letter(number, true))
                }
            };
        }
        let known = known(store.view(), &opened)?;
        if let Some((keys, contact)) = known
            && opened.verify(&keys, &agreement).is_ok()
        {
            let authorship = Authorship::Shown;
            let kept = store
                .change(|change| keep(change, arrival, &opened, authorship, Some(contact), now))?;
            return Ok(Became::Letter(kept.0, kept.1));
        }
        // Also one in the name of a box that is known and is not its author's: whoever left it there to see whether that
        // box is asked for would learn who is known here.
        let number = store.change(|change| {
            let deposit = arrival.deposit.clone();
            change.keep_arrived(arrival.own_box, deposit, &arrival.envelope, now)
        })?;
        Ok(Became::Unopened(number))
    }

    /// Whether the box that it says to be from is at this broker, who can be asked for its opening.
    fn is_here(&self, opened: &Opened) -> bool {
        let broker = opened.sender().broker.as_str().parse::<BrokerAddress>();
        broker.is_ok_and(|broker| broker.fingerprint == self.way.broker.fingerprint)
    }

    /// Opens a letter that is here: who wrote it is asked for in a session in which nothing else is done.
    pub(super) async fn ask_author(
        &self,
        number: LetterNumber,
        plan: &mut Plan,
    ) -> Result<(), Setback> {
        let Some(Waiting { arrival, own, fetched }) = self.arrived(number)? else {
            plan.unopened.remove(&number);
            return Ok(());
        };
        let now = self.time()?;
        let opened = {
            let mut store = self.office.store();
            match open(store.view(), &arrival, &own)? {
                Ok(opened) => Ok(opened),
                Err(cause) => {
                    store.change(|change| unreadable(change, &arrival, &cause, now))?;
                    Err(())
                }
            }
        };
        let Ok(opened) = opened else {
            plan.unopened.remove(&number);
            self.say(News::Letter(number)).await;
            return Ok(());
        };
        let agreement = agreement_of(&own)?;
        let known = known(self.office.store().view(), &opened)?;
        let is_theirs = known.is_some_and(|(keys, _)| opened.verify(&keys, &agreement).is_ok());
        let asked = !is_theirs && self.is_here(&opened);
        let stated = if asked {
            match self.session().await?.opening(opened.sender().name).await {
                Ok(found) => Some(found.keys()),
                Err(GuestError::Undecided(Undecided::ROOM_UNKNOWN)) => None,
                // Who does not answer that for a day has the letter shown as somebody unknown's.
                Err(_) if is_asked_enough(fetched, now) => None,
                Err(error) => return Err(error.into()),
            }
        } else {
            None
        };
        // What the user knows goes before what the broker says.
        let (keys, contact) = (known.map(|(keys, _)| keys).or(stated), known.map(|known| known.1));
        let authorship = match keys {
            Some(keys) => authorship(opened.verify(&keys, &agreement)),
            None => match opened.verify(&opened.sender().keys(), &agreement) {
                Ok(()) => Authorship::Unknown,
                failed => authorship(failed),
            },
        };
        let (kept, changed) = {
            let mut store = self.office.store();
            store.change(|change| {
                let is_shown = asked && authorship == Authorship::Shown;
                let adopted = if is_shown { adopt(change, &own, &opened, now)? } else { None };
                let contact = contact.or(adopted.as_ref().map(|(contact, _)| *contact));
                let kept = keep(change, &arrival, &opened, authorship, contact, now)?;
                Ok::<_, MailError>((kept, adopted.map(|(_, name)| name)))
            })?
        };
        plan.unopened.remove(&number);
        if let Some(name) = changed {
            let short = short(&opened.sender().name);
            self.say(News::Note(format!(
                "{name} is written to at another box from now on: {short}"
            )))
            .await;
        }
        if kept.1 {
            self.say(News::Letter(kept.0)).await;
        }
        Ok(())
    }

    /// A letter that is here unopened, with the box that it came to.
    fn arrived(&self, number: LetterNumber) -> Result<Option<Waiting>, Setback> {
        let store = self.office.store();
        let view = store.view();
        let record = match view.letter(number) {
            Err(MailError::Unknown { .. }) => return Ok(None),
            record => record?,
        };
        let fetched = record.fetched;
        let (Some(deposit), Some(envelope)) = (record.deposit, view.envelope(number)?) else {
            return Ok(None);
        };
        if record.state != LetterState::Arrived {
            return Ok(None);
        }
        let seq = deposit.seq.unwrap_or_default();
        let own = view.own_box(record.own_box)?;
        let arrival =
            Arrival { own_box: record.own_box, seq, deposit, envelope: envelope.to_vec() };
        Ok(Some(Waiting { arrival, own, fetched }))
    }
}

/// Whether it was tried for long enough to learn who wrote a letter that was fetched then.
fn is_asked_enough(fetched: Option<Time>, now: Time) -> bool {
    fetched.is_none_or(|fetched| fetched.plus(ASK_FOR) <= now)
}

/// The contact from whose box it says to be, with the keys that are known of that. An own box is not looked up: who is
/// asked for nothing when a letter comes in its name owns it.
fn known(view: View<'_>, opened: &Opened) -> Result<Option<(BoxKeys, ContactId)>, MailError> {
    let found = view.contact_with_box(&opened.sender().name)?;
    Ok(found.map(|Kept { id, record }| (record.keys(), id)))
}

fn agreement_of(own: &BoxRecord) -> Result<AgreementSecret, Setback> {
    let secrets = own.secrets.as_ref();
    secrets.map(|secrets| secrets.agreement()).ok_or_else(|| {
        Setback::trouble("the box is closed", "its letters cannot be opened any more")
    })
}

/// Whether the letter at this position used up its key: then it was read, and taking it off was not answered.
fn is_dealt_with(view: View<'_>, arrival: &Arrival) -> Result<bool, MailError> {
    use crate::post::store::prekeys::PrekeyState;
    let Some(once) = &arrival.deposit.once else { return Ok(false) };
    let by = Some(arrival.seq);
    Ok(view.once_key(once)?.is_some_and(|kept| kept.record.state == PrekeyState::Used { by }))
}

/// Opens an envelope, or says why it cannot be opened.
fn open(
    view: View<'_>,
    arrival: &Arrival,
    own: &BoxRecord,
) -> Result<Result<Opened, String>, MailError> {
    let deposit = &arrival.deposit;
    let signed = view.prekey(&deposit.signed)?.and_then(|kept| kept.record.secret());
    let Some(signed) = signed else {
        return Ok(Err("the signed key that it is sealed to is not here any more: was mail.db restored from a backup? \
                       Ask for the letter again"
            .to_owned()));
    };
    let once = match &deposit.once {
        None => None,
        Some(once) => {
            let found = view.once_key(once)?;
            let Some(secret) = found.as_ref().and_then(|kept| kept.record.secret()) else {
                let cause = match found {
                    Some(_) => {
                        "the one-time key that it is sealed to was used before: it was handed out twice, or the letter \
                         comes again"
                    }
                    None => {
                        "the one-time key that it is sealed to is not here: was mail.db restored from a backup? Ask for \
                         the letter again"
                    }
                };
                return Ok(Err(cause.to_owned()));
            };
            Some(secret)
        }
    };
    let reading = letter::Reading {
        name: own.name,
        signed: &signed,
        once: once.as_ref(),
        class: deposit.class,
    };
    let opened = letter::open(&reading, &arrival.envelope).map_err(|error| error.to_string());
    Ok(opened.and_then(|opened| match opened.content() {
        // V-339: what is handed over for this deposit would open nothing.
        Content::Registered(letter) if !is_committed(deposit, letter) => {
            Err(RegisteredError::Deposit.to_string())
        }
        // The other way round: nobody would sign for what is read without, so it would stay in the box until its time is over.
        Content::Letter(_) | Content::Read(_) if deposit.registered.is_some() => {
            let cause = "its deposit says that it is registered, and it is not";
            Err(cause.to_owned())
        }
        _ => Ok(opened),
    }))
}

/// Whether the deposit commits to the half with which a registered letter opens.
fn is_committed(deposit: &DepositRecord, letter: &RegisteredLetter) -> bool {
    let committed = deposit.registered.as_ref().map(|registered| registered.commitment);
    committed == Some(letter.commitment)
}

fn authorship(verified: Result<(), letter::ProofError>) -> Authorship {
    match verified {
        Ok(()) => Authorship::Shown,
        Err(error) => Authorship::Fails { cause: error.to_string() },
    }
}

/// Keeps a letter, and destroys the key that opened it. Its number, and whether it is shown.
fn keep(
    change: &mut Change<'_>,
    arrival: &Arrival,
    opened: &Opened,
    authorship: Authorship,
    contact: Option<ContactId>,
    now: Time,
) -> Result<(LetterNumber, bool), MailError> {
    // One that somebody else wrote in their name is not among theirs.
    let contact = contact.filter(|_| authorship == Authorship::Shown);
    let keep_evidence = change.settings()?.keep_evidence;
    let deposit = arrival.deposit.clone();
    let number = change.keep_arrived(arrival.own_box, deposit, &arrival.envelope, now)?;
    change.keep_opened(number, &Reading { opened, contact, authorship, keep_evidence })?;
    let blocked = match contact {
        Some(contact) => change.contact(contact)?.is_blocked(),
        None => false,
    };
    if blocked {
        // Set aside: it is here, and counts as nothing to be read.
        change.edit_letter(number, |letter| letter.acknowledged = Some(now))?;
    }
    destroy_once(change, arrival)?;
    Ok((number, !blocked))
}

/// Keeps why something cannot be read. The key is used up in the log, whatever was sealed to it.
fn unreadable(
    change: &mut Change<'_>,
    arrival: &Arrival,
    cause: &str,
    now: Time,
) -> Result<LetterNumber, MailError> {
    let deposit = arrival.deposit.clone();
    let number = change.keep_arrived(arrival.own_box, deposit, &arrival.envelope, now)?;
    change.keep_unreadable(number, cause)?;
    destroy_once(change, arrival)?;
    Ok(number)
}

fn destroy_once(change: &mut Change<'_>, arrival: &Arrival) -> Result<(), MailError> {
    let Some(once) = &arrival.deposit.once else { return Ok(()) };
    match change.once_key(once)? {
        Some(kept) if kept.record.secret().is_some() => {
            change.destroy_key(kept.id, Some(arrival.seq))
        }
        _ => Ok(()),
    }
}

/// To which letter a receipt belongs.
enum Matched {
    Letter(LetterNumber),
    /// This very one came before.
    Before,
    /// To none, and why.
    No(String),
}

/// Which letter a receipt is for, verified by the keys of the box that it was sent to (V-247, V-251).
fn receipt_for(
    view: View<'_>,
    receipt: &ReadReceipt,
    opened: &Opened,
    agreement: &AgreementSecret,
) -> Result<Matched, MailError> {
    let Some(Kept { id, record }) = view.sent_in(&receipt.deposit)? else {
        return Ok(Matched::No("a read receipt for a letter that is not here".to_owned()));
    };
    let (Some(sent), Some(to)) = (view.sent(id)?, record.other) else {
        return Ok(Matched::No(format!("a read receipt for letter {id}, which was not sent")));
    };
    if let Err(error) = receipt.verify_for(&sent) {
        return Ok(Matched::No(error.to_string()));
    }
    if let Err(error) = opened.verify(&to.keys(), agreement) {
        return Ok(Matched::No(format!(
            "a read receipt for letter {id} by somebody else: {error}"
        )));
    }
    if record.receipt.got.is_none() {
        return Ok(Matched::Letter(id));
    }
    let known = view.read_receipt(id)?;
    let is_same = known.is_some_and(|known| *known == *opened.content().encode(opened.proof()));
    Ok(if is_same {
        Matched::Before
    } else {
        Matched::No(format!("a second read receipt for letter {id}: the first one counts"))
    })
}

/// Takes over the box from which a contact writes now. It came to the box that only they were told, and names a letter that
/// was sealed to the box that was known of them: so whoever wrote it has read that. The contact, and what they are called.
fn adopt(
    change: &mut Change<'_>,
    own: &BoxRecord,
    opened: &Opened,
    now: Time,
) -> Result<Option<(ContactId, String)>, MailError> {
    let BoxPurpose::Contact(contact) = &own.purpose else { return Ok(None) };
    let reply_to = match opened.content() {
        Content::Letter(letter) => &letter.reply_to,
        Content::Registered(letter) => &letter.reply_to,
        Content::Read(_) => return Ok(None),
    };
    let answered = match reply_to {
        Some(answered) => change.letter_of_message(answered)?,
        None => None,
    };
    let known = change.contact(*contact)?;
    let has_read = answered.is_some_and(|Kept { record, .. }| {
        let to = record.other.as_ref().map(|to| to.name);
        record.direction == Direction::Sent
            && record.contact == Some(*contact)
            && to == Some(known.address.name)
    });
    if !has_read {
        return Ok(None);
    }
    let changed = change.change_address(*contact, opened.sender().clone(), now)?;
    Ok(changed.map(|_| (*contact, known.name.as_str().to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v394_who_wrote_a_letter_is_asked_for_a_day_and_then_it_is_somebody_unknown() {
        let at = |seconds: u64| Time::from_micros(seconds * 1_000_000).unwrap();
        let day = 86_400;
        for (fetched, now, is_enough) in [
            (Some(at(100)), at(100), false),
            (Some(at(100)), at(100 + day - 1), false),
            (Some(at(100)), at(100 + day), true),
            (Some(at(100)), at(99), false),
            (None, at(0), true),
        ] {
            assert_eq!(is_asked_enough(fetched, now), is_enough, "{fetched:?} {now:?}");
        }
    }
}
