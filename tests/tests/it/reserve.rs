//! Hidden reserves, through the real programs: nobody reads one before the auction is over, then everybody.

use pregao::event::{Event, Phase, RoomView};
use pregao_protocol::room::auction::sealed::envelope::{Secrets, Void, open_reserve};
use pregao_protocol::room::body::Body;
use pregao_protocol::room::{Auction, Replay};
use pregao_protocol::trust::seal::SealKey;
use pregao_tests::agent::Agent;
use pregao_tests::desk::{Desk, enrol, pregao};
use pregao_tests::house::House;
use serde_json::{Value, json};

use crate::sealed::kept_on_disks;
use crate::{open, simulated};

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

/// How much is known of the reserve, and what it is.
fn reserve(view: &RoomView) -> (&str, Option<u64>) {
    view.reserve.as_ref().map_or(("none", None), |known| (&known.standing, known.amount))
}

fn terms(more: &Value) -> Value {
    let mut list = json!({ "command": "list", "title": "Lamp", "start": "10", "for": "1h" });
    for (name, value) in more.as_object().unwrap() {
        list[name] = value.clone();
    }
    list
}

/// An auction whose reserve of 40.00 is sealed by itself, as its seller sees it.
async fn listed(seller: &mut Desk, more: &Value) -> RoomView {
    let mut list = terms(more);
    list["reserve"] = json!("40");
    assert!(seller.ask(list).await.unwrap());
    // The listing, what is sealed to which keys, and the reserve.
    let view = shown(seller, |view| view.verified_size == 3).await;
    assert_eq!(reserve(&view), ("sealed", Some(4_000)));
    view
}

async fn bid(desk: &mut Desk, room: &str, amount: &str) -> bool {
    shown(desk, |view| reserve(view).0 == "sealed").await;
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": amount });
    desk.ask(bid).await.unwrap()
}

/// Lets an auction with sealed bids end, and open.
async fn opened(house: &House, desk: &mut Desk, view: &RoomView) {
    house.tsa.set_time(view.end).unwrap();
    let is_final = |view: &RoomView| {
        view.phase == Phase::Closed
            && view.verified_size > 0
            && view.final_size == view.verified_size
    };
    shown(desk, is_final).await;
    house.tsa.set_time(view.opens.unwrap()).unwrap();
}

/// What `pregao verify` says of a log, with what it exits by: 5 as long as it is not over.
async fn verified(desk: &mut Desk, room: &str, code: i32) -> String {
    assert!(desk.ask(json!({ "command": "export", "room": room })).await.unwrap());
    let file = desk.folder.join("export").join(format!("{}.log", &room[..8]));
    let verified = pregao(&desk.folder, &["verify", file.to_str().unwrap()]).await.unwrap();
    assert_eq!(verified.code, Some(code), "{}", verified.text);
    verified.text
}

async fn is_ended(desk: &mut Desk) -> RoomView {
    shown(desk, |view| view.phase == Phase::Ended && view.final_size == view.verified_size).await
}

