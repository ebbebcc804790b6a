//! Who vouches for a key: X.509 certificates of the CA, read strictly (SPEC 3.2).
//!
//! The CA certifies personas, and the keys the TSA signs tickets, stamps and other things with. Each
//! certificate names one purpose in a critical extension, so that a key certified for one thing
//! is refused for another. Only the exact profile of our CA is accepted: nothing a parser is
//! lenient about, and nothing that could tell one persona's certificate from another's.
//!
//! Trusts the x509-parser crate to take the encoding apart; signatures are verified again here,
//! strictly, because other libraries accept keys that [`PublicKey::verify`] refuses.
//!
//! [`ticket`] is the session ticket (JWT) and the proof that earns one; [`crate::trust::jwks`] leads from a
//! pinned CA to the TSA's keys.

use std::time::Duration;

use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::X509Extension;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name, X509Version};

use crate::trust::key::{
    Authority, Enrolment, KeyError, Persona, PublicKey, Purpose, Signature, StampKey, Ticket,
    WitnessKey,
};
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label;

pub mod ticket;

/// Common name of a CA that certifies for real time.
pub const AUTHORITY_NAME: &str = "pregao CA";
/// Common name of a CA whose clock can be set: all it certifies is play.
pub const SIMULATED_AUTHORITY_NAME: &str = "pregao CA (simulated)";

/// How long a persona's certificate is valid.
pub const PERSONA_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
/// How long a certificate of the TSA's own keys is valid.
pub const PURPOSE_LIFETIME: Duration = Duration::from_secs(365 * 86_400);
/// How long the CA's certificate is valid.
pub const AUTHORITY_LIFETIME: Duration = Duration::from_secs(3_650 * 86_400);

/// A purpose the CA certifies keys for.
pub trait Certified: Purpose {
    /// The fixed subject: common name of every certificate of this purpose.
    const SUBJECT: &'static str;
    /// Value of the extended-key-usage extension, in DER: a sequence of one object identifier.
    ///
    /// The identifiers are 2.25.9235162189116923262505617484516519951.{1,2,3,4,5}, an arc made of
    /// the UUID 06f2a0a6-784c-4bed-bcee-1552140d700f as ITU-T X.667 allows.
    const USAGE: &'static [u8];
    /// Whether tokens buy it (V-221).
    const MAY_BE_BOUGHT: bool = false;
}

macro_rules! usage {
    ($last:literal) => {
        &[
            0x30, 22, 0x06, 20, 0x69, 0x8d, 0xf2, 0xd0, 0xa9, 0xcf, 0x84, 0xe2, 0xaf, 0xdb, 0xbc,
            0xf7, 0x85, 0xaa, 0xa1, 0xa0, 0xb5, 0xe0, 0x0f, $last,
        ]
    };
}

impl Certified for Persona {
    const SUBJECT: &'static str = "pregao persona";
    const USAGE: &'static [u8] = usage!(1);
    const MAY_BE_BOUGHT: bool = true;
}

impl Certified for Ticket {
    const SUBJECT: &'static str = "pregao ticket";
    const USAGE: &'static [u8] = usage!(2);
}

impl Certified for StampKey {
    const SUBJECT: &'static str = "pregao stamp";
    const USAGE: &'static [u8] = usage!(3);
}

impl Certified for Enrolment {
    const SUBJECT: &'static str = "pregao enrolment";
    const USAGE: &'static [u8] = usage!(4);
}

impl Certified for WitnessKey {
    const SUBJECT: &'static str = "pregao witness";
    const USAGE: &'static [u8] = usage!(5);
}

/// Why a certificate or a request for one was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// No DER or PEM of the expected kind, or longer than [`label::MAX_CERTIFICATE`].
    #[error("not a well-formed {0}")]
    Malformed(&'static str),
    /// Well-formed, but not what our CA makes or takes.
    #[error("not of the expected profile: {0}")]
    Profile(&'static str),
    /// Issued by, or claiming to be issued by, another authority than the expected one.
    #[error("not signed by the expected authority")]
    Authority,
    /// The request is not signed by the key it contains.
    #[error("the request is not signed with the key it asks a certificate for")]
    Possession,
    /// The period of validity has ended.
    #[error("expired at {not_after}")]
    Expired {
        /// The last instant of validity.
        not_after: Time,
    },
    /// The period of validity is still to come.
    #[error("not valid before {not_before}")]
    NotYetValid {
        /// The first instant of validity.
        not_before: Time,
    },
    /// Certified for something else.
    #[error("not a certificate for the purpose {expected}")]
    Purpose {
        /// The purpose that was asked for.
        expected: &'static str,
    },
    /// The certified key is of small order or has a torsion component.
    #[error("the key is not one that an honest program makes")]
    WeakKey,
}

/// A certificate that passed every check.
#[derive(Debug)]
pub struct PurposeCertificate<P: Purpose> {
    /// The certified key.
    pub key: PublicKey<P>,
    /// The last instant of validity.
    pub not_after: Time,
    /// Whether the CA says of itself that its time is simulated.
    pub simulated: bool,
    /// Name of the issuer whose token bought it; none if it is not a persona's, or was had without a token (V-221).
    pub issuer: Option<Digest>,
}

impl<P: Purpose> Clone for PurposeCertificate<P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P: Purpose> Copy for PurposeCertificate<P> {}
impl<P: Purpose> PartialEq for PurposeCertificate<P> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
            && self.not_after == other.not_after
            && self.simulated == other.simulated
            && self.issuer == other.issuer
    }
}
impl<P: Purpose> Eq for PurposeCertificate<P> {}

