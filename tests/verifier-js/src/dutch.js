// Auctions whose price falls (SPEC 7.11): what a bid costs when, and which of them wins.

import { sha256 } from '@noble/hashes/sha2.js';
import { concat, hex, utf8 } from './bytes.js';
import { refuseUnless } from './broken.js';
import { seconds } from './time.js';

const LABEL = utf8('pregao/lot/v1');

/** V-181: the price at a time, since which it falls from `start`. */
export function priceAt({ start, dutch: { floor, fall, every } }, since, time) {
  const steps = time > since ? (time - since) / seconds(every) : 0n;
  const price = BigInt(start) - steps * BigInt(fall);
  return price > BigInt(floor) ? Number(price) : floor;
}

/** V-184: what decides between bids of the same time. */
const lotOf = ({ digest }, { hash }) => hex(sha256(concat(LABEL, hash, digest)));

const isBefore = (one, other) => (one.time === other.time ? one.lot < other.lot : one.time < other.time);

export class FallingPrice {
  /** Since when the price falls. */
  since;
  #terms;
  // Bids with the earliest first; those before `#first` are forfeited.
  #ranked = [];
  #first = 0;

  constructor(terms, listed) {
    const { begin } = terms;
    this.#terms = terms;
    this.since = begin !== undefined && begin > listed ? begin : listed;
  }

  /** V-182: what a bid pays, which agrees to so much or more. */
  requirePrice({ amount }, { time }) {
    const price = priceAt(this.#terms, this.since, time);
    refuseUnless(amount >= price, 'bid.too-low');
    return price;
  }

  /** Takes a bid in. Gives the end by V-183, which the first one sets. */
  take(bid, action, header, end) {
    const ranked = { bid, time: header.time, lot: lotOf(action, header) };
    let [low, high] = [0, this.#ranked.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#ranked[middle], ranked)) low = middle + 1;
      else high = middle;
    }
    this.#ranked.splice(low, 0, ranked);
    return this.#ranked.length === 1 ? header.time + seconds(this.#terms.freshness) : end;
  }

  /** The earliest bid that is not forfeited. Nobody bids any more once some are. */
  leader() {
    while (this.#ranked[this.#first]?.bid.forfeited) this.#first += 1;
    return this.#ranked[this.#first]?.bid ?? null;
  }
}
