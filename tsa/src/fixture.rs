//! A machine for tests: the time of a paused runtime, chance from one seed, blocking work done at once,
//! and tasks that can be ended as a crash ends them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pregao_protocol::host::{Clock, Host, Job, NoRandomness, Random, Spawn};
use pregao_protocol::value::clock::Time;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Wall-clock time at which every machine begins, in seconds.
const BEGINNING: u64 = 1_800_000_000;

#[derive(Debug)]
pub(crate) struct Machine {
    begun: Instant,
    /// How far the wall clock was stepped ahead, in seconds.
    ahead: AtomicU64,
    chance: Mutex<ChaCha12Rng>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Machine {
    /// Within a runtime, whose time it takes.
    pub(crate) fn new(seed: u8) -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            ahead: AtomicU64::new(0),
            chance: Mutex::new(ChaCha12Rng::from_seed([seed; 32])),
            tasks: Mutex::default(),
        })
    }

    pub(crate) fn host(self: &Arc<Self>) -> Host {
        Host { clock: self.clone(), random: self.clone(), spawn: self.clone() }
    }

    /// Puts the wall clock this far ahead of what it would be.
    pub(crate) fn step(&self, ahead: Duration) {
        self.ahead.store(ahead.as_secs(), Ordering::Relaxed);
    }

    /// Ends all tasks where they stand.
    pub(crate) fn kill(&self) {
        for task in self.tasks.lock().unwrap().drain(..) {
            task.abort();
        }
    }

    /// How many tasks have not ended.
    pub(crate) fn running(&self) -> usize {
        self.tasks.lock().unwrap().iter().filter(|task| !task.is_finished()).count()
    }
}

impl Clock for Machine {
    fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    fn wall(&self) -> Time {
        let ahead = Duration::from_secs(BEGINNING + self.ahead.load(Ordering::Relaxed));
        Time::default().plus(ahead + self.begun.elapsed())
    }
}

impl Random for Machine {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        self.chance.lock().unwrap().fill_bytes(bytes);
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "the machine of the tests")]
impl Spawn for Machine {
    fn task(&self, task: Job) {
        self.tasks.lock().unwrap().push(tokio::spawn(task).abort_handle());
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }

    fn worker(&self, _name: &str, task: Job) -> std::io::Result<()> {
        self.task(task);
        Ok(())
    }
}
