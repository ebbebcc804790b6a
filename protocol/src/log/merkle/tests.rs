//! The tree against known roots, against `tlog_tiles`, and against every damaged proof.

use std::cell::Cell;

use proptest::prelude::*;
use tlog_tiles::{self as judge, Hash};

use super::*;

/// A log kept as the broker's store keeps it: the completed nodes beside each record.
#[derive(Default)]
struct Records(Vec<Vec<Digest>>);

impl HashSource for Records {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        let record = usize::try_from(completing_record(level, index)?).ok()?;
        self.0.get(record)?.get(usize::from(level)).copied()
    }
}

/// The same log as the judge keeps it.
#[derive(Default)]
struct Judge(Vec<Hash>);

impl judge::HashReader for Judge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, judge::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

fn leaf(index: u64) -> Digest {
    leaf_hash(&index.to_be_bytes())
}

fn logs(size: u64) -> (Frontier, Records, Judge) {
    let (mut frontier, mut records, mut judge) =
        (Frontier::default(), Records::default(), Judge::default());
    for index in 0..size {
        let stored = frontier.push(leaf(index));
        let theirs = judge::stored_hashes(index, &index.to_be_bytes(), &judge).unwrap();
        assert_eq!(theirs, theirs_of(&stored));
        judge.0.extend(theirs);
        records.0.push(stored);
    }
    (frontier, records, judge)
}

