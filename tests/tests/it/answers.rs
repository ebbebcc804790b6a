//! Whatever a user asks for ends: in a result or a code, also where the broker keeps silent.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pregao::event::Event;
use pregao::vault::{Passphrase, Vault};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::Verb;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::desk::{Desk, PASSPHRASE, enrol, pregao, vault};
use pregao_tests::faults::{Fault, Faults};
use pregao_tests::house::{Broker, House, Options};
use pregao_tests::liar::{Down, Liar, Up};
use pregao_tests::peer::Terms;
use serde_json::json;

use crate::{guest, open};

/// One room never comes to its end. What is asked of another is done, and what is asked of it
/// gets a code.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_never_read_to_its_end_stops_no_command() {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(900).await.unwrap();
    let silent = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let spoken = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let without = move |frame: FromBroker| match frame {
        FromBroker::Entries { room, .. } if room == silent => Vec::new(),
        other => vec![other],
    };
    let liar = Liar::before(&house, &folder, Down(without)).await.unwrap();
    let broker = liar.address.to_string();
    let bid = |room: RoomName| {
        let (folder, broker) = (folder.clone(), broker.clone());
        async move {
            let words = ["bid", &room.to_string(), "12", "--yes", "--broker", &broker];
            pregao(&folder, &words).await.unwrap()
        }
    };
    let ran = bid(spoken).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let missing = format!("not read to the end in time: #{}", &silent.to_string()[..4]);
    assert!(ran.text.contains(&missing), "{}", ran.text);
    seller.grown(spoken, 2).await.unwrap();
    let ran = bid(silent).await;
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("room.catching-up") && ran.text.contains('→'), "{}", ran.text);
    let ran = pregao(&folder, &["items", "--broker", &broker]).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(
        ran.text.contains(&spoken.to_string()[..4]) && ran.text.contains(&missing),
        "{}",
        ran.text
    );
}

/// Seller and winner of an auction that has ended, both invited to its private room.
async fn sold(house: &House) -> (Vec<Desk>, String) {
    let mut desks = Vec::new();
    for name in ["seller", "winner"] {
        let folder = house.folder.path().join(name);
        let desk = Desk::open(&folder, &house.tsa.address, &house.broker.address);
        desks.push(desk.await.unwrap());
    }
    let listing = json!({ "command": "list", "title": "Radio", "start": "1", "for": "10m", "fixed_end": true });
    assert!(desks[0].ask(listing).await.unwrap());
    let own = |event: &Event| match event {
        Event::Room(view) if view.own => Some((view.room.clone(), view.end)),
        _ => None,
    };
    let (room, end) = desks[0].ever(own).await.unwrap();
    desks[1].verified(&room, 1).await.unwrap();
    let bid = json!({ "command": "bid", "room": room, "amount": "3" });
    assert!(desks[1].ask(bid).await.unwrap());
    house.tsa.set_time(end).unwrap();
    for desk in &mut desks {
        let invited = |event: &Event| matches!(event, Event::Invited { .. }).then_some(());
        desk.ever(invited).await.unwrap();
    }
    (desks, room)
}

/// Waits until it says that the broker could not take its disclosure just now.
async fn handed_in_again(desk: &mut Desk) {
    let said = |event: &Event| match event {
        Event::Note { text, .. } => text.contains("it is handed in again").then_some(()),
        _ => None,
    };
    desk.ever(said).await.unwrap();
}

/// The name that the other side disclosed.
async fn learned(desk: &mut Desk) -> String {
    let revealed = |event: &Event| match event {
        Event::Revealed { name, .. } => Some(name.clone()),
        _ => None,
    };
    desk.ever(revealed).await.unwrap()
}

