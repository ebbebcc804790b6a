//! Registered letters: each is accepted and handed over, declined, or lapses, and nothing in between.

use super::*;
use crate::letter::{Half, SealedHalf};
use crate::room::body::{HandedHalf, OneLetter, Registered, Say};
use crate::room::{Beyond, ReplayError};

const DAYS: u64 = 24 * 3600 * SECOND;
/// When a letter that was stamped at two seconds lapses.
const OVER: u64 = 15 * DAYS + 2 * SECOND;

fn half(n: u8) -> Half {
    Half::from_random([n; 32])
}

fn registered(n: u64, of: u8) -> Deposit {
    let sealed = Registered { half: SealedHalf([of; 80]), commitment: half(of).commitment() };
    Deposit { registered: Some(sealed), ..unkeyed(n) }
}

fn accepted(letter: u64) -> Body {
    Body::Accepted(OneLetter { letter })
}

fn declined(letter: u64) -> Body {
    Body::Declined(OneLetter { letter })
}

fn lapsed(letter: u64) -> Body {
    Body::Lapsed(OneLetter { letter })
}

fn handed(letter: u64, of: u8) -> Body {
    Body::Handed(HandedHalf { letter, half: half(of) })
}

/// A box in which two registered letters wait, at 2 and 3, and one that is not, at 4.
fn waiting() -> Post {
    let mut post = Post::with_keys();
    post.leave(2 * SECOND, registered(1, 1)).unwrap();
    post.leave(3 * SECOND, registered(2, 2)).unwrap();
    post.leave(3 * SECOND, unkeyed(3)).unwrap();
    post
}

impl Post {
    fn broker(&mut self, time: u64, body: Body) -> Result<u64, Code> {
        self.table.broker(at(time), body)
    }

    fn waits(&self) -> Vec<u64> {
        self.fold().waiting().map(|(seq, _)| seq).collect()
    }
}

#[test]
fn v330_a_registered_letter_has_its_own_time_and_no_other() {
    let mut post = Post::with_keys();
    let expires = Some(at(9 * SECOND));
    let both = Deposit { expires, ..registered(1, 1) };
    assert_eq!(post.leave(2 * SECOND, both), Err(Code::DepositExpiry));
    post.leave(2 * SECOND, registered(1, 1)).unwrap();
    let lapses = at(2 * SECOND).plus(Duration::from_secs(15 * 24 * 3600));
    assert_eq!(post.fold().next_lapse(), Some((lapses, 2)));
    let letter = post.fold().undecided(2).unwrap();
    assert_eq!((letter.until, &letter.handed), (lapses, &None));
    assert_eq!(letter.commitment, half(1).commitment());
    // It is no end by which others make room.
    assert_eq!(post.fold().next_end(), None);
}

#[test]
fn v332_a_registered_letter_is_accepted_or_declined_once_by_its_owner_in_its_time() {
    let mut post = waiting();
    let seen = post.table.room.ledger().head();
    for body in [accepted(2), declined(2)] {
        let by_another = post.guest_at(4 * SECOND, body.clone(), 99, seen);
        assert_eq!(post.table.submit(&by_another), Err(Code::VerbAuthor));
        assert_eq!(post.broker(4 * SECOND, body), Err(Code::VerbAuthor));
    }
    for other in [0, 1, 4, 5, u64::from(u32::MAX)] {
        assert_eq!(post.own(4 * SECOND, accepted(other)), Err(Code::RegisteredLetter), "{other}");
        assert_eq!(post.own(4 * SECOND, declined(other)), Err(Code::RegisteredLetter), "{other}");
    }
    // To the last microsecond, and no longer.
    for late in [OVER, OVER + 1] {
        let mut post = waiting();
        assert_eq!(post.own(late, accepted(2)), Err(Code::RegisteredLate));
        assert_eq!(post.own(late, declined(2)), Err(Code::RegisteredLate));
    }
    post.own(OVER - 1, declined(2)).unwrap();
    assert_eq!(post.own(OVER - 1, accepted(2)), Err(Code::RegisteredLetter));
    assert_eq!(post.own(OVER - 1, declined(2)), Err(Code::RegisteredLetter));
    post.own(OVER - 1, accepted(3)).unwrap();
    post.broker(OVER, handed(3, 2)).unwrap();
    for body in [accepted(3), declined(3)] {
        assert_eq!(post.own(OVER, body), Err(Code::RegisteredLetter));
    }
}

