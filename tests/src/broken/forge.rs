//! A house that signs whatever it is told to: keys from seeds, one TSA, logs that no fold judged.

use std::time::Duration;

use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, Stamp};
use pregao_protocol::log::transcript::transcript;
use pregao_protocol::log::{Cosignature, Entry, Head, Logged, Origin, Receipt, RoomName};
use pregao_protocol::room::action::{Action, Draft, Seen};
use pregao_protocol::room::body::{
    Amount, Bid, Body, BrokerKeys, Closed, Listing, Reveal, Say, SealedBody, Settled, StartPrice,
    Step, Text,
};
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::{
    Authority, EntryKey, HeadKey, Persona, SecretKey, SessionKey, StampKey, WitnessKey,
};
use pregao_protocol::trust::persona::{Blind, BlindContext, OneTimeKey, Ratio};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use uuid::Uuid;

use crate::sim::machine::Chance;

/// Freshness and grace of every listing here, in seconds.
pub(super) const F: u64 = 10;
/// As above.
pub(super) const G: u64 = 5;
/// When auctions end here, in seconds after the listing's stamp.
pub(super) const END: u64 = 600;
/// How long both have for disclosing, in seconds.
pub(super) const WITHIN: u64 = 300;

/// What an author keeps of one action.
pub(crate) struct Own {
    persona: SecretKey<Persona>,
    id: Uuid,
    blind: Blind,
}

impl Clone for Own {
    fn clone(&self) -> Self {
        let persona = SecretKey::from_seed(&self.persona.expose_seed());
        Self { persona, id: self.id, blind: self.blind.clone() }
    }
}

impl Own {
    /// The means of another person.
    pub(crate) fn new(chance: &Chance) -> Self {
        let id: [u8; 32] = bytes(chance);
        let (id, _) = id.split_first_chunk::<16>().expect("32 are more than 16");
        Self {
            persona: SecretKey::from_seed(&bytes(chance)),
            id: uuid::Builder::from_random_bytes(*id).into_uuid(),
            blind: Blind::from_random(bytes(chance)),
        }
    }

    /// Another action of the same persona.
    pub(crate) fn again(&self, chance: &Chance) -> Self {
        Self { persona: SecretKey::from_seed(&self.persona.expose_seed()), ..Self::new(chance) }
    }

    pub(crate) const fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn key(&self, keys: &BrokerKeys) -> OneTimeKey {
        let broker = keys.session.fingerprint();
        OneTimeKey::derive(&self.persona, broker, self.id, &self.blind)
    }

    fn context(&self, keys: &BrokerKeys) -> BlindContext {
        let (broker, persona) = (keys.session.fingerprint(), self.persona.public());
        BlindContext { broker, action: self.id, persona }
    }

    /// Key of the other = ratio · key of this.
    pub(crate) fn ratio(&self, other: &Self, keys: &BrokerKeys) -> Ratio {
        let (one, two) = (self.context(keys), other.context(keys));
        Ratio::between((&self.blind, &one), (&other.blind, &two))
    }
}

impl Clone for Forge {
    fn clone(&self) -> Self {
        Self {
            chance: self.chance.fork(),
            session: SecretKey::from_seed(&self.session.expose_seed()),
            head: SecretKey::from_seed(&self.head.expose_seed()),
            entry: SecretKey::from_seed(&self.entry.expose_seed()),
            tsa: SecretKey::from_seed(&self.tsa.expose_seed()),
            batch: self.batch,
            start: self.start,
            now: self.now,
            log: self.log.clone(),
            leaves: self.leaves.clone(),
            opening: self.opening.clone(),
            listed_by: self.listed_by.clone(),
            bids: self.bids.clone(),
            winner: self.winner,
        }
    }
}

