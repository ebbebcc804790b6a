use std::time::Duration;

use pregao_protocol::letter::Mode;
use pregao_protocol::value::report::Report;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use super::*;
use crate::chat::model::{Model, Next, QUIET};
use crate::chat::room::{Room, Tone};
use crate::chat::tests::{
    at, auction, contact, contacts, draft, drafts, letter, press, read, typed, written,
};
use crate::command::{Command, ContactTask, DraftsTask, NewLetter};
use crate::event::{ActView, Event, RegisteredView};

const ANA: &str = "@ana";

/// Ana and Rui are contacts; Ana is on screen.
fn two() -> Model {
    let mut model = Model::new();
    model.apply(Event::Room(auction("3f2a", "Old radio")));
    model.apply(contacts(vec![contact("ana", 'a', 0), contact("rui", 'b', 0)]));
    model.select(ANA);
    model
}

fn room<'a>(model: &'a Model, id: &str) -> &'a Room {
    model.listed().into_iter().find(|room| room.id == id).unwrap()
}

fn lines(model: &Model, id: &str) -> Vec<String> {
    room(model, id).messages.iter().map(|line| line.text.clone()).collect()
}

fn unread(model: &Model, id: &str) -> u64 {
    room(model, id).badge(model.has_all_unread())
}

fn titles(model: &Model) -> Vec<String> {
    let letters = model.listed().into_iter().filter(|room| room.letters.is_some());
    letters.map(Room::title).collect()
}

fn mail(letters: Vec<LetterView>, left_out: u64) -> Event {
    let unread = letters.len() as u64;
    Event::Mail { id: Some(QUIET.to_owned()), letters, left_out, unread }
}

fn act(name: &str) -> ActView {
    ActView { act: Some(name.to_owned()), ..ActView::default() }
}

fn sent(next: Next) -> NewLetter {
    let Next::Send(Command::Send(letter)) = next else { panic!("{next:?}") };
    *letter
}

#[test]
fn what_was_not_read_is_counted_from_the_store_and_one_less_when_it_is_read() {
    let mut model = two();
    let new = |number| letter(number, Some("ana"), LetterStanding::Unread);
    model.apply(mail(vec![new(1), new(2)], 0));
    assert_eq!((unread(&model, ANA), model.unread_letters()), (2, 2));
    // The same once more is no further letter.
    model.apply(Event::Letter(new(2)));
    assert_eq!(unread(&model, ANA), 2);
    // To look at the conversation is not to read its letters.
    model.select("");
    model.select(ANA);
    assert_eq!(unread(&model, ANA), 2);
    model.apply(read(letter(2, Some("ana"), LetterStanding::Read), "hello", Some(ANA)));
    assert_eq!((unread(&model, ANA), model.unread_letters()), (1, 1));
}

#[test]
fn where_the_store_has_more_than_it_listed_its_own_count_holds() {
    let mut model = Model::new();
    let new = |number| letter(number, Some("ana"), LetterStanding::Unread);
    model.apply(contacts(vec![contact("ana", 'a', 1_500)]));
    assert_eq!(unread(&model, ANA), 0);
    model.apply(mail(vec![new(1), new(2)], 1));
    assert_eq!(unread(&model, ANA), 1_500);
    model.apply(read(letter(2, Some("ana"), LetterStanding::Read), "hello", None));
    assert_eq!(unread(&model, ANA), 1_499);
}

#[test]
fn the_chat_asks_for_its_letters_when_it_begins_and_shows_no_answer_as_one() {
    let mut model = Model::new();
    let before = lines(&model, "");
    let asked = model.take_questions();
    let [
        Command::Contact(ContactTask::List),
        Command::New,
        Command::Mail(filter),
        Command::Drafts(DraftsTask::List),
        Command::Mode { mode: None, room: None },
    ] = &*asked
    else {
        panic!("{asked:?}")
    };
    assert_eq!((filter.last, &filter.with), (Some(200), &None));
    assert_eq!(model.take_questions(), []);
    model.apply(contacts(vec![contact("ana", 'a', 0)]));
    model.apply(mail(vec![letter(1, Some("ana"), LetterStanding::Read)], 0));
    let done = Event::Done { id: Some(QUIET.to_owned()), ok: true, of: act("mail") };
    model.apply(done);
    assert_eq!(lines(&model, ""), before);
    // What goes wrong with them is said.
    model.select(ANA);
    for name in ["contact", "new", "mail"] {
        let report = Report::new("mail.closed", "the letters cannot be opened", "look at mail.db");
        model.apply(Event::Refused { id: Some(QUIET.to_owned()), report, of: act(name) });
    }
    // Once, for one cause.
    assert_eq!(lines(&model, "").join("\n").matches("the letters cannot be opened").count(), 1);
    assert!(!lines(&model, ANA).join("\n").contains("cannot be opened"));
}

