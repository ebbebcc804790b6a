//! Bids, the close, the winner and what follows, each rule at its bound.

use super::*;
use crate::room::body::{Empty, ForfeitedBid, Say, Settled, SoftClose, Unlist, Withdrawn};
use crate::room::fixture::{
    Author, END, F, G, OUTCOME, Own, SECOND, Table, WITHIN, abandoned, amount, at, bid, close_body,
    entry_key, eur, revealed, seal_key, text,
};

/// An auction with one bid of 1,000, closed in time.
fn closed() -> Table {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    table.close(at(END)).unwrap();
    table
}

/// Three bids of one author (seq 1, 3, 4) around one of another (seq 2), settled at `END`.
fn settled() -> (Table, Author, [Own; 3]) {
    let mut table = Table::auction();
    let winner = Author::new(120);
    let first = table.bid_by(&winner, at(SECOND), 1_000);
    table.bid(at(SECOND), 1_100).unwrap();
    let second = table.bid_by(&winner, at(SECOND), 1_200);
    let third = table.bid_by(&winner, at(SECOND), 1_300);
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((4, 1_300))).unwrap();
    (table, winner, [first, second, third])
}

/// When the time to disclose of [`settled`] ends.
fn over() -> Time {
    at(END + WITHIN + 1)
}

fn forfeited(author: &Author, owns: &[Own; 3]) -> Forfeited {
    let [first, second, third] = owns;
    let others = vec![
        ForfeitedBid { seq: 1, ratio: author.ratio(third, first) },
        ForfeitedBid { seq: 3, ratio: author.ratio(third, second) },
    ];
    Forfeited { winner: 4, others, outcome: OUTCOME }
}

// Listings: V-039.

#[test]
fn v039_a_listing_ends_after_its_own_stamp() {
    assert_eq!(Table::list(|terms| terms.end = at(0)).unwrap_err(), Code::ListingEnd);
    assert!(Table::list(|terms| terms.end = at(1)).is_ok());
}

#[test]
fn v039_a_listing_ends_within_a_year_and_a_day() {
    let year = 366 * 24 * 3_600 * SECOND;
    assert!(Table::list(|terms| terms.end = at(year)).is_ok());
    assert_eq!(Table::list(|terms| terms.end = at(year + 1)).unwrap_err(), Code::ListingEnd);
    let soft =
        |hard_end| move |terms: &mut Listing| terms.soft = Some(SoftClose { extend: 30, hard_end });
    assert!(Table::list(soft(at(year))).is_ok());
    assert_eq!(Table::list(soft(at(year + 1))).unwrap_err(), Code::ListingEnd);
}

#[test]
fn v039_the_terms_of_a_listing_have_bounds_on_both_sides() {
    type Change = fn(&mut Listing, u32);
    let freshness: Change = |terms, value| terms.freshness = value;
    let grace: Change = |terms, value| terms.grace = value;
    let within: Change = |terms, value| terms.disclose_within = value;
    let threshold: Change = |terms, value| terms.threshold = value;
    let stamps: Change = |terms, value| {
        terms.stamps = vec![terms.stamps[0]; usize::try_from(value).unwrap()];
    };
    let authorities: Change = |terms, value| {
        terms.authorities = vec![terms.authorities[0]; usize::try_from(value).unwrap()];
    };
    for (what, change, least, most) in [
        ("freshness", freshness, 1, 60),
        ("grace", grace, 1, 60),
        ("disclose_within", within, 10, 2_592_000),
        ("threshold", threshold, 1, 1),
        ("authorities", authorities, 1, 8),
        ("stamps", stamps, 1, 8),
    ] {
        let list = |value| Table::list(|terms| change(terms, value)).map(drop);
        assert_eq!(list(least), Ok(()), "{what} {least}");
        assert_eq!(list(most), Ok(()), "{what} {most}");
        assert_eq!(list(most + 1), Err(Code::ListingTerms), "{what} {}", most + 1);
        // Without stamp keys there is no TSA that the opening could be stamped by.
        if what != "stamps" {
            assert_eq!(list(least - 1), Err(Code::ListingTerms), "{what} {}", least - 1);
        }
    }
}

