//! What came is opened: with keys that are destroyed once it was, verified by what is known of its author, and kept. What
//! cannot be opened is kept with the cause.

use pregao_protocol::letter::{
    self, BoxKeys, Content, Opened, ReadReceipt, RegisteredError, RegisteredLetter,
};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::Undecided;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::value::clock::Time;

use super::boxes::keys_of;
use super::keys::short;
use super::plan::Plan;
use super::setback::Setback;
use super::vouching::{Known, recognize};
use super::{News, Round};
use crate::net::broker::BrokerAddress;
use crate::post::guest::GuestError;
use crate::post::store::contacts::ContactId;
use crate::post::store::letters::{
    Authorship, DepositRecord, Direction, LetterNumber, LetterState, Reading,
};
use crate::post::store::own_boxes::{BoxId, BoxRecord};
use crate::post::store::{Change, Kept, MailError, View};

/// Something that came.
pub(super) struct Arrival {
    pub(super) own_box: BoxId,
    pub(super) seq: u64,
    pub(super) deposit: DepositRecord,
    pub(super) envelope: Vec<u8>,
}

/// By what it is known who wrote a letter.
enum Author {
    /// What is known of the box, and whose it is.
    Known(BoxKeys, Option<ContactId>),
    /// Its opening has to be asked for.
    Ask(RoomName),
    /// It is at another broker, or at none.
    Unknown,
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
        match self.author(store.view(), &opened)? {
            Author::Known(keys, contact) => {
                let authorship = authorship(opened.verify(&keys, &agreement));
                let kept = store
                    .change(|change| keep(change, arrival, &opened, authorship, contact, now))?;
                Ok(Became::Letter(kept.0, kept.1))
            }
            Author::Ask(_) | Author::Unknown => {
                let number = store.change(|change| {
                    let deposit = arrival.deposit.clone();
                    change.keep_arrived(arrival.own_box, deposit, &arrival.envelope, now)
                })?;
                Ok(Became::Unopened(number))
            }
        }
    }

    /// Whose box it is from, by the address book; or what has to be asked.
    fn author(&self, view: View<'_>, opened: &Opened) -> Result<Author, MailError> {
        let sender = opened.sender();
        if let Some(Kept { id, record }) = view.contact_with_box(&sender.name)? {
            return Ok(Author::Known(record.keys(), Some(id)));
        }
        let own = view.box_named(&sender.name)?.and_then(|kept| keys_of(&kept.record));
        if let Some(keys) = own {
            return Ok(Author::Known(keys, None));
        }
        let broker = sender.broker.as_str().parse::<BrokerAddress>();
        let is_here = broker.is_ok_and(|broker| broker.fingerprint == self.way.broker.fingerprint);
        Ok(if is_here { Author::Ask(sender.name) } else { Author::Unknown })
    }

    /// Opens a letter that is here: who wrote it is asked for in a session in which nothing else is done.
    pub(super) async fn ask_author(
        &self,
        number: LetterNumber,
        plan: &mut Plan,
    ) -> Result<(), Setback> {
        let Some((arrival, own)) = self.arrived(number)? else {
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
        let author = self.author(self.office.store().view(), &opened)?;
        let asked = matches!(author, Author::Ask(_));
        let (keys, contact) = match author {
            Author::Known(keys, contact) => (Some(keys), contact),
            Author::Unknown => (None, None),
            Author::Ask(name) => match self.session().await?.opening(name).await {
                Ok(found) => (Some(found.keys()), None),
                Err(GuestError::Undecided(Undecided::ROOM_UNKNOWN)) => (None, None),
                Err(error) => return Err(error.into()),
            },
        };
        let agreement = agreement_of(&own)?;
        let authorship = match keys {
            Some(keys) => authorship(opened.verify(&keys, &agreement)),
            None => match opened.verify(&opened.sender().keys(), &agreement) {
                Ok(()) => Authorship::Unknown,
                failed => authorship(failed),
            },
        };
        let (kept, known) = {
            let mut store = self.office.store();
            store.change(|change| {
                let known = match (contact, &authorship) {
                    (Some(_), _) | (None, Authorship::Fails { .. }) => Known::Nobody,
                    (None, Authorship::Shown | Authorship::Unknown) => {
                        let is_here = asked && authorship == Authorship::Shown;
                        recognize(change, &own, &opened, is_here, now)?
                    }
                };
                let contact = contact.or(match &known {
                    Known::Moved(contact, _) => Some(*contact),
                    Known::Claims(_) | Known::Nobody => None,
                });
                let kept = keep(change, &arrival, &opened, authorship, contact, now)?;
                if let Known::Claims(claims) = &known {
                    change.edit_letter(kept.0, |letter| letter.claims = Some(claims.clone()))?;
                }
                Ok::<_, MailError>((kept, known))
            })?
        };
        plan.unopened.remove(&number);
        match known {
            Known::Moved(_, name) => {
                let (name, short) = (name.as_str(), short(&opened.sender().name));
                let text = format!("{name} is written to at another box from now on: {short}");
                self.say(News::Note(text)).await;
            }
            Known::Claims(claims) => {
                self.say(News::Note(format!("letter {}: {claims}", kept.0))).await;
            }
            Known::Nobody => {}
        }
        if kept.1 {
            self.say(News::Letter(kept.0)).await;
        }
        Ok(())
    }

    /// A letter that is here unopened, with the box that it came to.
    fn arrived(&self, number: LetterNumber) -> Result<Option<(Arrival, BoxRecord)>, Setback> {
        let store = self.office.store();
        let view = store.view();
        let record = match view.letter(number) {
            Err(MailError::Unknown { .. }) => return Ok(None),
            record => record?,
        };
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
        Ok(Some((arrival, own)))
    }
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
    let Some(Kept { id, record }) = view.letter_in(&receipt.deposit, Direction::Sent)? else {
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
