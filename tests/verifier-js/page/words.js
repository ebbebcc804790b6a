// What rules, codes and amounts are called in plain words.

const NO_CENTS = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' ');
const THOUSANDTHS = 'BHD IQD JOD KWD LYD OMR TND'.split(' ');

/** An amount of minor units as people write it, in ISO 4217's digits. */
export function amount(minor, currency) {
  const digits = NO_CENTS.includes(currency) ? 0 : THOUSANDTHS.includes(currency) ? 3 : 2;
  const text = String(minor).padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return digits === 0 ? whole : `${whole}.${text.slice(text.length - digits)}`;
}

const RULES = {
  'V-010': 'an action is malformed, or is not signed by the key in it',
  'V-020': 'a time stamp is not signed by a stamp key that the opening names',
  'V-021': 'a time stamp has impossible content',
  'V-022': 'a time stamp is for something else',
  'V-023': 'the time stamp that an entry names is not in the file',
  'V-024': 'the head is malformed, of another log, or not signed by the broker’s head key',
  'V-025': 'the receipt’s path does not lead to its head',
  'V-026': 'an entry is malformed, or stands at another position than it says',
  'V-029': 'a time stamp is in the file that no entry there asks for',
  'V-053': 'the log ends between the two disclosures',
  'V-060': 'the head is of another log than these entries make, or there are none',
  'V-061': 'the receipt does not show what it should',
  'V-077': 'the broker’s certificate is malformed, or of other keys than the opening’s',
  'V-245': 'what is shown as the content of the letter is none',
  'V-247': 'the letter is from another box than the one that is shown as its sender’s',
  'V-248': 'the signature under the letter does not hold',
  'V-250': 'a read receipt lies in another box than that of the letter’s sender',
  'V-252': 'what is shown is not what was sealed and deposited',
  'V-253': 'the envelope is not the one that was deposited',
  'V-254': 'what should be the opening of the sender’s box opens none',
  'V-306': 'the receipt is not that of a letter in a message box',
  'V-307': 'the keys are not shown to be those of the reader that the deposit names',
  'V-308': 'it proves nothing: the letter is deniable, so its reader could have made it, and whoever shows it too',
  'V-309': 'what is shown as the read receipt is none for this letter',
  'V-340': 'there is nothing in the timeline, or not in the order of the log',
  'V-341': 'something in the timeline is not about this letter',
  'V-342': 'something in the timeline is not signed by the owner of the box, who alone can say it',
  'V-343': 'it is not shown that the owner of the box meant this letter',
  'V-344': 'an acceptance and what was handed over for it do not stand together',
  'V-345': 'what was handed over is not the half of this letter’s key',
  'V-346': 'something is said to have happened that does not happen to such a letter, or not then',
  'V-347': 'something is said to have happened to a letter that did not wait any more',
  'V-348': 'a stamp in the timeline is too old for its place in the log',
  'V-141': 'a cosignature of a named witness does not verify, or is there twice',
  'room.other': 'an action is for another room',
  'verb.author': 'an action is by somebody who may not do this',
  'verb.kind': 'rooms of this kind know no such action',
  'verb.phase': 'an action does not belong at this point of the room',
  'stamp.stale': 'an entry’s stamp is too old for its place in the log',
  'stamp.contradiction': 'two time stamps contradict each other: the TSA or the file lies',
  'seen.false': 'an action has seen a log that this one never was',
  'seen.stale': 'an action had not seen what was old already',
  'key.reused': 'a key that is good for one action made two',
  'listing.terms': 'the terms of the listing are out of bounds',
  'listing.end': 'the listing’s end is out of bounds',
  'bid.too-low': 'a logged bid is too low',
  'bid.late': 'a logged bid is stamped at or after the end, or follows the close',
  'bid.early': 'a logged bid is stamped before bids could be made, or comes before the keys that it would be sealed to, or before the seller’s reserve',
  'bid.too-high': 'a logged bid raises the price by more than the terms allow',
  'listing.citizens': 'the listing asks for one persona of each citizen by a statement that does not hold for it',
  'listing.rule': 'the seller’s rule cannot be read, or does not always have an answer',
  'bid.rule': 'a logged bid is one that the seller’s rule does not accept',
  'unlist.bids': 'the item was taken back after a bid',
  'unlist.seller': 'the item was taken back by somebody who is not shown to be the seller',
  'bid.sealed': 'a sealed bid has not the form that all of them have',
  'sealing.wrong': 'what bids are to be sealed to is not what the TSAs of the listing state for the instant of the opening',
  'opened.wrong': 'sealed bids or a reserve were opened too early, with other secrets than theirs, or without a witness who saw the close before',
  'reserve.seller': 'a reserve was sealed or opened by somebody who is not shown to be the seller',
  'reserve.sealed': 'a reserve has not the form that everything sealed has',
  'reserve.wrong': 'what is said to open the reserve does not give what was sealed',
  'bid.currency': 'a logged bid is in another currency',
  'closed.early': 'the auction was closed before its end',
  'closed.seen': 'the close has not seen every entry before it',
  'settled.wrong': 'the winner or price that the broker names is not what the log says, or a witness’s word does not verify',
  'settled.early': 'a winner was named too soon after a close that no witness dates in time',
  'forfeit.wrong': 'the forfeited bids are not shown to be the winner’s',
  'withdraw.forbidden': 'somebody withdrew who may not',
  'disclose.twice': 'a side disclosed twice',
  'disclose.late': 'a side disclosed after the deadline',
  'disclose.pair': 'something stands between the two disclosures',
  'absent.wrong': 'somebody is said to be absent who is not shown to be',
};

