// Auctions whose price falls (V-180 to V-184).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url } from '../src/bytes.js';
import { FallingPrice, priceAt } from '../src/dutch.js';
import { holds, refused } from './expect.js';
import { at, House, timeAt } from './house.js';
import { Key, noise } from './keys.js';

const b64 = base64url;
const DUTCH = { floor: 400, fall: 100, every: 5 };

class FallingHouse extends House {
  constructor() {
    super({ witnesses: [] });
  }

  listing({ dutch = {}, ...change } = {}) {
    const { soft, bids_each, ...rest } = super.listing({ increment: 1, freshness: 3, ...change });
    const others = Object.entries(rest).filter(([name]) => name !== 'sealed' && name !== 'rule');
    const before = others.findIndex(([name]) => name === 'freshness');
    const terms = [['soft', soft], ['sealed', change.sealed], ['dutch', { ...DUTCH, ...dutch }], ['rule', change.rule], ['bids_each', bids_each]];
    return Object.fromEntries([...others.slice(0, before), ...terms, ...others.slice(before)]);
  }
}

const house = new FallingHouse();
const auction = (change) => house.auction(change);
const refusedLast = (room, rule) => refused(room.file(), rule, room.size - 1);

test('v180_the_terms_of_a_falling_price_have_bounds', () => {
  for (const good of [{ dutch: { fall: 600 } }, { dutch: { every: 1 } }, { dutch: { every: 86_400 } }, { freshness: 1 }]) {
    holds(auction(good).file(), 'incomplete');
  }
  for (const bad of [
    { dutch: { fall: 601 } },
    { dutch: { floor: 1000, fall: 1 } },
    { dutch: { every: 0 } },
    { dutch: { every: 86_401 } },
    { freshness: 4 },
    { freshness: 0 },
    { increment: 2 },
    { rule: "true" },
    { steps: [{ from: 2000, increment: 5 }] },
    { max_raise: 100 },
    { buy_now: 2000 },
    { soft: { extend: 30, hard_end: timeAt(90) } },
    { stamps: [b64(house.stamp.public), b64(new Key('other').public)] },
  ]) {
    refused(auction(bad).file(), 'listing.terms', 0);
  }
});

test('v181_the_price_falls_with_each_whole_step_and_no_lower_than_the_floor', () => {
  const terms = { start: 1000, dutch: DUTCH };
  const price = (seconds) => priceAt(terms, at(0), at(seconds));
  assert.deepEqual([-1, 0, 4.999999, 5, 9.999999, 10, 29.999999, 30, 1e6].map(price), [1000, 1000, 1000, 900, 900, 800, 500, 400, 400]);
  const most = Number.MAX_SAFE_INTEGER;
  assert.equal(priceAt({ start: most, dutch: { floor: 1, fall: most - 1, every: 1 } }, at(0), at(0.5)), most);
  assert.equal(priceAt({ start: most, dutch: { floor: 1, fall: most - 1, every: 1 } }, at(0), at(1e6)), 1);
});

test('v181_a_price_falls_from_when_bids_count', () => {
  assert.equal(new FallingPrice({ begin: at(3) }, at(1)).since, at(3));
  assert.equal(new FallingPrice({ begin: at(0) }, at(1)).since, at(1));
  assert.equal(new FallingPrice({}, at(1)).since, at(1));
});

test('v182_a_bid_agrees_to_the_price_at_its_own_stamp_or_more', () => {
  for (const [seconds, least] of [[4.999999, 1000], [5, 900], [59, 400]]) {
    let room = auction();
    room.bid(least - 1, seconds);
    refusedLast(room, 'bid.too-low');
    room = auction();
    room.bid(9000, seconds);
    const [bid] = holds(room.file(), 'incomplete').auction.bids;
    assert.deepEqual([bid.amount, bid.least], [least, least]);
  }
});

test('v183_the_first_bid_ends_it_one_freshness_after_its_stamp', () => {
  let room = auction();
  room.bid(1000, 10);
  room.bid(1000, 13);
  refusedLast(room, 'bid.late');
  room = auction();
  room.bid(1000, 10);
  room.bid(1000, 12.5);
  room.bid(1000, 9.999999);
  assert.equal(holds(room.file(), 'incomplete').auction.end, timeAt(13));
  room.closed(12.999999);
  refusedLast(room, 'closed.early');
});

test('v183_no_stamp_older_than_a_freshness_displaces_anything', () => {
  const room = auction();
  room.bid(1000, 10);
  room.bid(1000, 6.999999, { seen: 1 });
  refusedLast(room, 'stamp.stale');
});

test('v184_the_earliest_stamp_wins_in_any_order_of_the_log_and_pays_what_it_cost_then', () => {
  for (const order of [[9.999999, 10, 11], [10, 9.999999, 11], [11, 10, 9.999999]]) {
    const bids = (winner, price) => {
      const room = auction();
      order.forEach((seconds) => room.bid(1000, seconds));
      room.closed(14);
      room.settled(winner, price, 14.5);
      return room;
    };
    const winner = order.indexOf(9.999999) + 1;
    holds(bids(winner, 900).file(), 'incomplete');
    for (const [other, price] of [[winner, 1000], [winner, 800], [(winner % 3) + 1, 800], [undefined, undefined]]) {
      refusedLast(bids(other, price), 'settled.wrong');
    }
  }
});

test('v184_between_equal_times_the_lot_decides', () => {
  const price = new FallingPrice({ start: 1000, dutch: DUTCH, freshness: 3 }, at(0));
  const header = { time: at(5), hash: noise('batch') };
  const bids = [1, 2, 3, 4, 5].map((entry) => ({ entry, forfeited: false }));
  for (const bid of bids) price.take(bid, { digest: noise(`digest ${bid.entry}`) }, header, at(60));
  const other = new FallingPrice({ start: 1000, dutch: DUTCH, freshness: 3 }, at(0));
  for (const bid of [...bids].reverse()) other.take(bid, { digest: noise(`digest ${bid.entry}`) }, header, at(60));
  const order = (one) => {
    const found = [];
    for (let bid = one.leader(); bid; bid = one.leader()) {
      found.push(bid.entry);
      bid.forfeited = true;
    }
    bids.forEach((bid) => (bid.forfeited = false));
    return found;
  };
  const first = order(price);
  assert.deepEqual(first, order(other));
  assert.deepEqual([...first].sort(), [1, 2, 3, 4, 5]);
});
