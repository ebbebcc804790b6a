//! What the log of an auction says.

use serde::{Serialize, Serializer};

use crate::log::{Cosignature, RoomName};
use crate::room::auction::reserve::Standing;
use crate::room::auction::rule::Saying;
use crate::room::auction::sealed::envelope::Void;
use crate::room::auction::sealed::lock_tsas;
use crate::room::auction::{Late, Outcome, Phase};
use crate::room::body::{
    Amount, Body, Currency, DutchTerms, PaddleName, PriceRule, Side, StartPrice, Step, Text,
};
use crate::room::reveal::Verdict as Ending;
use crate::room::{Auction, Room, Stamped};
use crate::trust::enrolment::issuer::Issuer;
use crate::trust::key::{Fingerprint, PublicKey};
use crate::value::clock::Time;
use crate::value::codec::{Digest, is_false};

/// An auction, as its log gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuctionShown {
    /// What is offered.
    pub title: Text<80>,
    /// Currency of every amount, which are in minor units.
    pub currency: Currency,
    /// Lowest first bid.
    pub start: StartPrice,
    /// A bid exceeds the highest by at least this.
    pub increment: Amount,
    /// Other increments, by rising amounts from which on they hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// By how much a bid exceeds the highest at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_raise: Option<Amount>,
    /// For how much it could be bought at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buy_now: Option<Amount>,
    /// From when on bids counted, if not from the listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begin: Option<Time>,
    /// What the seller asked of bids besides, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How many bids of one bidder the broker was to take, if there was a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bids_each: Option<u32>,
    /// Whose personas alone were to list and bid, where one of each citizen was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citizens: Option<CitizensShown>,
    /// Fingerprint of the listing's one-time key.
    pub seller: Fingerprint,
    /// Stamp of the listing.
    pub listed: Time,
    /// The end, as late bids may have moved it.
    pub end: Time,
    /// How far it has come.
    #[serde(serialize_with = "phase")]
    pub phase: Phase,
    /// Whether the last bid bought it at once.
    #[serde(skip_serializing_if = "is_false")]
    pub bought: bool,
    /// The close, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<CloseShown>,
    /// Position of the bid that was named as the winner last, if it was not forfeited since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winner: Option<u64>,
    /// Its amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// Which side withdrew, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Side>,
    /// Where the seller who took it back says that it is offered again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<RoomName>,
    /// What there is to say where bids are sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedShown>,
    /// How the price fell, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dutch: Option<DutchTerms>,
    /// The hidden reserve, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve: Option<ReserveShown>,
    /// Every bid that counts, in the order of the log; sealed ones once they are opened.
    pub bids: Vec<BidShown>,
    /// What was forfeited, in the order of the log.
    pub forfeits: Vec<ForfeitShown>,
}

/// The bids of a sealed auction, as far as they are open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedShown {
    /// What its winner pays.
    pub price: PriceRule,
    /// How many TSAs it takes to open the bids.
    pub needed: u32,
    /// How many keep a share of each.
    pub of: u64,
    /// Fingerprints of their stamp keys, in the order of the shares.
    pub locks: Vec<Fingerprint>,
    /// From when on they can be opened.
    pub opens: Time,
    /// Position of the entry that opened them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    /// How many are still sealed.
    pub unopened: u64,
    /// Those that were opened and do not count.
    pub void: Vec<VoidShown>,
}

/// A sealed bid that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VoidShown {
    /// Its position.
    pub entry: u64,
    /// Why: `broker`, `share`, `commitment`, `shares`, `amount`, `too-low` or `rule`.
    #[serde(serialize_with = "cause")]
    pub cause: Void,
    /// What the seller's rule says to its author, if it says anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<Saying>,
}

/// A hidden reserve, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReserveShown {
    /// How far: `awaited` from the seller, `sealed`, `open`, `void` or `unopened`; the last two count as none.
    #[serde(serialize_with = "standing")]
    pub standing: Standing,
    /// How many TSAs it takes to open it.
    pub needed: u32,
    /// How many keep a share of it.
    pub of: u64,
    /// From when on it can be opened without its seller.
    pub opens: Time,
    /// Position of the entry that sealed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<u64>,
    /// Position of the entry that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    /// What it is, once it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Why it is void, if it is: `broker`, `share`, `commitment`, `shares` or `amount`.
    #[serde(serialize_with = "some_cause", skip_serializing_if = "Option::is_none")]
    pub cause: Option<Void>,
}

/// A bid that counts, with what it was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BidShown {
    /// Position.
    pub entry: u64,
    /// What was offered; where the price falls, what it pays.
    pub amount: Amount,
    /// Its stamp.
    pub time: Time,
    /// The end that it precedes: the one that held at its position.
    pub end: Time,
    /// The least amount that counted at its position.
    pub least: Amount,
    /// Whether it was forfeited since.
    pub forfeited: bool,
    /// The paddle under which it was made, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paddle: Option<PaddleName>,
}

