//! Refusals that are lies: signed ones are replayed, unsigned ones may decide nothing.

use std::sync::Arc;

use parking_lot::Mutex;
use pregao::event::Event;
use pregao_protocol::log::stamp::{BatchHeader, FullStamp};
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::SameAuthor;
use pregao_protocol::trust::persona::Ratio;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::refusal::Refusal;
use pregao_tests::desk::Desk;
use pregao_tests::liar::{BrokerSecrets, Down, Lie, Up};
use pregao_tests::peer::random;
use serde_json::json;

use super::heads::{root_of, verifies};
use super::{Stage, bid_through, found_out};

fn was_refused(desk: &Desk) -> bool {
    desk.seen.iter().any(|event| matches!(event, Event::Refused { .. }))
}

/// Refuses what is handed in, as the test wants, with the broker's signature.
fn refusing<F: Fn(&mut Refusal, &FullStamp) + Send + 'static>(
    stage: &Stage,
    change: F,
) -> impl Lie + use<F> {
    let secrets = stage.secrets();
    let root = root_of(&stage.bidder.watched(stage.room).unwrap().entries);
    Up(move |frame: &FromPeer| {
        let FromPeer::Submit { n, action, stamp, .. } = frame else { return None };
        let mut refusal = fair(action, stamp, Code::BidTooLow);
        (refusal.size, refusal.root) = (4, root);
        change(&mut refusal, stamp);
        Some(vec![FromBroker::Refused { n: *n, refusal: refusal.sign(&secrets.entry) }])
    })
}

