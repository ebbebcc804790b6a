// Sealed bids of an auction (SPEC 7.9): what they and a hidden reserve are sealed to, those that came, and what they are once they are opened.

import { equal, hex } from './bytes.js';
import { refuseUnless, under } from './broken.js';
import { fingerprint, isSealable } from './ed25519.js';
import { publicKey } from './hpke.js';
import { contextOf, isWellFormed, openBid } from './sealed.js';
import { leastOf, lockTsas, neededOf, opensAt } from './terms.js';
import { readTimelock } from './timelock.js';
import { seconds } from './time.js';

/** V-166: how long after the instant the bids may be opened without the close being late. */
const OPEN_SLACK = seconds(60);
/** V-167: how long after the instant nothing is opened any more. */
const UNOPENED = seconds(86_400);

/** V-165: the form of a bid, which the terms alone decide. */
export const requireForm = (body, terms) => refuseUnless(isWellFormed(body, lockTsas(terms).length), 'bid.sealed');

/** What is sealed in an auction: its bids, or a reserve alone. */
export class SealedBids {
  /** Sealed bids in the order of the log, `{entry, time, key, context, body}`. */
  taken = [];
  /** Bids that are none, with the cause. */
  void = [];
  /** The position of `opened`. */
  opened = undefined;
  #terms;
  #ask;
  // What `sealing` states: `{key, locks}`, keys of the broker and of each TSA.
  #keys = null;
  // Bids that count by falling amount, of equal ones the first in the log first; those before `#first` are forfeited.
  #ranked = [];
  #first = 0;

  /** `ask` gives what the seller's rule answers about `{amount, time}`. */
  constructor(terms, ask) {
    this.#terms = terms;
    this.#ask = ask;
    this.price = terms.sealed?.price;
    this.needed = neededOf(terms);
    /** Fingerprints of the TSAs that lock what is sealed. */
    this.locks = lockTsas(terms).map(fingerprint);
    this.of = this.locks.length;
    /** T, in microseconds as all times. */
    this.opens = opensAt(terms);
  }

  get unopened() {
    return this.opened === undefined ? this.taken.length : 0;
  }

  /** V-164: the keys to which bids are sealed, stated once. */
  seal({ key, locks }) {
    refuseUnless(this.#keys === null, 'verb.phase');
    const { simulated } = this.#terms;
    const tsas = lockTsas(this.#terms);
    refuseUnless(isSealable(key) && locks.length === tsas.length, 'sealing.wrong');
    const statements = locks.map((text, i) => under('sealing.wrong', () => readTimelock(text, tsas[i])));
    const at = Number(this.opens / seconds(1));
    refuseUnless(
      statements.every((statement) => statement.at === at && statement.simulated === simulated),
      'sealing.wrong',
    );
    const keys = [key, ...statements.map((statement) => statement.key)];
    refuseUnless(new Set(keys.map(hex)).size === keys.length, 'sealing.wrong');
    this.#keys = { key, locks: keys.slice(1) };
  }

  /** V-165: a bid that is neither late nor early by the terms is sealed to keys that are stated, in its form. */
  requireBid({ body }) {
    refuseUnless(this.#keys !== null, 'bid.early');
    requireForm(body, this.#terms);
  }

  take({ room, body, key }, { time }, seq) {
    this.taken.push({ entry: seq, time, key, context: contextOf(room, key), body });
  }

  /** V-166, but for the word of the witness: the secrets are there, and it is time. */
  requireSecrets({ key, locks }, { time }) {
    const areThese =
      locks.length === this.needed &&
      locks.every(({ tsa }, i) => tsa < this.of && (i === 0 || tsa > locks[i - 1].tsa)) &&
      equal(publicKey(key), this.#keys.key) &&
      locks.every(({ tsa, secret }) => equal(publicKey(secret), this.#keys.locks[tsa]));
    const isDue = time >= this.opens && time < this.opens + UNOPENED;
    refuseUnless(isDue && areThese, 'opened.wrong');
  }

  /** To what everything is sealed, or null before `sealing`. */
  get to() {
    return this.#keys && { broker: this.#keys.key, locks: this.#keys.locks, needed: this.needed };
  }

  /** V-214: from when on what is still sealed is given up. */
  get givenUp() {
    return this.opens + UNOPENED;
  }

  /** Whether the second in which the close is dated, if it is, lies before the instant. */
  isInTime = (dated) => dated !== undefined && seconds(dated) < this.opens;

  /** V-166: whether the opening makes the close late. */
  isLate = ({ prev_time: previous }) => previous > this.opens + OPEN_SLACK;

  /** Opens every bid; gives those that count, in the order of the log. `end` is the auction's. */
  open({ key, locks: secrets }, seq, end) {
    this.opened = seq;
    const least = leastOf(this.#terms);
    const { key: broker, locks } = this.#keys;
    const bids = [];
    for (const { entry, time, key: author, context, body } of this.taken) {
      const { amount, cause } = openBid(body, { context, broker, locks, needed: this.needed, key, secrets });
      const answer = cause !== undefined || amount < least || this.#ask({ amount, time });
      if (cause !== undefined) this.void.push({ entry, cause });
      else if (amount < least) this.void.push({ entry, cause: 'too-low' });
      else if (answer !== true) this.void.push({ entry, cause: 'rule', ...(typeof answer === 'string' ? { says: answer } : {}) });
      else bids.push({ entry, amount, time, end, least, forfeited: false, key: author });
    }
    this.#ranked = [...bids].sort((a, b) => b.amount - a.amount || a.entry - b.entry);
    return bids;
  }

  /** V-168: the bid that wins, or null. */
  leader() {
    while (this.#ranked[this.#first]?.forfeited) this.#first += 1;
    return this.#ranked[this.#first] ?? null;
  }

  /** V-168: what the leader pays. */
  priceOf(leader) {
    if (this.price === 'first') return leader.amount;
    let next = this.#first + 1;
    while (this.#ranked[next]?.forfeited) next += 1;
    return this.#ranked[next]?.amount ?? leastOf(this.#terms);
  }

  /** V-167: how an auction ends whose bids are not opened, by a `settled` of this time with a close that is dated so. */
  endUnopened(dated, time) {
    const isInTime = this.isInTime(dated);
    refuseUnless(time >= (isInTime ? this.opens + UNOPENED : this.opens), 'settled.early');
    return isInTime ? 'unopened' : 'void';
  }
}
