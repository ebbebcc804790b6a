// What each verb says (V-014): the shapes of bodies, and who signs which verb (V-032).

import { isSealable } from './ed25519.js';
import { isPrekey } from './talk.js';
import { boolean, bytes, bytesOf, integer, list, name32, object, oneOf, optional, someOf, string, text, time, yes } from './json.js';

const amount = integer(1);
const small = integer(0, 0xffff_ffff);
const currency = string((value) => /^[A-Z]{3}$/.test(value));
const hash = bytesOf(32);
// Whether anything can be signed by a key is seen where something is (V-001).
export const key = bytesOf(32);
const seal = bytesOf(32, isSealable);

/** The broker's keys, as openings and certificates name them. */
export const BROKER_KEYS = object({ session: key, head: key, entry: key, delivery: seal });

/** V-266: how many bytes may lie beside a log in one piece, and in all. */
export const ONE_PIECE = [4_028, 16_316, 65_451];
const BLOB_SIZES = [...ONE_PIECE, ...Array.from({ length: 8 }, (_, power) => 65_451 * 2 ** (power + 1))];
const BLOB = object({ digest: hash, size: (value) => (BLOB_SIZES.includes(value) ? integer()(value) : integer(1, 0)(value)) });

/** Witnesses as listings and certificates name them; V-140 is judged where they are read. */
export const WITNESSES = list(object({ name: string(), key, operator: string() }));

export const KEYS = list(key);

/** V-140: names and operators in their letters, everything different that has to be, a quorum that can be reached. */
export function isQuorumOfWitnesses(witnesses, quorum) {
  const different = (items) => new Set(items).size;
  const operators = different(witnesses.map((witness) => witness.operator));
  return (
    witnesses.length <= 5 &&
    witnesses.every(({ name, operator }) => /^[A-Za-z0-9./_-]{1,48}$/.test(name) && /^[A-Za-z0-9./_-]{1,32}$/.test(operator)) &&
    different(witnesses.map((witness) => witness.name)) === witnesses.length &&
    different(witnesses.map((witness) => String(witness.key))) === witnesses.length &&
    (operators === 0 ? quorum === 0 : quorum * 2 > operators && quorum <= operators)
  );
}

const LIST = object({
  title: text(80),
  description: optional(text(1000)),
  currency,
  start: integer(),
  increment: amount,
  // Absent if there are none.
  steps: optional(someOf(object({ from: amount, increment: amount }))),
  max_raise: optional(amount),
  buy_now: optional(amount),
  begin: optional(time),
  end: time,
  soft: optional(object({ extend: integer(), hard_end: time })),
  sealed: optional(object({ price: oneOf('first', 'second'), needed: integer(), locks: optional(someOf(key)) })),
  dutch: optional(object({ floor: amount, fall: amount, every: integer() })),
  reserve: optional(integer()),
  // V-174 judges it.
  rule: optional(string()),
  bids_each: optional(integer()),
  // V-220 judges them.
  citizens: optional(object({ statement: string(), certificate: string() })),
  freshness: integer(),
  grace: integer(),
  disclose_within: integer(),
  seal,
  broker: BROKER_KEYS,
  stamps: KEYS,
  threshold: integer(),
  authorities: KEYS,
  witnesses: WITNESSES,
  quorum: integer(),
  simulated: optional(yes),
});

const PADDLE = object({
  name: string((name) => /^[a-z0-9-]{1,16}$/.test(name)),
  earlier: optional(object({ seq: integer(), ratio: bytesOf(32) })),
});

const REVEAL = object({
  nonce: hash,
  auction: name32,
  settled: integer(),
  root: hash,
  seller: key,
  winner: key,
  seller_seal: seal,
  winner_seal: seal,
  deadline: time,
  withdrawal: boolean,
  freshness: integer(),
  broker: BROKER_KEYS,
  stamps: KEYS,
  simulated: optional(yes),
});

const COSIGNED = object({ witness: key, time: integer(), signature: bytesOf(64) });

// Which sizes the parts of a bid have is judged where it is taken in (V-165), as the keys that `sealing` states are (V-164).
const any = bytes(() => true);
const SEALED_BID = object({ broker: any, shares: list(any), commitment: hash, amount: any, seal, paddle: optional(PADDLE) });
const OPENED = object({ key: bytesOf(32), locks: list(object({ tsa: integer(), secret: bytesOf(32) })), cosigned: list(COSIGNED) });

