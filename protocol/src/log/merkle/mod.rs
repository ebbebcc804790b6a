//! Merkle trees as in RFC 9162: roots, proofs and their verification (SPEC 7.1).
//!
//! Three shapes of one tree. [`Tree`] holds all nodes of a batch that never grows: the TSA's
//! stamps. [`Frontier`] holds what an append-only log needs to grow and to know its root: one hash
//! for each bit of its size. [`HashSource`] is whatever keeps a log's other nodes, so that proofs
//! can be drawn for any index and size; [`Appended`] is one over the newest commit alone.
//!
//! Verification trusts nothing: a proof's shape follows from index and sizes, so a hostile path
//! can only be refused. Nodes are addressed as (level, index); level 0 holds the leaf hashes, and
//! a node exists once all `2^level` leaves under it do.

use crate::value::codec::Digest;

/// Why a proof was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Index, size and number of hashes do not belong together.
    #[error("the proof has the wrong shape")]
    Malformed,
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    Mismatch,
}

/// Hash of a leaf: SHA-256(0x00 ‖ data).
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest::labelled("\0", data)
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut children = [0_u8; 64];
    let (first, second) = children.split_at_mut(32);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Digest::labelled("\u{1}", &children)
}

/// Root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(&[])
}

/// The root that `path` leads to from leaf hash `leaf` at `index` of a tree of `size` leaves.
///
/// # Errors
/// [`ProofError::Malformed`] if `index`, `size` and the path's length do not fit.
pub fn root_from_path(
    leaf: &Digest,
    index: u64,
    size: u64,
    path: &[Digest],
) -> Result<Digest, ProofError> {
    let mut path = path.iter();
    let mut root = *leaf;
    for sibling in siblings(index, size, 0).ok_or(ProofError::Malformed)? {
        let hash = path.next().ok_or(ProofError::Malformed)?;
        root = sibling.join(&root, hash);
    }
    if path.next().is_none() { Ok(root) } else { Err(ProofError::Malformed) }
}

/// Verifies that the tree of `new_size` leaves begins with all leaves of the one of `old_size`
/// (V-027).
///
/// The empty tree is the beginning of every tree, with an empty path; equal sizes need equal roots
/// and an empty path.
///
/// # Errors
/// [`ProofError::Malformed`] if sizes and the path's length do not fit, [`ProofError::Mismatch`]
/// if the path leads to another root than either of the two.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Digest,
    new_size: u64,
    new_root: &Digest,
    path: &[Digest],
) -> Result<(), ProofError> {
    if old_size == 0 || old_size == new_size {
        let empty_if_old = old_size != 0 || *old_root == empty_root();
        let equal_if_same_size = old_size != new_size || old_root == new_root;
        return match path {
            [_, ..] => Err(ProofError::Malformed),
            [] if empty_if_old && equal_if_same_size => Ok(()),
            [] => Err(ProofError::Mismatch),
        };
    }
    let mut path = path.iter();
    // The two trees share the node that ends the old one. It is the old root if the old tree is
    // a perfect one, and is the first of the path otherwise.
    let shared = if old_size.is_power_of_two() {
        *old_root
    } else {
        *path.next().ok_or(ProofError::Malformed)?
    };
    let (mut old, mut new) = (shared, shared);
    for sibling in siblings_of_end(old_size, new_size).ok_or(ProofError::Malformed)? {
        let hash = path.next().ok_or(ProofError::Malformed)?;
        new = sibling.join(&new, hash);
        if sibling.side == Side::Left {
            old = sibling.join(&old, hash);
        }
    }
    if path.next().is_some() {
        Err(ProofError::Malformed)
    } else if old == *old_root && new == *new_root {
        Ok(())
    } else {
        Err(ProofError::Mismatch)
    }
}

/// Something that keeps the nodes of a log's tree.
pub trait HashSource {
    /// The hash of node `index` of `level`; nothing if it is not kept or not complete.
    fn node(&self, level: u8, index: u64) -> Option<Digest>;
}

/// The record with which node (`level`, `index`) is completed; the node is the `level`-th hash, from
/// 0, of those that [`Frontier::push`] gives for that record. Nothing if no log gets that long.
#[must_use]
pub fn completing_record(level: u8, index: u64) -> Option<u64> {
    let end = u128::from(index) + 1;
    let record = end.checked_mul(1_u128.checked_shl(level.into())?)? - 1;
    u64::try_from(record).ok()
}

/// The path from leaf `index` to the root of the tree of `size` leaves.
///
/// Nothing if there is no such leaf or `source` lacks a node.
pub fn inclusion_path(source: &impl HashSource, index: u64, size: u64) -> Option<Vec<Digest>> {
    siblings(index, size, 0)?.map(|sibling| sibling.hash(source, size)).collect()
}

