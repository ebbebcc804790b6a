//! What one batch decides: the same answer to the same bytes, order, staleness, and nothing said before it
//! is durable.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pregao_protocol::audit::evidence::CARRIED;
use pregao_protocol::log::Head;
use pregao_protocol::log::merkle::root_from_path;
use pregao_protocol::log::{Origin, RoomName};
use pregao_protocol::room::Code;
use pregao_protocol::trust::key::PublicKey;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::fanout::{Delivery, Watcher};
use crate::fixture::{Answer, Made, Pending, Person, Stage, Terms, secs};
use crate::room::{RoomMessage, WatchAnswer};

/// An auction of Ana's that goes on for an hour.
async fn open() -> (Stage, Person, RoomName) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let room = stage.list(&ana, 3_600).await.room();
    (stage, ana, room)
}

/// Submits in one breath, so that all of it is one batch.
async fn at_once<const N: usize>(stage: &Stage, handed: [(&Person, &Made); N]) -> [Answer; N] {
    let before = stage.store.tried();
    let pending = handed.map(|(author, made)| stage.submit(author, made, &stage.stamp(made)));
    let mut answers = Vec::new();
    for one in pending {
        answers.push(one.answer().await);
    }
    assert!(stage.store.tried() <= before + 1, "one batch is one commit at the most");
    answers.try_into().unwrap()
}

fn codes<const N: usize>(answers: &[Answer; N]) -> [&str; N] {
    std::array::from_fn(|at| answers[at].code())
}

/// Follows a room without a session.
async fn watch(stage: &Stage, room: RoomName) -> mpsc::Receiver<Arc<Delivery>> {
    let (queue, deliveries) = mpsc::channel(8);
    let watcher = Watcher { session: 77, queue, lagging: Arc::default() };
    let (answer, watching) = oneshot::channel();
    let message = RoomMessage::Watch { watcher, next: stage.size(room), answer };
    stage.registry().room(room).unwrap().mailbox.send(message).await.unwrap();
    let WatchAnswer::Live { tail, .. } = watching.await.unwrap() else { panic!("not live") };
    assert!(tail.is_empty());
    deliveries
}

/// A room that was busy answers when the session has given up waiting, and has marked that it lags: the mark stays,
/// for what was answered reached nobody.
#[tokio::test(start_paused = true)]
async fn whoever_gave_up_waiting_for_a_busy_room_still_lags() {
    let (stage, _, room) = open().await;
    let (queue, _deliveries) = mpsc::channel(8);
    let lagging = Arc::new(AtomicBool::new(true));
    let watcher = Watcher { session: 77, queue, lagging: Arc::clone(&lagging) };
    let (answer, gave_up) = oneshot::channel();
    drop(gave_up);
    let mailbox = &stage.registry().room(room).unwrap().mailbox;
    mailbox.send(RoomMessage::Watch { watcher, next: 0, answer }).await.unwrap();
    // What comes next is answered after it.
    let _deliveries = watch(&stage, room).await;
    assert!(lagging.load(Ordering::Acquire));
}

#[tokio::test(start_paused = true)]
async fn the_same_bytes_get_the_same_answer_in_one_batch_in_the_next_and_after_a_restart() {
    let (mut stage, _, room) = open().await;
    let rui = stage.person(2);
    let (good, low) = (stage.bid(&rui, room, 150), stage.bid(&rui, room, 99));
    let answers = at_once(&stage, [(&rui, &good), (&rui, &low), (&rui, &good), (&rui, &low)]).await;
    assert_eq!(codes(&answers), ["receipt", "bid.too-low", "receipt", "bid.too-low"]);
    assert_eq!((answers[0].seq(), answers[2].seq()), (Some(1), Some(1)));
    let Answer::Refused(_, refusal) = &answers[1] else { panic!("a refusal") };
    assert_eq!(answers[1], answers[3], "to the byte");
    assert_eq!(stage.metrics().refused.value(), 1);

    // The auction goes on: what would be decided of them now is something else.
    stage.bids(&rui, room, 500).await;
    for _ in 0..2 {
        assert_eq!(stage.act(&rui, &good).await.seq(), Some(1));
        let Answer::Refused(_, again) = stage.act(&rui, &low).await else { panic!("a refusal") };
        assert_eq!(again, *refusal);
        stage = stage.restart().await;
    }
    assert_eq!(stage.size(room), 3);
}

