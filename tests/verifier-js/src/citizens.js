// One bidder for each citizen (SPEC 7.14): the statement of one period's tokens, and the certificate of the key that states it. X.509 is
// read here as far as V-005 and V-006 go, which is one profile of it.

import { base64url, equal, fromBase64url, hex } from './bytes.js';
import { refuseUnless } from './broken.js';
import { fingerprint, isTorsionFree, verifies } from './ed25519.js';
import { bytes, name32, object, optional, readExact, time, yes } from './json.js';
import * as jws from './jws.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { lastEnd } from './terms.js';

const LONGEST_CERTIFICATE = 4_096;
const LONGEST_STATEMENT = 2_048;

const SEQUENCE = 0x30;
const ED25519 = Uint8Array.of(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70);
const ARC = '698df2d0a9cf84e2afdbbcf785aaa1a0b5e00f';
const NAMES = new Map([
  ['pregao CA', false],
  ['pregao CA (simulated)', true],
]);

// SubjectPublicKeyInfo of an RSA key of 3,072 bits with exponent 65,537, all but the modulus.
const RSA_HEAD = '308201a2300d06092a864886f70d01010105000382018f003082018a0282018100';
const RSA_TAIL = '0203010001';

const no = () => refuseUnless(false, 'listing.citizens');

/** Reads DER from the beginning of bytes: one value after the other, each in its one encoding. */
class Der {
  #bytes;
  #at = 0;

  constructor(encoded) {
    this.#bytes = encoded;
  }

  get isAtEnd() {
    return this.#at === this.#bytes.length;
  }