#[test]
fn v039_a_soft_close_extends_by_three_freshness_bounds_at_least_and_a_day_at_most() {
    let list = |extend, hard_end| {
        Table::list(|terms| terms.soft = Some(SoftClose { extend, hard_end })).map(drop)
    };
    assert_eq!(list(29, at(END)), Err(Code::ListingTerms));
    assert_eq!(list(30, at(END)), Ok(()));
    assert_eq!(list(86_400, at(END)), Ok(()));
    assert_eq!(list(86_401, at(END)), Err(Code::ListingTerms));
    assert_eq!(list(30, at(END - 1)), Err(Code::ListingTerms));
}

#[test]
fn v038_a_listing_is_stamped_by_a_tsa_that_it_names() {
    let other = crate::room::fixture::Tsa::new(66).public();
    assert_eq!(Table::list(|terms| terms.stamps = vec![other]).unwrap_err(), Code::StampUnknownTsa);
}

#[test]
fn v038_the_broker_lists_nothing() {
    let mut tsa = crate::room::fixture::Tsa::new(204);
    let own = Author::new(0).own(0);
    let draft = crate::room::action::Draft {
        id: own.id,
        room: None,
        body: Body::List(crate::room::fixture::terms(&tsa)),
        seen: crate::room::action::Seen::nothing(),
    };
    let opening = tsa.stamp(draft.sign_as_broker(&entry_key()).unwrap(), at(0));
    assert_eq!(Table::open(tsa, opening).unwrap_err(), Code::VerbAuthor);
}

// Bids: V-040 to V-044.

#[test]
fn v043_the_first_bid_is_the_start_or_more() {
    let mut table = Table::auction();
    assert_eq!(table.bid(at(SECOND), 999), Err(Code::BidTooLow));
    assert_eq!(table.bid(at(SECOND), 1_000), Ok(1));
}

#[test]
fn v043_a_bid_exceeds_the_highest_by_the_increment_or_more() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    for low in [1, 999, 1_000, 1_001, 1_099] {
        assert_eq!(table.bid(at(SECOND), low), Err(Code::BidTooLow), "{low}");
    }
    assert_eq!(table.bid(at(SECOND), 1_100), Ok(2));
    assert_eq!(table.bid(at(SECOND), 1_199), Err(Code::BidTooLow));
    assert_eq!(table.bid(at(SECOND), 5_000), Ok(3));
    assert_eq!(table.fold().least_bid(), Some(amount(5_100)));
}

#[test]
fn v043_an_earlier_stamp_does_not_displace_a_logged_bid() {
    let mut table = Table::auction();
    let hoarded = table.bid_at(at(SECOND), 1_000);
    table.bid(at(2 * SECOND), 1_000).unwrap();
    assert_eq!(table.submit(&hoarded), Err(Code::BidTooLow));
    assert_eq!(table.fold().leading().unwrap().seq, 1);
}

#[test]
fn v043_nothing_exceeds_the_largest_amount() {
    let mut table = Table::auction();
    let largest = crate::value::label::MAX_AMOUNT;
    assert_eq!(table.bid(at(SECOND), largest - 99), Ok(1));
    assert_eq!(table.fold().least_bid(), None);
    assert_eq!(table.bid(at(SECOND), largest), Err(Code::BidTooLow));
    let mut table = Table::auction();
    assert_eq!(table.bid(at(SECOND), largest - 100), Ok(1));
    assert_eq!(table.bid(at(SECOND), largest), Ok(2));
}

#[test]
fn v014_amounts_are_1_to_2_to_the_53rd_minus_1() {
    assert!(Amount::try_from(0).is_err());
    assert_eq!(Amount::try_from(1).unwrap().minor(), 1);
    assert_eq!(Amount::try_from((1 << 53) - 1).unwrap().minor(), 9_007_199_254_740_991);
    assert!(Amount::try_from(1 << 53).is_err());
    assert!(Amount::try_from(u64::MAX).is_err());
    let largest = amount((1 << 53) - 1);
    assert_eq!(largest.raised_by(amount(1)), None);
    assert_eq!(largest.raised_by(largest), None);
    assert_eq!(amount((1 << 53) - 2).raised_by(amount(1)), Some(largest));
}

#[test]
fn v040_a_bid_stamped_at_the_end_is_late_and_one_microsecond_before_counts() {
    let mut table = Table::auction();
    let in_time = table.bid_at(at(END - 1), 1_000);
    let late = table.bid_at(at(END), 1_100);
    assert_eq!(table.submit(&late), Err(Code::BidLate));
    assert_eq!(table.submit(&in_time), Ok(1));
    assert_eq!(table.submit(&late), Err(Code::BidLate));
}

