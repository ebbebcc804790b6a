// Auctions with sealed bids (V-162, V-164 to V-168).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url, u64, utf8 } from '../src/bytes.js';
import { fingerprint } from '../src/ed25519.js';
import { publicKey, seal } from '../src/hpke.js';
import { contextOf, shareOf } from '../src/sealed.js';
import { holds, refused } from './expect.js';
import { House, secondsAt, timeAt } from './house.js';
import { Key, noise } from './keys.js';
import { openedWith, SealedHouse, secretOf, T } from './sealedhouse.js';

const b64 = base64url;
const house = new SealedHouse();
const three = new SealedHouse({ tsas: 3 });
const DAY = 86_400;
const refusedLast = (room, rule) => refused(room.file(), rule, room.size - 1);
const incomplete = (room) => holds(room.file(), 'incomplete').auction;

/** An auction with two sealed bids, of 1500 and 2000, closed in time. */
function closed(sealed, { of = house, ...change } = {}) {
  const room = of.auction({ sealed, ...change });
  room.bid(1500, 5);
  room.bid(2000, 6);
  room.closed();
  return room;
}

// Auctions that go as they should.

test('v168_the_highest_bid_pays_itself_or_the_highest_that_loses', () => {
  for (const [price, pays] of [['first', 2000], ['second', 1500]]) {
    const room = openedWith(house, [1500, 2000, 1200], { sealed: { price } });
    const before = incomplete(room);
    assert.deepEqual([before.phase, before.winner, before.price, before.closed.late], ['closed', undefined, undefined, null]);
    room.settled(3, pays);
    room.outcome('revealed', 100);
    const { auction } = holds(room.file());
    assert.deepEqual([auction.phase, auction.winner, auction.price, auction.closed.late], ['sold', 3, pays, null]);
    assert.deepEqual(auction.sealed, { price, needed: 1, of: 1, locks: house.tsas.map((tsa) => fingerprint(tsa.public)), opens: timeAt(T), opened: 6, unopened: 0, void: [] });
    assert.deepEqual(auction.bids[0], { entry: 2, amount: 1500, time: timeAt(5), end: timeAt(60), least: 1000, forfeited: false });
    assert.deepEqual(auction.bids.map(({ entry, amount }) => [entry, amount]), [[2, 1500], [3, 2000], [4, 1200]]);
    assert.equal(Object.keys(auction).join().includes('price,sealed,bids,forfeits'), true);
    assert.deepEqual(Object.keys(auction.sealed), ['price', 'needed', 'of', 'locks', 'opens', 'opened', 'unopened', 'void']);
    const other = openedWith(house, [1500, 2000, 1200], { sealed: { price } });
    other.settled(3, pays === 2000 ? 1500 : 2000);
    refusedLast(other, 'settled.wrong');
  }
});

test('v165_bids_are_read_by_nobody_before_they_are_opened', () => {
  const room = house.auction();
  room.bid(1500, 5);
  room.bid(2000, 6);
  const auction = incomplete(room);
  assert.deepEqual(auction.bids, []);
  assert.deepEqual(auction.sealed, { price: 'first', needed: 1, of: 1, locks: house.tsas.map((tsa) => fingerprint(tsa.public)), opens: timeAt(T), unopened: 2, void: [] });
  room.closed();
  assert.deepEqual([incomplete(room).phase, incomplete(room).sealed.unopened], ['closed', 2]);
});

test('v165_any_tsas_that_are_enough_open_the_bids', () => {
  for (const by of [[0, 1], [0, 2], [1, 2]]) {
    const room = openedWith(three, [1500, 2000], { sealed: { needed: 2, price: 'second' } }, { by });
    room.settled(3, 1500);
    const auction = incomplete(room);
    assert.deepEqual([auction.sealed.needed, auction.sealed.of, auction.sealed.void], [2, 3, []]);
  }
  const all = openedWith(three, [1500], { sealed: { needed: 3 } }, { by: [0, 1, 2] });
  all.settled(2, 1500);
  assert.equal(incomplete(all).winner, 2);
});

// V-231.

const apart = new SealedHouse({ tsas: 3, apart: true });

test('v231_bids_are_locked_by_the_tsas_that_the_listing_names_apart', () => {
  const room = openedWith(apart, [1500, 2000], { sealed: { needed: 2, price: 'second' } }, { by: [1, 2] });
  room.settled(3, 1500);
  const { sealed } = incomplete(room);
  assert.deepEqual([sealed.needed, sealed.of, sealed.void], [2, 3, []]);
  assert.deepEqual(sealed.locks, apart.tsas.map((tsa) => fingerprint(tsa.public)));
});

