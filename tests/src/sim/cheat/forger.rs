//! Logs that are shown otherwise than they are, under the broker's keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, FullStamp};
use pregao_protocol::log::{Entry, Head, Logged, Origin, RoomName, headers};
use pregao_protocol::room::action::{Action, Draft};
use pregao_protocol::room::body::Body;
use pregao_protocol::wire::frame::FromBroker;
use serde_json::value::RawValue;

use crate::liar::BrokerSecrets;
use crate::sim::machine::Machine;
use crate::sim::programs::Town;

/// An entry, and the batch header that it names.
type Shown = (String, String);

/// Where the answer to a question for a stamp goes: none yet, or whether there is one.
type Slot = Arc<Mutex<Option<Option<FullStamp>>>>;

/// An action in the place of another, which waits for its stamp.
struct Forging {
    room: RoomName,
    seq: u64,
    action: Action,
    stamp: Slot,
    /// What the broker said of the room meanwhile.
    held: Vec<FromBroker>,
}

/// From the entry that it forges on, every head of that log is its own.
pub(super) struct Forger {
    town: Arc<Town>,
    machine: Arc<Machine>,
    /// What was shown of each room, by position.
    shown: BTreeMap<RoomName, BTreeMap<u64, Shown>>,
    forging: Option<Forging>,
    forged: Option<(RoomName, u64)>,
}

impl Forger {
    pub(super) fn new(town: &Arc<Town>) -> Self {
        let (town, machine) = (Arc::clone(town), town.machine());
        Self { town, machine, shown: BTreeMap::new(), forging: None, forged: None }
    }

    /// What reaches the peer instead of a frame: the first action of the broker for which there is another body
    /// is replaced.
    pub(super) fn show(
        &mut self,
        frame: FromBroker,
        keys: &BrokerSecrets,
        other: impl Fn(RoomName, &Body) -> Option<Body>,
    ) -> Vec<FromBroker> {
        let mut said = self.go_on(keys);
        if self.forging.is_none() && self.forged.is_none() {
            self.forging = self.begin(&frame, keys, other);
        }
        let of = match &frame {
            FromBroker::Entries { room, .. } | FromBroker::Cosigned { room, .. } => Some(*room),
            _ => None,
        };
        match &mut self.forging {
            Some(forging) if of == Some(forging.room) => forging.held.push(frame),
            _ => said.extend(self.pass(frame, keys)),
        }
        said
    }

    /// Whether an entry was forged.
    pub(super) const fn has_forged(&self) -> bool {
        self.forged.is_some()
    }

    /// Goes on with what was held, once there is a stamp.
    fn go_on(&mut self, keys: &BrokerSecrets) -> Vec<FromBroker> {
        let is_there = |forging: &mut Forging| forging.stamp.lock().is_some();
        let Some(forging) = self.forging.take_if(is_there) else { return Vec::new() };
        let Forging { room, seq, action, stamp, held } = forging;
        // Without a stamp nothing is forged this time.
        if let Some(stamp) = stamp.lock().take().flatten() {
            let text = action.compact().to_owned();
            let entry = Entry { seq, action: text, stamp: stamp.stamp() }.encode();
            self.shown.entry(room).or_default().insert(seq, (entry, stamp.batch));
            self.forged = Some((room, seq));
        }
        held.into_iter().filter_map(|frame| self.pass(frame, keys)).collect()
    }

    /// A frame as it reaches the peer.
    fn pass(&mut self, frame: FromBroker, keys: &BrokerSecrets) -> Option<FromBroker> {
        let forged = self.forged;
        let of = |of: RoomName| forged.filter(|(room, _)| *room == of);
        let (room, entries, head, named) = match frame {
            // Its heads are of the log as it is.
            FromBroker::Cosigned { room, .. } if of(room).is_some() => return None,
            FromBroker::Entries { room, headers, entries, head } => (room, entries, head, headers),
            other => return Some(other),
        };
        let mut these: Vec<Shown> = Vec::new();
        let log = self.shown.entry(room).or_default();
        for raw in &entries {
            let Ok(entry) = Entry::parse(raw.get()) else { continue };
            let is_of_stamp = |header: &&String| BatchHeader::hash(header) == entry.stamp.header;
            let header = named.iter().find(is_of_stamp).cloned().unwrap_or_default();
            if of(room).is_none_or(|(_, seq)| seq != entry.seq) {
                log.insert(entry.seq, (raw.get().to_owned(), header));
            }
            these.extend(log.get(&entry.seq).cloned());
        }
        if of(room).is_none() {
            return Some(FromBroker::Entries { room, headers: named, entries, head });
        }
        let head = head.map(|_| self.head(room, keys));
        let logged = these.iter().map(|(entry, header)| Logged { entry, header });
        let headers = headers(logged).into_iter().map(str::to_owned).collect();
        let entries = these.into_iter().filter_map(|(text, _)| RawValue::from_string(text).ok());
        Some(FromBroker::Entries { room, headers, entries: entries.collect(), head })
    }

    /// Asks for the stamp of what is to replace an action in a frame.
    fn begin(
        &self,
        frame: &FromBroker,
        keys: &BrokerSecrets,
        other: impl Fn(RoomName, &Body) -> Option<Body>,
    ) -> Option<Forging> {
        let FromBroker::Entries { room, entries, .. } = frame else { return None };
        let entries = entries.iter().filter_map(|raw| Entry::parse(raw.get()).ok());
        let (seq, action) = entries.into_iter().find_map(|entry| {
            let action = Action::parse(&entry.action).ok()?;
            let body =
                other(*room, action.body()).filter(|_| action.is_by(&keys.entry.public()))?;
            let draft = Draft { id: action.id(), room: Some(*room), body, seen: action.seen() };
            Some((entry.seq, draft.sign_as_broker(&keys.entry).ok()?))
        })?;
        let stamp = Slot::default();
        let (lines, digest, slot) = (self.town.lines(), action.digest(), Arc::clone(&stamp));
        self.machine.run(Box::pin(async move {
            let answer = lines.stamp(digest).await;
            *slot.lock() = Some(answer);
        }));
        Some(Forging { room: *room, seq, action, stamp, held: Vec::new() })
    }

    fn head(&self, room: RoomName, keys: &BrokerSecrets) -> String {
        let log = self.shown.get(&room).into_iter().flat_map(BTreeMap::values);
        let tree = Tree::new(log.map(|(entry, _)| leaf_hash(entry.as_bytes())).collect());
        let origin = Origin { broker: keys.session.public().fingerprint(), room };
        Head { origin, size: tree.size(), root: tree.root() }.sign(&keys.head)
    }
}
