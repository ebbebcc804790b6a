//! Work that blocks its thread and waits for the network meanwhile, on a thread of its own.
//!
//! Only one of the two threads ever runs: the simulation's waits for the other to end or to wait for something, and
//! what that waits for passes in virtual time like all else. So the same seed still gives the same sequence.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::runtime::Handle;
use tracing::Dispatch;

/// An answer of the network: status and body, or none.
pub(super) type Answer = Option<(u16, Vec<u8>)>;
/// What is waited for.
type Waited = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Work = Box<dyn FnOnce() + Send>;

enum Step {
    /// It waits for this, and goes on with the answer.
    Waits(Waited, Sender<Answer>),
    /// It has ended; whether it panicked.
    Ends { panicked: bool },
}

/// A thread that is kept for the next piece of work.
struct Thread {
    work: Sender<(Work, Handle, Dispatch)>,
    steps: Receiver<Step>,
}

thread_local! {
    /// Threads without work, of a thread that simulates.
    static IDLE: RefCell<Vec<Thread>> = const { RefCell::new(Vec::new()) };
    /// On a thread for work: the way to the one that simulates.
    static STEPS: RefCell<Option<Sender<Step>>> = const { RefCell::new(None) };
}

impl Thread {
    fn start() -> std::io::Result<Self> {
        let (work, works) = channel::<(Work, Handle, Dispatch)>();
        let (step, steps) = channel();
        std::thread::Builder::new().name("apart".to_owned()).spawn(move || {
            STEPS.set(Some(step.clone()));
            while let Ok((work, handle, log)) = works.recv() {
                let _entered = handle.enter();
                let work = || tracing::dispatcher::with_default(&log, work);
                let panicked = catch_unwind(AssertUnwindSafe(work)).is_err();
                if step.send(Step::Ends { panicked }).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { work, steps })
    }
}

/// Work under way. Dropped before it ended, as by a crash, it gets no more answers and ends at once.
struct UnderWay(Option<Thread>);

impl UnderWay {
    fn step(&self) -> Step {
        let step = self.0.as_ref().and_then(|thread| thread.steps.recv().ok());
        step.unwrap_or(Step::Ends { panicked: true })
    }

    fn ended(&mut self) {
        if let Some(thread) = self.0.take() {
            IDLE.with_borrow_mut(|idle| idle.push(thread));
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        while self.0.is_some() {
            // Whoever waits is told that nothing answers.
            if let Step::Ends { .. } = self.step() {
                self.ended();
            }
        }
    }
}

/// Runs work to its end, and what it waits for in between. Panics if the work does.
pub(super) async fn run(work: Work) {
    let idle = IDLE.with_borrow_mut(Vec::pop);
    let thread = idle.or_else(|| Thread::start().ok()).expect("a thread of the operating system");
    let log = tracing::dispatcher::get_default(Dispatch::clone);
    let given = thread.work.send((work, Handle::current(), log));
    given.expect("a thread that waits for work takes it");
    let mut under_way = UnderWay(Some(thread));
    loop {
        match under_way.step() {
            Step::Waits(waited, reply) => {
                let answer = waited.await;
                // It waits for that.
                let _ = reply.send(answer);
            }
            Step::Ends { panicked } => {
                under_way.ended();
                assert!(!panicked, "work that blocks panicked");
                return;
            }
        }
    }
}

/// On a thread for such work: waits for something in virtual time. `None` elsewhere.
pub(super) fn wait(waited: impl FnOnce() -> Waited) -> Option<Answer> {
    let steps = STEPS.with_borrow(Clone::clone)?;
    let (reply, answer) = channel();
    let sent = steps.send(Step::Waits(waited(), reply)).is_ok();
    Some(if sent { answer.recv().ok().flatten() } else { None })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn in_a_minute() -> Waited {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Some((200, Vec::new()))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn what_work_waits_for_passes_in_virtual_time_while_others_go_on() {
        let began = Instant::now();
        let (first, second) = tokio::join!(
            run(Box::new(|| assert!(wait(in_a_minute).flatten().is_some()))),
            run(Box::new(|| assert!(wait(in_a_minute).flatten().is_some()))),
        );
        let ((), ()) = (first, second);
        assert_eq!(began.elapsed().as_secs(), 60);
        assert!(wait(in_a_minute).is_none(), "nobody waits on the thread that simulates");
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_given_up_gets_no_answer_and_has_ended() {
        let ended = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&ended);
        let work = run(Box::new(move || {
            assert_eq!(wait(in_a_minute), Some(None));
            assert_eq!(wait(in_a_minute), Some(None));
            count.fetch_add(1, Ordering::Relaxed);
        }));
        assert!(tokio::time::timeout(Duration::from_secs(1), work).await.is_err());
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "work that blocks panicked")]
    async fn work_that_panics_is_not_passed_over() {
        run(Box::new(|| panic!("on purpose"))).await;
    }
}
