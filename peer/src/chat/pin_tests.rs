use super::*;
use crate::card::Tries;
use crate::chat::draw::draw;
use crate::chat::tests::{press, typed};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

pub(crate) fn question(tries: u8, pinpad: bool) -> PinQuestion {
    PinQuestion {
        holder: "Cidadã de Teste Um".to_owned(),
        reader: "Virtual Reader 00 00".to_owned(),
        tries: Tries::Left(tries),
        warning: [
            "You show the seller of \"Old radio\" who you are.",
            "The seller gets the card's certificate: your full name and your civil number are in \
             it and cannot be left out.",
            "You state besides: birth-date 1980-01-31.",
            "The seller can show all this to others and prove that your card signed it. It cannot \
             be taken back.",
            "It holds for this auction, its log, the keys of both of you and your role, and \
             nowhere else.",
            "The broker sees only a padded ciphertext, and releases both sides' or neither.",
        ]
        .map(str::to_owned)
        .to_vec(),
        pinpad,
    }
}

fn asked(tries: u8, pinpad: bool) -> Model {
    let mut model = Model::new();
    model.ask(question(tries, pinpad));
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
    let mut model = asked(3, false);
    keys(&mut model, "1234");
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn question_for_the_last_try() {
    insta::assert_snapshot!(text(&asked(1, false), 80, 24));
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
    let mut model = asked(3, false);
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
fn enter_signs_with_the_digits_typed() {
    let mut model = asked(3, false);
    keys(&mut model, "12a-345678999");
    press(&mut model, KeyCode::Backspace, KeyModifiers::NONE);
    assert!(text(&model, 80, 24).contains("PIN: ••••••• "));
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
    let answer = model.take_answer();
    assert!(matches!(answer, Some(Answer::Sign(PinEntry::Typed(_), LastTry::Refuse))));
    assert!(model.pin.is_none() && model.take_answer().is_none());
}

#[test]
fn too_few_digits_are_not_tried() {
    let mut model = asked(3, false);
    for digits in ["", "123"] {
        keys(&mut model, digits);
        assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
        assert!(text(&model, 80, 24).contains("4 to 8 digits; nothing was tried"));
        assert!(text(&model, 80, 24).contains("PIN:  "));
    }
    keys(&mut model, "1234");
    assert!(!text(&model, 80, 24).contains("nothing was tried"));
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
}

#[test]
fn escape_cancels_at_every_stage() {
    for (tries, pinpad) in [(3, false), (1, false), (3, true), (1, true)] {
        let mut model = asked(tries, pinpad);
        assert_eq!(press(&mut model, KeyCode::Esc, KeyModifiers::NONE), Next::Answer);
        assert!(matches!(model.take_answer(), Some(Answer::Cancel)));
        assert!(model.pin.is_none());
    }
}

#[test]
fn the_last_try_is_confirmed_before_anything_is_typed() {
    let mut model = asked(1, false);
    keys(&mut model, "1234");
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
    assert!(!text(&model, 80, 24).contains("PIN: "), "nothing is typed ahead");
    keys(&mut model, "y1234");
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
    let answer = model.take_answer();
    assert!(matches!(answer, Some(Answer::Sign(PinEntry::Typed(_), LastTry::Confirmed))));
    let mut model = asked(1, true);
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
    assert_eq!(press(&mut model, KeyCode::Char('n'), KeyModifiers::NONE), Next::Answer);
    assert!(matches!(model.take_answer(), Some(Answer::Cancel)));
}

#[test]
fn a_pinpad_takes_no_digits_here() {
    let mut model = asked(2, true);
    keys(&mut model, "1234");
    assert!(!text(&model, 80, 24).contains('•') || !text(&model, 80, 24).contains("PIN: •"));
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Answer);
    let answer = model.take_answer();
    assert!(matches!(answer, Some(Answer::Sign(PinEntry::Pinpad, LastTry::Refuse))));
}

#[test]
fn nothing_typed_for_the_pin_reaches_the_line_or_its_past() {
    let mut model = Model::new();
    typed(&mut model, "/items");
    keys(&mut model, "/bi");
    model.ask(question(3, false));
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
    for part in ["Cidadã", "civil number", "others", "nowhere", "ciphertext", "neither"] {
        assert!(read.contains(part), "{part}: {read}");
    }
}

#[test]
fn every_size_is_drawn_without_panic_and_keeps_what_to_do() {
    for model in [asked(3, false), asked(1, false), asked(3, true)] {
        for columns in (1..120).step_by(3) {
            for rows in 1..40 {
                let screen = text(&model, columns, rows);
                if columns >= 40 && rows >= 10 {
                    assert!(screen.contains("Esc =") || screen.contains("n = sign"), "{screen}");
                }
            }
        }
    }
}
