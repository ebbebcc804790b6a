//! What a listing may say (V-038, V-039, V-140, V-158, V-164, V-174, V-180, V-210).

use super::{Judged, rule, unless};
use crate::histories::plain::{Record, SECOND, Signer, Terms};

const DAY: u64 = 86_400;

/// The opening of a room.
pub(super) fn judge(terms: &Terms, next: &Record) -> Judged {
    unless(matches!(next.signer, Signer::Key(..)), "verb.author")?;
    unless(terms.stamps.contains(&next.batch.tsa), "stamp.unknown-tsa")?;
    let listed = next.batch.time;
    let begins = terms.begin.is_none_or(|begin| begin < terms.end);
    let ends = last_end(terms) <= listed + 366 * DAY * SECOND;
    unless(terms.end > listed && ends && begins, "listing.end")?;
    let spans = (1..=60).contains(&terms.freshness)
        && (1..=60).contains(&terms.grace)
        && (10..=2_592_000).contains(&terms.within);
    unless(spans && terms.threshold == 1, "listing.terms")?;
    unless((1..=8).contains(&terms.stamps.len()) && terms.is_delivery_usable, "listing.terms")?;
    if let Some((extend, hard_end)) = terms.soft {
        let long = extend >= 3 * terms.freshness && extend <= DAY;
        unless(long && hard_end >= terms.end, "listing.terms")?;
    }
    unless(are_prices_possible(terms), "listing.terms")?;
    unless(is_quorum(terms), "listing.terms")?;
    unless(terms.sealed.is_none() || raises_nothing(terms), "listing.terms")?;
    unless(terms.needed().is_none() || may_be_sealed(terms), "listing.terms")?;
    let same = terms.reserve.is_none() || terms.reserve == terms.needed();
    unless(same && (terms.reserve.is_none() || terms.dutch.is_none()), "listing.terms")?;
    unless(terms.dutch.is_none() || may_fall(terms), "listing.terms")?;
    unless(terms.rule.is_none() || rule::may_be_asked(terms, listed), "listing.rule")
}

/// The last possible end.
pub(super) fn last_end(terms: &Terms) -> u64 {
    match (terms.soft, terms.dutch) {
        (Some((_, hard_end)), _) => hard_end,
        (None, Some(_)) => terms.end + terms.freshness * SECOND,
        (None, None) => terms.end,
    }
}

/// V-158.
fn are_prices_possible(terms: &Terms) -> bool {
    let mut possible = terms.steps.len() <= 16;
    for (one, next) in terms.steps.iter().zip(terms.steps.iter().skip(1)) {
        possible &= one.0 < next.0;
    }
    if let Some(most) = terms.max_raise {
        possible &= most >= terms.increment;
        possible &= terms.steps.iter().all(|(_, increment)| most >= *increment);
    }
    possible && terms.buy_now.is_none_or(|price| price >= terms.start)
}

/// V-140.
fn is_quorum(terms: &Terms) -> bool {
    let mut keys: Vec<usize> = terms.witnesses.iter().map(|(key, _)| *key).collect();
    let mut operators: Vec<usize> = terms.witnesses.iter().map(|(_, by)| *by).collect();
    keys.sort_unstable();
    keys.dedup();
    operators.sort_unstable();
    operators.dedup();
    let (named, operators) = (terms.witnesses.len(), operators.len() as u64);
    if named == 0 {
        return terms.quorum == 0;
    }
    named <= 5 && keys.len() == named && 2 * terms.quorum > operators && terms.quorum <= operators
}

fn raises_nothing(terms: &Terms) -> bool {
    terms.steps.is_empty()
        && terms.max_raise.is_none()
        && terms.buy_now.is_none()
        && terms.soft.is_none()
        && terms.increment == 1
}

/// V-164, V-210.
fn may_be_sealed(terms: &Terms) -> bool {
    let mut stamps = terms.stamps.clone();
    stamps.sort_unstable();
    stamps.dedup();
    let count = terms.stamps.len();
    let needed = terms.needed().unwrap_or(0);
    let differ = stamps.len() == count;
    terms.quorum > 0 && differ && needed >= 1 && needed <= count as u64
}

/// V-180.
fn may_fall(terms: &Terms) -> bool {
    let Some((floor, fall, every)) = terms.dutch else { return true };
    floor + fall <= terms.start
        && (1..=DAY).contains(&every)
        && (1..=3).contains(&terms.freshness)
        && terms.stamps.len() == 1
        && terms.sealed.is_none()
        && terms.rule.is_none()
        && raises_nothing(terms)
}

/// T, in whole seconds since 1970 (SPEC 7.9).
pub(in crate::histories) fn opens_at(terms: &Terms) -> u64 {
    (last_end(terms) + 2 * terms.grace * SECOND).div_ceil(SECOND) + 1
}
