//! Letters received and sent: kept, listed, counted.

use pregao_protocol::letter::{Content, Mode, Opened, Seeds};
use pregao_protocol::log::Receipt;
use pregao_protocol::trust::prekey::PrekeyPublic;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use rusqlite::ToSql;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::contacts::ContactId;
use super::own_boxes::BoxId;
use super::rows::{Change, Kept, Owner, Part, Plain, Record as _, View};
use super::seal::Keyed;
use super::{DamagedRow, MailError};

mod origin;
mod record;
mod registered;

pub use origin::ReadDeposit;
pub use record::{
    AttachmentRecord, Authorship, DepositRecord, Direction, LetterNumber, LetterRecord,
    LetterState, ReadReceiptState, RegisteredDeposit, RegisteredState,
};
use record::{arrival_of, envelope_of, message_of, thread_of};
pub use registered::{Fate, Said};

/// Most letters of one page.
pub const PAGE: usize = 200;

/// Most answers that are moved into the thread of a letter that came after them.
const JOINED: i64 = 200;

/// Letters that are in memory while those of a contact become nobody's.
const LOOSENED: i64 = 200;

/// Which letters are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// All.
    All,
    /// Those received, or those sent.
    Only(Direction),
    /// Those with one contact, both ways; `None` for those with nobody known.
    With(Option<ContactId>),
    /// Those of the thread of a letter.
    Thread(LetterNumber),
    /// Those received and not read.
    Unread,
}

/// A letter of a list, or which one is damaged.
pub type LetterRow = Result<Kept<LetterNumber, LetterRecord>, DamagedRow>;

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The letters; a damaged one in its place.
    pub letters: Vec<LetterRow>,
    /// Ask again with this for the next page; none if this was the last one.
    pub before: Option<LetterNumber>,
}

/// Unread letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// Of everybody.
    pub total: u64,
    /// By contact, those with any; `None` is nobody known.
    pub by_contact: Vec<(Option<ContactId>, u64)>,
}

/// What a sender shows so that others can check a sent letter, or why it can be read by them alone.
pub struct SentEvidence {
    /// The signed key.
    pub signed: PrekeyPublic,
    /// The one-time key.
    pub once: Option<PrekeyPublic>,
    /// What was sealed, proof included.
    pub content: Zeroizing<Vec<u8>>,
    /// With what randomness.
    pub seeds: Seeds,
}

impl std::fmt::Debug for SentEvidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SentEvidence(..)")
    }
}

/// What is kept of a letter that was opened.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    /// What was opened; its content is a letter, registered or not.
    pub opened: &'a Opened,
    /// Whose letter it is.
    pub contact: Option<ContactId>,
    /// Whether it is known who wrote it.
    pub authorship: Authorship,
    /// Whether the envelope stays, so that the letter can be shown to others. That of a deniable one never does.
    pub keep_evidence: bool,
}

fn kept((id, row): (i64, Result<LetterRecord, DamagedRow>)) -> LetterRow {
    row.map(|record| Kept { id: LetterNumber(id), record })
}

