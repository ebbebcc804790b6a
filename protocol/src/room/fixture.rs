//! A house for the tests of the folds: one TSA, one broker and any number of personas, in one
//! thread, with keys from fixed seeds and a clock that the test sets.
//!
//! Everything the fold decides is decided twice: by the fold kept up entry by entry, and by a
//! replay of the bytes that it logged. A difference fails the test that meets it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use uuid::Uuid;

use super::auction::Auction;
use super::body::{
    Amount, Bid, Body, BrokerKeys, Closed, Currency, Ended, Forfeited, Listing, Reveal, Settled,
    StartPrice, Text,
};
use super::reveal::RevealRoom;
use super::{Code, Replay, ReplayError, Room, Stamped};
use crate::log::merkle::{Tree, leaf_hash};
use crate::log::stamp::{BatchHeader, FullStamp, Headers, StampError};
use crate::log::{self, Entry, Head, Logged, Origin, Receipt, RoomName};
use crate::room::action::{Action, Draft, Seen};
use crate::trust::broker::BrokerCertificate;
use crate::trust::key::{
    Authority, Fingerprint, Persona, PublicKey, SecretKey, SessionKey, StampKey, WitnessKey,
};
use crate::trust::persona::{Blind, BlindContext, OneTimeKey, Ratio};
use crate::trust::seal::{SealKey, SealPublic};
use crate::trust::witness::Witness;
use crate::value::clock::Time;
use crate::value::codec::Digest;

pub(crate) const SECOND: u64 = 1_000_000;
/// Freshness and grace of the listings here.
pub(crate) const F: u64 = 10 * SECOND;
pub(crate) const G: u64 = 5 * SECOND;
/// When auctions end here, counted from the listing's stamp.
pub(crate) const END: u64 = 600 * SECOND;
/// How long both have for disclosing.
pub(crate) const WITHIN: u64 = 300 * SECOND;

/// Microseconds after the instant at which every listing here is stamped.
pub(crate) fn at(micros: u64) -> Time {
    let noon: Time = "2026-11-22T12:00:00.000000Z".parse().unwrap();
    noon.plus(Duration::from_micros(micros))
}

pub(crate) fn amount(minor: u64) -> Amount {
    minor.try_into().unwrap()
}

pub(crate) fn start(minor: u64) -> StartPrice {
    minor.try_into().unwrap()
}

pub(crate) fn eur() -> Currency {
    "EUR".parse().unwrap()
}

pub(crate) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    text.to_owned().try_into().unwrap()
}

/// A TSA whose headers chain; it stamps at any time the test wants. A clone is the same TSA: what one stamps
/// follows what the other stamped.
#[derive(Debug, Clone)]
pub(crate) struct Tsa {
    pub(crate) key: Rc<SecretKey<StampKey>>,
    last: Rc<Cell<Option<LastBatch>>>,
}

/// Number, hash and time of a batch header.
pub(crate) type LastBatch = (u64, Digest, Time);

impl Tsa {
    pub(crate) fn new(seed: u8) -> Self {
        Self { key: Rc::new(SecretKey::from_seed(&[seed; 32])), last: Rc::default() }
    }

    pub(crate) fn last(&self) -> Option<LastBatch> {
        self.last.get()
    }

    /// Goes back to an earlier batch, or to one that never was.
    pub(crate) fn go_back(&self, last: Option<LastBatch>) {
        self.last.set(last);
    }

    pub(crate) fn public(&self) -> PublicKey<StampKey> {
        self.key.public()
    }

    /// The honest next header for these digests.
    pub(crate) fn header(&self, time: Time, tree: &Tree) -> BatchHeader {
        let (number, prev, prev_time) = self.last().unwrap_or((0, Digest([0; 32]), time));
        BatchHeader {
            tsa: self.public().fingerprint(),
            batch: number + 1,
            time,
            size: tree.size(),
            root: tree.root(),
            prev,
            prev_time,
        }
    }

