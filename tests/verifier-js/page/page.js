// The page around a transcript: checks it, and shows what is found. Nothing here comes from or goes to a network.

import { fingerprint } from '../src/ed25519.js';
import { formatTime } from '../src/time.js';
import { examineInSteps } from '../src/verifier.js';
import { chart } from './chart.js';
import { el, facts, instant, longTable, print, said, section, table } from './dom.js';
import { sealedFacts, sealedSections, sealedWords } from './sealed.js';
import { amount, CAUSES, DEPOSIT, ENDS, FAULTS, HAPPENED, LATE, LETTER, PHASES, ruleInWords, span, VERBS } from './words.js';

const at = (id) => document.getElementById(id);

function bytesIn(element) {
  try {
    const text = atob(element.textContent.trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    return bytes;
  } catch {
    return new Uint8Array();
  }
}

async function show() {
  const file = bytesIn(at('transcript'));
  const progress = at('progress');
  const pause = (share) => {
    progress.textContent = `Checking: ${Math.floor(share * 100)} %.`;
    return new Promise((resume) => setTimeout(resume));
  };
  let found;
  try {
    found = await examineInSteps(file, pause, 20);
  } catch {
    found = { result: { kind: 'unknown', verdict: 'unreadable' }, entries: [] };
  }
  const { result } = found;
  at('verdict').className = `verdict ${result.verdict}`;
  at('verdict').replaceChildren(...verdict(result));
  // Whoever listens hears the verdict once, and not every step towards it.
  at('verdict').removeAttribute('aria-busy');
  heading(result);
  const sections = { auction, reveal, receipt, letter, deposit, certificate: () => [], box: lined, passes: lined };
  const holds = result.verdict === 'valid' || result.verdict === 'incomplete';
  if (holds) at('found').replaceChildren(...sections[result.kind](found), ...fingerprints(found));
  else if (found.entries.length > 0) at('found').replaceChildren(...broken(found));
  if (file.length > 0) at('saving').replaceChildren(saving(file, result));
  redraw(found);
}

const KINDS = { auction: 'Auction', reveal: 'Reveal room', receipt: 'Receipt', letter: 'Letter', deposit: 'What became of a letter', certificate: 'Certificate', box: 'Message box', passes: 'Keys of passes', unknown: 'Transcript' };

function heading({ kind, auction: sale, verdict: word }) {
  at('kind').textContent = `${KINDS[kind]} of a Pregão broker`;
  at('title').replaceChildren(sale ? said(sale.title) : KINDS[kind]);
  // Isolated, so that a title cannot turn the words beside it around.
  document.title = `${word}: ${sale ? `\u2068${sale.title}\u2069` : KINDS[kind]}`;
}

const SIGNS = { valid: '\u2713', incomplete: '\u2026', invalid: '\u2717', unreadable: '?' };
const HEADLINES = {
  valid: 'It holds.',
  invalid: 'It does not hold.',
  unreadable: 'This cannot be read.',
};

function headline(result) {
  if (result.verdict !== 'incomplete') return HEADLINES[result.verdict];
  const going = ['open', 'closed', 'settled'].includes(result.auction?.phase) || result.reveal?.end === 'open';
  return going ? 'It holds so far, and is not over.' : 'It holds, and is not final yet.';
}

function verdict(result) {
  return [
    el('p', { class: 'headline' }, el('span', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[result.verdict]), ` ${headline(result)}`),
    ...reasons(result).map((reason) => el('p', {}, reason)),
    el('p', { class: 'aside' }, 'Computed on this page just now, from the transcript in it.'),
  ];
}

function reasons(result) {
  if (result.verdict === 'unreadable') return ['What is in the page is no transcript: nothing was checked.'];
  if (result.verdict === 'invalid') {
    const where = result.entry === undefined ? '' : ` at entry ${result.entry}`;
    const words = ruleInWords(result.rule);
    return [`${words[0].toUpperCase()}${words.slice(1)}${where} (${result.rule}). Do not rely on anything else in it.`];
  }
  if (result.kind === 'receipt') return ['The action is in the log that its head stands for, signed and stamped as it says.', ...finality(result)];
  if (result.kind === 'letter') return [LETTER[result.letter.shown], ...finality(result)];
  if (result.kind === 'deposit') return [DEPOSIT, ...finality(result)];
  if (result.kind === 'certificate') return ['A broker certifies its other keys by its session key: what names just these keys is by that broker.'];
  return [
    result.auction ? outcome(result.auction) : result.reveal && ENDS[result.reveal.end],
    `All ${result.size} entries are signed, stamped, in order and allowed by the rules at their place, and the signed head is over exactly these.`,
    ...finality(result),
    result.certified
      ? 'The broker’s certificate is in the file and is of exactly the keys that the opening names.'
      : 'The broker’s certificate is not in the file: anybody could have made these keys and called them a broker’s.',
    result.simulated && 'Time in this room is simulated: its times say nothing about the day.',
  ].filter(Boolean);
}

function outcome(sale) {
  const { phase, price, currency, withdrawn, successor, sealed } = sale;
  const sum = price === undefined ? '' : sealed ? ` ${sealedWords(sale)}` : ` The price is ${amount(price, currency)} ${currency}.`;
  const who = withdrawn ? ` By the ${withdrawn}.` : '';
  const again = successor ? ` By the seller’s word it is offered again in room ${successor}.` : '';
  return `${PHASES[phase]}${who}${sum}${again}`;
}

function finality({ final, cosigned, quorum }) {
  if (final === undefined) return ['The opening names no witnesses: nobody but the broker says that there is no other log.'];
  const who = cosigned.length === 0 ? 'no named witness cosigned the head' : `witnesses of ${cosigned.join(', ')} cosigned the head`;
  const needs = `${quorum} ${quorum === 1 ? 'operator is' : 'operators are'} needed`;
  return [`${final ? 'Final' : 'Not final'}: ${who}; ${needs}.`];
}

// Auctions.

function auction({ result, log, entries }) {
  const sale = result.auction;
  const sum = (minor) => `${amount(minor, sale.currency)} ${sale.currency}`;
  const { description } = log.opening.body;
  const { soft } = log.fold.terms;
  return [
    section(
      'Outcome',
      description && el('p', {}, said(description)),
      facts([
        ['Price', sale.price === undefined ? 'none' : sum(sale.price)],
        ['Winning bid', sale.winner === undefined ? 'none' : `entry ${sale.winner}`],
        ...(sale.sealed ? sealedFacts(sale, sum) : sale.dutch ? dutchFacts(sale, sum) : [['Started at', `${sum(sale.start)}, in steps of ${sum(sale.increment)} or more`]]),
        ...(sale.reserve ? [['Hidden reserve', reserveWords(sale, sum)]] : []),
        ...(sale.citizens === undefined ? [] : [['Who may bid', citizensFact(sale.citizens)]]),
        ...(sale.rule === undefined ? [] : [['The seller’s rule', el('code', { class: 'rule' }, sale.rule)]]),
        ['Listed', instant(sale.listed)],
        ['End', instant(sale.end), soft ? ` (a bid moves it to ${soft.extend} s after its stamp)` : ''],
        ['Closed', ...(sale.closed ? [instant(sale.closed.time), `, entry ${sale.closed.entry}`] : ['not yet'])],
        sale.closed && ['In time', sale.closed.late === null ? 'yes' : LATE[sale.closed.late]],
      ]),
      el('p', { class: 'aside' }, 'All times are UTC, to the microsecond, as the stamps say.'),
    ),
    ...(sale.sealed ? sealedSections(sale, sum) : openSections(result, log, sum)),
    section('Everything in the log', ...entryTable(entries, sale.currency)),
  ];
}

function reserveWords({ phase, bought, sealed: bids, reserve: { standing, amount: minor, cause, sealed, opened, opens } }, sum) {
  const isOver = bought || !['open', 'closed', 'settled'].includes(phase);
  switch (standing) {
    case 'awaited':
      return phase === 'open' ? 'its seller has not sealed it yet, and nobody can bid' : 'its seller never sealed it, and nobody could bid';
    case 'sealed':
      if (isOver) return `sealed in entry ${sealed}, never opened, and nothing opens it any more`;
      if (bids) return el('span', {}, `sealed in entry ${sealed}; it opens with the bids, from `, instant(opens), ' on');
      return el('span', {}, `sealed in entry ${sealed}, and not opened; without its seller it can be read from `, instant(opens), ' on');
    case 'open':
      return `${sum(minor)}, sealed in entry ${sealed} and opened in entry ${opened}`;
    case 'void':
      return `void, so that it counts as none: ${CAUSES[cause]}`;
    default:
      return 'not opened within a day, so that it counts as none';
  }
}

const citizensFact = ({ issuer, from, until, test }) =>
  `one persona of each citizen, of those enrolled by card from ${from} to ${until} (issuer ${issuer.slice(0, 16)})${test ? '; test cards count' : ''}. The statement holds; whose the bids are only the broker saw.`;

const dutchFacts = ({ start, dutch: { floor, fall, every } }, sum) => [
  ['Started at', `${sum(start)}, and fell by ${sum(fall)} every ${every} s, to ${sum(floor)}`],
  ['Who wins', 'the earliest stamp, at the price that held then; of equal stamps the one with the smallest lot'],
];

// A line of the price is one of bids that rise: sealed ones are all there at once, and are in the table alone.
const openSections = (result, log, sum) => [
  section('Price over time', el('figure', { id: 'chart' }), legend(result.auction)),
  section('Every bid', ...bidTable(result, log, sum)),
];

const legend = ({ bids, end, winner }) =>
  el(
    'p',
    { class: 'aside' },
    'Disc: a bid. ',
    winner !== undefined && 'Ring: the winning bid. ',
    bids.some((bid) => bid.forfeited) && 'Cross: a forfeited bid. ',
    'Dashed line: the end, ',
    instant(end),
    '.',
  );

function bidTable(result, log, sum) {
  const { bids } = log.fold;
  if (bids.length === 0) return [el('p', {}, 'Nobody bid.')];
  const named = bids.some((bid) => log.fold.paddles.nameOf(bid.entry) !== undefined);
  const rows = bids.map((bid) => {
    const wins = bid === log.fold.winner;
    const { falling } = log.fold;
    const state = bid.forfeited ? 'forfeited' : wins ? 'winning bid' : falling ? 'later' : 'outbid';
    const open = !log.fold.closed && bid === (falling ? falling.leader() : bids.at(-1));
    const why = falling ? `It cost ${sum(bid.least)} then.` : `At least ${sum(bid.least)} was asked for.`;
    return {
      mark: wins ? 'wins' : bid.forfeited ? 'gone' : undefined,
      cells: [
        String(bid.entry),
        el('strong', {}, sum(bid.amount)),
        instant(formatTime(bid.time)),
        `${why} Stamped ${span(bid.end - bid.time)} before the end that held then, ${formatTime(bid.end).slice(11, -1)}.`,
        open ? 'leading' : state,
        ...(named ? [log.fold.paddles.nameOf(bid.entry) ?? ''] : []),
      ],
    };
  });
  const heads = ['Entry', 'Amount', 'Stamped', 'Why it counted', 'Now', ...(named ? ['Paddle'] : [])];
  const order = log.fold.falling ? '; the earliest stamp decides' : ', which decides';
  return longTable(`${bids.length} bids in the order of the log${order}`, heads, rows);
}

function entryTable(entries, currency) {
  const rows = entries.map(({ seq, action, header }) => ({
    cells: [String(seq), instant(formatTime(header.time)), what(action, currency), print(fingerprint(action.key).slice(0, 16))],
  }));
  return longTable('Each action with its stamp; the last column begins its key’s fingerprint', ['Entry', 'Stamped', 'What', 'Key'], rows);
}

function what({ verb, body }, currency) {
  if (verb === 'bid') return `bid ${amount(body.amount, currency)} ${currency}`;
  if (verb === 'say') return ['said: ', said(body.text)];
  return VERBS[verb];
}

function redraw({ result, log, entries }) {
  const figure = at('chart');
  if (!figure) return;
  let drawn = 0;
  const draw = () => {
    const width = Math.max(280, Math.floor(figure.clientWidth));
    if (width === drawn) return;
    drawn = width;
    const { currency } = result.auction;
    figure.replaceChildren(chart({ fold: log.fold, lastTime: entries.at(-1).header.time, currency, width }));
  };
  draw();
  addEventListener('resize', draw);
}

// Reveal rooms and receipts.

function reveal({ result, entries }) {
  const room = result.reveal;
  const pairs = [
    ['Of the auction', print(room.auction)],
    ['Winner named in its entry', String(room.settled)],
    ['Deadline', instant(room.deadline)],
    ['Withdrawal', room.withdrawal ? 'allowed' : 'not allowed'],
    room.by && ['Withdrawn by', `the ${room.by}`],
    room.absent && ['Absent', room.absent.join(', ')],
  ];
  return [section('Outcome', facts(pairs)), section('Everything in the log', ...entryTable(entries))];
}

function receipt({ result }) {
  const shown = result.receipt;
  const pairs = [
    ['What', VERBS[shown.verb]],
    ['Entry', String(shown.entry)],
    ['Stamped', instant(shown.time)],
    ['Digest', el('code', { class: 'print' }, shown.digest)],
    ['Key', print(shown.key)],
  ];
  return [section('What the receipt shows', facts(pairs))];
}

/** Of what has no picture of its own: the entries. */
const lined = ({ entries }) => [section('Everything in the log', ...entryTable(entries))];

const named = ({ box, handle }) => (handle ? [print(box), ' which calls itself ', said(handle)] : print(box));

function letter({ result }) {
  const { from, to, entry, time, content, read, timeline } = result.letter;
  const text = content?.text ?? content?.within?.text;
  const pairs = [
    ['From the box', named(from)],
    ['To the box', named(to)],
    ['Deposited', `entry ${entry}`],
    ['Stamped', instant(time)],
    content?.subject && ['Subject', said(content.subject)],
    text && ['Text', said(text)],
    content?.kind === 'registered' && ['Registered', content.fault ? FAULTS[content.fault] : content.within ? 'read with both halves of its key' : 'what it says is read once it was handed over'],
    content?.kind === 'read' && ['Another letter was read, by its author', instant(content.read)],
  ];
  return [section('What the letter shows', facts(pairs)), section('What became of it', ...happened(result.letter, timeline, read))];
}

function deposit({ result }) {
  const { to, entry, time, bytes, timeline } = result.deposit;
  const pairs = [
    ['In the box', named(to)],
    ['Deposited', `entry ${entry}`],
    ['Stamped', instant(time)],
    ['Sealed', `${bytes} bytes`],
  ];
  return [section('What is shown of the letter', facts(pairs)), section('What became of it', ...happened(result.deposit, timeline))];
}

// A row for the deposit, each entry about it, and the word that it was read.
function happened({ entry, time, lapses, expires }, timeline, read) {
  const ends = [lapses && ['lapses', lapses], expires && ['is destroyed', expires]].filter(Boolean);
  const rows = [
    [`${entry}`, instant(time), 'Left in the box', 'signed by a key of its own, in the log of the broker'],
    ...(timeline?.entries ?? []).map((event) => [`${event.entry}`, instant(event.time), ...HAPPENED[event.what]]),
  ];
  if (read) {
    const back = ['its box signed this receipt, left as entry ', `${read.entry}`, ' of the sender’s box, stamped ', instant(read.time)];
    rows.push(['', instant(read.read), 'Read, by its reader’s word', back]);
  }
  return [
    table('By the stamps in the log of the reader’s box', ['Entry', 'When (UTC)', 'What', 'Shown by'], rows.map((cells) => ({ cells }))),
    ...ends.map(([what, end]) => el('p', {}, `If nothing else happens to it, it ${what} at `, instant(end), '.')),
    timeline && el('p', { class: 'aside' }, `All of it is under one head of ${timeline.size} entries, which the broker signed. What else happened, or did not, it does not show.`),
    !timeline && el('p', { class: 'aside' }, 'What happened to it after it was left is not shown.'),
  ].filter(Boolean);
}

/** What there is to see of a log that breaks a rule: how far it holds, and nothing of what it would mean. */
function broken({ entries }) {
  return [section('How far it holds', el('p', {}, `${entries.length} entries before the break hold by themselves. What they mean is not shown, for what follows them does not hold.`))];
}

// Fingerprints, and a place to compare one.

function fingerprints({ result, log }) {
  const cosigners = log?.head?.cosigners ?? [];
  const rows = [
    ...(result.room ? [['Room', 'its name is the hash of its opening', result.room]] : []),
    ['Broker', 'session key', result.broker],
    ...(result.stamps ?? []).map((key) => ['TSA', 'stamp key', key]),
    ...(result.authorities ?? []).map((key) => ['CA', 'of personas', key]),
    ...(result.witnesses ?? []).map(({ name, operator, key }) => [
      'Witness',
      [said(name), ' of ', said(operator), cosigners.some((one) => one.name === name) ? ', cosigned this head' : ', did not cosign this head'],
      key,
    ]),
  ];
  const shown = rows.map(([who, note, key]) => ({ cells: [who, note, print(key)] }));
  const answer = el('output', { for: 'compare', id: 'compared' });
  const input = el('input', { id: 'compare', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'compared' });
  input.addEventListener('input', () => {
    answer.textContent = compared(input.value, rows);
  });
  return [
    section(
      'Whose word this is',
      el('p', {}, 'Compare these with fingerprints that you had from elsewhere: from the broker’s address, its operator, the witnesses themselves. Nothing on this page can do that for you.'),
      table('The room’s name, and fingerprints: SHA-256 of each public key', ['Who', 'Which', 'Fingerprint'], shown),
      el('label', { for: 'compare' }, 'A fingerprint that you have'),
      input,
      answer,
    ),
  ];
}

function compared(text, rows) {
  const wanted = text.toLowerCase().replace(/[\s:-]/g, '');
  if (wanted === '') return '';
  if (!/^[0-9a-f]{64}$/.test(wanted)) return 'A fingerprint has 64 digits, 0 to 9 and a to f.';
  const found = rows.filter(([, , key]) => key === wanted).map(([who]) => who);
  return found.length > 0 ? `The same as here: ${found.join(', ')}.` : 'None of the above.';
}

function saving(file, result) {
  const name = ['letter', 'deposit'].includes(result.kind) ? `${result.kind}.${result.kind}` : result.room ? `${result.room.slice(0, 8)}.log` : 'transcript.log';
  return el('a', { download: name, href: URL.createObjectURL(new Blob([file])) }, 'Save the transcript as a file');
}

show();
