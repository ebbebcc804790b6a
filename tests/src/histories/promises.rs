//! What every history keeps, by what the broker's fold says of it.

use std::collections::BTreeSet;

use pregao_protocol::room::Auction;

use super::model;
use super::plain::{Act, Record, SECOND, Terms};

/// Says which promise is broken.
pub(super) fn keep(log: &[Record], auction: &Auction) -> Result<(), String> {
    let terms = model::terms(log);
    counted_once(log, auction)?;
    if let Some((_, hard_end)) = terms.soft {
        let late = auction.bids().iter().any(|bid| bid.time.as_micros() >= hard_end);
        if late || auction.end().as_micros() > hard_end {
            return Err("the hard end is not respected".to_owned());
        }
    }
    for record in log {
        if let Act::Settled { winner: Some(winner), price: Some(price), .. } = record.act {
            winner_may_win(log, terms, winner, price)?;
        }
    }
    nothing_lost(log, auction)
}

fn at(log: &[Record], seq: u64) -> Option<(usize, &Record)> {
    let at = usize::try_from(seq).ok()?;
    Some((at, log.get(at)?))
}

fn counted_once(log: &[Record], auction: &Auction) -> Result<(), String> {
    let places: BTreeSet<u64> = auction.bids().iter().map(|bid| bid.seq).collect();
    let keys: BTreeSet<[u8; 32]> = auction.bids().iter().map(|bid| *bid.key.as_bytes()).collect();
    if places.len() != auction.bids().len() || keys.len() != auction.bids().len() {
        return Err("a bid is counted twice".to_owned());
    }
    for seq in places {
        match at(log, seq).map(|(_, record)| &record.act) {
            Some(Act::Bid { .. } | Act::SealedBid { flaw: None, .. }) => {}
            other => return Err(format!("entry {seq} is counted, and is {other:?}")),
        }
    }
    Ok(())
}

/// The amount is at least the start, the seller's rule says yes, and the price is as the kind says.
fn winner_may_win(log: &[Record], terms: &Terms, winner: u64, price: u64) -> Result<(), String> {
    let (place, bid) = at(log, winner).ok_or("the winner is no entry")?;
    let broken = |what: &str| Err(format!("winner {winner}, price {price}: {what}"));
    let time = bid.batch.time;
    let (amount, is_due) = match (&bid.act, terms.sealed, terms.dutch) {
        (Act::Bid { amount, .. }, None, None) => (*amount, price == *amount),
        (Act::Bid { amount, .. }, None, Some((floor, fall, every))) => {
            let listed = log.first().map_or(0, |listing| listing.batch.time);
            let since = terms.begin.map_or(listed, |begin| begin.max(listed));
            let steps = time.saturating_sub(since) / SECOND / every;
            let due = terms.start.saturating_sub(steps.saturating_mul(fall)).max(floor);
            (terms.start, price == due && price <= *amount)
        }
        (Act::SealedBid { amount, .. }, Some((false, _)), None) => (*amount, price == *amount),
        // That it is the highest of the others, the four agree on.
        (Act::SealedBid { amount, .. }, Some((true, _)), None) => {
            (*amount, price <= *amount && price >= terms.start.max(1))
        }
        _ => return broken("it is no bid of this kind"),
    };
    // As far as anybody has opened it.
    let known = model::known(log).unwrap_or(0);
    let is_due = match terms.sealed {
        Some((true, _)) => is_due && price >= known,
        _ => is_due,
    };
    if amount < known {
        return broken("below the reserve");
    }
    if amount < terms.start || !is_due {
        return broken("below the start, or not the price of this kind");
    }
    if terms.sealed.is_some() {
        let listed = log.first().map_or(0, |listing| listing.batch.time);
        if !model::accepts(terms, listed, amount, time) {
            return broken("the seller's rule does not say yes");
        }
        return Ok(());
    }
    // Open bids are judged where they stand, the seller's rule included.
    match model::judge(log.get(..place).unwrap_or_default(), bid) {
        Ok(()) => Ok(()),
        Err(code) => broken(code),
    }
}

/// Whoever made a sealed bid may have lost everything since: it opens from what the log carries.
fn nothing_lost(log: &[Record], auction: &Auction) -> Result<(), String> {
    let Some(Act::Opened { locks, .. }) = model::opened(log).map(|opened| &opened.act) else {
        return Ok(());
    };
    for (seq, record) in (0..).zip(log) {
        let Act::SealedBid { amount, .. } = record.act else { continue };
        let is_valid = model::cause(log, record, locks).is_none();
        let found = auction.bid(seq).map(|bid| bid.amount.minor());
        if found != Some(amount).filter(|_| is_valid) {
            return Err(format!("the sealed bid {seq} of {amount} opened as {found:?}"));
        }
    }
    Ok(())
}