    /// Signs a header, honest or not, and goes on from it.
    pub(crate) fn sign(&mut self, header: &BatchHeader) -> String {
        let compact = header.sign(&self.key);
        self.last.set(Some((header.batch, BatchHeader::hash(&compact), header.time)));
        compact
    }

    /// Closes a batch without digests, as an idle TSA does.
    pub(crate) fn tick(&mut self, time: Time) -> String {
        let header = self.header(time, &Tree::new(Vec::new()));
        self.sign(&header)
    }

    pub(crate) fn stamp(&mut self, action: Action, time: Time) -> Stamped {
        self.stamp_as(action, time, |_| {})
    }

    /// Stamps several in one batch.
    pub(crate) fn stamp_all(&mut self, actions: Vec<Action>, time: Time) -> Vec<Stamped> {
        let leaves = actions.iter().map(|action| leaf_hash(&action.digest().0));
        let tree = Tree::new(leaves.collect());
        let header = self.header(time, &tree);
        let batch = self.sign(&header);
        let stamped = (0..).zip(actions).map(|(index, action)| {
            let stamp = FullStamp { batch: batch.clone(), index, path: tree.path(index).unwrap() };
            Stamped::open(action, stamp, &[self.public()]).unwrap()
        });
        stamped.collect()
    }

    /// Stamps with a header that the test may falsify before it is signed.
    pub(crate) fn stamp_as(
        &mut self,
        action: Action,
        time: Time,
        falsify: impl FnOnce(&mut BatchHeader),
    ) -> Stamped {
        let tree = Tree::new(vec![leaf_hash(&action.digest().0)]);
        let mut header = self.header(time, &tree);
        falsify(&mut header);
        let compact = self.sign(&header);
        let stamp = FullStamp { batch: compact, index: 0, path: vec![] };
        Stamped::open(action, stamp, &[self.public()]).unwrap()
    }
}

/// A persona with what its next actions are made from.
#[derive(Debug)]
pub(crate) struct Author {
    pub(crate) persona: SecretKey<Persona>,
    seed: u8,
}

/// What an author keeps of one action.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) id: Uuid,
    pub(crate) blind: Blind,
}

impl Author {
    pub(crate) fn new(seed: u8) -> Self {
        Self { persona: SecretKey::from_seed(&[seed; 32]), seed }
    }

    /// The means of this author's action number `n`.
    pub(crate) fn own(&self, n: u64) -> Own {
        let mut bytes = [self.seed; 16];
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        let mut blind = [self.seed; 32];
        blind[24..].copy_from_slice(&n.to_be_bytes());
        Own {
            id: uuid::Builder::from_random_bytes(bytes).into_uuid(),
            blind: Blind::from_random(blind),
        }
    }

    pub(crate) fn context(&self, own: &Own) -> BlindContext {
        let persona = self.persona.public();
        BlindContext { broker: broker_fingerprint(), action: own.id, persona }
    }

    pub(crate) fn key(&self, own: &Own) -> OneTimeKey {
        OneTimeKey::derive(&self.persona, broker_fingerprint(), own.id, &own.blind)
    }

    /// Key of the second = ratio · key of the first.
    pub(crate) fn ratio(&self, first: &Own, second: &Own) -> Ratio {
        Ratio::between((&first.blind, &self.context(first)), (&second.blind, &self.context(second)))
    }
}

const SESSION_SEED: [u8; 32] = [201; 32];
const HEAD_SEED: [u8; 32] = [202; 32];
const ENTRY_SEED: [u8; 32] = [203; 32];

pub(crate) fn broker_keys() -> BrokerKeys {
    BrokerKeys {
        session: SecretKey::from_seed(&SESSION_SEED).public(),
        head: SecretKey::from_seed(&HEAD_SEED).public(),
        entry: SecretKey::from_seed(&ENTRY_SEED).public(),
        delivery: seal_key(204),
    }
}

