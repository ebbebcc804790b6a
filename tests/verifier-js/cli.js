// node cli.js FILE...          prints the verdict on each file, a line of JSON each
// node cli.js --batch FOLDER   the same for all files of a folder, sorted by name
//
// Exits 0 if every verdict is `valid` or `incomplete`, 1 if not, 2 if a file cannot be read.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LONGEST_FILE, verdictLine, verify } from './src/verifier.js';

function files(words) {
  if (words[0] !== '--batch') return words;
  const names = readdirSync(words[1], { withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name);
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map((name) => join(words[1], name));
}

// What is too long to be read has a verdict too, and is not read for it.
const bytes = (file) => (statSync(file).size > LONGEST_FILE ? { length: LONGEST_FILE + 1 } : readFileSync(file));

const words = process.argv.slice(2);
if (words.length === 0 || (words[0] === '--batch' && words.length !== 2)) {
  console.error('usage: node cli.js FILE... | --batch FOLDER');
  process.exit(2);
}

try {
  let broken = false;
  for (const file of files(words)) {
    const result = verify(bytes(file));
    broken ||= result.verdict === 'invalid' || result.verdict === 'unreadable';
    console.log(verdictLine(result));
  }
  process.exitCode = broken ? 1 : 0;
} catch (failure) {
  console.error(failure.message);
  process.exitCode = 2;
}
