//! Sealed auctions: nobody reads a bid before the auction is over (SPEC 7.9).
//!
//! Closed → opened → settled. Bids are opened at an instant after the close must have been public, so that whoever holds
//! half of every key cannot look while an accomplice's bid could still be logged.

use std::time::Duration;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Auction, Counted, Late, Outcome, Phase};
use crate::log::RoomName;
use crate::room::body::{Amount, Listing, Settled};
use crate::room::{Code, Ledger, Stamped};
use crate::trust::key::{OneTime, PublicKey};
use crate::trust::seal::SealKey;
use crate::trust::timelock::{self, TimeLock};
use crate::value::clock::Time;
use crate::value::label;

pub mod envelope;
pub mod verbs;

use envelope::{Recipients, SEALED_AMOUNT, SEALED_HALF, Secrets, Void};
use verbs::{Opened, PriceRule, SealedBid, SealedTerms, Sealing};

/// How long after its instant an opening may be stamped without being late.
pub const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// How long after its instant an auction that was not opened ends without a winner.
pub const UNOPENED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The instant, in whole seconds since 1970, from which on the bids of a sealed auction with these terms can be opened: a second
/// after a close that is not late must have been public.
#[must_use]
pub fn opens_at(listing: &Listing) -> u64 {
    let grace = Duration::from_secs(listing.grace.into());
    let shut = listing.end.plus(grace * 2).as_micros();
    shut.div_ceil(1_000_000).saturating_add(1)
}

/// A bid that does not count, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voided {
    /// Its position.
    pub seq: u64,
    /// Why.
    pub cause: Void,
}

/// A bid that was not opened yet.
#[derive(Debug, Clone)]
struct Unopened {
    seq: u64,
    time: Time,
    key: PublicKey<OneTime>,
    bid: SealedBid,
}

/// What a sealed auction has besides what every auction has.
#[derive(Debug, Clone)]
pub(super) struct Sealable {
    terms: SealedTerms,
    /// When the bids can be opened.
    at: u64,
    recipients: Option<Recipients>,
    unopened: Vec<Unopened>,
    voided: Vec<Voided>,
    is_opened: bool,
}

impl Sealable {
    pub(super) fn new(listing: &Listing, terms: SealedTerms) -> Self {
        Self {
            terms,
            at: opens_at(listing),
            recipients: None,
            unopened: Vec::new(),
            voided: Vec::new(),
            is_opened: false,
        }
    }

    fn instant(&self) -> Time {
        // Beyond the calendar, where no listing ends, nothing opens.
        timelock::instant(self.at).unwrap_or(Time::MAX)
    }

    /// V-164: whether these are keys of those whom this listing names, for this instant.
    fn recipients(&self, listing: &Listing, sealing: &Sealing) -> Option<Recipients> {
        let stated = |(compact, tsa): (&String, &_)| {
            let lock = TimeLock::open(compact, std::slice::from_ref(tsa)).ok()?;
            let fits = lock.at == self.at && lock.simulated == listing.simulated;
            fits.then_some(lock.key)
        };
        if sealing.locks.len() != listing.stamps.len() {
            return None;
        }
        let locks = sealing.locks.iter().zip(&listing.stamps).map(stated);
        Some(Recipients {
            broker: sealing.key,
            locks: locks.collect::<Option<_>>()?,
            needed: usize::try_from(self.terms.needed).ok()?,
        })
    }

    /// V-166: the secrets of an opening, if they are those of the recipients.
    fn secrets(&self, opened: &Opened) -> Option<Secrets> {
        let recipients = self.recipients.as_ref()?;
        let broker = SealKey::from_random(opened.key.0);
        let rise = opened.locks.is_sorted_by(|one, two| one.tsa < two.tsa);
        if broker.public() != recipients.broker || !rise || opened.locks.len() != recipients.needed
        {
            return None;
        }
        let secret = |lock: &verbs::ReleasedLock| {
            let at = usize::try_from(lock.tsa).ok()?;
            let secret = SealKey::from_random(lock.secret.0);
            (recipients.locks.get(at)? == &secret.public()).then_some((at, secret))
        };
        let locks = opened.locks.iter().map(secret).collect::<Option<_>>()?;
        Some(Secrets { broker, locks })
    }

