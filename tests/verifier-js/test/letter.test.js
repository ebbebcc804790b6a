// Letters shown to others (SPEC 8.3), by the files in protocol/vectors; that each rule is broken by a file in which everything else holds, is
// compared with the other verifier by .ci/test.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { base64url, equal, fromBase64url, hex, utf8 } from '../src/bytes.js';
import { isPrekey } from '../src/envelope.js';
import { toXWing } from '../src/hpke.js';
import { verify } from '../src/verifier.js';
import { holds, refused, unreadable } from './expect.js';

const vectors = (name) => readFileSync(new URL(`../../../protocol/vectors/${name}`, import.meta.url), 'utf8');
const [bySender, read, byHash, deniable] = vectors('letters-shown.jsonl').trimEnd().split('\n');
const unhex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));

/** The file after something was done to its letter. */
function changed(file, change) {
  const whole = JSON.parse(file);
  change(whole.letter);
  return JSON.stringify(whole);
}

/** The same bytes in base64url but for one. */
function flipped(text, at) {
  const bytes = fromBase64url(text);
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  return base64url(bytes);
}

test('x_wing_in_hpke_is_that_of_the_published_vector', () => {
  const [vector] = JSON.parse(vectors('hpke-xwing.json')).filter(({ kdf_id: kdf, aead_id: aead }) => kdf === 1 && aead === 3);
  const [key, info, randomness] = ['pkRm', 'info', 'ikmE'].map((name) => unhex(vector[name]));
  const sender = toXWing(key, { info, randomness });
  assert.equal(hex(sender.encapsulated), vector.enc);
  const { aad, pt, ct } = vector.encryptions[0];
  assert.equal(hex(sender.seal(unhex(aad), unhex(pt))), ct);
  for (const { exporter_context: context, exported_value: value } of vector.exports) {
    assert.equal(hex(sender.exported(unhex(context)).subarray(0, 32)), value);
  }
  assert.equal(toXWing(key.subarray(1), { info, randomness }), null);
});

test('v240_a_prekey_is_one_that_honest_programs_make', () => {
  const good = fromBase64url(JSON.parse(bySender).letter.shown.sender.signed);
  const key = (change) => {
    const bytes = good.slice();
    change(bytes);
    return isPrekey(bytes);
  };
  assert.ok(key(() => {}));
  assert.ok(!isPrekey(good.subarray(1)));
  // A coefficient of q, the highest bit of X25519, a half of small order.
  assert.ok(!key((bytes) => bytes.set([0x01, (bytes[1] & 0xf0) | 0x0d])));
  assert.ok(key((bytes) => bytes.set([0x00, (bytes[1] & 0xf0) | 0x0d])));
  assert.ok(!key((bytes) => bytes.set([(bytes[1] & 0x0f) | 0x10, 0xd0], 1)));
  assert.ok(!key((bytes) => { bytes[1_215] |= 0x80; }));
  assert.ok(!key((bytes) => bytes.fill(0, 1_184)));
});

test('v254_each_form_holds_and_says_what_it_shows', () => {
  const shown = [bySender, read, byHash].map((file) => {
    assert.deepEqual(holds(`${file}\n`), holds(file));
    return holds(file).letter;
  });
  assert.deepEqual(shown.map(({ shown: by }) => by), ['sender', 'reader', 'hash']);
  const [first, second, third] = shown;
  assert.equal(first.content.text, 'It runs.\nCome and hear it.');
  assert.deepEqual(second.content, first.content);
  assert.equal(third.content, undefined);
  assert.deepEqual([third.hash, third.envelope, third.from], [first.hash, first.envelope, first.from]);
  assert.equal(second.read.read, '2026-11-22T12:01:00.000000Z');
  assert.equal(first.read, undefined);
});

test('v254_what_is_spelled_otherwise_is_unreadable', () => {
  for (let at = 0; at < bySender.length; at += 211) unreadable(bySender.slice(0, at));
  unreadable(` ${bySender}`);
  unreadable(`${bySender}\n\n`);
  unreadable(bySender.replace('{"letter":', '{"letter": '));
  unreadable(read.replace(',"read":', ',"more":1,"read":'));
  unreadable(read.replace(',"read":', ',"read":null,"read":'));
  unreadable(changed(read, (letter) => { letter.shown.hash = JSON.parse(byHash).letter.shown.hash; }));
  unreadable(changed(read, (letter) => { letter.shown = {}; }));
  unreadable(changed(byHash, ({ shown }) => { shown.hash.signature += 'AAAA'; }));
  unreadable(changed(read, ({ shown }) => { shown.reader.content += ' '.repeat(1_048_576); }));
  unreadable(changed(read, ({ deposit }) => { deposit.opening += 'A'.repeat(65_536); }));
});

test('v254_the_sender_is_a_box', () => {
  for (const sender of ['', 'a.b.c', JSON.parse(JSON.parse(read).letter.deposit.entry).action]) {
    refused(changed(read, (letter) => { letter.sender = sender; }), 'V-254');
  }
  // The reader's own box is one, and did not write this.
  refused(changed(read, (letter) => { letter.sender = letter.deposit.opening; }), 'V-247');
});

