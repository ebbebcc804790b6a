// Paddles (SPEC 7.12): the names under which bidders let their bids be seen as one bidder's.

import { isRatio } from './ed25519.js';
import { refuseUnless } from './broken.js';

export class Paddles {
  // The keys of the bids under each name, by their positions.
  #bids = new Map();
  #names = new Map();

  /** V-200 and V-201: nobody holds it yet, or the bid is shown to be by who does. */
  require({ key, body: { paddle } }) {
    if (!paddle) return;
    const { name, earlier } = paddle;
    const held = this.#bids.get(name);
    if (!held || !earlier) return refuseUnless(!held && !earlier, 'bid.paddle');
    const first = held.get(earlier.seq);
    refuseUnless(first !== undefined && isRatio(first, earlier.ratio, key), 'bid.paddle');
  }

  /** Takes a bid in that is logged at this position. */
  take({ key, body: { paddle } }, seq) {
    if (!paddle) return;
    const held = this.#bids.get(paddle.name) ?? new Map();
    this.#bids.set(paddle.name, held.set(seq, key));
    this.#names.set(seq, paddle.name);
  }

  /** How many bids are under the paddle of this one. */
  count({ paddle }) {
    return this.#bids.get(paddle?.name)?.size ?? 0;
  }

  /** The name under which the bid at a position was made; undefined if under none. */
  nameOf = (seq) => this.#names.get(seq);
}
