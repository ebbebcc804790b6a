//! Sellers' rules, through the real programs: tried, listed, read before bidding, and followed.

use pregao::event::Event;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::Body;
use pregao_tests::desk::{Desk, pregao};
use pregao_tests::house::House;
use pregao_tests::peer::{Peer, Terms};
use serde_json::json;

use crate::{guest, open};

const RULE: &str = "// Whole fives, and ten percent more than the last.\n\
    if amount % 500 != 0 { \"only whole fives\" }\n\
    else { highest == 0 || amount * 100 / highest >= 110 }";

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

/// Lists an item that ends in ten minutes, with a rule.
async fn listed(seller: &mut Peer, rule: &str) -> pregao_tests::peer::Made {
    let end = seller.in_seconds(600).await.unwrap();
    let (mut listing, seal) = seller.listing(&Terms::until(end)).unwrap();
    listing.rule = Some(rule.to_owned());
    let made = seller.make(None, Body::List(listing), Seen::nothing()).unwrap();
    pregao_tests::peer::Made { seal: Some(seal), ..made }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_refuses_what_is_no_rule_and_bids_that_a_rule_does_not_accept() {
    let house = open();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    for none in ["amount", "loop { }", "amount / bids > 0"] {
        let made = listed(&mut seller, none).await;
        assert_eq!(seller.act(&made).await.unwrap().code(), "listing.rule", "{none}");
    }
    let made = listed(&mut seller, "amount % 500 == 0 && 9 / (amount - 2500) != 1").await;
    let room = made.action.room();
    assert_eq!(seller.act(&made).await.unwrap().logged().unwrap(), 0);
    ana.join(room).await.unwrap();
    for (amount, code) in [(1_001, "bid.rule"), (2_500, "bid.rule"), (99, "bid.too-low")] {
        assert_eq!(ana.bid(room, amount).await.unwrap().1.code(), code, "{amount}");
    }
    assert_eq!(ana.bid(room, 3_000).await.unwrap().1.logged().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_tried_listed_read_and_followed() {
    let house = open();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let file = house.folder.path().join("fives.rule");
    std::fs::write(&file, format!("{RULE}\r\n")).unwrap();
    let path = file.to_str().unwrap();
    let tried = pregao(&ana.folder, &["rule", "check", path, "--amount", "12"]).await.unwrap();
    assert_eq!(tried.code, Some(1), "{}", tried.text);
    assert!(tried.text.contains("refuses this bid: “only whole fives”"), "{}", tried.text);

    let list = |file: &str| json!({ "command": "list", "title": "Lamp", "start": "10", "for": "1h", "rule_file": file });
    let none = house.folder.path().join("none.rule");
    std::fs::write(&none, "amount > 0 &&").unwrap();
    assert!(!ana.ask(list(none.to_str().unwrap())).await.unwrap());
    let (code, message, _) = ana.refusal().await.unwrap();
    assert_eq!(code, "listing.rule");
    assert!(message.contains("line 1, column 14: expected a value, got the end"), "{message}");
    assert!(ana.ask(list(path)).await.unwrap());

    let shown = rui.ever(|event| match event {
        Event::Room(view) if view.verified_size == 1 => Some(view.clone()),
        _ => None,
    });
    let view = shown.await.unwrap();
    assert_eq!(view.rule.as_deref(), Some(RULE));
    assert!(view.rule_words.iter().any(|line| line.contains("“only whole fives”")), "{view:?}");
    let bid = |amount: &str| json!({ "yes": true, "command": "bid", "room": view.room, "amount": amount });
    assert!(!rui.ask(bid("12")).await.unwrap());
    let (code, message, _) = rui.refusal().await.unwrap();
    assert_eq!(code, "bid.rule");
    assert_eq!(message, "the seller's rule refuses this bid: “only whole fives”");
    assert!(rui.ask(bid("100")).await.unwrap());
    assert!(!rui.ask(bid("105")).await.unwrap());
    let (code, message, _) = rui.refusal().await.unwrap();
    assert_eq!(code, "bid.rule");
    assert_eq!(message, "the seller's rule does not allow this bid");

    assert!(rui.ask(json!({ "command": "export", "room": view.room })).await.unwrap());
    let log = rui.folder.join("export").join(format!("{}.log", &view.room[..8]));
    let verified = pregao(&rui.folder, &["verify", log.to_str().unwrap()]).await.unwrap();
    assert!(verified.text.contains("If the bid is not a multiple of 500:"), "{}", verified.text);
    assert!(verified.text.contains("| else { highest == 0"), "{}", verified.text);
}
