//! How much is bid by itself, and when: never beyond the ceiling, never against oneself, and not for ever.

use pregao_protocol::room::body::{Bid, Body, PriceRule, SealedTerms};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::wire::frame::FromBroker;
use proptest::prelude::*;

use super::*;
use crate::desk::fixture::{HandedIn, House, Log, Session, User};
use crate::event::Event;

const NEXT: Next = Next { least: 1_100, step: 100, most: None };

#[test]
fn two_answers_take_the_least_step_and_each_later_one_doubles_it() {
    let bids = |steady| (0..7).map(move |answers| NEXT.bid(100_000, answers, steady).unwrap());
    assert_eq!(bids(false).collect::<Vec<_>>(), [1_100, 1_100, 1_200, 1_400, 1_800, 2_600, 4_200]);
    assert!(bids(true).all(|bid| bid == 1_100));
}

#[test]
fn nothing_beyond_the_ceiling_or_the_most_is_bid() {
    assert_eq!(NEXT.bid(1_099, 0, false), None);
    assert_eq!(NEXT.bid(1_100, 0, false), Some(1_100));
    assert_eq!(NEXT.bid(1_150, 5, false), Some(1_150), "what is left of it");
    let capped = Next { most: Some(1_300), ..NEXT };
    assert_eq!(capped.bid(100_000, 9, false), Some(1_300));
    assert_eq!(capped.bid(1_200, 9, false), Some(1_200));
    assert_eq!(NEXT.bid(u64::MAX, u32::MAX, false), Some(u64::MAX), "no step is too far");
}

/// How many bids two of them make, the first of whom begins, and the last of these.
fn against_each_other(start: u64, step: u64, ceilings: [u64; 2]) -> (u32, u64) {
    let (mut bids, mut answers, mut last) = (0, [0; 2], None);
    for who in [0, 1].into_iter().cycle() {
        let least = last.map_or(start, |last| last + step);
        let Some(bid) = (Next { least, step, most: None }).bid(ceilings[who], answers[who], false)
        else {
            break;
        };
        assert!(bid <= ceilings[who]);
        (bids, last) = (bids + 1, Some(bid));
        answers[who] += 1;
    }
    (bids, last.unwrap_or(0))
}

proptest! {
    #[test]
    fn two_against_each_other_make_few_bids(
        start in 1_u64..10_000,
        step in 1_u64..1_000,
        steps in 1_u64..1_000_000,
        more in 0_u64..1_000_000,
        first in any::<bool>(),
    ) {
        let lower = start + steps * step;
        let ceilings = if first { [lower, lower + more] } else { [lower + more, lower] };
        let (bids, _) = against_each_other(start, step, ceilings);
        let bound = 3.0 + 2.0 * (steps as f64).log2();
        prop_assert!(f64::from(bids) <= bound, "{bids} bids, at most {bound}");
    }
}

/// A desk that follows an auction with a bid of somebody else, of 1.00 EUR.
async fn followed(house: &mut House) -> (User, Session, Log) {
    let mut log = house.auction(house.listing());
    outbid(house, &mut log, 100);
    let (mut user, mut session) = house.desk().await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == 2 => Some(()),
        _ => None,
    })
    .await;
    (user, session, log)
}

/// Somebody else bids.
fn outbid(house: &House, log: &mut Log, minor: u64) {
    let seal = SealKey::from_random([79; 32]).public();
    let currency = "EUR".parse().unwrap();
    let bid = Body::Bid(Bid { amount: minor.try_into().unwrap(), currency, seal, paddle: None });
    let bid = house.made(72, Some(log.name()), bid, log.seen()).action;
    log.log(&bid, &house.tsa);
}

async fn bids(house: &House, session: &mut Session) -> (HandedIn, u64) {
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    let amount = match act.action().body() {
        Body::Bid(bid) => bid.amount.minor(),
        other => panic!("{other:?}"),
    };
    (act, amount)
}

/// It is logged, receipted and shown.
async fn logged(house: &House, session: &mut Session, log: &mut Log, act: &HandedIn) {
    let from = usize::try_from(log.tree().size()).unwrap();
    log.push(&act.action, act.stamp.clone());
    session.receipts(act.n, from as u64, log, &house.secrets).await;
    session.says(log, from, Some(log.head(&house.secrets))).await;
}

async fn noted(user: &mut User, part: &str) {
    user.until(|event| match event {
        Event::Note { text, .. } if text.contains(part) => Some(()),
        _ => None,
    })
    .await;
}

