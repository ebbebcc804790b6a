//! What one session is asked for before anything that it hands in is looked at.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{MAX_PUZZLE_AGE, MAX_UNSOLVED};
use pregao_protocol::wire::puzzle::{Effort, Puzzle, Solution};

/// How long an effort that was announced before still counts: what was solved for it is on its way.
const LEEWAY: Duration = Duration::from_secs(2);

/// What was announced, and what was solved. Instants are those of a clock that only grows.
#[derive(Debug, Default)]
pub(super) struct Asked {
    announced: Effort,
    /// What was announced before, and until when it counts. Nothing is never counted on.
    before: Option<(Effort, Duration)>,
    /// Solutions that were used, until nobody may name their headers any more.
    spent: BTreeSet<(Digest, Digest, u64)>,
    by_age: VecDeque<(Duration, (Digest, Digest, u64))>,
    unsolved: u32,
}

impl Asked {
    /// Takes what is asked for from now on; true if the peer is to be told.
    pub(super) fn announces(&mut self, effort: Effort, now: Duration) -> bool {
        if effort == self.announced {
            return false;
        }
        self.before =
            (!self.announced.is_none()).then(|| (self.announced, now.saturating_add(LEEWAY)));
        self.announced = effort;
        true
    }

    /// What was announced last.
    pub(super) const fn announced(&self) -> Effort {
        self.announced
    }

    /// Whether something handed in is to be looked at (V-191, V-193, V-194): one hash at the most. `puzzle` is what it had
    /// to be solved for, under the header that the solution names, if that may be named.
    pub(super) fn admits(
        &mut self,
        solution: Option<Solution>,
        puzzle: impl FnOnce(&Solution) -> Option<Puzzle>,
        now: Duration,
    ) -> bool {
        let admitted = self.announced.is_none()
            || solution.is_some_and(|solution| {
                puzzle(&solution).is_some_and(|puzzle| {
                    puzzle.is_solved_by(solution.counter, self.least(now))
                        && self.spend((puzzle.digest, solution.header, solution.counter), now)
                })
            });
        self.unsolved = if admitted { 0 } else { self.unsolved.saturating_add(1) };
        admitted
    }

    /// Whether so much came unsolved, one after the other, that the peer does not mean to solve anything (V-197).
    pub(super) const fn is_ignored(&self) -> bool {
        self.unsolved >= MAX_UNSOLVED
    }

    /// The least that still counts.
    fn least(&self, now: Duration) -> Effort {
        let before = self.before.filter(|(_, until)| *until >= now).map(|(effort, _)| effort);
        before.map_or(self.announced, |before| before.min(self.announced))
    }

    /// Uses a solution up; false if it was used before.
    fn spend(&mut self, solution: (Digest, Digest, u64), now: Duration) -> bool {
        // By then its header is too old by any clock.
        let kept = Duration::from_secs(2 * MAX_PUZZLE_AGE);
        while let Some((since, spent)) = self.by_age.front()
            && now.saturating_sub(*since) > kept
        {
            self.spent.remove(spent);
            self.by_age.pop_front();
        }
        let fresh = self.spent.insert(solution);
        if fresh {
            self.by_age.push_back((now, solution));
        }
        fresh
    }
}

#[cfg(test)]
mod tests;
