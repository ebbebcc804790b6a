//! Letters shown to others (SPEC 8.3): files that hold, and lies.

use std::sync::LazyLock;

use pregao_protocol::audit::letter::{
    ByHash, ByReader, BySender, OnceShown, ShownLetter, ShownReceipt, Way,
};
use pregao_protocol::letter::{
    Attachment, BlobKey, Content, Half, Halves, Letter, Mode, Proof, ReadReceipt, RegisteredLetter,
    Salt, Sealed, SealedHalf, Seeds, Vouch,
};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::body::{
    Blob, Body, Deposit, Keys, OnceKey, Registered, Stock as Stated,
};
use pregao_protocol::trust::agreement::Mac;
use pregao_protocol::trust::key::Signature;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::blob_class::BlobClass;
use pregao_protocol::value::codec::Digest;

use super::Made;
use super::boxes::Mailbox;
use super::forge::{Forge, bytes, text};
use super::lies::Make;
use super::scenes;

/// Which one-time key the letter takes.
const INDEX: u32 = 3;

/// A letter from the first box in the second.
pub(super) struct Post {
    pub(super) one: Mailbox,
    pub(super) two: Mailbox,
    content: Content,
    seeds: Seeds,
    pub(super) sealed: Sealed,
    once: Option<u32>,
    pub(super) deposit: Receipt,
    /// The broker's half of the key, if it is registered.
    pub(super) half: Option<Half>,
}

fn letter(from: &Mailbox, mode: Mode) -> Letter {
    let chance = &from.house.chance;
    Letter {
        from: from.address(),
        id: from.house.own().id(),
        reply_to: chance.once_in(2).then(|| from.house.own().id()),
        vouch: chance
            .once_in(2)
            .then(|| Vouch { name: RoomName(bytes(chance)), mac: Mac(bytes(chance)) }),
        mode,
        wants_receipt: chance.once_in(2),
        salt: Salt(bytes(chance)),
        subject: chance.once_in(2).then(|| text("A \"clock\" of bra\u{df} \u{1f570}")),
        text: "It runs.\n\"Come\" and hear it \\ \u{1f570}".to_owned().try_into().expect("a text"),
        attachments: Vec::new(),
    }
}

fn halves(of: &Forge) -> Halves {
    let mut both = [0; 64];
    let (one, two) = both.split_at_mut(32);
    one.copy_from_slice(&bytes(&of.chance));
    two.copy_from_slice(&bytes(&of.chance));
    Halves::from_random(&both)
}

fn seeds(of: &Forge) -> Seeds {
    Seeds::from_random(bytes(&of.chance))
}

fn once_at(once: Option<u32>) -> Option<usize> {
    once.and_then(|index| usize::try_from(index).ok())
}

impl Post {
    fn with(
        seed: u64,
        mode: Mode,
        once: Option<u32>,
        change: impl FnOnce(&mut Letter, &mut Vec<Blob>),
    ) -> Self {
        let (one, two) = (Mailbox::new(seed), Mailbox::new(seed ^ 0xb0c5));
        let mut letter = letter(&one, mode);
        let mut attachments = Vec::new();
        change(&mut letter, &mut attachments);
        Self::sealed((one, two), Content::Letter(letter), once, |deposit| {
            deposit.attachments = attachments;
        })
    }

    /// A registered letter, after something was done to it before it was sealed, and to its deposit.
    pub(super) fn registered(
        seed: u64,
        mode: Mode,
        change: impl FnOnce(&mut RegisteredLetter, &mut Deposit),
    ) -> Self {
        let (one, two) = (Mailbox::new(seed), Mailbox::new(seed ^ 0xb0c5));
        let halves = halves(&one.house);
        let mut letter = letter(&one, mode);
        let mut blobs = Vec::new();
        attached(&mut letter, &mut blobs);
        let mut letter = RegisteredLetter::of(letter, two.name(), &halves).expect("a letter");
        // Which half it is the deposit has to say before the letter is sealed.
        let mut deposit = Deposit { attachments: blobs, ..two.deposit(&[], Some(INDEX)) };
        let half = SealedHalf([7; 80]);
        deposit.registered = Some(Registered { half, commitment: halves.broker.commitment() });
        change(&mut letter, &mut deposit);
        let mut post = Self::sealed((one, two), Content::Registered(letter), Some(INDEX), |made| {
            made.attachments = deposit.attachments;
            made.registered = deposit.registered;
            made.expires = deposit.expires;
        });
        post.half = Some(halves.broker.clone());
        post
    }

