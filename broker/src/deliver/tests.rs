//! What authors left with a witness, on its way through the real rooms.

use pregao_protocol::audit::delivered::answers;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Body, Say};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::wire::delivery::{Credentials, Unreadable, UnreadableCode};

use super::*;
use crate::fixture::{Cosigner, Made, Person, Stage, Terms, Tsa, secs};

struct Scene {
    stage: Stage,
    witness: Arc<Cosigner>,
    room: RoomName,
}

impl Scene {
    /// An auction of Ana's that ends in ten minutes, with a bid of Rui's of 100.
    async fn open() -> Self {
        let witness = Cosigner::new(1, 1);
        let stage = Stage::witnessed(&[Arc::clone(&witness)]).await;
        let ana = stage.person(1);
        let room = stage.list(&ana, 600).await.room();
        stage.bids(&stage.person(2), room, 100).await;
        Self { stage, witness, room }
    }

    /// As its author leaves it.
    fn sealed(&self, author: &Person, made: &Made) -> Delivery {
        self.sealed_with(made, author.certificate.clone(), &self.stage.tsa)
    }

    fn sealed_with(&self, made: &Made, certificate: Vec<u8>, tsa: &Tsa) -> Delivery {
        let shared = self.stage.shared();
        let (broker, key) = (shared.fingerprint(), shared.certificate.keys.delivery);
        let credentials = Credentials { certificate, blind: made.blind.clone() };
        let author = credentials.seal(broker, &key, &made.action, [1; 32]).unwrap();
        let stamp = tsa.stamp(made.action.digest());
        Delivery::seal(broker, &key, &made.action, stamp, &author, [2; 32]).unwrap()
    }

    /// What the broker answers to what is left.
    async fn answer(&self, delivery: &Delivery) -> DeliveryAnswer {
        let before = self.witness.answers().len();
        self.witness.leave(delivery.clone());
        self.stage.until(|_| self.witness.answers().len() > before).await;
        let (id, answer) = self.witness.answers().pop().unwrap();
        assert_eq!(id, delivery.id());
        assert_eq!(answers(&answer, delivery, &self.stage.shared().certificate.keys), Ok(()));
        answer
    }

