// What is within a registered letter, read with the half that the broker handed over (SPEC 8.5, V-338 and V-339).

import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal, fromHex32, utf8, utf8Text } from './bytes.js';
import { Broken } from './broken.js';
import { WITHIN } from './content.js';
import { decrypted } from './hpke.js';
import { readExact } from './json.js';

const KEY_LABEL = utf8('pregao/registered-key/v1');
const STEP = 256;
const PREFIX = 4;

/** V-339: whether the deposit of a registered letter is of this one. */
export const isOfDeposit = ({ commitment }, { registered }) => registered !== undefined && equal(registered.commitment, commitment);

/** What is within, `{text, attachments}`, or null if its sender sealed something else. */
export function openWithin({ from, half, sealed }, reader, other) {
  const info = concat(KEY_LABEL, fromHex32(from.box), fromHex32(reader));
  const key = expand(sha256, extract(sha256, concat(half, other)), info, 32);
  const padded = decrypted(key, new Uint8Array(12), undefined, sealed);
  const plain = padded === null ? null : unpadded(padded);
  const text = plain === null ? null : utf8Text(plain);
  if (text === null) return null;
  try {
    return readExact(text, WITHIN);
  } catch (failure) {
    if (failure instanceof Broken) return null;
    throw failure;
  }
}

// Behind its length, with zeros up to the smallest multiple that holds both.
function unpadded(padded) {
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  const end = PREFIX + length;
  const holds = end <= padded.length && Math.ceil(end / STEP) * STEP === padded.length && padded.subarray(end).every((byte) => byte === 0);
  return holds ? padded.subarray(PREFIX, end) : null;
}
