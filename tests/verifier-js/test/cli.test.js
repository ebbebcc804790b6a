// The program: a line of JSON for each file, and an exit code.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, test } from 'node:test';
import { House, sold } from './house.js';

const CLI = fileURLToPath(new URL('../cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'verifier-'));
after(() => rmSync(folder, { recursive: true }));

const room = sold(new House());
writeFileSync(join(folder, 'b.log'), room.file());
writeFileSync(join(folder, 'a.log'), 'nothing');
writeFileSync(join(folder, 'B.receipt'), JSON.stringify(room.receipt(1)));
mkdirSync(join(folder, 'folder'));

function run(...words) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], { encoding: 'utf8' });
  return { status, verdicts: stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line).verdict), stderr };
}

test('a_file_that_holds_exits_0', () => {
  assert.deepEqual(run(join(folder, 'b.log')), { status: 0, verdicts: ['valid'], stderr: '' });
});

test('a_folder_is_read_by_name_and_one_bad_file_stops_nothing', () => {
  assert.deepEqual(run('--batch', folder), { status: 1, verdicts: ['valid', 'unreadable', 'valid'], stderr: '' });
});

test('what_is_not_there_exits_2', () => {
  const { status, stderr } = run(join(folder, 'none'));
  assert.equal(status, 2);
  assert.match(stderr, /none/);
  assert.equal(run().status, 2);
});
