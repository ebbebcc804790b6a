//! Heads that contradict each other, whichever frames they come in and however long after each
//! other: none passes for one history.

use pregao::event::Event;
use pregao_protocol::log::merkle;
use pregao_protocol::log::{Entry, Head, Origin, RoomName, headers, lines};
use pregao_protocol::room::action::Action;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::desk::{Desk, pregao, vault};
use pregao_tests::liar::{BrokerSecrets, Down, Liar, Lie};
use pregao_tests::peer::random;
use serde_json::json;

use super::{Stage, found_out, named_by, raw};

/// The evidence of one kind verifies with no network, in a folder that knows nothing of it.
pub(super) async fn verifies(desk: &Desk, kind: &str, said: &str) {
    let evidence = desk.evidence().unwrap();
    let file = evidence.iter().find(|(name, _)| name.starts_with(kind));
    let (name, _) = file.unwrap_or_else(|| panic!("no {kind}: {evidence:?}"));
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("shown.json");
    std::fs::copy(desk.folder.join("evidence").join(name), &path).unwrap();
    let ran = pregao(elsewhere.path(), &["verify", &path.display().to_string()]).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("holds: evidence") && ran.text.contains(said), "{}", ran.text);
}

/// A receipt out of another history than the one that the log shows.
struct OtherReceipt {
    secrets: BrokerSecrets,
    origin: Origin,
    submitted: Option<Entry>,
}

impl Lie for OtherReceipt {
    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        if let FromPeer::Submit { action, stamp, .. } = frame {
            let (action, stamp) = (action.clone(), stamp.clone());
            self.submitted = Some(Entry { seq: 4, action, stamp: stamp.stamp() });
        }
        None
    }

    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let FromBroker::Receipt { n, seq: 4, .. } = frame else { return vec![frame] };
        let leaf = merkle::leaf_hash(self.submitted.take().unwrap().encode().as_bytes());
        let path = vec![Digest(random())];
        let root = merkle::root_from_path(&leaf, 4, 5, &path).unwrap();
        let head = Head { origin: self.origin, size: 5, root }.sign(&self.secrets.head);
        vec![FromBroker::Receipt { n, seq: 4, path, head }]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_another_history_than_the_logs_is_a_fork() {
    let stage = Stage::set().await;
    let (secrets, origin) = (stage.secrets(), stage.origin(stage.room));
    let lie = OtherReceipt { secrets, origin, submitted: None };
    let (_liar, mut desk) = stage.lied_to(lie).await;
    let bid =
        json!({ "yes": true, "command": "bid", "room": stage.room.to_string(), "amount": "2" });
    desk.ask(bid).await.unwrap();
    desk.alarm().await.unwrap();
    // The receipt came before the log that contradicts it; from then on it is not shown as if it held.
    assert!(desk.ask(json!({ "command": "receipts" })).await.unwrap());
    let shown = |event: &Event| match event {
        Event::Receipts { receipts } => Some(receipts.iter().any(|receipt| receipt.holds)),
        _ => None,
    };
    assert!(!desk.ever(shown).await.unwrap());
    verifies(&desk, "fork", "signed two different logs of 5 entries").await;
    let folder = desk.folder.clone();
    stage.found_out(desk, "another history", "fork").await;

    // The receipt and the log hold each by itself; together they do not.
    let kept = vault(&folder).unwrap();
    let receipt = kept.actions.iter().find_map(|kept| kept.receipt.as_ref()).unwrap();
    let mut bidder = stage.bidder;
    bidder.grown(stage.room, 5).await.unwrap();
    let watched = bidder.watched(stage.room).unwrap();
    let secrets = BrokerSecrets::read(stage.house.broker.data()).unwrap();
    let head = watched.head.unwrap().sign(&secrets.head);
    let log =
        [lines(watched.logged()).join("\n"), json!(head).to_string(), String::new()].join("\n");
    let files = [("a.log", log), ("b.receipt", receipt.to_string())];
    let paths = files.map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    });
    // The auction goes on; a receipt does not.
    for (path, code) in paths.iter().zip([5, 0]) {
        assert_eq!(pregao(&folder, &["verify", path]).await.unwrap().code, Some(code));
    }
    let ran = pregao(&folder, &["verify", &paths[0], &paths[1]]).await.unwrap();
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("b.receipt: CONTRADICTS"), "{}", ran.text);
}

