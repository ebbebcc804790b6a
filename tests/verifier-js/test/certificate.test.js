// A broker's certificate as a file of its own (V-363).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../src/bytes.js';
import { fingerprint } from '../src/ed25519.js';
import { verify } from '../src/verifier.js';
import { House } from './house.js';
import { Key } from './keys.js';

const house = new House();
const file = (certificate) => JSON.stringify({ certificate });
const judged = (text) => verify(utf8(text));

test('v363_a_certificate_alone_says_whose_it_is', () => {
  const expected = { kind: 'certificate', verdict: 'valid', broker: fingerprint(house.session.public), certified: true };
  assert.deepEqual(judged(file(house.certificate())), expected);
  assert.deepEqual(judged(`${file(house.certificate())}\n`), expected);
  // Its members are written in this order.
  assert.deepEqual(Object.keys(judged(file(house.certificate()))), Object.keys(expected));
});

for (const [name, certificate] of [
  ['by_another_key', house.certificate({}, new Key('another'))],
  ['with_a_changed_signature', house.certificate().replace(/....$/, 'AAAA')],
  ['without_authorities', house.certificate({ authorities: [] })],
  ['of_one_letter', 'x'],
  ['of_nothing', ''],
]) {
  test(`v363_a_certificate_${name}_is_refused`, () => {
    assert.deepEqual(judged(file(certificate)), { kind: 'certificate', verdict: 'invalid', rule: 'V-077' });
  });
}

test('v363_another_spelling_or_more_than_one_line_is_no_certificate', () => {
  const good = file(house.certificate());
  for (const text of [` ${good}`, `${good} `, `${good}\n\n`, `${good}\n${good}\n`, good.replace('":', '": '), good.replace('}', ',"a":1}'), file('x'.repeat(4_096)), '{"certificate":1}']) {
    assert.deepEqual(judged(text), { kind: 'unknown', verdict: 'unreadable' }, text.slice(0, 40));
  }
});
