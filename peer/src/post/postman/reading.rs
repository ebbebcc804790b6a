//! What came: each box in a session of its own, read on from where it was read before. What is fetched is kept before it is
//! taken off; what cannot be opened is kept with the cause.

use std::time::Duration;

use pregao_protocol::audit::verify;
use pregao_protocol::letter::{
    self, BoxKeys, Class, Content, Opened, ReadReceipt, RegisteredError, RegisteredLetter,
};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::message_box::{Letter as Waiting, kept};
use pregao_protocol::room::{BlobCode, MessageBox, Replay, Stamped, Undecided};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::label::MAX_TAKEN;
use pregao_protocol::wire::blob::Purpose;

use super::boxes::{keys_of, own_box};
use super::keys::short;
use super::plan::Plan;
use super::registered::{Fetched, Noted, require_half, wish_for};
use super::setback::Setback;
use super::{News, Round};
use crate::net::broker::BrokerAddress;
use crate::post::guest::{GuestError, GuestSession};
use crate::post::own_box::OwnBox;
use crate::post::store::contacts::ContactId;
use crate::post::store::letters::{
    Authorship, DepositRecord, Direction, LetterNumber, LetterRecord, LetterState, Reading,
    RegisteredDeposit, RegisteredState,
};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord, BoxState, HeadMet, Position};
use crate::post::store::{Change, Kept, MailError, View};

/// How long it is at least until the box is asked for from which a letter is: the broker does not see the two together.
const ASK_AFTER: Duration = Duration::from_secs(5);
/// Within how many seconds after that.
const ASK_WITHIN: u64 = 40;

/// Something that came.
struct Arrival {
    own_box: BoxId,
    seq: u64,
    deposit: DepositRecord,
    envelope: Vec<u8>,
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
enum Became {
    /// A letter, to be shown or not.
    Letter(LetterNumber, bool),
    /// The receipt for a letter.
    Receipt(LetterNumber),
    /// Nothing: it was there so that nobody counts the others.
    Cover,
    /// A letter of which the author is to be asked for.
    Unopened(LetterNumber),
    /// It was dealt with before.
    Known,
}

/// What a look into a box came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    /// The head that was read.
    pub(super) seen: Seen,
    /// Whether something was decided about after that.
    pub(super) decided: bool,
}

/// Position of the entry that a receipt is for.
pub(super) fn seq_of(receipt: &Receipt) -> Result<u64, Setback> {
    let verified =
        verify::receipt(receipt).map_err(|_| GuestError::False("a receipt does not hold"))?;
    Ok(verified.seq)
}

impl Round {
    /// Looks into a box.
    pub(super) async fn read_box(&self, id: BoxId, plan: &mut Plan) -> Result<(), Setback> {
        let record = self.record(id)?;
        plan.looked(self, id)?;
        if record.state != BoxState::Opened {
            return Ok(());
        }
        let mut session = self.session().await?;
        self.look_into(id, &mut session, plan).await.map(drop)
    }

