//! Rules in auctions: which a listing can have, and what becomes of bids.

use crate::room::Code;
use crate::room::auction::rule::{
    Answer, Bidding, Fault, ListedError, Rule, Saying, State, samples,
};
use crate::room::body::SoftClose;
use crate::room::fixture::{END, SECOND, Table, Tsa, amount, at, start, terms};

fn listed(rule: &str) -> Result<(), Code> {
    Table::list(|terms| terms.rule = Some(rule.to_owned())).map(drop)
}

fn auction(rule: &str) -> Table {
    Table::list(|terms| terms.rule = Some(rule.to_owned())).expect("the rule can be listed")
}

#[test]
fn v174_a_listing_has_a_rule_that_is_one_or_none() {
    assert_eq!(listed("amount % 100 == 0"), Ok(()));
    for none in ["", "amount", "amount > ", "loop {}", "\u{202e}true"] {
        assert_eq!(listed(none), Err(Code::ListingRule), "{none}");
    }
    // What else is wrong with a listing is told first.
    let other = Table::list(|terms| {
        terms.rule = Some(String::new());
        terms.grace = 0;
    });
    assert_eq!(other.map(drop).unwrap_err(), Code::ListingTerms);
}

#[test]
fn v174_a_rule_errs_in_no_sample_state() {
    let most = (1_u64 << 53) - 1;
    // Each errs in states of one sort alone: without a bid, after one, after many, at once, at the end, for a small amount.
    for errs in [
        "amount / highest > 0",
        "amount / (highest - 1000) != 1",
        &format!("amount / (highest - {}) > 0", most - 1),
        "amount / bids > 0",
        "amount / paddle_bids > 0",
        "amount / (bids - 1) != 1",
        "amount / (bids - 1_000_000) != 1",
        "amount / elapsed > 0",
        "amount / remaining > 0",
        "amount / (remaining - 600) != 1",
        "amount / (amount - 1000) != 1",
        "amount / (amount - 1100) != 1",
        "amount / (start - 1000) > 0",
        "amount * amount > 0",
        "amount * 1025 > 0",
    ] {
        assert_eq!(listed(errs), Err(Code::ListingRule), "{errs}");
    }
    for holds in [
        "highest == 0 || amount * 100 / highest >= 105",
        "amount * 1024 > 0",
        "amount / (bids - 2) != 1",
        "amount / (highest - 1001) != 1",
        "false",
        "\"nobody may bid\"",
    ] {
        assert_eq!(listed(holds), Ok(()), "{holds}");
    }
}

#[test]
fn v174_sample_states_are_those_of_the_specification() {
    let mut listing = terms(&Tsa::new(204));
    let state = |numbers: [i64; 6]| {
        let [amount, highest, least, bids, elapsed, remaining] = numbers;
        let (start, paddle_bids) = (1_000, bids);
        State { amount, highest, least, start, bids, paddle_bids, elapsed, remaining }
    };
    let most = (1_i64 << 53) - 1;
    let lasts = i64::try_from(END / SECOND).unwrap();
    let mut expected = Vec::new();
    for (highest, least, bids) in [(0, 1_000, 0), (1_000, 1_100, 1), (most - 1, most, 1_000_000)] {
        for amount in [least, most] {
            expected.push(state([amount, highest, least, bids, 0, lasts]));
            expected.push(state([amount, highest, least, bids, lasts, 0]));
        }
    }
    assert_eq!(samples(&listing, at(0)), expected);
    // Up to the hard end, in whole seconds; and from 1 where it starts from nothing.
    listing.soft = Some(SoftClose { extend: 30, hard_end: at(END + 60 * SECOND) });
    listing.start = start(0);
    let first = State {
        amount: 1,
        highest: 0,
        least: 1,
        start: 0,
        bids: 0,
        paddle_bids: 0,
        elapsed: 0,
        remaining: lasts + 59,
    };
    assert_eq!(samples(&listing, at(1)).first(), Some(&first));
}

#[test]
fn v174_why_a_rule_cannot_be_listed_is_said() {
    let mut listing = terms(&Tsa::new(204));
    listing.rule = Some("amount / bids > 0".to_owned());
    let refused = Rule::of(&listing, at(0)).unwrap_err();
    assert!(
        matches!(refused, ListedError::Errs { fault: Fault::DivisionByZero, state } if state.bids == 0)
    );
    assert_eq!(refused.to_string(), "it divides by zero in a bid of 1000 on 0 after 0 s");
    listing.rule = Some("bidz > 0".to_owned());
    let refused = Rule::of(&listing, at(0)).unwrap_err();
    assert_eq!(refused.to_string(), "line 1, column 1: bidz is not known here");
    listing.rule = None;
    assert_eq!(Rule::of(&listing, at(0)), Ok(None));
}