/// Promises another log of a size when a room is joined; its entries then come as they are.
fn promising(stage: &Stage, size: u64) -> impl Lie + use<> {
    let (secrets, origin) = (stage.secrets(), stage.origin(stage.room));
    Down(move |frame: FromBroker| match frame {
        FromBroker::Joined { room, consistency, .. } if room == origin.room => {
            let head = Head { origin, size, root: Digest(random()) }.sign(&secrets.head);
            vec![FromBroker::Joined { room, head, consistency }]
        }
        // Empty hands, again and again, are no progress.
        FromBroker::Tick { .. } => {
            let (room, headers, entries) = (origin.room, Vec::new(), Vec::new());
            vec![frame, FromBroker::Entries { room, headers, entries, head: None }]
        }
        other => vec![other],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_under_another_root_than_the_one_promised_are_a_fork() {
    let stage = Stage::set().await;
    let (_liar, mut desk) = stage.lied_to(promising(&stage, 4)).await;
    desk.alarm().await.unwrap();
    verifies(&desk, "fork", "signed two different logs of 4 entries").await;
    stage.found_out(desk, "another history", "fork").await;
    // The same of a size that the log had earlier.
    let stage = Stage::set().await;
    let (_liar, mut desk) = stage.lied_to(promising(&stage, 2)).await;
    desk.alarm().await.unwrap();
    verifies(&desk, "fork", "signed a log of 2 entries, and one of 4").await;
    stage.found_out(desk, "another history", "fork").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_promised_and_never_shown_is_said_loudly() {
    let stage = Stage::set().await;
    let (_liar, mut desk) = stage.lied_to(promising(&stage, 5)).await;
    desk.verified(&stage.room.to_string(), 4).await.unwrap();
    // What the broker signed beyond the log is not exported as a log that holds.
    let export = json!({ "command": "export", "room": stage.room.to_string() });
    assert!(!desk.ask(export.clone()).await.unwrap());
    found_out(&mut desk, "signed a log of 5 entries of this room and shows 4", "withheld").await;
    assert!(!desk.ask(export).await.unwrap());
    let bid =
        json!({ "yes": true, "command": "bid", "room": stage.room.to_string(), "amount": "9" });
    assert!(!desk.ask(bid).await.unwrap());
}

/// Speaks of more rooms than are remembered, once, besides another lie.
struct Noisy<L> {
    lie: L,
    made: bool,
}

impl<L: Lie> Lie for Noisy<L> {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let tick = matches!(frame, FromBroker::Tick { .. });
        let mut said = self.lie.down(frame);
        if tick && !std::mem::replace(&mut self.made, true) {
            let error = |message: &str, room| FromBroker::Error {
                code: "room.unknown".to_owned(),
                message: message.to_owned(),
                room,
            };
            let made_up = (0..1_100).map(|_| error("no", Some(RoomName(random()))));
            said.extend(made_up.chain([error("the noise is over", None)]));
        }
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_before_a_restart_is_compared_after_it() {
    let mut stage = Stage::set().await;
    let noisy = Noisy { lie: promising(&stage, 5), made: false };
    let (liar, mut desk) = stage.lied_to(noisy).await;
    desk.verified(&stage.room.to_string(), 4).await.unwrap();
    let noise = |event: &Event| match event {
        Event::Note { text, .. } => text.contains("the noise is over").then_some(()),
        _ => None,
    };
    desk.ever(noise).await.unwrap();
    assert_eq!(desk.end().await.unwrap(), Some(0));
    drop(liar);
    stage.bidder.bid(stage.room, 160).await.unwrap().1.logged().unwrap();
    let mut desk = Desk::start(&stage.vault, &stage.house.broker.address).unwrap();
    desk.alarm().await.unwrap();
    verifies(&desk, "fork", "signed two different logs of 5 entries").await;
    stage.found_out(desk, "another history", "fork").await;
}

/// The same by single commands, each of which leaves as soon as it is done.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_command_was_promised_is_compared_by_the_next() {
    let mut stage = Stage::set().await;
    let liar = Liar::before(&stage.house, &stage.vault, promising(&stage, 5)).await.unwrap();
    let (promised, kept) = (liar.address.to_string(), stage.house.broker.address.to_string());
    let ran = pregao(&stage.vault, &["items", "--broker", &promised]).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    drop(liar);
    stage.bidder.bid(stage.room, 160).await.unwrap().1.logged().unwrap();
    let ran = pregao(&stage.vault, &["items", "--broker", &kept]).await.unwrap();
    assert!(ran.text.contains("ALARM") && ran.text.contains("another history"), "{}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_shorter_than_before_a_restart_is_said_loudly_also_without_a_receipt() {
    let mut stage = Stage::set().await;
    let room = stage.room.to_string();
    let watched = stage.bidder.watched(stage.room).unwrap();
    let old: Vec<String> = watched.entries.clone();
    let headers: Vec<String> = headers(watched.logged()).into_iter().map(str::to_owned).collect();
    stage.bidder.bid(stage.room, 160).await.unwrap().1.logged().unwrap();
    let mut desk = Desk::start(&stage.vault, &stage.house.broker.address).unwrap();
    desk.verified(&room, 5).await.unwrap();
    assert_eq!(desk.end().await.unwrap(), Some(0));
    let (secrets, origin) = (stage.secrets(), stage.origin(stage.room));
    let root = root_of(&old);
    let shorter = pregao_tests::liar::Up(move |frame: &FromPeer| match frame {
        FromPeer::Join { room, .. } => {
            let room: RoomName = *room;
            let head = Head { origin, size: 4, root }.sign(&secrets.head);
            let (headers, entries) = (headers.clone(), old.iter().cloned().map(raw).collect());
            let joined = FromBroker::Joined { room, head: head.clone(), consistency: Vec::new() };
            Some(vec![joined, FromBroker::Entries { room, headers, entries, head: Some(head) }])
        }
        _ => None,
    });
    let liar = Liar::before(&stage.house, &stage.vault, shorter).await.unwrap();
    let desk = Desk::start(&stage.vault, &liar.address).unwrap();
    stage.found_out(desk, "shorter than what it signed before", "shorter").await;
}

/// Leaves a room out of its list, and denies it to whoever asks.
struct Without(RoomName);

impl Lie for Without {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let FromBroker::Lobby { from, headers, mut openings, more } = frame else {
            return vec![frame];
        };
        openings.retain(|opening| {
            Entry::parse(opening.get()).is_ok_and(|entry| room_of(&entry) != Some(self.0))
        });
        let headers = named_by(&openings, headers);
        vec![FromBroker::Lobby { from, headers, openings, more }]
    }

    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        let asked = matches!(frame, FromPeer::Join { room, .. } if *room == self.0);
        let (code, message) = ("room.unknown".to_owned(), "there is no such room".to_owned());
        asked.then(|| vec![FromBroker::Error { code, message, room: Some(self.0) }])
    }
}

fn room_of(entry: &Entry) -> Option<RoomName> {
    Action::parse(&entry.action).ok().map(|action| action.room())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_left_out_after_a_restart_is_said_loudly_with_a_receipt_and_without() {
    for bids in [true, false] {
        let stage = Stage::set().await;
        let folder = stage.vault.clone();
        let mut desk = Desk::start(&folder, &stage.house.broker.address).unwrap();
        desk.verified(&stage.room.to_string(), 4).await.unwrap();
        if bids {
            let room = stage.room.to_string();
            let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "2" });
            assert!(desk.ask(bid).await.unwrap());
        }
        assert_eq!(desk.end().await.unwrap(), Some(0));
        if bids {
            // Without what was met, the receipt in the vault is enough.
            std::fs::remove_file(folder.join("heads.age")).unwrap();
        }
        let liar = Liar::before(&stage.house, &folder, Without(stage.room)).await.unwrap();
        let mut desk = Desk::start(&folder, &liar.address).unwrap();
        found_out(&mut desk, "denies a room whose log it signed", "denied").await;
        // Whoever tells the truth is not suspected.
        desk.end().await.unwrap();
        let mut desk = Desk::start(&folder, &stage.house.broker.address).unwrap();
        desk.verified(&stage.room.to_string(), 4 + u64::from(bids)).await.unwrap();
        assert!(desk.ask(json!({ "command": "items" })).await.unwrap());
        assert!(!desk.seen.iter().any(|event| matches!(event, Event::Alarm { .. })));
    }
}

pub(super) fn root_of(entries: &[String]) -> Digest {
    let leaves = entries.iter().map(|entry| merkle::leaf_hash(entry.as_bytes())).collect();
    merkle::Tree::new(leaves).root()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_worthless_openings_do_not_crowd_out_a_fork() {
    let stage = Stage::set().await;
    let mut fork = promising(&stage, 4);
    let mut noise = Some(());
    let lie = Down(move |frame| match frame {
        FromBroker::Lobby { from, headers, openings, more } => {
            let mut said: Vec<FromBroker> = Vec::new();
            if noise.take().is_some() {
                for frame in 0..11 {
                    let made_up =
                        (0..100).map(|at| raw(format!(r#"{{"made up":"{frame} {at}"}}"#)));
                    let openings = made_up.collect();
                    said.push(FromBroker::Lobby {
                        from: 0,
                        headers: Vec::new(),
                        openings,
                        more: true,
                    });
                }
            }
            said.push(FromBroker::Lobby { from, headers, openings, more });
            said
        }
        other => fork.down(other),
    });
    let (_liar, mut desk) = stage.lied_to(lie).await;
    let history = desk
        .ever(|event| match event {
            pregao::event::Event::Alarm { message, advice, .. }
                if message.contains("another history") =>
            {
                Some(advice.clone())
            }
            _ => None,
        })
        .await
        .unwrap();
    assert!(history.contains("fork-"), "{history}");
    verifies(&desk, "fork", "signed two different logs of 4 entries").await;
    let openings = desk.evidence().unwrap();
    let openings = openings.iter().filter(|(name, _)| name.starts_with("opening")).count();
    assert!((1..=100).contains(&openings), "{openings}");
}
