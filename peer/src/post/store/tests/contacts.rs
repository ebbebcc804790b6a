//! The address book.

use super::fixture::{Post, at, owner, text_letter};
use super::*;
use crate::post::store::contacts::{ContactName, ContactRecord, Receipts, Verified};
use crate::post::store::letters::Selection;

fn name(text: &str) -> Result<ContactName, MailError> {
    ContactName::try_from(text.to_owned())
}

#[test]
fn a_name_is_drawn_as_it_is_and_reads_as_nothing_else() {
    for good in ["Ana", "Zé da Silva", "7 of 9", "山田", &"x".repeat(40)] {
        assert_eq!(name(good).unwrap().as_str(), good);
    }
    assert_eq!(name("  Ana   Maria ").unwrap().as_str(), "Ana Maria");
    for bad in [
        "",
        " ",
        "7",
        "123",
        "/send",
        "#1",
        "@ana",
        "-x",
        "a\u{202e}b",
        "a\u{7}b",
        "\u{1b}[2J",
        "e\u{301}\u{302}",
        &"x".repeat(41),
    ] {
        assert!(matches!(name(bad), Err(MailError::Name)), "{bad:?}");
    }
}

#[test]
fn two_contacts_have_no_name_that_people_take_for_one() {
    let mut post = Post::new();
    let ana = post.befriend("Ana");
    let again = ContactRecord::new(name("aNA").unwrap(), owner(3).address(), at(0));
    assert!(matches!(
        post.store.change(|change| change.add_contact(&again)),
        Err(MailError::NameTaken)
    ));
    let rui = ContactRecord::new(name("Rui").unwrap(), owner(3).address(), at(0));
    let rui = post.store.change(|change| change.add_contact(&rui)).unwrap();
    let renamed =
        post.store.change(|change| change.edit_contact(rui, |rui| rui.name = name("ANA").unwrap()));
    assert!(matches!(renamed, Err(MailError::NameTaken)));
    // One's own name in another case is no other's.
    post.store
        .change(|change| change.edit_contact(ana, |ana| ana.name = name("ANA").unwrap()))
        .unwrap();
    let view = post.store.view();
    assert_eq!(view.contact_named(" ana ").unwrap().unwrap().id, ana);
    assert_eq!(view.contact_with_box(&owner(3).name).unwrap().unwrap().id, rui);
    assert!(view.contact_named("An").unwrap().is_none());
    assert!(view.contact_with_box(&owner(4).name).unwrap().is_none());
}

#[test]
fn other_keys_are_logged_and_end_that_somebody_is_verified() {
    let mut post = Post::new();
    let ana = post.befriend("Ana");
    let verified = Verified::Compared { at: at(5) };
    post.store
        .change(|change| {
            change.edit_contact(ana, |ana| {
                ana.verified.push(verified.clone());
                ana.receipts = Receipts::Always;
            })
        })
        .unwrap();
    let known = post.them.address();
    let same =
        post.store.change(|change| change.change_address(ana, known.clone(), at(6))).unwrap();
    assert_eq!(same, None);
    // Another box under the same keys.
    let mut moved = known.clone();
    moved.name = owner(5).name;
    let change = post
        .store
        .change(|change| change.change_address(ana, moved.clone(), at(7)))
        .unwrap()
        .unwrap();
    assert_eq!((change.was_verified, &change.before, &change.after), (false, &known, &moved));
    assert_eq!(post.store.view().contact(ana).unwrap().verified, [verified]);
    let other = owner(3).address();
    let change =
        post.store.change(|change| change.change_address(ana, other, at(8))).unwrap().unwrap();
    assert!(change.was_verified);
    let record = post.store.view().contact(ana).unwrap();
    assert_eq!((record.verified.len(), record.changes.len(), record.changes[1].at), (0, 2, at(8)));
    assert_eq!(record.receipts, Receipts::Always);
}

#[test]
fn an_address_does_not_change_unlogged() {
    let mut post = Post::new();
    let ana = post.befriend("Ana");
    let other = owner(3).address();
    let edited = post.store.change(|change| change.edit_contact(ana, |ana| ana.address = other));
    assert!(matches!(edited, Err(MailError::Step(_))));
    assert_eq!(post.store.view().contact(ana).unwrap().address, post.them.address());
}

#[test]
fn letters_of_a_contact_that_is_forgotten_stay() {
    let mut post = Post::new();
    let ana = post.befriend("Ana");
    let letter = text_letter(&post.them, 1, "About", "Text");
    let number = post.receive(letter, 1, Some(ana));
    assert_eq!(post.store.view().unread().unwrap().by_contact, [(Some(ana), 1)]);
    post.store.change(|change| change.forget_contact(ana)).unwrap();
    let view = post.store.view();
    assert!(matches!(view.contact(ana), Err(MailError::Unknown { what: "contact", .. })));
    assert_eq!(view.unread().unwrap().by_contact, [(None, 1)]);
    let page = view.letters(Selection::With(None), None, 9).unwrap();
    assert_eq!(page.letters[0].as_ref().unwrap().id, number);
    let again = post.store.change(|change| change.forget_contact(ana));
    assert!(matches!(again, Err(MailError::Unknown { .. })));
}
