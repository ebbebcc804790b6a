//! Letters and keys with the bytes that lie beside the log: nothing is logged without them, nothing that waits is destroyed,
//! and what waits no more is.

use std::collections::BTreeMap;
use std::time::Duration;

use pregao_protocol::room::body::{Blob, Deposit, OnceKey};
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::blob::BlobClass;

use super::*;

pub(super) fn bytes(n: u8, size: usize) -> Vec<u8> {
    vec![n; size]
}

pub(super) const SMALL: usize = 4_028;

/// A letter of these bytes, under the signed key 1 alone.
pub(super) fn letter(envelope: &[u8], attachments: &[&[u8]]) -> Deposit {
    let blob = |bytes: &[u8]| {
        let size = BlobClass::of(bytes.len() as u64).unwrap();
        Blob { digest: Digest::of(bytes), size }
    };
    Deposit {
        envelope: blob(envelope),
        attachments: attachments.iter().map(|bytes| blob(bytes)).collect(),
        signed: key(1).digest(),
        once: None,
        expires: None,
        registered: None,
    }
}

/// A box with a signed key, and its owner there.
pub(super) async fn ready() -> (Stage, Peer, OwnBox) {
    let (stage, mut guest, own) = with_passes().await;
    assert_eq!(publish(&stage, &mut guest, &own, &published(1, 10..12)).await, "receipt");
    (stage, guest, own)
}

/// Puts these bytes, leaves a letter, and says what came of it.
async fn leave(stage: &Stage, own: &OwnBox, n: u8, letter: &Deposit, blobs: &[&[u8]]) -> String {
    let mut guest = with_pass(stage, n).await;
    for bytes in blobs {
        guest.put_blob(Purpose::Envelope, bytes).await.unwrap();
    }
    handed_in(stage, &mut guest, own, n, letter).await
}

async fn handed_in(
    stage: &Stage,
    guest: &mut Peer,
    own: &OwnBox,
    n: u8,
    letter: &Deposit,
) -> String {
    let seen = opened_head(stage, own.room());
    let action = deposit(own.room(), n + 100, Body::Deposit(letter.clone()), seen);
    guest.hand_in(stage, &action, true).await;
    guest.answer(stage).await
}

/// Leaves a letter whose bytes were put.
pub(super) async fn left(stage: &Stage, own: &OwnBox, n: u8, letter: &Deposit, blobs: &[&[u8]]) {
    assert_eq!(leave(stage, own, n, letter, blobs).await, "receipt");
}

pub(super) async fn owns(
    stage: &Stage,
    guest: &mut Peer,
    own: &OwnBox,
    n: u8,
    body: Body,
) -> String {
    guest.hand_in(stage, &own.act(n, body, stage.seen(own.room())), true).await;
    guest.answer(stage).await
}

fn is_kept(stage: &Stage, bytes: &[u8]) -> bool {
    stage.shared().blobs.class(Digest::of(bytes)).is_some()
}

/// Destroys whatever nobody has named for so long that it may be.
async fn sweep(stage: &Stage) {
    let now = stage.tsa.now();
    stage.shared().blobs.sweep(now).await;
    stage.shared().blobs.sweep(now.plus(Duration::from_secs(600))).await;
}

async fn files(stage: &Stage) -> usize {
    // What is let go is destroyed by a task of its own.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let folders = std::fs::read_dir(stage.file("blobs")).unwrap();
    let count = |folder: std::fs::DirEntry| std::fs::read_dir(folder.path()).unwrap().count();
    folders.map(|folder| count(folder.unwrap())).sum()
}

#[tokio::test(start_paused = true)]
async fn v270_a_letter_without_its_bytes_is_refused_and_nothing_of_it_is_claimed() {
    let (stage, _owner, own) = ready().await;
    let (envelope, attached) = (bytes(1, SMALL), bytes(2, SMALL));
    let whole = letter(&envelope, &[&attached]);
    assert_eq!(leave(&stage, &own, 1, &whole, &[]).await, "blob.missing");
    assert_eq!(leave(&stage, &own, 2, &whole, &[&envelope]).await, "blob.missing");
    // Of another size than the entry says.
    let mut larger = letter(&envelope, &[]);
    larger.envelope.size = BlobClass::of(16_316).unwrap();
    assert_eq!(leave(&stage, &own, 3, &larger, &[&envelope]).await, "blob.missing");
    sweep(&stage).await;
    assert!(!is_kept(&stage, &envelope), "no entry names it");
    assert_eq!(leave(&stage, &own, 4, &whole, &[&envelope, &attached]).await, "receipt");
    sweep(&stage).await;
    assert!(is_kept(&stage, &envelope) && is_kept(&stage, &attached));
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit"]);
}

