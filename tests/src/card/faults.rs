//! What may go wrong between card and program, arranged by a test while both run.

use super::apdu::{Answer, Status};
use super::chip::Chip;

/// A step of a program with a card, recognised by its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Any command at all.
    Any,
    /// SELECT by AID.
    SelectApplication,
    /// SELECT by path or identifier.
    SelectFile,
    /// READ BINARY.
    Read,
    /// GET RESPONSE.
    GetResponse,
    /// GET DATA.
    GetData,
    /// VERIFY without a PIN: the question how many tries are left.
    AskTries,
    /// VERIFY with a PIN.
    Verify,
    /// VERIFY with P1=FF.
    Logout,
    /// MSE SET.
    SetEnvironment,
    /// PSO HASH.
    LoadDigest,
    /// PSO CDS.
    Sign,
    /// Anything else.
    Other,
}

impl Step {
    /// Which step a command is.
    #[must_use]
    pub fn of(apdu: &[u8]) -> Self {
        match *apdu {
            [_, 0xA4, 0x04, ..] => Self::SelectApplication,
            [_, 0xA4, ..] => Self::SelectFile,
            [_, 0xB0, ..] => Self::Read,
            [_, 0xC0, ..] => Self::GetResponse,
            [_, 0xCA, ..] => Self::GetData,
            [_, 0x20, 0xFF, ..] => Self::Logout,
            [_, 0x20, _, _] | [_, 0x20, _, _, _] => Self::AskTries,
            [_, 0x20, ..] => Self::Verify,
            [_, 0x22, ..] => Self::SetEnvironment,
            [_, 0x2A, 0x90, ..] => Self::LoadDigest,
            [_, 0x2A, ..] => Self::Sign,
            _ => Self::Other,
        }
    }
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The card is pulled before it sees the command.
    PulledBefore,
    /// The card does what it was told and is pulled before it can answer.
    PulledUnanswered,
    /// The card answers and is pulled.
    PulledAfter,
    /// The card lost its power for a moment before the command.
    PowerLost,
    /// Another program selected the application before the command.
    Disturbed,
    /// This status, and the command is not obeyed.
    Refused(Status),
    /// `6Cxx` with this length, and the command is not obeyed.
    AskedAgain(u8),
    /// All that is answered waits for GET RESPONSE behind `61xx`.
    Announced,
    /// Only so many bytes of the answer come, and `9000`.
    Shortened(usize),
    /// One bit of the answer is wrong.
    Altered,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(super) struct Plan(Vec<Planned>);

#[derive(Clone, Copy, Debug)]
struct Planned {
    step: Step,
    /// How many such steps pass unharmed first.
    spared: u32,
    fault: Fault,
}

/// What reaches the reader.
pub(super) enum Outcome {
    Answered(Answer),
    /// The card is gone; before that it may have answered.
    Pulled(Option<Answer>),
}

impl Plan {
    pub(super) fn add(&mut self, step: Step, spared: u32, fault: Fault) {
        self.0.push(Planned { step, spared, fault });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault of this command: the first that is due.
    fn due(&mut self, step: Step) -> Option<Fault> {
        let mut due = None;
        for (index, planned) in self.0.iter_mut().enumerate() {
            if planned.step != Step::Any && planned.step != step {
                continue;
            }
            match planned.spared.checked_sub(1) {
                Some(fewer) => planned.spared = fewer,
                None => due = due.or(Some(index)),
            }
        }
        due.map(|index| self.0.remove(index).fault)
    }

    /// Hands a command to the chip, with what is arranged for it.
    pub(super) fn transmit(&mut self, chip: &mut Chip, apdu: &[u8]) -> Outcome {
        use Outcome::{Answered, Pulled};
        match self.due(Step::of(apdu)) {
            None => Answered(chip.transmit(apdu)),
            Some(Fault::PulledBefore) => Pulled(None),
            Some(Fault::PulledUnanswered) => {
                chip.transmit(apdu);
                Pulled(None)
            }
            Some(Fault::PulledAfter) => Pulled(Some(chip.transmit(apdu))),
            Some(Fault::PowerLost) => {
                chip.reset();
                Answered(chip.transmit(apdu))
            }
            Some(Fault::Disturbed) => {
                chip.disturb();
                Answered(chip.transmit(apdu))
            }
            Some(Fault::Refused(status)) => Answered(status.into()),
            Some(Fault::AskedAgain(length)) => Answered(Status::ask_for(length.into()).into()),
            Some(Fault::Announced) => Answered(announced(chip, apdu)),
            Some(Fault::Shortened(length)) => {
                let mut answer = chip.transmit(apdu);
                answer.data.truncate(length);
                Answered(answer)
            }
            Some(Fault::Altered) => {
                let mut answer = chip.transmit(apdu);
                let middle = answer.data.len() / 2;
                answer.data.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 1);
                Answered(answer)
            }
        }
    }
}

fn announced(chip: &mut Chip, apdu: &[u8]) -> Answer {
    let answer = chip.transmit(apdu);
    if answer.status == Status::DONE && !answer.data.is_empty() {
        chip.hold(answer.data).into()
    } else {
        answer
    }
}
