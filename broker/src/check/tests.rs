//! What passes the checks, what does not and why, and in which order.

use super::*;
use crate::fixture::{Made, Person, Stage, Terms, Tsa, secs};
use pregao_protocol::log::merkle::empty_root;
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::body::{Body, Closed};
use tokio::sync::oneshot;

/// Has something checked by itself.
async fn checked(stage: &Stage, submission: Submission) -> Verdict {
    let (told, verdict) = oneshot::channel();
    let reply: OnVerdict = Box::new(move |verdict| told.send(verdict).unwrap());
    stage.broker.context.shared.checker.check(1, submission, reply).unwrap();
    verdict.await.unwrap()
}

/// The code with which something does not pass; nothing if it does.
async fn fault(stage: &Stage, submission: Submission) -> Option<Undecided> {
    match checked(stage, submission).await {
        Verdict::Good(_) => None,
        Verdict::Bad { code, .. } => Some(code),
        Verdict::Garbage { .. } => Some(Undecided::PARSE),
    }
}

async fn listed() -> (Stage, Person, Made) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let made = ana.listing(stage.shared(), &Terms::until(stage.tsa.now().plus(secs(60))));
    (stage, ana, made)
}

#[tokio::test(start_paused = true)]
async fn an_action_passes_with_its_own_blind_persona_and_stamp_only() {
    let (stage, ana, made) = listed().await;
    let rui = stage.person(2);
    let stamp = stage.stamp(&made);
    let good = made.submission(&ana, &stamp);
    let Verdict::Good(checked) = checked(&stage, good).await else { panic!("it holds") };
    assert!(checked.opens_a_room());
    let Author::Persona { persona, blind, .. } = checked.author() else { panic!("a persona") };
    assert_eq!((persona, blind), (&ana.key.public(), &made.blind));

    let mut wrong = made.submission(&ana, &stamp);
    wrong.blind = Blind::from_random([9; 32]);
    assert_eq!(fault(&stage, wrong).await, Some(Undecided::BLIND));
    // The right blind shows that it is Ana's, and so that it is not Rui's.
    assert_eq!(fault(&stage, made.submission(&rui, &stamp)).await, Some(Undecided::BLIND));
    let other = ana.listing(stage.shared(), &Terms::until(stage.tsa.now().plus(secs(60))));
    let mut wrong = made.submission(&ana, &stamp);
    wrong.blind = other.blind.clone();
    assert_eq!(fault(&stage, wrong).await, Some(Undecided::BLIND));
}

#[tokio::test(start_paused = true)]
async fn a_blind_made_for_another_broker_shows_nothing_here() {
    let (stage, ana, made) = listed().await;
    let Body::List(listing) = made.action.body() else { panic!("a listing") };
    let (id, blind) = (made.action.id(), made.blind.clone());
    let elsewhere = Fingerprint([8; 32]);
    let key = pregao_protocol::trust::persona::OneTimeKey::derive(&ana.key, elsewhere, id, &blind);
    let body = Body::List(listing.clone());
    let draft = Draft { id, room: None, body, seen: Seen::nothing() };
    let made = Made { action: draft.sign(&key).unwrap(), blind };
    let submission = made.submission(&ana, &stage.stamp(&made));
    assert_eq!(fault(&stage, submission).await, Some(Undecided::BLIND));
}

#[tokio::test(start_paused = true)]
async fn a_stamp_of_a_stranger_is_told_from_one_for_other_bytes() {
    let (stage, ana, made) = listed().await;
    let stranger = Tsa::new(50).stamp(made.action.digest());
    let unknown = made.submission(&ana, &stranger);
    assert_eq!(fault(&stage, unknown).await, Some(Undecided::STAMP_UNKNOWN_TSA));

    let other = ana.listing(stage.shared(), &Terms::until(stage.tsa.now().plus(secs(60))));
    let anothers = made.submission(&ana, &stage.stamp(&other));
    assert_eq!(fault(&stage, anothers).await, Some(Undecided::STAMP_OTHER));

    // The right header, and a place in its batch that is another's.
    let (batch, places) = stage.tsa.batch(&[made.action.digest(), other.action.digest()]);
    let own = made.submission(&ana, &places[0].with(&batch));
    assert_eq!(fault(&stage, own).await, None);
    let misplaced = made.submission(&ana, &places[1].with(&batch));
    assert_eq!(fault(&stage, misplaced).await, Some(Undecided::STAMP_OTHER));

    // A header is known by all its bytes: one that was verified vouches for no other.
    let mut altered = places[0].with(&batch);
    let last = altered.batch.pop();
    altered.batch.push(if last == Some('A') { 'Q' } else { 'A' });
    let altered = made.submission(&ana, &altered);
    assert_eq!(fault(&stage, altered).await, Some(Undecided::STAMP_OTHER));
    let mut none = places[0].with(&batch);
    none.batch = String::new();
    assert_eq!(fault(&stage, made.submission(&ana, &none)).await, Some(Undecided::STAMP_OTHER));
}