#[tokio::test(flavor = "multi_thread")]
async fn v213_a_sellers_program_opens_the_reserve_once_the_close_is_final_and_the_item_is_sold() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let view = listed(&mut ana, &json!({})).await;
    assert!(bid(&mut rui, &view.room, "45").await);
    let seen = shown(&mut rui, |view| view.leading).await;
    assert_eq!((reserve(&seen).1, seen.outcome.as_str()), (None, "hidden reserve"));
    // The end may move for an hour yet, and without the seller the reserve would open only then.
    let moved = shown(&mut ana, |view| view.bids == Some(1)).await;
    house.tsa.set_time(moved.end).unwrap();
    let settled = shown(&mut rui, |view| view.phase == Phase::Settled).await;
    assert_eq!(settled.outcome, "won by you for 45.00 EUR");
    assert_eq!(reserve(&settled), ("open", Some(4_000)));
    shown(&mut ana, |view| view.phase == Phase::Settled && view.final_size == view.verified_size)
        .await;
    let text = verified(&mut ana, &view.room, 5).await;
    assert!(text.contains("hidden reserve of 40.00 EUR, sealed by entry 2, opened by"), "{text}");
    for desk in [ana, rui] {
        assert!(desk.evidence().unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v215_below_the_reserve_nobody_wins_and_every_screen_says_why() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let view = listed(&mut ana, &json!({ "fixed_end": true })).await;
    assert!(bid(&mut rui, &view.room, "39.99").await);
    shown(&mut ana, |view| view.bids == Some(1)).await;
    house.tsa.set_time(view.end).unwrap();
    let ended = is_ended(&mut rui).await;
    assert_eq!(ended.outcome, "not sold: below the reserve of 40.00 EUR");
    assert!(!ended.leading);
    let text = verified(&mut rui, &view.room, 0).await;
    assert!(text.contains("not sold: no bid that is left reaches the reserve"), "{text}");
    // Without bids nothing is opened: the reserve stays its seller's secret.
    let chair = json!({ "reserve": "50", "fixed_end": true, "title": "Chair" });
    assert!(ana.ask(terms(&chair)).await.unwrap());
    let chair = shown(&mut ana, |view| view.title == "Chair" && view.verified_size == 3).await;
    house.tsa.set_time(chair.end).unwrap();
    let ended = shown(&mut ana, |view| view.title == "Chair" && view.phase == Phase::Ended).await;
    assert_eq!((ended.outcome.as_str(), reserve(&ended).0), ("not sold", "sealed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn v212_without_its_seller_a_reserve_opens_after_the_last_end() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let view = listed(&mut ana, &json!({ "extend": "30s" })).await;
    assert!(bid(&mut rui, &view.room, "45").await);
    ana.kill().await.unwrap();
    house.tsa.set_time(view.end).unwrap();
    let waits = shown(&mut rui, |view| view.phase == Phase::Closed && view.verified_size > 0).await;
    assert_eq!(waits.outcome, "the reserve decides: its seller opens it, or it opens without");
    assert!(!waits.leading && reserve(&waits).1.is_none());
    let opens = waits.opens.unwrap();
    // Ten minutes of extensions, twice the grace, and up to the next whole second but one.
    assert!((611..=612).contains(&opens.since(view.end).as_secs()));
    house.tsa.set_time(opens).unwrap();
    let settled = shown(&mut rui, |view| view.phase == Phase::Settled).await;
    assert_eq!(reserve(&settled).1, Some(4_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn v215_where_bids_are_sealed_the_reserve_opens_with_them_and_sets_the_second_price() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let mut eva = desk(&house, "eva").await;
    let view = listed(&mut ana, &json!({ "sealed": "second" })).await;
    assert!(bid(&mut rui, &view.room, "50").await);
    assert!(bid(&mut eva, &view.room, "30").await);
    shown(&mut ana, |view| view.bids == Some(2)).await;
    opened(&house, &mut ana, &view).await;
    let settled = shown(&mut rui, |view| view.phase == Phase::Settled).await;
    assert_eq!(settled.outcome, "won by you for 40.00 EUR");
    let said = eva.ever(|event| match event {
        Event::Happened { verb, text, .. } if verb == "opened" => Some(text.clone()),
        _ => None,
    });
    assert!(said.await.unwrap().ends_with("; the reserve of 40.00 EUR is reached"));
}

#[tokio::test(flavor = "multi_thread")]
async fn v211_a_seller_who_was_away_when_the_keys_came_seals_the_reserve_when_back() {
    let house = open();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let mut room = None;
    // The keys come a moment after the listing: a program that stands still then has not seen them.
    for title in ["one", "two", "three", "four", "five"] {
        assert!(ana.ask(terms(&json!({ "reserve": "40", "title": title }))).await.unwrap());
        ana.freeze();
        let stated = |view: &RoomView| view.title == title && view.verified_size >= 2;
        let view = shown(&mut rui, stated).await;
        if reserve(&view).0 == "awaited" {
            room = Some(view.room);
            break;
        }
        ana.thaw();
    }
    let room = room.unwrap();
    let folder = ana.kill().await.unwrap();
    let early = json!({ "yes": true, "command": "bid", "room": room, "amount": "45" });
    assert!(!rui.ask(early).await.unwrap());
    let (code, message, _) = rui.refusal().await.unwrap();
    assert_eq!(code, "bid.early");
    assert!(message.contains("the seller has not sealed the reserve yet"), "{message}");
    let mut ana = Desk::start(&folder, &house.broker.address).unwrap();
    let is_sealed = |view: &RoomView| view.room == room && reserve(view).0 == "sealed";
    let sealed = shown(&mut ana, is_sealed).await;
    assert_eq!((sealed.own, reserve(&sealed).1), (true, Some(4_000)));
    shown(&mut rui, is_sealed).await;
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "45" });
    assert!(rui.ask(bid).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn v211_what_broker_and_tsa_keep_opens_a_reserve_together_and_neither_alone() {
    let house = open();
    let mut ana = desk(&house, "ana").await;
    let view = listed(&mut ana, &json!({})).await;
    assert!(ana.ask(json!({ "command": "export", "room": view.room })).await.unwrap());
    let file = ana.folder.join("export").join(format!("{}.log", &view.room[..8]));
    let text = std::fs::read_to_string(file).unwrap();
    let mut replay = Replay::new();
    let mut found = None;
    for line in text.lines().skip(1).take_while(|line| line.starts_with('{')) {
        if let Some(stamped) = replay.line(line).unwrap()
            && let Body::Reserve(reserve) = stamped.action().body()
        {
            found = Some((*stamped.action().key(), reserve.clone()));
        }
    }
    let (key, reserve) = found.unwrap();
    let auction = Auction::of(replay.room().unwrap()).unwrap();
    let (room, to) = (replay.room().unwrap().ledger().name(), auction.recipients().unwrap());
    let [broker, lock] = kept_on_disks(&house, room, auction);
    let opened = |broker: &SealKey, lock: &SealKey| {
        let secrets = Secrets { broker: broker.clone(), locks: vec![(0, lock.clone())] };
        open_reserve(&secrets, to, (room, &key), &reserve).map(|amount| amount.minor())
    };
    let other = SealKey::from_random([1; 32]);
    assert_eq!(opened(&broker, &other), Err(Void::Share), "the broker's disk");
    assert_eq!(opened(&other, &lock), Err(Void::Broker), "the TSA's disk");
    assert_eq!(opened(&broker, &lock), Ok(4_000), "both: SPEC 1 says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn v210_reserves_that_mean_nothing_are_refused_before_anything_is_signed() {
    let house = open();
    let mut ana = desk(&house, "ana").await;
    for more in [
        json!({ "reserve": "9.99" }),
        json!({ "reserve": "0" }),
        json!({ "reserve": "forty" }),
        json!({ "reserve": "40", "buy": "39.99" }),
        json!({ "reserve": "40", "dutch": "5", "increment": "1" }),
    ] {
        assert!(!ana.ask(terms(&more)).await.unwrap(), "{more}");
        let (code, message, advice) = ana.refusal().await.unwrap();
        assert!(["command.parse", "listing.terms"].contains(&code.as_str()), "{more}: {code}");
        assert!(!message.is_empty() && !advice.is_empty(), "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v213_an_agent_seals_and_opens_a_reserve_without_anybody_looking() {
    let house = simulated();
    let mut rui = desk(&house, "rui").await;
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let mut agent = Agent::start(&folder, &house.broker.address).unwrap();
    agent.tell("list Lamp 10 for 1h reserve 40 fixed-end").await.unwrap();
    let view = shown(&mut rui, |view| reserve(view).0 == "sealed").await;
    assert!(bid(&mut rui, &view.room, "45").await);
    shown(&mut rui, |view| view.leading).await;
    house.tsa.set_time(view.end).unwrap();
    let settled = shown(&mut rui, |view| view.phase == Phase::Settled).await;
    assert_eq!(reserve(&settled).1, Some(4_000));
    agent.stop().await.unwrap();
}
