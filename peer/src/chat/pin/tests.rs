use super::*;
use crate::card::Tries;
use crate::chat::draw::{self, draw};
use crate::chat::tests::{press, typed};
use crate::front::channel::Subject;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

pub(crate) fn question(tries: u8, pinpad: bool) -> PinQuestion {
    PinQuestion {
        holder: "Cidadã de Teste Um".to_owned(),
        reader: "Virtual Reader 00 00".to_owned(),
        tries: Tries::Left(tries),
        warning: [
            "You show the seller of \"Old radio\" who you are.",
            "The seller gets the card's certificate: your full name and civil number. Neither can \
             be left out.",
            "You state besides: birth-date 1980-01-31.",
            "They get this contact: \"ana@example.org\"",
            "It ties your pseudonym 5e5e5e5e and your bids here to your name, for good: who knows \
             that pseudonym elsewhere then knows you.",
            "The seller can show all this to others and prove that your card signed it. It cannot \
             be taken back.",
            "It cannot be passed on as if made for another auction or another person.",
            "The broker sees only a padded ciphertext. It releases both sides' or neither.",
        ]
        .map(str::to_owned)
        .to_vec(),
        pinpad,
        yes: false,
    }
}

fn asked(tries: u8, pinpad: bool) -> Model {
    let mut model = Model::new();
    model.draws(true);
    model.ask(Subject::Pin(question(tries, pinpad)));
    model
}

/// The warning was read and left for the next stage.
fn past_reading(tries: u8, pinpad: bool) -> Model {
    let mut model = asked(tries, pinpad);
    assert_eq!(press(&mut model, GO_ON, KeyModifiers::NONE), Next::Wait);
    model
}

fn keys(model: &mut Model, text: &str) {
    for character in text.chars() {
        assert_eq!(press(model, KeyCode::Char(character), KeyModifiers::NONE), Next::Wait);
    }
}

