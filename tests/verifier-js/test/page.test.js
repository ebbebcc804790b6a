// The page in a browser, where there is one: what it says, and that a hostile transcript stays text.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { House, sold } from './house.js';

const folder = mkdtempSync(join(tmpdir(), 'page-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const template = readFileSync(new URL('../dist/page.html', import.meta.url), 'utf8');
const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => spawnSync(name, ['--version']).status === 0);
assert.ok(chromium, 'there is no Chromium here: run .ci/setup tests');

/** What the page with this transcript in it becomes. */
function shown(name, file) {
  const path = join(folder, `${name}.html`);
  writeFileSync(path, template.replace('{{TRANSCRIPT}}', Buffer.from(file).toString('base64')));
  const options = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'profile')}`, '--virtual-time-budget=20000', '--enable-logging=stderr', '--dump-dom'];
  const { stdout, stderr } = spawnSync(chromium, [...options, `file://${path}`], { encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.doesNotMatch(stderr, /CONSOLE|Content Security Policy/);
  return stdout.slice(0, stdout.indexOf('<script'));
}

const house = new House();

test('a_log_that_holds_is_shown_with_its_price_its_bids_and_its_keys', () => {
  const dom = shown('valid', sold(house).file({ certificate: house.certificate() }));
  for (const words of ['It holds.', 'Sold: ', '14.00 EUR', 'Price over time', 'class="price"', 'Why it counted', 'winning bid', 'cosigned this head', 'is of exactly the keys']) {
    assert.ok(dom.includes(words), words);
  }
});

test('a_log_that_breaks_a_rule_is_shown_with_the_rule_and_without_a_price', () => {
  const room = sold(house);
  room.outcome('revealed', 120);
  const dom = shown('invalid', room.file());
  assert.match(dom, /It does not hold\..*at entry 8 \(verb\.phase\)/s);
  assert.ok(!dom.includes('14.00'));
});

test('a_page_without_a_transcript_says_that_there_is_none', () => {
  assert.match(shown('empty', ''), /This cannot be read\./);
});

test('hostile_words_stay_words', () => {
  const evil = '</script><img src=x onerror=alert(1)>\u05d0';
  const room = house.auction({ title: evil, description: `<style>*{display:none}</style>${evil}` });
  room.say(`<a href="javascript:alert(1)">${evil}</a>`, 5);
  const dom = shown('hostile', room.file());
  assert.ok(dom.includes('&lt;img src=x'));
  assert.doesNotMatch(dom, /<img|<a href="javascript/);
});

test('receipts_and_reveal_rooms_are_shown_too', () => {
  assert.match(shown('receipt', JSON.stringify(sold(house).receipt(2))), /What the receipt shows/);
  assert.match(shown('reveal', house.reveal().file({ by: [] })), /Winner named in its entry/);
});
