//! What a certificate of the state's PKI says, taken apart once.

use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, FromDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{X509Name, X509Version};
use zeroize::Zeroize as _;

use super::{ChainFault, CitizenError, MAX_CERTIFICATE, holder};
use crate::value::clock::Time;

/// A certificate's statements, not judged but for their form (V-100).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) der: CertificateDer<'static>,
    /// Names and key with their DER headers.
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) key: Vec<u8>,
    /// Big-endian, without leading zeros.
    pub(super) serial: Vec<u8>,
    pub(super) not_before: Time,
    pub(super) not_after: Time,
    pub(super) usage: Option<Usage>,
    pub(super) authority: Option<Authority>,
    /// Certified to answer for revocation or time, which nobody else may.
    pub(super) answers: Option<Answers>,
    /// Where the lists are that may speak of this certificate.
    pub(super) points: Vec<String>,
    /// Says of itself that it is of the state's test PKI (V-106).
    pub(super) test: bool,
    /// Common name, for messages about authorities.
    pub(super) name: String,
    pub(super) issuer_name: String,
    /// What is signed, with what (content of the AlgorithmIdentifier), and the signature.
    pub(super) signed: Vec<u8>,
    pub(super) algorithm: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// Wipes what names its holder, but for [`Form::der`], whose type lends nobody its bytes to change.
impl Drop for Form {
    fn drop(&mut self) {
        self.subject.zeroize();
        self.signed.zeroize();
        self.name.zeroize();
    }
}

/// The bits of a key usage extension that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) digital_signature: bool,
    pub(super) non_repudiation: bool,
    pub(super) certificates: bool,
    pub(super) lists: bool,
}

/// What basic constraints say of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Authority {
    /// How many authorities there may be between it and a citizen.
    pub(super) below: Option<u32>,
}

/// The extended key usages that RFC 5280 and RFC 6960 want alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// OCSP.
    Revocation,
    /// RFC 3161.
    Time,
}

const FORM: CitizenError = CitizenError::Malformed("no certificate in DER");
const EXTENSION: CitizenError = CitizenError::Malformed("an extension that is not understood");

