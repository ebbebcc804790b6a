//! Bids checked, and bids durably accepted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use pregao_protocol::frame::FromPeer;
use pregao_protocol::log::RoomName;
use pregao_tests::house::House;
use pregao_tests::peer::{Answer, Made, Peer, Person, Terms};

use crate::gauge::{Gauge, Row, count};
use crate::primitives::Primitives;
use crate::unlimited;

/// Bids of one bidder under way.
const PIPELINED: usize = 16;
/// Bids prepared for each bidder and second: more than any machine takes.
const PREPARED: usize = 320;

pub(crate) async fn measure(bidders: usize, seconds: u64, sums: &Primitives) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for rooms in [bidders, 1] {
        rows.extend(in_rooms(rooms, bidders, seconds, sums).await?);
    }
    Ok(rows)
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
    let house = House::open(&unlimited())?;
    let tsa = house.tsa.address.clone();
    let people = tokio::task::spawn_blocking(move || {
        (0..=bidders).map(|_| Person::enrol(&tsa)).collect::<Result<Vec<_>>>()
    });
    let mut people = people.await??.into_iter();
    let mut seller = connect(&house, people.next()).await?;
    let end = seller.in_seconds(3_000).await?;
    let mut names = Vec::new();
    for _ in 0..rooms {
        let terms = Terms { start: 1, increment: 1, freshness: 60, ..Terms::until(end) };
        names.push(seller.list(&terms).await?.action.room());
    }
    // Signing is the bidders' work, not the broker's: it is done before the clock starts. F is a
    // minute, so that what was seen then is still fresh at the end.
    let mut preparing = Vec::new();
    for (number, name) in names.iter().cycle().take(bidders).enumerate() {
        let mut peer = connect(&house, people.next()).await?;
        peer.join(*name).await?;
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

async fn connect(house: &House, person: Option<Arc<Person>>) -> Result<Peer> {
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
            asked.push(peer.ask(|n| FromPeer::Submit { n, action, stamp, blind }).await?);
        }
        for n in asked {
            let answer = peer.answer(n).await?;
            match answer {
                pregao_protocol::frame::FromBroker::Receipt { .. } => tally.accepted += 1,
                other => match peer.read_answer(other)? {
                    Answer::Refused(..) => tally.refused += 1,
                    other => anyhow::bail!("not decided: {}", other.code()),
                },
            }
        }
    }
    Ok(tally)
}
