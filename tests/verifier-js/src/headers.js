// The batch headers that a log's entries name, TSA by TSA: no two of them contradict each other (V-034).

import { equal } from './bytes.js';

/** The headers met so far of each TSA, by rising number. None is forgotten. */
export class Headers {
  #byTsa = new Map();

  /** Whether `header` (with its `hash`) fits all that were met, which it then joins. */
  join(header) {
    const known = this.#byTsa.get(header.tsa) ?? [];
    const at = firstFrom(known, header.batch);
    const after = known[at];
    if (after?.batch === header.batch) return equal(after.hash, header.hash);
    // What is met fits together already, so whatever fits its two neighbours fits all.
    const before = known[at - 1];
    if ((before && !follows(before, header)) || (after && !follows(header, after))) return false;
    known.splice(at, 0, header);
    this.#byTsa.set(header.tsa, known);
    return true;
  }
}

// Where the first header of at least this number is, or would be.
function firstFrom(known, batch) {
  let [low, high] = [0, known.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (known[middle].batch < batch) low = middle + 1;
    else high = middle;
  }
  return low;
}

function follows(smaller, larger) {
  if (smaller.time > larger.time || smaller.time > larger.prev_time) return false;
  return smaller.batch + 1 !== larger.batch || (equal(larger.prev, smaller.hash) && larger.prev_time === smaller.time);
}
