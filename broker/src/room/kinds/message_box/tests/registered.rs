//! Registered letters at the broker: handed over with the word of who accepts them or not at all, and lapsed in time.

use std::time::Duration;

use pregao_protocol::audit::letter::Happened;
use pregao_protocol::letter::{Half, HalfPlace, Halves, SealedHalf};
use pregao_protocol::log::Entry;
use pregao_protocol::room::MessageBox;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Blob, Deposit, HandedHalf, OneLetter, Registered};
use pregao_protocol::trust::key::{DepositKey, OneTime, PublicKey, SecretKey};
use pregao_protocol::trust::seal::SealPublic;
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::blob::BlobClass;

use super::about::{happened, receipt, told_of};
use super::*;

const SMALL: usize = 4_028;
const DAYS: Duration = Duration::from_secs(15 * 24 * 3600);

fn halves(n: u8) -> Halves {
    Halves::from_random(&[n; 64])
}

fn envelope(n: u8) -> Vec<u8> {
    vec![n; SMALL]
}

fn author(n: u8) -> PublicKey<OneTime> {
    let key = SecretKey::<DepositKey>::from_seed(&[n; 32]).public();
    PublicKey::from_bytes(*key.as_bytes())
}

/// What the deposit says that is signed by the key of this number.
fn sealed(stage: &Stage, own: &OwnBox, n: u8) -> Registered {
    let to = stage.shared().keys.delivery.public();
    let place = (own.room(), &author(n + 100), Digest::of(&envelope(n)));
    halves(n).deposit(&to, place, [n; 32]).unwrap()
}

fn letter(n: u8, registered: Registered) -> Deposit {
    let size = BlobClass::of(SMALL as u64).unwrap();
    Deposit {
        envelope: Blob { digest: Digest::of(&envelope(n)), size },
        attachments: Vec::new(),
        signed: key(1).digest(),
        once: None,
        expires: None,
        registered: Some(registered),
    }
}

async fn ready() -> (Stage, Peer, OwnBox) {
    let (stage, mut guest, own) = with_passes().await;
    assert_eq!(publish(&stage, &mut guest, &own, &published(1, 10..12)).await, "receipt");
    (stage, guest, own)
}

/// Puts the envelope, leaves the letter, and says what came of it.
async fn leave(stage: &Stage, own: &OwnBox, n: u8, letter: Deposit) -> String {
    let mut guest = with_pass(stage, n).await;
    guest.put_blob(Purpose::Envelope, &envelope(n)).await.unwrap();
    let seen = opened_head(stage, own.room());
    let action = deposit(own.room(), n + 100, Body::Deposit(letter), seen);
    guest.hand_in(stage, &action, true).await;
    guest.answer(stage).await
}

async fn left(stage: &Stage, own: &OwnBox, n: u8) {
    let letter = letter(n, sealed(stage, own, n));
    assert_eq!(leave(stage, own, n, letter).await, "receipt");
}

/// A box with keys in which one registered letter waits, at 2.
async fn waiting() -> (Stage, Peer, OwnBox) {
    let (stage, owner, own) = ready().await;
    left(&stage, &own, 1).await;
    (stage, owner, own)
}

async fn owns(stage: &Stage, guest: &mut Peer, own: &OwnBox, n: u8, body: Body) -> String {
    guest.hand_in(stage, &own.act(n, body, stage.seen(own.room())), true).await;
    guest.answer(stage).await
}

fn accepted(letter: u64) -> Body {
    Body::Accepted(OneLetter { letter })
}

fn declined(letter: u64) -> Body {
    Body::Declined(OneLetter { letter })
}

fn is_kept(stage: &Stage, n: u8) -> bool {
    stage.shared().blobs.class(Digest::of(&envelope(n))).is_some()
}

/// What the last entry of the box says.
fn last(stage: &Stage, own: &OwnBox) -> Body {
    let seq = stage.size(own.room()) - 1;
    let entry = stage.store.sound().read(&own.room(), seq, 1).unwrap().remove(0);
    let entry = Entry::parse(&entry.text).unwrap();
    Action::parse(&entry.action).unwrap().body().clone()
}

#[tokio::test(start_paused = true)]
async fn v333_what_is_accepted_is_handed_over_in_the_same_commit() {
    let (stage, mut owner, own) = waiting().await;
    let (commits, before) = (stage.metrics().commits.value(), stage.size(own.room()));
    assert_eq!(owns(&stage, &mut owner, &own, 3, accepted(2)).await, "receipt");
    assert_eq!(stage.metrics().commits.value(), commits + 1);
    assert_eq!(stage.size(own.room()), before + 2);
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit", "accepted", "handed"]);
    let half = halves(1).broker;
    assert_eq!(last(&stage, &own), Body::Handed(HandedHalf { letter: 2, half }));
    // It waits to be read.
    assert!(is_kept(&stage, 1));
    let taken = Body::Taken(Taken { letters: vec![2], told: false });
    assert_eq!(owns(&stage, &mut owner, &own, 4, taken).await, "receipt");
    assert!(!is_kept(&stage, 1));
}

