// What an opening fixes for its room: keys, terms, and the fold that judges what follows.

import { roomName } from './action.js';
import { Auction } from './auction.js';
import { Box } from './box.js';
import { fingerprint } from './ed25519.js';
import { Ledger } from './ledger.js';
import { origin } from './note.js';
import { Passes } from './passes.js';
import { Reveal } from './reveal.js';

const FOLDS = { list: Auction, reveal: Reveal, box: Box, passes: Passes };

export class Opening {
  /** `text` is the JWS that `action` was read from. */
  constructor(text, action) {
    const { body } = action;
    this.action = action;
    this.body = body;
    this.Fold = FOLDS[action.verb];
    this.kind = this.Fold.kind;
    this.room = roomName(text);
    this.broker = fingerprint(body.broker.session);
    this.log = origin(this.broker, this.room);
    /** Stamp keys by fingerprint. */
    this.stamps = new Map(body.stamps.map((key) => [fingerprint(key), key]));
    /** Private rooms name no witnesses. */
    this.witnesses = body.witnesses ?? [];
    this.quorum = body.quorum ?? 0;
  }

  ledger() {
    return new Ledger({
      room: this.room,
      log: this.log,
      entryKey: this.body.broker.entry,
      freshness: this.body.freshness,
      access: this.Fold.access,
      owner: this.action.key,
    });
  }
}
