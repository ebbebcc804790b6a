/*
 * Verifier of Pregão's transcripts, receipts and letters. Made by `npm run build` from tests/verifier-js; MIT OR Apache-2.0.
 * Contains @noble/ciphers, @noble/curves, @noble/hashes and @noble/post-quantum, MIT License, Copyright (c) 2022 Paul Miller (https://paulmillr.com).
 */

// src/bytes.js
var HEX = "0123456789abcdef";
var STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
var URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
var encoder = new TextEncoder();
var utf8 = (text2) => encoder.encode(text2);
function utf8Text(bytes2) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes2);
  } catch {
    return null;
  }
}
function isUtf8(bytes2) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const step = 1 << 20;
  try {
    for (let at = 0; at < bytes2.length; at += step) {
      decoder.decode(bytes2.subarray(at, at + step), { stream: true });
    }
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}
var isWellFormed = (text2) => !/\p{Surrogate}/u.test(text2);
function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
function equal(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
function hex(bytes2) {
  let text2 = "";
  for (const byte of bytes2) text2 += HEX[byte >> 4] + HEX[byte & 15];
  return text2;
}
function fromHex32(text2) {
  if (!/^[0-9a-f]{64}$/.test(text2)) return null;
  return Uint8Array.from({ length: 32 }, (_, i) => parseInt(text2.slice(2 * i, 2 * i + 2), 16));
}
function u64(number) {
  const bytes2 = new Uint8Array(8);
  new DataView(bytes2.buffer).setBigUint64(0, BigInt(number));
  return bytes2;
}
function encode(bytes2, alphabet) {
  let text2 = "";
  for (let i = 0; i < bytes2.length; i += 3) {
    const left2 = bytes2.length - i;
    const group = bytes2[i] << 16 | (left2 > 1 ? bytes2[i + 1] : 0) << 8 | (left2 > 2 ? bytes2[i + 2] : 0);
    text2 += alphabet[group >> 18] + alphabet[group >> 12 & 63];
    if (left2 > 1) text2 += alphabet[group >> 6 & 63];
    if (left2 > 2) text2 += alphabet[group & 63];
  }
  return text2;
}
var values = (alphabet) => {
  const table = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i += 1) table[alphabet.charCodeAt(i)] = i;
  return table;
};
var STANDARD_VALUES = values(STANDARD);
var URL_SAFE_VALUES = values(URL_SAFE);
function decode(text2, table) {
  if (text2.length % 4 === 1) return null;
  const bytes2 = new Uint8Array(Math.floor(text2.length * 3 / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text2.length; i += 1) {
    const code = text2.charCodeAt(i);
    const value = code < 128 ? table[code] : -1;
    if (value < 0) return null;
    held = held << 6 | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes2[at] = held >> bits;
      at += 1;
      held &= (1 << bits) - 1;
    }
  }
  return held === 0 ? bytes2 : null;
}
var base64url = (bytes2) => encode(bytes2, URL_SAFE);
var fromBase64url = (text2) => decode(text2, URL_SAFE_VALUES);
var base64 = (bytes2) => {
  const text2 = encode(bytes2, STANDARD);
  return text2 + "=".repeat((4 - text2.length % 4) % 4);
};
var fromBase64 = (text2) => {
  if (text2.length % 4 !== 0) return null;
  const bare = text2.replace(/={1,2}$/, "");
  return bare.length + (4 - bare.length % 4) % 4 === text2.length ? decode(bare, STANDARD_VALUES) : null;
};

// src/broken.js
var Broken = class extends Error {
  constructor(rule) {
    super(rule);
    this.rule = rule;
  }
};
function refuseUnless(holds, rule) {
  if (!holds) throw new Broken(rule);
}
function under(rule, read) {
  try {
    return read();
  } catch (failure) {
    if (failure instanceof Broken) throw new Broken(rule);
    throw failure;
  }
}

// node_modules/@noble/hashes/_u64.js
var U32_MASK64 = /* @__PURE__ */ (() => BigInt(2 ** 32 - 1))();
var _32n = /* @__PURE__ */ BigInt(32);
function fromBig(n, le = false) {
  if (le)
    return { h: Number(n & U32_MASK64), l: Number(n >> _32n & U32_MASK64) };
  return { h: Number(n >> _32n & U32_MASK64) | 0, l: Number(n & U32_MASK64) | 0 };
}
function split(lst, le = false) {
  const len = lst.length;
  let Ah = new Uint32Array(len);
  let Al = new Uint32Array(len);
  for (let i = 0; i < len; i++) {
    const { h, l } = fromBig(lst[i], le);
    [Ah[i], Al[i]] = [h, l];
  }
  return [Ah, Al];
}
var fromNumH = (n) => n / 2 ** 32 | 0;
var fromNumL = (n) => n >>> 0;
function setU64FromNum(view, byteOffset, n, isLE3) {
  const h = fromNumH(n);
  const l = fromNumL(n);
  view.setUint32(byteOffset, isLE3 ? l : h, isLE3);
  view.setUint32(byteOffset + 4, isLE3 ? h : l, isLE3);
}
var shrSH = (h, _l, s) => h >>> s;
var shrSL = (h, l, s) => h << 32 - s | l >>> s;
var rotrSH = (h, l, s) => h >>> s | l << 32 - s;
var rotrSL = (h, l, s) => h << 32 - s | l >>> s;
var rotrBH = (h, l, s) => h << 64 - s | l >>> s - 32;
var rotrBL = (h, l, s) => h >>> s - 32 | l << 64 - s;
function add(Ah, Al, Bh, Bl) {
  const l = (Al >>> 0) + (Bl >>> 0);
  return { h: Ah + Bh + (l / 2 ** 32 | 0) | 0, l: l | 0 };
}
var add3L = (Al, Bl, Cl) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0);
var add3H = (low, Ah, Bh, Ch) => Ah + Bh + Ch + (low / 2 ** 32 | 0) | 0;
var add4L = (Al, Bl, Cl, Dl) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0) + (Dl >>> 0);
var add4H = (low, Ah, Bh, Ch, Dh) => Ah + Bh + Ch + Dh + (low / 2 ** 32 | 0) | 0;
var add5L = (Al, Bl, Cl, Dl, El) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0) + (Dl >>> 0) + (El >>> 0);
var add5H = (low, Ah, Bh, Ch, Dh, Eh) => Ah + Bh + Ch + Dh + Eh + (low / 2 ** 32 | 0) | 0;

// node_modules/@noble/hashes/utils.js
function isBytes(a) {
  return a instanceof Uint8Array || ArrayBuffer.isView(a) && a.constructor.name === "Uint8Array" && "BYTES_PER_ELEMENT" in a && a.BYTES_PER_ELEMENT === 1;
}
var atitle = (title) => title ? `"${title}" ` : "";
function anumber(n, title = "") {
  if (typeof n !== "number")
    throw new TypeError(atitle(title) + "expected number, got " + typeof n);
  if (!Number.isSafeInteger(n) || n < 0)
    throw new RangeError(atitle(title) + "expected integer >= 0, got " + n);
  return n;
}
function abool(value, title = "") {
  if (typeof value !== "boolean")
    throw new TypeError(atitle(title) + "expected boolean, got type=" + typeof value);
  return value;
}
function abytes(value, length, title = "") {
  if (isBytes(value) && (length === void 0 || value.length === length))
    return value;
  if (length !== void 0)
    anumber(length, "length");
  const bytes2 = isBytes(value);
  const ofLen = length !== void 0 ? ` of length ${length}` : "";
  const got = bytes2 ? `length=${value.length}` : `type=${typeof value}`;
  const message = atitle(title) + "expected Uint8Array" + ofLen + ", got " + got;
  if (!bytes2)
    throw new TypeError(message);
  throw new RangeError(message);
}
function ahash(h) {
  if (typeof h !== "function" || typeof h.create !== "function")
    throw new TypeError("expected hash wrapped by utils.createHasher");
  anumber(h.outputLen);
  anumber(h.blockLen);
  if (h.outputLen < 1 || h.blockLen < 1)
    throw new Error("hash blockLen / outputLen must be >= 1");
}
var aobject = (value, label) => {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new TypeError((label === "object" ? "" : `"${label}" `) + "expected object, got type=" + typeof value);
};
var aopts = (value, label) => {
  aobject(value, label);
  const proto = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null)
    throw new TypeError(`"${label}" expected plain object`);
  if (Object.hasOwn(value, "__proto__"))
    throw new TypeError(`"${label}.__proto__" is not allowed`);
};
function aexists(instance, checkFinished = true) {
  if (instance.destroyed)
    throw new Error("hash was destroyed");
  if (checkFinished && instance.finished)
    throw new Error("digest() was already called");
}
function aoutput(out, instance) {
  abytes(out, void 0, "output");
  const min = instance.outputLen;
  if (!(out.length >= min)) {
    throw new RangeError('"output" expected length >= ' + min);
  }
}
function u32(arr) {
  return new Uint32Array(arr.buffer, arr.byteOffset, Math.floor(arr.byteLength / 4));
}
function clean(...arrays) {
  for (let i = 0; i < arrays.length; i++) {
    arrays[i].fill(0);
  }
}
function createView(arr) {
  return new DataView(arr.buffer, arr.byteOffset, arr.byteLength);
}
function rotr(word, shift) {
  return word << 32 - shift | word >>> shift;
}
var isLE = /* @__PURE__ */ (() => new Uint8Array(new Uint32Array([287454020]).buffer)[0] === 68)();
function byteSwap(word) {
  return word << 24 & 4278190080 | word << 8 & 16711680 | word >>> 8 & 65280 | word >>> 24 & 255;
}
function byteSwap32(arr) {
  for (let i = 0; i < arr.length; i++) {
    arr[i] = byteSwap(arr[i]);
  }
  return arr;
}
var swap32IfBE = isLE ? (u) => u : byteSwap32;
var hasHexBuiltin = /* @__PURE__ */ (() => (
  // @ts-ignore
  typeof Uint8Array.from([]).toHex === "function" && typeof Uint8Array.fromHex === "function"
))();
var hexes = /* @__PURE__ */ Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
function bytesToHex(bytes2) {
  abytes(bytes2);
  if (hasHexBuiltin)
    return bytes2.toHex();
  let hex2 = "";
  for (let i = 0; i < bytes2.length; i++) {
    hex2 += hexes[bytes2[i]];
  }
  return hex2;
}
function asciiToBase16(ch) {
  return ch >= 48 && ch <= 57 ? ch - 48 : ch >= 65 && ch <= 70 ? ch - (65 - 10) : ch >= 97 && ch <= 102 ? ch - (97 - 10) : void 0;
}
function hexToBytes(hex2) {
  if (typeof hex2 !== "string")
    throw new TypeError("hex string expected, got " + typeof hex2);
  if (hasHexBuiltin) {
    try {
      return Uint8Array.fromHex(hex2);
    } catch (error) {
      if (error instanceof SyntaxError)
        throw new RangeError(error.message);
      throw error;
    }
  }
  const hl = hex2.length;
  const al = hl / 2;
  if (hl % 2)
    throw new RangeError("hex string expected, got unpadded hex of length " + hl);
  const array = new Uint8Array(al);
  for (let ai = 0, hi = 0; ai < al; ai++, hi += 2) {
    const n1 = asciiToBase16(hex2.charCodeAt(hi));
    const n2 = asciiToBase16(hex2.charCodeAt(hi + 1));
    if (n1 === void 0 || n2 === void 0) {
      const char = hex2[hi] + hex2[hi + 1];
      throw new RangeError('hex string expected, got non-hex character "' + char + '" at index ' + hi);
    }
    array[ai] = n1 * 16 + n2;
  }
  return array;
}
function concatBytes(...arrays) {
  let sum = 0;
  for (let i = 0; i < arrays.length; i++) {
    const a = arrays[i];
    abytes(a);
    sum += a.length;
  }
  const res = new Uint8Array(sum);
  for (let i = 0, pad = 0; i < arrays.length; i++) {
    const a = arrays[i];
    res.set(a, pad);
    pad += a.length;
  }
  return res;
}
function checkOpts(defaults, opts2, title = "opts") {
  aopts(defaults, "defaults");
  if (opts2 !== void 0)
    aopts(opts2, title);
  const merged = Object.assign(/* @__PURE__ */ Object.create(null), defaults, opts2);
  return merged;
}
function createHasher(hashCons, info = {}) {
  if (typeof hashCons !== "function")
    throw new TypeError('"hashCons" expected function, got type=' + typeof hashCons);
  info = checkOpts({}, info, "info");
  const hashC = (msg, opts2) => hashCons(opts2).update(msg).digest();
  const tmp = hashCons(void 0);
  hashC.outputLen = tmp.outputLen;
  hashC.blockLen = tmp.blockLen;
  hashC.canXOF = tmp.canXOF;
  hashC.create = (opts2) => hashCons(opts2);
  Object.assign(hashC, info);
  return Object.freeze(hashC);
}
function randomBytes(bytesLength = 32) {
  anumber(bytesLength, "bytesLength");
  const cr = typeof globalThis === "object" ? globalThis.crypto : null;
  if (typeof cr?.getRandomValues !== "function")
    throw new Error("crypto.getRandomValues must be defined");
  if (bytesLength > 65536)
    throw new RangeError(`"bytesLength" expected <= 65536, got ${bytesLength}`);
  return cr.getRandomValues(new Uint8Array(bytesLength));
}
var oidNist = (suffix) => ({
  // Current NIST hashAlgs suffixes used here fit in one DER subidentifier octet.
  // Larger suffix values would need base-128 OID encoding and a different length byte.
  oid: Uint8Array.from([6, 9, 96, 134, 72, 1, 101, 3, 4, 2, suffix])
});

// node_modules/@noble/hashes/_md.js
function Chi(a, b, c) {
  return a & b ^ ~a & c;
}
function Maj(a, b, c) {
  return a & b ^ a & c ^ b & c;
}
var HashMD = class {
  blockLen;
  outputLen;
  canXOF = false;
  padOffset;
  isLE;
  // For partial updates less than block size
  buffer;
  view;
  finished = false;
  length = 0;
  pos = 0;
  destroyed = false;
  constructor(blockLen, outputLen, padOffset, isLE3) {
    this.blockLen = blockLen;
    this.outputLen = outputLen;
    this.padOffset = padOffset;
    this.isLE = isLE3;
    this.buffer = new Uint8Array(blockLen);
    this.view = createView(this.buffer);
  }
  update(data) {
    aexists(this);
    abytes(data);
    const { view, buffer, blockLen } = this;
    const len = data.length;
    let processed = false;
    for (let pos = 0; pos < len; ) {
      const take = Math.min(blockLen - this.pos, len - pos);
      if (take === blockLen) {
        const dataView = createView(data);
        for (; blockLen <= len - pos; pos += blockLen)
          this.process(dataView, pos);
        processed = true;
        continue;
      }
      buffer.set(pos === 0 && take === len ? data : data.subarray(pos, pos + take), this.pos);
      this.pos += take;
      pos += take;
      if (this.pos === blockLen) {
        this.process(view, 0);
        this.pos = 0;
        processed = true;
      }
    }
    this.length += data.length;
    if (processed)
      this.roundClean();
    return this;
  }
  digestInto(out) {
    aexists(this);
    aoutput(out, this);
    this.finished = true;
    const { buffer, view, blockLen, isLE: isLE3 } = this;
    let { pos } = this;
    buffer[pos++] = 128;
    buffer.fill(0, pos);
    if (this.padOffset > blockLen - pos) {
      this.process(view, 0);
      buffer.fill(0);
    }
    setU64FromNum(view, blockLen - 8, this.length * 8, isLE3);
    this.process(view, 0);
    this.roundClean();
    const oview = out === buffer ? view : createView(out);
    const len = this.outputLen;
    const outLen = len / 4;
    const state = this.get();
    if (len % 4 || outLen > state.length)
      throw new Error("invalid outputLen");
    for (let i = 0; i < outLen; i++)
      oview.setUint32(4 * i, state[i], isLE3);
  }
  digest() {
    const { buffer, outputLen } = this;
    this.digestInto(buffer);
    const res = buffer.slice(0, outputLen);
    this.destroy();
    return res;
  }
  _cloneIntoMeta(to) {
    const { buffer, length, finished, destroyed, pos } = this;
    to.destroyed = destroyed;
    to.finished = finished;
    to.length = length;
    to.pos = pos;
    if (pos)
      to.buffer.set(buffer);
    return to;
  }
  clone() {
    return this._cloneInto();
  }
};
var SHA256_IV = /* @__PURE__ */ Uint32Array.from([
  1779033703,
  3144134277,
  1013904242,
  2773480762,
  1359893119,
  2600822924,
  528734635,
  1541459225
]);
var SHA512_IV = /* @__PURE__ */ Uint32Array.from([
  1779033703,
  4089235720,
  3144134277,
  2227873595,
  1013904242,
  4271175723,
  2773480762,
  1595750129,
  1359893119,
  2917565137,
  2600822924,
  725511199,
  528734635,
  4215389547,
  1541459225,
  327033209
]);

