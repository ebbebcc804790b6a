//! What the identity file says of the holder, read no further than asked for.

use std::fmt;

use super::CardError;
use super::apdu::{Application, Command, File, Step};
use super::generation::Generation;
use super::object::{self, Form};
use super::session::{Session, Stop};
use crate::plain::plain;

/// Something that the identity file says. Names and civil number are in the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Number of the document, `document-number`.
    DocumentNumber,
    /// Date of birth as the card writes it, `birth-date`.
    BirthDate,
    /// Sex, one letter, `sex`.
    Sex,
    /// Nationality, three letters, `nationality`.
    Nationality,
    /// Last day of the card as the card writes it, `card-expiry`.
    CardExpiry,
}

impl Attribute {
    /// All, in the order of the card.
    pub const ALL: [Self; 5] =
        [Self::DocumentNumber, Self::CardExpiry, Self::Sex, Self::Nationality, Self::BirthDate];

    /// Its name in commands and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DocumentNumber => "document-number",
            Self::BirthDate => "birth-date",
            Self::Sex => "sex",
            Self::Nationality => "nationality",
            Self::CardExpiry => "card-expiry",
        }
    }

    /// The attribute of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// Offset and length in the file of v3 and v4.
    const fn span(self) -> (usize, usize) {
        match self {
            Self::DocumentNumber => (154, 28),
            Self::CardExpiry => (310, 20),
            Self::Sex => (570, 2),
            Self::Nationality => (572, 6),
            Self::BirthDate => (578, 20),
        }
    }

    /// Tag in the file of v5, of the private class.
    const fn tag(self) -> u8 {
        match self {
            Self::DocumentNumber => 0xC3,
            Self::CardExpiry => 0xC7,
            Self::Sex => 0xCA,
            Self::Nationality => 0xCB,
            Self::BirthDate => 0xCC,
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads the attributes in the order in which they were asked for.
pub(super) fn read(
    session: &mut Session<'_>,
    generation: Generation,
    wanted: &[Attribute],
) -> Result<Vec<(Attribute, String)>, Stop> {
    const STEP: Step = Step::ReadIdentity;
    match generation {
        Generation::V3 | Generation::V4 => {
            session.succeed(STEP, &Command::select(File::Identity))?;
            let mut field = |attribute: &Attribute| {
                let (offset, length) = attribute.span();
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
            let file = object::read(session, STEP, File::NationalIdentity, Form::Identity)?;
            let field = |attribute: &Attribute| {
                let bytes =
                    object::inside(&file, attribute.tag()).ok_or(CardError::Garbled(STEP))?;
                Ok((*attribute, text(bytes)?))
            };
            wanted.iter().map(field).collect()
        }
    }
}

/// A field as text: UTF-8 up to the padding, without anything that a terminal would obey.
fn text(bytes: &[u8]) -> Result<String, CardError> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(bytes).map_err(|_| CardError::Garbled(Step::ReadIdentity))?;
    Ok(plain(text).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_ends_at_its_padding_and_steers_no_terminal() {
        assert_eq!(text(b"PRT\0\0\0").unwrap(), "PRT");
        assert_eq!(text(b" 01 02 1990 \0x").unwrap(), "01 02 1990");
        assert_eq!(text("\u{1b}[2JÉ".as_bytes()).unwrap(), "[2JÉ");
        assert_eq!(text(b"").unwrap(), "");
        assert!(text(b"\xFF\xFE").is_err());
    }

    #[test]
    fn names_lead_back_to_their_attributes() {
        for attribute in Attribute::ALL {
            assert_eq!(Attribute::named(attribute.name()), Some(attribute));
        }
        assert_eq!(Attribute::named("civil-number"), None);
        assert_eq!(Attribute::named(""), None);
    }
}
