// Whatever the bytes are, there is a verdict, and no changed byte goes unnoticed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../src/bytes.js';
import { examine, examineInSteps, LONGEST_FILE, verify } from '../src/verifier.js';
import { House, sold } from './house.js';
import { openedWith, SealedHouse } from './sealedhouse.js';

const house = new House();
const room = sold(house);
const file = room.file({ certificate: house.certificate() });
const receipt = utf8(JSON.stringify(room.receipt(2, { head: room.note({ by: [] }) })));
const good = JSON.stringify(verify(file));
// Where the witnesses' lines begin: whose line one is nobody signs, so a changed name makes it a stranger's, which is not judged.
const LINES_OF_WITNESSES = file.length - Buffer.from(file).toString('latin1').split(String.raw`\n`).slice(5).join('  ').length;

// A small generator with a seed, so that what fails can be repeated.
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const VERDICTS = new Set(['invalid', 'unreadable']);
const RULE = /^(V-\d{3}|[a-z]+\.[a-z-]+)$/;

function noticed(bytes, what) {
  // Not by `verify`, which would make a mistake of the verifier itself unreadable.
  const { result } = examine(bytes);
  assert.ok(VERDICTS.has(result.verdict), `${what}: ${JSON.stringify(result)}`);
  if (result.verdict === 'invalid') assert.match(result.rule, RULE, what);
}

test('a_changed_byte_anywhere_is_noticed', () => {
  const any = random(1);
  for (let at = 0; at < LINES_OF_WITNESSES; at += 1 + any(150)) {
    const changed = file.slice();
    changed[at] ^= 1 << any(8);
    noticed(changed, `byte ${at}`);
  }
});

test('a_changed_byte_in_a_witness_line_changes_at_most_who_counts', () => {
  const any = random(5);
  const { cosigned: _, final: __, verdict: ___, ...rest } = verify(file);
  for (let at = LINES_OF_WITNESSES; at < file.length; at += 1 + any(10)) {
    const changed = file.slice();
    changed[at] ^= 1 << any(8);
    const { cosigned, final, verdict, ...others } = verify(changed);
    if (VERDICTS.has(verdict)) continue;
    assert.deepEqual(others, rest);
    assert.ok(cosigned.length <= 2);
  }
});

test('a_changed_byte_anywhere_in_a_receipt_is_noticed', () => {
  const any = random(2);
  for (let at = 0; at < receipt.length; at += 1 + any(30)) {
    const changed = receipt.slice();
    changed[at] = (changed[at] + 1 + any(255)) & 255;
    noticed(changed, `byte ${at}`);
  }
});

test('a_changed_byte_anywhere_in_a_log_of_sealed_bids_is_noticed', () => {
  const any = random(6);
  const sealed = openedWith(new SealedHouse({ tsas: 3 }), [1500, 2000], { sealed: { needed: 2 } }, { by: [0, 2] });
  sealed.settled(3, 2000);
  const bytes = sealed.file({ by: [] });
  for (let at = 0; at < bytes.length; at += 1 + any(150)) {
    const changed = bytes.slice();
    changed[at] ^= 1 << any(8);
    noticed(changed, `byte ${at}`);
  }
});

test('a_file_cut_anywhere_is_noticed', () => {
  const any = random(3);
  for (let at = 0; at < file.length; at += 1 + any(200)) {
    noticed(file.subarray(0, at), `cut at ${at}`);
    noticed(file.subarray(file.length - at), `begun ${at} before its end`);
  }
});

test('pieces_moved_doubled_and_left_out_are_noticed', () => {
  const any = random(4);
  for (let round = 0; round < 100; round += 1) {
    const [a, b, c] = [any(file.length), any(file.length), any(400)];
    const piece = file.slice(a, a + c);
    const rest = [...file.subarray(0, a), ...file.subarray(a + c)];
    const moved = Uint8Array.from([...rest.slice(0, b), ...piece, ...rest.slice(b)]);
    if (Buffer.compare(moved, file) !== 0) noticed(moved, `round ${round}`);
  }
});

test('lines_of_all_sorts_of_json_are_noticed', () => {
  const values = ['null', '1', '"a"', '[]', '{}', '{"seq":0}', '{"header":{}}', '{"certificate":[]}', '{"seq":0,"action":"..","stamp":{}}', '{"__proto__":1}'];
  const end = `${JSON.stringify(room.note())}\n`;
  for (const value of values) {
    noticed(utf8(`${value}\n${end}`), value);
    noticed(utf8(`${room.lines.join('\n')}\n${value}\n${end}`), value);
    noticed(utf8(`{"opening":${value}}`), value);
  }
});

test('a_file_that_is_too_long_is_not_read', () => {
  assert.equal(verify({ length: LONGEST_FILE + 1 }).verdict, 'unreadable');
});

test('what_is_no_file_at_all_is_unreadable', () => {
  for (const nothing of [undefined, null, 'text', 7, {}]) assert.equal(verify(nothing).verdict, 'unreadable');
});

test('a_long_line_of_nothing_is_refused_soon', () => {
  const bytes = new Uint8Array(64 * 1024 * 1024).fill(0x61);
  bytes.set(utf8('{"header":"'));
  bytes.set(utf8('\n"head"\n'), bytes.length - 8);
  const begun = process.hrtime.bigint();
  assert.deepEqual(verify(bytes), { kind: 'unknown', verdict: 'invalid', rule: 'V-026', entry: 0 });
  assert.ok(process.hrtime.bigint() - begun < 5_000_000_000n);
});

test('reading_in_steps_gives_the_same_verdict_and_tells_how_far_it_is', async () => {
  const told = [];
  const { result, entries } = await examineInSteps(file, (share) => told.push(share), 2);
  assert.equal(JSON.stringify(result), good);
  assert.equal(entries.length, 8);
  assert.ok(told.length > 3 && told.every((share, i) => share <= 1 && (i === 0 || share > told[i - 1])));
});

test('members_stand_in_their_fixed_order', () => {
  assert.deepEqual(Object.keys(verify(file)), [
    'kind', 'verdict', 'room', 'broker', 'certified', 'simulated', 'stamps', 'authorities', 'witnesses', 'quorum', 'size', 'root',
    'cosigned', 'final', 'auction',
  ]);
  assert.deepEqual(Object.keys(verify(file).auction), [
    'title', 'currency', 'start', 'increment', 'seller', 'listed', 'end', 'phase', 'closed', 'winner', 'price', 'bids', 'forfeits',
  ]);
  assert.deepEqual(Object.keys(verify(receipt)).slice(0, 5), ['kind', 'verdict', 'room', 'broker', 'simulated']);
});

test('what_holds_until_it_breaks_is_shown_to_who_asks', () => {
  const broken = sold(house);
  broken.outcome('revealed', 120);
  const { result, entries } = examine(broken.file());
  assert.equal(result.rule, 'verb.phase');
  assert.equal(entries.length, 8);
});
