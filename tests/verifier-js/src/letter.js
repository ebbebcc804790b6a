// One letter, shown to others (SPEC 8.3).

import { sha256 } from '@noble/hashes/sha2.js';
import { readAction } from './action.js';
import { ONE_PIECE } from './bodies.js';
import { concat, equal, fromHex32, utf8 } from './bytes.js';
import { Broken, refuseUnless, under } from './broken.js';
import { hasPossibleTerms } from './box.js';
import { readContent } from './content.js';
import { verifies } from './ed25519.js';
import { HEAD, isPrekey, makeEnvelope, prekeyDigest } from './envelope.js';
import { bytes, bytesOf, list, object, oneMember, optional, readExact, string } from './json.js';
import { isIncluded, leafHash } from './merkle.js';
import { Opening } from './opening.js';
import { readReceipt } from './receipt.js';
import { isOfDeposit, openWithin } from './registered.js';
import { readTimeline, receiptsOf, TIMELINE } from './timeline.js';

const LONGEST = 1_048_576;
const LONGEST_RECEIPT = 65_536;
const MOST_KEYS = 256;
const MESSAGE_LABEL = utf8('pregao/message/v1');

const any = bytes(() => true);
const path = bytes((hashes) => hashes.length % 32 === 0);
const RECEIPT = object({ opening: string(), header: string(), entry: string(), path, head: string() });
const receipt = (value) => {
  const read = RECEIPT(value);
  refuseUnless(utf8(JSON.stringify(read.written)).length <= LONGEST_RECEIPT, 'V-254');
  return read;
};
const WAYS = oneMember({
  sender: object({
    keys: list(string()),
    signed: any,
    once: optional(object({ key: any, path })),
    seeds: bytesOf(32),
    content: string(),
  }),
  reader: object({ envelope: any, content: string() }),
  hash: object({ envelope: any, hash: bytesOf(32), signature: bytesOf(64) }),
});
// The bound of V-254 holds for each receipt that a timeline is made of.
const isBounded = ({ timeline, deposit }) =>
  receiptsOf(timeline, deposit).every((one) => utf8(JSON.stringify(one)).length <= LONGEST_RECEIPT);
const withTimeline = (shape) => (value) => {
  const read = shape(value);
  refuseUnless(read.written.timeline === undefined || isBounded(read.written), 'V-254');
  return read;
};
const FILE = object({
  letter: withTimeline(
    object({
      sender: string(),
      deposit: receipt,
      shown: WAYS,
      read: optional(object({ deposit: receipt, shown: WAYS })),
      timeline: optional(TIMELINE),
    }),
  ),
});
const DEPOSIT_FILE = object({ deposit: withTimeline(object({ deposit: receipt, timeline: TIMELINE })) });

/** V-254: the members of a letter shown, or null if the text is none. */
export const shownLetter = (text) => membersOf(text, FILE)?.letter ?? null;

/** V-349: the members of a deposit shown, or null if the text is none. */
export const shownDeposit = (text) => membersOf(text, DEPOSIT_FILE)?.deposit ?? null;

function membersOf(text, shape) {
  if (utf8(text).length > LONGEST) return null;
  try {
    return readExact(text, shape);
  } catch (failure) {
    if (failure instanceof Broken) return null;
    throw failure;
  }
}

/** Judges a letter by its members. Gives `{from, letter, read?, timeline?, within?, fault?}`, or refuses by `Broken`. */
export function readLetter({ sender, deposit, shown, read, timeline }) {
  const from = under('V-254', () => openBox(sender));
  const letter = left(from, deposit, shown);
  const acknowledged = read ? acknowledgement(from, letter, sender, read) : undefined;
  const happened = timeline ? readTimeline(timeline, deposit, letter) : undefined;
  return { from, letter, read: acknowledged, timeline: happened, ...within(letter, happened) };
}

/** Judges what a log says of a deposit, by its members (V-349). Gives `{letter, timeline}`, or refuses by `Broken`. */
export function readDeposit({ deposit, timeline }) {
  const { read } = deposited(deposit);
  const letter = { ...read, deposit: read.action.body };
  return { letter, timeline: readTimeline(timeline, deposit, letter) };
}

// V-338 and V-339: what is read of a registered letter, or what its sender did wrong.
function within({ content, deposit, opening }, timeline) {
  if (content?.kind !== 'registered') return {};
  if (!isOfDeposit(content, deposit)) return { fault: 'deposit' };
  if (timeline?.half === undefined) return {};
  const read = openWithin(content, opening.room, timeline.half);
  return read === null ? { fault: 'junk' } : { within: read };
}

