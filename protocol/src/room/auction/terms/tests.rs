//! What a listing may say of prices and times, and what becomes of bids then.

use crate::room::Code;
use crate::room::auction::{Late, Outcome, Phase};
use crate::room::body::{Listing, SoftClose, Step};
use crate::room::fixture::{END, F, G, SECOND, Table, amount, at, forfeited_alone, start};

fn step((from, increment): (u64, u64)) -> Step {
    Step { from: amount(from), increment: amount(increment) }
}

fn listed(change: impl FnOnce(&mut Listing)) -> Result<(), Code> {
    Table::list(change).map(drop)
}

#[test]
fn v158_increments_are_sixteen_at_most_and_their_amounts_rise() {
    let steps = |steps: &[(u64, u64)]| {
        listed(|terms| terms.steps = steps.iter().copied().map(step).collect())
    };
    let no = Err(Code::ListingTerms);
    assert_eq!(steps(&[(2_000, 50), (2_001, 1)]), Ok(()));
    assert_eq!(steps(&[(2_000, 50), (2_000, 60)]), no);
    assert_eq!(steps(&[(3_000, 50), (2_000, 60)]), no);
    let many: Vec<_> = (0..17).map(|at| (2_000 + at, 50)).collect();
    assert_eq!(steps(&many[..16]), Ok(()));
    assert_eq!(steps(&many), no);
}

#[test]
fn v158_the_largest_raise_is_no_smaller_than_any_increment() {
    let raise = |most, steps: &[(u64, u64)]| {
        listed(|terms| {
            terms.max_raise = Some(amount(most));
            terms.steps = steps.iter().copied().map(step).collect();
        })
    };
    assert_eq!(raise(100, &[]), Ok(()));
    assert_eq!(raise(99, &[]), Err(Code::ListingTerms));
    assert_eq!(raise(500, &[(2_000, 500)]), Ok(()));
    assert_eq!(raise(499, &[(2_000, 500)]), Err(Code::ListingTerms));
}

#[test]
fn v158_it_is_bought_for_no_less_than_the_start_and_begins_before_its_end() {
    let buy = |price| listed(|terms| terms.buy_now = Some(amount(price)));
    assert_eq!(buy(1_000), Ok(()));
    assert_eq!(buy(999), Err(Code::ListingTerms));
    let begin = |micros| listed(|terms| terms.begin = Some(at(micros)));
    assert_eq!(begin(END - 1), Ok(()));
    assert_eq!(begin(END), Err(Code::ListingEnd));
}

#[test]
fn v041_a_bid_before_the_auction_begins_is_early() {
    let mut table = Table::list(|terms| terms.begin = Some(at(5 * SECOND))).unwrap();
    assert_eq!(table.fold().begin(), at(5 * SECOND));
    assert_eq!(table.bid(at(5 * SECOND - 1), 1_000), Err(Code::BidEarly));
    assert_eq!(table.bid(at(5 * SECOND), 1_000), Ok(1));
    // It may have begun before it was listed.
    let mut table = Table::list_by(crate::room::fixture::Tsa::new(204), at(SECOND), |terms| {
        terms.begin = Some(at(0));
    })
    .unwrap();
    assert_eq!(table.fold().begin(), at(SECOND));
    assert_eq!(table.bid(at(SECOND), 1_000), Ok(1));
}

#[test]
fn v043_the_increment_is_that_of_the_highest_bid() {
    let steps = [(2_000, 500), (5_000, 1_000)].map(step);
    let mut table = Table::list(|terms| terms.steps = steps.to_vec()).unwrap();
    for (bid, least) in
        [(1_000, 1_100), (1_999, 2_099), (2_099, 2_599), (4_999, 5_499), (5_499, 6_499)]
    {
        table.bid(at(SECOND), bid).unwrap();
        assert_eq!(table.fold().least_bid(), Some(amount(least)), "after {bid}");
        assert_eq!(table.bid(at(SECOND), least - 1), Err(Code::BidTooLow), "after {bid}");
    }
    let mut table = Table::list(|terms| terms.steps = steps.to_vec()).unwrap();
    table.bid(at(SECOND), 2_000).unwrap();
    assert_eq!(table.fold().least_bid(), Some(amount(2_500)), "from the amount itself on");
}

#[test]
fn v159_no_bid_exceeds_the_highest_by_more_than_the_largest_raise() {
    let mut table = Table::list(|terms| terms.max_raise = Some(amount(300))).unwrap();
    assert_eq!(table.bid(at(SECOND), 1_301), Err(Code::BidTooHigh));
    assert_eq!(table.bid(at(SECOND), (1 << 53) - 1), Err(Code::BidTooHigh));
    assert_eq!(table.bid(at(SECOND), 1_300), Ok(1));
    assert_eq!(table.bid(at(SECOND), 1_601), Err(Code::BidTooHigh));
    assert_eq!(table.bid(at(SECOND), 1_399), Err(Code::BidTooLow));
    assert_eq!(table.bid(at(SECOND), 1_600), Ok(2));
    let largest = crate::value::label::MAX_AMOUNT;
    let mut table = Table::list(|terms| {
        (terms.start, terms.max_raise) = (start(largest - 200), Some(amount(300)));
    })
    .unwrap();
    assert_eq!(table.fold().most_bid(), None);
    assert_eq!(table.bid(at(SECOND), largest), Ok(1));
}

/// An auction that can be bought for 50.00.
fn buyable(change: impl FnOnce(&mut Listing)) -> Table {
    Table::list(|terms| {
        terms.buy_now = Some(amount(5_000));
        change(terms);
    })
    .unwrap()
}

