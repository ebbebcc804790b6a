//! How many refusals of one persona, or of the owner of one box, are kept: they are signed and stored, and stay (V-196).

use std::collections::BTreeMap;
use std::time::Duration;

use pregao_protocol::value::label;

/// Holders above which those with a whole quota are looked for.
const MANY: usize = 1_024;

/// How many are kept at once, and after how many seconds one more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    at_once: u64,
    regained: u64,
}

impl Kept {
    pub(super) const OF_PERSONA: Self =
        Self { at_once: label::REFUSALS_KEPT, regained: label::REFUSALS_REGAINED };
    pub(super) const OF_BOX: Self =
        Self { at_once: label::BOX_REFUSALS_KEPT, regained: label::BOX_REFUSALS_REGAINED };

    /// What is still taken after some time: one place comes back after the other.
    fn still(self, (taken, at): (u64, Duration), now: Duration) -> (u64, Duration) {
        let each = Duration::from_secs(self.regained);
        let back = now.saturating_sub(at).as_secs().checked_div(self.regained).unwrap_or(u64::MAX);
        if back >= taken {
            return (0, now);
        }
        let passed = u32::try_from(back).map_or(Duration::MAX, |back| each.saturating_mul(back));
        (taken.saturating_sub(back), at.saturating_add(passed))
    }
}

/// What is taken of each quota, and when it was that; who is not there has all of it.
#[derive(Debug)]
pub(super) struct Quotas<K> {
    kept: Kept,
    taken: BTreeMap<K, (u64, Duration)>,
    swept: usize,
}

impl<K: Ord + Copy> Quotas<K> {
    pub(super) const fn of(kept: Kept) -> Self {
        Self { kept, taken: BTreeMap::new(), swept: 0 }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Takes one place; false if there is none.
    pub(super) fn take(&mut self, of: K, now: Duration) -> bool {
        let kept = self.kept;
        if self.taken.len() >= self.swept.saturating_mul(2).max(MANY) {
            self.taken.retain(|_, taken| kept.still(*taken, now).0 > 0);
            self.swept = self.taken.len();
        }
        let (taken, at) = kept.still(self.taken.get(&of).copied().unwrap_or((0, now)), now);
        let granted = taken < kept.at_once;
        self.taken.insert(of, (taken.saturating_add(granted.into()), at));
        granted
    }
}
