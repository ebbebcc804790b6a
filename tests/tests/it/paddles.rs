//! Public names of bidders, and how many bids one bidder may make, through the real programs.

use pregao::event::{Event, PaddleView, RoomView};
use pregao_tests::desk::Desk;
use pregao_tests::house::House;
use pregao_tests::peer::{Peer, SubmitAnswer, Terms};
use serde_json::{Value, json};

use crate::{guest, simulated};

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

async fn listed(desk: &mut Desk, more: Value) -> String {
    let mut list = json!({ "command": "list", "title": "Lamp", "start": "1", "for": "1h",
        "increment": "1", "fixed_end": true });
    list.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert!(desk.ask(list).await.unwrap());
    shown(desk, |view| view.verified_size == 1).await.room
}

async fn bids(desk: &mut Desk, room: &str, amount: &str) -> bool {
    let bid = json!({ "command": "bid", "room": room, "amount": amount, "yes": true });
    desk.ask(bid).await.unwrap()
}

async fn takes(desk: &mut Desk, room: &str, name: &str) -> bool {
    let task = json!({ "command": "paddle", "what": "here", "room": room, "name": name });
    desk.ask(task).await.unwrap()
}

async fn paddles(desk: &mut Desk, room: &str) -> (u64, Vec<PaddleView>) {
    desk.tell(json!({ "command": "paddles", "room": room })).await.unwrap();
    let told = desk.until(|event| match event {
        Event::Paddles { others, paddles, .. } => Some((*others, paddles.clone())),
        _ => None,
    });
    told.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_under_a_paddle_are_seen_as_one_bidders_and_nobody_else_bids_under_it() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let mut eva = desk(&house, "eva").await;
    let room = listed(&mut ana, json!({})).await;
    for desk in [&mut rui, &mut eva] {
        shown(desk, |view| view.verified_size >= 1).await;
    }
    assert!(takes(&mut rui, &room, "17").await);
    assert!(bids(&mut rui, &room, "1").await);
    assert!(bids(&mut eva, &room, "2").await);
    shown(&mut rui, |view| view.verified_size == 3).await;
    assert!(bids(&mut rui, &room, "3").await);
    shown(&mut eva, |view| view.verified_size == 4).await;
    // What is taken is said before anything is signed.
    assert!(!takes(&mut eva, &room, "17").await);
    assert_eq!(eva.refusal().await.unwrap().0, "bid.paddle");
    assert!(takes(&mut eva, &room, "18").await);
    assert!(bids(&mut eva, &room, "4").await);
    // After a restart it is the same bidder.
    let folder = rui.kill().await.unwrap();
    let mut rui = Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap();
    let view = shown(&mut rui, |view| view.verified_size == 5).await;
    assert_eq!(view.paddle.as_deref(), Some("17"));
    assert!(bids(&mut rui, &room, "5").await);
    shown(&mut rui, |view| view.verified_size == 6).await;
    let (others, held) = paddles(&mut rui, &room).await;
    assert_eq!(others, 1);
    let held: Vec<_> =
        held.iter().map(|one| (one.name.as_str(), &one.bids[..], one.leading, one.own)).collect();
    assert_eq!(held, [("17", &[1, 3, 5][..], true, true), ("18", &[4], false, false)]);
    // Put down: the next one is nobody's to tie to them.
    let off = json!({ "command": "paddle", "what": "here", "room": room });
    assert!(rui.ask(off).await.unwrap());
    assert!(bids(&mut rui, &room, "6").await);
    shown(&mut rui, |view| view.verified_size == 7).await;
    assert_eq!(paddles(&mut rui, &room).await.0, 2);
    for desk in [ana, rui, eva] {
        assert!(desk.evidence().unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_paddle_for_everything_is_taken_knowingly() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let rooms = [listed(&mut ana, json!({})).await, {
        assert!(
            ana.ask(json!({ "command": "list", "title": "Chair", "start": "1", "for": "1h",
            "increment": "1" }))
                .await
                .unwrap()
        );
        shown(&mut ana, |view| view.title == "Chair").await.room
    }];
    let all = |anyway: bool| json!({ "command": "paddle", "what": "everywhere", "name": "17", "anyway": anyway });
    assert!(!rui.ask(all(false)).await.unwrap());
    assert_eq!(rui.refusal().await.unwrap().0, "paddle.everywhere");
    assert!(rui.ask(all(true)).await.unwrap());
    for room in &rooms {
        let room_is = room.clone();
        shown(&mut rui, move |view| view.room == room_is && view.verified_size >= 1).await;
        assert!(bids(&mut rui, room, "1").await);
        let room_is = room.clone();
        shown(&mut rui, move |view| view.room == room_is && view.verified_size >= 2).await;
        let (others, held) = paddles(&mut rui, room).await;
        assert_eq!((others, held.len(), held[0].name.as_str()), (0, 1, "17"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_bids_more_often_than_the_listing_allows_and_the_refusal_shows_it() {
    let mut house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let room = listed(&mut ana, json!({ "bids": 2 })).await;
    shown(&mut rui, |view| view.verified_size >= 1 && view.bids_each == Some(2)).await;
    assert!(bids(&mut rui, &room, "1").await);
    // What the broker counts it counts after a restart, too.
    house.broker.restart().unwrap();
    shown(&mut rui, |view| view.verified_size == 2).await;
    assert!(bids(&mut rui, &room, "2").await);
    shown(&mut rui, |view| view.verified_size == 3).await;
    assert!(!bids(&mut rui, &room, "3").await);
    assert_eq!(rui.refusal().await.unwrap().0, "bid.limit");
    let mut eva = desk(&house, "eva").await;
    shown(&mut eva, |view| view.verified_size >= 3).await;
    assert!(bids(&mut eva, &room, "3").await);
    for desk in [ana, rui, eva] {
        assert!(desk.evidence().unwrap().is_empty());
    }
}

/// The program counts its own bids; here is one that does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_broker_refuses_one_bid_too_many_with_the_ratios_that_show_it() {
    let mut house = simulated();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let terms = Terms { bids_each: Some(2), ..Terms::until(end) };
    let room = seller.list(&terms).await.unwrap().action.room();
    let mut rui = guest(&house).await;
    let mut made = Vec::new();
    rui.join(room).await.unwrap();
    let (first, answer) = rui.bid(room, 100).await.unwrap();
    answer.logged().unwrap();
    made.push(first);
    ana.join(room).await.unwrap();
    ana.bid(room, 200).await.unwrap().1.logged().unwrap();
    let person = rui.person.clone();
    house.broker.restart().unwrap();
    let mut rui = Peer::connect(&person, &house.broker.address).await.unwrap();
    rui.join(room).await.unwrap();
    let (second, answer) = rui.bid(room, 300).await.unwrap();
    answer.logged().unwrap();
    made.push(second);
    let (third, answer) = rui.bid(room, 400).await.unwrap();
    let SubmitAnswer::Refused(refusal, _) = answer else { panic!("not refused: {answer:?}") };
    assert_eq!(refusal.code.as_str(), "bid.limit");
    let seqs: Vec<u64> = refusal.same_author.iter().map(|same| same.seq).collect();
    assert_eq!(seqs, [1, 3]);
    for (same, earlier) in refusal.same_author.iter().zip(&made) {
        same.ratio.verify(earlier.action.key(), third.action.key()).unwrap();
    }
    // To talk is no bid.
    let said = rui.make_say(room, "That was all").unwrap();
    rui.act(&said).await.unwrap().logged().unwrap();
}
