// V-001 and V-004 against published vectors; vectors/ORIGIN.md says where they come from.

import { createHash, createPublicKey } from 'node:crypto';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ed25519, ED25519_TORSION_SUBGROUP, x25519 } from '@noble/curves/ed25519.js';
import { fingerprint, isRatio, isSealable, verifies } from '../src/ed25519.js';
import { concat, hex, utf8 } from '../src/bytes.js';
import { Key, sealKey } from './keys.js';

const read = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
const unhex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));

const expected = read('ed25519-strict-expected.json');
const cases = [
  ...read('cctv-ed25519vectors.json').map(({ key, sig, msg }) => [key, sig, utf8(msg)]),
  ...read('speccheck-cases.json').map((one) => [one.pub_key, one.signature, unhex(one.message)]),
];

test('v001_926_published_edge_cases_have_the_answer_of_a_strict_verifier', () => {
  assert.equal(cases.length, expected.length);
  cases.forEach(([key, signature, message], i) => {
    assert.equal(verifies(unhex(key), message, unhex(signature)), expected[i], `case ${i}`);
  });
});

const key = new Key('one');
const message = utf8('message');
const signature = key.sign(message);

test('v001_a_signature_verifies_and_with_any_bit_changed_does_not', () => {
  assert.ok(verifies(key.public, message, signature));
  for (let bit = 0; bit < 512; bit += 7) {
    const changed = signature.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    assert.ok(!verifies(key.public, message, changed), `bit ${bit}`);
  }
});

test('v001_keys_and_signatures_of_other_lengths_are_refused', () => {
  assert.ok(!verifies(key.public.subarray(1), message, signature));
  assert.ok(!verifies(key.public, message, signature.subarray(1)));
  assert.ok(!verifies(new Uint8Array(33), message, signature));
});

test('v001_the_identity_verifies_nothing', () => {
  // With the identity as key every R = s·B would fit.
  const identity = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
  const one = concat(ed25519.Point.BASE.toBytes(), Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0)));
  assert.ok(!verifies(identity, message, one));
});

test('v004_a_ratio_shows_one_author_and_no_other', () => {
  const { key: second, ratio } = key.sibling('two');
  assert.ok(isRatio(key.public, ratio, second.public));
  assert.ok(!isRatio(second.public, ratio, key.public));
  assert.ok(!isRatio(key.public, ratio, new Key('three').public));
  assert.ok(!isRatio(key.public, new Uint8Array(32), second.public));
});

test('v004_a_ratio_has_one_encoding', () => {
  const { key: second, ratio } = key.sibling('two');
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let value = ratio.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n) + order;
  const longer = Uint8Array.from({ length: 32 }, () => {
    const byte = Number(value & 255n);
    value >>= 8n;
    return byte;
  });
  assert.ok(!isRatio(key.public, longer, second.public));
});

test('v004_a_key_with_torsion_has_no_ratio', () => {
  const one = unhex(`01${'00'.repeat(31)}`);
  const torsion = ed25519.Point.fromHex(ED25519_TORSION_SUBGROUP[1]);
  const mixed = ed25519.Point.fromBytes(key.public).add(torsion).toBytes();
  assert.ok(isRatio(key.public, one, key.public));
  assert.ok(!isRatio(mixed, one, mixed));
  // Eight times such a key is a clean one, and a clean one has no ratio to what it is not a multiple of.
  const eight = unhex(`08${'00'.repeat(31)}`);
  const clean = ed25519.Point.fromBytes(mixed).multiplyUnsafe(8n).toBytes();
  assert.ok(!isRatio(mixed, eight, clean));
  assert.ok(isRatio(key.public, eight, clean));
});

test('v014_nobody_can_seal_to_a_key_of_small_order', () => {
  assert.ok(isSealable(sealKey('seller')));
  const small = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
    `00${'00'.repeat(30)}80`,
  ];
  for (const one of small) {
    assert.throws(() => x25519.getSharedSecret(new Uint8Array(32).fill(9), unhex(one)), one);
    assert.ok(!isSealable(unhex(one)), one);
  }
});

test('a_fingerprint_is_what_openssl_prints', () => {
  // openssl pkey -pubin -outform DER | sha256sum, of the public key of RFC 8032, test 1.
  const known = unhex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  assert.match(fingerprint(known), /^[0-9a-f]{64}$/);
  assert.equal(fingerprint(known), hex(fingerprintBySubtle(known)));
});

function fingerprintBySubtle(bytes) {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') };
  return createHash('sha256').update(createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' })).digest();
}
