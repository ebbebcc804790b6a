// RFC 9162 trees: roots at every size, and paths with every part exchanged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal, hex, utf8 } from '../src/bytes.js';
import { EMPTY_ROOT, isIncluded, leafHash, Tree } from '../src/merkle.js';

const leaf = (i) => utf8(`leaf ${i}`);
const node = (left, right) => sha256(concat(Uint8Array.of(1), left, right));

// Root and path by the recursive definition.
const half = (count) => 2 ** Math.floor(Math.log2(count - 1));
const root = (hashes) =>
  hashes.length === 1 ? hashes[0] : node(root(hashes.slice(0, half(hashes.length))), root(hashes.slice(half(hashes.length))));
function path(hashes, index) {
  if (hashes.length === 1) return new Uint8Array();
  const split = half(hashes.length);
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)];
  return index < split ? concat(path(left, index), root(right)) : concat(path(right, index - split), root(left));
}

const SIZES = 40;
const tree = new Tree();
const hashes = [];
for (let i = 0; i < SIZES; i += 1) {
  tree.append(leaf(i));
  hashes.push(leafHash(leaf(i)));
}

test('the_empty_tree_has_the_hash_of_nothing', () => {
  assert.equal(hex(EMPTY_ROOT), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('a_tree_knows_its_root_at_every_size', () => {
  assert.ok(equal(tree.root(0), EMPTY_ROOT));
  for (let size = 1; size <= SIZES; size += 1) assert.ok(equal(tree.root(size), root(hashes.slice(0, size))), `size ${size}`);
  assert.equal(tree.root(SIZES + 1), undefined);
});

test('every_leaf_of_every_tree_is_included_and_nothing_else_is', () => {
  for (let size = 1; size <= 20; size += 1) {
    const part = hashes.slice(0, size);
    const top = tree.root(size);
    for (let index = 0; index < size; index += 1) {
      const way = path(part, index);
      assert.ok(isIncluded(part[index], index, size, way, top));
      assert.ok(!isIncluded(part[index], index + size, size, way, top));
      assert.ok(!isIncluded(hashes[size], index, size, way, top));
      assert.ok(!isIncluded(part[index], index, size, concat(way, new Uint8Array(32)), top), 'a hash to spare');
      assert.ok(!isIncluded(part[index], index, size, way.subarray(0, -1), top) || way.length === 0);
      if (way.length > 0) assert.ok(!isIncluded(part[index], index, size, way.subarray(32), top), 'a hash too few');
      for (let other = 0; other < size; other += 1) {
        if (other !== index) assert.ok(!isIncluded(part[index], other, size, way, top));
      }
    }
  }
});

test('nothing_is_included_in_an_empty_tree', () => {
  assert.ok(!isIncluded(hashes[0], 0, 0, new Uint8Array(), EMPTY_ROOT));
});