#[test]
fn v040_a_bid_logged_after_the_close_is_late_whenever_it_was_stamped() {
    let mut table = Table::auction();
    let in_time = table.bid_at(at(END - 1), 1_000);
    table.close(at(END)).unwrap();
    assert_eq!(table.submit(&in_time), Err(Code::BidLate));
    table.settle(at(END), None).unwrap();
    assert_eq!(table.submit(&in_time), Err(Code::BidLate));
}

#[test]
fn v041_a_bid_stamped_before_the_listing_is_refused_and_one_at_the_same_instant_counts() {
    let mut table = Table::auction();
    let mut other = crate::room::fixture::Tsa::new(205);
    let bidder = Author::new(110);
    // A TSA of its own, so that the earlier stamp contradicts none of the listing's.
    let mut table_of_two = Table::list(|terms| terms.stamps.push(other.public())).unwrap();
    let action = table_of_two.sign(&bidder, &bidder.own(1), bid(1_000));
    let noon = at(0);
    let early = other.stamp(action, noon.minus(Duration::from_micros(1)));
    assert_eq!(table_of_two.submit(&early), Err(Code::BidEarly));
    assert_eq!(table.bid(noon, 1_000), Ok(1));
}

#[test]
fn v042_a_bid_in_another_currency_is_refused() {
    let mut table = Table::auction();
    let bidder = Author::new(110);
    let currency = "USD".parse().unwrap();
    let body = Body::Bid(Bid { amount: amount(1_000), currency, seal: seal_key(91), paddle: None });
    let action = table.sign(&bidder, &bidder.own(1), body);
    let stamped = table.tsa.stamp(action, at(SECOND));
    assert_eq!(table.submit(&stamped), Err(Code::BidCurrency));
    for text in ["eur", "EURO", "EU", "", "E R", "ÉU"] {
        assert!(text.parse::<crate::room::body::Currency>().is_err(), "{text}");
    }
    assert_eq!(eur().to_string(), "EUR");
}

fn soft(extend: u32, hard_end: u64) -> Table {
    let soft = SoftClose { extend, hard_end: at(hard_end) };
    Table::list(|terms| terms.soft = Some(soft)).unwrap()
}

#[test]
fn v044_an_accepted_bid_moves_the_end_and_a_refused_one_does_not() {
    let mut table = soft(30, END + 100 * SECOND);
    let end = |table: &Table| table.fold().end();
    assert_eq!(table.bid(at(END - 30 * SECOND), 1_000), Ok(1));
    assert_eq!(end(&table), at(END));
    assert_eq!(table.bid(at(END - SECOND), 1_000), Err(Code::BidTooLow));
    assert_eq!(end(&table), at(END));
    assert_eq!(table.bid(at(END - SECOND), 1_100), Ok(2));
    assert_eq!(end(&table), at(END + 29 * SECOND));
}

#[test]
fn v044_each_bid_is_judged_by_the_end_at_its_position() {
    let mut table = soft(30, END + 100 * SECOND);
    let before = table.bid_at(at(END - 1), 1_000);
    let after = table.bid_at(at(END), 1_100);
    assert_eq!(table.submit(&after), Err(Code::BidLate));
    table.submit(&before).unwrap();
    assert_eq!(table.submit(&after), Ok(2));
    assert_eq!(table.close(at(END + 30 * SECOND - 1)), Err(Code::ClosedEarly));
    assert_eq!(table.bid(at(END + 30 * SECOND), 1_200), Err(Code::BidLate));
    assert!(table.close(at(END + 30 * SECOND)).is_ok());
}

#[test]
fn v044_the_end_never_moves_past_the_hard_end() {
    let mut table = soft(30, END + 10 * SECOND);
    table.bid(at(END - 1), 1_000).unwrap();
    assert_eq!(table.fold().end(), at(END + 10 * SECOND));
    table.bid(at(END + 10 * SECOND - 1), 1_100).unwrap();
    assert_eq!(table.fold().end(), at(END + 10 * SECOND));
    assert_eq!(table.bid(at(END + 10 * SECOND), 1_200), Err(Code::BidLate));
}

#[test]
fn v044_an_end_never_moves_back() {
    let mut table = soft(30, END + 100 * SECOND);
    table.bid(at(SECOND), 1_000).unwrap();
    assert_eq!(table.fold().end(), at(END));
}

// The close: V-045.

