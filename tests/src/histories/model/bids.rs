//! Which bids count, and which of them wins (V-040 to V-044, V-159, V-160, V-168, V-181 to V-184).

use sha2::{Digest as _, Sha256};

use super::close::{Phase, phase, taken_back, window};
use super::rule::{self, Asked};
use super::{Judged, forfeited, listed, paddles, reserve, sealed, terms, unless};
use crate::histories::plain::{Act, MOST, Record, SECOND, Signer, Terms};

/// A bid that counts.
#[derive(Debug, Clone, Copy)]
pub(in crate::histories) struct Counted {
    pub(in crate::histories) seq: u64,
    /// What it offers; where the price falls, what it pays.
    pub(in crate::histories) amount: u64,
    pub(in crate::histories) time: u64,
    pub(in crate::histories) signer: Signer,
    /// What decides among bids of one time where the price falls.
    pub(super) lot: [u8; 32],
}

/// The bids that count, in the order of the log; sealed ones once they are opened.
pub(in crate::histories) fn bids(log: &[Record]) -> Vec<Counted> {
    let mut all = Vec::new();
    for (seq, record) in (0..).zip(log) {
        let amount = match record.act {
            Act::Bid { amount, .. } => price_at(log, record.batch.time).unwrap_or(amount),
            Act::SealedBid { amount, .. } if sealed::counts(log, seq) => amount,
            _ => continue,
        };
        let lot = Sha256::new()
            .chain_update("pregao/lot/v1")
            .chain_update(record.batch.hash)
            .chain_update(record.digest)
            .finalize()
            .into();
        let (time, signer) = (record.batch.time, record.signer);
        all.push(Counted { seq, amount, time, signer, lot });
    }
    all
}

/// V-181, where the price falls.
pub(in crate::histories) fn price_at(log: &[Record], time: u64) -> Option<u64> {
    let terms = terms(log);
    let (floor, fall, every) = terms.dutch?;
    let since = terms.begin.unwrap_or(0).max(listed(log));
    let mut price = terms.start;
    for _ in 0..time.saturating_sub(since) / (every * SECOND) {
        price = price.saturating_sub(fall);
        if price <= floor {
            return Some(floor);
        }
    }
    Some(price.max(floor))
}

/// The end that holds after these entries (V-044, V-160, V-183).
pub(in crate::histories) fn end(log: &[Record]) -> u64 {
    let terms = terms(log);
    let mut end = terms.end;
    let mut is_first = true;
    for (at, record) in log.iter().enumerate() {
        let Act::Bid { amount, .. } = record.act else { continue };
        let (time, before) = (record.batch.time, log.get(..at).unwrap_or_default());
        if terms.dutch.is_some() {
            if is_first {
                end = time + terms.freshness * SECOND;
            }
        } else if stands(before).is_some_and(|price| amount >= price) {
            return time;
        } else if let Some((extend, hard_end)) = terms.soft {
            end = hard_end.min(end.max(time + extend * SECOND));
        }
        is_first = false;
    }
    end
}

/// V-160: for how much it can be bought after these entries.
pub(in crate::histories) fn stands(log: &[Record]) -> Option<u64> {
    let price = terms(log).buy_now?;
    for record in log {
        match record.act {
            Act::Bid { amount, .. } if amount < price && 2 * amount >= price => return None,
            _ => {}
        }
    }
    Some(price)
}

/// Whether a bid has bought it.
pub(super) fn is_bought(log: &[Record]) -> bool {
    let bought = |at: usize| match log.get(at).map(|record| &record.act) {
        Some(Act::Bid { amount, .. }) => {
            stands(log.get(..at).unwrap_or_default()).is_some_and(|price| *amount >= price)
        }
        _ => false,
    };
    (1..log.len()).any(bought)
}

/// V-040, V-041, V-211.
pub(super) fn judge_instant(log: &[Record], next: &Record) -> Judged {
    let time = next.batch.time;
    unless(phase(log) == Phase::Open && time < end(log) && !is_bought(log), "bid.late")?;
    if let Some(back) = taken_back(log) {
        let (from, until) = window(log, back);
        unless(time < from || time > until, "bid.late")?;
    }
    let begin = terms(log).begin.unwrap_or(0).max(listed(log));
    let is_open = terms(log).reserve.is_none() || reserve::sent(log).is_some();
    unless(time >= begin && is_open, "bid.early")
}

/// V-043: the least that an open bid may be; nothing beyond the largest amount.
pub(in crate::histories) fn least(log: &[Record]) -> Option<u64> {
    let terms = terms(log);
    let Some(highest) = bids(log).iter().map(|bid| bid.amount).max() else {
        return Some(terms.start.max(1));
    };
    let least = highest + increment(terms, highest);
    Some(least).filter(|least| *least <= MOST)
}

fn increment(terms: &Terms, highest: u64) -> u64 {
    let mut holds = terms.steps.iter().filter(|(from, _)| *from <= highest);
    holds.next_back().map_or(terms.increment, |(_, increment)| *increment)
}

/// V-043, V-159, V-175; V-182 where the price falls. V-200 and V-201 before the seller's rule.
pub(super) fn judge_amount(log: &[Record], next: &Record, amount: u64) -> Judged {
    let time = next.batch.time;
    if let Some(price) = price_at(log, time) {
        unless(amount >= price, "bid.too-low")?;
        return paddles::judge(log, next);
    }
    let (terms, before) = (terms(log), bids(log));
    let least = least(log).filter(|least| amount >= *least).ok_or("bid.too-low")?;
    let highest = before.iter().map(|bid| bid.amount).max();
    if let Some(most) = terms.max_raise {
        let raised = amount - highest.unwrap_or(terms.start);
        unless(raised <= most || stands(log) == Some(amount), "bid.too-high")?;
    }
    paddles::judge(log, next)?;
    let asked = Asked {
        amount,
        highest: highest.unwrap_or(0),
        least,
        bids: before.len() as u64,
        paddle_bids: next.paddle.map_or(0, |held| paddles::under(log, held.name).len() as u64),
        elapsed: (time - listed(log)) / SECOND,
        remaining: (end(log) - time) / SECOND,
    };
    unless(rule::allows(terms, &asked), "bid.rule")
}

/// Who wins of those that are not forfeited, and for how much (V-046, V-160, V-168, V-184, V-215).
pub(in crate::histories) fn winner(log: &[Record]) -> Option<(u64, u64)> {
    let (terms, gone) = (terms(log), forfeited(log));
    if is_bought(log) && !gone.is_empty() {
        return None;
    }
    let mut left: Vec<Counted> = bids(log);
    left.retain(|bid| !gone.contains(&bid.seq));
    if terms.dutch.is_some() {
        left.sort_by_key(|bid| (bid.time, bid.lot));
    } else {
        // Of equal ones the first in the log.
        left.sort_by_key(|bid| (u64::MAX - bid.amount, bid.seq));
    }
    let known = reserve::known(log).unwrap_or(0);
    let best = left.first().filter(|best| best.amount >= known)?;
    match terms.sealed {
        Some((true, _)) => {
            let second = left.get(1).map_or(terms.start.max(1), |second| second.amount);
            Some((best.seq, second.max(known)))
        }
        _ => Some((best.seq, best.amount)),
    }
}
