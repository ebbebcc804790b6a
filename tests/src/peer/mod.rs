//! A peer that speaks frame by frame: honest unless told otherwise, and distrustful always.
//!
//! Every entry, head and receipt it is given is verified as `pregao` would; what it hands in can
//! be anything. It waits for frames and never for the clock.

mod made;
mod make;
mod person;
mod watched;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use pregao::net::broker::{self, BrokerAddress, Identity, LinkReceiver, LinkSender};
use pregao_protocol::log::merkle;
use pregao_protocol::log::stamp::{FullStamp, Headers, VerifiedBatch};
use pregao_protocol::log::{Entry, Head, Origin, RoomName, cosignature};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::{Code, Replay};
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{BATCH, MAX_COUNTER};
use pregao_protocol::wire::frame::{FromBroker, FromPeer, Member};
use pregao_protocol::wire::puzzle::{Effort, Puzzle, Solution};
use pregao_protocol::wire::refusal::Refusal;
use pregao_protocol::wire::session::{Ranking, Suite};

use crate::reach;

pub use made::{Made, SubmitAnswer, Terms};
pub use person::{Person, fresh_id, random};
pub use watched::Watched;

/// How long one frame is waited for: long enough for any machine, short enough for a hung test.
const PATIENCE: Duration = Duration::from_secs(45);
/// A connected peer.
pub struct Peer {
    /// Who it is.
    pub person: Arc<Person>,
    /// What the broker says of itself.
    pub broker: BrokerCertificate,
    /// The broker's fingerprint.
    pub pin: Fingerprint,
    /// Id of the session.
    pub session: Digest,
    /// To the broker.
    pub sender: LinkSender,
    /// From the broker.
    pub receiver: LinkReceiver,
    /// Rooms followed.
    pub rooms: HashMap<RoomName, Watched>,
    /// Invitations received: auction and private room.
    pub invited: Vec<(RoomName, RoomName)>,
    /// Where passes come from, if the broker makes any.
    pub passes: Option<RoomName>,
    /// Errors received.
    pub errors: Vec<String>,
    /// Names of the rooms in the broker's list.
    pub lobby: Vec<RoomName>,
    /// Every frame received, opened but not parsed, if `record` is set.
    pub frames: Vec<Vec<u8>>,
    /// Whether frames are kept.
    pub record: bool,
    /// The newest batch header.
    pub newest: Option<Arc<VerifiedBatch>>,
    /// How much work a submission takes, as the broker said last.
    pub effort: Effort,
    /// Hash of the header of the last tick.
    pub tick: Option<Digest>,
    counter: u64,
    answers: HashMap<u64, FromBroker>,
    joined: Vec<RoomName>,
    n: u64,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peer(..)")
    }
}

impl Peer {
    /// Connects with a fresh ticket and asks for the list of rooms.
    ///
    /// # Errors
    /// Of ticket, connection and handshake.
    pub async fn connect(person: &Arc<Person>, broker: &BrokerAddress) -> Result<Self> {
        let (own, pin) = (Arc::clone(person), broker.fingerprint);
        let ticket = tokio::task::spawn_blocking(move || own.ticket(pin)).await??;
        Self::with_ticket(person, broker, &ticket).await
    }

