use super::*;
use crate::audit::letter::fixture::{Mailbox, Post as Letters, halves, mailbox};
use crate::audit::letter::{Happened, NotInTime};
use crate::letter::Mode;
use crate::letter::fixture::id;
use crate::log::SeenPath;
use crate::log::merkle::{Tree, consistency_path, leaf_hash};
use crate::room::action::Draft;
use crate::room::body::{Body, Empty, HandedHalf, Keys, OneLetter, Taken};
use crate::room::fixture::{SECOND, at};
use crate::trust::key::{BoxKey, SecretKey};
use crate::value::codec::Digest;

/// When a registered letter that was left at three seconds lapses.
const OVER: u64 = 15 * 24 * 3_600 * SECOND + 3 * SECOND;

/// A box with two letters, at 2 and 3.
struct Post {
    made: Mailbox,
    first: Receipt,
    second: Receipt,
    acts: u64,
}

fn post() -> Post {
    let mut made = mailbox(1);
    let envelope = |n: u8| vec![n; 4_028];
    let deposit = made.deposit(&envelope(1), true);
    let first = made.leave(deposit);
    let deposit = made.deposit(&envelope(2), false);
    let second = made.leave(deposit);
    Post { made, first, second, acts: 0 }
}

/// Nothing was told yet.
fn met(head: &str) -> Before<'_> {
    Before { head, told: None }
}

fn taken(letters: &[u64], told: bool) -> Body {
    Body::Taken(Taken { letters: letters.to_vec(), told })
}

fn lie(why: NotInTime) -> ToldError {
    ToldError::Timeline(NotShown::Timeline(why))
}

/// What an honest broker answers about the deposit at a position that shows these entries.
fn answer(made: &Mailbox, deposit: u64, from: u64, seqs: &[u64]) -> Answer {
    let Timeline { head, path, entries } = made.timeline(deposit, seqs);
    let tree = made.table.tree();
    let consistency = consistency_path(&tree, from, tree.size()).unwrap();
    Answer { head, consistency, path, entries }
}

fn happened(told: &VerifiedTold) -> Vec<(Happened, u64)> {
    told.events().iter().map(|event| (event.happened, event.shown.seq)).collect()
}

impl Post {
    /// The owner acts; the position.
    fn own(&mut self, body: Body) -> u64 {
        let key = SecretKey::from_seed(&[1; 32]);
        let stamped = self.signed(&key, body);
        self.made.table.submit(&stamped).unwrap()
    }

    fn signed(&mut self, key: &SecretKey<BoxKey>, body: Body) -> crate::room::Stamped {
        self.acts += 1;
        let seen = self.made.table.room.ledger().head();
        let id = id(u128::from(self.acts) + 900);
        let draft = Draft { id, room: Some(self.made.owner.name), body, seen };
        let action = draft.sign_as_owner(key).unwrap();
        self.made.table.tsa.stamp(action, at(SECOND * (10 + self.acts)))
    }

    /// What the first depositor is told by a broker that shows these.
    fn answer(&self, seqs: &[u64]) -> Answer {
        answer(&self.made, 2, 3, seqs)
    }

    /// What they make of it.
    fn hear(&self, answer: &Answer) -> Result<VerifiedTold, ToldError> {
        told(&self.first, met(&self.first.head), answer)
    }

    fn hear_of(&self, seqs: &[u64]) -> Result<VerifiedTold, ToldError> {
        self.hear(&self.answer(seqs))
    }
}

#[test]
fn v353_what_is_told_is_under_a_head_that_goes_on_from_the_one_met_before() {
    let mut post = post();
    assert_eq!(happened(&post.hear_of(&[]).unwrap()), []);
    let at = post.own(taken(&[2], true));
    let told = post.hear_of(&[at]).unwrap();
    assert_eq!((happened(&told), told.size), (vec![(Happened::Taken, 4)], 5));
    // It convinces others: it is a timeline, and each entry a receipt.
    let (timeline, _) = told.happened.clone().unwrap();
    let shown = ShownDeposit { deposit: post.first.clone(), timeline };
    assert_eq!(ShownDeposit::parse(&shown.encode()).unwrap().verify().unwrap().receipt.seq, 2);
    assert_eq!(verify::receipt(&told.events()[0].receipt).unwrap().seq, 4);
    // With nothing new, too.
    let now = post.made.table.head();
    let again = Answer { consistency: Vec::new(), ..post.answer(&[at]) };
    let again = super::told(&post.first, met(&now), &again).unwrap();
    assert_eq!(happened(&again), happened(&told));
}