const keyOf = (tsa) => b64(tsa.public);
const nine = Array.from({ length: 9 }, (_, i) => b64(new Key(`lock ${i}`).public));

for (const [name, sealed, code] of [
  ['v231_those_that_stamp_again', { locks: [b64(apart.stamp.public)] }, 'listing.terms'],
  ['v231_one_twice', { locks: [...apart.tsas.map(keyOf), keyOf(apart.tsas[0])] }, 'listing.terms'],
  ['v231_nine', { locks: nine }, 'listing.terms'],
  ['v231_more_needed_than_there_are', { needed: 4 }, 'listing.terms'],
]) {
  test(`${name}_are_no_tsas_to_lock_by`, () => refusedLast(apart.bare({ sealed }), code));
}

test('v231_a_statement_is_by_the_tsa_of_its_place_and_not_by_one_that_stamps', () => {
  const { locks } = apart;
  const stamps = apart.lock(0, { key: apart.stamp, change: { tsa: fingerprint(apart.stamp.public) } });
  for (const wrong of [locks.slice(0, 2), [locks[1], locks[0], locks[2]], [stamps, ...locks.slice(1)]]) {
    const room = apart.bare();
    room.sealing(1, { body: { locks: wrong } });
    refusedLast(room, 'sealing.wrong');
  }
});

test('v164_the_instant_is_a_second_after_the_last_that_a_close_in_time_is_seen', () => {
  for (const [end, grace, opens] of [[60, 5, 71], [60.000001, 5, 72], [59.999999, 5, 71], [60, 60, 181]]) {
    assert.equal(incomplete(house.bare({ end: timeAt(end), grace })).sealed.opens, timeAt(opens));
  }
});

test('a_listing_in_simulated_time_has_locks_in_simulated_time', () => {
  for (const [listed, stated] of [[true, true], [undefined, undefined], [true, undefined], [undefined, true]]) {
    const room = house.bare({ simulated: listed });
    room.sealing(1, { body: { locks: [house.lock(0, { change: stated ? { simulated: true } : {} })] } });
    if (listed === stated) assert.equal(incomplete(room).phase, 'open');
    else refusedLast(room, 'sealing.wrong');
  }
});

// V-162 and V-164.

for (const [name, change] of [
  ['steps', { steps: [{ from: 2000, increment: 1 }] }],
  ['a_largest_raise', { max_raise: 500 }],
  ['a_price_to_buy_it_at', { buy_now: 5000 }],
  ['a_soft_close', { soft: { extend: 30, hard_end: timeAt(90) } }],
  ['an_increment_of_2', { increment: 2 }],
  ['no_witnesses', { witnesses: [], quorum: 0 }],
  ['one_tsa_twice', { stamps: [b64(house.stamp.public), b64(house.stamp.public)] }],
  ['no_tsa_needed', { sealed: { needed: 0 } }],
  ['more_tsas_needed_than_there_are', { sealed: { needed: 2 } }],
]) {
  test(`v164_a_sealed_listing_with_${name}_is_refused`, () => refused(house.bare(change).file(), 'listing.terms', 0));
}

test('v014_what_a_listing_says_of_sealed_bids_has_one_form', () => {
  for (const sealed of [{ price: 'third' }, { needed: -1 }, { needed: '1' }, { more: 1 }]) {
    refused(house.bare({ sealed }).file(), 'V-010', 0);
  }
});

test('v164_a_listing_ends_in_time_before_its_terms_are_judged', () => {
  refused(house.bare({ sealed: { needed: 2 }, end: timeAt(0) }).file(), 'listing.end', 0);
});

const begun = (body, seconds = 1) => {
  const room = house.bare();
  room.sealing(seconds, { body });
  return room;
};

