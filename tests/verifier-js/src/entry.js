// Entries (SPEC 7.1): an action at its position, with the stamp it was handed in with.

import { refuseUnless, under } from './broken.js';
import { utf8Text } from './bytes.js';
import { bytes, bytesOf, integer, object, readExact, string } from './json.js';

const LONGEST = 17_408;
const ENTRY = object({
  seq: integer(0, Number.MAX_SAFE_INTEGER - 1),
  action: string(),
  stamp: object({
    header: bytesOf(32),
    index: integer(),
    path: bytes((path) => path.length % 32 === 0),
  }),
});

/** V-026, but for the position. */
export const readEntry = (line) =>
  under('V-026', () => {
    refuseUnless(line.length <= LONGEST, 'V-026');
    const text = utf8Text(line);
    refuseUnless(text !== null, 'V-026');
    return readExact(text, ENTRY);
  });
