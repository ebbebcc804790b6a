//! Hidden reserves: each rule at its bound.

use proptest::prelude::*;

use super::*;
use crate::log::Cosignature;
use crate::room::auction::Outcome;
use crate::room::auction::sealed::envelope::{seal_bid, seal_reserve};
use crate::room::auction::sealed::verbs::{Opened, PriceRule, ReleasedLock, SealedTerms, Sealing};
use crate::room::auction::sealed::{broker_key, opens_at};
use crate::room::body::{Body, DutchTerms, Settled, SoftClose};
use crate::room::fixture::{
    Author, END, F, G, LastBatch, Own, SECOND, Table, amount, at, forfeited_alone, revealed,
    seal_key, witness, witness_key,
};
use crate::trust::seal::{SealKey, Sealed};
use crate::trust::timelock::{Master, OpenedLock, TimeLock};

const WITNESS: u8 = 61;
const HALVES: [[u8; 32]; 2] = [[3; 32], [4; 32]];
/// What the seller's listing and the reserve itself are, so that a ratio ties them.
const SELLER: u8 = 100;
const DAY: u64 = 86_400 * SECOND;

fn witnessed(listing: &mut Listing) {
    listing.witnesses = vec![witness(WITNESS)];
    listing.quorum = 1;
    listing.reserve = Some(1);
}

/// Bids rise in the open, up to a fixed end.
fn open_bids(listing: &mut Listing) {
    witnessed(listing);
    listing.increment = amount(1);
}

fn sealed_bids(listing: &mut Listing) {
    open_bids(listing);
    listing.sealed = Some(SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() });
}

fn second_price(listing: &mut Listing) {
    sealed_bids(listing);
    listing.sealed = Some(SealedTerms { price: PriceRule::Second, needed: 1, locks: Vec::new() });
}

fn master() -> Master {
    Master::from_random([7; 32])
}

fn key_of(table: &Table) -> SealKey {
    broker_key(&[77; 32], table.name())
}

/// T, in seconds since 1970 and in microseconds from the listing on.
fn instant(table: &Table) -> (u64, u64) {
    let opens = opens_at(table.fold().listing());
    (opens, (opens - at(0).as_secs()) * SECOND)
}

fn seal(table: &mut Table) -> Result<u64, Code> {
    let tsa = table.tsa.public().fingerprint();
    let (at_secs, key) = (instant(table).0, master());
    let lock = TimeLock { tsa, at: at_secs, key: key.secret(at_secs).public(), simulated: false };
    let sealing = Sealing { key: key_of(table).public(), locks: vec![lock.sign(&table.tsa.key)] };
    table.broker(at(SECOND), Body::Sealing(sealing))
}

fn seller(table: &mut Table) -> (Author, Own, Ratio) {
    let author = Author::new(SELLER);
    let own = table.fresh(&author);
    let ratio = author.ratio(&author.own(0), &own);
    (author, own, ratio)
}

fn sealed_reserve(table: &Table, author: &Author, own: &Own, ratio: Ratio, minor: u64) -> Reserve {
    let to = table.fold().recipients().unwrap();
    let key = author.key(own).public();
    seal_reserve(to, (table.name(), &key), amount(minor), ratio, &HALVES).unwrap()
}

fn act(table: &mut Table, author: &Author, own: &Own, time: Time, body: Body) -> Result<u64, Code> {
    let action = table.sign(author, own, body);
    let stamped = table.tsa.stamp(action, time);
    table.submit(&stamped)
}

/// The seller seals a reserve, changed in some way.
fn reserve_as(
    table: &mut Table,
    time: Time,
    minor: u64,
    change: impl FnOnce(&mut Reserve),
) -> Result<u64, Code> {
    let (author, own, ratio) = seller(table);
    let mut reserve = sealed_reserve(table, &author, &own, ratio, minor);
    change(&mut reserve);
    act(table, &author, &own, time, Body::Reserve(reserve))
}

fn reserve(table: &mut Table, minor: u64) -> Result<u64, Code> {
    reserve_as(table, at(SECOND), minor, |_| {})
}

