//! The worker that keeps the ledger, and the one that signs: nobody else's task waits for the disk or for RSA.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pregao_protocol::host::Host;
use pregao_protocol::room::Undecided;
use pregao_protocol::trust::pass::{Day, PassSecret};
use pregao_protocol::wire::frame::FromBroker;
use tokio::sync::{mpsc, oneshot};

use super::PassesError;
use super::ledger::{Answer, Ask, Ledger};
use crate::responder::Responder;

/// Questions that wait for the ledger.
const QUEUE: usize = 4_096;
/// Most answers that are made durable at once.
const GROUP: usize = 256;
/// Requests that wait to be signed: at a hundred signatures each they take less than the time for an answer (V-098).
const TO_BE_SIGNED: usize = 32;

/// Called with the answer, on the worker; must not block.
type OnAnswer = Box<dyn FnOnce(Answer) + Send>;

enum Message {
    Ask(Ask, OnAnswer),
    /// The days before this one are over.
    End(Day),
}

/// Requests for passes that are counted and durable.
pub(super) struct ToBeSigned {
    pub(super) secret: Arc<PassSecret>,
    pub(super) blinded: Vec<Vec<u8>>,
    pub(super) reply: Responder,
}

/// The way to both workers.
#[derive(Clone)]
pub(super) struct PassDesk {
    asks: mpsc::Sender<Message>,
    signing: mpsc::Sender<ToBeSigned>,
    /// The day before which everything is forgotten.
    ended: Arc<AtomicU32>,
}

impl std::fmt::Debug for PassDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PassDesk(..)")
    }
}

impl PassDesk {
    /// Opens the ledger and starts the workers.
    ///
    /// # Errors
    /// [`PassesError`].
    pub(super) fn start(folder: &Path, host: &Host) -> Result<Self, PassesError> {
        let ledger = Ledger::open(folder)?;
        let (asks, asked) = mpsc::channel(QUEUE);
        let (signing, to_be_signed) = mpsc::channel(TO_BE_SIGNED);
        let ended = Arc::new(AtomicU32::new(0));
        let worker = |source| PassesError::Io { path: folder.to_owned(), source };
        let keeping = Box::pin(keep(ledger, asked, Arc::clone(&ended)));
        host.spawn.worker("passes", keeping).map_err(worker)?;
        let sign = Box::pin(sign(to_be_signed, host.clone()));
        host.spawn.worker("passes-sign", sign).map_err(worker)?;
        Ok(Self { asks, signing, ended })
    }

    /// Has a question answered. One too many at once is answered with [`Undecided::DOOR_RATE`].
    pub(super) fn ask(&self, ask: Ask, done: OnAnswer) {
        let Err(error) = self.asks.try_send(Message::Ask(ask, done)) else { return };
        if let Message::Ask(_, done) = error.into_inner() {
            done(Err(Undecided::DOOR_RATE));
        }
    }

    /// As [`PassDesk::ask`], for whoever waits.
    pub(super) async fn settled(&self, ask: Ask) -> Answer {
        let (answer, waiting) = oneshot::channel();
        // Whoever waited may have gone.
        let done: OnAnswer = Box::new(move |answered| _ = answer.send(answered));
        if self.asks.send(Message::Ask(ask, done)).await.is_err() {
            return Err(Undecided::STORE_FAILED);
        }
        waiting.await.unwrap_or(Err(Undecided::STORE_FAILED))
    }

    /// Has passes signed that are counted.
    pub(super) fn sign(&self, to_be_signed: ToBeSigned) {
        if let Err(error) = self.signing.try_send(to_be_signed) {
            // The same request is not counted again.
            error.into_inner().reply.fail(Undecided::DOOR_RATE);
        }
    }

    /// Has the days before this one forgotten, unless they are.
    pub(super) fn end_before(&self, today: Day) {
        if self.ended.load(Ordering::Acquire) != today.0 {
            // A full queue has it tried again with the next header.
            let _ = self.asks.try_send(Message::End(today));
        }
    }
}

/// Takes everything that waits, up to a bound, makes the answers durable at once, and only then gives them.
async fn keep(mut ledger: Ledger, mut asked: mpsc::Receiver<Message>, ended: Arc<AtomicU32>) {
    let mut waiting = Vec::new();
    while asked.recv_many(&mut waiting, GROUP).await > 0 {
        let (mut group, mut done, mut end) = (Vec::new(), Vec::new(), None);
        for message in waiting.drain(..) {
            match message {
                Message::Ask(ask, on_answer) => {
                    group.push(ask);
                    done.push(on_answer);
                }
                Message::End(today) => end = Some(today),
            }
        }
        if !group.is_empty() {
            let answers = ledger.settle(&group);
            done.into_iter().zip(answers).for_each(|(done, answer)| done(answer));
        }
        if let Some(today) = end.filter(|today| ended.load(Ordering::Acquire) != today.0) {
            match ledger.end_before(today) {
                Ok(()) => ended.store(today.0, Ordering::Release),
                Err(error) => {
                    tracing::error!(%error, "who took and spent passes could not be forgotten; tried again");
                }
            }
        }
    }
}

async fn sign(mut to_be_signed: mpsc::Receiver<ToBeSigned>, host: Host) {
    while let Some(ToBeSigned { secret, blinded, reply }) = to_be_signed.recv().await {
        let signed: Result<Vec<_>, Undecided> = blinded
            .iter()
            .map(|blinded| {
                let seed = host.random().map_err(|_| Undecided::STORE_FAILED)?;
                secret.sign(blinded, seed).map_err(|_| Undecided::FRAME_MALFORMED)
            })
            .collect();
        match signed {
            Ok(signatures) => {
                let n = reply.n;
                reply.send(FromBroker::Passes { n, signatures });
            }
            Err(code) => reply.fail(code),
        }
    }
}
