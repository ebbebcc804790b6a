// What tests say of a file.

import assert from 'node:assert/strict';
import { examine } from '../src/verifier.js';
import { utf8 } from '../src/bytes.js';

const bytes = (file) => (typeof file === 'string' ? utf8(file) : file);

/** The result on a log or receipt that is not refused. */
export function holds(file, verdict = 'valid') {
  const { result } = examine(bytes(file));
  assert.equal(result.verdict, verdict, JSON.stringify(result));
  return result;
}

/** The rule that refuses a file, and the position, if any. */
export function refused(file, rule, entry) {
  const { result } = examine(bytes(file));
  assert.deepEqual([result.verdict, result.rule, result.entry], ['invalid', rule, entry]);
}

export function unreadable(file) {
  assert.deepEqual(examine(bytes(file)).result, { kind: 'unknown', verdict: 'unreadable' });
}
