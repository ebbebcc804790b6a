//! English auctions: close, settle, open the reveal room and invite the two, record the outcome
//! (SPEC 7.3 and 8).

use std::collections::HashMap;

use pregao_protocol::action::{Draft, Seen};
use pregao_protocol::broker::SameAuthor;
use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::log::RoomName;
use pregao_protocol::persona::{BlindContext, Ratio};
use pregao_protocol::room::auction::{Auction, Counted, MAX_FORFEITED, Phase};
use pregao_protocol::room::body::{
    Absent, Body, By, Empty, Forfeited, ForfeitedBid, Reveal, Settled, Side,
};
use pregao_protocol::room::reveal::{End, RevealRoom};
use pregao_protocol::room::{Code, Kind, Room};

use super::{Follower, Objection, Policy, Step, View};
use crate::check::{Author, Checked};
use crate::links::Link;
use crate::metrics::Metrics;
use crate::store::StoreError;

/// What the broker knows of one auction besides its log.
#[derive(Debug, Default)]
pub(crate) struct AuctionPolicy {
    reveal: Option<RevealOpened>,
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
    end: Option<RevealEnd>,
}

/// How the reveal of an auction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RevealEnd {
    Complete,
    Withdrawn(Side),
    Absent(Absent),
}

impl Policy for AuctionPolicy {
    type Fold = Auction;

    fn due(&self, auction: &Auction) -> Option<Time> {
        match auction.phase() {
            Phase::Open => Some(auction.end()),
            Phase::Closed => Some(Time::default()),
            Phase::Settled { seq, .. } => {
                let reveal = self.reveal.filter(|reveal| reveal.settled == seq);
                let waits = reveal.is_some_and(|reveal| reveal.invited && reveal.end.is_none());
                (!waits).then(Time::default)
            }
            Phase::Ended(_) => None,
        }
    }

    async fn step(&mut self, auction: &Auction, view: View<'_>, now: Time) -> Step {
        match auction.phase() {
            Phase::Open if now >= auction.end() => Step::Append(Body::Closed(Empty {}).into()),
            Phase::Open | Phase::Ended(_) => Step::Idle,
            Phase::Closed => {
                let leading = auction.leading();
                let winner = leading.map(|bid| bid.seq);
                let price = leading.map(|bid| bid.amount);
                Step::Append(Body::Settled(Settled { winner, price }).into())
            }
            Phase::Settled { seq, .. } => {
                let Some(winner) = auction.winner() else { return Step::Idle };
                self.settled(auction, seq, winner, view).await
            }
        }
    }

    fn admit(
        &self,
        _auction: &Auction,
        view: View<'_>,
        checked: &Checked,
    ) -> Result<(), Objection> {
        match own_item(view, checked) {
            Some(same) => Err(Objection { code: Code::BidOwnItem, same_author: Some(same) }),
            None => Ok(()),
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
            reveal.end = end_of(follower);
        }
    }

