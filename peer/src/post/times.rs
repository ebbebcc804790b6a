//! When things are done about letters: pure functions of time and randomness, for the postman and for whoever measures what
//! its times give away (SPEC 9.2, 9.6).
//!
//! Each `random` is 64 random bits that are used for nothing else.

use std::time::Duration;

use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::clock::Time;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The shortest time after which a receipt leaves.
const RECEIPT_AFTER: Duration = Duration::from_secs(HOUR);
/// Within how many seconds after that it leaves.
const RECEIPT_WITHIN: u64 = 23 * HOUR;

/// How long it is between two looks into a box, at least.
const LOOK_AFTER: Duration = Duration::from_secs(30);
/// Within how many seconds after that it is looked.
const LOOK_WITHIN: u64 = MINUTE;

/// How long no pass is spent after it was taken.
const REST: Duration = Duration::from_secs(HOUR);
/// Within how many seconds after that each may first be spent.
const REST_WITHIN: u64 = 2 * HOUR;
/// Before the end of a day passes are taken so early that they can be spent.
const BEFORE_END: Duration = Duration::from_secs(5 * HOUR);
/// Within how long after a day begins, or the program does, they are taken. With [`SPENT_FROM`]: the broker looks for
/// whoever spends one among those who have taken some, and the later many take theirs, the fewer these are before.
const TAKEN_WITHIN: Duration = Duration::from_secs(2 * HOUR);
/// After so long of a day whoever was there all the time has passes that have rested. None is spent before.
const SPENT_FROM: Duration = Duration::from_secs(5 * HOUR);
/// Within how many seconds after that each may first be spent.
const SPENT_FROM_WITHIN: u64 = HOUR;
/// A pass may be spent this long before its day ends, however short it has rested.
const LAST: Duration = Duration::from_secs(HOUR);

/// How much of a day there are passes that can be spent, about.
const SPENDABLE: u64 = 18 * HOUR;
/// One of so many passes is meant for even times; the others are for boxes, first letters, and days with more than the mean.
const SHARE: u64 = 2;
/// One of so many passes of a day is spent at no even time.
const SPARE: usize = 8;
/// Even times of a contact and day: at most 2 to this power, and at least 1 in 2 to the other.
const MOST_EVEN: u32 = 6;
const FEWEST_EVEN: u32 = 5;
/// After so many deposits at a contact's box between which its owner did nothing there are fewer.
const UNSEEN: u32 = 16;
/// After each so many more half as many.
const UNSEEN_MORE: u32 = 4;
/// But one in this time, on the average.
const SLOWEST: Duration = Duration::from_secs(2 * 24 * HOUR);
/// How late something may leave at an even time; one that passed longer ago is left out.
const LATE: Duration = Duration::from_secs(5 * MINUTE);

const fn below(random: u64, bound: u64) -> Duration {
    match random.checked_rem(bound) {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::ZERO,
    }
}

/// After how long a receipt leaves, unless it is told otherwise: 1 to 24 hours.
#[must_use]
pub fn receipt_after(random: u64) -> Duration {
    RECEIPT_AFTER.saturating_add(below(random, RECEIPT_WITHIN))
}

/// After how long a box is looked into again: 30 to 90 seconds.
#[must_use]
pub fn look_after(random: u64) -> Duration {
    LOOK_AFTER.saturating_add(below(random, LOOK_WITHIN))
}

/// How long it is from the beginning of a program to its first look into a box.
#[must_use]
pub fn first_look_after(random: u64) -> Duration {
    below(random, LOOK_AFTER.as_secs().saturating_add(LOOK_WITHIN))
}

/// After how long the passes of today are taken, by one who took some on days before: within two hours.
#[must_use]
pub fn taken_after(now: Time, random: u64) -> Duration {
    let left = Day::of(now).ends().minus(BEFORE_END).since(now).min(TAKEN_WITHIN);
    below(random, left.as_secs())
}

/// From when on a pass of this day that is taken now is spent: once it has rested, and none early on its day (SPEC 9.6).
#[must_use]
pub fn spent_from(day: Day, now: Time, random: [u64; 2]) -> Time {
    let latest = day.ends().minus(LAST).max(now);
    let [rest, of_day] = random;
    let rested = now.plus(REST).plus(below(rest, REST_WITHIN));
    let from = day.begins().plus(SPENT_FROM).plus(below(of_day, SPENT_FROM_WITHIN));
    rested.max(from).min(latest)
}

/// How long it is between two even times of one contact on the average, for so many passes a day and contacts. In steps of
/// two: neither one contact more nor a pass less shows at the boxes of the others, but where a step is.
#[must_use]
pub fn even_mean(passes: usize, contacts: usize) -> Duration {
    let passes = u64::try_from(passes).unwrap_or(u64::MAX);
    let contacts = u64::try_from(contacts).unwrap_or(u64::MAX).max(1);
    // In parts of one a day, so that there can be fewer than one.
    let each = (passes / SHARE).saturating_mul(1 << FEWEST_EVEN).checked_div(contacts);
    let steps = each.and_then(u64::checked_ilog2).unwrap_or_default();
    let steps = steps.min(MOST_EVEN.saturating_add(FEWEST_EVEN));
    Duration::from_secs((SPENDABLE << FEWEST_EVEN) >> steps)
}

/// As [`even_mean`], where the owner of the box did nothing in it since so many deposits: letters still leave, and neither
/// the box nor its stock of keys is filled by what nobody fetches.
#[must_use]
pub fn slowed(mean: Duration, unseen: u32) -> Duration {
    let Some(beyond) = unseen.checked_sub(UNSEEN) else { return mean };
    let halved = (beyond / UNSEEN_MORE).saturating_add(1).min(u32::BITS - 1);
    mean.saturating_mul(1 << halved).min(SLOWEST.max(mean))
}

/// How long it is to the next even time: exponential, so that nothing of the times before says when it is.
#[must_use]
pub fn even_gap(mean: Duration, random: u64) -> Duration {
    // In (0, 1], each of 2^32 as likely.
    let high = u32::try_from(random >> u32::BITS).unwrap_or(u32::MAX);
    let part = (f64::from(high) + 1.0) / (f64::from(u32::MAX) + 1.0);
    Duration::try_from_secs_f64(mean.as_secs_f64() * -part.ln()).unwrap_or(mean)
}

/// Whether what leaves at an even time can leave now still. While the program was not there it could not, and what it was
/// to be is not made up for.
#[must_use]
pub fn is_even_time(at: Time, now: Time) -> bool {
    at <= now && now.since(at) <= LATE
}

/// Whether of the passes of a day, so many of which were taken, enough are left to spend one at an even time.
#[must_use]
pub const fn may_spend_evenly(left: usize, taken: usize) -> bool {
    left > taken / SPARE
}

#[cfg(test)]
mod tests;
