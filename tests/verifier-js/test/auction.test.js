// Rules of every room and of auctions (V-030 to V-049, V-140 to V-144).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url, hex } from '../src/bytes.js';
import { headerHash } from '../src/batch.js';
import { EMPTY_ROOT } from '../src/merkle.js';
import { holds, refused } from './expect.js';
import { House, sold, timeAt, uuid } from './house.js';
import { Key, noise, sealKey } from './keys.js';

const b64 = base64url;
const house = new House();
// A number beyond that of the opening's batch.
const B = 10_000_000_000_900;
const plain = new House({ witnesses: [] });

/** An auction whose entries a test adds; `file` refuses at the last of them. */
const auction = (change, options) => house.auction(change, options);
const refusedLast = (room, rule) => refused(room.file(), rule, room.size - 1);

/** An auction with two bids, closed in time; then settled, if wished. */
function closed(change) {
  const room = auction(change);
  room.bid(1000, 5);
  room.bid(1500, 20);
  room.closed();
  return room;
}
function settled(options) {
  const room = closed();
  room.settled(2, 1500, 62, options);
  return room;
}

// Rules of every room.

test('v030_an_action_for_another_room_is_refused', () => {
  const room = auction();
  room.bid(1000, 5, { payload: { room: hex(noise('other')) } });
  refusedLast(room, 'room.other');
});

test('v030_an_opening_is_refused_as_a_second_entry', () => {
  const room = auction();
  room.act('list', house.listing(), new Key('second'), { seconds: 5, payload: { room: undefined, seen: { size: 0, root: b64(EMPTY_ROOT) } } });
  refusedLast(room, 'room.other');
});

test('v032_peers_do_nothing_that_is_the_brokers_and_the_broker_nothing_that_is_theirs', () => {
  let room = auction();
  room.closed(60.5, { key: new Key('peer') });
  refusedLast(room, 'verb.author');
  room = auction();
  room.bid(1000, 5, { key: house.entry });
  refusedLast(room, 'verb.author');
  room = auction();
  room.say('sold!', 5, { key: house.entry });
  refusedLast(room, 'verb.author');
});

test('v033_a_one_time_key_occurs_once_in_a_room', () => {
  const room = auction();
  const key = new Key('once');
  room.bid(1000, 5, { key });
  room.say('again', 6, { key });
  refusedLast(room, 'key.reused');
  const other = auction();
  other.say('as the seller', 5, { key: new Key('seller') });
  refusedLast(other, 'key.reused');
});

test('v033_an_entry_of_the_broker_occurs_once', () => {
  const room = closed();
  const again = JSON.parse(room.lines.at(-1)).action;
  room.write(again, { seconds: 61 });
  refusedLast(room, 'key.reused');
});

test('v035_a_stamp_is_at_most_f_older_than_the_newest_in_the_log', () => {
  const room = auction();
  room.say('new', 20);
  room.say('as old as may be', 10);
  room.say('too old', 9.999999, { seen: 1 });
  refusedLast(room, 'stamp.stale');
});

test('v035_an_older_entry_does_not_move_the_newest_stamp_back', () => {
  const room = auction();
  room.say('new', 20);
  room.say('older', 11);
  room.say('too old', 5);
  refusedLast(room, 'stamp.stale');
});

test('v034_headers_that_fit_are_accepted_in_whatever_order_they_are_logged', () => {
  const room = auction();
  room.say('later', 10);
  room.say('earlier', 5);
  room.say('between', 7);
  holds(room.file(), 'incomplete');
});

test('v034_two_headers_may_have_one_time', () => {
  const room = auction();
  room.say('one', 10);
  room.say('two', 10);
  holds(room.file(), 'incomplete');
});

for (const [name, second, third] of [
  ['one_number_has_one_header', [10, { batch: B }], [10, { batch: B }]],
  ['a_larger_number_has_no_earlier_time', [10, { batch: B }], [9, { batch: B + 1 }]],
  ['a_smaller_number_has_no_later_time', [10, { batch: B }], [11, { batch: B - 1 }]],
  ['a_larger_number_had_no_earlier_predecessor', [10, { batch: B }], [12, { batch: B + 5, prev_time: timeAt(9) }]],
  ['a_smaller_number_is_not_after_a_predecessor', [10, { batch: B, prev_time: timeAt(4) }], [5, { batch: B - 10 }]],
  ['neighbours_agree_on_the_hash', [10, { batch: B }], [11, { batch: B + 1, prev_time: timeAt(10) }]],
  ['neighbours_agree_in_the_other_order', [10, { batch: B, prev_time: timeAt(8) }], [8, { batch: B - 1 }]],
]) {
  test(`v034_${name}`, () => {
    const room = auction();
    room.say('one', second[0], { header: second[1] });
    room.say('two', third[0], { header: third[1] });
    refusedLast(room, 'stamp.contradiction');
  });
}

