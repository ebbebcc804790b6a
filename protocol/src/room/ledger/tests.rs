//! Rules for every entry: room, TSA, author, key, time, contradictions, heads seen.

use std::time::Duration;

use super::*;
use crate::log::stamp::{BatchHeader, Stamp, StampError};
use crate::room::NotJudged;
use crate::room::fixture::{Author, END, F, SECOND, Table, Tsa, at, bid, close_body};

/// A bid whose author had seen less of the log, or something else.
fn bid_seeing(table: &mut Table, seen: Seen, time: Time, minor: u64) -> Stamped {
    let bidder = Author::new(110);
    let own = table.fresh(&bidder);
    let mut draft = table.draft(&own, bid(minor));
    draft.seen = seen;
    let action = draft.sign(&bidder.key(&own)).unwrap();
    table.tsa.stamp(action, time)
}

#[test]
fn v030_an_action_for_another_room_is_refused() {
    let mut table = Table::auction();
    let mut other = Table::list(|terms| terms.grace = 6).unwrap();
    let elsewhere = other.bid_at(at(SECOND), 1_000);
    assert_eq!(table.submit(&elsewhere), Err(Code::RoomOther));
    assert_eq!(other.submit(&elsewhere), Ok(1));
}

#[test]
fn v030_an_opening_is_refused_as_a_second_entry() {
    let mut table = Table::auction();
    let opening = table.opening.clone();
    assert_eq!(table.submit(&opening), Err(Code::KeyReused));
    let other = Table::list(|terms| terms.grace = 6).unwrap().opening;
    assert_eq!(table.submit(&other), Err(Code::RoomOther));
}

#[test]
fn v031_a_stamp_of_a_tsa_that_the_listing_does_not_name_is_refused() {
    let mut table = Table::auction();
    let bidder = Author::new(110);
    let action = table.sign(&bidder, &bidder.own(1), bid(1_000));
    let stamped = Tsa::new(205).stamp(action, at(SECOND));
    assert_eq!(table.submit(&stamped), Err(Code::StampUnknownTsa));
}

#[test]
fn v022_a_stamp_of_another_digest_is_bound_to_no_action() {
    let mut table = Table::auction();
    let bidder = Author::new(110);
    let (first, second) = (bidder.own(1), bidder.own(2));
    let stamped = table.sign(&bidder, &first, bid(1_000));
    let other = table.sign(&bidder, &second, bid(1_000));
    let stamped = table.tsa.stamp(stamped, at(SECOND));
    let batch = std::sync::Arc::new(stamped.batch().clone());
    let refused = Stamped::bind(other, stamped.stamp().clone(), std::sync::Arc::clone(&batch));
    assert!(matches!(refused, Err(StampError::OtherDigest(_))));
    for changed in [
        Stamp { index: 1, ..stamped.stamp().clone() },
        Stamp { path: vec![Digest([0; 32])], ..stamped.stamp().clone() },
        Stamp { header: BatchHeader::hash(&table.tsa.tick(at(SECOND))), ..stamped.stamp().clone() },
    ] {
        let bound = Stamped::bind(stamped.action().clone(), changed, std::sync::Arc::clone(&batch));
        assert!(matches!(bound, Err(StampError::OtherDigest(_))));
    }
}

#[test]
fn v021_a_header_with_impossible_content_is_refused() {
    let tsa = Tsa::new(204);
    let tree = crate::log::merkle::Tree::new(Vec::new());
    let first = tsa.header(at(SECOND), &tree);
    let next = BatchHeader { batch: 2, prev: Digest([1; 32]), ..first.clone() };
    let open = |header: &BatchHeader| {
        let compact = Tsa::new(204).sign(header);
        VerifiedBatch::open(&compact, &[tsa.public()]).map(drop)
    };
    assert_eq!(open(&first), Ok(()));
    assert_eq!(open(&next), Ok(()));
    let most = BatchHeader { size: 1 << 16, ..next.clone() };
    assert_eq!(open(&most), Ok(()));
    for (what, header) in [
        ("number 0", BatchHeader { batch: 0, ..first.clone() }),
        ("a first with a predecessor", BatchHeader { prev: Digest([1; 32]), ..first.clone() }),
        ("a first with an earlier one", BatchHeader { prev_time: at(0), ..first.clone() }),
        ("too many digests", BatchHeader { size: (1 << 16) + 1, ..next.clone() }),
        ("time going back", BatchHeader { prev_time: at(SECOND + 1), ..next.clone() }),
    ] {
        assert_eq!(open(&header), Err(StampError::Content), "{what}");
    }
}

