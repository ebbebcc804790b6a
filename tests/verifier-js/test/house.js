// A broker, a TSA and witnesses that write transcripts as SPEC says, for tests only. Every step can be made to go wrong.

import { headerHash } from '../src/batch.js';
import { base64, base64url, concat, hex, u64, utf8 } from '../src/bytes.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { fingerprint } from '../src/ed25519.js';
import { EMPTY_ROOT, Tree, leafHash } from '../src/merkle.js';
import { cosigned, headText, origin } from '../src/note.js';
import { roomName } from '../src/action.js';
import { formatTime } from '../src/time.js';
import { Key, noise, sealKey } from './keys.js';

const START = BigInt(Date.UTC(2026, 10, 20, 13)) * 1000n;

/** Seconds after the start of the story, in microseconds since 1970. */
export const at = (seconds) => START + BigInt(Math.round(seconds * 1e6));
export const timeAt = (seconds) => formatTime(at(seconds));
export const secondsAt = (seconds) => Number(at(seconds) / 1_000_000n);

const json = (value) => JSON.stringify(value);
const b64 = base64url;

/** A JWS over these texts by this key. */
export function jws(header, payload, key) {
  const signed = `${b64(utf8(header))}.${b64(utf8(payload))}`;
  return `${signed}.${b64(key.sign(utf8(signed)))}`;
}

const kidHeader = (typ, key) => json({ alg: 'EdDSA', typ, kid: fingerprint(key.public) });

/** An action, signed. `payload` may be a text already. */
export const actionJws = (payload, key) =>
  jws(
    json({ alg: 'EdDSA', typ: 'pregao-action-v1', jwk: { kty: 'OKP', crv: 'Ed25519', x: b64(key.public) } }),
    typeof payload === 'string' ? payload : json(payload),
    key,
  );

