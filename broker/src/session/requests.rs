//! What a peer asks for, frame by frame, and what it is told at once.

use std::sync::Arc;

use pregao_protocol::log::Logged;
use pregao_protocol::room::{Code, Undecided};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_STAMPS;
use pregao_protocol::wire::blob;
use pregao_protocol::wire::frame::{FromBroker, FromPeer, Subject, encode_lobby};
use pregao_protocol::wire::puzzle::{Puzzle, Solution};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::boxes::Asked;
use super::{Session, SessionEnd};
use crate::check::Submission;
use crate::effort::Cost;
use crate::responder::Responder;
use crate::store::SharedEntry;
use crate::tsa::stamps::{GrantedStamps, PendingStamps};

/// Openings in one page of the list of rooms.
const LOBBY_PAGE: usize = 16;
/// Characters of a message about a frame that is no frame.
const LONGEST_MESSAGE: usize = 200;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Acts on one frame.
    pub(super) async fn handle_frame(&mut self, bytes: Vec<u8>) -> Result<(), SessionEnd> {
        let is_binary = blob::is_binary(&bytes);
        if !self.rate_limiter.take(self.context.uptime()) {
            let (code, message) = (Code::DoorRate.as_str(), Code::DoorRate.message());
            return if is_binary {
                self.reject_blob_frame(&bytes, code, message).await
            } else {
                self.reject_frame(&bytes, code, message).await
            };
        }
        if is_binary {
            return self.handle_blob_frame(bytes).await;
        }
        let frame = match FromPeer::parse(&bytes) {
            Ok(frame) => frame,
            Err(error) => {
                return self
                    .reject_frame(&bytes, Code::FrameMalformed.as_str(), &error.to_string())
                    .await;
            }
        };
        match frame {
            FromPeer::Stamp { n, digests } => self.stamp(n, digests),
            FromPeer::Submit { n, action, stamp, blind, solution } => {
                let (persona, pass) = (self.persona, self.pass.held());
                let submission = Submission { action, stamp, blind, persona, pass };
                self.submit(n, submission, solution).await?;
            }
            // Guests do what they came for, and nothing by which they could be told from one another.
            FromPeer::Rooms { .. } | FromPeer::TakePasses { .. } if self.persona.is_none() => {
                let code = Code::DoorSession;
                return self.reject_frame(&bytes, code.as_str(), code.message()).await;
            }
            FromPeer::TakePasses { n, day, blinded } => self.take_passes(n, day, blinded),
            FromPeer::ShowPass { n, pass } => self.show_pass(n, &pass),
            FromPeer::Rooms { from } => {
                self.lobby = Some(usize::try_from(from).unwrap_or(usize::MAX));
                self.send_lobby().await?;
            }
            FromPeer::Join { room, from, member } => self.join(room, from, member).await?,
            FromPeer::Leave { room } => self.leave(room),
            FromPeer::TakeKeys { .. }
            | FromPeer::BoxOpening { .. }
            | FromPeer::AboutDeposit { .. }
            | FromPeer::People { .. }
                if self.persona.is_some() =>
            {
                let code = Code::DoorSession;
                return self.reject_frame(&bytes, code.as_str(), code.message()).await;
            }
            FromPeer::TakeKeys { n, room } => self.take_keys(n, room),
            FromPeer::BoxOpening { n, room } => self.box_opening(n, room).await?,
            FromPeer::AboutDeposit { n, room, deposit, from, signature } => {
                self.about_deposit(n, Asked { room, deposit, from, signature }).await?;
            }
            FromPeer::People { n, from } => self.people(n, from).await?,
        }
        Ok(())
    }

    /// Refuses a frame that is not acted upon, naming what it asked for (V-093).
    async fn reject_frame(
        &mut self,
        bytes: &[u8],
        code: &str,
        message: &str,
    ) -> Result<(), SessionEnd> {
        self.context.shared.metrics.frames_refused.add(1);
        // What the JSON reader says may quote the frame at length.
        let message = message.chars().take(LONGEST_MESSAGE).collect();
        let code = code.to_owned();
        self.send(&match Subject::of(bytes) {
            Some(Subject::Request(n)) => FromBroker::Failed { n, code },
            Some(Subject::Room(room)) => FromBroker::Error { code, message, room: Some(room) },
            None => FromBroker::Error { code, message, room: None },
        })
        .await
    }

    /// Takes one place among what may be under way; given back when the answer is sent.
    pub(super) fn start_request(&mut self, n: u64) -> Option<Responder> {
        let metrics = Arc::clone(&self.context.shared.metrics);
        let account = Some(Arc::clone(&self.account));
        let reply = Responder { n, to: self.personal.clone(), metrics, account };
        if self.under_way.take(n, self.context.uptime()) {
            return Some(reply);
        }
        self.context.shared.metrics.frames_refused.add(1);
        // The failure is an answer like any other: sending it gives the place back.
        reply.fail(Undecided::DOOR_RATE);
        None
    }

    /// Says of requests that nobody answered in time that they are undecided (V-098). What comes
    /// for them later is not sent: the same bytes, handed in again, get it.
    pub(super) async fn answer_overdue(&mut self) -> Result<(), SessionEnd> {
        while let Some(n) = self.under_way.overdue(self.context.uptime()) {
            self.context.shared.metrics.failed.add(1);
            self.send(&FromBroker::Failed { n, code: Undecided::SLOW.code().as_str().to_owned() })
                .await?;
        }
        Ok(())
    }

    fn stamp(&mut self, n: u64, digests: Vec<Digest>) {
        let Some(reply) = self.start_request(n) else { return };
        if digests.is_empty() || digests.len() > MAX_STAMPS {
            return reply.fail(Undecided::FRAME_MALFORMED);
        }
        let asked = self.context.shared.stamps.start_request(digests);
        // Only a runtime that shuts down ends the other side.
        let _ = self.stamping.send((reply, asked));
    }

    /// Says how much work a submission takes from now on, if that has changed (V-194).
    pub(super) async fn announce_effort(&mut self) -> Result<(), SessionEnd> {
        let effort = self.account.effort();
        if self.asked.announces(effort, self.context.uptime()) {
            self.send(&FromBroker::Effort { effort: effort.bits().into() }).await?;
        }
        Ok(())
    }

    /// Has an action checked, once its puzzle is solved.
    async fn submit(
        &mut self,
        n: u64,
        submission: Submission,
        solution: Option<Solution>,
    ) -> Result<(), SessionEnd> {
        let Some(reply) = self.start_request(n) else { return Ok(()) };
        if self.account.effort() > self.asked.announced() {
            self.announce_effort().await?;
        }
        if !self.is_solved(&submission.action, solution) {
            self.context.shared.metrics.unsolved.add(1);
            self.account.charge(Cost::Unsolved);
            reply.fail(Undecided::PUZZLE);
            return if self.asked.is_ignored() { Err(SessionEnd::Unsolved) } else { Ok(()) };
        }
        self.account.charge(Cost::Checked);
        self.context.shared.metrics.checked.add(1);
        self.check(submission, reply);
        Ok(())
    }

    /// Whether an action came with the solution that is asked for in this session, if one is (V-190, V-191).
    fn is_solved(&mut self, action: &str, solution: Option<Solution>) -> bool {
        let (shared, session) = (&self.context.shared, Digest(self.id));
        let now = shared.stamps.last().map(|newest| newest.now()).unwrap_or_default();
        let puzzle = |solution: &Solution| {
            let known = shared.efforts.knows_header(&solution.header, now);
            let of =
                |()| Puzzle::of_submission(shared.fingerprint(), session, action, solution.header);
            known.then_some(()).map(of)
        };
        self.asked.admits(solution, puzzle, self.context.uptime())
    }

    fn check(&mut self, submission: Submission, reply: Responder) {
        let registry = Arc::clone(&self.context.registry);
        let spare = reply.clone();
        let route = Box::new(move |verdict| registry.route(verdict, reply));
        if self.context.shared.checker.check(self.number, submission, route).is_err() {
            spare.fail(Undecided::DOOR_RATE);
        }
    }

    pub(super) async fn send_lobby(&mut self) -> Result<(), SessionEnd> {
        while let Some(from) = self.lobby {
            let openings = self.context.shared.lobby.page(from, LOBBY_PAGE);
            let known = self.context.shared.lobby.size();
            let logged: Vec<Logged<'_>> = openings.iter().map(SharedEntry::logged).collect();
            let (frame, count) = encode_lobby(from as u64, &logged, known as u64);
            if count > 0 || from == 0 {
                self.send_encoded(&frame).await?;
            }
            let next = from.saturating_add(count);
            self.lobby = Some(next);
            if next >= known || count == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Answers one session's requests for stamps in the order in which they were asked, though they
/// are all under way at once (V-092). Ends with the session.
pub(super) async fn answer_stamps(mut asked: mpsc::UnboundedReceiver<(Responder, PendingStamps)>) {
    while let Some((reply, asked)) = asked.recv().await {
        match asked.granted().await {
            Ok(GrantedStamps { stamps, batch }) => {
                let (n, batch) = (reply.n, batch.compact().to_owned());
                reply.send(FromBroker::Stamped { n, batch, stamps });
            }
            Err(_) => reply.fail(Undecided::TSA_DOWN),
        }
    }
}