test('v034_neighbours_that_agree_are_accepted_and_by_a_microsecond_not', () => {
  for (const [off, holdsIt] of [[0, true], [0.000001, false]]) {
    const room = auction();
    room.say('one', 10, { header: { batch: B } });
    const prev = b64(headerHash(room.lastHeader));
    room.say('two', 11, { header: { batch: B + 1, prev, prev_time: timeAt(10 + off) } });
    if (holdsIt) holds(room.file(), 'incomplete');
    else refusedLast(room, 'stamp.contradiction');
  }
});

test('v034_headers_of_two_tsas_do_not_contradict_each_other', () => {
  const second = new Key('second tsa');
  const room = auction({ stamps: [b64(house.stamp.public), b64(second.public)] });
  room.say('one', 10, { header: { batch: B } });
  room.say('two', 9, { header: { batch: B }, tsa: second });
  holds(room.file(), 'incomplete');
});

test('v036_a_head_this_room_never_had_is_refused', () => {
  let room = auction();
  room.say('hm', 5, { payload: { seen: { size: 1, root: b64(noise('root')) } } });
  refusedLast(room, 'seen.false');
  room = auction();
  room.say('hm', 5, { payload: { seen: { size: 2, root: b64(room.tree.root()) } } });
  refusedLast(room, 'seen.false');
});

test('v037_nothing_stamped_more_than_f_before_the_action_may_be_missed', () => {
  let room = auction();
  room.say('missed', 5);
  room.say('just in time', 15, { seen: 1 });
  holds(room.file(), 'incomplete');
  room.say('too late', 15.000001, { seen: 1 });
  refusedLast(room, 'seen.stale');
});

test('v037_what_misses_too_much_is_stale_whatever_root_it_names', () => {
  const room = auction();
  room.say('missed', 5);
  room.say('blind', 15.000001, { payload: { seen: { size: 1, root: b64(noise('root')) } } });
  refusedLast(room, 'seen.stale');
});

test('v037_every_missed_entry_counts_and_not_only_the_first', () => {
  const room = auction();
  room.say('new', 14);
  room.say('old', 5);
  room.say('new', 16, { seen: 1 });
  refusedLast(room, 'seen.stale');
});

// Listings.

test('v038_the_broker_lists_nothing', () => refused(auction({}, { key: house.entry }).file(), 'verb.author', 0));

for (const [name, rule, change] of [
  ['its_end_at_its_own_stamp', 'listing.end', { end: timeAt(0) }],
  ['an_end_in_more_than_366_days', 'listing.end', { end: timeAt(366 * 86_400 + 0.000001) }],
  ['a_hard_end_in_more_than_366_days', 'listing.end', { soft: { extend: 30, hard_end: timeAt(366 * 86_400 + 1) } }],
  ['freshness_0', 'listing.terms', { freshness: 0 }],
  ['freshness_61', 'listing.terms', { freshness: 61 }],
  ['grace_0', 'listing.terms', { grace: 0 }],
  ['grace_61', 'listing.terms', { grace: 61 }],
  ['9_s_to_disclose', 'listing.terms', { disclose_within: 9 }],
  ['more_than_30_days_to_disclose', 'listing.terms', { disclose_within: 2_592_001 }],
  ['no_authority', 'listing.terms', { authorities: [] }],
  ['9_authorities', 'listing.terms', { authorities: Array(9).fill(b64(house.authority.public)) }],
  ['9_stamp_keys', 'listing.terms', { stamps: Array(9).fill(b64(house.stamp.public)) }],
  ['threshold_0', 'listing.terms', { threshold: 0 }],
  ['threshold_2', 'listing.terms', { threshold: 2 }],
  ['an_extension_below_3_f', 'listing.terms', { soft: { extend: 29, hard_end: timeAt(90) } }],
  ['an_extension_beyond_a_day', 'listing.terms', { soft: { extend: 86_401, hard_end: timeAt(90) } }],
  ['a_hard_end_before_an_end_that_is_too_late', 'listing.terms', { end: timeAt(367 * 86_400), soft: { extend: 30, hard_end: timeAt(90) } }],
  ['a_hard_end_before_its_end', 'listing.terms', { soft: { extend: 30, hard_end: timeAt(59) } }],
]) {
  test(`v039_a_listing_with_${name}_is_refused`, () => refused(auction(change).file(), rule, 0));
}

test('v039_a_listing_at_every_bound_is_accepted', () => {
  holds(auction({ freshness: 60, grace: 60, disclose_within: 2_592_000, end: timeAt(366 * 86_400) }).file(), 'incomplete');
  holds(auction({ freshness: 1, grace: 1, disclose_within: 10, end: timeAt(0.000001) }).file(), 'incomplete');
  holds(auction({ soft: { extend: 30, hard_end: timeAt(60) } }).file(), 'incomplete');
});