/// The house with one log.
pub(super) struct Forge {
    pub(super) chance: Chance,
    session: SecretKey<SessionKey>,
    head: SecretKey<HeadKey>,
    pub(super) entry: SecretKey<EntryKey>,
    pub(super) tsa: SecretKey<StampKey>,
    /// Number, hash and time of the last batch header.
    pub(super) batch: (u64, Digest, Time),
    start: Time,
    pub(super) now: Time,
    pub(super) log: Vec<(String, String)>,
    leaves: Vec<Digest>,
    pub(super) opening: Option<Action>,
    pub(super) listed_by: Option<Own>,
    /// Position, amount and means of every bid.
    pub(super) bids: Vec<(u64, u64, Own)>,
    pub(super) winner: Option<u64>,
}

impl Forge {
    pub(super) fn new(seed: u64) -> Self {
        let chance = Chance::of(seed);
        let start: Time = "2027-03-01T12:00:00.000000Z".parse().expect("a time");
        Self {
            session: SecretKey::from_seed(&bytes(&chance)),
            head: SecretKey::from_seed(&bytes(&chance)),
            entry: SecretKey::from_seed(&bytes(&chance)),
            tsa: SecretKey::from_seed(&bytes(&chance)),
            batch: (0, Digest([0; 32]), start),
            start,
            now: start,
            log: Vec::new(),
            leaves: Vec::new(),
            opening: None,
            listed_by: None,
            bids: Vec::new(),
            winner: None,
            chance,
        }
    }

    pub(super) fn keys(&self) -> BrokerKeys {
        BrokerKeys {
            session: self.session.public(),
            head: self.head.public(),
            entry: self.entry.public(),
            delivery: SealKey::from_random([6; 32]).public(),
        }
    }

