// Hidden reserves (SPEC 7.13): a price below which the item is not sold, sealed before any bid, and what it is once it is open.

import { refuseUnless } from './broken.js';
import { isRatio } from './ed25519.js';
import { contextOf, isWellFormed, openBid, RESERVE, unseal } from './sealed.js';
import { lockTsas } from './terms.js';

/** V-211: the form of a reserve, which the terms alone decide. */
export const requireReserveForm = (body, terms) => refuseUnless(isWellFormed(body, lockTsas(terms).length), 'reserve.sealed');

export class Reserve {
  /** `awaited`, `sealed`, `open`, `void` or `unopened`. */
  standing = 'awaited';
  /** The positions of `reserve`, and of what opened it. */
  sealed = undefined;
  opened = undefined;
  amount = undefined;
  cause = undefined;
  #terms;
  #seller;
  #body;
  #context;

  constructor(terms, seller) {
    this.#terms = terms;
    this.#seller = seller;
  }

  /** V-211, V-213: the author is shown to be the seller. */
  #requireSeller({ body, key }) {
    refuseUnless(isRatio(this.#seller, body.ratio, key), 'reserve.seller');
  }

  /** V-211. */
  take(action, seq) {
    refuseUnless(this.standing === 'awaited', 'verb.phase');
    this.#requireSeller(action);
    requireReserveForm(action.body, this.#terms);
    this.standing = 'sealed';
    this.sealed = seq;
    this.#body = action.body;
    this.#context = contextOf(action.room, action.key, RESERVE);
  }

  /** V-212: with the secrets to which everything is sealed; `to` is `{broker, locks, needed}`. */
  open({ key, locks: secrets }, seq, to) {
    const { amount, cause } = openBid(this.#body, { ...to, key, secrets, context: this.#context, label: RESERVE });
    this.standing = cause === undefined ? 'open' : 'void';
    Object.assign(this, { amount, cause, opened: seq });
  }

  /** V-213: by its seller. */
  unseal(action, seq, to) {
    this.#requireSeller(action);
    const halves = [action.body.first, action.body.second];
    const amount = unseal(this.#body, halves, { ...to, context: this.#context, label: RESERVE });
    refuseUnless(amount !== null, 'reserve.wrong');
    this.standing = 'open';
    Object.assign(this, { amount, opened: seq });
  }

  /** V-214: nobody opened it in time. */
  giveUp() {
    this.standing = 'unopened';
  }

  /** V-215: whether a bid of this amount reaches it, as far as it is known. */
  isReachedBy = (amount) => this.amount === undefined || amount >= this.amount;
}
