//! Two boxes and what is left in them, for the tests of letters shown.

use super::*;
use crate::letter::fixture::{self, Owner};
use crate::letter::{Reading, Salt, Sealed, Stock, open, seal};
use crate::room::action::{Draft, Seen};
use crate::room::body::{Blob, Keys, OnceKey, Stock as Stated};
use crate::room::fixture::{SECOND, Table, Tsa, at, broker_keys, text};
use crate::trust::key::{DepositKey, SecretKey};
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

    /// Leaves a letter. Gives its receipt.
    pub(crate) fn leave(&mut self, deposit: Deposit) -> Receipt {
        self.count += 1;
        let mut frontier = crate::log::merkle::Frontier::default();
        frontier.push(crate::log::merkle::leaf_hash(self.table.log[0].as_bytes()));
        let seen = Seen { size: 1, root: frontier.root() };
        let id = fixture::id(u128::from(self.count) + 100);
        let draft = Draft { id, room: Some(self.owner.name), body: Body::Deposit(deposit), seen };
        let key = SecretKey::<DepositKey>::from_seed(&[90 + self.count; 32]);
        let time = at(SECOND * (2 + u64::from(self.count)));
        let stamped = self.table.tsa.stamp(draft.sign_as_guest(&key).unwrap(), time);
        let seq = self.table.submit(&stamped).unwrap();
        self.table.receipt(seq)
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

    pub(crate) fn shown(&self, shown: Way) -> ShownLetter {
        let (sender, deposit) = (self.one.opening.clone(), self.deposit.clone());
        ShownLetter { sender, deposit, shown, read: None }
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
