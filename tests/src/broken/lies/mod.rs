//! Logs that their broker signed, each against one rule.

mod beside;
mod closing;
mod peers;

use std::time::Duration;

use pregao_protocol::log::Entry;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, Stamp};
use pregao_protocol::room::action::Draft;
use pregao_protocol::room::body::{Body, Ended, Listing};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use super::forge::{Forge, bytes};
use super::scenes::open;

/// A lie: a file by a seed.
pub(super) type Make = fn(u64) -> String;

pub(super) fn ended(house: &Forge) -> Ended {
    Ended { outcome: Digest(bytes(&house.chance)) }
}

/// The file of a log after something was done to it.
pub(super) fn after<R>(mut house: Forge, act: impl FnOnce(&mut Forge) -> R) -> String {
    act(&mut house);
    house.file()
}

/// Enters an action that differs from an honest one.
pub(super) fn odd(house: &mut Forge, body: Body, change: impl FnOnce(&mut Draft)) {
    let own = house.own();
    let mut draft = house.draft(&own, body);
    change(&mut draft);
    let action = house.sign(&own, &draft);
    house.enter(&action);
}

pub(super) fn odd_of_broker(house: &mut Forge, body: Body, change: impl FnOnce(&mut Draft)) {
    let mut draft = house.draft(&house.own(), body);
    change(&mut draft);
    let action = house.sign_as_broker(&draft);
    house.enter(&action);
}

pub(super) fn listed(seed: u64, change: impl FnOnce(&mut Listing)) -> String {
    let mut house = Forge::new(seed);
    house.list(change);
    house.file()
}

pub(super) fn later(time: Time, seconds: u64) -> Time {
    time.plus(Duration::from_secs(seconds))
}

/// With a bid whose batch header is falsified before it is signed.
pub(super) fn stamped(seed: u64, falsify: impl FnOnce(&mut BatchHeader)) -> String {
    after(open(seed), |house| {
        let own = house.own();
        let action = house.sign(&own, &house.draft(&own, house.bid_body(2_000)));
        let (stamp, header) = house.stamp_as(&action, falsify);
        house.log(action.compact(), stamp, header);
    })
}

/// With an entry whose action is changed as text, under a stamp that covers the change.
pub(super) fn misspelt(seed: u64, change: impl FnOnce(&str) -> String) -> String {
    after(open(seed), |house| {
        let own = house.own();
        let action = house.sign(&own, &house.draft(&own, house.bid_body(2_000)));
        let changed = change(action.compact());
        let tree = Tree::new(vec![leaf_hash(&Digest::of(changed.as_bytes()).0)]);
        let header = house.header(&tree);
        let header = house.sign_header(&header);
        let path = tree.path(0).unwrap_or_default();
        let stamp = Stamp { header: BatchHeader::hash(&header), index: 0, path };
        house.log(&changed, stamp, header);
    })
}

pub(super) fn action_of(entry: &str) -> Option<String> {
    Entry::parse(entry).ok().map(|entry| entry.action)
}

/// Lies about auctions whose bids rise in the open, about their reveal rooms and receipts, and about what every kind has.
pub(super) const OF_ENGLISH: &[&[(&str, Make)]] = &[
    peers::OF_PEERS,
    closing::OF_THE_BROKER,
    beside::OF_TERMS,
    beside::OF_STAMPS,
    closing::OF_REVEAL,
    super::talk::LIES,
    beside::OF_HEADS,
    peers::OF_RECEIPTS,
];
