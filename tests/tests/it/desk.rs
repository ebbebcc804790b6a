//! The real `pregao` through faults: a broker that is killed, a peer that is killed, absence,
//! and sessions that end all the time.

use std::path::PathBuf;

use pregao::event::{Event, Role, RoomView};
use pregao_protocol::log::RoomName;
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::frame::FromBroker;
use pregao_tests::desk::{Desk, enrol, pregao, vault};
use pregao_tests::house::{House, Options};
use pregao_tests::liar::{Down, Liar};
use pregao_tests::peer::Peer;
use serde_json::json;

use crate::{guest, open, simulated};

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

/// Lists an item; gives the room's full name.
async fn list(desk: &mut Desk, time: &str) -> String {
    let list = json!({ "command": "list", "title": "Radio", "start": "1", "for": time, "fixed_end": true });
    assert!(desk.ask(list).await.unwrap());
    desk.ever(|event| match event {
        Event::Room(view) if view.own => Some(view.room.clone()),
        _ => None,
    })
    .await
    .unwrap()
}

/// When an auction ends, as a desk shows it.
pub(crate) async fn end_of(desk: &mut Desk, room: &str) -> Time {
    desk.ever(|event| match event {
        Event::Room(view) if view.room == room => Some(view.end),
        _ => None,
    })
    .await
    .unwrap()
}

async fn bid(desk: &mut Desk, room: &str, amount: &str) -> bool {
    desk.ask(json!({ "yes": true, "command": "bid", "room": room, "amount": amount }))
        .await
        .unwrap()
}

fn receipts(desk: &Desk, of: &str) -> usize {
    let wanted = |event: &&Event| matches!(event, Event::Receipt(view) if view.verb == of);
    desk.seen.iter().filter(wanted).count()
}

/// Positions of the bids told of, in the order of telling.
fn bids(desk: &Desk) -> Vec<u64> {
    let seq = |event: &Event| match event {
        Event::Bid { seq, .. } => Some(*seq),
        _ => None,
    };
    desk.seen.iter().filter_map(seq).collect()
}

fn no_alarm(desk: &Desk) {
    assert!(!desk.seen.iter().any(|event| matches!(event, Event::Alarm { .. })), "{:?}", desk.seen);
    assert!(desk.evidence().unwrap().is_empty());
}

