//! Transcripts: a room's log as one file that needs nothing else (SPEC 7.1).
//!
//! A line for each batch header and entry, before all of them perhaps one with the broker's
//! certificate, and on the last the signed head with its cosignatures as a JSON string. Here a text
//! is only taken apart; [`crate::audit::verdict`] judges it.

use serde::de::IgnoredAny;

use super::{Entry, Line, Logged, RoomName, lines};

/// Longest file that is read as a transcript, in bytes.
pub const MAX_TRANSCRIPT: usize = 256 * 1024 * 1024;
/// Longest line with a certificate, in bytes: longer than any, and short.
const MAX_BESIDE: usize = 4 * 1024;

/// A line of a transcript but the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TranscriptLine<'a> {
    /// The first line, if it begins as one with a certificate; nothing if it is malformed.
    Certificate(Option<String>),
    /// A line with a batch header.
    Header(&'a str),
    /// Any other, which should be an entry.
    Entry(&'a str),
}

/// A text that ends as a transcript does. Nothing in it is verified.
#[derive(Debug, Clone, Copy)]
pub struct Transcript<'a> {
    body: &'a str,
    last: &'a str,
}

impl<'a> Transcript<'a> {
    /// Takes a text whose last line is a string in JSON, with a line break behind it; `None` for any
    /// other.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        let lines = text.strip_suffix('\n')?;
        let start = lines.rfind('\n').map_or(0, |before| before.saturating_add(1));
        let (body, last) = lines.split_at_checked(start)?;
        let is_string = last.starts_with('"') && serde_json::from_str::<IgnoredAny>(last).is_ok();
        is_string.then_some(Self { body, last })
    }

    /// Every line but the last.
    pub fn lines(&self) -> impl Iterator<Item = TranscriptLine<'a>> + use<'a> {
        self.body.split_terminator('\n').enumerate().map(|(at, line)| {
            if at == 0 && line.starts_with(CERTIFICATE) {
                return TranscriptLine::Certificate(certificate(line));
            }
            match Line::of(line) {
                Line::Header(header) => TranscriptLine::Header(header),
                Line::Entry(entry) => TranscriptLine::Entry(entry),
            }
        })
    }

    /// The signed head with its cosignatures; `None` if the string has another spelling than its one.
    #[must_use]
    pub fn head(&self) -> Option<String> {
        string(self.last)
    }

    /// The room whose opening the first entry holds, whatever else is wrong with it.
    #[must_use]
    pub fn room(&self) -> Option<RoomName> {
        let entry = self.lines().find_map(|line| match line {
            TranscriptLine::Entry(entry) => Some(entry),
            TranscriptLine::Certificate(_) | TranscriptLine::Header(_) => None,
        });
        Entry::parse(entry?).ok().map(|entry| RoomName::of_opening(&entry.action))
    }
}

/// What a line with a certificate begins with.
const CERTIFICATE: &str = "{\"certificate\":";

/// The text in a line with a certificate, in its one spelling.
fn certificate(line: &str) -> Option<String> {
    let text = line.strip_prefix(CERTIFICATE)?.strip_suffix('}')?;
    string(text).filter(|_| line.len() <= MAX_BESIDE)
}

/// The broker's certificate (compact JWS) in a file that has nothing else, the line that a transcript begins with, with or
/// without a line break at its end (V-363); `None` for any other file. It is not verified.
#[must_use]
pub fn certificate_alone(text: &str) -> Option<String> {
    certificate(text.strip_suffix('\n').unwrap_or(text))
}

/// The file that [`certificate_alone`] reads, one line without the line break.
///
/// # Panics
/// Never: a string always has a JSON form.
#[must_use]
pub fn encode_certificate(compact: &str) -> String {
    let text = serde_json::to_string(compact).expect("a string has a JSON form");
    format!("{CERTIFICATE}{text}}}")
}

/// A string in its one spelling.
fn string(json: &str) -> Option<String> {
    let text: String = serde_json::from_str(json).ok()?;
    (serde_json::to_string(&text).ok()? == json).then_some(text)
}

