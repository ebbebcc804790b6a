//! Ceilings up to which is bid by itself, through the real programs.

use pregao::event::{Event, Phase, RoomView};
use pregao_tests::desk::Desk;
use pregao_tests::house::House;
use serde_json::json;

use crate::simulated;

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

async fn shown(desk: &mut Desk, holds: impl Fn(&RoomView) -> bool) -> RoomView {
    let view = desk.ever(move |event| match event {
        Event::Room(view) if holds(view) => Some(view.clone()),
        _ => None,
    });
    view.await.unwrap()
}

/// 27 steps apart, by the least step each time it were 27 bids.
#[tokio::test(flavor = "multi_thread")]
async fn two_ceilings_against_each_other_come_to_an_end_soon_and_neither_is_exceeded() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let mut eva = desk(&house, "eva").await;
    let list = json!({ "command": "list", "title": "Lamp", "start": "1", "for": "1h",
        "increment": "1", "fixed_end": true });
    assert!(ana.ask(list).await.unwrap());
    let room = shown(&mut ana, |view| view.verified_size == 1).await.room;
    for (desk, ceiling) in [(&mut rui, "27"), (&mut eva, "40")] {
        shown(desk, |view| view.verified_size >= 1).await;
        let auto = json!({ "command": "auto", "room": room, "ceiling": ceiling });
        assert!(desk.ask(auto).await.unwrap());
    }
    let outbid = rui.ever(|event| match event {
        Event::Note { text, .. } if text.starts_with("OUTBID") => Some(text.clone()),
        _ => None,
    });
    let outbid = outbid.await.unwrap();
    assert!(outbid.contains("beyond your ceiling of 27.00 EUR"), "{outbid}");
    let view = shown(&mut eva, |view| view.leading && view.highest >= Some(2_600)).await;
    let highest = view.highest.unwrap();
    assert!((2_600..=4_000).contains(&highest), "{highest}");
    // 3 + 2 · log2(26 steps).
    assert!(view.bids.unwrap() <= 12, "{:?}", view.bids);
    // The seller's own item is none to bid on by itself.
    assert!(!ana.ask(json!({ "command": "auto", "room": room, "ceiling": "99" })).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "bid.own-item");
    assert_eq!(view.phase, Phase::Open);
    for desk in [ana, rui, eva] {
        assert!(desk.evidence().unwrap().is_empty());
    }
}
