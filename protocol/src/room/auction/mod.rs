//! The fold of an English auction (SPEC 7.3).
//!
//! Open → closed → settled → ended. A bid counts iff it precedes `closed` in the log and was
//! stamped before the end as it stood at its position. Log order decides; stamps never displace.

use std::time::Duration;

use crate::log::{Head, Origin};
use crate::room::body::{Amount, Bid, Body, Forfeited, Listing, Side};
use crate::room::kind::{Beyond, Fold};
use crate::room::{Access, Code, Ledger, Stamped, Terms};
use crate::trust::key::{OneTime, PublicKey};
use crate::trust::seal::SealPublic;
use crate::trust::witness::is_quorum_of;
use crate::value::clock::Time;

mod closing;
pub mod verbs;

pub use closing::{Closing, Late, SETTLE_WITHIN};

/// Longest auction, from the listing's stamp to its last possible end.
pub const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);
/// Most bids that one `forfeited` entry may list, so that it fits an action with the largest
/// numbers. Whoever has more bids than that forfeits the others when they are named in turn.
pub const MAX_FORFEITED: usize = 128;

/// A counted bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Position in the log.
    pub seq: u64,
    /// What was offered.
    pub amount: Amount,
    /// When it was stamped.
    pub time: Time,
    /// Its one-time key.
    pub key: PublicKey<OneTime>,
    /// Its author's HPKE key.
    pub seal: SealPublic,
    /// Whether it was forfeited.
    pub forfeited: bool,
}

/// How far an auction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Bids are accepted.
    Open,
    /// No bid counts any more; the winner is not named yet.
    Closed,
    /// A winner is named; the two are to disclose.
    Settled {
        /// Position of the winning bid.
        winner: u64,
        /// Price.
        price: Amount,
        /// Position of the `settled` entry.
        seq: u64,
        /// Stamp of the `settled` entry.
        time: Time,
    },
    /// Nothing more will happen.
    Ended(Outcome),
}

/// How an auction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Seller and winner disclosed to each other.
    Sold {
        /// Position of the winning bid.
        winner: u64,
        /// Price.
        price: Amount,
    },
    /// Nobody bid, or every bid was forfeited.
    Unsold,
    /// The seller did not disclose in time.
    Abandoned,
    /// One side withdrew, as the rules allowed.
    Withdrawn(Side),
}

/// An English auction as its log gives it.
#[derive(Debug, Clone)]
pub struct Auction {
    listing: Listing,
    seller: PublicKey<OneTime>,
    listed: Time,
    end: Time,
    phase: Phase,
    bids: Vec<Counted>,
    closing: Option<Closing>,
    /// Stamp of `closed`, or of the newest `forfeited`: since when a winner is to be named.
    unnamed_since: Time,
    late: Option<Late>,
    /// How many winners have been named.
    rounds: u32,
}

impl Fold for Auction {
    type Opening = Listing;

    fn terms(listing: &Listing) -> Terms {
        Terms {
            broker: listing.broker,
            stamps: listing.stamps.clone(),
            simulated: listing.simulated,
            witnesses: listing.witnesses.clone(),
            quorum: listing.quorum,
            freshness: Duration::from_secs(listing.freshness.into()),
            authorities: listing.authorities.clone(),
            access: Access::Public,
        }
    }

    fn open(listing: &Listing, entry: &Stamped) -> Result<Self, Code> {
        check_terms(listing, entry.time())?;
        Ok(Self {
            seller: *entry.action().key(),
            listed: entry.time(),
            end: listing.end,
            listing: listing.clone(),
            phase: Phase::Open,
            bids: Vec::new(),
            closing: None,
            unnamed_since: entry.time(),
            late: None,
            rounds: 0,
        })
    }

    fn judge_alone(listing: &Listing, entry: &Stamped) -> Result<(), Code> {
        match entry.action().body() {
            Body::Bid(bid) => judge_bid_alone(listing, bid, entry.time()),
            Body::Closed(_) if entry.time() < listing.end => Err(Code::ClosedEarly),
            Body::Say(_)
            | Body::Closed(_)
            | Body::Settled(_)
            | Body::Forfeited(_)
            | Body::Revealed(_)
            | Body::Abandoned(_)
            | Body::Withdrawn(_) => Ok(()),
            _ => Err(Code::VerbKind),
        }
    }

    fn judge(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
        match entry.action().body() {
            Body::Bid(bid) => self.judge_bid(bid, entry.time()),
            Body::Say(_) => Ok(()),
            Body::Closed(_) => self.judge_closed(ledger, entry),
            Body::Settled(settled) => self.judge_settled(settled, entry.time()),
            Body::Forfeited(forfeited) => {
                self.judge_forfeited(forfeited)?;
                self.judge_absence(entry.time())
            }
            Body::Revealed(_) => self.named().map(|_| ()),
            Body::Abandoned(_) => {
                self.named()?;
                self.judge_absence(entry.time())
            }
            Body::Withdrawn(_) => {
                self.named()?;
                if self.withdrawal() { Ok(()) } else { Err(Code::WithdrawForbidden) }
            }
            _ => Err(Code::VerbKind),
        }
    }

