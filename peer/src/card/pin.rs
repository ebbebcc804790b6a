//! The authentication PIN, and how many tries it has.

use std::fmt;

use zeroize::Zeroizing;

use super::CardError;

/// Fewest and most digits of a PIN.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=8;

/// A PIN in the form that the card takes: 4 to 8 ASCII digits, padded with FF to eight bytes.
/// Wiped when dropped, and in one place from the first: moving it leaves no copies behind. `Debug`
/// shows none of it.
pub struct Pin(Box<Zeroizing<[u8; 8]>>);

impl Pin {
    /// Takes what was typed, without its line end. The card is not asked.
    ///
    /// # Errors
    /// [`CardError::PinForm`] unless these are 4 to 8 ASCII digits.
    pub fn new(text: Zeroizing<String>) -> Result<Self, CardError> {
        let digits = text.as_bytes();
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(CardError::PinForm(PinForm::NotDigits));
        }
        if digits.len() < *DIGITS.start() {
            return Err(CardError::PinForm(PinForm::Short));
        }
        if digits.len() > *DIGITS.end() {
            return Err(CardError::PinForm(PinForm::Long));
        }
        let mut block = Box::new(Zeroizing::new([0xFF; 8]));
        block.iter_mut().zip(digits).for_each(|(place, digit)| *place = *digit);
        Ok(Self(block))
    }

    pub(super) fn block(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(********)")
    }
}

/// Why a text cannot be a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinForm {
    /// Fewer than 4 digits.
    #[error("it has fewer than 4 digits")]
    Short,
    /// More than 8 digits.
    #[error("it has more than 8 digits")]
    Long,
    /// Something else than digits.
    #[error("it has something else than digits")]
    NotDigits,
    /// The reader with a keypad refused it.
    #[error("the reader refused it")]
    Reader,
}

/// Where the PIN comes from.
#[derive(Debug)]
pub enum PinEntry {
    /// From the person or a file.
    Typed(Pin),
    /// From the keypad of the reader; this program never sees it.
    Pinpad,
}

/// Whether the last try may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastTry {
    /// Never.
    Refuse,
    /// The person knows that a wrong PIN will block the card.
    Confirmed,
}

/// How many wrong PINs the card still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// So many, at least one.
    Left(u8),
    /// None: the PIN is blocked.
    Blocked,
    /// The card has the PIN as verified and tells no number.
    Verified,
}

impl Tries {
    pub(super) const fn of(left: u8) -> Self {
        if left == 0 { Self::Blocked } else { Self::Left(left) }
    }

    /// The number, if the card told it.
    #[must_use]
    pub const fn left(self) -> Option<u8> {
        match self {
            Self::Left(left) => Some(left),
            Self::Blocked => Some(0),
            Self::Verified => None,
        }
    }

    /// Whether one wrong PIN would block the card.
    #[must_use]
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Left(1))
    }
}

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(1) => f.write_str("1 try left"),
            Self::Left(left) => write!(f, "{left} tries left"),
            Self::Blocked => f.write_str("no tries left, blocked"),
            Self::Verified => f.write_str("verified"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Result<Pin, CardError> {
        Pin::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_pin_has_four_to_eight_ascii_digits() {
        assert_eq!(pin("1234").unwrap().block(), b"1234\xFF\xFF\xFF\xFF");
        assert_eq!(pin("12345678").unwrap().block(), b"12345678");
        for (text, form) in [
            ("", PinForm::Short),
            ("123", PinForm::Short),
            ("123456789", PinForm::Long),
            ("12a4", PinForm::NotDigits),
            ("1234\n", PinForm::NotDigits),
            (" 1234", PinForm::NotDigits),
            ("١٢٣٤", PinForm::NotDigits),
        ] {
            let Err(CardError::PinForm(found)) = pin(text) else { panic!("{text:?}") };
            assert_eq!(found, form, "{text:?}");
        }
    }

    #[test]
    fn debug_and_errors_show_no_digit() {
        let debug = format!("{:?}", PinEntry::Typed(pin("90817263").unwrap()));
        assert!(!debug.bytes().any(|byte| byte.is_ascii_digit()), "{debug}");
        let error = pin("90817263x").unwrap_err();
        for text in [format!("{error:?}"), error.to_string()] {
            assert!(!text.contains("9081"), "{text}");
        }
    }

    #[test]
    fn only_one_try_left_is_the_last() {
        let last: Vec<u8> = (0..=15).filter(|left| Tries::of(*left).is_last()).collect();
        assert_eq!(last, [1]);
        assert!(!Tries::Verified.is_last());
        assert_eq!(Tries::of(0), Tries::Blocked);
        assert_eq!((Tries::of(2).left(), Tries::Verified.left()), (Some(2), None));
    }
}
