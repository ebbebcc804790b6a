//! Bids checked, and bids durably accepted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::SealedTerms;
use pregao_protocol::wire::frame::FromPeer;
use pregao_tests::house::House;
use pregao_tests::peer::{Made, Peer, Person, SubmitAnswer, Terms};

use crate::gauge::{Gauge, Row, count};
use crate::primitives::Primitives;
use crate::unlimited;

/// Bids of one bidder under way.
const PIPELINED: usize = 16;
/// How often each of two is measured that are compared.
const TURNS: usize = 3;
/// Bids prepared for each bidder and second: more than any machine takes.
const PREPARED: usize = 320;

pub(crate) async fn measure(bidders: usize, seconds: u64, sums: &Primitives) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for rooms in [bidders, 1] {
        rows.extend(in_rooms(rooms, bidders, seconds, sums).await?);
    }
    Ok(rows)
}

/// What witnessing costs: the broker's CPU for each bid without and with the TSA's witness, the two in turn so that
/// what else the machine does concerns both; and how long a bid takes from its receipt until it is final.
pub(crate) async fn witnessing(
    bidders: usize,
    seconds: u64,
    sums: &Primitives,
) -> Result<Vec<Row>> {
    let mut cost = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (flags, cost) in ["--witness none", "--witness any"].iter().zip(&mut cost) {
            let house = House::open(&unlimited().tsa(flags))?;
            let rows = at(house, (bidders, bidders), seconds, sums, None).await?;
            let row = rows.iter().find(|row| row.what.contains("CPU per accepted"));
            cost.push(row.context("no such row")?.value);
        }
    }
    let [without, with] = cost.map(|mut cost| {
        cost.sort_by(f64::total_cmp);
        cost.get(TURNS / 2).copied().unwrap_or(f64::NAN)
    });
    let mut waited = until_final(seconds).await?;
    waited.sort();
    let at = |part: usize| {
        let place = waited.len().saturating_sub(1) * part / 100;
        waited.get(place).map_or(f64::NAN, Duration::as_secs_f64) * 1e3
    };
    Ok(vec![
        Row::new("bids, broker CPU without a witness", without, "us/bid"),
        Row::new("bids, broker CPU with a witness", with, "us/bid"),
        Row::new("bids, broker CPU with / without a witness", with / without, "times"),
        Row::new("from receipt to final, p50", at(50), "ms"),
        Row::new("from receipt to final, p99", at(99), "ms"),
    ])
}

/// One bid at a time in one room, each after the one before is final.
async fn until_final(seconds: u64) -> Result<Vec<Duration>> {
    let house = House::open(&unlimited())?;
    let tsa = house.tsa.address.clone();
    let people = tokio::task::spawn_blocking(move || {
        (0..2).map(|_| Person::enrol(&tsa)).collect::<Result<Vec<_>>>()
    });
    let mut people = people.await??.into_iter();
    let mut seller = connect(&house, people.next()).await?;
    let end = seller.in_seconds(3_000).await?;
    let terms = Terms { start: 1, increment: 1, ..Terms::until(end) };
    let room = seller.list(&terms).await?.action.room();
    let mut bidder = connect(&house, people.next()).await?;
    bidder.join(room).await?;
    bidder.grown(room, 1).await?;
    let mut waited = Vec::new();
    let until = Instant::now() + Duration::from_secs(seconds);
    while waited.is_empty() || Instant::now() < until {
        let amount = u64::try_from(waited.len())? + 1;
        let size = bidder.bid(room, amount).await?.1.logged()? + 1;
        let since = Instant::now();
        let is_final = |peer: &mut Peer| {
            let reached = peer.rooms.get(&room).map_or(0, |watched| watched.final_size);
            (reached >= size).then_some(())
        };
        bidder.until(is_final).await?;
        waited.push(since.elapsed());
    }
    Ok(waited)
}

/// How the bids of one bidder ended.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
}

async fn in_rooms(
    rooms: usize,
    bidders: usize,
    seconds: u64,
    sums: &Primitives,
) -> Result<Vec<Row>> {
    at(House::open(&unlimited())?, (rooms, bidders), seconds, sums, None).await
}

