//! How a seller says that several TSAs are to lock sealed bids.

use std::fmt;
use std::str::FromStr;

use pregao_protocol::room::auction::MAX_STAMPS;
use serde::{Deserialize, Serialize};

/// How many TSAs are to lock sealed bids, and how many of them open the bids: `2-of-3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocksAsked {
    /// How many open the bids; 1 to all of them.
    pub needed: u32,
    /// How many lock them; 1 to 8.
    pub of: u32,
}

/// A text that does not say how many TSAs are to lock bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form 2-of-3, of at most {MAX_STAMPS} TSAs")]
pub struct LocksAskedError;

impl FromStr for LocksAsked {
    type Err = LocksAskedError;

    fn from_str(text: &str) -> Result<Self, LocksAskedError> {
        let number = |text: &str| -> Option<u32> {
            let plain = text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse().ok()).flatten()
        };
        let parts = text.split_once("-of-");
        let parts = parts.and_then(|(needed, of)| Some((number(needed)?, number(of)?)));
        let most = u32::try_from(MAX_STAMPS).unwrap_or(u32::MAX);
        match parts {
            Some((needed, of)) if (1..=of).contains(&needed) && of <= most => {
                Ok(Self { needed, of })
            }
            Some(_) | None => Err(LocksAskedError),
        }
    }
}

impl fmt::Display for LocksAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.needed, self.of)
    }
}

impl TryFrom<String> for LocksAsked {
    type Error = LocksAskedError;

    fn try_from(text: String) -> Result<Self, LocksAskedError> {
        text.parse()
    }
}

impl From<LocksAsked> for String {
    fn from(asked: LocksAsked) -> Self {
        asked.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_so_many_are_one_to_all_of_at_most_eight() {
        for (text, needed, of) in [("1-of-1", 1, 1), ("2-of-3", 2, 3), ("8-of-8", 8, 8)] {
            let asked: LocksAsked = text.parse().unwrap();
            assert_eq!((asked.needed, asked.of, asked.to_string().as_str()), (needed, of, text));
        }
        for text in [
            "",
            "2",
            "2-of-",
            "-of-3",
            "0-of-3",
            "4-of-3",
            "2-of-9",
            "02-of-3",
            "2-of-03",
            "+2-of-3",
            "2 of 3",
            "2-of-3-of-3",
            "2/3",
            "two-of-3",
            "2-OF-3",
            "1-of-10",
        ] {
            assert_eq!(text.parse::<LocksAsked>(), Err(LocksAskedError), "{text}");
        }
        assert!(LocksAskedError.to_string().contains("at most 8"));
    }
}