#[tokio::test(start_paused = true)]
async fn v270_bytes_that_are_not_those_announced_are_in_no_letter() {
    let (stage, _owner, own) = ready().await;
    let mut guest = with_pass(&stage, 9).await;
    let (announced, other) = (bytes(1, SMALL), bytes(2, SMALL));
    let put = guest.put_blob_as(Purpose::Envelope, Digest::of(&announced), &other).await;
    assert_eq!(put, Err("blob.hash".to_owned()));
    let letter = letter(&announced, &[]);
    assert_eq!(handed_in(&stage, &mut guest, &own, 1, &letter).await, "blob.missing");
}

#[tokio::test(start_paused = true)]
async fn v291_a_restart_keeps_what_waits_and_destroys_the_rest() {
    let (stage, owner, own) = ready().await;
    let (waits, never) = (bytes(1, SMALL), bytes(2, SMALL));
    left(&stage, &own, 1, &letter(&waits, &[]), &[&waits]).await;
    let mut guest = with_pass(&stage, 2).await;
    guest.put_blob(Purpose::Envelope, &never).await.unwrap();
    // Killed between blob and entry.
    drop((guest, owner));
    let stage = stage.restart().await;
    assert!(is_kept(&stage, &waits) && is_kept(&stage, &never));
    sweep(&stage).await;
    assert!(is_kept(&stage, &waits) && !is_kept(&stage, &never));
    let mut owner = Peer::guest(&stage, 3).await.unwrap();
    owner.send(&joining(&own, &owner.id.clone())).await;
    owner.entries().await;
    let class = BlobClass::SMALLEST;
    let got = owner.get_blob(Purpose::Envelope, Digest::of(&waits), class).await;
    assert_eq!(got, Ok(waits));
    let keys = published(1, 10..12).entry().unwrap().blob;
    let got = owner.get_blob(Purpose::Prekeys, keys.digest, keys.size).await;
    assert_eq!(got.map(|keys| Digest::of(&keys)), Ok(keys.digest));
}

#[tokio::test(start_paused = true)]
async fn v291_what_is_taken_is_destroyed_unless_another_letter_has_it() {
    let (stage, mut owner, own) = ready().await;
    let (first, second, both) = (bytes(1, SMALL), bytes(2, SMALL), bytes(3, 16_316));
    left(&stage, &own, 1, &letter(&first, &[&both]), &[&first, &both]).await;
    left(&stage, &own, 2, &letter(&second, &[&both]), &[&second, &both]).await;
    assert_eq!(files(&stage).await, 4);
    let taken = |seq| Body::Taken(Taken { letters: vec![seq], told: false });
    assert_eq!(owns(&stage, &mut owner, &own, 3, taken(2)).await, "receipt");
    assert_eq!(files(&stage).await, 3);
    assert!(!is_kept(&stage, &first) && is_kept(&stage, &both));
    assert_eq!(owns(&stage, &mut owner, &own, 4, taken(3)).await, "receipt");
    assert_eq!(files(&stage).await, 1, "the keys");
    // What was taken before a restart does not come back.
    drop(owner);
    let stage = stage.restart().await;
    sweep(&stage).await;
    assert_eq!(files(&stage).await, 1);
}

#[tokio::test(start_paused = true)]
async fn v291_what_was_let_go_right_before_a_restart_goes_afterwards() {
    let (stage, mut owner, own) = ready().await;
    let envelope = bytes(1, SMALL);
    left(&stage, &own, 1, &letter(&envelope, &[]), &[&envelope]).await;
    // The disk hangs from the answer on.
    let taken = Body::Taken(Taken { letters: vec![2], told: false });
    stage.machine.slow_disk(Duration::from_millis(900));
    assert_eq!(owns(&stage, &mut owner, &own, 3, taken).await, "receipt");
    assert!(!is_kept(&stage, &envelope), "nobody gets it");
    drop(owner);
    let stage = stage.restart().await;
    sweep(&stage).await;
    assert!(!is_kept(&stage, &envelope));
    assert_eq!(files(&stage).await, 1);
}

