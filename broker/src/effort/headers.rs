//! Batch headers that all sessions were told of lately: a puzzle names one of them, so that none is solved ahead.

use std::collections::VecDeque;
use std::time::Duration;

use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_PUZZLE_AGE;

/// Most of them: one a second for as long as a puzzle may name one, and some to spare.
const MOST: usize = 64;

/// By their hashes, oldest first.
#[derive(Debug, Default)]
pub(super) struct RecentHeaders(VecDeque<(Digest, Time)>);

impl RecentHeaders {
    pub(super) fn note(&mut self, header: Digest, time: Time) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((header, time));
    }

    #[cfg(test)]
    pub(super) fn newest(&self) -> Option<Digest> {
        self.0.back().map(|(header, _)| *header)
    }

    pub(super) fn knows(&self, header: &Digest, now: Time) -> bool {
        let recent = |time: &Time| time.plus(Duration::from_secs(MAX_PUZZLE_AGE)) >= now;
        self.0.iter().rev().any(|(known, time)| known == header && recent(time))
    }
}