#[test]
fn v045_a_close_before_the_end_is_refused() {
    let mut table = Table::auction();
    assert_eq!(table.close(at(END - 1)), Err(Code::ClosedEarly));
    assert_eq!(table.close(at(END)), Ok(1));
    assert_eq!(table.fold().phase(), Phase::Closed);
}

#[test]
fn v045_a_close_has_seen_every_entry_before_it() {
    let mut table = Table::auction();
    let last = table.bid_at(at(END - 1), 1_000);
    let blind = table.broker_at(at(END), close_body());
    table.submit(&last).unwrap();
    assert_eq!(table.submit(&blind), Err(Code::ClosedSeen));
    assert!(table.close(at(END)).is_ok());
}

#[test]
fn v045_a_room_is_closed_once() {
    let mut table = closed();
    assert_eq!(table.close(at(END)), Err(Code::VerbPhase));
}

#[test]
fn v032_peers_do_nothing_that_is_the_brokers_and_the_broker_nothing_that_is_theirs() {
    let mut table = Table::auction();
    let peer = Author::new(110);
    let reveal = settled().0.reveal_opening(over());
    for body in [
        close_body(),
        Body::Settled(Settled { winner: None, price: None, cosigned: Vec::new() }),
        revealed(),
        Body::Forfeited(Forfeited { winner: 1, others: vec![], outcome: OUTCOME }),
        abandoned(),
        Body::Withdrawn(Withdrawn { side: Side::Seller, outcome: OUTCOME }),
        Body::Absent(crate::room::body::Absent { seller: true, winner: true }),
    ] {
        let own = table.fresh(&peer);
        let action = table.sign(&peer, &own, body);
        let stamped = table.tsa.stamp(action, at(END));
        assert_eq!(table.submit(&stamped), Err(Code::VerbAuthor));
    }
    assert_eq!(table.broker(at(END), bid(1_000)), Err(Code::VerbAuthor));
    let say = Body::Say(Say { text: text("hello") });
    assert_eq!(table.broker(at(END), say), Err(Code::VerbAuthor));
    assert!(Body::Reveal(reveal).is_brokers());
}

#[test]
fn v045_a_close_is_late_if_stamp_and_preceding_header_are_past_end_and_grace() {
    for (prev, stamp, late) in [
        (END + G, END + G, false),
        (END + G, END + G + 1, false),
        (END + G + 1, END + G + 1, true),
        (SECOND, END + 100 * G, false),
    ] {
        let mut table = Table::auction();
        table.tsa.tick(at(prev));
        table.close(at(stamp)).unwrap();
        assert_eq!(table.fold().late().is_some(), late, "prev {prev}, stamp {stamp}");
        assert_eq!(table.fold().withdrawal(), late);
    }
}

// The winner: V-046.

#[test]
fn v046_no_winner_is_named_before_the_close_or_twice() {
    let mut table = Table::auction();
    assert_eq!(table.settle(at(SECOND), None), Err(Code::VerbPhase));
    let mut table = closed();
    table.settle(at(END), Some((1, 1_000))).unwrap();
    assert_eq!(table.settle(at(END), Some((1, 1_000))), Err(Code::VerbPhase));
}

#[test]
fn v046_only_the_winner_and_price_of_the_log_are_settled() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    table.bid(at(SECOND), 1_100).unwrap();
    table.close(at(END)).unwrap();
    for wrong in [None, Some((1, 1_000)), Some((2, 1_099)), Some((2, 1_000)), Some((3, 1_100))] {
        assert_eq!(table.settle(at(END), wrong), Err(Code::SettledWrong), "{wrong:?}");
    }
    for half in [
        Settled { winner: Some(2), price: None, cosigned: Vec::new() },
        Settled { winner: None, price: Some(amount(1_100)), cosigned: Vec::new() },
    ] {
        assert_eq!(table.broker(at(END), Body::Settled(half)), Err(Code::SettledWrong));
    }
    let seq = table.settle(at(END), Some((2, 1_100))).unwrap();
    let price = amount(1_100);
    assert_eq!(table.fold().phase(), Phase::Settled { winner: 2, price, seq, time: at(END) });
}

#[test]
fn v046_an_auction_without_bids_ends_unsold() {
    let mut table = Table::auction();
    table.close(at(END)).unwrap();
    assert_eq!(table.settle(at(END), Some((0, 1))), Err(Code::SettledWrong));
    table.settle(at(END), None).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Unsold));
}