pub(crate) fn broker_fingerprint() -> Fingerprint {
    broker_keys().session.fingerprint()
}

/// The broker's certificate for its keys.
pub(crate) fn broker_certificate() -> String {
    certificate_for(broker_keys(), &SecretKey::from_seed(&SESSION_SEED))
}

/// A certificate for some keys, signed by anybody.
pub(crate) fn certificate_for(keys: BrokerKeys, key: &SecretKey<SessionKey>) -> String {
    let authorities = vec![SecretKey::from_seed(&[4; 32]).public()];
    let stamps = vec![SecretKey::from_seed(&[5; 32]).public()];
    BrokerCertificate {
        keys,
        authorities,
        stamps,
        witnesses: Vec::new(),
        quorum: 0,
        simulated: false,
        locks: Vec::new(),
    }
    .sign(key)
}

pub(crate) fn seal_key(seed: u8) -> SealPublic {
    SealKey::from_random([seed; 32]).public()
}

pub(crate) fn terms(tsa: &Tsa) -> Listing {
    Listing {
        title: text("a camera"),
        description: None,
        currency: eur(),
        start: start(1_000),
        increment: amount(100),
        steps: Vec::new(),
        max_raise: None,
        buy_now: None,
        begin: None,
        end: at(END),
        soft: None,
        sealed: None,
        dutch: None,
        bids_each: None,
        reserve: None,
        citizens: None,
        rule: None,
        freshness: 10,
        grace: 5,
        disclose_within: 300,
        seal: seal_key(90),
        broker: broker_keys(),
        stamps: vec![tsa.public()],
        threshold: 1,
        authorities: vec![SecretKey::<Authority>::from_seed(&[1; 32]).public()],
        witnesses: Vec::new(),
        quorum: 0,
        simulated: false,
    }
}

/// The name of an issuer: a key of the right form, of which nobody has the secret.
pub(crate) fn spki(byte: u8) -> Vec<u8> {
    const HEAD: [u8; 33] = [
        0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
        0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a, 0x02, 0x82,
        0x01, 0x81, 0x00,
    ];
    let mut modulus = [byte | 1; 384];
    modulus[0] |= 0x80;
    [HEAD.as_slice(), &modulus, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat()
}

/// A `closed` of a room in which nothing was refused.
pub(crate) fn close_body() -> Body {
    Body::Closed(Closed { refused: 0, root: crate::log::merkle::empty_root() })
}

/// The key of the witness of that number.
pub(crate) fn witness_key(seed: u8) -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[seed; 32])
}

/// A witness with an operator of its own.
pub(crate) fn witness(seed: u8) -> Witness {
    Witness {
        name: format!("witness.example/{seed}").parse().unwrap(),
        key: witness_key(seed).public(),
        operator: format!("operator-{seed}").parse().unwrap(),
    }
}

/// A `forfeited` of the winner's one bid.
pub(crate) fn forfeited_alone(winner: u64) -> Body {
    Body::Forfeited(Forfeited { winner, others: Vec::new(), outcome: OUTCOME })
}

/// Stands for how a reveal room ended, which the fold of the auction does not judge.
pub(crate) const OUTCOME: Digest = Digest([33; 32]);

pub(crate) fn revealed() -> Body {
    Body::Revealed(Ended { outcome: OUTCOME })
}

pub(crate) fn abandoned() -> Body {
    Body::Abandoned(Ended { outcome: OUTCOME })
}

/// A room as its broker keeps it, with the log's bytes.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) tsa: Tsa,
    pub(crate) room: Room,
    pub(crate) log: Vec<String>,
    /// For each entry the header that it names.
    pub(crate) headers: Vec<String>,
    pub(crate) opening: Stamped,
    after: Vec<Stamped>,
    replay: Replay,
    count: u64,
}

impl Table {
    /// Lists an item at [`at`] zero, with terms that the test may change.
    pub(crate) fn list(change: impl FnOnce(&mut Listing)) -> Result<Self, Code> {
        Self::list_by(Tsa::new(204), at(0), change)
    }

