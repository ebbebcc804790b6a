//! Dutch auctions: each rule at its bound, and any order of bids against a naive auction.

use proptest::prelude::*;

use super::*;
use crate::audit::verify;
use crate::room::action::Action;
use crate::room::auction::{Late, MAX_DURATION, Outcome, Phase};
use crate::room::body::{
    Body, Forfeited, ForfeitedBid, Listing, PriceRule, SealedTerms, SoftClose, Step, Unlist,
    Withdrawn,
};
use crate::room::fixture::{
    Author, END, G, OUTCOME, Own, SECOND, Table, Tsa, WITHIN, amount, at, bid, forfeited_alone,
    start,
};
use crate::room::reveal::verbs::Side;

/// Freshness here.
const F: u64 = 3 * SECOND;
/// How long a price holds here.
const EVERY: u64 = 5 * SECOND;
/// When the first bid is stamped here: the price is 8.00 then.
const FIRST: u64 = 2 * EVERY;

const TERMS: DutchTerms = DutchTerms { floor: Amount::LEAST, fall: Amount::LEAST, every: 5 };

/// From 10.00 to 4.00 by 1.00 each 5 s.
fn dutch(listing: &mut Listing) {
    listing.dutch = Some(DutchTerms { floor: amount(400), fall: amount(100), ..TERMS });
    listing.increment = amount(1);
    listing.freshness = 3;
}

fn listed(change: impl FnOnce(&mut Listing)) -> Result<(), Code> {
    Table::list(|listing| {
        dutch(listing);
        change(listing);
    })
    .map(drop)
}

fn auction() -> Table {
    Table::list(dutch).unwrap()
}

fn price(table: &Table, micros: u64) -> u64 {
    table.fold().price_at(at(micros)).unwrap().minor()
}

/// An auction with one bid of a stranger, stamped at `FIRST`.
fn begun() -> Table {
    let mut table = auction();
    table.bid(at(FIRST), 1_000).unwrap();
    table
}

/// Actions of that many strangers.
fn actions(table: &mut Table, count: u8) -> Vec<Action> {
    let authors = (0..count).map(|seed| Author::new(120 + seed));
    authors
        .map(|author| {
            let own = table.fresh(&author);
            table.sign(&author, &own, bid(1_000))
        })
        .collect()
}

// What a listing says: V-180.

#[test]
fn v180_a_price_falls_within_start_and_floor_by_steps_of_a_second_to_a_day() {
    let no = Err(Code::ListingTerms);
    let terms = |floor, fall, every| {
        listed(|listing| {
            listing.dutch = Some(DutchTerms { floor: amount(floor), fall: amount(fall), every });
        })
    };
    assert_eq!(terms(400, 600, 5), Ok(()));
    assert_eq!(terms(400, 601, 5), no);
    assert_eq!(terms(999, 1, 5), Ok(()));
    assert_eq!(terms(1_000, 1, 5), no, "there is nothing to fall");
    assert_eq!(terms(1_001, 1, 5), no, "it would rise");
    assert_eq!(terms(1, 999, 1), Ok(()));
    assert_eq!(terms(400, 100, 0), no);
    assert_eq!(terms(400, 100, 86_400), Ok(()));
    assert_eq!(terms(400, 100, 86_401), no);
}

#[test]
fn v180_freshness_is_1_to_3_seconds_where_a_price_falls() {
    let freshness = |seconds| listed(|listing| listing.freshness = seconds);
    assert_eq!(freshness(0), Err(Code::ListingTerms));
    assert_eq!(freshness(1), Ok(()));
    assert_eq!(freshness(3), Ok(()));
    assert_eq!(freshness(4), Err(Code::ListingTerms));
}

#[test]
fn v180_where_a_price_falls_nothing_is_raised_bought_extended_or_sealed() {
    let changes: [fn(&mut Listing); 8] = [
        |listing| listing.rule = Some("true".to_owned()),
        |listing| listing.increment = amount(2),
        |listing| listing.steps = vec![Step { from: amount(2_000), increment: amount(5) }],
        |listing| listing.max_raise = Some(amount(100)),
        |listing| listing.buy_now = Some(amount(1_000)),
        |listing| listing.soft = Some(SoftClose { extend: 30, hard_end: listing.end }),
        |listing| {
            listing.witnesses = vec![crate::room::fixture::witness(61)];
            listing.quorum = 1;
            listing.sealed =
                Some(SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() });
        },
        // Of two clocks the one behind would win.
        |listing| listing.stamps.push(Tsa::new(66).public()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_eq!(listed(change), Err(Code::ListingTerms), "{at}");
    }
    assert_eq!(listed(|_| {}), Ok(()));
}

