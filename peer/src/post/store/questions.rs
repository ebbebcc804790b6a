//! What becomes of letters that were left: asked of their broker a few times, and what it told (SPEC 9.5).

use std::fmt;

use pregao_protocol::audit::letter::{Happened, VerifiedTimeline};
use pregao_protocol::audit::told::VerifiedTold;
use pregao_protocol::letter::Mode;
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::value::clock::Time;
use serde::{Deserialize, Serialize};

use super::departures::{DepartureId, SealedDeposit};
use super::letters::{Fate, LetterNumber, LetterState};
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
    /// The letter. Below 0 it is none of the user's: a receipt, or cover, about which is asked all the same.
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
    /// Whether it was left at an even time: it is asked to the end, whatever is known, so that nobody tells it from cover.
    #[serde(default)]
    pub even: bool,
}

impl fmt::Debug for QuestionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuestionRecord").field("next", &self.next).finish_non_exhaustive()
    }
}

impl QuestionRecord {
    /// Whether it is about nothing that the user wrote.
    #[must_use]
    pub const fn is_blank(&self) -> bool {
        self.letter.0 < 0
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
            even: false,
        };
        self.insert(&record).map(QuestionId)
    }

    /// As [`Change::keep_question`], of what was left at an even time and is no letter: a receipt, or cover. What is asked
    /// is deleted with the last answer.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn keep_blank_question(
        &mut self,
        of: DepartureId,
        receipt: &Receipt,
        deposit: &SealedDeposit,
        place: (u64, Met),
        next: Time,
    ) -> Result<QuestionId, MailError> {
        // No letter has such a number, and no departure another's.
        let number = LetterNumber(of.0.saturating_neg());
        self.keep_part(Owner::Letter(number.0), Part::Receipt, &encode(receipt)?)?;
        let id = self.keep_question(number, deposit, place, next)?;
        self.ask_to_the_end(id)?;
        Ok(id)
    }

    /// It is asked to the end: what was left was left at an even time.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn ask_to_the_end(&mut self, id: QuestionId) -> Result<(), MailError> {
        let mut record = self.question(id)?;
        record.even = true;
        self.update(id.0, &record)
    }

    /// Keeps what was told of a letter, verified, as it can be shown to others. Whether the letter stands otherwise than
    /// before.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`]; [`MailError::Step`] if a half was handed over that is not the letter's.
    pub fn keep_told(
        &mut self,
        id: QuestionId,
        met: Met,
        told: &VerifiedTold,
        (now, next): (Time, Option<Time>),
    ) -> Result<bool, MailError> {
        let mut record = self.question(id)?;
        let letter = record.letter;
        let mut changes = false;
        if let Some((timeline, verified)) = &told.happened
            && !record.is_blank()
        {
            self.keep_timeline(letter, timeline)?;
            changes = self.keep_events(letter, verified)?;
        }
        if told.events().iter().any(|event| is_last(event.happened)) {
            // There is nothing more to be heard, and the key is of no more use.
            self.end_question(id, &record)?;
        } else {
            (record.head, record.size) = (met.head, met.size);
            record.answered = record.answered.saturating_add(1);
            (record.last, record.next) = (Some(now), next);
            self.ask_on(id, &record)?;
        }
        Ok(changes)
    }

    /// Keeps how a letter stands by what happened to it. Whether that is otherwise than before.
    fn keep_events(
        &mut self,
        letter: LetterNumber,
        timeline: &VerifiedTimeline,
    ) -> Result<bool, MailError> {
        let is_registered = self.letter(letter)?.registered.is_some();
        let (mut changes, mut accepted) = (false, None);
        for event in &timeline.events {
            let at = event.shown.time;
            let fate = match event.happened {
                Happened::Taken => {
                    if self.letter(letter)?.state == LetterState::Deposited {
                        self.edit_letter(letter, |letter| letter.state = LetterState::Taken)?;
                        changes = true;
                    }
                    continue;
                }
                Happened::Accepted => {
                    accepted = Some(at);
                    continue;
                }
                Happened::Handed => timeline.half.clone().map(Fate::Handed),
                // A box that is closed declines what is undecided (V-336).
                Happened::Declined | Happened::BoxClosed => Some(Fate::Declined),
                Happened::Lapsed => Some(Fate::Lapsed),
            };
            if let Some(fate) = fate.filter(|_| is_registered) {
                // Of what was handed over the reader's own stamp counts.
                let at = accepted.take().unwrap_or(at);
                changes |= self.keep_fate(letter, &fate, at)?;
            }
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
        self.ask_on(id, &record)
    }

    /// Keeps a question that was asked; a blank one until it is asked no more. After the last one of a deniable letter the key
    /// that asks goes with it: whoever steals that signs with it what shows everybody who left the letter.
    fn ask_on(&mut self, id: QuestionId, record: &QuestionRecord) -> Result<(), MailError> {
        if record.next.is_some() {
            return self.update(id.0, record);
        }
        let may_ask_later = !record.is_blank()
            && match self.letter(record.letter) {
                Ok(letter) => letter.mode == Some(Mode::Evidence),
                Err(MailError::Row(_) | MailError::Unknown { .. }) => false,
                Err(error) => return Err(error),
            };
        if may_ask_later { self.update(id.0, record) } else { self.end_question(id, record) }
    }

    fn end_question(&mut self, id: QuestionId, record: &QuestionRecord) -> Result<(), MailError> {
        self.delete(QuestionRecord::TABLE.name, id.0)?;
        if record.is_blank() {
            self.delete_parts(Owner::Letter(record.letter.0))?;
        }
        Ok(())
    }

    /// Asks no more about a letter that was read, unless it was left at an even time.
    pub(super) fn drop_question_if_seen(&mut self, letter: LetterNumber) -> Result<(), MailError> {
        match self.question_of(letter) {
            Ok(Some(kept)) if kept.record.even => Ok(()),
            _ => self.drop_question(letter),
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

/// Whether nothing is asked about a letter any more to which this happened: that a registered one which was handed over is
/// taken off, too, is worth no session in which its sender might be guessed.
const fn is_last(happened: Happened) -> bool {
    happened.is_end() || matches!(happened, Happened::Handed)
}
