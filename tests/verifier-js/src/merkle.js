// Merkle trees as in RFC 9162, section 2.1: of a log's entries (V-025, V-060) and of a TSA's batch (V-022).

import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal } from './bytes.js';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const EMPTY_ROOT = sha256(new Uint8Array());
export const leafHash = (bytes) => sha256(concat(LEAF, bytes));
const nodeHash = (left, right) => sha256(concat(NODE, left, right));

/** A tree that grows by leaves and knows the root it had at every size. */
export class Tree {
  #peaks = [];
  #roots = [EMPTY_ROOT];

  get size() {
    return this.#roots.length - 1;
  }

  /** The root at a size that the tree had. */
  root(size = this.size) {
    return this.#roots[size];
  }

  append(bytes) {
    let hash = leafHash(bytes);
    // As many full trees end here as the old size has ones at its end.
    for (let size = this.size; size % 2 === 1; size = (size - 1) / 2) hash = nodeHash(this.#peaks.pop(), hash);
    this.#peaks.push(hash);
    this.#roots.push(this.#peaks.reduceRight((right, left) => nodeHash(left, right)));
  }
}

/** Whether `path` leads from the hash of leaf `index` to `root` in a tree of `size` leaves, with no hash to spare. */
export function isIncluded(hash, index, size, path, root) {
  if (index >= size || path.length % 32 !== 0) return false;
  let node = index;
  let last = size - 1;
  let at = 0;
  let result = hash;
  while (last > 0) {
    // Beside a node at the right edge with nothing to its right there is no hash.
    if (node % 2 === 1 || node < last) {
      if (at === path.length) return false;
      const beside = path.subarray(at, at + 32);
      at += 32;
      result = node % 2 === 1 ? nodeHash(beside, result) : nodeHash(result, beside);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return at === path.length && equal(result, root);
}
