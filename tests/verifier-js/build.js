// Makes dist/verifier.js (a module for whoever wants it) and dist/page.html (the page around a transcript), the same bytes every time.
//
// `{{TRANSCRIPT}}` in the page is for the transcript in standard base64. Everything else in the page is fixed, so its policy can name it by hash.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));
const read = (name) => readFileSync(`${folder}${name}`, 'utf8');

const NOTICE = `/*
 * Verifier of Pregão's transcripts, receipts and letters. Made by \`npm run build\` from tests/verifier-js; MIT OR Apache-2.0.
 * Contains @noble/ciphers, @noble/curves, @noble/hashes and @noble/post-quantum, MIT License, Copyright (c) 2022 Paul Miller (https://paulmillr.com).
 */`;

// Not minified: whoever is told to trust it may want to read it.
async function bundle(entry, format) {
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format,
    target: 'es2022',
    charset: 'ascii',
    legalComments: 'none',
    banner: { js: NOTICE },
    logLevel: 'warning',
  });
  return outputFiles[0].text;
}

/** A source of the policy: the hash of what stands between the tags. */
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Puts `parts` in the places of a template. Each place is there once. */
function fill(template, parts) {
  return Object.entries(parts).reduce((page, [name, text]) => {
    const pieces = page.split(`{{${name}}}`);
    if (pieces.length !== 2) throw new Error(`the page has ${pieces.length - 1} places for ${name}`);
    return pieces.join(text);
  }, template);
}

/** The texts of both files, by name. */
export async function make() {
  const verifier = await bundle('src/verifier.js', 'esm');
  const script = await bundle('page/page.js', 'iife');
  const style = read('page/page.css');
  if (/<\/script|<!--|\{\{/i.test(script) || /<\/style|<!--|\{\{/i.test(style)) throw new Error('script or style would not stay within its element');
  const page = fill(read('page/page.html'), { SCRIPT_HASH: hash(script), STYLE_HASH: hash(style), STYLE: style, SCRIPT: script });
  if (page.split('{{TRANSCRIPT}}').length !== 2) throw new Error('the page has not one place for the transcript');
  return { 'verifier.js': verifier, 'page.html': page };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(`${folder}dist`, { recursive: true });
  for (const [name, text] of Object.entries(await make())) writeFileSync(`${folder}dist/${name}`, text);
}
