//! A broker with its real keys that lies once: the real `pregao` says so loudly, keeps evidence,
//! and does not act on it.

mod absence;
mod deliveries;
mod headers;
mod heads;
mod private;
mod refusals;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pregao::event::Event;
use pregao_protocol::log::merkle::{self, Tree};
use pregao_protocol::log::stamp::{BatchHeader, BatchProof, FullStamp};
use pregao_protocol::log::{Entry, Head, Origin, RoomName, headers};
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::trust::key::{SecretKey, StampKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::refusal::Refusal;
use pregao_tests::desk::{Desk, enrol};
use pregao_tests::house::{House, Options};
use pregao_tests::liar::{BrokerSecrets, Down, Liar, Lie, Up, secret_in};
use pregao_tests::peer::{Peer, Terms, random};
use serde_json::json;
use serde_json::value::RawValue;

use crate::{guest, open, stamp_at};

/// An auction with three bids at an honest broker, and a vault of somebody who will be lied to.
struct Stage {
    house: House,
    seller: Peer,
    bidder: Peer,
    room: RoomName,
    vault: PathBuf,
}

impl Stage {
    async fn set() -> Self {
        Self::set_in(open()).await
    }

    async fn set_in(house: House) -> Self {
        let (mut seller, mut bidder) = (guest(&house).await, guest(&house).await);
        let end = seller.in_seconds(600).await.unwrap();
        let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
        bidder.join(room).await.unwrap();
        for (size, amount) in [(1, 100), (2, 120), (3, 140)] {
            bidder.grown(room, size).await.unwrap();
            bidder.bid(room, amount).await.unwrap().1.logged().unwrap();
        }
        bidder.grown(room, 4).await.unwrap();
        let vault = house.folder.path().join("victim");
        enrol(&vault, &house.tsa.address).await.unwrap();
        Self { house, seller, bidder, room, vault }
    }

    fn secrets(&self) -> BrokerSecrets {
        BrokerSecrets::read(self.house.broker.data()).unwrap()
    }

    fn origin(&self, room: RoomName) -> Origin {
        Origin { broker: self.house.broker.address.fingerprint, room }
    }

    async fn lied_to(&self, lie: impl Lie) -> (Liar, Desk) {
        let liar = Liar::before(&self.house, &self.vault, lie).await.unwrap();
        let desk = Desk::start(&self.vault, &liar.address).unwrap();
        (liar, desk)
    }

    /// The lie is about the log of the room: it is said, kept, and the room is not used any more.
    async fn found_out(&self, mut desk: Desk, said: &str, kept: &str) {
        found_out(&mut desk, said, kept).await;
        let bid = json!({ "yes": true, "command": "bid", "room": self.room.to_string(), "amount": "9.99" });
        assert!(!desk.ask(bid).await.unwrap());
        let (code, ..) = desk.refusal().await.unwrap();
        assert!(code == "room.broken", "{code}");
        assert!(
            desk.ask(json!({ "command": "export", "room": self.room.to_string() }))
                .await
                .is_ok_and(|ok| !ok)
        );
        assert_eq!(desk.end().await.unwrap(), Some(1));
    }
}

/// An alarm with these words and evidence of this name; the program goes on.
async fn found_out(desk: &mut Desk, said: &str, kept: &str) {
    let message = desk.alarm().await.unwrap();
    assert!(message.contains(said), "{message}");
    let evidence = desk.evidence().unwrap();
    assert!(evidence.iter().any(|(name, _)| name.starts_with(kept)), "{kept}: {evidence:?}");
    assert!(evidence.iter().all(|(_, text)| text.len() > 10));
    assert!(desk.ask(json!({ "command": "whoami" })).await.unwrap());
    let alarms = desk
        .ever(|event| match event {
            Event::Whoami(trust) => Some(trust.alarms),
            _ => None,
        })
        .await
        .unwrap();
    assert!(alarms >= 1);
}

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap()
}

/// Another letter in the middle of an entry's action: one byte of the signed content.
fn flipped(entry: &str) -> String {
    let at = entry.find("action\":\"").unwrap() + 400;
    let other = if entry.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &entry[..at], &entry[at + 1..])
}

/// A lie about the entries of a room, and about the head over them.
fn about_entries(
    mut change: impl FnMut(&mut Vec<Box<RawValue>>, &mut Option<String>) + Send + 'static,
) -> impl Lie {
    Down(move |frame| match frame {
        FromBroker::Entries { room, headers, mut entries, mut head } => {
            change(&mut entries, &mut head);
            let headers = named_by(&entries, headers);
            vec![FromBroker::Entries { room, headers, entries, head }]
        }
        other => vec![other],
    })
}

