//! What becomes of letters that were left: asked of their broker a few times, and what it told (SPEC 9.5).

use std::fmt;

use pregao_protocol::audit::told::VerifiedEntry;
use pregao_protocol::letter::Mode;
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::body::Verb;
use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::departures::SealedDeposit;
use super::letters::{LetterNumber, LetterState};
use super::rows::{Change, Kept, Owner, Part, Plain, Record, Table, View, encode};
use super::seal::Keys;
use super::{DamagedRow, MailError};
use crate::vault::Secret;

number! {
    /// What is asked of one deposit.
    QuestionId
}

/// What is asked of one deposit, and what was met of its box.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionRecord {
    /// The letter.
    pub letter: LetterNumber,
    /// The box in which it was left.
    pub room: RoomName,
    /// Where it stands there.
    pub seq: u64,
    /// Seed of the key that signed the deposit: who has it may ask.
    pub key: Secret,
    /// The newest signed head of the box that was met: of the receipt at first.
    pub head: String,
    /// Entries that this head covers.
    pub size: u64,
    /// How often it was answered.
    pub answered: u32,
    /// When it was answered last.
    pub last: Option<Time>,
    /// When it is asked next; none: only if the user wants to know, and of a deniable letter no more.
    pub next: Option<Time>,
}

impl fmt::Debug for QuestionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuestionRecord").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Record for QuestionRecord {
    const TABLE: Table = Table { name: "question", columns: &["letter", "open"] };

    fn plain(&self, _: &Keys) -> Vec<Plain> {
        vec![Plain::Number(self.letter.0), Plain::Number(self.next.is_some().into())]
    }
}

/// A head that was met, with its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The signed head.
    pub head: String,
    /// Entries that it covers.
    pub size: u64,
}

/// A question, or which one is damaged.
pub type QuestionRow = Result<Kept<QuestionId, QuestionRecord>, DamagedRow>;

impl View<'_> {
    /// What is asked by itself, in the order in which it was deposited. Few are.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn questions(&self) -> Result<Vec<QuestionRow>, MailError> {
        let rows = self.rows::<QuestionRecord>("WHERE open = 1 ORDER BY id", &[])?;
        let kept = |(id, row): (i64, Result<QuestionRecord, DamagedRow>)| {
            row.map(|record| Kept { id: QuestionId(id), record })
        };
        Ok(rows.into_iter().map(kept).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn question(&self, id: QuestionId) -> Result<QuestionRecord, MailError> {
        self.row(id.0)?.ok_or(MailError::Unknown { what: "question", id: id.0 })
    }

    /// What is asked of a letter; none once nothing more is to be heard, or the key is gone with which it was asked.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn question_of(
        &self,
        letter: LetterNumber,
    ) -> Result<Option<Kept<QuestionId, QuestionRecord>>, MailError> {
        let found = self.one("WHERE letter = ?1", &[&letter.0])?;
        Ok(found.map(|(id, record)| Kept { id: QuestionId(id), record }))
    }

    /// What was told of a letter, each entry with what shows it to others; verified when it was kept.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn told(&self, letter: LetterNumber) -> Result<Vec<Receipt>, MailError> {
        let bytes: Option<Zeroizing<Vec<u8>>> = self.part(Owner::Letter(letter.0), Part::Told)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }
}

impl Change<'_> {
    /// Keeps what asking about a letter takes that was deposited just now.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn keep_question(
        &mut self,
        letter: LetterNumber,
        deposit: &SealedDeposit,
        (seq, met): (u64, Met),
        next: Time,
    ) -> Result<QuestionId, MailError> {
        let record = QuestionRecord {
            letter,
            room: deposit.reader,
            seq,
            key: deposit.key.clone(),
            head: met.head,
            size: met.size,
            answered: 0,
            last: None,
            next: Some(next),
        };
        self.insert(&record).map(QuestionId)
    }

    /// Keeps what was told of a letter, verified. Whether the letter stands otherwise than before.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_told(
        &mut self,
        id: QuestionId,
        met: Met,
        entries: &[VerifiedEntry],
        (now, next): (Time, Option<Time>),
    ) -> Result<bool, MailError> {
        let mut record = self.question(id)?;
        let letter = record.letter;
        let receipts: Vec<&Receipt> = entries.iter().map(|entry| &entry.receipt).collect();
        if !receipts.is_empty() {
            self.keep_part(Owner::Letter(letter.0), Part::Told, &encode(&receipts)?)?;
        }
        let is_taken = entries.iter().any(|entry| entry.verb == Verb::Taken);
        let changes = is_taken && self.letter(letter)?.state == LetterState::Deposited;
        if changes {
            self.edit_letter(letter, |letter| letter.state = LetterState::Taken)?;
        }
        if entries.iter().any(|entry| is_last(entry.verb)) {
            // There is nothing more to be heard, and the key is of no more use.
            self.delete(QuestionRecord::TABLE.name, id.0)?;
        } else {
            (record.head, record.size) = (met.head, met.size);
            record.answered = record.answered.saturating_add(1);
            (record.last, record.next) = (Some(now), next);
            self.keep_asking(id, &record)?;
        }
        Ok(changes)
    }

    /// It was asked in vain: it is asked later, or by itself no more.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn ask_next(&mut self, id: QuestionId, next: Option<Time>) -> Result<(), MailError> {
        let mut record = self.question(id)?;
        record.answered = record.answered.saturating_add(1);
        record.next = next;
        self.keep_asking(id, &record)
    }

    /// Keeps a question that was asked. After the last one of a deniable letter the key that asks goes with it: whoever steals
    /// that signs with it what shows everybody who left the letter.
    fn keep_asking(&mut self, id: QuestionId, record: &QuestionRecord) -> Result<(), MailError> {
        let may_ask_later = record.next.is_some()
            || match self.letter(record.letter) {
                Ok(letter) => letter.mode == Some(Mode::Evidence),
                Err(MailError::Row(_) | MailError::Unknown { .. }) => false,
                Err(error) => return Err(error),
            };
        if may_ask_later {
            self.update(id.0, record)
        } else {
            self.delete(QuestionRecord::TABLE.name, id.0).map(drop)
        }
    }

    /// Asks no more about a letter.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn drop_question(&mut self, letter: LetterNumber) -> Result<(), MailError> {
        for id in self.ids("SELECT id FROM question WHERE letter = ?1", &[&letter.0])? {
            self.delete(QuestionRecord::TABLE.name, id)?;
        }
        Ok(())
    }
}

/// Whether nothing about a letter follows what was done.
const fn is_last(verb: Verb) -> bool {
    matches!(verb, Verb::Taken | Verb::BoxClosed)
}
