//! Registered letters: what they say is kept back until their half is here, and what became of one stays.

use super::fixture::{
    Came, Post, at, attachment, came, came_registered, halves, receipt_for, seal_for,
    sealed_registered, text_letter,
};
use super::*;
use crate::post::store::departures::{
    DepartureId, NewLetter, SealedDeposit, SealedForBroker, SealedItem,
};
use crate::post::store::letters::{
    Authorship, Direction, Fate, LetterNumber, LetterRecord, LetterState, Reading,
    RegisteredDeposit, RegisteredState, Said, Selection,
};
use pregao_protocol::letter::{
    Class, Content, Half, Halves, Letter, RegisteredError, RegisteredLetter, Seeds,
};
use pregao_protocol::log::Receipt;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::value::label::REGISTERED_FOR;

fn letter(post: &Post, n: u128) -> Letter {
    text_letter(&post.them, n, "About the clock", "It runs for ever.")
}

fn receive(post: &mut Post, n: u64) -> LetterNumber {
    let letter = letter(post, n.into());
    let came = came_registered(&post.them, &post.me, letter, n);
    post.take(&came, None, false)
}

fn record(post: &Post, number: LetterNumber) -> LetterRecord {
    post.store.view().letter(number).unwrap()
}

fn said(post: &Post, number: LetterNumber) -> Said {
    post.store.view().said(number, &record(post, number)).unwrap()
}

fn fate(
    post: &mut Post,
    number: LetterNumber,
    fate: &Fate,
    second: u64,
) -> Result<bool, MailError> {
    post.store.change(|change| change.keep_fate(number, fate, at(second)))
}

fn wish(post: &mut Post, number: LetterNumber, accepts: bool) -> Result<(), MailError> {
    post.store.change(|change| change.keep_wish(number, accepts).map(drop))
}

fn is_step<T: std::fmt::Debug>(result: Result<T, MailError>) -> bool {
    matches!(result.unwrap_err(), MailError::Step(_))
}

fn unread(post: &Post) -> usize {
    post.store.view().letters(Selection::Unread, None, 99).unwrap().letters.len()
}

fn half(n: u64) -> Half {
    halves(n).broker
}

#[test]
fn what_a_registered_letter_says_is_kept_back_until_its_half_is_here_and_then_stays() {
    let mut post = Post::new();
    let number = receive(&mut post, 3);
    let before = record(&post, number);
    assert_eq!(before.subject.as_deref(), Some("About the clock"));
    assert_eq!((before.beginning.as_str(), before.receipt.wanted), ("", false));
    assert_eq!(before.registered, Some(RegisteredState::Undecided));
    assert_eq!(said(&post, number), Said::Sealed);
    // To look at it is not to read it.
    post.store.change(|change| change.keep_read(number, at(50))).unwrap();
    assert_eq!((record(&post, number).state, unread(&post)), (LetterState::Unread, 1));
    wish(&mut post, number, true).unwrap();
    let mut post = post.reopen();
    assert_eq!(record(&post, number).registered, Some(RegisteredState::Accepting));
    post.store.change(|change| change.keep_read(number, at(50))).unwrap();
    assert_eq!(unread(&post), 1);
    // Another's half opens nothing, and is not kept.
    for other in [half(4), halves(3).sender] {
        assert!(is_step(fate(&mut post, number, &Fate::Handed(other), 60)));
    }
    assert_eq!(record(&post, number).registered, Some(RegisteredState::Accepting));
    assert_eq!(post.store.view().half(number).unwrap(), None);
    assert!(fate(&mut post, number, &Fate::Handed(half(3)), 60).unwrap());
    let mut post = post.reopen();
    let after = record(&post, number);
    assert_eq!(after.registered, Some(RegisteredState::Accepted { at: at(60) }));
    assert_eq!((after.state, after.beginning.as_str()), (LetterState::Unread, "It runs for ever."));
    let whole = said(&post, number).letter().unwrap();
    assert_eq!(whole.text.as_str(), "It runs for ever.");
    assert!(!whole.wants_receipt, "it was one to accept it");
    assert_eq!(post.store.view().half(number).unwrap(), Some(half(3)));
    post.store.change(|change| change.keep_read(number, at(70))).unwrap();
    assert_eq!(unread(&post), 0);
    // The first word counts.
    for late in [Fate::Declined, Fate::Lapsed, Fate::Handed(half(3))] {
        assert!(!fate(&mut post, number, &late, 80).unwrap());
    }
    assert_eq!(record(&post, number).registered, Some(RegisteredState::Accepted { at: at(60) }));
}

