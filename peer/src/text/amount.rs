//! Amounts of money: decimal text as people type it, integer minor units everywhere else.
//!
//! SPEC: integers up to 2^53 − 1 minor units; the number of decimals follows ISO 4217. What could
//! be read in two ways is refused, never guessed.

use pregao_protocol::room::auction::MAX_STEPS;
use pregao_protocol::room::body::{Amount, Step};
use pregao_protocol::value::label::MAX_AMOUNT;

use crate::text::usage_error::UsageError;

/// Most decimals any currency has.
const MOST_DECIMALS: usize = 4;

/// Longest text looked at; 2^53 − 1 has 16 digits.
const LONGEST: usize = 32;

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Nothing was typed.
    #[error("the amount is empty")]
    Empty,
    /// It begins with a minus sign.
    #[error("the amount `{0}` is negative")]
    Negative(String),
    /// Commas, apostrophes or spaces: decimals in one country, thousands in another.
    #[error("`{0}` can be read in two ways")]
    Ambiguous(String),
    /// Other characters, or a point without digits on both sides.
    #[error("`{0}` is not an amount")]
    NotANumber(String),
    /// More decimals than the currency has.
    #[error("`{text}` has {got} decimals, {currency} has {allowed}")]
    TooManyDecimals {
        /// As typed.
        text: String,
        /// Decimals typed.
        got: usize,
        /// Decimals of the currency.
        allowed: usize,
        /// The currency.
        currency: String,
    },
    /// More than 2^53 − 1 minor units.
    #[error("the amount `{0}` is too large")]
    TooLarge(String),
    /// No table of steps.
    #[error("`{0}` is no table of steps")]
    NoSteps(String),
    /// No currency that somebody pays in.
    #[error("`{0}` is not a currency")]
    NotACurrency(String),
}

impl AmountError {
    /// What to type instead.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Empty => "type an amount such as 120 or 119.50".to_owned(),
            Self::Negative(_) => "type it without the minus sign".to_owned(),
            Self::Ambiguous(_) => {
                "use a point for decimals and nothing between thousands: 1234.50".to_owned()
            }
            Self::NotANumber(_) => {
                "type digits with a point for decimals: 120 or 119.50".to_owned()
            }
            Self::TooManyDecimals { allowed: 0, currency, .. } => {
                format!("{currency} has no decimals: type whole units, such as 120")
            }
            Self::TooManyDecimals { allowed, .. } => {
                format!("type at most {allowed} digits after the point")
            }
            Self::TooLarge(_) => {
                format!("the largest amount is {MAX_AMOUNT} of the currency's smallest unit")
            }
            Self::NoSteps(_) => {
                "type amounts that rise, each with the step from there on: 100:5,1000:20".to_owned()
            }
            Self::NotACurrency(_) => {
                "type its three letters as in ISO 4217, such as EUR".to_owned()
            }
        }
    }
}

impl From<AmountError> for UsageError {
    fn from(error: AmountError) -> Self {
        Self { message: error.to_string(), advice: error.advice() }
    }
}

/// Digits after the point in a currency; nothing for a code that is none, or that counts nothing.
#[must_use]
pub fn digits(currency: &str) -> Option<u8> {
    iso_currency::Currency::from_code(currency)?.exponent()?.try_into().ok()
}

/// A currency code in capitals, in which something may be offered.
///
/// # Errors
/// [`AmountError::NotACurrency`] unless somebody pays in it: for funds, metals, and what another
/// code has replaced.
pub fn currency(text: &str) -> Result<String, AmountError> {
    let code = text.to_ascii_uppercase();
    let known = iso_currency::Currency::from_code(&code).filter(|known| {
        // ISO 4217 has VED beside it, and both are paid in.
        let replaced = known.is_superseded().is_some() && *known != iso_currency::Currency::VES;
        known.exponent().is_some() && !known.is_fund() && !known.is_special() && !replaced
    });
    match known {
        Some(_) => Ok(code),
        None => Err(AmountError::NotACurrency(crate::text::sanitize::shortened(text, LONGEST))),
    }
}

