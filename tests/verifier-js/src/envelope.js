// Envelopes of letters (SPEC 8.1): what their sender makes once more to show what was sealed.

import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ONE_PIECE } from './bodies.js';
import { concat, fromHex32, utf8 } from './bytes.js';
import { isSealable } from './ed25519.js';
import { toXWing } from './hpke.js';

const LABEL = utf8('pregao/letter/v1');
const SEED_LABEL = utf8('pregao/letter-seed/v1');
const PREKEY_LABEL = utf8('pregao/prekey/v1');
const PREKEY = 1_216;
const ML_KEM = 1_184;
const Q = 3_329;
const ENCAPSULATED = 1_120;
const TAG = 16;
const PREFIX = 4;

/** Where the ciphertext begins. */
export const HEAD = 1 + 2 * ENCAPSULATED;

/** V-240: whether bytes are a key that a letter can be sealed to. */
export function isPrekey(bytes) {
  if (bytes.length !== PREKEY || (bytes.at(-1) & 0x80) !== 0 || !isSealable(bytes.subarray(ML_KEM))) return false;
  // Two coefficients of 12 bits in 3 bytes; behind them 32 bytes of any value.
  for (let at = 0; at < ML_KEM - 32; at += 3) {
    const [first, middle, last] = bytes.subarray(at, at + 3);
    if ((first | ((middle & 0x0f) << 8)) >= Q || ((middle >> 4) | (last << 4)) >= Q) return false;
  }
  return true;
}

/** V-240: what a prekey is called by. */
export const prekeyDigest = (bytes) => sha256(concat(PREKEY_LABEL, bytes));

/** The bytes behind their length, big-endian, and zeros (section 8), or null if they do not fit. */
function padded(bytes, size) {
  if (bytes.length > size - PREFIX) return null;
  const whole = new Uint8Array(size);
  new DataView(whole.buffer).setUint32(0, bytes.length);
  whole.set(bytes, PREFIX);
  return whole;
}

/**
 * The envelope of that size which `seeds` make of a content with that hash, to these keys of a box (`once` may be null), or null
 * if none can be made.
 */
export function makeEnvelope({ box, signed, once, size }, seeds, content, hash) {
  if (once !== null && String(once) === String(signed)) return null;
  const digests = [signed, once].map((key) => (key === null ? new Uint8Array(32) : prekeyDigest(key)));
  const info = concat(LABEL, fromHex32(box), ...digests, Uint8Array.of(ONE_PIECE.indexOf(size)));
  const random = (part, length) => expand(sha256, extract(sha256, seeds), concat(SEED_LABEL, Uint8Array.of(part), sha256(info), hash), length);
  const first = once === null ? null : toXWing(once, { info, randomness: random(0, 64) });
  if (once !== null && first === null) return null;
  const before = first ? first.encapsulated : random(2, ENCAPSULATED);
  const psk = first ? { key: first.exported(LABEL), id: concat(digests[1], before) } : null;
  const second = toXWing(signed, { info, randomness: random(1, 64), psk });
  const plain = padded(content, size - HEAD - TAG);
  if (second === null || plain === null) return null;
  const head = concat(Uint8Array.of(first ? 1 : 0), before, second.encapsulated);
  return concat(head, second.seal(head, plain));
}
