//! Whether a text shows anything: a title of nothing but blanks looks like no title at all.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, WhiteSpace};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Symbols that are drawn as a blank, though nothing in Unicode's tables says so: the empty Braille
/// pattern and the musical null notehead.
const BLANK_SYMBOLS: [char; 2] = ['\u{2800}', '\u{1d159}'];

/// Whether at least one character of a text can be seen by itself.
#[must_use]
pub fn shows_something(text: &str) -> bool {
    text.chars().any(is_seen)
}

fn is_seen(character: char) -> bool {
    use GeneralCategory as Kind;
    let nothing_by_itself = matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        Kind::Control
            | Kind::Format
            | Kind::Surrogate
            | Kind::PrivateUse
            | Kind::Unassigned
            | Kind::SpaceSeparator
            | Kind::LineSeparator
            | Kind::ParagraphSeparator
            | Kind::NonspacingMark
            | Kind::EnclosingMark
    );
    !nothing_by_itself
        && !BLANK_SYMBOLS.contains(&character)
        && !CodePointSetData::new::<WhiteSpace>().contains(character)
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_of_every_kind_show_nothing() {
        for text in [
            "",
            "   ",
            "\u{3164}",
            "\u{ffa0}",
            "\u{2800}\u{2800}",
            "\u{115f}\u{1160}",
            "\u{200b}",
            "\u{a0}\u{202f}\u{3000}\u{2003}",
            "\u{ad}\u{34f}\u{17b4}\u{180e}\u{2060}\u{feff}",
            "\u{202e}\u{2066}",
            "\u{fe0f}\u{e0041}",
            "\u{1d159}",
            "\u{301}\u{20dd}",
            "\u{e000}\u{378}",
            "\n\t\u{85}\u{2028}",
        ] {
            assert!(!shows_something(text), "{text:?}");
        }
    }

    #[test]
    fn writing_of_every_kind_shows_something() {
        for text in ["a", ".", "120", "é", "नि", "ำ", "日", "ㅤx", "👍", "\u{2801}", "—", "\u{200b}א"]
        {
            assert!(shows_something(text), "{text:?}");
        }
    }
}
