//! What a room does by itself: when, in which order, once, and again after it failed.

use std::time::Duration;

use pregao_protocol::log::merkle::{self, Tree, inclusion_path, leaf_hash, root_from_path};
use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::{Outcome, Phase};
use pregao_protocol::room::body::{Body, Closed, SoftClose};
use pregao_protocol::wire::frame::FromBroker;
use tokio::sync::mpsc;

use crate::fixture::{Answer, Made, Pending, Person, Stage, Terms, secs};
use crate::store::{Log as _, StoredTree};

const MICROSECOND: Duration = Duration::from_micros(1);

/// An auction of Ana's that ends in twenty seconds, with a bid of Rui's.
async fn running() -> (Stage, [Person; 2], [Made; 2]) {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let listing = stage.list(&ana, 20).await;
    let bid = stage.bids(&rui, listing.room(), 100).await;
    (stage, [ana, rui], [listing, bid])
}

#[tokio::test(start_paused = true)]
async fn an_auction_closes_at_its_end_by_tsa_time_and_not_a_microsecond_before() {
    let (stage, _, [listing, _]) = running().await;
    let (room, end) = (listing.room(), stage.auction(listing.room()).end());
    stage.stop_ticks().await;
    stage.tell(end.minus(MICROSECOND)).await;
    tokio::time::sleep(secs(1)).await;
    assert_eq!(stage.verbs(room), ["list", "bid"]);
    stage.tell(end).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.verbs(room), ["list", "bid", "closed", "settled"]);
    assert!(stage.auction(room).late().is_none());
}

#[tokio::test(start_paused = true)]
async fn without_the_tsa_no_auction_closes_however_late_it_is() {
    let (stage, _, [listing, _]) = running().await;
    let room = listing.room();
    stage.tsa.conduct(|conduct| (conduct.ticks, conduct.answers) = (false, false));
    tokio::time::sleep(secs(60)).await;
    assert_eq!(stage.size(room), 2, "silent");
    stage.tsa.conduct(|conduct| conduct.reachable = false);
    tokio::time::sleep(secs(300)).await;
    assert_eq!(stage.size(room), 2, "out of reach");
    stage.tsa.conduct(|conduct| *conduct = Default::default());
    stage.settled(room).await;
    assert!(stage.auction(room).late().is_some(), "and either may withdraw");
    assert!(stage.reveals()[0].1.withdrawal);
}

#[tokio::test(start_paused = true)]
async fn a_tsa_that_tells_the_time_and_stamps_nothing_closes_nothing_and_is_not_flooded() {
    let (stage, _, [listing, _]) = running().await;
    let room = listing.room();
    stage.tsa.conduct(|conduct| conduct.answers = false);
    tokio::time::sleep(secs(80)).await;
    assert_eq!(stage.size(room), 2);
    // A minute after the end: each try waits two seconds for its stamp, and then for the next tick.
    let asked = stage.tsa.asked().len();
    assert!((12..=30).contains(&asked), "{asked}");
    stage.tsa.conduct(|conduct| conduct.answers = true);
    stage.settled(room).await;
}

