//! Sealed auctions: each rule at its bound.

use super::verbs::ReleasedLock;
use super::*;
use crate::log::Cosignature;
use crate::room::auction::Auction;
use crate::room::body::{Body, Listing, SealedTerms, SoftClose, Step, Unlist};
use crate::room::fixture::{
    Author, END, G, Own, SECOND, Table, amount, at, forfeited_alone, revealed, seal_key, witness,
    witness_key,
};
use crate::trust::timelock::Master;
use crate::trust::timelock::OpenedLock;

const WITNESS: u8 = 61;
const BROKER_SECRET: [u8; 32] = [77; 32];

fn first_price(listing: &mut Listing) {
    listing.sealed = Some(SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() });
    listing.increment = amount(1);
    listing.witnesses = vec![witness(WITNESS)];
    listing.quorum = 1;
}

fn second_price(listing: &mut Listing) {
    first_price(listing);
    listing.sealed = Some(SealedTerms { price: PriceRule::Second, needed: 1, locks: Vec::new() });
}

fn master() -> Master {
    Master::from_random([7; 32])
}

/// The instant of the auctions here, in seconds, and from the listing's stamp in microseconds.
fn instant() -> (u64, u64) {
    (at(END + 2 * G).as_secs() + 1, END + 2 * G + SECOND)
}

fn key_of(table: &Table) -> SealKey {
    broker_key(&BROKER_SECRET, table.name())
}

fn lock(table: &Table, at: u64) -> TimeLock {
    let tsa = table.tsa.public().fingerprint();
    TimeLock { tsa, at, key: master().secret(at).public(), simulated: false }
}

fn sealing(table: &Table) -> Sealing {
    let locks = vec![lock(table, instant().0).sign(&table.tsa.key)];
    Sealing { key: key_of(table).public(), locks }
}

/// An auction to whose keys can be sealed.
fn auction(terms: fn(&mut Listing)) -> Table {
    let mut table = Table::list(terms).unwrap();
    let sealing = sealing(&table);
    table.broker(at(SECOND), Body::Sealing(sealing)).unwrap();
    table
}

fn sealed_bid(table: &Table, author: &Author, own: &Own, minor: u64) -> SealedBid {
    let to = table.fold().recipients().unwrap();
    let key = author.key(own).public();
    let halves = [[own.blind.expose()[31]; 32], [4; 32]];
    envelope::seal_bid(to, (table.name(), &key), amount(minor), seal_key(91), &halves).unwrap()
}

fn bid_sealed(table: &mut Table, author: &Author, time: Time, minor: u64) -> Result<u64, Code> {
    let own = table.fresh(author);
    let body = Body::SealedBid(sealed_bid(table, author, &own, minor));
    let action = table.sign(author, &own, body);
    let stamped = table.tsa.stamp(action, time);
    table.submit(&stamped)
}

/// A witness's date on the close.
fn cosigned(table: &Table, time: u64) -> Cosignature {
    let head = table.fold().closing().unwrap().head;
    Cosignature::sign(&head, time, &witness_key(WITNESS))
}

fn opening(table: &Table) -> Opened {
    Opened {
        key: OpenedLock(*key_of(table).expose()),
        locks: vec![ReleasedLock {
            tsa: 0,
            secret: OpenedLock(*master().secret(instant().0).expose()),
        }],
        cosigned: vec![cosigned(table, instant().0 - 1)],
    }
}

fn settle(
    table: &mut Table,
    time: Time,
    winner: Option<(u64, u64)>,
    cosigned: Option<Cosignature>,
) -> Result<u64, Code> {
    let settled = Settled {
        winner: winner.map(|(seq, _)| seq),
        price: winner.map(|(_, minor)| amount(minor)),
        cosigned: cosigned.into_iter().collect(),
    };
    table.broker(time, Body::Settled(settled))
}

/// Three bids, closed in time: 1,000 (seq 2), 3,000 (seq 3) and 2,000 (seq 4).
fn closed(terms: fn(&mut Listing)) -> Table {
    let mut table = auction(terms);
    for minor in [1_000, 3_000, 2_000] {
        bid_sealed(&mut table, &Author::new(110), at(2 * SECOND), minor).unwrap();
    }
    table.close(at(END)).unwrap();
    table
}

