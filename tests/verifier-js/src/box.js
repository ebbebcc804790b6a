// Message boxes (SPEC 8.2), registered letters among them (SPEC 8.5): what a log of one means, entry by entry.

import { sha256 } from '@noble/hashes/sha2.js';
import { ONE_PIECE } from './bodies.js';
import { concat, equal, hex, utf8 } from './bytes.js';
import { refuseUnless } from './broken.js';
import { isSealable } from './ed25519.js';
import { plus, seconds } from './time.js';

const VERBS = ['keys', 'deposit', 'taken', 'accepted', 'handed', 'declined', 'lapsed', 'box-closed'];
const PREKEY = 1_216;
const MOST_LETTERS = 10_000;
const MOST_BYTES = 2 ** 30;
const MOST_KEYS = 256;
const MOST_STOCKS = 8;
const MOST_ATTACHED = 8;
const MOST_TAKEN = 256;
const LONGEST = seconds(366 * 86_400);
/** V-330: 15 days. */
export const REGISTERED_FOR = seconds(15 * 86_400);
export const COMMITMENT_LABEL = utf8('pregao/registered-commitment/v1');

const between = (number, least, most) => number >= least && number <= most;

/** V-274 */
export const hasPossibleTerms = ({ freshness, stamps, broker, letters, bytes }) =>
  between(freshness, 1, 60) &&
  between(stamps.length, 1, 8) &&
  isSealable(broker.delivery) &&
  between(letters, 1, MOST_LETTERS) &&
  between(bytes, ONE_PIECE[0], MOST_BYTES);

/** The smallest size of a blob (V-266) that holds so many bytes. */
function holding(bytes) {
  let size = ONE_PIECE.find((one) => bytes <= one) ?? ONE_PIECE.at(-1);
  while (size < bytes) size *= 2;
  return size;
}

const blobs = ({ envelope, attachments = [] }) => [envelope, ...attachments];
const bytesOf = (deposit) => blobs(deposit).reduce((sum, blob) => sum + blob.size, 0);

export class Box {
  static kind = 'box';
  static access = 'owner';

  ended = false;
  #signed = null;
  // Digests of signed keys and roots of stocks that were published.
  #published = new Set();
  // `{root, count, used}`, the oldest first.
  #stocks = [];
  // Envelopes that came under the signed key of now.
  #came = new Set();
  // By position: `{bytes, expires}`, and if it is registered and nobody decided about it `undecided`: `{until, commitment}`.
  #waiting = new Map();
  // The registered letter that the last entry accepts: `{seq, commitment}`.
  #accepted = null;

  constructor(opening) {
    this.terms = opening.body;
    refuseUnless(hasPossibleTerms(this.terms), 'box.terms');
  }

