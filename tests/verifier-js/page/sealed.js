// What there is to see of an auction with sealed bids: how many while they are sealed, and what they were once they are opened.

import { el, instant, longTable, section } from './dom.js';
import { amount, CAUSES } from './words.js';

const bids = (count) => (count === 1 ? '1 sealed bid' : `${count} sealed bids`);

/** What the winner pays, and why that. */
export function sealedWords({ price, currency, winner, sealed, reserve, bids: counted }) {
  const sum = `${amount(price, currency)} ${currency}`;
  if (sealed.price === 'first') return `The winner pays ${sum}, the amount of the winning bid.`;
  const isReserve = reserve?.amount === price && counted.every((bid) => bid.entry === winner || bid.forfeited || bid.amount < price);
  if (isReserve) return `The winner pays ${sum}, the reserve: no bid that loses is higher.`;
  const others = counted.some((bid) => bid.entry !== winner && !bid.forfeited);
  return `The winner pays ${sum}, ${others ? 'the highest that loses' : 'the least that may be bid, for there is no other'}.`;
}

/** Facts of the terms, and how far it has come. */
export function sealedFacts({ start, sealed, reserve }, sum) {
  const { needed, of, locks, opens, opened, unopened } = sealed;
  const who = of === 1 ? 'the TSA' : needed === of ? `all ${of} TSAs` : `any ${needed} of the ${of} TSAs`;
  return [
    ['Least amount', sum(Math.max(start, 1))],
    ['Bids', `sealed; the highest wins and pays ${sealed.price === 'first' ? 'its own amount' : 'the highest that loses'}${reserve && sealed.price !== 'first' ? ', and at least the reserve' : ''}`],
    ['Can be read', 'by the broker together with ', who, ', from ', instant(opens), ' on, and by everybody once the broker opens them'],
    [of === 1 ? 'Locked by' : `Locked by, ${needed} of them needed`, locks.map((tsa) => `TSA ${tsa}`).join(', ')],
    ['Opened', opened === undefined ? unopened === 0 ? 'nothing: there is no sealed bid' : `not opened: ${bids(unopened)}` : `in entry ${opened}`],
  ];
}

/** Tables of the bids that count and of those that do not, or how many are sealed. */
export function sealedSections(sale, sum) {
  const { sealed } = sale;
  if (sealed.opened === undefined) return [section('Every bid', el('p', {}, unopenedWords(sale)))];
  return [
    section('Every bid', ...(sale.bids.length > 0 ? countedTable(sale, sum) : [el('p', {}, 'No bid counts.')])),
    ...(sealed.void.length > 0 ? [section('Void bids', ...voidTable(sealed.void))] : []),
  ];
}

function unopenedWords({ phase, sealed: { unopened } }) {
  if (unopened === 0) return 'There is no sealed bid.';
  const over = ['void', 'unopened'].includes(phase);
  const are = unopened === 1 ? 'is' : 'are';
  return `${bids(unopened)} ${are} in the log. ${over ? 'What was bid is not in it, for nothing was opened.' : 'What was bid is not known before the opening.'}`;
}

function countedTable({ bids: counted, winner }, sum) {
  const rows = counted.map(({ entry, amount: minor, time, forfeited }) => {
    const wins = entry === winner;
    const state = forfeited ? 'forfeited' : wins ? 'winning bid' : winner === undefined ? 'counts' : 'did not win';
    return {
      mark: wins ? 'wins' : forfeited ? 'gone' : undefined,
      cells: [String(entry), el('strong', {}, sum(minor)), instant(time), state],
    };
  });
  const caption = `${counted.length} opened ${counted.length === 1 ? 'bid' : 'bids'} in the order of the log; of equal ones the first is ahead`;
  return longTable(caption, ['Entry', 'Amount', 'Stamped', 'Now'], rows);
}

function voidTable(entries) {
  const rows = entries.map(({ entry, cause, says }) => ({
    cells: [String(entry), says === undefined ? CAUSES[cause] : `${CAUSES[cause]}: “${says}”`],
  }));
  return longTable('Bids that are none: nothing waits for whoever made them', ['Entry', 'Why'], rows);
}