/** The box that an action opens: V-273, V-274. */
function openBox(text) {
  const action = readAction(text);
  refuseUnless(action.verb === 'box', 'malformed');
  refuseUnless(!equal(action.key, action.body.broker.entry) && hasPossibleTerms(action.body), 'malformed');
  return new Opening(text, action);
}

// V-306
function deposited(members) {
  const read = readReceipt(members);
  const to = under('V-306', () => openBox(members.opening));
  refuseUnless(read.action.verb === 'deposit', 'V-306');
  return { read, to };
}

// V-306, and what `from` left there: the parts of the receipt with `{deposit, way, hash, content?}`.
function left(from, members, shown) {
  const { read, to } = deposited(members);
  const deposit = read.action.body;
  const { hash, content } = judge(shown, { from, to, deposit });
  refuseUnless(content?.kind !== 'read' || content.sender === to.room, 'V-250');
  return { ...read, deposit, way: shown.name, hash, content };
}

function judge(shown, place) {
  if (shown.name === 'sender') return bySender(shown, place);
  const { deposit } = place;
  refuseUnless(shown.envelope.length === deposit.envelope.size, 'V-253');
  const content = shown.name === 'reader' ? readContent(shown.content) : undefined;
  refuseUnless(equal(sha256(shown.envelope), deposit.envelope.digest), 'V-253');
  if (content) return signed(content, shown.envelope, place);
  requireSignature(shown.signature, shown.hash, shown.envelope, place);
  return { hash: shown.hash };
}

// V-252
function bySender(shown, place) {
  const { to, deposit } = place;
  requireKeys(shown, to, deposit);
  const content = readContent(shown.content);
  const { size } = deposit.envelope;
  refuseUnless(ONE_PIECE.includes(size), 'V-252');
  const keys = { box: to.room, signed: shown.signed, once: shown.once?.key ?? null, size };
  const envelope = makeEnvelope(keys, shown.seeds, utf8(shown.content), content.hash);
  refuseUnless(envelope !== null && equal(sha256(envelope), deposit.envelope.digest), 'V-252');
  return signed(content, envelope, place);
}

// V-307
function requireKeys({ keys, signed: key, once }, to, deposit) {
  const stated = under('V-307', () => keys.map((text) => statedKeys(text, to)));
  refuseUnless(stated.length === 1 || stated.length === 2, 'V-307');
  const [first, last] = [stated[0], stated.at(-1)];
  const isOfStock = ({ stock }) => stock !== undefined && equal(stock.root, deposit.once.stock);
  refuseUnless(stated.length === 1 || (deposit.once !== undefined && !isOfStock(first)), 'V-307');
  refuseUnless(isPrekey(key) && equal(prekeyDigest(key), deposit.signed) && equal(first.signed, deposit.signed), 'V-307');
  refuseUnless((once === undefined) === (deposit.once === undefined), 'V-307');
  if (once === undefined) return;
  const { stock } = last;
  const holds =
    isOfStock(last) &&
    stock.count >= 1 &&
    stock.count <= MOST_KEYS &&
    isPrekey(once.key) &&
    isIncluded(leafHash(prekeyDigest(once.key)), deposit.once.index, stock.count, once.path, stock.root);
  refuseUnless(holds, 'V-307');
}

function statedKeys(text, { room, action: opening }) {
  const { verb, body, key, room: named } = readAction(text);
  refuseUnless(verb === 'keys' && named === room && equal(key, opening.key), 'V-307');
  return body;
}

// V-247, V-308, V-248
function signed(content, envelope, place) {
  const { box, key, agreement } = content.from;
  const { from } = place;
  refuseUnless(box === from.room && equal(key, from.action.key) && equal(agreement, from.body.agreement), 'V-247');
  refuseUnless(content.mode === 'evidence', 'V-308');
  requireSignature(content.proof, content.hash, envelope, place);
  return { hash: content.hash, content };
}

// V-248
function requireSignature(signature, hash, envelope, { from, to, deposit }) {
  const boxes = [fromHex32(from.room), fromHex32(to.room)];
  const message = concat(MESSAGE_LABEL, ...boxes, deposit.signed, envelope.subarray(1, HEAD), hash);
  refuseUnless(verifies(from.action.key, message, signature), 'V-248');
}

// V-309
function acknowledgement(from, letter, sender, { deposit, shown }) {
  refuseUnless(letter.content?.kind !== 'read' && deposit.opening === sender, 'V-309');
  const read = left(letter.opening, deposit, shown);
  const said = read.content;
  const isForThis =
    said?.kind === 'read' &&
    equal(said.deposit, letter.deposit.envelope.digest) &&
    equal(said.content, letter.hash) &&
    said.sender === from.room &&
    said.reader === letter.opening.room;
  refuseUnless(isForThis, 'V-309');
  return read;
}
