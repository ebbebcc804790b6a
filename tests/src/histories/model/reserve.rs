//! Hidden reserves (V-210 to V-215), which are known here from the start.

use super::bids::{bids, is_bought};
use super::close::{Phase, phase};
use super::sealed::{opened, stated, unsealable};
use super::{Judged, forfeited, terms, unless};
use crate::histories::plain::{Act, Flaw, Record, Signer};

/// The `reserve`, if it is there.
pub(super) fn sent(log: &[Record]) -> Option<&Record> {
    log.iter().find(|record| matches!(record.act, Act::Reserve { .. }))
}

/// The `unseal`, if it is there.
pub(super) fn unsealed(log: &[Record]) -> Option<&Record> {
    log.iter().find(|record| matches!(record.act, Act::Unseal { .. }))
}

/// V-211, V-213: whether it is shown to be the seller's.
fn is_sellers(log: &[Record], next: &Record, is_ratio_right: bool) -> bool {
    let by = |record: &Record| match record.signer {
        Signer::Key(persona, _) => Some(persona),
        Signer::Broker => None,
    };
    is_ratio_right && log.first().is_some_and(|listing| by(listing) == by(next))
}

/// V-211.
pub(super) fn judge_sent(
    log: &[Record],
    next: &Record,
    (flaw, is_ratio_right): (Option<Flaw>, bool),
) -> Judged {
    unless(terms(log).reserve.is_some(), "verb.kind")?;
    let due = phase(log) == Phase::Open && stated(log).is_some() && sent(log).is_none();
    unless(due, "verb.phase")?;
    unless(is_sellers(log, next, is_ratio_right), "reserve.seller")?;
    unless(flaw != Some(Flaw::Form), "reserve.sealed")
}

/// V-212: whether a winner cannot be named before the reserve is open, or given up.
pub(in crate::histories) fn is_awaited(log: &[Record]) -> bool {
    let settled = log.iter().any(|record| matches!(record.act, Act::Settled { .. }));
    let sealed = sent(log).is_some() && opened(log).is_none() && unsealed(log).is_none();
    let due = phase(log) == Phase::Closed && !bids(log).is_empty() && !is_bought(log);
    terms(log).sealed.is_none() && sealed && due && !settled
}

/// V-213.
pub(super) fn judge_unsealed(
    log: &[Record],
    next: &Record,
    (is_right, is_ratio_right): (bool, bool),
) -> Judged {
    let terms = terms(log);
    unless(terms.reserve.is_some() && terms.sealed.is_none(), "verb.kind")?;
    unless(is_awaited(log), "verb.phase")?;
    unless(is_sellers(log, next, is_ratio_right), "reserve.seller")?;
    let flawless = match sent(log).map(|sent| &sent.act) {
        Some(Act::Reserve { flaw, .. }) => flaw.is_none(),
        _ => false,
    };
    unless(is_right && flawless, "reserve.wrong")
}

/// How much is known of it, by its word, and what it is.
pub(super) fn standing(log: &[Record]) -> Option<(&'static str, Option<u64>)> {
    terms(log).reserve?;
    let Some(Act::Reserve { amount, flaw, .. }) = sent(log).map(|sent| &sent.act) else {
        return Some(("awaited", None));
    };
    if unsealed(log).is_some() {
        return Some(("open", Some(*amount)));
    }
    if let Some(Act::Opened { locks, .. }) = opened(log).map(|opened| &opened.act) {
        return Some(match unsealable(*flaw, locks) {
            Some(_) => ("void", None),
            None => ("open", Some(*amount)),
        });
    }
    let settled = log.iter().position(|record| matches!(record.act, Act::Settled { .. }));
    let before = settled.and_then(|at| log.get(..at)).unwrap_or_default();
    let is_given_up = !before.is_empty() && is_awaited(before);
    Some((if is_given_up { "unopened" } else { "sealed" }, None))
}

/// What a winner has to reach, as far as it is known.
pub(in crate::histories) fn known(log: &[Record]) -> Option<u64> {
    standing(log)?.1
}

/// V-215: whether somebody would have won, were it not for the reserve.
pub(super) fn is_below(log: &[Record]) -> bool {
    let gone = forfeited(log);
    let left = bids(log).iter().any(|bid| !gone.contains(&bid.seq));
    left && (gone.is_empty() || !is_bought(log))
}