#[test]
fn v353_a_log_that_is_shorter_or_another_is_not_believed() {
    let mut post = post();
    let before = post.answer(&[]);
    post.own(taken(&[2], true));
    let now = post.answer(&[]);
    let way = now.consistency.clone();
    let hear = |head_met: &str, answer: &Answer, head: &str, way: &[Digest]| {
        let (head, consistency) = (head.to_owned(), way.to_vec());
        let answer = Answer { head, consistency, ..answer.clone() };
        super::told(&post.first, met(head_met), &answer).unwrap_err()
    };
    let shorter = hear(&now.head, &before, &before.head, &[]);
    assert_eq!(shorter, ToldError::Shorter { met: 5, shown: 4 });
    let other = Digest([7; 32]);
    let forked = |size| post.made.table.head_over(size, other);
    for (head_met, head, way) in [
        (&post.first.head, &forked(5), way.as_slice()),
        (&post.first.head, &now.head, &[]),
        (&post.first.head, &now.head, &way[1..]),
        (&before.head, &now.head, way.as_slice()),
        // Of the same size, and another: that is a fork for everybody.
        (&now.head, &forked(5), &[]),
    ] {
        assert!(matches!(hear(head_met, &now, head, way), ToldError::Fork(_)));
    }
    // Heads of another log, and words that are none.
    let strange = mailbox(2).table.head();
    let hear = |head_met: &str, head: &str| hear(head_met, &now, head, &way);
    assert!(matches!(hear(&post.first.head, &strange), ToldError::Head(_)));
    assert!(matches!(hear(&post.first.head, ""), ToldError::Head(_)));
    assert!(matches!(hear(&strange, &now.head), ToldError::Receipt(_)));
    let mut receipt = post.first.clone();
    receipt.path.clear();
    let heard = super::told(&receipt, met(&post.first.head), &now);
    assert!(matches!(heard, Err(ToldError::Receipt(_))));
}

#[test]
fn v362_the_deposit_is_shown_to_be_in_the_log_of_the_head() {
    let mut post = post();
    let closed = post.own(Body::BoxClosed(Empty {}));
    for seqs in [&[][..], &[closed]] {
        let good = post.answer(seqs);
        assert!(post.hear(&good).is_ok());
        let mut changed = good.path.clone();
        changed[0].0[0] ^= 1;
        let longer = [good.path.as_slice(), &[Digest([1; 32])]].concat();
        // That of the receipt was to the root of then; that of the second leads from another entry.
        let theirs = answer(&post.made, 3, 3, &[]).path;
        for path in
            [changed, longer, Vec::new(), good.path[1..].to_vec(), post.first.path.clone(), theirs]
        {
            let heard = post.hear(&Answer { path, ..good.clone() });
            assert!(matches!(heard, Err(ToldError::Gone(_))), "{heard:?}");
        }
    }
}