/// The close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CloseShown {
    /// Position.
    pub entry: u64,
    /// Its stamp.
    pub time: Time,
    /// Why it was late, if it was: then either side may withdraw.
    #[serde(serialize_with = "late")]
    pub late: Option<Late>,
}

/// A `forfeited` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForfeitShown {
    /// Position.
    pub entry: u64,
    /// Positions of the bids that it takes away, rising.
    pub bids: Vec<u64>,
}

/// How an auction says that the reveal room ended that followed from one of its winners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Position of the `settled` entry that named the winner.
    pub settled: u64,
    /// Position of the entry that says how it ended.
    pub entry: u64,
    /// What it says.
    pub ending: Ending,
    /// The hash that it carries (V-145).
    pub outcome: Digest,
}

/// What the fold of an auction does not keep, noted entry by entry.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    before: Option<(Time, Option<Amount>)>,
    bids: Vec<BidShown>,
    forfeits: Vec<ForfeitShown>,
    closed: Option<(u64, Time)>,
    reserve: Option<u64>,
    opened: Option<u64>,
    winner: Option<(u64, Amount)>,
    settled: Option<u64>,
    withdrawn: Option<Side>,
    recorded: Vec<Recorded>,
    dated: Vec<Cosignature>,
}

impl Notes {
    /// An entry is about to be judged by this room.
    pub(crate) fn before(&mut self, room: Option<&Room>) {
        let auction = room.and_then(Auction::of);
        self.before = auction.map(|auction| (auction.end(), auction.least_bid()));
    }

    /// It was accepted.
    pub(crate) fn after(&mut self, entry: u64, stamped: &Stamped) {
        let time = stamped.time();
        match stamped.action().body() {
            Body::Bid(bid) => {
                let Some((end, Some(least))) = self.before else { return };
                let (amount, forfeited, paddle) = (bid.amount, false, None);
                self.bids.push(BidShown { entry, amount, time, end, least, forfeited, paddle });
            }
            Body::Closed(_) => self.closed = Some((entry, time)),
            Body::Reserve(_) => self.reserve = Some(entry),
            Body::Unseal(_) => self.opened = Some(entry),
            Body::Opened(opened) => {
                self.opened = Some(entry);
                self.dated.clone_from(&opened.cosigned);
            }
            Body::Settled(settled) => {
                self.winner = settled.winner.zip(settled.price);
                self.settled = Some(entry);
                self.dated.extend_from_slice(&settled.cosigned);
            }
            Body::Forfeited(forfeited) => {
                let others = forfeited.others.iter().map(|other| other.seq);
                let mut bids: Vec<u64> = others.chain([forfeited.winner]).collect();
                bids.sort_unstable();
                self.forfeits.push(ForfeitShown { entry, bids });
                self.winner = None;
                self.record(entry, Ending::Forfeited, forfeited.outcome);
            }
            Body::Revealed(ended) => self.record(entry, Ending::Revealed, ended.outcome),
            Body::Abandoned(ended) => self.record(entry, Ending::Abandoned, ended.outcome),
            Body::Withdrawn(withdrawn) => {
                self.withdrawn = Some(withdrawn.side);
                self.record(entry, Ending::Withdrawn(withdrawn.side), withdrawn.outcome);
            }
            _ => {}
        }
    }

    fn record(&mut self, entry: u64, ending: Ending, outcome: Digest) {
        let Some(settled) = self.settled else { return };
        self.recorded.push(Recorded { settled, entry, ending, outcome });
    }

    /// How the auction says that its reveal rooms ended, in the order of the log.
    pub(crate) fn recorded(&self) -> &[Recorded] {
        &self.recorded
    }

    /// The cosignatures that date the close (V-142).
    pub(crate) fn dated(&self) -> &[Cosignature] {
        &self.dated
    }

    fn sealed(&self, auction: &Auction) -> Option<SealedShown> {
        let terms = auction.listing().sealed.as_ref()?;
        let tsas = lock_tsas(auction.listing());
        let void = auction.voided().iter();
        let void = void.map(|void| VoidShown {
            entry: void.seq,
            cause: void.cause,
            says: void.says.clone(),
        });
        Some(SealedShown {
            price: terms.price,
            needed: terms.needed,
            of: tsas.len() as u64,
            locks: tsas.iter().map(PublicKey::fingerprint).collect(),
            opens: auction.opens()?,
            opened: self.opened,
            unopened: auction.unopened() as u64,
            void: void.collect(),
        })
    }

    fn reserve(&self, auction: &Auction) -> Option<ReserveShown> {
        let (listing, standing) = (auction.listing(), auction.reserve()?);
        let cause = match standing {
            Standing::Void(cause) => Some(cause),
            Standing::Awaited | Standing::Sealed | Standing::Open(_) | Standing::Unopened => None,
        };
        Some(ReserveShown {
            standing,
            needed: listing.reserve?,
            of: lock_tsas(listing).len() as u64,
            opens: auction.opens()?,
            sealed: self.reserve,
            opened: self.opened,
            amount: auction.known_reserve(),
            cause,
        })
    }

