// The page in a browser, where there is one: what it says, and that a hostile transcript stays text.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { House, sold } from './house.js';
import { SealedHouse, T } from './sealedhouse.js';

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

const vectors = (name) => readFileSync(new URL(`../../../protocol/vectors/${name}`, import.meta.url), 'utf8').trimEnd().split('\n');
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

test('sealed_bids_are_counted_until_they_are_opened_and_then_shown_with_what_the_winner_pays', () => {
  const evil = '<img src=x onerror=alert(1)>';
  const sealed = { price: 'second', needed: 2 };
  const rooms = new SealedHouse({ tsas: 3 });
  const room = rooms.auction({ sealed, title: evil });
  room.bid(150_000, 5);
  room.bid(200_000, 6);
  room.bid(1, 7);
  const open = shown('sealed', room.file());
  for (const words of ['not opened: 3 sealed bids', '3 sealed bids are in the log', 'any 2 of the 3 TSAs', '&lt;img src=x']) assert.ok(open.includes(words), words);
  assert.ok(!open.includes('1500.00') && !open.includes('Price over time'));
  room.closed();
  room.opened(T, { by: [0, 2] });
  room.settled(3, 150_000, T + 1);
  room.outcome('revealed', 100);
  const dom = shown('opened', room.file());
  for (const words of ['The winner pays 1500.00 EUR, the highest that loses', '2000.00 EUR', 'winning bid', 'did not win', 'Void bids', 'its amount is less than the least']) {
    assert.ok(dom.includes(words), words);
  }
  assert.doesNotMatch(dom, /<img/);
  const shut = rooms.auction({ sealed, title: evil });
  shut.bid(150_000, 5);
  shut.closed();
  shut.settled(undefined, undefined, T);
  assert.match(shown('void', shut.file()), /Void: no quorum of witnesses.*1 sealed bid is in the log/s);
});

test('receipts_and_reveal_rooms_are_shown_too', () => {
  assert.match(shown('receipt', JSON.stringify(sold(house).receipt(2))), /What the receipt shows/);
  assert.match(shown('reveal', house.reveal().file({ by: [] })), /Winner named in its entry/);
});

test('a_letter_is_shown_with_what_became_of_it', () => {
  const [handed, declined, lapsed, alone] = vectors('timelines.jsonl');
  const dom = shown('handed', handed);
  for (const words of ['It runs.', 'Accepted by the box’s owner', 'Handed over by the broker', 'Taken off by the box’s owner', '2026-11-22 12:00:05.000000', 'under one head of 6 entries']) {
    assert.ok(dom.includes(words), words);
  }
  assert.match(shown('declined', declined), /what it says is read once.*Declined by the box’s owner/s);
  assert.match(shown('lapsed', lapsed), /Lapsed: the box’s owner said nothing in time/);
  const log = shown('alone', alone);
  assert.match(log, /Who wrote it and what it says is not shown.*Accepted by the box’s owner/s);
  assert.ok(!log.includes('It runs.') && !log.includes('From the box'));
  const [, read] = vectors('letters-shown.jsonl');
  assert.match(shown('letter', read), /Read, by its reader’s word.*is not shown/s);
});