let ids = 0;
export function uuid() {
  const digits = hex(sha256(utf8(`id ${(ids += 1)}`)));
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

// Root of a batch of four in which the digest has place 2, and its path.
function batchOf(digest) {
  const tree = new Tree();
  const node = (left, right) => sha256(concat(Uint8Array.of(1), left, right));
  const leaves = [noise('a'), noise('b'), digest, noise('d')];
  leaves.forEach((leaf) => tree.append(leaf));
  const hashes = leaves.map(leafHash);
  return { size: 4, index: 2, root: tree.root(), path: concat(hashes[3], node(hashes[0], hashes[1])) };
}

export class House {
  constructor({ witnesses = ['north', 'north', 'south'], quorum = 2 } = {}) {
    this.session = new Key('session');
    this.head = new Key('head');
    this.entry = new Key('entry');
    this.stamp = new Key('stamp');
    this.authority = new Key('authority');
    this.witnesses = witnesses.map((operator, i) => ({ name: `${operator}.example/${i}`, operator, key: new Key(`witness ${i}`) }));
    this.quorum = witnesses.length ? quorum : 0;
    this.times = [];
  }

  /** One witness of each operator, in the order of the listing, as many as must agree. */
  get quorumOfWitnesses() {
    const isFirst = ({ operator }, i) => this.witnesses.findIndex((other) => other.operator === operator) === i;
    return this.witnesses.filter(isFirst).slice(0, this.quorum);
  }

  get keys() {
    return {
      session: b64(this.session.public),
      head: b64(this.head.public),
      entry: b64(this.entry.public),
      delivery: b64(sealKey('delivery')),
    };
  }

  get namedWitnesses() {
    return this.witnesses.map(({ name, key, operator }) => ({ name, key: b64(key.public), operator }));
  }

  certificate(change = {}, key = this.session) {
    const content = {
      keys: this.keys,
      authorities: [b64(this.authority.public)],
      stamps: [b64(this.stamp.public)],
      witnesses: this.namedWitnesses,
      quorum: this.quorum,
      simulated: false,
      ...change,
    };
    return jws(kidHeader('pregao-broker-v1', key), json(content), key);
  }

  /** A batch header at a time. Numbers follow the times, and none has a neighbour unless `change` says so. */
  header(seconds, root, size, change = {}, key = this.stamp) {
    const same = this.times.filter((time) => time === seconds).length;
    this.times.push(seconds);
    const batch = Number(at(seconds) - at(-10_000)) * 1000 + 2 * same;
    const content = {
      tsa: fingerprint(key.public),
      batch,
      time: timeAt(seconds),
      size,
      root: b64(root),
      prev: b64(noise(`prev ${batch}`)),
      prev_time: timeAt(same > 0 ? seconds : seconds - 0.000001),
      ...change,
    };
    return jws(kidHeader('pregao-batch-v1', key), json(content), key);
  }

  listing(change = {}) {
    return {
      title: 'Old radio',
      description: undefined,
      currency: 'EUR',
      start: 1000,
      increment: 100,
      steps: undefined,
      max_raise: undefined,
      buy_now: undefined,
      begin: undefined,
      end: timeAt(60),
      soft: undefined,
      rule: undefined,
      bids_each: undefined,
      citizens: undefined,
      freshness: 10,
      grace: 5,
      disclose_within: 600,
      seal: b64(sealKey('seller')),
      broker: this.keys,
      stamps: [b64(this.stamp.public)],
      threshold: 1,
      authorities: [b64(this.authority.public)],
      witnesses: this.namedWitnesses,
      quorum: this.quorum,
      ...change,
    };
  }

  revealing(change = {}) {
    return {
      nonce: b64(noise('nonce')),
      auction: hex(noise('auction')),
      settled: 4,
      root: b64(noise('root')),
      seller: b64(new Key('seller').public),
      winner: b64(new Key('winner').public),
      seller_seal: b64(sealKey('seller')),
      winner_seal: b64(sealKey('winner')),
      deadline: timeAt(600),
      withdrawal: true,
      freshness: 10,
      broker: this.keys,
      stamps: [b64(this.stamp.public)],
      ...change,
    };
  }

  auction(change = {}, options = {}) {
    return new Room(this, 'list', this.listing(change), { key: new Key('seller'), ...options });
  }

  reveal(change = {}, options = {}) {
    return new Room(this, 'reveal', this.revealing(change), { key: this.entry, ...options });
  }
}

/** A room's log, being written. */
export class Room {
  lines = [];
  tree = new Tree();
  peers = 0;

  constructor(house, verb, body, options) {
    this.house = house;
    const action = actionJws({ id: uuid(), verb, body, seen: { size: 0, root: b64(EMPTY_ROOT) }, ...options.payload }, options.key);
    this.opening = action;
    this.name = roomName(action);
    this.log = origin(fingerprint(house.session.public), this.name);
    this.write(action, { seconds: 0, ...options });
  }

  get size() {
    return this.tree.size;
  }

  get lastHeader() {
    return this.headers.at(-1);
  }

  headers = [];

  /** Writes an action into the log with a stamp of its time. Options replace what is usual. */
  write(action, { seconds, header: change = {}, tsa, stamp = {}, entry = {}, reuse } = {}) {
    const batch = batchOf(sha256(utf8(action)));
    const header = reuse ?? this.house.header(seconds, batch.root, batch.size, change, tsa);
    const line = json({
      seq: this.size,
      action,
      stamp: { header: b64(headerHash(header)), index: batch.index, path: b64(batch.path), ...stamp },
      ...entry,
    });
    if (reuse === undefined) this.lines.push(json({ header }));
    this.headers.push(header);
    this.lines.push(line);
    this.tree.append(utf8(line));
    return this.size - 1;
  }

  act(verb, body, key, options) {
    const seen = options.seen ?? this.size;
    const payload = {
      id: options.id ?? uuid(),
      room: this.name,
      verb,
      body,
      seen: { size: seen, root: b64(this.tree.root(Math.min(seen, this.size))) },
      ...options.payload,
    };
    return this.write(actionJws(payload, key), options);
  }

  bid(amount, seconds, options = {}) {
    this.peers += 1;
    const key = options.key ?? new Key(`bidder ${this.peers}`);
    return this.act('bid', { amount, currency: 'EUR', seal: b64(sealKey('bidder')), ...options.body }, key, { seconds, ...options });
  }

  say(text, seconds, options = {}) {
    this.peers += 1;
    return this.act('say', { text }, options.key ?? new Key(`speaker ${this.peers}`), { seconds, ...options });
  }

  broker(verb, body, seconds, options = {}) {
    return this.act(verb, body, options.key ?? this.house.entry, { seconds, ...options });
  }

  closed(seconds = 60.5, options = {}) {
    return this.broker('closed', { refused: 0, root: b64(EMPTY_ROOT), ...options.body }, seconds, options);
  }

  /** What a quorum of witnesses states over the head of this size, as `settled` carries it. */
  statements(seconds, options = {}) {
    return this.house.quorumOfWitnesses.map((witness) => this.statement(seconds, { witness, ...options }));
  }

  /** A witness's statement over the head of this size. */
  statement(seconds, { witness = this.house.witnesses[0], size = this.size, root } = {}) {
    const time = secondsAt(seconds);
    const text = headText(this.log, size, root ?? this.tree.root(size));
    return { witness: b64(witness.key.public), time, signature: b64(witness.key.sign(cosigned(time, text))) };
  }

  settled(winner, price, seconds = 62, options = {}) {
    const statements = 'cosigned' in options ? options.cosigned : this.house.witnesses.length ? this.statements(61) : undefined;
    const body = { ...(winner === undefined ? {} : { winner, price }), ...(statements ? { cosigned: statements } : {}) };
    return this.broker('settled', body, seconds, options);
  }

  outcome(verb, seconds, body = {}, options = {}) {
    return this.broker(verb, { ...body, outcome: b64(noise('outcome')) }, seconds, options);
  }

  /** The head of the log with these witnesses' cosignatures. */
  note({ size = this.size, root = this.tree.root(), key = this.house.head, log = this.log, by = this.house.witnesses, more = [] } = {}) {
    const text = headText(log, size, root);
    const lines = [signatureLine(log, 1, key.public, key.sign(utf8(text)))];
    for (const witness of by) lines.push(cosignature(witness, text, secondsAt(700)));
    return `${text}\n${[...lines, ...more].map((line) => `${line}\n`).join('')}`;
  }

  /** The transcript. */
  file({ certificate, note, ...head } = {}) {
    const first = certificate === undefined ? [] : [json({ certificate })];
    return utf8([...first, ...this.lines, json(note ?? this.note(head))].map((line) => `${line}\n`).join(''));
  }

  /** A receipt of an entry of this log, as it is. */
  receipt(seq, change = {}) {
    const bytes = this.lines.filter((line) => !line.startsWith('{"header"')).map(utf8);
    return {
      opening: this.opening,
      header: this.headers[seq],
      entry: new TextDecoder().decode(bytes[seq]),
      path: b64(pathIn(bytes.map(leafHash), seq)),
      head: this.note(),
      ...change,
    };
  }
}

/** A line of a signed note. */
export function signatureLine(name, algorithm, key, signature) {
  const id = sha256(concat(utf8(name), Uint8Array.of(10, algorithm), key)).subarray(0, 4);
  return `\u2014 ${name} ${base64(concat(id, signature))}`;
}

export const cosignature = ({ name, key }, text, time) =>
  signatureLine(name, 4, key.public, concat(u64(time), key.sign(cosigned(time, text))));

// The inclusion path of a leaf, by the definition in RFC 9162, section 2.1.3.1.
function pathIn(hashes, index) {
  if (hashes.length === 1) return new Uint8Array();
  const split = 2 ** Math.floor(Math.log2(hashes.length - 1));
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)];
  return index < split ? concat(pathIn(left, index), rootOf(right)) : concat(pathIn(right, index - split), rootOf(left));
}

function rootOf(hashes) {
  if (hashes.length === 1) return hashes[0];
  const split = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return sha256(concat(Uint8Array.of(1), rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split))));
}

/** Auctions and reveal rooms that end in every way there is, for tests and for the page. */
export function sold(house = new House(), change = {}) {
  const room = house.auction(change);
  room.bid(1000, 5);
  room.bid(1250, 20);
  room.say('Does it play medium wave?', 22);
  const winner = room.bid(1400, 40);
  room.closed();
  room.settled(winner, 1400);
  room.outcome('revealed', 100);
  return room;
}