  /** V-333: no log ends between the two. */
  complete() {
    refuseUnless(this.#accepted === null, 'V-333');
  }

  /** V-061: what can be judged of an entry without the log. */
  static judgeAlone(terms, { verb, body, seen }, { time }) {
    refuseUnless(VERBS.includes(verb), 'verb.kind');
    if (verb === 'keys') {
      const count = body.stock?.count ?? 0;
      const counts = body.stock === undefined || between(count, 1, MOST_KEYS);
      refuseUnless(counts && body.blob.size === holding((count + 1) * PREKEY), 'box.keys');
    } else if (verb === 'deposit') {
      const all = blobs(body);
      const distinct = new Set(all.map((blob) => hex(blob.digest))).size === all.length;
      refuseUnless(ONE_PIECE.includes(body.envelope.size) && all.length <= MOST_ATTACHED + 1 && distinct, 'deposit.size');
      const { expires, registered } = body;
      // V-330
      refuseUnless(expires === undefined || registered === undefined, 'deposit.expiry');
      refuseUnless(expires === undefined || (expires > time && expires <= time + LONGEST), 'deposit.expiry');
    } else if (verb === 'taken') {
      const { letters } = body;
      const ascend = letters.every((seq, at) => at === 0 || seq > letters[at - 1]);
      refuseUnless(ascend && between(letters.length, 1, MOST_TAKEN), 'taken.letter');
      // V-360
      refuseUnless(letters.at(-1) < seen.size, 'taken.letter');
    } else if (verb === 'accepted' || verb === 'declined') {
      // V-360
      refuseUnless(body.letter < seen.size, 'registered.letter');
    }
  }

  /** Judges an entry and takes it in. */
  apply(action, header, seq, ledger) {
    Box.judgeAlone(this.terms, action, header);
    refuseUnless(!this.ended, 'verb.phase');
    const { verb, body } = action;
    if (this.#accepted !== null) {
      this.#handOver(verb, body);
      this.#expire(header, ledger);
      return;
    }
    if (verb === 'keys') this.#judgeKeys(body);
    if (verb === 'deposit') this.#judgeSealing(body);
    if (verb === 'deposit') this.#judgeRoom(body, this.#stillWaiting(header, ledger));
    if (verb === 'taken') {
      const waiting = new Map(this.#stillWaiting(header, ledger));
      refuseUnless(body.letters.every((one) => waiting.has(one)), 'taken.letter');
    }
    this.#judgeRegistered(verb, body, header.time);
    this.#expire(header, ledger);
    if (verb === 'keys') this.#publish(body);
    else if (verb === 'deposit') this.#take(body, seq, header.time);
    else if (verb === 'taken') body.letters.forEach((one) => this.#waiting.delete(one));
    else if (verb === 'accepted') this.#accept(body.letter);
    else if (verb === 'declined' || verb === 'lapsed') this.#waiting.delete(body.letter);
    else this.ended = true;
  }

  // V-281: what has ended by the stamps of the log waits no more.
  #stillWaiting(header, ledger) {
    const now = header.time > ledger.newest ? header.time : ledger.newest;
    return [...this.#waiting].filter(([, letter]) => letter.expires === undefined || letter.expires > now);
  }

  #expire(header, ledger) {
    this.#waiting = new Map(this.#stillWaiting(header, ledger));
  }

  // V-332, V-334 to V-336
  #judgeRegistered(verb, body, time) {
    const undecided = (seq) => this.#waiting.get(seq)?.undecided;
    if (verb === 'accepted' || verb === 'declined') {
      const letter = undecided(body.letter);
      refuseUnless(letter !== undefined, 'registered.letter');
      refuseUnless(time < letter.until, 'registered.late');
    } else if (verb === 'lapsed') {
      const letter = undecided(body.letter);
      refuseUnless(letter !== undefined && time >= letter.until, 'lapsed.wrong');
    } else if (verb === 'taken') {
      refuseUnless(!body.letters.some(undecided), 'taken.registered');
    }
    // What may be handed over is what was accepted right before.
    refuseUnless(verb !== 'handed', 'handed.wrong');
  }

  #accept(seq) {
    const letter = this.#waiting.get(seq);
    this.#accepted = { seq, commitment: letter.undecided.commitment };
    delete letter.undecided;
  }

  // V-333 and V-334
  #handOver(verb, body) {
    const { seq, commitment } = this.#accepted;
    refuseUnless(verb === 'handed' && body.letter === seq, 'handed.pair');
    refuseUnless(equal(sha256(concat(COMMITMENT_LABEL, body.half)), commitment), 'handed.wrong');
    this.#accepted = null;
  }

  // V-276
  #judgeKeys({ signed, stock }) {
    const isNew = (digest) => !this.#published.has(hex(digest));
    const restocked = this.#signed === hex(signed) && stock !== undefined;
    refuseUnless((restocked || isNew(signed)) && (stock === undefined || isNew(stock.root)), 'box.keys');
  }

  // V-277 and V-278
  #judgeSealing({ signed, once, envelope }) {
    refuseUnless(this.#signed === hex(signed), 'deposit.keys');
    if (once) {
      const stock = this.#stocks.find(({ root }) => root === hex(once.stock));
      refuseUnless(stock !== undefined && once.index < stock.count, 'deposit.keys');
      refuseUnless(!stock.used.has(once.index), 'deposit.key-used');
    }
    refuseUnless(!this.#came.has(hex(envelope.digest)), 'deposit.twice');
  }

  // V-280
  #judgeRoom(deposit, waiting) {
    const bytes = waiting.reduce((sum, [, letter]) => sum + letter.bytes, bytesOf(deposit));
    refuseUnless(waiting.length < this.terms.letters && bytes <= this.terms.bytes, 'deposit.full');
  }

  #publish({ signed, stock }) {
    if (this.#signed !== hex(signed)) this.#came.clear();
    this.#signed = hex(signed);
    this.#published.add(this.#signed);
    if (stock === undefined) return;
    this.#published.add(hex(stock.root));
    this.#stocks.push({ root: hex(stock.root), count: stock.count, used: new Set() });
    if (this.#stocks.length > MOST_STOCKS) this.#stocks.shift();
  }

  #take(deposit, seq, time) {
    const { once, envelope, expires, registered } = deposit;
    if (once) this.#stocks.find(({ root }) => root === hex(once.stock)).used.add(once.index);
    this.#came.add(hex(envelope.digest));
    const undecided = registered && { until: plus(time, REGISTERED_FOR), commitment: registered.commitment };
    this.#waiting.set(seq, { bytes: bytesOf(deposit), expires, undecided });
  }
}
