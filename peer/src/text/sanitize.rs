//! Untrusted text made safe to draw.
//!
//! Titles, sayings, names and refusals are written by strangers. A terminal obeys control
//! characters, and terminals disagree on how many columns a cluster of several code points takes:
//! what one of them draws beside its place stays on the screen, next to an amount perhaps. So only
//! characters that form a cluster by themselves are drawn. Anything else shows as [`STAND_IN`].

use unicode_bidi::{BidiClass, bidi_class};
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar as _;

/// Stands for what is not drawn as it is: a crossed box, which takes one column everywhere and has no
/// direction of its own. (U+FFFD is left out by some terminals.)
pub const STAND_IN: char = '\u{2327}';

/// A blank of one column that counts as a letter written from left to right: it ends the influence
/// of right-to-left text on what is beside it.
const GUARD: char = '\u{2800}';

/// The text in characters that every terminal measures alike; line breaks become spaces. Clusters
/// are composed where that gives one character; the choice between a picture and its text form is
/// left to the terminal. Of all else, a cluster shows at most its letters and one [`STAND_IN`].
#[must_use]
pub fn sanitize(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let composed: String = text.nfc().collect();
    let mut drawable = String::with_capacity(composed.len());
    for cluster in composed.graphemes(true) {
        if matches!(cluster, "\r\n") {
            drawable.push_str("  ");
            continue;
        }
        let mut stood_in = false;
        for character in cluster.chars().filter(|character| !chooses_form(cluster, *character)) {
            match character {
                '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => drawable.push(' '),
                character if stands_alone(character) => drawable.push(character),
                _ if stood_in => {}
                _ => {
                    drawable.push(STAND_IN);
                    stood_in = true;
                }
            }
        }
    }
    drawable
}

/// Whether a text is drawn exactly as it is.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    sanitize(text) == text
}

/// The character as it is drawn where every character of a text has a place of its own, as in the
/// line being typed.
#[must_use]
pub fn shown(character: char) -> char {
    if stands_alone(character) { character } else { STAND_IN }
}

/// Columns of a text of [`sanitize`]d characters.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// A [`sanitize`]d text between blanks that keep its right-to-left letters, if it begins or ends with
/// any, from moving digits beside it.
///
/// Terminals that order text by direction take a number after such letters for a part of them, and
/// show it on their other side.
#[must_use]
pub fn apart(text: &str) -> String {
    let strong = |class: &BidiClass| matches!(class, BidiClass::L | BidiClass::R | BidiClass::AL);
    let mut classes = text.chars().map(bidi_class).filter(strong);
    let first = classes.next();
    let last = classes.next_back().or(first);
    let guard = |class: Option<BidiClass>| class.filter(is_right_to_left).map(|_| GUARD);
    let (before, after) = (guard(first), guard(last));
    before.into_iter().chain(text.chars()).chain(after).collect()
}

/// Whether any letter of a text is written from right to left.
#[must_use]
pub fn turns(text: &str) -> bool {
    text.chars().any(|character| is_right_to_left(&bidi_class(character)))
}

const fn is_right_to_left(class: &BidiClass) -> bool {
    matches!(class, BidiClass::R | BidiClass::AL)
}