/// An auction in which can be bid, with a reserve of 5,000.
fn auction(terms: impl Fn(&mut Listing)) -> Table {
    let mut table = Table::list(|listing| terms(listing)).unwrap();
    seal(&mut table).unwrap();
    reserve(&mut table, 5_000).unwrap();
    table
}

fn bid(table: &mut Table, author: u8, minor: u64) -> Result<u64, Code> {
    let author = Author::new(author);
    let time = at(2 * SECOND);
    if table.fold().is_sealed() {
        let own = table.fresh(&author);
        let to = table.fold().recipients().unwrap();
        let place = (table.name(), &author.key(&own).public());
        let halves = [[own.blind.expose()[31]; 32], [4; 32]];
        let bid = seal_bid(to, place, amount(minor), seal_key(91), &halves).unwrap();
        return act(table, &author, &own, time, Body::SealedBid(bid));
    }
    table.bid(time, minor)
}

fn cosigned(table: &Table) -> Cosignature {
    let closing = table.fold().closing().unwrap();
    Cosignature::sign(&closing.head, closing.time.as_secs() + 1, &witness_key(WITNESS))
}

fn opening(table: &Table) -> Opened {
    let secret = OpenedLock(*master().secret(instant(table).0).expose());
    let sealed = table.fold().is_sealed();
    Opened {
        key: OpenedLock(*key_of(table).expose()),
        locks: vec![ReleasedLock { tsa: 0, secret }],
        cosigned: if sealed { vec![cosigned(table)] } else { Vec::new() },
    }
}

fn open(table: &mut Table, time: Time) -> Result<u64, Code> {
    let opening = opening(table);
    table.broker(time, Body::Opened(opening))
}

fn unseal_as(table: &mut Table, time: Time, change: impl FnOnce(&mut Unseal)) -> Result<u64, Code> {
    let (author, own, ratio) = seller(table);
    let [first, second] = HALVES.map(OpenedLock);
    let mut unseal = Unseal { ratio, first, second };
    change(&mut unseal);
    act(table, &author, &own, time, Body::Unseal(unseal))
}

fn unseal(table: &mut Table, time: Time) -> Result<u64, Code> {
    unseal_as(table, time, |_| {})
}

/// Names a winner and price, or nobody, with a date of the close where there is none yet.
fn settle(table: &mut Table, time: Time, winner: Option<(u64, u64)>) -> Result<u64, Code> {
    let dates = table.fold().awaits_witness().then(|| cosigned(table));
    let settled = Settled {
        winner: winner.map(|(seq, _)| seq),
        price: winner.map(|(_, minor)| amount(minor)),
        cosigned: dates.into_iter().collect(),
    };
    table.broker(time, Body::Settled(settled))
}

/// A closed auction with these bids, the first at position 3.
fn closed(terms: impl Fn(&mut Listing), bids: &[u64]) -> Table {
    let mut table = auction(terms);
    for (author, minor) in (110..).zip(bids) {
        bid(&mut table, author, *minor).unwrap();
    }
    table.close(table.fold().end()).unwrap();
    table
}

/// A log to which more than one thing may happen.
struct Fork {
    table: Table,
    last: Option<LastBatch>,
}

impl Fork {
    fn of(table: Table) -> Self {
        let last = table.tsa.last();
        Self { table, last }
    }

    /// The same log once more, and its TSA as it was.
    fn branch(&self) -> Table {
        self.table.tsa.go_back(self.last);
        self.table.branch()
    }
}

fn outcome(table: &Table) -> Option<Outcome> {
    match table.fold().phase() {
        Phase::Ended(outcome) => Some(outcome),
        Phase::Open | Phase::Closed | Phase::Settled { .. } => None,
    }
}

fn flipped(sealed: &Sealed) -> Sealed {
    let mut bytes = sealed.as_bytes().to_vec();
    *bytes.first_mut().unwrap() ^= 1;
    bytes.try_into().unwrap()
}

