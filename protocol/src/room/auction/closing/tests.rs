//! When a close is late, and what `settled` has to show, each rule at its bound.

use super::*;
use crate::room::body::{Body, Withdrawn};
use crate::room::fixture::{
    END, G, OUTCOME, SECOND, Table, WITHIN, amount, at, forfeited_alone, witness, witness_key,
};
use crate::room::reveal::verbs::Side;

/// Microseconds after which a winner counts as named too late.
const UNNAMED: u64 = G + 60 * SECOND;

/// An auction with two witnesses and one bid of 1,000, closed at `END`.
fn closed() -> Table {
    let mut table = Table::list(|listing| {
        listing.witnesses = vec![witness(1), witness(2)];
        listing.quorum = 2;
    })
    .unwrap();
    table.bid(at(SECOND), 1_000).unwrap();
    table.close(at(END)).unwrap();
    table
}

/// The head that ends with `closed`.
fn head(table: &Table) -> Head {
    table.fold().closing().unwrap().head
}

/// A witness's date so many microseconds after the close, in whole seconds.
fn dated(table: &Table, seed: u8, after: u64) -> Cosignature {
    let time = at(END + after).as_micros() / 1_000_000;
    Cosignature::sign(&head(table), time, &witness_key(seed))
}

/// The dates of both witnesses, at one time.
fn both(table: &Table, after: u64) -> Vec<Cosignature> {
    [1, 2].map(|seed| dated(table, seed, after)).to_vec()
}

fn settle(table: &mut Table, after: u64, cosigned: Vec<Cosignature>) -> Result<u64, Code> {
    let settled = Settled { winner: Some(1), price: Some(amount(1_000)), cosigned };
    table.broker(at(END + after), Body::Settled(settled))
}

#[test]
fn v142_settled_carries_the_dates_of_named_witnesses_over_the_head_with_the_close() {
    let mut table = closed();
    assert_eq!(head(&table).size, 3);
    let wrong = Err(Code::SettledWrong);
    let one = dated(&table, 1, SECOND);
    let mut refused = |second| {
        assert_eq!(settle(&mut table, SECOND, vec![one, second]), wrong);
    };
    let table = closed();
    let stranger = dated(&table, 3, SECOND);
    refused(stranger);
    refused(Cosignature { time: stranger.time + 1, ..dated(&table, 2, SECOND) });
    for change in [
        Head { size: 2, ..head(&table) },
        Head { root: crate::value::codec::Digest([1; 32]), ..head(&table) },
    ] {
        refused(Cosignature::sign(&change, stranger.time, &witness_key(2)));
    }
    let mut table = closed();
    let good = both(&table, SECOND);
    settle(&mut table, SECOND, good).unwrap();
    assert_eq!(table.fold().late(), None);
}

#[test]
fn v142_each_witness_dates_once_in_the_order_of_the_listing() {
    let mut table = closed();
    let [one, two] = [1, 2].map(|seed| dated(&table, seed, SECOND));
    for dates in [vec![two, one], vec![one, one], vec![one, two, two], vec![one, two, one]] {
        assert_eq!(settle(&mut table, SECOND, dates), Err(Code::SettledWrong));
    }
    settle(&mut table, SECOND, vec![one, two]).unwrap();
}

/// Of two closes both could be dated by witnesses of half of the operators, and a broker would choose.
#[test]
fn v143_it_takes_the_dates_of_a_quorum_of_operators() {
    let mut table = closed();
    for seed in [1, 2] {
        let one = vec![dated(&table, seed, SECOND)];
        assert_eq!(table.fold().dated_by(&one), None);
        assert_eq!(settle(&mut table, SECOND, one), Err(Code::SettledEarly));
    }
    let (early, late) = (dated(&table, 1, SECOND), dated(&table, 2, G + SECOND));
    assert_eq!(table.fold().dated_by(&[early, late]), Some(late.time), "by the last of them");
    assert_eq!(settle(&mut table, G, vec![early, late]), Err(Code::SettledEarly));
    settle(&mut table, G + 1, vec![early, late]).unwrap();
    assert_eq!(table.fold().late(), Some(Late::Witness));
}

#[test]
fn v143_two_witnesses_of_one_operator_are_one() {
    let mut table = Table::list(|listing| {
        listing.witnesses = vec![witness(1), witness(2), witness(3)];
        listing.witnesses[1].operator = listing.witnesses[0].operator.clone();
        listing.quorum = 2;
    })
    .unwrap();
    table.close(at(END)).unwrap();
    let [one, two, three] = [1, 2, 3].map(|seed| dated(&table, seed, u64::from(seed) * SECOND));
    assert_eq!(table.fold().dated_by(&[one, two]), None);
    assert_eq!(table.fold().dated_by(&[one, two, three]), Some(three.time));
    assert_eq!(table.fold().dated_by(&[two, three]), Some(three.time));
}

#[test]
fn v142_a_room_without_witnesses_has_no_date_and_needs_none() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    table.close(at(END)).unwrap();
    let dates = both(&table, SECOND);
    assert_eq!(settle(&mut table, SECOND, dates), Err(Code::SettledWrong));
    settle(&mut table, SECOND, Vec::new()).unwrap();
    assert_eq!(table.fold().late(), None);
}

