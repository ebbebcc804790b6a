//! Houses that cheat one person, each in one way, and whether that person and a stranger see it.
//!
//! Everybody else is served honestly, by the same broker, so that whoever is cheated is the only one who may
//! say anything. The programs are the real ones: what cheats stands on the wire before the broker and has every key
//! of the house.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use pregao_protocol::audit::evidence::{Accused, Evidence};
use pregao_protocol::log::stamp::{BatchHeader, VerifiedBatch};
use pregao_protocol::log::{Cosignature, Head, Origin, RoomName};
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Verb;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::refusal::Refusal;
use tokio::time::Instant;

use super::machine::{Chance, Era};
use super::person::Person;
use super::programs::{HouseSecrets, Town};
use super::trace::Trace;
use crate::liar::Lie;

/// How long people trade in a house that cheats, if it does not become known before.
const TRADING: Duration = Duration::from_secs(120);
/// How often it is looked whether the cheat is known.
const LOOKED_AT: Duration = Duration::from_secs(5);
/// How long things go on once it is.
const AFTERWARDS: Duration = Duration::from_secs(15);
/// How long a lie of the kind that takes time goes on.
const HELD_BACK: Duration = Duration::from_secs(40);
/// After this much time what is final is old enough to be gone back behind.
const LATER: Duration = Duration::from_secs(12);

/// What a house does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cheat {
    /// The broker signs a second history of a log.
    Fork,
    /// The broker answers from a log that is shorter than what was final: an old backup.
    Rollback,
    /// The broker refuses, under its signature, what the rules accept.
    FalseRefusal,
    /// The broker refuses by a rule without its signature.
    UnsignedRefusal,
    /// The TSA signs two histories.
    TwoTsas,
    /// The witness cosigns two histories, as the broker signs them.
    CosignedTwice,
    /// The broker leaves entries out.
    Drop,
    /// The broker shows entries in another order.
    Reorder,
    /// The broker holds the newest entries of a room back for good.
    Withhold,
    /// The broker shows entries half a minute late.
    Delay,
    /// The broker announces times that are long past.
    OldTime,
    /// The broker gives no receipts.
    NoReceipts,
    /// The broker answers nothing that is handed in, but for what comes through its witness.
    Swallow,
}

/// What comes of a cheat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// An alarm, and evidence of this kind that convinces a stranger.
    Evidence(&'static str),
    /// An alarm; what is kept are notes that convince nobody.
    Notice,
    /// Nothing: the one who is cheated loses nothing by it.
    Harmless,
}

impl Cheat {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Fork,
        Self::Rollback,
        Self::FalseRefusal,
        Self::UnsignedRefusal,
        Self::TwoTsas,
        Self::CosignedTwice,
        Self::Drop,
        Self::Reorder,
        Self::Withhold,
        Self::Delay,
        Self::OldTime,
        Self::NoReceipts,
        Self::Swallow,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::FalseRefusal => "false-refusal",
            Self::UnsignedRefusal => "unsigned-refusal",
            Self::TwoTsas => "two-tsas",
            Self::CosignedTwice => "cosigned-twice",
            Self::Drop => "drop",
            Self::Reorder => "reorder",
            Self::Withhold => "withhold",
            Self::Delay => "delay",
            Self::OldTime => "old-time",
            Self::NoReceipts => "no-receipts",
            Self::Swallow => "swallow",
        }
    }

    /// What an honest peer makes of it (SPEC 7.8).
    #[must_use]
    pub const fn expected(self) -> Expected {
        match self {
            Self::Fork => Expected::Evidence("fork"),
            Self::Rollback => Expected::Evidence("rollback"),
            Self::FalseRefusal => Expected::Evidence("false-refusal"),
            Self::TwoTsas => Expected::Evidence("batches"),
            Self::CosignedTwice => Expected::Evidence("cosigned-twice"),
            Self::UnsignedRefusal
            | Self::Drop
            | Self::Reorder
            | Self::Withhold
            | Self::Delay
            | Self::OldTime => Expected::Notice,
            Self::NoReceipts | Self::Swallow => Expected::Harmless,
        }
    }

    /// Of whom evidence may speak.
    fn may_accuse(self, accused: Accused) -> bool {
        match accused {
            Accused::Tsa => self == Self::TwoTsas,
            Accused::Witness => self == Self::CosignedTwice,
            Accused::Broker => self != Self::TwoTsas && self.expected() != Expected::Harmless,
        }
    }
}