#[test]
fn v210_a_listing_with_a_reserve_has_terms_by_which_it_can_be_sealed() {
    type Change = fn(&mut Listing);
    let list = |terms: Change, change: Change| {
        Table::list(|listing| {
            terms(listing);
            change(listing);
        })
        .map(drop)
    };
    for terms in [open_bids, sealed_bids, second_price] {
        assert_eq!(list(terms, |_| {}), Ok(()));
        let wrong: [Change; 5] = [
            |listing| listing.reserve = Some(0),
            |listing| listing.reserve = Some(2),
            |listing| listing.stamps.push(listing.stamps[0]),
            |listing| (listing.quorum, listing.witnesses) = (0, Vec::new()),
            |listing| {
                listing.dutch = Some(DutchTerms { floor: amount(1), fall: amount(1), every: 1 });
                listing.freshness = 3;
            },
        ];
        for (at, change) in wrong.into_iter().enumerate() {
            assert_eq!(list(terms, change), Err(Code::ListingTerms), "change {at}");
        }
    }
    // All that raises bids stays, where they are open.
    let raising: Change = |listing| {
        listing.increment = amount(100);
        listing.buy_now = Some(amount(9_000));
        listing.max_raise = Some(amount(500));
        listing.soft = Some(SoftClose { extend: 60, hard_end: at(END + 600 * SECOND) });
    };
    assert_eq!(list(open_bids, raising), Ok(()));
    assert_eq!(list(sealed_bids, raising), Err(Code::ListingTerms));
    // Two of three, and all of them, but where bids take another number.
    let three: Change = |listing| {
        let other = |seed: u8| crate::trust::key::SecretKey::from_seed(&[seed; 32]).public();
        listing.stamps.extend([other(201), other(202)]);
        listing.reserve = Some(3);
    };
    assert_eq!(list(open_bids, three), Ok(()));
    assert_eq!(list(sealed_bids, three), Err(Code::ListingTerms));
}

#[test]
fn v210_it_opens_after_the_last_end_that_there_can_be() {
    let table = Table::list(|listing| {
        open_bids(listing);
        listing.soft = Some(SoftClose { extend: 60, hard_end: at(END + 600 * SECOND) });
    })
    .unwrap();
    let opens = at(END + 600 * SECOND + 2 * G + SECOND);
    assert_eq!(table.fold().opens(), Some(opens));
    let fixed = Table::list(open_bids).unwrap();
    assert_eq!(fixed.fold().opens(), Some(at(END + 2 * G + SECOND)));
}

#[test]
fn v211_nobody_can_bid_before_the_reserve_and_there_is_one() {
    for terms in [open_bids, sealed_bids] {
        let mut table = Table::list(terms).unwrap();
        assert!(table.fold().lacks_reserve() && table.fold().awaits_sealing());
        seal(&mut table).unwrap();
        assert_eq!(bid(&mut table, 110, 1_000), Err(Code::BidEarly));
        let mut reserve = |minor| reserve_as(&mut table, at(2 * SECOND), minor, |_| {});
        assert_eq!((reserve(5_000), reserve(6_000)), (Ok(2), Err(Code::VerbPhase)));
        assert_eq!(table.fold().reserve(), Some(Standing::Sealed));
        assert_eq!(bid(&mut table, 110, 1_000), Ok(3));
    }
}

#[test]
fn v211_a_reserve_comes_after_the_keys_and_before_the_close() {
    for terms in [open_bids, sealed_bids] {
        let mut table = Table::list(terms).unwrap();
        let (author, own, ratio) = seller(&mut table);
        let mut other = Table::list(terms).unwrap();
        seal(&mut other).unwrap();
        let early = sealed_reserve(&other, &author, &own, ratio, 5_000);
        let body = Body::Reserve(early);
        assert_eq!(act(&mut table, &author, &own, at(0), body), Err(Code::VerbPhase));
        // It is nobody's delay but the seller's, up to the close.
        seal(&mut table).unwrap();
        let fork = Fork::of(table);
        let mut last = fork.branch();
        assert!(reserve_as(&mut last, at(END + F), 5_000, |_| {}).is_ok());
        last.close(at(END + F)).unwrap();
        let mut table = fork.branch();
        table.close(at(END)).unwrap();
        let late = reserve_as(&mut table, at(END), 5_000, |_| {});
        assert_eq!(late, Err(Code::VerbPhase));
        // Who never sealed one sells to nobody.
        assert_eq!(settle(&mut table, at(END + SECOND), None), Ok(3));
        assert_eq!((outcome(&table), table.fold().late()), (Some(Outcome::Unsold), None));
    }
}

