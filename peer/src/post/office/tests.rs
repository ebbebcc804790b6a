//! The office over a real store: what it answers, what it puts down, and all that it refuses.

use pregao_protocol::letter::{FileName, MAX_FILE};
use pregao_protocol::room::body::BoxOpening;
use pregao_protocol::trust::pass::Day;
use pregao_protocol::trust::seal::{SealKey, SealPublic};
use pregao_protocol::value::clock::Time;
use std::time::Duration;
use tempfile::TempDir;

use super::*;
use crate::command::{Folder, MailFilter, NewLetter, ReceiptAnswer};
use crate::event::LetterStanding;
use crate::host::system;
use crate::post::postman::Listed as Found;
use crate::post::store::contacts::ContactId;
use crate::post::store::departures::Step;
use crate::post::store::letters::{Authorship, LetterNumber, LetterState, Reading};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord, BoxState};
use crate::post::store::tests::fixture::{Counter, Owner, Post, at, came, owner, text_letter};
use pregao_protocol::letter::{Letter, Mode};
use pregao_protocol::log::RoomName;

mod registered;

const HOUR: Duration = Duration::from_secs(3_600);

/// An office with one open box, and somebody who writes to it.
struct Bureau {
    office: Office,
    own: BoxId,
    me: Owner,
    them: Owner,
    folder: TempDir,
}

impl Bureau {
    fn open() -> Self {
        let Post { place, mut store, me, them, own } = Post::new();
        let open = |it: &mut BoxRecord| {
            it.state = BoxState::Opened;
            it.renewed = Some(Day(0));
        };
        store.change(|change| change.edit_box(own, open)).unwrap();
        let broker = format!("wss://broker.example/#{}", "09".repeat(32)).parse().unwrap();
        let host = Host { random: std::sync::Arc::new(Counter::starting(1_000)), ..system() };
        let office = Office::new(store, broker, host);
        Self { office, own, me, them, folder: place.folder }
    }

    /// Keeps a letter that came from somebody.
    fn receive(
        &self,
        from: &Owner,
        n: u64,
        contact: Option<ContactId>,
        authorship: Authorship,
    ) -> LetterNumber {
        self.take(from, letter(from, n), n, contact, authorship)
    }

    fn take(
        &self,
        from: &Owner,
        letter: Letter,
        n: u64,
        contact: Option<ContactId>,
        authorship: Authorship,
    ) -> LetterNumber {
        let came = came(from, &self.me, letter, n);
        let keep = |change: &mut crate::post::store::Change<'_>| {
            let number =
                change.keep_arrived(self.own, came.deposit.clone(), &came.envelope, at(0))?;
            let reading =
                Reading { opened: &came.opened, contact, authorship, keep_evidence: false };
            change.keep_opened(number, &reading)?;
            Ok::<_, MailError>(number)
        };
        self.office.store().change(keep).unwrap()
    }

    fn befriend(&self, name: &str) -> ContactId {
        self.office.add_contact(name, self.them.address(), at(0)).unwrap()
    }

    fn write(&self, new: &NewLetter) -> Result<Written, OfficeError> {
        let to = self.them.address();
        let route = self.office.route(self.office.whose(&to)?, to)?;
        self.office.write(new, route, at(100))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn listed(&self) -> usize {
        self.office.list(&MailFilter::default()).unwrap().letters.len()
    }

    fn state(&self, number: LetterNumber) -> LetterState {
        self.office.store().view().letter(number).unwrap().state
    }
}

fn letter(from: &Owner, n: u64) -> Letter {
    text_letter(from, u128::from(n), "Radio", "Is the lamp still there?")
}

fn saying(text: &str) -> NewLetter {
    NewLetter {
        to: String::new(),
        text: text.to_owned(),
        subject: None,
        re: None,
        attach: Vec::new(),
        mode: None,
        receipt: false,
        registered: false,
        expires: None,
        now: false,
        anyway: false,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, OfficeError>) -> &'static str {
    result.unwrap_err().code()
}

fn number(letter: LetterNumber) -> u64 {
    letter.0.try_into().unwrap()
}

/// As somebody, with another name that begins alike.
fn alike(of: &Owner, keys: u8) -> Owner {
    let mut other = owner(keys);
    other.name = RoomName(of.name.0);
    other.name.0[31] ^= 1;
    other
}

