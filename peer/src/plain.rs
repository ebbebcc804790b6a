//! Untrusted text made safe to draw.
//!
//! Titles, sayings, names and refusals are written by strangers. A terminal obeys control
//! characters, and direction overrides can make one amount look like another.

/// The text without control, direction and invisible characters; line breaks become spaces.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            character if character.is_control() || steers_display(character) => None,
            character => Some(character),
        })
        .collect()
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
    let text = plain(text);
    if text.chars().count() <= width {
        return text;
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Characters that draw nothing themselves and change how or whether others are drawn.
fn steers_display(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(plain("\u{1b}[2Jgone\u{7}"), "[2Jgone");
        assert_eq!(plain("\u{9b}31mred"), "31mred");
    }

    #[test]
    fn direction_overrides_and_invisible_characters_are_dropped() {
        assert_eq!(plain("pay \u{202e}001\u{202c} EUR"), "pay 001 EUR");
        assert_eq!(plain("a\u{2066}b\u{2069}c\u{200f}d\u{61c}e\u{feff}f\u{200b}g"), "abcdefg");
    }

    #[test]
    fn line_breaks_become_spaces() {
        assert_eq!(plain("one\ntwo\r\nthree\u{2028}four\tfive"), "one two  three four five");
    }

    #[test]
    fn ordinary_writing_stays() {
        for text in ["Pregão à hora: 120 €", "Ελληνικά", "日本語", "עברית", "👍"]
        {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn a_cut_is_marked() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
        assert_eq!(shortened("abc", 0), "…");
    }
}