fn opened(terms: fn(&mut Listing)) -> Table {
    let mut table = closed(terms);
    let opening = opening(&table);
    table.broker(at(instant().1), Body::Opened(opening)).unwrap();
    table
}

fn in_time(table: &Table) -> Option<Cosignature> {
    Some(cosigned(table, at(END).as_secs() + 1))
}

#[test]
fn v164_a_sealed_listing_has_terms_that_sealed_bids_can_have() {
    type Change = fn(&mut Listing);
    let list = |change: Change| {
        Table::list(|listing| {
            first_price(listing);
            change(listing);
        })
        .map(drop)
    };
    assert_eq!(list(|_| {}), Ok(()));
    let wrong: [Change; 9] = [
        |listing| listing.increment = amount(2),
        |listing| listing.max_raise = Some(amount(5)),
        |listing| listing.buy_now = Some(amount(5_000)),
        |listing| listing.steps = vec![Step { from: amount(1), increment: amount(1) }],
        |listing| listing.soft = Some(SoftClose { extend: 60, hard_end: listing.end }),
        |listing| (listing.witnesses, listing.quorum) = (vec![], 0),
        |listing| {
            listing.sealed =
                Some(SealedTerms { price: PriceRule::First, needed: 0, locks: Vec::new() })
        },
        |listing| {
            listing.sealed =
                Some(SealedTerms { price: PriceRule::First, needed: 2, locks: Vec::new() })
        },
        |listing| listing.stamps = vec![listing.stamps[0]; 2],
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        assert_eq!(list(wrong), Err(Code::ListingTerms), "{number}");
    }
}

#[test]
fn v164_bids_can_be_opened_a_second_after_a_close_that_is_not_late_must_be_public() {
    for (micros, expected) in [(0, 1), (1, 2), (999_999, 2), (1_000_000, 2)] {
        let mut listing = Table::auction().fold().listing().clone();
        listing.end = at(END).plus(Duration::from_micros(micros));
        let shut = at(END + 2 * G).as_secs();
        assert_eq!(opens_at(&listing), shut + expected, "{micros}");
    }
}

#[test]
fn v164_the_broker_states_once_what_bids_are_sealed_to() {
    let mut table = auction(first_price);
    let again = sealing(&table);
    assert_eq!(table.broker(at(SECOND), Body::Sealing(again.clone())), Err(Code::VerbPhase));
    let mut english = Table::auction();
    assert_eq!(english.broker(at(SECOND), Body::Sealing(again.clone())), Err(Code::VerbKind));
    let mut late = Table::list(first_price).unwrap();
    late.close(at(END)).unwrap();
    let keys = sealing(&late);
    assert_eq!(late.broker(at(END), Body::Sealing(keys)), Err(Code::VerbPhase));
    // A stranger cannot.
    let author = Author::new(110);
    let own = table.fresh(&author);
    let action = table.sign(&author, &own, Body::Sealing(again));
    let stamped = table.tsa.stamp(action, at(SECOND));
    assert_eq!(table.submit(&stamped), Err(Code::VerbAuthor));
}

#[test]
fn v164_bids_are_sealed_to_the_tsas_of_the_listing_for_the_instant_after_its_end() {
    let refused = |change: fn(&Table, &mut Sealing)| {
        let mut table = Table::list(first_price).unwrap();
        let mut keys = sealing(&table);
        change(&table, &mut keys);
        table.broker(at(SECOND), Body::Sealing(keys)).map(drop)
    };
    assert_eq!(refused(|_, _| {}), Ok(()));
    let other = |table: &Table, change: fn(&mut TimeLock)| {
        let mut lock = lock(table, instant().0);
        change(&mut lock);
        vec![lock.sign(&table.tsa.key)]
    };
    let wrong: [fn(&Table, &mut Sealing); 2] = [
        |_, keys| keys.locks.clear(),
        |_, keys| keys.locks = vec![keys.locks[0].clone(), keys.locks[0].clone()],
    ];
    for wrong in wrong {
        assert_eq!(refused(wrong), Err(Code::SealingWrong));
    }
    let wrong: [fn(&mut TimeLock); 3] =
        [|lock| lock.at -= 1, |lock| lock.at += 1, |lock| lock.simulated = true];
    for change in wrong {
        let mut table = Table::list(first_price).unwrap();
        let mut keys = sealing(&table);
        keys.locks = other(&table, change);
        assert_eq!(table.broker(at(SECOND), Body::Sealing(keys)), Err(Code::SealingWrong));
    }
    // Another TSA's statement, and a broker's key to which nothing can be sealed.
    let mut table = Table::list(first_price).unwrap();
    let stranger = crate::room::fixture::Tsa::new(66);
    let tsa = stranger.public().fingerprint();
    let mut keys = sealing(&table);
    keys.locks = vec![TimeLock { tsa, ..lock(&table, instant().0) }.sign(&stranger.key)];
    assert_eq!(table.broker(at(SECOND), Body::Sealing(keys)), Err(Code::SealingWrong));
    let mut keys = sealing(&table);
    keys.key = crate::trust::seal::SealPublic([0; 32]);
    assert_eq!(table.broker(at(SECOND), Body::Sealing(keys)), Err(Code::SealingWrong));
}