test('v306_the_receipt_is_of_a_letter_and_holds', () => {
  refused(changed(read, ({ deposit }) => { deposit.path = flipped(deposit.path, 0); }), 'V-025');
  refused(changed(read, ({ deposit }) => { deposit.path = ''; }), 'V-025');
  refused(changed(read, ({ deposit }) => { deposit.head = ''; }), 'V-024');
  refused(changed(read, ({ deposit }) => { deposit.header = ''; }), 'V-023');
  refused(changed(read, ({ deposit }) => { deposit.opening = ''; }), 'V-061');
});

test('v253_the_envelope_is_the_one_that_was_deposited_and_this_is_what_was_signed_for_it', () => {
  const reader = (change) => changed(read, ({ shown }) => change(shown.reader));
  for (const at of [0, 1, 1_000, -1]) {
    refused(reader((by) => { by.envelope = flipped(by.envelope, at); }), 'V-253');
    refused(changed(byHash, ({ shown: { hash } }) => { hash.envelope = flipped(hash.envelope, at); }), 'V-253');
  }
  refused(reader((by) => { by.envelope = ''; }), 'V-253');
  refused(reader((by) => { by.content = by.content.replace('runs', 'rans'); }), 'V-248');
  refused(reader((by) => { by.content = by.content.replace('"wants_receipt":true', '"wants_receipt":false'); }), 'V-248');
  for (const [from, to] of [[':', ': '], ['"v":1', '"v":2'], ['"letter"', '"note"'], ['"evidence"', '"deniable"'], ['\\n', '\\r'], ['"text":', '"txt":']]) {
    const file = reader((by) => { by.content = by.content.replace(from, to); });
    assert.notEqual(file, read, from);
    refused(file, 'V-245');
  }
  refused(changed(byHash, ({ shown: { hash } }) => { hash.hash = flipped(hash.hash, 0); }), 'V-248');
  refused(changed(byHash, ({ shown: { hash } }) => { hash.signature = flipped(hash.signature, 0); }), 'V-248');
});

test('v252_v307_what_the_sender_shows_is_sealed_once_more_to_keys_that_the_reader_stated', () => {
  const sender = (change) => changed(bySender, ({ shown }) => change(shown.sender));
  refused(sender((by) => { by.seeds = flipped(by.seeds, 0); }), 'V-252');
  refused(sender((by) => { by.content = by.content.replace('runs', 'rans'); }), 'V-252');
  refused(sender((by) => { by.content = ''; }), 'V-245');
  for (const change of [
    (by) => { by.keys = []; },
    (by) => { by.keys.push(by.keys[0]); },
    (by) => { by.keys = ['a.b.c']; },
    (by) => { by.keys = [JSON.parse(bySender).letter.deposit.opening]; },
    (by) => { by.signed = flipped(by.signed, 9); },
    (by) => { by.signed = ''; },
    (by) => { by.signed = by.once.key; },
    (by) => { delete by.once; },
    (by) => { by.once.key = flipped(by.once.key, 9); },
    (by) => { by.once.key = by.signed; },
    (by) => { by.once.path = flipped(by.once.path, 0); },
    (by) => { by.once.path = ''; },
  ]) refused(sender(change), 'V-307');
});

test('v308_a_deniable_letter_is_not_shown', () => {
  refused(deniable, 'V-308');
  assert.equal(JSON.stringify(verify(utf8(deniable))), '{"kind":"letter","verdict":"invalid","rule":"V-308"}');
});

test('v309_the_read_receipt_is_for_this_letter', () => {
  refused(changed(read, (letter) => { letter.read = { deposit: letter.deposit, shown: letter.shown }; }), 'V-309');
  refused(changed(read, (letter) => { letter.read.shown = letter.shown; }), 'V-253');
  refused(changed(read, ({ read: { shown } }) => { shown.reader.content = shown.reader.content.replace('"time":"2026', '"time":"2025'); }), 'V-248');
  const alone = changed(read, (letter) => {
    const { deposit, shown } = letter.read;
    Object.assign(letter, { sender: letter.deposit.opening, deposit, shown });
    delete letter.read;
  });
  assert.equal(holds(alone).letter.content.kind, 'read');
  const again = changed(alone, (letter) => { letter.read = { deposit: letter.deposit, shown: letter.shown }; });
  refused(again, 'V-309');
});

test('a_flipped_bit_gives_no_letter_another_meaning', () => {
  for (const file of [byHash, read]) {
    const good = utf8(file);
    const meant = JSON.stringify(verify(good));
    for (let at = 0; at < good.length; at += 41) {
      const bytes = good.slice();
      bytes[at] ^= 1 << at % 7;
      const result = verify(bytes);
      assert.ok(result.verdict !== 'valid' || JSON.stringify(result) === meant, `byte ${at}`);
      assert.ok(!equal(bytes, good));
    }
  }
});
