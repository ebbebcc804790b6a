//! What those who left letters are told of them, and who is told nothing.

use pregao_protocol::audit::letter::Happened;
use pregao_protocol::audit::told::{self, Answer, Before, ToldError, VerifiedTold};
use pregao_protocol::log::Receipt;
use pregao_protocol::trust::key::{DepositKey, SecretKey};
use pregao_protocol::value::label::TOLD_FRAME;
use pregao_protocol::wire::frame::deposit_message;

use super::letters::{SMALL, bytes, left, letter, owns, ready};
use super::*;

/// With which the deposit of `left` of this number was signed.
fn depositor(n: u8) -> SecretKey<DepositKey> {
    SecretKey::from_seed(&[n + 100; 32])
}

fn asking(guest: &Peer, own: &OwnBox, deposit: u64, n: u8, from: u64) -> FromPeer {
    let signature = depositor(n).sign(&deposit_message(&guest.id, own.room(), deposit));
    FromPeer::AboutDeposit { n: 7, room: own.room(), deposit, from, signature }
}

/// The frame that comes, as it came, or the code.
async fn told_bytes(guest: &mut Peer, frame: &FromPeer) -> Result<Vec<u8>, String> {
    guest.send(frame).await;
    loop {
        let bytes = guest.next_bytes().await.expect("the session goes on");
        match FromBroker::parse(&bytes).unwrap() {
            FromBroker::DepositTold { n: 7, .. } => return Ok(bytes),
            FromBroker::Failed { n: 7, code } => return Err(code),
            _ => {}
        }
    }
}

/// The receipt for a deposit, as its author got it, under the head of now.
pub(super) async fn receipt(stage: &Stage, own: &OwnBox, seq: u64) -> Receipt {
    let room = own.room();
    let stored = stage.store.sound().read(&room, seq, 1).unwrap().remove(0);
    let head = stage.store.sound().head(&room).unwrap();
    let path = stage.shared().reader.inclusion(room, seq, head.size).await.unwrap();
    let opening = own.opening.compact().to_owned();
    let header = stored.header.to_string();
    Receipt { opening, header, entry: stored.text, path, head: head.note }
}

/// What a fresh guest who signed deposit `n` is told of it, verified.
pub(super) async fn told_of(
    stage: &Stage,
    own: &OwnBox,
    n: u8,
    receipt: &Receipt,
    from: u64,
) -> Result<VerifiedTold, ToldError> {
    let deposit = told_seq(receipt);
    let mut guest = Peer::guest(stage, n).await.unwrap();
    let frame = asking(&guest, own, deposit, n, from);
    let bytes = told_bytes(&mut guest, &frame).await.unwrap();
    assert_eq!(bytes.len(), TOLD_FRAME, "v352: whatever it tells");
    let FromBroker::DepositTold { head, consistency, path, entries, .. } =
        FromBroker::parse(&bytes).unwrap()
    else {
        panic!("another frame")
    };
    let before = Before { head: &receipt.head, told: None };
    told::told(receipt, before, &Answer { head, consistency, path, entries })
}

fn told_seq(receipt: &Receipt) -> u64 {
    pregao_protocol::log::Entry::parse(&receipt.entry).unwrap().seq
}

fn taken(letters: &[u64], told: bool) -> Body {
    Body::Taken(Taken { letters: letters.to_vec(), told })
}

pub(super) fn happened(told: &VerifiedTold) -> Vec<(Happened, u64)> {
    told.events().iter().map(|event| (event.happened, event.shown.seq)).collect()
}

/// A box with three letters, at 2, 3 and 4, by the depositors 1, 2 and 3.
async fn filled() -> (Stage, Peer, OwnBox) {
    let (stage, owner, own) = ready().await;
    for n in 1..4 {
        let envelope = bytes(n, SMALL);
        left(&stage, &own, n, &letter(&envelope, &[]), &[&envelope]).await;
    }
    (stage, owner, own)
}

