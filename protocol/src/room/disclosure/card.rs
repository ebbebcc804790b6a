//! What a citizen card adds to a disclosure, and how far it may be believed (SPEC 8).
//!
//! Two things are kept apart wherever they are shown: what the state certifies, which is what the
//! certificate says, and what the holder states under the card's signature, which the state does
//! not vouch for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::trust::citizen::{CardKey, Citizen, CitizenError, StatePki};
use crate::value::clock::Time;
use crate::value::codec::{from_base64url, to_base64url};
use crate::value::label;

/// The card's part of the claims, in this member order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardClaims {
    /// The card's authentication certificate: DER, base64url; at most
    /// [`label::MAX_DISCLOSED_CARD`] bytes. It names its holder and their civil number.
    pub certificate: String,
    /// What the holder chose to state beyond it, each name once.
    pub attributes: Vec<Stated>,
}

impl CardClaims {
    /// The claims of a card with this certificate in DER.
    #[must_use]
    pub fn new(certificate: &[u8], attributes: Vec<Stated>) -> Self {
        Self { certificate: to_base64url(certificate), attributes }
    }

    /// The certificate in DER, if these claims have the shape they must have (V-120).
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        let once = |stated: &Stated| {
            self.attributes.iter().filter(|other| other.name == stated.name).count() == 1
        };
        let certificate = from_base64url(&self.certificate).ok()?;
        let fits = certificate.len() <= label::MAX_DISCLOSED_CARD;
        (fits && self.attributes.iter().all(once)).then_some(certificate)
    }
}

impl fmt::Debug for CardClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardClaims(..)")
    }
}

/// What may be stated of the card's identity file beside the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attribute {
    /// Day of birth.
    BirthDate,
    /// Country code.
    Nationality,
    /// Letter.
    Sex,
    /// Number of the document, which changes with each card.
    DocumentNumber,
    /// Last day of the card.
    CardExpiry,
}

/// A name that no attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attribute is birth-date, nationality, sex, document-number or card-expiry")]
pub struct AttributeError;

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BirthDate, Self::Nationality, Self::Sex, Self::DocumentNumber, Self::CardExpiry];

    /// Its name in commands and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BirthDate => "birth-date",
            Self::Nationality => "nationality",
            Self::Sex => "sex",
            Self::DocumentNumber => "document-number",
            Self::CardExpiry => "card-expiry",
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Attribute {
    type Err = AttributeError;
    fn from_str(text: &str) -> Result<Self, AttributeError> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(AttributeError)
    }
}

/// One attribute as its holder states it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// Which.
    pub name: Attribute,
    /// What the card's identity file says of it.
    pub value: Value,
}

impl fmt::Debug for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stated").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Value of an attribute: 1 to [`Value::MAX`] of letters and digits of ASCII, space, `-`, `.`, `/`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Value(String);

/// A value that is empty, too long, or has other characters than attributes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attribute has 1 to {} letters, digits, spaces, points, slashes or hyphens", Value::MAX)]
pub struct ValueError;

impl Value {
    /// Most characters: what the longest such field of a card holds.
    pub const MAX: usize = 28;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

impl TryFrom<String> for Value {
    type Error = ValueError;
    fn try_from(text: String) -> Result<Self, ValueError> {
        let known =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'/');
        if (1..=Self::MAX).contains(&text.len()) && text.bytes().all(known) {
            Ok(Self(text))
        } else {
            Err(ValueError)
        }
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.0
    }
}

/// A card that signed a disclosure: the signature holds. Whose it is, the verdict says.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownCard {
    /// Its authentication certificate in DER.
    pub certificate: Vec<u8>,
    /// Whether the state certifies it.
    pub verdict: CardVerdict,
    /// What the holder states beyond the certificate. The state vouches for none of it.
    pub stated: Vec<Stated>,
}

impl fmt::Debug for ShownCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownCard(..)")
    }
}

/// Whether the state certifies a card, as far as whoever reads it can tell (V-122).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardVerdict {
    /// The chain to one of the reader's anchors held at the time of the disclosure's stamp.
    Holds(Box<Citizen>),
    /// The reader has no anchors to judge by: whatever the certificate says may be invented.
    Unjudged,
    /// The chain does not hold.
    DoesNotHold(CitizenError),
}

impl CardVerdict {
    /// Judges the certificate of a card that signed at `at`, by the lists valid at `read`.
    #[must_use]
    pub fn of(certificate: &[u8], state: Option<&StatePki>, at: Time, read: Time) -> Self {
        let Some(state) = state else { return Self::Unjudged };
        // Nothing is sent beside the certificate: the reader holds the authorities in between.
        match state.verify_later(certificate, &[], at, read) {
            Ok(citizen) => Self::Holds(Box::new(citizen)),
            Err(error) => Self::DoesNotHold(error),
        }
    }
}

/// Verifies a card's signature by the key in its certificate, which is not judged (V-121).
pub(super) fn verify_signature(
    certificate: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CitizenError> {
    CardKey::read(certificate)?.verify(message, signature)
}
