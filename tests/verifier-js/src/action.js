// Actions (SPEC section 5): what anybody does in a room, signed by the key in its own header.

import { sha256 } from '@noble/hashes/sha2.js';
import { VERBS } from './bodies.js';
import { concat, equal, hex, utf8 } from './bytes.js';
import { refuseUnless } from './broken.js';
import { verifies } from './ed25519.js';
import { bytesOf, integer, name32, object, readExact, string } from './json.js';
import * as jws from './jws.js';
import { EMPTY_ROOT } from './merkle.js';

const LONGEST = 16_384;
const ROOM_LABEL = utf8('pregao/room/v1');

const id = string((value) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value));

// V-013: an opening names no room and has seen nothing, everything else names its room and has seen something of it.
const SEEN_NOTHING = object({ size: integer(0, 0), root: bytesOf(32, (root) => equal(root, EMPTY_ROOT)) });
const SEEN = object({ size: integer(1), root: bytesOf(32) });

function payload(value) {
  const kind = VERBS.get(value?.verb);
  refuseUnless(kind !== undefined, 'malformed');
  return object({
    id,
    ...(kind.opens ? {} : { room: name32 }),
    verb: string(),
    body: kind.body,
    seen: kind.opens ? SEEN_NOTHING : SEEN,
  })(value);
}

/** V-010 to V-014. Gives `{id, room?, verb, body, seen, key, digest, opens, byBroker, signer}`. */
export function readAction(text) {
  refuseUnless(text.length <= LONGEST, 'malformed');
  const parts = jws.split(text);
  const key = jws.ownKey(parts.header, 'pregao-action-v1');
  refuseUnless(key !== null, 'malformed');
  const action = readExact(parts.payload, payload);
  refuseUnless(verifies(key, parts.signed, parts.signature), 'malformed');
  const { opens = false, broker: byBroker = false, signer = null } = VERBS.get(action.verb);
  return { ...action, key, digest: sha256(utf8(text)), opens, byBroker, signer };
}

/** The name of the room that an opening opens. */
export const roomName = (opening) => hex(sha256(concat(ROOM_LABEL, utf8(opening))));
