//! One session of a guest: what is stamped, handed in and read there, each answer verified.
//!
//! A session is for one purpose and short: what is done in one session, the broker knows to be done by one guest. Nothing
//! is believed that is not signed: receipts are verified with the log's opening, refusals by the broker's entry key, and a
//! log is replayed up to a head that the broker signed.

use std::time::Duration;

use pregao_protocol::audit::verify;
use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::log::stamp::{FullStamp, Headers};
use pregao_protocol::log::{Entry, Head, Origin, Receipt, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::{BlobCode, Code, ErrorCode, Replay, ReplayError, Stamped, Undecided};
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::trust::pass::Pass;
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label;
use pregao_protocol::wire::frame::{FromBroker, FromPeer, Member};
use pregao_protocol::wire::puzzle::{Effort, Puzzle, Solution, TooMuch};
use pregao_protocol::wire::refusal::Refusal;
use pregao_protocol::wire::session::Ranking;
use pregao_protocol::wire::{blob, handed};

use super::own_box::OwnBox;
use super::passes::{self, TakeError};
use crate::net::Reach;
use crate::net::broker::{BrokerAddress, BrokerLink, LinkError, connect_as_guest};
use crate::solver;

/// How long one answer may take: as long as a broker has for it, and what the network takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(label::MAX_ANSWER + 10);

/// How often a puzzle is solved for one action, if the broker says that it was not.
const TRIES: usize = 4;

/// Why something was not done in a guest's session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// There is no session, or it ended.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The broker decided against it, with its signature.
    #[error("{} ({code})", code.message())]
    Refused {
        /// Why.
        code: Code,
        /// The refusal (compact JWS), for whoever doubts it.
        refusal: String,
    },
    /// The broker decided nothing.
    #[error("{}", .0.code().message())]
    Undecided(Undecided),
    /// A room is not shown.
    #[error("the broker does not show the room ({code})")]
    NotShown {
        /// Why, in the broker's word: unsigned, it decides nothing.
        code: String,
    },
    /// The broker takes no passes.
    #[error("this broker makes no passes")]
    NoPasses,
    /// Bytes beside a log are not kept, or not given.
    #[error("{}", .0.message())]
    Blob(BlobCode),
    /// A log is longer than any that is read.
    #[error("the log is longer than {MOST_ENTRIES} entries")]
    TooLong,
    /// More work is asked for than anybody may ask for.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// What came does not verify.
    #[error("{0}: the broker may be lying")]
    False(&'static str),
    /// It took too long.
    #[error("the broker did not answer in time")]
    Slow,
}

impl GuestError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Link(error) => error.advice(),
            Self::Refused { code, .. } => code.advice(),
            Self::Undecided(code) => code.code().advice(),
            Self::Blob(code) => code.advice(),
            Self::TooLong => "open another box, and tell your contacts its address",
            Self::NotShown { .. } => {
                "check that the box is at this broker; if it was, its broker has lost it"
            }
            Self::NoPasses => "ask whoever runs it to start it with --passes-per-day",
            Self::TooMuch(_) | Self::False(_) => "do not use this broker until it is explained",
            Self::Slow => "try again: the same is handed in, and nothing is done twice",
        }
    }
}

impl GuestError {
    /// The same lie, said of another part.
    pub(super) const fn again(&self) -> Self {
        match self {
            Self::False(what) => Self::False(what),
            _ => Self::False("what came does not verify"),
        }
    }
}

/// Entries of the longest log that is read.
const MOST_ENTRIES: u64 = 1 << 20;

/// What comes from the broker.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A JSON frame.
    Frame(FromBroker),
    /// A binary one, unread.
    Binary(Vec<u8>),
}

/// A session that says nothing of who is there.
#[derive(Debug)]
pub struct GuestSession<'a> {
    link: BrokerLink,
    reach: Reach<'a>,
    stamp: PublicKey<StampKey>,
    effort: Effort,
    /// Hash of the newest batch header of a tick: what a puzzle may name (V-191).
    header: Option<Digest>,
    n: u64,
    /// The newest head of a log that came with its entries, before anything of it was verified.
    shown: Option<String>,
}

impl<'a> GuestSession<'a> {
    /// Connects. `stamp` is the key of the TSA whose stamps count.
    ///
    /// # Errors
    /// [`GuestError::Link`].
    pub async fn open(
        address: &BrokerAddress,
        stamp: PublicKey<StampKey>,
        reach: Reach<'a>,
    ) -> Result<Self, GuestError> {
        let mut link = connect_as_guest(address, &Ranking::default(), reach).await?;
        if !matches!(link.welcome, FromBroker::Welcome { .. }) {
            return Err(GuestError::False("the session does not begin as it should"));
        }
        // The session exists with its first record; this one asks for nothing.
        link.sender.send(&FromPeer::Leave { room: RoomName([0; 32]) }).await?;
        let effort = Effort::NONE.of_guests();
        Ok(Self { link, reach, stamp, effort, header: None, n: 0, shown: None })
    }

