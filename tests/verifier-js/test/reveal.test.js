// Reveal rooms (V-050 to V-054, V-065, V-066).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '@noble/hashes/sha2.js';
import { base64url, concat, utf8 } from '../src/bytes.js';
import { holds, refused } from './expect.js';
import { House, timeAt } from './house.js';
import { Key, noise } from './keys.js';

const house = new House();
const SIDES = { seller: new Key('seller'), winner: new Key('winner') };

const refusedLast = (room, rule) => refused(room.file({ by: [] }), rule, room.size - 1);
const result = (room, verdict) => holds(room.file({ by: [] }), verdict).reveal;
const disclose = (room, side, seconds = 50, options = {}) =>
  room.act('disclose', { sealed: base64url(noise(`${side} ${seconds}`)) }, SIDES[side], { seconds, ...options });
const withdraw = (room, side, seconds = 50) => room.act('withdraw', {}, SIDES[side], { seconds });
const absent = (room, seller, winner, seconds = 601) => room.broker('absent', { seller, winner }, seconds);

test('a_room_in_which_both_disclosed_is_valid', () => {
  const room = house.reveal();
  disclose(room, 'winner');
  disclose(room, 'seller', 60);
  const whole = holds(room.file({ by: [] }));
  assert.equal(whole.kind, 'reveal');
  assert.ok(!('witnesses' in whole) && !('authorities' in whole) && !('final' in whole));
  assert.equal(whole.reveal.end, 'disclosed');
  assert.ok(!('absent' in whole.reveal) && !('by' in whole.reveal));
});

test('a_room_in_which_nothing_happened_yet_is_incomplete', () => {
  assert.equal(result(house.reveal(), 'incomplete').end, 'open');
});

test('v065_only_the_broker_opens_a_reveal_room', () => {
  refused(house.reveal({}, { key: new Key('seller') }).file({ by: [] }), 'verb.author', 0);
});

for (const [name, change] of [
  ['one_side', { winner: base64url(SIDES.seller.public) }],
  ['a_deadline_at_its_own_stamp', { deadline: timeAt(0) }],
  ['freshness_0', { freshness: 0 }],
  ['freshness_61', { freshness: 61 }],
  ['9_stamp_keys', { stamps: Array(9).fill(base64url(house.stamp.public)) }],
]) {
  test(`v065_a_reveal_room_with_${name}_is_refused`, () => refused(house.reveal(change).file({ by: [] }), 'listing.terms', 0));
}

for (const [name, change] of [
  ['witnesses', { witnesses: house.namedWitnesses, quorum: 1 }],
  ['simulated_false', { simulated: false }],
  ['a_withdrawal_that_is_no_boolean', { withdrawal: 1 }],
  ['half_a_nonce', { nonce: base64url(new Uint8Array(16)) }],
  ['a_key_of_small_order_to_seal_to', { winner_seal: base64url(new Uint8Array(32)) }],
  ['an_auction_in_base64', { auction: base64url(noise('auction')) }],
]) {
  test(`v010_a_reveal_room_with_${name}_is_refused`, () => refused(house.reveal(change).file({ by: [] }), 'V-010', 0));
}

test('v065_a_reveal_room_at_every_bound_is_accepted', () => {
  result(house.reveal({ freshness: 1, deadline: timeAt(0.000001) }), 'incomplete');
  result(house.reveal({ freshness: 60, stamps: Array(8).fill(base64url(house.stamp.public)) }), 'incomplete');
});

test('a_reveal_room_in_simulated_time_says_so', () => {
  assert.equal(holds(house.reveal({ simulated: true }).file({ by: [] }), 'incomplete').simulated, true);
});

test('v066_strangers_do_nothing_in_a_reveal_room', () => {
  const room = house.reveal();
  room.act('disclose', { sealed: '' }, new Key('stranger'), { seconds: 50 });
  refusedLast(room, 'verb.author');
});

test('v066_the_two_do_nothing_that_belongs_to_auctions', () => {
  let room = house.reveal();
  room.say('hello', 50, { key: SIDES.seller });
  refusedLast(room, 'verb.kind');
  room = house.reveal();
  room.bid(1000, 50, { key: SIDES.winner });
  refusedLast(room, 'verb.kind');
  room = house.reveal();
  room.closed(50);
  refusedLast(room, 'verb.kind');
});

test('v066_after_an_end_neither_of_the_two_acts', () => {
  let room = house.reveal();
  withdraw(room, 'seller');
  withdraw(room, 'winner', 51);
  refusedLast(room, 'verb.phase');
  room = house.reveal();
  disclose(room, 'seller');
  disclose(room, 'winner');
  withdraw(room, 'winner', 51);
  refusedLast(room, 'verb.phase');
  room = house.reveal();
  absent(room, true, true);
  disclose(room, 'seller', 600, { seen: 1 });
  refusedLast(room, 'verb.phase');
});

test('v033_the_same_action_occurs_once', () => {
  const room = house.reveal();
  disclose(room, 'seller');
  room.write(JSON.parse(room.lines.at(-1)).action, { seconds: 51 });
  refusedLast(room, 'key.reused');
});

