//! What leaves at even times, and to whom nothing does.

use std::time::Duration;

use super::departures::{broker_receipt, nothing_told, seal_it, stamp, taken_off};
use super::fixture::{Post, at, came, id, open_by, owner, receipt_for, text_letter};
use super::*;
use crate::post::store::contacts::ContactId;
use crate::post::store::departures::{DepartureId, DepartureRecord, Item, NewLetter, Step};
use crate::post::store::even::EvenContact;
use crate::post::store::letters::{LetterNumber, LetterState};
use crate::post::store::own_boxes::BoxState;
use crate::post::store::questions::Met;
use pregao_protocol::letter::{Cover, Salt};
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::clock::Time;

const BROKER: Fingerprint = Fingerprint([9; 32]);
const MEAN: Duration = Duration::from_secs(3_600);

fn even(post: &Post) -> Vec<EvenContact> {
    post.store.view().even_contacts(&BROKER).unwrap()
}

/// For how many contacts letters leave evenly after a change.
fn with(post: &mut Post, edit: impl FnOnce(&mut Change<'_>) -> Result<(), MailError>) -> usize {
    post.store.change(edit).unwrap();
    even(post).len()
}

/// A contact who has answered, with a box for them that is open, and the setting.
fn pair() -> (Post, ContactId) {
    let mut post = Post::new();
    let contact = post.befriend("Ana");
    post.receive(text_letter(&post.them, 1, "About", "Text"), 1, Some(contact));
    let own = post.own;
    post.store
        .change(|change| {
            change.edit_contact(contact, |contact| contact.given = Some(own))?;
            change
                .edit_box(own, |own| (own.state, own.renewed) = (BoxState::Opened, Some(Day(1))))?;
            change.choose_even(true)
        })
        .unwrap();
    (post, contact)
}

fn write(
    post: &mut Post,
    n: u128,
    contact: ContactId,
    leaves: Time,
) -> (LetterNumber, DepartureId) {
    let new = NewLetter {
        letter: text_letter(&post.me, n, "About", "Text"),
        from: post.own,
        contact: Some(contact),
        to: post.them.address(),
        leaves,
        expires: None,
        keep_evidence: false,
        registered: false,
    };
    post.store.change(|change| change.send_letter(new, at(0))).unwrap()
}

fn cover(post: &Post, n: u128) -> Cover {
    Cover::new(post.me.address(), id(n), Salt([5; 32]))
}

fn leave(post: &mut Post, n: u128, now: Time) {
    let contact = even(post).remove(0);
    let cover = cover(post, n);
    post.store.change(|change| change.leave_evenly(&contact, cover, now)).unwrap();
}

fn departures(post: &Post) -> Vec<(DepartureId, DepartureRecord)> {
    let all = post.store.view().departures().unwrap().into_iter();
    all.map(|kept| kept.unwrap()).map(|kept| (kept.id, kept.record)).collect()
}

fn is_held(post: &Post, departure: DepartureId, now: Time) -> bool {
    let view = post.store.view();
    view.is_held(&view.departure(departure).unwrap(), &even(post), now).unwrap()
}

/// Takes something as far as its deposit.
fn hand_in(post: &mut Post, departure: DepartureId, seq: u64) -> bool {
    seal_it(post, departure, 1).unwrap();
    post.store.change(|change| change.keep_put(departure)).unwrap();
    post.store.change(|change| change.keep_stamped(departure, stamp())).unwrap();
    let record = post.store.view().departure(departure).unwrap();
    post.store
        .change(|change| {
            change.keep_deposited(departure, &broker_receipt(), seq, at(20))?;
            change.note_evenly(&record, seq)
        })
        .unwrap()
}

fn draw(post: &mut Post, next: Time) {
    let contact = even(post).remove(0);
    post.store.change(|change| change.draw_even(&contact, MEAN, next)).unwrap();
}

#[test]
fn v373_nothing_leaves_evenly_to_whom_did_not_answer_is_blocked_or_has_no_open_box() {
    let (mut post, contact) = pair();
    assert_eq!(even(&post).len(), 1);
    assert_eq!(even(&post)[0].mean, None, "it is not known yet how many passes there are");
    let own = post.own;
    let given = |given| {
        move |change: &mut Change<'_>| {
            change.edit_contact(contact, |contact| contact.given = given).map(drop)
        }
    };
    assert_eq!((with(&mut post, given(None)), with(&mut post, given(Some(own)))), (0, 1));
    let standing = |state, renewed| {
        move |change: &mut Change<'_>| {
            change.edit_box(own, |own| (own.state, own.renewed) = (state, renewed)).map(drop)
        }
    };
    let day = Some(Day(1));
    for (state, day) in [(BoxState::Drawn, day), (BoxState::Closing, day), (BoxState::Opened, None)]
    {
        assert_eq!(with(&mut post, standing(state, day)), 0);
    }
    assert_eq!(with(&mut post, standing(BoxState::Opened, day)), 1);
    let blocked = |at| {
        move |change: &mut Change<'_>| {
            change.edit_contact(contact, |contact| contact.blocked = at).map(drop)
        }
    };
    assert_eq!((with(&mut post, blocked(Some(at(1)))), with(&mut post, blocked(None))), (0, 1));
    let chosen = |on| move |change: &mut Change<'_>| change.choose_even(on);
    assert_eq!((with(&mut post, chosen(false)), with(&mut post, chosen(true))), (0, 1));
    // Who never wrote from the box to which they are written has not answered, whatever they are called.
    let other = owner(3).address();
    post.store.change(|change| change.change_address(contact, other, at(2))).unwrap();
    assert!(even(&post).is_empty());
}