fn text(model: &Model, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(model, &Palette::colours(), frame)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn question_for_the_pin() {
    let mut model = past_reading(3, false);
    keys(&mut model, "1234");
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn question_for_the_last_try() {
    let mut model = past_reading(1, false);
    keys(&mut model, "ye12");
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn question_before_a_pinpad() {
    insta::assert_snapshot!(text(&asked(2, true), 80, 24));
}

#[test]
fn question_for_the_pin_on_the_smallest_window() {
    insta::assert_snapshot!(text(&asked(3, false), 40, 10));
}

#[test]
fn a_pin_is_neither_drawn_nor_told_by_debug() {
    let mut model = past_reading(3, false);
    keys(&mut model, "40917");
    assert!(text(&model, 80, 24).contains("PIN: ••••• "));
    assert!(!text(&model, 80, 24).contains("40917"));
    let debug = format!("{model:?}");
    assert!(!debug.contains("40917") && !debug.contains("Cidad"), "{debug}");
    press(&mut model, KeyCode::Enter, KeyModifiers::NONE);
    let debug = format!("{model:?} {:?}", model.take_answer());
    assert!(!debug.contains("40917"), "{debug}");
}

#[test]
fn enter_signs_with_exactly_what_was_typed() {
    let mut model = past_reading(3, false);
    keys(&mut model, "12345679");
    press(&mut model, KeyCode::Backspace, KeyModifiers::NONE);
    keys(&mut model, "8");
    assert!(text(&model, 80, 24).contains("PIN: •••••••• "));
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
    let answer = model.take_answer();
    assert!(matches!(answer, Some(UserAnswer::Sign(PinEntry::Typed(_), LastTry::Refuse))));
    assert!(model.pin.is_none() && model.take_answer().is_none());
}

#[test]
fn what_is_no_pin_is_said_and_not_tried() {
    let mut model = past_reading(3, false);
    for (typed, wrong) in [
        ("123", "fewer than 4 digits"),
        ("123456789", "more than 8 digits"),
        ("1234567890", "more than 8 digits"),
        ("12a4", "something else than digits"),
        ("12-45", "something else than digits"),
        ("1234 ", "something else than digits"),
    ] {
        keys(&mut model, typed);
        assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait, "{typed}");
        let screen = text(&model, 80, 24);
        assert!(screen.contains(wrong) && screen.contains("no try was used"), "{typed}: {screen}");
        assert!(screen.contains("PIN:  "), "{screen}");
    }
    keys(&mut model, "1234");
    assert!(!text(&model, 80, 24).contains("no try was used"));
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
}

#[test]
fn an_empty_line_signs_nothing() {
    for tries in [3, 1] {
        let mut model = past_reading(tries, false);
        assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
        assert!(matches!(model.take_answer(), Some(UserAnswer::Cancel)));
    }
}

#[test]
fn a_question_in_the_middle_of_typing_takes_nothing_of_it() {
    for (tries, pinpad) in [(3, false), (1, false), (3, true), (1, true)] {
        let mut model = Model::new();
        model.draws(true);
        keys(&mut model, "/bid 15");
        model.ask(Subject::Pin(question(tries, pinpad)));
        for part in ["00 1234", "y1234", "yes", "\t1234"] {
            keys(&mut model, part);
            assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
            assert_eq!(press(&mut model, KeyCode::Tab, KeyModifiers::NONE), Next::Wait);
        }
        assert!(model.take_answer().is_none() && model.pin.is_some());
        assert_eq!(model.input.text(), "/bid 15");
        let screen = text(&model, 80, 24);
        assert!(screen.contains("F2 =") && !screen.contains("PIN: "), "{screen}");
        // None of it waits behind the warning either.
        let next = press(&mut model, GO_ON, KeyModifiers::NONE);
        if pinpad && tries > 1 {
            assert_eq!(next, Next::Answer);
        } else {
            assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
            assert!(matches!(model.take_answer(), Some(UserAnswer::Cancel)));
        }
    }
}

#[test]
fn a_question_that_is_not_drawn_takes_no_key() {
    for (tries, pinpad) in [(3, false), (1, false), (3, true)] {
        let mut model = asked(tries, pinpad);
        model.draws(draw::fits(39, 24));
        assert!(text(&model, 39, 24).contains("a question waits"));
        for code in [GO_ON, KeyCode::Char('1'), KeyCode::Enter, KeyCode::Esc] {
            assert_eq!(press(&mut model, code, KeyModifiers::NONE), Next::Wait);
        }
        model.draws(draw::fits(40, 10));
        assert!(text(&model, 40, 10).contains("F2 ="));
        assert_eq!(press(&mut model, KeyCode::Esc, KeyModifiers::NONE), Next::Answer);
    }
    assert!(!draw::fits(40, 9) && !draw::fits(39, 10));
}

#[test]
fn escape_cancels_at_every_stage() {
    for (tries, pinpad) in [(3, false), (1, false), (3, true), (1, true)] {
        let mut model = asked(tries, pinpad);
        assert_eq!(press(&mut model, KeyCode::Esc, KeyModifiers::NONE), Next::Answer);
        assert!(matches!(model.take_answer(), Some(UserAnswer::Cancel)));
        assert!(model.pin.is_none());
    }
}

#[test]
fn the_last_try_is_confirmed_by_the_whole_word() {
    let mut model = past_reading(1, false);
    for typed in ["y", "ye", "YES", "1234", "yess"] {
        keys(&mut model, typed);
        assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
        let screen = text(&model, 80, 24);
        assert!(screen.contains("not yes; nothing was tried"), "{screen}");
        assert!(!screen.contains("1234"));
    }
    keys(&mut model, "yes");
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
    assert!(text(&model, 80, 24).contains("PIN:  "), "nothing is typed ahead");
    keys(&mut model, "1234");
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
    let answer = model.take_answer();
    assert!(matches!(answer, Some(UserAnswer::Sign(PinEntry::Typed(_), LastTry::Confirmed))));
    let mut model = past_reading(1, true);
    keys(&mut model, "yes");
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
    let answer = model.take_answer();
    assert!(matches!(answer, Some(UserAnswer::Sign(PinEntry::Pinpad, LastTry::Confirmed))));
}

#[test]
fn a_pinpad_takes_no_digits_here() {
    let mut model = asked(2, true);
    keys(&mut model, "1234");
    assert!(!text(&model, 80, 24).contains("PIN: •"));
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
    assert_eq!(press(&mut model, GO_ON, KeyModifiers::NONE), Next::Answer);
    let answer = model.take_answer();
    assert!(matches!(answer, Some(UserAnswer::Sign(PinEntry::Pinpad, LastTry::Refuse))));
}

#[test]
fn nothing_typed_for_the_pin_reaches_the_line_or_its_past() {
    let mut model = Model::new();
    typed(&mut model, "/items");
    keys(&mut model, "/bi");
    model.draws(true);
    model.ask(Subject::Pin(question(3, false)));
    press(&mut model, GO_ON, KeyModifiers::NONE);
    keys(&mut model, "1234");
    press(&mut model, KeyCode::Up, KeyModifiers::NONE);
    assert_eq!(model.input.text(), "/bi");
    press(&mut model, KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(model.input.text(), "/bi");
    press(&mut model, KeyCode::Up, KeyModifiers::NONE);
    assert_eq!(model.input.text(), "/items");
}

#[test]
fn on_a_small_window_all_of_the_warning_can_be_read() {
    let mut model = asked(3, false);
    let mut read = String::new();
    for _ in 0..30 {
        read.push_str(&text(&model, 40, 10));
        press(&mut model, KeyCode::Down, KeyModifiers::NONE);
    }
    for part in ["Cidadã", "civil number", "others", "another auction", "ciphertext", "neither"] {
        assert!(read.contains(part), "{part}: {read}");
    }
}

#[test]
fn every_size_is_drawn_without_panic_and_keeps_what_to_do() {
    for model in [
        asked(3, false),
        asked(3, true),
        past_reading(3, false),
        past_reading(1, false),
        past_reading(1, true),
    ] {
        for columns in (1..120).step_by(3) {
            for rows in 1..40 {
                let screen = text(&model, columns, rows);
                if columns >= 40 && rows >= 10 {
                    assert!(screen.contains("Esc ="), "{screen}");
                }
            }
        }
    }
}