#[tokio::test(start_paused = true)]
async fn v333_if_the_store_fails_neither_is_there_and_the_same_gets_both() {
    let (stage, mut owner, own) = waiting().await;
    let action = own.act(3, accepted(2), stage.seen(own.room()));
    stage.store.fail_commits(1);
    owner.hand_in(&stage, &action, true).await;
    assert_eq!(owner.answer(&stage).await, "store.failed");
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit"]);
    drop(owner);
    // Died right there: what it starts from is whole.
    let stage = stage.restart().await;
    let mut owner = Peer::guest(&stage, 9).await.unwrap();
    owner.hand_in(&stage, &action, true).await;
    assert_eq!(owner.answer(&stage).await, "receipt");
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit", "accepted", "handed"]);
    // The same again is the same, and nothing is handed over twice.
    owner.hand_in(&stage, &action, true).await;
    assert_eq!(owner.answer(&stage).await, "receipt");
    assert_eq!(stage.size(own.room()), 5);
    let stage = stage.restart().await;
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit", "accepted", "handed"]);
}

#[tokio::test(start_paused = true)]
async fn v332_a_letter_is_decided_about_once_by_its_owner() {
    let (stage, mut owner, own) = waiting().await;
    left(&stage, &own, 2).await;
    let stranger = OwnBox::new(&stage, 2);
    let seen = stage.seen(own.room());
    let foreign = stranger.act_in(own.room(), 9, accepted(2), seen);
    owner.hand_in(&stage, &foreign, true).await;
    assert_eq!(owner.answer(&stage).await, "room.unknown");
    assert_eq!(owns(&stage, &mut owner, &own, 3, accepted(1)).await, "registered.letter");
    assert_eq!(owns(&stage, &mut owner, &own, 4, declined(2)).await, "receipt");
    assert!(!is_kept(&stage, 1), "nobody reads it any more");
    assert_eq!(owns(&stage, &mut owner, &own, 5, accepted(2)).await, "registered.letter");
    let taken = Body::Taken(Taken { letters: vec![3], told: false });
    assert_eq!(owns(&stage, &mut owner, &own, 6, taken).await, "taken.registered");
    assert_eq!(owns(&stage, &mut owner, &own, 7, accepted(3)).await, "receipt");
    assert_eq!(owns(&stage, &mut owner, &own, 8, accepted(3)).await, "registered.letter");
    assert_eq!(owns(&stage, &mut owner, &own, 9, declined(3)).await, "registered.letter");
    let verbs = ["box", "keys", "deposit", "deposit", "declined", "accepted", "handed"];
    assert_eq!(stage.verbs(own.room()), verbs);
}

