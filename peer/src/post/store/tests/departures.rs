//! What is to be sent, and programs that stop between two steps.

use super::fixture::{Post, at, came, id, open_by, receipt_for, seal_for, text_letter};
use super::*;
use crate::post::store::departures::{
    DepartureId, Item, NewLetter, SealedDeposit, SealedItem, Step,
};
use crate::post::store::letters::{Direction, LetterNumber, LetterState};
use crate::post::store::questions::Met;
use pregao_protocol::audit::told::VerifiedEntry;
use pregao_protocol::letter::{Class, Content, Letter, Mode, ReadReceipt, Salt, Seeds, show};
use pregao_protocol::log::Receipt;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::body::Verb;
use pregao_protocol::value::codec::Digest;

pub(super) fn stamp() -> FullStamp {
    FullStamp { batch: "batch".to_owned(), index: 3, path: vec![Digest([1; 32])] }
}

fn broker_receipt() -> Receipt {
    Receipt {
        opening: "o".to_owned(),
        header: "h".to_owned(),
        entry: "e".to_owned(),
        path: Vec::new(),
        head: "n".to_owned(),
    }
}

fn letter(post: &Post) -> Letter {
    text_letter(&post.me, 5, "About", "Text")
}

fn post_letter(post: &mut Post, keep_evidence: bool) -> (LetterNumber, DepartureId) {
    post_it(post, letter(post), keep_evidence)
}

fn post_it(post: &mut Post, letter: Letter, keep_evidence: bool) -> (LetterNumber, DepartureId) {
    let new = NewLetter {
        letter,
        from: post.own,
        contact: None,
        to: post.them.address(),
        leaves: at(10),
        expires: None,
        keep_evidence,
        registered: false,
    };
    post.store.change(|change| change.send_letter(new, at(0))).unwrap()
}

fn seal_it(post: &mut Post, departure: DepartureId, seed: u8) -> Result<Vec<u8>, MailError> {
    let item = post.store.view().departure(departure)?.item;
    let content = match item {
        Item::Letter(letter) => Content::Letter(letter),
        Item::Receipt(receipt) => Content::Read(receipt),
    };
    let seeds = Seeds::from_random([seed; 32]);
    let sealed = seal_for(&content, &post.me, &post.them, &seeds);
    let deposit = SealedDeposit {
        envelope: sealed.sent.deposit,
        class: Class::Small,
        signed: post.them.public.0.digest(),
        once: None,
        content: sealed.sent.content,
        sender: sealed.sent.sender,
        reader: sealed.sent.reader,
        key: Secret::new([seed; 32]),
        action: "a.b.c".to_owned(),
        pass: None,
        expires: None,
    };
    let place = post.them.place();
    let blobs = [vec![7; 5000]];
    let (seeds, blobs) = (&seeds, &blobs);
    let item = SealedItem { sealed: &sealed, place, seeds, deposit, blobs, registered: None };
    post.store.change(|change| change.keep_sealed(departure, item))?;
    Ok(sealed.envelope)
}

#[test]
fn a_letter_goes_step_by_step_with_a_stop_after_each() {
    let mut post = Post::new();
    let (number, departure) = post_letter(&mut post, true);
    let mut post = post.reopen();
    assert_eq!(
        post.store.view().letter(number).unwrap().state,
        LetterState::Waiting { until: at(10) }
    );
    assert_eq!(post.store.view().departures().unwrap().len(), 1);
    let envelope = seal_it(&mut post, departure, 1).unwrap();
    let mut post = post.reopen();
    // The same bytes go on, not others.
    assert_eq!(post.store.view().sealed_envelope(departure).unwrap().unwrap().as_slice(), envelope);
    assert_eq!(post.store.view().sealed_blob(departure, 0).unwrap().unwrap().len(), 5000);
    assert!(post.store.view().sealed_blob(departure, 1).unwrap().is_none());
    assert_eq!(post.store.view().letter(number).unwrap().state, LetterState::Underway);
    post.store.change(|change| change.keep_put(departure)).unwrap();
    let mut post = post.reopen();
    post.store.change(|change| change.keep_stamped(departure, stamp())).unwrap();
    let mut post = post.reopen();
    let record = post.store.view().departure(departure).unwrap();
    assert!(
        matches!(&record.step, Step::Stamped(deposit, kept) if *kept == stamp() && deposit.action == "a.b.c")
    );
    let receipt = broker_receipt();
    post.store.change(|change| change.keep_deposited(departure, &receipt, 12, at(20))).unwrap();
    let mut post = post.reopen();
    assert!(post.store.view().departures().unwrap().is_empty());
    assert!(post.store.view().sealed_envelope(departure).unwrap().is_none());
    let record = post.store.view().letter(number).unwrap();
    let deposit = record.deposit.clone().unwrap();
    assert_eq!((record.state, record.time), (LetterState::Deposited, at(20)));
    assert_eq!((deposit.seq, deposit.stamped), (Some(12), Some(at(20))));
    assert_eq!(post.store.view().broker_receipt(number).unwrap(), Some(receipt));
    // Its author can show it.
    let kept = post.store.view().sent_evidence(number).unwrap().unwrap();
    let place = pregao_protocol::letter::Place {
        name: post.them.name,
        signed: &kept.signed,
        once: kept.once.as_ref(),
        class: Class::Small,
    };
    let by = show::BySender { place, content: &kept.content, seeds: &kept.seeds };
    let shown = by.verify(&deposit.envelope, &post.me.address().keys()).unwrap();
    assert!(matches!(shown, show::Shown::Evidence(_)));
    post.store.change(|change| change.forget_evidence(number)).unwrap();
    assert!(post.store.view().sent_evidence(number).unwrap().is_none());
    assert!(post.store.view().content(number).unwrap().is_some());
}

