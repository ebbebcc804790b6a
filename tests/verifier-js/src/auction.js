// Auctions (SPEC 7.3): what a log of one means, entry by entry. What is different where bids are sealed is in sealedbids.js.

import { equal } from './bytes.js';
import { refuseUnless } from './broken.js';
import { isRatio, verifies } from './ed25519.js';
import { cosigned, headText } from './note.js';
import { requireForm, SealedBids } from './sealedbids.js';
import { judgeTerms, leastOf } from './terms.js';
import { ceilSeconds, seconds } from './time.js';

const MOST_FORFEITED = 128;
const LARGEST = Number.MAX_SAFE_INTEGER;
/** V-144: how much longer than G a broker may take to name a winner. */
const SETTLE_SLACK = seconds(60);

const COMMON = ['say', 'unlist', 'closed', 'settled', 'revealed', 'abandoned', 'forfeited', 'withdrawn'];
const OPEN_BIDS = ['bid', ...COMMON];
const SEALED_BIDS = ['sealing', 'sealed-bid', 'opened', ...COMMON];

const requireVerb = ({ sealed }, verb) => refuseUnless((sealed ? SEALED_BIDS : OPEN_BIDS).includes(verb), 'verb.kind');

export class Auction {
  static kind = 'auction';

  phase = 'open';
  closed = null;
  winner = null;
  // What the winner pays, by the last `settled`.
  price = undefined;
  withdrawn = null;
  // V-161: where the seller says that it is offered again.
  successor = undefined;
  bids = [];
  forfeits = [];
  // The stamp of the entry that the next or last `settled` follows, and of that last one.
  #before = null;
  #settled = null;
  // Whether no witness's word on the close was asked for yet.
  #first = true;
  #byEntry = new Map();
  // How many bids are left once those at the end that are forfeited are taken away: the last of the rest leads.
  #left = 0;
  // The price at which it can be bought at once, as long as it can (V-160).
  #price;
  // That the seller takes it back, unless a bid still counts (V-161).
  #back = null;

  constructor(opening, header) {
    this.terms = opening.body;
    judgeTerms(this.terms, opening.key, header.time);
    this.seller = opening.key;
    this.listed = header.time;
    this.end = this.terms.end;
    this.bought = false;
    /** Sealed bids and what they come to, or null where bids are open. */
    this.sealed = this.terms.sealed ? new SealedBids(this.terms) : null;
    this.#price = this.terms.buy_now;
  }

  /** V-061: what can be judged of an entry by the terms alone. The end moves later only, and bids only rise. */
  static judgeAlone(terms, { verb, body }, { time }) {
    requireVerb(terms, verb);
    // Without bids the end does not move.
    if (verb === 'unlist') refuseUnless(time < terms.end, 'verb.phase');
    if (verb !== 'bid' && verb !== 'sealed-bid') return;
    refuseUnless(time < (terms.soft ? terms.soft.hard_end : terms.end), 'bid.late');
    refuseUnless(terms.begin === undefined || time >= terms.begin, 'bid.early');
    if (terms.sealed) {
      requireForm(body, terms);
      return;
    }
    refuseUnless(body.currency === terms.currency, 'bid.currency');
    refuseUnless(body.amount >= terms.start, 'bid.too-low');
  }

  get ended() {
    return !['open', 'closed', 'settled'].includes(this.phase);
  }

  /** Nothing is left open by where the log ends (V-053 is of reveal rooms). */
  complete() {}

  /** The least amount of the next bid (V-043). Beyond the largest amount there is none, and no bid reaches it. */
  get least() {
    const highest = this.bids.at(-1)?.amount;
    if (highest === undefined) return leastOf(this.terms);
    const step = (this.terms.steps ?? []).findLast(({ from }) => from <= highest);
    return highest + (step ?? this.terms).increment;
  }

  /** The largest amount of the next bid, but for that which buys (V-159). */
  get most() {
    const { start, max_raise: raise = LARGEST } = this.terms;
    return (this.bids.at(-1)?.amount ?? start) + raise;
  }

  /** Judges an entry and takes it in. */
  apply(action, header, seq, ledger) {
    requireVerb(this.terms, action.verb);
    this.#verbs[action.verb](action, header, seq, ledger);
  }