#[tokio::test(start_paused = true)]
async fn garbage_is_named_by_its_digest_and_opens_nothing() {
    let (stage, ana, made) = listed().await;
    let stamp = stage.stamp(&made);
    let whole = made.action.compact().to_owned();
    let cut = whole[..whole.len() - 1].to_owned();
    let (head, rest) = whole.split_once('.').unwrap();
    let other = ana.listing(stage.shared(), &Terms::until(stage.tsa.now().plus(secs(60))));
    let foreign = other.action.compact().rsplit_once('.').unwrap().1;
    let signed_by_another = format!("{head}.{}.{foreign}", rest.split_once('.').unwrap().0);
    for text in [String::new(), "..".to_owned(), cut, format!("{whole} "), signed_by_another] {
        let mut submission = made.submission(&ana, &stamp);
        submission.action = text.clone();
        let Verdict::Garbage { digest } = checked(&stage, submission).await else {
            panic!("{text} is no action")
        };
        assert_eq!(digest, Digest::of(text.as_bytes()));
    }
    assert_eq!(stage.shared().lobby.size(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_only_the_broker_does_nobody_hands_in_however_it_is_signed() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let room = stage.list(&ana, 60).await.room();
    let (body, seen) = (Body::Closed(Closed { refused: 0, root: empty_root() }), stage.seen(room));
    // Even with the broker's own key: it hands in its own.
    let id = uuid::Builder::from_random_bytes([3; 16]).into_uuid();
    let draft = Draft { id, room: Some(room), body: body.clone(), seen };
    let action = draft.sign_as_broker(&stage.shared().keys.entry).unwrap();
    let stolen = Made { action, blind: Blind::from_random([1; 32]) };
    let posed = ana.make(stage.shared(), Some(room), body, seen);
    for made in [stolen, posed] {
        let submission = made.submission(&ana, &stage.stamp(&made));
        assert_eq!(fault(&stage, submission).await, Some(Undecided::PARSE));
    }
}

#[tokio::test(start_paused = true)]
async fn a_members_action_passes_unblinded_and_says_so() {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let listing = stage.list(&ana, 60).await;
    let seen = stage.seen(listing.room());
    let made = ana.withdrawal(stage.shared(), listing.room(), &listing, seen);
    let mut submission = made.submission(&stage.person(2), &stage.stamp(&made));
    submission.blind = Blind::from_random([9; 32]);
    let Verdict::Good(checked) = checked(&stage, submission).await else { panic!("it holds") };
    assert!(matches!(checked.author(), Author::Member), "the room knows which");
}

#[tokio::test(start_paused = true)]
async fn one_session_is_checked_in_its_order_and_a_full_lane_takes_no_more() {
    let (stage, ana, made) = listed().await;
    let stamp = stage.stamp(&made);
    let keys = [stage.tsa.stamp.public()];
    let checker = Checker::start(3, Fingerprint([0; 32]), &keys, &*stage.machine.host().spawn);
    let checker = checker.unwrap();
    let (told, mut order) = mpsc::unbounded_channel();
    let hand_in = |session, number: usize| {
        let told = told.clone();
        // Garbage is checked sooner than an action; it must not overtake one.
        let mut submission = made.submission(&ana, &stamp);
        if number % 2 == 1 {
            submission.action.clear();
        }
        let reply: OnVerdict = Box::new(move |_| told.send((session, number)).unwrap());
        checker.check(session, submission, reply)
    };
    for number in 0..QUEUE {
        assert_eq!(hand_in(4, number), Ok(()), "{number}");
    }
    assert_eq!(hand_in(4, QUEUE), Err(Busy));
    assert_eq!(hand_in(7, QUEUE), Err(Busy), "sessions 4 and 7 share the second of three lanes");
    assert_eq!(hand_in(5, 0), Ok(()), "another lane has room");
    let mut of_four = Vec::new();
    for _ in 0..=QUEUE {
        let (session, number) = order.recv().await.unwrap();
        if session == 4 {
            of_four.push(number);
        }
    }
    assert!(of_four.is_sorted() && of_four.len() == QUEUE);
}

#[tokio::test(start_paused = true)]
async fn a_worker_remembers_the_newest_headers_and_no_more_than_its_bound() {
    let tsa = Tsa::new(100);
    let keys = vec![tsa.stamp.public()];
    let mut worker = Worker { broker: Fingerprint([0; 32]), keys, batches: VecDeque::new() };
    let headers: Vec<String> = (0..=REMEMBERED).map(|_| tsa.batch(&[]).0).collect();
    for header in &headers {
        worker.batch(header).unwrap();
        worker.batch(header).unwrap();
    }
    assert_eq!(worker.batches.len(), REMEMBERED);
    let knows = |worker: &Worker, at: usize| {
        worker.batches.iter().any(|batch| batch.compact() == headers[at])
    };
    assert!(!knows(&worker, 0) && knows(&worker, 1) && knows(&worker, REMEMBERED));
    // What does not verify takes no place.
    assert!(worker.batch("..").is_err());
    assert!(knows(&worker, 1));
}

#[tokio::test(start_paused = true)]
async fn what_waited_before_was_checked_when_it_is_said_to_have_passed() {
    let (stage, ana, made) = listed().await;
    let checker = &stage.shared().checker;
    let (tell, told) = std::sync::mpsc::channel();
    for session in 0..50 {
        let (tell, submission) = (tell.clone(), made.submission(&ana, &stage.stamp(&made)));
        let reply: OnVerdict = Box::new(move |_| tell.send(()).unwrap());
        checker.check(session, submission, reply).unwrap();
    }
    assert_eq!(told.try_iter().count(), 0);
    checker.passed().await;
    assert_eq!(told.try_iter().count(), 50);
}
