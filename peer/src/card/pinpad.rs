//! Readers with a keypad: PC/SC part 10, features 06 (VERIFY_PIN_DIRECT).

use super::apdu::{CommandApdu, ResponseApdu, Wire};
use super::session::{Session, Stop};
use super::transport::Fault;

/// Feature VERIFY_PIN_DIRECT.
const VERIFY_PIN_DIRECT: u8 = 0x06;

/// CM_IOCTL_GET_FEATURE_REQUEST, `SCARD_CTL_CODE(3400)`, which systems number differently.
fn feature_request() -> Option<u32> {
    u32::try_from(pcsc::ctl_code(3400)).ok()
}

/// The keypad of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pinpad {
    kind: Kind,
    verify: u32,
}

/// How a reader wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Generic,
    GemPc,
    Acr83,
}

impl Kind {
    fn of(reader: &str) -> Self {
        if reader.contains("GemPC Pinpad") || reader.contains("GemPCPinpad") {
            Self::GemPc
        } else if reader.contains("ACR83U") {
            Self::Acr83
        } else {
            Self::Generic
        }
    }
}

impl Pinpad {
    /// Asks the reader. A reader that refuses the question, such as with "not transacted", has
    /// none.
    ///
    /// # Errors
    /// [`Stop::Reset`]: the reader was not asked.
    pub(super) fn find(session: &mut Session<'_>, reader: &str) -> Result<Option<Self>, Stop> {
        let Some(request) = feature_request() else { return Ok(None) };
        let features = match session.control(request, &[]) {
            Ok(features) => features,
            Err(Fault::ResetCard) => return Err(Stop::Reset),
            Err(_) => return Ok(None),
        };
        Ok(verify_direct(&features).map(|verify| Self { kind: Kind::of(reader), verify }))
    }

    /// Has the reader take the PIN and verify it. None: what it answered is no status word.
    pub(super) fn verify(self, session: &mut Session<'_>) -> Result<Option<ResponseApdu>, Fault> {
        let command = CommandApdu::verify_template();
        tracing::trace!("> {command} by the reader's keypad");
        let answer =
            session.control(self.verify, &structure(self.kind, &command.bytes(Wire::T1)))?;
        let answer = ResponseApdu::read(&answer).filter(|answer| answer.data.is_empty());
        if let Some(answer) = &answer {
            tracing::trace!("< {}", answer.word);
        }
        Ok(answer)
    }
}

/// The control code of VERIFY_PIN_DIRECT in the answer to GET_FEATURE_REQUEST: records of tag,
/// length 04, and the code, big-endian.
fn verify_direct(features: &[u8]) -> Option<u32> {
    let (records, rest) = features.as_chunks::<6>();
    let found = records.iter().find(|record| record.starts_with(&[VERIFY_PIN_DIRECT, 4]))?;
    let [_, _, code @ ..] = found;
    rest.is_empty().then(|| u32::from_be_bytes(*code))
}

/// PIN_VERIFY_STRUCTURE around a command. Numbers of more than one byte are in the order of this
/// computer, as the reader's driver expects them.
fn structure(kind: Kind, command: &[u8]) -> Vec<u8> {
    let (seconds, format, block, language): (u8, u8, u8, u16) = match kind {
        Kind::Generic => (30, 0x02, 0x08, 0x0409),
        Kind::GemPc => (30, 0x82, 0x00, 0x0816),
        Kind::Acr83 => (0, 0x82, 0x08, 0x0409),
    };
    // At least 4 digits, at most 8.
    let digits = 0x0408_u16.to_ne_bytes();
    // No command here has more than 13 bytes.
    let length = u32::try_from(command.len()).unwrap_or(u32::MAX);
    let mut bytes = vec![seconds, seconds, format, block, 0x00];
    bytes.extend(digits);
    // Entry ends with the validation key; one message, number 0, no prologue of T=1.
    bytes.extend([0x02, 0x01]);
    bytes.extend(language.to_ne_bytes());
    bytes.extend([0x00; 4]);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(command);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn every_kind_of_reader_is_asked_as_it_wants() {
        let built = |reader: &str| {
            hex::encode(structure(
                Kind::of(reader),
                &CommandApdu::verify_template().bytes(Wire::T1),
            ))
        };
        let template = "0d0000000020008108ffffffffffffffff";
        for (reader, head) in [
            ("Some Reader 00 00", "1e1e02080008040201090400000000"),
            ("Gemalto GemPC Pinpad 00 00", "1e1e82000008040201160800000000"),
            ("Gemalto GemPCPinpad 01 00", "1e1e82000008040201160800000000"),
            ("ACS ACR83U 00 00", "000082080008040201090400000000"),
        ] {
            assert_eq!(built(reader), format!("{head}{template}"), "{reader}");
        }
    }

    #[test]
    fn the_code_of_the_keypad_is_found_among_the_features() {
        let code = |hex: &str| verify_direct(&hex::decode(hex).unwrap());
        assert_eq!(code("060442330006070442330007"), Some(0x4233_0006));
        assert_eq!(code("070400312034060400312030"), Some(0x0031_2030));
        for none in ["", "0704", "070442330007", "0603423300", "060542330006", "06044233000607"] {
            assert_eq!(code(none), None, "{none}");
        }
    }
}