#[test]
fn v165_a_bid_comes_after_its_keys_before_the_end_and_sealed() {
    let author = Author::new(110);
    let mut early = Table::list(first_price).unwrap();
    let whole = auction(first_price);
    let own = early.fresh(&author);
    let body = Body::SealedBid(sealed_bid(&whole, &author, &own, 2_000));
    let action = early.sign(&author, &own, body);
    let stamped = early.tsa.stamp(action, at(SECOND));
    assert_eq!(early.submit(&stamped), Err(Code::BidEarly));

    let mut table = auction(first_price);
    assert!(
        bid_sealed(&mut table, &author, at(2 * SECOND), 1).is_ok(),
        "nobody sees how low it is"
    );
    assert_eq!(table.bid(at(2 * SECOND), 5_000), Err(Code::VerbKind));
    assert!(bid_sealed(&mut table, &author, at(END - 1), 2_000).is_ok());
    let own = table.fresh(&author);
    let body = Body::SealedBid(sealed_bid(&table, &author, &own, 2_000));
    let action = table.sign(&author, &own, body);
    let on_its_way = table.tsa.stamp(action, at(END - 1));
    assert_eq!(bid_sealed(&mut table, &author, at(END), 2_000), Err(Code::BidLate));
    table.close(at(END)).unwrap();
    assert_eq!(table.submit(&on_its_way), Err(Code::BidLate));

    // None is taken where bids are open.
    let mut english = Table::auction();
    let own = english.fresh(&author);
    let action = english.sign(&author, &own, Body::SealedBid(sealed_bid(&whole, &author, &own, 9)));
    let stamped = english.tsa.stamp(action, at(SECOND));
    assert_eq!(english.submit(&stamped), Err(Code::VerbKind));
}

#[test]
fn v165_every_bid_has_one_form() {
    let author = Author::new(110);
    let changes: [fn(&mut SealedBid); 8] = [
        |bid| bid.broker = vec![1; 79].try_into().unwrap(),
        |bid| bid.broker = vec![1; 81].try_into().unwrap(),
        |bid| bid.shares.clear(),
        |bid| bid.shares.push(bid.shares[0].clone()),
        |bid| bid.shares[0] = vec![1; 79].try_into().unwrap(),
        |bid| bid.shares[0] = vec![1; 81].try_into().unwrap(),
        |bid| bid.amount = vec![1; 23].try_into().unwrap(),
        |bid| bid.amount = vec![1; 25].try_into().unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut table = auction(first_price);
        let own = table.fresh(&author);
        let mut bid = sealed_bid(&table, &author, &own, 2_000);
        change(&mut bid);
        let action = table.sign(&author, &own, Body::SealedBid(bid));
        let stamped = table.tsa.stamp(action, at(2 * SECOND));
        assert_eq!(table.submit(&stamped), Err(Code::BidSealed), "{number}");
    }
}

#[test]
fn v166_secrets_open_every_bid_from_the_instant_on() {
    let mut table = closed(first_price);
    assert!(table.fold().has_unopened());
    let opening = opening(&table);
    let early = table.broker(at(instant().1 - 1), Body::Opened(opening.clone()));
    assert_eq!(early, Err(Code::OpenedWrong));
    table.broker(at(instant().1), Body::Opened(opening.clone())).unwrap();
    let amounts: Vec<_> = table.fold().bids().iter().map(|bid| bid.amount.minor()).collect();
    assert_eq!(amounts, [1_000, 3_000, 2_000]);
    assert!(table.fold().is_opened() && !table.fold().has_unopened());
    let again = table.broker(at(instant().1), Body::Opened(opening));
    assert_eq!(again, Err(Code::VerbPhase));
}

