//! Sealed bids: what one costs beside an open one, what opening them costs, and how long everybody waits for the winner.

use std::time::Instant;

use anyhow::{Context as _, Result};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::auction::sealed::envelope::{Recipients, Secrets, open_bid, seal_bid};
use pregao_protocol::room::auction::{Auction, Phase};
use pregao_protocol::room::body::{Amount, PriceRule, SealedTerms};
use pregao_protocol::trust::key::{Fingerprint, SecretKey};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_tests::house::House;
use pregao_tests::peer::{Peer, Person, Terms, fresh_id, random};

use crate::bids::{self, connect};
use crate::gauge::Row;
use crate::primitives::Primitives;
use crate::unlimited;

/// How often each of two is measured that are compared.
const TURNS: usize = 3;

/// What a bench of this size plays.
pub(crate) struct Size {
    pub(crate) bidders: usize,
    pub(crate) seconds: u64,
    /// Bids that are opened alone, in one thread.
    pub(crate) opened: usize,
    /// Bids in the auction that all watch.
    pub(crate) watched: usize,
}

/// What the winner of every auction here pays.
const TERMS: SealedTerms = SealedTerms { price: PriceRule::Second, needed: 1, locks: Vec::new() };

pub(crate) async fn measure(size: &Size, sums: &Primitives) -> Result<Vec<Row>> {
    let mut rows = beside_open(size, sums).await?;
    for (needed, count) in [(1, 1), (2, 3)] {
        rows.push(opening(needed, count, size.opened)?);
    }
    rows.extend(until_settled(size.bidders, size.watched).await?);
    Ok(rows)
}

/// The broker's CPU for each bid, open and sealed in turn, so that what else the machine does concerns both.
async fn beside_open(size: &Size, sums: &Primitives) -> Result<Vec<Row>> {
    let mut cost = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (sealed, cost) in [None, Some(TERMS)].into_iter().zip(&mut cost) {
            let house = House::open(&unlimited())?;
            let rows = bids::at(house, (size.bidders, size.bidders), size.seconds, sums, sealed);
            let rows = rows.await?;
            let row = rows.iter().find(|row| row.what.contains("CPU per accepted"));
            cost.push(row.context("no such row")?.value);
        }
    }
    let [open, sealed] = cost.map(|mut cost| {
        cost.sort_by(f64::total_cmp);
        cost.get(TURNS / 2).copied().unwrap_or(f64::NAN)
    });
    Ok(vec![
        Row::new("bids, broker CPU for an open one", open, "us/bid"),
        Row::new("bids, broker CPU for a sealed one", sealed, "us/bid"),
        Row::new("bids, broker CPU sealed / open", sealed / open, "times"),
    ])
}

/// Opens bids in one thread, as every fold does.
fn opening(needed: usize, count: usize, bids: usize) -> Result<Row> {
    let broker = SealKey::from_random(random());
    let locks: Vec<SealKey> = (0..count).map(|_| SealKey::from_random(random())).collect();
    let to = Recipients {
        broker: broker.public(),
        locks: locks.iter().map(SealKey::public).collect(),
        needed,
    };
    let room = RoomName(random());
    let persona = SecretKey::from_seed(&random());
    let amount = Amount::try_from(1_234)?;
    let mut sealed = Vec::new();
    for _ in 0..bids {
        let blind = Blind::from_random(random());
        let key = OneTimeKey::derive(&persona, Fingerprint([1; 32]), fresh_id(), &blind).public();
        let seal = SealKey::from_random(random()).public();
        sealed.push((key, seal_bid(&to, (room, &key), amount, seal, &[random(), random()])?));
    }
    let secrets = Secrets { broker, locks: locks.into_iter().enumerate().take(needed).collect() };
    let since = Instant::now();
    let open = sealed.iter().filter(|(key, bid)| open_bid(&secrets, &to, (room, key), bid).is_ok());
    anyhow::ensure!(open.count() == bids, "a bid does not open");
    let what = format!("opening {bids} sealed bids, {needed} of {count} TSAs, one thread");
    Ok(Row::new(what, since.elapsed().as_secs_f64(), "s"))
}

/// How long after the instant at which bids can be opened everybody who watches knows the winner.
async fn until_settled(watchers: usize, bids: usize) -> Result<Vec<Row>> {
    let house = House::open(&unlimited().simulated())?;
    let tsa = house.tsa.address.clone();
    let people = tokio::task::spawn_blocking(move || {
        (0..=watchers).map(|_| Person::enrol(&tsa)).collect::<Result<Vec<_>>>()
    });
    let mut people = people.await??.into_iter();
    let mut seller = connect(&house, people.next()).await?;
    let end = seller.in_seconds(3_000).await?;
    let terms =
        Terms { start: 1, increment: 1, freshness: 60, sealed: Some(TERMS), ..Terms::until(end) };
    let room = seller.list(&terms).await?.action.room();
    let mut peers = Vec::new();
    for person in people {
        let mut peer = connect(&house, Some(person)).await?;
        peer.join(room).await?;
        peer.auction_is(room, |auction| auction.recipients().is_some()).await?;
        peers.push(peer);
    }
    let share = bids.div_ceil(watchers.max(1));
    let bidding = peers.into_iter().map(|mut peer| {
        tokio::spawn(async move {
            for _ in 0..share {
                let amount = 1 + random().iter().copied().map(u64::from).sum::<u64>();
                peer.bid(room, amount).await?.1.logged()?;
            }
            anyhow::Ok(peer)
        })
    });
    let mut peers = Vec::new();
    for bidding in bidding.collect::<Vec<_>>() {
        peers.push(bidding.await??);
    }
    let all = share * peers.len();
    // Each screen opens every bid: more of them than cores would wait for each other here, and nowhere else.
    peers.truncate(2);
    house.tsa.set_time(end)?;
    let mut opens = end;
    for peer in &mut peers {
        peer.auction_is(room, |auction| auction.closing().is_some()).await?;
        let is_final = |peer: &mut Peer| {
            let watched = peer.rooms.get(&room)?;
            (watched.final_size >= watched.size()).then_some(())
        };
        peer.until(is_final).await?;
        opens = peer.watched(room)?.auction()?.opens().context("no sealed auction")?;
    }
    house.tsa.set_time(opens)?;
    let since = Instant::now();
    let waiting = peers.into_iter().map(|mut peer| {
        tokio::spawn(async move {
            let settled = |auction: &Auction| matches!(auction.phase(), Phase::Settled { .. });
            peer.auction_is(room, settled).await?;
            anyhow::Ok(since.elapsed())
        })
    });
    let mut waited = Vec::new();
    for waiting in waiting.collect::<Vec<_>>() {
        waited.push(waiting.await??);
    }
    waited.sort();
    let last = waited.last().context("nobody watched")?;
    let what = format!(
        "from the opening to the winner on the last of {} screens, {all} bids",
        waited.len()
    );
    Ok(vec![Row::new(what, last.as_secs_f64() * 1e3, "ms")])
}
