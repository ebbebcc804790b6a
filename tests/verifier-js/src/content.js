// What is inside an envelope (SPEC 8.1, V-245 and V-246): a letter, a registered one (V-337), the word that one was read, or
// nothing but cover (V-370).

import { sha256 } from '@noble/hashes/sha2.js';
import { concat, utf8 } from './bytes.js';
import { refuseUnless, under } from './broken.js';
import { boolean, bytes, bytesOf, integer, isShown, lines, list, name32, object, oneOf, optional, parse, readExact, string, text, time } from './json.js';

const MOST_ATTACHED = 8;
const STEP = 256;
const TAG = 16;

const uuid = string((value) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value));
const mode = oneOf('evidence', 'deniable');
const ADDRESS = object({
  box: name32,
  broker: string((value) => /^[!-~]{1,200}$/.test(value)),
  key: bytesOf(32),
  agreement: bytesOf(32),
});
const ATTACHMENT = object({
  name: string((value) => isShown(value, 120) && !value.startsWith('.') && !/[/\\]/.test(value)),
  media_type: string((value) => value.length <= 100 && /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/.test(value)),
  digest: bytesOf(32),
  size: integer(),
  key: bytesOf(32),
});
// What it says can be checked by its reader alone (V-385).
const VOUCH = object({ box: name32, mac: bytesOf(32) });
const version = (value) => integer(1, 1)(value);

const proofOf = (value) => bytesOf(value?.mode === 'deniable' ? 32 : 64);
const LETTER = (value) =>
  object({
    v: version,
    kind: oneOf('letter'),
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
    proof: proofOf(value),
  })(value);
const isSomething = ({ text: said, attachments }) => attachments.length <= MOST_ATTACHED && (said !== '' || attachments.length > 0);
const PARTS = object({ text: lines, attachments: list(ATTACHMENT) });

/** V-338: what is within a registered letter. */
export const WITHIN = (value) => {
  const read = PARTS(value);
  refuseUnless(isSomething(read.meant), 'malformed');
  return read;
};

const REGISTERED = (value) =>
  object({
    v: version,
    kind: oneOf('registered'),
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
    proof: proofOf(value),
  })(value);
const READ = (value) =>
  object({
    v: version,
    kind: oneOf('read'),
    from: ADDRESS,
    id: uuid,
    mode,
    salt: bytesOf(32),
    deposit: bytesOf(32),
    content: bytesOf(32),
    sender: name32,
    reader: name32,
    time,
    proof: proofOf(value),
  })(value);

const COVER = (value) =>
  object({
    v: version,
    kind: oneOf('cover'),
    from: ADDRESS,
    id: uuid,
    mode: oneOf('deniable'),
    salt: bytesOf(32),
    proof: proofOf(value),
  })(value);
const KINDS = { read: READ, registered: REGISTERED, cover: COVER };

/** V-245: what a content says, with its hash. */
export const readContent = (written) =>
  under('V-245', () => {
    const kind = parse(written)?.kind;
    const content = readExact(written, Object.hasOwn(KINDS, kind) ? KINDS[kind] : LETTER);
    // V-386
    refuseUnless(content.vouch?.box !== content.from.box, 'V-245');
    const holds =
      kind === 'registered' ||
      kind === 'cover' ||
      (kind === 'read' ? content.reader === content.from.box : isSomething(content));
    refuseUnless(holds, 'V-245');
    // The proof is the last member, and of a fixed spelling.
    const unproven = `${written.slice(0, written.lastIndexOf(',"proof":"'))}}`;
    return { ...content, hash: sha256(concat(content.salt, utf8(unproven))) };
  });
