//! What a broker signed about one log, compared with what it then shows (SPEC 7.5).

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Statement};
use crate::log::Origin;
use crate::room::body::BrokerKeys;
use crate::value::codec::Digest;

/// Most statements kept that the log has not reached.
pub const MOST_OPEN: usize = 32;

/// A statement with what it says, its signature verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// How many entries the log has.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// As signed.
    pub statement: Statement,
}

impl Claim {
    /// Verifies a statement about a log.
    ///
    /// # Errors
    /// [`NoEvidence`] as [`Statement::open`].
    pub fn open(
        statement: Statement,
        origin: &Origin,
        keys: &BrokerKeys,
    ) -> Result<Self, NoEvidence> {
        let (size, root) = statement.open(origin, keys)?;
        Ok(Self { size, root, statement })
    }
}

/// Statements about one log that it has not reached yet (V-064). What it has reached needs no
/// keeping: the verified log replaces all that agrees with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims {
    /// By rising size, one for each.
    open: Vec<Claim>,
}

impl Claims {
    /// Takes a claim. `root_at` gives the root that the log had at a size, as far as a verified
    /// head covers it.
    ///
    /// # Errors
    /// What it contradicts: nothing if that is the verified log, another claim otherwise. The
    /// claim is then kept nowhere, and the other one stays.
    pub fn take(
        &mut self,
        claim: Claim,
        root_at: impl FnOnce(u64) -> Option<Digest>,
    ) -> Result<(), Box<(Claim, Option<Claim>)>> {
        if let Some(root) = root_at(claim.size) {
            return if root == claim.root { Ok(()) } else { Err(Box::new((claim, None))) };
        }
        match self.open.binary_search_by_key(&claim.size, |open| open.size) {
            Ok(at) => match self.open.get(at) {
                Some(other) if other.root != claim.root => {
                    Err(Box::new((claim, Some(other.clone()))))
                }
                Some(_) | None => Ok(()),
            },
            Err(at) => {
                self.open.insert(at, claim);
                // Those next to be reached stay, and the largest: what lies between is bounded by
                // both.
                if self.open.len() > MOST_OPEN {
                    self.open.remove(MOST_OPEN - 1);
                }
                Ok(())
            }
        }
    }

    /// Compares with a log that is verified up to `size`, and forgets what it has reached. Gives
    /// the first claim that the log contradicts.
    pub fn reach(
        &mut self,
        size: u64,
        mut root_at: impl FnMut(u64) -> Option<Digest>,
    ) -> Option<Claim> {
        let reached = self.open.partition_point(|claim| claim.size <= size);
        let contradicts = |claim: &Claim| root_at(claim.size).is_none_or(|root| root != claim.root);
        self.open.drain(..reached).find(contradicts)
    }

    /// The claim about the longest log that was not reached.
    #[must_use]
    pub fn largest(&self) -> Option<&Claim> {
        self.open.last()
    }

    /// Whether nothing is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(size: u64, root: u8) -> Claim {
        let statement = Statement::Head(format!("{size} {root}"));
        Claim { size, root: Digest([root; 32]), statement }
    }

    #[test]
    fn v064_what_the_log_has_reached_is_compared_at_once() {
        let mut claims = Claims::default();
        let root_at = |size| (size <= 3).then_some(Digest([1; 32]));
        assert_eq!(claims.take(claim(3, 1), root_at), Ok(()));
        assert!(claims.is_empty());
        let (lie, other) = *claims.take(claim(2, 2), root_at).unwrap_err();
        assert_eq!((lie, other), (claim(2, 2), None));
        assert_eq!(claims.take(claim(4, 2), root_at), Ok(()));
        assert_eq!(claims.largest(), Some(&claim(4, 2)));
    }

    #[test]
    fn v064_two_claims_about_one_size_contradict_each_other_before_it_is_reached() {
        let mut claims = Claims::default();
        claims.take(claim(5, 1), |_| None).unwrap();
        claims.take(claim(5, 1), |_| None).unwrap();
        let (lie, other) = *claims.take(claim(5, 2), |_| None).unwrap_err();
        assert_eq!((lie, other), (claim(5, 2), Some(claim(5, 1))));
    }

    #[test]
    fn v064_what_is_not_reached_is_kept_until_it_is() {
        let mut claims = Claims::default();
        claims.take(claim(5, 1), |_| None).unwrap();
        claims.take(claim(7, 2), |_| None).unwrap();
        assert_eq!(claims.reach(4, |_| Some(Digest([1; 32]))), None);
        assert_eq!(claims.reach(6, |_| Some(Digest([1; 32]))), None);
        assert_eq!(claims.largest(), Some(&claim(7, 2)));
        let text = serde_json::to_string(&claims).unwrap();
        let mut again: Claims = serde_json::from_str(&text).unwrap();
        assert_eq!(again, claims);
        assert_eq!(again.reach(9, |_| Some(Digest([1; 32]))), Some(claim(7, 2)));
        assert!(again.is_empty());
    }

    proptest! {
        /// However many are promised, few are kept, and a log that ends short or contradicts one
        /// that is kept is found out.
        #[test]
        fn v064_promises_are_bounded_and_the_longest_stays(
            sizes in proptest::collection::vec(1_u64..1_000, 1..200),
        ) {
            let mut claims = Claims::default();
            for size in &sizes {
                prop_assert_eq!(claims.take(claim(*size, 1), |_| None), Ok(()));
            }
            let largest = sizes.iter().max().copied().unwrap();
            prop_assert_eq!(claims.largest().map(|claim| claim.size), Some(largest));
            prop_assert!(claims.open.len() <= MOST_OPEN);
            prop_assert!(claims.open.is_sorted_by_key(|claim| claim.size));
            let short = claims.clone().reach(largest - 1, |_| Some(Digest([1; 32])));
            prop_assert_eq!(short, None);
            let smallest = claims.open.first().cloned();
            prop_assert_eq!(claims.reach(largest, |_| Some(Digest([2; 32]))), smallest);
        }
    }
}
