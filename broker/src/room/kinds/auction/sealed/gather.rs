//! What is asked of the TSAs that lock the bids of a room, gathered while the room goes on: whichever give it first are enough.

use std::time::Duration;

use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::wire::tsa::TimeLockAnswer;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::Instant;

use crate::room::kinds::Step;
use crate::room::retry::Retry;
use crate::tsa::timelocks::{PendingLock, TimeLocks};

/// How often a room looks whether its TSAs have answered: it goes on meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What each TSA has given so far, in the order of the listing.
#[derive(Debug)]
pub(in crate::room::kinds::auction) struct Gathering<T> {
    of: Vec<Asked<T>>,
}

impl<T> Default for Gathering<T> {
    fn default() -> Self {
        Self { of: Vec::new() }
    }
}

#[derive(Debug)]
struct Asked<T> {
    pending: Option<PendingLock>,
    given: Option<T>,
    retry: Retry,
    /// It did not give it when it was asked.
    failed: bool,
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self { pending: None, given: None, retry: Retry::default(), failed: false }
    }
}

/// Whom to ask, for which instant, and of how many something is needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) tsas: &'a [PublicKey<StampKey>],
    /// In seconds since 1970.
    pub(super) at: u64,
    pub(super) needed: usize,
}

impl<T: Clone> Gathering<T> {
    /// Asks those that have given nothing, each again after a pause of its own. `accept` says what is in an answer of the
    /// TSA at a place, or what is wrong with it. Gives what the first `needed` places have, once there are as many; else
    /// the step to take meanwhile.
    pub(super) fn gather(
        &mut self,
        question: Question<'_>,
        locks: &TimeLocks,
        accept: impl Fn(usize, &TimeLockAnswer) -> Result<T, &'static str>,
    ) -> Result<Vec<(usize, T)>, Step> {
        let Question { tsas, at, needed } = question;
        self.of.resize_with(tsas.len(), Asked::default);
        let now = Instant::now();
        for (place, (asked, tsa)) in self.of.iter_mut().zip(tsas).enumerate() {
            // A room with one TSA is asked again as after any other failure.
            let may_ask = tsas.len() == 1 || asked.retry.is_due(now);
            if asked.given.is_none() && asked.pending.is_none() && may_ask {
                asked.pending = Some(locks.ask(tsa, at));
            }
            let Some(answered) = asked.take() else { continue };
            match answered.map(|answer| accept(place, &answer)) {
                Some(Ok(given)) => {
                    locks.gave(tsa);
                    (asked.given, asked.failed) = (Some(given), false);
                    continue;
                }
                Some(Err(why)) => locks.answered_wrongly(tsa, at, why),
                // What was asked for in vain was said where it was asked.
                None => {}
            }
            asked.failed = true;
            asked.retry.failed(now);
        }
        let given: Vec<(usize, T)> = self.given().take(needed).collect();
        if given.len() == needed { Ok(given) } else { Err(self.meanwhile(now)) }
    }

    /// What there is, with the place of the TSA that gave it.
    pub(super) fn given(&self) -> impl Iterator<Item = (usize, T)> {
        self.of.iter().enumerate().filter_map(|(place, asked)| Some((place, asked.given.clone()?)))
    }

    /// Whether a TSA was asked in vain, and has not given it since.
    pub(super) fn has_failed(&self) -> bool {
        self.of.iter().any(|asked| asked.failed)
    }

    fn meanwhile(&self, now: Instant) -> Step {
        let is_pending = self.of.iter().any(|asked| asked.pending.is_some());
        if self.of.len() == 1 && !is_pending {
            return Step::Failed;
        }
        let look = is_pending.then_some(now + LOOK_AGAIN);
        let again = self.of.iter().filter(|asked| asked.given.is_none()).filter_map(Asked::again);
        Step::Wait(look.into_iter().chain(again).min().unwrap_or(now + LOOK_AGAIN))
    }
}

impl<T> Asked<T> {
    /// The answer, or that there will be none; `None` while it is on its way.
    fn take(&mut self) -> Option<Option<TimeLockAnswer>> {
        let answered = self.pending.as_mut()?.try_recv();
        if answered == Err(TryRecvError::Empty) {
            return None;
        }
        self.pending = None;
        Some(answered.ok())
    }

    fn again(&self) -> Option<Instant> {
        self.retry.at().filter(|_| self.pending.is_none())
    }
}
