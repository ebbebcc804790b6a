//! What a room does by itself: when, in which order, once, and again after it failed.

use std::time::Duration;

use pregao_protocol::frame::FromBroker;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::auction::{Outcome, Phase};
use tokio::sync::mpsc;

use crate::fixture::{Made, Person, Stage, secs};

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
    assert!(!stage.auction(room).closed_late());
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
    assert!(stage.auction(room).closed_late(), "and either may withdraw");
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
        let before = stage.house().arrive(person.key.public().fingerprint(), session);
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
    assert!(stage.house().authors(room).await.unwrap().is_some());
    tokio::time::sleep(secs(300)).await;
    assert_eq!(stage.verbs(room), ["list", "closed", "settled"]);
    assert_eq!(stage.auction(room).phase(), Phase::Ended(Outcome::Unsold));
    assert_eq!(stage.house().authors(room).await.unwrap(), None, "erased");
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
            let invitations = stage.house().arrive(persona, mpsc::unbounded_channel().0);
            let expected = if invited { vec![(room, private)] } else { Vec::new() };
            assert_eq!(invitations, expected, "{verb} {number}");
        }
    }
}
