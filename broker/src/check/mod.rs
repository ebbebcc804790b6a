//! Checks signatures, blinds and stamps on workers, off every room's task.
//!
//! What comes out is [`Checked`], which only this module can make: a room never sees an action
//! whose signature, author and stamp were not verified.

use std::collections::VecDeque;
use std::sync::Arc;

use pregao_protocol::host::Spawn;
use pregao_protocol::log::stamp::{BatchProof, FullStamp, StampError, VerifiedBatch};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Signer;
use pregao_protocol::room::{Stamped, Undecided};
use pregao_protocol::trust::certificate::PersonaCertificate;
use pregao_protocol::trust::key::{Fingerprint, Persona, PublicKey, StampKey};
use pregao_protocol::trust::persona::{Blind, BlindContext, blinded};
use pregao_protocol::value::codec::Digest;
use tokio::sync::{mpsc, oneshot};

use crate::passes::HeldPass;

/// Most submissions waiting for one worker.
const QUEUE: usize = 1_024;
/// Headers each worker remembers: a batch covers many actions.
const REMEMBERED: usize = 64;

/// An action as handed in by a session.
#[derive(Debug)]
pub struct Submission {
    /// Compact JWS.
    pub action: String,
    /// Its stamp, with the header.
    pub stamp: FullStamp,
    /// Ties the one-time key to the persona.
    pub blind: Blind,
    /// The persona of the session; nothing in a guest's.
    pub persona: Option<PersonaShown>,
    /// The pass that a guest's session holds.
    pub pass: Option<HeldPass>,
}

/// A persona with what its certificate says, as a session or a delivery showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonaShown {
    /// Its key.
    pub key: PublicKey<Persona>,
    /// The issuer whose token bought the certificate, if one did (V-221).
    pub issuer: Option<Digest>,
}

impl From<PersonaCertificate> for PersonaShown {
    fn from(certificate: PersonaCertificate) -> Self {
        Self { key: certificate.key, issuer: certificate.issuer }
    }
}

/// Who is behind a checked action.
#[derive(Debug, Clone)]
pub enum Author {
    /// The persona, shown by the blind.
    Persona {
        /// The session's persona.
        persona: PublicKey<Persona>,
        /// The issuer whose token bought its certificate, if one did.
        issuer: Option<Digest>,
        /// What ties the key to it.
        blind: Blind,
    },
    /// A member of a private room, shown by the key that made them one.
    Member,
    /// Nobody whom the broker knows: a guest, by the key of the box or a fresh one.
    Guest {
        /// The pass that the session held when it was handed in.
        pass: Option<HeldPass>,
    },
}

/// An action whose signature, author and stamp hold.
#[derive(Debug, Clone)]
pub struct Checked {
    stamped: Stamped,
    author: Author,
}

impl Checked {
    /// The action with its stamp.
    #[must_use]
    pub const fn stamped(&self) -> &Stamped {
        &self.stamped
    }

    /// Whether it is a listing, which opens its room.
    #[must_use]
    pub fn opens_a_room(&self) -> bool {
        self.stamped.action().opens_a_room()
    }

    /// Who is behind it.
    #[must_use]
    pub const fn author(&self) -> &Author {
        &self.author
    }
}

/// What a check found.
#[derive(Debug)]
pub enum Verdict {
    /// Everything holds.
    Good(Box<Checked>),
    /// It is an authentic action, but its blind or stamp does not hold.
    Bad {
        /// The action.
        action: Box<Action>,
        /// What does not hold.
        code: Undecided,
    },
    /// It is no action at all.
    Garbage {
        /// SHA-256 of what was handed in.
        digest: Digest,
    },
}

type OnVerdict = Box<dyn FnOnce(Verdict) + Send>;

/// The pool of workers.
#[derive(Clone)]
pub struct Checker {
    workers: Arc<[mpsc::Sender<Work>]>,
}

/// What a worker gets.
enum Work {
    Check(Box<Submission>, OnVerdict),
    /// Says that everything before it was checked.
    Passed(oneshot::Sender<()>),
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checker({} workers)", self.workers.len())
    }
}

/// The worker's queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many actions are waiting to be checked")]
pub struct Busy;