#[tokio::test(start_paused = true)]
async fn v350_only_who_signed_a_deposit_is_told_of_it_in_their_session_alone() {
    let (stage, mut owner, own) = filled().await;
    assert_eq!(owns(&stage, &mut owner, &own, 50, taken(&[2], true)).await, "receipt");
    let mut guest = Peer::guest(&stage, 60).await.unwrap();
    let other = Peer::guest(&stage, 61).await.unwrap();
    let change = |frame: FromPeer, change: &dyn Fn(&mut u64, &mut RoomName)| match frame {
        FromPeer::AboutDeposit { n, mut room, mut deposit, from, signature } => {
            change(&mut deposit, &mut room);
            FromPeer::AboutDeposit { n, room, deposit, from, signature }
        }
        other => other,
    };
    let good = |guest: &Peer| asking(guest, &own, 2, 1, 3);
    let auction = stage.list(&stage.person(2), 600).await.room();
    let mut as_owner = good(&guest);
    if let FromPeer::AboutDeposit { signature, .. } = &mut as_owner {
        *signature = own.key.sign(&deposit_message(&guest.id, own.room(), 2));
    }
    let wrong = [
        ("by another depositor", asking(&guest, &own, 2, 2, 3)),
        ("by the owner", as_owner),
        ("for another session", good(&other)),
        ("of another deposit", change(good(&guest), &|deposit, _| *deposit = 3)),
        ("of no deposit", asking(&guest, &own, 1, 1, 2)),
        ("of the opening", asking(&guest, &own, 0, 1, 1)),
        ("beyond the log", asking(&guest, &own, 6, 1, 6)),
        ("far beyond", asking(&guest, &own, u64::MAX >> 11, 1, 6)),
        ("of no room", change(good(&guest), &|_, room| *room = RoomName([9; 32]))),
        ("of an auction", change(good(&guest), &|_, room| *room = auction)),
    ];
    for (what, frame) in wrong {
        let answer = told_bytes(&mut guest, &frame).await;
        assert_eq!(answer.err().as_deref(), Some("room.unknown"), "{what}");
    }
    // A persona is not asked whose letter it was.
    let mut persona = Peer::connect(&stage, &stage.person(1)).await;
    let frame = good(&persona);
    persona.send(&frame).await;
    assert_eq!(persona.refused().await, ("door.session".to_owned(), Some(7)));
    // It costs no pass, and says the same again.
    let frame = good(&guest);
    let first = told_bytes(&mut guest, &frame).await.unwrap();
    assert_eq!(told_bytes(&mut guest, &frame).await.unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn v351_a_sender_hears_what_the_owner_lets_them_hear_and_nothing_else() {
    let (stage, mut owner, own) = filled().await;
    let receipts = [
        receipt(&stage, &own, 2).await,
        receipt(&stage, &own, 3).await,
        receipt(&stage, &own, 4).await,
    ];
    let [first, second, third] = &receipts;
    assert_eq!(happened(&told_of(&stage, &own, 1, first, 5).await.unwrap()), []);
    assert_eq!(owns(&stage, &mut owner, &own, 50, taken(&[2], true)).await, "receipt");
    assert_eq!(owns(&stage, &mut owner, &own, 51, taken(&[3], false)).await, "receipt");
    let told = told_of(&stage, &own, 1, first, 5).await.unwrap();
    assert_eq!((happened(&told), told.size), (vec![(Happened::Taken, 5)], 7));
    // One that was taken silently and one that waits are told from each other by nobody.
    assert_eq!(happened(&told_of(&stage, &own, 2, second, 5).await.unwrap()), []);
    assert_eq!(happened(&told_of(&stage, &own, 3, third, 5).await.unwrap()), []);
    // What was refused or undone in the log is not told.
    assert_eq!(owns(&stage, &mut owner, &own, 52, taken(&[3, 4], true)).await, "taken.letter");
    assert_eq!(happened(&told_of(&stage, &own, 3, third, 5).await.unwrap()), []);
    assert_eq!(owns(&stage, &mut owner, &own, 53, Body::BoxClosed(Empty {})).await, "receipt");
    let told = told_of(&stage, &own, 1, first, 5).await.unwrap();
    // It waited no more when the box was closed.
    assert_eq!(happened(&told), [(Happened::Taken, 5)]);
    for (n, receipt) in [(2, second), (3, third)] {
        let told = told_of(&stage, &own, n, receipt, 5).await.unwrap();
        assert_eq!(happened(&told), [(Happened::BoxClosed, 7)]);
    }
}

#[tokio::test(start_paused = true)]
async fn v355_what_is_told_is_the_same_after_a_restart_and_a_store_that_failed() {
    let (stage, mut owner, own) = filled().await;
    let (first, second) = (receipt(&stage, &own, 2).await, receipt(&stage, &own, 3).await);
    // It is noted, and does not become durable: at its place stands something else then.
    stage.store.break_down(true);
    assert_eq!(owns(&stage, &mut owner, &own, 50, taken(&[2], true)).await, "store.failed");
    stage.store.break_down(false);
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(owns(&stage, &mut owner, &own, 51, taken(&[3], true)).await, "receipt");
    assert_eq!(happened(&told_of(&stage, &own, 1, &first, 5).await.unwrap()), []);
    assert_eq!(
        happened(&told_of(&stage, &own, 2, &second, 5).await.unwrap()),
        [(Happened::Taken, 5)]
    );
    drop(owner);
    let stage = stage.restart().await;
    assert_eq!(happened(&told_of(&stage, &own, 1, &first, 5).await.unwrap()), []);
    assert_eq!(
        happened(&told_of(&stage, &own, 2, &second, 5).await.unwrap()),
        [(Happened::Taken, 5)]
    );
    // Whoever met a log that was longer sees that it is not any more.
    let mut guest = Peer::guest(&stage, 70).await.unwrap();
    let frame = asking(&guest, &own, 2, 1, 999);
    let bytes = told_bytes(&mut guest, &frame).await.unwrap();
    let FromBroker::DepositTold { consistency, head, .. } = FromBroker::parse(&bytes).unwrap()
    else {
        panic!("another frame")
    };
    assert!(consistency.is_empty() && head == stage.store.sound().head(&own.room()).unwrap().note);
}
