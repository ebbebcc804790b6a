//! Auctions whose sellers have rules (SPEC 7.10): logs of them that hold, and lies.

use pregao_protocol::room::body::{Body, Listing, Settled};

use super::forge::{Forge, amount};
use super::lies::{Make, after, listed};
use super::scenes::{Scene, open_with};
use super::sealed;

/// True of both bids of [`open_with`], and of little else.
const RULE: &str = "// Quarters only, \u{e9}\nlet step = if highest < 2_000 { 250 } else { -500 };\n\
    if amount % step != 0 { \"quarters \\\"only\\\" \\\\ \u{1f4a1}\" }\n\
    else if bids > 2 || amount == 2750 { false }\n\
    else { 1 / (amount - 3000) != 2 && elapsed + remaining >= 500 }";

/// What it says to sealed bids, each of which it may refuse in another way.
const SEALED: &str = "if amount == 5000 { \"too much\" } else if amount == 4_000 { false } else { 1 / (amount - 6000) != 1 }";

fn ruled(rule: &str) -> impl FnOnce(&mut Listing) {
    let rule = rule.to_owned();
    |listing| listing.rule = Some(rule)
}

fn sealed_by(listing: &mut Listing) {
    sealed::first(listing);
    ruled(SEALED)(listing);
}

/// Bids of 3,000 (2), 5,000 (3), 4,000 (4), 6,000 (5) and 999 (6), of which the first alone counts.
fn opened(seed: u64) -> Forge {
    let mut house = sealed::open(seed, sealed_by);
    house.bid_sealed(6_000);
    house.bid_sealed(999);
    sealed::opened_by(house, &[0])
}

fn settled(mut house: Forge, winner: Option<(u64, u64)>) -> Forge {
    let price = winner.map(|(_, minor)| amount(minor));
    let winner = winner.map(|(seq, _)| seq);
    house.broker(Body::Settled(Settled { winner, price, cosigned: Vec::new() }));
    house
}

/// Logs of such auctions.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("rule", |seed| open_with(seed, ruled(RULE))),
    ("rule-settled", |seed| {
        let mut house = open_with(seed, ruled(RULE));
        house.close_after(0);
        house.settle(Vec::new());
        house
    }),
    ("rule-for-nobody", |seed| {
        let mut house = Forge::new(seed);
        house.list(ruled("\"nobody may bid\""));
        house
    }),
    ("rule-sealed", |seed| settled(opened(seed), Some((2, 3_000)))),
];

/// A bid that the rule does not accept, after two that it does.
fn with_bid(seed: u64, minor: u64) -> String {
    let terms = |listing: &mut Listing| {
        (listing.max_raise, listing.buy_now) = (None, None);
        ruled(RULE)(listing);
    };
    after(open_with(seed, terms), |house| house.bid(minor))
}

/// Lies about rules.
pub(super) const LIES: &[(&str, Make)] = &[
    ("rule-of-nothing", |seed| listed(seed, ruled(""))),
    ("rule-of-a-number", |seed| listed(seed, ruled("amount"))),
    ("rule-with-a-loop", |seed| listed(seed, ruled("while true { amount > 1 }"))),
    ("rule-that-steers", |seed| listed(seed, ruled("true // \u{202e}"))),
    ("rule-that-adds-kinds", |seed| listed(seed, ruled("amount + true > 1"))),
    ("rule-too-deep", |seed| {
        listed(seed, ruled(&format!("{}true{}", "(".repeat(33), ")".repeat(33))))
    }),
    ("rule-too-long", |seed| listed(seed, ruled(&format!("true//{}", "a".repeat(2_043))))),
    ("rule-that-overflows", |seed| listed(seed, ruled("amount * amount > 0"))),
    ("rule-that-divides-by-zero", |seed| listed(seed, ruled("amount / bids > 0"))),
    ("rule-of-what-is-sealed", |seed| {
        listed(seed, |listing| {
            sealed::first(listing);
            ruled("amount > highest")(listing);
        })
    }),
    ("bid-with-a-text-against-it", |seed| with_bid(seed, 1_999)),
    ("bid-with-false-against-it", |seed| with_bid(seed, 2_750)),
    ("bid-on-which-the-rule-errs", |seed| with_bid(seed, 3_000)),
    ("sealed-sold-against-the-rule", |seed| settled(opened(seed), Some((3, 5_000))).file()),
    ("sealed-sold-on-an-error", |seed| settled(opened(seed), Some((5, 6_000))).file()),
];
