//! What a desk makes of witnesses that lie about a delivery, and of what the broker answers through them.

use std::time::Duration;

use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::room::Code;
use pregao_protocol::wire::delivery::{DeliveryAnswer, DeliveryState};

use crate::desk::fixture::{House, Log, Session, User};
use crate::desk::witnessed::lies::tests::{refused, settled_on};
use crate::event::Event;

const ONE: &str = "http://one.example";
const TWO: &str = "http://two.example";

/// A desk whose bid the broker leaves unanswered, and that has left it with two witnesses; two entries are final.
async fn left() -> (House, User, Session, Log) {
    let mut house = House::open();
    house.witnesses = vec![ONE.to_owned(), TWO.to_owned()];
    let (mut user, mut session, log, _) = settled_on(&mut house).await;
    user.send_command(&["bid", &log.name().to_string(), "9.00"]).await;
    session.stamps(&house.tsa).await;
    session.handed_in().await;
    house.tsa.skip(Duration::from_secs(12));
    session.ticks(&house).await;
    user.send_command(&["deliver", &log.name().to_string()]).await;
    reads(&mut user, &format!("left with the witness at {TWO}")).await;
    assert_eq!(house.tsa.left().len(), 2);
    (house, user, session, log)
}

/// Waits until the user has read a line with this in it.
async fn reads(user: &mut User, part: &str) {
    user.until(|event| match event {
        Event::Note { text, .. } if text.contains(part) => Some(()),
        _ => None,
    })
    .await;
}

/// What the broker answers to a witness: a refusal by the first entries of a log.
fn refusal(house: &House, log: &Log, size: usize) -> DeliveryState {
    let delivery = house.tsa.left().pop().unwrap();
    let of = (delivery.digest, &delivery.stamp);
    let refusal = refused(house, log, of, (size, Code::BidTooLow));
    DeliveryState::Answered(DeliveryAnswer::Refusal(refusal))
}

/// While time goes on at the broker, which says nothing else.
async fn meanwhile<T>(house: &House, session: &mut Session, wanted: impl Future<Output = T>) -> T {
    let ticking = async {
        loop {
            house.tsa.skip(Duration::from_secs(1));
            session.ticks(house).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        got = wanted => got,
        () = ticking => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_lies_is_passed_over_and_keeps_no_other_from_being_heard() {
    let lies = [
        DeliveryState::Answered(DeliveryAnswer::Refusal("no".to_owned())),
        DeliveryState::Unanswered("no".to_owned()),
    ];
    for lie in lies {
        let (house, mut user, mut session, log) = left().await;
        house.tsa.says(ONE, lie);
        let passed_over = format!("the witness at {ONE} says what is not so");
        meanwhile(&house, &mut session, reads(&mut user, &passed_over)).await;
        // By all that is in the log the bid is high enough: that this is found out shows that it was read.
        house.tsa.says(TWO, refusal(&house, &log, 2));
        let said = meanwhile(&house, &mut session, user.alarm()).await;
        assert!(said.contains("refused with a lie (bid.too-low)"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn v150_a_refusal_through_a_witness_by_less_than_was_final_is_evidence_of_a_rollback() {
    let (house, mut user, mut session, log) = left().await;
    house.tsa.says(TWO, refusal(&house, &log, 1));
    let said = meanwhile(&house, &mut session, user.alarm()).await;
    assert!(said.contains("WENT BACK to a log of 1"), "{said}");
    let kept = house.evidence();
    let rollback = kept.iter().find(|file| file.starts_with("rollback-")).unwrap();
    let text = std::fs::read_to_string(house.vault().join("evidence").join(rollback)).unwrap();
    Evidence::parse(&text).unwrap().verify().unwrap();
}

#[tokio::test(start_paused = true)]
async fn where_every_witness_lies_nothing_is_said_of_the_broker() {
    let (house, mut user, mut session, _log) = left().await;
    for witness in [ONE, TWO] {
        house.tsa.says(witness, DeliveryState::Unanswered("no".to_owned()));
    }
    let end = user.until(|event| match event {
        Event::Refused { report, .. } if report.code.starts_with("deliver.") => {
            Some(report.message.to_string())
        }
        _ => None,
    });
    let said = meanwhile(&house, &mut session, end).await;
    assert_eq!(said, "no witness that took it says what came of it");
    assert_eq!((user.alarms(), house.evidence()), (0, Vec::new()));
}
