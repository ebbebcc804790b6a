//! Makes bytes of what happens: signed, stamped, logged. It judges nothing.
//!
//! Keys of people are derived once for all histories. A one-time key is tied to its action by the blind that the broker
//! is shown, and no log shows that; so it may sign in every room once.

use std::sync::Arc;

use pregao_protocol::log::merkle::{Frontier, Tree, empty_root, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, BatchProof, VerifiedBatch};
use pregao_protocol::log::transcript::transcript;
use pregao_protocol::log::{Cosignature, Entry, Head, Logged, Origin, RoomName};
use pregao_protocol::room::Stamped;
use pregao_protocol::room::action::{Action, Draft, Seen};
use pregao_protocol::room::body::BrokerKeys;
use pregao_protocol::trust::key::{
    Authority, EntryKey, HeadKey, PublicKey, SecretKey, SessionKey, StampKey, WitnessKey,
};
use pregao_protocol::trust::persona::OneTimeKey;
use pregao_protocol::trust::seal::{SealKey, SealPublic};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use super::plain::{Act, Batch, Date, Held, Record, Signer, Terms};
use crate::broken::forge::{Own, bytes};
use crate::sim::machine::Chance;

/// How many people there are; the first lists.
pub(super) const PEOPLE: usize = 7;
/// How many keys each has.
pub(super) const KEYS: usize = 8;
/// How many TSAs there are.
pub(super) const TSAS: usize = 4;
/// How many witnesses there are.
pub(super) const WITNESSES: usize = 6;

/// What all histories have in common.
pub struct Keys {
    head: SecretKey<HeadKey>,
    entry: SecretKey<EntryKey>,
    pub(super) broker: BrokerKeys,
    people: Vec<Vec<(Own, OneTimeKey)>>,
    pub(super) tsas: Vec<SecretKey<StampKey>>,
    pub(super) stamps: Vec<PublicKey<StampKey>>,
    pub(super) witnesses: Vec<SecretKey<WitnessKey>>,
    pub(super) authority: PublicKey<Authority>,
    /// The broker's key for sealed bids, and those that TSAs keep, by their places.
    pub(super) room_key: (SealKey, SealPublic),
    pub(super) locks: Vec<(SealKey, SealPublic)>,
    /// What all seal to in a reveal.
    pub(super) seal: SealPublic,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Default for Keys {
    fn default() -> Self {
        let chance = Chance::of(0x6b65_7973);
        let session = SecretKey::<SessionKey>::from_seed(&bytes(&chance));
        let head = SecretKey::<HeadKey>::from_seed(&bytes(&chance));
        let entry = SecretKey::<EntryKey>::from_seed(&bytes(&chance));
        let sealing = || {
            let key = SealKey::from_random(bytes(&chance));
            let public = key.public();
            (key, public)
        };
        let delivery = sealing().1;
        let broker = BrokerKeys {
            session: session.public(),
            head: head.public(),
            entry: entry.public(),
            delivery,
        };
        let person = || {
            let first = Own::new(&chance);
            let others: Vec<Own> = (1..KEYS).map(|_| first.again(&chance)).collect();
            let all = std::iter::once(first).chain(others);
            all.map(|own| (own.clone(), own.key(&broker))).collect()
        };
        let people = (0..PEOPLE).map(|_| person()).collect();
        let tsas: Vec<SecretKey<StampKey>> =
            (0..TSAS).map(|_| SecretKey::from_seed(&bytes(&chance))).collect();
        let stamps = tsas.iter().map(SecretKey::public).collect();
        let witnesses =
            (0..WITNESSES).map(|_| SecretKey::from_seed(&bytes(&chance))).collect::<Vec<_>>();
        let locks = (0..TSAS).map(|_| sealing()).collect();
        let (room_key, seal) = (sealing(), sealing().1);
        let authority = SecretKey::<Authority>::from_seed(&bytes(&chance)).public();
        Self {
            head,
            entry,
            broker,
            people,
            tsas,
            stamps,
            witnesses,
            authority,
            room_key,
            locks,
            seal,
        }
    }
}

impl Keys {
    pub(super) fn person(&self, person: usize, key: usize) -> &(Own, OneTimeKey) {
        self.people.get(person).and_then(|keys| keys.get(key)).expect("a key that there is")
    }
}

/// How a TSA lies in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// There was one of this number.
    SameNumber,
    /// The one before it was earlier than it was.
    EarlierBefore,
}

