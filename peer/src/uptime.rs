//! A clock that goes on while the machine sleeps. The standard library's does not on Linux, and a countdown carried
//! forward by it would lie after every sleep.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pregao_protocol::clock::{RECENT, Time};

/// Tells how much time has passed since some moment before; it only grows, asleep and awake.
#[derive(Clone)]
pub struct Uptime(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Uptime {
    /// The system's. All of one process count from the same moment.
    #[must_use]
    pub fn system() -> Self {
        static START: LazyLock<boot_time::Instant> = LazyLock::new(boot_time::Instant::now);
        let start = *START;
        Self(Arc::new(move || start.elapsed()))
    }

    /// One that is turned by hand.
    #[must_use]
    pub fn by(read: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// What it shows.
    #[must_use]
    pub fn read(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uptime({:?})", self.read())
    }
}

/// The time at `now`, carried forward from a tick that came at `at`; none if that is too long ago.
#[must_use]
pub fn carried(time: Time, at: Duration, now: Duration) -> Option<Time> {
    let age = now.saturating_sub(at);
    (age <= RECENT).then(|| time.plus(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_carried_forward_for_five_seconds_and_not_over_a_sleep() {
        let time = Time::default().plus(Duration::from_secs(1_790_000_000));
        let (at, second) = (Duration::from_secs(100), Duration::from_secs(1));
        assert_eq!(carried(time, at, at + 5 * second), Some(time.plus(5 * second)));
        assert_eq!(carried(time, at, at + 5 * second + Duration::from_nanos(1)), None);
        assert_eq!(carried(time, at, at + 3_600 * second), None);
    }

    #[test]
    fn the_clocks_of_one_process_agree_and_only_grow() {
        let first = Uptime::system().read();
        let second = Uptime::system().read();
        assert!(first <= second);
    }
}
