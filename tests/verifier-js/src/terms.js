// Terms of a listing (SPEC 7.3, 7.9 and 7.11): what an auction can be begun with.

import { isQuorumOfWitnesses } from './bodies.js';
import { equal } from './bytes.js';
import { refuseUnless } from './broken.js';
import { readRule } from './rule.js';
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
export const opensAt = (terms) => seconds(ceilSeconds(lastEnd(terms) + seconds(2 * terms.grace)) + 1n);

/** How many TSAs open what is sealed; undefined where nothing is. */
export const neededOf = ({ sealed, reserve }) => sealed?.needed ?? reserve;

/** The last instant before which a bid can be stamped. In a Dutch auction the first may come right before the end (V-183). */
export const lastEnd = ({ end, soft, dutch, freshness }) => (soft ? soft.hard_end : dutch ? end + seconds(freshness) : end);

/** Whether no bid has to exceed another, buys at once, or moves the end. */
const raisesNothing = ({ steps, max_raise: most, buy_now: price, soft, increment }) =>
  [steps, most, price, soft].every((term) => term === undefined) && increment === 1;

/** V-180: whether the price can fall by these terms. */
function canFall(terms) {
  const { start, dutch, freshness, stamps, sealed, rule } = terms;
  return (
    raisesNothing(terms) &&
    sealed === undefined &&
    rule === undefined &&
    dutch.fall <= start - dutch.floor &&
    between(dutch.every, 1, 86_400) &&
    freshness <= 3 &&
    stamps.length === 1
  );
}

/** V-164, V-210: the TSAs that lock what is sealed, in the order of their shares. */
export const lockTsas = ({ sealed, stamps }) => sealed?.locks ?? stamps;

/** V-164, V-210, V-231: whether bids or a reserve can be sealed by these terms. */
function canSeal(terms) {
  const { sealed, quorum, stamps } = terms;
  const tsas = lockTsas(terms);
  return (
    quorum > 0 &&
    new Set(tsas.map(String)).size === tsas.length &&
    between(tsas.length, 1, 8) &&
    String(sealed?.locks) !== String(stamps) &&
    between(neededOf(terms), 1, tsas.length) &&
    opensAt(terms) <= seconds(lastSecond)
  );
}

/** By how much a bid has to exceed a highest one of this amount (V-043). */
export const incrementAbove = ({ steps = [], increment }, highest) =>
  (steps.findLast(({ from }) => from <= highest) ?? { increment }).increment;

/** Whole seconds from one instant to a later one. */
export const wholeSeconds = (from, to) => Number((to - from) / seconds(1));

/** V-174: the states in which a rule of a listing with that stamp may not err. */
function sampleStates(terms, listed) {
  const least = leastOf(terms);
  const most = Number.MAX_SAFE_INTEGER;
  const lasts = wholeSeconds(listed, lastEnd(terms));
  const before = [
    { highest: 0, least, bids: 0, paddle_bids: 0 },
    { highest: least, least: Math.min(least + incrementAbove(terms, least), most), bids: 1, paddle_bids: 1 },
    { highest: most - 1, least: most, bids: 1_000_000, paddle_bids: 1_000_000 },
  ];
  const times = [
    { elapsed: 0, remaining: lasts },
    { elapsed: lasts, remaining: 0 },
  ];
  return before
    .slice(0, terms.sealed ? 1 : undefined)
    .flatMap((state) => [state.least, most].flatMap((amount) => times.map((time) => ({ ...state, ...time, amount, start: terms.start }))));
}

/** V-174: the rule of a listing, or null if it has none. */
export function ruleOf(terms, listed) {
  if (terms.rule === undefined) return null;
  const rule = readRule(terms.rule, terms.sealed !== undefined);
  const errs = (state) => typeof rule(state) === 'object';
  refuseUnless(rule !== null && !sampleStates(terms, listed).some(errs), 'listing.rule');
  return rule;
}

/** V-038, V-039, V-140, V-158, V-164, V-180, V-202 and V-210: whether the terms of a listing are ones that an auction can have. */
export function judgeTerms(terms, key, listed) {
  refuseUnless(!equal(key, terms.broker.entry), 'verb.author');
  const { begin, end, soft, freshness, grace } = terms;
  const last = lastEnd(terms);
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
    (!terms.sealed || raisesNothing(terms)) &&
    (neededOf(terms) === undefined || canSeal(terms)) &&
    (terms.reserve === undefined || (terms.dutch === undefined && terms.reserve === neededOf(terms))) &&
    (!terms.dutch || canFall(terms)) &&
    (terms.bids_each === undefined || between(terms.bids_each, 1, 32));
  refuseUnless(holds, 'listing.terms');
}