export const ruleInWords = (rule) => RULES[rule] ?? 'a rule of the specification is broken';

export const PHASES = {
  open: 'The auction was still open when this was written.',
  closed: 'The auction is closed, and no winner is named yet.',
  settled: 'A winner is named; seller and winner have not both disclosed yet.',
  sold: 'Sold: seller and winner have disclosed to each other who they are.',
  unsold: 'Ended without a sale: there is no bid, or none that is left.',
  'below-reserve': 'Not sold: no bid that is left reaches the seller’s hidden reserve.',
  abandoned: 'Abandoned: the seller did not disclose in time.',
  withdrawn: 'Withdrawn.',
  void: 'Void: no quorum of witnesses saw the close before the instant from which sealed bids can be read. Nobody won, and the bids were not opened.',
  unopened: 'Ended without a sale: the broker did not open the sealed bids within a day of the instant from which it could. Nobody won.',
  unlisted: 'Not sold: the seller took it back before the first bid.',
};

export const LATE = {
  stamp: 'The close came late: the TSA’s clock was past the end and its grace before it was stamped. Either side was free to withdraw.',
  witness: 'No quorum of witnesses dates the close in time, so it counts as late. Either side was free to withdraw.',
  opened: 'What was sealed was opened more than a minute after it could be, or not at all, so the close counts as late. Either side was free to withdraw.',
  sealing: 'Nobody could bid for more than a minute after it was listed, so the close counts as late. Either side was free to withdraw.',
  settled: 'The broker took too long to name a winner, so the close counts as late. Either side was free to withdraw.',
};

/** Why a sealed bid, or a reserve, is void. */
export const CAUSES = {
  broker: 'the half that is sealed to the broker does not open',
  share: 'a share that is sealed to a TSA does not open',
  commitment: 'its two halves are not those that it was committed to',
  shares: 'its shares were not made as they must be, so that other TSAs could have read something else',
  amount: 'what is under its key is no amount',
  'too-low': 'its amount is less than the least that is asked for',
  rule: 'the seller’s rule does not accept it',
};

export const ENDS = {
  open: 'Neither side’s disclosure is in it yet, and none withdrew.',
  disclosed: 'Both sides disclosed. What they wrote is sealed and cannot be read here.',
  withdrawn: 'A side withdrew before anything was disclosed.',
  absent: 'The deadline passed, and the broker recorded who was absent.',
};

export const LETTER = {
  sender: 'The key of the sender’s box signed this letter. Its reader could open what was deposited, and it was exactly this.',
  reader: 'The key of the sender’s box signed this letter for the sealed bytes that were deposited. That they open to it is not shown.',
  hash: 'The key of the sender’s box signed a letter that was deposited. What it says is not shown.',
};

export const DEPOSIT =
  'A letter was left in this box, and this is what the log says of it. Who wrote it and what it says is not shown: of a deniable letter nothing else can be.';

/** What happened to a letter in the box of its reader, and what shows it. */
export const HAPPENED = {
  taken: ['Taken off by the box’s owner', 'signed by the key of the box, whose owner had seen this letter'],
  accepted: ['Accepted by the box’s owner', 'signed by the key of the box, whose owner had seen this letter: that is a receipt for it'],
  handed: ['Handed over by the broker', 'signed by the broker: its half of the letter’s key, to which the deposit commits'],
  declined: ['Declined by the box’s owner', 'signed by the key of the box, whose owner had seen this letter'],
  lapsed: ['Lapsed: the box’s owner said nothing in time', 'signed by the broker, at the end of the letter’s time'],
  'box-closed': ['The box was closed by its owner', 'signed by the key of the box'],
};

export const FAULTS = {
  deposit: 'Nothing opens it: its deposit does not commit to the key of this letter. That is its sender’s doing, and everybody can check it.',
  junk: 'What its sender sealed within is no letter. That is its sender’s doing, and everybody can check it.',
};

export const VERBS = {
  list: 'listed by the seller',
  reveal: 'room opened by the broker',
  bid: 'bid',
  sealing: 'keys stated by the broker, to which bids are sealed',
  'sealed-bid': 'sealed bid',
  reserve: 'reserve sealed by the seller',
  opened: 'sealed bids, or a reserve, opened by the broker',
  unseal: 'reserve opened by the seller',
  unlist: 'taken back by the seller',
  say: 'said',
  closed: 'closed by the broker',
  settled: 'winner named by the broker',
  revealed: 'both sides disclosed',
  abandoned: 'abandoned: the seller was absent',
  forfeited: 'the winner was absent: bids forfeited',
  withdrawn: 'withdrawn',
  disclose: 'sealed disclosure',
  withdraw: 'withdrawn',
  absent: 'absence recorded by the broker',
  box: 'opened by its owner',
  keys: 'keys published by the owner',
  deposit: 'letter left',
  taken: 'letters taken off by the owner',
  accepted: 'registered letter accepted by the owner',
  handed: 'registered letter handed over by the broker',
  declined: 'registered letter declined by the owner',
  lapsed: 'registered letter lapsed, recorded by the broker',
  'box-closed': 'closed by the owner',
  passes: 'room opened by the broker',
  'pass-key': 'key of a day’s passes stated by the broker',
};

/** So many seconds, as people say it. */
export function span(micros) {
  const seconds = Number(micros) / 1e6;
  if (seconds < 120) return `${seconds.toFixed(3)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} days ${Math.floor((seconds % 86_400) / 3600)} h`;
}