/// The store fails when both reveal, and works again later: nobody types anything twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_that_could_not_be_stored_is_handed_in_again_by_itself() {
    let faults = Faults::compile().unwrap();
    let house = House::open(&faults.options(Options::default().simulated())).unwrap();
    let (mut desks, room) = sold(&house).await;
    faults.set(Fault::Sync, "log.db", 0).unwrap();
    for (desk, name) in desks.iter_mut().zip(["Sofia", "Ana"]) {
        let reveal =
            json!({ "yes": true, "command": "reveal", "room": room, "name": name, "contact": "x" });
        desk.tell(reveal).await.unwrap();
        handed_in_again(desk).await;
    }
    faults.clear().unwrap();
    for (desk, other) in desks.iter_mut().zip(["Ana", "Sofia"]) {
        assert_eq!(learned(desk).await, other);
        assert!(!desk.seen.iter().any(|event| matches!(event, Event::Alarm { .. })));
    }
}

/// The program ends before the broker took the disclosure. The next run hands in the same bytes, and
/// nobody types anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_that_was_not_taken_is_handed_in_by_the_next_run() {
    let faults = Faults::compile().unwrap();
    let house = House::open(&faults.options(Options::default().simulated())).unwrap();
    let (mut desks, room) = sold(&house).await;
    let mut winner = desks.pop().unwrap();
    let folder = winner.folder.clone();
    let reveal = |name: &str| json!({ "yes": true, "command": "reveal", "room": room, "name": name, "contact": "x" });
    faults.set(Fault::Sync, "log.db", 0).unwrap();
    winner.tell(reveal("Ana")).await.unwrap();
    handed_in_again(&mut winner).await;
    winner.kill().await.unwrap();
    let signed = disclosures(&folder);
    assert_eq!(signed.len(), 1);
    faults.clear().unwrap();
    let mut winner = Desk::start(&folder, &house.broker.address).unwrap();
    assert!(desks[0].ask(reveal("Sofia")).await.unwrap());
    for (desk, other) in [&mut winner, &mut desks[0]].into_iter().zip(["Sofia", "Ana"]) {
        assert_eq!(learned(desk).await, other);
    }
    assert_eq!(disclosures(&folder), signed);
}

/// The disclosures that a vault holds.
fn disclosures(folder: &Path) -> Vec<String> {
    let kept = vault(folder).unwrap().actions.into_iter();
    kept.filter(|kept| kept.verb == Verb::Disclose).map(|kept| kept.action).collect()
}

/// The broker takes a bid and is never seen again.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_broker_goes_away_for_good_ends_with_a_code() {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(900).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room().to_string();
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let (taken, mut submitted) = tokio::sync::mpsc::unbounded_channel();
    let lie = Up(move |frame: &FromPeer| {
        let submits = matches!(frame, FromPeer::Submit { .. });
        submits.then(|| {
            let _ = taken.send(());
            Vec::new()
        })
    });
    let liar = Liar::before(&house, &folder, lie).await.unwrap();
    let broker = liar.address.to_string();
    let words = ["bid", &room, "12", "--yes", "--json", "--broker", &broker];
    let mut bid = Desk::run(&folder, &words).unwrap();
    let taken = tokio::time::timeout(Duration::from_secs(60), submitted.recv());
    taken.await.expect("the bid was not handed in").unwrap();
    drop(liar);
    let said = bid
        .ever(|event| match event {
            Event::Refused { report, .. } => {
                Some((report.code.to_string(), report.message.to_string()))
            }
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(said.0, "link.slow");
    assert!(said.1.contains("the action may still be logged"), "{}", said.1);
    bid.ever(|event| matches!(event, Event::Done { ok: false, .. }).then_some(())).await.unwrap();
    assert_eq!(bid.end().await.unwrap(), Some(1));
}

/// Entries on their way would come twice, and the second ones would not follow from the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_asked_for_already_is_not_asked_for_again() {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(900).await.unwrap();
    let listed = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let count = Up(move |frame: &FromPeer| {
        if matches!(frame, FromPeer::Join { room, .. } if *room == listed) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        None
    });
    let liar = Liar::before(&house, &folder, count).await.unwrap();
    let mut desk = Desk::start(&folder, &liar.address).unwrap();
    let room = listed.to_string();
    desk.verified(&room, 1).await.unwrap();
    for _ in 0..3 {
        assert!(desk.ask(json!({ "command": "join", "room": room })).await.unwrap());
    }
    // An answer to something later: what was sent before it has come through.
    let say = json!({ "command": "say", "room": room, "text": "hello" });
    assert!(desk.ask(say.clone()).await.unwrap());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // After a leave it is.
    assert!(desk.ask(json!({ "command": "leave", "room": room })).await.unwrap());
    assert!(desk.ask(json!({ "command": "join", "room": room })).await.unwrap());
    assert!(desk.ask(say).await.unwrap());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// It is asked for every few seconds, and told once.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_read_for_a_while_is_told_once() {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(900).await.unwrap();
    let listed = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let mut failures = 3;
    let unread = Up(move |frame: &FromPeer| {
        let FromPeer::Join { room, .. } = frame else { return None };
        (*room == listed && failures > 0).then(|| {
            failures -= 1;
            let (code, message) = ("store.failed".to_owned(), "later".to_owned());
            vec![FromBroker::Error { code, message, room: Some(*room) }]
        })
    });
    let liar = Liar::before(&house, &folder, unread).await.unwrap();
    let mut desk = Desk::start(&folder, &liar.address).unwrap();
    desk.verified(&listed.to_string(), 1).await.unwrap();
    let told = |event: &&Event| matches!(event, Event::Refused { report, .. } if report.code == "store.failed");
    assert_eq!(desk.seen.iter().filter(told).count(), 1);
}

