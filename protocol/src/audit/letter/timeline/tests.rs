//! What happened to a letter: the few ways in which it can, and the many in which it cannot.

use super::*;
use crate::audit::letter::fixture::{Post, by_hash, by_reader, by_sender, halves, mailbox};
use crate::audit::letter::{Content, NotShown, ShownDeposit, ShownLetter, VerifiedLetter};
use crate::letter::{Mode, RegisteredError, RegisteredLetter};
use crate::log::ReceiptError;
use crate::log::merkle::inclusion_path;
use crate::room::Code;
use crate::room::action::Draft;
use crate::room::body::{Empty, HandedHalf, OneLetter, Taken};
use crate::room::fixture::{SECOND, at};
use crate::trust::key::{DepositKey, SecretKey};
use Happened::{Accepted, BoxClosed as Closed, Declined, Handed, Lapsed, Taken as TakenOff};

/// Where the deposit is: behind the opening and the keys.
const SEQ: u64 = 2;
const DAYS: u64 = 24 * 3600 * SECOND;
/// When a registered letter lapses: it was stamped at three seconds.
const OVER: u64 = 15 * DAYS + 3 * SECOND;

fn one() -> OneLetter {
    OneLetter { letter: SEQ }
}

fn body(what: Happened) -> Body {
    let half = halves().broker;
    match what {
        TakenOff => Body::Taken(Taken { letters: vec![SEQ], told: false }),
        Accepted => Body::Accepted(one()),
        Handed => Body::Handed(HandedHalf { letter: SEQ, half }),
        Declined => Body::Declined(one()),
        Lapsed => Body::Lapsed(one()),
        Closed => Body::BoxClosed(Empty {}),
    }
}

fn plain() -> Post {
    Post::new(Mode::Evidence, true)
}

fn registered() -> Post {
    Post::registered(Mode::Evidence, |_| {})
}

impl Post {
    fn stamped(&mut self, time: u64, body: Body) -> crate::room::Stamped {
        if body.is_brokers() {
            return self.two.table.broker_at(at(time), body);
        }
        let action = self.two.acts(body);
        self.two.table.tsa.stamp(action, at(time))
    }

    /// By the rules of the box.
    fn does(&mut self, time: u64, what: Happened) -> u64 {
        let entry = self.stamped(time, body(what));
        self.two.table.submit(&entry).unwrap()
    }

    /// Against them.
    fn forces(&mut self, time: u64, body: Body) -> u64 {
        let entry = self.stamped(time, body);
        self.two.force(&entry)
    }

    fn with(&self, timeline: Timeline) -> ShownLetter {
        ShownLetter { timeline: Some(timeline), ..self.shown(by_reader(&self.sealed)) }
    }

    fn told(&self, entries: &[u64]) -> ShownLetter {
        self.with(self.two.timeline(SEQ, entries))
    }

    /// All that is behind the deposit.
    fn whole(&self) -> ShownLetter {
        self.told(&(SEQ + 1..self.two.table.log.len() as u64).collect::<Vec<_>>())
    }
}

fn why(shown: &ShownLetter) -> Option<NotInTime> {
    match shown.verify() {
        Ok(_) => None,
        Err(NotShown::Timeline(why)) => Some(why),
        Err(other) => panic!("{other}"),
    }
}

/// What is said of a letter to which these things happened, each a second after the other, whatever the rules say.
fn told(mut post: Post, all: &[Happened]) -> Option<NotInTime> {
    let mut time = 4 * SECOND;
    for what in all {
        time = if *what == Lapsed { OVER } else { time + SECOND };
        post.forces(time, body(*what));
    }
    why(&post.whole())
}

fn verified(shown: &ShownLetter) -> VerifiedLetter {
    let read = ShownLetter::parse(&shown.encode()).unwrap();
    assert_eq!(read.encode(), shown.encode());
    read.verify().unwrap()
}

