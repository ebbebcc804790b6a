//! Message boxes (SPEC 8.2): logs of them that hold, and lies.

use std::time::Duration;

use pregao_protocol::letter::{Address, Author, Place, Seeds, Stock, seal};
use pregao_protocol::letter::{Addressee, Class, Content, Sealed};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::{Action, Draft};
use pregao_protocol::room::body::{
    Blob, Body, BoxOpening, Deposit, Empty, Keys, OnceKey, Say, Stock as Stated, Taken,
};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{BoxKey, DepositKey, SecretKey};
use pregao_protocol::trust::prekey::{PrekeyPublic, PrekeySecret};
use pregao_protocol::trust::seal::SealPublic;
use pregao_protocol::value::blob_class::BlobClass;
use pregao_protocol::value::codec::Digest;

use super::forge::{Forge, bytes, closed, text};
use super::lies::Make;
use super::scenes::Scene;

/// How many one-time keys a stock here has.
const STOCK: u32 = 5;
/// An X25519 key of small order.
const WEAK: SealPublic = SealPublic([0; 32]);

/// A box with everything that its owner keeps.
pub(super) struct Mailbox {
    pub(super) house: Forge,
    pub(super) key: SecretKey<BoxKey>,
    pub(super) agreement: AgreementSecret,
    pub(super) signed: PrekeySecret,
    pub(super) stock: Vec<PrekeySecret>,
}

impl Mailbox {
    pub(super) fn open_with(seed: u64, change: impl FnOnce(&mut BoxOpening)) -> Self {
        let mut house = Forge::new(seed);
        let chance = &house.chance;
        let random = || bytes(chance);
        let key = SecretKey::from_seed(&random());
        let agreement = AgreementSecret::from_random(random());
        let signed = PrekeySecret::from_random(random());
        let stock = (0..STOCK).map(|_| PrekeySecret::from_random(random())).collect();
        let mut opening = BoxOpening {
            handle: chance.once_in(2).then(|| text("an\u{e1}")),
            about: chance.once_in(2).then(|| text("clocks")),
            agreement: SealPublic(agreement.public().0),
            letters: 3,
            bytes: 200_000,
            freshness: 10,
            broker: house.keys(),
            stamps: vec![house.tsa.public()],
            simulated: false,
        };
        change(&mut opening);
        let action = owners(&house, &key, Body::Box(opening), |_| {});
        house.enter(&action);
        Self { house, key, agreement, signed, stock }
    }

    /// A box that has published its keys.
    pub(super) fn new(seed: u64) -> Self {
        let mut made = Self::open_with(seed, |_| {});
        made.house.pass(1);
        let keys = made.keys();
        made.own(Body::Keys(keys));
        made.house.pass(1);
        made
    }

    pub(super) fn name(&self) -> RoomName {
        self.house.room().expect("it is open")
    }

    pub(super) fn opening(&self) -> String {
        self.house.opening.as_ref().map_or("", Action::compact).to_owned()
    }

    pub(super) fn address(&self) -> Address {
        Address {
            name: self.name(),
            broker: "wss://broker.example/#00".to_owned().try_into().expect("an address"),
            key: self.key.public(),
            agreement: self.agreement.public(),
        }
    }

