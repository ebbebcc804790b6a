//! Keys whose secrets are kept until an instant, and the rule when one is given (SPEC 6.1).
//!
//! One master for each day of instants makes all secrets of that day. It is durable before any key made from
//! it is stated, and stays: who loses it, loses what was sealed to its day.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pregao_protocol::host::{NoRandomness, Random};
use pregao_protocol::trust::key::{SecretKey, StampKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::timelock::{self, DAY, MAX_AHEAD, Master, TimeLock};
use pregao_protocol::value::clock::Time;

use crate::clock::{ClockError, SharedClock};
use crate::store::{Store, StoreError};

/// Days whose masters are at hand without the store: as many as may be asked for ahead, and some that passed.
const REMEMBERED: usize = 512;

/// Why a key is not stated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeLockRefusal {
    /// Further ahead than keys are stated.
    #[error("keys are stated for at most {} days ahead", MAX_AHEAD.as_secs() / DAY)]
    Far,
    /// No key was ever stated for that day, and none is for what has passed.
    #[error("no key was stated for that day, and it has passed")]
    Never,
    /// The clock gives no time.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness for a new master.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// A key as it is stated, and its secret if the instant is past.
#[derive(Debug)]
pub struct Stated {
    /// The statement, compact JWS.
    pub statement: String,
    /// The secret.
    pub secret: Option<SealKey>,
}

/// The keys of one TSA, in real or in simulated time.
pub struct TimeLocks {
    key: SecretKey<StampKey>,
    clock: SharedClock,
    simulated: bool,
    /// A connection of its own, so that stamps do not wait.
    store: Mutex<(Store, HashMap<u64, Master>)>,
}

impl TimeLocks {
    /// Keys under the key of a TSA's stamps, by its clock.
    #[must_use]
    pub fn new(
        key: SecretKey<StampKey>,
        clock: SharedClock,
        store: Store,
        simulated: bool,
    ) -> Self {
        Self { key, clock, simulated, store: Mutex::new((store, HashMap::new())) }
    }

    /// States the key of an instant, and gives its secret once that has passed. Blocks: a day that is asked for first
    /// is written.
    ///
    /// # Errors
    /// [`TimeLockRefusal`].
    pub fn state(&self, at: u64, random: &dyn Random) -> Result<Stated, TimeLockRefusal> {
        let now = self.clock.now()?;
        let instant = timelock::instant(at).ok_or(TimeLockRefusal::Far)?;
        if instant > now.plus(MAX_AHEAD) {
            return Err(TimeLockRefusal::Far);
        }
        let master = self.master(at / DAY, now, random)?;
        let secret = master.secret(at);
        let (tsa, key) = (self.key.public().fingerprint(), secret.public());
        let statement = TimeLock { tsa, at, key, simulated: self.simulated }.sign(&self.key);
        // Asked last: nothing that takes time comes between this and the answer.
        let secret = self.clock.has_passed(instant)?.then_some(secret);
        Ok(Stated { statement, secret })
    }

    fn master(&self, day: u64, now: Time, random: &dyn Random) -> Result<Master, TimeLockRefusal> {
        let mut guard = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let (store, remembered) = &mut *guard;
        if let Some(master) = remembered.get(&day) {
            return Ok(master.clone());
        }
        let kept = store.master(day)?;
        let master = match kept {
            Some(kept) => kept,
            // Nobody can have sealed to a day of which no key was stated.
            None if (day + 1) * DAY <= now.as_micros() / 1_000_000 => {
                return Err(TimeLockRefusal::Never);
            }
            None => {
                let mut bytes = [0; 32];
                random.fill(&mut bytes)?;
                let master = Master::from_random(bytes);
                store.keep_master(day, &master)?;
                master
            }
        };
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(day, master.clone());
        Ok(master)
    }
}

impl std::fmt::Debug for TimeLocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TimeLocks").field("simulated", &self.simulated).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
