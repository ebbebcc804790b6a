//! What the log says of a letter after it came (SPEC 8.3): files that hold, and lies.

use pregao_protocol::audit::letter::{ShownDeposit, ShownLetter, Timeline, Way};
use pregao_protocol::letter::{Half, Mode};
use pregao_protocol::log::merkle::{Tree, inclusion_path, leaf_hash};
use pregao_protocol::log::{Entry, SeenPath, TimelineEntry};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, Deposit, Empty, HandedHalf, OneLetter, Taken};
use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::value::codec::Digest;

use super::Made;
use super::letters::{Post, by_reader};
use super::lies::Make;

/// Where the letter is, behind the opening and the keys.
const SEQ: u64 = 2;
/// Seconds for which a registered letter may be accepted or declined.
const TIME: u64 = 15 * 24 * 3_600;

const ONE: OneLetter = OneLetter { letter: SEQ };

fn taken() -> Body {
    Body::Taken(Taken { letters: vec![SEQ], told: false })
}

fn handed(half: Half) -> Body {
    Body::Handed(HandedHalf { letter: SEQ, half })
}

impl Post {
    /// A registered letter that holds.
    fn signed_for(seed: u64) -> Self {
        Self::registered(seed, Mode::Evidence, |_, _| {})
    }

    fn accept(mut self) -> Self {
        self.two.house.pass(3);
        self.two.own(Body::Accepted(ONE));
        self
    }

    fn hand(mut self) -> Self {
        let half = self.half.clone().expect("it is registered");
        self.two.house.broker(handed(half));
        self
    }

    fn take(mut self) -> Self {
        self.two.house.pass(4);
        self.two.own(taken());
        self
    }

    fn then(mut self, body: Body) -> Self {
        let brokers = matches!(body, Body::Handed(_) | Body::Lapsed(_));
        if brokers {
            self.two.house.broker(body)
        } else {
            self.two.own(body)
        };
        self
    }

    /// All that is in the log behind the letter.
    fn timeline(&self) -> Timeline {
        self.timeline_of(|_| true)
    }

    fn timeline_of(&self, is_told: impl Fn(u64) -> bool) -> Timeline {
        let house = &self.two.house;
        let leaves = house.logged().map(|logged| leaf_hash(logged.entry.as_bytes()));
        let tree = Tree::new(leaves.collect());
        let told = (SEQ + 1..tree.size()).filter(|seq| is_told(*seq));
        let entries = told.map(|seq| {
            let receipt = house.receipt(seq);
            let entry = Entry::parse(&receipt.entry).expect("an entry");
            let action = Action::parse(&entry.action).expect("an action");
            let names =
                matches!(action.body(), Body::Taken(_) | Body::Accepted(_) | Body::Declined(_));
            let seen = inclusion_path(&tree, SEQ, action.seen().size).filter(|_| names);
            let seen = seen.map(SeenPath);
            TimelineEntry { header: receipt.header, entry: receipt.entry, path: receipt.path, seen }
        });
        let path = tree.path(SEQ).unwrap_or_default();
        Timeline { head: house.note(&[]), path, entries: entries.collect() }
    }

    fn told(&self, shown: Way) -> ShownLetter {
        ShownLetter { timeline: Some(self.timeline()), ..self.shown(shown) }
    }

    fn saying(&self, timeline: Timeline) -> String {
        ShownLetter { timeline: Some(timeline), ..self.shown(by_reader(&self.sealed)) }.encode()
    }

    /// The whole of it by its reader.
    fn file(&self) -> String {
        self.saying(self.timeline())
    }

    fn alone(&self) -> ShownDeposit {
        ShownDeposit { deposit: self.deposit.clone(), timeline: self.timeline() }
    }
}

