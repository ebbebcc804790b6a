// What the two of a reveal room write to each other, as far as its log tells (SPEC 8.4).

import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal, hex, utf8 } from './bytes.js';
import { refuseUnless } from './broken.js';
import { isSealable } from './ed25519.js';
import { seconds } from './time.js';

const PREKEY_LABEL = utf8('pregao/prekey/v1');
const ML_KEM = 1_184;
const Q = 3_329;
// V-313: 30 days.
const AFTER = seconds(30 * 24 * 3_600);
// V-312.
const MOST_BESIDE_SIGNED = 4;
const MOST_IN_ONE = 5;
const MOST_WAITING = 8;
const MOST_EVER = 256;

/** V-240: 768 coefficients of 12 bits below q, 32 bytes, and an X25519 key in its one spelling that is not of small order. */
export function isPrekey(key) {
  for (let i = 0; i < ML_KEM - 32; i += 3) {
    const first = key[i] | ((key[i + 1] & 0x0f) << 8);
    const second = (key[i + 1] >> 4) | (key[i + 2] << 4);
    if (first >= Q || second >= Q) return false;
  }
  const half = key.subarray(ML_KEM);
  return half[31] < 0x80 && isSealable(half);
}

const named = (key) => hex(sha256(concat(PREKEY_LABEL, key)));

/** V-313: until when the two may write to each other. */
const requireTime = (terms, { time }) => refuseUnless(time <= terms.deadline + AFTER, 'talk.over');
const requireSize = (once, most) => refuseUnless(once.length >= 1 && once.length <= most, 'talk.keys');

/** V-061: what can be judged of an entry by the terms alone. */
export function judgeAlone(terms, { verb, body }, header) {
  if (verb === 'talk') requireSize(body.once, MOST_BESIDE_SIGNED);
  if (verb === 'talk-keys') requireSize(body.once, MOST_IN_ONE);
  requireTime(terms, header);
}

export class Talks {
  #terms;
  #sides = {};
  #pair = null;
  // Every key that was published; of a one-time key whether nothing was sealed to it.
  #known = new Map();

  constructor(terms) {
    this.#terms = terms;
  }

  apply(side, { verb, body, key }, header) {
    requireTime(this.#terms, header);
    if (verb === 'talk') this.#talk(side, body);
    else if (verb === 'talk-keys') this.#keys(side, body);
    else this.#say(body, key);
  }

  // V-310 and V-311
  #talk(side, { agreement, signed, once, pair }) {
    refuseUnless(this.#sides[side] === undefined, 'talk.keys');
    requireSize(once, MOST_BESIDE_SIGNED);
    this.#requireNew([signed, ...once]);
    const other = Object.values(this.#sides)[0];
    refuseUnless(other === undefined || !equal(other.agreement, agreement), 'talk.keys');
    refuseUnless((pair !== undefined) === (other !== undefined), 'talk.pair');
    this.#pair ??= pair ?? null;
    this.#sides[side] = { agreement, waiting: new Set(), published: 0 };
    this.#known.set(named(signed), null);
    this.#publish(side, once);
  }

  // V-312
  #keys(side, { once }) {
    const own = this.#sides[side];
    refuseUnless(own !== undefined, 'talk.keys');
    requireSize(once, MOST_IN_ONE);
    refuseUnless(own.waiting.size + once.length <= MOST_WAITING && own.published + once.length <= MOST_EVER, 'talk.keys');
    this.#requireNew(once);
    this.#publish(side, once);
  }

  // V-314
  #say({ once }, key) {
    refuseUnless(this.#pair !== null && equal(key, this.#pair), 'verb.author');
    const name = hex(once);
    const side = this.#known.get(name);
    refuseUnless(side !== undefined && side !== null, 'say.key');
    refuseUnless(this.#sides[side].waiting.delete(name), 'say.key-used');
  }

  #requireNew(keys) {
    const names = keys.map(named);
    refuseUnless(new Set(names).size === names.length && names.every((name) => !this.#known.has(name)), 'talk.keys');
  }

  #publish(side, once) {
    for (const name of once.map(named)) {
      this.#known.set(name, side);
      this.#sides[side].waiting.add(name);
    }
    this.#sides[side].published += once.length;
  }
}