#[test]
fn v373_times_are_drawn_ahead_and_last_and_are_drawn_anew_for_another_box() {
    let (mut post, contact) = pair();
    assert_eq!(even(&post)[0].times, None);
    draw(&mut post, at(500));
    let post = post.reopen();
    let times = even(&post)[0].times.clone().unwrap();
    assert_eq!((times.next, times.mean, times.with), (at(500), 3_600, post.them.name));
    let mut post = post;
    let other = owner(3);
    post.store.change(|change| change.change_address(contact, other.address(), at(2))).unwrap();
    let theirs = came(&other, &post.me, text_letter(&other, 2, "About", "Text"), 2);
    post.take(&theirs, Some(contact), false);
    assert_eq!(even(&post)[0].times, None);
    // Chosen off and on again nothing of before is left.
    draw(&mut post, at(600));
    post.store.change(|change| change.choose_even(true)).unwrap();
    assert!(even(&post)[0].times.is_some(), "it was chosen already");
    for on in [false, true] {
        post.store.change(|change| change.choose_even(on)).unwrap();
    }
    assert_eq!(even(&post)[0].times, None);
}

#[test]
fn v374_the_oldest_that_waits_leaves_and_cover_where_nothing_does_and_one_at_a_time() {
    let (mut post, contact) = pair();
    draw(&mut post, at(500));
    let (_, second) = write(&mut post, 5, contact, at(60));
    let (_, first) = write(&mut post, 6, contact, at(50));
    let (_, later) = write(&mut post, 7, contact, at(900));
    for departure in [first, second, later] {
        assert!(is_held(&post, departure, at(500)));
    }
    leave(&mut post, 20, at(500));
    let at_once = |post: &Post| -> Vec<DepartureId> {
        departures(post).into_iter().filter(|(_, r)| r.at_once).map(|(id, _)| id).collect()
    };
    assert_eq!(at_once(&post), [first]);
    assert!(!is_held(&post, first, at(500)) && is_held(&post, second, at(500)));
    // While it is leaving nothing else does.
    leave(&mut post, 21, at(501));
    assert_eq!((at_once(&post), departures(&post).len()), (vec![first], 3));
    hand_in(&mut post, first, 4);
    leave(&mut post, 22, at(502));
    assert_eq!(at_once(&post), [second]);
    hand_in(&mut post, second, 5);
    // What can still be taken back does not leave: cover does.
    leave(&mut post, 23, at(899));
    let now = departures(&post);
    assert_eq!(now.len(), 2);
    let (_, covers) = now.iter().find(|(id, _)| *id != later).unwrap();
    assert!(covers.at_once && covers.from == post.own && covers.to == post.them.address());
    assert_eq!(covers.item, Item::Cover { contact, cover: cover(&post, 23) });
    leave(&mut post, 24, at(900));
    assert_eq!(departures(&post).len(), 2, "one cover for each contact");
    // Chosen off, cover of which nobody saw anything is dropped.
    post.store.change(|change| change.choose_even(false)).unwrap();
    let left = departures(&post);
    assert!(left.len() == 1 && left[0].0 == later && !is_held(&post, later, at(900)));
}

