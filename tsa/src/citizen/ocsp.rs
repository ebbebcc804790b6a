//! Asking the state's responder about one certificate (RFC 6960), when the operator wants that.
//!
//! The responder learns that the card is being used, and when. It learns neither for what nor, of course,
//! which persona. Its answer is signed; the way to it need not be safe.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use der::asn1::{Any, BitString, Null, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, TagMode, TagNumber};
use pregao_protocol::trust::citizen::{verify_responder, verify_signed};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised;
use ureq::tls::TlsConfig;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::ext::{Extension, Extensions};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::ext::Nonce;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse,
    OcspResponseStatus, Request, SingleResponse, TbsRequest,
};

use crate::code;

/// How long the responder may take altogether.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// Most certificates looked at in an answer.
const MAX_CERTIFICATES: usize = 4;
/// How far the responder's clock may run ahead, and how old an answer without an end may be.
const TOLERANCE: Duration = Duration::from_secs(300);

/// The hashes by which answers may name a certificate; questions use the first, which every responder knows.
/// They name things, and protect nothing.
const HASHES: [(ObjectIdentifier, &Algorithm); 4] = [
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.26"), &SHA1_FOR_LEGACY_USE_ONLY),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"), &SHA256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), &SHA384),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), &SHA512),
];
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// Why the responder's word does not admit a citizen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspError {
    /// The certificate is revoked.
    #[error("the state's responder says that the certificate is revoked")]
    Revoked,
    /// The certificate is suspended, or was never activated.
    #[error("the state's responder says that the certificate is on hold")]
    OnHold,
    /// The responder does not know the certificate.
    #[error("the state's responder does not know the certificate")]
    Unknown,
    /// No answer in time; why not is for the operator alone.
    #[error("the state's responder did not answer")]
    Unreachable(String),
    /// An answer that says nothing of the certificate.
    #[error("the state's responder gave no usable answer: {0}")]
    Unusable(&'static str),
    /// Not signed by the issuer or by whom it entrusted with that.
    #[error("the answer of the state's responder is not signed as it must be")]
    Signature,
    /// Not of now.
    #[error("the answer of the state's responder is not in force")]
    Stale {
        /// When it was right.
        this_update: Time,
    },
}

impl Advised for OcspError {
    fn code(&self) -> &'static str {
        match self {
            Self::Revoked => code::CITIZEN_REVOKED,
            Self::OnHold => code::CITIZEN_ON_HOLD,
            Self::Unknown => code::CITIZEN_UNKNOWN,
            Self::Unreachable(_) | Self::Unusable(_) | Self::Signature | Self::Stale { .. } => {
                code::CITIZEN_OCSP
            }
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Revoked => "this card cannot be used any more; ask for a new one",
            Self::OnHold => "activate the card, and apply again a while later",
            Self::Unknown => "the operator asks a responder that knows this card's issuer",
            Self::Unreachable(_) => "apply again in a while; the operator looks at the responder",
            Self::Unusable(_) | Self::Signature | Self::Stale { .. } => {
                "the operator looks at the address of the responder and at the TSA's clock"
            }
        };
        advice.into()
    }
}

impl OcspError {
    /// What the operator should look at, if it is not the card: the same text for the same fault.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Revoked | Self::OnHold | Self::Unknown => None,
            Self::Unreachable(cause) => Some(format!("{self}: {cause}")),
            Self::Unusable(_) | Self::Signature | Self::Stale { .. } => Some(self.to_string()),
        }
    }
}

/// A responder.
pub struct Responder {
    url: String,
    agent: ureq::Agent,
}

/// Reads the address of a responder. Plain HTTP will do, for the answer is signed; TLS hides of whom is asked.
///
/// # Errors
/// What is wrong, for the operator.
pub fn address(text: &str) -> Result<String, String> {
    let mut schemes = ["http://", "https://"].iter();
    let host = schemes.find_map(|scheme| text.strip_prefix(scheme)).unwrap_or_default();
    let plain = !host.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain {
        Ok(text.to_owned())
    } else {
        Err("not of the form http://host/path or https://host/path".to_owned())
    }
}

