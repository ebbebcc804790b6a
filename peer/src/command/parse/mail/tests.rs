//! What is said about letters, as people type it.

use super::*;
use crate::command::{ChatInput, read_line};

fn command(line: &str) -> Command {
    match read_line(line, Some("77")) {
        Ok(ChatInput::Command(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> String {
    let error = read_line(line, None).unwrap_err();
    assert!(!error.advice.is_empty(), "{line}");
    error.message
}

fn by_shell(words: &[&str]) -> Result<Command, UsageError> {
    Command::parse(words)
}

fn sent(command: Command) -> NewLetter {
    match command {
        Command::Send(letter) => *letter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_box_is_opened_with_and_without_a_handle() {
    for (line, task) in [
        ("/box", BoxTask::Tell),
        ("/box open", BoxTask::Open { handle: None, about: None, now: false }),
        ("/box open now", BoxTask::Open { handle: None, about: None, now: true }),
        (
            "/box open ana about \"old radios\" now",
            BoxTask::Open {
                handle: Some("ana".to_owned()),
                about: Some("old radios".to_owned()),
                now: true,
            },
        ),
        ("/box address", BoxTask::Address),
        ("/box close", BoxTask::Close),
        ("/box even on", BoxTask::Even { on: true }),
        ("/box even OFF", BoxTask::Even { on: false }),
    ] {
        assert_eq!(command(line), Command::Box(task), "{line}");
    }
    for (line, part) in [
        ("/box sell", "opened or closed"),
        ("/box close now", "opened or closed"),
        ("/box about \"x\"", "opened or closed"),
        ("/box open about \"old radios\"", "beside a handle"),
        ("/box open ana maria", "in quotes"),
        ("/box open ana about", "a line about yourself"),
        ("/box open ana about \"\"", "empty"),
        ("/box open \"\"", "empty"),
        ("/box open ana now now", "twice"),
        ("/box open abcdefghijklmnopqrstuvwxyzabcdefg", "33 characters"),
        ("/box open \"ana", "quote"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
    let longest = "a".repeat(LONGEST_HANDLE);
    assert!(read_line(&format!("/box open {longest}"), None).is_ok());
}

#[test]
fn a_text_is_sent_as_typed_and_keywords_follow_one_in_quotes() {
    let plain = sent(command("/send ana is it \"still\" there, don't you know?"));
    assert_eq!(
        plain,
        letter("ana".to_owned(), "is it \"still\" there, don't you know?".to_owned())
    );
    let whole = sent(command(
        "/send \"ana b\" \"Is it there?\" attach a.jpg subject \"The radio\" re 7 evidence receipt expires 7d now attach b.jpg anyway",
    ));
    assert_eq!(
        whole,
        NewLetter {
            subject: Some("The radio".to_owned()),
            re: Some(7),
            attach: vec!["a.jpg".to_owned(), "b.jpg".to_owned()],
            mode: Some(Mode::Evidence),
            receipt: true,
            registered: false,
            expires: Some("7d".to_owned()),
            now: true,
            anyway: true,
            ..letter("ana b".to_owned(), "Is it there?".to_owned())
        }
    );
    // Flags of one word are words of a text like others.
    assert_eq!(sent(command("/send ana thanks for the receipt")).text, "thanks for the receipt");
    assert_eq!(sent(command("/send ana \"\" attach a.jpg")).text, "");
}

#[test]
fn a_shell_gives_the_text_as_one_word_and_its_lines_stay() {
    let said = sent(by_shell(&["send", "ana", "one\r\ntwo", "subject", "x"]).unwrap());
    assert_eq!((said.text.as_str(), said.subject.as_deref()), ("one\ntwo", Some("x")));
    assert_eq!(sent(by_shell(&["send", "ana", "subject"]).unwrap()).text, "subject");
    let error = by_shell(&["send", "ana", "two", "words"]).unwrap_err();
    assert!(error.message.contains("in quotes"), "{error:?}");
}

#[test]
fn what_could_be_a_keyword_or_text_is_refused() {
    for (line, part) in [
        ("/send", "to whom"),
        ("/send ana", "nothing to send"),
        ("/send ana \"\"", "empty"),
        ("/send ana receipt please", "`receipt` can be a word"),
        ("/send ana look, I attach photo.jpg", "`attach` can be a word"),
        ("/send ana the subject matter", "`subject` can be a word"),
        ("/send ana \"x\" y", "in quotes"),
        ("/send ana \"x\" evidence deniable", "not both"),
        ("/send ana \"x\" receipt receipt", "twice"),
        ("/send ana \"x\" now now", "twice"),
        ("/send ana \"x\" subject a subject b", "twice"),
        ("/send ana \"x\" subject", "one line"),
        ("/send ana \"x\" attach", "path"),
        ("/send ana \"x\" re none", "a number from 1 on"),
        ("/send ana \"x\" re 0", "a number from 1 on"),
        ("/send ana \"x\" expires soon", "soon"),
        ("/send ana \"a\u{202e}b\" receipt", "U+202E"),
        ("/send ana \u{200b}", "shows nothing"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
    let most = "s".repeat(LONGEST_SUBJECT);
    assert!(read_line(&format!("/send ana \"x\" subject {most}"), None).is_ok());
    assert!(refused(&format!("/send ana \"x\" subject {most}s")).contains("121 characters"));
}

#[test]
fn contacts_are_added_compared_and_set() {
    let ana = || "ana".to_owned();
    for (line, task) in [
        ("/contact", ContactTask::List),
        ("/contact add ana 3f2a", ContactTask::Add { name: ana(), address: "3f2a".to_owned() }),
        ("/contact verify ana", ContactTask::Verify { who: ana(), words: None }),
        (
            "/contact verify ana one two",
            ContactTask::Verify { who: ana(), words: Some("one two".to_owned()) },
        ),
        (
            "/contact receipts ana ALWAYS",
            ContactTask::Receipts { who: ana(), answer: ReceiptAnswer::Always },
        ),
        ("/contact taken ana tell", ContactTask::Taken { who: ana(), tell: true }),
        ("/contact taken ana Silent", ContactTask::Taken { who: ana(), tell: false }),
        ("/contact mode ana evidence", ContactTask::Mode { who: ana(), mode: Mode::Evidence }),
        (
            "/contact deal ana #3f2a",
            ContactTask::Deal { name: ana(), room: "3f2a".to_owned(), now: false },
        ),
        (
            "/contact deal ana 3f2a now",
            ContactTask::Deal { name: ana(), room: "3f2a".to_owned(), now: true },
        ),
        (
            "/contact rename ana ana maria",
            ContactTask::Rename { who: ana(), name: "ana maria".to_owned() },
        ),
    ] {
        assert_eq!(command(line), Command::Contact(task), "{line}");
    }
    for (line, part) in [
        ("/contact add", "which contact"),
        ("/contact add ana", "address is missing"),
        ("/contact remove ana", "add, deal, verify"),
        ("/contact deal ana", "which private room"),
        ("/contact deal ana 3f", "too short"),
        ("/contact rename ana bea now", "for a deal"),
        ("/contact now", "for a deal"),
        ("/contact receipts ana", "what it is to be"),
        ("/contact receipts ana sometimes", "always, never"),
        ("/contact taken ana", "what it is to be"),
        ("/contact taken ana always", "`tell` or `silent`"),
        ("/contact mode ana loud", "evidence or deniable"),
        ("/contact mode ana", "what it is to be"),
        ("/contact add \"\" 3f2a", "empty"),
        ("/contact \"add", "quote"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
    let longest = "n".repeat(LONGEST_NAME);
    assert!(read_line(&format!("/contact add {longest} 3f2a"), None).is_ok());
    assert!(refused(&format!("/contact add {longest}n 3f2a")).contains("41 characters"));
}

#[test]
fn drafts_are_kept_as_letters_are_sent_and_listed_shown_sent_or_dropped() {
    let Command::Draft(draft) = command("/draft ana Is it still") else { panic!("no draft") };
    assert_eq!((draft.text.as_str(), draft.draft), ("Is it still", false));
    let line = "/draft ana \"Is it\" subject Radio attach a.txt re 3 evidence receipt expires 7d";
    let Command::Draft(draft) = command(line) else { panic!("no draft") };
    let NewLetter { subject, attach, re, mode, receipt, .. } = *draft;
    assert_eq!((subject.as_deref(), attach.as_slice()), (Some("Radio"), &["a.txt".to_owned()][..]));
    assert_eq!((re, mode, receipt), (Some(3), Some(Mode::Evidence), true));
    // Nothing but what goes with it: the text is written later.
    let Command::Draft(draft) = command("/draft ana \"\" subject Radio") else {
        panic!("no draft")
    };
    assert_eq!(draft.text, "");
    let Command::Send(sent) = command("/send ana \"\" draft") else { panic!("no letter") };
    assert!(sent.draft && sent.text.is_empty());
    let Command::Send(sent) = command("/drafts send \"ana b\" now") else { panic!("no letter") };
    assert_eq!((sent.to.as_str(), sent.draft, sent.now, sent.anyway), ("ana b", true, true, false));
    let who = || "ana".to_owned();
    for (line, task) in [
        ("/drafts", DraftsTask::List),
        ("/drafts list", DraftsTask::List),
        ("/drafts show ana", DraftsTask::Show { who: who() }),
        ("/drafts drop ana", DraftsTask::Drop { who: who() }),
    ] {
        assert_eq!(command(line), Command::Drafts(task), "{line}");
    }
    for (line, part) in [
        ("/draft", "to whom"),
        ("/draft ana", "nothing to send"),
        ("/draft ana \"hi\" now", "not expected"),
        ("/draft ana \"hi\" draft", "not expected"),
        ("/draft ana hi subject x", "a word of the text, or a keyword"),
        ("/send ana \"\"", "text is empty"),
        ("/drafts show", "whose"),
        ("/drafts send", "whose"),
        ("/drafts send ana b", "in quotes"),
        ("/drafts ana", "shown, sent or dropped"),
        ("/drafts now", "for a draft that is sent"),
        ("/drafts show ana anyway", "for a draft that is sent"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
}

#[test]
fn a_mode_is_for_all_that_is_written_or_for_one_private_room() {
    let mode = |mode, room: Option<&str>| Command::Mode { mode, room: room.map(str::to_owned) };
    assert_eq!(command("/mode"), mode(None, None));
    assert_eq!(command("/mode Evidence"), mode(Some(Mode::Evidence), None));
    assert_eq!(command("/mode deniable #3f2a"), mode(Some(Mode::Deniable), Some("3f2a")));
    // The room on screen is not meant unless it is named.
    let on_screen = read_line("/mode evidence", Some("3f2a")).unwrap();
    assert_eq!(on_screen, ChatInput::Command(mode(Some(Mode::Evidence), None)));
    for (line, part) in [
        ("/mode loud", "evidence or deniable"),
        ("/mode #3f2a", "evidence or deniable"),
        ("/mode evidence 3f", "too short"),
        ("/mode evidence 3f2a 3f2b", "too many words"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
}

#[test]
fn letters_are_named_by_number() {
    assert_eq!(command("/read 3"), Command::Read { letter: 3, save: None });
    let save = Some("papers".to_owned());
    assert_eq!(command("/read #3 save papers"), Command::Read { letter: 3, save });
    assert_eq!(command("/ack 3 now"), Command::Ack { letter: 3, now: true });
    assert_eq!(command("/recall 3"), Command::Recall { letter: 3 });
    assert_eq!(command("/status"), Command::Status { letter: None, now: false });
    assert_eq!(command("/status 3"), Command::Status { letter: Some(3), now: false });
    assert_eq!(command("/status 3 now"), Command::Status { letter: Some(3), now: true });
    assert!(refused("/status now").contains("say which"));
    for name in ["read", "ack", "recall", "status"] {
        for word in ["x", "0", "-1", "1.5", "18446744073709551616", "3 4"] {
            let said = refused(&format!("/{name} {word}"));
            assert!(said.contains("number of"), "{name} {word}: {said}");
        }
    }
    for name in ["read", "ack", "recall"] {
        assert!(refused(&format!("/{name}")).contains("number of one letter"));
    }
}

#[test]
fn letters_are_listed_and_searched() {
    for (line, filter) in [
        ("/mail", MailFilter::default()),
        ("/mail sent", MailFilter { folder: Some(Folder::Sent), ..MailFilter::default() }),
        (
            "/mail last 5 with \"ana b\" received",
            MailFilter {
                folder: Some(Folder::Received),
                with: Some("ana b".to_owned()),
                last: Some(5),
                export: None,
            },
        ),
        (
            "/mail export \"my letters\"",
            MailFilter { export: Some("my letters".to_owned()), ..MailFilter::default() },
        ),
    ] {
        assert_eq!(command(line), Command::Mail(filter), "{line}");
    }
    let block = |off| Command::Block { who: "ana".to_owned(), off };
    assert_eq!([command("/block ana"), command("/block ana off")], [block(false), block(true)]);
    assert_eq!(command("/search old radio"), Command::Search { text: "old radio".to_owned() });
    for (line, part) in [
        ("/mail sent received", "`received` or `sent`"),
        ("/mail ana", "not expected"),
        ("/mail last", "a number from 1 on"),
        ("/mail with", "name of a contact"),
        ("/mail export", "path of a folder"),
        ("/mail export \"\"", "empty"),
        ("/mail sent export x", "writes all letters"),
        ("/mail with ana export x", "writes all letters"),
        ("/mail last 5 export x", "writes all letters"),
        ("/mail export my letters", "not expected"),
        ("/block", "whom"),
        ("/block ana b", "in quotes"),
        ("/search", "empty"),
        ("/new 3", "no more words"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
}

#[test]
fn what_the_page_shows_about_letters_is_read_as_it_stands_there() {
    const PAGE: &str = include_str!("../../../../../README.md");
    let (_, section) = PAGE.split_once("\n## Write to somebody\n").unwrap();
    let block = section.split("```").nth(1).unwrap();
    // As the page says: in the chat the same words follow a `/`.
    let typed = block.lines().filter_map(|line| line.strip_prefix("$ pregao "));
    let lines: Vec<&str> = typed.filter_map(|line| line.split(" --data ").next()).collect();
    assert!(lines.len() > 5, "{lines:?}");
    for line in lines {
        command(&format!("/{line}"));
    }
}

#[test]
fn a_registered_letter_is_sent_accepted_and_declined_by_its_number() {
    let new = sent(command("/send ana \"Pay by Friday.\" registered evidence subject Last"));
    assert!(new.registered && new.mode == Some(Mode::Evidence) && !new.receipt);
    assert!(!sent(command("/send ana \"Pay by Friday.\" receipt expires 7d")).registered);
    // A word of a text, as other flags are.
    let text = "is it registered";
    assert_eq!(sent(command(&format!("/send ana {text}"))).text, text);
    for (line, part) in [
        ("/send ana \"hi\" registered receipt", "needs no `receipt`"),
        ("/send ana \"hi\" receipt registered", "needs no `receipt`"),
        ("/send ana \"hi\" registered expires 7d", "takes no `expires`"),
        ("/accept", "number of one letter"),
        ("/accept 0", "not the number"),
        ("/accept three", "not the number"),
        ("/accept 3 4", "number of one letter"),
        ("/decline", "number of one letter"),
        ("/decline -1", "not the number"),
        ("/decline 3 now", "number of one letter"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
    assert_eq!(command("/accept 3"), Command::Accept { letter: 3 });
    assert_eq!(command("/decline #4"), Command::Decline { letter: 4 });
}
