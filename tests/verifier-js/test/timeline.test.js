// What the log of a box says of a letter after it (SPEC 8.3), by the files in protocol/vectors; that each rule is broken by a file in which
// everything else holds, is compared with the other verifier by .ci/test.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { base64url, equal, fromBase64url, utf8 } from '../src/bytes.js';
import { openWithin } from '../src/registered.js';
import { readContent } from '../src/content.js';
import { verify } from '../src/verifier.js';
import { holds, refused, unreadable } from './expect.js';

const [handed, declined, lapsed, alone] = readFileSync(new URL('../../../protocol/vectors/timelines.jsonl', import.meta.url), 'utf8').trimEnd().split('\n');

/** The file after something was done to its letter, or deposit. */
function changed(file, change) {
  const whole = JSON.parse(file);
  change(Object.values(whole)[0]);
  return JSON.stringify(whole);
}

const timeline = (file, change) => changed(file, (shown) => change(shown.timeline, shown));

/** The same bytes in base64url but for one. */
function flipped(text, at) {
  const bytes = fromBase64url(text);
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  return base64url(bytes);
}

const told = ({ entries }) => entries.map(({ entry, what, by }) => `${entry} ${what} ${by}`);

test('v340_what_happened_is_told_in_its_order', () => {
  const { letter } = holds(`${handed}\n`);
  assert.deepEqual(told(letter.timeline), ['3 accepted owner', '4 handed broker', '5 taken owner']);
  assert.equal(letter.lapses, '2026-12-07T12:00:03.000000Z');
  assert.equal(letter.timeline.entries[0].time, '2026-11-22T12:00:04.000000Z');
  assert.deepEqual(told(holds(declined).letter.timeline), ['3 declined owner']);
  const { timeline: over } = holds(lapsed).letter;
  assert.deepEqual(told(over), ['3 lapsed broker']);
  assert.equal(over.entries[0].time, holds(lapsed).letter.lapses);
});

test('v338_what_is_within_is_read_once_it_was_handed_over', () => {
  const { content } = holds(handed).letter;
  assert.deepEqual(content.within, { text: 'It runs.\nCome and hear it.' });
  assert.equal(content.fault, undefined);
  assert.equal(holds(changed(handed, (letter) => { delete letter.timeline; })).letter.content.within, undefined);
  assert.equal(holds(declined).letter.content.within, undefined);
  const inside = readContent(JSON.parse(handed).letter.shown.sender.content);
  const entry = JSON.parse(JSON.parse(handed).letter.timeline.entries[1].entry);
  const { body } = JSON.parse(Buffer.from(entry.action.split('.')[1], 'base64url'));
  const [half, reader] = [fromBase64url(body.half), holds(handed).room];
  assert.equal(openWithin(inside, reader, half).text, content.within.text);
  assert.equal(openWithin(inside, reader, half.map((byte) => byte ^ 1)), null);
  assert.equal(openWithin(inside, inside.from.box, half), null);
  for (const at of [0, 100, inside.sealed.length - 1]) {
    const sealed = inside.sealed.slice();
    sealed[at] ^= 1;
    assert.equal(openWithin({ ...inside, sealed }, reader, half), null);
  }
});

test('v340_entries_are_behind_the_deposit_in_the_same_log', () => {
  for (const file of [handed, alone]) {
    refused(timeline(file, (told) => { told.entries = []; }), 'V-340');
    refused(timeline(file, (told) => { told.entries.push(told.entries.at(-1)); }), 'V-340');
    refused(timeline(file, (told, { deposit: { header, entry } }) => { told.entries.unshift({ header, entry, path: told.path }); }), 'V-340');
    refused(timeline(file, (told) => { told.path = ''; }), 'V-025');
    refused(timeline(file, (told) => { told.path = flipped(told.path, 0); }), 'V-025');
    refused(timeline(file, (told) => { told.entries[0].path = flipped(told.entries[0].path, 0); }), 'V-025');
    refused(timeline(file, (told) => { told.entries[0].header = told.entries[1].header; }), 'V-023');
    refused(timeline(file, (told) => { told.entries[0].entry = ''; }), 'V-026');
    refused(timeline(file, (told) => { told.head = ''; }), 'V-024');
    refused(timeline(file, (told) => { told.head = JSON.parse(declined).letter.timeline.head; }), 'V-025');
  }
});

test('v343_the_owner_had_seen_the_deposit', () => {
  for (const change of [
    (first) => { delete first.seen; },
    (first) => { first.seen = ''; },
    (first) => { first.seen = flipped(first.seen, 0); },
    (first) => { first.seen += base64url(new Uint8Array(96)); },
    (first, second) => { second.seen = first.seen; },
  ]) refused(timeline(handed, ({ entries: [first, second] }) => change(first, second)), 'V-343');
});

test('v344_acceptance_and_half_stand_together', () => {
  refused(timeline(handed, ({ entries }) => { entries.length = 1; }), 'V-344');
  refused(timeline(handed, ({ entries }) => { entries.splice(0, 1); }), 'V-344');
  refused(timeline(handed, ({ entries }) => { entries.splice(1, 1); }), 'V-344');
  refused(timeline(handed, ({ entries }) => { entries.splice(0, 2); }), 'V-346');
  holds(timeline(handed, ({ entries }) => { entries.length = 2; }));
});

test('v349_of_a_deniable_letter_the_log_alone_is_shown', () => {
  const { kind, room, deposit } = holds(`${alone}\n`);
  assert.equal(kind, 'deposit');
  assert.equal(deposit.to.box, room);
  assert.deepEqual(told(deposit.timeline), ['3 accepted owner', '4 handed broker']);
  refused(timeline(alone, ({ entries }) => { entries.length = 1; }), 'V-344');
  refused(changed(alone, (shown) => { shown.deposit.path = ''; }), 'V-025');
  refused(changed(alone, (shown) => { shown.deposit.opening = ''; }), 'V-061');
  assert.deepEqual(verify(utf8(timeline(alone, (told) => { told.entries = []; }))), { kind: 'deposit', verdict: 'invalid', rule: 'V-340' });
});

test('v349_what_is_spelled_otherwise_is_unreadable', () => {
  for (let at = 0; at < alone.length; at += 211) unreadable(alone.slice(0, at));
  unreadable(` ${alone}`);
  unreadable(`${alone}\n\n`);
  unreadable(alone.replace('{"deposit":', '{"letter":'));
  unreadable(changed(alone, (shown) => { delete shown.timeline; }));
  unreadable(changed(alone, (shown) => { shown.more = 1; }));
  for (const file of [alone, handed]) {
    unreadable(timeline(file, (told) => { told.more = 1; }));
    unreadable(timeline(file, (told) => { told.path += 'AA'; }));
    unreadable(timeline(file, ({ entries: [first] }) => { first.seen = null; }));
    unreadable(timeline(file, ({ entries: [first] }) => { first.header += 'A'.repeat(65_536); }));
    unreadable(timeline(file, (told) => { told.head += 'A'.repeat(65_536); }));
  }
});

test('a_flipped_bit_gives_no_timeline_another_meaning', () => {
  for (const file of [alone, handed]) {
    const good = utf8(file);
    const meant = JSON.stringify(verify(good));
    for (let at = 0; at < good.length; at += 41) {
      const bytes = good.slice();
      bytes[at] ^= 1 << at % 7;
      const result = verify(bytes);
      assert.ok(result.verdict !== 'valid' || JSON.stringify(result) === meant, `byte ${at}`);
      assert.ok(!equal(bytes, good));
    }
  }
});
