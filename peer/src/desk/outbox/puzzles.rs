//! Puzzles for what is handed in: solved before an action is stamped, so that its stamp does not grow old meanwhile.

use std::time::Duration;

use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::puzzle::{Effort, Puzzle, Solution, TooMuch};
use tokio::sync::mpsc;

use super::pending::Solved;
use crate::desk::Desk;
use crate::desk::answers::Progress;
use crate::event::SOLVING;
use crate::solver::{self, Stop};

/// How long after it came a puzzle is begun with a header; its solution counts a little longer.
const HEADER_FOR: Duration = Duration::from_secs(15);
/// After how long the user is told that a puzzle is being solved.
const SAID_AFTER: Duration = Duration::from_secs(1);

/// What the broker asks for in this session, and what is being solved for it.
#[derive(Debug)]
pub(in crate::desk) struct Puzzles {
    asked: Result<Effort, TooMuch>,
    /// The newest header that the broker sent, and when it came.
    header: Option<(Digest, Duration)>,
    job: Option<SolveJob>,
}

/// One puzzle that is being solved, on all cores; one after the other, so that the first is not kept waiting.
#[derive(Debug)]
struct SolveJob {
    n: u64,
    effort: Effort,
    header: (Digest, Duration),
    since: Duration,
    said: bool,
    solved: mpsc::UnboundedReceiver<u64>,
    _stop: Stop,
}

impl Default for Puzzles {
    fn default() -> Self {
        Self { asked: Ok(Effort::NONE), header: None, job: None }
    }
}

impl Puzzles {
    /// A session begins: nothing is asked for in it yet, and what was solved for the last is of no use.
    pub(super) fn begin_session(&mut self) {
        *self = Self::default();
    }

    /// What is asked for, or that it is too much.
    pub(super) const fn asked(&self) -> Result<Effort, TooMuch> {
        self.asked
    }

    /// What is asked for; nothing that could be solved, if it is too much.
    pub(super) fn effort(&self) -> Effort {
        self.asked.unwrap_or_default()
    }

    /// Whether another puzzle can be begun, with a header that is young enough: what is solved for an old one is solved in
    /// vain.
    pub(super) fn is_free(&self, now: Duration) -> bool {
        let is_young = |(_, since): (Digest, Duration)| now.saturating_sub(since) < HEADER_FOR;
        self.job.is_none() && self.header.is_some_and(is_young)
    }

    /// Waits until what is being solved is; for ever, if nothing is.
    pub(in crate::desk) async fn next(&mut self) -> Option<u64> {
        match &mut self.job {
            Some(job) => job.solved.recv().await,
            None => std::future::pending().await,
        }
    }
}

impl Desk {
    /// The broker says how much work a submission takes from now on (V-194).
    pub(in crate::desk) fn handle_effort(&mut self, bits: u64) {
        let puzzles = &mut self.outbox.puzzles;
        puzzles.asked = Effort::new(bits);
        let enough = |job: &SolveJob| !puzzles.effort().is_none() && job.effort >= puzzles.effort();
        if !puzzles.job.as_ref().is_some_and(enough) {
            puzzles.job = None;
        }
    }

    /// Notes a header that a puzzle may name from now on (V-191).
    pub(in crate::desk) fn note_puzzle_header(&mut self, header: &str) {
        let now = self.options.host.clock.uptime();
        self.outbox.puzzles.header = Some((Digest::labelled(label::BATCH, header.as_bytes()), now));
    }

    /// Begins to solve the puzzle of an action under way.
    pub(super) fn start_solving(&mut self, n: u64) {
        let (Some(session), Some(act)) = (self.connection.session(), self.outbox.pending.get(n))
        else {
            return;
        };
        let Some(header) = self.outbox.puzzles.header else { return };
        let (broker, id) = (self.options.broker.fingerprint, Digest(session.id));
        let puzzle = Puzzle::of_submission(broker, id, act.action.compact(), header.0);
        let effort = self.outbox.puzzles.effort();
        let host = &self.options.host;
        let (stop, solved) = solver::start(host, puzzle, effort, act.next_counter());
        let since = host.clock.uptime();
        let job = SolveJob { n, effort, header, since, said: false, solved, _stop: stop };
        self.outbox.puzzles.job = Some(job);
    }

    /// A puzzle is solved, or its work broke off; the action goes on.
    pub(in crate::desk) fn handle_solved(&mut self, counter: Option<u64>) {
        let Some(job) = self.outbox.puzzles.job.take() else { return };
        if let Some(counter) = counter {
            let (header, since) = job.header;
            let solution = Solution { header, counter };
            let solved = Solved { solution, effort: job.effort, since };
            self.outbox.pending.solved(job.n, solved);
        }
    }

    /// Tells the user once when a puzzle takes long; looked at every second.
    pub(in crate::desk) async fn tell_of_puzzle(&mut self) {
        let now = self.options.host.clock.uptime();
        let puzzles = &mut self.outbox.puzzles;
        let Some(job) = puzzles.job.as_mut().filter(|job| !job.said) else { return };
        if now.saturating_sub(job.since) < SAID_AFTER {
            return;
        }
        job.said = true;
        let (n, bits) = (job.n, job.effort.bits());
        let text = format!(
            "{SOLVING} of about 2^{bits} steps: the broker is busy and asks for it; /stop gives up, and nothing is sent"
        );
        self.reply_to =
            self.outbox.pending.get(n).map(|act| act.reply_to.clone()).unwrap_or_default();
        self.note(text).await;
        self.reply_to = Default::default();
    }

    /// Gives up what is not handed in yet because its puzzle is not solved.
    pub(in crate::desk) async fn stop_solving(&mut self) -> Progress {
        let unsolved = match self.outbox.puzzles.effort() {
            effort if effort.is_none() => Vec::new(),
            effort => self.outbox.pending.unsolved(effort, self.options.host.clock.uptime()),
        };
        if unsolved.is_empty() {
            let report = Report::new(
                "puzzle.none",
                "no puzzle is being solved",
                "what was handed in cannot be taken back",
            );
            return self.reject(report).await;
        }
        let command = std::mem::take(&mut self.reply_to);
        self.outbox.puzzles.job = None;
        for n in unsolved {
            let stopped = Report::new(
                "puzzle.stopped",
                "stopped before the puzzle was solved; the action was not sent",
                "do it again when you like",
            );
            self.end_unsent(n, stopped).await;
        }
        self.reply_to = command;
        Progress::Done
    }

    /// Ends what would need more work than anybody may ask for (V-192): nothing is solved, and nothing sent.
    pub(super) async fn refuse_excess(&mut self) {
        let Err(too_much) = self.outbox.puzzles.asked else { return };
        for n in self.outbox.pending.unsolved(Effort::MAX, self.options.host.clock.uptime()) {
            let report = Report::new(
                "puzzle.excessive",
                format!("{too_much}; the action was not sent"),
                "do not use this broker until it is explained",
            );
            self.end_unsent(n, report).await;
        }
    }

    async fn end_unsent(&mut self, n: u64, report: Report) {
        self.reply_to =
            self.outbox.pending.get(n).map(|act| act.reply_to.clone()).unwrap_or_default();
        self.refuse(report).await;
        self.finish(n, false).await;
    }
}