/// The proof for [`verify_consistency`] between two sizes of one log.
///
/// Nothing if `old_size` exceeds `new_size` or `source` lacks a node.
pub fn consistency_path(
    source: &impl HashSource,
    old_size: u64,
    new_size: u64,
) -> Option<Vec<Digest>> {
    if old_size == 0 || old_size == new_size {
        return Some(Vec::new());
    }
    let level = lowest_bit(old_size);
    let shared = (!old_size.is_power_of_two()).then(|| source.node(level, (old_size >> level) - 1));
    let rest = siblings_of_end(old_size, new_size)?.map(|sibling| sibling.hash(source, new_size));
    shared.into_iter().chain(rest).collect()
}

/// A whole tree in memory, built once; paths are look-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Each level from the leaves up. A last node without a sibling goes to the level above as it
    /// is, so that every path is found by flipping one bit per level.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// Builds the tree over leaf hashes, with one hash less than there are leaves.
    #[must_use]
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = Vec::with_capacity(18);
        let mut level = leaves;
        while level.len() > 1 {
            let (pairs, single) = level.as_chunks::<2>();
            let mut above = Vec::with_capacity(level.len().div_ceil(2));
            above.extend(pairs.iter().map(|[left, right]| node_hash(left, right)));
            above.extend_from_slice(single);
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The root; that of the empty tree if there are no leaves.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(empty_root)
    }

    /// The path from leaf `index` to the root; nothing if there is no such leaf.
    #[must_use]
    pub fn path(&self, index: u64) -> Option<Vec<Digest>> {
        let index = usize::try_from(index).ok().filter(|_| index < self.size())?;
        let mut path = Vec::with_capacity(self.levels.len());
        path.extend(
            self.levels
                .iter()
                .enumerate()
                .filter_map(|(level, nodes)| nodes.get((index >> level) ^ 1)),
        );
        Some(path)
    }
}

impl HashSource for Tree {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        let complete = index < self.size().checked_shr(level.into())?;
        let nodes = self.levels.get(usize::from(level)).filter(|_| complete)?;
        nodes.get(usize::try_from(index).ok()?).copied()
    }
}

/// The right edge of a growing log: its size and the roots of the perfect trees it consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One for each set bit of `size`, the largest tree first.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The largest size that is restored: 2^63. What is pushed after that can never overflow.
    pub const MAX_SIZE: u64 = 1 << 63;

    /// The frontier that a log had at `size`.
    ///
    /// Nothing if `source` lacks a node or `size` exceeds [`Frontier::MAX_SIZE`].
    #[must_use]
    pub fn restore(source: &impl HashSource, size: u64) -> Option<Self> {
        if size > Self::MAX_SIZE {
            return None;
        }
        let peaks: Option<Vec<Digest>> =
            peak_levels(size).rev().map(|level| source.node(level, (size >> level) - 1)).collect();
        Some(Self { size, peaks: peaks? })
    }

    /// The frontier of a log of `size` with these trees, the largest first; nothing if it has another number of them.
    pub(crate) fn of_peaks(size: u64, peaks: Vec<Digest>) -> Option<Self> {
        let fits = size <= Self::MAX_SIZE && peaks.len() as u64 == u64::from(size.count_ones());
        fits.then_some(Self { size, peaks })
    }

    /// Its trees, the largest first.
    pub(crate) fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// How many leaves were pushed.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of all leaves pushed.
    #[must_use]
    pub fn root(&self) -> Digest {
        let peaks = self.peaks.iter().rev().copied();
        peaks.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Appends a leaf hash and gives the nodes that this record completes: the leaf hash, then each
    /// parent, bottom up. A store that keeps them with the record can find every node again by
    /// [`completing_record`].
    pub fn push(&mut self, leaf: Digest) -> Vec<Digest> {
        let parents = self.size.trailing_ones();
        let mut stored = Vec::with_capacity(parents as usize + 1);
        let mut hash = leaf;
        stored.push(hash);
        for left in (0..parents).map_while(|_| self.peaks.pop()) {
            hash = node_hash(&left, &hash);
            stored.push(hash);
        }
        self.peaks.push(hash);
        self.size += 1;
        stored
    }

    /// Appends the leaf hashes of one commit and keeps what proofs about them need.
    pub fn append(&mut self, leaves: impl IntoIterator<Item = Digest>) -> Appended {
        let before = self.clone();
        let mut levels: Vec<Vec<Digest>> = Vec::new();
        for leaf in leaves {
            for (level, hash) in self.push(leaf).into_iter().enumerate() {
                match levels.get_mut(level) {
                    Some(nodes) => nodes.push(hash),
                    None => levels.push(vec![hash]),
                }
            }
        }
        Appended { before, levels, size: self.size, root: self.root() }
    }

    fn peak(&self, level: u8) -> Option<Digest> {
        let larger_or_equal = self.size.checked_shr(level.into())?.count_ones() as usize;
        self.peaks.get(larger_or_equal.checked_sub(1)?).copied()
    }
}