#[test]
fn v373_what_goes_elsewhere_has_expired_or_is_hurried_is_not_held() {
    let (mut post, contact) = pair();
    let (_, held) = write(&mut post, 5, contact, at(10));
    let view = post.store.view();
    let (record, even) = (view.departure(held).unwrap(), even(&post));
    let is_held = |record: &DepartureRecord, now| view.is_held(record, &even, now).unwrap();
    assert!(is_held(&record, at(10)));
    let expiring = DepartureRecord { expires: Some(at(100)), ..record.clone() };
    assert!(is_held(&expiring, at(99)) && !is_held(&expiring, at(100)));
    let elsewhere = DepartureRecord { to: owner(3).address(), ..record.clone() };
    assert!(!is_held(&elsewhere, at(10)));
    assert!(!is_held(&DepartureRecord { at_once: true, ..record.clone() }, at(10)));
    assert!(!view.is_held(&record, &[], at(10)).unwrap());
    post.store.change(|change| change.leave_at_once(held)).unwrap();
    assert!(post.store.view().departure(held).unwrap().at_once);
    // One for nobody known leaves as it would otherwise.
    let to = post.them.address();
    let letter = text_letter(&post.me, 6, "About", "Text");
    let new = NewLetter {
        letter,
        from: post.own,
        contact: None,
        to,
        leaves: at(10),
        expires: None,
        keep_evidence: false,
        registered: false,
    };
    let (_, other) = post.store.change(|change| change.send_letter(new, at(0))).unwrap();
    assert!(!self::is_held(&post, other, at(10)));
}

#[test]
fn v375_deposits_between_which_nobody_came_are_counted() {
    let (mut post, contact) = pair();
    draw(&mut post, at(500));
    let mut unseen = Vec::new();
    for (n, seq) in [(30, 4), (31, 5), (32, 6), (33, 9), (34, 10)] {
        let (_, departure) = write(&mut post, n, contact, at(10));
        assert!(hand_in(&mut post, departure, seq));
        unseen.push(even(&post)[0].times.clone().unwrap().unseen);
    }
    assert_eq!(unseen, [1, 2, 3, 1, 2]);
}

#[test]
fn v375_to_a_box_that_takes_nothing_no_cover_goes_any_more() {
    let (mut post, contact) = pair();
    draw(&mut post, at(500));
    let (_, departure) = write(&mut post, 5, contact, at(10));
    let record = post.store.view().departure(departure).unwrap();
    let elsewhere = DepartureRecord { to: owner(3).address(), ..record.clone() };
    assert!(!post.store.change(|change| change.end_even(&elsewhere)).unwrap());
    assert_eq!(even(&post).len(), 1);
    assert!(post.store.change(|change| change.end_even(&record)).unwrap());
    assert!(even(&post).is_empty() && !is_held(&post, departure, at(10)));
}