#[tokio::test(start_paused = true)]
async fn closed_settled_opened_invited_each_once_and_in_this_order() {
    let (stage, [ana, rui], [listing, bid]) = running().await;
    let (room, eva) = (listing.room(), stage.person(3));
    let mut told = [&ana, &rui, &eva].map(|person| {
        let (session, frames) = mpsc::unbounded_channel();
        let before = stage.shared().presence.register(person.key.public().fingerprint(), session);
        assert!(before.is_empty());
        frames
    });
    tokio::time::sleep(secs(50)).await;
    assert_eq!(stage.verbs(room), ["list", "bid", "closed", "settled"]);
    let [(private, opening)] = <[_; 1]>::try_from(stage.reveals()).unwrap();
    assert_eq!((opening.auction, opening.settled), (room, 3));
    assert_eq!((opening.seller, opening.winner), (*listing.action.key(), *bid.action.key()));
    assert_eq!(opening.root, stage.seen(room).root);
    for frames in &mut told[..2] {
        let invited = frames.try_recv().unwrap();
        let FromBroker::Invited { auction, room: to } = invited else { panic!("{invited:?}") };
        assert_eq!((auction, to), (room, private));
        assert!(frames.try_recv().is_err(), "once");
    }
    assert!(told[2].try_recv().is_err(), "and nobody else");
    assert_eq!(stage.metrics().closed.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_auction_without_bids_is_over_when_it_is_settled_and_forgets_its_seller() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let room = stage.list(&ana, 20).await.room();
    assert!(stage.shared().authors.of(room).await.unwrap().is_some());
    tokio::time::sleep(secs(300)).await;
    assert_eq!(stage.verbs(room), ["list", "closed", "settled"]);
    assert_eq!(stage.auction(room).phase(), Phase::Ended(Outcome::Unsold));
    assert_eq!(stage.shared().authors.of(room).await.unwrap(), None, "erased");
    assert!(stage.reveals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_not_stored_is_tried_again_after_pauses_that_double_up_to_two_seconds() {
    let (stage, _, [listing, _]) = running().await;
    let before = stage.store.tried();
    stage.store.fail_commits(8);
    stage.settled(listing.room()).await;
    let pauses = stage.store.pauses(before);
    for (pause, expected) in pauses.iter().zip([100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]) {
        let least = Duration::from_millis(expected);
        // A stamp is made for each try.
        let most = least + Duration::from_millis(5);
        assert!((least..=most).contains(pause), "{pauses:?}");
    }
    assert_eq!(stage.verbs(listing.room()), ["list", "bid", "closed", "settled"]);
}

/// What became of an auction after a crash behind one of its steps.
async fn crashed_after(verb: &'static str) -> (Stage, RoomName, Vec<&'static str>) {
    let (stage, _, [listing, _]) = running().await;
    stage.break_after(verb);
    tokio::time::sleep(secs(25)).await;
    let verbs = stage.verbs(listing.room());
    let stage = stage.restart().await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    (stage, listing.room(), verbs)
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_died_between_two_steps_takes_up_the_next() {
    let all = ["list", "bid", "closed", "settled"];
    for (verb, logged) in [("closed", 3), ("settled", 4), ("reveal", 4)] {
        let (stage, room, before) = crashed_after(verb).await;
        assert_eq!(before, all[..logged], "{verb}");
        tokio::time::sleep(secs(5)).await;
        assert_eq!((stage.verbs(room).as_slice(), stage.reveals().len()), (&all[..], 1), "{verb}");
        let private = stage.reveals()[0].0;
        for (number, invited) in [(1, true), (2, true), (3, false)] {
            let persona = stage.person(number).key.public().fingerprint();
            let invitations =
                stage.shared().presence.register(persona, mpsc::unbounded_channel().0);
            let expected = if invited { vec![(room, private)] } else { Vec::new() };
            assert_eq!(invitations, expected, "{verb} {number}");
        }
    }
}

/// What `closed` says of the refusals of a room.
fn closed(stage: &Stage, room: RoomName) -> Closed {
    let entries = stage.store.sound().read(&room, 0, 999).unwrap();
    let body = |text: &str| {
        let action = Action::parse(&Entry::parse(text).unwrap().action).unwrap();
        if let Body::Closed(closed) = action.body() { Some(*closed) } else { None }
    };
    entries.iter().find_map(|entry| body(&entry.text)).expect("it is closed")
}

#[tokio::test(start_paused = true)]
async fn closed_says_how_many_were_refused_and_the_root_over_them_in_the_order_signed() {
    let (mut stage, [ana, rui], [listing, _]) = running().await;
    let room = listing.room();
    let mut refusals = Vec::new();
    // Not of this room: a listing that is refused has none.
    let impossible = Terms { freshness: 0, ..Terms::until(stage.tsa.now().plus(secs(60))) };
    let made = ana.listing(stage.shared(), &impossible);
    assert_eq!(stage.act(&ana, &made).await.code(), "listing.terms");
    for round in 0..3 {
        let low = stage.bid(&rui, room, 50 + round);
        let own = stage.bid(&ana, room, 500);
        for (author, made) in [(&rui, &low), (&ana, &own), (&rui, &low)] {
            let Answer::Refused(_, jws) = stage.act(author, made).await else { panic!("refused") };
            if refusals.last() != Some(&jws) && !refusals.contains(&jws) {
                refusals.push(jws);
            }
        }
        if round == 1 {
            // A commit that fails counts nothing, and is rebuilt from.
            let lost = stage.bid(&rui, room, 60);
            stage.store.fail_commits(1);
            assert_eq!(stage.act(&rui, &lost).await.code(), "store.failed");
        }
        stage = stage.restart().await;
    }
    assert_eq!(refusals.len(), 6);
    stage.until(|stage| stage.verbs(room).contains(&"closed")).await;
    let tree = Tree::new(refusals.iter().map(|jws| leaf_hash(jws.as_bytes())).collect());
    let expected = Closed { refused: 6, root: tree.root() };
    assert_eq!(closed(&stage, room), expected);
    // What comes after it changes nothing of it.
    let late = stage.bid(&rui, room, 900);
    assert_eq!(stage.act(&rui, &late).await.code(), "bid.late");
    assert_eq!(closed(&stage, room), expected);
    // Each of them is shown to be in it, by its leaf alone.
    let (seq, size) = (4, stage.store.sound().refused(&room).unwrap());
    let stored = StoredTree::of_refusals(stage.store.sound(), room);
    let path = inclusion_path(&stored, seq, 6).unwrap();
    let leaf = leaf_hash(refusals[4].as_bytes());
    assert_eq!((root_from_path(&leaf, seq, 6, &path), size), (Ok(expected.root), 7));
}

#[tokio::test(start_paused = true)]
async fn a_room_in_which_nothing_was_refused_closes_over_the_empty_tree() {
    let (stage, _, [listing, _]) = running().await;
    stage.until(|stage| stage.verbs(listing.room()).contains(&"closed")).await;
    let nothing = Closed { refused: 0, root: merkle::empty_root() };
    assert_eq!(closed(&stage, listing.room()), nothing);
}

/// Hands in so many bids that are too low, all at once.
fn flood(stage: &Stage, author: &Person, room: RoomName, count: usize) -> Vec<Pending> {
    let seen = stage.seen(room);
    let low = (0..count).map(|_| author.bid(stage.shared(), room, 50, seen));
    low.map(|made| stage.submit(author, &made, &stage.stamp(&made))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_bid_that_waits_behind_a_flood_at_the_end_is_decided_before_the_close() {
    let (stage, [_, rui], [listing, _]) = running().await;
    let (room, eva) = (listing.room(), stage.person(3));
    let end = stage.auction(room).end();
    stage.stop_ticks().await;
    stage.tell(end.minus(secs(1))).await;
    let bid = stage.bid(&eva, room, 500);
    // Each batch takes a while, and all of it does not fit the next one.
    stage.machine.slow_disk(Duration::from_millis(200));
    let flood = flood(&stage, &rui, room, 700);
    let rival = stage.submit(&eva, &bid, &stage.stamp(&bid));
    stage.tell(end).await;
    assert!(rival.is_open(), "with the checkers, or in the mailbox");
    assert_eq!(rival.answer().await.seq(), Some(2));
    for one in flood {
        assert_eq!(one.answer().await.code(), "bid.too-low");
    }
    stage.until(|stage| stage.verbs(room).contains(&"closed")).await;
    assert_eq!(closed(&stage, room).refused, 700);
    assert_eq!(stage.auction(room).leading().unwrap().seq, 2);
}

#[tokio::test(start_paused = true)]
async fn a_flood_that_is_not_decided_in_half_the_grace_does_not_put_the_close_off() {
    let (stage, [_, rui], [listing, _]) = running().await;
    let room = listing.room();
    let end = stage.auction(room).end();
    stage.until(|stage| stage.tsa.now() >= end.minus(secs(1))).await;
    // The first batch is under way at the end, and of the rest one fits half of five seconds.
    stage.machine.slow_disk(Duration::from_millis(2_600));
    let flood = flood(&stage, &rui, room, 700);
    stage.until(|stage| stage.store.sound().head(&room).unwrap().size > 2).await;
    let refused = closed(&stage, room).refused;
    assert!((500..700).contains(&refused), "{refused}");
    stage.machine.slow_disk(Duration::ZERO);
    let mut late = 0;
    for one in flood {
        late += u64::from(one.answer().await.code() == "bid.late");
    }
    assert_eq!(late, 700 - refused);
    assert!(stage.auction(room).late().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_bid_decided_at_the_end_that_moves_it_puts_the_close_off() {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let end = stage.tsa.now().plus(secs(20));
    let soft = SoftClose { extend: 30, hard_end: end.plus(secs(300)) };
    let made = stage.list_soft(&ana, &Terms::until(end), soft).await;
    let room = made.room();
    stage.stop_ticks().await;
    stage.tell(end.minus(secs(1))).await;
    let bid = stage.bid(&rui, room, 100);
    let pending = stage.submit(&rui, &bid, &stage.stamp(&bid));
    stage.tell(end).await;
    assert_eq!(pending.answer().await.seq(), Some(1));
    tokio::time::sleep(secs(1)).await;
    assert_eq!(stage.verbs(room), ["list", "bid"]);
    let moved = stage.auction(room).end();
    assert!(moved > end);
    stage.tell(moved).await;
    stage.until(|stage| stage.verbs(room).contains(&"closed")).await;
}