#[test]
fn v211_nobody_but_the_seller_seals_one_and_only_where_the_listing_says_so() {
    for terms in [open_bids, sealed_bids] {
        let mut table = Table::list(terms).unwrap();
        seal(&mut table).unwrap();
        let wrong = reserve_as(&mut table, at(SECOND), 5_000, |reserve| {
            reserve.ratio =
                Author::new(110).ratio(&Author::new(110).own(0), &Author::new(110).own(1));
        });
        assert_eq!(wrong, Err(Code::ReserveSeller));
        // The seller's ratio under another's key.
        let (author, _, ratio) = seller(&mut table);
        let stranger = Author::new(110);
        let own = table.fresh(&stranger);
        let made = sealed_reserve(&table, &author, &own, ratio, 5_000);
        let refused = act(&mut table, &stranger, &own, at(SECOND), Body::Reserve(made));
        assert_eq!(refused, Err(Code::ReserveSeller));
        assert!(table.fold().lacks_reserve());
    }
    let made = auction(open_bids);
    let (sealed, own) =
        (made.fold().reserve.clone().unwrap().sealed.unwrap().1, Author::new(SELLER).own(9));
    let mut plain = Table::auction();
    let refused = act(&mut plain, &Author::new(SELLER), &own, at(SECOND), Body::Reserve(sealed));
    assert_eq!(refused, Err(Code::VerbKind));
}

#[test]
fn v211_a_reserve_has_the_sizes_that_every_one_has() {
    type Change = fn(&mut Reserve);
    let changes: [Change; 5] = [
        |reserve| reserve.broker = [0; 79].to_vec().try_into().unwrap(),
        |reserve| reserve.shares[0] = [0; 81].to_vec().try_into().unwrap(),
        |reserve| reserve.shares.clear(),
        |reserve| reserve.shares.push(reserve.shares[0].clone()),
        |reserve| reserve.amount = [0; 25].to_vec().try_into().unwrap(),
    ];
    for change in changes {
        let mut table = Table::list(open_bids).unwrap();
        seal(&mut table).unwrap();
        assert_eq!(reserve_as(&mut table, at(SECOND), 5_000, change), Err(Code::ReserveSealed));
    }
}

#[test]
fn v211_no_reserve_opens_as_a_bid_and_no_bid_as_a_reserve() {
    let mut table = Table::list(sealed_bids).unwrap();
    seal(&mut table).unwrap();
    let (author, own, ratio) = seller(&mut table);
    let place = (table.name(), &author.key(&own).public());
    let to = table.fold().recipients().unwrap();
    let bid = seal_bid(to, place, amount(5_000), seal_key(91), &HALVES).unwrap();
    let sealed = seal_reserve(to, place, amount(5_000), ratio, &HALVES).unwrap();
    // The same halves, key, room and amount, and not one byte that would fit the other.
    assert!(bid.commitment != sealed.commitment && bid.amount != sealed.amount);
    assert!(bid.broker != sealed.broker && bid.shares != sealed.shares);
    let crate::room::body::SealedBid { broker, shares, commitment, amount, .. } = bid;
    let passed_off = Reserve { ratio, broker, shares, commitment, amount };
    act(&mut table, &author, &own, at(SECOND), Body::Reserve(passed_off)).unwrap();
    self::bid(&mut table, 110, 1_000).unwrap();
    table.close(at(END)).unwrap();
    let opens = at(instant(&table).1);
    open(&mut table, opens).unwrap();
    assert_eq!(table.fold().reserve(), Some(Standing::Void(Void::Broker)));
}

