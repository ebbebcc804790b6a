//! Solves puzzles on every core, beside whatever else the program does (SPEC 9.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pregao_protocol::host::Host;
use pregao_protocol::wire::puzzle::{Effort, Puzzle, slices};
use tokio::sync::mpsc;

/// Ends the work of all who hold it: when told to, and when dropped.
#[derive(Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Starts to solve a puzzle, beginning with a counter. The counter that solves it comes once; nothing comes once `stop` is
/// dropped. With one core it is the first one.
pub(crate) fn start(
    host: &Host,
    puzzle: Puzzle,
    effort: Effort,
    from: u64,
) -> (Stop, mpsc::UnboundedReceiver<u64>) {
    let stop = Stop::default();
    let (found, solved) = mpsc::unbounded_channel();
    let next = Arc::new(AtomicU64::new(from));
    for _ in 0..host.spawn.cores() {
        let (stop, next, found) = (Arc::clone(&stop.0), Arc::clone(&next), found.clone());
        host.spawn.blocking(Box::new(move || {
            while !stop.load(Ordering::Relaxed) {
                // Whoever asks next gets the slice after the last one given.
                let mut taken = None;
                let _ = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |start| {
                    taken = slices(start).next();
                    taken.as_ref().map(|slice| slice.end)
                });
                let Some(slice) = taken else { return };
                if let Some(counter) = puzzle.solve(effort, slice)
                    && !stop.swap(true, Ordering::Relaxed)
                {
                    // Whoever waited may have given up.
                    let _ = found.send(counter);
                }
            }
        }));
    }
    (stop, solved)
}

/// Solves a puzzle; nothing, if the machine runs no work any more. Dropped before, the work ends.
pub(crate) async fn solve(host: &Host, puzzle: Puzzle, effort: Effort) -> Option<u64> {
    let (_stop, mut solved) = start(host, puzzle, effort, 0);
    solved.recv().await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pregao_protocol::log::RoomName;
    use pregao_protocol::trust::key::Fingerprint;
    use pregao_protocol::value::codec::Digest;
    use pregao_protocol::wire::puzzle::Purpose;

    use super::*;
    use crate::host::system;

    fn puzzle() -> Puzzle {
        Puzzle {
            broker: Fingerprint([1; 32]),
            purpose: Purpose::Submission,
            binding: Digest([2; 32]),
            room: RoomName([3; 32]),
            digest: Digest([4; 32]),
            header: Digest([5; 32]),
        }
    }

    #[tokio::test]
    async fn all_cores_together_find_a_solution_and_stop() {
        let effort = Effort::new(14).unwrap();
        let counter = solve(&system(), puzzle(), effort).await.unwrap();
        assert!(puzzle().is_solved_by(counter, effort));
        // From behind it another one.
        let (_stop, mut solved) = start(&system(), puzzle(), effort, counter + 1);
        let next = solved.recv().await.unwrap();
        assert!(next > counter && puzzle().is_solved_by(next, effort));
        assert_eq!(solved.recv().await, None, "it comes once");
    }

    #[tokio::test]
    async fn work_that_is_given_up_ends() {
        // Counters run out: nobody would ever solve it.
        let (stop, mut solved) = start(&system(), puzzle(), Effort::MAX, 0);
        drop(stop);
        let ended = tokio::time::timeout(Duration::from_secs(60), solved.recv()).await;
        assert!(ended.is_ok());
    }
}
