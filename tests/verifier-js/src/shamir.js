// Shares of a secret, byte by byte over GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (V-165).

// Powers of the generator x + 1, twice over so that sums of logarithms need no reduction, and logarithms to it.
const POWERS = new Uint8Array(510);
const LOGS = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  POWERS[power] = value;
  POWERS[power + 255] = value;
  LOGS[value] = power;
  value ^= value << 1;
  if (value > 255) value ^= 0x11b;
}

export const multiply = (a, b) => (a === 0 || b === 0 ? 0 : POWERS[LOGS[a] + LOGS[b]]);
/** `b` is not zero. */
export const divide = (a, b) => (a === 0 ? 0 : POWERS[LOGS[a] + 255 - LOGS[b]]);

/** The values at `x` of the polynomials whose coefficients at the power j are the bytes of `coefficients[j]`. */
export const shareAt = (coefficients, x) =>
  coefficients[0].map((_, at) => coefficients.reduceRight((value, bytes) => multiply(value, x) ^ bytes[at], 0));

/** The values at 0 of the polynomials through these shares, `{x, bytes}`: different places, none of them 0. */
export function secretOf(shares) {
  const weights = shares.map(({ x }) =>
    shares.reduce((product, other) => (other.x === x ? product : multiply(product, divide(other.x, other.x ^ x))), 1),
  );
  return shares[0].bytes.map((_, at) => shares.reduce((sum, { bytes }, i) => sum ^ multiply(weights[i], bytes[at]), 0));
}
