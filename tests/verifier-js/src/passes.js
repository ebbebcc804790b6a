// Pass rooms (SPEC 9.2): where a broker states by which key it makes the passes of each day.

import { isQuorumOfWitnesses } from './bodies.js';
import { hex } from './bytes.js';
import { refuseUnless } from './broken.js';
import { isRsaKey } from './citizens.js';
import { isSealable } from './ed25519.js';
import { seconds } from './time.js';

const DAY = seconds(86_400);
const MOST_AHEAD = 8n;

const between = (number, least, most) => number >= least && number <= most;

export class Passes {
  static kind = 'passes';
  static access = 'public';

  /** There is always a next day. */
  ended = false;
  #last = -1;
  #used = new Set();

  constructor(opening) {
    const { freshness, stamps, witnesses, quorum, broker } = opening.body;
    const holds =
      between(freshness, 1, 60) && between(stamps.length, 1, 8) && isQuorumOfWitnesses(witnesses, quorum) && isSealable(broker.delivery);
    refuseUnless(holds, 'listing.terms');
  }

  complete() {}

  /** V-259, and that what is stated is a key. */
  static judgeAlone(terms, { verb, body }, { time }) {
    refuseUnless(verb === 'pass-key', 'verb.kind');
    const day = BigInt(body.day);
    refuseUnless(time < (day + 1n) * DAY && day <= time / DAY + MOST_AHEAD, 'pass-key.day');
    refuseUnless(isRsaKey(body.key), 'pass-key.wrong');
  }

  /** Judges an entry and takes it in: V-258, V-260. */
  apply(action, header) {
    Passes.judgeAlone(null, action, header);
    const { day, key } = action.body;
    refuseUnless(day > this.#last, 'pass-key.day');
    refuseUnless(!this.#used.has(hex(key)), 'pass-key.wrong');
    this.#last = day;
    this.#used.add(hex(key));
  }
}
