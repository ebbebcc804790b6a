//! The secrets by which the broker makes passes, one for each day (SPEC 9.2).
//!
//! Which days there are, and when their keys are stated, the policy of the pass room decides
//! ([`crate::room`]). Here a secret is made, off everybody's task, since that takes seconds; it is durable
//! before its key is stated, and destroyed once its day is over.

mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use parking_lot::Mutex;
use pregao_protocol::host::Host;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::PassRoom;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::pass::{Day, PassKey, PassSecret};
use pregao_protocol::value::clock::Time;

/// How long after a failure no secret is made.
const PAUSE: Duration = Duration::from_secs(30);

/// Why a secret of passes cannot be had. The first line says what happened, the second what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassesError {
    /// The folder or a file in it cannot be read or written.
    #[error(
        "cannot use {path}: {source}\nlet the broker's user own it, and see that the disk has room"
    )]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A key file is readable by others.
    #[error("the key file {path} can be read by others (mode {mode:o})\nrun: chmod 600 {path}")]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A key file holds no key of passes.
    #[error("the key file {path} is damaged\nremove it: there are no passes of that day then")]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// No key could be made.
    #[error("no key of passes could be made\nrestart the system: it gave no random bytes")]
    Make,
}

/// What is known of a secret that was asked for.
#[derive(Debug, Clone)]
pub(crate) enum Prepared {
    /// It is there, and durable: this is its key.
    Ready(PassKey),
    /// It is being made.
    Coming,
    /// It could not be made, and it is too early to try again.
    Failed,
}

/// The secret of one day.
#[derive(Debug)]
struct Held {
    secret: Arc<PassSecret>,
    key: PassKey,
    /// Whether its key is in the log, durably.
    stated: bool,
}

#[derive(Debug, Default)]
struct State {
    /// The room in which keys are stated now.
    room: Option<RoomName>,
    held: BTreeMap<Day, Held>,
    making: BTreeSet<Day>,
    /// Days that are over, whose files are still to be destroyed.
    over: BTreeSet<Day>,
    /// Days for which the log states a key that nobody here has the secret of; each was said once.
    lost: BTreeSet<Day>,
    /// Until when nothing is made after a failure, on the clock that only grows.
    not_before: Duration,
}

/// The secrets of passes.
#[derive(Debug)]
pub struct Passes {
    per_day: u32,
    folder: PathBuf,
    broker: Fingerprint,
    host: Host,
    state: Mutex<State>,
}

impl Passes {
    /// Those kept in a data folder. `per_day` is how many passes each persona gets a day; with 0 none are
    /// made.
    ///
    /// # Errors
    /// [`PassesError`] for a secret that cannot be read, or that others may read.
    pub fn open(
        per_day: u32,
        folder: &Path,
        broker: Fingerprint,
        host: Host,
    ) -> Result<Arc<Self>, PassesError> {
        let mut state = State::default();
        for secret in files::read_all(folder)? {
            let day = secret.day();
            let damaged = |_| PassesError::Damaged { path: files::path(folder, day) };
            let key = secret.key(broker).map_err(damaged)?;
            state.held.insert(day, Held { secret: secret.into(), key, stated: false });
        }
        let folder = folder.to_owned();
        Ok(Arc::new(Self { per_day, folder, broker, host, state: Mutex::new(state) }))
    }

    /// How many passes each persona gets a day; 0 if there are none.
    #[must_use]
    pub const fn per_day(&self) -> u32 {
        self.per_day
    }

    /// Whether there are passes.
    #[must_use]
    pub const fn are_made(&self) -> bool {
        self.per_day > 0
    }

    /// The room in which their keys are stated, once it is there.
    #[must_use]
    pub fn room(&self) -> Option<RoomName> {
        self.state.lock().room
    }

    /// From now on keys are stated in this room.
    pub(crate) fn state_in(&self, room: RoomName) {
        self.state.lock().room = Some(room);
    }

    /// The secret of a day whose key everybody can read.
    #[must_use]
    pub fn secret_of(&self, day: Day) -> Option<Arc<PassSecret>> {
        let state = self.state.lock();
        state.held.get(&day).filter(|held| held.stated).map(|held| Arc::clone(&held.secret))
    }

    /// Has the secret of a day made if there is none.
    pub(crate) fn prepare(self: &Arc<Self>, day: Day) -> Prepared {
        {
            let mut state = self.state.lock();
            if let Some(held) = state.held.get(&day) {
                return Prepared::Ready(held.key.clone());
            }
            if state.making.contains(&day) {
                return Prepared::Coming;
            }
            if self.host.clock.uptime() < state.not_before {
                return Prepared::Failed;
            }
            state.making.insert(day);
        }
        let passes = Arc::clone(self);
        self.host.spawn.blocking(Box::new(move || {
            let made = passes.make(day);
            let mut state = passes.state.lock();
            state.making.remove(&day);
            match made {
                Ok(held) => _ = state.held.insert(day, held),
                Err(error) => {
                    tracing::error!(%error, %day, "no key for the passes of a day; tried again");
                    state.not_before = passes.host.clock.uptime().saturating_add(PAUSE);
                }
            }
        }));
        Prepared::Coming
    }

    /// Makes the secret of a day, and keeps it.
    fn make(&self, day: Day) -> Result<Held, PassesError> {
        let pair = KeyPair::generate(KeySize::Rsa3072).map_err(|_| PassesError::Make)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| PassesError::Make)?;
        let secret = PassSecret::from_pkcs8(day, der.as_ref()).map_err(|_| PassesError::Make)?;
        let key = secret.key(self.broker).map_err(|_| PassesError::Make)?;
        files::write(&self.folder, day, der.as_ref())?;
        tracing::info!(%day, "made the key for the passes of a day");
        Ok(Held { secret: secret.into(), key, stated: false })
    }

    /// Takes note of what the log states, from `today` on.
    pub(crate) fn note(&self, room: &PassRoom, today: Day) {
        let mut state = self.state.lock();
        let State { held, lost, .. } = &mut *state;
        for key in room.keys_from(today) {
            match held.get_mut(&key.day()) {
                Some(held) if held.key == *key => held.stated = true,
                Some(_) | None => {
                    if lost.insert(key.day()) {
                        tracing::error!(
                            day = %key.day(),
                            "the key of passes that the log states is not in the data folder: there are no passes of that day; restore its file from a backup"
                        );
                    }
                }
            }
        }
    }

    /// Destroys the secrets of days that are over at `now`, TSA time.
    pub(crate) fn end(self: &Arc<Self>, now: Time) {
        let over = {
            let mut state = self.state.lock();
            let left = state.held.split_off(&Day::of(now));
            let over = std::mem::replace(&mut state.held, left);
            state.over.extend(over.into_keys());
            if state.over.is_empty() {
                return;
            }
            state.over.clone()
        };
        let passes = Arc::clone(self);
        self.host.spawn.blocking(Box::new(move || {
            for day in over {
                match files::destroy(&passes.folder, day) {
                    Ok(()) => _ = passes.state.lock().over.remove(&day),
                    Err(error) => {
                        tracing::error!(%error, %day, "a secret of passes could not be destroyed; tried again");
                    }
                }
            }
        }));
    }
}

#[cfg(test)]
mod tests;