    /// Connects with this ticket and asks for the list of rooms.
    ///
    /// # Errors
    /// Of connection and handshake.
    pub async fn with_ticket(
        person: &Arc<Person>,
        broker: &BrokerAddress,
        ticket: &str,
    ) -> Result<Self> {
        let identity = Identity { persona: &person.key, certificate: &person.certificate, ticket };
        let link = broker::connect(broker, identity, &Ranking::new(&Suite::ALL)?, reach()).await?;
        let mut peer = Self {
            person: Arc::clone(person),
            broker: link.certificate,
            pin: broker.fingerprint,
            session: link.id,
            sender: link.sender,
            receiver: link.receiver,
            rooms: HashMap::new(),
            invited: Vec::new(),
            passes: None,
            errors: Vec::new(),
            lobby: Vec::new(),
            frames: Vec::new(),
            record: false,
            newest: None,
            effort: Effort::NONE,
            tick: None,
            counter: 0,
            answers: HashMap::new(),
            joined: Vec::new(),
            n: 0,
        };
        peer.absorb(link.welcome)?;
        peer.send(&FromPeer::Rooms { from: 0 }).await?;
        Ok(peer)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// If the session is over.
    pub async fn send(&mut self, frame: &FromPeer) -> Result<()> {
        Ok(self.sender.send(frame).await?)
    }

    /// Takes one frame.
    ///
    /// # Errors
    /// If none comes, the session is over, or something received does not hold.
    pub async fn pump(&mut self) -> Result<()> {
        let next = tokio::time::timeout(PATIENCE, self.receiver.next_bytes());
        let bytes = next.await.context("no frame in time")??;
        let frame = FromBroker::parse(&bytes)?;
        if self.record {
            self.frames.push(bytes);
        }
        self.absorb(frame)
    }

    /// Takes frames until something is there.
    ///
    /// # Errors
    /// As [`Peer::pump`], or if it takes far too long.
    pub async fn until<T>(&mut self, mut there: impl FnMut(&mut Self) -> Option<T>) -> Result<T> {
        let waiting = async {
            loop {
                if let Some(found) = there(self) {
                    return Ok(found);
                }
                self.pump().await?;
            }
        };
        tokio::time::timeout(PATIENCE * 2, waiting).await.context("it never came")?
    }

    fn absorb(&mut self, frame: FromBroker) -> Result<()> {
        match frame {
            FromBroker::Effort { effort } => self.effort = Effort::new(effort)?,
            FromBroker::Welcome { batch, passes, .. } => {
                self.passes = passes.and_then(|offered| offered.room);
                if !batch.is_empty() {
                    let batch = VerifiedBatch::open(&batch, &self.broker.stamps)?;
                    self.newest = Some(Arc::new(batch));
                }
            }
            FromBroker::Tick { batch } => {
                self.tick = Some(Digest::labelled(BATCH, batch.as_bytes()));
                if !batch.is_empty() {
                    let batch = VerifiedBatch::open(&batch, &self.broker.stamps)?;
                    self.newest = Some(Arc::new(batch));
                }
            }
            FromBroker::Stamped { n, .. }
            | FromBroker::Receipt { n, .. }
            | FromBroker::Held { n, .. }
            | FromBroker::Refused { n, .. }
            | FromBroker::Failed { n, .. }
            | FromBroker::Passes { n, .. }
            | FromBroker::DepositTold { n, .. }
            | FromBroker::PassHeld { n } => {
                self.answers.insert(n, frame);
            }
            FromBroker::Lobby { headers, openings, .. } => {
                let mut beside = Headers::of(&headers, openings.len())?;
                for opening in openings {
                    let stamped = Replay::new().push_of(opening.get(), &mut beside)?;
                    self.lobby.push(stamped.action().room());
                }
                beside.finish()?;
            }
            FromBroker::Joined { room, head, consistency } => {
                self.take_joined(room, &head, &consistency)?;
            }
            FromBroker::Entries { room, headers, entries, head } => {
                let mut beside = Headers::of(&headers, entries.len())?;
                let watched = self.rooms.entry(room).or_default();
                for entry in entries {
                    let stamped = watched.replay.push_of(entry.get(), &mut beside)?;
                    watched.entries.push(entry.get().to_owned());
                    watched.headers.push(stamped.batch().shared());
                }
                beside.finish()?;
                if let Some(head) = head {
                    let origin = Origin { broker: self.pin, room };
                    let head = Head::open(&head, &origin, &self.broker.keys.head)?;
                    let own = watched.room()?.ledger().head();
                    ensure!(own == Seen { size: head.size, root: head.root }, "another log");
                    watched.head = Some(head);
                }
            }
            FromBroker::Cosigned { room, head: note } => {
                let origin = Origin { broker: self.pin, room };
                let head = Head::open(&note, &origin, &self.broker.keys.head)?;
                let watched = self.rooms.get_mut(&room).context("a room that is not followed")?;
                // Before the log there is nothing by which to judge.
                let Ok(terms) = watched.room().map(|room| room.terms().clone()) else {
                    return Ok(());
                };
                let cosigned = cosignature::cosignatures(&note, &head, &terms.witnesses)?;
                if terms.is_final(&cosigned) {
                    watched.final_size = watched.final_size.max(head.size);
                }
            }
            // Which secrets are out is told, and decides nothing.
            FromBroker::PassRoom { room } => self.passes = Some(room),
            FromBroker::Released { .. } => {}
            // This one stores nothing.
            FromBroker::BlobKept { .. }
            | FromBroker::BoxOpened { .. }
            | FromBroker::PeopleListed { .. }
            | FromBroker::BlobFailed { .. } => {}
            FromBroker::Invited { auction, room } => self.invited.push((auction, room)),
            FromBroker::Error { code, .. } => self.errors.push(code),
        }
        Ok(())
    }

    fn take_joined(&mut self, room: RoomName, head: &str, consistency: &[Digest]) -> Result<()> {
        let origin = Origin { broker: self.pin, room };
        let head = Head::open(head, &origin, &self.broker.keys.head)?;
        let watched = self.rooms.entry(room).or_default();
        if let Some(known) = watched.replay.room() {
            let own = known.ledger().head();
            merkle::verify_consistency(own.size, &own.root, head.size, &head.root, consistency)?;
        }
        self.joined.push(room);
        Ok(())
    }

    /// Sends a request that carries a number; gives the number.
    ///
    /// # Errors
    /// If the session is over.
    pub async fn ask(&mut self, frame: impl FnOnce(u64) -> FromPeer) -> Result<u64> {
        self.n += 1;
        let n = self.n;
        self.send(&frame(n)).await?;
        Ok(n)
    }

    /// Waits for the answer to a request.
    ///
    /// # Errors
    /// As [`Peer::pump`].
    pub async fn answer(&mut self, n: u64) -> Result<FromBroker> {
        self.until(|peer| peer.answers.remove(&n)).await
    }

    /// Gets stamps through the broker.
    ///
    /// # Errors
    /// The code of a failure.
    pub async fn stamps(&mut self, digests: Vec<Digest>) -> Result<Vec<FullStamp>> {
        let n = self.ask(|n| FromPeer::Stamp { n, digests }).await?;
        match self.answer(n).await? {
            FromBroker::Stamped { batch, stamps, .. } => {
                Ok(stamps.iter().map(|place| place.with(&batch)).collect())
            }
            FromBroker::Failed { code, .. } => bail!("{code}"),
            other => bail!("another answer: {other:?}"),
        }
    }

    /// Gets a stamp for one action.
    ///
    /// # Errors
    /// As [`Peer::stamps`].
    pub async fn stamp(&mut self, made: &Made) -> Result<FullStamp> {
        self.stamps(vec![made.digest()]).await?.pop().context("no stamp")
    }

    /// Solves the puzzle for an action, if the broker asks for one: what the next submission of it carries.
    ///
    /// # Errors
    /// As [`Peer::pump`].
    pub async fn solve(&mut self, action: &str) -> Result<Option<Solution>> {
        if self.effort.is_none() {
            return Ok(None);
        }
        let header = self.until(|peer| peer.tick).await?;
        let puzzle = Puzzle::of_submission(self.pin, self.session, action, header);
        let (effort, from) = (self.effort, self.counter);
        let solving = tokio::task::spawn_blocking(move || puzzle.solve(effort, from..MAX_COUNTER));
        let counter = solving.await?.context("no counter solves it")?;
        self.counter = counter + 1;
        Ok(Some(Solution { header, counter }))
    }

    /// Hands in whatever it is given; the answer is verified as far as the broker signs it.
    ///
    /// # Errors
    /// As [`Peer::pump`].
    pub async fn submit(
        &mut self,
        action: &str,
        stamp: &FullStamp,
        blind: &Blind,
    ) -> Result<SubmitAnswer> {
        for _ in 0..8 {
            let solution = self.solve(action).await?;
            let (action, stamp, blind) = (action.to_owned(), stamp.clone(), blind.clone());
            let n = self.ask(|n| FromPeer::Submit { n, action, stamp, blind, solution }).await?;
            let answer = self.answer(n).await?;
            // More was asked for meanwhile.
            let unsolved =
                matches!(&answer, FromBroker::Failed { code, .. } if code == Code::Puzzle.as_str());
            if !unsolved {
                return self.read_answer(answer);
            }
        }
        bail!("the broker asks for one puzzle after the other")
    }

    /// Reads the answer to a submission.
    ///
    /// # Errors
    /// If it is none, or a refusal whose signature does not hold.
    pub fn read_answer(&self, answer: FromBroker) -> Result<SubmitAnswer> {
        match answer {
            FromBroker::Receipt { seq, path, head, .. } => {
                Ok(SubmitAnswer::Receipt { seq, path, head })
            }
            FromBroker::Held { .. } => Ok(SubmitAnswer::Held),
            FromBroker::Refused { refusal, .. } => {
                let opened = Refusal::open(&refusal, &self.broker.keys.entry)?;
                Ok(SubmitAnswer::Refused(Box::new(opened), refusal))
            }
            FromBroker::Failed { code, .. } => Ok(SubmitAnswer::Failed(code)),
            other => bail!("another answer: {other:?}"),
        }
    }

    /// Stamps and hands in an action the honest way. A receipt is verified.
    ///
    /// # Errors
    /// As [`Peer::pump`]; a failure to get a stamp.
    pub async fn act(&mut self, made: &Made) -> Result<SubmitAnswer> {
        let stamp = self.stamp(made).await?;
        let answer = self.submit(made.action.compact(), &stamp, &made.blind).await?;
        if let SubmitAnswer::Receipt { .. } = &answer {
            self.check_receipt(made, &stamp, &answer)?;
        }
        Ok(answer)
    }

    /// Verifies that a receipt puts this action with this stamp into the log of its room.
    ///
    /// # Errors
    /// If it is no receipt, or does not.
    pub fn check_receipt(
        &self,
        made: &Made,
        stamp: &FullStamp,
        answer: &SubmitAnswer,
    ) -> Result<Head> {
        let SubmitAnswer::Receipt { seq, path, head } = answer else {
            bail!("no receipt: {answer:?}")
        };
        let action = made.action.compact().to_owned();
        let entry = Entry { seq: *seq, action, stamp: stamp.stamp() };
        let origin = Origin { broker: self.pin, room: made.action.room() };
        let head = Head::open(head, &origin, &self.broker.keys.head)?;
        let root = merkle::root_from_path(&entry.leaf(), *seq, head.size, path)?;
        ensure!(root == head.root, "the receipt proves another entry");
        Ok(head)
    }

    /// Lists an item and joins its room.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn list(&mut self, terms: &Terms) -> Result<Made> {
        let made = self.make_listing(terms)?;
        self.act(&made).await?.logged()?;
        self.join(made.action.room()).await?;
        Ok(made)
    }