#[test]
fn v354_an_entry_that_is_about_another_deposit_or_may_not_be_told_is_a_lie() {
    let mut post = post();
    let other = post.own(taken(&[3], true));
    let silent = post.own(taken(&[2], false));
    let keys = post.made.stated();
    let signed = Digest([9; 32]);
    let keys = post.own(Body::Keys(Keys { stock: None, signed, ..keys_alone(&keys) }));
    let closed = post.own(Body::BoxClosed(Empty {}));
    // The second's deposit, too.
    for seq in [other, keys, 3] {
        assert_eq!(post.hear_of(&[seq]), Err(lie(NotInTime::Other)), "{seq}");
    }
    // Its own deposit, and what came before it.
    for seq in [0, 1, 2] {
        assert_eq!(post.hear_of(&[seq]), Err(lie(NotInTime::Form)), "{seq}");
    }
    assert_eq!(post.hear_of(&[silent]), Err(ToldError::Untold { seq: silent }));
    let heard = post.hear_of(&[closed]).unwrap();
    assert_eq!(happened(&heard), [(Happened::BoxClosed, closed)]);
    // Another's path, another's header, a changed entry.
    let good = post.answer(&[closed]);
    let entry = good.entries[0].clone();
    let theirs = post.answer(&[other]).entries.remove(0);
    for bad in [
        TimelineEntry { path: theirs.path.clone(), ..entry.clone() },
        TimelineEntry { path: Vec::new(), ..entry.clone() },
        TimelineEntry { header: theirs.header.clone(), ..entry.clone() },
        TimelineEntry { header: String::new(), ..entry.clone() },
        TimelineEntry { entry: entry.entry.replace(":7,", ":6,"), ..entry.clone() },
        TimelineEntry { entry: String::new(), ..entry.clone() },
    ] {
        let heard = post.hear(&Answer { entries: vec![bad], ..good.clone() });
        let is_it =
            matches!(heard, Err(ToldError::Timeline(NotShown::Timeline(NotInTime::Entry(_)))));
        assert!(is_it, "{heard:?}");
    }
    // The depositor of the second hears of the first `taken`, and the first's is none of theirs.
    let second = |seqs: &[u64]| {
        super::told(&post.second, met(&post.second.head), &answer(&post.made, 3, 4, seqs))
    };
    assert_eq!(happened(&second(&[other]).unwrap()), [(Happened::Taken, other)]);
    assert_eq!(second(&[silent]), Err(lie(NotInTime::Other)));
    // What is told to the first does not do for the second.
    let heard = super::told(&post.second, met(&post.second.head), &answer(&post.made, 2, 4, &[]));
    assert!(matches!(heard, Err(ToldError::Gone(_))));
}

fn keys_alone(keys: &Keys) -> Keys {
    use crate::value::blob_class::BlobClass;
    let size = BlobClass::holding(1_216).unwrap();
    Keys { blob: crate::room::body::Blob { size, ..keys.blob }, ..keys.clone() }
}

#[test]
fn v354_an_entry_of_another_box_is_none_of_this_ones() {
    let mut post = post();
    let mut strange = super::tests::post();
    strange.made = mailbox(2);
    strange.made.leave(strange.made.deposit(&[1; 4_028], true));
    let key = SecretKey::from_seed(&[2; 32]);
    let stamped = strange.signed(&key, taken(&[2], true));
    let theirs = strange.made.table.submit(&stamped).unwrap();
    let taken = post.own(taken(&[2], true));
    let good = post.answer(&[taken]);
    assert!(post.hear(&good).is_ok());
    // All of it, whatever is kept of what is true.
    let other = answer(&strange.made, 2, 3, &[theirs]);
    let entries = Answer { entries: other.entries.clone(), ..good.clone() };
    assert!(matches!(post.hear(&entries), Err(ToldError::Timeline(_))));
    let heard = post.hear(&Answer { head: other.head.clone(), ..good.clone() });
    assert!(matches!(heard, Err(ToldError::Head(_))));
    assert!(matches!(post.hear(&other), Err(ToldError::Head(_))));
}

#[test]
fn v354_entries_come_once_and_in_the_order_of_the_log() {
    let mut post = post();
    let taken = post.own(taken(&[2], true));
    let closed = post.own(Body::BoxClosed(Empty {}));
    assert!(post.hear_of(&[taken]).is_ok() && post.hear_of(&[closed]).is_ok());
    for seqs in [[closed, taken], [taken, taken], [closed, closed]] {
        assert_eq!(post.hear_of(&seqs), Err(lie(NotInTime::Form)));
    }
    // Nothing is told of a letter that waits no more.
    assert_eq!(post.hear_of(&[taken, closed]), Err(lie(NotInTime::Order)));
}

