//! Asks one witness for cosignatures: so many requests at once, and pauses that grow while it is silent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pregao_protocol::wire::tsa::{content, path};
use tokio::time::Instant;

use crate::network::{HttpAnswer, Network};
use crate::room::{RoomDirectory, RoomSignal};
use crate::shared::Shared;
use crate::witness::request::{self, Meaning, meaning};
use crate::witness::targets::Ask;
use crate::witness::{Standing, WitnessAddress, Witnesses};

/// Requests to one witness at once: many rooms do not wait for one another.
const AT_ONCE: usize = 8;
/// How long a witness has for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest pause after a witness did not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause before a broker that is not known asks to be so again.
const LONGEST_UNKNOWN: Duration = Duration::from_secs(60);

/// The task of one witness.
pub(super) struct Gatherer {
    /// Its number among the witnesses.
    pub(super) at: usize,
    pub(super) address: WitnessAddress,
    /// The broker's, compact.
    pub(super) certificate: Arc<str>,
    pub(super) shared: Arc<Shared>,
    pub(super) rooms: Arc<dyn RoomDirectory>,
    pub(super) network: Arc<dyn Network>,
}

/// When something may be tried again: after pauses that double from `first` to `longest`.
#[derive(Debug)]
struct Backoff {
    first: Duration,
    longest: Duration,
    pause: Duration,
    until: Option<Instant>,
}

impl Backoff {
    const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, pause: Duration::ZERO, until: None }
    }

    fn failed(&mut self) {
        // Several that were asked at once fail as one.
        if self.is_due() {
            self.pause = (self.pause * 2).clamp(self.first, self.longest);
            self.until = Some(Instant::now() + self.pause);
        }
    }

    fn worked(&mut self) {
        (self.pause, self.until) = (Duration::ZERO, None);
    }

    fn is_due(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() >= until)
    }
}

/// What came of one request.
enum Done {
    /// Of one about a head.
    Head(Box<Ask>, Asked),
    /// Of one to be known.
    Registered(Result<(), Failure>),
}

enum Asked {
    Means(Meaning),
    /// The store did not give the proof.
    NoProof,
    Silent(String),
}

enum Failure {
    Silent(String),
    Refused(String),
}

/// What is known of how the witness does.
struct Course {
    silence: Backoff,
    unknown: Backoff,
    /// Whether the witness is to be told who this broker is.
    registers: bool,
    is_registering: bool,
}

impl Gatherer {
    /// Asks until the broker ends.
    pub(super) async fn run(self) {
        let mut course = Course {
            silence: Backoff::new(Duration::from_millis(100), LONGEST_PAUSE),
            unknown: Backoff::new(Duration::from_secs(1), LONGEST_UNKNOWN),
            registers: true,
            is_registering: false,
        };
        let mut under_way = FuturesUnordered::new();
        loop {
            // Before it is told who this broker is, it could only say that it does not know.
            let asks = |course: &Course| course.silence.is_due() && !course.is_registering;
            if asks(&course) {
                if course.registers && course.unknown.is_due() {
                    course.is_registering = true;
                    under_way.push(self.request(None));
                }
                while asks(&course)
                    && under_way.len() < AT_ONCE
                    && let Some(ask) = self.next()
                {
                    under_way.push(self.request(Some(ask)));
                }
            }
            // With as many under way as there may be, only an answer makes room.
            let is_free = under_way.len() < AT_ONCE && !course.is_registering;
            let until = if is_free { self.wakes_at(&course) } else { None };
            let waits = async {
                match until {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(done) = under_way.next(), if !under_way.is_empty() => {
                    self.take(done, &mut course);
                }
                () = self.woken(), if is_free && course.silence.is_due() => {}
                () = waits => {}
            }
        }
    }

    fn witnesses(&self) -> &Witnesses {
        &self.shared.witnesses
    }

    fn next(&self) -> Option<Ask> {
        self.witnesses().targets.lock().next(self.at, Instant::now())
    }

    async fn woken(&self) {
        match self.witnesses().wake.get(self.at) {
            Some(wake) => wake.notified().await,
            None => std::future::pending().await,
        }
    }

    fn wakes_at(&self, course: &Course) -> Option<Instant> {
        if !course.silence.is_due() {
            return course.silence.until;
        }
        let unknown = course.unknown.until.filter(|_| course.registers);
        let next = self.witnesses().targets.lock().next_at(self.at);
        [unknown, next].into_iter().flatten().min()
    }

    /// One request: about a head, or else to be known.
    async fn request(&self, ask: Option<Ask>) -> Done {
        let asked = Instant::now();
        let Some(ask) = ask else {
            let body = request::register(&self.certificate);
            let posted = self.post(path::WITNESS_BROKERS, content::JSON, body, asked).await;
            return Done::Registered(match posted {
                Ok(HttpAnswer { status: 200..=299, .. }) => Ok(()),
                Ok(answer) => Err(Failure::Refused(format!("status {}", answer.status))),
                Err(reason) => Err(Failure::Silent(reason)),
            });
        };
        let (room, size) = (ask.room(), ask.signed.head.size);
        let Some(proof) = self.shared.reader.consistency(room, ask.old, size).await else {
            return Done::Head(Box::new(ask), Asked::NoProof);
        };
        let body = request::add_checkpoint(ask.old, &proof, &ask.signed.note);
        let posted = self.post(path::ADD_CHECKPOINT, content::TEXT, body, asked).await;
        let means = match posted {
            Ok(answer) => Asked::Means(meaning(&answer, &self.address.witness, &ask.signed.head)),
            Err(reason) => Asked::Silent(reason),
        };
        Done::Head(Box::new(ask), means)
    }

    async fn post(
        &self,
        path: &str,
        content: &'static str,
        body: Vec<u8>,
        asked: Instant,
    ) -> Result<HttpAnswer, String> {
        let url = format!("{}{path}", self.address.url);
        let answer = self.network.post(&url, content, body);
        let answer = match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {ANSWER_WITHIN:?}")),
        };
        if let Some(standing) = self.witnesses().standing.get(self.at) {
            match &answer {
                Ok(_) => standing.answered(),
                Err(_) => standing.unanswered(asked),
            }
        }
        answer
    }

