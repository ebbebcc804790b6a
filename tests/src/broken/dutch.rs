//! Auctions whose price falls (SPEC 7.11): logs of them that hold, and lies.

use std::time::Duration;

use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, Stamp};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::dutch::MAX_FRESHNESS;
use pregao_protocol::room::body::{
    Amount, Body, DutchTerms, Ended, Listing, SoftClose, StartPrice, Step,
};
use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::value::codec::Digest;

use super::forge::{END, Forge, G, Own, WITHIN, bytes, closed};
use super::lies::Make;
use super::scenes::{Scene, forfeit_alone, take_back};

const SECOND: u64 = 1_000_000;
/// How long a price holds here.
const EVERY: u64 = 5 * SECOND;
/// The freshness here.
const FRESH: u64 = 3 * SECOND;

fn amount(minor: u64) -> Amount {
    Amount::try_from(minor).expect("an amount")
}

/// From 10.00 to 4.00 by 1.00 each five seconds.
fn falling(listing: &mut Listing) {
    (listing.steps, listing.max_raise, listing.buy_now) = (Vec::new(), None, None);
    listing.increment = amount(1);
    listing.freshness = MAX_FRESHNESS;
    listing.dutch = Some(DutchTerms { floor: amount(400), fall: amount(100), every: 5 });
}

fn listed_with(seed: u64, change: impl FnOnce(&mut Listing)) -> Forge {
    let mut house = Forge::new(seed);
    house.list(|listing| {
        falling(listing);
        change(listing);
    });
    house
}

fn listed(seed: u64) -> Forge {
    listed_with(seed, |_| {})
}

impl Forge {
    /// A bid that is stamped at that microsecond, to be handed in later.
    fn stamped(&mut self, micros: u64, minor: u64) -> (Own, Action, Stamp, String) {
        self.at(micros);
        let own = self.own();
        let action = self.sign(&own, &self.draft(&own, self.bid_body(minor)));
        let (stamp, header) = self.stamp(&action);
        (own, action, stamp, header)
    }

    fn hand_in(&mut self, (own, action, stamp, header): (Own, Action, Stamp, String), price: u64) {
        let seq = self.log(action.compact(), stamp, header);
        self.bids.push((seq, price, own));
    }

    /// Closes so many microseconds after the log began.
    fn close_at(&mut self, micros: u64) {
        self.at(micros);
        self.broker(closed());
    }
}

/// Three bids, stamped right before the price falls to 8.00, at that instant and after it; in the log as 2nd, 1st, 3rd.
fn bid(seed: u64) -> Forge {
    let mut house = listed(seed);
    house.at(EVERY);
    house.say("is it heavy?");
    let early = house.stamped(2 * EVERY - 1, 900);
    let first = house.stamped(2 * EVERY, 5_000);
    let late = house.stamped(2 * EVERY + SECOND, 800);
    house.hand_in(first, 800);
    house.hand_in(early, 900);
    house.hand_in(late, 800);
    house
}

fn closed_in_time(seed: u64) -> Forge {
    let mut house = bid(seed);
    house.close_at(2 * EVERY + FRESH);
    house
}

fn settled(seed: u64) -> Forge {
    let mut house = closed_in_time(seed);
    house.settle_for(Some((3, 900)), Vec::new());
    house
}

fn sold(seed: u64) -> Forge {
    let mut house = settled(seed);
    house.pass(20);
    let outcome = Digest(bytes(&house.chance));
    house.broker(Body::Revealed(Ended { outcome }));
    house
}

fn second_winner(seed: u64) -> Forge {
    let mut house = settled(seed);
    house.pass(WITHIN + 1);
    house.broker(forfeit_alone(3));
    house.settle_for(Some((2, 800)), Vec::new());
    house.pass(WITHIN + 1);
    house.broker(forfeit_alone(2));
    house.settle_for(Some((4, 800)), Vec::new());
    house
}

fn unsold(seed: u64) -> Forge {
    let mut house = listed(seed);
    house.close_after(0);
    house.settle_for(None, Vec::new());
    house
}

fn at_the_end(seed: u64) -> Forge {
    let mut house = listed(seed);
    let early = house.stamped(END * SECOND - 2, 400);
    let first = house.stamped(END * SECOND - 1, 400);
    let late = house.stamped(END * SECOND + SECOND, 400);
    house.hand_in(first, 400);
    house.hand_in(late, 400);
    house.hand_in(early, 400);
    house.close_at(END * SECOND - 1 + FRESH);
    house.settle_for(Some((3, 400)), Vec::new());
    house
}