fn theirs_of(hashes: &[Digest]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

fn root(records: &Records, size: u64) -> Digest {
    Frontier::restore(records, size).unwrap().root()
}

fn included(index: u64, size: u64, path: &[Digest], root: &Digest) -> bool {
    root_from_path(&leaf(index), index, size, path) == Ok(*root)
}

/// Every path that differs from `path` in one bit, by one hash more or less, or in the order of two.
fn damaged(path: &[Digest]) -> Vec<Vec<Digest>> {
    let mut others = Vec::new();
    for at in 0..path.len() {
        for bit in 0..256 {
            let mut flipped = path.to_vec();
            flipped[at].0[bit / 8] ^= 1 << (bit % 8);
            others.push(flipped);
        }
        let mut shortened = path.to_vec();
        shortened.remove(at);
        others.push(shortened);
        let mut doubled = path.to_vec();
        doubled.insert(at, path[at]);
        others.push(doubled);
        if at > 0 {
            let mut swapped = path.to_vec();
            swapped.swap(at - 1, at);
            others.push(swapped);
        }
    }
    let mut longer = path.to_vec();
    longer.push(empty_root());
    others.push(longer);
    others.push([&[empty_root()], path].concat());
    others
}

#[test]
fn roots_are_those_published_for_certificate_transparency() {
    let data: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let known = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::default();
    for (size, root) in known.into_iter().enumerate() {
        assert_eq!(hex::encode(frontier.root().0), root, "size {size}");
        let tree = Tree::new(data[..size].iter().map(|data| leaf_hash(data)).collect());
        assert_eq!(tree.root(), frontier.root(), "size {size}");
        if let Some(data) = data.get(size) {
            frontier.push(leaf_hash(data));
        }
    }
}

#[test]
fn tree_and_log_agree_with_the_judge_at_every_index_and_size() {
    let (_, records, judge) = logs(300);
    for size in 0..=300 {
        let theirs = judge::tree_hash(size, &judge).unwrap();
        let tree = Tree::new((0..size).map(leaf).collect());
        assert_eq!(root(&records, size).0, theirs.0, "size {size}");
        assert_eq!(tree.root().0, theirs.0, "size {size}");
        for index in 0..size {
            let path = inclusion_path(&records, index, size).unwrap();
            assert_eq!(tree.path(index).as_ref(), Some(&path));
            assert_eq!(inclusion_path(&tree, index, size).as_ref(), Some(&path));
            assert_eq!(theirs_of(&path), judge::prove_record(size, index, &judge).unwrap());
            assert!(included(index, size, &path, &tree.root()), "{index} of {size}");
        }
        assert_eq!(tree.path(size), None);
        assert_eq!(tree.path(u64::MAX), None);
    }
}

#[test]
fn every_size_up_to_300_is_consistent_with_every_smaller_one() {
    let (_, records, judge) = logs(300);
    let roots: Vec<Digest> = (0..=300).map(|size| root(&records, size)).collect();
    for new in 1..=300_u64 {
        let new_root = roots[usize::try_from(new).unwrap()];
        for old in 1..=new {
            let old_root = roots[usize::try_from(old).unwrap()];
            let path = consistency_path(&records, old, new).unwrap();
            assert_eq!(theirs_of(&path), judge::prove_tree(new, old, &judge).unwrap());
            assert_eq!(verify_consistency(old, &old_root, new, &new_root, &path), Ok(()));
        }
    }
}

#[test]
fn sizes_at_random_agree_with_the_judge() {
    let (_, records, judge) = logs(2000);
    let seen = Cell::new(0);
    proptest!(|(size in 1_u64..=2000, index in 0_u64..2000, old in 1_u64..=2000)| {
        let (index, old) = (index % size, old.min(size));
        let theirs = judge::tree_hash(size, &judge).unwrap();
        let ours = root(&records, size);
        prop_assert_eq!(ours.0, theirs.0);
        let path = inclusion_path(&records, index, size).unwrap();
        judge::check_record(&theirs_of(&path), size, theirs, index, Hash(leaf(index).0)).unwrap();
        prop_assert!(included(index, size, &path, &ours));
        let path = consistency_path(&records, old, size).unwrap();
        let old_root = root(&records, old);
        judge::check_tree(&theirs_of(&path), size, theirs, old, Hash(old_root.0)).unwrap();
        prop_assert_eq!(verify_consistency(old, &old_root, size, &ours, &path), Ok(()));
        seen.set(seen.get() + 1);
    });
    assert!(seen.get() > 0);
}

#[test]
fn a_damaged_inclusion_path_is_refused() {
    let (_, records, _) = logs(20);
    for size in 1..=20 {
        let root = root(&records, size);
        for index in 0..size {
            let path = inclusion_path(&records, index, size).unwrap();
            for other in damaged(&path).into_iter().filter(|other| *other != path) {
                assert!(!included(index, size, &other, &root), "{index} of {size}");
            }
        }
    }
}

#[test]
fn a_path_of_the_wrong_length_is_malformed() {
    let (_, records, _) = logs(7);
    let path = inclusion_path(&records, 2, 7).unwrap();
    let refused = |path: &[Digest]| root_from_path(&leaf(2), 2, 7, path);
    assert_eq!(refused(&path[..2]), Err(ProofError::Malformed));
    assert_eq!(refused(&[&path[..], &path[..1]].concat()), Err(ProofError::Malformed));
    assert_eq!(refused(&[]), Err(ProofError::Malformed));
    assert_eq!(root_from_path(&leaf(0), 0, 0, &[]), Err(ProofError::Malformed));
    assert_eq!(root_from_path(&leaf(0), 7, 7, &path), Err(ProofError::Malformed));
}

#[test]
fn an_index_that_is_off_by_one_is_refused() {
    let (_, records, _) = logs(64);
    for size in 2..=64 {
        let root = root(&records, size);
        for index in 0..size {
            let path = inclusion_path(&records, index, size).unwrap();
            for other in [index.wrapping_sub(1), index + 1, size, u64::MAX] {
                let led_to = root_from_path(&leaf(index), other, size, &path);
                assert!(other == index || led_to != Ok(root), "{index} as {other} of {size}");
            }
        }
    }
}

#[test]
fn a_path_does_not_lead_to_the_root_of_a_neighbouring_size() {
    let (_, records, _) = logs(65);
    for size in 1..=64 {
        for index in 0..size {
            let path = inclusion_path(&records, index, size).unwrap();
            for other in [size - 1, size + 1] {
                assert!(!included(index, other, &path, &root(&records, other)));
                assert!(!included(index, size, &path, &root(&records, other)));
            }
        }
    }
}

#[test]
fn a_damaged_consistency_path_is_refused() {
    let (_, records, _) = logs(20);
    for new in 1..=20 {
        for old in 1..=new {
            let (old_root, new_root) = (root(&records, old), root(&records, new));
            let path = consistency_path(&records, old, new).unwrap();
            for other in damaged(&path).into_iter().filter(|other| *other != path) {
                let verdict = verify_consistency(old, &old_root, new, &new_root, &other);
                assert!(verdict.is_err(), "{old} to {new}");
            }
        }
    }
}

#[test]
fn consistency_with_other_roots_or_sizes_is_refused() {
    let (_, records, _) = logs(41);
    for new in 2..=40 {
        for old in 1..new {
            let (old_root, new_root) = (root(&records, old), root(&records, new));
            let path = consistency_path(&records, old, new).unwrap();
            let verify = |old, old_root: Digest, new, new_root: Digest| {
                verify_consistency(old, &old_root, new, &new_root, &path)
            };
            let other = empty_root();
            assert_eq!(verify(old, other, new, new_root), Err(ProofError::Mismatch));
            assert_eq!(verify(old, old_root, new, other), Err(ProofError::Mismatch));
            assert!(verify(new, new_root, old, old_root).is_err());
            assert!(verify(old, old_root, new + 1, root(&records, new + 1)).is_err());
            assert!(verify(old, root(&records, old + 1), new, new_root).is_err());
            assert!(verify(old + 1, root(&records, old + 1), new, new_root).is_err());
        }
    }
}

#[test]
fn the_empty_tree_begins_every_tree_and_equal_sizes_need_equal_roots() {
    let (one, other) = (leaf(1), leaf(2));
    let empty = empty_root();
    let verify = verify_consistency;
    assert_eq!(verify(0, &empty, 0, &empty, &[]), Ok(()));
    assert_eq!(verify(0, &empty, 9, &one, &[]), Ok(()));
    assert_eq!(verify(9, &one, 9, &one, &[]), Ok(()));
    assert_eq!(verify(0, &empty, 0, &one, &[]), Err(ProofError::Mismatch));
    assert_eq!(verify(0, &one, 0, &one, &[]), Err(ProofError::Mismatch));
    assert_eq!(verify(0, &one, 9, &one, &[]), Err(ProofError::Mismatch));
    assert_eq!(verify(9, &one, 9, &other, &[]), Err(ProofError::Mismatch));
    assert_eq!(verify(0, &empty, 9, &one, &[one]), Err(ProofError::Malformed));
    assert_eq!(verify(9, &one, 9, &one, &[one]), Err(ProofError::Malformed));
    assert_eq!(verify(9, &one, 0, &empty, &[]), Err(ProofError::Malformed));
    assert_eq!(verify(4, &one, 8, &one, &[]), Err(ProofError::Malformed));
}

#[test]
fn a_frontier_restored_at_any_size_is_the_one_that_was_pushed() {
    let records = logs(70).1;
    let mut frontier = Frontier::default();
    for size in 0..=70 {
        assert_eq!(Frontier::restore(&records, size).as_ref(), Some(&frontier));
        assert_eq!(frontier.size(), size);
        frontier.push(leaf(size));
    }
    assert_eq!(Frontier::restore(&records, 71), None, "a node is missing");
}

#[test]
fn one_commit_proves_its_leaves_and_its_consistency_without_the_store() {
    let (_, records, _) = logs(60);
    for old in 0..=40 {
        for added in 0..=20 {
            let mut frontier = Frontier::restore(&records, old).unwrap();
            let appended = frontier.append((old..old + added).map(leaf));
            let new = old + added;
            assert_eq!(frontier, Frontier::restore(&records, new).unwrap());
            assert_eq!((appended.old_size(), appended.size()), (old, new));
            assert_eq!(appended.root(), root(&records, new));
            assert_eq!(appended.consistency_path(), consistency_path(&records, old, new));
            for index in old..new {
                assert_eq!(appended.inclusion_path(index), inclusion_path(&records, index, new));
                let stored = &records.0[usize::try_from(index).unwrap()];
                assert_eq!(appended.stored_hashes(index).as_ref(), Some(stored));
            }
            for outside in [new, u64::MAX, old.wrapping_sub(1)] {
                assert_eq!(appended.inclusion_path(outside), None);
                assert_eq!(appended.stored_hashes(outside), None);
            }
        }
    }
}

#[test]
fn a_node_is_found_with_the_record_that_completes_it() {
    assert_eq!(completing_record(0, 5), Some(5));
    assert_eq!(completing_record(1, 0), Some(1));
    assert_eq!(completing_record(3, 1), Some(15));
    assert_eq!(completing_record(63, 1), Some(u64::MAX));
    for (level, index) in [(63, 2), (64, 1), (1, u64::MAX), (128, 0), (255, u64::MAX)] {
        assert_eq!(completing_record(level, index), None, "({level}, {index})");
    }
}

/// A log longer than any real one: every node has the same hash.
struct Uniform;

impl HashSource for Uniform {
    fn node(&self, _level: u8, _index: u64) -> Option<Digest> {
        Some(empty_root())
    }
}

#[test]
fn the_largest_sizes_do_not_overflow() {
    for size in [1 << 53, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX] {
        for index in [0, 1, size / 2, size - 2, size - 1] {
            let path = inclusion_path(&Uniform, index, size).unwrap();
            assert!(path.len() <= 64);
            assert!(root_from_path(&empty_root(), index, size, &path).is_ok());
            let consistency = consistency_path(&Uniform, index + 1, size).unwrap();
            assert!(consistency.len() <= 65);
        }
        assert_eq!(inclusion_path(&Uniform, size, size), None);
    }
    assert_eq!(Frontier::restore(&Uniform, Frontier::MAX_SIZE + 1), None);
    assert!(Frontier::restore(&Uniform, Frontier::MAX_SIZE).is_some());
    let mut frontier = Frontier::restore(&Uniform, Frontier::MAX_SIZE - 1).unwrap();
    assert_eq!(frontier.push(leaf(0)).len(), 64);
    assert_eq!(frontier.push(leaf(1)).len(), 1);
    assert_eq!(frontier.size(), Frontier::MAX_SIZE + 1);
}

#[test]
fn sources_answer_nothing_for_nodes_they_lack() {
    let tree = Tree::new((0..5).map(leaf).collect());
    let appended = Frontier::default().append((0..5).map(leaf));
    for (level, index) in [(0, 5), (1, 2), (2, 1), (3, 0), (64, 0), (255, 0), (0, u64::MAX)] {
        assert_eq!(tree.node(level, index), None, "({level}, {index})");
        assert_eq!(appended.node(level, index), None, "({level}, {index})");
    }
    assert_eq!(inclusion_path(&tree, 0, 6), None);
    assert_eq!(consistency_path(&tree, 3, 2), None);
    assert_eq!(consistency_path(&tree, 3, 6), None);
    let empty = Tree::new(Vec::new());
    assert_eq!((empty.root(), empty.size(), empty.path(0)), (empty_root(), 0, None));
}

proptest! {
    #[test]
    fn no_path_makes_verification_panic(
        (index, size, old) in (any::<u64>(), any::<u64>(), any::<u64>()),
        small in any::<bool>(),
        path in proptest::collection::vec(any::<[u8; 32]>().prop_map(Digest), 0..130),
    ) {
        let bound = if small { 70 } else { u64::MAX };
        let (index, size, old) = (index % bound, size % bound, old % bound);
        let root = leaf(0);
        prop_assert!(root_from_path(&leaf(1), index, size, &path) != Ok(root));
        if old != 0 && old != size {
            prop_assert!(verify_consistency(old, &root, size, &root, &path).is_err());
        }
    }
}
