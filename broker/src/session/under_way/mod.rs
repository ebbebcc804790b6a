//! Requests of one session that have no answer yet: how many, and since when.

use std::collections::VecDeque;
use std::time::Duration;

use pregao_protocol::value::label::MAX_ANSWER;

/// How long a request may go without an answer (V-098).
const ANSWER_WITHIN: Duration = Duration::from_secs(MAX_ANSWER);

/// Requests under way, oldest first. Instants are those of a clock that only grows.
#[derive(Debug)]
pub(super) struct UnderWay {
    most: usize,
    asked: VecDeque<(u64, Duration)>,
}

impl UnderWay {
    pub(super) const fn at_most(most: usize) -> Self {
        Self { most, asked: VecDeque::new() }
    }

    /// Notes a request, whose number is the peer's to choose. False if it is one too many: then
    /// only its refusal may be under way.
    pub(super) fn take(&mut self, n: u64, now: Duration) -> bool {
        self.asked.push_back((n, now));
        self.asked.len() <= self.most
    }

    /// Gives back the place of a request. False if it was answered before.
    pub(super) fn answered(&mut self, n: u64) -> bool {
        let place = self.asked.iter().position(|(other, _)| *other == n);
        place.is_some_and(|place| self.asked.remove(place).is_some())
    }

    /// Takes out a request that has waited for too long.
    pub(super) fn overdue(&mut self, now: Duration) -> Option<u64> {
        let (n, since) = self.asked.front()?;
        if now.saturating_sub(*since) < ANSWER_WITHIN {
            return None;
        }
        let n = *n;
        self.asked.pop_front();
        Some(n)
    }
}

#[cfg(test)]
mod tests;
