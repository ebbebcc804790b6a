//! Whoever is a citizen as the auction asks for knows better than a broker that denies it; whoever is none reads so before
//! anything is sent.

use pregao_protocol::room::Code;
use pregao_protocol::room::body::Listing;
use pregao_protocol::trust::enrolment::issuer::IssuerKey;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::FromBroker;

use super::tests::issuer;
use crate::desk::fixture::{HandedIn, House, Log, Session, User};
use crate::desk::witnessed::lies::tests::refused;
use crate::desk::witnessed::tests::followed;
use crate::event::Event;

/// A desk that follows an auction which asks for citizens.
async fn auction(house: &mut House, asked: &IssuerKey) -> (User, Session, Log) {
    let citizens = Some(house.tsa.citizens(asked));
    let log = house.auction(Listing { citizens, ..house.listing() });
    let (user, session) = followed(house, &log).await;
    (user, session, log)
}

async fn bids(user: &User, log: &Log) {
    user.send_command(&["bid", &log.name().to_string(), "9.00"]).await;
}

/// A refusal of whoever is no such citizen, decided now.
fn denied(house: &House, log: &Log, act: &HandedIn) -> FromBroker {
    let of = (act.action().digest(), &act.stamp);
    let refusal = refused(house, log, of, (log.entries.len(), Code::DoorCitizen));
    FromBroker::Refused { n: act.n, refusal }
}

fn refusals(user: &User) -> Vec<&str> {
    let codes = user.seen.iter().filter_map(|event| match event {
        Event::Refused { report, .. } => Some(&*report.code),
        _ => None,
    });
    codes.collect()
}

#[tokio::test(start_paused = true)]
async fn a_citizen_who_is_denied_knows_better() {
    let (mut house, asked) = (House::open(), issuer().key);
    house.tsa.takes_tokens_of(asked.id());
    let (mut user, mut session, log) = auction(&mut house, &asked).await;
    bids(&user, &log).await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    session.send(denied(&house, &log, &act)).await;
    let said = user.alarm().await;
    assert!(said.contains("refused with a lie (door.citizen)"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_session_handed_in_was_denied_to_whoever_that_was() {
    let (mut house, asked) = (House::open(), issuer().key);
    house.tsa.takes_tokens_of(asked.id());
    let (mut user, mut session, log) = auction(&mut house, &asked).await;
    bids(&user, &log).await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    drop(session);
    let mut session = house.accept().await;
    session.list(&[&log]).await;
    assert_eq!(session.handed_in().await, act);
    session.send(denied(&house, &log, &act)).await;
    assert!(!user.done().await);
    assert_eq!((refusals(&user), user.alarms()), (vec!["door.citizen"], 0), "{:?}", user.seen);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_no_such_citizen_sends_nothing() {
    for other in [None, Some(Digest([7; 32]))] {
        let (mut house, asked) = (House::open(), issuer().key);
        if let Some(other) = other {
            house.tsa.takes_tokens_of(other);
        }
        let (mut user, mut session, log) = auction(&mut house, &asked).await;
        bids(&user, &log).await;
        assert!(!user.done().await);
        assert_eq!((refusals(&user), user.alarms()), (vec!["door.citizen"], 0), "{:?}", user.seen);
        assert!(session.is_handed_nothing().await);
    }
}