/// A persona's certificate that passed every check.
pub type PersonaCertificate = PurposeCertificate<Persona>;

/// The CA's own certificate, checked for form, self-signature and validity.
///
/// Whether this is the *right* CA is for the caller to decide by its fingerprint.
pub type AuthorityCertificate = PurposeCertificate<Authority>;

/// Verifies a persona's certificate (V-005).
///
/// # Errors
/// [`CertificateError`] naming the first rule that is broken.
pub fn verify_persona_certificate(
    der: &[u8],
    authority: &PublicKey<Authority>,
    now: Time,
) -> Result<PersonaCertificate, CertificateError> {
    verify_purpose_certificate::<Persona>(der, authority, now)
}

/// Verifies a certificate for the purpose `P` (V-005, V-006).
///
/// # Errors
/// [`CertificateError`] naming the first rule that is broken.
pub fn verify_purpose_certificate<P: Certified>(
    der: &[u8],
    authority: &PublicKey<Authority>,
    now: Time,
) -> Result<PurposeCertificate<P>, CertificateError> {
    let certificate = parse_signed(der, authority)?;
    let simulated = issuer(&certificate)?;
    let (bought_by, extensions) = bought_by::<P>(certificate.extensions())?;
    require_extensions(
        extensions,
        &[
            (AUTHORITY_KEY_IDENTIFIER, Value::Any),
            (KEY_USAGE, Value::Is(DIGITAL_SIGNATURE)),
            (EXTENDED_KEY_USAGE, Value::Any),
        ],
    )?;
    let usage = extensions.last().ok_or(NO_EXTENSIONS)?;
    if usage.value != P::USAGE || common_name(&certificate.subject) != Some(P::SUBJECT) {
        return Err(CertificateError::Purpose { expected: P::NAME });
    }
    let not_after = require_validity(&certificate, now)?;
    let key = certified_key(&certificate.subject_pki)?;
    Ok(PurposeCertificate { key, not_after, simulated, issuer: bought_by })
}

/// Takes off what a persona's certificate says of the token that bought it, if it says so (V-221).
fn bought_by<'a, P: Certified>(
    extensions: &'a [X509Extension<'a>],
) -> Result<(Option<Digest>, &'a [X509Extension<'a>]), CertificateError> {
    let Some((last, before)) = extensions.split_last().filter(|_| P::MAY_BE_BOUGHT) else {
        return Ok((None, extensions));
    };
    if last.oid.as_bytes() != CERTIFICATE_POLICIES {
        return Ok((None, extensions));
    }
    let name = last.value.strip_prefix(&BOUGHT_BY).and_then(|name| name.try_into().ok());
    let name: Option<[u8; 32]> = name.filter(|_| last.critical);
    Ok((Some(Digest(name.ok_or(NO_EXTENSIONS)?)), before))
}

/// Verifies the CA's self-signed certificate (V-007). Compare its key with what you pinned.
///
/// # Errors
/// [`CertificateError`] naming the first rule that is broken.
pub fn verify_authority_certificate(
    der: &[u8],
    now: Time,
) -> Result<AuthorityCertificate, CertificateError> {
    let claimed = parse(der)?;
    let key: PublicKey<Authority> = certified_key(&claimed.subject_pki)?;
    let certificate = parse_signed(der, &key)?;
    let simulated = issuer(&certificate)?;
    if certificate.subject.as_raw() != certificate.issuer.as_raw() {
        return Err(CertificateError::Profile("the CA's certificate is not self-signed"));
    }
    require_extensions(
        certificate.extensions(),
        &[
            (KEY_USAGE, Value::Is(SIGN_CERTIFICATES)),
            (SUBJECT_KEY_IDENTIFIER, Value::Any),
            (BASIC_CONSTRAINTS, Value::Is(AUTHORITY_WITHOUT_INTERMEDIATES)),
        ],
    )?;
    let not_after = require_validity(&certificate, now)?;
    Ok(PurposeCertificate { key, not_after, simulated, issuer: None })
}