fn view(desk: &Desk) -> RoomView {
    let view = |event: &Event| match event {
        Event::Room(view) => Some(view.clone()),
        _ => None,
    };
    desk.seen.iter().rev().find_map(view).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_under_way_while_the_broker_is_killed_counts_exactly_once() {
    let mut house = open();
    let (mut seller, mut ana) = (desk(&house, "seller").await, desk(&house, "ana").await);
    let room = list(&mut seller, "10m").await;
    ana.verified(&room, 1).await.unwrap();
    assert!(bid(&mut ana, &room, "2").await);

    // The TSA is stopped, so the bid waits for its stamp when the broker dies.
    house.tsa.program().freeze();
    let command = json!({ "yes": true, "command": "bid", "room": room, "amount": "3" });
    let under_way = ana.tell(command).await.unwrap();
    ana.verified(&room, 2).await.unwrap();
    house.broker.kill().unwrap();
    ana.until(|event| matches!(event, Event::Disconnected { .. }).then_some(())).await.unwrap();
    house.tsa.program().thaw();
    house.broker.restart().unwrap();
    assert!(ana.done(&under_way).await.unwrap());
    ana.verified(&room, 3).await.unwrap();
    seller.verified(&room, 3).await.unwrap();
    // Killed again, with nothing under way; and commands are still taken afterwards.
    house.broker.kill().unwrap();
    house.broker.restart().unwrap();
    ana.until(|event| matches!(event, Event::Connected { .. }).then_some(())).await.unwrap();
    assert!(bid(&mut ana, &room, "4").await);
    seller.verified(&room, 4).await.unwrap();
    ana.verified(&room, 4).await.unwrap();

    let mut stranger = guest(&house).await;
    let name: RoomName = room.parse().unwrap();
    stranger.join(name).await.unwrap();
    let folded = stranger.watched(name).unwrap().auction().unwrap();
    let amounts: Vec<u64> = folded.bids().iter().map(|bid| bid.amount.minor()).collect();
    assert_eq!(amounts, [200, 300, 400]);
    assert_eq!((bids(&ana), bids(&seller)), (vec![1, 2, 3], vec![1, 2, 3]));
    assert_eq!((receipts(&ana, "bid"), receipts(&seller, "list")), (3, 1));
    no_alarm(&ana);
    no_alarm(&seller);
    ana.end().await.unwrap();
    let kept = vault(&house.folder.path().join("ana")).unwrap();
    assert!(kept.actions.len() == 3 && kept.actions.iter().all(|kept| kept.receipt.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_killed_before_its_receipt_came_finds_it_in_the_log() {
    let house = open();
    let mut seller = desk(&house, "seller").await;
    let room = list(&mut seller, "10m").await;
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    // From the receipt on nothing reaches the peer any more.
    let mut silent = false;
    let lie = Down(move |frame| {
        silent |= matches!(frame, FromBroker::Receipt { .. });
        if silent { Vec::new() } else { vec![frame] }
    });
    let liar = Liar::before(&house, &folder, lie).await.unwrap();
    let mut ana = Desk::start(&folder, &liar.address).unwrap();
    ana.verified(&room, 1).await.unwrap();
    ana.tell(json!({ "yes": true, "command": "bid", "room": room, "amount": "2" })).await.unwrap();
    seller.verified(&room, 2).await.unwrap();
    ana.kill().await.unwrap();
    let kept = vault(&folder).unwrap();
    assert!(kept.actions.len() == 1 && kept.actions[0].receipt.is_none());

    let mut ana = Desk::start(&folder, &house.broker.address).unwrap();
    ana.ever(|event| {
        matches!(event, Event::Receipt(view) if view.holds && view.seq == 1).then_some(())
    })
    .await
    .unwrap();
    ana.verified(&room, 2).await.unwrap();
    assert!(view(&ana).leading && view(&ana).bids == Some(1));
    assert!(ana.ask(json!({ "command": "receipts" })).await.unwrap());
    no_alarm(&ana);
    ana.end().await.unwrap();
    assert!(vault(&folder).unwrap().actions[0].receipt.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_lost_with_the_session_comes_again_for_the_same_bid() {
    let house = open();
    let mut seller = desk(&house, "seller").await;
    let room = list(&mut seller, "10m").await;
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    // The first session is silent from the receipt on; the next one is not.
    let mut silent = false;
    let mut receipts_kept_back = 0;
    let lie = Down(move |frame| {
        match &frame {
            FromBroker::Welcome { .. } => silent = false,
            FromBroker::Receipt { .. } if receipts_kept_back == 0 => {
                receipts_kept_back += 1;
                silent = true;
            }
            _ => {}
        }
        if silent { Vec::new() } else { vec![frame] }
    });
    let liar = Liar::before(&house, &folder, lie).await.unwrap();
    let mut ana = Desk::start(&folder, &liar.address).unwrap();
    ana.verified(&room, 1).await.unwrap();
    let command = json!({ "yes": true, "command": "bid", "room": room, "amount": "2" });
    let under_way = ana.tell(command).await.unwrap();
    seller.verified(&room, 2).await.unwrap();
    liar.renew();
    assert!(ana.done(&under_way).await.unwrap(), "{:?}", ana.seen);
    ana.verified(&room, 2).await.unwrap();
    assert_eq!((bids(&ana), receipts(&ana, "bid")), (vec![1], 1));
    assert!(bid(&mut ana, &room, "3").await);
    seller.verified(&room, 3).await.unwrap();
    assert_eq!(bids(&seller), [1, 2]);
    no_alarm(&ana);
}

/// Waits for the invitation.
async fn invited(desk: &mut Desk) -> Role {
    desk.ever(|event| match event {
        Event::Invited { role, .. } => Some(*role),
        _ => None,
    })
    .await
    .unwrap()
}

/// Waits for the other side; gives name, contact and verdict.
async fn revealed(desk: &mut Desk) -> (String, String, String) {
    desk.ever(|event| match event {
        Event::Revealed { name, contact, verdict, .. } => {
            Some((name.clone(), contact.clone(), verdict.clone()))
        }
        _ => None,
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_meet_although_each_was_away_when_it_mattered() {
    let house = simulated();
    let (mut seller, mut ana, mut rui) =
        (desk(&house, "seller").await, desk(&house, "ana").await, desk(&house, "rui").await);
    let room = list(&mut seller, "10m").await;
    rui.verified(&room, 1).await.unwrap();
    assert!(bid(&mut rui, &room, "2").await);
    ana.verified(&room, 2).await.unwrap();
    assert!(bid(&mut ana, &room, "3").await);
    // The seller is away when the auction ends.
    let seller = seller.kill().await.unwrap();
    house.tsa.set_time(end_of(&mut ana, &room).await).unwrap();
    assert_eq!(invited(&mut ana).await, Role::Winner);
    let reveal = |name: &str| json!({ "yes": true, "command": "reveal", "room": room, "name": name, "contact": format!("{name}@example.org") });
    assert!(ana.ask(reveal("Ana")).await.unwrap(), "{:?}", ana.seen.last());
    // The winner disclosed first, and is away when the seller does.
    let ana = ana.kill().await.unwrap();
    let mut seller = Desk::start(&seller, &house.broker.address).unwrap();
    assert_eq!(invited(&mut seller).await, Role::Seller);
    assert!(seller.ask(reveal("Sofia")).await.unwrap(), "{:?}", seller.seen.last());
    let (name, contact, verdict) = revealed(&mut seller).await;
    assert_eq!((name.as_str(), contact.as_str()), ("Ana", "Ana@example.org"));
    assert_eq!(verdict, "verified: this is who won");
    let mut ana = Desk::start(&ana, &house.broker.address).unwrap();
    let (name, contact, verdict) = revealed(&mut ana).await;
    assert_eq!((name.as_str(), contact.as_str()), ("Sofia", "Sofia@example.org"));
    assert_eq!(verdict, "verified: this is who listed");

    rui.ever(|event| match event {
        Event::Happened { verb, .. } if verb == "revealed" => Some(()),
        _ => None,
    })
    .await
    .unwrap();
    assert!(!rui.ask(reveal("Rui")).await.unwrap());
    assert_eq!(rui.refusal().await.unwrap().0, "reveal.none");
    let heard = format!("{:?}", rui.seen);
    for secret in ["Ana", "Sofia", "Invited {", "Revealed {"] {
        assert!(!heard.contains(secret), "a third peer heard {secret}");
    }
    // Who the other one is stays known after another start, although the secret is gone.
    let ana = ana.kill().await.unwrap();
    let mut ana = Desk::start(&ana, &house.broker.address).unwrap();
    assert_eq!(revealed(&mut ana).await.0, "Sofia");
    for desk in [seller, ana, rui] {
        no_alarm(&desk);
        let folder: PathBuf = desk.folder.clone();
        desk.end().await.unwrap();
        let kept = vault(&folder).unwrap();
        assert!(!kept.actions.is_empty());
        assert!(kept.actions.iter().all(|kept| kept.seal_secret.is_none()), "{}", folder.display());
    }
    let kept = vault(&house.folder.path().join("ana")).unwrap();
    assert_eq!(kept.reveals[0].counterparty.as_ref().unwrap().name, "Sofia");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_persona_is_used_by_one_process_at_a_time() {
    let house = open();
    let mut first = desk(&house, "ana").await;
    assert!(first.ask(json!({ "command": "whoami" })).await.unwrap());
    let folder = first.folder.clone();
    let second = pregao(&folder, &["whoami"]).await.unwrap();
    assert_eq!(second.code, Some(1), "{}", second.text);
    assert!(second.text.contains("close the other program"), "{}", second.text);
    // A process that was killed leaves no lock behind.
    first.kill().await.unwrap();
    let third = pregao(&folder, &["whoami"]).await.unwrap();
    assert_eq!(third.code, Some(0), "{}", third.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_bid_moves_a_soft_end() {
    let house = open();
    let (mut seller, mut ana) = (desk(&house, "seller").await, desk(&house, "ana").await);
    let list =
        json!({ "command": "list", "title": "Radio", "start": "1", "for": "20s", "extend": "30s" });
    assert!(seller.ask(list).await.unwrap());
    let first = seller
        .ever(|event| match event {
            Event::Room(view) if view.own => Some(view.clone()),
            _ => None,
        })
        .await
        .unwrap();
    ana.verified(&first.room, 1).await.unwrap();
    assert!(bid(&mut ana, &first.room, "2").await);
    for desk in [&mut seller, &mut ana] {
        desk.verified(&first.room, 2).await.unwrap();
        let moved = view(desk);
        assert!(moved.end > first.end && moved.extend_secs == 30, "{moved:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_all_the_time_lose_and_repeat_nothing() {
    let house = House::open(&Options::default().broker("--session-lifetime 2")).unwrap();
    let (mut seller, mut ana) = (desk(&house, "seller").await, desk(&house, "ana").await);
    let room = list(&mut seller, "10m").await;
    ana.verified(&room, 1).await.unwrap();
    for amount in 2..8 {
        assert!(bid(&mut ana, &room, &amount.to_string()).await);
        let renewed = |event: &Event| matches!(event, Event::Connected { .. }).then_some(());
        if amount % 2 == 0 {
            ana.until(renewed).await.unwrap();
        }
    }
    seller.verified(&room, 7).await.unwrap();
    ana.verified(&room, 7).await.unwrap();
    assert_eq!((bids(&ana), bids(&seller)), ((1..7).collect(), (1..7).collect()));
    assert_eq!(receipts(&ana, "bid"), 6);
    let ended = |event: &&Event| matches!(event, Event::Disconnected { .. });
    assert!(ana.seen.iter().filter(ended).count() >= 2);
    no_alarm(&ana);
    no_alarm(&seller);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_not_there_keeps_no_command_waiting() {
    let house = open();
    let mut ana = desk(&house, "ana").await;
    assert!(!ana.ask(json!({ "command": "join", "room": "ab".repeat(32) })).await.unwrap());
    let (code, _, advice) = ana.refusal().await.unwrap();
    assert_eq!((code.as_str(), advice.contains("/items")), ("room.unknown", true));
    assert!(ana.ask(json!({ "command": "items" })).await.unwrap());
    assert!(!ana.ask(json!({ "command": "leave", "room": "abab" })).await.unwrap());
}

/// After a forfeit the seller has two private rooms for one auction: the dead one raises no alarm,
/// and the disclosure goes to the one that lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_winner_is_met_in_the_second_room() {
    let house = House::open(&Options::default().simulated()).unwrap();
    let mut seller = desk(&house, "seller").await;
    let (mut ana, mut rui): (Peer, Peer) = (guest(&house).await, guest(&house).await);
    let room = list(&mut seller, "60s").await;
    let name: RoomName = room.parse().unwrap();
    ana.join(name).await.unwrap();
    rui.join(name).await.unwrap();
    let (second, answer) = rui.bid(name, 200).await.unwrap();
    answer.logged().unwrap();
    ana.grown(name, 2).await.unwrap();
    ana.bid(name, 400).await.unwrap().1.logged().unwrap();
    let end = ana.watched(name).unwrap().auction().unwrap().end();
    house.tsa.set_time(end).unwrap();
    ana.auction_is(name, crate::reveal::settled).await.unwrap();
    assert_eq!(invited(&mut seller).await, Role::Seller);
    let reveal = json!({ "yes": true, "command": "reveal", "room": room, "name": "Sofia", "contact": "s@b" });
    assert!(seller.ask(reveal.clone()).await.unwrap());
    let four_days = std::time::Duration::from_secs(4 * 86_400);
    house.tsa.set_time(end.plus(four_days)).unwrap();
    rui.auction_is(name, |auction| auction.winner().is_some_and(|bid| bid.seq == 1)).await.unwrap();
    let private = crate::reveal::invitation(&mut rui, name).await;
    let key = second.key(&rui.person, rui.pin);
    rui.join_private(private, &key).await.unwrap();
    let invitations = |event: &Event| match event {
        Event::Invited { room, .. } if *room == private.to_string() => Some(()),
        _ => None,
    };
    seller.ever(invitations).await.unwrap();
    // The rooms are read anew after a restart, the dead one too.
    let folder = seller.kill().await.unwrap();
    let mut seller = Desk::start(&folder, &house.broker.address).unwrap();
    seller.ever(invitations).await.unwrap();
    assert!(seller.ask(reveal).await.unwrap(), "{:?}", seller.seen);
    let disclosure = crate::reveal::disclosure(&rui, private, &second, "Rui");
    rui.act(&disclosure).await.unwrap().logged().unwrap();
    assert_eq!(revealed(&mut seller).await.0, "Rui");
    no_alarm(&seller);
}
