//! Entries that come in time and too late, and ends of reveals that agree and do not.

use std::time::Duration;

use pregao_protocol::log::merkle::empty_root;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, Closed};

use crate::desk::fixture::{House, Log, Session, User};
use crate::event::Event;

const SECOND: Duration = Duration::from_secs(1);

/// A desk that follows an auction with nothing but its listing.
async fn followed(house: &mut House) -> (User, Session, Log) {
    let log = house.auction(house.listing());
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

/// So many seconds pass, each with its tick.
async fn pass(session: &mut Session, house: &House, seconds: u64) {
    for _ in 0..seconds {
        tokio::time::sleep(SECOND).await;
        session.ticks(house).await;
    }
}

/// Shows an entry that was stamped before; whether there was an alarm.
async fn shown(user: &mut User, session: &mut Session, house: &House, log: &Log) -> bool {
    let from = log.entries.len() - 1;
    session.says(log, from, Some(log.head(&house.secrets))).await;
    let size = log.tree().size();
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == size => Some(()),
        _ => None,
    })
    .await;
    user.alarms() > 0
}

fn stamped(house: &House, action: &Action) -> FullStamp {
    house.tsa.stamp(&action.digest())
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_a_peer_may_come_freshness_and_grace_after_its_stamp_and_no_later() {
    for (seconds, alarm) in [(18, false), (19, true)] {
        let mut house = House::open();
        let (mut user, mut session, mut log) = followed(&mut house).await;
        pass(&mut session, &house, 3).await;
        let said = house.saying(&log);
        let stamp = stamped(&house, &said);
        pass(&mut session, &house, seconds).await;
        log.push(said.compact(), stamp);
        assert_eq!(shown(&mut user, &mut session, &house, &log).await, alarm, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_the_broker_may_come_the_grace_after_its_stamp_and_no_later() {
    for (seconds, alarm) in [(8, false), (9, true)] {
        let mut house = House::open();
        let (mut user, mut session, mut log) = followed(&mut house).await;
        // The end of the auction.
        house.tsa.skip(Duration::from_secs(3_600));
        pass(&mut session, &house, 5).await;
        let closed = Body::Closed(Closed { refused: 0, root: empty_root() });
        let closed = house.broker_made(Some(log.name()), closed, log.seen());
        let stamp = stamped(&house, &closed);
        pass(&mut session, &house, seconds).await;
        log.push(closed.compact(), stamp);
        assert_eq!(shown(&mut user, &mut session, &house, &log).await, alarm, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_after_a_gap_in_time_may_have_been_held_up_on_the_way() {
    let mut house = House::open();
    let (mut user, mut session, mut log) = followed(&mut house).await;
    house.tsa.skip(Duration::from_secs(3_600));
    pass(&mut session, &house, 5).await;
    let closed = Body::Closed(Closed { refused: 0, root: empty_root() });
    let closed = house.broker_made(Some(log.name()), closed, log.seen());
    let stamp = stamped(&house, &closed);
    pass(&mut session, &house, 6).await;
    // No tick came meanwhile: nothing did.
    tokio::time::sleep(3 * SECOND).await;
    log.push(closed.compact(), stamp);
    assert!(!shown(&mut user, &mut session, &house, &log).await);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_log_is_caught_up_with_may_be_of_any_age() {
    let mut house = House::open();
    let mut log = house.auction(house.listing());
    log.log(&house.saying(&log), &house.tsa);
    let (mut user, mut session) = house.desk().await;
    pass(&mut session, &house, 60).await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == 2 => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(user.alarms(), 0);
}

/// After a line stood still, its newest tick may come before what waited longer: seed 356 of the simulation.
#[tokio::test(start_paused = true)]
async fn what_waited_through_a_gap_accuses_nobody_though_ticks_come_again() {
    for (gap, alarm) in [(2, true), (3, false)] {
        let mut house = House::open();
        let (mut user, mut session, mut log) = followed(&mut house).await;
        house.tsa.skip(Duration::from_secs(3_600));
        pass(&mut session, &house, 5).await;
        let closed = Body::Closed(Closed { refused: 0, root: empty_root() });
        let closed = house.broker_made(Some(log.name()), closed, log.seen());
        let stamp = stamped(&house, &closed);
        pass(&mut session, &house, 6).await;
        tokio::time::sleep(gap * SECOND).await;
        session.ticks(&house).await;
        pass(&mut session, &house, 2).await;
        log.push(closed.compact(), stamp);
        assert_eq!(shown(&mut user, &mut session, &house, &log).await, alarm, "{gap} s");
    }
}