    /// Bids the honest way.
    ///
    /// # Errors
    /// As [`Peer::act`].
    pub async fn bid(&mut self, room: RoomName, amount: u64) -> Result<(Made, SubmitAnswer)> {
        let made = self.make_bid(room, amount)?;
        let answer = self.act(&made).await?;
        Ok((made, answer))
    }

    /// Follows a public room, from what is known of it on, and waits until it is known.
    ///
    /// # Errors
    /// If there is no such room.
    pub async fn join(&mut self, room: RoomName) -> Result<()> {
        self.join_as(room, None).await
    }

    /// Follows a private room as the holder of a key.
    ///
    /// # Errors
    /// If the key is none of its members'.
    pub async fn join_private(&mut self, room: RoomName, key: &OneTimeKey) -> Result<()> {
        let signature = key.sign(&Member::message(&self.session.0, room));
        self.join_as(room, Some(Member { key: key.public(), signature })).await
    }

    async fn join_as(&mut self, room: RoomName, member: Option<Member>) -> Result<()> {
        let from = self.rooms.get(&room).map_or(0, Watched::size);
        self.joined.retain(|other| *other != room);
        self.errors.clear();
        self.send(&FromPeer::Join { room, from, member }).await?;
        self.until(|peer| {
            if let Some(code) = peer.errors.pop() {
                return Some(Err(anyhow!(code)));
            }
            let known = peer.joined.contains(&room)
                && peer.rooms.get(&room).is_some_and(|watched| watched.size() > 0);
            known.then_some(Ok(()))
        })
        .await?
    }