impl View<'_> {
    /// A page of at most `most` letters (and at most [`PAGE`]), newest first; those before a number, if one is given.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read; [`MailError::Unknown`] for the thread of no letter.
    pub fn letters(
        &self,
        of: Selection,
        before: Option<LetterNumber>,
        most: usize,
    ) -> Result<Page, MailError> {
        let most = most.clamp(1, PAGE);
        // One more than asked for tells whether there is another page.
        let limit = i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX);
        let before = before.map_or(i64::MAX, |number| number.0);
        let end = "id < ?1 ORDER BY id DESC LIMIT ?2";
        let select = |condition: &str, value: &dyn ToSql| {
            let condition = format!("WHERE {condition} AND {end}");
            self.rows::<LetterRecord>(&condition, &[&before, &limit, value])
        };
        let rows = match of {
            Selection::All => self.rows(&format!("WHERE {end}"), &[&before, &limit])?,
            Selection::Only(direction) => select("direction = ?3", &direction.code())?,
            Selection::With(contact) => select("contact = ?3", &contact.map_or(0, |id| id.0))?,
            // Few are: the index on them is small.
            Selection::Unread => {
                self.rows(&format!("WHERE unread = 1 AND {end}"), &[&before, &limit])?
            }
            Selection::Thread(number) => match self.letter(number)?.thread {
                Some(thread) => select("thread = ?3", &Plain::Name(thread))?,
                None => {
                    self.rows(&format!("WHERE id = ?3 AND {end}"), &[&before, &limit, &number.0])?
                }
            },
        };
        let more = rows.len() > most;
        let letters: Vec<_> = rows.into_iter().take(most).map(kept).collect();
        let last = letters.last().map(|row| match row {
            Ok(kept) => kept.id,
            Err(damaged) => LetterNumber(damaged.id),
        });
        Ok(Page { letters, before: last.filter(|_| more) })
    }

    /// One letter.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn letter(&self, number: LetterNumber) -> Result<LetterRecord, MailError> {
        self.row(number.0)?.ok_or(MailError::Unknown { what: "letter", id: number.0 })
    }

    /// The newest letter of this name.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn letter_of_message(
        &self,
        message: &Uuid,
    ) -> Result<Option<Kept<LetterNumber, LetterRecord>>, MailError> {
        let name = Plain::Name(message_of(self.keys, message));
        let found = self.one("WHERE message = ?1 ORDER BY id DESC LIMIT 1", &[&name])?;
        Ok(found.map(|(id, record)| Kept { id: LetterNumber(id), record }))
    }

    /// The letter that came to this place in the log of an own box.
    ///
    /// # Errors
    /// As [`View::letter_of_message`].
    pub fn letter_at(
        &self,
        own_box: BoxId,
        seq: u64,
    ) -> Result<Option<Kept<LetterNumber, LetterRecord>>, MailError> {
        self.letter_by(Direction::Received, arrival_of(self.keys, own_box, seq))
    }

    /// The letter that went in this envelope.
    ///
    /// # Errors
    /// As [`View::letter_of_message`].
    pub fn sent_in(
        &self,
        envelope: &Digest,
    ) -> Result<Option<Kept<LetterNumber, LetterRecord>>, MailError> {
        self.letter_by(Direction::Sent, envelope_of(self.keys, envelope))
    }

    fn letter_by(
        &self,
        direction: Direction,
        deposit: Keyed,
    ) -> Result<Option<Kept<LetterNumber, LetterRecord>>, MailError> {
        let condition = "WHERE direction = ?1 AND deposit = ?2";
        let found = self.one(condition, &[&direction.code(), &Plain::Name(deposit)])?;
        Ok(found.map(|(id, record)| Kept { id: LetterNumber(id), record }))
    }

    /// What a letter says, proof included, as it was opened or sealed; none before.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn content(&self, of: LetterNumber) -> Result<Option<Zeroizing<Vec<u8>>>, MailError> {
        self.part(Owner::Letter(of.0), Part::Content)
    }

    /// The envelope of a received letter, until it is opened or, with evidence, for good.
    ///
    /// # Errors
    /// As [`View::content`].
    pub fn envelope(&self, of: LetterNumber) -> Result<Option<Zeroizing<Vec<u8>>>, MailError> {
        self.part(Owner::Letter(of.0), Part::Envelope)
    }

    /// What a sent letter's author shows to others; none if it was not kept, or not sent.
    ///
    /// # Errors
    /// As [`View::content`].
    pub fn sent_evidence(&self, of: LetterNumber) -> Result<Option<SentEvidence>, MailError> {
        let part = |part| self.part(Owner::Letter(of.0), part);
        let key = |bytes: Option<Zeroizing<Vec<u8>>>| {
            bytes.and_then(|bytes| PrekeyPublic::parse(&bytes).ok())
        };
        let seeds = part(Part::Seeds)?.and_then(|bytes| bytes.as_slice().try_into().ok());
        let (signed, once) = (key(part(Part::SignedKey)?), key(part(Part::OnceKey)?));
        let (Some(seeds), Some(signed), Some(content)) = (seeds, signed, part(Part::Content)?)
        else {
            return Ok(None);
        };
        Ok(Some(SentEvidence { signed, once, content, seeds: Seeds::from_random(seeds) }))
    }

    /// The broker's receipt for a sent letter.
    ///
    /// # Errors
    /// As [`View::content`].
    pub fn broker_receipt(&self, of: LetterNumber) -> Result<Option<Receipt>, MailError> {
        let bytes = self.part(Owner::Letter(of.0), Part::Receipt)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The read receipt that came for a sent letter, proof included, as it was opened.
    ///
    /// # Errors
    /// As [`View::content`].
    pub fn read_receipt(&self, of: LetterNumber) -> Result<Option<Zeroizing<Vec<u8>>>, MailError> {
        self.part(Owner::Letter(of.0), Part::ReadReceipt)
    }

    /// How many letters are unread.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn unread(&self) -> Result<Unread, MailError> {
        let sql = "SELECT contact, count(*) FROM letter WHERE unread = 1 GROUP BY contact ORDER BY contact";
        let mut statement = self.connection.prepare_cached(sql).map_err(|e| self.failed(e))?;
        let counts = statement
            .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(|e| self.failed(e))?;
        let by_contact: Vec<_> = counts
            .into_iter()
            .map(|(id, count)| {
                let contact = Some(ContactId(id)).filter(|contact| contact.0 != 0);
                (contact, u64::try_from(count).unwrap_or_default())
            })
            .collect();
        let total = by_contact.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
        Ok(Unread { total, by_contact })
    }
}

