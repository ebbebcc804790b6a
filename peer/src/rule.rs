//! A seller's rule as people meet it: read from a file, shown in words and as it was written, and what it answers.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use pregao_protocol::room::auction::rule::{Answer, Bidding, MAX_SOURCE, Rule};

use crate::text::sanitize::sanitize;

/// Why a file holds no rule's source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("the rule in {path} cannot be read")]
    Read {
        /// Which file.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It is no text, or larger than any rule.
    #[error("{path} is no text of at most {MAX_SOURCE} bytes")]
    Text {
        /// Which file.
        path: String,
    },
}

/// The source of a rule: a file of text, whose lines may end as on any system.
///
/// # Errors
/// [`SourceError`]; whether the text is a rule is not asked.
pub fn source(path: &Path) -> Result<String, SourceError> {
    let shown = || sanitize(&path.display().to_string());
    let read = |source| SourceError::Read { path: shown(), source };
    // Ends of lines that are written in two bytes become one.
    let most = u64::try_from(MAX_SOURCE.saturating_mul(2)).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(read)?;
    // What is no file may never end, or keep the reader waiting.
    if !file.metadata().map_err(read)?.is_file() {
        return Err(SourceError::Text { path: shown() });
    }
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(read)?;
    let text = String::from_utf8(bytes).map_err(|_| SourceError::Text { path: shown() })?;
    let text = text.replace("\r\n", "\n");
    let text = text.trim_end_matches('\n');
    if text.len() > MAX_SOURCE {
        Err(SourceError::Text { path: shown() })
    } else {
        Ok(text.to_owned())
    }
}

/// What a rule means in words, and then as it was written.
#[must_use]
pub fn shown(source: &str, bidding: Bidding) -> Vec<String> {
    let mut lines: Vec<String> = match Rule::read(source, bidding) {
        Ok(rule) => rule.words().iter().map(|line| sanitize(line)).collect(),
        Err(error) => vec![format!("It is no rule: {}", sanitize(&error.to_string()))],
    };
    lines.push("As it was written:".to_owned());
    lines.extend(source.lines().map(|line| format!("| {}", sanitize(line))));
    lines
}

/// An answer that does not accept a bid, in words; `None` if it does.
#[must_use]
pub fn refused(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Accepts => None,
        Answer::Refuses => Some("the seller's rule does not allow this bid".to_owned()),
        Answer::Says(saying) => {
            Some(format!("the seller's rule refuses this bid: “{}”", sanitize(saying.as_str())))
        }
        Answer::Errs(fault) => {
            Some(format!("the seller's rule has no answer about this bid: {fault}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_from_a_file_with_any_ends_of_lines() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("rule");
        std::fs::write(&path, "// a\r\ntrue\r\n\r\n").unwrap();
        assert_eq!(source(&path).unwrap(), "// a\ntrue");
        std::fs::write(&path, "a".repeat(MAX_SOURCE)).unwrap();
        assert_eq!(source(&path).unwrap().len(), MAX_SOURCE);
        for bad in [&b"\xff"[..], "a".repeat(MAX_SOURCE + 1).as_bytes()] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(source(&path), Err(SourceError::Text { .. })));
        }
        assert!(source(place.path()).is_err());
        assert!(matches!(source(&place.path().join("none")), Err(SourceError::Read { .. })));
    }

    #[test]
    fn a_rule_is_shown_in_words_and_as_written() {
        let lines =
            shown("// why\nif amount % 500 == 0 { true } else { \"fives\" }", Bidding::Open);
        let expected = [
            "If the bid is a multiple of 500:",
            "  The bid is accepted.",
            "Otherwise:",
            "  The bid is refused, and the bidder reads: “fives”",
            "As it was written:",
            "| // why",
            "| if amount % 500 == 0 { true } else { \"fives\" }",
        ];
        assert_eq!(lines, expected);
        let lines = shown("amount > highest", Bidding::Sealed);
        assert_eq!(lines[0], "It is no rule: line 1, column 10: highest is not known here");
    }
}
