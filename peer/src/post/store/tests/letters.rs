//! Letters: kept, listed, counted, threaded.

use super::fixture::{Came, Post, at, came, id, receipt_for, text_letter};
use super::*;
use crate::post::store::letters::{
    Authorship, DepositRecord, Direction, LetterNumber, LetterState, Page, Reading, Selection,
};
use pregao_protocol::letter::{Content, Letter, Mode, show};

fn numbers(page: &Page) -> Vec<i64> {
    page.letters.iter().map(|row| row.as_ref().unwrap().id.0).collect()
}

fn list(post: &Post, of: Selection) -> Vec<i64> {
    numbers(&post.store.view().letters(of, None, 99).unwrap())
}

#[test]
fn an_envelope_that_came_is_kept_once_and_stays_until_it_is_opened() {
    let mut post = Post::new();
    let own = post.own;
    let letter = text_letter(&post.them, 1, "About the clock", "It runs.");
    let came = came(&post.them, &post.me, letter, 7);
    let keep = |post: &mut Post| {
        let deposit = came.deposit.clone();
        post.store
            .change(|change| change.keep_arrived(own, deposit, &came.envelope, at(0)))
            .unwrap()
    };
    let number = keep(&mut post);
    let mut post = post.reopen();
    assert_eq!(keep(&mut post), number);
    assert_eq!(list(&post, Selection::All), [number.0]);
    let record = post.store.view().letter(number).unwrap();
    assert_eq!(
        (record.state.clone(), record.time, record.is_unread()),
        (LetterState::Arrived, at(7), true)
    );
    let cause = "sealed to a key that is not here";
    post.store.change(|change| change.keep_unreadable(number, cause)).unwrap();
    let record = post.store.view().letter(number).unwrap();
    assert!(matches!(&record.state, LetterState::Unreadable { cause: said } if said == cause));
    assert!(record.is_unread());
    // A key that a backup brings back opens it later.
    let envelope = post.store.view().envelope(number).unwrap().unwrap();
    assert_eq!(envelope.as_slice(), came.envelope);
    let reading = Reading {
        opened: &came.opened,
        contact: None,
        authorship: Authorship::Unknown,
        keep_evidence: false,
    };
    post.store.change(|change| change.keep_opened(number, &reading)).unwrap();
    let view = post.store.view();
    assert!(view.envelope(number).unwrap().is_none());
    let record = view.letter(number).unwrap();
    assert_eq!(record.state, LetterState::Unread);
    assert_eq!(
        (record.subject.as_deref(), record.beginning.as_str()),
        (Some("About the clock"), "It runs.")
    );
    assert_eq!((record.used_once, record.message), (Some(true), Some(id(1))));
    for again in [
        post.store.change(|change| change.keep_opened(number, &reading)),
        post.store.change(|change| change.keep_unreadable(number, "late")),
    ] {
        assert!(matches!(again, Err(MailError::Step(_))));
    }
}

#[test]
fn the_same_bytes_in_two_places_are_two_letters() {
    let mut post = Post::new();
    let (own, other) = (post.own, super::fixture::owner(3));
    let other = post.store.change(|change| change.keep_box(&other.record())).unwrap();
    let letter = text_letter(&post.them, 1, "About the clock", "It runs.");
    let came = came(&post.them, &post.me, letter, 7);
    let keep = |post: &mut Post, own_box, seq| {
        let deposit = DepositRecord { seq, ..came.deposit.clone() };
        post.store.change(|change| change.keep_arrived(own_box, deposit, &came.envelope, at(0)))
    };
    // A copy elsewhere cannot be opened, and hides nothing of the letter.
    let copy = keep(&mut post, other, Some(3)).unwrap();
    post.store.change(|change| change.keep_unreadable(copy, "sealed elsewhere")).unwrap();
    assert!(post.store.view().letter_at(own, 7).unwrap().is_none());
    let number = keep(&mut post, own, Some(7)).unwrap();
    assert_ne!(number, copy);
    let again = keep(&mut post, own, Some(8)).unwrap();
    let mut post = post.reopen();
    for (own_box, seq, found) in [
        (own, 7, Some(number)),
        (own, 8, Some(again)),
        (other, 3, Some(copy)),
        (other, 7, None),
        (own, 3, None),
    ] {
        let kept = post.store.view().letter_at(own_box, seq).unwrap();
        assert_eq!(kept.map(|kept| kept.id), found, "{own_box:?} {seq}");
    }
    assert_eq!(keep(&mut post, own, Some(7)).unwrap(), number);
    assert!(matches!(keep(&mut post, own, None), Err(MailError::Step(_))));
    // None of them was sent: no receipt is for one.
    assert!(post.store.view().sent_in(&came.deposit.envelope).unwrap().is_none());
}

