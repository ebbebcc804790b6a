// Sellers' rules (SPEC 7.10): what is one, and what it answers about a bid.

import { isWellFormed, utf8 } from './bytes.js';
import { isShown, steers } from './json.js';

const MOST_BYTES = 2048;
const MOST_OPEN = 32;
const MOST_IN_TEXT = 200;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** Variables in the order of the table, and those that sealed bids have. */
export const VARIABLES = ['amount', 'highest', 'least', 'start', 'bids', 'paddle_bids', 'elapsed', 'remaining'];
const SEALED = ['amount', 'start', 'elapsed', 'remaining'];
const KEYWORDS = ['let', 'if', 'else', 'true', 'false'];

class NoRule extends Error {}
class Errs extends Error {}

const no = () => {
  throw new NoRule();
};
const errs = (cause) => {
  throw new Errs(cause);
};

// V-170. Each word from where the last one ended; what none of them fits is no rule.
const WORD =
  /[ \n]+|\/\/([^\n]*)|(\d[\d_a-z]*)|"((?:[^"\\\n]|\\["\\])*)"|([a-z][a-z0-9_]*)|(&&|\|\||==|!=|<=|>=|[<>=!+\-*/%(){};])/uy;
const NUMBER = /^(?:0|[1-9](?:_?\d)*)$/;

function words(source) {
  const found = [];
  WORD.lastIndex = 0;
  for (let at = 0; at < source.length; at = WORD.lastIndex) {
    WORD.lastIndex = at;
    const match = WORD.exec(source) ?? no();
    const [, comment, number, text, name, mark] = match;
    if (comment !== undefined && steers(comment)) no();
    if (number !== undefined) found.push({ number: readNumber(number) });
    if (text !== undefined) found.push({ text: readText(text) });
    if (name !== undefined) found.push({ name });
    if (mark !== undefined) found.push({ mark });
  }
  return found;
}

function readNumber(digits) {
  if (!NUMBER.test(digits)) no();
  const number = BigInt(digits.replaceAll('_', ''));
  return number <= MOST ? number : no();
}

function readText(written) {
  const text = written.replace(/\\(.)/gu, '$1');
  return isShown(text, MOST_IN_TEXT) ? text : no();
}

// V-171 and V-172. Everything that is read is `{kind, of}`: a kind of value, and a function that works it out in a state.
// Names are bound to a place of their own in what the state keeps.
class Reader {
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
    if (this.#next < this.#words.length || body.kind === 'number') no();
    return body.of;
  }

  #mark(...marks) {
    const mark = this.#words[this.#next]?.mark;
    if (mark === undefined || !marks.includes(mark)) return null;
    this.#next += 1;
    return mark;
  }

  #name(...names) {
    const name = this.#words[this.#next]?.name;
    if (name === undefined || !names.includes(name)) return null;
    this.#next += 1;
    return name;
  }

  #expect = (found) => found ?? no();

  #within(read) {
    if (this.#open === MOST_OPEN) no();
    this.#open += 1;
    const inside = read();
    this.#open -= 1;
    return inside;
  }

  #body() {
    const outside = this.#names.length;
    const lets = [];
    while (this.#name('let')) {
      const name = this.#newName();
      this.#expect(this.#mark('='));
      const { kind, of } = this.#expression();
      this.#expect(this.#mark(';'));
      const place = this.#places++;
      this.#names.push({ name, kind, place });
      lets.push((state) => (state.places[place] = of(state)));
    }
    const { kind, of } = this.#expression();
    this.#names.length = outside;
    return {
      kind,
      of: (state) => {
        for (const work of lets) work(state);
        return of(state);
      },
    };
  }

  #newName() {
    const name = this.#words[this.#next]?.name ?? no();
    if (KEYWORDS.includes(name) || VARIABLES.includes(name) || this.#names.some((known) => known.name === name)) no();
    this.#next += 1;
    return name;
  }

  #expression() {
    return this.#name('if') ? this.#conditional() : this.#any();
  }

  #conditional() {
    const branches = [];
    let kind;
    const braces = () => {
      this.#expect(this.#mark('{'));
      const body = this.#within(() => this.#body());
      this.#expect(this.#mark('}'));
      kind = kind === undefined || kind === body.kind ? body.kind : [kind, body.kind].includes('number') ? no() : 'answer';
      return body.of;
    };
    do {
      const asks = demand(this.#any(), 'boolean');
      branches.push({ asks, of: braces() });
      this.#expect(this.#name('else'));
    } while (this.#name('if'));
    const last = braces();
    return { kind, of: (state) => (branches.find(({ asks }) => asks(state))?.of ?? last)(state) };
  }

  #any = () => this.#chain('||', () => this.#all(), (parts) => (state) => parts.some((part) => part(state)));
  #all = () => this.#chain('&&', () => this.#equality(), (parts) => (state) => parts.every((part) => part(state)));

  #chain(mark, read, joined) {
    const first = read();
    if (!this.#mark(mark)) return first;
    const parts = [demand(first, 'boolean')];
    do parts.push(demand(read(), 'boolean'));
    while (this.#mark(mark));
    return { kind: 'boolean', of: joined(parts) };
  }

  #equality() {
    const one = this.#order();
    const mark = this.#mark('==', '!=');
    if (!mark) return one;
    if (one.kind === 'answer') no();
    const other = demand(this.#order(), one.kind);
    const wanted = mark === '==';
    return { kind: 'boolean', of: (state) => (one.of(state) === other(state)) === wanted };
  }

  #order() {
    const first = this.#sum();
    const mark = this.#mark('<=', '>=', '<', '>');
    if (!mark) return first;
    const [one, other] = [demand(first, 'number'), demand(this.#sum(), 'number')];
    return { kind: 'boolean', of: (state) => ORDERS[mark](one(state), other(state)) };
  }

  #sum = () => this.#arithmetic(['+', '-'], () => this.#product());
  #product = () => this.#arithmetic(['*', '/', '%'], () => this.#unary());

  #arithmetic(marks, read) {
    const first = read();
    let mark = this.#mark(...marks);
    if (!mark) return first;
    const start = demand(first, 'number');
    const rest = [];
    for (; mark; mark = this.#mark(...marks)) rest.push({ apply: OPERATORS[mark], operand: demand(read(), 'number') });
    return { kind: 'number', of: (state) => rest.reduce((sum, { apply, operand }) => bounded(apply(sum, operand(state))), start(state)) };
  }

  #unary() {
    const mark = this.#mark('-', '!');
    if (!mark) return this.#operand();
    const kind = mark === '-' ? 'number' : 'boolean';
    const operand = demand(
      this.#within(() => this.#unary()),
      kind,
    );
    return { kind, of: mark === '-' ? (state) => bounded(-operand(state)) : (state) => !operand(state) };
  }

  #operand() {
    if (this.#mark('(')) {
      const inside = this.#within(() => this.#expression());
      this.#expect(this.#mark(')'));
      return inside;
    }
    const { number, text, name } = this.#words[this.#next] ?? no();
    this.#next += 1;
    if (number !== undefined) return { kind: 'number', of: () => number };
    if (text !== undefined) return { kind: 'text', of: () => text };
    if (name === 'true' || name === 'false') return { kind: 'boolean', of: () => name === 'true' };
    if (this.#variables.includes(name)) return { kind: 'number', of: ({ values }) => values[name] };
    const { kind, place } = this.#names.find((known) => known.name === name) ?? no();
    return { kind, of: ({ places }) => places[place] };
  }
}

const demand = ({ kind, of }, wanted) => (kind === wanted ? of : no());

const ORDERS = {
  '<=': (one, other) => one <= other,
  '>=': (one, other) => one >= other,
  '<': (one, other) => one < other,
  '>': (one, other) => one > other,
};

// V-173. BigInt drops the fraction, and gives a remainder the sign of what is divided.
const OPERATORS = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  '/': (one, other) => one / divisor(one, other),
  '%': (one, other) => one % divisor(one, other),
};

const bounded = (number) => (number >= LEAST && number <= MOST ? number : errs('overflow'));
const divisor = (one, other) => (other === 0n ? errs('division') : one === LEAST && other === -1n ? errs('overflow') : other);

/** A rule: a function that answers `true`, `false`, a text or `{error}` about a state, numbers by variable; or null if it is none. */
export function readRule(source, isSealed) {
  const { length } = utf8(source);
  if (!isWellFormed(source) || length === 0 || length > MOST_BYTES) return null;
  let work;
  try {
    work = new Reader(words(source), isSealed ? SEALED : VARIABLES).rule();
  } catch (error) {
    if (error instanceof NoRule) return null;
    throw error;
  }
  return (state) => {
    const values = Object.fromEntries(VARIABLES.map((name) => [name, BigInt(state[name] ?? 0)]));
    try {
      return work({ values, places: [] });
    } catch (error) {
      if (error instanceof Errs) return { error: error.message };
      throw error;
    }
  };
}
