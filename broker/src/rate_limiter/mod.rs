//! How much somebody may do at once, and on average: frames of a session, acts of the owner of a box.

use std::time::Duration;

/// A bucket of them that refills with time.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    rate: f64,
    burst: f64,
    left: f64,
    /// When it was refilled last, by a clock that only grows.
    at: Duration,
}

impl RateLimiter {
    /// A full one. `rate` is how many come back a second.
    pub(crate) fn new(rate: u32, burst: u32, now: Duration) -> Self {
        let burst = f64::from(burst);
        Self { rate: f64::from(rate), burst, left: burst, at: now }
    }

    /// Takes one out; false if there is none.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at);
        self.at = now;
        self.left = (self.left + passed.as_secs_f64() * self.rate).min(self.burst);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests;