    /// What the broker says of itself, verified.
    #[must_use]
    pub const fn certificate(&self) -> &BrokerCertificate {
        &self.link.certificate
    }

    /// Has an action stamped, and verifies the stamp.
    ///
    /// # Errors
    /// [`GuestError`].
    pub async fn stamp(&mut self, action: &Action) -> Result<FullStamp, GuestError> {
        let n = self.number();
        self.link.sender.send(&FromPeer::Stamp { n, digests: vec![action.digest()] }).await?;
        let FromBroker::Stamped { batch, stamps, .. } = self.answer(n).await? else {
            return Err(GuestError::False("something else came than the stamp"));
        };
        let stamp = stamps.first().map(|place| place.with(&batch));
        let holds =
            |stamp: &FullStamp| Stamped::open(action.clone(), stamp.clone(), &[self.stamp]).is_ok();
        stamp.filter(holds).ok_or(GuestError::False("the stamp does not verify"))
    }

    /// Hands in an action, and verifies the receipt. `opening` is the compact form of the action that opened its room. The
    /// same action with the same stamp may be handed in again, in any session: its answer is the first one.
    ///
    /// # Errors
    /// [`GuestError`].
    pub async fn hand_in(
        &mut self,
        action: &Action,
        stamp: &FullStamp,
        opening: &str,
    ) -> Result<Receipt, GuestError> {
        for _ in 1..TRIES {
            match self.submit(action, stamp, opening).await {
                // More was asked for meanwhile, or the header has grown too old: a newer one comes within a second.
                Err(GuestError::Undecided(Undecided::PUZZLE)) => _ = self.next().await?,
                answer => return answer,
            }
        }
        self.submit(action, stamp, opening).await
    }

    async fn submit(
        &mut self,
        action: &Action,
        stamp: &FullStamp,
        opening: &str,
    ) -> Result<Receipt, GuestError> {
        let solution = self.solve(action).await?;
        let n = self.number();
        let submit = FromPeer::Submit {
            n,
            action: action.compact().to_owned(),
            stamp: stamp.clone(),
            // There is no persona to which one could tie the key.
            blind: Blind::from_random([0; 32]),
            solution: Some(solution),
        };
        self.link.sender.send(&submit).await?;
        match self.answer(n).await? {
            FromBroker::Receipt { seq, path, head, .. } => {
                let compact = action.compact().to_owned();
                let entry = Entry { seq, action: compact, stamp: stamp.stamp() }.encode();
                let (header, opening) = (stamp.batch.clone(), opening.to_owned());
                let receipt = Receipt { opening, header, entry, path, head };
                let holds = verify::receipt(&receipt);
                let is_its = holds.is_ok_and(|holds| holds.digest == action.digest());
                is_its.then_some(receipt).ok_or(GuestError::False("the receipt does not verify"))
            }
            FromBroker::Refused { refusal, .. } => Err(self.refused(action, refusal)),
            _ => Err(GuestError::False("something else came than an answer")),
        }
    }

    /// Shows a pass, which this session holds from then on: it buys the decision about one action (V-287). One that was
    /// spent before is shown again only to hand in the same. A session holds one.
    ///
    /// # Errors
    /// [`GuestError::Undecided`] with a code that says what is wrong with the pass; [`GuestError`].
    pub async fn show_pass(&mut self, pass: &Pass) -> Result<(), GuestError> {
        let n = self.number();
        self.link.sender.send(&FromPeer::ShowPass { n, pass: pass.clone() }).await?;
        match self.answer(n).await? {
            FromBroker::PassHeld { .. } => Ok(()),
            _ => Err(GuestError::False("something else came than an answer about the pass")),
        }
    }

    /// Reads the log of one's own box from its beginning, up to a head that the broker signed.
    ///
    /// # Errors
    /// [`GuestError`].
    pub async fn read(&mut self, own: &OwnBox) -> Result<Replay, GuestError> {
        self.read_on(own, Replay::new()).await
    }

    /// As [`GuestSession::read`], from where it was read before
    /// ([`take_up`](pregao_protocol::room::message_box::kept::take_up)): the head that the broker signs is over all
    /// entries, so a log that does not go on from there does not verify.
    ///
    /// # Errors
    /// [`GuestError`]; [`GuestError::NotShown`] with `room.shorter` if the broker has lost a part of the log.
    pub async fn read_on(&mut self, own: &OwnBox, replay: Replay) -> Result<Replay, GuestError> {
        self.read_noting(own, replay, &mut |_, _| ()).await
    }

