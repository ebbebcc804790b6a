// English auctions (SPEC 7.3): what a log of one means, entry by entry.

import { isQuorumOfWitnesses } from './bodies.js';
import { equal } from './bytes.js';
import { refuseUnless } from './broken.js';
import { isRatio, verifies } from './ed25519.js';
import { cosigned, headText } from './note.js';
import { ceilSeconds, seconds } from './time.js';

const LONGEST = seconds(366 * 86_400);
const MOST_FORFEITED = 128;
const MOST_STEPS = 16;
const LARGEST = Number.MAX_SAFE_INTEGER;
/** V-144: how much longer than G a broker may take to name a winner. */
const SETTLE_SLACK = seconds(60);

const VERBS = ['bid', 'say', 'unlist', 'closed', 'settled', 'revealed', 'abandoned', 'forfeited', 'withdrawn'];

const between = (number, least, most) => number >= least && number <= most;

/** V-158: whether steps rise, and prices and raises leave room for a bid. */
function arePossiblePrices({ start, increment, steps = [], max_raise: most, buy_now: price }) {
  const rise = steps.every(({ from }, at) => at === 0 || from > steps[at - 1].from);
  const increments = [increment, ...steps.map((step) => step.increment)];
  return (
    steps.length <= MOST_STEPS &&
    rise &&
    (most === undefined || increments.every((least) => least <= most)) &&
    (price === undefined || price >= Math.max(start, 1))
  );
}

/** V-038, V-039, V-140 and V-158: whether the terms of a listing are ones that an auction can have. */
function judgeTerms(terms, key, listed) {
  refuseUnless(!equal(key, terms.broker.entry), 'verb.author');
  const { begin, end, soft, freshness, grace } = terms;
  const last = soft ? soft.hard_end : end;
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
    isQuorumOfWitnesses(terms.witnesses, terms.quorum);
  refuseUnless(holds, 'listing.terms');
}

export class Auction {
  static kind = 'auction';

  phase = 'open';
  closed = null;
  winner = null;
  withdrawn = null;
  // V-161: where the seller says that it is offered again.
  successor = undefined;
  bids = [];
  forfeits = [];
  // The entry that the next or last `settled` follows, and the stamp of that last one.
  #before = null;
  #settled = null;
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
    this.#price = this.terms.buy_now;
  }

  /** V-061: what can be judged of an entry by the terms alone. The end moves later only, and bids only rise. */
  static judgeAlone(terms, { verb, body }, { time }) {
    refuseUnless(VERBS.includes(verb), 'verb.kind');
    // Without bids the end does not move.
    if (verb === 'unlist') refuseUnless(time < terms.end, 'verb.phase');
    if (verb !== 'bid') return;
    refuseUnless(time < (terms.soft ? terms.soft.hard_end : terms.end), 'bid.late');
    refuseUnless(terms.begin === undefined || time >= terms.begin, 'bid.early');
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
    if (highest === undefined) return Math.max(this.terms.start, 1);
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
    const judge = this.#verbs[action.verb];
    refuseUnless(judge !== undefined, 'verb.kind');
    judge(action, header, seq, ledger);
  }

  #verbs = {
    say: () => {},

    bid: ({ body, key }, { time }, seq) => {
      refuseUnless(this.phase === 'open' && !this.bought && time < this.end && !this.#isTakenBack(time), 'bid.late');
      refuseUnless(time >= this.listed && (this.terms.begin === undefined || time >= this.terms.begin), 'bid.early');
      refuseUnless(body.currency === this.terms.currency, 'bid.currency');
      const { end, least } = this;
      refuseUnless(body.amount >= least, 'bid.too-low');
      refuseUnless(body.amount <= this.most || body.amount === this.#price, 'bid.too-high');
      this.#back = null;
      const bid = { entry: seq, amount: body.amount, time, end, least, forfeited: false, key };
      this.bids.push(bid);
      this.#byEntry.set(seq, bid);
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

    unlist: ({ body, key }, { time }) => {
      refuseUnless(this.phase === 'open' && time < this.end && this.#back === null, 'verb.phase');
      refuseUnless(this.bids.length === 0, 'unlist.bids');
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
      const next = this.#next();
      refuseUnless(body.winner === next?.entry && body.price === next?.amount, 'settled.wrong');
      const dated = this.#dated(body.cosigned, ledger);
      const grace = seconds(this.terms.grace);
      if (dated === 'late') refuseUnless(time > this.closed.time + grace, 'settled.early');
      if (dated === 'late') this.closed.late ??= 'witness';
      if (previous > this.#before + grace + SETTLE_SLACK) this.closed.late ??= 'settled';
      this.#first = false;
      this.#settled = time;
      this.winner = next;
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

  // V-046: the highest bid that is not forfeited. Bids only rise, so it is the last of them. After who bought it there is none (V-160).
  #next() {
    if (this.bought) return this.bids.at(-1).forfeited ? null : this.bids.at(-1);
    while (this.#left > 0 && this.bids[this.#left - 1].forfeited) this.#left -= 1;
    return this.bids[this.#left - 1] ?? null;
  }

  // V-142 and V-143: whether the witnesses' word in the first `settled` dates the close, in time or too late.
  #dated(statement, ledger) {
    const { witnesses, grace } = this.terms;
    if (!this.#first || witnesses.length === 0) {
      refuseUnless(statement === undefined, 'settled.wrong');
      return 'unasked';
    }
    if (statement === undefined) return 'late';
    const size = this.closed.entry + 1;
    refuseUnless(
      witnesses.some((witness) => equal(witness.key, statement.witness)) &&
        verifies(
          statement.witness,
          cosigned(statement.time, headText(ledger.log, size, ledger.root(size))),
          statement.signature,
        ),
      'settled.wrong',
    );
    return BigInt(statement.time) > ceilSeconds(this.closed.time + seconds(grace)) ? 'late' : 'in time';
  }

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