impl fmt::Display for Cheat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Cheat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let named = Self::ALL.into_iter().find(|cheat| cheat.name() == text);
        named.ok_or_else(|| format!("there is no such cheat; there are {}", names()))
    }
}

/// How a seed of a cheat went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It was done, and came to what is expected.
    Caught,
    /// There was no occasion for it.
    NoOccasion,
}

/// Does it to one person.
struct Cheater {
    cheat: Cheat,
    secrets: HouseSecrets,
    /// How often it was done.
    done: Arc<AtomicU64>,
    /// The newest header that was announced.
    tick: Option<VerifiedBatch>,
    /// Heads that were passed on, by room and size.
    heads: BTreeMap<RoomName, BTreeMap<u64, Digest>>,
    /// The largest head of each room that was cosigned, and when that was passed on.
    cosigned: BTreeMap<RoomName, (u64, Time)>,
    /// The room that is held back, since when, and what came of it.
    held: Option<(RoomName, Time, Vec<FromBroker>)>,
}

impl Cheater {
    fn now(&self) -> Option<Time> {
        self.tick.as_ref().map(VerifiedBatch::time)
    }

    fn once(&self) -> bool {
        self.done.load(Ordering::Relaxed) == 0
    }

    fn do_it(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn origin(&self, room: RoomName) -> Origin {
        Origin { broker: self.secrets.broker.session.public().fingerprint(), room }
    }

    /// Remembers what passes.
    fn watch(&mut self, frame: &FromBroker) {
        let key = self.secrets.broker.head.public();
        match frame {
            FromBroker::Tick { batch } | FromBroker::Welcome { batch, .. } => {
                let batch = VerifiedBatch::open(batch, &[self.secrets.stamp.public()]).ok();
                self.tick = batch.or(self.tick.take());
            }
            FromBroker::Entries { room, head: Some(note), .. } => {
                if let Ok(head) = Head::open(note, &self.origin(*room), &key) {
                    self.heads.entry(*room).or_default().insert(head.size, head.root);
                }
            }
            FromBroker::Cosigned { room, head: note } => {
                let opened = Head::open(note, &self.origin(*room), &key);
                if let (Ok(head), Some(now)) = (opened, self.now()) {
                    let last = self.cosigned.entry(*room).or_insert((head.size, now));
                    if last.0 < head.size {
                        *last = (head.size, now);
                    }
                }
            }
            _ => {}
        }
    }

    /// Another head of this size.
    fn other_head(&self, room: RoomName, size: u64) -> Head {
        Head { origin: self.origin(room), size, root: Digest::of(&size.to_be_bytes()) }
    }

    /// What is said besides a frame that passes.
    fn beside(&self, frame: &FromBroker) -> Option<FromBroker> {
        match (self.cheat, frame) {
            (Cheat::Fork, FromBroker::Entries { room, .. }) => {
                // Of a log of which two heads were shown, the first is forked.
                let heads = self.heads.get(room).filter(|heads| heads.len() > 1)?;
                let (size, _) = heads.first_key_value()?;
                let head = self.other_head(*room, *size).sign(&self.secrets.broker.head);
                Some(FromBroker::Cosigned { room: *room, head })
            }
            (Cheat::TwoTsas, FromBroker::Tick { .. }) => {
                let header = self.tick.as_ref()?.header().clone();
                let time = header.time.plus(Duration::from_micros(1));
                let header = BatchHeader { time, ..header };
                Some(FromBroker::Tick { batch: header.sign(&self.secrets.stamp) })
            }
            (Cheat::CosignedTwice, FromBroker::Cosigned { room, head: note }) => {
                let key = self.secrets.broker.head.public();
                let size = Head::open(note, &self.origin(*room), &key).ok()?.size;
                // Only of what the peer can have as well.
                self.heads.get(room)?.get(&size)?;
                let witness = &self.secrets.witness;
                let name = note.lines().last()?.split(' ').nth(1)?.parse().ok()?;
                let head = self.other_head(*room, size);
                let seconds = self.now()?.as_micros() / 1_000_000;
                let mut note = head.sign(&self.secrets.broker.head);
                note.push_str(&Cosignature::sign(&head, seconds, witness).line(&name));
                Some(FromBroker::Cosigned { room: *room, head: note })
            }
            _ => None,
        }
    }

    /// Instead of entries, once.
    fn instead(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let FromBroker::Entries { room, headers, entries, head } = frame else {
            return vec![frame];
        };
        let known = self.heads.get(&room).is_some_and(|heads| heads.len() > 1);
        match self.cheat {
            Cheat::Drop if known && self.once() => {
                self.do_it();
                Vec::new()
            }
            Cheat::Reorder if known && (self.once() || self.held.is_some()) => {
                let frame = FromBroker::Entries { room, headers, entries, head };
                match self.held.take() {
                    // The next of the same room overtakes it.
                    Some((of, _, earlier)) if of == room => {
                        std::iter::once(frame).chain(earlier).collect()
                    }
                    Some(other) => {
                        self.held = Some(other);
                        vec![frame]
                    }
                    // If none comes any more, it is held back for good.
                    None => {
                        self.do_it();
                        self.held = Some((room, self.now().unwrap_or_default(), vec![frame]));
                        Vec::new()
                    }
                }
            }
            _ => vec![FromBroker::Entries { room, headers, entries, head }],
        }
    }

    /// Holds a room back, for good or for a while.
    fn hold(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let Some(now) = self.now() else { return vec![frame] };
        let of = |frame: &FromBroker| match frame {
            FromBroker::Entries { room, .. } | FromBroker::Cosigned { room, .. } => Some(*room),
            _ => None,
        };
        if self.held.is_none()
            && self.once()
            && let Some(room) = of(&frame)
            && self.heads.get(&room).is_some_and(|heads| heads.len() > 1)
            && matches!(frame, FromBroker::Entries { .. })
        {
            self.do_it();
            self.held = Some((room, now, Vec::new()));
        }
        let Some((room, since, queue)) = &mut self.held else { return vec![frame] };
        if of(&frame) == Some(*room) {
            // Of what is withheld for good, the heads are shown.
            let is_entries = matches!(frame, FromBroker::Entries { .. });
            if self.cheat == Cheat::Withhold && !is_entries {
                return vec![frame];
            }
            queue.push(frame);
            return Vec::new();
        }
        let mut said = Vec::new();
        if self.cheat == Cheat::Delay && now.since(*since) > HELD_BACK {
            said.append(queue);
            self.held = None;
        }
        said.push(frame);
        said
    }

    /// A refusal of what is handed in.
    fn refuse(&self, frame: &FromPeer) -> Option<FromBroker> {
        let FromPeer::Submit { n, action, stamp, .. } = frame else { return None };
        let action = Action::parse(action).ok().filter(|it| it.body().verb() == Verb::Bid)?;
        let (room, header) = (action.room(), self.tick.as_ref()?);
        let heads = self.heads.get(&room)?;
        let (size, root) = match self.cheat {
            Cheat::UnsignedRefusal => {
                return Some(FromBroker::Failed { n: *n, code: Code::BidTooLow.to_string() });
            }
            Cheat::FalseRefusal => heads.last_key_value()?,
            Cheat::Rollback => {
                let (size, at) = self.cosigned.get(&room)?;
                let later = header.header().prev_time > at.plus(LATER);
                heads.range(..*size).next_back().filter(|_| later)?
            }
            _ => return None,
        };
        let refusal = Refusal {
            digest: action.digest(),
            room,
            stamp: BatchHeader::hash(&stamp.batch),
            // The currency is always the same here.
            code: Code::BidCurrency,
            size: *size,
            root: *root,
            batch: header.hash(),
            same_author: None,
            header: header.compact().to_owned(),
        };
        let refusal = refusal.sign(&self.secrets.broker.entry);
        Some(FromBroker::Refused { n: *n, refusal })
    }
}

impl Lie for Cheater {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        match self.cheat {
            Cheat::Withhold | Cheat::Delay => {
                let said = self.hold(frame.clone());
                self.watch(&frame);
                return said;
            }
            Cheat::OldTime => {
                let before = self.tick.clone();
                self.watch(&frame);
                // The first of all is said again a minute later.
                let FromBroker::Tick { .. } = frame else { return vec![frame] };
                let (Some(first), Some(now)) = (before, self.now()) else { return vec![frame] };
                // The first of all is said again, and no other any more.
                let (_, since, first) = self.held.get_or_insert_with(|| {
                    let tick = FromBroker::Tick { batch: first.compact().to_owned() };
                    (RoomName([0; 32]), first.time(), vec![tick])
                });
                if now.since(*since) > HELD_BACK {
                    let first = first.clone();
                    self.do_it();
                    return first;
                }
                return vec![frame];
            }
            Cheat::NoReceipts if matches!(frame, FromBroker::Receipt { .. }) => {
                self.do_it();
                return Vec::new();
            }
            _ => {}
        }
        let mut said = self.instead(frame.clone());
        self.watch(&frame);
        if self.once()
            && let Some(lie) = self.beside(&frame)
        {
            self.do_it();
            said.push(lie);
        }
        said
    }

    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        if self.cheat == Cheat::Swallow && matches!(frame, FromPeer::Submit { .. }) {
            self.do_it();
            return Some(Vec::new());
        }
        let refused = self.refuse(frame)?;
        self.do_it();
        Some(vec![refused])
    }
}