#[test]
fn what_was_opened_is_kept_byte_for_byte_and_can_be_shown_while_its_evidence_is() {
    let mut post = Post::new();
    let letter = text_letter(&post.them, 1, "About", "Text");
    let came = came(&post.them, &post.me, letter, 1);
    let number = post.take(&came, None, true);
    let shown = |post: &Post| {
        let view = post.store.view();
        let (envelope, content) = (view.envelope(number).unwrap()?, view.content(number).unwrap()?);
        let by = show::ByReader { name: post.me.name, envelope: &envelope, content: &content };
        Some(by.verify(&came.deposit.envelope, &post.them.address().keys()).unwrap())
    };
    let mut post = post.reopen();
    assert!(matches!(shown(&post), Some(show::Shown::Evidence(_))));
    post.store.change(|change| change.forget_evidence(number)).unwrap();
    assert!(shown(&post).is_none());
    let bytes = post.store.view().content(number).unwrap().unwrap();
    assert_eq!(Content::parse(&bytes).unwrap().0, *came.opened.content());
}

#[test]
fn the_envelope_of_a_deniable_letter_goes_with_its_opening() {
    for (mode, stays) in [(Mode::Evidence, true), (Mode::Deniable, false)] {
        let mut post = Post::new();
        let letter = Letter { mode, ..text_letter(&post.them, 1, "About", "Text") };
        let came = came(&post.them, &post.me, letter, 1);
        let number = post.take(&came, None, true);
        let post = post.reopen();
        assert_eq!(post.store.view().envelope(number).unwrap().is_some(), stays, "{mode:?}");
        assert!(post.store.view().content(number).unwrap().is_some());
    }
}

#[test]
fn the_envelope_of_what_was_not_opened_is_not_forgotten() {
    let mut post = Post::new();
    let letter = text_letter(&post.them, 1, "About", "Text");
    let Came { envelope, deposit, .. } = came(&post.them, &post.me, letter, 1);
    let own = post.own;
    let number =
        post.store.change(|change| change.keep_arrived(own, deposit, &envelope, at(0))).unwrap();
    post.store.change(|change| change.forget_evidence(number)).unwrap();
    assert!(post.store.view().envelope(number).unwrap().is_some());
}

#[test]
fn pages_go_back_to_the_first_letter_without_one_twice_or_left_out() {
    let mut post = Post::new();
    for n in 1..=7 {
        let letter = text_letter(&post.them, n, "About", "Text");
        post.receive(letter, u64::try_from(n).unwrap(), None);
    }
    let (mut before, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = post.store.view().letters(Selection::All, before, 3).unwrap();
        seen.extend(numbers(&page));
        (before, pages) = (page.before, pages + 1);
        if before.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (vec![7, 6, 5, 4, 3, 2, 1], 3));
    // A page that is full to the last letter is the last.
    assert_eq!(post.store.view().letters(Selection::All, None, 7).unwrap().before, None);
    assert_eq!(
        post.store.view().letters(Selection::All, None, 6).unwrap().before,
        Some(LetterNumber(2))
    );
    assert_eq!(numbers(&post.store.view().letters(Selection::All, None, 0).unwrap()), [7]);
}

