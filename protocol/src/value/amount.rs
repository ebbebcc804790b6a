//! Amounts of money, and the currencies they are in.

use serde::{Deserialize, Serialize};

use crate::value::label::MAX_AMOUNT;

/// An amount in minor units of the room's currency, 1 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(u64);

/// An amount of zero or beyond 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is 1 to {MAX_AMOUNT} minor units")]
pub struct AmountError;

impl Amount {
    /// One minor unit.
    pub const LEAST: Self = Self(1);

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// The least amount that exceeds this one by `step`; `None` beyond the largest amount.
    #[must_use]
    pub fn raised_by(self, step: Self) -> Option<Self> {
        self.0.checked_add(step.0).and_then(|sum| Self::try_from(sum).ok())
    }
}

impl TryFrom<u64> for Amount {
    type Error = AmountError;
    fn try_from(minor: u64) -> Result<Self, AmountError> {
        if (1..=MAX_AMOUNT).contains(&minor) { Ok(Self(minor)) } else { Err(AmountError) }
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

/// The price at which an auction starts, in minor units of its currency, 0 to 2^53 − 1. From zero on every amount may be
/// the first bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct StartPrice(u64);

/// A price beyond 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a price to start from is 0 to {MAX_AMOUNT} minor units")]
pub struct StartPriceError;

impl StartPrice {
    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// The least amount of the first bid.
    #[must_use]
    pub const fn first_bid(self) -> Amount {
        Amount(if self.0 == 0 { 1 } else { self.0 })
    }
}

impl TryFrom<u64> for StartPrice {
    type Error = StartPriceError;
    fn try_from(minor: u64) -> Result<Self, StartPriceError> {
        if minor <= MAX_AMOUNT { Ok(Self(minor)) } else { Err(StartPriceError) }
    }
}

impl From<StartPrice> for u64 {
    fn from(price: StartPrice) -> Self {
        price.0
    }
}

/// An ISO 4217 code: three upper-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Not three upper-case ASCII letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three upper-case letters, as in EUR")]
pub struct CurrencyError;

impl std::str::FromStr for Currency {
    type Err = CurrencyError;
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let bytes = <[u8; 3]>::try_from(text.as_bytes()).map_err(|_| CurrencyError)?;
        if bytes.iter().all(u8::is_ascii_uppercase) { Ok(Self(bytes)) } else { Err(CurrencyError) }
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(text: String) -> Result<Self, CurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}
