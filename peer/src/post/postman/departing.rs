//! What goes: letters and receipts, each step durable before the next.

use std::time::Duration;

use pregao_protocol::audit::verify;
use pregao_protocol::letter::{
    Addressee, Author, Class, Content, Halves, Letter, Place, RegisteredLetter, Seeds, Vouch, seal,
};
use pregao_protocol::log::Receipt;
use pregao_protocol::room::action::{Action, Draft};
use pregao_protocol::room::body::{Blob, Body, Deposit, Registered};
use pregao_protocol::room::{Code, Undecided};
use pregao_protocol::trust::agreement::AgreementPublic;
use pregao_protocol::trust::key::{DepositKey, OneTime, PublicKey, SecretKey};
use pregao_protocol::trust::seal::SealError;
use pregao_protocol::value::blob_class::BlobClass;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::Purpose;
use pregao_protocol::wire::handed::VerifiedKeys;
use zeroize::Zeroizing;

use super::plan::{Plan, is_ready};
use super::setback::Setback;
use super::vouching::vouch;
use super::{News, Round};
use crate::post::guest::{GuestError, GuestSession};
use crate::post::letters::FoundBox;
use crate::post::store::MailError;
use crate::post::store::contacts::ContactId;
use crate::post::store::departures::{
    DepartureId, DepartureRecord, Item, SealedDeposit, SealedForBroker, SealedItem, Step,
};
use crate::post::store::letters::RegisteredDeposit;
use crate::post::store::own_boxes::BoxState;
use crate::post::store::questions::Met;
use crate::vault::Secret;

/// How often something is begun anew, or put off, before it is given up.
const BEGUN: u32 = 8;
/// How long what was refused for the state of the box waits, the first time; twice as long each time after that.
const PUT_OFF: Duration = Duration::from_secs(10 * 60);
/// A box shows other keys than its address says.
const OTHER_KEYS: &str = "mail.other-keys";

/// Why something is not sent.
struct Failure<'a> {
    code: &'a str,
    message: String,
    advice: String,
    refusal: Option<&'a str>,
}

impl Failure<'_> {
    fn of(code: Code) -> Self {
        Self {
            code: code.as_str(),
            message: code.message().to_owned(),
            advice: code.advice().to_owned(),
            refusal: None,
        }
    }

    fn own(code: &'static str, message: &str, advice: &str) -> Self {
        Self { code, message: message.to_owned(), advice: advice.to_owned(), refusal: None }
    }
}

impl Round {
    fn departure(&self, id: DepartureId) -> Result<Option<DepartureRecord>, Setback> {
        match self.office.store().view().departure(id) {
            // It was taken back.
            Err(MailError::Unknown { .. }) => Ok(None),
            record => Ok(Some(record?)),
        }
    }

    /// Takes something as far as it goes.
    pub(super) async fn depart(&self, id: DepartureId, plan: &mut Plan) -> Result<(), Setback> {
        if !self.choose_box(id).await? {
            return Ok(());
        }
        let Some(record) = self.departure(id)? else { return Ok(()) };
        let has_expired =
            record.expires.is_some_and(|end| self.now().is_some_and(|now| end <= now));
        if record.step == Step::Waiting && has_expired {
            // Before anybody sees that something was to leave.
            return self.give_up(id, &record, Failure::of(Code::DepositExpiry)).await;
        }
        let mut session = self.session().await?;
        let found = match session.opening(record.to.name).await {
            Ok(found) => found,
            Err(GuestError::Undecided(Undecided::ROOM_UNKNOWN)) => {
                return self.give_up(id, &record, Failure::of(Code::RoomUnknown)).await;
            }
            Err(error) => return Err(error.into()),
        };
        if found.keys() != record.to.keys() {
            let (message, advice) =
                ("the box has other keys than its address says", "ask for the address again");
            return self.give_up(id, &record, Failure::own(OTHER_KEYS, message, advice)).await;
        }
        if let Step::Stamped(deposit, stamp) = &record.step {
            let action = parse(&deposit.action)?;
            // What was handed in and decided has its answer without a pass.
            match session.hand_in(&action, stamp, found.compact()).await {
                Err(GuestError::Undecided(Undecided::PASS_NONE)) => {}
                answer => return self.answered(id, &record, answer).await,
            }
        }
        if found.is_closed() {
            return self.give_up(id, &record, Failure::of(Code::BoxClosed)).await;
        }
        let pass = self.pay(&mut session, begun(id, &record), plan.hurry).await?;
        let record = if record.step == Step::Waiting {
            match self.seal(id, &record, &mut session, &found, pass).await? {
                Some(record) => record,
                None => return Ok(()),
            }
        } else {
            record
        };
        self.carry(id, &record, &mut session, &found).await
    }

