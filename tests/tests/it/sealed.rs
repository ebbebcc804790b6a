//! Auctions with sealed bids, through the real programs: nobody reads one before the auction is over, then everybody.

use std::time::Duration;

use pregao::event::{Event, Phase, RoomView};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::auction::sealed::envelope::{Secrets, Void, open_bid};
use pregao_protocol::room::auction::sealed::{broker_key, opens_at};
use pregao_protocol::room::body::{Body, SealedBid};
use pregao_protocol::room::{Auction, Replay};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::timelock::{DAY, Master};
use pregao_tests::desk::{Desk, pregao};
use pregao_tests::house::House;
use serde_json::json;

use crate::{open, simulated};

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

/// An auction of an hour to whose keys bids can be sealed, and how its seller sees it.
async fn listed(seller: &mut Desk, price: &str) -> RoomView {
    let list =
        json!({ "command": "list", "title": "Lamp", "start": "10", "for": "1h", "sealed": price });
    assert!(seller.ask(list).await.unwrap());
    // The listing, and what bids are sealed to.
    shown(seller, |view| view.verified_size == 2).await
}

async fn bid(desk: &mut Desk, room: &str, amount: &str) -> bool {
    shown(desk, |view| view.verified_size >= 2).await;
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": amount });
    desk.ask(bid).await.unwrap()
}

/// Lets the auction end, and its bids be opened.
async fn ended(house: &House, desk: &mut Desk, view: &RoomView) {
    house.tsa.set_time(view.end).unwrap();
    let final_close = |view: &RoomView| {
        view.phase == Phase::Closed
            && view.verified_size > 0
            && view.final_size == view.verified_size
    };
    shown(desk, final_close).await;
    house.tsa.set_time(view.opens.unwrap()).unwrap();
}

async fn revealed(desk: &mut Desk, name: &str) {
    let invited = desk.ever(|event| match event {
        Event::Invited { room, .. } => Some(room.clone()),
        _ => None,
    });
    let room = invited.await.unwrap();
    let reveal =
        json!({ "yes": true, "command": "reveal", "room": room, "name": name, "contact": "x" });
    desk.tell(reveal).await.unwrap();
}

async fn verified(desk: &mut Desk, room: &str) -> String {
    assert!(desk.ask(json!({ "command": "export", "room": room })).await.unwrap());
    let file = desk.folder.join("export").join(format!("{}.log", &room[..8]));
    let verified = pregao(&desk.folder, &["verify", file.to_str().unwrap()]).await.unwrap();
    assert_eq!(verified.code, Some(0), "{}", verified.text);
    verified.text
}