#[test]
fn v020_a_header_that_names_a_tsa_is_signed_by_it() {
    let tsa = Tsa::new(204);
    let mut other = Tsa::new(205);
    let mut header = tsa.header(at(SECOND), &crate::log::merkle::Tree::new(Vec::new()));
    header.tsa = tsa.public().fingerprint();
    let forged = other.sign(&header);
    let accepted = [tsa.public(), other.public()];
    assert!(matches!(VerifiedBatch::open(&forged, &accepted), Err(StampError::Signature(_))));
    let honest = other.tick(at(SECOND));
    assert_eq!(VerifiedBatch::open(&honest, &[tsa.public()]), Err(StampError::UnknownTsa));
    assert_eq!(VerifiedBatch::open(&honest, &[]), Err(StampError::UnknownTsa));
}

#[test]
fn v033_a_one_time_key_occurs_once_in_a_room() {
    let mut table = Table::auction();
    let bidder = Author::new(110);
    let own = bidder.own(1);
    let action = table.sign(&bidder, &own, bid(1_000));
    let stamped = table.tsa.stamp(action, at(SECOND));
    table.submit(&stamped).unwrap();
    assert_eq!(table.submit(&stamped), Err(Code::KeyReused), "the same action");
    let again = table.sign(&bidder, &own, bid(2_000));
    let again = table.tsa.stamp(again, at(SECOND));
    assert_eq!(table.submit(&again), Err(Code::KeyReused), "another action, the same key");
}

#[test]
fn v033_a_refused_action_does_not_use_its_key_up() {
    let mut table = Table::auction();
    let bidder = Author::new(110);
    let own = bidder.own(1);
    let low = table.sign(&bidder, &own, bid(1));
    let low = table.tsa.stamp(low, at(SECOND));
    assert_eq!(table.submit(&low), Err(Code::BidTooLow));
    let enough = table.sign(&bidder, &own, bid(1_000));
    let enough = table.tsa.stamp(enough, at(SECOND));
    assert!(table.submit(&enough).is_ok());
}

#[test]
fn v033_an_entry_of_the_broker_occurs_once() {
    let mut table = Table::auction();
    let closed = table.broker_at(at(END), close_body());
    table.submit(&closed).unwrap();
    assert_eq!(table.submit(&closed), Err(Code::KeyReused));
}

#[test]
fn v034_one_number_has_one_header() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    let honest = table.tsa.last();
    let before = table.tsa.last().map(|(number, ..)| number).unwrap();
    let first = table.bid_at(at(2 * SECOND), 1_100);
    table.submit(&first).unwrap();
    table.tsa.go_back(honest);
    let second = table.bid_at(at(2 * SECOND), 1_200);
    assert_eq!(second.batch().header().batch, before + 1);
    assert_eq!(table.submit(&second), Err(Code::StampContradiction));
}

#[test]
fn v034_a_header_is_remembered_while_its_stamps_count() {
    let mut table = Table::auction();
    let before = table.tsa.last();
    table.bid(at(SECOND), 1_000).unwrap();
    table.tsa.go_back(before);
    let fork = table.bid_at(at(SECOND), 9_000);
    table.tsa.go_back(Some((9, Digest([9; 32]), at(SECOND))));
    for round in 1..=4 {
        table.bid(at(SECOND + round), 1_000 + 100 * round).unwrap();
    }
    table.bid(at(SECOND + F), 1_500).unwrap();
    assert_eq!(table.submit(&fork), Err(Code::StampContradiction));
}

#[test]
fn v034_a_larger_number_has_no_earlier_time() {
    let mut table = Table::auction();
    table.bid(at(3 * SECOND), 1_000).unwrap();
    let (number, hash, _) = table.tsa.last().unwrap();
    // A gap of one header: the next is no neighbour, and only times can be compared.
    table.tsa.go_back(Some((number + 1, hash, at(3 * SECOND))));
    let same = table.bid_at(at(3 * SECOND), 1_100);
    table.tsa.go_back(Some((number + 3, hash, at(3 * SECOND - 1))));
    let earlier = table.bid_at(at(3 * SECOND - 1), 1_200);
    assert_eq!(table.submit(&earlier), Err(Code::StampContradiction));
    assert!(table.submit(&same).is_ok());
    assert_eq!(table.submit(&earlier), Err(Code::StampContradiction));
}