#[test]
fn v340_whatever_can_happen_to_a_letter_is_shown_in_its_order() {
    let stories: [(bool, &[Happened]); 8] = [
        (false, &[TakenOff]),
        (false, &[Closed]),
        (true, &[Declined]),
        (true, &[Lapsed]),
        (true, &[Closed]),
        (true, &[Accepted, Handed]),
        (true, &[Accepted, Handed, TakenOff]),
        (true, &[Accepted, Handed, Closed]),
    ];
    for (is_registered, happens) in stories {
        let mut post = if is_registered { registered() } else { plain() };
        for (second, what) in (4_u64..).zip(happens) {
            post.does(if *what == Lapsed { OVER } else { second * SECOND }, *what);
        }
        let lapses = post.whole().verify().unwrap().lapses;
        assert_eq!(lapses, is_registered.then(|| at(OVER)));
        let all = (SEQ + 1..).take(happens.len()).collect::<Vec<_>>();
        let ways = [
            by_reader(&post.sealed),
            by_sender(&post.two, &post.sealed, true, 1),
            by_hash(&post.sealed),
        ];
        for way in ways {
            let shown = ShownLetter { shown: way, ..post.told(&all) };
            let timeline = verified(&shown).timeline.unwrap();
            let got: Vec<_> = timeline.events.iter().map(|event| event.happened).collect();
            assert_eq!(got, happens);
            let at: Vec<_> = timeline.events.iter().map(|event| event.shown.seq).collect();
            assert_eq!(at, all);
            assert_eq!(timeline.half.is_some(), happens.contains(&Handed));
            assert_eq!(timeline.deposit.1.size, 3 + happens.len() as u64);
        }
    }
}

#[test]
fn v340_a_pair_is_shown_without_what_came_later() {
    let mut post = registered();
    for (time, what) in [(4, Accepted), (5, Handed), (6, TakenOff)] {
        post.does(time * SECOND, what);
    }
    assert_eq!(why(&post.told(&[3, 4])), None);
    // What is left out in front or in the middle is missed.
    assert_eq!(why(&post.told(&[5])), Some(NotInTime::Registered));
    assert_eq!(why(&post.told(&[4, 5])), Some(NotInTime::Pair));
    assert_eq!(why(&post.told(&[3, 5])), Some(NotInTime::Pair));
    assert_eq!(why(&post.told(&[4])), Some(NotInTime::Pair));
    assert_eq!(why(&post.told(&[3])), Some(NotInTime::Pair));
}

#[test]
fn v340_entries_are_behind_the_deposit_and_in_order() {
    let mut post = registered();
    post.does(4 * SECOND, Accepted);
    post.does(5 * SECOND, Handed);
    for entries in
        [&[][..], &[3, 4, 3], &[3, 3], &[3, 4, 4], &[0], &[1, 3, 4], &[SEQ], &[SEQ, 3, 4]]
    {
        assert_eq!(why(&post.told(entries)), Some(NotInTime::Form), "{entries:?}");
    }
}

#[test]
fn v340_all_of_it_is_in_one_log_with_the_deposit() {
    let mut post = plain();
    post.does(4 * SECOND, TakenOff);
    let good = post.two.timeline(SEQ, &[3]);
    let with = |change: fn(&mut Timeline)| {
        let mut timeline = good.clone();
        change(&mut timeline);
        why(&post.with(timeline))
    };
    let not_in = |error: &VerifyErrorOf| {
        matches!(error, Some(verify::VerifyError::Receipt(ReceiptError::NotIncluded(_))))
    };
    let deposit = |error| match error {
        Some(NotInTime::Deposit(error)) => Some(error),
        _ => None,
    };
    let entry = |error| match error {
        Some(NotInTime::Entry(error)) => Some(error),
        _ => None,
    };
    assert!(not_in(&deposit(with(|timeline| timeline.path.clear()))));
    assert!(not_in(&deposit(with(|timeline| timeline.path[0].0[0] ^= 1))));
    assert!(not_in(&entry(with(|timeline| timeline.entries[0].path.clear()))));
    assert!(not_in(&entry(with(|timeline| timeline.entries[0].path[0].0[0] ^= 1))));
    let header = entry(with(|timeline| timeline.entries[0].header.push('A')));
    assert_eq!(header, Some(verify::VerifyError::Receipt(ReceiptError::OtherHeader)));
    let head = deposit(with(|timeline| timeline.head.push('A')));
    assert!(matches!(head, Some(verify::VerifyError::Receipt(ReceiptError::Head(_)))));
    // Another box of the same broker: its head is over another log.
    let head = mailbox(3).table.head();
    let other = deposit(why(&post.with(Timeline { head, ..good.clone() })));
    assert!(matches!(other, Some(verify::VerifyError::Receipt(ReceiptError::Head(_)))));
    // A log of this box in which something else was left at that position.
    let mut forked = plain();
    let other =
        Deposit { expires: Some(at(DAYS)), ..forked.two.deposit(&forked.sealed.envelope, true) };
    forked.two = mailbox(2);
    forked.deposit = forked.two.leave(other);
    forked.does(4 * SECOND, TakenOff);
    assert_eq!(why(&forked.whole()), None);
    let grafted = post.with(forked.two.timeline(SEQ, &[3]));
    assert!(not_in(&deposit(why(&grafted))));
}

