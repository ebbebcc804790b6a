// JSON in its one encoding (SPEC section 2): UTF-8, no white space, members in order, none twice, none unknown.
//
// A shape reads a parsed value, refuses what it is not, and gives what it means together with what it would be written as.
// `readExact` writes that again and compares: whatever has a second spelling fails there.

import { fromBase64url, fromHex32, isWellFormed } from './bytes.js';
import { Broken } from './broken.js';
import { parseTime } from './time.js';

const no = () => {
  throw new Broken('malformed');
};

/** The parsed value, or undefined. */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a text means by a shape; anything but the one spelling of it is refused. */
export function readExact(text, shape) {
  const value = parse(text);
  if (value === undefined) no();
  const { meant, written } = shape(value);
  if (JSON.stringify(written) !== text) no();
  return meant;
}

const scalar = (meant, written) => ({ meant, written });

export const string = (accept = () => true) => (value) =>
  typeof value === 'string' && isWellFormed(value) && accept(value) ? scalar(value, value) : no();

// V-014, by number, so that the version of Unicode that an engine knows does not matter.
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const BLANK =
  /^[ \u00a0\u00ad\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200d\u202f\u205f-\u2065\u2800\u3000\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]*$/u;

/** V-014: whether a character of it steers others. */
export const steers = (value) => STEERING.test(value);

/** V-014: whether it is 1 to `most` characters of which one shows something and none steers others. */
export const isShown = (value, most) => !steers(value) && !BLANK.test(value) && count(value) <= most;

/** A text of 1 to `most` characters that shows something and steers nothing (V-014). */
export const text = (most) => string((value) => isShown(value, most));

function count(value) {
  let characters = 0;
  for (const _ of value) characters += 1;
  return characters;
}

export const oneOf = (...names) => string((value) => names.includes(value));

export const integer = (least = 0, most = Number.MAX_SAFE_INTEGER) => (value) =>
  Number.isSafeInteger(value) && value >= least && value <= most ? scalar(value, value) : no();

export const boolean = (value) => (typeof value === 'boolean' ? scalar(value, value) : no());

/** A member that is `true` wherever it is there. */
export const yes = (value) => (value === true ? scalar(true, true) : no());

/** V-246: empty, or characters of which one shows something and, line feeds apart, none steers others. */
export const lines = string((value) => {
  const bare = value.replaceAll('\n', '');
  return !steers(bare) && (value === '' || !BLANK.test(bare));
});

/** An object with exactly one of these members: gives which, and what it means. */
export const oneMember = (members) => (value) => {
  const names = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  if (names.length !== 1 || !Object.hasOwn(members, names[0])) no();
  const { meant, written } = members[names[0]](value[names[0]]);
  return scalar({ name: names[0], ...meant }, { [names[0]]: written });
};

const spelled = (read) => (value) => {
  const meant = typeof value === 'string' ? read(value) : null;
  return meant === null ? no() : scalar(meant, value);
};

export const time = spelled(parseTime);
export const name32 = spelled((value) => (fromHex32(value) ? value : null));

/** Bytes in base64url, of exactly or at most a size, that `accept` accepts. */
export const bytes = (accept) =>
  spelled((value) => {
    const meant = fromBase64url(value);
    return meant && accept(meant) ? meant : null;
  });
export const bytesOf = (size, accept = () => true) => bytes((meant) => meant.length === size && accept(meant));

export const list = (shape) => (value) => {
  if (!Array.isArray(value)) no();
  const items = value.map(shape);
  return scalar(
    items.map((item) => item.meant),
    items.map((item) => item.written),
  );
};

/** A list of one or more. */
export const someOf = (shape) => (value) => (Array.isArray(value) && value.length > 0 ? list(shape)(value) : no());

/** An object with exactly these members in this order; `optional` marks those that may be left out. */
export const object = (members) => (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) no();
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
export const optional = (shape) => ({ optional: shape });