#[test]
fn v166_nothing_is_opened_but_by_the_right_secrets_after_a_close_that_was_public() {
    type Change = fn(&Table, &mut Opened);
    let wrong: [Change; 10] = [
        |_, opened| opened.key = OpenedLock([1; 32]),
        |_, opened| opened.locks.clear(),
        |_, opened| opened.locks.push(opened.locks[0]),
        |_, opened| opened.locks[0].tsa = 1,
        |_, opened| opened.locks[0].secret = OpenedLock([1; 32]),
        // A second later the TSA had given the secret.
        |table, opened| opened.cosigned = vec![cosigned(table, instant().0)],
        |_, opened| opened.cosigned.clear(),
        |_, opened| opened.cosigned.push(opened.cosigned[0]),
        |_, opened| opened.cosigned[0].time -= 1,
        |table, opened| {
            let head = table.fold().closing().unwrap().head;
            opened.cosigned =
                vec![Cosignature::sign(&head, instant().0 - 1, &witness_key(WITNESS + 1))];
        },
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        let mut table = closed(first_price);
        let mut opening = opening(&table);
        change(&table, &mut opening);
        let refused = table.broker(at(instant().1), Body::Opened(opening));
        assert_eq!(refused, Err(Code::OpenedWrong), "{number}");
    }
    let mut open = auction(first_price);
    bid_sealed(&mut open, &Author::new(110), at(2 * SECOND), 1_000).unwrap();
    let other = closed(first_price);
    let refused = open.broker(at(instant().1), Body::Opened(opening(&other)));
    assert_eq!(refused, Err(Code::VerbPhase), "it is not closed");
    let mut none = auction(first_price);
    none.close(at(END)).unwrap();
    let refused = none.broker(at(instant().1), Body::Opened(opening(&none)));
    assert_eq!(refused, Err(Code::VerbPhase), "there is nothing to open");
}

#[test]
fn v166_the_date_in_an_opening_makes_a_close_late_as_that_in_a_settlement_would() {
    // Dates are in whole seconds, and the one that the grace ends in counts.
    let limit = at(END + G).as_secs();
    for (time, late) in [(limit, None), (limit + 1, Some(Late::Witness))] {
        let mut table = closed(first_price);
        let opening = Opened { cosigned: vec![cosigned(&table, time)], ..opening(&table) };
        table.broker(at(instant().1), Body::Opened(opening)).unwrap();
        assert_eq!(table.fold().late(), late);
        settle(&mut table, at(instant().1), Some((3, 3_000)), None).unwrap();
        assert_eq!(table.fold().late(), late);
    }
}

#[test]
fn v166_nothing_is_opened_any_more_once_the_bids_are_given_up() {
    let day = instant().1 + 24 * 3_600 * SECOND;
    for (time, judged) in [(day - 1, Ok(())), (day, Err(Code::OpenedWrong))] {
        let mut table = closed(first_price);
        let opening = opening(&table);
        assert_eq!(table.broker(at(time), Body::Opened(opening)).map(drop), judged);
    }
}

#[test]
fn v166_an_opening_is_late_after_a_minute_and_time_without_a_tsa_is_nobodys_delay() {
    let limit = instant().1 + 60 * SECOND;
    for (before, late) in [(limit, None), (limit + 1, Some(Late::Opened))] {
        let mut table = closed(first_price);
        table.tsa.tick(at(before));
        let opening = Opened { cosigned: vec![in_time(&table).unwrap()], ..opening(&table) };
        table.broker(at(limit + 3_600 * SECOND), Body::Opened(opening)).unwrap();
        assert_eq!(table.fold().late(), late);
    }
}