    /// So many microseconds after the log began.
    pub(super) fn at(&mut self, micros: u64) {
        self.now = self.start.plus(Duration::from_micros(micros));
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub(super) fn certificate(&self) -> String {
        self.certificate_for(self.keys(), &self.session)
    }

    /// By the house, for any keys.
    pub(super) fn certificate_of(&self, keys: BrokerKeys) -> String {
        self.certificate_for(keys, &self.session)
    }

    pub(super) fn certificate_for(&self, keys: BrokerKeys, key: &SecretKey<SessionKey>) -> String {
        let authority = SecretKey::<Authority>::from_seed(&[4; 32]).public();
        BrokerCertificate {
            keys,
            authorities: vec![authority],
            stamps: vec![self.tsa.public()],
            witnesses: (1..=3).map(witness).collect(),
            quorum: 2,
            simulated: false,
            locks: Vec::new(),
        }
        .sign(key)
    }

    pub(super) fn own(&self) -> Own {
        Own::new(&self.chance)
    }

    /// Who listed.
    pub(super) fn seller(&self) -> Own {
        self.listed_by.clone().unwrap_or_else(|| self.own())
    }

    /// Another action of the same persona.
    pub(super) fn again(&self, own: &Own) -> Own {
        own.again(&self.chance)
    }

    pub(super) fn room(&self) -> Option<RoomName> {
        self.opening.as_ref().map(Action::room)
    }

    pub(super) fn seen(&self) -> Seen {
        let tree = Tree::new(self.leaves.clone());
        Seen { size: tree.size(), root: tree.root() }
    }

    /// What is seen of the first entries.
    pub(super) fn seen_of(&self, size: usize) -> Seen {
        let leaves = self.leaves.iter().take(size).copied().collect();
        let tree = Tree::new(leaves);
        Seen { size: tree.size(), root: tree.root() }
    }

    pub(super) fn draft(&self, own: &Own, body: Body) -> Draft {
        let opens = body.opens_a_room();
        let (room, seen) = if opens { (None, Seen::nothing()) } else { (self.room(), self.seen()) };
        Draft { id: own.id, room, body, seen }
    }

    pub(super) fn sign(&self, own: &Own, draft: &Draft) -> Action {
        draft.sign(&own.key(&self.keys())).expect("a draft as the protocol has it")
    }

    pub(super) fn sign_as_broker(&self, draft: &Draft) -> Action {
        draft.sign_as_broker(&self.entry).expect("a draft as the protocol has it")
    }

    /// The honest next header over a tree, now.
    pub(super) fn header(&self, tree: &Tree) -> BatchHeader {
        let (batch, prev, prev_time) = self.batch;
        BatchHeader {
            tsa: self.tsa.public().fingerprint(),
            batch: batch.saturating_add(1),
            time: self.now,
            size: tree.size(),
            root: tree.root(),
            prev,
            prev_time: if batch == 0 { self.now } else { prev_time },
        }
    }

    pub(super) fn sign_header(&mut self, header: &BatchHeader) -> String {
        let compact = header.sign(&self.tsa);
        self.batch = (header.batch, BatchHeader::hash(&compact), header.time);
        compact
    }

    /// A batch without digests, as an idle TSA signs one.
    pub(super) fn tick(&mut self) {
        let header = self.header(&Tree::new(Vec::new()));
        self.sign_header(&header);
    }

    pub(super) fn stamp(&mut self, action: &Action) -> (Stamp, String) {
        self.stamp_as(action, |_| {})
    }

    pub(super) fn stamp_as(
        &mut self,
        action: &Action,
        falsify: impl FnOnce(&mut BatchHeader),
    ) -> (Stamp, String) {
        // Others' digests are in the batch.
        let others = self.chance.below(4);
        let mut leaves = vec![leaf_hash(&action.digest().0)];
        leaves.extend((0..others).map(|_| Digest(bytes(&self.chance))));
        let tree = Tree::new(leaves);
        let mut header = self.header(&tree);
        falsify(&mut header);
        let compact = self.sign_header(&header);
        let path = tree.path(0).expect("the first of the tree");
        (Stamp { header: BatchHeader::hash(&compact), index: 0, path }, compact)
    }

    /// Logs an action with a stamp, whatever they are.
    pub(super) fn log(&mut self, action: &str, stamp: Stamp, header: String) -> u64 {
        let seq = self.leaves.len() as u64;
        let entry = Entry { seq, action: action.to_owned(), stamp }.encode();
        self.leaves.push(leaf_hash(entry.as_bytes()));
        self.log.push((entry, header));
        seq
    }

    pub(super) fn enter(&mut self, action: &Action) -> u64 {
        let (stamp, header) = self.stamp(action);
        if self.opening.is_none() {
            self.opening = Some(action.clone());
        }
        self.log(action.compact(), stamp, header)
    }

    /// When the first entry is stamped, unless time passes before.
    pub(super) const fn start(&self) -> Time {
        self.start
    }

    pub(super) fn listing(&self) -> Listing {
        let time = |seconds: u64| self.start.plus(Duration::from_secs(seconds));
        Listing {
            title: text("A \"lamp\" \u{1f4a1} of bra\u{df}"),
            description: self.chance.once_in(2).then(|| text("It works.")),
            currency: "EUR".parse().expect("a currency"),
            start: StartPrice::try_from(1_000).expect("a price"),
            increment: amount(100),
            steps: if self.chance.once_in(3) {
                vec![self.step(1_100), self.step(2_000)]
            } else {
                Vec::new()
            },
            max_raise: self.chance.once_in(4).then(|| amount(1_000_000)),
            buy_now: self.chance.once_in(4).then(|| amount(1_000_000)),
            begin: self.chance.once_in(4).then_some(self.start),
            end: time(END),
            soft: None,
            sealed: None,
            dutch: None,
            bids_each: None,
            reserve: None,
            citizens: None,
            rule: None,
            freshness: number(F),
            grace: number(G),
            disclose_within: number(WITHIN),
            seal: SealKey::from_random(bytes(&self.chance)).public(),
            broker: self.keys(),
            stamps: vec![self.tsa.public()],
            threshold: 1,
            authorities: vec![SecretKey::<Authority>::from_seed(&[4; 32]).public()],
            witnesses: Vec::new(),
            quorum: 0,
            simulated: false,
        }
    }

    fn step(&self, from: u64) -> Step {
        Step { from: amount(from), increment: amount(1 + self.chance.below(100)) }
    }

    /// Lists an item, with terms that may be changed.
    pub(super) fn list(&mut self, change: impl FnOnce(&mut Listing)) {
        let mut listing = self.listing();
        change(&mut listing);
        let own = self.own();
        let action = self.sign(&own, &self.draft(&own, Body::List(listing)));
        self.enter(&action);
        self.listed_by = Some(own);
    }

    pub(super) fn bid_body(&self, minor: u64) -> Body {
        let seal = SealKey::from_random(bytes(&self.chance)).public();
        let currency = "EUR".parse().expect("a currency");
        Body::Bid(Bid { amount: amount(minor), currency, seal, paddle: None })
    }

    pub(super) fn bid(&mut self, minor: u64) -> u64 {
        let own = self.own();
        self.bid_by(&own, minor)
    }

    pub(super) fn bid_by(&mut self, own: &Own, minor: u64) -> u64 {
        let action = self.sign(own, &self.draft(own, self.bid_body(minor)));
        let seq = self.enter(&action);
        self.bids.push((seq, minor, own.clone()));
        seq
    }

    pub(super) fn act(&mut self, own: &Own, body: Body) -> u64 {
        let action = self.sign(own, &self.draft(own, body));
        self.enter(&action)
    }

    pub(super) fn say(&mut self, said: &str) -> u64 {
        let own = self.own();
        self.act(&own, Body::Say(Say { text: text(said) }))
    }

    pub(super) fn broker(&mut self, body: Body) -> u64 {
        let action = self.sign_as_broker(&self.draft(&self.own(), body));
        self.enter(&action)
    }

    /// Closes at the end of the listing and so many seconds.
    pub(super) fn close_after(&mut self, seconds: u64) {
        self.at((END + seconds) * 1_000_000);
        if seconds > 0 {
            self.tick();
        }
        self.broker(closed());
    }

    pub(super) fn settle(&mut self, cosigned: Vec<Cosignature>) -> u64 {
        let winner = self.bids.last().map(|(seq, minor, _)| (*seq, *minor));
        self.settle_for(winner, cosigned)
    }

    pub(super) fn settle_for(
        &mut self,
        winner: Option<(u64, u64)>,
        cosigned: Vec<Cosignature>,
    ) -> u64 {
        self.winner = winner.map(|(seq, _)| seq);
        let price = winner.map(|(_, minor)| amount(minor));
        self.broker(Body::Settled(Settled { winner: self.winner, price, cosigned }))
    }

    pub(super) fn head_over(&self, seen: Seen) -> Head {
        Head { origin: self.origin(), size: seen.size, root: seen.root }
    }

    pub(super) fn origin(&self) -> Origin {
        let broker = self.session.public().fingerprint();
        Origin { broker, room: self.room().unwrap_or(RoomName([0; 32])) }
    }

    /// The head over all of it, with cosignatures of these witnesses.
    pub(super) fn note(&self, witnesses: &[u8]) -> String {
        let head = self.head_over(self.seen());
        let lines = witnesses.iter().map(|seed| self.line(*seed, &head));
        head.sign(&self.head) + &lines.collect::<String>()
    }

    pub(super) fn note_of(&self, head: &Head) -> String {
        head.sign(&self.head)
    }

    pub(super) fn line(&self, seed: u8, head: &Head) -> String {
        self.cosigned(seed, head).line(&witness(seed).name)
    }

    pub(super) fn cosigned(&self, seed: u8, head: &Head) -> Cosignature {
        Cosignature::sign(head, self.now.as_micros() / 1_000_000, &witness_key(seed))
    }

    /// The dates of witnesses on what is logged so far.
    pub(super) fn dates(&self, seeds: &[u8]) -> Vec<Cosignature> {
        let head = self.head_over(self.seen());
        seeds.iter().map(|seed| self.cosigned(*seed, &head)).collect()
    }

    pub(super) fn logged(&self) -> impl Iterator<Item = Logged<'_>> {
        self.log.iter().map(|(entry, header)| Logged { entry, header })
    }

