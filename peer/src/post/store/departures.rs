//! What is to be sent: letters and read receipts, each step durable before the next is taken.
//!
//! A letter waits until it may leave ([`Step::Waiting`]); is sealed, once, and never sealed anew under the same deposit
//! ([`Step::Sealed`]); its bytes are put ([`Step::Put`]); its deposit is stamped ([`Step::Stamped`]) and handed in. After
//! a crash the same bytes go on from the step that was kept: what was handed in and not answered is handed in again,
//! with the same stamp, and gets the first answer. So nothing is lost, and nothing sent twice.

use std::fmt;
use std::time::Duration;

use pregao_protocol::letter::{
    Address, Class, Half, Letter, Mode, Place, ReadReceipt, Sealed, Seeds, Sent,
};
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::body::OnceKey;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::contacts::ContactId;
use super::letters::{
    DepositRecord, Direction, LetterNumber, LetterRecord, LetterState, RegisteredDeposit,
    RegisteredState,
};
use super::own_boxes::BoxId;
use super::rows::{Change, Kept, Owner, Part, Plain, Record, Table, View, encode};
use super::seal::Keys;
use super::{DamagedRow, MailError};
use crate::vault::Secret;

number! {
    /// Something that is to be sent.
    DepartureId
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// A letter.
    Letter(Letter),
    /// The word that a received letter was read.
    Receipt(ReadReceipt),
}

/// What a sealed item is deposited with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedDeposit {
    /// SHA-256 of the envelope.
    pub envelope: Digest,
    /// Its size.
    pub class: Class,
    /// Digest of the signed key that it is sealed to.
    pub signed: Digest,
    /// The one-time key that it is sealed to.
    pub once: Option<OnceKey>,
    /// Hash of the content, with which a read receipt is compared.
    pub content: Digest,
    /// Box from which it is sent.
    pub sender: RoomName,
    /// Box to which it is sent.
    pub reader: RoomName,
    /// Seed of the key that signs the deposit, and nothing else.
    pub key: Secret,
    /// The deposit (compact JWS).
    pub action: String,
    /// The pass with which it goes, by what the broker remembers it as.
    pub pass: Option<Digest>,
    /// When it expires.
    pub expires: Option<Time>,
}

impl fmt::Debug for SealedDeposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedDeposit(..)")
    }
}

/// The step that was taken last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Nothing left this machine: it can be taken back.
    Waiting,
    /// It is sealed; its bytes may have been put.
    Sealed(Box<SealedDeposit>),
    /// All its bytes are with the broker; the deposit may have been stamped.
    Put(Box<SealedDeposit>),
    /// The deposit is stamped, and may have been handed in.
    Stamped(Box<SealedDeposit>, FullStamp),
}

impl Step {
    /// What it is deposited with, once it is sealed.
    #[must_use]
    pub fn deposit(&self) -> Option<&SealedDeposit> {
        match self {
            Self::Waiting => None,
            Self::Sealed(deposit) | Self::Put(deposit) | Self::Stamped(deposit, _) => Some(deposit),
        }
    }
}

/// Something that is to be sent, and how far it has come.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepartureRecord {
    /// The letter; of a receipt, the letter that was read.
    pub letter: LetterNumber,
    /// The own box from which it goes.
    pub from: BoxId,
    /// Where it goes.
    pub to: Address,
    /// What it says, without its proof.
    pub item: Item,
    /// When it may leave.
    pub leaves: Time,
    /// How long after that it is worth nothing any more; none: it stays until it is taken.
    pub expires: Option<Time>,
    /// Whether what shows it to others is kept.
    pub keep_evidence: bool,
    /// Whether its reader reads it only once they have signed for it.
    #[serde(default)]
    pub registered: bool,
    /// The step that was taken last.
    pub step: Step,
    /// How often it was begun anew, because its keys had been used or replaced meanwhile.
    pub begun: u32,
}

impl fmt::Debug for DepartureRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DepartureRecord").field("step", &self.step).finish_non_exhaustive()
    }
}

impl Record for DepartureRecord {
    const TABLE: Table = Table { name: "departure", columns: &["letter", "kind"] };

    fn plain(&self, _: &Keys) -> Vec<Plain> {
        let kind = matches!(self.item, Item::Receipt(_));
        vec![Plain::Number(self.letter.0), Plain::Number(kind.into())]
    }
}