#[test]
fn v165_a_bid_below_the_start_or_that_does_not_open_is_void_and_delays_nobody() {
    let mut table = auction(first_price);
    let author = Author::new(110);
    bid_sealed(&mut table, &author, at(2 * SECOND), 999).unwrap();
    bid_sealed(&mut table, &author, at(2 * SECOND), 1_000).unwrap();
    let own = table.fresh(&author);
    let mut bad = sealed_bid(&table, &author, &own, 9_000);
    bad.commitment.0[0] ^= 1;
    let action = table.sign(&author, &own, Body::SealedBid(bad));
    let stamped = table.tsa.stamp(action, at(2 * SECOND));
    table.submit(&stamped).unwrap();
    table.close(at(END)).unwrap();
    let opening = opening(&table);
    table.broker(at(instant().1), Body::Opened(opening)).unwrap();
    let void = |seq, cause| Voided { seq, cause, says: None };
    assert_eq!(table.fold().voided(), [void(2, Void::TooLow), void(4, Void::Commitment)]);
    settle(&mut table, at(instant().1), Some((3, 1_000)), None).unwrap();
}

#[test]
fn v176_a_bid_that_the_rule_does_not_accept_is_void_with_what_it_says() {
    let mut table = auction(|listing| {
        first_price(listing);
        let rule = "if amount % 100 != 0 { \"hundreds only\" } else { 9000 / (amount - 4000) != 9 && elapsed < 3 }";
        listing.rule = Some(rule.to_owned());
    });
    let author = Author::new(110);
    // A text, an error, false, accepted, too late by the rule, and below the start, which is told first.
    for minor in [1_001, 4_000, 5_000, 3_000] {
        bid_sealed(&mut table, &author, at(2 * SECOND), minor).unwrap();
    }
    bid_sealed(&mut table, &author, at(3 * SECOND), 6_000).unwrap();
    bid_sealed(&mut table, &author, at(3 * SECOND), 999).unwrap();
    assert_eq!(table.fold().answer(amount(3_000), at(0), None), None, "nothing is asked before");
    table.close(at(END)).unwrap();
    let opening = opening(&table);
    table.broker(at(instant().1), Body::Opened(opening)).unwrap();
    let void = |seq, cause, says: Option<&str>| {
        let says = says.map(|says| says.to_owned().try_into().unwrap());
        Voided { seq, cause, says }
    };
    let expected = [
        void(2, Void::Rule, Some("hundreds only")),
        void(3, Void::Rule, None),
        void(4, Void::Rule, None),
        void(6, Void::Rule, None),
        void(7, Void::TooLow, None),
    ];
    assert_eq!(table.fold().voided(), expected);
    settle(&mut table, at(instant().1), Some((5, 3_000)), None).unwrap();
}

#[test]
fn v174_a_rule_for_sealed_bids_asks_nothing_of_other_bids() {
    for (rule, listed) in [
        ("amount > start && elapsed + remaining > 0", true),
        ("amount > highest", false),
        ("bids < 9", false),
        ("amount >= least", false),
    ] {
        let table = Table::list(|listing| {
            first_price(listing);
            listing.rule = Some(rule.to_owned());
        });
        assert_eq!(table.map(drop), if listed { Ok(()) } else { Err(Code::ListingRule) }, "{rule}");
    }
}

#[test]
fn v168_the_highest_bid_pays_itself_or_the_highest_that_loses() {
    for (terms, price) in [(first_price as fn(&mut Listing), 3_000), (second_price, 2_000)] {
        let mut table = opened(terms);
        for wrong in [None, Some((2, 1_000)), Some((3, price + 1)), Some((3, price - 1))] {
            let refused = settle(&mut table, at(instant().1), wrong, None);
            assert_eq!(refused, Err(Code::SettledWrong));
        }
        // The date is in `opened` already.
        let dated = in_time(&table);
        let refused = settle(&mut table, at(instant().1), Some((3, price)), dated);
        assert_eq!(refused, Err(Code::SettledWrong));
        settle(&mut table, at(instant().1), Some((3, price)), None).unwrap();
        assert_eq!(
            table.fold().late(),
            Some(Late::Witness),
            "dated a second before it could be opened"
        );
        assert_eq!(table.fold().winner().unwrap().seq, 3);
        table.broker(at(instant().1), revealed()).unwrap();
    }
}

#[test]
fn v168_the_first_of_equal_bids_wins_and_pays_the_other() {
    let mut table = auction(second_price);
    for minor in [2_000, 5_000, 5_000] {
        bid_sealed(&mut table, &Author::new(110), at(2 * SECOND), minor).unwrap();
    }
    table.close(at(END)).unwrap();
    let opening = opening(&table);
    table.broker(at(instant().1), Body::Opened(opening)).unwrap();
    settle(&mut table, at(instant().1), Some((3, 5_000)), None).unwrap();
}

