use std::sync::Arc;

use pregao_protocol::audit::verdict::{Standing, verdict};
use pregao_protocol::letter::{
    Author, Class, Letter, Opened, Place as At, Reading as Keys, Sealed, Seeds, open, seal,
};
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::action::Action;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{BoxKey, Fingerprint, SecretKey};
use pregao_protocol::trust::prekey::{PrekeyPublic, PrekeySecret};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::handed::KeysShown;
use tempfile::TempDir;

use super::*;
use crate::post::store::departures::{DepartureId, NewLetter, SealedDeposit, SealedItem};
use crate::post::store::letters::{Authorship, Reading};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord, BoxState, Position};
use crate::post::store::{MailError, MailStore};
use crate::vault::{Contents, Passphrase, Secret, TrustedTsa, Vault, WorkFactor};

/// A letter as its sender, its reader (with a read receipt) and one who keeps its words back show it, and a deniable one:
/// made by the protocol's own tests, with keys from fixed seeds.
fn vectors() -> [ShownLetter; 4] {
    let file = include_str!("../../../../../protocol/vectors/letters-shown.jsonl");
    let shown: Vec<_> = file.lines().map(|line| ShownLetter::parse(line).unwrap()).collect();
    shown.try_into().unwrap()
}

fn at(second: u64) -> Time {
    Time::from_micros(1_800_000_000_000_000 + second * 1_000_000).unwrap()
}

/// The secrets of the sender's box, 1, or of the reader's, 2.
struct Owner {
    key: SecretKey<BoxKey>,
    agreement: AgreementSecret,
    signed: PrekeySecret,
    once: PrekeySecret,
}

fn owner(number: u8) -> Owner {
    Owner {
        key: SecretKey::from_seed(&[number; 32]),
        agreement: AgreementSecret::from_random([number ^ 0x20; 32]),
        signed: PrekeySecret::from_random([number ^ 0x40; 32]),
        once: PrekeySecret::from_random([number ^ 0x80; 32]),
    }
}

impl Owner {
    fn open(&self, opening: &str, envelope: &[u8], with_once: bool) -> Opened {
        let name = Action::parse(opening).unwrap().room();
        let once = with_once.then_some(&self.once);
        open(&Keys { name, signed: &self.signed, once, class: Class::Small }, envelope).unwrap()
    }
}

fn by_reader(way: &Way) -> &ByReader {
    let Way::Reader(by) = way else { panic!("{way:?}") };
    by
}

fn by_sender(way: &Way) -> &BySender {
    let Way::Sender(by) = way else { panic!("{way:?}") };
    by
}

fn letter_of(content: &str) -> Letter {
    let (Content::Letter(letter), _) = Content::parse(content.as_bytes()).unwrap() else {
        panic!()
    };
    letter
}

/// An office with the box that was opened so.
pub(crate) struct Place {
    pub(crate) office: Office,
    own: BoxId,
    _folder: TempDir,
    _vault: Vault,
}

impl Place {
    fn new(opening: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tsa = TrustedTsa {
            url: "http://127.0.0.1:1".to_owned(),
            authority: Fingerprint([7; 32]),
            keys: serde_json::json!({"keys": []}),
            pinned: true,
            proxy: None,
        };
        let contents = Contents::new(Secret::new([0xa5; 32]), tsa, Vec::new());
        let passphrase = Passphrase::new("open sesame".to_owned());
        let work = WorkFactor::Fixed(2);
        let mut vault = Vault::create(folder.path(), &passphrase, work, contents).unwrap();
        let host = crate::host::system();
        let mut store = MailStore::open(&mut vault, Arc::clone(&host.random)).unwrap();
        let record = BoxRecord {
            name: Action::parse(opening).unwrap().room(),
            broker: String::from("wss://broker.example/#00").try_into().unwrap(),
            fingerprint: Fingerprint([9; 32]),
            secrets: None,
            opening: opening.to_owned(),
            stamp: None,
            receipt: None,
            state: BoxState::Opened,
            purpose: BoxPurpose::First { handle: None, about: None },
            position: Position::default(),
            renewed: None,
        };
        let own = store.change(|change| change.keep_box(&record)).unwrap();
        let broker = format!("wss://broker.example/#{}", Fingerprint([9; 32])).parse().unwrap();
        let office = Office::new(store, broker, host);
        Self { office, own, _folder: folder, _vault: vault }
    }

    fn show(&self, number: LetterNumber, how: ShowAs) -> Result<Showing, OfficeError> {
        self.office.show(number.0.try_into().unwrap(), how)
    }