/// Of some headers those that entries name, in their order: what a broker lies with else is not to be
/// found out by these.
fn named_by(entries: &[Box<RawValue>], headers: Vec<String>) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for entry in entries {
        let hash = Entry::parse(entry.get()).unwrap().stamp.header;
        let header = headers.iter().find(|header| BatchHeader::hash(header) == hash);
        if let Some(header) = header.filter(|header| !named.contains(header)) {
            named.push(header.clone());
        }
    }
    named
}

/// A stamp for one digest, by any key and in any TSA's name.
fn stamp_by(key: &SecretKey<StampKey>, header: BatchHeader) -> FullStamp {
    FullStamp { batch: header.sign(key), index: 0, path: Vec::new() }
}

fn header(key: &SecretKey<StampKey>, digest: &Digest, time: Time) -> BatchHeader {
    BatchHeader {
        tsa: key.public().fingerprint(),
        batch: 1,
        time,
        size: 1,
        root: merkle::leaf_hash(&digest.0),
        prev: Digest([0; 32]),
        prev_time: time,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_go_between_raises_no_alarm() {
    let stage = Stage::set().await;
    let (_liar, mut desk) = stage.lied_to(Down(|frame| vec![frame])).await;
    let room = stage.room.to_string();
    desk.verified(&room, 4).await.unwrap();
    assert!(
        desk.ask(json!({ "yes": true, "command": "bid", "room": room, "amount": "1.50" }))
            .await
            .unwrap()
    );
    desk.verified(&room, 5).await.unwrap();
    assert!(!desk.seen.iter().any(|event| matches!(event, Event::Alarm { .. })), "{:?}", desk.seen);
    assert!(desk.evidence().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_with_another_byte_is_said_loudly() {
    let stage = Stage::set().await;
    let lie = about_entries(|entries, _| {
        if entries.len() == 4 {
            entries[2] = raw(flipped(entries[2].get()));
        }
    });
    let (_liar, desk) = stage.lied_to(lie).await;
    stage.found_out(desk, "does not verify", "entry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_in_another_order_are_said_loudly() {
    let stage = Stage::set().await;
    let (_liar, desk) = stage.lied_to(about_entries(|entries, _| entries.swap(1, 2))).await;
    stage.found_out(desk, "does not verify", "entry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_left_out_is_said_loudly() {
    let stage = Stage::set().await;
    let lie = about_entries(|entries, _| drop(entries.remove(2)));
    let (_liar, desk) = stage.lied_to(lie).await;
    stage.found_out(desk, "does not verify", "entry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_entry_kept_back_is_said_loudly() {
    let stage = Stage::set().await;
    let (_liar, desk) = stage.lied_to(about_entries(|entries, _| drop(entries.pop()))).await;
    stage.found_out(desk, "signed a head that the entries do not give", "head").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_with_a_stamp_of_another_tsa_is_said_loudly() {
    let stage = Stage::set().await;
    let lie = Down(|frame| match frame {
        FromBroker::Entries { room, mut headers, mut entries, head } => {
            let mut entry = Entry::parse(entries[2].get()).unwrap();
            let digest = Digest::of(entry.action.as_bytes());
            let other = SecretKey::from_seed(&[7; 32]);
            let stamp = stamp_by(&other, header(&other, &digest, Time::default()));
            entry.stamp = stamp.stamp();
            entries[2] = raw(entry.encode());
            headers.push(stamp.batch);
            let headers = named_by(&entries, headers);
            vec![FromBroker::Entries { room, headers, entries, head }]
        }
        other => vec![other],
    });
    let (_liar, desk) = stage.lied_to(lie).await;
    stage.found_out(desk, "does not verify", "entry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_over_another_log_is_said_loudly() {
    let stage = Stage::set().await;
    let (secrets, origin) = (stage.secrets(), stage.origin(stage.room));
    let lie = about_entries(move |_, head| {
        let forged = Head { origin, size: 4, root: Digest(random()) };
        *head = Some(forged.sign(&secrets.head));
    });
    let (_liar, desk) = stage.lied_to(lie).await;
    stage.found_out(desk, "another history", "fork").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_by_another_key_is_said_loudly() {
    let stage = Stage::set().await;
    let own = stage.bidder.watched(stage.room).unwrap().head.unwrap();
    let lie = about_entries(move |_, head| *head = Some(own.sign(&SecretKey::from_seed(&[5; 32]))));
    let (_liar, desk) = stage.lied_to(lie).await;
    stage.found_out(desk, "signed a head that the entries do not give", "head").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_head_after_a_newer_one_is_said_loudly() {
    let mut stage = Stage::set().await;
    let mut first = None;
    let lie = about_entries(move |_, head| {
        let older = first.get_or_insert_with(|| head.clone());
        head.clone_from(older);
    });
    let (_liar, mut desk) = stage.lied_to(lie).await;
    desk.verified(&stage.room.to_string(), 4).await.unwrap();
    stage.bidder.bid(stage.room, 160).await.unwrap().1.logged().unwrap();
    stage.found_out(desk, "signed a head that the entries do not give", "head").await;
}

/// On a second connection the peer holds entries already; there the broker says something else.
fn on_return(mut lie: impl FnMut(RoomName) -> Vec<FromBroker> + Send + 'static) -> impl Lie {
    Up(move |frame: &FromPeer| match frame {
        FromPeer::Join { room, from: 1.., .. } => Some(lie(*room)),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_said_to_be_shorter_than_before_is_said_loudly() {
    let stage = Stage::set().await;
    let shorter = |room| {
        let (code, message) = ("room.shorter".to_owned(), "the log is shorter".to_owned());
        vec![FromBroker::Error { code, message, room: Some(room) }]
    };
    let (liar, mut desk) = stage.lied_to(on_return(shorter)).await;
    desk.verified(&stage.room.to_string(), 4).await.unwrap();
    liar.renew();
    found_out(&mut desk, "shorter than what it signed", "shorter").await;
    let evidence = desk.evidence().unwrap();
    assert!(evidence[0].1.contains("pregao/"), "the signed heads are in it: {evidence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_than_before_is_said_loudly() {
    // A shorter one, another one of the same size, and a longer one that does not continue it: that
    // one can be shown to others once its entries are there.
    for (size, path, kept) in [(3, 0, "fork"), (4, 0, "fork"), (5, 1, "history")] {
        let stage = Stage::set().await;
        let (secrets, origin) = (stage.secrets(), stage.origin(stage.room));
        let fork = move |room| {
            let head = Head { origin, size, root: Digest(random()) }.sign(&secrets.head);
            let consistency = vec![Digest(random()); path];
            vec![FromBroker::Joined { room, head, consistency }]
        };
        let (liar, mut desk) = stage.lied_to(on_return(fork)).await;
        desk.verified(&stage.room.to_string(), 4).await.unwrap();
        liar.renew();
        stage.found_out(desk, "another history", kept).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_the_bid_that_was_receipted_is_said_loudly() {
    let stage = Stage::set().await;
    let room = stage.room.to_string();
    let mut desk = Desk::start(&stage.vault, &stage.house.broker.address).unwrap();
    assert!(
        desk.ask(json!({ "yes": true, "command": "bid", "room": room, "amount": "2" }))
            .await
            .unwrap()
    );
    desk.end().await.unwrap();
    // A peer that starts again holds no log, but its receipts.
    let (secrets, origin) = (stage.secrets(), stage.origin(stage.room));
    let watched = stage.bidder.watched(stage.room).unwrap();
    let entries = watched.entries[..4].to_vec();
    let headers = headers(watched.logged().take(4)).into_iter().map(str::to_owned);
    let headers: Vec<String> = headers.collect();
    let leaves = entries.iter().map(|entry| merkle::leaf_hash(entry.as_bytes())).collect();
    let root = Tree::new(leaves).root();
    let lie = Up(move |frame: &FromPeer| match frame {
        FromPeer::Join { room, .. } => {
            let head = Head { origin, size: 4, root }.sign(&secrets.head);
            let (headers, entries) = (headers.clone(), entries.iter().cloned().map(raw).collect());
            let joined =
                FromBroker::Joined { room: *room, head: head.clone(), consistency: Vec::new() };
            Some(vec![
                joined,
                FromBroker::Entries { room: *room, headers, entries, head: Some(head) },
            ])
        }
        _ => None,
    });
    let (_liar, desk) = stage.lied_to(lie).await;
    stage.found_out(desk, "shorter than what it signed before", "shorter").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_another_room_under_this_name_is_said_loudly() {
    let mut stage = Stage::set().await;
    let end = stage.seller.in_seconds(600).await.unwrap();
    let terms = Terms { title: "Another thing".to_owned(), ..Terms::until(end) };
    let other = stage.seller.list(&terms).await.unwrap().action.room();
    let watched = stage.seller.watched(other).unwrap();
    let (text, named) = (watched.entries[0].clone(), watched.headers[0].to_string());
    let (secrets, origin) = (stage.secrets(), stage.origin(stage.room));
    let lied_about = stage.room;
    let lie = Up(move |frame: &FromPeer| match frame {
        FromPeer::Join { room, .. } if *room == lied_about => {
            let root = merkle::leaf_hash(text.as_bytes());
            let head = Head { origin, size: 1, root }.sign(&secrets.head);
            let (room, headers, entries) = (*room, vec![named.clone()], vec![raw(text.clone())]);
            let joined = FromBroker::Joined { room, head: head.clone(), consistency: Vec::new() };
            Some(vec![joined, FromBroker::Entries { room, headers, entries, head: Some(head) }])
        }
        _ => None,
    });
    let (_liar, desk) = stage.lied_to(lie).await;
    stage.found_out(desk, "begins otherwise", "opening").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_room_whose_opening_does_not_verify_is_said_loudly() {
    let stage = Stage::set().await;
    let lie = Down(|frame| match frame {
        FromBroker::Lobby { from, headers, openings, more } => {
            let openings = openings.iter().map(|text| raw(flipped(text.get()))).collect();
            vec![FromBroker::Lobby { from, headers, openings, more }]
        }
        other => vec![other],
    });
    let (_liar, mut desk) = stage.lied_to(lie).await;
    found_out(&mut desk, "opening does not verify", "opening").await;
    assert!(!desk.seen.iter().any(|event| matches!(event, Event::Room(_))));
}

/// Bids through a liar; gives how many submissions reached the broker.
async fn bid_through(stage: &Stage, lie: impl Lie) -> (Liar, Desk, bool) {
    let (liar, mut desk) = stage.lied_to(lie).await;
    let bid =
        json!({ "yes": true, "command": "bid", "room": stage.room.to_string(), "amount": "2" });
    let ok = desk.ask(bid).await.unwrap();
    (liar, desk, ok)
}

/// Answers a request for a stamp with a made-up one, and counts what is handed in.
fn stamping(
    mut make: impl FnMut(Digest) -> FullStamp + Send + 'static,
    submitted: Arc<AtomicU64>,
) -> impl Lie {
    Up(move |frame: &FromPeer| match frame {
        FromPeer::Stamp { n, digests } => {
            // A desk asks for one at a time.
            let [digest] = digests[..] else { panic!("{} digests", digests.len()) };
            let FullStamp { batch, index, path } = make(digest);
            let stamps = vec![BatchProof { index, path }];
            Some(vec![FromBroker::Stamped { n: *n, batch, stamps }])
        }
        FromPeer::Submit { .. } => {
            submitted.fetch_add(1, Ordering::Relaxed);
            None
        }
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_that_does_not_hold_is_said_loudly_and_the_bid_stays_at_home() {
    let stage = Stage::set().await;
    let now = stage.bidder.newest.as_ref().unwrap().time();
    let tsa = stage.bidder.broker.stamps[0].fingerprint();
    let honest = stamp_at(&stage.house.tsa.address.url, Digest([9; 32])).await;
    let other = || SecretKey::from_seed(&[7; 32]);
    let makes: Vec<Box<dyn FnMut(Digest) -> FullStamp + Send>> = vec![
        // Another TSA's; in the real TSA's name; the real TSA's, of another digest.
        Box::new(move |digest| stamp_by(&other(), header(&other(), &digest, now))),
        Box::new(move |digest| {
            stamp_by(&other(), BatchHeader { tsa, ..header(&other(), &digest, now) })
        }),
        Box::new(move |_| honest.clone()),
    ];
    for make in makes {
        let submitted = Arc::new(AtomicU64::new(0));
        let lie = stamping(make, Arc::clone(&submitted));
        let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
        assert!(!ok);
        found_out(&mut desk, "stamp that came for your action does not verify", "stamp").await;
        assert_eq!(submitted.load(Ordering::Relaxed), 0);
        desk.end().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_proves_nothing_is_said_loudly() {
    let stage = Stage::set().await;
    let lie = Down(|frame| match frame {
        FromBroker::Receipt { n, seq, mut path, head } => {
            path[0] = Digest(random());
            vec![FromBroker::Receipt { n, seq, path, head }]
        }
        other => vec![other],
    });
    let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
    assert!(!ok);
    found_out(&mut desk, "receipt that does not verify", "receipt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_the_brokers_signature_is_said_loudly() {
    // By another key; of another action; no refusal at all.
    for kind in 0..3 {
        let stage = Stage::set().await;
        let secrets = stage.secrets();
        let lie = Up(move |frame: &FromPeer| {
            let FromPeer::Submit { n, action, stamp, .. } = frame else { return None };
            let action = Action::parse(action).unwrap();
            let digest = if kind == 1 { Digest([1; 32]) } else { action.digest() };
            let refusal = Refusal {
                digest,
                room: action.room(),
                stamp: BatchHeader::hash(&stamp.batch),
                code: Code::BidLate,
                size: 4,
                root: Digest([0; 32]),
                batch: Digest([0; 32]),
                same_author: Vec::new(),
                until: None,
                header: stamp.batch.clone(),
            };
            let other = SecretKey::from_seed(&[3; 32]);
            let refusal = match kind {
                0 => refusal.sign(&other),
                1 => refusal.sign(&secrets.entry),
                _ => "no".to_owned(),
            };
            Some(vec![FromBroker::Refused { n: *n, refusal }])
        });
        let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
        assert!(!ok);
        found_out(&mut desk, "refused without a valid signature", "refusal").await;
        assert!(!desk.seen.iter().any(|event| matches!(event, Event::Refused { .. })));
        desk.end().await.unwrap();
        // The bid's secrets are kept: it may be in the log after all.
        let kept = pregao_tests::desk::vault(&stage.vault).unwrap();
        assert!(kept.actions.iter().any(|kept| kept.seal_secret.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_goes_back_is_said_loudly_and_not_believed() {
    let stage = Stage::set_in(House::open(&Options::default().simulated()).unwrap()).await;
    let first = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&first);
    let lie = Down(move |frame| {
        if let FromBroker::Welcome { batch, .. } = &frame {
            *kept.lock() = Some(batch.clone());
        }
        vec![frame]
    });
    let (liar, mut desk) = stage.lied_to(lie).await;
    desk.verified(&stage.room.to_string(), 4).await.unwrap();
    let start = stage.bidder.newest.as_ref().unwrap().time();
    let later = start.plus(Duration::from_secs(100));
    stage.house.tsa.set_time(later).unwrap();
    let ticked = |event: &Event| match event {
        Event::Tick { time, .. } if *time >= later => Some(()),
        _ => None,
    };
    desk.until(ticked).await.unwrap();
    let old = first.lock().clone().unwrap();
    liar.inject(FromBroker::Tick { batch: old.clone() });
    found_out(&mut desk, "long past", "tick").await;
    let after = desk.seen.iter().skip_while(|event| ticked(event).is_none());
    for event in after {
        if let Event::Tick { time, .. } = event {
            assert!(*time >= later, "time went back to {time}");
        }
    }
    // The same by a TSA that contradicts itself: it signs an earlier time under a later number.
    let key: SecretKey<StampKey> = stamp_key(&stage);
    let early =
        BatchHeader { batch: 1 << 40, time: start, ..header(&key, &Digest([1; 32]), start) };
    liar.inject(FromBroker::Tick { batch: early.sign(&key) });
    let contradicts = |event: &Event| match event {
        Event::Alarm { message, .. } if message.contains("contradicts itself") => Some(()),
        _ => None,
    };
    desk.ever(contradicts).await.unwrap();
    assert!(desk.evidence().unwrap().iter().any(|(name, _)| name.starts_with("batches")));
    // And one that no TSA signed.
    desk.until(|event| matches!(event, Event::Tick { .. }).then_some(())).await.unwrap();
    let other = SecretKey::from_seed(&[7; 32]);
    let forged = header(&other, &Digest([1; 32]), later).sign(&other);
    liar.inject(FromBroker::Tick { batch: forged });
    let unsigned = |event: &Event| match event {
        Event::Alarm { message, .. } if message.contains("announced by the broker does not") => {
            Some(())
        }
        _ => None,
    };
    desk.ever(unsigned).await.unwrap();
}

/// The TSA's stamp key, out of its folder.
fn stamp_key(stage: &Stage) -> SecretKey<StampKey> {
    let mut folders = vec![stage.house.tsa.data().to_owned()];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(key) = secret_in::<StampKey>(&path)
                && key.public() == stage.bidder.broker.stamps[0]
            {
                return key;
            }
        }
    }
    panic!("no stamp key")
}
