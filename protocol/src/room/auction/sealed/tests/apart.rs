//! Bids that are locked by other TSAs than the one whose stamps count.

use proptest::prelude::*;

use super::*;
use crate::room::fixture::Tsa;
use crate::room::kind::Fold as _;
use crate::trust::key::{PublicKey, StampKey};

fn other(x: u8) -> Tsa {
    Tsa::new(66 + x)
}

fn key(x: u8) -> PublicKey<StampKey> {
    other(x).public()
}

/// Two of three TSAs besides the one that stamps.
fn apart(listing: &mut Listing) {
    by(listing, 2, (0..3).map(key).collect());
}

fn by(listing: &mut Listing, needed: u32, locks: Vec<PublicKey<StampKey>>) {
    first_price(listing);
    listing.sealed = Some(SealedTerms { price: PriceRule::First, needed, locks });
}

fn secret_of(x: u8) -> SealKey {
    master_of(x).secret(instant().0)
}

fn stated_by(table: &Table, x: u8) -> String {
    let tsa = key(x).fingerprint();
    let lock = TimeLock { tsa, key: secret_of(x).public(), ..lock(table, instant().0) };
    lock.sign(&other(x).key)
}

fn stated(table: &Table) -> Sealing {
    let locks = (0..3).map(|x| stated_by(table, x)).collect();
    Sealing { key: key_of(table).public(), locks }
}

fn bid_on() -> Table {
    let mut table = Table::list(apart).unwrap();
    let stated = stated(&table);
    table.broker(at(SECOND), Body::Sealing(stated)).unwrap();
    bid_sealed(&mut table, &Author::new(110), at(2 * SECOND), 2_000).unwrap();
    table
}

fn released(of: &[u8]) -> Vec<ReleasedLock> {
    let lock =
        |x: &u8| ReleasedLock { tsa: (*x).into(), secret: OpenedLock(*secret_of(*x).expose()) };
    of.iter().map(lock).collect()
}

#[test]
fn v231_a_listing_names_one_to_eight_tsas_that_lock_each_once_and_not_those_that_stamp_again() {
    let list = |needed: u32, locks: Vec<PublicKey<StampKey>>| {
        Table::list(|listing| by(listing, needed, locks)).map(drop)
    };
    let (own, eight) = (Tsa::new(65).public(), (0..8).map(key).collect::<Vec<_>>());
    let stamps = Table::auction().fold().listing().stamps.clone();
    for (needed, locks) in [(1, vec![key(0)]), (2, vec![key(0), stamps[0]]), (8, eight.clone())] {
        assert_eq!(list(needed, locks), Ok(()), "{needed}");
    }
    for (needed, locks) in [
        (1, stamps.clone()),
        (0, vec![key(0)]),
        (2, vec![key(0)]),
        (9, eight.clone()),
        (1, eight.iter().copied().chain([own]).collect()),
        (2, vec![key(0), key(0)]),
        (2, vec![key(0), key(1), key(0)]),
    ] {
        assert_eq!(list(needed, locks), Err(Code::ListingTerms), "{needed}");
    }
}

#[test]
fn v231_a_tsa_that_locks_stamps_nothing_and_one_that_stamps_locks_nothing() {
    let mut table = bid_on();
    let own = table.fresh(&Author::new(111));
    let bid = sealed_bid(&table, &Author::new(111), &own, 3_000);
    let action = table.sign(&Author::new(111), &own, Body::SealedBid(bid));
    let foreign = other(0).stamp(action, at(3 * SECOND));
    assert_eq!(table.submit(&foreign), Err(Code::StampUnknownTsa));
    let terms = Auction::terms(table.fold().listing());
    assert_eq!(terms.stamps, [table.tsa.public()]);
    assert_eq!(terms.locks, (0..3).map(key).collect::<Vec<_>>());
    // Where the listing names none, those that stamp do.
    let plain = auction(first_price);
    assert_eq!(Auction::terms(plain.fold().listing()).locks, [plain.tsa.public()]);
    let english = Table::auction();
    assert!(Auction::terms(english.fold().listing()).locks.is_empty());
}