#[test]
fn v180_the_last_bids_come_a_freshness_after_the_end_and_within_a_year_and_a_day() {
    let latest = at(0).plus(MAX_DURATION).minus(Duration::from_micros(F));
    assert_eq!(listed(|listing| listing.end = latest), Ok(()));
    let later = latest.plus(Duration::from_micros(1));
    assert_eq!(listed(|listing| listing.end = later), Err(Code::ListingEnd));
}

// The price: V-181.

#[test]
fn v181_the_price_falls_with_each_whole_step_and_no_lower_than_the_floor() {
    let table = auction();
    for (micros, minor) in [
        (0, 1_000),
        (EVERY - 1, 1_000),
        (EVERY, 900),
        (2 * EVERY - 1, 900),
        (2 * EVERY, 800),
        (6 * EVERY - 1, 500),
        (6 * EVERY, 400),
        (7 * EVERY, 400),
        (END, 400),
    ] {
        assert_eq!(price(&table, micros), minor, "{micros}");
    }
    assert_eq!(table.fold().price_at(Time::MAX), Some(amount(400)));
    assert_eq!(Table::auction().fold().price_at(at(0)), None, "it falls nowhere else");
}

#[test]
fn v181_the_last_step_is_shorter_where_the_steps_do_not_meet_the_floor() {
    let table = Table::list(|listing| {
        dutch(listing);
        listing.dutch = Some(DutchTerms { floor: amount(350), fall: amount(200), ..TERMS });
    })
    .unwrap();
    assert_eq!([3, 4, 5].map(|step| price(&table, step * EVERY)), [400, 350, 350]);
}

#[test]
fn v181_a_price_falls_from_when_bids_count() {
    let table = Table::list(|listing| {
        dutch(listing);
        listing.begin = Some(at(SECOND));
    })
    .unwrap();
    assert_eq!(price(&table, 0), 1_000);
    assert_eq!(price(&table, EVERY + SECOND - 1), 1_000);
    assert_eq!(price(&table, EVERY + SECOND), 900);
    // A beginning before the listing is none.
    let table = Table::list_by(Tsa::new(204), at(EVERY), |listing| {
        dutch(listing);
        listing.begin = Some(at(0));
    })
    .unwrap();
    assert_eq!(price(&table, 2 * EVERY - 1), 1_000);
    assert_eq!(price(&table, 2 * EVERY), 900);
}

#[test]
fn v181_the_largest_amounts_and_times_have_a_price() {
    let largest = crate::value::label::MAX_AMOUNT;
    let table = Table::list(|listing| {
        dutch(listing);
        listing.start = start(largest);
        let fall = amount(largest - 1);
        listing.dutch = Some(DutchTerms { floor: Amount::LEAST, fall, every: 1 });
    })
    .unwrap();
    assert_eq!(table.fold().price_at(at(SECOND - 1)), Some(amount(largest)));
    assert_eq!(table.fold().price_at(at(SECOND)), Some(Amount::LEAST));
    assert_eq!(table.fold().price_at(Time::MAX), Some(Amount::LEAST));
    assert_eq!(table.fold().falls_after(Time::MAX), None);
}

#[test]
fn the_next_fall_is_told_until_the_floor() {
    let table = Table::list(|listing| {
        dutch(listing);
        listing.begin = Some(at(SECOND));
    })
    .unwrap();
    let falls = |micros| table.fold().falls_after(at(micros));
    assert_eq!(falls(0), Some(at(SECOND + EVERY)));
    assert_eq!(falls(SECOND), Some(at(SECOND + EVERY)));
    assert_eq!(falls(SECOND + EVERY - 1), Some(at(SECOND + EVERY)));
    assert_eq!(falls(SECOND + EVERY), Some(at(SECOND + 2 * EVERY)));
    assert_eq!(falls(SECOND + 6 * EVERY - 1), Some(at(SECOND + 6 * EVERY)));
    assert_eq!(falls(SECOND + 6 * EVERY), None);
    assert_eq!(Table::auction().fold().falls_after(at(0)), None);
}

