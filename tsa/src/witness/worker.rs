//! The witness's worker: decides about all heads that wait, keeps what it signed, then answers.

use std::error::Error as _;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pregao_protocol::log::{Cosignature, Head};
use pregao_protocol::trust::key::{SecretKey, WitnessKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised as _;
use pregao_protocol::wire::delivery::Unanswered;
use pregao_protocol::wire::witness::{
    AddCheckpoint, CheckpointRefusal, Decision, WitnessedHead, judge,
};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use super::shared::{Known, RegisterError, Shared, WitnessFault, locked};
use super::store::{Changes, KnownBroker, WitnessStore, WitnessStoreError};
use crate::clock::ClockError;

/// Commands that one durable write covers.
const MAX_BATCH: usize = 256;

pub(super) enum Command {
    Add(PendingHead),
    Register(PendingBroker),
    /// Signs what was seen of a delivery.
    Testify(Unanswered, oneshot::Sender<Result<String, WitnessFault>>),
    Stop,
}

/// A head whose signature was verified.
pub(super) struct PendingHead {
    pub(super) head: Head,
    pub(super) request: AddCheckpoint,
    pub(super) reply: oneshot::Sender<Result<Cosignature, CheckpointRefusal>>,
}

/// A broker whose certificate was verified.
pub(super) struct PendingBroker {
    pub(super) broker: KnownBroker,
    pub(super) certificate: String,
    pub(super) reply: oneshot::Sender<Result<(), RegisterError>>,
}

impl Command {
    fn refuse(self, fault: &WitnessFault) {
        // Whoever has left needs no answer, here and below.
        match self {
            Self::Add(pending) => drop(pending.reply.send(Err(fault.clone().into()))),
            Self::Register(pending) => drop(pending.reply.send(Err(fault.clone().into()))),
            Self::Testify(_, reply) => drop(reply.send(Err(fault.clone()))),
            Self::Stop => {}
        }
    }

    fn answer(self, decided: Decided) {
        match (self, decided) {
            (Self::Add(pending), Decided::Add(answer)) => drop(pending.reply.send(answer)),
            (Self::Register(pending), Decided::Register(answer)) => {
                drop(pending.reply.send(answer));
            }
            (Self::Testify(_, reply), Decided::Testify(word)) => drop(reply.send(Ok(word))),
            // Dropped unanswered, which is told as the end of the witness.
            (Self::Add(_) | Self::Register(_) | Self::Testify(..) | Self::Stop, _) => {}
        }
    }
}

/// What was decided about a command; it holds only once the changes are kept.
enum Decided {
    Add(Result<Cosignature, CheckpointRefusal>),
    Register(Result<(), RegisterError>),
    Testify(String),
    Nothing,
}

/// What changes with the commands that are decided together.
struct Tally {
    /// Brokers known after them.
    known: Known,
    registered: bool,
    cosigned: u64,
    again: u64,
    logs: u64,
    conflicts: u64,
}

/// When it is dropped the store is closed before the queue, whose end callers wait for.
pub(super) struct Worker {
    key: SecretKey<WitnessKey>,
    store: WitnessStore,
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    doubted: bool,
}

impl Worker {
    pub(super) const fn new(
        key: SecretKey<WitnessKey>,
        store: WitnessStore,
        shared: Arc<Shared>,
        commands: Receiver<Command>,
    ) -> Self {
        Self { key, store, shared, commands, doubted: false }
    }

    pub(super) async fn run(mut self) {
        while let Some(first) = self.commands.recv().await {
            let mut commands = vec![first];
            while commands.len() < MAX_BATCH {
                let Ok(next) = self.commands.try_recv() else { break };
                commands.push(next);
            }
            let asked = commands.len();
            commands.retain(|command| !matches!(command, Command::Stop));
            let stop = commands.len() < asked;
            if !self.work(commands) || stop {
                break;
            }
        }
        // The queue ends with the worker: closed before, it would be thought to have ended already.
        while let Ok(left) = self.commands.try_recv() {
            left.refuse(&WitnessFault::Stopping);
        }
    }

    /// Decides, keeps and answers. `false` if the witness was closed.
    fn work(&mut self, commands: Vec<Command>) -> bool {
        let shared = Arc::clone(&self.shared);
        // Held to the end: whoever closes the witness waits for what is being written.
        let open = locked(&shared.open);
        if !*open {
            commands.into_iter().for_each(|command| command.refuse(&WitnessFault::Stopping));
            return false;
        }
        let decided = self.date().and_then(|now| self.decide(&commands, now).map_err(stored));
        match decided {
            Ok((decided, tally)) => {
                self.count(tally);
                self.note(None);
                let answered = commands.into_iter().zip(decided);
                answered.for_each(|(command, decided)| command.answer(decided));
            }
            Err(fault) => {
                self.note(Some(&fault));
                commands.into_iter().for_each(|command| command.refuse(&fault));
            }
        }
        true
    }

    /// The date of what is cosigned now. It counts as signed from here on, so that nobody sets a simulated
    /// clock back in between.
    fn date(&self) -> Result<Time, WitnessFault> {
        let reading = self.shared.clock.reading();
        let mut rules = self.shared.clock.rules();
        let now = rules.next(reading)?;
        rules.signed(now, reading);
        Ok(now)
    }

    /// Decides about all in order, and makes what changes durable.
    fn decide(
        &mut self,
        commands: &[Command],
        now: Time,
    ) -> Result<(Vec<Decided>, Tally), WitnessStoreError> {
        let changes = self.store.begin()?;
        let known = locked(&self.shared.known).clone();
        let mut tally =
            Tally { known, registered: false, cosigned: 0, again: 0, logs: 0, conflicts: 0 };
        let mut decided = Vec::with_capacity(commands.len());
        for command in commands {
            decided.push(match command {
                Command::Add(pending) => {
                    Decided::Add(add(&changes, &self.key, pending, now, &mut tally)?)
                }
                Command::Register(pending) => {
                    Decided::Register(register(&changes, pending, &mut tally)?)
                }
                Command::Testify(unanswered, _) => Decided::Testify(unanswered.sign(&self.key)),
                Command::Stop => Decided::Nothing,
            });
        }
        if tally.cosigned > 0 || tally.conflicts > 0 || tally.registered {
            changes.commit(Some(now).filter(|_| tally.cosigned > 0))?;
        }
        Ok((decided, tally))
    }

    fn count(&self, tally: Tally) {
        let counters = &self.shared.counters;
        counters.cosigned.fetch_add(tally.cosigned, Ordering::Relaxed);
        counters.again.fetch_add(tally.again, Ordering::Relaxed);
        counters.logs.fetch_add(tally.logs, Ordering::Relaxed);
        counters.conflicts.fetch_add(tally.conflicts, Ordering::Relaxed);
        *locked(&self.shared.known) = tally.known;
    }

    /// Publishes how it went, logs changes, and remembers doubt over a restart.
    fn note(&mut self, fault: Option<&WitnessFault>) {
        let before = mem::replace(&mut *locked(&self.shared.fault), fault.cloned());
        match (before, fault) {
            (Some(_), None) => tracing::info!("cosigning resumes"),
            (None, Some(fault)) => tracing::error!(
                code = fault.code(),
                advice = &*fault.advice(),
                "no cosignatures: {fault}"
            ),
            (None, None) | (Some(_), Some(_)) => {}
        }
        let doubt = match fault {
            Some(WitnessFault::Clock(ClockError::Jumped { trusted, .. })) => Some(*trusted),
            Some(_) | None => None,
        };
        // If the store refuses, the doubt is noted with the next attempt.
        if doubt.is_some() && !self.doubted {
            self.doubted = self.store.set_doubt(doubt).is_ok();
        } else if fault.is_none() && self.doubted {
            self.doubted = self.store.set_doubt(None).is_err();
        }
    }
}

/// Decides about one head, and changes what is remembered of its log.
fn add(
    changes: &Changes<'_>,
    key: &SecretKey<WitnessKey>,
    pending: &PendingHead,
    now: Time,
    tally: &mut Tally,
) -> Result<Result<Cosignature, CheckpointRefusal>, WitnessStoreError> {
    let PendingHead { head, request, .. } = pending;
    let kept = changes.kept(&head.origin, &key.public())?;
    if let Some(kept) = kept.as_ref().filter(|kept| kept.is_contradicted_by(head))
        && changes.contradict(&head.origin, &kept.note, signed_part(&request.checkpoint))?
    {
        tally.conflicts = tally.conflicts.saturating_add(1);
        let (origin, size) = (head.origin, head.size);
        tracing::warn!(%origin, size, "a broker signed two logs of one size: both heads are kept");
    }
    // Rounded down: nothing is dated after it was signed.
    let seconds = now.as_secs();
    let cosignature = match judge(kept.as_ref(), request, head, seconds) {
        Ok(Decision::Sign) => Cosignature::sign(head, seconds, key),
        Ok(Decision::Again(cosignature)) => {
            tally.again = tally.again.saturating_add(1);
            return Ok(Ok(cosignature));
        }
        Err(refusal) => return Ok(Err(refusal)),
    };
    let note = signed_part(&request.checkpoint).to_owned();
    let first = kept.is_none();
    let next = WitnessedHead { size: head.size, root: head.root, note, cosignature };
    if !changes.keep(&head.origin, &next, first)? {
        return Ok(Err(WitnessFault::Full.into()));
    }
    tally.cosigned = tally.cosigned.saturating_add(1);
    tally.logs = tally.logs.saturating_add(u64::from(first));
    Ok(Ok(cosignature))
}

/// Takes up one broker, if it is still to be.
fn register(
    changes: &Changes<'_>,
    pending: &PendingBroker,
    tally: &mut Tally,
) -> Result<Result<(), RegisterError>, WitnessStoreError> {
    let PendingBroker { broker, certificate, .. } = pending;
    match tally.known.is_new(broker) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(())),
        // Anybody can register: a stranger that had nothing cosigned makes room, and registers again if it is
        // a broker.
        Err(RegisterError::Full) => match changes.idle_stranger(&tally.known.brokers.named)? {
            Some(idle) => {
                changes.remove_broker(idle)?;
                tally.known.remove(idle);
            }
            None => return Ok(Err(RegisterError::Full)),
        },
        Err(error) => return Ok(Err(error)),
    }
    changes.add_broker(broker, certificate)?;
    tally.known.add(broker);
    tally.registered = true;
    Ok(Ok(()))
}

/// A head without the lines of others under the broker's: they are judged nowhere here, and anybody can
/// add them.
fn signed_part(note: &str) -> &str {
    let first = note.find("\n\n").and_then(|blank| {
        let begin = blank.checked_add(2)?;
        let length = note.get(begin..)?.find('\n')?;
        note.get(..begin.checked_add(length)?.checked_add(1)?)
    });
    first.unwrap_or(note)
}

fn stored(error: WitnessStoreError) -> WitnessFault {
    let cause = error.source().map(ToString::to_string);
    WitnessFault::Store(cause.unwrap_or_else(|| error.to_string()))
}