/// Letters that hold, and what became of others.
pub(super) fn good(seed: u64) -> Vec<Made> {
    let whole = Post::signed_for(seed).accept().hand().take();
    let left = Post::signed_for(seed + 1);
    let declined = Post::signed_for(seed + 2).then(Body::Declined(ONE));
    let mut lapsed = Post::signed_for(seed + 3);
    lapsed.two.house.pass(TIME);
    let lapsed = lapsed.then(Body::Lapsed(ONE));
    let shut = Post::signed_for(seed + 4).accept().hand().then(Body::BoxClosed(Empty {}));
    let junk = Post::registered(seed + 5, Mode::Evidence, |letter, _| {
        letter.sealed.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    });
    let other = Post::registered(seed + 6, Mode::Evidence, |letter, _| {
        letter.commitment = Half::from_random([9; 32]).commitment();
    });
    let unregistered = Post::registered(seed + 7, Mode::Evidence, |_, deposit| {
        deposit.registered = None;
    });
    // Registered for its sender alone: nothing can be handed over for it.
    let unregistered = unregistered.take();
    let mut plain = Post::new(seed + 8).take();
    let read = plain.read(|_| {});
    let deniable = Post::registered(seed + 9, Mode::Deniable, |_, _| {}).accept().hand();
    let (junk, other) = (junk.accept().hand(), other.accept().hand());
    let of_plain = plain.told(by_reader(&plain.sealed));
    let made = [
        ("handed", whole.told(by_reader(&whole.sealed))),
        ("handed-sender", whole.told(Way::Sender(whole.by_sender()))),
        ("handed-hash", whole.told(Way::Hash(whole.by_hash()))),
        ("left", left.shown(by_reader(&left.sealed))),
        ("declined", declined.told(by_reader(&declined.sealed))),
        ("lapsed", lapsed.told(by_reader(&lapsed.sealed))),
        ("shut", shut.told(by_reader(&shut.sealed))),
        ("junk", junk.told(by_reader(&junk.sealed))),
        ("uncommitted", other.told(by_reader(&other.sealed))),
        ("unregistered", unregistered.told(by_reader(&unregistered.sealed))),
        ("taken", of_plain.clone()),
        ("read", ShownLetter { read: Some(read), ..of_plain }),
    ];
    let file = |(name, shown): (&str, ShownLetter)| Made {
        name: format!("good-timeline-{name}.letter"),
        bytes: shown.encode().into_bytes(),
    };
    let alone = [("alone", deniable.alone()), ("alone-taken", plain.alone())];
    let alone = alone.into_iter().map(|(name, shown)| Made {
        name: format!("good-timeline-{name}.deposit"),
        bytes: shown.encode().into_bytes(),
    });
    made.into_iter().map(file).chain(alone).collect()
}

/// What was told of a letter that was handed over and taken, after something was done to that.
fn changed(seed: u64, change: impl FnOnce(&mut Timeline)) -> String {
    let post = Post::signed_for(seed).accept().hand().take();
    let mut timeline = post.timeline();
    change(&mut timeline);
    post.saying(timeline)
}

fn without(seed: u64, left_out: u64) -> String {
    let post = Post::signed_for(seed).accept().hand().take();
    post.saying(post.timeline_of(|seq| seq != left_out))
}

fn alone(seed: u64, change: impl FnOnce(&mut ShownDeposit)) -> String {
    let mut shown = Post::registered(seed, Mode::Deniable, |_, _| {}).accept().hand().alone();
    change(&mut shown);
    shown.encode()
}

fn later(seed: u64, seconds: u64, body: Body) -> Post {
    let mut post = Post::signed_for(seed);
    post.two.house.pass(seconds);
    post.then(body)
}

/// Something that is signed by a key that is not the owner's.
fn by_a_stranger(seed: u64, body: Body) -> String {
    let mut post = Post::signed_for(seed);
    post.two.key = SecretKey::from_seed(&[7; 32]);
    post.then(body).file()
}

