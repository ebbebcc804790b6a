//! Handed keys: their form, and what a sender believes of them.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::letter::PublishedKeys;
use crate::log::Receipt;
use crate::log::merkle::{Tree, leaf_hash};
use crate::room::action::{Draft, Seen};
use crate::room::body::{BoxOpening, Empty};
use crate::room::fixture::{SECOND, Table, Tsa, at, broker_keys, seal_key};
use crate::trust::key::{BoxKey, SecretKey};
use crate::trust::prekey::PrekeySecret;

fn key(n: u8) -> PrekeyPublic {
    PrekeySecret::from_random([n; 32]).public()
}

fn published(signed: u8, stock: std::ops::Range<u8>) -> PublishedKeys {
    PublishedKeys::new(key(signed), stock.map(key).collect()).unwrap()
}

/// A box with its owner.
struct Own {
    key: SecretKey<BoxKey>,
    table: Table,
    count: u8,
}

impl Own {
    fn open(seed: u8) -> Self {
        let mut tsa = Tsa::new(204);
        let key = SecretKey::from_seed(&[seed; 32]);
        let opening = BoxOpening {
            handle: None,
            about: None,
            agreement: seal_key(42),
            letters: 3,
            bytes: 20_000,
            freshness: 10,
            broker: broker_keys(),
            stamps: vec![tsa.public()],
            simulated: false,
        };
        let (body, seen) = (Body::Box(opening), Seen::nothing());
        let action = Draft { id: uuid(0), room: None, body, seen }.sign_as_owner(&key).unwrap();
        let stamped = tsa.stamp(action, at(0));
        Self { key, table: Table::open(tsa, stamped).unwrap(), count: 0 }
    }

    fn act(&mut self, body: Body) -> u64 {
        self.count += 1;
        let (room, seen) = (Some(self.table.name()), self.table.room.ledger().head());
        let draft = Draft { id: uuid(self.count), room, body, seen };
        let action = draft.sign_as_owner(&self.key).unwrap();
        let stamped = self.table.tsa.stamp(action, at(u64::from(self.count) * SECOND));
        self.table.submit(&stamped).unwrap()
    }

    fn publish(&mut self, keys: &PublishedKeys) -> u64 {
        self.act(Body::Keys(keys.entry().unwrap()))
    }

    fn opening(&self) -> String {
        self.table.receipt(0).opening
    }

    fn action(&self, seq: u64) -> String {
        Entry::parse(&self.included(seq).entry).unwrap().action
    }

    fn included(&self, seq: u64) -> Included {
        let Receipt { entry, path, .. } = self.table.receipt(seq);
        Included { entry, path }
    }

    /// A one-time key of `stock`, which the entry at `at` published, under the signed key of the one at `newest`.
    fn hand(&self, signed: u8, newest: u64, stock: Option<(&PublishedKeys, u64)>) -> Handed {
        let once = stock.and_then(|(stock, _)| stock.once(1));
        let of = stock.filter(|(_, at)| *at != newest).map(|(_, at)| self.included(at));
        let given = if once.is_some() { Given::Once } else { Given::NoneLeft };
        let proof = KeysProof { head: self.table.head(), keys: self.included(newest), stock: of };
        Handed { n: 7, room: self.table.name(), given, signed: key(signed), once, proof }
    }
}

fn uuid(n: u8) -> Uuid {
    uuid::Builder::from_random_bytes([n; 16]).into_uuid()
}

/// A box whose first `keys` (1) published a stock, and whose second (2) a signed key alone.
fn renewed() -> (Own, PublishedKeys) {
    let mut own = Own::open(1);
    let first = published(1, 10..15);
    assert_eq!(own.publish(&first), 1);
    assert_eq!(own.publish(&published(2, 0..0)), 2);
    (own, first)
}

#[test]
fn v293_handed_keys_are_read_as_they_were_written_and_verified_against_the_box() {
    let mut own = Own::open(1);
    let keys = published(1, 10..15);
    own.publish(&keys);
    let handed = own.hand(1, 1, Some((&keys, 1)));
    let read = Handed::parse(&handed.encode().unwrap()).unwrap();
    assert_eq!(read, handed);
    let verified = read.verify(&own.opening()).unwrap();
    let stock = keys.entry().unwrap().stock.unwrap().root;
    assert_eq!(verified.once, Some((OnceKey { stock, index: 1 }, key(11))));
    assert_eq!((verified.signed, verified.seq, verified.size), (key(1), 1, 2));
    let path = keys.once(1).unwrap().path;
    assert_eq!(verified.shown, KeysShown { keys: vec![own.action(1)], path });
    for given in [Given::NoneLeft, Given::KeptBack] {
        let alone = Handed { given, ..own.hand(1, 1, None) };
        let read = Handed::parse(&alone.encode().unwrap()).unwrap();
        assert_eq!((read.given, read.once.clone()), (given, None));
        let verified = read.verify(&own.opening()).unwrap();
        assert_eq!(verified.once, None);
        assert_eq!(verified.shown, KeysShown { keys: vec![own.action(1)], path: Vec::new() });
    }
}