const BOX = object({
  handle: optional(text(32)),
  about: optional(text(200)),
  agreement: seal,
  letters: small,
  bytes: integer(),
  freshness: small,
  // V-274 judges whether anything can be sealed to it.
  broker: object({ session: key, head: key, entry: key, delivery: key }),
  stamps: KEYS,
  simulated: optional(yes),
});
const DEPOSIT = object({
  envelope: BLOB,
  attachments: optional(someOf(BLOB)),
  signed: hash,
  once: optional(object({ stock: hash, index: small })),
  expires: optional(time),
  registered: optional(object({ half: bytesOf(80), commitment: hash })),
});
const ONE_LETTER = object({ letter: integer() });
const PASSES = object({
  freshness: small,
  broker: object({ session: key, head: key, entry: key, delivery: key }),
  stamps: KEYS,
  witnesses: WITNESSES,
  quorum: small,
  simulated: boolean,
});


const PREKEY = bytesOf(1_216, isPrekey);
const ONCE = list(PREKEY);
// V-249: X25519 leaves the highest bit out, and a key has one spelling.
const agreement = bytesOf(32, (value) => value[31] < 0x80 && isSealable(value));

/** What the two of a reveal room write to each other by. */
export const TALK = ['talk', 'talk-keys', 'sealed-say'];

/**
 * Verb by verb: its body, whether the broker signs it, whether it opens a room; in a box, whether its owner signs it or
 * somebody who only leaves something there.
 */
export const VERBS = new Map(
  Object.entries({
    list: { body: LIST, opens: true },
    bid: { body: object({ amount, currency, seal, paddle: optional(PADDLE) }) },
    sealing: { body: object({ key: bytesOf(32), locks: list(string()) }), broker: true },
    'sealed-bid': { body: SEALED_BID },
    reserve: { body: object({ ratio: bytesOf(32), broker: any, shares: list(any), commitment: hash, amount: any }) },
    opened: { body: OPENED, broker: true },
    say: { body: object({ text: text(500) }) },
    unlist: { body: object({ ratio: bytesOf(32), successor: optional(name32) }) },
    unseal: { body: object({ ratio: bytesOf(32), first: bytesOf(32), second: bytesOf(32) }) },
    closed: { body: object({ refused: integer(), root: hash }), broker: true },
    settled: { body: object({ winner: optional(integer()), price: optional(amount), cosigned: optional(someOf(COSIGNED)) }), broker: true },
    revealed: { body: object({ outcome: hash }), broker: true },
    abandoned: { body: object({ outcome: hash }), broker: true },
    forfeited: {
      body: object({ winner: integer(), others: list(object({ seq: integer(), ratio: bytesOf(32) })), outcome: hash }),
      broker: true,
    },
    withdrawn: { body: object({ side: oneOf('seller', 'winner'), outcome: hash }), broker: true },
    reveal: { body: REVEAL, broker: true, opens: true },
    disclose: { body: object({ sealed: bytes((sealed) => sealed.length <= 8400) }) },
    withdraw: { body: object({}) },
    absent: { body: object({ seller: boolean, winner: boolean }), broker: true },
    talk: { body: object({ agreement, signed: PREKEY, once: ONCE, pair: optional(key) }) },
    'talk-keys': { body: object({ once: ONCE }) },
    'sealed-say': { body: object({ once: hash, sealed: bytesOf(4_028) }) },
    box: { body: BOX, opens: true, signer: 'owner' },
    keys: { body: object({ signed: hash, stock: optional(object({ root: hash, count: small })), blob: BLOB }), signer: 'owner' },
    deposit: { body: DEPOSIT, signer: 'guest' },
    taken: { body: object({ letters: list(integer()), told: optional(yes) }), signer: 'owner' },
    accepted: { body: ONE_LETTER, signer: 'owner' },
    handed: { body: object({ letter: integer(), half: bytesOf(32) }), broker: true },
    declined: { body: ONE_LETTER, signer: 'owner' },
    lapsed: { body: ONE_LETTER, broker: true },
    'box-closed': { body: object({}), signer: 'owner' },
    passes: { body: PASSES, broker: true, opens: true },
    'pass-key': { body: object({ day: small, key: any }), broker: true },
  }),
);
