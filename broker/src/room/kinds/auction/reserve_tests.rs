//! What a broker owes an auction with a hidden reserve, and when (SPEC 7.13).

use std::sync::Arc;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::reserve::Standing;
use pregao_protocol::room::auction::sealed::envelope::seal_reserve;
use pregao_protocol::room::auction::{Late, Outcome};
use pregao_protocol::room::body::{Listing, Unseal};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::timelock::OpenedLock;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use uuid::Uuid;

use super::*;
use crate::fixture::{Cosigner, Locks, Made, Peer, Person, Stage, Terms, secs};

const HALVES: [[u8; 32]; 2] = [[3; 32], [4; 32]];

/// A broker with a witness, and an auction of ten seconds with a reserve of 5.00.
struct Reserved {
    stage: Stage,
    _cosigner: Arc<Cosigner>,
    ana: Person,
    listing: Made,
    room: RoomName,
}

impl Reserved {
    async fn listed() -> Self {
        let cosigner = Cosigner::new(1, 1);
        let stage = Stage::witnessed(&[Arc::clone(&cosigner)]).await;
        let ana = stage.person(1);
        let terms = Terms::until(stage.tsa.now().plus(secs(10)));
        let listing = Listing { reserve: Some(1), ..ana.draft(stage.shared(), &terms) };
        let listing = ana.make(stage.shared(), None, Body::List(listing), Seen::nothing());
        assert_eq!(stage.act(&ana, &listing).await.seq(), Some(0));
        let room = listing.room();
        stage.until(|stage| stage.auction(room).recipients().is_some()).await;
        Self { stage, _cosigner: cosigner, ana, listing, room }
    }

    /// The seller acts again, tied to the listing.
    async fn acts(&self, body: impl FnOnce(Ratio, &OneTimeKey) -> Body) -> String {
        let shared = self.stage.shared();
        let id = uuid::Builder::from_random_bytes(self.ana.fresh()).into_uuid();
        let blind = Blind::from_random(self.ana.fresh());
        let broker = shared.fingerprint();
        let context =
            |action: Uuid| BlindContext { broker, action, persona: self.ana.key.public() };
        let first = (&self.listing.blind, &context(self.listing.action.id()));
        let ratio = Ratio::between(first, (&blind, &context(id)));
        let key = OneTimeKey::derive(&self.ana.key, broker, id, &blind);
        let (room, seen) = (Some(self.room), self.stage.seen(self.room));
        let made = self.ana.make_as(shared, (id, blind), room, body(ratio, &key), seen);
        let answer = self.stage.act(&self.ana, &made).await;
        answer.seq().map_or_else(|| answer.code().to_owned(), |_| "logged".to_owned())
    }

    async fn seals(&self, minor: u64) {
        let auction = self.stage.auction(self.room);
        let sealed = self.acts(|ratio, key| {
            let place = (self.room, &key.public());
            let amount = minor.try_into().unwrap();
            let to = auction.recipients().unwrap();
            Body::Reserve(seal_reserve(to, place, amount, ratio, &HALVES).unwrap())
        });
        assert_eq!(sealed.await, "logged");
    }

    async fn unseals(&self) -> String {
        let [first, second] = HALVES.map(OpenedLock);
        self.acts(|ratio, _| Body::Unseal(Unseal { ratio, first, second })).await
    }

    async fn closed(&self) {
        self.stage.until(|stage| stage.auction(self.room).phase() == Phase::Closed).await;
    }

    async fn ended(&self) -> Outcome {
        let ended = |stage: &Stage| matches!(stage.auction(self.room).phase(), Phase::Ended(_));
        self.stage.until(ended).await;
        let Phase::Ended(outcome) = self.stage.auction(self.room).phase() else { unreachable!() };
        outcome
    }
}

