// Auctions with a hidden reserve (V-210 to V-215).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url } from '../src/bytes.js';
import { publicKey } from '../src/hpke.js';
import { amountBytes, contextOf, RESERVE, sealBid } from '../src/sealed.js';
import { holds, refused } from './expect.js';
import { timeAt } from './house.js';
import { Key, noise } from './keys.js';
import { SealedHouse, SealedRoom, secretOf, T } from './sealedhouse.js';

const b64 = base64url;
const DAY = 86_400;
const HALVES = [noise('K1 of the reserve'), noise('K2 of the reserve')];
const house = new SealedHouse();
const refusedLast = (room, rule) => refused(room.file(), rule, room.size - 1);
const shown = (room, verdict = 'incomplete') => holds(room.file(), verdict).auction;
let names = 0;

/** The seller's next key, with what shows that it is the seller's. */
const seller = () => new Key('seller').sibling(`seller ${(names += 1)}`);

/** Seals a reserve, spoilt in some way. */
function reserve(room, amount = 2000, seconds = 2, { author = seller(), spoil = (parts) => parts, label = RESERVE } = {}) {
  const { key, ratio } = author;
  const parts = sealBid(amountBytes(amount), HALVES, {
    context: contextOf(room.name, key.public, label),
    label,
    broker: publicKey(secretOf('broker')),
    locks: [publicKey(secretOf('tsa 0'))],
    needed: 1,
  });
  const { broker, shares, commitment, amount: covered } = spoil(parts);
  const body = { ratio: b64(ratio), broker: b64(broker), shares: shares.map(b64), commitment: b64(commitment), amount: b64(covered) };
  return room.act('reserve', body, key, { seconds });
}

function unseal(room, seconds, { author = seller(), halves = HALVES } = {}) {
  const [first, second] = halves.map(b64);
  return room.act('unseal', { ratio: b64(author.ratio), first, second }, author.key, { seconds });
}

const bid = (room, amount, seconds) => (room.terms.sealed ? room.bid(amount, seconds) : openBid(room, amount, seconds));
// An open bid in a room whose own are sealed.
const openBid = (room, amount, seconds) => Object.getPrototypeOf(SealedRoom.prototype).bid.call(room, amount, seconds);

const OPEN = { sealed: null, reserve: 1 };
const SEALED = { sealed: { price: 'second' }, reserve: 1 };

function bids(terms, amounts, options) {
  const room = house.auction(terms);
  reserve(room, 2000, 2, options);
  amounts.forEach((amount, i) => bid(room, amount, 5 + i));
  return room;
}

function closed(terms, amounts, options) {
  const room = bids(terms, amounts, options);
  room.closed();
  return room;
}

const opened = (room, seconds = T, options = {}) => room.opened(seconds, room.terms.sealed ? options : { cosigned: [], ...options });
const settled = (room, winner, price, seconds = T + 1) =>
  room.settled(winner, price, seconds, room.terms.sealed ? {} : { cosigned: room.word() });

for (const [name, change] of [
  ['no_tsa_needed', { reserve: 0 }],
  ['more_tsas_needed_than_there_are', { reserve: 2 }],
  ['no_witnesses', { witnesses: [], quorum: 0 }],
]) {
  for (const terms of [OPEN, SEALED]) {
    test(`v210_a_listing_with_${name}_is_refused_where_bids_are_${terms.sealed ? 'sealed' : 'open'}`, () =>
      refused(house.bare({ ...terms, ...change }).file(), 'listing.terms', 0));
  }
}

test('v210_the_reserve_opens_after_the_last_end_there_can_be', () => {
  const room = house.bare({ ...OPEN, soft: { extend: 30, hard_end: timeAt(90) } });
  assert.deepEqual(shown(room).reserve, { standing: 'awaited', needed: 1, of: 1, opens: timeAt(101) });
});

test('v211_nobody_bids_before_the_reserve_and_there_is_one', () => {
  for (const terms of [OPEN, SEALED]) {
    const early = house.auction(terms);
    bid(early, 1500, 3);
    refusedLast(early, 'bid.early');
    const twice = bids(terms, []);
    reserve(twice, 3000, 3);
    refusedLast(twice, 'verb.phase');
    assert.equal(shown(bids(terms, [1500])).reserve.standing, 'sealed');
  }
});

test('v211_a_reserve_comes_after_the_keys_before_the_close_and_where_the_listing_says_so', () => {
  const bare = house.bare(OPEN);
  reserve(bare);
  refusedLast(bare, 'verb.phase');
  const late = house.auction(OPEN);
  late.closed();
  reserve(late, 2000, 61);
  refusedLast(late, 'verb.phase');
  for (const terms of [{ sealed: null }, {}]) {
    const without = house.bare(terms);
    reserve(without);
    refusedLast(without, 'verb.kind');
  }
});

test('v211_nobody_but_the_seller_seals_one', () => {
  for (const author of [new Key('stranger').sibling('again'), { key: new Key('stranger'), ratio: seller().ratio }]) {
    const room = house.auction(OPEN);
    reserve(room, 2000, 2, { author });
    refusedLast(room, 'reserve.seller');
  }
});

for (const [name, spoil] of [
  ['a_longer_broker', (parts) => ({ ...parts, broker: new Uint8Array(81) })],
  ['no_share', (parts) => ({ ...parts, shares: [] })],
  ['a_share_too_many', (parts) => ({ ...parts, shares: [...parts.shares, ...parts.shares] })],
  ['a_shorter_amount', (parts) => ({ ...parts, amount: new Uint8Array(23) })],
]) {
  test(`v211_a_reserve_with_${name}_is_refused`, () => {
    const room = house.auction(OPEN);
    reserve(room, 2000, 2, { spoil });
    refusedLast(room, 'reserve.sealed');
  });
}

