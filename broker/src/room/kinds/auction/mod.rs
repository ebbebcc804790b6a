//! Auctions: close, settle, open the reveal room and invite the two, record the outcome
//! (SPEC 7.3 and 8).

mod bidders;
mod door;
#[cfg(test)]
mod door_tests;
#[cfg(test)]
mod dutch_tests;
#[cfg(test)]
mod reserve_tests;
mod sealed;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::{Cosignature, Head, RoomName};
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::auction::{Auction, Counted, MAX_FORFEITED, Phase};
use pregao_protocol::room::body::{
    Amount, Body, Closed, Ended, Forfeited, ForfeitedBid, ReleasedLock, Reveal, SameAuthor,
    Settled, Withdrawn,
};
use pregao_protocol::room::reveal::{Conclusion, RevealRoom, Verdict};
use pregao_protocol::room::{Code, Kind, Room};
use pregao_protocol::trust::persona::{BlindContext, Ratio};
use pregao_protocol::trust::timelock::OpenedLock;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use tokio::time::Instant;

use super::{Follower, Objection, Policy, RoomView, Step};
use crate::check::{Author, Checked};
use crate::links::AuthorLink;
use crate::metrics::Metrics;
use crate::room::opening;
use crate::store::StoreError;
use bidders::Bidders;
use sealed::gather::Gathering;

/// How long after the time in which a witness is to date the close an answer is still waited for: it is
/// dated up to a whole second later, and travels.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// How long the witnesses have, at least, after the broker asked them: one that cosigned before the broker
/// stopped gives the same date again.
const ASKED_WITHIN: Duration = Duration::from_secs(5);

/// What the broker knows of one auction besides its log.
#[derive(Debug, Default)]
pub(crate) struct AuctionPolicy {
    reveal: Option<RevealOpened>,
    /// The earliest date of each witness on the close.
    dated: Vec<Cosignature>,
    /// Since when this process has waited for one.
    asked: Option<Instant>,
    /// Stamp of an `unlist` that was not closed in time.
    lapsed: Option<Time>,
    /// What the TSAs state that sealed bids are locked by.
    statements: Gathering<String>,
    /// The secrets that they have given.
    secrets: Gathering<OpenedLock>,
    /// Who made which bids, where the listing bounds them.
    bidders: Bidders,
}

/// The reveal room of the newest `settled` entry that has one.
#[derive(Debug, Clone, Copy)]
struct RevealOpened {
    /// Position of that entry.
    settled: u64,
    room: RoomName,
    /// Whether both sides were told of it.
    invited: bool,
    /// How it ended.
    end: Option<Conclusion>,
}

impl Policy for AuctionPolicy {
    type Fold = Auction;

    fn due(&self, auction: &Auction) -> Option<Time> {
        match auction.phase() {
            Phase::Open if auction.awaits_sealing() => Some(Time::default()),
            // What the seller takes back is closed before the end, unless that has lapsed.
            Phase::Open => Some(match auction.taken_back() {
                Some(back) if self.lapsed != Some(back.time) => auction.closes_from(back.time),
                Some(_) | None => auction.end(),
            }),
            Phase::Closed if auction.has_unopened() => self.sealed_due(auction),
            Phase::Closed if auction.awaits_reserve() => auction.opens(),
            Phase::Closed => {
                let after = |limit: Time| limit.plus(Duration::from_micros(1));
                Some(self.settles_after(auction).map_or_else(Time::default, after))
            }
            Phase::Settled { seq, .. } => {
                let reveal = self.reveal.filter(|reveal| reveal.settled == seq);
                let waits = reveal.is_some_and(|reveal| reveal.invited && reveal.end.is_none());
                (!waits).then(Time::default)
            }
            Phase::Ended(_) => None,
        }
    }

