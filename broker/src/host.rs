//! The real machine: the one module in which this program reads clocks, draws random bytes and
//! starts threads and tasks. Everything else gets a [`Host`].

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pregao_protocol::host::{Clock, Host, Job, NoRandomness, Random, Spawn};
use pregao_protocol::value::clock::Time;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The machine on which this program runs. Tasks and workers run in the runtime of whoever asks.
#[must_use]
pub fn system() -> Host {
    Host { clock: Arc::new(System), random: Arc::new(System), spawn: Arc::new(System) }
}

/// Runs work that blocks, and waits for it; `None` if it broke off.
pub async fn blocking<T: Send + 'static>(
    host: &Host,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = oneshot::channel();
    host.spawn.blocking(Box::new(move || {
        // Nobody waits any more: the work was done all the same.
        let _ = done.send(work());
    }));
    result.await.ok()
}

#[derive(Debug)]
struct System;

#[expect(clippy::disallowed_methods, reason = "here, and nowhere else")]
impl Clock for System {
    /// All of one process count from the same moment. The standard library's monotonic clock stands
    /// still while the machine sleeps.
    fn uptime(&self) -> Duration {
        static START: LazyLock<boot_time::Instant> = LazyLock::new(boot_time::Instant::now);
        START.elapsed()
    }

    fn wall(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::default().plus(since)
    }
}

#[expect(clippy::disallowed_methods, reason = "here, and nowhere else")]
impl Random for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(bytes).map_err(|_| NoRandomness)
    }
}

#[expect(clippy::disallowed_methods, reason = "here, and nowhere else")]
impl Spawn for System {
    fn task(&self, task: Job) {
        tokio::spawn(task);
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        tokio::task::spawn_blocking(work);
    }

    fn worker(&self, name: &str, task: Job) -> std::io::Result<()> {
        let runtime = Handle::try_current().map_err(std::io::Error::other)?;
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(move || runtime.block_on(task)).map(drop)
    }

    fn cores(&self) -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_one_process_only_grows() {
        let first = system().clock.uptime();
        assert!(first <= system().clock.uptime());
    }

    #[tokio::test]
    async fn work_that_breaks_off_is_told_from_work_that_is_done() {
        let host = system();
        assert_eq!(blocking(&host, || 7).await, Some(7));
        assert_eq!(blocking(&host, || -> u8 { panic!("on purpose") }).await, None);
    }

    #[tokio::test]
    async fn a_worker_has_a_thread_of_its_own_and_waits_as_a_task_does() {
        let (name, named) = oneshot::channel();
        let work = async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let _ = name.send(std::thread::current().name().map(str::to_owned));
        };
        system().spawn.worker("clerk", Box::pin(work)).unwrap();
        assert_eq!(named.await.unwrap().as_deref(), Some("clerk"));
    }
}
