// Reveal rooms (SPEC section 8): what can be judged of one without the keys that its disclosures are sealed to.

import { equal } from './bytes.js';
import { TALK } from './bodies.js';
import { refuseUnless } from './broken.js';
import * as talk from './talk.js';

const AUCTION_ONLY = [
  'bid', 'sealing', 'sealed-bid', 'reserve', 'opened', 'say', 'unlist', 'unseal', 'closed', 'settled', 'revealed', 'abandoned',
  'forfeited', 'withdrawn', 'keys', 'deposit', 'taken', 'box-closed', 'pass-key',
];

export class Reveal {
  static kind = 'reveal';
  static access = 'members';

  end = 'open';
  by = null;
  absent = [];
  #disclosed = [];
  #talks;

  constructor(opening, header) {
    const terms = opening.body;
    refuseUnless(equal(opening.key, terms.broker.entry), 'verb.author');
    const holds =
      !equal(terms.seller, terms.winner) &&
      terms.deadline > header.time &&
      terms.freshness >= 1 &&
      terms.freshness <= 60 &&
      terms.stamps.length >= 1 &&
      terms.stamps.length <= 8;
    refuseUnless(holds, 'listing.terms');
    this.terms = terms;
    this.#talks = new talk.Talks(terms);
  }

  /** V-061: what can be judged of an entry by the terms alone. */
  static judgeAlone(terms, action, header) {
    const { verb, body, key, byBroker } = action;
    const { time } = header;
    const bySide = equal(key, terms.seller) || equal(key, terms.winner);
    // Only the log says which key both have in common.
    refuseUnless(byBroker || bySide !== (verb === 'sealed-say'), 'verb.author');
    if (TALK.includes(verb)) return talk.judgeAlone(terms, action, header);
    refuseUnless(!AUCTION_ONLY.includes(verb), 'verb.kind');
    if (verb === 'disclose') refuseUnless(time <= terms.deadline, 'disclose.late');
    else if (verb === 'absent') refuseUnless(time > terms.deadline && (body.seller || body.winner), 'absent.wrong');
    else refuseUnless(terms.withdrawal, 'withdraw.forbidden');
  }

  get ended() {
    return this.end !== 'open';
  }

  /** V-053: a log does not end between the two disclosures. */
  complete() {
    refuseUnless(this.#disclosed.length !== 1, 'V-053');
  }

  /** Judges an entry and takes it in. */
  apply(action, header) {
    const { verb, body, byBroker } = action;
    const side = ['seller', 'winner'].find((name) => equal(action.key, this.terms[name]));
    // V-066, and V-314 for what both sign with one key.
    refuseUnless(byBroker || (side !== undefined) !== (verb === 'sealed-say'), 'verb.author');
    if (TALK.includes(verb)) {
      refuseUnless(this.#disclosed.length !== 1, 'disclose.pair');
      return this.#talks.apply(side, action, header);
    }
    refuseUnless(byBroker || !this.ended, 'verb.phase');
    refuseUnless(!AUCTION_ONLY.includes(verb), 'verb.kind');
    if (verb === 'disclose') this.#disclose(side, header);
    else if (verb === 'absent') this.#absence(body, header);
    else this.#withdraw(side);
  }

  #disclose(side, { time }) {
    refuseUnless(!this.#disclosed.includes(side), 'disclose.twice');
    refuseUnless(time <= this.terms.deadline, 'disclose.late');
    this.#disclosed.push(side);
    if (this.#disclosed.length === 2) this.end = 'disclosed';
  }

  #absence({ seller, winner }, { time }) {
    const holds = time > this.terms.deadline && (seller || winner) && !this.ended && this.#disclosed.length === 0;
    refuseUnless(holds, 'absent.wrong');
    this.end = 'absent';
    this.absent = [...(seller ? ['seller'] : []), ...(winner ? ['winner'] : [])];
  }

  #withdraw(side) {
    refuseUnless(this.#disclosed.length === 0, 'disclose.pair');
    refuseUnless(this.terms.withdrawal, 'withdraw.forbidden');
    this.end = 'withdrawn';
    this.by = side;
  }
}
