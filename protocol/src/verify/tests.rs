//! What the offline verifier accepts, and the evidence it hands out when it does not.

use super::*;
use crate::key::SecretKey;
use crate::log::Entry;
use crate::room::Auction;
use crate::room::house::{Author, END, SECOND, Table, Tsa, at, bid, broker_fingerprint, encoded};
use crate::stamp::BatchHeader;

/// A sold item: listing, three bids, close, winner.
fn house() -> Table {
    let mut table = Table::auction();
    for minor in [1_000, 1_100, 1_200] {
        table.bid(at(SECOND), minor).unwrap();
    }
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((3, 1_200))).unwrap();
    table
}

#[test]
fn v060_a_whole_log_with_its_head_gives_the_room() {
    let table = house();
    let room = log(&table.log, &table.head()).unwrap();
    let auction = Auction::of(&room).expect("an auction");
    assert_eq!(auction.winner().map(|bid| bid.seq), Some(3));
    assert_eq!(auction.phase(), table.fold().phase());
}

#[test]
fn v060_no_log_is_no_room() {
    let none: [&str; 0] = [];
    assert_eq!(log(none, &house().head()).unwrap_err(), VerifyError::Empty);
}

#[test]
fn v060_every_missing_moved_or_doubled_entry_is_named() {
    let table = house();
    let head = table.head();
    for at in 0..table.log.len() {
        let mut missing = table.log.clone();
        missing.remove(at);
        let seq = u64::try_from(at).unwrap();
        let expected = if at + 1 == table.log.len() {
            VerifyError::Size { head: 6, log: 5 }
        } else {
            VerifyError::Replay(ReplayError::Position { expected: seq, got: seq + 1 })
        };
        assert_eq!(log(&missing, &head).unwrap_err(), expected);
        let mut doubled = table.log.clone();
        doubled.insert(at, table.log[at].clone());
        let expected = ReplayError::Position { expected: seq + 1, got: seq };
        assert_eq!(log(&doubled, &head).unwrap_err(), VerifyError::Replay(expected));
    }
}

#[test]
fn v060_every_changed_byte_of_a_log_is_noticed() {
    let table = house();
    let head = table.head();
    for (entry, text) in table.log.iter().enumerate() {
        for at in (0..text.len()).step_by(37) {
            let mut changed = table.log.clone();
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            changed[entry] = String::from_utf8(bytes).unwrap();
            assert!(log(&changed, &head).is_err(), "entry {entry}, byte {at}");
        }
    }
}

#[test]
fn v060_an_entry_the_fold_refuses_is_named_with_its_rule() {
    let mut table = house();
    let late = table.bid_at(at(END), 5_000);
    let mut entries = table.log.clone();
    entries.push(encoded(6, &late));
    let expected = ReplayError::Rule { seq: 6, code: Code::BidLate };
    assert_eq!(log(&entries, &table.head()).unwrap_err(), VerifyError::Replay(expected));
}

#[test]
fn v060_a_head_over_another_log_is_refused_with_both_roots() {
    let table = house();
    let root = Digest([1; 32]);
    let own = table.tree().root();
    let result = log(&table.log, &table.head_over(6, root));
    assert_eq!(result.unwrap_err(), VerifyError::Root { head: root, log: own });
    let result = log(&table.log, &table.head_over(7, own));
    assert_eq!(result.unwrap_err(), VerifyError::Size { head: 7, log: 6 });
}

#[test]
fn v060_a_head_of_another_room_or_another_key_is_refused() {
    let table = house();
    let other = Table::list(|terms| terms.grace = 6).unwrap();
    let result = log(&table.log, &other.head());
    assert_eq!(result.unwrap_err(), VerifyError::Head(HeadError::OtherLog));
    let forged = Head { origin: table.origin(), size: 6, root: table.tree().root() }
        .sign(&SecretKey::from_seed(&[1; 32]));
    let result = log(&table.log, &forged);
    assert_eq!(result.unwrap_err(), VerifyError::Head(HeadError::OtherKey));
    assert!(matches!(log(&table.log, "").unwrap_err(), VerifyError::Head(_)));
}

