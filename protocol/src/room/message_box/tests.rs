//! The rules of a message box: who may do what, which keys serve whom once, and what it takes in.

use std::time::Duration;

use uuid::Uuid;

use crate::log::stamp::Headers;
use crate::room::action::{Draft, Seen};
use crate::room::body::{
    Blob, Body, BoxOpening, Deposit, Empty, Keys, OnceKey, Stock, Taken, Text,
};
use crate::room::fixture::{F, SECOND, Table, Tsa, at, broker_keys, entry_key, seal_key, text};
use crate::room::kind::Fold as _;
use crate::room::message_box::Letter;
use crate::room::message_box::kept::{KeptError, keep, take_up};
use crate::room::{Code, Kind, MessageBox, Replay, Stamped};
use crate::trust::key::{BoxKey, DepositKey, SecretKey};
use crate::value::blob_class::BlobClass;
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label;

const SMALL: u64 = 4_028;

fn digest(n: u64) -> Digest {
    Digest::of(&n.to_be_bytes())
}

fn blob(n: u64, size: u64) -> Blob {
    Blob { digest: digest(n), size: BlobClass::try_from(size).unwrap() }
}

fn owner_key() -> SecretKey<BoxKey> {
    SecretKey::from_seed(&[41; 32])
}

fn opening(tsa: &Tsa) -> BoxOpening {
    BoxOpening {
        handle: Some(text("ana")),
        about: Some(text("stamps and coins")),
        agreement: seal_key(42),
        letters: 3,
        bytes: 20_000,
        freshness: 10,
        broker: broker_keys(),
        stamps: vec![tsa.public()],
        simulated: false,
    }
}

/// A box with the test's hands on it.
struct Post {
    table: Table,
    count: u64,
}

impl Post {
    fn open(change: impl FnOnce(&mut BoxOpening)) -> Result<Self, Code> {
        let mut tsa = Tsa::new(204);
        let mut opening = opening(&tsa);
        change(&mut opening);
        let id = uuid(0);
        let draft = Draft { id, room: None, body: Body::Box(opening), seen: Seen::nothing() };
        let stamped = tsa.stamp(draft.sign_as_owner(&owner_key()).unwrap(), at(0));
        Table::open(tsa, stamped).map(|table| Self { table, count: 0 })
    }

    /// A box with a signed key (1) and two one-time keys (2).
    fn with_keys() -> Self {
        let mut post = Self::open(|_| {}).unwrap();
        post.own(SECOND, keys(1, Some((2, 2)))).unwrap();
        post
    }

    fn fold(&self) -> &MessageBox {
        MessageBox::of(&self.table.room).expect("a box")
    }