/// A refusal of this action with this stamp, on an empty log.
fn fair(action: &str, stamp: &FullStamp, code: Code) -> Refusal {
    let action = Action::parse(action).unwrap();
    Refusal {
        digest: action.digest(),
        room: action.room(),
        stamp: BatchHeader::hash(&stamp.batch),
        code,
        size: 0,
        root: Digest([0; 32]),
        batch: BatchHeader::hash(&stamp.batch),
        same_author: Vec::new(),
        until: None,
        header: stamp.batch.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_refusal_that_the_log_does_not_give_is_a_lie_that_others_can_see() {
    let codes = [
        Code::BidTooLow,
        Code::BidLate,
        Code::BidEarly,
        Code::BidCurrency,
        Code::KeyReused,
        Code::SeenFalse,
        Code::SeenStale,
        Code::StampStale,
        Code::StampContradiction,
        Code::VerbKind,
        Code::VerbAuthor,
        Code::VerbPhase,
        Code::DiscloseLate,
        Code::StoreFailed,
    ];
    let stage = Stage::set().await;
    for code in codes {
        let lie = refusing(&stage, move |refusal, _| refusal.code = code);
        let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
        assert!(!ok);
        found_out(&mut desk, &format!("refused with a lie ({code})"), "false-refusal").await;
        assert!(!was_refused(&desk), "{code} is not shown as if it were true");
        verifies(&desk, "false-refusal", "refused an action as").await;
        desk.end().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_item_that_is_not_shown_is_a_lie() {
    let stage = Stage::set().await;
    for seq in [None, Some(0), Some(1), Some(1_000_000_000)] {
        let lie = refusing(&stage, move |refusal, _| {
            refusal.code = Code::BidOwnItem;
            // A canonical scalar, and no common author's.
            let mut scalar: [u8; 32] = random();
            scalar[31] = 0;
            refusal.same_author =
                seq.map(|seq| SameAuthor { seq, ratio: Ratio(scalar) }).into_iter().collect();
        });
        let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
        assert!(!ok);
        found_out(&mut desk, "no common author is shown", "false-refusal").await;
        assert!(!was_refused(&desk));
        verifies(&desk, "false-refusal", "no common author").await;
        desk.end().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_called_too_old_by_a_header_of_its_own_time_is_a_lie() {
    let stage = Stage::set().await;
    for with_header in [true, false] {
        let lie = refusing(&stage, move |refusal, _| {
            refusal.code = Code::DoorStale;
            if !with_header {
                refusal.header.clear();
            }
        });
        let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
        assert!(!ok);
        found_out(&mut desk, "not too old by the header", "false-refusal").await;
        assert!(!was_refused(&desk));
        verifies(&desk, "false-refusal", "not too old").await;
        desk.end().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_another_log_is_a_fork_and_by_none_is_owed() {
    let stage = Stage::set().await;
    let lie = refusing(&stage, |refusal, _| refusal.root = Digest(random()));
    let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
    assert!(!ok);
    found_out(&mut desk, "another history", "fork").await;
    verifies(&desk, "fork", "signed two different logs of 4 entries").await;
    assert!(!was_refused(&desk));
    desk.end().await.unwrap();
    // A log that nobody has seen: the refusal is not shown, and what is owed is said.
    let stage = Stage::set().await;
    let lie = refusing(&stage, |refusal, _| {
        (refusal.code, refusal.size, refusal.root) = (Code::BidLate, 4_711, Digest([0; 32]));
    });
    let (_liar, mut desk) = stage.lied_to(lie).await;
    let bid =
        json!({ "yes": true, "command": "bid", "room": stage.room.to_string(), "amount": "2" });
    let id = desk.tell(bid).await.unwrap();
    found_out(&mut desk, "signed a log of 4711 entries", "withheld").await;
    assert!(!desk.done(&id).await.unwrap());
    assert!(!was_refused(&desk));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_answer_that_decides_is_a_lie() {
    let stage = Stage::set().await;
    for code in ["bid.too-low", "bid.late", "door.stale", "bid.own-item", "made.up"] {
        let lie = Up(move |frame: &FromPeer| match frame {
            FromPeer::Submit { n, .. } => {
                Some(vec![FromBroker::Failed { n: *n, code: code.to_owned() }])
            }
            _ => None,
        });
        let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
        assert!(!ok);
        found_out(&mut desk, "refused without a signature", "failed").await;
        assert!(!was_refused(&desk), "{code}");
        desk.end().await.unwrap();
    }
    let kept = pregao_tests::desk::vault(&stage.vault).unwrap();
    assert!(kept.actions.iter().all(|kept| kept.refusal.is_none()), "nothing was refused");
    let lie = Up(|frame: &FromPeer| match frame {
        FromPeer::Submit { n, .. } => {
            Some(vec![FromBroker::Failed { n: *n, code: "room.unknown".to_owned() }])
        }
        _ => None,
    });
    let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
    assert!(!ok);
    found_out(&mut desk, "denies a room whose log it signed", "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_refusal_is_told_once_its_log_is_there() {
    let mut stage = Stage::set().await;
    let held: Arc<Mutex<Option<Vec<FromBroker>>>> = Arc::default();
    let holding = Arc::clone(&held);
    let lie = Down(move |frame| match (&frame, &mut *holding.lock()) {
        (FromBroker::Entries { .. }, Some(held)) => {
            held.push(frame);
            Vec::new()
        }
        _ => vec![frame],
    });
    let (liar, mut desk) = stage.lied_to(lie).await;
    let room = stage.room.to_string();
    desk.verified(&room, 4).await.unwrap();
    *held.lock() = Some(Vec::new());
    stage.bidder.bid(stage.room, 160).await.unwrap().1.logged().unwrap();
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "1.50" });
    let id = desk.tell(bid).await.unwrap();
    // The refusal's log is not here, so it cannot be told yet.
    desk.until(|event| matches!(event, Event::Tick { .. }).then_some(())).await.unwrap();
    assert!(!was_refused(&desk));
    for frame in held.lock().take().unwrap() {
        liar.inject(frame);
    }
    assert!(!desk.done(&id).await.unwrap());
    let (code, _, advice) = desk.refusal().await.unwrap();
    assert_eq!(code, "bid.too-low");
    assert!(advice.starts_with("bid at least"), "{advice}");
    assert!(!desk.seen.iter().any(|event| matches!(event, Event::Alarm { .. })), "{:?}", desk.seen);
}

/// Says that an action is refused that the broker logs.
struct RefuseLogged {
    secrets: BrokerSecrets,
    root: Digest,
    submitted: Option<(String, FullStamp)>,
}

impl Lie for RefuseLogged {
    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        if let FromPeer::Submit { action, stamp, .. } = frame {
            self.submitted = Some((action.clone(), stamp.clone()));
        }
        None
    }

    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let FromBroker::Receipt { n, .. } = frame else { return vec![frame] };
        let (action, stamp) = self.submitted.take().unwrap();
        let mut refusal = fair(&action, &stamp, Code::BidTooLow);
        (refusal.size, refusal.root) = (4, self.root);
        vec![FromBroker::Refused { n, refusal: refusal.sign(&self.secrets.entry) }]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_is_refused_and_logged_proves_the_lie() {
    let stage = Stage::set().await;
    let root = root_of(&stage.bidder.watched(stage.room).unwrap().entries);
    let lie = RefuseLogged { secrets: stage.secrets(), root, submitted: None };
    let (_liar, mut desk, ok) = bid_through(&stage, lie).await;
    assert!(!ok);
    let both = |event: &Event| match event {
        Event::Alarm { message, .. } if message.contains("that it had refused") => Some(()),
        _ => None,
    };
    desk.ever(both).await.unwrap();
    verifies(&desk, "refused-and-logged", "and logged it as entry 4").await;
}