#[test]
fn v061_every_receipt_of_a_log_holds_and_says_what_it_shows() {
    let table = house();
    let verbs = ["list", "bid", "bid", "bid", "closed", "settled"];
    for (seq, verb) in (0..).zip(verbs) {
        let shown = receipt(&table.receipt(seq)).unwrap();
        let entry = Entry::parse(&table.log[usize::try_from(seq).unwrap()]).unwrap();
        assert_eq!(shown.digest, Digest::of(entry.action.as_bytes()));
        assert_eq!((shown.seq, shown.verb, shown.size), (seq, verb, 6));
        assert_eq!((shown.room, shown.broker), (table.name(), broker_fingerprint()));
    }
    assert_eq!(receipt(&table.receipt(1)).unwrap().time, at(SECOND));
}

/// A receipt of a log with this last entry, which no fold has judged.
fn receipt_of(table: &Table, entry: &Entry) -> Receipt {
    let mut leaves: Vec<Digest> =
        table.log.iter().map(|text| crate::merkle::leaf_hash(text.as_bytes())).collect();
    leaves.push(entry.leaf());
    let tree = crate::merkle::Tree::new(leaves);
    Receipt {
        opening: table.opening.action().compact().to_owned(),
        entry: entry.encode(),
        path: tree.path(entry.seq).unwrap(),
        head: table.head_over(tree.size(), tree.root()),
    }
}

#[test]
fn v061_a_receipt_with_any_part_exchanged_is_refused() {
    let table = house();
    let other = Table::list(|terms| terms.grace = 6).unwrap();
    let good = table.receipt(2);
    let changed = |change: &dyn Fn(&mut Receipt)| {
        let mut changed = good.clone();
        change(&mut changed);
        receipt(&changed).unwrap_err()
    };
    let opening = other.opening.action().compact();
    let error = changed(&|receipt| receipt.opening = opening.to_owned());
    assert_eq!(error, VerifyError::Receipt(ReceiptError::Head(HeadError::OtherLog)));
    let error = changed(&|receipt| receipt.opening = "x".to_owned());
    assert!(matches!(error, VerifyError::Opening(_)));
    let error = changed(&|receipt| receipt.entry = table.log[1].clone());
    assert!(matches!(error, VerifyError::Receipt(ReceiptError::NotIncluded(_))));
    let error = changed(&|receipt| receipt.path = vec![]);
    assert!(matches!(error, VerifyError::Receipt(ReceiptError::NotIncluded(_))));
    let error = changed(&|receipt| receipt.head = other.head());
    assert_eq!(error, VerifyError::Receipt(ReceiptError::Head(HeadError::OtherLog)));
    let bid = Entry::parse(&table.log[1]).unwrap().action;
    let error = changed(&|receipt| receipt.opening.clone_from(&bid));
    assert_eq!(error, VerifyError::NotAnOpening { verb: "bid" });
}

#[test]
fn v061_a_logged_action_that_does_not_hold_makes_no_receipt() {
    let mut table = house();
    let honest = table.bid_at(at(END), 5_000);
    let good = Entry {
        seq: 6,
        action: honest.action().compact().to_owned(),
        stamp: honest.stamp().clone(),
    };
    assert!(receipt(&receipt_of(&table, &good)).is_ok());
    let mut broken = good.clone();
    broken.action = broken.action.replace('A', "B");
    let error = receipt(&receipt_of(&table, &broken)).unwrap_err();
    assert!(matches!(error, VerifyError::Action(_)));
    let mut unstamped = good.clone();
    unstamped.stamp.index = 1;
    let error = receipt(&receipt_of(&table, &unstamped)).unwrap_err();
    assert!(matches!(error, VerifyError::Stamp(StampError::OtherDigest(_))));
    let foreign = Tsa::new(205).stamp(honest.action().clone(), at(END));
    let foreign = Entry { stamp: foreign.stamp().clone(), ..good };
    let error = receipt(&receipt_of(&table, &foreign)).unwrap_err();
    assert_eq!(error, VerifyError::Stamp(StampError::UnknownTsa));
}

#[test]
fn v061_a_logged_action_of_another_room_makes_no_receipt() {
    let table = house();
    let mut other = Table::list(|terms| terms.grace = 6).unwrap();
    let elsewhere = other.bid_at(at(SECOND), 1_000);
    let entry = Entry::parse(&encoded(6, &elsewhere)).unwrap();
    let error = receipt(&receipt_of(&table, &entry)).unwrap_err();
    let (expected, got) = (table.name(), other.name());
    assert_eq!(error, VerifyError::OtherRoom { expected, got });
}

