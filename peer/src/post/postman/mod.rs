//! The postman: carries what the store says is to be carried, and keeps what comes (SPEC 8.1, 8.2).
//!
//! It works beside the desk, in sessions of guests, one for each thing that the broker is not to connect. What it is
//! asked comes as an [`Errand`]; what it has to say goes to the desk as [`News`]. All that has to last is in the store
//! before it is said or sent: dropping the postman, wherever it waits, loses nothing.
//!
//! One loop: what the user waits for goes first, then the most urgent of what is due (`plan`), one thing at a time but for
//! looks into boxes, which go on beside all else.
//!
//! - `plan` what is due and when; `setback` what did not go well, and when it is tried again; `even` letters that leave at
//!   times drawn ahead, with cover between them
//! - `passes` taken in the persona's session, shown as a guest; `boxes` opened and closed; `keys` published and destroyed
//! - `reading` what came: fetched and taken off; `opening` opened and verified; `registered` what is accepted and declined, and what became
//!   of it; `departing` what goes; `asking` what became of it; `errands` what the user waits for

mod asking;
mod boxes;
mod departing;
mod errands;
mod even;
mod keys;
mod opening;
mod passes;
mod plan;
mod reading;
mod registered;
mod setback;
mod tracing;
mod vouching;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pregao_protocol::host::Host;
use pregao_protocol::letter::Address;
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::value::clock::Time;
use tokio::sync::{mpsc, oneshot, watch};

use super::guest::GuestSession;
use super::office::Office;
use super::passes::PassTaker;
use super::store::letters::LetterNumber;
use super::store::own_boxes::BoxId;
use crate::net::broker::BrokerAddress;
use crate::net::tls::Roots;
use crate::net::{Network, Reach};
use plan::{Job, Next, Plan};
use setback::Setback;

pub use boxes::terms;
pub use errands::{Listed, Listing, NotDone, SavedFile};

/// Errands that wait at once; whoever asks for more waits.
const ERRANDS: usize = 16;
/// News that wait at once; the postman waits with more.
const NEWS: usize = 64;

/// The shortest wait.
const SHORTEST: Duration = Duration::from_millis(50);
/// After so long it looks again whether anything is due, whatever it knew.
const LONGEST: Duration = Duration::from_secs(60);

/// The TSA's time as the desk heard it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeHeard {
    /// What it said.
    pub time: Time,
    /// When, by the clock that only goes on.
    pub at: Duration,
}

impl TimeHeard {
    /// What it would say now, `uptime` being what the clock that only goes on says.
    #[must_use]
    pub fn now(self, uptime: Duration) -> Time {
        self.time.plus(uptime.saturating_sub(self.at))
    }
}

/// What the postman is asked to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Errand {
    /// To look into the store at once: something was put down there. `now` lets passes be taken and spent without
    /// waiting, and looks into all boxes, although the broker may then guess whose they are.
    Look {
        /// Whether nothing waits that need not.
        now: bool,
    },
    /// To read one's own boxes to their ends, and say when that is done.
    Fetch {
        /// Where the answer goes.
        reply: oneshot::Sender<Result<(), NotDone>>,
    },
    /// Who wants to be found.
    People {
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Listing, NotDone>>,
    },
    /// The address of a listed box by the beginning of its name, in hexadecimal digits.
    Find {
        /// The beginning.
        beginning: String,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Address, NotDone>>,
    },
    /// To keep what shows others where a received letter comes from, and what became of it: the log of its box is read
    /// from the beginning, and, of evidence, the opening of its author's box asked for.
    Trace {
        /// The letter.
        letter: LetterNumber,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<(), NotDone>>,
    },
    /// To ask now what became of a letter that was left.
    Inquire {
        /// The letter.
        letter: LetterNumber,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<(), NotDone>>,
    },
    /// Writes the files of a letter into a folder.
    Save {
        /// The letter.
        letter: LetterNumber,
        /// Where; it is made if it is not there. No file that is there is written over.
        folder: PathBuf,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Vec<SavedFile>, NotDone>>,
    },
}

