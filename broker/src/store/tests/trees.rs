//! Trees over logs and refusals as they are stored, headers that many entries share, and cosigned heads.

use super::*;

/// A store whose room `a` has a true tree of `size` entries, appended in groups of 1, 2, 3, …
fn store_with_tree(size: u64) -> (Store, Tree) {
    let store = store();
    let mut frontier = Frontier::default();
    let mut leaves = Vec::new();
    let mut grown = |name: &str, seq: u64, action: &str| {
        let mut new = append(name, seq, &[action]).entries.remove(0);
        leaves.push(leaf_hash(new.text.as_bytes()));
        new.hashes = frontier.push(leaf_hash(new.text.as_bytes()));
        new
    };
    let mut first = opening("tree");
    first.entries = vec![grown("tree", 0, "opening")];
    store.log.append(&first).unwrap();
    let mut next = 1;
    for count in 1.. {
        let end = size.min(next + count);
        let entries: Vec<_> =
            (next..end).map(|seq| grown("tree", seq, &format!("bid {seq}"))).collect();
        if entries.is_empty() {
            break;
        }
        let head = Some("head".into());
        store.log.append(&Append { entries, head, ..Append::to(room("tree"), next) }).unwrap();
        next = end;
    }
    (store, Tree::new(leaves))
}

#[test]
fn the_stored_tree_gives_the_roots_and_paths_of_the_true_one() {
    let (store, whole) = store_with_tree(70);
    let tree = StoredTree::new(&store.log, room("tree"));
    assert_eq!(Frontier::restore(&tree, 70).unwrap().root(), whole.root());
    let roots: Vec<Digest> =
        (0..=70).map(|size| Frontier::restore(&tree, size).unwrap().root()).collect();
    for index in 0..70 {
        assert_eq!(inclusion_path(&tree, index, 70), whole.path(index));
        let entry = store.log.read(&room("tree"), index, 1).unwrap().remove(0);
        let leaf = leaf_hash(entry.text.as_bytes());
        for (size, expected) in (0..).zip(&roots).skip_while(|(size, _)| *size <= index) {
            let path = inclusion_path(&tree, index, size).unwrap();
            let root = root_from_path(&leaf, index, size, &path).unwrap();
            assert_eq!(root, *expected);
        }
    }
    for (old, new) in [(1_u8, 70_u8), (7, 64), (32, 33), (33, 70), (69, 70), (70, 70)] {
        let root = |size: u8| &roots[usize::from(size)];
        let (old_root, new_root, old, new) = (root(old), root(new), old.into(), new.into());
        let path = consistency_path(&tree, old, new).unwrap();
        verify_consistency(old, old_root, new, new_root, &path).unwrap();
    }
    tree.finish().unwrap();
}

#[test]
fn nodes_that_are_not_complete_are_not_there() {
    let (store, whole) = store_with_tree(70);
    let tree = StoredTree::new(&store.log, room("tree"));
    for level in 0..=7 {
        let complete = 70 >> level;
        for index in 0..complete + 2 {
            assert_eq!(tree.node(level, index).is_some(), index < complete, "{level} {index}");
            assert_eq!(tree.node(level, index), whole.node(level, index));
        }
    }
    for (level, index) in [(0, u64::MAX), (0, i64::MAX as u64), (63, 1), (64, 0), (255, 0)] {
        assert_eq!(tree.node(level, index), None);
    }
    assert!(inclusion_path(&tree, 0, 71).is_none());
    assert!(Frontier::restore(&tree, 71).is_none());
    assert!(Frontier::restore(&StoredTree::new(&store.log, room("x")), 1).is_none());
    tree.finish().unwrap();
}

#[test]
fn a_tree_that_cannot_be_read_says_so() {
    let (store, _) = store_with_tree(4);
    let file = rusqlite::Connection::open(store.path()).unwrap();
    file.execute_batch("DROP TABLE entry").unwrap();
    let tree = StoredTree::new(&store.log, room("tree"));
    assert!(inclusion_path(&tree, 0, 4).is_none());
    assert!(matches!(tree.finish(), Err(StoreError::Statement(_))));
}

