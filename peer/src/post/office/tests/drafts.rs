//! Drafts: kept, sent, and made again of letters that do not leave.

use super::*;
use crate::post::store::departures::Item;
use crate::post::store::drafts::Whom;
use crate::post::store::letters::Direction;

fn to(who: &str, text: &str) -> NewLetter {
    NewLetter { to: who.to_owned(), ..saying(text) }
}

fn texts(office: &Office) -> Vec<String> {
    office.drafts().unwrap().iter().map(|draft| draft.text.expose().to_owned()).collect()
}

/// The one letter that is to be sent.
fn departing(bureau: &Bureau, written: &Written) -> pregao_protocol::letter::Letter {
    let store = bureau.office.store();
    let kept = store.view().departure_of(written.number, Direction::Sent).unwrap().unwrap();
    let Item::Letter(letter) = kept.record.item else { panic!("a receipt") };
    letter
}

#[test]
fn a_draft_is_one_for_each_to_whom_and_keeps_what_is_not_said_anew() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    bureau.befriend("ana");
    let file = bureau.file("a.txt", b"a lamp");
    let whole = NewLetter {
        subject: Some("Radio".to_owned()),
        attach: vec![file.clone(), file.clone()],
        mode: Some(Mode::Evidence),
        receipt: true,
        expires: Some("7d".to_owned()),
        ..to("ana", "Is it still")
    };
    office.keep_draft(&whole, at(1)).unwrap().unwrap();
    let draft = office.keep_draft(&to("ana", "Is it still there?"), at(2)).unwrap().unwrap();
    assert_eq!(draft, office.draft("ana").unwrap());
    assert_eq!((draft.to.as_str(), draft.text.expose()), ("ana", "Is it still there?"));
    assert_eq!(draft.subject.as_ref().map(|subject| subject.expose()), Some("Radio"));
    assert_eq!((draft.mode, draft.chosen, draft.receipt), (Mode::Evidence, true, true));
    assert_eq!((draft.expires.as_deref(), draft.changed), (Some("7d"), at(2)));
    // One file is there once, and is found from any folder.
    let [named] = draft.files.as_slice() else { panic!("{:?}", draft.files) };
    assert_eq!((named.path.as_deref(), named.size), (Some(file.as_str()), None));
    // The same again is no change.
    let same = office.keep_draft(&to("ana", "Is it still there?"), at(3)).unwrap().unwrap();
    assert_eq!(same.changed, at(2));
    assert_eq!(office.drafts().unwrap().len(), 1);
    // Its box names the same, and no other.
    let short: String = bureau.them.name.to_string().chars().take(8).collect();
    assert_eq!(office.draft(&format!("#{short}")).unwrap().to, "ana");
    office.drop_draft("ana").unwrap();
    for result in [office.drop_draft("ana"), office.draft("ana").map(drop)] {
        assert_eq!(code(result), "mail.no-draft");
    }
}

#[test]
fn what_no_letter_could_be_is_no_draft_and_neither_is_one_for_nobody_known() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    bureau.befriend("ana");
    let span = |span: &str| NewLetter { expires: Some(span.to_owned()), ..to("ana", "hi") };
    let name = bureau.me.name.to_string();
    for (new, expected) in [
        (to("bea", "hi"), "mail.no-contact"),
        (to("#abcdef", "hi"), "mail.stranger"),
        (to(&format!("#{name}"), "hi"), "mail.stranger"),
        (to("ana", &"x".repeat(65_537)), "mail.content"),
        (span("soon"), "mail.content"),
        (NewLetter { re: Some(9), ..to("ana", "hi") }, "mail.unknown"),
        (NewLetter { attach: vec![String::new()], ..to("ana", "hi") }, "mail.file"),
    ] {
        assert_eq!(code(office.keep_draft(&new, at(1))), expected, "{:?}", new.to);
    }
    let many: Vec<String> = (0..65).map(|n| format!("/{n}")).collect();
    let many = NewLetter { attach: many, ..to("ana", "hi") };
    assert_eq!(code(office.keep_draft(&many, at(1))), "mail.content");
    assert!(office.drafts().unwrap().is_empty());
    let longest = office.keep_draft(&to("ana", &"x".repeat(65_536)), at(1)).unwrap();
    assert!(longest.is_some());
    // What is emptied is dropped; nothing was there before and nothing is then.
    assert_eq!(office.keep_draft(&to("ana", ""), at(2)).unwrap(), None);
    assert_eq!(office.keep_draft(&to("ana", ""), at(3)).unwrap(), None);
    assert!(office.drafts().unwrap().is_empty());
}