/// The batches that a TSA has signed.
#[derive(Debug, Clone, Copy)]
struct Chain {
    number: u64,
    hash: Digest,
    time: u64,
}

/// What is to be signed.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) act: Act,
    pub(super) signer: Signer,
    /// Of a bid.
    pub(super) paddle: Option<Held>,
    pub(super) is_of_this_room: bool,
    pub(super) seen: (u64, bool),
}

/// What was signed and stamped, as bytes and as plain numbers.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) record: Record,
    pub(super) stamped: Stamped,
}

/// The log of one history.
pub(super) struct House<'a> {
    pub(super) keys: &'a Keys,
    pub(super) chance: Chance,
    pub(super) terms: Terms,
    chains: Vec<Chain>,
    room: RoomName,
    /// Entries, each with its header.
    log: Vec<(String, Arc<str>)>,
    pub(super) signers: Vec<Signer>,
    frontier: Frontier,
    /// By the size of the log.
    roots: Vec<Digest>,
    /// The head that ends with `closed`.
    closing: Option<Head>,
}

impl<'a> House<'a> {
    /// An empty log, before which the TSAs have signed a few batches.
    pub(super) fn new(keys: &'a Keys, chance: Chance, terms: Terms, now: u64) -> Self {
        let chain = |_| {
            let number = chance.below(3).saturating_mul(5);
            let hash = Digest(if number == 0 { [0; 32] } else { bytes(&chance) });
            Chain { number, hash, time: now }
        };
        let chains = (0..TSAS).map(chain).collect();
        Self {
            keys,
            chains,
            terms,
            room: RoomName([0; 32]),
            log: Vec::new(),
            signers: Vec::new(),
            frontier: Frontier::default(),
            roots: vec![empty_root()],
            closing: None,
            chance,
        }
    }

    /// How many entries there are.
    pub(super) fn size(&self) -> u64 {
        self.log.len() as u64
    }

    pub(super) const fn room(&self) -> RoomName {
        self.room
    }

    fn seen(&self, (size, is_root_true): (u64, bool)) -> Seen {
        let root = usize::try_from(size).ok().and_then(|at| self.roots.get(at)).copied();
        let root = root.filter(|_| is_root_true).unwrap_or_else(|| Digest(bytes(&self.chance)));
        Seen { size, root }
    }

    /// Signs an action.
    pub(super) fn sign(&self, plan: &Plan) -> Action {
        let body = self.body(&plan.act, plan.signer, plan.paddle);
        let room = if plan.is_of_this_room { self.room } else { RoomName([9; 32]) };
        let (room, seen) = match plan.act {
            Act::List(_) => (None, Seen::nothing()),
            _ => (Some(room), self.seen(plan.seen)),
        };
        let signed = match plan.signer {
            Signer::Broker => {
                let id = Own::new(&self.chance).id();
                Draft { id, room, body, seen }.sign_as_broker(&self.keys.entry)
            }
            Signer::Key(person, key) => {
                let (own, key) = self.keys.person(person, key);
                Draft { id: own.id(), room, body, seen }.sign(key)
            }
        };
        signed.expect("an action as the protocol has it")
    }

    /// A batch without digests.
    pub(super) fn tick(&mut self, tsa: usize, time: u64) {
        self.header(tsa, time, &Tree::new(Vec::new()), None);
    }

    /// The time of a TSA's last batch.
    pub(super) fn stamped_last(&self, tsa: usize) -> u64 {
        self.chains.get(tsa).map_or(0, |chain| chain.time)
    }

    fn header(&mut self, tsa: usize, time: u64, tree: &Tree, lie: Option<Lie>) -> String {
        let (chain, key) = (self.chains.get_mut(tsa), self.keys.tsas.get(tsa));
        let (chain, key) = chain.zip(key).expect("a TSA that there is");
        let first = chain.number == 0;
        let mut header = BatchHeader {
            tsa: key.public().fingerprint(),
            batch: chain.number.saturating_add(1),
            time: instant(time),
            size: tree.size(),
            root: tree.root(),
            prev: chain.hash,
            prev_time: instant(if first { time } else { chain.time }),
        };
        match lie.filter(|_| chain.number > 1) {
            Some(Lie::SameNumber) => header.batch = chain.number,
            Some(Lie::EarlierBefore) => header.prev_time = instant(chain.time.saturating_sub(1)),
            None => {}
        }
        let compact = header.sign(key);
        if lie.is_none() {
            let hash = BatchHeader::hash(&compact);
            *chain = Chain { number: header.batch, hash, time };
        }
        compact
    }

