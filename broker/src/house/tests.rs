//! How rooms are opened, who is told of them, and how long a read may take.

use std::time::Duration;

use pregao_protocol::room::body::{Body, Listing};
use tokio::time::Instant;

use super::*;
use crate::fixture::{Made, Person, Stage, Terms, secs};

async fn open() -> (Stage, Person) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    (stage, ana)
}

fn listing(stage: &Stage, seller: &Person) -> Made {
    seller.listing(stage.house(), &Terms::until(stage.tsa.now().plus(secs(3_600))))
}

/// How a listing is changed.
type Alter = Box<dyn FnOnce(&mut Listing)>;

/// A listing with something changed.
fn altered(stage: &Stage, seller: &Person, alter: impl FnOnce(&mut Listing)) -> Made {
    let terms = Terms::until(stage.tsa.now().plus(secs(3_600)));
    let mut draft = seller.draft(stage.house(), &terms);
    alter(&mut draft);
    seller.make(stage.house(), None, Body::List(draft), Seen::nothing())
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
    let bid = rui.bid(stage.house(), room, 100, Seen { size: 1, root: tree.root() });
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
    assert_eq!((stage.house().lobby_size(), stage.metrics().rooms.value()), (1, 1));
    assert_eq!(stage.act(&ana, &made).await.seq(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_a_bid_is_for_must_be_there() {
    let (stage, ana) = open().await;
    let made = listing(&stage, &ana);
    let seen = Seen { size: 1, root: merkle::empty_root() };
    let bid = stage.person(2).bid(stage.house(), made.room(), 100, seen);
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
        assert!(stage.house().room(made.room()).is_none());
        assert_eq!(stage.act(&ana, &made).await, answer, "and again, to the byte");
    }
    assert_eq!((stage.house().lobby_size(), stage.metrics().refused.value()), (0, 7));
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
        if code == "door.stale" {
            let newest = stage.house().stamps.last().unwrap().batch;
            let header = answer.refusal().header.clone().unwrap();
            assert_eq!(header, newest.compact());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_cannot_be_stored_opens_nothing_and_can_come_again() {
    let (stage, ana) = open().await;
    let made = listing(&stage, &ana);
    stage.store.fail_commits(1);
    assert_eq!(stage.act(&ana, &made).await.code(), "store.failed");
    assert!(stage.house().room(made.room()).is_none() && stage.house().lobby_size() == 0);
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
    assert_eq!(stage.house().lobby_size(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_ten_seconds_is_one_of_a_disk_that_fails() {
    let (stage, _) = open().await;
    let house = stage.house();
    stage.machine.slow_disk(READ_WITHIN - Duration::from_millis(1));
    assert_eq!(house.read(|_| Ok(7)).await.unwrap(), 7);
    stage.machine.slow_disk(READ_WITHIN + Duration::from_millis(1));
    let begun = Instant::now();
    assert!(matches!(house.read(|_| Ok(7)).await, Err(StoreError::Slow)));
    let waited = begun.elapsed();
    assert!(waited >= READ_WITHIN && waited < READ_WITHIN + Duration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn reads_that_nobody_waits_for_any_longer_still_hold_their_places() {
    let (stage, _) = open().await;
    stage.machine.slow_disk(secs(25));
    let reads: Vec<_> = (0..READS)
        .map(|_| {
            let house = Arc::clone(stage.house());
            tokio::spawn(async move { house.read(|_| Ok(())).await })
        })
        .collect();
    for read in reads {
        assert!(matches!(read.await.unwrap(), Err(StoreError::Slow)));
    }
    stage.machine.slow_disk(Duration::ZERO);
    let late = stage.house().read(|_| Ok(())).await;
    assert!(matches!(late, Err(StoreError::Slow)), "all threads hang");
    tokio::time::sleep(secs(6)).await;
    assert!(stage.house().read(|_| Ok(())).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn invitations_wait_for_who_is_away_and_end_with_the_auction() {
    let (stage, ana) = open().await;
    let (rui, eva) = (stage.person(2), stage.person(3));
    let listed = stage.list(&ana, 3_600).await;
    let auction = listed.room();
    let bid = stage.bids(&rui, auction, 100).await;
    stage.bids(&eva, auction, 110).await;
    let (house, private) = (stage.house(), RoomName([5; 32]));
    let print = |person: &Person| person.key.public().fingerprint();
    let (session, mut frames) = mpsc::unbounded_channel();
    assert!(house.arrive(print(&ana), session.clone()).is_empty());
    let keys = [*listed.action.key(), *bid.action.key()];
    house.invite(auction, private, keys).await.unwrap();
    assert!(matches!(frames.try_recv(), Ok(FromBroker::Invited { .. })));
    house.invite(auction, private, keys).await.unwrap();
    let (other, mut late) = mpsc::unbounded_channel();
    assert_eq!(house.arrive(print(&rui), other.clone()), [(auction, private)], "kept once");
    assert!(house.arrive(print(&eva), other).is_empty(), "she lost");
    assert!(late.try_recv().is_err());
    // Who has left is told nothing, and finds it on coming back.
    house.depart(print(&ana), &session);
    while frames.try_recv().is_ok() {}
    house.invite(auction, private, keys).await.unwrap();
    assert!(frames.try_recv().is_err());
    assert_eq!(house.arrive(print(&ana), session.clone()).len(), 1);
    house.forget_authors(auction).await;
    assert!(house.arrive(print(&ana), session).is_empty());
    // Nobody is known any more, so nobody can be invited.
    house.invite(auction, private, keys).await.unwrap();
    assert!(frames.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_list_of_rooms_keeps_its_order_over_a_restart_and_shows_no_private_room() {
    let (stage, ana) = open().await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(stage.list(&ana, 20).await.room());
    }
    stage.bids(&stage.person(2), rooms[1], 100).await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let stage = stage.restart().await;
    let shown = |from, most| -> Vec<RoomName> {
        let openings = stage.house().lobby(from, most);
        let name = |text: &str| RoomName::of_opening(&Entry::parse(text).unwrap().action);
        openings.iter().map(|opening| name(&opening.entry)).collect()
    };
    assert_eq!(shown(0, 9), rooms);
    assert_eq!((shown(1, 1), shown(3, 9)), (vec![rooms[1]], Vec::new()));
    let private = stage.reveals()[0].0;
    assert!(stage.house().room(private).unwrap().members.is_some());
    assert!(stage.house().room(rooms[1]).unwrap().members.is_none());
    assert_eq!(*stage.house().watch_lobby().borrow(), 3);
}

#[tokio::test(start_paused = true)]
async fn ids_are_random_and_of_the_fourth_version() {
    let (stage, _) = open().await;
    let ids = [stage.house().fresh_uuid(), stage.house().fresh_uuid()];
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.get_version_num() == 4));
}