#[test]
fn v168_who_bids_alone_at_second_price_pays_the_start() {
    let mut table = auction(second_price);
    bid_sealed(&mut table, &Author::new(110), at(2 * SECOND), 9_000).unwrap();
    table.close(at(END)).unwrap();
    let opening = opening(&table);
    table.broker(at(instant().1), Body::Opened(opening)).unwrap();
    settle(&mut table, at(instant().1), Some((2, 1_000)), None).unwrap();
}

#[test]
fn v168_after_a_forfeit_the_next_pays_by_the_bids_that_are_left() {
    let mut table = opened(second_price);
    settle(&mut table, at(instant().1), Some((3, 2_000)), None).unwrap();
    let over = at(instant().1 + crate::room::fixture::WITHIN + 1);
    table.broker(over, forfeited_alone(3)).unwrap();
    assert_eq!(settle(&mut table, over, Some((4, 2_000)), None), Err(Code::SettledWrong));
    settle(&mut table, over, Some((4, 1_000)), None).unwrap();
    assert!(table.fold().withdrawal());
}

#[test]
fn v167_without_a_witness_before_the_instant_the_auction_is_void() {
    let mut table = closed(first_price);
    let early = settle(&mut table, at(instant().1 - 1), None, None);
    assert_eq!(early, Err(Code::SettledEarly));
    assert_eq!(
        settle(&mut table, at(instant().1), Some((3, 3_000)), None),
        Err(Code::SettledWrong)
    );
    settle(&mut table, at(instant().1), None, None).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Void));

    let mut late = closed(first_price);
    let dated = Some(cosigned(&late, instant().0));
    settle(&mut late, at(instant().1), None, dated).unwrap();
    assert_eq!(late.fold().phase(), Phase::Ended(Outcome::Void));
}

#[test]
fn v167_what_is_not_opened_within_a_day_ends_without_a_winner() {
    let day = instant().1 + 24 * 3_600 * SECOND;
    let mut table = closed(first_price);
    let dated = in_time(&table);
    assert_eq!(settle(&mut table, at(day - 1), None, dated), Err(Code::SettledEarly));
    let by_another = Cosignature { witness: witness_key(WITNESS + 1).public(), ..dated.unwrap() };
    assert_eq!(settle(&mut table, at(day), None, Some(by_another)), Err(Code::SettledWrong));
    settle(&mut table, at(day), None, dated).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Unopened));
}

#[test]
fn v167_without_a_bid_it_is_unsold_at_once() {
    let mut table = auction(first_price);
    table.close(at(END)).unwrap();
    let dated = in_time(&table);
    settle(&mut table, at(END), None, dated).unwrap();
    assert_eq!(table.fold().phase(), Phase::Ended(Outcome::Unsold));
}

#[test]
fn v161_a_sealed_bid_keeps_the_seller_from_taking_the_item_back() {
    let mut table = auction(first_price);
    bid_sealed(&mut table, &Author::new(110), at(2 * SECOND), 1).unwrap();
    let seller = Author::new(100);
    let own = table.fresh(&seller);
    let ratio = seller.ratio(&seller.own(0), &own);
    let action = table.sign(&seller, &own, Body::Unlist(Unlist { ratio, successor: None }));
    let stamped = table.tsa.stamp(action, at(3 * SECOND));
    assert_eq!(table.submit(&stamped), Err(Code::UnlistBids));
}

#[test]
fn v061_of_a_sealed_bid_the_terms_alone_say_when_and_in_which_form() {
    let table = closed(first_price);
    let listing = table.fold().listing().clone();
    let author = Author::new(110);
    let judged = |time: u64, change: fn(&mut SealedBid)| {
        let mut table = auction(first_price);
        let own = table.fresh(&author);
        let mut body = sealed_bid(&table, &author, &own, 2_000);
        change(&mut body);
        let action = table.sign(&author, &own, Body::SealedBid(body));
        let stamped = table.tsa.stamp(action, at(time));
        <Auction as crate::room::kind::Fold>::judge_alone(&listing, &stamped)
    };
    assert_eq!(judged(END - 1, |_| {}), Ok(()));
    assert_eq!(judged(END, |_| {}), Err(Code::BidLate));
    assert_eq!(judged(2 * SECOND, |bid| bid.shares.clear()), Err(Code::BidSealed));
    let mut open = auction(first_price);
    let clear = open.bid_at(at(2 * SECOND), 5_000);
    let alone = <Auction as crate::room::kind::Fold>::judge_alone;
    assert_eq!(alone(&listing, &clear), Err(Code::VerbKind));
    let english = Table::auction().fold().listing().clone();
    assert_eq!(alone(&english, &clear), Ok(()));
    let mut table = auction(first_price);
    let own = table.fresh(&author);
    let body = Body::SealedBid(sealed_bid(&table, &author, &own, 2_000));
    let action = table.sign(&author, &own, body);
    let sealed = table.tsa.stamp(action, at(2 * SECOND));
    assert_eq!(alone(&listing, &sealed), Ok(()));
    assert_eq!(alone(&english, &sealed), Err(Code::VerbKind));
}