impl Responder {
    /// The responder at `url`. The one place of this program where a client of HTTP is made.
    #[must_use]
    pub fn new(url: String, tls: TlsConfig) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .http_status_as_error(false)
            // Whoever the environment names would learn of whom is asked.
            .proxy(None)
            .tls_config(tls)
            .build();
        Self { url, agent: config.into() }
    }

    /// Asks about `certificate`, which `issuer` issued, both in DER. Blocks. `nonce` is fresh.
    ///
    /// # Errors
    /// [`OcspError`] for every answer but a "good" that is valid at `now`.
    pub fn ask(
        &self,
        certificate: &[u8],
        issuer: &[u8],
        nonce: [u8; 32],
        now: Time,
    ) -> Result<(), OcspError> {
        let form = |_| OcspError::Unusable("the certificate cannot be asked about");
        let names = names(certificate, issuer).map_err(form)?;
        let asked = names.first().ok_or(OcspError::Unusable("there is nothing to ask"))?;
        let request = request(asked, nonce).map_err(form)?;
        let answer = self.post(&request)?;
        judge(&answer, &names, issuer, nonce, now)
    }

    fn post(&self, request: &[u8]) -> Result<Vec<u8>, OcspError> {
        let unreachable = |error: ureq::Error| OcspError::Unreachable(error.to_string());
        let mut response = self
            .agent
            .post(&self.url)
            .content_type("application/ocsp-request")
            .send(request)
            .map_err(unreachable)?;
        if response.status() != 200 {
            return Err(OcspError::Unreachable(format!(
                "HTTP status {}",
                response.status().as_u16()
            )));
        }
        let mut answer = Vec::new();
        response
            .body_mut()
            .as_reader()
            .take(MAX_ANSWER + 1)
            .read_to_end(&mut answer)
            .map_err(|error| OcspError::Unreachable(error.to_string()))?;
        if answer.len() as u64 > MAX_ANSWER {
            return Err(OcspError::Unusable("longer than 64 KiB"));
        }
        Ok(answer)
    }
}

/// How a certificate is named, by each of [`HASHES`]: hashes of its issuer's name and key, and its number.
fn names(certificate: &[u8], issuer: &[u8]) -> der::Result<Vec<CertId>> {
    let certificate = Certificate::from_der(certificate)?.tbs_certificate;
    let issuer = Certificate::from_der(issuer)?.tbs_certificate;
    let issuer_name = issuer.subject.to_der()?;
    let key = issuer.subject_public_key_info.subject_public_key;
    let name = |(oid, algorithm): (ObjectIdentifier, &'static Algorithm)| {
        let hash = |bytes: &[u8]| OctetString::new(digest(algorithm, bytes).as_ref());
        Ok(CertId {
            hash_algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(Null.into()) },
            issuer_name_hash: hash(&issuer_name)?,
            issuer_key_hash: hash(key.raw_bytes())?,
            serial_number: certificate.serial_number.clone(),
        })
    };
    HASHES.into_iter().map(name).collect()
}

fn request(id: &CertId, nonce: [u8; 32]) -> der::Result<Vec<u8>> {
    let nonce = Extension {
        extn_id: NONCE,
        critical: false,
        extn_value: OctetString::new(Nonce::new(nonce)?.0.to_der()?)?,
    };
    let tbs_request = TbsRequest {
        request_list: vec![Request { req_cert: id.clone(), single_request_extensions: None }],
        request_extensions: Some(vec![nonce]),
        ..TbsRequest::default()
    };
    OcspRequest { tbs_request, optional_signature: None }.to_der()
}

/// Judges an answer to the question about the certificate of these `names`. All that it says of the certificate
/// counts, in whatever order, and the worst of it decides.
fn judge(
    answer: &[u8],
    names: &[CertId],
    issuer: &[u8],
    nonce: [u8; 32],
    now: Time,
) -> Result<(), OcspError> {
    const FORM: OcspError = OcspError::Unusable("no answer in the form of RFC 6960");
    let answer = OcspResponse::from_der(answer).map_err(|_| FORM)?;
    if answer.response_status != OcspResponseStatus::Successful {
        return Err(OcspError::Unusable("it cannot answer now, or not this"));
    }
    let bytes = answer.response_bytes.filter(|bytes| bytes.response_type == BASIC).ok_or(FORM)?;
    let bytes = bytes.response.as_bytes();
    let signed = Signed::read(bytes).map_err(|_| FORM)?;
    let basic = BasicOcspResponse::from_der(bytes).map_err(|_| FORM)?;
    signed.verify(issuer, now)?;
    let data = &basic.tbs_response_data;
    require_understood(data.response_extensions.as_ref())?;
    // Answers made ahead carry none, and are bounded by their times instead.
    if data.nonce().is_some_and(|echo| echo.0.as_bytes() != nonce) {
        return Err(OcspError::Unusable("it answers another question"));
    }
    let mut said = Vec::new();
    for single in &data.responses {
        if is_about(&single.cert_id, names)? {
            said.push(says(single, now));
        }
    }
    let worst = said.into_iter().max_by_key(weight);
    worst.unwrap_or(Err(OcspError::Unusable("it is about another certificate")))
}