type VerifyErrorOf = Option<verify::VerifyError>;

#[test]
fn v341_what_is_about_something_else_has_no_place_there() {
    let another = OneLetter { letter: SEQ - 1 };
    let (letter, half) = (SEQ + 1, halves().broker);
    for other in [
        Body::Taken(Taken { letters: vec![SEQ - 2, SEQ - 1], told: false }),
        Body::Accepted(another),
        Body::Declined(another),
        Body::Lapsed(another),
        Body::Handed(HandedHalf { letter, half }),
        Body::Keys(plain().two.stated()),
    ] {
        let mut post = registered();
        post.forces(OVER, other);
        assert_eq!(why(&post.whole()), Some(NotInTime::Other));
    }
    let mut post = plain();
    let deposit = Deposit { expires: Some(at(DAYS)), ..post.two.deposit(&[1; 4_028], false) };
    post.two.leave(deposit);
    assert_eq!(why(&post.whole()), Some(NotInTime::Other));
    // Among others it is meant, too.
    let mut post = plain();
    post.forces(4 * SECOND, Body::Taken(Taken { letters: vec![1, SEQ], told: false }));
    assert_eq!(why(&post.whole()), None);
}

#[test]
fn v342_the_owner_says_what_is_the_owners_to_say() {
    for what in [TakenOff, Accepted, Declined, Closed] {
        let mut post = registered();
        let seen = post.two.acts(body(what)).seen();
        let draft = Draft {
            id: crate::letter::fixture::id(3),
            room: Some(post.two.owner.name),
            body: body(what),
            seen,
        };
        let guest = SecretKey::<DepositKey>::from_seed(&[99; 32]);
        let action = draft.sign_as_guest(&guest).unwrap();
        let entry = post.two.table.tsa.stamp(action, at(4 * SECOND));
        post.two.force(&entry);
        assert_eq!(why(&post.whole()), Some(NotInTime::Author), "{what:?}");
    }
    // The broker does not say it either, nor the owner what is the broker's.
    let by_wrong = |what: Happened| {
        let mut post = registered();
        let (room, seen) = (Some(post.two.owner.name), post.two.acts(body(what)).seen());
        let draft = Draft { id: crate::letter::fixture::id(3), room, body: body(what), seen };
        let action = if what.is_owners() {
            draft.sign_as_broker(&crate::room::fixture::entry_key()).unwrap()
        } else {
            draft.sign_as_owner(&post.two.owner.key).unwrap()
        };
        let entry = post.two.table.tsa.stamp(action, at(4 * SECOND));
        post.two.force(&entry);
        why(&post.whole())
    };
    for what in [TakenOff, Accepted, Declined, Closed, Handed, Lapsed] {
        let refused = by_wrong(what);
        let code = |error: &NotInTime| match error {
            NotInTime::Entry(verify::VerifyError::Rule { code, .. }) => Some(*code),
            _ => None,
        };
        assert_eq!(refused.as_ref().and_then(code), Some(Code::VerbAuthor), "{what:?}");
    }
}

#[test]
fn v343_the_owner_had_seen_this_deposit_at_its_position() {
    let mut post = registered();
    post.does(4 * SECOND, Accepted);
    post.does(5 * SECOND, Handed);
    post.does(6 * SECOND, TakenOff);
    let good = post.two.timeline(SEQ, &[3, 4, 5]);
    assert_eq!(why(&post.with(good.clone())), None);
    let with = |at: usize, seen: Option<Vec<Digest>>| {
        let mut timeline = good.clone();
        timeline.entries[at].seen = seen.map(SeenPath);
        why(&post.with(timeline))
    };
    let path = |at: usize| good.entries[at].seen.clone().unwrap().0;
    for at in [0, 2] {
        assert_eq!(with(at, None), Some(NotInTime::Seen));
        assert_eq!(with(at, Some(Vec::new())), Some(NotInTime::Seen));
        let mut longer = path(at);
        longer.push(Digest([0; 32]));
        assert_eq!(with(at, Some(longer)), Some(NotInTime::Seen));
        let mut other = path(at);
        other[0].0[0] ^= 1;
        assert_eq!(with(at, Some(other)), Some(NotInTime::Seen));
    }
    // The broker names what it has in its own log.
    assert_eq!(with(1, Some(path(0))), Some(NotInTime::Seen));
    let mut closed = plain();
    closed.does(4 * SECOND, Closed);
    let mut timeline = closed.two.timeline(SEQ, &[3]);
    timeline.entries[0].seen = Some(SeenPath(path(0)));
    assert_eq!(why(&closed.with(timeline)), Some(NotInTime::Seen));
}