impl Change<'_> {
    /// Keeps an envelope that was fetched; if the letter at its place was before, that is answered. Durable before it is taken
    /// off.
    ///
    /// # Errors
    /// [`MailError::Step`] without a place; [`MailError`].
    pub fn keep_arrived(
        &mut self,
        own_box: BoxId,
        deposit: DepositRecord,
        envelope: &[u8],
        now: Time,
    ) -> Result<LetterNumber, MailError> {
        let seq = deposit.seq.ok_or(MailError::Step("what came stands somewhere"))?;
        let name = Plain::Name(arrival_of(self.keys, own_box, seq));
        let sql = "SELECT id FROM letter WHERE direction = ?1 AND deposit = ?2";
        if let [known, ..] = *self.ids(sql, &[&Direction::Received.code(), &name])? {
            return Ok(LetterNumber(known));
        }
        let time = deposit.stamped.unwrap_or(now);
        let id = self.insert(&LetterRecord::arrived(own_box, deposit, time, now))?;
        self.keep_part(Owner::Letter(id), Part::Envelope, envelope)?;
        Ok(LetterNumber(id))
    }

    /// Keeps what was in an envelope; of a registered letter, what it shows before it is accepted. The keys that opened it
    /// are to be destroyed in the same change.
    ///
    /// # Errors
    /// [`MailError::Step`] if it was opened before, is no letter, or is a registered one by another deposit than its own
    /// (V-339), or another by the deposit of a registered one; [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_opened(
        &mut self,
        number: LetterNumber,
        reading: &Reading<'_>,
    ) -> Result<(), MailError> {
        let mut record = self.letter(number)?;
        let opened = reading.opened;
        if !matches!(record.state, LetterState::Arrived | LetterState::Unreadable { .. }) {
            return Err(MailError::Step("the letter was opened before"));
        }
        let (id, reply_to) = match opened.content() {
            Content::Letter(letter) => {
                if record.registered.is_some() {
                    return Err(MailError::Step("what is registered came by that deposit"));
                }
                record.say(letter);
                (letter.id, letter.reply_to)
            }
            Content::Registered(letter) => {
                let deposit =
                    record.deposit.as_ref().and_then(|deposit| deposit.registered.as_ref());
                if deposit.is_none_or(|deposit| deposit.commitment != letter.commitment) {
                    return Err(MailError::Step("a registered letter came by another deposit"));
                }
                record.show(letter);
                (letter.id, letter.reply_to)
            }
            Content::Read(_) => return Err(MailError::Step("a read receipt is no letter")),
        };
        record.state = LetterState::Unread;
        record.contact = reading.contact;
        record.other = Some(opened.sender().clone());
        record.authorship = Some(reading.authorship.clone());
        record.used_once = Some(opened.used_once());
        record.thread = Some(self.find_thread(reading.contact, id, reply_to)?);
        self.update(number.0, &record)?;
        self.join_thread(id, &record)?;
        let of = Owner::Letter(number.0);
        self.keep_part(of, Part::Content, &letter_bytes(opened))?;
        if !reading.keep_evidence || opened.mode() == Mode::Deniable {
            self.delete_part(of, Part::Envelope)?;
        }
        Ok(())
    }

    /// Notes why an envelope cannot be opened. It stays, and is shown.
    ///
    /// # Errors
    /// As [`Change::edit_letter`]; [`MailError::Step`] if it was opened before.
    pub fn keep_unreadable(&mut self, number: LetterNumber, cause: &str) -> Result<(), MailError> {
        let mut record = self.letter(number)?;
        if !matches!(record.state, LetterState::Arrived | LetterState::Unreadable { .. }) {
            return Err(MailError::Step("the letter was opened before"));
        }
        record.state = LetterState::Unreadable { cause: cause.to_owned() };
        self.update(number.0, &record)
    }

    /// Notes that a letter was read; the first time counts. A registered one that waits to be accepted is not read yet.
    ///
    /// # Errors
    /// As [`Change::edit_letter`].
    pub fn keep_read(
        &mut self,
        number: LetterNumber,
        now: Time,
    ) -> Result<LetterRecord, MailError> {
        let mut record = self.letter(number)?;
        let is_open = record.registered.is_some_and(RegisteredState::is_open);
        if record.state == LetterState::Unread && !is_open {
            record.state = LetterState::Read { at: now };
            self.update(number.0, &record)?;
        }
        Ok(record)
    }

    /// Keeps a read receipt for a sent letter, as it was opened. Verified before. Whether it is the first.
    ///
    /// # Errors
    /// As [`Change::edit_letter`]; [`MailError::Step`] if the letter was not sent.
    pub fn keep_read_receipt(
        &mut self,
        number: LetterNumber,
        opened: &Opened,
    ) -> Result<bool, MailError> {
        let mut record = self.letter(number)?;
        let Content::Read(receipt) = opened.content() else {
            return Err(MailError::Step("a letter is no read receipt"));
        };
        if record.direction != Direction::Sent {
            return Err(MailError::Step("the receipt is for a letter that was not sent"));
        }
        if record.receipt.got.is_some() {
            return Ok(false);
        }
        record.receipt.got = Some(receipt.time);
        record.state = LetterState::WasRead { at: receipt.time };
        self.update(number.0, &record)?;
        self.keep_part(Owner::Letter(number.0), Part::ReadReceipt, &letter_bytes(opened))?;
        // Who has read it has taken it off, or may leave it there.
        self.drop_question(number)?;
        Ok(true)
    }

    /// Changes what is known of a letter.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn edit_letter(
        &mut self,
        number: LetterNumber,
        edit: impl FnOnce(&mut LetterRecord),
    ) -> Result<LetterRecord, MailError> {
        let mut record = self.letter(number)?;
        edit(&mut record);
        self.update(number.0, &record)?;
        Ok(record)
    }

    /// Deletes a letter with all that belongs to it; a damaged one, too. It cannot be read any more.
    ///
    /// # Errors
    /// [`MailError::Unknown`]; [`MailError::Step`] while it is under way.
    pub fn delete_letter(&mut self, number: LetterNumber) -> Result<(), MailError> {
        let under_way = "SELECT id FROM departure WHERE letter = ?1";
        if !self.ids(under_way, &[&number.0])?.is_empty() {
            return Err(MailError::Step("the letter, or a receipt for it, is under way"));
        }
        self.drop_question(number)?;
        self.delete_parts(Owner::Letter(number.0))?;
        if self.delete(LetterRecord::TABLE.name, number.0)? {
            Ok(())
        } else {
            Err(MailError::Unknown { what: "letter", id: number.0 })
        }
    }

    /// Destroys what would show a letter to others: seeds and keys of a sent one, the envelope of a received one.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn forget_evidence(&mut self, number: LetterNumber) -> Result<(), MailError> {
        let of = Owner::Letter(number.0);
        for part in [
            Part::Seeds,
            Part::SignedKey,
            Part::OnceKey,
            Part::KeysShown,
            Part::SenderOpening,
            Part::ReadEnvelope,
            Part::ReadDeposit,
            Part::HalfSeed,
            Part::Accepted,
            Part::Timeline,
        ] {
            self.delete_part(of, part)?;
        }
        // What was not opened has nothing else.
        if self.content(number)?.is_some() {
            self.delete_part(of, Part::Envelope)?;
        }
        Ok(())
    }

    /// The thread of a letter: that of the one it answers, or of whatever that one will turn out to be.
    pub(super) fn find_thread(
        &self,
        contact: Option<ContactId>,
        message: Uuid,
        reply_to: Option<Uuid>,
    ) -> Result<Keyed, MailError> {
        let Some(answered) = reply_to else {
            return Ok(thread_of(self.keys, contact, &message));
        };
        // A damaged letter is as one that is not here.
        let known = match self.letter_of_message(&answered) {
            Err(MailError::Row(_)) => None,
            found => found?,
        };
        let known = known.filter(|known| known.record.contact == contact);
        let thread = known.and_then(|known| known.record.thread);
        Ok(thread.unwrap_or_else(|| thread_of(self.keys, contact, &answered)))
    }

    /// Letters that answered this one before it was here come into its thread: so many as people write, and not as a
    /// stranger can send.
    pub(super) fn join_thread(
        &mut self,
        message: Uuid,
        record: &LetterRecord,
    ) -> Result<(), MailError> {
        let own = thread_of(self.keys, record.contact, &message);
        let Some(thread) = record.thread.filter(|thread| *thread != own) else { return Ok(()) };
        let condition = "WHERE thread = ?1 ORDER BY id LIMIT ?2";
        let waiting = self.rows::<LetterRecord>(condition, &[&Plain::Name(own), &JOINED])?;
        for (id, row) in waiting {
            let Ok(mut answer) = row else { continue };
            answer.thread = Some(thread);
            self.update(id, &answer)?;
        }
        Ok(())
    }

    /// Letters with a contact become those of nobody known.
    pub(super) fn loosen_letters(&mut self, contact: ContactId) -> Result<(), MailError> {
        let condition = "WHERE contact = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let mut last = 0;
        loop {
            let rows = self.rows::<LetterRecord>(condition, &[&contact.0, &last, &LOOSENED])?;
            let Some((newest, _)) = rows.last() else { return Ok(()) };
            last = *newest;
            for (id, row) in rows {
                let Ok(mut record) = row else { continue };
                record.contact = None;
                self.update(id, &record)?;
            }
        }
    }
}

/// The bytes that were sealed: the content has one spelling.
fn letter_bytes(opened: &Opened) -> Zeroizing<Vec<u8>> {
    opened.content().encode(opened.proof())
}
