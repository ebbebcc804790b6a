// Batch headers and stamps (SPEC section 6).

import { sha256 } from '@noble/hashes/sha2.js';
import { concat, utf8 } from './bytes.js';
import { refuseUnless, under } from './broken.js';
import { bytesOf, integer, name32, object, readExact, time } from './json.js';
import * as jws from './jws.js';
import { isIncluded, leafHash } from './merkle.js';

const LONGEST = 1_024;
const MOST_DIGESTS = 65_536;
const LABEL = utf8('pregao/batch/v1');
const CONTENT = object({
  tsa: name32,
  batch: integer(),
  time,
  size: integer(),
  root: bytesOf(32),
  prev: bytesOf(32),
  prev_time: time,
});

/** The hash by which `prev` and stamps name a header. */
export const headerHash = (header) => sha256(concat(LABEL, utf8(header)));

/** V-020 and V-021: a header by one of the keys that count, `accepted` by fingerprint. Form, author and bounds, in this order. */
export function readHeader(text, accepted) {
  const { parts, header } = under('V-021', () => {
    refuseUnless(text.length <= LONGEST, 'V-021');
    const split = jws.split(text);
    return { parts: split, header: readExact(split.payload, CONTENT) };
  });
  const key = accepted.get(header.tsa);
  refuseUnless(key !== undefined && jws.isBy(parts, 'pregao-batch-v1', header.tsa, key), 'V-020');
  refuseUnless(areInBounds(header), 'V-021');
  return header;
}

function areInBounds({ batch, time: stamped, size, prev, prev_time: previous }) {
  const isFirst = batch === 1;
  return (
    batch >= 1 &&
    size <= MOST_DIGESTS &&
    previous <= stamped &&
    (!isFirst || (previous === stamped && prev.every((byte) => byte === 0)))
  );
}

/** V-022: the digest is in the batch, at the place that the stamp says. */
export const covers = (header, stamp, digest) =>
  isIncluded(leafHash(digest), stamp.index, header.size, stamp.path, header.root);
