//! The algorithms of the state's PKI, and the key of a card.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::aws_lc_rs as algorithm;
use x509_parser::asn1_rs::{Any, FromDer as _};
use x509_parser::public_key::RSAPublicKey;

use super::CitizenError;
use super::form::Form;

/// What authorities may sign with (V-105): nothing with SHA-1, no RSA key below 2048 bits.
///
/// P-521 with SHA-256 is what "Cartão de Cidadão 008" signs the authorities of the newest cards
/// with.
pub(super) static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 12] = [
    algorithm::RSA_PKCS1_2048_8192_SHA256,
    algorithm::RSA_PKCS1_2048_8192_SHA384,
    algorithm::RSA_PKCS1_2048_8192_SHA512,
    algorithm::ECDSA_P256_SHA256,
    algorithm::ECDSA_P256_SHA384,
    algorithm::ECDSA_P256_SHA512,
    algorithm::ECDSA_P384_SHA256,
    algorithm::ECDSA_P384_SHA384,
    algorithm::ECDSA_P384_SHA512,
    algorithm::ECDSA_P521_SHA256,
    algorithm::ECDSA_P521_SHA384,
    algorithm::ECDSA_P521_SHA512,
];

/// Verifies `signature` over `message` by the key of the certificate `certificate`, with an
/// algorithm of the state's PKI (V-105).
///
/// `algorithm` is the DER of the AlgorithmIdentifier beside the signature, in a
/// revocation list or in an OCSP answer. The certificate itself is not judged here.
///
/// # Errors
/// [`CitizenError::Malformed`], [`CitizenError::Algorithm`], [`CitizenError::Signature`].
pub fn verify_signed(
    certificate: &[u8],
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CitizenError> {
    let form = Form::read(certificate)?;
    let (rest, algorithm) = Any::from_der(algorithm).map_err(|_| ALGORITHM_FORM)?;
    if !rest.is_empty() {
        return Err(ALGORITHM_FORM);
    }
    verify(&form.key, algorithm.data, message, signature)
}

const ALGORITHM_FORM: CitizenError = CitizenError::Malformed("algorithm identifier");

/// As [`verify_signed`], with the issuer's SubjectPublicKeyInfo and the content of the
/// AlgorithmIdentifier.
pub(super) fn verify(
    key: &[u8],
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CitizenError> {
    let (kind, bits) = parts(key)?;
    let known = ALGORITHMS.iter().find(|known| {
        known.signature_alg_id().as_ref() == algorithm && known.public_key_alg_id().as_ref() == kind
    });
    let known = known.ok_or(CitizenError::Algorithm("of a signature in the state's PKI"))?;
    known.verify_signature(bits, message, signature).map_err(|_| CitizenError::Signature)
}

/// A SubjectPublicKeyInfo taken apart: the content of its AlgorithmIdentifier, and the key.
fn parts(key: &[u8]) -> Result<(&[u8], &[u8]), CitizenError> {
    const KEY: CitizenError = CitizenError::Malformed("public key");
    let (_, key) = Any::from_der(key).map_err(|_| KEY)?;
    let (rest, kind) = Any::from_der(key.data).map_err(|_| KEY)?;
    let (rest, bits) = Any::from_der(rest).map_err(|_| KEY)?;
    let (unused, bits) = bits.data.split_first().ok_or(KEY)?;
    if rest.is_empty() && *unused == 0 { Ok((kind.data, bits)) } else { Err(KEY) }
}

/// The public key of a citizen card, of a kind that cards have (V-108).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardKey {
    kind: KeyKind,
    /// RSAPublicKey in DER, or the uncompressed point.
    public: Vec<u8>,
}

/// What kind of key a card has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Cards until 2024: PKCS#1 v1.5 with SHA-256.
    Rsa {
        /// Length of the modulus in bits, from 2048 to 4096.
        bits: usize,
    },
    /// Cards from 2024 on: ECDSA over P-256 with SHA-256.
    P256,
}

const SHORTEST_RSA: usize = 2048;
const LONGEST_RSA: usize = 4096;

impl CardKey {
    /// The key in a certificate, which is not judged here.
    ///
    /// # Errors
    /// [`CitizenError::Malformed`], [`CitizenError::Algorithm`] for other keys than cards have.
    pub fn read(certificate: &[u8]) -> Result<Self, CitizenError> {
        Self::of(&Form::read(certificate)?)
    }

    pub(super) fn of(form: &Form) -> Result<Self, CitizenError> {
        const OTHER: CitizenError =
            CitizenError::Algorithm("the card's key is neither RSA 2048 to 4096 nor P-256");
        let (kind, public) = parts(&form.key)?;
        let kind = if kind == algorithm::ECDSA_P256_SHA256.public_key_alg_id().as_ref() {
            KeyKind::P256
        } else if kind == algorithm::RSA_PKCS1_2048_8192_SHA256.public_key_alg_id().as_ref() {
            let (_, rsa) = RSAPublicKey::from_der(public).map_err(|_| OTHER)?;
            KeyKind::Rsa { bits: bit_length(rsa.modulus) }
        } else {
            return Err(OTHER);
        };
        let fits = match kind {
            KeyKind::Rsa { bits } => (SHORTEST_RSA..=LONGEST_RSA).contains(&bits),
            KeyKind::P256 => true,
        };
        let public = public.to_vec();
        let key = Self { kind, public };
        if fits && ParsedPublicKey::new(key.algorithm(), &key.public).is_ok() {
            Ok(key)
        } else {
            Err(OTHER)
        }
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Bytes of every signature by this key.
    #[must_use]
    pub const fn signature_size(&self) -> usize {
        match self.kind {
            KeyKind::Rsa { bits } => bits.div_ceil(8),
            KeyKind::P256 => 64,
        }
    }

    fn algorithm(&self) -> &'static dyn VerificationAlgorithm {
        match self.kind {
            KeyKind::Rsa { .. } => &RSA_PKCS1_2048_8192_SHA256,
            KeyKind::P256 => &ECDSA_P256_SHA256_FIXED,
        }
    }

    /// Verifies a signature as cards make them: SHA-256 over `message`, then PKCS#1 v1.5 or
    /// ECDSA as 64 bytes `r ‖ s`, big-endian (V-108).
    ///
    /// # Errors
    /// [`CitizenError::Signature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CitizenError> {
        let key = ParsedPublicKey::new(self.algorithm(), &self.public)
            .map_err(|_| CitizenError::Signature)?;
        key.verify_sig(message, signature).map_err(|_| CitizenError::Signature)
    }
}

/// Bits of a big-endian number.
fn bit_length(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    let bits = number.len().saturating_sub(zeros).saturating_mul(8);
    bits.saturating_sub(usize::try_from(first).unwrap_or(0))
}