impl Checker {
    /// Starts `workers` that accept stamps of `keys` for actions at `broker`.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        workers: usize,
        broker: Fingerprint,
        keys: &[PublicKey<StampKey>],
        spawn: &dyn Spawn,
    ) -> std::io::Result<Self> {
        let mut lanes = Vec::new();
        for number in 0..workers.max(1) {
            let (sender, mut queue) = mpsc::channel::<Work>(QUEUE);
            let mut worker = Worker { broker, keys: keys.to_vec(), batches: VecDeque::new() };
            let work = async move {
                while let Some(work) = queue.recv().await {
                    match work {
                        Work::Check(submission, reply) => reply(worker.check(*submission)),
                        // Whoever waited for it may have given up.
                        Work::Passed(passed) => _ = passed.send(()),
                    }
                }
            };
            spawn.worker(&format!("check-{number}"), Box::pin(work))?;
            lanes.push(sender);
        }
        Ok(Self { workers: lanes.into() })
    }

    /// Has a submission checked; `reply` runs on the worker and must not block.
    ///
    /// One session's submissions go to one worker, so that they are decided in the order in which
    /// they were handed in: a peer that raises its own bid twice means the second to come second.
    ///
    /// # Errors
    /// [`Busy`] if that worker has no room.
    pub fn check(
        &self,
        session: u64,
        submission: Submission,
        reply: OnVerdict,
    ) -> Result<(), Busy> {
        let lanes = u64::try_from(self.workers.len()).map_err(|_| Busy)?;
        let lane = session.checked_rem(lanes).and_then(|lane| usize::try_from(lane).ok());
        let worker = lane.and_then(|lane| self.workers.get(lane)).ok_or(Busy)?;
        worker.try_send(Work::Check(Box::new(submission), reply)).map_err(|_| Busy)
    }

    /// Waits until everything that waits now was checked, and its reply has run.
    pub async fn passed(&self) {
        let mut waits = Vec::with_capacity(self.workers.len());
        for worker in &*self.workers {
            let (passed, wait) = oneshot::channel();
            if worker.send(Work::Passed(passed)).await.is_ok() {
                waits.push(wait);
            }
        }
        for wait in waits {
            // A worker ends with the process only.
            let _ = wait.await;
        }
    }
}

struct Worker {
    broker: Fingerprint,
    keys: Vec<PublicKey<StampKey>>,
    batches: VecDeque<Arc<VerifiedBatch>>,
}

impl Worker {
    /// Cheap to dear: encoding and signature, then blind, then stamp.
    fn check(&mut self, submission: Submission) -> Verdict {
        let Submission { action, stamp, blind, persona, pass } = submission;
        let Ok(action) = Action::parse(&action) else {
            return Verdict::Garbage { digest: Digest::of(action.as_bytes()) };
        };
        let author = match self.author(&action, blind, persona, pass) {
            Ok(author) => author,
            Err(code) => return Verdict::Bad { action: Box::new(action), code },
        };
        let batch = match self.batch(&stamp.batch) {
            Ok(batch) => batch,
            Err(code) => return Verdict::Bad { action: Box::new(action), code },
        };
        let stamp = BatchProof { index: stamp.index, path: stamp.path }.under(batch.hash());
        match Stamped::bind(action.clone(), stamp, batch) {
            Ok(stamped) => Verdict::Good(Box::new(Checked { stamped, author })),
            Err(_) => Verdict::Bad { action: Box::new(action), code: Undecided::STAMP_OTHER },
        }
    }

    fn author(
        &self,
        action: &Action,
        blind: Blind,
        shown: Option<PersonaShown>,
        pass: Option<HeldPass>,
    ) -> Result<Author, Undecided> {
        match (action.body().signer(), shown) {
            (Signer::Persona, Some(PersonaShown { key: persona, issuer })) => {
                let context = BlindContext { broker: self.broker, action: action.id(), persona };
                if blinded(&blind, &context) == Ok(*action.key()) {
                    Ok(Author::Persona { persona, issuer, blind })
                } else {
                    Err(Undecided::BLIND)
                }
            }
            // The key made its holder a member, earlier and elsewhere; the room knows which.
            (Signer::Member, Some(_)) => Ok(Author::Member),
            (Signer::Owner | Signer::Guest, None) => Ok(Author::Guest { pass }),
            // V-284: nobody does what guests do under their name, and a guest does nothing else.
            (Signer::Owner | Signer::Guest, Some(_)) | (Signer::Persona | Signer::Member, None) => {
                Err(Undecided::DOOR_SESSION)
            }
            // Also as the broker signed it: it hands in its own.
            (Signer::Broker, _) => Err(Undecided::PARSE),
        }
    }

    fn batch(&mut self, compact: &str) -> Result<Arc<VerifiedBatch>, Undecided> {
        if let Some(batch) = self.batches.iter().rev().find(|batch| batch.compact() == compact) {
            return Ok(Arc::clone(batch));
        }
        let batch = VerifiedBatch::open(compact, &self.keys).map_err(|error| match error {
            StampError::UnknownTsa => Undecided::STAMP_UNKNOWN_TSA,
            _ => Undecided::STAMP_OTHER,
        })?;
        let batch = Arc::new(batch);
        if self.batches.len() >= REMEMBERED {
            self.batches.pop_front();
        }
        self.batches.push_back(Arc::clone(&batch));
        Ok(batch)
    }
}

#[cfg(test)]
mod tests;