#[test]
fn v354_a_broker_that_logs_what_no_owner_signed_is_not_believed() {
    let mut post = post();
    let body = taken(&[2], true);
    let forged = post.signed(&SecretKey::from_seed(&[77; 32]), body);
    assert!(post.made.table.submit(&forged).is_err());
    // The broker has the keys of its log, and signs a head over it all the same.
    let seq = post.made.force(&forged);
    assert_eq!(post.hear_of(&[seq]), Err(lie(NotInTime::Author)));
}

#[test]
fn v354_what_was_told_is_told_again_and_what_was_denied_is_a_lie() {
    let mut letters = Letters::registered(Mode::Evidence, |_| {});
    let box_of = &mut letters.two;
    let [accepted, handed] = sign_for(box_of);
    let first = box_of.table.head();
    let then = box_of.timeline(2, &[accepted, handed]).entries;
    let closed = submit(box_of, 9 * SECOND, Body::BoxClosed(Empty {}));
    let hear = |told: Option<&[TimelineEntry]>, seqs: &[u64]| {
        let before = Before { head: &first, told };
        super::told(&letters.deposit, before, &answer(&letters.two, 2, 5, seqs))
    };
    // The same, and what came since.
    let all = [accepted, handed, closed];
    assert_eq!(hear(Some(&then), &all).unwrap().events().len(), 3);
    assert_eq!(hear(Some(&then), &all[..2]).unwrap().events().len(), 2);
    for seqs in [&[][..], &[closed]] {
        assert_eq!(hear(Some(&then), seqs), Err(ToldError::LeftOut { seq: accepted }));
    }
    // It stood there when nothing was told; what came right after that head is new.
    assert_eq!(hear(Some(&[]), &all), Err(ToldError::Denied { seq: accepted }));
    assert_eq!(hear(Some(&[]), &[closed]).unwrap().events().len(), 1);
    // The head of a receipt may be newer than what is told first.
    assert_eq!(hear(None, &all).unwrap().events().len(), 3);
}

/// The owner acts, or the broker; the position.
fn submit(made: &mut Mailbox, time: u64, body: Body) -> u64 {
    if matches!(body, Body::Handed(_) | Body::Lapsed(_)) {
        return made.table.broker(at(time), body).unwrap();
    }
    let action = made.acts(body);
    let stamped = made.table.tsa.stamp(action, at(time));
    made.table.submit(&stamped).unwrap()
}

/// The reader signs for the registered letter, and gets it.
fn sign_for(made: &mut Mailbox) -> [u64; 2] {
    let accepted = submit(made, 5 * SECOND, Body::Accepted(OneLetter { letter: 2 }));
    let half = halves().broker;
    [accepted, submit(made, 5 * SECOND, Body::Handed(HandedHalf { letter: 2, half }))]
}

#[test]
fn v361_of_a_registered_letter_it_is_told_what_its_reader_signed() {
    let hear = |letters: &Letters, seqs: &[u64]| {
        let before = met(&letters.deposit.head);
        super::told(&letters.deposit, before, &answer(&letters.two, 2, 3, seqs))
    };
    let one = OneLetter { letter: 2 };
    let mut letters = Letters::registered(Mode::Deniable, |_| {});
    let [accepted, handed] = sign_for(&mut letters.two);
    let silent = submit(&mut letters.two, 6 * SECOND, taken(&[2], false));
    let told = hear(&letters, &[accepted, handed]).unwrap();
    assert_eq!(happened(&told), [(Happened::Accepted, 3), (Happened::Handed, 4)]);
    let (_, verified) = told.happened.unwrap();
    assert_eq!(verified.half, Some(halves().broker));
    // One without the other, the half alone, and what is not to be told.
    assert_eq!(hear(&letters, &[accepted]), Err(lie(NotInTime::Pair)));
    assert_eq!(hear(&letters, &[handed]), Err(lie(NotInTime::Pair)));
    let untold = hear(&letters, &[accepted, handed, silent]);
    assert_eq!(untold, Err(ToldError::Untold { seq: silent }));
    for (body, time, what) in [
        (Body::Declined(one), 5 * SECOND, Happened::Declined),
        (Body::Lapsed(one), OVER, Happened::Lapsed),
        (Body::BoxClosed(Empty {}), 5 * SECOND, Happened::BoxClosed),
    ] {
        let mut letters = Letters::registered(Mode::Deniable, |_| {});
        let seq = submit(&mut letters.two, time, body);
        assert_eq!(happened(&hear(&letters, &[seq]).unwrap()), [(what, 3)]);
    }
}