    fn fresh(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn own_at(&mut self, time: u64, body: Body) -> Stamped {
        let id = uuid(self.fresh());
        let (room, seen) = (Some(self.table.name()), self.table.room.ledger().head());
        let action = Draft { id, room, body, seen }.sign_as_owner(&owner_key()).unwrap();
        self.table.tsa.stamp(action, at(time))
    }

    fn own(&mut self, time: u64, body: Body) -> Result<u64, Code> {
        let stamped = self.own_at(time, body);
        self.table.submit(&stamped)
    }

    /// The head that everybody may know.
    fn opened(&self) -> Seen {
        let mut frontier = crate::log::merkle::Frontier::default();
        frontier.push(crate::log::merkle::leaf_hash(self.table.log[0].as_bytes()));
        Seen { size: 1, root: frontier.root() }
    }

    fn guest_at(&mut self, time: u64, body: Body, key: u8, seen: Seen) -> Stamped {
        let id = uuid(self.fresh());
        let draft = Draft { id, room: Some(self.table.name()), body, seen };
        let key = SecretKey::<DepositKey>::from_seed(&[key; 32]);
        let action = draft.sign_as_guest(&key).unwrap();
        self.table.tsa.stamp(action, at(time))
    }

    fn leave(&mut self, time: u64, deposit: Deposit) -> Result<u64, Code> {
        let (seen, key) = (self.opened(), 100 + u8::try_from(self.count).unwrap());
        let stamped = self.guest_at(time, Body::Deposit(deposit), key, seen);
        self.table.submit(&stamped)
    }
}

mod registered;

fn uuid(n: u64) -> Uuid {
    let [a, b, c, d, e, f, g, h] = n.to_be_bytes();
    uuid::Builder::from_random_bytes([7, 7, 7, 7, 7, 7, 7, 7, a, b, c, d, e, f, g, h]).into_uuid()
}

fn keys(signed: u64, stock: Option<(u64, u32)>) -> Body {
    let stock = stock.map(|(root, count)| Stock { root: digest(root), count });
    let count = stock.map_or(0, |stock| u64::from(stock.count));
    let size = BlobClass::holding((1 + count) * 1_216).unwrap();
    Body::Keys(Keys { signed: digest(signed), stock, blob: Blob { digest: digest(signed), size } })
}

/// A letter of the smallest size, sealed to the signed key 1 and one of stock 2.
fn letter(n: u64, index: u32) -> Deposit {
    Deposit {
        envelope: blob(1_000 + n, SMALL),
        attachments: Vec::new(),
        signed: digest(1),
        once: Some(OnceKey { stock: digest(2), index }),
        expires: None,
        registered: None,
    }
}

fn unkeyed(n: u64) -> Deposit {
    Deposit { once: None, ..letter(n, 0) }
}

fn taken(letters: &[u64]) -> Body {
    Body::Taken(Taken { letters: letters.to_vec(), told: false })
}

#[test]
fn letters_come_wait_and_are_taken() {
    let mut post = Post::with_keys();
    assert_eq!(post.table.room.kind(), Kind::MessageBox);
    assert_eq!(post.fold().unused(), 2);
    assert_eq!(post.leave(2 * SECOND, letter(1, 0)), Ok(2));
    assert_eq!(post.leave(2 * SECOND, letter(2, 1)), Ok(3));
    assert_eq!((post.fold().unused(), post.fold().bytes()), (0, 2 * SMALL));
    assert_eq!(post.leave(3 * SECOND, unkeyed(3)), Ok(4));
    let waiting: Vec<u64> = post.fold().waiting().map(|(seq, _)| seq).collect();
    assert_eq!(waiting, [2, 3, 4]);
    post.own(4 * SECOND, taken(&[2, 4])).unwrap();
    let waiting: Vec<u64> = post.fold().waiting().map(|(seq, _)| seq).collect();
    assert_eq!((waiting, post.fold().bytes()), (vec![3], SMALL));
    assert!(!post.table.room.is_complete());
    post.own(5 * SECOND, Body::BoxClosed(Empty {})).unwrap();
    assert!(post.table.room.is_complete());
    assert_eq!((post.fold().waiting().count(), post.fold().bytes()), (0, 0));
}

#[test]
fn v273_the_owner_acts_by_the_key_of_the_box_and_others_by_another_once() {
    let mut post = Post::with_keys();
    let (seen, opened) = (post.table.room.ledger().head(), post.opened());
    for body in [keys(3, None), taken(&[1]), Body::BoxClosed(Empty {})] {
        let stamped = post.guest_at(2 * SECOND, body, 90, seen);
        assert_eq!(post.table.submit(&stamped), Err(Code::VerbAuthor));
    }
    // Its owner leaves no letters by the key of the box: it would name them.
    let own = post.own_at(2 * SECOND, Body::Deposit(letter(1, 0)));
    assert_eq!(post.table.submit(&own), Err(Code::VerbAuthor));
    let stamped = post.guest_at(2 * SECOND, Body::Deposit(letter(1, 0)), 91, opened);
    post.table.submit(&stamped).unwrap();
    let again = post.guest_at(2 * SECOND, Body::Deposit(letter(2, 1)), 91, opened);
    assert_eq!(post.table.submit(&again), Err(Code::KeyReused));
    // The owner's key acts as often as it likes, the same action once.
    let one = post.own_at(2 * SECOND, keys(1, Some((5, 1))));
    post.table.submit(&one).unwrap();
    assert_eq!(post.table.submit(&one), Err(Code::KeyReused));
    assert!(post.own(2 * SECOND, keys(1, Some((6, 1)))).is_ok());
}

#[test]
fn v273_neither_the_broker_nor_a_persona_acts_in_a_box() {
    let mut post = Post::with_keys();
    let closed = crate::room::fixture::close_body();
    assert_eq!(post.table.broker(at(2 * SECOND), closed), Err(Code::VerbKind));
    let say = Body::Say(crate::room::body::Say { text: text("hello") });
    let seen = post.table.room.ledger().head();
    let stamped = post.guest_at(2 * SECOND, say, 92, seen);
    assert_eq!(post.table.submit(&stamped), Err(Code::VerbKind));
    // An entry of the owner under the broker's key is nobody's.
    let id = uuid(900);
    let draft = Draft { id, room: Some(post.table.name()), body: keys(3, None), seen };
    let action = draft.sign_as_broker(&entry_key()).unwrap();
    let stamped = post.table.tsa.stamp(action, at(2 * SECOND));
    assert_eq!(post.table.submit(&stamped), Err(Code::VerbAuthor));
}

#[test]
fn v274_terms_are_within_bounds() {
    let most = label::MAX_LETTERS;
    let good: [fn(&mut BoxOpening); 5] = [
        |o| (o.handle, o.about) = (None, None),
        |o| (o.letters, o.bytes) = (1, SMALL),
        |o| (o.letters, o.bytes) = (label::MAX_LETTERS, label::MAX_BOX),
        |o| o.freshness = 1,
        |o| o.freshness = 60,
    ];
    for change in good {
        assert!(Post::open(change).is_ok());
    }
    assert_eq!(most, 10_000);
    let bad: [fn(&mut BoxOpening); 9] = [
        |o| o.letters = 0,
        |o| o.letters = label::MAX_LETTERS + 1,
        |o| o.bytes = SMALL - 1,
        |o| o.bytes = label::MAX_BOX + 1,
        |o| o.freshness = 0,
        |o| o.freshness = 61,
        |o| o.stamps = vec![o.stamps[0]; 9],
        |o| o.broker.delivery = crate::trust::seal::SealPublic([0; 32]),
        |o| o.letters = u32::MAX,
    ];
    for (n, change) in bad.into_iter().enumerate() {
        assert_eq!(Post::open(change).err(), Some(Code::BoxTerms), "{n}");
    }
}

#[test]
fn v275_who_leaves_a_letter_has_seen_the_opening_and_nothing_else() {
    let mut post = Post::with_keys();
    let opened = post.opened();
    let head = post.table.room.ledger().head();
    let other = Seen { size: 1, root: digest(9) };
    for seen in [head, other, Seen { size: 2, root: opened.root }] {
        let stamped = post.guest_at(2 * SECOND, Body::Deposit(letter(1, 0)), 93, seen);
        assert_eq!(post.table.submit(&stamped), Err(Code::SeenFalse), "{seen:?}");
    }
    // However long ago that was, and whatever came since.
    let late = 100 * F;
    let stamped = post.guest_at(late, Body::Deposit(letter(1, 0)), 93, opened);
    assert!(post.table.submit(&stamped).is_ok());
    // Of its owner more is asked.
    let id = uuid(901);
    let draft = Draft { id, room: Some(post.table.name()), body: keys(8, None), seen: opened };
    let action = draft.sign_as_owner(&owner_key()).unwrap();
    let stamped = post.table.tsa.stamp(action, at(late + F + SECOND));
    assert_eq!(post.table.submit(&stamped), Err(Code::SeenStale));
}

#[test]
fn v276_keys_are_published_once_and_a_bounded_number_at_a_time() {
    let mut post = Post::with_keys();
    // The last brings nothing new.
    for bad in [keys(2, None), keys(1, Some((2, 1))), keys(3, Some((1, 1))), keys(1, None)] {
        assert_eq!(post.own(2 * SECOND, bad.clone()), Err(Code::BoxKeys), "{bad:?}");
    }
    for count in [0, label::MAX_STOCK + 1] {
        assert_eq!(post.own(2 * SECOND, keys(3, Some((4, count)))), Err(Code::BoxKeys));
    }
    // More of the stock under the same signed key, then another signed key.
    post.own(2 * SECOND, keys(1, Some((4, label::MAX_STOCK)))).unwrap();
    post.own(3 * SECOND, keys(3, None)).unwrap();
    assert_eq!(post.fold().signed(), Some(digest(3)));
    assert_eq!(post.own(4 * SECOND, keys(1, None)), Err(Code::BoxKeys));
}

#[test]
fn v276_the_keys_lie_in_a_blob_of_the_size_for_so_many() {
    let mut post = Post::with_keys();
    let of = |count: u32, size: u64| {
        let stock = Some(Stock { root: digest(4), count });
        Body::Keys(Keys { signed: digest(1), stock, blob: blob(9, size) })
    };
    // Three keys fit 4,028 bytes, with the signed one; a fourth does not.
    for (count, size) in [(1, 16_316), (2, 16_316), (3, SMALL), (12, 65_451), (256, 261_804)] {
        assert_eq!(post.own(2 * SECOND, of(count, size)), Err(Code::BoxKeys), "{count} in {size}");
    }
    post.own(2 * SECOND, of(2, SMALL)).unwrap();
}

#[test]
fn v277_a_letter_is_sealed_to_the_signed_key_of_now_and_a_one_time_key_that_no_other_used() {
    let mut post = Post::open(|_| {}).unwrap();
    assert_eq!(post.leave(SECOND, unkeyed(1)), Err(Code::DepositKeys));
    post.own(SECOND, keys(1, Some((2, 2)))).unwrap();
    let unknown = Deposit { once: Some(OnceKey { stock: digest(3), index: 0 }), ..letter(1, 0) };
    for bad in [letter(1, 2), unknown, Deposit { signed: digest(4), ..letter(1, 0) }] {
        assert_eq!(post.leave(2 * SECOND, bad.clone()), Err(Code::DepositKeys), "{bad:?}");
    }
    post.leave(2 * SECOND, letter(1, 1)).unwrap();
    let twice = OnceKey { stock: digest(2), index: 1 };
    assert!(!post.fold().is_unused(&twice));
    assert_eq!(post.leave(2 * SECOND, letter(2, 1)), Err(Code::DepositKeyUsed));
    // Once it is replaced nothing is sealed to the old signed key; stocks go on.
    post.own(3 * SECOND, keys(5, None)).unwrap();
    assert_eq!(post.leave(4 * SECOND, letter(3, 0)), Err(Code::DepositKeys));
    let renewed = Deposit { signed: digest(5), ..letter(3, 0) };
    assert!(post.leave(4 * SECOND, renewed).is_ok());
}

#[test]
fn v277_the_oldest_stock_lapses_when_there_are_too_many() {
    let mut post = Post::with_keys();
    let first = OnceKey { stock: digest(2), index: 0 };
    for n in 0..label::MAX_STOCKS as u64 - 1 {
        post.own(2 * SECOND, keys(1, Some((50 + n, 1)))).unwrap();
        assert!(post.fold().is_unused(&first), "{n}");
    }
    post.own(2 * SECOND, keys(1, Some((80, 1)))).unwrap();
    assert_eq!(post.fold().stocks().count(), label::MAX_STOCKS);
    assert_eq!(post.leave(3 * SECOND, letter(1, 0)), Err(Code::DepositKeys));
}

#[test]
fn v278_the_same_envelope_comes_once() {
    let mut post = Post::with_keys();
    post.leave(2 * SECOND, unkeyed(1)).unwrap();
    assert_eq!(post.leave(2 * SECOND, unkeyed(1)), Err(Code::DepositTwice));
    assert_eq!(post.leave(2 * SECOND, letter(1, 0)), Err(Code::DepositTwice));
    // Also once it was taken.
    post.own(3 * SECOND, taken(&[2])).unwrap();
    assert_eq!(post.leave(4 * SECOND, unkeyed(1)), Err(Code::DepositTwice));
}

#[test]
fn v279_a_letter_is_one_record_and_a_few_attachments() {
    let larger = 130_902;
    let with = |attachments: Vec<Blob>| Deposit { attachments, ..letter(1, 0) };
    let mut post = Post::open(|o| o.bytes = label::MAX_BOX).unwrap();
    post.own(SECOND, keys(1, Some((2, 2)))).unwrap();
    let many = |count: u64| (0..count).map(|n| blob(n, larger)).collect::<Vec<_>>();
    let most = label::MAX_ATTACHMENTS as u64;
    for bad in [
        Deposit { envelope: blob(1, larger), ..letter(1, 0) },
        with(many(most + 1)),
        with(vec![blob(5, larger), blob(5, larger)]),
        with(vec![blob(1_001, larger)]),
    ] {
        assert_eq!(post.leave(2 * SECOND, bad.clone()), Err(Code::DepositSize), "{bad:?}");
    }
    post.leave(2 * SECOND, with(many(most))).unwrap();
    assert_eq!(post.fold().bytes(), SMALL + most * larger);
}

#[test]
fn v280_a_full_box_takes_no_more_until_something_is_taken() {
    let mut post = Post::with_keys();
    for n in 0..3 {
        post.leave(2 * SECOND, unkeyed(n)).unwrap();
    }
    assert_eq!(post.leave(2 * SECOND, unkeyed(3)), Err(Code::DepositFull));
    post.own(3 * SECOND, taken(&[3])).unwrap();
    post.leave(4 * SECOND, unkeyed(3)).unwrap();
    // By bytes: 20,000 are four letters of 4,028 and not five; or to the last byte.
    let mut post = Post::open(|o| (o.letters, o.bytes) = (100, 4 * SMALL)).unwrap();
    post.own(SECOND, keys(1, None)).unwrap();
    for n in 0..4 {
        post.leave(2 * SECOND, unkeyed(n)).unwrap();
    }
    assert_eq!(post.leave(2 * SECOND, unkeyed(4)), Err(Code::DepositFull));
}

fn ending(n: u64, expires: Time) -> Deposit {
    Deposit { expires: Some(expires), ..unkeyed(n) }
}

#[test]
fn v281_a_letter_that_ends_makes_room_at_its_time() {
    let mut post = Post::with_keys();
    let stamped = at(2 * SECOND);
    let longest = stamped.plus(Duration::from_secs(label::LONGEST_EXPIRY));
    let micro = Duration::from_micros(1);
    for bad in [stamped, stamped.minus(micro), longest.plus(micro)] {
        assert_eq!(post.leave(2 * SECOND, ending(1, bad)), Err(Code::DepositExpiry));
    }
    post.leave(2 * SECOND, ending(1, longest)).unwrap();
    post.leave(2 * SECOND, ending(2, stamped.plus(micro))).unwrap();
    post.leave(2 * SECOND, ending(3, at(9 * SECOND))).unwrap();
    assert_eq!(post.fold().next_end(), Some(stamped.plus(micro)));
    assert_eq!(post.leave(2 * SECOND, unkeyed(4)), Err(Code::DepositFull));
    // A microsecond later one of them is over, and no entry says so.
    post.leave(2 * SECOND + 1, unkeyed(4)).unwrap();
    assert_eq!(post.leave(9 * SECOND - 1, unkeyed(5)), Err(Code::DepositFull));
    post.leave(9 * SECOND, unkeyed(5)).unwrap();
    assert_eq!(post.own(10 * SECOND, taken(&[4])), Err(Code::TakenLetter));
}

#[test]
fn v282_only_letters_that_wait_are_taken_each_once() {
    let mut post = Post::with_keys();
    for n in 0..3 {
        post.leave(2 * SECOND, unkeyed(n)).unwrap();
    }
    let too_many: Vec<u64> = (2..=2 + label::MAX_TAKEN as u64).collect();
    for bad in [&[][..], &[0], &[1], &[5], &[2, 2], &[3, 2], &[2, 5], &too_many] {
        assert_eq!(post.own(3 * SECOND, taken(bad)), Err(Code::TakenLetter), "{bad:?}");
    }
    post.own(3 * SECOND, taken(&[2, 3])).unwrap();
    assert_eq!(post.own(3 * SECOND, taken(&[3, 4])), Err(Code::TakenLetter));
}

#[test]
fn v282_what_its_owner_had_not_seen_is_not_taken() {
    let mut post = Post::with_keys();
    post.leave(2 * SECOND, unkeyed(1)).unwrap();
    // Drawn up before the last letter came, which it names.
    let early = post.own_at(3 * SECOND, taken(&[2, 3]));
    let of_all = post.own_at(3 * SECOND, taken(&[2]));
    post.leave(3 * SECOND, unkeyed(2)).unwrap();
    assert_eq!(post.table.submit(&early), Err(Code::TakenLetter));
    post.table.submit(&of_all).unwrap();
    post.own(3 * SECOND, taken(&[3])).unwrap();
}

#[test]
fn v282_what_has_ended_by_the_stamp_of_the_very_entry_is_not_taken() {
    let ending = || {
        let mut post = Post::with_keys();
        let expires = Some(at(5 * SECOND));
        post.leave(2 * SECOND, Deposit { expires, ..unkeyed(1) }).unwrap();
        post
    };
    let mut post = ending();
    let in_time = post.own_at(5 * SECOND - 1, taken(&[2]));
    assert_eq!(post.own(5 * SECOND, taken(&[2])), Err(Code::TakenLetter));
    assert_eq!(post.own(6 * SECOND, taken(&[2])), Err(Code::TakenLetter));
    post.table.submit(&in_time).unwrap();
    // By a stamp of before, once the log is later than that.
    let mut post = ending();
    let early = post.own_at(5 * SECOND - 1, taken(&[2]));
    post.leave(5 * SECOND, unkeyed(2)).unwrap();
    assert_eq!(post.table.submit(&early), Err(Code::TakenLetter));
}

#[test]
fn v283_nothing_follows_a_closed_box() {
    let mut post = Post::with_keys();
    post.leave(2 * SECOND, unkeyed(1)).unwrap();
    post.own(3 * SECOND, Body::BoxClosed(Empty {})).unwrap();
    for body in [keys(3, None), taken(&[2]), Body::BoxClosed(Empty {})] {
        assert_eq!(post.own(4 * SECOND, body), Err(Code::VerbPhase));
    }
    assert_eq!(post.leave(4 * SECOND, unkeyed(2)), Err(Code::VerbPhase));
}

#[test]
fn what_can_be_said_without_the_log_is_said() {
    let mut post = Post::with_keys();
    let opening = post.fold().opening().clone();
    let good = post.own_at(2 * SECOND, keys(3, None));
    assert_eq!(MessageBox::judge_alone(&opening, &good), Ok(()));
    let bad = [
        (keys(3, Some((4, 0))), Code::BoxKeys),
        (taken(&[]), Code::TakenLetter),
        (Body::Withdraw(Empty {}), Code::VerbKind),
    ];
    for (body, code) in bad {
        let stamped = post.own_at(2 * SECOND, body);
        assert_eq!(MessageBox::judge_alone(&opening, &stamped), Err(code));
    }
}

#[test]
fn a_handle_is_a_text_that_can_be_seen() {
    for bad in ["", " ", "a\u{202e}b", "\n"] {
        assert!(Text::<32>::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
    assert!(Text::<32>::try_from("a".repeat(33)).is_err());
    assert!(Text::<200>::try_from("a".repeat(200)).is_ok());
}

/// A box in which much has happened.
fn lived_in() -> Post {
    let mut post = Post::with_keys();
    post.leave(2 * SECOND, letter(1, 0)).unwrap();
    let ends = Deposit { expires: Some(at(100 * SECOND)), ..unkeyed(2) };
    post.leave(3 * SECOND, ends).unwrap();
    post.own(40 * SECOND, taken(&[2])).unwrap();
    post.own(41 * SECOND, keys(3, Some((4, 2)))).unwrap();
    let renewed = Deposit { signed: digest(3), ..letter(3, 1) };
    post.leave(42 * SECOND, renewed).unwrap();
    post.own(43 * SECOND, keys(5, None)).unwrap();
    post
}

fn opening_of(post: &Post) -> String {
    post.table.receipt(0).opening
}

/// A replay of the first entries.
fn replayed(post: &Post, count: usize) -> Replay {
    let mut replay = Replay::new();
    push(&mut replay, post, 0..count);
    replay
}

fn push(replay: &mut Replay, post: &Post, of: std::ops::Range<usize>) {
    for logged in post.table.logged().skip(of.start).take(of.len()) {
        let mut headers = Headers::of(&[logged.header], 1).unwrap();
        replay.push_of(logged.entry, &mut headers).unwrap();
    }
}

#[test]
fn v299_a_box_is_gone_on_with_from_wherever_it_was_kept() {
    let post = lived_in();
    let opening = opening_of(&post);
    let whole = keep(&post.table.room, &opening).unwrap();
    let size = post.table.log.len();
    for at in 1..=size {
        let kept = keep(replayed(&post, at).room().unwrap(), &opening).unwrap();
        let mut taken_up = take_up(&kept).unwrap();
        assert_eq!(keep(taken_up.room().unwrap(), &opening).unwrap(), kept);
        push(&mut taken_up, &post, at..size);
        let room = taken_up.room().unwrap();
        assert_eq!(room.ledger().head(), post.table.room.ledger().head());
        assert_eq!(keep(room, &opening).unwrap(), whole, "{at}");
        let fold = MessageBox::of(room).unwrap();
        assert_eq!((fold.bytes(), fold.next_end()), (2 * SMALL, post.fold().next_end()));
    }
}

#[test]
fn v299_what_is_taken_up_refuses_what_the_box_refuses() {
    let mut post = lived_in();
    let opened = post.opened();
    let letters = [
        (Deposit { signed: digest(5), ..letter(4, 0) }, Code::DepositKeyUsed),
        (Deposit { signed: digest(5), ..letter(4, 1) }, Code::DepositKeyUsed),
        (Deposit { signed: digest(3), ..unkeyed(4) }, Code::DepositKeys),
    ];
    let mut refused = Vec::new();
    for (letter, code) in letters {
        refused.push((post.guest_at(44 * SECOND, Body::Deposit(letter), 200, opened), code));
    }
    let good = Deposit { signed: digest(5), ..unkeyed(5) };
    let reused = post.guest_at(44 * SECOND, Body::Deposit(good.clone()), 101, opened);
    refused.push((reused, Code::KeyReused));
    refused.push((post.own_at(44 * SECOND, keys(3, None)), Code::BoxKeys));
    refused.push((post.own_at(44 * SECOND, keys(6, Some((4, 2)))), Code::BoxKeys));
    refused.push((post.own_at(44 * SECOND, taken(&[2])), Code::TakenLetter));
    let kept = keep(&post.table.room, &opening_of(&post)).unwrap();
    let taken_up = take_up(&kept).unwrap();
    let room = taken_up.room().unwrap();
    for (stamped, code) in refused {
        assert_eq!(post.table.room.judge(&stamped).unwrap_err(), code);
        assert_eq!(room.judge(&stamped).unwrap_err(), code);
    }
    let stamped = post.guest_at(45 * SECOND, Body::Deposit(good), 201, opened);
    assert!(room.judge(&stamped).is_ok());
}

#[test]
fn v299_what_is_no_kept_box_is_not_taken_up() {
    let post = lived_in();
    let opening = opening_of(&post);
    let kept = keep(&post.table.room, &opening).unwrap();
    let text = String::from_utf8(kept).unwrap();
    let size = format!("\"size\":{}", post.table.log.len());
    let head = post.table.room.ledger().head().root.to_string();
    assert!(take_up(text.as_bytes()).is_ok() && text.contains(&size) && text.contains(&head[..42]));
    for other in [
        String::new(),
        "{}".to_owned(),
        text[..text.len() - 1].to_owned(),
        text.replacen("\"v\":2", "\"v\":1", 1),
        text.replacen("\"v\":2", "\"v\":2,\"w\":1", 1),
        text.replacen(&size, "\"size\":0", 1),
        text.replacen(&size, "\"size\":9", 1),
        text.replacen(&opening, &opening[1..], 1),
    ] {
        assert_eq!(take_up(other.as_bytes()).unwrap_err(), KeptError, "{other}");
    }
    let auction = Table::auction();
    assert!(keep(&auction.room, &auction.receipt(0).opening).is_none());
    assert!(keep(&post.table.room, &auction.receipt(0).opening).is_none());
}

/// What a box of 100,000 letters takes to be taken up: run with `--ignored` and `--nocapture`, as the bench notes say.
#[test]
#[ignore = "measures; asserts nothing about time"]
fn a_box_of_a_hundred_thousand_letters_is_taken_up() {
    let mut post = Post::open(|opening| {
        opening.letters = label::MAX_LETTERS;
        opening.bytes = label::MAX_BOX;
    })
    .unwrap();
    post.own(SECOND, keys(1, Some((2, 2)))).unwrap();
    let kept = keep(&post.table.room, &opening_of(&post)).unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    // As many keys and envelopes as such a log has, and as many letters as may wait.
    let many = |from: u64| -> String {
        let bytes: Vec<u8> = (from..from + 100_000).flat_map(|n| digest(n).0).collect();
        crate::value::codec::to_base64url(&bytes)
    };
    value["ledger"]["used"] = many(1_000).into();
    value["fold"]["came"] = many(1_000_000).into();
    let letter = serde_json::to_value(Letter {
        envelope: blob(1, SMALL),
        attachments: vec![blob(2, SMALL); 8],
        signed: digest(1),
        once: Some(OnceKey { stock: digest(2), index: 0 }),
        bytes: 9 * SMALL,
        expires: Some(at(SECOND)),
        registered: None,
    })
    .unwrap();
    let waiting: Vec<serde_json::Value> =
        (2..10_002).map(|seq| serde_json::json!([seq, letter])).collect();
    value["fold"]["waiting"] = waiting.into();
    let kept = serde_json::to_vec(&value).unwrap();
    println!("{} bytes", kept.len());
    for _ in 0..10 {
        assert!(take_up(&kept).is_ok());
    }
}
