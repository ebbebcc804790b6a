//! The word that a letter was read.

use super::*;

#[test]
fn only_what_came_was_read_and_is_known_to_be_somebodys_is_acknowledged() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let acknowledge = |letter: LetterNumber| office.acknowledge(number(letter), false, at(200));
    let sent = bureau.write(&saying("hi")).unwrap().number;
    assert_eq!(code(acknowledge(sent)), "mail.not-this");
    assert_eq!(code(office.acknowledge(99, false, at(200))), "mail.unknown");
    let fails = Authorship::Fails { cause: "the signature does not verify".to_owned() };
    for (n, authorship) in [(1, Authorship::Unknown), (2, fails)] {
        let letter = bureau.receive(&bureau.them, n, None, authorship);
        office.read(number(letter), at(150)).unwrap();
        assert_eq!(code(acknowledge(letter)), "mail.not-this");
    }
    let letter = bureau.receive(&bureau.them, 3, None, Authorship::Shown);
    assert_eq!(code(acknowledge(letter)), "mail.not-this");
    office.read(number(letter), at(150)).unwrap();
    let close = |state: BoxState| {
        office
            .store()
            .change(|change| change.edit_box(bureau.own, |own| own.state = state))
            .unwrap()
    };
    close(BoxState::Closing);
    assert_eq!(code(acknowledge(letter)), "mail.not-this");
    close(BoxState::Opened);
    let (_, leaves) = acknowledge(letter).unwrap();
    assert!(at(200).plus(HOUR) <= leaves && leaves < at(200).plus(24 * HOUR), "{leaves}");
    assert_eq!(office.letter(letter).unwrap().standing, LetterStanding::Acknowledged);
    assert_eq!(code(acknowledge(letter)), "mail.step");
    // Taken back, it can be sent later, and then at once.
    office.recall(number(letter), at(1)).unwrap();
    assert_eq!(office.letter(letter).unwrap().standing, LetterStanding::Read);
    assert_eq!(office.acknowledge(number(letter), true, at(300)).unwrap().1, at(300));
}

#[test]
fn receipts_leave_at_any_time_of_one_hour_to_a_day() {
    let bureau = Bureau::open();
    let mut spans = Vec::new();
    for n in 1..60 {
        let letter = bureau.receive(&bureau.them, n, None, Authorship::Shown);
        bureau.office.read(number(letter), at(0)).unwrap();
        let (_, leaves) = bureau.office.acknowledge(number(letter), false, at(0)).unwrap();
        spans.push(leaves.since(at(0)));
    }
    spans.sort();
    assert!(spans.iter().all(|span| HOUR <= *span && *span < 24 * HOUR), "{spans:?}");
    assert!(spans[0] < 4 * HOUR && spans[58] > 20 * HOUR, "{spans:?}");
}

#[test]
fn a_receipt_is_owed_to_contacts_who_always_get_one_and_ask() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let ana = bureau.befriend("ana");
    let received = |n: u64, contact| bureau.receive(&bureau.them, n, contact, Authorship::Shown);
    let letter = received(1, Some(ana));
    let owes = |letter: LetterNumber| office.owes_receipt(number(letter)).unwrap();
    assert!(!owes(letter));
    office.set_receipts("ana", ReceiptAnswer::Never).unwrap();
    assert!(!owes(letter));
    office.set_receipts("ANA", ReceiptAnswer::Always).unwrap();
    assert!(owes(letter));
    let unasked = Letter { wants_receipt: false, ..self::letter(&bureau.them, 2) };
    assert!(!owes(bureau.take(&bureau.them, unasked, 2, Some(ana), Authorship::Shown)));
    assert!(!owes(received(3, None)));
    assert!(!owes(bureau.write(&NewLetter { receipt: true, ..saying("hi") }).unwrap().number));
    office.block("ana", false, at(5)).unwrap();
    assert!(!owes(letter));
    office.block("ana", true, at(6)).unwrap();
    office.read(number(letter), at(7)).unwrap();
    office.acknowledge(number(letter), false, at(8)).unwrap();
    assert!(!owes(letter));
    assert_eq!(code(office.owes_receipt(99)), "mail.unknown");
    assert_eq!(code(office.set_receipts("bea", ReceiptAnswer::Ask)), "mail.no-contact");
}
