//! Whether every promise was kept, judged from what is left: the broker's store, and what each
//! person was told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use pregao::event::{Phase, RoomView};
use pregao_broker::store::sqlite::SqliteLog;
use pregao_broker::store::{Log, StoredEntry};
use pregao_protocol::audit::verify;
use pregao_protocol::log::{Entry, RoomName, lines};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::{Outcome, Phase as Stage};
use pregao_protocol::room::body::{Absent, Side};
use pregao_protocol::room::reveal::End;
use pregao_protocol::room::{Auction, RevealRoom, Room};

use super::person::{Person, Told};

/// How codes begin for which people are refused where nothing goes wrong: they bid too little, too often, on their
/// own, as it closes, or by itself where nothing is to be answered; they deliver what was answered, or too late; they disclose twice or late; they withdraw where nobody may, or after
/// they forfeited. A wire that is slow for seconds now and then looks broken to either end, a taker who hears of an entry
/// later than a falling auction allows is told to look first, and a question to the TSA is lost now and then.
const CALM: [&str; 22] = [
    "auto.",
    "bid.",
    "delivered: bid.",
    "delivered: door.forfeited",
    "delivered: door.stale",
    "delivered: deliver.nothing",
    "delivered: deliver.stamp",
    "delivered: deliver.under-way",
    "delivered: deliver.witness",
    "delivered: seen.stale",
    "delivered: stamp.stale",
    "delivered: verb.phase",
    "disclose.",
    "door.forfeited",
    "link.down",
    "link.slow",
    "paddle.under-way",
    "reveal.",
    "take: seen.stale",
    "tsa.down",
    "verb.phase",
    "withdraw.",
];
/// And of what was on its way when all machines fell asleep for days, which is old when they wake.
const SLEPT: [&str; 2] = ["door.stale", "stamp.stale"];
/// Entries read at a time.
const PAGE: usize = 256;

/// A room of the store, replayed by the offline verifier.
#[derive(Debug)]
struct Logged {
    entries: Vec<StoredEntry>,
    room: Room,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Auctions held.
    pub auctions: u64,
    /// Entries logged, in all rooms.
    pub entries: u64,
    /// Receipts held by people.
    pub receipts: u64,
    /// Refusals told.
    pub refusals: u64,
    /// Pairs of disclosures.
    pub disclosed: u64,
    /// Reveal rooms that ended without.
    pub undisclosed: u64,
    /// Bids forfeited.
    pub forfeited: u64,
    /// Deliveries that were answered through a witness.
    pub delivered: u64,
    /// Deliveries that a witness took and that no broker could decide about.
    pub garbage: u64,
    /// Deliveries of what their authors have the answer to, and do not say so.
    pub hidden: u64,
    /// Auctions whose sealed bids were opened.
    pub opened: u64,
    /// Auctions whose sealed bids stayed sealed.
    pub unopened: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            auctions: self.auctions + other.auctions,
            entries: self.entries + other.entries,
            receipts: self.receipts + other.receipts,
            refusals: self.refusals + other.refusals,
            disclosed: self.disclosed + other.disclosed,
            undisclosed: self.undisclosed + other.undisclosed,
            forfeited: self.forfeited + other.forfeited,
            delivered: self.delivered + other.delivered,
            garbage: self.garbage + other.garbage,
            hidden: self.hidden + other.hidden,
            opened: self.opened + other.opened,
            unopened: self.unopened + other.unopened,
        }
    }
}

/// Judges a house that is at rest. `store` is the broker's log.
///
/// # Errors
/// The first promise that was not kept.
pub fn judge<'a>(
    store: &Path,
    people: impl IntoIterator<Item = &'a Person> + Clone,
) -> Result<Tally> {
    let rooms = replay(store)?;
    let mut tally = Tally::default();
    for (name, logged) in &rooms {
        tally.entries += logged.entries.len() as u64;
        if let Some(auction) = Auction::of(&logged.room) {
            tally.auctions += 1;
            tally.opened += u64::from(auction.is_opened());
            tally.unopened += u64::from(auction.has_unopened());
            ensure!(auction.voided().is_empty(), "void bids: {:?}", auction.voided());
            tally.forfeited += auction.bids().iter().filter(|bid| bid.forfeited).count() as u64;
            ensure!(logged.room.is_complete(), "an auction is not over: {:?}", auction.phase());
            follows(name, auction, &rooms)?;
        }
        if let Some(reveal) = RevealRoom::of(&logged.room) {
            both_or_neither(reveal)?;
            tally.disclosed += u64::from(reveal.complete());
            tally.undisclosed += u64::from(!reveal.complete());
            ensure!(logged.room.is_complete(), "a reveal room is not over");
        }
    }
    for person in people.clone() {
        let told = person.told.lock();
        judge_told(&told, &rooms).with_context(|| format!("what {} was told", person.name))?;
        tally.receipts += told.receipts.len() as u64;
        tally.refusals += told.refusals.values().sum::<u64>();
        tally.delivered += told.delivered;
    }
    each_other(people)?;
    Ok(tally)
}

