//! From the close to the end (V-045 to V-049, V-142 to V-144, V-161, V-167).

use super::bids::{bids, end, is_bought, winner};
use super::listing::opens_at;
use super::sealed::{handed_in, opened, stated};
use super::{Judged, forfeited, listed, reserve, terms, unless};
use crate::histories::plain::{Act, Date, Record, SECOND, Signer};

const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 86_400 * SECOND;

/// How far an auction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::histories) enum Phase {
    Open,
    Closed,
    /// By the `settled` at this position.
    Settled(usize),
    Ended,
}

pub(in crate::histories) fn phase(log: &[Record]) -> Phase {
    let mut phase = Phase::Open;
    for (at, record) in log.iter().enumerate() {
        phase = match &record.act {
            Act::Closed | Act::Forfeited { .. } => Phase::Closed,
            Act::Settled { winner: Some(_), .. } => Phase::Settled(at),
            Act::Settled { winner: None, .. } => Phase::Ended,
            Act::Revealed | Act::Abandoned | Act::Withdrawn => Phase::Ended,
            _ => phase,
        };
    }
    phase
}

/// The word for how far it has come.
pub(super) fn word(log: &[Record]) -> &'static str {
    match phase(log) {
        Phase::Open => "open",
        Phase::Closed => "closed",
        Phase::Settled(_) => "settled",
        Phase::Ended => ended(log),
    }
}

fn ended(log: &[Record]) -> &'static str {
    let closed = log.iter().rposition(|record| matches!(record.act, Act::Closed));
    let before = log.get(..closed.unwrap_or(0)).unwrap_or_default();
    let is_unlisted = |time| taken_back(before).is_some_and(|back| time <= window(before, back).1);
    for record in log {
        match &record.act {
            Act::Revealed => return "sold",
            Act::Abandoned => return "abandoned",
            Act::Withdrawn => return "withdrawn",
            Act::Settled { winner: None, dates, .. } => {
                if !handed_in(log).is_empty() && opened(log).is_none() {
                    let shut = dated(log, dates).is_some_and(|by| by < opens_at(terms(log)));
                    return if shut { "unopened" } else { "void" };
                }
                let closed = closed.and_then(|at| log.get(at)).map(|closed| closed.batch.time);
                return match closed.is_some_and(is_unlisted) {
                    true => "unlisted",
                    false if reserve::is_below(log) => "below-reserve",
                    false => "unsold",
                };
            }
            _ => {}
        }
    }
    "ended"
}

/// When the item is taken back, as long as no bid counts: the stamp of `unlist`.
pub(in crate::histories) fn taken_back(log: &[Record]) -> Option<u64> {
    let is_bid = |record: &Record| matches!(record.act, Act::Bid { .. } | Act::SealedBid { .. });
    if log.iter().any(is_bid) {
        return None;
    }
    let back = log.iter().find(|record| matches!(record.act, Act::Unlist { .. }))?;
    Some(back.batch.time)
}

/// From when until when, the last instant included, an item that is taken back can be closed and not bid on.
pub(super) fn window(log: &[Record], back: u64) -> (u64, u64) {
    let terms = terms(log);
    (back, back + (terms.freshness + terms.grace) * SECOND)
}

/// V-161.
pub(super) fn judge_unlist(log: &[Record], next: &Record, is_ratio_right: bool) -> Judged {
    // One that a bid has voided is none.
    let again = taken_back(log).is_some();
    let open = phase(log) == Phase::Open && next.batch.time < end(log);
    unless(open && !again, "verb.phase")?;
    let none = bids(log).is_empty() && handed_in(log).is_empty();
    unless(none, "unlist.bids")?;
    let by = |record: &Record| match record.signer {
        Signer::Key(persona, _) => Some(persona),
        Signer::Broker => None,
    };
    let sellers = log.first().is_some_and(|listing| by(listing) == by(next));
    unless(is_ratio_right && sellers, "unlist.seller")
}

/// From when on a `closed` of that stamp may be.
pub(in crate::histories) fn due(log: &[Record], time: u64) -> u64 {
    let freshness = terms(log).freshness * SECOND;
    match taken_back(log) {
        Some(back) if time >= back && time <= window(log, back).1 => {
            (back + freshness).min(end(log))
        }
        _ => end(log),
    }
}