/// Minor units of a decimal text in `currency`: `119.50` EUR is 11950.
///
/// # Errors
/// One [`AmountError`] for each way in which a text is no amount of this currency.
pub fn parse(text: &str, currency: &str) -> Result<u64, AmountError> {
    let (whole, decimals) = split(text)?;
    let unknown = || AmountError::NotACurrency(crate::text::sanitize::shortened(currency, LONGEST));
    let allowed = usize::from(digits(currency).ok_or_else(unknown)?);
    if decimals.len() > allowed {
        return Err(AmountError::TooManyDecimals {
            text: text.trim().to_owned(),
            got: decimals.len(),
            allowed,
            currency: currency.to_owned(),
        });
    }
    let padding = std::iter::repeat_n(b'0', allowed.saturating_sub(decimals.len()));
    let too_large = || AmountError::TooLarge(text.trim().to_owned());
    whole
        .bytes()
        .chain(decimals.bytes())
        .chain(padding)
        .try_fold(0_u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit.saturating_sub(b'0')))
        })
        .filter(|minor| *minor <= MAX_AMOUNT)
        .ok_or_else(too_large)
}

/// Steps between bids from amounts on: `100:5,1000:20`.
///
/// # Errors
/// As [`parse`] for each amount; [`AmountError::NoSteps`] if there are not 1 to 16 pairs that rise.
pub fn steps(text: &str, currency: &str) -> Result<Vec<Step>, AmountError> {
    let no = || AmountError::NoSteps(crate::text::sanitize::shortened(text, LONGEST));
    let mut steps: Vec<Step> = Vec::new();
    for pair in text.split(',') {
        let (from, step) = pair.split_once(':').ok_or_else(no)?;
        let money = |text: &str| Amount::try_from(parse(text, currency)?).map_err(|_| no());
        let step = Step { from: money(from)?, increment: money(step)? };
        if steps.last().is_some_and(|last| last.from >= step.from) || steps.len() == MAX_STEPS {
            return Err(no());
        }
        steps.push(step);
    }
    Ok(steps)
}

/// Refuses what is no amount in any currency, where the currency is not known.
///
/// # Errors
/// As [`parse`].
pub fn check_form(text: &str) -> Result<(), AmountError> {
    let (_, decimals) = split(text)?;
    if decimals.len() > MOST_DECIMALS {
        return Err(AmountError::TooManyDecimals {
            text: text.trim().to_owned(),
            got: decimals.len(),
            allowed: MOST_DECIMALS,
            currency: "any currency".to_owned(),
        });
    }
    Ok(())
}

/// Minor units as text with `digits` decimals: `119.50`.
#[must_use]
pub fn print(minor: u64, digits: u8) -> String {
    let digits = usize::from(digits);
    if digits == 0 {
        return minor.to_string();
    }
    let text = format!("{minor:0width$}", width = digits.saturating_add(1));
    let (whole, decimals) = text.split_at(text.len().saturating_sub(digits));
    format!("{whole}.{decimals}")
}

/// Minor units as text with the currency: `119.50 EUR`.
#[must_use]
pub fn print_in(minor: u64, currency: &str) -> String {
    let shown = crate::text::sanitize::sanitize(currency);
    match digits(currency) {
        Some(digits) => format!("{} {shown}", print(minor, digits)),
        // The position of the point is not known.
        None => format!("{minor} smallest units of {shown}"),
    }
}

