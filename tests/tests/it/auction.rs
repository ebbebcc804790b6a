//! An auction among honest peers, fast and slow ones.

use std::time::Duration;

use pregao_protocol::room::auction::Phase;
use pregao_protocol::room::body::SoftClose;
use pregao_protocol::wire::frame::FromPeer;
use pregao_tests::house::{House, Options};
use pregao_tests::peer::{Made, Terms};

use crate::reveal::settled;
use crate::{guest, simulated};

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_is_listed_bid_on_closed_in_time_and_settled() {
    let house = simulated();
    let (mut seller, mut bidder) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    bidder.until(|peer| peer.lobby.contains(&room).then_some(())).await.unwrap();
    bidder.join(room).await.unwrap();
    let (_, answer) = bidder.bid(room, 100).await.unwrap();
    assert_eq!(answer.logged().unwrap(), 1);
    house.tsa.set_time(end).unwrap();
    seller.auction_is(room, settled).await.unwrap();
    let auction = seller.watched(room).unwrap().auction().unwrap();
    assert_eq!(auction.winner().unwrap().amount.minor(), 100);
    assert!(auction.late().is_none() && !auction.withdrawal());
    assert!(seller.watched(room).unwrap().head.is_some(), "the head was verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_bid_extends_the_end_up_to_the_hard_end() {
    let house = simulated();
    let (mut seller, mut bidder) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(60).await.unwrap();
    let soft = SoftClose { extend: 30, hard_end: end.plus(Duration::from_secs(40)) };
    let terms = Terms { soft: Some(soft), ..Terms::until(end) };
    let room = seller.list(&terms).await.unwrap().action.room();
    bidder.join(room).await.unwrap();
    house.tsa.set_time(end.minus(Duration::from_secs(5))).unwrap();
    bidder.bid(room, 100).await.unwrap().1.logged().unwrap();
    bidder.grown(room, 2).await.unwrap();
    let extended = bidder.watched(room).unwrap().auction().unwrap().end();
    assert!(extended > end && extended < soft.hard_end, "{extended}");
    house.tsa.set_time(end.plus(Duration::from_secs(20))).unwrap();
    bidder.bid(room, 200).await.unwrap().1.logged().unwrap();
    bidder.grown(room, 3).await.unwrap();
    assert_eq!(bidder.watched(room).unwrap().auction().unwrap().end(), soft.hard_end);
    house.tsa.set_time(soft.hard_end).unwrap();
    assert_eq!(bidder.bid(room, 300).await.unwrap().1.code(), "bid.late");
    bidder.auction_is(room, settled).await.unwrap();
    let phase = bidder.watched(room).unwrap().auction().unwrap().phase();
    assert!(matches!(phase, Phase::Settled { winner: 2, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_too_slow_for_the_room_is_moved_to_catch_up_and_misses_nothing() {
    let house =
        House::open(&Options::default().broker("--rate 100000 --burst 100000 --max-effort 0"))
            .unwrap();
    let (mut speaker, mut slow) = (guest(&house).await, guest(&house).await);
    let end = speaker.in_seconds(600).await.unwrap();
    let room = speaker.list(&Terms::until(end)).await.unwrap().action.room();
    slow.join(room).await.unwrap();
    // `slow` reads nothing while more is said than sockets and queues hold.
    let mut said = 1;
    while house.broker.metric("lagging").unwrap() == 0 {
        let made: Vec<Made> =
            (0..32).map(|_| speaker.make_say(room, &"é".repeat(500)).unwrap()).collect();
        let digests = made.iter().map(Made::digest).collect();
        let stamps = speaker.stamps(digests).await.unwrap();
        let mut asked = Vec::new();
        for (made, stamp) in made.into_iter().zip(stamps) {
            let (action, blind) = (made.action.compact().to_owned(), made.blind);
            let frame = |n| FromPeer::Submit { n, action, stamp, blind, solution: None };
            asked.push(speaker.ask(frame).await.unwrap());
        }
        for n in asked {
            let answer = speaker.answer(n).await.unwrap();
            speaker.read_answer(answer).unwrap().logged().unwrap();
        }
        said += 32;
        speaker.grown(room, said).await.unwrap();
        assert!(said < 60_000, "the watcher never fell behind");
    }
    // Every entry arrives, in order, verified one by one; then it is live again.
    slow.grown(room, said).await.unwrap();
    let last = speaker.make_say(room, "are you there?").unwrap();
    speaker.act(&last).await.unwrap().logged().unwrap();
    slow.grown(room, said + 1).await.unwrap();
    speaker.grown(room, said + 1).await.unwrap();
    assert_eq!(
        slow.watched(room).unwrap().entries,
        speaker.watched(room).unwrap().entries,
        "both hold the same log"
    );
}
