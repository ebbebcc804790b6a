// Verdicts as plain objects. Members stand in one fixed order, and what is not there is left out, so that two verifiers write the same bytes.

import { base64url, equal } from './bytes.js';
import { fingerprint } from './ed25519.js';
import { lockTsas } from './terms.js';
import { lapses } from './timeline.js';
import { formatTime } from './time.js';

/** A thing that is no transcript, no receipt, no letter and no certificate. */
export const unreadable = () => ({ kind: 'unknown', verdict: 'unreadable' });

/** What breaks `rule`, at `entry` if that is a number. */
export const invalid = (kind, rule, entry) => compact({ kind, verdict: 'invalid', rule, entry });

/** The verdict on a transcript that holds. */
export function ofTranscript({ opening, certified, fold, head }) {
  const final = isFinal(opening, head);
  return compact({
    kind: opening.kind,
    verdict: fold.ended && final !== false ? 'valid' : 'incomplete',
    ...ofOpening(opening, certified),
    ...ofHead(opening, head, final),
    auction: opening.kind === 'auction' ? ofAuction(fold) : undefined,
    reveal: opening.kind === 'reveal' ? ofReveal(fold) : undefined,
  });
}

/** The verdict on a broker's certificate that holds. Which TSAs stamp in which of its rooms their openings say. */
export const ofCertificate = ({ keys }) => ({ kind: 'certificate', verdict: 'valid', broker: fingerprint(keys.session), certified: true });

/** The verdict on a receipt that holds. What it shows does not change any more, so there is nothing to wait for. */
export function ofReceipt({ opening, entry, action, header, head }) {
  return compact({
    kind: 'receipt',
    verdict: 'valid',
    ...ofOpening(opening),
    ...ofHead(opening, head, isFinal(opening, head)),
    receipt: {
      entry: entry.seq,
      verb: action.verb,
      time: formatTime(header.time),
      digest: base64url(action.digest),
      key: fingerprint(action.key),
    },
  });
}

/** The verdict on a letter that is shown. */
export function ofLetter({ from, letter, read, timeline, within, fault }) {
  const { opening, entry, header, head, deposit, way, hash, content } = letter;
  return compact({
    kind: 'letter',
    verdict: 'valid',
    ...ofOpening(opening),
    ...ofHead(opening, head),
    letter: compact({
      from: ofBox(from),
      to: ofBox(opening),
      entry: entry.seq,
      time: formatTime(header.time),
      ...ends(letter),
      envelope: base64url(deposit.envelope.digest),
      bytes: deposit.envelope.size,
      shown: way,
      hash: base64url(hash),
      mode: 'evidence',
      content: content ? ofContent(content, deposit, { within, fault }) : undefined,
      read: read ? ofRead(read) : undefined,
      timeline: timeline ? ofTimeline(timeline) : undefined,
    }),
  });
}

/** The verdict on what a log says of a letter that is not shown itself. */
export function ofDeposit({ letter, timeline }) {
  const { opening, entry, header, head, deposit } = letter;
  return compact({
    kind: 'deposit',
    verdict: 'valid',
    ...ofOpening(opening),
    ...ofHead(opening, head),
    deposit: compact({
      to: ofBox(opening),
      entry: entry.seq,
      time: formatTime(header.time),
      ...ends(letter),
      envelope: base64url(deposit.envelope.digest),
      bytes: deposit.envelope.size,
      timeline: ofTimeline(timeline),
    }),
  });
}

// When a letter is destroyed, and when a registered one lapses, if nothing happens to it.
function ends({ deposit, header }) {
  const [expires, until] = [deposit.expires, lapses(deposit, header)].map((time) => (time === undefined ? undefined : formatTime(time)));
  return { expires, lapses: until };
}

const ofTimeline = ({ head, events }) => ({
  size: head.size,
  root: base64url(head.root),
  entries: events.map(({ entry, what, action, header }) => ({
    entry: entry.seq,
    what,
    by: action.byBroker ? 'broker' : 'owner',
    time: formatTime(header.time),
  })),
});

const ofBox = ({ room, action, body }) => compact({ box: room, handle: body.handle, key: fingerprint(action.key) });

