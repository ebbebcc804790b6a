//! Logs that hold, of every kind and at every stage.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{
    Absent, Body, Empty, Ended, Forfeited, ForfeitedBid, Listing, Side, SoftClose, Unlist,
    Withdrawn,
};
use pregao_protocol::value::codec::Digest;

use super::forge::{END, F, Forge, G, Own, WITHIN, bytes, closed, witness};

/// An auction with two bids.
pub(super) fn open(seed: u64) -> Forge {
    open_with(seed, |_| {})
}

pub(super) fn open_with(seed: u64, change: impl FnOnce(&mut Listing)) -> Forge {
    let mut house = Forge::new(seed);
    house.list(change);
    house.pass(2);
    house.bid(1_000);
    house.pass(1);
    house.tick();
    house.bid(1_250);
    house
}

/// Both bids by one persona.
pub(super) fn open_by_one(seed: u64) -> Forge {
    let mut house = Forge::new(seed);
    house.list(|_| {});
    house.pass(2);
    let own = house.own();
    house.bid_by(&own, 1_000);
    let again = house.again(&own);
    house.bid_by(&again, 1_250);
    house
}

pub(super) fn closed_in_time(seed: u64) -> Forge {
    let mut house = open(seed);
    house.close_after(0);
    house
}

pub(super) fn settled(seed: u64) -> Forge {
    let mut house = closed_in_time(seed);
    house.settle(Vec::new());
    house
}

pub(super) fn settled_late(seed: u64) -> Forge {
    let mut house = open(seed);
    house.at((END + G) * 1_000_000 + 1);
    house.tick();
    house.pass(1);
    house.broker(closed());
    house.settle(Vec::new());
    house
}

pub(super) fn sold(seed: u64) -> Forge {
    let mut house = settled(seed);
    house.pass(20);
    let outcome = Digest(bytes(&house.chance));
    house.broker(Body::Revealed(Ended { outcome }));
    house.say("good bye \u{e9}\u{1f600}");
    house
}

pub(super) fn unsold(seed: u64) -> Forge {
    let mut house = Forge::new(seed);
    house.list(|_| {});
    house.close_after(0);
    house.settle(Vec::new());
    house
}

pub(super) fn forfeited(seed: u64) -> Forge {
    let mut house = open_by_one(seed);
    house.close_after(0);
    house.settle(Vec::new());
    house.pass(WITHIN + 1);
    let body = forfeit(&house);
    house.broker(body);
    house
}

/// The `forfeited` of an auction whose two bids are by one persona.
pub(super) fn forfeit(house: &Forge) -> Body {
    let (winner, others) = match house.bids.as_slice() {
        [(seq, _, first), (winner, _, last), ..] => {
            let ratio = last.ratio(first, &house.keys());
            (*winner, vec![ForfeitedBid { seq: *seq, ratio }])
        }
        _ => (0, Vec::new()),
    };
    Body::Forfeited(Forfeited { winner, others, outcome: Digest(bytes(&house.chance)) })
}

/// The `forfeited` of a winner with no other bid.
pub(super) fn forfeit_alone(winner: u64) -> Body {
    let outcome = Digest([3; 32]);
    Body::Forfeited(Forfeited { winner, others: Vec::new(), outcome })
}

pub(super) fn witnessed(listing: &mut Listing) {
    listing.witnesses = (1..=3).map(witness).collect();
    listing.quorum = 2;
}

/// A room with witnesses, closed and dated by two of the three.
pub(super) fn dated(seed: u64) -> Forge {
    let mut house = open_with(seed, witnessed);
    house.close_after(0);
    house.pass(1);
    let dates = house.dates(&[2, 3]);
    house.settle(dates);
    house.pass(2);
    let outcome = Digest(bytes(&house.chance));
    house.broker(Body::Revealed(Ended { outcome }));
    house
}

pub(super) fn private(seed: u64) -> Forge {
    let mut house = settled(seed);
    house.pass(1);
    let mut room = house.reveal(|_| {});
    room.pass(5);
    room
}

pub(super) fn private_and_free(seed: u64) -> Forge {
    let mut house = settled_late(seed);
    house.pass(1);
    let mut room = house.reveal(|reveal| reveal.withdrawal = true);
    room.pass(5);
    room
}