async fn overtaken(house: &House, session: &mut Session, log: &mut Log, minor: u64) {
    let from = usize::try_from(log.tree().size()).unwrap();
    outbid(house, log, minor);
    session.says(log, from, Some(log.head(&house.secrets))).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_leads_is_answered_by_the_least_until_that_is_beyond_the_ceiling() {
    let mut house = House::open();
    let (mut user, mut session, mut log) = followed(&mut house).await;
    user.send_command(&["auto", &log.name().to_string(), "1.35"]).await;
    assert!(user.done().await);
    let (act, amount) = bids(&house, &mut session).await;
    assert_eq!(amount, 110);
    // While it is under way nothing else is bid.
    session.ticks(&house).await;
    assert!(session.is_handed_nothing().await);
    logged(&house, &mut session, &mut log, &act).await;
    session.ticks(&house).await;
    assert!(session.is_handed_nothing().await, "it leads");
    overtaken(&house, &mut session, &mut log, 120).await;
    let (act, amount) = bids(&house, &mut session).await;
    assert_eq!(amount, 130);
    logged(&house, &mut session, &mut log, &act).await;
    overtaken(&house, &mut session, &mut log, 140).await;
    noted(&mut user, "OUTBID: the least is 1.50 EUR, beyond your ceiling of 1.35 EUR").await;
    assert!(session.is_handed_nothing().await);
    user.leave().await;
    assert!(house.unlock().contents().autos.is_empty());
    assert_eq!(user.alarms(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_and_off_ends_it() {
    let mut house = House::open();
    let (mut user, mut session, mut log) = followed(&mut house).await;
    let room = log.name().to_string();
    user.send_command(&["auto", &room, "2.00"]).await;
    assert!(user.done().await);
    let (act, _) = bids(&house, &mut session).await;
    logged(&house, &mut session, &mut log, &act).await;
    session.ticks(&house).await;
    user.leave().await;
    // Overtaken while nobody was there.
    outbid(&house, &mut log, 120);
    let mut user = house.start();
    let mut session = house.accept().await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    session.ticks(&house).await;
    let (act, amount) = bids(&house, &mut session).await;
    assert_eq!(amount, 130);
    logged(&house, &mut session, &mut log, &act).await;
    user.send_command(&["auto", &room, "off"]).await;
    noted(&mut user, "ended: nothing more is bid by itself there").await;
    overtaken(&house, &mut session, &mut log, 140).await;
    session.ticks(&house).await;
    assert!(session.is_handed_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn a_ceiling_below_the_least_and_sealed_bids_are_refused() {
    let mut house = House::open();
    let (mut user, _session, log) = followed(&mut house).await;
    let room = log.name().to_string();
    for (words, code) in [
        (&["auto", &room, "1.09"][..], "bid.too-low"),
        (&["auto", &room, "off"], "auto.none"),
        (&["auto", &room, "1.001"], "command.parse"),
    ] {
        user.send_command(words).await;
        assert!(!user.done().await, "{words:?}");
        let refused = user.seen.iter().rev().find_map(|event| match event {
            Event::Refused { report, .. } => Some(report.code.to_string()),
            _ => None,
        });
        assert_eq!(refused.as_deref(), Some(code), "{words:?}");
    }
    let mut house = House::open();
    let mut listing = house.listing();
    listing.sealed = Some(SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() });
    listing.increment = 1.try_into().unwrap();
    let witnesses = vec![crate::desk::witnessed::tests::witness(81, "one")];
    (listing.witnesses, listing.quorum) = (witnesses, 1);
    let log = house.auction(listing);
    let (mut user, mut session) = house.desk().await;
    session.list(&[&log]).await;
    session.shows(&log, &house.secrets).await;
    user.until(|event| match event {
        Event::Room(view) if view.verified_size == 1 => Some(()),
        _ => None,
    })
    .await;
    user.send_command(&["auto", &log.name().to_string(), "9"]).await;
    assert!(!user.done().await);
    assert!(user.seen.iter().any(|event| matches!(
        event,
        Event::Refused { report, .. } if report.code == "auto.sealed"
    )));
}

#[tokio::test(start_paused = true)]
async fn bids_that_nobody_decides_do_not_rise_against_nobody() {
    let mut house = House::open();
    let (mut user, mut session, log) = followed(&mut house).await;
    user.send_command(&["auto", &log.name().to_string(), "99"]).await;
    assert!(user.done().await);
    let mut asked = Vec::new();
    for _ in 0..4 {
        let (act, amount) = bids(&house, &mut session).await;
        asked.push(amount);
        let code = "door.refusals".to_owned();
        session.send(FromBroker::Failed { n: act.n, code }).await;
        // It may still be logged: nothing more is bid before that is out of the question.
        session.ticks(&house).await;
        assert!(session.is_handed_nothing().await);
        house.tsa.skip(Duration::from_secs(12));
        session.ticks(&house).await;
    }
    assert_eq!(asked, [110; 4]);
    user.leave().await;
}
