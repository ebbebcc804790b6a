//! A broker that leaves an action unanswered: its author hands it in through the TSA's witness.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pregao::event::Event;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::BatchHeader;
use pregao_protocol::room::Code;
use pregao_protocol::trust::jwks::verify_jwks_by_wall_clock;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::delivery::{
    AnswerDelivery, Delivery, DeliveryAnswer, FetchDelivery, Fetched, Poll, Unreadable,
    UnreadableCode,
};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::refusal::Refusal;
use pregao_protocol::wire::tsa::{TsaRequest, path};
use pregao_tests::desk::Desk;
use pregao_tests::house::{House, Options, holds};
use pregao_tests::liar::{Liar, Lie, Up};
use serde_json::json;

use super::Stage;
use super::heads::verifies;

/// Keeps back whatever is handed in, and says when something was.
fn silent(swallowed: &Arc<AtomicBool>) -> impl Lie + use<> {
    let swallowed = Arc::clone(swallowed);
    Up(move |frame: &FromPeer| {
        if !matches!(frame, FromPeer::Submit { .. }) {
            return None;
        }
        swallowed.store(true, Ordering::SeqCst);
        Some(Vec::new())
    })
}

/// A bid that was handed in and that nobody answers.
async fn unanswered(stage: &Stage) -> (Liar, Desk) {
    let swallowed = Arc::new(AtomicBool::new(false));
    let (liar, mut desk) = stage.lied_to(silent(&swallowed)).await;
    desk.verified(&stage.room.to_string(), 4).await.unwrap();
    let bid =
        json!({ "yes": true, "command": "bid", "room": stage.room.to_string(), "amount": "2" });
    desk.tell(bid).await.unwrap();
    holds("a bid that was handed in", || swallowed.load(Ordering::SeqCst)).await.unwrap();
    (liar, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_the_session_swallows_is_logged_through_a_witness() {
    let mut stage = Stage::set().await;
    let (_liar, mut desk) = unanswered(&stage).await;
    let deliver = json!({ "command": "deliver", "room": stage.room.to_string() });
    assert!(desk.ask(deliver.clone()).await.unwrap());
    let receipt = desk.ever(|event| match event {
        Event::Receipt(receipt) => Some((receipt.seq, receipt.verb.clone(), receipt.holds)),
        _ => None,
    });
    let (seq, verb, holds) = receipt.await.unwrap();
    assert_eq!((seq, verb.as_str(), holds), (4, "bid", true));
    stage.bidder.grown(stage.room, 5).await.unwrap();
    // Nothing is left to deliver.
    assert!(!desk.ask(deliver).await.unwrap());
    assert_eq!(desk.refusal().await.unwrap().0, "deliver.nothing");
}

/// A broker that fetches what waits at the witness, with the real one's keys.
struct Fetching<'a> {
    stage: &'a Stage,
    poll: Poll,
}

impl<'a> Fetching<'a> {
    fn begin(stage: &'a Stage) -> Self {
        let tsa = &stage.house.tsa.address;
        let jwks = ureq::get(tsa.endpoint(path::JWKS)).call().unwrap().body_mut().read_to_vec();
        let wall = pregao::host::system().clock.wall();
        let keys = verify_jwks_by_wall_clock(&jwks.unwrap(), tsa.authority, wall).unwrap();
        let witness = keys.witness.expect("the TSA cosigns").key;
        let broker = stage.house.broker.address.fingerprint;
        Self { stage, poll: Poll { witness, broker, nonce: Digest([0; 32]) } }
    }

    fn post<R: TsaRequest>(&self, request: &R) -> R::Answer {
        let url = self.stage.house.tsa.address.endpoint(R::PATH);
        let mut answer =
            ureq::post(url).content_type("application/json").send(&request.encode()[..]);
        let body = answer.as_mut().unwrap().body_mut().read_to_vec().unwrap();
        R::parse_answer(&body).unwrap()
    }

    fn fetch(&mut self) -> Option<Delivery> {
        let poll = self.poll.sign(&self.stage.secrets().entry);
        let Fetched { nonce, delivery } = self.post(&FetchDelivery { poll });
        self.poll.nonce = nonce;
        delivery
    }

    /// Waits until something is there.
    async fn fetched(&mut self) -> Delivery {
        loop {
            if let Some(delivery) = self.fetch() {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn hostile() -> Stage {
    let stage = Stage::set_in(House::open(&Options::default().simulated()).unwrap());
    stage.await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_fetches_and_does_not_answer_is_testified_against() {
    let mut stage = hostile().await;
    let mut time = stage.seller.now().await.unwrap();
    let (liar, mut desk) = unanswered(&stage).await;
    // From here on the liar alone is the broker.
    stage.house.broker.kill().unwrap();
    drop(liar);
    let deliver = json!({ "command": "deliver", "room": stage.room.to_string() });
    let id = desk.tell(deliver).await.unwrap();
    let mut fetching = Fetching::begin(&stage);
    let left = fetching.fetched().await;
    // Nothing of the bid can be read by the witness.
    assert_eq!(left.room, stage.room);
    // Some of the first steps may lie behind the TSA's clock, which goes on meanwhile.
    for _ in 0..40 {
        time = time.plus(Duration::from_secs(5));
        // Refused while it is behind.
        let _ = stage.house.tsa.set_time(time);
        assert_eq!(fetching.fetch().map(|delivery| delivery.id()), Some(left.id()));
    }
    let message = desk.alarm().await.unwrap();
    assert!(message.contains("leaves your action unanswered"), "{message}");
    assert!(!desk.done(&id).await.unwrap());
    verifies(&desk, "suppressed", "was offered a bid for ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_says_falsely_that_it_cannot_read_a_bid_is_shown_to_lie() {
    let mut stage = hostile().await;
    let (liar, mut desk) = unanswered(&stage).await;
    stage.house.broker.kill().unwrap();
    drop(liar);
    let deliver = json!({ "command": "deliver", "room": stage.room.to_string() });
    let id = desk.tell(deliver).await.unwrap();
    let mut fetching = Fetching::begin(&stage);
    let left = fetching.fetched().await;
    let unreadable = Unreadable {
        delivery: left.id(),
        code: UnreadableCode::Sealed,
        header: left.stamp.batch.clone(),
    };
    let answer = DeliveryAnswer::Unreadable(unreadable.sign(&stage.secrets().entry));
    fetching.post(&AnswerDelivery { delivery: left.id(), answer });
    assert!(fetching.fetch().is_none(), "it is answered");
    let message = desk.alarm().await.unwrap();
    assert!(message.contains("says falsely that it cannot read your action (sealed)"), "{message}");
    assert!(!desk.done(&id).await.unwrap());
    verifies(&desk, "false-unreadable", "could not read a bid (sealed)").await;
}

/// Answers what a session hands in only once it is logged: by the stamp with which a witness passed it on.
#[derive(Clone, Default)]
struct Late {
    /// The number of what was handed in last.
    n: Arc<AtomicU64>,
    leaves: Vec<Digest>,
}

impl Lie for Late {
    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        let FromPeer::Submit { n, .. } = frame else { return None };
        self.n.store(*n, Ordering::SeqCst);
        Some(Vec::new())
    }

    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let mut said = vec![frame];
        if let Some(FromBroker::Entries { entries, head, .. }) = said.first() {
            self.leaves.extend(entries.iter().map(|raw| leaf_hash(raw.get().as_bytes())));
            let n = self.n.load(Ordering::SeqCst);
            if let (true, Some(head)) = (n > 0, head.clone()) {
                let seq = self.leaves.len() as u64 - 1;
                let path = Tree::new(self.leaves.clone()).path(seq).unwrap();
                said.push(FromBroker::Receipt { n, seq, path, head });
            }
        }
        said
    }
}

/// One action on two ways has two stamps, and is decided once.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_by_the_stamp_of_a_delivery_holds_in_the_session_too() {
    let stage = Stage::set().await;
    let lie = Late::default();
    let (_liar, mut desk) = stage.lied_to(lie.clone()).await;
    let room = stage.room.to_string();
    desk.verified(&room, 4).await.unwrap();
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "2" });
    let id = desk.tell(bid).await.unwrap();
    holds("a bid that was handed in", || lie.n.load(Ordering::SeqCst) > 0).await.unwrap();
    assert!(desk.ask(json!({ "command": "deliver", "room": room })).await.unwrap());
    assert!(desk.done(&id).await.unwrap());
    assert!(desk.evidence().unwrap().is_empty());
    assert_eq!(desk.end().await.unwrap(), Some(0));
}

/// It is judged like any other, and is no answer that nobody signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_false_refusal_by_the_stamp_of_a_delivery_is_shown_in_the_session_too() {
    let stage = hostile().await;
    let lie = Late::default();
    let (liar, mut desk) = stage.lied_to(lie.clone()).await;
    let room = stage.room.to_string();
    desk.verified(&room, 4).await.unwrap();
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "2" });
    desk.tell(bid).await.unwrap();
    holds("a bid that was handed in", || lie.n.load(Ordering::SeqCst) > 0).await.unwrap();
    // From here on the real one says nothing, and its connections last.
    stage.house.broker.program().freeze();
    desk.tell(json!({ "command": "deliver", "room": room })).await.unwrap();
    let left = Fetching::begin(&stage).fetched().await;
    let root = super::heads::root_of(&stage.bidder.watched(stage.room).unwrap().entries);
    let batch = BatchHeader::hash(&left.stamp.batch);
    let refusal = Refusal {
        digest: left.digest,
        room: left.room,
        stamp: batch,
        code: Code::BidTooLow,
        size: 4,
        root,
        batch,
        same_author: Vec::new(),
        until: None,
        header: left.stamp.batch.clone(),
    };
    let refusal = refusal.sign(&stage.secrets().entry);
    liar.inject(FromBroker::Refused { n: lie.n.load(Ordering::SeqCst), refusal });
    let message = desk.alarm().await.unwrap();
    assert!(message.contains("refused with a lie (bid.too-low)"), "{message}");
    verifies(&desk, "false-refusal", "refused an action as").await;
    stage.house.broker.program().thaw();
}