/// An earlier run met the private room and ended before it told of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_room_that_was_met_and_not_told_of_is_told_of_by_the_next_run() {
    let house = House::open(&Options::default().simulated()).unwrap();
    let (mut desks, room) = sold(&house).await;
    let winner = desks.pop().unwrap();
    let folder = winner.folder.clone();
    winner.end().await.unwrap();
    let passphrase = Passphrase::new(PASSPHRASE.to_owned());
    let mut kept = Vault::open(&folder, &passphrase).unwrap();
    kept.update(|contents| contents.reveals.clear()).unwrap();
    drop(kept);
    let mut winner = Desk::start(&folder, &house.broker.address).unwrap();
    let invited = |event: &Event| matches!(event, Event::Invited { .. }).then_some(());
    winner.ever(invited).await.unwrap();
    let reveal = |name: &str| json!({ "yes": true, "command": "reveal", "room": room, "name": name, "contact": "x" });
    for (desk, name) in [(&mut winner, "Ana"), (&mut desks[0], "Sofia")] {
        assert!(desk.ask(reveal(name)).await.unwrap());
    }
    let revealed = |event: &Event| matches!(event, Event::Revealed { .. }).then_some(());
    winner.ever(revealed).await.unwrap();
    assert!(!winner.seen.iter().any(|event| matches!(event, Event::Alarm { .. })));
}

/// What one broker signed is no business of another that works with the same TSA.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_broker_is_not_suspected_of_the_rooms_of_the_first() {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(900).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room().to_string();
    let folder = house.folder.path().join("ana");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let first = house.broker.address.to_string();
    let bid = pregao(&folder, &["bid", &room, "12", "--yes", "--broker", &first]).await.unwrap();
    assert_eq!(bid.code, Some(0), "{}", bid.text);
    let other = house.folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let other = Broker::start(&other, &house.tsa.address, &Options::default()).unwrap();
    let second = other.address.to_string();
    for words in [&["items"][..], &["join", &room], &["items"]] {
        let words = [words, &["--broker", &second]].concat();
        let ran = pregao(&folder, &words).await.unwrap();
        assert!(!ran.text.contains("ALARM"), "{}", ran.text);
    }
    // And the first is held to its word as before.
    let ran = pregao(&folder, &["items", "--broker", &first]).await.unwrap();
    assert!(ran.text.contains("you lead") && !ran.text.contains("ALARM"), "{}", ran.text);
}
