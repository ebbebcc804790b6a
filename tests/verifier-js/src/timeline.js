// What the log of the reader's box says of a deposit after it (SPEC 8.3, V-340 to V-348).

import { sha256 } from '@noble/hashes/sha2.js';
import { COMMITMENT_LABEL, REGISTERED_FOR } from './box.js';
import { concat, equal, utf8 } from './bytes.js';
import { refuseUnless } from './broken.js';
import { bytes, list, object, optional, string } from './json.js';
import { isIncluded, leafHash } from './merkle.js';
import { readReceipt } from './receipt.js';
import { plus, seconds } from './time.js';

const path = bytes((hashes) => hashes.length % 32 === 0);

/** Its members as a file has them. */
export const TIMELINE = object({
  head: string(),
  path,
  entries: list(object({ header: string(), entry: string(), path, seen: optional(path) })),
});

const BY_BROKER = ['handed', 'lapsed'];
/** Those whose author names the position of the deposit in a log that they had seen. */
const HAS_SEEN = ['taken', 'accepted', 'declined'];
const ABOUT_ONE = ['accepted', 'handed', 'declined', 'lapsed'];

/** When a deposit lapses that is registered. */
export const lapses = ({ registered }, { time }) => (registered ? plus(time, REGISTERED_FOR) : undefined);

/** The members of receipts that a timeline is made of: first the deposit under its head, then each entry. */
export const receiptsOf = ({ head, path: first, entries }, deposit) => [
  { ...deposit, path: first, head },
  ...entries.map(({ header, entry, path: each }) => ({ opening: deposit.opening, header, entry, path: each, head })),
];

/**
 * Judges a timeline; `members` are those of the deposit's receipt, `left` what they say. Gives `{head, events, half?}`,
 * each event a receipt with `what`.
 */
export function readTimeline(timeline, members, left) {
  const [first, ...others] = receiptsOf(timeline, members);
  const { head } = readReceipt(first);
  refuseUnless(others.length > 0, 'V-340');
  const walk = new Walk(members, left);
  const events = others.map((one, at) => walk.step(one, timeline.entries[at].seen));
  refuseUnless(walk.accepted === null, 'V-344');
  return { head, events, half: walk.half };
}

class Walk {
  /** The position of an `accepted` that was the last one. */
  accepted = null;
  half = undefined;
  #left;
  #leaf;
  #over = false;
  #last;
  #newest;
  #lapses;

  constructor(members, left) {
    this.#left = left;
    this.#leaf = leafHash(utf8(members.entry));
    this.#last = left.entry.seq;
    this.#newest = left.header.time;
    this.#lapses = lapses(left.deposit, left.header);
  }

  step(members, seen) {
    const read = readReceipt(members);
    const { action, entry, header, opening } = read;
    refuseUnless(entry.seq > this.#last, 'V-340');
    this.#last = entry.seq;
    refuseUnless(this.#concerns(action), 'V-341');
    refuseUnless(BY_BROKER.includes(action.verb) || equal(action.key, opening.action.key), 'V-342');
    refuseUnless(this.#hadSeen(action, seen), 'V-343');
    if (this.accepted !== null || action.verb === 'handed') this.#handOver(action, entry.seq);
    else this.#judge(action.verb, entry.seq, header.time);
    refuseUnless(header.time + seconds(opening.body.freshness) >= this.#newest, 'V-348');
    if (header.time > this.#newest) this.#newest = header.time;
    return { ...read, what: action.verb };
  }

  // V-341
  #concerns({ verb, body }) {
    const { seq } = this.#left.entry;
    if (ABOUT_ONE.includes(verb)) return body.letter === seq;
    return verb === 'taken' ? body.letters.includes(seq) : verb === 'box-closed';
  }

  // V-343
  #hadSeen({ verb, seen: { size, root } }, path) {
    if (!HAS_SEEN.includes(verb)) return path === undefined;
    return path !== undefined && isIncluded(this.#leaf, this.#left.entry.seq, size, path, root);
  }

  // V-344 and V-345
  #handOver({ verb, body }, seq) {
    refuseUnless(verb === 'handed' && this.accepted !== null && seq === this.accepted + 1, 'V-344');
    const commitment = sha256(concat(COMMITMENT_LABEL, body.half));
    refuseUnless(equal(commitment, this.#left.deposit.registered.commitment), 'V-345');
    this.accepted = null;
    this.half = body.half;
  }

  // V-347 and V-346
  #judge(verb, seq, time) {
    refuseUnless(!this.#over, 'V-347');
    const decides = verb !== 'taken' && verb !== 'box-closed';
    if (decides) {
      refuseUnless(this.#lapses !== undefined, 'V-346');
      refuseUnless(this.half === undefined, 'V-347');
      refuseUnless(time >= this.#lapses === (verb === 'lapsed'), 'V-346');
    }
    refuseUnless(verb !== 'taken' || this.#lapses === undefined || this.half !== undefined, 'V-346');
    // V-281: from its end on it waited no more.
    const { expires } = this.#left.deposit;
    refuseUnless(verb !== 'taken' || expires === undefined || time < expires, 'V-346');
    if (verb === 'accepted') this.accepted = seq;
    else this.#over = true;
  }
}
