// A house whose auctions have sealed bids, for tests only: its TSAs and its broker have secrets, and every envelope can be spoilt.

import { sha256 } from '@noble/hashes/sha2.js';
import { base64url, hex, utf8 } from '../src/bytes.js';
import { fingerprint } from '../src/ed25519.js';
import { publicKey } from '../src/hpke.js';
import { amountBytes, contextOf, sealBid } from '../src/sealed.js';
import { House, jws, Room, secondsAt } from './house.js';
import { Key, noise, sealKey } from './keys.js';

const b64 = base64url;
const json = JSON.stringify;

/** T of an auction that ends at 60 with a grace of 5. */
export const T = 71;

export const secretOf = (name) => sha256(utf8(`secret of ${name}`));

export class SealedHouse extends House {
  /** With `apart` the bids are locked by other TSAs than the one that stamps. */
  constructor({ tsas = 1, apart = false, ...options } = {}) {
    super(options);
    this.apart = apart;
    this.tsas = Array.from({ length: tsas }, (_, i) => (i === 0 && !apart ? this.stamp : new Key(`stamp ${i}`)));
  }

  /** Without `sealed` where that is null. */
  listing(change = {}) {
    const { sealed = {}, ...more } = change;
    const usual = super.listing();
    const tsas = this.tsas.map((tsa) => b64(tsa.public));
    const locks = this.apart ? { locks: tsas } : {};
    const terms = { increment: 1, stamps: this.apart ? usual.stamps : tsas, ...more };
    const { rule, bids_each, freshness, grace, reserve, ...rest } = { ...usual, ...terms };
    const after = ['disclose_within', 'seal', 'broker', 'stamps', 'threshold', 'authorities', 'witnesses', 'quorum', 'simulated'];
    const pick = (names) => Object.fromEntries(names.map((name) => [name, rest[name]]));
    const before = Object.keys(rest).filter((name) => !after.includes(name));
    return { ...pick(before), sealed: sealed ? { price: 'first', needed: 1, ...locks, ...sealed } : undefined, reserve, rule, bids_each, freshness, grace, ...pick(after) };
  }

  /** A statement of the TSA at this place (V-162). */
  lock(place, { change = {}, at = T, key = this.tsas[place], typ = 'pregao-timelock-v1', spell = json } = {}) {
    const content = { tsa: fingerprint(this.tsas[place].public), at: secondsAt(at), key: b64(publicKey(secretOf(`tsa ${place}`))), ...change };
    return jws(json({ alg: 'EdDSA', typ, kid: fingerprint(key.public) }), spell(content), key);
  }

  get locks() {
    return this.tsas.map((_, place) => this.lock(place));
  }

  /** An auction to whose bids nothing is sealed yet. */
  bare(change = {}, options = {}) {
    return new SealedRoom(this, 'list', this.listing(change), { key: new Key('seller'), ...options });
  }

  /** An auction that takes bids. */
  auction(change = {}, options = {}) {
    const room = this.bare(change, options);
    room.sealing();
    return room;
  }
}

export class SealedRoom extends Room {
  get terms() {
    return JSON.parse(new TextDecoder().decode(Buffer.from(this.opening.split('.')[1], 'base64url'))).body;
  }

  sealing(seconds = 1, { body = {}, ...options } = {}) {
    return this.broker('sealing', { key: b64(publicKey(secretOf('broker'))), locks: this.house.locks, ...body }, seconds, options);
  }

  /** The parts of an envelope. `seal` changes what it is sealed for, `spoil` the parts that come out. */
  envelope(amount, key, { seal = {}, spoil = (parts) => parts, bytes } = {}) {
    const halves = [noise(`K1 ${hex(key.public)}`), noise(`K2 ${hex(key.public)}`)];
    const parts = sealBid(bytes ?? amountBytes(amount), halves, {
      context: contextOf(this.name, key.public),
      broker: publicKey(secretOf('broker')),
      locks: this.house.tsas.map((_, place) => publicKey(secretOf(`tsa ${place}`))),
      needed: this.terms.sealed?.needed ?? 1,
      ...seal,
    });
    return spoil(parts, halves);
  }

  bid(amount, seconds, { body = {}, key, ...options } = {}) {
    this.peers += 1;
    const author = key ?? new Key(`bidder ${this.peers}`);
    const { broker, shares, commitment, amount: covered } = this.envelope(amount, author, options);
    const parts = { broker: b64(broker), shares: shares.map(b64), commitment: b64(commitment), amount: b64(covered), seal: b64(sealKey('bidder')) };
    return this.act('sealed-bid', { ...parts, ...body }, author, { seconds, ...options });
  }

  closed(seconds = 60.5, options = {}) {
    const seq = super.closed(seconds, options);
    this.closedAt = seq + 1;
    return seq;
  }

  /** What a quorum of witnesses says of the close. */
  word(seconds = 61, options = {}) {
    const size = options.size ?? this.closedAt;
    return this.statements(seconds, { size, root: this.tree.root(size), ...options });
  }

  /** `by` are the places of the TSAs whose secrets are there. */
  opened(seconds = T, { by = [0], cosigned = this.word(), body = {}, ...options } = {}) {
    const locks = by.map((tsa) => ({ tsa, secret: b64(secretOf(`tsa ${tsa}`)) }));
    return this.broker('opened', { key: b64(secretOf('broker')), locks, cosigned, ...body }, seconds, options);
  }

  /** Without a word where the bids are open, for `opened` has it. */
  settled(winner, price, seconds = T + 1, options = {}) {
    return super.settled(winner, price, seconds, { cosigned: undefined, ...options });
  }
}

/** An auction of sealed bids that is opened, with bids of these amounts at 5, 6, ... */
export function openedWith(house, amounts, { sealed, ...change } = {}, options = {}) {
  const room = house.auction({ sealed, ...change });
  amounts.forEach((amount, i) => room.bid(amount, 5 + i));
  room.closed();
  room.opened(T, options);
  return room;
}