// node_modules/@noble/hashes/sha2.js
var SHA256_K = /* @__PURE__ */ Uint32Array.from([
  1116352408,
  1899447441,
  3049323471,
  3921009573,
  961987163,
  1508970993,
  2453635748,
  2870763221,
  3624381080,
  310598401,
  607225278,
  1426881987,
  1925078388,
  2162078206,
  2614888103,
  3248222580,
  3835390401,
  4022224774,
  264347078,
  604807628,
  770255983,
  1249150122,
  1555081692,
  1996064986,
  2554220882,
  2821834349,
  2952996808,
  3210313671,
  3336571891,
  3584528711,
  113926993,
  338241895,
  666307205,
  773529912,
  1294757372,
  1396182291,
  1695183700,
  1986661051,
  2177026350,
  2456956037,
  2730485921,
  2820302411,
  3259730800,
  3345764771,
  3516065817,
  3600352804,
  4094571909,
  275423344,
  430227734,
  506948616,
  659060556,
  883997877,
  958139571,
  1322822218,
  1537002063,
  1747873779,
  1955562222,
  2024104815,
  2227730452,
  2361852424,
  2428436474,
  2756734187,
  3204031479,
  3329325298
]);
var SHA256_W = /* @__PURE__ */ new Uint32Array(64);
var SHA2_32B = class extends HashMD {
  // We cannot use array here since array allows indexing by variable
  // which means optimizer/compiler cannot use registers.
  // Numeric initializers matter: starting the fields as `undefined` changes
  // V8's field representation and makes sha256 3x slower (measured).
  A = 0;
  B = 0;
  C = 0;
  D = 0;
  E = 0;
  F = 0;
  G = 0;
  H = 0;
  constructor(outputLen, IV) {
    super(64, outputLen, 8, false);
    this.A = IV[0] | 0;
    this.B = IV[1] | 0;
    this.C = IV[2] | 0;
    this.D = IV[3] | 0;
    this.E = IV[4] | 0;
    this.F = IV[5] | 0;
    this.G = IV[6] | 0;
    this.H = IV[7] | 0;
  }
  get() {
    const { A, B: B2, C, D, E, F: F2, G, H } = this;
    return [A, B2, C, D, E, F2, G, H];
  }
  // prettier-ignore
  set(A, B2, C, D, E, F2, G, H) {
    this.A = A | 0;
    this.B = B2 | 0;
    this.C = C | 0;
    this.D = D | 0;
    this.E = E | 0;
    this.F = F2 | 0;
    this.G = G | 0;
    this.H = H | 0;
  }
  _cloneInto(to) {
    (to ||= new this.constructor()).set(...this.get());
    return this._cloneIntoMeta(to);
  }
  process(view, offset) {
    for (let i = 0; i < 16; i++, offset += 4)
      SHA256_W[i] = view.getUint32(offset, false);
    for (let i = 16; i < 64; i++) {
      const W15 = SHA256_W[i - 15];
      const W2 = SHA256_W[i - 2];
      const s0 = rotr(W15, 7) ^ rotr(W15, 18) ^ W15 >>> 3;
      const s1 = rotr(W2, 17) ^ rotr(W2, 19) ^ W2 >>> 10;
      SHA256_W[i] = s1 + SHA256_W[i - 7] + s0 + SHA256_W[i - 16] | 0;
    }
    let { A, B: B2, C, D, E, F: F2, G, H } = this;
    for (let i = 0; i < 64; i++) {
      const sigma1 = rotr(E, 6) ^ rotr(E, 11) ^ rotr(E, 25);
      const T1 = H + sigma1 + Chi(E, F2, G) + SHA256_K[i] + SHA256_W[i] | 0;
      const sigma0 = rotr(A, 2) ^ rotr(A, 13) ^ rotr(A, 22);
      const T2 = sigma0 + Maj(A, B2, C) | 0;
      H = G;
      G = F2;
      F2 = E;
      E = D + T1 | 0;
      D = C;
      C = B2;
      B2 = A;
      A = T1 + T2 | 0;
    }
    A = A + this.A | 0;
    B2 = B2 + this.B | 0;
    C = C + this.C | 0;
    D = D + this.D | 0;
    E = E + this.E | 0;
    F2 = F2 + this.F | 0;
    G = G + this.G | 0;
    H = H + this.H | 0;
    this.set(A, B2, C, D, E, F2, G, H);
  }
  roundClean() {
    clean(SHA256_W);
  }
  destroy() {
    this.destroyed = true;
    this.set(0, 0, 0, 0, 0, 0, 0, 0);
    clean(this.buffer);
  }
};
var _SHA256 = class extends SHA2_32B {
  constructor() {
    super(32, SHA256_IV);
  }
};
var K512 = /* @__PURE__ */ (() => split([
  "0x428a2f98d728ae22",
  "0x7137449123ef65cd",
  "0xb5c0fbcfec4d3b2f",
  "0xe9b5dba58189dbbc",
  "0x3956c25bf348b538",
  "0x59f111f1b605d019",
  "0x923f82a4af194f9b",
  "0xab1c5ed5da6d8118",
  "0xd807aa98a3030242",
  "0x12835b0145706fbe",
  "0x243185be4ee4b28c",
  "0x550c7dc3d5ffb4e2",
  "0x72be5d74f27b896f",
  "0x80deb1fe3b1696b1",
  "0x9bdc06a725c71235",
  "0xc19bf174cf692694",
  "0xe49b69c19ef14ad2",
  "0xefbe4786384f25e3",
  "0x0fc19dc68b8cd5b5",
  "0x240ca1cc77ac9c65",
  "0x2de92c6f592b0275",
  "0x4a7484aa6ea6e483",
  "0x5cb0a9dcbd41fbd4",
  "0x76f988da831153b5",
  "0x983e5152ee66dfab",
  "0xa831c66d2db43210",
  "0xb00327c898fb213f",
  "0xbf597fc7beef0ee4",
  "0xc6e00bf33da88fc2",
  "0xd5a79147930aa725",
  "0x06ca6351e003826f",
  "0x142929670a0e6e70",
  "0x27b70a8546d22ffc",
  "0x2e1b21385c26c926",
  "0x4d2c6dfc5ac42aed",
  "0x53380d139d95b3df",
  "0x650a73548baf63de",
  "0x766a0abb3c77b2a8",
  "0x81c2c92e47edaee6",
  "0x92722c851482353b",
  "0xa2bfe8a14cf10364",
  "0xa81a664bbc423001",
  "0xc24b8b70d0f89791",
  "0xc76c51a30654be30",
  "0xd192e819d6ef5218",
  "0xd69906245565a910",
  "0xf40e35855771202a",
  "0x106aa07032bbd1b8",
  "0x19a4c116b8d2d0c8",
  "0x1e376c085141ab53",
  "0x2748774cdf8eeb99",
  "0x34b0bcb5e19b48a8",
  "0x391c0cb3c5c95a63",
  "0x4ed8aa4ae3418acb",
  "0x5b9cca4f7763e373",
  "0x682e6ff3d6b2b8a3",
  "0x748f82ee5defb2fc",
  "0x78a5636f43172f60",
  "0x84c87814a1f0ab72",
  "0x8cc702081a6439ec",
  "0x90befffa23631e28",
  "0xa4506cebde82bde9",
  "0xbef9a3f7b2c67915",
  "0xc67178f2e372532b",
  "0xca273eceea26619c",
  "0xd186b8c721c0c207",
  "0xeada7dd6cde0eb1e",
  "0xf57d4f7fee6ed178",
  "0x06f067aa72176fba",
  "0x0a637dc5a2c898a6",
  "0x113f9804bef90dae",
  "0x1b710b35131c471b",
  "0x28db77f523047d84",
  "0x32caab7b40c72493",
  "0x3c9ebe0a15c9bebc",
  "0x431d67c49c100d4c",
  "0x4cc5d4becb3e42b6",
  "0x597f299cfc657e2a",
  "0x5fcb6fab3ad6faec",
  "0x6c44198c4a475817"
].map((n) => BigInt(n))))();
var SHA512_Kh = /* @__PURE__ */ (() => K512[0])();
var SHA512_Kl = /* @__PURE__ */ (() => K512[1])();
var SHA512_W_H = /* @__PURE__ */ new Uint32Array(80);
var SHA512_W_L = /* @__PURE__ */ new Uint32Array(80);
var SHA2_64B = class extends HashMD {
  // We cannot use array here since array allows indexing by variable
  // which means optimizer/compiler cannot use registers.
  // h -- high 32 bits, l -- low 32 bits
  // Numeric initializers matter: starting the fields as `undefined` changes
  // V8's field representation and slows hashing down (measured on sha256).
  Ah = 0;
  Al = 0;
  Bh = 0;
  Bl = 0;
  Ch = 0;
  Cl = 0;
  Dh = 0;
  Dl = 0;
  Eh = 0;
  El = 0;
  Fh = 0;
  Fl = 0;
  Gh = 0;
  Gl = 0;
  Hh = 0;
  Hl = 0;
  constructor(outputLen, IV) {
    super(128, outputLen, 16, false);
    this.Ah = IV[0] | 0;
    this.Al = IV[1] | 0;
    this.Bh = IV[2] | 0;
    this.Bl = IV[3] | 0;
    this.Ch = IV[4] | 0;
    this.Cl = IV[5] | 0;
    this.Dh = IV[6] | 0;
    this.Dl = IV[7] | 0;
    this.Eh = IV[8] | 0;
    this.El = IV[9] | 0;
    this.Fh = IV[10] | 0;
    this.Fl = IV[11] | 0;
    this.Gh = IV[12] | 0;
    this.Gl = IV[13] | 0;
    this.Hh = IV[14] | 0;
    this.Hl = IV[15] | 0;
  }
  // prettier-ignore
  get() {
    const { Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl } = this;
    return [Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl];
  }
  // prettier-ignore
  set(Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl) {
    this.Ah = Ah | 0;
    this.Al = Al | 0;
    this.Bh = Bh | 0;
    this.Bl = Bl | 0;
    this.Ch = Ch | 0;
    this.Cl = Cl | 0;
    this.Dh = Dh | 0;
    this.Dl = Dl | 0;
    this.Eh = Eh | 0;
    this.El = El | 0;
    this.Fh = Fh | 0;
    this.Fl = Fl | 0;
    this.Gh = Gh | 0;
    this.Gl = Gl | 0;
    this.Hh = Hh | 0;
    this.Hl = Hl | 0;
  }
  _cloneInto(to) {
    (to ||= new this.constructor()).set(...this.get());
    return this._cloneIntoMeta(to);
  }
  process(view, offset) {
    for (let i = 0; i < 16; i++, offset += 4) {
      SHA512_W_H[i] = view.getUint32(offset);
      SHA512_W_L[i] = view.getUint32(offset += 4);
    }
    for (let i = 16; i < 80; i++) {
      const W15h = SHA512_W_H[i - 15] | 0;
      const W15l = SHA512_W_L[i - 15] | 0;
      const s0h = rotrSH(W15h, W15l, 1) ^ rotrSH(W15h, W15l, 8) ^ shrSH(W15h, W15l, 7);
      const s0l = rotrSL(W15h, W15l, 1) ^ rotrSL(W15h, W15l, 8) ^ shrSL(W15h, W15l, 7);
      const W2h = SHA512_W_H[i - 2] | 0;
      const W2l = SHA512_W_L[i - 2] | 0;
      const s1h = rotrSH(W2h, W2l, 19) ^ rotrBH(W2h, W2l, 61) ^ shrSH(W2h, W2l, 6);
      const s1l = rotrSL(W2h, W2l, 19) ^ rotrBL(W2h, W2l, 61) ^ shrSL(W2h, W2l, 6);
      const SUMl = add4L(s0l, s1l, SHA512_W_L[i - 7], SHA512_W_L[i - 16]);
      const SUMh = add4H(SUMl, s0h, s1h, SHA512_W_H[i - 7], SHA512_W_H[i - 16]);
      SHA512_W_H[i] = SUMh | 0;
      SHA512_W_L[i] = SUMl | 0;
    }
    let { Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl } = this;
    for (let i = 0; i < 80; i++) {
      const sigma1h = rotrSH(Eh, El, 14) ^ rotrSH(Eh, El, 18) ^ rotrBH(Eh, El, 41);
      const sigma1l = rotrSL(Eh, El, 14) ^ rotrSL(Eh, El, 18) ^ rotrBL(Eh, El, 41);
      const CHIh = Eh & Fh ^ ~Eh & Gh;
      const CHIl = El & Fl ^ ~El & Gl;
      const T1ll = add5L(Hl, sigma1l, CHIl, SHA512_Kl[i], SHA512_W_L[i]);
      const T1h = add5H(T1ll, Hh, sigma1h, CHIh, SHA512_Kh[i], SHA512_W_H[i]);
      const T1l = T1ll | 0;
      const sigma0h = rotrSH(Ah, Al, 28) ^ rotrBH(Ah, Al, 34) ^ rotrBH(Ah, Al, 39);
      const sigma0l = rotrSL(Ah, Al, 28) ^ rotrBL(Ah, Al, 34) ^ rotrBL(Ah, Al, 39);
      const MAJh = Ah & Bh ^ Ah & Ch ^ Bh & Ch;
      const MAJl = Al & Bl ^ Al & Cl ^ Bl & Cl;
      Hh = Gh | 0;
      Hl = Gl | 0;
      Gh = Fh | 0;
      Gl = Fl | 0;
      Fh = Eh | 0;
      Fl = El | 0;
      ({ h: Eh, l: El } = add(Dh | 0, Dl | 0, T1h | 0, T1l | 0));
      Dh = Ch | 0;
      Dl = Cl | 0;
      Ch = Bh | 0;
      Cl = Bl | 0;
      Bh = Ah | 0;
      Bl = Al | 0;
      const All = add3L(T1l, sigma0l, MAJl);
      Ah = add3H(All, T1h, sigma0h, MAJh);
      Al = All | 0;
    }
    ({ h: Ah, l: Al } = add(this.Ah | 0, this.Al | 0, Ah | 0, Al | 0));
    ({ h: Bh, l: Bl } = add(this.Bh | 0, this.Bl | 0, Bh | 0, Bl | 0));
    ({ h: Ch, l: Cl } = add(this.Ch | 0, this.Cl | 0, Ch | 0, Cl | 0));
    ({ h: Dh, l: Dl } = add(this.Dh | 0, this.Dl | 0, Dh | 0, Dl | 0));
    ({ h: Eh, l: El } = add(this.Eh | 0, this.El | 0, Eh | 0, El | 0));
    ({ h: Fh, l: Fl } = add(this.Fh | 0, this.Fl | 0, Fh | 0, Fl | 0));
    ({ h: Gh, l: Gl } = add(this.Gh | 0, this.Gl | 0, Gh | 0, Gl | 0));
    ({ h: Hh, l: Hl } = add(this.Hh | 0, this.Hl | 0, Hh | 0, Hl | 0));
    this.set(Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl);
  }
  roundClean() {
    clean(SHA512_W_H, SHA512_W_L);
  }
  destroy() {
    this.destroyed = true;
    clean(this.buffer);
    this.set(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  }
};
var _SHA512 = class extends SHA2_64B {
  constructor() {
    super(64, SHA512_IV);
  }
};
var sha256 = /* @__PURE__ */ createHasher(
  () => new _SHA256(),
  /* @__PURE__ */ oidNist(1)
);
var sha512 = /* @__PURE__ */ createHasher(
  () => new _SHA512(),
  /* @__PURE__ */ oidNist(3)
);

// node_modules/@noble/curves/utils.js
function aarray(item, title, inner = () => {
}) {
  if (!Array.isArray(item))
    throw new TypeError(`"${title}" expected array, got type=${typeof item}`);
  for (let i = 0; i < item.length; i++)
    inner(item[i], `${title}[${i}]`);
  return item;
}
var abytes2 = (value, length, title) => abytes(value, length, title);
var anumber2 = anumber;
function aobject2(value, title = "object") {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new TypeError(title === "object" ? "expected valid options object" : `"${title}" expected object, got type=${typeof value}`);
  return value;
}
function afunction(value, title) {
  if (typeof value !== "function")
    throw new TypeError(`"${title}" is invalid: expected function, got ${typeof value}`);
  return value;
}
var bytesToHex2 = bytesToHex;
var concatBytes2 = (...arrays) => concatBytes(...arrays);
var hexToBytes2 = (hex2) => hexToBytes(hex2);
var isBytes2 = isBytes;
var randomBytes2 = (bytesLength) => randomBytes(bytesLength);
var _0n = /* @__PURE__ */ BigInt(0);
var _1n = /* @__PURE__ */ BigInt(1);
var atitle2 = (title) => title ? `"${title}" ` : "";
function abool2(value, title = "") {
  if (typeof value !== "boolean")
    throw new TypeError(atitle2(title) + "expected boolean, got type=" + typeof value);
  return value;
}
function abignumber(n) {
  if (typeof n === "bigint") {
    if (!isPosBig(n))
      throw new RangeError("positive bigint expected, got " + n);
  } else
    anumber2(n);
  return n;
}
function asafenumber(value, title = "") {
  if (typeof value !== "number") {
    const prefix = title && `"${title}" `;
    throw new TypeError(prefix + "expected number, got type=" + typeof value);
  }
  if (!Number.isSafeInteger(value)) {
    const prefix = title && `"${title}" `;
    throw new RangeError(prefix + "expected safe integer, got " + value);
  }
}
function hexToNumber(hex2) {
  if (typeof hex2 !== "string")
    throw new TypeError("hex string expected, got " + typeof hex2);
  return hex2 === "" ? _0n : BigInt("0x" + hex2);
}
function bytesToNumberBE(bytes2) {
  return hexToNumber(bytesToHex(bytes2));
}
function bytesToNumberLE(bytes2) {
  return hexToNumber(bytesToHex(copyBytes(abytes(bytes2)).reverse()));
}
function numberToBytesBE(n, len) {
  anumber(len);
  if (len === 0)
    throw new Error("zero output length is invalid");
  n = abignumber(n);
  const expectedLen = len * 2;
  const hex2 = n.toString(16);
  if (hex2.length > expectedLen)
    throw new RangeError("number is too large");
  return hexToBytes(hex2.padStart(expectedLen, "0"));
}
function numberToBytesLE(n, len) {
  return numberToBytesBE(n, len).reverse();
}
function copyBytes(bytes2) {
  return Uint8Array.from(abytes2(bytes2));
}
function asciiToBytes(ascii) {
  if (typeof ascii !== "string")
    throw new TypeError("ascii string expected, got " + typeof ascii);
  return Uint8Array.from(ascii, (c, i) => {
    const charCode = c.charCodeAt(0);
    if (c.length !== 1 || charCode > 127) {
      throw new RangeError(`string contains non-ASCII character "${ascii[i]}" with code ${charCode} at position ${i}`);
    }
    return charCode;
  });
}
function isPosBig(n) {
  return typeof n === "bigint" && _0n <= n;
}
function inRange(n, min, max) {
  return isPosBig(n) && isPosBig(min) && isPosBig(max) && min <= n && n < max;
}
function aInRange(title, n, min, max) {
  if (!inRange(n, min, max))
    throw new RangeError("expected valid " + title + ": " + min + " <= n < " + max + ", got " + n);
}
function bitLen(n) {
  if (n < _0n)
    throw new Error("expected non-negative bigint, got " + n);
  return n === _0n ? 0 : n.toString(2).length;
}
var bitMask = (n) => {
  asafenumber(n, "n");
  return (_1n << BigInt(n)) - _1n;
};
function validateObject(object2, fields = {}, optFields = {}, title = "object") {
  aobject2(object2, title);
  aobject2(fields, "fields");
  aobject2(optFields, "optFields");
  function checkField(fieldName, expectedType, isOpt) {
    const label = title === "object" ? `param "${String(fieldName)}"` : `"${title}.${String(fieldName)}"`;
    const val = object2[fieldName];
    if (!Object.hasOwn(object2, fieldName) && (isOpt ? val !== void 0 : expectedType !== "function")) {
      throw new TypeError(`${label} is invalid: expected own property`);
    }
    if (isOpt && val === void 0)
      return;
    const current = typeof val;
    if (current !== expectedType || val === null)
      throw new TypeError(`${label} is invalid: expected ${expectedType}, got ${current}`);
  }
  const iter = (f, isOpt) => Object.entries(f).forEach(([k, v]) => checkField(k, v, isOpt));
  iter(fields, false);
  iter(optFields, true);
}

// node_modules/@noble/curves/abstract/modular.js
var _0n2 = /* @__PURE__ */ BigInt(0);
var _1n2 = /* @__PURE__ */ BigInt(1);
var _2n = /* @__PURE__ */ BigInt(2);
var _3n = /* @__PURE__ */ BigInt(3);
var _4n = /* @__PURE__ */ BigInt(4);
var _5n = /* @__PURE__ */ BigInt(5);
var _7n = /* @__PURE__ */ BigInt(7);
var _8n = /* @__PURE__ */ BigInt(8);
var _9n = /* @__PURE__ */ BigInt(9);
var _15n = /* @__PURE__ */ BigInt(15);
var _16n = /* @__PURE__ */ BigInt(16);
var POW_WINDOWED_MIN = /* @__PURE__ */ BigInt("0x10000000000000000");
function mod(a, b) {
  if (b <= _0n2)
    throw new Error("mod: expected positive modulus, got " + b);
  const result = a % b;
  return result >= _0n2 ? result : b + result;
}
function pow(num, power, modulo) {
  if (modulo <= _1n2)
    throw new Error("pow: expected modulus > 1, got " + modulo);
  if (typeof power !== "bigint")
    throw new TypeError("invalid exponent: expected bigint, got " + typeof power);
  if (power < _0n2)
    throw new Error("invalid exponent, negatives unsupported");
  if (power === _0n2)
    return _1n2;
  if (power === _1n2)
    return num;
  let d = num % modulo;
  if (d < _0n2)
    d += modulo;
  if (power < POW_WINDOWED_MIN) {
    let p2 = _1n2;
    while (power > _0n2) {
      if (power & _1n2)
        p2 = p2 * d % modulo;
      d = d * d % modulo;
      power >>= _1n2;
    }
    return p2;
  }
  const digits = [];
  while (power > _0n2) {
    digits.push(Number(power & _15n));
    power >>= _4n;
  }
  const table = new Array(16);
  table[0] = _1n2;
  table[1] = d;
  for (let i = 2; i < 16; i++)
    table[i] = table[i - 1] * d % modulo;
  let p = table[digits[digits.length - 1]];
  for (let w = digits.length - 2; w >= 0; w--) {
    p = p * p % modulo;
    p = p * p % modulo;
    p = p * p % modulo;
    p = p * p % modulo;
    const digit = digits[w];
    if (digit !== 0)
      p = p * table[digit] % modulo;
  }
  return p;
}
function pow2(x, power, modulo) {
  if (modulo <= _1n2)
    throw new Error("pow2: expected modulus > 1, got " + modulo);
  if (power < _0n2)
    throw new Error("pow2: expected non-negative exponent, got " + power);
  let res = x;
  while (power-- > _0n2) {
    res *= res;
    res %= modulo;
  }
  return res;
}
function invert(number, modulo) {
  if (number === _0n2)
    throw new Error("invert: expected non-zero number");
  if (modulo <= _1n2)
    throw new Error("invert: expected modulus > 1, got " + modulo);
  let a = mod(number, modulo);
  let b = modulo;
  let x = _0n2, u = _1n2;
  while (a !== _0n2) {
    const q = b / a;
    const r = b - a * q;
    const m = x - u * q;
    b = a, a = r, x = u, u = m;
  }
  const gcd = b;
  if (gcd !== _1n2)
    throw new Error("invert: does not exist");
  return mod(x, modulo);
}
function assertIsSquare(Fp2, root, n) {
  const F2 = Fp2;
  if (!F2.eql(F2.sqr(root), n))
    throw new Error("Cannot find square root");
}
function aoddModulus(order, fnName) {
  if ((order & _1n2) === _0n2)
    throw new Error(fnName + ": expected odd modulus, got " + order);
}
function sqrt3mod4(Fp2, n) {
  const F2 = Fp2;
  const p1div4 = (F2.ORDER + _1n2) / _4n;
  const root = F2.pow(n, p1div4);
  assertIsSquare(F2, root, n);
  return root;
}
function sqrt5mod8(Fp2, n) {
  const F2 = Fp2;
  const p5div8 = (F2.ORDER - _5n) / _8n;
  const n2 = F2.mul(n, _2n);
  const v = F2.pow(n2, p5div8);
  const nv = F2.mul(n, v);
  const i = F2.mul(F2.mul(nv, _2n), v);
  const root = F2.mul(nv, F2.sub(i, F2.ONE));
  assertIsSquare(F2, root, n);
  return root;
}
function sqrt9mod16(P2) {
  const Fp_ = Field(P2);
  const tn = tonelliShanks(P2);
  const c1 = tn(Fp_, Fp_.neg(Fp_.ONE));
  const c2 = tn(Fp_, c1);
  const c3 = tn(Fp_, Fp_.neg(c1));
  const c4 = (P2 + _7n) / _16n;
  return ((Fp2, n) => {
    const F2 = Fp2;
    let tv1 = F2.pow(n, c4);
    let tv2 = F2.mul(tv1, c1);
    const tv3 = F2.mul(tv1, c2);
    const tv4 = F2.mul(tv1, c3);
    const e1 = F2.eql(F2.sqr(tv2), n);
    const e2 = F2.eql(F2.sqr(tv3), n);
    tv1 = F2.cmov(tv1, tv2, e1);
    tv2 = F2.cmov(tv4, tv3, e2);
    const e3 = F2.eql(F2.sqr(tv2), n);
    const root = F2.cmov(tv1, tv2, e3);
    assertIsSquare(F2, root, n);
    return root;
  });
}
function tonelliShanks(P2) {
  if (P2 < _3n)
    throw new Error("sqrt is not defined for small field");
  aoddModulus(P2, "tonelliShanks");
  let Q4 = P2 - _1n2;
  let S = 0;
  while (Q4 % _2n === _0n2) {
    Q4 /= _2n;
    S++;
  }
  let Z = _2n;
  const _Fp = Field(P2);
  while (FpLegendre(_Fp, Z) === 1) {
    if (Z++ > 1e3)
      throw new Error("Cannot find square root: probably non-prime P");
  }
  if (S === 1)
    return sqrt3mod4;
  let cc = _Fp.pow(Z, Q4);
  const Q1div2 = (Q4 + _1n2) / _2n;
  return function tonelliSlow(Fp2, n) {
    const F2 = Fp2;
    if (F2.is0(n))
      return n;
    if (FpLegendre(F2, n) !== 1)
      throw new Error("Cannot find square root");
    let M = S;
    let c = F2.mul(F2.ONE, cc);
    let t = F2.pow(n, Q4);
    let R = F2.pow(n, Q1div2);
    while (!F2.eql(t, F2.ONE)) {
      if (F2.is0(t))
        throw new Error("Cannot find square root: probably non-prime P");
      let i = 1;
      let t_tmp = F2.sqr(t);
      while (!F2.eql(t_tmp, F2.ONE)) {
        i++;
        t_tmp = F2.sqr(t_tmp);
        if (i === M)
          throw new Error("Cannot find square root");
      }
      const exponent = _1n2 << BigInt(M - i - 1);
      const b = F2.pow(c, exponent);
      M = i;
      c = F2.sqr(b);
      t = F2.mul(t, c);
      R = F2.mul(R, b);
    }
    return R;
  };
}
function FpSqrt(P2) {
  aoddModulus(P2, "Fp.sqrt");
  if (P2 % _4n === _3n)
    return sqrt3mod4;
  if (P2 % _8n === _5n)
    return sqrt5mod8;
  if (P2 % _16n === _9n)
    return sqrt9mod16(P2);
  return tonelliShanks(P2);
}
var isNegativeLE = (num, modulo) => (mod(num, modulo) & _1n2) === _1n2;
var FIELD_FIELDS = [
  "create",
  "isValid",
  "is0",
  "neg",
  "inv",
  "sqrt",
  "sqr",
  "eql",
  "add",
  "sub",
  "mul",
  "pow",
  "div",
  "addN",
  "subN",
  "mulN",
  "sqrN"
];
function validateField(field) {
  aobject2(field, "field");
  if (typeof field.ORDER !== "bigint")
    throw new TypeError('param "ORDER" is invalid: expected bigint, got ' + typeof field.ORDER);
  asafenumber(field.BYTES, "BYTES");
  asafenumber(field.BITS, "BITS");
  for (const name of FIELD_FIELDS)
    afunction(field[name], "field." + name);
  if (field.BYTES < 1 || field.BITS < 1)
    throw new Error("invalid field: expected BYTES/BITS > 0");
  if (field.ORDER <= _1n2)
    throw new Error("invalid field: expected ORDER > 1, got " + field.ORDER);
  return field;
}
function FpInvertBatch(Fp2, nums, passZero = false) {
  validateField(Fp2);
  aarray(nums, "nums");
  abool2(passZero, "passZero");
  const F2 = Fp2;
  const inverted = new Array(nums.length).fill(passZero ? F2.ZERO : void 0);
  const multipliedAcc = nums.reduce((acc, num, i) => {
    if (F2.is0(num))
      return acc;
    inverted[i] = acc;
    return F2.mul(acc, num);
  }, F2.ONE);
  const invertedAcc = F2.inv(multipliedAcc);
  nums.reduceRight((acc, num, i) => {
    if (F2.is0(num))
      return acc;
    inverted[i] = F2.mul(acc, inverted[i]);
    return F2.mul(acc, num);
  }, invertedAcc);
  return inverted;
}
function FpLegendre(Fp2, n) {
  validateField(Fp2);
  const F2 = Fp2;
  aoddModulus(F2.ORDER, "FpLegendre");
  const p1mod2 = (F2.ORDER - _1n2) / _2n;
  const powered = F2.pow(n, p1mod2);
  const yes2 = F2.eql(powered, F2.ONE);
  const zero = F2.eql(powered, F2.ZERO);
  const no4 = F2.eql(powered, F2.neg(F2.ONE));
  if (!yes2 && !zero && !no4)
    throw new Error("invalid Legendre symbol result");
  return yes2 ? 1 : zero ? 0 : -1;
}
function nLength(n, nBitLength) {
  if (nBitLength !== void 0)
    anumber2(nBitLength);
  if (n <= _0n2)
    throw new Error("invalid n length: expected positive n, got " + n);
  if (nBitLength !== void 0 && nBitLength < 1)
    throw new Error("invalid n length: expected positive bit length, got " + nBitLength);
  const bits = bitLen(n);
  if (nBitLength !== void 0 && nBitLength < bits)
    throw new Error(`invalid n length: expected nBitLength (${nBitLength}) >= bitLen(n) (${bits})`);
  const _nBitLength = nBitLength !== void 0 ? nBitLength : bits;
  const nByteLength = Math.ceil(_nBitLength / 8);
  return { nBitLength: _nBitLength, nByteLength };
}
var FIELD_SQRT = /* @__PURE__ */ new WeakMap();
var _Field = class {
  ORDER;
  BITS;
  BYTES;
  isLE;
  ZERO = _0n2;
  ONE = _1n2;
  _lengths;
  _mod;
  constructor(ORDER, opts2 = {}) {
    if (ORDER <= _1n2)
      throw new Error("invalid field: expected ORDER > 1, got " + ORDER);
    let _nbitLength = void 0;
    this.isLE = false;
    if (opts2 != null && typeof opts2 === "object") {
      if (typeof opts2.BITS === "number")
        _nbitLength = opts2.BITS;
      if (typeof opts2.sqrt === "function")
        Object.defineProperty(this, "sqrt", { value: opts2.sqrt, enumerable: true });
      if (typeof opts2.isLE === "boolean")
        this.isLE = opts2.isLE;
      if (opts2.allowedLengths)
        this._lengths = Object.freeze(opts2.allowedLengths.slice());
      if (typeof opts2.modFromBytes === "boolean")
        this._mod = opts2.modFromBytes;
    }
    const { nBitLength, nByteLength } = nLength(ORDER, _nbitLength);
    if (nByteLength > 2048)
      throw new Error("invalid field: expected ORDER of <= 2048 bytes");
    this.ORDER = ORDER;
    this.BITS = nBitLength;
    this.BYTES = nByteLength;
    Object.freeze(this);
  }
  create(num) {
    return mod(num, this.ORDER);
  }
  isValid(num) {
    if (typeof num !== "bigint")
      throw new TypeError("invalid field element: expected bigint, got " + typeof num);
    return _0n2 <= num && num < this.ORDER;
  }
  is0(num) {
    return num === _0n2;
  }
  // is valid and invertible
  isValidNot0(num) {
    return !this.is0(num) && this.isValid(num);
  }
  isOdd(num) {
    return (num & _1n2) === _1n2;
  }
  neg(num) {
    return mod(-num, this.ORDER);
  }
  eql(lhs, rhs) {
    return lhs === rhs;
  }
  sqr(num) {
    return mod(num * num, this.ORDER);
  }
  add(lhs, rhs) {
    return mod(lhs + rhs, this.ORDER);
  }
  sub(lhs, rhs) {
    return mod(lhs - rhs, this.ORDER);
  }
  mul(lhs, rhs) {
    return mod(lhs * rhs, this.ORDER);
  }
  pow(num, power) {
    return pow(num, power, this.ORDER);
  }
  div(lhs, rhs) {
    return mod(lhs * invert(rhs, this.ORDER), this.ORDER);
  }
  // Same as above, but doesn't normalize
  sqrN(num) {
    return num * num;
  }
  addN(lhs, rhs) {
    return lhs + rhs;
  }
  subN(lhs, rhs) {
    return lhs - rhs;
  }
  mulN(lhs, rhs) {
    return lhs * rhs;
  }
  inv(num) {
    return invert(num, this.ORDER);
  }
  sqrt(num) {
    let sqrt = FIELD_SQRT.get(this);
    if (!sqrt)
      FIELD_SQRT.set(this, sqrt = FpSqrt(this.ORDER));
    return sqrt(this, num);
  }
  toBytes(num) {
    return this.isLE ? numberToBytesLE(num, this.BYTES) : numberToBytesBE(num, this.BYTES);
  }
  fromBytes(bytes2, skipValidation = false) {
    abytes2(bytes2);
    const { _lengths: allowedLengths, BYTES, isLE: isLE3, ORDER, _mod: modFromBytes } = this;
    if (allowedLengths) {
      if (bytes2.length < 1 || !allowedLengths.includes(bytes2.length) || bytes2.length > BYTES) {
        throw new Error("Field.fromBytes: expected " + allowedLengths + " bytes, got " + bytes2.length);
      }
      const padded2 = new Uint8Array(BYTES);
      padded2.set(bytes2, isLE3 ? 0 : padded2.length - bytes2.length);
      bytes2 = padded2;
    }
    if (bytes2.length !== BYTES)
      throw new Error("Field.fromBytes: expected " + BYTES + " bytes, got " + bytes2.length);
    let scalar2 = isLE3 ? bytesToNumberLE(bytes2) : bytesToNumberBE(bytes2);
    if (modFromBytes)
      scalar2 = mod(scalar2, ORDER);
    if (!skipValidation) {
      if (!this.isValid(scalar2))
        throw new Error("invalid field element: outside of range 0..ORDER");
    }
    return scalar2;
  }
  // TODO: we don't need it here, move out to separate fn
  invertBatch(lst) {
    return FpInvertBatch(this, lst, true);
  }
  // We can't move this out because Fp6, Fp12 implement it
  // and it's unclear what to return in there.
  cmov(a, b, condition) {
    abool2(condition, "condition");
    return condition ? b : a;
  }
};
function Field(ORDER, opts2 = {}) {
  Object.freeze(_Field.prototype);
  return new _Field(ORDER, opts2);
}

// node_modules/@noble/curves/abstract/curve.js
var _0n3 = /* @__PURE__ */ BigInt(0);
var _1n3 = /* @__PURE__ */ BigInt(1);
var _4n2 = /* @__PURE__ */ BigInt(4);
var BLIND_BYTES = 16;
var BLIND_BITS = 128;
var FW_WINDOW = 5;
var TABLE_BYTES_MAX = /* @__PURE__ */ (() => 2 ** 31)();
function validatePointCons(Point2) {
  const pc = Point2;
  if (typeof pc !== "function")
    throw new TypeError('"Point" expected constructor, got type=' + typeof Point2);
  afunction(pc.fromAffine, "Point.fromAffine");
  afunction(pc.fromBytes, "Point.fromBytes");
  afunction(pc.fromHex, "Point.fromHex");
  aobject2(pc.BASE, "Point.BASE");
  aobject2(pc.ZERO, "Point.ZERO");
  validateField(pc.Fp);
  validateField(pc.Fn);
}
function normalizeZ(c, points) {
  validatePointCons(c);
  validateMSMPoints(points, c);
  const invertedZs = FpInvertBatch(c.Fp, points.map((p) => p.Z));
  return points.map((p, i) => c.fromAffine(p.toAffine(invertedZs[i])));
}
function validateW(W, bits, min = 1) {
  if (!Number.isSafeInteger(W) || W < min || W > bits)
    throw new Error("invalid window size, expected [" + min + ".." + bits + "], got W=" + W);
}
function validateTableBytes(numPoints, fpBytes) {
  const bytes2 = numPoints * (4 * fpBytes + 128);
  if (bytes2 > TABLE_BYTES_MAX)
    throw new Error("invalid window size: table would need ~" + Math.ceil(bytes2 / 2 ** 20) + " MiB, max " + TABLE_BYTES_MAX / 2 ** 20 + " MiB");
}
function probeRandomBytes(randomBytes5, length) {
  if (randomBytes5 === void 0)
    return void 0;
  afunction(randomBytes5, "randomBytes");
  try {
    const probe = randomBytes5(length);
    if (!isBytes2(probe) || probe.length !== length)
      return void 0;
  } catch {
    return void 0;
  }
  return randomBytes5;
}
function validateMSMPoints(points, c) {
  aarray(points, "points");
  points.forEach((p, i) => {
    if (!(p instanceof c))
      throw new Error("invalid point at index " + i);
  });
}
function validateMSMScalars(scalars, field, maxScalar) {
  if (!Array.isArray(scalars))
    throw new Error("array of scalars expected");
  scalars.forEach((s, i) => {
    const ok = maxScalar === void 0 ? field.isValid(s) : isPosBig(s) && s < maxScalar;
    if (!ok)
      throw new Error("invalid scalar at index " + i);
  });
}
var pointWindowSizes = /* @__PURE__ */ new WeakMap();
function getWindowSize(P2) {
  return pointWindowSizes.get(P2) || 1;
}
function oddMultiples(p, size) {
  const dbl = p.double();
  const t = [p];
  for (let j = 1; j < size; j++)
    t.push(t[j - 1].add(dbl));
  return t;
}
function wnafDigits(n, W) {
  const size = 2 ** W;
  const half = size / 2;
  const mask = BigInt(size - 1);
  const d = [];
  while (n > _0n3) {
    let w = 0;
    if (n & _1n3) {
      w = Number(n & mask);
      if (w >= half)
        w -= size;
      n -= BigInt(w);
    }
    d.push(w);
    n >>= _1n3;
  }
  return d;
}
function signedWindowDigits(n, W, windows) {
  const size = 2 ** W;
  const half = size / 2;
  const mask = BigInt(size - 1);
  const shiftBy = BigInt(W);
  const d = [];
  for (let w = 0; w < windows; w++) {
    let v = Number(n & mask);
    n >>= shiftBy;
    if (v > half) {
      v -= size;
      n += _1n3;
    }
    d.push(v);
  }
  if (n !== _0n3)
    throw new Error("invalid wnaf");
  return d;
}
function wnafWalk(zero, tables, digits) {
  let max = 0;
  for (const d of digits)
    max = Math.max(max, d.length);
  let acc = zero;
  for (let bit = max - 1; bit >= 0; bit--) {
    if (bit !== max - 1)
      acc = acc.double();
    for (let i = 0; i < digits.length; i++) {
      const w = digits[i][bit];
      if (w) {
        const item = tables[i][Math.abs(w) - 1 >> 1];
        acc = acc.add(w < 0 ? item.negate() : item);
      }
    }
  }
  return acc;
}
var ScalarMultiplier = class {
  Point;
  BASE;
  ZERO;
  randomBytes;
  wnafPrecomputes = /* @__PURE__ */ new WeakMap();
  baseCanBeBlinded;
  bits;
  // Parametrized with a given Point class (not individual point)
  constructor(Point2, randomBytes5) {
    validatePointCons(Point2);
    this.randomBytes = probeRandomBytes(randomBytes5, BLIND_BYTES);
    this.Point = Point2;
    this.BASE = Point2.BASE;
    this.ZERO = Point2.ZERO;
    this.bits = Point2.Fn.BITS;
  }
  /**
   * Creates a signed fixed-window wNAF precomputation table: for every window w, the
   * multiples `[1..2^(W−1)]⋅2^(w⋅W)⋅P`, flattened. All doublings are baked into the table,
   * so cached multiplication is additions-only. `windows = ceil(bits/W) + 1`: the extra
   * window absorbs the final carry of signed-digit recoding.
   * For a 256-bit curve and W=6, the table is 44⋅32 = 1408 points.
   * @param point - Point instance
   * @param W - window size
   * @param bits - scalar bitlength the table must cover
   */
  buildWnafTable(point, W, bits) {
    const windows = Math.ceil(bits / W) + 1;
    const half = 2 ** (W - 1);
    const comp = [];
    let base = point;
    for (let w = 0; w < windows; w++) {
      let acc = base;
      for (let i = 0; i < half; i++) {
        comp.push(acc);
        acc = acc.add(base);
      }
      base = comp[comp.length - 1].double();
    }
    return { W, bits, windows, comp };
  }
  /**
   * Implements ec multiplication using precomputed signed fixed-window wNAF tables.
   * Constant-time: fixed window count with one table addition per window — zero digits feed
   * the fake accumulator — and no doublings; the lookup scans the whole window slice.
   * Scalar bounds are validated by the public entry points ({@link ScalarMultiplier.mulCT},
   * {@link ScalarMultiplier.mulCTBlinded}, {@link ScalarMultiplier.mulUnsafe});
   * signedWindowDigits throws if `n` exceeds the table.
   * @returns real and fake (for const-time) points
   */
  wnafCachedCT(precomputes, n) {
    const { W, windows, comp } = precomputes;
    const half = 2 ** (W - 1);
    const digits = signedWindowDigits(n, W, windows);
    let p = this.ZERO;
    let f = this.BASE;
    for (let w = 0; w < windows; w++) {
      const digit = digits[w];
      const start = w * half;
      const idx = Math.abs(digit) - 1;
      let sel = comp[start];
      for (let i = 1; i < half; i++)
        sel = i === idx ? comp[start + i] : sel;
      const neg = sel.negate();
      if (digit === 0)
        f = f.add(comp[start]);
      else
        p = p.add(digit < 0 ? neg : sel);
    }
    return { p, f };
  }
  // Cache key is point identity plus (W, bits); at most two entries exist per point (public-width
  // `Fn.BITS` and blinded `Fn.BITS + BLIND_BITS`). Callers must not reuse the same point with
  // incompatible `transform(...)` layouts and expect a separate cache entry.
  getWnafPrecomputes(W, point, bits, transform) {
    let entries = this.wnafPrecomputes.get(point);
    let comp = entries?.find((entry) => entry.W === W && entry.bits === bits);
    if (!comp) {
      comp = this.buildWnafTable(point, W, bits);
      if (typeof transform === "function")
        comp = { ...comp, comp: transform(comp.comp) };
      if (!entries) {
        entries = [];
        this.wnafPrecomputes.set(point, entries);
      }
      entries.push(comp);
    }
    return comp;
  }
  assertPoint(point) {
    if (!(point instanceof this.Point))
      throw new TypeError('"point" expected Point instance, got type=' + typeof point);
  }
  // Shared prologue of the constant-time entry points. Rejects scalar 0: in key/signature-style
  // callers a zero scalar means broken upstream plumbing, and concrete Points already reject it.
  // Uses inRange instead of Fn.isValidNot0: validateField() only certifies the arithmetic subset.
  validateMulInput(point, scalar2) {
    this.assertPoint(point);
    if (!inRange(scalar2, _1n3, this.Point.Fn.ORDER))
      throw new Error("invalid scalar");
  }
  // Constant-time dispatch shared by mulCT / mulCTBlinded. Un-precomputed points (W===1, e.g.
  // ECDH peer keys) skip building a throwaway cached table in favor of a small fixed-window
  // multiply. `n` must be < 2^bits.
  runCT(point, n, bits, transform) {
    const W = getWindowSize(point);
    if (W === 1)
      return this.fixedWindowCT(point, n, bits);
    return this.wnafCachedCT(this.getWnafPrecomputes(W, point, bits, transform), n);
  }
  mulCT(point, scalar2, transform) {
    this.validateMulInput(point, scalar2);
    return this.runCT(point, scalar2, this.bits, transform);
  }
  mulCTBlinded(point, scalar2, transform) {
    this.validateMulInput(point, scalar2);
    if (this.randomBytes === void 0)
      throw new Error("randomBytes is required for scalar blinding");
    const bits = this.Point.Fn.BITS + BLIND_BITS;
    const blind = this.randomBytes(BLIND_BYTES);
    if (!isBytes2(blind) || blind.length !== BLIND_BYTES)
      throw new Error("randomBytes returned invalid byte array");
    blind[0] = blind[0] & 63 | 128;
    const n = scalar2 + bytesToNumberBE(blind) * this.Point.Fn.ORDER;
    return this.runCT(point, n, bits, transform);
  }
  /**
   * Constant-time multiplication `n*point` for an un-precomputed point, via a small fixed window.
   * A cached wNAF table only pays off when reused; a flat 2^FW_WINDOW table (`size-1` adds) is
   * far cheaper to build for a single use. The point-operation sequence is independent of `n`:
   * build the table, then per window exactly FW_WINDOW doublings, a data-oblivious scan over
   * every table entry, and one addition (adds the identity when the window digit is 0 — never
   * skipped).
   *
   * `n` must be `< 2^bits`. Assumes complete addition (adding the identity costs the same as any
   * add), which holds for the Weierstrass/Edwards point types used here. The table is left in
   * projective form (no normalizeZ): normalizing this small a table costs more than the
   * mixed-add savings it would buy for a single multiply.
   * @returns real point `p`; `f` duplicates it only to match {@link wnafCachedCT}'s return shape
   * (this path needs no fake accumulator — its op-count is already scalar-independent).
   */
  fixedWindowCT(point, n, bits) {
    const W = FW_WINDOW;
    const size = 1 << W;
    const mask = bitMask(W);
    const table = new Array(size);
    table[0] = this.ZERO;
    for (let i = 1; i < size; i++)
      table[i] = table[i - 1].add(point);
    const windows = Math.ceil(bits / W);
    let acc = this.ZERO;
    for (let window = windows - 1; window >= 0; window--) {
      if (window !== windows - 1)
        for (let d = 0; d < W; d++)
          acc = acc.double();
      const digit = Number(n >> BigInt(window * W) & mask);
      let sel = table[0];
      for (let i = 1; i < size; i++)
        sel = i === digit ? table[i] : sel;
      acc = acc.add(sel);
    }
    return { p: acc, f: acc };
  }
  shouldBlind(point, cofactor) {
    if (this.randomBytes === void 0)
      return false;
    if (cofactor === _1n3)
      return true;
    if (point !== this.BASE)
      return false;
    if (this.baseCanBeBlinded === void 0)
      this.baseCanBeBlinded = this.mulUnsafe(this.BASE, this.Point.Fn.ORDER).is0();
    return this.baseCanBeBlinded;
  }
  mulSecret(point, scalar2, cofactor, transform) {
    return this.shouldBlind(point, cofactor) ? this.mulCTBlinded(point, scalar2, transform) : this.mulCT(point, scalar2, transform);
  }
  mulUnsafe(point, scalar2, transform) {
    this.assertPoint(point);
    if (!isPosBig(scalar2))
      throw new Error("invalid scalar");
    const W = getWindowSize(point);
    if (W === 1 || scalar2 >= this.Point.Fn.ORDER)
      return mulAddUnsafe(this.Point, [point], [scalar2], true);
    const precomputes = this.getWnafPrecomputes(W, point, this.bits, transform);
    return this.wnafCachedCT(precomputes, scalar2).p;
  }
  // Remembers the window size used for precomputed wNAF multiplication of the given point
  // and drops any previously built tables. Usually only the base point is precomputed.
  // W=1 resets the point to the un-precomputed (table-less) paths.
  // W is additionally capped so tables stay under ~2 GiB ({@link TABLE_BYTES_MAX}).
  setWindowSize(point, W) {
    this.assertPoint(point);
    validateW(W, this.bits);
    const windows = Math.ceil((this.bits + BLIND_BITS) / W) + 1;
    validateTableBytes(windows * 2 ** (W - 1), this.Point.Fp.BYTES);
    pointWindowSizes.set(point, W);
    this.wnafPrecomputes.delete(point);
  }
  // True when a window size is set: tables themselves are built lazily on first multiply.
  hasWindowSize(point) {
    return getWindowSize(point) !== 1;
  }
};
function mulAddUnsafe(c, points, scalars, allowOversized = false) {
  validatePointCons(c);
  validateMSMPoints(points, c);
  abool2(allowOversized, "allowOversized");
  validateMSMScalars(scalars, c.Fn, allowOversized ? c.Fn.ORDER ** _4n2 : void 0);
  if (points.length !== scalars.length)
    throw new Error("arrays of points and scalars must have equal length");
  const tables = points.map((p) => oddMultiples(p, 4));
  const digits = scalars.map((n) => wnafDigits(n, 4));
  return wnafWalk(c.ZERO, tables, digits);
}
function createField(order, field, isLE3) {
  if (field) {
    if (field.ORDER !== order)
      throw new Error("Field.ORDER must match order: Fp == p, Fn == n");
    validateField(field);
    return field;
  } else {
    return Field(order, { isLE: isLE3 });
  }
}
function createCurveFields(type, CURVE, curveOpts = {}, FpFnLE) {
  if (type !== "weierstrass" && type !== "edwards")
    throw new Error('expected curve type "weierstrass" or "edwards"');
  if (FpFnLE === void 0)
    FpFnLE = type === "edwards";
  if (!CURVE || typeof CURVE !== "object")
    throw new Error(`expected valid ${type} CURVE object`);
  validateObject(curveOpts);
  for (const p of ["p", "n", "h"]) {
    const val = CURVE[p];
    if (!(isPosBig(val) && val !== _0n3))
      throw new Error(`CURVE.${p} must be positive bigint`);
  }
  const Fp2 = createField(CURVE.p, curveOpts.Fp, FpFnLE);
  const Fn = createField(CURVE.n, curveOpts.Fn, FpFnLE);
  const _b = type === "weierstrass" ? "b" : "d";
  const params = ["Gx", "Gy", "a", _b];
  for (const p of params) {
    if (!Fp2.isValid(CURVE[p]))
      throw new Error(`CURVE.${p} must be valid field element of CURVE.Fp`);
  }
  CURVE = Object.freeze(Object.assign({}, CURVE));
  return { CURVE, Fp: Fp2, Fn };
}
function createKeygen(randomSecretKey, getPublicKey) {
  return function keygen(seed) {
    const secretKey = randomSecretKey(seed);
    return { secretKey, publicKey: getPublicKey(secretKey) };
  };
}

// node_modules/@noble/curves/abstract/edwards.js
var _0n4 = /* @__PURE__ */ BigInt(0);
var _1n4 = /* @__PURE__ */ BigInt(1);
var _2n2 = /* @__PURE__ */ BigInt(2);
var _4n3 = /* @__PURE__ */ BigInt(4);
var _8n2 = /* @__PURE__ */ BigInt(8);
function isEdValidXY(Fp2, CURVE, x, y) {
  const x2 = Fp2.sqr(x);
  const y2 = Fp2.sqr(y);
  const left2 = Fp2.add(Fp2.mul(CURVE.a, x2), y2);
  const right = Fp2.add(Fp2.ONE, Fp2.mul(CURVE.d, Fp2.mul(x2, y2)));
  return Fp2.eql(left2, right);
}
function edwards(params, extraOpts = {}) {
  validateObject(extraOpts, {}, {}, "extraOpts");
  const opts2 = extraOpts;
  const validated = createCurveFields("edwards", params, opts2, opts2.FpFnLE);
  const { Fp: Fp2, Fn } = validated;
  let CURVE = validated.CURVE;
  const { h: cofactor } = CURVE;
  if (FpLegendre(Fp2, CURVE.a) !== 1)
    throw new Error("edwards: CURVE.a must be a square in Fp for complete addition formulas");
  if (FpLegendre(Fp2, CURVE.d) !== -1)
    throw new Error("edwards: CURVE.d must be a non-square in Fp for complete addition formulas");
  validateObject(opts2, {}, { uvRatio: "function", randomBytes: "function" });
  const randomBytes5 = opts2.randomBytes === void 0 ? randomBytes2 : opts2.randomBytes;
  const MASK = _2n2 << BigInt(Fp2.BYTES * 8) - _1n4;
  function isOdd(n) {
    if (!Fp2.isOdd)
      throw new Error("Field does not have .isOdd()");
    return Fp2.isOdd(n);
  }
  const uvRatio2 = opts2.uvRatio === void 0 ? (u, v) => {
    try {
      return { isValid: true, value: Fp2.sqrt(Fp2.div(u, v)) };
    } catch (e) {
      return { isValid: false, value: _0n4 };
    }
  } : opts2.uvRatio;
  if (!isEdValidXY(Fp2, CURVE, CURVE.Gx, CURVE.Gy))
    throw new Error("bad curve params: generator point");
  const mulA = Fp2.eql(CURVE.a, Fp2.neg(Fp2.ONE)) ? (x) => Fp2.neg(x) : Fp2.eql(CURVE.a, Fp2.ONE) ? (x) => x : (x) => Fp2.mul(CURVE.a, x);
  function acoord(title, n, banZero = false) {
    const min = banZero ? _1n4 : _0n4;
    aInRange("coordinate " + title, n, min, MASK);
    return n;
  }
  function aedpoint(other) {
    if (!(other instanceof Point2))
      throw new Error("EdwardsPoint expected");
  }
  class Point2 {
    static BASE = new Point2(CURVE.Gx, CURVE.Gy, Fp2.ONE, Fp2.mul(CURVE.Gx, CURVE.Gy));
    static ZERO = new Point2(Fp2.ZERO, Fp2.ONE, Fp2.ONE, Fp2.ZERO);
    static Fp = Fp2;
    static Fn = Fn;
    X;
    Y;
    Z;
    T;
    constructor(X, Y, Z, T) {
      this.X = acoord("x", X);
      this.Y = acoord("y", Y);
      this.Z = acoord("z", Z, true);
      this.T = acoord("t", T);
      Object.freeze(this);
    }
    static CURVE() {
      return CURVE;
    }
    /**
     * Create one extended Edwards point from affine coordinates.
     * Does NOT validate that the point is on-curve or torsion-free.
     * Use `.assertValidity()` on adversarial inputs.
     */
    static fromAffine(p) {
      if (p instanceof Point2)
        throw new Error("extended point not allowed");
      const { x, y } = p || {};
      acoord("x", x);
      acoord("y", y);
      return new Point2(x, y, Fp2.ONE, Fp2.mul(x, y));
    }
    // Uses algo from RFC8032 5.1.3.
    static fromBytes(bytes2, zip215 = false) {
      const len = Fp2.BYTES;
      const { a, d } = CURVE;
      bytes2 = copyBytes(abytes2(bytes2, len, "point"));
      abool2(zip215, "zip215");
      const normed = copyBytes(bytes2);
      const lastByte = bytes2[len - 1];
      normed[len - 1] = lastByte & ~128;
      const y = bytesToNumberLE(normed);
      const max = zip215 ? MASK : Fp2.ORDER;
      aInRange("point.y", y, _0n4, max);
      const y2 = Fp2.sqr(y);
      const u = Fp2.sub(y2, Fp2.ONE);
      const v = Fp2.sub(Fp2.mulN(d, y2), a);
      let { isValid, value: x } = uvRatio2(u, v);
      if (!isValid)
        throw new Error("bad point: invalid y coordinate");
      const isXOdd = isOdd(x);
      const isLastByteOdd = (lastByte & 128) !== 0;
      if (!zip215 && Fp2.is0(x) && isLastByteOdd)
        throw new Error("bad point: x=0 and x_0=1");
      if (isLastByteOdd !== isXOdd)
        x = Fp2.neg(x);
      return Point2.fromAffine({ x, y });
    }
    static fromHex(hex2, zip215 = false) {
      return Point2.fromBytes(hexToBytes2(hex2), zip215);
    }
    get x() {
      return this.toAffine().x;
    }
    get y() {
      return this.toAffine().y;
    }
    precompute(windowSize = 6, isLazy = true) {
      wnaf.setWindowSize(this, windowSize);
      if (!isLazy)
        this.multiply(_2n2);
      return this;
    }
    // Useful in fromAffine() - not for fromBytes(), which always created valid points.
    assertValidity() {
      const p = this;
      const { a, d } = CURVE;
      if (p.is0())
        throw new Error("bad point: ZERO");
      const { X, Y, Z, T } = p;
      const X2 = Fp2.sqr(X);
      const Y2 = Fp2.sqr(Y);
      const Z2 = Fp2.sqr(Z);
      const Z4 = Fp2.sqr(Z2);
      const aX2 = Fp2.mul(X2, a);
      const left2 = Fp2.mul(Fp2.add(aX2, Y2), Z2);
      const right = Fp2.add(Z4, Fp2.mul(d, Fp2.mul(X2, Y2)));
      if (!Fp2.eql(left2, right))
        throw new Error("bad point: equation left != right (1)");
      const XY = Fp2.mul(X, Y);
      const ZT = Fp2.mul(Z, T);
      if (!Fp2.eql(XY, ZT))
        throw new Error("bad point: equation left != right (2)");
    }
    // Compare one point to another.
    equals(other) {
      aedpoint(other);
      const { X: X1, Y: Y1, Z: Z1 } = this;
      const { X: X2, Y: Y2, Z: Z2 } = other;
      const X1Z2 = Fp2.mul(X1, Z2);
      const X2Z1 = Fp2.mul(X2, Z1);
      const Y1Z2 = Fp2.mul(Y1, Z2);
      const Y2Z1 = Fp2.mul(Y2, Z1);
      return Fp2.eql(X1Z2, X2Z1) && Fp2.eql(Y1Z2, Y2Z1);
    }
    is0() {
      return this.equals(Point2.ZERO);
    }
    negate() {
      return new Point2(Fp2.neg(this.X), this.Y, this.Z, Fp2.neg(this.T));
    }
    // Fast algo for doubling Extended Point.
    // https://hyperelliptic.org/EFD/g1p/auto-twisted-extended.html#doubling-dbl-2008-hwcd
    // Cost: 4M + 4S + 1*a + 6add + 1*2.
    double() {
      const { X: X1, Y: Y1, Z: Z1 } = this;
      const A = Fp2.sqr(X1);
      const B2 = Fp2.sqr(Y1);
      const C = Fp2.mul(Fp2.sqr(Z1), _2n2);
      const D = mulA(A);
      const x1y1 = Fp2.addN(X1, Y1);
      const E = Fp2.sub(Fp2.subN(Fp2.sqr(x1y1), A), B2);
      const G = Fp2.addN(D, B2);
      const F2 = Fp2.subN(G, C);
      const H = Fp2.subN(D, B2);
      const X3 = Fp2.mul(E, F2);
      const Y3 = Fp2.mul(G, H);
      const T3 = Fp2.mul(E, H);
      const Z3 = Fp2.mul(F2, G);
      return new Point2(X3, Y3, Z3, T3);
    }
    // Fast algo for adding 2 Extended Points.
    // https://hyperelliptic.org/EFD/g1p/auto-twisted-extended.html#addition-add-2008-hwcd
    // Cost: 9M + 1*a + 1*d + 7add.
    add(other) {
      aedpoint(other);
      const { d } = CURVE;
      const { X: X1, Y: Y1, Z: Z1, T: T1 } = this;
      const { X: X2, Y: Y2, Z: Z2, T: T2 } = other;
      const A = Fp2.mul(X1, X2);
      const B2 = Fp2.mul(Y1, Y2);
      const C = Fp2.mul(Fp2.mulN(T1, d), T2);
      const D = Fp2.mul(Z1, Z2);
      const E = Fp2.sub(Fp2.subN(Fp2.mulN(Fp2.addN(X1, Y1), Fp2.addN(X2, Y2)), A), B2);
      const F2 = Fp2.subN(D, C);
      const G = Fp2.addN(D, C);
      const H = Fp2.sub(B2, mulA(A));
      const X3 = Fp2.mul(E, F2);
      const Y3 = Fp2.mul(G, H);
      const T3 = Fp2.mul(E, H);
      const Z3 = Fp2.mul(F2, G);
      return new Point2(X3, Y3, Z3, T3);
    }
    subtract(other) {
      aedpoint(other);
      return this.add(other.negate());
    }
    // Constant-time multiplication.
    multiply(scalar2) {
      if (!Fn.isValidNot0(scalar2))
        throw new RangeError("invalid scalar: expected 1 <= sc < curve.n");
      const { p, f } = wnaf.mulSecret(this, scalar2, cofactor, normalize);
      return normalize([p, f])[0];
    }
    // Non-constant-time multiplication. Uses double-and-add algorithm.
    // It's faster, but should only be used when you don't care about
    // an exposed private key e.g. sig verification.
    // Keeps the same subgroup-scalar contract: 0 is allowed for public-scalar callers, but
    // n and larger values are rejected instead of being reduced mod n to the identity point.
    multiplyUnsafe(scalar2) {
      if (!Fn.isValid(scalar2))
        throw new RangeError("invalid scalar: expected 0 <= sc < curve.n");
      if (scalar2 === _0n4)
        return Point2.ZERO;
      if (this.is0() || scalar2 === _1n4)
        return this;
      return wnaf.mulUnsafe(this, scalar2, normalize);
    }
    // Checks if point is of small order.
    // If you add something to small order point, you will have "dirty"
    // point with torsion component.
    // Clears cofactor and checks if the result is 0.
    isSmallOrder() {
      return this.clearCofactor().is0();
    }
    // Multiplies point by curve order and checks if the result is 0.
    // Returns `false` is the point is dirty.
    isTorsionFree() {
      return wnaf.mulUnsafe(this, CURVE.n).is0();
    }
    // Converts Extended point to default (x, y) coordinates.
    // Can accept precomputed Z^-1 - for example, from invertBatch.
    toAffine(invertedZ) {
      const p = this;
      let iz = invertedZ;
      if (iz != null && typeof iz !== "bigint")
        throw new TypeError('"invertedZ" expected bigint, got type=' + typeof iz);
      const { X, Y, Z } = p;
      const is0 = p.is0();
      if (iz == null)
        iz = is0 ? Fp2.create(_8n2) : Fp2.inv(Z);
      const x = Fp2.mul(X, iz);
      const y = Fp2.mul(Y, iz);
      const zz = Fp2.mul(Z, iz);
      if (is0)
        return { x: Fp2.ZERO, y: Fp2.ONE };
      if (!Fp2.eql(zz, Fp2.ONE))
        throw new Error("invZ was invalid");
      return { x, y };
    }
    clearCofactor() {
      if (cofactor === _1n4)
        return this;
      if (cofactor === _2n2)
        return this.double();
      if (cofactor === _4n3)
        return this.double().double();
      if (cofactor === _8n2)
        return this.double().double().double();
      return this.multiplyUnsafe(cofactor);
    }
    toBytes() {
      const { x, y } = this.toAffine();
      const bytes2 = Fp2.toBytes(y);
      bytes2[bytes2.length - 1] |= isOdd(x) ? 128 : 0;
      return bytes2;
    }
    toHex() {
      return bytesToHex2(this.toBytes());
    }
    toString() {
      return `<Point ${this.is0() ? "ZERO" : this.toHex()}>`;
    }
  }
  const normalize = (points) => normalizeZ(Point2, points);
  const wnaf = new ScalarMultiplier(Point2, randomBytes5);
  if (wnaf.bits >= 6)
    Point2.BASE.precompute(6);
  Object.freeze(Point2.prototype);
  Object.freeze(Point2);
  return Point2;
}
function eddsa(Point2, cHash, eddsaOpts = {}) {
  validatePointCons(Point2);
  if (typeof cHash !== "function")
    throw new Error('"hash" function param is required');
  const hash2 = cHash;
  const opts2 = eddsaOpts;
  validateObject(opts2, {}, {
    adjustScalarBytes: "function",
    randomBytes: "function",
    domain: "function",
    prehash: "function",
    zip215: "boolean",
    mapToCurve: "function",
    toMontgomery: "function",
    toMontgomerySecret: "function"
  });
  const { prehash } = opts2;
  const { BASE, Fp: Fp2, Fn } = Point2;
  const outputLen = hash2.outputLen;
  const expectedLen = 2 * Fp2.BYTES;
  if (outputLen !== void 0) {
    asafenumber(outputLen, "hash.outputLen");
    if (outputLen !== expectedLen)
      throw new Error(`hash.outputLen must be ${expectedLen}, got ${outputLen}`);
  }
  const randomBytes5 = opts2.randomBytes === void 0 ? randomBytes2 : opts2.randomBytes;
  const toMontgomery2 = opts2.toMontgomery;
  const toMontgomerySecret2 = opts2.toMontgomerySecret;
  const adjustScalarBytes2 = opts2.adjustScalarBytes === void 0 ? (bytes2) => bytes2 : opts2.adjustScalarBytes;
  const domain = opts2.domain === void 0 ? (data, ctx, phflag) => {
    abool2(phflag, "phflag");
    if (ctx.length || phflag)
      throw new Error("Contexts/pre-hash are not supported");
    return data;
  } : opts2.domain;
  function modN_LE(hash3) {
    return Fn.create(bytesToNumberLE(hash3));
  }
  function getPrivateScalar(key2) {
    const len = lengths.secretKey;
    abytes2(key2, lengths.secretKey, "secretKey");
    const hashed = abytes2(hash2(key2), 2 * len, "hashedSecretKey");
    const head = adjustScalarBytes2(hashed.slice(0, len));
    const prefix = hashed.slice(len, 2 * len);
    const scalar2 = modN_LE(head);
    return { head, prefix, scalar: scalar2 };
  }
  function getExtendedPublicKey(secretKey) {
    const { head, prefix, scalar: scalar2 } = getPrivateScalar(secretKey);
    const point = BASE.multiply(scalar2);
    const pointBytes = point.toBytes();
    return { head, prefix, scalar: scalar2, point, pointBytes };
  }
  function getPublicKey(secretKey) {
    return getExtendedPublicKey(secretKey).pointBytes;
  }
  function hashDomainToScalar(context = Uint8Array.of(), ...msgs) {
    const msg = concatBytes2(...msgs);
    return modN_LE(hash2(domain(msg, abytes2(context, void 0, "context"), !!prehash)));
  }
  function sign(msg, secretKey, options = {}) {
    validateObject(options, {}, {}, "options");
    msg = copyBytes(abytes2(msg, void 0, "message"));
    if (prehash)
      msg = prehash(msg);
    const { prefix, scalar: scalar2, pointBytes } = getExtendedPublicKey(secretKey);
    const r = hashDomainToScalar(options.context, prefix, msg);
    const R = BASE.multiply(r).toBytes();
    const k = hashDomainToScalar(options.context, R, pointBytes, msg);
    const s = Fn.create(r + k * scalar2);
    if (!Fn.isValid(s))
      throw new Error("sign failed: invalid s");
    const rs = concatBytes2(R, Fn.toBytes(s));
    return abytes2(rs, lengths.signature, "result");
  }
  const verifyOpts = {
    zip215: opts2.zip215
  };
  function verify2(sig, msg, publicKey2, options = verifyOpts) {
    validateObject(options);
    const { context } = options;
    const zip215 = options.zip215 === void 0 ? !!verifyOpts.zip215 : options.zip215;
    const len = lengths.signature;
    sig = abytes2(sig, len, "signature");
    msg = abytes2(msg, void 0, "message");
    publicKey2 = abytes2(publicKey2, lengths.publicKey, "publicKey");
    if (zip215 !== void 0)
      abool2(zip215, "zip215");
    if (prehash)
      msg = prehash(msg);
    const mid = len / 2;
    const r = sig.subarray(0, mid);
    const s = bytesToNumberLE(sig.subarray(mid, len));
    let A, R, SB;
    try {
      A = Point2.fromBytes(publicKey2, zip215);
      R = Point2.fromBytes(r, zip215);
      SB = BASE.multiplyUnsafe(s);
    } catch (error) {
      return false;
    }
    if (!zip215 && A.isSmallOrder())
      return false;
    const k = hashDomainToScalar(context, r, publicKey2, msg);
    const RkA = R.add(A.multiplyUnsafe(k));
    return RkA.subtract(SB).clearCofactor().is0();
  }
  const _size = Fp2.BYTES;
  const lengths = {
    secretKey: _size,
    publicKey: _size,
    signature: 2 * _size,
    seed: _size
  };
  function randomSecretKey(seed) {
    seed = seed === void 0 ? randomBytes5(lengths.seed) : seed;
    return abytes2(seed, lengths.seed, "seed");
  }
  function isValidSecretKey(key2) {
    return isBytes2(key2) && key2.length === lengths.secretKey;
  }
  function isValidPublicKey(key2, zip215) {
    try {
      return !!Point2.fromBytes(key2, zip215 === void 0 ? verifyOpts.zip215 : zip215);
    } catch (error) {
      return false;
    }
  }
  const utils = {
    getExtendedPublicKey,
    randomSecretKey,
    isValidSecretKey,
    isValidPublicKey,
    /** Converts an Edwards public key to a companion Montgomery public key. */
    toMontgomery(publicKey2) {
      if (toMontgomery2 === void 0)
        throw new Error("Montgomery conversion is not supported for this curve");
      return toMontgomery2(Point2.fromBytes(publicKey2));
    },
    toMontgomerySecret(secretKey) {
      if (toMontgomerySecret2 === void 0)
        throw new Error("Montgomery conversion is not supported for this curve");
      return toMontgomerySecret2(secretKey);
    }
  };
  Object.freeze(lengths);
  Object.freeze(utils);
  return Object.freeze({
    keygen: createKeygen(randomSecretKey, getPublicKey),
    getPublicKey,
    sign,
    verify: verify2,
    utils,
    Point: Point2,
    lengths
  });
}

// node_modules/@noble/curves/abstract/fft.js
function checkU32(n, title = "n") {
  if (typeof n !== "number")
    throw new TypeError(`wrong u32 integer "${title}": expected number, got type=${typeof n}`);
  if (!Number.isSafeInteger(n) || n < 0 || n > 4294967295)
    throw new RangeError(`wrong u32 integer "${title}": expected 0..4294967295, got ${n}`);
  return n;
}
function isPowerOfTwo(x) {
  checkU32(x, "x");
  return (x & x - 1) === 0 && x !== 0;
}
function reverseBits(n, bits) {
  checkU32(n);
  if (typeof bits !== "number")
    throw new TypeError('"bits" expected number, got type=' + typeof bits);
  if (!Number.isSafeInteger(bits) || bits < 0 || bits > 32)
    throw new Error(`expected integer 0 <= bits <= 32, got ${bits}`);
  let reversed = 0;
  for (let i = 0; i < bits; i++, n >>>= 1)
    reversed = reversed << 1 | n & 1;
  return reversed >>> 0;
}
function log2(n) {
  checkU32(n);
  return 31 - Math.clz32(n);
}
function bitReversalInplace(values2) {
  if (!values2 || typeof values2 !== "object" || typeof values2.length !== "number")
    throw new TypeError('"values" expected array-like, got type=' + typeof values2);
  const n = values2.length;
  if (!isPowerOfTwo(n))
    throw new Error("expected positive power-of-two length, got " + n);
  const bits = log2(n);
  for (let i = 0; i < n; i++) {
    const j = reverseBits(i, bits);
    if (i < j) {
      const tmp = values2[i];
      values2[i] = values2[j];
      values2[j] = tmp;
    }
  }
  return values2;
}
var FFTCore = (F2, coreOpts) => {
  validateObject(coreOpts, { N: "number", roots: "object", dit: "boolean" }, { invertButterflies: "boolean", skipStages: "number", brp: "boolean" }, "coreOpts");
  const { N: N2, roots, dit, invertButterflies = false, skipStages = 0, brp = true } = coreOpts;
  checkU32(N2, "coreOpts.N");
  const bits = log2(N2);
  if (!isPowerOfTwo(N2))
    throw new Error("FFT: Polynomial size should be power of two");
  checkU32(skipStages, "coreOpts.skipStages");
  const maxSkipStages = bits === 0 ? 0 : bits - 1;
  if (skipStages > maxSkipStages)
    throw new Error(`FFT: wrong skipStages: expected 0 <= skipStages <= ${maxSkipStages}`);
  if (roots.length !== N2)
    throw new Error(`FFT: wrong roots length: expected ${N2}, got ${roots.length}`);
  const isDit = dit !== invertButterflies;
  return (values2) => {
    if (values2.length !== N2)
      throw new Error("FFT: wrong Polynomial length");
    if (dit && brp)
      bitReversalInplace(values2);
    for (let i = 0, g = 1; i < bits - skipStages; i++) {
      const s = dit ? i + 1 + skipStages : bits - i;
      const m = 1 << s;
      const m2 = m >> 1;
      const stride = N2 >> s;
      for (let k = 0; k < N2; k += m) {
        for (let j = 0, grp = g++; j < m2; j++) {
          const rootPos = invertButterflies ? dit ? N2 - grp : grp : j * stride;
          const i0 = k + j;
          const i1 = k + j + m2;
          const omega = roots[rootPos];
          const b = values2[i1];
          const a = values2[i0];
          if (isDit) {
            const t = F2.mul(b, omega);
            values2[i0] = F2.add(a, t);
            values2[i1] = F2.sub(a, t);
          } else if (invertButterflies) {
            values2[i0] = F2.add(b, a);
            values2[i1] = F2.mul(F2.sub(b, a), omega);
          } else {
            values2[i0] = F2.add(a, b);
            values2[i1] = F2.mul(F2.sub(a, b), omega);
          }
        }
      }
    }
    if (!dit && brp)
      bitReversalInplace(values2);
    return values2;
  };
};

// node_modules/@noble/curves/abstract/montgomery.js
var _0n5 = /* @__PURE__ */ BigInt(0);
var _1n5 = /* @__PURE__ */ BigInt(1);
var _2n3 = /* @__PURE__ */ BigInt(2);
function cmask(P2, swap) {
  return P2 + swap - (swap >> _1n5 << _1n5);
}
function cswap(P2) {
  const offset = BigInt(6) * P2;
  return (mask, x_2, x_3) => {
    const sum = x_2 + x_3;
    const d = offset + x_3 - x_2;
    const a = (d * mask + x_2) % P2;
    return { x_2: a, x_3: sum - a };
  };
}
function validateOpts(curve) {
  validateObject(curve, {
    P: "bigint",
    type: "string",
    adjustScalarBytes: "function",
    powPminus2: "function"
  }, {
    randomBytes: "function",
    scalarMultBase: "function"
  });
  return Object.freeze({ ...curve });
}
function montgomery(curveDef) {
  const CURVE = validateOpts(curveDef);
  const { P: P2, type, adjustScalarBytes: adjustScalarBytes2, powPminus2, randomBytes: rand } = CURVE;
  const mulBaseHook = CURVE.scalarMultBase;
  const is25519 = type === "x25519";
  if (!is25519 && type !== "x448")
    throw new Error("invalid type");
  const randomBytes_ = rand === void 0 ? randomBytes2 : rand;
  const montgomeryBits = is25519 ? 255 : 448;
  const swap = cswap(P2);
  const fieldLen = is25519 ? 32 : 56;
  const Gu = is25519 ? BigInt(9) : BigInt(5);
  const a24 = is25519 ? BigInt(121665) : BigInt(39081);
  const minScalar = is25519 ? _2n3 ** BigInt(254) : _2n3 ** BigInt(447);
  const maxAdded = is25519 ? BigInt(8) * (_2n3 ** BigInt(251) - _1n5) : BigInt(4) * (_2n3 ** BigInt(445) - _1n5);
  const maxScalar = minScalar + maxAdded + _1n5;
  const modP = (n) => mod(n, P2);
  const GuBytes = encodeU(Gu);
  function encodeU(u) {
    return numberToBytesLE(modP(u), fieldLen);
  }
  function decodeU(u) {
    const _u = copyBytes(abytes2(u, fieldLen, "uCoordinate"));
    if (is25519)
      _u[31] &= 127;
    return modP(bytesToNumberLE(_u));
  }
  function decodeScalar(scalar2) {
    return bytesToNumberLE(adjustScalarBytes2(copyBytes(abytes2(scalar2, fieldLen, "scalar"))));
  }
  const lowOrderU = new Set(is25519 ? [
    _0n5,
    _1n5,
    P2 - _1n5,
    BigInt("325606250916557431795983626356110631294008115727848805560023387167927233504"),
    BigInt("39382357235489614581723060781553021112529911719440698176882885853963445705823")
  ] : [_0n5, _1n5, P2 - _1n5]);
  function scalarMult(scalar2, u) {
    const pointU = decodeU(u);
    if (lowOrderU.has(pointU))
      throw new Error("invalid private or public key received");
    const pu = montgomeryLadder(pointU, decodeScalar(scalar2));
    if (pu === _0n5)
      throw new Error("invalid private or public key received");
    return encodeU(pu);
  }
  function scalarMultBase(scalar2) {
    if (mulBaseHook === void 0)
      return scalarMult(scalar2, GuBytes);
    const k = decodeScalar(scalar2);
    aInRange("scalar", k, minScalar, maxScalar);
    const pu = modP(mulBaseHook(k));
    if (pu === _0n5)
      throw new Error("invalid private or public key received");
    return encodeU(pu);
  }
  const getPublicKey = scalarMultBase;
  const getSharedSecret = scalarMult;
  function montgomeryLadder(u, scalar2) {
    aInRange("u", u, _0n5, P2);
    aInRange("scalar", scalar2, minScalar, maxScalar);
    const k = scalar2;
    const x_1 = u;
    let x_2 = _1n5;
    let z_2 = _0n5;
    let x_3 = u;
    let z_3 = _1n5;
    const kx = k ^ k >> _1n5;
    for (let t = BigInt(montgomeryBits - 1); t >= _0n5; t--) {
      const mask2 = cmask(P2, kx >> t);
      ({ x_2, x_3 } = swap(mask2, x_2, x_3));
      ({ x_2: z_2, x_3: z_3 } = swap(mask2, z_2, z_3));
      const A = x_2 + z_2;
      const AA = modP(A * A);
      const B2 = x_2 - z_2;
      const BB = modP(B2 * B2);
      const E = AA - BB;
      const C = x_3 + z_3;
      const D = x_3 - z_3;
      const DA = modP(D * A);
      const CB = modP(C * B2);
      const dacb = DA + CB;
      const da_cb = DA - CB;
      x_3 = modP(dacb * dacb);
      z_3 = modP(x_1 * modP(da_cb * da_cb));
      x_2 = modP(AA * BB);
      z_2 = modP(E * (AA + modP(a24 * E)));
    }
    const mask = cmask(P2, k);
    ({ x_2, x_3 } = swap(mask, x_2, x_3));
    ({ x_2: z_2, x_3: z_3 } = swap(mask, z_2, z_3));
    const z2 = powPminus2(z_2);
    return modP(x_2 * z2);
  }
  const lengths = {
    secretKey: fieldLen,
    publicKey: fieldLen,
    seed: fieldLen
  };
  const randomSecretKey = (seed) => {
    seed = seed === void 0 ? randomBytes_(fieldLen) : seed;
    abytes2(seed, lengths.seed, "seed");
    return seed;
  };
  const utils = { randomSecretKey };
  Object.freeze(lengths);
  Object.freeze(utils);
  return Object.freeze({
    keygen: createKeygen(randomSecretKey, getPublicKey),
    getSharedSecret,
    getPublicKey,
    scalarMult,
    scalarMultBase,
    utils,
    GuBytes: GuBytes.slice(),
    lengths
  });
}

// node_modules/@noble/curves/ed25519.js
var _0n6 = /* @__PURE__ */ BigInt(0);
var _1n6 = /* @__PURE__ */ BigInt(1);
var _2n4 = /* @__PURE__ */ BigInt(2);
var _3n2 = /* @__PURE__ */ BigInt(3);
var _5n2 = /* @__PURE__ */ BigInt(5);
var _8n3 = /* @__PURE__ */ BigInt(8);
var ed25519_CURVE_p = /* @__PURE__ */ BigInt("0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");
var ed25519_CURVE = /* @__PURE__ */ (() => ({
  p: ed25519_CURVE_p,
  n: BigInt("0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"),
  h: _8n3,
  a: BigInt("0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec"),
  d: BigInt("0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"),
  Gx: BigInt("0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a"),
  Gy: BigInt("0x6666666666666666666666666666666666666666666666666666666666666658")
}))();
function ed25519_pow_2_252_3(x) {
  const _10n = BigInt(10), _20n = BigInt(20), _40n = BigInt(40), _80n = BigInt(80);
  const P2 = ed25519_CURVE_p;
  const x2 = x * x % P2;
  const b2 = x2 * x % P2;
  const b4 = pow2(b2, _2n4, P2) * b2 % P2;
  const b5 = pow2(b4, _1n6, P2) * x % P2;
  const b10 = pow2(b5, _5n2, P2) * b5 % P2;
  const b20 = pow2(b10, _10n, P2) * b10 % P2;
  const b40 = pow2(b20, _20n, P2) * b20 % P2;
  const b80 = pow2(b40, _40n, P2) * b40 % P2;
  const b160 = pow2(b80, _80n, P2) * b80 % P2;
  const b240 = pow2(b160, _80n, P2) * b80 % P2;
  const b250 = pow2(b240, _10n, P2) * b10 % P2;
  const pow_p_5_8 = pow2(b250, _2n4, P2) * x % P2;
  return { pow_p_5_8, b2 };
}
function adjustScalarBytes(bytes2) {
  bytes2[0] &= 248;
  bytes2[31] &= 127;
  bytes2[31] |= 64;
  return bytes2;
}
var ED25519_SQRT_M1 = /* @__PURE__ */ BigInt("19681161376707505956807079304988542015446066515923890162744021073123829784752");
function uvRatio(u, v) {
  const P2 = ed25519_CURVE_p;
  const v3 = mod(v * v * v, P2);
  const v7 = mod(v3 * v3 * v, P2);
  const pow3 = ed25519_pow_2_252_3(u * v7).pow_p_5_8;
  let x = mod(u * v3 * pow3, P2);
  const vx2 = mod(v * x * x, P2);
  const root1 = x;
  const root2 = mod(x * ED25519_SQRT_M1, P2);
  const useRoot1 = vx2 === u;
  const useRoot2 = vx2 === mod(-u, P2);
  const noRoot = vx2 === mod(-u * ED25519_SQRT_M1, P2);
  if (useRoot1)
    x = root1;
  if (useRoot2 || noRoot)
    x = root2;
  if (isNegativeLE(x, P2))
    x = mod(-x, P2);
  return { isValid: useRoot1 || useRoot2, value: x };
}
var ed25519_Point = /* @__PURE__ */ edwards(ed25519_CURVE, { uvRatio });
var Fp = /* @__PURE__ */ (() => ed25519_Point.Fp)();
function toMontgomery(point) {
  const { y } = point;
  return Fp.toBytes(Fp.div(_1n6 + y, _1n6 - y));
}
function toMontgomerySecret(secretKey) {
  const size = ed25519_Point.Fp.BYTES;
  abytes(secretKey, size);
  return adjustScalarBytes(sha512(secretKey.subarray(0, size))).subarray(0, size);
}
function ed(opts2) {
  return eddsa(ed25519_Point, sha512, Object.assign({ adjustScalarBytes, toMontgomery, toMontgomerySecret, zip215: true }, opts2));
}
var ed25519 = /* @__PURE__ */ ed({});
var x25519 = /* @__PURE__ */ (() => {
  const P2 = ed25519_CURVE_p;
  const powPminus2 = (x) => {
    const { pow_p_5_8, b2 } = ed25519_pow_2_252_3(x);
    return mod(pow2(pow_p_5_8, _3n2, P2) * b2, P2);
  };
  return montgomery({
    P: P2,
    type: "x25519",
    powPminus2,
    adjustScalarBytes,
    // ~3x faster fixed-base: [k]B on the birationally-equivalent Edwards curve using cached
    // base tables, mapped back via u = (1+y)/(1-y) = (Z+Y)/(Z-Y) with one Fermat inversion.
    // Same construction as libsodium's crypto_scalarmult_curve25519_base.
    scalarMultBase: (k) => {
      const kn = mod(k, ed25519_Point.Fn.ORDER);
      if (kn === _0n6)
        return _0n6;
      const p = ed25519_Point.BASE.multiply(kn);
      return mod((p.Z + p.Y) * powPminus2(mod(p.Z - p.Y, P2)), P2);
    }
  });
})();

// src/ed25519.js
var { Point } = ed25519;
var L = Point.Fn.ORDER;
var P = Point.Fp.ORDER;
var SPKI = Uint8Array.of(48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0);
function little(bytes2) {
  let number = 0n;
  for (let i = bytes2.length - 1; i >= 0; i -= 1) number = number << 8n | BigInt(bytes2[i]);
  return number;
}
function strictPoint(bytes2) {
  try {
    const point = Point.fromBytes(bytes2, false);
    return point.isSmallOrder() ? null : point;
  } catch {
    return null;
  }
}
var KEPT = 16;
var kept = /* @__PURE__ */ new Map();
function keyPoint(key2) {
  const name = hex(key2);
  let known = kept.get(name);
  if (known) {
    kept.delete(name);
    known.uses += 1;
    if (known.uses === 4 && known.point) known.point.precompute(6);
  } else {
    known = { point: key2.length === 32 ? strictPoint(key2) : null, uses: 1 };
  }
  kept.set(name, known);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return known.point;
}
function verifies(key2, message, signature) {
  if (signature.length !== 64) return false;
  const A = keyPoint(key2);
  if (!A) return false;
  const encodedR = signature.subarray(0, 32);
  const s = little(signature.subarray(32));
  if (s >= L) return false;
  const k = little(sha512(concat(encodedR, key2, message))) % L;
  const R = Point.BASE.multiplyUnsafe(s).add(A.multiplyUnsafe(k).negate());
  return !R.isSmallOrder() && equal(R.toBytes(), encodedR);
}
var fingerprint = (key2) => hex(sha256(concat(SPKI, key2)));
function isRatio(first, ratio, second) {
  const r = little(ratio);
  if (ratio.length !== 32 || r >= L) return false;
  const [one2, two] = [strictPoint(first), strictPoint(second)];
  if (!one2 || !two || !one2.isTorsionFree() || !two.isTorsionFree()) return false;
  return one2.multiplyUnsafe(r).equals(two);
}
var isTorsionFree = (key2) => key2.length === 32 && (strictPoint(key2)?.isTorsionFree() ?? false);
var SMALL_U = /* @__PURE__ */ new Set([
  0n,
  1n,
  P - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n
]);
function isSealable(key2) {
  const u = little(key2) & (1n << 255n) - 1n;
  return key2.length === 32 && !SMALL_U.has(u % P);
}

// src/time.js
var SPELLING = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\.(\d{6})Z$/;
var MICROS = 1000000n;
function parseTime(text2) {
  const parts = SPELLING.exec(text2);
  if (!parts) return null;
  const [year, month, day, hour, minute, second, micro] = parts.slice(1).map(Number);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return null;
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second)) * 1000n + BigInt(micro);
}
function formatTime(micros) {
  const whole = new Date(Number(micros / MICROS) * 1e3).toISOString().slice(0, 19);
  return `${whole}.${String(micros % MICROS).padStart(6, "0")}Z`;
}
var seconds = (count2) => BigInt(count2) * MICROS;
var LATEST = BigInt(Date.UTC(9999, 11, 31, 23, 59, 59)) * 1000n + 999999n;
var plus = (time2, span) => time2 + span < LATEST ? time2 + span : LATEST;
var ceilSeconds = (micros) => (micros + MICROS - 1n) / MICROS;
var lastSecond = Date.UTC(9999, 11, 31, 23, 59, 59) / 1e3;