    fn sealed(
        (one, mut two): (Mailbox, Mailbox),
        content: Content,
        once: Option<u32>,
        change: impl FnOnce(&mut Deposit),
    ) -> Self {
        let seeds = seeds(&one.house);
        let sealed = two.seal(&content, &one.author(), once_at(once), &seeds);
        let mut deposit = two.deposit(&sealed.envelope, once);
        change(&mut deposit);
        let seq = two.leave(deposit);
        let deposit = two.house.receipt(seq);
        Self { one, two, content, seeds, sealed, once, deposit, half: None }
    }

    pub(super) fn new(seed: u64) -> Self {
        Self::with(seed, Mode::Evidence, Some(INDEX), |_, _| {})
    }

    /// Another letter of the same two, without a one-time key.
    fn another(&mut self) -> (Sealed, Receipt) {
        let content = Content::Letter(letter(&self.one, Mode::Evidence));
        let seeds = seeds(&self.one.house);
        let sealed = self.two.seal(&content, &self.one.author(), None, &seeds);
        let seq = self.two.leave(self.two.deposit(&sealed.envelope, None));
        (sealed, self.two.house.receipt(seq))
    }

    pub(super) fn shown(&self, shown: Way) -> ShownLetter {
        let (sender, deposit) = (self.one.opening(), self.deposit.clone());
        ShownLetter { sender, deposit, shown, read: None, timeline: None }
    }

    pub(super) fn by_sender(&self) -> BySender {
        let of = |secret: &PrekeySecret| secret.public().as_bytes().to_vec();
        let once = once_at(self.once).and_then(|at| self.two.stock.get(at)).map(|secret| {
            let path = self.two.stock().path(INDEX.into()).unwrap_or_default();
            OnceShown { key: of(secret), path }
        });
        BySender {
            keys: vec![self.stated(self.two.keys())],
            signed: of(&self.two.signed),
            once,
            seeds: self.seeds.clone(),
            content: content(&self.sealed),
        }
    }

    fn stated(&self, keys: Keys) -> String {
        self.two.owners(Body::Keys(keys)).compact().to_owned()
    }

    pub(super) fn by_hash(&self) -> ByHash {
        let signature = match Content::parse(&self.sealed.content) {
            Ok((_, Proof::Evidence(signature))) => signature,
            _ => Signature([0; 64]),
        };
        ByHash { envelope: self.sealed.envelope.clone(), hash: self.content.hash(), signature }
    }

    /// The read receipt as its reader writes it.
    fn said(&self) -> ReadReceipt {
        ReadReceipt {
            from: self.two.address(),
            id: self.two.house.own().id(),
            mode: Mode::Evidence,
            salt: Salt(bytes(&self.two.house.chance)),
            deposit: Digest::of(&self.sealed.envelope),
            content: self.content.hash(),
            sender: self.one.name(),
            reader: self.two.name(),
            time: self.two.house.now,
        }
    }

    /// What the reader's box leaves in the sender's.
    fn back(&mut self, content: &Content) -> ShownReceipt {
        let seeds = seeds(&self.two.house);
        let sealed = self.one.seal(content, &self.two.author(), None, &seeds);
        let seq = self.one.leave(self.one.deposit(&sealed.envelope, None));
        ShownReceipt { deposit: self.one.house.receipt(seq), shown: by_reader(&sealed) }
    }

    pub(super) fn read(&mut self, change: impl FnOnce(&mut ReadReceipt)) -> ShownReceipt {
        let mut said = self.said();
        change(&mut said);
        self.back(&Content::Read(said))
    }

    fn with_read(&self, read: ShownReceipt) -> ShownLetter {
        ShownLetter { read: Some(read), ..self.shown(by_reader(&self.sealed)) }
    }
}

fn content(sealed: &Sealed) -> String {
    String::from_utf8_lossy(&sealed.content).into_owned()
}

pub(super) fn by_reader(sealed: &Sealed) -> Way {
    Way::Reader(ByReader { envelope: sealed.envelope.clone(), content: content(sealed) })
}