#[test]
fn v034_a_smaller_number_has_no_later_time() {
    let mut table = Table::auction();
    let (number, hash, _) = table.tsa.last().unwrap();
    table.tsa.go_back(Some((number + 1, hash, at(2 * SECOND))));
    let lower = table.bid_at(at(3 * SECOND), 1_100);
    let same = table.bid_at(at(3 * SECOND), 1_200);
    table.tsa.go_back(Some((number + 9, Digest([9; 32]), at(3 * SECOND - 1))));
    let higher = table.bid_at(at(3 * SECOND - 1), 1_000);
    table.submit(&higher).unwrap();
    assert_eq!(table.submit(&lower), Err(Code::StampContradiction));
    assert_eq!(table.submit(&same), Err(Code::StampContradiction));
}

#[test]
fn v034_the_time_a_header_gives_its_predecessor_is_bound_like_its_own() {
    let mut table = Table::auction();
    table.bid(at(3 * SECOND), 1_000).unwrap();
    let (number, hash, _) = table.tsa.last().unwrap();
    table.tsa.go_back(Some((number + 1, hash, at(3 * SECOND - 1))));
    let below = table.bid_at(at(4 * SECOND), 1_100);
    assert_eq!(table.submit(&below), Err(Code::StampContradiction));
    let mut table = Table::auction();
    let (number, hash, _) = table.tsa.last().unwrap();
    let lower = table.bid_at(at(3 * SECOND), 1_100);
    table.tsa.go_back(Some((number + 9, hash, at(3 * SECOND - 1))));
    let higher = table.bid_at(at(4 * SECOND), 1_000);
    table.submit(&higher).unwrap();
    assert_eq!(table.submit(&lower), Err(Code::StampContradiction));
}

#[test]
fn v034_a_header_chains_to_the_one_before_it() {
    for falsify in [(|header| header.prev = Digest([9; 32])) as fn(&mut BatchHeader), |header| {
        header.prev_time = header.prev_time.plus(Duration::from_micros(1))
    }] {
        let mut table = Table::auction();
        table.bid(at(SECOND), 1_000).unwrap();
        let bidder = Author::new(111);
        let action = table.sign(&bidder, &bidder.own(1), bid(1_100));
        let broken = table.tsa.stamp_as(action, at(2 * SECOND), falsify);
        assert_eq!(table.submit(&broken), Err(Code::StampContradiction));
    }
}

#[test]
fn v034_a_header_chains_to_the_one_after_it() {
    let mut table = Table::auction();
    let earlier = table.bid_at(at(SECOND), 1_100);
    let bidder = Author::new(111);
    let action = table.sign(&bidder, &bidder.own(1), bid(1_000));
    let broken = table.tsa.stamp_as(action, at(2 * SECOND), |header| header.prev = Digest([9; 32]));
    table.submit(&broken).unwrap();
    assert_eq!(table.submit(&earlier), Err(Code::StampContradiction));
}

/// The headers of a TSA are forgotten by age, and not because another TSA has older ones.
#[test]
fn v034_contradictions_are_found_with_several_tsas() {
    let mut others = [Tsa::new(205), Tsa::new(206), Tsa::new(207)];
    let keys: Vec<_> = others.iter().map(Tsa::public).collect();
    let mut table = Table::list(|terms| terms.stamps.extend(keys)).unwrap();
    let bidder = Author::new(111);
    table.bid(at(SECOND), 1_000).unwrap();
    for (round, tsa) in others.iter_mut().enumerate() {
        // Every other TSA stamped once, long ago: one header of each stays known.
        let own = bidder.own(900 + u64::try_from(round).unwrap());
        let minor = 1_100 + 100 * u64::try_from(round).unwrap();
        let action = table.sign(&bidder, &own, bid(minor));
        let stamped = tsa.stamp(action, at(SECOND));
        table.submit(&stamped).unwrap();
    }
    for mut tsa in others {
        let minor = table.fold().least_bid().unwrap().minor();
        let before = tsa.last();
        let mut stamp = |tsa: &mut Tsa, minor| {
            let own = table.fresh(&bidder);
            let action = table.sign(&bidder, &own, bid(minor));
            tsa.stamp(action, at(100 * SECOND))
        };
        let honest = stamp(&mut tsa, minor);
        tsa.go_back(before);
        let forked = stamp(&mut tsa, minor + 100);
        table.submit(&honest).unwrap();
        assert_eq!(table.submit(&forked), Err(Code::StampContradiction));
    }
}