    fn refused(&self, number: LetterNumber) -> String {
        [ShowAs::Whole, ShowAs::Hash]
            .map(|how| self.show(number, how).unwrap_err().to_string())
            .join("")
    }
}

/// The sender of the vectors, step by step.
struct Sender {
    place: Place,
    by: BySender,
    deposit: Receipt,
    sealed: Sealed,
    seeds: Seeds,
    number: LetterNumber,
    departure: DepartureId,
}

impl Sender {
    /// The letter waits.
    fn new(keep_evidence: bool) -> Self {
        let [shown, ..] = vectors();
        let by = by_sender(&shown.shown).clone();
        let letter = letter_of(&by.content);
        let (me, them) = (owner(1), owner(2));
        let (signed, once) = (them.signed.public(), them.once.public());
        let name = Action::parse(&shown.deposit.opening).unwrap().room();
        let place = At { name, signed: &signed, once: Some(&once), class: Class::Small };
        let to = pregao_protocol::letter::Addressee { place, agreement: them.agreement.public() };
        let author = Author { key: &me.key, agreement: &me.agreement };
        let sealed = seal(&Content::Letter(letter.clone()), &to, &author, &by.seeds).unwrap();
        let place = Place::new(&shown.sender);
        let mut address = letter.from.clone();
        address.name = name;
        let new = NewLetter {
            letter,
            from: place.own,
            contact: None,
            to: address,
            leaves: at(10),
            expires: None,
            keep_evidence,
            registered: false,
        };
        let (number, departure) =
            place.office.store().change(|change| change.send_letter(new, at(0))).unwrap();
        let (deposit, seeds) = (shown.deposit, by.seeds.clone());
        Self { place, by, deposit, sealed, seeds, number, departure }
    }

    fn seal(&self, with_keys: bool) {
        let them = owner(2);
        let (signed, once) = (them.signed.public(), them.once.public());
        let place = At {
            name: self.sealed.sent.reader,
            signed: &signed,
            once: Some(&once),
            class: Class::Small,
        };
        let deposit = SealedDeposit {
            envelope: self.sealed.sent.deposit,
            class: Class::Small,
            signed: signed.digest(),
            once: None,
            content: self.sealed.sent.content,
            sender: self.sealed.sent.sender,
            reader: self.sealed.sent.reader,
            key: Secret::new([1; 32]),
            action: "a.b.c".to_owned(),
            pass: None,
            expires: None,
        };
        let (sealed, seeds) = (&self.sealed, &self.seeds);
        let item = SealedItem { sealed, place, seeds, deposit, blobs: &[], registered: None };
        let path = self.by.once.as_ref().unwrap().path.clone();
        let keys = KeysShown { keys: self.by.keys.clone(), path };
        let kept = self.place.office.store().change(|change| {
            change.keep_sealed(self.departure, item)?;
            if with_keys {
                change.keep_keys_shown(self.departure, &keys)?;
            }
            Ok::<_, MailError>(())
        });
        kept.unwrap();
    }

    fn deposit(&self, receipt: &Receipt) {
        let stamp = FullStamp { batch: "b".to_owned(), index: 0, path: vec![Digest([1; 32])] };
        let kept = self.place.office.store().change(|change| {
            change.keep_put(self.departure)?;
            change.keep_stamped(self.departure, stamp)?;
            change.keep_deposited(self.departure, receipt, 2, at(20)).map(drop)
        });
        kept.unwrap();
    }

    fn deposited() -> Self {
        let sender = Self::new(true);
        sender.seal(true);
        sender.deposit(&sender.deposit);
        sender
    }

    /// The read receipt of the vectors comes.
    fn acknowledged(&self, deposit: &Receipt) {
        let [_, shown, ..] = vectors();
        let read = shown.read.unwrap();
        let envelope = &by_reader(&read.shown).envelope;
        let opened = owner(1).open(&shown.sender, envelope, false);
        let kept = self.place.office.store().change(|change| {
            assert!(change.keep_read_receipt(self.number, &opened)?);
            change.keep_read_deposit(self.number, envelope, deposit)
        });
        kept.unwrap();
    }
}