#[tokio::test(start_paused = true)]
async fn v291_a_letter_that_has_ended_is_destroyed_by_the_time_of_the_tsa() {
    let (stage, _owner, own) = ready().await;
    let (ends, stays) = (bytes(1, SMALL), bytes(2, SMALL));
    let end: Time = stage.tsa.now().plus(Duration::from_secs(1_000));
    let expiring = Deposit { expires: Some(end), ..letter(&ends, &[]) };
    left(&stage, &own, 1, &expiring, &[&ends]).await;
    left(&stage, &own, 2, &letter(&stays, &[]), &[&stays]).await;
    stage.stop_ticks().await;
    stage.tell(end.minus(Duration::from_millis(500))).await;
    // Longer than a room takes to be woken.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(is_kept(&stage, &ends));
    stage.tell(end).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!is_kept(&stage, &ends), "right at its end");
    assert_eq!(files(&stage).await, 2);
    assert!(is_kept(&stage, &stays));
}

#[tokio::test(start_paused = true)]
async fn v291_a_closed_box_keeps_nothing() {
    let (stage, mut owner, own) = ready().await;
    let envelope = bytes(1, SMALL);
    left(&stage, &own, 1, &letter(&envelope, &[]), &[&envelope]).await;
    assert_eq!(owns(&stage, &mut owner, &own, 3, Body::BoxClosed(Empty {})).await, "receipt");
    assert_eq!(files(&stage).await, 0);
}

#[tokio::test(start_paused = true)]
async fn v291_keys_are_kept_while_they_are_the_newest_or_their_stock_is_open() {
    let (stage, mut owner, own) = ready().await;
    // The first stock stays open, so its blob stays beside the newest one.
    for signed in 2..4 {
        assert_eq!(publish(&stage, &mut owner, &own, &published(signed, 0..0)).await, "receipt");
        assert_eq!(files(&stage).await, 2);
    }
    for signed in 4..11 {
        let stock = signed * 10..signed * 10 + 1;
        assert_eq!(publish(&stage, &mut owner, &own, &published(signed, stock)).await, "receipt");
    }
    assert_eq!(files(&stage).await, 8);
    // The ninth stock: the first lapses.
    assert_eq!(publish(&stage, &mut owner, &own, &published(11, 110..111)).await, "receipt");
    assert_eq!(files(&stage).await, 8);
    let oldest = published(1, 10..12).bytes();
    assert!(!is_kept(&stage, &oldest));
}

#[tokio::test(start_paused = true)]
async fn v291_if_the_store_fails_the_bytes_stay_for_the_same_letter() {
    let (stage, _owner, own) = ready().await;
    let envelope = bytes(1, SMALL);
    let mut guest = with_pass(&stage, 1).await;
    guest.put_blob(Purpose::Envelope, &envelope).await.unwrap();
    stage.store.fail_commits(1);
    let sealed = letter(&envelope, &[]);
    assert_eq!(handed_in(&stage, &mut guest, &own, 1, &sealed).await, "store.failed");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(is_kept(&stage, &envelope));
    assert_eq!(handed_in(&stage, &mut guest, &own, 1, &sealed).await, "receipt");
    sweep(&stage).await;
    assert!(is_kept(&stage, &envelope));
}

#[tokio::test(start_paused = true)]
async fn v291_bytes_of_a_letter_that_was_never_logged_go_in_the_end() {
    let (stage, mut owner, own) = ready().await;
    let envelope = bytes(1, SMALL);
    let mut guest = with_pass(&stage, 1).await;
    guest.put_blob(Purpose::Envelope, &envelope).await.unwrap();
    stage.store.fail_commits(1);
    let sealed = letter(&envelope, &[]);
    assert_eq!(handed_in(&stage, &mut guest, &own, 1, &sealed).await, "store.failed");
    tokio::time::sleep(Duration::from_secs(120)).await;
    // The fold is rebuilt with the next that is handed in.
    let expired = Body::Taken(Taken { letters: vec![2], told: false });
    assert_eq!(owns(&stage, &mut owner, &own, 3, expired).await, "taken.letter");
    sweep(&stage).await;
    assert!(!is_kept(&stage, &envelope));
}

