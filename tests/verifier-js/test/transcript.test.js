// The file of a log: lines, headers, actions, certificate, head (V-010 to V-029, V-060, V-077, V-141).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '@noble/hashes/sha2.js';
import { headerHash } from '../src/batch.js';
import { base64url, concat, u64, utf8 } from '../src/bytes.js';
import { cosigned, headText } from '../src/note.js';
import { EMPTY_ROOT, leafHash } from '../src/merkle.js';
import { holds, refused, unreadable } from './expect.js';
import { actionJws, at, cosignature, House, jws, secondsAt, signatureLine, sold, timeAt, uuid } from './house.js';
import { Key, noise, sealKey } from './keys.js';

const b64 = base64url;
const house = new House();
const room = sold(house);
const LINES = room.lines;
const text = (lines, head = JSON.stringify(room.note())) => [...lines, head].map((line) => `${line}\n`).join('');
const changed = (index, change) => text(LINES.map((line, i) => (i === index ? change(line) : line)));
const without = (...indices) => text(LINES.filter((_, i) => !indices.includes(i)));

test('a_whole_log_with_its_head_is_valid', () => {
  const result = holds(text(LINES));
  assert.equal(result.kind, 'auction');
  assert.equal(result.room, room.name);
  assert.equal(result.size, 8);
  assert.equal(result.certified, false);
});

// What is no log at all.

for (const [name, file] of [
  ['nothing', ''],
  ['a_line_break', '\n'],
  ['a_number', '1\n'],
  ['words', 'a log\n'],
  ['an_object', '{"seq":0}\n'],
  ['an_empty_object', '{}'],
  ['evidence', '{"fork":{"certificate":""}}\n'],
  ['a_list', '["opening"]'],
  ['entries_without_a_head', LINES.map((line) => `${line}\n`).join('')],
  ['a_head_without_a_line_break', text(LINES).slice(0, -1)],
  ['a_log_with_an_empty_line_behind_it', `${text(LINES)}\n`],
  ['half_a_head', text(LINES).slice(0, -20)],
  ['deeply_nested_lists', `${'['.repeat(500_000)}\n`],
]) {
  test(`${name}_is_unreadable`, () => unreadable(file));
}

test('bytes_that_are_no_utf8_are_unreadable', () => {
  const bytes = utf8(text(LINES));
  bytes[LINES[0].length + 40] = 0xff;
  unreadable(bytes);
  unreadable(concat(Uint8Array.of(0xef, 0xbb), utf8(text(LINES))));
});

test('a_byte_order_mark_belongs_to_the_first_line', () => refused(`\ufeff${text(LINES)}`, 'V-026', 0));

// V-060: lines as a whole.

test('v060_no_log_is_no_room', () => {
  refused('"a head"\n', 'V-060');
  refused(text([]), 'V-060');
  refused(text([JSON.stringify({ certificate: house.certificate() })]), 'V-060');
});

test('v060_a_head_of_another_size_or_root_is_refused', () => {
  refused(room.file({ size: 7 }), 'V-060');
  refused(room.file({ size: 9 }), 'V-060');
  refused(room.file({ root: noise('root') }), 'V-060');
});

test('v060_every_missing_moved_or_doubled_entry_is_named', () => {
  // The last entry goes with its header; the head tells.
  refused(without(14, 15), 'V-060');
  refused(without(3), 'V-029', 1);
  refused(without(2, 3), 'V-026', 1);
  refused(text([...LINES.slice(0, 4), LINES[3], ...LINES.slice(4)]), 'V-026', 2);
  refused(text([...LINES.slice(0, 2), LINES[4], LINES[5], LINES[2], LINES[3], ...LINES.slice(6)]), 'V-026', 1);
});

// V-026: entries.