#[test]
fn files_of_a_registered_letter_are_known_once_it_was_handed_over() {
    let mut post = Post::new();
    let attachments = vec![attachment("a.txt", "text/plain", 3)];
    let with_file = Letter { attachments, ..letter(&post, 1) };
    let came = came_registered(&post.them, &post.me, with_file, 1);
    let number = post.take(&came, None, false);
    assert!(record(&post, number).attachments.is_empty());
    fate(&mut post, number, &Fate::Handed(half(1)), 60).unwrap();
    let files: Vec<_> = record(&post, number).attachments.iter().map(|file| file.size).collect();
    assert_eq!(files, [3]);
}

#[test]
fn only_a_registered_letter_that_came_and_waits_is_decided_about() {
    let mut post = Post::new();
    let plain = text_letter(&post.them, 1, "About", "Text");
    let plain = post.receive(plain, 1, None);
    let unknown = LetterNumber(99);
    for accepts in [true, false] {
        assert!(is_step(wish(&mut post, plain, accepts)));
        assert!(matches!(wish(&mut post, unknown, accepts), Err(MailError::Unknown { .. })));
    }
    for fated in [Fate::Declined, Fate::Lapsed, Fate::Handed(half(1))] {
        assert!(is_step(fate(&mut post, plain, &fated, 9)));
        assert!(matches!(fate(&mut post, unknown, &fated, 9), Err(MailError::Unknown { .. })));
    }
    for (n, fated) in [(2, Fate::Declined), (3, Fate::Lapsed), (4, Fate::Handed(half(4)))] {
        let number = receive(&mut post, n);
        // One word replaces the other until it is known what became of it.
        for accepts in [true, false, true] {
            wish(&mut post, number, accepts).unwrap();
        }
        post.store.change(|change| change.drop_wish(number)).unwrap();
        assert_eq!(record(&post, number).registered, Some(RegisteredState::Undecided));
        fate(&mut post, number, &fated, 9).unwrap();
        for accepts in [true, false] {
            assert!(is_step(wish(&mut post, number, accepts)), "{fated:?}");
        }
        let settled = record(&post, number).registered;
        post.store.change(|change| change.drop_wish(number)).unwrap();
        assert_eq!(record(&post, number).registered, settled);
    }
    let sent = send(&mut post, true).0;
    assert!(is_step(wish(&mut post, sent, true)));
    for number in [plain, sent] {
        assert!(is_step(post.store.change(|change| change.keep_accepted(number, &receipt()))));
    }
    let number = receive(&mut post, 5);
    post.store.change(|change| change.keep_accepted(number, &receipt())).unwrap();
    assert_eq!(post.reopen().store.view().accepted(number).unwrap(), Some(receipt()));
}

#[test]
fn what_was_declined_is_not_unread_and_what_lapsed_is_until_it_was_looked_at() {
    let mut post = Post::new();
    let (declined, lapsed) = (receive(&mut post, 1), receive(&mut post, 2));
    fate(&mut post, declined, &Fate::Declined, 60).unwrap();
    fate(&mut post, lapsed, &Fate::Lapsed, 70).unwrap();
    assert_eq!(unread(&post), 1);
    assert_eq!(record(&post, declined).registered, Some(RegisteredState::Declined { at: at(60) }));
    post.store.change(|change| change.keep_read(lapsed, at(80))).unwrap();
    assert_eq!(unread(&post), 0);
    for number in [declined, lapsed] {
        assert_eq!(said(&post, number), Said::Sealed);
        assert_eq!(post.store.view().half(number).unwrap(), None);
    }
    // Both stay.
    assert_eq!(post.store.view().letters(Selection::All, None, 99).unwrap().letters.len(), 2);
}