for (const [name, lock] of [
  ['by_a_stranger', (tsa) => tsa.lock(0, { key: new Key('stranger') })],
  ['that_names_a_stranger', (tsa) => tsa.lock(0, { change: { tsa: '00'.repeat(32) } })],
  ['of_another_kind', (tsa) => tsa.lock(0, { typ: 'pregao-batch-v1' })],
  ['of_a_second_before', (tsa) => tsa.lock(0, { at: T - 1 })],
  ['of_a_second_after', (tsa) => tsa.lock(0, { at: T + 1 })],
  ['of_a_fraction_of_a_second', (tsa) => tsa.lock(0, { change: { at: secondsAt(T) + 0.5 } })],
  ['of_an_instant_beyond_the_calendar', (tsa) => tsa.lock(0, { change: { at: 253_402_300_800 } })],
  ['of_a_key_of_small_order', (tsa) => tsa.lock(0, { change: { key: b64(new Uint8Array(32)) } })],
  ['of_a_short_key', (tsa) => tsa.lock(0, { change: { key: b64(new Uint8Array(31).fill(9)) } })],
  ['with_a_member_too_many', (tsa) => tsa.lock(0, { change: { more: 1 } })],
  ['with_simulated_time_denied', (tsa) => tsa.lock(0, { change: { simulated: false } })],
  ['in_another_spelling', (tsa) => tsa.lock(0, { spell: (content) => ` ${JSON.stringify(content)}` })],
  ['that_is_too_long', (tsa) => `${tsa.lock(0)}${'A'.repeat(1024)}`],
  ['that_is_none', () => 'lock'],
  ['that_is_empty', () => ''],
]) {
  test(`v162_a_time_lock_${name}_is_refused`, () => refusedLast(begun({ locks: [lock(house)] }), 'sealing.wrong'));
}

test('v164_bids_are_sealed_to_the_tsas_of_the_listing_each_at_its_place', () => {
  const [first, second, third] = three.locks;
  for (const locks of [[], [first], [first, second], [second, first, third], [first, second, third, third], [first, first, third]]) {
    const room = three.bare();
    room.sealing(1, { body: { locks } });
    refusedLast(room, 'sealing.wrong');
  }
  for (const key of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))]) refusedLast(begun({ key: b64(key) }), 'sealing.wrong');
  for (const body of [{ key: b64(new Uint8Array(31)) }, { locks: [1] }, { locks: undefined }, { more: 1 }]) refusedLast(begun(body), 'V-010');
});

test('v164_the_broker_states_once_what_bids_are_sealed_to', () => {
  const twice = house.auction();
  twice.sealing(2);
  refusedLast(twice, 'verb.phase');
  const late = house.bare();
  late.closed();
  late.sealing(61);
  refusedLast(late, 'verb.phase');
  const peer = house.bare();
  peer.sealing(1, { key: new Key('peer') });
  refusedLast(peer, 'verb.author');
});

// V-165.

test('v165_sealed_and_open_bids_have_rooms_of_their_own', () => {
  const sealed = house.auction();
  sealed.act('bid', { amount: 1500, currency: 'EUR', seal: sealed.house.keys.delivery }, new Key('peer'), { seconds: 5 });
  refusedLast(sealed, 'verb.kind');
  const open = (write) => {
    const room = house.bare({ sealed: null });
    write(room);
    refusedLast(room, 'verb.kind');
  };
  open((room) => room.sealing());
  open((room) => room.bid(1500, 5));
  open((room) => {
    room.closed();
    room.opened();
  });
  const reveal = house.reveal();
  reveal.broker('opened', { key: b64(secretOf('broker')), locks: [], cosigned: [reveal.statement(61)] }, 5);
  refused(reveal.file(), 'verb.kind', 1);
});

test('v165_a_bid_comes_after_its_keys_and_before_the_end', () => {
  const early = house.bare();
  early.bid(1500, 5);
  refusedLast(early, 'bid.early');
  for (const [seconds, rule, change] of [[60, 'bid.late', {}], [-0.000001, 'bid.early', {}], [4.999999, 'bid.early', { begin: timeAt(5) }]]) {
    const room = house.auction(change);
    room.bid(1500, seconds);
    refusedLast(room, rule);
  }
  const fine = house.auction({ begin: timeAt(5) });
  fine.bid(1500, 5);
  fine.bid(1500, 59.999999);
  assert.equal(incomplete(fine).sealed.unopened, 2);
  const after = closed();
  after.bid(1500, 59);
  refusedLast(after, 'bid.late');
  const late = house.bare();
  late.bid(1500, 60);
  refusedLast(late, 'bid.late');
});

test('v165_every_bid_has_one_form', () => {
  const of = (size) => b64(new Uint8Array(size).fill(1));
  for (const body of [
    { broker: of(79) }, { broker: of(81) }, { broker: '' }, { shares: [] }, { shares: [of(80), of(80)] }, { shares: [of(79)] }, { shares: [of(81)] },
    { amount: of(23) }, { amount: of(25) },
  ]) {
    const room = house.auction();
    room.bid(1500, 5, { body });
    refusedLast(room, 'bid.sealed');
  }
  for (const body of [{ commitment: of(31) }, { seal: b64(new Uint8Array(32)) }, { shares: of(80) }, { shares: [1] }, { currency: 'EUR' }, { amount: 1500 }]) {
    const room = house.auction();
    room.bid(1500, 5, { body });
    refusedLast(room, 'V-010');
  }
  const broker = house.auction();
  broker.bid(1500, 5, { key: house.entry });
  refusedLast(broker, 'verb.author');
  const before = house.bare();
  before.bid(1500, 5, { body: { broker: of(79) } });
  refusedLast(before, 'bid.early');
});