#[test]
fn v343_what_an_owner_signed_about_another_letter_at_that_position_is_not_about_this() {
    // In the honest log the owner takes another letter at the same position; a liar puts that into a log with this one.
    let mut honest = plain();
    honest.two = mailbox(2);
    let envelope = honest.sealed.envelope.clone();
    let other = Deposit { expires: Some(at(DAYS)), ..honest.two.deposit(&envelope, true) };
    honest.two.leave(other);
    let signed = honest.stamped(4 * SECOND, body(TakenOff));
    let mut post = plain();
    post.two.force(&signed);
    let mut timeline = post.two.timeline(SEQ, &[3]);
    assert_eq!(why(&post.with(timeline.clone())), Some(NotInTime::Seen));
    // The path that the owner's log has leads from the other deposit.
    let path = inclusion_path(&honest.two.table.tree(), SEQ, 3).unwrap();
    timeline.entries[0].seen = Some(SeenPath(path));
    assert_eq!(why(&post.with(timeline)), Some(NotInTime::Seen));
    // One who had not seen as far as the deposit named nothing (V-360), whatever is shown with it.
    let mut post = plain();
    let before = Seen { size: 2, root: post.two.table.tree().root() };
    let draft = Draft {
        id: crate::letter::fixture::id(3),
        room: Some(post.two.owner.name),
        body: body(TakenOff),
        seen: before,
    };
    let action = draft.sign_as_owner(&post.two.owner.key).unwrap();
    let entry = post.two.table.tsa.stamp(action, at(4 * SECOND));
    post.two.force(&entry);
    for path in [None, Some(Vec::new()), Some(vec![Digest([1; 32])])] {
        let mut timeline = post.two.timeline(SEQ, &[3]);
        timeline.entries[0].seen = path.map(SeenPath);
        let unseen = verify::VerifyError::Rule { seq: 3, code: Code::TakenLetter };
        assert_eq!(why(&post.with(timeline)), Some(NotInTime::Entry(unseen)));
    }
}

#[test]
fn v344_acceptance_and_half_stand_together() {
    for story in [
        &[Accepted][..],
        &[Handed],
        &[Accepted, Accepted, Handed],
        &[Accepted, TakenOff],
        &[Accepted, Declined],
        &[Accepted, Lapsed],
        &[Accepted, Closed],
        &[Accepted, Handed, Handed],
        &[Accepted, Handed, TakenOff, Handed],
        &[Declined, Handed],
    ] {
        assert_eq!(told(registered(), story), Some(NotInTime::Pair), "{story:?}");
    }
    // Nothing is between, whatever it is about.
    let mut post = registered();
    post.forces(4 * SECOND, body(Accepted));
    post.forces(5 * SECOND, Body::Keys(post.two.stated()));
    post.forces(6 * SECOND, body(Handed));
    assert_eq!(why(&post.told(&[3, 5])), Some(NotInTime::Pair));
}

#[test]
fn v345_the_half_is_the_one_that_the_deposit_commits_to() {
    for half in [halves().sender, Half::from_random([8; 32])] {
        let mut post = registered();
        post.forces(4 * SECOND, body(Accepted));
        post.forces(5 * SECOND, Body::Handed(HandedHalf { letter: SEQ, half }));
        assert_eq!(why(&post.whole()), Some(NotInTime::Half));
    }
}

#[test]
fn v346_registered_letters_are_decided_about_and_no_others() {
    for what in [Accepted, Declined, Lapsed] {
        assert_eq!(told(plain(), &[what]), Some(NotInTime::Registered), "{what:?}");
    }
    assert_eq!(told(plain(), &[Accepted, Handed]), Some(NotInTime::Registered));
    // Until then none is taken.
    assert_eq!(told(registered(), &[TakenOff]), Some(NotInTime::Registered));
}

