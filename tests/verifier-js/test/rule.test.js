// SPEC 7.10: rules of sellers, by the file that the first verifier's rules were written to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readRule, VARIABLES } from '../src/rule.js';

const file = JSON.parse(readFileSync(new URL('../../../protocol/vectors/rules.json', import.meta.url), 'utf8'));

test('v170_to_v173_every_rule_of_the_file_is_one_or_none_and_answers_alike', () => {
  assert.deepEqual(file.variables, VARIABLES);
  let answers = 0;
  for (const { source, sealed, asked } of file.rules) {
    const rule = readRule(source, sealed);
    assert.equal(rule !== null, asked !== null, source);
    for (const [values, answer] of asked ?? []) {
      const state = Object.fromEntries(VARIABLES.map((name, i) => [name, values[i]]));
      assert.deepEqual(rule(state), answer, `${source} in ${JSON.stringify(values)}`);
      answers += 1;
    }
  }
  assert.ok(answers > 700, String(answers));
});

test('v170_what_is_no_unicode_text_is_no_rule', () => {
  assert.equal(readRule('true // \ud800', false), null);
});

test('v171_what_is_deep_or_long_is_refused_and_overflows_no_stack', () => {
  for (const source of ['('.repeat(2048), '-'.repeat(2048), 'if true {'.repeat(200), `${'('.repeat(33)}true${')'.repeat(33)}`]) {
    assert.equal(readRule(source, false), null);
  }
  assert.equal(readRule(`1${'+1'.repeat(1020)} > 1`, false)({}), true);
});