    /// The transcript with the broker's certificate.
    pub(super) fn file(&self) -> String {
        self.file_with(&self.note(&[]))
    }

    pub(super) fn file_with(&self, note: &str) -> String {
        transcript(Some(&self.certificate()), self.logged(), note)
    }

    pub(super) fn receipt(&self, seq: u64) -> Receipt {
        let at = usize::try_from(seq).expect("a log in memory");
        let (entry, header) = self.log.get(at).expect("an entry of this log").clone();
        let opening = self.opening.as_ref().map_or("", Action::compact).to_owned();
        let path = Tree::new(self.leaves.clone()).path(seq).expect("an entry of this log");
        Receipt { opening, header, entry, path, head: self.note(&[]) }
    }

    /// A reveal room after the last `settled` of this auction, and who wins there.
    pub(super) fn reveal(&self, change: impl FnOnce(&mut Reveal)) -> Self {
        let listing = match self.opening.as_ref().map(Action::body) {
            Some(Body::List(listing)) => listing.clone(),
            _ => self.listing(),
        };
        let keys = self.keys();
        let seller = self.seller();
        let winner = self.bids.last().map_or_else(|| self.own(), |(_, _, own)| own.clone());
        let seen = self.seen();
        let mut reveal = Reveal {
            nonce: Digest(bytes(&self.chance)),
            auction: self.room().unwrap_or(RoomName([0; 32])),
            settled: seen.size.saturating_sub(1),
            root: seen.root,
            seller: seller.key(&keys).public(),
            winner: winner.key(&keys).public(),
            seller_seal: listing.seal,
            winner_seal: SealKey::from_random(bytes(&self.chance)).public(),
            deadline: self.now.plus(Duration::from_secs(WITHIN)),
            withdrawal: false,
            freshness: number(F),
            broker: keys,
            stamps: listing.stamps,
            simulated: listing.simulated,
        };
        change(&mut reveal);
        let mut room = self.clone();
        (room.log, room.leaves, room.opening) = (Vec::new(), Vec::new(), None);
        (room.bids, room.listed_by) = (vec![(0, 0, winner)], Some(seller));
        room.start = self.now;
        let action = room.sign_as_broker(&room.draft(&room.own(), Body::Reveal(reveal)));
        room.enter(&action);
        room
    }