#[tokio::test(start_paused = true)]
async fn v331_a_half_that_could_not_be_handed_over_is_refused_at_once() {
    let (stage, mut owner, own) = waiting().await;
    let good = sealed(&stage, &own, 2);
    let to = stage.shared().keys.delivery.public();
    let other = PublicKey::from_bytes(*author(9).as_bytes());
    let digest = Digest::of(&envelope(2));
    let by = author(102);
    let made = |to: &SealPublic, place: HalfPlace<'_>, half: &Half| {
        SealedHalf::seal(half, to, &place, [7; 32]).unwrap()
    };
    let place = HalfPlace { name: own.room(), key: &by, envelope: digest };
    let half = &halves(2).broker;
    let stranger = pregao_protocol::trust::seal::SealKey::from_random([5; 32]).public();
    let bad = [
        Registered { half: SealedHalf([0; 80]), ..good },
        Registered { commitment: Digest([0; 32]), ..good },
        Registered { half: made(&stranger, place, half), ..good },
        Registered { half: made(&to, HalfPlace { key: &other, ..place }, half), ..good },
        Registered { half: made(&to, place, &halves(3).broker), ..good },
        // That of the letter that waits: who copies it would read that one by accepting this.
        sealed(&stage, &own, 1),
    ];
    let mut guest = with_pass(&stage, 2).await;
    guest.put_blob(Purpose::Envelope, &envelope(2)).await.unwrap();
    let seen = opened_head(&stage, own.room());
    for (registered, serial) in bad.into_iter().zip(20..) {
        let mut guest = with_pass(&stage, serial).await;
        let body = Body::Deposit(letter(2, registered));
        guest.hand_in(&stage, &deposit(own.room(), 102, body, seen), true).await;
        assert_eq!(guest.answer(&stage).await, "deposit.half", "{serial}");
    }
    // And nothing of what was refused is claimed: the right one gets in.
    let body = Body::Deposit(letter(2, good));
    guest.hand_in(&stage, &deposit(own.room(), 102, body, seen), true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
    assert_eq!(owns(&stage, &mut owner, &own, 3, accepted(3)).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn v335_what_nobody_decided_about_lapses_once_nothing_in_time_can_come() {
    let (stage, _owner, own) = waiting().await;
    let room = stage.room(own.room());
    let (until, seq) = MessageBox::of(&room).unwrap().next_lapse().unwrap();
    let opened: Time = stage.tsa.now().plus(DAYS);
    assert!(seq == 2 && until <= opened);
    let due = until.plus(room.terms().freshness);
    stage.stop_ticks().await;
    stage.tell(due.minus(Duration::from_millis(500))).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit"]);
    assert!(is_kept(&stage, 1));
    stage.tell(due).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit", "lapsed"]);
    assert!(!is_kept(&stage, 1), "nobody reads it any more");
    assert_eq!(last(&stage, &own), Body::Lapsed(OneLetter { letter: 2 }));
}

#[tokio::test(start_paused = true)]
async fn v335_what_lapsed_while_the_broker_was_away_is_recorded_when_it_is_back() {
    let (stage, _owner, own) = waiting().await;
    left(&stage, &own, 2).await;
    let (until, _) = MessageBox::of(&stage.room(own.room())).unwrap().next_lapse().unwrap();
    stage.tsa.set(until.plus(Duration::from_secs(3600)));
    let stage = stage.restart().await;
    stage.until(|stage| stage.size(own.room()) == 6).await;
    let verbs = ["box", "keys", "deposit", "deposit", "lapsed", "lapsed"];
    assert_eq!(stage.verbs(own.room()), verbs);
}

#[tokio::test(start_paused = true)]
async fn v334_a_broker_that_lost_its_key_takes_no_word_for_what_it_cannot_hand_over() {
    let (stage, owner, own) = waiting().await;
    drop(owner);
    let stage = stage.restart_without("delivery.key.pem").await;
    let mut owner = Peer::guest(&stage, 9).await.unwrap();
    assert_eq!(owns(&stage, &mut owner, &own, 3, accepted(2)).await, "store.failed");
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit"]);
    // Declining needs no key.
    assert_eq!(owns(&stage, &mut owner, &own, 4, declined(2)).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn v361_the_sender_of_a_registered_letter_is_told_what_its_reader_signed() {
    let (stage, mut owner, own) = waiting().await;
    left(&stage, &own, 2).await;
    left(&stage, &own, 3).await;
    let receipts = [
        receipt(&stage, &own, 2).await,
        receipt(&stage, &own, 3).await,
        receipt(&stage, &own, 4).await,
    ];
    let [first, second, third] = &receipts;
    for (n, receipt) in [(1, first), (2, second), (3, third)] {
        assert_eq!(happened(&told_of(&stage, &own, n, receipt, 5).await.unwrap()), []);
    }
    assert_eq!(owns(&stage, &mut owner, &own, 50, accepted(2)).await, "receipt");
    assert_eq!(owns(&stage, &mut owner, &own, 51, declined(3)).await, "receipt");
    // What is taken off without `told` stays with its reader, though that it was signed for does not.
    let taken = Body::Taken(Taken { letters: vec![2], told: false });
    assert_eq!(owns(&stage, &mut owner, &own, 52, taken).await, "receipt");
    let told = told_of(&stage, &own, 1, first, 5).await.unwrap();
    let signed = [(Happened::Accepted, 5), (Happened::Handed, 6)];
    assert_eq!((happened(&told), told.size), (signed.to_vec(), 9));
    let (_, verified) = told.happened.unwrap();
    assert_eq!(verified.half, Some(halves(1).broker));
    let told = told_of(&stage, &own, 2, second, 5).await.unwrap();
    assert_eq!(happened(&told), [(Happened::Declined, 7)]);
    drop(owner);
    let (until, _) = MessageBox::of(&stage.room(own.room())).unwrap().next_lapse().unwrap();
    stage.tsa.set(until.plus(Duration::from_secs(3600)));
    let stage = stage.restart().await;
    stage.until(|stage| stage.size(own.room()) == 10).await;
    let told = told_of(&stage, &own, 3, third, 5).await.unwrap();
    assert_eq!(happened(&told), [(Happened::Lapsed, 9)]);
    // Whatever is done to the box later changes nothing of what waits no more.
    let mut owner = Peer::guest(&stage, 9).await.unwrap();
    assert_eq!(owns(&stage, &mut owner, &own, 53, Body::BoxClosed(Empty {})).await, "receipt");
    let told = told_of(&stage, &own, 1, first, 5).await.unwrap();
    // That it was taken off is not told, so it may still wait.
    assert_eq!(happened(&told), [signed[0], signed[1], (Happened::BoxClosed, 10)]);
    let told = told_of(&stage, &own, 2, second, 5).await.unwrap();
    assert_eq!(happened(&told), [(Happened::Declined, 7)]);
    let told = told_of(&stage, &own, 3, third, 5).await.unwrap();
    assert_eq!(happened(&told), [(Happened::Lapsed, 9)]);
}
