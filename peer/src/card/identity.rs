//! What the identity file says of the holder, read no further than asked for.

use pregao_protocol::room::disclosure::Attribute;

use super::CardError;
use super::apdu::{Application, CardOperation, CommandApdu, File};
use super::generation::Generation;
use super::object::{self, ObjectForm};
use super::session::{Session, Stop};
use crate::text::sanitize::sanitize;

/// Offset and length in the file of v3 and v4.
const fn span(attribute: Attribute) -> (usize, usize) {
    match attribute {
        Attribute::DocumentNumber => (154, 28),
        Attribute::CardExpiry => (310, 20),
        Attribute::Sex => (570, 2),
        Attribute::Nationality => (572, 6),
        Attribute::BirthDate => (578, 20),
    }
}

/// Tag in the file of v5, of the private class. C7, CA and CB are inferred: no
/// card has confirmed them yet.
const fn tag(attribute: Attribute) -> u8 {
    match attribute {
        Attribute::DocumentNumber => 0xC3,
        Attribute::CardExpiry => 0xC7,
        Attribute::Sex => 0xCA,
        Attribute::Nationality => 0xCB,
        Attribute::BirthDate => 0xCC,
    }
}

/// Reads the attributes in the order in which they were asked for.
pub(super) fn read(
    session: &mut Session<'_>,
    generation: Generation,
    wanted: &[Attribute],
) -> Result<Vec<(Attribute, String)>, Stop> {
    const STEP: CardOperation = CardOperation::ReadIdentity;
    match generation {
        Generation::V3 | Generation::V4 => {
            session.succeed(STEP, &CommandApdu::select(File::Identity))?;
            let mut field = |attribute: &Attribute| {
                let (offset, length) = span(*attribute);
                let bytes = session.read(STEP, offset, length)?.unwrap_or_default();
                if bytes.len() != length {
                    return Err(CardError::Garbled(STEP).into());
                }
                Ok((*attribute, text(&bytes)?))
            };
            wanted.iter().map(&mut field).collect()
        }
        Generation::V5 => {
            session.enter(Application::National)?;
            let file = object::read(session, STEP, File::NationalIdentity, ObjectForm::Identity)?;
            let field = |attribute: &Attribute| {
                let bytes =
                    object::inside(&file, tag(*attribute)).ok_or(CardError::Garbled(STEP))?;
                Ok((*attribute, text(bytes)?))
            };
            wanted.iter().map(field).collect()
        }
    }
}

/// A field as text: UTF-8 up to the padding, without anything that a terminal would obey.
fn text(bytes: &[u8]) -> Result<String, CardError> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text =
        std::str::from_utf8(bytes).map_err(|_| CardError::Garbled(CardOperation::ReadIdentity))?;
    Ok(sanitize(text).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_ends_at_its_padding_and_steers_no_terminal() {
        assert_eq!(text(b"PRT\0\0\0").unwrap(), "PRT");
        assert_eq!(text(b" 01 02 1990 \0x").unwrap(), "01 02 1990");
        assert_eq!(text("\u{1b}[2JÉ".as_bytes()).unwrap(), "⌧[2JÉ");
        assert_eq!(text(b"").unwrap(), "");
        assert!(text(b"\xFF\xFE").is_err());
    }
}
