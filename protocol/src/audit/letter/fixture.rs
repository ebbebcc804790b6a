//! Two boxes and what is left in them, for the tests of letters shown.

use super::*;
use crate::letter::fixture::{self, Owner};
use crate::letter::{Halves, Reading, RegisteredLetter, Salt, Sealed, Stock, open, seal};
use crate::log::merkle::inclusion_path;
use crate::log::{SeenPath, TimelineEntry};
use crate::room::Stamped;
use crate::room::action::{Draft, Seen};
use crate::room::body::{Blob, Keys, OnceKey, Registered, Stock as Stated};
use crate::room::fixture::{SECOND, Table, Tsa, at, broker_keys, encoded, text};
use crate::trust::key::{DepositKey, OneTime, SecretKey};
use crate::trust::prekey::{PrekeyPublic, PrekeySecret};
use crate::trust::seal::SealPublic;
use crate::value::blob_class::BlobClass;

/// Where the one-time key of an owner is in their stock.
pub(crate) const INDEX: u32 = 1;

/// A box with its log and everything that its owner keeps.
pub(crate) struct Mailbox {
    pub(crate) owner: Owner,
    pub(crate) opening: String,
    pub(crate) table: Table,
    stock: Vec<PrekeyPublic>,
    count: u8,
}

pub(crate) fn opening_of(owner: &Owner, tsa: &Tsa) -> BoxOpening {
    BoxOpening {
        handle: Some(text("ana")),
        about: None,
        agreement: SealPublic(owner.agreement.public().0),
        letters: 8,
        bytes: 200_000,
        freshness: 10,
        broker: broker_keys(),
        stamps: vec![tsa.public()],
        simulated: false,
    }
}

pub(crate) fn opens(opening: BoxOpening, key: u8) -> Action {
    let draft =
        Draft { id: fixture::id(7), room: None, body: Body::Box(opening), seen: Seen::nothing() };
    draft.sign_as_owner(&SecretKey::from_seed(&[key; 32])).unwrap()
}

pub(crate) fn mailbox(number: u8) -> Mailbox {
    let mut owner = fixture::owner(number);
    let mut tsa = Tsa::new(210 + number);
    let action = opens(opening_of(&owner, &tsa), number);
    owner.name = action.room();
    let opening = action.compact().to_owned();
    let stamped = tsa.stamp(action, at(0));
    let table = Table::open(tsa, stamped).unwrap();
    let other = |seed: u8| PrekeySecret::from_random([number ^ seed; 32]).public();
    let stock = vec![other(0x11), owner.public.1.clone(), other(0x12)];
    let mut made = Mailbox { owner, opening, table, stock, count: 0 };
    let keys = made.keys();
    let stamped = made.table.tsa.stamp(keys, at(SECOND));
    made.table.submit(&stamped).unwrap();
    made
}

impl Mailbox {
    pub(crate) fn stated(&self) -> Keys {
        let stock = Stock::new(&self.stock).unwrap();
        let size = BlobClass::holding(4 * 1_216).unwrap();
        Keys {
            signed: self.owner.public.0.digest(),
            stock: Some(Stated { root: stock.root(), count: 3 }),
            blob: Blob { digest: Digest([9; 32]), size },
        }
    }

    /// An action of the owner, stating these keys.
    pub(crate) fn states(&self, keys: Keys) -> String {
        let room = Some(self.owner.name);
        let body = Body::Keys(keys);
        let seen = self.table.room.ledger().head();
        let draft = Draft { id: fixture::id(8), room, body, seen };
        draft.sign_as_owner(&self.owner.key).unwrap().compact().to_owned()
    }

    pub(crate) fn keys(&self) -> Action {
        Action::parse(&self.states(self.stated())).unwrap()
    }