#[test]
fn v046_an_auction_is_sold_once_both_disclosed_and_nothing_follows() {
    let mut table = closed();
    assert_eq!(table.broker(at(END), revealed()), Err(Code::VerbPhase));
    table.settle(at(END), Some((1, 1_000))).unwrap();
    table.broker(at(END), revealed()).unwrap();
    let sold = Outcome::Sold { winner: 1, price: amount(1_000) };
    assert_eq!(table.fold().phase(), Phase::Ended(sold));
    for body in [
        revealed(),
        abandoned(),
        Body::Forfeited(Forfeited { winner: 1, others: vec![], outcome: OUTCOME }),
        close_body(),
        Body::Settled(Settled {
            winner: Some(1),
            price: Some(amount(1_000)),
            cosigned: Vec::new(),
        }),
    ] {
        assert_eq!(table.broker(over(), body), Err(Code::VerbPhase));
    }
}

#[test]
fn v049_verbs_of_reveal_rooms_are_refused_in_an_auction() {
    let mut table = Table::auction();
    let peer = Author::new(110);
    let sealed = crate::room::body::SealedBody { sealed: vec![0; 8].try_into().unwrap() };
    for body in [Body::Disclose(sealed), Body::Withdraw(Empty {})] {
        let own = table.fresh(&peer);
        let action = table.sign(&peer, &own, body);
        let stamped = table.tsa.stamp(action, at(SECOND));
        assert_eq!(table.submit(&stamped), Err(Code::VerbKind));
    }
    let absent = crate::room::body::Absent { seller: true, winner: false };
    assert_eq!(table.broker(at(SECOND), Body::Absent(absent)), Err(Code::VerbKind));
}

#[test]
fn v049_everybody_may_speak_before_and_after_the_close() {
    let mut table = Table::auction();
    let peer = Author::new(110);
    for time in [SECOND, END] {
        let own = table.fresh(&peer);
        let action = table.sign(&peer, &own, Body::Say(Say { text: text("hello") }));
        let stamped = table.tsa.stamp(action, at(time));
        assert!(table.submit(&stamped).is_ok());
        table.close(at(END)).ok();
    }
}

// Absence: V-047 and V-049.

#[test]
fn v049_nobody_is_absent_before_the_time_to_disclose_is_over() {
    let (mut table, author, owns) = settled();
    let last = at(END + WITHIN);
    let list = forfeited(&author, &owns);
    assert_eq!(table.broker(last, Body::Forfeited(list.clone())), Err(Code::AbsentWrong));
    assert_eq!(table.broker(last, abandoned()), Err(Code::AbsentWrong));
    assert!(table.broker(over(), Body::Forfeited(list)).is_ok());
    let (mut table, ..) = settled();
    assert!(table.broker(over(), abandoned()).is_ok());
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Abandoned));
}

#[test]
fn v049_before_a_winner_is_named_nobody_can_be_absent() {
    let mut table = closed();
    let list = Forfeited { winner: 1, others: vec![], outcome: OUTCOME };
    assert_eq!(table.broker(over(), Body::Forfeited(list)), Err(Code::VerbPhase));
    assert_eq!(table.broker(over(), abandoned()), Err(Code::VerbPhase));
}

#[test]
fn v047_forfeited_bids_are_shown_to_be_of_the_winner() {
    let (mut table, author, owns) = settled();
    let good = forfeited(&author, &owns);
    let wrong = |change: fn(&mut Forfeited)| {
        let mut list = good.clone();
        change(&mut list);
        list
    };
    let cases = [
        ("another winner", wrong(|list| list.winner = 3)),
        ("ratios exchanged", {
            let mut list = good.clone();
            let (first, second) = (list.others[0].ratio, list.others[1].ratio);
            list.others[0].ratio = second;
            list.others[1].ratio = first;
            list
        }),
        ("a stranger's bid", wrong(|list| list.others[0].seq = 2)),
        ("not in order", wrong(|list| list.others.swap(0, 1))),
        ("one twice", wrong(|list| list.others[1] = list.others[0].clone())),
        ("no bid at all", wrong(|list| list.others[0].seq = 0)),
        ("beyond the log", wrong(|list| list.others[1].seq = 99)),
        ("zero for a ratio", wrong(|list| list.others[0].ratio.0 = [0; 32])),
    ];
    for (what, list) in cases {
        let refused = table.broker(over(), Body::Forfeited(list));
        assert_eq!(refused, Err(Code::ForfeitWrong), "{what}");
    }
    let mut own = good.clone();
    own.others.push(ForfeitedBid { seq: 4, ratio: author.ratio(&owns[2], &owns[2]) });
    assert_eq!(table.broker(over(), Body::Forfeited(own)), Err(Code::ForfeitWrong));
    assert!(table.broker(over(), Body::Forfeited(good)).is_ok());
}

