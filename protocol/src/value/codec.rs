//! Binary fields in JSON: canonical base64url without padding, of one fixed size.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha256};

/// base64url, no padding, and no second encoding of the same bytes.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// A field that is not canonical base64url or hexadecimal of the expected size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical encoding of {expected} bytes")]
pub struct EncodingError {
    /// How many bytes were expected; 0 where any number is allowed.
    pub expected: usize,
}

/// Encodes bytes as base64url without padding.
#[must_use]
pub fn to_base64url(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

/// For members that are there only where they say `true`.
#[must_use]
pub const fn is_false(value: &bool) -> bool {
    !*value
}

/// Decodes base64url of any length.
///
/// # Errors
/// [`EncodingError`] if the text is not the canonical encoding of any bytes.
pub fn from_base64url(text: &str) -> Result<Vec<u8>, EncodingError> {
    BASE64URL.decode(text).map_err(|_| EncodingError { expected: 0 })
}

/// Decodes base64url of exactly `N` bytes.
///
/// # Errors
/// [`EncodingError`] if the text is not the canonical encoding of `N` bytes.
pub fn array_from_base64url<const N: usize>(text: &str) -> Result<[u8; N], EncodingError> {
    let error = EncodingError { expected: N };
    let mut bytes = [0_u8; N];
    let written = BASE64URL.decode_slice(text, &mut bytes).map_err(|_| error)?;
    if written == N { Ok(bytes) } else { Err(error) }
}

/// Decodes lower-case hexadecimal of exactly `N` bytes.
///
/// # Errors
/// [`EncodingError`] if the text has another length, upper-case digits or other characters.
pub fn array_from_hex<const N: usize>(text: &str) -> Result<[u8; N], EncodingError> {
    let error = EncodingError { expected: N };
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(error);
    }
    let mut bytes = [0_u8; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| error)?;
    Ok(bytes)
}

/// Gives a tuple struct around a byte array its text form: `Display`, `FromStr` and serde.
macro_rules! text_form {
    ($type:ty, $size:expr, $encode:path, $decode:path) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&zeroize::Zeroizing::new($encode(&self.0)))
            }
        }
        impl std::str::FromStr for $type {
            type Err = $crate::value::codec::EncodingError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $decode(text).map(Self)
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // Some of these are keys: what they are written as is wiped like them.
                serializer.serialize_str(&zeroize::Zeroizing::new($encode(&self.0)))
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                let read = $decode(&text).map(Self).map_err(serde::de::Error::custom);
                if let std::borrow::Cow::Owned(mut copy) = text {
                    zeroize::Zeroize::zeroize(&mut copy);
                }
                read
            }
        }
    };
}
pub(crate) use text_form;

/// A SHA-256 digest; base64url in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

text_form!(Digest, 32, to_base64url, array_from_base64url::<32>);

impl Digest {
    /// SHA-256 of `bytes`, with no label: for digests whose format is fixed elsewhere.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// SHA-256 of a label followed by `bytes` (SPEC 2).
    #[must_use]
    pub fn labelled(label: &str, bytes: &[u8]) -> Self {
        Self(Sha256::new().chain_update(label).chain_update(bytes).finalize().into())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Bytes of any length as one base64url string.
pub mod base64url_bytes {
    use super::{from_base64url, to_base64url};
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes the string.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64url(bytes))
    }

    /// Reads the string.
    ///
    /// # Errors
    /// If it is not canonical base64url.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        from_base64url(&text).map_err(serde::de::Error::custom)
    }
}

/// A list of byte strings, each in base64url.
pub mod base64url_list {
    use super::{from_base64url, to_base64url};
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes the list.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|bytes| to_base64url(bytes)))
    }

    /// Reads the list.
    ///
    /// # Errors
    /// If one of them is not canonical base64url.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let read = texts.iter().map(|text| from_base64url(text).map_err(serde::de::Error::custom));
        read.collect()
    }
}

/// A sequence of hashes as one base64url string of 32 bytes each: a proof's path.
pub mod hashes {
    use super::{Digest, from_base64url, to_base64url};
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes the hashes one after another.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(path: &[Digest], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = path.iter().flat_map(|hash| hash.0).collect();
        serializer.serialize_str(&to_base64url(&bytes))
    }

    /// Reads hashes; a length that is no multiple of 32 bytes is an error.
    ///
    /// # Errors
    /// Those of the deserializer, and text that is no canonical sequence of hashes.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Digest>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = from_base64url(&text).map_err(serde::de::Error::custom)?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if rest.is_empty() {
            Ok(hashes.iter().copied().map(Digest).collect())
        } else {
            Err(serde::de::Error::custom("a path is not a whole number of hashes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_encoding_of_the_same_bytes_is_refused() {
        let canonical = to_base64url(&[0xff]);
        assert_eq!(canonical, "_w");
        assert!(array_from_base64url::<1>("_w").is_ok());
        for other in ["_x", "_w==", "/w", "_w ", "_", "", "_wA"] {
            assert!(array_from_base64url::<1>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn hexadecimal_is_lower_case_and_of_full_length() {
        assert_eq!(array_from_hex::<2>("00ff"), Ok([0, 255]));
        for other in ["00FF", "00f", "00ff0", "00fg", ""] {
            assert!(array_from_hex::<2>(other).is_err(), "{other}");
        }
    }
}
