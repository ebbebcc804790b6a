//! Auctions whose price falls, through the real programs: it falls by the TSA's time, and the first to bid pays what it is then.

use std::time::Duration;

use pregao::event::{Event, Phase, RoomView};
use pregao_tests::desk::{Desk, pregao};
use pregao_tests::house::House;
use serde_json::json;

use crate::simulated;

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

/// What a desk shows of the auction once this holds.
async fn shown(desk: &mut Desk, holds: impl Fn(&RoomView) -> bool) -> RoomView {
    let view = desk.ever(move |event| match event {
        Event::Room(view) if holds(view) => Some(view.clone()),
        _ => None,
    });
    view.await.unwrap()
}

/// An auction of an hour whose price falls from 10.00 to 4.00 by 1.00 a minute, and how its seller sees it.
async fn listed(seller: &mut Desk) -> RoomView {
    let list = json!({
        "command": "list", "title": "Lamp", "start": "10", "for": "1h", "dutch": "4", "increment": "1", "every": "1m",
    });
    assert!(seller.ask(list).await.unwrap());
    shown(seller, |view| view.verified_size == 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn v184_a_falling_price_is_taken_at_what_it_is_and_others_are_told_who_was_first() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let mut eva = desk(&house, "eva").await;
    let view = listed(&mut ana).await;
    let falling = view.falling.unwrap();
    assert_eq!((falling.floor.minor(), falling.fall.minor(), falling.every), (400, 100, 60));
    assert_eq!((view.start, view.highest), (1_000, None));
    for desk in [&mut rui, &mut eva] {
        shown(desk, |view| view.verified_size >= 1).await;
    }
    // Two steps and a half later.
    house.tsa.set_time(falling.since.plus(Duration::from_secs(150))).unwrap();
    let known = |event: &Event| match event {
        Event::Tick { time, .. } if *time >= falling.since.plus(Duration::from_secs(150)) => {
            Some(())
        }
        _ => None,
    };
    rui.ever(known).await.unwrap();
    eva.ever(known).await.unwrap();
    let less = json!({ "command": "bid", "room": view.room, "amount": "7.99" });
    assert!(!eva.ask(less).await.unwrap());
    assert_eq!(eva.refusal().await.unwrap().0, "bid.too-low");
    assert!(rui.ask(json!({ "command": "take", "room": view.room })).await.unwrap());
    let taken = shown(&mut eva, |view| view.highest == Some(800)).await;
    assert!(taken.end < view.end && !taken.leading);
    let second = json!({ "yes": true, "command": "take", "room": view.room });
    let counted = eva.ask(second).await.unwrap();
    house.tsa.set_time(taken.end.plus(Duration::from_secs(1))).unwrap();
    let settled = shown(&mut ana, |view| view.phase == Phase::Settled).await;
    assert_eq!(settled.outcome, "won by somebody for 8.00 EUR");
    assert_eq!(settled.bids, Some(1 + u64::from(counted)));
    let won = shown(&mut rui, |view| view.phase == Phase::Settled).await;
    assert!(won.leading, "{}", won.outcome);
    assert!(ana.ask(json!({ "command": "export", "room": view.room })).await.unwrap());
    let file = ana.folder.join("export").join(format!("{}.log", &view.room[..8]));
    let verified = pregao(&ana.folder, &["verify", file.to_str().unwrap()]).await.unwrap();
    for part in ["price fell from 10.00 EUR by 1.00 EUR every 60 s, to 4.00 EUR", "8.00 EUR"] {
        assert!(verified.text.contains(part), "{part}: {}", verified.text);
    }
}