    async fn step(&mut self, auction: &Auction, view: RoomView<'_>, now: Time) -> Step {
        if auction.phase() != Phase::Open {
            // Nobody bids any more.
            self.bidders = Bidders::default();
        }
        match auction.phase() {
            Phase::Open if now >= auction.closes_from(now) => {
                let (refused, root) = (view.refused.size(), view.refused.root());
                Step::Append(Body::Closed(Closed { refused, root }).into())
            }
            Phase::Open if auction.awaits_sealing() => self.state_keys(auction, view),
            Phase::Open => {
                let back = auction.taken_back().map(|back| back.time);
                self.lapsed = back.filter(|back| now > *back && !auction.is_taken_back(now));
                Step::Idle
            }
            Phase::Ended(_) => Step::Idle,
            Phase::Closed if auction.has_unopened() => self.open_bids(auction, view, now),
            Phase::Closed if auction.waits_for_reserve().is_some_and(|limit| now < limit) => {
                self.open_reserve(auction, view, now)
            }
            Phase::Closed => self.settle(auction, now),
            Phase::Settled { seq, .. } => {
                let Some(winner) = auction.winner() else { return Step::Idle };
                self.settled(auction, seq, winner, view).await
            }
        }
    }

    fn admit(
        &self,
        auction: &Auction,
        view: RoomView<'_>,
        checked: &Checked,
        now: Time,
    ) -> Result<(), Objection> {
        if let Some(same) = own_item(view, checked) {
            return Err(Objection { same_author: vec![same], ..Code::BidOwnItem.into() });
        }
        door::may_bid(auction, view, checked, now)?;
        match auction.listing().bids_each {
            Some(most) => self.bidders.too_many(view, checked, most),
            None => Ok(()),
        }
    }

    fn counts_authors(auction: &Auction) -> bool {
        auction.listing().bids_each.is_some() && auction.phase() == Phase::Open
    }

    fn authored(&mut self, body: &Body, seq: u64, link: &AuthorLink) {
        if matches!(body, Body::Bid(_) | Body::SealedBid(_)) {
            self.bidders.note(seq, link.clone());
        }
    }

    fn recount(&mut self, auction: &Auction, links: Vec<AuthorLink>) {
        self.bidders = Bidders::of(auction, links);
    }

    /// Half the grace, so that `closed` itself is not late.
    fn after_received(auction: &Auction, body: &Body) -> Option<Duration> {
        let grace = Duration::from_secs(auction.listing().grace.into());
        matches!(body, Body::Closed(_)).then_some(grace / 2)
    }

    fn to_be_dated(auction: &Auction) -> Option<Head> {
        let waits = auction.phase() == Phase::Closed && auction.awaits_witness();
        auction.closing().filter(|_| waits).map(|closing| closing.head)
    }

    fn dated(&mut self, auction: &Auction, cosigned: Cosignature) {
        let named = auction.listing().witnesses.iter().any(|named| named.key == cosigned.witness);
        let holds = Self::to_be_dated(auction).is_some_and(|head| cosigned.verify(&head).is_ok());
        // The fold refuses a `settled` with another one (V-142).
        if !named || !holds {
            return;
        }
        match self.dated.iter_mut().find(|dated| dated.witness == cosigned.witness) {
            Some(dated) if dated.time <= cosigned.time => {}
            Some(dated) => *dated = cosigned,
            None => self.dated.push(cosigned),
        }
    }

    fn released(&self, auction: &Auction) -> Option<Vec<ReleasedLock>> {
        self.released_meanwhile(auction)
    }

    fn count(body: &Body, metrics: &Metrics) {
        metrics.closed.add(matches!(body, Body::Closed(_)).into());
        metrics.revealed.add(matches!(body, Body::Revealed(_)).into());
    }

    fn ended(&mut self, _auction: &Auction, seq: u64, follower: &Room) {
        let name = follower.ledger().name();
        let reveal = self.reveal.as_mut();
        let reveal = reveal.filter(|reveal| reveal.settled == seq && reveal.room == name);
        if let (Some(reveal), Some(follower)) = (reveal, RevealRoom::of(follower)) {
            reveal.end = follower.conclusion();
        }
    }

    async fn resume(
        &mut self,
        auction: &Auction,
        view: RoomView<'_>,
        followers: &[Follower],
    ) -> Result<(), StoreError> {
        Self::warn_of_lost_key(auction, view);
        let reveals = followers.iter().filter(|follower| follower.kind == Kind::Reveal);
        let Some(newest) = reveals.max_by_key(|reveal| reveal.seq) else { return Ok(()) };
        let (settled, room) = (newest.seq, newest.name);
        let invited = match auction.winner() {
            Some(winner) => invite(auction, winner, view, room).await,
            None => false,
        };
        self.reveal = Some(RevealOpened { settled, room, invited, end: None });
        Ok(())
    }
}

