//! The Merkle tree of a stored log, read node by node.

use parking_lot::Mutex;
use pregao_protocol::log::merkle::HashSource;
use pregao_protocol::value::codec::Digest;

use super::{Log, RoomName, StoreError};

/// The tree of one room's log, or the one over its refusals, for restoring its frontier and for proofs.
///
/// A node that cannot be read looks like one that is not there; [`StoredTree::finish`] tells
/// the two apart.
pub struct StoredTree<'a> {
    log: &'a dyn Log,
    room: RoomName,
    of: Leaves,
    failure: Mutex<Option<StoreError>>,
}

/// What a tree is over.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    Entries,
    Refusals,
}

impl<'a> StoredTree<'a> {
    /// The tree of `room` in `log`; without nodes if there is no such room.
    #[must_use]
    pub const fn new(log: &'a dyn Log, room: RoomName) -> Self {
        Self { log, room, of: Leaves::Entries, failure: Mutex::new(None) }
    }

    /// The tree over the refusals of `room`.
    #[must_use]
    pub const fn of_refusals(log: &'a dyn Log, room: RoomName) -> Self {
        Self { log, room, of: Leaves::Refusals, failure: Mutex::new(None) }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// The first failure of the store that made a node look absent.
    pub fn finish(self) -> Result<(), StoreError> {
        self.failure.into_inner().map_or(Ok(()), Err)
    }
}

impl std::fmt::Debug for StoredTree<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredTree").field("room", &self.room).finish_non_exhaustive()
    }
}

impl HashSource for StoredTree<'_> {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        let node = match self.of {
            Leaves::Entries => self.log.node(&self.room, level, index),
            Leaves::Refusals => self.log.refused_node(&self.room, level, index),
        };
        match node {
            Ok(node) => node,
            Err(error) => {
                self.failure.lock().get_or_insert(error);
                None
            }
        }
    }
}