#[test]
fn lists_and_counts_are_by_contact_direction_and_what_is_unread() {
    let mut post = Post::new();
    let ana = post.befriend("Ana");
    for (n, contact) in [(1, Some(ana)), (2, None), (3, Some(ana))] {
        let letter = text_letter(&post.them, n, "About", "Text");
        post.receive(letter, u64::try_from(n).unwrap(), contact);
    }
    post.store.change(|change| change.keep_read(LetterNumber(1), at(50))).unwrap();
    // Read once is read.
    post.store.change(|change| change.keep_read(LetterNumber(1), at(60))).unwrap();
    let state = post.store.view().letter(LetterNumber(1)).unwrap().state;
    assert_eq!(state, LetterState::Read { at: at(50) });
    let post = post.reopen();
    assert_eq!(list(&post, Selection::With(Some(ana))), [3, 1]);
    assert_eq!(list(&post, Selection::With(None)), [2]);
    assert_eq!(list(&post, Selection::Unread), [3, 2]);
    assert_eq!(list(&post, Selection::Only(Direction::Received)), [3, 2, 1]);
    assert_eq!(list(&post, Selection::Only(Direction::Sent)), [] as [i64; 0]);
    let unread = post.store.view().unread().unwrap();
    assert_eq!((unread.total, unread.by_contact), (2, vec![(None, 1), (Some(ana), 1)]));
}

#[test]
fn a_thread_is_one_in_whatever_order_its_letters_come() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [3, 1, 2]] {
        let mut post = Post::new();
        for n in order {
            let mut letter = text_letter(&post.them, n, "About", "Text");
            letter.reply_to = (n > 1).then(|| id(n - 1));
            post.receive(letter, u64::try_from(n).unwrap(), None);
        }
        let apart = text_letter(&post.them, 9, "About", "Text");
        let apart = post.receive(apart, 9, None);
        for number in 1..=3 {
            assert_eq!(
                list(&post, Selection::Thread(LetterNumber(number))),
                [3, 2, 1],
                "{order:?}"
            );
        }
        assert_eq!(list(&post, Selection::Thread(apart)), [apart.0]);
    }
}

#[test]
fn nobody_brings_a_letter_into_a_thread_of_others() {
    let mut post = Post::new();
    let ana = post.befriend("Ana");
    let letter = text_letter(&post.them, 1, "About", "Text");
    let first = post.receive(letter, 1, Some(ana));
    let mut letter = text_letter(&post.them, 2, "About", "Text");
    letter.reply_to = Some(id(1));
    let stranger = post.receive(letter, 2, None);
    assert_eq!(list(&post, Selection::Thread(first)), [first.0]);
    assert_eq!(list(&post, Selection::Thread(stranger)), [stranger.0]);
    // And one that claims to be what was answered moves nothing of theirs.
    let mut letter = text_letter(&post.them, 1, "About", "Text");
    letter.reply_to = Some(id(7));
    let claims = post.receive(letter, 3, None);
    assert_eq!(list(&post, Selection::Thread(first)), [first.0]);
    assert_eq!(list(&post, Selection::Thread(claims)), [claims.0, stranger.0]);
}

#[test]
fn a_read_receipt_is_no_letter_and_for_none_that_came() {
    let mut post = Post::new();
    let letter = text_letter(&post.them, 1, "About", "Text");
    let first = came(&post.them, &post.me, letter, 1);
    let number = post.take(&first, None, false);
    let receipt = receipt_for(
        &came(&post.me, &post.them, text_letter(&post.me, 2, "a", "b"), 2),
        &post.them,
        &post.me,
    );
    let kept = post.store.change(|change| change.keep_read_receipt(number, &receipt));
    assert!(matches!(kept, Err(MailError::Step(_))));
    let kept = post.store.change(|change| change.keep_read_receipt(number, &first.opened));
    assert!(matches!(kept, Err(MailError::Step(_))));
    let own = post.own;
    let mut deposit = first.deposit.clone();
    deposit.seq = Some(9);
    let other =
        post.store.change(|change| change.keep_arrived(own, deposit, b"sealed", at(0))).unwrap();
    let reading = Reading {
        opened: &receipt,
        contact: None,
        authorship: Authorship::Shown,
        keep_evidence: false,
    };
    let kept = post.store.change(|change| change.keep_opened(other, &reading));
    assert!(matches!(kept, Err(MailError::Step(_))));
    assert!(matches!(
        post.store.view().letter(LetterNumber(99)),
        Err(MailError::Unknown { what: "letter", id: 99 })
    ));
}
