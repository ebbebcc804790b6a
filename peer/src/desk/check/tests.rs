//! What comes of comparing receipts with logs.

use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::Body;

use super::*;
use crate::desk::fixture::{House, Log, Session, User};

/// A desk that said something in an auction, holds the receipt and has the log.
async fn receipted(house: &mut House) -> (User, Session, Log) {
    let log = house.auction(house.listing());
    receipted_in(house, log).await
}

async fn receipted_in(house: &mut House, mut log: Log) -> (User, Session, Log) {
    let (mut user, mut session) = house.desk().await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    verified(&mut user, 1).await;
    user.send_command(&["say", &log.name().to_string(), "hello"]).await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    let from = usize::try_from(log.tree().size()).unwrap();
    let seq = log.push(&act.action, act.stamp.clone());
    session.receipts(act.n, seq, &log, &house.secrets).await;
    assert!(user.done().await);
    session.says(&log, from, Some(log.head(&house.secrets))).await;
    verified(&mut user, 2).await;
    (user, session, log)
}

async fn verified(user: &mut User, size: u64) {
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == size => Some(()),
        _ => None,
    })
    .await;
}

async fn checked(user: &mut User, words: &[&str]) -> (Vec<CheckView>, bool) {
    user.send_command(words).await;
    let receipts = user
        .until(|event| match event {
            Event::Checked { receipts, .. } => Some(receipts.clone()),
            _ => None,
        })
        .await;
    (receipts, user.done().await)
}

#[tokio::test(start_paused = true)]
async fn a_receipt_whose_entry_stands_in_the_log_is_verified() {
    let mut house = House::open();
    let (mut user, _session, log) = receipted(&mut house).await;
    let (all, ok) = checked(&mut user, &["check"]).await;
    assert!(ok && all.len() == 1);
    assert_eq!(all[0].verdict, CheckVerdict::Verified);
    assert_eq!((all[0].receipt.seq, all[0].advice.as_str()), (1, ""));
    assert!(all[0].why.contains("entry 1 of 2"), "{}", all[0].why);
    let digest = all[0].receipt.digest.clone();
    let (one, ok) = checked(&mut user, &["check", &digest[..6]]).await;
    assert!(ok && one == all);
    assert_eq!(log.tree().size(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_nobody_holds_is_refused() {
    let mut house = House::open();
    let (mut user, ..) = receipted(&mut house).await;
    user.send_command(&["check", "????"]).await;
    assert!(!user.done().await);
    let refused = |event: &Event| matches!(event, Event::Refused { report, .. } if report.code == "receipt.unknown");
    assert!(user.seen.iter().any(refused));
}

#[tokio::test(start_paused = true)]
async fn without_the_log_a_receipt_is_not_compared_yet() {
    let mut house = House::open();
    let (mut user, session, log) = receipted(&mut house).await;
    user.leave().await;
    drop(session);
    let mut user = house.start();
    let mut session = house.accept().await;
    session.list(&[&log]).await;
    // Joined, and shown only up to its opening.
    session.joined(log.name()).await;
    let (all, ok) = checked(&mut user, &["check", "all"]).await;
    assert!(ok, "nothing is contradicted");
    assert_eq!(all[0].verdict, CheckVerdict::NotYet);
    assert!(!all[0].advice.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_log_than_the_receipts_contradicts_it() {
    let mut house = House::open();
    let listing = Body::List(house.listing());
    let opening = house.made(71, None, listing, Seen::nothing()).action;
    let stamp = house.tsa.stamp(&opening.digest());
    let log = Log::open(opening.compact(), stamp.clone());
    let mut other = Log::open(opening.compact(), stamp);
    let (mut user, session, log) = receipted_in(&mut house, log).await;
    user.leave().await;
    drop(session);
    // A desk that remembers what the broker signed does not get so far: a reinstalled one does.
    std::fs::remove_file(house.vault().join("heads.age")).unwrap();
    let said = house.saying(&other);
    other.log(&said, &house.tsa);
    assert_eq!(other.name(), log.name());
    let mut user = house.start();
    let mut session = house.accept().await;
    session.list(&[&other]).await;
    session.shows(&other, &house.secrets).await;
    user.alarm().await;
    let (all, ok) = checked(&mut user, &["check"]).await;
    assert!(!ok, "a script learns it by how the command ends");
    assert_eq!(all[0].verdict, CheckVerdict::Contradicted);
    assert!(all[0].why.contains("the log that the broker shows"), "{all:?}");
    assert!(all[0].advice.contains("/evidence"), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_was_changed_in_the_vault_is_not_believed() {
    let mut house = House::open();
    let (mut user, session, log) = receipted(&mut house).await;
    user.leave().await;
    drop(session);
    let mut vault = house.unlock();
    vault
        .update(|contents| {
            let receipt = contents.actions[0].receipt.as_mut().unwrap();
            receipt["path"] = serde_json::json!([]);
        })
        .unwrap();
    drop(vault);
    let mut user = house.start();
    let mut session = house.accept().await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    let (all, ok) = checked(&mut user, &["check"]).await;
    assert!(!ok);
    assert_eq!(all[0].verdict, CheckVerdict::Contradicted);
    assert!(all[0].why.contains("does not verify"), "{all:?}");
}
