//! What is typed and not sent, against what the desk keeps.

use super::*;
use crate::chat::model::Next;
use crate::chat::tests::{at, contact, contacts, draft, drafts, letter, typed, written};
use crate::command::NewLetter;
use crate::event::{ActView, Event, LetterStanding, LetterView};
use pregao_protocol::letter::Mode;
use pregao_protocol::value::report::Report;

const ANA: &str = "@ana";

/// Ana and Rui are contacts; Ana is on screen, and nothing is left to be asked.
fn two() -> Model {
    let mut model = Model::new();
    model.apply(contacts(vec![contact("ana", 'a', 0), contact("rui", 'b', 0)]));
    model.select(ANA);
    settle(&mut model);
    model
}

/// Asks all that is asked about letters and contacts.
fn settle(model: &mut Model) {
    while !model.take_questions().is_empty() {}
}

/// What is handed over to be kept, at the frame of this number, and nothing before.
fn kept(model: &mut Model, frame: usize) -> (String, String) {
    for before in 1..frame {
        assert_eq!(model.take_questions(), [], "frame {before}");
    }
    let [Command::Draft(new)] = &*model.take_questions() else { panic!("nothing is kept") };
    let NewLetter { to, text, .. } = &**new;
    (to.clone(), text.clone())
}

fn answered(model: &mut Model, act: &str) {
    let of = ActView { act: Some(act.to_owned()), ..ActView::default() };
    model.apply(Event::Done { id: Some(QUIET.to_owned()), ok: true, of });
}

fn ana(text: &str) -> (String, String) {
    ("ana".to_owned(), text.to_owned())
}

fn asks(model: &mut Model) -> bool {
    model.take_questions() == [Command::Drafts(DraftsTask::List)]
}

#[test]
fn a_line_is_kept_once_it_rests_for_a_second() {
    let mut model = two();
    model.input.paste("dear ana ");
    assert_eq!(kept(&mut model, 11), ana("dear ana"));
    // The same is kept once, whatever the spaces behind it.
    model.input.paste(" ");
    assert_eq!(model.take_questions(), []);
    model.input.paste("and rui");
    assert_eq!(kept(&mut model, 11), ana("dear ana  and rui"));
    model.input.put(String::new());
    assert_eq!(kept(&mut model, 11), ana(""));
}

#[test]
fn a_line_that_does_not_rest_is_kept_every_five_seconds() {
    let mut model = two();
    for frame in 1..50 {
        model.input.paste("x");
        assert_eq!(model.take_questions(), [], "frame {frame}");
    }
    model.input.paste("x");
    assert_eq!(kept(&mut model, 1), ana(&"x".repeat(50)));
    model.input.paste("y");
    assert_eq!(model.take_questions(), []);
}

#[test]
fn a_command_is_no_draft_and_a_line_with_two_slashes_is_one() {
    let mut model = two();
    for (line, text) in [("/read 3", None), ("//read 3", Some("/read 3")), ("/", None)] {
        model.input.put(line.to_owned());
        match text {
            Some(text) => assert_eq!(kept(&mut model, 11), ana(text)),
            None => {
                for _ in 0..60 {
                    assert_eq!(model.take_questions(), [], "{line}");
                }
            }
        }
        assert_eq!(text_of(line), text);
    }
    assert_eq!(line_of("/read 3"), "//read 3");
    assert_eq!(text_of(&line_of("two\nlines")), Some("two\nlines"));
    // In the lobby nothing is a letter.
    model.select("");
    settle(&mut model);
    model.input.put("words".to_owned());
    for _ in 0..60 {
        assert_eq!(model.take_questions(), []);
    }
    assert_eq!(model.last_draft(), None);
}

#[test]
fn what_leaves_the_screen_and_what_stands_there_at_the_end_is_kept_at_once() {
    let mut model = two();
    model.input.paste("dear ana");
    model.select("@rui");
    assert_eq!(kept(&mut model, 1), ana("dear ana"));
    settle(&mut model);
    model.input.paste("dear rui");
    let Some(Command::Draft(new)) = model.last_draft() else { panic!("nothing is kept") };
    assert_eq!((new.to.as_str(), new.text.as_str()), ("rui", "dear rui"));
    assert_eq!(model.last_draft(), None);
}

#[test]
fn a_draft_comes_back_into_the_line_when_its_conversation_is_opened() {
    let mut model = Model::new();
    let mut evidence = draft("ana", "/etc is\nmeant");
    (evidence.mode, evidence.chosen) = (Mode::Evidence, true);
    model.apply(contacts(vec![contact("ana", 'a', 0)]));
    model.apply(drafts(vec![evidence, draft("bea", "dear bea")]));
    assert_eq!(model.input.text(), "");
    model.select(ANA);
    assert_eq!(model.input.text(), "//etc is\nmeant");
    settle(&mut model);
    for _ in 0..60 {
        assert_eq!(model.take_questions(), []);
    }
    // Somebody to whom nothing was written yet has a conversation for it.
    model.select("@bea");
    assert_eq!(model.input.text(), "dear bea");
    model.select(ANA);
    let Next::Send(Command::Send(sent)) = typed(&mut model, "") else { panic!("not sent") };
    assert_eq!((sent.text.as_str(), sent.draft), ("/etc is\nmeant", true));
    assert_eq!(sent.mode, Some(Mode::Evidence));
}

