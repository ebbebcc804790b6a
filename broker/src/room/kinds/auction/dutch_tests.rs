//! What a broker does where the price falls: it takes bids for one freshness after the first, and settles for the earliest stamp.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::Outcome;
use pregao_protocol::room::body::{DutchTerms, Listing};

use super::*;
use crate::fixture::{Made, Person, Stage, Terms, secs};

/// How long a price holds here, and the freshness, in seconds.
const EVERY: u64 = 5;
const FRESHNESS: u32 = 3;

/// An auction of so many seconds whose price falls from 1.00 to 0.40 by 0.10 each five seconds.
async fn listed(seconds: u64) -> (Stage, Person, Made) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let terms = Terms { freshness: FRESHNESS, ..Terms::until(stage.tsa.now().plus(secs(seconds))) };
    let dutch = DutchTerms {
        floor: 40.try_into().unwrap(),
        fall: 10.try_into().unwrap(),
        every: EVERY.try_into().unwrap(),
    };
    let listing = Listing {
        increment: 1.try_into().unwrap(),
        dutch: Some(dutch),
        ..ana.draft(stage.shared(), &terms)
    };
    let made = ana.make(stage.shared(), None, Body::List(listing), Seen::nothing());
    assert_eq!(stage.act(&ana, &made).await.seq(), Some(0));
    (stage, ana, made)
}

/// Waits until the price has fallen so often, and half a step more.
async fn fallen(stage: &Stage, room: RoomName, times: u64) {
    let listed = stage.auction(room).listed();
    let then = listed.plus(secs(EVERY * times) + Duration::from_millis(2_500));
    tokio::time::sleep(then.since(stage.tsa.now())).await;
}

/// How the log says that it was settled: winner, price and why it was late.
fn settled(stage: &Stage, room: RoomName) -> (u64, u64) {
    let auction = stage.auction(room);
    let Phase::Settled { winner, price, .. } = auction.phase() else {
        panic!("not settled: {:?}", auction.phase())
    };
    assert_eq!(auction.late(), None);
    (winner, price.minor())
}

