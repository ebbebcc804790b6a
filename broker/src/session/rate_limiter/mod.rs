//! How many frames a session may send.

use std::time::Duration;

/// A bucket of frames that refills with time.
pub(super) struct RateLimiter {
    rate: f64,
    burst: f64,
    left: f64,
    /// When it was refilled last, by a clock that only grows.
    at: Duration,
}

impl RateLimiter {
    pub(super) fn new(rate: u32, burst: u32, now: Duration) -> Self {
        let burst = f64::from(burst);
        Self { rate: f64::from(rate), burst, left: burst, at: now }
    }

    pub(super) fn take(&mut self, now: Duration) -> bool {
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
