//! What a desk takes as final, and what it does not.

use std::time::Duration;

use pregao_protocol::log::{Cosignature, Head, Origin};
use pregao_protocol::trust::key::{SecretKey, WitnessKey};
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::FromBroker;

use crate::desk::fixture::{House, Log, Session, User};
use crate::event::Event;

pub(super) fn key(seed: u8) -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[seed; 32])
}

pub(in crate::desk) fn witness(seed: u8, operator: &str) -> Witness {
    Witness {
        name: format!("witness.example/{seed}").parse().unwrap(),
        key: key(seed).public(),
        operator: operator.parse().unwrap(),
    }
}

/// A room of three witnesses of two operators, both of whom are needed, with two entries.
pub(super) fn witnessed(house: &House) -> (Log, Vec<Witness>) {
    let witnesses = vec![witness(81, "one"), witness(82, "two"), witness(83, "two")];
    let mut listing = house.listing();
    (listing.witnesses, listing.quorum) = (witnesses.clone(), 2);
    let mut log = house.auction(listing);
    log.log(&house.saying(&log), &house.tsa);
    (log, witnesses)
}

/// The log's head with what these witnesses add to it.
pub(super) fn cosigned(house: &House, log: &Log, by: &[&Witness]) -> String {
    cosigned_at(house, log, by, 1_790_000_000)
}

/// As [`cosigned`], at a time in seconds since 1970.
pub(super) fn cosigned_at(house: &House, log: &Log, by: &[&Witness], time: u64) -> String {
    let broker = house.secrets.session.public().fingerprint();
    let origin = Origin { broker, room: log.name() };
    let head = Head { origin, size: log.tree().size(), root: log.tree().root() };
    let mut note = log.head(&house.secrets);
    for witness in by {
        let seed = (81..=83).find(|seed| key(*seed).public() == witness.key).unwrap();
        note.push_str(&Cosignature::sign(&head, time, &key(seed)).line(&witness.name));
    }
    note
}

pub(super) async fn says(session: &mut Session, log: &Log, head: String) {
    session.send(FromBroker::Cosigned { room: log.name(), head }).await;
}

pub(in crate::desk) async fn followed(house: &mut House, log: &Log) -> (User, Session) {
    let (mut user, mut session) = house.desk().await;
    session.list(&[log]).await;
    session.shows(log, &house.secrets).await;
    verified(&mut user, log.tree().size()).await;
    (user, session)
}

async fn verified(user: &mut User, size: u64) {
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == size => Some(()),
        _ => None,
    })
    .await;
}

pub(super) async fn is_final(user: &mut User) -> (u64, u64) {
    user.until(|event| match event {
        Event::Room(view) if view.final_size > 0 => Some((view.final_size, view.verified_size)),
        _ => None,
    })
    .await
}