test('v161_a_sealed_bid_keeps_the_seller_from_taking_the_item_back', () => {
  const unlist = (room, seconds) => {
    const { key, ratio } = new Key('seller').sibling('back');
    room.act('unlist', { ratio: b64(ratio) }, key, { seconds });
  };
  const bid = house.auction();
  bid.bid(1500, 5);
  unlist(bid, 6);
  refusedLast(bid, 'unlist.bids');
  const late = house.auction();
  unlist(late, 20);
  late.bid(1500, 20);
  refusedLast(late, 'bid.late');
  const voided = house.auction();
  unlist(voided, 20);
  voided.bid(1500, 19.999999);
  voided.closed(30);
  refusedLast(voided, 'closed.early');
  const back = house.auction();
  unlist(back, 20);
  back.closed(30);
  back.settled(undefined, undefined, 31, { cosigned: back.word(31) });
  assert.equal(holds(back.file()).auction.phase, 'unlisted');
});

const flip = (part, at = 0) => part.map((byte, i) => (i === at ? byte ^ 1 : byte));

for (const [name, cause, options] of [
  ['whose_half_for_the_broker_does_not_open', 'broker', { spoil: (parts) => ({ ...parts, broker: flip(parts.broker, 79) }) }],
  ['with_a_key_of_small_order_for_the_broker', 'broker', { spoil: (parts) => ({ ...parts, broker: parts.broker.fill(0, 0, 32) }) }],
  ['sealed_to_another_broker', 'broker', { seal: { broker: publicKey(secretOf('another')) } }],
  ['bound_to_another_place', 'broker', { seal: { context: noise('context') } }],
  ['whose_first_share_does_not_open', 'share', { spoil: (parts) => ({ ...parts, shares: [flip(parts.shares[0], 40), parts.shares[1], parts.shares[2]] }) }],
  ['whose_shares_are_in_another_order', 'share', { spoil: (parts) => ({ ...parts, shares: parts.shares.toReversed() }) }],
  ['with_another_commitment', 'commitment', { spoil: (parts) => ({ ...parts, commitment: flip(parts.commitment) }) }],
  ['with_shares_of_another_degree', 'commitment', { seal: { needed: 3 } }],
  ['whose_share_for_who_is_not_asked_is_spoilt', 'shares', { spoil: (parts) => ({ ...parts, shares: [parts.shares[0], parts.shares[1], flip(parts.shares[2])] }) }],
  ['whose_amount_is_spoilt', 'amount', { spoil: (parts) => ({ ...parts, amount: flip(parts.amount) }) }],
  ['of_2_to_the_53rd', 'amount', { bytes: u64(2n ** 53n) }],
  ['of_2_to_the_64th_minus_1', 'amount', { bytes: u64(2n ** 64n - 1n) }],
  ['below_the_start', 'too-low', { bytes: u64(999) }],
  ['of_0', 'amount', { bytes: u64(0) }],
]) {
  test(`v165_a_bid_${name}_is_void_and_delays_nobody`, () => {
    const room = three.auction({ sealed: { needed: 2, price: 'second' } });
    room.bid(1500, 5);
    room.bid(9000, 6, options);
    room.bid(2000, 7);
    room.closed();
    room.opened(T, { by: [0, 1] });
    room.settled(4, 1500);
    const auction = incomplete(room);
    assert.deepEqual(auction.sealed.void, [{ entry: 3, cause }]);
    assert.deepEqual(auction.bids.map((bid) => bid.entry), [2, 4]);
    assert.deepEqual([auction.sealed.unopened, auction.winner, auction.price], [0, 4, 1500]);
  });
}

test('v165_the_first_cause_is_named', () => {
  const room = three.auction({ sealed: { needed: 2 } });
  const order = ['broker', 'shares', 'commitment', 'amount'];
  order.forEach((part, i) => {
    const spoil = (parts) => {
      const changed = { ...parts };
      for (const one of order.slice(i)) changed[one] = one === 'shares' ? parts.shares.map((share) => flip(share, 50)) : flip(parts[one], 20);
      return changed;
    };
    room.bid(1, 5 + i, { spoil });
  });
  room.bid(1, 20, { spoil: (parts) => ({ ...parts, shares: [parts.shares[0], parts.shares[1], flip(parts.shares[2])], amount: flip(parts.amount) }) });
  room.closed();
  room.opened(T, { by: [0, 1] });
  assert.deepEqual(incomplete(room).sealed.void.map(({ cause }) => cause), ['broker', 'share', 'commitment', 'amount', 'shares']);
});