#[test]
fn no_step_is_taken_twice_or_too_early() {
    let mut post = Post::new();
    let (number, departure) = post_letter(&mut post, false);
    let put = |post: &mut Post| post.store.change(|change| change.keep_put(departure));
    let stamped =
        |post: &mut Post| post.store.change(|change| change.keep_stamped(departure, stamp()));
    let deposited = |post: &mut Post| {
        post.store.change(|change| change.keep_deposited(departure, &broker_receipt(), 1, at(1)))
    };
    let anew = |post: &mut Post| post.store.change(|change| change.begin_anew(departure, at(30)));
    let is_refused = |error: MailError| matches!(error, MailError::Step(_));
    assert!(is_refused(put(&mut post).unwrap_err()));
    assert!(is_refused(stamped(&mut post).unwrap_err()));
    assert!(is_refused(deposited(&mut post).unwrap_err()));
    assert!(is_refused(anew(&mut post).unwrap_err()));
    seal_it(&mut post, departure, 1).unwrap();
    assert!(is_refused(seal_it(&mut post, departure, 2).unwrap_err()));
    assert!(is_refused(stamped(&mut post).unwrap_err()));
    put(&mut post).unwrap();
    assert!(is_refused(put(&mut post).unwrap_err()));
    assert!(is_refused(deposited(&mut post).unwrap_err()));
    stamped(&mut post).unwrap();
    assert!(is_refused(stamped(&mut post).unwrap_err()));
    let under_way = post.store.change(|change| change.delete_letter(number));
    assert!(is_refused(under_way.unwrap_err()));
    deposited(&mut post).unwrap();
    assert!(matches!(deposited(&mut post).unwrap_err(), MailError::Unknown { .. }));
    // Without evidence nothing is left that would show it.
    assert!(post.store.view().sent_evidence(number).unwrap().is_none());
    post.store.change(|change| change.delete_letter(number)).unwrap();
}

#[test]
fn a_letter_is_taken_back_until_it_is_sealed() {
    let mut post = Post::new();
    let (number, departure) = post_letter(&mut post, false);
    let back = post.store.change(|change| change.take_back(number)).unwrap();
    assert_eq!(back, letter(&post));
    assert_eq!(post.store.view().letter(number).unwrap().state, LetterState::TakenBack);
    assert!(matches!(post.store.view().departure(departure), Err(MailError::Unknown { .. })));
    let again = post.store.change(|change| change.take_back(number));
    assert!(matches!(again, Err(MailError::Step(_))));
    let (number, departure) = post_letter(&mut post, false);
    seal_it(&mut post, departure, 1).unwrap();
    let late = post.store.change(|change| change.take_back(number));
    assert!(matches!(late, Err(MailError::Step(_))));
    assert!(post.store.view().departure(departure).is_ok());
}

#[test]
fn what_was_refused_for_its_keys_is_sealed_anew_with_nothing_left_of_the_first() {
    let mut post = Post::new();
    let (number, departure) = post_letter(&mut post, true);
    let first = seal_it(&mut post, departure, 1).unwrap();
    post.store.change(|change| change.begin_anew(departure, at(40))).unwrap();
    let record = post.store.view().letter(number).unwrap();
    assert!(record.deposit.is_none() && record.state == LetterState::Waiting { until: at(40) });
    assert!(post.store.view().sent_evidence(number).unwrap().is_none());
    assert!(post.store.view().sealed_envelope(departure).unwrap().is_none());
    let second = seal_it(&mut post, departure, 2).unwrap();
    assert_ne!(first, second);
    assert_eq!(post.store.view().departure(departure).unwrap().begun, 1);
    let code = "deposit.full";
    post.store.change(|change| change.keep_failed(departure, code, Some("r.e.f"))).unwrap();
    let state = post.store.view().letter(number).unwrap().state;
    assert_eq!(state, LetterState::Failed { code: code.to_owned() });
    assert!(post.store.view().departures().unwrap().is_empty());
}