/// The reader of the vectors, with the letter of this line: its envelope is here.
fn arrived(line: usize) -> (Place, LetterNumber, ShownLetter) {
    let shown = vectors().into_iter().nth(line).unwrap();
    let place = Place::new(&shown.deposit.opening);
    let by = by_reader(&shown.shown);
    let deposit = DepositRecord {
        envelope: Digest::of(&by.envelope),
        class: Class::Small,
        signed: owner(2).signed.public().digest(),
        once: None,
        seq: Some(2),
        stamped: Some(at(2)),
        expires: None,
        registered: None,
    };
    let (own, envelope) = (place.own, by.envelope.clone());
    let number = place
        .office
        .store()
        .change(|change| change.keep_arrived(own, deposit, &envelope, at(3)))
        .unwrap();
    (place, number, shown)
}

fn opened(place: &Place, number: LetterNumber, shown: &ShownLetter, keep_evidence: bool) {
    let envelope = &by_reader(&shown.shown).envelope;
    let once = envelope[0] == 1;
    let opened = owner(2).open(&shown.deposit.opening, envelope, once);
    let authorship = Authorship::Shown;
    let reading = Reading { opened: &opened, contact: None, authorship, keep_evidence };
    place.office.store().change(|change| change.keep_opened(number, &reading)).unwrap();
}

fn read(place: &Place, number: LetterNumber) {
    place.office.store().change(|change| change.keep_read(number, at(9))).unwrap();
}

fn origin(place: &Place, number: LetterNumber, sender: &str, deposit: &Receipt) {
    let kept = place.office.store().change(|change| change.keep_origin(number, sender, deposit));
    kept.unwrap();
}

/// Judged by the code of `pregao verify`.
fn is_valid(shown: &ShownLetter) -> bool {
    verdict(shown.encode().as_bytes()).verdict == Standing::Valid
}

/// An office with a sent letter that can be shown, and its number. Its read receipt, if there is one, does not hold.
pub(crate) fn sent(with_read_receipt: bool) -> (Place, u64) {
    let sender = Sender::deposited();
    if with_read_receipt {
        sender.acknowledged(&sender.deposit);
    }
    (sender.place, sender.number.0.try_into().unwrap())
}

/// An office with a letter that came and is deniable, and its number.
pub(crate) fn deniable() -> (Place, u64) {
    let (place, number, shown) = arrived(3);
    opened(&place, number, &shown, true);
    origin(&place, number, &shown.sender, &shown.deposit);
    read(&place, number);
    (place, number.0.try_into().unwrap())
}

#[test]
fn a_sent_letter_is_shown_as_the_protocol_shows_it() {
    let sender = Sender::deposited();
    let [whole, with_read, hash, _] = vectors();
    let shown = sender.place.show(sender.number, ShowAs::Whole).unwrap();
    assert_eq!(shown.letter.encode(), whole.encode());
    assert!(is_valid(&shown.letter) && shown.left_out.is_none());
    // Its envelope is made once more.
    let shown = sender.place.show(sender.number, ShowAs::Hash).unwrap();
    assert_eq!(shown.letter.encode(), hash.encode());
    assert!(is_valid(&shown.letter));
    // With the word of its reader.
    sender.acknowledged(&with_read.read.as_ref().unwrap().deposit);
    let shown = sender.place.show(sender.number, ShowAs::Whole).unwrap();
    let read = |shown: &ShownLetter| {
        serde_json::to_string(&shown.read.as_ref().map(|read| &read.shown)).unwrap()
    };
    assert_eq!(read(&shown.letter), read(&with_read));
    assert!(is_valid(&shown.letter) && shown.left_out.is_none());
}

#[test]
fn a_received_letter_is_shown_as_the_protocol_shows_it() {
    let (place, number, expected) = arrived(1);
    opened(&place, number, &expected, true);
    origin(&place, number, &expected.sender, &expected.deposit);
    read(&place, number);
    let shown = place.show(number, ShowAs::Whole).unwrap();
    assert_eq!(shown.letter.encode(), ShownLetter { read: None, ..expected }.encode());
    assert!(is_valid(&shown.letter));
    let shown = place.show(number, ShowAs::Hash).unwrap();
    let [.., hash, _] = vectors();
    assert_eq!(shown.letter.encode(), hash.encode());
    let text = letter_of(&by_reader(&vectors()[1].shown).content).text;
    assert!(!shown.letter.encode().contains(text.as_str()));
}

#[test]
fn a_deniable_letter_is_refused_in_clear_words() {
    let (place, number) = deniable();
    let number = LetterNumber(number.try_into().unwrap());
    assert!(place.refused(number).contains("deniable: its reader could have made it"));
}