#[test]
fn v160_a_bid_of_the_price_ends_the_auction_at_its_stamp() {
    let mut table = buyable(|_| {});
    let earlier = table.bid_at(at(SECOND), 9_000);
    table.bid(at(2 * SECOND), 2_499).unwrap();
    assert_eq!(table.fold().buy_now(), Some(amount(5_000)));
    table.bid(at(3 * SECOND), 5_000).unwrap();
    assert!(table.fold().is_bought());
    assert_eq!((table.fold().buy_now(), table.fold().end()), (None, at(3 * SECOND)));
    // Neither what was stamped before nor what comes after.
    assert_eq!(table.submit(&earlier), Err(Code::BidLate));
    assert_eq!(table.bid(at(3 * SECOND), 6_000), Err(Code::BidLate));
    table.close(at(3 * SECOND)).unwrap();
    assert_eq!(table.settle(at(4 * SECOND), Some((1, 2_499))), Err(Code::SettledWrong));
    table.settle(at(4 * SECOND), Some((2, 5_000))).unwrap();
    assert_eq!(table.fold().late(), None);
}

#[test]
fn v160_more_than_the_price_buys_too_and_is_what_is_paid() {
    let mut table = buyable(|_| {});
    table.bid(at(SECOND), 5_001).unwrap();
    table.close(at(SECOND)).unwrap();
    table.settle(at(SECOND), Some((1, 5_001))).unwrap();
}

#[test]
fn v160_nothing_is_bought_any_more_once_another_bid_is_half_of_it() {
    let mut table = buyable(|_| {});
    table.bid(at(SECOND), 2_500).unwrap();
    assert_eq!(table.fold().buy_now(), None);
    table.bid(at(2 * SECOND), 5_000).unwrap();
    assert!(!table.fold().is_bought());
    assert_eq!(table.fold().end(), at(END));
    table.bid(at(2 * SECOND), 5_100).unwrap();
}

#[test]
fn v160_a_close_waits_for_nobody_and_may_be_as_late_as_a_bid_may_be_old() {
    let mut table = buyable(|terms| {
        terms.soft = Some(SoftClose { extend: 30, hard_end: at(END + 60 * SECOND) });
    });
    assert_eq!(table.close(at(3 * SECOND)), Err(Code::ClosedEarly));
    table.bid(at(3 * SECOND), 5_000).unwrap();
    assert_eq!(table.fold().end(), at(3 * SECOND), "no bid can extend it");
    for (after, late) in [(0, None), (1, Some(Late::Stamp))] {
        let mut table = table.branch();
        let limit = at(3 * SECOND + F + G + after);
        table.tsa.tick(limit);
        table.close(limit).unwrap();
        assert_eq!(table.fold().late(), late);
    }
}

#[test]
fn v160_where_the_buyer_forfeits_nobody_wins() {
    let mut table = buyable(|_| {});
    table.bid(at(SECOND), 2_000).unwrap();
    table.bid(at(SECOND), 5_000).unwrap();
    table.close(at(SECOND)).unwrap();
    table.settle(at(SECOND), Some((2, 5_000))).unwrap();
    let after = at(302 * SECOND);
    table.broker(after, forfeited_alone(2)).unwrap();
    assert_eq!(table.settle(after, Some((1, 2_000))), Err(Code::SettledWrong));
    table.settle(after, None).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Unsold));
}

#[test]
fn v159_the_price_may_be_bid_however_large_the_raise() {
    let mut table = buyable(|terms| terms.max_raise = Some(amount(300)));
    assert_eq!(table.bid(at(SECOND), 5_001), Err(Code::BidTooHigh));
    assert_eq!(table.bid(at(SECOND), 1_301), Err(Code::BidTooHigh));
    assert_eq!(table.bid(at(SECOND), 5_000), Ok(1));
    // Once it cannot be bought, it is an amount like others.
    let mut table = buyable(|terms| {
        (terms.start, terms.max_raise) = (start(2_400), Some(amount(300)));
    });
    assert_eq!(table.bid(at(SECOND), 2_500), Ok(1));
    assert_eq!(table.bid(at(SECOND), 5_000), Err(Code::BidTooHigh));
}

#[test]
fn v061_a_receipt_of_a_close_holds_before_the_end_for_it_may_be_bought_or_taken_back() {
    let mut table = Table::list(|terms| terms.begin = Some(at(5 * SECOND))).unwrap();
    let early = table.bid_at(at(5 * SECOND - 1), 1_000);
    assert_eq!(table.opening.action().body().judge_alone(&early), Err(Code::BidEarly));
    let bid = table.bid_at(at(5 * SECOND), 1_000);
    assert_eq!(table.opening.action().body().judge_alone(&bid), Ok(()));
    let closed = table.broker_at(at(6 * SECOND), crate::room::fixture::close_body());
    assert_eq!(table.opening.action().body().judge_alone(&closed), Ok(()));
}

#[test]
fn v043_from_zero_on_every_amount_may_be_the_first_bid() {
    let mut table = Table::list(|terms| terms.start = start(0)).unwrap();
    assert_eq!(table.fold().least_bid(), Some(amount(1)));
    table.bid(at(SECOND), 1).unwrap();
    assert_eq!(table.bid(at(SECOND), 100), Err(Code::BidTooLow));
    table.bid(at(SECOND), 101).unwrap();
    let raised = |most| {
        Table::list(|terms| {
            (terms.start, terms.max_raise, terms.buy_now) =
                (start(0), Some(amount(most)), Some(amount(1)));
        })
    };
    // The first bid raises the price from nothing.
    let mut table = raised(150).unwrap();
    assert_eq!(table.bid(at(SECOND), 151), Err(Code::BidTooHigh));
    table.bid(at(SECOND), 150).unwrap();
    assert!(table.fold().is_bought(), "any bid buys for the least there is");
}
