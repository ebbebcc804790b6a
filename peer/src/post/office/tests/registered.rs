//! Registered letters: what is shown of one before it is accepted, who may decide, and what its writer is told.

use super::*;
use crate::post::store::departures::Item;
use crate::post::store::letters::{Fate, RegisteredState};
use crate::post::store::tests::fixture::{came_registered, halves};
use pregao_protocol::value::label::REGISTERED_FOR;

const COMES: u64 = 5;

impl Bureau {
    /// Keeps a registered letter that came at [`COMES`].
    fn receive_registered(&self, authorship: Authorship) -> LetterNumber {
        let came = came_registered(&self.them, &self.me, letter(&self.them, COMES), COMES);
        let keep = |change: &mut crate::post::store::Change<'_>| {
            let number =
                change.keep_arrived(self.own, came.deposit.clone(), &came.envelope, at(6))?;
            let opened = &came.opened;
            let reading = Reading { opened, contact: None, authorship, keep_evidence: false };
            change.keep_opened(number, &reading)?;
            Ok::<_, MailError>(number)
        };
        self.office.store().change(keep).unwrap()
    }

    fn fated(&self, number: LetterNumber, fate: &Fate) {
        assert!(
            self.office.store().change(|change| change.keep_fate(number, fate, at(60))).unwrap()
        );
    }

    fn standing(&self, number: LetterNumber) -> LetterStanding {
        self.office.letter(number).unwrap().standing
    }
}

fn registered(text: &str) -> NewLetter {
    NewLetter { registered: true, ..saying(text) }
}

fn handed() -> Fate {
    Fate::Handed(halves(COMES).broker)
}

#[test]
fn a_registered_letter_takes_no_receipt_and_no_expiry_and_has_less_room() {
    let bureau = Bureau::open();
    let receipt = NewLetter { receipt: true, ..registered("hi") };
    let expires = NewLetter { expires: Some("1d".to_owned()), ..registered("hi") };
    for wrong in [receipt, expires] {
        assert_eq!(code(bureau.write(&wrong)), "mail.registered");
    }
    // What fits as it is does not fit sealed once more.
    let long = "a".repeat(60_000);
    assert_eq!(code(bureau.write(&registered(&long))), "mail.content");
    assert_eq!(bureau.listed(), 0);
    bureau.write(&saying(&long)).unwrap();
    // The wish for receipts that is set is none for a letter that has one.
    let settings = bureau.office.store().view().settings().unwrap();
    let wish = crate::post::store::settings::Settings { wants_receipt: true, ..settings };
    bureau.office.store().change(|change| change.keep_settings(&wish)).unwrap();
    for (new, wants) in [(registered("hi"), false), (saying("hi"), true)] {
        let written = bureau.write(&new).unwrap();
        assert_eq!(written.registered, new.registered);
        let store = bureau.office.store();
        let view = store.view();
        let kept = view.departure_of(written.number, crate::post::store::letters::Direction::Sent);
        let kept = kept.unwrap().unwrap().record;
        let Item::Letter(letter) = &kept.item else { panic!("a letter") };
        assert_eq!((letter.wants_receipt, kept.registered), (wants, new.registered));
    }
}

#[test]
fn before_it_is_accepted_size_time_and_both_commands_are_shown_and_nothing_of_the_text() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let letter = bureau.receive_registered(Authorship::Shown);
    for _ in 0..2 {
        let shown = office.read(number(letter), at(50)).unwrap();
        assert_eq!(shown.letter.standing, LetterStanding::ToAccept);
        assert!(shown.text.expose().is_empty() && shown.letter.subject.is_some());
        let view = shown.letter.registered.unwrap();
        let until = at(COMES + REGISTERED_FOR);
        assert_eq!((view.until, view.bytes, view.files), (Some(until), 4_028, 0));
        assert_eq!(view.accepted, None);
        let notes = shown.notes.join("\n");
        for part in [
            "4028 bytes",
            &format!("accept {} does so until {until}", number(letter)),
            &format!("decline {} refuses it", number(letter)),
        ] {
            assert!(notes.contains(part), "{part}: {notes}");
        }
    }
    let unread = office.unread().unwrap();
    assert_eq!((unread.unread, unread.letters.len()), (1, 1));
    assert_eq!(code(office.acknowledge(number(letter), true, at(50))), "mail.not-this");
    office.decide(number(letter), true, at(50)).unwrap();
    assert_eq!(bureau.standing(letter), LetterStanding::Accepting);
    bureau.fated(letter, &handed());
    assert_eq!(bureau.standing(letter), LetterStanding::Unread);
    let shown = office.read(number(letter), at(70)).unwrap();
    assert_eq!(shown.text.expose(), "Is the lamp still there?");
    assert_eq!(shown.letter.registered.unwrap().accepted, Some(at(60)));
    assert!(
        shown.notes.iter().any(|note| note.contains("you accepted it at")),
        "{:?}",
        shown.notes
    );
    // Its writer has a signature already, and asks for none.
    let error = office.acknowledge(number(letter), true, at(80)).unwrap_err();
    assert!(error.to_string().contains("signature for it already"), "{error}");
    assert!(!office.owes_receipt(number(letter)).unwrap());
}