/// What the postman has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// A letter came, or one changed its standing.
    Letter(LetterNumber),
    /// One's own boxes changed: one was opened or closed.
    Boxes,
    /// A receipt was sent, or something else that the user may want to know.
    Note(String),
    /// Something did not go as it should, and nobody lied.
    Trouble {
        /// What.
        message: String,
        /// What to do.
        advice: String,
    },
    /// The broker, or a witness, lied.
    Alarm {
        /// The box, if it is about one.
        room: Option<RoomName>,
        /// What it did.
        message: String,
        /// What to do.
        advice: String,
        /// What shows it, as far as anything does.
        notes: Vec<String>,
    },
}

/// By which way the broker is reached.
#[derive(Debug, Clone)]
pub struct Way {
    /// The broker.
    pub broker: BrokerAddress,
    /// The machine: gives times and randomness.
    pub host: Host,
    /// Where the broker is.
    pub net: Arc<dyn Network>,
    /// Whose TLS certificates are believed.
    pub tls: Roots,
}

impl Way {
    fn reach(&self) -> Reach<'_> {
        Reach { host: &self.host, net: &*self.net, tls: &self.tls }
    }
}

/// What everything is done with.
#[derive(Debug)]
struct Round {
    office: Office,
    passes: PassTaker,
    way: Way,
    stamp: PublicKey<StampKey>,
    time: watch::Receiver<Option<TimeHeard>>,
    news: mpsc::Sender<News>,
}

/// The postman.
#[derive(Debug)]
pub struct Postman {
    round: Round,
    plan: Plan,
    errands: mpsc::Receiver<Errand>,
}

/// The desk's end.
#[derive(Debug)]
pub struct Counter {
    /// What is asked.
    pub errands: mpsc::Sender<Errand>,
    /// What is heard.
    pub news: mpsc::Receiver<News>,
    /// The TSA's time, as the desk hears it.
    pub time: watch::Sender<Option<TimeHeard>>,
}

impl Postman {
    /// A postman, and the desk's end. Boxes are at the broker of `way`; entries are stamped by `stamp`.
    #[must_use]
    pub fn new(
        office: Office,
        passes: PassTaker,
        way: Way,
        stamp: PublicKey<StampKey>,
    ) -> (Self, Counter) {
        let (errands, asked) = mpsc::channel(ERRANDS);
        let (said, news) = mpsc::channel(NEWS);
        let (time, heard) = watch::channel(None);
        let round = Round { office, passes, way, stamp, time: heard, news: said };
        let postman = Self { round, plan: Plan::default(), errands: asked };
        (postman, Counter { errands, news, time })
    }

    /// Does its work until the counter is dropped.
    pub async fn run(mut self) {
        let news = self.round.news.clone();
        // Whatever it waits for: all that lasts is in the store.
        tokio::select! {
            () = news.closed() => {}
            () = self.serve() => {}
        }
    }

