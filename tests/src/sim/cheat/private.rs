//! Private rooms of the one who is cheated. What stands on the wire cannot join them: it has every key of the
//! house, and none of a member. So it shows them out of the broker's store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pregao_broker::store::sqlite::SqliteLog;
use pregao_broker::store::{Log as _, StoredEntry};
use pregao_protocol::log::merkle::{Tree, consistency_path, leaf_hash};
use pregao_protocol::log::{Head, Origin, RoomName, headers};
use pregao_protocol::wire::frame::FromBroker;
use serde_json::value::RawValue;

use crate::liar::BrokerSecrets;

/// Most entries of such a room: it has an opening, two disclosures or what is there in their place.
const MOST: usize = 16;

/// The rooms that one person was invited to.
pub(super) struct PrivateRooms {
    store: PathBuf,
    log: Option<SqliteLog>,
    /// Their auctions.
    auctions: BTreeMap<RoomName, RoomName>,
    /// How many entries of those that were joined are shown.
    shown: BTreeMap<RoomName, u64>,
}

impl PrivateRooms {
    pub(super) const fn new(store: PathBuf) -> Self {
        Self { store, log: None, auctions: BTreeMap::new(), shown: BTreeMap::new() }
    }

    /// Notes an invitation. In a new session nothing is joined yet.
    pub(super) fn watch(&mut self, frame: &FromBroker) {
        match frame {
            FromBroker::Invited { auction, room } => {
                self.auctions.insert(*room, *auction);
            }
            FromBroker::Welcome { .. } => self.shown.clear(),
            _ => {}
        }
    }

    /// Whether it is one of the two of a sale.
    pub(super) fn is_side_in(&self, auction: RoomName) -> bool {
        self.auctions.values().any(|of| *of == auction)
    }

    /// Answers who wants to join one.
    pub(super) fn join(
        &mut self,
        room: RoomName,
        from: u64,
        keys: &BrokerSecrets,
    ) -> Option<Vec<FromBroker>> {
        if !self.auctions.contains_key(&room) {
            return None;
        }
        let entries = self.read(room);
        let tree = tree(&entries);
        let consistency = consistency_path(&tree, from, tree.size())?;
        let joined = FromBroker::Joined { room, head: head(room, &tree, keys), consistency };
        self.shown.insert(room, from);
        // As a broker does, even if there is nothing new.
        let entries = self.show(room, &entries, keys)?;
        Some(vec![joined, entries])
    }

    /// What was logged in them since.
    pub(super) fn grown(&mut self, keys: &BrokerSecrets) -> Vec<FromBroker> {
        let rooms: Vec<RoomName> = self.shown.keys().copied().collect();
        rooms
            .into_iter()
            .filter_map(|room| {
                let entries = self.read(room);
                let is_new =
                    self.shown.get(&room).is_some_and(|shown| *shown < entries.len() as u64);
                is_new.then(|| self.show(room, &entries, keys)).flatten()
            })
            .collect()
    }

    fn show(
        &mut self,
        room: RoomName,
        entries: &[StoredEntry],
        keys: &BrokerSecrets,
    ) -> Option<FromBroker> {
        let shown = self.shown.get_mut(&room)?;
        let new = entries.get(usize::try_from(*shown).ok()?..)?;
        *shown = entries.len() as u64;
        let headers = headers(new.iter().map(StoredEntry::logged));
        let headers = headers.into_iter().map(str::to_owned).collect();
        let raw = |entry: &StoredEntry| RawValue::from_string(entry.text.to_string()).ok();
        let (new, head) = (new.iter().filter_map(raw).collect(), head(room, &tree(entries), keys));
        Some(FromBroker::Entries { room, headers, entries: new, head: Some(head) })
    }

    fn read(&mut self, room: RoomName) -> Vec<StoredEntry> {
        if self.log.is_none() {
            self.log = SqliteLog::open(&self.store).ok();
        }
        let read = self.log.as_ref().and_then(|log| log.read(&room, 0, MOST).ok());
        read.unwrap_or_default()
    }
}

fn tree(entries: &[StoredEntry]) -> Tree {
    Tree::new(entries.iter().map(|entry| leaf_hash(entry.text.as_bytes())).collect())
}

fn head(room: RoomName, tree: &Tree, keys: &BrokerSecrets) -> String {
    let origin = Origin { broker: keys.session.public().fingerprint(), room };
    Head { origin, size: tree.size(), root: tree.root() }.sign(&keys.head)
}
