//! Going on after a store that failed: what the fold says is what the log says, before anybody hears of it.

use std::time::Duration;

use pregao_protocol::room::action::Seen;
use tokio::sync::{mpsc, oneshot};

use pregao_protocol::log::{Head, Origin, RoomName};

use super::*;
use crate::fanout::Watcher;
use crate::fixture::{Person, Stage, secs};
use crate::room::{RoomMessage, WatchAnswer};
use crate::store::Log as _;

async fn open() -> (Stage, Person, RoomName) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let room = stage.list(&ana, 36_000).await.room();
    (stage, ana, room)
}

/// Asks a room to go live from a position on.
async fn watch(stage: &Stage, room: RoomName, next: u64) -> WatchAnswer {
    let (queue, _) = mpsc::channel(8);
    let watcher = Watcher { session: 77, queue, lagging: Arc::default() };
    let (answer, watching) = oneshot::channel();
    let message = RoomMessage::Watch { watcher, next, answer };
    stage.registry().room(room).unwrap().mailbox.send(message).await.unwrap();
    watching.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_joins_after_a_failed_commit_is_shown_the_log_and_not_what_failed() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    stage.bids(&rui, room, 100).await;
    let bid = stage.bid(&rui, room, 110);
    stage.store.fail_commits(1);
    assert_eq!(stage.act(&rui, &bid).await.code(), "store.failed");
    let WatchAnswer::Live { tail, head, .. } = watch(&stage, room, 1).await else { panic!("live") };
    let logged = stage.store.sound().read(&room, 1, 9).unwrap();
    assert_eq!((tail.len(), tail[0].logged()), (1, logged[0].logged()));
    let origin = Origin { broker: stage.shared().fingerprint(), room };
    let key = &stage.shared().certificate.keys.head;
    let head = Head::open(&head, &origin, key).unwrap();
    assert_eq!(Seen { size: head.size, root: head.root }, stage.seen(room));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_cannot_read_its_log_shows_nothing_and_decides_nothing() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let (lost, next) = (stage.bid(&rui, room, 100), stage.bid(&rui, room, 50));
    stage.store.fail_commits(1);
    assert_eq!(stage.act(&rui, &lost).await.code(), "store.failed");
    stage.store.fail_reads(2);
    assert!(matches!(watch(&stage, room, 0).await, WatchAnswer::Failed));
    // Within the pause nothing is read, and nothing answered from what is in memory.
    assert!(matches!(watch(&stage, room, 0).await, WatchAnswer::Failed));
    assert_eq!(
        stage.submit(&rui, &next, &stage.stamp(&next)).answer().await.code(),
        "store.failed"
    );
    tokio::time::sleep(secs(3)).await;
    assert!(matches!(watch(&stage, room, 0).await, WatchAnswer::Live { .. }));
    assert_eq!(stage.act(&rui, &next).await.code(), "bid.too-low");
    assert_eq!(stage.act(&rui, &lost).await.seq(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_broken_is_not_given_another_batch_before_its_pause_or_a_trial() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let bid = stage.bid(&rui, room, 100);
    stage.store.break_down(true);
    let before = stage.store.tried();
    for _ in 0..5 {
        assert_eq!(stage.act(&rui, &bid).await.code(), "store.failed");
    }
    assert_eq!(stage.store.tried(), before + 1);
    // Whoever comes when the pause is over makes the next try.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.act(&rui, &bid).await.code(), "store.failed");
    assert_eq!(stage.store.tried(), before + 2);
    assert_eq!(stage.act(&rui, &bid).await.code(), "store.failed");
    assert_eq!((stage.store.tried(), stage.metrics().store_working.value()), (before + 2, 0));
    // The writer tries once a second by itself, and nobody has to risk an action.
    stage.store.break_down(false);
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    assert_eq!(stage.metrics().store_working.value(), 1);
    assert_eq!(stage.act(&rui, &bid).await.seq(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_succeeds_lifts_the_pause_at_once() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let bid = stage.bid(&rui, room, 100);
    // The commit fails, and the trial that follows does not.
    stage.store.fail_commits(1);
    let stamp = stage.stamp(&bid);
    let begun = tokio::time::Instant::now();
    assert_eq!(stage.submit(&rui, &bid, &stamp).answer().await.code(), "store.failed");
    assert_eq!(stage.submit(&rui, &bid, &stamp).answer().await.seq(), Some(1));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn one_room_that_failed_keeps_no_other_from_going_on() {
    let (stage, ana, room) = open().await;
    let other = stage.list(&ana, 36_000).await.room();
    let rui = stage.person(2);
    let bid = stage.bid(&rui, room, 100);
    stage.store.fail_commits(1);
    assert_eq!(stage.act(&rui, &bid).await.code(), "store.failed");
    stage.store.fail_reads(1);
    assert!(matches!(watch(&stage, room, 0).await, WatchAnswer::Failed));
    stage.bids(&rui, other, 100).await;
    assert_eq!((stage.size(room), stage.size(other)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn who_holds_more_than_the_log_or_less_than_is_in_memory_reads_pages() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    stage.bids(&rui, room, 100).await;
    for (next, live) in [(0, true), (1, true), (2, true), (3, false), (u64::MAX, false)] {
        let watching = watch(&stage, room, next).await;
        assert_eq!(matches!(watching, WatchAnswer::Live { .. }), live, "{next}");
        assert_eq!(matches!(watching, WatchAnswer::Behind), !live, "{next}");
    }
}
