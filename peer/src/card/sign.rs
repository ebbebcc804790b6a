//! The one sequence that uses the PIN: verify, choose the key, hand over a digest, sign.

use sha2::{Digest as _, Sha256};

use super::apdu::{CardOperation, CommandApdu, ResponseApdu, Status};
use super::pin::{LastTry, PinEntry, PinForm, Tries};
use super::pinpad::Pinpad;
use super::session::{Session, Stop, exclusively};
use super::transport::Fault;
use super::{Card, CardError, Generation, enter_same};

impl Card {
    /// Signs a message with the card's authentication key, in one transaction: SHA-256, then
    /// PKCS#1 v1.5 (v3, v4) or ECDSA as 64 bytes `r ‖ s` (v5). What is returned verifies against
    /// the card's certificate.
    ///
    /// `pin` is used once ("When the PIN is sent" in the module says when twice); `last` says
    /// whether the last try may be used for it.
    ///
    /// # Errors
    /// [`CardError::Blocked`], [`CardError::LastTry`] and [`CardError::OtherCard`] before the PIN is
    /// sent; [`CardError::WrongPin`], [`CardError::TryUnknown`]; whatever card and reader can fail
    /// with.
    pub fn sign(
        &mut self,
        message: &[u8],
        pin: PinEntry,
        last: LastTry,
    ) -> Result<Vec<u8>, CardError> {
        let result = self.sign_once(&Sha256::digest(message).into(), &pin, last);
        drop(pin);
        let signature = match result {
            Err(CardError::TryUnknown { cause, .. }) => {
                return Err(CardError::TryUnknown { cause, left: self.tries_left().ok() });
            }
            result => result?,
        };
        self.key.verify(message, &signature).map_err(|_| CardError::Signature)?;
        Ok(signature)
    }

    fn sign_once(
        &mut self,
        digest: &[u8; 32],
        pin: &PinEntry,
        last: LastTry,
    ) -> Result<Vec<u8>, CardError> {
        let (generation, pinpad) = (self.generation, self.pinpad);
        let certificate = self.certificate.as_slice();
        // A person who typed on the reader is not asked to type again without knowing why.
        let mut may_repeat = matches!(pin, PinEntry::Typed(_));
        exclusively(self.link.as_mut(), |session| {
            enter_same(session, generation, certificate)?;
            match ask_tries(session)? {
                Tries::Blocked => return Err(CardError::Blocked.into()),
                tries if tries.is_last() && last == LastTry::Refuse => {
                    return Err(CardError::LastTry.into());
                }
                Tries::Left(_) | Tries::Verified => {}
            }
            verify(session, pin, pinpad)?;
            let signature = compute(session, generation, digest);
            forget(session, generation);
            match signature {
                Err(Stop::Reset) if may_repeat => {
                    may_repeat = false;
                    Err(Stop::Reset)
                }
                Err(Stop::Reset) => Err(CardError::ResetTooOften.into()),
                signature => signature,
            }
        })
    }
}

/// Asks the selected application how many tries the PIN has left.
pub(super) fn ask_tries(session: &mut Session<'_>) -> Result<Tries, Stop> {
    let answer = session.run(CardOperation::AskTries, &CommandApdu::ask_tries())?;
    match answer.word.status() {
        Status::Tries(left) => Ok(Tries::of(left)),
        Status::Blocked => Ok(Tries::Blocked),
        Status::Done => Ok(Tries::Verified),
        _ => Err(unexpected(CardOperation::AskTries, &answer)),
    }
}

fn unexpected(step: CardOperation, answer: &ResponseApdu) -> Stop {
    CardError::Unexpected { step, word: answer.word }.into()
}

/// Has the card judge the PIN. A reset never leads to another try.
fn verify(session: &mut Session<'_>, pin: &PinEntry, pinpad: Option<Pinpad>) -> Result<(), Stop> {
    let answer = match pin {
        PinEntry::Typed(pin) => {
            session.pin_verified(true);
            // Whatever came between: the card may have counted a try, or may not.
            session.run(CardOperation::Verify, &CommandApdu::verify(pin)).map_err(
                |stop| match stop {
                    Stop::Reset => unknown(CardError::Reset),
                    Stop::Error(cause) => unknown(cause),
                },
            )?
        }
        PinEntry::Pinpad => {
            let pinpad = pinpad.ok_or(CardError::NoPinpad)?;
            session.pin_verified(true);
            on_pinpad(session, pinpad)?
        }
    };
    if answer.word.status() == Status::Done {
        return Ok(());
    }
    session.pin_verified(false);
    Err(refusal(&answer).into())
}

/// Has the reader take the PIN.
fn on_pinpad(session: &mut Session<'_>, pinpad: Pinpad) -> Result<ResponseApdu, Stop> {
    let answer = match pinpad.verify(session) {
        Ok(Some(answer)) => answer,
        // GemPC readers report a blocked PIN as "not transacted": only the counter tells.
        Err(Fault::NotTransacted) => {
            return Err(blocked_or(session, try_unknown(CardError::PinpadFault)));
        }
        Err(Fault::ResetCard) => return Err(unknown(CardError::Reset)),
        Err(fault) => return Err(unknown(CardError::during(fault))),
        Ok(None) => return Err(unknown(CardError::Garbled(CardOperation::Verify))),
    };
    match answer.word.status() {
        // Or as a PIN of wrong form.
        Status::PinpadForm => Err(blocked_or(session, CardError::PinForm(PinForm::Reader))),
        _ => Ok(answer),
    }
}

/// The PIN left this program, and what became of it is not known.
fn unknown(cause: CardError) -> Stop {
    try_unknown(cause).into()
}

fn try_unknown(cause: CardError) -> CardError {
    CardError::TryUnknown { cause: Box::new(cause), left: None }
}

/// [`CardError::Blocked`] if the counter says so, or `other`.
fn blocked_or(session: &mut Session<'_>, other: CardError) -> Stop {
    match ask_tries(session) {
        Ok(Tries::Blocked) => CardError::Blocked.into(),
        Ok(Tries::Left(_) | Tries::Verified) | Err(_) => other.into(),
    }
}

/// Why the card, or the reader for it, did not take the PIN.
fn refusal(answer: &ResponseApdu) -> CardError {
    match answer.word.status() {
        Status::Tries(left) => CardError::WrongPin { left },
        Status::Blocked => CardError::Blocked,
        Status::PinpadTimeout => CardError::PinpadTimeout,
        Status::PinpadCancelled => CardError::PinpadCancelled,
        Status::PinpadFault => CardError::PinpadFault,
        _ => CardError::Unexpected { step: CardOperation::Verify, word: answer.word },
    }
}

fn compute(
    session: &mut Session<'_>,
    generation: Generation,
    digest: &[u8; 32],
) -> Result<Vec<u8>, Stop> {
    session
        .succeed(CardOperation::ChooseKey, &CommandApdu::choose_key(generation.signing_key()))?;
    session.succeed(CardOperation::Hash, &CommandApdu::hash(digest))?;
    session.succeed(CardOperation::Sign, &CommandApdu::sign())
}

/// Ends the use of the PIN, so that nobody inherits it: on v5 by its own command, before by
/// selecting the application again. Where that fails, the card is reset at the end.
fn forget(session: &mut Session<'_>, generation: Generation) {
    let command = match generation {
        Generation::V3 | Generation::V4 => {
            CommandApdu::select_application(generation.application())
        }
        Generation::V5 => CommandApdu::forget_pin(),
    };
    if session.succeed(CardOperation::Forget, &command).is_ok() {
        session.pin_verified(false);
    }
}
