//! Making a timeline of the log of a box, as its owner reads that from the beginning.

use super::timeline::{Happened, Timeline};
use crate::log::merkle::{Tree, inclusion_path, leaf_hash};
use crate::log::{Entry, Receipt, SeenPath, TimelineEntry};
use crate::room::Stamped;
use crate::room::action::Seen;
use crate::value::codec::Digest;

/// An entry that is kept until its path is known.
#[derive(Debug)]
struct Kept {
    seq: u64,
    header: String,
    entry: String,
    happened: Option<Happened>,
    seen: Seen,
}

/// What a log says of the deposit at a position. Every entry of the log has to be shown to it, from the first.
#[derive(Debug)]
pub struct Telling {
    seq: u64,
    leaves: Vec<Digest>,
    deposit: Option<Kept>,
    told: Vec<Kept>,
}

impl Telling {
    /// About the deposit at this position, before anything was read.
    #[must_use]
    pub const fn of(seq: u64) -> Self {
        Self { seq, leaves: Vec::new(), deposit: None, told: Vec::new() }
    }

    /// Takes note of the next entry, which was verified in its place.
    pub fn note(&mut self, stamped: &Stamped) {
        let seq = self.leaves.len() as u64;
        let action = stamped.action();
        let compact = action.compact().to_owned();
        let entry = Entry { seq, action: compact, stamp: stamped.stamp().clone() }.encode();
        self.leaves.push(leaf_hash(entry.as_bytes()));
        let happened = Happened::to(self.seq, action.body());
        if seq != self.seq && (seq < self.seq || happened.is_none() || self.is_over()) {
            return;
        }
        let header = stamped.batch().compact().to_owned();
        let kept = Kept { seq, header, entry, happened, seen: action.seen() };
        if seq == self.seq {
            self.deposit = Some(kept);
        } else {
            self.told.push(kept);
        }
    }

    /// The root that the log had when it had this many entries; `None` if fewer were read.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        let leaves = self.leaves.get(..usize::try_from(size).ok()?)?;
        Some(Tree::new(leaves.to_vec()).root())
    }

    /// Nothing that happens to others is about one that waits no more.
    fn is_over(&self) -> bool {
        let last = self.told.last().and_then(|kept| kept.happened);
        last.is_some_and(Happened::is_end)
    }

    /// The receipt of the deposit, and its timeline if anything happened to it, under a head over exactly what was read;
    /// `None` if there is nothing at that position. `opening` is the action that opened the box.
    #[must_use]
    pub fn finish(self, opening: &str, head: &str) -> Option<(Receipt, Option<Timeline>)> {
        let tree = Tree::new(self.leaves);
        let path = |seq| tree.path(seq);
        let Kept { header, entry, .. } = self.deposit?;
        let (opening, head) = (opening.to_owned(), head.to_owned());
        let deposit = Receipt { opening, header, entry, path: path(self.seq)?, head };
        let mut entries = Vec::new();
        for kept in self.told {
            let seen = kept.happened.is_some_and(Happened::has_seen);
            let seen = seen.then(|| inclusion_path(&tree, self.seq, kept.seen.size)).flatten();
            let Kept { seq, header, entry, .. } = kept;
            let seen = seen.map(SeenPath);
            entries.push(TimelineEntry { header, entry, path: path(seq)?, seen });
        }
        let (head, path) = (deposit.head.clone(), deposit.path.clone());
        let timeline = (!entries.is_empty()).then_some(Timeline { head, path, entries });
        Some((deposit, timeline))
    }
}