test('v165_shares_that_give_another_key_with_other_tsas_are_void_with_all', () => {
  for (const [by, cause] of [[[0, 1], 'shares'], [[0, 2], 'commitment'], [[1, 2], 'commitment']]) {
    const room = three.auction({ sealed: { needed: 2 } });
    const key = new Key('forger');
    // The third share opens, and is that of another polynomial.
    const spoil = ({ shares, ...parts }, [first]) => {
      const about = { info: utf8('pregao/sealed-bid/v1'), aad: contextOf(room.name, key.public), ikm: noise('ikm') };
      const other = seal(publicKey(secretOf('tsa 2')), about, flip(shareOf(first, 2, 3)));
      return { ...parts, shares: [shares[0], shares[1], other] };
    };
    room.bid(1500, 5, { key, spoil });
    room.closed();
    room.opened(T, { by });
    assert.deepEqual(incomplete(room).sealed.void, [{ entry: 2, cause }]);
  }
});

test('v165_a_bid_copied_to_another_key_does_not_open', () => {
  const room = house.auction();
  const key = new Key('original');
  room.bid(1500, 5, { key });
  const { body } = JSON.parse(Buffer.from(JSON.parse(room.lines.at(-1)).action.split('.')[1], 'base64url'));
  room.act('sealed-bid', body, new Key('copy'), { seconds: 6 });
  room.closed();
  room.opened();
  const { sealed, bids } = incomplete(room);
  assert.deepEqual([sealed.void, bids.length], [[{ entry: 3, cause: 'broker' }], 1]);
});

test('v165_from_zero_on_every_amount_but_zero_counts', () => {
  const room = openedWith(house, [0, 1, Number.MAX_SAFE_INTEGER], { start: 0, sealed: { price: 'second' } });
  room.settled(4, 1);
  const auction = incomplete(room);
  assert.deepEqual([auction.sealed.void, auction.price, auction.bids[0].least], [[{ entry: 2, cause: 'amount' }], 1, 1]);
});

// V-166.

test('v166_bids_are_opened_once_after_the_close', () => {
  const before = house.auction();
  before.bid(1500, 5);
  before.opened(T, { cosigned: before.statements(61) });
  refusedLast(before, 'verb.phase');
  const twice = openedWith(house, [1500]);
  twice.opened(T + 1);
  refusedLast(twice, 'verb.phase');
  const none = house.auction();
  none.closed();
  none.opened();
  refusedLast(none, 'verb.phase');
  const settled = openedWith(house, [1500]);
  settled.settled(2, 1500);
  settled.opened(T + 2);
  refusedLast(settled, 'verb.phase');
  const over = closed();
  over.settled(undefined, undefined, T);
  over.opened(T + 1);
  refusedLast(over, 'verb.phase');
  const peer = closed();
  peer.opened(T, { key: new Key('peer') });
  refusedLast(peer, 'verb.author');
});

const lockOf = (tsa, name = `tsa ${tsa}`) => ({ tsa, secret: b64(secretOf(name)) });

for (const [name, options] of [
  ['before_the_instant', { seconds: T - 0.000001 }],
  ['with_another_secret_of_the_broker', { body: { key: b64(secretOf('another')) } }],
  ['with_another_secret_of_a_tsa', { body: { locks: [lockOf(0), lockOf(1, 'another')] } }],
  ['with_secrets_exchanged', { body: { locks: [lockOf(0, 'tsa 1'), lockOf(1, 'tsa 0')] } }],
  ['with_too_few_secrets', { by: [0] }],
  ['with_no_secrets', { by: [] }],
  ['with_too_many_secrets', { by: [0, 1, 2] }],
  ['in_falling_order', { by: [1, 0] }],
  ['by_one_tsa_twice', { by: [1, 1] }],
  ['by_a_tsa_that_is_not_there', { body: { locks: [lockOf(0), lockOf(3)] } }],
  ['without_a_witness_before_the_instant', { word: (room) => room.word(T) }],
  ['with_the_word_of_a_stranger', { word: (room) => room.word(61, { witness: { key: new Key('stranger') } }) }],
  ['with_a_word_on_the_log_without_its_close', { word: (room) => room.word(61, { size: 4 }) }],
  ['with_a_word_on_another_log', { word: (room) => room.word(61, { root: noise('root') }) }],
  ['with_a_word_of_another_time', { word: (room, [one, other]) => [one, { ...other, time: secondsAt(62) }] }],
  ['with_the_word_of_one_operator', { word: (room, [one]) => [one] }],
  ['with_one_word_too_late', { word: (room, [one]) => [one, room.word(T)[1]] }],
  ['with_no_word', { word: () => [] }],
]) {
  test(`v166_bids_opened_${name}_are_refused`, () => {
    const room = closed({ needed: 2 }, { of: three });
    const { seconds = T, word = (one) => one.word(), ...more } = options;
    room.opened(seconds, { by: [0, 1], cosigned: word(room, room.word(61)), ...more });
    refusedLast(room, 'opened.wrong');
  });
}