impl Form {
    /// Takes a certificate apart (V-100).
    pub(super) fn read(der: &[u8]) -> Result<Self, CitizenError> {
        if der.len() > MAX_CERTIFICATE {
            return Err(CitizenError::Malformed("longer than 8 KiB"));
        }
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| FORM)?;
        if !rest.is_empty() || certificate.version() != X509Version::V3 {
            return Err(FORM);
        }
        // A parser of its own, stricter about what follows a value.
        let owned = CertificateDer::from(der.to_vec());
        webpki::EndEntityCert::try_from(&owned).map_err(|error| match error {
            webpki::Error::UnsupportedCriticalExtension => EXTENSION,
            _ => FORM,
        })?;
        let mut form = Self {
            subject: certificate.subject.as_raw().to_vec(),
            issuer: certificate.issuer.as_raw().to_vec(),
            key: certificate.subject_pki.raw.to_vec(),
            serial: without_zeros(certificate.raw_serial()).to_vec(),
            not_before: instant(certificate.validity.not_before)?,
            not_after: instant(certificate.validity.not_after)?,
            usage: None,
            authority: None,
            answers: None,
            points: Vec::new(),
            test: names_test(&certificate.subject) || names_test(&certificate.issuer),
            name: holder::common_name(&certificate.subject),
            issuer_name: holder::common_name(&certificate.issuer),
            signed: certificate.tbs_certificate.as_ref().to_vec(),
            algorithm: algorithm_beside(der).ok_or(FORM)?,
            signature: certificate.signature_value.data.to_vec(),
            der: owned,
        };
        certificate.extensions_map().map_err(|_| EXTENSION)?;
        for extension in certificate.extensions() {
            form.take(extension)?;
        }
        Ok(form)
    }

    fn take(&mut self, extension: &X509Extension<'_>) -> Result<(), CitizenError> {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => {
                self.usage = Some(Usage {
                    digital_signature: usage.digital_signature(),
                    non_repudiation: usage.non_repudiation(),
                    certificates: usage.key_cert_sign(),
                    lists: usage.crl_sign(),
                });
            }
            ParsedExtension::BasicConstraints(constraints) => {
                let below = constraints.path_len_constraint;
                self.authority = constraints.ca.then_some(Authority { below });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.answers = match (usage.ocsp_signing, usage.time_stamping) {
                    (true, _) => Some(Answers::Revocation),
                    (false, true) => Some(Answers::Time),
                    (false, false) => None,
                };
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                // A list for some reasons only, or of another issuer, does not settle the status.
                let whole = points
                    .iter()
                    .filter(|point| point.reasons.is_none() && point.crl_issuer.is_none());
                for point in whole {
                    if let Some(DistributionPointName::FullName(names)) = &point.distribution_point
                    {
                        self.points.extend(names.iter().filter_map(location));
                    }
                }
                self.test |= self.points.iter().any(|point| host_is_for_tests(point));
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                let mut places = access.iter().filter_map(|one| location(&one.access_location));
                self.test |= places.any(|place| host_is_for_tests(&place));
            }
            ParsedExtension::ParseError { .. } => return Err(EXTENSION),
            // Critical ones that are not understood were refused by the path's own parser.
            _ => {}
        }
        Ok(())
    }

    /// Whether `at` is within the validity, both ends included (V-101).
    pub(super) fn in_force(&self, at: Time) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    /// V-101 of an authority, with its name.
    pub(super) fn authority_in_force(&self, at: Time) -> Result<(), CitizenError> {
        let authority = self.name.clone();
        if at < self.not_before {
            let not_before = self.not_before;
            return Err(CitizenError::Chain(ChainFault::NotYetValid { authority, not_before }));
        }
        if at > self.not_after {
            let not_after = self.not_after;
            return Err(CitizenError::Chain(ChainFault::Expired { authority, not_after }));
        }
        Ok(())
    }

    /// Whether it may sign certificates at all (V-104).
    pub(super) fn may_certify(&self) -> bool {
        self.authority.is_some() && self.usage.is_none_or(|usage| usage.certificates)
    }
}

/// The content of the AlgorithmIdentifier beside the signature of a certificate or a
/// revocation list.
pub(super) fn algorithm_beside(der: &[u8]) -> Option<Vec<u8>> {
    let (_, whole) = Any::from_der(der).ok()?;
    let (rest, _) = Any::from_der(whole.data).ok()?;
    let (_, algorithm) = Any::from_der(rest).ok()?;
    Some(algorithm.data.to_vec())
}

/// A time of ASN.1, in whole seconds.
pub(super) fn instant(time: ASN1Time) -> Result<Time, CitizenError> {
    u64::try_from(time.timestamp())
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000_000))
        .and_then(|micros| Time::from_micros(micros).ok())
        .ok_or(CitizenError::Malformed("a time before 1970"))
}

/// A number's bytes in the one form that can be compared.
pub(super) fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or(number)
}

/// The location a name of an extension gives.
pub(super) fn location(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    }
}

/// Whether a name is of the state's test PKI: it prefixes names with "(Teste) " (V-106).
fn names_test(name: &X509Name<'_>) -> bool {
    name.iter_attributes().any(|attribute| {
        String::from_utf8_lossy(attribute.as_slice()).to_lowercase().contains("(teste)")
    })
}

/// Whether a location is at the state's test PKI, such as `pki.teste.cartaodecidadao.pt` (V-106).
fn host_is_for_tests(location: &str) -> bool {
    let authority = location.split_once("://").map_or(location, |(_, rest)| rest);
    let end = authority.find(['/', '?', '#', ':']).unwrap_or(authority.len());
    let host = authority.get(..end).unwrap_or(authority);
    host.split('.').any(|label| label.eq_ignore_ascii_case("teste"))
}
