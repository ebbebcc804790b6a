//! An exclusive session with a card: one transaction from the first to the last command.
//!
//! Another program that selects something in between would clear the PIN or the file. So nothing is
//! said to a card outside of [`exclusively`]; after a reset by another program everything begins
//! again, from selecting the application on.

use std::time::Duration;

use super::CardError;
use super::apdu::{Application, CardOperation, CommandApdu, ResponseApdu, Status, Wire};
use super::transport::{CardLink, Channel, Ending, Fault};

/// How often a session begins again after a reset.
const MAX_RESETS: usize = 10;
/// What is waited before that.
const RESET_PAUSE: Duration = Duration::from_millis(100);
/// Largest answer collected, in bytes: the signature of an RSA key of 4096 bits has 512.
const MAX_ANSWER: usize = 1024;
/// How often GET RESPONSE is sent for one answer.
const MAX_ROUNDS: usize = 8;

/// Why a session stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The card was reset: it may begin again.
    Reset,
    /// It has ended.
    Error(CardError),
}

impl From<CardError> for Stop {
    fn from(error: CardError) -> Self {
        Self::Error(error)
    }
}

impl Stop {
    fn from_fault(step: CardOperation, fault: Fault) -> Self {
        tracing::debug!(%fault, %step, "no answer from the card");
        match fault {
            Fault::ResetCard | Fault::NotTransacted => Self::Reset,
            Fault::InsufficientBuffer => Self::Error(CardError::Garbled(step)),
            fault => Self::Error(CardError::during(fault)),
        }
    }

    fn unexpected(step: CardOperation, answer: &ResponseApdu) -> Self {
        Self::Error(CardError::Unexpected { step, word: answer.word })
    }
}

/// Runs `work` in one transaction, and again from its beginning if the card was reset meanwhile, at
/// most ten times. `work` itself decides whether a reset ends it: by [`Stop::Error`].
pub(super) fn exclusively<R>(
    link: &mut dyn CardLink,
    mut work: impl FnMut(&mut Session<'_>) -> Result<R, Stop>,
) -> Result<R, CardError> {
    for resets in 0..=MAX_RESETS {
        if resets > 0 {
            tracing::debug!("the card was reset by another program");
            link.pause(RESET_PAUSE);
            match link.reconnect() {
                Ok(()) => {}
                Err(fault) if is_reset(fault) => continue,
                Err(fault) => return Err(CardError::during(fault)),
            }
        }
        let mut outcome = None;
        let begun = link.exclusively(&mut |channel| {
            let mut session = Session { channel, ending: Ending::Leave };
            outcome = Some(work(&mut session));
            session.ending
        });
        match (outcome, begun) {
            (Some(Ok(result)), _) => return Ok(result),
            (Some(Err(Stop::Error(error))), _) => return Err(error),
            (Some(Err(Stop::Reset)), _) | (None, Ok(())) => {}
            (None, Err(fault)) if is_reset(fault) => {}
            (None, Err(fault)) => return Err(CardError::during(fault)),
        }
    }
    Err(CardError::ResetTooOften)
}

/// Whether another program resets the card, before anything was said to it. While it does, no
/// protocol is in use, and the service calls that a mismatch.
const fn is_reset(fault: Fault) -> bool {
    matches!(fault, Fault::ResetCard | Fault::NotTransacted | Fault::ProtoMismatch)
}

/// A card for which no other program can get in between.
pub(super) struct Session<'a> {
    channel: &'a mut dyn Channel,
    ending: Ending,
}

impl Session<'_> {
    /// Sends a command and collects the whole answer: 61xx by GET RESPONSE, 6Cxx by asking again.
    pub(super) fn run(
        &mut self,
        step: CardOperation,
        command: &CommandApdu,
    ) -> Result<ResponseApdu, Stop> {
        let mut answer = self.corrected(step, command)?;
        let mut data = std::mem::take(&mut answer.data);
        for _ in 0..MAX_ROUNDS {
            let Status::More(waiting) = answer.word.status() else { break };
            answer = self.corrected(step, &CommandApdu::get_response(waiting))?;
            data.append(&mut answer.data);
        }
        if matches!(answer.word.status(), Status::More(_)) || data.len() > MAX_ANSWER {
            return Err(CardError::Garbled(step).into());
        }
        Ok(ResponseApdu { data, word: answer.word })
    }

    /// Sends a command that has to succeed.
    pub(super) fn succeed(
        &mut self,
        step: CardOperation,
        command: &CommandApdu,
    ) -> Result<Vec<u8>, Stop> {
        let answer = self.run(step, command)?;
        match answer.word.status() {
            Status::Done => Ok(answer.data),
            _ => Err(Stop::unexpected(step, &answer)),
        }
    }

    /// Selects an application that the card is known to have.
    pub(super) fn enter(&mut self, application: Application) -> Result<(), Stop> {
        let command = CommandApdu::select_application(application);
        self.succeed(CardOperation::SelectApplication, &command).map(drop)
    }

    /// Reads up to `length` bytes of the selected file. None at its end; a short answer is none.
    pub(super) fn read(
        &mut self,
        step: CardOperation,
        offset: usize,
        length: usize,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let command = CommandApdu::read_binary(offset, length).ok_or(CardError::Garbled(step))?;
        let answer = self.run(step, &command)?;
        match answer.word.status() {
            Status::Done | Status::EndReached if answer.data.len() > length => {
                Err(CardError::Garbled(step).into())
            }
            Status::Done | Status::EndReached => Ok(Some(answer.data)),
            Status::WrongOffset if offset > 0 => Ok(None),
            _ => Err(Stop::unexpected(step, &answer)),
        }
    }

    /// Sends something to the reader.
    pub(super) fn control(&mut self, code: u32, data: &[u8]) -> Result<Vec<u8>, Fault> {
        self.channel.control(code, data)
    }

    /// Says whether a PIN may be left verified when the session ends. If so the card is reset.
    pub(super) fn pin_verified(&mut self, verified: bool) {
        self.ending = if verified { Ending::Reset } else { Ending::Leave };
    }

    /// One command, sent again with the length that the card names if it names one.
    fn corrected(
        &mut self,
        step: CardOperation,
        command: &CommandApdu,
    ) -> Result<ResponseApdu, Stop> {
        let answer = self.once(step, command)?;
        let Status::AskFor(length) = answer.word.status() else { return Ok(answer) };
        match command.asking_for(length) {
            Some(again) => self.once(step, &again),
            None => Ok(answer),
        }
    }

    fn once(&mut self, step: CardOperation, command: &CommandApdu) -> Result<ResponseApdu, Stop> {
        let wire = self.channel.wire();
        tracing::trace!(t1 = wire == Wire::T1, "> {command}");
        let answer = self
            .channel
            .transmit(&command.bytes(wire))
            .map_err(|fault| Stop::from_fault(step, fault))?;
        let answer = ResponseApdu::read(&answer).ok_or(CardError::Garbled(step))?;
        // Never the data: they may say who holds the card.
        tracing::trace!("< {} bytes, {}", answer.data.len(), answer.word);
        Ok(answer)
    }
}
