// Auctions (SPEC 7.3): what a log of one means, entry by entry. What is different where bids are sealed is in sealedbids.js, and where
// the price falls in dutch.js; hidden reserves are in reserve.js.

import { equal } from './bytes.js';
import { refuseUnless } from './broken.js';
import { issuerOf } from './citizens.js';
import { FallingPrice } from './dutch.js';
import { isRatio, verifies } from './ed25519.js';
import { cosigned, headText } from './note.js';
import { Paddles } from './paddles.js';
import { requireReserveForm, Reserve } from './reserve.js';
import { requireForm, SealedBids } from './sealedbids.js';
import { incrementAbove, judgeTerms, lastEnd, leastOf, neededOf, ruleOf, wholeSeconds } from './terms.js';
import { ceilSeconds, seconds } from './time.js';

const MOST_FORFEITED = 128;
const LARGEST = Number.MAX_SAFE_INTEGER;
/** V-144: how much longer than G a broker may take to name a winner. */
const SETTLE_SLACK = seconds(60);
const SEAL_SLACK = seconds(60);

const COMMON = ['say', 'unlist', 'closed', 'settled', 'revealed', 'abandoned', 'forfeited', 'withdrawn'];
const OPEN_BIDS = ['bid', ...COMMON];
const SEALED_BIDS = ['sealing', 'sealed-bid', 'opened', ...COMMON];

const RESERVED = ['sealing', 'reserve', 'opened', 'unseal', ...OPEN_BIDS];

function requireVerb({ sealed, reserve }, verb) {
  const verbs = sealed ? (reserve === undefined ? SEALED_BIDS : ['reserve', ...SEALED_BIDS]) : reserve === undefined ? OPEN_BIDS : RESERVED;
  refuseUnless(verbs.includes(verb), 'verb.kind');
}

export class Auction {
  static kind = 'auction';
  static access = 'public';

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
  // V-164: bids could be sealed only long after the listing.
  #isSealedLate = false;
  #byEntry = new Map();
  // How many bids are left once those at the end that are forfeited are taken away: the last of the rest leads.
  #left = 0;
  // The price at which it can be bought at once, as long as it can (V-160).
  #price;
  // What the seller asks of bids besides, or null (V-174).
  #rule;
  /** Who holds which paddle. */
  paddles = new Paddles();
  // That the seller takes it back, unless a bid still counts (V-161).
  #back = null;

