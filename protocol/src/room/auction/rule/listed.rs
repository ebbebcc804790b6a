//! Rules of listings: what they are asked before anybody bids (V-174), and what about each bid.

use super::{Answer, Bidding, Fault, Rule, RuleError, State};
use crate::room::body::{Amount, Listing};
use crate::value::clock::Time;
use crate::value::label::MAX_AMOUNT;

/// How many bids there are in the sample states with many.
const MANY: i64 = 1_000_000;

/// Why a listing cannot have its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListedError {
    /// It is none.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// It has no answer where it is to have one.
    #[error("{fault} in a bid of {} on {} after {} s", .state.amount, .state.highest, .state.elapsed)]
    Errs {
        /// What it was asked about.
        state: State,
        /// What is wrong with it there.
        fault: Fault,
    },
}

impl Bidding {
    /// How bids are made under these terms.
    #[must_use]
    pub const fn of(listing: &Listing) -> Self {
        if listing.sealed.is_some() { Self::Sealed } else { Self::Open }
    }
}

impl Rule {
    /// The rule of a listing with that stamp, if it has one (V-174).
    ///
    /// # Errors
    /// [`ListedError`] if that is none, or errs in one of the [`samples`].
    pub fn of(listing: &Listing, listed: Time) -> Result<Option<Self>, ListedError> {
        let Some(source) = &listing.rule else { return Ok(None) };
        let rule = Self::read(source, Bidding::of(listing))?;
        for state in samples(listing, listed) {
            if let Answer::Errs(fault) = rule.ask(&state) {
                return Err(ListedError::Errs { state, fault });
            }
        }
        Ok(Some(rule))
    }
}

impl State {
    /// A bid of this amount by what is known without other bids. The times are the stamp of the listing, that of the bid,
    /// and the end.
    #[must_use]
    pub fn alone(listing: &Listing, amount: Amount, times: (Time, Time, Time)) -> Self {
        let (listed, time, end) = times;
        Self {
            amount: number(amount.minor()),
            start: number(listing.start.minor()),
            elapsed: seconds(listed, time),
            remaining: seconds(time, end),
            ..Self::default()
        }
    }
}

/// A number of a log as rules know it: none there is beyond 2^53 − 1.
#[must_use]
pub fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Whole seconds from one instant to a later one.
fn seconds(from: Time, to: Time) -> i64 {
    number(to.as_micros().saturating_sub(from.as_micros()) / 1_000_000)
}

/// The states that V-174 asks a rule of this listing about, in its order.
#[must_use]
pub fn samples(listing: &Listing, listed: Time) -> Vec<State> {
    let step = listing.increment_above(listing.start.first_bid());
    let (start, step) = (number(listing.start.minor()), number(step.minor()));
    sample_states(Bidding::of(listing), start, step, seconds(listed, listing.last_end()))
}

/// The same, of a listing with this start and least step above the first bid, in minor units, that lasts for so many seconds.
#[must_use]
pub fn sample_states(bidding: Bidding, start: i64, step: i64, lasts: i64) -> Vec<State> {
    let most = number(MAX_AMOUNT);
    let first = start.max(1);
    let after = first.saturating_add(step).min(most);
    // Highest, least and number of bids: none before it, one, and as many as can be.
    let open = [(0, first, 0), (first, after, 1), (most.saturating_sub(1), most, MANY)];
    let before = match bidding {
        Bidding::Open => open.len(),
        Bidding::Sealed => 1,
    };
    let mut samples = Vec::new();
    for (highest, least, bids) in open.into_iter().take(before) {
        for amount in [least, most] {
            for (elapsed, remaining) in [(0, lasts), (lasts, 0)] {
                let paddle_bids = bids;
                samples.push(State {
                    amount,
                    highest,
                    least,
                    start,
                    bids,
                    paddle_bids,
                    elapsed,
                    remaining,
                });
            }
        }
    }
    samples
}
