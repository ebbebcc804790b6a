// The envelope of a sealed bid (V-165) or a hidden reserve (V-211): how one is made, and what is in it once its keys are out.

import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal, fromHex32, u64, utf8 } from './bytes.js';
import { decrypted, open, seal } from './hpke.js';
import { secretOf, shareAt } from './shamir.js';

/** What something sealed is, in all that is derived: neither opens as the other. */
export const BID = utf8('pregao/sealed-bid/v1');
export const RESERVE = utf8('pregao/sealed-reserve/v1');
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
const parameters = ({ context, label = BID }, secret, x) => ({ info: label, aad: context, ikm: derive(secret, SEED, one(x)) });

/** What a bid, or a reserve, is bound to: its room, by name, and the key of its action. */
export const contextOf = (room, key, label = BID) => sha256(concat(label, fromHex32(room), key));

/** Whether the parts of a bid have their sizes, with a share for each of `count` TSAs. */
export const isWellFormed = ({ broker, shares, amount }, count) =>
  broker.length === SEALED && shares.length === count && shares.every((share) => share.length === SEALED) && amount.length === AMOUNT;

/** Share `x` of the first half, any `needed` of which give it back. */
export function shareOf(half, needed, x) {
  const more = Array.from({ length: needed - 1 }, (_, i) => derive(half, COEFFICIENT, one(i + 1)));
  return shareAt([half, ...more], x);
}

const sealedShares = (half, about) =>
  about.locks.map((key, i) => seal(key, parameters(about, half, i + 1), shareOf(half, about.needed, i + 1)));

/** Seals `amount`, 8 bytes, to `broker` and to the keys `locks`; `halves` are K1 and K2, and `label` says what it is. */
export function sealBid(amount, halves, about) {
  const both = concat(...halves);
  const { context, broker } = about;
  return {
    broker: seal(broker, parameters(about, both, 0), halves[1]),
    shares: sealedShares(halves[0], about),
    commitment: derive(both, COMMITMENT, context),
    amount: chacha20poly1305(derive(both, KEY, context), NONCE, context).encrypt(amount),
  };
}

/**
 * Opens a well-formed bid, sealed to `broker` and `locks`, with the broker's secret and those of as many TSAs as are needed, `secrets`:
 * `{tsa, secret}`, counted from 0. They are of these keys.
 * Gives `{amount}` or `{cause}`, the first for which there is none.
 */
export function openBid(bid, { context, label = BID, broker, locks, needed, key, secrets }) {
  const about = { info: label, aad: context };
  const second = open(key, about, bid.broker, broker);
  if (second === null) return { cause: 'broker' };
  const shares = secrets.map(({ tsa, secret }) => ({ x: tsa + 1, bytes: open(secret, about, bid.shares[tsa], locks[tsa]) }));
  if (shares.some(({ bytes }) => bytes === null)) return { cause: 'share' };
  const first = secretOf(shares);
  const both = concat(first, second);
  if (!equal(derive(both, COMMITMENT, context), bid.commitment)) return { cause: 'commitment' };
  const anew = sealedShares(first, { context, label, locks, needed });
  if (!anew.every((share, i) => equal(share, bid.shares[i]))) return { cause: 'shares' };
  const amount = amountIn(bid, both, context);
  return amount === null ? { cause: 'amount' } : { amount };
}

/** What was sealed, by the halves of its key (V-213); null if sealing it anew does not give the same bytes. */
export function unseal(sealed, halves, about) {
  const amount = amountIn(sealed, concat(...halves), about.context);
  if (amount === null) return null;
  const anew = sealBid(amountBytes(amount), halves, about);
  const isSame =
    anew.shares.length === sealed.shares.length &&
    anew.shares.every((share, i) => equal(share, sealed.shares[i])) &&
    ['broker', 'commitment', 'amount'].every((part) => equal(anew[part], sealed[part]));
  return isSame ? amount : null;
}

function amountIn(sealed, both, context) {
  const plain = decrypted(derive(both, KEY, context), NONCE, context, sealed.amount);
  const amount = plain && new DataView(plain.buffer, plain.byteOffset).getBigUint64(0);
  return amount === null || amount === 0n || amount > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(amount);
}

/** An amount as it is sealed. */
export const amountBytes = u64;
