//! One room and many watchers; and connections that do nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pregao::net::broker::{self, BrokerAddress, BrokerLink, Identity};
use pregao_protocol::log::RoomName;
use pregao_protocol::value::label::MAX_STAMPS;
use pregao_protocol::wire::frame::FromPeer;
use pregao_protocol::wire::session::Ranking;
use pregao_tests::house::House;
use pregao_tests::peer::{Made, Peer, Person, Terms};
use tokio::sync::mpsc;

use crate::gauge::{Gauge, Row, count, resident};
use crate::unlimited;

/// Entries under way when the room is saturated.
const IN_FLIGHT: usize = 64;
/// Deliveries a second at the moderate rate.
const MODERATE: usize = 25_000;
/// Length of what is said, so that an entry is about as long as one with a bid.
const SAID: usize = 300;

/// A watcher that opens every record and reads the position of the last entry in it; it verifies
/// nothing, so that the broker is the bottleneck and not this program.
async fn watch(
    mut link: BrokerLink,
    room: RoomName,
    joined: mpsc::UnboundedSender<()>,
    seen: Arc<Board>,
) -> Result<()> {
    link.sender.send(&FromPeer::Join { room, from: 0, member: None }).await?;
    let mut known = 0;
    loop {
        let frame = link.receiver.next_bytes().await?;
        let Ok(text) = std::str::from_utf8(&frame) else { continue };
        if !text.starts_with(r#"{"entries""#) {
            continue;
        }
        let Some(at) = text.rfind(r#"{"seq":"#) else { continue };
        let digits = text.get(at + 7..).and_then(|rest| rest.split(',').next());
        let last: usize = digits.context("no position")?.parse()?;
        if known == 0 {
            joined.send(())?;
        }
        seen.take(known, last + 1);
        known = last + 1;
    }
}

/// Where the watchers put what they received.
struct Board {
    delivered: AtomicUsize,
    /// When the action of each position was handed in, in microseconds since `start`.
    handed_in: Vec<AtomicU64>,
    delays: mpsc::UnboundedSender<u64>,
    start: Instant,
}

impl Board {
    fn take(&self, from: usize, to: usize) {
        self.delivered.fetch_add(to.saturating_sub(from), Ordering::Relaxed);
        let now = self.now();
        for at in self.handed_in.get(from..to).unwrap_or_default() {
            let since = at.load(Ordering::Relaxed);
            if since > 0 {
                let _ = self.delays.send(now.saturating_sub(since));
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Connects many sessions of one persona, some at a time.
async fn crowd(
    person: &Arc<Person>,
    broker: &BrokerAddress,
    many: usize,
) -> Result<Vec<BrokerLink>> {
    let (own, pin) = (Arc::clone(person), broker.fingerprint);
    let ticket = tokio::task::spawn_blocking(move || own.ticket(pin)).await??;
    let connect = || {
        let (person, broker, ticket) = (Arc::clone(person), broker.clone(), ticket.clone());
        tokio::spawn(async move {
            let identity = Identity {
                persona: &person.key,
                certificate: &person.certificate,
                ticket: &ticket,
            };
            broker::connect(&broker, identity, &Ranking::default(), pregao_tests::reach()).await
        })
    };
    let mut links = Vec::new();
    let mut connecting = FuturesUnordered::new();
    for _ in 0..many {
        connecting.push(connect());
        if connecting.len() >= 32 {
            links.push(connecting.next().await.context("nobody connects")???);
        }
    }
    while let Some(link) = connecting.next().await {
        links.push(link??);
    }
    Ok(links)
}

struct Stage {
    house: House,
    speaker: Peer,
    room: RoomName,
    board: Arc<Board>,
    delays: mpsc::UnboundedReceiver<u64>,
    watching: tokio::task::JoinSet<Result<()>>,
}

async fn stage(watchers: usize) -> Result<Stage> {
    let house = House::open(&unlimited())?;
    let tsa = house.tsa.address.clone();
    let person = tokio::task::spawn_blocking(move || Person::enrol(&tsa)).await??;
    let mut speaker = Peer::connect(&person, &house.broker.address).await?;
    let end = speaker.in_seconds(3_000).await?;
    let terms = Terms { freshness: 60, ..Terms::until(end) };
    let room = speaker.list(&terms).await?.action.room();
    // The speaker signs on what it saw then; it needs no deliveries of its own.
    speaker.send(&FromPeer::Leave { room }).await?;
    let (delay, delays) = mpsc::unbounded_channel();
    let board = Arc::new(Board {
        delivered: AtomicUsize::new(0),
        handed_in: (0..1 << 18).map(|_| AtomicU64::new(0)).collect(),
        delays: delay,
        start: Instant::now(),
    });
    let (joined, mut joining) = mpsc::unbounded_channel();
    let mut watching = tokio::task::JoinSet::new();
    for link in crowd(&person, &house.broker.address, watchers).await? {
        watching.spawn(watch(link, room, joined.clone(), Arc::clone(&board)));
    }
    for _ in 0..watchers {
        joining.recv().await.context("a watcher left")?;
    }
    Ok(Stage { house, speaker, room, board, delays, watching })
}

impl Stage {
    fn prepare(&self, many: usize) -> Result<Vec<Made>> {
        (0..many).map(|_| self.speaker.make_say(self.room, &"x".repeat(SAID))).collect()
    }

    /// Stamps and hands in a group at once; gives the numbers to wait for.
    async fn hand_in(&mut self, group: &[Made]) -> Result<Vec<u64>> {
        let mut stamps = Vec::new();
        for part in group.chunks(MAX_STAMPS) {
            stamps.extend(self.speaker.stamps(part.iter().map(Made::digest).collect()).await?);
        }
        let mut asked = Vec::new();
        for (made, stamp) in group.iter().zip(stamps) {
            let (action, blind) = (made.action.compact().to_owned(), made.blind.clone());
            asked.push(
                self.speaker
                    .ask(|n| FromPeer::Submit { n, action, stamp, blind, solution: None })
                    .await?,
            );
        }
        Ok(asked)
    }

    /// Waits until every watcher has everything up to a size.
    async fn delivered(&self, total: usize) -> Result<()> {
        let all = async {
            while self.board.delivered.load(Ordering::Relaxed) < total {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.context("deliveries are missing")
    }
}

/// Saturated, then at a moderate rate.
pub(crate) async fn measure(watchers: usize, seconds: u64) -> Result<Vec<Row>> {
    let mut stage = stage(watchers).await?;
    let prepared = stage.prepare(usize::try_from(seconds)? * 6_000)?;
    let gauge = Gauge::start(&[stage.house.broker.program()])?;
    let commits = stage.house.broker.metric("commits")?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut entries = 0;
    for group in prepared.chunks(IN_FLIGHT) {
        if Instant::now() >= until {
            break;
        }
        for n in stage.hand_in(group).await? {
            let answer = stage.speaker.answer(n).await?;
            stage.speaker.read_answer(answer)?.logged()?;
        }
        entries += group.len();
    }
    stage.delivered((entries + 1) * watchers).await?;
    let (passed, used) = gauge.stop()?;
    let commits = stage.house.broker.metric("commits")? - commits;
    let lagging = stage.house.broker.metric("lagging")?;
    let deliveries = count(entries * watchers);
    let cpu = used.iter().sum::<f64>();
    let of = format!("{watchers} watchers, {IN_FLIGHT} entries under way");
    let mut rows = vec![
        Row::new(format!("fan-out, {of}"), deliveries / passed, "deliveries/s"),
        Row::new(format!("fan-out, broker CPU, {of}"), cpu / deliveries, "us/delivery"),
        Row::new(
            format!("fan-out, entries in one turn, {of}"),
            count(entries) / count(usize::try_from(commits)?),
            "entries",
        ),
        Row::new(
            format!("fan-out, moved to catch-up, {of}"),
            count(usize::try_from(lagging)?),
            "times",
        ),
    ];
    rows.extend(moderate(&mut stage, watchers, seconds, entries + 1).await?);
    stage.watching.abort_all();
    Ok(rows)
}

/// One entry at a time, each at its own moment, whether the last has arrived or not.
async fn moderate(
    stage: &mut Stage,
    watchers: usize,
    seconds: u64,
    mut size: usize,
) -> Result<Vec<Row>> {
    let rate = (MODERATE / watchers).clamp(5, 100);
    let rounds = rate * usize::try_from(seconds)?;
    let prepared = stage.prepare(rounds)?;
    while stage.delays.try_recv().is_ok() {}
    let gauge = Gauge::start(&[stage.house.broker.program()])?;
    let mut beat = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate)?);
    let mut asked = Vec::new();
    for made in &prepared {
        beat.tick().await;
        let stamp = stage.speaker.stamp(made).await?;
        if let Some(place) = stage.board.handed_in.get(size) {
            place.store(stage.board.now(), Ordering::Relaxed);
        }
        let (action, blind) = (made.action.compact().to_owned(), made.blind.clone());
        let frame = |n| FromPeer::Submit { n, action, stamp, blind, solution: None };
        asked.push(stage.speaker.ask(frame).await?);
        size += 1;
    }
    for n in asked {
        let answer = stage.speaker.answer(n).await?;
        stage.speaker.read_answer(answer)?.logged()?;
    }
    stage.delivered(size * watchers).await?;
    let (_, used) = gauge.stop()?;
    let mut delays = Vec::new();
    while let Ok(delay) = stage.delays.try_recv() {
        delays.push(delay);
    }
    delays.sort_unstable();
    let share = |percent: usize| {
        let at = (delays.len() * percent / 100).min(delays.len().saturating_sub(1));
        delays.get(at).map_or(f64::NAN, |micros| Duration::from_micros(*micros).as_secs_f64() * 1e3)
    };
    let of = format!("{watchers} watchers, {} deliveries/s", rate * watchers);
    let cpu = used.iter().sum::<f64>() / count(rounds * watchers);
    Ok(vec![
        Row::new(format!("submit to watcher, p50, {of}"), share(50), "ms"),
        Row::new(format!("submit to watcher, p99, {of}"), share(99), "ms"),
        Row::new(format!("lone entries, broker CPU, {of}"), cpu, "us/delivery"),
    ])
}

/// Memory of connections that have a session and do nothing.
pub(crate) async fn idle(many: usize) -> Result<Vec<Row>> {
    let house = House::open(&unlimited())?;
    let tsa = house.tsa.address.clone();
    let person = tokio::task::spawn_blocking(move || Person::enrol(&tsa)).await??;
    // The first sessions pay for threads and caches.
    let mut warm = crowd(&person, &house.broker.address, 64).await?;
    settle(&house, &mut warm, 64).await?;
    let before = resident(house.broker.program())?;
    let mut links = crowd(&person, &house.broker.address, many).await?;
    settle(&house, &mut links, many + 64).await?;
    let after = resident(house.broker.program())?;
    let each = (after - before) / count(many);
    Ok(vec![Row::new(format!("memory of an idle connection, {many} of them"), each, "KiB")])
}

/// A session exists once the broker has a record of the peer's.
async fn settle(house: &House, links: &mut [BrokerLink], many: usize) -> Result<()> {
    for link in links {
        link.sender.send(&FromPeer::Leave { room: RoomName([0; 32]) }).await?;
    }
    while count(usize::try_from(house.broker.metric("sessions")?)?) < count(many) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
