//! When things happen: at the instants on which rules turn, and a microsecond before and after.

use super::Story;
use crate::histories::model::{self, Phase};
use crate::histories::plain::{Act, SECOND};

impl Story<'_> {
    /// Lets time pass, most often by little or to right beside an instant that matters.
    pub(super) fn pass(&mut self) {
        let freshness = self.house.terms.freshness * SECOND;
        match self.chance.below(10) {
            0..=2 => {}
            3 | 4 => self.now += 1 + self.chance.below(2 * SECOND),
            5 if self.chance.once_in(2) => self.now += self.chance.below(freshness + 2),
            _ => {
                let mut ahead = self.ahead();
                let end = model::end(&self.log);
                // Past the end nothing counts any more, so seldom there.
                if !self.chance.once_in(8) {
                    ahead.retain(|instant| *instant < end);
                }
                let near = ahead.get(..ahead.len().min(5)).unwrap_or_default();
                if let Some(instant) = self.chance.pick(near).copied() {
                    self.pass_to(instant);
                }
            }
        }
    }

    /// To an instant, or a microsecond beside it; never back.
    pub(super) fn pass_to(&mut self, instant: u64) {
        let beside = instant.saturating_add(self.chance.below(3)).saturating_sub(1);
        self.now = self.now.max(beside);
    }

    /// Time passes to exactly this instant, if it is not past.
    pub(super) fn wait(&mut self, instant: u64) {
        self.now = self.now.max(instant);
    }

    /// Instants ahead on which a rule turns while bids are taken, in their order.
    fn ahead(&self) -> Vec<u64> {
        let (terms, log) = (&self.house.terms, &self.log);
        let (freshness, grace) = (terms.freshness * SECOND, terms.grace * SECOND);
        let end = model::end(log);
        let mut all = vec![end, terms.end, model::listed(log) + freshness];
        all.extend(terms.begin);
        if let Some((extend, hard_end)) = terms.soft {
            all.extend([hard_end, end.saturating_sub(extend * SECOND)]);
            all.push(hard_end.saturating_sub(extend * SECOND));
        }
        if let Some((_, _, every)) = terms.dutch {
            let since = terms.begin.unwrap_or(0).max(model::listed(log));
            let steps = self.now.saturating_sub(since) / (every * SECOND);
            all.push(since + (steps + 1) * every * SECOND);
            all.push(since + (steps + 2) * every * SECOND);
        }
        for made in &self.kept {
            all.push(made.record.batch.time + freshness);
        }
        if let Some(last) = log.last() {
            all.extend([last.batch.time + freshness, last.batch.time + 2 * freshness]);
        }
        if let Some(back) = model::taken_back(log) {
            all.extend([back, back + freshness, back + freshness + grace]);
        }
        // A bid at the very end of these is dated by none of the above.
        if self.phase() != Phase::Open {
            all.clear();
        }
        all.retain(|instant| *instant + 1 >= self.now);
        all.sort_unstable();
        all
    }

    /// The stamp of `closed`, if it is there.
    pub(super) fn closed_at(&self) -> Option<u64> {
        let closed = self.log.iter().find(|entry| matches!(entry.act, Act::Closed))?;
        Some(closed.batch.time)
    }
}
