//! Sent first, decided first (V-092), and every answer names what it answers (V-093): also from a
//! broker that answers in another order, at its door, and when the connection breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use pregao::event::Event;
use pregao_protocol::log::merkle;
use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Body, Say};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::desk::{Desk, enrol};
use pregao_tests::house::{House, Options};
use pregao_tests::liar::{Liar, Lie};
use pregao_tests::peer::{Made, Peer, SubmitAnswer, Terms};
use pregao_tests::proxy::{Proxy, Way};
use serde_json::json;

use crate::{guest, open};

/// An auction from 10.00 on in steps of 1.00, and the vault of a bidder.
struct Stage {
    house: House,
    seller: Peer,
    room: RoomName,
    vault: PathBuf,
}

impl Stage {
    async fn set(options: &Options) -> Self {
        let house = House::open(options).unwrap();
        let mut seller = guest(&house).await;
        let end = seller.in_seconds(3_000).await.unwrap();
        let terms = Terms { start: 1_000, increment: 100, ..Terms::until(end) };
        let room = seller.list(&terms).await.unwrap().action.room();
        let vault = house.folder.path().join("bidder");
        enrol(&vault, &house.tsa.address).await.unwrap();
        Self { house, seller, room, vault }
    }

    /// Amounts of the bids in the log, in its order, once it has this many entries.
    async fn logged(&mut self, size: u64) -> Vec<u64> {
        while self.seller.watched(self.room).unwrap().size() < size {
            self.seller.pump().await.unwrap();
        }
        let entries = &self.seller.watched(self.room).unwrap().entries;
        let bodies = entries.iter().map(|entry| {
            let entry = Entry::parse(entry).unwrap();
            pregao_protocol::room::action::Action::parse(&entry.action).unwrap().body().clone()
        });
        bodies
            .filter_map(|body| match body {
                Body::Bid(bid) => Some(bid.amount.minor()),
                _ => None,
            })
            .collect()
    }
}

/// So many bids, each one step higher, all written before an answer is read. All are carried out.
async fn raise(desk: &mut Desk, room: RoomName, count: u64) {
    let mut ids = Vec::new();
    for at in 0..count {
        let amount = (10 + at).to_string();
        let bid =
            json!({ "yes": true, "command": "bid", "room": room.to_string(), "amount": amount });
        ids.push(desk.tell(bid).await.unwrap());
    }
    let mut open: BTreeSet<String> = ids.into_iter().collect();
    while !open.is_empty() {
        let done = |event: &Event| match event {
            Event::Done { id: Some(id), ok, .. } => Some((id.clone(), *ok)),
            Event::Refused { report, .. } => panic!("{report:?}"),
            _ => None,
        };
        let (id, ok) = desk.until(done).await.unwrap();
        assert!(ok && open.remove(&id), "{id}");
    }
}

