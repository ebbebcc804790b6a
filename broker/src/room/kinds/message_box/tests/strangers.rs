//! What those learn of a box who are no part of it, and what it costs the broker: nothing, and nothing that is kept.

use pregao_protocol::log::{Head, Origin};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Deposit, Keys, OneLetter};
use rusqlite::Connection;

use super::letters::{SMALL, bytes, left, letter, owns, ready};
use super::*;

/// What comes for the last request, whole.
async fn answered(guest: &mut Peer, stage: &Stage, action: &Action) -> FromBroker {
    guest.hand_in(stage, action, true).await;
    let is_answer = |frame: &FromBroker| {
        use FromBroker::{Failed, Receipt, Refused};
        matches!(frame, Receipt { .. } | Refused { .. } | Failed { .. })
    };
    guest.until(is_answer).await
}

fn is_unknown(answer: &FromBroker) -> bool {
    matches!(answer, FromBroker::Failed { code, .. } if code == "room.unknown")
}

/// The size of the head that a receipt is under, which holds.
fn covered(stage: &Stage, room: RoomName, answer: &FromBroker) -> (u64, u64) {
    let FromBroker::Receipt { seq, head, path, .. } = answer else { panic!("{answer:?}") };
    let origin = Origin { broker: stage.shared().fingerprint(), room };
    let head = Head::open(head, &origin, &stage.shared().certificate.keys.head).unwrap();
    let stored = stage.store.sound().read(&room, *seq, 1).unwrap().remove(0);
    let leaf = leaf_hash(stored.text.as_bytes());
    let root = pregao_protocol::log::merkle::root_from_path(&leaf, *seq, head.size, path);
    assert_eq!(root, Ok(head.root), "it proves the entry");
    (*seq, head.size)
}

/// Refusals that the broker keeps.
fn kept(stage: &Stage) -> i64 {
    let file = Connection::open(stage.file("log.db")).unwrap();
    file.query_row("SELECT count(*) FROM refusal", [], |row| row.get(0)).unwrap()
}

fn taken(seq: u64) -> Body {
    Body::Taken(Taken { letters: vec![seq], told: false })
}

#[tokio::test(start_paused = true)]
async fn v380_nobody_else_acts_as_the_owner_or_hears_how_far_the_log_goes() {
    let (stage, mut owner, own) = ready().await;
    let stranger = OwnBox::new(&stage, 2);
    let mut guest = Peer::guest(&stage, 60).await.unwrap();
    let room = own.room();
    for round in 0..2_u8 {
        let seen = stage.seen(room);
        let acts =
            [keys(3), taken(2), Body::BoxClosed(Empty {}), Body::Accepted(OneLetter { letter: 2 })];
        for (n, body) in (round * 10..).zip(acts) {
            let action = stranger.act_in(room, n, body, seen);
            let answer = answered(&mut guest, &stage, &action).await;
            assert!(is_unknown(&answer), "{answer:?}");
        }
        // As of a room that there is not.
        let nowhere = stranger.act_in(RoomName([7; 32]), round, taken(2), seen);
        assert!(is_unknown(&answered(&mut guest, &stage, &nowhere).await));
        let envelope = bytes(round, SMALL);
        left(&stage, &own, round + 1, &letter(&envelope, &[]), &[&envelope]).await;
        assert_eq!(
            owns(&stage, &mut owner, &own, 90 + round, taken(stage.size(room) - 1)).await,
            "receipt"
        );
    }
    assert_eq!(kept(&stage), 0);
}

#[tokio::test(start_paused = true)]
async fn v380_who_acts_elsewhere_is_told_nothing_of_a_box_and_guests_nothing_of_an_auction() {
    let (stage, mut owner, own) = ready().await;
    let ana = stage.person(1);
    let bid = ana.bid(stage.shared(), own.room(), 100, stage.seen(own.room()));
    assert_eq!(stage.act(&ana, &bid).await.code(), "room.unknown");
    let auction = stage.list(&ana, 600).await.room();
    let seen = stage.seen(auction);
    for (n, body) in [(1, taken(1)), (2, keys(3))] {
        let answer = answered(&mut owner, &stage, &own.act_in(auction, n, body, seen)).await;
        assert!(is_unknown(&answer), "{answer:?}");
    }
    let left = deposit(auction, 3, Body::Deposit(letter(&bytes(1, SMALL), &[])), seen);
    let mut guest = with_pass(&stage, 40).await;
    assert!(is_unknown(&answered(&mut guest, &stage, &left).await));
    assert_eq!(kept(&stage), 0);
}

