//! Sealed auctions: nobody reads a bid before the auction is over (SPEC 7.9).
//!
//! Closed → opened → settled. Bids are opened at an instant after the close must have been public, so that whoever holds
//! half of every key cannot look while an accomplice's bid could still be logged.

use std::time::Duration;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::reserve::Hidden;
use super::rule::{Answer, Rule, Saying, State};
use super::{Auction, Counted, Late, MAX_STAMPS, Outcome, Phase};
use crate::log::RoomName;
use crate::room::body::{Amount, Listing, Settled};
use crate::room::{Code, Ledger, Stamped};
use crate::trust::key::{OneTime, PublicKey, StampKey};
use crate::trust::seal::SealKey;
use crate::trust::timelock::{self, TimeLock};
use crate::value::clock::Time;
use crate::value::label;

pub mod envelope;
pub mod verbs;

use envelope::{Recipients, Secrets, Void};
use verbs::{Opened, PriceRule, SealedBid, Sealing};

/// How long after its instant an opening may be stamped without being late.
pub const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// How long after the listing `sealing` may be stamped without the close being late: until then nobody can bid.
pub const SEAL_WITHIN: Duration = Duration::from_secs(60);
/// How long after its instant an auction that was not opened ends without a winner.
pub const UNOPENED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The instant, in whole seconds since 1970, from which on what is sealed in an auction with these terms can be opened: a second
/// after a close that is not late must have been public.
#[must_use]
pub fn opens_at(listing: &Listing) -> u64 {
    let grace = Duration::from_secs(listing.grace.into());
    let shut = listing.last_end().plus(grace * 2).as_micros();
    shut.div_ceil(1_000_000).saturating_add(1)
}

/// The TSAs that lock what is sealed by a listing, in the order of their shares (V-164, V-210); none where nothing is.
#[must_use]
pub fn lock_tsas(listing: &Listing) -> &[PublicKey<StampKey>] {
    match &listing.sealed {
        Some(terms) if !terms.locks.is_empty() => &terms.locks,
        Some(_) => &listing.stamps,
        None if listing.reserve.is_some() => &listing.stamps,
        None => &[],
    }
}

/// A bid that does not count, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voided {
    /// Its position.
    pub seq: u64,
    /// Why.
    pub cause: Void,
    /// What the seller's rule says to its author, where that is why.
    pub says: Option<Saying>,
}

/// What an opened bid has to meet.
struct Asks<'a> {
    listing: &'a Listing,
    rule: Option<&'a Rule>,
    listed: Time,
}

impl Asks<'_> {
    /// V-165, V-176.
    fn judge(&self, amount: Amount, time: Time) -> Result<Amount, (Void, Option<Saying>)> {
        if amount < self.listing.start.first_bid() {
            return Err((Void::TooLow, None));
        }
        let state = State::alone(self.listing, amount, (self.listed, time, self.listing.end));
        match self.rule.map(|rule| rule.ask(&state)) {
            None | Some(Answer::Accepts) => Ok(amount),
            Some(Answer::Refuses | Answer::Errs(_)) => Err((Void::Rule, None)),
            Some(Answer::Says(saying)) => Err((Void::Rule, Some(saying))),
        }
    }
}

/// A bid that was not opened yet.
#[derive(Debug, Clone)]
struct Unopened {
    seq: u64,
    time: Time,
    key: PublicKey<OneTime>,
    bid: SealedBid,
}

/// What an auction has in which something is sealed, besides what every auction has.
#[derive(Debug, Clone)]
pub(super) struct Sealable {
    /// How many TSAs open it.
    needed: u32,
    /// When it can be opened.
    at: u64,
    recipients: Option<Recipients>,
    unopened: Vec<Unopened>,
    voided: Vec<Voided>,
    is_opened: bool,
}

