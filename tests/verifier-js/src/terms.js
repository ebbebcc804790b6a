// Terms of a listing (SPEC 7.3 and 7.9): what an auction can be begun with.

import { isQuorumOfWitnesses } from './bodies.js';
import { equal } from './bytes.js';
import { refuseUnless } from './broken.js';
import { ceilSeconds, lastSecond, seconds } from './time.js';

const LONGEST = seconds(366 * 86_400);
const MOST_STEPS = 16;

const between = (number, least, most) => number >= least && number <= most;

/** The least amount that the first bid can have. */
export const leastOf = ({ start }) => Math.max(start, 1);

/** V-158: whether steps rise, and prices and raises leave room for a bid. */
function arePossiblePrices({ start, increment, steps = [], max_raise: most, buy_now: price }) {
  const rise = steps.every(({ from }, at) => at === 0 || from > steps[at - 1].from);
  const increments = [increment, ...steps.map((step) => step.increment)];
  return (
    steps.length <= MOST_STEPS &&
    rise &&
    (most === undefined || increments.every((least) => least <= most)) &&
    (price === undefined || price >= leastOf({ start }))
  );
}

/** T of section 7.9, in microseconds as all times. */
export const opensAt = ({ end, grace }) => seconds(ceilSeconds(end + seconds(2 * grace)) + 1n);

/** V-164: whether bids can be sealed by these terms. */
function canSeal(terms) {
  const { sealed, steps, max_raise: most, buy_now: price, soft, increment, quorum, stamps } = terms;
  return (
    [steps, most, price, soft].every((term) => term === undefined) &&
    increment === 1 &&
    quorum > 0 &&
    new Set(stamps.map(String)).size === stamps.length &&
    between(sealed.needed, 1, stamps.length) &&
    opensAt(terms) <= seconds(lastSecond)
  );
}

/** V-038, V-039, V-140, V-158 and V-164: whether the terms of a listing are ones that an auction can have. */
export function judgeTerms(terms, key, listed) {
  refuseUnless(!equal(key, terms.broker.entry), 'verb.author');
  const { begin, end, soft, freshness, grace } = terms;
  const last = soft ? soft.hard_end : end;
  refuseUnless(end > listed && last <= listed + LONGEST && (begin === undefined || begin < end), 'listing.end');
  const holds =
    between(freshness, 1, 60) &&
    between(grace, 1, 60) &&
    between(terms.disclose_within, 10, 2_592_000) &&
    between(terms.stamps.length, 1, 8) &&
    between(terms.authorities.length, 1, 8) &&
    terms.threshold === 1 &&
    (!soft || (between(soft.extend, 3 * freshness, 86_400) && soft.hard_end >= end)) &&
    arePossiblePrices(terms) &&
    isQuorumOfWitnesses(terms.witnesses, terms.quorum) &&
    (!terms.sealed || canSeal(terms));
  refuseUnless(holds, 'listing.terms');
}