#[test]
fn v212_sealed_bids_and_the_reserve_are_opened_together() {
    for (terms, price) in [(sealed_bids as fn(&mut Listing), 6_000), (second_price, 5_000)] {
        let mut table = closed(terms, &[4_000, 6_000]);
        assert_eq!(table.fold().known_reserve(), None);
        let opens = at(instant(&table).1);
        assert_eq!(unseal(&mut table, opens), Err(Code::VerbKind));
        open(&mut table, opens).unwrap();
        assert_eq!(table.fold().reserve(), Some(Standing::Open(amount(5_000))));
        assert_eq!(settle(&mut table, opens, Some((4, price - 1))), Err(Code::SettledWrong));
        assert!(settle(&mut table, opens, Some((4, price))).is_ok());
        assert_eq!(table.fold().late(), None);
    }
}

#[test]
fn v212_where_bids_are_open_the_reserve_is_opened_alone_at_its_instant() {
    let table = Fork::of(closed(open_bids, &[4_000, 6_000]));
    let opens = instant(&table.table).1;
    for (time, expected) in [
        (opens - 1, Err(Code::OpenedWrong)),
        (opens, Ok(6)),
        (opens + DAY - 1, Ok(6)),
        (opens + DAY, Err(Code::OpenedWrong)),
    ] {
        assert_eq!(open(&mut table.branch(), at(time)), expected, "{time}");
    }
    let wrong = |change: fn(&mut Opened)| {
        let mut table = table.branch();
        let mut opening = opening(&table);
        change(&mut opening);
        table.broker(at(opens), Body::Opened(opening))
    };
    assert_eq!(wrong(|opened| opened.key.0[1] ^= 1), Err(Code::OpenedWrong));
    assert_eq!(wrong(|opened| opened.locks[0].secret.0[1] ^= 1), Err(Code::OpenedWrong));
    assert_eq!(wrong(|opened| opened.locks.clear()), Err(Code::OpenedWrong));
    // The dates stand in `settled`.
    let mut dated = table.branch();
    let opening = Opened { cosigned: vec![cosigned(&dated)], ..opening(&dated) };
    assert_eq!(dated.broker(at(opens), Body::Opened(opening)), Err(Code::OpenedWrong));
    let mut twice = table.branch();
    open(&mut twice, at(opens)).unwrap();
    assert_eq!(open(&mut twice, at(opens)), Err(Code::VerbPhase));
    assert_eq!(unseal(&mut twice, at(opens)), Err(Code::VerbPhase));
    assert!(settle(&mut twice, at(opens), Some((4, 6_000))).is_ok());
    assert_eq!(twice.fold().late(), None);
}

#[test]
fn v212_there_is_nothing_to_open_without_bids_or_once_it_was_bought_or_before_the_close() {
    let mut none = closed(open_bids, &[]);
    let opens = at(instant(&none).1);
    assert_eq!(unseal(&mut none, at(END)), Err(Code::VerbPhase));
    assert_eq!(open(&mut none, opens), Err(Code::VerbPhase));
    assert!(settle(&mut none, opens, None).is_ok());
    assert_eq!(outcome(&none), Some(Outcome::Unsold));
    assert_eq!(none.fold().reserve(), Some(Standing::Sealed));

    let buyable = |listing: &mut Listing| {
        open_bids(listing);
        listing.buy_now = Some(amount(2_000));
    };
    let mut bought = closed(buyable, &[2_000]);
    assert_eq!(unseal(&mut bought, at(END)), Err(Code::VerbPhase));
    assert_eq!(open(&mut bought, opens), Err(Code::VerbPhase));

    let mut running = auction(open_bids);
    bid(&mut running, 110, 6_000).unwrap();
    assert_eq!(unseal(&mut running, at(3 * SECOND)), Err(Code::VerbPhase));
    assert_eq!(open(&mut running, opens), Err(Code::VerbPhase));
}

#[test]
fn v213_the_seller_unseals_it_at_any_time_after_the_close_and_the_winner_is_named_at_once() {
    for time in [END, END + 3_600 * SECOND, END + 2 * DAY] {
        let mut table = closed(open_bids, &[4_000, 6_000]);
        assert_eq!(settle(&mut table, at(END), Some((4, 6_000))), Err(Code::SettledEarly));
        assert_eq!(unseal(&mut table, at(time)), Ok(6));
        assert_eq!(table.fold().known_reserve(), Some(amount(5_000)));
        assert_eq!(unseal(&mut table, at(time)), Err(Code::VerbPhase));
        assert_eq!(settle(&mut table, at(time), Some((4, 6_000))), Ok(7));
    }
}

