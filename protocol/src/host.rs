//! What a program asks of the machine under it: the time, chance, and somewhere to run.
//!
//! Only the traits are here. Each shell reads the real machine in one module, `host.rs`, and hands
//! a [`Host`] down; a simulation hands down another, so that the same code runs under virtual time
//! and one seed (SPEC fixes no clock and no generator: they are arguments everywhere).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::value::clock::Time;

/// A future that runs to its end by itself.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads the machine's clocks.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Time since some moment before. It never goes back, and goes on while the machine sleeps.
    fn uptime(&self) -> Duration;

    /// The wall clock, which anybody who may can step. Times before 1970 read as 1970.
    fn wall(&self) -> Time;
}

/// Gives random bytes.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`NoRandomness`]; what `bytes` then hold must not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The machine gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// Runs work beside the caller.
pub trait Spawn: fmt::Debug + Send + Sync {
    /// Runs a task that waits for others and never blocks its thread.
    fn task(&self, task: Job);

    /// Runs a piece of work that blocks its thread for a while: a file, a slow computation.
    fn blocking(&self, work: Box<dyn FnOnce() + Send>);

    /// Runs a task that blocks its thread again and again, on a thread of its own where there is
    /// more than one; `name` is the thread's.
    ///
    /// # Errors
    /// Those of the operating system, if it gives no thread.
    fn worker(&self, name: &str, task: Job) -> std::io::Result<()>;

    /// How many pieces of work that block compute at the same time; at least one.
    fn cores(&self) -> usize {
        1
    }
}

/// The machine: one clock, one source of chance, one place to run.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its clocks.
    pub clock: Arc<dyn Clock>,
    /// Its random bytes.
    pub random: Arc<dyn Random>,
    /// Where work runs.
    pub spawn: Arc<dyn Spawn>,
}

impl Host {
    /// An array of random bytes.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Runs a task that waits for others and never blocks its thread.
    pub fn task(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn.task(Box::pin(task));
    }
}