const five = Array.from({ length: 5 }, (_, i) => ({ name: `w${i}`, key: b64(new Key(`w${i}`).public), operator: `o${i}` }));
const witness = (change, i = 0) => ({ ...house.namedWitnesses[i], ...change });

for (const [name, change] of [
  ['a_nameless_witness', { witnesses: [witness({ name: '' })], quorum: 1 }],
  ['a_name_of_49_characters', { witnesses: [witness({ name: 'a'.repeat(49) })], quorum: 1 }],
  ['a_name_with_a_space', { witnesses: [witness({ name: 'a b' })], quorum: 1 }],
  ['a_name_with_a_plus', { witnesses: [witness({ name: 'a+b' })], quorum: 1 }],
  ['a_name_that_ends_with_a_line_break', { witnesses: [witness({ name: 'a\n' })], quorum: 1 }],
  ['a_name_beyond_ascii', { witnesses: [witness({ name: '\u00e9' })], quorum: 1 }],
  ['an_operator_of_33_characters', { witnesses: [witness({ operator: 'a'.repeat(33) })], quorum: 1 }],
  ['a_witness_without_operator', { witnesses: [witness({ operator: '' })], quorum: 1 }],
  ['two_witnesses_of_one_name', { witnesses: [witness(), witness({ name: house.namedWitnesses[0].name }, 2)], quorum: 2 }],
  ['two_witnesses_of_one_key', { witnesses: [witness(), witness({ name: 'b', operator: 'b' })], quorum: 2 }],
  ['6_witnesses', { witnesses: Array.from({ length: 6 }, (_, i) => ({ name: `w${i}`, key: b64(new Key(`w${i}`).public), operator: 'o' })), quorum: 1 }],
  ['quorum_0_of_some', { quorum: 0 }],
  ['a_quorum_of_half', { quorum: 1 }],
  ['a_quorum_of_less_than_half', { witnesses: five, quorum: 2 }],
  ['a_quorum_of_more_operators_than_there_are', { quorum: 3 }],
  ['a_quorum_without_witnesses', { witnesses: [], quorum: 1 }],
]) {
  test(`v140_a_listing_with_${name}_is_refused`, () => refused(auction(change).file(), 'listing.terms', 0));
}

test('v140_names_and_operators_may_have_their_longest_length', () => {
  holds(auction({ witnesses: [witness({ name: 'aZ09-._/'.repeat(6), operator: 'aZ09-._/'.repeat(4) })], quorum: 1 }).file({ by: [] }), 'incomplete');
});

test('v140_there_may_be_five_witnesses', () => {
  assert.equal(holds(auction({ witnesses: five, quorum: 3 }).file({ by: [] }), 'incomplete').witnesses.length, 5);
  assert.equal(holds(auction({ witnesses: five, quorum: 5 }).file({ by: [] }), 'incomplete').witnesses.length, 5);
});

test('a_listing_in_simulated_time_says_so', () => {
  assert.equal(holds(auction({ simulated: true }).file(), 'incomplete').simulated, true);
});

// Bids.

test('v040_a_bid_stamped_at_the_end_is_late_and_one_microsecond_before_counts', () => {
  let room = auction();
  room.bid(1000, 59.999999);
  assert.equal(holds(room.file(), 'incomplete').auction.bids.length, 1);
  room = auction();
  room.bid(1000, 60);
  refusedLast(room, 'bid.late');
});

test('v040_a_bid_logged_after_the_close_is_late_whenever_it_was_stamped', () => {
  const room = closed();
  room.bid(2000, 59, { seen: room.size });
  refusedLast(room, 'bid.late');
});

test('v041_a_bid_is_not_stamped_before_the_listing', () => {
  const room = auction();
  room.bid(1000, -0.000001);
  refusedLast(room, 'bid.early');
});

test('v041_a_bid_stamped_with_the_listing_counts', () => {
  const room = auction();
  room.bid(1000, 0);
  assert.equal(holds(room.file(), 'incomplete').auction.bids.length, 1);
});

test('v041_a_bid_before_the_auction_begins_is_early', () => {
  const room = auction({ begin: timeAt(5) });
  room.bid(1000, 5);
  assert.equal(holds(room.file(), 'incomplete').auction.begin, timeAt(5));
  const early = auction({ begin: timeAt(5) });
  early.bid(1000, 4.999999);
  refusedLast(early, 'bid.early');
});

test('v042_a_bid_in_another_currency_is_refused', () => {
  const room = auction();
  room.bid(1000, 5, { body: { currency: 'USD' } });
  refusedLast(room, 'bid.currency');
});

test('v043_the_first_bid_is_the_start_or_more', () => {
  const room = auction();
  room.bid(999, 5);
  refusedLast(room, 'bid.too-low');
});