test('v030_v032_v035_v036_hold_in_reveal_rooms', () => {
  let room = house.reveal();
  disclose(room, 'seller', 50, { payload: { room: house.reveal({ nonce: base64url(noise('other')) }).name } });
  refusedLast(room, 'room.other');
  room = house.reveal();
  room.broker('absent', { seller: true, winner: true }, 601, { key: SIDES.seller });
  refusedLast(room, 'verb.author');
  room = house.reveal();
  disclose(room, 'seller', 50);
  disclose(room, 'winner', 39.999999);
  refusedLast(room, 'stamp.stale');
  room = house.reveal();
  disclose(room, 'seller', 50, { payload: { seen: { size: 1, root: base64url(noise('root')) } } });
  refusedLast(room, 'seen.false');
});

test('v050_a_side_discloses_once', () => {
  const room = house.reveal();
  disclose(room, 'seller');
  disclose(room, 'seller', 51);
  refusedLast(room, 'disclose.twice');
});

test('v051_a_disclosure_at_the_deadline_counts_and_one_microsecond_after_is_late', () => {
  let room = house.reveal();
  disclose(room, 'seller', 600);
  disclose(room, 'winner', 600);
  assert.equal(result(room).end, 'disclosed');
  room = house.reveal();
  disclose(room, 'seller', 600.000001);
  refusedLast(room, 'disclose.late');
});

test('v051_a_disclosure_need_not_have_seen_the_others_however_old', () => {
  const room = house.reveal();
  disclose(room, 'seller', 50);
  disclose(room, 'winner', 400, { seen: 1 });
  assert.equal(result(room).end, 'disclosed');
});

test('v052_absence_is_recorded_after_the_deadline_and_of_somebody', () => {
  for (const [seller, winner, who] of [[true, false, ['seller']], [false, true, ['winner']], [true, true, ['seller', 'winner']]]) {
    const room = house.reveal();
    absent(room, seller, winner, 600.000001);
    const { end, absent: names } = result(room);
    assert.deepEqual([end, names], ['absent', who]);
  }
  let room = house.reveal();
  absent(room, true, false, 600);
  refusedLast(room, 'absent.wrong');
  room = house.reveal();
  absent(room, false, false);
  refusedLast(room, 'absent.wrong');
});

test('v052_absence_is_recorded_once_and_of_nobody_once_something_was_disclosed', () => {
  let room = house.reveal();
  absent(room, true, false);
  absent(room, true, true, 602);
  refusedLast(room, 'absent.wrong');
  room = house.reveal();
  disclose(room, 'seller');
  absent(room, false, true);
  refusedLast(room, 'absent.wrong');
  room = house.reveal();
  withdraw(room, 'seller');
  absent(room, false, true);
  refusedLast(room, 'absent.wrong');
});

test('v053_a_log_that_ends_with_half_a_pair_does_not_hold', () => {
  const room = house.reveal();
  disclose(room, 'seller');
  refused(room.file({ by: [] }), 'V-053');
});

test('v053_nothing_comes_between_the_two_disclosures', () => {
  const room = house.reveal();
  disclose(room, 'seller');
  withdraw(room, 'winner', 51);
  refusedLast(room, 'disclose.pair');
});

test('v054_a_side_withdraws_only_if_the_opening_allows_it', () => {
  let room = house.reveal({ withdrawal: false });
  withdraw(room, 'seller');
  refusedLast(room, 'withdraw.forbidden');
  room = house.reveal();
  withdraw(room, 'winner');
  const { end, by } = result(room);
  assert.deepEqual([end, by], ['withdrawn', 'winner']);
});

test('v014_what_is_sealed_has_a_longest_size', () => {
  for (const [size, fits] of [[8400, true], [8401, false]]) {
    const room = house.reveal();
    room.act('disclose', { sealed: base64url(new Uint8Array(size)) }, SIDES.seller, { seconds: 50 });
    if (fits) refused(room.file({ by: [] }), 'V-053');
    else refusedLast(room, 'V-010');
  }
});

// What the two write to each other (V-310 to V-314).

const small = (text, size) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 32) bytes.set(noise(`${text} ${at}`).subarray(0, Math.min(32, size - at)), at);
  return bytes;
};
// Coefficients of 12 bits below 2048, and an X25519 half with its highest bit clear.
function prekey(text) {
  const bytes = small(text, 1216);
  for (let at = 0; at < 1152; at += 3) {
    bytes[at + 1] &= 0x77;
    bytes[at + 2] &= 0x7f;
  }
  bytes[1215] &= 0x7f;
  return bytes;
}
const named = (text) => base64url(sha256(concat(utf8('pregao/prekey/v1'), prekey(text))));
const keysOf = (side, count, from = 0) => Array.from({ length: count }, (_, i) => base64url(prekey(`${side} ${from + i}`)));
const agreementOf = (side) => {
  const bytes = noise(`agreement ${side}`).slice(0, 32);
  bytes[31] &= 0x7f;
  return base64url(bytes);
};
const PAIR = new Key('pair');
const talkBody = (side, count, change = {}) => ({
  agreement: agreementOf(side),
  signed: base64url(prekey(`${side} signed`)),
  once: keysOf(side, count),
  ...change,
});
const pair = { pair: base64url(PAIR.public) };
const talk = (room, side, change = {}, seconds = 50) => room.act('talk', talkBody(side, 4, change), SIDES[side], { seconds });
const moreKeys = (room, side, once, seconds = 50) => room.act('talk-keys', { once }, SIDES[side], { seconds });
const say = (room, once, seconds = 50, key = PAIR) =>
  room.act('sealed-say', { once, sealed: base64url(small(`sealed ${once} ${seconds}`, 4028)) }, key, { seconds });
