//! What a broker owes a room with sealed bids, and when; with a TSA that answers late, falsely or not at all.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::sealed::envelope::{Void, seal_bid};
use pregao_protocol::room::auction::{Late, Outcome, Phase};
use pregao_protocol::room::body::{Listing, PriceRule, SealedBid, SealedTerms};
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::seal::SealKey;

use super::*;
use crate::fixture::{Cosigner, Locks, Made, Peer, Person, Stage, Terms, Tsa, secs};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};

/// A broker with a witness, and an auction of so many seconds whose bids are sealed.
async fn listed(seconds: u64) -> (Stage, std::sync::Arc<Cosigner>, RoomName) {
    let cosigner = Cosigner::new(1, 1);
    let stage = Stage::witnessed(&[std::sync::Arc::clone(&cosigner)]).await;
    let room = list(&stage, seconds).await;
    (stage, cosigner, room)
}

async fn list(stage: &Stage, seconds: u64) -> RoomName {
    list_as(stage, seconds, 1, Vec::new()).await
}

async fn list_as(
    stage: &Stage,
    seconds: u64,
    needed: u32,
    locks: Vec<PublicKey<StampKey>>,
) -> RoomName {
    let ana = stage.person(1);
    let terms = Terms::until(stage.tsa.now().plus(secs(seconds)));
    let listing = Listing {
        increment: 1.try_into().unwrap(),
        sealed: Some(SealedTerms { price: PriceRule::Second, needed, locks }),
        ..ana.draft(stage.shared(), &terms)
    };
    let made = ana.make(stage.shared(), None, Body::List(listing), Seen::nothing());
    assert_eq!(stage.act(&ana, &made).await.seq(), Some(0));
    made.action.room()
}

impl Stage {
    fn sealed(&self, author: &Person, room: RoomName, amount: u64) -> Made {
        self.sealed_as(author, room, amount, |_| {})
    }

    fn sealed_as(
        &self,
        author: &Person,
        room: RoomName,
        amount: u64,
        change: impl FnOnce(&mut SealedBid),
    ) -> Made {
        let auction = self.auction(room);
        let id = uuid::Builder::from_random_bytes(author.fresh()).into_uuid();
        let blind = Blind::from_random(author.fresh());
        let key = OneTimeKey::derive(&author.key, self.shared().fingerprint(), id, &blind);
        let halves = [author.fresh(), author.fresh()];
        let seal = SealKey::from_random(author.fresh()).public();
        let to = auction.recipients().unwrap();
        let amount = amount.try_into().unwrap();
        let mut bid = seal_bid(to, (room, &key.public()), amount, seal, &halves).unwrap();
        change(&mut bid);
        author.make_as(
            self.shared(),
            (id, blind),
            Some(room),
            Body::SealedBid(bid),
            self.seen(room),
        )
    }

    async fn bids_sealed(&self, number: u8, room: RoomName, amount: u64) {
        let author = self.person(number);
        let bid = self.sealed(&author, room, amount);
        let answer = self.act(&author, &bid).await;
        assert!(answer.seq().is_some(), "{answer:?}");
    }

    async fn stated(&self, room: RoomName) {
        self.until(|stage| stage.auction(room).recipients().is_some()).await;
    }

    async fn ended(&self, room: RoomName) -> Outcome {
        let ended = |stage: &Self| matches!(stage.auction(room).phase(), Phase::Ended(_));
        self.until(ended).await;
        let Phase::Ended(outcome) = self.auction(room).phase() else { unreachable!() };
        outcome
    }
}

#[tokio::test(start_paused = true)]
async fn v164_a_broker_says_at_once_what_bids_are_sealed_to_and_opens_them_all() {
    let (stage, _, room) = listed(30).await;
    stage.stated(room).await;
    for (number, amount) in [(2, 300), (3, 500), (4, 400)] {
        stage.bids_sealed(number, room, amount).await;
    }
    stage.settled(room).await;
    let verbs = stage.verbs(room);
    assert_eq!(verbs[..2], ["list", "sealing"]);
    assert_eq!(verbs[5..], ["closed", "opened", "settled"]);
    let auction = stage.auction(room);
    let Phase::Settled { winner, price, .. } = auction.phase() else { unreachable!() };
    assert_eq!((winner, price.minor(), auction.late()), (3, 400, None));
    assert_eq!(stage.reveals().len(), 1);
    // Another room has another key.
    let other = list(&stage, 30).await;
    stage.stated(other).await;
    let key = |room| stage.auction(room).recipients().unwrap().broker;
    assert_ne!(key(room), key(other));
}

