//! Short texts that people write: titles, names, messages.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A short text (V-014): 1 to `MAX` characters, at most four bytes each, of which at least one shows
/// something and none [`steers`] the others. Wiped when dropped, hidden from `Debug`: it may be the subject of a letter.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Deserialize)]
#[serde(try_from = "String")]
pub struct Text<const MAX: usize>(String);

/// Hidden texts, which are written as they are and never copied for it.
macro_rules! hidden {
    ([$($of:tt)*] $type:ty, $name:literal) => {
        impl<$($of)*> fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($name)
            }
        }

        impl<$($of)*> Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<$($of)*> From<$type> for String {
            fn from(mut text: $type) -> Self {
                std::mem::take(&mut text.0)
            }
        }
    };
}

hidden!([const MAX: usize] Text<MAX>, "Text(..)");
hidden!([] Lines, "Lines(..)");

/// An empty or overlong text, one that shows nothing, or one that changes how others are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text here is 1 to {max} characters that can be seen and do not steer others")]
pub struct TextError {
    /// Most characters allowed.
    pub max: usize,
}

impl<const MAX: usize> Text<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextError;
    fn try_from(text: String) -> Result<Self, TextError> {
        let length = text.chars().count();
        let is_plain = !text.chars().any(steers) && !text.chars().all(is_blank);
        let text = Self(text);
        if (1..=MAX).contains(&length) && is_plain { Ok(text) } else { Err(TextError { max: MAX }) }
    }
}

/// A text of lines: nothing, or characters of which at least one shows something and none [`steers`] the others but
/// the line feed (V-246). Wiped when dropped, hidden from `Debug`: it is what one person wrote to another.
#[derive(Clone, PartialEq, Eq, Default, Zeroize, ZeroizeOnDrop, Deserialize)]
#[serde(try_from = "String")]
pub struct Lines(String);

/// A text that shows nothing, or one that changes how others are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a text of lines is empty or has characters that can be seen, and none but line feeds steer others"
)]
pub struct LinesError;

impl Lines {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<String> for Lines {
    type Error = LinesError;
    fn try_from(text: String) -> Result<Self, LinesError> {
        let plain = !text.chars().any(|character| character != '\n' && steers(character));
        let shows = text.chars().any(|character| character != '\n' && !is_blank(character));
        let text = Self(text);
        if plain && (shows || text.is_empty()) { Ok(text) } else { Err(LinesError) }
    }
}

/// Whether a character changes the order in which a screen shows others, begins a new line, or hides:
/// nobody needs it in a title, a name or a saying. Listed by number, so that every reader of every
/// version of Unicode judges alike.
#[must_use]
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Whether a character takes room at most, and shows nothing.
const fn is_blank(character: char) -> bool {
    matches!(
        character,
        ' ' | '\u{a0}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{1680}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2000}'..='\u{200d}'
            | '\u{202f}'
            | '\u{205f}'..='\u{2065}'
            | '\u{2800}'
            | '\u{3000}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str) -> bool {
        Text::<8>::try_from(text.to_owned()).is_ok()
    }

    #[test]
    fn v014_a_text_has_one_to_so_many_characters_however_long_in_bytes() {
        for good in [
            "a",
            "12345678",
            "\u{1f44d}\u{1f44d}\u{1f44d}\u{1f44d}",
            "\u{5d0}\u{5d1}",
            "a b",
            "e\u{301}",
        ] {
            assert!(accepted(good), "{good:?}");
        }
        for bad in ["", "123456789"] {
            assert!(!accepted(bad), "{bad:?}");
        }
    }

    #[test]
    fn v014_a_text_that_shows_nothing_is_none() {
        for blank in [
            " ",
            "\u{a0}\u{3000}",
            "\u{200b}\u{200d}",
            "\u{2060}",
            "\u{3164}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0100}",
        ] {
            assert!(!accepted(blank), "{blank:?}");
            assert!(accepted(&format!("{blank}a")), "{blank:?}");
        }
    }

    #[test]
    fn v246_lines_break_and_steer_no_other_way() {
        let read = |text: &str| Lines::try_from(text.to_owned());
        for good in ["", "a", "a\nb", "\n\na\n", " a", "\u{1f44d}"] {
            assert_eq!(read(good).unwrap().as_str(), good);
        }
        for bad in [
            " ",
            "\n",
            "\n \u{2800}\n",
            "a\r\nb",
            "a\rb",
            "a\tb",
            "a\0",
            "\u{202e}a",
            "a\u{2028}b",
            "a\u{85}b",
            "\u{1b}[2J",
            "a\u{b}b",
            "a\u{c}b",
        ] {
            assert_eq!(read(bad), Err(LinesError), "{bad:?}");
        }
    }

    #[test]
    fn v014_a_text_steers_no_other() {
        let steering = [
            '\0',
            '\n',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9f}',
            '\u{61c}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{206f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{e0000}',
            '\u{e007f}',
        ];
        for character in steering {
            assert!(!accepted(&format!("a{character}b")), "{character:?}");
        }
        for beside in [
            '\u{a1}',
            '\u{61b}',
            '\u{2010}',
            '\u{2027}',
            '\u{2030}',
            '\u{2070}',
            '\u{fefe}',
            '\u{fffc}',
            '\u{e0080}',
        ] {
            assert!(accepted(&format!("a{beside}b")), "{beside:?}");
        }
    }
}