#[test]
fn v047_the_next_winner_pays_their_own_price() {
    let (mut table, author, owns) = settled();
    table.broker(over(), Body::Forfeited(forfeited(&author, &owns))).unwrap();
    assert_eq!(table.fold().phase(), Phase::Closed);
    for wrong in [None, Some((4, 1_300)), Some((3, 1_200)), Some((2, 1_300)), Some((1, 1_000))] {
        assert_eq!(table.settle(over(), wrong), Err(Code::SettledWrong), "{wrong:?}");
    }
    table.settle(over(), Some((2, 1_100))).unwrap();
    assert_eq!(table.fold().winner().unwrap().amount, amount(1_100));
}

#[test]
fn v047_a_bid_is_forfeited_once() {
    let (mut table, author, owns) = settled();
    let all = forfeited(&author, &owns);
    let mut some = all.clone();
    some.others.truncate(1);
    table.broker(over(), Body::Forfeited(some)).unwrap();
    table.settle(over(), Some((3, 1_200))).unwrap();
    let again = Forfeited {
        winner: 3,
        others: vec![ForfeitedBid { seq: 1, ratio: author.ratio(&owns[1], &owns[0]) }],
        outcome: OUTCOME,
    };
    let later = over().plus(Duration::from_micros(WITHIN + 1));
    assert_eq!(table.broker(later, Body::Forfeited(again)), Err(Code::ForfeitWrong));
    assert_eq!(table.broker(later, Body::Forfeited(all)), Err(Code::ForfeitWrong));
    let rest = Forfeited { winner: 3, others: vec![], outcome: OUTCOME };
    table.broker(later, Body::Forfeited(rest)).unwrap();
    assert_eq!(table.settle(later, Some((2, 1_100))), Ok(10));
}

#[test]
fn v047_when_every_bid_is_forfeited_the_item_is_unsold() {
    let mut table = closed();
    table.settle(at(END), Some((1, 1_000))).unwrap();
    let list = Forfeited { winner: 1, others: vec![], outcome: OUTCOME };
    table.broker(over(), Body::Forfeited(list)).unwrap();
    table.settle(over(), None).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Unsold));
}

#[test]
fn v047_a_list_of_the_longest_kind_fits_an_action() {
    let mut table = Table::auction();
    let ratio = crate::trust::persona::Ratio([255; 32]);
    let other = ForfeitedBid { seq: crate::value::label::MAX_LOG_SIZE, ratio };
    let list = |count| Forfeited {
        winner: crate::value::label::MAX_LOG_SIZE,
        others: vec![other.clone(); count],
        outcome: OUTCOME,
    };
    let own = Author::new(0).own(1);
    let sign = |table: &Table, count| {
        let mut draft = table.draft(&own, Body::Forfeited(list(count)));
        draft.seen.size = crate::value::label::MAX_LOG_SIZE;
        draft.sign_as_broker(&entry_key())
    };
    assert!(sign(&table, MAX_FORFEITED).is_ok());
    assert!(table.close(at(END)).is_ok());
}

#[test]
fn v047_a_list_longer_than_the_longest_is_refused() {
    let mut table = Table::auction();
    let author = Author::new(120);
    let count = MAX_FORFEITED + 2;
    let owns: Vec<Own> = (0..count)
        .map(|n| table.bid_by(&author, at(SECOND), 1_000 + 100 * u64::try_from(n).unwrap()))
        .collect();
    table.close(at(END)).unwrap();
    let winner = table.fold().leading().copied().unwrap();
    table.settle(at(END), Some((winner.seq, winner.amount.minor()))).unwrap();
    let (last, others) = owns.split_last().unwrap();
    let others: Vec<ForfeitedBid> = (1..)
        .zip(others)
        .map(|(seq, own)| ForfeitedBid { seq, ratio: author.ratio(last, own) })
        .collect();
    assert_eq!(others.len(), MAX_FORFEITED + 1);
    let mut list = Forfeited { winner: winner.seq, others, outcome: OUTCOME };
    let refused = table.broker(over(), Body::Forfeited(list.clone()));
    assert_eq!(refused, Err(Code::ForfeitWrong));
    list.others.remove(0);
    assert!(table.broker(over(), Body::Forfeited(list)).is_ok());
}