/// What an error says, followed by its causes that it does not name itself.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// The first `width` characters of the plain text, ending in `…` where something was cut.
#[must_use]
pub fn shortened(text: &str, width: usize) -> String {
    let text = sanitize(text);
    if text.chars().count() <= width {
        return text;
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Whether a character only chooses between the text form and the picture of the one before it.
fn chooses_form(cluster: &str, character: char) -> bool {
    matches!(character, '\u{fe0e}' | '\u{fe0f}') && cluster.chars().count() == 2
}

/// Whether a character is drawn in one or two columns, whatever is beside it.
fn stands_alone(character: char) -> bool {
    use GeneralCategory as Kind;
    let drawn = !matches!(
        character.general_category(),
        Kind::Control
            | Kind::Format
            | Kind::Surrogate
            | Kind::PrivateUse
            | Kind::Unassigned
            | Kind::LineSeparator
            | Kind::ParagraphSeparator
            | Kind::NonspacingMark
            | Kind::SpacingMark
            | Kind::EnclosingMark
    );
    let columns = character.width();
    let joins = || {
        let clusters = |text: String| text.graphemes(true).count();
        clusters(format!("a{character}a")) != 3 || clusters(format!("{character}{character}")) != 2
    };
    let left_out = character == char::REPLACEMENT_CHARACTER;
    drawn && !left_out && matches!(columns, Some(1 | 2)) && (character.is_ascii() || !joins())
}

#[cfg(test)]
mod tests {
    use pregao_protocol::value::text::steers;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(sanitize("\u{1b}[2Jgone\u{7}"), "⌧[2Jgone⌧");
        assert_eq!(sanitize("\u{9b}31mred"), "⌧31mred");
    }

    #[test]
    fn direction_overrides_and_invisible_characters_are_seen_and_do_nothing() {
        assert_eq!(sanitize("pay \u{202e}001\u{202c} EUR"), "pay ⌧001⌧ EUR");
        assert_eq!(sanitize("a\u{2066}b\u{200f}c\u{61c}d\u{feff}e\u{200b}f"), "a⌧b⌧c⌧d⌧e⌧f");
        assert_eq!(sanitize("\u{e0041}\u{ad}\u{3164}\u{180e}\u{e000}\u{378}"), "⌧⌧⌧⌧⌧⌧");
    }

    #[test]
    fn line_breaks_become_spaces() {
        assert_eq!(sanitize("one\ntwo\r\nthree\u{2028}four\tfive"), "one two  three four five");
    }

    #[test]
    fn ordinary_writing_stays() {
        for text in [
            "Pregão à hora: 120 €",
            "Ελληνικά",
            "Привет",
            "日本語",
            "한국어",
            "עברית",
            "العربية",
            "👍",
            "…—“”",
            "⌧",
        ] {
            assert_eq!(sanitize(text), text);
            assert!(is_plain(text));
        }
    }

    #[test]
    fn clusters_of_several_code_points_are_composed_or_stood_in_for() {
        for (text, shown) in [
            ("\u{fffd}9", "⌧9"),
            ("\u{600}9", "⌧9"),
            ("\u{6dd}7 apples", "⌧7 apples"),
            ("flag 🇵🇹 here", "flag ⌧ here"),
            ("wave 👋🏽 there", "wave 👋⌧ there"),
            ("नि नि", "न⌧ न⌧"),
            ("ำำ Thai", "⌧ Thai"),
            ("می\u{200c}خواهم", "می⌧خواهم"),
            ("Pregao\u{303} e\u{301}", "Pregaõ é"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("a\u{300}\u{300}\u{300}\u{300}", "à⌧"),
            ("👨\u{200d}👩\u{200d}👧", "👨⌧👩👧"),
            ("\u{2764}\u{fe0f} 1\u{fe0f}\u{20e3}", "❤ 1⌧"),
        ] {
            assert_eq!(sanitize(text), shown, "{text:?}");
            assert!(!is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn a_cut_is_marked() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
        assert_eq!(shortened("abc", 0), "…");
    }

    /// What a terminal that orders text by direction shows of a row.
    fn as_ordered(row: &str) -> String {
        let levels = unicode_bidi::BidiInfo::new(row, None);
        levels.paragraphs.iter().map(|part| levels.reorder_line(part, part.range.clone())).collect()
    }

    #[test]
    fn right_to_left_text_moves_no_amount_beside_it() {
        for theirs in ["שלום 9", "سلام ٩", "x שלום", "שלום 999 (", "שלום x 9 א"]
        {
            assert!(
                !as_ordered(&format!("{theirs}│120.00 EUR")).ends_with("120.00 EUR")
                    || theirs.starts_with('x'),
                "the terminal of this test does not order text: {theirs}"
            );
            let row = as_ordered(&format!("│{}│120.00 EUR", apart(theirs)));
            assert!(row.starts_with('│') && row.ends_with("│120.00 EUR"), "{row}");
        }
        assert_eq!(apart("plain text, 120"), "plain text, 120");
        assert_eq!(apart("120"), "120");
        assert_eq!(width(&apart("שלום")), 6);
    }

    proptest! {
        #[test]
        fn what_is_plain_is_made_of_characters_that_stand_alone(text in "\\PC{0,20}|.{0,20}") {
            let shown = sanitize(&text);
            prop_assert_eq!(sanitize(&shown), shown.clone());
            prop_assert_eq!(shown.graphemes(true).count(), shown.chars().count());
            prop_assert!(shown.chars().all(|character| matches!(character.width(), Some(1 | 2))));
            prop_assert!(!shown.chars().any(steers));
        }
    }
}
