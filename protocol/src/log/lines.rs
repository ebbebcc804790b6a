//! Logs as lines of text: entries, and each batch header right before the first that names it (V-029).

use std::collections::HashSet;

use crate::value::label;

/// An entry as logged, with the batch header (compact JWS) that its stamp names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged<'a> {
    /// The entry's bytes.
    pub entry: &'a str,
    /// The header as transmitted.
    pub header: &'a str,
}

/// A line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// `{"header":"…"}` with a batch header, not verified.
    Header(&'a str),
    /// Any other, which should be an entry.
    Entry(&'a str),
}

const BEFORE: &str = r#"{"header":""#;
const AFTER: &str = r#""}"#;

impl<'a> Line<'a> {
    /// Tells what a line is to be read as.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let inner = text.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
        // What a compact JWS is written with needs no escape, so there is one spelling.
        let written = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
        match inner {
            Some(header) if header.len() <= label::MAX_BATCH && header.bytes().all(written) => {
                Self::Header(header)
            }
            Some(_) | None => Self::Entry(text),
        }
    }
}

/// The headers that entries name, each once, in the order in which they are first named (V-028).
#[must_use]
pub fn headers<'a>(entries: impl IntoIterator<Item = Logged<'a>>) -> Vec<&'a str> {
    let mut named = Named::default();
    entries.into_iter().map(|entry| entry.header).filter(|header| named.is_new(header)).collect()
}

/// The lines of a log with these entries, without its head.
#[must_use]
pub fn lines<'a>(entries: impl IntoIterator<Item = Logged<'a>>) -> Vec<String> {
    let mut named = Named::default();
    let mut lines = Vec::new();
    for Logged { entry, header } in entries {
        if named.is_new(header) {
            lines.push(format!("{BEFORE}{header}{AFTER}"));
        }
        lines.push(entry.to_owned());
    }
    lines
}

/// Headers that were named before.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    last: Option<&'a str>,
    all: HashSet<&'a str>,
}

impl<'a> Named<'a> {
    /// Whether a header is named for the first time; from now on it is not.
    pub(crate) fn is_new(&mut self, header: &'a str) -> bool {
        // Entries that name one header mostly come together.
        if self.last == Some(header) {
            return false;
        }
        self.last = Some(header);
        self.all.insert(header)
    }

    /// Whether it would be.
    pub(crate) fn would_be_new(&self, header: &str) -> bool {
        self.last != Some(header) && !self.all.contains(header)
    }
}