// Bids: V-182.

#[test]
fn v182_a_bid_agrees_to_the_price_at_its_own_stamp_or_more() {
    let mut table = auction();
    assert_eq!(table.bid(at(EVERY - 1), 999), Err(Code::BidTooLow));
    assert_eq!(table.bid(at(EVERY), 899), Err(Code::BidTooLow));
    assert_eq!(table.bid(at(EVERY), 900), Ok(1));
    let mut table = auction();
    assert_eq!(table.bid(at(EVERY - 1), 1_000), Ok(1));
    let mut table = auction();
    assert_eq!(table.bid(at(END - 1), 399), Err(Code::BidTooLow));
    assert_eq!(table.bid(at(END - 1), 400), Ok(1));
}

#[test]
fn v182_who_agreed_to_more_pays_the_price_at_their_stamp_all_the_same() {
    for most in [800, 900, 1_000, (1 << 53) - 1] {
        let mut table = auction();
        table.bid(at(FIRST), most).unwrap();
        assert_eq!(table.fold().leading().unwrap().amount, amount(800));
        table.close(at(FIRST + F)).unwrap();
        let dear = table.settle(at(FIRST + F), Some((1, 801)));
        assert_eq!(dear, Err(Code::SettledWrong));
        assert_eq!(table.settle(at(FIRST + F), Some((1, 799))), Err(Code::SettledWrong));
        assert_eq!(table.settle(at(FIRST + F), Some((1, 800))), Ok(3));
    }
}

#[test]
fn v182_a_bid_is_in_the_currency_in_time_and_open() {
    let mut table = Table::list(|listing| {
        dutch(listing);
        listing.begin = Some(at(SECOND));
    })
    .unwrap();
    assert_eq!(table.bid(at(SECOND - 1), 1_000), Err(Code::BidEarly));
    assert_eq!(table.bid(at(END), 1_000), Err(Code::BidLate));
    let stranger = Author::new(110);
    let own = table.fresh(&stranger);
    let Body::Bid(mut other) = bid(1_000) else { panic!("it is a bid") };
    other.currency = "USD".parse().unwrap();
    let action = table.sign(&stranger, &own, Body::Bid(other.clone()));
    let stamped = table.tsa.stamp(action, at(END));
    assert_eq!(table.submit(&stamped), Err(Code::BidLate));
    let mut table = auction();
    let own = table.fresh(&stranger);
    let action = table.sign(&stranger, &own, Body::Bid(other.clone()));
    let stamped = table.tsa.stamp(action, at(SECOND));
    assert_eq!(table.submit(&stamped), Err(Code::BidCurrency));
    assert_eq!(table.bid(at(SECOND), 1_000), Ok(1));
}

// The end: V-183.

#[test]
fn v183_the_first_bid_ends_it_one_freshness_after_its_stamp() {
    let mut table = begun();
    assert_eq!(table.fold().end(), at(FIRST + F));
    let late = table.bid_at(at(FIRST + F), 1_000);
    assert_eq!(table.submit(&late), Err(Code::BidLate));
    let mut table = begun();
    assert_eq!(table.bid(at(FIRST + F - 1), 1_000), Ok(2));
    assert_eq!(table.fold().end(), at(FIRST + F), "no later bid moves it");
    assert_eq!(table.close(at(FIRST + F - 1)), Err(Code::ClosedEarly));
    assert_eq!(table.close(at(FIRST + F)), Ok(3));
    assert_eq!(table.fold().late(), None);
}

#[test]
fn v183_an_earlier_stamp_does_not_move_the_end_either() {
    let mut table = auction();
    let earlier = table.bid_at(at(FIRST - F), 1_000);
    table.bid(at(FIRST), 1_000).unwrap();
    assert_eq!(table.submit(&earlier), Ok(2));
    assert_eq!(table.fold().end(), at(FIRST + F));
}