test('v043_a_bid_exceeds_the_highest_by_the_increment_or_more', () => {
  let room = auction();
  room.bid(1000, 5);
  room.bid(1100, 6);
  holds(room.file(), 'incomplete');
  room.bid(1199, 7);
  refusedLast(room, 'bid.too-low');
  room = auction();
  room.bid(1000, 5);
  room.bid(1000, 4);
  refusedLast(room, 'bid.too-low');
});

test('v043_the_increment_is_that_of_the_highest_bid', () => {
  const steps = [
    { from: 2000, increment: 500 },
    { from: 5000, increment: 1000 },
  ];
  for (const [highest, least] of [
    [1999, 2099],
    [2000, 2500],
    [4999, 5499],
    [5000, 6000],
  ]) {
    const room = auction({ steps });
    room.bid(highest, 5);
    room.bid(least, 6);
    assert.equal(holds(room.file(), 'incomplete').auction.bids[1].least, least);
    const low = auction({ steps });
    low.bid(highest, 5);
    low.bid(least - 1, 6);
    refusedLast(low, 'bid.too-low');
  }
});

test('v159_no_bid_raises_by_more_than_the_largest_raise_but_the_one_that_buys', () => {
  const after = (terms, ...amounts) => {
    const room = auction({ max_raise: 300, ...terms });
    amounts.forEach((amount, at) => room.bid(amount, 5 + at));
    return room;
  };
  holds(after({}, 1300, 1600).file(), 'incomplete');
  refusedLast(after({}, 1301), 'bid.too-high');
  refusedLast(after({}, 1300, 1601), 'bid.too-high');
  holds(after({ buy_now: 5000 }, 1000, 5000).file(), 'incomplete');
  refusedLast(after({ buy_now: 5000 }, 1000, 4999), 'bid.too-high');
  refusedLast(after({ buy_now: 5000 }, 1000, 5001), 'bid.too-high');
  refusedLast(after({ buy_now: 2500 }, 1250, 2500), 'bid.too-high');
});

test('v160_a_bid_of_the_price_ends_the_auction_at_its_stamp', () => {
  const room = auction({ buy_now: 5000 });
  room.bid(2499, 5);
  room.bid(5000, 6);
  const shown = holds(room.file(), 'incomplete').auction;
  assert.deepEqual([shown.bought, shown.end, shown.buy_now], [true, timeAt(6), 5000]);
  room.bid(6000, 5.5);
  refusedLast(room, 'bid.late');
});

test('v160_it_is_for_sale_until_another_bid_is_half_of_the_price', () => {
  const room = auction({ buy_now: 5000 });
  room.bid(2500, 5);
  room.bid(5000, 6);
  room.bid(5100, 7);
  assert.equal(holds(room.file(), 'incomplete').auction.bought, undefined);
});

for (const [name, rule, change] of [
  ['steps_that_do_not_rise', 'listing.terms', { steps: [{ from: 2000, increment: 5 }, { from: 2000, increment: 6 }] }],
  ['17_steps', 'listing.terms', { steps: Array.from({ length: 17 }, (_, at) => ({ from: 2000 + at, increment: 5 })) }],
  ['a_largest_raise_below_an_increment', 'listing.terms', { max_raise: 99 }],
  ['a_largest_raise_below_a_step', 'listing.terms', { max_raise: 499, steps: [{ from: 2000, increment: 500 }] }],
  ['a_price_below_its_start', 'listing.terms', { buy_now: 999 }],
  ['its_beginning_at_its_end', 'listing.end', { begin: timeAt(60) }],
]) {
  test(`v158_a_listing_with_${name}_is_refused`, () => refused(auction(change).file(), rule, 0));
}

test('v014_a_list_of_no_steps_is_left_out', () => refused(auction({ steps: [] }).file(), 'V-010', 0));

test('v043_nothing_exceeds_the_largest_amount', () => {
  const room = auction();
  room.bid(Number.MAX_SAFE_INTEGER - 100, 5);
  room.bid(Number.MAX_SAFE_INTEGER, 6);
  holds(room.file(), 'incomplete');
  room.bid(Number.MAX_SAFE_INTEGER, 7);
  refusedLast(room, 'bid.too-low');
});

test('v044_an_accepted_bid_moves_the_end_and_never_past_the_hard_end', () => {
  const room = auction({ soft: { extend: 30, hard_end: timeAt(100) } });
  room.bid(1000, 20);
  room.bid(1100, 55);
  room.bid(1200, 84);
  room.bid(1300, 99.999999);
  const { bids, end } = holds(room.file(), 'incomplete').auction;
  assert.deepEqual(
    bids.map((bid) => bid.end),
    [60, 60, 85, 100].map(timeAt),
  );
  assert.deepEqual(
    bids.map((bid) => bid.least),
    [1000, 1100, 1200, 1300],
  );
  assert.equal(end, timeAt(100));
  room.bid(1400, 100);
  refusedLast(room, 'bid.late');
});