/// What TSA `x` of three makes its secrets from.
fn master_of(x: u8) -> Master {
    Master::from_random([7 + x; 32])
}

/// An auction that two of three TSAs open, with one bid, closed in time.
fn closed_by_three() -> Table {
    use crate::room::fixture::Tsa;
    let others = [Tsa::new(66), Tsa::new(67)];
    let keys = others.clone().map(|tsa| tsa.public());
    let mut table = Table::list(|listing| {
        first_price(listing);
        listing.sealed =
            Some(SealedTerms { price: PriceRule::First, needed: 2, locks: Vec::new() });
        listing.stamps.extend(keys);
    })
    .unwrap();
    let mut stated = sealing(&table);
    for (x, tsa) in (1..).zip(&others) {
        let key = master_of(x).secret(instant().0).public();
        let lock = TimeLock { tsa: tsa.public().fingerprint(), key, ..lock(&table, instant().0) };
        stated.locks.push(lock.sign(&tsa.key));
    }
    table.broker(at(SECOND), Body::Sealing(stated)).unwrap();
    bid_sealed(&mut table, &Author::new(110), at(2 * SECOND), 2_000).unwrap();
    table.close(at(END)).unwrap();
    table
}

#[test]
fn v166_secrets_are_of_as_many_tsas_as_it_takes_each_once_in_their_order() {
    let judged = |of: &[u8]| {
        let mut table = closed_by_three();
        let released = |x: &u8| ReleasedLock {
            tsa: (*x).into(),
            secret: OpenedLock(*master_of((*x).min(2)).secret(instant().0).expose()),
        };
        let locks = of.iter().map(released).collect();
        let opened = Opened { locks, ..opening(&table) };
        let judged = table.broker(at(instant().1), Body::Opened(opened));
        judged.map(|_| table.fold().bids().first().map(|bid| bid.amount.minor()))
    };
    for enough in [[0, 1], [0, 2], [1, 2]] {
        assert_eq!(judged(&enough), Ok(Some(2_000)), "{enough:?}");
    }
    for wrong in [&[][..], &[0], &[0, 0], &[1, 1], &[1, 0], &[2, 1], &[0, 1, 2], &[1, 3]] {
        assert_eq!(judged(wrong), Err(Code::OpenedWrong), "{wrong:?}");
    }
}

/// A broker that says late what to seal to decides who can bid.
#[test]
fn v164_whoever_states_the_keys_more_than_a_minute_after_the_listing_closes_late() {
    for (prev, stamp, late) in [
        (60 * SECOND, 60 * SECOND, None),
        (60 * SECOND, 60 * SECOND + 1, None),
        (60 * SECOND + 1, 60 * SECOND + 1, Some(Late::Sealing)),
    ] {
        let mut table = Table::list(first_price).unwrap();
        table.tsa.tick(at(prev));
        let sealing = sealing(&table);
        table.broker(at(stamp), Body::Sealing(sealing)).unwrap();
        assert_eq!(table.fold().late(), late, "prev {prev}, stamp {stamp}");
        // What comes later is no other cause.
        table.tsa.tick(at(END + G + 1));
        table.close(at(END + G + 1)).unwrap();
        assert_eq!(table.fold().late(), late.or(Some(Late::Stamp)));
    }
}

/// Under one key for two parts, one secret would open what two are needed for.
#[test]
fn v164_all_keys_that_bids_are_sealed_to_differ() {
    let mut table = Table::list(first_price).unwrap();
    let good = sealing(&table);
    let key = lock(&table, instant().0).key;
    let refused = table.broker(at(SECOND), Body::Sealing(Sealing { key, ..good.clone() }));
    assert_eq!(refused, Err(Code::SealingWrong));
    table.broker(at(SECOND), Body::Sealing(good)).unwrap();
}