#[tokio::test(start_paused = true)]
async fn v183_the_first_bid_closes_the_auction_a_freshness_later_and_long_before_its_end() {
    let (stage, _, listing) = listed(600).await;
    let room = listing.room();
    fallen(&stage, room, 2).await;
    stage.bids(&stage.person(2), room, 100).await;
    let first = stage.auction(room).bids()[0];
    assert_eq!(first.amount.minor(), 80, "it pays what it cost at its stamp");
    stage.settled(room).await;
    assert_eq!(stage.verbs(room), ["list", "bid", "closed", "settled"]);
    assert_eq!(settled(&stage, room), (1, 80));
    let closed = stage.auction(room).closing().unwrap().time;
    let freshness = secs(FRESHNESS.into());
    assert!(closed >= first.time.plus(freshness) && closed < first.time.plus(freshness + secs(2)));
    assert_eq!(stage.reveals().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn v184_an_earlier_stamp_that_is_handed_in_later_wins_at_its_own_price() {
    let (stage, _, listing) = listed(600).await;
    let room = listing.room();
    let (rui, eva) = (stage.person(2), stage.person(3));
    let listed = stage.auction(room).listed();
    // Right before the price falls, and right after.
    let falls = listed.plus(secs(EVERY));
    tokio::time::sleep(falls.since(stage.tsa.now()) - Duration::from_secs(1)).await;
    let dear = stage.bid(&rui, room, 100);
    let before = stage.stamp(&dear);
    tokio::time::sleep(secs(2)).await;
    stage.bids(&eva, room, 100).await;
    let answer = stage.submit(&rui, &dear, &before).answer().await;
    assert_eq!(answer.seq(), Some(2), "{answer:?}");
    stage.settled(room).await;
    assert_eq!(settled(&stage, room), (2, 100));
    let prices: Vec<u64> =
        stage.auction(room).bids().iter().map(|bid| bid.amount.minor()).collect();
    assert_eq!(prices, [90, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_stamp_that_was_kept_back_longer_than_a_freshness_takes_nothing_from_who_bid() {
    let (stage, _, listing) = listed(600).await;
    let room = listing.room();
    let (rui, eva) = (stage.person(2), stage.person(3));
    let hoarded = stage.bid(&rui, room, 100);
    let stamp = stage.stamp(&hoarded);
    tokio::time::sleep(secs(4)).await;
    stage.bids(&eva, room, 100).await;
    let answer = stage.submit(&rui, &hoarded, &stamp).answer().await;
    assert!(answer.code().ends_with(".stale"), "{answer:?}");
    stage.settled(room).await;
    assert_eq!(settled(&stage, room).0, 1);
}

#[tokio::test(start_paused = true)]
async fn what_agrees_to_less_than_the_price_is_refused_and_the_price_falls_on() {
    let (stage, _, listing) = listed(600).await;
    let room = listing.room();
    let rui = stage.person(2);
    let low = stage.bid(&rui, room, 99);
    assert_eq!(stage.act(&rui, &low).await.code(), "bid.too-low");
    fallen(&stage, room, 20).await;
    let low = stage.bid(&rui, room, 39);
    assert_eq!(stage.act(&rui, &low).await.code(), "bid.too-low");
    stage.bids(&rui, room, 40).await;
    stage.settled(room).await;
    assert_eq!(settled(&stage, room), (1, 40));
}

#[tokio::test(start_paused = true)]
async fn v183_a_falling_price_that_nobody_takes_ends_unsold_at_the_end() {
    let (stage, _, listing) = listed(20).await;
    let room = listing.room();
    let ended = |stage: &Stage| matches!(stage.auction(room).phase(), Phase::Ended(_));
    stage.until(ended).await;
    let auction = stage.auction(room);
    assert_eq!(auction.phase(), Phase::Ended(Outcome::Unsold));
    assert!(auction.closing().unwrap().time >= auction.listing().end && auction.late().is_none());
}

#[tokio::test(start_paused = true)]
async fn v183_a_first_bid_right_before_the_end_is_not_cut_short() {
    let (stage, _, listing) = listed(20).await;
    let room = listing.room();
    let end = stage.auction(room).end();
    tokio::time::sleep(end.since(stage.tsa.now()) - Duration::from_millis(100)).await;
    stage.bids(&stage.person(2), room, 100).await;
    let first = stage.auction(room).bids()[0];
    assert_eq!(stage.auction(room).end(), first.time.plus(secs(FRESHNESS.into())));
    stage.settled(room).await;
    let closed = stage.auction(room).closing().unwrap().time;
    assert!(closed >= first.time.plus(secs(FRESHNESS.into())) && closed > end);
    assert_eq!(settled(&stage, room), (1, 70));
}

#[tokio::test(start_paused = true)]
async fn v184_an_absent_winner_lets_the_next_earliest_have_it_at_their_own_price() {
    let (stage, ana, listing) = listed(600).await;
    let room = listing.room();
    let (rui, eva) = (stage.person(2), stage.person(3));
    let falls = stage.auction(room).listed().plus(secs(EVERY));
    tokio::time::sleep(falls.since(stage.tsa.now()) - Duration::from_millis(500)).await;
    stage.bids(&rui, room, 100).await;
    tokio::time::sleep(secs(1)).await;
    stage.bids(&eva, room, 100).await;
    stage.settled(room).await;
    assert_eq!(settled(&stage, room), (1, 100));
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let (private, opening) = stage.reveals().pop().unwrap();
    let seen = stage.seen(private);
    let disclosed = ana.disclosure(stage.shared(), private, &opening, &listing, seen);
    assert_eq!(stage.act(&ana, &disclosed).await.code(), "held");
    let wait = opening.deadline.since(stage.tsa.now());
    tokio::time::sleep(wait + secs(4)).await;
    assert_eq!(settled(&stage, room), (2, 90));
    assert_eq!(stage.reveals().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_falls_after_the_first_bid_closes_when_it_is_back() {
    let (stage, _, listing) = listed(600).await;
    let room = listing.room();
    stage.bids(&stage.person(2), room, 100).await;
    let stage = stage.restart().await;
    stage.settled(room).await;
    assert_eq!(settled(&stage, room), (1, 100));
}

#[tokio::test(start_paused = true)]
async fn nobody_bids_on_their_own_falling_price() {
    let (stage, ana, listing) = listed(600).await;
    let own = stage.bid(&ana, listing.room(), 100);
    assert_eq!(stage.act(&ana, &own).await.code(), "bid.own-item");
}