/// The leaves of one commit with the edge they were appended to.
///
/// It answers for every inclusion path of the leaves it added, and for the consistency path from
/// the size before, without reading the log's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    before: Frontier,
    /// The nodes completed by this commit. Those of one level are consecutive: the first has as
    /// index the number of nodes that were complete before.
    levels: Vec<Vec<Digest>>,
    size: u64,
    root: Digest,
}

impl Appended {
    /// Size of the log before this commit: the index of its first leaf.
    #[must_use]
    pub const fn old_size(&self) -> u64 {
        self.before.size
    }

    /// Size of the log after this commit.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the log after this commit.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// The nodes completed by record `index`, as [`Frontier::push`] gave them; nothing if it is not
    /// of this commit.
    #[must_use]
    pub fn stored_hashes(&self, index: u64) -> Option<Vec<Digest>> {
        let parents = u8::try_from(index.trailing_ones()).ok()?;
        (0..=parents).map(|level| self.completed(level, index.checked_shr(level.into())?)).collect()
    }

    /// The path from a leaf of this commit to [`Appended::root`]; nothing if it is not of this
    /// commit.
    #[must_use]
    pub fn inclusion_path(&self, index: u64) -> Option<Vec<Digest>> {
        self.completed(0, index)?;
        inclusion_path(self, index, self.size)
    }

    /// The consistency path from [`Appended::old_size`] to [`Appended::size`].
    #[must_use]
    pub fn consistency_path(&self) -> Option<Vec<Digest>> {
        consistency_path(self, self.before.size, self.size)
    }

    fn completed(&self, level: u8, index: u64) -> Option<Digest> {
        let first = self.before.size.checked_shr(level.into())?;
        let offset = usize::try_from(index.checked_sub(first)?).ok()?;
        self.levels.get(usize::from(level))?.get(offset).copied()
    }
}

impl HashSource for Appended {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        let complete_before = self.before.size.checked_shr(level.into())?;
        let is_peak = complete_before & 1 == 1 && index == complete_before - 1;
        if is_peak { self.before.peak(level) } else { self.completed(level, index) }
    }
}

/// On which side of the way up a node joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// A node that joins the way from a leaf to the root.
#[derive(Debug, Clone, Copy)]
struct Sibling {
    side: Side,
    level: u8,
    index: u64,
}

impl Sibling {
    fn join(self, below: &Digest, hash: &Digest) -> Digest {
        match self.side {
            Side::Left => node_hash(hash, below),
            Side::Right => node_hash(below, hash),
        }
    }

    /// Its hash in a tree of `size` leaves. The last node of a level may have too few leaves to be
    /// kept; it is then made of the smaller perfect trees that end the log.
    fn hash(self, source: &impl HashSource, size: u64) -> Option<Digest> {
        if self.index < size >> self.level {
            return source.node(self.level, self.index);
        }
        let ragged = peak_levels(size).take_while(|level| *level < self.level);
        let mut hash = None;
        for level in ragged {
            let left = source.node(level, (size >> level) - 1)?;
            hash = Some(hash.map_or(left, |right| node_hash(&left, &right)));
        }
        hash
    }
}

/// The siblings met on the way from the ancestor of leaf `index` at level `from` up to the root of a
/// tree of `size` leaves, bottom up. Nothing if there is no such leaf.
fn siblings(index: u64, size: u64, from: u8) -> Option<impl Iterator<Item = Sibling>> {
    let last = size.checked_sub(1).filter(|last| index <= *last)?;
    // Above the root both are zero, and there is no sibling.
    Some((from..64).filter_map(move |level| {
        let node = index >> level;
        if node & 1 == 1 {
            Some(Sibling { side: Side::Left, level, index: node - 1 })
        } else if node < last >> level {
            Some(Sibling { side: Side::Right, level, index: node + 1 })
        } else {
            None
        }
    }))
}

/// The siblings on the way from the perfect tree that ends a log of `old_size` up to the root of the
/// same log at `new_size`. Nothing unless `1 <= old_size <= new_size`.
fn siblings_of_end(old_size: u64, new_size: u64) -> Option<impl Iterator<Item = Sibling>> {
    siblings(old_size.checked_sub(1)?, new_size, lowest_bit(old_size))
}

/// The levels of the perfect trees that a log of `size` leaves consists of, the smallest first.
fn peak_levels(size: u64) -> impl DoubleEndedIterator<Item = u8> {
    (0..64).filter(move |level| size >> level & 1 == 1)
}

fn lowest_bit(size: u64) -> u8 {
    u8::try_from(size.trailing_zeros()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
