//! Under which paddle a bid is made, and what shows that two actions have one author.

use serde::{Deserialize, Serialize};

use crate::trust::persona::Ratio;

/// Longest name of a paddle, in characters.
pub const MAX_PADDLE: usize = 16;

/// A bidder's public name in one auction: 1 to 16 of `a` to `z`, `0` to `9` and `-`, so that no two look alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaddleName(String);

/// Not the name of a paddle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a paddle is 1 to {MAX_PADDLE} of the characters a to z, 0 to 9 and -, as in 17 or blue-hat"
)]
pub struct PaddleNameError;

impl PaddleName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PaddleName {
    type Error = PaddleNameError;
    fn try_from(name: String) -> Result<Self, PaddleNameError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let named = (1..=MAX_PADDLE).contains(&name.len()) && name.bytes().all(fits);
        if named { Ok(Self(name)) } else { Err(PaddleNameError) }
    }
}

impl std::str::FromStr for PaddleName {
    type Err = PaddleNameError;
    fn from_str(name: &str) -> Result<Self, PaddleNameError> {
        name.to_owned().try_into()
    }
}

impl From<PaddleName> for String {
    fn from(name: PaddleName) -> Self {
        name.0
    }
}

impl std::fmt::Display for PaddleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One author behind an action and an earlier entry of its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameAuthor {
    /// Position of the earlier entry.
    pub seq: u64,
    /// The action's key = ratio · that entry's key.
    pub ratio: Ratio,
}

/// The paddle under which a bid is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paddle {
    /// Its name.
    pub name: PaddleName,
    /// An earlier bid under it by the same author; absent in the first one, which takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<SameAuthor>,
}
