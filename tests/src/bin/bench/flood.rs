//! Bids of people while others flood the broker, each as fast as it can, on the same cores with the same priority.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{available_parallelism, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pregao::net::broker::BrokerAddress;
use pregao_protocol::log::RoomName;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::house::{House, Options};
use pregao_tests::peer::{Made, Peer, Person, Terms};

use crate::gauge::{Row, count, resident};

/// A person bids so often.
const EACH: Duration = Duration::from_secs(1);
/// Sessions of one attacker.
const SESSIONS: usize = 8;
/// What one of them has under way.
const PIPELINED: usize = 32;
/// How long a flood lasts before it is measured: what it is asked for has risen by then.
const BEFORE: Duration = Duration::from_secs(2);

/// What an attacker sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flood {
    Nothing,
    /// Actions whose signature does not hold, each with the puzzle solved that is asked for.
    Signatures,
    /// The same, and no puzzle is ever solved.
    Unsolved,
    /// Handshakes with a ticket that is none.
    Handshakes,
    /// Signed and stamped bids that are too low.
    Refused,
}

impl Flood {
    const ALL: [Self; 5] =
        [Self::Nothing, Self::Signatures, Self::Unsolved, Self::Handshakes, Self::Refused];

    const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no flood",
            Self::Signatures => "invalid signatures",
            Self::Unsolved => "unsolved puzzles",
            Self::Handshakes => "handshakes",
            Self::Refused => "refused bids",
        }
    }
}

/// What people met: times in milliseconds.
#[derive(Default)]
struct Met {
    answered: Vec<f64>,
    solved: Vec<f64>,
    lost: usize,
}

pub(crate) async fn measure(bidders: usize, seconds: u64) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut calm = f64::NAN;
    for flood in Flood::ALL {
        let (more, p99) = under(flood, bidders, seconds).await?;
        rows.extend(more);
        if flood == Flood::Nothing {
            calm = p99;
        } else {
            let what = format!("flood, p99 of bids with / without, {}", flood.name());
            rows.push(Row::new(what, p99 / calm, "times"));
        }
    }
    Ok(rows)
}

async fn under(flood: Flood, bidders: usize, seconds: u64) -> Result<(Vec<Row>, f64)> {
    let house = House::open(&Options { log: Some("error".to_owned()), ..Options::default() })?;
    let attackers = available_parallelism().map_or(2, std::num::NonZero::get);
    let tsa = house.tsa.address.clone();
    let people = tokio::task::spawn_blocking(move || {
        (0..=bidders + attackers).map(|_| Person::enrol(&tsa)).collect::<Result<Vec<_>>>()
    });
    let mut people = people.await??.into_iter();
    let mut person = || people.next().context("too few people");
    let mut seller = Peer::connect(&person()?, &house.broker.address).await?;
    let end = seller.in_seconds(3_000).await?;
    let mut bidding = Vec::new();
    for _ in 0..bidders {
        // Slowly enough for people.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let terms = Terms { start: 100, increment: 1, ..Terms::until(end) };
        let room = seller.list(&terms).await?.action.room();
        let mut peer = Peer::connect(&person()?, &house.broker.address).await?;
        peer.join(room).await?;
        bidding.push((peer, room));
    }
    let room = bidding.first().context("no bidder")?.1;
    let (before, disk) = (resident(house.broker.program())?, size_of(house.broker.data())?);
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut attacking = Vec::new();
    for _ in (0..attackers).filter(|_| flood != Flood::Nothing) {
        let attacker = Attacker {
            flood,
            person: person()?,
            broker: house.broker.address.clone(),
            room,
            stop: Arc::clone(&stop),
            sent: Arc::clone(&sent),
        };
        attacking.push(spawn(move || attacker.run()));
    }
    tokio::time::sleep(BEFORE.min(Duration::from_secs(seconds))).await;
    let checked = house.broker.metric("checked")?;
    let (sent_before, since) = (sent.load(Ordering::Relaxed), Instant::now());
    let until = since + Duration::from_secs(seconds);
    let bidders = bidding.into_iter().map(|(peer, room)| tokio::spawn(bid(peer, room, until)));
    let mut met = Met::default();
    for bidder in bidders.collect::<Vec<_>>() {
        let own = bidder.await??;
        met.answered.extend(own.answered);
        met.solved.extend(own.solved);
        met.lost += own.lost;
    }
    let passed = since.elapsed().as_secs_f64();
    let sent = count(sent.load(Ordering::Relaxed).saturating_sub(sent_before));
    let checked = count(usize::try_from(house.broker.metric("checked")?.saturating_sub(checked))?);
    stop.store(true, Ordering::Relaxed);
    for attacker in attacking {
        attacker.join().map_err(|_| anyhow::anyhow!("an attacker broke off"))??;
    }
    let grown = resident(house.broker.program())? - before;
    let stored = size_of(house.broker.data())? - disk;
    let of = flood.name();
    let p99 = part(&mut met.answered, 99);
    let row = |what: &str, value, unit| Row::new(format!("flood, {what}, {of}"), value, unit);
    let rows = vec![
        row("bids of people answered", count(met.answered.len()), "bids"),
        row("bids of people lost", count(met.lost), "bids"),
        row("solved bid to receipt, p50", part(&mut met.answered, 50), "ms"),
        row("solved bid to receipt, p99", p99, "ms"),
        row("solving, p50", part(&mut met.solved, 50), "ms"),
        row("solving, p99", part(&mut met.solved, 99), "ms"),
        row("sent by attackers", sent / passed, "a second"),
        row("checked by the broker", checked / passed, "a second"),
        row("sent / checked", sent / checked.max(1.0), "times"),
        row("memory of the broker grown", grown / 1024.0, "MiB"),
        row("disk of the broker grown", stored / 1024.0, "KiB"),
    ];
    Ok((rows, p99))
}

