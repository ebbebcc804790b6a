//! Registered letters as they are kept: what was decided about one, and the half of its key by which it is read (SPEC 8.5).

use pregao_protocol::letter::{Content, Half, Letter, RegisteredError, RegisteredLetter, Within};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::value::clock::Time;
use zeroize::Zeroizing;

use super::record::BEGINNING;
use super::{
    DepositRecord, Direction, LetterNumber, LetterRecord, LetterState, MailError, RegisteredState,
};
use crate::post::store::own_boxes::BoxId;
use crate::post::store::rows::{Change, Owner, Part, View, encode};

/// What the log of the reader's box says became of a registered letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was accepted, and this half of its key was handed over.
    Handed(Half),
    /// It was declined, or the box was closed.
    Declined,
    /// Its time passed.
    Lapsed,
}

/// What is said in a letter, as far as it can be read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// This. A registered letter wishes for no read receipt.
    Letter(Box<Letter>),
    /// It is registered, and not handed over.
    Sealed,
    /// It was handed over, and what is within does not open.
    Junk(RegisteredError),
    /// What it says is not here: it was not opened, or is a read receipt.
    Nothing,
}

impl Said {
    /// The letter, if it can be read.
    #[must_use]
    pub fn letter(self) -> Option<Letter> {
        match self {
            Self::Letter(letter) => Some(*letter),
            Self::Sealed | Self::Junk(_) | Self::Nothing => None,
        }
    }
}

impl View<'_> {
    /// The broker's half of the key of a registered letter: as its sender made it, or as it was handed over; none before.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn half(&self, of: LetterNumber) -> Result<Option<Half>, MailError> {
        let bytes = self.part(Owner::Letter(of.0), Part::Half)?;
        Ok(bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok()))
    }

    /// The randomness with which the sender of a registered letter sealed that half to the broker; none if no evidence was
    /// kept, or it came.
    ///
    /// # Errors
    /// As [`View::half`].
    pub fn half_seed(&self, of: LetterNumber) -> Result<Option<Zeroizing<[u8; 32]>>, MailError> {
        let bytes = self.part(Owner::Letter(of.0), Part::HalfSeed)?;
        Ok(bytes.and_then(|bytes| bytes.as_slice().try_into().ok().map(Zeroizing::new)))
    }

    /// The receipt for the user's word that accepted a registered letter; none if the answer was lost.
    ///
    /// # Errors
    /// As [`View::half`].
    pub fn accepted(&self, of: LetterNumber) -> Result<Option<Receipt>, MailError> {
        let bytes = self.part(Owner::Letter(of.0), Part::Accepted)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// What a letter says, registered or not.
    ///
    /// # Errors
    /// As [`View::half`].
    pub fn said(&self, of: LetterNumber, record: &LetterRecord) -> Result<Said, MailError> {
        let bytes = self.content(of)?;
        let letter = match bytes.and_then(|bytes| Content::parse(&bytes).ok()) {
            Some((Content::Letter(letter), _)) => return Ok(Said::Letter(Box::new(letter))),
            Some((Content::Registered(letter), _)) => letter,
            Some((Content::Read(_) | Content::Cover(_), _)) | None => return Ok(Said::Nothing),
        };
        let (half, reader) = (self.half(of)?, self.reader_of(record)?);
        let (Some(half), Some(reader)) = (half, reader) else { return Ok(Said::Sealed) };
        Ok(match letter.open(reader, &half) {
            Ok(within) => Said::Letter(Box::new(whole(letter, within))),
            Err(error) => Said::Junk(error),
        })
    }

    /// The box that a letter is in.
    fn reader_of(&self, record: &LetterRecord) -> Result<Option<RoomName>, MailError> {
        Ok(match record.direction {
            Direction::Received => Some(self.own_box(record.own_box)?.name),
            Direction::Sent => record.other.as_ref().map(|to| to.name),
        })
    }
}

/// What a registered letter comes to, once it is read.
fn whole(letter: RegisteredLetter, within: Within) -> Letter {
    let RegisteredLetter { from, id, reply_to, vouch, mode, salt, subject, .. } = letter;
    let Within { text, attachments } = within;
    Letter {
        from,
        id,
        reply_to,
        vouch,
        mode,
        wants_receipt: false,
        salt,
        subject,
        text,
        attachments,
    }
}

