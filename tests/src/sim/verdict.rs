//! Whether every promise was kept, judged from what is left: the broker's store, and what each
//! person was told.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use pregao::event::{Phase, RoomView};
use pregao_broker::store::sqlite::SqliteLog;
use pregao_broker::store::{Log, StoredEntry};
use pregao_protocol::log::{RoomName, lines};
use pregao_protocol::room::auction::{Outcome, Phase as Stage};
use pregao_protocol::room::body::Side;
use pregao_protocol::room::{Auction, RevealRoom, Room};
use pregao_protocol::verify;

use super::person::{Person, Told};

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
    for logged in rooms.values() {
        tally.entries += logged.entries.len() as u64;
        if let Some(auction) = Auction::of(&logged.room) {
            tally.auctions += 1;
            tally.forfeited += auction.bids().iter().filter(|bid| bid.forfeited).count() as u64;
            ensure!(logged.room.is_complete(), "an auction is not over: {:?}", auction.phase());
        }
        if let Some(reveal) = RevealRoom::of(&logged.room) {
            both_or_neither(reveal)?;
            tally.disclosed += u64::from(reveal.complete());
            tally.undisclosed += u64::from(!reveal.complete());
            ensure!(logged.room.is_complete(), "a reveal room is not over");
        }
    }
    for person in people {
        let told = person.told.lock();
        judge_told(&told, &rooms).with_context(|| format!("what {} was told", person.name))?;
        tally.receipts += told.receipts.len() as u64;
        tally.refusals += told.refusals.values().sum::<u64>();
    }
    Ok(tally)
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

fn both_or_neither(reveal: &RevealRoom) -> Result<()> {
    let disclosed = [Side::Seller, Side::Winner].map(|side| reveal.disclosed(side).is_some());
    let [seller, winner] = disclosed;
    ensure!(seller == winner, "one side disclosed and the other did not: {disclosed:?}");
    Ok(())
}

fn judge_told(told: &Told, rooms: &BTreeMap<String, Logged>) -> Result<()> {
    ensure!(told.alarms.is_empty(), "an alarm was raised: {:?}", told.alarms);
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
    for (room, verdict) in &told.revealed {
        ensure!(verdict.starts_with("verified"), "{room}: {verdict}");
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
    let bids = Some(auction.bids().len() as u64);
    let said = (view.phase, view.highest, view.bids, view.end, view.verified_size);
    let logged = (phase, highest, bids, auction.end(), size);
    ensure!(said == logged, "shown {said:?}, logged {logged:?}: {}", view.room);
    Ok(())
}