#[test]
fn v231_a_broker_keeps_no_room_whose_locks_it_does_not_offer() {
    let terms = Auction::terms(bid_on().fold().listing());
    let mut certificate = crate::trust::broker::BrokerCertificate {
        keys: terms.broker,
        authorities: terms.authorities.clone(),
        stamps: terms.stamps.clone(),
        witnesses: terms.witnesses.clone(),
        quorum: terms.quorum,
        simulated: terms.simulated,
        locks: (0..4).map(key).collect(),
    };
    assert!(terms.are_of(&certificate));
    certificate.locks.remove(1);
    assert!(!terms.are_of(&certificate));
}

#[test]
fn v164_statements_are_by_the_tsas_that_lock_each_in_its_place() {
    let table = Table::list(apart).unwrap();
    let good = stated(&table);
    let judged = |change: &dyn Fn(&mut Vec<String>)| {
        let mut locks = good.locks.clone();
        change(&mut locks);
        Table::list(apart).unwrap().broker(at(SECOND), Body::Sealing(Sealing { locks, ..good }))
    };
    assert!(judged(&|_| {}).is_ok());
    let own = lock(&table, instant().0).sign(&table.tsa.key);
    type Change<'a> = &'a dyn Fn(&mut Vec<String>);
    let wrong: [Change<'_>; 6] = [
        &|locks| locks.swap(0, 1),
        &|locks| drop(locks.pop()),
        &|locks| locks.push(stated_by(&table, 3)),
        &|locks| locks[1] = stated_by(&table, 3),
        &|locks| locks[0].clone_from(&own),
        &|locks| locks[2] = locks[1].clone(),
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        assert_eq!(judged(change), Err(Code::SealingWrong), "{number}");
    }
}

#[test]
fn v166_any_two_of_three_that_lock_open_the_bids_and_fewer_do_not() {
    for (of, opens) in [
        (&[0, 1][..], true),
        (&[0, 2], true),
        (&[1, 2], true),
        (&[], false),
        (&[2], false),
        (&[2, 1], false),
        (&[1, 1], false),
        (&[0, 1, 2], false),
    ] {
        let mut table = bid_on();
        table.close(at(END)).unwrap();
        let opened = Opened { locks: released(of), ..opening(&table) };
        let judged = table.broker(at(instant().1), Body::Opened(opened));
        assert_eq!(judged.is_ok(), opens, "{of:?}: {judged:?}");
        let bids: Vec<u64> = table.fold().bids().iter().map(|bid| bid.amount.minor()).collect();
        assert_eq!(bids, if opens { vec![2_000] } else { vec![] }, "{of:?}");
    }
}

#[test]
fn a_listing_whose_stamping_tsa_locks_is_written_as_ever() {
    let listing = |terms: fn(&mut Listing)| {
        serde_json::to_string(Table::list(terms).unwrap().fold().listing()).unwrap()
    };
    let plain = listing(first_price);
    assert!(plain.contains(r#""sealed":{"price":"first","needed":1},"#), "{plain}");
    let apart = listing(apart);
    assert!(apart.contains(r#""sealed":{"price":"first","needed":2,"locks":["#), "{apart}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever secrets a broker shows, it opens exactly with as many right ones as are needed, each in its place.
    #[test]
    fn v166_only_right_secrets_in_their_places_open(
        shown in proptest::collection::vec((0_u8..5, proptest::bool::weighted(0.8)), 0..4),
    ) {
        let mut table = bid_on();
        table.close(at(END)).unwrap();
        let locks = shown.iter().map(|(x, right)| ReleasedLock {
            tsa: (*x).into(),
            secret: OpenedLock(*secret_of(if *right { *x } else { *x + 9 }).expose()),
        });
        let opened = Opened { locks: locks.collect(), ..opening(&table) };
        let places: Vec<u8> = shown.iter().map(|(x, _)| *x).collect();
        let due = shown.len() == 2
            && shown.iter().all(|(x, right)| *right && *x < 3)
            && places[0] < places[1];
        let judged = table.broker(at(instant().1), Body::Opened(opened));
        prop_assert_eq!(judged.is_ok(), due);
        prop_assert_eq!(table.fold().is_opened(), due);
    }
}