// src/talk.js
var PREKEY_LABEL = utf8("pregao/prekey/v1");
var ML_KEM = 1184;
var Q = 3329;
var AFTER = seconds(30 * 24 * 3600);
var MOST_BESIDE_SIGNED = 4;
var MOST_IN_ONE = 5;
var MOST_WAITING = 8;
var MOST_EVER = 256;
function isPrekey(key2) {
  for (let i = 0; i < ML_KEM - 32; i += 3) {
    const first = key2[i] | (key2[i + 1] & 15) << 8;
    const second = key2[i + 1] >> 4 | key2[i + 2] << 4;
    if (first >= Q || second >= Q) return false;
  }
  const half = key2.subarray(ML_KEM);
  return half[31] < 128 && isSealable(half);
}
var named = (key2) => hex(sha256(concat(PREKEY_LABEL, key2)));
var requireTime = (terms, { time: time2 }) => refuseUnless(time2 <= terms.deadline + AFTER, "talk.over");
var requireSize = (once, most) => refuseUnless(once.length >= 1 && once.length <= most, "talk.keys");
function judgeAlone(terms, { verb, body }, header) {
  if (verb === "talk") requireSize(body.once, MOST_BESIDE_SIGNED);
  if (verb === "talk-keys") requireSize(body.once, MOST_IN_ONE);
  requireTime(terms, header);
}
var Talks = class {
  #terms;
  #sides = {};
  #pair = null;
  // Every key that was published; of a one-time key whether nothing was sealed to it.
  #known = /* @__PURE__ */ new Map();
  constructor(terms) {
    this.#terms = terms;
  }
  apply(side, { verb, body, key: key2 }, header) {
    requireTime(this.#terms, header);
    if (verb === "talk") this.#talk(side, body);
    else if (verb === "talk-keys") this.#keys(side, body);
    else this.#say(body, key2);
  }
  // V-310 and V-311
  #talk(side, { agreement: agreement2, signed: signed2, once, pair }) {
    refuseUnless(this.#sides[side] === void 0, "talk.keys");
    requireSize(once, MOST_BESIDE_SIGNED);
    this.#requireNew([signed2, ...once]);
    const other = Object.values(this.#sides)[0];
    refuseUnless(other === void 0 || !equal(other.agreement, agreement2), "talk.keys");
    refuseUnless(pair !== void 0 === (other !== void 0), "talk.pair");
    this.#pair ??= pair ?? null;
    this.#sides[side] = { agreement: agreement2, waiting: /* @__PURE__ */ new Set(), published: 0 };
    this.#known.set(named(signed2), null);
    this.#publish(side, once);
  }
  // V-312
  #keys(side, { once }) {
    const own = this.#sides[side];
    refuseUnless(own !== void 0, "talk.keys");
    requireSize(once, MOST_IN_ONE);
    refuseUnless(own.waiting.size + once.length <= MOST_WAITING && own.published + once.length <= MOST_EVER, "talk.keys");
    this.#requireNew(once);
    this.#publish(side, once);
  }
  // V-314
  #say({ once }, key2) {
    refuseUnless(this.#pair !== null && equal(key2, this.#pair), "verb.author");
    const name = hex(once);
    const side = this.#known.get(name);
    refuseUnless(side !== void 0 && side !== null, "say.key");
    refuseUnless(this.#sides[side].waiting.delete(name), "say.key-used");
  }
  #requireNew(keys) {
    const names = keys.map(named);
    refuseUnless(new Set(names).size === names.length && names.every((name) => !this.#known.has(name)), "talk.keys");
  }
  #publish(side, once) {
    for (const name of once.map(named)) {
      this.#known.set(name, side);
      this.#sides[side].waiting.add(name);
    }
    this.#sides[side].published += once.length;
  }
};

// src/json.js
var no = () => {
  throw new Broken("malformed");
};
function parse(text2) {
  try {
    return JSON.parse(text2);
  } catch {
    return void 0;
  }
}
function readExact(text2, shape) {
  const value = parse(text2);
  if (value === void 0) no();
  const { meant, written } = shape(value);
  if (JSON.stringify(written) !== text2) no();
  return meant;
}
var scalar = (meant, written) => ({ meant, written });
var string = (accept = () => true) => (value) => typeof value === "string" && isWellFormed(value) && accept(value) ? scalar(value, value) : no();
var STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
var BLANK = /^[ \u00a0\u00ad\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200d\u202f\u205f-\u2065\u2800\u3000\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]*$/u;
var steers = (value) => STEERING.test(value);
var isShown = (value, most) => !steers(value) && !BLANK.test(value) && count(value) <= most;
var text = (most) => string((value) => isShown(value, most));
function count(value) {
  let characters = 0;
  for (const _ of value) characters += 1;
  return characters;
}
var oneOf = (...names) => string((value) => names.includes(value));
var integer = (least = 0, most = Number.MAX_SAFE_INTEGER) => (value) => Number.isSafeInteger(value) && value >= least && value <= most ? scalar(value, value) : no();
var boolean = (value) => typeof value === "boolean" ? scalar(value, value) : no();
var yes = (value) => value === true ? scalar(true, true) : no();
var lines = string((value) => {
  const bare = value.replaceAll("\n", "");
  return !steers(bare) && (value === "" || !BLANK.test(bare));
});
var oneMember = (members) => (value) => {
  const names = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  if (names.length !== 1 || !Object.hasOwn(members, names[0])) no();
  const { meant, written } = members[names[0]](value[names[0]]);
  return scalar({ name: names[0], ...meant }, { [names[0]]: written });
};
var spelled = (read) => (value) => {
  const meant = typeof value === "string" ? read(value) : null;
  return meant === null ? no() : scalar(meant, value);
};
var time = spelled(parseTime);
var name32 = spelled((value) => fromHex32(value) ? value : null);
var bytes = (accept) => spelled((value) => {
  const meant = fromBase64url(value);
  return meant && accept(meant) ? meant : null;
});
var bytesOf = (size, accept = () => true) => bytes((meant) => meant.length === size && accept(meant));
var list = (shape) => (value) => {
  if (!Array.isArray(value)) no();
  const items = value.map(shape);
  return scalar(
    items.map((item) => item.meant),
    items.map((item) => item.written)
  );
};
var someOf = (shape) => (value) => Array.isArray(value) && value.length > 0 ? list(shape)(value) : no();
var object = (members) => (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) no();
  const meant = {};
  const written = {};
  for (const [name, shape] of Object.entries(members)) {
    if (Object.hasOwn(value, name)) {
      const item = (shape.optional ?? shape)(value[name]);
      meant[name] = item.meant;
      written[name] = item.written;
    } else if (!shape.optional) {
      no();
    }
  }
  return scalar(meant, written);
};
var optional = (shape) => ({ optional: shape });

// src/bodies.js
var amount = integer(1);
var small = integer(0, 4294967295);
var currency = string((value) => /^[A-Z]{3}$/.test(value));
var hash = bytesOf(32);
var key = bytesOf(32);
var seal = bytesOf(32, isSealable);
var BROKER_KEYS = object({ session: key, head: key, entry: key, delivery: seal });
var ONE_PIECE = [4028, 16316, 65451];
var BLOB_SIZES = [...ONE_PIECE, ...Array.from({ length: 8 }, (_, power) => 65451 * 2 ** (power + 1))];
var BLOB = object({ digest: hash, size: (value) => BLOB_SIZES.includes(value) ? integer()(value) : integer(1, 0)(value) });
var WITNESSES = list(object({ name: string(), key, operator: string() }));
var KEYS = list(key);
function isQuorumOfWitnesses(witnesses, quorum) {
  const different = (items) => new Set(items).size;
  const operators2 = different(witnesses.map((witness) => witness.operator));
  return witnesses.length <= 5 && witnesses.every(({ name, operator }) => /^[A-Za-z0-9./_-]{1,48}$/.test(name) && /^[A-Za-z0-9./_-]{1,32}$/.test(operator)) && different(witnesses.map((witness) => witness.name)) === witnesses.length && different(witnesses.map((witness) => String(witness.key))) === witnesses.length && (operators2 === 0 ? quorum === 0 : quorum * 2 > operators2 && quorum <= operators2);
}
var LIST = object({
  title: text(80),
  description: optional(text(1e3)),
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
  sealed: optional(object({ price: oneOf("first", "second"), needed: integer(), locks: optional(someOf(key)) })),
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
  simulated: optional(yes)
});
var PADDLE = object({
  name: string((name) => /^[a-z0-9-]{1,16}$/.test(name)),
  earlier: optional(object({ seq: integer(), ratio: bytesOf(32) }))
});
var REVEAL = object({
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
  simulated: optional(yes)
});
var COSIGNED = object({ witness: key, time: integer(), signature: bytesOf(64) });
var any = bytes(() => true);
var SEALED_BID = object({ broker: any, shares: list(any), commitment: hash, amount: any, seal, paddle: optional(PADDLE) });
var OPENED = object({ key: bytesOf(32), locks: list(object({ tsa: integer(), secret: bytesOf(32) })), cosigned: list(COSIGNED) });
var BOX = object({
  handle: optional(text(32)),
  about: optional(text(200)),
  agreement: seal,
  letters: small,
  bytes: integer(),
  freshness: small,
  // V-274 judges whether anything can be sealed to it.
  broker: object({ session: key, head: key, entry: key, delivery: key }),
  stamps: KEYS,
  simulated: optional(yes)
});
var DEPOSIT = object({
  envelope: BLOB,
  attachments: optional(someOf(BLOB)),
  signed: hash,
  once: optional(object({ stock: hash, index: small })),
  expires: optional(time),
  registered: optional(object({ half: bytesOf(80), commitment: hash }))
});
var ONE_LETTER = object({ letter: integer() });
var PASSES = object({
  freshness: small,
  broker: object({ session: key, head: key, entry: key, delivery: key }),
  stamps: KEYS,
  witnesses: WITNESSES,
  quorum: small,
  simulated: boolean
});
var PREKEY = bytesOf(1216, isPrekey);
var ONCE = list(PREKEY);
var agreement = bytesOf(32, (value) => value[31] < 128 && isSealable(value));
var TALK = ["talk", "talk-keys", "sealed-say"];
var VERBS = new Map(
  Object.entries({
    list: { body: LIST, opens: true },
    bid: { body: object({ amount, currency, seal, paddle: optional(PADDLE) }) },
    sealing: { body: object({ key: bytesOf(32), locks: list(string()) }), broker: true },
    "sealed-bid": { body: SEALED_BID },
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
      broker: true
    },
    withdrawn: { body: object({ side: oneOf("seller", "winner"), outcome: hash }), broker: true },
    reveal: { body: REVEAL, broker: true, opens: true },
    disclose: { body: object({ sealed: bytes((sealed) => sealed.length <= 8400) }) },
    withdraw: { body: object({}) },
    absent: { body: object({ seller: boolean, winner: boolean }), broker: true },
    talk: { body: object({ agreement, signed: PREKEY, once: ONCE, pair: optional(key) }) },
    "talk-keys": { body: object({ once: ONCE }) },
    "sealed-say": { body: object({ once: hash, sealed: bytesOf(4028) }) },
    box: { body: BOX, opens: true, signer: "owner" },
    keys: { body: object({ signed: hash, stock: optional(object({ root: hash, count: small })), blob: BLOB }), signer: "owner" },
    deposit: { body: DEPOSIT, signer: "guest" },
    taken: { body: object({ letters: list(integer()), told: optional(yes) }), signer: "owner" },
    accepted: { body: ONE_LETTER, signer: "owner" },
    handed: { body: object({ letter: integer(), half: bytesOf(32) }), broker: true },
    declined: { body: ONE_LETTER, signer: "owner" },
    lapsed: { body: ONE_LETTER, broker: true },
    "box-closed": { body: object({}), signer: "owner" },
    passes: { body: PASSES, broker: true, opens: true },
    "pass-key": { body: object({ day: small, key: any }), broker: true }
  })
);

// src/jws.js
function split2(jws) {
  const parts = jws.split(".");
  refuseUnless(parts.length === 3, "malformed");
  const [header, payload2, signature] = parts.map(fromBase64url);
  refuseUnless(header && payload2 && signature, "malformed");
  const texts = [utf8Text(header), utf8Text(payload2)];
  refuseUnless(texts[0] !== null && texts[1] !== null, "malformed");
  return { header: texts[0], payload: texts[1], signed: utf8(`${parts[0]}.${parts[1]}`), signature };
}
function isBy(parts, typ, fingerprint2, key2) {
  return parts.header === `{"alg":"EdDSA","typ":"${typ}","kid":"${fingerprint2}"}` && verifies(key2, parts.signed, parts.signature);
}
function ownKey(header, typ) {
  const x = parse(header)?.jwk?.x;
  const key2 = typeof x === "string" ? fromBase64url(x) : null;
  const expected = `{"alg":"EdDSA","typ":"${typ}","jwk":{"kty":"OKP","crv":"Ed25519","x":"${x}"}}`;
  return key2 && key2.length === 32 && header === expected ? key2 : null;
}