    /// What a deposit says of an envelope.
    pub(crate) fn deposit(&self, envelope: &[u8], with_once: bool) -> Deposit {
        let stock = Stock::new(&self.stock).unwrap().root();
        Deposit {
            envelope: Blob {
                digest: Digest::of(envelope),
                size: BlobClass::of(envelope.len() as u64).unwrap_or(BlobClass::SMALLEST),
            },
            attachments: Vec::new(),
            signed: self.owner.public.0.digest(),
            once: with_once.then_some(OnceKey { stock, index: INDEX }),
            expires: None,
            registered: None,
        }
    }

    /// The key by which the next letter is left.
    fn leaving(&self) -> SecretKey<DepositKey> {
        SecretKey::from_seed(&[91 + self.count; 32])
    }

    /// What the next deposit says of a registered letter with these halves.
    pub(crate) fn registration(&self, halves: &Halves, envelope: &[u8]) -> Registered {
        let key: PublicKey<OneTime> = PublicKey::from_bytes(*self.leaving().public().as_bytes());
        let place = (self.owner.name, &key, Digest::of(envelope));
        halves.deposit(&broker_keys().delivery, place, [5; 32]).unwrap()
    }

    /// Leaves a letter. Gives its receipt.
    pub(crate) fn leave(&mut self, deposit: Deposit) -> Receipt {
        let key = self.leaving();
        self.count += 1;
        let mut frontier = crate::log::merkle::Frontier::default();
        frontier.push(crate::log::merkle::leaf_hash(self.table.log[0].as_bytes()));
        let seen = Seen { size: 1, root: frontier.root() };
        let id = fixture::id(u128::from(self.count) + 100);
        let draft = Draft { id, room: Some(self.owner.name), body: Body::Deposit(deposit), seen };
        let time = at(SECOND * (2 + u64::from(self.count)));
        let stamped = self.table.tsa.stamp(draft.sign_as_guest(&key).unwrap(), time);
        let seq = self.table.submit(&stamped).unwrap();
        self.table.receipt(seq)
    }

    /// An action of the owner, who has seen the log as it is.
    pub(crate) fn acts(&self, body: Body) -> Action {
        let seen = Seen { size: self.table.tree().size(), root: self.table.tree().root() };
        let draft = Draft { id: fixture::id(9), room: Some(self.owner.name), body, seen };
        draft.sign_as_owner(&self.owner.key).unwrap()
    }

    /// Puts an entry into the log that the rules may forbid, as a lying broker can. Gives its position.
    pub(crate) fn force(&mut self, entry: &Stamped) -> u64 {
        let seq = self.table.log.len() as u64;
        self.table.log.push(encoded(seq, entry));
        self.table.headers.push(entry.batch().compact().to_owned());
        seq
    }

    /// What the log says of the deposit at a position, by these entries.
    pub(crate) fn timeline(&self, deposit: u64, entries: &[u64]) -> Timeline {
        let tree = self.table.tree();
        let shown = |at: &u64| {
            let receipt = self.table.receipt(*at);
            let entry = Entry::parse(&receipt.entry).unwrap();
            let action = Action::parse(&entry.action).unwrap();
            let names =
                matches!(action.body(), Body::Taken(_) | Body::Accepted(_) | Body::Declined(_));
            let path = inclusion_path(&tree, deposit, action.seen().size);
            let seen = path.filter(|_| names).map(SeenPath);
            TimelineEntry { header: receipt.header, entry: receipt.entry, path: receipt.path, seen }
        };
        let path = tree.path(deposit).unwrap();
        Timeline { head: self.table.head(), path, entries: entries.iter().map(shown).collect() }
    }

    /// The shown form of the one-time key.
    pub(crate) fn once(&self) -> OnceShown {
        let path = Stock::new(&self.stock).unwrap().path(INDEX.into()).unwrap();
        OnceShown { key: self.owner.public.1.as_bytes().to_vec(), path }
    }
}

pub(crate) fn content_of(sealed: &Sealed) -> String {
    String::from_utf8(sealed.content.to_vec()).unwrap()
}

pub(crate) fn by_reader(sealed: &Sealed) -> Way {
    let (envelope, content) = (sealed.envelope.clone(), content_of(sealed));
    Way::Reader(ByReader { envelope, content })
}

