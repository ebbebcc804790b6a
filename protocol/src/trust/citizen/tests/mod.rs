//! Citizens, authorities and lists of the test PKI, judged.

use crate::value::report::Advised as _;
use std::sync::OnceLock;

use pregao_test_pki::rcgen::CertificateParams;
use pregao_test_pki::{CardMaterial, CitizenData, Pki, Plan, Profile};

use super::{Citizen, CitizenError, Revocation, StatePki, TestCards};
use crate::value::clock::Time;

mod authorities;
mod cards;
mod folder;
mod lists;
mod texts;

/// 2026-09-21T13:33:20Z, the instant around which everything is valid.
const NOW: u64 = 1_790_000_000;

fn seconds(seconds: u64) -> Time {
    Time::from_micros(seconds * 1_000_000).unwrap()
}

fn now() -> Time {
    seconds(NOW)
}

fn just_after(time: Time) -> Time {
    Time::from_micros(time.as_micros() + 1).unwrap()
}

fn just_before(time: Time) -> Time {
    Time::from_micros(time.as_micros() - 1).unwrap()
}

/// The marked test PKI.
fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| Pki::new(Plan::quick(NOW)))
}

/// The same keys without marks.
fn unmarked() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| Pki::new(Plan::quick(NOW).unmarked()))
}

fn state(lists: Vec<Vec<u8>>) -> StatePki {
    StatePki::new(pki().anchors(), pki().intermediates(), lists, TestCards::Accepted).unwrap()
}

fn citizen_one() -> CitizenData {
    CitizenData::numbered(601)
}

/// A v5 card in good order.
fn card() -> &'static CardMaterial {
    static CARD: OnceLock<CardMaterial> = OnceLock::new();
    CARD.get_or_init(|| pki().citizen(Profile::V5, &citizen_one()))
}

/// A v5 certificate, changed before it was signed.
fn edited(edit: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    pki().citizen_with(Profile::V5, &citizen_one(), edit).authentication.certificate
}

/// Judged now, without lists.
fn verify(leaf: &[u8], sent: &[Vec<u8>]) -> Result<Citizen, CitizenError> {
    verify_at(leaf, sent, now())
}

fn verify_at(leaf: &[u8], sent: &[Vec<u8>], at: Time) -> Result<Citizen, CitizenError> {
    state(Vec::new()).verify(leaf, sent, at, Revocation::WhereListed)
}

/// The code of a refusal, or that there was none.
fn code(judged: Result<Citizen, CitizenError>) -> &'static str {
    judged.map_or_else(|refusal| refusal.code(), |_| "accepted")
}