#[test]
fn what_was_not_opened_or_not_read_is_not_shown() {
    let (place, number, shown) = arrived(1);
    assert!(place.refused(number).contains("could not be opened"));
    let unreadable = |change: &mut crate::post::store::Change<'_>| {
        change.keep_unreadable(number, "its key is gone")
    };
    place.office.store().change(unreadable).unwrap();
    assert!(place.refused(number).contains("could not be opened"));
    opened(&place, number, &shown, true);
    assert!(place.refused(number).contains("read the letter first"));
    for number in [0, 99, u64::MAX] {
        assert!(matches!(place.office.show(number, ShowAs::Whole), Err(OfficeError::Mail(_))));
    }
}

#[test]
fn what_was_not_deposited_is_not_shown() {
    let sender = Sender::new(true);
    assert!(sender.place.refused(sender.number).contains("not deposited yet"));
    sender.seal(true);
    assert!(sender.place.refused(sender.number).contains("not deposited yet"));
    let failed = |change: &mut crate::post::store::Change<'_>| {
        change.keep_failed(sender.departure, "box.full", None, at(9))
    };
    sender.place.office.store().change(failed).unwrap();
    assert!(sender.place.refused(sender.number).contains("never sent"));
    let sender = Sender::new(true);
    sender.place.office.recall(sender.number.0.try_into().unwrap(), at(9)).unwrap();
    assert!(sender.place.refused(sender.number).contains("never sent"));
}

#[test]
fn what_was_not_kept_is_said() {
    let not_kept = "was not kept";
    // No evidence at all, no keys, evidence that was destroyed since.
    let sender = Sender::new(false);
    sender.seal(true);
    sender.deposit(&sender.deposit);
    assert!(sender.place.refused(sender.number).contains(not_kept));
    assert_eq!(sender.place.office.store().view().keys_shown(sender.number).unwrap(), None);
    let sender = Sender::new(true);
    sender.seal(false);
    sender.deposit(&sender.deposit);
    let whole = sender.place.show(sender.number, ShowAs::Whole).unwrap_err();
    assert!(whole.to_string().contains(not_kept));
    // Without words it needs none of them.
    assert!(sender.place.show(sender.number, ShowAs::Hash).is_ok());
    let sender = Sender::deposited();
    let forget =
        |change: &mut crate::post::store::Change<'_>| change.forget_evidence(sender.number);
    sender.place.office.store().change(forget).unwrap();
    assert!(sender.place.refused(sender.number).contains(not_kept));
    // Of a received one the envelope, or where it comes from.
    for (keep_evidence, with_origin) in [(false, true), (true, false)] {
        let (place, number, shown) = arrived(1);
        opened(&place, number, &shown, keep_evidence);
        if with_origin {
            origin(&place, number, &shown.sender, &shown.deposit);
        }
        read(&place, number);
        assert!(place.refused(number).contains(not_kept), "{keep_evidence} {with_origin}");
    }
}

#[test]
fn what_is_kept_and_does_not_hold_is_not_written() {
    let [sent, with_read, ..] = vectors();
    // The receipt of something else, one that does not hold, and one that makes no file.
    let read = with_read.read.as_ref().unwrap().deposit.clone();
    let mut cut = sent.deposit.clone();
    cut.path.clear();
    let mut long = sent.deposit.clone();
    long.head = "h".repeat(70_000);
    for (receipt, part) in [
        (read, "cannot be shown"),
        (cut, "the receipt of the deposit does not hold"),
        (long, "makes no file"),
    ] {
        let sender = Sender::new(true);
        sender.seal(true);
        sender.deposit(&receipt);
        assert!(sender.place.refused(sender.number).contains(part), "{part}");
        let (place, number, shown) = arrived(1);
        opened(&place, number, &shown, true);
        origin(&place, number, &shown.sender, &receipt);
        read_and(&place, number, part);
    }
    // Another's box as the sender's.
    let (place, number, shown) = arrived(1);
    opened(&place, number, &shown, true);
    origin(&place, number, &shown.deposit.opening, &shown.deposit);
    read_and(&place, number, "from another box");
    origin(&place, number, "a.b.c", &shown.deposit);
    read_and(&place, number, "the opening of the sender's box does not hold");
    // What is another's cannot be kept for what was sent, or the other way round.
    let sender = Sender::deposited();
    let mut store = sender.place.office.store();
    let kept = store.change(|change| change.keep_origin(sender.number, "a.b.c", &sent.deposit));
    assert!(matches!(kept, Err(MailError::Step(_))));
    let kept = store.change(|change| change.keep_read_deposit(sender.number, b"e", &sent.deposit));
    assert!(matches!(kept, Err(MailError::Step(_))));
}