/// How many headers a store has.
fn headers(store: &Store) -> i64 {
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    connection.query_row("SELECT count(*) FROM header", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_header_is_kept_once_and_read_with_every_entry_that_names_it() {
    let store = store();
    let log = &store.log;
    assert_eq!(headers(&store), 1);
    let mut more = append("a", 1, &["one", "two", "three", "four"]);
    for (entry, name) in more.entries.iter_mut().zip(["two", "one", "two", "three"]) {
        entry.header = header(name);
    }
    log.append(&more).unwrap();
    // Another room's entry names it as well.
    log.append(&opening("b")).unwrap();
    assert_eq!(headers(&store), 3);
    let named = |name: &str, from, limit| -> Vec<String> {
        let page = log.read(&room(name), from, limit).unwrap();
        page.iter().map(|entry| entry.header.to_string()).collect()
    };
    let of = |name: &str| header(name).text.to_string();
    assert_eq!(named("a", 0, 9), ["one", "two", "one", "two", "three"].map(of));
    assert_eq!(named("a", 3, 1), ["two"].map(of));
    assert_eq!(named("b", 0, 9), ["one"].map(of));
}

#[test]
fn a_header_becomes_durable_with_its_entry_or_not_at_all() {
    let store = store();
    let mut refused = append("a", 1, &["one", "opening of a"]);
    refused.entries[0].header = header("two");
    refused.entries[1].header = header("three");
    assert!(matches!(store.log.append(&refused), Err(StoreError::Duplicate { .. })));
    assert_eq!(headers(&store), 1);
    let mut good = append("a", 1, &["one"]);
    good.entries[0].header = header("two");
    let group = [refused, good];
    let answers = store.log.commit(&group);
    assert!(answers[0].is_err() && answers[1].is_ok());
    assert_eq!(headers(&store), 2);
}

#[test]
fn a_header_counts_towards_a_group_as_often_as_it_may_have_to_be_written() {
    let plain = append("a", 1, &["one", "two"]);
    let texts: usize = plain.entries.iter().map(|entry| entry.text.len()).sum();
    assert_eq!(plain.weight(), texts + header("one").text.len());
    let mut two = plain.clone();
    two.entries[1].header = header("two");
    assert_eq!(two.weight(), texts + 2 * header("one").text.len());
}

/// A refusal at its place in the tree over the refusals of its room.
fn refusal_at(seq: u64, action: &str, frontier: &mut Frontier) -> StoredRefusal {
    let refusal = refusal(action);
    let hashes = frontier.push(leaf_hash(refusal.jws.as_bytes()));
    StoredRefusal { leaf: Some(RefusalLeaf { seq, hashes }), ..refusal }
}

#[test]
fn the_tree_of_refusals_is_read_back_whole_though_they_are_forgotten() {
    let store = store();
    let log = &store.log;
    let mut frontier = Frontier::default();
    let mut leaves = Vec::new();
    for group in [0..1_u64, 1..4, 4..11] {
        let named = group.map(|seq| (seq, format!("refused {seq}")));
        let refusals: Vec<_> =
            named.map(|(seq, action)| refusal_at(seq, &action, &mut frontier)).collect();
        leaves.extend(refusals.iter().map(|refusal| leaf_hash(refusal.jws.as_bytes())));
        // Some with entries, some alone.
        log.append(&Append { refusals, ..Append::to(room("a"), u64::MAX) }).unwrap();
    }
    log.forget_refusals(&room("a")).unwrap();
    let log = SqliteLog::open(&store.path()).unwrap();
    assert_eq!(log.refused(&room("a")).unwrap(), 11);
    assert_eq!(
        (log.refused(&room("nowhere")).unwrap(), log.refused_node(&room("a"), 0, 11).unwrap()),
        (0, None)
    );
    let tree = StoredTree::of_refusals(&log, room("a"));
    assert_eq!(Frontier::restore(&tree, 11).unwrap(), frontier);
    let whole = Tree::new(leaves);
    for index in 0..11 {
        assert_eq!(inclusion_path(&tree, index, 11), whole.path(index));
    }
    tree.finish().unwrap();
}

#[test]
fn a_refusal_at_another_place_than_the_next_is_not_kept() {
    let Store { log, .. } = &store();
    let at = |seq| {
        let mut frontier = Frontier::default();
        (0..seq).for_each(|_| _ = frontier.push(Digest([1; 32])));
        let refusals = vec![refusal_at(seq, "refused", &mut frontier)];
        Append { refusals, ..Append::to(room("a"), u64::MAX) }
    };
    assert!(matches!(refused(log, &at(1)), StoreError::Conflict { expected: 1, actual: 0 }));
    assert_eq!(log.answer(&Digest::of(b"refused")).unwrap(), None, "nor anything of it");
    log.append(&at(0)).unwrap();
    let mut again = at(0);
    again.refusals[0].digest = Digest::of(b"another");
    assert!(matches!(refused(log, &again), StoreError::Conflict { expected: 0, actual: 1 }));
    let mut nowhere = at(0);
    nowhere.room = room("nowhere");
    nowhere.refusals[0].digest = Digest::of(b"another");
    assert!(matches!(refused(log, &nowhere), StoreError::UnknownRoom { .. }));
    let mut odd = at(1);
    odd.refusals[0].digest = Digest::of(b"another");
    odd.refusals[0].leaf.as_mut().unwrap().hashes.pop();
    assert!(matches!(refused(log, &odd), StoreError::Malformed(_)));
    assert_eq!(log.refused(&room("a")).unwrap(), 1);
}

#[test]
fn the_newest_cosigned_head_is_kept_and_an_older_one_does_not_replace_it() {
    let Store { log, .. } = &store();
    let keep = |name, size, note: &str| {
        let cosigned = Some(StoredHead { size, note: note.to_owned() });
        log.append(&Append { cosigned, ..Append::to(room(name), u64::MAX) })
    };
    assert_eq!(log.cosigned(&room("a")).unwrap(), None);
    for (size, note, kept) in
        [(2, "two", "two"), (1, "one", "two"), (2, "two more", "two more"), (3, "three", "three")]
    {
        keep("a", size, note).unwrap();
        assert_eq!(log.cosigned(&room("a")).unwrap().unwrap().note, kept);
    }
    assert!(matches!(keep("nowhere", 1, "one"), Err(StoreError::UnknownRoom { .. })));
    assert_eq!(log.cosigned(&room("nowhere")).unwrap(), None);
}
