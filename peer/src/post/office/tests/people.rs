//! Contacts, boxes, and who is meant.

use super::*;

#[test]
fn a_contact_counts_as_compared_only_by_the_digits_of_both_boxes() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let ana = bureau.befriend("ana");
    assert_eq!(code(office.digits("bea")), "mail.no-contact");
    // As long as they have been given no box there is nothing to compare.
    assert_eq!(code(office.digits("ana")), "mail.not-this");
    let own = bureau.own;
    let give = |change: &mut crate::post::store::Change<'_>| {
        change.edit_contact(ana, |contact| contact.given = Some(own))
    };
    office.store().change(give).unwrap();
    let digits = office.digits("ana").unwrap();
    assert_eq!(digits, crate::post::compared::digits(bureau.me.name, bureau.them.name));
    let first = if digits.starts_with('1') { '2' } else { '1' };
    let wrong = format!("{first}{}", &digits[1..]);
    // A slip raises no alarm.
    for (read_out, expected) in [
        ("", "mail.digits"),
        ("12345", "mail.digits"),
        (&digits[..digits.len() - 1], "mail.digits"),
        (&format!("{digits}1"), "mail.digits"),
        (&digits.replace(&digits[..5], "words"), "mail.digits"),
        (&wrong, "mail.differs"),
    ] {
        assert_eq!(code(office.verify("ana", read_out, at(5))), expected, "{read_out}");
        assert!(!office.contacts().unwrap()[0].verified, "{read_out}");
    }
    office.verify("Ana", &digits.replace(' ', ""), at(5)).unwrap();
    assert!(office.contacts().unwrap()[0].verified);
    let letter = bureau.write(&saying("hi")).unwrap().number;
    assert!(office.letter(letter).unwrap().who.verified);
}

#[test]
fn who_is_blocked_is_marked_until_they_are_not() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    bureau.befriend("ana");
    let blocked = || office.contacts().unwrap()[0].blocked;
    assert!(!blocked());
    office.block("ana", false, at(5)).unwrap();
    assert!(blocked());
    office.block("ana", true, at(5)).unwrap();
    assert!(!blocked());
    assert_eq!(code(office.block("bea", false, at(5))), "mail.no-contact");
}

#[test]
fn somebody_is_meant_by_name_address_or_the_beginning_of_a_box() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let (third, fourth) = (owner(3), owner(4));
    let ana = bureau.befriend("Ana Maria");
    assert_eq!(office.resolve("ana  maria").unwrap(), Resolved::Contact(ana));
    assert_eq!(office.resolve("0202").unwrap(), Resolved::Contact(ana));
    assert_eq!(office.resolve("#02020202").unwrap(), Resolved::Contact(ana));
    // Known from a letter; as long as it is shown whose that is.
    bureau.receive(&third, 1, None, Authorship::Shown);
    assert_eq!(office.resolve("0303").unwrap(), Resolved::Box(third.address()));
    let fails = Authorship::Fails { cause: "no".to_owned() };
    bureau.receive(&fourth, 2, None, fails);
    assert_eq!(office.resolve("0404").unwrap(), Resolved::Beginning("0404".to_owned()));
    assert_eq!(office.resolve("ABcd").unwrap(), Resolved::Beginning("abcd".to_owned()));
    let name = "ab".repeat(32);
    assert_eq!(office.resolve(&name).unwrap(), Resolved::Beginning(name.clone()));
    let typed = format!("pregao-box:{name}@wss://broker.example/#{}", "09".repeat(32));
    assert_eq!(office.resolve(&typed).unwrap(), Resolved::Address(typed.parse().unwrap()));
    let long = format!("{name}a");
    for nobody in ["030", "#030", "", "bea", "abcg", &long, "pregao-box:ab"] {
        assert_eq!(code(office.resolve(nobody)), "mail.no-contact", "{nobody}");
    }
    // Two whose names begin alike.
    let other = alike(&third, 5);
    bureau.receive(&other, 3, None, Authorship::Unknown);
    assert_eq!(code(office.resolve("0303")), "mail.unclear");
    assert_eq!(office.resolve(&other.name.to_string()).unwrap(), Resolved::Box(other.address()));
}

#[test]
fn a_new_contact_gets_the_letters_of_their_keys_and_no_others() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let theirs = bureau.receive(&bureau.them, 1, None, Authorship::Unknown);
    // It claims their name, with keys of its own.
    let mut liar = owner(6);
    liar.name = bureau.them.name;
    let claimed = bureau.receive(&liar, 2, None, Authorship::Unknown);
    let fails = Authorship::Fails { cause: "no".to_owned() };
    let false_one = bureau.receive(&bureau.them, 3, None, fails);
    let others = bureau.receive(&owner(3), 4, None, Authorship::Shown);
    let ana = bureau.befriend("ana");
    let of = |letter| office.store().view().letter(letter).unwrap();
    assert_eq!(of(theirs).contact, Some(ana));
    assert_eq!(of(theirs).authorship, Some(Authorship::Shown));
    for letter in [claimed, false_one, others] {
        assert_eq!(of(letter).contact, None);
    }
    assert_eq!(office.contacts().unwrap()[0].unread, 1);
    assert_eq!(code(office.add_contact("bea", bureau.them.address(), at(0))), "mail.known");
    assert_eq!(code(office.add_contact("ANA", owner(7).address(), at(0))), "mail.name-taken");
    assert_eq!(code(office.require_free("Ana")), "mail.name-taken");
    for name in ["", "7", "/ana", "#ana", "a\u{202e}b"] {
        assert_eq!(
            code(office.add_contact(name, owner(7).address(), at(0))),
            "mail.name",
            "{name}"
        );
        assert_eq!(code(office.require_free(name)), "mail.name", "{name}");
    }
    assert_eq!(code(office.rename("bea", "carla")), "mail.no-contact");
    assert_eq!(code(office.rename("ana", "7")), "mail.name");
    office.rename("ana", "carla").unwrap();
    assert_eq!(office.contacts().unwrap()[0].name, "carla");
}

