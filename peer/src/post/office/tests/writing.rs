//! Letters that are put down to be sent.

use super::*;

#[test]
fn a_contact_is_written_to_from_the_box_that_they_were_given() {
    let bureau = Bureau::open();
    let (office, to) = (&bureau.office, bureau.them.address());
    assert_eq!(office.route(None, to.clone()).unwrap().from, bureau.own);
    let ana = bureau.befriend("ana");
    assert_eq!(office.route(Some(ana), to.clone()).unwrap().from, bureau.own);
    let given = draw(office, BoxPurpose::Contact(ana)).unwrap();
    let give = |change: &mut crate::post::store::Change<'_>| {
        change.edit_contact(ana, |contact| contact.given = Some(given))
    };
    office.store().change(give).unwrap();
    assert_eq!(office.route(Some(ana), to.clone()).unwrap().from, given);
    // Others know nothing of that box.
    assert_eq!(office.route(None, to.clone()).unwrap().from, bureau.own);
    office.close_box().unwrap();
    assert_eq!(office.route(Some(ana), to.clone()).unwrap().from, given);
    assert_eq!(code(office.route(None, to.clone())), "mail.box-shut");
    let nobody = Some(ContactId(77));
    assert_eq!(code(office.route(nobody, to)), "mail.unknown");
}

#[test]
fn a_text_that_speaks_of_a_file_goes_with_one_or_anyway() {
    let bureau = Bureau::open();
    for text in ["It is attached.", "see the ATTACHMENT", "enclosed: two", "vai em anexo"] {
        assert_eq!(code(bureau.write(&saying(text))), "mail.no-attachment", "{text}");
        assert_eq!(bureau.listed(), 0, "{text}");
    }
    let anyway = NewLetter { anyway: true, ..saying("It is attached.") };
    bureau.write(&anyway).unwrap();
    let attach = vec![bureau.file("a.txt", b"a lamp")];
    let with_file = NewLetter { attach, ..saying("It is attached.") };
    let written = bureau.write(&with_file).unwrap();
    bureau.write(&saying("I attach no strings")).unwrap();
    assert_eq!(bureau.listed(), 3);
    let view = bureau.office.letter(written.number).unwrap();
    assert_eq!((view.attachments, view.standing), (1, LetterStanding::Waiting));
}

#[test]
fn files_go_sealed_and_open_with_the_key_in_the_letter_alone() {
    let bureau = Bureau::open();
    let attach = vec![bureau.file("a.txt", b"a lamp"), bureau.file("b.pdf", b"")];
    let written = bureau.write(&NewLetter { attach, ..saying("") }).unwrap();
    let store = bureau.office.store();
    let direction = crate::post::store::letters::Direction::Sent;
    let kept = store.view().departure_of(written.number, direction).unwrap().unwrap();
    let crate::post::store::departures::Item::Letter(letter) = &kept.record.item else {
        panic!("a receipt")
    };
    let [one, other] = letter.attachments.as_slice() else { panic!("{letter:?}") };
    assert_eq!((one.name.as_str(), one.size, other.size), ("a.txt", 6, 0));
    assert_eq!(other.media_type.as_str(), "application/pdf");
    assert_ne!(one.key.0, other.key.0);
    let blob = store.view().sealed_blob(kept.id, 0).unwrap().unwrap();
    assert_eq!(pregao_protocol::value::codec::Digest::of(&blob), one.digest);
    assert_eq!(*pregao_protocol::letter::open_file(one, &blob).unwrap(), b"a lamp");
    let swapped = pregao_protocol::letter::Attachment { key: other.key.clone(), ..one.clone() };
    pregao_protocol::letter::open_file(&swapped, &blob).unwrap_err();
}