    /// A room that is followed.
    ///
    /// # Errors
    /// If it is not.
    pub fn watched(&self, room: RoomName) -> Result<&Watched> {
        self.rooms.get(&room).context("the room is not followed")
    }

    /// Waits until a room has this many entries.
    ///
    /// # Errors
    /// As [`Peer::until`].
    pub async fn grown(&mut self, room: RoomName, size: u64) -> Result<()> {
        self.until(|peer| (peer.rooms.get(&room)?.size() >= size).then_some(())).await
    }

    /// Waits until an auction is in a state.
    ///
    /// # Errors
    /// As [`Peer::until`].
    pub async fn auction_is(
        &mut self,
        room: RoomName,
        is: impl Fn(&Auction) -> bool,
    ) -> Result<()> {
        self.until(|peer| {
            let auction = peer.rooms.get(&room)?.auction().ok()?;
            is(auction).then_some(())
        })
        .await
    }

    /// TSA time as last heard.
    ///
    /// # Errors
    /// If none was heard yet and none comes.
    pub async fn now(&mut self) -> Result<Time> {
        self.until(|peer| peer.newest.as_ref().map(|batch| batch.time())).await
    }

    /// An instant some seconds after the TSA's time as last heard.
    ///
    /// # Errors
    /// As [`Peer::now`].
    pub async fn in_seconds(&mut self, seconds: u64) -> Result<Time> {
        Ok(self.now().await?.plus(Duration::from_secs(seconds)))
    }
}
