//! One bidder for each citizen: of two personas that a card enrolled in two periods, one bids.

use pregao::event::RoomView;
use pregao_protocol::trust::certificate::verify_persona_certificate;
use pregao_protocol::trust::jwks::verify_jwks_by_wall_clock;

use super::*;

/// A house in simulated time with periods of an hour, in the second of two in which citizen 1 enrolled, as `old` and `new`; 2 did
/// as `seller` in the second.
async fn two_periods() -> (Hall, Broker) {
    let options = Options::default().simulated().tsa("--citizen-period 1h");
    let hall = Hall::open_with(options).await;
    let options = Options::default().simulated();
    let broker = Broker::start(hall.folder.path(), &hall.tsa.address, &options).unwrap();
    enrolled(&hall, "old", 1).await;
    let next = enrolment(&hall.kept("old")).held.as_ref().unwrap().issuer.until;
    hall.tsa.set_time(next.plus(Duration::from_secs(1))).unwrap();
    enrolled(&hall, "new", 1).await;
    enrolled(&hall, "seller", 2).await;
    (hall, broker)
}

async fn enrolled(hall: &Hall, name: &str, number: u32) {
    hall.fetch(name, number, AT_ONCE).await.unwrap();
    hall.spend(name, Spending::default()).await.unwrap();
}

fn listing(time: &str) -> Value {
    json!({ "command": "list", "title": "Radio", "start": "10", "for": time, "fixed_end": true,
        "one_per_citizen": true })
}

fn shown(event: &Event) -> Option<RoomView> {
    match event {
        Event::Room(view) => Some(view.clone()),
        _ => None,
    }
}

async fn refused(desk: &mut Desk, command: Value, with: &str, says: &str) {
    assert!(!desk.ask(command).await.unwrap());
    let (code, message, advice) = desk.refusal().await.unwrap();
    assert_eq!(code, with, "{message}");
    assert!(message.contains(says), "{message}");
    assert!(!advice.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn v222_of_a_citizens_two_personas_the_one_of_the_listings_period_bids() {
    let (hall, broker) = two_periods().await;
    // V-221, by the TSA itself.
    for name in ["old", "new", "seller"] {
        let contents = hall.kept(name);
        let jwks = contents.tsa.keys.to_string();
        let now = reach().host.clock.wall();
        let keys = verify_jwks_by_wall_clock(jwks.as_bytes(), None, now).unwrap();
        let certificate = &contents.certificate;
        let read = verify_persona_certificate(certificate, &keys.authority, now).unwrap();
        assert_eq!(read.issuer, Some(enrolment(&contents).held.as_ref().unwrap().token.issuer));
    }
    let start = |name: &str| Desk::start(&hall.vault(name), &broker.address).unwrap();
    let mut seller = start("seller");
    // It could last longer than its bidders can renew.
    refused(&mut seller, listing("3h"), "listing.citizens", "are renewed until").await;
    assert!(seller.ask(listing("40m")).await.unwrap());
    let view = seller.ever(shown).await.unwrap();
    assert!(view.citizens.is_some());
    let bid = json!({ "command": "bid", "room": view.room, "amount": "20" });

    let mut old = start("old");
    old.verified(&view.room, 1).await.unwrap();
    refused(&mut old, bid.clone(), "door.citizen", "of another period").await;
    refused(&mut old, listing("40m"), "listing.citizens", "in another period").await;
    let mut new = start("new");
    new.verified(&view.room, 1).await.unwrap();
    assert!(new.ask(bid).await.unwrap());
    for desk in [seller, old, new] {
        desk.kill().await.unwrap();
    }
}