#[test]
fn people_are_found_by_any_part_and_marked_if_they_are_known() {
    let bureau = Bureau::open();
    bureau.befriend("Bela");
    let found = |owner: &Owner, handle: &str, about: Option<&str>| Found {
        name: owner.name,
        handle: handle.to_owned(),
        about: about.map(str::to_owned),
        address: owner.address(),
    };
    let all = [
        found(&bureau.me, "me", None),
        found(&bureau.them, "radiofan", Some("old Radios")),
        found(&owner(3), "lamps", Some("and radios")),
    ];
    let handles = |text: Option<&str>| -> Vec<String> {
        let people = bureau.office.people(&all, text).unwrap();
        people.into_iter().map(|person| person.handle).collect()
    };
    assert_eq!(handles(None), ["me", "radiofan", "lamps"]);
    assert_eq!(handles(Some("RADIOS")), ["radiofan", "lamps"]);
    assert_eq!(handles(Some("bela")), ["radiofan"]);
    assert_eq!(handles(Some("0303")), ["lamps"]);
    // The beginning alone, as it is typed elsewhere.
    assert_eq!(handles(Some("303")), [""; 0]);
    assert_eq!(handles(Some("nobody")), [""; 0]);
    let people = bureau.office.people(&all, None).unwrap();
    assert_eq!(people.iter().map(|person| person.own).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(people[1].contact.as_deref(), Some("Bela"));
    assert_eq!((people[2].contact.as_deref(), &*people[2].short), (None, "03030303"));
}

#[test]
fn there_is_one_box_for_first_letters_at_a_time() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    assert_eq!(code(draw(office, first())), "mail.box-there");
    let ana = bureau.befriend("ana");
    draw(office, BoxPurpose::Contact(ana)).unwrap();
    draw(office, BoxPurpose::Spare).unwrap();
    let shown = office.boxes().unwrap();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!((&*shown[0].standing, shown[0].address.is_some()), ("open", true));
    assert_eq!((shown[1].contact.as_deref(), shown[1].address.as_deref()), (Some("ana"), None));
    // Until its keys are out nobody can write to it.
    let without = |it: &mut BoxRecord| it.renewed = None;
    office.store().change(|change| change.edit_box(bureau.own, without)).unwrap();
    let shown = office.boxes().unwrap();
    assert!(shown[0].standing.contains("keys are not out") && shown[0].address.is_none());
    let address = office.address().unwrap();
    assert_eq!((address.name, &address.broker), (bureau.me.name, office.broker()));
    assert_eq!(office.close_box().unwrap(), bureau.own);
    assert_eq!(code(office.close_box()), "mail.no-box");
    assert_eq!(code(office.address()), "mail.no-box");
    assert!(!office.is_box_open().unwrap());
    draw(office, first()).unwrap();
    assert_eq!(code(draw(office, first())), "mail.box-there");
    // Drawn, it has an address, and is not open.
    assert!(!office.is_box_open().unwrap());
    assert_ne!(office.address().unwrap().name, bureau.me.name);
    let shown = office.boxes().unwrap();
    assert_eq!(shown.iter().filter(|own| own.address.is_some()).count(), 0, "{shown:?}");
}

#[test]
fn the_address_of_a_box_names_its_own_broker_whichever_the_program_was_told() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let edit = |edit: &dyn Fn(&mut BoxRecord)| {
        office.store().change(|change| change.edit_box(bureau.own, |own| edit(own))).unwrap();
    };
    let its = pregao_protocol::trust::key::Fingerprint([77; 32]);
    assert_ne!(office.broker().fingerprint, its);
    // Its address can be read, or, as of an older copy, can not.
    for broker in [format!("ws://there.example:1/#{its}"), "ws://there.example:1/#0".to_owned()] {
        edit(&|own| {
            own.fingerprint = its;
            own.broker = broker.clone().try_into().unwrap();
        });
        assert_eq!(office.address().unwrap().broker.fingerprint, its, "{broker}");
        let shown = office.boxes().unwrap().remove(0).address.unwrap();
        assert!(shown.ends_with(&its.to_string()), "{shown}");
    }
    let told = office.broker().clone();
    edit(&|own| own.fingerprint = told.fingerprint);
    assert_eq!(office.address().unwrap().broker, told);
}