fn kept_back(seed: u64) -> Forge {
    let mut house = listed(seed);
    let first = house.stamped(EVERY, 900);
    house.at(EVERY + FRESH + G * SECOND + 1);
    house.tick();
    house.hand_in(first, 900);
    house.close_at(EVERY + FRESH + G * SECOND + SECOND);
    house.settle_for(Some((1, 900)), Vec::new());
    house
}

fn unlisted(seed: u64) -> Forge {
    let mut house = listed(seed);
    house.pass(7);
    let seller = house.seller();
    take_back(&mut house, &seller);
    house.pass(3);
    house.broker(closed());
    house.settle_for(None, Vec::new());
    house
}

fn later_beginning(seed: u64) -> Forge {
    let mut house = listed_with(seed, |listing| {
        let begin = listing.end.minus(Duration::from_secs(END - 60));
        listing.begin = Some(begin);
        listing.dutch = Some(DutchTerms { floor: amount(350), fall: amount(650), every: 2 });
    });
    let bid = house.stamped(62 * SECOND, 350);
    house.hand_in(bid, 350);
    house.close_at(62 * SECOND + FRESH);
    house.settle_for(Some((1, 350)), Vec::new());
    house
}

fn dearest(seed: u64) -> Forge {
    let largest = (1 << 53) - 1;
    let mut house = listed_with(seed, |listing| {
        listing.start = StartPrice::try_from(largest).expect("a price");
        let fall = amount(largest - 1);
        listing.dutch = Some(DutchTerms { floor: amount(1), fall, every: 300 });
    });
    let bid = house.stamped(300 * SECOND - 1, largest);
    let next = house.stamped(300 * SECOND, 1);
    house.hand_in(next, 1);
    house.hand_in(bid, largest);
    house
}

/// Five bids of one batch, in the order of the log as drawn; the lot decides.
fn drawn(seed: u64) -> (Forge, u64) {
    let mut house = listed(seed);
    house.at(EVERY);
    let owns: Vec<Own> = (0..5).map(|_| house.own()).collect();
    let sign = |own| house.sign(own, &house.draft(own, house.bid_body(1_000)));
    let actions: Vec<Action> = owns.iter().map(sign).collect();
    let leaves = actions.iter().map(|action| leaf_hash(&action.digest().0)).collect();
    let tree = Tree::new(leaves);
    let header = house.header(&tree);
    let compact = house.sign_header(&header);
    let name = BatchHeader::hash(&compact);
    let mut lots = Vec::new();
    for (index, (action, own)) in (0..).zip(actions.into_iter().zip(owns)) {
        let path = tree.path(index).expect("a leaf of this tree");
        let stamp = Stamp { header: name, index, path };
        lots.push(Digest::labelled("pregao/lot/v1", &[name.0, action.digest().0].concat()));
        house.hand_in((own, action, stamp, compact.clone()), 900);
    }
    let best = lots.iter().enumerate().min_by_key(|(_, lot)| **lot).map_or(0, |(at, _)| at);
    house.close_at(EVERY + FRESH);
    (house, best as u64 + 1)
}

fn of_one_batch(seed: u64) -> Forge {
    let (mut house, winner) = drawn(seed);
    house.settle_for(Some((winner, 900)), Vec::new());
    house
}

/// Every scene by name.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("dutch-at-the-end", at_the_end),
    ("dutch-bid", bid),
    ("dutch-closed", closed_in_time),
    ("dutch-dearest", dearest),
    ("dutch-kept-back", kept_back),
    ("dutch-later-beginning", later_beginning),
    ("dutch-listed", listed),
    ("dutch-of-one-batch", of_one_batch),
    ("dutch-second-winner", second_winner),
    ("dutch-settled", settled),
    ("dutch-sold", sold),
    ("dutch-unlisted", unlisted),
    ("dutch-unsold", unsold),
];

fn terms(seed: u64, floor: u64, fall: u64, every: u32) -> String {
    let dutch = DutchTerms { floor: amount(floor), fall: amount(fall), every };
    listed_with(seed, |listing| listing.dutch = Some(dutch)).file()
}

fn one_bid(seed: u64, micros: u64, minor: u64) -> String {
    let mut house = listed(seed);
    let bid = house.stamped(micros, minor);
    house.hand_in(bid, minor);
    house.file()
}