    /// As [`GuestSession::read_on`]; each entry that is new, verified and with its position, is shown to `note`.
    ///
    /// # Errors
    /// As [`GuestSession::read_on`].
    pub async fn read_noting(
        &mut self,
        own: &OwnBox,
        replay: Replay,
        note: &mut (dyn FnMut(u64, &Stamped) + Send),
    ) -> Result<Replay, GuestError> {
        let member = own.proof(&self.link.id.0);
        self.read_room(own.name(), Some(member), replay, note).await
    }

    /// The head that came last with a log, as transmitted: verified if the log was read, and otherwise what shows, if it is
    /// signed, what the broker said instead.
    #[must_use]
    pub fn head_shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }

    /// Whether a pass is like everybody's: signed by the key that the broker states to guests too, in the log of its pass room,
    /// replayed up to a head that it signed. To be asked before the pass is shown: a key of one's own would tell who took it.
    ///
    /// # Errors
    /// [`GuestError::False`] if it is not, or the room is none of this broker; [`GuestError`].
    pub async fn verify_pass(&mut self, pass: &Pass) -> Result<(), GuestError> {
        let FromBroker::Welcome { passes: Some(offered), .. } = &self.link.welcome else {
            return Err(GuestError::NoPasses);
        };
        // Whoever has one read the room: a broker that names none has forgotten it, or has just begun.
        let room = offered.room.ok_or(GuestError::Slow)?;
        let replay = self.read_room(room, None, Replay::new(), &mut |_, _| ()).await?;
        let room = replay.room().ok_or(GuestError::False("the room of the passes is empty"))?;
        let own = &self.link.certificate;
        let key = passes::key_of(room, own, pass.day()).map_err(|error| match error {
            TakeError::False(what) => GuestError::False(what),
            _ => GuestError::False("guests are shown no key for the day of the pass"),
        })?;
        let holds = pass.verify(key, own.keys.session.fingerprint());
        holds.map_err(|_| GuestError::False("guests are shown another key than that of the pass"))
    }

    /// Reads the log of a room from where the replay stands.
    async fn read_room(
        &mut self,
        room: RoomName,
        member: Option<Member>,
        mut replay: Replay,
        note: &mut (dyn FnMut(u64, &Stamped) + Send),
    ) -> Result<Replay, GuestError> {
        let from = replay.room().map_or(0, |room| room.ledger().head().size);
        self.link.sender.send(&FromPeer::Join { room, from, member }).await?;
        loop {
            match self.next().await? {
                FromBroker::Error { code, room: Some(named), .. } if named == room => {
                    return Err(GuestError::NotShown { code });
                }
                FromBroker::Entries { room: of, headers, entries, head } if of == room => {
                    let mut headers = Headers::of(&headers, entries.len())
                        .map_err(|_| GuestError::False("batch headers of the log do not hold"))?;
                    for entry in entries {
                        let size = replay.room().map_or(0, |room| room.ledger().head().size);
                        if size >= MOST_ENTRIES {
                            return Err(GuestError::TooLong);
                        }
                        let pushed = replay.push_of(entry.get(), &mut headers);
                        note(size, &pushed.map_err(|error| GuestError::False(lie_of(&error)))?);
                    }
                    let finished = headers.finish();
                    finished
                        .map_err(|_| GuestError::False("batch headers of the log do not hold"))?;
                    if let Some(head) = head {
                        self.shown = Some(head.clone());
                        self.compare(room, &replay, &head)?;
                        return Ok(replay);
                    }
                }
                _ => {}
            }
        }
    }

    /// The log is the one of the room, and the broker signed its head.
    fn compare(&self, name: RoomName, replay: &Replay, note: &str) -> Result<(), GuestError> {
        let keys = &self.link.certificate.keys;
        let origin = Origin { broker: keys.session.fingerprint(), room: name };
        let signed = Head::open(note, &origin, &keys.head);
        let room = replay.room().filter(|room| room.ledger().name() == name);
        let agrees = signed.is_ok_and(|head| {
            room.is_some_and(|room| {
                let seen = room.ledger().head();
                (head.size, head.root) == (seen.size, seen.root)
            })
        });
        agrees.then_some(()).ok_or(GuestError::False("the log of the room is not the one signed"))
    }

    /// Verifies that a refusal is the broker's, and about this action.
    fn refused(&self, action: &Action, refusal: String) -> GuestError {
        match Refusal::open(&refusal, &self.link.certificate.keys.entry) {
            Ok(opened) if opened.digest == action.digest() && opened.room == action.room() => {
                GuestError::Refused { code: opened.code, refusal }
            }
            _ => GuestError::False("a refusal does not verify"),
        }
    }

    /// Solves the puzzle without which nothing of a guest's is looked at.
    async fn solve(&mut self, action: &Action) -> Result<Solution, GuestError> {
        let broker = self.link.certificate.keys.session.fingerprint();
        let header = loop {
            match self.header {
                Some(header) => break header,
                // One comes every second.
                None => _ = self.next().await?,
            }
        };
        let puzzle = Puzzle::of_submission(broker, self.link.id, action.compact(), header);
        let counter = solver::solve(self.reach.host, puzzle, self.effort).await;
        Ok(Solution { header, counter: counter.ok_or(GuestError::Slow)? })
    }

    /// The session's id, which what is signed in it is bound to.
    pub(super) const fn id(&self) -> [u8; 32] {
        self.link.id.0
    }

    pub(super) const fn host(&self) -> &'a Host {
        self.reach.host
    }

    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        self.reach.host.random()
    }

    pub(super) async fn send(&mut self, frame: &FromPeer) -> Result<(), GuestError> {
        Ok(self.link.sender.send(frame).await?)
    }

    pub(super) async fn send_bytes(&mut self, frame: &[u8]) -> Result<(), GuestError> {
        Ok(self.link.sender.send_bytes(frame).await?)
    }

    /// Whether a frame ends what was asked for under a number.
    ///
    /// # Errors
    /// What it says.
    pub(super) fn ends(&self, of: u64, frame: &FromBroker) -> Result<(), GuestError> {
        match frame {
            FromBroker::Failed { n, code } if *n == of => {
                // V-070: a broker has no other word for no without its signature.
                Err(match code.parse() {
                    Ok(code) => GuestError::Undecided(code),
                    Err(_) => GuestError::False("a request was refused without a signature"),
                })
            }
            FromBroker::Error { code, room: None, .. } => {
                let ends = code.parse::<ErrorCode>().is_ok();
                Err(if ends { LinkError::Closed.into() } else { GuestError::Slow })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.n = self.n.saturating_add(1);
        self.n
    }

    /// The answer to a request.
    pub(super) async fn answer(&mut self, of: u64) -> Result<FromBroker, GuestError> {
        loop {
            let frame = self.next().await?;
            match &frame {
                FromBroker::Stamped { n, .. }
                | FromBroker::Receipt { n, .. }
                | FromBroker::Refused { n, .. }
                | FromBroker::PassHeld { n }
                | FromBroker::BoxOpened { n, .. }
                | FromBroker::PeopleListed { n, .. }
                | FromBroker::DepositTold { n, .. }
                    if *n == of =>
                {
                    return Ok(frame);
                }
                other => self.ends(of, other)?,
            }
        }
    }

    /// The next frame; what it says of time and effort is noted.
    async fn next(&mut self) -> Result<FromBroker, GuestError> {
        loop {
            if let Incoming::Frame(frame) = self.incoming().await? {
                return Ok(frame);
            }
        }
    }

    /// As `next`, of either sort. However much else comes, an answer that is waited for comes within
    /// [`ANSWER_WITHIN`] of what came before it, or not at all.
    pub(super) async fn incoming(&mut self) -> Result<Incoming, GuestError> {
        let next = tokio::time::timeout(ANSWER_WITHIN, self.link.receiver.next_bytes());
        let bytes = next.await.map_err(|_| GuestError::Slow)??;
        if blob::is_binary(&bytes) || handed::is_handed(&bytes) {
            return Ok(Incoming::Binary(bytes));
        }
        let frame = FromBroker::parse(&bytes).map_err(LinkError::Frame)?;
        match &frame {
            FromBroker::Tick { batch } => self.header = Some(hash_of(batch)),
            FromBroker::Effort { effort } => self.effort = Effort::new(*effort)?.of_guests(),
            _ => {}
        }
        Ok(Incoming::Frame(frame))
    }
}

/// What a log shows that does not hold.
const fn lie_of(error: &ReplayError) -> &'static str {
    match error {
        // V-277: of two letters under one key the second cannot be told from the first by whoever has both.
        ReplayError::Rule { code: Code::DepositKeyUsed, .. } => {
            "the log has two letters under one one-time key: it was handed out twice, or the second was not refused"
        }
        _ => "the log of the room does not hold",
    }
}

/// What the name of a batch header is hashed with.
pub(super) const BATCH: &str = label::BATCH;

/// The name of a batch header in a puzzle. It is not verified there: a header that the broker does not know would only
/// have its own puzzle refused.
fn hash_of(header: &str) -> Digest {
    Digest::labelled(label::BATCH, header.as_bytes())
}