#[test]
fn a_registered_letter_is_kept_by_its_own_deposit_alone() {
    let mut post = Post::new();
    let own = post.own;
    let right = came_registered(&post.them, &post.me, letter(&post, 1), 1);
    let keep = |post: &mut Post, came: &Came, registered: Option<RegisteredDeposit>| {
        let deposit =
            crate::post::store::letters::DepositRecord { registered, ..came.deposit.clone() };
        post.store.change(|change| {
            let number = change.keep_arrived(own, deposit, &came.envelope, at(0))?;
            let authorship = Authorship::Shown;
            let opened = &came.opened;
            let reading = Reading { opened, contact: None, authorship, keep_evidence: false };
            change.keep_opened(number, &reading)?;
            Ok::<_, MailError>(number)
        })
    };
    let mut another = right.deposit.registered.clone().unwrap();
    another.commitment = half(2).commitment();
    for wrong in [None, Some(another)] {
        assert!(is_step(keep(&mut post, &right, wrong)));
    }
    let plain = came(&post.them, &post.me, letter(&post, 2), 2);
    let receipt = Came { opened: receipt_for(&plain, &post.me, &post.them), ..plain };
    assert!(is_step(keep(&mut post, &receipt, right.deposit.registered.clone())));
    // One that its deposit alone calls registered is not opened: then it can be declined.
    let plain = came(&post.them, &post.me, letter(&post, 3), 3);
    assert!(is_step(keep(&mut post, &plain, right.deposit.registered.clone())));
    keep(&mut post, &right, right.deposit.registered.clone()).unwrap();
}

#[test]
fn what_its_sender_sealed_wrongly_is_shown_with_that_once_it_was_handed_over() {
    let mut post = Post::new();
    // For another box.
    let junk = RegisteredLetter::of(letter(&post, 1), post.them.name, &halves(1)).unwrap();
    let came = sealed_registered(&post.them, &post.me, junk, 1);
    let number = post.take(&came, None, false);
    assert_eq!(said(&post, number), Said::Sealed);
    fate(&mut post, number, &Fate::Handed(half(1)), 60).unwrap();
    assert_eq!(said(&post, number), Said::Junk(RegisteredError::Junk));
    let LetterState::Unreadable { cause } = record(&post, number).state else { panic!("readable") };
    assert!(cause.contains("sealed it wrongly"), "{cause}");
}

#[test]
fn what_was_over_before_it_could_be_fetched_is_kept_as_that() {
    let mut post = Post::new();
    let own = post.own;
    for (n, fated, is_unread) in
        [(1, Fate::Lapsed, true), (2, Fate::Declined, false), (3, Fate::Handed(half(3)), true)]
    {
        let Came { deposit, .. } = came_registered(&post.them, &post.me, letter(&post, 1), n);
        let keep =
            |change: &mut Change<'_>| change.keep_missed(own, &deposit, &fated, at(60), at(70));
        let number = post.store.change(keep).unwrap();
        assert_eq!(post.store.change(keep).unwrap(), number, "again");
        let kept = record(&post, number);
        assert!(!kept.registered.unwrap().is_open() && kept.is_unread() == is_unread, "{fated:?}");
        assert_eq!(said(&post, number), Said::Nothing);
    }
}

#[test]
fn what_was_handed_over_is_found_and_exported_and_what_was_not_is_neither() {
    let mut post = Post::new();
    let (open, shut) = (receive(&mut post, 1), receive(&mut post, 2));
    fate(&mut post, open, &Fate::Handed(half(1)), 60).unwrap();
    let view = post.store.view();
    let found: Vec<_> = view
        .search("for ever", None, 9)
        .unwrap()
        .found
        .iter()
        .map(|found| found.letter.id)
        .collect();
    assert_eq!(found, [open]);
    assert_eq!(view.search("clock", None, 9).unwrap().found.len(), 2, "the subject is shown");
    let folder = tempfile::tempdir().unwrap();
    let exported = view.export_maildir(folder.path()).unwrap();
    assert_eq!((exported.written, exported.without), (1, 1));
    let mut files = std::fs::read_dir(folder.path().join("new")).unwrap();
    let text = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
    assert!(text.contains("It runs for ever.") && text.contains("X-Pregao-Registered: accepted"));
    assert!(files.next().is_none());
    assert_ne!(open, shut);
}

fn receipt() -> Receipt {
    Receipt {
        opening: "o".to_owned(),
        header: "h".to_owned(),
        entry: "e".to_owned(),
        path: Vec::new(),
        head: "n".to_owned(),
    }
}