    /// As [`Table::list`], stamped by this TSA at this time.
    pub(crate) fn list_by(
        mut tsa: Tsa,
        time: Time,
        change: impl FnOnce(&mut Listing),
    ) -> Result<Self, Code> {
        let mut listing = terms(&tsa);
        change(&mut listing);
        let seller = Author::new(100);
        let own = seller.own(0);
        let draft =
            Draft { id: own.id, room: None, body: Body::List(listing), seen: Seen::nothing() };
        let action = draft.sign(&seller.key(&own)).unwrap();
        let opening = tsa.stamp(action, time);
        Self::open(tsa, opening)
    }

    pub(crate) fn auction() -> Self {
        Self::list(|_| {}).unwrap()
    }

    pub(crate) fn open(tsa: Tsa, opening: Stamped) -> Result<Self, Code> {
        let entry = encoded(0, &opening);
        let opened = Room::open(&opening, leaf_hash(entry.as_bytes()));
        let mut replay = Replay::new();
        let mut headers = header_of(&opening);
        let replayed = replay.push_of(&entry, &mut headers).map(drop);
        assert_eq!(
            replayed.map_err(|error| code(&error)),
            opened.as_ref().map(drop).map_err(|c| *c)
        );
        let (room, _) = opened?;
        let headers = vec![opening.batch().compact().to_owned()];
        let after = Vec::new();
        Ok(Self { tsa, room, log: vec![entry], headers, opening, after, replay, count: 0 })
    }

    /// The same log once more, stamped by the same TSA: two histories begin here.
    pub(crate) fn branch(&self) -> Self {
        let mut other = Self::open(self.tsa.clone(), self.opening.clone()).unwrap();
        for entry in &self.after {
            other.submit(entry).unwrap();
        }
        other.count = self.count;
        other
    }

    pub(crate) fn name(&self) -> RoomName {
        self.room.ledger().name()
    }

    pub(crate) fn fold(&self) -> &Auction {
        Auction::of(&self.room).expect("an auction")
    }

    pub(crate) fn reveal(&self) -> &RevealRoom {
        RevealRoom::of(&self.room).expect("a reveal room")
    }

    /// An action for this room that has seen all of it.
    pub(crate) fn draft(&self, own: &Own, body: Body) -> Draft {
        Draft { id: own.id, room: Some(self.name()), body, seen: self.room.ledger().head() }
    }

    pub(crate) fn sign(&self, author: &Author, own: &Own, body: Body) -> Action {
        self.draft(own, body).sign(&author.key(own)).unwrap()
    }

    /// Means of an action that nobody used yet.
    pub(crate) fn fresh(&mut self, author: &Author) -> Own {
        self.count += 1;
        author.own(self.count)
    }

    /// Signs and stamps a bid of some stranger, without handing it in.
    pub(crate) fn bid_at(&mut self, time: Time, minor: u64) -> Stamped {
        let bidder = Author::new(110);
        let own = self.fresh(&bidder);
        let action = self.sign(&bidder, &own, bid(minor));
        self.tsa.stamp(action, time)
    }

    pub(crate) fn bid(&mut self, time: Time, minor: u64) -> Result<u64, Code> {
        let bid = self.bid_at(time, minor);
        self.submit(&bid)
    }

    /// A bid of an author that the test goes on with.
    pub(crate) fn bid_by(&mut self, author: &Author, time: Time, minor: u64) -> Own {
        let own = self.fresh(author);
        let action = self.sign(author, &own, bid(minor));
        let stamped = self.tsa.stamp(action, time);
        self.submit(&stamped).unwrap();
        own
    }

    /// Signs and stamps an entry of the broker, without handing it in.
    pub(crate) fn broker_at(&mut self, time: Time, body: Body) -> Stamped {
        let own = self.fresh(&Author::new(0));
        let action = self.draft(&own, body).sign_as_broker(&entry_key()).unwrap();
        self.tsa.stamp(action, time)
    }