#[test]
fn v213_nobody_else_unseals_it_and_nothing_but_what_was_sealed() {
    let mut table = closed(open_bids, &[6_000]);
    let stranger = Author::new(110);
    let own = table.fresh(&stranger);
    let ratio = stranger.ratio(&stranger.own(0), &own);
    let [first, second] = HALVES.map(OpenedLock);
    let body = Body::Unseal(Unseal { ratio, first, second });
    assert_eq!(act(&mut table, &stranger, &own, at(END), body), Err(Code::ReserveSeller));
    let changes: [fn(&mut Unseal); 3] = [
        |unseal| unseal.first.0[0] ^= 1,
        |unseal| unseal.second.0[31] ^= 1,
        |unseal| (unseal.first, unseal.second) = (unseal.second, unseal.first),
    ];
    for change in changes {
        assert_eq!(unseal_as(&mut table, at(END), change), Err(Code::ReserveWrong));
    }
    // In a room without one it is no verb.
    let mut plain = Table::auction();
    plain.bid(at(SECOND), 6_000).unwrap();
    plain.close(at(END)).unwrap();
    assert_eq!(unseal(&mut plain, at(END)), Err(Code::VerbKind));
}

#[test]
fn v213_what_the_secrets_would_not_open_its_halves_do_not_either() {
    // Were it otherwise, a seller could look at the bids first and choose between a reserve and none.
    type Change = fn(&mut Reserve);
    let changes: [(Change, Void); 4] = [
        (|reserve| reserve.broker = flipped(&reserve.broker), Void::Broker),
        (|reserve| reserve.shares[0] = flipped(&reserve.shares[0]), Void::Share),
        (|reserve| reserve.commitment.0[0] ^= 1, Void::Commitment),
        (|reserve| reserve.amount = flipped(&reserve.amount), Void::Amount),
    ];
    for (change, cause) in changes {
        let mut table = Table::list(open_bids).unwrap();
        seal(&mut table).unwrap();
        reserve_as(&mut table, at(SECOND), 5_000, change).unwrap();
        bid(&mut table, 110, 1_000).unwrap();
        table.close(at(END)).unwrap();
        assert_eq!(unseal(&mut table, at(END)), Err(Code::ReserveWrong));
        let opens = at(instant(&table).1);
        open(&mut table, opens).unwrap();
        assert_eq!(table.fold().reserve(), Some(Standing::Void(cause)));
        // A void reserve counts as none.
        assert!(settle(&mut table, opens, Some((3, 1_000))).is_ok());
        assert_eq!(table.fold().late(), None);
    }
}

#[test]
fn v214_one_that_nobody_opens_counts_as_none_after_a_day_and_binds_nobody() {
    let table = Fork::of(closed(open_bids, &[4_000]));
    let opens = instant(&table.table).1;
    let mut early = table.branch();
    assert_eq!(settle(&mut early, at(opens + DAY - 1), Some((3, 4_000))), Err(Code::SettledEarly));
    assert_eq!(settle(&mut early, at(opens + DAY - 1), None), Err(Code::SettledWrong));
    let mut given_up = table.branch();
    assert_eq!(given_up.fold().waits_for_reserve(), Some(at(opens + DAY)));
    assert_eq!(settle(&mut given_up, at(opens + DAY), Some((3, 4_000))), Ok(5));
    let fold = given_up.fold();
    assert_eq!(fold.reserve(), Some(Standing::Unopened));
    assert_eq!(fold.late(), Some(Late::Opened));
    assert!(fold.withdrawal() && fold.waits_for_reserve().is_none());
}

#[test]
fn v214_a_close_is_late_if_the_reserve_is_opened_more_than_a_minute_after_it_could_be() {
    let table = Fork::of(closed(open_bids, &[6_000]));
    let opens = instant(&table.table).1;
    let limit = opens + 60 * SECOND;
    for (prev, late) in [(limit, None), (limit + 1, Some(Late::Opened))] {
        type Opens = fn(&mut Table, Time) -> Result<u64, Code>;
        for opens in [open as Opens, unseal] {
            let mut table = table.branch();
            table.tsa.tick(at(prev));
            opens(&mut table, at(prev + SECOND)).unwrap();
            assert_eq!(table.fold().late(), late, "{prev}");
        }
    }
}