#[test]
fn v346_a_registered_letter_is_decided_about_until_its_time_is_over_and_lapses_then() {
    let at_time = |what: Happened, time: u64| {
        let mut post = registered();
        post.forces(time, body(what));
        if what == Accepted {
            post.forces(time, body(Handed));
        }
        why(&post.whole())
    };
    for what in [Accepted, Declined] {
        assert_eq!(at_time(what, OVER - 1), None);
        assert_eq!(at_time(what, OVER), Some(NotInTime::Registered));
        assert_eq!(at_time(what, OVER + 1), Some(NotInTime::Registered));
    }
    assert_eq!(at_time(Lapsed, OVER - 1), Some(NotInTime::Registered));
    assert_eq!(at_time(Lapsed, OVER), None);
}

#[test]
fn v347_nothing_happens_to_a_letter_that_waits_no_more() {
    for story in [
        &[Declined, TakenOff][..],
        &[Declined, Declined],
        &[Declined, Accepted],
        &[Declined, Lapsed],
        &[Declined, Closed],
        &[Lapsed, TakenOff],
        &[Accepted, Handed, TakenOff, TakenOff],
        &[Accepted, Handed, TakenOff, Closed],
        &[Accepted, Handed, Closed, TakenOff],
        &[Accepted, Handed, Accepted],
        &[Accepted, Handed, Declined],
        &[Accepted, Handed, Lapsed],
        &[Closed, Declined],
        &[Closed, Closed],
    ] {
        assert_eq!(told(registered(), story), Some(NotInTime::Order), "{story:?}");
    }
    for story in [&[TakenOff, TakenOff][..], &[TakenOff, Closed], &[Closed, TakenOff]] {
        assert_eq!(told(plain(), story), Some(NotInTime::Order), "{story:?}");
    }
}

#[test]
fn v348_no_stamp_is_older_than_the_log_allows() {
    // The box is closed by what was stamped before the letter came, and arrives behind it.
    let closed_at = |micros: u64| {
        let mut post = plain();
        let early = post.two.acts(body(Closed));
        let stamp = post.two.table.tsa.stamp(early, at(micros));
        let mut late = plain();
        late.two = post.two;
        late.two.table.log.truncate(2);
        late.two.table.headers.truncate(2);
        let deposit = late.stamped_deposit(14 * SECOND);
        late.two.force(&deposit);
        late.deposit = late.two.table.receipt(SEQ);
        late.two.force(&stamp);
        why(&late.whole())
    };
    assert_eq!(closed_at(4 * SECOND), None);
    assert_eq!(closed_at(4 * SECOND - 1), Some(NotInTime::Stale));
    // The newest counts, not the last.
    let mut post = registered();
    let closing = post.stamped(4 * SECOND, body(Closed));
    post.forces(6 * SECOND, body(Accepted));
    post.forces(14 * SECOND + 1, body(Handed));
    post.two.force(&closing);
    assert_eq!(why(&post.whole()), Some(NotInTime::Stale));
}

impl Post {
    fn stamped_deposit(&mut self, time: u64) -> crate::room::Stamped {
        let deposit = self.two.deposit(&self.sealed.envelope, true);
        let draft = Draft {
            id: crate::letter::fixture::id(3),
            room: Some(self.two.owner.name),
            body: Body::Deposit(deposit),
            seen: Seen { size: 1, root: leaf_hash(self.two.table.log[0].as_bytes()) },
        };
        let key = SecretKey::<DepositKey>::from_seed(&[98; 32]);
        self.two.table.tsa.stamp(draft.sign_as_guest(&key).unwrap(), at(time))
    }
}

#[test]
fn v338_what_is_within_is_read_with_the_half_that_was_handed_over() {
    let handed = |mut post: Post| {
        post.does(4 * SECOND, Accepted);
        post.does(5 * SECOND, Handed);
        post
    };
    let post = handed(registered());
    let within = verified(&post.whole()).within().unwrap().unwrap();
    assert_eq!(within.text.as_str(), "It runs.\nCome and hear it.");
    // Not before, and not if the text is kept back.
    assert!(verified(&post.shown(by_reader(&post.sealed))).within().is_none());
    let kept_back = ShownLetter { shown: by_hash(&post.sealed), ..post.whole() };
    assert!(verified(&kept_back).within().is_none());
    let mut letter = plain();
    letter.does(4 * SECOND, TakenOff);
    assert!(verified(&letter.whole()).within().is_none());
    // Junk is that of its sender, who signed it; so is a half that is another letter's, accepted or not.
    let junk = handed(Post::registered(Mode::Evidence, |letter| letter.sealed[0] ^= 1));
    assert_eq!(verified(&junk.whole()).within(), Some(Err(RegisteredError::Junk)));
    let other = |letter: &mut RegisteredLetter| letter.commitment.0[0] ^= 1;
    let other = Post::registered(Mode::Evidence, other);
    let before = other.shown(by_reader(&other.sealed));
    assert_eq!(verified(&before).within(), Some(Err(RegisteredError::Deposit)));
    assert_eq!(verified(&handed(other).whole()).within(), Some(Err(RegisteredError::Deposit)));
}