fn read_and(place: &Place, number: LetterNumber, part: &str) {
    read(place, number);
    assert!(place.refused(number).contains(part), "{part}: {}", place.refused(number));
}

#[test]
fn a_read_receipt_that_does_not_hold_is_left_out_and_said() {
    let sender = Sender::deposited();
    sender.acknowledged(&sender.deposit);
    for how in [ShowAs::Whole, ShowAs::Hash] {
        let shown = sender.place.show(sender.number, how).unwrap();
        assert!(shown.letter.read.is_none() && shown.left_out.is_some());
        assert!(is_valid(&shown.letter));
    }
}

#[test]
fn a_letter_that_is_sealed_anew_shows_its_new_keys_alone() {
    let sender = Sender::new(true);
    sender.seal(true);
    let anew =
        |change: &mut crate::post::store::Change<'_>| change.begin_anew(sender.departure, at(30));
    sender.place.office.store().change(anew).unwrap();
    assert_eq!(sender.place.office.store().view().keys_shown(sender.number).unwrap(), None);
    let once: Option<PrekeyPublic> = sender
        .place
        .office
        .store()
        .view()
        .sent_evidence(sender.number)
        .unwrap()
        .and_then(|sent| sent.once);
    assert!(once.is_none());
}

#[test]
fn what_became_of_a_letter_is_left_out_and_said_if_it_does_not_hold() {
    use pregao_protocol::audit::letter::Timeline;
    let (place, number, shown) = arrived(1);
    opened(&place, number, &shown, true);
    origin(&place, number, &shown.sender, &shown.deposit);
    let numbered = u64::try_from(number.0).unwrap();
    assert_eq!(place.office.is_received(numbered).unwrap(), None, "it is not read yet");
    read(&place, number);
    assert_eq!(place.office.is_received(numbered).unwrap(), Some(number));
    let before = place.show(number, ShowAs::Whole).unwrap();
    assert!(before.letter.timeline.is_none() && before.untold.is_none());
    // No entry: that shows nothing.
    let (head, path) = (shown.deposit.head.clone(), shown.deposit.path.clone());
    let nothing = Timeline { head, path, entries: Vec::new() };
    let keep = |timeline: &Timeline| {
        place
            .office
            .store()
            .change(|change| change.keep_traced(number, &shown.deposit, Some(timeline)))
    };
    keep(&nothing).unwrap();
    for how in [ShowAs::Whole, ShowAs::Hash] {
        let shown = place.show(number, how).unwrap();
        assert!(shown.letter.timeline.is_none() && is_valid(&shown.letter));
        assert!(matches!(shown.untold, Some(NotShown::Timeline(_))), "{:?}", shown.untold);
    }
    let refused = place.office.show_log(numbered).unwrap_err().to_string();
    assert!(refused.contains("can be shown whole"), "{refused}");
    // What one sent is not in a box of one's own.
    let sender = Sender::deposited();
    let sent = u64::try_from(sender.number.0).unwrap();
    assert_eq!(sender.place.office.is_received(sent).unwrap(), None);
    let mut store = sender.place.office.store();
    let kept = store.change(|change| change.keep_traced(sender.number, &shown.deposit, None));
    assert!(matches!(kept, Err(MailError::Step(_))));
}

/// The letter of the vectors that came, is evidence, and was opened and not read; and its number.
pub(crate) fn unread() -> (Place, u64) {
    let (place, number, shown) = arrived(1);
    opened(&place, number, &shown, true);
    origin(&place, number, &shown.sender, &shown.deposit);
    (place, number.0.try_into().unwrap())
}

fn timeline_without_entries(deposit: &Receipt) -> pregao_protocol::audit::letter::Timeline {
    let (head, path) = (deposit.head.clone(), deposit.path.clone());
    pregao_protocol::audit::letter::Timeline { head, path, entries: Vec::new() }
}