impl AuctionPolicy {
    /// The instant after which a winner is named without a date in time; `None` if there is nothing to
    /// wait for.
    fn settles_after(&self, auction: &Auction) -> Option<Time> {
        let waits = auction.awaits_witness() && !auction.is_in_time(&self.dated);
        auction.public_by().filter(|_| waits).map(|limit| limit.plus(ON_ITS_WAY))
    }

    /// What witnesses said of the close, in the order of the listing (V-142).
    fn dates(&self, auction: &Auction) -> Vec<Cosignature> {
        let of = |key| self.dated.iter().find(|dated| dated.witness == key).copied();
        auction.listing().witnesses.iter().filter_map(|named| of(named.key)).collect()
    }

    /// Names the winner: with the dates of a quorum as soon as they are there and in time, or else once none can
    /// come any more (V-143).
    fn settle(&mut self, auction: &Auction, now: Time) -> Step {
        if let Some(limit) = self.settles_after(auction)
            && let Some(step) = self.waits_for_witness(now, limit)
        {
            return step;
        }
        let named = auction.to_be_named();
        let winner = named.map(|bid| bid.seq);
        let price = named.map(|bid| auction.price_of(bid));
        let cosigned = if auction.awaits_witness() { self.dates(auction) } else { Vec::new() };
        Step::Append(Body::Settled(Settled { winner, price, cosigned }).into())
    }

    /// A winner is named: the two are brought together, and what comes of it is recorded.
    async fn settled(
        &mut self,
        auction: &Auction,
        seq: u64,
        winner: &Counted,
        view: RoomView<'_>,
    ) -> Step {
        let Some(mut reveal) = self.reveal.filter(|reveal| reveal.settled == seq) else {
            return self.open_reveal(auction, winner, view).await;
        };
        if !reveal.invited {
            reveal.invited = invite(auction, winner, view, reveal.room).await;
            self.reveal = Some(reveal);
        }
        match reveal.end {
            Some(end) => record(auction, winner, view, end).await,
            None if reveal.invited => Step::Idle,
            None => Step::Failed,
        }
    }

    /// Opens the private room of seller and winner and invites both.
    async fn open_reveal(
        &mut self,
        auction: &Auction,
        winner: &Counted,
        view: RoomView<'_>,
    ) -> Step {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, "a reveal room could not be opened; tried again");
            Step::Failed
        };
        let (settled, opening) = match reveal_opening(auction, winner, view).await {
            Ok(Some(opening)) => opening,
            Ok(None) => return Step::Idle,
            Err(error) => return failed(&error),
        };
        let body = Body::Reveal(opening);
        let draft = Draft { id: view.shared.fresh_uuid(), room: None, body, seen: Seen::nothing() };
        let opened = match view.shared.sign_and_stamp(&draft).await {
            Ok(stamped) => opening::open(view.shared, Arc::clone(view.rooms), &stamped).await,
            Err(code) => Err(code),
        };
        let room = match opened {
            Ok(room) => room,
            Err(code) => return failed(&code),
        };
        let invited = invite(auction, winner, view, room).await;
        self.reveal = Some(RevealOpened { settled, room, invited, end: None });
        if invited { Step::Idle } else { Step::Failed }
    }
}

/// Invites both sides to the reveal room: without it they would stay away unknowingly. False if
/// they could not be.
async fn invite(auction: &Auction, winner: &Counted, view: RoomView<'_>, room: RoomName) -> bool {
    let keys = [*auction.seller(), winner.key];
    let invited = view.shared.invite(view.name(), room, keys).await.inspect_err(|error| {
        tracing::warn!(%error, "seller and winner could not be invited; tried again");
    });
    invited.is_ok()
}

/// What a reveal room of the newest settlement begins with, and where that is logged.
async fn reveal_opening(
    auction: &Auction,
    winner: &Counted,
    view: RoomView<'_>,
) -> Result<Option<(u64, Reveal)>, StoreError> {
    let Phase::Settled { seq, time, .. } = auction.phase() else { return Ok(None) };
    // That of the settlement: opened late, the room may have grown since.
    let root = view.shared.reader.root(view.name(), seq.saturating_add(1)).await?;
    let listing = auction.listing();
    let within = std::time::Duration::from_secs(listing.disclose_within.into());
    let nonce = view.shared.host.random()?;
    // A reveal room opened late, after an outage, still gives the two their full time.
    let Ok(newest) = view.shared.stamps.newest() else { return Ok(None) };
    let now = newest.now();
    let reveal = Reveal {
        nonce: Digest(nonce),
        auction: view.name(),
        settled: seq,
        root,
        seller: *auction.seller(),
        winner: winner.key,
        seller_seal: listing.seal,
        winner_seal: winner.seal,
        deadline: time.max(now).plus(within),
        withdrawal: auction.withdrawal(),
        freshness: listing.freshness,
        broker: listing.broker,
        stamps: listing.stamps.clone(),
        simulated: listing.simulated,
    };
    Ok(Some((seq, reveal)))
}