    /// The two sides of a reveal room: seller, then winner.
    pub(super) fn sides(&self) -> [Own; 2] {
        let winner = self.bids.last().map(|(_, _, own)| own.clone());
        [self.listed_by.clone(), winner].map(|own| own.unwrap_or_else(|| self.own()))
    }

    pub(super) fn disclose(&mut self, side: usize) -> u64 {
        let [seller, winner] = self.sides();
        let sealed = vec![7; 64].try_into().expect("short enough");
        let own = if side == 0 { seller } else { winner };
        self.act(&own, Body::Disclose(SealedBody { sealed }))
    }
}

pub(crate) fn witness_key(seed: u8) -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[seed; 32])
}

pub(super) fn witness(seed: u8) -> Witness {
    Witness {
        name: format!("witness.example/{seed}").parse().expect("a name"),
        key: witness_key(seed).public(),
        operator: format!("operator-{seed}").parse().expect("a name"),
    }
}

pub(crate) fn bytes(chance: &Chance) -> [u8; 32] {
    let mut bytes = [0; 32];
    for byte in &mut bytes {
        *byte = u8::try_from(chance.below(256)).unwrap_or_default();
    }
    bytes
}

fn number(seconds: u64) -> u32 {
    u32::try_from(seconds).expect("a short time")
}

pub(crate) fn amount(minor: u64) -> Amount {
    minor.try_into().expect("an amount")
}

pub(crate) fn text<const MAX: usize>(said: &str) -> Text<MAX> {
    said.to_owned().try_into().expect("a text")
}

pub(crate) fn closed() -> Body {
    let root = pregao_protocol::log::merkle::empty_root();
    Body::Closed(Closed { refused: 0, root })
}
