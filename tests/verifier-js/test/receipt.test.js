// Receipts (V-025, V-061).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url, concat, utf8 } from '../src/bytes.js';
import { holds, refused, unreadable } from './expect.js';
import { actionJws, House, Room, sold, uuid } from './house.js';
import { Key, noise, sealKey } from './keys.js';

const house = new House();
const room = sold(house);
const json = JSON.stringify;
const usual = room.receipt(2);
const receipt = (seq, change) => json(room.receipt(seq, change));

test('v061_every_receipt_of_a_log_holds_and_says_what_it_shows', () => {
  const verbs = ['list', 'bid', 'bid', 'say', 'bid', 'closed', 'settled', 'revealed'];
  verbs.forEach((verb, seq) => {
    const result = holds(receipt(seq));
    assert.equal(result.kind, 'receipt');
    assert.equal(result.room, room.name);
    assert.equal(result.receipt.entry, seq);
    assert.equal(result.receipt.verb, verb);
    assert.equal(result.final, true);
    assert.ok(!('certified' in result));
  });
});

test('v061_a_receipt_under_a_head_that_is_not_final_holds_and_says_so', () => {
  const result = holds(receipt(2, { head: room.note({ by: [] }) }));
  assert.deepEqual([result.final, result.cosigned], [false, []]);
});

test('v061_the_members_stand_in_any_order_and_a_line_break_may_follow', () => {
  const members = room.receipt(2);
  const sorted = Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
  holds(json(sorted));
  holds(`${json(members)}\n`);
});

test('v061_a_receipt_of_a_reveal_room_holds', () => {
  const private_ = house.reveal();
  const result = holds(json(private_.receipt(0, { head: private_.note({ by: [] }) })));
  assert.ok(!('authorities' in result) && !('witnesses' in result));
});

for (const [name, text] of [
  ['an_opening_that_is_no_action', receipt(2, { opening: 'opening' })],
  ['an_opening_with_a_changed_signature', receipt(2, { opening: usual.opening.replace(/....$/, 'AAAA') })],
  ['a_bid_for_an_opening', receipt(2, { opening: JSON.parse(usual.entry).action })],
]) {
  test(`v061_a_receipt_with_${name}_is_refused`, () => refused(text, 'V-061'));
}

for (const [name, text] of [
  ['a_space', `${receipt(2)} `],
  ['two_line_breaks', `${receipt(2)}\n\n`],
  ['an_unknown_member', receipt(2, { more: '' })],
  ['a_missing_member', json({ ...usual, path: undefined })],
  ['another_member', json({ ...usual, path: undefined, paths: '' })],
  ['a_doubled_member', receipt(2).replace('{', `{"path":"${usual.path}",`)],
  ['a_member_that_is_no_text', receipt(2, { header: [] })],
  ['a_path_in_another_alphabet', receipt(2, { path: `${usual.path}=` })],
  ['a_path_of_half_a_hash', receipt(2, { path: base64url(new Uint8Array(16)) })],
  ['more_than_64_kib', receipt(2, { header: 'A'.repeat(65_536) })],
  ['more_than_a_mebibyte', receipt(2, { header: 'A'.repeat(1 << 20) })],
  ['a_list_around_it', `[${receipt(2)}]`],
  ['no_end', receipt(2).slice(0, -1)],
]) {
  test(`what_is_like_a_receipt_with_${name}_is_none`, () => unreadable(text));
}

const other = sold(new House(), { title: 'Another radio' });
const path = Buffer.from(usual.path, 'base64url');