/// Plays one seed in a house that cheats one person, and judges what they and the others saw.
///
/// # Errors
/// What ought to have been seen and was not, or was said of whom it is not true.
pub fn seed(seed: u64, cheat: Cheat) -> Result<Went> {
    let folder = super::run::folder()?;
    let path = folder.path().to_owned();
    super::run::runtime(seed)?.block_on(play(&Chance::of(seed), cheat, &path))
}

async fn play(chance: &Chance, cheat: Cheat, folder: &Path) -> Result<Went> {
    let era = Era::begin();
    let trace = Trace::new(&era, false);
    let town = Town::found(chance, &era, &trace, folder).await?;
    let people: Vec<Arc<Person>> = (0..3 + chance.below(2))
        .map(|number| Person::new(format!("person {number}"), 2 + chance.below(2), chance))
        .collect();
    for person in &people {
        town.settle(person).await?;
    }
    let (victim, others) = people.split_first().context("nobody is there")?;
    let done = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&done);
    let lie = move |secrets| -> Box<dyn Lie> {
        Box::new(Cheater {
            cheat,
            secrets,
            done: count,
            tick: None,
            heads: BTreeMap::new(),
            cosigned: BTreeMap::new(),
            held: None,
        })
    };
    town.lie_to(victim, lie).await?;
    let evidence = town.evidence(victim);
    let end = Instant::now() + TRADING;
    while Instant::now() < end {
        tokio::time::sleep(LOOKED_AT).await;
        if is_known(cheat, victim, &evidence) {
            // What else is said of it is said by then.
            tokio::time::sleep(AFTERWARDS).await;
            break;
        }
    }
    // What is held back still is a delay only once it comes.
    let begun = done.load(Ordering::Relaxed) > 0;
    if cheat == Cheat::Delay && begun && !is_known(cheat, victim, &evidence) {
        tokio::time::sleep(HELD_BACK + AFTERWARDS).await;
    }
    town.check()?;
    town.close().await?;
    for person in others {
        let alarms = &person.told.lock().alarms;
        ensure!(alarms.is_empty(), "{} was not cheated and says {alarms:?}", person.name);
    }
    let alarms = victim.told.lock().alarms.clone();
    if done.load(Ordering::Relaxed) == 0 {
        ensure!(alarms.is_empty(), "nothing was done, and it is said: {alarms:?}");
        return Ok(Went::NoOccasion);
    }
    judge(cheat, victim, &alarms, &evidence)?;
    Ok(Went::Caught)
}