#[test]
fn v332_a_signature_counts_for_what_its_owner_had_seen() {
    for decided in [accepted, declined] {
        let mut post = Post::with_keys();
        post.leave(2 * SECOND, registered(1, 1)).unwrap();
        // Drawn up before the letter came that it names.
        let early = post.own_at(3 * SECOND, decided(3));
        post.leave(3 * SECOND, registered(2, 2)).unwrap();
        assert_eq!(post.table.submit(&early), Err(Code::RegisteredLetter));
        // It need not have seen what comes behind it.
        let in_time = post.own_at(3 * SECOND, decided(3));
        post.leave(3 * SECOND, unkeyed(3)).unwrap();
        post.table.submit(&in_time).unwrap();
    }
}

#[test]
fn v333_what_was_accepted_is_handed_over_by_the_next_entry_and_by_no_other() {
    let mut post = waiting();
    assert_eq!(post.table.room.cut_short(), None);
    post.own(4 * SECOND, accepted(2)).unwrap();
    assert_eq!(post.fold().awaits_half(), Some(2));
    assert_eq!(post.table.room.cut_short(), Some(Code::HandedPair));
    for body in [accepted(2), accepted(3), declined(3), taken(&[4]), keys(5, None)] {
        assert_eq!(post.own(5 * SECOND, body), Err(Code::HandedPair));
    }
    let closed = Body::BoxClosed(Empty {});
    assert_eq!(post.own(5 * SECOND, closed), Err(Code::HandedPair));
    assert_eq!(post.leave(5 * SECOND, unkeyed(9)), Err(Code::HandedPair));
    assert_eq!(post.broker(5 * SECOND, lapsed(3)), Err(Code::HandedPair));
    // The half of another letter is of no use to who accepted this one.
    assert_eq!(post.broker(5 * SECOND, handed(3, 2)), Err(Code::HandedPair));
    post.broker(5 * SECOND, handed(2, 1)).unwrap();
    assert_eq!((post.fold().awaits_half(), post.table.room.cut_short()), (None, None));
    assert_eq!((post.fold().handed(2), post.fold().handed(3)), (Some(&half(1)), None));
    assert_eq!(post.waits(), [2, 3, 4]);
    post.own(6 * SECOND, keys(5, None)).unwrap();
}

#[test]
fn v334_only_the_half_that_the_deposit_commits_to_is_handed_over_and_only_once() {
    let mut post = waiting();
    assert_eq!(post.broker(4 * SECOND, handed(2, 1)), Err(Code::HandedWrong));
    assert_eq!(post.own(4 * SECOND, handed(2, 1)), Err(Code::VerbAuthor));
    post.own(4 * SECOND, accepted(2)).unwrap();
    for wrong in [2, 0, 255] {
        assert_eq!(post.broker(5 * SECOND, handed(2, wrong)), Err(Code::HandedWrong));
    }
    assert_eq!(post.own(5 * SECOND, handed(2, 1)), Err(Code::VerbAuthor));
    post.broker(5 * SECOND, handed(2, 1)).unwrap();
    assert_eq!(post.broker(6 * SECOND, handed(2, 1)), Err(Code::HandedWrong));
    assert_eq!(post.broker(6 * SECOND, handed(3, 2)), Err(Code::HandedWrong));
}

#[test]
fn v335_what_nobody_decided_about_lapses_after_fifteen_days_and_not_a_microsecond_before() {
    let mut post = waiting();
    for early in [4 * SECOND, OVER - 1] {
        assert_eq!(post.broker(early, lapsed(2)), Err(Code::LapsedWrong));
    }
    let in_time = post.own_at(OVER - 1, accepted(2));
    assert_eq!(post.own(OVER, lapsed(2)), Err(Code::VerbAuthor));
    // The second was left a second later.
    assert_eq!(post.broker(OVER, lapsed(3)), Err(Code::LapsedWrong));
    for other in [1, 4, 9] {
        assert_eq!(post.broker(OVER, lapsed(other)), Err(Code::LapsedWrong), "{other}");
    }
    post.broker(OVER, lapsed(2)).unwrap();
    assert_eq!(post.waits(), [3, 4]);
    assert_eq!(post.broker(OVER, lapsed(2)), Err(Code::LapsedWrong));
    // Stamped in time, and too late in the log.
    assert_eq!(post.table.submit(&in_time), Err(Code::RegisteredLetter));
    post.own(OVER + 1, accepted(3)).unwrap();
    post.broker(OVER + 1, handed(3, 2)).unwrap();
    assert_eq!(post.fold().next_lapse(), None);
    assert_eq!(post.broker(OVER + 2 * SECOND, lapsed(3)), Err(Code::LapsedWrong));
}

