//! Carries the blobs of one session between its frames and the disk, one step after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pregao_protocol::room::BlobCode;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::BLOB_IDLE;
use pregao_protocol::wire::blob::{BlobClass, BlobFrame, Credit, Piece, Purpose, Reached, Say};
use pregao_protocol::wire::frame::FromBroker;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::blobs::{Asker, Blobs, Permission, Upload};

/// Blobs that one session may get at the same time.
const GETS: usize = 4;

/// For how long the next piece of what is put may be waited for.
const IDLE: Duration = Duration::from_secs(BLOB_IDLE);

/// What of a blob a frame of the peer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    pub(super) n: u64,
    pub(super) purpose: Purpose,
    pub(super) digest: Digest,
}

/// What a peer asks for.
#[derive(Debug)]
pub(super) enum Job {
    /// A piece to be put.
    Put { about: About, class: BlobClass, offset: u64, bytes: Bytes },
    /// A blob to be got from there on, in bytes.
    Get { about: About, from: u64 },
    /// All pieces before there have come.
    More { about: About, class: BlobClass, offset: u64 },
    /// No more of what was put or got under that number.
    Stop { n: u64 },
    /// The session holds a pass.
    Holds { pass: Digest },
    /// A frame about it was refused unread: it has ended, after all that came before.
    Refuse { n: u64, code: &'static str },
}

/// What the peer is told.
#[derive(Debug)]
pub(crate) struct Carried {
    /// A frame.
    pub(super) frame: Vec<u8>,
    /// Whether it answers a piece that was put.
    pub(super) answers_piece: bool,
}

/// A blob that is being put.
struct Put {
    about: About,
    class: BlobClass,
    upload: Upload,
    /// When a piece came last.
    heard: Instant,
}

/// A blob that is being got.
struct Get {
    about: About,
    /// Known once its first piece was read.
    class: Option<BlobClass>,
    /// Where the next piece begins.
    next: u64,
    /// All before that have come.
    came: u64,
}

impl Get {
    fn is_sent(&self) -> bool {
        self.class.is_some_and(|class| self.next >= class.size())
    }

    /// Pieces on their way.
    fn pieces(&self, to: u64) -> usize {
        let length = self.class.map_or(1, BlobClass::piece);
        let pieces = to.saturating_sub(self.came).checked_div(length);
        pieces.and_then(|pieces| usize::try_from(pieces).ok()).unwrap_or_default()
    }
}

/// See the module. Dropped, it gives up what was not put as a whole.
pub(super) struct Carrier {
    pub(super) asker: Asker,
    pub(super) blobs: Blobs,
    pub(super) permission: Arc<dyn Permission>,
    pub(super) answers: mpsc::Sender<Carried>,
    puts: BTreeMap<u64, Put>,
    /// In the order asked.
    gets: VecDeque<Get>,
    credit: Credit,
}

impl Carrier {
    pub(super) fn new(
        asker: Asker,
        blobs: Blobs,
        permission: Arc<dyn Permission>,
        answers: mpsc::Sender<Carried>,
    ) -> Self {
        let (puts, gets, credit) = (BTreeMap::new(), VecDeque::new(), Credit::default());
        Self { asker, blobs, permission, answers, puts, gets, credit }
    }