#[test]
fn v183_a_bid_right_before_the_end_still_leaves_a_freshness_to_earlier_ones() {
    let mut table = auction();
    let earlier = table.bid_at(at(END - 2), 400);
    table.bid(at(END - 1), 400).unwrap();
    assert_eq!(table.fold().end(), at(END - 1 + F));
    assert_eq!(table.submit(&earlier), Ok(2));
    assert_eq!(table.close(at(END)), Err(Code::ClosedEarly));
    table.close(at(END - 1 + F)).unwrap();
    assert_eq!(table.settle(at(END - 1 + F), Some((2, 400))), Ok(4));
    // Without any bid it is over at the end.
    let mut table = auction();
    assert_eq!(table.close(at(END - 1)), Err(Code::ClosedEarly));
    table.close(at(END)).unwrap();
    table.settle(at(END), None).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Unsold));
}

#[test]
fn v183_a_broker_that_keeps_a_first_bid_back_closes_late() {
    let limit = FIRST + F + G;
    for (previous, late) in [(limit, None), (limit + 1, Some(Late::Stamp))] {
        let mut table = auction();
        let kept_back = table.bid_at(at(FIRST), 1_000);
        table.tsa.tick(at(previous));
        table.submit(&kept_back).unwrap();
        table.close(at(previous + SECOND)).unwrap();
        assert_eq!(table.fold().late(), late);
        table.settle(at(previous + SECOND), Some((1, 800))).unwrap();
        assert_eq!(table.fold().withdrawal(), late.is_some());
    }
}

#[test]
fn v183_no_stamp_older_than_a_freshness_displaces_anything() {
    let mut table = auction();
    let hoarded = table.bid_at(at(FIRST - F - 1), 1_000);
    let fresh = table.bid_at(at(FIRST - F), 1_000);
    table.bid(at(FIRST), 1_000).unwrap();
    assert_eq!(table.submit(&hoarded), Err(Code::StampStale));
    assert_eq!(table.submit(&fresh), Ok(2));
}

// The winner: V-184.

#[test]
fn v184_the_earliest_stamp_wins_in_any_order_of_the_log_and_pays_what_it_cost_then() {
    let stamps = [FIRST - 1, FIRST, FIRST + 1];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut table = auction();
        let bids = stamps.map(|stamp| table.bid_at(at(stamp), 1_000));
        for which in order {
            table.submit(&bids[which]).unwrap();
        }
        let winner = table.fold().leading().unwrap();
        assert_eq!((winner.time, winner.amount), (at(FIRST - 1), amount(900)), "{order:?}");
        let seq = winner.seq;
        table.close(at(FIRST + 1 + F)).unwrap();
        for (wrong, price) in [(1, 900), (1, 800), (2, 900), (2, 800), (3, 900), (3, 800)] {
            if (wrong, price) != (seq, 900) {
                let wrong = table.settle(at(FIRST + 1 + F), Some((wrong, price)));
                assert_eq!(wrong, Err(Code::SettledWrong));
            }
        }
        assert_eq!(table.settle(at(FIRST + 1 + F), None), Err(Code::SettledWrong));
        table.settle(at(FIRST + 1 + F), Some((seq, 900))).unwrap();
    }
}

#[test]
fn v184_between_equal_times_the_lot_decides_in_any_order_of_the_log() {
    let mut first = auction();
    let bids = actions(&mut first, 5);
    let bids = first.tsa.stamp_all(bids, at(FIRST));
    let best = bids.iter().min_by_key(|bid| lot(bid)).unwrap().action().digest();
    let mut forth = first.branch();
    let mut back = first.branch();
    for at in 0..bids.len() {
        forth.submit(&bids[at]).unwrap();
        back.submit(&bids[bids.len() - 1 - at]).unwrap();
    }
    for table in [forth, back] {
        let winner = table.fold().leading().unwrap().key;
        let of_best = bids.iter().find(|bid| bid.action().digest() == best).unwrap();
        assert_eq!(&winner, of_best.action().key());
    }
}

#[test]
fn v184_the_lot_of_an_action_is_another_in_another_batch() {
    let mut table = auction();
    let action = actions(&mut table, 1).remove(0);
    let one = table.tsa.stamp(action.clone(), at(FIRST));
    let other = table.tsa.stamp(action, at(FIRST));
    assert_ne!(lot(&one), lot(&other));
    let batch = one.batch().hash();
    let text = [b"pregao/lot/v1", &batch.0[..], &one.action().digest().0[..]].concat();
    assert_eq!(lot(&one), Digest::of(&text));
}