test('v212_the_reserve_is_opened_with_sealed_bids_or_alone', () => {
  for (const [terms, price] of [[OPEN, 2500], [SEALED, 2000]]) {
    const room = closed(terms, [1500, 2500]);
    opened(room);
    settled(room, 4, price);
    const { reserve: known, phase } = shown(room);
    assert.deepEqual([phase, known.standing, known.amount, known.sealed, known.opened], ['settled', 'open', 2000, 2, 6]);
  }
});

test('v212_alone_it_is_opened_in_time_by_the_right_secrets_and_without_dates', () => {
  for (const [seconds, options, rule] of [
    [T - 0.000001, {}, 'opened.wrong'],
    [T + DAY, {}, 'opened.wrong'],
    [T, { by: [] }, 'opened.wrong'],
    [T, { body: { key: b64(secretOf('another')) } }, 'opened.wrong'],
  ]) {
    const room = closed(OPEN, [2500]);
    opened(room, seconds, options);
    refusedLast(room, rule);
  }
  const dated = closed(OPEN, [2500]);
  dated.opened(T);
  refusedLast(dated, 'opened.wrong');
  const none = closed(OPEN, []);
  opened(none);
  refusedLast(none, 'verb.phase');
  const bought = house.auction({ ...OPEN, buy_now: 2500 });
  reserve(bought);
  bid(bought, 2500, 5);
  bought.closed();
  opened(bought);
  refusedLast(bought, 'verb.phase');
});

test('v213_the_seller_unseals_it_after_the_close', () => {
  const room = closed(OPEN, [1500, 2500]);
  unseal(room, 61);
  settled(room, 4, 2500, 62);
  assert.deepEqual([shown(room).reserve.opened, shown(room).closed.late], [6, null]);
  const early = bids(OPEN, [2500]);
  unseal(early, 8);
  refusedLast(early, 'verb.phase');
  const twice = closed(OPEN, [2500]);
  unseal(twice, 61);
  unseal(twice, 62);
  refusedLast(twice, 'verb.phase');
  const sealed = closed(SEALED, [2500]);
  unseal(sealed, 61);
  refusedLast(sealed, 'verb.kind');
  const other = closed(OPEN, [2500]);
  unseal(other, 61, { author: new Key('stranger').sibling('again') });
  refusedLast(other, 'reserve.seller');
  for (const halves of [[HALVES[1], HALVES[0]], [HALVES[0], noise('another')], [noise('another'), HALVES[1]]]) {
    const wrong = closed(OPEN, [2500]);
    unseal(wrong, 61, { halves });
    refusedLast(wrong, 'reserve.wrong');
  }
});

test('v214_a_void_reserve_counts_as_none_and_cannot_be_unsealed', () => {
  const flip = (bytes) => bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  for (const [cause, spoil] of [
    ['broker', (parts) => ({ ...parts, broker: flip(parts.broker) })],
    ['share', (parts) => ({ ...parts, shares: parts.shares.map(flip) })],
    ['commitment', (parts) => ({ ...parts, commitment: flip(parts.commitment) })],
    ['amount', (parts) => ({ ...parts, amount: flip(parts.amount) })],
  ]) {
    const room = closed(OPEN, [1500], { spoil });
    opened(room);
    settled(room, 3, 1500);
    assert.deepEqual([shown(room).reserve.standing, shown(room).reserve.cause], ['void', cause]);
    const tried = closed(OPEN, [1500], { spoil });
    unseal(tried, 61);
    refusedLast(tried, 'reserve.wrong');
  }
});

test('v214_after_a_day_it_counts_as_none_and_the_close_is_late', () => {
  for (const [seconds, rule] of [[61, 'settled.early'], [T + DAY - 0.000001, 'settled.early']]) {
    const early = closed(OPEN, [1500]);
    settled(early, 3, 1500, seconds);
    refusedLast(early, rule);
  }
  const room = closed(OPEN, [1500]);
  settled(room, 3, 1500, T + DAY);
  assert.deepEqual([shown(room).reserve.standing, shown(room).closed.late], ['unopened', 'opened']);
});

test('v215_nobody_wins_below_the_reserve', () => {
  for (const terms of [OPEN, SEALED]) {
    for (const [highest, sold] of [[1999, false], [2000, true]]) {
      const [right, wrong] = [closed(terms, [1500, highest]), closed(terms, [1500, highest])];
      [right, wrong].forEach((room) => opened(room));
      const price = terms.sealed ? 2000 : highest;
      settled(right, ...(sold ? [4, price] : []));
      const { phase } = sold ? shown(right) : shown(right, 'valid');
      assert.equal(phase, sold ? 'settled' : 'below-reserve');
      settled(wrong, ...(sold ? [] : [4, highest]));
      refusedLast(wrong, 'settled.wrong');
    }
  }
});

test('v215_who_buys_at_once_asks_for_no_reserve', () => {
  const room = house.auction({ ...OPEN, buy_now: 1800 });
  reserve(room);
  bid(room, 1800, 5);
  room.closed(5.5);
  room.settled(3, 1800, 7, { cosigned: room.word(6) });
  assert.deepEqual([shown(room).phase, shown(room).reserve.standing], ['settled', 'sealed']);
});