test('v044_an_end_never_moves_back', () => {
  const room = auction({ soft: { extend: 30, hard_end: timeAt(100) } });
  room.bid(1000, 59);
  room.bid(1100, 50);
  assert.equal(holds(room.file(), 'incomplete').auction.end, timeAt(89));
});

// Closing.

test('v045_a_close_before_the_end_is_refused', () => {
  const room = auction();
  room.closed(59.999999);
  refusedLast(room, 'closed.early');
});

test('v045_a_close_has_seen_every_entry_before_it', () => {
  const room = auction();
  room.bid(1000, 59);
  room.closed(60, { seen: 1 });
  refusedLast(room, 'closed.seen');
});

test('v045_a_room_is_closed_once', () => {
  const room = closed();
  room.closed(61);
  refusedLast(room, 'verb.phase');
});

test('v045_a_close_is_late_if_stamp_and_preceding_header_are_past_end_and_grace', () => {
  const late = (previous) => {
    const room = auction();
    room.bid(1000, 59);
    room.closed(70, { header: { prev_time: timeAt(previous) } });
    return holds(room.file(), 'incomplete').auction.closed.late;
  };
  assert.equal(late(65), null);
  assert.equal(late(65.000001), 'stamp');
});

// Settling.

test('v046_only_the_winner_and_price_of_the_log_are_settled', () => {
  for (const [winner, price] of [[1, 1500], [2, 1000], [1, 1000], [0, 1500], [undefined, undefined]]) {
    const room = closed();
    room.settled(winner, price);
    refusedLast(room, 'settled.wrong');
  }
  for (const body of [{ winner: 2 }, { price: 1500 }]) {
    const room = closed();
    room.broker('settled', { ...body, cosigned: room.statements(61) }, 62);
    refusedLast(room, 'settled.wrong');
  }
});

test('v046_no_winner_is_named_before_the_close_or_twice', () => {
  let room = auction();
  room.bid(1000, 5);
  room.settled(1, 1000, 6);
  refusedLast(room, 'verb.phase');
  room = settled();
  room.settled(2, 1500, 63, { cosigned: undefined });
  refusedLast(room, 'verb.phase');
});

test('v046_an_auction_without_bids_ends_unsold', () => {
  const room = auction();
  room.closed();
  room.settled();
  const { auction: result } = holds(room.file());
  assert.equal(result.phase, 'unsold');
  assert.ok(!('winner' in result));
  room.settled(undefined, undefined, 63);
  refusedLast(room, 'verb.phase');
});

test('v046_an_auction_is_sold_once_both_disclosed_and_nothing_follows', () => {
  const room = sold(house);
  const { auction: result } = holds(room.file());
  assert.deepEqual([result.phase, result.winner, result.price], ['sold', 4, 1400]);
  room.say('thanks', 101);
  holds(room.file());
  room.outcome('revealed', 102);
  refusedLast(room, 'verb.phase');
});

const last = { witness: house.witnesses[2] };
const others = [
  ['by_a_stranger', (room) => room.statement(61, { witness: { key: new Key('stranger') } })],
  ['over_the_log_without_the_close', (room) => room.statement(61, { ...last, size: 3 })],
  ['over_another_root', (room) => room.statement(61, { ...last, root: noise('root') })],
  ['of_another_time', (room) => ({ ...room.statement(61, last), time: room.statement(61).time + 1 })],
  ['of_another_witness', (room) => ({ ...room.statement(61, last), witness: b64(house.witnesses[1].key.public) })],
  ['by_the_same_witness_again', (room) => room.statement(62)],
];
for (const [name, statement] of others) {
  test(`v142_a_cosignature_${name}_settles_nothing`, () => {
    const room = closed();
    room.settled(2, 1500, 62, { cosigned: [room.statement(61), statement(room)] });
    refusedLast(room, 'settled.wrong');
  });
}

test('v142_witnesses_date_in_the_order_of_the_listing', () => {
  const room = closed();
  room.settled(2, 1500, 62, { cosigned: room.statements(61).reverse() });
  refusedLast(room, 'settled.wrong');
  const all = closed();
  all.settled(2, 1500, 62, { cosigned: house.witnesses.map((witness) => all.statement(61, { witness })) });
  assert.equal(holds(all.file(), 'incomplete').auction.closed.late, null);
});

test('v142_where_nobody_dates_it_there_is_no_list', () => {
  const room = closed();
  room.settled(2, 1500, 66, { cosigned: [] });
  refusedLast(room, 'V-010');
});

