//! Events and keys that the tests of the chat share.

use pregao_protocol::letter::Mode;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Model, Next, QUIET};
use crate::command::{Folder, ReceiptAnswer};
use crate::event::{
    ContactView, DraftView, Event, LetterStanding, LetterView, Personal, Phase, ReadView, Role,
    RoomView, WhoView,
};

/// Seconds after 13:00:00 of a certain day.
pub(super) fn at(seconds: u64) -> Time {
    Time::from_micros((1_795_179_600 + seconds) * 1_000_000).unwrap()
}

/// An auction that ends at 13:05:00; its name repeats `prefix`.
pub(super) fn auction(prefix: &str, title: &str) -> RoomView {
    RoomView {
        room: prefix.repeat(64 / prefix.len()),
        short: prefix.to_owned(),
        title: title.to_owned(),
        description: String::new(),
        phase: Phase::Open,
        outcome: String::new(),
        currency: "EUR".to_owned(),
        digits: 2,
        start: 1_000,
        increment: 100,
        buy_now: None,
        max_raise: None,
        rule: None,
        rule_words: Vec::new(),
        paddle: None,
        bids_each: None,
        reserve: None,
        citizens: None,
        sealed: None,
        opens: None,
        falling: None,
        begin: None,
        highest: None,
        bids: Some(0),
        end: at(300),
        extend_secs: 30,
        own: false,
        leading: false,
        bidding: false,
        joined: true,
        verified_size: 1,
        quorum: 0,
        final_size: 0,
    }
}

pub(super) fn bid(room: &str, seq: u64, amount: u64, own: bool) -> Event {
    let (room, currency) = (room.to_owned(), "EUR".to_owned());
    Event::Bid { room, seq, amount, currency, paddle: None, time: at(seq * 10), own }
}

pub(super) fn connected() -> Event {
    Event::Connected {
        broker: Fingerprint([0xb0; 32]),
        persona: Fingerprint([0x5e; 32]),
        suite: "25519_AESGCM_SHA256".to_owned(),
        simulated: false,
    }
}

pub(super) fn invited(room: &str, auction: &str, role: Role) -> Event {
    Event::Invited {
        room: room.to_owned(),
        short: room.get(..4).unwrap_or(room).to_owned(),
        auction: auction.to_owned(),
        title: "Old radio".to_owned(),
        role,
        price: 14_000,
        currency: "EUR".to_owned(),
        deadline: at(600),
    }
}

pub(super) fn revealed(room: &str, auction: &str) -> Event {
    Event::Revealed {
        room: room.to_owned(),
        auction: auction.to_owned(),
        role: Role::Seller,
        name: "Bruno Costa".to_owned(),
        contact: "bruno@example.org".to_owned(),
        persona: Fingerprint([0xcd; 32]),
        verdict: "verified: this is who listed".to_owned(),
        card: None,
    }
}

/// The same, signed by a card that the state certifies.
pub(super) fn proved(room: &str, auction: &str) -> Event {
    let mut event = revealed(room, auction);
    if let Event::Revealed { card, .. } = &mut event {
        *card = Some(crate::front::identity::tests::card());
    }
    event
}

pub(super) fn press(model: &mut Model, code: KeyCode, modifiers: KeyModifiers) -> Next {
    model.key(KeyEvent::new(code, modifiers))
}

/// Types a line and presses Enter.
pub(super) fn typed(model: &mut Model, line: &str) -> Next {
    for character in line.chars() {
        press(model, KeyCode::Char(character), KeyModifiers::NONE);
    }
    press(model, KeyCode::Enter, KeyModifiers::NONE)
}

/// A contact whose box has a name of one digit.
pub(super) fn contact(name: &str, digit: char, unread: u64) -> ContactView {
    ContactView {
        name: name.to_owned(),
        short: digit.to_string().repeat(8),
        verified: false,
        blocked: false,
        receipts: ReceiptAnswer::Ask,
        mode: Mode::Deniable,
        unread,
    }
}

pub(super) fn contacts(contacts: Vec<ContactView>) -> Event {
    Event::Contacts { id: Some(QUIET.to_owned()), contacts }
}

pub(super) fn drafts(drafts: Vec<DraftView>) -> Event {
    Event::Drafts { id: Some(QUIET.to_owned()), drafts }
}

/// A letter to a contact that is being written.
pub(super) fn draft(to: &str, text: &str) -> DraftView {
    DraftView {
        to: to.to_owned(),
        who: WhoView { name: Some(to.to_owned()), short: Some("7".repeat(8)), verified: false },
        subject: None,
        text: Personal::new(text.to_owned()),
        files: Vec::new(),
        re: None,
        mode: Mode::Deniable,
        chosen: false,
        receipt: false,
        registered: false,
        expires: None,
        changed: at(1),
    }
}

/// A letter of a contact; without a name, of a box that nobody knows.
pub(super) fn letter(number: u64, from: Option<&str>, standing: LetterStanding) -> LetterView {
    let short = Some("7".repeat(8)).filter(|_| standing != LetterStanding::Unopened);
    LetterView {
        letter: number,
        folder: Folder::Received,
        who: WhoView { name: from.map(str::to_owned), short, verified: false },
        time: at(number * 60),
        mode: Some(Mode::Deniable),
        subject: None,
        attachments: 0,
        standing,
        acknowledged: None,
        cause: None,
        wants_receipt: false,
        re: None,
        leaves: None,
        even: false,
        registered: None,
    }
}

/// The same, written here.
pub(super) fn written(number: u64, to: &str, standing: LetterStanding) -> LetterView {
    LetterView { folder: Folder::Sent, ..letter(number, Some(to), standing) }
}

pub(super) fn read(letter: LetterView, text: &str, id: Option<&str>) -> Event {
    let text = Personal::new(text.to_owned());
    let (files, notes) = (Vec::new(), Vec::new());
    let shown = Box::new(ReadView { letter, text, files, notes });
    Event::Read { id: id.map(str::to_owned), shown }
}