    fn take(&self, done: Done, course: &mut Course) {
        let name = &self.address.witness.name;
        let (ask, asked) = match done {
            Done::Head(ask, asked) => (ask, asked),
            Done::Registered(registered) => {
                course.is_registering = false;
                return match registered {
                    Ok(()) => {
                        tracing::info!(witness = %name, "a witness knows this broker");
                        course.silence.worked();
                        // Until it cosigns something, it may say so without meaning it.
                        course.unknown.failed();
                        course.registers = false;
                        self.witnesses().targets.lock().resume(self.at);
                    }
                    Err(Failure::Silent(reason)) => {
                        // It may be this request alone, and it may know this broker already.
                        course.unknown.failed();
                        self.silent(&reason, course);
                    }
                    Err(Failure::Refused(what)) => {
                        tracing::warn!(
                            witness = %name, what,
                            "a witness does not take this broker; whoever runs it has to allow its fingerprint"
                        );
                        course.silence.worked();
                        course.unknown.failed();
                    }
                };
            }
        };
        let now = Instant::now();
        let mut targets = self.witnesses().targets.lock();
        let means = match asked {
            Asked::Means(means) => means,
            Asked::NoProof => {
                tracing::warn!("a proof for a witness could not be read; tried again");
                return targets.refused(self.at, &ask, now);
            }
            Asked::Silent(reason) => {
                targets.unanswered(self.at, &ask);
                drop(targets);
                return self.silent(&reason, course);
            }
        };
        if !matches!(means, Meaning::Failing(_)) {
            course.silence.worked();
        }
        match means {
            Meaning::Cosigned(cosigned) => {
                let progress = targets.cosigned(self.at, &ask, cosigned, now);
                drop(targets);
                course.unknown.worked();
                self.count(|standing| standing.cosigned.add(1));
                let Some(progress) = progress else { return };
                if progress.is_closing {
                    self.rooms.notify(ask.room(), RoomSignal::Dated(cosigned));
                }
                if progress.is_kept {
                    let keeper = &self.witnesses().keeper;
                    keeper.keep(ask.room(), progress.size, progress.note);
                }
                self.witnesses().wake_all();
            }
            Meaning::Size(size) => {
                if !targets.resized(self.at, &ask, size, now) {
                    drop(targets);
                    let ours = ask.signed.head.size;
                    tracing::error!(
                        witness = %name, size, ours,
                        "a witness cosigned another log than this one; was log.db restored from an old backup?"
                    );
                    self.count(|standing| standing.failed.add(1));
                }
            }
            Meaning::Unknown => {
                targets.refused(self.at, &ask, now);
                course.registers = true;
                self.count(|standing| standing.failed.add(1));
            }
            Meaning::Failing(what) => {
                targets.unanswered(self.at, &ask);
                drop(targets);
                self.silent(&what, course);
            }
            Meaning::Refused(what) => {
                targets.refused(self.at, &ask, now);
                drop(targets);
                tracing::warn!(witness = %name, what, "a witness did not cosign; asked again later");
                self.count(|standing| standing.failed.add(1));
            }
        }
    }

    fn silent(&self, reason: &str, course: &mut Course) {
        let name = &self.address.witness.name;
        self.count(|standing| standing.failed.add(1));
        if course.silence.is_due() {
            tracing::warn!(witness = %name, reason, "a witness does not answer; trying again");
        }
        course.silence.failed();
    }

    fn count(&self, count: impl FnOnce(&Standing)) {
        if let Some(standing) = self.witnesses().standing.get(self.at) {
            count(standing);
        }
    }
}