for (const [name, change] of [
  ['a_space', (line) => line.replace('"seq":', '"seq": ')],
  ['a_space_behind', (line) => `${line} `],
  ['a_carriage_return', (line) => `${line}\r`],
  ['an_escape', (line) => line.replace('"action"', '"\\u0061ction"')],
  ['another_order', (line) => line.replace(/^\{("seq":1),("action":"[^"]*"),/, '{$2,$1,')],
  ['an_unknown_member', (line) => line.replace('"seq":1,', '"seq":1,"more":1,')],
  ['a_doubled_member', (line) => line.replace('"seq":1,', '"seq":1,"seq":1,')],
  ['another_position', (line) => line.replace('"seq":1', '"seq":2')],
  ['a_position_that_is_text', (line) => line.replace('"seq":1', '"seq":"1"')],
  ['a_position_with_a_fraction', (line) => line.replace('"seq":1', '"seq":1.0')],
  ['a_position_beyond_all_numbers', (line) => line.replace('"seq":1', '"seq":9007199254740991')],
  ['no_stamp', (line) => line.replace(/,"stamp":.*$/, '}')],
  ['a_path_of_half_a_hash', (line) => line.replace(/"path":"[^"]*"/, `"path":"${b64(new Uint8Array(48))}"`)],
  ['a_second_spelling_of_the_path', (line) => line.replace(/"path":"([^"]*)"/, '"path":"$1="')],
  ['a_short_header_name', (line) => line.replace(/"header":"../, '"header":"')],
  ['nothing', () => ''],
  ['null', () => 'null'],
  ['too_many_bytes', (line) => line.replace('"action":"', `"action":"${'A'.repeat(17_408)}`)],
]) {
  test(`v026_an_entry_with_${name}_is_refused`, () => refused(changed(3, change), 'V-026', 1));
}

// V-023 and V-029: headers.

test('v023_an_entry_whose_header_is_missing_is_named', () => refused(without(4), 'V-023', 2));

test('v023_a_header_with_another_byte_is_another_header', () => {
  refused(changed(4, (line) => line.replace(/..."}$/, 'AAA"}')), 'V-023', 2);
  refused(changed(5, (line) => line.replace(/"header":"..../, '"header":"AAAA')), 'V-023', 2);
});

test('v023_a_header_behind_its_entry_is_missing', () => {
  refused(text([...LINES.slice(0, 4), LINES[5], LINES[4], ...LINES.slice(6)]), 'V-023', 2);
});

test('v029_a_header_that_no_entry_names_is_superfluous', () => {
  const more = JSON.stringify({ header: house.header(21, noise('batch'), 4) });
  for (const place of [2, 4]) refused(text([...LINES.slice(0, place), more, ...LINES.slice(place)]), 'V-029', place / 2);
  refused(text([...LINES, more]), 'V-029', 8);
});

test('v029_a_header_stands_right_before_the_entry_that_names_it', () => {
  refused(text([...LINES.slice(0, 2), LINES[4], ...LINES.slice(2, 4), ...LINES.slice(5)]), 'V-029', 1);
});

test('v029_a_header_stands_once', () => {
  refused(text([...LINES.slice(0, 4), LINES[2], ...LINES.slice(4)]), 'V-029', 2);
  refused(text([LINES[0], ...LINES]), 'V-029', 0);
});

test('v029_a_header_before_an_entry_that_names_an_earlier_one_is_superfluous', () => {
  const one = house.auction();
  const last = one.lastHeader;
  one.lines.push(JSON.stringify({ header: house.header(5, noise('batch'), 4) }));
  one.say('hm', 0, { reuse: last });
  refused(one.file(), 'V-029', 1);
});

test('v026_an_entry_is_at_most_17408_bytes', () => {
  const long = (hashes, index) => {
    const one = house.auction();
    one.say('hm', 5, { stamp: { index, path: b64(new Uint8Array(32 * hashes)) } });
    return one;
  };
  const length = (one) => utf8(one.lines.at(-1)).length;
  let hashes = 300;
  while (length(long(hashes + 1, 1)) <= 17_408) hashes += 1;
  // The rest is made up by the digits of a number, or by those and one hash less.
  const digits = [0, 1].flatMap((less) => [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((count) => [hashes - less, 10 ** count]));
  const exact = digits.find(([count, index]) => length(long(count, index)) === 17_408);
  if (exact) {
    refused(long(...exact).file(), 'V-022', 1);
    refused(long(exact[0], exact[1] * 10).file(), 'V-026', 1);
  }
  refused(long(hashes, 1).file(), 'V-022', 1);
  refused(long(hashes + 1, 1).file(), 'V-026', 1);
});

test('v029_an_entry_that_names_an_earlier_header_needs_none_before_it', () => {
  // Two digests of one batch, in a tree of two.
  const second = sold(house);
  const action = actionJws(
    { id: uuid(), room: second.name, verb: 'say', body: { text: 'again' }, seen: { size: 8, root: b64(second.tree.root()) } },
    new Key('again'),
  );
  second.write(action, { reuse: second.lastHeader, stamp: { index: 9 } });
  refused(second.file(), 'V-022', 8);
});

// V-020, V-021, V-022: what headers and stamps say.

const stamped = (options) => {
  const one = house.auction();
  one.bid(1000, 5, options);
  return one.file();
};

test('v029_a_line_with_a_header_has_one_spelling_and_is_else_a_malformed_entry', () => {
  for (const change of [
    (line) => line.replace('{"header":', '{"header": '),
    (line) => `${line} `,
    (line) => `${line}\r`,
    () => '{"header":null}',
    () => '{"header":"',
    (line) => line.replace(/}$/, ',"more":1}'),
    (line) => line.replace('.', '$'),
    (line) => line.replace('.', '\\u002e'),
    (line) => line.replace('.', '\u00e9'),
    () => JSON.stringify({ header: 'A'.repeat(1025) }),
    () => JSON.stringify({ header: 'A'.repeat(5000) }),
  ]) {
    refused(changed(4, change), 'V-026', 2);
  }
});

test('v023_a_header_may_be_anything_until_an_entry_names_it', () => {
  for (const header of ['', '.', 'A'.repeat(1024)]) refused(changed(4, () => JSON.stringify({ header })), 'V-023', 2);
});

test('v021_a_header_that_is_named_and_is_none_is_refused', () => {
  for (const header of ['', 'A.A.A', 'AAAA.AAAA.AAAA', 'A'.repeat(1024)]) {
    const one = house.auction();
    one.say('hm', 5, { reuse: header });
    one.lines.splice(-1, 0, JSON.stringify({ header }));
    refused(one.file(), 'V-021', 1);
  }
});

for (const [name, header] of [
  ['number_0', { batch: 0 }],
  ['a_fraction', { batch: 7.5 }],
  ['a_time_before_its_predecessors', { prev_time: timeAt(6) }],
  ['more_digests_than_a_batch_has', { size: 65_537 }],
  ['a_short_root', { root: b64(new Uint8Array(31)) }],
  ['an_unknown_member', { more: 1 }],
  ['another_spelling_of_its_time', { time: '2026-11-20T13:00:05Z' }],
  ['a_predecessor_of_the_first', { batch: 1 }],
  ['a_first_that_had_an_earlier_time', { batch: 1, prev: b64(new Uint8Array(32)), prev_time: timeAt(4) }],
]) {
  test(`v021_a_header_with_${name}_is_refused`, () => refused(stamped({ header }), 'V-021', 1));
}

test('v021_the_first_header_of_a_tsa_has_no_predecessor', () => {
  const one = house.auction({}, { header: { batch: 1, prev: b64(new Uint8Array(32)), prev_time: timeAt(0) } });
  holds(one.file(), 'incomplete');
});

test('v020_a_header_is_by_a_tsa_that_the_opening_names', () => {
  refused(stamped({ tsa: new Key('stranger') }), 'V-020', 1);
  const one = house.auction({}, { tsa: new Key('stranger') });
  refused(one.file(), 'V-020', 0);
});

test('v020_a_header_that_names_a_tsa_is_signed_by_it', () => {
  const forger = new Key('forger');
  const forged = { public: house.stamp.public, sign: (message) => forger.sign(message) };
  refused(stamped({ tsa: forged }), 'V-020', 1);
  // Whose a header is comes before what it says, and its form before both.
  refused(stamped({ tsa: forged, header: { size: 65_537 } }), 'V-020', 1);
  refused(stamped({ tsa: forged, header: { more: 1 } }), 'V-021', 1);
});

test('v024_nothing_is_signed_by_a_key_that_is_none', () => {
  for (const head of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    refused(house.auction({ broker: { ...house.keys, head: b64(head) } }).file(), 'V-024');
  }
});

for (const [name, options] of [
  ['of_another_digest', { header: { root: b64(noise('other')) } }],
  ['at_another_place', { stamp: { index: 1 } }],
  ['beyond_its_batch', { stamp: { index: 6 } }],
  ['with_a_hash_too_few', { stamp: { path: b64(noise('d')) } }],
  ['with_no_path', { stamp: { path: '' } }],
  ['with_17_hashes', { stamp: { path: b64(new Uint8Array(17 * 32)) } }],
  ['in_an_empty_batch', { header: { size: 0 } }],
]) {
  test(`v022_a_stamp_${name}_is_refused`, () => refused(stamped(options), 'V-022', 1));
}

test('v021_a_batch_has_65_536_digests_and_no_more', () => {
  // The digest is the first leaf: its path is whatever hashes are on the right all the way up.
  const path = Array.from({ length: 16 }, (_, i) => noise(`right ${i}`));
  const one = house.auction();
  const action = actionJws(
    { id: uuid(), room: one.name, verb: 'say', body: { text: 'one of many' }, seen: { size: 1, root: b64(one.tree.root()) } },
    new Key('speaker'),
  );
  const root = path.reduce((left, right) => sha256(concat(Uint8Array.of(1), left, right)), leafHash(sha256(utf8(action))));
  one.write(action, { seconds: 5, header: { size: 65_536, root: b64(root) }, stamp: { index: 0, path: b64(concat(...path)) } });
  holds(one.file(), 'incomplete');
});

// V-010 to V-014: actions. Their stamps and entries are right, and only they are not.

const body = { amount: 1000, currency: 'EUR', seal: b64(sealKey('bidder')) };
const acted = (payload, options = {}) => {
  const one = house.auction();
  const key = new Key('bidder');
  const usual = { id: uuid(), room: one.name, verb: 'bid', body, seen: { size: 1, root: b64(one.tree.root()) } };
  const action = options.jws ? options.jws(JSON.stringify(usual), key) : actionJws(payload(usual), key);
  one.write(action, { seconds: 5 });
  return one.file();
};
const actionHeader = (key) => ({ alg: 'EdDSA', typ: 'pregao-action-v1', jwk: { kty: 'OKP', crv: 'Ed25519', x: b64(key.public) } });

test('v010_an_action_in_its_one_encoding_is_accepted', () => holds(acted((usual) => usual), 'incomplete'));

for (const [name, make] of [
  ['another_type', (payload, key) => jws(JSON.stringify({ ...actionHeader(key), typ: 'pregao-batch-v1' }), payload, key)],
  ['another_algorithm', (payload, key) => jws(JSON.stringify({ ...actionHeader(key), alg: 'none' }), payload, key)],
  ['more_in_its_header', (payload, key) => jws(JSON.stringify({ ...actionHeader(key), kid: 'x' }), payload, key)],
  ['space_in_its_header', (payload, key) => jws(`${JSON.stringify(actionHeader(key))} `, payload, key)],
  ['another_key', (payload, key) => jws(JSON.stringify(actionHeader(new Key('other'))), payload, key)],
  ['a_key_of_small_order', (payload, key) => jws(JSON.stringify(actionHeader({ public: new Uint8Array(32) })), payload, key)],
  ['a_changed_signature', (payload, key) => actionJws(payload, key).replace(/....$/, 'AAAA')],
  ['no_signature', (payload, key) => actionJws(payload, key).replace(/[^.]*$/, '')],
  ['two_parts', (payload, key) => actionJws(payload, key).replace(/\.[^.]*$/, '')],
  ['four_parts', (payload, key) => `${actionJws(payload, key)}.`],
  ['padding', (payload, key) => `${actionJws(payload, key)}==`],
  ['a_payload_that_is_no_text', (payload, key) => jws(JSON.stringify(actionHeader(key)), '\ud800', key)],
]) {
  test(`v010_an_action_with_${name}_is_refused`, () => refused(acted(null, { jws: make }), 'V-010', 1));
}

test('v010_an_action_is_at_most_16_kib', () => {
  const listing = (count) => house.auction({ authorities: Array(count).fill(b64(house.authority.public)) });
  let count = 200;
  while (listing(count + 1).opening.length <= 16_384) count += 1;
  refused(listing(count).file(), 'listing.terms', 0);
  refused(listing(count + 1).file(), 'V-010', 0);
  const make = (payload, key) => actionJws(payload.replace('"body":', `"body":${' '.repeat(11_800)}`), key);
  refused(acted(null, { jws: make }), 'V-010', 1);
});

for (const [name, payload] of [
  ['space', (usual) => ` ${JSON.stringify(usual)}`],
  ['another_order', ({ id, ...usual }) => ({ ...usual, id })],
  ['an_unknown_member', (usual) => ({ ...usual, more: 1 })],
  ['an_unknown_member_in_its_body', (usual) => ({ ...usual, body: { ...body, more: 1 } })],
  ['a_doubled_member_in_its_body', (usual) => JSON.stringify(usual).replace('"amount":1000', '"amount":1000,"amount":1000')],
  ['null', (usual) => ({ ...usual, room: null })],
  ['no_body', ({ body: _, ...usual }) => usual],
  ['a_body_of_another_verb', (usual) => ({ ...usual, body: { text: 'a' } })],
  ['an_unknown_verb', (usual) => ({ ...usual, verb: 'steal' })],
  ['a_verb_of_every_object', (usual) => ({ ...usual, verb: 'constructor' })],
  ['no_room', ({ room: _, ...usual }) => usual],
  ['a_room_in_upper_case', (usual) => ({ ...usual, room: usual.room.toUpperCase().replace(/^./, 'A') })],
  ['an_id_of_another_version', (usual) => ({ ...usual, id: usual.id.replace(/^(.{14})4/, '$11') })],
  ['an_id_of_another_variant', (usual) => ({ ...usual, id: usual.id.replace(/^(.{19})a/, '$1c') })],
  ['an_id_in_upper_case', (usual) => ({ ...usual, id: 'ABCDEF01-0000-4000-8000-000000000000' })],
  ['nothing_seen', (usual) => ({ ...usual, seen: { size: 0, root: b64(EMPTY_ROOT) } })],
  ['a_seen_root_of_another_size', (usual) => ({ ...usual, seen: { size: 1, root: b64(new Uint8Array(33)) } })],
  ['no_amount', (usual) => ({ ...usual, body: { ...body, amount: 0 } })],
  ['an_amount_below_nothing', (usual) => ({ ...usual, body: { ...body, amount: -1 } })],
  ['an_amount_beyond_all', (usual) => JSON.stringify(usual).replace('"amount":1000', '"amount":9007199254740992')],
  ['an_amount_with_a_point', (usual) => JSON.stringify(usual).replace('"amount":1000', '"amount":1000.0')],
  ['a_currency_in_lower_case', (usual) => ({ ...usual, body: { ...body, currency: 'eur' } })],
  ['a_currency_of_four_letters', (usual) => ({ ...usual, body: { ...body, currency: 'EURO' } })],
  ['a_key_that_nobody_can_seal_to', (usual) => ({ ...usual, body: { ...body, seal: b64(new Uint8Array(32)) } })],
  ['half_a_key', (usual) => ({ ...usual, body: { ...body, seal: b64(new Uint8Array(16).fill(9)) } })],
]) {
  test(`v010_an_action_with_${name}_is_refused`, () => refused(acted(payload), 'V-010', 1));
}

test('v014_a_text_shows_something_steers_nothing_and_is_of_a_bounded_length', () => {
  const said = (what) => {
    const one = house.auction();
    one.say(what, 5);
    return one.file();
  };
  holds(said('\u{1f4fb}'.repeat(500)), 'incomplete');
  for (const good of ['<script>"\\', '\u200da', '\u05d0\u05d1', '\u2027\u2030\ufffc', '\ufe0fx']) holds(said(good), 'incomplete');
  for (const bad of ['', 'a'.repeat(501), 'line\nline', 'bell\u0007', '\u0085', '\u007f', 'a\u202eb', '\u061ca', '\u2028', 'a\ufeff', '\u{e0041}a', '\ufff9a', ' ', '\u3000\u2800', '\u200b', '\ufe0f']) refused(said(bad), 'V-010', 1);
  refused(acted((usual) => JSON.stringify({ ...usual, verb: 'say', body: { text: '?' } }).replace('?', '\\ud800')), 'V-010', 1);
});

for (const [name, change] of [
  ['an_empty_title', { title: '' }],
  ['a_title_of_81_characters', { title: 'a'.repeat(81) }],
  ['a_broker_without_delivery', { broker: { ...house.keys, delivery: undefined } }],
  ['a_delivery_key_of_small_order', { broker: { ...house.keys, delivery: b64(new Uint8Array(32)) } }],
  ['half_a_head_key', { broker: { ...house.keys, head: b64(new Uint8Array(16)) } }],
  ['no_witness_list', { witnesses: undefined }],
  ['no_quorum', { quorum: undefined }],
  ['a_witness_with_an_unknown_member', { witnesses: [{ ...house.namedWitnesses[0], more: 1 }] }],
  ['a_witness_in_another_order', { witnesses: [{ key: house.namedWitnesses[0].key, name: 'a', operator: 'b' }] }],
  ['simulated_false', { simulated: false }],
  ['a_negative_grace', { grace: -1 }],
]) {
  test(`v010_a_listing_with_${name}_is_refused`, () => refused(house.auction(change).file(), 'V-010', 0));
}

test('v013_an_opening_names_no_room_and_has_seen_nothing', () => {
  const root = b64(EMPTY_ROOT);
  refused(house.auction({}, { payload: { seen: { size: 1, root } } }).file(), 'V-010', 0);
  refused(house.auction({}, { payload: { seen: { size: 0, root: b64(noise('root')) } } }).file(), 'V-010', 0);
  refused(house.auction({}, { payload: { room: 'ab'.repeat(32) } }).file(), 'V-010', 0);
});

test('only_an_opening_stands_first', () => {
  const one = house.auction();
  const bid = actionJws({ id: uuid(), room: one.name, verb: 'bid', body, seen: { size: 1, root: b64(one.tree.root()) } }, new Key('b'));
  const other = house.auction();
  Object.assign(other, { lines: [], headers: [], tree: new one.tree.constructor() });
  other.write(bid, { seconds: 0 });
  refused(other.file(), 'V-020', 0);
});

// V-077: the certificate.

test('v077_a_certificate_may_have_8_authorities_and_8_stamp_keys', () => {
  const eight = Array(8).fill(b64(house.stamp.public));
  holds(room.file({ certificate: house.certificate({ authorities: eight, stamps: eight }) }));
});

test('v077_a_certificate_of_the_openings_keys_certifies_the_log', () => {
  assert.equal(holds(room.file({ certificate: house.certificate() })).certified, true);
});

for (const [name, certificate] of [
  ['of_another_entry_key', house.certificate({ keys: { ...house.keys, entry: b64(new Key('other').public) } })],
  ['of_another_delivery_key', house.certificate({ keys: { ...house.keys, delivery: b64(sealKey('other')) } })],
  ['of_another_session_key', (() => {
    const other = new House();
    other.session = new Key('another broker');
    return other.certificate();
  })()],
  ['by_another_key', house.certificate({}, house.entry)],
  ['without_authorities', house.certificate({ authorities: [] })],
  ['with_9_stamp_keys', house.certificate({ stamps: Array(9).fill(b64(house.stamp.public)) })],
  ['that_does_not_say_whether_time_is_simulated', house.certificate({ simulated: undefined })],
  ['with_an_unknown_member', house.certificate({ more: 1 })],
  ['with_a_quorum_of_half', house.certificate({ quorum: 1 })],
  ['with_a_quorum_of_more_operators_than_there_are', house.certificate({ quorum: 3 })],
  ['with_a_changed_signature', house.certificate().replace(/....$/, 'AAAA')],
  ['that_is_too_long', house.certificate({ stamps: Array(60).fill(b64(house.stamp.public)) })],
  ['that_is_none', 'certificate'],
  ['that_is_empty', ''],
]) {
  test(`v077_a_certificate_${name}_is_refused`, () => refused(room.file({ certificate }), 'V-077'));
}

test('v077_a_line_with_a_certificate_has_one_spelling_and_stands_first', () => {
  const line = JSON.stringify({ certificate: house.certificate() });
  refused(text([`${line} `, ...LINES]), 'V-077');
  refused(text([line.replace('"}', '","more":1}'), ...LINES]), 'V-077');
  refused(text([line, line, ...LINES]), 'V-026', 0);
  refused(text([LINES[0], line, ...LINES.slice(1)]), 'V-026', 0);
  refused(text([...LINES, line]), 'V-026', 8);
});

// V-024 and V-141: the head.

const headed = (head) => text(LINES, JSON.stringify(head));
const note = room.note();
const bare = room.note({ by: [] });

for (const [name, head] of [
  ['of_another_room', room.note({ log: room.log.replace(/.$/, (c) => (c === '0' ? '1' : '0')) })],
  ['of_another_broker', room.note({ log: room.log.replace(/^pregao\/./, 'pregao/_') })],
  ['by_another_key', room.note({ key: house.entry })],
  ['with_a_changed_signature', bare.replace(/....\n$/, 'AAA=\n')],
  ['without_signatures', bare.replace(/\u2014 .*\n$/, '')],
  ['without_the_last_line_break', note.slice(0, -1)],
  ['with_an_empty_line_behind_it', `${note}\n`],
  ['with_a_fourth_line', note.replace('=\n\n', '=\nmore\n\n')],
  ['with_a_size_that_begins_with_0', note.replace('\n8\n', '\n08\n')],
  ['with_a_size_below_0', note.replace('\n8\n', '\n-8\n')],
  ['with_a_root_without_padding', note.replace('=\n\n', '\n\n')],
  ['with_a_carriage_return', note.replace('\n\n', '\r\n\n')],
  ['with_a_hyphen_for_a_dash', note.replace('\u2014', '-')],
  ['with_two_spaces', note.replace('\u2014 ', '\u2014  ')],
  ['with_a_cosignature_first', [bare.split('\n').slice(0, 4).join('\n'), ...note.split('\n').slice(5, 6), ...note.split('\n').slice(4, 5), ''].join('\n')],
  ['signed_twice_under_its_name', room.note({ by: [], more: [bare.split('\n')[4]] })],
  ['with_another_line_under_its_name', room.note({ by: [], more: [signatureLine(room.log, 7, house.entry.public, new Uint8Array(64))] })],
  ['with_a_line_that_is_no_base64', room.note({ more: ['\u2014 someone AAAAAAA'] })],
  ['with_a_line_without_signature', room.note({ more: ['\u2014 someone AAAAAA=='] })],
  ['with_a_nameless_line', room.note({ more: ['\u2014  AAAAAAAA'] })],
  ['with_a_plus_in_a_name', room.note({ more: ['\u2014 a+b AAAAAAAA'] })],
  ['with_an_unbreakable_space_in_a_name', room.note({ more: ['\u2014 a\u00a0b AAAAAAAA'] })],
  ['with_17_signatures', room.note({ by: [], more: Array.from({ length: 16 }, (_, i) => `\u2014 other${i} AAAAAAAA`) })],
  ['of_more_than_4_kib', room.note({ more: [`\u2014 ${'n'.repeat(4000)} AAAAAAAA`] })],
]) {
  test(`v024_a_head_${name}_is_refused`, () => refused(headed(head), 'V-024'));
}

// Heads that the broker did sign, and that are none all the same.

const { log } = room;
const ROOT = headText(log, room.size, room.tree.root()).split('\n')[2];
const signedHead = (lines, { name = log, algorithm = 1, key = house.head } = {}) =>
  `${lines}\n${signatureLine(name, algorithm, key.public, house.head.sign(utf8(lines)))}\n`;

test('v024_a_head_that_is_signed_over_its_three_lines_is_accepted', () => {
  holds(headed(signedHead(`${log}\n8\n${ROOT}\n`)), 'incomplete');
});

for (const [name, head] of [
  ['a_fourth_line', signedHead(`${log}\n8\n${ROOT}\nmore\n`)],
  ['two_lines', signedHead(`${log}\n8\n`)],
  ['another_origin', signedHead(`${log}0\n8\n${ROOT}\n`)],
  ['no_origin', signedHead(`\n8\n${ROOT}\n`)],
  ['a_size_that_begins_with_0', signedHead(`${log}\n08\n${ROOT}\n`)],
  ['a_size_with_a_sign', signedHead(`${log}\n+8\n${ROOT}\n`)],
  ['a_size_in_sixteens', signedHead(`${log}\n0x8\n${ROOT}\n`)],
  ['a_size_beyond_all_numbers', signedHead(`${log}\n9007199254740992\n${ROOT}\n`)],
  ['no_size', signedHead(`${log}\n\n${ROOT}\n`)],
  ['a_root_without_padding', signedHead(`${log}\n8\n${ROOT.slice(0, -1)}\n`)],
  ['a_root_in_base64url', signedHead(`${log}\n8\n${b64(room.tree.root())}=\n`)],
  ['a_root_of_33_bytes', signedHead(`${log}\n8\n${Buffer.from([...room.tree.root(), 0]).toString('base64')}\n`)],
  ['no_line_break_before_its_signatures', signedHead(`${log}\n8\n${ROOT}\n`).replace('\n\n', '\n')],
  ['a_signature_under_another_name', signedHead(`${log}\n8\n${ROOT}\n`, { name: 'broker' })],
  ['a_signature_of_another_kind', signedHead(`${log}\n8\n${ROOT}\n`, { algorithm: 4 })],
  ['a_signature_under_another_keys_id', signedHead(`${log}\n8\n${ROOT}\n`, { key: house.entry })],
  ['a_control_character_in_a_name', room.note({ more: ['\u2014 a\u0000b AAAAAAAA'] })],
  ['a_control_character_at_the_end_of_a_line', signedHead(`${log}\n8\n${ROOT}\n`).replace(/\n$/, '\u0001\n')],
]) {
  test(`v024_a_signed_head_with_${name}_is_refused`, () => refused(headed(head), 'V-024'));
}

test('v024_a_head_may_be_of_the_greatest_length_and_no_longer', () => {
  const free = 4096 - utf8(`${bare}\u2014  AAAAAAAA\n`).length;
  const long = (more) => room.note({ by: [], more: [`\u2014 ${'n'.repeat(free + more)} AAAAAAAA`] });
  assert.equal(utf8(long(0)).length, 4096);
  holds(headed(long(0)), 'incomplete');
  refused(headed(long(1)), 'V-024');
});

test('v024_a_head_has_one_spelling_in_json', () => {
  refused(text(LINES, JSON.stringify(note).replace('pregao', '\\u0070regao')), 'V-024');
  refused(text(LINES, `${JSON.stringify(note)} `), 'V-024');
});

test('v024_up_to_15_cosignatures_of_others_may_follow', () => {
  const others = Array.from({ length: 15 }, (_, i) => `\u2014 other${i} AAAAAAAA`);
  assert.equal(holds(headed(room.note({ by: [], more: others })), 'incomplete').final, false);
});

const witness = house.witnesses[0];
const headLines = headText(room.log, room.size, room.tree.root());
const line = (time, over = headLines, by = witness.key, algorithm = 4, name = witness.name) =>
  signatureLine(name, algorithm, witness.key.public, concat(u64(time), by.sign(cosigned(time, over))));

test('v141_a_log_is_final_by_a_quorum_of_operators_and_not_of_names', () => {
  const final = (by) => {
    const { cosigned: operators, final: is, verdict } = holds(room.file({ by }), by.some((w) => w.operator === 'south') && by.length > 1 ? 'valid' : 'incomplete');
    return [operators, is, verdict];
  };
  assert.deepEqual(final([]), [[], false, 'incomplete']);
  assert.deepEqual(final(house.witnesses.slice(0, 2)), [['north'], false, 'incomplete']);
  assert.deepEqual(final(house.witnesses.slice(1)), [['north', 'south'], true, 'valid']);
});

for (const [name, more] of [
  ['over_another_head', line(secondsAt(700), headText(room.log, 7, room.tree.root()))],
  ['by_another_key', line(secondsAt(700), headLines, new Key('other'))],
  ['over_another_time', line(secondsAt(700)).replace(/ [^ ]*$/, (encoded) => ` ${Buffer.from(Buffer.from(encoded, 'base64').map((byte, i) => (i === 11 ? byte ^ 1 : byte))).toString('base64')}`)],
  ['with_a_time_beyond_all', line(2n ** 53n)],
  ['that_is_too_short', signatureLine(witness.name, 4, witness.key.public, new Uint8Array(71))],
  ['that_is_a_plain_signature', signatureLine(witness.name, 4, witness.key.public, witness.key.sign(utf8(headLines)))],
]) {
  test(`v141_a_cosignature_${name}_spoils_the_head`, () => refused(headed(room.note({ by: [], more: [more] })), 'V-141'));
}

test('v141_a_cosignature_may_have_the_greatest_time', () => {
  assert.deepEqual(holds(headed(room.note({ by: [], more: [line(2n ** 53n - 1n)] })), 'incomplete').cosigned, ['north']);
});

test('v141_a_witness_that_signs_twice_spoils_the_head', () => {
  refused(headed(room.note({ more: [cosignature(witness, headLines, secondsAt(701))] })), 'V-141');
});

test('v141_lines_of_others_are_not_judged', () => {
  const other = line(secondsAt(700), 'nonsense', new Key('other'), 4, 'unnamed.example');
  const otherId = line(secondsAt(700), 'nonsense', new Key('other'), 5);
  assert.equal(holds(headed(room.note({ more: [other, otherId] }))).final, true);
});

test('a_log_without_witnesses_is_valid_once_it_has_ended', () => {
  const plain = sold(new House({ witnesses: [] }));
  const result = holds(plain.file());
  assert.ok(!('final' in result) && !('witnesses' in result));
});

test('a_header_line_names_its_hash_and_nothing_else', () => {
  assert.equal(headerHash('a').length, 32);
  assert.equal(at(0) % 1_000_000n, 0n);
});