// src/certificate.js
var LONGEST = 3200;
var LONGEST_LINE = 4096;
var LINE = object({ certificate: string() });
var CONTENT = object({
  keys: BROKER_KEYS,
  authorities: KEYS,
  stamps: KEYS,
  witnesses: WITNESSES,
  quorum: integer(),
  simulated: boolean,
  // Absent if there are none.
  locks: optional(someOf(key))
});
var few = (keys) => keys.length >= 1 && keys.length <= 8;
var offersEachOnce = ({ stamps, locks = [] }) => locks.length <= 8 && new Set(locks.map(String)).size === locks.length && locks.every((one2) => !stamps.some((stamp) => String(stamp) === String(one2)));
var readCertificate = (text2) => under("V-077", () => {
  refuseUnless(text2.length <= LONGEST, "V-077");
  const parts = split2(text2);
  const content = readExact(parts.payload, CONTENT);
  refuseUnless(few(content.authorities) && few(content.stamps), "V-077");
  refuseUnless(offersEachOnce(content), "V-077");
  refuseUnless(isQuorumOfWitnesses(content.witnesses, content.quorum), "V-077");
  const { session } = content.keys;
  refuseUnless(isBy(parts, "pregao-broker-v1", fingerprint(session), session), "V-077");
  return content;
});
function certificateAlone(text2) {
  if (utf8(text2).length > LONGEST_LINE) return null;
  try {
    return readExact(text2, LINE).certificate;
  } catch (failure) {
    if (failure instanceof Broken) return null;
    throw failure;
  }
}
var NAMES = ["session", "head", "entry", "delivery"];
var isOfKeys = (certificate2, keys) => NAMES.every((name) => String(certificate2.keys[name]) === String(keys[name]));

// src/merkle.js
var LEAF = Uint8Array.of(0);
var NODE = Uint8Array.of(1);
var EMPTY_ROOT = sha256(new Uint8Array());
var leafHash = (bytes2) => sha256(concat(LEAF, bytes2));
var nodeHash = (left2, right) => sha256(concat(NODE, left2, right));
var Tree = class {
  #peaks = [];
  #roots = [EMPTY_ROOT];
  get size() {
    return this.#roots.length - 1;
  }
  /** The root at a size that the tree had. */
  root(size = this.size) {
    return this.#roots[size];
  }
  append(bytes2) {
    let hash2 = leafHash(bytes2);
    for (let size = this.size; size % 2 === 1; size = (size - 1) / 2) hash2 = nodeHash(this.#peaks.pop(), hash2);
    this.#peaks.push(hash2);
    this.#roots.push(this.#peaks.reduceRight((right, left2) => nodeHash(left2, right)));
  }
};
function isIncluded(hash2, index, size, path3, root) {
  if (index >= size || path3.length % 32 !== 0) return false;
  let node = index;
  let last = size - 1;
  let at = 0;
  let result = hash2;
  while (last > 0) {
    if (node % 2 === 1 || node < last) {
      if (at === path3.length) return false;
      const beside = path3.subarray(at, at + 32);
      at += 32;
      result = node % 2 === 1 ? nodeHash(beside, result) : nodeHash(result, beside);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return at === path3.length && equal(result, root);
}

// src/action.js
var LONGEST2 = 16384;
var ROOM_LABEL = utf8("pregao/room/v1");
var id = string((value) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value));
var SEEN_NOTHING = object({ size: integer(0, 0), root: bytesOf(32, (root) => equal(root, EMPTY_ROOT)) });
var SEEN = object({ size: integer(1), root: bytesOf(32) });
function payload(value) {
  const kind = VERBS.get(value?.verb);
  refuseUnless(kind !== void 0, "malformed");
  return object({
    id,
    ...kind.opens ? {} : { room: name32 },
    verb: string(),
    body: kind.body,
    seen: kind.opens ? SEEN_NOTHING : SEEN
  })(value);
}
function readAction(text2) {
  refuseUnless(text2.length <= LONGEST2, "malformed");
  const parts = split2(text2);
  const key2 = ownKey(parts.header, "pregao-action-v1");
  refuseUnless(key2 !== null, "malformed");
  const action = readExact(parts.payload, payload);
  refuseUnless(verifies(key2, parts.signed, parts.signature), "malformed");
  const { opens = false, broker: byBroker = false, signer = null } = VERBS.get(action.verb);
  return { ...action, key: key2, digest: sha256(utf8(text2)), opens, byBroker, signer };
}
var roomName = (opening) => hex(sha256(concat(ROOM_LABEL, utf8(opening))));

// src/box.js
var VERBS2 = ["keys", "deposit", "taken", "accepted", "handed", "declined", "lapsed", "box-closed"];
var PREKEY2 = 1216;
var MOST_LETTERS = 1e4;
var MOST_BYTES = 2 ** 30;
var MOST_KEYS = 256;
var MOST_STOCKS = 8;
var MOST_ATTACHED = 8;
var MOST_TAKEN = 256;
var LONGEST3 = seconds(366 * 86400);
var REGISTERED_FOR = seconds(15 * 86400);
var COMMITMENT_LABEL = utf8("pregao/registered-commitment/v1");
var between = (number, least, most) => number >= least && number <= most;
var hasPossibleTerms = ({ freshness, stamps, broker, letters, bytes: bytes2 }) => between(freshness, 1, 60) && between(stamps.length, 1, 8) && isSealable(broker.delivery) && between(letters, 1, MOST_LETTERS) && between(bytes2, ONE_PIECE[0], MOST_BYTES);
function holding(bytes2) {
  let size = ONE_PIECE.find((one2) => bytes2 <= one2) ?? ONE_PIECE.at(-1);
  while (size < bytes2) size *= 2;
  return size;
}
var blobs = ({ envelope, attachments = [] }) => [envelope, ...attachments];
var bytesOf2 = (deposit2) => blobs(deposit2).reduce((sum, blob) => sum + blob.size, 0);
var Box = class _Box {
  static kind = "box";
  static access = "owner";
  ended = false;
  #signed = null;
  // Digests of signed keys and roots of stocks that were published.
  #published = /* @__PURE__ */ new Set();
  // `{root, count, used}`, the oldest first.
  #stocks = [];
  // Envelopes that came under the signed key of now.
  #came = /* @__PURE__ */ new Set();
  // By position: `{bytes, expires}`, and if it is registered and nobody decided about it `undecided`: `{until, commitment}`.
  #waiting = /* @__PURE__ */ new Map();
  // The registered letter that the last entry accepts: `{seq, commitment}`.
  #accepted = null;
  constructor(opening) {
    this.terms = opening.body;
    refuseUnless(hasPossibleTerms(this.terms), "box.terms");
  }
  /** V-333: no log ends between the two. */
  complete() {
    refuseUnless(this.#accepted === null, "V-333");
  }
  /** V-061: what can be judged of an entry without the log. */
  static judgeAlone(terms, { verb, body, seen }, { time: time2 }) {
    refuseUnless(VERBS2.includes(verb), "verb.kind");
    if (verb === "keys") {
      const count2 = body.stock?.count ?? 0;
      const counts = body.stock === void 0 || between(count2, 1, MOST_KEYS);
      refuseUnless(counts && body.blob.size === holding((count2 + 1) * PREKEY2), "box.keys");
    } else if (verb === "deposit") {
      const all = blobs(body);
      const distinct = new Set(all.map((blob) => hex(blob.digest))).size === all.length;
      refuseUnless(ONE_PIECE.includes(body.envelope.size) && all.length <= MOST_ATTACHED + 1 && distinct, "deposit.size");
      const { expires, registered } = body;
      refuseUnless(expires === void 0 || registered === void 0, "deposit.expiry");
      refuseUnless(expires === void 0 || expires > time2 && expires <= time2 + LONGEST3, "deposit.expiry");
    } else if (verb === "taken") {
      const { letters } = body;
      const ascend = letters.every((seq, at) => at === 0 || seq > letters[at - 1]);
      refuseUnless(ascend && between(letters.length, 1, MOST_TAKEN), "taken.letter");
      refuseUnless(letters.at(-1) < seen.size, "taken.letter");
    } else if (verb === "accepted" || verb === "declined") {
      refuseUnless(body.letter < seen.size, "registered.letter");
    }
  }
  /** Judges an entry and takes it in. */
  apply(action, header, seq, ledger) {
    _Box.judgeAlone(this.terms, action, header);
    refuseUnless(!this.ended, "verb.phase");
    const { verb, body } = action;
    if (this.#accepted !== null) {
      this.#handOver(verb, body);
      this.#expire(header, ledger);
      return;
    }
    if (verb === "keys") this.#judgeKeys(body);
    if (verb === "deposit") this.#judgeSealing(body);
    if (verb === "deposit") this.#judgeRoom(body, this.#stillWaiting(header, ledger));
    if (verb === "taken") {
      const waiting = new Map(this.#stillWaiting(header, ledger));
      refuseUnless(body.letters.every((one2) => waiting.has(one2)), "taken.letter");
    }
    this.#judgeRegistered(verb, body, header.time);
    this.#expire(header, ledger);
    if (verb === "keys") this.#publish(body);
    else if (verb === "deposit") this.#take(body, seq, header.time);
    else if (verb === "taken") body.letters.forEach((one2) => this.#waiting.delete(one2));
    else if (verb === "accepted") this.#accept(body.letter);
    else if (verb === "declined" || verb === "lapsed") this.#waiting.delete(body.letter);
    else this.ended = true;
  }
  // V-281: what has ended by the stamps of the log waits no more.
  #stillWaiting(header, ledger) {
    const now = header.time > ledger.newest ? header.time : ledger.newest;
    return [...this.#waiting].filter(([, letter2]) => letter2.expires === void 0 || letter2.expires > now);
  }
  #expire(header, ledger) {
    this.#waiting = new Map(this.#stillWaiting(header, ledger));
  }
  // V-332, V-334 to V-336
  #judgeRegistered(verb, body, time2) {
    const undecided = (seq) => this.#waiting.get(seq)?.undecided;
    if (verb === "accepted" || verb === "declined") {
      const letter2 = undecided(body.letter);
      refuseUnless(letter2 !== void 0, "registered.letter");
      refuseUnless(time2 < letter2.until, "registered.late");
    } else if (verb === "lapsed") {
      const letter2 = undecided(body.letter);
      refuseUnless(letter2 !== void 0 && time2 >= letter2.until, "lapsed.wrong");
    } else if (verb === "taken") {
      refuseUnless(!body.letters.some(undecided), "taken.registered");
    }
    refuseUnless(verb !== "handed", "handed.wrong");
  }
  #accept(seq) {
    const letter2 = this.#waiting.get(seq);
    this.#accepted = { seq, commitment: letter2.undecided.commitment };
    delete letter2.undecided;
  }
  // V-333 and V-334
  #handOver(verb, body) {
    const { seq, commitment } = this.#accepted;
    refuseUnless(verb === "handed" && body.letter === seq, "handed.pair");
    refuseUnless(equal(sha256(concat(COMMITMENT_LABEL, body.half)), commitment), "handed.wrong");
    this.#accepted = null;
  }
  // V-276
  #judgeKeys({ signed: signed2, stock }) {
    const isNew = (digest) => !this.#published.has(hex(digest));
    const restocked = this.#signed === hex(signed2) && stock !== void 0;
    refuseUnless((restocked || isNew(signed2)) && (stock === void 0 || isNew(stock.root)), "box.keys");
  }
  // V-277 and V-278
  #judgeSealing({ signed: signed2, once, envelope }) {
    refuseUnless(this.#signed === hex(signed2), "deposit.keys");
    if (once) {
      const stock = this.#stocks.find(({ root }) => root === hex(once.stock));
      refuseUnless(stock !== void 0 && once.index < stock.count, "deposit.keys");
      refuseUnless(!stock.used.has(once.index), "deposit.key-used");
    }
    refuseUnless(!this.#came.has(hex(envelope.digest)), "deposit.twice");
  }
  // V-280
  #judgeRoom(deposit2, waiting) {
    const bytes2 = waiting.reduce((sum, [, letter2]) => sum + letter2.bytes, bytesOf2(deposit2));
    refuseUnless(waiting.length < this.terms.letters && bytes2 <= this.terms.bytes, "deposit.full");
  }
  #publish({ signed: signed2, stock }) {
    if (this.#signed !== hex(signed2)) this.#came.clear();
    this.#signed = hex(signed2);
    this.#published.add(this.#signed);
    if (stock === void 0) return;
    this.#published.add(hex(stock.root));
    this.#stocks.push({ root: hex(stock.root), count: stock.count, used: /* @__PURE__ */ new Set() });
    if (this.#stocks.length > MOST_STOCKS) this.#stocks.shift();
  }
  #take(deposit2, seq, time2) {
    const { once, envelope, expires, registered } = deposit2;
    if (once) this.#stocks.find(({ root }) => root === hex(once.stock)).used.add(once.index);
    this.#came.add(hex(envelope.digest));
    const undecided = registered && { until: plus(time2, REGISTERED_FOR), commitment: registered.commitment };
    this.#waiting.set(seq, { bytes: bytesOf2(deposit2), expires, undecided });
  }
};

// src/content.js
var MOST_ATTACHED2 = 8;
var STEP = 256;
var TAG = 16;
var uuid = string((value) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value));
var mode = oneOf("evidence", "deniable");
var ADDRESS = object({
  box: name32,
  broker: string((value) => /^[!-~]{1,200}$/.test(value)),
  key: bytesOf(32),
  agreement: bytesOf(32)
});
var ATTACHMENT = object({
  name: string((value) => isShown(value, 120) && !value.startsWith(".") && !/[/\\]/.test(value)),
  media_type: string((value) => value.length <= 100 && /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/.test(value)),
  digest: bytesOf(32),
  size: integer(),
  key: bytesOf(32)
});
var VOUCH = object({ box: name32, mac: bytesOf(32) });
var version = (value) => integer(1, 1)(value);
var proofOf = (value) => bytesOf(value?.mode === "deniable" ? 32 : 64);
var LETTER = (value) => object({
  v: version,
  kind: oneOf("letter"),
  from: ADDRESS,
  id: uuid,
  reply_to: optional(uuid),
  vouch: optional(VOUCH),
  mode,
  wants_receipt: boolean,
  salt: bytesOf(32),
  subject: optional(text(200)),
  text: lines,
  attachments: list(ATTACHMENT),
  proof: proofOf(value)
})(value);
var isSomething = ({ text: said, attachments }) => attachments.length <= MOST_ATTACHED2 && (said !== "" || attachments.length > 0);
var PARTS = object({ text: lines, attachments: list(ATTACHMENT) });
var WITHIN = (value) => {
  const read = PARTS(value);
  refuseUnless(isSomething(read.meant), "malformed");
  return read;
};
var REGISTERED = (value) => object({
  v: version,
  kind: oneOf("registered"),
  from: ADDRESS,
  id: uuid,
  reply_to: optional(uuid),
  vouch: optional(VOUCH),
  mode,
  salt: bytesOf(32),
  subject: optional(text(200)),
  half: bytesOf(32),
  commitment: bytesOf(32),
  // V-337: whole steps of padding, and a tag.
  sealed: bytes((sealed) => sealed.length > TAG && (sealed.length - TAG) % STEP === 0),
  proof: proofOf(value)
})(value);
var READ = (value) => object({
  v: version,
  kind: oneOf("read"),
  from: ADDRESS,
  id: uuid,
  mode,
  salt: bytesOf(32),
  deposit: bytesOf(32),
  content: bytesOf(32),
  sender: name32,
  reader: name32,
  time,
  proof: proofOf(value)
})(value);
var COVER = (value) => object({
  v: version,
  kind: oneOf("cover"),
  from: ADDRESS,
  id: uuid,
  mode: oneOf("deniable"),
  salt: bytesOf(32),
  proof: proofOf(value)
})(value);
var KINDS = { read: READ, registered: REGISTERED, cover: COVER };
var readContent = (written) => under("V-245", () => {
  const kind = parse(written)?.kind;
  const content = readExact(written, Object.hasOwn(KINDS, kind) ? KINDS[kind] : LETTER);
  refuseUnless(content.vouch?.box !== content.from.box, "V-245");
  const holds = kind === "registered" || kind === "cover" || (kind === "read" ? content.reader === content.from.box : isSomething(content));
  refuseUnless(holds, "V-245");
  const unproven = `${written.slice(0, written.lastIndexOf(',"proof":"'))}}`;
  return { ...content, hash: sha256(concat(content.salt, utf8(unproven))) };
});

// node_modules/@noble/hashes/hmac.js
var _HMAC = class {
  oHash;
  iHash;
  blockLen;
  outputLen;
  canXOF = false;
  finished = false;
  destroyed = false;
  constructor(hash2, key2) {
    ahash(hash2);
    abytes(key2, void 0, "key");
    this.iHash = hash2.create();
    if (typeof this.iHash.update !== "function")
      throw new Error("expected Hash instance");
    this.blockLen = this.iHash.blockLen;
    this.outputLen = this.iHash.outputLen;
    const blockLen = this.blockLen;
    const pad = new Uint8Array(blockLen);
    pad.set(key2.length > blockLen ? hash2.create().update(key2).digest() : key2);
    for (let i = 0; i < pad.length; i++)
      pad[i] ^= 54;
    this.iHash.update(pad);
    this.oHash = hash2.create();
    for (let i = 0; i < pad.length; i++)
      pad[i] ^= 54 ^ 92;
    this.oHash.update(pad);
    clean(pad);
  }
  update(buf) {
    aexists(this);
    this.iHash.update(buf);
    return this;
  }
  digestInto(out) {
    aexists(this);
    aoutput(out, this);
    this.finished = true;
    const buf = out.subarray(0, this.outputLen);
    this.iHash.digestInto(buf);
    this.oHash.update(buf);
    this.oHash.digestInto(buf);
    this.destroy();
  }
  digest() {
    const out = new Uint8Array(this.oHash.outputLen);
    this.digestInto(out);
    return out;
  }
  _cloneInto(to) {
    to ||= Object.create(Object.getPrototypeOf(this), {});
    const { oHash, iHash, finished, destroyed, blockLen, outputLen, canXOF } = this;
    to = to;
    to.finished = finished;
    to.destroyed = destroyed;
    to.blockLen = blockLen;
    to.outputLen = outputLen;
    to.canXOF = canXOF;
    to.oHash = oHash._cloneInto(to.oHash);
    to.iHash = iHash._cloneInto(to.iHash);
    return to;
  }
  clone() {
    return this._cloneInto();
  }
  destroy() {
    this.destroyed = true;
    this.oHash.destroy();
    this.iHash.destroy();
  }
};
var hmac = /* @__PURE__ */ (() => {
  const hmac_ = ((hash2, key2, message) => new _HMAC(hash2, key2).update(message).digest());
  hmac_.create = (hash2, key2) => new _HMAC(hash2, key2);
  return hmac_;
})();

// node_modules/@noble/hashes/hkdf.js
function extract(hash2, ikm, salt) {
  ahash(hash2);
  if (salt === void 0)
    salt = new Uint8Array(hash2.outputLen);
  return hmac(hash2, salt, ikm);
}
var HKDF_COUNTER = /* @__PURE__ */ Uint8Array.of(0);
var EMPTY_BUFFER = /* @__PURE__ */ Uint8Array.of();
function expand(hash2, prk, info, length = 32, _recycled) {
  ahash(hash2);
  anumber(length, "length");
  abytes(prk, void 0, "prk");
  const olen = hash2.outputLen;
  if (prk.length < olen)
    throw new Error('"prk" must be at least HashLen octets');
  if (length > 255 * olen)
    throw new Error("Length must be <= 255*HashLen");
  const blocks = Math.ceil(length / olen);
  if (info === void 0)
    info = EMPTY_BUFFER;
  else
    abytes(info, void 0, "info");
  if (!blocks) {
    if (_recycled)
      clean(prk);
    return new Uint8Array();
  }
  const okm = _recycled && blocks === 1 ? prk : new Uint8Array(blocks * olen);
  const { iHash, oHash } = hmac.create(hash2, prk);
  const T = _recycled ? prk : new Uint8Array(olen);
  const worker = blocks > 1 ? _recycled?.iHash || hash2.create() : void 0;
  for (let counter = 0; counter < blocks - 1; counter++) {
    HKDF_COUNTER[0] = counter + 1;
    const iWork = iHash._cloneInto(worker);
    if (counter)
      iWork.update(T);
    iWork.update(info).update(HKDF_COUNTER).digestInto(T);
    oHash._cloneInto(worker).update(T).digestInto(T);
    okm.set(T, olen * counter);
  }
  HKDF_COUNTER[0] = blocks;
  if (blocks > 1)
    iHash.update(T);
  iHash.update(info).update(HKDF_COUNTER).digestInto(T);
  oHash.update(T).digestInto(T);
  okm.set(T, olen * (blocks - 1));
  iHash.destroy();
  oHash.destroy();
  worker?.destroy();
  if (T !== okm)
    clean(T);
  clean(HKDF_COUNTER);
  if (length === okm.length)
    return okm;
  const res = okm.slice(0, length);
  clean(okm);
  return res;
}
var hkdf = (hash2, ikm, salt, info, length) => {
  ahash(hash2);
  if (salt === void 0)
    salt = new Uint8Array(hash2.outputLen);
  const HMAC = hmac.create(hash2, salt).update(ikm);
  return expand(hash2, HMAC.digest(), info, length, HMAC);
};

// node_modules/@noble/ciphers/utils.js
function isBytes3(a) {
  return a instanceof Uint8Array || ArrayBuffer.isView(a) && a.constructor.name === "Uint8Array" && "BYTES_PER_ELEMENT" in a && a.BYTES_PER_ELEMENT === 1;
}
var atitle3 = (title) => title ? `"${title}" ` : "";
function abool3(value, title = "") {
  if (typeof value !== "boolean")
    throw new TypeError(atitle3(title) + "expected boolean, got type=" + typeof value);
  return value;
}
function anumber3(n, title = "") {
  if (typeof n !== "number")
    throw new TypeError(atitle3(title) + "expected number, got " + typeof n);
  if (!Number.isSafeInteger(n) || n < 0)
    throw new RangeError(atitle3(title) + "expected integer >= 0, got " + n);
  return n;
}
function abytes3(value, length, title = "") {
  if (isBytes3(value) && (length === void 0 || value.length === length))
    return value;
  if (length !== void 0)
    anumber3(length, "length");
  const bytes2 = isBytes3(value);
  const ofLen = length !== void 0 ? ` of length ${length}` : "";
  const got = bytes2 ? `length=${value.length}` : `type=${typeof value}`;
  const message = atitle3(title) + "expected Uint8Array" + ofLen + ", got " + got;
  if (!bytes2)
    throw new TypeError(message);
  throw new RangeError(message);
}
var aobject3 = (value, label) => {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new TypeError(label === "object" ? "expected valid options object" : `"${label}" expected object, got type=${typeof value}`);
};
function aexists2(instance, checkFinished = true) {
  if (instance.destroyed)
    throw new Error("hash was destroyed");
  if (checkFinished && instance.finished)
    throw new Error("digest() was already called");
}
function aoutput2(out, instance) {
  abytes3(out, void 0, "output");
  const min = instance.outputLen;
  if (!(out.length >= min)) {
    throw new RangeError('"output" expected length >= ' + min);
  }
}
function u322(arr) {
  return new Uint32Array(arr.buffer, arr.byteOffset, Math.floor(arr.byteLength / 4));
}
function clean2(...arrays) {
  for (let i = 0; i < arrays.length; i++) {
    arrays[i].fill(0);
  }
}
function createView2(arr) {
  return new DataView(arr.buffer, arr.byteOffset, arr.byteLength);
}
var isLE2 = /* @__PURE__ */ (() => new Uint8Array(new Uint32Array([287454020]).buffer)[0] === 68)();
function byteSwap2(word) {
  return word << 24 & 4278190080 | word << 8 & 16711680 | word >>> 8 & 65280 | word >>> 24 & 255;
}
function byteSwap322(arr) {
  for (let i = 0; i < arr.length; i++) {
    arr[i] = byteSwap2(arr[i]);
  }
  return arr;
}
var swap32IfBE2 = isLE2 ? (u) => u : byteSwap322;
function overlapBytes(a, b) {
  if (!a.byteLength || !b.byteLength)
    return false;
  return a.buffer === b.buffer && // best we can do, may fail with an obscure Proxy
  a.byteOffset < b.byteOffset + b.byteLength && // a starts before b end
  b.byteOffset < a.byteOffset + a.byteLength;
}
function complexOverlapBytes(input, output) {
  if (overlapBytes(input, output) && input.byteOffset < output.byteOffset)
    throw new Error("complex overlap of input and output is not supported");
}
function checkOpts2(defaults, opts2) {
  aobject3(defaults, "defaults");
  aobject3(opts2, "opts");
  const merged = Object.assign(defaults, opts2);
  return merged;
}
function equalBytes(a, b) {
  a = abytes3(a);
  b = abytes3(b);
  if (a.length !== b.length)
    return false;
  let diff = 0;
  for (let i = 0; i < a.length; i++)
    diff |= a[i] ^ b[i];
  return diff === 0;
}
function wrapMacConstructor(keyLen, macCons, fromMsg) {
  const mac = macCons;
  const getArgs = fromMsg || (() => []);
  const macC = (msg, key2) => mac(key2, ...getArgs(msg)).update(msg).digest();
  const tmp = mac(new Uint8Array(keyLen), ...getArgs(new Uint8Array(0)));
  macC.outputLen = tmp.outputLen;
  macC.blockLen = tmp.blockLen;
  macC.create = (key2, ...args) => mac(key2, ...args);
  return macC;
}
var wrapCipher = /* @__NO_SIDE_EFFECTS__ */ (params, constructor) => {
  function wrappedCipher(key2, ...args) {
    abytes3(key2, void 0, "key");
    if (params.nonceLength !== void 0) {
      const nonce = args[0];
      abytes3(nonce, params.varSizeNonce ? void 0 : params.nonceLength, "nonce");
    }
    const tagl = params.tagLength;
    const aadStart = params.nonceLength !== void 0 ? 1 : 0;
    if (!params.withAAD) {
      for (let i = aadStart; i < args.length; i++)
        if (isBytes3(args[i]))
          throw new Error("AAD not supported");
    }
    if (params.withAAD && args[aadStart] !== void 0)
      abytes3(args[aadStart], void 0, "AAD");
    const cipher = constructor(key2, ...args);
    const checkOutput = (fnLength, output) => {
      if (output !== void 0) {
        if (fnLength !== 2)
          throw new Error("cipher output not supported");
        abytes3(output, void 0, "output");
      }
    };
    let called = false;
    const wrCipher = {
      encrypt(data, output) {
        if (called)
          throw new Error("cannot encrypt() twice with same key + nonce");
        called = true;
        abytes3(data, void 0, "data");
        checkOutput(cipher.encrypt.length, output);
        return cipher.encrypt(data, output);
      },
      decrypt(data, output) {
        abytes3(data, void 0, "data");
        if (tagl && data.length < tagl)
          throw new Error('"ciphertext" expected length >= tagLength=' + tagl);
        checkOutput(cipher.decrypt.length, output);
        return cipher.decrypt(data, output);
      }
    };
    return wrCipher;
  }
  Object.assign(wrappedCipher, params);
  return wrappedCipher;
};
function getOutput(expectedLength, out, onlyAligned = true) {
  if (out === void 0)
    return new Uint8Array(expectedLength);
  abytes3(out, expectedLength, "output");
  if (onlyAligned && !isAligned32(out))
    throw new Error("invalid output, must be aligned");
  return out;
}
function u64Lengths(dataLength, aadLength, isLE3) {
  anumber3(dataLength);
  anumber3(aadLength);
  abool3(isLE3);
  const num = new Uint8Array(16);
  const view = createView2(num);
  view.setBigUint64(0, BigInt(aadLength), isLE3);
  view.setBigUint64(8, BigInt(dataLength), isLE3);
  return num;
}
function isAligned32(bytes2) {
  return bytes2.byteOffset % 4 === 0;
}
function copyBytes2(bytes2) {
  return Uint8Array.from(abytes3(bytes2));
}

// node_modules/@noble/ciphers/_arx.js
var encodeStr = (str) => Uint8Array.from(str.split(""), (c) => c.charCodeAt(0));
var sigma16_32 = /* @__PURE__ */ (() => swap32IfBE2(u322(encodeStr("expand 16-byte k"))))();
var sigma32_32 = /* @__PURE__ */ (() => swap32IfBE2(u322(encodeStr("expand 32-byte k"))))();
function rotl(a, b) {
  return a << b | a >>> 32 - b;
}
var BLOCK_LEN = 64;
var BLOCK_LEN32 = 16;
var MAX_COUNTER = /* @__PURE__ */ (() => 2 ** 32 - 1)();
var U32_EMPTY = /* @__PURE__ */ Uint32Array.of();
function runCipher(core, sigma, key2, nonce, data, output, counter, rounds) {
  const len = data.length;
  const block = new Uint8Array(BLOCK_LEN);
  const b32 = u322(block);
  const isAligned = isLE2 && isAligned32(data) && isAligned32(output);
  const d32 = isAligned ? u322(data) : U32_EMPTY;
  const o32 = isAligned ? u322(output) : U32_EMPTY;
  if (!isLE2) {
    for (let pos = 0; pos < len; counter++) {
      core(sigma, key2, nonce, b32, counter, rounds);
      swap32IfBE2(b32);
      if (counter >= MAX_COUNTER)
        throw new Error("arx: counter overflow");
      const take = Math.min(BLOCK_LEN, len - pos);
      for (let j = 0, posj; j < take; j++) {
        posj = pos + j;
        output[posj] = data[posj] ^ block[j];
      }
      pos += take;
    }
    return;
  }
  for (let pos = 0; pos < len; counter++) {
    core(sigma, key2, nonce, b32, counter, rounds);
    if (counter >= MAX_COUNTER)
      throw new Error("arx: counter overflow");
    const take = Math.min(BLOCK_LEN, len - pos);
    if (isAligned && take === BLOCK_LEN) {
      const pos32 = pos / 4;
      if (pos % 4 !== 0)
        throw new Error("arx: invalid block position");
      for (let j = 0, posj; j < BLOCK_LEN32; j++) {
        posj = pos32 + j;
        o32[posj] = d32[posj] ^ b32[j];
      }
      pos += BLOCK_LEN;
      continue;
    }
    for (let j = 0, posj; j < take; j++) {
      posj = pos + j;
      output[posj] = data[posj] ^ block[j];
    }
    pos += take;
  }
}
function createCipher(core, opts2) {
  const { allowShortKeys, extendNonceFn, counterLength, counterRight, rounds } = checkOpts2({ allowShortKeys: false, counterLength: 8, counterRight: false, rounds: 20 }, opts2);
  if (typeof core !== "function")
    throw new Error("core must be a function");
  anumber3(counterLength);
  anumber3(rounds);
  abool3(counterRight);
  abool3(allowShortKeys);
  return (key2, nonce, data, output, counter = 0) => {
    abytes3(key2, void 0, "key");
    abytes3(nonce, void 0, "nonce");
    abytes3(data, void 0, "data");
    const len = data.length;
    const hasOutput = output !== void 0;
    output = getOutput(len, output, false);
    if (hasOutput)
      complexOverlapBytes(data, output);
    anumber3(counter);
    if (counter < 0 || counter >= MAX_COUNTER)
      throw new Error("arx: counter overflow");
    const toClean = [];
    let l = key2.length;
    let k;
    let sigma;
    if (l === 32) {
      toClean.push(k = copyBytes2(key2));
      sigma = sigma32_32;
    } else if (l === 16 && allowShortKeys) {
      k = new Uint8Array(32);
      k.set(key2);
      k.set(key2, 16);
      sigma = sigma16_32;
      toClean.push(k);
    } else {
      abytes3(key2, 32, "arx key");
      throw new Error("invalid key size");
    }
    if (!isLE2 || !isAligned32(nonce))
      toClean.push(nonce = copyBytes2(nonce));
    let k32 = u322(k);
    if (extendNonceFn) {
      if (nonce.length !== 24)
        throw new Error("arx: extended nonce must be 24 bytes");
      const n16 = nonce.subarray(0, 16);
      if (isLE2)
        extendNonceFn(sigma, k32, u322(n16), k32);
      else {
        const sigmaRaw = swap32IfBE2(Uint32Array.from(sigma));
        extendNonceFn(sigmaRaw, k32, u322(n16), k32);
        clean2(sigmaRaw);
        swap32IfBE2(k32);
      }
      nonce = nonce.subarray(16);
    } else if (!isLE2)
      swap32IfBE2(k32);
    const nonceNcLen = 16 - counterLength;
    if (nonceNcLen !== nonce.length)
      throw new Error(`arx: nonce must be ${nonceNcLen} or 16 bytes`);
    if (nonceNcLen !== 12) {
      const nc = new Uint8Array(12);
      nc.set(nonce, counterRight ? 0 : 12 - nonce.length);
      nonce = nc;
      toClean.push(nonce);
    }
    const n32 = swap32IfBE2(u322(nonce));
    try {
      runCipher(core, sigma, k32, n32, data, output, counter, rounds);
      return output;
    } finally {
      clean2(...toClean);
    }
  };
}

// node_modules/@noble/ciphers/_poly1305.js
function u8to16(a, i) {
  return a[i++] & 255 | (a[i++] & 255) << 8;
}
var Poly1305 = class {
  blockLen = 16;
  outputLen = 16;
  buffer = new Uint8Array(16);
  r = new Uint16Array(10);
  // Allocating 1 array with .subarray() here is slower than 3
  h = new Uint16Array(10);
  pad = new Uint16Array(8);
  pos = 0;
  finished = false;
  destroyed = false;
  // Can be speed-up using BigUint64Array, at the cost of complexity
  constructor(key2) {
    key2 = copyBytes2(abytes3(key2, 32, "key"));
    const t0 = u8to16(key2, 0);
    const t1 = u8to16(key2, 2);
    const t2 = u8to16(key2, 4);
    const t3 = u8to16(key2, 6);
    const t4 = u8to16(key2, 8);
    const t5 = u8to16(key2, 10);
    const t6 = u8to16(key2, 12);
    const t7 = u8to16(key2, 14);
    this.r[0] = t0 & 8191;
    this.r[1] = (t0 >>> 13 | t1 << 3) & 8191;
    this.r[2] = (t1 >>> 10 | t2 << 6) & 7939;
    this.r[3] = (t2 >>> 7 | t3 << 9) & 8191;
    this.r[4] = (t3 >>> 4 | t4 << 12) & 255;
    this.r[5] = t4 >>> 1 & 8190;
    this.r[6] = (t4 >>> 14 | t5 << 2) & 8191;
    this.r[7] = (t5 >>> 11 | t6 << 5) & 8065;
    this.r[8] = (t6 >>> 8 | t7 << 8) & 8191;
    this.r[9] = t7 >>> 5 & 127;
    for (let i = 0; i < 8; i++)
      this.pad[i] = u8to16(key2, 16 + 2 * i);
  }
  process(data, offset, isLast = false) {
    const hibit = isLast ? 0 : 1 << 11;
    const { h, r } = this;
    const r0 = r[0];
    const r1 = r[1];
    const r2 = r[2];
    const r3 = r[3];
    const r4 = r[4];
    const r5 = r[5];
    const r6 = r[6];
    const r7 = r[7];
    const r8 = r[8];
    const r9 = r[9];
    const t0 = u8to16(data, offset + 0);
    const t1 = u8to16(data, offset + 2);
    const t2 = u8to16(data, offset + 4);
    const t3 = u8to16(data, offset + 6);
    const t4 = u8to16(data, offset + 8);
    const t5 = u8to16(data, offset + 10);
    const t6 = u8to16(data, offset + 12);
    const t7 = u8to16(data, offset + 14);
    let h0 = h[0] + (t0 & 8191);
    let h1 = h[1] + ((t0 >>> 13 | t1 << 3) & 8191);
    let h2 = h[2] + ((t1 >>> 10 | t2 << 6) & 8191);
    let h3 = h[3] + ((t2 >>> 7 | t3 << 9) & 8191);
    let h4 = h[4] + ((t3 >>> 4 | t4 << 12) & 8191);
    let h5 = h[5] + (t4 >>> 1 & 8191);
    let h6 = h[6] + ((t4 >>> 14 | t5 << 2) & 8191);
    let h7 = h[7] + ((t5 >>> 11 | t6 << 5) & 8191);
    let h8 = h[8] + ((t6 >>> 8 | t7 << 8) & 8191);
    let h9 = h[9] + (t7 >>> 5 | hibit);
    let c = 0;
    let d0 = c + h0 * r0 + h1 * (5 * r9) + h2 * (5 * r8) + h3 * (5 * r7) + h4 * (5 * r6);
    c = d0 >>> 13;
    d0 &= 8191;
    d0 += h5 * (5 * r5) + h6 * (5 * r4) + h7 * (5 * r3) + h8 * (5 * r2) + h9 * (5 * r1);
    c += d0 >>> 13;
    d0 &= 8191;
    let d1 = c + h0 * r1 + h1 * r0 + h2 * (5 * r9) + h3 * (5 * r8) + h4 * (5 * r7);
    c = d1 >>> 13;
    d1 &= 8191;
    d1 += h5 * (5 * r6) + h6 * (5 * r5) + h7 * (5 * r4) + h8 * (5 * r3) + h9 * (5 * r2);
    c += d1 >>> 13;
    d1 &= 8191;
    let d2 = c + h0 * r2 + h1 * r1 + h2 * r0 + h3 * (5 * r9) + h4 * (5 * r8);
    c = d2 >>> 13;
    d2 &= 8191;
    d2 += h5 * (5 * r7) + h6 * (5 * r6) + h7 * (5 * r5) + h8 * (5 * r4) + h9 * (5 * r3);
    c += d2 >>> 13;
    d2 &= 8191;
    let d3 = c + h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * (5 * r9);
    c = d3 >>> 13;
    d3 &= 8191;
    d3 += h5 * (5 * r8) + h6 * (5 * r7) + h7 * (5 * r6) + h8 * (5 * r5) + h9 * (5 * r4);
    c += d3 >>> 13;
    d3 &= 8191;
    let d4 = c + h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
    c = d4 >>> 13;
    d4 &= 8191;
    d4 += h5 * (5 * r9) + h6 * (5 * r8) + h7 * (5 * r7) + h8 * (5 * r6) + h9 * (5 * r5);
    c += d4 >>> 13;
    d4 &= 8191;
    let d5 = c + h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1;
    c = d5 >>> 13;
    d5 &= 8191;
    d5 += h5 * r0 + h6 * (5 * r9) + h7 * (5 * r8) + h8 * (5 * r7) + h9 * (5 * r6);
    c += d5 >>> 13;
    d5 &= 8191;
    let d6 = c + h0 * r6 + h1 * r5 + h2 * r4 + h3 * r3 + h4 * r2;
    c = d6 >>> 13;
    d6 &= 8191;
    d6 += h5 * r1 + h6 * r0 + h7 * (5 * r9) + h8 * (5 * r8) + h9 * (5 * r7);
    c += d6 >>> 13;
    d6 &= 8191;
    let d7 = c + h0 * r7 + h1 * r6 + h2 * r5 + h3 * r4 + h4 * r3;
    c = d7 >>> 13;
    d7 &= 8191;
    d7 += h5 * r2 + h6 * r1 + h7 * r0 + h8 * (5 * r9) + h9 * (5 * r8);
    c += d7 >>> 13;
    d7 &= 8191;
    let d8 = c + h0 * r8 + h1 * r7 + h2 * r6 + h3 * r5 + h4 * r4;
    c = d8 >>> 13;
    d8 &= 8191;
    d8 += h5 * r3 + h6 * r2 + h7 * r1 + h8 * r0 + h9 * (5 * r9);
    c += d8 >>> 13;
    d8 &= 8191;
    let d9 = c + h0 * r9 + h1 * r8 + h2 * r7 + h3 * r6 + h4 * r5;
    c = d9 >>> 13;
    d9 &= 8191;
    d9 += h5 * r4 + h6 * r3 + h7 * r2 + h8 * r1 + h9 * r0;
    c += d9 >>> 13;
    d9 &= 8191;
    c = (c << 2) + c | 0;
    c = c + d0 | 0;
    d0 = c & 8191;
    c = c >>> 13;
    d1 += c;
    h[0] = d0;
    h[1] = d1;
    h[2] = d2;
    h[3] = d3;
    h[4] = d4;
    h[5] = d5;
    h[6] = d6;
    h[7] = d7;
    h[8] = d8;
    h[9] = d9;
  }
  finalize() {
    const { h, pad } = this;
    const g = new Uint16Array(10);
    let c = h[1] >>> 13;
    h[1] &= 8191;
    for (let i = 2; i < 10; i++) {
      h[i] += c;
      c = h[i] >>> 13;
      h[i] &= 8191;
    }
    h[0] += c * 5;
    c = h[0] >>> 13;
    h[0] &= 8191;
    h[1] += c;
    c = h[1] >>> 13;
    h[1] &= 8191;
    h[2] += c;
    g[0] = h[0] + 5;
    c = g[0] >>> 13;
    g[0] &= 8191;
    for (let i = 1; i < 10; i++) {
      g[i] = h[i] + c;
      c = g[i] >>> 13;
      g[i] &= 8191;
    }
    g[9] -= 1 << 13;
    let mask = (c ^ 1) - 1;
    for (let i = 0; i < 10; i++)
      g[i] &= mask;
    mask = ~mask;
    for (let i = 0; i < 10; i++)
      h[i] = h[i] & mask | g[i];
    h[0] = (h[0] | h[1] << 13) & 65535;
    h[1] = (h[1] >>> 3 | h[2] << 10) & 65535;
    h[2] = (h[2] >>> 6 | h[3] << 7) & 65535;
    h[3] = (h[3] >>> 9 | h[4] << 4) & 65535;
    h[4] = (h[4] >>> 12 | h[5] << 1 | h[6] << 14) & 65535;
    h[5] = (h[6] >>> 2 | h[7] << 11) & 65535;
    h[6] = (h[7] >>> 5 | h[8] << 8) & 65535;
    h[7] = (h[8] >>> 8 | h[9] << 5) & 65535;
    let f = h[0] + pad[0];
    h[0] = f & 65535;
    for (let i = 1; i < 8; i++) {
      f = (h[i] + pad[i] | 0) + (f >>> 16) | 0;
      h[i] = f & 65535;
    }
    clean2(g);
  }
  update(data) {
    aexists2(this);
    abytes3(data);
    data = copyBytes2(data);
    const { buffer, blockLen } = this;
    const len = data.length;
    for (let pos = 0; pos < len; ) {
      const take = Math.min(blockLen - this.pos, len - pos);
      if (take === blockLen) {
        for (; blockLen <= len - pos; pos += blockLen)
          this.process(data, pos);
        continue;
      }
      buffer.set(data.subarray(pos, pos + take), this.pos);
      this.pos += take;
      pos += take;
      if (this.pos === blockLen) {
        this.process(buffer, 0, false);
        this.pos = 0;
      }
    }
    return this;
  }
  destroy() {
    this.destroyed = true;
    clean2(this.h, this.r, this.buffer, this.pad);
  }
  digestInto(out) {
    aexists2(this);
    aoutput2(out, this);
    this.finished = true;
    const { buffer, h } = this;
    let { pos } = this;
    if (pos) {
      buffer[pos++] = 1;
      for (; pos < 16; pos++)
        buffer[pos] = 0;
      this.process(buffer, 0, true);
    }
    this.finalize();
    let opos = 0;
    for (let i = 0; i < 8; i++) {
      out[opos++] = h[i] >>> 0;
      out[opos++] = h[i] >>> 8;
    }
  }
  digest() {
    const { buffer, outputLen } = this;
    this.digestInto(buffer);
    const res = buffer.slice(0, outputLen);
    this.destroy();
    return res;
  }
};
var poly1305 = /* @__PURE__ */ wrapMacConstructor(32, (key2) => new Poly1305(key2));

