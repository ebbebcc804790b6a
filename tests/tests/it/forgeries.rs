//! Actions that are replayed, borrowed, badly signed or wrongly stamped.

use std::time::Duration;

use pregao_protocol::log::merkle::empty_root;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Body, Closed, Empty};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::value::codec::Digest;
use pregao_tests::house::{Options, Tsa};
use pregao_tests::peer::{SubmitAnswer, Terms, random};

use crate::{forge, guest, open, stamp_at};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_get_their_original_answer_again() {
    let house = open();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    ana.join(room).await.unwrap();
    let made = ana.make_bid(room, 100).unwrap();
    let stamp = ana.stamp(&made).await.unwrap();
    let first = ana.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
    ana.check_receipt(&made, &stamp, &first).unwrap();
    let low = ana.make_bid(room, 100).unwrap();
    let low_stamp = ana.stamp(&low).await.unwrap();
    let SubmitAnswer::Refused(_, refusal) =
        ana.submit(low.action.compact(), &low_stamp, &low.blind).await.unwrap()
    else {
        panic!("not refused")
    };
    ana.bid(room, 200).await.unwrap().1.logged().unwrap();

    // By its author with a later stamp, by a stranger, and with a wrong blind: always the same.
    let later = ana.stamp(&made).await.unwrap();
    let stranger = Blind::from_random(random());
    for (stamp_now, blind) in [(&stamp, &made.blind), (&later, &made.blind), (&stamp, &stranger)] {
        let again = ana.submit(made.action.compact(), stamp_now, blind).await.unwrap();
        assert_eq!(again.logged().unwrap(), 1);
        ana.check_receipt(&made, &stamp, &again).unwrap();
    }
    let again = seller.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
    seller.check_receipt(&made, &stamp, &again).unwrap();
    let SubmitAnswer::Refused(_, same) =
        ana.submit(low.action.compact(), &low_stamp, &low.blind).await.unwrap()
    else {
        panic!("not refused again")
    };
    assert_eq!(same, refusal, "byte for byte");
    let later = seller.stamp(&listing).await.unwrap();
    let again = seller.submit(listing.action.compact(), &later, &listing.blind).await.unwrap();
    assert_eq!(again.logged().unwrap(), 0, "a listing is not listed twice");
    assert_eq!(house.broker.metric("accepted").unwrap(), 3);
    assert_eq!(house.broker.metric("rooms").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_handed_in_many_times_at_once_opens_one_room() {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let made = seller.make_listing(&Terms::until(end)).unwrap();
    let stamp = seller.stamp(&made).await.unwrap();
    let mut asked = Vec::new();
    for _ in 0..8 {
        let (action, stamp, blind) =
            (made.action.compact().to_owned(), stamp.clone(), made.blind.clone());
        let frame = |n| pregao_protocol::wire::frame::FromPeer::Submit {
            n,
            action,
            stamp,
            blind,
            solution: None,
        };
        asked.push(seller.ask(frame).await.unwrap());
    }
    for n in asked {
        let answer = seller.answer(n).await.unwrap();
        let answer = seller.read_answer(answer).unwrap();
        seller.check_receipt(&made, &stamp, &answer).unwrap();
    }
    assert_eq!(house.broker.metric("rooms").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_counts_for_its_author_and_its_room_only() {
    let house = open();
    let (mut seller, mut ana, mut rui) =
        (guest(&house).await, guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let first = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let second = seller.list(&Terms::until(end)).await.unwrap().action.room();
    for peer in [&mut ana, &mut rui] {
        peer.join(first).await.unwrap();
        peer.join(second).await.unwrap();
    }
    // Another persona hands in Ana's bid, with her blind or with one of its own.
    let made = ana.make_bid(first, 100).unwrap();
    let stamp = ana.stamp(&made).await.unwrap();
    let own = Blind::from_random(random());
    for blind in [&made.blind, &own] {
        let answer = rui.submit(made.action.compact(), &stamp, blind).await.unwrap();
        assert_eq!(answer.code(), "blind.wrong");
    }
    let answer = ana.submit(made.action.compact(), &stamp, &own).await.unwrap();
    assert_eq!(answer.code(), "blind.wrong", "her own persona, another blind");

    // A bid on what was seen in one room does not hold in another.
    let elsewhere = ana.watched(second).unwrap().room().unwrap().ledger().head();
    let moved = ana.make_bid_in(first, 100, "EUR", elsewhere).unwrap();
    assert_eq!(ana.act(&moved).await.unwrap().code(), "seen.false");
    let head = ana.watched(first).unwrap().room().unwrap().ledger().head();
    let ahead = Seen { size: head.size + 1, root: head.root };
    let future = ana.make_bid_in(first, 100, "EUR", ahead).unwrap();
    assert_eq!(ana.act(&future).await.unwrap().code(), "seen.false");

    // A key serves once in a room.
    ana.submit(made.action.compact(), &stamp, &made.blind).await.unwrap().logged().unwrap();
    let key = OneTimeKey::derive(&ana.person.key, ana.pin, made.action.id(), &made.blind);
    let draft = pregao_protocol::room::action::Draft {
        id: made.action.id(),
        room: Some(first),
        body: ana.make_bid(first, 300).unwrap().action.body().clone(),
        seen: head,
    };
    let action = draft.sign(&key).unwrap();
    let stamp = ana.stamps(vec![action.digest()]).await.unwrap().remove(0);
    let answer = ana.submit(action.compact(), &stamp, &made.blind).await.unwrap();
    assert_eq!(answer.code(), "key.reused");

    // What only the broker may do.
    let closed = ana
        .make(Some(first), Body::Closed(Closed { refused: 0, root: empty_root() }), head)
        .unwrap();
    assert_eq!(ana.act(&closed).await.unwrap().code(), "parse");
    let withdraw = ana.make(Some(first), Body::Withdraw(Empty {}), head).unwrap();
    assert_eq!(ana.act(&withdraw).await.unwrap().code(), "verb.kind");
    assert_eq!(house.broker.metric("accepted").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signature_or_another_spelling_is_no_action() {
    let house = open();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    let made = ana.make_bid(room, 100).unwrap();
    let stamp = ana.stamp(&made).await.unwrap();
    let compact = made.action.compact();
    let last = compact.rfind('.').unwrap() + 1;
    for at in [0, compact.find('.').unwrap() + 5, last, last + 40, compact.len() - 3] {
        let mut bytes = compact.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let answer = ana.submit(&changed, &stamp, &made.blind).await.unwrap();
        assert_eq!(answer.code(), "parse", "changed at {at}");
    }
    for text in ["", ".", "..", "{}", &compact[..compact.len() - 1], &format!("{compact}=")] {
        let answer = ana.submit(text, &stamp, &made.blind).await.unwrap();
        assert_eq!(answer.code(), "parse", "{text}");
    }
    let say = r#""verb":"say","body":{"text":"hi"}"#;
    let seen = ana.watched(room).unwrap().room().unwrap().ledger().head();
    let seen = serde_json::to_string(&seen).unwrap();
    let nothing = serde_json::to_string(&Seen::nothing()).unwrap();
    let canonical = format!(r#"{{"id":"ID","room":"{room}",{say},"seen":{seen}}}"#);
    for (what, payload) in [
        ("white space", format!(r#"{{"id":"ID", "room":"{room}",{say},"seen":{seen}}}"#)),
        ("another order", format!(r#"{{"room":"{room}","id":"ID",{say},"seen":{seen}}}"#)),
        (
            "a member too many",
            format!(r#"{{"id":"ID","room":"{room}",{say},"seen":{seen},"x":1}}"#),
        ),
        ("no room", format!(r#"{{"id":"ID",{say},"seen":{seen}}}"#)),
        ("nothing seen", format!(r#"{{"id":"ID","room":"{room}",{say},"seen":{nothing}}}"#)),
        ("an escape", canonical.replace("hi", r"\u0068i")),
        ("an unknown verb", canonical.replace(r#""say""#, r#""shout""#)),
        ("another UUID", canonical.replace("\"ID\"", "\"00000000-0000-1000-8000-000000000000\"")),
    ] {
        let (action, blind) = forge(&ana.person, ana.pin, &payload);
        let stamp = ana.stamps(vec![Digest::of(action.as_bytes())]).await.unwrap().remove(0);
        let answer = ana.submit(&action, &stamp, &blind).await.unwrap();
        assert_eq!(answer.code(), "parse", "{what}");
    }
    let (action, blind) = forge(&ana.person, ana.pin, &canonical);
    let stamp = ana.stamps(vec![Digest::of(action.as_bytes())]).await.unwrap().remove(0);
    ana.submit(&action, &stamp, &blind).await.unwrap().logged().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_must_be_of_this_action_by_the_rooms_tsa() {
    let house = open();
    let folder = tempfile::tempdir().unwrap();
    let other = Tsa::start(folder.path(), &Options::default()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let simulated = Tsa::start(elsewhere.path(), &Options::default().simulated()).unwrap();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    let made = ana.make_bid(room, 100).unwrap();
    let good = ana.stamp(&made).await.unwrap();
    let code = async |ana: &mut pregao_tests::peer::Peer, stamp| {
        let answer = ana.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
        answer.code().to_owned()
    };
    let others = ana.stamps(vec![Digest([5; 32])]).await.unwrap().remove(0);
    assert_eq!(code(&mut ana, others).await, "stamp.other-digest");
    let unknown = stamp_at(&other.address.url, made.digest()).await;
    assert_eq!(code(&mut ana, unknown).await, "stamp.unknown-tsa");
    let pretended = stamp_at(&simulated.address.url, made.digest()).await;
    assert_eq!(code(&mut ana, pretended).await, "stamp.unknown-tsa");
    let mut moved = good.clone();
    moved.index += 1;
    assert_eq!(code(&mut ana, moved).await, "stamp.other-digest");
    let mut longer = good.clone();
    longer.path.push(Digest([0; 32]));
    assert_eq!(code(&mut ana, longer).await, "stamp.other-digest");
    let mut unsigned = good.clone();
    let last = unsigned.batch.rfind('.').unwrap() + 10;
    let changed = if unsigned.batch.as_bytes()[last] == b'A' { "B" } else { "A" };
    unsigned.batch.replace_range(last..=last, changed);
    assert_eq!(code(&mut ana, unsigned).await, "stamp.other-digest");
    assert_eq!(code(&mut ana, good).await, "receipt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_or_a_view_of_the_room_that_is_too_old_is_refused() {
    let house = open();
    let (mut seller, mut ana, mut rui) =
        (guest(&house).await, guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let terms = Terms { freshness: 1, ..Terms::until(end) };
    let room = seller.list(&terms).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    rui.join(room).await.unwrap();
    let [quiet, overtaken] = [100, 200].map(|amount| ana.make_bid(room, amount).unwrap());
    let digests = vec![quiet.digest(), overtaken.digest()];
    let stamps = ana.stamps(digests).await.unwrap();
    let stamped = ana.now().await.unwrap();
    let later = stamped.plus(Duration::from_secs(3));
    let passed = async |peer: &mut pregao_tests::peer::Peer, later| {
        let newest = |peer: &mut pregao_tests::peer::Peer| {
            peer.newest.as_ref().filter(|batch| batch.time() > later).map(|_| ())
        };
        peer.until(newest).await.unwrap();
    };
    passed(&mut ana, later).await;
    // Nothing newer is in the log: only the door's clock can tell.
    let answer = ana.submit(quiet.action.compact(), &stamps[0], &quiet.blind).await.unwrap();
    assert_eq!(answer.code(), "door.stale");
    // Something newer is in the log: now the log itself tells.
    rui.bid(room, 100).await.unwrap().1.logged().unwrap();
    let answer =
        ana.submit(overtaken.action.compact(), &stamps[1], &overtaken.blind).await.unwrap();
    assert_eq!(answer.code(), "stamp.stale");

    // Who has not seen an entry for longer than F may not act as if it were not there.
    let before = Seen {
        size: 1,
        root: pregao_protocol::log::merkle::leaf_hash(
            ana.watched(room).unwrap().entries[0].as_bytes(),
        ),
    };
    let now = ana.now().await.unwrap();
    passed(&mut ana, now.plus(Duration::from_secs(3))).await;
    let blindfold = ana.make_bid_in(room, 500, "EUR", before).unwrap();
    assert_eq!(ana.act(&blindfold).await.unwrap().code(), "seen.stale");
    assert_eq!(ana.bid(room, 500).await.unwrap().1.code(), "receipt");
}