    pub(crate) fn shown(&self, auction: &Auction) -> AuctionShown {
        let listing = auction.listing();
        let mut bids = self.bids.clone();
        if auction.is_sealed() {
            bids = sealed_bids(auction);
        } else if auction.is_dutch() {
            bids = dutch_bids(auction);
        }
        for (bid, counted) in bids.iter_mut().zip(auction.bids()) {
            bid.forfeited = counted.forfeited;
            bid.paddle = auction.paddle_of(counted.seq).cloned();
        }
        let late = auction.late();
        AuctionShown {
            title: listing.title.clone(),
            currency: listing.currency,
            start: listing.start,
            increment: listing.increment,
            steps: listing.steps.clone(),
            max_raise: listing.max_raise,
            buy_now: listing.buy_now,
            begin: listing.begin,
            rule: listing.rule.clone(),
            bids_each: listing.bids_each,
            citizens: auction.issuer().map(CitizensShown::of),
            seller: auction.seller().fingerprint(),
            listed: auction.listed(),
            end: auction.end(),
            phase: auction.phase(),
            bought: auction.is_bought(),
            closed: self.closed.map(|(entry, time)| CloseShown { entry, time, late }),
            winner: self.winner.map(|(entry, _)| entry),
            price: self.winner.map(|(_, price)| price),
            withdrawn: self.withdrawn,
            successor: match auction.phase() {
                Phase::Ended(Outcome::Unlisted { successor }) => successor,
                _ => None,
            },
            sealed: self.sealed(auction),
            dutch: listing.dutch,
            reserve: self.reserve(auction),
            bids,
            forfeits: self.forfeits.clone(),
        }
    }
}

/// Opened bids, as those are shown that never were sealed.
fn sealed_bids(auction: &Auction) -> Vec<BidShown> {
    let (end, least) = (auction.end(), auction.listing().start.first_bid());
    let shown = auction.bids().iter().map(|bid| BidShown {
        entry: bid.seq,
        amount: bid.amount,
        time: bid.time,
        end,
        least,
        forfeited: bid.forfeited,
        paddle: None,
    });
    shown.collect()
}

/// Bids where the price falls: each pays what it had fallen to.
fn dutch_bids(auction: &Auction) -> Vec<BidShown> {
    // The first one sets the end of the others (V-183).
    let ends = std::iter::once(auction.listing().end).chain(std::iter::repeat(auction.end()));
    let shown = auction.bids().iter().zip(ends).map(|(bid, end)| BidShown {
        entry: bid.seq,
        amount: bid.amount,
        time: bid.time,
        end,
        least: bid.amount,
        forfeited: bid.forfeited,
        paddle: None,
    });
    shown.collect()
}

/// The word for how far an auction has come.
#[must_use]
pub(crate) const fn word(phase: &Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Closed => "closed",
        Phase::Settled { .. } => "settled",
        Phase::Ended(Outcome::Sold { .. }) => "sold",
        Phase::Ended(Outcome::Unsold) => "unsold",
        Phase::Ended(Outcome::BelowReserve) => "below-reserve",
        Phase::Ended(Outcome::Abandoned) => "abandoned",
        Phase::Ended(Outcome::Withdrawn(_)) => "withdrawn",
        Phase::Ended(Outcome::Unlisted { .. }) => "unlisted",
        Phase::Ended(Outcome::Void) => "void",
        Phase::Ended(Outcome::Unopened) => "unopened",
    }
}

fn phase<S: Serializer>(value: &Phase, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word(value))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn cause<S: Serializer>(value: &Void, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.as_str())
}

#[expect(clippy::ref_option, reason = "serde hands over a reference")]
fn some_cause<S: Serializer>(value: &Option<Void>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Void::as_str).serialize(serializer)
}

fn standing<S: Serializer>(value: &Standing, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.as_str())
}

#[expect(clippy::ref_option, reason = "serde hands over a reference")]
fn late<S: Serializer>(value: &Option<Late>, serializer: S) -> Result<S::Ok, S::Error> {
    value
        .map(|late| match late {
            Late::Stamp => "stamp",
            Late::Witness => "witness",
            Late::Settled => "settled",
            Late::Opened => "opened",
            Late::Sealing => "sealing",
        })
        .serialize(serializer)
}

/// The issuer of one period, whose tokens bought the personas that were to list and bid (V-220): it was stated by a key that the
/// CA of the listing certified for that. Whether those who bid had such personas only the broker saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CitizensShown {
    /// Name of its key.
    pub issuer: Digest,
    /// First instant of the period.
    pub from: Time,
    /// First instant after the period.
    pub until: Time,
    /// From then on its tokens bought nothing.
    pub spend_until: Time,
    /// Whether holders of test cards had them too.
    #[serde(skip_serializing_if = "is_false")]
    pub test: bool,
}

impl CitizensShown {
    fn of(issuer: &Issuer) -> Self {
        let Issuer { from, until, spend_until, test, .. } = *issuer;
        Self { issuer: issuer.key.id(), from, until, spend_until, test }
    }
}