#[test]
fn v184_who_bid_next_has_it_at_their_own_price_if_the_first_stays_away() {
    let mut table = auction();
    let absent = Author::new(120);
    let early = table.bid_by(&absent, at(FIRST - 1), 1_000);
    let again: Own = table.bid_by(&absent, at(FIRST), 1_000);
    table.bid(at(FIRST + 1), 1_000).unwrap();
    let closed = FIRST - 1 + F;
    table.close(at(closed)).unwrap();
    table.settle(at(closed), Some((1, 900))).unwrap();
    let over = at(closed + WITHIN + 1);
    let other = ForfeitedBid { seq: 2, ratio: absent.ratio(&early, &again) };
    let forfeited = Forfeited { winner: 1, others: vec![other], outcome: OUTCOME };
    table.broker(over, Body::Forfeited(forfeited)).unwrap();
    assert_eq!(table.settle(over, Some((2, 800))), Err(Code::SettledWrong));
    let second = table.settle(over, Some((3, 800))).unwrap();
    assert!(table.fold().withdrawal(), "a second winner binds nobody");
    assert_eq!(second, 7);
    let later = at(closed + 2 * (WITHIN + 1));
    table.broker(later, forfeited_alone(3)).unwrap();
    table.settle(later, None).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Unsold));
}

#[test]
fn v184_nobody_withdraws_from_the_first_winner_of_a_close_in_time() {
    let mut table = begun();
    table.close(at(FIRST + F)).unwrap();
    table.settle(at(FIRST + F), Some((1, 800))).unwrap();
    let withdrawn = Withdrawn { side: Side::Winner, outcome: OUTCOME };
    let withdrawn = table.broker(at(FIRST + F), Body::Withdrawn(withdrawn));
    assert_eq!(withdrawn, Err(Code::WithdrawForbidden));
}

// What is as in every auction.

fn unlist(table: &mut Table, micros: u64) -> Result<u64, Code> {
    let seller = Author::new(100);
    let (listing, own) = (seller.own(0), table.fresh(&seller));
    let ratio = seller.ratio(&listing, &own);
    let action = table.sign(&seller, &own, Body::Unlist(Unlist { ratio, successor: None }));
    let stamped = table.tsa.stamp(action, at(micros));
    table.submit(&stamped)
}

#[test]
fn v161_a_falling_price_is_taken_back_until_somebody_bids() {
    let mut table = auction();
    unlist(&mut table, FIRST).unwrap();
    assert_eq!(table.bid(at(FIRST), 1_000), Err(Code::BidLate));
    assert_eq!(table.close(at(FIRST + F - 1)), Err(Code::ClosedEarly));
    table.close(at(FIRST + F)).unwrap();
    table.settle(at(FIRST + F), None).unwrap();
    let unlisted = Outcome::Unlisted { successor: None };
    assert_eq!(table.fold().phase(), Phase::Ended(unlisted));
    let mut table = auction();
    let before = table.bid_at(at(FIRST - 1), 1_000);
    unlist(&mut table, FIRST).unwrap();
    table.submit(&before).unwrap();
    assert_eq!(table.fold().end(), at(FIRST - 1 + F));
    assert_eq!(unlist(&mut table, FIRST), Err(Code::UnlistBids));
}

#[test]
fn v040_no_bid_counts_once_a_dutch_auction_is_closed() {
    let mut table = auction();
    let earlier = table.bid_at(at(FIRST), 1_000);
    table.bid(at(FIRST), 1_000).unwrap();
    table.close(at(FIRST + F)).unwrap();
    assert_eq!(table.submit(&earlier), Err(Code::BidLate));
}

#[test]
fn v061_of_a_bid_in_a_dutch_auction_the_terms_say_floor_and_end() {
    let mut table = auction();
    let Body::List(listing) = table.opening.action().body().clone() else { panic!("a listing") };
    let judged = |bid: &Stamped| Body::List(listing.clone()).judge_alone(bid);
    assert_eq!(judged(&table.bid_at(at(SECOND), 399)), Err(Code::BidTooLow));
    assert_eq!(judged(&table.bid_at(at(SECOND), 400)), Ok(()));
    assert_eq!(judged(&table.bid_at(at(END + F - 1), 400)), Ok(()));
    assert_eq!(judged(&table.bid_at(at(END + F), 400)), Err(Code::BidLate));
}

