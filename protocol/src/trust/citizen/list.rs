//! Revocation lists (RFC 5280, 5 and 6.3), as the state publishes them: in partitions, with
//! delta lists between complete ones, and with cards on hold until their holder activates them.
//!
//! Trusts the x509-parser crate to take a list apart, except where it passes over what it does
//! not understand: the scope of a list is looked at again here.

use std::collections::HashMap;
use std::sync::OnceLock;

use x509_parser::asn1_rs::{Any, FromDer as _};
use x509_parser::der_parser::der::parse_der_integer;
use x509_parser::extensions::{
    DistributionPointName, IssuingDistributionPoint, ParsedExtension, X509Extension,
};
use x509_parser::num_bigint::BigUint;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate};
use x509_parser::x509::ReasonCode;

use super::error::Listed;
use super::form::{Form, algorithm_beside, instant, location, without_zeros};
use super::{CitizenError, ListFault, MAX_LIST, key};
use crate::value::clock::Time;

const NUMBER: &[u8] = &[0x55, 29, 20];
const REASON: &[u8] = &[0x55, 29, 21];
const INVALIDITY_DATE: &[u8] = &[0x55, 29, 24];
const DELTA: &[u8] = &[0x55, 29, 27];
const SCOPE: &[u8] = &[0x55, 29, 28];
const AUTHORITY_KEY: &[u8] = &[0x55, 29, 35];

/// Longest list number, in bits (RFC 5280, 5.2.3: 20 octets).
const LONGEST_NUMBER: u64 = 160;

/// A revocation list, read once.
#[derive(Debug)]
pub(super) struct List {
    /// DER with its header.
    issuer: Vec<u8>,
    this_update: Time,
    next_update: Time,
    number: Option<BigUint>,
    /// Of a delta list: the number of the complete list it starts from.
    base: Option<BigUint>,
    scope: Scope,
    entries: HashMap<Box<[u8]>, Entry>,
    /// What is signed, with what, and the signature.
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    /// The key that verified the signature, once one did.
    signer: OnceLock<Vec<u8>>,
}

/// A list that is not used, for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RejectedList {
    /// Position among the lists that were given, from 0.
    pub(super) position: usize,
    /// The issuer it claims, in DER, as far as it could be read.
    pub(super) issuer: Option<Vec<u8>>,
    pub(super) fault: ListFault,
}

/// Names the lists that replace each other: see [`List::line`].
pub(super) type Line = (Vec<u8>, Option<Vec<u8>>, bool);

/// What a list says of one certificate, in the order of its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    /// In a delta list: taken off since the complete list.
    Removed,
    /// Suspended, as a card is until it is activated.
    Held,
    /// Revoked for good.
    Revoked,
}

/// Which certificates a list speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scope {
    /// The issuing distribution point as the list spells it: lists of one scope agree in it.
    raw: Option<Vec<u8>>,
    /// One of these must be among the certificate's own distribution points.
    points: Option<Vec<String>>,
    only: Only,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    Everybody,
    Citizens,
    Authorities,
}

/// Whether lists spoke of a certificate. That they spoke well of it, goes without saying: the
/// other answers are errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Yes,
    No,
}

impl List {
    /// Reads a list (V-109).
    ///
    /// # Errors
    /// The fault, with the issuer as far as it could be read.
    pub(super) fn read(der: &[u8]) -> Result<Self, (Option<Vec<u8>>, ListFault)> {
        if der.len() > MAX_LIST {
            return Err((None, ListFault::TooLong));
        }
        let (rest, list) =
            CertificateRevocationList::from_der(der).map_err(|_| (None, ListFault::Form))?;
        let issuer = list.tbs_cert_list.issuer.as_raw().to_vec();
        if !rest.is_empty() {
            return Err((Some(issuer), ListFault::Form));
        }
        Self::take(der, &list).map_err(|fault| (Some(issuer), fault))
    }