#[tokio::test(start_paused = true)]
async fn v212_a_broker_opens_a_reserve_at_its_instant_and_names_who_reaches_it() {
    let house = Reserved::listed().await;
    let (stage, room) = (&house.stage, house.room);
    let early = stage.bid(&stage.person(2), room, 600);
    assert_eq!(stage.act(&stage.person(2), &early).await.code(), Code::BidEarly.as_str());
    house.seals(500).await;
    stage.bids(&stage.person(3), room, 600).await;
    stage.settled(room).await;
    assert_eq!(
        stage.verbs(room),
        ["list", "sealing", "reserve", "bid", "closed", "opened", "settled"]
    );
    let auction = stage.auction(room);
    assert_eq!(auction.late(), None);
    assert_eq!(auction.known_reserve().map(Amount::minor), Some(500));
}

#[tokio::test(start_paused = true)]
async fn v213_a_seller_who_opens_it_lets_nobody_wait() {
    let house = Reserved::listed().await;
    house.seals(500).await;
    house.stage.bids(&house.stage.person(3), house.room, 600).await;
    assert_eq!(house.unseals().await, Code::VerbPhase.as_str());
    house.closed().await;
    assert_eq!(house.unseals().await, "logged");
    house.stage.settled(house.room).await;
    assert!(!house.stage.verbs(house.room).contains(&"opened"));
    assert!(house.stage.tsa.now() < house.stage.auction(house.room).opens().unwrap());
}

#[tokio::test(start_paused = true)]
async fn v215_a_broker_names_nobody_below_the_reserve() {
    let house = Reserved::listed().await;
    house.seals(500).await;
    house.stage.bids(&house.stage.person(3), house.room, 499).await;
    assert_eq!(house.ended().await, Outcome::BelowReserve);
    assert!(house.stage.reveals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn v214_a_reserve_that_no_tsa_opens_is_given_up_after_a_day_and_binds_nobody() {
    let house = Reserved::listed().await;
    let (stage, room) = (&house.stage, house.room);
    house.seals(500).await;
    stage.bids(&stage.person(3), room, 499).await;
    stage.tsa.conduct(|conduct| conduct.locks = Locks::Keeps);
    let opens = stage.auction(room).opens().unwrap();
    house.closed().await;
    tokio::time::sleep(secs(5)).await;
    stage.tell(opens.plus(secs(24 * 3_600 - 1))).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stage.auction(room).phase(), Phase::Closed);
    stage.settled(room).await;
    let auction = stage.auction(room);
    assert_eq!(auction.reserve(), Some(Standing::Unopened));
    assert!(auction.late() == Some(Late::Opened) && auction.withdrawal());
}

#[tokio::test(start_paused = true)]
async fn v212_a_broker_that_falls_before_the_opening_opens_the_reserve_when_it_is_back() {
    let house = Reserved::listed().await;
    house.seals(500).await;
    house.stage.bids(&house.stage.person(3), house.room, 600).await;
    house.closed().await;
    tokio::time::sleep(secs(2)).await;
    let (stage, room) = (house.stage.restart().await, house.room);
    stage.settled(room).await;
    assert_eq!(stage.auction(room).late(), None);
}

#[tokio::test(start_paused = true)]
async fn v232_whoever_follows_hears_that_a_reserve_waits_for_its_tsa() {
    let house = Reserved::listed().await;
    let (stage, room) = (&house.stage, house.room);
    house.seals(500).await;
    stage.bids(&stage.person(3), room, 600).await;
    stage.tsa.conduct(|conduct| conduct.locks = Locks::Keeps);
    let mut peer = Peer::connect(stage, &stage.person(4)).await;
    peer.send(&FromPeer::Join { room, from: 0, member: None }).await;
    house.closed().await;
    let opens = stage.auction(room).opens().unwrap();
    stage.until(|stage| stage.tsa.now() >= opens).await;
    let is_released = |frame: &FromBroker| matches!(frame, FromBroker::Released { .. });
    let FromBroker::Released { room: of, locks } = peer.until(is_released).await else { panic!() };
    assert!(of == room && locks.is_empty(), "{locks:?}");
    stage.tsa.conduct(|conduct| conduct.locks = Locks::Truth);
    stage.settled(room).await;
    assert_eq!(stage.auction(room).late(), None);
}