/// V-045.
pub(super) fn judge_closed(log: &[Record], next: &Record) -> Judged {
    unless(phase(log) == Phase::Open, "verb.phase")?;
    unless(next.batch.time >= due(log, next.batch.time), "closed.early")?;
    unless(next.seen.0 == log.len() as u64, "closed.seen")
}

/// The `closed`, and what was before it.
fn closed(log: &[Record]) -> Option<(&Record, &[Record])> {
    let at = log.iter().position(|record| matches!(record.act, Act::Closed))?;
    Some((log.get(at)?, log.get(..at)?))
}

/// V-142: by named witnesses over the right head, each once and in the order of the listing.
pub(super) fn is_held(log: &[Record], dates: &[Date]) -> bool {
    let mut last = None;
    for date in dates {
        let place = terms(log).witnesses.iter().position(|(key, _)| *key == date.witness);
        if !date.holds || place.is_none() || place <= last {
            return false;
        }
        last = place;
    }
    true
}

/// V-143: the earliest second by which witnesses of a quorum of operators had signed.
pub(super) fn dated(log: &[Record], dates: &[Date]) -> Option<u64> {
    let terms = terms(log);
    let mut times: Vec<u64> = dates.iter().map(|date| date.time).collect();
    times.sort_unstable();
    for time in times {
        let mut operators = Vec::new();
        for date in dates.iter().filter(|date| date.time <= time) {
            let named = terms.witnesses.iter().find(|(key, _)| *key == date.witness);
            operators.extend(named.map(|(_, operator)| *operator));
        }
        operators.sort_unstable();
        operators.dedup();
        if operators.len() as u64 >= terms.quorum {
            return Some(time);
        }
    }
    None
}

/// V-143: whether these date the close by its stamp and G, rounded up.
pub(in crate::histories) fn is_dated_in_time(log: &[Record], dates: &[Date]) -> bool {
    let Some((closed, _)) = closed(log) else { return false };
    let limit = (closed.batch.time + terms(log).grace * SECOND).div_ceil(SECOND);
    dated(log, dates).is_some_and(|by| by <= limit)
}

/// V-046, V-142, V-143, V-167.
pub(super) fn judge_settled(
    log: &[Record],
    next: &Record,
    named: (Option<u64>, Option<u64>),
    dates: &[Date],
) -> Judged {
    unless(phase(log) == Phase::Closed, "verb.phase")?;
    let (terms, time) = (terms(log), next.batch.time);
    let is_first = !log.iter().any(|record| matches!(record.act, Act::Settled { .. }));
    let is_dated = terms.sealed.is_some() && opened(log).is_some();
    let may_date = is_first && !is_dated && !terms.witnesses.is_empty();
    unless(dates.is_empty() || (may_date && is_held(log, dates)), "settled.wrong")?;
    let given_up = opens_at(terms) * SECOND + DAY;
    if opened(log).is_none() && !handed_in(log).is_empty() {
        unless(named == (None, None), "settled.wrong")?;
        let at = opens_at(terms);
        let shut = dated(log, dates).is_some_and(|by| by < at);
        let from = if shut { at * SECOND + DAY } else { at * SECOND };
        return unless(time >= from, "settled.early");
    }
    let due = winner(log);
    unless(named == (due.map(|(seq, _)| seq), due.map(|(_, price)| price)), "settled.wrong")?;
    unless(!reserve::is_awaited(log) || time >= given_up, "settled.early")?;
    if may_date && !is_dated_in_time(log, dates) {
        let closed = closed(log).map_or(0, |(closed, _)| closed.batch.time);
        unless(time > closed + terms.grace * SECOND, "settled.early")?;
    }
    Ok(())
}

/// The named winner's position, and when it was named.
pub(super) fn named(log: &[Record]) -> Result<(u64, u64), &'static str> {
    let Phase::Settled(at) = phase(log) else { return Err("verb.phase") };
    let settled = log.get(at).ok_or("verb.phase")?;
    match settled.act {
        Act::Settled { winner: Some(winner), .. } => Ok((winner, settled.batch.time)),
        _ => Err("verb.phase"),
    }
}