#[tokio::test(start_paused = true)]
async fn a_repetition_that_does_not_pass_the_checks_gets_its_answer_and_anything_else_does_not() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let (good, new) = (stage.bid(&rui, room, 150), stage.bid(&rui, room, 200));
    let anothers = stage.stamp(&new);
    let pending = [
        stage.submit(&rui, &new, &stage.stamp(&good)),
        stage.submit(&rui, &good, &stage.stamp(&good)),
        // The same bytes, and now with a stamp for others.
        stage.submit(&rui, &good, &anothers),
    ];
    let [first, second, third] = pending.map(Pending::answer);
    assert_eq!(first.await.code(), "stamp.other-digest");
    assert_eq!((second.await.seq(), third.await.seq()), (Some(1), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn of_two_equal_bids_in_one_batch_the_first_counts_whatever_their_stamps_say() {
    let (stage, _, room) = open().await;
    let (rui, eva) = (stage.person(2), stage.person(3));
    let (first, second) = (stage.bid(&rui, room, 150), stage.bid(&eva, room, 150));
    // Eva's is stamped earlier; log order decides, and stamps never displace.
    let earlier = stage.stamp(&second);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let later = stage.stamp(&first);
    let pending = [stage.submit(&rui, &first, &later), stage.submit(&eva, &second, &earlier)];
    let [first, second] = pending.map(Pending::answer);
    assert_eq!((first.await.seq(), second.await.code()), (Some(1), "bid.too-low"));
    // The least raise is taken, and one cent less is not.
    let (low, least) = (stage.bid(&eva, room, 159), stage.bid(&eva, room, 160));
    let answers = at_once(&stage, [(&eva, &low), (&eva, &least)]).await;
    assert_eq!(codes(&answers), ["bid.too-low", "receipt"]);
}

#[tokio::test(start_paused = true)]
async fn a_stamp_is_stale_a_microsecond_after_the_freshness_and_the_refusal_shows_the_time() {
    let (stage, _, room) = open().await;
    stage.stop_ticks().await;
    let rui = stage.person(2);
    let (due, late) = (stage.bid(&rui, room, 150), stage.bid(&rui, room, 170));
    let begun = stage.tsa.now();
    let (due_stamp, late_stamp) = (stage.stamp(&due), stage.stamp(&late));
    stage.tell(begun.plus(secs(10))).await;
    assert_eq!(stage.submit(&rui, &due, &due_stamp).answer().await.seq(), Some(1));
    stage.tell(begun.plus(secs(10)).plus(Duration::from_micros(1))).await;
    let newest = stage.shared().stamps.last().unwrap().batch;
    let answer = stage.submit(&rui, &late, &late_stamp).answer().await;
    let refusal = answer.refusal();
    assert_eq!((refusal.code, refusal.size), (Code::DoorStale, 2));
    assert_eq!(refusal.header, newest.compact(), "whoever reads it sees why");
    assert_eq!((refusal.batch, refusal.root), (newest.hash(), stage.seen(room).root));
    // With a fresh stamp the same bytes are not judged anew: they have their answer.
    assert_eq!(stage.act(&rui, &late).await, answer);
}

#[tokio::test(start_paused = true)]
async fn no_refusal_rests_on_time_carried_further_than_a_header_shows() {
    let (stage, _, room) = open().await;
    stage.stop_ticks().await;
    let rui = stage.person(2);
    let bid = stage.bid(&rui, room, 150);
    let begun = stage.tsa.now();
    let stamp = stage.stamp(&bid);
    let at = |millis| begun.plus(Duration::from_millis(millis));
    stage.tell(at(7_300)).await;
    stage.machine.sleep(secs(2));
    // It waited for a second and a half on its way, so the broker knows better than it shows.
    stage.tell(at(7_800)).await;
    stage.machine.sleep(secs(1));
    assert_eq!(CARRIED, secs(2));
    assert_eq!(stage.shared().stamps.newest().unwrap().now(), at(10_300));
    assert_eq!(stage.submit(&rui, &bid, &stamp).answer().await.seq(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn without_the_time_nothing_is_decided_but_what_was_decided_before() {
    let (stage, _, room) = open().await;
    stage.stop_ticks().await;
    let rui = stage.person(2);
    let known = stage.bids(&rui, room, 150).await;
    let new = stage.bid(&rui, room, 200);
    stage.machine.sleep(secs(3));
    let failed = stage.metrics().failed.value();
    assert_eq!(stage.act(&rui, &new).await, Answer::Failed("tsa.down".to_owned()));
    assert!(stage.metrics().failed.value() > failed);
    assert_eq!(stage.act(&rui, &known).await.seq(), Some(1));
    stage.tell(stage.tsa.now().plus(secs(3))).await;
    assert_eq!(stage.act(&rui, &new).await.seq(), Some(2), "nothing was lost");
}

#[tokio::test(start_paused = true)]
async fn nobody_bids_on_their_own_item_and_the_ratio_shows_whose_it_is() {
    let (mut stage, ana, _) = open().await;
    let rui = stage.person(2);
    let listing = stage.list(&ana, 3_600).await;
    let room = listing.room();
    for _ in 0..2 {
        let own = stage.bid(&ana, room, 5_000);
        let answer = stage.act(&ana, &own).await;
        let refusal = answer.refusal();
        assert_eq!(refusal.code, Code::BidOwnItem);
        let same = refusal.same_author[0];
        assert_eq!(same.seq, 0);
        same.ratio.verify(listing.action.key(), own.action.key()).unwrap();
        let rest = stage.bid(&rui, room, 5_000);
        assert!(same.ratio.verify(listing.action.key(), rest.action.key()).is_err());
        // Who listed it is known after a restart too.
        stage = stage.restart().await;
    }
    // To talk about it is another thing, and a bid that is no bid is refused for what it is.
    let remark = ana.say(stage.shared(), room, "It works", stage.seen(room));
    assert_eq!(stage.act(&ana, &remark).await.seq(), Some(1));
    let low = stage.bid(&ana, room, 99);
    let answer = stage.act(&ana, &low).await;
    assert_eq!((answer.code(), &answer.refusal().same_author), ("bid.too-low", &Vec::new()));
    stage.bids(&rui, room, 100).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_not_stored_fails_whole_and_the_same_bytes_then_succeed() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let mut deliveries = watch(&stage, room).await;
    let made = [100, 50, 110].map(|amount| stage.bid(&rui, room, amount));
    stage.store.fail_commits(1);
    let handed = [(&rui, &made[0]), (&rui, &made[1]), (&rui, &made[2]), (&rui, &made[0])];
    let answers = at_once(&stage, handed).await;
    assert_eq!(codes(&answers), ["store.failed"; 4], "the refusal among them too");
    assert_eq!((stage.size(room), stage.metrics().accepted.value()), (1, 1));
    assert!(deliveries.try_recv().is_err());

    let answers = at_once(&stage, handed).await;
    assert_eq!(codes(&answers), ["receipt", "bid.too-low", "receipt", "receipt"]);
    assert_eq!(answers[2].seq(), Some(2));
    let delivery = deliveries.recv().await.unwrap();
    assert_eq!((delivery.from, delivery.to), (1, 3));
    assert_eq!(stage.metrics().refused.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_that_cannot_be_read_decide_nothing() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let known = stage.bids(&rui, room, 150).await;
    stage.store.fail_reads(1);
    let new = stage.bid(&rui, room, 200);
    let answers = at_once(&stage, [(&rui, &known), (&rui, &new)]).await;
    // To take the first for a new bid would log it twice, or refuse what was accepted.
    assert_eq!(codes(&answers), ["store.failed"; 2]);
    let answers = at_once(&stage, [(&rui, &known), (&rui, &new)]).await;
    assert_eq!(answers.map(|answer| answer.seq()), [Some(1), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_answered_or_delivered_before_it_is_durable() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let deliveries = Arc::new(Mutex::new(watch(&stage, room).await));
    let bids = [100, 110].map(|amount| stage.bid(&rui, room, amount));
    let stamps = [&bids[0], &bids[1]].map(|bid| stage.stamp(bid));
    let pending = Arc::new(Mutex::new(Vec::<Pending>::new()));
    let (waiting, watched) = (Arc::clone(&pending), Arc::clone(&deliveries));
    let (seen, mut looked) = mpsc::unbounded_channel();
    stage.store.witness(move |group| {
        let open = waiting.lock().iter().filter(|one| one.is_open()).count();
        let entries: usize = group.iter().map(|append| append.entries.len()).sum();
        seen.send((entries, open, watched.lock().len())).unwrap();
    });
    for (bid, stamp) in bids.iter().zip(&stamps) {
        pending.lock().push(stage.submit(&rui, bid, stamp));
    }
    let waiting = stage.until(|_| pending.lock().iter().all(|one| !one.is_open()));
    waiting.await;
    assert_eq!(looked.recv().await, Some((2, 2, 0)), "both open, and nobody told");
    assert_eq!(deliveries.lock().try_recv().unwrap().to, 3);
}

#[tokio::test(start_paused = true)]
async fn every_receipt_of_a_batch_proves_its_entry_in_the_head_that_it_brings() {
    let (stage, _, room) = open().await;
    let rui = stage.person(2);
    let keys = stage.shared().certificate.keys;
    let origin = Origin { broker: stage.shared().fingerprint(), room };
    let bids = [100, 110, 120, 130].map(|amount| stage.bid(&rui, room, amount));
    let (to, mut frames) = mpsc::unbounded_channel();
    let mut handed = Vec::new();
    for (n, bid) in (0_u64..).zip(&bids) {
        let stamp = stage.stamp(bid);
        let (registry, metrics) = (Arc::clone(stage.registry()), Arc::default());
        let reply = Responder { n, to: to.clone(), metrics, account: None };
        let route = Box::new(move |verdict| registry.route(verdict, reply));
        stage.broker.context.shared.checker.check(1, bid.submission(&rui, &stamp), route).unwrap();
        handed.push(stamp);
    }
    let mut heads = std::collections::HashSet::new();
    for expected in 0..4 {
        let Some(FromBroker::Receipt { n, seq, path, head }) = frames.recv().await else {
            panic!("a receipt")
        };
        assert_eq!((n, seq), (expected, expected + 1));
        let at = usize::try_from(n).unwrap();
        let action = bids[at].action.compact().to_owned();
        let leaf = Entry { seq, action, stamp: handed[at].stamp() }.leaf();
        let opened = Head::open(&head, &origin, &keys.head).unwrap();
        assert_eq!(root_from_path(&leaf, seq, opened.size, &path), Ok(opened.root));
        assert_eq!(opened.size, 5);
        heads.insert(head);
    }
    assert_eq!(heads.len(), 1, "one commit, one head");
}

#[tokio::test(start_paused = true)]
async fn links_are_kept_of_what_is_logged_and_of_nothing_that_was_refused() {
    let (stage, ana, room) = open().await;
    let rui = stage.person(2);
    let good = stage.bids(&rui, room, 150).await;
    let low = stage.bid(&rui, room, 99);
    stage.act(&rui, &low).await;
    let links = stage.shared().authors.of(room).await.unwrap().unwrap();
    let authors: Vec<_> = links.iter().map(|link| (link.persona, link.key)).collect();
    let key = |made: &Made| -> PublicKey<_> { *made.action.key() };
    assert!(authors.contains(&(rui.key.public(), key(&good))) && authors.len() == 2);
    assert!(authors.iter().any(|(persona, _)| *persona == ana.key.public()));
    assert!(!authors.iter().any(|(_, of)| *of == key(&low)));
}

#[tokio::test(start_paused = true)]
async fn a_bid_stamped_before_the_end_is_refused_once_the_auction_is_closed() {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let end = stage.tsa.now().plus(secs(8));
    let terms = Terms { freshness: 60, ..Terms::until(end) };
    let room = stage.list_with(&ana, &terms).await.room();
    let bid = stage.bid(&rui, room, 100);
    let stamp = stage.stamp(&bid);
    stage.until(|stage| stage.size(room) == 3).await;
    let answer = stage.submit(&rui, &bid, &stamp).answer().await;
    assert_eq!(answer.code(), "bid.late", "fresh it is, and log order decides");
}

/// As a session hands in: what it costs is charged to its persona.
fn charged(stage: &Stage, author: &Person, made: &Made) -> Pending {
    let (to, frames) = mpsc::unbounded_channel();
    let persona = author.key.public().fingerprint();
    let account = Some(Arc::new(stage.shared().efforts.account(persona, None)));
    let reply = Responder { n: 7, to, metrics: Arc::clone(&stage.shared().metrics), account };
    let registry = Arc::clone(stage.registry());
    let route = Box::new(move |verdict| registry.route(verdict, reply));
    let submission = made.submission(author, &stage.stamp(made));
    stage.broker.context.shared.checker.check(1, submission, route).unwrap();
    Pending::of(frames, stage.shared().certificate.keys.entry)
}

#[tokio::test(start_paused = true)]
async fn v196_beyond_its_quota_of_refusals_a_persona_gets_none_signed_and_its_bids_count() {
    let (stage, _, room) = open().await;
    let (rui, eva) = (stage.person(2), stage.person(3));
    stage.bids(&eva, room, 1_000).await;
    let account = stage.shared().efforts.account(rui.key.public().fingerprint(), None);
    for _ in 1..pregao_protocol::value::label::REFUSALS_KEPT {
        assert!(account.may_keep_refusal());
    }
    // The last that is kept, and it stays the answer to these bytes.
    let low = stage.bid(&rui, room, 100);
    let first = charged(&stage, &rui, &low).answer().await;
    assert_eq!(first.code(), "bid.too-low");
    let before = stage.metrics().refused.value();
    let next = stage.bid(&rui, room, 200);
    assert_eq!(charged(&stage, &rui, &next).answer().await.code(), "door.refusals");
    assert_eq!(charged(&stage, &rui, &low).answer().await, first);
    assert_eq!(stage.metrics().refusals_not_kept.value(), 1);
    assert_eq!(stage.metrics().refused.value(), before);
    // Neither others nor what is accepted are touched by it; and a witness's delivery is answered in any case.
    let other = stage.bid(&eva, room, 300);
    assert_eq!(charged(&stage, &eva, &other).answer().await.code(), "bid.too-low");
    let good = stage.bid(&rui, room, 2_000);
    assert!(charged(&stage, &rui, &good).answer().await.seq().is_some());
    assert_eq!(stage.act(&rui, &next).await.code(), "bid.too-low");
    // After a minute one more is kept.
    tokio::time::sleep(secs(60)).await;
    let late = stage.bid(&rui, room, 100);
    assert_eq!(charged(&stage, &rui, &late).answer().await.code(), "bid.too-low");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_not_kept_costs_what_one_that_is_kept_does() {
    let (stage, ..) = open().await;
    let asked_after = |code, person: u8| {
        let persona = pregao_protocol::trust::key::Fingerprint([person; 32]);
        let account = Arc::new(stage.shared().efforts.account(persona, None));
        (1..1_000).find(|n| {
            let (to, _frames) = mpsc::unbounded_channel();
            let metrics = Arc::clone(&stage.shared().metrics);
            Responder { n: *n, to, metrics, account: Some(Arc::clone(&account)) }.fail(code);
            !account.effort().is_none()
        })
    };
    assert_eq!(asked_after(Undecided::REFUSALS, 1), Some(50));
    assert_eq!(asked_after(Undecided::STORE_FAILED, 2), None, "the broker's own fault");
}