// node_modules/@noble/ciphers/chacha.js
function chachaCore(s, k, n, out, cnt, rounds = 20) {
  let y00 = s[0], y01 = s[1], y02 = s[2], y03 = s[3], y04 = k[0], y05 = k[1], y06 = k[2], y07 = k[3], y08 = k[4], y09 = k[5], y10 = k[6], y11 = k[7], y12 = cnt, y13 = n[0], y14 = n[1], y15 = n[2];
  let x00 = y00, x01 = y01, x02 = y02, x03 = y03, x04 = y04, x05 = y05, x06 = y06, x07 = y07, x08 = y08, x09 = y09, x10 = y10, x11 = y11, x12 = y12, x13 = y13, x14 = y14, x15 = y15;
  for (let r = 0; r < rounds; r += 2) {
    x00 = x00 + x04 | 0;
    x12 = rotl(x12 ^ x00, 16);
    x08 = x08 + x12 | 0;
    x04 = rotl(x04 ^ x08, 12);
    x00 = x00 + x04 | 0;
    x12 = rotl(x12 ^ x00, 8);
    x08 = x08 + x12 | 0;
    x04 = rotl(x04 ^ x08, 7);
    x01 = x01 + x05 | 0;
    x13 = rotl(x13 ^ x01, 16);
    x09 = x09 + x13 | 0;
    x05 = rotl(x05 ^ x09, 12);
    x01 = x01 + x05 | 0;
    x13 = rotl(x13 ^ x01, 8);
    x09 = x09 + x13 | 0;
    x05 = rotl(x05 ^ x09, 7);
    x02 = x02 + x06 | 0;
    x14 = rotl(x14 ^ x02, 16);
    x10 = x10 + x14 | 0;
    x06 = rotl(x06 ^ x10, 12);
    x02 = x02 + x06 | 0;
    x14 = rotl(x14 ^ x02, 8);
    x10 = x10 + x14 | 0;
    x06 = rotl(x06 ^ x10, 7);
    x03 = x03 + x07 | 0;
    x15 = rotl(x15 ^ x03, 16);
    x11 = x11 + x15 | 0;
    x07 = rotl(x07 ^ x11, 12);
    x03 = x03 + x07 | 0;
    x15 = rotl(x15 ^ x03, 8);
    x11 = x11 + x15 | 0;
    x07 = rotl(x07 ^ x11, 7);
    x00 = x00 + x05 | 0;
    x15 = rotl(x15 ^ x00, 16);
    x10 = x10 + x15 | 0;
    x05 = rotl(x05 ^ x10, 12);
    x00 = x00 + x05 | 0;
    x15 = rotl(x15 ^ x00, 8);
    x10 = x10 + x15 | 0;
    x05 = rotl(x05 ^ x10, 7);
    x01 = x01 + x06 | 0;
    x12 = rotl(x12 ^ x01, 16);
    x11 = x11 + x12 | 0;
    x06 = rotl(x06 ^ x11, 12);
    x01 = x01 + x06 | 0;
    x12 = rotl(x12 ^ x01, 8);
    x11 = x11 + x12 | 0;
    x06 = rotl(x06 ^ x11, 7);
    x02 = x02 + x07 | 0;
    x13 = rotl(x13 ^ x02, 16);
    x08 = x08 + x13 | 0;
    x07 = rotl(x07 ^ x08, 12);
    x02 = x02 + x07 | 0;
    x13 = rotl(x13 ^ x02, 8);
    x08 = x08 + x13 | 0;
    x07 = rotl(x07 ^ x08, 7);
    x03 = x03 + x04 | 0;
    x14 = rotl(x14 ^ x03, 16);
    x09 = x09 + x14 | 0;
    x04 = rotl(x04 ^ x09, 12);
    x03 = x03 + x04 | 0;
    x14 = rotl(x14 ^ x03, 8);
    x09 = x09 + x14 | 0;
    x04 = rotl(x04 ^ x09, 7);
  }
  let oi = 0;
  out[oi++] = y00 + x00 | 0;
  out[oi++] = y01 + x01 | 0;
  out[oi++] = y02 + x02 | 0;
  out[oi++] = y03 + x03 | 0;
  out[oi++] = y04 + x04 | 0;
  out[oi++] = y05 + x05 | 0;
  out[oi++] = y06 + x06 | 0;
  out[oi++] = y07 + x07 | 0;
  out[oi++] = y08 + x08 | 0;
  out[oi++] = y09 + x09 | 0;
  out[oi++] = y10 + x10 | 0;
  out[oi++] = y11 + x11 | 0;
  out[oi++] = y12 + x12 | 0;
  out[oi++] = y13 + x13 | 0;
  out[oi++] = y14 + x14 | 0;
  out[oi++] = y15 + x15 | 0;
}
var chacha20 = /* @__PURE__ */ createCipher(chachaCore, {
  counterRight: false,
  counterLength: 4,
  allowShortKeys: false
});
var ZEROS16 = /* @__PURE__ */ new Uint8Array(16);
var updatePadded = (h, msg) => {
  h.update(msg);
  const leftover = msg.length % 16;
  if (leftover)
    h.update(ZEROS16.subarray(leftover));
};
var ZEROS32 = /* @__PURE__ */ new Uint8Array(32);
function computeTag(fn, key2, nonce, ciphertext, AAD) {
  if (AAD !== void 0)
    abytes3(AAD, void 0, "AAD");
  const authKey = fn(key2, nonce, ZEROS32);
  const lengths = u64Lengths(ciphertext.length, AAD ? AAD.length : 0, true);
  const h = poly1305.create(authKey);
  if (AAD)
    updatePadded(h, AAD);
  updatePadded(h, ciphertext);
  h.update(lengths);
  const res = h.digest();
  clean2(authKey, lengths);
  return res;
}
var _poly1305_aead = (xorStream) => (key2, nonce, AAD) => {
  const tagLength = 16;
  return {
    encrypt(plaintext, output) {
      const plength = plaintext.length;
      output = getOutput(plength + tagLength, output, false);
      output.set(plaintext);
      const oPlain = output.subarray(0, -tagLength);
      xorStream(key2, nonce, oPlain, oPlain, 1);
      const tag = computeTag(xorStream, key2, nonce, oPlain, AAD);
      output.set(tag, plength);
      clean2(tag);
      return output;
    },
    decrypt(ciphertext, output) {
      output = getOutput(ciphertext.length - tagLength, output, false);
      const data = ciphertext.subarray(0, -tagLength);
      const passedTag = ciphertext.subarray(-tagLength);
      const tag = computeTag(xorStream, key2, nonce, data, AAD);
      if (!equalBytes(passedTag, tag)) {
        clean2(tag);
        throw new Error("invalid tag");
      }
      output.set(ciphertext.subarray(0, -tagLength));
      xorStream(key2, nonce, output, output, 1);
      clean2(tag);
      return output;
    }
  };
};
var chacha20poly1305 = /* @__PURE__ */ wrapCipher(
  { blockSize: 64, nonceLength: 12, tagLength: 16, withAAD: true },
  /* @__PURE__ */ _poly1305_aead(chacha20)
);

// node_modules/@noble/hashes/sha3.js
var _0n7 = BigInt(0);
var _1n7 = BigInt(1);
var _2n5 = BigInt(2);
var _7n2 = BigInt(7);
var _256n = BigInt(256);
var _0x71n = BigInt(113);
var SHA3_PI = [];
var SHA3_ROTL = [];
var _SHA3_IOTA = [];
for (let round = 0, R = _1n7, x = 1, y = 0; round < 24; round++) {
  [x, y] = [y, (2 * x + 3 * y) % 5];
  SHA3_PI.push(2 * (5 * y + x));
  SHA3_ROTL.push((round + 1) * (round + 2) / 2 % 64);
  let t = _0n7;
  for (let j = 0; j < 7; j++) {
    R = (R << _1n7 ^ (R >> _7n2) * _0x71n) % _256n;
    if (R & _2n5)
      t ^= _1n7 << (_1n7 << BigInt(j)) - _1n7;
  }
  _SHA3_IOTA.push(t);
}
var IOTAS = split(_SHA3_IOTA, true);
var SHA3_IOTA_H = IOTAS[0];
var SHA3_IOTA_L = IOTAS[1];
var rotlSH = (h, l, s) => h << s | l >>> 32 - s;
var rotlSL = (h, l, s) => l << s | h >>> 32 - s;
var rotlBH = (h, l, s) => l << s - 32 | h >>> 64 - s;
var rotlBL = (h, l, s) => h << s - 32 | l >>> 64 - s;
var rotlH = (h, l, s) => s > 32 ? rotlBH(h, l, s) : rotlSH(h, l, s);
var rotlL = (h, l, s) => s > 32 ? rotlBL(h, l, s) : rotlSL(h, l, s);
var B = new Uint32Array(5 * 2);
function keccakP(s, rounds = 24) {
  if (!(s instanceof Uint32Array))
    throw new TypeError('"s" expected Uint32Array(50), got type=' + typeof s);
  if (s.length !== 50)
    throw new RangeError('"s" expected Uint32Array(50), got length=' + s.length);
  anumber(rounds, "rounds");
  if (rounds < 1 || rounds > 24)
    throw new Error('"rounds" expected integer 1..24');
  for (let round = 24 - rounds; round < 24; round++) {
    for (let x = 0; x < 10; x++)
      B[x] = s[x] ^ s[x + 10] ^ s[x + 20] ^ s[x + 30] ^ s[x + 40];
    for (let x = 0; x < 10; x += 2) {
      const idx1 = (x + 8) % 10;
      const idx0 = (x + 2) % 10;
      const B0 = B[idx0];
      const B1 = B[idx0 + 1];
      const Th = rotlH(B0, B1, 1) ^ B[idx1];
      const Tl = rotlL(B0, B1, 1) ^ B[idx1 + 1];
      for (let y = 0; y < 50; y += 10) {
        s[x + y] ^= Th;
        s[x + y + 1] ^= Tl;
      }
    }
    let curH = s[2];
    let curL = s[3];
    for (let t = 0; t < 24; t++) {
      const shift = SHA3_ROTL[t];
      const Th = rotlH(curH, curL, shift);
      const Tl = rotlL(curH, curL, shift);
      const PI = SHA3_PI[t];
      curH = s[PI];
      curL = s[PI + 1];
      s[PI] = Th;
      s[PI + 1] = Tl;
    }
    for (let y = 0; y < 50; y += 10) {
      const b0 = s[y], b1 = s[y + 1], b2 = s[y + 2], b3 = s[y + 3];
      s[y] ^= ~s[y + 2] & s[y + 4];
      s[y + 1] ^= ~s[y + 3] & s[y + 5];
      s[y + 2] ^= ~s[y + 4] & s[y + 6];
      s[y + 3] ^= ~s[y + 5] & s[y + 7];
      s[y + 4] ^= ~s[y + 6] & s[y + 8];
      s[y + 5] ^= ~s[y + 7] & s[y + 9];
      s[y + 6] ^= ~s[y + 8] & b0;
      s[y + 7] ^= ~s[y + 9] & b1;
      s[y + 8] ^= ~b0 & b2;
      s[y + 9] ^= ~b1 & b3;
    }
    s[0] ^= SHA3_IOTA_H[round];
    s[1] ^= SHA3_IOTA_L[round];
  }
  clean(B);
}
var Keccak = class _Keccak {
  state;
  pos = 0;
  posOut = 0;
  finished = false;
  state32;
  destroyed = false;
  blockLen;
  suffix;
  outputLen;
  canXOF;
  enableXOF = false;
  rounds;
  // NOTE: we accept arguments in bytes instead of bits here.
  constructor(blockLen, suffix, outputLen, enableXOF = false, rounds = 24) {
    anumber(blockLen, "blockLen");
    anumber(suffix, "suffix");
    anumber(rounds, "rounds");
    abool(enableXOF, "enableXOF");
    this.blockLen = blockLen;
    this.suffix = suffix;
    this.outputLen = outputLen;
    this.enableXOF = enableXOF;
    this.canXOF = enableXOF;
    this.rounds = rounds;
    anumber(outputLen, "outputLen");
    if (!(0 < blockLen && blockLen < 200))
      throw new Error('"blockLen" must be 1..199');
    this.state = new Uint8Array(200);
    this.state32 = u32(this.state);
  }
  clone() {
    return this._cloneInto();
  }
  keccak() {
    swap32IfBE(this.state32);
    keccakP(this.state32, this.rounds);
    swap32IfBE(this.state32);
    this.posOut = 0;
    this.pos = 0;
  }
  update(data) {
    aexists(this);
    abytes(data);
    const { blockLen, state, state32 } = this;
    const len = data.length;
    const canUseU32 = blockLen % 4 === 0 && data.byteOffset % 4 === 0;
    const blockLen32 = blockLen / 4;
    const data32 = canUseU32 && len >= blockLen ? u32(data) : void 0;
    for (let pos = 0; pos < len; ) {
      if (data32 !== void 0 && this.pos === 0 && pos % 4 === 0 && len - pos >= blockLen) {
        for (let i = 0, o = pos / 4; i < blockLen32; i++)
          state32[i] ^= data32[o + i];
        pos += blockLen;
        this.pos = blockLen;
        this.keccak();
        continue;
      }
      const take = Math.min(blockLen - this.pos, len - pos);
      for (let i = 0; i < take; i++)
        state[this.pos++] ^= data[pos++];
      if (this.pos === blockLen)
        this.keccak();
    }
    return this;
  }
  finish() {
    if (this.finished)
      return;
    this.finished = true;
    const { state, suffix, pos, blockLen } = this;
    state[pos] ^= suffix;
    if ((suffix & 128) !== 0 && pos === blockLen - 1)
      this.keccak();
    state[blockLen - 1] ^= 128;
    this.keccak();
  }
  writeInto(out) {
    aexists(this, false);
    abytes(out);
    this.finish();
    const bufferOut = this.state;
    const { blockLen } = this;
    for (let pos = 0, len = out.length; pos < len; ) {
      if (this.posOut >= blockLen)
        this.keccak();
      const take = Math.min(blockLen - this.posOut, len - pos);
      out.set(bufferOut.subarray(this.posOut, this.posOut + take), pos);
      this.posOut += take;
      pos += take;
    }
    return out;
  }
  xofInto(out) {
    if (!this.enableXOF)
      throw new Error("XOF is not enabled");
    return this.writeInto(out);
  }
  xof(bytes2) {
    anumber(bytes2);
    return this.xofInto(new Uint8Array(bytes2));
  }
  digestInto(out) {
    aoutput(out, this);
    if (this.finished)
      throw new Error("digest() was already called");
    this.writeInto(out.length === this.outputLen ? out : out.subarray(0, this.outputLen));
    this.destroy();
  }
  digest() {
    const out = new Uint8Array(this.outputLen);
    this.digestInto(out);
    return out;
  }
  destroy() {
    this.destroyed = true;
    clean(this.state);
  }
  _cloneInto(to) {
    const { blockLen, suffix, outputLen, rounds, enableXOF } = this;
    to ||= new _Keccak(blockLen, suffix, outputLen, enableXOF, rounds);
    to.blockLen = blockLen;
    to.state32.set(this.state32);
    to.pos = this.pos;
    to.posOut = this.posOut;
    to.finished = this.finished;
    to.rounds = rounds;
    to.suffix = suffix;
    to.outputLen = outputLen;
    to.enableXOF = enableXOF;
    to.canXOF = this.canXOF;
    to.destroyed = this.destroyed;
    return to;
  }
};
var genKeccak = (suffix, blockLen, outputLen, info = {}) => createHasher(() => new Keccak(blockLen, suffix, outputLen), info);
var sha3_256 = /* @__PURE__ */ genKeccak(
  6,
  136,
  32,
  /* @__PURE__ */ oidNist(8)
);
var sha3_512 = /* @__PURE__ */ genKeccak(
  6,
  72,
  64,
  /* @__PURE__ */ oidNist(10)
);
var genShake = (suffix, blockLen, outputLen, info = {}) => createHasher((opts2 = {}) => {
  opts2 = checkOpts({}, opts2);
  return new Keccak(blockLen, suffix, opts2.dkLen === void 0 ? outputLen : opts2.dkLen, true);
}, info);
var shake128 = /* @__PURE__ */ genShake(31, 168, 16, /* @__PURE__ */ oidNist(11));
var shake256 = /* @__PURE__ */ genShake(31, 136, 32, /* @__PURE__ */ oidNist(12));

// node_modules/@noble/post-quantum/utils.js
var abytesDoc = abytes;
var randomBytes4 = randomBytes;
function aarray2(item, title, inner = () => {
}) {
  if (!Array.isArray(item))
    throw new TypeError(`"${title}" expected array, got type=${typeof item}`);
  for (let i = 0; i < item.length; i++)
    inner(item[i], `${title}[${i}]`);
  return item;
}
function aobject4(value, title = "object") {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new TypeError(title === "object" ? "expected valid options object" : `"${title}" expected object, got type=${typeof value}`);
  return value;
}
function equalBytes2(a, b) {
  a = abytes(a);
  b = abytes(b);
  if (a.length !== b.length)
    return false;
  let diff = 0;
  for (let i = 0; i < a.length; i++)
    diff |= a[i] ^ b[i];
  return diff === 0;
}
function copyBytes3(bytes2) {
  return new Uint8Array(abytes(bytes2));
}
function splitCoder(label, ...lengths) {
  const getLength = (c) => typeof c === "number" ? c : c.bytesLen;
  const bytesLen = lengths.reduce((sum, a) => sum + getLength(a), 0);
  return {
    bytesLen,
    encode: (bufs) => {
      const res = new Uint8Array(bytesLen);
      for (let i = 0, pos = 0; i < lengths.length; i++) {
        const c = lengths[i];
        const l = getLength(c);
        const b = typeof c === "number" ? bufs[i] : c.encode(bufs[i]);
        abytes(b, l, label);
        res.set(b, pos);
        if (typeof c !== "number")
          b.fill(0);
        pos += l;
      }
      return res;
    },
    decode: (buf) => {
      abytes(buf, bytesLen, label);
      const res = [];
      for (const c of lengths) {
        const l = getLength(c);
        const b = buf.subarray(0, l);
        res.push(typeof c === "number" ? b : c.decode(b));
        buf = buf.subarray(l);
      }
      return res;
    }
  };
}
function vecCoder(c, vecLen) {
  const coder = c;
  const bytesLen = vecLen * coder.bytesLen;
  return {
    bytesLen,
    encode: (u) => {
      const uArr = aarray2(u, "u");
      if (uArr.length !== vecLen)
        throw new RangeError(`vecCoder.encode: wrong length=${uArr.length}. Expected: ${vecLen}`);
      const res = new Uint8Array(bytesLen);
      for (let i = 0, pos = 0; i < uArr.length; i++) {
        const b = coder.encode(uArr[i]);
        res.set(b, pos);
        b.fill(0);
        pos += b.length;
      }
      return res;
    },
    decode: (a) => {
      abytes(a, bytesLen);
      const r = [];
      for (let i = 0; i < a.length; i += coder.bytesLen)
        r.push(coder.decode(a.subarray(i, i + coder.bytesLen)));
      return r;
    }
  };
}
function cleanBytes(...list2) {
  for (const t of list2) {
    if (Array.isArray(t))
      for (const b of t)
        b.fill(0);
    else
      t.fill(0);
  }
}
function getMask(bits) {
  anumber(bits, "bits");
  if (bits > 32)
    throw new RangeError('"bits" expected <= 32, got ' + bits);
  return bits === 32 ? 4294967295 : ~(-1 << bits) >>> 0;
}

// node_modules/@noble/post-quantum/_crystals.js
var genCrystals = (opts2) => {
  const { newPoly, N: N2, Q: Q4, F: F2, ROOT_OF_UNITY: ROOT_OF_UNITY2, brvBits, isKyber } = opts2;
  const mod2 = (a, modulo = Q4) => {
    const result = a % modulo | 0;
    return (result >= 0 ? result | 0 : modulo + result | 0) | 0;
  };
  const smod = (a, modulo = Q4) => {
    const r = mod2(a, modulo) | 0;
    return (r > modulo >> 1 ? r - modulo | 0 : r) | 0;
  };
  function getZettas() {
    const out = newPoly(N2);
    for (let i = 0; i < N2; i++) {
      const b = reverseBits(i, brvBits);
      const p = BigInt(ROOT_OF_UNITY2) ** BigInt(b) % BigInt(Q4);
      out[i] = Number(p) | 0;
    }
    return out;
  }
  const nttZetas = getZettas();
  const inv = (_a) => {
    throw new Error("not implemented");
  };
  const field = isKyber ? {
    add: (a, b) => {
      const r = a + b | 0;
      return r >= Q4 ? r - Q4 | 0 : r;
    },
    sub: (a, b) => {
      const r = a - b | 0;
      return r < 0 ? r + Q4 | 0 : r;
    },
    mul: (a, b) => mod2((a | 0) * (b | 0)) | 0,
    inv
  } : {
    add: (a, b) => mod2((a | 0) + (b | 0)) | 0,
    sub: (a, b) => mod2((a | 0) - (b | 0)) | 0,
    mul: (a, b) => mod2((a | 0) * (b | 0)) | 0,
    inv
  };
  const nttOpts = {
    N: N2,
    roots: nttZetas,
    invertButterflies: true,
    skipStages: isKyber ? 1 : 0,
    brp: false
  };
  const dif = FFTCore(field, { dit: false, ...nttOpts });
  const dit = FFTCore(field, { dit: true, ...nttOpts });
  const NTT = {
    encode: (r) => {
      return dif(r);
    },
    decode: (r) => {
      dit(r);
      for (let i = 0; i < r.length; i++)
        r[i] = mod2(F2 * r[i]);
      return r;
    }
  };
  const bitsCoder = (d, c) => {
    for (let i = 0, bufLen = 0; i < N2; i++) {
      bufLen += d;
      if (bufLen > 32)
        getMask(bufLen);
      bufLen %= 8;
    }
    const mask = getMask(d);
    const bytesLen = d * (N2 / 8);
    return {
      bytesLen,
      encode: (poly_) => {
        const poly = poly_;
        const r = new Uint8Array(bytesLen);
        for (let i = 0, buf = 0, bufLen = 0, pos = 0; i < poly.length; i++) {
          buf |= (c.encode(poly[i]) & mask) << bufLen;
          bufLen += d;
          for (; bufLen >= 8; bufLen -= 8, buf >>= 8)
            r[pos++] = buf & 255;
        }
        return r;
      },
      decode: (bytes2) => {
        const r = newPoly(N2);
        for (let i = 0, buf = 0, bufLen = 0, pos = 0; i < bytes2.length; i++) {
          buf |= bytes2[i] << bufLen;
          bufLen += 8;
          for (; bufLen >= d; bufLen -= d, buf >>= d)
            r[pos++] = c.decode(buf & mask);
        }
        return r;
      }
    };
  };
  return {
    mod: mod2,
    smod,
    nttZetas,
    NTT: {
      encode: (r) => NTT.encode(r),
      decode: (r) => NTT.decode(r)
    },
    bitsCoder
  };
};
var createXofShake = (shake) => (seed, blockLen) => {
  if (!blockLen)
    blockLen = shake.blockLen;
  const _seed = new Uint8Array(seed.length + 2);
  _seed.set(seed);
  const seedLen = seed.length;
  const buf = new Uint8Array(blockLen);
  let h = shake.create({});
  let calls = 0;
  let xofs = 0;
  return {
    stats: () => ({ calls, xofs }),
    get: (x, y) => {
      _seed[seedLen + 0] = x;
      _seed[seedLen + 1] = y;
      h.destroy();
      h = shake.create({}).update(_seed);
      calls++;
      return () => {
        xofs++;
        return h.xofInto(buf);
      };
    },
    clean: () => {
      h.destroy();
      cleanBytes(buf, _seed);
    }
  };
};
var XOF128 = /* @__PURE__ */ createXofShake(shake128);

// node_modules/@noble/post-quantum/ml-kem.js
var N = 256;
var Q2 = 3329;
var F = 3303;
var ROOT_OF_UNITY = 17;
var crystals = /* @__PURE__ */ genCrystals({
  N,
  Q: Q2,
  F,
  ROOT_OF_UNITY,
  newPoly: (n) => new Uint16Array(n),
  brvBits: 7,
  isKyber: true
});
var PARAMS = /* @__PURE__ */ (() => Object.freeze({
  512: Object.freeze({ N, Q: Q2, K: 2, ETA1: 3, ETA2: 2, du: 10, dv: 4, RBGstrength: 128 }),
  768: Object.freeze({ N, Q: Q2, K: 3, ETA1: 2, ETA2: 2, du: 10, dv: 4, RBGstrength: 192 }),
  1024: Object.freeze({ N, Q: Q2, K: 4, ETA1: 2, ETA2: 2, du: 11, dv: 5, RBGstrength: 256 })
}))();
var compress = (d) => {
  if (d >= 12)
    return { encode: (i) => i, decode: (i) => i >= Q2 ? i - Q2 : i };
  const a = 2 ** (d - 1);
  return {
    // This only matches standalone Compress_d after bitsCoder masks the result into Z_(2^d).
    encode: (i) => ((i << d) + Q2 / 2) / Q2,
    // const decompress = (i: number) => round((Q / 2 ** d) * i);
    decode: (i) => i * Q2 + a >>> d
  };
};
var byteCoder = (d) => crystals.bitsCoder(d, d === 12 ? { encode: (i) => i, decode: (i) => i >= Q2 ? i - Q2 : i } : { encode: (i) => i, decode: (i) => i });
var polyCoder = (d) => d === 12 ? byteCoder(12) : crystals.bitsCoder(d, compress(d));
function polyAdd(a_, b_) {
  const a = a_;
  const b = b_;
  for (let i = 0; i < N; i++) {
    const r = a[i] + b[i];
    a[i] = r >= Q2 ? r - Q2 : r;
  }
}
function polySub(a_, b_) {
  const a = a_;
  const b = b_;
  for (let i = 0; i < N; i++) {
    const r = a[i] - b[i];
    a[i] = r < 0 ? r + Q2 : r;
  }
}
function BaseCaseMultiply(a0, a1, b0, b1, zeta) {
  const c0 = crystals.mod(crystals.mod(a1 * b1) * zeta + a0 * b0);
  const c1 = crystals.mod(a0 * b1 + a1 * b0);
  return { c0, c1 };
}
function MultiplyNTTs(f_, g_) {
  const f = f_;
  const g = g_;
  for (let i = 0; i < N / 2; i++) {
    let z = crystals.nttZetas[64 + (i >> 1)];
    if (i & 1)
      z = -z;
    const { c0, c1 } = BaseCaseMultiply(f[2 * i + 0], f[2 * i + 1], g[2 * i + 0], g[2 * i + 1], z);
    f[2 * i + 0] = c0;
    f[2 * i + 1] = c1;
  }
  return f;
}
function SampleNTT(xof_) {
  const xof = xof_;
  const r = new Uint16Array(N);
  for (let j = 0; j < N; ) {
    const b = xof();
    if (b.length % 3)
      throw new Error("SampleNTT: unaligned block");
    for (let i = 0; j < N && i + 3 <= b.length; i += 3) {
      const d1 = (b[i + 0] >> 0 | b[i + 1] << 8) & 4095;
      const d2 = (b[i + 1] >> 4 | b[i + 2] << 4) & 4095;
      if (d1 < Q2)
        r[j++] = d1;
      if (j < N && d2 < Q2)
        r[j++] = d2;
    }
  }
  return r;
}
var sampleCBDBytes = (buf, eta) => {
  const r = new Uint16Array(N);
  const b32 = u32(buf);
  swap32IfBE(b32);
  let len = 0;
  for (let i = 0, p = 0, bb = 0, t0 = 0; i < b32.length; i++) {
    let b = b32[i];
    for (let j = 0; j < 32; j++) {
      bb += b & 1;
      b >>= 1;
      len += 1;
      if (len === eta) {
        t0 = bb;
        bb = 0;
      } else if (len === 2 * eta) {
        r[p++] = crystals.mod(t0 - bb);
        bb = 0;
        len = 0;
      }
    }
  }
  swap32IfBE(b32);
  if (len)
    throw new Error(`sampleCBD: leftover bits: ${len}`);
  return r;
};
function sampleCBD(PRF_, seed, nonce, eta) {
  const PRF = PRF_;
  return sampleCBDBytes(PRF(eta * N / 4, seed, nonce), eta);
}
var genKPKE = (opts_) => {
  const opts2 = opts_;
  const { K, PRF, XOF, HASH512, ETA1, ETA2, du, dv } = opts2;
  const poly1 = polyCoder(1);
  const polyV = polyCoder(dv);
  const polyU = polyCoder(du);
  const publicCoder = splitCoder("publicKey", vecCoder(polyCoder(12), K), 32);
  const secretCoder = vecCoder(polyCoder(12), K);
  const cipherCoder = splitCoder("ciphertext", vecCoder(polyU, K), polyV);
  const seedCoder = splitCoder("seed", 32, 32);
  const encryptCore = (tHat, getA, msg, seed) => {
    const rHat = [];
    for (let i = 0; i < K; i++)
      rHat.push(crystals.NTT.encode(sampleCBD(PRF, seed, i, ETA1)));
    const tmp2 = new Uint16Array(N);
    const u = [];
    for (let i = 0; i < K; i++) {
      const e1 = sampleCBD(PRF, seed, K + i, ETA2);
      const tmp = new Uint16Array(N);
      for (let j = 0; j < K; j++) {
        const aij = getA(i, j);
        polyAdd(tmp, MultiplyNTTs(aij, rHat[j]));
      }
      polyAdd(e1, crystals.NTT.decode(tmp));
      u.push(e1);
      polyAdd(tmp2, MultiplyNTTs(tHat[i], rHat[i]));
      cleanBytes(tmp);
    }
    const e2 = sampleCBD(PRF, seed, 2 * K, ETA2);
    polyAdd(e2, crystals.NTT.decode(tmp2));
    const v = poly1.decode(msg);
    polyAdd(v, e2);
    cleanBytes(tHat, rHat, tmp2, e2);
    return cipherCoder.encode([u, v]);
  };
  return {
    secretCoder,
    lengths: {
      secretKey: secretCoder.bytesLen,
      publicKey: publicCoder.bytesLen,
      cipherText: cipherCoder.bytesLen
    },
    keygen: (seed) => {
      abytesDoc(seed, 32, "seed");
      const seedDst = new Uint8Array(33);
      seedDst.set(seed);
      seedDst[32] = K;
      const seedHash = HASH512(seedDst);
      const [rho, sigma] = seedCoder.decode(seedHash);
      const sHat = [];
      const tHat = [];
      for (let i = 0; i < K; i++)
        sHat.push(crystals.NTT.encode(sampleCBD(PRF, sigma, i, ETA1)));
      const x = XOF(rho);
      for (let i = 0; i < K; i++) {
        const e = crystals.NTT.encode(sampleCBD(PRF, sigma, K + i, ETA1));
        for (let j = 0; j < K; j++) {
          const aji = SampleNTT(x.get(j, i));
          polyAdd(e, MultiplyNTTs(aji, sHat[j]));
        }
        tHat.push(e);
      }
      x.clean();
      const res = {
        publicKey: publicCoder.encode([tHat, rho]),
        secretKey: secretCoder.encode(sHat)
      };
      cleanBytes(rho, sigma, sHat, tHat, seedDst, seedHash);
      return res;
    },
    encrypt: (publicKey2, msg, seed) => {
      const [tHat, rho] = publicCoder.decode(publicKey2);
      const x = XOF(rho);
      const res = encryptCore(tHat, (i, j) => SampleNTT(x.get(i, j)), msg, seed);
      x.clean();
      return res;
    },
    // Expands the full Â matrix (public data derived from rho) once, so repeated encryptions
    // against the same ek skip the K² SampleNTT XOF expansions. Cached polys are copied per
    // call because encryptCore mutates its inputs in place.
    prepare: (publicKey2) => {
      const [tHat, rho] = publicCoder.decode(publicKey2);
      const x = XOF(rho);
      const A = [];
      for (let i = 0; i < K; i++)
        for (let j = 0; j < K; j++)
          A.push(SampleNTT(x.get(i, j)));
      x.clean();
      return {
        encrypt: (msg, seed) => encryptCore(tHat.map((p) => p.slice()), (i, j) => A[i * K + j].slice(), msg, seed),
        clean: () => cleanBytes(tHat, A)
      };
    },
    decrypt: (cipherText, privateKey) => {
      const [u, v] = cipherCoder.decode(cipherText);
      const sk = secretCoder.decode(privateKey);
      const tmp = new Uint16Array(N);
      for (let i = 0; i < K; i++)
        polyAdd(tmp, MultiplyNTTs(sk[i], crystals.NTT.encode(u[i])));
      polySub(v, crystals.NTT.decode(tmp));
      const res = poly1.encode(v);
      cleanBytes(tmp, sk, u, v);
      return res;
    }
  };
};
function createKyber(opts2) {
  const rawOpts = opts2;
  const KPKE = genKPKE(rawOpts);
  const { HASH256, HASH512, KDF } = rawOpts;
  const { secretCoder: KPKESecretCoder, lengths } = KPKE;
  const secretCoder = splitCoder("secretKey", lengths.secretKey, lengths.publicKey, 32, 32);
  const msgLen = 32;
  const seedLen = 64;
  const validateModulus = (publicKey2, fn) => {
    const eke = publicKey2.subarray(0, 384 * rawOpts.K);
    const ek = KPKESecretCoder.encode(KPKESecretCoder.decode(copyBytes3(eke)));
    const ok = equalBytes2(ek, eke);
    cleanBytes(ek);
    if (!ok)
      throw new Error(`ML-KEM.${fn}: wrong publicKey modulus`);
  };
  const kemLengths = Object.freeze({
    ...lengths,
    seed: 64,
    msg: msgLen,
    msgRand: msgLen,
    secretKey: secretCoder.bytesLen
  });
  return Object.freeze({
    info: Object.freeze({ type: "ml-kem" }),
    lengths: kemLengths,
    keygen: (seed) => {
      const ownSeed = seed === void 0;
      const s = ownSeed ? randomBytes4(seedLen) : seed;
      let sk;
      let publicKeyHash;
      try {
        abytesDoc(s, seedLen, "seed");
        const keys = KPKE.keygen(s.subarray(0, 32));
        const publicKey2 = keys.publicKey;
        sk = keys.secretKey;
        publicKeyHash = HASH256(publicKey2);
        const secretKey = secretCoder.encode([sk, publicKey2, publicKeyHash, s.subarray(32)]);
        return {
          publicKey: publicKey2,
          secretKey
        };
      } finally {
        if (sk !== void 0)
          cleanBytes(sk);
        if (publicKeyHash !== void 0)
          cleanBytes(publicKeyHash);
        if (ownSeed)
          cleanBytes(s);
      }
    },
    getPublicKey: (secretKey) => {
      const [_sk, publicKey2, _publicKeyHash, _z] = secretCoder.decode(secretKey);
      return Uint8Array.from(publicKey2);
    },
    encapsulate: (publicKey2, msg) => {
      const ownMsg = msg === void 0;
      const m = ownMsg ? randomBytes4(msgLen) : msg;
      let kr;
      try {
        abytesDoc(publicKey2, lengths.publicKey, "publicKey");
        abytesDoc(m, msgLen, "message");
        validateModulus(publicKey2, "encapsulate");
        kr = HASH512.create().update(m).update(HASH256(publicKey2)).digest();
        const cipherText = KPKE.encrypt(publicKey2, m, kr.subarray(32, 64));
        return {
          cipherText,
          sharedSecret: kr.subarray(0, 32)
        };
      } finally {
        if (kr !== void 0)
          cleanBytes(kr.subarray(32));
        if (ownMsg)
          cleanBytes(m);
      }
    },
    decapsulate: (cipherText, secretKey) => {
      abytesDoc(secretKey, secretCoder.bytesLen, "secretKey");
      abytesDoc(cipherText, lengths.cipherText, "cipherText");
      const k768 = secretCoder.bytesLen - 96;
      const start = k768 + 32;
      const test = HASH256(secretKey.subarray(k768 / 2, start));
      if (!equalBytes2(test, secretKey.subarray(start, start + 32)))
        throw new Error("invalid secretKey: hash check failed");
      const [sk, publicKey2, publicKeyHash, z] = secretCoder.decode(secretKey);
      const msg = KPKE.decrypt(cipherText, sk);
      const kr = HASH512.create().update(msg).update(publicKeyHash).digest();
      const Khat = kr.subarray(0, 32);
      const cipherText2 = KPKE.encrypt(publicKey2, msg, kr.subarray(32, 64));
      const isValid = equalBytes2(cipherText, cipherText2);
      const Kbar = KDF.create({ dkLen: 32 }).update(z).update(cipherText).digest();
      cleanBytes(msg, cipherText2, kr.subarray(32), !isValid ? Khat : Kbar);
      return isValid ? Khat : Kbar;
    },
    /**
     * Experimental prototype: pre-expand a public key so repeated encapsulate/decapsulate
     * against the same key skip re-validation, H(ek), t̂ decoding and the K² SampleNTT
     * XOF expansions of Â. Only public data is cached; see {@link KEMPrepared}.
     */
    prepare: (publicKey2) => {
      abytesDoc(publicKey2, lengths.publicKey, "publicKey");
      validateModulus(publicKey2, "prepare");
      const ek = copyBytes3(publicKey2);
      const publicKeyHash = HASH256(ek);
      const cached = KPKE.prepare(ek);
      return Object.freeze({
        publicKey: ek,
        encapsulate: (msg) => {
          const ownMsg = msg === void 0;
          const m = ownMsg ? randomBytes4(msgLen) : msg;
          let kr;
          try {
            abytesDoc(m, msgLen, "message");
            kr = HASH512.create().update(m).update(publicKeyHash).digest();
            const cipherText = cached.encrypt(m, kr.subarray(32, 64));
            return {
              cipherText,
              sharedSecret: kr.subarray(0, 32)
            };
          } finally {
            if (kr !== void 0)
              cleanBytes(kr.subarray(32));
            if (ownMsg)
              cleanBytes(m);
          }
        },
        decapsulate: (cipherText, secretKey) => {
          abytesDoc(secretKey, secretCoder.bytesLen, "secretKey");
          abytesDoc(cipherText, lengths.cipherText, "cipherText");
          const [sk, ekEmbedded, storedHash, z] = secretCoder.decode(secretKey);
          if (!equalBytes2(ekEmbedded, ek) || !equalBytes2(storedHash, publicKeyHash))
            throw new Error("ML-KEM.decapsulate: secretKey does not match prepared publicKey");
          const msg = KPKE.decrypt(cipherText, sk);
          const kr = HASH512.create().update(msg).update(publicKeyHash).digest();
          const Khat = kr.subarray(0, 32);
          const cipherText2 = cached.encrypt(msg, kr.subarray(32, 64));
          const isValid = equalBytes2(cipherText, cipherText2);
          const Kbar = KDF.create({ dkLen: 32 }).update(z).update(cipherText).digest();
          cleanBytes(msg, cipherText2, kr.subarray(32), !isValid ? Khat : Kbar);
          return isValid ? Khat : Kbar;
        },
        clean: cached.clean
      });
    }
  });
}
function shakePRF(dkLen, key2, nonce) {
  return shake256.create({ dkLen }).update(key2).update(new Uint8Array([nonce])).digest();
}
var opts = /* @__PURE__ */ (() => ({
  HASH256: sha3_256,
  HASH512: sha3_512,
  KDF: shake256,
  XOF: XOF128,
  PRF: shakePRF
}))();
var mk = (params) => createKyber({
  ...opts,
  ...params
});
var ml_kem768 = /* @__PURE__ */ (() => mk(PARAMS[768]))();

