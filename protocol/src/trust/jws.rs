//! The one signed container: compact JWS (RFC 7515) with EdDSA (RFC 8037), read strictly.
//!
//! A header has no freedom: it is rebuilt from the expected type and key and compared as bytes.
//! So nothing in it is ever parsed, `alg` cannot be chosen by the sender, and two encodings of
//! the same statement do not exist. What is signed and hashed is what was transmitted.

use crate::trust::key::{KeyError, OneTime, PublicKey, Purpose, SecretKey, Signature};
use crate::value::codec::{array_from_base64url, from_base64url, to_base64url};

/// Why a compact JWS was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Longer than its kind allows.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// Not three canonical base64url parts.
    #[error("not a compact JWS")]
    Malformed,
    /// The protected header is not exactly the expected one.
    #[error("another protected header than the expected one")]
    Header,
    /// The signature does not verify.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A compact JWS taken apart, not yet verified.
#[derive(Debug, Clone, Copy)]
pub struct Unverified<'a> {
    header: &'a str,
    payload: &'a str,
    signing_input: &'a str,
    signature: Signature,
}

impl<'a> Unverified<'a> {
    /// Splits a compact JWS of at most `max` bytes.
    ///
    /// # Errors
    /// [`JwsError::TooLong`] and [`JwsError::Malformed`].
    pub fn parse(compact: &'a str, max: usize) -> Result<Self, JwsError> {
        if compact.len() > max {
            return Err(JwsError::TooLong { max });
        }
        let (signing_input, signature) = compact.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        if payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        let signature = array_from_base64url(signature).map_err(|_| JwsError::Malformed)?;
        Ok(Self { header, payload, signing_input, signature: Signature(signature) })
    }

    /// Verifies against a known key and gives the payload.
    ///
    /// # Errors
    /// [`JwsError::Header`] if type or key differ, [`JwsError::Key`] if the signature does.
    pub fn verify<P: Purpose>(self, typ: &str, key: &PublicKey<P>) -> Result<Vec<u8>, JwsError> {
        if self.header != keyed_header(typ, key) {
            return Err(JwsError::Header);
        }
        self.finish(key)
    }

    /// Verifies against the one-time key inside the header and gives key and payload.
    ///
    /// # Errors
    /// As [`Unverified::verify`].
    pub fn verify_embedded(self, typ: &str) -> Result<(PublicKey<OneTime>, Vec<u8>), JwsError> {
        let header = from_base64url(self.header).map_err(|_| JwsError::Malformed)?;
        let x = header
            .strip_prefix(embedded_prefix(typ).as_bytes())
            .and_then(|rest| rest.strip_suffix(EMBEDDED_SUFFIX.as_bytes()))
            .and_then(|x| std::str::from_utf8(x).ok())
            .and_then(|x| array_from_base64url(x).ok())
            .ok_or(JwsError::Header)?;
        let key = PublicKey::from_bytes(x);
        Ok((key, self.finish(&key)?))
    }

    fn finish<P: Purpose>(self, key: &PublicKey<P>) -> Result<Vec<u8>, JwsError> {
        let payload = from_base64url(self.payload).map_err(|_| JwsError::Malformed)?;
        key.verify(self.signing_input.as_bytes(), &self.signature)?;
        Ok(payload)
    }
}

/// The payload of a compact JWS, without verifying it: for finding out which key to ask for.
///
/// # Errors
/// [`JwsError::TooLong`] and [`JwsError::Malformed`].
pub fn dangerous_payload(compact: &str, max: usize) -> Result<Vec<u8>, JwsError> {
    let parts = Unverified::parse(compact, max)?;
    from_base64url(parts.payload).map_err(|_| JwsError::Malformed)
}

/// Signs `payload` with a key that readers know by its fingerprint.
#[must_use]
pub fn sign<P: Purpose>(typ: &str, payload: &[u8], key: &SecretKey<P>) -> String {
    assemble(&keyed_header(typ, &key.public()), payload, |input| key.sign(input))
}

/// Signs `payload` with a one-time key that travels in the header.
pub(crate) fn sign_embedded(
    typ: &str,
    payload: &[u8],
    key: &PublicKey<OneTime>,
    sign: impl FnOnce(&[u8]) -> Signature,
) -> String {
    let header = format!("{}{key}{EMBEDDED_SUFFIX}", embedded_prefix(typ));
    assemble(&to_base64url(header.as_bytes()), payload, sign)
}

fn assemble(header: &str, payload: &[u8], sign: impl FnOnce(&[u8]) -> Signature) -> String {
    let mut compact = format!("{header}.{}", to_base64url(payload));
    let signature = sign(compact.as_bytes());
    compact.push('.');
    compact.push_str(&to_base64url(&signature.0));
    compact
}

fn keyed_header<P: Purpose>(typ: &str, key: &PublicKey<P>) -> String {
    let header = format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"{}"}}"#, key.fingerprint());
    to_base64url(header.as_bytes())
}

fn embedded_prefix(typ: &str) -> String {
    format!(r#"{{"alg":"EdDSA","typ":"{typ}","jwk":{{"kty":"OKP","crv":"Ed25519","x":""#)
}

const EMBEDDED_SUFFIX: &str = r#""}}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::key::{EntryKey, StampKey};

    fn verified(compact: &str, typ: &str, seed: u8) -> Result<Vec<u8>, JwsError> {
        let key = SecretKey::<EntryKey>::from_seed(&[seed; 32]).public();
        Unverified::parse(compact, 4096)?.verify(typ, &key)
    }

    #[test]
    fn another_type_key_or_purpose_is_refused() {
        let compact = sign("a", b"payload", &SecretKey::<EntryKey>::from_seed(&[1; 32]));
        assert_eq!(verified(&compact, "a", 1), Ok(b"payload".to_vec()));
        assert_eq!(verified(&compact, "b", 1), Err(JwsError::Header));
        assert_eq!(verified(&compact, "a", 2), Err(JwsError::Header));
        let stamp = SecretKey::<StampKey>::from_seed(&[1; 32]);
        assert_ne!(sign("b", b"payload", &stamp), compact);
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let compact = sign("a", b"payload", &SecretKey::<EntryKey>::from_seed(&[1; 32]));
        for at in 0..compact.len() {
            let mut bytes = compact.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verified(&changed, "a", 1).is_err(), "position {at}");
        }
    }

    #[test]
    fn garbage_and_oversize_are_refused() {
        for text in ["", ".", "..", "...", "a.b", "a.b.c.d", "é.é.é", "e30.e30."] {
            assert!(verified(text, "a", 1).is_err(), "{text}");
        }
        let compact = sign("a", &[b'x'; 9000], &SecretKey::<EntryKey>::from_seed(&[1; 32]));
        assert_eq!(verified(&compact, "a", 1), Err(JwsError::TooLong { max: 4096 }));
    }
}
