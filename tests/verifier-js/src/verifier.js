// Verifies transcripts, receipts, shown letters and certificates of Pregão (protocol/SPEC.md) and says what they show. No network, no clock, no Node.
//
// Whatever the bytes are, the answer is a verdict: `valid`, `incomplete`, `invalid` with the rule that is broken, or `unreadable`.

import { isUtf8, utf8Text } from './bytes.js';
import { Broken } from './broken.js';
import { certificateAlone, readCertificate } from './certificate.js';
import { parse } from './json.js';
import { readDeposit, readLetter, shownDeposit, shownLetter } from './letter.js';
import { readReceipt, receiptMembers } from './receipt.js';
import { invalid, ofCertificate, ofDeposit, ofLetter, ofReceipt, ofTranscript, unreadable } from './result.js';
import { lastLine, Transcript } from './transcript.js';

/** Longer files are not read. */
export const LONGEST_FILE = 256 * 1024 * 1024;
// A receipt is shorter, and a letter shown at most as long; what is longer than this is not tried as one.
const LONGEST_ALONE = 1024 * 1024;

/** The verdict on the bytes of a file. It throws nothing: what fails in a way that is no refusal is unreadable. */
export function verify(file) {
  try {
    return examine(file).result;
  } catch {
    return unreadable();
  }
}

/** The verdict as one line of JSON. */
export const verdictLine = (result) => JSON.stringify(result);

/**
 * The verdict and, for who shows more of it, what was read: `{result, entries, log?}`. `entries` are those that hold,
 * `{seq, action, header}`; `log` has the opening, the fold and the head, as far as they were read.
 */
export function examine(file) {
  const steps = examination(file);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** As `examine`, with a pause every so often: `pause` is told how much of the file is read, 0 to 1. */
export async function examineInSteps(file, pause, every = 50) {
  const steps = examination(file);
  for (let count = 1; ; count += 1) {
    const { done, value } = steps.next();
    if (done) return value;
    if (count % every === 0) await pause(value / file.length);
  }
}

function* examination(file) {
  const nothing = { result: unreadable(), entries: [] };
  if (file.length > LONGEST_FILE || !isUtf8(file)) return nothing;
  if (endsWithString(file)) return yield* transcript(file);
  if (file.length > LONGEST_ALONE) return nothing;
  const text = utf8Text(file).replace(/\n$/, '');
  const members = receiptMembers(text);
  if (members) return receipt(members);
  const shown = shownLetter(text);
  if (shown) return letter(shown);
  const alone = shownDeposit(text);
  if (alone) return deposit(alone);
  const compact = certificateAlone(text);
  return compact === null ? nothing : certificate(compact);
}

// Whether the last line is a string in JSON, as that of a transcript is.
function endsWithString(file) {
  const start = lastLine(file);
  return start >= 0 && file[start] === 0x22 && typeof parse(utf8Text(file.subarray(start, -1))) === 'string';
}

function* transcript(file) {
  const entries = [];
  const read = new Transcript(file, (seq, action, header) => entries.push({ seq, action, header }));
  try {
    yield* read.run();
    return { result: ofTranscript(read), entries, log: read };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid(read.kind, failure.rule, read.atEntry ? read.size : undefined), entries, log: read };
  }
}

function letter(shown) {
  try {
    const read = readLetter(shown);
    return { result: ofLetter(read), entries: [], log: read.letter };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid('letter', failure.rule), entries: [] };
  }
}

function deposit(shown) {
  try {
    const read = readDeposit(shown);
    return { result: ofDeposit(read), entries: [], log: read.letter };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid('deposit', failure.rule), entries: [] };
  }
}

function certificate(compact) {
  try {
    return { result: ofCertificate(readCertificate(compact)), entries: [] };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid('certificate', failure.rule), entries: [] };
  }
}

function receipt(members) {
  try {
    const read = readReceipt(members);
    return { result: ofReceipt(read), entries: [], log: read };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid('receipt', failure.rule), entries: [] };
  }
}