function talking() {
  const room = house.reveal();
  talk(room, 'seller');
  talk(room, 'winner', pair);
  return room;
}
const DAYS = 30 * 24 * 3600;

test('v313_the_two_write_before_and_after_they_disclose_and_it_changes_nothing', () => {
  const room = talking();
  say(room, named('seller 0'));
  disclose(room, 'winner');
  disclose(room, 'seller', 60);
  say(room, named('winner 0'), 700);
  moreKeys(room, 'winner', keysOf('winner', 5, 10), 700);
  say(room, named('winner 14'), 600 + DAYS);
  assert.equal(result(room, 'valid').end, 'disclosed');
});

test('v035_what_is_said_makes_no_disclosure_stale', () => {
  const room = talking();
  say(room, named('seller 0'), 500);
  disclose(room, 'winner', 51);
  disclose(room, 'seller', 500);
  assert.equal(result(room, 'valid').end, 'disclosed');
});

for (const [name, rule, write] of [
  ['v310_two_talks_of_one_side', 'talk.keys', (room) => talk(room, 'seller', { ...pair, signed: base64url(prekey('other')), once: keysOf('other', 1) })],
  ['v312_nine_keys_that_wait', 'talk.keys', (room) => moreKeys(room, 'seller', keysOf('seller', 5, 10))],
  ['v312_no_keys', 'talk.keys', (room) => moreKeys(room, 'seller', [])],
  ['v312_six_keys', 'talk.keys', (room) => moreKeys(room, 'seller', keysOf('seller', 6, 10))],
  ['v312_a_key_of_the_other_side', 'talk.keys', (room) => moreKeys(room, 'seller', keysOf('winner', 1))],
  ['v313_a_saying_after_thirty_days', 'talk.over', (room) => say(room, named('seller 0'), 600.000001 + DAYS)],
  ['v313_keys_after_thirty_days', 'talk.over', (room) => moreKeys(room, 'seller', keysOf('seller', 1, 10), 600.000001 + DAYS)],
  ['v313_a_saying_between_the_disclosures', 'disclose.pair', (room) => (disclose(room, 'seller'), say(room, named('seller 0')))],
  ['v314_a_saying_by_a_side', 'verb.author', (room) => say(room, named('seller 0'), 50, SIDES.winner)],
  ['v314_a_saying_by_another_key', 'verb.author', (room) => say(room, named('seller 0'), 50, new Key('other pair'))],
  ['v314_a_saying_to_the_signed_key', 'say.key', (room) => say(room, named('seller signed'))],
  ['v314_a_saying_to_no_key', 'say.key', (room) => say(room, named('nobody'))],
  ['v314_two_sayings_to_one_key', 'say.key-used', (room) => (say(room, named('seller 0')), say(room, named('seller 0'), 51))],
]) {
  test(`${name}_are_refused`, () => {
    const room = talking();
    write(room);
    refusedLast(room, rule);
  });
}

test('v310_v311_the_first_talk_has_no_key_of_both_and_the_second_has_it', () => {
  let room = house.reveal();
  talk(room, 'seller', pair);
  refusedLast(room, 'talk.pair');
  room = house.reveal();
  talk(room, 'winner');
  talk(room, 'seller');
  refusedLast(room, 'talk.pair');
  room = house.reveal();
  talk(room, 'seller', { once: keysOf('seller', 5) });
  refusedLast(room, 'talk.keys');
  room = house.reveal();
  talk(room, 'seller');
  talk(room, 'winner', { ...pair, agreement: agreementOf('seller') });
  refusedLast(room, 'talk.keys');
  room = house.reveal();
  say(room, named('seller 0'));
  refusedLast(room, 'verb.author');
});

for (const [name, change] of [
  ['a_coefficient_that_is_q', (key) => key.set([0x01, 0x0d], 0)],
  ['a_half_with_its_highest_bit', (key) => (key[1215] |= 0x80)],
  ['a_half_of_small_order', (key) => key.fill(0, 1184)],
]) {
  test(`v240_a_key_with_${name}_is_refused`, () => {
    const key = prekey('changed');
    change(key);
    const room = talking();
    moreKeys(room, 'seller', [base64url(key)]);
    refusedLast(room, 'V-010');
  });
}