#[test]
fn a_receipt_leaves_once_for_a_letter_that_came() {
    let mut post = Post::new();
    let came = came(&post.them, &post.me, text_letter(&post.them, 1, "About", "Text"), 1);
    let number = post.take(&came, None, false);
    let receipt =
        || ReadReceipt::of(&came.opened, post.me.address(), id(8), Salt([4; 32]), at(50)).unwrap();
    let first = receipt();
    let second = receipt();
    let (own, to) = (post.own, post.them.address());
    let sent =
        post.store.change(|change| change.send_receipt(number, first, own, to.clone(), at(9_000)));
    let departure = sent.unwrap();
    let mut post = post.reopen();
    assert_eq!(post.store.view().letter(number).unwrap().receipt.due, Some(at(9_000)));
    let again = post
        .store
        .change(|change| change.send_receipt(number, second.clone(), own, to.clone(), at(1)));
    assert!(matches!(again, Err(MailError::Step(_))));
    let found = post.store.view().departure_of(number, Direction::Received).unwrap().unwrap();
    assert_eq!(found.id, departure);
    assert!(post.store.view().departure_of(number, Direction::Sent).unwrap().is_none());
    seal_it(&mut post, departure, 3).unwrap();
    post.store.change(|change| change.keep_put(departure)).unwrap();
    post.store.change(|change| change.keep_stamped(departure, stamp())).unwrap();
    post.store
        .change(|change| change.keep_deposited(departure, &broker_receipt(), 3, at(9_100)))
        .unwrap();
    let record = post.store.view().letter(number).unwrap();
    assert_eq!((record.receipt.sent, record.state), (Some(at(9_100)), LetterState::Unread));
    let late = post.store.change(|change| change.send_receipt(number, second, own, to, at(1)));
    assert!(matches!(late, Err(MailError::Step(_))));
}

#[test]
fn a_read_receipt_that_came_is_kept_once_beside_what_it_is_for() {
    let mut post = Post::new();
    let (number, departure) = post_letter(&mut post, true);
    assert!(post.store.view().sent(number).unwrap().is_none());
    let envelope = seal_it(&mut post, departure, 1).unwrap();
    let sent = post.store.view().sent(number).unwrap().unwrap();
    let opened = open_by(&post.them, &envelope);
    let read = super::fixture::Came {
        deposit: super::fixture::came(&post.me, &post.them, letter(&post), 1).deposit,
        envelope,
        opened,
    };
    let receipt = receipt_for(&read, &post.them, &post.me);
    let Content::Read(word) = receipt.content() else { panic!() };
    word.verify_for(&sent).unwrap();
    let kept = post.store.change(|change| change.keep_read_receipt(number, &receipt)).unwrap();
    let again = post.store.change(|change| change.keep_read_receipt(number, &receipt)).unwrap();
    assert_eq!((kept, again), (true, false));
    let record = post.store.view().letter(number).unwrap();
    assert_eq!(
        (record.receipt.got, record.state),
        (Some(at(500)), LetterState::WasRead { at: at(500) })
    );
    let bytes = post.store.view().read_receipt(number).unwrap().unwrap();
    assert_eq!(Content::parse(&bytes).unwrap().0, *receipt.content());
}

