//! Whoever stayed away from a deal is refused at the door for a while, and told until when (SPEC 7.14).

use std::time::Duration;

use pregao::event::{Event, Phase};
use pregao_protocol::value::clock::Time;
use pregao_tests::desk::Desk;
use pregao_tests::house::{House, Options};
use serde_json::json;

use crate::desk::end_of;

const HOUR: Duration = Duration::from_secs(3_600);

struct Deal {
    house: House,
    seller: Desk,
    winner: Desk,
}

/// Lists an item; gives the room's full name.
async fn list(desk: &mut Desk, title: &str, time: &str) -> String {
    let list =
        json!({ "command": "list", "title": title, "start": "1", "for": time, "fixed_end": true });
    assert!(desk.ask(list).await.unwrap(), "{:?}", desk.seen);
    desk.ever(|event| match event {
        Event::Room(view) if view.own && view.title == title => Some(view.room.clone()),
        _ => None,
    })
    .await
    .unwrap()
}

async fn bids(desk: &mut Desk, room: &str) -> bool {
    desk.verified(room, 1).await.unwrap();
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "2" });
    desk.ask(bid).await.unwrap()
}

/// The TSA's time goes on to an instant, and a desk has heard of it.
async fn passes(house: &House, time: Time, desk: &mut Desk) {
    house.tsa.set_time(time).unwrap();
    let heard = |event: &Event| matches!(event, Event::Tick { time: now, .. } if *now >= time);
    desk.until(|event| heard(event).then_some(())).await.unwrap();
}

/// A deal that its winner has not kept since the last second.
async fn not_kept(seconds: u32) -> Deal {
    let options = Options::default().simulated().broker(&format!("--forfeit-pause {seconds}"));
    let house = House::open(&options).unwrap();
    let desk = async |name: &str| {
        let folder = house.folder.path().join(name);
        Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
    };
    let (mut seller, mut winner) = (desk("seller").await, desk("winner").await);
    let room = list(&mut seller, "Radio", "60s").await;
    assert!(bids(&mut winner, &room).await);
    let end = end_of(&mut winner, &room).await;
    house.tsa.set_time(end).unwrap();
    winner.ever(|event| matches!(event, Event::Invited { .. }).then_some(())).await.unwrap();
    seller.ever(|event| matches!(event, Event::Invited { .. }).then_some(())).await.unwrap();
    let reveal = json!({ "yes": true, "command": "reveal", "room": room, "name": "Sofia", "contact": "s@b" });
    assert!(seller.ask(reveal).await.unwrap(), "{:?}", seller.seen);
    passes(&house, end.plus(4 * 24 * HOUR), &mut seller).await;
    winner
        .ever(|event| match event {
            Event::Room(view) if view.room == room && view.phase == Phase::Ended => Some(()),
            _ => None,
        })
        .await
        .unwrap();
    Deal { house, seller, winner }
}

async fn is_refused(desk: &mut Desk) {
    let (code, _, advice) = desk.refusal().await.unwrap();
    assert_eq!(code, "door.forfeited");
    assert!(advice.starts_with("list and bid again after 20"), "{advice}");
    assert!(!desk.seen.iter().any(|event| matches!(event, Event::Alarm { .. })), "{:?}", desk.seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn v224_whoever_stayed_away_lists_and_bids_again_only_after_the_pause() {
    let Deal { house, mut seller, mut winner } = not_kept(86_400).await;
    let other = list(&mut seller, "Lamp", "2d").await;
    assert!(!bids(&mut winner, &other).await);
    is_refused(&mut winner).await;
    let own = json!({ "command": "list", "title": "Chair", "start": "1", "for": "60s" });
    assert!(!winner.ask(own).await.unwrap());
    is_refused(&mut winner).await;
    let end = end_of(&mut winner, &other).await;
    passes(&house, end.minus(HOUR), &mut winner).await;
    assert!(bids(&mut winner, &other).await, "{:?}", winner.seen);
    list(&mut winner, "Chair", "60s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn v224_a_broker_that_sets_no_pause_refuses_nobody() {
    let Deal { house: _house, mut seller, mut winner } = not_kept(0).await;
    let other = list(&mut seller, "Lamp", "2d").await;
    assert!(bids(&mut winner, &other).await, "{:?}", winner.seen);
}
