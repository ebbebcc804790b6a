//! The path from a citizen's certificate to an anchor.
//!
//! Trusts rustls-webpki for building paths, signatures, names and constraints. What it leaves
//! open is judged here: key usage of authorities, the anchor's own limits and validity.

use std::cell::RefCell;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use super::error::ChainFault;
use super::form::Form;
use super::key::{self, ALGORITHMS};
use super::{CitizenError, MAX_AUTHORITIES, MAX_SENT};
use crate::value::clock::Time;

/// Everything a path may be made of.
pub(super) struct Ground<'a> {
    pub(super) anchors: &'a [Form],
    pub(super) intermediates: &'a [Form],
    /// What came with the card, and was signed by one of the above or of these.
    pub(super) sent: &'a [Form],
}

/// The authorities above a citizen, nearest first; the last one is the anchor.
pub(super) type Authorities<'a> = Vec<&'a Form>;

/// Of the certificates that came with a card, those that a known authority signed (V-103).
///
/// The others are passed over: they are hints, and what nobody vouches for would only make the
/// search long.
///
/// # Errors
/// [`CitizenError::Malformed`] if there are more than [`MAX_SENT`].
pub(super) fn vouched(
    sent: &[Vec<u8>],
    anchors: &[Form],
    intermediates: &[Form],
) -> Result<Vec<Form>, CitizenError> {
    if sent.len() > MAX_SENT {
        return Err(CitizenError::Malformed("more than 8 certificates came with it"));
    }
    let known = |form: &Form| {
        anchors.iter().chain(intermediates).any(|authority| authority.der == form.der)
    };
    let mut waiting: Vec<Form> = Vec::new();
    for form in sent.iter().filter_map(|der| Form::read(der).ok()) {
        let twice = waiting.iter().any(|other| other.der == form.der);
        if form.may_certify() && !twice && !known(&form) {
            waiting.push(form);
        }
    }
    let mut vouched: Vec<Form> = Vec::new();
    loop {
        let (signed, unsigned): (Vec<Form>, Vec<Form>) = waiting.into_iter().partition(|form| {
            let mut authorities = anchors.iter().chain(intermediates).chain(&vouched);
            authorities.any(|authority| issued(authority, form))
        });
        if signed.is_empty() {
            return Ok(vouched);
        }
        vouched.extend(signed);
        waiting = unsigned;
    }
}

/// Whether `authority` signed the certificate `form`.
pub(super) fn issued(authority: &Form, form: &Form) -> bool {
    authority.subject == form.issuer
        && key::verify(&authority.key, &form.algorithm, &form.signed, &form.signature).is_ok()
}

/// Finds a path from `leaf` to an anchor that `accept` agrees to (V-101, V-103, V-104, V-105).
///
/// # Errors
/// The first objection to the best path, or [`CitizenError::Authority`] if there is none.
pub(super) fn find<'a>(
    leaf: &Form,
    ground: &Ground<'a>,
    at: Time,
    accept: impl Fn(&Authorities<'a>) -> Result<(), CitizenError>,
) -> Result<(), CitizenError> {
    const FORM: CitizenError = CitizenError::Malformed("no certificate in DER");
    let trusted: Vec<&'a Form> = ground.anchors.iter().filter(|form| form.in_force(at)).collect();
    let anchors: Vec<TrustAnchor<'_>> = trusted
        .iter()
        .map(|form| webpki::anchor_from_trusted_cert(&form.der))
        .collect::<Result<_, _>>()
        .map_err(|_| FORM)?;
    let usable: Vec<&'a Form> = ground.intermediates.iter().chain(ground.sent).collect();
    let intermediates: Vec<CertificateDer<'_>> =
        usable.iter().filter(|form| form.in_force(at)).map(|form| form.der.clone()).collect();
    let objection: RefCell<Option<CitizenError>> = RefCell::new(None);
    let judge = |path: &VerifiedPath<'_>| {
        let authorities = authorities(path, &anchors, &trusted, &usable);
        let judged = authorities.ok_or(FORM).and_then(|authorities| {
            require_authorities(&authorities)?;
            accept(&authorities)
        });
        judged.map_err(|error| {
            objection.borrow_mut().get_or_insert(error);
            webpki::Error::UnknownIssuer
        })
    };
    let entity = EndEntityCert::try_from(&leaf.der).map_err(|_| FORM)?;
    let found = entity.verify_for_usage(
        &ALGORITHMS,
        &anchors,
        &intermediates,
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(at.as_secs())),
        AnyUsage,
        None,
        Some(&judge),
    );
    match found {
        Ok(_) => Ok(()),
        Err(error) => Err(objection.take().unwrap_or_else(|| explain(&error, leaf, ground, at))),
    }
}

/// Extended key usages are not asked for: which ones cards carry is not published.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// The forms of the certificates of a path.
fn authorities<'a>(
    path: &VerifiedPath<'_>,
    anchors: &[TrustAnchor<'_>],
    trusted: &[&'a Form],
    usable: &[&'a Form],
) -> Option<Authorities<'a>> {
    let mut authorities = Vec::new();
    for certificate in path.intermediate_certificates() {
        let der = certificate.der();
        authorities.push(*usable.iter().find(|form| form.der == der)?);
    }
    let anchor = anchors.iter().position(|anchor| anchor == path.anchor())?;
    authorities.push(*trusted.get(anchor)?);
    Some(authorities)
}

/// Each authority may certify, and allows as many below itself as there are (V-104).
fn require_authorities(authorities: &[&Form]) -> Result<(), CitizenError> {
    if authorities.len() > MAX_AUTHORITIES {
        return Err(CitizenError::Chain(ChainFault::TooLong));
    }
    for (below, form) in authorities.iter().enumerate() {
        if !form.may_certify() {
            return Err(CitizenError::Chain(ChainFault::NotAuthority));
        }
        let limit = form.authority.and_then(|authority| authority.below);
        if limit.is_some_and(|limit| usize::try_from(limit).is_ok_and(|limit| below > limit)) {
            return Err(CitizenError::Chain(ChainFault::TooLong));
        }
    }
    Ok(())
}

/// The reason for which there is no path.
fn explain(error: &webpki::Error, leaf: &Form, ground: &Ground<'_>, at: Time) -> CitizenError {
    use webpki::Error as E;
    match error {
        E::PathLenConstraintViolated | E::MaximumPathDepthExceeded => {
            CitizenError::Chain(ChainFault::TooLong)
        }
        E::EndEntityUsedAsCa | E::NameConstraintViolation | E::UnsupportedNameType => {
            CitizenError::Chain(ChainFault::NotAuthority)
        }
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CitizenError::Algorithm("of a signature in the state's PKI")
        }
        E::InvalidSignatureForPublicKey => {
            CitizenError::Authority("the authority it names did not sign it")
        }
        _ => expired(leaf, ground, at)
            .unwrap_or(CitizenError::Authority("the issuer is not among the state's certificates")),
    }
}

/// The authority that is not valid now, if that is why a path ends: issuers are followed by name.
fn expired(leaf: &Form, ground: &Ground<'_>, at: Time) -> Option<CitizenError> {
    let all = || ground.intermediates.iter().chain(ground.sent).chain(ground.anchors);
    let mut issuer = &leaf.issuer;
    for _ in 0..=MAX_AUTHORITIES {
        let named: Vec<&Form> = all().filter(|form| form.subject == *issuer).collect();
        let first = *named.first()?;
        match named.iter().find(|form| form.in_force(at)) {
            None => return first.authority_in_force(at).err(),
            Some(form) => issuer = &form.issuer,
        }
    }
    None
}
