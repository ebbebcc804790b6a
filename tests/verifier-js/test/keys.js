// Keys that sign, for tests only. Each is made from its name, so that every run makes the same files.

import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concat, utf8 } from '../src/bytes.js';

const { Point } = ed25519;
const L = Point.Fn.ORDER;

const little = (bytes) => bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
const scalarBytes = (number) => Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * i)) & 255n));
const multiple = (scalar) => Point.BASE.multiply(scalar).toBytes();

/** A key made from its name, or from a multiple of another's secret. */
export class Key {
  constructor(name, scalar = little(sha512(utf8(name))) % L) {
    this.scalar = scalar;
    this.prefix = sha256(utf8(`nonce ${name}`));
    this.public = multiple(scalar);
  }

  sign(message) {
    const nonce = little(sha512(concat(this.prefix, message))) % L;
    const R = multiple(nonce);
    const k = little(sha512(concat(R, this.public, message))) % L;
    return concat(R, scalarBytes((nonce + k * this.scalar) % L));
  }

  /** A key of the same author, and the ratio that shows it. */
  sibling(name) {
    const ratio = little(sha512(utf8(`ratio ${name}`))) % L;
    return { key: new Key(name, (this.scalar * ratio) % L), ratio: scalarBytes(ratio) };
  }
}

/** A key that can be sealed to. */
export const sealKey = (name) => x25519.getPublicKey(sha256(utf8(`seal ${name}`)));

/** Bytes that look random. */
export const noise = (name) => sha256(utf8(`noise ${name}`));
