//! The TSA away before, during and at the end of an auction.

use std::time::Duration;

use pregao_protocol::room::auction::Phase;
use pregao_tests::house::{Broker, House, Options, Tsa};
use pregao_tests::peer::{Peer, Person, Terms};

use crate::reveal::settled;
use crate::{guest, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_waits_for_a_tsa_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mut tsa = Tsa::start(folder.path(), &Options::default()).unwrap();
    let address = tsa.address.clone();
    tsa.kill().unwrap();
    let place = folder.path().to_owned();
    let starting = std::thread::spawn(move || Broker::start(&place, &address, &Options::default()));
    let log = folder.path().join("broker.log");
    while !std::fs::read_to_string(&log).unwrap_or_default().contains("waiting for the TSA") {
        std::thread::yield_now();
    }
    assert!(!starting.is_finished(), "the door opens only once the TSA is known");
    tsa.restart().unwrap();
    let mut broker = starting.join().unwrap().unwrap();
    let own = tsa.address.clone();
    let person = tokio::task::spawn_blocking(move || Person::enrol(&own).unwrap()).await.unwrap();
    let mut peer = Peer::connect(&person, &broker.address).await.unwrap();
    peer.now().await.unwrap();
    drop(peer);

    // A broker that knows its TSA starts without it; nobody gets in before there is time.
    let ticket = {
        let (person, pin) = (person.clone(), broker.address.fingerprint);
        tokio::task::spawn_blocking(move || person.ticket(pin).unwrap()).await.unwrap()
    };
    broker.stop().unwrap();
    tsa.kill().unwrap();
    broker.restart().unwrap();
    let refused = Peer::with_ticket(&person, &broker.address, &ticket).await.unwrap_err();
    assert!(refused.to_string().contains("tsa.down"), "{refused}");
    let health = ureq::get(format!("{}/healthz", broker.ops)).call();
    assert!(matches!(health, Err(ureq::Error::StatusCode(503))));
    tsa.restart().unwrap();
    let mut peer = loop {
        // The broker asks for the TSA at growing intervals of at most a second.
        if let Ok(peer) = Peer::with_ticket(&person, &broker.address, &ticket).await {
            break peer;
        }
    };
    peer.now().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_tsa_nothing_is_accepted_and_nothing_is_lost() {
    let mut house = open();
    let (mut seller, mut ana, mut rui) =
        (guest(&house).await, guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    ana.bid(room, 100).await.unwrap().1.logged().unwrap();
    ana.grown(room, 2).await.unwrap();
    let prepared = ana.make_bid(room, 200).unwrap();
    let stamp = ana.stamp(&prepared).await.unwrap();
    house.tsa.kill().unwrap();
    let unhealthy = || ureq::get(format!("{}/healthz", house.broker.ops)).call().is_err();
    while !unhealthy() {
        tokio::task::yield_now().await;
    }
    let error = ana.stamp(&prepared).await.unwrap_err();
    assert_eq!(error.to_string(), "tsa.down");
    let answer = ana.submit(prepared.action.compact(), &stamp, &prepared.blind).await.unwrap();
    assert_eq!(answer.code(), "tsa.down");
    // Reading needs no TSA.
    rui.join(room).await.unwrap();
    assert_eq!(rui.watched(room).unwrap().size(), 2);
    house.tsa.restart().unwrap();
    while ureq::get(format!("{}/healthz", house.broker.ops)).call().is_err() {
        tokio::task::yield_now().await;
    }
    // Nothing was decided, so the same bytes are still good, with their first stamp.
    let answer = ana.submit(prepared.action.compact(), &stamp, &prepared.blind).await.unwrap();
    assert_eq!(answer.logged().unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_whose_end_finds_no_tsa_is_closed_late_with_every_bid() {
    let mut house = open();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(2).await.unwrap();
    let terms = Terms { grace: 1, ..Terms::until(end) };
    let room = seller.list(&terms).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    ana.bid(room, 100).await.unwrap().1.logged().unwrap();
    house.tsa.kill().unwrap();
    // The outage must outlast end and grace by the clock that the TSA will read again.
    let until = end.plus(Duration::from_secs(2));
    while pregao::host::system().clock.wall() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(house.broker.metric("closed").unwrap(), 0, "no TSA, no close");
    house.tsa.restart().unwrap();
    ana.auction_is(room, settled).await.unwrap();
    let auction = ana.watched(room).unwrap().auction().unwrap();
    assert!(auction.late().is_some() && auction.withdrawal());
    assert!(matches!(auction.phase(), Phase::Settled { winner: 1, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tsa_that_hangs_counts_as_down_and_recovers() {
    let house = open();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    house.tsa.program().freeze();
    let made = ana.make_bid(room, 100).unwrap();
    let error = ana.stamp(&made).await.unwrap_err();
    assert_eq!(error.to_string(), "tsa.down");
    house.tsa.program().thaw();
    loop {
        match ana.stamp(&made).await {
            Ok(stamp) => {
                let answer = ana.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
                if answer.code() == "tsa.down" {
                    continue;
                }
                answer.logged().unwrap();
                break;
            }
            Err(error) => assert_eq!(error.to_string(), "tsa.down"),
        }
    }
}

/// A broker that went by what the environment names would not find its TSA, or tell somebody else of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_broker_reaches_its_tsa_whatever_proxy_the_environment_names() {
    let mut options = Options::default();
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        options.broker_env.push((name.into(), "http://127.0.0.1:1".into()));
    }
    let house = House::open(&options).unwrap();
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    ana.list(&Terms::until(end)).await.unwrap();
}