/// What one of the answers says.
fn says(single: &SingleResponse, now: Time) -> Result<(), OcspError> {
    require_understood(single.single_extensions.as_ref())?;
    require_in_force(single, now)?;
    match single.cert_status {
        CertStatus::Good(_) => Ok(()),
        CertStatus::Revoked(info) => match info.revocation_reason {
            Some(CrlReason::CertificateHold) => Err(OcspError::OnHold),
            _ => Err(OcspError::Revoked),
        },
        CertStatus::Unknown(_) => Err(OcspError::Unknown),
    }
}

/// The more certain it is that the certificate is not good, the heavier.
fn weight(said: &Result<(), OcspError>) -> u8 {
    match said {
        Ok(()) => 0,
        Err(OcspError::Stale { .. }) => 1,
        Err(OcspError::Unreachable(_) | OcspError::Unusable(_) | OcspError::Signature) => 2,
        Err(OcspError::Unknown) => 3,
        Err(OcspError::OnHold) => 4,
        Err(OcspError::Revoked) => 5,
    }
}

/// Whether an answer is about the certificate of these names.
///
/// # Errors
/// [`OcspError::Unusable`] if it has the certificate's number and names its issuer by a hash that is not
/// known here: it may be the one that counts.
fn is_about(answered: &CertId, names: &[CertId]) -> Result<bool, OcspError> {
    // The parameters of the hash may be NULL or absent.
    match names.iter().find(|name| name.hash_algorithm.oid == answered.hash_algorithm.oid) {
        Some(name) => Ok(name.issuer_name_hash == answered.issuer_name_hash
            && name.issuer_key_hash == answered.issuer_key_hash
            && name.serial_number == answered.serial_number),
        None if names.iter().any(|name| name.serial_number == answered.serial_number) => {
            Err(OcspError::Unusable("it names the certificate by a hash that is not known here"))
        }
        None => Ok(false),
    }
}

/// No extension that matters and is not understood, and none twice, where one would hide the other.
fn require_understood(extensions: Option<&Extensions>) -> Result<(), OcspError> {
    let Some(all) = extensions else { return Ok(()) };
    if all.iter().any(|one| one.critical && one.extn_id != NONCE) {
        return Err(OcspError::Unusable("it has a critical extension that is not understood"));
    }
    let different: BTreeSet<ObjectIdentifier> = all.iter().map(|one| one.extn_id).collect();
    if different.len() < all.len() {
        return Err(OcspError::Unusable("it has an extension twice"));
    }
    Ok(())
}

fn require_in_force(single: &SingleResponse, now: Time) -> Result<(), OcspError> {
    let this_update = time(single.this_update);
    let end = single.next_update.map_or(this_update.plus(TOLERANCE), time);
    let begun = this_update <= now.plus(TOLERANCE);
    if begun && now <= end { Ok(()) } else { Err(OcspError::Stale { this_update }) }
}

fn time(time: OcspGeneralizedTime) -> Time {
    Time::default().plus(time.0.to_unix_duration())
}

/// Something signed, as it was transmitted: an answer or a certificate.
struct Signed<'a> {
    content: &'a [u8],
    algorithm: &'a [u8],
    signature: Vec<u8>,
    certificates: Vec<Vec<u8>>,
}

impl<'a> Signed<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let signed = reader.sequence(|parts| {
            let (content, algorithm) = (parts.tlv_bytes()?, parts.tlv_bytes()?);
            let signature = BitString::decode(parts)?;
            let certificates =
                parts.context_specific::<Vec<Any>>(TagNumber::N0, TagMode::Explicit)?;
            let certificates = certificates.unwrap_or_default();
            let certificates = certificates.iter().take(MAX_CERTIFICATES).map(der::Encode::to_der);
            let signature = signature.as_bytes().unwrap_or_default().to_vec();
            let certificates = certificates.collect::<der::Result<_>>()?;
            Ok(Signed { content, algorithm, signature, certificates })
        })?;
        reader.finish(signed)
    }

    fn by(&self, certificate: &[u8]) -> bool {
        verify_signed(certificate, self.algorithm, self.content, &self.signature).is_ok()
    }

    /// By the issuer itself, or by one whom it certified for that (V-114).
    fn verify(&self, issuer: &[u8], now: Time) -> Result<(), OcspError> {
        let delegated = |certificate: &Vec<u8>| {
            verify_responder(certificate, issuer, now).is_ok() && self.by(certificate)
        };
        if self.by(issuer) || self.certificates.iter().any(delegated) {
            Ok(())
        } else {
            Err(OcspError::Signature)
        }
    }
}