fn settled_for(seed: u64, winner: Option<(u64, u64)>) -> String {
    let mut house = closed_in_time(seed);
    house.settle_for(winner, Vec::new());
    house.file()
}

/// What is signed and breaks a rule of falling prices.
pub(super) const LIES: &[(&str, Make)] = &[
    ("dutch-falls-too-far-at-once", |seed| terms(seed, 400, 601, 5)),
    ("dutch-has-nowhere-to-fall", |seed| terms(seed, 1_000, 1, 5)),
    ("dutch-rises", |seed| terms(seed, 1_001, 1, 5)),
    ("dutch-falls-without-time", |seed| terms(seed, 400, 100, 0)),
    ("dutch-falls-too-seldom", |seed| terms(seed, 400, 100, 86_401)),
    ("dutch-too-fresh", |seed| listed_with(seed, |listing| listing.freshness = 0).file()),
    ("dutch-too-stale", |seed| listed_with(seed, |listing| listing.freshness = 4).file()),
    ("dutch-with-increment", |seed| {
        listed_with(seed, |listing| listing.increment = amount(2)).file()
    }),
    ("dutch-with-steps", |seed| {
        let step = Step { from: amount(2_000), increment: amount(1) };
        listed_with(seed, |listing| listing.steps = vec![step]).file()
    }),
    ("dutch-with-a-raise", |seed| {
        listed_with(seed, |listing| listing.max_raise = Some(amount(50))).file()
    }),
    ("dutch-to-be-bought", |seed| {
        listed_with(seed, |listing| listing.buy_now = Some(amount(5_000))).file()
    }),
    ("dutch-with-soft-close", |seed| {
        let soft = |listing: &mut Listing| {
            listing.soft = Some(SoftClose { extend: 30, hard_end: listing.end });
        };
        listed_with(seed, soft).file()
    }),
    ("dutch-by-two-clocks", |seed| {
        let other = SecretKey::from_seed(&[141; 32]).public();
        listed_with(seed, |listing| listing.stamps.push(other)).file()
    }),
    ("dutch-bid-for-less", |seed| one_bid(seed, EVERY - 1, 999)),
    ("dutch-bid-for-less-after-a-step", |seed| one_bid(seed, EVERY, 899)),
    ("dutch-bid-below-the-floor", |seed| one_bid(seed, END * SECOND - 1, 399)),
    ("dutch-bid-after-the-end", |seed| one_bid(seed, END * SECOND, 1_000)),
    ("dutch-bid-a-freshness-after-the-first", |seed| {
        let mut house = bid(seed);
        let late = house.stamped(2 * EVERY + FRESH, 1_000);
        house.hand_in(late, 800);
        house.file()
    }),
    ("dutch-bid-that-was-hoarded", |seed| {
        let mut house = listed(seed);
        let hoarded = house.stamped(2 * EVERY - FRESH - 1, 1_000);
        let first = house.stamped(2 * EVERY, 800);
        house.hand_in(first, 800);
        house.hand_in(hoarded, 900);
        house.file()
    }),
    ("dutch-closed-too-early", |seed| {
        let mut house = bid(seed);
        house.close_at(2 * EVERY + FRESH - 1);
        house.file()
    }),
    ("dutch-closed-by-the-earliest", |seed| {
        let mut house = bid(seed);
        house.close_at(2 * EVERY - 1 + FRESH);
        house.file()
    }),
    ("dutch-first-of-the-log-wins", |seed| settled_for(seed, Some((2, 800)))),
    ("dutch-last-of-the-log-wins", |seed| settled_for(seed, Some((4, 800)))),
    ("dutch-pays-less", |seed| settled_for(seed, Some((3, 800)))),
    ("dutch-pays-what-another-agreed-to", |seed| settled_for(seed, Some((3, 5_000)))),
    ("dutch-nobody-wins", |seed| settled_for(seed, None)),
    ("dutch-another-lot-wins", |seed| {
        let (mut house, winner) = drawn(seed);
        house.settle_for(Some((winner % 5 + 1, 900)), Vec::new());
        house.file()
    }),
    ("dutch-second-pays-the-price-of-the-first", |seed| {
        let mut house = settled(seed);
        house.pass(WITHIN + 1);
        house.broker(forfeit_alone(3));
        house.settle_for(Some((2, 900)), Vec::new());
        house.file()
    }),
];