#[test]
fn what_is_asked_of_a_letter_lasts_until_there_is_nothing_more_to_be_heard() {
    let mut post = Post::new();
    let (number, departure) = post_letter(&mut post, false);
    seal_it(&mut post, departure, 1).unwrap();
    post.store.change(|change| change.keep_put(departure)).unwrap();
    post.store.change(|change| change.keep_stamped(departure, stamp())).unwrap();
    let step = post.store.view().departure(departure).unwrap().step;
    let deposit = step.deposit().unwrap();
    let met = |head: &str, size| Met { head: head.to_owned(), size };
    let kept = post.store.change(|change| {
        let letter = change.keep_deposited(departure, &broker_receipt(), 12, at(20))?;
        change.keep_question(letter, deposit, (12, met("first", 13)), at(99))
    });
    let id = kept.unwrap();
    let mut post = post.reopen();
    let asked = post.store.view().questions().unwrap().remove(0).unwrap();
    assert_eq!((asked.id, asked.record.next, asked.record.answered), (id, Some(at(99)), 0));
    let record = asked.record;
    assert_eq!((record.letter, record.room, record.seq), (number, post.them.name, 12));
    assert_eq!((record.head.as_str(), record.size, record.last), ("first", 13, None));
    assert_eq!(record.key.expose(), &[1; 32], "the key that signed the deposit");
    // Nothing is told, then asked in vain, then no more by itself.
    let entry = |verb| VerifiedEntry { verb, seq: 14, time: at(50), receipt: broker_receipt() };
    let changed = post
        .store
        .change(|change| change.keep_told(id, met("second", 20), &[], (at(100), Some(at(300)))));
    assert!(!changed.unwrap());
    post.store.change(|change| change.ask_next(id, None)).unwrap();
    let mut post = post.reopen();
    assert!(post.store.view().questions().unwrap().is_empty());
    let record = post.store.view().question_of(number).unwrap().unwrap().record;
    assert_eq!((record.head.as_str(), record.size, record.answered), ("second", 20, 2));
    assert_eq!((record.last, record.next), (Some(at(100)), None));
    assert!(post.store.view().told(number).unwrap().is_empty());
    assert_eq!(post.store.view().letter(number).unwrap().state, LetterState::Deposited);
    // It was taken: kept with what shows it, and the key is gone.
    let told = [entry(Verb::Taken)];
    let changed =
        post.store.change(|change| change.keep_told(id, met("third", 21), &told, (at(400), None)));
    assert!(changed.unwrap());
    let mut post = post.reopen();
    assert_eq!(post.store.view().letter(number).unwrap().state, LetterState::Taken);
    assert_eq!(post.store.view().told(number).unwrap(), [broker_receipt()]);
    assert!(post.store.view().question_of(number).unwrap().is_none());
    let gone = post.store.change(|change| change.ask_next(id, None));
    assert!(matches!(gone, Err(MailError::Unknown { .. })));
}

#[test]
fn of_a_deniable_letter_nothing_stays_that_shows_others_who_sent_it() {
    for (mode, stays) in [(Mode::Evidence, true), (Mode::Deniable, false)] {
        // By the last question, or by the last one asked in vain.
        for told in [true, false] {
            let mut post = Post::new();
            let new = Letter { mode, ..letter(&post) };
            let (number, departure) = post_it(&mut post, new, true);
            seal_it(&mut post, departure, 1).unwrap();
            assert_eq!(post.store.view().sent_evidence(number).unwrap().is_some(), stays);
            post.store.change(|change| change.keep_put(departure)).unwrap();
            post.store.change(|change| change.keep_stamped(departure, stamp())).unwrap();
            let step = post.store.view().departure(departure).unwrap().step;
            let met = || Met { head: "n".to_owned(), size: 13 };
            let kept = post.store.change(|change| {
                let letter = change.keep_deposited(departure, &broker_receipt(), 12, at(20))?;
                change.keep_question(letter, step.deposit().unwrap(), (12, met()), at(99))
            });
            let id = kept.unwrap();
            let mut post = post.reopen();
            let ask = |post: &mut Post, next| {
                post.store
                    .change(|change| match told {
                        true => change.keep_told(id, met(), &[], (at(100), next)).map(drop),
                        false => change.ask_next(id, next),
                    })
                    .unwrap();
            };
            ask(&mut post, Some(at(200)));
            assert!(post.store.view().question(id).is_ok(), "{mode:?}: it is asked again");
            ask(&mut post, None);
            let post = post.reopen();
            let view = post.store.view();
            assert_eq!(view.question_of(number).unwrap().is_some(), stays, "{mode:?} {told}");
            assert!(view.content(number).unwrap().is_some(), "its sender reads it");
        }
    }
}

#[test]
fn nothing_is_asked_of_a_letter_that_was_read_or_deleted() {
    for read in [true, false] {
        let mut post = Post::new();
        let (number, departure) = post_letter(&mut post, false);
        let envelope = seal_it(&mut post, departure, 1).unwrap();
        post.store.change(|change| change.keep_put(departure)).unwrap();
        post.store.change(|change| change.keep_stamped(departure, stamp())).unwrap();
        let step = post.store.view().departure(departure).unwrap().step;
        let met = Met { head: "n".to_owned(), size: 13 };
        let kept = post.store.change(|change| {
            let letter = change.keep_deposited(departure, &broker_receipt(), 12, at(20))?;
            change.keep_question(letter, step.deposit().unwrap(), (12, met), at(99))
        });
        let id = kept.unwrap();
        if read {
            let opened = open_by(&post.them, &envelope);
            let deposit = came(&post.me, &post.them, letter(&post), 1).deposit;
            let read = super::fixture::Came { deposit, envelope, opened };
            let word = receipt_for(&read, &post.them, &post.me);
            post.store.change(|change| change.keep_read_receipt(number, &word)).unwrap();
        } else {
            post.store.change(|change| change.delete_letter(number)).unwrap();
        }
        assert!(post.store.view().questions().unwrap().is_empty());
        assert!(matches!(post.store.view().question(id), Err(MailError::Unknown { .. })));
    }
}
