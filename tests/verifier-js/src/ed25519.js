// Strict Ed25519 (V-001) and what SPEC builds on its group: fingerprints (3.1), ratios (V-004), keys to seal to (V-014).
//
// The library's own `verify` is not used: with `zip215: false` it still multiplies by the cofactor and lets keys of small order through.

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concat, equal, hex } from './bytes.js';

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
const SPKI = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

function little(bytes) {
  let number = 0n;
  for (let i = bytes.length - 1; i >= 0; i -= 1) number = (number << 8n) | BigInt(bytes[i]);
  return number;
}

// A point in its one encoding and not of small order, or null.
function strictPoint(bytes) {
  try {
    const point = Point.fromBytes(bytes, false);
    return point.isSmallOrder() ? null : point;
  } catch {
    return null;
  }
}

// Few keys sign most of a log (TSA, broker), so the last few are kept with what makes them fast.
const KEPT = 16;
const kept = new Map();

function keyPoint(key) {
  const name = hex(key);
  let known = kept.get(name);
  if (known) {
    kept.delete(name);
    known.uses += 1;
    if (known.uses === 4 && known.point) known.point.precompute(6);
  } else {
    known = { point: key.length === 32 ? strictPoint(key) : null, uses: 1 };
  }
  kept.set(name, known);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return known.point;
}

/** V-001: canonical R, s and key, neither R nor key of small order, no cofactor. */
export function verifies(key, message, signature) {
  if (signature.length !== 64) return false;
  const A = keyPoint(key);
  if (!A) return false;
  const encodedR = signature.subarray(0, 32);
  const s = little(signature.subarray(32));
  if (s >= L) return false;
  const k = little(sha512(concat(encodedR, key, message))) % L;
  const R = Point.BASE.multiplyUnsafe(s).add(A.multiplyUnsafe(k).negate());
  // R is encoded again in its one spelling, so this comparison refuses every other.
  return !R.isSmallOrder() && equal(R.toBytes(), encodedR);
}

export const fingerprint = (key) => hex(sha256(concat(SPKI, key)));

/** V-004: key₂ = ratio · key₁, the ratio canonical, both keys torsion-free and not of small order. */
export function isRatio(first, ratio, second) {
  const r = little(ratio);
  if (ratio.length !== 32 || r >= L) return false;
  const [one, two] = [strictPoint(first), strictPoint(second)];
  if (!one || !two || !one.isTorsionFree() || !two.isTorsionFree()) return false;
  return one.multiplyUnsafe(r).equals(two);
}

/** V-002: whether a key is one that an honest program makes: in its one encoding, torsion-free, not of small order. */
export const isTorsionFree = (key) => key.length === 32 && (strictPoint(key)?.isTorsionFree() ?? false);

// u-coordinates of the points of order 1, 2, 4 and 8 on Curve25519 and its twist.
const SMALL_U = new Set([
  0n,
  1n,
  P - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
]);

/** Whether an X25519 key is one that can be sealed to: not of small order, in whatever encoding. */
export function isSealable(key) {
  const u = little(key) & ((1n << 255n) - 1n);
  return key.length === 32 && !SMALL_U.has(u % P);
}