#[test]
fn only_what_waits_and_is_shown_to_be_somebodys_is_signed_for_and_only_in_its_time() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let refused = |letter: LetterNumber, accepts, now| {
        let error = office.decide(number(letter), accepts, now).unwrap_err();
        assert_eq!(error.code(), "mail.not-this");
        error.to_string()
    };
    let plain = bureau.receive(&bureau.them, 1, None, Authorship::Shown);
    let sent = bureau.write(&registered("hi")).unwrap().number;
    for accepts in [true, false] {
        assert!(refused(plain, accepts, at(9)).contains("not registered"));
        assert!(refused(sent, accepts, at(9)).contains("you sent"));
        assert_eq!(code(office.decide(99, accepts, at(9))), "mail.unknown");
    }
    // To the last instant of its time, and not a microsecond longer.
    let letter = bureau.receive_registered(Authorship::Unknown);
    let until = at(COMES + REGISTERED_FOR);
    let last = Time::from_micros(until.as_micros() - 1).unwrap();
    for accepts in [true, false] {
        assert!(office.may_decide(number(letter), accepts, last).is_ok());
        assert!(refused(letter, accepts, until).contains("time is over"));
    }
    let own = |state: BoxState| {
        let edit = |change: &mut crate::post::store::Change<'_>| {
            change.edit_box(bureau.own, |own| own.state = state)
        };
        office.store().change(edit).unwrap();
    };
    own(BoxState::Closing);
    assert!(refused(letter, true, at(9)).contains("is closed"));
    own(BoxState::Opened);
    // What does not verify is not signed for; it can be refused.
    let spoil = |change: &mut crate::post::store::Change<'_>| {
        change.edit_letter(letter, |record| {
            record.authorship = Some(Authorship::Fails { cause: "the signature".to_owned() });
        })
    };
    office.store().change(spoil).unwrap();
    assert!(refused(letter, true, at(9)).contains("not shown who wrote"));
    for (state, part) in [
        (LetterState::Arrived, "not opened yet"),
        (LetterState::Unreadable { cause: "a key is gone".to_owned() }, "cannot be opened"),
    ] {
        let set = |change: &mut crate::post::store::Change<'_>| {
            change.edit_letter(letter, |record| record.state = state.clone())
        };
        office.store().change(set).unwrap();
        assert!(refused(letter, true, at(9)).contains(part));
        assert!(office.may_decide(number(letter), false, at(9)).is_ok());
    }
    for (fate, part) in
        [(handed(), "accepted already"), (Fate::Declined, "declined"), (Fate::Lapsed, "lapsed")]
    {
        let bureau = Bureau::open();
        let letter = bureau.receive_registered(Authorship::Shown);
        bureau.fated(letter, &fate);
        for accepts in [true, false] {
            let error = bureau.office.decide(number(letter), accepts, at(70)).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}

#[test]
fn what_was_declined_or_lapsed_stays_in_the_list_and_says_so() {
    for (fate, standing, part) in [
        (Fate::Declined, LetterStanding::Declined, "you declined it at"),
        (Fate::Lapsed, LetterStanding::Lapsed, "it lapsed at"),
    ] {
        let bureau = Bureau::open();
        let letter = bureau.receive_registered(Authorship::Shown);
        let wish = bureau.office.decide(number(letter), false, at(50)).unwrap();
        assert_eq!((wish, bureau.standing(letter)), (letter, LetterStanding::Declining));
        bureau.fated(letter, &fate);
        let listed = bureau.office.list(&MailFilter::default()).unwrap();
        assert_eq!(listed.letters[0].standing, standing);
        let shown = bureau.office.read(number(letter), at(90)).unwrap();
        assert!(shown.text.expose().is_empty());
        assert!(shown.notes.iter().any(|note| note.contains(part)), "{:?}", shown.notes);
        assert_eq!(bureau.office.unread().unwrap().unread, 0, "once it was looked at");
    }
}

#[test]
fn its_writer_is_told_what_is_known_of_what_the_reader_did() {
    for (fate, standing, part) in [
        (None, LetterStanding::Waiting, "before they can read it"),
        (Some(Fate::Declined), LetterStanding::Declined, "declined it at"),
        (Some(Fate::Lapsed), LetterStanding::Lapsed, "lapsed at"),
        (Some(handed()), LetterStanding::Accepted, "signed for it at"),
    ] {
        let bureau = Bureau::open();
        let sent = bureau.write(&registered("hi")).unwrap().number;
        if let Some(fate) = &fate {
            let deposited =
                came_registered(&bureau.me, &bureau.them, letter(&bureau.me, COMES), COMES);
            let edit = |change: &mut crate::post::store::Change<'_>| {
                change.edit_letter(sent, |record| {
                    record.state = LetterState::Deposited;
                    record.deposit = Some(deposited.deposit.clone());
                })
            };
            bureau.office.store().change(edit).unwrap();
            let status = bureau.office.status(Some(number(sent))).unwrap().pop().unwrap();
            assert_eq!(status.letter.standing, LetterStanding::Deposited);
            assert!(status.known.iter().any(|line| line.contains("can accept it until")));
            bureau.fated(sent, fate);
            assert!(
                !bureau
                    .office
                    .store()
                    .view()
                    .letter(sent)
                    .unwrap()
                    .registered
                    .is_some_and(RegisteredState::is_open)
            );
        }
        let status = bureau.office.status(Some(number(sent))).unwrap().pop().unwrap();
        assert_eq!(status.letter.standing, standing);
        assert!(status.known.iter().any(|line| line.contains(part)), "{:?}", status.known);
        assert!(status.letter.registered.is_some());
    }
}
