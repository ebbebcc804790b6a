//! Names of rooms and the one spelling of an entry.

use proptest::prelude::*;

use super::*;

fn entry(seq: u64) -> Entry {
    let path = vec![Digest([1; 32]), Digest([2; 32])];
    let stamp = Stamp { header: Digest([3; 32]), index: 3, path };
    Entry { seq, action: format!("action.{seq}.signature"), stamp }
}

const GOLDEN: &str = concat!(
    r#"{"seq":7,"action":"action.7.signature","#,
    r#""stamp":{"header":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","index":3,"#,
    r#""path":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"#,
    r#"CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"}}"#,
);

#[test]
fn an_entry_is_written_and_hashed_in_these_bytes() {
    assert_eq!(entry(7).encode(), GOLDEN);
    assert_eq!(Entry::parse(GOLDEN), Ok(entry(7)));
    let hashed = Digest::of(&[b"\0", GOLDEN.as_bytes()].concat());
    assert_eq!(entry(7).leaf(), hashed);
}

#[test]
fn a_second_spelling_of_an_entry_is_refused() {
    let other_spellings = [
        ("{", "{ "),
        ("}}", "}}\n"),
        ("}}", "},\"more\":1}"),
        ("}}", "},\"seq\":7}"),
        ("\"seq\":7,", ""),
        (":7,", ":07,"),
        (":7,", ":+7,"),
        (":7,", ":7.0,"),
        (":7,", ":7e0,"),
        (":7,", ":\"7\","),
        (":7,", ":-7,"),
        ("action.7", "\\u0061ction.7"),
        ("AgICAg\"", "AgICAg=\""),
        ("AgICAg\"", "AgICAh\""),
        ("\"seq\"", "\"Seq\""),
    ];
    for (from, to) in other_spellings {
        let other = GOLDEN.replacen(from, to, 1);
        assert_ne!(other, GOLDEN, "{from} is in the entry");
        assert_eq!(Entry::parse(&other), Err(EntryError::NotCanonical), "{other}");
    }
    let reordered = GOLDEN.replace(r#""seq":7,"#, "").replacen("}}", r#"},"seq":7}"#, 1);
    assert!(serde_json::from_str::<Entry>(&reordered).is_ok());
    assert_eq!(Entry::parse(&reordered), Err(EntryError::NotCanonical));
}

#[test]
fn an_entry_ends_with_the_last_number_of_a_log() {
    let last = entry(label::MAX_LOG_SIZE - 1).encode();
    assert!(Entry::parse(&last).is_ok());
    let beyond = entry(label::MAX_LOG_SIZE).encode();
    assert_eq!(Entry::parse(&beyond), Err(EntryError::NotCanonical));
}

#[test]
fn an_entry_may_be_of_the_greatest_length_and_no_longer() {
    let mut long = entry(0);
    let missing = label::MAX_ENTRY - long.encode().len();
    long.action.push_str(&"x".repeat(missing));
    assert_eq!(Entry::parse(&long.encode()), Ok(long.clone()));
    long.action.push('x');
    let error = EntryError::TooLong { max: label::MAX_ENTRY, got: label::MAX_ENTRY + 1 };
    assert_eq!(Entry::parse(&long.encode()), Err(error));
}

#[test]
fn the_longest_action_with_the_longest_stamp_fits_an_entry() {
    let path = vec![Digest([255; 32]); label::MAX_STAMP_PATH];
    let stamp = Stamp { header: Digest([255; 32]), index: u64::MAX, path };
    let action = "a".repeat(label::MAX_ACTION);
    let entry = Entry { seq: label::MAX_LOG_SIZE - 1, action, stamp };
    assert!(entry.encode().len() <= label::MAX_ENTRY);
}

/// Entries by what they are called, each with the header that it names.
fn logged<'a>(entries: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = Logged<'a>> {
    entries.iter().map(|(entry, header)| Logged { entry, header })
}

#[test]
fn v028_headers_are_listed_once_each_in_the_order_in_which_they_are_first_named() {
    let entries = [("0", "b"), ("1", "b"), ("2", "a"), ("3", "b"), ("4", "c"), ("5", "a")];
    assert_eq!(headers(logged(&entries)), ["b", "a", "c"]);
    assert_eq!(headers(logged(&[])), [""; 0]);
}

#[test]
fn v029_a_header_stands_right_before_the_first_entry_that_names_it() {
    let entries = [("0", "b.b.b"), ("1", "b.b.b"), ("2", "a.a.a"), ("3", "b.b.b")];
    let wanted = [r#"{"header":"b.b.b"}"#, "0", "1", r#"{"header":"a.a.a"}"#, "2", "3"];
    assert_eq!(lines(logged(&entries)), wanted);
}

#[test]
fn v029_a_line_with_a_header_has_one_spelling() {
    assert_eq!(Line::of(r#"{"header":"a-Z_09.b.c"}"#), Line::Header("a-Z_09.b.c"));
    let longest = "b".repeat(label::MAX_BATCH);
    assert_eq!(Line::of(&format!(r#"{{"header":"{longest}"}}"#)), Line::Header(&longest));
    for other in [
        String::new(),
        GOLDEN.to_owned(),
        r#"{ "header":"a.b.c"}"#.to_owned(),
        r#"{"header": "a.b.c"}"#.to_owned(),
        r#"{"header":"a.b.c"} "#.to_owned(),
        r#"{"header":"a.b.c","more":""}"#.to_owned(),
        r#"{"header":"a.\u0062.c"}"#.to_owned(),
        r#"{"header":"é.b.c"}"#.to_owned(),
        r#"{"Header":"a.b.c"}"#.to_owned(),
        format!(r#"{{"header":"{longest}b"}}"#),
    ] {
        assert_eq!(Line::of(&other), Line::Entry(&other));
    }
}

#[test]
fn a_room_is_named_by_a_labelled_hash_of_its_opening() {
    let name = RoomName::of_opening("a.b.c");
    assert_eq!(name.0, Digest::of(b"pregao/room/v1a.b.c").0);
    assert_ne!(name, RoomName::of_opening("a.b.d"));
    let text = name.to_string();
    assert_eq!(text.len(), 64);
    assert_eq!(name.short(), text[..8]);
    assert_eq!(text.parse(), Ok(name));
    assert!(text.to_uppercase().parse::<RoomName>().is_err());
    assert!(text[..63].parse::<RoomName>().is_err());
    assert_eq!(serde_json::to_string(&name).unwrap(), format!("\"{text}\""));
}

proptest! {
    #[test]
    fn what_is_read_as_an_entry_is_what_it_is_written_as(text in ".*") {
        if let Ok(entry) = Entry::parse(&text) {
            prop_assert_eq!(entry.encode(), text);
        }
    }

    #[test]
    fn a_perturbed_entry_is_another_entry_or_none(at in 0..GOLDEN.len(), byte in 0_u8..128) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(read) = Entry::parse(&text) {
            prop_assert_eq!(read.encode(), text.clone());
            prop_assert_eq!(read.leaf() == entry(7).leaf(), text == GOLDEN);
        }
    }
}
