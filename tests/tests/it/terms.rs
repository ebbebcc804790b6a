//! What a listing may say beyond start, step and end: a price at which it is bought at once, a largest raise,
//! larger steps, a later beginning.

use std::time::Duration;

use pregao::event::{Event, Phase};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Amount, Body, Listing, Step, Unlist};
use pregao_protocol::trust::persona::Ratio;
use pregao_tests::desk::{Desk, pregao};
use pregao_tests::house::House;
use pregao_tests::peer::{Peer, Terms};
use serde_json::json;

use crate::{guest, open, simulated};

fn amount(minor: u64) -> Amount {
    minor.try_into().unwrap()
}

/// Lists an item that ends in ten minutes, with other terms.
async fn listed(seller: &mut Peer, change: impl FnOnce(&mut Listing)) -> pregao_tests::peer::Made {
    let end = seller.in_seconds(600).await.unwrap();
    let (mut listing, seal) = seller.listing(&Terms::until(end)).unwrap();
    change(&mut listing);
    let made = seller.make(None, Body::List(listing), Seen::nothing()).unwrap();
    pregao_tests::peer::Made { seal: Some(seal), ..made }
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_leave_no_room_for_a_bid_are_refused() {
    let house = open();
    let mut seller = guest(&house).await;
    type Case = (&'static str, fn(&mut Listing));
    let changes: [Case; 5] = [
        ("listing.terms", |listing| listing.buy_now = Some(amount(99))),
        ("listing.terms", |listing| listing.max_raise = Some(amount(9))),
        ("listing.terms", |listing| {
            let step = |from| Step { from: amount(from), increment: amount(5) };
            listing.steps = vec![step(500), step(500)];
        }),
        ("listing.terms", |listing| {
            let step = |from| Step { from: amount(from), increment: amount(5) };
            listing.steps = (500..517).map(step).collect();
        }),
        ("listing.end", |listing| listing.begin = Some(listing.end)),
    ];
    for (code, change) in changes {
        let made = listed(&mut seller, change).await;
        assert_eq!(seller.act(&made).await.unwrap().code(), code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_beyond_the_terms_is_refused_under_signature() {
    let house = simulated();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let begin = seller.in_seconds(60).await.unwrap();
    let made = listed(&mut seller, |listing| {
        listing.begin = Some(begin);
        listing.max_raise = Some(amount(50));
        listing.steps = vec![Step { from: amount(150), increment: amount(20) }];
        listing.buy_now = Some(amount(1_000));
    })
    .await;
    let room = made.action.room();
    assert_eq!(seller.act(&made).await.unwrap().logged().unwrap(), 0);
    ana.join(room).await.unwrap();
    let code =
        async |peer: &mut Peer, amount| peer.bid(room, amount).await.unwrap().1.code().to_owned();
    assert_eq!(code(&mut ana, 100).await, "bid.early");
    house.tsa.set_time(begin).unwrap();
    while ana.now().await.unwrap() < begin {
        ana.pump().await.unwrap();
    }
    assert_eq!(code(&mut ana, 151).await, "bid.too-high");
    assert_eq!(ana.bid(room, 150).await.unwrap().1.logged().unwrap(), 1);
    ana.grown(room, 2).await.unwrap();
    assert_eq!(code(&mut ana, 169).await, "bid.too-low", "steps are larger from 1.50 on");
    assert_eq!(code(&mut ana, 201).await, "bid.too-high");
    assert_eq!(code(&mut ana, 999).await, "bid.too-high");
    // A bid on its way when another buys is too late, however early its stamp.
    let on_its_way = ana.make_bid(room, 170).unwrap();
    let stamp = ana.stamp(&on_its_way).await.unwrap();
    assert_eq!(ana.bid(room, 1_000).await.unwrap().1.logged().unwrap(), 2);
    let late = ana.submit(on_its_way.action.compact(), &stamp, &on_its_way.blind).await.unwrap();
    assert_eq!(late.code(), "bid.late");
    // It is closed at once, half an hour before its end.
    ana.auction_is(room, |auction| auction.closing().is_some()).await.unwrap();
    assert!(ana.now().await.unwrap() < begin.plus(Duration::from_secs(60)));
    let auction = ana.watched(room).unwrap().auction().unwrap();
    assert_eq!((auction.is_bought(), auction.late()), (true, None));
}

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_bought_sold_and_verified_as_bought() {
    let house = open();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let list = json!({
        "command": "list", "title": "Lamp", "start": "10", "for": "1h", "raise": "5", "steps": "20:2",
        "buy": "50",
    });
    assert!(ana.ask(list).await.unwrap());
    let shown = rui.ever(|event| match event {
        Event::Room(view) if view.verified_size == 1 => Some(view.clone()),
        _ => None,
    });
    let view = shown.await.unwrap();
    assert_eq!((view.buy_now, view.max_raise, view.begin), (Some(5_000), Some(500), None));
    let bid = |amount: &str| json!({ "yes": true, "command": "bid", "room": view.room, "amount": amount });
    assert!(!rui.ask(bid("15.01")).await.unwrap());
    let (code, _, advice) = rui.refusal().await.unwrap();
    assert_eq!((code.as_str(), advice.as_str()), ("bid.too-high", "bid at most 15.00 EUR"));
    assert!(rui.ask(bid("50")).await.unwrap());
    for (desk, name) in [(&mut ana, "Ana"), (&mut rui, "Rui")] {
        let invited = desk.ever(|event| match event {
            Event::Invited { room, .. } => Some(room.clone()),
            _ => None,
        });
        let room = invited.await.unwrap();
        let reveal =
            json!({ "yes": true, "command": "reveal", "room": room, "name": name, "contact": "x" });
        desk.tell(reveal).await.unwrap();
    }
    let sold = ana.ever(|event| match event {
        Event::Room(view) if view.phase == Phase::Revealed => {
            (view.final_size == view.verified_size).then(|| view.outcome.clone())
        }
        _ => None,
    });
    assert_eq!(sold.await.unwrap(), "sold to somebody for 50.00 EUR");
    assert!(ana.ask(json!({ "command": "export", "room": view.room })).await.unwrap());
    let file = ana.folder.join("export").join(format!("{}.log", &view.room[..8]));
    let verified = pregao(&ana.folder, &["verify", file.to_str().unwrap()]).await.unwrap();
    assert_eq!(verified.code, Some(0), "{}", verified.text);
    for part in [
        "from 20.00 EUR on 2.00 EUR more each time",
        "no bid raises the price by more than 5.00 EUR",
        "it could be bought at once for 50.00 EUR, and was",
        "in time",
    ] {
        assert!(verified.text.contains(part), "{part}: {}", verified.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_runs_until_a_time_and_begins_later() {
    let house = open();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    for (until, part) in [
        ("1999-01-01T00:00Z", "is past"),
        ("2999-01-01T00:00Z", "in more than a year"),
        ("noon", "is no time"),
    ] {
        let list = json!({ "yes": true, "command": "list", "title": "Lamp", "start": "1", "until": until });
        assert!(!ana.ask(list).await.unwrap(), "{until}");
        let (_, message, _) = ana.refusal().await.unwrap();
        assert!(message.contains(part), "{until}: {message}");
    }
    // An instant of the next day, and the beginning right after now.
    let day = ana.ever(|event| match event {
        Event::Tick { time, .. } => Some(time.plus(Duration::from_secs(86_400)).to_string()),
        _ => None,
    });
    let until = format!("{}T12:34+00:00", &day.await.unwrap()[..10]);
    let list = json!({
        "command": "list", "title": "Lamp", "start": "1", "until": until, "begins": "30m",
    });
    assert!(ana.ask(list).await.unwrap());
    let shown = rui.ever(|event| match event {
        Event::Room(view) if view.verified_size == 1 => Some(view.clone()),
        _ => None,
    });
    let view = shown.await.unwrap();
    assert!(view.end.to_string().contains("T12:34:00.000000Z") && view.begin.is_some());
    let bid = json!({ "command": "bid", "room": view.room, "amount": "2" });
    assert!(!rui.ask(bid).await.unwrap());
    let (code, _, advice) = rui.refusal().await.unwrap();
    assert_eq!(code, "bid.early");
    assert!(advice.starts_with("bids count from "), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_from_zero_takes_the_least_amount_there_is() {
    let house = open();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let list =
        json!({ "command": "list", "title": "Box", "start": "0", "step": "0.50", "for": "1h" });
    assert!(!ana.ask(list.clone()).await.unwrap(), "there is no such member");
    let list = json!({ "command": "list", "title": "Box", "start": "0", "increment": "0.50", "for": "1h" });
    assert!(ana.ask(list).await.unwrap());
    let shown = rui.ever(|event| match event {
        Event::Room(view) if view.verified_size == 1 => Some(view.clone()),
        _ => None,
    });
    let view = shown.await.unwrap();
    assert_eq!(view.start, 0);
    let bid = |amount: &str| json!({ "yes": true, "command": "bid", "room": view.room, "amount": amount });
    assert!(!rui.ask(bid("0")).await.unwrap());
    assert_eq!(rui.refusal().await.unwrap().2, "bid an amount within these bounds");
    assert!(rui.ask(bid("0.01")).await.unwrap());
    assert!(!rui.ask(bid("0.50")).await.unwrap());
    let (_, _, advice) = rui.refusal().await.unwrap();
    assert_eq!(advice, "bid at least 0.51 EUR");
}

/// Lists by this desk, and gives the room's name.
async fn lists(desk: &mut Desk, title: &str) -> String {
    let list = json!({ "command": "list", "title": title, "start": "10", "for": "1h" });
    assert!(desk.ask(list).await.unwrap());
    let title = title.to_owned();
    let shown = desk.ever(move |event| match event {
        Event::Room(view) if view.title == title && view.verified_size == 1 => {
            Some(view.room.clone())
        }
        _ => None,
    });
    shown.await.unwrap()
}

async fn ended(desk: &mut Desk, room: &str) -> String {
    let room = room.to_owned();
    let ended = desk.ever(move |event| match event {
        Event::Room(view) if view.room == room && view.phase == Phase::Ended => {
            Some(view.outcome.clone())
        }
        _ => None,
    });
    ended.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_takes_an_item_back_and_offers_it_again_before_anybody_has_bid() {
    let house = open();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let first = lists(&mut ana, "Lamp").await;
    assert!(!rui.ask(json!({ "command": "unlist", "room": first })).await.unwrap());
    assert_eq!(rui.refusal().await.unwrap().0, "unlist.seller");
    assert!(!ana.ask(json!({ "command": "relist", "room": first })).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "relist.open");
    let second = lists(&mut ana, "Lamp, with its shade").await;
    let unlist = json!({ "yes": true, "command": "unlist", "room": first, "successor": second });
    assert!(ana.ask(unlist.clone()).await.unwrap());
    for desk in [&mut ana, &mut rui] {
        assert_eq!(
            ended(desk, &first).await,
            format!("taken back by the seller, who says that it is offered again in {second}")
        );
    }
    assert!(!ana.ask(unlist).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "unlist.over");
    let bid = |room: &str| json!({ "yes": true, "command": "bid", "room": room, "amount": "10" });
    assert!(!rui.ask(bid(&first)).await.unwrap());
    assert_eq!(rui.refusal().await.unwrap().0, "bid.late");
    // Once somebody has bid, it is too late for that.
    assert!(rui.ask(bid(&second)).await.unwrap());
    let has_bid = ana.ever(|event| matches!(event, Event::Bid { .. }).then_some(()));
    has_bid.await.unwrap();
    assert!(!ana.ask(json!({ "command": "unlist", "room": second })).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "unlist.bids");
    // What is over is offered again, by its seller.
    assert!(!rui.ask(json!({ "command": "relist", "room": first })).await.unwrap());
    assert_eq!(rui.refusal().await.unwrap().0, "relist.not-own");
    let again = json!({ "command": "relist", "room": first, "start": "8.50", "for": "20m" });
    assert!(ana.ask(again).await.unwrap());
    let shown = rui.ever(move |event| match event {
        Event::Room(view) if view.title == "Lamp" && view.start == 850 => Some(view.clone()),
        _ => None,
    });
    let view = shown.await.unwrap();
    assert!(view.room != first && view.extend_secs == 60);
    let hard_end = |listing: &Listing| listing.soft.unwrap().hard_end.since(listing.end);
    let mut stranger = guest(&house).await;
    stranger.join(view.room.parse().unwrap()).await.unwrap();
    stranger.grown(view.room.parse().unwrap(), 1).await.unwrap();
    let again = stranger.watched(view.room.parse().unwrap()).unwrap().auction().unwrap();
    assert_eq!(hard_end(again.listing()), Duration::from_secs(3_600), "as it was");
    assert!(ana.ask(json!({ "command": "export", "room": first })).await.unwrap());
    let file = ana.folder.join("export").join(format!("{}.log", &first[..8]));
    let verified = pregao(&ana.folder, &["verify", file.to_str().unwrap()]).await.unwrap();
    let told = format!(
        "not sold: the seller took it back before the first bid; by its word it is offered again in {second}"
    );
    assert!(verified.text.contains(&told), "{}", verified.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_seller_is_believed_to_have_taken_an_item_back() {
    let house = open();
    let (mut seller, mut stranger) = (guest(&house).await, guest(&house).await);
    let room = listed(&mut seller, |_| {}).await;
    let name = room.action.room();
    assert_eq!(seller.act(&room).await.unwrap().logged().unwrap(), 0);
    stranger.join(name).await.unwrap();
    let seen = stranger.watched(name).unwrap().room().unwrap().ledger().head();
    for ratio in [Ratio([0; 32]), Ratio([1; 32])] {
        let body = Body::Unlist(Unlist { ratio, successor: None });
        let made = stranger.make(Some(name), body, seen).unwrap();
        assert_eq!(stranger.act(&made).await.unwrap().code(), "unlist.seller");
    }
}