/// The transcript of a log with these entries, and with the broker's certificate, if given. `head` is
/// the signed head over exactly these entries, with what cosignatures there are.
///
/// # Panics
/// Never: a string always has a JSON form.
#[must_use]
pub fn transcript<'a>(
    certificate: Option<&str>,
    entries: impl IntoIterator<Item = Logged<'a>>,
    head: &str,
) -> String {
    let json = |text: &str| serde_json::to_string(text).expect("a string has a JSON form");
    let certificate = certificate.map(encode_certificate);
    let head = json(head);
    let mut text = String::new();
    for line in certificate.into_iter().chain(lines(entries)).chain([head]) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENTRY: &str = r#"{"seq":0}"#;

    #[test]
    fn a_transcript_reads_back_as_it_was_written() {
        let entries = [Logged { entry: ENTRY, header: "h.i.j" }];
        let text = transcript(Some("a.b.c"), entries, "a head\n\n\u{2014} x y\n");
        let read = Transcript::of(&text).unwrap();
        let certificate = TranscriptLine::Certificate(Some("a.b.c".to_owned()));
        let header = TranscriptLine::Header("h.i.j");
        let expected = [certificate, header, TranscriptLine::Entry(ENTRY)];
        assert_eq!(read.lines().collect::<Vec<_>>(), expected);
        assert_eq!(read.head().as_deref(), Some("a head\n\n\u{2014} x y\n"));
        let bare = transcript(None, entries, "x");
        assert_eq!(Transcript::of(&bare).unwrap().lines().collect::<Vec<_>>(), expected[1..]);
    }

    #[test]
    fn what_does_not_end_with_a_string_and_a_line_break_is_no_transcript() {
        for text in
            ["", "\n", "\"a\"", "{}\n", "\"a\"\n\n", "\"a\" x\n", " \"a\"\n", "\"a\"\r\n\u{feff}"]
        {
            assert!(Transcript::of(text).is_none(), "{text:?}");
        }
        let head = |text: &str| Transcript::of(text).map(|read| read.head());
        assert_eq!(head("\"a\"\n"), Some(Some("a".to_owned())));
        // It is one, with a head of another spelling than its one.
        for text in ["\"\\u0061\"\n", "\"a\" \n", "\"\\/\"\n", "\"\\ud800\"\n"] {
            assert_eq!(head(text), Some(None), "{text:?}");
        }
        assert_eq!(Transcript::of("\"a\"\n").unwrap().lines().count(), 0);
    }

    #[test]
    fn a_line_beside_the_entries_has_one_spelling_and_is_short() {
        let first = |line: &str| {
            let text = format!("{line}\n\"\"\n");
            Transcript::of(&text).unwrap().lines().map(|line| format!("{line:?}")).next().unwrap()
        };
        for (line, expected) in [
            (r#"{"header":"a"}"#, r#"Header("a")"#),
            (r#"{"header":""}"#, r#"Header("")"#),
            (r#"{"certificate":"a"}"#, r#"Certificate(Some("a"))"#),
            (r#"{"certificate":"a" }"#, "Certificate(None)"),
            (r#"{"certificate":"\u0061"}"#, "Certificate(None)"),
            (r#"{"certificate":"a","b":"c"}"#, "Certificate(None)"),
            (r#"{"certificate":}"#, "Certificate(None)"),
        ] {
            assert_eq!(first(line), expected, "{line}");
        }
        for line in
            [r#"{"header":"a" }"#, r#"{"header":"\u0061"}"#, r#"{"header":"+"}"#, r#"{"header":1}"#]
        {
            assert!(first(line).starts_with("Entry("), "{line}");
        }
        let long = |size: usize| first(&format!(r#"{{"certificate":"{}"}}"#, "x".repeat(size)));
        assert!(long(MAX_BESIDE - 18).starts_with("Certificate(Some"));
        assert_eq!(long(MAX_BESIDE - 17), "Certificate(None)");
        // A certificate has its place.
        let late = format!("{ENTRY}\n{{\"certificate\":\"a\"}}\n\"\"\n");
        let lines: Vec<_> = Transcript::of(&late).unwrap().lines().collect();
        assert_eq!(lines[1], TranscriptLine::Entry(r#"{"certificate":"a"}"#));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_without_a_panic(text in "(\\PC|\n|\"|\\{){0,200}") {
            if let Some(read) = Transcript::of(&text) {
                prop_assert_eq!(read.lines().count() + 1, text.split_terminator('\n').count());
                let _ = (read.head(), read.room());
            }
        }
    }
}