#[test]
fn a_draft_is_sent_with_all_that_goes_with_it_and_is_none_then() {
    let bureau = Bureau::open();
    let ana = bureau.befriend("ana");
    let came = bureau.receive(&bureau.them, 1, Some(ana), Authorship::Shown);
    let office = &bureau.office;
    let none = NewLetter { draft: true, ..saying("") };
    assert_eq!(code(bureau.write(&none)), "mail.no-draft");
    let whole = NewLetter {
        subject: Some("Radio".to_owned()),
        attach: vec![bureau.file("a.txt", b"a lamp")],
        mode: Some(Mode::Evidence),
        receipt: true,
        re: Some(number(came)),
        ..to("ana", "Is it")
    };
    office.keep_draft(&whole, at(1)).unwrap();
    // What is sent by itself takes nothing of it.
    let plain = departing(&bureau, &bureau.write(&saying("Hello")).unwrap());
    assert!(plain.subject.is_none() && plain.attachments.is_empty());
    assert_eq!(office.drafts().unwrap().len(), 1);
    // A file that is gone sends nothing, and the draft stays.
    let gone = bureau.folder.path().join("a.txt");
    std::fs::rename(&gone, bureau.folder.path().join("b.txt")).unwrap();
    assert_eq!(code(bureau.write(&none)), "mail.file");
    assert_eq!(texts(office), ["Is it"]);
    std::fs::rename(bureau.folder.path().join("b.txt"), &gone).unwrap();
    let typed = NewLetter { draft: true, ..saying("Is it there?") };
    let written = bureau.write(&typed).unwrap();
    let letter = departing(&bureau, &written);
    assert_eq!(letter.text.as_str(), "Is it there?");
    assert_eq!(letter.subject.as_ref().map(|subject| subject.as_str()), Some("Radio"));
    assert_eq!((letter.mode, letter.wants_receipt), (Mode::Evidence, true));
    assert_eq!((letter.attachments.len(), letter.reply_to.is_some()), (1, true));
    assert!(office.drafts().unwrap().is_empty());
    // Without one a letter goes as it is.
    bureau.write(&typed).unwrap();
}

#[test]
fn a_letter_that_is_taken_back_is_a_draft_with_subject_and_files_and_goes_as_it_was() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    bureau.befriend("ana");
    let path = bureau.file("a.txt", b"a lamp");
    let whole = NewLetter {
        subject: Some("Radio".to_owned()),
        attach: vec![path.clone()],
        expires: Some("7d".to_owned()),
        receipt: true,
        mode: Some(Mode::Evidence),
        ..saying("Is it there?\n/and whole?")
    };
    let first = departing(&bureau, &bureau.write(&whole).unwrap());
    office.recall(1, at(104)).unwrap();
    // The file itself is not needed any more.
    std::fs::remove_file(path).unwrap();
    let draft = office.draft("ana").unwrap();
    assert_eq!(draft.text.expose(), "Is it there?\n/and whole?");
    assert_eq!(draft.subject.as_ref().map(|subject| subject.expose()), Some("Radio"));
    assert_eq!((draft.expires.as_deref(), draft.receipt), (Some("7d"), true));
    assert_eq!((draft.mode, draft.chosen), (Mode::Evidence, true));
    assert_eq!((draft.files[0].size, draft.files[0].name.expose()), (Some(6), "a.txt"));
    let again = bureau.write(&NewLetter { draft: true, ..saying("") }).unwrap();
    let second = departing(&bureau, &again);
    assert_eq!((second.text, second.subject), (first.text, first.subject));
    assert_eq!(second.attachments, first.attachments);
    assert_ne!(second.id, first.id);
    let store = office.store();
    let kept = store.view().departure_of(again.number, Direction::Sent).unwrap().unwrap();
    let blob = store.view().sealed_blob(kept.id, 0).unwrap().unwrap();
    let opened = pregao_protocol::letter::open_file(&second.attachments[0], &blob).unwrap();
    assert_eq!(*opened, b"a lamp");
    assert_eq!(kept.record.expires, Some(at(100).plus(Duration::from_secs(7 * 86_400))));
    assert!(store.view().drafts().unwrap().is_empty());
}

#[test]
fn what_is_taken_back_stands_before_what_was_written_meanwhile() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    bureau.befriend("ana");
    let with_file = |name: &str, text: &str| {
        let attach = vec![bureau.file(name, name.as_bytes())];
        bureau.write(&NewLetter { attach, ..saying(text) }).unwrap().number
    };
    let (one, two) = (with_file("one", "first"), with_file("two", "second"));
    let registered = NewLetter { registered: true, ..saying("third") };
    let three = bureau.write(&registered).unwrap().number;
    office.keep_draft(&to("ana", "newest"), at(101)).unwrap();
    for letter in [three, two, one] {
        office.recall(number(letter), at(102)).unwrap();
        assert_eq!(code(office.recall(number(letter), at(102))), "mail.step");
    }
    let draft = office.draft("ana").unwrap();
    assert_eq!(draft.text.expose(), "first\n\nsecond\n\nthird\n\nnewest");
    assert!(draft.registered);
    let names: Vec<&str> = draft.files.iter().map(|file| file.name.expose()).collect();
    assert_eq!(names, ["two", "one"]);
    let again = bureau.write(&NewLetter { draft: true, ..saying("all") }).unwrap();
    let letter = departing(&bureau, &again);
    let store = office.store();
    let kept = store.view().departure_of(again.number, Direction::Sent).unwrap().unwrap();
    for (at, file) in (0..).zip(&letter.attachments) {
        let blob = store.view().sealed_blob(kept.id, at).unwrap().unwrap();
        let opened = pregao_protocol::letter::open_file(file, &blob).unwrap();
        assert_eq!(opened.as_slice(), file.name.as_str().as_bytes());
    }
}