#[test]
fn of_a_deniable_letter_the_log_alone_is_shown_as_far_as_it_is_known() {
    let (place, number) = deniable();
    let deposit = vectors()[3].deposit.clone();
    // That it was left.
    let shown = place.office.show_log(number).unwrap();
    assert_eq!(shown.log, LogAlone::Left(deposit.clone()));
    assert!(shown.why.contains("deniable") && shown.untold.is_none());
    let file = deposit.encode();
    assert_eq!(verdict(file.as_bytes()).verdict, Standing::Valid);
    // What does not hold of what became of it is left out, and said.
    let id = LetterNumber(i64::try_from(number).unwrap());
    let nothing = timeline_without_entries(&deposit);
    let keep = |change: &mut crate::post::store::Change<'_>| {
        change.keep_traced(id, &deposit, Some(&nothing))
    };
    place.office.store().change(keep).unwrap();
    let shown = place.office.show_log(number).unwrap();
    assert_eq!(shown.log, LogAlone::Left(deposit));
    assert!(matches!(shown.untold, Some(NotShown::Timeline(_))));
}

#[test]
fn of_a_letter_that_is_deniable_or_does_not_open_the_log_is_shown_before_it_is_read() {
    let (place, number, shown) = arrived(3);
    let numbered = u64::try_from(number.0).unwrap();
    let refused = |place: &Place| place.office.show_log(numbered).unwrap_err().to_string();
    // Nothing of the log is kept before somebody asks for it.
    assert!(refused(&place).contains("connect, and export it again"));
    assert_eq!(place.office.is_received(numbered).unwrap(), Some(number));
    let keep = |place: &Place, receipt: &Receipt| {
        let kept = place.office.store().change(|change| change.keep_traced(number, receipt, None));
        kept.unwrap();
    };
    keep(&place, &shown.deposit);
    assert!(place.office.show_log(numbered).unwrap().why.contains("could not be opened"));
    opened(&place, number, &shown, true);
    assert!(place.office.show_log(numbered).unwrap().why.contains("deniable"));
    assert_eq!(place.office.is_received(numbered).unwrap(), Some(number));
    // What is kept and does not hold is not written.
    let mut cut = shown.deposit.clone();
    cut.path.clear();
    keep(&place, &cut);
    assert!(matches!(
        place.office.show_log(numbered).unwrap_err(),
        OfficeError::NotShown(NotShown::Receipt(_))
    ));
    // What can be shown whole once it is read is not shown in part, and what never left in no way.
    let (place, number) = unread();
    assert!(place.office.show_log(number).is_err());
    let sender = Sender::deposited();
    assert!(sender.place.office.show_log(sender.number.0.try_into().unwrap()).is_err());
    let waiting = Sender::new(true);
    let number = u64::try_from(waiting.number.0).unwrap();
    make_deniable(&waiting);
    assert!(waiting.place.office.show_log(number).is_err());
}

fn make_deniable(sender: &Sender) {
    let edited = sender.place.office.store().change(|change| {
        change.edit_letter(sender.number, |record| record.mode = Some(Mode::Deniable))
    });
    edited.unwrap();
}

#[test]
fn whoever_sent_a_deniable_letter_shows_what_they_were_told_became_of_it() {
    use crate::post::store::questions::Met;
    use pregao_protocol::audit::told::VerifiedTold;
    let file = include_str!("../../../../../protocol/vectors/timelines.jsonl");
    let vector = ShownDeposit::parse(file.lines().last().unwrap()).unwrap();
    let sender = Sender::new(true);
    sender.seal(true);
    make_deniable(&sender);
    let number = u64::try_from(sender.number.0).unwrap();
    let deposit = {
        let store = sender.place.office.store();
        store.view().departure(sender.departure).unwrap().step.deposit().unwrap().clone()
    };
    sender.deposit(&vector.deposit);
    let shown = sender.place.office.show_log(number).unwrap();
    assert_eq!(shown.log, LogAlone::Left(vector.deposit.clone()));
    let verified = vector.verify().unwrap().timeline;
    let happened = Some((vector.timeline.clone(), verified));
    let told = VerifiedTold { size: 9, root: Digest([1; 32]), happened };
    let met = || Met { head: "n".to_owned(), size: 9 };
    let kept = sender.place.office.store().change(|change| {
        let id = change.keep_question(sender.number, &deposit, (2, met()), at(30))?;
        change.keep_told(id, met(), &told, (at(40), None))
    });
    kept.unwrap();
    let shown = sender.place.office.show_log(number).unwrap();
    assert_eq!(shown.log, LogAlone::Told(vector.clone()));
    assert!(shown.untold.is_none() && shown.why.contains("deniable"));
    let file = vector.encode();
    assert_eq!(verdict(file.as_bytes()).verdict, Standing::Valid);
    // And is shown each entry with its verification.
    let status = sender.place.office.status(Some(number)).unwrap();
    let lines = format!("{status:?}");
    assert!(lines.contains("signature, place and stamp: ok"), "{lines}");
}