#[test]
fn v035_a_stamp_is_at_most_f_older_than_the_newest_in_the_log() {
    let mut table = Table::auction();
    let too_old = table.bid_at(at(SECOND), 3_000);
    let just = table.bid_at(at(SECOND + 1), 3_000);
    table.bid(at(SECOND + F + 1), 1_000).unwrap();
    assert_eq!(table.submit(&too_old), Err(Code::StampStale));
    assert!(table.submit(&just).is_ok());
}

#[test]
fn v035_an_older_entry_does_not_move_the_newest_stamp_back() {
    let mut table = Table::auction();
    let oldest = table.bid_at(at(SECOND), 3_000);
    let older = table.bid_at(at(SECOND + 1), 2_000);
    table.bid(at(SECOND + F + 1), 1_000).unwrap();
    table.submit(&older).unwrap();
    assert_eq!(table.room.ledger().newest(), at(SECOND + F + 1));
    assert_eq!(table.submit(&oldest), Err(Code::StampStale));
}

#[test]
fn v036_a_head_this_room_never_had_is_refused() {
    let mut table = Table::auction();
    table.bid(at(SECOND), 1_000).unwrap();
    let head = table.room.ledger().head();
    let other = Table::list(|terms| terms.grace = 6).unwrap();
    for (what, seen) in [
        ("another root", Seen { root: Digest([0; 32]), ..head }),
        ("another size", Seen { size: 1, ..head }),
        ("larger than the log", Seen { size: 3, ..head }),
        ("as large as can be", Seen { size: crate::value::label::MAX_LOG_SIZE, ..head }),
        ("another room's", other.room.ledger().head()),
    ] {
        let bid = bid_seeing(&mut table, seen, at(SECOND), 2_000);
        assert_eq!(table.submit(&bid), Err(Code::SeenFalse), "{what}");
    }
    let bid = bid_seeing(&mut table, head, at(SECOND), 2_000);
    assert!(table.submit(&bid).is_ok());
}

#[test]
fn v037_nothing_stamped_more_than_f_before_the_action_may_be_missed() {
    let mut table = Table::auction();
    let listed = table.room.ledger().head();
    table.bid(at(SECOND), 1_000).unwrap();
    let exactly = bid_seeing(&mut table, listed, at(SECOND + F), 1_100);
    let missed = bid_seeing(&mut table, listed, at(SECOND + F + 1), 1_200);
    assert_eq!(table.submit(&missed), Err(Code::SeenStale));
    assert!(table.submit(&exactly).is_ok());
    assert_eq!(table.submit(&missed), Err(Code::SeenStale));
}

#[test]
fn v037_every_missed_entry_counts_and_not_only_the_first() {
    let mut table = Table::auction();
    let listed = table.room.ledger().head();
    let older = table.bid_at(at(SECOND), 2_000);
    table.bid(at(2 * SECOND), 1_000).unwrap();
    table.submit(&older).unwrap();
    table.bid(at(3 * SECOND), 3_000).unwrap();
    let missed = bid_seeing(&mut table, listed, at(SECOND + F + 1), 4_000);
    assert_eq!(table.submit(&missed), Err(Code::SeenStale));
    let mut seen = table.room.ledger().head();
    seen.size = 3;
    seen.root = crate::log::merkle::Tree::new(
        table
            .log
            .iter()
            .take(3)
            .map(|entry| crate::log::merkle::leaf_hash(entry.as_bytes()))
            .collect(),
    )
    .root();
    let fresh = bid_seeing(&mut table, seen, at(3 * SECOND + F), 4_000);
    assert!(table.submit(&fresh).is_ok());
}

/// Stamped F before the newest, missing what was stamped F before that: nothing that this needs
/// is forgotten too early.
#[test]
fn v037_what_misses_too_much_is_stale_whatever_root_it_names() {
    let mut table = Table::auction();
    let false_one = Seen { size: 1, root: Digest([0; 32]) };
    table.bid(at(SECOND), 1_000).unwrap();
    // The true root is still known here in the first round, and not in the second.
    for (minor, later) in [(1_100, F + 1), (1_200, 2 * F + 2)] {
        let missed = bid_seeing(&mut table, false_one, at(SECOND + later), 2_000);
        assert_eq!(table.submit(&missed), Err(Code::SeenStale), "{later} later");
        table.bid(at(SECOND + later + F), minor).unwrap();
    }
}