    /// Puts the bytes, has the deposit stamped, and hands it in.
    async fn carry(
        &self,
        id: DepartureId,
        record: &DepartureRecord,
        session: &mut GuestSession<'_>,
        found: &FoundBox,
    ) -> Result<(), Setback> {
        let Some(deposit) = record.step.deposit() else { return Ok(()) };
        let action = parse(&deposit.action)?;
        // Also what was put before: a broker keeps for some minutes only what no entry names.
        for bytes in self.blobs(id, record)? {
            session.put_blob(Purpose::Envelope, &bytes).await?;
        }
        let is_stamped = matches!(record.step, Step::Stamped(..));
        if matches!(record.step, Step::Sealed(_)) {
            self.office.store().change(|change| change.keep_put(id))?;
        }
        let stamp = session.stamp(&action).await?;
        let kept = stamp.clone();
        self.office.store().change(|change| {
            if is_stamped { change.stamp_anew(id, kept) } else { change.keep_stamped(id, kept) }
        })?;
        let answer = session.hand_in(&action, &stamp, found.compact()).await;
        self.answered(id, record, answer).await
    }

    /// All bytes of it: the attachments, then the envelope.
    fn blobs(&self, id: DepartureId, record: &DepartureRecord) -> Result<Vec<Vec<u8>>, Setback> {
        let store = self.office.store();
        let view = store.view();
        let mut blobs = Vec::new();
        if let Item::Letter(letter) = &record.item {
            for at in (0_u8..).take(letter.attachments.len()) {
                let blob = view.sealed_blob(id, at)?.ok_or_else(lost)?;
                blobs.push(blob.to_vec());
            }
        }
        blobs.extend(view.sealed_envelope(id)?.map(|envelope| envelope.to_vec()));
        Ok(blobs)
    }

    /// Seals a letter to keys of its reader, durable before any of its bytes leave. Nothing, if it does not go now.
    async fn seal(
        &self,
        id: DepartureId,
        record: &DepartureRecord,
        session: &mut GuestSession<'_>,
        found: &FoundBox,
        pass: Digest,
    ) -> Result<Option<DepartureRecord>, Setback> {
        let now = self.time()?;
        if record.expires.is_some_and(|end| end <= now) {
            self.give_up(id, record, Failure::of(Code::DepositExpiry)).await?;
            return Ok(None);
        }
        let keys = match session.take_keys(found).await {
            Ok(keys) => keys,
            Err(GuestError::Undecided(Undecided::BOX_CLOSED)) => {
                self.give_up(id, record, Failure::of(Code::BoxClosed)).await?;
                return Ok(None);
            }
            Err(GuestError::Undecided(Undecided::BOX_NO_KEYS)) => {
                self.put_off(id, record, Code::BoxNoKeys, None).await?;
                return Ok(None);
            }
            Err(GuestError::Undecided(Undecided::PASS_SPENT)) => {
                self.forget_spent_on(begun(id, record))?;
                return Err(Setback::Later);
            }
            Err(error) => return Err(error.into()),
        };
        match self.sealed(id, record, found, &keys, pass) {
            Ok(()) => {}
            // It was taken back meanwhile.
            Err(Sealing::Gone) => return Ok(None),
            Err(Sealing::Failed(message)) => {
                let advice = "write it again";
                let failure = Failure::own("mail.content", &message, advice);
                self.give_up(id, record, failure).await?;
                return Ok(None);
            }
            Err(Sealing::Setback(setback)) => return Err(setback),
        }
        if matches!(record.item, Item::Letter(_)) {
            self.say(News::Letter(record.letter)).await;
        }
        self.departure(id)
    }