fn rising(count: u64) -> Vec<u64> {
    (0..count).map(|at| 1_000 + 100 * at).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_rising_bids_written_at_once_are_logged_in_their_order() {
    let mut stage = Stage::set(&Options::default()).await;
    let mut desk = Desk::start(&stage.vault, &stage.house.broker.address).unwrap();
    let lines = include_str!("order/burst.jsonl").replace("ROOM", &stage.room.to_string());
    desk.line(lines.trim_end()).await.unwrap();
    for at in 10..20 {
        assert!(desk.done(&format!("b{at}")).await.unwrap(), "b{at}");
    }
    assert_eq!(stage.logged(11).await, rising(10));
    // Whoever has heard that they lead is asked, in the same run and in the next.
    let bid =
        |amount| json!({ "command": "bid", "room": stage.room.to_string(), "amount": amount });
    assert!(!desk.ask(bid("20")).await.unwrap());
    let needed = |event: &&Event| matches!(event, Event::Refused { report, .. } if report.code == "confirm.needed");
    assert!(desk.seen.iter().any(|event| needed(&event)));
    assert_eq!(desk.end().await.unwrap(), Some(1));
    let mut again = Desk::start(&stage.vault, &stage.house.broker.address).unwrap();
    assert!(!again.ask(bid("20")).await.unwrap());
    assert!(again.seen.iter().any(|event| needed(&event)));
    assert_eq!(again.end().await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn order_survives_connections_that_break_in_the_middle() {
    let mut stage = Stage::set(&Options::default()).await;
    let proxy = Proxy::before(stage.house.broker.socket()).await.unwrap();
    // Some records on their way down, later ones in later sessions, arrive damaged.
    let mut damaged = vec![75, 60, 45];
    let cuts = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&cuts);
    proxy.change(move |way, number, payload| {
        if way == Way::Down && damaged.last().is_some_and(|at| number >= *at) {
            damaged.pop();
            *counted.lock() += 1;
            payload.iter_mut().for_each(|byte| *byte ^= 1);
        }
    });
    let mut desk =
        Desk::start(&stage.vault, &stage.house.broker.address_at(&proxy.socket)).unwrap();
    raise(&mut desk, stage.room, 100).await;
    assert_eq!(*cuts.lock(), 3);
    assert_eq!(stage.logged(101).await, rising(100));
    assert_eq!(desk.end().await.unwrap(), Some(0));
}

/// Keeps stamps back until there are so many, then gives them last first; notes what is handed in.
struct Backwards {
    kept: Vec<FromBroker>,
    together: usize,
    handed_in: Arc<Mutex<Vec<u64>>>,
}

impl Lie for Backwards {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        if !matches!(frame, FromBroker::Stamped { .. }) {
            return vec![frame];
        }
        self.kept.push(frame);
        if self.kept.len() < self.together {
            return Vec::new();
        }
        self.kept.drain(..).rev().collect()
    }

    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        if let FromPeer::Submit { n, .. } = frame {
            self.handed_in.lock().push(*n);
        }
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stamps_that_come_in_reverse_do_not_turn_the_bids_round() {
    let mut stage = Stage::set(&Options::default()).await;
    let handed_in = Arc::new(Mutex::new(Vec::new()));
    let lie = Backwards { kept: Vec::new(), together: 4, handed_in: Arc::clone(&handed_in) };
    let liar = Liar::before(&stage.house, &stage.vault, lie).await.unwrap();
    let mut desk = Desk::start(&stage.vault, &liar.address).unwrap();
    raise(&mut desk, stage.room, 16).await;
    assert_eq!(stage.logged(17).await, rising(16));
    let handed_in = handed_in.lock();
    assert!(handed_in.is_sorted(), "{handed_in:?}");
}

/// Refuses everything at the door, once.
#[derive(Default)]
struct Door {
    met: BTreeMap<String, usize>,
}

impl Lie for Door {
    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        let (key, n, room) = match frame {
            FromPeer::Stamp { n, digests } => (format!("stamp {digests:?}"), Some(*n), None),
            FromPeer::Submit { n, action, .. } => (action.clone(), Some(*n), None),
            FromPeer::Join { room, .. } => (format!("join {room}"), None, Some(*room)),
            FromPeer::Rooms { .. } => ("rooms".to_owned(), None, None),
            FromPeer::Leave { .. }
            | FromPeer::TakePasses { .. }
            | FromPeer::ShowPass { .. }
            | FromPeer::TakeKeys { .. }
            | FromPeer::BoxOpening { .. }
            | FromPeer::AboutDeposit { .. }
            | FromPeer::People { .. } => return None,
        };
        let times = self.met.entry(key).or_default();
        *times += 1;
        if *times > 1 {
            return None;
        }
        let code = "door.rate".to_owned();
        Some(vec![match n {
            Some(n) => FromBroker::Failed { n, code },
            None => FromBroker::Error { code, message: "too much".to_owned(), room },
        }])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_refused_at_the_door_goes_again_and_in_its_order() {
    let mut stage = Stage::set(&Options::default()).await;
    let liar = Liar::before(&stage.house, &stage.vault, Door::default()).await.unwrap();
    let mut desk = Desk::start(&stage.vault, &liar.address).unwrap();
    raise(&mut desk, stage.room, 4).await;
    assert_eq!(stage.logged(5).await, rising(4));
    assert_eq!(desk.end().await.unwrap(), Some(0));
}

/// So many listings from one process, all written before an answer is read: each is carried out,
/// and nothing is refused.
async fn list_many(options: &Options, count: usize) {
    let house = House::open(options).unwrap();
    let folder = house.folder.path().join("seller");
    let mut desk = Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap();
    let mut open = BTreeSet::new();
    for at in 0..count {
        let title = format!("Lamp {at}");
        let list = json!({ "command": "list", "title": title, "start": "1", "for": "2h", "fixed_end": true });
        open.insert(desk.tell(list).await.unwrap());
    }
    while !open.is_empty() {
        let done = |event: &Event| match event {
            Event::Done { id: Some(id), ok, .. } => Some((id.clone(), *ok)),
            Event::Refused { report, .. } => panic!("{report:?}"),
            _ => None,
        };
        let (id, ok) = desk.until(done).await.unwrap();
        assert!(ok && open.remove(&id), "{id}");
    }
    assert_eq!(house.broker.metric("rooms").unwrap(), count as u64);
    assert_eq!(house.broker.metric("frames_refused").unwrap(), 0, "it keeps its pace");
    assert_eq!(desk.end().await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_twenty_listings_are_each_answered() {
    list_many(&Options::default(), 120).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_twenty_listings_keep_a_slow_brokers_pace() {
    list_many(&Options::default().broker("--rate 5 --burst 10"), 120).await;
}

/// Takes frames until every one of these requests is answered; their numbers in the order in which
/// the answers came.
async fn order_of_answers(peer: &mut Peer, asked: &[u64]) -> Vec<u64> {
    let mut order = Vec::new();
    while order.len() < asked.len() {
        peer.pump().await.unwrap();
        for frame in std::mem::take(&mut peer.frames) {
            match FromBroker::parse(&frame).unwrap() {
                FromBroker::Stamped { n, .. }
                | FromBroker::Receipt { n, .. }
                | FromBroker::Refused { n, .. }
                | FromBroker::Failed { n, .. } => order.push(n),
                _ => {}
            }
        }
    }
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_answers_and_decides_a_thousand_in_the_order_asked() {
    let mut stage = Stage::set(&Options::default().broker("--burst 3000 --max-effort 0")).await;
    let mut ana = guest(&stage.house).await;
    ana.join(stage.room).await.unwrap();
    // As many at once as may be under way.
    for from in (0..1_000).step_by(200) {
        ana.grown(stage.room, 1 + from).await.unwrap();
        let bids: Vec<Made> = (from..from + 200)
            .map(|at| ana.make_bid(stage.room, 1_000 + 100 * at).unwrap())
            .collect();
        ana.record = true;
        let mut asked = Vec::new();
        for bid in &bids {
            let digests = vec![bid.digest()];
            asked.push(ana.ask(|n| FromPeer::Stamp { n, digests }).await.unwrap());
        }
        assert_eq!(order_of_answers(&mut ana, &asked).await, asked);
        let mut submitted = Vec::new();
        for (bid, n) in bids.iter().zip(&asked) {
            let FromBroker::Stamped { batch, stamps, .. } = ana.answer(*n).await.unwrap() else {
                panic!("no stamp")
            };
            let (action, stamp) = (bid.action.compact().to_owned(), stamps[0].with(&batch));
            let blind = bid.blind.clone();
            submitted.push(
                ana.ask(|n| FromPeer::Submit { n, action, stamp, blind, solution: None })
                    .await
                    .unwrap(),
            );
        }
        order_of_answers(&mut ana, &submitted).await;
        for n in submitted {
            let answer = ana.answer(n).await.unwrap();
            ana.read_answer(answer).unwrap().logged().unwrap();
        }
    }
    assert_eq!(stage.logged(1_001).await, rising(1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_a_room_waits_for_the_listing_that_opens_it() {
    let house = open();
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    for _ in 0..10 {
        let listing = ana.make_listing(&Terms::until(end)).unwrap();
        let stamp = ana.stamp(&listing).await.unwrap();
        let action = listing.action.compact().to_owned();
        let first = Entry { seq: 0, action: action.clone(), stamp: stamp.stamp() };
        let root = merkle::leaf_hash(first.encode().as_bytes());
        let body = Body::Say(Say { text: "mine".to_owned().try_into().unwrap() });
        let seen = Seen { size: 1, root };
        let said = ana.make(Some(listing.action.room()), body, seen).unwrap();
        let its = ana.stamp(&said).await.unwrap();
        let mut asked = Vec::new();
        // The listing twice: whoever repeats it gets the same receipt.
        for (made, stamp) in [(&listing, &stamp), (&said, &its), (&listing, &stamp)] {
            let (action, stamp) = (made.action.compact().to_owned(), stamp.clone());
            let blind = made.blind.clone();
            asked.push(
                ana.ask(|n| FromPeer::Submit { n, action, stamp, blind, solution: None })
                    .await
                    .unwrap(),
            );
        }
        for (n, seq) in asked.into_iter().zip([0, 1, 0]) {
            let answer = ana.answer(n).await.unwrap();
            assert_eq!(ana.read_answer(answer).unwrap().logged().unwrap(), seq);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_refused_at_the_door_is_answered_by_its_name() {
    let house = House::open(&Options::default().broker("--rate 1 --burst 4")).unwrap();
    let mut ana = guest(&house).await;
    ana.record = true;
    let mut asked = BTreeSet::new();
    for at in 0..12_u8 {
        let digests = vec![Digest([at; 32])];
        asked.insert(ana.ask(|n| FromPeer::Stamp { n, digests }).await.unwrap());
    }
    let room = RoomName([7; 32]);
    ana.send(&FromPeer::Join { room, from: 0, member: None }).await.unwrap();
    ana.send(&FromPeer::Leave { room }).await.unwrap();
    ana.send(&FromPeer::Rooms { from: 0 }).await.unwrap();
    let (mut failed, mut rooms, mut nameless) = (0, 0, 0);
    while !asked.is_empty() || rooms < 2 || nameless < 1 {
        ana.pump().await.unwrap();
        for frame in std::mem::take(&mut ana.frames) {
            match FromBroker::parse(&frame).unwrap() {
                FromBroker::Stamped { n, .. } => assert!(asked.remove(&n)),
                FromBroker::Failed { n, code } => {
                    assert_eq!(code, "door.rate");
                    failed += 1;
                    assert!(asked.remove(&n));
                }
                FromBroker::Error { room: Some(of), code, .. } => {
                    assert_eq!((of, code.as_str()), (room, "door.rate"));
                    rooms += 1;
                }
                FromBroker::Error { room: None, code, .. } => {
                    assert_eq!(code, "door.rate");
                    nameless += 1;
                }
                _ => {}
            }
        }
    }
    assert!(failed > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_is_answered_by_the_name_in_it() {
    let house = open();
    let mut ana = guest(&house).await;
    ana.record = true;
    let room = RoomName([7; 32]);
    let long = format!(r#"{{"{}":{{"from":0}}}}"#, "x".repeat(60_000));
    for (text, n, of) in [
        (r#"{"stamp":{"n":70,"digests":[]}}"#.to_owned(), Some(70), None),
        (r#"{"stamp":{"n":71}}"#.to_owned(), Some(71), None),
        (r#"{"submit":{"n":72,"action":7}}"#.to_owned(), Some(72), None),
        (format!(r#"{{"join":{{"room":"{room}"}}}}"#), None, Some(room)),
        (r#"{"rooms":{}}"#.to_owned(), None, None),
        (long, None, None),
    ] {
        ana.sender.send_bytes(text.as_bytes()).await.unwrap();
        let (named, code, said) = loop {
            ana.pump().await.unwrap();
            let frames = std::mem::take(&mut ana.frames);
            let refused = frames.iter().find_map(|frame| match FromBroker::parse(frame).unwrap() {
                FromBroker::Failed { n, code } => Some(((Some(n), None), code, String::new())),
                FromBroker::Error { code, message, room } => Some(((None, room), code, message)),
                _ => None,
            });
            if let Some(refused) = refused {
                break refused;
            }
        };
        assert_eq!((named, code.as_str()), ((n, of), "frame.malformed"), "{text:.60}");
        assert!(said.chars().count() <= 200);
    }
    // None of it ended the session.
    let now = ana.now().await.unwrap();
    let made = ana.make_listing(&Terms::until(now)).unwrap();
    assert!(matches!(ana.act(&made).await.unwrap(), SubmitAnswer::Refused(..)));
}