test('v014_an_opening_of_bids_has_one_form', () => {
  for (const body of [{ cosigned: undefined }, { key: b64(new Uint8Array(31)) }, { locks: [{ tsa: 0 }] }, { locks: [{ tsa: -1, secret: b64(secretOf('tsa 0')) }] }, { more: 1 }]) {
    const room = closed();
    room.opened(T, { body });
    refusedLast(room, 'V-010');
  }
});

test('v166_a_word_a_second_before_the_instant_is_in_time_to_open', () => {
  const room = closed();
  room.opened(T, { cosigned: room.word(T - 1) });
  // It is later than the grace after the close, though, and so the close is late (V-143).
  assert.deepEqual([incomplete(room).bids.length, incomplete(room).closed.late], [2, 'witness']);
  for (const [seconds, late] of [[66, null], [67, 'witness']]) {
    const other = closed();
    other.opened(T, { cosigned: other.word(seconds) });
    assert.equal(incomplete(other).closed.late, late);
  }
});

test('v166_an_opening_more_than_a_minute_after_the_instant_is_late', () => {
  for (const [previous, late] of [[T + 60, null], [T + 60.000001, 'opened']]) {
    const room = closed();
    room.opened(T + 70, { header: { prev_time: timeAt(previous) } });
    room.settled(3, 2000, T + 71);
    assert.equal(incomplete(room).closed.late, late);
    room.outcome('withdrawn', 200, { side: 'winner' });
    if (late) assert.equal(holds(room.file()).auction.price, 2000);
    else refusedLast(room, 'withdraw.forbidden');
  }
});

test('v142_after_an_opening_no_settled_carries_a_word', () => {
  const room = openedWith(house, [1500]);
  room.settled(2, 1500, T + 1, { cosigned: room.word() });
  refusedLast(room, 'settled.wrong');
});

test('v144_counts_from_the_opening', () => {
  for (const [previous, late] of [[T + 65, null], [T + 65.000001, 'settled']]) {
    const room = openedWith(house, [1500]);
    room.settled(2, 1500, T + 70, { header: { prev_time: timeAt(previous) } });
    assert.equal(incomplete(room).closed.late, late);
  }
});

// V-167.

test('v167_without_a_witness_before_the_instant_the_auction_is_void', () => {
  const oneBefore = (room) => room.word(61).slice(0, 1);
  const otherAt = (room) => [...oneBefore(room), room.word(T)[1]];
  for (const word of [() => undefined, (room) => room.word(T), (room) => room.word(T + 50), oneBefore, otherAt]) {
    const room = closed();
    room.settled(undefined, undefined, T, { cosigned: word(room) });
    const { auction } = holds(room.file());
    assert.deepEqual([auction.phase, auction.winner, auction.bids, auction.closed.late], ['void', undefined, [], null]);
    assert.deepEqual(auction.sealed, { price: 'first', needed: 1, of: 1, locks: house.tsas.map((tsa) => fingerprint(tsa.public)), opens: timeAt(T), unopened: 2, void: [] });
    const early = closed();
    early.settled(undefined, undefined, T - 0.000001, { cosigned: word(early) });
    refusedLast(early, 'settled.early');
  }
});

test('v167_what_is_not_opened_within_a_day_ends_without_a_winner', () => {
  const room = closed();
  room.settled(undefined, undefined, T + DAY, { cosigned: room.word(T - 1) });
  const { auction } = holds(room.file());
  assert.deepEqual([auction.phase, auction.sealed.unopened], ['unopened', 2]);
  for (const seconds of [T, T + DAY - 0.000001]) {
    const early = closed();
    early.settled(undefined, undefined, seconds, { cosigned: early.word() });
    refusedLast(early, 'settled.early');
  }
  room.outcome('forfeited', T + 2 * DAY, { winner: 3, others: [] });
  refusedLast(room, 'verb.phase');
});