#[test]
fn what_cannot_be_sent_is_refused_and_not_kept() {
    let bureau = Bureau::open();
    let missing = bureau.folder.path().join("none").display().to_string();
    let folder = bureau.folder.path().display().to_string();
    let large = bureau.folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(MAX_FILE + 1).unwrap();
    let large = large.display().to_string();
    let odd = bureau.file("a\u{202e}b", b"turned");
    assert!(FileName::try_from("a\u{202e}b".to_owned()).is_err());
    let with = |attach: &str| NewLetter { attach: vec![attach.to_owned()], ..saying("here") };
    let subject = |subject: &str| NewLetter { subject: Some(subject.to_owned()), ..saying("hi") };
    let expires = |span: &str| NewLetter { expires: Some(span.to_owned()), ..saying("hi") };
    for (new, expected) in [
        (with(&missing), "mail.file"),
        (with(&folder), "mail.file"),
        (with(&large), "mail.too-large"),
        (with(&odd), "mail.content"),
        (subject(&"s".repeat(1_000)), "mail.content"),
        (subject("two\nlines"), "mail.content"),
        (saying("a\u{1b}[31mb"), "mail.content"),
        (saying(""), "mail.content"),
        (saying(" \n"), "mail.content"),
        (saying(&"long ".repeat(20_000)), "mail.content"),
        (expires("soon"), "mail.content"),
        (expires("366d"), "mail.content"),
        // It leaves ten seconds later.
        (expires("9s"), "mail.content"),
        (expires("10s"), "mail.content"),
        (NewLetter { re: Some(9), ..saying("hi") }, "mail.unknown"),
        (NewLetter { re: Some(u64::MAX), ..saying("hi") }, "mail.unknown"),
    ] {
        let refused = bureau.write(&new).expect_err(&format!("{new:.300?}"));
        assert_eq!(refused.code(), expected, "{new:?}");
        assert_eq!(bureau.listed(), 0, "{new:?}");
    }
    bureau.write(&subject(&"s".repeat(120))).unwrap();
    bureau.write(&expires("365d")).unwrap();
    bureau.write(&expires("11s")).unwrap();
}

#[test]
fn the_mode_is_the_letters_then_the_contacts_then_the_users() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let mode = |new: &NewLetter| bureau.write(new).unwrap().mode;
    assert_eq!(mode(&saying("hi")), Mode::Deniable);
    bureau.befriend("ana");
    assert_eq!(mode(&saying("hi")), Mode::Deniable);
    office.set_mode("ana", Mode::Evidence).unwrap();
    assert_eq!(mode(&saying("hi")), Mode::Evidence);
    let deniable = NewLetter { mode: Some(Mode::Deniable), ..saying("hi") };
    assert_eq!(mode(&deniable), Mode::Deniable);
    assert_eq!(code(office.set_mode("bea", Mode::Evidence)), "mail.no-contact");
    let evidence = |change: &mut crate::post::store::Change<'_>| {
        let settings = change.settings()?;
        change.keep_settings(&crate::post::store::settings::Settings {
            mode: Mode::Evidence,
            ..settings
        })
    };
    office.store().change(evidence).unwrap();
    let to = owner(3).address();
    let route = office.route(None, to).unwrap();
    assert_eq!(office.write(&saying("hi"), route, at(0)).unwrap().mode, Mode::Evidence);
}

#[test]
fn a_letter_is_held_ten_seconds_and_taken_back_until_it_is_sealed() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let written = bureau.write(&saying("hi")).unwrap();
    assert_eq!(written.leaves, at(110));
    // What it says is shown before anything is sealed.
    let shown = office.read(number(written.number), at(1)).unwrap();
    assert_eq!(shown.text.expose(), "hi");
    assert_eq!(office.recall(number(written.number), at(1)).unwrap(), written.number);
    assert_eq!(bureau.state(written.number), LetterState::TakenBack);
    assert_eq!(code(office.recall(number(written.number), at(1))), "mail.step");
    assert_eq!(code(office.recall(99, at(1))), "mail.unknown");
    assert_eq!(code(office.recall(u64::MAX, at(1))), "mail.unknown");
    // There is no receipt to take back.
    let received = bureau.receive(&bureau.them, 1, None, Authorship::Shown);
    assert_eq!(code(office.recall(number(received), at(1))), "mail.step");
}
