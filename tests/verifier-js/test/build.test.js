// What is checked in under dist/ is what the sources make, and the page keeps its own policy.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as bundle from '../dist/verifier.js';
import { make } from '../build.js';
import { verify } from '../src/verifier.js';
import { House, sold } from './house.js';
import { openedWith, SealedHouse } from './sealedhouse.js';

const dist = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url), 'utf8');
const page = dist('page.html');
function between(open, close) {
  const start = page.indexOf(open) + open.length;
  return page.slice(start, page.indexOf(close, start));
}
const sha256 = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

test('the_files_in_dist_are_what_the_sources_make', async () => {
  for (const [name, text] of Object.entries(await make())) assert.equal(text === dist(name), true, `npm run build: ${name} has changed`);
});

test('the_bundle_gives_the_same_verdicts_as_its_sources', () => {
  const room = sold(new House());
  const sealed = openedWith(new SealedHouse(), [1500, 1]);
  for (const file of [room.file(), sealed.file(), room.file({ by: [] }), room.file({ size: 3 }), new Uint8Array()]) {
    assert.equal(bundle.verdictLine(bundle.verify(file)), JSON.stringify(verify(file)));
  }
});

test('the_policy_of_the_page_names_its_script_and_its_style_and_nothing_else', () => {
  const policy = between('Content-Security-Policy" content="', '"');
  const script = between('<script>', '</script>');
  const style = between('<style>', '</style>');
  assert.equal(
    policy,
    `default-src 'none'; script-src ${sha256(script)}; style-src ${sha256(style)}; img-src data:; base-uri 'none'; form-action 'none'`,
  );
});

test('the_page_has_one_place_for_a_transcript_and_no_address_of_anything', () => {
  assert.equal(page.split('{{TRANSCRIPT}}').length, 2);
  assert.equal(page.split('{{').length, 2);
  // Comments of the libraries name sites, and drawings have a name space. Nothing fetches them, and the policy would not let it.
  const hosts = page.match(/\b[a-z]+:\/\/[^\s"')/]+/g).map((address) => address.replace(/^.*\//, ''));
  assert.deepEqual([...new Set(hosts)].sort(), ['hyperelliptic.org', 'paulmillr.com', 'www.w3.org']);
  assert.doesNotMatch(page, /<[^>]+\s(src|style|on\w+)=/);
});

test('nothing_that_is_built_names_a_place_on_the_machine_that_built_it', () => {
  const here = fileURLToPath(new URL('..', import.meta.url));
  for (const text of [page, dist('verifier.js')]) assert.ok(!text.includes(here) && !text.includes('file://'));
});