#[test]
fn v215_nobody_wins_below_the_reserve_and_somebody_does_at_it() {
    for terms in [open_bids as fn(&mut Listing), sealed_bids, second_price] {
        for (highest, sold) in [(4_999, false), (5_000, true), (5_001, true)] {
            let mut table = closed(terms, &[1_000, highest]);
            let opens = at(instant(&table).1);
            open(&mut table, opens).unwrap();
            let second = table.fold().listing().sealed.as_ref().map(|terms| terms.price);
            let price = if second == Some(PriceRule::Second) { 5_000 } else { highest };
            let (right, wrong) = match sold {
                true => (Some((4, price)), None),
                false => (None, Some((4, highest))),
            };
            assert_eq!(settle(&mut table, opens, wrong), Err(Code::SettledWrong));
            assert!(settle(&mut table, opens, right).is_ok(), "{highest}");
            assert_eq!(outcome(&table), (!sold).then_some(Outcome::BelowReserve));
        }
    }
}

#[test]
fn v215_at_second_price_the_winner_pays_the_reserve_if_no_losing_bid_is_higher() {
    for (bids, price) in [
        (&[6_000][..], 5_000),
        (&[4_000, 6_000], 5_000),
        (&[5_500, 6_000], 5_500),
        (&[6_000, 6_000], 6_000),
    ] {
        let mut table = closed(second_price, bids);
        let opens = at(instant(&table).1);
        open(&mut table, opens).unwrap();
        let winner = table.fold().to_be_named().copied().unwrap();
        assert_eq!(table.fold().price_of(&winner), amount(price), "{bids:?}");
    }
}

#[test]
fn v215_after_a_forfeit_the_next_in_line_reaches_it_or_nobody_wins() {
    for (next, sold) in [(4_999, false), (5_000, true)] {
        for terms in [open_bids as fn(&mut Listing), sealed_bids] {
            let mut table = closed(terms, &[next, 6_000]);
            let opens = instant(&table).1;
            open(&mut table, at(opens)).unwrap();
            settle(&mut table, at(opens), Some((4, 6_000))).unwrap();
            let absent = at(opens + 301 * SECOND);
            table.broker(absent, forfeited_alone(4)).unwrap();
            assert_eq!(table.fold().to_be_named().map(|bid| bid.seq), sold.then_some(3));
            let right = sold.then_some((3, next));
            let wrong = (!sold).then_some((3, next));
            assert_eq!(settle(&mut table, absent, wrong), Err(Code::SettledWrong));
            assert!(settle(&mut table, absent, right).is_ok());
            assert_eq!(outcome(&table), (!sold).then_some(Outcome::BelowReserve));
        }
    }
}

#[test]
fn v215_who_buys_at_once_asks_for_no_reserve() {
    let buyable = |listing: &mut Listing| {
        open_bids(listing);
        listing.buy_now = Some(amount(2_000));
    };
    let mut table = closed(buyable, &[2_000]);
    let end = table.fold().end();
    assert!(
        settle(&mut table, end.plus(std::time::Duration::from_secs(1)), Some((3, 2_000))).is_ok()
    );
    table.broker(end.plus(std::time::Duration::from_secs(2)), revealed()).unwrap();
    assert!(matches!(outcome(&table), Some(Outcome::Sold { .. })));
    assert_eq!(table.fold().reserve(), Some(Standing::Sealed));
}