#[test]
fn v037_an_action_as_old_and_as_blind_as_allowed_is_accepted() {
    let mut table = Table::auction();
    let listed = table.room.ledger().head();
    table.bid(at(SECOND), 1_000).unwrap();
    let blind = bid_seeing(&mut table, listed, at(SECOND + F), 3_000);
    table.bid(at(SECOND + 2 * F), 1_100).unwrap();
    assert_eq!(table.submit(&blind), Ok(3));
}

#[test]
fn v037_a_head_that_is_long_forgotten_is_stale() {
    let mut table = Table::auction();
    let listed = table.room.ledger().head();
    for round in 1..=9 {
        table.bid(at(round * 3 * F), 1_000 * round).unwrap();
    }
    let old = bid_seeing(&mut table, listed, at(27 * F), 20_000);
    assert_eq!(table.submit(&old), Err(Code::SeenStale));
}

#[test]
fn what_was_judged_at_another_place_or_for_another_action_is_not_appended() {
    let mut table = Table::auction();
    let first = table.bid_at(at(SECOND), 1_000);
    let second = table.bid_at(at(SECOND), 2_000);
    let leaf = Digest([0; 32]);
    let judged = table.room.judge(&first).unwrap();
    let refused = table.room.append(&judged, &second, leaf);
    assert_eq!(refused, Err(NotJudged), "another action was judged");
    table.submit(&second).unwrap();
    let refused = table.room.append(&judged, &first, leaf);
    assert_eq!(refused, Err(NotJudged), "the log has grown");
}

/// Roots, stamps and headers: an auction goes on for weeks.
#[test]
fn v037_what_no_action_can_name_or_contradict_any_more_is_not_kept() {
    let mut table = Table::auction();
    let kept = |table: &Table| {
        let ledger = table.room.ledger();
        (ledger.heads.roots.len(), ledger.heads.minima.len(), ledger.batches.known.len())
    };
    table.bid(at(SECOND), 1_000).unwrap();
    assert_eq!(kept(&table), (3, 2, 2));
    // What is stamped exactly 2F before the newest stays, and a header before it.
    table.bid(at(SECOND + 2 * F), 1_100).unwrap();
    assert_eq!(kept(&table), (3, 2, 3));
    table.bid(at(SECOND + 2 * F + 1), 1_200).unwrap();
    assert_eq!(kept(&table), (3, 2, 3));
    table.bid(at(9 * F), 1_300).unwrap();
    assert_eq!(kept(&table), (2, 1, 2));
    let ledger = table.room.ledger();
    assert_eq!(ledger.frontier().root(), ledger.head().root);
}

#[test]
fn a_broker_keeps_to_terms_whose_names_are_all_in_its_certificate() {
    use crate::room::fixture::{seal_key, witness};
    use crate::trust::broker::BrokerCertificate;
    let table = Table::list(|terms| (terms.witnesses, terms.quorum) = (vec![witness(61)], 1));
    let table = table.unwrap();
    let terms = table.room.ledger().terms();
    let mut certificate = BrokerCertificate {
        locks: Vec::new(),
        keys: terms.broker,
        authorities: terms.authorities.clone(),
        stamps: terms.stamps.clone(),
        witnesses: terms.witnesses.clone(),
        quorum: terms.quorum,
        simulated: terms.simulated,
    };
    assert!(terms.are_of(&certificate));
    for change in [
        |certificate: &mut BrokerCertificate| certificate.keys.delivery = seal_key(9),
        |certificate: &mut BrokerCertificate| certificate.simulated ^= true,
        |certificate: &mut BrokerCertificate| certificate.stamps = vec![Tsa::new(205).public()],
        |certificate: &mut BrokerCertificate| certificate.witnesses = vec![witness(62)],
        |certificate: &mut BrokerCertificate| certificate.authorities.clear(),
    ] {
        let mut other = certificate.clone();
        change(&mut other);
        assert!(!terms.are_of(&other), "{other:?}");
    }
    // It may know more than one room names.
    certificate.stamps.insert(0, Tsa::new(205).public());
    certificate.witnesses.insert(0, witness(62));
    assert!(terms.are_of(&certificate));
}