#[test]
fn v061_rules_that_need_no_other_entry_are_checked_in_a_receipt() {
    let mut table = house();
    let again = Entry::parse(&encoded(6, &table.opening)).unwrap();
    let rule = |seq, code| VerifyError::Rule { seq, code };
    let error = receipt(&receipt_of(&table, &again)).unwrap_err();
    assert_eq!(error, rule(6, Code::VerbPhase), "a second opening");
    let by_broker = table.broker_at(at(END), bid(9_000));
    let entry = Entry::parse(&encoded(6, &by_broker)).unwrap();
    let error = receipt(&receipt_of(&table, &entry)).unwrap_err();
    assert_eq!(error, rule(6, Code::VerbAuthor), "the broker bids");
    let bidder = Author::new(99);
    let own = bidder.own(1);
    for (size, fits) in [(6, true), (7, false)] {
        let mut draft = table.draft(&own, bid(9_000));
        draft.seen.size = size;
        let action = draft.sign(&bidder.key(&own)).unwrap();
        let stamped = table.tsa.stamp(action, at(END));
        let entry = Entry::parse(&encoded(6, &stamped)).unwrap();
        let result = receipt(&receipt_of(&table, &entry)).map(drop);
        assert_eq!(result, if fits { Ok(()) } else { Err(rule(6, Code::SeenFalse)) });
    }
}

/// A TSA at its third batch, and the honest header of its fourth.
fn third() -> (Tsa, String, BatchHeader) {
    let mut tsa = Tsa::new(204);
    tsa.tick(at(1));
    tsa.tick(at(2));
    let third = tsa.tick(at(3));
    let fourth = tsa.header(at(4), &crate::merkle::Tree::new(Vec::new()));
    (tsa, third, fourth)
}

#[test]
fn v063_headers_that_cannot_both_be_honest_are_evidence_in_either_order() {
    type Case = (Contradiction, fn(&mut BatchHeader));
    let cases: [Case; 7] = [
        (Contradiction::Number, |header| header.batch = 3),
        (Contradiction::Order, |header| (header.time, header.prev_time) = (at(2), at(2))),
        (Contradiction::Order, |header| header.prev_time = at(2)),
        (Contradiction::Chain, |header| header.prev = Digest([9; 32])),
        (Contradiction::Chain, |header| header.prev_time = at(4)),
        (Contradiction::Order, |header| {
            (header.batch, header.prev, header.prev_time) = (5, Digest([9; 32]), at(2));
        }),
        (Contradiction::Number, |header| (header.batch, header.size) = (3, 1)),
    ];
    for (kind, falsify) in cases {
        let (mut tsa, third, mut header) = third();
        falsify(&mut header);
        let other = tsa.sign(&header);
        for (one, two) in [(&third, &other), (&other, &third)] {
            let shown = contradiction(one, two, &tsa.public()).unwrap();
            assert_eq!(shown.kind, kind);
            assert_eq!(shown.batches, [one.clone(), two.clone()]);
        }
    }
}

#[test]
fn v063_two_headers_after_one_predecessor_are_evidence() {
    let (mut tsa, _, header) = third();
    let fourth = tsa.sign(&header);
    let fifth = tsa.sign(&BatchHeader { batch: 5, time: at(5), ..header });
    let shown = contradiction(&fourth, &fifth, &tsa.public()).unwrap();
    assert_eq!(shown.kind, Contradiction::Predecessor);
}

#[test]
fn v063_honest_headers_are_no_evidence() {
    let (mut tsa, third, header) = third();
    let fourth = tsa.sign(&header);
    let fifth = tsa.tick(at(4));
    for (one, two) in [(&third, &fourth), (&third, &fifth), (&fourth, &fifth), (&third, &third)] {
        let shown = contradiction(one, two, &tsa.public());
        assert_eq!(shown, Err(NoEvidence::Consistent));
    }
    let other = Tsa::new(205).public();
    let foreign = contradiction(&third, &fourth, &other);
    assert_eq!(foreign, Err(NoEvidence::Stamp(StampError::UnknownTsa)));
}