pub(crate) fn by_sender(to: &Mailbox, sealed: &Sealed, with_once: bool, seeds: u8) -> Way {
    Way::Sender(BySender {
        keys: vec![to.states(to.stated())],
        signed: to.owner.public.0.as_bytes().to_vec(),
        once: with_once.then(|| to.once()),
        seeds: fixture::seeds(seeds),
        content: content_of(sealed),
    })
}

pub(crate) fn by_hash(sealed: &Sealed) -> Way {
    let (content, proof) = Content::parse(&sealed.content).unwrap();
    let crate::letter::Proof::Evidence(signature) = proof else { panic!("deniable") };
    let (envelope, hash) = (sealed.envelope.clone(), content.hash());
    Way::Hash(ByHash { envelope, hash, signature })
}

/// Both halves of the key of every registered letter here.
pub(crate) fn halves() -> Halves {
    let mut bytes = [6; 64];
    bytes[32..].fill(7);
    Halves::from_random(&bytes)
}

/// A letter of the first to the second box, and its deposit.
pub(crate) struct Post {
    pub(crate) one: Mailbox,
    pub(crate) two: Mailbox,
    pub(crate) sealed: Sealed,
    pub(crate) deposit: Receipt,
}

impl Post {
    pub(crate) fn new(mode: Mode, with_once: bool) -> Self {
        let (one, mut two) = (mailbox(1), mailbox(2));
        let sealed = fixture::sealed(&one.owner, &two.owner, mode, with_once);
        let deposit = two.leave(two.deposit(&sealed.envelope, with_once));
        Self { one, two, sealed, deposit }
    }

    /// A registered letter of the first to the second box.
    pub(crate) fn registered(mode: Mode, change: impl FnOnce(&mut RegisteredLetter)) -> Self {
        let (one, mut two) = (mailbox(1), mailbox(2));
        let letter = fixture::letter(&one.owner, mode);
        let mut letter = RegisteredLetter::of(letter, two.owner.name, &halves()).unwrap();
        change(&mut letter);
        let content = Content::Registered(letter);
        let to = two.owner.addressee(true);
        let sealed = seal(&content, &to, &one.owner.author(), &fixture::seeds(1)).unwrap();
        let registered = Some(two.registration(&halves(), &sealed.envelope));
        let deposit = Deposit { registered, ..two.deposit(&sealed.envelope, true) };
        let deposit = two.leave(deposit);
        Self { one, two, sealed, deposit }
    }

    pub(crate) fn shown(&self, shown: Way) -> ShownLetter {
        let (sender, deposit) = (self.one.opening.clone(), self.deposit.clone());
        ShownLetter { sender, deposit, shown, read: None, timeline: None }
    }

    /// What was sealed, as its reader would show it.
    pub(crate) fn deniable(&self) -> ShownLetter {
        self.shown(by_reader(&self.sealed))
    }

    /// The read receipt, as its reader seals it.
    pub(crate) fn receipt(&self, change: impl FnOnce(&mut ReadReceipt)) -> Sealed {
        let owner = &self.two.owner;
        let once = self.sealed.envelope[0] == 1;
        let reading = Reading { name: owner.name, ..owner.reading(once) };
        let opened = open(&reading, &self.sealed.envelope).unwrap();
        let salt = Salt([4; 32]);
        let time = at(60 * SECOND);
        let mut receipt =
            ReadReceipt::of(&opened, owner.address(), fixture::id(2), salt, time).unwrap();
        change(&mut receipt);
        let content = Content::Read(receipt);
        let to = self.one.owner.addressee(false);
        seal(&content, &to, &owner.author(), &fixture::seeds(5)).unwrap()
    }

    /// The letter with the read receipt that was left for it.
    pub(crate) fn acknowledged(&mut self, sealed: &Sealed) -> ShownLetter {
        let deposit = self.one.leave(self.one.deposit(&sealed.envelope, false));
        let read = Some(ShownReceipt { deposit, shown: by_reader(sealed) });
        ShownLetter { read, ..self.shown(by_reader(&self.sealed)) }
    }
}