#[test]
fn v336_a_registered_letter_is_taken_off_once_it_was_handed_over() {
    let mut post = waiting();
    for letters in [&[2][..], &[3, 4], &[2, 3, 4]] {
        assert_eq!(post.own(4 * SECOND, taken(letters)), Err(Code::TakenRegistered));
    }
    post.own(4 * SECOND, accepted(2)).unwrap();
    post.broker(4 * SECOND, handed(2, 1)).unwrap();
    let bytes = post.fold().bytes();
    post.own(5 * SECOND, taken(&[2, 4])).unwrap();
    assert_eq!(post.fold().bytes(), bytes - 2 * SMALL);
    // Declined, its bytes are of no use to anybody.
    assert!(post.fold().keeps_blobs_of(3));
    post.own(6 * SECOND, declined(3)).unwrap();
    assert!(!post.fold().keeps_blobs_of(3));
    assert_eq!(post.own(7 * SECOND, taken(&[3])), Err(Code::TakenLetter));
    assert_eq!((post.fold().bytes(), post.fold().next_lapse()), (0, None));
}

#[test]
fn v336_a_box_is_closed_over_registered_letters_that_wait() {
    let mut post = waiting();
    post.own(4 * SECOND, Body::BoxClosed(Empty {})).unwrap();
    assert_eq!((post.waits(), post.fold().next_lapse()), (vec![], None));
    for body in [accepted(2), declined(2)] {
        assert_eq!(post.own(5 * SECOND, body), Err(Code::VerbPhase));
    }
    assert_eq!(post.broker(OVER, lapsed(2)), Err(Code::VerbPhase));
}

#[test]
fn v273_the_broker_hands_over_and_records_what_lapsed_and_does_nothing_else() {
    let mut post = waiting();
    let closed = crate::room::fixture::close_body();
    assert_eq!(post.broker(4 * SECOND, closed), Err(Code::VerbKind));
    for body in [taken(&[4]), keys(5, None), Body::Say(Say { text: text("hello") })] {
        assert_eq!(post.broker(4 * SECOND, body), Err(Code::VerbAuthor));
    }
}

#[test]
fn v331_whether_a_half_opens_is_the_brokers_word_and_nothing_else_of_a_letter_is() {
    let post = waiting();
    let beyond = |code, body: &Body| post.table.room.beyond_the_log(code, body);
    let registered = Body::Deposit(registered(7, 7));
    let plain = Body::Deposit(unkeyed(7));
    assert_eq!(beyond(Code::DepositHalf, &registered), Some(Beyond::Word));
    for (code, body) in [
        (Code::DepositHalf, &plain),
        (Code::DepositHalf, &taken(&[4])),
        (Code::DepositFull, &registered),
        (Code::BlobKeys, &registered),
        (Code::BlobMissing, &taken(&[4])),
    ] {
        assert_eq!(beyond(code, body), None, "{code}");
    }
    // Nor does anybody else see what lies beside the log.
    for code in [Code::BlobMissing, Code::BlobRoom] {
        assert_eq!(beyond(code, &plain), Some(Beyond::Word));
        assert_eq!(beyond(code, &keys(5, None)), Some(Beyond::Word));
    }
    assert_eq!(beyond(Code::BlobKeys, &keys(5, None)), Some(Beyond::Word));
}