/// Who was named last, for how much, unless it was forfeited since.
pub(super) fn named_last(log: &[Record]) -> Option<(u64, u64)> {
    let mut last = None;
    for record in log {
        match record.act {
            Act::Settled { winner, price, .. } => last = winner.zip(price),
            Act::Forfeited { .. } => last = None,
            _ => {}
        }
    }
    last
}

/// V-047, V-049.
pub(super) fn judge_forfeited(
    log: &[Record],
    next: &Record,
    winner: u64,
    others: &[(u64, bool)],
) -> Judged {
    let (named, _) = named(log)?;
    unless(winner == named && others.len() <= 128, "forfeit.wrong")?;
    let (counted, gone) = (bids(log), forfeited(log));
    let persona = |seq: u64| {
        let bid = counted.iter().find(|bid| bid.seq == seq && !gone.contains(&seq))?;
        if let Signer::Key(persona, _) = bid.signer { Some(persona) } else { None }
    };
    let mut last = None;
    for (seq, is_ratio_right) in others {
        let fits = *seq != named && last.is_none_or(|last| last < *seq);
        let same = persona(*seq).is_some() && persona(*seq) == persona(named);
        unless(fits && same && *is_ratio_right, "forfeit.wrong")?;
        last = Some(*seq);
    }
    judge_absence(log, next)
}

/// V-049.
pub(super) fn judge_absence(log: &[Record], next: &Record) -> Judged {
    let (_, since) = named(log)?;
    unless(next.batch.time > since + terms(log).within * SECOND, "absent.wrong")
}

/// V-048.
pub(super) fn judge_withdrawn(log: &[Record]) -> Judged {
    named(log)?;
    let is_first =
        log.iter().filter(|record| matches!(record.act, Act::Settled { .. })).count() < 2;
    unless(late(log).is_some() || !is_first, "withdraw.forbidden")
}

/// The last instant at which the header before that of `closed` may be (V-045, V-161).
pub(in crate::histories) fn falls_out_at(before: &[Record], closed: u64) -> u64 {
    let terms = terms(before);
    let handed_in = if is_bought(before) { terms.freshness } else { 0 };
    due(before, closed) + (terms.grace + handed_in) * SECOND
}

/// Why the close was late, if it was: the first cause that is told.
pub(super) fn late(log: &[Record]) -> Option<&'static str> {
    let (terms, grace) = (terms(log), terms(log).grace * SECOND);
    if stated(log).is_some_and(|stated| stated.batch.prev_time > listed(log) + MINUTE) {
        return Some("sealing");
    }
    let (closed, before) = closed(log)?;
    if closed.batch.prev_time > falls_out_at(before, closed.batch.time) {
        return Some("stamp");
    }
    // What nobody could read ended without a winner: V-143 and V-144 say nothing of it.
    if opened(log).is_none() && !handed_in(log).is_empty() {
        return None;
    }
    let mut is_first = true;
    let (mut since, mut named_late) = (closed.batch.time, false);
    for (at, record) in log.iter().enumerate() {
        match &record.act {
            Act::Opened { .. } | Act::Unseal { .. } => {
                if let Act::Opened { dates, .. } = &record.act
                    && terms.sealed.is_some()
                    && !is_dated_in_time(log, dates)
                {
                    return Some("witness");
                }
                if record.batch.prev_time > opens_at(terms) * SECOND + MINUTE {
                    return Some("opened");
                }
                since = match record.act {
                    Act::Unseal { .. } => record.batch.time + terms.freshness * SECOND,
                    _ => record.batch.time,
                };
            }
            Act::Settled { dates, .. } => {
                let is_dated = terms.sealed.is_some() && opened(log).is_some();
                let asks = is_first && !terms.witnesses.is_empty() && !is_dated;
                if asks && !is_dated_in_time(log, dates) {
                    return Some("witness");
                }
                if reserve::is_awaited(log.get(..at).unwrap_or_default()) {
                    return Some("opened");
                }
                named_late |= record.batch.prev_time > since + grace + MINUTE;
                is_first = false;
            }
            Act::Forfeited { .. } => since = record.batch.time,
            _ => {}
        }
    }
    named_late.then_some("settled")
}
