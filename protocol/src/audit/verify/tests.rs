//! What the offline verifier accepts, and the evidence it hands out when it does not.

use super::*;
use crate::log::stamp::{BatchHeader, HeaderError};
use crate::log::{Entry, Logged, lines};
use crate::room::Auction;
use crate::room::fixture::{Author, END, SECOND, Table, Tsa, at, bid, broker_fingerprint, encoded};
use crate::trust::key::SecretKey;

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
    let room = log(table.lines(), &table.head()).unwrap();
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
        let mut missing: Vec<Logged<'_>> = table.logged().collect();
        missing.remove(at);
        let seq = u64::try_from(at).unwrap();
        let expected = if at + 1 == table.log.len() {
            VerifyError::Size { head: 6, log: 5 }
        } else {
            VerifyError::Replay(ReplayError::Position { expected: seq, got: seq + 1 })
        };
        assert_eq!(log(lines(missing), &head).unwrap_err(), expected);
        let mut doubled: Vec<Logged<'_>> = table.logged().collect();
        doubled.insert(at, doubled[at]);
        let expected = ReplayError::Position { expected: seq + 1, got: seq };
        assert_eq!(log(lines(doubled), &head).unwrap_err(), VerifyError::Replay(expected));
    }
}

#[test]
fn v060_every_changed_byte_of_a_log_is_noticed() {
    let table = house();
    let head = table.head();
    let lines = table.lines();
    for (line, text) in lines.iter().enumerate() {
        for at in (0..text.len()).step_by(37) {
            let mut changed = lines.clone();
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            changed[line] = String::from_utf8(bytes).unwrap();
            assert!(log(&changed, &head).is_err(), "line {line}, byte {at}");
        }
    }
}

#[test]
fn v060_an_entry_the_fold_refuses_is_named_with_its_rule() {
    let mut table = house();
    let late = table.bid_at(at(END), 5_000);
    let entry = encoded(6, &late);
    let last = Logged { entry: &entry, header: late.batch().compact() };
    let entries = lines(table.logged().chain([last]));
    let expected = ReplayError::Rule { seq: 6, code: Code::BidLate };
    assert_eq!(log(&entries, &table.head()).unwrap_err(), VerifyError::Replay(expected));
}