// node_modules/@noble/post-quantum/hybrid.js
var validateKEM = (kem, title) => {
  const k = aobject4(kem, title);
  aobject4(k.lengths, `${title}.lengths`);
  afunction(k.keygen, `${title}.keygen`);
  afunction(k.getPublicKey, `${title}.getPublicKey`);
  afunction(k.encapsulate, `${title}.encapsulate`);
  afunction(k.decapsulate, `${title}.decapsulate`);
  return k;
};
function ecKeygen(curve, allowZeroKey = false) {
  const c = aobject4(curve, "curve");
  aobject4(c.lengths, "curve.lengths");
  afunction(c.keygen, "curve.keygen");
  afunction(c.getPublicKey, "curve.getPublicKey");
  abool2(allowZeroKey, "allowZeroKey");
  const lengths = curve.lengths;
  let keygen = curve.keygen;
  if (allowZeroKey) {
    if (!("getSharedSecret" in curve && "sign" in curve && "verify" in curve))
      throw new Error("allowZeroKey requires a Weierstrass curve");
    const wCurve = curve;
    const Fn = wCurve.Point.Fn;
    keygen = (seed = randomBytes4(lengths.seed)) => {
      abytes(seed, lengths.seed, "seed");
      const seedScalar = Fn.isLE ? bytesToNumberLE(seed) : bytesToNumberBE(seed);
      const secretKey = Fn.toBytes(Fn.create(seedScalar));
      return {
        secretKey,
        publicKey: curve.getPublicKey(secretKey)
      };
    };
  }
  return {
    lengths: { secretKey: lengths.secretKey, publicKey: lengths.publicKey, seed: lengths.seed },
    keygen: (seed) => keygen(seed),
    getPublicKey: (secretKey) => curve.getPublicKey(secretKey)
  };
}
function _ecdhKem(curve, allowZeroKey = false) {
  const kg = ecKeygen(curve, allowZeroKey);
  if (!curve.getSharedSecret)
    throw new Error("wrong curve");
  const decapsulate = (cipherText, secretKey) => {
    const res = curve.getSharedSecret(secretKey, cipherText);
    return curve.lengths.publicKeyHasPrefix ? res.subarray(1) : res;
  };
  return {
    lengths: { ...kg.lengths, msg: kg.lengths.seed, cipherText: kg.lengths.publicKey },
    keygen: kg.keygen,
    getPublicKey: kg.getPublicKey,
    encapsulate(publicKey2, rand = randomBytes4(curve.lengths.seed)) {
      const seed = copyBytes3(rand);
      let ek = void 0;
      try {
        ek = kg.keygen(seed).secretKey;
        const sharedSecret = decapsulate(publicKey2, ek);
        const cipherText = curve.getPublicKey(ek);
        return { sharedSecret, cipherText };
      } finally {
        cleanBytes(seed);
        if (ek)
          cleanBytes(ek);
      }
    },
    decapsulate
  };
}
function positiveLength(value, title) {
  const length = anumber(value, title);
  if (length === 0)
    throw new RangeError(`"${title}" expected integer greater than 0, got 0`);
  return length;
}
function splitLengths(lst, name) {
  const coder = splitCoder(name, ...lst.map((i) => {
    if (typeof i.lengths[name] !== "number")
      throw new Error("wrong length: " + name);
    return positiveLength(i.lengths[name], name);
  }));
  positiveLength(coder.bytesLen, name);
  return coder;
}
function expandSeedXof(xof) {
  return ((seed, seedLen) => xof(seed, { dkLen: seedLen }));
}
function combineKeys(realSeedLen, expandSeed_, ...ck_) {
  const expandSeed = expandSeed_;
  const ck = ck_;
  const seedCoder = splitLengths(ck, "seed");
  const pkCoder = splitLengths(ck, "publicKey");
  const rootSeedLen = positiveLength(realSeedLen === void 0 ? seedCoder.bytesLen : realSeedLen, "realSeedLen");
  function expandDecapsulationKey(seed) {
    abytes(seed, rootSeedLen);
    const expandedRaw = expandSeed(seed, seedCoder.bytesLen);
    const expandedSeed = expandedRaw.buffer === seed.buffer ? copyBytes3(expandedRaw) : expandedRaw;
    const expanded = [];
    const keySecret = [];
    const secretKey = [];
    const publicKey2 = [];
    let ok = false;
    try {
      for (const part of seedCoder.decode(expandedSeed))
        expanded.push(copyBytes3(part));
      for (let i = 0; i < ck.length; i++) {
        const keys = ck[i].keygen(expanded[i]);
        keySecret.push(keys.secretKey);
        secretKey.push(copyBytes3(keys.secretKey));
        publicKey2.push(keys.publicKey);
      }
      ok = true;
      return { secretKey, publicKey: publicKey2 };
    } finally {
      cleanBytes(expandedSeed, expanded, keySecret);
      if (!ok)
        cleanBytes(secretKey);
    }
  }
  const keygen = (seed) => {
    const root = seed === void 0 ? randomBytes4(rootSeedLen) : copyBytes3(seed);
    let res;
    try {
      const { publicKey: pk, secretKey } = expandDecapsulationKey(root);
      try {
        res = {
          secretKey: root,
          publicKey: pkCoder.encode(pk)
        };
      } finally {
        cleanBytes(pk, secretKey);
      }
      return res;
    } finally {
      if (!res)
        cleanBytes(root);
    }
  };
  return {
    info: { lengths: { seed: rootSeedLen, publicKey: pkCoder.bytesLen, secretKey: rootSeedLen } },
    // Composite secret keys are root seeds, so public-key derivation reruns key expansion from
    // that seed instead of decoding a packed child-secret-key structure.
    getPublicKey: (secretKey) => {
      const keys = keygen(secretKey);
      cleanBytes(keys.secretKey);
      return keys.publicKey;
    },
    keygen,
    expandDecapsulationKey,
    realSeedLen: rootSeedLen
  };
}
function combineKEMS(realSeedLen, realMsgLen, expandSeed, combiner, ...kems) {
  if (realSeedLen !== void 0)
    positiveLength(realSeedLen, "realSeedLen");
  if (realMsgLen !== void 0)
    positiveLength(realMsgLen, "realMsgLen");
  if (typeof expandSeed !== "function")
    throw new TypeError('"expandSeed" expected function, got type=' + typeof expandSeed);
  if (typeof combiner !== "function")
    throw new TypeError('"combiner" expected function, got type=' + typeof combiner);
  const rawCombiner = combiner;
  const rawKems = kems;
  if (rawKems.length === 0)
    throw new RangeError("combineKEMS requires at least one KEM");
  for (let i = 0; i < rawKems.length; i++)
    validateKEM(rawKems[i], `kems[${i}]`);
  const keys = combineKeys(realSeedLen, expandSeed, ...rawKems);
  const ctCoder = splitLengths(rawKems, "cipherText");
  const pkCoder = splitLengths(rawKems, "publicKey");
  const msgCoder = splitLengths(rawKems, "msg");
  const sharedSecretLen = positiveLength(realMsgLen === void 0 ? msgCoder.bytesLen : realMsgLen, "realMsgLen");
  const lengths = Object.freeze({
    ...keys.info.lengths,
    msg: sharedSecretLen,
    msgRand: msgCoder.bytesLen,
    cipherText: ctCoder.bytesLen
  });
  const combine = (publicKeys, cipherTexts, sharedSecrets) => {
    const combined = rawCombiner(publicKeys, cipherTexts, sharedSecrets);
    try {
      return copyBytes3(abytes(combined, sharedSecretLen, "sharedSecret"));
    } catch (error) {
      if (isBytes(combined)) {
        const overlaps = (value) => combined.buffer === value.buffer && combined.byteOffset < value.byteOffset + value.byteLength && value.byteOffset < combined.byteOffset + combined.byteLength;
        const aliasesPublicInput = publicKeys.some(overlaps) || cipherTexts.some(overlaps);
        if (!aliasesPublicInput)
          cleanBytes(combined);
      }
      throw error;
    }
  };
  return Object.freeze({
    lengths,
    getPublicKey: keys.getPublicKey,
    keygen: keys.keygen,
    encapsulate(pk, randomness = randomBytes4(msgCoder.bytesLen)) {
      const pks = pkCoder.decode(pk);
      const rand = msgCoder.decode(randomness);
      const sharedSecret = [];
      const cipherText = [];
      try {
        for (let i = 0; i < rawKems.length; i++) {
          const enc = rawKems[i].encapsulate(pks[i], rand[i]);
          sharedSecret.push(enc.sharedSecret);
          cipherText.push(enc.cipherText);
        }
        const encodedCipherText = ctCoder.encode(cipherText);
        return {
          // Detach the combiner result before cleanup: a caller-provided combiner may alias one of
          // the child sharedSecret buffers, and those child buffers are zeroized immediately below.
          sharedSecret: combine(pks, cipherText, sharedSecret),
          cipherText: encodedCipherText
        };
      } finally {
        cleanBytes(sharedSecret, cipherText);
      }
    },
    decapsulate(ct, seed) {
      const cts = ctCoder.decode(ct);
      const { publicKey: publicKey2, secretKey } = keys.expandDecapsulationKey(seed);
      const sharedSecret = [];
      try {
        for (let i = 0; i < rawKems.length; i++)
          sharedSecret.push(rawKems[i].decapsulate(cts[i], secretKey[i]));
        return combine(publicKey2, cts, sharedSecret);
      } finally {
        cleanBytes(secretKey, sharedSecret);
      }
    }
  });
}
var x25519kem = /* @__PURE__ */ _ecdhKem(x25519);
var ml_kem768_x25519 = /* @__PURE__ */ (() => combineKEMS(
  32,
  32,
  expandSeedXof(shake256),
  // Awesome label, so much escaping hell in a single line.
  (pk, ct, ss) => sha3_256(concatBytes2(ss[0], ss[1], ct[1], pk[1], asciiToBytes("\\.//^\\"))),
  ml_kem768,
  x25519kem
))();

// src/hpke.js
var X_WING = 25722;
var KEM = concat(utf8("KEM"), Uint8Array.of(0, 32));
var suite = (kem) => concat(utf8("HPKE"), Uint8Array.of(kem >> 8, kem & 255, 0, 1, 0, 3));
var SUITE = suite(32);
var VERSION = utf8("HPKE-v1");
var EMPTY = new Uint8Array();
var KEY = 32;
var NONCE = 12;
var labeledExtract = (suite2, salt, label, ikm) => extract(sha256, concat(VERSION, suite2, utf8(label), ikm), salt);
var labeledExpand = (suite2, prk, label, info, size) => expand(sha256, prk, concat(Uint8Array.of(size >> 8, size & 255), VERSION, suite2, utf8(label), info), size);
var publicKey = (secret) => x25519.getPublicKey(secret);
function agreed(secret, key2) {
  try {
    const result = x25519.getSharedSecret(secret, key2);
    return result.some((byte) => byte !== 0) ? result : null;
  } catch {
    return null;
  }
}
var deriveSecret = (ikm) => labeledExpand(KEM, labeledExtract(KEM, EMPTY, "dkp_prk", ikm), "sk", EMPTY, KEY);
function schedule(dh, encapsulated, recipient, info) {
  const context = concat(encapsulated, recipient);
  return keysOf(SUITE, labeledExpand(KEM, labeledExtract(KEM, EMPTY, "eae_prk", dh), "shared_secret", context, KEY), info, null);
}
function keysOf(suiteId, shared, info, psk) {
  const hashes = [labeledExtract(suiteId, EMPTY, "psk_id_hash", psk?.id ?? EMPTY), labeledExtract(suiteId, EMPTY, "info_hash", info)];
  const bound = concat(Uint8Array.of(psk ? 1 : 0), ...hashes);
  const secret = labeledExtract(suiteId, shared, "secret", psk?.key ?? EMPTY);
  return {
    key: labeledExpand(suiteId, secret, "key", bound, KEY),
    nonce: labeledExpand(suiteId, secret, "base_nonce", bound, NONCE),
    exporter: labeledExpand(suiteId, secret, "exp", bound, KEY)
  };
}
var X_WING_SUITE = suite(X_WING);
function toXWing(recipient, { info, randomness, psk = null }) {
  let made;
  try {
    made = ml_kem768_x25519.encapsulate(recipient, randomness);
  } catch {
    return null;
  }
  const { key: key2, nonce, exporter } = keysOf(X_WING_SUITE, made.sharedSecret, info, psk);
  return {
    encapsulated: made.cipherText,
    exported: (context) => labeledExpand(X_WING_SUITE, exporter, "sec", context, KEY),
    seal: (aad, plaintext) => chacha20poly1305(key2, nonce, aad).encrypt(plaintext)
  };
}
function seal2(recipient, { info, aad, ikm }, plaintext) {
  const ephemeral = deriveSecret(ikm);
  const dh = agreed(ephemeral, recipient);
  if (dh === null) return null;
  const encapsulated = publicKey(ephemeral);
  const { key: key2, nonce } = schedule(dh, encapsulated, recipient, info);
  return concat(encapsulated, chacha20poly1305(key2, nonce, aad).encrypt(plaintext));
}
function open(secret, { info, aad }, sealed, recipient = publicKey(secret)) {
  const encapsulated = sealed.slice(0, KEY);
  if (encapsulated.length !== KEY) return null;
  const dh = agreed(secret, encapsulated);
  if (dh === null) return null;
  const { key: key2, nonce } = schedule(dh, encapsulated, recipient, info);
  return decrypted(key2, nonce, aad, sealed.slice(KEY));
}
function decrypted(key2, nonce, aad, ciphertext) {
  try {
    return chacha20poly1305(key2, nonce, aad).decrypt(ciphertext);
  } catch {
    return null;
  }
}

// src/envelope.js
var LABEL = utf8("pregao/letter/v1");
var SEED_LABEL = utf8("pregao/letter-seed/v1");
var PREKEY_LABEL2 = utf8("pregao/prekey/v1");
var PREKEY3 = 1216;
var ML_KEM2 = 1184;
var Q3 = 3329;
var ENCAPSULATED = 1120;
var TAG2 = 16;
var PREFIX = 4;
var HEAD = 1 + 2 * ENCAPSULATED;
function isPrekey2(bytes2) {
  if (bytes2.length !== PREKEY3 || (bytes2.at(-1) & 128) !== 0 || !isSealable(bytes2.subarray(ML_KEM2))) return false;
  for (let at = 0; at < ML_KEM2 - 32; at += 3) {
    const [first, middle, last] = bytes2.subarray(at, at + 3);
    if ((first | (middle & 15) << 8) >= Q3 || (middle >> 4 | last << 4) >= Q3) return false;
  }
  return true;
}
var prekeyDigest = (bytes2) => sha256(concat(PREKEY_LABEL2, bytes2));
function padded(bytes2, size) {
  if (bytes2.length > size - PREFIX) return null;
  const whole = new Uint8Array(size);
  new DataView(whole.buffer).setUint32(0, bytes2.length);
  whole.set(bytes2, PREFIX);
  return whole;
}
function makeEnvelope({ box, signed: signed2, once, size }, seeds, content, hash2) {
  if (once !== null && String(once) === String(signed2)) return null;
  const digests = [signed2, once].map((key2) => key2 === null ? new Uint8Array(32) : prekeyDigest(key2));
  const info = concat(LABEL, fromHex32(box), ...digests, Uint8Array.of(ONE_PIECE.indexOf(size)));
  const random = (part, length) => expand(sha256, extract(sha256, seeds), concat(SEED_LABEL, Uint8Array.of(part), sha256(info), hash2), length);
  const first = once === null ? null : toXWing(once, { info, randomness: random(0, 64) });
  if (once !== null && first === null) return null;
  const before = first ? first.encapsulated : random(2, ENCAPSULATED);
  const psk = first ? { key: first.exported(LABEL), id: concat(digests[1], before) } : null;
  const second = toXWing(signed2, { info, randomness: random(1, 64), psk });
  const plain = padded(content, size - HEAD - TAG2);
  if (second === null || plain === null) return null;
  const head = concat(Uint8Array.of(first ? 1 : 0), before, second.encapsulated);
  return concat(head, second.seal(head, plain));
}