/// Nothing so far was taken as final, and nothing was an alarm.
async fn nothing_is_final(user: &mut User) {
    user.leave().await;
    assert_eq!(user.alarms(), 0);
    let finals = user.seen.iter().filter(|event| match event {
        Event::Room(view) => view.final_size > 0,
        _ => false,
    });
    assert_eq!(finals.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_head_is_final_once_enough_operators_cosigned_it() {
    let mut house = House::open();
    let (log, [one, two, _]) = {
        let (log, witnesses) = witnessed(&house);
        (log, <[Witness; 3]>::try_from(witnesses).unwrap())
    };
    let (mut user, mut session) = followed(&mut house, &log).await;
    let note = cosigned(&house, &log, &[&one, &two]);
    says(&mut session, &log, note).await;
    assert_eq!(is_final(&mut user).await, (2, 2));
}

#[tokio::test(start_paused = true)]
async fn two_witnesses_of_one_operator_are_not_two() {
    let mut house = House::open();
    let (log, witnesses) = witnessed(&house);
    let (mut user, mut session) = followed(&mut house, &log).await;
    for by in [&[&witnesses[0]][..], &[&witnesses[1], &witnesses[2]]] {
        let note = cosigned(&house, &log, by);
        says(&mut session, &log, note).await;
    }
    session.ticks(&house).await;
    nothing_is_final(&mut user).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_trusts_certain_operators_waits_for_them_whatever_the_listing_asks_for() {
    let mut house = House::open();
    let witnesses = [witness(81, "one"), witness(82, "two"), witness(83, "three")];
    let mut listing = house.listing();
    (listing.witnesses, listing.quorum) = (witnesses.to_vec(), 2);
    let log = house.auction(listing);
    house.final_by = vec!["three".parse().unwrap()];
    let (mut user, mut session) = followed(&mut house, &log).await;
    let note = cosigned(&house, &log, &[&witnesses[0], &witnesses[1]]);
    says(&mut session, &log, note).await;
    session.ticks(&house).await;
    assert!(
        !user.seen.iter().any(|event| matches!(event, Event::Room(view) if view.final_size > 0))
    );
    let note = cosigned(&house, &log, &[&witnesses[0], &witnesses[2]]);
    says(&mut session, &log, note).await;
    assert_eq!(is_final(&mut user).await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cosigned_head_ahead_of_the_log_counts_once_the_log_is_there() {
    let mut house = House::open();
    let (mut log, witnesses) = witnessed(&house);
    let (mut user, mut session) = followed(&mut house, &log).await;
    log.log(&house.saying(&log), &house.tsa);
    let note = cosigned(&house, &log, &[&witnesses[0], &witnesses[2]]);
    says(&mut session, &log, note).await;
    session.says(&log, 2, Some(log.head(&house.secrets))).await;
    assert_eq!(is_final(&mut user).await, (3, 3));
}

#[tokio::test(start_paused = true)]
async fn what_a_machine_that_slept_has_not_read_yet_is_not_owed_to_it() {
    // Whichever of the timers that are due is looked at first.
    for _ in 0..20 {
        let mut house = House::open();
        let (mut log, witnesses) = witnessed(&house);
        let (mut user, mut session) = followed(&mut house, &log).await;
        log.log(&house.saying(&log), &house.tsa);
        // A head that the entries follow, but not before all machines have slept.
        let note = cosigned(&house, &log, &[&witnesses[0], &witnesses[1]]);
        says(&mut session, &log, note).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        tokio::time::advance(Duration::from_secs(45)).await;
        session.says(&log, 2, Some(log.head(&house.secrets))).await;
        session.ticks(&house).await;
        assert_eq!(is_final(&mut user).await, (3, 3));
        user.leave().await;
        let alarms: Vec<_> =
            user.seen.iter().filter(|event| matches!(event, Event::Alarm { .. })).collect();
        assert!(alarms.is_empty(), "{alarms:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cosignature_that_does_not_hold_is_an_alarm_and_makes_nothing_final() {
    let mut house = House::open();
    let (log, witnesses) = witnessed(&house);
    let (mut user, mut session) = followed(&mut house, &log).await;
    let mut note = cosigned(&house, &log, &[&witnesses[0]]);
    let broker = house.secrets.session.public().fingerprint();
    let other =
        Head { origin: Origin { broker, room: log.name() }, size: 2, root: Digest([9; 32]) };
    note.push_str(&Cosignature::sign(&other, 1, &key(82)).line(&witnesses[1].name));
    says(&mut session, &log, note.clone()).await;
    let said = user.alarm().await;
    assert!(said.contains("not witnessed as it says"), "{said}");
    // Said once: the broker could go on for ever.
    says(&mut session, &log, note).await;
    user.leave().await;
    assert_eq!(user.alarms(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cosigned_head_over_another_log_is_a_fork() {
    let mut house = House::open();
    let (log, witnesses) = witnessed(&house);
    let (mut user, mut session) = followed(&mut house, &log).await;
    let mut other = house.auction(house.listing());
    other.log(&house.saying(&other), &house.tsa);
    let forged = log.head_over(2, other.tree().root(), &house.secrets);
    let _ = witnesses;
    says(&mut session, &log, forged).await;
    let said = user.alarm().await;
    assert!(said.contains("another history"), "{said}");
    assert!(
        house.evidence().iter().any(|file| file.starts_with("fork-")),
        "{:?}",
        house.evidence()
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_did_not_sign_is_no_head() {
    let mut house = House::open();
    let (log, _) = witnessed(&house);
    let (mut user, mut session) = followed(&mut house, &log).await;
    says(&mut session, &log, log.head(&house.foreign())).await;
    let said = user.alarm().await;
    assert!(said.contains("did not sign"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn of_a_room_that_nobody_follows_nothing_is_said() {
    let mut house = House::open();
    let (log, witnesses) = witnessed(&house);
    let (mut user, mut session) = house.desk().await;
    let note = cosigned(&house, &log, &[&witnesses[0], &witnesses[1]]);
    says(&mut session, &log, note).await;
    session.ticks(&house).await;
    nothing_is_final(&mut user).await;
}