#[test]
fn texts_are_asked_for_that_are_on_screen_and_never_of_what_was_not_read() {
    let mut model = two();
    model.take_questions();
    let of = |number, standing| letter(number, Some("ana"), standing);
    model.apply(mail(
        vec![
            of(1, LetterStanding::Read),
            of(2, LetterStanding::Unread),
            of(3, LetterStanding::Acknowledged),
            of(4, LetterStanding::Unopened),
            written(5, "ana", LetterStanding::Waiting),
            written(6, "ana", LetterStanding::Deposited),
            written(7, "ana", LetterStanding::Recalled),
            letter(8, Some("rui"), LetterStanding::Read),
        ],
        0,
    ));
    let asked = model.take_questions();
    let [Command::Mail(filter)] = &*asked else { panic!("{asked:?}") };
    assert_eq!(filter.with.as_deref(), Some("ana"));
    let numbers = |asked: Vec<Command>| -> Vec<u64> {
        let number = |command: &Command| match command {
            Command::Read { letter, save: None } => *letter,
            other => panic!("{other:?}"),
        };
        asked.iter().map(number).collect()
    };
    let asked = model.take_questions();
    assert_eq!(numbers(asked.clone()), [6, 5, 3, 1]);
    assert_eq!(model.take_questions(), []);
    // A desk that is busy is asked again, and one that has answered is not.
    model.questions_failed(asked);
    model.take_questions();
    model.apply(read(of(1, LetterStanding::Read), "one", Some(QUIET)));
    assert_eq!(numbers(model.take_questions()), [6, 5, 3]);
    assert!(lines(&model, ANA).contains(&"one".to_owned()));
    // What is not on screen is not kept.
    model.select("");
    assert!(!lines(&model, ANA).contains(&"one".to_owned()));
    model.apply(read(of(1, LetterStanding::Read), "one", Some(QUIET)));
    assert!(!lines(&model, ANA).contains(&"one".to_owned()));
}

#[test]
fn a_typed_line_is_a_letter_of_the_mode_that_is_shown() {
    let mut model = two();
    let letter = sent(typed(&mut model, "is it still there?"));
    assert_eq!((letter.to.as_str(), letter.text.as_str()), ("ana", "is it still there?"));
    assert_eq!(letter.mode, Some(Mode::Deniable));
    let signs = ContactView { mode: Mode::Evidence, ..contact("ana", 'a', 0) };
    model.apply(contacts(vec![signs]));
    assert_eq!(sent(typed(&mut model, "yes")).mode, Some(Mode::Evidence));
    // One slash stands for itself.
    assert_eq!(sent(typed(&mut model, "//bid is a command")).text, "/bid is a command");
    // To somebody unknown, by the beginning of their box's name.
    model.apply(Event::Letter(super::super::tests::letter(9, None, LetterStanding::Unread)));
    model.select("@#77777777");
    let letter = sent(typed(&mut model, "who are you?"));
    assert_eq!((letter.to.as_str(), letter.mode), ("#77777777", Some(Mode::Deniable)));
}

#[test]
fn what_is_no_letter_is_not_sent_and_stays_to_be_changed() {
    let mut model = two();
    for line in ["\u{200b}", "a\u{202e}b"] {
        model.input.put(line.to_owned());
        assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait, "{line:?}");
        assert_eq!(model.input.text(), line);
        model.input.put(String::new());
    }
    for line in ["", "   "] {
        assert_eq!(typed(&mut model, line), Next::Wait);
        model.input.put(String::new());
    }
    // A bid has no room there.
    assert_eq!(typed(&mut model, "/bid 120"), Next::Wait);
    assert!(lines(&model, ANA).join("\n").contains("in which room"));
    model.apply(Event::Letter(letter(9, None, LetterStanding::Unopened)));
    model.select("@/");
    assert_eq!(typed(&mut model, "hello?"), Next::Wait);
    assert!(lines(&model, "@/").join("\n").contains("not known whose box"));
    assert_eq!(model.input.text(), "hello?");
}