/// Files of which each breaks one rule.
pub(super) const LIES: &[(&str, Make)] = &[
    ("nothing-told", |seed| changed(seed, |told| told.entries.clear())),
    ("told-twice", |seed| changed(seed, |told| told.entries.extend(told.entries.last().cloned()))),
    ("told-backwards", |seed| {
        let post = Post::signed_for(seed).then(Body::Declined(ONE));
        let mut timeline = post.timeline();
        let deposit = post.two.house.receipt(SEQ);
        let (header, entry, path) = (deposit.header, deposit.entry, deposit.path);
        timeline.entries.push(TimelineEntry { header, entry, path, seen: None });
        post.saying(timeline)
    }),
    ("told-of-the-opening", |seed| {
        let post = Post::signed_for(seed).accept().hand();
        let mut timeline = post.timeline();
        let opening = post.two.house.receipt(0);
        let (header, entry, path) = (opening.header, opening.entry, opening.path);
        timeline.entries.insert(0, TimelineEntry { header, entry, path, seen: None });
        post.saying(timeline)
    }),
    ("told-without-a-path-of-the-deposit", |seed| changed(seed, |told| told.path.clear())),
    ("told-with-another-path", |seed| {
        changed(seed, |told| {
            told.entries.iter_mut().for_each(|entry| entry.path = vec![Digest([7; 32])]);
        })
    }),
    ("told-with-another-header", |seed| {
        changed(seed, |told| {
            let headers: Vec<String> = told.entries.iter().map(|one| one.header.clone()).collect();
            let other = headers.into_iter().rev();
            told.entries.iter_mut().zip(other).for_each(|(one, header)| one.header = header);
        })
    }),
    ("told-by-a-head-of-before", |seed| {
        let before = Post::signed_for(seed);
        let head = before.two.house.note(&[]);
        let post = before.accept().hand();
        post.saying(Timeline { head, ..post.timeline() })
    }),
    ("told-of-another-log", |seed| {
        // Another letter is at the position there.
        let post = Post::signed_for(seed);
        let other = Post::registered(seed, Mode::Evidence, |_, deposit| {
            deposit.attachments.clear();
        });
        post.saying(other.accept().hand().timeline())
    }),
    ("told-of-another-box", |seed| {
        let post = Post::signed_for(seed).accept().hand();
        let head = post.one.house.note(&[]);
        post.saying(Timeline { head, ..post.timeline() })
    }),
    ("told-of-another-letter-taken", |seed| {
        Post::new(seed).then(Body::Taken(Taken { letters: vec![0, 1], told: false })).file()
    }),
    ("told-of-another-letter-accepted", |seed| {
        let another = OneLetter { letter: 1 };
        Post::signed_for(seed).then(Body::Accepted(another)).file()
    }),
    ("told-of-another-letter-declined", |seed| {
        Post::signed_for(seed).then(Body::Declined(OneLetter { letter: 1 })).file()
    }),
    ("told-of-another-letter-lapsed", |seed| {
        later(seed, TIME, Body::Lapsed(OneLetter { letter: 3 })).file()
    }),
    ("told-of-another-letter-handed", |seed| {
        let post = Post::signed_for(seed).accept();
        let half = post.half.clone().expect("it is registered");
        post.then(Body::Handed(HandedHalf { letter: 3, half })).file()
    }),
    ("told-of-another-deposit", |seed| {
        let mut post = Post::signed_for(seed);
        let expires = Some(post.two.house.now.plus(std::time::Duration::from_secs(60)));
        let deposit = Deposit { expires, ..post.two.any(4) };
        post.two.leave(deposit);
        post.file()
    }),
    ("told-of-keys", |seed| {
        let post = Post::signed_for(seed);
        let keys = post.two.keys();
        post.then(Body::Keys(keys)).file()
    }),
    ("taken-by-a-stranger", |seed| {
        let mut post = Post::new(seed);
        post.two.key = SecretKey::from_seed(&[7; 32]);
        post.then(taken()).file()
    }),
    ("accepted-by-a-stranger", |seed| by_a_stranger(seed, Body::Accepted(ONE))),
    ("declined-by-a-stranger", |seed| by_a_stranger(seed, Body::Declined(ONE))),
    ("closed-by-a-stranger", |seed| by_a_stranger(seed, Body::BoxClosed(Empty {}))),
    ("accepted-by-its-broker", |seed| {
        let mut post = Post::signed_for(seed);
        post.two.house.broker(Body::Accepted(ONE));
        post.file()
    }),
    ("lapsed-by-its-owner", |seed| {
        let mut post = Post::signed_for(seed);
        post.two.house.pass(TIME);
        post.two.own(Body::Lapsed(ONE));
        post.file()
    }),
    ("not-shown-to-be-seen", |seed| {
        changed(seed, |told| told.entries.iter_mut().for_each(|entry| entry.seen = None))
    }),
    ("seen-otherwise", |seed| {
        changed(seed, |told| {
            let seen = told.entries.iter_mut().filter_map(|entry| entry.seen.as_mut());
            seen.for_each(|SeenPath(path)| path.iter_mut().for_each(|hash| hash.0[0] ^= 1));
        })
    }),
    ("seen-with-too-long-a-path", |seed| {
        changed(seed, |told| {
            let seen = told.entries.iter_mut().filter_map(|entry| entry.seen.as_mut());
            seen.for_each(|SeenPath(path)| path.push(Digest([7; 32])));
        })
    }),
    ("seen-by-the-broker", |seed| {
        changed(seed, |told| {
            let seen = told.entries.first().and_then(|entry| entry.seen.clone());
            told.entries.iter_mut().skip(1).take(1).for_each(|entry| entry.seen.clone_from(&seen));
        })
    }),
    ("an-owners-word-of-another-log", |seed| {
        let other = Post::registered(seed, Mode::Evidence, |_, deposit| {
            deposit.attachments.clear();
        });
        let signed = other.two.owners(Body::Accepted(ONE));
        let mut post = Post::signed_for(seed);
        post.two.house.enter(&signed);
        post.hand().file()
    }),
    ("seen-before-it-was-there", |seed| {
        let mut post = Post::new(seed);
        let mut draft = post.two.house.draft(&post.two.house.own(), taken());
        draft.seen = post.two.house.seen_of(2);
        let action = draft.sign_as_owner(&post.two.key).expect("a draft");
        post.two.house.enter(&action);
        let mut timeline = post.timeline();
        timeline.entries.iter_mut().for_each(|entry| entry.seen = Some(SeenPath(Vec::new())));
        post.saying(timeline)
    }),
    ("accepted-and-nothing-else", |seed| Post::signed_for(seed).accept().file()),
    ("handed-and-nothing-else", |seed| Post::signed_for(seed).hand().file()),
    ("handed-without-acceptance", |seed| without(seed, 3)),
    ("accepted-without-half", |seed| without(seed, 4)),
    ("accepted-with-something-between", |seed| {
        let post = Post::signed_for(seed).accept();
        let keys = post.two.keys();
        let post = post.then(Body::Keys(keys)).hand();
        post.saying(post.timeline_of(|seq| seq != 4))
    }),
    ("handed-over-twice", |seed| Post::signed_for(seed).accept().hand().hand().file()),
    ("handed-after-declined", |seed| {
        Post::signed_for(seed).then(Body::Declined(ONE)).hand().file()
    }),
    ("handed-something-else", |seed| {
        let other = Half::from_random([7; 32]);
        Post::signed_for(seed).accept().then(handed(other)).file()
    }),
    ("accepted-though-not-registered", |seed| Post::new(seed).accept().file()),
    ("declined-though-not-registered", |seed| Post::new(seed).then(Body::Declined(ONE)).file()),
    ("lapsed-though-not-registered", |seed| {
        let mut post = Post::new(seed);
        post.two.house.pass(TIME);
        post.then(Body::Lapsed(ONE)).file()
    }),
    ("taken-before-it-was-handed", |seed| Post::signed_for(seed).take().file()),
    ("taken-after-its-end", |seed| {
        // Of a letter that is none to its deposit: what is sealed makes no difference here.
        let now = super::boxes::Mailbox::new(seed ^ 0xb0c5).house.now;
        let expires = Some(now.plus(std::time::Duration::from_secs(4)));
        let post = Post::registered(seed, Mode::Evidence, |_, deposit| {
            (deposit.registered, deposit.expires) = (None, expires);
        });
        post.take().file()
    }),
    ("accepted-too-late", |seed| later(seed, TIME, Body::Accepted(ONE)).hand().file()),
    ("declined-too-late", |seed| later(seed, TIME, Body::Declined(ONE)).file()),
    ("lapsed-too-early", |seed| {
        let mut post = Post::signed_for(seed);
        let almost = std::time::Duration::from_micros(TIME * 1_000_000 - 1);
        post.two.house.now = post.two.house.now.plus(almost);
        post.then(Body::Lapsed(ONE)).file()
    }),
    ("declined-once-more", |seed| {
        Post::signed_for(seed).then(Body::Declined(ONE)).then(Body::Declined(ONE)).file()
    }),
    ("declined-after-it-was-handed", |seed| {
        Post::signed_for(seed).accept().hand().then(Body::Declined(ONE)).file()
    }),
    ("accepted-once-more", |seed| Post::signed_for(seed).accept().hand().accept().hand().file()),
    ("taken-once-more", |seed| Post::new(seed).take().take().file()),
    ("taken-after-declined", |seed| Post::signed_for(seed).then(Body::Declined(ONE)).take().file()),
    ("closed-after-taken", |seed| Post::new(seed).take().then(Body::BoxClosed(Empty {})).file()),
    ("taken-after-closed", |seed| Post::new(seed).then(Body::BoxClosed(Empty {})).take().file()),
    ("closed-by-an-old-stamp", |seed| {
        // The newest stamp is that of the half.
        let mut post = Post::signed_for(seed);
        let closing = post.two.owners(Body::BoxClosed(Empty {}));
        let (stamp, header) = post.two.house.stamp(&closing);
        let mut post = post.accept();
        post.two.house.pass(8);
        let mut post = post.hand();
        post.two.house.log(closing.compact(), stamp, header);
        post.file()
    }),
    ("deniable-with-its-timeline", |seed| {
        Post::registered(seed, Mode::Deniable, |_, _| {}).accept().hand().file()
    }),
    ("alone-without-entries", |seed| alone(seed, |shown| shown.timeline.entries.clear())),
    ("alone-without-half", |seed| alone(seed, |shown| _ = shown.timeline.entries.pop())),
    ("alone-without-a-path", |seed| alone(seed, |shown| shown.deposit.path.clear())),
    ("alone-of-keys", |seed| {
        let post = Post::signed_for(seed).accept().hand();
        let deposit = post.two.house.receipt(1);
        ShownDeposit { deposit, timeline: post.timeline() }.encode()
    }),
    ("alone-with-another-head", |seed| {
        let other = Post::signed_for(seed ^ 7).two.house.note(&[]);
        alone(seed, |shown| shown.timeline.head = other)
    }),
];