test('v143_a_close_is_dated_by_the_last_of_the_operators_that_it_takes', () => {
  const [north, second, south] = house.witnesses;
  const dated = (...by) => (room) => by.map(([witness, seconds]) => room.statement(seconds, { witness }));
  for (const [words, late] of [
    [dated([north, 61]), 'witness'],
    [dated([south, 61]), 'witness'],
    [dated([north, 61], [second, 61]), 'witness'],
    [dated([north, 61], [south, 67]), 'witness'],
    [dated([north, 67], [south, 61]), 'witness'],
    [dated([north, 67], [second, 66], [south, 61]), null],
    [dated([north, 66], [south, 66]), null],
  ]) {
    const room = closed();
    room.settled(2, 1500, 65.500001, { cosigned: words(room) });
    assert.equal(holds(room.file(), 'incomplete').auction.closed.late, late);
    const soon = closed();
    soon.settled(2, 1500, 65.5, { cosigned: words(soon) });
    if (late) refusedLast(soon, 'settled.early');
  }
});

test('v142_a_room_without_witnesses_has_no_cosignature', () => {
  const room = plain.auction();
  room.closed();
  room.settled(undefined, undefined, 62, { cosigned: [room.statement(61, { witness: house.witnesses[0] })] });
  refusedLast(room, 'settled.wrong');
  const fine = plain.auction();
  fine.closed();
  fine.settled();
  assert.equal(holds(fine.file()).auction.closed.late, null);
});

test('v143_without_a_witness_in_time_the_close_is_late_and_settled_after_grace', () => {
  for (const [statement, late] of [
    [(room) => room.statements(66), null],
    [(room) => room.statements(67), 'witness'],
    [() => undefined, 'witness'],
  ]) {
    const soon = closed();
    soon.settled(2, 1500, 65.5, { cosigned: statement(soon) });
    if (late) refusedLast(soon, 'settled.early');
    else assert.equal(holds(soon.file(), 'incomplete').auction.closed.late, null);
    const later = closed();
    later.settled(2, 1500, 65.500001, { cosigned: statement(later) });
    assert.equal(holds(later.file(), 'incomplete').auction.closed.late, late);
  }
});

test('v144_a_winner_named_too_long_after_the_close_makes_it_late', () => {
  for (const [previous, late] of [[125.5, null], [125.500001, 'settled']]) {
    const room = closed();
    room.settled(2, 1500, 130, { header: { prev_time: timeAt(previous) } });
    assert.equal(holds(room.file(), 'incomplete').auction.closed.late, late);
  }
});

// Forfeits.

function forfeitable() {
  const room = auction();
  const winner = new Key('winner');
  const second = winner.sibling('second');
  const third = winner.sibling('third');
  room.bid(1000, 5, { key: second.key });
  room.bid(1100, 6, { key: new Key('rival') });
  room.bid(1200, 7, { key: third.key });
  room.bid(1300, 8, { key: winner });
  room.closed();
  room.settled(4, 1300);
  const lists = [
    { seq: 1, ratio: b64(second.ratio) },
    { seq: 3, ratio: b64(third.ratio) },
  ];
  return { room, others: lists };
}

test('v047_a_winner_who_forfeits_loses_every_bid_and_the_next_pays_their_own_price', () => {
  const { room, others: list } = forfeitable();
  room.outcome('forfeited', 662.000001, { winner: 4, others: list });
  let { auction: result } = holds(room.file(), 'incomplete');
  assert.equal(result.phase, 'closed');
  assert.ok(!('winner' in result));
  assert.deepEqual(result.forfeits, [{ entry: 7, bids: [1, 3, 4] }]);
  assert.deepEqual(result.bids.map((bid) => bid.forfeited), [true, false, true, true]);
  room.settled(2, 1100, 663, { cosigned: undefined });
  room.outcome('withdrawn', 664, { side: 'winner' });
  ({ auction: result } = holds(room.file()));
  assert.deepEqual([result.phase, result.withdrawn, result.winner, result.price], ['withdrawn', 'winner', 2, 1100]);
});

test('v047_when_every_bid_is_forfeited_the_item_is_unsold', () => {
  const room = settled();
  room.outcome('forfeited', 663, { winner: 2, others: [] });
  room.settled(1, 1000, 664, { cosigned: undefined });
  room.outcome('forfeited', 1300, { winner: 1, others: [] });
  room.settled(undefined, undefined, 1301, { cosigned: undefined });
  assert.equal(holds(room.file()).auction.phase, 'unsold');
});

