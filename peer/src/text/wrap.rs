//! Text in terminal columns: cutting, wrapping. The input is sanitized already; each row
//! that comes out is kept apart from what is drawn beside it.

pub(crate) use crate::text::sanitize::width;
use crate::text::sanitize::{apart, turns};

/// As much of a text as fits, ending in `…` where something was cut.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let whole = apart(text);
    if width(&whole) <= columns {
        return whole;
    }
    // Room for the mark of the cut, and for what keeps right-to-left text apart.
    for spare in 1..=3 {
        let (mut cut, _) = split(text, columns.saturating_sub(spare));
        if columns > 0 {
            cut.push('…');
        }
        let cut = apart(&cut);
        if width(&cut) <= columns {
            return cut;
        }
    }
    "…".repeat(columns.min(1))
}

/// A text filled with spaces or cut to exactly so many columns.
pub(crate) fn exactly(text: &str, columns: usize) -> String {
    let mut text = fit(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Lines of at most so many columns, broken at spaces where possible; lines after the first are
/// indented.
pub(crate) fn wrap(text: &str, columns: usize, indent: usize) -> Vec<String> {
    if !turns(text) {
        return broken(text, columns, indent);
    }
    // Each row may need a blank on both sides.
    let rows = broken(text, columns.saturating_sub(2).max(1), indent);
    rows.iter().map(|row| apart(row)).collect()
}

fn broken(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let indent = indent.min(columns / 2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        if width(&line).saturating_add(width(word.trim_end())) > columns && !line.trim().is_empty()
        {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        }
        line.push_str(word);
        while width(line.trim_end()) > columns {
            let (head, rest) = split(&line, columns);
            // A column that holds not even one character would never end.
            if head.trim().is_empty() {
                break;
            }
            lines.push(head);
            line = format!("{}{rest}", " ".repeat(indent));
        }
    }
    if !line.trim().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The longest beginning that fits, and the rest.
fn split(text: &str, columns: usize) -> (String, String) {
    let mut used = 0_usize;
    let end = text.char_indices().find(|(_, character)| {
        used = used.saturating_add(width(character.encode_utf8(&mut [0; 4])));
        used > columns
    });
    let at = end.map_or(text.len(), |(at, _)| at);
    let (head, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    (head.to_owned(), rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 8, 2), ["one two ", "  three"]);
        assert_eq!(wrap("", 8, 2), [""]);
        assert_eq!(wrap("abcdefghij", 4, 1), ["abcd", " efg", " hij"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(exactly("日本語", 4), "日… ");
        for line in wrap("日本語日本語 日本語", 5, 2) {
            assert!(width(&line) <= 5, "{line}");
        }
    }

    #[test]
    fn no_width_is_too_small_to_end() {
        for columns in 0..4 {
            let _ = wrap("日本 語 abc", columns, 2);
            assert!(width(&fit("日本語", columns)) <= columns.max(1));
        }
    }
}