    fn sealed(
        &self,
        id: DepartureId,
        record: &DepartureRecord,
        found: &FoundBox,
        keys: &VerifiedKeys,
        pass: Digest,
    ) -> Result<(), Sealing> {
        let failed = |error: &dyn std::fmt::Display| Sealing::Failed(error.to_string());
        let registering = self.registering(record)?;
        let reader = AgreementPublic(found.opening().agreement.0);
        let vouch = vouch(self.office.store().view(), record, (found.name(), &reader))?;
        let content = content(record, found, registering.as_ref(), vouch)?;
        let own = self.office.store().view().own_box(record.from)?;
        let secrets = own.secrets.ok_or_else(|| failed(&"the box that it is from is closed"))?;
        let (own_key, agreement) = (secrets.key(), secrets.agreement());
        let class = content.class().unwrap_or(Class::Large);
        let once = keys.once.as_ref();
        let place = Place {
            name: found.name(),
            signed: &keys.signed,
            once: once.map(|(_, key)| key),
            class,
        };
        let seeds = Seeds::from_random(self.random()?);
        let to = Addressee { place, agreement: reader };
        let author = Author { key: &own_key, agreement: &agreement };
        let sealed = seal(&content, &to, &author, &seeds).map_err(|error| failed(&error))?;
        let attachments = self.attachments(id, record)?;
        let size = BlobClass::of(sealed.envelope.len() as u64);
        let size =
            size.ok_or_else(|| failed(&"its envelope has another size than envelopes have"))?;
        let envelope = Blob { digest: sealed.sent.deposit, size };
        let seed: [u8; 32] = self.random()?;
        let key = SecretKey::<DepositKey>::from_seed(&seed);
        let (registered, deposited) = match &registering {
            Some(registering) => {
                let of = registering.deposit(found, &key, envelope, &attachments);
                let (registered, deposited) = of.map_err(|error| failed(&error))?;
                (Some(registered), Some(deposited))
            }
            None => (None, None),
        };
        let body = Body::Deposit(Deposit {
            envelope,
            attachments,
            signed: keys.signed.digest(),
            once: once.map(|(once, _)| *once),
            expires: record.expires,
            registered,
        });
        let uuid = uuid::Builder::from_random_bytes(self.random()?).into_uuid();
        let draft = Draft { id: uuid, room: Some(found.name()), body, seen: found.opened() };
        let action = draft.sign_as_guest(&key);
        let action = action.map_err(|error| failed(&error))?;
        let deposit = SealedDeposit {
            envelope: sealed.sent.deposit,
            class,
            signed: keys.signed.digest(),
            once: once.map(|(once, _)| *once),
            content: sealed.sent.content,
            sender: sealed.sent.sender,
            reader: sealed.sent.reader,
            key: Secret::new(seed),
            action: action.compact().to_owned(),
            pass: Some(pass),
            expires: record.expires,
        };
        let registered = registering.as_ref().zip(deposited);
        let registered = registered.map(|(registering, deposit)| registering.kept(deposit));
        let seeds = &seeds;
        let item = SealedItem { sealed: &sealed, place, seeds, deposit, blobs: &[], registered };
        let kept = self.office.store().change(|change| {
            change.keep_sealed(id, item)?;
            change.keep_keys_shown(id, &keys.shown)
        });
        match kept {
            Err(MailError::Unknown { .. } | MailError::Step(_)) => Err(Sealing::Gone),
            kept => Ok(kept?),
        }
    }

    /// Fresh each time that a registered letter is sealed: what was sealed before may have been handed over.
    fn registering(&self, record: &DepartureRecord) -> Result<Option<Registering>, Setback> {
        if !record.registered {
            return Ok(None);
        }
        let halves = Halves::from_random(&Zeroizing::new(self.random()?));
        Ok(Some(Registering { halves, seed: Zeroizing::new(self.random()?) }))
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], Setback> {
        Ok(self.way.host.random()?)
    }

    fn attachments(&self, id: DepartureId, record: &DepartureRecord) -> Result<Vec<Blob>, Setback> {
        let blob = |bytes: Vec<u8>| {
            let size = BlobClass::of(bytes.len() as u64).ok_or_else(lost)?;
            Ok(Blob { digest: Digest::of(&bytes), size })
        };
        // Nothing is sealed yet, so there is no envelope among them.
        self.blobs(id, record)?.into_iter().map(blob).collect()
    }