for (const [name, rule, change] of [
  ['another_opening', 'V-024', { opening: other.opening }],
  ['the_head_of_another_log', 'V-024', { head: other.note() }],
  ['a_head_by_another_key', 'V-024', { head: room.note({ key: house.entry }) }],
  ['a_head_that_is_none', 'V-024', { head: '' }],
  ['a_spoilt_cosignature', 'V-141', { head: room.note().replace(/.{10}==\n$/, 'AAAAAAAAAA==\n') }],
  ['a_head_of_another_root', 'V-025', { head: room.note({ root: noise('root') }) }],
  ['a_head_that_is_too_small', 'V-025', { head: room.note({ size: 2 }) }],
  ['another_path', 'V-025', { path: base64url(new Uint8Array(path.length)) }],
  ['a_hash_to_spare', 'V-025', { path: base64url(concat(path, new Uint8Array(32))) }],
  ['no_path', 'V-025', { path: '' }],
  ['129_hashes', 'V-025', { path: base64url(new Uint8Array(129 * 32)) }],
  ['another_entry', 'V-025', { entry: room.receipt(1).entry, header: room.receipt(1).header }],
  ['an_entry_without_its_header', 'V-023', { entry: room.receipt(1).entry }],
  ['an_entry_at_another_position', 'V-025', { entry: usual.entry.replace('"seq":2', '"seq":3') }],
  ['an_entry_that_is_none', 'V-026', { entry: '' }],
  ['an_entry_in_another_spelling', 'V-026', { entry: `${usual.entry} ` }],
  ['another_header', 'V-023', { header: room.receipt(1).header }],
  ['a_header_that_is_none', 'V-023', { header: '' }],
]) {
  test(`v061_a_receipt_with_${name}_is_refused`, () => refused(receipt(2, change), rule));
}

/** A receipt of an entry that no honest log would have. */
function of(write, opening = {}) {
  const one = house.auction(opening);
  write(one);
  return json(one.receipt(one.size - 1));
}

const body = { amount: 1000, currency: 'EUR', seal: base64url(sealKey('bidder')) };

test('v061_a_logged_action_that_does_not_hold_makes_no_receipt', () => {
  refused(of((one) => one.bid(1000, 5, { body: { amount: 0 } })), 'V-010');
});

test('v061_a_logged_action_of_another_room_makes_no_receipt', () => {
  refused(of((one) => one.bid(1000, 5, { payload: { room: room.name } })), 'room.other');
});

test('v061_only_an_opening_stands_first', () => {
  refused(of((one) => one.write(one.opening, { seconds: 5 })), 'verb.phase');
  const one = house.auction();
  const bid = actionJws({ id: uuid(), room: one.name, verb: 'bid', body, seen: { size: 1, root: base64url(one.tree.root()) } }, new Key('b'));
  const fake = Object.assign(Object.create(Room.prototype), { ...one, lines: [], headers: [], tree: new one.tree.constructor() });
  fake.write(bid, { seconds: 0 });
  refused(json(fake.receipt(0)), 'V-025');
});

test('v061_rules_that_need_no_other_entry_are_checked_in_a_receipt', () => {
  refused(of((one) => one.bid(1000, 5, { key: house.entry })), 'verb.author');
  refused(of((one) => one.closed(60, { key: new Key('peer') })), 'verb.author');
  refused(of((one) => one.bid(1000, 5, { seen: 2 })), 'seen.false');
  refused(of((one) => one.bid(1000, 5, { tsa: new Key('stranger') })), 'V-020');
  refused(of((one) => one.bid(1000, 5, { header: { size: 70_000 } })), 'V-021');
  refused(of((one) => one.bid(1000, 5, { stamp: { index: 1 } })), 'V-022');
  refused(json(house.auction({}, { key: house.entry }).receipt(0)), 'verb.author');
  refused(json(house.reveal({}, { key: new Key('peer') }).receipt(0)), 'verb.author');
});

test('v061_a_receipt_does_not_judge_what_needs_the_log', () => {
  // Higher bids, and what was closed before, are in the log alone.
  assert.equal(holds(of((one) => one.bid(1000, 5))).receipt.verb, 'bid');
});

test('v061_a_receipt_judges_what_the_terms_alone_decide', () => {
  refused(of((one) => one.bid(1, 5)), 'bid.too-low');
  refused(of((one) => one.bid(1000, 900)), 'bid.late');
  refused(of(() => {}, { freshness: 61 }), 'listing.terms');
});

test('bytes_of_a_receipt_that_are_no_utf8_are_unreadable', () => {
  const bytes = utf8(receipt(2));
  bytes[20] = 0x80;
  unreadable(bytes);
});