#[test]
fn a_refused_letter_comes_back_unless_something_else_is_typed() {
    let refused = || {
        let report = Report::new("mail.no-attachment", "no attachment", "add one");
        Event::Refused { id: Some(ANA.to_owned()), report, of: act("send") }
    };
    let mut model = two();
    sent(typed(&mut model, "it is attached"));
    model.apply(refused());
    assert_eq!(model.input.text(), "it is attached");
    assert!(lines(&model, ANA).join("\n").contains("refused: send: no attachment"));
    press(&mut model, KeyCode::Enter, KeyModifiers::NONE);
    model.input.put("another".to_owned());
    model.apply(refused());
    assert_eq!(model.input.text(), "another");
    // Of something else that was typed there, nothing comes back.
    model.input.put(String::new());
    sent(typed(&mut model, "three"));
    let report = Report::new("x", "y", "z");
    model.apply(Event::Refused { id: Some(ANA.to_owned()), report, of: act("read") });
    assert_eq!(model.input.text(), "");
    // While another room is on screen it is kept for this one.
    model.select("");
    model.apply(refused());
    assert_eq!(model.input.text(), "");
    model.select(ANA);
    assert_eq!(model.input.text(), "three");
}

#[test]
fn a_letter_waits_with_its_text_and_can_be_taken_back_until_it_leaves() {
    let mut model = two();
    sent(typed(&mut model, "too fast"));
    let waits = LetterView { leaves: Some(at(130)), ..written(2, "ana", LetterStanding::Waiting) };
    model.advance(at(121), Duration::ZERO);
    model.apply(Event::Letter(waits.clone()));
    let head = |model: &Model| lines(model, ANA)[0].clone();
    assert!(head(&model).ends_with("deniable, leaves in 0:09: /recall 2"), "{}", head(&model));
    assert_eq!(lines(&model, ANA)[1], "too fast");
    model.advance(at(129), Duration::ZERO);
    assert!(head(&model).contains("leaves in 0:01"));
    model.advance(at(130), Duration::ZERO);
    assert!(!head(&model).contains("leaves in 0:"), "{}", head(&model));
    assert_eq!(model.input.text(), "");
    model.apply(Event::Letter(written(2, "ana", LetterStanding::Recalled)));
    assert!(head(&model).ends_with("taken back"));
    assert!(model.take_questions().contains(&Command::Drafts(DraftsTask::List)));
    model.apply(drafts(vec![draft("ana", "too fast")]));
    assert_eq!(model.input.text(), "too fast");
}

#[test]
fn drafts_stay_with_their_conversation_and_come_to_no_auction() {
    let mut model = two();
    model.input.paste("dear ana");
    model.select("@rui");
    assert_eq!(model.input.text(), "");
    model.input.paste("dear rui");
    model.select("");
    assert_eq!(model.input.text(), "");
    model.input.paste("/bid 1");
    // What is typed for one auction may be meant for the next.
    model.select(&"3f2a".repeat(16));
    assert_eq!(model.input.text(), "/bid 1");
    model.select(ANA);
    assert_eq!(model.input.text(), "dear ana");
    model.select("@rui");
    assert_eq!(model.input.text(), "dear rui");
    model.select(&"3f2a".repeat(16));
    assert_eq!(model.input.text(), "/bid 1");
}

#[test]
fn what_a_letter_says_is_not_offered_again_where_others_hear_it() {
    let mut model = two();
    sent(typed(&mut model, "a secret"));
    assert!(matches!(typed(&mut model, "/read 1"), Next::Send(Command::Read { .. })));
    model.select("");
    press(&mut model, KeyCode::Up, KeyModifiers::NONE);
    assert_eq!(model.input.text(), "/read 1");
    press(&mut model, KeyCode::Up, KeyModifiers::NONE);
    assert_eq!(model.input.text(), "/read 1");
}

