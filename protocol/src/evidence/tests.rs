//! Each kind of evidence: what is one, and what everybody could have made up.

use super::*;
use crate::key::SecretKey;
use crate::room::house::{END, SECOND, Table, Tsa, at, broker_fingerprint, entry_key};
use crate::stamp::BatchHeader;

/// A sold item: listing, three bids, close, winner.
fn sold() -> Table {
    let mut table = Table::auction();
    for minor in [1_000, 1_100, 1_200] {
        table.bid(at(SECOND), minor).unwrap();
    }
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((3, 1_200))).unwrap();
    table
}

/// The fork between the true head and another statement about a size that the log had.
fn fork(table: &Table, smaller: Statement, size: u64) -> Fork {
    let tree = table.tree();
    let leaves = table.log.iter().map(|entry| merkle::leaf_hash(entry.as_bytes()));
    let prefix = leaves.take(usize::try_from(size).unwrap()).collect();
    Fork {
        opening: table.opening.action().compact().to_owned(),
        larger: Statement::Head(table.head()),
        smaller,
        root: merkle::Tree::new(prefix).root(),
        path: merkle::consistency_path(&tree, size, tree.size()).unwrap(),
    }
}

fn head(table: &Table, size: u64, root: u8) -> Statement {
    Statement::Head(table.head_over(size, Digest([root; 32])))
}

#[test]
fn v062_a_head_that_the_larger_log_does_not_continue_is_a_fork_at_every_size() {
    let table = sold();
    for size in 0..=6 {
        let fork = fork(&table, head(&table, size, 9), size);
        let evidence = Evidence::Fork(fork.clone());
        let shown = evidence.verify().unwrap();
        assert_eq!((shown.by, shown.room), (broker_fingerprint(), Some(table.name())));
        assert_eq!(Evidence::parse(&evidence.encode()).unwrap(), evidence);
        // The true head of that size contradicts nothing.
        let truth = Statement::Head(table.head_over(size, fork.root));
        let honest = Fork { smaller: truth, ..fork };
        assert_eq!(Evidence::Fork(honest).verify(), Err(NoEvidence::Consistent));
    }
}

#[test]
fn v062_every_statement_of_the_broker_counts_and_nobody_elses() {
    let table = sold();
    let refusal =
        |root, room| Statement::Refusal(refused(&table, 3, root, room).sign(&entry_key()));
    let lie = refusal(Digest([9; 32]), table.name());
    assert!(Evidence::Fork(fork(&table, lie, 3)).verify().is_ok());
    let elsewhere = refusal(Digest([9; 32]), RoomName([8; 32]));
    let error = Evidence::Fork(fork(&table, elsewhere, 3)).verify().unwrap_err();
    assert_eq!(error, NoEvidence::OtherThing);
    let opening = |root: Digest, key: &SecretKey<crate::key::Entry>| {
        let body =
            Body::Reveal(crate::room::body::Reveal { root, ..table.reveal_opening(at(2 * END)) });
        let id = uuid::Builder::from_random_bytes([3; 16]).into_uuid();
        let seen = crate::action::Seen::nothing();
        let draft = crate::action::Draft { id, room: None, body, seen };
        Statement::Reveal(draft.sign_as_broker(key).unwrap().compact().to_owned())
    };
    let lie = opening(Digest([9; 32]), &entry_key());
    assert!(Evidence::Fork(fork(&table, lie, 6)).verify().is_ok());
    let honest = opening(table.tree().root(), &entry_key());
    let error = Evidence::Fork(fork(&table, honest, 6)).verify().unwrap_err();
    assert_eq!(error, NoEvidence::Consistent);
    let anybodys = opening(Digest([9; 32]), &SecretKey::from_seed(&[5; 32]));
    let error = Evidence::Fork(fork(&table, anybodys, 6)).verify().unwrap_err();
    assert_eq!(error, NoEvidence::OtherThing);
}

fn refused(table: &Table, size: u64, root: Digest, room: RoomName) -> Refusal {
    Refusal {
        digest: Digest([1; 32]),
        room,
        code: crate::room::Code::BidTooLow,
        size,
        root,
        batch: BatchHeader::hash(&table.opening.stamp().batch),
        same_author: None,
    }
}

#[test]
fn v062_a_fork_with_any_part_exchanged_shows_nothing() {
    let table = sold();
    let other = Table::list(|terms| terms.grace = 6).unwrap();
    let good = fork(&table, head(&table, 3, 9), 3);
    let changed = |change: &dyn Fn(&mut Fork)| {
        let mut changed = good.clone();
        change(&mut changed);
        Evidence::Fork(changed).verify().unwrap_err()
    };
    let opening = other.opening.action().compact().to_owned();
    assert_eq!(
        changed(&|fork| fork.opening.clone_from(&opening)),
        NoEvidence::Head(HeadError::OtherLog)
    );
    let forged = crate::log::Head { origin: table.origin(), size: 3, root: Digest([9; 32]) };
    let forged = forged.sign(&SecretKey::from_seed(&[1; 32]));
    assert_eq!(
        changed(&|fork| fork.smaller = Statement::Head(forged.clone())),
        NoEvidence::Head(HeadError::OtherKey)
    );
    // Whoever could choose the root freely could show a fork of any honest broker.
    assert!(matches!(changed(&|fork| fork.root = Digest([8; 32])), NoEvidence::Proof(_)));
    assert!(matches!(changed(&|fork| fork.path.clear()), NoEvidence::Proof(_)));
    assert_eq!(
        changed(&|fork| std::mem::swap(&mut fork.larger, &mut fork.smaller)),
        NoEvidence::OtherThing
    );
    assert!(matches!(changed(&|fork| fork.opening.clear()), NoEvidence::Action(_)));
    for text in ["", "[]", "{}", r#"{"fork":{}}"#, r#"["a","b"]"#] {
        assert_eq!(Evidence::parse(text), Err(NoEvidence::Malformed), "{text}");
    }
}

#[test]
fn v063_two_headers_of_one_number_are_evidence_that_a_stranger_reads() {
    let mut one = Tsa::new(7);
    let mut two = Tsa::new(7);
    let batches = [one.tick(at(0)), two.tick(at(SECOND))];
    let evidence = Evidence::Batches(TwoBatches { key: one.public(), batches });
    let shown = evidence.verify().unwrap();
    assert_eq!((shown.by, shown.room), (one.public().fingerprint(), None));
    assert_eq!(Evidence::parse(&evidence.encode()).unwrap(), evidence);
    let batches = [one.tick(at(2 * SECOND)), one.tick(at(3 * SECOND))];
    let honest = Evidence::Batches(TwoBatches { key: one.public(), batches });
    assert_eq!(honest.verify(), Err(NoEvidence::Consistent));
}