impl Change<'_> {
    /// Notes that the user accepts or declines a registered letter: durable before it is said or handed in. Until then
    /// another word replaces it.
    ///
    /// # Errors
    /// [`MailError::Step`] if it is not registered, was sent, or was decided about before; [`MailError::Unknown`],
    /// [`MailError::Row`].
    pub fn keep_wish(
        &mut self,
        number: LetterNumber,
        accepts: bool,
    ) -> Result<LetterRecord, MailError> {
        let mut record = self.letter(number)?;
        let is_open = record.registered.is_some_and(RegisteredState::is_open);
        if record.direction != Direction::Received || !is_open {
            return Err(MailError::Step("only a registered letter that waits is decided about"));
        }
        let wish = if accepts { RegisteredState::Accepting } else { RegisteredState::Declining };
        record.registered = Some(wish);
        self.update(number.0, &record)?;
        Ok(record)
    }

    /// It cannot be done: the letter waits as it did, if it waits.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn drop_wish(&mut self, number: LetterNumber) -> Result<(), MailError> {
        self.edit_letter(number, |record| {
            if record.registered.is_some_and(RegisteredState::is_open) {
                record.registered = Some(RegisteredState::Undecided);
            }
        })
        .map(drop)
    }

    /// Keeps the receipt for the user's word that accepts a registered letter.
    ///
    /// # Errors
    /// [`MailError::Step`] if it is not registered, or was sent; [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_accepted(
        &mut self,
        number: LetterNumber,
        receipt: &Receipt,
    ) -> Result<(), MailError> {
        let record = self.letter(number)?;
        if record.direction != Direction::Received || record.registered.is_none() {
            return Err(MailError::Step("only a registered letter that came is accepted"));
        }
        self.keep_part(Owner::Letter(number.0), Part::Accepted, &encode(receipt)?)
    }

    /// Keeps what became of a registered letter, received or sent, by the log of the box that it is in; `at` is the stamp's
    /// time. With the half a received one is opened. The first word counts; whether this is it.
    ///
    /// # Errors
    /// [`MailError::Step`] if the letter is not registered, or the half is not the one that its deposit commits to;
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_fate(
        &mut self,
        number: LetterNumber,
        fate: &Fate,
        at: Time,
    ) -> Result<bool, MailError> {
        let mut record = self.letter(number)?;
        let deposit = record.deposit.as_ref().and_then(|deposit| deposit.registered.as_ref());
        let (Some(state), Some(deposit)) = (record.registered, deposit) else {
            return Err(MailError::Step("the letter is not registered"));
        };
        if !state.is_open() {
            return Ok(false);
        }
        match fate {
            Fate::Handed(half) => {
                if half.commitment() != deposit.commitment {
                    return Err(MailError::Step("the half is not that of the letter"));
                }
                record.registered = Some(RegisteredState::Accepted { at });
                let bytes = Zeroizing::new(half.to_string());
                self.keep_part(Owner::Letter(number.0), Part::Half, bytes.as_bytes())?;
                self.open_registered(number, &mut record)?;
            }
            Fate::Declined => {
                record.registered = Some(RegisteredState::Declined { at });
                if record.state == LetterState::Unread {
                    record.state = LetterState::Read { at };
                }
            }
            // It counts as unread until it is looked at: nobody decided about it.
            Fate::Lapsed => record.registered = Some(RegisteredState::Lapsed { at }),
        }
        self.update(number.0, &record)?;
        Ok(true)
    }

    /// Keeps that a registered letter came of which something became before it could be fetched: its bytes are gone.
    ///
    /// # Errors
    /// As [`Change::keep_fate`].
    pub fn keep_missed(
        &mut self,
        own_box: BoxId,
        deposit: &DepositRecord,
        fate: &Fate,
        at: Time,
        now: Time,
    ) -> Result<LetterNumber, MailError> {
        let number = self.keep_arrived(own_box, deposit.clone(), &[], now)?;
        match fate {
            Fate::Handed(_) => {
                let cause = "it was registered, accepted and taken off before this program saw it";
                self.keep_unreadable(number, cause)?;
            }
            // It is not opened any more, and counts as unread until it is looked at.
            Fate::Declined | Fate::Lapsed => {
                self.edit_letter(number, |letter| letter.state = LetterState::Unread)?;
            }
        }
        self.keep_fate(number, fate, at)?;
        Ok(number)
    }

    /// Takes over what a received letter says, now that its half is here.
    fn open_registered(
        &self,
        number: LetterNumber,
        record: &mut LetterRecord,
    ) -> Result<(), MailError> {
        if record.direction != Direction::Received {
            return Ok(());
        }
        match self.said(number, record)? {
            Said::Letter(letter) => record.say(&letter),
            Said::Junk(error) => {
                record.beginning = error.to_string().chars().take(BEGINNING).collect();
                record.state = LetterState::Unreadable { cause: error.to_string() };
            }
            Said::Sealed | Said::Nothing => {}
        }
        Ok(())
    }
}
