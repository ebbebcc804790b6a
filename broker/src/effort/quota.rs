//! How many refusals of one persona are kept: they are signed and stored, and stay (V-196).

use std::collections::BTreeMap;
use std::time::Duration;

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::label::{REFUSALS_KEPT, REFUSALS_REGAINED};

/// Personas above which those with a whole quota are looked for.
const MANY: usize = 1_024;

/// What is taken of each quota, and when it was that; who is not there has all of it.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    taken: BTreeMap<Fingerprint, (u64, Duration)>,
    swept: usize,
}

impl Quotas {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Takes one place; false if there is none.
    pub(super) fn take(&mut self, of: Fingerprint, now: Duration) -> bool {
        if self.taken.len() >= self.swept.saturating_mul(2).max(MANY) {
            self.taken.retain(|_, taken| regained(*taken, now).0 > 0);
            self.swept = self.taken.len();
        }
        let (taken, at) = regained(self.taken.get(&of).copied().unwrap_or((0, now)), now);
        let granted = taken < REFUSALS_KEPT;
        self.taken.insert(of, (taken.saturating_add(granted.into()), at));
        granted
    }
}

/// What is still taken after some time: one place comes back after the other.
fn regained((taken, at): (u64, Duration), now: Duration) -> (u64, Duration) {
    let each = Duration::from_secs(REFUSALS_REGAINED);
    let back = now.saturating_sub(at).as_secs() / REFUSALS_REGAINED;
    if back >= taken {
        return (0, now);
    }
    let passed = u32::try_from(back).map_or(Duration::MAX, |back| each.saturating_mul(back));
    (taken.saturating_sub(back), at.saturating_add(passed))
}