/// Of two closes, each dated by witnesses of half of the operators, a broker would choose one once it reads the bids.
#[test]
fn v166_it_takes_the_dates_of_a_quorum_before_the_instant() {
    let by_two = |listing: &mut Listing| {
        first_price(listing);
        listing.witnesses = [0, 1, 2].map(|n| witness(WITNESS + n)).to_vec();
        listing.quorum = 2;
    };
    let mut table = closed(by_two);
    let head = table.fold().closing().unwrap().head;
    let by = |n, time| Cosignature::sign(&head, time, &witness_key(WITNESS + n));
    let (early, last) = (instant().0 - 9, instant().0 - 1);
    let opened = |cosigned| Body::Opened(Opened { cosigned, ..opening(&closed(by_two)) });
    let time = at(instant().1);
    for dates in [vec![by(0, early)], vec![by(0, early), by(1, last + 1)], vec![by(2, early)]] {
        assert_eq!(table.broker(time, opened(dates.clone())), Err(Code::OpenedWrong));
        // Nor is it shut by them: the auction is void.
        let mut void = closed(by_two);
        let settled = Settled { winner: None, price: None, cosigned: dates };
        void.broker(time, Body::Settled(settled)).unwrap();
        assert_eq!(void.fold().phase(), Phase::Ended(Outcome::Void));
    }
    table.broker(time, opened(vec![by(0, early), by(2, last)])).unwrap();
    assert!(table.fold().is_opened());
}

#[test]
fn v167_neither_a_winner_nor_a_price_is_named_where_nothing_was_opened() {
    let mut table = closed(first_price);
    for (winner, price) in [(Some(3), None), (None, Some(amount(3_000)))] {
        let settled = Settled { winner, price, cosigned: Vec::new() };
        let judged = table.broker(at(instant().1), Body::Settled(settled));
        assert_eq!(judged, Err(Code::SettledWrong), "{winner:?} {price:?}");
    }
}

#[test]
fn a_bid_is_where_it_was_logged_whether_it_is_read_void_or_still_sealed() {
    let mut table = auction(first_price);
    for minor in [999, 1_000, 1_000] {
        bid_sealed(&mut table, &Author::new(110), at(2 * SECOND), minor).unwrap();
    }
    let bids = |table: &Table| (0..8).filter(|seq| table.fold().has_bid(*seq)).collect::<Vec<_>>();
    assert_eq!(bids(&table), [2, 3, 4]);
    table.close(at(END)).unwrap();
    let opening = opening(&table);
    table.broker(at(instant().1), Body::Opened(opening)).unwrap();
    assert_eq!(table.fold().voided().len(), 1);
    assert_eq!(bids(&table), [2, 3, 4]);
    assert_eq!(table.fold().least_bid(), Some(amount(1_000)), "a bid need not exceed another");
}

#[test]
fn the_key_of_a_bid_is_known_while_it_is_sealed_and_after() {
    let mut table = auction(first_price);
    let author = Author::new(110);
    let own = table.fresh(&author);
    let key = author.key(&own).public();
    let body = Body::SealedBid(sealed_bid(&table, &author, &own, 2_000));
    let action = table.sign(&author, &own, body);
    let stamped = table.tsa.stamp(action, at(2 * SECOND));
    table.submit(&stamped).unwrap();
    table.close(at(END)).unwrap();
    let keys = |table: &Table| {
        let auction = table.fold();
        assert_eq!((auction.bid_key(1), auction.bid_key(3)), (None, None));
        (auction.bid_key(2), auction.bid_keys().collect::<Vec<_>>())
    };
    assert_eq!(keys(&table), (Some(key), vec![(2, key)]));
    let opening = opening(&table);
    table.broker(at(instant().1), Body::Opened(opening)).unwrap();
    assert_eq!(keys(&table), (Some(key), vec![(2, key)]));
}

#[test]
fn a_sealed_auction_says_when_its_bids_can_be_opened() {
    assert_eq!(auction(first_price).fold().opens().map(|at| at.as_secs()), Some(instant().0));
    assert_eq!(Table::auction().fold().opens(), None);
}

mod apart;
