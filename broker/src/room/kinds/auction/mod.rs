//! Auctions: close, settle, open the reveal room and invite the two, record the outcome
//! (SPEC 7.3 and 8).

mod sealed;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::{Cosignature, Head, RoomName};
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::auction::{Auction, Counted, MAX_FORFEITED, Phase};
use pregao_protocol::room::body::{
    Body, Closed, Ended, Forfeited, ForfeitedBid, Reveal, Settled, Withdrawn,
};
use pregao_protocol::room::reveal::{Conclusion, RevealRoom, Verdict};
use pregao_protocol::room::{Code, Kind, Room};
use pregao_protocol::trust::persona::{BlindContext, Ratio};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::refusal::SameAuthor;
use tokio::time::Instant;

use super::{Follower, Objection, Policy, RoomView, Step};
use crate::check::{Author, Checked};
use crate::links::AuthorLink;
use crate::metrics::Metrics;
use crate::room::opening;
use crate::store::StoreError;
use crate::tsa::timelocks::PendingLock;

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
    /// The earliest date of a witness on the close.
    dated: Option<Box<Cosignature>>,
    /// Since when this process has waited for one.
    asked: Option<Instant>,
    /// Stamp of an `unlist` that was not closed in time.
    lapsed: Option<Time>,
    /// What the TSA was asked about the time-lock of sealed bids.
    lock: Option<PendingLock>,
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
            Phase::Open if auction.is_sealed() && auction.recipients().is_none() => {
                Some(Time::default())
            }
            // What the seller takes back is closed before the end, unless that has lapsed.
            Phase::Open => Some(match auction.taken_back() {
                Some(back) if self.lapsed != Some(back.time) => auction.closes_from(back.time),
                Some(_) | None => auction.end(),
            }),
            Phase::Closed if auction.has_unopened() => self.sealed_due(auction),
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
        match auction.phase() {
            Phase::Open if now >= auction.closes_from(now) => {
                let (refused, root) = (view.refused.size(), view.refused.root());
                Step::Append(Body::Closed(Closed { refused, root }).into())
            }
            Phase::Open if auction.is_sealed() && auction.recipients().is_none() => {
                self.state_keys(auction, view)
            }
            Phase::Open => {
                let back = auction.taken_back().map(|back| back.time);
                self.lapsed = back.filter(|back| now > *back && !auction.is_taken_back(now));
                Step::Idle
            }
            Phase::Ended(_) => Step::Idle,
            Phase::Closed if auction.has_unopened() => self.open_bids(auction, view, now),
            Phase::Closed => self.settle(auction, now),
            Phase::Settled { seq, .. } => {
                let Some(winner) = auction.winner() else { return Step::Idle };
                self.settled(auction, seq, winner, view).await
            }
        }
    }

    fn admit(
        &self,
        _auction: &Auction,
        view: RoomView<'_>,
        checked: &Checked,
    ) -> Result<(), Objection> {
        match own_item(view, checked) {
            Some(same) => Err(Objection { code: Code::BidOwnItem, same_author: Some(same) }),
            None => Ok(()),
        }
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
        if named && holds && self.dated.as_ref().is_none_or(|dated| cosigned.time < dated.time) {
            self.dated = Some(Box::new(cosigned));
        }
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
        let waits = auction.awaits_witness() && !auction.is_in_time(self.dated.as_deref());
        auction.public_by().filter(|_| waits).map(|limit| limit.plus(ON_ITS_WAY))
    }

    /// Names the winner: with a witness's date as soon as there is one in time, or else once none can
    /// come any more (V-143).
    fn settle(&mut self, auction: &Auction, now: Time) -> Step {
        if let Some(limit) = self.settles_after(auction)
            && let Some(step) = self.waits_for_witness(now, limit)
        {
            return step;
        }
        let leading = auction.leading();
        let winner = leading.map(|bid| bid.seq);
        let price = leading.map(|bid| auction.price_of(bid));
        let cosigned = self.dated.as_deref().copied().filter(|_| auction.awaits_witness());
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
    // The highest ones, should there be too many for one entry: what stays could only win a
    // later round, and is forfeited then.
    let mut others: Vec<ForfeitedBid> = auction
        .bids()
        .iter()
        .rev()
        .filter(|bid| !bid.forfeited && bid.seq != winner.seq)
        .filter_map(|bid| {
            let link = find(bid.key).filter(|link| link.persona == author.persona)?;
            let first = (&author.blind, &context(author));
            let ratio = Ratio::between(first, (&link.blind, &context(link)));
            Some(ForfeitedBid { seq: bid.seq, ratio })
        })
        .take(MAX_FORFEITED)
        .collect();
    others.reverse();
    Some(Forfeited { winner: winner.seq, others, outcome })
}

/// Shows that a bid is by the persona that listed the item, if it is.
fn own_item(view: RoomView<'_>, checked: &Checked) -> Option<SameAuthor> {
    let action = checked.stamped().action();
    let (Body::Bid(_) | Body::SealedBid(_), Author::Persona { persona, blind }) =
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