// Withdrawal: V-048.

#[test]
fn v048_nobody_withdraws_from_an_auction_closed_in_time_with_its_first_winner() {
    let (mut table, ..) = settled();
    for side in [Side::Seller, Side::Winner] {
        let refused = table.broker(at(END), Body::Withdrawn(Withdrawn { side, outcome: OUTCOME }));
        assert_eq!(refused, Err(Code::WithdrawForbidden));
    }
}

#[test]
fn v048_either_side_may_withdraw_after_a_late_close() {
    for side in [Side::Seller, Side::Winner] {
        let mut table = Table::auction();
        table.bid(at(SECOND), 1_000).unwrap();
        let late = at(END + G + 1);
        table.tsa.tick(late);
        table.close(late).unwrap();
        assert_eq!(
            table.broker(late, Body::Withdrawn(Withdrawn { side, outcome: OUTCOME })),
            Err(Code::VerbPhase)
        );
        table.settle(late, Some((1, 1_000))).unwrap();
        table.broker(late, Body::Withdrawn(Withdrawn { side, outcome: OUTCOME })).unwrap();
        assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Withdrawn(side)));
    }
}

#[test]
fn v048_either_side_may_withdraw_once_a_second_winner_is_named() {
    let (mut table, author, owns) = settled();
    table.broker(over(), Body::Forfeited(forfeited(&author, &owns))).unwrap();
    assert!(!table.fold().withdrawal());
    table.settle(over(), Some((2, 1_100))).unwrap();
    assert!(table.fold().withdrawal());
    assert!(
        table
            .broker(over(), Body::Withdrawn(Withdrawn { side: Side::Winner, outcome: OUTCOME }))
            .is_ok()
    );
}

#[test]
fn bids_of_the_same_instant_are_ordered_by_the_log() {
    let mut table = Table::auction();
    let second = table.bid_at(at(F), 1_100);
    let first = table.bid_at(at(F), 1_000);
    assert_eq!(table.submit(&first), Ok(1));
    assert_eq!(table.submit(&second), Ok(2));
    assert_eq!(table.fold().bid(2).unwrap().amount, amount(1_100));
    assert_eq!(table.fold().bid(0), None);
    assert_eq!(table.fold().bid(3), None);
}

/// Signs and stamps that the seller, or another, takes the item back.
fn unlist_at(table: &mut Table, author: u8, from: u8, time: Time) -> Stamped {
    let (author, from) = (Author::new(author), Author::new(from));
    let own = table.fresh(&author);
    let ratio = from.ratio(&from.own(0), &own);
    let successor = Some(RoomName([7; 32]));
    let action = table.sign(&author, &own, Body::Unlist(Unlist { ratio, successor }));
    table.tsa.stamp(action, time)
}

fn unlist(table: &mut Table, author: u8, from: u8, time: Time) -> Result<u64, Code> {
    let stamped = unlist_at(table, author, from, time);
    table.submit(&stamped)
}

#[test]
fn v161_the_seller_takes_an_item_back_before_the_first_bid() {
    let mut table = Table::auction();
    let back = 60 * SECOND;
    let before = table.bid_at(at(back - 1), 1_000);
    unlist(&mut table, 100, 100, at(back)).unwrap();
    assert_eq!(table.bid(at(back), 1_000), Err(Code::BidLate));
    assert_eq!(unlist(&mut table, 100, 100, at(back + 1)), Err(Code::VerbPhase));
    // Bids stamped before have F to arrive.
    assert_eq!(table.close(at(back + F - 1)), Err(Code::ClosedEarly));
    let mut closed = table.branch();
    closed.close(at(back + F)).unwrap();
    assert_eq!(closed.fold().late(), None);
    // By then it is older than F.
    assert_eq!(closed.submit(&before), Err(Code::StampStale));
    closed.settle(at(back + F), None).unwrap();
    let successor = Some(RoomName([7; 32]));
    assert_eq!(closed.fold().phase(), Phase::Ended(Outcome::Unlisted { successor }));
    assert!(closed.fold().is_complete());
    assert_eq!(table.bid(at(back + F + G), 1_000), Err(Code::BidLate));
}