    /// Stamps actions in one batch, with digests of others.
    pub(super) fn stamp(
        &mut self,
        (tsa, time, lie): (usize, u64, Option<Lie>),
        signed: Vec<(Plan, Action)>,
    ) -> Vec<Made> {
        let before = self.chance.below(3);
        let mut leaves: Vec<Digest> = (0..before).map(|_| Digest(bytes(&self.chance))).collect();
        leaves.extend(signed.iter().map(|(_, action)| leaf_hash(&action.digest().0)));
        let tree = Tree::new(leaves);
        let compact = self.header(tsa, time, &tree, lie);
        let batch = VerifiedBatch::open(&compact, &self.keys.stamps).expect("a header of a TSA");
        let header = batch.header();
        let plain = Batch {
            tsa,
            number: header.batch,
            time,
            prev_time: header.prev_time.as_micros(),
            hash: batch.hash().0,
            prev: header.prev.0,
        };
        let batch = Arc::new(batch);
        let each = (before..).zip(signed);
        each.map(|(index, (plan, action))| {
            let path = tree.path(index).expect("a leaf of this tree");
            let stamp = BatchProof { index, path }.under(batch.hash());
            let Plan { act, signer, paddle, is_of_this_room, seen } = plan;
            let digest = action.digest().0;
            let record =
                Record { act, signer, paddle, is_of_this_room, seen, batch: plain, digest };
            let stamped = Stamped::bind(action, stamp, Arc::clone(&batch)).expect("its own stamp");
            Made { record, stamped }
        })
        .collect()
    }

    /// The entry that an action would be now.
    pub(super) fn entry(&self, made: &Made) -> String {
        let action = made.stamped.action().compact().to_owned();
        Entry { seq: self.size(), action, stamp: made.stamped.stamp().clone() }.encode()
    }

    /// Logs what was accepted.
    pub(super) fn log(&mut self, entry: String, made: &Made) {
        if self.log.is_empty() {
            self.room = made.stamped.action().room();
        }
        self.frontier.push(leaf_hash(entry.as_bytes()));
        self.roots.push(self.frontier.root());
        self.log.push((entry, made.stamped.batch().shared()));
        self.signers.push(made.record.signer);
        if matches!(made.record.act, Act::Closed) {
            self.closing = Some(self.head());
        }
    }

    fn head(&self) -> Head {
        let origin = Origin { broker: self.keys.broker.session.fingerprint(), room: self.room };
        Head { origin, size: self.frontier.size(), root: self.frontier.root() }
    }

    pub(super) fn cosigned(&self, date: &Date) -> Cosignature {
        let mut head = self.closing.unwrap_or_else(|| self.head());
        if !date.holds {
            head.root = Digest([1; 32]);
        }
        let key = self.keys.witnesses.get(date.witness).expect("a witness that there is");
        Cosignature::sign(&head, date.time, key)
    }

    /// Entries and headers, in the order of the log.
    pub(super) fn logged(&self) -> impl Iterator<Item = Logged<'_>> {
        self.log.iter().map(|(entry, header)| Logged { entry, header })
    }

    /// Whether one of the first `upto` entries names the header that something names.
    pub(super) fn has_header(&self, upto: usize, made: &Made) -> bool {
        let header = made.stamped.batch().compact();
        self.logged().take(upto).any(|logged| logged.header == header)
    }

    /// The log as a file, with one entry more if there is one to add.
    pub(super) fn transcript(&self, upto: usize, more: Option<(&str, &Made)>) -> String {
        let more =
            more.map(|(entry, made)| Logged { entry, header: made.stamped.batch().compact() });
        let logged = self.logged().take(upto).chain(more);
        transcript(None, logged, &self.head().sign(&self.keys.head))
    }
}

/// An instant of so many microseconds.
pub(super) fn instant(micros: u64) -> Time {
    Time::from_micros(micros).expect("an instant of the calendar")
}