/// A letter to be sent.
#[derive(Debug, Clone)]
pub struct NewLetter {
    /// What it says.
    pub letter: Letter,
    /// The own box from which it goes.
    pub from: BoxId,
    /// For whom.
    pub contact: Option<ContactId>,
    /// Where it goes.
    pub to: Address,
    /// When it may leave: until then it can be taken back.
    pub leaves: Time,
    /// When it expires.
    pub expires: Option<Time>,
    /// Whether what shows it to others is kept. Of a deniable letter it never is.
    pub keep_evidence: bool,
    /// Whether its reader reads it only once they have signed for it. Such a letter has no [`NewLetter::expires`].
    pub registered: bool,
}

/// What the deposit of a registered letter was made with.
#[derive(Debug)]
pub struct SealedForBroker<'a> {
    /// What it says of the letter.
    pub deposit: RegisteredDeposit,
    /// The broker's half of its key.
    pub half: &'a Half,
    /// With what randomness it was sealed to the broker: whoever is shown it sees what was sealed.
    pub seed: &'a [u8; 32],
}

/// What was sealed, with all that it is deposited with.
#[derive(Debug)]
pub struct SealedItem<'a> {
    /// The result of sealing.
    pub sealed: &'a Sealed,
    /// To which keys.
    pub place: Place<'a>,
    /// With what randomness.
    pub seeds: &'a Seeds,
    /// What it is deposited with.
    pub deposit: SealedDeposit,
    /// The sealed attachments, in the letter's order.
    pub blobs: &'a [Vec<u8>],
    /// What the deposit of a registered letter was made with.
    pub registered: Option<SealedForBroker<'a>>,
}

/// A departure, or which one is damaged.
pub type DepartureRow = Result<Kept<DepartureId, DepartureRecord>, DamagedRow>;

impl View<'_> {
    /// All that is to be sent, in the order in which it was asked for. Few are: those that are due are told by their
    /// time.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn departures(&self) -> Result<Vec<DepartureRow>, MailError> {
        let rows = self.rows::<DepartureRecord>("ORDER BY id", &[])?;
        let kept = |(id, row): (i64, Result<DepartureRecord, DamagedRow>)| {
            row.map(|record| Kept { id: DepartureId(id), record })
        };
        Ok(rows.into_iter().map(kept).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn departure(&self, id: DepartureId) -> Result<DepartureRecord, MailError> {
        self.row(id.0)?.ok_or(MailError::Unknown { what: "departure", id: id.0 })
    }

    /// The departure of a letter, or of the receipt for it.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn departure_of(
        &self,
        letter: LetterNumber,
        direction: Direction,
    ) -> Result<Option<Kept<DepartureId, DepartureRecord>>, MailError> {
        // What leaves for a received letter is the receipt for it.
        let kind = i64::from(direction == Direction::Received);
        let found = self.one("WHERE letter = ?1 AND kind = ?2", &[&letter.0, &kind])?;
        Ok(found.map(|(id, record)| Kept { id: DepartureId(id), record }))
    }

    /// The envelope of what is sealed.
    ///
    /// # Errors
    /// As [`View::departure_of`].
    pub fn sealed_envelope(
        &self,
        id: DepartureId,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, MailError> {
        self.part(Owner::Departure(id.0), Part::Envelope)
    }

    /// A sealed attachment, by its place in the letter.
    ///
    /// # Errors
    /// As [`View::departure_of`].
    pub fn sealed_blob(
        &self,
        id: DepartureId,
        at: u8,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, MailError> {
        self.part(Owner::Departure(id.0), Part::Blob(at))
    }

    /// What a read receipt for a sent letter is compared with (V-251); none before it was sealed.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn sent(&self, number: LetterNumber) -> Result<Option<Sent>, MailError> {
        let record = self.letter(number)?;
        let bytes = self.content(number)?;
        let (Some(bytes), Some(deposit), Some(to)) = (bytes, record.deposit, record.other) else {
            return Ok(None);
        };
        let Ok((content, _)) = pregao_protocol::letter::Content::parse(&bytes) else {
            return Ok(None);
        };
        Ok(Some(Sent {
            deposit: deposit.envelope,
            content: content.hash(),
            sender: content.from().name,
            reader: to.name,
            mode: content.mode(),
        }))
    }
}