// src/rule.js
var MOST_BYTES2 = 2048;
var MOST_OPEN = 32;
var MOST_IN_TEXT = 200;
var LEAST = -(2n ** 63n);
var MOST = 2n ** 63n - 1n;
var VARIABLES = ["amount", "highest", "least", "start", "bids", "paddle_bids", "elapsed", "remaining"];
var SEALED = ["amount", "start", "elapsed", "remaining"];
var KEYWORDS = ["let", "if", "else", "true", "false"];
var NoRule = class extends Error {
};
var Errs = class extends Error {
};
var no2 = () => {
  throw new NoRule();
};
var errs = (cause) => {
  throw new Errs(cause);
};
var WORD = /[ \n]+|\/\/([^\n]*)|(\d[\d_a-z]*)|"((?:[^"\\\n]|\\["\\])*)"|([a-z][a-z0-9_]*)|(&&|\|\||==|!=|<=|>=|[<>=!+\-*/%(){};])/uy;
var NUMBER = /^(?:0|[1-9](?:_?\d)*)$/;
function words(source) {
  const found = [];
  WORD.lastIndex = 0;
  for (let at = 0; at < source.length; at = WORD.lastIndex) {
    WORD.lastIndex = at;
    const match = WORD.exec(source) ?? no2();
    const [, comment, number, text2, name, mark] = match;
    if (comment !== void 0 && steers(comment)) no2();
    if (number !== void 0) found.push({ number: readNumber(number) });
    if (text2 !== void 0) found.push({ text: readText(text2) });
    if (name !== void 0) found.push({ name });
    if (mark !== void 0) found.push({ mark });
  }
  return found;
}
function readNumber(digits) {
  if (!NUMBER.test(digits)) no2();
  const number = BigInt(digits.replaceAll("_", ""));
  return number <= MOST ? number : no2();
}
function readText(written) {
  const text2 = written.replace(/\\(.)/gu, "$1");
  return isShown(text2, MOST_IN_TEXT) ? text2 : no2();
}
var Reader = class {
  #words;
  #next = 0;
  #open = 0;
  #variables;
  // Names that stand for something here, `{name, kind, place}`.
  #names = [];
  #places = 0;
  constructor(found, variables) {
    this.#words = found;
    this.#variables = variables;
  }
  rule() {
    const body = this.#body();
    if (this.#next < this.#words.length || body.kind === "number") no2();
    return body.of;
  }
  #mark(...marks) {
    const mark = this.#words[this.#next]?.mark;
    if (mark === void 0 || !marks.includes(mark)) return null;
    this.#next += 1;
    return mark;
  }
  #name(...names) {
    const name = this.#words[this.#next]?.name;
    if (name === void 0 || !names.includes(name)) return null;
    this.#next += 1;
    return name;
  }
  #expect = (found) => found ?? no2();
  #within(read) {
    if (this.#open === MOST_OPEN) no2();
    this.#open += 1;
    const inside = read();
    this.#open -= 1;
    return inside;
  }
  #body() {
    const outside = this.#names.length;
    const lets = [];
    while (this.#name("let")) {
      const name = this.#newName();
      this.#expect(this.#mark("="));
      const { kind: kind2, of: of2 } = this.#expression();
      this.#expect(this.#mark(";"));
      const place = this.#places++;
      this.#names.push({ name, kind: kind2, place });
      lets.push((state) => state.places[place] = of2(state));
    }
    const { kind, of } = this.#expression();
    this.#names.length = outside;
    return {
      kind,
      of: (state) => {
        for (const work of lets) work(state);
        return of(state);
      }
    };
  }
  #newName() {
    const name = this.#words[this.#next]?.name ?? no2();
    if (KEYWORDS.includes(name) || VARIABLES.includes(name) || this.#names.some((known) => known.name === name)) no2();
    this.#next += 1;
    return name;
  }
  #expression() {
    return this.#name("if") ? this.#conditional() : this.#any();
  }
  #conditional() {
    const branches = [];
    let kind;
    const braces = () => {
      this.#expect(this.#mark("{"));
      const body = this.#within(() => this.#body());
      this.#expect(this.#mark("}"));
      kind = kind === void 0 || kind === body.kind ? body.kind : [kind, body.kind].includes("number") ? no2() : "answer";
      return body.of;
    };
    do {
      const asks = demand(this.#any(), "boolean");
      branches.push({ asks, of: braces() });
      this.#expect(this.#name("else"));
    } while (this.#name("if"));
    const last = braces();
    return { kind, of: (state) => (branches.find(({ asks }) => asks(state))?.of ?? last)(state) };
  }
  #any = () => this.#chain("||", () => this.#all(), (parts) => (state) => parts.some((part) => part(state)));
  #all = () => this.#chain("&&", () => this.#equality(), (parts) => (state) => parts.every((part) => part(state)));
  #chain(mark, read, joined) {
    const first = read();
    if (!this.#mark(mark)) return first;
    const parts = [demand(first, "boolean")];
    do
      parts.push(demand(read(), "boolean"));
    while (this.#mark(mark));
    return { kind: "boolean", of: joined(parts) };
  }
  #equality() {
    const one2 = this.#order();
    const mark = this.#mark("==", "!=");
    if (!mark) return one2;
    if (one2.kind === "answer") no2();
    const other = demand(this.#order(), one2.kind);
    const wanted = mark === "==";
    return { kind: "boolean", of: (state) => one2.of(state) === other(state) === wanted };
  }
  #order() {
    const first = this.#sum();
    const mark = this.#mark("<=", ">=", "<", ">");
    if (!mark) return first;
    const [one2, other] = [demand(first, "number"), demand(this.#sum(), "number")];
    return { kind: "boolean", of: (state) => ORDERS[mark](one2(state), other(state)) };
  }
  #sum = () => this.#arithmetic(["+", "-"], () => this.#product());
  #product = () => this.#arithmetic(["*", "/", "%"], () => this.#unary());
  #arithmetic(marks, read) {
    const first = read();
    let mark = this.#mark(...marks);
    if (!mark) return first;
    const start = demand(first, "number");
    const rest = [];
    for (; mark; mark = this.#mark(...marks)) rest.push({ apply: OPERATORS[mark], operand: demand(read(), "number") });
    return { kind: "number", of: (state) => rest.reduce((sum, { apply, operand }) => bounded(apply(sum, operand(state))), start(state)) };
  }
  #unary() {
    const mark = this.#mark("-", "!");
    if (!mark) return this.#operand();
    const kind = mark === "-" ? "number" : "boolean";
    const operand = demand(
      this.#within(() => this.#unary()),
      kind
    );
    return { kind, of: mark === "-" ? (state) => bounded(-operand(state)) : (state) => !operand(state) };
  }
  #operand() {
    if (this.#mark("(")) {
      const inside = this.#within(() => this.#expression());
      this.#expect(this.#mark(")"));
      return inside;
    }
    const { number, text: text2, name } = this.#words[this.#next] ?? no2();
    this.#next += 1;
    if (number !== void 0) return { kind: "number", of: () => number };
    if (text2 !== void 0) return { kind: "text", of: () => text2 };
    if (name === "true" || name === "false") return { kind: "boolean", of: () => name === "true" };
    if (this.#variables.includes(name)) return { kind: "number", of: ({ values: values2 }) => values2[name] };
    const { kind, place } = this.#names.find((known) => known.name === name) ?? no2();
    return { kind, of: ({ places }) => places[place] };
  }
};
var demand = ({ kind, of }, wanted) => kind === wanted ? of : no2();
var ORDERS = {
  "<=": (one2, other) => one2 <= other,
  ">=": (one2, other) => one2 >= other,
  "<": (one2, other) => one2 < other,
  ">": (one2, other) => one2 > other
};
var OPERATORS = {
  "+": (one2, other) => one2 + other,
  "-": (one2, other) => one2 - other,
  "*": (one2, other) => one2 * other,
  "/": (one2, other) => one2 / divisor(one2, other),
  "%": (one2, other) => one2 % divisor(one2, other)
};
var bounded = (number) => number >= LEAST && number <= MOST ? number : errs("overflow");
var divisor = (one2, other) => other === 0n ? errs("division") : one2 === LEAST && other === -1n ? errs("overflow") : other;
function readRule(source, isSealed) {
  const { length } = utf8(source);
  if (!isWellFormed(source) || length === 0 || length > MOST_BYTES2) return null;
  let work;
  try {
    work = new Reader(words(source), isSealed ? SEALED : VARIABLES).rule();
  } catch (error) {
    if (error instanceof NoRule) return null;
    throw error;
  }
  return (state) => {
    const values2 = Object.fromEntries(VARIABLES.map((name) => [name, BigInt(state[name] ?? 0)]));
    try {
      return work({ values: values2, places: [] });
    } catch (error) {
      if (error instanceof Errs) return { error: error.message };
      throw error;
    }
  };
}

// src/terms.js
var LONGEST4 = seconds(366 * 86400);
var MOST_STEPS = 16;
var between2 = (number, least, most) => number >= least && number <= most;
var leastOf = ({ start }) => Math.max(start, 1);
function arePossiblePrices({ start, increment, steps = [], max_raise: most, buy_now: price }) {
  const rise = steps.every(({ from }, at) => at === 0 || from > steps[at - 1].from);
  const increments = [increment, ...steps.map((step) => step.increment)];
  return steps.length <= MOST_STEPS && rise && (most === void 0 || increments.every((least) => least <= most)) && (price === void 0 || price >= leastOf({ start }));
}
var opensAt = (terms) => seconds(ceilSeconds(lastEnd(terms) + seconds(2 * terms.grace)) + 1n);
var neededOf = ({ sealed, reserve }) => sealed?.needed ?? reserve;
var lastEnd = ({ end, soft, dutch, freshness }) => soft ? soft.hard_end : dutch ? end + seconds(freshness) : end;
var raisesNothing = ({ steps, max_raise: most, buy_now: price, soft, increment }) => [steps, most, price, soft].every((term) => term === void 0) && increment === 1;
function canFall(terms) {
  const { start, dutch, freshness, stamps, sealed, rule } = terms;
  return raisesNothing(terms) && sealed === void 0 && rule === void 0 && dutch.fall <= start - dutch.floor && between2(dutch.every, 1, 86400) && freshness <= 3 && stamps.length === 1;
}
var lockTsas = ({ sealed, stamps }) => sealed?.locks ?? stamps;
function canSeal(terms) {
  const { sealed, quorum, stamps } = terms;
  const tsas = lockTsas(terms);
  return quorum > 0 && new Set(tsas.map(String)).size === tsas.length && between2(tsas.length, 1, 8) && String(sealed?.locks) !== String(stamps) && between2(neededOf(terms), 1, tsas.length) && opensAt(terms) <= seconds(lastSecond);
}
var incrementAbove = ({ steps = [], increment }, highest) => (steps.findLast(({ from }) => from <= highest) ?? { increment }).increment;
var wholeSeconds = (from, to) => Number((to - from) / seconds(1));
function sampleStates(terms, listed) {
  const least = leastOf(terms);
  const most = Number.MAX_SAFE_INTEGER;
  const lasts = wholeSeconds(listed, lastEnd(terms));
  const before = [
    { highest: 0, least, bids: 0, paddle_bids: 0 },
    { highest: least, least: Math.min(least + incrementAbove(terms, least), most), bids: 1, paddle_bids: 1 },
    { highest: most - 1, least: most, bids: 1e6, paddle_bids: 1e6 }
  ];
  const times = [
    { elapsed: 0, remaining: lasts },
    { elapsed: lasts, remaining: 0 }
  ];
  return before.slice(0, terms.sealed ? 1 : void 0).flatMap((state) => [state.least, most].flatMap((amount2) => times.map((time2) => ({ ...state, ...time2, amount: amount2, start: terms.start }))));
}
function ruleOf(terms, listed) {
  if (terms.rule === void 0) return null;
  const rule = readRule(terms.rule, terms.sealed !== void 0);
  const errs2 = (state) => typeof rule(state) === "object";
  refuseUnless(rule !== null && !sampleStates(terms, listed).some(errs2), "listing.rule");
  return rule;
}
function judgeTerms(terms, key2, listed) {
  refuseUnless(!equal(key2, terms.broker.entry), "verb.author");
  const { begin, end, soft, freshness, grace } = terms;
  const last = lastEnd(terms);
  refuseUnless(end > listed && last <= listed + LONGEST4 && (begin === void 0 || begin < end), "listing.end");
  const holds = between2(freshness, 1, 60) && between2(grace, 1, 60) && between2(terms.disclose_within, 10, 2592e3) && between2(terms.stamps.length, 1, 8) && between2(terms.authorities.length, 1, 8) && terms.threshold === 1 && (!soft || between2(soft.extend, 3 * freshness, 86400) && soft.hard_end >= end) && arePossiblePrices(terms) && isQuorumOfWitnesses(terms.witnesses, terms.quorum) && (!terms.sealed || raisesNothing(terms)) && (neededOf(terms) === void 0 || canSeal(terms)) && (terms.reserve === void 0 || terms.dutch === void 0 && terms.reserve === neededOf(terms)) && (!terms.dutch || canFall(terms)) && (terms.bids_each === void 0 || between2(terms.bids_each, 1, 32));
  refuseUnless(holds, "listing.terms");
}

// src/citizens.js
var LONGEST_CERTIFICATE = 4096;
var LONGEST_STATEMENT = 2048;
var SEQUENCE = 48;
var ED25519 = Uint8Array.of(48, 5, 6, 3, 43, 101, 112);
var ARC = "698df2d0a9cf84e2afdbbcf785aaa1a0b5e00f";
var NAMES2 = /* @__PURE__ */ new Map([
  ["pregao CA", false],
  ["pregao CA (simulated)", true]
]);
var RSA_HEAD = "308201a2300d06092a864886f70d01010105000382018f003082018a0282018100";
var RSA_TAIL = "0203010001";
var no3 = () => refuseUnless(false, "listing.citizens");
var Der = class _Der {
  #bytes;
  #at = 0;
  constructor(encoded) {
    this.#bytes = encoded;
  }
  get isAtEnd() {
    return this.#at === this.#bytes.length;
  }
  /** The next value if it has this tag: its content, and all of it. */
  next(tag) {
    const from = this.#at;
    if (this.#bytes[from] !== tag) no3();
    let length = this.#bytes[from + 1];
    let at = from + 2;
    if (length === void 0) no3();
    if (length >= 128) {
      const count2 = length & 127;
      if (count2 < 1 || count2 > 2 || at + count2 > this.#bytes.length) no3();
      length = 0;
      for (let i = 0; i < count2; i += 1) length = length << 8 | this.#bytes[at + i];
      if (length < (count2 === 1 ? 128 : 256)) no3();
      at += count2;
    }
    if (at + length > this.#bytes.length) no3();
    this.#at = at + length;
    return { content: this.#bytes.subarray(at, this.#at), whole: this.#bytes.subarray(from, this.#at) };
  }
  is(tag) {
    return this.#bytes[this.#at] === tag;
  }
  inside(tag) {
    return new _Der(this.next(tag).content);
  }
  end() {
    if (!this.isAtEnd) no3();
  }
};
function commonName(name) {
  const set = name.inside(49);
  const only = set.inside(SEQUENCE);
  if (hex(only.next(6).content) !== "550403") no3();
  const tag = [12, 19].find((text3) => only.is(text3));
  if (tag === void 0) no3();
  const text2 = String.fromCharCode(...only.next(tag).content);
  only.end();
  set.end();
  name.end();
  return text2;
}
function instant(validity) {
  const tag = validity.is(23) ? 23 : 24;
  const text2 = String.fromCharCode(...validity.next(tag).content);
  const parts = (tag === 23 ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text2);
  if (!parts) no3();
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
  const full = tag === 24 ? year : year < 50 ? 2e3 + year : 1900 + year;
  const millis = Date.UTC(full, month - 1, day, hour, minute, second);
  if (new Date(millis).toISOString().slice(0, 19).replace(/[-:T]/g, "") !== `${String(full).padStart(4, "0")}${text2.slice(-11, -1)}`) no3();
  return BigInt(millis) * 1000n;
}
function extension(all) {
  const one2 = all.inside(SEQUENCE);
  const id2 = hex(one2.next(6).content);
  const critical = one2.is(1) && hex(one2.next(1).content) === "ff";
  const value = hex(one2.next(4).content);
  one2.end();
  return { id: id2, critical, value };
}
function enrolmentKey(der, authority, now) {
  if (der.length > LONGEST_CERTIFICATE) no3();
  const file = new Der(der);
  const all = file.inside(SEQUENCE);
  file.end();
  const signed2 = all.next(SEQUENCE);
  if (!equal(all.next(SEQUENCE).whole, ED25519)) no3();
  const signature = all.next(3).content;
  all.end();
  if (signature.length !== 65 || signature[0] !== 0 || !verifies(authority, signed2.whole, signature.subarray(1))) no3();
  const content = new Der(signed2.content);
  if (hex(content.next(160).content) !== "020102") no3();
  content.next(2);
  if (!equal(content.next(SEQUENCE).whole, ED25519)) no3();
  const simulated = NAMES2.get(commonName(content.inside(SEQUENCE)));
  if (simulated === void 0) no3();
  const validity = content.inside(SEQUENCE);
  const [first, last] = [instant(validity), instant(validity)];
  validity.end();
  if (commonName(content.inside(SEQUENCE)) !== "pregao enrolment") no3();
  const info = content.inside(SEQUENCE);
  if (!equal(info.next(SEQUENCE).whole, ED25519)) no3();
  const bits = info.next(3).content;
  info.end();
  const outer = content.inside(163);
  const extensions = outer.inside(SEQUENCE);
  outer.end();
  content.end();
  const [identifier, usage, purpose] = [extension(extensions), extension(extensions), extension(extensions)];
  extensions.end();
  const fits = identifier.id === "551d23" && !identifier.critical && usage.id === "551d0f" && usage.critical && usage.value === "03020780" && purpose.id === "551d25" && purpose.critical && purpose.value === `30160614${ARC}04`;
  const key2 = bits.subarray(1);
  if (!fits || now < first || now > last || bits.length !== 33 || bits[0] !== 0 || !isTorsionFree(key2)) no3();
  return { key: key2, simulated };
}
var isRsaKey = (spki) => {
  const text2 = hex(spki);
  const isModulus = spki.length === 422 && (spki[33] & 128) !== 0 && (spki[416] & 1) === 1;
  return isModulus && text2.startsWith(RSA_HEAD) && text2.endsWith(RSA_TAIL);
};
var STATEMENT = object({
  authority: name32,
  key: bytes(() => true),
  from: time,
  until: time,
  spend_until: time,
  test: optional(yes)
});
function readStatement(text2, enrolment, authority) {
  if (text2.length > LONGEST_STATEMENT) no3();
  const parts = split2(text2);
  const stated = readExact(parts.payload, STATEMENT);
  const isSigned = isBy(parts, "pregao-issuer-v1", fingerprint(enrolment), enrolment);
  const isPeriod = stated.from < stated.until && stated.until <= stated.spend_until;
  if (!isSigned || stated.authority !== fingerprint(authority) || !isPeriod || !isRsaKey(stated.key)) no3();
  return stated;
}
function issuerOf(terms, listed) {
  if (terms.citizens === void 0) return null;
  try {
    const [authority, ...others] = terms.authorities;
    const der = fromBase64url(terms.citizens.certificate);
    if (others.length > 0 || !der) no3();
    const { key: key2, simulated } = enrolmentKey(der, authority, listed);
    const { from, until, spend_until, test, key: spki } = readStatement(terms.citizens.statement, key2, authority);
    const plays = terms.simulated === true;
    if (simulated !== plays || test && !plays || from > listed || lastEnd(terms) > spend_until) no3();
    return { issuer: base64url(sha256(spki)), from, until, spend_until, test };
  } catch {
    return no3();
  }
}

// src/dutch.js
var LABEL2 = utf8("pregao/lot/v1");
function priceAt({ start, dutch: { floor, fall, every } }, since, time2) {
  const steps = time2 > since ? (time2 - since) / seconds(every) : 0n;
  const price = BigInt(start) - steps * BigInt(fall);
  return price > BigInt(floor) ? Number(price) : floor;
}
var lotOf = ({ digest }, { hash: hash2 }) => hex(sha256(concat(LABEL2, hash2, digest)));
var isBefore = (one2, other) => one2.time === other.time ? one2.lot < other.lot : one2.time < other.time;
var FallingPrice = class {
  /** Since when the price falls. */
  since;
  #terms;
  // Bids with the earliest first; those before `#first` are forfeited.
  #ranked = [];
  #first = 0;
  constructor(terms, listed) {
    const { begin } = terms;
    this.#terms = terms;
    this.since = begin !== void 0 && begin > listed ? begin : listed;
  }
  /** V-182: what a bid pays, which agrees to so much or more. */
  requirePrice({ amount: amount2 }, { time: time2 }) {
    const price = priceAt(this.#terms, this.since, time2);
    refuseUnless(amount2 >= price, "bid.too-low");
    return price;
  }
  /** Takes a bid in. Gives the end by V-183, which the first one sets. */
  take(bid, action, header, end) {
    const ranked = { bid, time: header.time, lot: lotOf(action, header) };
    let [low, high] = [0, this.#ranked.length];
    while (low < high) {
      const middle = low + high >> 1;
      if (isBefore(this.#ranked[middle], ranked)) low = middle + 1;
      else high = middle;
    }
    this.#ranked.splice(low, 0, ranked);
    return this.#ranked.length === 1 ? header.time + seconds(this.#terms.freshness) : end;
  }
  /** The earliest bid that is not forfeited. Nobody bids any more once some are. */
  leader() {
    while (this.#ranked[this.#first]?.bid.forfeited) this.#first += 1;
    return this.#ranked[this.#first]?.bid ?? null;
  }
};

// src/note.js
var LONGEST5 = 4096;
var MOST_SIGNATURES = 16;
var ED255192 = 1;
var COSIGNATURE = 4;
var MARK = "\u2014 ";
var keyId = (name, algorithm, key2) => sha256(concat(utf8(name), Uint8Array.of(10, algorithm), key2)).subarray(0, 4);
var origin = (broker, room) => `pregao/${broker}/${room}`;
var headText = (log, size, root) => `${log}
${size}
${base64(root)}
`;
var cosigned = (time2, text2) => utf8(`cosignature/v1
time ${time2}
${text2}`);
function signatureLine(line) {
  refuseUnless(line.startsWith(MARK), "V-024");
  const [name, encoded, ...more] = line.slice(MARK.length).split(" ");
  refuseUnless(more.length === 0 && encoded !== void 0 && name !== "" && !/[\p{White_Space}+]/u.test(name), "V-024");
  const bytes2 = fromBase64(encoded);
  refuseUnless(bytes2 !== null && bytes2.length > 4, "V-024");
  return { name, id: bytes2.subarray(0, 4), signature: bytes2.subarray(4) };
}
function readNote(note) {
  refuseUnless(isWellFormed(note) && utf8(note).length <= LONGEST5, "V-024");
  refuseUnless(!/[\u0000-\u0009\u000b-\u001f]/.test(note), "V-024");
  const end = note.indexOf("\n\n");
  refuseUnless(end >= 0 && note.endsWith("\n"), "V-024");
  const text2 = note.slice(0, end + 1);
  const head = text2.split("\n");
  refuseUnless(head.length === 4 && head[0] !== "" && /^(0|[1-9][0-9]{0,15})$/.test(head[1]), "V-024");
  const size = Number(head[1]);
  const root = fromBase64(head[2]);
  refuseUnless(Number.isSafeInteger(size) && root !== null && root.length === 32, "V-024");
  const lines2 = note.slice(end + 2, -1).split("\n");
  refuseUnless(lines2.length <= MOST_SIGNATURES, "V-024");
  return { origin: head[0], size, root, text: text2, lines: lines2.map(signatureLine) };
}
function cosigners(text2, lines2, witnesses) {
  const found = [];
  for (const { name, id: id2, signature } of lines2) {
    const witness = witnesses.find((named2) => named2.name === name && equal(keyId(name, COSIGNATURE, named2.key), id2));
    if (!witness) continue;
    refuseUnless(!found.includes(witness) && signature.length === 72, "V-141");
    const time2 = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    refuseUnless(time2 <= BigInt(Number.MAX_SAFE_INTEGER), "V-141");
    refuseUnless(verifies(witness.key, cosigned(time2, text2), signature.subarray(8)), "V-141");
    found.push(witness);
  }
  return found;
}
function readHead(note, log, key2, witnesses) {
  const { origin: name, size, root, text: text2, lines: lines2 } = readNote(note);
  refuseUnless(name === log, "V-024");
  const [own, ...others] = lines2;
  refuseUnless(own.name === log && equal(own.id, keyId(log, ED255192, key2)), "V-024");
  refuseUnless(verifies(key2, utf8(text2), own.signature), "V-024");
  refuseUnless(others.every((line) => line.name !== log), "V-024");
  return { size, root, cosigners: cosigners(text2, others, witnesses) };
}

// src/paddles.js
var Paddles = class {
  // The keys of the bids under each name, by their positions.
  #bids = /* @__PURE__ */ new Map();
  #names = /* @__PURE__ */ new Map();
  /** V-200 and V-201: nobody holds it yet, or the bid is shown to be by who does. */
  require({ key: key2, body: { paddle } }) {
    if (!paddle) return;
    const { name, earlier } = paddle;
    const held = this.#bids.get(name);
    if (!held || !earlier) return refuseUnless(!held && !earlier, "bid.paddle");
    const first = held.get(earlier.seq);
    refuseUnless(first !== void 0 && isRatio(first, earlier.ratio, key2), "bid.paddle");
  }
  /** Takes a bid in that is logged at this position. */
  take({ key: key2, body: { paddle } }, seq) {
    if (!paddle) return;
    const held = this.#bids.get(paddle.name) ?? /* @__PURE__ */ new Map();
    this.#bids.set(paddle.name, held.set(seq, key2));
    this.#names.set(seq, paddle.name);
  }
  /** How many bids are under the paddle of this one. */
  count({ paddle }) {
    return this.#bids.get(paddle?.name)?.size ?? 0;
  }
  /** The name under which the bid at a position was made; undefined if under none. */
  nameOf = (seq) => this.#names.get(seq);
};

// src/shamir.js
var POWERS = new Uint8Array(510);
var LOGS = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  POWERS[power] = value;
  POWERS[power + 255] = value;
  LOGS[value] = power;
  value ^= value << 1;
  if (value > 255) value ^= 283;
}
var multiply = (a, b) => a === 0 || b === 0 ? 0 : POWERS[LOGS[a] + LOGS[b]];
var divide = (a, b) => a === 0 ? 0 : POWERS[LOGS[a] + 255 - LOGS[b]];
var shareAt = (coefficients, x) => coefficients[0].map((_, at) => coefficients.reduceRight((value, bytes2) => multiply(value, x) ^ bytes2[at], 0));
function secretOf(shares) {
  const weights = shares.map(
    ({ x }) => shares.reduce((product, other) => other.x === x ? product : multiply(product, divide(other.x, other.x ^ x)), 1)
  );
  return shares[0].bytes.map((_, at) => shares.reduce((sum, { bytes: bytes2 }, i) => sum ^ multiply(weights[i], bytes2[at]), 0));
}

// src/sealed.js
var BID = utf8("pregao/sealed-bid/v1");
var RESERVE = utf8("pregao/sealed-reserve/v1");
var KEY2 = utf8("pregao/bid-key/v1");
var COMMITMENT = utf8("pregao/bid-commitment/v1");
var COEFFICIENT = utf8("pregao/bid-coefficient/v1");
var SEED = utf8("pregao/bid-seed/v1");
var NONCE2 = new Uint8Array(12);
var SEALED2 = 80;
var AMOUNT = 24;
var derive = (secret, ...info) => hkdf(sha256, secret, void 0, concat(...info), 32);
var one = (number) => Uint8Array.of(number);
var parameters = ({ context, label = BID }, secret, x) => ({ info: label, aad: context, ikm: derive(secret, SEED, one(x)) });
var contextOf = (room, key2, label = BID) => sha256(concat(label, fromHex32(room), key2));
var isWellFormed2 = ({ broker, shares, amount: amount2 }, count2) => broker.length === SEALED2 && shares.length === count2 && shares.every((share) => share.length === SEALED2) && amount2.length === AMOUNT;
function shareOf(half, needed, x) {
  const more = Array.from({ length: needed - 1 }, (_, i) => derive(half, COEFFICIENT, one(i + 1)));
  return shareAt([half, ...more], x);
}
var sealedShares = (half, about) => about.locks.map((key2, i) => seal2(key2, parameters(about, half, i + 1), shareOf(half, about.needed, i + 1)));
function sealBid(amount2, halves, about) {
  const both = concat(...halves);
  const { context, broker } = about;
  return {
    broker: seal2(broker, parameters(about, both, 0), halves[1]),
    shares: sealedShares(halves[0], about),
    commitment: derive(both, COMMITMENT, context),
    amount: chacha20poly1305(derive(both, KEY2, context), NONCE2, context).encrypt(amount2)
  };
}
function openBid(bid, { context, label = BID, broker, locks, needed, key: key2, secrets }) {
  const about = { info: label, aad: context };
  const second = open(key2, about, bid.broker, broker);
  if (second === null) return { cause: "broker" };
  const shares = secrets.map(({ tsa, secret }) => ({ x: tsa + 1, bytes: open(secret, about, bid.shares[tsa], locks[tsa]) }));
  if (shares.some(({ bytes: bytes2 }) => bytes2 === null)) return { cause: "share" };
  const first = secretOf(shares);
  const both = concat(first, second);
  if (!equal(derive(both, COMMITMENT, context), bid.commitment)) return { cause: "commitment" };
  const anew = sealedShares(first, { context, label, locks, needed });
  if (!anew.every((share, i) => equal(share, bid.shares[i]))) return { cause: "shares" };
  const amount2 = amountIn(bid, both, context);
  return amount2 === null ? { cause: "amount" } : { amount: amount2 };
}
function unseal(sealed, halves, about) {
  const amount2 = amountIn(sealed, concat(...halves), about.context);
  if (amount2 === null) return null;
  const anew = sealBid(amountBytes(amount2), halves, about);
  const isSame = anew.shares.length === sealed.shares.length && anew.shares.every((share, i) => equal(share, sealed.shares[i])) && ["broker", "commitment", "amount"].every((part) => equal(anew[part], sealed[part]));
  return isSame ? amount2 : null;
}
function amountIn(sealed, both, context) {
  const plain = decrypted(derive(both, KEY2, context), NONCE2, context, sealed.amount);
  const amount2 = plain && new DataView(plain.buffer, plain.byteOffset).getBigUint64(0);
  return amount2 === null || amount2 === 0n || amount2 > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(amount2);
}
var amountBytes = u64;

// src/reserve.js
var requireReserveForm = (body, terms) => refuseUnless(isWellFormed2(body, lockTsas(terms).length), "reserve.sealed");
var Reserve = class {
  /** `awaited`, `sealed`, `open`, `void` or `unopened`. */
  standing = "awaited";
  /** The positions of `reserve`, and of what opened it. */
  sealed = void 0;
  opened = void 0;
  amount = void 0;
  cause = void 0;
  #terms;
  #seller;
  #body;
  #context;
  constructor(terms, seller) {
    this.#terms = terms;
    this.#seller = seller;
  }
  /** V-211, V-213: the author is shown to be the seller. */
  #requireSeller({ body, key: key2 }) {
    refuseUnless(isRatio(this.#seller, body.ratio, key2), "reserve.seller");
  }
  /** V-211. */
  take(action, seq) {
    refuseUnless(this.standing === "awaited", "verb.phase");
    this.#requireSeller(action);
    requireReserveForm(action.body, this.#terms);
    this.standing = "sealed";
    this.sealed = seq;
    this.#body = action.body;
    this.#context = contextOf(action.room, action.key, RESERVE);
  }
  /** V-212: with the secrets to which everything is sealed; `to` is `{broker, locks, needed}`. */
  open({ key: key2, locks: secrets }, seq, to) {
    const { amount: amount2, cause } = openBid(this.#body, { ...to, key: key2, secrets, context: this.#context, label: RESERVE });
    this.standing = cause === void 0 ? "open" : "void";
    Object.assign(this, { amount: amount2, cause, opened: seq });
  }
  /** V-213: by its seller. */
  unseal(action, seq, to) {
    this.#requireSeller(action);
    const halves = [action.body.first, action.body.second];
    const amount2 = unseal(this.#body, halves, { ...to, context: this.#context, label: RESERVE });
    refuseUnless(amount2 !== null, "reserve.wrong");
    this.standing = "open";
    Object.assign(this, { amount: amount2, opened: seq });
  }
  /** V-214: nobody opened it in time. */
  giveUp() {
    this.standing = "unopened";
  }
  /** V-215: whether a bid of this amount reaches it, as far as it is known. */
  isReachedBy = (amount2) => this.amount === void 0 || amount2 >= this.amount;
};

// src/timelock.js
var LONGEST6 = 1024;
var CONTENT2 = object({ tsa: name32, at: integer(0, lastSecond), key: bytesOf(32, isSealable), simulated: optional(yes) });
function readTimelock(text2, stamp) {
  refuseUnless(text2.length <= LONGEST6, "V-162");
  const parts = split2(text2);
  const statement = readExact(parts.payload, CONTENT2);
  const tsa = fingerprint(stamp);
  refuseUnless(statement.tsa === tsa && isBy(parts, "pregao-timelock-v1", tsa, stamp), "V-162");
  return statement;
}

// src/sealedbids.js
var OPEN_SLACK = seconds(60);
var UNOPENED = seconds(86400);
var requireForm = (body, terms) => refuseUnless(isWellFormed2(body, lockTsas(terms).length), "bid.sealed");
var SealedBids = class {
  /** Sealed bids in the order of the log, `{entry, time, key, context, body}`. */
  taken = [];
  /** Bids that are none, with the cause. */
  void = [];
  /** The position of `opened`. */
  opened = void 0;
  #terms;
  #ask;
  // What `sealing` states: `{key, locks}`, keys of the broker and of each TSA.
  #keys = null;
  // Bids that count by falling amount, of equal ones the first in the log first; those before `#first` are forfeited.
  #ranked = [];
  #first = 0;
  /** `ask` gives what the seller's rule answers about `{amount, time}`. */
  constructor(terms, ask) {
    this.#terms = terms;
    this.#ask = ask;
    this.price = terms.sealed?.price;
    this.needed = neededOf(terms);
    this.locks = lockTsas(terms).map(fingerprint);
    this.of = this.locks.length;
    this.opens = opensAt(terms);
  }
  get unopened() {
    return this.opened === void 0 ? this.taken.length : 0;
  }
  /** V-164: the keys to which bids are sealed, stated once. */
  seal({ key: key2, locks }) {
    refuseUnless(this.#keys === null, "verb.phase");
    const { simulated } = this.#terms;
    const tsas = lockTsas(this.#terms);
    refuseUnless(isSealable(key2) && locks.length === tsas.length, "sealing.wrong");
    const statements = locks.map((text2, i) => under("sealing.wrong", () => readTimelock(text2, tsas[i])));
    const at = Number(this.opens / seconds(1));
    refuseUnless(
      statements.every((statement) => statement.at === at && statement.simulated === simulated),
      "sealing.wrong"
    );
    const keys = [key2, ...statements.map((statement) => statement.key)];
    refuseUnless(new Set(keys.map(hex)).size === keys.length, "sealing.wrong");
    this.#keys = { key: key2, locks: keys.slice(1) };
  }
  /** V-165: a bid that is neither late nor early by the terms is sealed to keys that are stated, in its form. */
  requireBid({ body }) {
    refuseUnless(this.#keys !== null, "bid.early");
    requireForm(body, this.#terms);
  }
  take({ room, body, key: key2 }, { time: time2 }, seq) {
    this.taken.push({ entry: seq, time: time2, key: key2, context: contextOf(room, key2), body });
  }
  /** V-166, but for the word of the witness: the secrets are there, and it is time. */
  requireSecrets({ key: key2, locks }, { time: time2 }) {
    const areThese = locks.length === this.needed && locks.every(({ tsa }, i) => tsa < this.of && (i === 0 || tsa > locks[i - 1].tsa)) && equal(publicKey(key2), this.#keys.key) && locks.every(({ tsa, secret }) => equal(publicKey(secret), this.#keys.locks[tsa]));
    const isDue = time2 >= this.opens && time2 < this.opens + UNOPENED;
    refuseUnless(isDue && areThese, "opened.wrong");
  }
  /** To what everything is sealed, or null before `sealing`. */
  get to() {
    return this.#keys && { broker: this.#keys.key, locks: this.#keys.locks, needed: this.needed };
  }
  /** V-214: from when on what is still sealed is given up. */
  get givenUp() {
    return this.opens + UNOPENED;
  }
  /** Whether the second in which the close is dated, if it is, lies before the instant. */
  isInTime = (dated) => dated !== void 0 && seconds(dated) < this.opens;
  /** V-166: whether the opening makes the close late. */
  isLate = ({ prev_time: previous }) => previous > this.opens + OPEN_SLACK;
  /** Opens every bid; gives those that count, in the order of the log. `end` is the auction's. */
  open({ key: key2, locks: secrets }, seq, end) {
    this.opened = seq;
    const least = leastOf(this.#terms);
    const { key: broker, locks } = this.#keys;
    const bids = [];
    for (const { entry, time: time2, key: author, context, body } of this.taken) {
      const { amount: amount2, cause } = openBid(body, { context, broker, locks, needed: this.needed, key: key2, secrets });
      const answer = cause !== void 0 || amount2 < least || this.#ask({ amount: amount2, time: time2 });
      if (cause !== void 0) this.void.push({ entry, cause });
      else if (amount2 < least) this.void.push({ entry, cause: "too-low" });
      else if (answer !== true) this.void.push({ entry, cause: "rule", ...typeof answer === "string" ? { says: answer } : {} });
      else bids.push({ entry, amount: amount2, time: time2, end, least, forfeited: false, key: author });
    }
    this.#ranked = [...bids].sort((a, b) => b.amount - a.amount || a.entry - b.entry);
    return bids;
  }
  /** V-168: the bid that wins, or null. */
  leader() {
    while (this.#ranked[this.#first]?.forfeited) this.#first += 1;
    return this.#ranked[this.#first] ?? null;
  }
  /** V-168: what the leader pays. */
  priceOf(leader) {
    if (this.price === "first") return leader.amount;
    let next = this.#first + 1;
    while (this.#ranked[next]?.forfeited) next += 1;
    return this.#ranked[next]?.amount ?? leastOf(this.#terms);
  }
  /** V-167: how an auction ends whose bids are not opened, by a `settled` of this time with a close that is dated so. */
  endUnopened(dated, time2) {
    const isInTime = this.isInTime(dated);
    refuseUnless(time2 >= (isInTime ? this.opens + UNOPENED : this.opens), "settled.early");
    return isInTime ? "unopened" : "void";
  }
};

// src/auction.js
var MOST_FORFEITED = 128;
var LARGEST = Number.MAX_SAFE_INTEGER;
var SETTLE_SLACK = seconds(60);
var SEAL_SLACK = seconds(60);
var COMMON = ["say", "unlist", "closed", "settled", "revealed", "abandoned", "forfeited", "withdrawn"];
var OPEN_BIDS = ["bid", ...COMMON];
var SEALED_BIDS = ["sealing", "sealed-bid", "opened", ...COMMON];
var RESERVED = ["sealing", "reserve", "opened", "unseal", ...OPEN_BIDS];
function requireVerb({ sealed, reserve }, verb) {
  const verbs = sealed ? reserve === void 0 ? SEALED_BIDS : ["reserve", ...SEALED_BIDS] : reserve === void 0 ? OPEN_BIDS : RESERVED;
  refuseUnless(verbs.includes(verb), "verb.kind");
}
var Auction = class {
  static kind = "auction";
  static access = "public";
  phase = "open";
  closed = null;
  winner = null;
  // What the winner pays, by the last `settled`.
  price = void 0;
  withdrawn = null;
  // V-161: where the seller says that it is offered again.
  successor = void 0;
  bids = [];
  forfeits = [];
  // The stamp of the entry that the next or last `settled` follows, and of that last one.
  #before = null;
  #settled = null;
  // Whether no witness's word on the close was asked for yet.
  #first = true;
  // V-164: bids could be sealed only long after the listing.
  #isSealedLate = false;
  #byEntry = /* @__PURE__ */ new Map();
  // How many bids are left once those at the end that are forfeited are taken away: the last of the rest leads.
  #left = 0;
  // The price at which it can be bought at once, as long as it can (V-160).
  #price;
  // What the seller asks of bids besides, or null (V-174).
  #rule;
  /** Who holds which paddle. */
  paddles = new Paddles();
  // That the seller takes it back, unless a bid still counts (V-161).
  #back = null;
  constructor(opening, header) {
    this.terms = opening.body;
    judgeTerms(this.terms, opening.key, header.time);
    this.issuer = issuerOf(this.terms, header.time);
    this.#rule = ruleOf(this.terms, header.time);
    this.seller = opening.key;
    this.listed = header.time;
    this.end = this.terms.end;
    this.bought = false;
    this.locked = neededOf(this.terms) === void 0 ? null : new SealedBids(this.terms, (bid) => this.#answer(bid));
    this.sealed = this.terms.sealed ? this.locked : null;
    this.reserve = this.terms.reserve === void 0 ? null : new Reserve(this.terms, this.seller);
    this.falling = this.terms.dutch ? new FallingPrice(this.terms, header.time) : null;
    this.#price = this.terms.buy_now;
  }
  /** V-061: what can be judged of an entry by the terms alone. The end moves later only, and bids only rise. */
  static judgeAlone(terms, { verb, body }, { time: time2 }) {
    requireVerb(terms, verb);
    if (verb === "unlist") refuseUnless(time2 < terms.end, "verb.phase");
    if (verb === "reserve") requireReserveForm(body, terms);
    if (verb !== "bid" && verb !== "sealed-bid") return;
    refuseUnless(time2 < lastEnd(terms), "bid.late");
    refuseUnless(terms.begin === void 0 || time2 >= terms.begin, "bid.early");
    if (terms.sealed) {
      requireForm(body, terms);
      return;
    }
    refuseUnless(body.currency === terms.currency, "bid.currency");
    refuseUnless(body.amount >= (terms.dutch ? terms.dutch.floor : terms.start), "bid.too-low");
  }
  get ended() {
    return !["open", "closed", "settled"].includes(this.phase);
  }
  /** Nothing is left open by where the log ends (V-053 is of reveal rooms). */
  complete() {
  }
  /** The least amount of the next bid (V-043). Beyond the largest amount there is none, and no bid reaches it. */
  get least() {
    const highest = this.bids.at(-1)?.amount;
    if (highest === void 0) return leastOf(this.terms);
    return highest + incrementAbove(this.terms, highest);
  }
  /** The largest amount of the next bid, but for that which buys (V-159). */
  get most() {
    const { start, max_raise: raise = LARGEST } = this.terms;
    return (this.bids.at(-1)?.amount ?? start) + raise;
  }
  /** Judges an entry and takes it in. */
  apply(action, header, seq, ledger) {
    requireVerb(this.terms, action.verb);
    this.#verbs[action.verb](action, header, seq, ledger);
  }
  #verbs = {
    say: () => {
    },
    bid: (action, header, seq) => {
      const [{ body, key: key2 }, { time: time2 }] = [action, header];
      this.#requireTimely(time2);
      refuseUnless(body.currency === this.terms.currency, "bid.currency");
      if (this.falling) {
        const price = this.falling.requirePrice(body, header);
        this.paddles.require(action);
        const bid = { entry: seq, amount: price, time: time2, end: this.end, least: price, forfeited: false, key: key2 };
        this.#back = null;
        this.#count(bid);
        this.paddles.take(action, seq);
        this.end = this.falling.take(bid, action, header, this.end);
        return;
      }
      const { end, least } = this;
      refuseUnless(body.amount >= least, "bid.too-low");
      refuseUnless(body.amount <= this.most || body.amount === this.#price, "bid.too-high");
      this.paddles.require(action);
      const highest = this.bids.at(-1)?.amount ?? 0;
      const counts = { bids: this.bids.length, paddle_bids: this.paddles.count(body) };
      refuseUnless(this.#answer({ amount: body.amount, time: time2, highest, least, ...counts }) === true, "bid.rule");
      this.#back = null;
      this.paddles.take(action, seq);
      this.#count({ entry: seq, amount: body.amount, time: time2, end, least, forfeited: false, key: key2 });
      this.#left += 1;
      if (this.#price !== void 0 && body.amount >= this.#price) {
        this.bought = true;
        this.end = time2;
        return;
      }
      if (body.amount * 2 >= this.#price) this.#price = void 0;
      const { soft } = this.terms;
      if (soft) {
        const later = time2 + seconds(soft.extend);
        if (later > this.end) this.end = later < soft.hard_end ? later : soft.hard_end;
      }
    },
    sealing: ({ body }, { prev_time: previous }) => {
      refuseUnless(this.phase === "open", "verb.phase");
      this.locked.seal(body);
      this.#isSealedLate = previous > this.listed + SEAL_SLACK;
    },
    "sealed-bid": (action, header, seq) => {
      this.#requireTimely(header.time);
      this.sealed.requireBid(action);
      this.paddles.require(action);
      this.sealed.take(action, header, seq);
      this.paddles.take(action, seq);
      this.#back = null;
    },
    reserve: (action, header, seq) => {
      refuseUnless(this.phase === "open" && this.locked.to !== null, "verb.phase");
      this.reserve.take(action, seq);
    },
    unseal: (action, header, seq) => {
      refuseUnless(this.#awaitsReserve(), "verb.phase");
      this.reserve.unseal(action, seq, this.locked.to);
      this.#noteOpening(header, header.time + seconds(this.terms.freshness));
    },
    opened: ({ body }, header, seq, ledger) => {
      if (!this.sealed) {
        refuseUnless(this.#awaitsReserve(), "verb.phase");
        this.locked.requireSecrets(body, header);
        refuseUnless(body.cosigned.length === 0, "opened.wrong");
        this.reserve.open(body, seq, this.locked.to);
        this.#noteOpening(header);
        return;
      }
      refuseUnless(this.phase === "closed" && this.sealed.unopened > 0, "verb.phase");
      this.sealed.requireSecrets(body, header);
      refuseUnless(this.#areWitnessed(body.cosigned, ledger), "opened.wrong");
      refuseUnless(this.sealed.isInTime(this.#datedBy(body.cosigned)), "opened.wrong");
      this.#first = false;
      if (this.#isDatedLate(body.cosigned)) this.closed.late ??= "witness";
      this.sealed.open(body, seq, this.end).forEach((bid) => this.#count(bid));
      this.reserve?.open(body, seq, this.locked.to);
      this.#noteOpening(header);
    },
    unlist: ({ body, key: key2 }, { time: time2 }) => {
      refuseUnless(this.phase === "open" && time2 < this.end && this.#back === null, "verb.phase");
      refuseUnless(this.bids.length === 0 && !this.sealed?.unopened, "unlist.bids");
      refuseUnless(isRatio(this.seller, body.ratio, key2), "unlist.seller");
      this.#back = { time: time2, successor: body.successor };
    },
    closed: ({ seen }, { time: time2, prev_time: previous }, seq) => {
      refuseUnless(this.phase === "open", "verb.phase");
      const from = this.#closesFrom(time2);
      refuseUnless(time2 >= from, "closed.early");
      refuseUnless(seen.size === seq, "closed.seen");
      this.phase = "closed";
      if (!this.#isTakenBack(time2)) this.#back = null;
      const { grace, freshness } = this.terms;
      const limit = from + seconds(this.bought ? grace + freshness : grace);
      this.closed = { entry: seq, time: time2, late: this.#isSealedLate ? "sealing" : previous > limit ? "stamp" : null };
      this.#before = time2;
    },
    settled: ({ body }, { time: time2, prev_time: previous }, seq, ledger) => {
      refuseUnless(this.phase === "closed", "verb.phase");
      const isUnopened = this.sealed !== null && this.sealed.unopened > 0;
      const leader = isUnopened ? null : this.#next();
      const next = leader && this.reserve && !this.reserve.isReachedBy(leader.amount) ? null : leader;
      const price = next && this.sealed ? Math.max(this.sealed.priceOf(next), this.reserve?.amount ?? 0) : next?.amount;
      refuseUnless(body.winner === next?.entry && body.price === price, "settled.wrong");
      const dated = this.#dated(body.cosigned, ledger);
      if (isUnopened) {
        this.phase = this.sealed.endUnopened(this.#datedBy(body.cosigned ?? []), time2);
        return;
      }
      const grace = seconds(this.terms.grace);
      const givesUp = this.#awaitsReserve();
      if (givesUp) refuseUnless(time2 >= this.locked.givenUp, "settled.early");
      if (dated === "late") refuseUnless(time2 > this.closed.time + grace, "settled.early");
      if (dated === "late") this.closed.late ??= "witness";
      if (givesUp) {
        this.closed.late ??= "opened";
        this.reserve.giveUp();
      }
      if (previous > this.#before + grace + SETTLE_SLACK) this.closed.late ??= "settled";
      this.#first = false;
      this.#settled = time2;
      this.winner = next;
      this.price = price;
      this.successor = this.#back?.successor;
      this.phase = next ? "settled" : this.#back ? "unlisted" : leader ? "below-reserve" : "unsold";
    },
    revealed: () => {
      refuseUnless(this.phase === "settled", "verb.phase");
      this.phase = "sold";
    },
    forfeited: ({ body }, { time: time2 }, seq) => {
      refuseUnless(this.phase === "settled", "verb.phase");
      const gone = [this.winner, ...this.#others(body)];
      this.#requireAbsence(time2);
      for (const bid of gone) bid.forfeited = true;
      this.forfeits.push({ entry: seq, bids: gone.map((bid) => bid.entry).sort((a, b) => a - b) });
      this.winner = null;
      this.price = void 0;
      this.phase = "closed";
      this.#before = time2;
    },
    abandoned: (action, { time: time2 }) => {
      refuseUnless(this.phase === "settled", "verb.phase");
      this.#requireAbsence(time2);
      this.phase = "abandoned";
    },
    withdrawn: ({ body }) => {
      refuseUnless(this.phase === "settled", "verb.phase");
      refuseUnless(this.closed.late !== null || this.forfeits.length > 0, "withdraw.forbidden");
      this.withdrawn = body.side;
      this.phase = "withdrawn";
    }
  };
  #count(bid) {
    this.bids.push(bid);
    this.#byEntry.set(bid.entry, bid);
  }
  // V-040 and V-041: whether a bid of that stamp is neither late nor early.
  #requireTimely(time2) {
    const { begin } = this.terms;
    refuseUnless(this.phase === "open" && !this.bought && time2 < this.end && !this.#isTakenBack(time2), "bid.late");
    refuseUnless(time2 >= this.listed && (begin === void 0 || time2 >= begin), "bid.early");
    refuseUnless(this.reserve?.standing !== "awaited", "bid.early");
  }
  // V-212: bids were open, none counts any more, none bought, and the reserve is still sealed.
  #awaitsReserve() {
    const isSealed = this.reserve?.standing === "sealed" && !this.sealed;
    return isSealed && this.phase === "closed" && this.bids.length > 0 && !this.bought;
  }
  // V-166, V-214: what an opening, by whomever, means for the close.
  #noteOpening(header, since = header.time) {
    if (this.locked.isLate(header)) this.closed.late ??= "opened";
    this.#before = since;
  }
  // V-175 and V-176: what the seller's rule answers about a bid. What is not known where bids are sealed is in no rule there.
  #answer({ time: time2, ...state }) {
    const times = { elapsed: wholeSeconds(this.listed, time2), remaining: wholeSeconds(time2, this.end) };
    return this.#rule === null || this.#rule({ ...state, ...times, start: this.terms.start });
  }
  // V-161: whether a bid of that stamp is too late because the item is taken back, and a `closed` of it closes that.
  #isTakenBack(time2) {
    const { freshness, grace } = this.terms;
    return this.#back !== null && time2 >= this.#back.time && time2 <= this.#back.time + seconds(freshness + grace);
  }
  #closesFrom(time2) {
    if (!this.#isTakenBack(time2)) return this.end;
    const from = this.#back.time + seconds(this.terms.freshness);
    return from < this.end ? from : this.end;
  }
  // V-046 and V-184: the highest bid that is not forfeited, or the earliest where the price falls. Open bids only rise, so it is the last of them. After who bought it there is none (V-160).
  #next() {
    if (this.sealed) return this.sealed.leader();
    if (this.falling) return this.falling.leader();
    if (this.bought) return this.bids.at(-1).forfeited ? null : this.bids.at(-1);
    while (this.#left > 0 && this.bids[this.#left - 1].forfeited) this.#left -= 1;
    return this.bids[this.#left - 1] ?? null;
  }
  // V-142 and V-143: whether the witnesses' words in the first `settled` date the close, in time or too late.
  #dated(statements, ledger) {
    if (!this.#first || this.terms.witnesses.length === 0) {
      refuseUnless(statements === void 0, "settled.wrong");
      return "unasked";
    }
    if (statements === void 0) return "late";
    refuseUnless(this.#areWitnessed(statements, ledger), "settled.wrong");
    return this.#isDatedLate(statements) ? "late" : "in time";
  }
  // V-142: cosignatures of named witnesses, each once and in their order, over the head that ends with `closed`.
  #areWitnessed(statements, ledger) {
    const size = this.closed.entry + 1;
    const text2 = headText(ledger.log, size, ledger.root(size));
    let last = -1;
    return statements.every(({ witness: key2, time: time2, signature }) => {
      const place = this.#placeOf(key2);
      const isNext = place > last;
      last = place;
      return isNext && verifies(key2, cosigned(time2, text2), signature);
    });
  }
  #placeOf = (key2) => this.terms.witnesses.findIndex((witness) => equal(witness.key, key2));
  // V-143: the earliest time by which witnesses of enough operators had signed; undefined if too few did.
  #datedBy(statements) {
    const operators2 = /* @__PURE__ */ new Set();
    const ordered = [...statements].sort((one2, other) => one2.time - other.time);
    for (const { witness, time: time2 } of ordered) {
      operators2.add(this.terms.witnesses[this.#placeOf(witness)]?.operator);
      if (operators2.size >= this.terms.quorum) return time2;
    }
    return void 0;
  }
  #isDatedLate(statements) {
    const time2 = this.#datedBy(statements);
    return time2 === void 0 || BigInt(time2) > ceilSeconds(this.closed.time + seconds(this.terms.grace));
  }
  // V-049: nobody is absent before the time to disclose is over.
  #requireAbsence(time2) {
    refuseUnless(time2 > this.#settled + seconds(this.terms.disclose_within), "absent.wrong");
  }
  // V-047: the other bids that go, each shown to be by the winner.
  #others({ winner, others }) {
    refuseUnless(winner === this.winner.entry && others.length <= MOST_FORFEITED, "forfeit.wrong");
    let last = -1;
    return others.map(({ seq, ratio }) => {
      const bid = this.#byEntry.get(seq);
      refuseUnless(seq > last && bid && bid !== this.winner && !bid.forfeited, "forfeit.wrong");
      refuseUnless(isRatio(this.winner.key, ratio, bid.key), "forfeit.wrong");
      last = seq;
      return bid;
    });
  }
};

// src/headers.js
var Headers = class {
  #byTsa = /* @__PURE__ */ new Map();
  /** Whether `header` (with its `hash`) fits all that were met, which it then joins. */
  join(header) {
    const known = this.#byTsa.get(header.tsa) ?? [];
    const at = firstFrom(known, header.batch);
    const after = known[at];
    if (after?.batch === header.batch) return equal(after.hash, header.hash);
    const before = known[at - 1];
    if (before && !follows(before, header) || after && !follows(header, after)) return false;
    known.splice(at, 0, header);
    this.#byTsa.set(header.tsa, known);
    return true;
  }
};
function firstFrom(known, batch) {
  let [low, high] = [0, known.length];
  while (low < high) {
    const middle = low + high >> 1;
    if (known[middle].batch < batch) low = middle + 1;
    else high = middle;
  }
  return low;
}
function follows(smaller, larger) {
  if (smaller.time > larger.time || smaller.time > larger.prev_time) return false;
  return smaller.batch + 1 !== larger.batch || equal(larger.prev, smaller.hash) && larger.prev_time === smaller.time;
}

// src/ledger.js
function requireAuthor(action, entryKey) {
  refuseUnless(equal(action.key, entryKey) === action.byBroker, "verb.author");
}
var Ledger = class {
  #tree = new Tree();
  #headers = new Headers();
  #used = /* @__PURE__ */ new Set();
  // The root of the opening alone.
  #opened = null;
  #newest = 0n;
  // Positions and times of the entries that no later one is older than; their times rise.
  #oldest = [];
  /**
   * `log` is the origin of its heads, `entryKey` the broker's, `freshness` F in seconds, `access` who reads it: `public`,
   * `members`, or its `owner`, whose key opened it.
   */
  constructor({ room, log, entryKey, freshness, access, owner }) {
    this.room = room;
    this.log = log;
    this.entryKey = entryKey;
    this.freshness = seconds(freshness);
    this.access = access;
    this.owner = owner;
  }
  get size() {
    return this.#tree.size;
  }
  /** The largest stamp so far. */
  get newest() {
    return this.#newest;
  }
  root(size) {
    return this.#tree.root(size);
  }
  /** Whether a header is too old to be named again (V-029). */
  isPast(header) {
    return header.time < this.#newest - this.freshness;
  }
  /** V-030 to V-037, in the order in which they are judged. */
  judge(action, header) {
    refuseUnless(action.room === this.room, "room.other");
    requireAuthor(action, this.entryKey);
    if (action.signer !== null) refuseUnless(equal(action.key, this.owner) === (action.signer === "owner"), "verb.author");
    refuseUnless(!this.#used.has(this.#token(action)), "key.reused");
    refuseUnless(!this.isPast(header), "stamp.stale");
    refuseUnless(this.#headers.join(header), "stamp.contradiction");
    const { size, root } = action.seen;
    if (this.#isGuests(action)) return refuseUnless(size === 1 && equal(root, this.#opened), "seen.false");
    if (this.access !== "members") refuseUnless(this.#oldestSince(size) >= header.time - this.freshness, "seen.stale");
    refuseUnless(size <= this.size && equal(root, this.root(size)), "seen.false");
  }
  /** Takes an entry in whose bytes, action and header were judged, here and by the room's fold. */
  append(bytes2, action, header) {
    this.#headers.join(header);
    this.#used.add(this.#token(action));
    if (!TALK.includes(action.verb) && header.time > this.#newest) this.#newest = header.time;
    while (this.#oldest.length > 0 && this.#oldest.at(-1).time >= header.time) this.#oldest.pop();
    this.#oldest.push({ position: this.size, time: header.time });
    this.#tree.append(bytes2);
    this.#opened ??= this.root(1);
  }
  #isGuests(action) {
    return this.access === "owner" && action.signer === "guest";
  }
  // V-033: what must not occur again. In a public room that is a peer's key, in a box a guest's, everywhere else the action itself.
  #token(action) {
    const byKey = this.access === "public" && !action.byBroker || this.#isGuests(action);
    return hex(byKey ? action.key : action.digest);
  }
  // The smallest time of the entries at `position` and later; if there are none, one that nothing is older than.
  #oldestSince(position) {
    let [low, high] = [0, this.#oldest.length];
    while (low < high) {
      const middle = low + high >> 1;
      if (this.#oldest[middle].position < position) low = middle + 1;
      else high = middle;
    }
    return this.#oldest[low]?.time ?? 1n << 64n;
  }
};

// src/passes.js
var DAY = seconds(86400);
var MOST_AHEAD = 8n;
var between3 = (number, least, most) => number >= least && number <= most;
var Passes = class _Passes {
  static kind = "passes";
  static access = "public";
  /** There is always a next day. */
  ended = false;
  #last = -1;
  #used = /* @__PURE__ */ new Set();
  constructor(opening) {
    const { freshness, stamps, witnesses, quorum, broker } = opening.body;
    const holds = between3(freshness, 1, 60) && between3(stamps.length, 1, 8) && isQuorumOfWitnesses(witnesses, quorum) && isSealable(broker.delivery);
    refuseUnless(holds, "listing.terms");
  }
  complete() {
  }
  /** V-259, and that what is stated is a key. */
  static judgeAlone(terms, { verb, body }, { time: time2 }) {
    refuseUnless(verb === "pass-key", "verb.kind");
    const day = BigInt(body.day);
    refuseUnless(time2 < (day + 1n) * DAY && day <= time2 / DAY + MOST_AHEAD, "pass-key.day");
    refuseUnless(isRsaKey(body.key), "pass-key.wrong");
  }
  /** Judges an entry and takes it in: V-258, V-260. */
  apply(action, header) {
    _Passes.judgeAlone(null, action, header);
    const { day, key: key2 } = action.body;
    refuseUnless(day > this.#last, "pass-key.day");
    refuseUnless(!this.#used.has(hex(key2)), "pass-key.wrong");
    this.#last = day;
    this.#used.add(hex(key2));
  }
};

// src/reveal.js
var AUCTION_ONLY = [
  "bid",
  "sealing",
  "sealed-bid",
  "reserve",
  "opened",
  "say",
  "unlist",
  "unseal",
  "closed",
  "settled",
  "revealed",
  "abandoned",
  "forfeited",
  "withdrawn",
  "keys",
  "deposit",
  "taken",
  "box-closed",
  "pass-key"
];
var Reveal = class {
  static kind = "reveal";
  static access = "members";
  end = "open";
  by = null;
  absent = [];
  #disclosed = [];
  #talks;
  constructor(opening, header) {
    const terms = opening.body;
    refuseUnless(equal(opening.key, terms.broker.entry), "verb.author");
    const holds = !equal(terms.seller, terms.winner) && terms.deadline > header.time && terms.freshness >= 1 && terms.freshness <= 60 && terms.stamps.length >= 1 && terms.stamps.length <= 8;
    refuseUnless(holds, "listing.terms");
    this.terms = terms;
    this.#talks = new Talks(terms);
  }
  /** V-061: what can be judged of an entry by the terms alone. */
  static judgeAlone(terms, action, header) {
    const { verb, body, key: key2, byBroker } = action;
    const { time: time2 } = header;
    const bySide = equal(key2, terms.seller) || equal(key2, terms.winner);
    refuseUnless(byBroker || bySide !== (verb === "sealed-say"), "verb.author");
    if (TALK.includes(verb)) return judgeAlone(terms, action, header);
    refuseUnless(!AUCTION_ONLY.includes(verb), "verb.kind");
    if (verb === "disclose") refuseUnless(time2 <= terms.deadline, "disclose.late");
    else if (verb === "absent") refuseUnless(time2 > terms.deadline && (body.seller || body.winner), "absent.wrong");
    else refuseUnless(terms.withdrawal, "withdraw.forbidden");
  }
  get ended() {
    return this.end !== "open";
  }
  /** V-053: a log does not end between the two disclosures. */
  complete() {
    refuseUnless(this.#disclosed.length !== 1, "V-053");
  }
  /** Judges an entry and takes it in. */
  apply(action, header) {
    const { verb, body, byBroker } = action;
    const side = ["seller", "winner"].find((name) => equal(action.key, this.terms[name]));
    refuseUnless(byBroker || side !== void 0 !== (verb === "sealed-say"), "verb.author");
    if (TALK.includes(verb)) {
      refuseUnless(this.#disclosed.length !== 1, "disclose.pair");
      return this.#talks.apply(side, action, header);
    }
    refuseUnless(byBroker || !this.ended, "verb.phase");
    refuseUnless(!AUCTION_ONLY.includes(verb), "verb.kind");
    if (verb === "disclose") this.#disclose(side, header);
    else if (verb === "absent") this.#absence(body, header);
    else this.#withdraw(side);
  }
  #disclose(side, { time: time2 }) {
    refuseUnless(!this.#disclosed.includes(side), "disclose.twice");
    refuseUnless(time2 <= this.terms.deadline, "disclose.late");
    this.#disclosed.push(side);
    if (this.#disclosed.length === 2) this.end = "disclosed";
  }
  #absence({ seller, winner }, { time: time2 }) {
    const holds = time2 > this.terms.deadline && (seller || winner) && !this.ended && this.#disclosed.length === 0;
    refuseUnless(holds, "absent.wrong");
    this.end = "absent";
    this.absent = [...seller ? ["seller"] : [], ...winner ? ["winner"] : []];
  }
  #withdraw(side) {
    refuseUnless(this.#disclosed.length === 0, "disclose.pair");
    refuseUnless(this.terms.withdrawal, "withdraw.forbidden");
    this.end = "withdrawn";
    this.by = side;
  }
};

// src/opening.js
var FOLDS = { list: Auction, reveal: Reveal, box: Box, passes: Passes };
var Opening = class {
  /** `text` is the JWS that `action` was read from. */
  constructor(text2, action) {
    const { body } = action;
    this.action = action;
    this.body = body;
    this.Fold = FOLDS[action.verb];
    this.kind = this.Fold.kind;
    this.room = roomName(text2);
    this.broker = fingerprint(body.broker.session);
    this.log = origin(this.broker, this.room);
    this.stamps = new Map(body.stamps.map((key2) => [fingerprint(key2), key2]));
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
      owner: this.action.key
    });
  }
};

// src/batch.js
var LONGEST7 = 1024;
var MOST_DIGESTS = 65536;
var LABEL3 = utf8("pregao/batch/v1");
var CONTENT3 = object({
  tsa: name32,
  batch: integer(),
  time,
  size: integer(),
  root: bytesOf(32),
  prev: bytesOf(32),
  prev_time: time
});
var headerHash = (header) => sha256(concat(LABEL3, utf8(header)));
function readHeader(text2, accepted) {
  const { parts, header } = under("V-021", () => {
    refuseUnless(text2.length <= LONGEST7, "V-021");
    const split3 = split2(text2);
    return { parts: split3, header: readExact(split3.payload, CONTENT3) };
  });
  const key2 = accepted.get(header.tsa);
  refuseUnless(key2 !== void 0 && isBy(parts, "pregao-batch-v1", header.tsa, key2), "V-020");
  refuseUnless(areInBounds(header), "V-021");
  return header;
}
function areInBounds({ batch, time: stamped, size, prev, prev_time: previous }) {
  const isFirst = batch === 1;
  return batch >= 1 && size <= MOST_DIGESTS && previous <= stamped && (!isFirst || previous === stamped && prev.every((byte) => byte === 0));
}
var covers = (header, stamp, digest) => isIncluded(leafHash(digest), stamp.index, header.size, stamp.path, header.root);

// src/entry.js
var LONGEST8 = 17408;
var ENTRY = object({
  seq: integer(0, Number.MAX_SAFE_INTEGER - 1),
  action: string(),
  stamp: object({
    header: bytesOf(32),
    index: integer(),
    path: bytes((path3) => path3.length % 32 === 0)
  })
});
var readEntry = (line) => under("V-026", () => {
  refuseUnless(line.length <= LONGEST8, "V-026");
  const text2 = utf8Text(line);
  refuseUnless(text2 !== null, "V-026");
  return readExact(text2, ENTRY);
});

// src/receipt.js
var LONGEST9 = 65536;
var MEMBERS = ["opening", "header", "entry", "path", "head"];
function receiptMembers(text2) {
  const members = parse(text2);
  if (typeof members !== "object" || members === null || Array.isArray(members)) return null;
  const path3 = typeof members.path === "string" ? fromBase64url(members.path) : null;
  const holds = utf8(text2).length <= LONGEST9 && Object.keys(members).length === MEMBERS.length && MEMBERS.every((name) => typeof members[name] === "string") && path3 !== null && path3.length % 32 === 0 && JSON.stringify(members) === text2;
  return holds ? { ...members, path: path3 } : null;
}
function readReceipt(members) {
  const first = under("V-061", () => readAction(members.opening));
  refuseUnless(first.opens, "V-061");
  const opening = new Opening(members.opening, first);
  const head = readHead(members.head, opening.log, opening.body.broker.head, opening.witnesses);
  const line = utf8(members.entry);
  const entry = readEntry(line);
  refuseUnless(equal(headerHash(members.header), entry.stamp.header), "V-023");
  refuseUnless(isIncluded(leafHash(line), entry.seq, head.size, members.path, head.root), "V-025");
  refuseUnless(entry.seq > 0 || entry.action === members.opening, "V-025");
  const action = under("V-010", () => readAction(entry.action));
  const header = readHeader(members.header, opening.stamps);
  refuseUnless(covers(header, entry.stamp, action.digest), "V-022");
  judge(entry.seq, action, header, opening);
  return { opening, entry, action, header, head };
}
function judge(seq, action, header, opening) {
  const { Fold, room, body } = opening;
  refuseUnless(action.opens === (seq === 0), "verb.phase");
  refuseUnless(action.opens || action.room === room, "room.other");
  requireAuthor(action, body.broker.entry);
  refuseUnless(action.seen.size <= seq, "seen.false");
  if (seq === 0) new Fold(action, header);
  else Fold.judgeAlone(body, action, header);
}

// src/registered.js
var KEY_LABEL = utf8("pregao/registered-key/v1");
var STEP2 = 256;
var PREFIX2 = 4;
var isOfDeposit = ({ commitment }, { registered }) => registered !== void 0 && equal(registered.commitment, commitment);
function openWithin({ from, half, sealed }, reader, other) {
  const info = concat(KEY_LABEL, fromHex32(from.box), fromHex32(reader));
  const key2 = expand(sha256, extract(sha256, concat(half, other)), info, 32);
  const padded2 = decrypted(key2, new Uint8Array(12), void 0, sealed);
  const plain = padded2 === null ? null : unpadded(padded2);
  const text2 = plain === null ? null : utf8Text(plain);
  if (text2 === null) return null;
  try {
    return readExact(text2, WITHIN);
  } catch (failure) {
    if (failure instanceof Broken) return null;
    throw failure;
  }
}
function unpadded(padded2) {
  const length = new DataView(padded2.buffer, padded2.byteOffset).getUint32(0);
  const end = PREFIX2 + length;
  const holds = end <= padded2.length && Math.ceil(end / STEP2) * STEP2 === padded2.length && padded2.subarray(end).every((byte) => byte === 0);
  return holds ? padded2.subarray(PREFIX2, end) : null;
}

// src/timeline.js
var path = bytes((hashes) => hashes.length % 32 === 0);
var TIMELINE = object({
  head: string(),
  path,
  entries: list(object({ header: string(), entry: string(), path, seen: optional(path) }))
});
var BY_BROKER = ["handed", "lapsed"];
var HAS_SEEN = ["taken", "accepted", "declined"];
var ABOUT_ONE = ["accepted", "handed", "declined", "lapsed"];
var lapses = ({ registered }, { time: time2 }) => registered ? plus(time2, REGISTERED_FOR) : void 0;
var receiptsOf = ({ head, path: first, entries }, deposit2) => [
  { ...deposit2, path: first, head },
  ...entries.map(({ header, entry, path: each }) => ({ opening: deposit2.opening, header, entry, path: each, head }))
];
function readTimeline(timeline, members, left2) {
  const [first, ...others] = receiptsOf(timeline, members);
  const { head } = readReceipt(first);
  refuseUnless(others.length > 0, "V-340");
  const walk = new Walk(members, left2);
  const events = others.map((one2, at) => walk.step(one2, timeline.entries[at].seen));
  refuseUnless(walk.accepted === null, "V-344");
  return { head, events, half: walk.half };
}
var Walk = class {
  /** The position of an `accepted` that was the last one. */
  accepted = null;
  half = void 0;
  #left;
  #leaf;
  #over = false;
  #last;
  #newest;
  #lapses;
  constructor(members, left2) {
    this.#left = left2;
    this.#leaf = leafHash(utf8(members.entry));
    this.#last = left2.entry.seq;
    this.#newest = left2.header.time;
    this.#lapses = lapses(left2.deposit, left2.header);
  }
  step(members, seen) {
    const read = readReceipt(members);
    const { action, entry, header, opening } = read;
    refuseUnless(entry.seq > this.#last, "V-340");
    this.#last = entry.seq;
    refuseUnless(this.#concerns(action), "V-341");
    refuseUnless(BY_BROKER.includes(action.verb) || equal(action.key, opening.action.key), "V-342");
    refuseUnless(this.#hadSeen(action, seen), "V-343");
    if (this.accepted !== null || action.verb === "handed") this.#handOver(action, entry.seq);
    else this.#judge(action.verb, entry.seq, header.time);
    refuseUnless(header.time + seconds(opening.body.freshness) >= this.#newest, "V-348");
    if (header.time > this.#newest) this.#newest = header.time;
    return { ...read, what: action.verb };
  }
  // V-341
  #concerns({ verb, body }) {
    const { seq } = this.#left.entry;
    if (ABOUT_ONE.includes(verb)) return body.letter === seq;
    return verb === "taken" ? body.letters.includes(seq) : verb === "box-closed";
  }
  // V-343
  #hadSeen({ verb, seen: { size, root } }, path3) {
    if (!HAS_SEEN.includes(verb)) return path3 === void 0;
    return path3 !== void 0 && isIncluded(this.#leaf, this.#left.entry.seq, size, path3, root);
  }
  // V-344 and V-345
  #handOver({ verb, body }, seq) {
    refuseUnless(verb === "handed" && this.accepted !== null && seq === this.accepted + 1, "V-344");
    const commitment = sha256(concat(COMMITMENT_LABEL, body.half));
    refuseUnless(equal(commitment, this.#left.deposit.registered.commitment), "V-345");
    this.accepted = null;
    this.half = body.half;
  }
  // V-347 and V-346
  #judge(verb, seq, time2) {
    refuseUnless(!this.#over, "V-347");
    const decides = verb !== "taken" && verb !== "box-closed";
    if (decides) {
      refuseUnless(this.#lapses !== void 0, "V-346");
      refuseUnless(this.half === void 0, "V-347");
      refuseUnless(time2 >= this.#lapses === (verb === "lapsed"), "V-346");
    }
    refuseUnless(verb !== "taken" || this.#lapses === void 0 || this.half !== void 0, "V-346");
    const { expires } = this.#left.deposit;
    refuseUnless(verb !== "taken" || expires === void 0 || time2 < expires, "V-346");
    if (verb === "accepted") this.accepted = seq;
    else this.#over = true;
  }
};

// src/letter.js
var LONGEST10 = 1048576;
var LONGEST_RECEIPT = 65536;
var MOST_KEYS2 = 256;
var MESSAGE_LABEL = utf8("pregao/message/v1");
var any2 = bytes(() => true);
var path2 = bytes((hashes) => hashes.length % 32 === 0);
var RECEIPT = object({ opening: string(), header: string(), entry: string(), path: path2, head: string() });
var receipt = (value) => {
  const read = RECEIPT(value);
  refuseUnless(utf8(JSON.stringify(read.written)).length <= LONGEST_RECEIPT, "V-254");
  return read;
};
var WAYS = oneMember({
  sender: object({
    keys: list(string()),
    signed: any2,
    once: optional(object({ key: any2, path: path2 })),
    seeds: bytesOf(32),
    content: string()
  }),
  reader: object({ envelope: any2, content: string() }),
  hash: object({ envelope: any2, hash: bytesOf(32), signature: bytesOf(64) })
});
var isBounded = ({ timeline, deposit: deposit2 }) => receiptsOf(timeline, deposit2).every((one2) => utf8(JSON.stringify(one2)).length <= LONGEST_RECEIPT);
var withTimeline = (shape) => (value) => {
  const read = shape(value);
  refuseUnless(read.written.timeline === void 0 || isBounded(read.written), "V-254");
  return read;
};
var FILE = object({
  letter: withTimeline(
    object({
      sender: string(),
      deposit: receipt,
      shown: WAYS,
      read: optional(object({ deposit: receipt, shown: WAYS })),
      timeline: optional(TIMELINE)
    })
  )
});
var DEPOSIT_FILE = object({ deposit: withTimeline(object({ deposit: receipt, timeline: TIMELINE })) });
var shownLetter = (text2) => membersOf(text2, FILE)?.letter ?? null;
var shownDeposit = (text2) => membersOf(text2, DEPOSIT_FILE)?.deposit ?? null;
function membersOf(text2, shape) {
  if (utf8(text2).length > LONGEST10) return null;
  try {
    return readExact(text2, shape);
  } catch (failure) {
    if (failure instanceof Broken) return null;
    throw failure;
  }
}
function readLetter({ sender, deposit: deposit2, shown, read, timeline }) {
  const from = under("V-254", () => openBox(sender));
  const letter2 = left(from, deposit2, shown);
  const acknowledged = read ? acknowledgement(from, letter2, sender, read) : void 0;
  const happened = timeline ? readTimeline(timeline, deposit2, letter2) : void 0;
  return { from, letter: letter2, read: acknowledged, timeline: happened, ...within(letter2, happened) };
}
function readDeposit({ deposit: deposit2, timeline }) {
  const { read } = deposited(deposit2);
  const letter2 = { ...read, deposit: read.action.body };
  return { letter: letter2, timeline: readTimeline(timeline, deposit2, letter2) };
}
function within({ content, deposit: deposit2, opening }, timeline) {
  if (content?.kind !== "registered") return {};
  if (!isOfDeposit(content, deposit2)) return { fault: "deposit" };
  if (timeline?.half === void 0) return {};
  const read = openWithin(content, opening.room, timeline.half);
  return read === null ? { fault: "junk" } : { within: read };
}
function openBox(text2) {
  const action = readAction(text2);
  refuseUnless(action.verb === "box", "malformed");
  refuseUnless(!equal(action.key, action.body.broker.entry) && hasPossibleTerms(action.body), "malformed");
  return new Opening(text2, action);
}
function deposited(members) {
  const read = readReceipt(members);
  const to = under("V-306", () => openBox(members.opening));
  refuseUnless(read.action.verb === "deposit", "V-306");
  return { read, to };
}
function left(from, members, shown) {
  const { read, to } = deposited(members);
  const deposit2 = read.action.body;
  const { hash: hash2, content } = judge2(shown, { from, to, deposit: deposit2 });
  refuseUnless(content?.kind !== "read" || content.sender === to.room, "V-250");
  return { ...read, deposit: deposit2, way: shown.name, hash: hash2, content };
}
function judge2(shown, place) {
  if (shown.name === "sender") return bySender(shown, place);
  const { deposit: deposit2 } = place;
  refuseUnless(shown.envelope.length === deposit2.envelope.size, "V-253");
  const content = shown.name === "reader" ? readContent(shown.content) : void 0;
  refuseUnless(equal(sha256(shown.envelope), deposit2.envelope.digest), "V-253");
  if (content) return signed(content, shown.envelope, place);
  requireSignature(shown.signature, shown.hash, shown.envelope, place);
  return { hash: shown.hash };
}
function bySender(shown, place) {
  const { to, deposit: deposit2 } = place;
  requireKeys(shown, to, deposit2);
  const content = readContent(shown.content);
  const { size } = deposit2.envelope;
  refuseUnless(ONE_PIECE.includes(size), "V-252");
  const keys = { box: to.room, signed: shown.signed, once: shown.once?.key ?? null, size };
  const envelope = makeEnvelope(keys, shown.seeds, utf8(shown.content), content.hash);
  refuseUnless(envelope !== null && equal(sha256(envelope), deposit2.envelope.digest), "V-252");
  return signed(content, envelope, place);
}
function requireKeys({ keys, signed: key2, once }, to, deposit2) {
  const stated = under("V-307", () => keys.map((text2) => statedKeys(text2, to)));
  refuseUnless(stated.length === 1 || stated.length === 2, "V-307");
  const [first, last] = [stated[0], stated.at(-1)];
  const isOfStock = ({ stock: stock2 }) => stock2 !== void 0 && equal(stock2.root, deposit2.once.stock);
  refuseUnless(stated.length === 1 || deposit2.once !== void 0 && !isOfStock(first), "V-307");
  refuseUnless(isPrekey2(key2) && equal(prekeyDigest(key2), deposit2.signed) && equal(first.signed, deposit2.signed), "V-307");
  refuseUnless(once === void 0 === (deposit2.once === void 0), "V-307");
  if (once === void 0) return;
  const { stock } = last;
  const holds = isOfStock(last) && stock.count >= 1 && stock.count <= MOST_KEYS2 && isPrekey2(once.key) && isIncluded(leafHash(prekeyDigest(once.key)), deposit2.once.index, stock.count, once.path, stock.root);
  refuseUnless(holds, "V-307");
}
function statedKeys(text2, { room, action: opening }) {
  const { verb, body, key: key2, room: named2 } = readAction(text2);
  refuseUnless(verb === "keys" && named2 === room && equal(key2, opening.key), "V-307");
  return body;
}
function signed(content, envelope, place) {
  const { box, key: key2, agreement: agreement2 } = content.from;
  const { from } = place;
  refuseUnless(box === from.room && equal(key2, from.action.key) && equal(agreement2, from.body.agreement), "V-247");
  refuseUnless(content.mode === "evidence", "V-308");
  requireSignature(content.proof, content.hash, envelope, place);
  return { hash: content.hash, content };
}
function requireSignature(signature, hash2, envelope, { from, to, deposit: deposit2 }) {
  const boxes = [fromHex32(from.room), fromHex32(to.room)];
  const message = concat(MESSAGE_LABEL, ...boxes, deposit2.signed, envelope.subarray(1, HEAD), hash2);
  refuseUnless(verifies(from.action.key, message, signature), "V-248");
}
function acknowledgement(from, letter2, sender, { deposit: deposit2, shown }) {
  refuseUnless(letter2.content?.kind !== "read" && deposit2.opening === sender, "V-309");
  const read = left(letter2.opening, deposit2, shown);
  const said = read.content;
  const isForThis = said?.kind === "read" && equal(said.deposit, letter2.deposit.envelope.digest) && equal(said.content, letter2.hash) && said.sender === from.room && said.reader === letter2.opening.room;
  refuseUnless(isForThis, "V-309");
  return read;
}

// src/result.js
var unreadable = () => ({ kind: "unknown", verdict: "unreadable" });
var invalid = (kind, rule, entry) => compact({ kind, verdict: "invalid", rule, entry });
function ofTranscript({ opening, certified, fold, head }) {
  const final = isFinal(opening, head);
  return compact({
    kind: opening.kind,
    verdict: fold.ended && final !== false ? "valid" : "incomplete",
    ...ofOpening(opening, certified),
    ...ofHead(opening, head, final),
    auction: opening.kind === "auction" ? ofAuction(fold) : void 0,
    reveal: opening.kind === "reveal" ? ofReveal(fold) : void 0
  });
}
var ofCertificate = ({ keys }) => ({ kind: "certificate", verdict: "valid", broker: fingerprint(keys.session), certified: true });
function ofReceipt({ opening, entry, action, header, head }) {
  return compact({
    kind: "receipt",
    verdict: "valid",
    ...ofOpening(opening),
    ...ofHead(opening, head, isFinal(opening, head)),
    receipt: {
      entry: entry.seq,
      verb: action.verb,
      time: formatTime(header.time),
      digest: base64url(action.digest),
      key: fingerprint(action.key)
    }
  });
}
function ofLetter({ from, letter: letter2, read, timeline, within: within2, fault }) {
  const { opening, entry, header, head, deposit: deposit2, way, hash: hash2, content } = letter2;
  return compact({
    kind: "letter",
    verdict: "valid",
    ...ofOpening(opening),
    ...ofHead(opening, head),
    letter: compact({
      from: ofBox(from),
      to: ofBox(opening),
      entry: entry.seq,
      time: formatTime(header.time),
      ...ends(letter2),
      envelope: base64url(deposit2.envelope.digest),
      bytes: deposit2.envelope.size,
      shown: way,
      hash: base64url(hash2),
      mode: "evidence",
      content: content ? ofContent(content, deposit2, { within: within2, fault }) : void 0,
      read: read ? ofRead(read) : void 0,
      timeline: timeline ? ofTimeline(timeline) : void 0
    })
  });
}
function ofDeposit({ letter: letter2, timeline }) {
  const { opening, entry, header, head, deposit: deposit2 } = letter2;
  return compact({
    kind: "deposit",
    verdict: "valid",
    ...ofOpening(opening),
    ...ofHead(opening, head),
    deposit: compact({
      to: ofBox(opening),
      entry: entry.seq,
      time: formatTime(header.time),
      ...ends(letter2),
      envelope: base64url(deposit2.envelope.digest),
      bytes: deposit2.envelope.size,
      timeline: ofTimeline(timeline)
    })
  });
}
function ends({ deposit: deposit2, header }) {
  const [expires, until] = [deposit2.expires, lapses(deposit2, header)].map((time2) => time2 === void 0 ? void 0 : formatTime(time2));
  return { expires, lapses: until };
}
var ofTimeline = ({ head, events }) => ({
  size: head.size,
  root: base64url(head.root),
  entries: events.map(({ entry, what, action, header }) => ({
    entry: entry.seq,
    what,
    by: action.byBroker ? "broker" : "owner",
    time: formatTime(header.time)
  }))
});
var ofBox = ({ room, action, body }) => compact({ box: room, handle: body.handle, key: fingerprint(action.key) });
function ofContent(content, { attachments: deposited2 = [] }, { within: within2, fault }) {
  const { kind, id: id2 } = content;
  if (kind === "read") {
    return { kind, id: id2, deposit: base64url(content.deposit), content: base64url(content.content), read: formatTime(content.time) };
  }
  if (kind === "registered") {
    const { reply_to, subject, commitment } = content;
    const read = within2 && compact({ text: within2.text, attachments: filesOf(within2, deposited2) });
    return compact({ kind, id: id2, reply_to, subject, commitment: base64url(commitment), within: read, fault });
  }
  return compact({
    kind,
    id: id2,
    reply_to: content.reply_to,
    wants_receipt: content.wants_receipt,
    subject: content.subject,
    text: content.text,
    attachments: filesOf(content, deposited2)
  });
}
function filesOf({ attachments }, deposited2) {
  const files = attachments.map(({ name, media_type, digest, size }) => ({
    name,
    media_type,
    size,
    digest: base64url(digest),
    deposited: deposited2.some((blob) => equal(blob.digest, digest))
  }));
  return files.length > 0 ? files : void 0;
}
var ofRead = ({ opening, entry, header, head, content }) => ({
  broker: opening.broker,
  simulated: opening.body.simulated ?? false,
  stamps: fingerprints(opening.body.stamps),
  size: head.size,
  root: base64url(head.root),
  entry: entry.seq,
  time: formatTime(header.time),
  read: formatTime(content.time)
});
var operators = (head) => [...new Set(head.cosigners.map((witness) => witness.operator))].sort();
var isFinal = (opening, head) => opening.witnesses.length === 0 ? void 0 : operators(head).length >= opening.quorum;
var fingerprints = (keys) => [...new Set(keys.map(fingerprint))];
function ofOpening({ room, broker, body, witnesses, quorum, Fold }, certified) {
  const named2 = witnesses.length > 0;
  return {
    room,
    broker,
    certified,
    simulated: body.simulated ?? false,
    stamps: fingerprints(body.stamps),
    authorities: Fold.access === "public" ? (body.authorities ?? []).map(fingerprint) : void 0,
    witnesses: named2 ? witnesses.map(({ name, operator, key: key2 }) => ({ name, operator, key: fingerprint(key2) })) : void 0,
    quorum: named2 ? quorum : void 0
  };
}
var ofHead = (opening, head, final) => ({
  size: head.size,
  root: base64url(head.root),
  cosigned: final === void 0 ? void 0 : operators(head),
  final
});
function ofAuction(fold) {
  const { terms, closed, winner } = fold;
  return compact({
    title: terms.title,
    currency: terms.currency,
    start: terms.start,
    increment: terms.increment,
    steps: terms.steps,
    max_raise: terms.max_raise,
    buy_now: terms.buy_now,
    begin: terms.begin === void 0 ? void 0 : formatTime(terms.begin),
    rule: terms.rule,
    bids_each: terms.bids_each,
    citizens: fold.issuer ? ofIssuer(fold.issuer) : void 0,
    seller: fingerprint(fold.seller),
    listed: formatTime(fold.listed),
    end: formatTime(fold.end),
    phase: fold.phase,
    bought: fold.bought || void 0,
    closed: closed ? { entry: closed.entry, time: formatTime(closed.time), late: closed.late } : void 0,
    winner: winner?.entry,
    price: fold.price,
    withdrawn: fold.withdrawn ?? void 0,
    successor: fold.successor,
    sealed: fold.sealed ? ofSealed(fold.sealed) : void 0,
    dutch: terms.dutch,
    reserve: fold.reserve ? ofReserve(fold) : void 0,
    bids: fold.bids.map(
      ({ entry, amount: amount2, time: time2, end, least, forfeited }) => compact({
        entry,
        amount: amount2,
        time: formatTime(time2),
        end: formatTime(end),
        least,
        forfeited,
        paddle: fold.paddles.nameOf(entry)
      })
    ),
    forfeits: fold.forfeits
  });
}
var ofIssuer = ({ issuer, from, until, spend_until: spendUntil, test }) => compact({ issuer, from: formatTime(from), until: formatTime(until), spend_until: formatTime(spendUntil), test });
var ofSealed = (sealed) => compact({
  price: sealed.price,
  needed: sealed.needed,
  of: sealed.of,
  locks: sealed.locks,
  opens: formatTime(sealed.opens),
  opened: sealed.opened,
  unopened: sealed.unopened,
  void: sealed.void
});
var ofReserve = ({ terms, reserve, locked }) => compact({
  standing: reserve.standing,
  needed: terms.reserve,
  of: lockTsas(terms).length,
  opens: formatTime(locked.opens),
  sealed: reserve.sealed,
  opened: reserve.opened,
  amount: reserve.amount,
  cause: reserve.cause
});
function ofReveal({ terms, end, by, absent }) {
  return compact({
    auction: terms.auction,
    settled: terms.settled,
    deadline: formatTime(terms.deadline),
    withdrawal: terms.withdrawal,
    end,
    by: by ?? void 0,
    absent: absent.length > 0 ? absent : void 0
  });
}
var compact = (object2) => Object.fromEntries(Object.entries(object2).filter(([, value]) => value !== void 0));

// src/transcript.js
var LF = 10;
var CERTIFICATE = '{"certificate":';
var LONGEST_LINE2 = 4096;
var HEADER = /^\{"header":"([A-Za-z0-9._-]{0,1024})"\}$/;
var lastLine = (file) => file.at(-1) === LF ? file.lastIndexOf(LF, file.length - 2) + 1 : -1;
var Transcript = class {
  opening = null;
  fold = null;
  head = null;
  /** How many entries hold. */
  size = 0;
  /** Whether what is being judged has a position. */
  atEntry = false;
  #certificate = null;
  #ledger = null;
  // Headers that an entry named, by hash, and the one that stands before the entry to come.
  #headers = /* @__PURE__ */ new Map();
  #pending = null;
  /** `notice`, if given, hears of each entry that holds: its position, action and header. */
  constructor(file, notice = () => {
  }) {
    this.file = file;
    this.notice = notice;
  }
  get kind() {
    return this.opening?.kind ?? "unknown";
  }
  get certified() {
    return this.#certificate !== null;
  }
  /** Judges the file; yields after each line how many bytes are read. Refuses by `Broken`. */
  *run() {
    const last = lastLine(this.file);
    let start = 0;
    while (start < last) {
      const end = this.file.indexOf(LF, start);
      this.#line(this.file.subarray(start, end), start === 0);
      start = end + 1;
      yield start;
    }
    this.atEntry = true;
    refuseUnless(this.#pending === null, "V-029");
    this.atEntry = false;
    refuseUnless(this.size > 0, "V-060");
    this.fold.complete();
    this.#judgeHead(utf8Text(this.file.subarray(last, -1)));
  }
  #line(line, isFirst) {
    const text2 = line.length <= LONGEST_LINE2 ? utf8Text(line) : "";
    if (isFirst && utf8Text(line.subarray(0, CERTIFICATE.length)) === CERTIFICATE) {
      const { certificate: certificate2 } = under("V-077", () => readExact(text2, object({ certificate: string() })));
      this.#certificate = readCertificate(certificate2);
      return;
    }
    this.atEntry = true;
    const header = HEADER.exec(text2);
    if (header) this.#header(header[1]);
    else this.#entry(line);
    this.atEntry = false;
  }
  // V-029: a header stands once, and right before an entry.
  #header(text2) {
    const hash2 = headerHash(text2);
    const name = hex(hash2);
    refuseUnless(this.#pending === null && !this.#headers.has(name), "V-029");
    this.#pending = { text: text2, hash: hash2, name };
  }
  #entry(line) {
    const { seq, action: text2, stamp } = readEntry(line);
    refuseUnless(seq === this.size, "V-026");
    const name = hex(stamp.header);
    this.#requireOnly(name);
    const action = under("V-010", () => readAction(text2));
    if (seq === 0) this.#open(text2, action);
    const header = this.#headerNamed(name);
    refuseUnless(covers(header, stamp, action.digest), "V-022");
    if (seq === 0) {
      this.fold = new this.opening.Fold(action, header);
    } else {
      this.#ledger.judge(action, header);
      this.fold.apply(action, header, seq, this.#ledger);
    }
    this.#ledger.append(line, action, header);
    this.size += 1;
    this.notice(seq, action, header);
  }
  // V-023 and V-029: the header named is there, no other stands before the entry, and it is not one of long ago.
  #requireOnly(name) {
    const isPending = this.#pending?.name === name;
    refuseUnless(isPending || this.#headers.has(name), "V-023");
    refuseUnless(isPending || this.#pending === null, "V-029");
    refuseUnless(isPending || !this.#ledger.isPast(this.#headers.get(name)), "stamp.stale");
  }
  // Keys that count are those that an opening names. An action that opens nothing names none, and then no header holds.
  #open(text2, action) {
    if (!action.opens) return;
    this.opening = new Opening(text2, action);
    this.#ledger = this.opening.ledger();
    if (this.#certificate === null || isOfKeys(this.#certificate, action.body.broker)) return;
    this.atEntry = false;
    refuseUnless(false, "V-077");
  }
  #headerNamed(name) {
    if (this.#pending) {
      const header = readHeader(this.#pending.text, this.opening?.stamps ?? /* @__PURE__ */ new Map());
      this.#headers.set(name, { ...header, hash: this.#pending.hash });
      this.#pending = null;
    }
    return this.#headers.get(name);
  }
  #judgeHead(line) {
    const { log, body, witnesses } = this.opening;
    const note = parse(line);
    refuseUnless(JSON.stringify(note) === line, "V-024");
    this.head = readHead(note, log, body.broker.head, witnesses);
    refuseUnless(this.head.size === this.size && equal(this.head.root, this.#ledger.root(this.size)), "V-060");
  }
};

// src/verifier.js
var LONGEST_FILE = 256 * 1024 * 1024;
var LONGEST_ALONE = 1024 * 1024;
function verify(file) {
  try {
    return examine(file).result;
  } catch {
    return unreadable();
  }
}
var verdictLine = (result) => JSON.stringify(result);
function examine(file) {
  const steps = examination(file);
  for (; ; ) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
async function examineInSteps(file, pause, every = 50) {
  const steps = examination(file);
  for (let count2 = 1; ; count2 += 1) {
    const { done, value } = steps.next();
    if (done) return value;
    if (count2 % every === 0) await pause(value / file.length);
  }
}
function* examination(file) {
  const nothing = { result: unreadable(), entries: [] };
  if (file.length > LONGEST_FILE || !isUtf8(file)) return nothing;
  if (endsWithString(file)) return yield* transcript(file);
  if (file.length > LONGEST_ALONE) return nothing;
  const text2 = utf8Text(file).replace(/\n$/, "");
  const members = receiptMembers(text2);
  if (members) return receipt2(members);
  const shown = shownLetter(text2);
  if (shown) return letter(shown);
  const alone = shownDeposit(text2);
  if (alone) return deposit(alone);
  const compact2 = certificateAlone(text2);
  return compact2 === null ? nothing : certificate(compact2);
}
function endsWithString(file) {
  const start = lastLine(file);
  return start >= 0 && file[start] === 34 && typeof parse(utf8Text(file.subarray(start, -1))) === "string";
}
function* transcript(file) {
  const entries = [];
  const read = new Transcript(file, (seq, action, header) => entries.push({ seq, action, header }));
  try {
    yield* read.run();
    return { result: ofTranscript(read), entries, log: read };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid(read.kind, failure.rule, read.atEntry ? read.size : void 0), entries, log: read };
  }
}
function letter(shown) {
  try {
    const read = readLetter(shown);
    return { result: ofLetter(read), entries: [], log: read.letter };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid("letter", failure.rule), entries: [] };
  }
}
function deposit(shown) {
  try {
    const read = readDeposit(shown);
    return { result: ofDeposit(read), entries: [], log: read.letter };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid("deposit", failure.rule), entries: [] };
  }
}
function certificate(compact2) {
  try {
    return { result: ofCertificate(readCertificate(compact2)), entries: [] };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid("certificate", failure.rule), entries: [] };
  }
}
function receipt2(members) {
  try {
    const read = readReceipt(members);
    return { result: ofReceipt(read), entries: [], log: read };
  } catch (failure) {
    if (!(failure instanceof Broken)) throw failure;
    return { result: invalid("receipt", failure.rule), entries: [] };
  }
}
export {
  LONGEST_FILE,
  examine,
  examineInSteps,
  verdictLine,
  verify
};