/// Digits before and after the point.
fn split(text: &str) -> Result<(&str, &str), AmountError> {
    let text = text.trim();
    let shown = || crate::text::sanitize::shortened(text, LONGEST);
    if text.is_empty() {
        return Err(AmountError::Empty);
    }
    if text.starts_with(['-', '\u{2212}']) {
        return Err(AmountError::Negative(shown()));
    }
    let points = text.matches('.').count();
    let apart = |c: char| c.is_whitespace() || matches!(c, ',' | '\'' | '’' | '_' | '٬' | '·');
    if text.contains(apart) || points > 1 {
        return Err(AmountError::Ambiguous(shown()));
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || (points == 1 && decimals.is_empty())
        || !digits_only(whole)
        || !digits_only(decimals)
    {
        return Err(AmountError::NotANumber(shown()));
    }
    if text.len() > LONGEST {
        return Err(AmountError::TooLarge(shown()));
    }
    Ok((whole, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_minor_units_of_their_currency() {
        for (text, currency, minor) in [
            ("120", "EUR", 12_000),
            ("119.5", "EUR", 11_950),
            ("119.50", "EUR", 11_950),
            ("0.01", "EUR", 1),
            ("0", "EUR", 0),
            (" 7 ", "EUR", 700),
            ("120", "JPY", 120),
            ("1.234", "KWD", 1_234),
            ("1.2", "BHD", 1_200),
            ("90071992547409.91", "EUR", MAX_AMOUNT),
            ("9007199254740991", "JPY", MAX_AMOUNT),
        ] {
            assert_eq!(parse(text, currency), Ok(minor), "{text} {currency}");
        }
    }

    #[test]
    fn one_unit_above_the_largest_amount_is_refused() {
        for text in ["90071992547409.92", "99999999999999999999", "184467440737095516.17"] {
            assert!(matches!(parse(text, "EUR"), Err(AmountError::TooLarge(_))), "{text}");
        }
        let long = "9".repeat(1_000);
        assert!(matches!(parse(&long, "EUR"), Err(AmountError::TooLarge(_))));
    }

    #[test]
    fn commas_and_spaces_are_refused_with_advice() {
        for text in [
            "1,50",
            "1.234,50",
            "1,234.50",
            "1 234",
            "1'234",
            "1.234.567",
            "1_000",
            "1\u{a0}500",
            "1\u{202f}500",
            "1\u{2009}500",
            "1\u{3000}500",
            "9  900",
        ] {
            let error = parse(text, "EUR").unwrap_err();
            assert_eq!(error, AmountError::Ambiguous(text.to_owned()));
            assert!(error.advice().contains("1234.50"));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["abc", "1e3", "+5", ".5", "5.", ".", "€5", "0x10", "١٢", "5EUR"] {
            assert!(matches!(parse(text, "EUR"), Err(AmountError::NotANumber(_))), "{text}");
        }
        assert_eq!(parse("", "EUR"), Err(AmountError::Empty));
        assert_eq!(parse("   ", "EUR"), Err(AmountError::Empty));
        assert!(matches!(parse("-5", "EUR"), Err(AmountError::Negative(_))));
        assert!(matches!(parse("\u{2212}5", "EUR"), Err(AmountError::Negative(_))));
    }

    #[test]
    fn one_decimal_more_than_the_currency_has_is_refused() {
        for (text, currency) in
            [("1.001", "EUR"), ("1.000", "EUR"), ("1.0", "JPY"), ("1.0001", "KWD")]
        {
            let error = parse(text, currency).unwrap_err();
            assert!(matches!(error, AmountError::TooManyDecimals { .. }), "{text} {currency}");
        }
        assert_eq!(check_form("1.0000"), Ok(()));
        assert!(check_form("1.00000").is_err());
    }

    #[test]
    fn printing_is_the_inverse_of_parsing() {
        for currency in ["EUR", "JPY", "KWD"] {
            for minor in [0, 1, 9, 10, 99, 100, 101, 12_345, MAX_AMOUNT] {
                let text = print(minor, digits(currency).unwrap());
                assert_eq!(parse(&text, currency), Ok(minor), "{text} {currency}");
            }
        }
        assert_eq!(print_in(5, "EUR"), "0.05 EUR");
        assert_eq!(print_in(5, "JPY"), "5 JPY");
    }

    #[test]
    fn a_currency_is_one_that_somebody_pays_in() {
        assert_eq!(currency("eur"), Ok("EUR".to_owned()));
        assert_eq!(currency("VES"), Ok("VES".to_owned()));
        // No code, a fund, a metal, a code for tests, one that is no more.
        for text in ["", "EU", "EURO", "E1R", "€", "éur", "QQQ", "CLF", "XAU", "XTS", "HRK"] {
            assert!(currency(text).is_err(), "{text}");
        }
        // What somebody listed in one of these all the same is counted as it is.
        assert_eq!((parse("1.50", "HRK"), parse("1.2345", "CLF")), (Ok(150), Ok(12_345)));
        assert!(parse("1", "QQQ").is_err());
        assert_eq!(print_in(1_234, "QQQ"), "1234 smallest units of QQQ");
    }
}
