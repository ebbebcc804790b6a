//! Who holds a card: the names and the civil number in a certificate's subject.

use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;
use zeroize::Zeroizing;

use super::{CitizenError, MAX_CERTIFICATE};
use crate::value::text::steers;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SURNAME: &[u8] = &[0x55, 4, 4];
const SERIAL_NUMBER: &[u8] = &[0x55, 4, 5];
const GIVEN_NAME: &[u8] = &[0x55, 4, 42];

/// Longest name accepted, in bytes of its UTF-8.
const MAX_NAME: usize = 256;
/// Longest civil number accepted, in bytes.
const MAX_NUMBER: usize = 32;
/// Digits of a Portuguese civil number, without its check digit.
const CIVIL_DIGITS: usize = 8;

/// The names in a certificate, **for display only**: nothing says that the state wrote them.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// Given names and surname as the card shows them.
    pub name: String,
    /// Given names; empty if the certificate has none.
    pub given_name: String,
    /// Surname; empty if the certificate has none.
    pub surname: String,
    /// The civil number.
    pub civil_number: CivilNumber,
}

impl Holder {
    /// Reads the names in the certificate `der` without judging it (V-107).
    ///
    /// # Errors
    /// [`CitizenError::Malformed`] if a name is missing, doubled, too long or not printable.
    pub fn read(der: &[u8]) -> Result<Self, CitizenError> {
        const FORM: CitizenError = CitizenError::Malformed("no certificate in DER");
        if der.len() > MAX_CERTIFICATE {
            return Err(CitizenError::Malformed("longer than 8 KiB"));
        }
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| FORM)?;
        if !rest.is_empty() {
            return Err(FORM);
        }
        let subject = &certificate.subject;
        let number = Zeroizing::new(
            attribute(subject, SERIAL_NUMBER, MAX_NUMBER)?
                .ok_or(CitizenError::Malformed("a subject without a civil number"))?,
        );
        Ok(Self {
            name: attribute(subject, COMMON_NAME, MAX_NAME)?
                .ok_or(CitizenError::Malformed("a subject without a name"))?,
            given_name: attribute(subject, GIVEN_NAME, MAX_NAME)?.unwrap_or_default(),
            surname: attribute(subject, SURNAME, MAX_NAME)?.unwrap_or_default(),
            civil_number: CivilNumber::of(&number),
        })
    }
}

/// Shows that there is a holder, and not who.
impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("civil_number", &self.civil_number).finish_non_exhaustive()
    }
}

/// The number under which the state knows a citizen for life. Wiped when dropped; masked in
/// every text but [`CivilNumber::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct CivilNumber(Zeroizing<String>);

impl CivilNumber {
    /// The civil number in a subject's `serialNumber`: `BI`, 8 digits, and a check digit, of which
    /// the 8 digits are kept; any other text is kept whole (V-107).
    fn of(serial: &str) -> Self {
        let digits = serial.strip_prefix("BI").filter(|rest| {
            rest.len() >= CIVIL_DIGITS && rest.bytes().all(|byte| byte.is_ascii_digit())
        });
        let number = digits.and_then(|digits| digits.get(..CIVIL_DIGITS)).unwrap_or(serial);
        Self(Zeroizing::new(number.to_owned()))
    }

    /// The number itself. Whoever calls this answers for where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The last three characters behind stars, such as `*****601`.
impl fmt::Display for CivilNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.chars().count();
        let hidden = count.saturating_sub(3).max(count.min(5));
        for (position, character) in self.0.chars().enumerate() {
            write!(f, "{}", if position < hidden { '*' } else { character })?;
        }
        Ok(())
    }
}

impl fmt::Debug for CivilNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The one value of an attribute, if it is there (V-107).
fn attribute(
    name: &X509Name<'_>,
    oid: &[u8],
    longest: usize,
) -> Result<Option<String>, CitizenError> {
    let mut values =
        name.iter_attributes().filter(|attribute| attribute.attr_type().as_bytes() == oid);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(CitizenError::Malformed("a subject that says something twice"));
    }
    let text = value.as_str().map_err(|_| CitizenError::Malformed("a subject that is not text"))?;
    if text.is_empty() || text.len() > longest || !text.chars().all(printable) {
        return Err(CitizenError::Malformed("a subject with an empty, long or unprintable text"));
    }
    Ok(Some(text.to_owned()))
}

/// Whether a character is safe on a terminal: no control, and nothing that hides or turns text.
fn printable(character: char) -> bool {
    let hides = matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
            | '\u{e0080}'..='\u{e0fff}'
    );
    !steers(character) && !hides
}

/// The common name of an authority for a message; empty if it has none that can be shown.
pub(super) fn common_name(name: &X509Name<'_>) -> String {
    attribute(name, COMMON_NAME, MAX_NAME).ok().flatten().unwrap_or_default()
}
