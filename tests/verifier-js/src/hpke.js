// HPKE (RFC 9180) with HKDF-SHA256 and ChaCha20-Poly1305 for one message: in base mode to DHKEM(X25519, HKDF-SHA256) (SPEC section 8), and
// in base and PSK mode to X-Wing (SPEC 8.1), of which the sender's side alone is here.

import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js';
import { concat, utf8 } from './bytes.js';

const X_WING = 0x647a;
const KEM = concat(utf8('KEM'), Uint8Array.of(0x00, 0x20));
const suite = (kem) => concat(utf8('HPKE'), Uint8Array.of(kem >> 8, kem & 255, 0x00, 0x01, 0x00, 0x03));
const SUITE = suite(0x0020);
const VERSION = utf8('HPKE-v1');
const EMPTY = new Uint8Array();
const KEY = 32;
const NONCE = 12;

const labeledExtract = (suite, salt, label, ikm) => extract(sha256, concat(VERSION, suite, utf8(label), ikm), salt);
const labeledExpand = (suite, prk, label, info, size) =>
  expand(sha256, prk, concat(Uint8Array.of(size >> 8, size & 255), VERSION, suite, utf8(label), info), size);

export const publicKey = (secret) => x25519.getPublicKey(secret);

/** The result of Diffie-Hellman, or null if it is all zeros: then the other's key decides it alone. */
function agreed(secret, key) {
  try {
    const result = x25519.getSharedSecret(secret, key);
    return result.some((byte) => byte !== 0) ? result : null;
  } catch {
    return null;
  }
}

/** DeriveKeyPair of RFC 9180, section 7.1.3: a secret from the keying material. */
export const deriveSecret = (ikm) => labeledExpand(KEM, labeledExtract(KEM, EMPTY, 'dkp_prk', ikm), 'sk', EMPTY, KEY);

// Key and nonce of the first and only message, from the result of Diffie-Hellman.
function schedule(dh, encapsulated, recipient, info) {
  const context = concat(encapsulated, recipient);
  return keysOf(SUITE, labeledExpand(KEM, labeledExtract(KEM, EMPTY, 'eae_prk', dh), 'shared_secret', context, KEY), info, null);
}

// KeySchedule of RFC 9180, section 5.1; `psk` is `{key, id}` or null.
function keysOf(suiteId, shared, info, psk) {
  const hashes = [labeledExtract(suiteId, EMPTY, 'psk_id_hash', psk?.id ?? EMPTY), labeledExtract(suiteId, EMPTY, 'info_hash', info)];
  const bound = concat(Uint8Array.of(psk ? 1 : 0), ...hashes);
  const secret = labeledExtract(suiteId, shared, 'secret', psk?.key ?? EMPTY);
  return {
    key: labeledExpand(suiteId, secret, 'key', bound, KEY),
    nonce: labeledExpand(suiteId, secret, 'base_nonce', bound, NONCE),
    exporter: labeledExpand(suiteId, secret, 'exp', bound, KEY),
  };
}

const X_WING_SUITE = suite(X_WING);

/**
 * What a sender has who encapsulates to an X-Wing key with these 64 bytes of randomness, or null if nothing can be sealed to it:
 * the encapsulation, what is exported for a context, and one message sealed.
 */
export function toXWing(recipient, { info, randomness, psk = null }) {
  let made;
  try {
    made = ml_kem768_x25519.encapsulate(recipient, randomness);
  } catch {
    return null;
  }
  const { key, nonce, exporter } = keysOf(X_WING_SUITE, made.sharedSecret, info, psk);
  return {
    encapsulated: made.cipherText,
    exported: (context) => labeledExpand(X_WING_SUITE, exporter, 'sec', context, KEY),
    seal: (aad, plaintext) => chacha20poly1305(key, nonce, aad).encrypt(plaintext),
  };
}

/** Encapsulated key ‖ ciphertext, the ephemeral key made from `ikm`; null for a key that nothing can be sealed to. */
export function seal(recipient, { info, aad, ikm }, plaintext) {
  const ephemeral = deriveSecret(ikm);
  const dh = agreed(ephemeral, recipient);
  if (dh === null) return null;
  const encapsulated = publicKey(ephemeral);
  const { key, nonce } = schedule(dh, encapsulated, recipient, info);
  return concat(encapsulated, chacha20poly1305(key, nonce, aad).encrypt(plaintext));
}

/** What was sealed to the key of this secret, or null. Who has that key already saves making it again. */
export function open(secret, { info, aad }, sealed, recipient = publicKey(secret)) {
  const encapsulated = sealed.slice(0, KEY);
  if (encapsulated.length !== KEY) return null;
  const dh = agreed(secret, encapsulated);
  if (dh === null) return null;
  const { key, nonce } = schedule(dh, encapsulated, recipient, info);
  return decrypted(key, nonce, aad, sealed.slice(KEY));
}

/** What is under ChaCha20-Poly1305 (RFC 8439), or null. */
export function decrypted(key, nonce, aad, ciphertext) {
  try {
    return chacha20poly1305(key, nonce, aad).decrypt(ciphertext);
  } catch {
    return null;
  }
}