  #verbs = {
    say: () => {},

    bid: ({ body, key }, { time }, seq) => {
      this.#requireTimely(time);
      refuseUnless(body.currency === this.terms.currency, 'bid.currency');
      const { end, least } = this;
      refuseUnless(body.amount >= least, 'bid.too-low');
      refuseUnless(body.amount <= this.most || body.amount === this.#price, 'bid.too-high');
      this.#back = null;
      this.#count({ entry: seq, amount: body.amount, time, end, least, forfeited: false, key });
      this.#left += 1;
      if (this.#price !== undefined && body.amount >= this.#price) {
        this.bought = true;
        this.end = time;
        return;
      }
      if (body.amount * 2 >= this.#price) this.#price = undefined;
      const { soft } = this.terms;
      if (soft) {
        const later = time + seconds(soft.extend);
        if (later > this.end) this.end = later < soft.hard_end ? later : soft.hard_end;
      }
    },

    sealing: ({ body }) => {
      refuseUnless(this.phase === 'open', 'verb.phase');
      this.sealed.seal(body);
    },

    'sealed-bid': (action, header, seq) => {
      this.#requireTimely(header.time);
      this.sealed.take(action, header, seq);
      this.#back = null;
    },

    opened: ({ body }, header, seq, ledger) => {
      refuseUnless(this.phase === 'closed' && this.sealed.unopened > 0, 'verb.phase');
      this.sealed.requireSecrets(body, header);
      refuseUnless(this.#isWitnessed(body.cosigned, ledger), 'opened.wrong');
      // This word stands for that of the first `settled`, so no `settled` carries another (V-142, V-143).
      this.#first = false;
      if (this.#isDatedLate(body.cosigned)) this.closed.late ??= 'witness';
      if (this.sealed.isLate(header)) this.closed.late ??= 'opened';
      this.sealed.open(body, seq, this.end).forEach((bid) => this.#count(bid));
      this.#before = header.time;
    },

    unlist: ({ body, key }, { time }) => {
      refuseUnless(this.phase === 'open' && time < this.end && this.#back === null, 'verb.phase');
      refuseUnless(this.bids.length === 0 && !this.sealed?.unopened, 'unlist.bids');
      refuseUnless(isRatio(this.seller, body.ratio, key), 'unlist.seller');
      this.#back = { time, successor: body.successor };
    },

    closed: ({ seen }, { time, prev_time: previous }, seq) => {
      refuseUnless(this.phase === 'open', 'verb.phase');
      const from = this.#closesFrom(time);
      refuseUnless(time >= from, 'closed.early');
      refuseUnless(seen.size === seq, 'closed.seen');
      this.phase = 'closed';
      if (!this.#isTakenBack(time)) this.#back = null;
      const { grace, freshness } = this.terms;
      const limit = from + seconds(this.bought ? grace + freshness : grace);
      this.closed = { entry: seq, time, late: previous > limit ? 'stamp' : null };
      this.#before = time;
    },

    settled: ({ body }, { time, prev_time: previous }, seq, ledger) => {
      refuseUnless(this.phase === 'closed', 'verb.phase');
      const isUnopened = this.sealed !== null && this.sealed.unopened > 0;
      const next = isUnopened ? null : this.#next();
      const price = next && this.sealed ? this.sealed.priceOf(next) : next?.amount;
      refuseUnless(body.winner === next?.entry && body.price === price, 'settled.wrong');
      const dated = this.#dated(body.cosigned, ledger);
      if (isUnopened) {
        this.phase = this.sealed.endUnopened(body.cosigned, time);
        return;
      }
      const grace = seconds(this.terms.grace);
      if (dated === 'late') refuseUnless(time > this.closed.time + grace, 'settled.early');
      if (dated === 'late') this.closed.late ??= 'witness';
      if (previous > this.#before + grace + SETTLE_SLACK) this.closed.late ??= 'settled';
      this.#first = false;
      this.#settled = time;
      this.winner = next;
      this.price = price;
      this.successor = this.#back?.successor;
      this.phase = next ? 'settled' : this.#back ? 'unlisted' : 'unsold';
    },

    revealed: () => {
      refuseUnless(this.phase === 'settled', 'verb.phase');
      this.phase = 'sold';
    },

    forfeited: ({ body }, { time }, seq) => {
      refuseUnless(this.phase === 'settled', 'verb.phase');
      const gone = [this.winner, ...this.#others(body)];
      this.#requireAbsence(time);
      for (const bid of gone) bid.forfeited = true;
      this.forfeits.push({ entry: seq, bids: gone.map((bid) => bid.entry).sort((a, b) => a - b) });
      this.winner = null;
      this.price = undefined;
      this.phase = 'closed';
      this.#before = time;
    },

    abandoned: (action, { time }) => {
      refuseUnless(this.phase === 'settled', 'verb.phase');
      this.#requireAbsence(time);
      this.phase = 'abandoned';
    },

    withdrawn: ({ body }) => {
      refuseUnless(this.phase === 'settled', 'verb.phase');
      refuseUnless(this.closed.late !== null || this.forfeits.length > 0, 'withdraw.forbidden');
      this.withdrawn = body.side;
      this.phase = 'withdrawn';
    },
  };

  #count(bid) {
    this.bids.push(bid);
    this.#byEntry.set(bid.entry, bid);
  }

  // V-040 and V-041: whether a bid of that stamp is neither late nor early.
  #requireTimely(time) {
    const { begin } = this.terms;
    refuseUnless(this.phase === 'open' && !this.bought && time < this.end && !this.#isTakenBack(time), 'bid.late');
    refuseUnless(time >= this.listed && (begin === undefined || time >= begin), 'bid.early');
  }

  // V-161: whether a bid of that stamp is too late because the item is taken back, and a `closed` of it closes that.
  #isTakenBack(time) {
    const { freshness, grace } = this.terms;
    return this.#back !== null && time >= this.#back.time && time <= this.#back.time + seconds(freshness + grace);
  }

  #closesFrom(time) {
    if (!this.#isTakenBack(time)) return this.end;
    const from = this.#back.time + seconds(this.terms.freshness);
    return from < this.end ? from : this.end;
  }

  // V-046: the highest bid that is not forfeited. Open bids only rise, so it is the last of them. After who bought it there is none (V-160).
  #next() {
    if (this.sealed) return this.sealed.leader();
    if (this.bought) return this.bids.at(-1).forfeited ? null : this.bids.at(-1);
    while (this.#left > 0 && this.bids[this.#left - 1].forfeited) this.#left -= 1;
    return this.bids[this.#left - 1] ?? null;
  }

  // V-142 and V-143: whether the witnesses' word in the first `settled` dates the close, in time or too late.
  #dated(statement, ledger) {
    if (!this.#first || this.terms.witnesses.length === 0) {
      refuseUnless(statement === undefined, 'settled.wrong');
      return 'unasked';
    }
    if (statement === undefined) return 'late';
    refuseUnless(this.#isWitnessed(statement, ledger), 'settled.wrong');
    return this.#isDatedLate(statement) ? 'late' : 'in time';
  }

  // V-142: a named witness's cosignature over the head that ends with `closed`.
  #isWitnessed({ witness: key, time, signature }, ledger) {
    const size = this.closed.entry + 1;
    return (
      this.terms.witnesses.some((witness) => equal(witness.key, key)) &&
      verifies(key, cosigned(time, headText(ledger.log, size, ledger.root(size))), signature)
    );
  }

  #isDatedLate = ({ time }) => BigInt(time) > ceilSeconds(this.closed.time + seconds(this.terms.grace));

  // V-049: nobody is absent before the time to disclose is over.
  #requireAbsence(time) {
    refuseUnless(time > this.#settled + seconds(this.terms.disclose_within), 'absent.wrong');
  }

  // V-047: the other bids that go, each shown to be by the winner.
  #others({ winner, others }) {
    refuseUnless(winner === this.winner.entry && others.length <= MOST_FORFEITED, 'forfeit.wrong');
    let last = -1;
    return others.map(({ seq, ratio }) => {
      const bid = this.#byEntry.get(seq);
      refuseUnless(seq > last && bid && bid !== this.winner && !bid.forfeited, 'forfeit.wrong');
      refuseUnless(isRatio(this.winner.key, ratio, bid.key), 'forfeit.wrong');
      last = seq;
      return bid;
    });
  }
}