function ofContent(content, { attachments: deposited = [] }, { within, fault }) {
  const { kind, id } = content;
  if (kind === 'read') {
    return { kind, id, deposit: base64url(content.deposit), content: base64url(content.content), read: formatTime(content.time) };
  }
  if (kind === 'registered') {
    const { reply_to, subject, commitment } = content;
    const read = within && compact({ text: within.text, attachments: filesOf(within, deposited) });
    return compact({ kind, id, reply_to, subject, commitment: base64url(commitment), within: read, fault });
  }
  return compact({
    kind,
    id,
    reply_to: content.reply_to,
    wants_receipt: content.wants_receipt,
    subject: content.subject,
    text: content.text,
    attachments: filesOf(content, deposited),
  });
}

function filesOf({ attachments }, deposited) {
  const files = attachments.map(({ name, media_type, digest, size }) => ({
    name,
    media_type,
    size,
    digest: base64url(digest),
    deposited: deposited.some((blob) => equal(blob.digest, digest)),
  }));
  return files.length > 0 ? files : undefined;
}

const ofRead = ({ opening, entry, header, head, content }) => ({
  broker: opening.broker,
  simulated: opening.body.simulated ?? false,
  stamps: fingerprints(opening.body.stamps),
  size: head.size,
  root: base64url(head.root),
  entry: entry.seq,
  time: formatTime(header.time),
  read: formatTime(content.time),
});

const operators = (head) => [...new Set(head.cosigners.map((witness) => witness.operator))].sort();

// Undefined where no witnesses are named: then there is nothing to be final by.
const isFinal = (opening, head) =>
  opening.witnesses.length === 0 ? undefined : operators(head).length >= opening.quorum;

/** Fingerprints of keys, each once. */
const fingerprints = (keys) => [...new Set(keys.map(fingerprint))];

function ofOpening({ room, broker, body, witnesses, quorum, Fold }, certified) {
  const named = witnesses.length > 0;
  return {
    room,
    broker,
    certified,
    simulated: body.simulated ?? false,
    stamps: fingerprints(body.stamps),
    authorities: Fold.access === 'public' ? (body.authorities ?? []).map(fingerprint) : undefined,
    witnesses: named ? witnesses.map(({ name, operator, key }) => ({ name, operator, key: fingerprint(key) })) : undefined,
    quorum: named ? quorum : undefined,
  };
}

const ofHead = (opening, head, final) => ({
  size: head.size,
  root: base64url(head.root),
  cosigned: final === undefined ? undefined : operators(head),
  final,
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
    begin: terms.begin === undefined ? undefined : formatTime(terms.begin),
    rule: terms.rule,
    bids_each: terms.bids_each,
    citizens: fold.issuer ? ofIssuer(fold.issuer) : undefined,
    seller: fingerprint(fold.seller),
    listed: formatTime(fold.listed),
    end: formatTime(fold.end),
    phase: fold.phase,
    bought: fold.bought || undefined,
    closed: closed ? { entry: closed.entry, time: formatTime(closed.time), late: closed.late } : undefined,
    winner: winner?.entry,
    price: fold.price,
    withdrawn: fold.withdrawn ?? undefined,
    successor: fold.successor,
    sealed: fold.sealed ? ofSealed(fold.sealed) : undefined,
    dutch: terms.dutch,
    reserve: fold.reserve ? ofReserve(fold) : undefined,
    bids: fold.bids.map(({ entry, amount, time, end, least, forfeited }) =>
      compact({
        entry,
        amount,
        time: formatTime(time),
        end: formatTime(end),
        least,
        forfeited,
        paddle: fold.paddles.nameOf(entry),
      }),
    ),
    forfeits: fold.forfeits,
  });
}

const ofIssuer = ({ issuer, from, until, spend_until: spendUntil, test }) =>
  compact({ issuer, from: formatTime(from), until: formatTime(until), spend_until: formatTime(spendUntil), test });

const ofSealed = (sealed) =>
  compact({
    price: sealed.price,
    needed: sealed.needed,
    of: sealed.of,
    locks: sealed.locks,
    opens: formatTime(sealed.opens),
    opened: sealed.opened,
    unopened: sealed.unopened,
    void: sealed.void,
  });

const ofReserve = ({ terms, reserve, locked }) =>
  compact({
    standing: reserve.standing,
    needed: terms.reserve,
    of: lockTsas(terms).length,
    opens: formatTime(locked.opens),
    sealed: reserve.sealed,
    opened: reserve.opened,
    amount: reserve.amount,
    cause: reserve.cause,
  });

function ofReveal({ terms, end, by, absent }) {
  return compact({
    auction: terms.auction,
    settled: terms.settled,
    deadline: formatTime(terms.deadline),
    withdrawal: terms.withdrawal,
    end,
    by: by ?? undefined,
    absent: absent.length > 0 ? absent : undefined,
  });
}

const compact = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
