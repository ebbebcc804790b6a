//! Keys whose secrets are kept until an instant, and the rule when one is given (SPEC 6.1).
//!
//! One master for each day of instants makes all secrets of that day. It is durable before any key made from
//! it is stated, and stays: who loses it, loses what was sealed to its day. So a TSA whose masters are gone does
//! not start and make others.

mod store;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pregao_protocol::host::{NoRandomness, Random};
use pregao_protocol::trust::key::{SecretKey, StampKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::timelock::{self, DAY, MAX_AHEAD, Master, TimeLock};
use pregao_protocol::value::clock::Time;
use zeroize::Zeroizing;

use crate::clock::{ClockError, SharedClock};
use crate::store::{Store, StoreError};
pub use store::MasterStore;

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
    masters: Mutex<Masters>,
}

/// What secrets are made from.
struct Masters {
    /// Connections of their own, so that stamps do not wait: where the masters are, and where it says that there are
    /// some.
    store: MasterStore,
    chain: Store,
    remembered: HashMap<u64, Master>,
}

impl TimeLocks {
    /// Keys under the key of a TSA's stamps, by its clock.
    #[must_use]
    pub fn new(
        key: SecretKey<StampKey>,
        clock: SharedClock,
        (store, chain): (MasterStore, Store),
        simulated: bool,
    ) -> Self {
        let masters = Masters { store, chain, remembered: HashMap::new() };
        Self { key, clock, simulated, masters: Mutex::new(masters) }
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
        let mut masters = self.masters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(master) = masters.remembered.get(&day) {
            return Ok(master.clone());
        }
        let kept = masters.store.master(day)?;
        let master = match kept {
            Some(kept) => kept,
            // Nobody can have sealed to a day of which no key was stated.
            None if (day + 1) * DAY <= now.as_micros() / 1_000_000 => {
                return Err(TimeLockRefusal::Never);
            }
            None => {
                let mut bytes = Zeroizing::new([0; 32]);
                random.fill(&mut *bytes)?;
                let master = Master::from_random(*bytes);
                // First: a key that is stated must never be without this mark.
                masters.chain.set_stated_locks()?;
                masters.store.keep(day, &master)?;
                master
            }
        };
        if masters.remembered.len() >= REMEMBERED {
            masters.remembered.clear();
        }
        masters.remembered.insert(day, master.clone());
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