/// A log with a batch of one, one of two entries, and one of one: its lines, with the headers at 0, 2
/// and 5.
fn batches() -> (Table, Vec<String>) {
    let mut table = Table::auction();
    let bidder = Author::new(110);
    let own = [bidder.own(1), bidder.own(2)];
    let bids = [1_000, 1_100].map(bid);
    let actions = own.iter().zip(bids).map(|(own, bid)| table.sign(&bidder, own, bid)).collect();
    for stamped in table.tsa.stamp_all(actions, at(SECOND)) {
        table.submit(&stamped).unwrap();
    }
    let own = bidder.own(3);
    let action = table.sign(&bidder, &own, bid(1_200));
    let third = table.tsa.stamp(action, at(SECOND));
    table.submit(&third).unwrap();
    let lines = table.lines();
    let is_header = |line: &String| line.starts_with(r#"{"header""#);
    assert_eq!(
        lines.iter().map(is_header).collect::<Vec<_>>(),
        [true, false, true, false, false, true, false]
    );
    (table, lines)
}

/// Why a log does not hold whose headers are not in order: the entry before which that shows, and what
/// is wrong.
fn header_error(lines: &[String], table: &Table) -> (u64, HeaderError) {
    match log(lines, &table.head()).unwrap_err() {
        VerifyError::Replay(ReplayError::Header { seq, source }) => (seq, source),
        other => panic!("{other}"),
    }
}

#[test]
fn v023_an_entry_whose_header_is_missing_is_named() {
    let (table, good) = batches();
    assert!(log(&good, &table.head()).is_ok());
    for (line, seq) in [(0, 0), (2, 1), (5, 3)] {
        let mut missing = good.clone();
        missing.remove(line);
        let header = BatchHeader::hash(&table.headers[usize::try_from(seq).unwrap()]);
        let expected = (seq, HeaderError::Missing { header });
        assert_eq!(header_error(&missing, &table), expected);
        // One byte makes it another header, which no entry names.
        let mut changed = good.clone();
        let letter = if &changed[line][20..21] == "A" { "B" } else { "A" };
        changed[line].replace_range(20..21, letter);
        assert_eq!(header_error(&changed, &table), expected);
        // So does another TSA, and so does another batch of this one.
        for other in [Tsa::new(205).tick(at(SECOND)), table_of_same_numbers().headers[1].clone()] {
            let mut exchanged = good.clone();
            exchanged[line] = format!(r#"{{"header":"{other}"}}"#);
            assert_eq!(header_error(&exchanged, &table), expected);
        }
    }
}

/// Another room under the same TSA key, whose batches have the same numbers and sizes.
fn table_of_same_numbers() -> Table {
    let mut table = Table::list(|terms| terms.grace = 6).unwrap();
    table.bid(at(SECOND), 1_000).unwrap();
    table
}

#[test]
fn v023_a_stamp_that_names_another_batch_of_its_number_and_place_is_for_another_digest() {
    let (table, good) = batches();
    let other = table_of_same_numbers();
    let mut entry = Entry::parse(&good[6]).unwrap();
    entry.stamp.header = BatchHeader::hash(&other.headers[1]);
    let mut lines = good.clone();
    lines[5] = format!(r#"{{"header":"{}"}}"#, other.headers[1]);
    lines[6] = entry.encode();
    let error = log(&lines, &table.head()).unwrap_err();
    let VerifyError::Replay(ReplayError::Stamp { seq: 3, source }) = error else {
        panic!("{error}")
    };
    assert!(matches!(source, StampError::OtherDigest(_)));
}

#[test]
fn v029_a_header_that_no_entry_names_is_superfluous() {
    let (table, good) = batches();
    let other = Tsa::new(204).tick(at(SECOND));
    let header = BatchHeader::hash(&other);
    let line = format!(r#"{{"header":"{other}"}}"#);
    for (at, seq) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 3), (7, 4)] {
        let mut superfluous = good.clone();
        superfluous.insert(at, line.clone());
        let (found, error) = header_error(&superfluous, &table);
        // Right behind another header it is that one which is not followed by its entry.
        let expected = match at {
            1 => BatchHeader::hash(&table.headers[0]),
            3 => BatchHeader::hash(&table.headers[1]),
            _ => header,
        };
        let expected = HeaderError::Superfluous { header: expected };
        assert_eq!((found, error), (seq, expected), "at line {at}");
    }
}

#[test]
fn v029_a_header_stands_once() {
    let (table, good) = batches();
    for line in 1..=good.len() {
        let mut repeated = good.clone();
        repeated.insert(line, good[0].clone());
        let header = BatchHeader::hash(&table.headers[0]);
        let error = header_error(&repeated, &table).1;
        let again = HeaderError::Repeated { header };
        let unnamed =
            |of: usize| HeaderError::Superfluous { header: BatchHeader::hash(&table.headers[of]) };
        let expected = match line {
            1 => unnamed(0),
            3 => unnamed(1),
            6 => unnamed(3),
            _ => again,
        };
        assert_eq!(error, expected, "at line {line}");
    }
}

#[test]
fn v029_a_header_behind_its_entry_or_too_far_before_it_is_refused() {
    let (table, good) = batches();
    let mut behind = good.clone();
    behind.swap(2, 3);
    let header = BatchHeader::hash(&table.headers[1]);
    assert_eq!(header_error(&behind, &table), (1, HeaderError::Missing { header }));
    let mut early = good.clone();
    let moved = early.remove(5);
    early.insert(4, moved);
    let header = BatchHeader::hash(&table.headers[3]);
    assert_eq!(header_error(&early, &table).1, HeaderError::Superfluous { header });
    let all_first = [&good[..1], &good[2..3], &good[5..6], &good[1..2], &good[3..5], &good[6..]];
    assert!(matches!(header_error(&all_first.concat(), &table).1, HeaderError::Superfluous { .. }));
}

#[test]
fn v060_a_head_over_another_log_is_refused_with_both_roots() {
    let table = house();
    let root = Digest([1; 32]);
    let own = table.tree().root();
    let result = log(table.lines(), &table.head_over(6, root));
    assert_eq!(result.unwrap_err(), VerifyError::Root { head: root, log: own });
    let result = log(table.lines(), &table.head_over(7, own));
    assert_eq!(result.unwrap_err(), VerifyError::Size { head: 7, log: 6 });
}

#[test]
fn v060_a_head_of_another_room_or_another_key_is_refused() {
    let table = house();
    let other = Table::list(|terms| terms.grace = 6).unwrap();
    let result = log(table.lines(), &other.head());
    assert_eq!(result.unwrap_err(), VerifyError::Head(HeadError::OtherLog));
    let forged = Head { origin: table.origin(), size: 6, root: table.tree().root() }
        .sign(&SecretKey::from_seed(&[1; 32]));
    let result = log(table.lines(), &forged);
    assert_eq!(result.unwrap_err(), VerifyError::Head(HeadError::OtherKey));
    assert!(matches!(log(table.lines(), "").unwrap_err(), VerifyError::Head(_)));
}

#[test]
fn v061_every_receipt_of_a_log_holds_and_says_what_it_shows() {
    let table = house();
    let verbs = ["list", "bid", "bid", "bid", "closed", "settled"];
    for (seq, verb) in (0..).zip(verbs) {
        let shown = receipt(&table.receipt(seq)).unwrap();
        let entry = Entry::parse(&table.log[usize::try_from(seq).unwrap()]).unwrap();
        assert_eq!(shown.digest, Digest::of(entry.action.as_bytes()));
        assert_eq!((shown.seq, shown.verb.as_str(), shown.size), (seq, verb, 6));
        assert_eq!((shown.room, shown.broker), (table.name(), broker_fingerprint()));
    }
    assert_eq!(receipt(&table.receipt(1)).unwrap().time, at(SECOND));
}

/// A receipt of a log with this last entry, which no fold has judged.
fn receipt_of(table: &Table, entry: &Entry, header: &str) -> Receipt {
    let mut leaves: Vec<Digest> =
        table.log.iter().map(|text| crate::log::merkle::leaf_hash(text.as_bytes())).collect();
    leaves.push(entry.leaf());
    let tree = crate::log::merkle::Tree::new(leaves);
    Receipt {
        opening: table.opening.action().compact().to_owned(),
        header: header.to_owned(),
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
    let error = changed(&|receipt| {
        receipt.entry.clone_from(&table.log[1]);
        receipt.header.clone_from(&table.headers[1]);
    });
    assert!(matches!(error, VerifyError::Receipt(ReceiptError::NotIncluded(_))));
    let error = changed(&|receipt| receipt.header.clone_from(&table.headers[1]));
    assert_eq!(error, VerifyError::Receipt(ReceiptError::OtherHeader));
    let error = changed(&|receipt| receipt.header.clear());
    assert_eq!(error, VerifyError::Receipt(ReceiptError::OtherHeader));
    let error = changed(&|receipt| receipt.path = vec![]);
    assert!(matches!(error, VerifyError::Receipt(ReceiptError::NotIncluded(_))));
    let error = changed(&|receipt| receipt.head = other.head());
    assert_eq!(error, VerifyError::Receipt(ReceiptError::Head(HeadError::OtherLog)));
    let bid = Entry::parse(&table.log[1]).unwrap().action;
    let error = changed(&|receipt| receipt.opening.clone_from(&bid));
    assert_eq!(error, VerifyError::NotAnOpening { verb: Verb::Bid });
}

/// An auction of six entries that goes on.
fn open() -> Table {
    let mut table = Table::auction();
    for minor in 10..15 {
        table.bid(at(SECOND), minor * 100).unwrap();
    }
    table
}

#[test]
fn v061_a_logged_action_that_does_not_hold_makes_no_receipt() {
    let mut table = open();
    let honest = table.bid_at(at(2 * SECOND), 5_000);
    let good = Entry {
        seq: 6,
        action: honest.action().compact().to_owned(),
        stamp: honest.stamp().clone(),
    };
    assert!(receipt(&receipt_of(&table, &good, honest.batch().compact())).is_ok());
    let mut broken = good.clone();
    broken.action = broken.action.replace('A', "B");
    let error = receipt(&receipt_of(&table, &broken, honest.batch().compact())).unwrap_err();
    assert!(matches!(error, VerifyError::Action(_)));
    let mut unstamped = good.clone();
    unstamped.stamp.index = 1;
    let error = receipt(&receipt_of(&table, &unstamped, honest.batch().compact())).unwrap_err();
    assert!(matches!(error, VerifyError::Stamp(StampError::OtherDigest(_))));
    let foreign = Tsa::new(205).stamp(honest.action().clone(), at(END));
    let header = foreign.batch().compact();
    let foreign = Entry { stamp: foreign.stamp().clone(), ..good };
    let error = receipt(&receipt_of(&table, &foreign, header)).unwrap_err();
    assert_eq!(error, VerifyError::Stamp(StampError::UnknownTsa));
}

#[test]
fn v061_a_logged_action_of_another_room_makes_no_receipt() {
    let table = house();
    let mut other = Table::list(|terms| terms.grace = 6).unwrap();
    let elsewhere = other.bid_at(at(SECOND), 1_000);
    let entry = Entry::parse(&encoded(6, &elsewhere)).unwrap();
    let error = receipt(&receipt_of(&table, &entry, elsewhere.batch().compact())).unwrap_err();
    let (expected, got) = (table.name(), other.name());
    assert_eq!(error, VerifyError::OtherRoom { expected, got });
}

#[test]
fn v061_rules_that_need_no_other_entry_are_checked_in_a_receipt() {
    let mut table = open();
    let again = Entry::parse(&encoded(6, &table.opening)).unwrap();
    let rule = |seq, code| VerifyError::Rule { seq, code };
    let error = receipt(&receipt_of(&table, &again, table.opening.batch().compact())).unwrap_err();
    assert_eq!(error, rule(6, Code::VerbPhase), "a second opening");
    let by_broker = table.broker_at(at(2 * SECOND), bid(9_000));
    let entry = Entry::parse(&encoded(6, &by_broker)).unwrap();
    let error = receipt(&receipt_of(&table, &entry, by_broker.batch().compact())).unwrap_err();
    assert_eq!(error, rule(6, Code::VerbAuthor), "the broker bids");
    let bidder = Author::new(99);
    let own = bidder.own(1);
    for (size, fits) in [(6, true), (7, false)] {
        let mut draft = table.draft(&own, bid(9_000));
        draft.seen.size = size;
        let action = draft.sign(&bidder.key(&own)).unwrap();
        let stamped = table.tsa.stamp(action, at(2 * SECOND));
        let entry = Entry::parse(&encoded(6, &stamped)).unwrap();
        let result = receipt(&receipt_of(&table, &entry, stamped.batch().compact())).map(drop);
        assert_eq!(result, if fits { Ok(()) } else { Err(rule(6, Code::SeenFalse)) });
    }
}