    pub(super) fn author(&self) -> Author<'_> {
        Author { key: &self.key, agreement: &self.agreement }
    }

    pub(super) fn stock(&self) -> Stock {
        let keys: Vec<PrekeyPublic> = self.stock.iter().map(PrekeySecret::public).collect();
        Stock::new(&keys).expect("a stock")
    }

    pub(super) fn keys(&self) -> Keys {
        let root = self.stock().root();
        Keys {
            signed: self.signed.public().digest(),
            stock: Some(Stated { root, count: STOCK }),
            blob: blob(root, (u64::from(STOCK) + 1) * 1_216),
        }
    }

    /// Signed by the owner, and not logged.
    pub(super) fn owners(&self, body: Body) -> Action {
        owners(&self.house, &self.key, body, |_| {})
    }

    pub(super) fn own(&mut self, body: Body) -> u64 {
        let action = self.owners(body);
        self.house.enter(&action)
    }

    /// Seals to the box, with the one-time key of that place if there is one.
    pub(super) fn seal(
        &self,
        content: &Content,
        by: &Author<'_>,
        index: Option<usize>,
        seeds: &Seeds,
    ) -> Sealed {
        let signed = self.signed.public();
        let once = index.and_then(|at| self.stock.get(at)).map(PrekeySecret::public);
        let class = content.class().unwrap_or(Class::Large);
        let place = Place { name: self.name(), signed: &signed, once: once.as_ref(), class };
        let to = Addressee { place, agreement: self.agreement.public() };
        seal(content, &to, by, seeds).expect("a letter as the protocol has it")
    }

    /// What the deposit of an envelope says.
    pub(super) fn deposit(&self, envelope: &[u8], index: Option<u32>) -> Deposit {
        let stock = self.stock().root();
        Deposit {
            envelope: Blob {
                digest: Digest::of(envelope),
                size: BlobClass::of(envelope.len() as u64).unwrap_or(BlobClass::SMALLEST),
            },
            attachments: Vec::new(),
            signed: self.signed.public().digest(),
            once: index.map(|index| OnceKey { stock, index }),
            expires: None,
            registered: None,
        }
    }

    /// A deposit of anything, under that one-time key.
    pub(super) fn any(&self, index: u32) -> Deposit {
        self.deposit(&[u8::try_from(index).unwrap_or_default(); 4_028], Some(index))
    }

    pub(super) fn leave(&mut self, deposit: Deposit) -> u64 {
        let key = SecretKey::from_seed(&bytes(&self.house.chance));
        self.leave_as(deposit, &key, |_| {})
    }

    fn leave_as(
        &mut self,
        deposit: Deposit,
        key: &SecretKey<DepositKey>,
        change: impl FnOnce(&mut Draft),
    ) -> u64 {
        let mut draft = self.house.draft(&self.house.own(), Body::Deposit(deposit));
        draft.seen = self.house.seen_of(1);
        change(&mut draft);
        let action = draft.sign_as_guest(key).expect("a draft as the protocol has it");
        self.house.enter(&action)
    }
}

fn owners(
    house: &Forge,
    key: &SecretKey<BoxKey>,
    body: Body,
    change: impl FnOnce(&mut Draft),
) -> Action {
    let mut draft = house.draft(&house.own(), body);
    change(&mut draft);
    draft.sign_as_owner(key).expect("a draft as the protocol has it")
}

fn blob(digest: Digest, bytes: u64) -> Blob {
    Blob { digest, size: BlobClass::holding(bytes).unwrap_or(BlobClass::SMALLEST) }
}

fn opened(seed: u64) -> Forge {
    Mailbox::open_with(seed, |_| {}).house
}

fn keyed(seed: u64) -> Forge {
    Mailbox::new(seed).house
}

pub(super) fn filled(seed: u64) -> Mailbox {
    let mut made = Mailbox::new(seed);
    for index in 0..3 {
        made.leave(made.any(index));
    }
    made
}

fn left(seed: u64) -> Forge {
    filled(seed).house
}

fn taken(seed: u64) -> Forge {
    let mut made = filled(seed);
    made.own(Body::Taken(Taken { letters: vec![2, 4], told: true }));
    let unkeyed = Deposit { once: None, ..made.any(4) };
    made.leave(unkeyed);
    made.house
}

fn expired(seed: u64) -> Forge {
    let mut made = Mailbox::new(seed);
    let expires = Some(made.house.now.plus(Duration::from_secs(5)));
    made.leave(Deposit { expires, ..made.any(0) });
    made.leave(made.any(1));
    made.leave(made.any(2));
    // At its end it waits no more, and makes room for another.
    made.house.pass(5);
    made.leave(made.any(3));
    made.house
}

fn renewed(seed: u64) -> Forge {
    let mut made = filled(seed);
    made.own(Body::Taken(Taken { letters: vec![2, 3, 4], told: false }));
    let envelope = made.any(0).envelope;
    made.signed = PrekeySecret::from_random(bytes(&made.house.chance));
    let keys = Keys {
        signed: made.signed.public().digest(),
        stock: None,
        blob: blob(envelope.digest, 1_216),
    };
    made.own(Body::Keys(keys));
    // The stock of before is open still; and an envelope is another under another key.
    made.leave(Deposit { envelope, ..made.any(3) });
    made.house
}

fn shut(seed: u64) -> Forge {
    let mut made = filled(seed);
    made.own(Body::BoxClosed(Empty {}));
    made.house
}

/// Every scene by name.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("box-opened", opened),
    ("box-keyed", keyed),
    ("box-left", left),
    ("box-taken", taken),
    ("box-expired", expired),
    ("box-renewed", renewed),
    ("box-shut", shut),
];

fn terms(seed: u64, change: impl FnOnce(&mut BoxOpening)) -> String {
    Mailbox::open_with(seed, change).house.file()
}