#[tokio::test(start_paused = true)]
async fn v380_the_same_again_shows_the_log_no_further_than_it_did() {
    let (stage, mut owner, own) = ready().await;
    let room = own.room();
    let envelope = bytes(1, SMALL);
    left(&stage, &own, 1, &letter(&envelope, &[]), &[&envelope]).await;
    let left = stage.store.sound().read(&room, 2, 1).unwrap().remove(0);
    let left = pregao_protocol::log::Entry::parse(&left.text).unwrap();
    let left = Action::parse(&left.action).unwrap();
    assert_eq!(owns(&stage, &mut owner, &own, 3, taken(2)).await, "receipt");
    assert_eq!(stage.size(room), 4);
    let mut guest = Peer::guest(&stage, 60).await.unwrap();
    // Everybody has the opening (V-295); whoever is shown a letter has its deposit.
    for (action, expected) in [(&own.opening, (0, 1)), (&left, (2, 3))] {
        let answer = answered(&mut guest, &stage, action).await;
        assert_eq!(covered(&stage, room, &answer), expected);
    }
    assert_eq!(stage.size(room), 4);
}

#[tokio::test(start_paused = true)]
async fn v288_what_others_hand_in_again_takes_nothing_from_the_owner() {
    let (stage, mut owner, own) = ready().await;
    let mut guest = Peer::guest(&stage, 60).await.unwrap();
    loop {
        owner.send(&joining(&own, &owner.id.clone())).await;
        let said = |frame: &FromBroker| {
            matches!(frame, FromBroker::Joined { .. } | FromBroker::Error { .. })
        };
        if matches!(owner.until(said).await, FromBroker::Error { .. }) {
            break;
        }
    }
    let acts = own.act(50, keys(1), stage.seen(own.room()));
    owner.hand_in(&stage, &acts, true).await;
    assert_eq!(owner.answer(&stage).await, "door.rate");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    for _ in 0..2 {
        guest.hand_in(&stage, &own.opening, true).await;
        assert_eq!(guest.answer(&stage).await, "receipt");
    }
    owner.hand_in(&stage, &own.act(51, Body::BoxClosed(Empty {}), acts.seen()), true).await;
    assert_eq!(owner.answer(&stage).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn v196_refusals_of_a_boxs_owner_are_kept_by_the_box_and_those_for_a_pass_all() {
    let (stage, mut owner, own) = ready().await;
    let mut other = Peer::guest(&stage, 60).await.unwrap();
    let mut codes = Vec::new();
    for n in 0..18 {
        let session = if n % 2 == 0 { &mut owner } else { &mut other };
        codes.push(owns(&stage, session, &own, 100 + n, taken(9)).await);
    }
    assert_eq!(codes.iter().filter(|code| *code == "taken.letter").count(), 16);
    assert!(codes[16..].iter().all(|code| code == "door.refusals"));
    assert_eq!(kept(&stage), 16);
    // What costs a pass is answered all the same, and what is in order done.
    let sealed = letter(&bytes(1, SMALL), &[]);
    let mut guest = with_pass(&stage, 40).await;
    let action = deposit(own.room(), 90, Body::Deposit(sealed), opened_head(&stage, own.room()));
    assert!(matches!(answered(&mut guest, &stage, &action).await, FromBroker::Refused { .. }));
    assert_eq!(owns(&stage, &mut owner, &own, 3, Body::BoxClosed(Empty {})).await, "receipt");
    assert_eq!(kept(&stage), 17);
}

#[tokio::test(start_paused = true)]
async fn v382_who_left_a_letter_learns_in_no_other_box_whether_it_was_taken() {
    let (stage, mut owner, own) = ready().await;
    let envelope = bytes(1, SMALL);
    let sealed = letter(&envelope, &[]);
    left(&stage, &own, 1, &sealed, &[&envelope]).await;
    // A box of the writer's own, with keys.
    let theirs = OwnBox::new(&stage, 2);
    let mut writer = with_pass(&stage, 40).await;
    writer.hand_in(&stage, &theirs.opening, true).await;
    assert_eq!(writer.answer(&stage).await, "receipt");
    assert_eq!(publish(&stage, &mut writer, &theirs, &published(1, 10..12)).await, "receipt");
    for round in 0..2_u8 {
        // Of the size for the signed key and two.
        let stock = published(3, 20..22).entry().unwrap().stock;
        let probe = Keys { signed: key(3 + round).digest(), stock, blob: sealed.envelope };
        let probe = theirs.act(150 + round, Body::Keys(probe), stage.seen(theirs.room()));
        writer.hand_in(&stage, &probe, true).await;
        assert_eq!(writer.answer(&stage).await, "blob.missing", "{round}");
        let mut guest = with_pass(&stage, 50 + round).await;
        let seen = opened_head(&stage, theirs.room());
        let named = deposit(theirs.room(), 90 + round, Body::Deposit(sealed.clone()), seen);
        guest.hand_in(&stage, &named, true).await;
        assert_eq!(guest.answer(&stage).await, "blob.missing", "{round}");
        if round == 0 {
            assert_eq!(owns(&stage, &mut owner, &own, 3, taken(2)).await, "receipt");
            assert!(stage.shared().blobs.class(sealed.envelope.digest).is_none(), "it is gone");
        }
    }
    // Whoever puts them has what they put, and nobody is told of it.
    let again = Deposit { once: None, ..sealed };
    left(&stage, &theirs, 60, &again, &[&envelope]).await;
}