#[test]
fn v374_what_could_not_be_left_waits_for_another_time_and_cover_does_not() {
    let (mut post, contact) = pair();
    draw(&mut post, at(500));
    let (number, departure) = write(&mut post, 5, contact, at(10));
    for sealed in [false, true] {
        leave(&mut post, 20, at(500));
        if sealed {
            seal_it(&mut post, departure, 1).unwrap();
        }
        assert!(post.store.change(|change| change.hold_again(departure, at(501))).unwrap());
        let record = post.store.view().departure(departure).unwrap();
        assert_eq!((record.at_once, record.step, record.leaves), (false, Step::Waiting, at(501)));
        assert!(is_held(&post, departure, at(501)));
    }
    assert_eq!(post.store.view().departure(departure).unwrap().begun, 2);
    assert!(matches!(post.store.view().letter(number).unwrap().state, LetterState::Waiting { .. }));
    post.store.change(|change| change.take_back(number, at(501))).unwrap();
    leave(&mut post, 21, at(502));
    let (covers, _) = departures(&post).remove(0);
    assert!(post.store.change(|change| change.hold_again(covers, at(503))).unwrap());
    assert!(departures(&post).is_empty());
}

#[test]
fn v374_what_was_left_evenly_is_asked_about_to_the_end_and_cover_leaves_nothing_behind() {
    let (mut post, contact) = pair();
    draw(&mut post, at(500));
    let met = || Met { head: "n".to_owned(), size: 13 };
    // A letter: also once its receipt came.
    let (number, departure) = write(&mut post, 5, contact, at(10));
    let envelope = seal_it(&mut post, departure, 1).unwrap();
    let deposit = post.store.view().departure(departure).unwrap().step.deposit().unwrap().clone();
    let kept = post.store.change(|change| {
        let question = change.keep_question(number, &deposit, (12, met()), at(99))?;
        change.ask_to_the_end(question)
    });
    kept.unwrap();
    post.store.change(|change| change.keep_put(departure)).unwrap();
    post.store.change(|change| change.keep_stamped(departure, stamp())).unwrap();
    let receipt = broker_receipt();
    post.store.change(|change| change.keep_deposited(departure, &receipt, 12, at(20))).unwrap();
    let opened = open_by(&post.them, &envelope);
    let of = came(&post.me, &post.them, text_letter(&post.me, 5, "About", "Text"), 1).deposit;
    let read = super::fixture::Came { deposit: of, envelope, opened };
    let word = receipt_for(&read, &post.them, &post.me);
    post.store.change(|change| change.keep_read_receipt(number, &word)).unwrap();
    assert_eq!(post.store.view().questions().unwrap().len(), 1);
    post.store.change(|change| change.drop_question(number)).unwrap();
    // Cover: with the receipt that is asked with, until the last answer.
    for taken in [false, true] {
        leave(&mut post, 20, at(500));
        let all = departures(&post);
        let covers = all.iter().find(|(_, r)| matches!(r.item, Item::Cover { .. })).unwrap().0;
        let receipt = broker_receipt();
        let kept = post.store.change(|change| {
            change.keep_blank_question(covers, &receipt, &deposit, (13, met()), at(99))
        });
        let question = kept.unwrap();
        let asked = post.store.view().questions().unwrap().remove(0).unwrap();
        assert!(asked.id == question && asked.record.is_blank() && asked.record.even);
        let known = post.store.view().broker_receipt(asked.record.letter).unwrap();
        assert_eq!(known, Some(receipt));
        let (told, next) =
            if taken { (taken_off().0, Some(at(900))) } else { (nothing_told(), None) };
        let changed =
            post.store.change(|change| change.keep_told(question, met(), &told, (at(100), next)));
        assert!(!changed.unwrap(), "there is no letter that stands otherwise");
        assert!(post.store.view().questions().unwrap().is_empty());
        assert!(matches!(post.store.view().question(question), Err(MailError::Unknown { .. })));
        assert_eq!(post.store.view().broker_receipt(asked.record.letter).unwrap(), None);
        assert!(post.store.view().timeline(asked.record.letter).unwrap().is_none());
        post.store.change(|change| change.hold_again(covers, at(503))).unwrap();
    }
}
