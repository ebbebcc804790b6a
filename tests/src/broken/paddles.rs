//! Bids under paddles, and bounds on the bids of one bidder (SPEC 7.12): logs of them that hold, and lies.

use pregao_protocol::room::auction::paddle::MAX_BIDS;
use pregao_protocol::room::body::{Bid, Body, Listing, Paddle, SameAuthor};
use pregao_protocol::trust::persona::Ratio;

use super::forge::{Forge, Own};
use super::lies::{Make, after, listed};
use super::scenes::Scene;
use super::sealed;

fn first(name: &str) -> Paddle {
    Paddle { name: name.parse().expect("the name of a paddle"), earlier: None }
}

fn tied(name: &str, seq: u64, ratio: Ratio) -> Paddle {
    Paddle { earlier: Some(SameAuthor { seq, ratio }), ..first(name) }
}

impl Forge {
    fn bid_under(&mut self, own: &Own, minor: u64, paddle: Paddle) {
        let Body::Bid(bid) = self.bid_body(minor) else { return };
        let seq = self.act(own, Body::Bid(Bid { paddle: Some(paddle), ..bid }));
        self.bids.push((seq, minor, own.clone()));
    }

    /// Under a paddle, tied to a bid that was made before, counted from 0.
    fn bid_again(&mut self, own: &Own, minor: u64, (name, earlier): (&str, usize)) {
        let (seq, _, bid) = self.bids.get(earlier).cloned().expect("a bid");
        let ratio = bid.ratio(own, &self.keys());
        self.bid_under(own, minor, tied(name, seq, ratio));
    }
}

/// An auction with bids under 17 (entry 1), under none (2), under 17 again (3) and, by another, under `hat` (4); with who
/// holds 17.
fn held_with(seed: u64, change: impl FnOnce(&mut Listing)) -> (Forge, Own) {
    let mut house = Forge::new(seed);
    house.list(|listing| {
        (listing.steps, listing.max_raise, listing.buy_now) = (Vec::new(), None, None);
        change(listing);
    });
    house.pass(1);
    let (holder, hat) = (house.own(), house.own());
    house.bid_under(&holder, 1_000, first("17"));
    house.bid(1_100);
    house.bid_again(&house.again(&holder), 1_200, ("17", 0));
    house.bid_under(&hat, 1_300, first("hat"));
    (house, holder)
}

fn held(seed: u64) -> (Forge, Own) {
    held_with(seed, |_| {})
}

/// Sealed bids of 3,000 (2) and, void for being too low, 999 (3) under 17 by one bidder, and 4,000 (4) under none.
fn sealed_held(seed: u64) -> (Forge, Own) {
    let mut house = sealed::stated(seed, sealed::first);
    house.pass(1);
    let own = house.own();
    house.bid_sealed_by(&own, 3_000, |bid| bid.paddle = Some(first("17")));
    let again = house.again(&own);
    let ratio = own.ratio(&again, &house.keys());
    house.bid_sealed_by(&again, 999, |bid| bid.paddle = Some(tied("17", 2, ratio)));
    house.bid_sealed(4_000);
    (house, own)
}

/// Logs of such auctions.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("paddles", |seed| {
        let (mut house, holder) = held(seed);
        house.bid_again(&house.again(&holder), 1_400, ("17", 2));
        house
    }),
    ("paddles-rule", |seed| {
        held_with(seed, |listing| {
            listing.rule = Some("paddle_bids < 2".to_owned());
            listing.bids_each = Some(MAX_BIDS);
        })
        .0
    }),
    ("paddles-settled", |seed| {
        let (mut house, _) = held(seed);
        house.close_after(0);
        house.settle(Vec::new());
        house
    }),
    ("paddles-sealed", |seed| sealed::opened_by(sealed_held(seed).0, &[0])),
];

/// With one more bid of the holder of 17, under a paddle that says something else than the truth.
fn with(seed: u64, paddle: impl FnOnce(&Forge, &Own, &Own) -> Paddle) -> String {
    let (house, holder) = held(seed);
    let own = house.again(&holder);
    let paddle = paddle(&house, &holder, &own);
    after(house, |house| house.bid_under(&own, 1_400, paddle))
}

/// Lies about paddles and bounds.
pub(super) const LIES: &[(&str, Make)] = &[
    ("bids-each-none", |seed| listed(seed, |listing| listing.bids_each = Some(0))),
    ("bids-each-too-many", |seed| listed(seed, |listing| listing.bids_each = Some(MAX_BIDS + 1))),
    ("paddle-of-another", |seed| {
        let (house, _) = held(seed);
        let rival = house.own();
        after(house, |house| house.bid_under(&rival, 1_400, first("17")))
    }),
    ("paddle-copied", |seed| {
        // The ratio of an honest bid, under the key of somebody else.
        let (house, holder) = held(seed);
        let rival = house.own();
        let ratio = holder.ratio(&house.again(&holder), &house.keys());
        after(house, |house| house.bid_under(&rival, 1_400, tied("17", 1, ratio)))
    }),
    ("paddle-not-shown", |seed| with(seed, |_, _, _| first("17"))),
    ("paddle-not-held", |seed| {
        with(seed, |house, holder, own| tied("18", 1, holder.ratio(own, &house.keys())))
    }),
    ("paddle-by-the-listing", |seed| {
        with(seed, |house, holder, own| tied("17", 0, holder.ratio(own, &house.keys())))
    }),
    ("paddle-by-a-bid-under-none", |seed| {
        with(seed, |house, holder, own| tied("17", 2, holder.ratio(own, &house.keys())))
    }),
    ("paddle-by-what-is-not-there", |seed| {
        with(seed, |house, holder, own| tied("17", 900, holder.ratio(own, &house.keys())))
    }),
    ("paddle-under-anothers", |seed| {
        with(seed, |house, holder, own| tied("hat", 4, holder.ratio(own, &house.keys())))
    }),
    ("paddle-backwards", |seed| {
        with(seed, |house, holder, own| tied("17", 1, own.ratio(holder, &house.keys())))
    }),
    ("paddle-ratio-beyond", |seed| with(seed, |_, _, _| tied("17", 1, Ratio([255; 32])))),
    ("paddle-against-the-rule", |seed| {
        let (house, holder) =
            held_with(seed, |listing| listing.rule = Some("paddle_bids < 2".to_owned()));
        let own = house.again(&holder);
        after(house, |house| house.bid_again(&own, 1_400, ("17", 0)))
    }),
    ("paddle-sealed-of-another", |seed| {
        let (house, _) = sealed_held(seed);
        after(house, |house| {
            let own = house.own();
            house.bid_sealed_by(&own, 5_000, |bid| bid.paddle = Some(first("17")))
        })
    }),
];
