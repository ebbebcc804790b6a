//! The machine under a simulated program: virtual clocks, chance from a seed, and tasks that all
//! end when it crashes.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::apart;
use parking_lot::Mutex;
use pregao_protocol::host::{Clock, Host, Job, NoRandomness, Random, Spawn};
use pregao_protocol::value::clock::Time;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Where the wall clocks begin: the first instant of 2027, in seconds.
const BEGINNING: u64 = 1_798_761_600;

/// Steps that the tasks of one machine take at the most: beyond, one of them goes round for ever.
const MOST_STEPS: u64 = 50_000_000;

/// Seeds that are kept at most.
const MOST_DRAWN: usize = 4_096;

/// Chance that follows from a seed. Cheap to clone; clones draw from one sequence.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<ChaCha12Rng>>);

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance(..)")
    }
}

impl Chance {
    /// The sequence of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha12Rng::seed_from_u64(seed))))
    }

    /// Another sequence, which follows from this one.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::of(self.0.lock().next_u64())
    }

    /// A number below `bound`; 0 for a bound of 0. Small bounds, so that no number is favoured much.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.0.lock().next_u64().checked_rem(bound).unwrap_or_default()
    }

    /// True once in `times` on average.
    #[must_use]
    pub fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of them, if there is any.
    #[must_use]
    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).ok()?)
    }

    /// A span from `least` on, shorter than `most`, in milliseconds.
    #[must_use]
    pub fn millis(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least.saturating_add(self.below(most.saturating_sub(least))))
    }

    /// Fills bytes.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }
}

/// What all machines share: the moment they began, and how long all of them have slept.
#[derive(Debug)]
pub struct Era {
    start: Instant,
    slept: Mutex<Duration>,
}

impl Era {
    /// Begins now.
    #[must_use]
    pub fn begin() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), slept: Mutex::default() })
    }

    /// All machines sleep for a while: their clocks go on, and nothing runs.
    pub fn sleep(&self, time: Duration) {
        *self.slept.lock() += time;
    }

    /// Time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed() + *self.slept.lock()
    }
}

/// How long work that blocks takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// It is done on return.
    AtOnce,
    /// It is done some milliseconds later.
    Later,
    /// So, and it may wait for the network meanwhile.
    Apart,
}

/// One machine, from its start to its crash.
#[derive(Debug)]
pub struct Machine {
    era: Arc<Era>,
    chance: Chance,
    speed: Speed,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_down: bool,
    tasks: Vec<JoinHandle<()>>,
    /// How far its wall clock is off, in milliseconds.
    off: i64,
    /// One of its tasks broke off: a fault of the program, whatever else holds.
    panicked: bool,
    /// How many steps its tasks may still take, if that is fixed.
    steps: Option<u64>,
    /// How many they have taken.
    taken: u64,
    /// Seeds that were drawn, and when, if they are kept.
    drawn: Option<VecDeque<(Duration, [u8; 32])>>,
}

impl Machine {
    /// Starts a machine.
    #[must_use]
    pub fn start(era: &Arc<Era>, chance: &Chance, speed: Speed) -> Arc<Self> {
        let state = State::default();
        let (era, chance) = (Arc::clone(era), chance.fork());
        Arc::new(Self { era, chance, speed, state: Mutex::new(state) })
    }

    /// As programs see it.
    #[must_use]
    pub fn host(self: &Arc<Self>) -> Host {
        let spawn = Arc::new(Tasks(Arc::clone(self)));
        Host { clock: self.clone(), random: self.clone(), spawn }
    }

    /// How far its wall clock is ahead of the others, in milliseconds.
    #[must_use]
    pub fn off(&self) -> i64 {
        self.state.lock().off
    }

    /// Sets the wall clock ahead of the others, or back.
    pub fn set_off(&self, millis: i64) {
        self.state.lock().off = millis;
    }

    /// Runs a task until the machine crashes.
    pub fn run(self: &Arc<Self>, task: Job) {
        let mut state = self.state.lock();
        if state.is_down {
            return;
        }
        if state.tasks.len() == state.tasks.capacity() {
            state.tasks.retain(|task| !task.is_finished());
        }
        let task = Task { job: task, machine: Arc::clone(self) };
        state.tasks.push(tokio::spawn(task));
    }

    /// From now on it is kept what seeds of 32 bytes are drawn, the newest of them: with these its handshakes are repeated.
    pub(super) fn keep_drawn(&self) {
        self.state.lock().drawn.get_or_insert_default();
    }

    /// The seeds that were drawn since then, of those that are kept.
    pub(super) fn drawn_since(&self, since: Duration) -> Vec<[u8; 32]> {
        let state = self.state.lock();
        let drawn = state.drawn.iter().flatten().filter(|(at, _)| *at >= since);
        drawn.map(|(_, seed)| *seed).collect()
    }