    fn take(der: &[u8], list: &CertificateRevocationList<'_>) -> Result<Self, ListFault> {
        let content = &list.tbs_cert_list;
        let next_update = content.next_update.ok_or(ListFault::NoEnd)?;
        let mut taken = Self {
            issuer: content.issuer.as_raw().to_vec(),
            this_update: instant(content.this_update).map_err(|_| ListFault::Form)?,
            next_update: instant(next_update).map_err(|_| ListFault::Form)?,
            number: None,
            base: None,
            scope: Scope { raw: None, points: None, only: Only::Everybody },
            entries: HashMap::with_capacity(content.revoked_certificates.len()),
            signed: content.as_ref().to_vec(),
            algorithm: algorithm_beside(der).ok_or(ListFault::Form)?,
            signature: list.signature_value.data.to_vec(),
            signer: OnceLock::new(),
        };
        content.extensions_map().map_err(|_| ListFault::Form)?;
        for extension in content.extensions() {
            taken.extend(extension)?;
        }
        if taken.base.is_some() && taken.number.is_none() {
            return Err(ListFault::Number);
        }
        for revoked in &content.revoked_certificates {
            let (serial, entry) = entry(revoked)?;
            if entry == Entry::Removed && taken.base.is_none() {
                return Err(ListFault::Form);
            }
            let known = taken.entries.entry(serial).or_insert(entry);
            *known = entry.max(*known);
        }
        Ok(taken)
    }

    fn extend(&mut self, extension: &X509Extension<'_>) -> Result<(), ListFault> {
        match (extension.oid.as_bytes(), extension.parsed_extension()) {
            (NUMBER, _) => self.number = Some(list_number(extension.value)?),
            (DELTA, _) => self.base = Some(list_number(extension.value)?),
            (SCOPE, ParsedExtension::IssuingDistributionPoint(point)) => {
                self.scope = Scope::of(extension.value, point)?;
            }
            (SCOPE, _) => return Err(ListFault::Scope),
            (AUTHORITY_KEY, _) => {}
            _ if extension.critical => return Err(ListFault::Critical),
            _ => {}
        }
        Ok(())
    }

    /// The issuer's name, in DER.
    pub(super) fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// Whether `issuer` signed it, and may sign lists (V-109).
    pub(super) fn signed_by(&self, issuer: &Form) -> bool {
        if self.issuer != issuer.subject || issuer.usage.is_some_and(|usage| !usage.lists) {
            return false;
        }
        if self.signer.get() == Some(&issuer.key) {
            return true;
        }
        let verified = key::verify(&issuer.key, &self.algorithm, &self.signed, &self.signature);
        if verified.is_ok() {
            // Another key can have been first only if two keys verify one signature.
            let _ = self.signer.set(issuer.key.clone());
        }
        verified.is_ok()
    }

    /// Whether `at` is within its time, both ends included (V-110).
    pub(super) fn in_force(&self, at: Time) -> bool {
        self.this_update <= at && at <= self.next_update
    }

    /// The last instant it holds.
    pub(super) fn next_update(&self) -> Time {
        self.next_update
    }

    /// What lists that replace each other have in common: issuer, scope, and whether they are delta
    /// lists.
    pub(super) fn line(&self) -> Line {
        (self.issuer.clone(), self.scope.raw.clone(), self.base.is_some())
    }

    /// Its number, if its signature was verified and it has begun at `at`: what may show that other
    /// lists are older.
    pub(super) fn proven_number(&self, at: Time) -> Option<&BigUint> {
        self.number.as_ref().filter(|_| self.signer.get().is_some() && self.this_update <= at)
    }

    /// Whether its number is below `floor`, or it has none.
    pub(super) fn is_below(&self, floor: &BigUint) -> bool {
        self.number.as_ref() < Some(floor)
    }

    /// Whether this delta list, begun at `at`, says something that `base` does not know yet.
    fn is_newer_than(&self, base: &Self, at: Time) -> bool {
        self.scope.raw == base.scope.raw && self.this_update <= at && self.number > base.number
    }

