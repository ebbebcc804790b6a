//! The passes that the broker makes: by which secrets, one for each day, who took how many, and which were spent
//! (SPEC 9.2).
//!
//! - `files` the secrets at rest; `ledger` what is remembered of passes until their day is over; `desk` the workers that
//!   keep the ledger and sign
//!
//! Which days there are, and when their keys are stated, the policy of the pass room decides
//! ([`crate::room`]). Here a secret is made, off everybody's task, since that takes seconds; it is durable
//! before its key is stated, and destroyed once its day is over.

mod desk;
mod files;
mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use parking_lot::Mutex;
use pregao_protocol::host::Host;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::{PassRoom, Undecided};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::pass::{Day, Pass, PassError, PassKey, PassSecret};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{ISSUER_SIZE, MAX_PASSES};
use pregao_protocol::wire::frame::{FromBroker, PassesOffered};

use self::desk::{PassDesk, ToBeSigned};
use self::ledger::Ask;
use crate::responder::Responder;
use crate::store::OpenError;

pub use self::ledger::PASSES_FILE;

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
    /// The file of who took passes and which were spent.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// No key could be made.
    #[error("no key of passes could be made\nrestart the system: it gave no random bytes")]
    Make,
}

/// A pass that a guest's session holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeldPass {
    /// Its name ([`Pass::id`]).
    pub id: Digest,
    /// The day on which it buys something.
    pub day: Day,
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
    /// Nothing where passes never were made.
    desk: Option<PassDesk>,
    state: Mutex<State>,
}

impl Passes {
    /// Those kept in a data folder. `per_day` is how many passes each persona gets a day; with 0 none are
    /// made.
    ///
    /// # Errors
    /// [`PassesError`] for a secret or another file that cannot be read, or a secret that others may read.
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
        // What was remembered is forgotten when its day is over, also where no more is made.
        let is_used = per_day > 0 || folder.join(PASSES_FILE).exists();
        let desk = is_used.then(|| PassDesk::start(folder, &host)).transpose()?;
        let folder = folder.to_owned();
        Ok(Arc::new(Self { per_day, folder, broker, host, desk, state: Mutex::new(state) }))
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

    /// What a session is told of them as it begins.
    #[must_use]
    pub fn offered(&self) -> Option<PassesOffered> {
        self.are_made().then(|| PassesOffered { room: self.room(), count: self.per_day })
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

    /// The key of a day that everybody can read, and whose secret is here.
    #[must_use]
    pub fn key_of(&self, day: Day) -> Option<PassKey> {
        let state = self.state.lock();
        state.held.get(&day).filter(|held| held.stated).map(|held| held.key.clone())
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

    /// Has passes of a day signed for a persona, if it is `today` and they are within what the persona gets (V-262, V-263).
    /// The same request is answered again, and counted once.
    pub(crate) fn take(
        self: &Arc<Self>,
        persona: Fingerprint,
        (day, today): (Day, Day),
        blinded: Vec<Vec<u8>>,
        reply: Responder,
    ) {
        let count = u32::try_from(blinded.len()).unwrap_or(u32::MAX);
        let are_whole = blinded.iter().all(|blinded| blinded.len() == ISSUER_SIZE);
        if !(1..=MAX_PASSES).contains(&count) || !are_whole {
            return reply.fail(Undecided::FRAME_MALFORMED);
        }
        let secret = self.secret_of(day).filter(|_| day == today && self.are_made());
        let (Some(secret), Some(desk)) = (secret, self.desk.clone()) else {
            return reply.fail(Undecided::PASS_DAY);
        };
        let request = Digest::of(&blinded.concat());
        let ask = Ask::Take { persona, day, request, count, most: self.per_day };
        let signing = desk.clone();
        desk.ask(
            ask,
            Box::new(move |answer| match answer {
                Ok(()) => signing.sign(ToBeSigned { secret, blinded, reply }),
                Err(code) => reply.fail(code),
            }),
        );
    }

    /// Has a session, by its number, hold a pass if that is one of `today` (V-285, V-286). Answered by
    /// [`FromBroker::PassHeld`], once that is durable. Gives what the session holds then.
    pub(crate) fn show(
        &self,
        session: u64,
        pass: &Pass,
        today: Day,
        reply: Responder,
    ) -> Option<HeldPass> {
        let held = match self.verify(pass, today) {
            Ok(held) => held,
            Err(code) => {
                reply.fail(code);
                return None;
            }
        };
        let Some(desk) = &self.desk else {
            reply.fail(Undecided::PASS_DAY);
            return None;
        };
        let done = move |answer| match answer {
            Ok(()) => {
                let n = reply.n;
                reply.send(FromBroker::PassHeld { n });
            }
            Err(code) => reply.fail(code),
        };
        desk.ask(Ask::Show { session, pass: held }, Box::new(done));
        Some(held)
    }

    /// V-285.
    fn verify(&self, pass: &Pass, today: Day) -> Result<HeldPass, Undecided> {
        let key = self.key_of(today).filter(|_| pass.day() == today && self.are_made());
        let key = key.ok_or(Undecided::PASS_DAY)?;
        let held = HeldPass { id: pass.id(), day: today };
        pass.verify(&key, self.broker).map(|()| held).map_err(|_: PassError| Undecided::PASS_BROKER)
    }

    /// Spends the pass that a session holds on what it handed in, durably (V-287). What was spent on the same before is
    /// spent on it again. Where no passes are made, nothing costs any.
    ///
    /// # Errors
    /// Why it is not to be decided.
    pub(crate) async fn spend(
        &self,
        held: Option<HeldPass>,
        on: Digest,
        today: Day,
    ) -> Result<(), Undecided> {
        if !self.are_made() {
            return Ok(());
        }
        let pass = held.ok_or(Undecided::PASS_NONE)?;
        if pass.day != today {
            return Err(Undecided::PASS_DAY);
        }
        let desk = self.desk.as_ref().ok_or(Undecided::STORE_FAILED)?;
        desk.settled(Ask::Spend { pass, on }).await
    }

    /// Destroys the secrets of days that are over at `now`, TSA time, and forgets who took and spent their passes.
    pub(crate) fn end(self: &Arc<Self>, now: Time) {
        if let Some(desk) = &self.desk {
            desk.end_before(Day::of(now));
        }
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