/// The log of a box with keys after something was done to it.
fn after<R>(seed: u64, act: impl FnOnce(&mut Mailbox) -> R) -> String {
    let mut made = Mailbox::new(seed);
    act(&mut made);
    made.house.file()
}

fn depositing(seed: u64, change: impl FnOnce(&mut Deposit)) -> String {
    after(seed, |made| {
        let mut deposit = made.any(0);
        change(&mut deposit);
        made.leave(deposit)
    })
}

fn publishing(seed: u64, change: impl FnOnce(&mut Keys)) -> String {
    after(seed, |made| {
        let fresh = |of: &mut Mailbox| Digest(bytes(&of.house.chance));
        let (signed, root) = (fresh(made), fresh(made));
        let mut keys = Keys { signed, stock: Some(Stated { root, count: STOCK }), ..made.keys() };
        change(&mut keys);
        made.own(Body::Keys(keys))
    })
}

/// Done by an owner who has seen no more than so many entries.
pub(super) fn unseen(made: &mut Mailbox, size: usize, body: Body) -> String {
    let seen = made.house.seen_of(size);
    let action = owners(&made.house, &made.key, body, |draft| draft.seen = seen);
    made.house.enter(&action);
    made.house.file()
}

fn taking(seed: u64, letters: &[u64]) -> String {
    let mut made = filled(seed);
    made.own(Body::Taken(Taken { letters: letters.to_vec(), told: false }));
    made.house.file()
}