#[test]
fn v215_a_winner_is_named_within_a_minute_after_the_opening_or_the_close_is_late() {
    let table = Fork::of(closed(open_bids, &[6_000]));
    let opened = END + 30 * SECOND;
    // Its author had F to hand in what is stamped then.
    let freshness = u64::from(table.branch().fold().listing().freshness) * SECOND;
    let limit = opened + freshness + G + 60 * SECOND;
    for (prev, late) in [(limit, None), (limit + 1, Some(Late::Settled))] {
        let mut table = table.branch();
        unseal(&mut table, at(opened)).unwrap();
        table.tsa.tick(at(prev));
        settle(&mut table, at(prev + SECOND), Some((3, 6_000))).unwrap();
        assert_eq!(table.fold().late(), late);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever was bid and reserved: sold to the highest bid, or to nobody if that is below the reserve; at no less than the
    /// reserve and no more than was bid; the same whether the bids, or the reserve, are opened by whom.
    #[test]
    fn v215_a_sale_is_never_below_the_reserve_nor_above_the_bid(
        reserved in 1..40_u64, bids in proptest::collection::vec(1..40_u64, 1..5),
    ) {
        let highest = bids.iter().copied().max().unwrap_or(0);
        let mut rising = bids.clone();
        rising.sort_unstable();
        rising.dedup();
        let kinds = [(open_bids as fn(&mut Listing), false), (open_bids, true), (sealed_bids, false), (second_price, false)];
        for (terms, by_seller) in kinds {
            let mut table = Table::list(|listing| {
                terms(listing);
                listing.start = crate::room::fixture::start(1);
            }).unwrap();
            seal(&mut table).unwrap();
            reserve(&mut table, reserved).unwrap();
            let made = if table.fold().is_sealed() { &bids } else { &rising };
            for (author, minor) in (110..).zip(made) {
                bid(&mut table, author, *minor).unwrap();
            }
            table.close(at(END)).unwrap();
            let opens = at(instant(&table).1);
            if by_seller {
                unseal(&mut table, at(END)).unwrap();
            } else {
                open(&mut table, opens).unwrap();
            }
            let named = table.fold().to_be_named().copied();
            prop_assert_eq!(named.map(|bid| bid.amount.minor()), (highest >= reserved).then_some(highest));
            if let Some(named) = named {
                let price = table.fold().price_of(&named).minor();
                prop_assert!(reserved <= price && price <= highest);
            }
        }
    }
}

#[test]
fn v061_the_listing_alone_says_whether_there_is_a_reserve_and_whether_its_seller_opens_it() {
    let mut table = auction(open_bids);
    let (author, own, ratio) = seller(&mut table);
    let sealed = sealed_reserve(&table, &author, &own, ratio, 5_000);
    let misshapen = Reserve { shares: Vec::new(), ..sealed.clone() };
    let [first, second] = HALVES.map(OpenedLock);
    let entries = [
        Body::Reserve(sealed),
        Body::Reserve(misshapen),
        Body::Unseal(Unseal { ratio, first, second }),
    ]
    .map(|body| {
        let action = table.sign(&author, &own, body);
        table.tsa.stamp(action, at(2 * SECOND))
    });
    let (kind, form) = (Err(Code::VerbKind), Err(Code::ReserveSealed));
    let without = |listing: &mut Listing| {
        sealed_bids(listing);
        listing.reserve = None;
    };
    for (terms, judged) in [
        (open_bids as fn(&mut Listing), [Ok(()), form, Ok(())]),
        (sealed_bids, [Ok(()), form, kind]),
        (without, [kind, kind, kind]),
        (|_| {}, [kind, kind, kind]),
    ] {
        let listed = Table::list(terms).unwrap().opening;
        let alone = entries.each_ref().map(|entry| listed.action().body().judge_alone(entry));
        assert_eq!(alone, judged);
    }
}

#[test]
fn a_broker_states_keys_where_something_is_sealed_and_once() {
    for terms in [open_bids, sealed_bids] {
        assert!(Table::list(terms).unwrap().fold().awaits_sealing());
        assert!(!auction(terms).fold().awaits_sealing());
    }
    assert!(!Table::auction().fold().awaits_sealing());
}

/// Both verifiers print these words.
#[test]
fn what_is_known_of_a_reserve_has_one_word() {
    for (standing, word) in [
        (Standing::Awaited, "awaited"),
        (Standing::Sealed, "sealed"),
        (Standing::Open(amount(5_000)), "open"),
        (Standing::Void(Void::Amount), "void"),
        (Standing::Unopened, "unopened"),
    ] {
        assert_eq!(standing.as_str(), word);
    }
}