#[test]
fn v361_nobody_is_told_that_a_letter_was_signed_for_which_was_not() {
    let one = OneLetter { letter: 2 };
    let hear = |letters: &Letters, seqs: &[u64]| {
        let before = met(&letters.deposit.head);
        super::told(&letters.deposit, before, &answer(&letters.two, 2, 3, seqs)).unwrap_err()
    };
    let force = |letters: &mut Letters, time, body: Body| {
        let action = letters.two.acts(body);
        let stamped = letters.two.table.tsa.stamp(action, at(time));
        letters.two.force(&stamped)
    };
    // Another half, too late, and of a letter that is not registered.
    let mut letters = Letters::registered(Mode::Evidence, |_| {});
    let accepted = force(&mut letters, 5 * SECOND, Body::Accepted(one));
    let half = crate::letter::Half::from_random([3; 32]);
    let stamped =
        letters.two.table.broker_at(at(5 * SECOND), Body::Handed(HandedHalf { letter: 2, half }));
    let handed = letters.two.force(&stamped);
    assert_eq!(hear(&letters, &[accepted, handed]), lie(NotInTime::Half));
    let mut letters = Letters::registered(Mode::Evidence, |_| {});
    let late = force(&mut letters, OVER, Body::Declined(one));
    assert_eq!(hear(&letters, &[late]), lie(NotInTime::Registered));
    let mut letters = Letters::new(Mode::Evidence, true);
    let plain = force(&mut letters, 5 * SECOND, Body::Declined(one));
    assert_eq!(hear(&letters, &[plain]), lie(NotInTime::Registered));
    // Shown without what its reader had seen, or with what another saw.
    let mut letters = Letters::registered(Mode::Evidence, |_| {});
    let declined = submit(&mut letters.two, 5 * SECOND, Body::Declined(one));
    let good = answer(&letters.two, 2, 3, &[declined]);
    let seen = |seen: Option<SeenPath>| {
        let mut answer = good.clone();
        answer.entries[0].seen = seen;
        super::told(&letters.deposit, met(&letters.deposit.head), &answer)
    };
    assert!(seen(good.entries[0].seen.clone()).is_ok());
    for bad in [None, Some(SeenPath(Vec::new())), Some(SeenPath(vec![Digest([1; 32])]))] {
        assert_eq!(seen(bad), Err(lie(NotInTime::Seen)));
    }
}

#[test]
fn an_entry_is_about_what_came_before_it() {
    let closed = Body::BoxClosed(Empty {});
    assert!(About::of(&closed).covers(4, 5));
    assert!(!About::of(&closed).covers(5, 5) && !About::of(&closed).covers(6, 5));
    let named = taken(&[5], true);
    assert!(About::of(&named).covers(5, 6) && !About::of(&named).covers(5, 5));
    assert!(!About::of(&named).covers(4, 6));
    assert_eq!(About::of(&taken(&[5], false)), About::Nothing);
    let one = OneLetter { letter: 5 };
    let half = halves().broker;
    for body in [
        Body::Accepted(one),
        Body::Declined(one),
        Body::Lapsed(one),
        Body::Handed(HandedHalf { letter: 5, half }),
    ] {
        let about = About::of(&body);
        assert!(about.covers(5, 6) && !about.covers(5, 5) && !about.covers(4, 6), "{body:?}");
    }
}

#[test]
fn v353_a_log_goes_on_by_few_hashes() {
    // What is told of a box of 2^20 entries has room for 21 (V-352).
    let tree = Tree::new((0..64_u8).map(|n| leaf_hash(&[n])).collect());
    let longest = |size| {
        (1..=size)
            .filter_map(|from| consistency_path(&tree, from, size))
            .map(|path| path.len())
            .max()
    };
    assert_eq!((longest(64), longest(63), longest(32)), (Some(7), Some(7), Some(6)));
    assert!((2..=64).all(|size: u64| longest(size) <= Some(7)));
}