    /// Whether letters of a box are here and not opened.
    pub(super) fn waits_unopened(&self, id: BoxId, plan: &Plan) -> Result<bool, Setback> {
        let store = self.office.store();
        let view = store.view();
        for letter in plan.unopened.keys() {
            match view.letter(*letter) {
                Ok(record) if record.own_box == id => return Ok(true),
                Ok(_) | Err(MailError::Unknown { .. } | MailError::Row(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Reads a box on, fetches what came, renews its keys, takes off what is here, and accepts and declines what the user
    /// decided about.
    pub(super) async fn look_into(
        &self,
        id: BoxId,
        session: &mut GuestSession<'_>,
        plan: &mut Plan,
    ) -> Result<Looked, Setback> {
        let record = self.record(id)?;
        let own = own_box(&record)?;
        let checkpoint = self.office.store().view().checkpoint(id)?;
        // One that cannot be read any more costs reading from the beginning, and nothing else.
        let before = checkpoint.and_then(|bytes| kept::take_up(&bytes).ok());
        let fold_before = before.as_ref().and_then(Replay::room).and_then(MessageBox::of).cloned();
        let mut noted = Noted::default();
        let read = {
            let mut note = |seq: u64, stamped: &Stamped| noted.note(seq, stamped);
            session.read_noting(&own, before.unwrap_or_default(), &mut note).await
        };
        let replay = read.map_err(|error| unread(error, &record, session.head_shown()))?;
        let lie = || GuestError::False("the box is none any more");
        let room = replay.room().ok_or_else(lie)?;
        let fold = MessageBox::of(room).ok_or_else(lie)?;
        let seen = room.ledger().head();
        let note = session.head_shown().unwrap_or_default().to_owned();
        require_longer(&record, seen, &note)?;
        require_half(&record, fold.awaits_half(), &note)?;
        let now = self.time()?;
        let must_renew = self.note_keys(id, fold, now)?;
        // First, so that of what was handed over the files are known.
        let left = self.settle(id, &noted, fold_before.as_ref()).await?;
        let fetched = self.fetch(id, &record, session, fold, &noted, plan).await?;
        self.settle_rest(id, &record, &left, now).await?;
        let position = Position {
            read: seen.size,
            head: Some(HeadMet { size: seen.size, root: seen.root, note }),
        };
        let bytes = kept::keep(room, own.opening().compact());
        self.office.store().change(|change| change.move_on(id, position, bytes.as_deref()))?;
        if !self.waits_unopened(id, plan)? {
            self.destroy_spent(id, fold_before.as_ref(), fold, seen.size)?;
        }
        if fold.is_closed() {
            return Ok(Looked { seen, decided: false });
        }
        if must_renew && record.state == BoxState::Opened {
            let replaced = self.renew(id, session, &own, (fold, seen), now).await?;
            if record.renewed.is_none() {
                // From now on letters can come.
                self.say(News::Boxes).await;
            }
            // Nothing came in between, so all that is sealed to the key before is here: whoever leaves now leaves no secret of it.
            if replaced == seen.size && !self.waits_unopened(id, plan)? {
                let read = replaced.saturating_add(1);
                self.office.store().change(|change| change.destroy_replaced(id, read))?;
            }
        }
        let told = self.tells_of(&record)?;
        for letters in fetched.take.chunks(MAX_TAKEN) {
            session.take_off(&own, seen, letters.to_vec(), told).await?;
        }
        let decided = !fetched.wishes.is_empty();
        for wish in fetched.wishes {
            self.decide(session, &own, seen, wish).await?;
        }
        if decided {
            // What was handed over with it is read at once.
            plan.looks.remove(&id);
        }
        Ok(Looked { seen, decided })
    }

    /// Whether those who write to a box hear that their letters were taken off: the contact who alone was given it, if the
    /// user lets them. In a box for everybody it would show the broker which letters are whose.
    fn tells_of(&self, record: &BoxRecord) -> Result<bool, Setback> {
        let BoxPurpose::Contact(contact) = record.purpose else { return Ok(false) };
        match self.office.store().view().contact(contact) {
            Ok(contact) => Ok(contact.tell_taken && !contact.is_blocked()),
            Err(MailError::Unknown { .. } | MailError::Row(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches and keeps all letters that wait; which of them can be taken off, and which are decided about.
    async fn fetch(
        &self,
        id: BoxId,
        record: &BoxRecord,
        session: &mut GuestSession<'_>,
        fold: &MessageBox,
        noted: &Noted,
        plan: &mut Plan,
    ) -> Result<Fetched, Setback> {
        let Fetched { mut take, mut wishes } = Fetched::default();
        for (seq, waiting) in fold.waiting() {
            let now = self.time()?;
            // V-336: it is taken off once it was decided about.
            let undecided = fold.undecided(seq).is_some();
            let known = self
                .office
                .store()
                .view()
                .letter_in(&waiting.envelope.digest, Direction::Received)?;
            if let Some(known) = known {
                if undecided {
                    wishes.extend(wish_for(id, seq, &known));
                } else if self.can_go(id, seq, waiting, &known.record)? {
                    take.push(seq);
                }
                continue;
            }
            if seq < record.position.read {
                // A receipt, or a letter that the user deleted: everything else that stood there is here.
                take.extend(Some(seq).filter(|_| !undecided));
                continue;
            }
            if waiting.expires.is_some_and(|end| end <= now) {
                continue;
            }
            let deposit = deposit_of(seq, waiting, noted.stamps.get(&seq).copied());
            let envelope = match session.get_blob(Purpose::Envelope, waiting.envelope).await {
                Ok(envelope) => envelope,
                Err(GuestError::Blob(BlobCode::Unknown)) => {
                    self.lost(Arrival { own_box: id, seq, deposit, envelope: Vec::new() }, record)
                        .await?;
                    continue;
                }
                Err(error) => return Err(Setback::from(error).about(record.name)),
            };
            let arrival = Arrival { own_box: id, seq, deposit, envelope };
            let became = self.receive(&arrival, record, now)?;
            // What is attached is fetched when the user wants it: until then it stays there.
            let is_here = waiting.attachments.is_empty()
                || matches!(became, Became::Receipt(_) | Became::Known | Became::Cover);
            if is_here && !undecided {
                take.push(seq);
            }
            self.tell(became, plan).await?;
        }
        Ok(Fetched { take, wishes })
    }

    async fn tell(&self, became: Became, plan: &mut Plan) -> Result<(), Setback> {
        match became {
            Became::Letter(number, true) | Became::Receipt(number) => {
                self.say(News::Letter(number)).await;
            }
            Became::Letter(_, false) | Became::Known | Became::Cover => {}
            Became::Unopened(number) => {
                let after = if plan.hurry {
                    Duration::ZERO
                } else {
                    ASK_AFTER.saturating_add(Duration::from_secs(self.random_below(ASK_WITHIN)?))
                };
                plan.unopened.insert(number, self.time()?.plus(after));
            }
        }
        Ok(())
    }

    /// Whether what waits, and is here, can be taken off.
    fn can_go(
        &self,
        id: BoxId,
        seq: u64,
        waiting: &Waiting,
        record: &LetterRecord,
    ) -> Result<bool, Setback> {
        let is_it = record.own_box == id
            && record.deposit.as_ref().is_some_and(|deposit| deposit.seq == Some(seq));
        // Another one with the same envelope is the same again.
        if !is_it || waiting.attachments.is_empty() {
            return Ok(true);
        }
        let blocked = match record.contact {
            Some(contact) => self.office.store().view().contact(contact)?.is_blocked(),
            None => false,
        };
        Ok(match record.state {
            // Of one that was handed over it is not known yet what is beside it.
            _ if record.registered.is_some_and(RegisteredState::is_open) => false,
            LetterState::Arrived => false,
            LetterState::Unreadable { .. } => true,
            _ => blocked || record.attachments.iter().all(|file| file.saved.is_some()),
        })
    }

    /// A letter that stands in the log, and that the broker has not.
    async fn lost(&self, arrival: Arrival, record: &BoxRecord) -> Result<(), Setback> {
        let now = self.time()?;
        let cause = "the log of the box names it, and its broker does not have it";
        let number = self.office.store().change(|change| {
            let number = change.keep_arrived(
                arrival.own_box,
                arrival.deposit.clone(),
                &arrival.envelope,
                now,
            )?;
            change.keep_unreadable(number, cause)?;
            Ok::<_, MailError>(number)
        })?;
        self.say(News::Letter(number)).await;
        let head = record.position.head.as_ref().map(|head| head.note.clone());
        self.say(News::Alarm {
            room: Some(record.name),
            message: format!(
                "letter {number} stands in the log of your box and is not given to you"
            ),
            advice: "ask whoever may have written to write again; do not rely on this broker"
                .to_owned(),
            notes: head.into_iter().collect(),
        })
        .await;
        Ok(())
    }

    /// Opens what came and keeps what it is.
    fn receive(&self, arrival: &Arrival, own: &BoxRecord, now: Time) -> Result<Became, Setback> {
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
        if matches!(opened.content(), Content::Cover(_)) {
            // Whoever left it: nobody is asked for, and nothing is kept.
            store.change(|change| destroy_once(change, arrival))?;
            return Ok(Became::Cover);
        }
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

/// What is said where a box is not shown as it was.
pub(super) fn unread(error: GuestError, record: &BoxRecord, shown: Option<&str>) -> Setback {
    let notes = record.position.head.iter().map(|head| head.note.clone());
    let notes = notes.chain(shown.map(str::to_owned));
    let setback = match error {
        GuestError::NotShown { code } if code == "room.shorter" || code == "room.unknown" => {
            Setback::Alarm {
                room: None,
                message: format!("the broker has lost letters of your box, or hides them ({code})"),
                advice: "open another box, at another broker, and tell your contacts; the signed head shows what \
                         was there"
                    .to_owned(),
                notes: Vec::new(),
            }
        }
        error => error.into(),
    };
    setback.about(record.name).shown_by(notes)
}

/// No head that was met is forgotten, though the log was read from its beginning.
pub(super) fn require_longer(record: &BoxRecord, seen: Seen, note: &str) -> Result<(), Setback> {
    let Some(met) = &record.position.head else { return Ok(()) };
    let goes_on = seen.size > met.size || (seen.size == met.size && seen.root == met.root);
    if goes_on {
        return Ok(());
    }
    let lie = GuestError::False("the log of your box is shorter, or another, than it was");
    Err(Setback::from(lie).about(record.name).shown_by([met.note.clone(), note.to_owned()]))
}

pub(super) fn deposit_of(seq: u64, waiting: &Waiting, stamped: Option<Time>) -> DepositRecord {
    let class = Class::of_envelope(waiting.envelope.size.size()).unwrap_or(Class::Large);
    DepositRecord {
        envelope: waiting.envelope.digest,
        class,
        signed: waiting.signed,
        once: waiting.once,
        seq: Some(seq),
        stamped,
        expires: waiting.expires,
        registered: waiting.registered.as_ref().map(|registered| RegisteredDeposit {
            commitment: registered.commitment,
            until: Some(registered.until),
            bytes: waiting.bytes,
            files: u32::try_from(waiting.attachments.len()).unwrap_or(u32::MAX),
        }),
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
    Ok(opened.and_then(|opened| {
        require_deposit(opened.content(), deposit)?;
        Ok(opened)
    }))
}

/// What is in an envelope came by such a deposit as it comes by.
fn require_deposit(content: &Content, deposit: &DepositRecord) -> Result<(), String> {
    match content {
        // V-339: what is handed over for this deposit would open nothing.
        Content::Registered(letter) if !is_committed(deposit, letter) => {
            Err(RegisteredError::Deposit.to_string())
        }
        // V-372: it would wait for a word that nobody gives.
        Content::Cover(_) if deposit.registered.is_some() => {
            Err("it is registered, and there is nothing in it to sign for".to_owned())
        }
        _ => Ok(()),
    }
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
        Content::Read(_) | Content::Cover(_) => return Ok(None),
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

/// What letters that wait have attached, for whoever wants their files.
pub(super) async fn attached(
    round: &Round,
    session: &mut GuestSession<'_>,
    id: BoxId,
    own: &OwnBox,
) -> Result<MessageBox, Setback> {
    let checkpoint = round.office.store().view().checkpoint(id)?;
    let before = checkpoint.and_then(|bytes| kept::take_up(&bytes).ok());
    let replay = session.read_on(own, before.unwrap_or_default()).await?;
    let fold = replay.room().and_then(MessageBox::of).cloned();
    Ok(fold.ok_or(GuestError::False("the box is none any more"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::store::tests::fixture::{came, came_registered, id, owner, text_letter};
    use pregao_protocol::letter::{Cover, Salt};
    use pregao_protocol::trust::key::Fingerprint;
    use pregao_protocol::value::codec::Digest;

    fn read_to(size: u64, root: u8) -> BoxRecord {
        let head =
            HeadMet { size, root: Digest([root; 32]), note: "the head that was met".to_owned() };
        BoxRecord {
            name: RoomName([3; 32]),
            broker: "ws://broker:1/#00".to_owned().try_into().unwrap(),
            fingerprint: Fingerprint([7; 32]),
            secrets: None,
            opening: String::new(),
            stamp: None,
            receipt: None,
            state: BoxState::Opened,
            purpose: BoxPurpose::Spare,
            position: Position { read: size, head: Some(head) },
            renewed: None,
        }
    }

    fn is_alarm(setback: Setback, shown: &[&str]) -> bool {
        let Some(News::Alarm { room, notes, .. }) = setback.news() else { return false };
        room == Some(RoomName([3; 32])) && notes == shown
    }

    #[test]
    fn v372_cover_is_not_registered() {
        let from = owner(2).address();
        let cover = Content::Cover(Cover::new(from, id(3), Salt([4; 32])));
        let (me, them) = (owner(1), owner(2));
        let plain = came(&them, &me, text_letter(&them, 1, "About", "Text"), 1);
        let registered = came_registered(&them, &me, text_letter(&them, 2, "About", "Text"), 2);
        assert_eq!(require_deposit(&cover, &plain.deposit), Ok(()));
        assert!(require_deposit(&cover, &registered.deposit).is_err());
        // A registered letter comes by its own deposit alone.
        let letter = registered.opened.content();
        assert_eq!(require_deposit(letter, &registered.deposit), Ok(()));
        assert!(require_deposit(letter, &plain.deposit).is_err());
    }

    #[test]
    fn a_log_that_is_shorter_or_another_than_it_was_is_an_alarm_shown_by_both_heads() {
        let record = read_to(5, 1);
        let seen = |size, root| Seen { size, root: Digest([root; 32]) };
        for goes_on in [seen(5, 1), seen(6, 1), seen(6, 2)] {
            assert!(require_longer(&record, goes_on, "now").is_ok());
        }
        for lie in [seen(4, 1), seen(5, 2), seen(1, 1)] {
            let alarm = require_longer(&record, lie, "now").unwrap_err();
            assert!(is_alarm(alarm, &["the head that was met", "now"]), "{lie:?}");
        }
        // Of one that was never read there is nothing to compare.
        let new = BoxRecord { position: Position::default(), ..record };
        assert!(require_longer(&new, seen(1, 9), "now").is_ok());
    }

    #[test]
    fn a_log_that_ends_between_a_signature_and_its_half_is_an_alarm() {
        let record = read_to(5, 1);
        assert!(require_half(&record, None, "now").is_ok());
        for letter in [0, 7] {
            let alarm = require_half(&record, Some(letter), "now").unwrap_err();
            assert!(is_alarm(alarm, &["now"]));
        }
    }

    #[test]
    fn a_broker_that_hides_a_log_or_lies_about_it_is_told_from_one_that_is_away() {
        let record = read_to(5, 1);
        let hidden = |code: &str| GuestError::NotShown { code: code.to_owned() };
        for lie in [hidden("room.shorter"), hidden("room.unknown"), GuestError::False("a log")] {
            assert!(is_alarm(
                unread(lie, &record, Some("said")),
                &["the head that was met", "said"]
            ));
        }
        assert!(matches!(unread(GuestError::Slow, &record, None), Setback::Later));
        assert!(matches!(unread(hidden("door.rate"), &record, None), Setback::Trouble { .. }));
    }
}