#[test]
fn v293_a_one_time_key_of_an_older_stock_has_a_proof_of_its_own() {
    let (own, first) = renewed();
    let handed = own.hand(2, 2, Some((&first, 1)));
    let read = Handed::parse(&handed.encode().unwrap()).unwrap();
    let verified = read.verify(&own.opening()).unwrap();
    assert_eq!(verified.once.unwrap().1, key(11));
    assert_eq!(verified.shown.keys, [own.action(2), own.action(1)]);
    // Without it, twice the same, or the newer for the older one.
    let with = |keys: u64, stock: Option<u64>, signed: u8| {
        let mut handed = handed.clone();
        handed.signed = key(signed);
        handed.proof.keys = own.included(keys);
        handed.proof.stock = stock.map(|seq| own.included(seq));
        handed.verify(&own.opening())
    };
    assert!(with(2, Some(1), 2).is_ok());
    assert!(matches!(with(2, None, 2), Err(HandedError::Other)));
    assert!(matches!(with(2, Some(2), 2), Err(HandedError::Other)));
    assert!(matches!(with(1, Some(2), 1), Err(HandedError::Other)));
    assert!(matches!(with(1, Some(1), 1), Err(HandedError::Other)));
    let mut alone = own.hand(2, 2, None);
    alone.proof.stock = Some(own.included(1));
    assert!(matches!(alone.verify(&own.opening()), Err(HandedError::Other)), "nothing needs it");
}

#[test]
fn v293_keys_that_are_not_in_the_log_are_not_believed() {
    let mut own = Own::open(1);
    let keys = published(1, 10..15);
    own.publish(&keys);
    let good = own.hand(1, 1, Some((&keys, 1)));
    let refused = |change: &dyn Fn(&mut Handed)| {
        let mut handed = good.clone();
        change(&mut handed);
        handed.verify(&own.opening()).unwrap_err()
    };
    assert!(matches!(refused(&|h| h.signed = key(9)), HandedError::Other));
    assert!(matches!(refused(&|h| h.room = RoomName([9; 32])), HandedError::OtherBox));
    let once = |change: fn(&mut OnceOf)| refused(&move |h| change(h.once.as_mut().unwrap()));
    assert!(matches!(once(|once| once.key = key(9)), HandedError::Stock(_)));
    assert!(matches!(once(|once| once.index = 2), HandedError::Stock(_)));
    assert!(matches!(once(|once| once.index = 5), HandedError::Stock(_)));
    assert!(matches!(once(|once| once.path.truncate(1)), HandedError::Stock(_)));
    assert!(matches!(refused(&|h| h.proof.keys.path.clear()), HandedError::NotIncluded(_)));
    assert!(matches!(refused(&|h| h.proof.head.truncate(80)), HandedError::Head(_)));
    let opening = own.included(0);
    assert!(matches!(refused(&|h| h.proof.keys = opening.clone()), HandedError::Other));
    // Those of another box, by another opening and by its own.
    let mut other = Own::open(2);
    other.publish(&keys);
    let theirs = other.hand(1, 1, Some((&keys, 1)));
    assert!(matches!(theirs.verify(&own.opening()), Err(HandedError::OtherBox)));
    let as_own = Handed { room: own.table.name(), ..theirs.clone() };
    assert!(
        matches!(as_own.verify(&own.opening()), Err(HandedError::Head(_))),
        "the head is of their log"
    );
    let under_own =
        Handed { proof: KeysProof { head: own.table.head(), ..theirs.proof.clone() }, ..as_own };
    assert!(matches!(under_own.verify(&own.opening()), Err(HandedError::NotIncluded(_))));
    let named = Handed { room: own.table.name(), ..theirs };
    assert!(matches!(named.verify(&other.opening()), Err(HandedError::OtherBox)));
    // An entry that is there, and publishes nothing.
    own.act(Body::BoxClosed(Empty {}));
    let mut closed = own.hand(1, 1, None);
    closed.proof.keys = own.included(2);
    assert!(matches!(closed.verify(&own.opening()), Err(HandedError::Other)));
}