#[test]
fn v349_of_a_deniable_letter_the_log_alone_is_shown() {
    let mut post = Post::registered(Mode::Deniable, |_| {});
    post.does(4 * SECOND, Accepted);
    post.does(5 * SECOND, Handed);
    assert_eq!(post.whole().verify().err(), Some(NotShown::Deniable));
    let (deposit, timeline) = (post.deposit.clone(), post.two.timeline(SEQ, &[3, 4]));
    let shown = ShownDeposit { deposit, timeline };
    let text = shown.encode();
    let read = ShownDeposit::parse(&format!("{text}\n")).unwrap();
    assert_eq!(read.encode(), text);
    let verified = read.verify().unwrap();
    assert_eq!(verified.to.keys, post.two.owner.keys());
    assert_eq!((verified.receipt.seq, verified.lapses), (SEQ, Some(at(OVER))));
    let happened: Vec<_> = verified.timeline.events.iter().map(|event| event.happened).collect();
    assert_eq!(happened, [Accepted, Handed]);
    assert_eq!(verified.receipts(&read).len(), 4);
    // Nothing of its author or its text is in there.
    let content = String::from_utf8(post.sealed.content.to_vec()).unwrap();
    let (Content::Registered(letter), _) = Content::parse(content.as_bytes()).unwrap() else {
        panic!("registered")
    };
    assert!(!text.contains(&post.one.opening) && !text.contains(&letter.id.to_string()));
    // What a letter is refused for, it is refused for.
    let with = |change: fn(&mut ShownDeposit)| {
        let mut other = shown.clone();
        change(&mut other);
        other.verify().err()
    };
    assert_eq!(
        with(|shown| shown.timeline.entries.clear()),
        Some(NotShown::Timeline(NotInTime::Form))
    );
    let pair = Some(NotShown::Timeline(NotInTime::Pair));
    assert_eq!(with(|shown| _ = shown.timeline.entries.pop()), pair);
    assert!(matches!(with(|shown| shown.deposit.path.clear()), Some(NotShown::Receipt(_))));
    let keys = ShownDeposit { deposit: post.two.table.receipt(1), ..shown.clone() };
    assert_eq!(keys.verify().err(), Some(NotShown::NotADeposit));
}

