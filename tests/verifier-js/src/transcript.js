// A log as a file (V-029, V-060): an optional certificate, headers and entries, the head, a line each.

import { readAction } from './action.js';
import { covers, headerHash, readHeader } from './batch.js';
import { refuseUnless, under } from './broken.js';
import { equal, hex, utf8Text } from './bytes.js';
import { isOfKeys, readCertificate } from './certificate.js';
import { readEntry } from './entry.js';
import { object, parse, readExact, string } from './json.js';
import { readHead } from './note.js';
import { Opening } from './opening.js';

const LF = 0x0a;
const CERTIFICATE = '{"certificate":';
// What is read of a line to tell what it is: more than any line with a certificate or header has.
const LONGEST_LINE = 4_096;
// The one spelling of a line with a header. Whatever else a line is, it is an entry, well-formed or not.
const HEADER = /^\{"header":"([A-Za-z0-9._-]{0,1024})"\}$/;

/** Where the last line of a file begins, or -1 if it does not end with a line break. */
export const lastLine = (file) => (file.at(-1) === LF ? file.lastIndexOf(LF, file.length - 2) + 1 : -1);

/** Reads a transcript entry by entry; what was read so far stays here when a rule is broken. */
export class Transcript {
  opening = null;
  fold = null;
  head = null;
  /** How many entries hold. */
  size = 0;
  /** Whether what is being judged has a position. */
  atEntry = false;
  #certificate = null;
  #ledger = null;
  // Headers that an entry named, by hash, and the one that stands before the entry to come.
  #headers = new Map();
  #pending = null;

  /** `notice`, if given, hears of each entry that holds: its position, action and header. */
  constructor(file, notice = () => {}) {
    this.file = file;
    this.notice = notice;
  }

  get kind() {
    return this.opening?.kind ?? 'unknown';
  }

  get certified() {
    return this.#certificate !== null;
  }

  /** Judges the file; yields after each line how many bytes are read. Refuses by `Broken`. */
  *run() {
    const last = lastLine(this.file);
    let start = 0;
    while (start < last) {
      const end = this.file.indexOf(LF, start);
      this.#line(this.file.subarray(start, end), start === 0);
      start = end + 1;
      yield start;
    }
    this.atEntry = true;
    refuseUnless(this.#pending === null, 'V-029');
    this.atEntry = false;
    refuseUnless(this.size > 0, 'V-060');
    this.fold.complete();
    this.#judgeHead(utf8Text(this.file.subarray(last, -1)));
  }

  #line(line, isFirst) {
    const text = line.length <= LONGEST_LINE ? utf8Text(line) : '';
    if (isFirst && utf8Text(line.subarray(0, CERTIFICATE.length)) === CERTIFICATE) {
      const { certificate } = under('V-077', () => readExact(text, object({ certificate: string() })));
      this.#certificate = readCertificate(certificate);
      return;
    }
    this.atEntry = true;
    const header = HEADER.exec(text);
    if (header) this.#header(header[1]);
    else this.#entry(line);
    this.atEntry = false;
  }

  // V-029: a header stands once, and right before an entry.
  #header(text) {
    const hash = headerHash(text);
    const name = hex(hash);
    refuseUnless(this.#pending === null && !this.#headers.has(name), 'V-029');
    this.#pending = { text, hash, name };
  }

  #entry(line) {
    const { seq, action: text, stamp } = readEntry(line);
    refuseUnless(seq === this.size, 'V-026');
    const name = hex(stamp.header);
    this.#requireOnly(name);
    const action = under('V-010', () => readAction(text));
    if (seq === 0) this.#open(text, action);
    const header = this.#headerNamed(name);
    refuseUnless(covers(header, stamp, action.digest), 'V-022');
    if (seq === 0) {
      this.fold = new this.opening.Fold(action, header);
    } else {
      this.#ledger.judge(action, header);
      this.fold.apply(action, header, seq, this.#ledger);
    }
    this.#ledger.append(line, action, header);
    this.size += 1;
    this.notice(seq, action, header);
  }

  // V-023 and V-029: the header named is there, no other stands before the entry, and it is not one of long ago.
  #requireOnly(name) {
    const isPending = this.#pending?.name === name;
    refuseUnless(isPending || this.#headers.has(name), 'V-023');
    refuseUnless(isPending || this.#pending === null, 'V-029');
    refuseUnless(isPending || !this.#ledger.isPast(this.#headers.get(name)), 'stamp.stale');
  }

  // Keys that count are those that an opening names. An action that opens nothing names none, and then no header holds.
  #open(text, action) {
    if (!action.opens) return;
    this.opening = new Opening(text, action);
    this.#ledger = this.opening.ledger();
    if (this.#certificate === null || isOfKeys(this.#certificate, action.body.broker)) return;
    this.atEntry = false;
    refuseUnless(false, 'V-077');
  }

  #headerNamed(name) {
    if (this.#pending) {
      const header = readHeader(this.#pending.text, this.opening?.stamps ?? new Map());
      this.#headers.set(name, { ...header, hash: this.#pending.hash });
      this.#pending = null;
    }
    return this.#headers.get(name);
  }

  #judgeHead(line) {
    const { log, body, witnesses } = this.opening;
    const note = parse(line);
    refuseUnless(JSON.stringify(note) === line, 'V-024');
    this.head = readHead(note, log, body.broker.head, witnesses);
    refuseUnless(this.head.size === this.size && equal(this.head.root, this.#ledger.root(this.size)), 'V-060');
  }
}