  /** The next value if it has this tag: its content, and all of it. */
  next(tag) {
    const from = this.#at;
    if (this.#bytes[from] !== tag) no();
    let length = this.#bytes[from + 1];
    let at = from + 2;
    if (length === undefined) no();
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count < 1 || count > 2 || at + count > this.#bytes.length) no();
      length = 0;
      for (let i = 0; i < count; i += 1) length = (length << 8) | this.#bytes[at + i];
      if (length < (count === 1 ? 0x80 : 0x100)) no();
      at += count;
    }
    if (at + length > this.#bytes.length) no();
    this.#at = at + length;
    return { content: this.#bytes.subarray(at, this.#at), whole: this.#bytes.subarray(from, this.#at) };
  }

  is(tag) {
    return this.#bytes[this.#at] === tag;
  }

  inside(tag) {
    return new Der(this.next(tag).content);
  }

  end() {
    if (!this.isAtEnd) no();
  }
}

/** The common name of a name that consists of nothing else. */
function commonName(name) {
  const set = name.inside(0x31);
  const only = set.inside(SEQUENCE);
  if (hex(only.next(0x06).content) !== '550403') no();
  const tag = [0x0c, 0x13].find((text) => only.is(text));
  if (tag === undefined) no();
  const text = String.fromCharCode(...only.next(tag).content);
  only.end();
  set.end();
  name.end();
  return text;
}

/** An instant of a certificate in microseconds since 1970. */
function instant(validity) {
  const tag = validity.is(0x17) ? 0x17 : 0x18;
  const text = String.fromCharCode(...validity.next(tag).content);
  const parts = (tag === 0x17 ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text);
  if (!parts) no();
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
  const full = tag === 0x18 ? year : year < 50 ? 2000 + year : 1900 + year;
  const millis = Date.UTC(full, month - 1, day, hour, minute, second);
  if (new Date(millis).toISOString().slice(0, 19).replace(/[-:T]/g, '') !== `${String(full).padStart(4, '0')}${text.slice(-11, -1)}`) no();
  return BigInt(millis) * 1000n;
}

/** One extension: its identifier, whether it is critical, its value. */
function extension(all) {
  const one = all.inside(SEQUENCE);
  const id = hex(one.next(0x06).content);
  const critical = one.is(0x01) && hex(one.next(0x01).content) === 'ff';
  const value = hex(one.next(0x04).content);
  one.end();
  return { id, critical, value };
}

/** V-005, V-006: the enrolment key that `authority` certified by this certificate, and whether its time is simulated. */
function enrolmentKey(der, authority, now) {
  if (der.length > LONGEST_CERTIFICATE) no();
  const file = new Der(der);
  const all = file.inside(SEQUENCE);
  file.end();
  const signed = all.next(SEQUENCE);
  if (!equal(all.next(SEQUENCE).whole, ED25519)) no();
  const signature = all.next(0x03).content;
  all.end();
  if (signature.length !== 65 || signature[0] !== 0 || !verifies(authority, signed.whole, signature.subarray(1))) no();

  const content = new Der(signed.content);
  if (hex(content.next(0xa0).content) !== '020102') no();
  content.next(0x02);
  if (!equal(content.next(SEQUENCE).whole, ED25519)) no();
  const simulated = NAMES.get(commonName(content.inside(SEQUENCE)));
  if (simulated === undefined) no();
  const validity = content.inside(SEQUENCE);
  const [first, last] = [instant(validity), instant(validity)];
  validity.end();
  if (commonName(content.inside(SEQUENCE)) !== 'pregao enrolment') no();
  const info = content.inside(SEQUENCE);
  if (!equal(info.next(SEQUENCE).whole, ED25519)) no();
  const bits = info.next(0x03).content;
  info.end();
  const outer = content.inside(0xa3);
  const extensions = outer.inside(SEQUENCE);
  outer.end();
  content.end();
  const [identifier, usage, purpose] = [extension(extensions), extension(extensions), extension(extensions)];
  extensions.end();
  const fits =
    identifier.id === '551d23' &&
    !identifier.critical &&
    usage.id === '551d0f' &&
    usage.critical &&
    usage.value === '03020780' &&
    purpose.id === '551d25' &&
    purpose.critical &&
    purpose.value === `30160614${ARC}04`;
  const key = bits.subarray(1);
  if (!fits || now < first || now > last || bits.length !== 33 || bits[0] !== 0 || !isTorsionFree(key)) no();
  return { key, simulated };
}

/** Whether it is the one encoding of an RSA key of 3,072 bits with exponent 65,537. */
export const isRsaKey = (spki) => {
  const text = hex(spki);
  const isModulus = spki.length === 422 && (spki[33] & 0x80) !== 0 && (spki[416] & 1) === 1;
  return isModulus && text.startsWith(RSA_HEAD) && text.endsWith(RSA_TAIL);
};

const STATEMENT = object({
  authority: name32,
  key: bytes(() => true),
  from: time,
  until: time,
  spend_until: time,
  test: optional(yes),
});

/** V-134: what the enrolment key states of an issuer of that CA. */
function readStatement(text, enrolment, authority) {
  if (text.length > LONGEST_STATEMENT) no();
  const parts = jws.split(text);
  const stated = readExact(parts.payload, STATEMENT);
  const isSigned = jws.isBy(parts, 'pregao-issuer-v1', fingerprint(enrolment), enrolment);
  const isPeriod = stated.from < stated.until && stated.until <= stated.spend_until;
  if (!isSigned || stated.authority !== fingerprint(authority) || !isPeriod || !isRsaKey(stated.key)) no();
  return stated;
}

/** V-220: whose tokens buy the personas of a listing with that stamp, or null where it asks for no citizens. */
export function issuerOf(terms, listed) {
  if (terms.citizens === undefined) return null;
  try {
    const [authority, ...others] = terms.authorities;
    const der = fromBase64url(terms.citizens.certificate);
    if (others.length > 0 || !der) no();
    const { key, simulated } = enrolmentKey(der, authority, listed);
    const { from, until, spend_until, test, key: spki } = readStatement(terms.citizens.statement, key, authority);
    const plays = terms.simulated === true;
    if (simulated !== plays || (test && !plays) || from > listed || lastEnd(terms) > spend_until) no();
    return { issuer: base64url(sha256(spki)), from, until, spend_until, test };
  } catch {
    return no();
  }
}