    /// Whether it speaks of `certificate`, issued by the one who issued the list (V-111).
    fn covers(&self, certificate: &Form) -> bool {
        let kind = match self.scope.only {
            Only::Everybody => true,
            Only::Citizens => certificate.authority.is_none(),
            Only::Authorities => certificate.authority.is_some(),
        };
        let here = self
            .scope
            .points
            .as_ref()
            .is_none_or(|points| points.iter().any(|point| certificate.points.contains(point)));
        kind && here
    }

    /// Whether this delta list continues the complete list `base` (V-112).
    fn continues(&self, base: &Self) -> bool {
        let (Some(from), Some(number), Some(reached)) = (&self.base, &self.number, &base.number)
        else {
            return false;
        };
        self.scope.raw == base.scope.raw && reached >= from && number > reached
    }
}

impl Scope {
    /// The scope an issuing distribution point describes, if it is one that is understood (V-111).
    fn of(raw: &[u8], point: &IssuingDistributionPoint<'_>) -> Result<Self, ListFault> {
        // The parser passes over fields it cannot read. Each field is looked at by its tag: 0 names
        // the point, 1 and 2 restrict to citizens and authorities, 3 to 5 are not understood.
        let (rest, sequence) = Any::from_der(raw).map_err(|_| ListFault::Scope)?;
        let mut fields = sequence.data;
        let (mut named, mut citizens, mut authorities) = (false, false, false);
        while !fields.is_empty() {
            let (rest, field) = Any::from_der(fields).map_err(|_| ListFault::Scope)?;
            fields = rest;
            match field.tag().0 {
                0 => named = true,
                1 => citizens = true,
                2 => authorities = true,
                _ => return Err(ListFault::Scope),
            }
        }
        let points = match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => {
                Some(names.iter().filter_map(location).collect())
            }
            Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => {
                return Err(ListFault::Scope);
            }
            None => None,
        };
        let understood = (point.only_contains_user_certs, point.only_contains_ca_certs);
        if !rest.is_empty() || named != points.is_some() || understood != (citizens, authorities) {
            return Err(ListFault::Scope);
        }
        let only = match understood {
            (false, false) => Only::Everybody,
            (true, false) => Only::Citizens,
            (false, true) => Only::Authorities,
            (true, true) => return Err(ListFault::Scope),
        };
        Ok(Self { raw: Some(raw.to_vec()), points, only })
    }
}

/// The number of a list, or of the complete list that a delta list starts from.
pub(super) fn list_number(value: &[u8]) -> Result<BigUint, ListFault> {
    let (rest, number) = parse_der_integer(value).map_err(|_| ListFault::Number)?;
    let number = number.as_biguint().map_err(|_| ListFault::Number)?;
    if rest.is_empty() && number.bits() <= LONGEST_NUMBER {
        Ok(number)
    } else {
        Err(ListFault::Number)
    }
}

/// Serial number and meaning of one entry.
fn entry(revoked: &RevokedCertificate<'_>) -> Result<(Box<[u8]>, Entry), ListFault> {
    revoked.extensions_map().map_err(|_| ListFault::Form)?;
    let mut meaning = Entry::Revoked;
    for extension in revoked.extensions() {
        match (extension.oid.as_bytes(), extension.parsed_extension()) {
            (REASON, ParsedExtension::ReasonCode(ReasonCode::CertificateHold)) => {
                meaning = Entry::Held;
            }
            (REASON, ParsedExtension::ReasonCode(ReasonCode::RemoveFromCRL)) => {
                meaning = Entry::Removed;
            }
            (REASON, ParsedExtension::ReasonCode(_)) | (INVALIDITY_DATE, _) => {}
            (REASON, _) => return Err(ListFault::Form),
            _ if extension.critical => return Err(ListFault::Critical),
            _ => {}
        }
    }
    Ok((without_zeros(revoked.raw_serial()).into(), meaning))
}