/// Where nothing went wrong, nobody is told more than what the rules say to what people do. Once all machines
/// `slept` for days, what they did meanwhile may be late.
///
/// # Errors
/// The refusal that has no such reason.
pub fn nothing_odd<'a>(people: impl IntoIterator<Item = &'a Person>, slept: bool) -> Result<()> {
    for person in people {
        for code in person.told.lock().refusals.keys() {
            let known = |starts: &[&str]| starts.iter().any(|start| code.starts_with(start));
            let expected = known(&CALM) || (slept && known(&SLEPT));
            ensure!(
                expected,
                "{} was refused with {code}, and nothing had gone wrong",
                person.name
            );
        }
    }
    Ok(())
}

/// Whoever opened a disclosure opened that of the other side.
fn each_other<'a>(people: impl IntoIterator<Item = &'a Person> + Clone) -> Result<()> {
    for person in people.clone() {
        for (room, (name, verdict)) in &person.told.lock().revealed {
            ensure!(verdict.starts_with("verified"), "{room}: {verdict}");
            let of = people.clone().into_iter().find(|other| other.name == *name);
            let of = of.filter(|other| other.name != person.name);
            let of = of.with_context(|| format!("{} opened one of {name}", person.name))?;
            let invited = of.told.lock().invited.contains_key(room);
            ensure!(invited, "{} opened one of {name}, who was not invited", person.name);
        }
    }
    Ok(())
}

/// What an auction says of its end is what happened in the private room of its last winner.
fn follows(name: &str, auction: &Auction, rooms: &BTreeMap<String, Logged>) -> Result<()> {
    let of = |reveal: &&RevealRoom| reveal.opening().auction.to_string() == *name;
    let reveals: Vec<&RevealRoom> =
        rooms.values().filter_map(|logged| RevealRoom::of(&logged.room)).filter(of).collect();
    let pairs: Vec<_> = reveals.iter().filter(|reveal| reveal.complete()).collect();
    let sold = match auction.phase() {
        Stage::Ended(Outcome::Sold { winner, .. }) => auction.bid(winner).map(|bid| bid.key),
        _ => None,
    };
    let of_winner = pairs.iter().map(|reveal| Some(reveal.opening().winner));
    let pairs: Vec<_> = of_winner.collect();
    let expected = if sold.is_some() { vec![sold] } else { Vec::new() };
    ensure!(pairs == expected, "{name} ended {:?}, after {pairs:?}", auction.phase());
    let absent = |side: fn(&Absent) -> bool| {
        let ends = reveals.iter().filter_map(|reveal| reveal.end());
        ends.filter(|end| matches!(end, End::Absent(absent) if side(absent))).count()
    };
    let abandoned = auction.phase() == Stage::Ended(Outcome::Abandoned);
    ensure!(abandoned == (absent(|absent| absent.seller) > 0), "{name}: abandoned {abandoned}");
    let rounds = absent(|absent| absent.winner && !absent.seller);
    let forfeited = auction.bids().iter().filter(|bid| bid.forfeited).count();
    ensure!((forfeited > 0) == (rounds > 0), "{name}: {forfeited} forfeited in {rounds} rounds");
    Ok(())
}

/// Reads every room, and has the offline verifier check its log under its newest head.
fn replay(store: &Path) -> Result<BTreeMap<String, Logged>> {
    let log = SqliteLog::open(store)?;
    let mut rooms = BTreeMap::new();
    for stored in log.rooms()? {
        let mut entries: Vec<StoredEntry> = Vec::new();
        loop {
            let page = log.read(&stored.name, entries.len() as u64, PAGE)?;
            if page.is_empty() {
                break;
            }
            entries.extend(page);
        }
        let head = log.head(&stored.name)?;
        let lines = lines(entries.iter().map(StoredEntry::logged));
        let room = verify::log(lines, &head.note)
            .with_context(|| format!("the log of room {}", stored.name))?;
        rooms.insert(stored.name.to_string(), Logged { entries, room });
    }
    Ok(rooms)
}