impl Sealable {
    pub(super) fn new(listing: &Listing, needed: u32) -> Self {
        Self {
            needed,
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
        let tsas = lock_tsas(listing);
        if sealing.locks.len() != tsas.len() {
            return None;
        }
        let locks = sealing.locks.iter().zip(tsas).map(stated);
        let locks: Vec<_> = locks.collect::<Option<_>>()?;
        // Under one key for two parts, one secret would open what two are needed for.
        if !differ(&locks) || locks.contains(&sealing.key) {
            return None;
        }
        let needed = usize::try_from(self.needed).ok()?;
        Some(Recipients { broker: sealing.key, locks, needed })
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

    /// Opens every bid, in the order of the log, those that count and those that do not, and the reserve.
    fn open(
        &mut self,
        room: RoomName,
        asks: &Asks<'_>,
        opened: &Opened,
        hidden: Option<&mut Hidden>,
    ) -> Vec<Counted> {
        let mut counted = Vec::new();
        let Some((secrets, recipients)) = self.secrets(opened).zip(self.recipients.as_ref()) else {
            return counted;
        };
        if let Some(hidden) = hidden {
            hidden.open(room, recipients, &secrets);
        }
        for Unopened { seq, time, key, bid } in std::mem::take(&mut self.unopened) {
            let amount = envelope::open_bid(&secrets, recipients, (room, &key), &bid);
            let amount = amount.map_err(|cause| (cause, None));
            match amount.and_then(|amount| asks.judge(amount, time)) {
                Ok(amount) => {
                    let (seal, forfeited) = (bid.seal, false);
                    counted.push(Counted { seq, amount, time, key, seal, forfeited });
                }
                Err((cause, says)) => self.voided.push(Voided { seq, cause, says }),
            }
        }
        self.is_opened = true;
        counted
    }
}

fn differ<T: PartialEq>(of: &[T]) -> bool {
    of.iter().enumerate().all(|(at, one)| !of.iter().take(at).any(|other| other == one))
}

/// V-164, V-210, V-231: what a listing may say where something is sealed.
pub(super) fn is_possible(listing: &Listing, needed: u32) -> bool {
    let tsas = lock_tsas(listing);
    let needed = usize::try_from(needed).is_ok_and(|t| (1..=tsas.len()).contains(&t));
    // What `stamps` says already is said once: an encoding with freedom tells who wrote it.
    let apart = listing.sealed.as_ref().is_none_or(|terms| terms.locks != listing.stamps);
    let in_calendar = timelock::instant(opens_at(listing)).is_some();
    // Without a witness nobody could say that the close was public before it can be read.
    in_calendar && tsas.len() <= MAX_STAMPS && differ(tsas) && apart && needed && listing.quorum > 0
}

/// V-165: whether a bid has the form that every bid of such an auction has.
pub(super) fn has_the_form(listing: &Listing, bid: &SealedBid) -> bool {
    bid.parts().fits(lock_tsas(listing).len())
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

    pub(super) fn append_sealing(&mut self, sealing: &Sealing, entry: &Stamped) {
        // A broker that decides when bidding begins decides who can bid. Time without a TSA is nobody's delay.
        let late = entry.batch().header().prev_time > self.listed.plus(SEAL_WITHIN);
        self.late = self.late.or(late.then_some(Late::Sealing));
        if let Some(sealed) = &mut self.sealed {
            sealed.recipients = sealed.recipients(&self.listing, sealing);
        }
    }

    /// V-040, V-041, V-165.
    pub(super) fn judge_sealed_bid(&self, bid: &SealedBid, time: Time) -> Result<(), Code> {
        if !self.is_sealed() {
            return Err(Code::VerbKind);
        }
        self.judge_instant(time)?;
        if self.recipients().is_none() {
            return Err(Code::BidEarly);
        }
        if has_the_form(&self.listing, bid) { Ok(()) } else { Err(Code::BidSealed) }
    }

    pub(super) fn count_sealed(&mut self, bid: &SealedBid, entry: &Stamped, seq: u64) {
        self.taken_back = None;
        self.paddles.count(bid.paddle.as_ref(), seq);
        if let Some(sealed) = &mut self.sealed {
            let (time, key) = (entry.time(), *entry.action().key());
            sealed.unopened.push(Unopened { seq, time, key, bid: bid.clone() });
        }
    }

    /// V-166, V-212.
    pub(super) fn judge_opened(&self, opened: &Opened, time: Time) -> Result<(), Code> {
        let sealed = self.sealed.as_ref().ok_or(Code::VerbKind)?;
        let awaited = self.phase == Phase::Closed && self.has_unopened();
        if !awaited && !self.awaits_reserve() {
            return Err(Code::VerbPhase);
        }
        let shut = if self.is_sealed() {
            // A broker that could read bids before the close was public may have added one.
            let dated = self.date_the_close(&opened.cosigned);
            dated && self.dated_by(&opened.cosigned).is_some_and(|by| by < sealed.at)
        } else {
            // Where bids are open, `settled` dates the close, and one that is not dated in time is late.
            opened.cosigned.is_empty()
        };
        // After that the bids are given up, and a broker has no choice between both.
        let given_up = time >= sealed.instant().plus(UNOPENED_AFTER);
        let in_time = time >= sealed.instant() && !given_up;
        let fits = shut && in_time && sealed.secrets(opened).is_some();
        if fits { Ok(()) } else { Err(Code::OpenedWrong) }
    }

    pub(super) fn append_opened(&mut self, ledger: &Ledger, opened: &Opened, entry: &Stamped) {
        let (listing, rule, listed) = (&self.listing, self.rule.as_deref(), self.listed);
        let Some(sealed) = &mut self.sealed else { return };
        let asks = Asks { listing, rule, listed };
        let bids = sealed.open(ledger.name(), &asks, opened, self.reserve.as_deref_mut());
        if self.is_sealed() {
            self.bids = bids;
            let undated = !self.is_in_time(&opened.cosigned);
            self.late = self.late.or(undated.then_some(Late::Witness));
        }
        self.note_opening(entry);
    }

    /// V-167: how an auction ends whose bids are not open, if it may end now.
    ///
    /// # Errors
    /// [`Code::SettledEarly`] while they can still be opened, [`Code::SettledWrong`] for a winner among them.
    pub(super) fn judge_unopened(&self, settled: &Settled, time: Time) -> Result<Outcome, Code> {
        let sealed = self.sealed.as_ref().ok_or(Code::SettledWrong)?;
        let holds = settled.cosigned.is_empty() || self.date_the_close(&settled.cosigned);
        if settled.winner.is_some() || settled.price.is_some() || !holds {
            return Err(Code::SettledWrong);
        }
        let shut = self.dated_by(&settled.cosigned).is_some_and(|by| by < sealed.at);
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

    /// When what is sealed can be opened; `None` if nothing is.
    #[must_use]
    pub fn opens(&self) -> Option<Time> {
        self.sealed.as_deref().map(Sealable::instant)
    }

    /// To whom bids or a reserve are sealed, once the broker has said.
    #[must_use]
    pub fn recipients(&self) -> Option<&Recipients> {
        self.sealed.as_ref()?.recipients.as_ref()
    }

    /// Whether the broker is to say what bids, or a reserve, are sealed to.
    #[must_use]
    pub fn awaits_sealing(&self) -> bool {
        self.sealed.is_some() && self.recipients().is_none()
    }

    /// Whether what is sealed was opened, but by its seller.
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

    /// The position and key of each bid that nobody can read yet.
    pub(super) fn unopened_keys(&self) -> impl Iterator<Item = (u64, PublicKey<OneTime>)> {
        let sealed = self.sealed.iter().flat_map(|sealed| &sealed.unopened);
        sealed.map(|bid| (bid.seq, bid.key))
    }

    /// The key of a bid that nobody can read yet.
    pub(super) fn unopened_key(&self, seq: u64) -> Option<PublicKey<OneTime>> {
        let unopened = &self.sealed.as_ref()?.unopened;
        let at = unopened.binary_search_by_key(&seq, |bid| bid.seq).ok()?;
        unopened.get(at).map(|bid| bid.key)
    }

    /// V-168: what a bid pays if it wins.
    #[must_use]
    pub fn price_of(&self, winner: &Counted) -> Amount {
        match self.listing.sealed.as_ref().map(|terms| terms.price) {
            None | Some(PriceRule::First) => winner.amount,
            Some(PriceRule::Second) => {
                let others = self.bids.iter().filter(|bid| !bid.forfeited && bid.seq != winner.seq);
                let highest = others.map(|bid| bid.amount).max();
                let price = highest.unwrap_or_else(|| self.listing.start.first_bid());
                // Whoever bids at least the reserve pays at least that.
                self.known_reserve().map_or(price, |reserve| price.max(reserve))
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
    pub const fn is_sealed(&self) -> bool {
        self.listing.sealed.is_some()
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