/// What `lists` say at `at` of `certificate`, which `issuer` issued (V-110, V-111, V-112, V-113).
///
/// # Errors
/// What the lists hold against the certificate, or why those that should speak cannot be used.
pub(super) fn consult(
    lists: &[(usize, List)],
    refused: &[RejectedList],
    certificate: &Form,
    issuer: &Form,
    listed: Listed,
    at: Time,
) -> Result<Spoken, CitizenError> {
    let malformed = |fault| CitizenError::ListMalformed { listed, fault };
    let named: Vec<&List> = lists
        .iter()
        .map(|(_, list)| list)
        .filter(|list| list.issuer == certificate.issuer)
        .collect();
    if named.is_empty() {
        let broken = refused.iter().find(|one| one.issuer.as_ref() == Some(&certificate.issuer));
        return broken.map_or(Ok(Spoken::No), |one| Err(malformed(one.fault)));
    }
    let covering: Vec<&List> = named.into_iter().filter(|list| list.covers(certificate)).collect();
    if covering.is_empty() {
        return Err(CitizenError::ListPartition(listed));
    }
    let signed: Vec<&List> = covering.into_iter().filter(|list| list.signed_by(issuer)).collect();
    if signed.is_empty() {
        return Err(malformed(ListFault::Signature));
    }
    let (complete, deltas): (Vec<&List>, Vec<&List>) =
        signed.into_iter().partition(|list| list.base.is_none());
    let expired = |list: &List| {
        let (this_update, next_update) = (list.this_update, list.next_update);
        CitizenError::ListExpired { listed, this_update, next_update }
    };
    let newest = newest_of_each_scope(&complete, at);
    if newest.is_empty() {
        let latest = complete.iter().max_by_key(|list| list.next_update);
        return Err(latest.map_or(CitizenError::ListMissing(listed), |latest| expired(latest)));
    }
    let says = newest.iter().filter_map(|base| status(base, &deltas, &certificate.serial, at));
    match says.max() {
        Some(Entry::Revoked) => return Err(CitizenError::Revoked(listed)),
        Some(Entry::Held) => return Err(CitizenError::OnHold(listed)),
        Some(Entry::Removed) | None => {}
    }
    let lacking = newest.iter().find_map(|base| lacking(base, &deltas, at));
    lacking.map_or(Ok(Spoken::Yes), |delta| Err(expired(delta)))
}

/// Of the complete lists that have begun, the newest of each scope, if it is valid now: an older one does
/// not replace it, which somebody may have put back (V-110). Of one age there may be several,
/// and each is kept: which was given first decides nothing (V-113).
fn newest_of_each_scope<'a>(complete: &[&'a List], at: Time) -> Vec<&'a List> {
    let age = |list: &List| (list.number.clone(), list.this_update);
    let begun = || complete.iter().copied().filter(|list| list.this_update <= at);
    let replaced = |list: &List| {
        begun().any(|other| other.scope.raw == list.scope.raw && age(other) > age(list))
    };
    begun().filter(|list| list.in_force(at) && !replaced(list)).collect()
}

/// The newest delta list that shows that more happened since `base` than is known here: it is newer, and
/// none that continues `base` is valid now (V-112).
fn lacking<'a>(base: &List, deltas: &[&'a List], at: Time) -> Option<&'a List> {
    if deltas.iter().any(|delta| delta.in_force(at) && delta.continues(base)) {
        return None;
    }
    let newer = deltas.iter().copied().filter(|delta| delta.is_newer_than(base, at));
    newer.max_by_key(|delta| delta.next_update)
}

/// What a complete list and the newest delta list that continues it say of a serial number; of several
/// delta lists of that number, the gravest.
fn status(base: &List, deltas: &[&List], serial: &[u8], at: Time) -> Option<Entry> {
    let continuing = || deltas.iter().filter(|delta| delta.in_force(at) && delta.continues(base));
    let before = base.entries.get(serial).copied();
    let after = |delta: &&&List| match (before, delta.entries.get(serial).copied()) {
        (before, None) => before,
        // What is revoked for good stays so: a delta list lifts holds only.
        (Some(Entry::Revoked), Some(_)) => Some(Entry::Revoked),
        (_, Some(Entry::Removed)) => None,
        (_, Some(after)) => Some(after),
    };
    let Some(newest) = continuing().map(|delta| &delta.number).max() else { return before };
    continuing().filter(|delta| delta.number == *newest).map(|delta| after(&delta)).max().flatten()
}