#[test]
fn v349_a_deposit_shown_has_one_spelling_and_most_bytes() {
    let mut post = plain();
    post.does(4 * SECOND, TakenOff);
    let shown =
        ShownDeposit { deposit: post.deposit.clone(), timeline: post.two.timeline(SEQ, &[3]) };
    let text = shown.encode();
    for at in (0..text.len()).step_by(97).chain([text.len() - 1]) {
        assert!(ShownDeposit::parse(&text[..at]).is_err(), "cut at {at}");
    }
    for (from, to) in [
        ("{\"deposit\":", "{\"deposit\": "),
        ("{\"deposit\":", "{\"letter\":"),
        ("\"timeline\":", "\"more\":1,\"timeline\":"),
        ("\"path\":\"", "\"path\":\"A"),
        ("\"seen\":\"", "\"seen\":null,\"more\":\""),
        (",\"seen\":\"", ",\"seen\":\"A"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        assert!(ShownDeposit::parse(&other).is_err(), "{to}");
    }
    assert!(ShownDeposit::parse(&format!("{text}\n\n")).is_err());
    assert!(ShownDeposit::parse(&post.whole().encode()).is_err());
    assert!(ShownLetter::parse(&text).is_err());
    let with = |bytes: usize| {
        let mut other = shown.clone();
        let entry = other.timeline.receipts(&other.deposit)[1].encode().len();
        let spare = label::MAX_RECEIPT - entry + bytes;
        other.timeline.entries[0].header.push_str(&"A".repeat(spare));
        ShownDeposit::parse(&other.encode()).is_ok()
    };
    assert!(with(0) && !with(1));
    let filled = |bytes: usize| {
        let mut other = shown.clone();
        let entry = other.timeline.entries[0].clone();
        while other.encode().len() + 60_000 < label::MAX_SHOWN {
            let mut entry = entry.clone();
            entry.header = "A".repeat(50_000);
            other.timeline.entries.push(entry);
        }
        let spare = label::MAX_SHOWN - other.encode().len() + bytes;
        let padded = spare / 2;
        other.timeline.entries[0].header.push_str(&"A".repeat(padded));
        other.timeline.entries[1].header.push_str(&"A".repeat(spare - padded));
        other.encode().len() == label::MAX_SHOWN + bytes
            && ShownDeposit::parse(&other.encode()).is_ok()
    };
    assert!(filled(0) && !filled(1));
}

#[test]
fn v349_the_files_are_the_bytes_of_the_vectors() {
    let after = |mode: Mode, happens: &[Happened]| {
        let mut post = Post::registered(mode, |_| {});
        for (second, what) in (4_u64..).zip(happens) {
            post.does(if *what == Lapsed { OVER } else { second * SECOND }, *what);
        }
        post
    };
    let handed = after(Mode::Evidence, &[Accepted, Handed, TakenOff]);
    let by = by_sender(&handed.two, &handed.sealed, true, 1);
    let deniable = after(Mode::Deniable, &[Accepted, Handed]);
    let timeline = deniable.two.timeline(SEQ, &[3, 4]);
    let lines = [
        ShownLetter { shown: by, ..handed.whole() }.encode(),
        after(Mode::Evidence, &[Declined]).whole().encode(),
        after(Mode::Evidence, &[Lapsed]).whole().encode(),
        ShownDeposit { deposit: deniable.deposit, timeline }.encode(),
    ];
    let file = lines.join("\n") + "\n";
    let vectors = include_str!("../../../../vectors/timelines.jsonl");
    assert!(file == vectors, "as they are now:\n{file}");
}

#[test]
fn v340_a_timeline_is_made_of_the_log_as_it_is_read() {
    use crate::audit::letter::Telling;
    use crate::room::Replay;
    let read = |post: &Post| {
        let (mut replay, mut telling) = (Replay::new(), Telling::of(SEQ));
        for line in post.two.table.lines() {
            replay.line(&line).unwrap().iter().for_each(|stamped| telling.note(stamped));
        }
        telling.finish(&post.two.opening, &post.two.table.head())
    };
    let mut post = registered();
    let mut telling = Telling::of(SEQ);
    let roots = [0, 1, 3, 4].map(|size| telling.root_at(size));
    assert_eq!(roots[0].map(|_| roots[1..].iter().flatten().count()), Some(0));
    let mut replay = Replay::new();
    for line in post.two.table.lines() {
        replay.line(&line).unwrap().iter().for_each(|stamped| telling.note(stamped));
    }
    let seen = post.two.table.room.ledger().head();
    assert_eq!(telling.root_at(seen.size), Some(seen.root));
    assert_eq!(telling.root_at(1), Some(leaf_hash(post.two.table.log[0].as_bytes())));
    assert_eq!(telling.root_at(seen.size + 1), None);
    let (deposit, timeline) = read(&post).unwrap();
    assert_eq!(deposit, post.two.table.receipt(SEQ));
    assert_eq!(timeline, None);
    post.does(4 * SECOND, Accepted);
    post.does(4 * SECOND, Handed);
    // What is about others, and what comes when it waits no more, is not told.
    let other = post.two.deposit(&[1; 4_028], false);
    post.two.leave(other);
    post.does(6 * SECOND, TakenOff);
    let taken = post.stamped(7 * SECOND, Body::Taken(Taken { letters: vec![5], told: false }));
    post.two.table.submit(&taken).unwrap();
    post.does(8 * SECOND, Closed);
    let (deposit, timeline) = read(&post).unwrap();
    let timeline = timeline.unwrap();
    assert_eq!(timeline, post.two.timeline(SEQ, &[3, 4, 6]));
    let shown = ShownLetter { deposit, ..post.with(timeline) };
    assert_eq!(why(&shown), None);
    assert!(Telling::of(9).finish(&post.two.opening, &post.two.table.head()).is_none());
}
