//! The broker dies at any instant and takes up every room where it was.

use std::collections::HashMap;

use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::desk::Desk;
use pregao_tests::house::House;
use pregao_tests::peer::{Made, Peer, SubmitAnswer, Terms};

use crate::reveal::{disclosure, invitation, opened, settled};
use crate::{guest, open, simulated};

/// What one bidder handed in during the burst.
struct Sent {
    made: Made,
    stamp: FullStamp,
    answer: Option<SubmitAnswer>,
}

/// Hands in remarks, and bids of which every second is too low, until the broker is gone.
async fn burst(mut peer: Peer, room: RoomName, base: u64) -> (Peer, Vec<Sent>) {
    let mut sent: HashMap<u64, Sent> = HashMap::new();
    'all: for round in 0..200_u64 {
        let mut made = Vec::new();
        for offset in 0..8 {
            let text = format!("{base} {round} {offset}");
            made.push(match offset {
                0 => peer.make_bid(room, 1),
                1 => peer.make_bid(room, base + round * 100),
                _ => peer.make_say(room, &text),
            });
        }
        let made: Vec<Made> = made.into_iter().map(Result::unwrap).collect();
        let digests = made.iter().map(Made::digest).collect();
        let Ok(stamps) = peer.stamps(digests).await else { break };
        let mut asked = Vec::new();
        for (made, stamp) in made.into_iter().zip(stamps) {
            let (action, blind) = (made.action.compact().to_owned(), made.blind.clone());
            let own = stamp.clone();
            let frame = |n| FromPeer::Submit { n, action, stamp: own, blind, solution: None };
            let Ok(n) = peer.ask(frame).await else { break 'all };
            sent.insert(n, Sent { made, stamp, answer: None });
            asked.push(n);
        }
        for n in asked {
            let answer: FromBroker = match peer.answer(n).await {
                Ok(answer) => answer,
                Err(_) => break 'all,
            };
            let answer = peer.read_answer(answer).unwrap();
            if let Some(sent) = sent.get_mut(&n) {
                sent.answer = Some(answer);
            }
        }
    }
    (peer, sent.into_values().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_receipt_of_a_killed_broker_is_in_its_log_and_no_refusal_is() {
    let mut house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let mut bidders = Vec::new();
    for base in [1_000, 100_000, 10_000_000] {
        let mut peer = guest(&house).await;
        peer.join(room).await.unwrap();
        bidders.push(tokio::spawn(burst(peer, room, base)));
    }
    while house.broker.metric("accepted").unwrap() < 60 {
        seller.pump().await.unwrap();
    }
    house.broker.kill().unwrap();
    let mut all = Vec::new();
    for bidder in bidders {
        all.push(bidder.await.unwrap());
    }
    while seller.pump().await.is_ok() {}
    house.broker.restart().unwrap();

    // The watcher's log is continued: its head is proved to be an earlier state of this one.
    let mut again = Peer::connect(&seller.person, &house.broker.address).await.unwrap();
    again.rooms.insert(room, seller.rooms.remove(&room).unwrap());
    again.join(room).await.unwrap();
    let entries = again.watched(room).unwrap().entries.clone();
    let places: HashMap<String, u64> = entries
        .iter()
        .map(|text| Entry::parse(text).unwrap())
        .map(|entry| (entry.action, entry.seq))
        .collect();
    let (mut receipts, mut refusals, mut open) = (0, 0, 0);
    for (old, sent) in all {
        let mut peer = Peer::connect(&old.person, &house.broker.address).await.unwrap();
        for Sent { made, stamp, answer } in sent {
            let place = places.get(made.action.compact()).copied();
            let repeated = peer.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
            match answer {
                Some(SubmitAnswer::Receipt { seq, .. }) => {
                    receipts += 1;
                    assert_eq!(place, Some(seq), "a receipt without its entry");
                    assert_eq!(repeated.logged().unwrap(), seq);
                    peer.check_receipt(&made, &stamp, &repeated).unwrap();
                }
                Some(SubmitAnswer::Refused(_, refusal)) => {
                    refusals += 1;
                    assert_eq!(place, None, "refused, and logged all the same");
                    let SubmitAnswer::Refused(_, same) = repeated else { panic!("{repeated:?}") };
                    assert_eq!(same, refusal, "the original refusal");
                }
                // Answered by nobody: logged before the kill or decided now, once.
                Some(SubmitAnswer::Held | SubmitAnswer::Failed(_)) | None => {
                    open += 1;
                    if let Some(seq) = place {
                        assert_eq!(repeated.logged().unwrap(), seq);
                        peer.check_receipt(&made, &stamp, &repeated).unwrap();
                    }
                }
            }
        }
    }
    assert!(
        receipts >= 50 && refusals > 0,
        "{receipts} receipts, {refusals} refusals, {open} open"
    );
    assert!(house.broker.metric("rooms").unwrap() == 1);
}

async fn back(house: &House, peer: &mut Peer, rooms: &[RoomName]) {
    let person = std::sync::Arc::clone(&peer.person);
    let mut again = Peer::connect(&person, &house.broker.address).await.unwrap();
    for room in rooms {
        if let Some(known) = peer.rooms.remove(room) {
            again.rooms.insert(*room, known);
        }
        again.join(*room).await.unwrap();
    }
    *peer = again;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_goes_on_through_kills_at_every_stage() {
    let mut house = simulated();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    ana.join(room).await.unwrap();
    let (won, answer) = ana.bid(room, 100).await.unwrap();
    answer.logged().unwrap();

    // While open: the links survive too, so the seller is still known as such.
    house.broker.kill().unwrap();
    house.broker.restart().unwrap();
    back(&house, &mut seller, &[room]).await;
    back(&house, &mut ana, &[room]).await;
    assert_eq!(seller.bid(room, 500).await.unwrap().1.code(), "bid.own-item");
    assert_eq!(seller.lobby, [room], "the list of rooms is there again");

    // While the end passes: closed as soon as it is back.
    house.broker.kill().unwrap();
    house.tsa.set_time(end).unwrap();
    house.broker.restart().unwrap();
    back(&house, &mut ana, &[room]).await;
    ana.auction_is(room, settled).await.unwrap();
    let private = invitation(&mut ana, room).await;
    let key = won.key(&ana.person, ana.pin);
    ana.join_private(private, &key).await.unwrap();
    let first = disclosure(&ana, private, &won, "Winner Costa");
    assert!(matches!(ana.act(&first).await.unwrap(), SubmitAnswer::Held));

    // While one disclosure is held.
    house.broker.kill().unwrap();
    house.broker.restart().unwrap();
    back(&house, &mut seller, &[room]).await;
    assert_eq!(invitation(&mut seller, room).await, private, "one room, the same as before");
    let key = listing.key(&seller.person, seller.pin);
    seller.join_private(private, &key).await.unwrap();
    let second = disclosure(&seller, private, &listing, "Seller Silva");
    seller.act(&second).await.unwrap().logged().unwrap();
    seller.grown(private, 3).await.unwrap();
    assert_eq!(opened(&mut seller, private, &listing).name, "Winner Costa");
    seller
        .auction_is(room, |auction| {
            matches!(auction.phase(), pregao_protocol::room::auction::Phase::Ended(_))
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polite_stop_ends_sessions_with_a_word_and_loses_nothing() {
    let mut house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let said = seller.make_say(room, "before the stop").unwrap();
    seller.act(&said).await.unwrap().logged().unwrap();
    let status = house.broker.stop().unwrap();
    assert!(status.success(), "{status:?}");
    while seller.pump().await.is_ok() {}
    assert!(seller.errors.contains(&"broker.stopping".to_owned()), "{:?}", seller.errors);
    house.broker.restart().unwrap();
    back(&house, &mut seller, &[room]).await;
    seller.grown(room, 2).await.unwrap();
    assert_eq!(seller.watched(room).unwrap().size(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_starts_again_though_simulated_time_is_days_ahead() {
    let mut house = simulated();
    let mut peer = guest(&house).await;
    let ahead = peer.in_seconds(3 * 86_400).await.unwrap();
    house.tsa.set_time(ahead).unwrap();
    house.broker.kill().unwrap();
    house.broker.restart().unwrap();
    guest(&house).await;
    // As does a desk, whose vault keeps keys that are for then.
    let folder = tempfile::tempdir().unwrap();
    let (tsa, broker) = (&house.tsa.address, &house.broker.address);
    let mut desk = Desk::open(folder.path(), tsa, broker).await.unwrap();
    assert!(desk.ask(serde_json::json!({"command": "items"})).await.unwrap());
}