/// Verifies a PKCS#10 request and gives the key it proves possession of (V-008).
///
/// Subject, attributes and requested extensions are ignored: they would make certificates
/// differ from each other.
///
/// # Errors
/// [`CertificateError::Malformed`], [`CertificateError::Profile`] for other keys than Ed25519,
/// [`CertificateError::WeakKey`] and [`CertificateError::Possession`].
pub fn verify_csr(der: &[u8]) -> Result<PublicKey<Persona>, CertificateError> {
    const WHAT: CertificateError = CertificateError::Malformed("PKCS#10 certification request");
    if der.len() > label::MAX_CERTIFICATE {
        return Err(WHAT);
    }
    let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| WHAT)?;
    if !rest.is_empty() {
        return Err(WHAT);
    }
    let info = &request.certification_request_info;
    require_ed25519(&request.signature_algorithm)?;
    let key: PublicKey<Persona> = certified_key(&info.subject_pki)?;
    let signature = signature_of(&request.signature_value.data)?;
    key.verify(info.raw, &signature).map_err(|_| CertificateError::Possession)?;
    Ok(key)
}

/// The DER inside the first PEM block of `text`, which must be of the kind `label`
/// (`CERTIFICATE`, `CERTIFICATE REQUEST`).
///
/// # Errors
/// [`CertificateError::Malformed`].
pub fn pem_to_der(text: &str, label: &'static str) -> Result<Vec<u8>, CertificateError> {
    let malformed = CertificateError::Malformed(label);
    let (rest, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes()).map_err(|_| malformed)?;
    if pem.label == label && rest.trim_ascii().is_empty() {
        Ok(pem.contents)
    } else {
        Err(malformed)
    }
}

/// The hash that ticket and proof call a certificate by: SHA-256 of its DER (RFC 8705).
#[must_use]
pub fn certificate_hash(der: &[u8]) -> Digest {
    Digest::of(der)
}

const MALFORMED: CertificateError = CertificateError::Malformed("certificate");
const NO_EXTENSIONS: CertificateError = CertificateError::Profile("extensions");

/// Object identifiers in DER, without tag and length.
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 0x20];

/// Of the certificate policies of a persona that was bought with a token all but the last 32 bytes, the issuer's name (V-221):
/// one policy, 2.25.9235162189116923262505617484516519951.6, with one qualifier of that identifier, an octet string.
const BOUGHT_BY: [u8; 54] = [
    0x30, 0x54, 0x30, 0x52, // the policies, and the one
    0x06, 20, 0x69, 0x8d, 0xf2, 0xd0, 0xa9, 0xcf, 0x84, 0xe2, 0xaf, 0xdb, 0xbc, 0xf7, 0x85, 0xaa,
    0xa1, 0xa0, 0xb5, 0xe0, 0x0f, 6, //
    0x30, 0x3a, 0x30, 0x38, // its qualifiers, and the one
    0x06, 20, 0x69, 0x8d, 0xf2, 0xd0, 0xa9, 0xcf, 0x84, 0xe2, 0xaf, 0xdb, 0xbc, 0xf7, 0x85, 0xaa,
    0xa1, 0xa0, 0xb5, 0xe0, 0x0f, 6, //
    0x04, 0x20,
];

/// The certificate policies of a persona that was bought with a token of the issuer of this name, in DER (V-221).
#[must_use]
pub fn bought_with(issuer: Digest) -> Vec<u8> {
    [BOUGHT_BY.as_slice(), &issuer.0].concat()
}

/// Values of extensions, in DER.
const DIGITAL_SIGNATURE: &[u8] = &[0x03, 0x02, 0x07, 0x80];
const SIGN_CERTIFICATES: &[u8] = &[0x03, 0x02, 0x02, 0x04];
const AUTHORITY_WITHOUT_INTERMEDIATES: &[u8] = &[0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00];

/// What comes between the signed part and the signature's 64 bytes: the algorithm Ed25519
/// without parameters and the head of a bit string of 65 bytes.
const SIGNATURE_HEAD: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x41, 0x00];

enum Value {
    Any,
    Is(&'static [u8]),
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    if der.len() > label::MAX_CERTIFICATE {
        return Err(MALFORMED);
    }
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| MALFORMED)?;
    if rest.is_empty() { Ok(certificate) } else { Err(MALFORMED) }
}

