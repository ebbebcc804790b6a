// HPKE against the vector of RFC 9180, shares, and the vector of SPEC 7.9.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { base64url, concat, fromBase64url, hex, u64 } from '../src/bytes.js';
import { deriveSecret, open, publicKey, seal } from '../src/hpke.js';
import { contextOf, openBid, sealBid, shareOf } from '../src/sealed.js';
import { divide, multiply, secretOf } from '../src/shamir.js';

const unhex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
const bytes = (value) => new Uint8Array(32).fill(value);

const vector = JSON.parse(readFileSync(new URL('../vectors/hpke-x25519-chacha20poly1305.json', import.meta.url), 'utf8'));
const [info, aad, ikm, secret, recipient, plain] = ['info', 'aad', 'ikmE', 'skRm', 'pkRm', 'pt'].map((name) => unhex(vector[name]));
const sealed = unhex(vector.enc + vector.ct);

test('the_published_vector_is_sealed_and_opened', () => {
  assert.deepEqual(publicKey(deriveSecret(ikm)), unhex(vector.enc));
  assert.deepEqual(publicKey(secret), recipient);
  assert.equal(hex(seal(recipient, { info, aad, ikm }, plain)), hex(sealed));
  assert.deepEqual(open(secret, { info, aad }, sealed), plain);
});

test('what_is_changed_or_for_something_else_does_not_open', () => {
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = sealed.slice();
    changed[at] ^= 1;
    assert.equal(open(secret, { info, aad }, changed), null, `byte ${at}`);
  }
  assert.equal(open(bytes(1), { info, aad }, sealed), null);
  assert.equal(open(secret, { info: aad, aad }, sealed), null);
  assert.equal(open(secret, { info, aad: info }, sealed), null);
  for (const size of [0, 31, 32, 47]) assert.equal(open(secret, { info, aad }, sealed.subarray(0, size)), null);
});

test('nothing_is_agreed_with_a_key_of_small_order', () => {
  const small = ['00'.repeat(32), `01${'00'.repeat(31)}`, 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', `ec${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(30)}7f`];
  for (const key of small.map(unhex)) {
    assert.equal(seal(key, { info, aad, ikm }, plain), null);
    assert.equal(open(secret, { info, aad }, concat(key, sealed.subarray(32))), null);
  }
});

test('the_field_is_that_of_the_specification', () => {
  // 0x53 and 0xca are inverse to each other (FIPS 197), and x^7 times x is the polynomial's rest.
  assert.deepEqual([multiply(0x53, 0xca), multiply(0x80, 2), multiply(0x57, 0x83)], [1, 0x1b, 0xc1]);
  for (let a = 0; a < 256; a += 1) {
    for (let b = 1; b < 256; b += 1) assert.equal(divide(multiply(a, b), b), a);
  }
});

const SHARES = [
  '5a4f979157e8f1b67b194c0609d3fa30fa723f3204c49ab0d710e9888dd85889',
  'b19b303cabcefc72f3379d0917b8ea65eae17b610d962a7eb025cc0e04aeb50c',
  'e8d7a4aeff250ec78b2dd20c1d681356139047500a51b3cd643626858a75ee86',
];

test('v165_shares_give_their_secret_back_whichever_are_taken', () => {
  const share = (x) => ({ x, bytes: shareOf(bytes(3), 2, x) });
  SHARES.forEach((text, i) => assert.equal(hex(share(i + 1).bytes), text));
  for (const places of [[1, 2], [1, 3], [3, 2], [8, 5]]) assert.deepEqual(secretOf(places.map(share)), bytes(3));
  assert.notDeepEqual(secretOf([share(1)]), bytes(3));
  const five = (x) => ({ x, bytes: shareOf(bytes(9), 5, x) });
  assert.deepEqual(secretOf([2, 3, 5, 7, 8].map(five)), bytes(9));
  assert.notDeepEqual(secretOf([2, 3, 5, 7].map(five)), bytes(9));
  assert.deepEqual(shareOf(bytes(9), 1, 6), bytes(9));
});

test('v165_the_vector_of_the_specification', () => {
  const context = contextOf(hex(bytes(7)), fromBase64url('iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w'));
  const locks = [1, 2, 3].map((x) => publicKey(bytes(x)));
  const about = { context, broker: publicKey(bytes(100)), locks, needed: 2 };
  const bid = sealBid(u64(1234), [bytes(3), bytes(4)], about);
  assert.equal(base64url(bid.commitment), 'ABbs5EKJ-U5MpNLxvZvcleWswVWQdqkae6iPjoYL2W0');
  assert.equal(base64url(bid.amount), 'TMG4RoTsIqNPkJ3BnM84bQxP14Nn2e9s');
  assert.deepEqual([bid.broker, ...bid.shares].map((part) => part.length), [80, 80, 80, 80]);
  for (const places of [[0, 1], [0, 2], [1, 2]]) {
    const secrets = places.map((tsa) => ({ tsa, secret: bytes(tsa + 1) }));
    assert.deepEqual(openBid(bid, { ...about, key: bytes(100), secrets }), { amount: 1234 });
  }
});
