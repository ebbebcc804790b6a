// The broker's certificate (SPEC 3.3), as a transcript carries it (V-077), or as a file of its own has it (V-363).

import { BROKER_KEYS, isQuorumOfWitnesses, key, KEYS, WITNESSES } from './bodies.js';
import { Broken, refuseUnless, under } from './broken.js';
import { utf8 } from './bytes.js';
import { fingerprint } from './ed25519.js';
import { boolean, integer, object, optional, readExact, someOf, string } from './json.js';
import * as jws from './jws.js';

const LONGEST = 3_200;
const LONGEST_LINE = 4_096;
const LINE = object({ certificate: string() });
const CONTENT = object({
  keys: BROKER_KEYS,
  authorities: KEYS,
  stamps: KEYS,
  witnesses: WITNESSES,
  quorum: integer(),
  simulated: boolean,
  // Absent if there are none.
  locks: optional(someOf(key)),
});

const few = (keys) => keys.length >= 1 && keys.length <= 8;

// V-230: at most eight further TSAs, each named once and none whose stamps count.
const offersEachOnce = ({ stamps, locks = [] }) =>
  locks.length <= 8 &&
  new Set(locks.map(String)).size === locks.length &&
  locks.every((one) => !stamps.some((stamp) => String(stamp) === String(one)));

/** V-015, V-016 and V-077: what the certificate says, if it is by the session key in it. */
export const readCertificate = (text) =>
  under('V-077', () => {
    refuseUnless(text.length <= LONGEST, 'V-077');
    const parts = jws.split(text);
    const content = readExact(parts.payload, CONTENT);
    refuseUnless(few(content.authorities) && few(content.stamps), 'V-077');
    refuseUnless(offersEachOnce(content), 'V-077');
    refuseUnless(isQuorumOfWitnesses(content.witnesses, content.quorum), 'V-077');
    const { session } = content.keys;
    refuseUnless(jws.isBy(parts, 'pregao-broker-v1', fingerprint(session), session), 'V-077');
    return content;
  });

/** V-363: the certificate in a line that has one, or null. */
export function certificateAlone(text) {
  if (utf8(text).length > LONGEST_LINE) return null;
  try {
    return readExact(text, LINE).certificate;
  } catch (failure) {
    if (failure instanceof Broken) return null;
    throw failure;
  }
}

const NAMES = ['session', 'head', 'entry', 'delivery'];

/** Whether a certificate is of exactly the keys in an opening. */
export const isOfKeys = (certificate, keys) => NAMES.every((name) => String(certificate.keys[name]) === String(keys[name]));