#[tokio::test(start_paused = true)]
async fn v164_while_the_tsa_gives_no_keys_the_room_goes_on_and_takes_no_bid() {
    let cosigner = Cosigner::new(1, 1);
    let stage = Stage::witnessed(&[cosigner]).await;
    for locks in [Locks::Silent, Locks::Garbage, Locks::OtherInstant] {
        stage.tsa.conduct(|conduct| conduct.locks = locks);
        let room = list(&stage, 60).await;
        tokio::time::sleep(secs(3)).await;
        assert!(stage.auction(room).recipients().is_none(), "{locks:?}");
        let rui = stage.person(2);
        let said = rui.say(stage.shared(), room, "is it heavy?", stage.seen(room));
        assert!(stage.act(&rui, &said).await.seq().is_some(), "{locks:?}");
        stage.tsa.conduct(|conduct| conduct.locks = Locks::Truth);
        stage.stated(room).await;
        stage.bids_sealed(3, room, 300).await;
    }
}

#[tokio::test(start_paused = true)]
async fn v166_bids_wait_for_a_tsa_that_keeps_its_secret_and_are_opened_late() {
    let (stage, _, room) = listed(10).await;
    stage.stated(room).await;
    stage.bids_sealed(2, room, 300).await;
    stage.tsa.conduct(|conduct| conduct.locks = Locks::Keeps);
    tokio::time::sleep(secs(120)).await;
    assert_eq!(stage.auction(room).phase(), Phase::Closed);
    stage.tsa.conduct(|conduct| conduct.locks = Locks::Truth);
    stage.settled(room).await;
    assert_eq!(stage.auction(room).late(), Some(Late::Opened));
    assert!(stage.auction(room).withdrawal());
}