    /// What becomes of a deposit that was handed in.
    async fn answered(
        &self,
        id: DepartureId,
        record: &DepartureRecord,
        answer: Result<Receipt, GuestError>,
    ) -> Result<(), Setback> {
        let number = record.letter;
        let (code, refusal) = match answer {
            Ok(receipt) => {
                let lie = |_| GuestError::False("a receipt does not hold");
                let verified = verify::receipt(&receipt).map_err(lie)?;
                let ask = self.first_question(verified.time)?;
                let met = Met { head: receipt.head.clone(), size: verified.size };
                self.office.store().change(|change| {
                    let letter =
                        change.keep_deposited(id, &receipt, verified.seq, verified.time)?;
                    let is_even = change.note_evenly(record, verified.seq)?;
                    let place = (verified.seq, met);
                    match (&record.item, record.step.deposit()) {
                        (Item::Letter(_), Some(deposit)) => {
                            let question = change.keep_question(letter, deposit, place, ask)?;
                            if is_even { change.ask_to_the_end(question) } else { Ok(()) }
                        }
                        // What is asked about is a letter, to whoever sees the question.
                        (_, Some(deposit)) if is_even => {
                            let kept =
                                change.keep_blank_question(id, &receipt, deposit, place, ask);
                            kept.map(drop)
                        }
                        _ => Ok(()),
                    }
                })?;
                if let Item::Receipt(_) = record.item {
                    let text = format!("the receipt for letter {number} was sent");
                    self.say(News::Note(text)).await;
                }
                if !matches!(record.item, Item::Cover { .. }) {
                    self.say(News::Letter(number)).await;
                }
                return Ok(());
            }
            Err(GuestError::Undecided(Undecided::PASS_SPENT)) if record.begun < BEGUN => {
                let now = self.time()?;
                self.forget_spent_on(begun(id, record))?;
                self.office.store().change(|change| change.begin_anew(id, now))?;
                return Ok(());
            }
            Err(GuestError::Refused { code, refusal }) => (code, refusal),
            Err(error) => return Err(error.into()),
        };
        match code {
            // Used or replaced meanwhile, or it took too long: sealed anew, under another pass.
            Code::DepositKeyUsed
            | Code::DepositKeys
            | Code::DepositTwice
            | Code::StampStale
            | Code::SeenStale
            | Code::BlobMissing
                if record.begun < BEGUN =>
            {
                let now = self.time()?;
                self.office.store().change(|change| change.begin_anew(id, now))?;
                Ok(())
            }
            Code::DepositFull | Code::BlobRoom if record.begun < BEGUN => {
                self.put_off(id, record, code, Some(&refusal)).await
            }
            // Nothing follows the closing of a box.
            Code::VerbPhase => {
                let closed = Failure::of(Code::BoxClosed);
                self.give_up(id, record, Failure { refusal: Some(&refusal), ..closed }).await
            }
            code => {
                let failure = Failure { refusal: Some(&refusal), ..Failure::of(code) };
                self.give_up(id, record, failure).await
            }
        }
    }

    /// It leaves later, for what the box is like now. This is said at once.
    async fn put_off(
        &self,
        id: DepartureId,
        record: &DepartureRecord,
        code: Code,
        refusal: Option<&str>,
    ) -> Result<(), Setback> {
        if record.begun >= BEGUN {
            return self.give_up(id, record, Failure { refusal, ..Failure::of(code) }).await;
        }
        let doubled = PUT_OFF.saturating_mul(1 << record.begun.min(BEGUN));
        let jitter = Duration::from_secs(self.random_below(doubled.as_secs())?);
        let now = self.time()?;
        let leaves = now.plus(doubled).plus(jitter);
        self.office.store().change(|change| {
            if record.at_once && change.hold_again(id, now)? {
                return Ok(());
            }
            match change.departure(id)?.step {
                Step::Waiting => change.put_off(id, leaves),
                _ => change.begin_anew(id, leaves),
            }
        })?;
        if matches!(record.item, Item::Cover { .. }) {
            return Ok(());
        }
        self.say(News::Letter(record.letter)).await;
        self.say(News::Trouble {
            message: format!("letter {} was not taken: {} ({code})", record.letter, code.message()),
            advice: "it is tried again later; /recall takes it back".to_owned(),
        })
        .await;
        Ok(())
    }

    async fn give_up(
        &self,
        id: DepartureId,
        record: &DepartureRecord,
        failure: Failure<'_>,
    ) -> Result<(), Setback> {
        let Failure { code, message, advice, refusal } = failure;
        let now = self.now().unwrap_or(record.leaves);
        let takes_nothing = [Code::BoxClosed.as_str(), Code::RoomUnknown.as_str(), OTHER_KEYS];
        let kept = self.office.store().change(|change| {
            if takes_nothing.contains(&code) {
                change.end_even(record)?;
            }
            change.keep_failed(id, code, refusal, now)
        });
        let number = match kept {
            Err(MailError::Unknown { .. }) => return Ok(()),
            number => number?,
        };
        let what = match record.item {
            Item::Letter(_) => format!("letter {number} was not sent, and is a draft again"),
            Item::Receipt(_) => format!("the receipt for letter {number} was not sent"),
            // Nobody waits for it.
            Item::Cover { .. } => return Ok(()),
        };
        self.say(News::Trouble { message: format!("{what}: {message} ({code})"), advice }).await;
        // Whoever stays for it has heard why.
        self.say(News::Letter(number)).await;
        Ok(())
    }