fn opening(agreement: SealPublic) -> BoxOpening {
    let key = |seed: u8| pregao_protocol::trust::key::SecretKey::from_seed(&[seed; 32]);
    BoxOpening {
        handle: None,
        about: None,
        agreement,
        letters: 10,
        bytes: 100_000,
        freshness: 10,
        broker: pregao_protocol::room::body::BrokerKeys {
            session: pregao_protocol::trust::key::SecretKey::from_seed(&[1; 32]).public(),
            head: pregao_protocol::trust::key::SecretKey::from_seed(&[2; 32]).public(),
            entry: pregao_protocol::trust::key::SecretKey::from_seed(&[3; 32]).public(),
            delivery: SealKey::from_random([4; 32]).public(),
        },
        stamps: vec![key(5).public()],
        simulated: false,
    }
}

fn draw(office: &Office, purpose: BoxPurpose) -> Result<BoxId, OfficeError> {
    let secrets = office.box_secrets()?;
    let agreement = SealPublic(secrets.agreement().public().0);
    office.draw_box(opening(agreement), purpose, secrets)
}

fn first() -> BoxPurpose {
    BoxPurpose::First { handle: Some("ana".to_owned()), about: None }
}

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
    assert_eq!(code(office.route(None, to.clone())), "mail.no-box");
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
        (NewLetter { re: Some(9), ..saying("hi") }, "mail.unknown"),
        (NewLetter { re: Some(u64::MAX), ..saying("hi") }, "mail.unknown"),
    ] {
        let refused = bureau.write(&new).expect_err(&format!("{new:.300?}"));
        assert_eq!(refused.code(), expected, "{new:?}");
        assert_eq!(bureau.listed(), 0, "{new:?}");
    }
    bureau.write(&subject(&"s".repeat(120))).unwrap();
    bureau.write(&expires("365d")).unwrap();
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
    assert_eq!(office.recall(number(written.number)).unwrap(), written.number);
    assert_eq!(bureau.state(written.number), LetterState::TakenBack);
    assert_eq!(code(office.recall(number(written.number))), "mail.step");
    assert_eq!(code(office.recall(99)), "mail.unknown");
    assert_eq!(code(office.recall(u64::MAX)), "mail.unknown");
    // There is no receipt to take back.
    let received = bureau.receive(&bureau.them, 1, None, Authorship::Shown);
    assert_eq!(code(office.recall(number(received))), "mail.step");
}

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
    office.recall(number(letter)).unwrap();
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
    for read_out in ["", "12345", &wrong, &digits[..digits.len() - 1]] {
        assert_eq!(code(office.verify("ana", read_out, at(5))), "mail.differs", "{read_out}");
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
fn lists_show_what_is_asked_for_the_newest_last_and_how_many_more_there_are() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let ana = bureau.befriend("ana");
    for n in 1..=25 {
        let contact = (n % 5 == 0).then_some(ana);
        bureau.receive(&bureau.them, n, contact, Authorship::Shown);
    }
    bureau.write(&saying("An answer")).unwrap();
    let list = |folder, with: Option<&str>, last| {
        let with = with.map(str::to_owned);
        office.list(&MailFilter { folder, with, last, export: None })
    };
    let numbers = |listed: super::views::Listed| -> Vec<u64> {
        listed.letters.into_iter().map(|letter| letter.letter).collect()
    };
    let all = list(None, None, None).unwrap();
    assert_eq!((all.letters.len(), all.left_out > 0, all.unread), (20, true, 25));
    assert_eq!(numbers(all), (7..=26).collect::<Vec<u64>>());
    let received = list(Some(Folder::Received), None, Some(3)).unwrap();
    assert_eq!(numbers(received), [23, 24, 25]);
    assert_eq!(numbers(list(Some(Folder::Sent), None, None).unwrap()), [26]);
    assert_eq!(numbers(list(None, Some("ana"), None).unwrap()), [5, 10, 15, 20, 25, 26]);
    assert_eq!(numbers(list(Some(Folder::Sent), Some("ana"), None).unwrap()), [26]);
    let whole = list(None, None, Some(26)).unwrap();
    assert_eq!((whole.letters.len(), whole.left_out), (26, 0));
    assert_eq!(code(list(None, Some("bea"), None)), "mail.no-contact");
    office.read(3, at(9)).unwrap();
    let unread = office.unread().unwrap();
    assert_eq!((unread.letters.len(), unread.unread), (24, 24));
    assert!(unread.letters.iter().all(|letter| letter.letter != 3));
    let found = office.search("answer").unwrap();
    assert_eq!(numbers(found), [26]);
    assert_eq!(office.search("lamp radio").unwrap().letters.len(), 25);
    assert_eq!(office.search("nowhere").unwrap().letters, []);
}