    fn append(&mut self, ledger: &Ledger, entry: &Stamped) {
        let seq = ledger.head().size;
        match entry.action().body() {
            Body::Bid(bid) => self.count(bid, entry, seq),
            Body::Closed(_) => {
                let limit = self.end.plus(Duration::from_secs(self.listing.grace.into()));
                // V-045. The header's own time is past the limit too, then: a header never
                // precedes its predecessor.
                self.late = (entry.batch().header().prev_time > limit).then_some(Late::Stamp);
                self.phase = Phase::Closed;
                self.unnamed_since = entry.time();
            }
            Body::Settled(settled) => {
                let cause = self.lateness(settled, entry);
                self.late = self.late.or(cause);
                self.rounds += 1;
                self.phase = match (settled.winner, settled.price) {
                    (Some(winner), Some(price)) => {
                        Phase::Settled { winner, price, seq, time: entry.time() }
                    }
                    _ => Phase::Ended(Outcome::Unsold),
                };
            }
            Body::Forfeited(forfeited) => {
                for bid in &mut self.bids {
                    bid.forfeited |= bid.seq == forfeited.winner
                        || forfeited.others.iter().any(|other| other.seq == bid.seq);
                }
                self.phase = Phase::Closed;
                self.unnamed_since = entry.time();
            }
            Body::Revealed(_) => {
                if let Phase::Settled { winner, price, .. } = self.phase {
                    self.phase = Phase::Ended(Outcome::Sold { winner, price });
                }
            }
            Body::Abandoned(_) => self.phase = Phase::Ended(Outcome::Abandoned),
            Body::Withdrawn(by) => self.phase = Phase::Ended(Outcome::Withdrawn(by.side)),
            _ => {}
        }
    }