pub(super) fn disclosed(seed: u64) -> Forge {
    let mut room = private(seed);
    room.disclose(1);
    room.disclose(0);
    room
}

fn soft(seed: u64) -> Forge {
    let mut house = open_with(seed, |listing| {
        let hard_end = listing.end.plus(Duration::from_secs(45));
        listing.soft = Some(SoftClose { extend: 30, hard_end });
    });
    for (seconds, minor) in [(END - 10, 2_000), (END + 10, 2_100), (END + 35, 2_200)] {
        house.at(seconds * 1_000_000);
        house.bid(minor);
    }
    house.close_after(45);
    house.settle(Vec::new());
    house
}

fn withdrawn(seed: u64) -> Forge {
    let mut house = settled_late(seed);
    let (side, outcome) = (Side::Winner, Digest(bytes(&house.chance)));
    house.broker(Body::Withdrawn(Withdrawn { side, outcome }));
    house
}

fn abandoned(seed: u64) -> Forge {
    let mut house = settled(seed);
    house.pass(WITHIN + 1);
    let outcome = Digest(bytes(&house.chance));
    house.broker(Body::Abandoned(Ended { outcome }));
    house
}

fn second_winner(seed: u64) -> Forge {
    let mut house = open(seed);
    house.close_after(0);
    house.settle(Vec::new());
    house.pass(WITHIN + 1);
    let outcome = Digest(bytes(&house.chance));
    let winner = house.winner.unwrap_or_default();
    house.broker(Body::Forfeited(Forfeited { winner, others: Vec::new(), outcome }));
    house.bids.pop();
    house.settle(Vec::new());
    house
}

fn undated(seed: u64) -> Forge {
    let mut house = open_with(seed, witnessed);
    house.close_after(0);
    house.pass(G);
    house.now = house.now.plus(Duration::from_micros(1));
    house.settle(Vec::new());
    house
}

fn named_late(seed: u64) -> Forge {
    let mut house = closed_in_time(seed);
    house.pass(G + 60);
    house.now = house.now.plus(Duration::from_micros(1));
    house.tick();
    house.pass(1);
    house.settle(Vec::new());
    house
}

fn simulated(seed: u64) -> Forge {
    open_with(seed, |listing| listing.simulated = true)
}

fn absent(seed: u64) -> Forge {
    let mut room = private(seed);
    room.pass(WITHIN + 1);
    let seller = room.chance.once_in(2);
    room.broker(Body::Absent(Absent { seller, winner: true }));
    room
}

fn withdrew(seed: u64) -> Forge {
    let mut room = private_and_free(seed);
    let [seller, _] = room.sides();
    room.act(&seller, Body::Withdraw(Empty {}));
    room
}

/// The seller, with a key of their own for it, takes the item back.
pub(super) fn take_back(house: &mut Forge, of: &Own) {
    let own = house.again(of);
    let successor = house.chance.once_in(2).then(|| RoomName(bytes(&house.chance)));
    let ratio = of.ratio(&own, &house.keys());
    house.act(&own, Body::Unlist(Unlist { ratio, successor }));
}

fn unlisted(seed: u64) -> Forge {
    let mut house = listed(seed);
    house.pass(1);
    let seller = house.seller();
    take_back(&mut house, &seller);
    house.pass(F);
    house.broker(closed());
    house.settle_for(None, Vec::new());
    house
}

pub(super) fn listed(seed: u64) -> Forge {
    let mut house = Forge::new(seed);
    house.list(|_| {});
    house
}

/// A log that holds, by a seed.
pub(super) type Scene = fn(u64) -> Forge;

/// Every scene by name.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("abandoned", abandoned),
    ("absent", absent),
    ("closed", closed_in_time),
    ("dated", dated),
    ("disclosed", disclosed),
    ("forfeited", forfeited),
    ("listed", listed),
    ("named-late", named_late),
    ("open", open),
    ("private", private),
    ("second-winner", second_winner),
    ("settled", settled),
    ("settled-late", settled_late),
    ("simulated", simulated),
    ("soft", soft),
    ("sold", sold),
    ("talked", super::talk::talked),
    ("undated", undated),
    ("unlisted", unlisted),
    ("unsold", unsold),
    ("withdrawn", withdrawn),
    ("withdrew", withdrew),
];
