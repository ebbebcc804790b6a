//! Sealed bids (V-164 to V-168), whose contents are known here from the start.

use super::close::{Phase, dated, is_held, phase};
use super::listing::opens_at;
use super::reserve::is_awaited;
use super::{Judged, listed, rule, terms, unless};
use crate::histories::plain::{Act, Flaw, Misstated, Record, SECOND};

const DAY: u64 = 86_400;

/// The `sealing`, if it is there.
pub(super) fn stated(log: &[Record]) -> Option<&Record> {
    log.iter().find(|record| matches!(record.act, Act::Sealing(_)))
}

/// The `opened`, if it is there.
pub(in crate::histories) fn opened(log: &[Record]) -> Option<&Record> {
    log.iter().find(|record| matches!(record.act, Act::Opened { .. }))
}

/// Positions of all sealed bids.
pub(super) fn handed_in(log: &[Record]) -> Vec<u64> {
    let bids = (0..).zip(log).filter(|(_, record)| matches!(record.act, Act::SealedBid { .. }));
    bids.map(|(seq, _)| seq).collect()
}

/// V-164.
pub(super) fn judge_sealing(log: &[Record], misstated: Option<Misstated>) -> Judged {
    unless(phase(log) == Phase::Open && stated(log).is_none(), "verb.phase")?;
    unless(misstated.is_none(), "sealing.wrong")
}

/// V-165, as long as it is sealed.
pub(super) fn judge_bid(log: &[Record], flaw: Option<Flaw>) -> Judged {
    unless(stated(log).is_some(), "bid.early")?;
    unless(flaw != Some(Flaw::Form), "bid.sealed")
}

/// V-166, V-212.
pub(super) fn judge_opened(log: &[Record], next: &Record) -> Judged {
    let Act::Opened { is_key_right, locks, dates } = &next.act else { return Err("verb.kind") };
    let due = phase(log) == Phase::Closed && opened(log).is_none() && !handed_in(log).is_empty();
    unless(due || is_awaited(log), "verb.phase")?;
    let (terms, time) = (terms(log), next.batch.time);
    let at = opens_at(terms);
    let needed = terms.needed().unwrap_or(0);
    let in_time = time >= at * SECOND && time < (at + DAY) * SECOND;
    let mut is_right = *is_key_right && locks.len() as u64 == needed;
    for (one, next) in locks.iter().zip(locks.iter().skip(1)) {
        is_right &= one.0 < next.0;
    }
    for (tsa, is_secret) in locks {
        is_right &= *is_secret && *tsa < terms.stamps.len();
    }
    // Where bids are open, `settled` has the dates.
    let shut = match terms.sealed {
        Some(_) => is_held(log, dates) && dated(log, dates).is_some_and(|by| by < at),
        None => dates.is_empty(),
    };
    unless(in_time && is_right && shut, "opened.wrong")
}

/// Why a sealed bid is void once it is opened by these TSAs, if it is (V-165, V-176).
pub(in crate::histories) fn cause(
    log: &[Record],
    bid: &Record,
    locks: &[(usize, bool)],
) -> Option<&'static str> {
    let Act::SealedBid { amount, flaw } = bid.act else { return None };
    let (terms, listed) = (terms(log), listed(log));
    match unsealable(flaw, locks) {
        Some(cause) => Some(cause),
        None if amount < terms.start => Some("too-low"),
        None if !rule::accepts(terms, listed, amount, bid.batch.time) => Some("rule"),
        None => None,
    }
}

/// Why something sealed does not open by these TSAs, if it does not.
pub(super) fn unsealable(flaw: Option<Flaw>, locks: &[(usize, bool)]) -> Option<&'static str> {
    match flaw? {
        Flaw::Broker | Flaw::Copied | Flaw::Form => Some("broker"),
        Flaw::Share(x) if locks.iter().any(|(tsa, _)| *tsa == x) => Some("share"),
        Flaw::Commitment => Some("commitment"),
        Flaw::Share(_) => Some("shares"),
        Flaw::Amount => Some("amount"),
    }
}

fn opened_by(log: &[Record]) -> Option<&[(usize, bool)]> {
    match opened(log).map(|record| &record.act) {
        Some(Act::Opened { locks, .. }) => Some(locks),
        _ => None,
    }
}

/// Whether the sealed bid at a position is opened and not void.
pub(super) fn counts(log: &[Record], seq: u64) -> bool {
    let Some(locks) = opened_by(log) else { return false };
    !void_by(log, locks).iter().any(|(void, _)| *void == seq)
}

/// The opened bids that are void, with why.
pub(super) fn void(log: &[Record]) -> Vec<(u64, &'static str)> {
    opened_by(log).map_or_else(Vec::new, |locks| void_by(log, locks))
}

fn void_by(log: &[Record], locks: &[(usize, bool)]) -> Vec<(u64, &'static str)> {
    let all = (0..).zip(log);
    all.filter_map(|(seq, bid)| Some((seq, cause(log, bid, locks)?))).collect()
}