#[test]
fn v161_a_bid_stamped_before_it_voids_it() {
    let mut table = Table::auction();
    let back = 60 * SECOND;
    let before = table.bid_at(at(back - 1), 1_000);
    unlist(&mut table, 100, 100, at(back)).unwrap();
    table.submit(&before).unwrap();
    assert_eq!(table.fold().taken_back(), None);
    table.bid(at(back), 1_100).unwrap();
    assert_eq!(unlist(&mut table, 100, 100, at(back + 1)), Err(Code::UnlistBids));
    assert_eq!(table.close(at(back + F)), Err(Code::ClosedEarly));
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((3, 1_100))).unwrap();
}

#[test]
fn v161_one_that_is_not_closed_in_time_lapses() {
    let last = SECOND + F + G;
    let mut table = Table::auction();
    unlist(&mut table, 100, 100, at(SECOND)).unwrap();
    let mut closed = table.branch();
    closed.close(at(last)).unwrap();
    assert_eq!(table.close(at(last + 1)), Err(Code::ClosedEarly));
    // Nor does another one follow: backdated, it would be a choice made late.
    assert_eq!(unlist(&mut table, 100, 100, at(last + 1)), Err(Code::VerbPhase));
    let bid = table.bid_at(at(last + 1), 1_000);
    let mut unsold = table.branch();
    unsold.close(at(END)).unwrap();
    unsold.settle(at(END), None).unwrap();
    assert_eq!(unsold.fold().phase(), Phase::Ended(Outcome::Unsold));
    table.submit(&bid).unwrap();
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((2, 1_000))).unwrap();
}

#[test]
fn v161_one_shortly_before_the_end_is_closed_at_the_end() {
    let mut table = Table::auction();
    unlist(&mut table, 100, 100, at(END - 1)).unwrap();
    assert_eq!(table.close(at(END - 1)), Err(Code::ClosedEarly));
    let mut closed = table.branch();
    closed.close(at(END)).unwrap();
    assert_eq!(closed.fold().late(), None);
    table.tsa.tick(at(END + G + 1));
    table.close(at(END + G + 1)).unwrap();
    assert_eq!(table.fold().late(), Some(Late::Stamp));
}

#[test]
fn v161_nobody_else_takes_it_back_and_nobody_once_it_is_bid_on_or_over() {
    let mut table = Table::auction();
    // A key of another persona, with a ratio of that persona's or of the seller's.
    for from in [110, 100] {
        assert_eq!(unlist(&mut table, 110, from, at(SECOND)), Err(Code::UnlistSeller));
    }
    let bid = table.bid_at(at(END - 2), 1_000);
    let early = unlist_at(&mut table, 100, 100, at(END - 1));
    let over = unlist_at(&mut table, 100, 100, at(END));
    assert_eq!(table.opening.action().body().judge_alone(&over), Err(Code::VerbPhase));
    assert_eq!(table.opening.action().body().judge_alone(&early), Ok(()));
    let mut closed = table.branch();
    assert_eq!(closed.submit(&over), Err(Code::VerbPhase));
    closed.close(at(END)).unwrap();
    assert_eq!(closed.submit(&early), Err(Code::VerbPhase));
    table.submit(&bid).unwrap();
    assert_eq!(table.submit(&early), Err(Code::UnlistBids));
}

#[test]
fn v061_an_auction_has_no_verbs_of_other_rooms_or_of_sealed_bids() {
    use crate::room::auction::sealed::verbs::{Opened, Sealing};
    use crate::trust::timelock::OpenedLock;
    let mut table = Table::auction();
    let key = OpenedLock([7; 32]);
    for body in [
        Body::Absent(crate::room::body::Absent { seller: true, winner: false }),
        Body::Sealing(Sealing { key: seal_key(7), locks: Vec::new() }),
        Body::Opened(Opened { key, locks: Vec::new(), cosigned: Vec::new() }),
    ] {
        let entry = table.broker_at(at(SECOND), body);
        assert_eq!(table.opening.action().body().judge_alone(&entry), Err(Code::VerbKind));
        assert_eq!(table.submit(&entry), Err(Code::VerbKind));
    }
}

#[test]
fn v161_what_is_taken_back_says_since_when_and_for_what() {
    let mut table = Table::auction();
    unlist(&mut table, 100, 100, at(SECOND)).unwrap();
    let back = TakenBack { time: at(SECOND), successor: Some(RoomName([7; 32])) };
    assert_eq!(table.fold().taken_back(), Some(back));
}
