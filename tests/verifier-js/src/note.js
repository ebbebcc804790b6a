// Heads: C2SP signed notes with a checkpoint of three lines (V-024), and the cosignatures under them (V-141).

import { sha256 } from '@noble/hashes/sha2.js';
import { base64, concat, equal, fromBase64, isWellFormed, utf8 } from './bytes.js';
import { refuseUnless } from './broken.js';
import { verifies } from './ed25519.js';

const LONGEST = 4_096;
const MOST_SIGNATURES = 16;
const ED25519 = 1;
const COSIGNATURE = 4;
const MARK = '\u2014 ';

const keyId = (name, algorithm, key) => sha256(concat(utf8(name), Uint8Array.of(0x0a, algorithm), key)).subarray(0, 4);

/** The origin line of a room's log. */
export const origin = (broker, room) => `pregao/${broker}/${room}`;

/** The three lines that the head of a log of this size and root has. */
export const headText = (log, size, root) => `${log}\n${size}\n${base64(root)}\n`;

/** What a cosignature is over. */
export const cosigned = (time, text) => utf8(`cosignature/v1\ntime ${time}\n${text}`);

function signatureLine(line) {
  refuseUnless(line.startsWith(MARK), 'V-024');
  const [name, encoded, ...more] = line.slice(MARK.length).split(' ');
  refuseUnless(more.length === 0 && encoded !== undefined && name !== '' && !/[\p{White_Space}+]/u.test(name), 'V-024');
  const bytes = fromBase64(encoded);
  refuseUnless(bytes !== null && bytes.length > 4, 'V-024');
  return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** V-024 but for the signature: `{origin, size, root, text, lines}`, the lines those of signatures. */
function readNote(note) {
  refuseUnless(isWellFormed(note) && utf8(note).length <= LONGEST, 'V-024');
  // Of control characters a signed note has line breaks only.
  refuseUnless(!/[\u0000-\u0009\u000b-\u001f]/.test(note), 'V-024');
  const end = note.indexOf('\n\n');
  refuseUnless(end >= 0 && note.endsWith('\n'), 'V-024');
  const text = note.slice(0, end + 1);
  const head = text.split('\n');
  refuseUnless(head.length === 4 && head[0] !== '' && /^(0|[1-9][0-9]{0,15})$/.test(head[1]), 'V-024');
  const size = Number(head[1]);
  const root = fromBase64(head[2]);
  refuseUnless(Number.isSafeInteger(size) && root !== null && root.length === 32, 'V-024');
  const lines = note.slice(end + 2, -1).split('\n');
  refuseUnless(lines.length <= MOST_SIGNATURES, 'V-024');
  return { origin: head[0], size, root, text, lines: lines.map(signatureLine) };
}

// V-141: the witnesses whose cosignatures are there. Lines of anybody else are not judged.
function cosigners(text, lines, witnesses) {
  const found = [];
  for (const { name, id, signature } of lines) {
    const witness = witnesses.find((named) => named.name === name && equal(keyId(name, COSIGNATURE, named.key), id));
    if (!witness) continue;
    refuseUnless(!found.includes(witness) && signature.length === 72, 'V-141');
    const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    refuseUnless(time <= BigInt(Number.MAX_SAFE_INTEGER), 'V-141');
    refuseUnless(verifies(witness.key, cosigned(time, text), signature.subarray(8)), 'V-141');
    found.push(witness);
  }
  return found;
}

/** V-024 and V-141: a head of the log `log`, signed by `key`. Gives `{size, root, cosigners}`. */
export function readHead(note, log, key, witnesses) {
  const { origin: name, size, root, text, lines } = readNote(note);
  refuseUnless(name === log, 'V-024');
  const [own, ...others] = lines;
  refuseUnless(own.name === log && equal(own.id, keyId(log, ED25519, key)), 'V-024');
  refuseUnless(verifies(key, utf8(text), own.signature), 'V-024');
  refuseUnless(others.every((line) => line.name !== log), 'V-024');
  return { size, root, cosigners: cosigners(text, others, witnesses) };
}