#[test]
fn what_is_written_while_a_draft_is_sealed_stays_a_draft() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let ana = bureau.befriend("ana");
    office.keep_draft(&to("ana", "sent"), at(1)).unwrap();
    let drafted = office.drafted(&Whom::Contact(ana)).unwrap().unwrap();
    office.keep_draft(&to("ana", "next"), at(2)).unwrap();
    office.store().change(|change| drafted.sent(change)).unwrap();
    assert_eq!(texts(office), ["next"]);
    // What is the same was sent.
    let drafted = office.drafted(&Whom::Contact(ana)).unwrap().unwrap();
    office.store().change(|change| drafted.sent(change)).unwrap();
    assert!(office.drafts().unwrap().is_empty());
}

#[test]
fn a_letter_that_was_refused_for_good_is_a_draft_again() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let attach = vec![bureau.file("a.txt", b"a lamp")];
    let new = NewLetter { subject: Some("Radio".to_owned()), attach, ..saying("Here") };
    let written = bureau.write(&new).unwrap();
    let kept = office.store().view().departure_of(written.number, Direction::Sent);
    let id = kept.unwrap().unwrap().id;
    let fail = |change: &mut crate::post::store::Change<'_>| {
        change.keep_failed(id, "box.closed", None, at(200))
    };
    office.store().change(fail).unwrap();
    assert_eq!(office.letter(written.number).unwrap().standing, LetterStanding::Failed);
    let [draft] = office.drafts().unwrap().try_into().unwrap();
    assert_eq!((draft.text.expose(), draft.files.len(), draft.changed), ("Here", 1, at(200)));
    // They are no contact: the draft is called as their box, which is known by it.
    assert_eq!((draft.who.name.as_ref(), draft.to.as_str()), (None, "#02020202"));
    assert_eq!(office.draft(&draft.to).unwrap(), draft);
    // As soon as they are one it is theirs.
    bureau.befriend("ana");
    assert_eq!(office.draft("ana").unwrap().text.expose(), "Here");
    assert_eq!(office.drafts().unwrap().len(), 1);
}

#[test]
fn a_draft_of_a_contact_is_not_replaced_by_that_for_their_box() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    bureau.receive(&bureau.them, 1, None, Authorship::Unknown);
    office.keep_draft(&to("#02020202", "to a box"), at(1)).unwrap();
    let ana = bureau.befriend("ana");
    assert_eq!(office.draft("ana").unwrap().text.expose(), "to a box");
    let address = bureau.them.address();
    let other = crate::post::store::drafts::DraftRecord {
        text: "another".to_owned(),
        ..crate::post::store::drafts::DraftRecord::new(Whom::Address(address.clone()), at(2))
    };
    office.store().change(|change| change.keep_draft(&other)).unwrap();
    office.store().change(|change| change.give_draft(&address, ana)).unwrap();
    assert_eq!(texts(office), ["to a box", "another"]);
}

#[test]
fn who_is_blocked_oneself_and_a_closed_box_are_said_before_anything_is_put_down() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    bureau.befriend("ana");
    office.block("ana", false, at(1)).unwrap();
    let error = bureau.write(&saying("hi")).unwrap_err();
    assert_eq!(error.code(), "mail.blocked");
    assert!(error.to_string().contains("ana") && error.advice().contains("anyway"), "{error}");
    // Meant all the same, or heard again.
    bureau.write(&NewLetter { anyway: true, ..saying("hi") }).unwrap();
    office.block("ana", true, at(2)).unwrap();
    bureau.write(&saying("hi")).unwrap();
    let own = bureau.me.address();
    assert_eq!(code(office.route(None, own.clone())), "mail.own-box");
    assert_eq!(code(office.add_contact("me", own, at(1))), "mail.own-box");
    office.close_box().unwrap();
    let error = bureau.write(&saying("hi")).unwrap_err();
    assert_eq!(error.code(), "mail.box-shut");
    assert!(error.to_string().contains("no receipt could come back"), "{error}");
    assert_eq!(bureau.listed(), 2);
}