test('v167_nobody_is_named_while_bids_are_sealed_and_no_strange_word_is_taken', () => {
  const named = closed();
  named.settled(3, 2000, T);
  refusedLast(named, 'settled.wrong');
  const strange = closed();
  strange.settled(undefined, undefined, T, { cosigned: [...strange.word(T).slice(0, 1), ...strange.word(T, { witness: { key: new Key('stranger') } }).slice(0, 1)] });
  refusedLast(strange, 'settled.wrong');
});

test('v167_without_a_bid_it_is_unsold_at_once', () => {
  const room = house.auction();
  room.closed();
  room.settled(undefined, undefined, 62, { cosigned: room.word() });
  const { auction } = holds(room.file());
  assert.deepEqual([auction.phase, auction.closed.late, auction.sealed.unopened], ['unsold', null, 0]);
  const bare = house.bare();
  bare.closed();
  bare.settled(undefined, undefined, 62, { cosigned: bare.word() });
  assert.equal(holds(bare.file()).auction.phase, 'unsold');
});

// V-168.

test('v168_who_bids_alone_at_second_price_pays_the_start', () => {
  for (const [start, pays] of [[1000, 1000], [0, 1]]) {
    const room = openedWith(house, [5000], { start, sealed: { price: 'second' } });
    room.settled(2, pays);
    assert.equal(incomplete(room).price, pays);
  }
});

test('v168_the_first_of_equal_bids_wins_and_pays_the_other', () => {
  const room = openedWith(house, [1500, 2000, 2000], { sealed: { price: 'second' } });
  room.settled(3, 2000);
  assert.deepEqual([incomplete(room).winner, incomplete(room).price], [3, 2000]);
  const other = openedWith(house, [1500, 2000, 2000], { sealed: { price: 'second' } });
  other.settled(4, 2000);
  refusedLast(other, 'settled.wrong');
});

test('v168_where_every_bid_is_void_it_is_unsold', () => {
  const room = openedWith(house, [1, 2]);
  room.settled(undefined, undefined);
  const { auction } = holds(room.file());
  assert.deepEqual([auction.phase, auction.bids, auction.sealed.void.length], ['unsold', [], 2]);
  const named = openedWith(house, [1, 2]);
  named.settled(3, 2);
  refusedLast(named, 'settled.wrong');
});

function forfeitable() {
  const room = house.auction({ sealed: { price: 'second' } });
  const winner = new Key('winner');
  const [second, low] = [winner.sibling('second'), winner.sibling('low')];
  room.bid(3000, 5, { key: second.key });
  room.bid(1200, 6);
  room.bid(2000, 7);
  room.bid(4000, 8, { key: winner });
  room.bid(10, 9, { key: low.key });
  room.closed();
  room.opened();
  room.settled(5, 3000);
  return { room, second: { seq: 2, ratio: b64(second.ratio) }, low: { seq: 6, ratio: b64(low.ratio) } };
}

test('v168_after_a_forfeit_the_next_pays_by_the_bids_that_are_left', () => {
  const { room, second } = forfeitable();
  room.outcome('forfeited', T + 601.000001, { winner: 5, others: [second] });
  assert.deepEqual([incomplete(room).phase, incomplete(room).price], ['closed', undefined]);
  room.settled(4, 1200, T + 602);
  room.outcome('forfeited', T + 1300, { winner: 4, others: [] });
  room.settled(3, 1000, T + 1301);
  const { bids, forfeits, price, winner } = incomplete(room);
  assert.deepEqual(bids.map((bid) => bid.forfeited), [true, false, true, true]);
  assert.deepEqual([forfeits.map((one) => one.bids), winner, price], [[[2, 5], [4]], 3, 1000]);
});

test('v168_after_a_forfeit_nothing_is_opened_again', () => {
  const { room } = forfeitable();
  room.outcome('forfeited', T + 700, { winner: 5, others: [] });
  room.opened(T + 701);
  refusedLast(room, 'verb.phase');
});

test('v047_of_sealed_bids_those_that_count_are_forfeited_and_void_ones_are_not', () => {
  const { room, low } = forfeitable();
  room.outcome('forfeited', T + 700, { winner: 5, others: [low] });
  refusedLast(room, 'forfeit.wrong');
});

// V-061.

/** A receipt of the last entry that a test writes. */
function receiptOf(write, change = {}) {
  const room = house.auction(change);
  write(room);
  return JSON.stringify(room.receipt(room.size - 1));
}