#[tokio::test(flavor = "multi_thread")]
async fn v168_sealed_bids_are_opened_and_the_winner_pays_the_second_price() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let mut eva = desk(&house, "eva").await;
    let view = listed(&mut ana, "second").await;
    assert_eq!(view.sealed.as_deref(), Some("second"));
    assert!(bid(&mut rui, &view.room, "50").await);
    assert!(bid(&mut eva, &view.room, "30").await);
    // What is below the start is refused before it is sealed: nobody else could.
    assert!(!bid(&mut eva, &view.room, "9").await);
    assert_eq!(eva.refusal().await.unwrap().0, "bid.too-low");
    let own = eva.ever(|event| match event {
        Event::Happened { verb, text, .. } if verb == "sealed-bid" && text.contains("30") => {
            Some(())
        }
        _ => None,
    });
    own.await.unwrap();
    let seen = shown(&mut ana, |view| view.bids == Some(2)).await;
    assert_eq!((seen.highest, seen.leading, seen.phase), (None, false, Phase::Open));
    ended(&house, &mut ana, &view).await;
    revealed(&mut ana, "Ana").await;
    revealed(&mut rui, "Rui").await;
    let sold = shown(&mut ana, |view| {
        view.phase == Phase::Revealed && view.final_size == view.verified_size
    });
    assert_eq!(sold.await.outcome, "sold to somebody for 30.00 EUR");
    let text = verified(&mut ana, &view.room).await;
    for part in ["sealed bids", "pays the highest that loses", "50.00 EUR", "30.00 EUR", "sold"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v166_a_broker_that_was_away_opens_the_bids_when_it_is_back() {
    let mut house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let view = listed(&mut ana, "first").await;
    assert!(bid(&mut rui, &view.room, "50").await);
    house.tsa.set_time(view.end).unwrap();
    shown(&mut ana, |view| view.phase == Phase::Closed && view.final_size == view.verified_size)
        .await;
    house.broker.kill().unwrap();
    house.tsa.set_time(view.opens.unwrap().plus(Duration::from_secs(600))).unwrap();
    house.broker.restart().unwrap();
    let settled = shown(&mut ana, |view| view.phase == Phase::Settled).await;
    assert_eq!(settled.outcome, "won by somebody for 50.00 EUR");
}

#[tokio::test(flavor = "multi_thread")]
async fn v167_an_auction_whose_close_nobody_saw_in_time_is_void() {
    let house = simulated();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let view = listed(&mut ana, "first").await;
    assert!(bid(&mut rui, &view.room, "50").await);
    // The clock passes end and opening at once: no witness can have dated a close in between.
    house.tsa.set_time(view.opens.unwrap()).unwrap();
    let is_void =
        |view: &RoomView| view.phase == Phase::Ended && view.final_size == view.verified_size;
    let void = shown(&mut ana, is_void).await;
    assert!(void.outcome.starts_with("void: "), "{}", void.outcome);
    let text = verified(&mut ana, &view.room).await;
    assert!(text.contains("void") && text.contains("1 bid is still sealed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn v164_terms_that_mean_nothing_where_bids_are_sealed_are_refused_before_anything_is_signed()
{
    let house = open();
    let mut ana = desk(&house, "ana").await;
    let list = |terms: serde_json::Value| {
        let mut list = json!({ "command": "list", "title": "Lamp", "start": "10", "for": "1h", "sealed": "first" });
        for (name, value) in terms.as_object().unwrap() {
            list[name] = value.clone();
        }
        list
    };
    for terms in [
        json!({ "sealed": "third" }),
        json!({ "increment": "5" }),
        json!({ "steps": "20:2" }),
        json!({ "raise": "5" }),
        json!({ "buy": "50" }),
        json!({ "extend": "30s" }),
    ] {
        assert!(!ana.ask(list(terms.clone())).await.unwrap(), "{terms}");
        let (code, message, advice) = ana.refusal().await.unwrap();
        assert!(["command.parse", "listing.terms"].contains(&code.as_str()), "{terms}: {code}");
        assert!(!message.is_empty() && !advice.is_empty(), "{terms}");
    }
}

/// The 32 bytes at the end of a key file of RFC 8410.
fn key_file(path: &std::path::Path) -> [u8; 32] {
    let text = std::fs::read_to_string(path).unwrap();
    let key = pem::parse(text).unwrap();
    *key.contents().last_chunk().unwrap()
}

/// All that the disks of broker and TSA hold for what is sealed in an auction.
pub(crate) fn kept_on_disks(house: &House, room: RoomName, auction: &Auction) -> [SealKey; 2] {
    let broker = broker_key(&key_file(&house.broker.data().join("sealing.key.pem")), room);
    let at = opens_at(auction.listing());
    let store = rusqlite::Connection::open(house.tsa.data().join("timelocks.db")).unwrap();
    let masters = "SELECT master FROM timelock WHERE day = ?1";
    let day = i64::try_from(at / DAY).unwrap();
    let master: [u8; 32] = store.query_row(masters, [day], |row| row.get(0)).unwrap();
    [broker, Master::from_random(master).secret(at)]
}

#[tokio::test(flavor = "multi_thread")]
async fn v165_what_broker_and_tsa_keep_opens_bids_together_and_neither_alone() {
    let house = open();
    let (mut ana, mut rui) = (desk(&house, "ana").await, desk(&house, "rui").await);
    let view = listed(&mut ana, "first").await;
    assert!(bid(&mut rui, &view.room, "50").await);
    assert!(bid(&mut rui, &view.room, "30").await);
    shown(&mut rui, |view| view.bids == Some(2)).await;
    assert!(rui.ask(json!({ "command": "export", "room": view.room })).await.unwrap());
    let file = rui.folder.join("export").join(format!("{}.log", &view.room[..8]));
    let text = std::fs::read_to_string(file).unwrap();
    let mut replay = Replay::new();
    let mut bids = Vec::new();
    for line in text.lines().skip(1).take_while(|line| line.starts_with('{')) {
        if let Some(stamped) = replay.line(line).unwrap()
            && let Body::SealedBid(bid) = stamped.action().body()
        {
            bids.push((*stamped.action().key(), bid.clone()));
        }
    }
    let auction = Auction::of(replay.room().unwrap()).unwrap();
    let (room, to) = (replay.room().unwrap().ledger().name(), auction.recipients().unwrap());
    let [broker, lock] = kept_on_disks(&house, room, auction);
    let opened = |broker: &SealKey, locks: Vec<(usize, SealKey)>| -> Vec<Result<u64, Void>> {
        let secrets = Secrets { broker: broker.clone(), locks };
        let open = |(key, bid): &(_, SealedBid)| open_bid(&secrets, to, (room, key), bid);
        bids.iter().map(|bid| open(bid).map(|amount| amount.minor())).collect()
    };
    assert_eq!(opened(&broker, vec![]), [Err(Void::Share); 2], "the broker's disk");
    let other = SealKey::from_random([1; 32]);
    assert_eq!(opened(&broker, vec![(0, other.clone())]), [Err(Void::Share); 2]);
    assert_eq!(opened(&other, vec![(0, lock.clone())]), [Err(Void::Broker); 2], "the TSA's disk");
    assert_eq!(opened(&broker, vec![(0, lock)]), [Ok(5_000), Ok(3_000)], "both: SPEC 1 says so");
}