impl Change<'_> {
    /// Keeps a letter that is to be sent.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn send_letter(
        &mut self,
        new: NewLetter,
        now: Time,
    ) -> Result<(LetterNumber, DepartureId), MailError> {
        let NewLetter { letter, from, contact, to, leaves, expires, keep_evidence, registered } =
            new;
        // What shows who sealed a deniable letter is kept nowhere: whoever steals it could show it to others.
        let keep_evidence = keep_evidence && letter.mode == Mode::Evidence;
        let thread = self.find_thread(contact, letter.id, letter.reply_to)?;
        let mut record = LetterRecord::written(from, contact, to.clone(), now);
        record.say(&letter);
        record.state = LetterState::Waiting { until: leaves };
        record.thread = Some(thread);
        record.registered = registered.then_some(RegisteredState::Undecided);
        let number = LetterNumber(self.insert(&record)?);
        self.join_thread(letter.id, &record)?;
        let item = Item::Letter(letter);
        let step = Step::Waiting;
        let departure = DepartureRecord {
            letter: number,
            from,
            to,
            item,
            leaves,
            expires,
            keep_evidence,
            registered,
            step,
            begun: 0,
        };
        let id = DepartureId(self.insert(&departure)?);
        Ok((number, id))
    }

    /// Keeps a read receipt that is to be sent for a received letter.
    ///
    /// # Errors
    /// [`MailError::Step`] if one was sent or is under way; [`MailError::Unknown`], [`MailError::Row`].
    pub fn send_receipt(
        &mut self,
        of: LetterNumber,
        receipt: ReadReceipt,
        from: BoxId,
        to: Address,
        leaves: Time,
    ) -> Result<DepartureId, MailError> {
        let mut record = self.letter(of)?;
        let asked = record.receipt.due.is_some() || record.receipt.sent.is_some();
        if record.direction != Direction::Received || asked {
            return Err(MailError::Step(
                "the letter is not one for which a receipt is still to be sent",
            ));
        }
        record.receipt.due = Some(leaves);
        self.update(of.0, &record)?;
        let (item, step) = (Item::Receipt(receipt), Step::Waiting);
        let (expires, keep_evidence) = (None, false);
        let departure = DepartureRecord {
            letter: of,
            from,
            to,
            item,
            leaves,
            expires,
            keep_evidence,
            registered: false,
            step,
            begun: 0,
        };
        self.insert(&departure).map(DepartureId)
    }

    /// Takes back what has not left: a letter, which is answered so that it can become a draft again.
    ///
    /// # Errors
    /// [`MailError::Step`] once it is sealed, or if nothing of it waits.
    pub fn take_back(&mut self, number: LetterNumber) -> Result<Letter, MailError> {
        let found = self.departure_of(number, Direction::Sent)?;
        let Kept { id, record } = found.ok_or(MailError::Step("it has left, or never was to"))?;
        let (Step::Waiting, Item::Letter(letter)) = (record.step, record.item) else {
            return Err(MailError::Step("it is leaving already"));
        };
        self.drop_departure(id)?;
        self.edit_letter(number, |record| record.state = LetterState::TakenBack)?;
        Ok(letter)
    }

    /// Keeps the sealed attachments of a letter, in its order. They stay when it is begun anew: its content names them.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn keep_blobs(&mut self, id: DepartureId, blobs: &[Vec<u8>]) -> Result<(), MailError> {
        for (at, blob) in (0..).zip(blobs) {
            self.keep_part(Owner::Departure(id.0), Part::Blob(at), blob)?;
        }
        Ok(())
    }

    /// Takes back a receipt for a received letter that has not left.
    ///
    /// # Errors
    /// [`MailError::Step`] once it is sealed, or if none waits.
    pub fn take_back_receipt(&mut self, number: LetterNumber) -> Result<(), MailError> {
        let found = self.departure_of(number, Direction::Received)?;
        let Kept { id, record } = found.ok_or(MailError::Step("no receipt for it waits"))?;
        if record.step != Step::Waiting {
            return Err(MailError::Step("the receipt is leaving already"));
        }
        self.drop_departure(id)?;
        self.edit_letter(number, |letter| {
            letter.receipt.due = None;
            letter.acknowledged = None;
        })?;
        Ok(())
    }

    /// Keeps what was sealed, before any of its bytes are put.
    ///
    /// # Errors
    /// [`MailError::Step`] if it was sealed before, or is a registered letter and is sealed as none, or the other way
    /// round; [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_sealed(&mut self, id: DepartureId, item: SealedItem<'_>) -> Result<(), MailError> {
        let mut record = self.departure(id)?;
        if record.step != Step::Waiting {
            return Err(MailError::Step("it was sealed before"));
        }
        let SealedItem { sealed, place, seeds, deposit, blobs, registered } = item;
        if record.registered != registered.is_some() {
            return Err(MailError::Step("it is sealed as it was to be sent, registered or not"));
        }
        let of = Owner::Departure(id.0);
        self.keep_part(of, Part::Envelope, &sealed.envelope)?;
        for (at, blob) in (0..).zip(blobs) {
            self.keep_part(of, Part::Blob(at), blob)?;
        }
        if matches!(record.item, Item::Letter(_)) {
            let letter = Owner::Letter(record.letter.0);
            self.keep_part(letter, Part::Content, &sealed.content)?;
            if record.keep_evidence {
                self.keep_part(letter, Part::Seeds, seeds.expose())?;
                self.keep_part(letter, Part::SignedKey, place.signed.as_bytes())?;
                if let Some(once) = place.once {
                    self.keep_part(letter, Part::OnceKey, once.as_bytes())?;
                }
            }
            if let Some(SealedForBroker { half, seed, .. }) = &registered {
                // By this its writer reads it, too: what was sealed is not read without.
                let bytes = Zeroizing::new(half.to_string());
                self.keep_part(letter, Part::Half, bytes.as_bytes())?;
                if record.keep_evidence {
                    self.keep_part(letter, Part::HalfSeed, seed.as_slice())?;
                }
            }
            let kept = DepositRecord {
                envelope: deposit.envelope,
                class: deposit.class,
                signed: deposit.signed,
                once: deposit.once,
                seq: None,
                stamped: None,
                expires: deposit.expires,
                registered: registered.map(|sealed| sealed.deposit),
            };
            self.edit_letter(record.letter, |letter| {
                letter.state = LetterState::Underway;
                letter.deposit = Some(kept);
                letter.used_once = Some(deposit.once.is_some());
            })?;
        }
        record.step = Step::Sealed(Box::new(deposit));
        self.update(id.0, &record)
    }

    /// Notes that all its bytes are with the broker.
    ///
    /// # Errors
    /// [`MailError::Step`] if it was not sealed just before.
    pub fn keep_put(&mut self, id: DepartureId) -> Result<(), MailError> {
        let mut record = self.departure(id)?;
        let Step::Sealed(deposit) = record.step else {
            return Err(MailError::Step("it is put once, after it was sealed"));
        };
        record.step = Step::Put(deposit);
        self.update(id.0, &record)
    }

    /// Keeps the stamp, before the deposit is handed in.
    ///
    /// # Errors
    /// [`MailError::Step`] if it was not put just before.
    pub fn keep_stamped(&mut self, id: DepartureId, stamp: FullStamp) -> Result<(), MailError> {
        let mut record = self.departure(id)?;
        let Step::Put(deposit) = record.step else {
            return Err(MailError::Step("it is stamped once, after it was put"));
        };
        record.step = Step::Stamped(deposit, stamp);
        self.update(id.0, &record)
    }

    /// Keeps another stamp: under the one before nothing was decided, which the broker has said, and it has grown too old.
    ///
    /// # Errors
    /// [`MailError::Step`] if it was not stamped before.
    pub fn stamp_anew(&mut self, id: DepartureId, stamp: FullStamp) -> Result<(), MailError> {
        let mut record = self.departure(id)?;
        let Step::Stamped(deposit, _) = record.step else {
            return Err(MailError::Step("it was not stamped before"));
        };
        record.step = Step::Stamped(deposit, stamp);
        self.update(id.0, &record)
    }

    /// Has a letter that waits go from another of the user's boxes: that of the contact for whom it is. `answers` is the
    /// letter that it answers from then on, if it answered none: whoever names a letter has read it.
    ///
    /// # Errors
    /// [`MailError::Step`] once it is sealed, or for a receipt, which goes from the box of what was read.
    pub fn send_from(
        &mut self,
        id: DepartureId,
        from: BoxId,
        address: Address,
        answers: Option<Uuid>,
    ) -> Result<(), MailError> {
        let mut record = self.departure(id)?;
        let (Step::Waiting, Item::Letter(letter)) = (&record.step, &mut record.item) else {
            return Err(MailError::Step("only a letter that waits goes from another box"));
        };
        letter.from = address;
        letter.reply_to = letter.reply_to.or(answers);
        let reply_to = letter.reply_to;
        record.from = from;
        self.edit_letter(record.letter, |letter| {
            letter.own_box = from;
            letter.reply_to = reply_to;
        })?;
        self.update(id.0, &record)
    }

    /// What waits leaves later.
    ///
    /// # Errors
    /// [`MailError::Step`] once it is sealed.
    pub fn put_off(&mut self, id: DepartureId, leaves: Time) -> Result<(), MailError> {
        let mut record = self.departure(id)?;
        if record.step != Step::Waiting {
            return Err(MailError::Step("it is leaving already"));
        }
        record.leaves = leaves;
        record.begun = record.begun.saturating_add(1);
        self.update(id.0, &record)
    }

    /// It is deposited: the receipt is kept, and nothing of it is to be sent any more. `stamped` is the stamp's time.
    ///
    /// # Errors
    /// [`MailError::Step`] if it was not stamped.
    pub fn keep_deposited(
        &mut self,
        id: DepartureId,
        receipt: &Receipt,
        seq: u64,
        stamped: Time,
    ) -> Result<LetterNumber, MailError> {
        let record = self.departure(id)?;
        if !matches!(record.step, Step::Stamped(..)) {
            return Err(MailError::Step("it is handed in after it was stamped"));
        }
        let number = record.letter;
        match record.item {
            Item::Letter(_) => {
                self.keep_part(Owner::Letter(number.0), Part::Receipt, &encode(receipt)?)?;
                self.edit_letter(number, |letter| {
                    letter.state = LetterState::Deposited;
                    letter.time = stamped;
                    if let Some(deposit) = &mut letter.deposit {
                        (deposit.seq, deposit.stamped) = (Some(seq), Some(stamped));
                        if let Some(registered) = &mut deposit.registered {
                            let lasts = Duration::from_secs(label::REGISTERED_FOR);
                            registered.until = Some(stamped.plus(lasts));
                        }
                    }
                })?;
            }
            Item::Receipt(_) => {
                self.edit_letter(number, |letter| letter.receipt.sent = Some(stamped))?;
            }
        }
        self.drop_departure(id)?;
        Ok(number)
    }

    /// Begins anew, because the broker refused the deposit for its keys: those were used or replaced meanwhile. The
    /// refusal says that the log does not hold it, so that it is not sent twice.
    ///
    /// # Errors
    /// [`MailError::Step`] if nothing was sealed.
    pub fn begin_anew(&mut self, id: DepartureId, leaves: Time) -> Result<(), MailError> {
        let mut record = self.departure(id)?;
        if record.step == Step::Waiting {
            return Err(MailError::Step("nothing of it was sealed"));
        }
        self.delete_part(Owner::Departure(id.0), Part::Envelope)?;
        if matches!(record.item, Item::Letter(_)) {
            let letter = Owner::Letter(record.letter.0);
            for part in [
                Part::Content,
                Part::Seeds,
                Part::SignedKey,
                Part::OnceKey,
                Part::KeysShown,
                Part::Half,
                Part::HalfSeed,
            ] {
                self.delete_part(letter, part)?;
            }
            self.edit_letter(record.letter, |letter| {
                letter.state = LetterState::Waiting { until: leaves };
                letter.deposit = None;
                letter.used_once = None;
            })?;
        }
        record.step = Step::Waiting;
        record.leaves = leaves;
        record.begun = record.begun.saturating_add(1);
        self.update(id.0, &record)
    }

    /// It will not be sent: the broker has refused it for good. The refusal (compact JWS) is kept, if there is one.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_failed(
        &mut self,
        id: DepartureId,
        code: &str,
        refusal: Option<&str>,
    ) -> Result<LetterNumber, MailError> {
        let record = self.departure(id)?;
        let number = record.letter;
        match record.item {
            Item::Letter(_) => {
                if let Some(refusal) = refusal {
                    self.keep_part(Owner::Letter(number.0), Part::Refusal, refusal.as_bytes())?;
                }
                let state = LetterState::Failed { code: code.to_owned() };
                self.edit_letter(number, |letter| letter.state = state)?;
            }
            Item::Receipt(_) => {
                self.edit_letter(number, |letter| letter.receipt.due = None)?;
            }
        }
        self.drop_departure(id)?;
        Ok(number)
    }

    fn drop_departure(&mut self, id: DepartureId) -> Result<(), MailError> {
        self.delete_parts(Owner::Departure(id.0))?;
        self.delete(DepartureRecord::TABLE.name, id.0).map(drop)
    }
}
