use pregao_protocol::room::body::{StartPrice, Text};

use super::*;
use crate::desk::fixture::House;
use crate::front::channel::{Subject, UserAnswer};

fn listing() -> Listing {
    let key = |byte| pregao_protocol::trust::key::PublicKey::from_bytes([byte; 32]);
    let amount = |minor: u64| Amount::try_from(minor).unwrap();
    Listing {
        title: Text::try_from("Lamp".to_owned()).unwrap(),
        description: Some(Text::try_from("Of brass \"signed\"".to_owned()).unwrap()),
        currency: "EUR".parse().unwrap(),
        start: StartPrice::try_from(0).unwrap(),
        increment: amount(100),
        steps: Vec::new(),
        max_raise: Some(amount(4_000)),
        buy_now: Some(amount(20_000)),
        begin: None,
        end: now().plus(Duration::from_secs(7_200)),
        soft: None,
        sealed: None,
        dutch: None,
        bids_each: None,
        reserve: None,
        citizens: None,
        rule: None,
        freshness: 10,
        grace: 5,
        disclose_within: 259_200,
        seal: pregao_protocol::trust::seal::SealKey::from_random([3; 32]).public(),
        broker: pregao_protocol::room::body::BrokerKeys {
            session: key(1),
            head: pregao_protocol::trust::key::PublicKey::from_bytes([2; 32]),
            entry: pregao_protocol::trust::key::PublicKey::from_bytes([3; 32]),
            delivery: pregao_protocol::trust::seal::SealKey::from_random([4; 32]).public(),
        },
        stamps: Vec::new(),
        threshold: 1,
        authorities: Vec::new(),
        witnesses: Vec::new(),
        quorum: 0,
        simulated: true,
    }
}

fn now() -> Time {
    "2026-11-27T12:00:00.000000Z".parse().unwrap()
}

#[test]
fn every_term_is_read_with_what_comes_of_it() {
    let text = terms(&listing(), Some(now()), &TimeZone::UTC).join("\n");
    for part in [
        "The first bid is 0.01 EUR or more, and each at least 1.00 EUR above",
        "No bid is more than 40.00 EUR above the one before, or the start, but one that buys.",
        "Whoever bids 200.00 EUR has it at once",
        "It ends at 2026-11-27 14:00:00 UTC, in 2h. A bid in the last second still wins.",
        "Its time is simulated",
        "Everybody reads: Of brass",
        "A bid may arrive 10s after its stamp. If the broker closes more than 5s late",
        "You and the winner have 3d to show each other who you are.",
        "No witness signs its log",
        "None of this can be changed.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let soft = SoftClose { extend: 30, hard_end: listing().end.plus(Duration::from_secs(600)) };
    let soft = Listing { soft: Some(soft), simulated: false, ..listing() };
    let text = terms(&soft, None, &TimeZone::UTC).join("\n");
    assert!(text.contains(
        "Each bid in the last 30s keeps it open for 30s more, until 2026-11-27 14:10:00 UTC"
    ));
    assert!(!text.contains("simulated"));
}

#[test]
fn a_falling_price_is_read_with_its_steps_and_what_they_come_to() {
    let amount = |minor: u64| Amount::try_from(minor).unwrap();
    let dutch =
        pregao_protocol::room::body::DutchTerms { floor: amount(400), fall: amount(100), every: 5 };
    let falling = Listing {
        start: StartPrice::try_from(1_000).unwrap(),
        increment: amount(1),
        max_raise: None,
        buy_now: None,
        dutch: Some(dutch),
        freshness: 3,
        ..listing()
    };
    let text = terms(&falling, Some(now()), &TimeZone::UTC).join("\n");
    for part in [
        "The price begins at 10.00 EUR and falls by 1.00 EUR every 5s, to 4.00 EUR after 30s.",
        "The earliest bid has it, by the time of the TSA, and pays the price of that moment.",
        "It ends at 2026-11-27 14:00:00 UTC, in 2h if nobody bids, and 3s after the stamp of the first",
        "A bid may arrive 3s after its stamp.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("It ends before that") && !text.contains("one before"), "{text}");
    let short = Listing { end: now().plus(Duration::from_secs(29)), ..falling };
    let text = terms(&short, Some(now()), &TimeZone::UTC).join("\n");
    assert!(text.contains("It ends before that, at 5.00 EUR."), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_signed_however_long_that_took() {
    for (seconds, signed) in [(60, true), (120, false)] {
        let mut house = House::open();
        let (mut user, mut session) = house.desk().await;
        session.list(&[]).await;
        let question = user.asked(&["list", "Lamp", "10", "for", "100s"]).await;
        let Subject::Confirm(shown) = question.about else { panic!("it asks for a PIN") };
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            session.ticks(&house).await;
        }
        question.reply.send(UserAnswer::Yes).unwrap();
        if !signed {
            assert!(!user.done().await, "its end has passed meanwhile");
            continue;
        }
        session.stamps(&house.tsa).await;
        let act = session.handed_in().await;
        let action = act.action();
        let Body::List(listing) = action.body() else { panic!("no listing") };
        let end = moment::print(listing.end, &TimeZone::UTC);
        assert!(shown.terms.iter().any(|term| term.contains(&end)), "{end}: {:?}", shown.terms);
    }
}