// Any order.

/// The rules as one would tell them, over amounts and microseconds, without the fold's helpers.
#[derive(Debug, Default)]
struct Naive {
    /// (position, microseconds, price, lot) of every bid that counted.
    bids: Vec<(u64, u64, u64, Digest)>,
    newest: u64,
}

impl Naive {
    fn price(micros: u64) -> u64 {
        let mut price = 1_000;
        let mut step = EVERY;
        while step <= micros && price > 400 {
            price -= 100;
            step += EVERY;
        }
        price
    }

    fn end(&self) -> u64 {
        self.bids.first().map_or(END, |(_, micros, ..)| micros + F)
    }

    fn bid(&mut self, micros: u64, most: u64, lot: Digest) -> bool {
        let counts = micros < self.end()
            && micros + F >= self.newest
            // All were signed when only the listing was there.
            && self.bids.iter().all(|(_, earlier, ..)| earlier + F >= micros)
            && Self::price(micros) <= most;
        if counts {
            let seq = self.bids.len() as u64 + 1;
            self.bids.push((seq, micros, Self::price(micros), lot));
            self.newest = self.newest.max(micros);
        }
        counts
    }

    fn winner(&self) -> Option<(u64, u64)> {
        let mut best: Option<&(u64, u64, u64, Digest)> = None;
        for bid in &self.bids {
            if best.is_none_or(|best| (bid.1, bid.3) < (best.1, best.3)) {
                best = Some(bid);
            }
        }
        best.map(|(seq, _, price, _)| (*seq, *price))
    }
}

/// Bids in batches: how long after the batch before, what each agrees to, and when it is handed in.
fn batches() -> impl Strategy<Value = Vec<(u64, Vec<(u64, u16)>)>> {
    let wait = prop_oneof![
        4 => 0..SECOND,
        2 => Just(0),
        1 => Just(EVERY),
        2 => Just(F),
        1 => Just(F + 1),
        1 => Just(F - 1),
        1 => 0..END,
    ];
    let most = prop_oneof![Just(1_000_u64), 399..=1_001_u64, Just(400)];
    let batch = proptest::collection::vec((most, any::<u16>()), 1..4);
    proptest::collection::vec((wait, batch), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_stamps_gives_the_winner_of_fold_replay_and_a_naive_auction(batches in batches()) {
        let mut table = auction();
        let (mut now, mut stamped) = (0, Vec::new());
        for (wait, batch) in batches {
            now += wait;
            let authors = (0_u8..).map(|seed| Author::new(120 + seed));
            let signed = batch.iter().zip(authors).map(|((most, _), author)| {
                let own = table.fresh(&author);
                table.sign(&author, &own, bid(*most))
            });
            let signed: Vec<_> = signed.collect();
            let of_batch = table.tsa.stamp_all(signed, at(now));
            for ((most, order), bid) in batch.into_iter().zip(of_batch) {
                stamped.push((order, now, most, bid));
            }
        }
        stamped.sort_by_key(|(order, ..)| *order);
        let mut naive = Naive::default();
        for (_, micros, most, bid) in &stamped {
            let counted = naive.bid(*micros, *most, lot(bid));
            prop_assert_eq!(table.submit(bid).is_ok(), counted, "{} at {}", most, micros);
        }
        let end = naive.end().max(now);
        prop_assert_eq!(table.fold().end(), at(naive.end()));
        table.close(at(end)).unwrap();
        for (seq, _, price, _) in &naive.bids {
            if Some((*seq, *price)) != naive.winner() {
                let wrong = table.settle(at(end), Some((*seq, *price)));
                prop_assert_eq!(wrong, Err(Code::SettledWrong));
            }
        }
        table.settle(at(end), naive.winner()).unwrap();
        let room = verify::log(table.lines(), &table.head()).unwrap();
        let replayed = Auction::of(&room).expect("an auction");
        prop_assert_eq!(replayed.phase(), table.fold().phase());
    }
}
