use super::*;
use crate::chat::tests::{auction, connected, press, typed};
use crate::command::Command;
use crate::event::Event;
use crate::front::channel::Subject;
use ratatui::crossterm::event::{Event as TerminalEvent, KeyModifiers};

/// The question before a disclosure.
pub(crate) fn disclosure() -> Confirmation {
    Confirmation {
        terms: Vec::new(),
        act: "show \"Ana Silva\", \"ana@example.org\" to the other side of #77aa77aa \"Old radio\""
            .to_owned(),
        grounds: [
            "The other side can show this to anybody, and prove that it is yours.",
            "It cannot be taken back.",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

/// A chat with an auction on screen.
fn chat() -> Model {
    let mut model = Model::new();
    model.apply(connected());
    let room = auction("3f2a", "Old radio");
    let id = room.room.clone();
    model.apply(Event::Room(room));
    model.select(&id);
    model.draws(true);
    model
}

fn asked(model: &mut Model) {
    model.ask(Subject::Confirm(disclosure()));
    model.takes_answers();
}

/// Keys as they arrive in one read.
fn read(text: &str) -> Vec<TerminalEvent> {
    let code = |character| match character {
        '\n' => KeyCode::Enter,
        character => KeyCode::Char(character),
    };
    text.chars().map(|c| TerminalEvent::Key(KeyEvent::new(code(c), KeyModifiers::NONE))).collect()
}

fn answer(model: &mut Model) -> UserAnswer {
    assert!(!model.is_asked());
    model.take_answer().unwrap()
}

#[test]
fn only_the_whole_word_and_enter_answer() {
    for (text, yes) in [("yes\n", true), ("y\n", false), ("\n", false), ("yesyes\n", false)] {
        let mut model = chat();
        asked(&mut model);
        assert_eq!(typed(&mut model, text.trim()), Next::Answer, "{text:?}");
        assert_eq!(matches!(answer(&mut model), UserAnswer::Yes), yes, "{text:?}");
    }
    let mut model = chat();
    asked(&mut model);
    for key in "yes y Y n".chars() {
        assert_eq!(press(&mut model, KeyCode::Char(key), KeyModifiers::NONE), Next::Wait);
        assert!(model.is_asked());
    }
    assert_eq!(press(&mut model, KeyCode::Esc, KeyModifiers::NONE), Next::Answer);
    assert!(matches!(answer(&mut model), UserAnswer::Cancel));
}

#[test]
fn what_stood_in_the_line_before_answers_nothing_and_stays() {
    for before in ["yes", "ye", "y", "/bid 5"] {
        let mut model = chat();
        model.events(read(before));
        asked(&mut model);
        let rest = if before == "ye" { "s" } else { "" };
        assert_eq!(typed(&mut model, rest), Next::Answer, "{before}");
        assert!(matches!(answer(&mut model), UserAnswer::Cancel), "{before}");
        assert_eq!(model.input.text(), before);
    }
}

#[test]
fn what_comes_with_the_line_that_is_asked_about_is_not_even_sent() {
    let mut model = chat();
    for text in ["/bid 500\nyes\n", "/bid 1\n/bid 2\n", "/bid 1\n/bid 2", "\n/bid 1\n/quit\n"] {
        assert_eq!(model.events(read(text)), Next::Wait, "{text:?}");
        assert!(model.input.is_empty() && !model.is_asked());
        let last = &model.current().unwrap().messages;
        let texts: Vec<&str> = last.iter().map(|message| message.text.as_str()).collect();
        assert!(texts.iter().any(|text| text.contains("several lines came at once")), "{texts:?}");
    }
    // A line that was begun before counts with what arrives.
    model.events(read("/bid 5"));
    assert_eq!(model.events(read("\nyes\n")), Next::Wait);
    assert_eq!(model.input.text(), "/bid 5 yes ");
}

#[test]
fn more_than_a_line_holds_in_one_read_sends_nothing_of_it() {
    let mut model = chat();
    let most = crate::chat::keys::MOST_TYPED;
    // The part that is kept may end in an Enter of its own.
    let mut lines = "x".repeat(most - 7) + "\n/bid 5\n";
    lines.truncate(most + 1);
    assert_eq!(model.events(read(&lines)), Next::Wait);
    assert!(model.input.is_empty());
    asked(&mut model);
    assert_eq!(model.events(read(&("yes\n".to_owned() + &"x".repeat(most)))), Next::Wait);
    assert!(model.is_asked());
}

#[test]
fn a_paste_of_several_lines_is_shown_and_sends_nothing() {
    let mut model = chat();
    for lines in ["one\ntwo\n", "/bid 1\n/bid 2", "/bid 3\r\n5"] {
        let next = model.events(vec![TerminalEvent::Paste(lines.to_owned())]);
        assert_eq!(next, Next::Wait);
    }
    assert_eq!(model.input.text(), "one two ");
    assert_eq!(model.events(read("three")), Next::Wait);
    let next = model.events(read("\n"));
    assert!(matches!(next, Next::Send(Command::Say { text, .. }) if text == "one two three"));
    // One line with its Enter is what people type.
    assert!(matches!(model.events(read("/bid 5\n")), Next::Send(Command::Bid { .. })));
}

#[test]
fn nothing_is_pasted_into_a_question_and_nothing_after_its_answer_counts() {
    let mut model = chat();
    asked(&mut model);
    assert_eq!(model.events(vec![TerminalEvent::Paste("yes\n".to_owned())]), Next::Wait);
    assert!(model.is_asked());
    assert_eq!(model.events(read("yes\n/bid 5\nyes\n")), Next::Answer);
    assert!(matches!(answer(&mut model), UserAnswer::Yes));
    assert!(model.input.is_empty());
}

#[test]
fn what_is_typed_before_the_question_stands_there_answers_nothing() {
    let mut model = chat();
    model.ask(Subject::Confirm(disclosure()));
    assert_eq!(model.events(read("yes\n")), Next::Wait);
    assert!(model.is_asked() && model.input.is_empty());
    model.takes_answers();
    assert_eq!(model.events(read("\n")), Next::Answer);
    assert!(matches!(answer(&mut model), UserAnswer::Cancel));
}

#[test]
fn a_question_that_is_not_drawn_takes_no_answer() {
    let mut model = chat();
    model.draws(false);
    asked(&mut model);
    assert_eq!(model.events(read("yes\n")), Next::Wait);
    model.draws(true);
    assert_eq!(model.events(read("\n")), Next::Answer);
    assert!(matches!(answer(&mut model), UserAnswer::Cancel));
}