    /// Opens every bid, in the order of the log: those that count, and those that do not.
    fn open(&mut self, room: RoomName, least: Amount, opened: &Opened) -> Vec<Counted> {
        let mut counted = Vec::new();
        let Some((secrets, recipients)) = self.secrets(opened).zip(self.recipients.as_ref()) else {
            return counted;
        };
        for Unopened { seq, time, key, bid } in std::mem::take(&mut self.unopened) {
            let amount = envelope::open_bid(&secrets, recipients, (room, &key), &bid);
            let amount = amount
                .and_then(|amount| if amount < least { Err(Void::TooLow) } else { Ok(amount) });
            match amount {
                Ok(amount) => {
                    let (seal, forfeited) = (bid.seal, false);
                    counted.push(Counted { seq, amount, time, key, seal, forfeited });
                }
                Err(cause) => self.voided.push(Voided { seq, cause }),
            }
        }
        self.is_opened = true;
        counted
    }
}

/// V-164: what a listing of a sealed auction may say. Where nobody sees the bids there is nothing to raise, buy or extend.
pub(super) fn is_possible(listing: &Listing, terms: SealedTerms) -> bool {
    let stamps = &listing.stamps;
    let differ =
        stamps.iter().enumerate().all(|(at, key)| !stamps.iter().take(at).any(|k| k == key));
    let needed = usize::try_from(terms.needed).is_ok_and(|t| (1..=stamps.len()).contains(&t));
    let raises_nothing = listing.steps.is_empty()
        && listing.max_raise.is_none()
        && listing.buy_now.is_none()
        && listing.increment.minor() == 1;
    let in_calendar = timelock::instant(opens_at(listing)).is_some();
    // Without a witness nobody could say that the close was public before bids can be read.
    in_calendar
        && differ
        && needed
        && raises_nothing
        && listing.soft.is_none()
        && listing.quorum > 0
}

/// V-165: whether a bid has the form that every bid of such an auction has.
pub(super) fn has_the_form(listing: &Listing, bid: &SealedBid) -> bool {
    let is_half = |sealed: &crate::trust::seal::Sealed| sealed.as_bytes().len() == SEALED_HALF;
    is_half(&bid.broker)
        && bid.shares.len() == listing.stamps.len()
        && bid.shares.iter().all(is_half)
        && bid.amount.as_bytes().len() == SEALED_AMOUNT
}

impl Auction {
    /// V-164.
    pub(super) fn judge_sealing(&self, sealing: &Sealing) -> Result<(), Code> {
        let sealed = self.sealed.as_ref().ok_or(Code::VerbKind)?;
        if self.phase != Phase::Open || sealed.recipients.is_some() {
            return Err(Code::VerbPhase);
        }
        let usable = sealing.key.require_usable().is_ok();
        let fits = sealed.recipients(&self.listing, sealing).filter(|_| usable);
        fits.map(|_| ()).ok_or(Code::SealingWrong)
    }

    pub(super) fn append_sealing(&mut self, sealing: &Sealing) {
        if let Some(sealed) = &mut self.sealed {
            sealed.recipients = sealed.recipients(&self.listing, sealing);
        }
    }

    /// V-040, V-041, V-165.
    pub(super) fn judge_sealed_bid(&self, bid: &SealedBid, time: Time) -> Result<(), Code> {
        let sealed = self.sealed.as_ref().ok_or(Code::VerbKind)?;
        self.judge_instant(time)?;
        if sealed.recipients.is_none() {
            return Err(Code::BidEarly);
        }
        if has_the_form(&self.listing, bid) { Ok(()) } else { Err(Code::BidSealed) }
    }

    pub(super) fn count_sealed(&mut self, bid: &SealedBid, entry: &Stamped, seq: u64) {
        self.taken_back = None;
        if let Some(sealed) = &mut self.sealed {
            let (time, key) = (entry.time(), *entry.action().key());
            sealed.unopened.push(Unopened { seq, time, key, bid: bid.clone() });
        }
    }

    /// V-166.
    pub(super) fn judge_opened(&self, opened: &Opened, time: Time) -> Result<(), Code> {
        let sealed = self.sealed.as_ref().ok_or(Code::VerbKind)?;
        if self.phase != Phase::Closed || sealed.unopened.is_empty() {
            return Err(Code::VerbPhase);
        }
        // A broker that could read bids before the close was public may have added one.
        let shut = self.dates_the_close(&opened.cosigned) && opened.cosigned.time < sealed.at;
        // After that the bids are given up, and a broker has no choice between both.
        let given_up = time >= sealed.instant().plus(UNOPENED_AFTER);
        let in_time = time >= sealed.instant() && !given_up;
        let fits = shut && in_time && sealed.secrets(opened).is_some();
        if fits { Ok(()) } else { Err(Code::OpenedWrong) }
    }