    /// Lets its tasks take so many steps more, all together, then stop wherever they are: between
    /// a commit and its answer, say.
    pub fn stand_still_after(&self, steps: u64) {
        self.state.lock().steps = Some(steps);
    }

    /// Whether its tasks have stopped.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        self.state.lock().steps == Some(0)
    }

    fn may_step(&self) -> bool {
        let mut state = self.state.lock();
        state.taken += 1;
        assert!(state.taken < MOST_STEPS, "a program runs for ever at one instant");
        match &mut state.steps {
            None => true,
            Some(0) => false,
            Some(steps) => {
                *steps -= 1;
                true
            }
        }
    }

    fn go_down(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state.lock();
        state.is_down = true;
        std::mem::take(&mut state.tasks)
    }

    /// Whether one of its tasks panicked, as far as is known before [`Machine::crash`].
    #[must_use]
    pub fn panicked(&self) -> bool {
        self.state.lock().panicked
    }

    /// Ends every task where it waits. On return all that they held is dropped.
    pub async fn crash(&self) {
        loop {
            let tasks = self.go_down();
            if tasks.is_empty() {
                return;
            }
            tasks.iter().for_each(JoinHandle::abort);
            for task in tasks {
                // Whether it panicked, it has said.
                let _ = task.await;
            }
        }
    }
}

/// A task of a machine, which takes no step more once the machine has stopped.
struct Task {
    job: Job,
    machine: Arc<Machine>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.machine.may_step() {
            return Poll::Pending;
        }
        let polled = catch_unwind(AssertUnwindSafe(|| self.job.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            self.machine.state.lock().panicked = true;
            Poll::Ready(())
        })
    }
}

impl Clock for Machine {
    fn uptime(&self) -> Duration {
        self.era.elapsed()
    }

    fn wall(&self) -> Time {
        let off = self.state.lock().off;
        let time = Time::default().plus(Duration::from_secs(BEGINNING)).plus(self.era.elapsed());
        let by = Duration::from_millis(off.unsigned_abs());
        if off < 0 { time.minus(by) } else { time.plus(by) }
    }
}

impl Random for Machine {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        self.chance.fill(bytes);
        if let (Some(drawn), Ok(seed)) = (&mut self.state.lock().drawn, bytes.try_into()) {
            drawn.push_back((self.era.elapsed(), seed));
            if drawn.len() > MOST_DRAWN {
                drawn.pop_front();
            }
        }
        Ok(())
    }
}

/// Where the programs of a machine run.
#[derive(Debug)]
struct Tasks(Arc<Machine>);

impl Spawn for Tasks {
    fn task(&self, task: Job) {
        self.0.run(task);
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) {
        match self.0.speed {
            Speed::AtOnce => work(),
            speed => {
                let delay = self.0.chance.millis(0, 4);
                self.0.run(Box::pin(async move {
                    tokio::time::sleep(delay).await;
                    if speed == Speed::Apart { apart::run(work).await } else { work() }
                }));
            }
        }
    }

    fn worker(&self, _: &str, task: Job) -> std::io::Result<()> {
        self.0.run(task);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_crashes_drops_what_its_tasks_hold() {
        let era = Era::begin();
        let machine = Machine::start(&era, &Chance::of(1), Speed::Later);
        let held = Arc::new(());
        let (weak, host) = (Arc::downgrade(&held), machine.host());
        host.task(async move {
            tokio::time::sleep(Duration::from_secs(1_000)).await;
            drop(held);
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(weak.upgrade().is_some());
        machine.crash().await;
        assert!(weak.upgrade().is_none());
        host.task(async { panic!("a machine that is down runs nothing") });
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn clocks_go_on_asleep_and_only_the_wall_clock_can_be_set() {
        let era = Era::begin();
        let machine = Machine::start(&era, &Chance::of(1), Speed::AtOnce);
        let (uptime, wall) = (machine.uptime(), machine.wall());
        let hour = Duration::from_secs(3_600);
        tokio::time::sleep(hour).await;
        era.sleep(hour);
        machine.set_off(-2_000);
        assert_eq!(machine.uptime(), uptime + 2 * hour);
        assert_eq!(machine.wall(), wall.plus(2 * hour).minus(Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_stands_still_between_two_steps_and_says_who_panicked() {
        let machine = Machine::start(&Era::begin(), &Chance::of(1), Speed::Later);
        let (host, counted) = (machine.host(), Arc::new(Mutex::new(0)));
        let count = Arc::clone(&counted);
        host.task(async move {
            loop {
                *count.lock() += 1;
                tokio::task::yield_now().await;
            }
        });
        machine.stand_still_after(7);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(*counted.lock() == 7 && machine.stands_still() && !machine.panicked());
        machine.crash().await;
        let machine = Machine::start(&Era::begin(), &Chance::of(1), Speed::Later);
        machine.host().task(async { panic!("on purpose") });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(machine.panicked());
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let draw = |seed| (0..8).map(|_| Chance::of(seed).below(1_000)).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
