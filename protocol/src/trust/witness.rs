//! Who besides the broker vouches for a log: the witnesses that an opening names (SPEC 7.6).

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::trust::key::{PublicKey, WitnessKey};
use crate::value::label;

/// A name of letters, digits, `-`, `.`, `/` and `_`, of 1 to `MAX` bytes. It can be the name of a key in
/// a signed note, and looks the same on every screen.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlainName<const MAX: usize>(String);

/// A text that is no name of a witness or of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name here is 1 to {max} letters, digits, '-', '.', '/' or '_'")]
pub struct PlainNameError {
    /// Most bytes allowed.
    pub max: usize,
}

impl<const MAX: usize> PlainName<MAX> {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for PlainName<MAX> {
    type Error = PlainNameError;
    fn try_from(text: String) -> Result<Self, PlainNameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-./_".contains(&byte);
        if (1..=MAX).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(PlainNameError { max: MAX })
        }
    }
}

impl<const MAX: usize> std::str::FromStr for PlainName<MAX> {
    type Err = PlainNameError;
    fn from_str(text: &str) -> Result<Self, PlainNameError> {
        text.to_owned().try_into()
    }
}

impl<const MAX: usize> From<PlainName<MAX>> for String {
    fn from(name: PlainName<MAX>) -> Self {
        name.0
    }
}

impl<const MAX: usize> fmt::Display for PlainName<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name under which a witness cosigns.
pub type WitnessName = PlainName<{ label::MAX_WITNESS_NAME }>;
/// Who runs a witness. A quorum counts these, for one operator may run several.
pub type Operator = PlainName<{ label::MAX_OPERATOR }>;

/// A witness as an opening names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Under which name it cosigns.
    pub name: WitnessName,
    /// With which key.
    pub key: PublicKey<WitnessKey>,
    /// Who runs it.
    pub operator: Operator,
}

/// Whether a list of witnesses with its quorum can mean what it says (V-140).
#[must_use]
pub fn is_quorum_of(quorum: u32, witnesses: &[Witness]) -> bool {
    let count = |of: fn(&Witness) -> &[u8]| witnesses.iter().map(of).collect::<HashSet<_>>().len();
    let names = count(|witness| witness.name.as_str().as_bytes());
    let keys = count(|witness| witness.key.as_bytes());
    let operators = count(|witness| witness.operator.as_str().as_bytes());
    // Under one name or by one key, one witness would be two.
    let different = [names, keys] == [witnesses.len(); 2];
    // Two quorums of one log have an operator in common, who would have to sign two histories; more operators
    // than there are never agree. Without witnesses nothing is final.
    let least = if witnesses.is_empty() { 0 } else { operators / 2 + 1 };
    let within = usize::try_from(quorum).is_ok_and(|quorum| (least..=operators).contains(&quorum));
    different && within && witnesses.len() <= label::MAX_WITNESSES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::key::SecretKey;

    fn witness(name: &str, seed: u8, operator: &str) -> Witness {
        Witness {
            name: name.parse().unwrap(),
            key: SecretKey::from_seed(&[seed; 32]).public(),
            operator: operator.parse().unwrap(),
        }
    }

    #[test]
    fn v140_a_quorum_counts_operators_and_is_of_some_but_not_of_more_than_there_are() {
        let two = [witness("a/1", 1, "a"), witness("a/2", 2, "a")];
        assert!(is_quorum_of(1, &two));
        assert!(!is_quorum_of(2, &two), "one operator twice is not two");
        let three = [witness("a/1", 1, "a"), witness("b/1", 2, "b"), witness("c/1", 3, "c")];
        for quorum in 0..=4 {
            assert_eq!(is_quorum_of(quorum, &three), (2..=3).contains(&quorum), "{quorum}");
        }
        for quorum in 0..=3 {
            assert_eq!(is_quorum_of(quorum, &three[..2]), quorum == 2, "half is not enough");
        }
        assert!(is_quorum_of(0, &[]));
        assert!(!is_quorum_of(1, &[]));
    }

    #[test]
    fn v140_witnesses_have_names_and_keys_of_their_own_and_there_are_five_at_most() {
        assert!(!is_quorum_of(1, &[witness("a", 1, "a"), witness("a", 2, "b")]));
        assert!(!is_quorum_of(1, &[witness("a", 1, "a"), witness("b", 1, "b")]));
        let many: Vec<_> = (1..=6).map(|n| witness(&format!("w{n}"), n, "a")).collect();
        assert!(is_quorum_of(1, &many[..5]));
        assert!(!is_quorum_of(1, &many));
    }

    #[test]
    fn v140_names_are_plain_and_short() {
        for good in ["a", "witness.example/1", &"x".repeat(48)] {
            assert!(good.parse::<WitnessName>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a+b", "a\n", "\u{e9}", &"x".repeat(49)] {
            assert!(bad.parse::<WitnessName>().is_err(), "{bad}");
        }
        assert!("x".repeat(33).parse::<Operator>().is_err());
    }
}