    async fn unreadable(&self, delivery: &Delivery) -> UnreadableCode {
        match self.answer(delivery).await {
            DeliveryAnswer::Unreadable(word) => {
                let entry = self.stage.shared().certificate.keys.entry;
                let word = Unreadable::open(&word, &entry).unwrap();
                self.stage.tsa.open(&word.header);
                word.code
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn v155_what_is_delivered_is_decided_like_anything_that_is_handed_in() {
    let scene = Scene::open().await;
    let (stage, eva) = (&scene.stage, scene.stage.person(3));
    let bid = stage.bid(&eva, scene.room, 110);
    let delivery = scene.sealed(&eva, &bid);
    let DeliveryAnswer::Receipt(receipt) = scene.answer(&delivery).await else {
        panic!("no receipt")
    };
    assert_eq!(stage.size(scene.room), 3);
    // The same again is the same entry; and a session gets the same answer.
    let DeliveryAnswer::Receipt(again) = scene.answer(&delivery).await else {
        panic!("no receipt")
    };
    assert_eq!(again.entry, receipt.entry);
    assert_eq!(stage.act(&eva, &bid).await.seq(), Some(2));
    assert_eq!(stage.size(scene.room), 3);
    // Equal is too low, and the refusal is signed.
    let low = stage.bid(&eva, scene.room, 110);
    let refused = scene.answer(&scene.sealed(&eva, &low)).await;
    assert!(matches!(refused, DeliveryAnswer::Refusal(_)), "{refused:?}");
    assert_eq!(stage.act(&eva, &low).await.code(), "bid.too-low");
    assert_eq!(stage.metrics().delivered.value(), 3);
}

#[tokio::test(start_paused = true)]
async fn v155_a_listing_is_delivered_too_and_a_seller_is_known_by_their_persona() {
    let scene = Scene::open().await;
    let (stage, eva) = (&scene.stage, scene.stage.person(3));
    let terms = Terms::until(stage.tsa.now().plus(secs(900)));
    let listing = eva.listing(stage.shared(), &terms);
    let DeliveryAnswer::Receipt(receipt) = scene.answer(&scene.sealed(&eva, &listing)).await else {
        panic!("no receipt")
    };
    assert_eq!(receipt.opening, listing.action.compact());
    let own = stage.bid(&eva, listing.room(), 100);
    let refused = scene.answer(&scene.sealed(&eva, &own)).await;
    assert!(matches!(refused, DeliveryAnswer::Refusal(_)), "{refused:?}");
    assert_eq!(stage.act(&eva, &own).await.code(), "bid.own-item");
}

#[tokio::test(start_paused = true)]
async fn v155_whatever_was_sealed_is_answered_under_signature() {
    let scene = Scene::open().await;
    let (stage, eva) = (&scene.stage, scene.stage.person(3));
    let bid = stage.bid(&eva, scene.room, 110);
    let good = scene.sealed(&eva, &bid);
    let garbage = Delivery { sealed: vec![7; good.sealed.len()], ..good.clone() };
    assert_eq!(scene.unreadable(&garbage).await, UnreadableCode::Sealed);
    let nothing = Delivery { sealed: Vec::new(), ..good.clone() };
    assert_eq!(scene.unreadable(&nothing).await, UnreadableCode::Sealed);
    // Certified by another CA, not at all, or another persona's certificate.
    let foreign = Person::new(&Tsa::new(9), 3).certificate;
    let others = stage.person(4).certificate;
    for certificate in [foreign, Vec::new(), others] {
        let delivery = scene.sealed_with(&bid, certificate, &stage.tsa);
        assert_eq!(scene.unreadable(&delivery).await, UnreadableCode::Author);
    }
    let delivery = scene.sealed_with(&bid, eva.certificate.clone(), &Tsa::new(9));
    assert_eq!(scene.unreadable(&delivery).await, UnreadableCode::Stamp);
    let stamp = stage.tsa.stamp(Digest([1; 32]));
    let other_stamp = Delivery { stamp, ..good.clone() };
    assert_eq!(scene.unreadable(&other_stamp).await, UnreadableCode::Stamp);
    let seen = stage.seen(scene.room);
    let nowhere = eva.bid(stage.shared(), RoomName([9; 32]), 110, seen);
    assert_eq!(scene.unreadable(&scene.sealed(&eva, &nowhere)).await, UnreadableCode::Room);
    // None of it was logged, and the good one still is.
    assert_eq!(stage.size(scene.room), 2);
    let fresh = scene.sealed(&eva, &bid);
    assert!(matches!(scene.answer(&fresh).await, DeliveryAnswer::Receipt(_)));
}

#[tokio::test(start_paused = true)]
async fn v155_a_certificate_that_ended_is_no_author() {
    let scene = Scene::open().await;
    let ended = Person::certified(&scene.stage.tsa, 5, (1, 2));
    let bid = scene.stage.bid(&ended, scene.room, 110);
    let code = scene.unreadable(&scene.sealed(&ended, &bid)).await;
    assert_eq!(code, UnreadableCode::Author);
}

#[tokio::test(start_paused = true)]
async fn v155_a_private_room_is_not_there_for_a_delivery() {
    let scene = Scene::open().await;
    let (stage, ana) = (&scene.stage, scene.stage.person(1));
    let end = stage.tsa.now().plus(secs(30));
    let sold = stage.list_with(&ana, &Terms::until(end)).await.room();
    stage.bids(&stage.person(2), sold, 100).await;
    stage.settled(sold).await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let (private, _) = stage.reveals()[0].clone();
    let text = "hello".to_owned().try_into().unwrap();
    let said = ana.make(
        stage.shared(),
        Some(private),
        Body::Say(Say { text }),
        Seen { size: 1, ..Seen::nothing() },
    );
    assert_eq!(scene.unreadable(&scene.sealed(&ana, &said)).await, UnreadableCode::Room);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_cannot_decide_does_not_ask_meanwhile() {
    let scene = Scene::open().await;
    let (stage, eva) = (&scene.stage, scene.stage.person(3));
    let bid = stage.bid(&eva, scene.room, 110);
    let delivery = scene.sealed(&eva, &bid);
    stage.store.break_down(true);
    scene.witness.leave(delivery);
    tokio::time::sleep(POLL_EVERY * 2).await;
    let polls = scene.witness.polls().len();
    tokio::time::sleep(secs(120)).await;
    assert_eq!(scene.witness.polls().len(), polls, "a witness would count the time");
    stage.store.break_down(false);
    stage.until(|_| !scene.witness.answers().is_empty()).await;
    tokio::time::sleep(POLL_EVERY * 2).await;
    assert!(scene.witness.polls().len() > polls);
}

#[tokio::test(start_paused = true)]
async fn a_witness_out_of_reach_is_asked_again_and_one_with_anothers_delivery_is_not_served() {
    let scene = Scene::open().await;
    let (stage, eva) = (&scene.stage, scene.stage.person(3));
    scene.witness.conduct(|conduct| conduct.reachable = false);
    tokio::time::sleep(secs(30)).await;
    let bid = stage.bid(&eva, scene.room, 110);
    let delivery = scene.sealed(&eva, &bid);
    let others = Delivery { broker: Fingerprint([1; 32]), ..delivery.clone() };
    scene.witness.conduct(|conduct| conduct.reachable = true);
    assert!(matches!(scene.answer(&delivery).await, DeliveryAnswer::Receipt(_)));
    scene.witness.leave(others);
    tokio::time::sleep(secs(30)).await;
    assert_eq!(scene.witness.answers().len(), 1);
}