/// Keeps back what is handed in, and the entries that come from when it is told to.
#[derive(Clone, Default)]
struct Hold {
    swallowed: Arc<AtomicBool>,
    holding: Arc<AtomicBool>,
    held: Arc<Mutex<Vec<FromBroker>>>,
}

impl Lie for Hold {
    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        let is_handed_in = matches!(frame, FromPeer::Submit { .. });
        self.swallowed.fetch_or(is_handed_in, Ordering::SeqCst);
        is_handed_in.then(Vec::new)
    }

    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        if self.holding.load(Ordering::SeqCst) && matches!(frame, FromBroker::Entries { .. }) {
            self.held.lock().unwrap().push(frame);
            return Vec::new();
        }
        vec![frame]
    }
}

/// It is judged once the log is there, and the author hears that it was a lie.
#[tokio::test(flavor = "multi_thread")]
async fn a_false_refusal_through_a_witness_is_judged_again_when_its_log_arrives() {
    let mut stage = hostile().await;
    let hold = Hold::default();
    let (liar, mut desk) = stage.lied_to(hold.clone()).await;
    let room = stage.room.to_string();
    desk.verified(&room, 4).await.unwrap();
    hold.holding.store(true, Ordering::SeqCst);
    stage.bidder.bid(stage.room, 200).await.unwrap().1.logged().unwrap();
    stage.bidder.grown(stage.room, 5).await.unwrap();
    holds("an entry that is held back", || !hold.held.lock().unwrap().is_empty()).await.unwrap();
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "9" });
    desk.tell(bid).await.unwrap();
    holds("a bid that was handed in", || hold.swallowed.load(Ordering::SeqCst)).await.unwrap();
    stage.house.broker.program().freeze();
    let id = desk.tell(json!({ "command": "deliver", "room": room })).await.unwrap();
    let mut fetching = Fetching::begin(&stage);
    let left = fetching.fetched().await;
    let batch = BatchHeader::hash(&left.stamp.batch);
    let refusal = Refusal {
        digest: left.digest,
        room: left.room,
        stamp: batch,
        code: Code::BidTooLow,
        size: 5,
        root: super::heads::root_of(&stage.bidder.watched(stage.room).unwrap().entries),
        batch,
        same_author: Vec::new(),
        until: None,
        header: left.stamp.batch.clone(),
    };
    let answer = DeliveryAnswer::Refusal(refusal.sign(&stage.secrets().entry));
    fetching.post(&AnswerDelivery { delivery: left.id(), answer });
    let (_, message, _) = desk.refusal().await.unwrap();
    assert!(message.contains("not checked"), "{message}");
    assert!(!desk.done(&id).await.unwrap());
    let held = std::mem::take(&mut *hold.held.lock().unwrap());
    held.into_iter().for_each(|frame| liar.inject(frame));
    let message = desk.alarm().await.unwrap();
    assert!(message.contains("refused with a lie (bid.too-low)"), "{message}");
    verifies(&desk, "false-refusal", "refused an action as").await;
    stage.house.broker.program().thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_through_a_witness_by_a_stamp_that_the_action_never_had_is_an_alarm() {
    let stage = hostile().await;
    let (liar, mut desk) = unanswered(&stage).await;
    // The real one says nothing, and its connections last.
    stage.house.broker.program().freeze();
    let room = stage.room.to_string();
    desk.tell(json!({ "command": "deliver", "room": room })).await.unwrap();
    let mut fetching = Fetching::begin(&stage);
    let left = fetching.fetched().await;
    let refusal = Refusal {
        digest: left.digest,
        room: left.room,
        stamp: Digest([7; 32]),
        code: Code::BidTooLow,
        size: 4,
        root: super::heads::root_of(&stage.bidder.watched(stage.room).unwrap().entries),
        batch: BatchHeader::hash(&left.stamp.batch),
        same_author: Vec::new(),
        until: None,
        header: left.stamp.batch.clone(),
    };
    let answer = DeliveryAnswer::Refusal(refusal.sign(&stage.secrets().entry));
    fetching.post(&AnswerDelivery { delivery: left.id(), answer });
    let message = desk.alarm().await.unwrap();
    assert!(message.contains("by a stamp that your action never had"), "{message}");
    stage.house.broker.program().thaw();
    drop(liar);
}
