//! What shows third parties where a letter comes from, beside what its author or reader has anyway (SPEC 8.3).

use pregao_protocol::audit::letter::Timeline;
use pregao_protocol::log::Receipt;
use pregao_protocol::wire::handed::KeysShown;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Direction, LetterNumber, MailError};
use crate::post::store::departures::DepartureId;
use crate::post::store::rows::{Change, Owner, Part, View, encode};

/// A read receipt as it was deposited in one's own box.
pub struct ReadDeposit {
    /// The envelope.
    pub envelope: Zeroizing<Vec<u8>>,
    /// That it was deposited.
    pub deposit: Receipt,
}

impl std::fmt::Debug for ReadDeposit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadDeposit(..)")
    }
}

impl View<'_> {
    /// What shows whose keys a letter was sealed to; none if it was not kept.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn keys_shown(&self, of: LetterNumber) -> Result<Option<KeysShown>, MailError> {
        self.json(of, Part::KeysShown)
    }

    /// The action that opened the box of whoever wrote a received letter (compact JWS); none if it was not kept.
    ///
    /// # Errors
    /// As [`View::keys_shown`].
    pub fn sender_opening(&self, of: LetterNumber) -> Result<Option<String>, MailError> {
        let bytes = self.part(Owner::Letter(of.0), Part::SenderOpening)?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()))
    }

    /// What the log of the reader's box says of a letter after it came, verified when it was kept: of a received one as that
    /// log was read, of a sent one as its broker told. None if it was not, or nothing was told.
    ///
    /// # Errors
    /// As [`View::keys_shown`].
    pub fn timeline(&self, of: LetterNumber) -> Result<Option<Timeline>, MailError> {
        self.json(of, Part::Timeline)
    }

    /// How the read receipt for a sent letter was deposited; none if none came, or it was not kept.
    ///
    /// # Errors
    /// As [`View::keys_shown`].
    pub fn read_deposit(&self, of: LetterNumber) -> Result<Option<ReadDeposit>, MailError> {
        let envelope = self.part(Owner::Letter(of.0), Part::ReadEnvelope)?;
        let deposit = self.json(of, Part::ReadDeposit)?;
        let both = envelope.zip(deposit);
        Ok(both.map(|(envelope, deposit)| ReadDeposit { envelope, deposit }))
    }

    fn json<T: DeserializeOwned>(
        &self,
        of: LetterNumber,
        part: Part,
    ) -> Result<Option<T>, MailError> {
        let bytes = self.part(Owner::Letter(of.0), part)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

impl Change<'_> {
    /// Keeps what shows whose keys a letter is sealed to, in the change that keeps what was sealed. Of what no evidence is
    /// kept, nothing.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_keys_shown(&mut self, id: DepartureId, keys: &KeysShown) -> Result<(), MailError> {
        let record = self.departure(id)?;
        if !record.keep_evidence {
            return Ok(());
        }
        self.keep_json(record.letter, Part::KeysShown, keys)
    }

    /// Keeps where a received letter comes from, with its evidence: the action that opened its author's box, which was
    /// verified, and the receipt of its deposit, made from the log of one's own box.
    ///
    /// # Errors
    /// [`MailError::Step`] for one that was sent; [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_origin(
        &mut self,
        number: LetterNumber,
        sender: &str,
        deposit: &Receipt,
    ) -> Result<(), MailError> {
        if self.letter(number)?.direction != Direction::Received {
            return Err(MailError::Step("the letter was sent, and did not come"));
        }
        self.keep_part(Owner::Letter(number.0), Part::SenderOpening, sender.as_bytes())?;
        self.keep_json(number, Part::Receipt, deposit)
    }

    /// Keeps what the log of one's own box says of a received letter: the receipt of its deposit, and what happened to it.
    ///
    /// # Errors
    /// [`MailError::Step`] for one that was sent; [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_traced(
        &mut self,
        number: LetterNumber,
        deposit: &Receipt,
        timeline: Option<&Timeline>,
    ) -> Result<(), MailError> {
        if self.letter(number)?.direction != Direction::Received {
            return Err(MailError::Step("the letter was sent, and did not come"));
        }
        self.keep_json(number, Part::Receipt, deposit)?;
        timeline.map_or(Ok(()), |timeline| self.keep_timeline(number, timeline))
    }

    /// Keeps what the log of its reader's box says of a letter, verified.
    ///
    /// # Errors
    /// [`MailError`].
    pub(in crate::post::store) fn keep_timeline(
        &mut self,
        number: LetterNumber,
        timeline: &Timeline,
    ) -> Result<(), MailError> {
        self.keep_json(number, Part::Timeline, timeline)
    }

    /// Keeps how the read receipt for a sent letter was deposited in one's own box, in the change that keeps what it says.
    ///
    /// # Errors
    /// [`MailError::Step`] if no receipt came for it; [`MailError::Unknown`], [`MailError::Row`].
    pub fn keep_read_deposit(
        &mut self,
        number: LetterNumber,
        envelope: &[u8],
        deposit: &Receipt,
    ) -> Result<(), MailError> {
        if self.letter(number)?.receipt.got.is_none() {
            return Err(MailError::Step("no read receipt came for the letter"));
        }
        self.keep_part(Owner::Letter(number.0), Part::ReadEnvelope, envelope)?;
        self.keep_json(number, Part::ReadDeposit, deposit)
    }

    fn keep_json<T: Serialize>(
        &mut self,
        of: LetterNumber,
        part: Part,
        value: &T,
    ) -> Result<(), MailError> {
        let bytes = encode(value)?;
        self.keep_part(Owner::Letter(of.0), part, &bytes)
    }
}