    pub(super) fn append_opened(&mut self, ledger: &Ledger, opened: &Opened, entry: &Stamped) {
        let least = self.listing.start.first_bid();
        let Some(sealed) = &mut self.sealed else { return };
        self.bids = sealed.open(ledger.name(), least, opened);
        let limit = sealed.instant().plus(OPEN_WITHIN);
        // As with `closed`, time without a TSA is nobody's delay.
        let late = entry.batch().header().prev_time > limit;
        let undated = !self.is_in_time(Some(&opened.cosigned));
        self.late = self.late.or(undated.then_some(Late::Witness));
        self.late = self.late.or(late.then_some(Late::Opened));
        self.unnamed_since = entry.time();
    }

    /// V-167: how an auction ends whose bids are not open, if it may end now.
    ///
    /// # Errors
    /// [`Code::SettledEarly`] while they can still be opened, [`Code::SettledWrong`] for a winner among them.
    pub(super) fn judge_unopened(&self, settled: &Settled, time: Time) -> Result<Outcome, Code> {
        let sealed = self.sealed.as_ref().ok_or(Code::SettledWrong)?;
        let dates = |cosigned| self.dates_the_close(cosigned);
        let holds = settled.cosigned.as_ref().is_none_or(dates);
        if settled.winner.is_some() || settled.price.is_some() || !holds {
            return Err(Code::SettledWrong);
        }
        let shut = settled.cosigned.is_some_and(|cosigned| cosigned.time < sealed.at);
        let instant = sealed.instant();
        if !shut && time >= instant {
            return Ok(Outcome::Void);
        }
        if time >= instant.plus(UNOPENED_AFTER) {
            return Ok(Outcome::Unopened);
        }
        Err(Code::SettledEarly)
    }

    /// Whether there are bids that were not opened.
    #[must_use]
    pub fn has_unopened(&self) -> bool {
        self.unopened() > 0
    }

    /// When the bids can be opened; `None` if the auction is not a sealed one.
    #[must_use]
    pub fn opens(&self) -> Option<Time> {
        self.sealed.as_deref().map(Sealable::instant)
    }

    /// Whom bids are sealed to, once the broker has said.
    #[must_use]
    pub fn recipients(&self) -> Option<&Recipients> {
        self.sealed.as_ref()?.recipients.as_ref()
    }

    /// Whether the sealed bids were opened.
    #[must_use]
    pub fn is_opened(&self) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| sealed.is_opened)
    }

    /// The bids that were opened and do not count, in log order.
    #[must_use]
    pub fn voided(&self) -> &[Voided] {
        self.sealed.as_ref().map_or(&[], |sealed| &sealed.voided)
    }

    /// How many bids nobody can read yet.
    #[must_use]
    pub fn unopened(&self) -> usize {
        self.sealed.as_ref().map_or(0, |sealed| sealed.unopened.len())
    }

    /// How many bids there are, those that nobody can read yet included.
    #[must_use]
    pub fn bid_count(&self) -> usize {
        self.bids.len() + self.unopened()
    }

    /// Whether a bid is at this position: readable or not, void or not.
    #[must_use]
    pub fn has_bid(&self, seq: u64) -> bool {
        let sealed = |sealed: &Sealable| {
            sealed.unopened.binary_search_by_key(&seq, |bid| bid.seq).is_ok()
                || sealed.voided.iter().any(|void| void.seq == seq)
        };
        self.bid(seq).is_some() || self.sealed.as_deref().is_some_and(sealed)
    }

    /// V-168: what a bid pays if it wins.
    #[must_use]
    pub fn price_of(&self, winner: &Counted) -> Amount {
        match self.listing.sealed.map(|terms| terms.price) {
            None | Some(PriceRule::First) => winner.amount,
            Some(PriceRule::Second) => {
                let others = self.bids.iter().filter(|bid| !bid.forfeited && bid.seq != winner.seq);
                let highest = others.map(|bid| bid.amount).max();
                highest.unwrap_or_else(|| self.listing.start.first_bid())
            }
        }
    }

    /// V-168: the highest of the opened bids that are not forfeited; of equal ones the first in the log.
    pub(super) fn highest_opened(&self) -> Option<&Counted> {
        let left = self.bids.iter().filter(|bid| !bid.forfeited);
        // Of several that are equal the last is taken, so the other way round.
        left.rev().max_by_key(|bid| bid.amount)
    }

    /// Whether bids are sealed here.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }
}

/// A broker's key for one room, from the secret that it keeps for all of them.
///
/// # Panics
/// Never: HKDF gives 32 bytes of anything.
#[must_use]
pub fn broker_key(secret: &[u8; 32], room: RoomName) -> SealKey {
    let mut key = Zeroizing::new([0; 32]);
    let info = [label::SEALING.as_bytes(), &room.0].concat();
    let expanded = Hkdf::<Sha256>::new(None, secret).expand(&info, &mut *key);
    expanded.expect("32 bytes are fewer than HKDF can give");
    SealKey::from_random(*key)
}

#[cfg(test)]
mod tests;