test('v061_of_a_sealed_bid_the_terms_alone_say_when_and_in_which_form', () => {
  const { receipt } = holds(receiptOf((room) => room.bid(1, 5)));
  assert.deepEqual([receipt.verb, receipt.entry], ['sealed-bid', 2]);
  const before = house.bare();
  before.bid(1500, 5);
  // Whether what it is sealed to was stated before is in the log alone.
  holds(JSON.stringify(before.receipt(1)));
  refused(receiptOf((room) => room.bid(1500, 60)), 'bid.late');
  refused(receiptOf((room) => room.bid(1500, 4), { begin: timeAt(5) }), 'bid.early');
  refused(receiptOf((room) => room.bid(1500, 5, { body: { amount: '' } })), 'bid.sealed');
  refused(receiptOf((room) => room.bid(1500, 5, { body: { shares: [] } })), 'bid.sealed');
  refused(receiptOf((room) => room.act('bid', { amount: 1500, currency: 'EUR', seal: house.keys.delivery }, new Key('peer'), { seconds: 5 })), 'verb.kind');
});

test('v061_receipts_of_what_the_broker_says_of_sealed_bids_hold', () => {
  const room = openedWith(house, [1500]);
  room.settled(2, 1500);
  ['list', 'sealing', 'sealed-bid', 'closed', 'opened', 'settled'].forEach((verb, seq) => {
    assert.equal(holds(JSON.stringify(room.receipt(seq))).receipt.verb, verb);
  });
  refused(JSON.stringify(house.bare({ increment: 2 }).receipt(0)), 'listing.terms');
  const open = new House().auction();
  open.broker('sealing', { key: b64(publicKey(secretOf('broker'))), locks: [] }, 5);
  refused(JSON.stringify(open.receipt(1)), 'verb.kind');
});

test('v164_keys_stated_more_than_a_minute_after_the_listing_close_the_auction_late', () => {
  for (const [previous, late] of [[60, null], [60.000001, 'sealing']]) {
    const room = house.bare({ end: timeAt(90) });
    room.sealing(62, { body: { locks: [house.lock(0, { at: 101 })] }, header: { prev_time: timeAt(previous) } });
    room.closed(90.5);
    room.settled(undefined, undefined, 92, { cosigned: room.word(91) });
    assert.equal(holds(room.file()).auction.closed.late, late);
    const later = house.bare({ end: timeAt(90) });
    later.sealing(62, { body: { locks: [house.lock(0, { at: 101 })] }, header: { prev_time: timeAt(previous) } });
    later.closed(97, { header: { prev_time: timeAt(96) } });
    later.settled(undefined, undefined, 99, { cosigned: later.word(98) });
    assert.equal(holds(later.file()).auction.closed.late, late ?? 'stamp');
  }
});

test('v164_all_keys_that_bids_are_sealed_to_differ', () => {
  const room = house.bare();
  room.sealing(1, { body: { key: b64(publicKey(secretOf('tsa 0'))) } });
  refusedLast(room, 'sealing.wrong');
  const twice = three.bare({ sealed: { needed: 2 } });
  const key = b64(publicKey(secretOf('tsa 0')));
  twice.sealing(1, { body: { locks: [three.lock(0), three.lock(1, { change: { key } }), three.lock(2)] } });
  refusedLast(twice, 'sealing.wrong');
});

/** Writes, for each of the causes, a room with it and those after it: the first is told. */
function toldFirst(causes, write, verdict) {
  causes.forEach((cause, i) => {
    const room = house.bare({ end: timeAt(90) });
    const past = (one, seconds) => ({ header: { prev_time: timeAt(causes.indexOf(one) >= i ? seconds + 0.000001 : seconds) } });
    room.sealing(62, { body: { locks: [house.lock(0, { at: 101 })] }, ...past('sealing', 60) });
    write(room, past, causes.indexOf('witness') >= i);
    assert.equal(holds(room.file(), verdict).auction.closed.late, cause);
  });
}

test('v166_of_several_causes_for_which_a_close_is_late_the_first_is_told', () => {
  toldFirst(['sealing', 'witness', 'opened', 'settled'], (room, past, isDatedLate) => {
    room.bid(1500, 70);
    room.closed(90.5);
    room.opened(170, { cosigned: room.word(isDatedLate ? 97 : 96), ...past('opened', 161) });
    room.settled(2, 1500, 240, past('settled', 235));
  }, 'incomplete');
  toldFirst(['sealing', 'stamp', 'witness', 'settled'], (room, past, isDatedLate) => {
    room.closed(97, past('stamp', 95));
    room.settled(undefined, undefined, 170, { cosigned: room.word(isDatedLate ? 103 : 102), ...past('settled', 162) });
  });
});
