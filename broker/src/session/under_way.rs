//! Requests of one session that have no answer yet: how many, and since when.

use std::collections::VecDeque;
use std::time::Duration;

use pregao_protocol::label::MAX_ANSWER;

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
mod tests {
    use super::*;

    #[test]
    fn v098_a_request_is_overdue_at_its_time_and_not_before() {
        let mut under_way = UnderWay::at_most(8);
        let start = Duration::from_secs(1_000);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(under_way.take(7, start) && under_way.take(8, at(5)));
        assert_eq!(under_way.overdue(at(MAX_ANSWER) - Duration::from_nanos(1)), None);
        assert_eq!(under_way.overdue(at(MAX_ANSWER)), Some(7));
        assert_eq!(under_way.overdue(at(MAX_ANSWER)), None, "the other one has time left");
        assert!(!under_way.answered(7), "what comes for it later is not sent");
        assert_eq!(under_way.overdue(at(MAX_ANSWER + 5)), Some(8));
    }

    #[test]
    fn v098_a_request_that_was_answered_is_never_overdue() {
        let mut under_way = UnderWay::at_most(8);
        let start = Duration::from_secs(1_000);
        under_way.take(7, start);
        assert!(under_way.answered(7) && !under_way.answered(7));
        assert_eq!(under_way.overdue(start + 10 * ANSWER_WITHIN), None);
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let mut under_way = UnderWay::at_most(2);
        let now = Duration::ZERO;
        assert!(under_way.take(1, now) && under_way.take(1, now) && !under_way.take(2, now));
        assert!(under_way.answered(2) && under_way.answered(1));
        assert!(under_way.take(3, now), "one of the two that shared a number is answered");
    }
}
