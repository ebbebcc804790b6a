//! The postman: carries what the store says is to be carried, and keeps what comes (SPEC 8.1, 8.2).
//!
//! It works beside the desk, in sessions of guests, one for each thing that the broker is not to connect. What it is
//! asked comes as an [`Errand`]; what it has to say goes to the desk as [`News`]. All that has to last is in the store
//! before it is said or sent: dropping the postman, wherever it waits, loses nothing.

mod errands;

use std::path::PathBuf;
use std::time::Duration;

use pregao_protocol::letter::Address;
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::value::clock::Time;
use tokio::sync::{mpsc, oneshot, watch};

use super::office::Office;
use super::passes::PassTaker;
use super::store::letters::LetterNumber;
use crate::desk::Options;

pub use errands::{Listed, Listing, NotDone, SavedFile};

/// Errands that wait at once; whoever asks for more waits.
const ERRANDS: usize = 16;
/// News that wait at once; the postman waits with more.
const NEWS: usize = 64;

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
    /// waiting, although the broker may then guess whose they are.
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

/// The postman.
#[derive(Debug)]
pub struct Postman {
    office: Office,
    passes: PassTaker,
    options: Options,
    stamp: PublicKey<StampKey>,
    time: watch::Receiver<Option<TimeHeard>>,
    errands: mpsc::Receiver<Errand>,
    news: mpsc::Sender<News>,
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
    /// A postman, and the desk's end. Boxes are at the broker of `options`; entries are stamped by `stamp`.
    #[must_use]
    pub fn new(
        office: Office,
        passes: PassTaker,
        options: Options,
        stamp: PublicKey<StampKey>,
    ) -> (Self, Counter) {
        let (errands, asked) = mpsc::channel(ERRANDS);
        let (said, news) = mpsc::channel(NEWS);
        let (time, heard) = watch::channel(None);
        let postman =
            Self { office, passes, options, stamp, time: heard, errands: asked, news: said };
        (postman, Counter { errands, news, time })
    }

    /// Takes what is asked, until the desk ends.
    pub async fn run(self) {
        let Self { office, passes, options, stamp, time, mut errands, news } = self;
        while let Some(errand) = errands.recv().await {
            tracing::debug!(?errand, "an errand is put aside");
        }
        drop((office, passes, options, stamp, time, news));
    }
}