/// A broker that signs whatever it likes: keys of its own in the log of somebody's box.
#[test]
fn v293_keys_that_the_owner_did_not_sign_are_not_believed() {
    let own = Own::open(1);
    let keys = published(1, 10..15);
    let forge = |signer: u8, of: RoomName| {
        let mut forged = Own::open(signer);
        forged.key = SecretKey::from_seed(&[signer; 32]);
        let (room, seen) = (Some(of), own.table.room.ledger().head());
        let draft = Draft { id: uuid(9), room, body: Body::Keys(keys.entry().unwrap()), seen };
        let stamped = forged.table.tsa.stamp(draft.sign_as_owner(&forged.key).unwrap(), at(SECOND));
        let action = stamped.action().compact().to_owned();
        let entry = Entry { seq: 1, action, stamp: stamped.stamp().clone() }.encode();
        let lines = [own.table.receipt(0).entry, entry.clone()];
        let tree = Tree::new(lines.iter().map(|line| leaf_hash(line.as_bytes())).collect());
        let path = tree.path(1).unwrap();
        let head = own.table.head_over(2, tree.root());
        let proof = KeysProof { head, keys: Included { entry, path }, stock: None };
        let (once, room) = (keys.once(1), own.table.name());
        Handed { n: 7, room, given: Given::Once, signed: key(1), once, proof }
    };
    let here = own.table.name();
    assert!(forge(1, here).verify(&own.opening()).is_ok(), "by the owner it would hold");
    assert!(matches!(forge(2, here).verify(&own.opening()), Err(HandedError::Other)));
    let elsewhere = forge(1, RoomName([9; 32]));
    assert!(matches!(elsewhere.verify(&own.opening()), Err(HandedError::Other)));
}

#[test]
fn v293_what_is_no_such_frame_is_refused() {
    let mut own = Own::open(1);
    let keys = published(1, 10..15);
    own.publish(&keys);
    let good = own.hand(1, 1, Some((&keys, 1)));
    let frame = good.encode().unwrap();
    assert!(is_handed(&frame) && !is_handed(b"{}") && !crate::wire::blob::is_binary(&frame));
    // Every field of the header: mark, version, why, zeros, number, lengths, zeros again.
    for (byte, to) in [
        (0, 0xb1),
        (1, 2),
        (2, 0),
        (2, 3),
        (3, 1),
        (7, 1),
        (8, 0x20),
        (55, 2),
        (55, 10),
        (59, 0),
        (60, 1),
        (63, 1),
    ] {
        let mut other = frame.clone();
        other[byte] = to;
        assert!(Handed::parse(&other).is_err(), "{byte}: {to}");
    }
    for length in [0, 63, 64, 64 + PUBLIC, frame.len() - 1] {
        assert!(Handed::parse(&frame[..length]).is_err(), "{length}");
    }
    assert!(Handed::parse(&[frame.as_slice(), b" "].concat()).is_err());
    let mut weak = frame.clone();
    weak[64 + PUBLIC - 32..64 + PUBLIC].fill(0);
    assert!(matches!(Handed::parse(&weak), Err(HandedError::Key(_))));
    let mut alone = own.hand(1, 1, None).encode().unwrap();
    alone[51] = 1;
    assert!(Handed::parse(&alone).is_err(), "a position without a key");
    assert!(Handed { n: MAX_COUNTER + 1, ..good.clone() }.encode().is_none());
    assert!(Handed { n: MAX_COUNTER, ..good.clone() }.encode().is_some());
    assert!(Handed { given: Given::NoneLeft, ..good.clone() }.encode().is_none());
    assert!(Handed { once: None, ..good }.encode().is_none());
}

#[test]
fn v293_handed_keys_fit_a_record_of_5_120_bytes_with_a_log_of_a_million() {
    let mut own = Own::open(1);
    let keys = published(1, 10..15);
    own.publish(&keys);
    let mut handed = own.hand(1, 1, Some((&keys, 1)));
    handed.proof.keys.path = vec![Digest([0; 32]); 20];
    handed.once.as_mut().unwrap().path = vec![Digest([0; 32]); 8];
    let length = handed.encode().unwrap().len();
    assert!(length + 4 <= 5_120, "{length}");
    handed.once.as_mut().unwrap().path.push(Digest([0; 32]));
    assert!(handed.encode().is_none());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        let _ = Handed::parse(&bytes);
        let header = [MARK, VERSION, 1, 0, 0, 0, 0, 0];
        let length = bytes.len().min(header.len());
        bytes[..length].copy_from_slice(&header[..length]);
        let _ = Handed::parse(&bytes);
    }
}
