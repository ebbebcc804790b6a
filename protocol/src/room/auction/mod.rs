//! The fold of an auction (SPEC 7.3): an English one, one with sealed bids (SPEC 7.9), or a Dutch one (SPEC 7.11); with a hidden
//! reserve (SPEC 7.13) or without.
//!
//! Open → closed → settled → ended. A bid counts iff it precedes `closed` in the log and was
//! stamped before the end as it stood at its position. Log order decides and stamps never displace, but where the price falls.

use std::sync::Arc;
use std::time::Duration;

use crate::log::{Head, Origin, RoomName};
use crate::room::body::{Amount, Bid, Body, Forfeited, Listing, Side, Unlist};
use crate::room::kind::{Authored, Beyond, Fold};
use crate::room::{Access, Code, Ledger, Stamped, Terms};
use crate::trust::enrolment::issuer::Issuer;
use crate::trust::key::{OneTime, PublicKey};
use crate::trust::seal::SealPublic;
use crate::value::clock::Time;
use dutch::Falling;
use paddle::Paddles;
use paddle::verbs::{Paddle, PaddleName};
use reserve::Hidden;
use rule::{Answer, Rule, State};
use sealed::Sealable;
use terms::Checked;

pub mod citizen;
mod closing;
pub mod dutch;
pub mod paddle;
pub mod reserve;
pub mod rule;
pub mod sealed;
mod terms;
pub mod verbs;

pub use closing::{Closing, Late, SETTLE_WITHIN};
pub use terms::{MAX_STAMPS, MAX_STEPS};

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
    /// What was offered; in a Dutch auction the price at its stamp.
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
    /// Nobody bid, or every bid was forfeited or void.
    Unsold,
    /// No bid that is left reaches the seller's reserve.
    BelowReserve,
    /// The seller did not disclose in time.
    Abandoned,
    /// One side withdrew, as the rules allowed.
    Withdrawn(Side),
    /// The seller took the item back before anybody had bid.
    Unlisted {
        /// The room where the seller says that it is offered again.
        successor: Option<RoomName>,
    },
    /// No witness dates the close before the sealed bids could be read: none counts.
    Void,
    /// The sealed bids were not opened in time: none counts.
    Unopened,
}

/// That the seller takes an item back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBack {
    /// Stamp of that entry.
    pub time: Time,
    /// The room where the seller says that it is offered again.
    pub successor: Option<RoomName>,
}