#[test]
fn what_is_newer_on_screen_stays_and_what_came_back_stands_before_it() {
    let mut model = two();
    // Nothing was typed: it comes into the line.
    model.apply(drafts(vec![draft("ana", "one")]));
    assert_eq!(model.input.text(), "one");
    // It was not changed: another text takes its place.
    model.apply(drafts(vec![draft("ana", "two")]));
    assert_eq!(model.input.text(), "two");
    model.input.paste(" and more");
    model.apply(drafts(vec![draft("ana", "two")]));
    assert_eq!(model.input.text(), "two and more");
    // It was sent from elsewhere, and what is typed is none of it.
    model.apply(drafts(vec![]));
    assert_eq!(model.input.text(), "two and more");
    assert_eq!(kept(&mut model, 11), ana("two and more"));
    answered(&mut model, "draft");
    model.input.paste("!");
    model.apply(drafts(vec![draft("ana", "came back")]));
    assert_eq!(model.input.text(), "came back\n\ntwo and more!");
    assert_eq!(kept(&mut model, 11), ana("came back\n\ntwo and more!"));
}

#[test]
fn an_answer_that_may_be_older_than_what_was_handed_over_is_asked_for_again() {
    let mut model = two();
    model.input.paste("one");
    kept(&mut model, 11);
    model.apply(drafts(vec![]));
    assert_eq!(model.input.text(), "one");
    assert!(asks(&mut model));
    // Other answers are not that to the draft.
    answered(&mut model, "mail");
    model.apply(drafts(vec![]));
    assert!(asks(&mut model));
    answered(&mut model, "draft");
    model.apply(drafts(vec![]));
    assert_eq!(model.input.text(), "");
    assert!(!asks(&mut model));
}

#[test]
fn a_letter_that_is_handed_in_takes_its_draft_along_and_one_that_is_refused_keeps_it() {
    let mut model = two();
    model.apply(drafts(vec![draft("ana", "dear ana")]));
    let Next::Send(Command::Send(_)) = typed(&mut model, "") else { panic!("not sent") };
    // Until it is known whether it goes the empty line says nothing.
    for _ in 0..60 {
        assert_eq!(model.take_questions(), []);
    }
    let report = Report::new("mail.blocked", "you have blocked ana", "hear from them again");
    let of = ActView { act: Some("send".to_owned()), ..ActView::default() };
    model.apply(Event::Refused { id: Some(ANA.to_owned()), report, of });
    assert_eq!(model.input.text(), "dear ana");
    for _ in 0..60 {
        assert_eq!(model.take_questions(), []);
    }
    typed(&mut model, "");
    let waits = LetterView { leaves: Some(at(130)), ..written(2, "ana", LetterStanding::Waiting) };
    model.apply(Event::Letter(waits));
    assert!(!model.conversation().unwrap().has_draft());
    // What waits has a text, which is asked for once.
    assert_eq!(model.take_questions(), [Command::Read { letter: 2, save: None }]);
    for _ in 0..60 {
        assert_eq!(model.take_questions(), []);
    }
    // One that is not sent after all comes back.
    model.apply(Event::Letter(written(2, "ana", LetterStanding::Failed)));
    assert!(asks(&mut model));
    model.apply(drafts(vec![draft("ana", "dear ana")]));
    assert_eq!(model.input.text(), "dear ana");
}

#[test]
fn what_comes_back_while_a_command_is_typed_waits_behind_it_and_is_not_written_over() {
    let mut model = two();
    model.input.paste("/status 2");
    model.apply(drafts(vec![draft("ana", "came back")]));
    assert_eq!(model.input.text(), "/status 2");
    assert_eq!(model.take_questions(), []);
    model.input.put("new".to_owned());
    assert_eq!(model.take_questions(), []);
    assert_eq!(model.input.text(), "came back\n\nnew");
    let mut model = two();
    model.input.paste("/status 2");
    model.apply(drafts(vec![draft("ana", "came back")]));
    model.input.put(String::new());
    model.take_questions();
    assert_eq!(model.input.text(), "came back");
}

#[test]
fn whom_a_letter_convinces_is_as_chosen_for_it_for_its_reader_or_for_all() {
    let mut model = two();
    let general = |mode| Event::Mode { id: Some(QUIET.to_owned()), mode, rooms: Vec::new() };
    model.apply(Event::Letter(letter(1, None, LetterStanding::Unread)));
    model.apply(general(Mode::Evidence));
    let mode = |model: &mut Model, id: &str| {
        model.select(id);
        model.conversation().unwrap().mode()
    };
    // Of a contact the desk says which it is; nobody known has what holds for all.
    assert_eq!(mode(&mut model, ANA), Mode::Deniable);
    assert_eq!(mode(&mut model, "@#77777777"), Mode::Evidence);
    model.apply(Event::Letter(LetterView {
        who: crate::event::WhoView { name: None, short: Some("8".repeat(8)), verified: false },
        ..letter(2, None, LetterStanding::Unread)
    }));
    assert_eq!(mode(&mut model, "@#88888888"), Mode::Evidence);
    model.apply(general(Mode::Deniable));
    assert_eq!(mode(&mut model, "@#88888888"), Mode::Deniable);
    let mut chosen = draft("ana", "dear ana");
    (chosen.mode, chosen.chosen) = (Mode::Evidence, true);
    model.apply(drafts(vec![chosen]));
    assert_eq!(mode(&mut model, ANA), Mode::Evidence);
}

#[test]
fn a_draft_for_a_box_stays_with_it_when_it_becomes_a_contact() {
    let mut model = Model::new();
    model.apply(Event::Letter(letter(1, None, LetterStanding::Unread)));
    model.select("@#77777777");
    settle(&mut model);
    model.input.paste("who are you");
    let (to, text) = kept(&mut model, 11);
    assert_eq!((to.as_str(), text.as_str()), ("#77777777", "who are you"));
    model.select("");
    model.apply(contacts(vec![contact("gil", '7', 0)]));
    model.select("@gil");
    assert_eq!(model.input.text(), "who are you");
}
