//! The small parts of a letter.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ContentError;
use crate::letter::proof::BoxKeys;
use crate::log::RoomName;
use crate::trust::agreement::AgreementPublic;
use crate::trust::key::{BoxKey, PublicKey};
use crate::value::codec::{Digest, array_from_base64url, text_form, to_base64url};
use crate::value::label;
use crate::value::text::Text;

/// Whom a letter's proof convinces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everybody to whom it is shown: a signature.
    Evidence,
    /// Its reader and nobody else, for the reader could have made it: a MAC.
    Deniable,
}

/// The box of whoever writes, in this member order: where answers go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Name of the box.
    #[serde(rename = "box")]
    pub name: RoomName,
    /// Where the broker that keeps it is reached.
    pub broker: BrokerAddress,
    /// The key by which its letters are evidence.
    pub key: PublicKey<BoxKey>,
    /// The key by which its letters convince their reader.
    pub agreement: AgreementPublic,
}

impl Address {
    /// What is compared with what the address book, or the box's opening, says.
    #[must_use]
    pub const fn keys(&self) -> BoxKeys {
        BoxKeys { name: self.name, key: self.key, agreement: self.agreement }
    }
}

/// Takes a text over if `accepts` does, with the forms that JSON needs.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ContentError;
            fn try_from(text: String) -> Result<Self, ContentError> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(&text) { Ok(Self(text)) } else { Err(ContentError::Part(stringify!($name))) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

/// Most characters of a broker's address.
const MAX_BROKER: usize = 200;
/// Most characters of the name of an attachment.
const MAX_NAME: usize = 120;
/// Most characters of a media type.
const MAX_MEDIA_TYPE: usize = 100;

checked_text!(
    /// Where a broker is reached, as peers write it: 1 to 200 visible characters of ASCII, no space.
    BrokerAddress,
    |text| (1..=MAX_BROKER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
);

checked_text!(
    /// Name of an attached file: a text of 1 to 120 characters without `/` and `\`, not beginning with a full stop, so
    /// that it names no folder and hides nothing wherever it is saved.
    FileName,
    |text| {
        let plain = Text::<MAX_NAME>::try_from(text.to_owned()).is_ok();
        plain && !text.starts_with('.') && !text.contains(['/', '\\'])
    }
);

checked_text!(
    /// What an attached file says it is: `type/subtype` in lower case (RFC 6838), at most 100 characters, no parameters.
    MediaType,
    |text| {
        let known = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$&-^_.+".contains(&byte)
        };
        let named = |part: &str| {
            let first = part.bytes().next();
            first.is_some_and(|byte| byte.is_ascii_alphanumeric()) && part.bytes().all(known)
        };
        let parts = text.split_once('/');
        text.len() <= MAX_MEDIA_TYPE && parts.is_some_and(|(kind, sub)| named(kind) && named(sub))
    }
);

/// 32 random bytes that keep the hash of a letter from telling what is in it. Wiped when dropped, hidden from `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Salt(pub [u8; 32]);

text_form!(Salt, 32, to_base64url, array_from_base64url::<32>);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// The key that opens one attached blob. Wiped when dropped, hidden from `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct BlobKey(pub [u8; 32]);

text_form!(BlobKey, 32, to_base64url, array_from_base64url::<32>);

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobKey(..)")
    }
}

/// A file beside a letter, kept as a sealed blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Its name.
    pub name: FileName,
    /// What it says it is.
    pub media_type: MediaType,
    /// SHA-256 of the sealed blob.
    pub digest: Digest,
    /// Size of the file, in bytes.
    pub size: u64,
    /// What opens the blob.
    pub key: BlobKey,
}

impl Attachment {
    /// Largest size that is exact in every JSON reader.
    pub(super) const MAX_SIZE: u64 = label::MAX_AMOUNT;
}