#[test]
fn v175_a_bid_is_asked_about_in_the_state_at_its_position() {
    let mut table =
        auction("if amount % 300 != 0 { \"threes only\" } else { bids < 2 || highest > 1500 }");
    assert_eq!(table.bid(at(SECOND), 1_000), Err(Code::BidRule));
    let says = Saying::try_from("threes only".to_owned()).unwrap();
    let answer = |table: &Table, minor| table.fold().answer(amount(minor), at(SECOND), None);
    assert_eq!(answer(&table, 1_000), Some(Answer::Says(says)));
    assert_eq!(table.bid(at(SECOND), 1_200), Ok(1));
    assert_eq!(table.bid(at(SECOND), 1_500), Ok(2));
    assert_eq!(answer(&table, 1_800), Some(Answer::Refuses));
    assert_eq!(table.bid(at(SECOND), 1_800), Err(Code::BidRule));
    let state = table.fold().state(amount(1_800), at(SECOND + 1), None);
    let lasts = i64::try_from(END / SECOND).unwrap();
    let expected = State {
        amount: 1_800,
        highest: 1_500,
        least: 1_600,
        start: 1_000,
        bids: 2,
        paddle_bids: 0,
        elapsed: 1,
        remaining: lasts - 2,
    };
    assert_eq!(state, expected);
    // Where there is none nothing is asked.
    assert_eq!(Table::auction().fold().answer(amount(1), at(0), None), None);
    assert_eq!(Table::auction().fold().rule(), None);
}

#[test]
fn v175_a_bid_on_which_the_rule_errs_is_refused() {
    // It holds in all sample states.
    let mut table = auction("amount / (amount - 1234) < 1000000");
    assert_eq!(table.bid(at(SECOND), 1_234), Err(Code::BidRule));
    assert_eq!(
        table.fold().answer(amount(1_234), at(0), None),
        Some(Answer::Errs(Fault::DivisionByZero))
    );
    assert_eq!(table.bid(at(SECOND), 1_233), Ok(1));
}

#[test]
fn v175_every_other_reason_is_told_before_the_rule() {
    let mut table = Table::list(|terms| {
        terms.rule = Some("false".to_owned());
        terms.max_raise = Some(amount(500));
        terms.begin = Some(at(SECOND));
    })
    .unwrap();
    assert_eq!(table.bid(at(0), 1_000), Err(Code::BidEarly));
    assert_eq!(table.bid(at(SECOND), 999), Err(Code::BidTooLow));
    assert_eq!(table.bid(at(SECOND), 1_501), Err(Code::BidTooHigh));
    assert_eq!(table.bid(at(SECOND), 1_500), Err(Code::BidRule));
    assert_eq!(table.bid(at(END), 1_000), Err(Code::BidLate));
}

#[test]
fn v175_a_bid_that_would_buy_is_asked_about_too_and_refused_bids_move_no_end() {
    let mut table = Table::list(|terms| {
        terms.rule = Some("amount < 3000 && remaining < 30".to_owned());
        terms.buy_now = Some(amount(3_000));
        terms.soft = Some(SoftClose { extend: 30, hard_end: at(END + 60 * SECOND) });
    })
    .unwrap();
    let late = at(END - 10 * SECOND);
    assert_eq!(table.bid(late, 3_000), Err(Code::BidRule));
    assert_eq!((table.fold().is_bought(), table.fold().end()), (false, at(END)));
    assert_eq!(table.bid(late, 1_000), Ok(1));
    // The end moved, and so did what is left.
    assert_eq!(table.fold().end(), at(END + 20 * SECOND));
    assert_eq!(table.bid(late, 1_200), Err(Code::BidRule));
    assert_eq!(table.bid(at(END - 9 * SECOND), 1_200), Ok(2));
}

#[test]
fn an_auction_and_its_rule_say_what_the_rule_is() {
    let source = "amount % 100 == 0";
    let rule = Rule::read(source, Bidding::Open).unwrap();
    assert_eq!(rule.source(), source);
    assert_eq!(auction(source).fold().rule(), Some(&rule));
}