    pub(crate) fn broker(&mut self, time: Time, body: Body) -> Result<u64, Code> {
        let stamped = self.broker_at(time, body);
        self.submit(&stamped)
    }

    pub(crate) fn close(&mut self, time: Time) -> Result<u64, Code> {
        self.broker(time, close_body())
    }

    /// Names a winner; what the log gives is for the fold to know.
    pub(crate) fn settle(&mut self, time: Time, winner: Option<(u64, u64)>) -> Result<u64, Code> {
        let settled = Settled {
            winner: winner.map(|(seq, _)| seq),
            price: winner.map(|(_, minor)| amount(minor)),
            cosigned: Vec::new(),
        };
        self.broker(time, Body::Settled(settled))
    }

    /// Judges and, if accepted, logs. Fold and replay must agree on everything.
    pub(crate) fn submit(&mut self, entry: &Stamped) -> Result<u64, Code> {
        let seq = self.room.ledger().head().size;
        let bytes = encoded(seq, entry);
        let before = snapshot(&self.room);
        let judged = self.room.judge(entry);
        assert_eq!(snapshot(&self.room), before, "judging changed the room");
        let replayed = self.replay.push_of(&bytes, &mut header_of(entry));
        let replayed = replayed.map(drop).map_err(|error| code(&error));
        assert_eq!(replayed, judged.as_ref().map(drop).map_err(|code| *code));
        let accepted = match judged {
            Ok(accepted) => accepted,
            Err(code) => {
                assert_eq!(snapshot(self.replay.room().unwrap()), before);
                return Err(code);
            }
        };
        assert_eq!(accepted.seq(), seq);
        // Of what the log takes, no receipt is refused.
        assert_eq!(self.opening.action().body().judge_alone(entry), Ok(()));
        self.room.append(&accepted, entry, leaf_hash(bytes.as_bytes())).unwrap();
        self.log.push(bytes);
        self.headers.push(entry.batch().compact().to_owned());
        self.after.push(entry.clone());
        assert_eq!(snapshot(self.replay.room().unwrap()), snapshot(&self.room));
        Ok(seq)
    }

    pub(crate) fn logged(&self) -> impl Iterator<Item = Logged<'_>> {
        let entries = self.log.iter().zip(&self.headers);
        entries.map(|(entry, header)| Logged { entry, header })
    }

    /// The log as lines, each header right before the first entry that names it.
    pub(crate) fn lines(&self) -> Vec<String> {
        log::lines(self.logged())
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::new(self.log.iter().map(|entry| leaf_hash(entry.as_bytes())).collect())
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin { broker: broker_fingerprint(), room: self.name() }
    }

    pub(crate) fn head(&self) -> String {
        self.head_over(self.tree().size(), self.tree().root())
    }

    /// A head that the broker signs, true or not.
    pub(crate) fn head_over(&self, size: u64, root: Digest) -> String {
        let key = SecretKey::from_seed(&HEAD_SEED);
        Head { origin: self.origin(), size, root }.sign(&key)
    }

    pub(crate) fn receipt(&self, seq: u64) -> Receipt {
        Receipt {
            opening: self.opening.action().compact().to_owned(),
            header: self.headers[usize::try_from(seq).unwrap()].clone(),
            entry: self.log[usize::try_from(seq).unwrap()].clone(),
            path: self.tree().path(seq).unwrap(),
            head: self.head(),
        }
    }

    /// The opening of the reveal room of the winner just named.
    pub(crate) fn reveal_opening(&self, deadline: Time) -> Reveal {
        let auction = self.fold();
        let winner = auction.winner().unwrap();
        Reveal {
            nonce: Digest([7; 32]),
            auction: self.name(),
            settled: self.room.ledger().head().size - 1,
            root: self.room.ledger().head().root,
            seller: *auction.seller(),
            winner: winner.key,
            seller_seal: auction.listing().seal,
            winner_seal: winner.seal,
            deadline,
            withdrawal: auction.withdrawal(),
            freshness: auction.listing().freshness,
            broker: broker_keys(),
            stamps: auction.listing().stamps.clone(),
            simulated: auction.listing().simulated,
        }
    }
}

