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

mod drafts;
mod people;
mod receipts;
mod registered;
mod writing;

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
        draft: false,
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
    let fail = |change: &mut crate::post::store::Change<'_>| {
        change.keep_failed(kept.id, "box.full", None, at(9))
    };
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
