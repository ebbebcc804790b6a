// A room's log so far, and the rules of every room (SPEC 7.2). What a kind adds is its fold (auction.js, reveal.js, box.js, passes.js).

import { TALK } from './bodies.js';
import { equal, hex } from './bytes.js';
import { refuseUnless } from './broken.js';
import { Headers } from './headers.js';
import { Tree } from './merkle.js';
import { seconds } from './time.js';

/** V-032: the broker's verbs by the broker's key, and that key for no others. */
export function requireAuthor(action, entryKey) {
  refuseUnless(equal(action.key, entryKey) === action.byBroker, 'verb.author');
}

export class Ledger {
  #tree = new Tree();
  #headers = new Headers();
  #used = new Set();
  // The root of the opening alone.
  #opened = null;
  #newest = 0n;
  // Positions and times of the entries that no later one is older than; their times rise.
  #oldest = [];

  /**
   * `log` is the origin of its heads, `entryKey` the broker's, `freshness` F in seconds, `access` who reads it: `public`,
   * `members`, or its `owner`, whose key opened it.
   */
  constructor({ room, log, entryKey, freshness, access, owner }) {
    this.room = room;
    this.log = log;
    this.entryKey = entryKey;
    this.freshness = seconds(freshness);
    this.access = access;
    this.owner = owner;
  }

  get size() {
    return this.#tree.size;
  }

  /** The largest stamp so far. */
  get newest() {
    return this.#newest;
  }

  root(size) {
    return this.#tree.root(size);
  }

  /** Whether a header is too old to be named again (V-029). */
  isPast(header) {
    return header.time < this.#newest - this.freshness;
  }

  /** V-030 to V-037, in the order in which they are judged. */
  judge(action, header) {
    refuseUnless(action.room === this.room, 'room.other');
    // V-031 holds of whatever comes here: a header by another TSA was refused when it was read (V-020).
    requireAuthor(action, this.entryKey);
    // V-273
    if (action.signer !== null) refuseUnless(equal(action.key, this.owner) === (action.signer === 'owner'), 'verb.author');
    refuseUnless(!this.#used.has(this.#token(action)), 'key.reused');
    refuseUnless(!this.isPast(header), 'stamp.stale');
    refuseUnless(this.#headers.join(header), 'stamp.contradiction');
    const { size, root } = action.seen;
    // V-275: whoever cannot read the log knows its opening.
    if (this.#isGuests(action)) return refuseUnless(size === 1 && equal(root, this.#opened), 'seen.false');
    if (this.access !== 'members') refuseUnless(this.#oldestSince(size) >= header.time - this.freshness, 'seen.stale');
    refuseUnless(size <= this.size && equal(root, this.root(size)), 'seen.false');
  }

  /** Takes an entry in whose bytes, action and header were judged, here and by the room's fold. */
  append(bytes, action, header) {
    this.#headers.join(header);
    this.#used.add(this.#token(action));
    // V-035: what the two of a reveal room write to each other makes nothing else stale.
    if (!TALK.includes(action.verb) && header.time > this.#newest) this.#newest = header.time;
    while (this.#oldest.length > 0 && this.#oldest.at(-1).time >= header.time) this.#oldest.pop();
    this.#oldest.push({ position: this.size, time: header.time });
    this.#tree.append(bytes);
    this.#opened ??= this.root(1);
  }

  #isGuests(action) {
    return this.access === 'owner' && action.signer === 'guest';
  }

  // V-033: what must not occur again. In a public room that is a peer's key, in a box a guest's, everywhere else the action itself.
  #token(action) {
    const byKey = (this.access === 'public' && !action.byBroker) || this.#isGuests(action);
    return hex(byKey ? action.key : action.digest);
  }

  // The smallest time of the entries at `position` and later; if there are none, one that nothing is older than.
  #oldestSince(position) {
    let [low, high] = [0, this.#oldest.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#oldest[middle].position < position) low = middle + 1;
      else high = middle;
    }
    return this.#oldest[low]?.time ?? 1n << 64n;
  }
}