    /// Letters to a contact go from a box that they alone are told, so that two of them cannot find out that they know the
    /// same person. Whether the letter can go now.
    async fn choose_box(&self, id: DepartureId) -> Result<bool, Setback> {
        let Some(record) = self.departure(id)? else { return Ok(false) };
        if record.step != Step::Waiting || !matches!(record.item, Item::Letter(_)) {
            return Ok(true);
        }
        let contact = self.office.store().view().letter(record.letter)?.contact;
        let Some(contact) = contact else { return Ok(true) };
        let given = self.given(contact)?;
        let given = match given {
            Some(given) => given,
            None => self.draw_for(contact).await?,
        };
        let mut store = self.office.store();
        let own = store.view().own_box(given)?;
        if given != record.from {
            let Some(address) = own.address() else { return Ok(false) };
            store.change(|change| change.send_from(id, given, address))?;
        }
        Ok(is_ready(&own))
    }

    /// The box that a contact was given, unless it is none any more.
    fn given(
        &self,
        contact: ContactId,
    ) -> Result<Option<crate::post::store::own_boxes::BoxId>, Setback> {
        let store = self.office.store();
        let view = store.view();
        let Some(given) = view.contact(contact)?.given else { return Ok(None) };
        let alive = matches!(view.own_box(given)?.state, BoxState::Drawn | BoxState::Opened);
        Ok(alive.then_some(given))
    }
}

/// With what a registered letter is sealed.
struct Registering {
    halves: Halves,
    /// With what randomness the broker's half is sealed to it.
    seed: Zeroizing<[u8; 32]>,
}

impl Registering {
    /// What the deposit says of the letter, and what is kept of that. `key` signs the deposit.
    fn deposit(
        &self,
        found: &FoundBox,
        key: &SecretKey<DepositKey>,
        envelope: Blob,
        attachments: &[Blob],
    ) -> Result<(Registered, RegisteredDeposit), SealError> {
        let author = PublicKey::<OneTime>::from_bytes(*key.public().as_bytes());
        let place = (found.name(), &author, envelope.digest);
        let delivery = &found.opening().broker.delivery;
        let registered = self.halves.deposit(delivery, place, *self.seed)?;
        let sizes = attachments.iter().map(|blob| blob.size.size());
        let deposited = RegisteredDeposit {
            commitment: registered.commitment,
            until: None,
            bytes: sizes.fold(envelope.size.size(), u64::saturating_add),
            files: u32::try_from(attachments.len()).unwrap_or(u32::MAX),
        };
        Ok((registered, deposited))
    }

    fn kept(&self, deposit: RegisteredDeposit) -> SealedForBroker<'_> {
        SealedForBroker { deposit, half: &self.halves.broker, seed: &self.seed }
    }
}

/// What goes into the envelope.
fn content(
    record: &DepartureRecord,
    found: &FoundBox,
    registering: Option<&Registering>,
    vouch: Option<Vouch>,
) -> Result<Content, Sealing> {
    Ok(match (&record.item, registering) {
        (Item::Letter(letter), Some(Registering { halves, .. })) => {
            let letter = Letter { vouch, ..letter.clone() };
            let letter = RegisteredLetter::of(letter, found.name(), halves);
            Content::Registered(letter.map_err(|error| Sealing::Failed(error.to_string()))?)
        }
        (Item::Letter(letter), None) => Content::Letter(Letter { vouch, ..letter.clone() }),
        (Item::Receipt(receipt), _) => Content::Read(receipt.clone()),
        (Item::Cover { cover, .. }, _) => Content::Cover(cover.clone()),
    })
}

/// Why something was not sealed.
enum Sealing {
    Gone,
    Failed(String),
    Setback(Setback),
}

impl From<Setback> for Sealing {
    fn from(setback: Setback) -> Self {
        Self::Setback(setback)
    }
}

impl From<MailError> for Sealing {
    fn from(error: MailError) -> Self {
        Self::Setback(error.into())
    }
}

/// On what a pass is spent: keys are taken with it before there is an action. The same for each attempt, until it is begun
/// anew.
fn begun(id: DepartureId, record: &DepartureRecord) -> Digest {
    let item = match &record.item {
        Item::Letter(letter) => letter.id,
        Item::Receipt(receipt) => receipt.id,
        Item::Cover { cover, .. } => cover.id,
    };
    let parts = [
        b"departure".as_slice(),
        &id.0.to_be_bytes(),
        item.as_bytes(),
        &record.begun.to_be_bytes(),
    ];
    Digest::of(&parts.concat())
}

fn parse(action: &str) -> Result<Action, Setback> {
    Action::parse(action).map_err(|_| lost())
}

fn lost() -> Setback {
    Setback::trouble(
        "what is to be sent is damaged in mail.db",
        "take it back with /recall, or restore mail.db from a backup",
    )
}