fn attached(letter: &mut Letter, blobs: &mut Vec<Blob>) {
    for seed in [7, 8] {
        letter.attachments.push(Attachment {
            name: format!("clock {seed}.jpg").try_into().expect("a name"),
            media_type: "image/jpeg".to_owned().try_into().expect("a type"),
            digest: Digest([seed; 32]),
            size: 12_345,
            key: BlobKey([6; 32]),
        });
    }
    // Of the second it is not shown that it was deposited.
    blobs.push(Blob { digest: Digest([7; 32]), size: BlobClass::SMALLEST });
}

/// Letters that hold.
pub(super) fn good(seed: u64) -> Vec<Made> {
    let mut post = Post::new(seed);
    let without = Post::with(seed + 1, Mode::Evidence, None, |_, _| {});
    let files = Post::with(seed + 2, Mode::Evidence, Some(INDEX), attached);
    let long = Post::with(seed + 3, Mode::Evidence, None, |letter, _| {
        letter.text = "tick \"tock\" ".repeat(2_000).try_into().expect("a text");
    });
    let read = post.read(|_| {});
    let of_receipt = ShownLetter {
        sender: post.two.opening(),
        deposit: read.deposit.clone(),
        shown: read.shown.clone(),
        read: None,
        timeline: None,
    };
    let hashed = ShownLetter { shown: Way::Hash(post.by_hash()), ..post.with_read(read.clone()) };
    let made = [
        ("sender", post.shown(Way::Sender(post.by_sender()))),
        ("sender-unkeyed", without.shown(Way::Sender(without.by_sender()))),
        ("reader", post.shown(by_reader(&post.sealed))),
        ("reader-long", long.shown(by_reader(&long.sealed))),
        ("sender-long", long.shown(Way::Sender(long.by_sender()))),
        ("files", files.shown(by_reader(&files.sealed))),
        ("hash", post.shown(Way::Hash(post.by_hash()))),
        ("read", post.with_read(read)),
        ("hash-read", hashed),
        ("receipt", of_receipt),
    ];
    let file = |(name, shown): (&str, ShownLetter)| Made {
        name: format!("good-letter-{name}.letter"),
        bytes: shown.encode().into_bytes(),
    };
    made.into_iter().map(file).collect()
}

fn lie(seed: u64, change: impl FnOnce(&mut Post) -> ShownLetter) -> String {
    change(&mut Post::new(seed)).encode()
}

/// By its reader, after something was done to it.
fn shown(seed: u64, change: impl FnOnce(&mut ShownLetter, &mut Post)) -> String {
    lie(seed, |post| {
        let mut shown = post.shown(by_reader(&post.sealed));
        change(&mut shown, post);
        shown
    })
}

/// By its sender, after something was done to it.
fn sender(seed: u64, change: impl FnOnce(&mut BySender, &mut Post)) -> String {
    lie(seed, |post| {
        let mut by = post.by_sender();
        change(&mut by, post);
        post.shown(Way::Sender(by))
    })
}

fn hash(seed: u64, change: impl FnOnce(&mut ByHash)) -> String {
    lie(seed, |post| {
        let mut by = post.by_hash();
        change(&mut by);
        post.shown(Way::Hash(by))
    })
}

fn read(seed: u64, change: impl FnOnce(&mut ReadReceipt)) -> String {
    lie(seed, |post| {
        let read = post.read(change);
        post.with_read(read)
    })
}

/// Keys of which two actions tell: the signed key alone, and another one with the stock.
fn told_apart(post: &Post) -> [String; 2] {
    let all = post.two.keys();
    [
        post.stated(Keys { stock: None, ..all.clone() }),
        post.stated(Keys { signed: Digest([7; 32]), ..all }),
    ]
}

fn deniable(seed: u64) -> Post {
    Post::with(seed, Mode::Deniable, Some(INDEX), |_, _| {})
}

/// An auction, in which nobody leaves a letter.
static AUCTION: LazyLock<(String, Receipt)> = LazyLock::new(|| {
    let house = scenes::open(5);
    (house.receipt(0).opening, house.receipt(2))
});

