//! An auction as SPEC 7.2, 7.3, 7.9 to 7.11 and 7.13 have it, and nothing else: what counts is worked out anew from the whole
//! history for every question. It never calls a fold, keeps no state, and reads no bytes.
//!
//! Where bids are sealed it opens none: it was told what is in each.

mod bids;
mod close;
mod every;
mod listing;
mod paddles;
mod reserve;
mod rule;
mod sealed;

pub(super) use bids::{bids, end, least, price_at, stands, winner};
pub(super) use close::{Phase, due, falls_out_at, phase, taken_back};
pub(super) use listing::opens_at;
pub(super) use paddles::under;
pub(super) use reserve::{is_awaited, known};
pub(super) use rule::accepts;
pub(super) use sealed::{cause, opened};

use super::plain::{Act, Record, Terms, Verdict};

/// A code, or nothing against it.
pub(super) type Judged = Result<(), &'static str>;

/// Refuses by a code unless something holds.
fn unless(holds: bool, code: &'static str) -> Judged {
    if holds { Ok(()) } else { Err(code) }
}

/// The terms that the first entry lists.
pub(super) fn terms(log: &[Record]) -> &Terms {
    match log.first().map(|first| &first.act) {
        Some(Act::List(terms)) => terms,
        _ => unreachable!("a history begins with a listing"),
    }
}

/// When it was listed.
pub(super) fn listed(log: &[Record]) -> u64 {
    log.first().map_or(0, |first| first.batch.time)
}

/// The first rule that `next` breaks after `log`, if any.
pub(super) fn judge(log: &[Record], next: &Record) -> Judged {
    if log.is_empty() {
        return match &next.act {
            Act::List(terms) => listing::judge(terms, next),
            _ => Err("verb.phase"),
        };
    }
    every::judge(log, next)?;
    let terms = terms(log);
    let is_sealed = terms.sealed.is_some();
    match &next.act {
        Act::List(_) | Act::Foreign => Err("verb.kind"),
        Act::Bid { .. } | Act::SealedBid { .. }
            if is_sealed == matches!(next.act, Act::Bid { .. }) =>
        {
            Err("verb.kind")
        }
        Act::Sealing(_) | Act::Opened { .. } if terms.needed().is_none() => Err("verb.kind"),
        Act::Reserve { flaw, is_ratio_right, .. } => {
            reserve::judge_sent(log, next, (*flaw, *is_ratio_right))
        }
        Act::Unseal { is_right, is_ratio_right } => {
            reserve::judge_unsealed(log, next, (*is_right, *is_ratio_right))
        }
        Act::Bid { amount, is_other_currency } => {
            bids::judge_instant(log, next)?;
            unless(!is_other_currency, "bid.currency")?;
            bids::judge_amount(log, next, *amount)
        }
        Act::SealedBid { flaw, .. } => {
            bids::judge_instant(log, next)?;
            sealed::judge_bid(log, *flaw)?;
            paddles::judge(log, next)
        }
        Act::Sealing(misstated) => sealed::judge_sealing(log, *misstated),
        Act::Opened { .. } => sealed::judge_opened(log, next),
        Act::Say => Ok(()),
        Act::Unlist { is_ratio_right } => close::judge_unlist(log, next, *is_ratio_right),
        Act::Closed => close::judge_closed(log, next),
        Act::Settled { winner, price, dates } => {
            close::judge_settled(log, next, (*winner, *price), dates)
        }
        Act::Forfeited { winner, others } => close::judge_forfeited(log, next, *winner, others),
        Act::Revealed => close::named(log).map(|_| ()),
        Act::Abandoned => close::judge_absence(log, next),
        Act::Withdrawn => close::judge_withdrawn(log),
    }
}

/// Positions of bids that were forfeited.
pub(super) fn forfeited(log: &[Record]) -> Vec<u64> {
    let mut all = Vec::new();
    for record in log {
        if let Act::Forfeited { winner, others } = &record.act {
            all.push(*winner);
            all.extend(others.iter().map(|(seq, _)| *seq));
        }
    }
    all
}

/// What the history says.
pub(super) fn verdict(log: &[Record]) -> Verdict {
    let gone = forfeited(log);
    let counted = bids(log);
    let bids = counted.iter().map(|bid| (bid.seq, bid.amount, bid.time, gone.contains(&bid.seq)));
    Verdict {
        phase: close::word(log),
        end: end(log),
        winner: close::named_last(log),
        bids: bids.collect(),
        paddles: paddles::paddles(log),
        void: sealed::void(log),
        unopened: if opened(log).is_none() { sealed::handed_in(log).len() } else { 0 },
        is_bought: bids::is_bought(log),
        late: close::late(log),
        reserve: reserve::standing(log),
    }
}
