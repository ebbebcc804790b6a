// Paddles, and how many bids a listing allows each bidder (V-200 to V-203).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url as b64 } from '../src/bytes.js';
import { holds, refused } from './expect.js';
import { House } from './house.js';
import { Key } from './keys.js';
import { SealedHouse } from './sealedhouse.js';

const house = new House({ witnesses: [] });
const holder = new Key('holder');
// The same persona's second key, and its third: each with the ratio from the first.
const [second, third] = ['second', 'third'].map((name) => holder.sibling(name));
const first = (name) => ({ name });
const again = (name, seq, ratio) => ({ name, earlier: { seq, ratio: b64(ratio) } });
const refusedLast = (room, rule = 'bid.paddle') => refused(room.file(), rule, room.size - 1);
const bid = (room, amount, key, paddle) => room.bid(amount, 1, { key, body: { paddle } });

/** Under 17 as entry 1, under none as entry 2, under hat as entry 3. */
function scene() {
  const room = house.auction();
  bid(room, 1000, holder, first('17'));
  room.bid(1100, 1);
  bid(room, 1200, new Key('hat'), first('hat'));
  return room;
}

test('v200_whoever_bids_first_under_a_paddle_holds_it', () => {
  const room = scene();
  bid(room, 1300, second.key, again('17', 1, second.ratio));
  const { auction } = holds(room.file(), 'incomplete');
  assert.deepEqual(auction.bids.map(({ paddle }) => paddle), ['17', undefined, 'hat', '17']);
  bid(room, 1400, new Key('rival'), first('17'));
  refusedLast(room);
});

test('v200_a_paddle_that_nobody_holds_is_not_shown_to_be_held', () => {
  const room = scene();
  bid(room, 1300, second.key, again('18', 1, second.ratio));
  refusedLast(room);
});

for (const name of ['', 'A', '1 7', 'a_b', 'abcdefghijklmnopq', 'é', '17\n']) {
  test(`v200_a_name_that_is_none_${encodeURIComponent(name)}`, () => {
    const room = scene();
    bid(room, 1300, second.key, first(name));
    refusedLast(room, 'V-010');
  });
}

for (const [what, paddle] of [
  ['where_nothing_is_shown', first('17')],
  ['by_a_bid_that_is_not_there', again('17', 9, second.ratio)],
  ['by_the_listing', again('17', 0, second.ratio)],
  ['by_a_bid_under_none', again('17', 2, second.ratio)],
  ['by_a_bid_under_another', again('17', 3, second.ratio)],
  ['by_another_ratio', again('17', 1, third.ratio)],
  ['of_another', again('hat', 3, second.ratio)],
  ['by_a_ratio_beyond_the_order', again('17', 1, new Uint8Array(32).fill(255))],
]) {
  test(`v201_nobody_bids_under_a_paddle_${what}`, () => {
    const room = scene();
    bid(room, 1300, second.key, paddle);
    refusedLast(room);
  });
}

test('v201_what_is_wrong_with_the_bid_itself_is_told_first', () => {
  const room = scene();
  bid(room, 1200, second.key, first('17'));
  refusedLast(room, 'bid.too-low');
});

test('v201_a_rule_is_asked_with_the_bids_under_the_paddle', () => {
  const room = house.auction({ rule: 'paddle_bids < 2' });
  bid(room, 1000, holder, first('17'));
  bid(room, 1100, second.key, again('17', 1, second.ratio));
  holds(room.file(), 'incomplete');
  bid(room, 1200, third.key, again('17', 2, second.ratio));
  // Whose it is, is judged before the rule is asked.
  refusedLast(room);
  const other = house.auction({ rule: 'paddle_bids < 2' });
  bid(other, 1000, holder, first('17'));
  bid(other, 1100, second.key, again('17', 1, second.ratio));
  bid(other, 1200, third.key, again('17', 1, third.ratio));
  refusedLast(other, 'bid.rule');
});

test('v202_a_listing_allows_each_bidder_one_to_thirty_two_bids', () => {
  for (const good of [1, 32]) holds(house.auction({ bids_each: good }).file(), 'incomplete');
  for (const bad of [0, 33]) refused(house.auction({ bids_each: bad }).file(), 'listing.terms', 0);
  assert.equal(holds(house.auction({ bids_each: 3 }).file(), 'incomplete').auction.bids_each, 3);
});

test('v201_sealed_bids_have_paddles_too_whatever_becomes_of_them', () => {
  const sealed = new SealedHouse();
  const room = sealed.auction();
  room.bid(1500, 5, { key: holder, body: { paddle: first('17') } });
  // Under the start: it will be void, and still shows whose the paddle is.
  room.bid(10, 5, { key: second.key, body: { paddle: again('17', 2, second.ratio) } });
  holds(room.file(), 'incomplete');
  const third17 = third.key;
  room.bid(1700, 5, { key: third17, body: { paddle: first('17') } });
  refusedLast(room);
});
