//! What a session does with binary frames: it bounds them and hands them to a [`Carrier`], which has a
//! task of its own, so that a disk never keeps the session waiting.

mod carrier;

use std::sync::Arc;

use bytes::Bytes;
use pregao_protocol::room::{BlobCode, Code};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::BLOB_HEADER;
use pregao_protocol::wire::blob::{BlobFrame, Credit, Say, request_of};
use pregao_protocol::wire::frame::FromBroker;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use self::carrier::{About, Carried, Carrier, Job};
use super::{Session, SessionEnd};
use crate::blobs::Asker;

/// Frames of a peer that wait for the disk, at most. Who keeps to V-267 has a quarter of them.
const JOBS: usize = 64;
/// Frames for a peer that wait for its socket.
const ANSWERS: usize = 8;

/// The way to the carrier and back.
#[derive(Debug)]
pub(super) struct Lane {
    jobs: mpsc::Sender<Job>,
    answers: mpsc::Receiver<Carried>,
    /// Pieces that the peer sent and that are not answered (V-267).
    coming: Credit,
}

impl Lane {
    /// What is next to be sent; never anything before the first binary frame.
    pub(super) async fn next(lane: &mut Option<Self>) -> Carried {
        let Some(lane) = lane else { return std::future::pending().await };
        match lane.answers.recv().await {
            Some(carried) => {
                lane.coming.give_back(usize::from(carried.answers_piece));
                carried
            }
            // The carrier goes with the runtime.
            None => std::future::pending().await,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Acts on one binary frame.
    pub(super) async fn handle_blob_frame(&mut self, bytes: Vec<u8>) -> Result<(), SessionEnd> {
        let frame = match BlobFrame::from_peer(&bytes) {
            Ok(frame) => frame,
            Err(error) => {
                let code = Code::FrameMalformed.as_str();
                return self.reject_blob_frame(&bytes, code, &error.to_string()).await;
            }
        };
        let about = About { n: frame.n, purpose: frame.purpose, digest: frame.digest };
        let job = match frame.say {
            Say::Put(piece) => {
                let (class, offset) = (piece.class(), piece.offset());
                if !self.lane().coming.take() {
                    return self.reject_blob_frame(&bytes, BlobCode::Order.as_str(), "").await;
                }
                let bytes = Bytes::from(bytes).slice(BLOB_HEADER..);
                Job::Put { about, class, offset, bytes }
            }
            Say::Get(from) => Job::Get { about, from },
            Say::More(reached) => {
                Job::More { about, class: reached.class(), offset: reached.offset() }
            }
            // The reader takes no piece from a peer.
            Say::Stop | Say::Piece(_) => Job::Stop { n: about.n },
        };
        self.hand_over(job)
    }

    /// Refuses a binary frame that is not acted upon: what it was about has ended (V-268).
    pub(super) async fn reject_blob_frame(
        &mut self,
        bytes: &[u8],
        code: &'static str,
        message: &str,
    ) -> Result<(), SessionEnd> {
        self.context.shared.metrics.frames_refused.add(1);
        if let Some(n) = request_of(bytes) {
            return self.hand_over(Job::Refuse { n, code });
        }
        let (code, message) = (code.to_owned(), message.to_owned());
        self.send(&FromBroker::Error { code, message, room: None }).await
    }

    /// Sends what the carrier has for the peer.
    pub(super) async fn send_carried(&mut self, carried: Carried) -> Result<(), SessionEnd> {
        self.send_encoded(&carried.frame).await
    }

    fn hand_over(&mut self, job: Job) -> Result<(), SessionEnd> {
        let full = |_| SessionEnd::Violation("too many binary frames at once".to_owned());
        self.lane().jobs.try_send(job).map_err(full)
    }

    /// From now on blobs are put and got for a pass.
    pub(super) fn carry_for(&mut self, pass: Digest) -> Result<(), SessionEnd> {
        if self.lane.is_some() { self.hand_over(Job::Holds { pass }) } else { Ok(()) }
    }

    /// Begun with the first binary frame: most sessions have none.
    fn lane(&mut self) -> &mut Lane {
        let (context, session, persona) =
            (&self.context, self.number, self.persona.map(|shown| shown.key));
        let pass = self.pass.held().map(|held| held.id);
        self.lane.get_or_insert_with(|| {
            let (jobs, queue) = mpsc::channel(JOBS);
            let (said, answers) = mpsc::channel(ANSWERS);
            let asker = Asker { session, persona, pass };
            let (blobs, permission) =
                (context.shared.blobs.clone(), Arc::clone(&context.permission));
            let carrier = Carrier::new(asker, blobs, permission, said);
            context.shared.host.task(carrier.run(queue));
            Lane { jobs, answers, coming: Credit::default() }
        })
    }
}

#[cfg(test)]
mod tests;