for (const [name, body] of [
  ['of_another_winner', (list) => ({ winner: 3, others: list })],
  ['in_falling_order', (list) => ({ winner: 4, others: [...list].reverse() })],
  ['with_a_bid_twice', (list) => ({ winner: 4, others: [list[0], list[0]] })],
  ['of_a_rival', (list) => ({ winner: 4, others: [{ seq: 2, ratio: list[0].ratio }] })],
  ['with_the_winning_bid_among_the_others', (list) => ({ winner: 4, others: [{ seq: 4, ratio: b64(Uint8Array.of(1, ...new Uint8Array(31))) }] })],
  ['of_what_is_no_bid', (list) => ({ winner: 4, others: [{ seq: 0, ratio: list[0].ratio }] })],
  ['of_what_is_not_there', (list) => ({ winner: 4, others: [{ seq: 900, ratio: list[0].ratio }] })],
  ['with_another_ratio', (list) => ({ winner: 4, others: [{ seq: 1, ratio: list[1].ratio }] })],
  ['with_a_ratio_of_0', () => ({ winner: 4, others: [{ seq: 1, ratio: b64(new Uint8Array(32)) }] })],
  ['with_a_ratio_beyond_the_order', () => ({ winner: 4, others: [{ seq: 1, ratio: b64(new Uint8Array(32).fill(255)) }] })],
  ['with_129_others', (list) => ({ winner: 4, others: Array(129).fill(list[0]) })],
]) {
  test(`v047_a_forfeit_${name}_is_refused`, () => {
    const { room, others: list } = forfeitable();
    room.outcome('forfeited', 663, body(list));
    refusedLast(room, 'forfeit.wrong');
  });
}

test('v047_128_other_bids_may_go_at_once', () => {
  const room = auction();
  const winner = new Key('winner');
  const others = Array.from({ length: 128 }, (_, i) => {
    const { key, ratio } = winner.sibling(`sibling ${i}`);
    return { seq: room.bid(1000 + 100 * i, 5, { key }), ratio: b64(ratio) };
  });
  const seq = room.bid(20_000, 6, { key: winner });
  room.closed();
  room.settled(seq, 20_000);
  room.outcome('forfeited', 663, { winner: seq, others });
  assert.equal(holds(room.file(), 'incomplete').auction.forfeits[0].bids.length, 129);
});

test('v047_what_is_forfeited_is_judged_before_when', () => {
  const { room } = forfeitable();
  room.outcome('forfeited', 100, { winner: 3, others: [] });
  refusedLast(room, 'forfeit.wrong');
});

test('v047_a_bid_is_forfeited_once', () => {
  const { room, others: list } = forfeitable();
  room.outcome('forfeited', 663, { winner: 4, others: list });
  room.settled(2, 1100, 664, { cosigned: undefined });
  room.outcome('forfeited', 1300, { winner: 2, others: [list[0]] });
  refusedLast(room, 'forfeit.wrong');
});

test('v142_only_the_first_settled_after_the_close_has_a_cosignature', () => {
  const room = settled();
  room.outcome('forfeited', 663, { winner: 2, others: [] });
  room.settled(1, 1000, 664, { cosigned: room.statements(663, { size: 4, root: room.tree.root(4) }) });
  refusedLast(room, 'settled.wrong');
});

test('v144_counts_from_the_forfeit_that_a_winner_follows', () => {
  for (const [previous, late] of [[728, null], [728.000001, 'settled']]) {
    const room = settled();
    room.outcome('forfeited', 663, { winner: 2, others: [] });
    room.settled(1, 1000, 800, { cosigned: undefined, header: { prev_time: timeAt(previous) } });
    assert.equal(holds(room.file(), 'incomplete').auction.closed.late, late);
  }
});

// Withdrawing, absence.

test('v048_nobody_withdraws_from_an_auction_closed_in_time_with_its_first_winner', () => {
  const room = settled();
  room.outcome('withdrawn', 70, { side: 'seller' });
  refusedLast(room, 'withdraw.forbidden');
});

test('v048_either_side_may_withdraw_after_a_late_close', () => {
  for (const side of ['seller', 'winner']) {
    const room = settled({ cosigned: undefined, payload: {} });
    refusedLast(room, 'settled.early');
    const late = closed();
    late.settled(2, 1500, 66, { cosigned: undefined });
    late.outcome('withdrawn', 70, { side });
    assert.equal(holds(late.file()).auction.withdrawn, side);
  }
});

test('v049_before_a_winner_is_named_nobody_reveals_withdraws_forfeits_or_is_absent', () => {
  for (const [verb, body] of [
    ['revealed', {}],
    ['abandoned', {}],
    ['withdrawn', { side: 'seller' }],
    ['forfeited', { winner: 2, others: [] }],
  ]) {
    const room = closed();
    room.outcome(verb, 70, body);
    refusedLast(room, 'verb.phase');
  }
});

test('v049_nobody_is_absent_before_the_time_to_disclose_is_over', () => {
  for (const [verb, body] of [['abandoned', {}], ['forfeited', { winner: 2, others: [] }]]) {
    const room = settled();
    room.outcome(verb, 662, body);
    refusedLast(room, 'absent.wrong');
  }
  const room = settled();
  room.outcome('abandoned', 662.000001);
  assert.equal(holds(room.file()).auction.phase, 'abandoned');
});