pub(crate) fn entry_key() -> SecretKey<crate::trust::key::EntryKey> {
    SecretKey::from_seed(&ENTRY_SEED)
}

pub(crate) fn bid(minor: u64) -> Body {
    Body::Bid(Bid { amount: amount(minor), currency: eur(), seal: seal_key(91), paddle: None })
}

pub(crate) fn encoded(seq: u64, entry: &Stamped) -> String {
    let action = entry.action().compact().to_owned();
    Entry { seq, action, stamp: entry.stamp().clone() }.encode()
}

/// The header of one entry, as a record with that entry alone carries it.
fn header_of(entry: &Stamped) -> Headers {
    Headers::of(&[entry.batch().compact()], 1).unwrap()
}

/// The code of the rule behind a failed replay.
fn code(error: &ReplayError) -> Code {
    match error {
        ReplayError::Rule { code, .. } => *code,
        ReplayError::Stamp { source: StampError::UnknownTsa, .. } => Code::StampUnknownTsa,
        other => panic!("the replay fails for another reason: {other}"),
    }
}

/// Everything of a room that its fold keeps.
fn snapshot(room: &Room) -> String {
    let ledger = room.ledger();
    format!("{:?} {:?} {:?}", ledger.head(), ledger.newest(), room.state())
}

/// The private room of the winner just named in an auction, with the means of its two sides.
pub(crate) struct Private {
    pub(crate) table: Table,
    seller: (Author, Own),
    winner: (Author, Own),
    deadline: u64,
}

/// When the two of a [`Private`] must have disclosed, from the listing's stamp.
const PRIVATE_DEADLINE: u64 = END + 300 * SECOND;

/// Opens the private room of the winner just named; `own` is what the winning bid was made from.
pub(crate) fn private_room(auction: &Table, winner: &Author, own: &Own) -> Private {
    let reveal = auction.reveal_opening(at(PRIVATE_DEADLINE));
    let id = Author::new(0).own(999).id;
    let draft = Draft { id, room: None, body: Body::Reveal(reveal), seen: Seen::nothing() };
    let mut tsa = auction.tsa.clone();
    let action = draft.sign_as_broker(&entry_key()).unwrap();
    let opening = tsa.stamp(action, at(END + 20 * SECOND));
    let seller = Author::new(100);
    let listing = seller.own(0);
    Private {
        table: Table::open(tsa, opening).unwrap(),
        seller: (seller, listing),
        winner: (Author::new(winner.seed), own.clone()),
        deadline: PRIVATE_DEADLINE,
    }
}

impl Private {
    pub(crate) fn disclose_seller(&mut self) {
        let (author, own) = (Author::new(self.seller.0.seed), self.seller.1.clone());
        self.act(&author, &own, disclosure());
    }

    pub(crate) fn disclose_winner(&mut self) {
        let (author, own) = (Author::new(self.winner.0.seed), self.winner.1.clone());
        self.act(&author, &own, disclosure());
    }

    fn act(&mut self, author: &Author, own: &Own, body: Body) {
        let action = self.table.sign(author, own, body);
        let stamped = self.table.tsa.stamp(action, at(END + 21 * SECOND));
        self.table.submit(&stamped).unwrap();
    }

    pub(crate) fn absent(&mut self, seller: bool, winner: bool) {
        let body = Body::Absent(super::body::Absent { seller, winner });
        self.table.broker(at(self.deadline + 1), body).unwrap();
    }
}

fn disclosure() -> Body {
    Body::Disclose(super::body::SealedBody { sealed: vec![1; 64].try_into().unwrap() })
}
