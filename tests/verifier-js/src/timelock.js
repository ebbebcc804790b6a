// Statements of time-locks (V-162): a key whose secret a TSA gives to everybody at an instant, and not before.

import { refuseUnless } from './broken.js';
import { fingerprint, isSealable } from './ed25519.js';
import { bytesOf, integer, name32, object, optional, readExact, yes } from './json.js';
import * as jws from './jws.js';
import { lastSecond } from './time.js';

const LONGEST = 1_024;
const CONTENT = object({ tsa: name32, at: integer(0, lastSecond), key: bytesOf(32, isSealable), simulated: optional(yes) });

/** V-162: a statement by exactly this stamp key. Gives `{tsa, at, key, simulated?}`. */
export function readTimelock(text, stamp) {
  refuseUnless(text.length <= LONGEST, 'V-162');
  const parts = jws.split(text);
  const statement = readExact(parts.payload, CONTENT);
  const tsa = fingerprint(stamp);
  refuseUnless(statement.tsa === tsa && jws.isBy(parts, 'pregao-timelock-v1', tsa, stamp), 'V-162');
  return statement;
}
