use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::*;
use crate::chat::draw::draw;
use crate::chat::model::{Model, Next};
use crate::chat::palette::Palette;
use crate::chat::tests::{at, auction, bid, connected, invited, press, revealed};
use crate::event::{Event, Role};

const COLUMNS: u16 = 80;
const HEIGHT: u16 = 24;

/// How a terminal measures what is not ASCII.
#[derive(Debug, Clone, Copy)]
enum Measure {
    /// As everybody should.
    Alike,
    /// As it likes: in no column, one or two, by chance, but always the same for one character.
    Differently(u32),
}

/// The wire to the terminal.
#[derive(Debug, Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A chat and the terminal that it is drawn to.
struct Window {
    terminal: Terminal<Rows<Wire>>,
    wire: Wire,
    emulator: vt100::Parser,
    measure: Measure,
    room: String,
}

impl Window {
    fn new(measure: Measure) -> Self {
        let viewport = Viewport::Fixed(Rect::new(0, 0, COLUMNS, HEIGHT));
        let (options, wire) = (TerminalOptions { viewport }, Wire::default());
        // The emulator always wraps: what would be cut off goes where nobody looks.
        let [rows, columns] = [HEIGHT, COLUMNS + 2].map(|size| size.try_into().unwrap());
        Self {
            terminal: Terminal::with_options(Rows::new(wire.clone()), options).unwrap(),
            wire,
            emulator: vt100::Parser::new(rows, columns, 0),
            measure,
            room: String::new(),
        }
    }

    fn draw(&mut self, model: &Model) {
        let room = model.current().map_or("", |room| room.id.as_str());
        if room != self.room {
            room.clone_into(&mut self.room);
            self.terminal.backend_mut().repaint();
        }
        self.terminal.draw(|frame| draw(model, &Palette::colours(), frame)).unwrap();
        let written = String::from_utf8(self.wire.0.take()).unwrap();
        let text: String = written.chars().map(|character| self.measured(character)).collect();
        self.emulator.process(text.as_bytes());
    }

    /// In place of a character, one that the emulator measures as this terminal measures it.
    fn measured(&self, character: char) -> char {
        let Measure::Differently(seed) = self.measure else { return character };
        if character.is_ascii() || is_line(character.encode_utf8(&mut [0; 4])) {
            return character;
        }
        let chance = u32::from(character).wrapping_mul(0x9e37_79b9).wrapping_add(seed);
        match (chance >> 16) % 4 {
            0 => '\u{301}',
            1 => '界',
            _ => 'ß',
        }
    }

    fn screen(&self) -> String {
        self.emulator.screen().rows(0, COLUMNS).collect::<Vec<String>>().join("\n")
    }
}

/// Text of the kinds that terminals measure differently, and of all others.
fn theirs() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z0-9 ]{1,6}",
        any::<char>().prop_map(String::from),
        proptest::char::range('\u{300}', '\u{36f}').prop_map(String::from),
        proptest::char::range('\u{1f1e6}', '\u{1f1ff}').prop_map(String::from),
        proptest::char::range('\u{1f300}', '\u{1faff}').prop_map(String::from),
        proptest::char::range('\u{1f3fb}', '\u{1f3ff}').prop_map(String::from),
        proptest::char::range('\u{900}', '\u{e7f}').prop_map(String::from),
        proptest::char::range('\u{600}', '\u{6ff}').prop_map(String::from),
        proptest::char::range('\u{590}', '\u{5ff}').prop_map(String::from),
        proptest::char::range('\u{1100}', '\u{11ff}').prop_map(String::from),
        proptest::char::range('\u{2000}', '\u{206f}').prop_map(String::from),
        proptest::char::range('\u{fe00}', '\u{fe0f}').prop_map(String::from),
        Just("日本".to_owned()),
        Just("\u{200d}".to_owned()),
        Just("\u{644}\u{627}".to_owned()),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// Something that changes what is drawn.
#[derive(Debug, Clone)]
enum Step {
    Walk(bool),
    Said(bool, String),
    Titled(bool, String, String),
    Bid(bool, u64),
    Type(String),
    Clear,
    Alarm(String),
    Revealed(String, String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Walk),
        (any::<bool>(), theirs()).prop_map(|(room, text)| Step::Said(room, text)),
        (any::<bool>(), theirs(), theirs())
            .prop_map(|(room, title, text)| Step::Titled(room, title, text)),
        (any::<bool>(), 1..9_999_999_u64).prop_map(|(room, amount)| Step::Bid(room, amount)),
        theirs().prop_map(Step::Type),
        Just(Step::Clear),
        theirs().prop_map(Step::Alarm),
        (theirs(), theirs()).prop_map(|(name, contact)| Step::Revealed(name, contact)),
    ]
}