#[test]
fn a_letter_is_read_once_and_says_what_it_proves() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    let letter = bureau.receive(&bureau.them, 1, None, Authorship::Unknown);
    let read = office.read(number(letter), at(9)).unwrap();
    assert_eq!(read.text.expose(), "Is the lamp still there?");
    assert_eq!(read.letter.standing, LetterStanding::Read);
    for part in ["evidence: you can prove", "nobody you know", "ack does so"] {
        assert!(read.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", read.notes);
    }
    office.read(number(letter), at(20)).unwrap();
    assert_eq!(bureau.state(letter), LetterState::Read { at: at(9) });
    // One's own is not read by reading it.
    let sent = bureau.write(&saying("hi")).unwrap().number;
    office.read(number(sent), at(20)).unwrap();
    assert_eq!(bureau.state(sent), LetterState::Waiting { until: at(110) });
    assert_eq!(code(office.read(99, at(20))), "mail.unknown");
    assert_eq!(code(office.read(u64::MAX, at(20))), "mail.unknown");
}

#[test]
fn the_status_is_that_of_letters_that_were_sent() {
    let bureau = Bureau::open();
    let office = &bureau.office;
    assert!(office.status(None).unwrap().is_empty());
    let received = bureau.receive(&bureau.them, 1, None, Authorship::Shown);
    assert_eq!(code(office.status(Some(number(received)))), "mail.not-this");
    assert_eq!(code(office.status(Some(99))), "mail.unknown");
    let one = bureau.write(&saying("one")).unwrap().number;
    let other = bureau.write(&saying("other")).unwrap().number;
    let all = office.status(None).unwrap();
    let numbers: Vec<u64> = all.iter().map(|status| status.letter.letter).collect();
    assert_eq!(numbers, [number(one), number(other)]);
    let status = office.status(Some(number(one))).unwrap();
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].letter.standing, LetterStanding::Waiting);
    // Nothing is claimed of what did not leave.
    assert!(status[0].known.is_empty(), "{status:?}");
    let direction = crate::post::store::letters::Direction::Sent;
    let kept = office.store().view().departure_of(one, direction).unwrap().unwrap();
    assert_eq!(kept.record.step, Step::Waiting);
    let fail =
        |change: &mut crate::post::store::Change<'_>| change.keep_failed(kept.id, "box.full", None);
    office.store().change(fail).unwrap();
    let status = office.status(Some(number(one))).unwrap();
    assert_eq!(status[0].letter.standing, LetterStanding::Failed);
    assert!(status[0].letter.cause.as_deref().unwrap().contains("box.full"), "{status:?}");
}

#[test]
fn what_cannot_be_read_is_told_and_hides_nothing_else() {
    let post = Post::new();
    let mut bea = owner(3);
    bea.name = RoomName([3; 32]);
    let Post { place, store, me, them, own } = post;
    let broker: BrokerAddress =
        format!("wss://broker.example/#{}", "09".repeat(32)).parse().unwrap();
    let host = Host { random: std::sync::Arc::new(Counter::starting(1_000)), ..system() };
    let office = Office::new(store, broker.clone(), host.clone());
    office.add_contact("ana", them.address(), at(0)).unwrap();
    office.add_contact("bea", bea.address(), at(0)).unwrap();
    assert!(office.damage().unwrap().is_empty());
    drop(office);
    let mut place = place;
    let store = place.open();
    let post = Post { place, store, me, them, own };
    let post = post.tamper(|file| {
        file.execute("UPDATE contact SET sealed = zeroblob(64) WHERE id = 1", []).unwrap();
    });
    let office = Office::new(post.store, broker, host);
    let names: Vec<String> =
        office.contacts().unwrap().into_iter().map(|contact| contact.name).collect();
    assert_eq!(names, ["bea"]);
    let damage = office.damage().unwrap();
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert_eq!((damage[0].table, damage[0].id), ("contact", 1));
}

#[test]
fn each_cause_says_what_to_do() {
    let file = || std::io::Error::from(std::io::ErrorKind::NotFound);
    for error in [
        OfficeError::NoContact("ana".to_owned()),
        OfficeError::Unclear("3f2a".to_owned()),
        OfficeError::NoBox,
        OfficeError::BoxThere,
        OfficeError::Known("ana".to_owned()),
        OfficeError::OtherBroker,
        OfficeError::Differs("ana".to_owned()),
        OfficeError::NotThis("it is not known who wrote it"),
        OfficeError::Content("it is too long".to_owned()),
        OfficeError::Nothing,
        OfficeError::NoAttachment,
        OfficeError::File { path: "a".to_owned(), source: file() },
        OfficeError::TooLarge { path: "a".to_owned(), size: 2, most: 1 },
    ] {
        let report = Report::from(error);
        assert!(report.code.starts_with("mail."), "{report:?}");
        assert!(!report.message.is_empty() && !report.advice.is_empty(), "{report:?}");
    }
    let _: Time = at(0);
}