#[test]
fn threads_stand_together_the_one_with_the_newest_letter_last() {
    let mut model = two();
    let of = |number, re| LetterView { re, ..letter(number, Some("ana"), LetterStanding::Read) };
    // 4 overtook what it answers, 6 answers what is not here, 7 itself.
    for view in [of(1, None), of(2, None), of(3, Some(1)), of(4, Some(5)), of(5, None)] {
        model.apply(Event::Letter(view));
    }
    model.apply(Event::Letter(of(6, Some(99))));
    model.apply(Event::Letter(of(7, Some(7))));
    let order = |model: &Model| -> Vec<String> {
        lines(model, ANA).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(order(&model), ["2", "1", "3", "4", "5", "6", "7"]);
    model.apply(Event::Letter(of(8, Some(2))));
    assert_eq!(order(&model), ["1", "3", "4", "5", "6", "7", "2", "8"]);
    assert!(lines(&model, ANA)[1].starts_with("3 from them, re 1, "));
    // Two that answer each other are no endless thread.
    model.apply(Event::Letter(of(9, Some(10))));
    model.apply(Event::Letter(of(10, Some(9))));
    assert_eq!(order(&model).len(), 10);
}

#[test]
fn what_failed_or_cannot_be_opened_is_said_with_its_cause() {
    let mut model = two();
    let failed = LetterView {
        cause: Some("box.full".to_owned()),
        ..written(1, "ana", LetterStanding::Failed)
    };
    let closed = LetterView {
        cause: Some("its key is gone".to_owned()),
        mode: None,
        ..letter(2, None, LetterStanding::Unopened)
    };
    let forged = LetterView {
        cause: Some("NOT SHOWN WHO WROTE IT: other key".to_owned()),
        ..letter(3, Some("ana"), LetterStanding::Read)
    };
    for view in [failed, closed, forged] {
        model.apply(Event::Letter(view));
    }
    let ana = room(&model, ANA);
    assert!(ana.messages[0].text.ends_with("NOT SENT: box.full"));
    assert!(ana.messages[1].text.contains("NOT SHOWN WHO WROTE IT: other key"));
    assert!(ana.messages.iter().all(|line| line.tone == Tone::Bad));
    let unopened = room(&model, "@/");
    assert!(unopened.messages[0].text.ends_with("CANNOT BE OPENED: its key is gone"));
    assert_eq!((unread(&model, "@/"), unread(&model, ANA)), (1, 0));
}

#[test]
fn a_registered_letter_waits_with_both_commands_and_what_is_in_it_comes_once_it_was_accepted() {
    let mut model = two();
    let view = |standing| LetterView {
        registered: Some(RegisteredView {
            until: Some(at(7_200)),
            bytes: 4_028,
            files: 2,
            accepted: None,
        }),
        ..letter(3, Some("ana"), standing)
    };
    model.advance(at(100), Duration::ZERO);
    model.apply(Event::Letter(view(LetterStanding::ToAccept)));
    assert!(model.take_ring());
    let shown = lines(&model, ANA);
    assert!(shown[0].ends_with("waits for you to accept it: /accept 3 or /decline 3"), "{shown:?}");
    assert!(shown[0].contains(", REGISTERED, "), "{shown:?}");
    assert!(
        shown.iter().any(|line| line.contains("4028 bytes, with 2 files, until ")),
        "{shown:?}"
    );
    assert_eq!(unread(&model, ANA), 1);
    // The chat does not look at it by itself, and looking is not reading.
    assert!(!asks_to_read(&mut model));
    let mut closed = read(view(LetterStanding::ToAccept), "", Some(ANA));
    if let Event::Read { shown, .. } = &mut closed {
        shown.notes = vec!["accept 3 does so".to_owned()];
    }
    model.apply(closed);
    assert!(lines(&model, ANA).iter().any(|line| line.ends_with("accept 3 does so")));
    model.apply(Event::Letter(view(LetterStanding::Accepting)));
    assert_eq!(unread(&model, ANA), 1);
    assert!(
        !lines(&model, ANA)
            .iter()
            .any(|line| line.contains("/accept") || line.ends_with("does so"))
    );
    model.apply(Event::Letter(view(LetterStanding::Unread)));
    assert!(lines(&model, ANA)[0].ends_with("not read: /read 3"));
    model.apply(Event::Letter(view(LetterStanding::Read)));
    assert!(asks_to_read(&mut model), "it was shown without its text before");
    assert_eq!(unread(&model, ANA), 0);
    for gone in [LetterStanding::Declined, LetterStanding::Lapsed] {
        let mut model = two();
        model.apply(Event::Letter(view(gone)));
        assert!(lines(&model, ANA)[0].ends_with(gone.words()), "{gone:?}");
        assert_eq!(unread(&model, ANA), 0);
    }
    // One that lapsed counts as not read until its reader looks at it.
    let mut model = two();
    model.apply(Event::Letter(view(LetterStanding::Lapsed)));
    assert!(!asks_to_read(&mut model));
}

/// Whether the chat asks by itself for what a letter says.
fn asks_to_read(model: &mut Model) -> bool {
    let mut asked = Vec::new();
    for _ in 0..4 {
        asked.extend(model.take_questions());
    }
    asked.iter().any(|command| matches!(command, Command::Read { .. }))
}

#[test]
fn a_letter_rings_once_and_what_was_sent_never() {
    let mut model = two();
    let new = letter(1, Some("ana"), LetterStanding::Unread);
    model.apply(Event::Letter(new.clone()));
    assert!(model.take_ring());
    model.apply(Event::Letter(new));
    model.apply(Event::Letter(written(2, "ana", LetterStanding::Deposited)));
    assert!(!model.take_ring());
}

#[test]
fn who_becomes_a_contact_or_is_renamed_keeps_their_letters_and_the_screen() {
    let mut model = Model::new();
    model.apply(Event::Letter(letter(1, None, LetterStanding::Unread)));
    model.select("@#77777777");
    model.input.paste("half a");
    model.apply(contacts(vec![contact("eva", '7', 1)]));
    assert_eq!((titles(&model), lines(&model, "@eva").len()), (vec!["eva".to_owned()], 1));
    assert_eq!(model.current().unwrap().id, "@eva");
    assert_eq!(model.input.text(), "half a");
    model.apply(contacts(vec![contact("eva maria", '7', 1)]));
    assert_eq!(
        (titles(&model), lines(&model, "@eva maria").len()),
        (vec!["eva maria".to_owned()], 1)
    );
    // Somebody else of that name is somebody else.
    model.apply(contacts(vec![contact("eva", '8', 0), contact("eva maria", '7', 1)]));
    assert_eq!(lines(&model, "@eva maria").len(), 1);
    assert_eq!(titles(&model).len(), 2);
    // A letter that turns out to be hers is not in two places.
    model.apply(Event::Letter(letter(1, Some("eva"), LetterStanding::Unread)));
    assert_eq!((lines(&model, "@eva maria").len(), lines(&model, "@eva").len()), (0, 1));
}

#[test]
fn strangers_fill_neither_the_list_nor_the_memory() {
    let mut model = two();
    for number in 1..=300 {
        let mut view = letter(number, None, LetterStanding::Unread);
        view.who.short = Some(format!("{number:08x}"));
        model.apply(Event::Letter(view));
    }
    assert_eq!(titles(&model).len(), 2 + 200 + 1);
    assert_eq!(unread(&model, "@/"), 100);
    for number in 1_000..1_000 + MOST_LETTERS as u64 + 1 {
        model.apply(Event::Letter(letter(number, Some("ana"), LetterStanding::Unread)));
    }
    assert_eq!(unread(&model, ANA), MOST_LETTERS as u64);
    assert!(lines(&model, ANA)[0].starts_with("1001 "));
}

#[test]
fn f2_walks_what_was_not_read_and_comes_back_to_the_room() {
    let mut model = two();
    let f2 = |model: &mut Model| {
        press(model, KeyCode::F(2), KeyModifiers::NONE);
        model.current().unwrap().id.clone()
    };
    let radio = "3f2a".repeat(16);
    model.select(&radio);
    // Nothing is new: the first, and back.
    assert_eq!(f2(&mut model), ANA);
    assert_eq!(f2(&mut model), radio);
    model.apply(Event::Letter(letter(1, Some("rui"), LetterStanding::Unread)));
    model.apply(Event::Letter(letter(2, Some("ana"), LetterStanding::Unread)));
    assert_eq!([f2(&mut model), f2(&mut model), f2(&mut model)], [ANA, "@rui", &radio]);
    let mut model = Model::new();
    assert_eq!(f2(&mut model), "");
    assert!(lines(&model, "").join("\n").contains("no letters yet"));
}

#[test]
fn conversations_follow_the_rooms_what_was_not_read_and_the_newest_first() {
    let mut model = two();
    assert_eq!(titles(&model), ["ana", "rui"]);
    model.apply(Event::Letter(letter(1, Some("rui"), LetterStanding::Read)));
    assert_eq!(titles(&model), ["rui", "ana"]);
    model.apply(Event::Letter(letter(2, Some("ana"), LetterStanding::Read)));
    assert_eq!(titles(&model), ["ana", "rui"]);
    model.apply(Event::Letter(letter(3, None, LetterStanding::Unopened)));
    assert_eq!(titles(&model), ["not opened", "ana", "rui"]);
    let first: Vec<String> = model.listed().iter().take(2).map(|room| room.title()).collect();
    assert_eq!(first, ["lobby", "Old radio"]);
    // An auction is named after #, and no conversation is.
    assert_eq!(model.names().len(), 1);
}

#[test]
fn a_long_letter_says_where_all_of_it_is_read() {
    let mut model = two();
    let view = letter(1, Some("ana"), LetterStanding::Read);
    let ends = |model: &Model| lines(model, ANA).last().unwrap().contains("pregao read 1");
    for (text, is_cut) in [
        ("x\n".repeat(400), false),
        ("x\n".repeat(401), true),
        ("é".repeat(20_000), false),
        ("é".repeat(20_001), true),
    ] {
        model.apply(read(view.clone(), &text, Some(QUIET)));
        assert_eq!(ends(&model), is_cut, "{}", text.len());
    }
}

#[test]
fn a_letter_that_is_asked_for_is_scrolled_to() {
    let mut model = two();
    for number in 1..=100 {
        model.apply(Event::Letter(letter(number, Some("ana"), LetterStanding::Read)));
    }
    model.apply(read(letter(40, Some("ana"), LetterStanding::Read), "there", Some(QUIET)));
    assert_eq!(model.current().unwrap().scroll, 0);
    model.apply(read(letter(40, Some("ana"), LetterStanding::Read), "there", Some(ANA)));
    assert_eq!(model.current().unwrap().scroll, 60);
    model.apply(read(letter(98, Some("ana"), LetterStanding::Read), "there", Some(ANA)));
    assert_eq!(model.current().unwrap().scroll, 0);
}

#[test]
fn who_asks_for_a_letter_elsewhere_comes_to_see_it_unless_they_type() {
    let reads = |id: &str| read(letter(4, Some("rui"), LetterStanding::Read), "the text", Some(id));
    let mut model = two();
    model.apply(reads(ANA));
    assert_eq!(model.current().unwrap().id, "@rui");
    assert!(lines(&model, "@rui").contains(&"the text".to_owned()));
    let is_said = |model: &Model, id: &str| {
        let told = lines(model, id).join("\n").contains("letter 4 is shown with the letters: rui");
        assert!(!lines(model, id).join("\n").contains("the text"));
        told
    };
    // They type; they have gone elsewhere.
    let mut model = two();
    model.input.paste("dear");
    model.apply(reads(ANA));
    assert_eq!(model.current().unwrap().id, ANA);
    assert!(is_said(&model, ANA) && !is_said(&model, "@rui"));
    let mut model = two();
    model.select("");
    model.apply(reads(ANA));
    assert_eq!(model.current().unwrap().id, "");
    assert!(is_said(&model, ANA) && !is_said(&model, ""));
    // What the chat asks by itself moves nobody.
    let mut model = two();
    model.apply(reads(QUIET));
    assert_eq!(model.current().unwrap().id, ANA);
    assert!(!is_said(&model, ANA));
}

#[test]
fn what_changes_a_contact_is_followed_by_the_question_how_they_stand() {
    let mut model = two();
    model.take_questions();
    for (line, asks) in [
        ("/contact mode ana evidence", true),
        ("/block ana", true),
        ("/contact", false),
        ("/mail", false),
    ] {
        model.take_questions();
        model.take_questions();
        assert!(matches!(typed(&mut model, line), Next::Send(_)), "{line}");
        let asked = model.take_questions();
        let how = [Command::Contact(ContactTask::List), Command::Drafts(DraftsTask::List)];
        assert_eq!(asked == how, asks, "{line}: {asked:?}");
    }
}

#[test]
fn a_letter_of_today_says_its_minute_and_an_older_one_its_day() {
    let mut model = two();
    let day = 24 * 60 * 60;
    model.apply(Event::Letter(letter(1, Some("ana"), LetterStanding::Read)));
    for (now, when) in [
        (None, "1 from them, 2026-11-20 13:01, "),
        (Some(at(60)), "1 from them, 13:01, "),
        // Midnight is eleven hours later.
        (Some(at(11 * 3_600 - 1)), "1 from them, 13:01, "),
        (Some(at(11 * 3_600)), "1 from them, 11-20 13:01, "),
        (Some(at(41 * day)), "1 from them, 11-20 13:01, "),
        (Some(at(42 * day)), "1 from them, 2026-11-20 13:01, "),
    ] {
        if let Some(now) = now {
            model.advance(now, Duration::ZERO);
        }
        model.apply(Event::Letter(letter(1, Some("ana"), LetterStanding::Read)));
        assert!(lines(&model, ANA)[0].starts_with(when), "{}", lines(&model, ANA)[0]);
    }
}
