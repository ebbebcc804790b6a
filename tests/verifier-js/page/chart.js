// The price over time: a line that rises with each bid, drawn for the width there is.

import { priceAt } from '../src/dutch.js';
import { svg } from './dom.js';
import { amount } from './words.js';

const HEIGHT = 280;
const EDGE = { top: 16, right: 16, bottom: 44 };
// Of more bids than this only the line is drawn, and what is special.
const MOST_MARKS = 400;
// About what a character of a label takes.
const LETTER = 7.5;

/** A few round values from `low` to `high`. */
function ticks(low, high, count) {
  const rough = Math.max(1, (high - low) / count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}

const clock = (micros, withDay) => {
  const text = new Date(Number(micros / 1000n)).toISOString();
  return withDay ? text.slice(5, 16).replace('T', ' ') : text.slice(11, 19);
};

/** Draws an auction's bids between its listing and its close, `width` pixels wide. */
export function chart({ fold, lastTime, currency, width }) {
  const { bids, listed, closed, winner, terms } = fold;
  const from = Number(listed);
  const until = Number(closed ? closed.time : lastTime > fold.end ? lastTime : fold.end);
  const highest = bids.at(-1)?.amount ?? terms.start;
  const lowest = terms.dutch ? terms.dutch.floor : highest;
  const [low, high] = [Math.min(terms.start, lowest), Math.max(highest, terms.start + terms.increment)];
  const values = ticks(low, high, 4);
  const left = 12 + LETTER * Math.max(...values.map((value) => amount(value, currency).length), 4);
  const x = (time) => left + ((Number(time) - from) / Math.max(1, until - from)) * (width - left - EDGE.right);
  const y = (value) => HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.bottom - EDGE.top);

  const line = bids.reduce((path, bid) => `${path} H${x(bid.time).toFixed(1)} V${y(bid.amount).toFixed(1)}`, '');
  const fallen = terms.dutch && fallingLine({ fold, until: BigInt(until), x, y, width });
  const first = bids[0] ? `M${x(bids[0].time).toFixed(1)} ${y(bids[0].amount).toFixed(1)}` : '';
  const withDay = until - from > 20 * 3600e6;
  const times = [listed, BigInt(Math.round((from + until) / 2)), BigInt(until)].filter((_, i) => i !== 1 || width > 480);

  const drawing = svg(
    'svg',
    { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img', 'aria-labelledby': 'chart-name chart-text', class: 'chart' },
    svg('title', { id: 'chart-name' }, 'Price over time'),
    svg('desc', { id: 'chart-text' }, describe(bids, currency)),
    values.map((value) => [
      svg('line', { class: 'grid', x1: left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
      svg('text', { class: 'label', x: left - 8, y: y(value) + 4, 'text-anchor': 'end' }, amount(value, currency)),
    ]),
    times.map((time, i) => [
      svg('line', { class: 'tick', x1: x(time), x2: x(time), y1: HEIGHT - EDGE.bottom, y2: HEIGHT - EDGE.bottom + 6 }),
      svg(
        'text',
        { class: 'label', x: x(time), y: HEIGHT - EDGE.bottom + 22, 'text-anchor': i === 0 ? 'start' : i === times.length - 1 ? 'end' : 'middle' },
        clock(time, withDay),
      ),
    ]),
    svg('line', { class: 'axis', x1: left, x2: width - EDGE.right, y1: HEIGHT - EDGE.bottom, y2: HEIGHT - EDGE.bottom }),
    svg('line', { class: 'end', x1: x(fold.end), x2: x(fold.end), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }),
    fallen && svg('path', { class: 'price', d: fallen }),
    !fallen && bids.length > 0 && svg('path', { class: 'price', d: `${first}${line} H${x(until).toFixed(1)}` }),
    bids.filter((bid) => bids.length <= MOST_MARKS || bid === winner || bid.forfeited).map((bid) => mark(bid, bid === winner, x(bid.time), y(bid.amount))),
  );
  return drawing;
}

// A price that falls, as far as the first bid, as steps no closer than a pixel.
function fallingLine({ fold: { bids, falling, listed, terms }, until, x, y, width }) {
  const last = bids[0]?.time ?? until;
  const step = (last - listed) / BigInt(Math.ceil(width)) || 1n;
  let path = `M${x(listed).toFixed(1)} ${y(terms.start).toFixed(1)}`;
  for (let time = listed; time <= last; time += step) {
    path += ` H${x(time).toFixed(1)} V${y(priceAt(terms, falling.since, time)).toFixed(1)}`;
  }
  return `${path} H${x(last).toFixed(1)}`;
}

// A bid that counts is a disc, one that was forfeited a cross, the winner's a disc in a ring: shapes, so that colour is not needed.
function mark(bid, wins, x, y) {
  const [cx, cy] = [x.toFixed(1), y.toFixed(1)];
  if (bid.forfeited) return svg('path', { class: 'forfeited', d: `M${x - 5} ${y - 5}l10 10m0 -10l-10 10` });
  return svg('g', {}, svg('circle', { class: 'bid', cx, cy, r: 3.5 }), wins && svg('circle', { class: 'ring', cx, cy, r: 8 }));
}

function describe(bids, currency) {
  if (bids.length === 0) return 'There are no bids.';
  const [first, last] = [bids[0], bids.at(-1)];
  return `${bids.length} bids, from ${amount(first.amount, currency)} to ${amount(last.amount, currency)} ${currency}. The table below has each of them.`;
}