/// Bids in so many rooms by so many bidders, whose bids are sealed if these terms are there.
pub(crate) async fn at(
    house: House,
    (rooms, bidders): (usize, usize),
    seconds: u64,
    sums: &Primitives,
    sealed: Option<SealedTerms>,
) -> Result<Vec<Row>> {
    let tsa = house.tsa.address.clone();
    let people = tokio::task::spawn_blocking(move || {
        (0..=bidders).map(|_| Person::enrol(&tsa)).collect::<Result<Vec<_>>>()
    });
    let mut people = people.await??.into_iter();
    let mut seller = connect(&house, people.next()).await?;
    let end = seller.in_seconds(3_000).await?;
    let mut names = Vec::new();
    for _ in 0..rooms {
        let terms = Terms {
            start: 1,
            increment: 1,
            freshness: 60,
            sealed: sealed.clone(),
            ..Terms::until(end)
        };
        names.push(seller.list(&terms).await?.action.room());
    }
    // Signing is the bidders' work, not the broker's: it is done before the clock starts. F is a
    // minute, so that what was seen then is still fresh at the end.
    let mut preparing = Vec::new();
    for (number, name) in names.iter().cycle().take(bidders).enumerate() {
        let mut peer = connect(&house, people.next()).await?;
        peer.join(*name).await?;
        if sealed.is_some() {
            peer.auction_is(*name, |auction| auction.recipients().is_some()).await?;
        }
        peer.send(&FromPeer::Leave { room: *name }).await?;
        let (name, many) = (*name, PREPARED * usize::try_from(seconds)?);
        preparing.push(tokio::task::spawn_blocking(move || {
            prepare(peer, name, (number, bidders), many)
        }));
    }
    let mut ready = Vec::new();
    for prepared in preparing {
        ready.push(prepared.await??);
    }
    let commits = house.broker.metric("commits")?;
    let gauge = Gauge::start(&[house.broker.program(), house.tsa.program()])?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let bidding: Vec<_> =
        ready.into_iter().map(|(peer, bids)| tokio::spawn(bid(peer, bids, until))).collect();
    let (mut accepted, mut refused) = (0, 0);
    for bidder in bidding {
        let tally = bidder.await??;
        accepted += tally.accepted;
        refused += tally.refused;
    }
    let (passed, used) = gauge.stop()?;
    let commits = house.broker.metric("commits")? - commits;
    let (broker, tsa) = (used.first().copied(), used.get(1).copied());
    let (broker, tsa) = (broker.unwrap_or(f64::NAN), tsa.unwrap_or(f64::NAN));
    let (taken, checked) = (count(accepted), count(accepted + refused));
    let of = format!("{bidders} bidders, {rooms} room(s)");
    Ok(vec![
        Row::new(format!("bids checked, {of}"), checked / passed, "bids/s"),
        Row::new(format!("bids durably accepted, {of}"), taken / passed, "bids/s"),
        Row::new(format!("bids, broker CPU per checked, {of}"), broker / checked, "us/bid"),
        Row::new(format!("bids, broker CPU per accepted, {of}"), broker / taken, "us/bid"),
        Row::new(format!("bids, TSA CPU, {of}"), tsa / checked, "us/bid"),
        Row::new(
            format!("bids, entries in one turn, {of}"),
            taken / count(usize::try_from(commits)?),
            "entries",
        ),
        Row::new(
            format!("bids, broker CPU / sum of primitives, {of}"),
            broker / checked / sums.bid(),
            "times",
        ),
    ])
}

pub(crate) async fn connect(house: &House, person: Option<Arc<Person>>) -> Result<Peer> {
    let person = person.ok_or_else(|| anyhow::anyhow!("too few people"))?;
    Peer::connect(&person, &house.broker.address).await
}

/// Signs rising bids. In a shared room bidders raise each other.
fn prepare(
    peer: Peer,
    room: RoomName,
    (number, bidders): (usize, usize),
    many: usize,
) -> Result<(Peer, Vec<Made>)> {
    let mut bids = Vec::with_capacity(many);
    for round in 0..many {
        let amount = u64::try_from((round / PIPELINED * bidders + number) * PIPELINED)?
            + u64::try_from(round % PIPELINED)?
            + 1;
        bids.push(peer.make_bid(room, amount)?);
    }
    Ok((peer, bids))
}

async fn bid(mut peer: Peer, bids: Vec<Made>, until: Instant) -> Result<Tally> {
    let mut tally = Tally::default();
    for group in bids.chunks(PIPELINED) {
        if Instant::now() >= until {
            break;
        }
        let stamps = peer.stamps(group.iter().map(Made::digest).collect()).await?;
        let mut asked = Vec::new();
        for (made, stamp) in group.iter().zip(stamps) {
            let (action, blind) = (made.action.compact().to_owned(), made.blind.clone());
            asked.push(
                peer.ask(|n| FromPeer::Submit { n, action, stamp, blind, solution: None }).await?,
            );
        }
        for n in asked {
            let answer = peer.answer(n).await?;
            match answer {
                pregao_protocol::wire::frame::FromBroker::Receipt { .. } => tally.accepted += 1,
                other => match peer.read_answer(other)? {
                    SubmitAnswer::Refused(..) => tally.refused += 1,
                    other => anyhow::bail!("not decided: {}", other.code()),
                },
            }
        }
    }
    Ok(tally)
}
