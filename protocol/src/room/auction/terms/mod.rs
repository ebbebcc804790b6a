//! What a listing may say, and what follows from it alone (SPEC 7.3).

use std::time::Duration;

use super::rule::Rule;
use super::{MAX_DURATION, citizen, dutch, paddle, reserve, sealed};
use crate::room::Code;
use crate::room::body::{Amount, Bid, Listing, SealedBid};
use crate::trust::enrolment::issuer::Issuer;
use crate::trust::witness::is_quorum_of;
use crate::value::clock::Time;

/// Most increments of a listing besides the first.
pub const MAX_STEPS: usize = 16;
/// Most TSAs that a listing names.
pub const MAX_STAMPS: usize = 8;

impl Listing {
    /// By how much a bid has to exceed a highest one of this amount (V-043).
    #[must_use]
    pub fn increment_above(&self, highest: Amount) -> Amount {
        let step = self.steps.iter().rev().find(|step| step.from <= highest);
        step.map_or(self.increment, |step| step.increment)
    }

    /// The last instant at which the auction can end; bids stamped later never count.
    #[must_use]
    pub fn last_end(&self) -> Time {
        match (self.soft, self.dutch) {
            (Some(soft), _) => soft.hard_end,
            // V-183: the first bid may come right before the end.
            (None, Some(_)) => self.end.plus(Duration::from_secs(self.freshness.into())),
            (None, None) => self.end,
        }
    }

    /// How many TSAs it takes to open what is sealed; `None` where nothing is.
    #[must_use]
    pub fn needed(&self) -> Option<u32> {
        self.sealed.as_ref().map(|terms| terms.needed).or(self.reserve)
    }

    /// Below this no bid counts, whatever came before it.
    #[must_use]
    pub fn lowest(&self) -> Amount {
        self.dutch.map_or_else(|| self.start.first_bid(), |terms| terms.floor)
    }
}

/// What a listing says that was read and verified.
pub(super) struct Checked {
    /// The seller's rule.
    pub(super) rule: Option<Rule>,
    /// Whose tokens buy the personas that list and bid.
    pub(super) issuer: Option<Issuer>,
}

/// V-039, V-158, V-174, V-220: what a listing may say.
pub(super) fn check(listing: &Listing, listed: Time) -> Result<Checked, Code> {
    let latest = listed.plus(MAX_DURATION);
    let begins_before = |end: Time| listing.begin.is_none_or(|begin| begin < end);
    if listing.end <= listed || listing.last_end() > latest || !begins_before(listing.end) {
        return Err(Code::ListingEnd);
    }
    let soft = listing.soft.is_none_or(|soft| {
        // An end moves later only, at most by a day at a time.
        soft.hard_end >= listing.end && soft.extend <= 86_400
            // Long enough for others to see a late bid and answer it within their freshness.
            && soft.extend >= listing.freshness.saturating_mul(3)
    });
    let seconds = (1..=60).contains(&listing.freshness)
        && (1..=60).contains(&listing.grace)
        // Two people need time to disclose; meanwhile the house knows who bid, so 30 days at most.
        && (10..=2_592_000).contains(&listing.disclose_within);
    // Without keys nobody could act; more than eight do not fit an opening.
    let keys = (1..=MAX_STAMPS).contains(&listing.stamps.len())
        && (1..=8).contains(&listing.authorities.len());
    // Several TSAs to agree is for later.
    let possible =
        soft && seconds && keys && listing.threshold == 1 && has_possible_prices(listing);
    // V-140, and a key that nothing can be sealed to would keep witnesses from delivering.
    let possible = possible
        && is_quorum_of(listing.quorum, &listing.witnesses)
        && listing.broker.delivery.require_usable().is_ok()
        && listing.sealed.as_ref().is_none_or(|_| raises_nothing(listing))
        && listing.needed().is_none_or(|needed| sealed::is_possible(listing, needed))
        && listing.reserve.is_none_or(|needed| reserve::is_possible(listing, needed))
        && listing.dutch.is_none_or(|terms| dutch::is_possible(listing, terms))
        && paddle::is_possible(listing);
    if !possible {
        return Err(Code::ListingTerms);
    }
    let issuer = citizen::issuer_of(listing, listed)?;
    let rule = Rule::of(listing, listed).map_err(|_| Code::ListingRule)?;
    Ok(Checked { rule, issuer })
}

/// V-158.
fn has_possible_prices(listing: &Listing) -> bool {
    let steps = &listing.steps;
    let rise = steps.is_sorted_by(|one, two| one.from < two.from);
    // Nobody could bid where the least raise is more than the largest.
    let mut increments = steps.iter().map(|step| step.increment).chain([listing.increment]);
    let raise = listing.max_raise.is_none_or(|most| increments.all(|least| least <= most));
    let buy_now = listing.buy_now.is_none_or(|price| price >= listing.start.first_bid());
    steps.len() <= MAX_STEPS && rise && raise && buy_now
}

/// Whether no bid has to exceed another, buys at once, or moves the end.
pub(super) fn raises_nothing(listing: &Listing) -> bool {
    listing.steps.is_empty()
        && listing.max_raise.is_none()
        && listing.buy_now.is_none()
        && listing.increment.minor() == 1
        && listing.soft.is_none()
}

/// V-040 to V-043, as far as the terms alone decide: the end moves later only, but for a bid that buys, after
/// which none counts, or one in a Dutch auction, after which none comes late; and the first bid has the least amount.
pub(super) fn judge_bid_alone(listing: &Listing, bid: &Bid, time: Time) -> Result<(), Code> {
    judge_instant_alone(listing, time)?;
    if bid.currency != listing.currency {
        return Err(Code::BidCurrency);
    }
    if bid.amount < listing.lowest() { Err(Code::BidTooLow) } else { Ok(()) }
}

/// V-040, V-041 and V-165, as far as the terms alone decide.
pub(super) fn judge_sealed_bid_alone(
    listing: &Listing,
    bid: &SealedBid,
    time: Time,
) -> Result<(), Code> {
    judge_instant_alone(listing, time)?;
    if sealed::has_the_form(listing, bid) { Ok(()) } else { Err(Code::BidSealed) }
}

fn judge_instant_alone(listing: &Listing, time: Time) -> Result<(), Code> {
    if time >= listing.last_end() {
        return Err(Code::BidLate);
    }
    if listing.begin.is_some_and(|begin| time < begin) { Err(Code::BidEarly) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