  constructor(opening, header) {
    this.terms = opening.body;
    judgeTerms(this.terms, opening.key, header.time);
    /** Whose tokens buy the personas that list and bid, or null if any do (V-220). */
    this.issuer = issuerOf(this.terms, header.time);
    this.#rule = ruleOf(this.terms, header.time);
    this.seller = opening.key;
    this.listed = header.time;
    this.end = this.terms.end;
    this.bought = false;
    /** What is sealed and what it comes to, or null where nothing is. */
    this.locked = neededOf(this.terms) === undefined ? null : new SealedBids(this.terms, (bid) => this.#answer(bid));
    /** The same where bids are sealed, or null where they are open. */
    this.sealed = this.terms.sealed ? this.locked : null;
    /** The hidden reserve, or null where there is none. */
    this.reserve = this.terms.reserve === undefined ? null : new Reserve(this.terms, this.seller);
    /** What a falling price comes to, or null where none falls. */
    this.falling = this.terms.dutch ? new FallingPrice(this.terms, header.time) : null;
    this.#price = this.terms.buy_now;
  }

  /** V-061: what can be judged of an entry by the terms alone. The end moves later only, and bids only rise. */
  static judgeAlone(terms, { verb, body }, { time }) {
    requireVerb(terms, verb);
    // Without bids the end does not move.
    if (verb === 'unlist') refuseUnless(time < terms.end, 'verb.phase');
    if (verb === 'reserve') requireReserveForm(body, terms);
    if (verb !== 'bid' && verb !== 'sealed-bid') return;
    refuseUnless(time < lastEnd(terms), 'bid.late');
    refuseUnless(terms.begin === undefined || time >= terms.begin, 'bid.early');
    if (terms.sealed) {
      requireForm(body, terms);
      return;
    }
    refuseUnless(body.currency === terms.currency, 'bid.currency');
    refuseUnless(body.amount >= (terms.dutch ? terms.dutch.floor : terms.start), 'bid.too-low');
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
    return highest + incrementAbove(this.terms, highest);
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

    bid: (action, header, seq) => {
      const [{ body, key }, { time }] = [action, header];
      this.#requireTimely(time);
      refuseUnless(body.currency === this.terms.currency, 'bid.currency');
      if (this.falling) {
        const price = this.falling.requirePrice(body, header);
        this.paddles.require(action);
        const bid = { entry: seq, amount: price, time, end: this.end, least: price, forfeited: false, key };
        this.#back = null;
        this.#count(bid);
        this.paddles.take(action, seq);
        this.end = this.falling.take(bid, action, header, this.end);
        return;
      }
      const { end, least } = this;
      refuseUnless(body.amount >= least, 'bid.too-low');
      refuseUnless(body.amount <= this.most || body.amount === this.#price, 'bid.too-high');
      this.paddles.require(action);
      const highest = this.bids.at(-1)?.amount ?? 0;
      const counts = { bids: this.bids.length, paddle_bids: this.paddles.count(body) };
      refuseUnless(this.#answer({ amount: body.amount, time, highest, least, ...counts }) === true, 'bid.rule');
      this.#back = null;
      this.paddles.take(action, seq);
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

    sealing: ({ body }, { prev_time: previous }) => {
      refuseUnless(this.phase === 'open', 'verb.phase');
      this.locked.seal(body);
      this.#isSealedLate = previous > this.listed + SEAL_SLACK;
    },

    'sealed-bid': (action, header, seq) => {
      this.#requireTimely(header.time);
      this.sealed.requireBid(action);
      this.paddles.require(action);
      this.sealed.take(action, header, seq);
      this.paddles.take(action, seq);
      this.#back = null;
    },

    reserve: (action, header, seq) => {
      refuseUnless(this.phase === 'open' && this.locked.to !== null, 'verb.phase');
      this.reserve.take(action, seq);
    },

    unseal: (action, header, seq) => {
      refuseUnless(this.#awaitsReserve(), 'verb.phase');
      this.reserve.unseal(action, seq, this.locked.to);
      // Its author chose the stamp, and had F to hand it in.
      this.#noteOpening(header, header.time + seconds(this.terms.freshness));
    },

    opened: ({ body }, header, seq, ledger) => {
      if (!this.sealed) {
        refuseUnless(this.#awaitsReserve(), 'verb.phase');
        this.locked.requireSecrets(body, header);
        refuseUnless(body.cosigned.length === 0, 'opened.wrong');
        this.reserve.open(body, seq, this.locked.to);
        this.#noteOpening(header);
        return;
      }
      refuseUnless(this.phase === 'closed' && this.sealed.unopened > 0, 'verb.phase');
      this.sealed.requireSecrets(body, header);
      refuseUnless(this.#areWitnessed(body.cosigned, ledger), 'opened.wrong');
      refuseUnless(this.sealed.isInTime(this.#datedBy(body.cosigned)), 'opened.wrong');
      // This word stands for that of the first `settled`, so no `settled` carries another (V-142, V-143).
      this.#first = false;
      if (this.#isDatedLate(body.cosigned)) this.closed.late ??= 'witness';
      this.sealed.open(body, seq, this.end).forEach((bid) => this.#count(bid));
      this.reserve?.open(body, seq, this.locked.to);
      this.#noteOpening(header);
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
      this.closed = { entry: seq, time, late: this.#isSealedLate ? 'sealing' : previous > limit ? 'stamp' : null };
      this.#before = time;
    },

    settled: ({ body }, { time, prev_time: previous }, seq, ledger) => {
      refuseUnless(this.phase === 'closed', 'verb.phase');
      const isUnopened = this.sealed !== null && this.sealed.unopened > 0;
      const leader = isUnopened ? null : this.#next();
      const next = leader && this.reserve && !this.reserve.isReachedBy(leader.amount) ? null : leader;
      const price = next && this.sealed ? Math.max(this.sealed.priceOf(next), this.reserve?.amount ?? 0) : next?.amount;
      refuseUnless(body.winner === next?.entry && body.price === price, 'settled.wrong');
      const dated = this.#dated(body.cosigned, ledger);
      if (isUnopened) {
        this.phase = this.sealed.endUnopened(this.#datedBy(body.cosigned ?? []), time);
        return;
      }
      const grace = seconds(this.terms.grace);
      const givesUp = this.#awaitsReserve();
      if (givesUp) refuseUnless(time >= this.locked.givenUp, 'settled.early');
      if (dated === 'late') refuseUnless(time > this.closed.time + grace, 'settled.early');
      if (dated === 'late') this.closed.late ??= 'witness';
      if (givesUp) {
        this.closed.late ??= 'opened';
        this.reserve.giveUp();
      }
      if (previous > this.#before + grace + SETTLE_SLACK) this.closed.late ??= 'settled';
      this.#first = false;
      this.#settled = time;
      this.winner = next;
      this.price = price;
      this.successor = this.#back?.successor;
      this.phase = next ? 'settled' : this.#back ? 'unlisted' : leader ? 'below-reserve' : 'unsold';
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
    refuseUnless(this.reserve?.standing !== 'awaited', 'bid.early');
  }

  // V-212: bids were open, none counts any more, none bought, and the reserve is still sealed.
  #awaitsReserve() {
    const isSealed = this.reserve?.standing === 'sealed' && !this.sealed;
    return isSealed && this.phase === 'closed' && this.bids.length > 0 && !this.bought;
  }

  // V-166, V-214: what an opening, by whomever, means for the close.
  #noteOpening(header, since = header.time) {
    if (this.locked.isLate(header)) this.closed.late ??= 'opened';
    this.#before = since;
  }

  // V-175 and V-176: what the seller's rule answers about a bid. What is not known where bids are sealed is in no rule there.
  #answer({ time, ...state }) {
    const times = { elapsed: wholeSeconds(this.listed, time), remaining: wholeSeconds(time, this.end) };
    return this.#rule === null || this.#rule({ ...state, ...times, start: this.terms.start });
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

  // V-046 and V-184: the highest bid that is not forfeited, or the earliest where the price falls. Open bids only rise, so it is the last of them. After who bought it there is none (V-160).
  #next() {
    if (this.sealed) return this.sealed.leader();
    if (this.falling) return this.falling.leader();
    if (this.bought) return this.bids.at(-1).forfeited ? null : this.bids.at(-1);
    while (this.#left > 0 && this.bids[this.#left - 1].forfeited) this.#left -= 1;
    return this.bids[this.#left - 1] ?? null;
  }

  // V-142 and V-143: whether the witnesses' words in the first `settled` date the close, in time or too late.
  #dated(statements, ledger) {
    if (!this.#first || this.terms.witnesses.length === 0) {
      refuseUnless(statements === undefined, 'settled.wrong');
      return 'unasked';
    }
    if (statements === undefined) return 'late';
    refuseUnless(this.#areWitnessed(statements, ledger), 'settled.wrong');
    return this.#isDatedLate(statements) ? 'late' : 'in time';
  }

  // V-142: cosignatures of named witnesses, each once and in their order, over the head that ends with `closed`.
  #areWitnessed(statements, ledger) {
    const size = this.closed.entry + 1;
    const text = headText(ledger.log, size, ledger.root(size));
    let last = -1;
    return statements.every(({ witness: key, time, signature }) => {
      const place = this.#placeOf(key);
      const isNext = place > last;
      last = place;
      return isNext && verifies(key, cosigned(time, text), signature);
    });
  }

  #placeOf = (key) => this.terms.witnesses.findIndex((witness) => equal(witness.key, key));

  // V-143: the earliest time by which witnesses of enough operators had signed; undefined if too few did.
  #datedBy(statements) {
    const operators = new Set();
    const ordered = [...statements].sort((one, other) => one.time - other.time);
    for (const { witness, time } of ordered) {
      operators.add(this.terms.witnesses[this.#placeOf(witness)]?.operator);
      if (operators.size >= this.terms.quorum) return time;
    }
    return undefined;
  }

  #isDatedLate(statements) {
    const time = this.#datedBy(statements);
    return time === undefined || BigInt(time) > ceilSeconds(this.closed.time + seconds(this.terms.grace));
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
