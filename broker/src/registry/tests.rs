//! How rooms are opened, and what waits for them.

use std::time::Duration;

use pregao_protocol::log::Entry;
use pregao_protocol::log::merkle::{self, Frontier};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Body, Listing};
use pregao_protocol::trust::key::{HeadKey, SecretKey};

use crate::fixture::{Made, Person, Stage, Terms, secs};

async fn open() -> (Stage, Person) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    (stage, ana)
}

fn listing(stage: &Stage, seller: &Person) -> Made {
    seller.listing(stage.shared(), &Terms::until(stage.tsa.now().plus(secs(3_600))))
}

/// How a listing is changed.
type Alter = Box<dyn FnOnce(&mut Listing)>;

/// A listing with something changed.
fn altered(stage: &Stage, seller: &Person, alter: impl FnOnce(&mut Listing)) -> Made {
    let terms = Terms::until(stage.tsa.now().plus(secs(3_600)));
    let mut draft = seller.draft(stage.shared(), &terms);
    alter(&mut draft);
    seller.make(stage.shared(), None, Body::List(draft), Seen::nothing())
}

#[tokio::test(start_paused = true)]
async fn a_listing_opens_one_room_however_often_it_comes_and_what_follows_it_finds_the_room() {
    let (stage, ana) = open().await;
    let rui = stage.person(2);
    let made = listing(&stage, &ana);
    let room = made.room();
    let stamp = stage.stamp(&made);
    // Who knows the listing can bid on it before it is logged.
    let entry = Entry { seq: 0, action: made.action.compact().to_owned(), stamp: stamp.stamp() };
    let mut tree = Frontier::default();
    tree.push(entry.leaf());
    let bid = rui.bid(stage.shared(), room, 100, Seen { size: 1, root: tree.root() });
    let pending = [
        stage.submit(&ana, &made, &stamp),
        stage.submit(&rui, &bid, &stage.stamp(&bid)),
        stage.submit(&ana, &made, &stamp),
    ];
    let mut seqs = Vec::new();
    for one in pending {
        seqs.push(one.answer().await.seq());
    }
    assert_eq!(seqs, [Some(0), Some(1), Some(0)], "each in its order");
    assert_eq!((stage.shared().lobby.size(), stage.metrics().rooms.value()), (1, 1));
    assert_eq!(stage.act(&ana, &made).await.seq(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_a_bid_is_for_must_be_there() {
    let (stage, ana) = open().await;
    let made = listing(&stage, &ana);
    let seen = Seen { size: 1, root: merkle::empty_root() };
    let bid = stage.person(2).bid(stage.shared(), made.room(), 100, seen);
    assert_eq!(stage.act(&stage.person(2), &bid).await.code(), "room.unknown");
    // Undecided it was: once the room is there, it is judged.
    stage.act(&ana, &made).await.seq().unwrap();
    assert_eq!(stage.act(&stage.person(2), &bid).await.code(), "seen.false");
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_names_other_keys_or_impossible_terms_opens_nothing() {
    let (stage, ana) = open().await;
    let strange = SecretKey::<HeadKey>::from_seed(&[9; 32]).public();
    let foreign = SecretKey::from_seed(&[9; 32]).public();
    let now = stage.tsa.now();
    let cases: [(&str, Alter); 7] = [
        ("listing.keys", Box::new(move |listing| listing.broker.head = strange)),
        ("listing.keys", Box::new(move |listing| listing.stamps.push(foreign))),
        (
            "listing.keys",
            Box::new(|listing| listing.authorities = vec![SecretKey::from_seed(&[9; 32]).public()]),
        ),
        ("listing.end", Box::new(move |listing| listing.end = now)),
        ("listing.terms", Box::new(|listing| listing.freshness = 0)),
        ("listing.terms", Box::new(|listing| listing.threshold = 2)),
        ("listing.terms", Box::new(|listing| listing.grace = 61)),
    ];
    for (code, alter) in cases {
        let made = altered(&stage, &ana, alter);
        let answer = stage.act(&ana, &made).await;
        let refusal = answer.refusal();
        assert_eq!((refusal.code.as_str(), refusal.size), (code, 0));
        assert_eq!((refusal.room, refusal.root), (made.room(), merkle::empty_root()));
        assert!(stage.registry().room(made.room()).is_none());
        assert_eq!(stage.act(&ana, &made).await, answer, "and again, to the byte");
    }
    assert_eq!((stage.shared().lobby.size(), stage.metrics().refused.value()), (0, 7));
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_stale_a_microsecond_after_its_own_freshness_and_stays_so() {
    for (late, code) in [(Duration::ZERO, "receipt"), (Duration::from_micros(1), "door.stale")] {
        let (stage, ana) = open().await;
        stage.stop_ticks().await;
        let made = listing(&stage, &ana);
        let (stamp, begun) = (stage.stamp(&made), stage.tsa.now());
        stage.tell(begun.plus(secs(10)).plus(late)).await;
        let answer = stage.submit(&ana, &made, &stamp).answer().await;
        assert_eq!(answer.code(), code);
        let again = stage.act(&ana, &made).await;
        assert_eq!(again.code(), code, "a fresh stamp changes no answer");
        if code != "receipt" {
            let newest = stage.shared().stamps.last().unwrap().batch;
            assert_eq!(answer.refusal().header, newest.compact());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_cannot_be_stored_opens_nothing_and_can_come_again() {
    let (stage, ana) = open().await;
    let made = listing(&stage, &ana);
    stage.store.fail_commits(1);
    assert_eq!(stage.act(&ana, &made).await.code(), "store.failed");
    assert!(stage.registry().room(made.room()).is_none() && stage.shared().lobby.size() == 0);
    // Nor is anything opened while it is not known what was answered before.
    stage.store.fail_reads(1);
    assert_eq!(stage.act(&ana, &made).await.code(), "store.failed");
    // A refusal that is not stored is not given: another could be given later.
    let bad = altered(&stage, &ana, |listing| listing.freshness = 0);
    stage.store.fail_commits(1);
    assert_eq!(stage.act(&ana, &bad).await.code(), "store.failed");
    assert_eq!(stage.metrics().failed.value(), 3);
    assert_eq!(stage.act(&ana, &made).await.seq(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn without_the_time_nothing_is_listed() {
    let (stage, ana) = open().await;
    let made = listing(&stage, &ana);
    stage.stop_ticks().await;
    stage.machine.sleep(secs(3));
    assert_eq!(stage.act(&ana, &made).await.code(), "tsa.down");
    assert_eq!(stage.shared().lobby.size(), 0);
}
