//! Events and keys that the tests of the chat share.

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Model, Next};
use crate::event::{Event, Phase, Role, RoomView};

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