/// A box in which registered letters came to every end.
fn decided() -> Post {
    let mut post = waiting();
    post.leave(3 * SECOND, registered(4, 4)).unwrap_err();
    post.own(4 * SECOND, taken(&[4])).unwrap();
    post.leave(4 * SECOND, registered(4, 4)).unwrap();
    post.own(5 * SECOND, accepted(2)).unwrap();
    post.broker(6 * SECOND, handed(2, 1)).unwrap();
    post.own(7 * SECOND, declined(3)).unwrap();
    post.leave(8 * SECOND, registered(5, 5)).unwrap();
    post.broker(OVER + 2 * SECOND, lapsed(6)).unwrap();
    post
}

#[test]
fn v299_registered_letters_are_kept_at_every_point_and_gone_on_with() {
    let post = decided();
    let opening = opening_of(&post);
    let whole = keep(&post.table.room, &opening).unwrap();
    let size = post.table.log.len();
    for at in 1..=size {
        let kept = keep(replayed(&post, at).room().unwrap(), &opening).unwrap();
        let mut taken_up = take_up(&kept).unwrap();
        assert_eq!(taken_up.room().unwrap().cut_short().is_some(), at == 8, "{at}");
        push(&mut taken_up, &post, at..size);
        let room = taken_up.room().unwrap();
        assert_eq!(keep(room, &opening).unwrap(), whole, "{at}");
        let fold = MessageBox::of(room).unwrap();
        assert_eq!(fold.next_lapse(), post.fold().next_lapse());
        let waits: Vec<u64> = fold.waiting().map(|(seq, _)| seq).collect();
        assert_eq!(waits, [2, 10]);
        assert!(fold.undecided(2).is_none() && fold.undecided(10).is_some());
    }
}

#[test]
fn v334_another_half_in_the_log_is_found_by_whoever_replays_it() {
    let post = decided();
    let mut replay = replayed(&post, 8);
    // A broker that signs anything signs the half of another letter.
    let mut table = post.table;
    let seen = replay.room().unwrap().ledger().head();
    let (room, id) = (Some(table.name()), uuid(900));
    let draft = Draft { id, room, body: handed(2, 2), seen };
    let action = draft.sign_as_broker(&entry_key()).unwrap();
    let stamped = table.tsa.stamp(action, at(OVER + 9 * SECOND));
    let entry = crate::log::Entry {
        seq: 8,
        action: stamped.action().compact().to_owned(),
        stamp: stamped.stamp().clone(),
    };
    let mut headers = Headers::of(&[stamped.batch().compact()], 1).unwrap();
    let pushed = replay.push_of(&entry.encode(), &mut headers);
    let rule = ReplayError::Rule { seq: 8, code: Code::HandedWrong };
    assert_eq!(pushed.unwrap_err(), rule);
}

#[test]
fn v360_an_owner_decides_about_what_they_have_seen() {
    let mut post = waiting();
    let before = |post: &Post, size: usize| {
        let mut frontier = crate::log::merkle::Frontier::default();
        for text in post.table.log.iter().take(size) {
            frontier.push(crate::log::merkle::leaf_hash(text.as_bytes()));
        }
        Seen { size: size as u64, root: frontier.root() }
    };
    let own = |post: &mut Post, size: usize, body: Body| {
        let (id, room) = (uuid(post.fresh()), Some(post.table.name()));
        let draft = Draft { id, room, body, seen: before(post, size) };
        let stamped =
            post.table.tsa.stamp(draft.sign_as_owner(&owner_key()).unwrap(), at(5 * SECOND));
        // It shows by itself, without the log.
        let alone = MessageBox::judge_alone(&post.fold().opening().clone(), &stamped);
        let judged = post.table.submit(&stamped);
        assert_eq!(alone.err(), judged.err(), "{size}");
        judged
    };
    // The letter at 3 is in a log of 4 entries, and in none that is shorter.
    for size in 1..=3 {
        assert_eq!(own(&mut post, size, accepted(3)), Err(Code::RegisteredLetter));
        assert_eq!(own(&mut post, size, declined(3)), Err(Code::RegisteredLetter));
    }
    for size in 1..=4 {
        assert_eq!(own(&mut post, size, taken(&[4])), Err(Code::TakenLetter));
    }
    own(&mut post, 4, declined(3)).unwrap();
    own(&mut post, 5, taken(&[4])).unwrap();
    own(&mut post, 3, accepted(2)).unwrap();
}
