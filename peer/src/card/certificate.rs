//! The contents of a certificate, for display.

use pregao_protocol::value::clock::Time;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::text::sanitize::sanitize;

/// Names and dates in a certificate that nobody judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Common name of its subject, empty without one.
    pub subject: String,
    /// Common name of its issuer, empty without one.
    pub issuer: String,
    /// The first instant of its validity.
    pub not_before: Time,
    /// The last instant of its validity.
    pub not_after: Time,
}

/// Reads a certificate for display. None if it is none.
#[must_use]
pub fn facts(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(Facts {
        subject: common_name(certificate.subject()),
        issuer: common_name(certificate.issuer()),
        not_before: instant(validity.not_before)?,
        not_after: instant(validity.not_after)?,
    })
}

fn common_name(name: &X509Name<'_>) -> String {
    let first = name.iter_common_name().next().and_then(|name| name.as_str().ok());
    first.map(sanitize).unwrap_or_default()
}

fn instant(time: ASN1Time) -> Option<Time> {
    let seconds = u64::try_from(time.timestamp()).ok()?;
    Time::from_micros(seconds.checked_mul(1_000_000)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_facts() {
        assert_eq!(facts(&[]), None);
        assert_eq!(facts(&[0x30, 0x82, 0xFF, 0xFF]), None);
    }
}
