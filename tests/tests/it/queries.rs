//! What can be looked up, in the three fronts of the real programs: bids, auctions by standing and kind, receipts
//! compared with the log, and who knows what.

use pregao::event::{BidStanding, BidsView, CheckVerdict, Event, RoomView};
use pregao_tests::desk::{Desk, Ran, pregao};
use pregao_tests::house::House;
use serde_json::json;

use crate::fronts::{carried_out, persona};
use crate::terminal::Terminal;
use crate::{open, simulated};

async fn shown(desk: &mut Desk, holds: impl Fn(&RoomView) -> bool) -> RoomView {
    let view = desk.ever(move |event| match event {
        Event::Room(view) if holds(view) => Some(view.clone()),
        _ => None,
    });
    view.await.unwrap()
}

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

/// Events of a run with `--json`.
fn events(ran: &Ran) -> Vec<Event> {
    carried_out(ran).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn bids_of(events: &[Event]) -> BidsView {
    let shown = events.iter().find_map(|event| match event {
        Event::Bids { shown, .. } => Some(shown.clone()),
        _ => None,
    });
    shown.unwrap()
}

/// An English auction with bids of rui and eva, and a sealed one with one of rui's.
async fn stage(house: &House) -> (Desk, Desk, String, String) {
    let (mut ana, mut rui) = (desk(house, "ana").await, desk(house, "rui").await);
    for list in [
        json!({ "command": "list", "title": "Lamp", "start": "10", "for": "1h" }),
        json!({ "command": "list", "title": "Vase", "start": "5", "for": "2h", "sealed": "first" }),
    ] {
        assert!(ana.ask(list).await.unwrap());
    }
    let lamp = shown(&mut rui, |view| view.title == "Lamp" && view.verified_size == 1).await.room;
    let vase = shown(&mut rui, |view| view.title == "Vase" && view.verified_size == 2).await.room;
    for (room, amount) in [(&lamp, "10"), (&vase, "7.77")] {
        let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": amount });
        assert!(rui.ask(bid).await.unwrap());
    }
    (ana, rui, lamp, vase)
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_are_listed_in_every_front_and_sealed_ones_only_by_size() {
    let house = open();
    let (_ana, rui, lamp, vase) = stage(&house).await;
    let eva = persona(&house, "eva").await;
    carried_out(&pregao(&eva, &["bid", &lamp, "12"]).await.unwrap());
    // One command.
    let ran = pregao(&eva, &["bids", &lamp]).await.unwrap();
    let lines: Vec<&str> = carried_out(&ran).lines().collect();
    assert!(lines[0].ends_with("\"Lamp\": 2 bids"), "{}", ran.text);
    assert!(
        lines[1].starts_with("1  10.00 EUR  ") && lines[1].ends_with("  outbid"),
        "{}",
        ran.text
    );
    assert!(
        lines[2].starts_with("2  12.00 EUR  ") && lines[2].ends_with("  leads   yours"),
        "{}",
        ran.text
    );
    let ran = pregao(&eva, &["bids", &vase, "--json"]).await.unwrap();
    let sealed = bids_of(&events(&ran));
    assert_eq!((sealed.unopened, sealed.bids.len()), (1, 1));
    let one = &sealed.bids[0];
    assert_eq!((one.amount, one.standing, one.own), (None, BidStanding::Sealed, false));
    assert!(one.sealed_bytes > Some(500) && one.time.is_some(), "{one:?}");
    assert!(!ran.text.contains("777"), "{}", ran.text);
    let ran = pregao(&eva, &["bids", &lamp, "--last", "1"]).await.unwrap();
    assert!(carried_out(&ran).contains("… 1 older left out"), "{}", ran.text);
    let ran = pregao(&eva, &["bids", "3f2a3f2a"]).await.unwrap();
    assert!(ran.code == Some(1) && ran.text.contains("no room begins"), "{}", ran.text);
    // JSON: the author of a sealed bid knows what it says.
    let mut rui = rui;
    assert!(rui.ask(json!({ "command": "bids", "mine": true })).await.unwrap());
    let mine = bids_of(&rui.seen);
    let told: Vec<_> = mine.bids.iter().map(|bid| (bid.amount, bid.standing)).collect();
    assert_eq!(told, [(Some(1_000), BidStanding::Outbid), (Some(777), BidStanding::Sealed)]);
    assert!(mine.mine && mine.room.is_none());
    let answered = rui.seen.iter().any(|event| matches!(event, Event::Bids { id: Some(_), .. }));
    assert!(answered);
    // The chat.
    let mut chat = Terminal::run(&eva, &["chat"]);
    chat.until(|text| text.contains("Lamp") && text.contains("Vase")).await;
    chat.types(&format!("/bids {}\r", &lamp[..8])).await;
    chat.until(|text| text.contains("\"Lamp\": 2 bids") && text.contains("leads")).await;
    chat.types("/bids mine\r").await;
    chat.shows("your bids").await;
    chat.types("\u{3}").await;
    assert_eq!(chat.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn auctions_are_listed_by_standing_and_kind_in_every_front() {
    let house = simulated();
    let (_ana, mut rui, lamp, _) = stage(&house).await;
    let end = shown(&mut rui, |view| view.room == lamp).await.end;
    house.tsa.set_time(end).unwrap();
    shown(&mut rui, |view| view.room == lamp && view.phase != pregao::event::Phase::Open).await;
    let titles = |events: &[Event]| -> Vec<String> {
        let rooms = events.iter().rev().find_map(|event| match event {
            Event::Items { rooms, .. } | Event::Mine { rooms, .. } => Some(rooms),
            _ => None,
        });
        rooms.unwrap().iter().map(|room| room.title.clone()).collect()
    };
    for (filter, expected) in [
        (json!({ "command": "items" }), vec!["Lamp", "Vase"]),
        (json!({ "command": "items", "last": 1 }), vec!["Vase"]),
        (json!({ "command": "items", "standing": "open" }), vec!["Vase"]),
        (json!({ "command": "items", "standing": "closed" }), vec!["Lamp"]),
        (json!({ "command": "items", "standing": "closed", "kind": "sealed" }), vec![]),
        (json!({ "command": "mine", "kind": "english" }), vec!["Lamp"]),
    ] {
        assert!(rui.ask(filter.clone()).await.unwrap(), "{filter}");
        assert_eq!(titles(&rui.seen), expected, "{filter}");
    }
    let folder = rui.folder.clone();
    rui.end().await.unwrap();
    let ran = pregao(&folder, &["items", "open", "sealed"]).await.unwrap();
    assert!(
        carried_out(&ran).contains("  Vase  ") && !ran.text.contains("  Lamp  "),
        "{}",
        ran.text
    );
    let ran = pregao(&folder, &["mine", "--closed", "--json"]).await.unwrap();
    assert_eq!(titles(&events(&ran)), ["Lamp"]);
    let ran = pregao(&folder, &["items", "open", "closed"]).await.unwrap();
    assert!(ran.code == Some(1) && ran.text.contains("excludes"), "{}", ran.text);
    let mut chat = Terminal::run(&folder, &["chat"]);
    chat.until(|text| text.contains("Lamp") && text.contains("Vase")).await;
    chat.types("/items closed last 1\r").await;
    chat.until(|text| text.contains(&format!("{}  Lamp", &lamp[..4]))).await;
    chat.types("\u{3}").await;
    assert_eq!(chat.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_compared_with_the_log_in_every_front() {
    let house = open();
    let (_ana, mut rui, lamp, _) = stage(&house).await;
    assert!(rui.ask(json!({ "command": "check" })).await.unwrap());
    let checked = rui.seen.iter().find_map(|event| match event {
        Event::Checked { receipts, .. } => Some(receipts.clone()),
        _ => None,
    });
    let checked = checked.unwrap();
    assert_eq!(checked.len(), 2);
    assert!(checked.iter().all(|one| one.verdict == CheckVerdict::Verified), "{checked:?}");
    assert!(!rui.ask(json!({ "command": "check", "receipt": "????" })).await.unwrap());
    let digest = checked[0].receipt.digest.clone();
    let folder = rui.folder.clone();
    // A room that was left is read for it.
    assert!(rui.ask(json!({ "command": "leave", "room": lamp })).await.unwrap());
    rui.end().await.unwrap();
    let ran = pregao(&folder, &["check"]).await.unwrap();
    assert!(carried_out(&ran).contains("2 verified, 0 not yet, 0 contradicted"), "{}", ran.text);
    let ran = pregao(&folder, &["check", &digest[..12]]).await;
    let ran = ran.unwrap();
    assert!(carried_out(&ran).contains("1 verified"), "{}", ran.text);
    let mut chat = Terminal::run(&folder, &["chat"]);
    chat.until(|text| text.contains("Lamp") && text.contains("Vase")).await;
    chat.types("/check all\r").await;
    chat.shows("2 verified, 0 not yet, 0 contradicted").await;
    chat.types("\u{3}").await;
    assert_eq!(chat.end().await, Some(0));
    // Without a broker nothing is said to be contradicted, and nothing to be verified.
    let House { broker, tsa: _tsa, folder: _place } = house;
    drop(broker);
    let ran = pregao(&folder, &["check"]).await.unwrap();
    assert!(ran.text.contains("0 verified, 2 not yet, 0 contradicted"), "{}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_know_is_told_in_every_front() {
    let house = open();
    let (_ana, mut rui, ..) = stage(&house).await;
    assert!(rui.ask(json!({ "command": "whoami" })).await.unwrap());
    let trust = rui.seen.iter().find_map(|event| match event {
        Event::Whoami(trust) => Some(trust.clone()),
        _ => None,
    });
    let trust = trust.unwrap();
    assert!(trust.certificate_begins.unwrap() < trust.certificate_ends);
    assert!(trust.broker_knows.iter().any(|line| line == "that you acted 2 times in 2 rooms"));
    assert!(!trust.others_see.is_empty());
    let folder = rui.folder.clone();
    rui.end().await.unwrap();
    let ran = pregao(&folder, &["whoami"]).await.unwrap();
    for part in
        ["certified  from ", "the broker knows: your persona", "others see: each of your actions"]
    {
        assert!(carried_out(&ran).contains(part), "{}", ran.text);
    }
    let mut chat = Terminal::run(&folder, &["chat"]);
    chat.until(|text| text.contains("Lamp") && text.contains("Vase")).await;
    chat.types("/whoami\r").await;
    chat.shows("others see:").await;
    chat.types("\u{3}").await;
    assert_eq!(chat.end().await, Some(0));
}