/// Logs that their broker signed, each against one rule.
pub(super) const LIES: &[(&str, Make)] = &[
    ("no-letters", |seed| terms(seed, |opening| opening.letters = 0)),
    ("many-letters", |seed| terms(seed, |opening| opening.letters = 10_001)),
    ("few-bytes", |seed| terms(seed, |opening| opening.bytes = 4_027)),
    ("many-bytes", |seed| terms(seed, |opening| opening.bytes = (1 << 30) + 1)),
    ("box-freshness", |seed| terms(seed, |opening| opening.freshness = 61)),
    ("box-weak-delivery", |seed| terms(seed, |opening| opening.broker.delivery = WEAK)),
    ("keys-by-another", |seed| {
        after(seed, |made| {
            made.key = SecretKey::from_seed(&[7; 32]);
            let keys = Keys { stock: None, blob: blob(Digest([1; 32]), 1_216), ..made.keys() };
            made.own(Body::Keys(keys))
        })
    }),
    ("deposit-by-the-owner", |seed| {
        after(seed, |made| {
            let key = SecretKey::from_seed(&made.key.expose_seed());
            made.leave_as(made.any(0), &key, |_| {})
        })
    }),
    ("deposit-by-the-broker", |seed| {
        after(seed, |made| {
            let key = SecretKey::from_seed(&made.house.entry.expose_seed());
            made.leave_as(made.any(0), &key, |_| {})
        })
    }),
    ("guest-again", |seed| {
        after(seed, |made| {
            let key = SecretKey::from_seed(&[7; 32]);
            made.leave_as(made.any(0), &key, |_| {});
            made.leave_as(made.any(1), &key, |_| {})
        })
    }),
    ("guest-saw-more", |seed| {
        after(seed, |made| {
            let key = SecretKey::from_seed(&[7; 32]);
            let seen = made.house.seen();
            made.leave_as(made.any(0), &key, |draft| draft.seen = seen)
        })
    }),
    ("guest-saw-another", |seed| {
        after(seed, |made| {
            let key = SecretKey::from_seed(&[7; 32]);
            made.leave_as(made.any(0), &key, |draft| draft.seen.root = Digest([7; 32]))
        })
    }),
    ("owner-saw-little", |seed| {
        after(seed, |made| {
            made.house.pass(11);
            let seen = made.house.seen_of(1);
            let body = Body::BoxClosed(Empty {});
            let action = owners(&made.house, &made.key, body, |draft| draft.seen = seen);
            made.house.enter(&action)
        })
    }),
    ("deposit-of-many-pieces", |seed| {
        depositing(seed, |deposit| deposit.envelope = blob(deposit.envelope.digest, 65_452))
    }),
    ("deposit-of-one-blob-twice", |seed| {
        depositing(seed, |deposit| deposit.attachments = vec![deposit.envelope])
    }),
    ("deposit-of-nine", |seed| {
        depositing(seed, |deposit| {
            let attached = (0..9).map(|n| blob(Digest([n; 32]), 4_028));
            deposit.attachments = attached.collect();
        })
    }),
    ("deposit-ended", |seed| {
        after(seed, |made| {
            let expires = Some(made.house.now);
            made.leave(Deposit { expires, ..made.any(0) })
        })
    }),
    ("deposit-for-ever", |seed| {
        after(seed, |made| {
            let year = Duration::from_secs(366 * 86_400) + Duration::from_micros(1);
            let expires = Some(made.house.now.plus(year));
            made.leave(Deposit { expires, ..made.any(0) })
        })
    }),
    ("deposit-to-another-key", |seed| depositing(seed, |deposit| deposit.signed = Digest([7; 32]))),
    ("deposit-to-another-stock", |seed| {
        depositing(seed, |deposit| {
            deposit.once = Some(OnceKey { stock: Digest([7; 32]), index: 0 });
        })
    }),
    ("deposit-beyond-the-stock", |seed| after(seed, |made| made.leave(made.any(STOCK)))),
    ("deposit-to-a-used-key", |seed| {
        after(seed, |made| {
            made.leave(made.any(1));
            let envelope = made.any(2).envelope;
            made.leave(Deposit { envelope, ..made.any(1) })
        })
    }),
    ("deposit-twice", |seed| {
        after(seed, |made| {
            made.leave(made.any(1));
            let envelope = made.any(1).envelope;
            made.leave(Deposit { envelope, ..made.any(2) })
        })
    }),
    ("box-too-full", |seed| {
        let mut made = filled(seed);
        made.leave(made.any(3));
        made.house.file()
    }),
    ("box-out-of-bytes", |seed| {
        after(seed, |made| {
            let attachments = vec![blob(Digest([7; 32]), 4 * 65_451)];
            made.leave(Deposit { attachments, ..made.any(0) })
        })
    }),
    ("keys-in-another-size", |seed| {
        publishing(seed, |keys| keys.blob = blob(keys.blob.digest, 16_317))
    }),
    ("stock-of-none", |seed| {
        publishing(seed, |keys| {
            keys.stock = keys.stock.map(|stock| Stated { count: 0, ..stock });
            keys.blob = blob(keys.blob.digest, 1_216);
        })
    }),
    ("stock-of-many", |seed| {
        publishing(seed, |keys| {
            keys.stock = keys.stock.map(|stock| Stated { count: 257, ..stock });
            keys.blob = blob(keys.blob.digest, 258 * 1_216);
        })
    }),
    ("stock-again", |seed| {
        after(seed, |made| {
            let signed = Digest(bytes(&made.house.chance));
            made.own(Body::Keys(Keys { signed, ..made.keys() }))
        })
    }),
    ("signed-key-again", |seed| {
        after(seed, |made| {
            let alone = |signed| Keys { signed, stock: None, blob: blob(signed, 1_216) };
            let first = made.signed.public().digest();
            made.own(Body::Keys(alone(Digest([7; 32]))));
            made.own(Body::Keys(alone(first)))
        })
    }),
    ("keys-that-bring-nothing", |seed| {
        after(seed, |made| {
            let blob = blob(Digest([1; 32]), 1_216);
            made.own(Body::Keys(Keys { stock: None, blob, ..made.keys() }))
        })
    }),
    ("taken-nothing", |seed| taking(seed, &[])),
    ("taken-backwards", |seed| taking(seed, &[3, 2])),
    ("taken-one-twice", |seed| taking(seed, &[2, 2])),
    ("taken-no-letter", |seed| taking(seed, &[1, 2])),
    ("taken-unseen", |seed| {
        unseen(&mut filled(seed), 4, Body::Taken(Taken { letters: vec![2, 4], told: false }))
    }),
    ("taken-as-it-ends", |seed| {
        after(seed, |made| {
            let expires = Some(made.house.now.plus(Duration::from_secs(5)));
            made.leave(Deposit { expires, ..made.any(0) });
            made.house.pass(5);
            made.own(Body::Taken(Taken { letters: vec![2], told: false }))
        })
    }),
    ("taken-again", |seed| {
        let mut made = filled(seed);
        for _ in 0..2 {
            made.own(Body::Taken(Taken { letters: vec![2], told: false }));
        }
        made.house.file()
    }),
    ("after-the-end", |seed| {
        let mut made = filled(seed);
        made.own(Body::BoxClosed(Empty {}));
        made.own(Body::Taken(Taken { letters: vec![2], told: false }));
        made.house.file()
    }),
    ("said-in-a-box", |seed| {
        after(seed, |made| {
            let own = made.house.own();
            made.house.act(&own, Body::Say(Say { text: text("Hello") }))
        })
    }),
    ("closed-as-an-auction", |seed| after(seed, |made| made.house.broker(closed()))),
];
