// SPEC section 2: one spelling for each thing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as b from '../src/bytes.js';
import { Broken } from '../src/broken.js';
import * as json from '../src/json.js';
import { ceilSeconds, formatTime, parseTime } from '../src/time.js';

test('base64_of_every_length_comes_back_and_agrees_with_the_platform', () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length * 31) & 255);
    assert.equal(b.base64url(bytes), Buffer.from(bytes).toString('base64url'));
    assert.equal(b.base64(bytes), Buffer.from(bytes).toString('base64'));
    assert.deepEqual(b.fromBase64url(b.base64url(bytes)), bytes);
    assert.deepEqual(b.fromBase64(b.base64(bytes)), bytes);
  }
});

for (const text of ['A', 'AB', 'AAB', 'AA==', 'A A', 'A+A=', 'AA\n', 'AA.', '\u00e9A', 'AAA/', 'AAAAB']) {
  test(`base64url_refuses_${JSON.stringify(text)}`, () => assert.equal(b.fromBase64url(text), null));
}

for (const text of ['A', 'AA', 'AB==', 'AAA', 'AAB=', 'AA=', 'AA===', '====', 'AA=A', 'AA-A', 'AAAA====', ' AAA']) {
  test(`base64_refuses_${JSON.stringify(text)}`, () => assert.equal(b.fromBase64(text), null));
}

test('hexadecimal_is_lower_case_and_of_its_size', () => {
  const name = 'ab'.repeat(32);
  assert.equal(b.hex(b.fromHex32(name)), name);
  for (const bad of [name.toUpperCase(), name.slice(1), `${name}a`, `${name.slice(1)}g`, `${name}\n`]) {
    assert.equal(b.fromHex32(bad), null);
  }
});

test('bytes_that_are_no_text_are_noticed_wherever_they_are', () => {
  const bytes = new Uint8Array(2_100_000).fill(0x61);
  assert.ok(b.isUtf8(bytes));
  // A character that lies across the pieces that are read at once.
  bytes.set(b.utf8('\u00e9'), (1 << 20) - 1);
  assert.ok(b.isUtf8(bytes));
  bytes[2_099_999] = 0xc3;
  assert.ok(!b.isUtf8(bytes));
  assert.ok(!b.isUtf8(Uint8Array.of(0xed, 0xa0, 0x80)));
});

test('a_time_comes_back_as_it_was_written', () => {
  for (const text of ['1970-01-01T00:00:00.000000Z', '2026-11-20T13:00:00.000001Z', '2028-02-29T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z']) {
    assert.equal(formatTime(parseTime(text)), text);
  }
  assert.equal(parseTime('2026-11-20T13:00:00.000001Z') - parseTime('2026-11-20T12:59:59.999999Z'), 2n);
});

for (const text of [
  '2026-11-20T13:00:00Z',
  '2026-11-20T13:00:00.000Z',
  '2026-11-20T13:00:00.0000000Z',
  '2026-11-20t13:00:00.000000Z',
  '2026-11-20T13:00:00.000000z',
  '2026-11-20T13:00:00.000000+00:00',
  '2026-11-20 13:00:00.000000Z',
  '2026-13-20T13:00:00.000000Z',
  '2026-00-20T13:00:00.000000Z',
  '2026-02-29T13:00:00.000000Z',
  '2026-04-31T13:00:00.000000Z',
  '2026-11-00T13:00:00.000000Z',
  '2026-11-20T24:00:00.000000Z',
  '2026-11-20T13:60:00.000000Z',
  '2026-11-20T13:00:60.000000Z',
  '1969-12-31T23:59:59.999999Z',
  ' 2026-11-20T13:00:00.000000Z',
  '2026-11-20T13:00:00.000000Z\n',
  '\u0662026-11-20T13:00:00.000000Z',
]) {
  test(`no_time_is_${JSON.stringify(text)}`, () => assert.equal(parseTime(text), null));
}

test('a_part_of_a_second_counts_as_one', () => {
  assert.equal(ceilSeconds(5_000_000n), 5n);
  assert.equal(ceilSeconds(5_000_001n), 6n);
});

const shape = json.object({ a: json.integer(), b: json.optional(json.text(3)), c: json.list(json.boolean) });

test('the_one_spelling_is_read', () => {
  assert.deepEqual(json.readExact('{"a":1,"c":[true]}', shape), { a: 1, c: [true] });
  assert.deepEqual(json.readExact('{"a":0,"b":"\u{1f4fb}xy","c":[]}', shape), { a: 0, b: '\u{1f4fb}xy', c: [] });
});

for (const text of [
  '',
  '{}',
  'null',
  '[]',
  '"a"',
  '{"a":1}',
  '{"a":1,"c":[true] }',
  ' {"a":1,"c":[true]}',
  '{"a":1,"c":[true]}\n',
  '{"c":[true],"a":1}',
  '{"a":1,"c":[true],"c":[true]}',
  '{"a":1,"a":1,"c":[true]}',
  '{"a":1,"c":[true],"d":1}',
  '{"a":1,"c":[true],"__proto__":{}}',
  '{"a":1,"b":null,"c":[true]}',
  '{"a":1.0,"c":[true]}',
  '{"a":1e0,"c":[true]}',
  '{"a":-0,"c":[true]}',
  '{"a":-1,"c":[true]}',
  '{"a":01,"c":[true]}',
  '{"a":1.5,"c":[true]}',
  '{"a":"1","c":[true]}',
  '{"a":9007199254740992,"c":[true]}',
  '{"a":9007199254740993,"c":[true]}',
  '{"a":1,"b":"","c":[true]}',
  '{"a":1,"b":"abcd","c":[true]}',
  '{"a":1,"b":"\\u0061","c":[true]}',
  '{"a":1,"b":"\\ud800","c":[true]}',
  '{"a":1,"b":"\\/","c":[true]}',
  '{"a":1,"b":"\\n","c":[true]}',
  '{"a":1,"b":"\\u007f","c":[true]}',
  '{"a":1,"b":"\u007f","c":[true]}',
  '{"a":1,"b":"\u0085","c":[true]}',
  '{"a":1,"c":[1]}',
  '{"a":1,"c":true}',
  '{"a":1,"c":{"0":true,"length":1}}',
  '\ufeff{"a":1,"c":[true]}',
]) {
  test(`json_refuses_${JSON.stringify(text)}`, () => assert.throws(() => json.readExact(text, shape), Broken));
}
