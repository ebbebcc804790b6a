//! What a broker owes a room with sealed bids, and when; with a TSA that answers late, falsely or not at all.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::sealed::envelope::seal_bid;
use pregao_protocol::room::auction::{Late, Outcome, Phase};
use pregao_protocol::room::body::{Listing, PriceRule, SealedBid, SealedTerms};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::seal::SealKey;

use super::*;
use crate::fixture::{Cosigner, Locks, Made, Person, Stage, Terms, secs};

/// A broker with a witness, and an auction of so many seconds whose bids are sealed.
async fn listed(seconds: u64) -> (Stage, std::sync::Arc<Cosigner>, RoomName) {
    let cosigner = Cosigner::new(1, 1);
    let stage = Stage::witnessed(&[std::sync::Arc::clone(&cosigner)]).await;
    let room = list(&stage, seconds).await;
    (stage, cosigner, room)
}

async fn list(stage: &Stage, seconds: u64) -> RoomName {
    let ana = stage.person(1);
    let terms = Terms::until(stage.tsa.now().plus(secs(seconds)));
    let listing = Listing {
        increment: 1.try_into().unwrap(),
        sealed: Some(SealedTerms { price: PriceRule::Second, needed: 1 }),
        ..ana.draft(stage.shared(), &terms)
    };
    let made = ana.make(stage.shared(), None, Body::List(listing), Seen::nothing());
    assert_eq!(stage.act(&ana, &made).await.seq(), Some(0));
    made.action.room()
}

impl Stage {
    fn sealed(&self, author: &Person, room: RoomName, amount: u64) -> Made {
        let auction = self.auction(room);
        let id = uuid::Builder::from_random_bytes(author.fresh()).into_uuid();
        let blind = Blind::from_random(author.fresh());
        let key = OneTimeKey::derive(&author.key, self.shared().fingerprint(), id, &blind);
        let halves = [author.fresh(), author.fresh()];
        let seal = SealKey::from_random(author.fresh()).public();
        let to = auction.recipients().unwrap();
        let amount = amount.try_into().unwrap();
        let bid: SealedBid = seal_bid(to, (room, &key.public()), amount, seal, &halves).unwrap();
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
