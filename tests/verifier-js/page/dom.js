// Elements built by calls. Text becomes text nodes and nothing else, so nothing in a transcript can become markup.

// Longer tables are shown in full when asked for.
const ROWS = 300;

const SVG = 'http://www.w3.org/2000/svg';

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== '' && child !== false));
  return element;
}

export const el = (name, attributes = {}, ...children) => filled(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) => filled(document.createElementNS(SVG, name), attributes, children);

/** Words that somebody else chose: whichever way they are written, they turn nothing around them. */
export const said = (text) => el('bdi', { class: 'said' }, text);

/** A fingerprint in groups for the eye, copied in one piece. */
export const print = (text) =>
  el('code', { class: 'print' }, (text.match(/.{1,8}/g) ?? []).map((group) => el('span', {}, group)));

/** An instant as the log spells it. */
export const instant = (text) => el('time', { datetime: text }, `${text.slice(0, 10)} ${text.slice(11, -1)}`);

/** Facts with their names. */
export const facts = (pairs) =>
  el('dl', {}, pairs.filter(Boolean).map(([name, ...what]) => el('div', {}, el('dt', {}, name), el('dd', {}, ...what))));

/** A table whose rows become cards where there is no room; roles are said again, for cards are no table to a browser. */
export function table(caption, heads, rows, { label } = {}) {
  const cell = (content, i) =>
    i === 0
      ? el('th', { scope: 'row', role: 'rowheader', 'data-label': heads[i] }, ...[content].flat())
      : el('td', { role: 'cell', 'data-label': heads[i] }, ...[content].flat());
  return el(
    'table',
    { role: 'table', 'aria-label': label },
    el('caption', {}, caption),
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, heads.map((head) => el('th', { scope: 'col', role: 'columnheader' }, head)))),
    el('tbody', { role: 'rowgroup' }, rows.map(({ cells, mark }) => el('tr', { role: 'row', class: mark }, cells.map(cell)))),
  );
}

export const section = (name, ...content) => el('section', {}, el('h2', {}, name), ...content);

/** A table whose first rows are shown, and a button for the rest. */
export function longTable(caption, heads, rows) {
  const first = table(caption, heads, rows.slice(0, ROWS));
  if (rows.length <= ROWS) return [first];
  const more = el('button', { type: 'button' }, `Show all ${rows.length}`);
  more.addEventListener('click', () => {
    first.replaceWith(table(caption, heads, rows));
    more.remove();
  });
  return [first, more];
}