fn stamp() -> FullStamp {
    super::departures::stamp()
}

fn send(post: &mut Post, keep_evidence: bool) -> (LetterNumber, DepartureId) {
    let new = NewLetter {
        letter: text_letter(&post.me, 5, "About", "Mine."),
        from: post.own,
        contact: None,
        to: post.them.address(),
        leaves: at(10),
        expires: None,
        keep_evidence,
        registered: true,
    };
    post.store.change(|change| change.send_letter(new, at(0))).unwrap()
}

fn seal_it(
    post: &mut Post,
    departure: DepartureId,
    halves: &Halves,
    is_registered: bool,
) -> Result<(), MailError> {
    let letter = text_letter(&post.me, 5, "About", "Mine.");
    let letter = RegisteredLetter::of(letter, post.them.name, halves).unwrap();
    let seeds = Seeds::from_random([1; 32]);
    let sealed = seal_for(&Content::Registered(letter), &post.me, &post.them, &seeds);
    let deposit = SealedDeposit {
        envelope: sealed.sent.deposit,
        class: Class::Small,
        signed: post.them.public.0.digest(),
        once: None,
        content: sealed.sent.content,
        sender: sealed.sent.sender,
        reader: sealed.sent.reader,
        key: Secret::new([1; 32]),
        action: "a.b.c".to_owned(),
        pass: None,
        expires: None,
    };
    let said = RegisteredDeposit {
        commitment: halves.broker.commitment(),
        until: None,
        bytes: 4_028,
        files: 0,
    };
    let for_broker = SealedForBroker { deposit: said, half: &halves.broker, seed: &[9; 32] };
    let (place, seeds) = (post.them.place(), &seeds);
    let registered = is_registered.then_some(for_broker);
    let item = SealedItem { sealed: &sealed, place, seeds, deposit, blobs: &[], registered };
    post.store.change(|change| change.keep_sealed(departure, item))
}

#[test]
fn its_writer_reads_a_registered_letter_and_shows_how_its_half_was_sealed() {
    for keep_evidence in [true, false] {
        let mut post = Post::new();
        let (number, departure) = send(&mut post, keep_evidence);
        assert_eq!(record(&post, number).registered, Some(RegisteredState::Undecided));
        assert_eq!(said(&post, number), Said::Nothing);
        // A registered letter is not sealed as any other.
        assert!(is_step(seal_it(&mut post, departure, &halves(1), false)));
        seal_it(&mut post, departure, &halves(1), true).unwrap();
        post.store.change(|change| change.begin_anew(departure, at(40))).unwrap();
        assert_eq!(post.store.view().half(number).unwrap(), None);
        assert!(post.store.view().half_seed(number).unwrap().is_none());
        seal_it(&mut post, departure, &halves(2), true).unwrap();
        post.store
            .change(|change| {
                change.keep_put(departure)?;
                change.keep_stamped(departure, stamp())?;
                change.keep_deposited(departure, &receipt(), 12, at(20))
            })
            .unwrap();
        let mut post = post.reopen();
        assert_eq!(said(&post, number).letter().unwrap().text.as_str(), "Mine.");
        let seed = post.store.view().half_seed(number).unwrap();
        assert_eq!(seed.is_some(), keep_evidence);
        let deposit = record(&post, number).deposit.unwrap().registered.unwrap();
        assert_eq!(deposit.until, Some(at(20 + REGISTERED_FOR)));
        post.store.change(|change| change.forget_evidence(number)).unwrap();
        assert!(post.store.view().half_seed(number).unwrap().is_none());
        assert!(said(&post, number).letter().is_some());
        // What its reader did is heard later, each once, and changes nothing of how it was sent.
        assert!(is_step(fate(&mut post, number, &Fate::Handed(half(1)), 60)));
        assert!(fate(&mut post, number, &Fate::Handed(half(2)), 60).unwrap());
        assert!(!fate(&mut post, number, &Fate::Lapsed, 70).unwrap());
        let kept = record(&post, number);
        assert_eq!(kept.registered, Some(RegisteredState::Accepted { at: at(60) }));
        assert_eq!((kept.state, kept.direction), (LetterState::Deposited, Direction::Sent));
    }
}