#[tokio::test(start_paused = true)]
async fn v280_a_full_box_is_said_to_the_sender_at_once() {
    let (stage, mut owner, own) = ready().await;
    for n in 1..4 {
        let envelope = bytes(n, SMALL);
        left(&stage, &own, n, &letter(&envelope, &[]), &[&envelope]).await;
    }
    let fourth = bytes(4, SMALL);
    let sealed = letter(&fourth, &[]);
    assert_eq!(leave(&stage, &own, 4, &sealed, &[&fourth]).await, "deposit.full");
    let taken = Body::Taken(Taken { letters: vec![2, 4], told: false });
    assert_eq!(owns(&stage, &mut owner, &own, 8, taken).await, "receipt");
    assert_eq!(leave(&stage, &own, 5, &sealed, &[&fourth]).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn v277_v278_letters_under_other_keys_or_twice_are_refused_whatever_lies_there() {
    let (stage, mut owner, own) = ready().await;
    let envelope = bytes(1, SMALL);
    let root = published(1, 10..12).entry().unwrap().stock.unwrap().root;
    let once = |index| Some(OnceKey { stock: root, index });
    let sealed = Deposit { once: once(0), ..letter(&envelope, &[]) };
    left(&stage, &own, 1, &sealed, &[&envelope]).await;
    let other = bytes(2, SMALL);
    let under = |once| Deposit { once, ..letter(&other, &[]) };
    let blobs: &[&[u8]] = &[&other];
    assert_eq!(leave(&stage, &own, 2, &under(once(0)), blobs).await, "deposit.key-used");
    assert_eq!(leave(&stage, &own, 3, &under(once(2)), blobs).await, "deposit.keys");
    let again = Deposit { once: once(1), ..letter(&envelope, &[]) };
    assert_eq!(leave(&stage, &own, 4, &again, &[]).await, "deposit.twice");
    assert_eq!(publish(&stage, &mut owner, &own, &published(2, 0..0)).await, "receipt");
    assert_eq!(leave(&stage, &own, 5, &under(once(1)), blobs).await, "deposit.keys");
    let renewed = Deposit { signed: key(2).digest(), ..under(once(1)) };
    assert_eq!(leave(&stage, &own, 6, &renewed, blobs).await, "receipt");
}

/// Whoever sends that many has no more passes than others: each buys one letter.
#[tokio::test(start_paused = true)]
async fn ten_thousand_letters_of_one_sender_with_one_pass_come_to_one() {
    let (stage, _owner, own) = ready().await;
    let (first, other) = (bytes(1, SMALL), bytes(2, SMALL));
    let mut guest = with_pass(&stage, 1).await;
    guest.put_blob(Purpose::Envelope, &first).await.unwrap();
    let sealed = letter(&first, &[]);
    assert_eq!(handed_in(&stage, &mut guest, &own, 1, &sealed).await, "receipt");
    let seen = opened_head(&stage, own.room());
    let (mut said, mut sessions) = (BTreeMap::new(), 1_u8);
    for count in 0..10_000_u32 {
        let mut more = sealed.clone();
        more.envelope.digest = Digest::of(&count.to_be_bytes());
        let action = deposit(own.room(), 150, Body::Deposit(more), seen);
        let (n, stamp) = (guest.number(), stage.tsa.stamp(action.digest()));
        let (action, blind) = (action.compact().to_owned(), Blind::from_random([0; 32]));
        guest.send(&FromPeer::Submit { n, action, stamp, blind, solution: None }).await;
        let code = loop {
            match guest.next().await {
                Some(FromBroker::Failed { n: of, code }) if of == n => break code,
                Some(FromBroker::Receipt { .. } | FromBroker::Refused { .. }) => {
                    panic!("it was decided")
                }
                Some(_) => {}
                None => break "shown out".to_owned(),
            }
        };
        if code == "shown out" {
            sessions += 1;
            guest = Peer::guest(&stage, sessions).await.unwrap();
        }
        *said.entry(code).or_insert(0) += 1;
    }
    // Nothing of them was looked at: their puzzles were not solved.
    let known = ["door.rate", "puzzle.wanted", "shown out"];
    assert!(said.keys().all(|code| known.contains(&code.as_str())), "{said:?}");
    assert!(said["puzzle.wanted"] > 0, "{said:?}");
    assert_eq!(stage.verbs(own.room()), ["box", "keys", "deposit"]);
    // Nor does it help to solve them; and nobody else is kept from writing.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut solving = Peer::guest(&stage, 254).await.unwrap();
    let more = letter(&other, &[]);
    assert_eq!(handed_in(&stage, &mut solving, &own, 2, &more).await, "pass.none");
    assert_eq!(leave(&stage, &own, 3, &more, &[&other]).await, "receipt");
}