#[test]
fn v142_a_second_winner_is_named_without_a_date() {
    let mut table = closed();
    let dates = both(&table, SECOND);
    settle(&mut table, SECOND, dates.clone()).unwrap();
    table.broker(at(END + SECOND + WITHIN + 1), forfeited_alone(1)).unwrap();
    let again = |cosigned| Settled { winner: None, price: None, cosigned };
    let then = at(END + SECOND + WITHIN + 2);
    let refused = table.broker(then, Body::Settled(again(dates)));
    assert_eq!(refused, Err(Code::SettledWrong));
    table.broker(then, Body::Settled(again(Vec::new()))).unwrap();
}

#[test]
fn v143_a_date_at_the_end_of_the_grace_is_in_time_and_one_second_after_is_late() {
    for (after, late) in [(0, None), (G, None), (G + SECOND, Some(Late::Witness))] {
        let mut table = closed();
        let dates = both(&table, after);
        settle(&mut table, G + 2 * SECOND, dates).unwrap();
        assert_eq!(table.fold().late(), late, "{after}");
        assert_eq!(table.fold().withdrawal(), late.is_some());
    }
}

#[test]
fn v143_the_second_in_which_the_grace_ends_counts_in_full() {
    for (close, date, in_time) in
        [(END + 1, END + G + SECOND, true), (END, END + G + SECOND, false)]
    {
        let mut table = Table::list(|listing| {
            listing.witnesses = vec![witness(1)];
            listing.quorum = 1;
        })
        .unwrap();
        table.close(at(close)).unwrap();
        let time = at(date).as_micros() / 1_000_000;
        let date = Cosignature::sign(&head(&table), time, &witness_key(1));
        assert_eq!(table.fold().is_in_time(&[date]), in_time);
    }
}

#[test]
fn v143_without_a_date_in_time_a_winner_is_named_after_the_grace_only() {
    let mut table = closed();
    assert_eq!(settle(&mut table, SECOND, Vec::new()), Err(Code::SettledEarly));
    assert_eq!(settle(&mut table, G, Vec::new()), Err(Code::SettledEarly));
    let late = both(&table, G + SECOND);
    assert_eq!(settle(&mut table, G, late), Err(Code::SettledEarly));
    settle(&mut table, G + 1, Vec::new()).unwrap();
    assert_eq!(table.fold().late(), Some(Late::Witness));
    let side = Side::Winner;
    let withdrawn = Body::Withdrawn(Withdrawn { side, outcome: OUTCOME });
    table.broker(at(END + G + 2), withdrawn).unwrap();
}

#[test]
fn v144_a_winner_is_named_within_a_minute_after_the_grace_or_the_close_is_late() {
    for (prev, stamp, late) in [
        (UNNAMED, UNNAMED, None),
        (UNNAMED, UNNAMED + 1, None),
        (UNNAMED + 1, UNNAMED + 1, Some(Late::Settled)),
        // The TSA was away: nobody could have been named.
        (SECOND, 300 * 24 * 3600 * SECOND, None),
    ] {
        let mut table = closed();
        let dates = both(&table, SECOND);
        table.tsa.tick(at(END + prev));
        settle(&mut table, stamp, dates).unwrap();
        assert_eq!(table.fold().late(), late, "prev {prev}, stamp {stamp}");
    }
}

#[test]
fn v144_the_minute_begins_anew_with_a_forfeit() {
    let mut table = closed();
    let dates = both(&table, SECOND);
    settle(&mut table, SECOND, dates.clone()).unwrap();
    let forfeited = END + SECOND + WITHIN + 1;
    table.broker(at(forfeited), forfeited_alone(1)).unwrap();
    table.tsa.tick(at(forfeited + UNNAMED));
    let unsold = Body::Settled(Settled { winner: None, price: None, cosigned: Vec::new() });
    table.broker(at(forfeited + UNNAMED), unsold).unwrap();
    assert_eq!(table.fold().late(), None);
}

#[test]
fn v045_a_late_stamp_is_named_before_every_other_reason() {
    let mut table = Table::list(|listing| {
        listing.witnesses = vec![witness(1)];
        listing.quorum = 1;
    })
    .unwrap();
    table.tsa.tick(at(END + G + 1));
    table.close(at(END + G + 1)).unwrap();
    let unsold = Body::Settled(Settled { winner: None, price: None, cosigned: Vec::new() });
    table.broker(at(END + 3 * G), unsold).unwrap();
    assert_eq!(table.fold().late(), Some(Late::Stamp));
}

#[test]
fn v140_a_listing_whose_quorum_cannot_be_met_is_refused() {
    let refused = |quorum, seeds: &[u8]| {
        let witnesses = seeds.iter().map(|seed| witness(*seed)).collect();
        Table::list(|listing| (listing.witnesses, listing.quorum) = (witnesses, quorum)).map(drop)
    };
    assert_eq!(refused(2, &[1, 2]), Ok(()));
    for (quorum, seeds) in [(0, &[1][..]), (1, &[]), (1, &[1, 2]), (3, &[1, 2]), (1, &[1, 1])] {
        assert_eq!(refused(quorum, seeds), Err(Code::ListingTerms), "{quorum} of {seeds:?}");
    }
}

#[test]
fn a_listing_whose_delivery_key_is_of_small_order_is_refused() {
    let unusable = crate::trust::seal::SealPublic([0; 32]);
    let refused = Table::list(|listing| listing.broker.delivery = unusable).map(drop);
    assert_eq!(refused, Err(Code::ListingTerms));
}