    /// Runs until the session ends.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            let may_send = self.credit.is_free() && self.gets.iter().any(|get| !get.is_sent());
            let idle = self.puts.values().map(|put| put.heard).min();
            tokio::select! {
                biased;
                job = jobs.recv() => match job {
                    Some(job) => self.carry_out(job).await,
                    None => return,
                },
                () = ended(idle) => self.end_idle().await,
                () = std::future::ready(()), if may_send => self.send_piece().await,
            }
        }
    }

    /// Gives up what was begun and is not gone on with: it takes room of others (V-383).
    async fn end_idle(&mut self) {
        let is_idle = |put: &&Put| put.heard.elapsed() >= IDLE;
        let idle: Vec<u64> = self.puts.values().filter(is_idle).map(|put| put.about.n).collect();
        for n in idle {
            self.fail(n, BlobCode::Quota).await;
        }
    }

    async fn carry_out(&mut self, job: Job) {
        match job {
            Job::Put { about, class, offset, bytes } => {
                let said = match self.put(about, class, offset, bytes).await {
                    Ok(frame) => Some(frame),
                    Err(code) => self.failed(about.n, code.as_str()),
                };
                self.say(said, true).await;
            }
            Job::Get { about, from } => {
                if let Err(code) = self.get(about, from) {
                    self.fail(about.n, code).await;
                }
            }
            Job::More { about, class, offset } => {
                if let Err(code) = self.more(about, class, offset) {
                    self.fail(about.n, code).await;
                }
            }
            Job::Stop { n } => self.end(n),
            Job::Holds { pass } => self.asker.pass = Some(pass),
            Job::Refuse { n, code } => {
                let failed = self.failed(n, code);
                self.say(failed, false).await;
            }
        }
    }

    /// Writes a piece, and says that it has come, or that all have.
    async fn put(
        &mut self,
        about: About,
        class: BlobClass,
        offset: u64,
        bytes: Bytes,
    ) -> Result<Vec<u8>, BlobCode> {
        if offset == 0 {
            if self.is_taken(about.n) {
                return Err(BlobCode::Order);
            }
            let account = self.permission.put(&self.asker, about.purpose, about.digest, class)?;
            let upload = self.blobs.put_begin(account, about.digest, class)?;
            self.puts.insert(about.n, Put { about, class, upload, heard: Instant::now() });
        }
        let put = self.puts.get_mut(&about.n).ok_or(BlobCode::Order)?;
        if (put.about, put.class) != (about, class) {
            return Err(BlobCode::Order);
        }
        put.heard = Instant::now();
        put.upload.piece(offset, bytes).await?;
        if put.upload.is_complete() {
            let put = self.puts.remove(&about.n).ok_or(BlobCode::Order)?;
            put.upload.finish().await?;
            let kept = FromBroker::BlobKept { n: about.n, digest: about.digest };
            return kept.encode().map_err(|_| BlobCode::Failed);
        }
        let next = offset.saturating_add(class.piece());
        let reached = Reached::new(class, next).map_err(|_| BlobCode::Order)?;
        encode(about, Say::More(reached))
    }

    fn get(&mut self, about: About, from: u64) -> Result<(), BlobCode> {
        if self.is_taken(about.n) {
            return Err(BlobCode::Order);
        }
        self.permission.get(&self.asker, about.purpose, about.digest)?;
        if self.gets.len() >= GETS {
            return Err(BlobCode::Quota);
        }
        self.gets.push_back(Get { about, class: None, next: from, came: from });
        Ok(())
    }

    /// Pieces have come, so others may be sent.
    fn more(&mut self, about: About, class: BlobClass, offset: u64) -> Result<(), BlobCode> {
        let place = self.gets.iter().position(|get| get.about == about).ok_or(BlobCode::Order)?;
        let get = self.gets.get_mut(place).ok_or(BlobCode::Order)?;
        if get.class != Some(class) || offset <= get.came || offset > get.next {
            return Err(BlobCode::Order);
        }
        self.credit.give_back(get.pieces(offset));
        get.came = offset;
        if offset == class.size() {
            self.gets.remove(place);
        }
        Ok(())
    }

    /// Sends the next piece of the blob that was asked for first.
    async fn send_piece(&mut self) {
        let Some(get) = self.gets.iter_mut().find(|get| !get.is_sent()) else { return };
        let (about, offset) = (get.about, get.next);
        let frame = match self.blobs.get(about.digest, offset).await {
            Ok((class, bytes)) => {
                get.class = Some(class);
                get.next = offset.saturating_add(class.piece());
                self.credit.take();
                let piece = Piece::new(class, offset, &bytes).map_err(|_| BlobCode::Failed);
                piece.and_then(|piece| encode(about, Say::Piece(piece)))
            }
            Err(code) => Err(code),
        };
        match frame {
            Ok(frame) => self.say(Some(frame), false).await,
            Err(code) => self.fail(about.n, code).await,
        }
    }

    fn is_taken(&self, n: u64) -> bool {
        self.puts.contains_key(&n) || self.gets.iter().any(|get| get.about.n == n)
    }

    /// Gives up what was put or got under that number.
    fn end(&mut self, n: u64) {
        self.puts.remove(&n);
        let ended = self.gets.iter().filter(|get| get.about.n == n);
        let pieces = ended.map(|get| get.pieces(get.next)).sum();
        self.credit.give_back(pieces);
        self.gets.retain(|get| get.about.n != n);
    }

    /// Ends it, and gives what says so.
    fn failed(&mut self, n: u64, code: &str) -> Option<Vec<u8>> {
        self.end(n);
        FromBroker::BlobFailed { n, code: code.to_owned() }.encode().ok()
    }

    async fn fail(&mut self, n: u64, code: BlobCode) {
        let failed = self.failed(n, code.as_str());
        self.say(failed, false).await;
    }

    async fn say(&mut self, frame: Option<Vec<u8>>, answers_piece: bool) {
        let Some(frame) = frame else { return };
        // The session may have ended; then this ends, too.
        let _ = self.answers.send(Carried { frame, answers_piece }).await;
    }
}

/// Waits until what was heard of last at an instant is given up; for nothing, for ever.
async fn ended(heard: Option<Instant>) {
    match heard {
        Some(heard) => tokio::time::sleep_until(heard + IDLE).await,
        None => std::future::pending().await,
    }
}

fn encode(about: About, say: Say<'_>) -> Result<Vec<u8>, BlobCode> {
    let About { n, purpose, digest } = about;
    BlobFrame { n, purpose, digest, say }.encode().map_err(|_| BlobCode::Failed)
}