/// One person, who bids once in a while on what nobody else bids on, and reads what comes in between.
async fn bid(mut peer: Peer, room: RoomName, until: Instant) -> Result<Met> {
    let mut met = Met::default();
    let mut amount = 100;
    while Instant::now() < until {
        let made = peer.make_bid(room, amount)?;
        let (mut solving, mut taken) = (Duration::ZERO, false);
        for _ in 0..20 {
            let since = Instant::now();
            let solution = peer.solve(made.action.compact()).await?;
            solving += since.elapsed();
            let stamp = peer.stamp(&made).await?;
            let (action, blind) = (made.action.compact().to_owned(), made.blind.clone());
            let since = Instant::now();
            let n = peer.ask(|n| FromPeer::Submit { n, action, stamp, blind, solution }).await?;
            if let FromBroker::Receipt { .. } = peer.answer(n).await? {
                met.answered.push(since.elapsed().as_secs_f64() * 1e3);
                met.solved.push(solving.as_secs_f64() * 1e3);
                taken = true;
                break;
            }
        }
        if taken {
            peer.grown(room, amount - 98).await?;
            amount += 1;
        } else {
            met.lost += 1;
        }
        let reading = async {
            loop {
                peer.pump().await?;
            }
        };
        let read: Result<Result<()>, _> = tokio::time::timeout(EACH, reading).await;
        if let Ok(ended) = read {
            ended?;
        }
    }
    Ok(met)
}

/// Somebody enrolled, on a core of their own: puzzles are solved one after the other. On more threads they would be solved no
/// faster, and what is measured would be how a machine shares two cores among many.
struct Attacker {
    flood: Flood,
    person: Arc<Person>,
    broker: BrokerAddress,
    room: RoomName,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
}

impl Attacker {
    fn run(self) -> Result<()> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(1).build()?;
        let own = Arc::new(self);
        runtime.block_on(async {
            let sessions = (0..SESSIONS).map(|_| {
                let own = Arc::clone(&own);
                tokio::spawn(async move {
                    while !own.stop.load(Ordering::Relaxed) {
                        // Thrown out, it comes again.
                        let _ = own.session().await;
                        tokio::task::yield_now().await;
                    }
                })
            });
            for session in sessions.collect::<Vec<_>>() {
                session.await?;
            }
            Ok(())
        })
    }

    fn count(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    async fn session(&self) -> Result<()> {
        if self.flood == Flood::Handshakes {
            self.count();
            Peer::with_ticket(&self.person, &self.broker, "no.ticket").await.map(drop)?;
            return Ok(());
        }
        let mut peer = Peer::connect(&self.person, &self.broker).await?;
        peer.join(self.room).await?;
        while !self.stop.load(Ordering::Relaxed) {
            let mut asked = Vec::new();
            for _ in 0..PIPELINED {
                asked.push(self.attack(&mut peer).await?);
            }
            for n in asked {
                peer.answer(n).await?;
            }
        }
        Ok(())
    }

    async fn attack(&self, peer: &mut Peer) -> Result<u64> {
        let amount = if self.flood == Flood::Refused { 1 } else { 1_000_000 };
        let made: Made = peer.make_bid(self.room, amount)?;
        let mut action = made.action.compact().to_owned();
        if self.flood != Flood::Refused {
            // The last letter has but two bits of the signature; the one before it is always another one now.
            let (last, before) = (action.pop(), action.pop());
            action.push(if before == Some('A') { 'B' } else { 'A' });
            action.extend(last);
        }
        let solution = match self.flood {
            Flood::Unsolved => None,
            _ => peer.solve(&action).await?,
        };
        let stamp = peer.stamp(&made).await?;
        let blind = made.blind.clone();
        let n = peer.ask(|n| FromPeer::Submit { n, action, stamp, blind, solution }).await?;
        self.count();
        Ok(n)
    }
}

/// The value below which so many of a hundred are.
fn part(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len().saturating_sub(1) * percent).div_ceil(100);
    values.get(place).copied().unwrap_or(f64::NAN)
}

/// Bytes of all files in a folder.
fn size_of(folder: &Path) -> Result<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let length = entry.metadata()?.len();
        bytes += count(usize::try_from(length)?);
    }
    Ok(bytes)
}
