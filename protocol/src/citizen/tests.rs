//! Citizens, authorities and lists of the test PKI, judged.

use std::sync::OnceLock;

use pregao_test_pki::{CitizenData, Fault, Pki, Plan, Profile};

use super::{Citizen, CitizenError, Revocation, RevocationStatus, StatePki, TestCards};
use crate::clock::Time;

mod cards;
mod lists;

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