/// Parses and verifies the signature. The frame around the signed part is compared as bytes, so
/// that nobody can make a second encoding, with another hash, of a valid certificate.
fn parse_signed<'a>(
    der: &'a [u8],
    authority: &PublicKey<Authority>,
) -> Result<X509Certificate<'a>, CertificateError> {
    let certificate = parse(der)?;
    require_ed25519(&certificate.signature_algorithm)?;
    require_ed25519(&certificate.tbs_certificate.signature)?;
    let signature = signature_of(&certificate.signature_value.data)?;
    let signed: &[u8] = certificate.tbs_certificate.as_ref();
    let content = [signed, SIGNATURE_HEAD, &signature.0].concat();
    let length = u16::try_from(content.len()).map_err(|_| MALFORMED)?;
    let [high, low] = length.to_be_bytes();
    if high == 0 || der != [&[0x30, 0x82, high, low], content.as_slice()].concat() {
        return Err(MALFORMED);
    }
    authority.verify(signed, &signature).map_err(|_| CertificateError::Authority)?;
    if certificate.version != X509Version::V3 {
        return Err(CertificateError::Profile("version"));
    }
    if certificate.issuer_uid.is_some() || certificate.subject_uid.is_some() {
        return Err(CertificateError::Profile("unique identifiers"));
    }
    Ok(certificate)
}

fn issuer(certificate: &X509Certificate<'_>) -> Result<bool, CertificateError> {
    match common_name(&certificate.issuer) {
        Some(AUTHORITY_NAME) => Ok(false),
        Some(SIMULATED_AUTHORITY_NAME) => Ok(true),
        Some(_) | None => Err(CertificateError::Authority),
    }
}

/// The common name of a name that consists of nothing else.
fn common_name<'a>(name: &'a X509Name<'_>) -> Option<&'a str> {
    let mut attributes = name.iter_attributes();
    let only = attributes.next().filter(|only| only.attr_type().as_bytes() == COMMON_NAME)?;
    if attributes.next().is_some() { None } else { only.as_str().ok() }
}

/// Requires exactly the `expected` extensions, in this order. All are critical but the key
/// identifiers.
fn require_extensions(
    extensions: &[X509Extension<'_>],
    expected: &[(&[u8], Value)],
) -> Result<(), CertificateError> {
    if extensions.len() != expected.len() {
        return Err(NO_EXTENSIONS);
    }
    let fits = extensions.iter().zip(expected).all(|(found, (oid, value))| {
        let optional = *oid == AUTHORITY_KEY_IDENTIFIER || *oid == SUBJECT_KEY_IDENTIFIER;
        found.oid.as_bytes() == *oid
            && found.critical != optional
            && match value {
                Value::Any => true,
                Value::Is(expected) => found.value == *expected,
            }
    });
    if fits { Ok(()) } else { Err(NO_EXTENSIONS) }
}

fn require_validity(
    certificate: &X509Certificate<'_>,
    now: Time,
) -> Result<Time, CertificateError> {
    let instant = |seconds: i64| {
        u64::try_from(seconds)
            .ok()
            .and_then(|seconds| seconds.checked_mul(1_000_000))
            .and_then(|micros| Time::from_micros(micros).ok())
            .ok_or(CertificateError::Profile("validity"))
    };
    let not_before = instant(certificate.validity.not_before.timestamp())?;
    let not_after = instant(certificate.validity.not_after.timestamp())?;
    if now < not_before {
        return Err(CertificateError::NotYetValid { not_before });
    }
    if now > not_after {
        return Err(CertificateError::Expired { not_after });
    }
    Ok(not_after)
}

fn require_ed25519(algorithm: &AlgorithmIdentifier<'_>) -> Result<(), CertificateError> {
    if algorithm.algorithm.as_bytes() == ED25519 && algorithm.parameters.is_none() {
        Ok(())
    } else {
        Err(CertificateError::Profile("another algorithm than Ed25519"))
    }
}

fn certified_key<P: Purpose>(
    info: &SubjectPublicKeyInfo<'_>,
) -> Result<PublicKey<P>, CertificateError> {
    require_ed25519(&info.algorithm)?;
    let bytes = <[u8; 32]>::try_from(info.subject_public_key.data.as_ref())
        .map_err(|_| CertificateError::Profile("length of the key"))?;
    let key = PublicKey::from_bytes(bytes);
    match key.require_torsion_free() {
        Ok(()) => Ok(key),
        Err(KeyError::Malformed | KeyError::Signature) => Err(CertificateError::WeakKey),
    }
}

fn signature_of(bytes: &[u8]) -> Result<Signature, CertificateError> {
    <[u8; 64]>::try_from(bytes)
        .map(Signature)
        .map_err(|_| CertificateError::Profile("length of the signature"))
}

#[cfg(test)]
pub(crate) mod tests;