/// Whether the victim has said and kept what the cheat comes to. Whether that holds is judged at the end.
fn is_known(cheat: Cheat, victim: &Person, evidence: &Path) -> bool {
    let noticed = || !victim.told.lock().alarms.is_empty();
    match cheat.expected() {
        Expected::Evidence(kind) => {
            let mut files = fs::read_dir(evidence).into_iter().flatten().flatten();
            let of_kind = files.any(|file| file.file_name().to_string_lossy().starts_with(kind));
            of_kind && noticed()
        }
        Expected::Notice => noticed(),
        // That nothing is said is known at the end only.
        Expected::Harmless => false,
    }
}

/// Whether alarms and evidence are what the cheat comes to, and accuse nobody else.
fn judge(cheat: Cheat, victim: &Person, alarms: &[String], evidence: &Path) -> Result<()> {
    let mut kinds = Vec::new();
    let files = fs::read_dir(evidence).into_iter().flatten();
    for file in files {
        let text = fs::read_to_string(file?.path())?;
        // Notes are no evidence.
        let Ok(proof) = Evidence::parse(&text) else { continue };
        proof.verify().with_context(|| format!("{} does not convince", proof.kind()))?;
        let fits = cheat.may_accuse(proof.against());
        ensure!(fits, "{} accuses whom it should not", proof.kind());
        kinds.push(proof.kind());
    }
    match cheat.expected() {
        Expected::Evidence(kind) => {
            ensure!(!alarms.is_empty(), "it was not noticed");
            ensure!(kinds.contains(&kind), "there is no {kind}: {kinds:?}, {alarms:?}");
        }
        Expected::Notice => ensure!(!alarms.is_empty(), "it was not noticed"),
        Expected::Harmless => {
            ensure!(alarms.is_empty(), "an alarm was raised: {alarms:?}");
            let told = victim.told.lock();
            let lost = told.bids.iter().find(|bid| !told.receipts.contains_key(*bid));
            ensure!(lost.is_none(), "no receipt for an own bid: {lost:?}");
        }
    }
    Ok(())
}

/// How the seeds of one cheat went.
#[derive(Debug, Default)]
pub struct Count {
    /// Seeds in which it was done and came to what is expected.
    pub caught: u64,
    /// Seeds without an occasion.
    pub no_occasion: u64,
    /// Seeds in which it did not come to that, and what happened.
    pub failed: Vec<(u64, String)>,
}

/// Plays seeds of one cheat on so many threads.
///
/// # Errors
/// If a thread panics.
pub fn seeds(cheat: Cheat, seeds: std::ops::Range<u64>, threads: usize) -> Result<Count> {
    let (next, count) = (AtomicU64::new(seeds.start), Mutex::new(Count::default()));
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= seeds.end {
            break;
        }
        let went = seed(number, cheat);
        let mut count = count.lock();
        match went {
            Ok(Went::Caught) => count.caught += 1,
            Ok(Went::NoOccasion) => count.no_occasion += 1,
            Err(error) => count.failed.push((number, format!("{error:#}"))),
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a thread panicked")))
    })?;
    Ok(count.into_inner())
}