/// The verbs of a log, in its order, as far as the broker has stored it; the offline verifier replays it, and those of all
/// other rooms. A broker that runs is not disturbed.
///
/// # Errors
/// Says what does not hold.
pub fn verbs(store: &Path, name: RoomName) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    for suffix in ["", "-wal"] {
        let named = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        let copied = folder.path().join("log.db");
        if named(store).exists() {
            std::fs::copy(named(store), named(&copied))?;
        }
    }
    let rooms = replay(&folder.path().join("log.db"))?;
    let logged = rooms.get(&name.to_string()).context("such a room")?;
    let verb = |stored: &StoredEntry| {
        Ok(Action::parse(&Entry::parse(&stored.text)?.action)?.body().verb().to_string())
    };
    logged.entries.iter().map(verb).collect()
}

fn both_or_neither(reveal: &RevealRoom) -> Result<()> {
    let disclosed = [Side::Seller, Side::Winner].map(|side| reveal.disclosed(side).is_some());
    let [seller, winner] = disclosed;
    ensure!(seller == winner, "one side disclosed and the other did not: {disclosed:?}");
    Ok(())
}

fn judge_told(told: &Told, rooms: &BTreeMap<String, Logged>) -> Result<()> {
    ensure!(told.alarms.is_empty(), "an alarm was raised: {:?}", told.alarms);
    ensure!(told.contradictions.is_empty(), "shown and shown otherwise: {:?}", told.contradictions);
    for room in &told.heard_of {
        ensure!(rooms.contains_key(room), "a room was shown and is not there: {room}");
    }
    for ((room, seq), bid) in &told.shown {
        let found = entry(rooms, room, *seq);
        ensure!(found.is_some(), "an entry was shown and is not logged: {room} {seq}");
        if let Some(bid) = bid {
            let auction = rooms.get(room).and_then(|logged| Auction::of(&logged.room));
            let logged = auction.and_then(|auction| auction.bid(*seq));
            let logged = logged.map(|logged| (logged.amount.minor(), logged.time));
            ensure!(logged == Some(*bid), "a bid was shown as {bid:?} and logged as {logged:?}");
        }
    }
    let held = told.held.as_ref().context("the receipts were not shown")?;
    for receipt in held {
        ensure!(receipt.holds, "a receipt does not hold: {receipt:?}");
        entry(rooms, &receipt.room, receipt.seq)
            .filter(|entry| entry.digest.to_string() == receipt.digest)
            .with_context(|| format!("a receipt is for what is not logged: {receipt:?}"))?;
    }
    let holds = |room: &str, seq: u64| held.iter().any(|it| it.room == room && it.seq == seq);
    for (room, seq) in told.receipts.keys() {
        ensure!(holds(room, *seq), "a receipt was shown and is held no more: {room} {seq}");
    }
    for (room, seq) in &told.bids {
        ensure!(holds(room, *seq), "an own bid was logged and there is no receipt: {room} {seq}");
    }
    for (name, logged) in rooms {
        if let Some(auction) = Auction::of(&logged.room) {
            let view = told.rooms.get(name).with_context(|| format!("never heard of {name}"))?;
            one_outcome(view, auction, logged.entries.len() as u64)?;
        }
    }
    for (room, auction) in &told.invited {
        let name: RoomName = room.parse().context("the name of a room")?;
        let Some(reveal) = rooms.get(&name.to_string()).and_then(|it| RevealRoom::of(&it.room))
        else {
            bail!("invited to a room that is not there: {room} of {auction}")
        };
        let opened = told.revealed.contains_key(room);
        ensure!(opened == reveal.complete(), "{room}: opened {opened}, {:?}", reveal.end());
    }
    Ok(())
}

fn entry<'a>(rooms: &'a BTreeMap<String, Logged>, room: &str, seq: u64) -> Option<&'a StoredEntry> {
    rooms.get(room)?.entries.get(usize::try_from(seq).ok()?)
}

/// A person and the offline verifier say the same of an auction.
fn one_outcome(view: &RoomView, auction: &Auction, size: u64) -> Result<()> {
    let phase = match auction.phase() {
        Stage::Open => Phase::Open,
        Stage::Closed => Phase::Closed,
        Stage::Settled { .. } => Phase::Settled,
        Stage::Ended(Outcome::Sold { .. }) => Phase::Revealed,
        Stage::Ended(_) => Phase::Ended,
    };
    let highest = auction.leading().map(|bid| bid.amount.minor());
    let bids = Some(auction.bid_count() as u64);
    let said = (view.phase, view.highest, view.bids, view.end, view.verified_size);
    let logged = (phase, highest, bids, auction.end(), size);
    ensure!(said == logged, "shown {said:?}, logged {logged:?}: {}", view.room);
    Ok(())
}