/// What the end of the reveal means for the auction.
async fn record(auction: &Auction, winner: &Counted, view: RoomView<'_>, end: Conclusion) -> Step {
    let outcome = end.outcome;
    // Before it is recorded: afterwards the links may be erased. Twice is as good as once.
    if let Err(error) = door::bar_absent(auction, winner, view, end.verdict).await {
        tracing::warn!(%error, "who stayed away from a reveal could not be barred; tried again");
        return Step::Failed;
    }
    let body = match end.verdict {
        Verdict::Revealed => Body::Revealed(Ended { outcome }),
        Verdict::Withdrawn(side) => Body::Withdrawn(Withdrawn { side, outcome }),
        Verdict::Abandoned => Body::Abandoned(Ended { outcome }),
        Verdict::Forfeited => match forfeit(auction, winner, view, outcome).await {
            Some(forfeited) => Body::Forfeited(forfeited),
            None => return Step::Failed,
        },
    };
    Step::Append(body.into())
}

/// Every bid of the absent winner's persona, each tied to the winning bid by a ratio.
async fn forfeit(
    auction: &Auction,
    winner: &Counted,
    view: RoomView<'_>,
    outcome: Digest,
) -> Option<Forfeited> {
    let links = view.shared.authors.of(view.name()).await.inspect_err(|error| {
        tracing::warn!(%error, "who is behind the bids cannot be read; tried again");
    });
    let links = links.ok().flatten()?;
    let by_key: HashMap<_, &AuthorLink> = links.iter().map(|link| (link.key, link)).collect();
    let find = |key| by_key.get(&key).copied();
    let author = find(winner.key)?;
    let broker = view.shared.fingerprint();
    let context =
        |link: &AuthorLink| BlindContext { broker, action: link.action, persona: link.persona };
    let left = auction.bids().iter().filter(|bid| !bid.forfeited && bid.seq != winner.seq);
    let others = left.filter_map(|bid| {
        let link = find(bid.key).filter(|link| link.persona == author.persona)?;
        let first = (&author.blind, &context(author));
        let ratio = Ratio::between(first, (&link.blind, &context(link)));
        Some((bid.amount, ForfeitedBid { seq: bid.seq, ratio }))
    });
    let others = highest(others.collect(), MAX_FORFEITED);
    Some(Forfeited { winner: winner.seq, others, outcome })
}

/// The highest ones, should there be too many for one entry, in the order of the log: what stays could only win a
/// later round, and is forfeited then.
fn highest(mut bids: Vec<(Amount, ForfeitedBid)>, most: usize) -> Vec<ForfeitedBid> {
    bids.sort_by_key(|(amount, _)| Reverse(*amount));
    let mut kept: Vec<ForfeitedBid> = bids.into_iter().map(|(_, bid)| bid).take(most).collect();
    kept.sort_unstable_by_key(|bid| bid.seq);
    kept
}

/// Shows that a bid is by the persona that listed the item, if it is.
fn own_item(view: RoomView<'_>, checked: &Checked) -> Option<SameAuthor> {
    let action = checked.stamped().action();
    let (Body::Bid(_) | Body::SealedBid(_), Author::Persona { persona, blind, .. }) =
        (action.body(), checked.author())
    else {
        return None;
    };
    let seller = view.opener.filter(|seller| seller.persona == *persona)?;
    let broker = view.shared.fingerprint();
    let context = |action| BlindContext { broker, action, persona: *persona };
    let listing = context(seller.action);
    let bid = context(action.id());
    Some(SameAuthor { seq: 0, ratio: Ratio::between((&seller.blind, &listing), (blind, &bid)) })
}

#[cfg(test)]
mod tests;