test('v049_verbs_of_reveal_rooms_are_refused_in_an_auction', () => {
  let room = settled();
  room.act('withdraw', {}, new Key('bidder'), { seconds: 63 });
  refusedLast(room, 'verb.kind');
  room = settled();
  room.act('disclose', { sealed: b64(noise('sealed')) }, new Key('bidder'), { seconds: 63 });
  refusedLast(room, 'verb.kind');
  room = settled();
  room.broker('absent', { seller: true, winner: false }, 663);
  refusedLast(room, 'verb.kind');
});

test('outcomes_say_where_they_come_from', () => {
  for (const body of [{}, { outcome: b64(new Uint8Array(31)) }, { outcome: b64(noise('o')), more: 1 }]) {
    const room = settled();
    room.broker('revealed', body, 100);
    refusedLast(room, 'V-010');
  }
  const room = settled();
  room.outcome('withdrawn', 100, { side: 'broker' });
  refusedLast(room, 'V-010');
});

test('a_close_counts_the_refusals_before_it', () => {
  for (const body of [{ refused: -1 }, { refused: undefined }, { root: b64(new Uint8Array(31)) }, { more: 1 }]) {
    const room = auction();
    room.closed(60.5, { body });
    refusedLast(room, 'V-010');
  }
});

test('identifiers_in_tests_are_random_enough', () => {
  assert.match(uuid(), /^[0-9a-f-]{36}$/);
  assert.equal(sealKey('a').length, 32);
});

// V-161: a listing taken back.

const unlist = (room, seconds, { key, ratio }, successor) =>
  room.act('unlist', successor ? { ratio: b64(ratio), successor } : { ratio: b64(ratio) }, key, { seconds });

const seller = () => new Key('seller').sibling('back');

test('v161_the_seller_takes_an_item_back_before_the_first_bid', () => {
  for (const successor of [undefined, hex(noise('again'))]) {
    const room = auction();
    unlist(room, 20, seller(), successor);
    room.closed(30);
    room.settled(undefined, undefined, 31, { cosigned: room.statements(31) });
    const { auction: result } = holds(room.file());
    assert.deepEqual([result.phase, result.successor, result.closed.late], ['unlisted', successor, null]);
  }
  for (const seconds of [20, 35]) {
    const late = auction();
    unlist(late, 20, seller());
    late.bid(1000, seconds);
    refusedLast(late, 'bid.late');
  }
  const early = auction();
  unlist(early, 20, seller());
  early.closed(29.999999);
  refusedLast(early, 'closed.early');
});

test('v161_a_bid_stamped_before_it_voids_it_and_one_that_is_not_closed_in_time_lapses', () => {
  const before = auction();
  unlist(before, 20, seller());
  before.bid(1000, 19.999999);
  before.closed(30);
  refusedLast(before, 'closed.early');
  const lapsed = auction();
  unlist(lapsed, 20, seller());
  lapsed.bid(1000, 35.000001);
  lapsed.closed(60);
  assert.equal(holds(lapsed.file(), 'incomplete').auction.phase, 'closed');
  const unsold = auction();
  unlist(unsold, 20, seller());
  unsold.closed(60);
  unsold.settled(undefined, undefined, 61, { cosigned: unsold.statements(61) });
  assert.equal(holds(unsold.file()).auction.phase, 'unsold');
  const twice = auction();
  unlist(twice, 20, seller());
  unlist(twice, 40, new Key('seller').sibling('again'));
  refusedLast(twice, 'verb.phase');
});

test('v161_nobody_else_takes_it_back_and_nobody_once_it_is_bid_on_or_over', () => {
  const others = auction();
  unlist(others, 5, new Key('stranger').sibling('back'));
  refusedLast(others, 'unlist.seller');
  const another = auction();
  unlist(another, 5, { key: new Key('stranger'), ratio: seller().ratio });
  refusedLast(another, 'unlist.seller');
  const zero = auction();
  unlist(zero, 5, { key: seller().key, ratio: new Uint8Array(32).fill(255) });
  refusedLast(zero, 'unlist.seller');
  const bid = auction();
  bid.bid(1000, 5);
  unlist(bid, 6, seller());
  refusedLast(bid, 'unlist.bids');
  const over = auction();
  unlist(over, 60, seller());
  refusedLast(over, 'verb.phase');
  const closed = auction();
  closed.closed(60);
  unlist(closed, 59.999999, seller());
  refusedLast(closed, 'verb.phase');
});

test('v043_from_zero_on_every_amount_may_be_the_first_bid', () => {
  const room = auction({ start: 0 });
  room.bid(1, 5);
  const { auction: result } = holds(room.file(), 'incomplete');
  assert.deepEqual([result.start, result.bids[0].least], [0, 1]);
  room.bid(100, 6);
  refusedLast(room, 'bid.too-low');
});