    async fn serve(&mut self) {
        let mut heard = self.round.time.clone();
        let (round, plan) = (&self.round, &mut self.plan);
        let mut looks = Looks::default();
        loop {
            // What the user waits for is not behind all that is due.
            match self.errands.try_recv() {
                Ok(errand) => {
                    // It may look into the same boxes.
                    looks.all(round, plan).await;
                    round.errand(errand, plan).await;
                    continue;
                }
                Err(mpsc::error::TryRecvError::Disconnected) => return,
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
            // What never has to wait leaves the desk, which runs beside it, its turn.
            tokio::task::coop::consume_budget().await;
            let now = round.now();
            let wait = match now {
                None => LONGEST,
                Some(now) => match step(round, plan, now, &mut looks).await {
                    None => continue,
                    Some(wait) => wait,
                },
            };
            let is_known = now.is_some();
            tokio::select! {
                errand = self.errands.recv() => match errand {
                    Some(errand) => {
                        looks.all(round, plan).await;
                        round.errand(errand, plan).await;
                    }
                    None => return,
                },
                changed = heard.changed(), if !is_known => if changed.is_err() { return },
                Some(look) = looks.0.next() => look.end(round, plan).await,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Does the most urgent thing; nothing if it did, else how long nothing is due.
async fn step<'a>(
    round: &'a Round,
    plan: &mut Plan,
    now: Time,
    looks: &mut Looks<'a>,
) -> Option<Duration> {
    let next = match plan.next(round, now) {
        Ok(next) => next,
        Err(setback) => {
            plan.failed(round, Job::Plan, setback, now).await;
            return Some(LONGEST);
        }
    };
    if let Some(news) = plan.take_starved() {
        round.say(news).await;
    }
    let job = match next {
        Next::Job(Job::Read(id)) => {
            looks.begin(round, id, plan.begin_look(id));
            return None;
        }
        Next::Job(job) => job,
        Next::Wait(wait) => return Some(wait.clamp(SHORTEST, LONGEST)),
    };
    let mut ended = Vec::new();
    let done = {
        let work = round.work(job, plan);
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => break done,
                Some(look) = looks.0.next() => ended.push(look),
            }
        }
    };
    settle(round, plan, job, done).await;
    for look in ended {
        look.end(round, plan).await;
    }
    None
}

async fn settle(round: &Round, plan: &mut Plan, job: Job, done: Result<(), Setback>) {
    match done {
        Ok(()) => plan.done(job),
        // Before the TSA is heard nothing is begun.
        Err(setback) => {
            let Some(now) = round.now() else { return };
            plan.failed(round, job, setback, now).await;
        }
    }
}

/// Looks into boxes that are under way, each beside all else: if none of one person's sessions ever met another, the broker
/// would soon know which boxes are of one person, for those of different people do meet.
#[derive(Default)]
struct Looks<'a>(FuturesUnordered<Pin<Box<dyn Future<Output = Look> + Send + 'a>>>);

/// A look into a box that ended.
struct Look {
    id: BoxId,
    /// What is planned by it.
    part: Plan,
    done: Result<(), Setback>,
}

impl<'a> Looks<'a> {
    fn begin(&self, round: &'a Round, id: BoxId, mut part: Plan) {
        self.0.push(Box::pin(async move {
            let done = round.read_box(id, &mut part).await;
            Look { id, part, done }
        }));
    }

    /// Waits until none is under way.
    async fn all(&mut self, round: &Round, plan: &mut Plan) {
        while let Some(look) = self.0.next().await {
            look.end(round, plan).await;
        }
    }
}

impl Look {
    async fn end(self, round: &Round, plan: &mut Plan) {
        plan.end_look(self.id, self.part);
        settle(round, plan, Job::Read(self.id), self.done).await;
    }
}

impl Round {
    /// TSA time, once it was heard.
    fn now(&self) -> Option<Time> {
        let heard = *self.time.borrow();
        heard.map(|heard| heard.now(self.way.host.clock.uptime()))
    }

    /// As [`Round::now`], where something is done that begins with it.
    fn time(&self) -> Result<Time, Setback> {
        self.now().ok_or(Setback::Later)
    }

    async fn session(&self) -> Result<GuestSession<'_>, Setback> {
        Ok(GuestSession::open(&self.way.broker, self.stamp, self.way.reach()).await?)
    }

    async fn say(&self, news: News) {
        // Nobody listens any more: then it ends soon.
        let _ = self.news.send(news).await;
    }

    fn random_bits(&self) -> Result<u64, Setback> {
        Ok(u64::from_be_bytes(self.way.host.random()?))
    }

    /// A number below `bound`, every one about as likely; 0 for a bound of 0.
    fn random_below(&self, bound: u64) -> Result<u64, Setback> {
        Ok(self.random_bits()?.checked_rem(bound).unwrap_or_default())
    }

    async fn work(&self, job: Job, plan: &mut Plan) -> Result<(), Setback> {
        match job {
            // What is due is found, and boxes are looked into, beside this.
            Job::Plan | Job::Read(_) => Ok(()),
            Job::Passes => self.take_passes(plan).await,
            Job::Open(id) => self.open_box(id, plan).await,
            Job::Ask(letter) => self.ask_author(letter, plan).await,
            Job::Close(id) => self.close_box(id, plan).await,
            Job::Depart(id) => self.depart(id, plan).await,
            Job::Inquire(id) => self.inquire(id).await,
            Job::Even(contact) => self.even_time(contact),
        }
    }
}
