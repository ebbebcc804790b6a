//! What is tied to what before it is signed, and what counts against the bound of a listing.

use pregao_protocol::wire::frame::FromBroker;

use super::*;
use crate::desk::fixture::{HandedIn, House, Log, Session, User};

/// A desk that follows an auction in which each bidder may make one bid.
async fn followed(house: &mut House, bids_each: Option<u32>) -> (User, Session, Log) {
    let mut listing = house.listing();
    listing.bids_each = bids_each;
    let log = house.auction(listing);
    let (mut user, mut session) = house.desk().await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == 1 => Some(()),
        _ => None,
    })
    .await;
    (user, session, log)
}

async fn bid(
    house: &House,
    user: &User,
    session: &mut Session,
    log: &Log,
    amount: &str,
) -> HandedIn {
    user.send_command(&["bid", &log.name().to_string(), amount]).await;
    session.stamps(&house.tsa).await;
    session.handed_in().await
}

fn refused(user: &User) -> Option<String> {
    user.seen.iter().rev().find_map(|event| match event {
        Event::Refused { report, .. } => Some(report.code.to_string()),
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_failed_without_a_signature_is_no_bid_made() {
    let mut house = House::open();
    let (mut user, mut session, mut log) = followed(&mut house, Some(1)).await;
    for _ in 0..2 {
        let act = bid(&house, &user, &mut session, &log, "1").await;
        let code = "door.refusals".to_owned();
        session.send(FromBroker::Failed { n: act.n, code }).await;
        assert!(!user.done().await);
    }
    let act = bid(&house, &user, &mut session, &log, "1").await;
    log.push(&act.action, act.stamp.clone());
    session.receipts(act.n, 1, &log, &house.secrets).await;
    assert!(user.done().await);
    // That one was made, by its receipt alone.
    user.send_command(&["bid", &log.name().to_string(), "2"]).await;
    assert!(!user.done().await);
    assert_eq!(refused(&user).as_deref(), Some("bid.limit"));
    assert!(session.is_handed_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn a_second_bid_under_a_paddle_waits_for_the_first_and_is_tied_to_it() {
    let mut house = House::open();
    let (mut user, mut session, mut log) = followed(&mut house, None).await;
    let room = log.name().to_string();
    user.send_command(&["paddle", &room, "17"]).await;
    assert!(user.done().await);
    let first = bid(&house, &user, &mut session, &log, "1").await;
    let made = first.action();
    let paddle = paddle_in(made.body()).unwrap();
    assert!(paddle.name.as_str() == "17" && paddle.earlier.is_none());
    // Where it will be nobody knows yet.
    user.send_command(&["bid", &room, "2"]).await;
    assert!(!user.done().await);
    assert_eq!(refused(&user).as_deref(), Some("paddle.under-way"));
    log.push(&first.action, first.stamp.clone());
    session.receipts(first.n, 1, &log, &house.secrets).await;
    assert!(user.done().await);
    let second = bid(&house, &user, &mut session, &log, "2").await;
    let earlier = paddle_in(second.action().body()).unwrap().earlier.unwrap();
    assert_eq!(earlier.seq, 1);
    earlier.ratio.verify(first.action().key(), second.action().key()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paddle_for_everything_asks_for_a_word_and_gives_way_to_that_of_a_room() {
    let mut house = House::open();
    let (mut user, mut session, log) = followed(&mut house, None).await;
    let room = log.name().to_string();
    user.send_command(&["paddle", "all", "17"]).await;
    assert!(!user.done().await);
    assert_eq!(refused(&user).as_deref(), Some("paddle.everywhere"));
    user.send_command(&["paddle", "all", "17", "anyway"]).await;
    assert!(user.done().await);
    user.send_command(&["paddle", &room, "off"]).await;
    assert!(user.done().await);
    let act = bid(&house, &user, &mut session, &log, "1").await;
    assert_eq!(paddle_in(act.action().body()), None);
}

#[tokio::test(start_paused = true)]
async fn no_witness_is_shown_a_bid_that_is_one_too_many() {
    let mut house = House::open();
    let (mut user, mut session, mut log) = followed(&mut house, Some(1)).await;
    let mut made = Vec::new();
    for amount in ["1", "2"] {
        let act = bid(&house, &user, &mut session, &log, amount).await;
        session.send(FromBroker::Failed { n: act.n, code: "store.failed".to_owned() }).await;
        assert!(!user.done().await);
        made.push(act);
    }
    let room = log.name().to_string();
    let deliver = ["deliver", &room];
    // Neither is in the log, so the newer may be the one.
    user.send_command(&deliver).await;
    assert!(!user.done().await);
    assert_eq!(refused(&user).as_deref(), Some("deliver.witness"));
    log.push(&made[0].action, made[0].stamp.clone());
    session.says(&log, 1, Some(log.head(&house.secrets))).await;
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == 2 => Some(()),
        _ => None,
    })
    .await;
    user.send_command(&deliver).await;
    assert!(!user.done().await);
    assert_eq!(refused(&user).as_deref(), Some("bid.limit"));
}