#[tokio::test(start_paused = true)]
async fn v167_bids_that_nobody_opens_for_a_day_bind_nobody() {
    let (stage, _, room) = listed(10).await;
    stage.stated(room).await;
    stage.bids_sealed(2, room, 300).await;
    stage.tsa.conduct(|conduct| conduct.locks = Locks::Keeps);
    let opens = stage.auction(room).opens().unwrap();
    stage.until(|stage| stage.auction(room).phase() == Phase::Closed).await;
    tokio::time::sleep(secs(5)).await;
    stage.tell(opens.plus(secs(24 * 3_600 - 1))).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stage.auction(room).phase(), Phase::Closed);
    assert_eq!(stage.ended(room).await, Outcome::Unopened);
    assert_eq!(stage.shared().authors.of(room).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn v167_a_close_that_no_witness_dates_before_bids_can_be_read_is_void() {
    let (stage, cosigner, room) = listed(10).await;
    stage.stated(room).await;
    stage.bids_sealed(2, room, 300).await;
    cosigner.conduct(|conduct| conduct.reachable = false);
    let opens = stage.auction(room).opens().unwrap();
    stage.until(|stage| stage.tsa.now() >= opens).await;
    assert_eq!(stage.auction(room).phase(), Phase::Closed, "an answer may still be on its way");
    assert_eq!(stage.ended(room).await, Outcome::Void);
    assert!(!stage.verbs(room).contains(&"opened"));
}

#[tokio::test(start_paused = true)]
async fn v167_a_witness_that_dates_the_close_too_late_does_not_open_it() {
    let (stage, cosigner, room) = listed(10).await;
    stage.stated(room).await;
    stage.bids_sealed(2, room, 300).await;
    cosigner.conduct(|conduct| conduct.ahead = 60);
    assert_eq!(stage.ended(room).await, Outcome::Void);
    assert!(!stage.verbs(room).contains(&"opened"));
}

#[tokio::test(start_paused = true)]
async fn v166_a_broker_that_falls_between_close_and_opening_goes_on_where_it_was() {
    let (stage, _, room) = listed(10).await;
    stage.stated(room).await;
    stage.bids_sealed(2, room, 300).await;
    let key = stage.auction(room).recipients().unwrap().broker;
    stage.until(|stage| stage.auction(room).phase() == Phase::Closed).await;
    tokio::time::sleep(secs(2)).await;
    let stage = stage.restart().await;
    assert_eq!(stage.shared().keys.sealing_key(room).public(), key);
    stage.settled(room).await;
    assert_eq!(stage.auction(room).late(), None);
}

#[tokio::test(start_paused = true)]
async fn v167_without_its_key_a_broker_opens_nothing_and_the_auction_ends_unopened() {
    let (stage, _, room) = listed(10).await;
    stage.stated(room).await;
    stage.bids_sealed(2, room, 300).await;
    let opens = stage.auction(room).opens().unwrap();
    let stage = stage.restart_without("sealing.key.pem").await;
    stage.until(|stage| stage.auction(room).phase() == Phase::Closed).await;
    tokio::time::sleep(secs(30)).await;
    assert!(!stage.verbs(room).contains(&"opened"));
    stage.tell(opens.plus(secs(24 * 3_600))).await;
    assert_eq!(stage.ended(room).await, Outcome::Unopened);
}

#[tokio::test(start_paused = true)]
async fn v165_a_seller_does_not_bid_on_their_own_item_under_seal_either() {
    let (stage, _, room) = listed(30).await;
    stage.stated(room).await;
    let ana = stage.person(1);
    // Whoever acts again draws on from where they were.
    for _ in 0..20 {
        let _: [u8; 32] = ana.fresh();
    }
    let bid = stage.sealed(&ana, room, 300);
    assert_eq!(stage.act(&ana, &bid).await.code(), Code::BidOwnItem.as_str());
}

/// A broker that offers two TSAs besides its own, and an auction that any two of the three open.
async fn listed_by_three(seconds: u64) -> (Stage, [std::sync::Arc<Tsa>; 2], RoomName) {
    let others = [Tsa::new(110), Tsa::new(120)];
    let stage = Stage::locked_by(&[Cosigner::new(1, 1)], &others).await;
    let keys = others.iter().map(|other| other.stamp.public());
    let locks = std::iter::once(stage.tsa.stamp.public()).chain(keys).collect();
    let room = list_as(&stage, seconds, 2, locks).await;
    (stage, others, room)
}

fn conduct(tsa: &Tsa, locks: Locks) {
    tsa.conduct(|conduct| conduct.locks = locks);
}

#[tokio::test(start_paused = true)]
async fn v164_bids_are_taken_once_every_tsa_that_locks_has_stated_its_key() {
    let others = [Tsa::new(110), Tsa::new(120)];
    let stage = Stage::locked_by(&[Cosigner::new(1, 1)], &others).await;
    let keys: Vec<_> = others.iter().map(|other| other.stamp.public()).collect();
    for locks in [Locks::Silent, Locks::Garbage, Locks::OtherInstant, Locks::OtherKey] {
        conduct(&others[1], locks);
        let room = list_as(&stage, 60, 1, keys.clone()).await;
        tokio::time::sleep(secs(3)).await;
        assert!(stage.auction(room).recipients().is_none(), "{locks:?}");
        let missing = stage.shared().timelocks.missing();
        assert!(missing.contains("timelock.missing: http://tsa:120"), "{locks:?}: {missing}");
        assert_eq!(missing.lines().count(), 1, "{locks:?}: {missing}");
        conduct(&others[1], Locks::Truth);
        stage.stated(room).await;
        assert_eq!(stage.auction(room).recipients().unwrap().locks.len(), 2);
        assert_eq!(stage.shared().timelocks.missing(), "");
        stage.bids_sealed(3, room, 300).await;
    }
}

#[tokio::test(start_paused = true)]
async fn v166_one_tsa_of_three_that_is_away_or_lies_delays_nothing() {
    for (liar, locks) in [
        (0, Locks::OtherSecret),
        (0, Locks::Silent),
        (1, Locks::Garbage),
        (1, Locks::OtherInstant),
        (2, Locks::Keeps),
    ] {
        let (stage, others, room) = listed_by_three(10).await;
        stage.stated(room).await;
        stage.bids_sealed(2, room, 300).await;
        conduct([&stage.tsa, &others[0], &others[1]][liar], locks);
        stage.settled(room).await;
        let auction = stage.auction(room);
        assert_eq!((auction.late(), auction.bids().len()), (None, 1), "{locks:?} {liar}");
        assert!(stage.verbs(room).contains(&"opened"));
    }
}

#[tokio::test(start_paused = true)]
async fn v166_with_two_of_three_away_bids_wait_and_are_opened_when_one_is_back() {
    let (stage, others, room) = listed_by_three(10).await;
    stage.stated(room).await;
    stage.bids_sealed(2, room, 300).await;
    let watcher = stage.person(4);
    let mut peer = Peer::connect(&stage, &watcher).await;
    peer.send(&FromPeer::Join { room, from: 0, member: None }).await;
    conduct(&others[0], Locks::OtherSecret);
    conduct(&others[1], Locks::Silent);
    let opens = stage.auction(room).opens().unwrap();
    stage.until(|stage| stage.tsa.now() >= opens).await;
    let is_released = |frame: &FromBroker| matches!(frame, FromBroker::Released { .. });
    let FromBroker::Released { room: of, locks } = peer.until(is_released).await else { panic!() };
    let places: Vec<u32> = locks.iter().map(|lock| lock.tsa).collect();
    assert!(of == room && (places.is_empty() || places == [0]), "{places:?}");
    tokio::time::sleep(secs(20)).await;
    assert_eq!(stage.auction(room).phase(), Phase::Closed);
    // Whoever joins now hears it, too.
    let mut late = Peer::connect(&stage, &stage.person(5)).await;
    late.send(&FromPeer::Join { room, from: 0, member: None }).await;
    let FromBroker::Released { locks, .. } = late.until(is_released).await else { panic!() };
    let recipients = stage.auction(room).recipients().unwrap().clone();
    let public = SealKey::from_random(locks[0].secret.0).public();
    assert_eq!((locks.len(), locks[0].tsa, public), (1, 0, recipients.locks[0]));
    let missing = stage.shared().timelocks.missing();
    assert!(missing.contains("http://tsa:110") && missing.contains("http://tsa:120"), "{missing}");
    conduct(&others[1], Locks::Truth);
    stage.settled(room).await;
    assert_eq!(stage.auction(room).late(), None, "within a minute");
}

#[tokio::test(start_paused = true)]
async fn v231_a_listing_with_a_tsa_that_is_not_offered_is_refused() {
    let stage = Stage::locked_by(&[Cosigner::new(1, 1)], &[Tsa::new(110)]).await;
    let ana = stage.person(1);
    let terms = Terms::until(stage.tsa.now().plus(secs(60)));
    for (stranger, code) in [(120, "listing.keys"), (110, "")] {
        let locks = vec![stage.tsa.stamp.public(), Tsa::new(stranger).stamp.public()];
        let listing = Listing {
            increment: 1.try_into().unwrap(),
            sealed: Some(SealedTerms { price: PriceRule::First, needed: 2, locks }),
            ..ana.draft(stage.shared(), &terms)
        };
        let made = ana.make(stage.shared(), None, Body::List(listing), Seen::nothing());
        let answer = stage.act(&ana, &made).await;
        assert_eq!(answer.seq().is_none(), !code.is_empty(), "{answer:?}");
        if !code.is_empty() {
            assert_eq!(answer.code(), code);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn v165_a_share_that_was_tampered_with_voids_its_bid_whichever_shares_are_used() {
    for (spoilt, away, cause) in [(0, 2, Void::Share), (2, 2, Void::Shares)] {
        let (stage, others, room) = listed_by_three(10).await;
        stage.stated(room).await;
        stage.bids_sealed(2, room, 300).await;
        let author = stage.person(3);
        let bid = stage.sealed_as(&author, room, 900, |bid| {
            let mut bytes = bid.shares[spoilt].as_bytes().to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            bid.shares[spoilt] = bytes.try_into().unwrap();
        });
        assert!(stage.act(&author, &bid).await.seq().is_some());
        conduct([&stage.tsa, &others[0], &others[1]][away], Locks::Silent);
        stage.settled(room).await;
        let auction = stage.auction(room);
        let void: Vec<Void> = auction.voided().iter().map(|void| void.cause).collect();
        assert_eq!((auction.bids().len(), void), (1, vec![cause]), "{spoilt} {away}");
    }
}