    fn appended(&mut self, ledger: &Ledger, entry: &Stamped) {
        if matches!(entry.action().body(), Body::Closed(_)) {
            let broker = self.listing.broker.session.fingerprint();
            let origin = Origin { broker, room: ledger.name() };
            let seen = ledger.head();
            let head = Head { origin, size: seen.size, root: seen.root };
            self.closing = Some(Closing { time: entry.time(), head });
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    fn beyond_the_log(code: Code, body: &Body) -> Option<Beyond> {
        match (code, body) {
            (Code::BidOwnItem, Body::Bid(_)) => Some(Beyond::CommonAuthor),
            _ => None,
        }
    }
}

impl Auction {
    /// V-040 to V-043.
    fn judge_bid(&self, bid: &Bid, time: Time) -> Result<(), Code> {
        if self.phase != Phase::Open || time >= self.end {
            return Err(Code::BidLate);
        }
        if time < self.listed {
            return Err(Code::BidEarly);
        }
        if bid.currency != self.listing.currency {
            return Err(Code::BidCurrency);
        }
        match self.least_bid() {
            Some(least) if bid.amount >= least => Ok(()),
            Some(_) | None => Err(Code::BidTooLow),
        }
    }

    /// V-045.
    fn judge_closed(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
        if self.phase != Phase::Open {
            return Err(Code::VerbPhase);
        }
        if entry.time() < self.end {
            return Err(Code::ClosedEarly);
        }
        if entry.action().seen() == ledger.head() { Ok(()) } else { Err(Code::ClosedSeen) }
    }

    /// V-047. That the list is complete cannot be shown: only the broker knows the personas.
    fn judge_forfeited(&self, forfeited: &Forfeited) -> Result<(), Code> {
        let winner = self.named()?;
        let wrong = Code::ForfeitWrong;
        if forfeited.winner != winner.seq || forfeited.others.len() > MAX_FORFEITED {
            return Err(wrong);
        }
        let mut last = None;
        for other in &forfeited.others {
            if last.is_some_and(|last| other.seq <= last) || other.seq == winner.seq {
                return Err(wrong);
            }
            last = Some(other.seq);
            let bid = self.bid(other.seq).filter(|bid| !bid.forfeited).ok_or(wrong)?;
            other.ratio.verify(&winner.key, &bid.key).map_err(|_| wrong)?;
        }
        Ok(())
    }

    /// V-049. Nobody was absent before the time to disclose was over.
    fn judge_absence(&self, time: Time) -> Result<(), Code> {
        let within = Duration::from_secs(self.listing.disclose_within.into());
        match self.phase {
            Phase::Settled { time: settled, .. } if time > settled.plus(within) => Ok(()),
            Phase::Settled { .. } | Phase::Open | Phase::Closed | Phase::Ended(_) => {
                Err(Code::AbsentWrong)
            }
        }
    }

    fn named(&self) -> Result<&Counted, Code> {
        self.winner().ok_or(Code::VerbPhase)
    }

    /// V-044.
    fn count(&mut self, bid: &Bid, entry: &Stamped, seq: u64) {
        self.bids.push(Counted {
            seq,
            amount: bid.amount,
            time: entry.time(),
            key: *entry.action().key(),
            seal: bid.seal,
            forfeited: false,
        });
        if let Some(soft) = self.listing.soft {
            let extended = entry.time().plus(Duration::from_secs(soft.extend.into()));
            self.end = self.end.max(extended).min(soft.hard_end);
        }
    }

    /// The terms.
    #[must_use]
    pub const fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The one-time key of the listing.
    #[must_use]
    pub const fn seller(&self) -> &PublicKey<OneTime> {
        &self.seller
    }

    /// Stamp of the listing.
    #[must_use]
    pub const fn listed(&self) -> Time {
        self.listed
    }

    /// The end so far: a bid shortly before it may move it.
    #[must_use]
    pub const fn end(&self) -> Time {
        self.end
    }

    /// How far it has come.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether either side may withdraw without forfeit (V-048).
    #[must_use]
    pub const fn withdrawal(&self) -> bool {
        self.late.is_some() || self.rounds > 1
    }

    /// Every counted bid, in log order.
    #[must_use]
    pub fn bids(&self) -> &[Counted] {
        &self.bids
    }

    /// The counted bid at a position of the log.
    #[must_use]
    pub fn bid(&self, seq: u64) -> Option<&Counted> {
        let at = self.bids.binary_search_by_key(&seq, |bid| bid.seq).ok()?;
        self.bids.get(at)
    }

    /// The highest bid that is not forfeited: the last of them, since bids only rise.
    #[must_use]
    pub fn leading(&self) -> Option<&Counted> {
        self.bids.iter().rev().find(|bid| !bid.forfeited)
    }

    /// The bid named as winner, while the two are to disclose.
    #[must_use]
    pub fn winner(&self) -> Option<&Counted> {
        match self.phase {
            Phase::Settled { winner, .. } => self.bid(winner),
            Phase::Open | Phase::Closed | Phase::Ended(_) => None,
        }
    }

    /// The least amount that a bid must have now; `None` if no larger amount exists.
    #[must_use]
    pub fn least_bid(&self) -> Option<Amount> {
        match self.bids.last() {
            Some(highest) => highest.amount.raised_by(self.listing.increment),
            None => Some(self.listing.start),
        }
    }
}

/// V-040, V-042, V-043, as far as the terms alone decide: the end moves later only, and the first bid
/// has the least amount.
fn judge_bid_alone(listing: &Listing, bid: &Bid, time: Time) -> Result<(), Code> {
    let last_end = listing.soft.map_or(listing.end, |soft| soft.hard_end);
    if time >= last_end {
        return Err(Code::BidLate);
    }
    if bid.currency != listing.currency {
        return Err(Code::BidCurrency);
    }
    if bid.amount < listing.start { Err(Code::BidTooLow) } else { Ok(()) }
}

/// V-039: what a listing may say.
fn check_terms(listing: &Listing, listed: Time) -> Result<(), Code> {
    let latest = listed.plus(MAX_DURATION);
    let last_end = listing.soft.map_or(listing.end, |soft| soft.hard_end);
    if listing.end <= listed || last_end > latest {
        return Err(Code::ListingEnd);
    }
    let soft = listing.soft.is_none_or(|soft| {
        // An end moves later only, at most by a day at a time.
        soft.hard_end >= listing.end && soft.extend <= 86_400
            // Long enough for others to see a late bid and answer it within their freshness.
            && soft.extend >= listing.freshness.saturating_mul(3)
    });
    let seconds = (1..=60).contains(&listing.freshness)
        && (1..=60).contains(&listing.grace)
        // Two people need time to disclose; meanwhile the house knows who bid, so 30 days at most.
        && (10..=2_592_000).contains(&listing.disclose_within);
    // Without keys nobody could act; more than eight do not fit an opening.
    let keys =
        (1..=8).contains(&listing.stamps.len()) && (1..=8).contains(&listing.authorities.len());
    // Several TSAs to agree is for later.
    let possible = soft && seconds && keys && listing.threshold == 1;
    // V-140, and a key that nothing can be sealed to would keep witnesses from delivering.
    let possible = possible
        && is_quorum_of(listing.quorum, &listing.witnesses)
        && listing.broker.delivery.require_usable().is_ok();
    if possible { Ok(()) } else { Err(Code::ListingTerms) }
}

#[cfg(test)]
mod tests;