    async fn resume(
        &mut self,
        auction: &Auction,
        view: View<'_>,
        followers: &[Follower],
    ) -> Result<(), StoreError> {
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
    /// A winner is named: the two are brought together, and what comes of it is recorded.
    async fn settled(
        &mut self,
        auction: &Auction,
        seq: u64,
        winner: &Counted,
        view: View<'_>,
    ) -> Step {
        let Some(mut reveal) = self.reveal.filter(|reveal| reveal.settled == seq) else {
            return self.open_reveal(auction, winner, view).await;
        };
        if !reveal.invited {
            reveal.invited = invite(auction, winner, view, reveal.room).await;
            self.reveal = Some(reveal);
        }
        match reveal.end {
            Some(end) => outcome(auction, winner, view, end).await,
            None if reveal.invited => Step::Idle,
            None => Step::Failed,
        }
    }

    /// Opens the private room of seller and winner and invites both.
    async fn open_reveal(&mut self, auction: &Auction, winner: &Counted, view: View<'_>) -> Step {
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
        let draft = Draft { id: view.house.fresh_uuid(), room: None, body, seen: Seen::nothing() };
        let opened = match view.house.sign_and_stamp(&draft).await {
            Ok(stamped) => view.house.open(&stamped, None).await,
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
async fn invite(auction: &Auction, winner: &Counted, view: View<'_>, room: RoomName) -> bool {
    let keys = [*auction.seller(), winner.key];
    let invited = view.house.invite(view.name(), room, keys).await.inspect_err(|error| {
        tracing::warn!(%error, "seller and winner could not be invited; tried again");
    });
    invited.is_ok()
}

/// What a reveal room of the newest settlement begins with, and where that is logged.
async fn reveal_opening(
    auction: &Auction,
    winner: &Counted,
    view: View<'_>,
) -> Result<Option<(u64, Reveal)>, StoreError> {
    let Phase::Settled { seq, time, .. } = auction.phase() else { return Ok(None) };
    // That of the settlement: opened late, the room may have grown since.
    let root = view.house.root(view.name(), seq.saturating_add(1)).await?;
    let listing = auction.listing();
    let within = std::time::Duration::from_secs(listing.disclose_within.into());
    let nonce = view.house.host.random()?;
    // A reveal room opened late, after an outage, still gives the two their full time.
    let Ok(newest) = view.house.stamps.newest() else { return Ok(None) };
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
    };
    Ok(Some((seq, reveal)))
}

/// How a reveal room went, if it is over.
fn end_of(reveal: &RevealRoom) -> Option<RevealEnd> {
    match reveal.end() {
        _ if reveal.complete() => Some(RevealEnd::Complete),
        Some(End::Withdrawn(side)) => Some(RevealEnd::Withdrawn(side)),
        Some(End::Absent(absent)) => Some(RevealEnd::Absent(absent)),
        None => None,
    }
}

/// What the end of the reveal means for the auction.
async fn outcome(auction: &Auction, winner: &Counted, view: View<'_>, end: RevealEnd) -> Step {
    let body = match end {
        RevealEnd::Complete => Body::Revealed(Empty {}),
        RevealEnd::Withdrawn(side) => Body::Withdrawn(By { side }),
        RevealEnd::Absent(absent) if absent.seller => Body::Abandoned(Empty {}),
        RevealEnd::Absent(_) => match forfeit(auction, winner, view).await {
            Some(forfeited) => Body::Forfeited(forfeited),
            None => return Step::Failed,
        },
    };
    Step::Append(body.into())
}

/// Every bid of the absent winner's persona, each tied to the winning bid by a ratio.
async fn forfeit(auction: &Auction, winner: &Counted, view: View<'_>) -> Option<Forfeited> {
    let links = view.house.authors(view.name()).await.inspect_err(|error| {
        tracing::warn!(%error, "who is behind the bids cannot be read; tried again");
    });
    let links = links.ok().flatten()?;
    let by_key: HashMap<_, &Link> = links.iter().map(|link| (link.key, link)).collect();
    let find = |key| by_key.get(&key).copied();
    let author = find(winner.key)?;
    let broker = view.house.fingerprint();
    let context = |link: &Link| BlindContext { broker, action: link.action, persona: link.persona };
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
    Some(Forfeited { winner: winner.seq, others })
}

/// Shows that a bid is by the persona that listed the item, if it is.
fn own_item(view: View<'_>, checked: &Checked) -> Option<SameAuthor> {
    let action = checked.stamped().action();
    let (Body::Bid(_), Author::Persona { persona, blind }) = (action.body(), checked.author())
    else {
        return None;
    };
    let seller = view.opener.filter(|seller| seller.persona == *persona)?;
    let broker = view.house.fingerprint();
    let context = |action| BlindContext { broker, action, persona: *persona };
    let listing = context(seller.action);
    let bid = context(action.id());
    Some(SameAuthor { seq: 0, ratio: Ratio::between((&seller.blind, &listing), (blind, &bid)) })
}

#[cfg(test)]
mod tests;