/// Files of which nothing is shown, each against one rule.
pub(super) const LIES: &[(&str, Make)] = &[
    ("deniable-by-reader", |seed| {
        let post = deniable(seed);
        post.shown(by_reader(&post.sealed)).encode()
    }),
    ("deniable-by-sender", |seed| {
        let post = deniable(seed);
        post.shown(Way::Sender(post.by_sender())).encode()
    }),
    ("no-sender", |seed| shown(seed, |shown, _| shown.sender.clear())),
    ("an-auction-as-sender", |seed| shown(seed, |shown, _| shown.sender.clone_from(&AUCTION.0))),
    ("keys-as-sender", |seed| {
        shown(seed, |shown, post| shown.sender = post.stated(post.two.keys()))
    }),
    ("impossible-sender", |seed| {
        shown(seed, |shown, _| {
            shown.sender = Mailbox::open_with(seed, |opening| opening.letters = 0).opening();
        })
    }),
    ("the-reader-as-sender", |seed| shown(seed, |shown, post| shown.sender = post.two.opening())),
    ("another-box-as-sender", |seed| {
        shown(seed, |shown, _| shown.sender = Mailbox::new(seed ^ 7).opening())
    }),
    ("receipt-of-the-opening", |seed| {
        shown(seed, |shown, post| shown.deposit = post.two.house.receipt(0))
    }),
    ("receipt-of-keys", |seed| {
        shown(seed, |shown, post| shown.deposit = post.two.house.receipt(1))
    }),
    ("receipt-of-a-bid", |seed| shown(seed, |shown, _| shown.deposit.clone_from(&AUCTION.1))),
    ("receipt-of-another-letter", |seed| {
        shown(seed, |shown, post| shown.deposit = post.another().1)
    }),
    ("receipt-in-another-box", |seed| {
        shown(seed, |shown, post| {
            let seq = post.one.leave(post.one.deposit(&post.sealed.envelope, None));
            shown.deposit = post.one.house.receipt(seq);
        })
    }),
    ("receipt-with-another-head", |seed| {
        shown(seed, |shown, post| shown.deposit.head = post.one.house.receipt(0).head)
    }),
    ("receipt-with-another-path", |seed| {
        shown(seed, |shown, _| shown.deposit.path = vec![Digest([7; 32])])
    }),
    ("receipt-with-another-header", |seed| {
        shown(seed, |shown, post| shown.deposit.header = post.two.house.receipt(0).header)
    }),
    ("receipt-of-another-size", |seed| {
        shown(seed, |shown, post| {
            let mut deposit = post.two.deposit(&post.sealed.envelope, None);
            deposit.envelope.size = BlobClass::of(16_316).unwrap_or(BlobClass::SMALLEST);
            let seq = post.two.leave(deposit);
            shown.deposit = post.two.house.receipt(seq);
        })
    }),
    ("left-once-more-under-another-key", |seed| {
        shown(seed, |shown, post| {
            let signed = Digest([8; 32]);
            let deposit = post.two.deposit(&post.sealed.envelope, None);
            let seq = post.two.leave(Deposit { signed, ..deposit });
            shown.deposit = post.two.house.receipt(seq);
        })
    }),
    ("receipt-that-has-expired", |seed| {
        shown(seed, |shown, post| {
            let expires = Some(post.two.house.now);
            let deposit = post.two.deposit(&post.sealed.envelope, None);
            let seq = post.two.leave(Deposit { expires, ..deposit });
            shown.deposit = post.two.house.receipt(seq);
        })
    }),
    ("content-of-another-letter", |seed| {
        shown(seed, |shown, post| {
            let (envelope, other) = (post.sealed.envelope.clone(), post.another().0);
            shown.shown = Way::Reader(ByReader { envelope, content: content(&other) });
        })
    }),
    ("envelope-of-another-letter", |seed| {
        shown(seed, |shown, post| {
            let (envelope, content) = (post.another().0.envelope, content(&post.sealed));
            shown.shown = Way::Reader(ByReader { envelope, content });
        })
    }),
    ("no-content", |seed| {
        shown(seed, |shown, post| {
            let envelope = post.sealed.envelope.clone();
            shown.shown = Way::Reader(ByReader { envelope, content: String::new() });
        })
    }),
    ("content-spelled-otherwise", |seed| {
        shown(seed, |shown, post| {
            let envelope = post.sealed.envelope.clone();
            let content = content(&post.sealed).replacen(':', ": ", 1);
            shown.shown = Way::Reader(ByReader { envelope, content });
        })
    }),
    ("content-of-another-mode", |seed| {
        shown(seed, |shown, post| {
            let envelope = post.sealed.envelope.clone();
            let content = content(&post.sealed).replacen("\"evidence\"", "\"deniable\"", 1);
            shown.shown = Way::Reader(ByReader { envelope, content });
        })
    }),
    ("content-of-another-text", |seed| {
        shown(seed, |shown, post| {
            let envelope = post.sealed.envelope.clone();
            let content = content(&post.sealed).replacen("It runs.", "It stopped.", 1);
            shown.shown = Way::Reader(ByReader { envelope, content });
        })
    }),
    ("envelope-cut", |seed| {
        shown(seed, |shown, post| {
            let mut envelope = post.sealed.envelope.clone();
            envelope.pop();
            let content = content(&post.sealed);
            shown.shown = Way::Reader(ByReader { envelope, content });
        })
    }),
    ("envelope-changed", |seed| {
        shown(seed, |shown, post| {
            let mut envelope = post.sealed.envelope.clone();
            if let Some(last) = envelope.last_mut() {
                *last ^= 1;
            }
            let content = content(&post.sealed);
            shown.shown = Way::Reader(ByReader { envelope, content });
        })
    }),
    ("other-seeds", |seed| sender(seed, |by, _| by.seeds = Seeds::from_random([7; 32]))),
    ("sent-other-content", |seed| sender(seed, |by, post| by.content = content(&post.another().0))),
    ("sent-no-content", |seed| sender(seed, |by, _| by.content.clear())),
    ("stated-nothing", |seed| sender(seed, |by, _| by.keys.clear())),
    ("stated-twice", |seed| sender(seed, |by, _| by.keys.extend(by.keys.clone()))),
    ("stated-thrice", |seed| {
        sender(seed, |by, post| {
            by.keys = told_apart(post).into();
            by.keys.insert(1, post.stated(post.two.keys()));
        })
    }),
    ("stated-backwards", |seed| {
        sender(seed, |by, post| {
            by.keys = told_apart(post).into();
            by.keys.reverse();
        })
    }),
    ("stated-without-the-stock", |seed| {
        sender(seed, |by, post| by.keys = told_apart(post).into_iter().take(1).collect())
    }),
    ("stated-another-count", |seed| {
        sender(seed, |by, post| {
            let stated = post.two.keys();
            let stock = stated.stock.map(|stock| Stated { count: 4, ..stock });
            by.keys = vec![post.stated(Keys { stock, ..stated })];
        })
    }),
    ("stated-by-another", |seed| {
        sender(seed, |by, post| {
            let body = Body::Keys(post.two.keys());
            by.keys = vec![post.one.owners(body).compact().to_owned()];
        })
    }),
    ("stated-an-opening", |seed| sender(seed, |by, post| by.keys = vec![post.two.opening()])),
    ("another-signed-key", |seed| {
        sender(seed, |by, post| by.signed = post.one.signed.public().as_bytes().to_vec())
    }),
    ("signed-key-cut", |seed| sender(seed, |by, _| by.signed.truncate(1_215))),
    ("no-once", |seed| sender(seed, |by, _| by.once = None)),
    ("another-once", |seed| {
        sender(seed, |by, post| {
            let other = post.two.stock.first().map(PrekeySecret::public);
            if let (Some(once), Some(other)) = (&mut by.once, other) {
                once.key = other.as_bytes().to_vec();
            }
        })
    }),
    ("once-with-another-path", |seed| {
        sender(seed, |by, _| by.once.iter_mut().for_each(|once| _ = once.path.pop()))
    }),
    ("once-where-none-is-named", |seed| {
        let post = Post::with(seed, Mode::Evidence, None, |_, _| {});
        let (key, path) = (post.two.signed.public(), Vec::new());
        let once = Some(OnceShown { key: key.as_bytes().to_vec(), path });
        post.shown(Way::Sender(BySender { once, ..post.by_sender() })).encode()
    }),
    ("one-key-as-both", |seed| {
        lie(seed, |post| {
            // The reader's own fault: the signed key is in the stock, too.
            let secret = *post.two.signed.expose();
            post.two.stock.truncate(3);
            post.two.stock.push(PrekeySecret::from_random(secret));
            let stock = post.two.stock().root();
            let stated = Keys { stock: Some(Stated { root: stock, count: 4 }), ..post.two.keys() };
            let mut by = post.by_sender();
            by.keys = vec![post.stated(stated.clone())];
            post.two.own(Body::Keys(stated));
            let once = Some(OnceKey { stock, index: INDEX });
            let deposit = post.two.deposit(&post.sealed.envelope, None);
            let seq = post.two.leave(Deposit { once, ..deposit });
            post.deposit = post.two.house.receipt(seq);
            post.shown(Way::Sender(by))
        })
    }),
    ("another-hash", |seed| hash(seed, |by| by.hash.0[0] ^= 1)),
    ("another-signature", |seed| hash(seed, |by| by.signature.0[0] ^= 1)),
    ("hash-with-another-envelope", |seed| {
        hash(seed, |by| by.envelope.iter_mut().take(9).for_each(|byte| *byte ^= 1))
    }),
    ("hash-with-no-envelope", |seed| hash(seed, |by| by.envelope.clear())),
    ("signed-by-nobody", |seed| hash(seed, |by| by.signature = Signature([0; 64]))),
    ("read-another-deposit", |seed| read(seed, |said| said.deposit = Digest([7; 32]))),
    ("read-another-content", |seed| read(seed, |said| said.content = Digest([7; 32]))),
    ("read-for-another-box", |seed| read(seed, |said| said.sender = said.reader)),
    ("read-deniably", |seed| read(seed, |said| said.mode = Mode::Deniable)),
    ("read-by-another-box", |seed| {
        lie(seed, |post| {
            let third = Mailbox::new(seed ^ 7);
            let (from, reader) = (third.address(), third.name());
            let content = Content::Read(ReadReceipt { from, reader, ..post.said() });
            let sealed =
                post.one.seal(&content, &third.author(), None, &Seeds::from_random([7; 32]));
            let seq = post.one.leave(post.one.deposit(&sealed.envelope, None));
            let deposit = post.one.house.receipt(seq);
            post.with_read(ShownReceipt { deposit, shown: by_reader(&sealed) })
        })
    }),
    ("read-in-another-box", |seed| {
        lie(seed, |post| {
            let read = post.read(|_| {});
            let deposit = post.two.house.receipt(2);
            post.with_read(ShownReceipt { deposit, ..read })
        })
    }),
    ("read-is-an-answer", |seed| {
        lie(seed, |post| {
            let answer = Content::Letter(letter(&post.two, Mode::Evidence));
            let read = post.back(&answer);
            post.with_read(read)
        })
    }),
    ("read-of-a-receipt", |seed| {
        lie(seed, |post| {
            let read = post.read(|_| {});
            let (sender, deposit) = (post.two.opening(), read.deposit.clone());
            let shown = read.shown.clone();
            ShownLetter { sender, deposit, shown, read: Some(read), timeline: None }
        })
    }),
    ("read-is-the-letter", |seed| {
        lie(seed, |post| {
            let (deposit, shown) = (post.deposit.clone(), by_reader(&post.sealed));
            post.with_read(ShownReceipt { deposit, shown })
        })
    }),
    ("read-kept-back", |seed| {
        lie(seed, |post| {
            let read = post.read(|_| {});
            let Way::Reader(by) = &read.shown else { return post.with_read(read) };
            let shown = Content::parse(by.content.as_bytes()).ok().and_then(|(content, proof)| {
                let Proof::Evidence(signature) = proof else { return None };
                let (envelope, hash) = (by.envelope.clone(), content.hash());
                Some(Way::Hash(ByHash { envelope, hash, signature }))
            });
            post.with_read(ShownReceipt { shown: shown.unwrap_or(read.shown), ..read })
        })
    }),
    ("read-of-another-receipt", |seed| {
        lie(seed, |post| {
            let (read, other) = (post.read(|_| {}), post.read(|_| {}));
            post.with_read(ShownReceipt { deposit: other.deposit, ..read })
        })
    }),
    ("read-twice", |seed| {
        let text = lie(seed, |post| {
            let read = post.read(|_| {});
            post.with_read(read)
        });
        let at = text.find(",\"read\":").unwrap_or_default();
        let (before, read) = text.split_at(at);
        let once = read.trim_end_matches("}}");
        format!("{before}{once}{read}")
    }),
    ("parts-in-another-order", |seed| {
        let text = shown(seed, |_, _| {});
        let at = text.find(",\"deposit\":").unwrap_or_default();
        let (sender, rest) = text.split_at(at);
        let sender = sender.trim_start_matches("{\"letter\":{");
        format!(
            "{{\"letter\":{{{}",
            rest.trim_start_matches(',').replacen(
                ",\"shown\":",
                &format!(",{sender},\"shown\":"),
                1
            )
        )
    }),
    ("cut", |seed| {
        let mut text = shown(seed, |_, _| {});
        text.pop();
        text
    }),
];
