// The envelope of a sealed bid (V-165): how one is made, and what is in it once its keys are out.

import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal, fromHex32, u64, utf8 } from './bytes.js';
import { decrypted, open, seal } from './hpke.js';
import { secretOf, shareAt } from './shamir.js';

const LABEL = utf8('pregao/sealed-bid/v1');
const KEY = utf8('pregao/bid-key/v1');
const COMMITMENT = utf8('pregao/bid-commitment/v1');
const COEFFICIENT = utf8('pregao/bid-coefficient/v1');
const SEED = utf8('pregao/bid-seed/v1');
const NONCE = new Uint8Array(12);

// An encapsulated key, 32 bytes, and the tag of the cipher; an amount of 8 bytes and the tag.
const SEALED = 80;
const AMOUNT = 24;

const derive = (secret, ...info) => hkdf(sha256, secret, undefined, concat(...info), 32);
const one = (number) => Uint8Array.of(number);
// From the first half alone for its shares, which are made anew; from both for what is sealed to the broker.
const parameters = (context, secret, x) => ({ info: LABEL, aad: context, ikm: derive(secret, SEED, one(x)) });

/** What a bid is bound to: its room, by name, and the key of its action. */
export const contextOf = (room, key) => sha256(concat(LABEL, fromHex32(room), key));

/** Whether the parts of a bid have their sizes, with a share for each of `count` TSAs. */
export const isWellFormed = ({ broker, shares, amount }, count) =>
  broker.length === SEALED && shares.length === count && shares.every((share) => share.length === SEALED) && amount.length === AMOUNT;

/** Share `x` of the first half, any `needed` of which give it back. */
export function shareOf(half, needed, x) {
  const more = Array.from({ length: needed - 1 }, (_, i) => derive(half, COEFFICIENT, one(i + 1)));
  return shareAt([half, ...more], x);
}

const sealedShares = (half, { context, locks, needed }) =>
  locks.map((key, i) => seal(key, parameters(context, half, i + 1), shareOf(half, needed, i + 1)));

/** Seals `amount`, 8 bytes, to `broker` and to the keys `locks`; `halves` are K1 and K2. */
export function sealBid(amount, halves, { context, broker, locks, needed }) {
  const both = concat(...halves);
  return {
    broker: seal(broker, parameters(context, both, 0), halves[1]),
    shares: sealedShares(halves[0], { context, locks, needed }),
    commitment: derive(both, COMMITMENT, context),
    amount: chacha20poly1305(derive(both, KEY, context), NONCE, context).encrypt(amount),
  };
}

/**
 * Opens a well-formed bid, sealed to `broker` and `locks`, with the broker's secret and those of as many TSAs as are needed, `secrets`:
 * `{tsa, secret}`, counted from 0. They are of these keys.
 * Gives `{amount}` or `{cause}`, the first for which there is none.
 */
export function openBid(bid, { context, broker, locks, needed, key, secrets }) {
  const about = { info: LABEL, aad: context };
  const second = open(key, about, bid.broker, broker);
  if (second === null) return { cause: 'broker' };
  const shares = secrets.map(({ tsa, secret }) => ({ x: tsa + 1, bytes: open(secret, about, bid.shares[tsa], locks[tsa]) }));
  if (shares.some(({ bytes }) => bytes === null)) return { cause: 'share' };
  const first = secretOf(shares);
  const both = concat(first, second);
  if (!equal(derive(both, COMMITMENT, context), bid.commitment)) return { cause: 'commitment' };
  const anew = sealedShares(first, { context, locks, needed });
  if (!anew.every((share, i) => equal(share, bid.shares[i]))) return { cause: 'shares' };
  const plain = decrypted(derive(both, KEY, context), NONCE, context, bid.amount);
  const amount = plain && new DataView(plain.buffer, plain.byteOffset).getBigUint64(0);
  if (amount === null || amount === 0n || amount > BigInt(Number.MAX_SAFE_INTEGER)) return { cause: 'amount' };
  return { amount: Number(amount) };
}

/** An amount as it is sealed. */
export const amountBytes = u64;
