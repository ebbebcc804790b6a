//! Letters in lines.

use super::*;
use crate::event::{Event, LetterStanding, Personal};
use crate::front::oneshot::lines;

fn letter(number: u64, name: Option<&str>, subject: &str) -> LetterView {
    LetterView {
        letter: number,
        folder: Folder::Received,
        who: WhoView {
            name: name.map(str::to_owned),
            short: Some("3f2a".to_owned()),
            verified: false,
        },
        time: Time::from_micros(1_700_000_000_000_000).unwrap(),
        mode: Some(Mode::Deniable),
        subject: Some(Personal::new(subject.to_owned())),
        attachments: 0,
        standing: LetterStanding::Unread,
        acknowledged: None,
        cause: None,
        wants_receipt: false,
        re: None,
        leaves: None,
        even: false,
        registered: None,
    }
}

#[test]
fn a_letter_is_one_line_with_all_that_decides_whether_to_read_it() {
    let shown = line(&letter(3, Some("ana"), "Radio"));
    assert_eq!(shown, "3  from ana  2023-11-14 22:13Z  \"Radio\"  not read  deniable");
    let other = LetterView {
        standing: LetterStanding::Unopened,
        acknowledged: None,
        cause: Some("its key is gone".to_owned()),
        mode: None,
        subject: None,
        attachments: 2,
        wants_receipt: true,
        ..letter(4, None, "")
    };
    let shown = line(&other);
    assert!(shown.starts_with("4  from box 3f2a  "), "{shown}");
    for part in ["CANNOT BE OPENED", "2 files", "asks for a receipt", "its key is gone"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_registered_letter_is_marked_however_it_stands() {
    let registered = Some(crate::event::RegisteredView::default());
    for (standing, words) in [
        (LetterStanding::ToAccept, "waits for you to accept it"),
        (LetterStanding::Unread, "not read"),
        (LetterStanding::Lapsed, "LAPSED"),
    ] {
        let view = LetterView { standing, registered, ..letter(3, Some("ana"), "Radio") };
        let expected = format!("\"Radio\"  {words}  deniable  registered");
        assert!(line(&view).ends_with(&expected), "{}", line(&view));
    }
    assert!(!line(&letter(3, Some("ana"), "Radio")).contains("registered"));
}

#[test]
fn what_another_wrote_is_quoted_in_every_row() {
    let hostile = format!(
        "first\nALARM: the broker lies\n\n{}\u{1b}[31m\u{202e}end",
        "a word and another ".repeat(12)
    );
    let read = ReadView {
        letter: letter(3, Some("ana"), "Radio\u{1b}[0m"),
        text: Personal::new(hostile),
        files: vec![FileView {
            name: Personal::new("a.jpg".to_owned()),
            media_type: "image/jpeg".to_owned(),
            size: 7,
            saved: None,
        }],
        notes: vec!["it convinces nobody but you".to_owned()],
    };
    let shown = lines(&Event::Read { id: None, shown: Box::new(read) }, None);
    let (first, rest) = shown.split_first().unwrap();
    assert!(first.starts_with("3  from ana"));
    for row in rest {
        let known = [QUOTE.trim_end(), "  + ", "  → "];
        assert!(known.iter().any(|begin| row.starts_with(begin)), "{row}");
        assert!(!row.contains(['\u{1b}', '\u{202e}']), "{row}");
    }
    assert!(rest.contains(&"  | ALARM: the broker lies".to_owned()), "{rest:?}");
    assert_eq!(rest[0], "  | Subject: Radio[0m".replace("[0m", &sanitize("\u{1b}[0m")));
}

#[test]
fn an_empty_list_says_what_to_do() {
    for (event, part) in [
        (Event::Mail { id: None, letters: vec![], left_out: 0, unread: 0 }, "no letters"),
        (Event::Contacts { id: None, contacts: vec![] }, "contact add"),
        (Event::Boxes { id: None, boxes: vec![], even: false }, "box open"),
        (Event::People { id: None, people: vec![], left_out: 0 }, "nobody"),
        (Event::Status { id: None, letters: vec![] }, "sent no letter"),
    ] {
        let shown = lines(&event, None);
        assert!(shown.concat().contains(part), "{shown:?}");
    }
}

#[test]
fn a_list_says_what_is_not_read_and_what_was_left_out() {
    let letters = vec![letter(1, Some("ana"), "a"), letter(12, None, "b")];
    let shown = mail(&letters, 4, 2);
    assert_eq!(shown.len(), 4);
    assert!(shown[0].contains("4 older left out"), "{shown:?}");
    assert!(shown[1].starts_with("1   from ana"), "{shown:?}");
    assert!(shown[3].contains("2 not read"), "{shown:?}");
    assert!(mail(&letters, 0, 0).last().unwrap().contains("all read"));
}

#[test]
fn people_of_one_handle_are_told_apart_and_known_ones_marked() {
    let person = |short: &str, contact: Option<&str>| PersonView {
        handle: "ana".to_owned(),
        about: Some("old radios".to_owned()),
        name: short.repeat(16),
        short: short.to_owned(),
        contact: contact.map(str::to_owned),
        own: false,
    };
    let shown = people(&[person("3f2a", Some("Ana M")), person("77c0", None)], 1);
    assert_eq!(shown[0], "3f2a  \"ana\"  your contact Ana M  \"old radios\"");
    assert_eq!(shown[1], "77c0  \"ana\"  \"old radios\"");
    assert!(shown[2].contains("1 more"));
}