fn room(first: bool) -> String {
    if first { "3f2a" } else { "9c01" }.repeat(16)
}

fn apply(model: &mut Model, step: Step, seq: u64) {
    match step {
        Step::Walk(on) => model.walk(if on { 1 } else { -1 }),
        Step::Said(first, text) => {
            let (room, author, time) = (room(first), "k7Qd".to_owned(), at(seq));
            model.apply(Event::Said { room, seq, author, text, time, own: false });
        }
        Step::Titled(first, title, description) => {
            let mut view = auction(if first { "3f2a" } else { "9c01" }, &title);
            (view.description, view.highest, view.bids) = (description, Some(12_000), Some(5));
            model.apply(Event::Room(view));
        }
        Step::Bid(first, amount) => model.apply(bid(&room(first), seq, amount, false)),
        Step::Type(text) => model.input.paste(&text),
        Step::Clear => {
            model.input.take();
        }
        Step::Alarm(message) => {
            let advice = "stop".to_owned();
            model.apply(Event::Alarm { room: None, short: None, message, advice });
        }
        Step::Revealed(typed, reached) => {
            model.apply(invited(&"77aa".repeat(16), &room(true), Role::Winner));
            let mut event = revealed(&"77aa".repeat(16), &room(true));
            if let Event::Revealed { name, contact, .. } = &mut event {
                (*name, *contact) = (typed, reached);
            }
            model.apply(event);
        }
    }
}

/// Draws after every step, and gives the screen with a fresh one of the last state.
fn screens(steps: Vec<Step>, measure: Measure) -> (String, String) {
    let (mut window, mut model) = (Window::new(measure), Model::new());
    model.apply(connected());
    model.advance(at(10), Duration::ZERO);
    window.draw(&model);
    for (seq, step) in (2..).zip(steps) {
        apply(&mut model, step, seq);
        window.draw(&model);
    }
    let mut fresh = Window::new(measure);
    fresh.draw(&model);
    (window.screen(), fresh.screen())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn nothing_of_what_was_drawn_before_stays(
        steps in proptest::collection::vec(step(), 1..14),
        seed in proptest::option::of(any::<u32>()),
    ) {
        let (screen, fresh) = screens(steps, seed.map_or(Measure::Alike, Measure::Differently));
        prop_assert_eq!(screen, fresh);
    }
}

/// The cases that were found on a screen, each in title and saying of a room that is then left.
const FOUND: &[&str] = &[
    "\u{600}9 ----------------------------------------------------------",
    "\u{6dd}7 apples",
    "flag 🇵🇹 here",
    "wave 👋🏽 there",
    "नि नि नि",
    "ำำ Thai",
    "می\u{200c}خواهم",
];

#[test]
fn the_clusters_that_were_found_leave_nothing_beside_an_amount() {
    for text in FOUND.iter().map(|text| (*text).to_owned()) {
        let walk = [Step::Walk(true), Step::Walk(true), Step::Walk(true)];
        let mut steps = vec![
            Step::Titled(true, text.clone(), text.clone()),
            Step::Titled(false, "Lamp".to_owned(), String::new()),
            Step::Bid(false, 2_000),
            Step::Walk(true),
            Step::Said(true, text.clone()),
            Step::Type(text.clone()),
            Step::Clear,
        ];
        steps.extend(walk);
        for measure in (0..8).map(Measure::Differently).chain([Measure::Alike]) {
            let (screen, fresh) = screens(steps.clone(), measure);
            assert_eq!(screen, fresh, "{text}");
        }
    }
}

#[test]
fn a_screen_that_something_else_wrote_on_is_whole_again_after_ctrl_l() {
    let (mut window, mut model) = (Window::new(Measure::Alike), Model::new());
    let _ = model.take_repaint();
    window.draw(&model);
    let whole = window.screen();
    window.emulator.process(b"\x1b[5;5H920.00 EUR\x1b[24;1Hmore");
    assert_ne!(window.screen(), whole);
    model.touch();
    window.draw(&model);
    assert_ne!(window.screen(), whole, "nothing changed, so nothing was drawn");
    let next = press(&mut model, KeyCode::Char('l'), KeyModifiers::CONTROL);
    assert_eq!((next, model.take_repaint(), model.take_dirty()), (Next::Wait, true, true));
    window.terminal.clear().unwrap();
    window.draw(&model);
    assert_eq!(window.screen(), whole);
}