/// An auction as its log gives it.
#[derive(Debug, Clone)]
pub struct Auction {
    listing: Listing,
    /// What the seller asks of bids besides.
    rule: Option<Arc<Rule>>,
    /// Whose tokens buy the personas that list and bid; any if none.
    issuer: Option<Arc<Issuer>>,
    seller: PublicKey<OneTime>,
    listed: Time,
    end: Time,
    /// The price at which it can be bought at once, as long as it can.
    buy_now: Option<Amount>,
    /// The last bid bought it.
    is_bought: bool,
    /// The seller takes it back, unless a bid still counts.
    taken_back: Option<TakenBack>,
    phase: Phase,
    bids: Vec<Counted>,
    closing: Option<Closing>,
    /// What there is where bids or a reserve are sealed.
    sealed: Option<Box<Sealable>>,
    /// The hidden reserve, if the listing has one.
    reserve: Option<Box<Hidden>>,
    /// What there is where the price falls.
    dutch: Option<Box<Falling>>,
    paddles: Paddles,
    /// Stamp of `closed` or `opened`, or of the newest `forfeited`: since when a winner is to be named.
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
            locks: sealed::lock_tsas(listing).to_vec(),
            simulated: listing.simulated,
            witnesses: listing.witnesses.clone(),
            quorum: listing.quorum,
            freshness: Duration::from_secs(listing.freshness.into()),
            authorities: listing.authorities.clone(),
            access: Access::Public,
        }
    }

    fn open(listing: &Listing, entry: &Stamped) -> Result<Self, Code> {
        let Checked { rule, issuer } = terms::check(listing, entry.time())?;
        Ok(Self {
            rule: rule.map(Arc::new),
            issuer: issuer.map(Arc::new),
            seller: *entry.action().key(),
            listed: entry.time(),
            end: listing.end,
            buy_now: listing.buy_now,
            is_bought: false,
            taken_back: None,
            listing: listing.clone(),
            phase: Phase::Open,
            bids: Vec::new(),
            closing: None,
            sealed: listing.needed().map(|needed| Box::new(Sealable::new(listing, needed))),
            reserve: listing.reserve.map(|_| Box::new(Hidden::awaited())),
            dutch: listing.dutch.map(|_| {
                let since = listing.begin.map_or(entry.time(), |begin| begin.max(entry.time()));
                Box::new(Falling::new(since))
            }),
            paddles: Paddles::default(),
            unnamed_since: entry.time(),
            late: None,
            rounds: 0,
        })
    }

    fn judge_alone(listing: &Listing, entry: &Stamped) -> Result<(), Code> {
        match entry.action().body() {
            Body::Bid(bid) if listing.sealed.is_none() => {
                terms::judge_bid_alone(listing, bid, entry.time())
            }
            Body::SealedBid(bid) if listing.sealed.is_some() => {
                terms::judge_sealed_bid_alone(listing, bid, entry.time())
            }
            Body::Sealing(_) | Body::Opened(_) if listing.needed().is_some() => Ok(()),
            Body::Reserve(reserve) if listing.reserve.is_some() => {
                let fits = reserve.parts().fits(sealed::lock_tsas(listing).len());
                if fits { Ok(()) } else { Err(Code::ReserveSealed) }
            }
            Body::Unseal(_) if listing.reserve.is_some() && listing.sealed.is_none() => Ok(()),
            // Without bids the end does not move.
            Body::Unlist(_) if entry.time() >= listing.end => Err(Code::VerbPhase),
            // What is bought or taken back ends before.
            Body::Say(_)
            | Body::Unlist(_)
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
            Body::Bid(bid) if !self.is_sealed() => {
                self.judge_bid(bid, entry.time())?;
                self.judge_paddle_and_rule(entry, bid.paddle.as_ref(), Some(bid.amount))
            }
            Body::SealedBid(bid) => {
                self.judge_sealed_bid(bid, entry.time())?;
                self.judge_paddle_and_rule(entry, bid.paddle.as_ref(), None)
            }
            Body::Sealing(sealing) => self.judge_sealing(sealing),
            Body::Opened(opened) => self.judge_opened(opened, entry.time()),
            Body::Reserve(reserve) => self.judge_reserve(reserve, entry),
            Body::Unseal(unseal) => self.judge_unseal(ledger, unseal, entry),
            Body::Say(_) => Ok(()),
            Body::Unlist(unlist) => self.judge_unlist(unlist, entry),
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
            Body::SealedBid(bid) => self.count_sealed(bid, entry, seq),
            Body::Sealing(sealing) => self.append_sealing(sealing, entry),
            Body::Opened(opened) => self.append_opened(ledger, opened, entry),
            Body::Reserve(reserve) => self.append_reserve(reserve, entry),
            Body::Unseal(unseal) => self.append_unseal(ledger, unseal, entry),
            Body::Unlist(unlist) => {
                let (time, successor) = (entry.time(), unlist.successor);
                self.taken_back = Some(TakenBack { time, successor });
            }
            Body::Closed(_) => {
                self.taken_back = self.taken_back.filter(|_| self.is_taken_back(entry.time()));
                let limit = self.closed_by();
                // V-045. The header's own time is past the limit too, then: a header never
                // precedes its predecessor.
                let late = entry.batch().header().prev_time > limit;
                self.late = self.late.or(late.then_some(Late::Stamp));
                self.phase = Phase::Closed;
                self.unnamed_since = entry.time();
            }
            Body::Settled(settled) if self.has_unopened() => {
                // It was judged: one of the two holds.
                let ended = self.judge_unopened(settled, entry.time());
                self.phase = Phase::Ended(ended.unwrap_or(Outcome::Void));
            }
            Body::Settled(settled) => {
                let cause = self.lateness(settled, entry);
                self.late = self.late.or(cause);
                self.give_reserve_up();
                self.rounds += 1;
                self.phase = match (settled.winner, settled.price) {
                    (Some(winner), Some(price)) => {
                        Phase::Settled { winner, price, seq, time: entry.time() }
                    }
                    _ => Phase::Ended(match self.taken_back {
                        Some(TakenBack { successor, .. }) => Outcome::Unlisted { successor },
                        None if self.leading().is_some() => Outcome::BelowReserve,
                        None => Outcome::Unsold,
                    }),
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

    fn beyond_the_log(&self, code: Code, body: &Body) -> Option<Beyond> {
        let (Body::Bid(_) | Body::SealedBid(_)) = body else { return None };
        match code {
            Code::BidOwnItem => Some(Beyond::SameAuthor(Authored::Opening)),
            // V-222: who was in the session the broker knows, and the bidder.
            Code::DoorCitizen => self.issuer.as_ref().map(|_| Beyond::Word),
            Code::BidLimit => {
                let bids = usize::try_from(self.listing.bids_each?).ok()?;
                Some(Beyond::SameAuthor(Authored::Entries(bids)))
            }
            _ => None,
        }
    }

    fn author_of(&self, seq: u64) -> Option<PublicKey<OneTime>> {
        self.bid_key(seq)
    }
}

impl Auction {
    /// V-040 to V-043, V-159, V-160; in a Dutch auction V-182.
    fn judge_bid(&self, bid: &Bid, time: Time) -> Result<(), Code> {
        self.judge_instant(time)?;
        if bid.currency != self.listing.currency {
            return Err(Code::BidCurrency);
        }
        if self.is_dutch() {
            return self.judge_falling(bid, time);
        }
        if self.least_bid().is_none_or(|least| bid.amount < least) {
            return Err(Code::BidTooLow);
        }
        match self.most_bid() {
            Some(most) if bid.amount > most && self.buy_now != Some(bid.amount) => {
                Err(Code::BidTooHigh)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// V-200, V-201 and, of an open bid, V-175.
    fn judge_paddle_and_rule(
        &self,
        entry: &Stamped,
        paddle: Option<&Paddle>,
        amount: Option<Amount>,
    ) -> Result<(), Code> {
        self.judge_paddle(paddle, entry.action().key())?;
        let name = paddle.map(|paddle| &paddle.name);
        match amount.and_then(|amount| self.answer(amount, entry.time(), name)) {
            None | Some(Answer::Accepts) => Ok(()),
            Some(Answer::Refuses | Answer::Says(_) | Answer::Errs(_)) => Err(Code::BidRule),
        }
    }

    /// V-175: what the seller's rule says to a bid of this amount and stamp, under this paddle or none, if there is one and
    /// bids are not sealed.
    #[must_use]
    pub fn answer(
        &self,
        amount: Amount,
        time: Time,
        paddle: Option<&PaddleName>,
    ) -> Option<Answer> {
        let rule = self.rule.as_ref().filter(|_| !self.is_sealed())?;
        Some(rule.ask(&self.state(amount, time, paddle)))
    }

    /// What a rule is asked about: a bid of this amount and stamp, under this paddle or none, after those that count.
    #[must_use]
    pub fn state(&self, amount: Amount, time: Time, paddle: Option<&PaddleName>) -> State {
        let number = |amount: Option<Amount>| rule::number(amount.map_or(0, Amount::minor));
        let count = |bids: usize| i64::try_from(bids).unwrap_or(i64::MAX);
        State {
            highest: number(self.bids.last().map(|highest| highest.amount)),
            least: number(self.least_bid()),
            bids: count(self.bids.len()),
            paddle_bids: count(paddle.map_or(0, |paddle| self.under(paddle).len())),
            ..State::alone(&self.listing, amount, (self.listed, time, self.end))
        }
    }

    /// What the seller asks of bids besides.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.rule.as_deref()
    }

    /// V-040, V-041, V-211.
    fn judge_instant(&self, time: Time) -> Result<(), Code> {
        let is_over = self.is_bought || time >= self.end || self.is_taken_back(time);
        if self.phase != Phase::Open || is_over {
            return Err(Code::BidLate);
        }
        let early = time < self.begin() || self.lacks_reserve();
        if early { Err(Code::BidEarly) } else { Ok(()) }
    }

    /// V-161.
    fn judge_unlist(&self, unlist: &Unlist, entry: &Stamped) -> Result<(), Code> {
        let time = entry.time();
        // A second one would give a broker that lets the first lapse another chance.
        if self.phase != Phase::Open || time >= self.end || self.taken_back.is_some() {
            return Err(Code::VerbPhase);
        }
        if self.bid_count() > 0 {
            return Err(Code::UnlistBids);
        }
        let key = entry.action().key();
        unlist.ratio.verify(&self.seller, key).map_err(|_| Code::UnlistSeller)
    }

    /// V-161: whether a bid of that stamp is too late because the item is taken back, and a `closed` of it closes
    /// that. An earlier bid is in time, and with a later stamp nothing was closed when it had to be.
    #[must_use]
    pub fn is_taken_back(&self, time: Time) -> bool {
        let listing = &self.listing;
        let holds = Duration::from_secs(listing.freshness.saturating_add(listing.grace).into());
        self.taken_back.is_some_and(|back| time >= back.time && time <= back.time.plus(holds))
    }

    /// From when on `closed` may be stamped, by what that stamp is: the end; or F after the item is taken back, so that bids
    /// stamped before can still arrive.
    #[must_use]
    pub fn closes_from(&self, time: Time) -> Time {
        let freshness = Duration::from_secs(self.listing.freshness.into());
        match self.taken_back {
            Some(back) if self.is_taken_back(time) => back.time.plus(freshness).min(self.end),
            Some(_) | None => self.end,
        }
    }

    /// That the seller takes the item back, as long as no bid has voided it.
    #[must_use]
    pub const fn taken_back(&self) -> Option<TakenBack> {
        self.taken_back
    }

    /// V-045.
    fn judge_closed(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
        if self.phase != Phase::Open {
            return Err(Code::VerbPhase);
        }
        if entry.time() < self.closes_from(entry.time()) {
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

    /// V-045: when `closed` has to be stamped, by its header's `prev_time`. What was bought may have been
    /// stamped F before it was logged.
    fn closed_by(&self) -> Time {
        let handed_in = if self.is_bought { self.listing.freshness } else { 0 };
        let seconds = self.listing.grace.saturating_add(handed_in);
        let grace = Duration::from_secs(seconds.into());
        match self.taken_back {
            Some(back) => self.closes_from(back.time).plus(grace),
            None => self.end.plus(grace),
        }
    }

    /// V-044, V-160.
    fn count(&mut self, bid: &Bid, entry: &Stamped, seq: u64) {
        self.taken_back = None;
        self.paddles.count(bid.paddle.as_ref(), seq);
        if self.is_dutch() {
            return self.count_falling(bid, entry, seq);
        }
        self.bids.push(Counted {
            seq,
            amount: bid.amount,
            time: entry.time(),
            key: *entry.action().key(),
            seal: bid.seal,
            forfeited: false,
        });
        if let Some(price) = self.buy_now {
            if bid.amount >= price {
                self.is_bought = true;
                self.end = entry.time();
                return;
            }
            // Somebody is ready to compete for it.
            if bid.amount.minor().saturating_mul(2) >= price.minor() {
                self.buy_now = None;
            }
        }
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

    /// The end so far: a bid shortly before it may move it, and in a Dutch auction the first one.
    #[must_use]
    pub const fn end(&self) -> Time {
        self.end
    }

    /// From when on bids count (V-041).
    #[must_use]
    pub fn begin(&self) -> Time {
        self.listing.begin.map_or(self.listed, |begin| begin.max(self.listed))
    }

    /// The price at which it can be bought at once, as long as it can (V-160).
    #[must_use]
    pub fn buy_now(&self) -> Option<Amount> {
        self.buy_now.filter(|_| self.phase == Phase::Open && !self.is_bought)
    }

    /// Whether somebody bought it at that price.
    #[must_use]
    pub const fn is_bought(&self) -> bool {
        self.is_bought
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

    /// Every counted bid, in log order; sealed ones once they are opened.
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

    /// The position and one-time key of every bid that can still win, in log order; sealed ones too.
    pub fn bid_keys(&self) -> impl Iterator<Item = (u64, PublicKey<OneTime>)> {
        let open = self.bids.iter().map(|bid| (bid.seq, bid.key));
        open.chain(self.unopened_keys())
    }

    /// The one-time key of the bid at this position, which may be sealed still.
    #[must_use]
    pub fn bid_key(&self, seq: u64) -> Option<PublicKey<OneTime>> {
        self.bid(seq).map(|bid| bid.key).or_else(|| self.unopened_key(seq))
    }

    /// The bid that wins if no other comes: of those that are not forfeited the highest, which is the last, since bids only rise
    /// where they are not sealed; in a Dutch auction the earliest. Nobody leads in place of who bought it: it ended before others
    /// could bid (V-160).
    #[must_use]
    pub fn leading(&self) -> Option<&Counted> {
        if self.is_sealed() {
            return self.highest_opened();
        }
        if self.is_dutch() {
            return self.earliest();
        }
        if self.is_bought {
            return self.bids.last().filter(|bid| !bid.forfeited);
        }
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

    /// The least amount that a bid must have now; `None` if no larger amount exists. In a Dutch auction the least ever:
    /// [`Auction::price_at`] says what one costs when.
    #[must_use]
    pub fn least_bid(&self) -> Option<Amount> {
        match self.bids.last().filter(|_| !self.is_sealed() && !self.is_dutch()) {
            Some(highest) => highest.amount.raised_by(self.listing.increment_above(highest.amount)),
            None => Some(self.listing.lowest()),
        }
    }

    /// The largest amount that a bid may have now, but for the price at which it can be bought (V-159); `None`
    /// if there is no limit.
    #[must_use]
    pub fn most_bid(&self) -> Option<Amount> {
        let start = self.listing.start.minor();
        let base = self.bids.last().map_or(start, |highest| highest.amount.minor());
        // Beyond the largest amount there is none, and no limit is needed.
        let most = base.checked_add(self.listing.max_raise?.minor())?;
        Amount::try_from(most).ok()
    }
}

#[cfg(test)]
mod tests;
