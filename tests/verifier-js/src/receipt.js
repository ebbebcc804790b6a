// Receipts (V-025, V-061): what shows without the log that an action is in it.

import { readAction } from './action.js';
import { covers, headerHash, readHeader } from './batch.js';
import { refuseUnless, under } from './broken.js';
import { equal, fromBase64url, utf8 } from './bytes.js';
import { readEntry } from './entry.js';
import { parse } from './json.js';
import { requireAuthor } from './ledger.js';
import { isIncluded, leafHash } from './merkle.js';
import { readHead } from './note.js';
import { Opening } from './opening.js';

const LONGEST = 65_536;
const MEMBERS = ['opening', 'header', 'entry', 'path', 'head'];

/**
 * The members of a receipt, or null if the text is none: five texts, each once and without white space, in any order,
 * and a path of whole hashes.
 */
export function receiptMembers(text) {
  const members = parse(text);
  if (typeof members !== 'object' || members === null || Array.isArray(members)) return null;
  const path = typeof members.path === 'string' ? fromBase64url(members.path) : null;
  const holds =
    utf8(text).length <= LONGEST &&
    Object.keys(members).length === MEMBERS.length &&
    MEMBERS.every((name) => typeof members[name] === 'string') &&
    path !== null &&
    path.length % 32 === 0 &&
    JSON.stringify(members) === text;
  return holds ? { ...members, path } : null;
}

/** Judges a receipt by its members. Gives `{opening, entry, action, header, head}`, or refuses by `Broken`. */
export function readReceipt(members) {
  const first = under('V-061', () => readAction(members.opening));
  refuseUnless(first.opens, 'V-061');
  const opening = new Opening(members.opening, first);
  const head = readHead(members.head, opening.log, opening.body.broker.head, opening.witnesses);

  const line = utf8(members.entry);
  const entry = readEntry(line);
  refuseUnless(equal(headerHash(members.header), entry.stamp.header), 'V-023');
  refuseUnless(isIncluded(leafHash(line), entry.seq, head.size, members.path, head.root), 'V-025');
  refuseUnless(entry.seq > 0 || entry.action === members.opening, 'V-025');

  const action = under('V-010', () => readAction(entry.action));
  const header = readHeader(members.header, opening.stamps);
  refuseUnless(covers(header, entry.stamp, action.digest), 'V-022');
  judge(entry.seq, action, header, opening);
  return { opening, entry, action, header, head };
}

// V-061: the rules that need no other entry.
function judge(seq, action, header, opening) {
  const { Fold, room, body } = opening;
  refuseUnless(action.opens === (seq === 0), 'verb.phase');
  refuseUnless(action.opens || action.room === room, 'room.other');
  requireAuthor(action, body.broker.entry);
  refuseUnless(action.seen.size <= seq, 'seen.false');
  if (seq === 0) new Fold(action, header);
  else Fold.judgeAlone(body, action, header);
}
