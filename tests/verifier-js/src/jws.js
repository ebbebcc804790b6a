// Compact JWS as SPEC 3.1 has it: three parts in canonical base64url, the header compared as bytes, the signature strict.

import { fromBase64url, utf8, utf8Text } from './bytes.js';
import { refuseUnless } from './broken.js';
import { verifies } from './ed25519.js';
import { parse } from './json.js';

/** Splits a JWS into its header (text), payload (text), what is signed and the signature. */
export function split(jws) {
  const parts = jws.split('.');
  refuseUnless(parts.length === 3, 'malformed');
  const [header, payload, signature] = parts.map(fromBase64url);
  refuseUnless(header && payload && signature, 'malformed');
  const texts = [utf8Text(header), utf8Text(payload)];
  refuseUnless(texts[0] !== null && texts[1] !== null, 'malformed');
  return { header: texts[0], payload: texts[1], signed: utf8(`${parts[0]}.${parts[1]}`), signature };
}

/** Whether a split JWS has the header of `typ` with this key's fingerprint, and this key signed it. */
export function isBy(parts, typ, fingerprint, key) {
  return (
    parts.header === `{"alg":"EdDSA","typ":"${typ}","kid":"${fingerprint}"}` && verifies(key, parts.signed, parts.signature)
  );
}

/** The key in an action's header, or null. */
export function ownKey(header, typ) {
  const x = parse(header)?.jwk?.x;
  const key = typeof x === 'string' ? fromBase64url(x) : null;
  const expected = `{"alg":"EdDSA","typ":"${typ}","jwk":{"kty":"OKP","crv":"Ed25519","x":"${x}"}}`;
  return key && key.length === 32 && header === expected ? key : null;
}
