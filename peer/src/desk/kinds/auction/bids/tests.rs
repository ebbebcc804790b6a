//! Bids one by one, as the log and the vault tell them.

use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::room::Code;
use pregao_protocol::room::body::{Bid, Body, PriceRule, SealedTerms};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::refusal::Refusal;

use super::*;
use crate::desk::fixture::{HandedIn, House, Log, Session, User};

/// A desk that follows an auction.
async fn followed(house: &mut House, log: &Log) -> (User, Session) {
    let (mut user, mut session) = house.desk().await;
    session.list(&[log]).await;
    session.shows(log, &house.secrets).await;
    let size = log.tree().size();
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == size => Some(()),
        _ => None,
    })
    .await;
    (user, session)
}

/// Somebody else bids.
fn bid_by(house: &House, log: &mut Log, seed: u8, minor: u64) {
    let seal = SealKey::from_random([79; 32]).public();
    let currency = "EUR".parse().unwrap();
    let bid = Body::Bid(Bid { amount: minor.try_into().unwrap(), currency, seal, paddle: None });
    let bid = house.made(seed, Some(log.name()), bid, log.seen()).action;
    log.log(&bid, &house.tsa);
}

/// Asks for bids, and gives them.
async fn asked(user: &mut User, words: &[&str]) -> BidsView {
    user.send_command(words).await;
    let shown = user
        .until(|event| match event {
            Event::Bids { id, shown } => Some((id.clone(), shown.clone())),
            _ => None,
        })
        .await;
    assert_eq!(shown.0.as_deref(), Some("1"));
    assert!(user.done().await);
    shown.1
}

fn told(shown: &BidsView) -> Vec<(Option<u64>, Option<u64>, bool, BidStanding)> {
    shown.bids.iter().map(|bid| (bid.seq, bid.amount, bid.own, bid.standing)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_bids_of_an_auction_come_in_its_order_the_newest_last() {
    let mut house = House::open();
    let mut log = house.auction(house.listing());
    for (seed, minor) in [(72, 100), (74, 120), (72, 150)] {
        bid_by(&house, &mut log, seed, minor);
    }
    let (mut user, _session) = followed(&mut house, &log).await;
    let room = log.name().to_string();
    let shown = asked(&mut user, &["bids", &room]).await;
    assert_eq!(
        told(&shown),
        [
            (Some(1), Some(100), false, BidStanding::Outbid),
            (Some(2), Some(120), false, BidStanding::Outbid),
            (Some(3), Some(150), false, BidStanding::Leads),
        ]
    );
    assert!(
        shown.bids.iter().all(|bid| bid.time.is_some() && bid.currency.as_deref() == Some("EUR"))
    );
    assert_eq!((shown.left_out, shown.unopened, shown.mine), (0, 0, false));
    let newest = asked(&mut user, &["bids", &room, "last", "2"]).await;
    assert_eq!(told(&newest), told(&shown)[1..]);
    assert_eq!(newest.left_out, 1);
    let mine = asked(&mut user, &["bids", &room, "mine"]).await;
    assert!(mine.bids.is_empty() && mine.mine);
    assert_eq!(mine.title.as_deref(), Some("A lamp"));
}

#[tokio::test(start_paused = true)]
async fn own_bids_are_told_from_being_handed_in_to_their_end() {
    let mut house = House::open();
    let mut log = house.auction(house.listing());
    let (mut user, mut session) = followed(&mut house, &log).await;
    let room = log.name().to_string();
    let mine = async |user: &mut User| told(&asked(user, &["bids", "mine"]).await);
    assert_eq!(mine(&mut user).await, []);
    user.send_command(&["bid", &room, "1.00"]).await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    // Not the end of the bid, but of the question.
    assert_eq!(mine(&mut user).await, [(None, Some(100), true, BidStanding::UnderWay)]);
    let from = usize::try_from(log.tree().size()).unwrap();
    let seq = log.push(&act.action, act.stamp.clone());
    session.receipts(act.n, seq, &log, &house.secrets).await;
    user.until(|event| matches!(event, Event::Receipt(_)).then_some(())).await;
    assert!(user.done().await);
    assert_eq!(mine(&mut user).await, [(Some(1), Some(100), true, BidStanding::Receipted)]);
    session.says(&log, from, Some(log.head(&house.secrets))).await;
    user.until(|event| match event {
        Event::Room(view) if view.leading => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(mine(&mut user).await, [(Some(1), Some(100), true, BidStanding::Leads)]);
    let from = usize::try_from(log.tree().size()).unwrap();
    bid_by(&house, &mut log, 72, 150);
    session.says(&log, from, Some(log.head(&house.secrets))).await;
    user.until(|event| match event {
        Event::Bid { own: false, .. } => Some(()),
        _ => None,
    })
    .await;
    // A refusal stands beside its cause.
    user.send_command(&["bid", &room, "1.60"]).await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    let from = usize::try_from(log.tree().size()).unwrap();
    bid_by(&house, &mut log, 72, 200);
    session.says(&log, from, Some(log.head(&house.secrets))).await;
    session.send(too_low(&house, &log, &act)).await;
    assert!(!user.done().await);
    let shown = asked(&mut user, &["bids", "mine"]).await;
    let own = |seq, amount, standing| (seq, Some(amount), true, standing);
    let all = [own(Some(1), 100, BidStanding::Outbid), own(None, 160, BidStanding::Refused)];
    assert_eq!(told(&shown), all);
    let cause = shown.bids[1].cause.as_deref().unwrap();
    assert!(cause.contains("bid.too-low"), "{cause}");
    let newest = asked(&mut user, &["bids", "mine", "last", "1"]).await;
    assert_eq!((told(&newest), newest.left_out), (all[1..].to_vec(), 1));
    assert_eq!(user.alarms(), 0);
}

/// A fair refusal by all of a log.
fn too_low(house: &House, log: &Log, act: &HandedIn) -> FromBroker {
    let header = house.tsa.tick();
    let hash =
        |compact: &str| VerifiedBatch::open(compact, &[house.tsa.stamp.public()]).unwrap().hash();
    let refusal = Refusal {
        digest: act.action().digest(),
        room: log.name(),
        stamp: hash(&act.stamp.batch),
        code: Code::BidTooLow,
        size: log.tree().size(),
        root: log.tree().root(),
        batch: hash(&header),
        same_author: Vec::new(),
        until: None,
        header,
    };
    FromBroker::Refused { n: act.n, refusal: refusal.sign(&house.secrets.entry) }
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_no_auction_or_unknown_has_no_bids() {
    let mut house = House::open();
    let log = house.auction(house.listing());
    let (mut user, _session) = followed(&mut house, &log).await;
    user.send_command(&["bids", "abcdef"]).await;
    assert!(!user.done().await);
    let refused = |event: &Event| matches!(event, Event::Refused { report, .. } if report.code == "room.unknown");
    assert!(user.seen.iter().any(refused));
}

#[tokio::test(start_paused = true)]
async fn before_sealed_bids_are_handed_in_there_are_none() {
    let mut house = House::open();
    let mut listing = house.listing();
    listing.sealed = Some(SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() });
    listing.increment = 1.try_into().unwrap();
    let witnesses = vec![crate::desk::witnessed::tests::witness(81, "one")];
    (listing.witnesses, listing.quorum) = (witnesses, 1);
    let log = house.auction(listing);
    let (mut user, _session) = followed(&mut house, &log).await;
    let shown = asked(&mut user, &["bids", &log.name().to_string()]).await;
    assert!(shown.bids.is_empty() && shown.unopened == 0);
}
